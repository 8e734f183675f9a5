"""Exam mode: a part, a question or the paper with a clock, hints, a field, and marks by the scheme."""

import datetime
import json

import pytest
from axe import violations
from conftest import SITE
from lxml import html
from pages.handout import short
from paper.exam import questions, solved
from paper.parts import discover
from playwright.sync_api import expect

VIEWS = [(1280, "dark"), (360, "light")]
PART = next(part for part in discover() if short(part) == "q0-d")
SHOWN = """() => [...document.querySelectorAll("article section.unit")]
  .filter((unit) => unit.checkVisibility()).map((unit) => unit.dataset.unit)"""
KEPT = "() => JSON.parse(localStorage.getItem('full-marks-sittings') ?? '{}')"


@pytest.fixture(params=VIEWS, ids=lambda view: f"{view[0]}-{view[1]}")
def page(request, browser):
    """Open a window that remembers nothing; an error on the page is an error of the test."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    yield page
    context.close()
    assert errors == []


def assert_sound(page):
    """The state of the page scrolls by itself nowhere sideways and breaks no rule of WCAG 2.2 AA."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    assert violations(page) == []


def press(page, name: str, key: str = "Enter"):
    """Press a button as the keyboard does."""
    page.get_by_role("button", name=name).press(key)


def focused(page) -> str:
    """Return the text of the element with the focus."""
    return page.evaluate("document.activeElement.textContent.trim()")


def at(page, time: str, shown: str):
    """Let it be a time of day, and wait until the clock of the exam shows what it then has to."""
    page.clock.set_fixed_time(datetime.datetime.fromisoformat(f"2026-11-26T{time}"))
    expect(page.get_by_role("timer")).to_have_text(shown)


def test_part(page, server):
    """A part is sat by keyboard: question alone, clock, hints one by one, a field, then answer and marks."""
    page.clock.set_fixed_time(datetime.datetime.fromisoformat("2026-11-26T09:00:00"))
    page.goto(server + f"{PART.id}/")
    page.locator(".practice > summary").press("Enter")
    press(page, "Sit this part")
    at(page, "09:00:00", "4:48 left")
    assert focused(page) == "The question" and page.evaluate(SHOWN) == ["the-question"]
    assert not page.locator(".practice, .facts, .md-sidebar--secondary").locator("visible=true").count()
    time, field = page.get_by_role("timer"), page.get_by_role("textbox", name="Your answer to 0(d)")
    at(page, "09:03:00", "1:48 left")
    assert "Half the time" in page.locator(".exam-bar").inner_text()
    press(page, "Hide the clock")
    assert not time.is_visible()
    press(page, "Pause")
    press(page, "Show the clock")
    at(page, "09:10:00", "1:48 left")
    press(page, "Go on")
    at(page, "09:11:00", "0:48 left")
    press(page, "Show hint 1 of 2")
    assert page.evaluate(SHOWN) == ["the-question", "hints"] and focused(page).startswith("Hint 1")
    hints = page.locator('[data-unit="hints"] > details')
    assert [hint.is_visible() for hint in hints.all()] == [True, False]
    field.fill("False:\nlow T sharpens.")
    at(page, "09:12:00", "0:12 over")
    assert "Time is up" in page.locator(".exam-bar").inner_text()
    page.reload()
    page.get_by_role("button", name="Go on with the exam").click()
    assert field.input_value() == "False:\nlow T sharpens." and hints.nth(0).is_visible()
    press(page, "Show the answer")
    assert focused(page) == "Answer at exam length"
    assert page.evaluate(SHOWN) == ["the-question", "hints", "answer-at-exam-length", "marking-scheme"]
    assert page.locator(".written").inner_text() == "False:\nlow T sharpens."
    page.get_by_role("checkbox", name="the right direction").press("Space")
    assert page.locator(".exam-bar").get_by_role("status").inner_text() == "1 of 2 marks"
    missed = page.locator(".result li")
    assert missed.count() == 2 and "divided by" in missed.first.inner_text()
    page.emulate_media(media="print")
    assert page.locator(".result, .written").locator("visible=true").count() == 2
    assert not page.locator(".exam-bar, .result button").locator("visible=true").count()
    page.emulate_media(media="screen")
    press(page, "Leave")
    page.get_by_role("button", name="See your marking").click()
    assert page.locator(".tick input").first.is_checked()
    link = missed.first.get_by_role("link").first
    link.click()
    assert page.evaluate("document.querySelector(':target').checkVisibility()")
    press(page, "Clear this sitting")
    page.locator(".practice").wait_for()
    assert page.evaluate(KEPT) == {}


def test_several_parts(page, server):
    """Several parts are sat together: marks by question and topic, links, a file, and a sum of all sittings.

    Each state is accessible; the page is lighter than that of a part, where the states are the same.
    """
    page.clock.set_fixed_time(datetime.datetime.fromisoformat("2026-11-26T09:00:00"))
    page.goto(server + "practise/?parts=q2-a,q2-b,q0-d,q9-z")
    page.get_by_role("button", name="Start the clock").wait_for()
    assert "q9-z" in page.get_by_role("alert").inner_text()
    assert page.locator(".offer p").inner_text() == "0(d), 2(a), 2(b): 10 marks, 24 minutes"
    assert_sound(page)
    press(page, "Start the clock")
    at(page, "09:00:00", "24:00 left")
    assert page.evaluate(SHOWN) == ["the-question"] * 3
    page.get_by_role("textbox", name="Your answer to 2(a)").fill("In the class.")
    page.locator("#q2-a").get_by_role("button", name="Show hint 1 of 3").click()
    assert_sound(page)
    press(page, "Hand in")
    page.get_by_role("checkbox", name="DPO: Q").check()
    page.get_by_role("checkbox", name="2 of 2, 0.25 marks each: Human link: reference point").check()
    page.get_by_role("checkbox", name="Objective with").check()
    page.get_by_role("checkbox", name="The formula: logits").check()
    rows = page.locator(".scores tr").all_inner_texts()
    table = {name: marks for name, marks in (row.split("\t") for row in rows)}
    assert table["2(a) DPO and PPO-Clip as human-aware losses"] == "0.75 of 5 marks"
    assert table["Question 2: Alignment of language models"] == table["Alignment"] == "1.25 of 8 marks"
    assert table["Question 0: True or false, with reasons"] == table["Decoding"] == "0.5 of 2 marks"
    assert "1.75 of 10 marks" in page.locator(".result > p").first.inner_text()
    for address in page.locator(".result a").evaluate_all("(all) => all.map((link) => link.href)"):
        path, _, anchor = address.removeprefix(server).partition("#")
        target = html.parse(SITE / path / "index.html").xpath("//*[@id=$name]", name=anchor)
        assert target or not anchor, address
    assert_sound(page)
    with page.expect_download() as download:
        press(page, "Export as text")
    text = download.value.path().read_text()
    assert "## 2(a) DPO and PPO-Clip as human-aware losses: 0.75 of 5 marks" in text
    assert "- [x] 0.5: DPO: $Q$ is the point mass" in text and "- [ ] 0.5: DPO: $l = " in text
    assert "In the class." in text
    press(page, "Leave")
    page.get_by_role("heading", name="Your results so far").wait_for()
    assert page.locator(".scores tr").all_inner_texts() == rows
    assert_sound(page)
    press(page, "Clear everything")
    page.get_by_role("heading", name="Your results so far").wait_for(state="detached")
    assert page.evaluate(KEPT) == {}


def test_whole_paper(browser, server):
    """The whole paper has every part in order, 2.4 minutes a mark, and points that add up to its marks."""
    page = browser.new_page()
    page.clock.set_fixed_time(datetime.datetime.fromisoformat("2026-11-26T09:00:00"))
    page.goto(server + "practise/")
    page.locator(".papers > p a").first.click()
    page.get_by_role("button", name="Start the clock").click()
    marks = sum(solved(part).marks for part in discover())
    at(page, "09:00:00", "{}:{:02} left".format(*divmod(round(marks * 2.4 * 60), 60)))
    heads = page.locator("article article h2").all_inner_texts()
    assert heads == [f"{part.number} {solved(part).title}" for part in discover()]
    page.get_by_role("button", name="Hand in").click()
    page.locator(".tick input").evaluate_all("(all) => all.forEach((box) => box.click())")
    assert page.locator(".exam-bar strong").inner_text() == f"{marks:g} of {marks:g} marks"
    names = page.locator(".scores").first.locator("tr:not(.inner) th").all_inner_texts()
    assert names == [f"Question {q.number}: {q.title}" for q in questions() if q.solved]
    assert "Full marks." in page.locator(".result").inner_text()
    page.close()


def test_every_point_leads_to_the_solution():
    """Each point of a marking scheme names sections of its solution, by their anchors and titles."""
    for part in discover():
        tree = html.parse(SITE / part.id / "index.html")
        titles = {h.get("id"): h.text_content() for h in tree.xpath('//*[@data-unit="solution-in-full"]/h3')}
        rows = tree.xpath('//*[@data-unit="marking-scheme"]//tbody/tr')
        named = [dict(json.loads(row.get("data-read"))) for row in rows]
        assert all(titles[anchor].startswith(title[:5]) for each in named for anchor, title in each.items())
        assert rows and (all(named) or not titles), part.id


def test_without_javascript(browser, server):
    """Without JavaScript a part reads as before, and the page of exam mode leads to every part."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server + f"{PART.id}/")
    assert page.locator("section.unit >> visible=true").count() == 9
    page.goto(server + "practise/")
    links = page.locator("noscript a").evaluate_all("(all) => all.map((a) => a.getAttribute('href'))")
    assert links == [f"../{part.id}/" for part in discover()]
    assert not page.locator(".papers").is_visible()
    context.close()
