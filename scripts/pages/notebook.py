"""Reduce the HTML of a notebook page to what a reader needs, in the site's own markup."""

import base64
import re
import struct
from functools import lru_cache

import jupytext
from lxml import etree, html
from maths.typeset import typeset

SHOWN = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", re.DOTALL)
PICTURE = re.compile(r'src="data:image/png;base64,([^"]+)"')
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@lru_cache(maxsize=12)
def written(lab: str) -> str:
    """Return the notebook file of a lab."""
    book = jupytext.reads(lab, fmt="py")
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"  # jupytext draws random ids, which would differ at each build
    return jupytext.writes(book, fmt="ipynb")


def lean(content: str, download: str) -> str:
    """Return the cells of an executed notebook without the plug-in's styles and scripts."""
    tree = html.fragment_fromstring(content, create_parent="div")
    page = html.fromstring('<div class="notebook"></div>')
    link = etree.SubElement(page, "p", {"class": "notebook-download"})
    etree.SubElement(link, "a", {"href": download, "download": ""}).text = "Download this notebook (.ipynb)"
    told = ""
    for cell in tree.xpath('.//div[contains(concat(" ", @class, " "), " jp-Cell ")]'):
        if "jp-MarkdownCell" in cell.classes:
            text = markdown(cell)
            told = (text[-1].text_content() if len(text) else told).strip()
            page.extend(list(text))
        elif "jp-CodeCell" in cell.classes:
            page.extend(code(cell, told))
    title = page.find("h1")
    if title is not None:
        page.insert(0, title)
    return html.tostring(page, encoding="unicode")


def markdown(cell) -> html.HtmlElement:
    """Return the rendered text of a Markdown cell, its formulas marked for the typesetter."""
    text = cell.xpath('.//div[contains(@class, "jp-RenderedMarkdown")]')[0]
    for anchor in text.xpath('.//a[@class="anchor-link"]'):
        anchor.drop_tree()
    source = html.tostring(text, encoding="unicode")
    parts = re.split(r"(<code.*?</code>|<pre.*?</pre>)", source, flags=re.DOTALL)
    parts[::2] = [MATH.sub(formula, part) for part in parts[::2]]
    return html.fromstring("".join(parts))


def formula(match: re.Match) -> str:
    """Return the markup of a formula as pymdownx.arithmatex writes it."""
    display, inline = match.groups()
    if display:
        return f'<span class="arithmatex">\\[{display}\\]</span>'
    return f'<span class="arithmatex">\\({inline}\\)</span>'


def spoken(match: re.Match) -> str:
    """Return a formula of a text in words; one that is wrong is a problem of its own."""
    inline, display = match.groups()
    return typeset([(display or inline, bool(display))])[0].speech


def code(cell, told: str) -> list[html.HtmlElement]:
    """Return the source of a code cell and its outputs; `told` describes its pictures."""
    blocks = []
    for source in cell.xpath('.//div[contains(@class, "highlight-ipynb")]'):
        source.attrib.clear()
        source.set("class", "highlight")
        for pre in source.iter("pre"):  # the button that copies looks for <code>
            inner = etree.Element("code")
            inner.text, pre.text = pre.text, None
            inner.extend(list(pre))
            pre.append(inner)
        blocks.append(source)
    for output in cell.xpath('.//div[contains(@class, "jp-OutputArea-output")]'):
        output.attrib.clear()
        output.set("class", "notebook-output")
        for image in output.iter("img"):
            image.set("alt", SHOWN.sub(spoken, told))
            image.attrib.pop("class", None)
        for shown in output.xpath('.//div[contains(@class, "jp-RenderedLatex")]'):
            tex = shown.text_content().strip().strip("$").strip()
            shown.attrib.clear()
            shown.text = None
            shown.append(html.fromstring(formula(MATH.fullmatch(f"${tex}$"))))
        before = blocks[-1].xpath('self::*[@class="notebook-output"]//pre') if blocks else []
        text = output.xpath(".//pre")
        if before and text:
            # What one cell prints arrives in pieces that depend on timing.
            before[-1].text = (before[-1].text or "") + (text[0].text or "")
        else:
            blocks.append(output)
    for pre in (pre for block in blocks for pre in block.iter("pre")):
        pre.attrib.update({"tabindex": "0", "role": "group", "aria-label": "Code or what it prints"})
    return blocks


def pictures(page: str) -> tuple[str, dict[str, bytes]]:
    """Return a page with its drawn pictures as files beside it, and these by their names.

    Each keeps its place until it comes, which is when a reader comes near it.
    """
    files = {}

    def linked(match: re.Match) -> str:
        content = base64.b64decode(match[1])
        name = f"picture-{len(files) + 1}.png"
        files[name] = content
        width, height = struct.unpack(">II", content[16:24])  # what a PNG file begins with
        return f'src="{name}" width="{width}" height="{height}" loading="lazy"'

    return PICTURE.sub(linked, page), files


def failing_line(error: Exception) -> str:
    """Return the source line at which a notebook cell failed, as the traceback shows it."""
    lines = re.findall(r"^-+> +\d+ +(.*)$", ANSI.sub("", str(error)), re.MULTILINE)
    return lines[0].strip() if lines else ""
