"""Compute the value of a parsed equation's sides, in numbers or in SymPy expressions."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np

from maths import algebra, functions
from maths.algebra import is_array, is_scalar, normal, shape
from maths.tree import Node

COMPARE = {
    "=": lambda a, b: a == b, "≠": lambda a, b: a != b, "≤": lambda a, b: a <= b, "≥": lambda a, b: a >= b,
    "<": lambda a, b: a < b, ">": lambda a, b: a > b,
}  # fmt: skip
MEMBER = ("∈", "∉")
BEST = {"max": max, "min": min, "argmax": max, "argmin": min}
products: set[Node] = set()  # those of arrays that were computed; their order matters
DECLARED = {"⊗": "otimes", "⊕": "oplus", "∘": "circ", "∗": "ast"}


@dataclass
class Evaluator:
    """Computes the value of an expression tree in a scope of named values.

    `sets` gives bound variables, and named sets, their members; `upper` names the symbols whose upper
    index is an index; with `conjugate`, z^* and \\bar z that are not in the scope are complex conjugates.
    """

    scope: dict
    sets: dict | None = None
    upper: str = ""
    conjugate: bool = False

    def __post_init__(self):
        self.sets, self.layered = self.sets or {}, self.upper.split()

    @property
    def built_in(self) -> dict:
        return functions.NUMERIC

    def __call__(self, node: Node):
        return getattr(self, "of_" + node.kind)(node)

    def bound(self, values: dict) -> "Evaluator":
        """Return the evaluator with more variables bound."""
        return type(self)(self.scope | values, self.sets, self.upper, self.conjugate)

    # Symbols

    def of_number(self, node):
        return float(node.value) if "." in node.value else int(node.value)

    def of_constant(self, node):
        return self.built_in["exp"](1) if node.value == "e" else 1j

    def of_name(self, node):
        return normal(self.given(node))

    def given(self, node: Node):
        """Return what the check gives for a symbol, or the conjugate of what it gives."""
        name = node.plain
        if name in self.scope:
            return self.scope[name]
        base, _, mark = name.rpartition("_")
        if self.conjugate and mark in ("star", "bar") and base in self.scope:
            if np.ndim(self.scope[base]) == 2:
                raise TypeError(
                    r"is it the conjugate or the adjoint of a matrix? Write \dagger for the adjoint"
                )
            return algebra.conjugate(normal(self.scope[base]))
        remedy = r": write \mathrm{e} or \exp for Euler's number" if name == "e" else ""
        raise LookupError(f"the symbol {name!r} has no value{remedy}")

    def of_index(self, node):
        """Return what the check gives for a symbol with its index, or an entry of what it gives without."""
        if node.plain in self.scope:
            return self.of_name(node)
        return self.entry(node)

    def entry(self, node: Node, family=None):
        """Return an entry of an array, which counts from 1, of a dict by key, or a value of a function."""
        base, *places = node.parts
        symbol = base.kind in ("name", "index") and base.root
        if family is None:
            if symbol and base.plain not in self.scope and base.root not in self.scope and not self.conjugate:
                raise LookupError(f"the symbol {node.plain or node.tex!r} has no value")
            family = self.given(base) if base.kind == "name" else self(base)
        places = [part for place in places for part in (place.parts if place.kind == "letters" else (place,))]
        if any(place.kind == "word" for place in places) or is_scalar(family):
            raise LookupError(f"the symbol {node.plain or node.tex!r} has no value")
        if callable(family):
            return family(*map(self, places))
        if isinstance(family, dict):
            key = tuple(map(self, places))
            if (key := key if len(key) > 1 else key[0]) not in family:
                raise LookupError(f"{node.plain or node.tex}: {key!r} is none of the keys {list(family)!r}")
            return normal(family[key])
        table = np.asarray(family.tolist() if getattr(family, "is_Matrix", False) else family)
        if len(places) > table.ndim:
            raise LookupError(f"{node.tex}: {len(places)} indices for an array of shape {shape(table)}")
        return normal(table[tuple(self.place(p, n, node) for p, n in zip(places, table.shape))])

    def place(self, place: Node, size: int, node: Node):
        """Return an index as Python counts it, from 0; a part, such as <t, as a slice."""
        if place.kind != "part":
            return self.whole(place, node, 1, size) - 1
        first, last = 1, self.whole(place.parts[-1], node, 0, size + 1)
        if place.value == "to":
            first = self.whole(place.parts[0], node, 1, size + 1)
        elif place.value in ("gt", "ge"):
            first, last = last + (place.value == "gt"), size
        return slice(first - 1, last - (place.value == "lt"))

    def whole(self, place: Node, node: Node, least: int, most: int) -> int:
        """Return the value of an index, which must lie between `least` and `most`."""
        value = self(place)
        if not is_scalar(value) or value != int(value) or not least <= value <= most:
            raise LookupError(f"{node.tex}: the index {value!r} is none of {least}, …, {most}")
        return int(value)

    # Arithmetic

    def of_add(self, node):
        return reduce(algebra.add, map(self, node.parts))

    def of_negate(self, node):
        return -self(node.parts[0])

    def of_multiply(self, node):
        a, b = map(self, node.parts)
        if is_array(a) and is_array(b):
            products.add(node)
        if callable(a) and node.value == "∘" and callable(b):
            return lambda *given: a(normal(b(*given)))
        if callable(a) and node.parts[0].value == "∘" and not node.value:
            return normal(a(b))
        if node.value not in DECLARED:
            return algebra.multiply(a, b, node.value)
        name = DECLARED[node.value]
        if name not in self.scope:
            raise LookupError(f"which product is {node.value}? Give it to the check, as in {name}=np.kron")
        return normal(self.scope[name](a, b))

    def of_divide(self, node):
        return algebra.divide(*map(self, node.parts))

    def of_power(self, node):
        base, exponent = node.parts
        if node.plain in self.scope or base.root in self.layered:
            return self.above(node)
        if node.value == "index":
            raise LookupError(
                f"{node.tex} has an upper index: give {node.plain!r}, or declare upper={base.root!r}"
            )
        if base.kind == "name" and base.value == "e" and "e" not in self.scope:
            return self.exponential(self(exponent))
        if base.kind == "apply" and base.value != "bare" and not callable(head := self.head(base.parts[0])):
            # P (1 - P)^2 with a number P: the exponent belongs to the bracket alone.
            return self.factor(base, head, algebra.power(self(base.parts[1]), self(exponent)))
        value = self(base)
        if exponent == Node("name", "T") and is_array(value):
            if "T" in self.scope:
                raise TypeError(r"is T an exponent or a transpose? Write \top for the transpose")
            return algebra.transpose(value)
        if callable(value):
            raise TypeError(f"a power of the function {base.tex}: write its argument in brackets")
        return algebra.power(value, self.root(exponent) if node.value == "root" else self(exponent))

    def root(self, exponent: Node):
        return self(exponent)

    def exponential(self, value):
        if is_array(value) and value.ndim == 2:
            raise TypeError(
                r"is it the exponential of a matrix or of its entries? Write \exp for the entries"
            )
        return normal(self.built_in["exp"](value))

    def above(self, node: Node):
        """Return a symbol with an upper index, which comes before the lower one: h_i^l is h[l][i]."""
        base, *places = node.parts
        if node.plain in self.scope:
            return self.of_name(node)
        if base.kind != "index":
            return self.entry(node)
        layer = self.entry(Node("index", None, (base.parts[0], *places), node.tex))
        return self.entry(base, layer)

    def of_transpose(self, node):
        return algebra.transpose(self(node.parts[0]))

    def of_adjoint(self, node):
        return algebra.transpose(algebra.conjugate(self(node.parts[0])))

    def of_conjugate(self, node):
        if not self.conjugate:
            raise TypeError("is it a complex conjugate? Then declare conjugate=True")
        return algebra.conjugate(self(node.parts[0]))

    def of_absolute(self, node):
        (part,) = node.parts
        return len(self.sets[part.plain]) if part.plain in self.sets else algebra.absolute(self(part))

    def of_norm(self, node):
        return algebra.norm(self(node.parts[0]), node.value)

    def of_inner(self, node):
        return algebra.inner(*map(self, node.parts))

    def of_floor(self, node):
        return normal(self.built_in[node.kind](self(node.parts[0])))

    of_ceil = of_floor

    def of_stack(self, node):
        return algebra.stack(node.value, [self(part) for part in node.parts])

    def of_matrix(self, node):
        rows = [[algebra.grid(self(entry)) for entry in row.parts] for row in node.parts]
        return normal(np.block(rows))

    # Functions

    def of_apply(self, node):
        """Apply a function; a number or matrix before a bracket with a sum in it is a factor."""
        head, *given = node.parts
        if head.plain in ("KL", "D_KL") and head.plain not in self.scope:
            return self.divergence(*given)
        function = self.head(head)
        if callable(function):
            return normal(function(*map(self, given)))
        if node.value == "bare":
            return algebra.multiply(function, self(given[0]))
        return self.factor(node, function, *map(self, given))

    def factor(self, node: Node, value, *given):
        """Return the product of a value and the bracket behind it."""
        if (
            len(given) > 1
            or node.parts[1].kind in ("name", "index", "number")
            or is_array(value) > is_array(given[0])
        ):
            name = node.parts[0].tex or node.parts[0].plain
            raise TypeError(
                f"{name} is applied to {len(given)} arguments but is not a function; a factor stands behind"
            )
        return algebra.multiply(value, given[0])

    def head(self, node: Node):
        """Return what stands before a bracket: a function, or a factor."""
        if node.plain in self.scope:
            return self.given(node)
        if node.kind == "name":
            return self.built_in[node.value] if node.value in self.built_in else self.given(node)
        base, *places = node.parts
        if node.kind == "index":
            return self.member(node, base, places)
        if base.root in self.layered or node.value == "index":
            return self.above(node)
        function = self.head(base)
        if not callable(function):
            return self(node)
        if places == [Node("negate", None, (Node("number", "1"),))]:
            if base.plain in self.built_in and base.plain not in self.scope:
                raise TypeError(f"is {node.tex} an inverse, such as \\arcsin, or 1 divided by the value?")
            return self.given(Node("name", f"{base.plain}_inverse"))
        if base.plain in self.scope:
            raise TypeError(f"is {node.tex} a power of the function or of its value? Write brackets")
        return lambda *given: algebra.power(normal(function(*given)), self(places[0]))

    def member(self, node: Node, base: Node, places: list[Node]):
        """Return a function with an index, which is its first argument, or a value with one."""
        if node.plain in self.built_in:
            return self.built_in[node.plain]
        if base.plain == "log":
            return lambda z: self.built_in["log"](z) / self.built_in["log"](self(places[0]))
        family = self.scope.get(base.plain)
        return (lambda *given: family(*map(self, places), *given)) if callable(family) else self(node)

    def law(self, node: Node, *outcome):
        """Return the probability of an outcome under `p(· | x)`, or under a distribution `p`."""
        if node.kind != "apply":
            law = self.scope.get(node.plain) if node.plain in self.scope else self(node)
            if callable(law):
                return law(*outcome)
            inner = self.bound({"outcome": outcome[0]})
            return inner.entry(Node("index", None, (node, Node("name", "outcome")), node.tex), law)
        given = [() if part == Node("name", "cdot") else (self(part),) for part in node.parts[1:]]
        if given.count(()) != 1:
            raise TypeError(f"the distribution {node.tex} needs exactly one dot among its arguments")
        given[given.index(())] = outcome
        return self.head(node.parts[0])(*itertools.chain(*given))

    def divergence(self, p: Node, q: Node):
        """Return the Kullback–Leibler divergence over the set named `cdot`."""
        pairs = [(self.law(p, value), self.law(q, value)) for value in self.domain("cdot")]
        return sum(normal(a * self.built_in["log"](a / b)) for a, b in pairs)

    def of_expectation(self, node):
        law, body = node.parts
        if not node.value:
            raise TypeError(r"an expectation needs its variables: \E_{y \sim p}")
        terms = []
        for outcome in itertools.product(*map(self.domain, node.value)):
            inner = self.bound(dict(zip(node.value, outcome, strict=True)))
            terms.append(algebra.multiply(normal(self.law(law, *outcome)), inner(body)))
        return functions.total(terms)

    # Sums over sets, and conditions

    def domain(self, name: str):
        """Return the members of a set, or the values over which a bound variable runs."""
        if name not in self.sets:
            raise LookupError(f"the bound variable or set {name!r} has no set: give it in sets=")
        return self.sets[name]

    def of_big(self, node):
        """Return a sum, product or extremum over the outcomes that meet the conditions."""
        body, *conditions = node.parts
        outcomes = [{}]
        for condition in conditions:
            outcomes = [b | more for b in outcomes for more in self.bound(b).outcomes(condition)]
        if {} in outcomes:
            raise LookupError(f"{node.tex}: no variable is left to run, as all of them have values")
        values = [self.bound(outcome)(body) for outcome in outcomes]
        if node.value in ("sum", "prod"):
            return functions.total(values) if node.value == "sum" else reduce(algebra.multiply, values, 1)
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
            first, last = map(self, condition.parts)
            if first != int(first) or last != int(last):
                raise ValueError(f"a sum from {first} to {last} needs whole numbers")
            yield from ({condition.value: value} for value in range(int(first), int(last) + 1))
        elif condition.kind != "relation":
            yield from ({condition.plain: value} for value in self.domain(condition.plain))
        elif condition.value == ("∈",) and condition.parts[1].plain:
            left = condition.parts[0]
            names = [part.plain for part in (left.parts if left.kind == "stack" else (left,))]
            for member in self.domain(condition.parts[1].plain):
                if len(names) == 1 or len(member) == len(names):
                    yield dict(zip(names, member if len(names) > 1 else (member,)))
        else:
            names = {node.value for node in condition.walk() if node.kind == "name"} - self.scope.keys()
            names = sorted(names & self.sets.keys())
            for outcome in itertools.product(*map(self.domain, names)):
                found = dict(zip(names, outcome))
                if self.bound(found).true(condition):
                    yield found

    def true(self, node: Node) -> bool:
        """Tell whether a condition holds."""
        sides = [
            self(part) if sign not in MEMBER else part for sign, part in zip(("", *node.value), node.parts)
        ]
        if any(map(is_array, sides)):
            raise TypeError("a condition compares arrays: write it for their entries")
        found = True
        for sign, left, right in zip(node.value, sides, sides[1:]):
            holds = self.contains(right, left) if sign in MEMBER else COMPARE[sign](left, right)
            found = found and (not holds if sign == "∉" else bool(holds))
        return found

    def contains(self, region: Node, value) -> bool | None:
        """Tell whether a value lies in a space, a set or an interval; None for a set that nobody gives."""
        parts = [self(part) for part in region.parts]
        if region.kind == "space":
            sizes = tuple(int(size) for size in parts)
            kinds = {"R": "biuf", "C": "biufc", "Z": "biu", "N": "biu"}
            fits = np.shape(value) == np.shape(normal(np.empty(sizes))) and not callable(value)
            return fits and np.asarray(value).dtype.kind in kinds[region.value]
        if region.kind == "set":
            return value in parts
        if region.kind == "interval":
            low, high = parts
            return (low <= value if region.value[0] == "[" else low < value) and (
                value <= high if region.value[1] == "]" else value < high
            )
        if region.kind == "numbers":
            return value == int(value) and parts[0] <= value <= parts[1]
        return value in self.sets[region.plain] if region.plain in self.sets else None

    def of_indicator(self, node):
        return int(all(map(self.true, node.parts)))

    def of_cases(self, node):
        """Return the value whose condition holds; where two hold at once, their values must agree."""
        branches = list(zip(node.parts[::2], node.parts[1::2]))
        found = [
            self(value)
            for value, condition in branches
            if condition.kind != "otherwise" and self.true(condition)
        ]
        found = found or [self(value) for value, condition in branches if condition.kind == "otherwise"]
        if not found:
            raise ValueError("none of the conditions of its cases holds")
        if any(not np.allclose(value, found[0], 1e-9, 1e-12) for value in found[1:]):
            raise TypeError("the conditions of its cases overlap, and their values differ")
        return found[0]
