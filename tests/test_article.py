"""Numbering, references and typesetting on small made-up pages."""

import pytest
from maths.typeset import typeset
from pages import notebook
from paper.article import Article
from paper.markup import snippets
from paper.references import find_leftovers, resolve
from paper.rules import cost
from paper.sources import Sources


@pytest.fixture
def article(tmp_path):
    """Return a function that makes an article from HTML, with its source in a scratch file."""

    def make(content: str, prefix: str = "2a") -> Article:
        page = tmp_path / "page.md"
        page.write_text(content)
        return Article(content, Sources(page), prefix)

    return make


def test_statements_and_equations_are_numbered_in_order(article):
    """Statements share one counter, equations have their own, and a tag replaces the number."""
    made = article(
        '<div class="admonition theorem" id="thm-a"><p class="admonition-title">Main</p></div>'
        '<div class="admonition lemma" id="lem-b"><p class="admonition-title">Lemma</p></div>'
        r'<div class="arithmatex">\[x = 1 \label{eq-x}\]</div>'
        r'<div class="arithmatex">\[y = 1 \tag{A} \label{eq-y}\]</div>'
        r'<div class="arithmatex">\[z = 1\]</div>'
    )
    made.number_statements()
    made.collect_formulas()
    assert made.labels == {"thm-a": "2a.1", "lem-b": "2a.2", "eq-x": "2a.1", "eq-y": "A"}
    assert [formula.tex for formula in made.formulas] == ["x = 1", "y = 1", "z = 1"]
    assert "Theorem 2a.1</strong> <span" in made.html() and "(<span>Main</span>)" in made.html()
    assert made.problems == []


def test_references_lead_to_the_other_page(article):
    """A reference becomes a link with the number, also across pages and inside formulas."""
    made = article(
        r"<p>By \eqref{eq-x} and Theorem \ref{thm-a}, <em>so</em> \ref{thm-a}.</p>"
        r'<span class="arithmatex">\(\eqref{eq-x}\)</span>'
    )
    made.collect_formulas()
    labels = {"eq-x": ("here/", "1"), "thm-a": ("there/", "2")}
    resolve(made, labels, "here/", lambda url: f"../{url}")
    assert '<a href="#eq-x" class="reference">(1)</a>' in made.html()
    assert made.html().count('<a href="../there/#thm-a" class="reference">2</a>') == 2
    assert made.formulas[0].tex == r"\href{#eq-x}{\text{(1)}}"
    assert made.problems == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (r"<p>See \eqref{eq-none}.</p>", "no page defines the label"),
        (r'<span class="arithmatex">\(x \label{eq-x}\)</span>', "only displayed equations"),
        (r'<div class="arithmatex">\[x \label{eq-x} y \label{eq-y}\]</div>', "at most one label"),
        (r"<p>Loose \alpha here</p>", "TeX outside of a formula"),
        ("<p>An unclosed $x formula</p>", "TeX outside of a formula"),
    ],
)
def test_problem_is_reported_with_its_line(article, content, words):
    """A misuse is reported once, with the file and the line."""
    made = article("<p>first line</p>\n" + content)
    made.collect_formulas()
    resolve(made, {}, "here/", str)
    find_leftovers(made)
    assert len(made.problems) == 1 and words in made.problems[0]
    assert "page.md:2: " in made.problems[0]


def test_text_in_code_is_left_alone(article):
    """Dollar signs and commands in code are text, not formulas."""
    made = article(r"<p><code>\ref{x} $x$ \alpha</code></p><pre>\eqref{y}</pre><p>It costs $60.</p>")
    resolve(made, {}, "here/", str)
    find_leftovers(made)
    assert made.problems == []


@pytest.mark.parametrize(
    "tex",
    [r"\frac{a", r"\foo", r"x^2^3", r"\left( x", r"\begin{aligned} a", "a & b", r"\sqrt[", "{", "}",
     r"\begin{cases} a \end{aligned}", r"\text{a", r"\mathbb", "x_", r"\right)"],
)  # fmt: skip
def test_malformed_formula_is_refused(tex):
    """A malformed formula gives an error that marks the place."""
    (result,) = typeset([(tex, True)])
    assert result.error and not result.html


def test_formulas_become_plain_text_for_search():
    """A formula's plain text is what a reader sees, without TeX; macros are expanded."""
    (result,) = typeset([(r"\piref(y \mid x) \le \E[\log\sigma(z)]", False)])
    assert result.text == "πref(y∣x)≤E[logσ(z)]"
    assert 'class="katex"' in result.html


def test_formula_that_a_cell_gives_is_typeset():
    """What SymPy shows of an expression is a formula of the page."""
    shown = '<div class="jp-RenderedLatex">$\\displaystyle \\frac{\\sqrt{x}}{2}$</div>'
    cell = '<div class="jp-Cell jp-CodeCell"><div class="jp-OutputArea-output">{}</div></div>'
    page = notebook.lean(cell.format(shown), "lab.ipynb")
    assert (
        '<span class="arithmatex">\\(\\displaystyle \\frac{\\sqrt{x}}{2}\\)</span>' in page
        and "$" not in page
    )


def test_what_a_cell_prints_is_one_output():
    """The pieces in which a notebook cell's text arrives, which depend on timing, are joined."""
    piece = '<div class="jp-OutputArea-output"><pre>{}</pre></div>'
    picture = '<div class="jp-Cell jp-CodeCell"><div class="jp-OutputArea-output"><img src="x"></div></div>'
    source = '<div class="highlight-ipynb"><pre>code</pre></div>'
    cell = f'<div class="jp-Cell jp-CodeCell">{source}{{}}</div>{picture}'
    whole = notebook.lean(cell.format(piece.format("a: 1\nb: 2\n")), "lab.ipynb")
    split = notebook.lean(cell.format(piece.format("a:") + piece.format(" 1\nb: 2\n")), "lab.ipynb")
    assert split == whole and ">a: 1\nb: 2\n</pre>" in whole


def test_the_cost_of_writing_an_answer(article):
    """Words and code count one, a formula in a line one and a half, a display 13; other sections nothing."""
    made = article(
        "<h2>The question</h2><p>not counted</p>"
        '<h2 id="answer-at-exam-length">Answer at exam length</h2>'
        r'<p>Two words <span class="arithmatex">\(x = 1\)</span>, − and <em>three</em> more.</p>'
        r'<div class="arithmatex">\[y = 1\]</div>'
        "<table><tr><td>a cell</td></tr></table><p><code>ab ##c</code></p>"
        '<h2 id="solution-in-full">Solution in full</h2><p>not counted</p>'
    )
    assert cost(made) == 7 + 2 + 1.5 + 13


def test_a_snippet_that_would_be_shown():
    """A snippet that a formatter of code has spoiled is a problem with its line; a good one is none."""
    good = '```\n--8<-- "q0/b/model.py:bpe"\n```\n\n--8<-- "exam.md:q0"\n'
    assert list(snippets(good)) == []
    for spoiled in ('--8 < --"exam.md:q0"', "--8<-- exam.md", '--8‹-- "exam.md"'):
        assert [line for line, _ in snippets(f"{good}{spoiled}\n")] == [6], spoiled
    assert list(snippets("- 8 runs, and\n-8 or -- 8\n")) == []


def test_alternative_text_of_a_plot_says_its_formulas():
    """The text above a plot of a notebook, which describes it, is without TeX there."""
    text = '<div class="jp-Cell jp-MarkdownCell"><div class="jp-RenderedMarkdown"><p>A $x^2$.</p></div></div>'
    plot = '<div class="jp-OutputArea-output"><img src="a.png"></div>'
    page = notebook.lean(f'{text}<div class="jp-Cell jp-CodeCell">{plot}</div>', "lab.ipynb")
    assert 'alt="A x squared."' in page
