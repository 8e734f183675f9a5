"""Sums, extrema and expectations over sets, and the conditions of sums and cases."""

import itertools
import operator
from collections.abc import Iterator
from functools import reduce

import numpy as np

from maths import algebra
from maths.algebra import normal, shape
from maths.symbols import Symbols
from maths.tree import Node

COMPARE = {
    "=": operator.eq, "≠": operator.ne, "≤": operator.le, "≥": operator.ge,
    "<": operator.lt, ">": operator.gt,
}  # fmt: skip
KINDS = {"R": "biuf", "C": "biufc", "Z": "biu", "N": "biu"}  # of numpy's numbers in ℝ, ℂ, ℤ, ℕ
REGIONS = ("space", "set", "interval", "numbers")
DOT = Node("name", "cdot")  # stands for a whole distribution
BEST = {"max": max, "min": min, "argmax": max, "argmin": min}


class Sets(Symbols):
    """Computes what runs over sets."""

    def law(self, node: Node, names: tuple[str, ...]):
        """Return the probability of the outcome with these names, under `p(· | x)` or a distribution `p`."""
        drawn = [Node("name", name) for name in names]
        if node.kind != "apply":
            return self.entry(Node("index", None, (node, *drawn), node.tex))
        if node.parts.count(DOT) != 1:
            raise TypeError(f"the distribution {node.tex} needs exactly one dot among its arguments")
        parts = (new for part in node.parts for new in (drawn if part == DOT else [part]))
        return self(Node("apply", None, tuple(parts), node.tex))

    def divergence(self, p: Node, q: Node):
        """Return the Kullback–Leibler divergence over the set named `cdot`."""
        places = [self.bound({"cdot": value}) for value in self.domain("cdot")]
        pairs = [(at.law(p, ("cdot",)), at.law(q, ("cdot",))) for at in places]
        return sum(a * self.functions["log"](a / b) for a, b in pairs if a != 0)

    def of_expectation(self, node):
        law, body = node.parts
        if not node.value:
            raise TypeError(r"an expectation needs its variables: \E_{y \sim p}")
        outcomes = itertools.product(*map(self.domain, node.value))
        places = [self.bound(dict(zip(node.value, outcome))) for outcome in outcomes]
        return algebra.total([algebra.multiply(at.law(law, node.value), at(body)) for at in places])

    def domain(self, name: str):
        """Return the members of a set, or the values over which a bound variable runs."""
        if name not in self.sets:
            raise LookupError(f"the bound variable or set {name!r} has no set: give it in sets=")
        return self.sets[name]

    def of_big(self, node):
        """Return a sum, product or extremum over the outcomes that meet the conditions."""
        if node.value != "sum":
            self.refuse_factor(node)
        body, *conditions = node.parts
        outcomes = [{}]
        for condition in conditions:
            outcomes = [b | more for b in outcomes for more in self.bound(b).outcomes(condition)]
        if {} in outcomes:
            raise LookupError(f"{node.tex}: no variable is left to run, as all of them have values")
        values = [self.bound(outcome)(body) for outcome in outcomes]
        if node.value in ("sum", "prod"):
            return algebra.total(values) if node.value == "sum" else reduce(algebra.multiply, values, 1)
        best = BEST[node.value](values)
        if node.value in ("max", "min"):
            return best
        found = [tuple(outcome.values()) for outcome, value in zip(outcomes, values) if value == best]
        if len(found) > 1:
            raise ValueError(f"{node.tex} is not unique: {found}")
        return found[0][0] if len(found[0]) == 1 else found[0]

    def outcomes(self, condition: Node) -> Iterator[dict]:
        """Yield the values of the variables that a condition binds: those that have none yet."""
        if condition.kind == "range":
            yield from ({condition.value: value} for value in self.whole_numbers(condition))
        elif condition.kind != "relation":
            yield from ({condition.plain: value} for value in self.domain(condition.plain))
        elif condition.value == ("∈",) and condition.parts[1].plain:
            names = condition.parts[0].names
            for member in self.domain(condition.parts[1].plain):
                yield dict(zip(names, member if len(names) > 1 else (member,), strict=True))
        else:
            names = {node.value for node in condition.walk() if node.kind == "name"} - self.scope.keys()
            names = sorted(names & self.sets.keys())
            for outcome in itertools.product(*map(self.domain, names)):
                found = dict(zip(names, outcome))
                if self.bound(found).true(condition):
                    yield found

    def whole_numbers(self, node: Node) -> range:
        """Return the whole numbers from one to another."""
        first, last = map(self, node.parts)
        if first != int(first) or last != int(last):
            raise ValueError(f"a sum from {first} to {last} needs whole numbers")
        return range(int(first), int(last) + 1)

    def sides(self, node: Node) -> tuple[tuple, list]:
        """Return the signs and the values of a statement, without the regions that it names."""
        for sign, part, region in zip(node.value, node.parts, node.parts[1:]):
            known = region.kind in REGIONS or region.plain in self.sets
            if sign in "∈∉" and known and self.contains(region, value := self(part)) is (sign == "∉"):
                raise ValueError(f"{shape(value)} does not fit {node.tex}")
        signs = tuple(sign for sign in node.value if sign not in "∈∉")
        parts = [part for sign, part in zip(("=", *node.value), node.parts) if sign not in "∈∉"]
        return signs, [normal(self(part)) for part in parts] if signs else []

    def true(self, node: Node) -> bool:
        """Tell whether a condition holds."""
        return all(
            bool(COMPARE[sign](self(left), self(right))) if sign in COMPARE
            else self.contains(right, self(left)) is (sign == "∈")
            for sign, left, right in zip(node.value, node.parts, node.parts[1:])
        )  # fmt: skip

    def contains(self, region: Node, value) -> bool:
        """Tell whether a value lies in a space, a set or an interval."""
        if region.kind not in REGIONS:
            return value in self.domain(region.plain)
        if region.kind == "numbers":
            return value in self.whole_numbers(region)
        parts = list(map(self, region.parts))
        if region.kind == "set":
            return value in parts
        if region.kind == "interval":
            low, high = parts
            ends = [end for end, bracket, closed in zip(parts, region.value, "[]") if bracket == closed]
            return low < value < high or value in ends
        found = np.asarray(value)
        fits = found.shape == np.shape(normal(np.empty(parts))) and not callable(value)
        whole = found.dtype.kind in KINDS[region.value] and (region.value != "N" or bool((found >= 0).all()))
        return fits and whole

    def of_indicator(self, node):
        return int(all(map(self.true, node.parts)))

    def of_cases(self, node):
        """Return the value whose condition holds; where two hold at once, their values must agree."""
        branches = list(zip(node.parts[::2], node.parts[1::2]))
        stated = [value for value, given in branches if given.kind != "otherwise" and self.true(given)]
        found = [self(v) for v in stated or [value for value, given in branches if given.kind == "otherwise"]]
        if not found:
            raise ValueError("none of the conditions of its cases holds")
        if any(not np.allclose(value, found[0], 1e-9, 1e-12) for value in found[1:]):
            raise TypeError("the conditions of its cases overlap, and their values differ")
        return found[0]
