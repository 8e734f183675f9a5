"""The house rules of a part's page: its sections, its marks, its topics."""

import re
from itertools import takewhile

from paper.article import Article
from paper.exam import MINUTES_PER_MARK, marks_in_paper, plain, solved
from paper.parts import DOCS, Part, where
from paper.references import prose

SECTIONS = (
    "The question",
    "Hints",
    "Answer at exam length",
    "Solution in full",
    "Checked",
    "Marking scheme",
    "Common mistakes",
    "Variants",
    "References",
)
CHECKS = "checks/"  # the page of the checks of a part, below its address


WORDS_PER_MINUTE = 22  # handwritten
INLINE, DISPLAY = 1.5, 13  # words: what writing a formula costs, in a line and displayed


def line_of(part: Part, pattern: str) -> str:
    """Return `file:line` of the first line of the part's page that matches."""
    lines = part.page.read_text().splitlines()
    found = next((i for i, line in enumerate(lines, 1) if re.search(pattern, line)), None)
    return where(part.page, found)


def sections(part: Part, article: Article) -> list[str]:
    """Require the nine sections, in their order."""
    found = [heading.text_content().strip("¶ ") for heading in article.tree.iter("h2")]
    if found == list(SECTIONS):
        return []
    missing = [name for name in SECTIONS if name not in found]
    extra = [name for name in found if name not in SECTIONS]
    why = [f"missing {missing}"] * bool(missing) + [f"unknown {extra}"] * bool(extra)
    place = line_of(part, rf"^## {re.escape(extra[0])}" if extra else r"^## ")
    return [f"{place}: the sections of a part: {', '.join(why) or 'wrong order'}"]


def marks(part: Part, article: Article) -> list[str]:
    """Require that the marking scheme adds up to the marks of the part, and these to the paper's."""
    entry, problems = solved(part), []
    if not entry.marks:
        return []  # a problem of the front matter
    given = marks_in_paper(part)
    if given is not None and given != entry.marks:
        problems.append(
            f"{line_of(part, '^marks:')}: {plain(entry.marks)} marks; the paper gives {plain(given)}"
        )
    cells = article.tree.xpath(
        './/h2[@id="marking-scheme"]/following::table[1]//tr[normalize-space()]/td[last()]'
    )
    try:
        total = sum(float(cell.text_content()) for cell in cells)
    except ValueError as error:
        return problems + [f"{line_of(part, '^## Marking scheme')}: the last column must hold marks: {error}"]
    if total != entry.marks:
        place = line_of(part, "^## Marking scheme")
        problems.append(
            f"{place}: the points add up to {plain(total)} marks, the part has {plain(entry.marks)}"
        )
    return problems


def topics(part: Part, vocabulary: list[str]) -> list[str]:
    """Require topics from the vocabulary in mkdocs.yml."""
    unknown = [tag for tag in solved(part).tags if tag not in vocabulary]
    place = line_of(part, "^tags:")
    return [
        f"{place}: unknown topic {tag!r}; the vocabulary is extra.topics in mkdocs.yml" for tag in unknown
    ]


def cost(article: Article) -> float:
    """Return how long the answer at exam length takes to write by hand, in words; a formula costs some."""
    words = 0.0
    for heading in article.tree.xpath('./h2[@id="answer-at-exam-length"]'):
        for block in takewhile(lambda element: element.tag != "h2", heading.itersiblings()):
            for element, slot in prose(block):
                words += count(getattr(element, slot))
            words += sum(count(code.text) for code in block.iter("code"))
            for formula in block.xpath('descendant-or-self::*[contains(@class, "arithmatex")]'):
                words += DISPLAY if formula.text_content().startswith("\\[") else INLINE
    return words


def count(text: str | None) -> int:
    """Return the number of words in a text, of which each holds a letter or a digit."""
    return sum(any(map(str.isalnum, word)) for word in (text or "").split())


def writing(part: Part, article: Article) -> list[str]:
    """Require that the answer at exam length can be written in the time that the marks allow."""
    words, allowed = cost(article), WORDS_PER_MINUTE * MINUTES_PER_MARK * solved(part).marks
    if words <= allowed or not allowed:  # without marks it is a problem of the front matter
        return []
    place = line_of(part, "^## Answer at exam length")
    return [
        f"{place}: the answer takes {words / WORDS_PER_MINUTE:.1f} minutes"
        f" to write ({words:g} words, a formula counted as {INLINE:g} and a display as {DISPLAY}); its marks"
        f" allow {allowed / WORDS_PER_MINUTE:.1f} minutes, {allowed:.0f} words"
    ]


def checked(part: Part, article: Article, records: list[dict]) -> list[str]:
    """Require at least one check, the place where all are shown, and badges that name real checks."""
    problems = []
    if not records:
        problems.append(f"{where(part.page)}: the part has no check")
    if not article.tree.xpath('.//comment()[normalize-space()="checks"]'):
        problems.append(
            f"{line_of(part, '^## Checked')}: the page does not show its checks (<!-- checks -->)"
        )
    names = {anchor(record["name"]) for record in records}
    for link in article.tree.xpath('.//a[starts-with(@href, "#check-")]'):
        if records and link.get("href")[1:] not in names:
            problems.append(
                f"{article.sources.locate(link.get('href'), again=True)}: no check {link.get('href')[7:]!r}"
            )
    return problems


def anchor(name: str) -> str:
    """Return the anchor of a check: `check-clip-identity` for `test_clip_identity`."""
    return "check-" + re.sub(r"\W+", "-", name.removeprefix("test_").replace("_", "-")).strip("-")


def snippet(part: Part) -> list[str]:
    """Require that the question is included from the paper where the paper has it."""
    if marks_in_paper(part) is None:
        return []
    section = f"q{part.number.replace('(', '-').rstrip(')')}"
    if re.search(rf'--8<-- "{re.escape((DOCS / "exam.md").name)}:{section}"', part.page.read_text()):
        return []
    place, line = line_of(part, "^## The question"), f'--8<-- "exam.md:{section}"'
    return [f"{place}: the question is not included from the paper ({line})"]


def broken(part: Part, article: Article, records: list[dict], vocabulary: list[str]) -> list[str]:
    """Return every house rule that the page of the part breaks, each with its place."""
    return [
        *sections(part, article),
        *marks(part, article),
        *writing(part, article),
        *topics(part, vocabulary),
        *checked(part, article, records),
        *snippet(part),
    ]
