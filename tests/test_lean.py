"""Formulas and style sheets are light on the reader's machine, and look as their libraries mean them to."""

import re
from pathlib import Path

import material
import pytest
from conftest import ROOT, SITE, corpus, laid_out, site_formulas
from maths.typeset import typeset
from pages.formulas import PART, stretches
from pages.lean import STYLES, lean
from pages.styles import SWITCHING, pruned

WHOLE = ROOT / "scripts/node/node_modules/katex/dist"
BATCH = 200  # formulas on a page
NEAR = 0.3  # pixels of a formula of 24
PLACES = """() => [...document.querySelectorAll('.formula')].map((formula) => {
  const from = formula.getBoundingClientRect(), found = [[from.width, from.height]];
  const add = (what, { left, top, right }) =>
    found.push([what, left - from.left, top - from.top, right - from.left]);
  const walker = document.createTreeWalker(formula.querySelector('.katex-html'), NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    for (let at = 0; at < node.length; at++) {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      if (node.data[at] !== '\\u200b') add(node.data[at], range.getBoundingClientRect());
    }
  }
  for (const line of formula.querySelectorAll('.frac-line, .overline-line, .katex-html svg')) {
    add(line.tagName, line.getBoundingClientRect());
  }
  return found;
})"""
LOOK = """() => [...document.querySelectorAll('body *:not(.math *)')].map((element) => {
  const { left, top, width, height } = element.getBoundingClientRect();
  const { color, backgroundColor, font } = getComputedStyle(element);
  return [element.tagName, element.className, left, top, width, height, color, backgroundColor, font];
})"""


@pytest.fixture(scope="module")
def shapes() -> list[str]:
    """Typeset a formula of each shape there is: its elements and styles, whatever its letters and lengths."""
    every = [*site_formulas(), *((tex, True) for kind in corpus().values() for tex in kind)]
    found = {}
    for one in typeset(every):
        shown = one.html.partition('<span class="katex-html"')[2]
        left = lean(one.html).count("<span")  # which the lengths decide too
        found[left, re.sub(r"-?[\d.]+em", "", re.sub(r">[^<]+<", "><", shown))] = one.html
    return [*filter(None, found.values())]


def places(page, server, markup: list[str], styles: str) -> list[list]:
    """Return where each character and line of formulas stands, under KaTeX's own styles and some others."""
    page.goto(server + "assets/katex/katex.min.css")
    page.set_content(
        "<!doctype html><link rel=stylesheet href=/assets/katex/katex.min.css>"
        f"<style>.formula {{ font-size: 20px; width: max-content; white-space: nowrap }}{styles}</style>"
        + "".join(f'<div class="formula">{one}</div>' for one in markup)
    )
    page.evaluate("document.body.offsetWidth && document.fonts.ready.then(() => {})")  # laid out, then drawn
    return page.evaluate(PLACES)


def apart(one: list, other: list) -> float:
    """Return by how many pixels two formulas differ at most; infinitely, if they have other characters."""
    if len(one) != len(other) or any(a[0] != b[0] for a, b in zip(one[1:], other[1:], strict=True)):
        return float("inf")
    numbers = ((x, y) for a, b in zip(one, other, strict=True) for x, y in zip(a, b, strict=True))
    return max(abs(x - y) for x, y in numbers if not isinstance(x, str))


def moved(browser, server, markup: list[str], change, styles: str = STYLES) -> dict[str, float]:
    """Return the formulas that a change of their HTML moves, and by how much."""
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    page.route(
        "**/assets/katex/**", lambda route: route.fulfill(path=WHOLE / route.request.url.split("/katex/")[1])
    )
    found = {}
    for start in range(0, len(markup), BATCH):
        some = markup[start : start + BATCH]
        before = places(page, server, some, "")
        after = places(page, server, [change(one) for one in some], styles)
        found |= {one: apart(*pair) for one, *pair in zip(some, before, after, strict=True)}
    page.close()
    tex = {one: re.search(r"<annotation[^>]*>(.*?)</annotation>", one, re.DOTALL)[1] for one in found}
    return {tex[one]: distance for one, distance in found.items() if distance > NEAR}


def test_lean_formulas_stand_where_they_stood(browser, server, shapes):
    """A formula of fewer elements has each character and line where KaTeX has it, and takes as much room."""
    assert len(shapes) > 1500
    assert moved(browser, server, shapes, lean) == {}
    elements = [sum(text.count("<span") for text in some) for some in (shapes, map(lean, shapes))]
    assert elements[1] < 0.6 * elements[0]


@pytest.mark.parametrize(
    ("tex", "old", "new"),
    [
        ("x_i", "vertical-align:-0.2143em", "vertical-align:-0.1em"),
        ("a = b", "0.2778em", "0.2em"),
        ("x^2", "x", "y"),
    ],
)
def test_a_moved_character_is_noticed(browser, server, tex, old, new):
    """A script at another height, a narrower space, another letter: each counts as moved."""
    (made,) = typeset([(tex, False)])
    assert old in lean(made.html).partition("katex-html")[2]

    def wrong(formula: str) -> str:
        heard, mark, seen = lean(formula).partition("katex-html")
        return heard + mark + seen.replace(old, new)

    assert moved(browser, server, [made.html], lean) == {}
    assert list(moved(browser, server, [made.html], wrong)) == [tex]


def test_styles_of_lean_formulas_are_needed(browser, server):
    """Without their styles, formulas with scripts are higher or have these beside each other."""
    markup = [one.html for one in typeset([(r"h_i^l", False), (r"e^{x^2}", False)])]
    assert len(moved(browser, server, markup, lean, styles="")) == 2


def test_lines_break_outside_of_brackets():
    """A long formula breaks between its parts, and inside a bracket only where the bracket is too long."""
    (made,) = typeset([("f(a + b + c, g(x + y), z + w) = h(a + b + c + d)", False)])
    _, *parts = made.html.split(PART)
    assert len(parts) == 9 and [part.count(PART) for part in stretches(parts)] == [4, 3]


def test_rule_that_styles_twice_is_in_the_theme():
    """The rule of the theme that is left out is still written as it is looked for."""
    sheets = Path(material.__path__[0]).glob("templates/assets/stylesheets/*.css")
    assert any(SWITCHING in path.read_text() for path in sheets)


def test_pruned_sheet():
    """A rule goes if a class or `id` that it asks for is unknown, alone or with its condition."""
    css = ".a,.b{x:1}.c .a{x:2}#d{x:3}.a:not(.c){x:4}@media print{.c{x:5}}@media print{.a{x:6}}@page{x:7}"
    assert pruned(css, ["a"]) == ".a{x:1}.a:not(.c){x:4}@media print{.a{x:6}}@page{x:7}"


@pytest.mark.parametrize(
    "path", ["", "q2/a-human-aware-losses/", "q0/lab/", "print/", "topics/", "practise/"]
)
def test_theme_looks_as_with_all_its_rules(browser, server, path):
    """Nothing on a page has another place, size, colour or font under the whole style sheets of the theme."""
    looks = []
    for whole in (True, False):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.route("**/*.woff2", lambda route: route.abort())  # one may come in time to be used, or not
        if whole:
            page.route("**/assets/stylesheets/*.css", as_in_the_package)
        page.goto(server + path)
        laid_out(page)
        looks.append(page.evaluate(LOOK))
        page.close()
    assert looks[0] == looks[1]


def as_in_the_package(route):
    """Answer with a style sheet of the theme as its package has it."""
    name = route.request.url.rpartition("/")[2]
    own = next((ROOT / material.__path__[0]).glob(f"templates/assets/stylesheets/{name}"))
    assert len(own.read_text()) > len((SITE / "assets/stylesheets" / name).read_text())
    route.fulfill(path=own)
