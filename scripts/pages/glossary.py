"""The glossary: its entries, its page, and the mark at the first occurrence of a term in a section."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import yaml
from lxml import etree, html
from paper import exam
from paper.parts import DOCS, Part, discover, where
from paper.references import VERBATIM, prose, replace
from paper.settings import misfits

from pages import blocks

FILE, SYNONYMS = DOCS / "glossary.yml", DOCS / "synonyms.yml"
ENTRY = {"term": str, "says": str, "part": str}
NAMES = {"also": [str], "typed": [str]}  # shown and marked on pages; known to the search alone
# The question, the hints and the marking scheme explain nothing: what stands there may be sat as an exam.
SECTIONS = ("answer-at-exam-length", "solution-in-full", "common-mistakes", "variants")
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6", "th", "summary", "admonition-title"}
UNMARKED = VERBATIM | HEADINGS | {"a", "button", "math", "equation", "figure-number", "evidence-card"}
BETWEEN = r"[\s‐‑–-]+"  # between the words of a name


@dataclass(frozen=True)
class Term:
    """A term: its names, what it means in a sentence or two, and the folder of the part that explains it."""

    name: str
    also: tuple[str, ...]
    typed: tuple[str, ...]
    says: str
    part: str
    line: int

    @property
    def anchor(self) -> str:
        return re.sub(r"[^\w]+", "-", self.name.lower()).strip("-")

    @property
    def entry(self) -> exam.Entry:
        """The part that explains the term."""
        return exam.solved(Part(DOCS / self.part))


@lru_cache(maxsize=2)
def read(text: str) -> tuple[list[Term], list[tuple[int, str]]]:
    """Return the sound entries of the glossary, and what is wrong with the others, by line."""
    try:
        node, data = yaml.compose(text), yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return [], [(mark.line + 1 if mark else 1, f"not YAML: {getattr(error, 'problem', error)}")]
    if not isinstance(data, list):
        return [], [(1, "the glossary must be a list of terms")]
    terms, problems = [], []
    for inner, item in zip(node.value, data):
        if found := list(faults(inner, item)):
            problems += found
        else:
            also, typed = (tuple(item.get(key, ())) for key in NAMES)
            line = inner.start_mark.line + 1
            terms.append(Term(item["term"], also, typed, item["says"].strip(), item["part"], line))
    return sorted(terms, key=lambda term: term.name.lower()), problems


def faults(node: yaml.Node, item) -> Iterator[tuple[int, str]]:
    """Yield line and message for what is wrong in one entry alone."""
    given = item if isinstance(item, dict) else {}
    what = f"the entry {given['term']!r}" if given.get("term") else "an entry"
    yield from misfits(node, item, ENTRY | {key: NAMES[key] for key in NAMES if key in given}, what)
    line = node.start_mark.line + 1
    also = given.get("also")
    if "" in (given.get("term"), *(also if isinstance(also, list) else ())):
        yield line, f"{what} has an empty name"
    for key in sorted(map(str, given.keys() - {*ENTRY, *NAMES})):
        yield line, f"{what} has an unknown key {key!r}"
    if "part" in given and given["part"] not in {part.id for part in discover()}:
        yield line, f"{what}: no part {given['part']!r}"


def terms() -> list[Term]:
    """Return the terms in the order of the alphabet."""
    return read(FILE.read_text())[0]


def problems() -> list[str]:
    """Return what is wrong in the glossary as it is written, each with its line."""
    entries, found = read(FILE.read_text())
    given = yaml.load(SYNONYMS.read_text(), yaml.BaseLoader)["same"]
    owners = {folded(name): where(SYNONYMS) for group in given for name in group}
    for term in sorted(entries, key=lambda term: term.line):
        for name in (term.name, *term.also, *term.typed):
            if folded(name) in owners:
                found = [*found, (term.line, f"{name!r} is a name of {owners[folded(name)]} already")]
            owners.setdefault(folded(name), repr(term.name))
    return [f"{where(FILE, line)}: {message}" for line, message in found]


def folded(name: str) -> str:
    """Return a name as names are compared: with single spaces; one with capitals is another name."""
    text = re.sub(BETWEEN, " ", name)
    return text if text != text.lower() else text.lower()


def unused(used: set[str]) -> Iterator[str]:
    """Yield a problem for each term that no page uses."""
    for term in terms():
        if term.name not in used:
            yield f"{where(FILE, term.line)}: no solution uses the term {term.name!r}"


def page(root: str) -> html.HtmlElement:
    """Return the list of all terms."""
    return blocks.block("glossary", root, terms=terms())


def listed() -> str:
    """Return the terms as Markdown."""
    return "\n".join(
        f"- **{', '.join((term.name, *term.also))}**: {term.says} (see {term.entry.number})"
        for term in terms()
    )


def groups() -> list[list[str]]:
    """Return the names of each term that has several, for the search."""
    return [[term.name, *term.also, *term.typed] for term in terms() if term.also or term.typed]


# -- marks ---------------------------------------------------------------------------------------


def pattern(name: str) -> str:
    """Return a pattern for a name in a text: one without capitals in any, and its plural."""
    spaced = BETWEEN.join(map(re.escape, re.split(BETWEEN, name)))
    return f"{spaced}(?:s|es)?" if name != name.lower() else f"(?i:{spaced}(?:s|es)?)"


@lru_cache(maxsize=2)
def finder(text: str) -> tuple[re.Pattern, list[Term]]:
    """Return a pattern for all names in the glossary, the longest first, and the terms by its groups.

    The names are sorted by their initials, so that few of them are tried at a word.
    """
    names = [(name, term) for term in read(text)[0] for name in (term.name, *term.also)]
    names.sort(key=lambda pair: (pair[0][0].lower(), -len(pair[0]), pair[0]))
    every = "|".join(
        f"(?=(?i:{re.escape(initial)}))(?:{'|'.join(f'({pattern(name)})' for name, _ in some)})"
        for initial, some in groupby(names, lambda pair: pair[0][0].lower())
    ) or "(?!)"  # fmt: skip
    return re.compile(rf"(?<![\w‐‑–-])(?:{every})(?!\w)"), [term for _, term in names]


def mark(tree: html.HtmlElement, root: str) -> set[str]:
    """Let the first occurrence of each term in each section lead to the glossary; return the terms met."""
    found, by_group = finder(FILE.read_text())
    used = set()
    for section in tree.xpath('.//section[contains(@class, "unit")]'):
        met = set()

        def link(match: re.Match, met=met) -> etree._Element | None:
            term = by_group[match.lastindex - 1]
            if term.name in met:
                return None
            met.add(term.name)
            element = etree.Element("a", {"class": "term", "href": f"{root}glossary/#{term.anchor}"})
            element.text = match[0]
            return element

        if section.get("data-unit") in SECTIONS:
            for element, slot in prose(section, UNMARKED):
                replace(element, slot, found, link)
        used |= met
    return used
