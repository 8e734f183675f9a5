"""The printed sets as files: tagged, described, linked and laid out, as read by two PDF libraries."""

import ctypes
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest
from conftest import ROOT, SITE
from lxml import html
from maths.typeset import typeset
from mkdocs.config import load_config
from paper import exam
from printing.sets import SHORT

MM = 72 / 25.4
CONFIG = load_config(str(ROOT / "mkdocs.yml"))
ADDRESS = CONFIG["site_url"]
FILES = sorted(SITE.glob("pdf/*.pdf"))
HEADINGS = ("H1", "H2", "H3", "H4")


@dataclass
class Node:
    """An element of the structure tree; `inside` holds elements and pieces of text in reading order."""

    kind: str
    alt: str = ""
    page: int | None = None
    pages: set[int] = field(default_factory=set)
    inside: list = field(default_factory=list)
    links: list = field(default_factory=list)

    def walk(self):
        """Give the element and all below it in reading order."""
        yield self
        for child in self.inside:
            if isinstance(child, Node):
                yield from child.walk()

    def pieces(self):
        """Give the texts and the links below the element in reading order."""
        yield from self.links
        for child in self.inside:
            if isinstance(child, Node):
                yield from child.pieces()
            else:
                yield child

    @property
    def text(self) -> str:
        return " ".join("".join(piece for piece in self.pieces() if isinstance(piece, str)).split())

    def all(self, *kinds: str) -> list["Node"]:
        """Return the elements of some kinds in reading order."""
        return [node for node in self.walk() if node.kind in kinds]


@dataclass
class Mark:
    """One object that a page draws: its marked content, its text and its box."""

    content: int
    artifact: bool
    text: str


class Print:
    """A PDF file with its structure tree and its text."""

    def __init__(self, path: Path):
        self.name, self.path = path.stem, path
        self.pdf, self.document = pikepdf.open(path), pdfium.PdfDocument(path)
        self.number = {page.objgen: number for number, page in enumerate(self.pdf.pages)}

    @cached_property
    def marks(self) -> list[list[Mark]]:
        """What each page draws, in the order in which it is drawn."""
        return [[drawn(item, text) for item in page.get_objects(max_depth=1)]
                for page in self.document for text in [page.get_textpage()]]  # fmt: skip

    @cached_property
    def texts(self) -> list[dict[int, str]]:
        """The text of each piece of marked content, page by page."""
        pages = []
        for marks in self.marks:
            pages.append({})
            for mark in marks:
                if mark.content >= 0:
                    pages[-1][mark.content] = pages[-1].get(mark.content, "") + mark.text
        return pages

    @cached_property
    def root(self) -> Node:
        """The structure tree."""
        self.used = Counter()
        root = Node("StructTreeRoot")
        self.grow(root, self.pdf.Root.StructTreeRoot.K, None)
        return root

    def grow(self, node: Node, kids, page: int | None):
        """Add kids of a structure element: elements, marked contents and annotations."""
        for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
            if isinstance(kid, int):
                self.add(node, page, kid)
            elif kid.get("/Type") == "/MCR":
                self.add(node, self.number[kid.Pg.objgen] if "/Pg" in kid else page, int(kid.MCID))
            elif kid.get("/Type") == "/OBJR":
                node.links.append(kid.Obj)
            else:
                own = self.number[kid.Pg.objgen] if "/Pg" in kid else page
                child = Node(str(kid.S)[1:], str(kid.get("/Alt", "")), own)
                node.inside.append(child)
                if "/K" in kid:
                    self.grow(child, kid.K, own)

    def add(self, node: Node, page: int, content: int):
        self.used[page, content] += 1
        node.page = page if node.page is None else node.page
        node.pages.add(page)
        node.inside.append(self.texts[page].get(content, ""))

    def target(self, link) -> int | None:
        """Return the number of the page to which a link annotation leads in the file."""
        goal = link.get("/Dest") or (link.A.get("/D") if "/A" in link else None)
        if isinstance(goal, pikepdf.String | pikepdf.Name):
            goal = pikepdf.NameTree(self.pdf.Root.Names.Dests)[str(goal)]
            goal = goal.D if isinstance(goal, pikepdf.Dictionary) else goal
        return None if goal is None else self.number[goal[0].objgen]

    @cached_property
    def characters(self) -> list[list[tuple[str, float, float, float, float]]]:
        """The visible characters of each page with their boxes: left, bottom, right, top."""
        return [characters(page.get_textpage()) for page in self.document]

    def links(self) -> list[tuple[int, pikepdf.Dictionary]]:
        """Return the link annotations with the numbers of their pages."""
        return [(number, note) for number, page in enumerate(self.pdf.pages)
                for note in page.get("/Annots", []) if note.Subtype == "/Link"]  # fmt: skip


def drawn(item: pdfium.PdfObject, page: pdfium.PdfTextPage) -> Mark:
    """Return how a page object is marked, and its text."""
    names = []
    for index in range(raw.FPDFPageObj_CountMarks(item.raw)):
        buffer, length = (ctypes.c_ushort * 32)(), ctypes.c_ulong()
        raw.FPDFPageObjMark_GetName(
            raw.FPDFPageObj_GetMark(item.raw, index), buffer, ctypes.sizeof(buffer), ctypes.byref(length)
        )
        names.append(bytes(buffer)[: length.value - 2].decode("utf-16le"))
    text = ""
    if item.type == raw.FPDF_PAGEOBJ_TEXT:
        size = raw.FPDFTextObj_GetText(item.raw, page, None, 0)
        buffer = (ctypes.c_ushort * (size // 2 + 1))()
        raw.FPDFTextObj_GetText(item.raw, page, buffer, size)
        text = bytes(buffer)[: size - 2].decode("utf-16le", "replace")
    return Mark(raw.FPDFPageObj_GetMarkedContentID(item.raw), "Artifact" in names, text)


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def printed(request) -> Print:
    """Give each printed set in turn: all tests of a set follow each other, and walk it once."""
    return Print(request.param)


# -- what the pages of the site hold --------------------------------------------------------------


@cache
def page(address: str) -> html.HtmlElement:
    """Return the article of a built page; the list of its checks stands in it, as on paper."""
    article = html.parse(str(SITE / address / "index.html")).getroot().xpath("//article")[0]
    for link in article.find_class("checks-link"):
        link.getparent().replace(link, page(f"{address}checks/").find_class("checks")[0])
    return article


@cache
def ids(address: str) -> set[str]:
    """Return the anchors of a built page."""
    return set(html.parse(str(SITE / address / "index.html")).getroot().xpath("//@id"))


def words(text: str) -> str:
    """Return text with its white space evened out, without the sign of a permanent link."""
    return " ".join(text.replace("¶", "").split())


def title(address: str) -> str:
    """Return the title of a built page."""
    return words(page(address).find(".//h1").text_content())


def members(name: str) -> list[tuple[str, list[str]]]:
    """Return the chapters of a set from the paper and the site: title, and addresses of its pages."""
    short = name.endswith("-short")
    name = name.removesuffix("-short")
    if name == "exam":
        return [(title("exam/"), [])]
    solved = [question for question in exam.questions() if question.solved]
    if name.startswith("topic-"):
        topic = next(t for t in CONFIG["extra"]["topics"] if name == f"topic-{t.lower().replace(' ', '-')}")
        return [(topic, [e.address for q in solved for e in q.solved if topic in e.tags])]
    chosen = [question for question in solved if name in (question.id, "solutions")]
    return [
        (
            f"Question {q.number}: {q.title}" if short else title(f"{q.id}/"),
            [e.address for e in q.solved] + [f"{q.id}/lab/"] * (not short and (SITE / q.id / "lab").is_dir()),
        )
        for q in chosen
    ]


def within(elements: list, short: bool) -> list:
    """Return the elements that a set in full or in short has."""
    units = "ancestor::section/@data-unit"
    return [e for e in elements if not short or set(SHORT) & set(e.xpath(units))]


def sections(address: str, short: bool) -> list[str]:
    """Return the headings of a page below its title, as a set in full or in short has them."""
    return [words(h.text_content()) for h in within(page(address).xpath(".//h2 | .//h3 | .//h4"), short)]


# What of a page is for the screen alone, seen from a formula or a figure.
SCREEN = " or ".join(
    f"ancestor::*[contains(concat(' ', @class, ' '), ' {name} ')]"
    for name in (
        "check-body",
        "evidence-card",
        "only-dark",
        "facts",
        "practice",
        "statement-status",
        "visually-hidden",
    )  # fmt: skip
)


@cache
def spoken(address: str, short: bool) -> list[str]:
    """Return the formulas of a page that a set in full or in short has, spoken, in the order of the page."""
    elements = within(page(address).xpath(f".//span[@class='katex'][not({SCREEN})]"), short)
    shown = [(e.findtext(".//annotation"), e.find(".//math").get("display") == "block") for e in elements]
    return [formula.speech for formula in typeset(shown)]


# -- the document ---------------------------------------------------------------------------------


def test_declares_what_it_is(printed):
    """The file is tagged, in English, shows its title, and claims PDF/UA-1 and PDF/A-2a."""
    root, data = printed.pdf.Root, printed.pdf.open_metadata()
    assert root.MarkInfo.Marked is True and root.Lang == "en"
    assert root.ViewerPreferences.DisplayDocTitle is True
    assert (
        data["dc:title"] == "The paper" if printed.name == "exam" else data["dc:title"] in printed.root.text
    )
    claims = [data.get(f"pdf{name}") for name in ("uaid:part", "aid:part", "aid:conformance")]
    assert claims == ["1", "2", "A"]


def test_fonts_are_embedded(printed):
    """Every font program is in the file, and every font says which characters its glyphs are."""
    fonts = [
        o for o in printed.pdf.objects if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == "/Font"
    ]
    programs = [o for o in printed.pdf.objects
                if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == "/FontDescriptor"]  # fmt: skip
    assert fonts and programs
    assert all({"/FontFile", "/FontFile2", "/FontFile3"} & set(one.keys()) for one in programs)
    assert [f.BaseFont for f in fonts if f.Subtype in ("/Type0", "/Type3") and "/ToUnicode" not in f] == []
    assert [f for f in fonts if f.Subtype in ("/Type1", "/TrueType") and "/FontDescriptor" not in f] == []


def items(outline) -> Iterator[pikepdf.OutlineItem]:
    """Yield the bookmarks of a file in order, each before those below it."""
    for item in outline:
        yield item
        yield from items(item.children)


def test_bookmarks_are_the_headings_of_questions_parts_and_sections(printed):
    """The bookmarks are the headings down to the sections of a part, and each leads to its heading's page."""
    with printed.pdf.open_outline() as outline:
        found = list(items(outline.root))
    headings = [h for h in printed.root.all("H1", "H2", "H3") if h.text != "Contents"]
    shown = [" ".join(item.title.split()) for item in found]
    assert shown == [heading.text for heading in headings]
    for item, heading in zip(found, headings):
        goal = item.destination if item.destination is not None else item.action.D
        assert printed.number[goal[0].objgen] == heading.page


# -- the structure --------------------------------------------------------------------------------


def test_headings_have_levels_in_order(printed):
    """There is one document, its headings begin at level 1, and none skips a level."""
    assert [node.kind for node in printed.root.inside] == ["Document"]
    levels = [int(heading.kind[1]) for heading in printed.root.all(*HEADINGS)]
    assert levels[0] == 1
    assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == []
    assert {n.kind for n in printed.root.walk() if re.fullmatch(r"H\d*", n.kind)} <= set(HEADINGS)


def test_headings_are_those_of_the_pages(printed):
    """The headings in reading order are those of the pages: title, then every section that is printed."""
    short = printed.name.endswith("-short")
    expected = []
    for chapter, pages in members(printed.name):
        question = next((q.id for q in exam.questions() if not short and title_of(q) == chapter), None)
        expected += [chapter, *(sections(f"{question}/", False) if question else ())]
        for address in pages:
            expected += [title(address), *sections(address, short)]
    if printed.name == "exam":
        expected += sections("exam/", False)
    shown = [heading.text for heading in printed.root.all(*HEADINGS)]
    parts = sum(len(pages) for _, pages in members(printed.name))
    listed = printed.name != "exam" and (parts > 1 or not short)  # the contents of one page say nothing
    assert shown == ["Contents"] * listed + expected


def title_of(question: exam.Question) -> str:
    """Return the title of the page of a question, if it has one."""
    return title(f"{question.id}/") if question.solved else ""


def test_reading_begins_with_the_title(printed):
    """The text in reading order begins with the title page, or with the heading if there is none."""
    name = printed.pdf.open_metadata()["dc:title"]
    begin = members("exam")[0][0] if printed.name == "exam" else f"Full Marks {name}"
    assert " ".join(node.text for node in printed.root.inside[0].inside[:2]).startswith(begin)


def test_formulas_and_figures_are_described(printed):
    """Every formula and every figure has a description in words, without TeX."""
    found = printed.root.all("Formula", "Figure")
    assert [node.page for node in found if not node.alt.strip() or re.search(r"[\\{}$]", node.alt)] == []
    assert all(len(node.alt) > 40 for node in printed.root.all("Figure"))


def test_formulas_are_those_of_the_pages(printed):
    """A set holds the formulas of its pages, all that belong to it, spoken, in the order of the pages."""
    short, expected = printed.name.endswith("-short"), []
    for chapter, pages in members(printed.name):
        own = [f"{q.id}/" for q in exam.questions() if not short and title_of(q) == chapter]
        own += ["exam/"] * (printed.name == "exam")
        expected += [formula for address in own + pages for formula in spoken(address, short)]
    assert len(expected) > 1000 or printed.name != "solutions"
    assert [formula.alt for formula in printed.root.all("Formula")] == expected


def test_figures_are_those_of_the_pages(printed):
    """A set holds the figures of its pages, with the descriptions that the pages give them."""
    expected = []
    for _, pages in members(printed.name) if not printed.name.endswith("-short") else ():
        for address in pages:
            images = page(address).xpath(f".//img[not({SCREEN})][not(ancestor::*[@class='only-dark'])]")
            expected += [words(image.get("alt")) for image in images]
    assert sorted(words(figure.alt) for figure in printed.root.all("Figure")) == sorted(expected)


def test_tables_and_lists_have_their_parts(printed):
    """A table has a head of header cells and rows of equal length; a list has items with bodies."""
    for table in printed.root.all("Table"):
        head, *_ = table.inside
        assert head.kind == "THead" and {cell.kind for cell in head.inside[0].inside} == {"TH"}
        assert len({len(row.inside) for row in table.all("TR")}) == 1
    for items in printed.root.all("L"):
        assert {item.kind for item in items.inside} == {"LI"}
        assert all("LBody" in [part.kind for part in item.inside] for item in items.inside)


def test_rows_stay_on_one_page(printed):
    """A row of a table is not divided between two pages."""
    for row in printed.root.all("TR"):
        assert len(set.union(*[part.pages for part in row.walk()])) <= 1, row.text


def test_everything_is_tagged_or_artifact(printed):
    """What a page draws is an artifact, or belongs to exactly one element of the structure."""
    assert printed.root.inside
    loose = [(number + 1, mark.text) for number, marks in enumerate(printed.marks)
             for mark in marks if mark.content < 0 and not mark.artifact]  # fmt: skip
    assert loose == []
    contents = {(number, mark.content) for number, marks in enumerate(printed.marks)
                for mark in marks if mark.content >= 0}  # fmt: skip
    assert contents <= set(printed.used) and set(printed.used.values()) == {1}


# -- links ----------------------------------------------------------------------------------------


def test_links_lead_somewhere(printed):
    """A link leads to a place in the file, to a page of the site that exists, or to another site."""
    for number, link in printed.links():
        target = printed.target(link)
        if target is not None:
            continue
        address = str(link.A.URI)
        if address.startswith(ADDRESS):
            path, _, anchor = address.removeprefix(ADDRESS).partition("#")
            assert (SITE / path).is_file() or (SITE / path / "index.html").is_file(), (number + 1, address)
            assert not anchor or unquote(anchor) in ids(path), (number + 1, address)
        else:
            assert address.startswith(("https://", "http://", "mailto:")), (number + 1, address)


def test_links_are_in_the_structure(printed):
    """Every link says where it leads, and stands in the structure once, in an element for it."""
    notes = [note for _, note in printed.links()]
    kept = [note for node in printed.root.all("Link", "Reference") for note in node.links]
    assert sorted(note.objgen for note in notes) == sorted(note.objgen for note in kept)
    assert [str(note.Rect) for note in notes if not str(note.get("/Contents", "")).strip()] == []


def test_page_numbers_in_the_text_are_right(printed):
    """Where the text says `(p. 7)` behind a link, the link leads to page 7."""
    leads, checked = None, 0
    for piece in printed.root.pieces():
        if not isinstance(piece, str):
            leads = printed.target(piece)
        elif found := re.match(r"\s*\(p\.\s*(\d+)\)", piece):
            checked += 1
            assert leads == int(found[1]) - 1, piece
    assert checked == printed.root.text.count("(p.")
    assert checked > 20 or printed.name not in ("solutions", "q2")


# -- the layout -----------------------------------------------------------------------------------


def characters(text: pdfium.PdfTextPage) -> list[tuple[str, float, float, float, float]]:
    """Return the visible characters of a page with their boxes: left, bottom, right, top."""
    found = []
    for index in range(text.count_chars()):
        character = chr(raw.FPDFText_GetUnicode(text, index))
        if not character.isspace() and character != "\ufffe":
            found.append((character, *text.get_charbox(index)))
    return found


def test_no_text_sticks_out(printed):
    """All text lies within the margins: 20 mm at the left, 15 mm at the right, 10 mm above and below."""
    out = []
    for number, sheet in enumerate(printed.document):
        width, height = sheet.get_size()
        for character, left, bottom, right, top in printed.characters[number]:
            inside = (
                20 * MM <= left and right <= width - 15 * MM and 10 * MM <= bottom and top <= height - 10 * MM
            )
            if not inside:
                out.append((number + 1, character, round(left / MM), round(right / MM), round(bottom / MM)))
    assert out == []


def test_no_text_touches_a_rule(printed):
    """No character reaches into a rule of a table or of the head of a page."""
    touching = []
    for number, sheet in enumerate(printed.document):
        lines = [item.get_bounds() for item in sheet.get_objects([raw.FPDF_PAGEOBJ_PATH], max_depth=1)]
        rules = [line for line in lines if line[2] - line[0] > 60 and line[3] - line[1] < 2]
        for character, left, bottom, right, top in printed.characters[number]:
            for start, low, end, high in rules:
                if start < right and left < end and bottom < high and low < top:
                    touching.append((number + 1, character, round(left), round(bottom)))
    assert touching == []


def test_no_heading_ends_a_page(printed):
    """Below a heading something of its section stands on the same page."""
    order = [node for node in printed.root.walk() if node.inside and node.page is not None]
    alone = []
    for index, node in enumerate(order):
        if node.kind in HEADINGS:
            inside = set(map(id, node.walk()))
            after = next((n for n in order[index:] if id(n) not in inside), None)
            if after and after.page != node.page:
                alone.append((node.page + 1, node.text))
    assert alone == []


def test_no_figure_stands_above_the_title_of_its_part(printed):
    """A figure that floats to the top of a page does not overtake the title of the part it belongs to."""
    for heading in printed.root.all("H1", "H2"):
        text = printed.document[heading.page].get_textpage()
        tops = {}
        for what in (heading.text, "Figure "):
            search = text.search(what, match_case=True)
            found = iter(search.get_next, None)
            tops[what] = [text.get_charbox(index)[3] for index, _ in found]
        title = sorted(tops[heading.text])[-2:][0]  # above it stands the running head
        assert not [top for top in tops["Figure "] if top > title], heading.text


def test_badges_lead_to_the_numbered_claims(printed):
    """In a full set `[check 7]` leads to the row 7 of the checks in the same file."""
    numbers = re.findall(r"\[check (\d+)\]", printed.root.text)
    rows = {row.inside[0].text for table in printed.root.all("Table") for row in table.all("TR")}
    assert bool(numbers) != (printed.name.endswith("-short") or printed.name == "exam")
    assert set(numbers) <= rows and ("[checked]" not in printed.root.text or not numbers)


def test_entrance_shows_lengths_and_sizes():
    """The entrance and the topics say of every set how long its file is and how large, as it is."""
    shown = {}
    for address in ("", "topics/"):
        for link in page(address).xpath('.//table[@id="pdf"]//a'):
            shown[Path(link.get("href")).stem] = link.text_content().replace("\N{NO-BREAK SPACE}", " ")
    expected = {}
    for path in FILES:
        size, pages = path.stat().st_size, len(pdfium.PdfDocument(path))
        amount = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
        expected[path.stem] = f"{pages} page{'s' * (pages > 1)}, {amount}"
    assert shown == expected


def test_solutions_are_small_enough_to_send():
    """The file of all solutions has at most 6 MB."""
    assert (SITE / "pdf/solutions.pdf").stat().st_size <= 6e6
