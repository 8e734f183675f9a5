"""The arithmetic of numbers, vectors and matrices, and their functions: linear algebra without broadcasting.

A value is a number (a matrix of one entry is one), a vector (n,), which is a column, a matrix (n, m), a
larger table, which only takes indices, or something else that a check gives, such as a function or a name.
"""

import math
from functools import partial, reduce
from numbers import Number

import numpy as np
from scipy.special import softmax

NORMS = {  # of vectors and of matrices, by their index
    1: {"": 2, "2": 2, "F": 2, "1": 1, "infty": np.inf},
    2: {"2": 2, "F": "fro", "1": 1, "infty": np.inf, "∗": "nuc"},
}


def normal(value):
    """Return a value in its one form: without numpy's scalars, one-entry matrices and columns of width 1."""
    if isinstance(value, np.generic):
        return value.item()
    if is_matrix(value):
        value = getattr(value, "as_explicit", lambda: value)().tolist()
    if isinstance(value, list | tuple) and (found := np.array(value)).dtype.kind in "biufcO":
        value = found
    if not is_array(value):
        return value
    if value.size == 1:
        return normal(value.item())
    return value[:, 0] if value.ndim == 2 and value.shape[1] == 1 else value


def is_array(value) -> bool:
    return isinstance(value, np.ndarray)


def is_matrix(value) -> bool:
    """Tell whether a value is a matrix of SymPy."""
    return getattr(value, "is_Matrix", False) is True


def is_scalar(value) -> bool:
    expression = hasattr(value, "free_symbols") and not (isinstance(value, type) or is_matrix(value))
    return isinstance(value, Number) or expression


def shape(value) -> str:
    """Return a shape as messages show it."""
    if is_array(value):
        return "×".join(map(str, value.shape))
    return "number" if is_scalar(value) else repr(value)


def same(what: str, *values):
    """Require arrays of one shape, or numbers."""
    if any(map(is_array, values)) and len(set(map(np.shape, values))) > 1:
        raise ValueError(f"the shapes do not fit: {what} of {' and '.join(map(shape, values))}")


def grid(value) -> np.ndarray:
    """Return a number, vector or matrix as a matrix."""
    found = np.asarray(value)
    if found.ndim > 2:
        raise ValueError(f"an array of shape {shape(found)} is no matrix: write its indices")
    return found.reshape(-1, 1) if found.ndim < 2 else found


def add(a, b):
    """Return the sum of two numbers or of arrays of one shape."""
    if is_array(a) or is_array(b):
        same("a sum", a, b)
    return a + b


def total(values: list):
    """Return the sum of values; that of none is 0."""
    return reduce(add, values) if values else 0


def multiply(a, b, sign: str = ""):
    """Return the product that a sign stands for, or the product of linear algebra."""
    if not (is_array(a) and is_array(b)):
        if callable(a) or callable(b):
            raise TypeError("a function stands in a product: write its argument in brackets")
        return a * b
    if sign == "⊙":
        same("an elementwise product", a, b)
        return a * b
    if sign == "⋅" and a.ndim == b.ndim == 1:
        return inner(a, b)
    if sign == "×":
        raise TypeError(r"what is × of arrays? Write \odot, or nothing for the product of matrices")
    x, y = grid(a), grid(b)
    if x.shape[1] != y.shape[0]:
        raise ValueError(f"the shapes do not fit: a product of {shape(a)} and {shape(b)}")
    return x @ y


def inner(a, b):
    """Return the inner product of two real vectors or matrices of one shape."""
    same("an inner product", a, b)
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        raise TypeError(r"which vector is conjugated? Write q^\dagger k or q^\top k")
    return np.sum(a * b)


def divide(a, b):
    """Return the quotient by a number."""
    if is_array(b):
        raise TypeError(f"a division by an array of shape {shape(b)}: write its entries, or the inverse")
    return a / b


def power(a, b):
    """Return a power of a number, or a whole power of a square matrix."""
    if is_array(b):
        raise TypeError(rf"an array of shape {shape(b)} as exponent: write \exp for the entries of e^z")
    if not is_array(a):
        found = a**b
        if isinstance(found, complex) and not isinstance(a, complex) and not isinstance(b, complex):
            raise ValueError(f"the power {b} of the negative number {a} is not real")
        return found
    if a.ndim != 2 or a.shape[0] != a.shape[1] or b != int(b):
        raise TypeError(f"the power of an array of shape {shape(a)}: is it an index? Then declare upper=")
    return symbolic(a) ** b if a.dtype == object else np.linalg.matrix_power(a, int(b))


def symbolic(a):
    """Return an array as a matrix of SymPy, which is imported only where it is needed."""
    import sympy

    return sympy.Matrix(a)


def transpose(a):
    """Return the transpose; that of a vector is a row."""
    return grid(a).T


def absolute(a):
    """Return the absolute value of a number, or the size of a set."""
    if is_array(a):
        raise TypeError(r"is it a norm or a determinant? Write \lVert x \rVert, or \det A")
    return abs(a) if is_scalar(a) else len(a)


def norm(a, order: str):
    """Return a norm of a vector, Euclid's unless an index says 1 or ∞, or that of a matrix by its index."""
    if not is_array(a):
        return abs(a)
    known = NORMS.get(a.ndim, {}).get(order)
    if known is None:
        raise TypeError(f"which norm of an array of shape {shape(a)}? Known are the indices 1, 2, ∞, F, ∗")
    return symbolic(a).norm(known) if a.dtype == object else np.linalg.norm(a, known)


def stack(kind: str, values: list):
    """Return (a, b) as a vector, [A; B] below one another, [A, B] side by side."""
    if kind == "(," and not any(map(is_array, values)):
        return np.array(values)
    if kind not in ("[;", "[,", "[‖"):
        raise TypeError("write [A; B] for arrays below one another and [A, B] for arrays side by side")
    axis, parts = int(kind == "[,"), list(map(grid, values))
    if len({part.shape[1 - axis] for part in parts}) > 1:
        raise ValueError(f"the shapes do not fit: {kind[1]} between {' and '.join(map(shape, values))}")
    return np.concatenate(parts, axis)


def extreme(ufunc):
    """Return the maximum or minimum of numbers, of arrays of one shape entry by entry, or of one array."""

    def found(*values):
        if len(values) == 1 and is_array(values[0]):
            return ufunc.reduce(values[0].ravel())
        same("an extremum", *filter(is_array, values))
        return reduce(ufunc, values)

    return found


ENTRYWISE = "exp log sin cos tan sinh cosh tanh arcsin arccos arctan floor ceil clip".split()
FUNCTIONS = {name: getattr(np, name) for name in ENTRYWISE}  # that an equation may use without being given
FUNCTIONS |= {
    "ln": np.log, "log_2": np.log2, "log_10": np.log10, "lg": np.log10, "sgn": np.sign,
    "Re": np.real, "Im": np.imag, "Tr": np.trace, "tr": np.trace, "diag": np.diag,
    "det": np.linalg.det, "rank": np.linalg.matrix_rank, "vec": lambda a: a.ravel(order="F"),
    "min": extreme(np.minimum), "max": extreme(np.maximum), "binom": math.comb,
    "softmax": partial(softmax, axis=-1),  # along each row
    "sigma": lambda z: np.exp(-np.logaddexp(0, -np.asarray(z))),
    "logit": lambda p: np.log(p) - np.log1p(-np.asarray(p)),
}  # fmt: skip
