"""Turning the HTML of pages into Typst markup: what each element becomes, and what is refused."""

import pypdfium2
import pytest
import typst
from lxml import html
from maths.typeset import typeset
from paper.parts import SCRIPTS
from printing.printer import Printer, Unprintable

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
