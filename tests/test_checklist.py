"""The page of the checks of a part: all that speaks of a check leads to it, also from addresses of old."""

import json
import re

import pytest
from conftest import SITE
from lxml import html
from paper.exam import solved
from paper.parts import discover
from search_box import ask

PARTS = discover()
PART = "q2/b-reward-classes/"
ARRIVED = """() => {
  const check = document.querySelector("details.check:target"), top = check?.getBoundingClientRect().top;
  return check?.open && check.querySelector(".highlight").checkVisibility() && top >= 0 && top < innerHeight;
}"""


def article(address: str) -> html.HtmlElement:
    """Return the article of a built page."""
    return html.parse(str(SITE / address / "index.html")).getroot().find(".//article")


@pytest.fixture(params=[(1280, 900, False), (360, 740, True)], ids=["desktop", "phone"])
def page(request, browser, server):
    """Open a part in a window of one size, on a desk or under a finger."""
    width, height, touch = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=touch, is_mobile=touch
    )
    page = context.new_page()
    page.goto(server + PART)
    yield page
    context.close()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.id)
def test_every_reference_leads_to_its_check(part):
    """Each badge, and each comparison of an equation, leads to a check; no check stays on the page itself."""
    page, checks = article(part.id), article(f"{part.id}/checks")
    ids = set(checks.xpath('.//details[contains(@class, "check")]/@id'))
    links = page.xpath('.//a[contains(@href, "#check-")]/@href')
    assert page.xpath('.//a[contains(@class, "badge")]') and len(ids) == len(solved(part).checks)
    assert {link.removeprefix("checks/#") for link in links} <= ids
    assert not ids & set(page.xpath(".//@id"))
    listed = [item for item in json.loads((SITE / "ledger.json").read_text()) if item["kind"] == "check"]
    assert {item["url"] for item in listed if item["url"].startswith(part.id)} == {
        f"{part.id}/checks/#{name}" for name in ids
    }


def test_badge_shows_its_check_and_leads_to_it(page, server):
    """Under pointer or finger a badge shows the claim; followed, it opens the check in view."""
    badge = page.locator("[data-unit='solution-in-full'] > p a.badge").first
    target = server + PART + badge.get_attribute("href")
    claim = article(f"{PART}checks").get_element_by_id(target.partition("#")[2])
    text = claim.find("summary/span[@class='check-claim']").text_content()
    if page.viewport_size["width"] < 600:
        badge.tap()
        page.locator(".preview-go").wait_for()
        assert page.locator(".preview .check-claim").text_content() == text
        page.locator(".preview-go").tap()
    else:
        badge.hover()
        page.locator(".preview .check-claim").wait_for()
        assert page.locator(".preview .check-claim").text_content() == text
        badge.click()
    page.wait_for_url(target)
    page.wait_for_function(ARRIVED)


def test_old_address_leads_to_the_check(page, server):
    """The address that a check had while it stood on the page of its part leads to it; Back does not loop."""
    page.goto(f"{server}about/")
    page.goto(f"{server}{PART}#check-canonical-reward")
    page.wait_for_url(f"{server}{PART}checks/#check-canonical-reward")
    page.wait_for_function(ARRIVED)
    page.go_back()
    page.wait_for_url(f"{server}about/")


def test_page_leads_back(page, server):
    """Above the title stands the path to the part; the line of the part leads to the page of its checks."""
    page.locator(".checks-link a").click()
    page.wait_for_url(f"{server}{PART}checks/")
    assert page.title() == "Checks of 2(b) One class of rewards, one optimal policy - Full Marks"
    path = page.locator(".md-path a")
    assert [" ".join(text.split()) for text in path.all_inner_texts()] == [
        "The exam at a glance", "Question 2", "2(b) One class of rewards, one optimal policy",
    ]  # fmt: skip
    path.last.click()
    page.wait_for_url(server + PART)
    assert page.locator(".md-path").count() == 0


def test_search_leads_to_a_check(page, server):
    """The words of a claim find the part, and one of its places leads to the check."""
    page.keyboard.press("Control+k")
    assert ask(page, "powers planes", placed=True)[0].startswith(f"{server}q0/c-rope/?h=")
    page.locator(".hit a", has_text="Check: general in Checked").first.click()
    page.wait_for_url(f"{server}q0/c-rope/checks/?h=powers+planes#check-general")
    page.wait_for_function(ARRIVED)


def test_without_javascript_a_check_can_be_read(browser, server):
    """Without JavaScript a badge leads to the page of the checks, where a check is opened by hand."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server + PART)
    page.locator("a.badge").first.click()
    page.wait_for_url(f"{server}{PART}checks/#check-*")
    page.locator(":target summary").click()
    assert page.locator(":target .highlight").is_visible() and page.locator(":target table").is_visible()
    context.close()


def test_files_lead_to_a_check(browser):
    """On a part that is opened as a file a badge, and the address of old, lead to the check."""
    page = browser.new_page()
    for name in ("", "#check-canonical-reward"):
        page.goto((SITE / PART / "index.html").as_uri() + name)
        if not name:
            page.locator("a.badge").first.click()
        page.wait_for_url(f"**/{PART}checks/index.html#check-*")
        page.wait_for_function(ARRIVED)
    page.close()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.id)
def test_markdown_has_claims_and_code(part):
    """The copy as Markdown of the checks has each with its claim, its evidence and its code."""
    text = (SITE / part.id / "checks/index.html.md").read_text()
    for record in solved(part).checks:
        assert record["code"] in text and record["evidence"][0]["route"] in text
    assert len(re.findall("^## check-", text, re.MULTILINE)) == len(solved(part).checks)
    assert f"{part.id}/checks/index.html.md" in (SITE / part.id / "index.html.md").read_text()
