"""Evaluate the labelled equations of a page: the TeX that readers see is what runs."""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
from paper.parts import DOCS, where
from paper.sources import shown

from maths.algebra import same
from maths.evaluate import Evaluator
from maths.lines import statements
from maths.tokens import TexError, tokens
from maths.tree import Node
from maths.typeset import NO_MATHEMATICS, typeset

MODULES = {path.stem for path in Path(__file__).parent.glob("*.py")}
PARSER = sorted(MODULES - {"__init__", "mutations", "typeset"})  # what stands between the TeX and a value
DISPLAY = re.compile(r"^[ \t]*\$\$[ \t]*\n(.*?)\n[ \t]*\$\$[ \t]*$", re.DOTALL | re.MULTILINE)
LABEL = re.compile(r"\\label\{([^}]*)\}")
replaced: dict[str, tuple] = {}  # the statements that a mutation test puts in the place of a label's
CAUGHT = LookupError, TypeError, ValueError, ArithmeticError, AttributeError, Warning


class EquationError(ValueError):
    """Says which equation could not be found, read or evaluated, with file and line."""


@dataclass(frozen=True)
class Equation:
    """A labelled display of a page: its TeX, its place in the source, and its parsed statements."""

    label: str
    tex: str
    place: str
    statements: tuple[Node, ...]

    def sides(self, scope: dict, sets: dict | None = None, exact: bool = False, **reading) -> list[tuple]:
        """Return for each statement its relation signs and the values of its sides.

        `scope` gives every symbol a number, an array or a function, under its plain name
        (`\\pi_\\theta` is `pi_theta`, `y'` is `y_prime`); `sets` gives every bound variable its values;
        `reading` is `upper` and `conjugate` of the Evaluator. With `exact` the values are SymPy expressions.
        What is only declared, as x ∈ ℝ^n, is checked, and is none of the statements.
        """
        kind = import_module("maths.exact").Exact if exact else Evaluator  # SymPy only where it is needed
        with self.strictly():
            return self.values(kind(scope, sets, **reading))

    def values(self, evaluate: Evaluator) -> list[tuple]:
        """Return for each statement its relation signs and the values of its sides."""
        return [found for node in self.statements if (found := evaluate.sides(node))[0]]

    def function(self, statement: int = 0, side: int = -1, each: str = "", **reading) -> Callable:
        """Return one side of the equation as a function of its symbols, by their plain names.

        Those named in `each` are arrays of samples: the side is computed once for each of their entries.
        """
        node, names = self.statements[statement].parts[side], each.split()

        def value(**scope):
            samples = [np.asarray(scope[name]) for name in names] or [np.array(0)]
            same("samples", *samples)
            with self.strictly():
                entries = [
                    Evaluator(scope | dict(zip(names, sample)), **reading)(node)
                    for sample in zip(*(array.ravel().tolist() for array in samples))
                ]
            shape = *samples[0].shape, *np.shape(entries[0])
            return np.array(entries).reshape(shape) if names else entries[0]

        return value

    @contextmanager
    def strictly(self):
        """Make warnings errors, and let errors name the place of the equation."""
        try:
            with warnings.catch_warnings(action="error"), np.errstate(all="raise", under="ignore"):
                yield
        except EquationError:
            raise
        except CAUGHT as error:
            reason = str(error.args[0]) if error.args else type(error).__name__
            named = f"{self.place}: equation {self.label}" if self.label else self.place
            raise EquationError(f"{named}: {reason}") from error


def matches(page: Path) -> list[re.Match]:
    """Return the displays of a page, their TeX as group 1, without those in comments and code."""
    return list(DISPLAY.finditer(shown(page.read_text())))


def displays(page: Path) -> list[str]:
    """Return the TeX of the page's displays."""
    return [match[1] for match in matches(page)]


@cache
def mathml(displayed: tuple[str, ...]) -> dict:
    """Return the typeset form of displays, by their TeX; all of a page are typeset at once."""
    return dict(zip(displayed, typeset([(NO_MATHEMATICS.sub("", tex).strip(), True) for tex in displayed])))


def labelled(page: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the label, the TeX and the place of each labelled display of a page."""
    for match in matches(page):
        if label := LABEL.search(match[1]):
            yield label[1], match[1], where(page, match.string.count("\n", 0, match.start(1)) + 1)


def find(page: Path, label: str) -> Equation:
    """Return the display of the page that carries the label.

    Raises EquationError if the page has no such label or has it twice, or its TeX does not parse.
    """
    every = list(labelled(page))
    found = [(tex, place) for name, tex, place in every if name == label]
    if not found:
        pages = (p for p in sorted(DOCS.glob("q*/*/index.md")) if p != page)
        others = [p for p in pages if f"\\label{{{label}}}" in p.read_text()]
        elsewhere = f"; {where(others[0])} has it" if others else ""
        raise EquationError(f"{where(page)}: the page has no equation {label!r}{elsewhere}")
    tex, place = found[0]
    if len(found) > 1:
        raise EquationError(f"{place}: the label {label!r} stands at {len(found)} displays")
    made = mathml(tuple(other for _, other, _ in every))[tex]
    return Equation(label, tex, place, replaced.get(label) or parsed(made, f"{place}: equation {label}"))


def formula(tex: str) -> Equation:
    """Return a formula of a sentence."""
    place = f"the formula {tex}"
    return Equation("", tex, place, parsed(typeset([(tex, False)])[0], place))


def parsed(made, place: str) -> tuple[Node, ...]:
    """Return the statements of a typeset display."""
    try:
        if made.error:
            raise TexError(made.error)
        return tuple(statements(tokens(made.mathml)))
    except TexError as error:
        raise EquationError(f"{place}: {error}") from error


def unread(page: Path) -> list[str]:
    """Return for each labelled display of the page that cannot be read what is wrong, with its place.

    One that cannot be typeset is a problem of the formulas.
    """
    problems, every = [], list(labelled(page))
    made = mathml(tuple(tex for _, tex, _ in every))
    for label, tex, place in every:
        try:
            if not made[tex].error:
                parsed(made[tex], f"{place}: equation {label}")
        except EquationError as error:
            problems.append(str(error))
    return problems
