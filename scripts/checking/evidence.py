"""The pytest plugin through which a check asserts a claim and records its evidence."""

import inspect
import json
import re
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from maths.equations import Equation, find

CLAIM = re.compile(r'def \w+\(.*?\):\s*(?P<raw>r?)"""(?P<text>.*?)"""', re.DOTALL)


def excess(sign: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return by how much a relation fails, relative to the larger side where that exceeds 1."""
    scale = np.maximum(1, np.maximum(np.abs(left), np.abs(right)))
    if sign == "=":
        return np.abs(left - right) / scale
    smaller, larger = (left, right) if sign in "<≤" else (right, left)
    if sign in "<>":  # strict: equality fails too
        return np.where(smaller < larger, 0, np.inf)
    return np.maximum((smaller - larger) / scale, 0)


def difference(left, right):
    """Return the difference of two SymPy expressions, simplified."""
    import sympy

    return sympy.simplify(sympy.sympify(left - right).rewrite(sympy.exp))


class Evidence:
    """Asserts comparisons and keeps a record of each: method, route, error, tolerance, samples."""

    def __init__(self, page: Path | None = None):
        self.records, self.page, self.read = [], page, []

    def _record(self, method: str, route: str, passed, **numbers):
        self.records.append({"method": method, "route": route, "passed": bool(passed)} | numbers)
        assert passed, f"{route}: " + ", ".join(f"{k} {v!r}" for k, v in numbers.items())

    def close(self, got, expected, tolerance: float, route: str):
        """Assert that the largest absolute difference is at most `tolerance`; NaN fails."""
        difference = np.abs(np.asarray(got, float) - np.asarray(expected, float))
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

    def printed(self, label: str) -> Equation:
        """Return a labelled equation of the page as it is printed; equations compared later rest on it."""
        self.read.append(label)
        return find(self.page, label)

    def equation(
        self, label: str, tolerance: float, route: str, sets: dict | None = None, tight: bool = False, **scope
    ):
        """Assert that a labelled equation of the page, parsed from its TeX, holds for given values.

        Every `=` must hold to `tolerance`, relative to the larger side where that exceeds 1, and every
        inequality with no more slack than that; if the values are `tight`, it must hold as `=` too.
        `scope` gives each symbol its value under its plain name (`\\pi_\\theta` is `pi_theta`), `sets`
        each bound variable its values. What the check supplies for one side must come by another route
        than the other side.
        """
        equation, worst, samples = find(self.page, label), 0.0, 0
        for signs, sides in equation.sides(scope, sets):
            if tight and set(signs) & set("<>"):
                raise ValueError(f"{equation.place}: equation {label}: a strict inequality is never tight")
            for sign, left, right in zip(signs, sides, sides[1:]):
                try:
                    error = excess("=" if tight else sign, np.asarray(left, float), np.asarray(right, float))
                    worst, samples = float(np.maximum(worst, error.max())), samples + error.size
                except ValueError as problem:  # shapes that do not fit, or no values
                    raise ValueError(f"{equation.place}: equation {label}: {problem}") from problem
        self._executed(
            equation, "executed", route, worst <= tolerance,
            error=worst, tolerance=float(tolerance), samples=samples,
        )  # fmt: skip

    def identity(self, label: str, route: str, sets: dict | None = None, **scope):
        """Assert that a labelled equation holds for all values of the SymPy symbols in `scope`.

        The page's TeX is parsed, and SymPy must reduce the difference of its sides to exactly 0.
        """
        equation, left_over = find(self.page, label), []
        for signs, sides in equation.sides(scope, sets, exact=True):
            if set(signs) - {"="}:
                raise ValueError(f"{equation.place}: equation {label}: only = can be proved symbolically")
            left_over += [difference(a, b) for a, b in zip(sides, sides[1:])]
        if not left_over:
            raise ValueError(f"{equation.place}: equation {label}: nothing was compared")
        left_over = [expression for expression in left_over if expression != 0]
        self._executed(
            equation, "symbolic", route, not left_over,
            **({"remainder": str(left_over[0])} if left_over else {}),
        )  # fmt: skip

    def _executed(self, equation: Equation, method: str, route: str, passed: bool, **numbers):
        """Record what was found for an equation; a failure names the place of the equation."""
        if reads := [label for label in dict.fromkeys(self.read) if label != equation.label]:
            numbers["reads"] = reads
        try:
            self._record(method, route, passed, equation=equation.label, **numbers)
        except AssertionError as failed:
            raise AssertionError(f"{equation.place}: the equation does not hold: {failed}") from None

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


@pytest.fixture
def evidence(request, record_property):
    """Give the check its `Evidence`, and hand the records to the JUnit report."""
    collected = Evidence(request.path.parent / "index.md")
    yield collected
    marker = request.node.get_closest_marker("library")
    record_property("claim", " ".join((request.function.__doc__ or "").split()))
    record_property("line", request.function.__code__.co_firstlineno)
    record_property("evidence", json.dumps(collected.records))
    if marker:
        record_property("libraries", json.dumps({name: version(name) for name in marker.args}))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """Fail a check that records no evidence, or whose claim Python reads otherwise than it is written."""
    outcome = yield
    if "evidence" not in item.fixturenames or outcome.excinfo:
        return
    claim = CLAIM.search(inspect.getsource(item.function))
    if claim and not claim["raw"] and "\\" in claim["text"]:
        outcome.force_exception(AssertionError('the claim holds TeX: write r""" before it'))
    if not item.funcargs["evidence"].records:
        outcome.force_exception(AssertionError("the check recorded no evidence"))


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "library(*names): needs public libraries that the site build does not install"
    )
