"""Compute the value of a parsed equation's sides, in numbers or in SymPy expressions."""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from maths.tex import Node

BUILT_IN = {
    "log": np.log,
    "exp": np.exp,
    "min": lambda *values: np.minimum.reduce(np.broadcast_arrays(*values)),
    "max": lambda *values: np.maximum.reduce(np.broadcast_arrays(*values)),
    "clip": np.clip,
    "sgn": np.sign,
    "sigma": lambda z: np.exp(-np.logaddexp(0, -np.asarray(z, float))),
    "logit": lambda p: np.log(p) - np.log1p(-np.asarray(p, float)),
    "softmax": lambda z: np.exp(z - np.max(z, -1, keepdims=True)) / partition(z),
}


def partition(z):
    """Return the sum of exp(z) over the last axis, scaled by the largest term."""
    return np.sum(np.exp(z - np.max(z, -1, keepdims=True)), -1, keepdims=True)


RELATION = {"=": np.equal, "≤": np.less_equal, "≥": np.greater_equal, "<": np.less, ">": np.greater}


@dataclass
class Evaluator:
    """Computes the value of an expression tree in a scope of named values."""

    scope: dict
    sets: dict

    @property
    def built_in(self) -> dict:
        return BUILT_IN

    def __call__(self, node: Node):
        return getattr(self, node.kind)(node)

    def bound(self, **values) -> "Evaluator":
        """Return the evaluator with more variables bound."""
        return type(self)(self.scope | values, self.sets)

    def lookup(self, name: str):
        """Return the value of a symbol; an index that is bound selects from an array or function."""
        if name in self.scope:
            return self.scope[name]
        base, _, index = name.rpartition("_")
        if base in self.scope and index in self.scope:
            found, at = self.scope[base], self.scope[index]
            return (lambda *given: found(at, *given)) if callable(found) else np.asarray(found)[at]
        if name == "e":
            return self.built_in["exp"](1)
        raise LookupError(f"the symbol {name!r} has no value")

    def number(self, node):
        return node.value

    def name(self, node):
        return self.lookup(node.value)

    def add(self, node):
        return sum(map(self, node.parts[1:]), self(node.parts[0]))

    def negate(self, node):
        return -self(node.parts[0])

    def multiply(self, node):
        return self(node.parts[0]) * self(node.parts[1])

    def divide(self, node):
        return self(node.parts[0]) / self(node.parts[1])

    def power(self, node):
        base, exponent = node.parts
        if base.kind == "apply" and not callable(self.function(base)):
            # P (1 - P)^2 with a number P: the exponent belongs to the bracket alone.
            return self.lookup(base.value) * self(base.parts[0]) ** self(exponent)
        return self(base) ** self(exponent)

    def absolute(self, node):
        return np.abs(self(node.parts[0]))

    def apply(self, node):
        """Apply a function; a number before a single bracket is a factor."""
        if node.value == "KL":
            return self.divergence(*node.parts)
        function, given = self.function(node), [self(part) for part in node.parts]
        if callable(function):
            return function(*given)
        if len(given) > 1:
            raise TypeError(f"{node.value!r} is applied to {len(given)} arguments but is not a function")
        return function * given[0]

    def item(self, node):
        """Return the entry of a vector, the last axis, at an index that has a value."""
        if node.value.isdigit():
            raise TypeError(f"whether entry {node.value} counts from 0 or 1 is not said: name the index")
        index = self.lookup(node.value)
        return np.asarray(self(node.parts[0]))[..., np.asarray(index, int)]

    def function(self, node):
        """Return what the name of an application stands for: a function, or a number before a bracket."""
        if node.value == "KL" or (node.value in self.built_in and node.value not in self.scope):
            return self.built_in.get(node.value, self.divergence)
        return self.lookup(node.value)

    def law(self, node: Node, *outcome):
        """Return the probability of an outcome under `p(· | x)`, or under a distribution `p`."""
        if node.kind == "name":
            law = self.lookup(node.value)
            return law(*outcome) if callable(law) else np.asarray(law)[outcome]
        given = [() if part == Node("name", "cdot") else (self(part),) for part in node.parts]
        dots = [i for i, value in enumerate(given) if not value]
        if len(dots) != 1:
            raise TypeError(f"the distribution {node.value!r} needs exactly one dot among its arguments")
        given[dots[0]] = outcome
        return self.lookup(node.value)(*itertools.chain(*given))

    def divergence(self, p: Node, q: Node):
        """Return the Kullback–Leibler divergence over the set named `cdot`."""
        pairs = [(self.law(p, value), self.law(q, value)) for value in self.domain("cdot")]
        return sum(a * self.built_in["log"](a / b) for a, b in pairs)

    def domain(self, variable: str):
        """Return the values over which a bound variable runs."""
        if variable not in self.sets:
            raise LookupError(f"the bound variable {variable!r} has no set")
        return self.sets[variable]

    def sum(self, node):
        body, *limits = node.parts
        if limits:
            first, last = map(self, limits)
            if first != int(first) or last != int(last):
                raise ValueError(f"a sum from {first} to {last} needs whole numbers")
            values = range(int(first), int(last) + 1)
        else:
            values = self.domain(node.value)
        return sum(self.bound(**{node.value: value})(body) for value in values)

    def expectation(self, node):
        law, body = node.parts
        if not node.value:
            raise TypeError("an expectation needs its variables: \\E_{y \\sim p}")
        total = 0
        for outcome in itertools.product(*map(self.domain, node.value)):
            inner = self.bound(**dict(zip(node.value, outcome, strict=True)))
            total = total + self.law(law, *outcome) * inner(body)
        return total

    def cases(self, node):
        """Choose by the conditions; where two hold at once, their values must agree."""
        conditions = [self.relation(condition) for condition in node.parts[1::2]]
        with np.errstate(invalid="ignore", divide="ignore"):  # a case is computed where it is not taken too
            values = [np.asarray(self(value), float) for value in node.parts[::2]]
        shape = np.broadcast_shapes(*map(np.shape, values + conditions))
        chosen, taken = np.full(shape, np.nan), np.zeros(shape, bool)
        for condition, value in reversed(list(zip(conditions, values, strict=True))):
            if np.any(condition & taken & ~np.isclose(chosen, value)):
                raise TypeError("the conditions of its cases overlap, and their values differ")
            chosen, taken = np.where(condition, value, chosen), taken | condition
        return chosen

    def relation(self, node):
        left, right = map(self, node.parts)
        return RELATION[node.value[0]](left, right)


class Exact(Evaluator):
    """Computes the value of an expression tree as a SymPy expression."""

    @cached_property
    def built_in(self) -> dict:
        import sympy

        return {
            "log": sympy.log,
            "exp": sympy.exp,
            "min": sympy.Min,
            "max": sympy.Max,
            "clip": lambda value, low, high: sympy.Min(sympy.Max(value, low), high),
            "sgn": sympy.sign,
            "sigma": lambda z: 1 / (1 + sympy.exp(-z)),
            "logit": lambda p: sympy.log(p / (1 - p)),
            "softmax": lambda z: np.array([sympy.exp(k) for k in z]) / sum(sympy.exp(k) for k in z),
        }

    def number(self, node):
        import sympy

        return sympy.Rational(str(node.value))

    def cases(self, node):
        import sympy

        branches = [(self(v), self.relation(c)) for v, c in zip(node.parts[::2], node.parts[1::2])]
        for (value, condition), (other, second) in itertools.combinations(branches, 2):
            both = sympy.simplify(sympy.And(condition, second))
            if both != sympy.false and sympy.simplify(value - other) != 0:
                raise TypeError("the conditions of its cases overlap, and their values differ")
        return sympy.Piecewise(*branches)

    def relation(self, node):
        import sympy

        signs = {"=": sympy.Eq, "≤": sympy.Le, "≥": sympy.Ge, "<": sympy.Lt, ">": sympy.Gt}
        left, right = map(self, node.parts)
        return signs[node.value[0]](left, right)
