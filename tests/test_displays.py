"""The displays of displays.py: some hold and, with one value changed, fail; the others are refused."""

import re

import pytest
from checking.evidence import Evidence
from conftest import ROOT
from displays import GIVEN, HOLD, REFUSED
from maths.equations import NO_MATHEMATICS, EquationError
from maths.typeset import typeset

CASES = [(kind, *case) for kind, cases in HOLD.items() for case in cases]


def name(value) -> str:
    """Return the name of a test: its display."""
    return value if isinstance(value, str) else ""


@pytest.fixture(scope="module", autouse=True)
def together():
    """Typeset all displays at once."""
    displays = [tex for _, tex, _, _ in CASES] + [tex for tex, _, _ in REFUSED]
    typeset([(NO_MATHEMATICS.sub("", tex).strip(), True) for tex in displays])


@pytest.fixture
def page(tmp_path):
    """Return a function that writes one equation to a page and gives its evidence."""

    def make(tex: str) -> Evidence:
        path = tmp_path / "index.md"
        path.write_text(f"# Page\n\n$$\n{tex}\n\\label{{eq-a}}\n$$\n")
        return Evidence(path)

    return make


@pytest.mark.parametrize(("tex", "scope", "change"), [case[1:] for case in CASES], ids=name)
def test_display_holds(page, tex, scope, change):
    """A display holds for right values, and fails for wrong ones by the comparison, not by an error."""
    page(tex).equation("eq-a", 1e-12, "by hand", **GIVEN | scope)
    with pytest.raises(AssertionError):
        page(tex).equation("eq-a", 1e-12, "by hand", **GIVEN | scope | change)


@pytest.mark.parametrize(("tex", "scope", "words"), REFUSED, ids=name)
def test_display_is_refused(page, tex, scope, words):
    """What can be read two ways, or does not fit, is refused with file, line and a remedy."""
    with pytest.raises(EquationError, match=r"index\.md:4: equation eq-a: ") as error:
        page(tex).equation("eq-a", 1e-12, "by hand", **GIVEN | scope)
    assert words in str(error.value)


def test_there_are_enough():
    """The table holds at least 150 displays, each once."""
    every = [tex for _, tex, _, _ in CASES]
    assert len(every) == len(set(every)) >= 150


def test_examples_of_the_page_are_tested():
    """Every equation in the tables of the page for authors is one of the displays, held or refused there."""
    accepted, refused = (ROOT / "docs/equations.md").read_text().split("## What is refused")
    parts = accepted.partition("## Numbers")[2], refused
    shown = [re.findall(r"^\| `(.*?)` \| ", part, re.MULTILINE) for part in parts]
    assert len(shown[0]) > 20 and set(shown[0]) <= {tex for _, tex, _, _ in CASES}
    assert len(shown[1]) > 10 and set(shown[1]) <= {tex for tex, _, _ in REFUSED}
