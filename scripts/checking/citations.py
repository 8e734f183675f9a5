"""Citations: link each to its entry in the page's list of references, and find the claim it backs."""

import re
from copy import deepcopy
from dataclasses import dataclass, field

from lxml import html
from paper.article import Article
from paper.references import prose, replace

CITATION = re.compile(r"\[(\d+)(?:, [^\[\]]*)?\]")
BLOCKS = ("p", "li", "td", "th", "figcaption", "dd", "summary")
SENTENCE = re.compile(r"(?<=[.!?…])[\s*]+(?=[A-Z“‘(])")
MARK = "\ue000"  # stands before the citation while its sentence is looked up
PAUSE = "\ue001"  # stands for a full stop inside a citation, which ends no sentence


@dataclass
class Citation:
    """One place where a page cites its reference `number`: `[1, Prop. 3.5]`."""

    number: int
    text: str
    place: str
    link: html.HtmlElement = field(repr=False)

    def claim(self) -> str:
        """Return the sentence that the citation stands in, or what a table cell says up to it."""
        block = next((e for e in self.link.iterancestors() if e.tag in BLOCKS), self.link)
        self.link.text = MARK + self.text
        copy = deepcopy(block)
        self.link.text = self.text
        for badge in copy.xpath('.//a[contains(@class, "badge")]'):
            badge.text = ""
        text = re.sub(r" +(?=[.,;:])", "", " ".join(copy.text_content().split()))
        if block.tag == "td":
            return (text.partition(MARK)[0] + self.text).strip()
        text = CITATION.sub(lambda match: match[0].replace(". ", PAUSE), text)
        sentence = next(part for part in SENTENCE.split(text) if MARK in part).replace(PAUSE, ". ")
        if sentence.startswith(MARK):  # a paragraph that begins with a citation cites what stands above
            number = self.link.xpath('string(preceding::*[contains(@class, "equation-number")][1])')
            return f"Equation {number}"
        return sentence.replace(MARK, "")


def references(article: Article) -> list[html.HtmlElement]:
    """Return the entries of the page's list of references."""
    return article.tree.xpath('.//h2[@id="references"]/following::ol[1]/li')


def described(entry: html.HtmlElement) -> str:
    """Return a reference as text, up to the sentence in which its first formula stands, if it has one."""
    copy = deepcopy(entry)
    for formula in copy.xpath('.//*[contains(@class, "arithmatex") or contains(@class, "math")]'):
        formula.text = MARK
    before, _, cut = " ".join(copy.text_content().split()).partition(MARK)
    return before.rpartition(". ")[0] + "." if cut and ". " in before else before.rstrip(" (")


def link_citations(article: Article) -> list[Citation]:
    """Link every citation of the page to its reference; return those that back a claim.

    A citation without a reference is a problem of the article.
    """
    entries, found = references(article), []
    for number, entry in enumerate(entries, 1):
        entry.set("id", f"reference-{number}")

    def link(match: re.Match) -> html.HtmlElement:
        number, place = int(match[1]), article.sources.locate(match[0])
        if not 1 <= number <= len(entries):
            article.problems.append(
                f"{place}: {match[0]} cites reference {number}; the page lists {len(entries)}"
            )
        made = html.fromstring(f'<a class="citation" href="#reference-{number}"></a>')
        if not 1 <= number <= len(entries):
            del made.attrib["href"]
        made.text = match[0]
        found.append(Citation(number, match[0], place, made))
        return made

    for element, slot in prose(article.tree):
        replace(element, slot, CITATION, link)
    found = [c for c in found if not any(entry in entries for entry in c.link.iterancestors())]
    for index, citation in enumerate(found, 1):
        citation.link.set("id", f"citation-{index}")
    return found
