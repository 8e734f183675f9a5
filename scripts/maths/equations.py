"""Evaluate the labelled equations of a page: the TeX that readers see is what runs."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paper.parts import DOCS, where

from maths.evaluate import Evaluator, Exact
from maths.tex import Node, TexError, statements

PARSER = ("maths/equations", "maths/evaluate", "maths/tex", "maths/tokens")  # between the TeX and a value
DISPLAY = re.compile(r"^[ \t]*\$\$[ \t]*\n(.*?)\n[ \t]*\$\$[ \t]*$", re.DOTALL | re.MULTILINE)
HIDDEN = re.compile(r"<!--.*?-->|^[ \t]*(```+|~~~+).*?^[ \t]*\1", re.DOTALL | re.MULTILINE)


class EquationError(ValueError):
    """Says which equation could not be found, read or evaluated, with file and line."""


@dataclass(frozen=True)
class Equation:
    """A labelled display of a page: its TeX, its place in the source, and its parsed statements."""

    label: str
    tex: str
    place: str
    statements: tuple[Node, ...]

    def sides(
        self, scope: dict, sets: dict | None = None, exact: bool = False
    ) -> list[tuple[tuple[str, ...], list]]:
        """Return for each statement its relation signs and the values of its sides.

        `scope` gives every symbol a number, an array or a function, under its plain name
        (`\\pi_\\theta` is `pi_theta`, `y'` is `y_prime`); `sets` gives every bound variable its values.
        With `exact` the values are SymPy expressions.
        """
        evaluate = (Exact if exact else Evaluator)(scope, sets or {})
        return [(node.value, [self._value(evaluate, n) for n in node.parts]) for node in self.statements]

    def function(self, statement: int = 0, side: int = -1, sets: dict | None = None) -> Callable:
        """Return one side of the equation as a function of its symbols, by their plain names."""
        node = self.statements[statement].parts[side]
        return lambda **scope: self._value(Evaluator(scope, sets or {}), node)

    def _value(self, evaluate: "Evaluator", node: Node):
        try:
            return evaluate(node)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            reason = str(error.args[0]) if error.args else type(error).__name__
            raise EquationError(f"{self.place}: equation {self.label}: {reason}") from error


def matches(page: Path) -> list[re.Match]:
    """Return the displays of a page, their TeX as group 1, without those in comments and code."""
    shown = HIDDEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), page.read_text())
    return list(DISPLAY.finditer(shown))


def displays(page: Path) -> list[str]:
    """Return the TeX of the page's displays."""
    return [match[1] for match in matches(page)]


def find(page: Path, label: str) -> Equation:
    """Return the display of the page that carries the label.

    Raises EquationError if the page has no such label or has it twice, or its TeX does not parse.
    """
    found = [match for match in matches(page) if f"\\label{{{label}}}" in match[1]]
    for match in found:
        place = where(page, match.string.count("\n", 0, match.start(1)) + 1)
        if len(found) > 1:
            raise EquationError(f"{place}: the label {label!r} stands at {len(found)} displays")
        try:
            return Equation(label, match[1], place, tuple(statements(match[1])))
        except TexError as error:
            raise EquationError(f"{place}: equation {label}: {error}") from error
    others = [
        p for p in sorted(DOCS.glob("q*/*/index.md")) if p != page and f"\\label{{{label}}}" in p.read_text()
    ]
    elsewhere = f"; {where(others[0])} has it" if others else ""
    raise EquationError(f"{where(page)}: the page has no equation {label!r}{elsewhere}")
