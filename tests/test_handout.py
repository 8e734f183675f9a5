"""A set of your own: the scripts of the parts, the choice, the address that keeps it, and the paper."""

import json
import re
from urllib.parse import urlsplit

import pytest
from conftest import ROOT, SITE
from lxml import html
from pages import handout
from paper.exam import solved
from paper.parts import Part, discover
from paper.rules import SECTIONS

PARTS = [part for part in discover() if (SITE / handout.script(part)).is_file()]
SLUGS = [handout.slug(title) for title in SECTIONS]
A, B = (next(part for part in discover() if handout.short(part) == name) for name in ("q2-a", "q2-b"))
SHOWN = """() => [...document.querySelectorAll(".sheet h2, .sheet h3")]
  .filter((heading) => heading.checkVisibility()).map((heading) => heading.textContent)"""


def titles(part: Part, *names: str) -> list[str]:
    """Return the headings that a set shows for a part and the words of some sections."""
    return [f"{part.number} {solved(part).title}", *(SECTIONS[SLUGS.index(name)] for name in names)]


def sections(part: Part) -> dict[str, str]:
    """Return the sections that the script of a part holds."""
    call = (SITE / handout.script(part)).read_text()
    name, data = re.fullmatch(r'fullMarks\.add\("([^"]+)", (\{.*\})\);\n', call, re.DOTALL).groups()
    assert name == handout.short(part)
    return json.loads(data)


def wait(page):
    """Wait until the scripts of the chosen parts are there."""
    page.locator("button.print:enabled").wait_for()


@pytest.fixture
def page(browser):
    """Open a window that remembers nothing; an error on the page is an error of the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def test_every_part_has_its_script():
    """Each script holds the nine sections of its part, typeset, without what paper cannot use."""
    assert discover() == PARTS
    for part in PARTS:
        found = sections(part)
        assert list(found) == ["head", *SLUGS]
        text = "".join(found.values())
        assert 'class="katex"' in found["solution-in-full"] and "data-formula" not in text
        tree = html.fragment_fromstring(text, create_parent="div")
        unusable = "//button | //details | //*[@popover] | //picture | //h1"
        assert [element.tag for element in tree.xpath(unusable)] == [], part.id
        assert "<pre" not in found["checked"], part.id
        # The claims of all checks are there, though their code is not.
        assert len(tree.find_class("check-claim")) == len(solved(part).checks) > 0


def test_ids_and_links_of_the_parts_fit_into_one_page():
    """No two parts share an id, and each link or picture leads to a file of the site or to its own part."""
    trees = {p: html.fragment_fromstring("".join(sections(p).values()), create_parent="div") for p in PARTS}
    ids = [name for tree in trees.values() for name in tree.xpath("//@id")]
    assert sorted(ids) == sorted(set(ids))
    known = {*ids, *map(handout.short, PARTS)}
    for part, tree in trees.items():
        assert set(tree.xpath("//@data-inside")) <= known | {
            f"{handout.short(part)}-{name}"
            for name in html.parse(SITE / part.id / "index.html").xpath("//@id")
        }
        for address in tree.xpath("//@href | //@src"):
            if not urlsplit(address).scheme:
                target = (SITE / "print" / urlsplit(address).path).resolve()
                assert target.is_file() or (target / "index.html").is_file(), (part.id, address)


def test_choice_shows_exactly_what_is_ticked(page, server):
    """Ticks of parts, sections, topics and common choices: sheet, account and address agree."""
    page.goto(server + "print/")
    assert page.locator("button.print").is_disabled()
    page.get_by_label(titles(B)[0]).check()
    page.get_by_label("Marking scheme", exact=True).check()
    wait(page)
    assert page.evaluate(SHOWN) == titles(B, "question", "marking-scheme")
    assert urlsplit(page.url).query == "parts=q2-b&show=question,marking-scheme"
    assert page.get_by_role("status").inner_text() == "1 part, 3 marks, about 7 minutes"
    whole = page.get_by_label("Question 2:")
    assert whole.evaluate("(box) => box.indeterminate")
    page.get_by_label("Human decision making").check()  # the topic of 2(a) alone
    page.get_by_role("button", name="Answers and marking scheme").click()
    wait(page)
    both = ("answer-at-exam-length", "marking-scheme")
    assert page.evaluate(SHOWN) == titles(A, *both) + titles(B, *both)
    assert page.get_by_role("status").inner_text() == "2 parts, 8 marks, about 19 minutes"
    page.go_back()
    page.go_back()
    assert page.evaluate(SHOWN) == titles(B, "question", "marking-scheme")
    page.go_forward()
    page.reload()
    wait(page)
    assert len(page.evaluate(SHOWN)) == 6


@pytest.mark.parametrize("base", ["server", "file"])
def test_address_keeps_the_choice(page, server, base):
    """An address shows its choice in a fresh window, also when the site is opened as files."""
    start = server + "print/" if base == "server" else (SITE / "print/index.html").as_uri()
    page.goto(start + "?parts=q2-a,q2-b&show=hints,references")
    wait(page)
    assert page.evaluate(SHOWN) == titles(A, "hints", "references") + titles(B, "hints", "references")
    page.get_by_label(titles(A)[0]).uncheck()
    again = page.context.browser.new_page()
    again.goto(page.url)
    wait(again)
    assert again.evaluate(SHOWN) == titles(B, "hints", "references")
    again.close()


def test_unknown_values_are_named(page, server):
    """What the address asks for and the page does not have is named, and the rest is shown."""
    page.goto(server + "print/?topics=Reward models,Alchemy&parts=q9-z&show=hints,jokes")
    wait(page)
    assert page.evaluate(SHOWN) == titles(B, "hints")
    message = page.get_by_role("alert").inner_text()
    assert all(name in message for name in ("Alchemy", "q9-z", "jokes")) and "Reward" not in message
    page.get_by_label("Variants").check()
    assert page.get_by_role("alert").count() == 0


def test_links_stay_in_the_set_where_they_can(page, server):
    """A link leads to its target in the set if that is shown, else to the page of the part."""
    page.goto(server + "print/?parts=q2-a&show=solution-in-full")
    wait(page)
    badge = page.locator('a[data-inside="q2-a-check-dpo-is-minus-value"]').first
    assert badge.get_attribute("href") == f"../{A.id}/checks/#check-dpo-is-minus-value"
    page.get_by_label("Checked").check()
    assert badge.get_attribute("href") == "#q2-a-check-dpo-is-minus-value"
    badge.click()
    assert page.evaluate("document.querySelector(':target').checkVisibility()")
    assert len(page.evaluate(SHOWN)) == 3
    page.get_by_label("Checked").uncheck()
    assert badge.get_attribute("href") == f"../{A.id}/checks/#check-dpo-is-minus-value"


def test_paper_shows_the_set_and_nothing_else(page, server):
    """On paper stand the title line and the chosen sections, each part from a new page on."""
    page.emulate_media(media="print")
    page.goto(server + "print/?parts=q2-a,q2-b&show=question,hints")
    page.locator("#q2-b h2").wait_for()
    text = page.locator("body").inner_text()
    course = re.search(r'course: "(.*)"', (ROOT / "docs/exam.yml").read_text())[1]
    assert text.startswith(course)
    assert "2(a), 2(b) · 8 marks, about 19 minutes · " in text
    assert page.evaluate(SHOWN) == titles(A, "question", "hints") + titles(B, "question", "hints")
    assert "Hint 3" in text and "Which of the two plays the part" in text
    others = [title for title in SECTIONS[2:] if title in text]
    assert others == [] and "Which parts" not in text and "Search" not in text
    page.goto(server + "print/?parts=q2-a,q2-b&show=question")  # which would fit on one page together
    page.locator("#q2-b h2").wait_for()
    assert len(re.findall(rb"/Type /Page\b", page.pdf(format="A4"))) == 2


def test_each_page_prints_by_itself(page, server):
    """A page printed from a dark screen is black on white, with light pictures and opened hints."""
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(server + f"{A.id}/")
    assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert (
        page.evaluate("getComputedStyle(document.querySelector('[data-unit=hints] p')).color")
        == "rgb(28, 28, 30)"
    )
    shown = "(all) => all.filter((e) => e.checkVisibility()).length"
    assert page.locator(".only-dark").evaluate_all(shown) == 0 < page.locator(".only-light").count()
    hints = '[data-unit="hints"] details > p'
    assert page.locator(hints).evaluate_all(shown) == page.locator(hints).count() > 0
    screen_only = ".md-header, .md-sidebar, .practice, .equation-status, .check-body .highlight"
    assert page.locator(screen_only).evaluate_all(shown) == 0


def test_without_javascript_the_page_leads_to_the_parts(browser, server):
    """Without JavaScript the page says that it needs it, and links every part."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server + "print/")
    assert "JavaScript" in page.locator("noscript").inner_text()
    links = page.locator("noscript a").evaluate_all("(all) => all.map((a) => a.getAttribute('href'))")
    assert links == [f"../{part.id}/" for part in discover()]
    assert not page.locator("form.chooser").is_visible()
    context.close()
