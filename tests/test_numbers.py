"""Numbers in sentences: what counts as one, and that a sentence at a badge prints just what ran."""

import pytest
from checking.evidence import Evidence
from checking.numbers import numbers
from checking.sentences import account
from paper.article import Article
from paper.sources import Sources

RECORD = {"name": "test_mean", "place": "docs/q9/a/checks.py:7", "shows": ["0.474"], "state": "passed"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("In 3 of 19 runs, with L = 20 and 88 %", ["3", "19", "20", "88"]),
        (r"After \(163\,000\) or 104,000 steps", ["104000", "163000"]),
        (r"about \(1.6 \times 10^{-7}\) and 0.5–0.7, at \(\beta = 0.1\)", ["0.5", "0.7", "1.6", "10", "0.1"]),
        (r"Section 4.2 of a 135M model, GPT-2, Llama-3.1-8B, R1, step 3, (4), the 7th", []),
        (r"\(x^2 / 2\) is 0 or 1, by \eqref{eq-17} and \ref{thm-33}", []),
    ],
)
def test_what_counts_as_a_number(text, found):
    """Numbers in text count but for 0 and 1, in formulas those of two digits; names of places do not."""
    assert numbers(text) == found


def accounted(tmp_path, sentence: str, record: dict = RECORD) -> tuple[dict, list[str]]:
    """Return the counts and the problems of a page with one sentence."""
    badge = '<a class="badge" href="#check-mean">checked</a>'
    page = tmp_path / "index.md"
    page.write_text("First line.\n\n" + sentence.replace("BADGE", "[checked](#check-mean)"))
    text = f'<h2 id="solution-in-full">Solution in full</h2><p>{sentence.replace("BADGE", badge)}</p>'
    article = Article(text, Sources(page))
    return dict(account(article, [record])), article.problems


def test_a_number_that_ran(tmp_path):
    """A sentence that prints what its check shows has a number that ran; the next sentence's is typed."""
    counts, problems = accounted(tmp_path, "The mean is 0.474 BADGE. It has 12 terms.")
    assert counts == {"run": 1, "typed": 1} and problems == []


def test_a_mistyped_number(tmp_path):
    """A mistyped number is reported twice: where it stands, and at the check whose number is missing."""
    _, problems = accounted(tmp_path, "The mean is 0.447 BADGE.")
    assert len(problems) == 2
    assert "index.md:3: the number 0.447 stands at a badge" in problems[0]
    assert problems[1].startswith("docs/q9/a/checks.py:7: the check shows 0.474")


def test_a_number_beside_those_that_ran(tmp_path):
    """A number that no check at the badge shows is a problem, also beside one that does."""
    _, problems = accounted(tmp_path, r"Of \(200\) runs the mean is 0.474 BADGE.")
    assert len(problems) == 1 and "the number 200" in problems[0]


@pytest.mark.parametrize(
    ("text", "value"), [("0.474", 0.47449), ("20", 20), (r"1.6 \times 10^{-7}", 1.62e-7), ("-0.16", -0.158)]
)
def test_a_value_as_printed(text, value):
    """A value is printed right if it rounds to the digits that are printed; the next one does not."""
    evidence = Evidence()
    evidence.shows(text, value)
    assert evidence.shown == [text]
    with pytest.raises(AssertionError, match="is printed"):
        evidence.shows(text, value * 1.05)


def test_a_formula_in_a_sentence():
    """A formula in a sentence is compared as it is printed, and a sentence at a badge must print it."""
    evidence = Evidence()
    values = {"Delta": 2.0, "beta": 0.1, "L": 20}
    evidence.equation(evidence.sentence(r"\Delta = \beta L"), 1e-12, "by hand", **values)
    assert evidence.shown == [r"\Delta = \beta L"]
    with pytest.raises(AssertionError, match="does not hold"):
        evidence.equation(evidence.sentence(r"\Delta = -\beta L"), 1e-12, "by hand", **values)


def test_a_flipped_sign_in_a_sentence(tmp_path):
    """A formula that the sentence prints otherwise than it ran is reported at the check."""
    record = RECORD | {"shows": [r"\Delta = \beta L"]}
    assert accounted(tmp_path, r"So \(\Delta = \beta\, L\) BADGE.", record)[1] == []
    _, problems = accounted(tmp_path, r"So \(\Delta = -\beta L\) BADGE.", record)
    assert len(problems) == 1 and r"the check shows \Delta = \beta L" in problems[0]


def test_a_text_that_a_check_wants(tmp_path):
    """A text that a check prints must stand on the page as it is written."""
    record = RECORD | {"shows": [], "prints": ["$h = 2$"]}
    assert accounted(tmp_path, "Let $h = 2$.", record)[1] == []
    (problem,) = accounted(tmp_path, "Let $h = 3$.", record)[1]
    assert problem == "docs/q9/a/checks.py:7: the page does not print '$h = 2$'"
