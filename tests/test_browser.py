"""The built pages in a real browser: layout, accessibility, privacy, and no need of JavaScript."""

import pytest
from axe import MARK, show, violations
from conftest import page_paths

# Elements that stick out of the window to the right, other than inside a box that scrolls by itself.
STICKING_OUT = """() => {
  const scrolls = (e) => { for (; e; e = e.parentElement)
    if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(e).overflowX)) return true; };
  return [...document.querySelectorAll("main *")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement))
    .filter((e) => !e.closest(".katex-mathml, .visually-hidden"))
    .map((e) => e.tagName + "." + e.className + ": " + e.textContent.trim().slice(0, 60)).slice(0, 5);
}"""
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"
# The boxes that scroll, and that the keyboard does not reach.
OUT_OF_REACH = """() => [...document.querySelectorAll("article :is(.equation-body, .table, pre)")]
  .filter((box) => box.checkVisibility() && box.scrollWidth > box.clientWidth + 1 && box.tabIndex < 0)
  .filter((box) => !box.querySelector("a, button, [tabindex='0']"))
  .map((box) => box.textContent.trim().slice(0, 60))"""
# The terms of one word that stand on two lines.
BROKEN_TERMS = r"""() => [...document.querySelectorAll("a.term")]
  .filter((term) => /^\w+$/.test(term.textContent) && term.getClientRects().length > 1)
  .map((term) => term.textContent)"""
# The views after a load: those in which accessibility is judged, and the others.
WIDE = [(1280, "light"), (1280, "dark")], []
NARROW = [(360, "light")], [(360, "dark"), (320, "light")]


@pytest.fixture(scope="module")
def window(browser):
    """Open a window; gives its page, with the requests it makes and the errors it logs."""
    page = browser.new_page()
    page.requests, page.errors = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    page.close()


@pytest.mark.parametrize("path", page_paths())
def test_page(window, server, path):
    """No page scrolls sideways, asks another host, logs an error, or breaks a rule of WCAG 2.2 AA.

    It is loaded on a desk and on a phone, and shown in all views. Accessibility is judged with everything on
    the page opened, and then no term of one word breaks on the phone.
    """
    window.requests.clear()
    window.errors.clear()
    for judged, others in (WIDE, NARROW):
        show(window, judged[0])
        window.goto(server + path, wait_until="load")
        for view in judged + others:
            show(window, view)
            assert window.evaluate(SIDEWAYS) <= 0, f"the page scrolls sideways at {view}"
            assert window.evaluate(STICKING_OUT) == [] == window.evaluate(OUT_OF_REACH), view
            window.evaluate(MARK)
        assert violations(window, *judged) == []
    assert window.evaluate(BROKEN_TERMS) == []
    assert [url for url in window.requests if not url.startswith((server, "data:", "blob:"))] == []
    assert window.errors == []


def test_violation_is_found(browser, server):
    """A pale word in a formula and a button without a name are found, though formulas are made simple."""
    page = browser.new_page()
    page.goto(server + "q0/d-temperature/")
    page.locator(".katex-base", has_text="log").first.evaluate("(part) => { part.style.color = '#ddd'; }")
    page.evaluate("document.querySelector('article').append(document.createElement('button'))")
    assert [rule.split(":")[0] for rule in violations(page)] == ["button-name", "color-contrast"]
    page.close()


def test_mathematics_without_javascript(browser, server):
    """Every formula is typeset without JavaScript, and none is left as raw TeX."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server + "q2/a-human-aware-losses/")
    assert page.locator("article .katex").count() > 100
    assert page.locator("article .arithmatex").count() == 0
    box = page.locator(".equation .katex-html").first.bounding_box()
    assert box["width"] > 100 and box["height"] > 15
    assert page.locator("section.unit").last.is_visible()
    context.close()


def test_practice_hides_whole_sections(browser, server):
    """The reader's choice of sections hides them whole, is kept, and a link still opens its target."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server + "q2/b-reward-classes/")
    page.locator(".practice summary").click()
    page.get_by_label("Answer at exam length").uncheck()
    assert not page.locator('section[data-unit="answer-at-exam-length"]').is_visible()
    page.reload()
    assert not page.locator('section[data-unit="answer-at-exam-length"]').is_visible()
    assert page.locator('section[data-unit="solution-in-full"]').is_visible()
    page.get_by_label("Checked").uncheck()
    page.locator(".facts a[href='#checked']").click()
    assert page.locator("#checked").is_visible()
    context.close()


def test_equation_opens_its_evidence(browser, server):
    """The mark beside an equation opens a card; its link to the code leads to the check and opens it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server + "q2/a-human-aware-losses/")
    page.locator(".equation-status").first.click()
    card = page.locator(".evidence-card").first
    assert card.is_visible() and "Equation (2a.1)" in card.inner_text()
    code = card.get_by_role("link", name="code").first
    code.click()
    page.wait_for_url("**/q2/a-human-aware-losses/checks/#check-*")
    assert page.locator("details[open]:target .highlight").is_visible()
    context.close()
