"""The search: what of each page is found, and where; the index is made of it by `node/search/`."""

import json
import re
import subprocess
from dataclasses import dataclass, field

import yaml
from lxml import html
from maths.typeset import FOLDER, NODE
from paper import exam
from paper.parts import CACHE, DOCS
from paper.rules import CHECKS, SECTIONS

from pages import glossary

SYNONYMS, READ = DOCS / "synonyms.yml", CACHE / "search.json"
TITLE, TOPIC, DESCRIPTION, HEADING, SPOKEN = 14, 6, 4, 5, 0.5  # weights of words; 1 in the text
# Of what stands in these sections, and in the list of the checks.
WEIGHTS = {"References": 0.4, "The question": 0.6, "Marking scheme": 0.6, "Common mistakes": 0.7, CHECKS: 0.4}
PRIOR, BRIEF = 0.6, 0.3  # of a page that is not a part; of the glossary, which is short for the parts
UNSEEN = ("ledger/", "print/")  # they repeat what other pages say
HEADINGS = ("h1", "h2", "h3")
# A block that is a place of its own, and where its title stands in it.
BLOCKS = {
    "details": "summary", "admonition": './p[@class="admonition-title"]',
    "figure": './/*[@class="figure-number"]', "equation": './*[@class="equation-number"]',
    "glossary-entry": ".//dfn",
}  # fmt: skip
TITLED = {"summary", "admonition-title", "figure-number", "equation-number", "dfn"}
SKIPPED = {
    "pre", "button", "script", "style", "noscript",
    "notebook-download", "badge", "statement-status", "equation-number",
}  # fmt: skip
NUMBERED = re.compile(r"(\w+) \(?(\d+[a-z]\.\d+)\)?")
# Words of a spoken formula that say only how it is written.
LAYOUT = re.compile(
    r"\b(?:(?:Start|End|Nested)\w+|(?:sub|super)script|baseline|(?:left|right|open|close)|parenthesis|bracket|brace"
    r"|over|divided|by|times|comma|period|the|of|equals|plus|minus|negative|upper|bold|italic|script|and)\b",
    re.IGNORECASE,
)
COMPOUND = re.compile(r"([A-Za-z]|\\[a-z]+\{[A-Za-z]\}|\\[A-Za-z]+)_\{?\\?(?:mathrm|text)?\{?([A-Za-z]+)")


@dataclass
class Place:
    """A place of a page that a reader can be led to: its anchor, what is shown of it, what it is found by."""

    id: str
    title: str = ""
    within: str = ""
    text: str = ""
    fields: list = field(default_factory=list)
    labels: list = field(default_factory=list)


def formula_words(tex: str, speech: str) -> str:
    """Return what a formula is found by besides its signs: its words, and `piref` for `\\pi_{ref}`."""
    names = [re.sub(r"\\mathcal|\\mathbf|[\\{}]", "", a + b) for a, b in COMPOUND.findall(tex)]
    return " ".join([LAYOUT.sub(" ", speech), *names, *re.findall(r"\\(pi[a-z]+|clip|softmax|sgn)\b", tex)])


class Reader:
    """Reads the finished article of a page into places: its head, its sections, and the blocks in them."""

    def __init__(self, tree: html.HtmlElement, words: list[str]):
        self.words, self.section = words, Place("")
        self.places, self.chapter = [self.section], ""
        self.walk(tree, None)

    def walk(self, element: html.HtmlElement, block: Place | None, title: bool = False):
        """Add an element to the block that it stands in, else to the section; `title`: to its title."""
        kinds = {element.tag, *element.classes} if isinstance(element.tag, str) else SKIPPED
        if SKIPPED & kinds or "data-search-exclude" in element.attrib:
            return
        if element.tag in HEADINGS:
            self.heading(element)
            return
        inner, title = self.opened(element) or block, title or bool(TITLED & kinds)
        self.add(element.text, inner, title)
        for child in element:
            self.walk(child, inner, title)
            self.add(child.tail, inner, title)
        if "data-formula" in element.attrib:
            words = self.words[int(element.get("data-formula"))]
            (inner or self.section).fields.append((words, SPOKEN * self.weight))

    @property
    def weight(self) -> float:
        return WEIGHTS.get(self.chapter, 1)

    def add(self, text: str | None, block: Place | None, title: bool):
        """Add a piece of text; in the title of a block it weighs more, and is not shown again."""
        place = block or self.section
        place.fields.append((text or "", HEADING if title else self.weight))
        place.text += "" if title else text or ""

    def heading(self, element: html.HtmlElement):
        """Begin a section."""
        title = shown(element)
        if element.tag == "h2":
            self.chapter = title
        within = self.chapter if element.tag == "h3" else ""
        if element.tag != "h1":
            self.section = Place(element.get("id"), title, within)
            self.places.append(self.section)
        if title not in SECTIONS:  # what every part has tells none apart
            self.section.fields.append((title, TITLE if element.tag == "h1" else HEADING))

    def opened(self, element: html.HtmlElement) -> Place | None:
        """Return the place that a block with an anchor begins, or None."""
        kind = next((kind for kind in BLOCKS if kind in {element.tag, *element.classes}), None)
        title = element.xpath(BLOCKS[kind]) if kind and element.get("id") else ()
        if not title:
            return None
        text = shown(title[0])
        text = f"Equation {text}" if kind == "equation" else text.rstrip(". ")
        place = Place(element.get("id"), text, self.section.title)
        if found := NUMBERED.match(text):
            place.labels = [found[1].lower() + found[2], found[2]]
        self.places.append(place)
        return place


def shown(element: html.HtmlElement) -> str:
    """Return the text of a title, without the status beside it."""
    return " ".join("".join(element.xpath('.//text()[not(ancestor::a[contains(@class, "status")])]')).split())


def checks(sheet, words: list[str]) -> list[Place]:
    """Return the checks that a page lists as places of the part that they belong to: what each claims."""
    reader, places = Reader(html.fromstring("<div></div>"), words), []
    reader.chapter = CHECKS
    for check in html.fromstring(sheet.page.content).find_class("check"):
        name = check.get("id")
        title = name.replace("-", " ").replace("check", "Check:", 1)
        places.append(Place(f"{CHECKS}#{name}", title, "Checked"))
        reader.walk(check.find('summary/*[@class="check-claim"]'), places[-1])
    return places


def page(sheet, words: list[str], own=None) -> dict:
    """Return a page as the index reads it, with its `own` page of checks if it has one.

    `words` are those of the formulas of the site.
    """
    tree = html.fragment_fromstring(sheet.page.content, create_parent="div")
    places = Reader(tree, words).places + (checks(own, words) if own else [])
    title = shown(tree.find(".//h1")) if tree.find(".//h1") is not None else sheet.page.title
    head, url = places[0], sheet.page.url
    found = re.match(r"q(\d+)/", url)
    about = {"url": url, "number": "", "title": title, "marks": 0, "topics": []}
    about["prior"] = BRIEF if url == "glossary/" else PRIOR
    about["question"] = found[1] if found else ""
    described = (sheet.page.meta or {}).get("description", "")
    if sheet.part:
        entry = exam.solved(sheet.part)
        about |= {"number": entry.number, "title": entry.title, "marks": entry.marks, "prior": 1}
        about["topics"] = list(entry.tags)
        head.labels = [sheet.part.prefix]
        head.fields.append((" ; ".join(entry.tags), TOPIC))
    head.text = described or head.text
    head.fields.append((described, DESCRIPTION))
    for place in places:
        place.text = " ".join(place.text.split()).replace("‹", "<")  # see put_placeholder
    return about | {"places": [vars(place) for place in places]}


def files(sheets: list, words: list[str]) -> dict[str, str]:
    """Return address → content of every file of the index; what it is made of is kept for the benchmark."""
    lists = {sheet.lists: sheet for sheet in sheets if sheet.lists}
    seen = [sheet for sheet in sheets if not sheet.lists and not sheet.page.url.startswith(UNSEEN)]
    pages = [page(sheet, words, lists.get(sheet.part)) for sheet in seen]
    pages.sort(key=lambda one: one["url"])
    asked = [[question.number, question.title] for question in exam.questions() if question.solved]
    topics = sorted({topic for one in pages for topic in one["topics"]})
    request = {"pages": pages, "questions": asked, "topics": topics, "synonyms": synonyms()}
    READ.write_text(json.dumps(request))
    return {f"search/{name}": text for name, text in index(request).items()}


def index(request: dict) -> dict[str, str]:
    """Return name → content of every file of the index of some pages."""
    command = [NODE, str(FOLDER / "search" / "make.mjs")]
    run = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"the search index was not made: {run.stderr.strip()}")
    return json.loads(run.stdout)


def synonyms() -> dict:
    """Return `docs/synonyms.yml` and the names in the glossary as the reader of the words takes them."""
    given = yaml.load(SYNONYMS.read_text(), yaml.BaseLoader)  # `on` is a word
    return given | {"spellings": list(given["spellings"].items()), "same": given["same"] + glossary.groups()}
