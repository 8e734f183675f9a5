"""How a page arrives: nothing moves or is heavy, and what is laid out late can be read, found and reached."""

from contextlib import contextmanager

import pytest
from conftest import SITE, laid_out, page_paths
from pages.benchmark_search import served

LIMIT = 250_000  # bytes of a page and all that it loads before the reader scrolls
SHIFT = 0.01
WINDOWS = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 900}}
PART = "q2/a-human-aware-losses/"
KINDS = (
    "",
    "q2/",
    PART,
    f"{PART}checks/",
    "q2/lab/",
    "topics/",
    "glossary/",
    "practise/",
    "print/",
    "ledger/",
)
MOVE = """addEventListener("load", () =>
  document.querySelector("h1").before(Object.assign(new Image(), { height: 90 })))"""
WATCH = """
window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => { window.shift += value; }))
  .observe({ type: "layout-shift", buffered: true });
"""
HOLD_FACES = "window.held = []; FontFace.prototype.load = () => new Promise((load) => held.push(load))"
SIDES = """() => [...document.querySelectorAll(".md-sidebar__scrollwrap")].map((side) =>
  [side.offsetHeight, side.scrollTop])"""
SHOWN = "() => document.body && !document.documentElement.dataset.arriving"
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def host():
    """Serve the site compressed, as a host does."""
    with served(SITE) as address:
        yield address


@contextmanager
def late(browser, window: str):
    """Open a window whose fonts and scripts come only after the page is shown, which is the worst for a page.

    It keeps the bytes that came by the number of their request.
    """
    context = browser.new_context(viewport=WINDOWS[window])
    context.add_init_script(WATCH)
    page = context.new_page()
    page.held, page.loaded, inside = [], {}, set()
    page.route(
        "**/*.{js,woff2}", lambda route: page.held.append(route) if page.holding else route.continue_()
    )
    link = context.new_cdp_session(page)
    link.send("Network.enable")

    def answered(event):
        if event["response"]["url"].startswith("data:"):  # it came within a style sheet, which counts
            inside.add(event["requestId"])

    def finished(event):
        if event["requestId"] not in inside:
            page.loaded[event["requestId"]] = event["encodedDataLength"]

    link.on("Network.responseReceived", answered)
    link.on("Network.loadingFinished", finished)
    yield page
    context.close()


def shift(page, address: str) -> float:
    """Open a page; return how much has moved on it, once fonts and scripts that were held have come."""
    page.holding = True
    page.goto(address, wait_until="commit")
    page.wait_for_function(SHOWN)
    page.evaluate(FRAMES)
    page.holding = False
    while page.held:
        page.held.pop(0).continue_()
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready.then(() => {})")
    page.evaluate(FRAMES)
    return page.evaluate("window.shift")


@pytest.mark.parametrize(
    ("window", "path"), [*(("phone", path) for path in page_paths()), *(("desktop", path) for path in KINDS)]
)
def test_arrival(browser, host, window, path):
    """Nothing moves on a page once it is painted, cold or warm, and cold it weighs at most 250 kB."""
    with late(browser, window) as page:
        assert shift(page, host + path) <= SHIFT, "cold"
        assert sum(page.loaded.values()) <= LIMIT, page.loaded
        assert shift(page, host + path) <= SHIFT, "warm"


def test_moving_box_is_found(browser, host):
    """A box that a script puts above the text after it was shown counts."""
    with late(browser, "phone") as page:
        page.add_init_script(MOVE)
        assert shift(page, host + PART) > SHIFT


def test_page_waits_for_the_fonts_of_formulas(browser, host):
    """The header is painted before they come; the page is shown when they have come, or cannot come."""
    for end in ("continue_", "abort"):
        page, held = browser.new_page(), []
        page.route("**/katex/fonts.css", lambda route: held.append(route))
        page.goto(host + PART, wait_until="commit")
        page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length > 0")
        assert page.locator("header.md-header").is_visible() and not page.evaluate(SHOWN)
        getattr(held.pop(), end)()
        page.wait_for_function(SHOWN)
        assert page.locator("article h1").is_visible()
        page.close()


def test_side_does_not_depend_on_when_fonts_are_unpacked(browser, host):
    """The lists beside the article are as high if the theme's script ran before the article was shown."""
    sides = []
    for script in ("", HOLD_FACES):
        page = browser.new_page(viewport=WINDOWS["desktop"])
        page.add_init_script(script)
        page.goto(host + PART, wait_until="commit")
        page.wait_for_load_state()
        if script:
            assert not page.evaluate(SHOWN)
            page.evaluate("held.forEach((load) => load())")
        page.wait_for_function(SHOWN)
        page.evaluate(FRAMES)
        sides.append(page.evaluate(SIDES))
        page.close()
    assert sides[0] == sides[1] and sides[0][0][0] > 0


def test_late_fonts_of_text_wait_for_the_next_page(browser, host):
    """Fonts of text that come when the page is shown are not put into it; a page that has them shows them."""
    with late(browser, "desktop") as page:
        shift(page, host + PART)
        assert drawn(page, "article h1") and "Inter" not in drawn(page, "article h1")
        for _ in range(10):  # on a busy machine they may be late again
            page.goto(host + PART, wait_until="networkidle")
            if drawn(page, "article h1") == {"Inter"}:
                break
        assert drawn(page, "article h1") == {"Inter"} and "Source Serif 4" in drawn(page, "article p")


# -- what is laid out late ----------------------------------------------------------------------------

AT_ONCE = "main * { content-visibility: visible !important }"
LEFT = """[...document.querySelectorAll("article *")]
  .some((e) => getComputedStyle(e).contentVisibility === "auto")"""
FARTHEST = "() => [...document.querySelectorAll('.unit .equation[id]')].at(-1).id"
LAST_WORDS = """() => [...document.querySelectorAll('[data-unit=references] li, [data-unit=variants] p')]
  .at(-1).textContent.trim().slice(0, 25)"""
TOP = "(id) => document.getElementById(id).getBoundingClientRect().top"


@pytest.fixture
def part(browser, host):
    """Open a long part on a desktop."""
    context = browser.new_context(viewport=WINDOWS["desktop"])
    page = context.new_page()
    page.goto(host + PART, wait_until="networkidle")
    yield page
    context.close()


def heard(page) -> dict[str, int]:
    """Return how often formulas, their parts, headings, links and so on stand in the accessibility tree."""
    link = page.context.new_cdp_session(page)
    link.send("Accessibility.enable")
    nodes = link.send("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if node.get("role") and not node["ignored"]]
    link.detach()
    wanted = {
        role for role in roles if role.startswith("MathML") or role in ("heading", "link", "listitem", "cell")
    }
    return {role: roles.count(role) for role in sorted(wanted)}


def test_formulas_out_of_sight_are_heard(part):
    """The accessibility tree, asked for when a page has come, is that of one that is laid out at once."""
    laid_out(part)
    found = heard(part)
    part.add_style_tag(content=AT_ONCE)
    part.evaluate(FRAMES)
    assert found == heard(part)
    assert found["MathMLMath"] > 400


@pytest.fixture
def waiting(part, host):
    """Open a long part that never comes to lay out what is put off."""
    part.add_init_script("window.requestIdleCallback = () => {}")
    part.goto(host + PART, wait_until="networkidle")
    assert part.evaluate(LEFT)
    return part


def test_address_leads_to_its_place(part, host):
    """An address opens the page at its equation, and a link on the page leads there, wherever it stands."""
    name = part.evaluate(FARTHEST)
    part.goto("about:blank")
    part.goto(f"{host}{PART}#{name}", wait_until="networkidle")
    assert 0 < part.evaluate(TOP, name) < 450
    part.evaluate("scrollTo(0, 0)")
    part.evaluate("(id) => { location.hash = ''; location.hash = id; }", name)
    part.wait_for_timeout(300)
    assert 0 < part.evaluate(TOP, name) < 450


def test_words_out_of_sight_are_found(waiting):
    """The browser's own search finds words that are not laid out yet, and scrolls there."""
    words = waiting.evaluate(LAST_WORDS)
    assert len(words) > 10 and waiting.evaluate("(words) => find(words)", words)
    assert waiting.evaluate("scrollY") > 2000


def test_paper_has_all(waiting):
    """Nothing is left out in print."""
    waiting.emulate_media(media="print")
    assert not waiting.evaluate(LEFT)


@pytest.mark.parametrize(
    "path",
    ["q0/d-temperature/", "q5/b-qk-ov-circuits/", "q2/lab/", "print/?parts=q2-a&show=solution-in-full"],
)
def test_formulas_have_their_fonts(browser, host, path):
    """Every sign of a formula is drawn by a font that came with the page: none was cut out too many."""
    page = browser.new_page(viewport=WINDOWS["desktop"])
    page.goto(host + path, wait_until="networkidle")
    page.add_style_tag(content=AT_ONCE)
    page.evaluate("document.querySelectorAll('details').forEach((block) => block.open = true)")
    assert strangers(page) == set()
    page.close()


def strangers(page) -> set[str]:
    """Return the fonts of the system that draw formulas; those that came with the page are none."""
    found = fonts(page, ".katex-html *")
    assert len(found) > 100
    return {font["familyName"] for font in found if not font["isCustomFont"]}


def drawn(page, selector: str) -> set[str]:
    """Return the families of the fonts that draw what a selector finds."""
    return {font["familyName"] for font in fonts(page, selector)}


def fonts(page, selector: str) -> list[dict]:
    """Return the fonts that draw each of the elements that a selector finds."""
    link = page.context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        link.send(f"{domain}.enable")
    root = link.send("DOM.getDocument")["root"]["nodeId"]
    nodes = link.send("DOM.querySelectorAll", {"nodeId": root, "selector": selector})["nodeIds"]
    return [font for n in nodes for font in link.send("CSS.getPlatformFontsForNode", {"nodeId": n})["fonts"]]
