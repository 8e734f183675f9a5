"""Compute the value of a parsed equation's sides as SymPy expressions."""

import itertools
from functools import cached_property
from numbers import Number

import sympy

from maths.evaluate import Evaluator
from maths.functions import exact

RELATIONS = {
    "=": sympy.Eq, "≠": sympy.Ne, "≤": sympy.Le, "≥": sympy.Ge, "<": sympy.Lt, ">": sympy.Gt,
}  # fmt: skip


class Exact(Evaluator):
    """Computes the value of an expression tree as a SymPy expression, or an array of them."""

    @cached_property
    def built_in(self) -> dict:
        return exact()

    def __call__(self, node):
        value = super().__call__(node)
        return sympy.sympify(value) if isinstance(value, Number) and not isinstance(value, bool) else value

    def of_number(self, node):
        return sympy.Rational(node.value)

    def of_constant(self, node):
        return sympy.E if node.value == "e" else sympy.I

    def of_cases(self, node):
        branches = [(self(v), self.condition(c)) for v, c in zip(node.parts[::2], node.parts[1::2])]
        stated = [branch for branch in branches if branch[1] is not sympy.true]
        for (value, condition), (other, second) in itertools.combinations(stated, 2):
            both = sympy.simplify(sympy.And(condition, second))
            if both != sympy.false and sympy.simplify(value - other) != 0:
                raise TypeError("the conditions of its cases overlap, and their values differ")
        return sympy.Piecewise(*branches)

    def condition(self, node):
        """Return a condition as SymPy has it."""
        if node.kind == "otherwise":
            return sympy.true
        sides = list(map(self, node.parts))
        return sympy.And(*(RELATIONS[sign](a, b) for sign, a, b in zip(node.value, sides, sides[1:])))
