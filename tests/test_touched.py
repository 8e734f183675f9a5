"""A formula under a finger: what reads a touch screen finds its MathML where the eye sees the formula."""

import pytest
from conftest import laid_out

OPENED = "document.querySelectorAll('details').forEach((one) => (one.open = true))"
# The formulas that a finger in the middle of their first part does not find.
MISSED = """() => [...document.querySelectorAll("article .katex")]
  .filter((formula) => formula.checkVisibility() && formula.getBoundingClientRect().width)
  .filter((formula) => {
    const lines = formula.getClientRects().length;
    formula.querySelector(".katex-base").scrollIntoView({ block: "center", inline: "start" });
    const at = formula.querySelector(".katex-base").getBoundingClientRect();
    const inner = formula.querySelector(".katex-mathml").getBoundingClientRect();
    const x = lines > 1 ? inner.left + 2 : Math.max(at.left, 1) + Math.min(at.width, 40) / 2;
    const found = document.elementFromPoint(x, at.top + at.height / 2);
    return x < innerWidth && !formula.querySelector("math").contains(found);
  }).map((formula) => formula.querySelector("annotation").textContent)"""
SIZES = """() => [document.documentElement.scrollHeight, document.documentElement.scrollWidth,
  ...[...document.querySelectorAll("article .katex-base")].map((one) => {
    const { x, y, width, height } = one.getBoundingClientRect();
    return [x, y, width, height].map(Math.round).join();
  })]"""


@pytest.fixture(scope="module")
def phone(browser):
    """Open a window that is touched."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", ["q2/b-reward-classes/", "q4/a-vision-transformer/", "q0/c-rope/"])
def test_finger_finds_the_formula(phone, server, path):
    """A point of a visible formula belongs to its MathML; one of several lines is found at its start."""
    phone.goto(server + path)
    phone.evaluate(OPENED)
    laid_out(phone)
    assert phone.evaluate(MISSED) == []


def test_tree_gives_the_formula_its_place(phone, server):
    """In the accessibility tree each formula of a page has the box that the reader sees, and no 1 px."""
    phone.goto(server + "q2/b-reward-classes/")
    laid_out(phone)
    phone.evaluate(
        "document.querySelectorAll('article .equation').forEach((one, at) => (one.dataset.at = at))"
    )
    devtools = phone.context.new_cdp_session(phone)
    nodes = devtools.send("Accessibility.getFullAXTree")["nodes"]
    found = [
        node for node in nodes if node.get("role", {}).get("value") == "MathMLMath" and not node["ignored"]
    ]
    assert len(found) > 100
    boxes = []
    for node in found[:80]:
        try:
            box = devtools.send("DOM.getBoxModel", {"backendNodeId": node["backendDOMNodeId"]})["model"]
        except Exception:  # it stands in a closed block, and has no box
            continue
        boxes.append((box["width"], box["height"]))
    assert len(boxes) > 30
    assert min(width for width, _ in boxes) >= 5 and min(height for _, height in boxes) >= 15


def test_nothing_moves(browser, server):
    """The formulas stand where they stand without touch, and the page is no wider."""
    sizes = []
    for touched in (True, False):
        context = browser.new_context(
            viewport={"width": 360, "height": 740}, has_touch=touched, is_mobile=True
        )
        page = context.new_page()
        page.route("**/*.woff2", lambda route: route.abort())  # one may come in time to be used, or not
        page.goto(server + "q2/b-reward-classes/")
        laid_out(page)
        assert page.evaluate("matchMedia('(pointer: coarse)').matches") == touched
        sizes.append(page.evaluate(SIZES))
        context.close()
    assert sizes[0] == sizes[1]


def test_tap_and_copy_still_work(phone, server):
    """A tap on a formula offers its source, and a selection over formulas is copied as text with TeX."""
    phone.context.grant_permissions(["clipboard-read", "clipboard-write"])
    phone.goto(server + "q2/b-reward-classes/")
    phone.locator("#eq-class-objective .katex-html").tap(position={"x": 5, "y": 5}, force=True)
    phone.locator("button:has-text('Copy LaTeX')").locator("visible=true").first.wait_for()
    phone.keyboard.press("Escape")
    phone.evaluate(
        "getSelection().selectAllChildren(document.querySelector('[data-unit=answer-at-exam-length] p'))"
    )
    phone.keyboard.press("Control+c")
    assert phone.evaluate("navigator.clipboard.readText()") == "I prove it for every $h(x)$."
