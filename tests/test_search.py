"""The search in a real browser: what readers type finds its part, lands on the place, and needs no server."""

import json
from collections import defaultdict

import pytest
import yaml
from conftest import ROOT, SITE
from lxml import html
from paper.parts import discover
from test_browser import violations

PARTS = discover()
FIRST, AMONG_THREE = 0.90, 0.98  # the shares of queries that must find their part
SIZES = [(1280, 900), (360, 740)]


def queries(part) -> dict[str, str]:
    """Return query → anchor, or "", of `queries.yml` of a part; without the file, none."""
    path = part.file("queries.yml")
    return yaml.load(path.read_text(), yaml.BaseLoader) or {} if path.is_file() else {}


def around(part, anchor: str) -> set[str]:
    """Return the anchors of the blocks and sections of a page that hold an anchor, itself included."""
    article = html.parse(str(SITE / part.id / "index.html")).getroot().find(".//article")
    target = article.get_element_by_id(anchor)
    headings = [target.xpath(f"preceding::{tag}[@id][1]/@id") for tag in ("h2", "h3")]
    return {anchor, *target.xpath("ancestor::*/@id"), *sum(headings, [])}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.id)
def test_part_has_queries(part):
    """Every part has at least five queries, and the anchors that they name are on its page."""
    given, path = queries(part), part.file("queries.yml").relative_to(ROOT)
    assert len(given) >= 5, f"{path}: {len(given)} queries; write at least five, as a reader would type them"
    ids = html.parse(str(SITE / part.id / "index.html")).xpath("//@id")
    missing = [anchor for anchor in given.values() if anchor and anchor not in ids]
    assert missing == [], f"{path}: the page has no such anchor: {missing}"


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}")
def page(request, browser, server):
    """Open the entrance in a window of one size."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(server)
    yield page
    context.close()


def ask(page, query: str) -> list[str]:
    """Type a query into the open box; return the addresses of the results, those in view with their place."""
    page.locator(".search-line input").fill(query)
    page.locator('.search-results[aria-busy="false"]').wait_for(state="attached")
    if page.locator(".hit").count():
        page.locator(".hit").first.locator(".hit-place").wait_for()
    return page.locator(".hit-main").evaluate_all("(links) => links.map((link) => link.href)")


def split(address: str, server: str) -> tuple[str, str]:
    """Return the page and the anchor of an address of a result."""
    path, _, anchor = address.removeprefix(server).partition("#")
    return path.split("?")[0].rstrip("/"), anchor


def test_queries_find_their_part(page, server, record_property):
    """Queries find their part first, or among the first three, and lead to the place that they name."""
    wanted = defaultdict(dict)
    for part in PARTS:
        for query, anchor in queries(part).items():
            wanted[query][part.id] = (part, anchor)
    page.keyboard.press("Control+k")
    first, three, astray = 0, 0, []
    for query, parts in wanted.items():
        found = [split(address, server) for address in ask(page, query)[:3]]
        first += bool(found) and found[0][0] in parts
        three += any(path in parts for path, _ in found)
        if not found or found[0][0] not in parts:
            astray.append(f"{query!r} finds {[path for path, _ in found]}")
        elif (expected := parts[found[0][0]])[1] and expected[1] not in around(expected[0], found[0][1]):
            astray.append(f"{query!r} leads to {found[0][1]!r}")
    shares = first / len(wanted), three / len(wanted)
    print(f"\n{len(wanted)} queries: {shares[0]:.1%} first, {shares[1]:.1%} among three", *astray, sep="\n  ")
    assert shares[0] >= FIRST and shares[1] >= AMONG_THREE, astray
    assert [one for one in astray if "leads to" in one] == []


@pytest.mark.parametrize(
    "query", ["modeling", "modelling", "optimizer", "optimiser", "sigmoid", "Quantisation"]
)
def test_word_is_not_on_nothing(page, query):
    """A word in either spelling is found."""
    page.keyboard.press("Control+k")
    assert ask(page, query) != []


@pytest.mark.parametrize("one", ["optimizer quantization", "tokenization", "behavior", "modeling"])
def test_both_spellings_find_the_same(page, one):
    """British and American spelling lead to the same pages in the same order."""
    other = one.replace("z", "s").replace("behavior", "behaviour").replace("modeling", "modelling")
    page.keyboard.press("Control+k")
    paths = [[address.split("?")[0] for address in ask(page, words)] for words in (one, other)]
    assert paths[0] == paths[1] != []


def test_result_opens_what_is_closed(page, server):
    """A hit inside a closed block opens it, marks the words, and stands in view."""
    page.keyboard.press("Control+k")
    ask(page, "0.8668")
    page.keyboard.press("Enter")
    page.wait_for_url("**/q0/d-temperature/**")
    page.wait_for_function("CSS.highlights.get('search')?.size > 0")
    assert page.locator("details:target").get_attribute("open") is not None
    assert page.locator("details:target", has_text="0.8668").is_visible()
    rectangle = "[...CSS.highlights.get('search')][0].getBoundingClientRect()"
    assert 0 < page.evaluate(f"{rectangle}.top") < page.evaluate("innerHeight")


def test_result_says_what_it_is(page):
    """A result shows its part, title, marks, question, topics and place."""
    page.keyboard.press("Control+k")
    ask(page, "loss aversion")
    text = page.locator(".hit").first.inner_text()
    shown = ("2(a)", "DPO and PPO-Clip", "5 marks", "Question 2", "Human decision making", "avers")
    assert [one for one in shown if one not in text] == []


def test_filters_and_address(page, server):
    """Results are narrowed by question and topic, the address keeps all of it, and Escape clears it."""
    page.keyboard.press("Control+k")
    every = ask(page, "position")
    page.locator("select[name=topic]").select_option("Vision transformers")
    page.locator(".search-status", has_text="1 page").wait_for()
    assert "topic=Vision+transformers" in page.url and len(every) > 1
    page.goto(f"{server}about/?q=position&question=0")
    page.locator(".hit").first.wait_for()
    found = page.locator(".hit-main").evaluate_all("(links) => links.map((link) => link.href)")
    assert found and all(address.startswith(f"{server}q0/") for address in found)
    assert page.locator("select[name=question]").input_value() == "0"
    page.keyboard.press("Escape")
    page.wait_for_url(f"{server}about/")
    assert not page.locator(".search-dialog").is_visible()


def test_filter_alone_lists_its_parts(page):
    """A topic without a query lists the parts of the topic."""
    page.keyboard.press("Control+k")
    page.locator("select[name=topic]").select_option("Positional encoding")
    page.locator(".hit").nth(1).wait_for()
    numbers = page.locator(".hit-number").all_inner_texts()
    assert numbers == [part.number for part in PARTS if "Positional encoding" in part.page.read_text()]


def test_keyboard_alone(page, server):
    """Arrows go through box and results, Enter follows, Back returns to the results, Escape closes."""
    page.keyboard.press("Control+k")
    ask(page, "entropy")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.matches('.hit-main')")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/q0/d-temperature/**")
    page.go_back()
    page.locator(".hit").first.wait_for()
    assert page.locator(".search-line input").input_value() == "entropy"
    page.keyboard.press("Escape")
    page.locator(".search-open").press("Enter")
    assert page.locator(".search-line input").is_visible()


def test_box_is_opened_by_a_tap(page):
    """The button opens the box, which fits the window; its cross closes it."""
    page.locator(".search-open").click()
    ask(page, "direct preference optimisation")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = page.locator(".search-dialog").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]
    page.get_by_label("Close the search").click()
    assert not page.locator(".search-dialog").is_visible()


def test_files_need_no_server(browser):
    """The search works on pages opened as files, and its results lead to files."""
    page = browser.new_page()
    page.goto((SITE / "q0/a-alibi/index.html").as_uri())
    page.keyboard.press("Control+k")
    assert ask(page, "bradly terry")[0].split("?")[0] == (SITE / "q2/b-reward-classes/index.html").as_uri()
    page.keyboard.press("Enter")
    page.wait_for_url("**/q2/b-reward-classes/index.html**")
    page.close()


def test_failure_is_said(browser, server):
    """When the index cannot be fetched the box says so, and works when it can be again."""
    page = browser.new_page()
    page.route("**/search/core.js*", lambda route: route.abort())
    page.goto(server)
    page.keyboard.press("Control+k")
    page.keyboard.type("dpo")
    page.locator(".search-status", has_text="could not be loaded").wait_for()
    page.unroute("**/search/core.js*")
    assert ask(page, "DPO") != []
    assert ask(page, "xqzzyk") == []
    assert "Nothing found for “xqzzyk”" in page.locator(".search-status").inner_text()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_open_box_is_accessible(browser, server, scheme, width):
    """The open box with its results breaks no rule of WCAG 2.2 AA."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(f"{server}about/?q=reward")
    page.locator(".hit-place").first.wait_for()
    assert violations(page) == []
    page.close()


def core() -> dict:
    """Return the data of the index: its pages, the names of its shards and so on."""
    text = (SITE / "search/core.js").read_text().rpartition("fullMarks.searchable = ")[2]
    return json.loads(text.rstrip(";\n"))


def test_index_holds_words_not_markup():
    """What results show holds no TeX, no markup and no code of notebooks; one page is about TeX."""
    numbers = [n for n, page in enumerate(core()["pages"]) if page["url"] != "equations/"]
    shown = "".join((SITE / f"search/p{number}.js").read_text() for number in numbers)
    assert len(shown) > 100_000
    unwanted = ("katex", "jp-", "<span", r"\\frac", r"\\mathrm", r"\\label", "import numpy")
    assert [word for word in unwanted if word in shown] == []


def test_index_is_cut_small():
    """No shard of the index is large, and the core does not hold the words of the pages."""
    sizes = [path.stat().st_size for path in (SITE / "search").glob("w*.js")]
    assert len(sizes) > 20 and max(sizes) < 30_000
    assert "premature" not in (SITE / "search/core.js").read_text()
