"""Turning the HTML of pages into Typst markup: what each element becomes, and what is refused."""

import shutil

import pypdfium2
import pytest
import typst
from lxml import html
from maths.typeset import typeset
from paper.parts import SCRIPTS
from printing.printer import Printer, Unprintable
from pypdfium2.raw import FPDFText_GetUnicode

FORMULA = {"typst": "x", "speech": "x", "place": "page.md:1"}


@pytest.fixture
def printed(tmp_path):
    """Return a function that turns HTML into Typst markup."""

    def make(content: str) -> str:
        printer = Printer("q9/a-x/", "https://example.org/", tmp_path, 2, [FORMULA])
        return printer.children(html.fragment_fromstring(content, create_parent="div")).strip()

    return make


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<p>It #costs $5 "or" <em>so</em>.</p>', r'#"It #costs $5 \"or\""; #emph[#"so";];#".";'),
        ("<p>a <code>b_c</code></p>", '#"a"; #raw("b_c");'),
        (
            '<h2 id="one">Two</h2>',
            '#heading(level: 3, outlined: false, bookmarked: true)[#"Two";] #label("q9/a-x/#one")',
        ),
        ("<ul><li>one</li><li>two</li></ul>", '#list([#"one";], [#"two";])'),
        ('<a href="https://a.b/c">d</a>', '#link("https://a.b/c")[#"d";];'),
        ('<a href="#e">f</a>', '#refer("q9/a-x/#e", "https://example.org/q9/a-x/#e")[#"f";];'),
        ('<a href="../b-y/#e">f</a>', '#refer("q9/b-y/#e", "https://example.org/q9/b-y/#e")[#"f";];'),
        (
            '<p>a<sup id="fnref:1"><a class="footnote-ref" href="#fn:1">1</a></sup></p>'
            '<div class="footnote"><ol><li id="fn:1"><p>note '
            '<a class="footnote-backref" href="#fnref:1">back</a></p></li></ol></div>',
            '#"a";#anchor("q9/a-x/#fnref:1")#footnote[#"note";];',
        ),
        ("<button>press</button><p class='pdf-links'>no</p>", ""),
        (
            '<span class="math" data-formula="0">x</span>',
            '/* page.md:1 */#math.equation(alt: "x", $x$);',
        ),
    ],
)  # fmt: skip
def test_element_becomes_markup(printed, content, expected):
    """Text is literal whatever characters it has; links, footnotes and formulas keep their meaning."""
    assert printed(content) == expected


@pytest.mark.parametrize("content", ["<video>film</video>", "<p><img src='x.png'></p>"])
def test_element_without_a_printed_form_is_refused(printed, content):
    """An element that the printer does not know is an error that says where it stands, never left out."""
    with pytest.raises(Unprintable, match="has no printed form"):
        printed(content)


def test_links_inside_a_set_give_the_page():
    """A link to another page of the set ends in its page number, one to elsewhere leads to the web."""
    source = (
        f"{(SCRIPTS / 'printing' / 'print.typ').read_text()}\n"
        '#refer("here", "https://example.org/here", [there]) #refer("gone", "https://example.org/", [web])\n'
        '#pagebreak() #anchor("here")'
    )
    pages = typst.Compiler(source.encode(), ignore_system_fonts=True).compile(format="svg")
    assert len(pages) == 2
    (links,) = [typst.Compiler(source.encode(), ignore_system_fonts=True).query("link", field="dest")]
    assert '"https://example.org/"' in links and "https://example.org/here" not in links


def lines_of(formula: str, width: int, before: str = "") -> list[str]:
    """Return the lines of a formula in a column of some millimetres, without their spaces."""
    source = f"#set page(width: {width}mm, margin: 2mm, height: auto)\n{before} ${formula}$"
    content = typst.Compiler(source.encode(), ignore_system_fonts=True).compile()
    with pypdfium2.PdfDocument(content) as document:
        text = document[0].get_textpage().get_text_bounded()
    return [line.replace(" ", "") for line in text.splitlines()]


@pytest.mark.parametrize("width", range(36, 70, 3))
@pytest.mark.parametrize("tex", ["A < 0", "h(q, 1 - p)", r"p(y, x) g(r(x, y)/b)"])
def test_short_formula_and_bracket_stay_on_one_line(tex, width):
    """A short formula, or one that is all bracket, goes to the next line whole."""
    (formula,) = typeset([(tex, False)])
    (whole,) = lines_of(formula.typst, 200)
    assert any(line.endswith(whole) for line in lines_of(formula.typst, width, "some words stand here"))


@pytest.mark.parametrize("width", [32, 38, 42, 46, 50, 60])
def test_formula_breaks_outside_its_brackets(width):
    """In a narrow column a formula breaks after a relation or between the terms of a long side."""
    tex = r"g(q, 1 - p) \ge s h(1, q + t) + \sigma(z - 2 - u) w + \psi(1 + \lambda) \mu \nu - x y = v - w"
    (formula,) = typeset([(tex, False)])
    *lines, last = lines_of(formula.typst, width)
    assert len(lines) >= (width < 60) and last.endswith("𝑣−𝑤")
    for line in lines:
        assert line[-1] in "≥=+−" and line.count("(") == line.count(")"), line


RIGHT = (210 - 25) / 25.4 * 72 + 1  # points from the left: the margin
WIDE = r"\frac{A_1 + A_2 + A_3 + A_4 + A_5 + A_6}{B + B + B + B + B + B + B + B + C}"


def set_page(
    tmp_path, content: str, formulas: list[str] = ()
) -> list[tuple[str, float, float, float, float]]:
    """Set some HTML as a page of a set; return its characters with their boxes: left, bottom, right, top."""
    forms = [vars(form) | {"place": "page.md:7"} for form in typeset([(tex, False) for tex in formulas])]
    printer = Printer("q9/a-x/", "https://example.org/", tmp_path, 2, forms)
    body = printer.children(html.fragment_fromstring(content, create_parent="div"))
    for name, path in printer.files.items():
        shutil.copy(path, tmp_path / name)
    head = '"T", "S", (), "https://example.org/", (year: 2026, month: 1, day: 1), false, false'
    template = (SCRIPTS / "printing" / "print.typ").read_text()
    (tmp_path / "main.typ").write_text(f"{template}\n#show: set-of.with({head})\n{body}")
    content = typst.Compiler(
        str(tmp_path / "main.typ"), root=str(tmp_path), ignore_system_fonts=True
    ).compile()
    with pypdfium2.PdfDocument(content) as document:
        text = document[0].get_textpage()
        found = [(chr(FPDFText_GetUnicode(text, n)), *text.get_charbox(n)) for n in range(text.count_chars())]
    return [one for one in found if one[2] < one[4] and one[4] < 767]  # visible, below the running head


def table(columns: int) -> str:
    """Return a table whose cells hold the first formula."""
    cells = '<td><span class="math" data-formula="0">x</span></td>' * columns
    return f"<table><thead><tr>{'<th>h</th>' * columns}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"


def test_wide_table_is_set_smaller(tmp_path):
    """The formulas of neighbouring cells do not touch, and none leaves the page."""
    found = set_page(tmp_path, table(4), [WIDE])
    assert max(one[3] for one in found) < RIGHT
    for row in {round(one[2]) for one in found if one[0] == "+"}:
        signs = sorted(one for one in found if one[0] == "+" and round(one[2]) == row)
        gaps = [after[1] - before[3] for before, after in zip(signs, signs[1:])]
        assert min(gaps) > 0 and sum(gap > 2 * min(gaps) for gap in gaps) == 3  # between the four columns


def test_table_that_cannot_fit_is_refused(tmp_path):
    """A table too wide for small type is an error that names the place of its first formula."""
    with pytest.raises(typst.TypstError, match="page.md:7: the table is too wide"):
        set_page(tmp_path, table(8), [WIDE])


@pytest.mark.parametrize("code", ["module.sub." + "long_name_" * 12 + "(x=1)", "a" * 150])
def test_long_code_stays_on_the_paper(tmp_path, code):
    """A long name in code goes on in the next line."""
    found = set_page(tmp_path, f"<p>Some words and <code>{code}</code> after.</p>")
    assert max(one[3] for one in found) < RIGHT


@pytest.mark.parametrize("words", range(4, 12))
def test_title_keeps_a_word_with_hyphens_whole(tmp_path, words):
    """A title breaks between words, not behind a hyphen."""
    found = set_page(tmp_path, f'<h1 id="t">{"words " * words}Parameter-efficient fine-tuning</h1>')
    hyphens = [n for n, one in enumerate(found) if one[0] in "-\u2010"]
    assert len(hyphens) == 2
    assert all(abs(found[n][2] - found[n + 1][2]) < 12 and found[n + 1][1] > found[n][1] for n in hyphens)


@pytest.mark.parametrize("lines", [5, 30])
def test_figure_stands_below_its_heading(tmp_path, lines):
    """A figure stands where it is named if there is room, else on the next page: never above its heading."""
    (tmp_path / "f.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="700" height="300"/>')
    figure = '<figure><img src="f.svg" alt="Nothing."/><figcaption><p>Drawn.</p></figcaption></figure>'
    found = set_page(tmp_path, f'<h2 id="x">Heading</h2>{"<p>line</p>" * lines}{figure}<p>After.</p>')
    text = "".join(one[0] for one in found)
    assert ("Drawn" in text) == (lines < 30)
    assert text.index("Heading") < text.index("line") < text.index("After")
    assert lines > 5 or text.index("line") < text.index("Drawn") < text.index("After")
