"""Compute the value of a parsed equation's sides as SymPy expressions."""

import itertools
from numbers import Number

import numpy as np
import sympy

from maths import algebra
from maths.evaluate import Evaluator
from maths.sets import COMPARE

ENTRYWISE = {name: getattr(sympy, name) for name in "exp log sin cos tan sinh cosh tanh floor".split()} | {
    "ln": sympy.log, "log_2": lambda z: sympy.log(z, 2), "log_10": lambda z: sympy.log(z, 10),
    "arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan, "ceil": sympy.ceiling,
    "sgn": sympy.sign, "Re": sympy.re, "Im": sympy.im,
    "sigma": lambda z: 1 / (1 + sympy.exp(-z)), "logit": lambda p: sympy.log(p / (1 - p)),
}  # fmt: skip
FUNCTIONS = algebra.FUNCTIONS | {name: np.frompyfunc(f, 1, 1) for name, f in ENTRYWISE.items()}
FUNCTIONS |= {
    "min": sympy.Min, "max": sympy.Max, "binom": sympy.binomial,
    "clip": lambda value, low, high: sympy.Min(sympy.Max(value, low), high),
    "softmax": lambda z: FUNCTIONS["exp"](z) / sum(FUNCTIONS["exp"](z).ravel()),
    "det": lambda a: sympy.Matrix(a).det(), "rank": lambda a: sympy.Matrix(a).rank(),
}  # fmt: skip


class Exact(Evaluator):
    """Computes the value of an expression tree as a SymPy expression, or an array of them."""

    functions = FUNCTIONS

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
        compare, sides = COMPARE | {"=": sympy.Eq, "≠": sympy.Ne}, list(map(self, node.parts))
        return sympy.And(*(compare[sign](a, b) for sign, a, b in zip(node.value, sides, sides[1:])))
