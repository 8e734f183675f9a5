"""The built pages in a real browser: layout, accessibility, privacy, and no need of JavaScript."""

import pytest
from conftest import ROOT, page_paths

AXE = (ROOT / "scripts/node/node_modules/axe-core/axe.min.js").read_text()

# Elements that stick out of the window to the right, other than inside a box that scrolls by itself.
STICKING_OUT = """() => {
  const scrolls = (e) => { for (; e; e = e.parentElement)
    if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(e).overflowX)) return true; };
  return [...document.querySelectorAll("main *")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement))
    .filter((e) => !e.closest(".katex-mathml, .visually-hidden"))
    .map((e) => e.tagName + "." + e.className + ": " + e.textContent.trim().slice(0, 60)).slice(0, 5);
}"""


VIEWS = [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark"), (320, "light")]


@pytest.fixture(scope="session", params=VIEWS, ids=lambda view: f"{view[0]}-{view[1]}")
def view(request, browser):
    """Open a window of one width and colour scheme; gives the page and the requests it made."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.requests, page.judged = [], request.param in VIEWS[:3]
    page.on("request", lambda request: page.requests.append(request.url))
    page.errors = []
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    context.close()


# Marks the formulas in which every sign has the colour of the words around it, on no ground of its own: the
# contrast of those words is theirs, and the many boxes of a formula hold nothing else that a reader meets.
MARK_PLAIN = """() => {
  for (const formula of document.querySelectorAll(".katex-html")) {
    const colour = getComputedStyle(formula.parentElement).color;
    const plain = [formula, ...formula.querySelectorAll("*")].every((box) => {
      const style = getComputedStyle(box);
      return style.color === colour && style.backgroundColor === "rgba(0, 0, 0, 0)";
    });
    formula.toggleAttribute("data-plain", plain);
  }
}"""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN_AXE = """(tags) => axe.run(
  { exclude: [["[data-plain]"]] }, { runOnly: tags, resultTypes: ["violations"] })"""


@pytest.mark.parametrize("path", page_paths())
def test_page(view, server, path):
    """No page scrolls sideways, asks another host, logs an error, or breaks a rule of WCAG 2.2 AA.

    Accessibility is judged in three of the views, with everything on the page opened.
    """
    view.requests.clear()
    view.errors.clear()
    view.goto(server + path, wait_until="load")
    assert view.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    assert view.evaluate(STICKING_OUT) == []
    assert [url for url in view.requests if not url.startswith((server, "data:", "blob:"))] == []
    assert view.errors == []
    assert not view.judged or violations(view) == []


def violations(page) -> list[str]:
    """Return the rules that a page breaks, with the first elements that break them."""
    page.evaluate("document.querySelectorAll('main details').forEach((block) => block.open = true)")
    # A manual card does not close when the next one opens.
    page.evaluate(
        "document.querySelectorAll('[popover]').forEach((c) => { c.popover = 'manual'; c.showPopover(); })"
    )
    page.evaluate(MARK_PLAIN)
    page.evaluate(AXE)
    found = page.evaluate(RUN_AXE, TAGS)["violations"]
    return [f"{rule['id']}: {[node['html'][:160] for node in rule['nodes'][:3]]}" for rule in found]


def test_violation_is_found(browser, server):
    """A pale word in a formula and a button without a name are found among the formulas that are left out."""
    page = browser.new_page()
    page.goto(server + "q0/d-temperature/")
    page.locator(".katex-html .mop", has_text="log").first.evaluate(
        "(word) => { word.style.color = '#ddd'; }"
    )
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
