"""The functions that an equation may use without being given them, on numbers and on SymPy's expressions."""

import math
from functools import reduce

import numpy as np

from maths.algebra import add, is_array, normal, same, shape


def extreme(ufunc):
    """Return the maximum or minimum of numbers, of arrays of one shape entry by entry, or of one array."""

    def found(*values):
        if len(values) == 1 and is_array(values[0]):
            return normal(ufunc.reduce(values[0].ravel()))
        same("an extremum", *filter(is_array, values))
        return normal(reduce(ufunc, values))

    return found


def softmax(z):
    """Return the softmax of a vector, or of each row of a matrix."""
    if not is_array(z):
        raise TypeError(f"the softmax of a {shape(z)}: it is that of a vector")
    weights = np.exp(z - np.max(z, -1, keepdims=True))
    return weights / np.sum(weights, -1, keepdims=True)


NUMERIC = {
    "exp": np.exp, "log": np.log, "ln": np.log, "log_2": np.log2, "log_10": np.log10, "lg": np.log10,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan,
    "sgn": np.sign, "clip": np.clip, "Re": np.real, "Im": np.imag, "Tr": np.trace, "tr": np.trace,
    "det": np.linalg.det, "rank": np.linalg.matrix_rank, "diag": np.diag,
    "vec": lambda a: a.ravel(order="F"), "binom": math.comb, "floor": np.floor, "ceil": np.ceil,
    "min": extreme(np.minimum), "max": extreme(np.maximum), "softmax": softmax,
    "sigma": lambda z: np.exp(-np.logaddexp(0, -np.asarray(z))),
    "logit": lambda p: np.log(p) - np.log1p(-np.asarray(p)),
}  # fmt: skip


def exact() -> dict:
    """Return the functions on SymPy's expressions and arrays of them."""
    import sympy

    entries = {
        "exp": sympy.exp, "log": sympy.log, "ln": sympy.log, "log_2": lambda z: sympy.log(z, 2),
        "log_10": lambda z: sympy.log(z, 10), "sgn": sympy.sign, "Re": sympy.re, "Im": sympy.im,
        "sigma": lambda z: 1 / (1 + sympy.exp(-z)), "logit": lambda p: sympy.log(p / (1 - p)),
        "floor": sympy.floor, "ceil": sympy.ceiling,
    }  # fmt: skip
    names = "sin cos tan sinh cosh tanh".split()
    entries |= {name: getattr(sympy, name) for name in names}
    entries |= {"arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan}
    found = {name: _each(function) for name, function in entries.items()}
    return found | {
        "min": sympy.Min, "max": sympy.Max, "binom": sympy.binomial,
        "clip": lambda value, low, high: sympy.Min(sympy.Max(value, low), high),
        "softmax": lambda z: found["exp"](z) / sum(found["exp"](z).ravel()),
        "tr": lambda a: sympy.Matrix(a).trace(), "det": lambda a: sympy.Matrix(a).det(),
        "rank": lambda a: sympy.Matrix(a).rank(), "diag": np.diag, "vec": NUMERIC["vec"],
    }  # fmt: skip


def _each(function):
    """Return a function of expressions that also takes arrays of them, entry by entry."""
    return lambda z: np.vectorize(function, otypes=[object])(z) if is_array(z) else function(z)


def total(values: list):
    """Return the sum of values; that of none is 0."""
    result = values[0] if values else 0
    for value in values[1:]:
        result = add(result, value)
    return result
