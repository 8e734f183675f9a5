"""What the browser keeps: blocked or damaged it breaks nothing; schemes and keys are the reader's choice."""

import json
import os

import pytest
from playwright.sync_api import Error
from search_box import ask

PAGE = "q2/b-reward-classes/"
SCHEME = "document.body.dataset.mdColorScheme"
TOGGLE = "form[data-md-component=palette] label:visible"
DAMAGED = {
    "cut off": {"/.__palette": '{"index":', "full-marks-hidden": '["hin', "full-marks-sittings": "{{"},
    "of another kind": {
        "/.__palette": "5",
        "full-marks-hidden": '{"hints": 1}',
        "full-marks-sittings": json.dumps(
            {
                "q2-b": {"stage": 3, "spent": "x", "parts": {"q2-b": {"points": [None], "hints": "all"}}},
                "q0-d": {"stage": "mark", "parts": {"q0-d": {"points": [7, {"each": "x", "ticked": 1}]}}},
                "q9-z": {"stage": "mark", "parts": 5},
                "q0-a": None,
            }
        ),
        "full-marks-clock-hidden": "[1]",
    },
}


def watched(context):
    """Open a page whose errors are collected."""
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    return page


def assert_works(page, server):
    """Search, dark mode, practice box, badges and exam mode of a page do what they should."""
    page.goto(server + PAGE)
    badge = page.locator("a.badge").first
    address = badge.get_attribute("href")
    badge.click()  # it leads to another page
    page.locator(f"#{address.partition('#')[2]}[open]").wait_for()
    page.goto(server + PAGE)
    assert page.evaluate(SCHEME) == "slate"
    page.locator(TOGGLE).click()
    assert page.evaluate(SCHEME) == "default"
    page.locator(".practice").evaluate("(box) => { box.open = true; }")  # it is, where a sitting was begun
    page.get_by_label("Checked", exact=True).uncheck()
    page.keyboard.press("Control+k")
    assert "/q1/a-qlora/" in ask(page, "nf4")[0]
    page.keyboard.press("Escape")
    page.locator(".practice .sit button").click()
    page.get_by_role("button", name="Show the answer").click()
    page.locator(".tick input").first.check()
    assert page.locator(".exam-bar strong").inner_text() == "0.5 of 3 marks"
    assert page.errors == []


def test_blocked_site_data(browser, server, tmp_path):
    """In a browser that blocks all site data everything works, and exam mode says that nothing is kept."""
    (tmp_path / "Default").mkdir()
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default/Preferences").write_text(json.dumps(blocked))
    context = browser.browser_type.launch_persistent_context(
        tmp_path,
        executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
        args=["--no-sandbox", "--disable-background-networking"],
        color_scheme="dark",
    )
    page = watched(context)
    page.goto(server)
    page.evaluate("document.body.append(document.createElement('iframe'))")  # where nothing stands in
    with pytest.raises(Error, match="SecurityError"):
        page.evaluate("document.querySelector('iframe').contentWindow.localStorage")
    assert_works(page, server)
    page.get_by_role("button", name="Write more").click()
    assert "keeps nothing" in page.locator(".desk label").inner_text()
    context.close()


@pytest.mark.parametrize("values", DAMAGED.values(), ids=DAMAGED)
def test_damaged_values(browser, server, values):
    """A damaged value, or one of another kind, counts as none."""
    context = browser.new_context(color_scheme="dark")
    page = watched(context)
    page.goto(server + "assets/favicon.svg")
    page.evaluate("(values) => Object.assign(localStorage, values)", values)
    assert_works(page, server)
    page.goto(server + "practise/")
    page.locator(".result tr.inner", has_text="2(b)").wait_for()
    assert page.errors == []
    context.close()


def test_scheme_follows_the_system_until_the_reader_chooses(browser, server):
    """A change of the system is followed, at once and at the next visit, until a scheme is chosen."""
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    page.goto(server)
    assert page.evaluate(SCHEME) == "default"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{SCHEME} === 'slate'")
    page.reload()
    assert page.evaluate(SCHEME) == "slate"
    page.locator(TOGGLE).click()  # light
    page.reload()
    assert page.evaluate(SCHEME) == "default"
    page.locator(TOGGLE).click()  # dark
    page.locator(TOGGLE).click()  # the system again
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"{SCHEME} === 'default'")
    context.close()


def test_single_keys_have_a_switch(browser, server):
    """Single keys do nothing, so dictated words leave no page, until the reader switches them on."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server + PAGE)
    page.keyboard.type("print next search /")
    assert page.url == server + PAGE
    assert page.evaluate("document.activeElement === document.body")
    switch = page.get_by_label("Keyboard: n for the next page")
    switch.check()
    switch.blur()
    page.keyboard.press("n")
    page.wait_for_url(server + "q2/c-without-sft/")
    page.get_by_label("Keyboard: n for the next page").uncheck()
    page.get_by_label("Keyboard: n for the next page").blur()
    page.keyboard.press("p")
    page.wait_for_timeout(300)
    assert page.url == server + "q2/c-without-sft/"
    context.close()
