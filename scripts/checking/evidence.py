"""The pytest plugin through which a check asserts a claim and records its evidence."""

import inspect
import json
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from maths.algebra import same
from maths.equations import Equation, find, formula
from maths.evaluate import Evaluator
from paper.markup import rows
from paper.parts import where

from checking.comparisons import Comparisons

CLAIM = re.compile(r'def \w+\(.*?\):\s*(?P<raw>r?)"""(?P<text>.*?)"""', re.DOTALL)


def excess(sign: str, left, right):
    """Return by how much a relation fails, relative to the larger side where that exceeds 1."""
    if sign == "≠":
        return np.where(np.asarray(left) == right, np.inf, 0.0)
    if type(left) is float is type(right):  # faster
        apart = abs(left - right) / max(1, abs(left), abs(right))
    else:
        apart = np.abs(left - right) / np.maximum(1, np.maximum(np.abs(left), np.abs(right)))
    if sign in "=≈":
        return apart
    if np.iscomplexobj(left) or np.iscomplexobj(right):
        raise TypeError(f"complex numbers have no order: {left!r} {sign} {right!r}")
    holds = left < right if sign in "<≤" else right < left
    # A strict inequality fails for equal sides, whatever the tolerance.
    return np.where(holds, 0.0, np.inf if sign in "<>" else apart)


def difference(left, right) -> list:
    """Return the differences of two SymPy expressions, or arrays of one shape, simplified."""
    import sympy

    same("the two sides", left, right)
    entries = np.ravel(np.asarray(left - right, object))
    return [reduced(sympy.sympify(entry).rewrite(sympy.exp)) for entry in entries]


def reduced(expression):
    """Return 0 if the numerator of an expression expands to 0, which is soon seen, else it simplified."""
    import sympy

    zero = sympy.expand(sympy.numer(sympy.together(expression))) == 0
    return sympy.Integer(0) if zero else sympy.simplify(expression)


def samples(each: str | Iterable[dict], scope: dict) -> Iterator[dict]:
    """Yield the values that differ from sample to sample.

    Raises ValueError if the columns named in `each` do not hold the same number of samples.
    """
    if not isinstance(each, str):
        yield from each
        return
    names = each.split()
    columns = [scope[name] for name in names]
    columns = [c.tolist() if isinstance(c, np.ndarray) and c.ndim == 1 else list(c) for c in columns]
    if len({*map(len, columns)}) > 1:
        counts = ", ".join(f"{name} {len(column)}" for name, column in zip(names, columns))
        raise ValueError(f"the numbers of samples differ: {counts}")
    yield from (dict(zip(names, row)) for row in zip(*columns)) if names else ({},)


class Evidence(Comparisons):
    """Asserts comparisons, also of the equations of a page as they are printed."""

    def __init__(self, page: Path | None = None):
        super().__init__()
        self.page, self.read = page, []

    def printed(self, label: str) -> Equation:
        """Return a labelled equation of the page as it is printed; equations compared later rest on it."""
        self.read.append(label)
        return find(self.page, label)

    def sentence(self, tex: str) -> Equation:
        """Return a formula in a sentence at a badge of the check, to be compared as an `equation` is.

        The build requires that such a sentence prints it.
        """
        self.shown.append(tex)
        return formula(tex)

    def table(self, *head: str) -> dict[str, list[str]]:
        """Return the table of the page whose head begins so: first cell of each row → its other cells.

        Cells are as written in Markdown; the head is a row too. Raises KeyError if not one table fits.
        """
        found = [table for table in rows(self.page) if table[0][: len(head)] == [*head]]
        if len(found) != 1:
            raise KeyError(f"{where(self.page)}: {len(found)} tables begin with {' | '.join(head)}")
        return {row[0]: row[1:] for row in found[0]}

    def equation(
        self, label: str | Equation, tolerance: float, route: str, sets: dict | None = None,
        tight: bool = False, each: str | Iterable[dict] = "", upper: str = "", conjugate: bool = False,
        approx: float | None = None,
        **scope,
    ):  # fmt: skip
        """Assert that a labelled equation of the page, parsed from its TeX, holds for given values.

        Every `=` must hold to `tolerance`, relative to the larger side where that exceeds 1, and every
        inequality with no more slack than that; if the values are `tight`, it must hold as `=` too. A `≈`
        must hold to `approx`. `scope` gives each symbol its value under its plain name (`\\pi_\\theta` is
        `pi_theta`), `sets` each bound variable its values. The symbols named in `each` hold samples, and
        the equation is evaluated once for each; `each` may also be dicts with the values of one sample
        each. What the check supplies for one side must come by another route than the other side.
        """
        equation = label if isinstance(label, Equation) else find(self.page, label)
        worst, compared = 0.0, 0
        reading = {"sets": sets, "upper": upper, "conjugate": conjugate}
        with equation.strictly():
            for sample in samples(each, scope):
                for signs, sides in equation.values(Evaluator(scope | sample, **reading)):
                    for sign, left, right in zip(signs, sides, sides[1:]):
                        same("the two sides", left, right)
                        if not np.size(left):
                            raise ValueError("nothing was compared")
                        if tight and sign in "<>":
                            raise ValueError("a strict inequality is never tight")
                        if sign == "≈" and approx is None:
                            raise ValueError("≈ needs its own tolerance: give it in approx=")
                        error = excess("=" if tight and sign in "≤≥" else sign, left, right)
                        error = error / approx * tolerance if sign == "≈" else error
                        worst = float(np.maximum(worst, np.max(error)))  # not max, which may lose a NaN
                        compared += np.size(error)
            if not compared:
                raise ValueError("nothing was compared")
        self._executed(
            equation, "executed", route, worst <= tolerance,
            error=worst, tolerance=float(tolerance), samples=compared,
        )  # fmt: skip

    def identity(
        self, label: str, route: str, sets: dict | None = None, upper: str = "", conjugate: bool = False,
        **scope,
    ):  # fmt: skip
        """Assert that a labelled equation holds for all values of the SymPy symbols in `scope`.

        The page's TeX is parsed, and SymPy must reduce the difference of its sides to exactly 0.
        """
        equation, left_over = find(self.page, label), []
        with equation.strictly():
            for signs, sides in equation.sides(scope, sets, exact=True, upper=upper, conjugate=conjugate):
                if set(signs) - {"="}:
                    raise ValueError("only = can be proved symbolically")
                left_over += [e for a, b in zip(sides, sides[1:]) for e in difference(a, b)]
            if not left_over:
                raise ValueError("nothing was compared")
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
            labelled = {"equation": equation.label} if equation.label else {}
            self._record(method, route, passed, **labelled, **numbers)
        except AssertionError as failed:
            raise AssertionError(f"{equation.place}: the equation does not hold: {failed}") from None


@pytest.fixture
def evidence(request, record_property):
    """Give the check its `Evidence`, and hand the records to the JUnit report."""
    collected = Evidence(request.path.parent / "index.md")
    yield collected
    marker = request.node.get_closest_marker("library")
    record_property("claim", " ".join((request.function.__doc__ or "").split()))
    record_property("line", request.function.__code__.co_firstlineno)
    record_property("reads", json.dumps(list(dict.fromkeys(collected.read))))
    record_property("evidence", json.dumps(collected.records))
    record_property("shows", json.dumps(collected.shown))
    record_property("prints", json.dumps(collected.wanted))
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
    # What is cast away, overflows or is not a number stops a check.
    for warning in ("RuntimeWarning", "numpy.exceptions.ComplexWarning"):
        config.addinivalue_line("filterwarnings", f"error::{warning}")
    config.addinivalue_line(
        "markers", "library(*names): needs public libraries that the site build does not install"
    )
