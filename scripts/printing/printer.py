"""Turn the finished HTML of a page into Typst markup, from which the printed sets are made."""

import base64
import hashlib
import json
import re
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from lxml import html
from paper.parts import CACHE
from paper.rules import CHECKS

PICTURES = CACHE / "print" / "pictures"
SKIPPED = ("button", "nav", "script", "style")  # what only a screen can use
HIDDEN = (
    "facts", "evidence-card", "notebook-download", "qed", "statement-status", "visually-hidden", "only-dark",
    "equation-number", "practice", "pdf-links", "footnote", "footnote-backref",
)  # fmt: skip
HEADINGS = ("h1", "h2", "h3", "h4")
SHORT = 1000  # characters: a table or a statement up to this length stays on one page
ENCODER = json.JSONEncoder(ensure_ascii=False)
INLINE = {
    "em": "emph",
    "strong": "strong",
    "i": "emph",
    "b": "strong",
    "sub": "sub",
    "sup": "super",
    "del": "strike",
}


class Unprintable(ValueError):
    """Says what of a page cannot be printed; `near` is text that stands there."""

    def __init__(self, message: str, near: str):
        super().__init__(message)
        self.near = near


def quoted(text: str) -> str:
    """Return a string of the Typst language."""
    return ENCODER.encode(text)


def literal(text: str | None) -> str:
    """Return text as Typst markup that shows exactly its words."""
    words = " ".join(re.split(r"[ \t\r\n]+", text or "")).strip(" ")
    if not words:
        return " " if text else ""
    words = re.sub(r"(?<=\d) (?=%|marks?\b)", "\N{NO-BREAK SPACE}", words)
    before, after = " " * text[0].isspace(), " " * text[-1].isspace()
    return f"{before}#{quoted(words)};{after}"


def followed(element: html.HtmlElement, classes: set[str]) -> bool:
    """Tell whether the next element has one of some classes."""
    after = element.getnext()
    return after is not None and isinstance(after.tag, str) and bool(set(after.classes) & classes)


@dataclass
class Printer:
    """Walks the HTML of one page; `formulas` maps the index of a formula to its Typst and spoken form.

    Where the references are not printed, `noted` is the set of those that stand in a footnote so far.
    """

    address: str
    site: str
    pictures: Path
    level: int
    formulas: list[dict]
    noted: set[str] | None = None
    files: dict[str, Path] = field(default_factory=dict)

    def children(self, element: html.HtmlElement) -> str:
        """Return what an element contains."""
        inner = [self(child) + literal(child.tail) for child in element]
        return literal(element.text) + "".join(inner)

    def __call__(self, element: html.HtmlElement) -> str:
        """Return an element as Typst markup, behind the anchor that links to it lead to."""
        if not isinstance(element.tag, str) or element.tag in SKIPPED or set(element.classes) & set(HIDDEN):
            return ""
        names = [f"class_{name.replace('-', '_')}" for name in element.classes] + [f"tag_{element.tag}"]
        method = next((getattr(self, name) for name in names if hasattr(self, name)), None)
        if not method:
            what, text = f"<{element.tag} class={element.get('class', '')!r}>", element.text_content().split()
            raise Unprintable(f"{what} has no printed form: {' '.join(text[:8])}", " ".join(text[:4]))
        within = (*HEADINGS, "figure")
        marked = element.get("id") and element.tag not in within and "admonition" not in element.classes
        if marked and "equation" in element.classes:
            # In one piece with its anchor, which else could stay behind on the page before.
            whole = self.anchor(element) + method(element).strip()
            return f"\n\n#block(breakable: false, width: 100%)[{whole}]\n\n"
        return (self.anchor(element) if marked else "") + method(element)

    def anchor(self, element: html.HtmlElement) -> str:
        """Return the mark for an element that links can lead to; its name is the same in every set."""
        return f"#anchor({quoted(self.address + '#' + element.get('id'))})" if element.get("id") else ""

    # -- text ------------------------------------------------------------------------------------

    def tag_p(self, element):
        body = self.children(element)
        leads = followed(element, {"equation", "table"})
        return f"\n\n#leading[{body}]\n\n" if leads else f"\n\n{body}\n\n"

    def tag_span(self, element):
        return self.children(element)

    tag_div = tag_small = tag_span

    def tag_section(self, element):
        """Return a section; references are set ragged, because a path in them has no hyphens."""
        body = self.children(element)
        return f"\n\n#ragged[{body}]\n\n" if element.get("data-unit") == "references" else body

    def tag_br(self, element):
        return " \\\n"

    def tag_hr(self, element):
        return "\n\n#line(length: 100%, stroke: 0.4pt)\n\n"

    def tag_em(self, element):
        return f"#{INLINE[element.tag]}[{self.children(element)}];"

    tag_strong = tag_i = tag_b = tag_sub = tag_del = tag_em

    def tag_sup(self, element):
        """Return a raised text; a reference to a footnote becomes the footnote."""
        reference = element.find("a[@class='footnote-ref']")
        if reference is None:
            return self.tag_em(element)
        return f"#footnote[{self.note(reference)}];"

    def note(self, link: html.HtmlElement) -> str:
        """Return what a link to an item of a list of notes or references leads to."""
        item = link.xpath("ancestor::*[last()]//li[@id=$id]", id=link.get("href")[1:])[0]
        return self.children(item).strip()

    def tag_code(self, element):
        return f"#raw({quoted(element.text_content())});"

    def tag_blockquote(self, element):
        return f"\n\n#quote(block: true)[{self.children(element)}]\n\n"

    def tag_a(self, element):
        href = element.get("href")
        if href is None:
            return self.children(element)
        target = urljoin(self.address, href) if not href.startswith("#") else self.address + href
        body = self.children(element)
        if target.startswith(("http:", "https:", "mailto:")):
            return f"#link({quoted(target)})[{body}];"
        elsewhere = ", elsewhere: true" if "reference" in element.classes else ""
        return f"#refer({quoted(target)}, {quoted(urljoin(self.site, target))}{elsewhere})[{body}];"

    def class_badge(self, element):
        if element.get("href") is None:
            return self.children(element)
        name, page = (self.address + below + element.get("href") for below in ("", CHECKS))
        return f"#checked({quoted(name)}, {quoted(urljoin(self.site, page))}, {element.get('data-claim')});"

    def class_citation(self, element):
        if element.get("href") is None:
            return self.children(element)
        name, body = f"label({quoted(self.address + element.get('href'))})", self.children(element)
        if self.noted is None:
            return f"#link({name})[{body}];"
        if name in self.noted:
            return f"{body}#footnote({name});"
        self.noted.add(name)
        return f"{body}#[#footnote[{self.note(element)}]#{name}];"

    def class_math(self, element):
        formula = self.formulas[int(element.get("data-formula"))]
        shown = f"alt: {quoted(formula['speech'])}, ${formula['typst']}$"
        return f"/* {formula['place']} */#math.equation({shown});"

    # -- blocks ----------------------------------------------------------------------------------

    def heading(self, element):
        level = self.level + int(element.tag[1]) - 1
        label = quoted(f"{self.address}#{element.get('id')}")
        # The contents and the running heads name questions and parts alone; bookmarks the sections too.
        listed, marked = ("true" if element.tag in tags else "false" for tags in (("h1",), ("h1", "h2")))
        shown = f"level: {level}, outlined: {listed}, bookmarked: {marked}"
        return f"\n\n#heading({shown})[{self.children(element)}] #label({label})\n\n"

    tag_h1 = tag_h2 = tag_h3 = tag_h4 = heading

    def tag_ul(self, element):
        items = [f"[{self(item).strip()}]" for item in element.iterchildren("li")]
        name = {"ul": "list", "ol": "enum"}[element.tag]
        own = ["marker: []"] if "lettered" in element.classes else []
        return f"\n\n#{name}({', '.join([*own, *items])})\n\n"

    tag_ol = tag_ul

    def class_parts(self, element):
        """Return the list of the parts of a question: those that are solved."""
        rows = []
        for item in element.xpath('li[contains(@class, "solved")]'):
            title = item.find('span[@class="part-title"]')
            marks = item.find('span[@class="part-marks"]').text_content()
            number = item.find('span[@class="part-number"]').text
            rows.append(f"[#strong[#{quoted(number)}] {self(title)}, #{quoted(marks)}]")
        return f"\n\n#list({', '.join(rows)})\n\n"

    tag_li = tag_span

    def class_equation(self, element):
        formula = self.formulas[int(element.find(".//*[@data-formula]").get("data-formula"))]
        label = element.xpath('string(.//*[contains(@class, "equation-number")])')
        number = quoted(label) if label else "none"
        shown = f"{number}, {quoted(formula['speech'])}, ${formula['typst']}$"
        return f"\n\n/* {formula['place']} */\n#displayed({shown})\n\n"

    def class_admonition(self, element):
        title = element.find('p[@class="admonition-title"]')
        name = title.find('span[@class="statement-name"]/span')
        named = "none" if name is None else f"[{self.children(name)}]"
        body = self.anchor(element) + "".join(self(child) for child in element if child is not title)
        if "proof" in element.classes:
            return f"\n\n#proof[{body.strip()}]\n\n"
        kind = title.xpath("string(strong)")
        whole = "true" if len(element.text_content()) <= SHORT else "false"
        return f"\n\n#statement({quoted(kind)}, {named}, {whole})[{body.strip()}]\n\n"

    def tag_details(self, element):
        summary = element.find("summary")
        body = "".join(self(child) + literal(child.tail) for child in element if child is not summary)
        return f"\n\n#disclosure[{self.children(summary)}][{body.strip()}]\n\n"

    def tag_figure(self, element):
        image = element.find(".//img")
        caption = deepcopy(element.find("figcaption"))
        number = caption.xpath('.//span[@class="figure-number"]')
        shown = "".join(n.text for n in number).removeprefix("Figure ").strip(". ")
        for span in number:
            span.text = ""
        body = self.anchor(element) + self.children(caption).strip()
        file = self.file(self.pictures / Path(image.get("src")).name)
        return f"\n\n#picture({quoted(file)}, {quoted(image.get('alt'))}, {quoted(shown)})[{body}]\n\n"

    def file(self, path: Path) -> str:
        """Return the name under which Typst finds a picture."""
        if not path.is_file():
            raise Unprintable(f"the picture {path.name} was not drawn", path.name)
        name = f"{self.address.strip('/').replace('/', '-')}-{path.name}"
        self.files[name] = path
        return name

    def tag_table(self, element):
        head = [f"[#strong[{self.children(cell).strip()}]]" for cell in element.findall("thead//th")]
        cells = [f"table.header({', '.join(head)})", "table.hline()"]
        for row in element.findall("tbody/tr"):
            cells += [f"[{self.children(cell).strip()}]" for cell in row]
            cells.append("table.hline()")
        whole = "true" if len(element.text_content()) <= SHORT else "false"
        return f"\n\n#listing({len(head)}, {whole}, {self.inside(element)}{', '.join(cells)})\n\n"

    def inside(self, table: html.HtmlElement) -> str:
        """Return the formulas of each column of a table, and the place of the first one, as arguments."""
        rows, found = [row.findall("*") for row in table.iter("tr")], table.find_class("math")
        columns = [[math for row in rows for math in row[n].find_class("math")] for n in range(len(rows[0]))]
        shown = "".join(f"({''.join(map(self.set, column))}), " for column in columns)
        return f"formulas: ({shown}), place: {quoted(self.form(found[0])['place'])}, " if found else ""

    def form(self, math: html.HtmlElement) -> dict:
        """Return the printed form of a formula."""
        return self.formulas[int(math.get("data-formula"))]

    def set(self, math: html.HtmlElement) -> str:
        """Return a formula as an item of a list."""
        return f"${self.form(math)['typst']}$, "

    def class_highlight(self, element):
        # Code and what it prints stay together; a picture may stand on the next page.
        printed = followed(element, {"notebook-output"}) and element.getnext().find(".//img") is None
        output = "true" if printed else "false"
        text = quoted(element.text_content().rstrip())
        return f'\n\n#code({text}, lang: "python", output: {output})\n\n'

    def class_notebook_output(self, element):
        pictures = [self.embedded(image) for image in element.iter("img")]
        text = "\n".join(pre.text_content().rstrip() for pre in element.iter("pre"))
        pictures += [f"\n\n{self(math)}\n\n" for math in element.find_class("math")]
        return "".join(pictures) + (f"\n\n#output({quoted(text)})\n\n" if text else "")

    def embedded(self, image: html.HtmlElement) -> str:
        """Return a picture that a notebook cell drew, which stands in the page as a data address."""
        kind, _, data = image.get("src").partition(";base64,")
        content = base64.b64decode(data)
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.{kind.partition('image/')[2].partition('+')[0]}"
        self.files[name] = PICTURES / name
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / name).write_bytes(content)
        alt = " ".join(image.get("alt", "").split())
        return f"\n\n#figure(image({quoted(name)}, alt: {quoted(alt)}, width: 62%))\n\n"

    def class_checks(self, element):
        """Return the claims that were checked, each with its method; the code stays on the web."""
        cells = ["table.header([*no.*], [*claim*], [*method*])", "table.hline()"]
        for number, check in enumerate(element.findall("details"), 1):
            shown = (check.find(f"summary/*[@class='check-{name}']") for name in ("claim", "method"))
            cells.append(f"[{self.anchor(check)}{number}]")
            cells += [f"[{self.children(text)}]" for text in shown] + ["table.hline()"]
        return f"{self(element.find('p'))}#listing((auto, 1fr, auto), false, {', '.join(cells)})\n\n"
