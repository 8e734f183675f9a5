"""In a set without the references, what a section cites stands with the section."""

import re

import pypdfium2
import pytest
import typst
from conftest import build
from lxml import html
from paper.parts import SCRIPTS
from printing.printer import Printer

PAGE = "docs/q2/b-reward-classes/index.md"
KTO, DPO, SHAO = "Prospect Theoretic Optimization", "Secretly a Reward Model", "DeepSeekMath"
SHOWN = """() => [...document.querySelectorAll(".sheet .notes > li")].filter((note) => note.checkVisibility())
  .map((note) => [note.value, note.textContent])"""


def pdf_text(pdf: bytes | str) -> str:
    """Return the text of a PDF file with single spaces."""
    pages = [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf)]
    return " ".join(" ".join(pages).replace("\u00ad", "").split())


@pytest.fixture(params=[1280, 360])
def page(request, browser):
    """Open a window of one width; an error on the page is an error of the test."""
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def test_section_brings_what_it_cites(page, server):
    """The references of a section stand at its end with their numbers, on the paper too; links lead there."""
    page.goto(server + "print/?parts=q2-b&show=variants")
    page.locator("button.print:enabled").wait_for()
    (found,) = page.evaluate(SHOWN)
    number, text = found
    assert f"[{number}" in page.locator("section a.citation").inner_text() and "arXiv" in text
    link = page.locator("section a.citation").get_attribute("href")
    assert page.locator(f"[id='{link[1:]}']").inner_text() == text
    assert text.split(",")[0] in pdf_text(page.pdf())
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


def test_references_stand_once(page, server):
    """A set with the references has them there alone, one without has them section by section."""
    page.goto(server + "print/?parts=q2-b&show=solution-in-full,variants,references")
    page.locator("button.print:enabled").wait_for()
    assert page.evaluate(SHOWN) == [] and pdf_text(page.pdf()).count(KTO) == 1
    assert page.locator("a.citation").first.get_attribute("href") == "#q2-b-reference-2"
    page.get_by_label("References", exact=True).uncheck()
    numbers = [number for number, _ in page.evaluate(SHOWN)]
    assert numbers == [1, 2, 3]
    assert page.locator("a.citation").first.get_attribute("href") == "#solution-in-full-q2-b-reference-2"


def test_footnote_of_print_says_the_reference(tmp_path):
    """Where no references are printed, the first citation of each brings it as a footnote."""
    content = """<p>One <a class="citation" href="#reference-1">[1, p. 3]</a> and two
      <a class="citation" href="#reference-1">[1]</a>.</p>
      <ol><li id="reference-1">Somebody, <em>A paper</em>.</li></ol>"""
    tree = html.fragment_fromstring(content, create_parent="div")
    printer = Printer("q9/a-x/", "https://example.org/", tmp_path, 2, [], set())
    look = (SCRIPTS / "printing" / "print.typ").read_text()
    pdf = typst.compile(f"{look}\n{printer(tree[0])}".encode())
    assert pdf_text(pdf).replace(" ", "") == "One[1,p.3]1andtwo[1]1.1Somebody,Apaper."


def test_short_sets_keep_the_sources(copy, browser):
    """A section that cites and has a footnote brings both to the short PDF and to a set of one's own."""
    path = copy / PAGE
    head, scheme = path.read_text().split("## Marking scheme\n")
    said = "The split follows a book [2, Section 5].[^a]"
    path.write_text(f"{head}## Marking scheme\n\n{said}\n{scheme}\n[^a]: The smallest note.\n")
    run = build(copy)
    assert run.returncode == 0, run.stderr
    short = pdf_text(str(copy / "site/pdf/q2-short.pdf"))
    assert DPO in short and "The smallest note." in short and SHAO not in short
    page = browser.new_page()
    page.goto((copy / "site/print/index.html").as_uri() + "?parts=q2-b&show=marking-scheme")
    page.locator("button.print:enabled").wait_for()
    assert [number for number, _ in page.evaluate(SHOWN)] == [2, 1]
    own = pdf_text(page.pdf())
    page.close()
    assert DPO in own and "The smallest note." in own and KTO not in own and not re.search("↩|#fn", own)
