"""The box of the search: keyboard, phone, filters, address, files, failure, accessibility."""

import pytest
from axe import violations
from conftest import SITE
from paper.parts import discover
from search_box import ask

PARTS = discover()


def test_result_opens_what_is_closed(entrance, server):
    """A hit inside a closed block opens it, marks the words, and stands in view."""
    entrance.keyboard.press("Control+k")
    ask(entrance, "0.8668")
    entrance.keyboard.press("Enter")
    entrance.wait_for_url("**/q0/d-temperature/**")
    entrance.wait_for_function("CSS.highlights.get('search')?.size > 0")
    assert entrance.locator("details:target").get_attribute("open") is not None
    assert entrance.locator("details:target", has_text="0.8668").is_visible()
    rectangle = "[...CSS.highlights.get('search')][0].getBoundingClientRect()"
    assert 0 < entrance.evaluate(f"{rectangle}.top") < entrance.evaluate("innerHeight")


def test_result_says_what_it_is(entrance):
    """A result shows its part, title, marks, question, topics and place."""
    entrance.keyboard.press("Control+k")
    ask(entrance, "loss aversion", placed=True)
    text = entrance.locator(".hit").first.inner_text()
    shown = ("2(a)", "DPO and PPO-Clip", "5 marks", "Question 2", "Human decision making", "avers")
    assert [one for one in shown if one not in text] == []


def test_filters_and_address(entrance, server):
    """Results are narrowed by question and topic, the address keeps all of it, and Escape clears it."""
    entrance.keyboard.press("Control+k")
    every = ask(entrance, "position")
    entrance.locator("select[name=topic]").select_option("Vision transformers")
    entrance.locator(".search-status", has_text="1 page").wait_for()
    entrance.wait_for_url("**/?q=position&topic=Vision+transformers")
    assert len(every) > 1
    entrance.goto(f"{server}about/?q=position&question=0")
    entrance.locator(".hit").first.wait_for()
    found = entrance.locator(".hit-main").evaluate_all("(links) => links.map((link) => link.href)")
    assert found and all(address.startswith(f"{server}q0/") for address in found)
    assert entrance.locator("select[name=question]").input_value() == "0"
    entrance.keyboard.press("Escape")
    entrance.wait_for_url(f"{server}about/")
    assert not entrance.locator(".search-dialog").is_visible()


def test_filter_alone_lists_its_parts(entrance):
    """A topic without a query lists the parts of the topic."""
    entrance.keyboard.press("Control+k")
    entrance.locator("select[name=topic]").select_option("Positional encoding")
    entrance.locator(".hit").nth(1).wait_for()
    numbers = entrance.locator(".hit-number").all_inner_texts()
    assert numbers == [part.number for part in PARTS if "Positional encoding" in part.page.read_text()]


def test_keyboard_alone(entrance, server):
    """Arrows go through box and results, Enter follows, Back returns to the results, Escape closes."""
    entrance.keyboard.press("Control+k")
    ask(entrance, "entropy")
    entrance.keyboard.press("ArrowDown")
    assert entrance.evaluate("document.activeElement.matches('.hit-main')")
    entrance.keyboard.press("ArrowUp")
    assert entrance.evaluate("document.activeElement.name") == "q"
    entrance.keyboard.press("ArrowDown")
    entrance.keyboard.press("Enter")
    entrance.wait_for_url("**/q0/d-temperature/**")
    entrance.go_back()
    entrance.locator(".hit").first.wait_for()
    assert entrance.locator(".search-line input").input_value() == "entropy"
    entrance.keyboard.press("Escape")
    entrance.locator(".search-open").press("Enter")
    assert entrance.locator(".search-line input").is_visible()


def test_box_is_opened_by_a_tap(entrance):
    """The button opens the box, which fits the window; its cross closes it."""
    entrance.locator(".search-open").click()
    ask(entrance, "direct preference optimisation")
    assert entrance.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = entrance.locator(".search-dialog").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= entrance.viewport_size["width"]
    entrance.get_by_label("Close the search").click()
    assert not entrance.locator(".search-dialog").is_visible()


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
