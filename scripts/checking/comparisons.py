"""Comparisons that a check asserts, and the record it keeps of each."""

import numpy as np

from checking.numbers import compact


class Comparisons:
    """Asserts comparisons and keeps a record of each: method, route, error, tolerance, samples."""

    def __init__(self):
        self.records, self.shown, self.wanted = [], [], []

    def _record(self, method: str, route: str, passed, **numbers):
        self.records.append({"method": method, "route": route, "passed": bool(passed)} | numbers)
        assert passed, f"{route}: " + ", ".join(f"{k} {v!r}" for k, v in numbers.items())

    def close(self, got, expected, tolerance: float, route: str):
        """Assert that the largest absolute difference is at most `tolerance`; NaN fails.

        Raises ValueError for two shapes that differ, unless one of the two is a single number.
        """
        got, expected = (
            value if np.iscomplexobj(value) else np.asarray(value, float) for value in (got, expected)
        )
        if np.ndim(got) and np.ndim(expected) and np.shape(got) != np.shape(expected):
            raise ValueError(f"{route}: the shapes differ: {np.shape(got)} and {np.shape(expected)}")
        difference = np.abs(np.asarray(got) - expected)
        if difference.size == 0:
            raise ValueError(f"{route}: nothing was compared")
        error = float(difference.max())
        self._record(
            "numeric", route, error <= tolerance,
            error=error, tolerance=float(tolerance), samples=int(difference.size),
        )  # fmt: skip

    def bounded(self, values, route: str, low=None, high=None, strict: bool = False):
        """Assert that all values lie between `low` and `high`; NaN fails."""
        values = np.asarray(values, float)
        if values.size == 0 or (low is None and high is None):
            raise ValueError(f"{route}: nothing was compared")
        smallest, largest = float(values.min()), float(values.max())
        below = low is None or (smallest > low if strict else smallest >= low)
        above = high is None or (largest < high if strict else largest <= high)
        self._record(
            "numeric", route, below and above, smallest=smallest, largest=largest, strict=strict,
            low=None if low is None else float(low), high=None if high is None else float(high),
            samples=int(values.size),
        )  # fmt: skip

    def exact(self, expression, route: str):
        """Assert that a SymPy expression (or each of a list) is exactly 0, or that a bool is true."""
        import sympy

        if isinstance(expression, bool | np.bool_):
            zero, left = bool(expression), "false"
        else:
            items = expression if isinstance(expression, list | tuple) else [expression]
            left = [e for e in map(sympy.simplify, items) if e != 0]
            zero = bool(items) and not left
        self._record("symbolic", route, zero, **({} if zero else {"remainder": str(left)}))

    def equal(self, got, expected, route: str):
        """Assert that two discrete results are equal."""
        same = got == expected
        self._record("exact", route, same, **({} if same else {"got": repr(got), "expected": repr(expected)}))

    def shows(self, text: str, value: float):
        """Assert that a value is printed right, to the digits given: `"0.474"`, `r"1.6 \\times 10^{-7}"`.

        The build requires that a sentence at a badge of the check prints the text, and that it prints no
        number that its checks do not show.
        """
        mantissa, _, power = compact(text).partition("\\times10^")
        exponent = int(power.strip("{}")) if power else 0
        digits = len(mantissa.partition(".")[2])
        rounded = f"{float(value) / 10.0**exponent:.{digits}f}"
        assert rounded == mantissa, f"{text} is printed, but the value is {value!r}"
        self.shown.append(text)

    def prints(self, text: str):
        """Require that the page has a text somewhere, as written; the build finds out, not the check."""
        self.wanted.append(text)
