"""The arithmetic of numbers, vectors and matrices: that of linear algebra, where nothing is broadcast.

A value is a number (a matrix of one entry is one), a vector (n,), which is a column, a matrix (n, m), a
larger table, which only takes indices, or something else that a check gives, such as a function or a name.
"""

from functools import reduce
from numbers import Number

import numpy as np


def normal(value):
    """Return a value in its one form: without numpy's scalars, one-entry matrices and columns of width 1."""
    if type(value) in (float, int):
        return value
    if isinstance(value, Number):
        return value.item() if isinstance(value, np.generic) else value
    if is_matrix(value):
        value = np.array(getattr(value, "as_explicit", lambda: value)().tolist(), object)
    elif isinstance(value, list | tuple):
        found = np.array(value)
        value = found if found.dtype.kind in "biufcO" else value
    if isinstance(value, np.ndarray) and not callable(value):
        if value.size == 1:
            return normal(value.reshape(-1)[0])
        return value[:, 0] if value.ndim == 2 and value.shape[1] == 1 else value
    return value


def is_array(value) -> bool:
    return isinstance(value, np.ndarray) and not callable(value)


def is_matrix(value) -> bool:
    """Tell whether a value is a matrix of SymPy."""
    return getattr(value, "is_Matrix", False) is True


def is_scalar(value) -> bool:
    expression = hasattr(value, "free_symbols") and not isinstance(value, type)
    return isinstance(value, Number) or expression and not is_matrix(value)


def shape(value) -> str:
    """Return a shape as messages show it."""
    return (
        "×".join(map(str, value.shape)) if is_array(value) else "number" if is_scalar(value) else repr(value)
    )


def same(what: str, *values):
    """Require arrays of one shape, or numbers."""
    if (
        any(map(is_array, values))
        and len({shape(value) if is_array(value) else "number" for value in values}) > 1
    ):
        raise ValueError(f"the shapes do not fit: {what} of {' and '.join(map(shape, values))}")


def grid(value) -> np.ndarray:
    """Return a number, vector or matrix as a matrix."""
    found = np.asarray(value)
    if found.ndim > 2:
        raise ValueError(f"an array of shape {shape(found)} is no matrix: write its indices")
    return found.reshape(-1, 1) if found.ndim < 2 else found


def add(a, b):
    """Return the sum of two numbers or of arrays of one shape."""
    if all(is_array(value) or is_scalar(value) for value in (a, b)):
        same("a sum", a, b)
    return a + b


def multiply(a, b, sign: str = ""):
    """Return the product that a sign stands for, or the product of linear algebra."""
    if not (is_array(a) and is_array(b)):
        if callable(a) or callable(b):
            raise TypeError("a function stands in a product: write its argument in brackets")
        return normal(a * b)
    if sign == "⊙":
        same("an elementwise product", a, b)
        return a * b
    if sign == "⋅" and a.ndim == b.ndim == 1:
        return inner(a, b)
    if sign == "×":
        raise TypeError(
            r"what is × of arrays? Write \odot for the elementwise product, nothing for that of matrices"
        )
    x, y = grid(a), grid(b)
    if x.shape[1] != y.shape[0]:
        raise ValueError(f"the shapes do not fit: a product of {shape(a)} and {shape(b)}")
    return normal(x @ y)


def inner(a, b):
    """Return the inner product of two real vectors or matrices of one shape."""
    same("an inner product", a, b)
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        raise TypeError(r"which vector is conjugated? Write q^\dagger k or q^\top k")
    return normal(np.sum(np.asarray(a) * b))


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
    factor = a if b > 0 else inverse(a)
    return normal(reduce(np.matmul, [factor] * abs(int(b)), np.eye(len(a), dtype=a.dtype)))


def inverse(a):
    """Return the inverse of a square matrix."""
    if a.dtype != object:
        return np.linalg.inv(a)
    import sympy

    return np.array(sympy.Matrix(a).inv().tolist())


def transpose(a):
    """Return the transpose; that of a vector is a row."""
    return normal(grid(a).T) if is_array(a) else a


def conjugate(a):
    """Return the complex conjugate, entry by entry."""
    return np.conjugate(a) if is_array(a) else a.conjugate()


def absolute(a):
    """Return the absolute value of a number, or the size of a set."""
    if is_array(a):
        raise TypeError(r"is it a norm or a determinant? Write \lVert x \rVert, or \det A")
    return abs(a) if is_scalar(a) else len(a)


def norm(a, order: str):
    """Return a norm of a vector, Euclid's unless an index says 1 or ∞, or that of a matrix by its index."""
    if not is_array(a):
        return abs(a)
    entries = [abs(entry) for entry in a.ravel().tolist()]
    if a.ndim == 1 and order in ("", "2") or order == "F":
        return sum(entry**2 for entry in entries) ** (0.5 if a.dtype != object else _half())
    if a.ndim == 1 and order in ("1", "infty"):
        return sum(entries) if order == "1" else max(entries)
    if a.ndim == 2 and order in ("2", "∗", "1", "infty"):
        return normal(np.linalg.norm(a, {"2": 2, "∗": "nuc", "1": 1, "infty": np.inf}[order]))
    raise TypeError(f"which norm of an array of shape {shape(a)}? Known are the indices 1, 2, ∞, F, ∗")


def _half():
    import sympy

    return sympy.Rational(1, 2)


def stack(kind: str, values: list):
    """Return (a, b) as a vector, [A; B] below one another, [A, B] side by side."""
    if kind == "(," and not any(map(is_array, values)):
        return normal(np.array(values))
    if kind not in ("[;", "[,", "[‖"):
        raise TypeError("write [A; B] for arrays below one another and [A, B] for arrays side by side")
    axis, parts = int(kind == "[,"), list(map(grid, values))
    if len({part.shape[1 - axis] for part in parts}) > 1:
        raise ValueError(f"the shapes do not fit: {kind[1]} between {' and '.join(map(shape, values))}")
    return normal(np.concatenate(parts, axis))
