"""Sections that the reader hides: their boxes and the table of contents say what is hidden."""

import pytest

# The sections whose boxes are empty, and those that a table of contents marks.
STATE = """() => {
  const names = (selector) => [...document.querySelectorAll(selector)].map((one) => one.textContent.trim());
  return [names(".practice label:not(:has(:checked))"),
    [...new Set(names("nav.md-nav--secondary .unit-hidden > a"))]];
}"""


@pytest.fixture(params=[1280, 360])
def page(request, browser, server):
    """Open a part in a window of one width, with the box of its sections opened."""
    context = browser.new_context(viewport={"width": request.param, "height": 800})
    page = context.new_page()
    page.goto(server + "q2/b-reward-classes/")
    page.locator(".practice summary").click()
    yield page
    context.close()


def test_contents_say_what_is_hidden(page):
    """A hidden section is marked in each table of contents, and is no longer when it is shown again."""
    assert page.evaluate(STATE) == [[], []]
    page.get_by_label("Hints").uncheck()
    page.get_by_label("Variants").uncheck()
    assert page.evaluate(STATE) == [["Hints", "Variants"]] * 2
    said = "getComputedStyle(document.querySelector('.unit-hidden .md-ellipsis'), '::after').content"
    assert page.evaluate(said) == '" (hidden)"'
    page.reload()
    assert page.evaluate(STATE) == [["Hints", "Variants"]] * 2
    page.get_by_label("Hints").check()
    assert page.evaluate(STATE) == [["Variants"]] * 2


def test_box_follows_a_link_into_a_hidden_section(page):
    """A link into a hidden section shows it, and its box and its entry in the contents follow."""
    page.get_by_label("Variants").uncheck()
    page.evaluate("location.hash = 'variants'")
    page.wait_for_function("!document.querySelector('[data-unit=variants]').hidden")
    assert page.evaluate(STATE) == [[], []]
    page.reload()  # which leads there again
    assert page.evaluate(STATE) == [[], []]
    page.goto(page.url.split("#")[0])
    page.reload()
    assert page.evaluate(STATE) == [["Variants"]] * 2  # what the reader chose is kept
