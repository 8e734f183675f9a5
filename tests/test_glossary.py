"""The glossary: its page, the marks on the solutions, what they show, and where there are none."""

import json
import re

import pytest
import yaml
from axe import AXE, TAGS
from conftest import ROOT, SITE, build, page_paths
from lxml import html
from pages import glossary, search
from paper.article import Article
from paper.sources import Sources

TERMS = glossary.terms()
MARKED = set(glossary.SECTIONS)
SOLUTIONS = [path for path in page_paths() if re.fullmatch(r"q\d+/[a-z]-[^/]+/", path)]
PART = "q2/b-reward-classes/"
# The sidebars are scrolled and cut by the theme: their links are judged where the page begins.
RUN_AXE = """(tags) => axe.run(
  { include: [["article"], [".preview"]], exclude: [[".katex"]] }, { runOnly: tags })"""
OPEN = """(words) => {
  const card = document.querySelector(".preview");
  return card.matches(":popover-open") && card.textContent.includes(words);
}"""


def solutions() -> dict[str, html.HtmlElement]:
    """Return the articles of all parts by their addresses."""
    return {path: html.parse(SITE / path / "index.html").getroot().find(".//article") for path in SOLUTIONS}


def test_marks_stand_where_they_may():
    """A mark is the first of its term in its section, leads to its entry, and stands in prose only."""
    seen, ids = set(), set(html.parse(SITE / "glossary/index.html").xpath("//article//@id"))
    for path, article in solutions().items():
        assert article.find_class("term"), path
        for section in article.find_class("unit"):
            marks = [mark.get("href").rpartition("#")[2] for mark in section.find_class("term")]
            assert len(marks) == len(set(marks)), path
            assert not marks or section.get("data-unit") in MARKED, path
            seen |= set(marks)
        inside = " | ".join(f"ancestor::{tag}" for tag in ("a", "h2", "h3", "summary", "code", "button"))
        assert not [mark.text for mark in article.find_class("term") if mark.xpath(inside)], path
    assert seen == {term.anchor for term in TERMS} <= ids


def test_names_are_found_as_they_are_written():
    """Case, hyphens, line ends and plurals are met; parts of words, code and headings are left alone."""
    text = """<section class="unit" data-unit="variants"><h2>Softmax</h2><p><code>softmax</code> Soft-
      targets and KLM and cross-entropy. Then Softmax, entropy and softmax.</p></section>
      <section class="unit" data-unit="hints"><p>softmax</p></section>"""
    article = Article(text, Sources(ROOT / "docs/about.md"))
    assert glossary.mark(article.tree, "../") == {"soft target", "cross-entropy", "softmax", "entropy"}
    marks = article.tree.find_class("term")
    assert [" ".join(mark.text.split()) for mark in marks] == [
        "Soft- targets",
        "cross-entropy",
        "Softmax",
        "entropy",
    ]
    assert marks[-1].get("href") == "../glossary/#entropy" and marks[-1].tail == " and softmax."


def test_page_lists_every_term():
    """The page has every term with its names, its sentence and its part; machines can read it too."""
    page = html.parse(SITE / "glossary/index.html").getroot()
    text = (SITE / "glossary/index.html.md").read_text()
    assert 60 <= len(TERMS) == len(page.find_class("glossary-entry"))
    for term in TERMS:
        entry = page.get_element_by_id(term.anchor)
        assert all(words in entry.text_content() for words in (term.name, *term.also, term.says))
        assert entry.xpath(f".//a[@href='../{term.part}/']") and term.says in text
    assert "glossary/index.html.md" in (SITE / "llms.txt").read_text()
    assert page.xpath("//nav//a[contains(., 'Glossary')]")


def test_search_takes_the_names_for_one():
    """The names of a term are synonyms of the search, and stand in no other file."""
    same = search.synonyms()["same"]
    assert ["DPO", "direct preference optimisation"] in same
    assert ["reference policy", "reference model", "piref", "pi ref"] in same
    names = [name for group in same for name in group]
    assert len(names) == len(set(names))


def test_paper_and_sets_have_no_marks():
    """A set of your own, which exam mode shows too, has the words and no marks."""
    for script in (SITE / "assets/print").glob("*.js"):
        sections = json.loads(re.search(r"\{.*\}", script.read_text(), re.DOTALL)[0])
        assert not any('class="term"' in text or "glossary/" in text for text in sections.values())


@pytest.fixture(params=[(1280, "light"), (360, "dark")], ids=["desktop", "phone"])
def page(request, browser, server):
    """Open a part in a window of one size; the narrow one is touched."""
    width, scheme = request.param
    narrow = width < 500
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, has_touch=narrow, is_mobile=narrow
    )
    page = context.new_page()
    page.goto(server + PART)
    yield page
    context.close()


def test_mark_shows_its_entry(page):
    """Hover, focus and tap show what a term means, also to what reads the screen, and axe finds no fault."""
    mark, says = page.locator("a.term[href$='gibbs-inequality']").first, "never negative"
    if page.viewport_size["width"] < 500:
        mark.tap()
        page.wait_for_function(OPEN, arg=says)
        assert "glossary" not in page.url
    else:
        mark.hover()
        page.wait_for_function(OPEN, arg=says)
        page.keyboard.press("Escape")
        page.mouse.move(2, 2)
        page.keyboard.press("Tab")
        mark.focus()
        page.wait_for_function(OPEN, arg=says)
        assert says in page.evaluate(
            "document.getElementById(document.activeElement.getAttribute('aria-describedby')).textContent"
        )
    page.evaluate(AXE)
    assert page.evaluate(RUN_AXE, TAGS)["violations"] == []
    page.keyboard.press("Escape")
    assert not page.locator("[aria-describedby=preview]").count()


def test_no_help_in_the_exam(page):
    """While a part is sat no mark is in view, and on paper none is to be seen."""
    page.emulate_media(media="print")
    assert "dotted" not in page.locator("a.term").first.evaluate("(e) => getComputedStyle(e).textDecoration")
    page.emulate_media(media="screen")
    assert "dotted" in page.locator("a.term").first.evaluate("(e) => getComputedStyle(e).textDecoration")
    page.locator(".practice summary").click()
    page.locator(".practice .sit button").click()
    page.locator(".exam-bar").wait_for()
    shown = "(all) => all.filter((e) => e.checkVisibility()).length"
    assert page.locator("a.term").evaluate_all(shown) == 0
    page.get_by_role("button", name="Show hint").click()
    assert page.locator("a.term").evaluate_all(shown) == 0


def test_bad_entries_are_reported(copy):
    """One build names each bad entry with its line, and says what else is wrong."""
    path = copy / "docs/glossary.yml"
    lines = path.read_text().count("\n")
    bad = [
        {"term": "flux capacitor", "says": "A thing that no page names.", "part": "q2/b-reward-classes"},
        {"term": "logit", "says": "Twice.", "part": "q9/z-nothing"},
        {"term": "softmax head", "also": ["Softmax"], "says": "Also.", "part": PART.strip("/"), "other": 1},
        {
            "term": "probing",
            "also": ["KL", "CoT"],
            "part": "q0/d-temperature",
            "says": "With a name of another.",
        },
        {"term": "unsaid", "also": "nothing", "part": "q0/d-temperature"},
        {"term": "unnamed", "also": [""], "part": "q0/d-temperature", "says": "With a name of nothing."},
    ]
    path.write_text(
        path.read_text() + "".join(yaml.safe_dump([one], sort_keys=False, width=1000) for one in bad)
    )
    run = build(copy)
    said = [line.strip() for line in run.stderr.splitlines() if "glossary.yml" in line]
    first = {one["term"]: line_of(path, one["term"], lines) for one in bad}
    expected = [
        (first["flux capacitor"], "no solution uses the term 'flux capacitor'"),
        (first["logit"], "the entry 'logit': no part 'q9/z-nothing'"),
        (first["softmax head"], "unknown key 'other'"),
        (first["probing"], "'KL' is a name of 'KL divergence' already"),
        (first["probing"], "'CoT' is a name of docs/synonyms.yml already"),
        (first["unsaid"], "has no says"),
        (first["unsaid"] + 1, "must be a list"),
        (first["unnamed"], "has an empty name"),
    ]
    assert run.returncode == 1
    for line, words in expected:
        assert [one for one in said if one.startswith(f"docs/glossary.yml:{line}: ") and words in one], (
            line,
            words,
            said,
        )


def line_of(path, term: str, after: int) -> int:
    """Return the line of the entry of a term in a glossary, behind some lines."""
    lines = enumerate(path.read_text().splitlines(), 1)
    return next(number for number, text in lines if number > after and text == f"- term: {term}")
