"""What a reader does with a page beyond reading it: look up, copy, keep the question in view, share."""

import re

import pytest
from conftest import ROOT
from lxml import html

SITE = ROOT / "site"
PAGE = "q2/b-reward-classes/"
LINKS = {"a.reference[href^='#eq-']": ".equation-body", "a.reference[href^='#thm-']": ".admonition",
         "a.reference[href^='#fig-']": "figure", "a.citation": "li", "a.badge": ".check-claim"}  # fmt: skip
SELECT = """(selector) => {
  const range = document.createRange();
  range.selectNodeContents(document.querySelector(selector));
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}"""
OPEN = """(kind) => {
  const card = document.querySelector(".preview");
  return card.matches(":popover-open") && card.querySelector(kind)?.textContent.trim().length > 0;
}"""


def window(browser, server, **options):
    """Return a page with one part of the exam in a window that may use the clipboard."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
    page = context.new_page()
    page.goto(server + PAGE)
    return page


@pytest.fixture(scope="module")
def mouse(browser, server):
    """Give a page on a desk."""
    page = window(browser, server, viewport={"width": 1280, "height": 900})
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def touch(browser, server):
    """Give a page on a phone."""
    page = window(browser, server, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    yield page
    page.context.close()


@pytest.mark.parametrize("selector", LINKS)
def test_hover_shows_what_a_link_leads_to(mouse, selector):
    """An equation, theorem, figure, reference or claim is shown beside the link, until Escape."""
    link = mouse.locator(f"section.unit:not([hidden]) {selector}").locator("visible=true").first
    link.hover()
    mouse.wait_for_function(OPEN, arg=LINKS[selector])
    mouse.keyboard.press("Escape")
    assert not mouse.evaluate(OPEN, LINKS[selector])
    mouse.mouse.move(2, 2)


def test_focus_shows_what_a_link_leads_to(mouse):
    """The keyboard sees what the mouse sees, and an identifier is never there twice."""
    link = mouse.locator("section.unit:not([hidden]) a.citation").locator("visible=true").first
    mouse.keyboard.press("Tab")  # from here on the browser shows the focus
    link.focus()
    mouse.wait_for_function(OPEN, arg="li")
    ids = mouse.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    link.blur()


def test_other_pages_are_shown_too(mouse, server):
    """What stands on another page is fetched; its links and pictures lead where they led there."""
    address = f"{server}q2/a-human-aware-losses/#reference-1"
    link = f'<a class="reference" id="tried" href="{address}">there</a>'
    mouse.evaluate(
        "(link) => document.querySelector('article p').insertAdjacentHTML('beforeend', link)", link
    )
    mouse.locator("#tried").hover()
    mouse.wait_for_function(OPEN, arg="li")
    mouse.keyboard.press("Escape")


def test_tap_shows_before_it_leads(touch):
    """The first tap shows what a reference leads to, and the link in the card goes there."""
    touch.locator("section.unit:not([hidden]) a.reference[href^='#thm-']").locator("visible=true").first.tap()
    touch.wait_for_function(OPEN, arg=".admonition")
    assert "#" not in touch.url
    touch.locator(".preview-go").tap()
    touch.wait_for_function("location.hash.startsWith('#thm-')")


def test_copied_text_has_formulas_once(mouse):
    """A paragraph is copied with each formula as LaTeX, once."""
    mouse.evaluate(SELECT, '[data-unit="hints"] details p:not(summary)')
    mouse.evaluate("document.querySelector('[data-unit=hints] details').open = true")
    mouse.evaluate(SELECT, '[data-unit="hints"] details p')
    mouse.keyboard.press("Control+c")
    copied = mouse.evaluate("navigator.clipboard.readText()")
    assert "Read $\\pi^*_r$ as “the policy that maximises the objective when the reward is $r$”" in copied


@pytest.mark.parametrize("kind, start", [("LaTeX", "J_x(\\pi; r) ="), ("MathML", "<math")])
def test_formula_is_copied(mouse, kind, start):
    """A click on a formula offers it as LaTeX and as MathML; the card of an equation does too."""
    for opener in ("#eq-class-objective .katex-html", "#eq-class-objective .equation-status"):
        mouse.locator(opener).first.click(position={"x": 5, "y": 5})
        mouse.locator(f"button:has-text('Copy {kind}')").locator("visible=true").first.click()
        mouse.wait_for_function(
            "(s) => navigator.clipboard.readText().then((t) => t.startsWith(s))", arg=start
        )
        mouse.keyboard.press("Escape")


def test_code_has_its_copy_button(mouse, server):
    """The code of a check can be copied whole; so can that of the lab."""
    mouse.goto(f"{server}{PAGE}checks/")
    mouse.locator("details.check summary").first.click()
    block = mouse.locator("details.check .highlight").first
    block.hover()
    button = block.locator("button[data-clipboard-target], .md-code__button[data-md-type=copy]").first
    button.click()
    assert mouse.evaluate("navigator.clipboard.readText()").startswith("def test_")
    mouse.go_back()


def test_question_stays_in_view(touch):
    """While the solution is read the question opens over it, and is not offered where it is in view."""
    button = touch.locator(".question-open")
    touch.evaluate("scrollTo(0, 0)")
    touch.wait_for_function("document.querySelector('.question-open').hidden")
    touch.locator("#marking-scheme").scroll_into_view_if_needed()
    button.tap()
    assert "Consider a class of loss functions" in touch.locator(".question-card").inner_text()
    button.tap()


def test_only_boxes_that_scroll_are_tab_stops(touch, mouse):
    """A box that scrolls is a stop of the keyboard and has a name; one that does not is none."""
    boxes = """() => [...document.querySelectorAll("article :is(.equation-body, .table, pre)")]
      .filter((box) => box.checkVisibility() && box.clientWidth && !box.closest("details:not([open])"))
      .map((box) => [box.scrollWidth > box.clientWidth + 1, box.tabIndex === 0])"""
    for page in (touch, mouse):
        page.wait_for_function(f"({boxes})().every(([scrolls, stops]) => scrolls === stops)")
    assert any(scrolls for scrolls, _ in touch.evaluate(boxes))
    stops = "article [tabindex='0']:not(a, button, summary)"
    assert not touch.locator(f"{stops}:not([aria-label], [aria-labelledby], code)").count()


def test_every_page_can_be_shared():
    """Each page names a picture that is there; its text as Markdown is there, and llms.txt lists it."""
    listed = (SITE / "llms.txt").read_text()
    for path in SITE.rglob("index.html"):
        tree = html.fromstring(path.read_text())
        properties = {e.get("property"): e.get("content") for e in tree.xpath("//meta[@property]")}
        picture = properties["og:image"].rpartition("/assets/")[2]
        assert (SITE / "assets" / picture).read_bytes().startswith(b"\x89PNG")
        assert properties["og:title"] and properties["og:description"]
        for link in tree.xpath(
            "//*[@class='page-tools']/a[contains(@href, '.md') and not(contains(@href, ':'))]"
        ):
            text = (path.parent / link.get("href")).read_text()
            assert f"({properties['og:url']}index.html.md)" in listed
            left = re.findall(
                r"\\(?:eq)?ref\{.*|\\label\{.*|^-+8<-.*", re.sub(r"`[^`\n]*`|```.*?```", "", text, flags=re.S)
            )
            assert not left, path


def test_lost_page_has_its_title():
    """The page for a lost address says so in its title."""
    assert "<title>Not found – Full Marks</title>" in (SITE / "404.html").read_text()
