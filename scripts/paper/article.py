"""The HTML of one page as a tree: its statements, figures and equations, numbered."""

import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape
from itertools import chain, count, takewhile
from pathlib import Path

from lxml import etree, html

from paper.markup import NUMBERED, blocks, written
from paper.parts import where
from paper.sources import Sources

REFERENCE = re.compile(r"\\(eq)?ref\{([^}]*)\}")
LABEL = re.compile(r"\\label\{([^}]*)\}")
FORMULA = re.compile(r"\\\(.*?\\\)", re.DOTALL)
LETTERED = re.compile(r"\s*\([a-z]+\)\s")
TAG = re.compile(r"\\tag\{([^}]*)\}")
SOURCE = re.compile(r"\\source\{([^}]*)\}")


@dataclass
class Formula:
    """One formula of a page: its TeX without labels, and where it stands in the source.

    A display also has its box and, where they are given, its label, number and literature source.
    """

    tex: str
    display: bool
    place: str
    element: html.HtmlElement = field(repr=False)
    box: html.HtmlElement | None = field(default=None, repr=False)
    label: str | None = None
    number: str = ""
    source: str = ""


@dataclass
class Statement:
    """One theorem, definition and so on: its block, its proofs, and the labels they refer to.

    `data-proves` on the block names equations displayed elsewhere that the result states and proves.
    """

    kind: str
    number: str
    name: str
    place: str
    blocks: list = field(repr=False)
    label: str = field(init=False)
    references: list[str] = field(init=False)
    proves: list[str] = field(init=False)

    def __post_init__(self):
        self.label = self.blocks[0].get("id")
        self.proves = self.blocks[0].attrib.pop("data-proves", "").split()
        text = "".join(block.text_content() for block in self.blocks)
        self.references = list(dict.fromkeys(name for _, name in REFERENCE.findall(text)))

    def holds(self, element: html.HtmlElement) -> bool:
        """Tell whether an element stands in the statement or in its proof."""
        return any(block in self.blocks for block in element.iterancestors())


@dataclass
class Article:
    """The HTML of one page as a tree, with its labels (id → printed number) and problems."""

    content: str
    sources: Sources
    prefix: str = ""
    labels: dict = field(default_factory=dict)
    formulas: list = field(default_factory=list)
    statements: list = field(default_factory=list)
    problems: list = field(default_factory=list)

    def __post_init__(self):
        self.tree = html.fragment_fromstring(self.content, create_parent="div")
        self.counts = Counter()

    def html(self) -> str:
        """Return the page's HTML."""
        inner = [html.tostring(child, encoding="unicode") for child in self.tree]
        return (self.tree.text or "") + "".join(inner)

    def problem(self, text: str, message: str):
        """Note a problem at the place where `text` stands in the source."""
        self.problems.append(f"{self.sources.locate(text, again=True)}: {message}")

    def place(self, element: etree._Element, text: str, again: bool = False) -> str:
        """Return `file:line` of a text of an element; a generated block says in `data-place` where it is."""
        given = element.xpath("ancestor-or-self::*/@data-place")
        return given[-1] if given else self.sources.locate(text, again)

    def formula_place(self, element: etree._Element, tex: str, display: bool) -> str:
        """Return `file:line` of a formula; one in a line of text stands between dollar signs."""
        place = self.place(element, tex if display else f"${tex}$")
        return place if ":" in place else self.place(element, tex)

    def number(self, kind: str, given: str | None = None) -> str:
        """Return the next number of a kind (`2a.3`), or the given one."""
        self.counts[kind] += 1
        return given or f"{self.prefix}.{self.counts[kind]}".lstrip(".")

    def label(self, name: str, number: str, place: str):
        """Register a label of this page, defined at `place`."""
        if name in self.labels:
            self.problems.append(f"{place}: the label {name!r} is defined twice")
        self.labels[name] = number

    # -- numbers -------------------------------------------------------------------------------

    def number_statements(self):
        """Give theorems, lemmas, definitions and so on their numbers, and proofs their end sign."""
        opened = iter(block for block in blocks(written(self.sources.page))[0] if block.kind in NUMBERED)
        for block in self.tree.xpath('.//div[contains(@class, "admonition")]'):
            kind = next((k for k in NUMBERED if k in block.classes), None)
            title = block.find("p")
            if "proof" in block.classes:
                end = html.fromstring('<span class="qed" role="img" aria-label="End of proof">∎</span>')
                (block[-1] if block[-1].tag == "p" else block).append(end)
            if not kind or title is None:
                continue
            number, name = self.number("statement"), told(title)
            given = next(opened, None)
            place = where(self.sources.page, given and given.line)
            if block.get("id"):
                self.label(block.get("id"), number, place)
            else:
                block.set("id", f"{kind}-{number.replace('.', '-')}")
            self.statements.append(Statement(kind, number, name, place, [block, *proofs(block)]))
            entitle(title, f"{kind.capitalize()} {number}", named=name.lower() != kind)

    def number_figures(self, index: dict):
        """Give each figure its number, its alternative text and its light, dark, wide and narrow files."""
        used = set()
        for image in self.tree.xpath(".//img[@src]"):
            name = Path(image.get("src")).stem
            if name not in index or image.get("src") != f"{name}.svg":
                continue
            used.add(name)
            figure = next(image.iterancestors("figure"), None)
            if figure is None:
                self.problem(f"{name}.svg", f"the figure {name} has no caption (/// figure-caption)")
                continue
            figure.set("id", f"fig-{name}")
            number = self.number("figure")
            self.label(f"fig-{name}", number, self.sources.locate(f"{name}.svg"))
            caption = figure.find(".//figcaption")
            first = caption.find("p") if caption.find("p") is not None else caption
            strong = etree.SubElement(first, "span", {"class": "figure-number"})
            strong.text, strong.tail = f"Figure {number}. ", first.text
            first.text = None
            first.insert(0, strong)
            image.getparent().replace(image, pictures(name, index[name]))
        for name in sorted(set(index) - used):
            page = where(self.sources.page)
            if not index[name].get("failed"):
                self.problems.append(f"{page}: the figure {name} is drawn but not shown on its page")
            self.label(f"fig-{name}", "??", page)  # what refers to it is no problem of its own
            etree.SubElement(self.tree, "span", {"id": f"fig-{name}"})

    def collect_formulas(self):
        """Find every new formula, number the labelled ones, and put each display in its box."""
        known = {formula.element for formula in self.formulas}
        for element in self.tree.xpath('.//*[contains(@class, "arithmatex")]'):
            if element in known:
                continue
            text = element.text_content()
            display = text.startswith("\\[")
            tex = text[2:-2].strip()
            formula = Formula(tex, display, self.formula_place(element, tex, display), element)
            if "\\|" in tex and any(e.tag in ("td", "th") for e in element.iterancestors()):
                self.problems.append(
                    f"{formula.place}: formula: in a table \\| can be meant as | or as ‖: "
                    f"write \\given, \\vert or \\Vert in {tex}"
                )
            if display:
                self.box(formula)
            elif LABEL.search(tex):
                self.problems.append(f"{formula.place}: only displayed equations carry a label")
            self.formulas.append(formula)

    def box(self, formula: Formula):
        """Put a displayed formula into its own scrolling box, beside its number if it has one."""
        labels, tags, given = (pattern.findall(formula.tex) for pattern in (LABEL, TAG, SOURCE))
        if max(map(len, (labels, tags, given))) > 1:
            self.problems.append(f"{formula.place}: one display carries at most one label, tag and source")
        formula.tex = SOURCE.sub("", TAG.sub("", LABEL.sub("", formula.tex))).strip()
        formula.source = given[0] if given else ""
        box = html.fromstring(
            '<div class="equation"><div class="equation-body" tabindex="0" role="group" aria-label="Formula">'
            "</div></div>"
        )
        old, formula.element, formula.box = formula.element, etree.SubElement(box[0], "span"), box
        formula.element.tail, box.tail = "", old.tail
        if labels or tags:
            formula.number = self.number("equation", tags[0] if tags else None) if labels else tags[0]
            box[0].set("aria-label", f"Equation {formula.number}")
            anchor = etree.SubElement(box, "a" if labels else "span", {"class": "equation-number"})
            anchor.text = f"({formula.number})"
            if labels:
                formula.label = labels[0]
                box.set("id", labels[0])
                anchor.set("href", f"#{labels[0]}")
                self.label(labels[0], formula.number, formula.place)
        old.getparent().replace(old, box)

    def name_blocks(self):
        """Give every closed block an anchor, after its title, so that search can lead into it."""
        used = set(self.tree.xpath(".//@id"))
        for block in self.tree.xpath(".//details[not(@id) and summary]"):
            words = re.findall(r"[a-z0-9]+", FORMULA.sub("", block.find("summary").text_content()).lower())
            name = "-".join(words[:8]) or "block"
            name = next(one for one in chain([name], (f"{name}-{n}" for n in count(2))) if one not in used)
            block.set("id", name)
            used.add(name)

    # -- tables and sections --------------------------------------------------------------------

    def wrap_tables(self):
        """Put each table into a box of its own that scrolls, also by keyboard."""
        for table in self.tree.xpath(".//table[not(@class)]"):
            # A class keeps the theme's script from wrapping the table again.
            table.set("class", "plain")
            box = html.fromstring('<div class="table" tabindex="0" role="group" aria-label="Table"></div>')
            box.tail, table.tail = table.tail, None
            table.getparent().replace(table, box)
            box.append(table)

    def mark_lists(self):
        """Mark the lists whose items begin with `(i)` and so on: they need no other marker."""
        for items in self.tree.iter("ul"):
            if len(items) and all(LETTERED.match(item.text_content()) for item in items):
                items.classes.add("lettered")

    def wrap_sections(self):
        """Wrap each second-level heading and what follows it in a section that can be hidden whole."""
        section = None
        for child in list(self.tree):
            if child.tag == "h2":
                section = html.fromstring(f'<section class="unit" data-unit="{child.get("id")}"></section>')
                child.addprevious(section)
            if section is not None:
                section.append(child)


def told(element: html.HtmlElement) -> str:
    """Return the text of an element with its formulas between dollar signs."""
    return re.sub(r"\\[()]", "$", element.text_content())


def entitle(title: html.HtmlElement, numbered: str, named: bool):
    """Put the kind and the number of a statement before its name, which stands in brackets."""
    name = etree.Element("span")
    name.text, name[:] = title.text, list(title)
    title.set("class", "admonition-title")
    title.text = None
    etree.SubElement(title, "strong").text = numbered
    if named:
        title[0].tail = " "
        brackets = etree.SubElement(title, "span", {"class": "statement-name"})
        brackets.text, name.tail = "(", ")"
        brackets.append(name)


def proofs(block: html.HtmlElement) -> list[html.HtmlElement]:
    """Return the proofs that follow a statement directly."""
    return list(takewhile(lambda element: "proof" in element.get("class", ""), block.itersiblings()))


def pictures(name: str, figure: dict) -> html.HtmlElement:
    """Return the light and the dark picture of a figure, each with a narrow form for phones."""
    alt = escape(figure["alt"], quote=True)
    (width, height), (narrow, tall) = figure["wide"], figure["narrow"]
    return html.fromstring(
        '<span class="pictures">'
        + "".join(
            f'<picture class="only-{scheme}">'
            f'<source media="(max-width: 37.5em)" srcset="{name}{dark}.narrow.svg" '
            f'width="{narrow}" height="{tall}">'
            f'<img src="{name}{dark}.svg" alt="{alt}" width="{width}" height="{height}" loading="lazy">'
            "</picture>"
            for scheme, dark in (("light", ""), ("dark", ".dark"))
        )
        + "</span>"
    )
