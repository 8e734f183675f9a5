"""Turn references into links, and find TeX that no formula holds."""

import re

from lxml import etree

from paper.article import REFERENCE, Article

LEFTOVER = re.compile(r"\\[A-Za-z]{2,}|\\[\[\](){}]|\$(?!\d)")
IDENTIFIER = re.compile(r"(arXiv|doi):(\d[\w./()-]*\w)", re.IGNORECASE)
ARCHIVES = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}
VERBATIM = {"code", "pre", "samp", "script", "style", "kbd", "arithmatex"}


def prose(element: etree._Element, without: set[str] = VERBATIM) -> list[tuple[etree._Element, str]]:
    """Return (element, "text" or "tail") for every text below `element`, but of some tags and classes."""
    if not isinstance(element.tag, str) or without & {element.tag, *element.get("class", "").split()}:
        return []
    found = [(element, "text")] if element.text else []
    for child in element:
        found += prose(child, without)
        if child.tail:
            found.append((child, "tail"))
    return found


def resolve(article: Article, labels: dict, here: str, relative):
    """Turn \\ref and \\eqref into links; `labels` maps a label to (page address, number)."""

    def target(kind: str, name: str) -> tuple[str, str] | None:
        if name not in labels:
            article.problem(name, f"no page defines the label {name!r}")
            return None
        address, number = labels[name]
        link = f"#{name}" if address == here else f"{relative(address)}#{name}"
        return link, f"({number})" if kind else number

    def link(match: re.Match) -> etree._Element:
        found = target(*match.groups())
        element = etree.Element("a", {"href": found[0], "class": "reference"} if found else {})
        element.text = found[1] if found else "??"
        return element

    for formula in article.formulas:
        formula.tex = REFERENCE.sub(lambda match: in_formula(target(*match.groups())), formula.tex)
    for element, slot in prose(article.tree):
        replace(element, slot, REFERENCE, link)


def link_sources(article: Article):
    """Let each identifier in the list of references lead to its source."""

    def link(match: re.Match) -> etree._Element:
        element = etree.Element("a", href=ARCHIVES[match[1].lower()] + match[2])
        element.text = match[0]
        return element

    for item in article.tree.xpath('.//li[starts-with(@id, "reference-")]'):
        for element, slot in prose(item):
            if element.tag != "a" or slot == "tail":
                replace(element, slot, IDENTIFIER, link)


def in_formula(target: tuple[str, str] | None) -> str:
    """Return the TeX of a reference inside a formula."""
    return rf"\href{{{target[0]}}}{{\text{{{target[1]}}}}}" if target else r"\text{??}"


def replace(element, slot: str, pattern: re.Pattern, make):
    """Replace the matches in the text or tail of an element by the elements, if any, that `make` returns."""
    text = getattr(element, slot)
    found = [(match, new) for match in pattern.finditer(text) if (new := make(match)) is not None]
    if not found:
        return
    matches, made = zip(*found)
    setattr(element, slot, text[: matches[0].start()])
    for new, match, following in zip(made, matches, [*matches[1:], None]):
        new.tail = text[match.end() : following.start() if following else len(text)]
    if slot == "text":
        element[:0] = made
    else:
        parent = element.getparent()
        at = parent.index(element) + 1
        parent[at:at] = made


def find_leftovers(article: Article):
    """Report TeX that stands outside of any formula, where a reader would see it raw."""
    for element, slot in prose(article.tree):
        text = getattr(element, slot)
        if match := LEFTOVER.search(text):  # what follows in the same text is mostly the rest of it
            around = " ".join(text[: match.start()].split()[-3:] + text[match.start() :].split()[:4])
            place = article.place(element, around, again=True)
            article.problems.append(f"{place}: TeX outside of a formula: …{around}…")
