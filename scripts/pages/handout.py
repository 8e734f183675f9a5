"""A set of your own: the form that chooses parts, and the sections of each part ready for print."""

import json
import re
from urllib.parse import urljoin, urlsplit

from lxml import html
from paper.exam import paper, questions, solved
from paper.parts import Part
from paper.rules import CHECKS, SECTIONS

from pages import blocks
from pages.kept import per_page

ROOT = "../"  # of the site, as seen from print/
GROUPS = {
    "To practise": SECTIONS[:2],
    "Answers": SECTIONS[2:5],
    "To mark and to learn from": SECTIONS[5:],
}
PRESETS = {
    "Questions only": ("The question",),
    "Questions and hints": ("The question", "Hints"),
    "Answers and marking scheme": ("Answer at exam length", "Marking scheme"),
    "Everything": SECTIONS,
}
# What only a screen can use: buttons and cards, statuses that lead to the ledger, and code.
SCREEN_ONLY = (
    './/button | .//*[@popover] | .//a[contains(@class, "statement-status")]'
    ' | .//*[@class="check-body"]/*[@class="highlight"] | .//*[@class="check-run"]/a'
)
PAPER = {"details": "div", "summary": "p", "h2": "h3", "h3": "h4"}  # nothing closed, below the part's h2


def slug(text: str) -> str:
    """Return a word for the address: `answer-at-exam-length`, `question` for `The question`."""
    return re.sub(r"\W+", "-", text.lower().removeprefix("the ")).strip("-")


def short(part: Part) -> str:
    """Return the word for a part in the address, `q2-a`; its ids in the set begin with it too."""
    return re.match(r"q\d+/[a-z]", part.id)[0].replace("/", "-")


def script(part: Part) -> str:
    """Return the address of the script that holds the sections of a part."""
    return f"assets/print/{part.id.replace('/', '-')}.js"


blocks.templates.filters |= {function.__name__: function for function in (slug, short, script)}


def offered() -> dict:
    """Return what readers choose from: the questions, the solved parts, and these by topic."""
    asked = [question for question in questions() if question.solved]
    entries = [entry for question in asked for entry in question.solved]
    topics = sorted({tag for entry in entries for tag in entry.tags})
    by_topic = {topic: [entry for entry in entries if topic in entry.tags] for topic in topics}
    return {"asked": asked, "entries": entries, "topics": by_topic}


def form(root: str) -> html.HtmlElement:
    """Return the form that chooses parts and sections, and the empty sheet below it."""
    return blocks.block("handout", root, paper=paper(), groups=GROUPS, presets=PRESETS, **offered())


def scripts(contents: dict[Part, str]) -> dict[str, str]:
    """Return address → script for every part, from the finished HTML of its page."""
    inside = {f"{part.id}/{below}": short(part) for part in contents for below in ("", CHECKS)}
    made = {}
    for part, content in contents.items():
        head = outer(blocks.block("handout-part", ROOT, entry=solved(part)))
        page = part, content, head, inside
        made[script(part)] = sections(repr((part.id, content, head, inside)), page)
    return made


@per_page
def sections(key: str, page: tuple[Part, str, str, dict[str, str]]) -> str:
    """Return the script that holds the head and the sections of a part."""
    part, content, head, inside = page
    tree = html.fragment_fromstring(content, create_parent="div")
    for_paper(tree)
    address(tree, part, inside)
    shown = json.dumps({"head": head} | cut(tree), indent=1, ensure_ascii=False)
    return f"fullMarks.add({json.dumps(short(part))}, {shown});\n"


def for_paper(tree: html.HtmlElement):
    """Drop what only a screen can use, open what is closed, and keep one picture of each figure."""
    for element in tree.xpath(SCREEN_ONLY):
        element.drop_tree()
    for term in tree.find_class("term"):
        term.drop_tag()
    for run in tree.find_class("check-run"):
        run[-1].tail = (run[-1].tail or "").rstrip("; ")  # the link after it was dropped
    for pictures in tree.find_class("pictures"):
        image = pictures.find(".//img")
        del image.attrib["loading"]  # what never was on the screen must be on the paper
        pictures.getparent().replace(pictures, image)
    for element in list(tree.iter(*PAPER)):
        if element.tag in ("details", "summary"):
            element.classes.add(f"was-{element.tag}")
        element.tag = PAPER[element.tag]


def address(tree: html.HtmlElement, part: Part, inside: dict[str, str]):
    """Make ids, links and addresses of pictures right for a page that shows several parts.

    A link to a part leads to its page, and names the id that its target has when it is in the set.
    """
    for element in tree.xpath(".//*[@id]"):
        element.set("id", f"{short(part)}-{element.get('id')}")
    for element in tree.xpath(".//*[@href or @src]"):
        name = "href" if element.get("href") else "src"
        target = urljoin(f"{part.id}/", element.get(name))
        page, _, anchor = target.partition("#")
        if not urlsplit(target).scheme:
            element.set(name, ROOT + target)
        if page in inside:
            element.set("data-inside", f"{inside[page]}-{anchor}".rstrip("-"))


def cut(tree: html.HtmlElement) -> dict[str, str]:
    """Return the HTML of every section of a part, by their words in the address."""
    units = {slug(title): None for title in SECTIONS}
    for unit in tree.find_class("unit"):
        units[unit.get("data-unit").removeprefix("the-")] = unit
    # A section that is missing is reported by the rules for pages.
    return {name: outer(element) for name, element in units.items() if element is not None}


def outer(element: html.HtmlElement) -> str:
    """Return an element as HTML."""
    return html.tostring(element, encoding="unicode", with_tail=False)
