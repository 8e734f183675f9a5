"""Numbers in sentences: which of them ran in a check at their badge, which are cited, which are typed."""

import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from lxml import html
from paper.article import Article
from paper.rules import anchor
from paper.sources import Sources

from checking.citations import BLOCKS, MARK, SENTENCE
from checking.numbers import compact, numbers

BADGE = re.compile(f"{MARK}([^{MARK}]+){MARK}")
OTHER_UNITS = ("the-question", "hints", "checked", "marking-scheme", "references")  # no claims of the page


@dataclass
class Sentence:
    """A sentence of a page as it is written: its text with TeX, the checks at its badges, is it cited?"""

    text: str
    checks: list[str]
    cited: bool

    @property
    def numbers(self) -> list[str]:
        """The numbers that a reader takes for results, as printed."""
        return numbers(self.text)


def sentences(article: Article) -> Iterator[Sentence]:
    """Yield the sentences of the sections in which a part makes claims."""
    unit = None
    for child in article.tree:
        unit = child.get("id") if child.tag == "h2" else unit
        if unit and unit not in OTHER_UNITS:
            for block in child.iter(*BLOCKS):
                if not any(inner.tag in BLOCKS for inner in block.iterdescendants()):
                    yield from split(block)


def split(block: html.HtmlElement) -> Iterator[Sentence]:
    """Yield the sentences of a block; a table cell is one."""
    block = deepcopy(block)
    for badge in block.xpath('.//a[contains(@class, "badge")]'):
        badge.text = f"{MARK}{badge.get('href', '#none')[1:]}{MARK}"
    for link in block.xpath('.//a[contains(@class, "citation")]'):
        link.text = f"{MARK}cited{MARK}"
    text = " ".join(block.text_content().split())
    for part in [text] if block.tag in ("td", "th") else SENTENCE.split(text):
        names = BADGE.findall(part)
        checks = [name for name in names if name != "cited"]
        yield Sentence(BADGE.sub("", part), checks, "cited" in names)


def account(article: Article, records: list[dict]) -> Counter:
    """Count the numbers of a page that ran, are cited or are typed; note problems in the article.

    A sentence with badges must print what their checks show, and no other number. What a check that
    did not pass would have shown is not known.
    """
    passed = {anchor(record["name"]) for record in records if record["state"] == "passed"}
    shown = {anchor(record["name"]): record.get("shows", []) for record in records}
    places = {anchor(record["name"]): record["place"] for record in records}
    sources, counts, printed = Sources(article.sources.page), Counter(), set()
    for sentence in sentences(article):
        ran = [(check, text) for check in sentence.checks for text in shown.get(check, ())]
        printed |= {(check, text) for check, text in ran if compact(text) in compact(sentence.text)}
        known = Counter(number for _, text in ran for number in numbers(text))
        place = [sources.locate(f"(#{check})") for check in sentence.checks][:1]
        for number in sentence.numbers:
            counts["run" if number in known else "cited" if sentence.cited else "typed"] += 1
            if place and number not in known and not sentence.cited and passed.issuperset(sentence.checks):
                names = ", ".join(check.removeprefix("check-") for check in sentence.checks)
                message = f"the number {number} stands at a badge, but the check {names} does not show it"
                article.problems.append(f"{place[0]}: {message} (evidence.shows)")
    for record in records:
        for text in record.get("prints", ()):
            if text not in sources.texts[sources.page]:
                article.problems.append(f"{record['place']}: the page does not print {text!r}")
    for check, texts in shown.items():
        for text in texts:
            if (check, text) not in printed:
                message = f"the check shows {text}, which no sentence at its badge prints"
                article.problems.append(f"{places[check]}: {message}")
    return counts
