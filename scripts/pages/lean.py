"""Take out of KaTeX's HTML what moves nothing: half of the elements that a browser has to lay out."""

import re
from functools import cache

from lxml import etree
from lxml.etree import _Element as Element

KINDS = {"mord", "mop", "mbin", "mrel", "mopen", "mclose", "mpunct", "minner", "mtight"}  # have no style
FREE = KINDS | {"katex-base", "katex-sizing", "msupsub", "reset-size3", "reset-size6", "size1", "size3"}
SIZES = {"reset-size6 size3": 0.7, "reset-size3 size1": 0.5 / 0.7}  # a script's, in what it is a script of
# How far a line of KaTeX_Main reaches from its baseline, in em: 0.903 and 0.272, and what is left of 1.2.
ABOVE, BELOW = 0.903 + 0.0125, 0.272 + 0.0125
# What the site's style sheet says of the elements that are made here.
STYLES = (
    ".katex .katex-base{position:static}.katex .msupsub.katex-sizing{line-height:0}"
    ".katex .both{display:inline-grid;align-items:baseline}.katex .both>*{grid-area:1/1;position:relative}"
)
LENGTH = re.compile(r"([\w-]+):(-?[\d.]+)em")


@cache
def lean(formula: str) -> str:
    """Return the HTML of a typeset formula with fewer elements in its visible half, in the same places."""
    if not formula:  # it could not be typeset
        return formula
    tree = etree.fromstring(formula)
    for shown in tree.iterfind('.//span[@class="katex-html"]'):
        for step in (shift_scripts, give_margins, drop_kinds, join_letters, drop_strut):
            for element in reversed(shown.findall(".//span")):
                step(element)
    return etree.tostring(tree, encoding="unicode", method="html")


def shift_scripts(element: Element):
    """Shift scripts by a style, where KaTeX has a table that is as high as they are."""
    if element.get("class") != "msupsub":
        return
    cells = element.findall('span/span[@class="vlist-r"][1]/span[@class="vlist"]/span')
    if not all(map(is_script, cells)):
        return
    alone = len(cells) == 1
    scripts = [script(cell, alone) for cell in cells]
    if alone:
        scripts[0].tail = element.tail
        element.getparent().replace(element, scripts[0])
    else:  # one above the other, both from the same left
        element.set("class", "msupsub both")
        element[:] = scripts


def is_script(cell: Element) -> bool:
    """Tell whether a cell of a table holds a script on one line, of a known size."""
    size = cell[-1].get("class", "").removeprefix("katex-sizing ").removesuffix(" mtight")
    simple = cell.find('.//span[@class="vlist"]') is None
    return simple and len(cell) == 2 and size in SIZES and not cell[-1].get("style")


def script(cell: Element, alone: bool) -> Element:
    """Return the one element of a script: what its cell holds, moved by styles in its own em."""
    strut, content = cell
    size = content.get("class").removeprefix("katex-sizing ").removesuffix(" mtight")
    given = lengths(cell)
    down = given.pop("top") + lengths(strut)["height"]
    moved = {"vertical-align": -down} if alone else {"top": down}
    content.set("class", f"msupsub katex-sizing {size}")
    content.set("style", style({name: value / SIZES[size] for name, value in (moved | given).items()}))
    return content


def give_margins(element: Element):
    """Turn the spaces beside a sign into its margins."""
    kinds = set(element.get("class", "").split())
    if not kinds & {"mrel", "mbin", "mpunct"} or kinds - KINDS or element.get("style") or len(element):
        return
    neighbours = {"margin-left": element.getprevious(), "margin-right": element.getnext()}
    spaces = {side: space for side, space in neighbours.items() if is_space(space)}
    if spaces:
        element.set("style", style({side: lengths(space)["margin-right"] for side, space in spaces.items()}))
        for space in spaces.values():
            space.getparent().remove(space)  # KaTeX has no text between elements


def is_space(element: Element | None) -> bool:
    """Tell whether an element is nothing but a space."""
    found = element is not None and element.get("class") == "mspace"
    return found and list(lengths(element)) == ["margin-right"]


def drop_kinds(element: Element):
    """Drop the classes that say of which kind a sign is, and elements that say nothing else."""
    kinds = element.get("class", "").split()
    if not KINDS & set(kinds):
        return
    element.set("class", " ".join(kind for kind in kinds if kind not in KINDS))
    if not element.get("class"):
        del element.attrib["class"]
        around = set(element.getparent().get("class", "").split())
        if not element.attrib and around and around <= FREE:
            dissolve(element)


def dissolve(element: Element):
    """Put what an element holds in its place."""
    parent, before = element.getparent(), element.getprevious()
    at, text, held = parent.index(element), element.text or "", list(element)
    if held:
        held[-1].tail = (held[-1].tail or "") + (element.tail or "")
    else:
        text += element.tail or ""
    parent[at : at + 1] = held
    if before is None:
        parent.text = (parent.text or "") + text
    else:
        before.tail = (before.tail or "") + text


def join_letters(element: Element):
    """Put letters of one font that follow each other into one element."""
    before = element.getprevious()
    if before is not None and not before.tail and is_letters(element) and before.attrib == element.attrib:
        if is_letters(before):
            before.text, before.tail = before.text + element.text, element.tail
            element.getparent().remove(element)


def is_letters(element: Element) -> bool:
    """Tell whether an element is text in some font and nothing else."""
    font = element.get("class", "").startswith("math") and len(element.attrib) == 1
    return font and bool(element.text) and not len(element)


def drop_strut(element: Element):
    """Drop a strut that is no higher and no deeper than the line by itself."""
    if element.get("class") != "katex-strut" or not "".join(element.getparent().itertext()).strip():
        return
    given = lengths(element)
    below = -given.get("vertical-align", 0)
    if below <= BELOW and given["height"] - below <= ABOVE:
        dissolve(element)


def lengths(element: Element) -> dict[str, float]:
    """Return the lengths that the style of an element gives, in em."""
    return {name: float(value) for name, value in LENGTH.findall(element.get("style", ""))}


def style(given: dict[str, float]) -> str:
    """Return lengths in em as a style."""
    return ";".join(f"{name}:{round(value, 4):g}em" for name, value in given.items() if value)
