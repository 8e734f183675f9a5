"""The built site as a whole: what is in it, that it is the same at every build, and its house rules."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import IN_COPY, ROOT, SITE, build, page_paths
from drawing import canvas, figures
from lxml import html
from pages import build as pages_build
from paper.exam import paper, questions
from paper.parts import digest, discover

PARTS = discover()


def tree(path: str) -> html.HtmlElement:
    """Return a built page, parsed."""
    return html.parse(str(SITE / path / "index.html")).getroot()


def test_marks_of_the_paper_add_up():
    """The parts add up to the marks of their question, and the questions to those of the paper."""
    given = paper()["questions"]
    assert sum(question["marks"] for question in given) == paper()["marks"] == 50
    for question in given:
        assert sum(part["marks"] for part in question["parts"]) == question["marks"], question["id"]


def test_questions_are_verbatim():
    """The words of the paper are those of the exam as it was handed out."""
    text = (ROOT / "docs/exam.md").read_text().split("<!-- --8<-- [start:q0] -->", 1)[1]
    text = re.sub(r"<!--.*?-->|\\(?:given|layer)\b", "", text)  # macros that only say how a sign is spoken
    words = re.findall(r"[A-Za-z0-9]+", text)
    assert hashlib.sha256(" ".join(words).encode()).hexdigest() == (
        "b36a715bdbf63a60c16b810f0aceccb24f337a0b379112dd8b2bb1ea9f04a72d"
    ), "the words of docs/exam.md changed; if the paper itself was wrong here, renew this digest"


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.id)
def test_part_shows_all_its_checks_and_figures(part):
    """Every figure of a part's folder is on its page, with words, and every check on the page below it."""
    page, checks = tree(part.id), tree(f"{part.id}/checks")
    names = re.findall(r"^def (test_\w+)", part.file("checks.py").read_text(), re.MULTILINE)
    shown = [block.get("id") for block in checks.xpath('//details[contains(@class, "check")]')]
    assert len(shown) == len(names) > 0 and not page.xpath('//details[contains(@class, "check")]')
    assert f"All {len(names)} checks" in page.find_class("checks-link")[0].text_content()
    assert not checks.xpath('//details[contains(@class, "not-run") or contains(@class, "failed")]')
    for name in figures.functions(part):
        images = page.xpath(f'//img[@src="{name}.svg" or @src="{name}.dark.svg"]')
        assert len(images) == 2 and all(len(image.get("alt")) > 40 for image in images), name


@pytest.mark.parametrize("path", page_paths())
def test_page_is_sound(path):
    """A page has one title, a language, unique ids, alternative texts, and no raw TeX or foreign file."""
    page = tree(path)
    assert page.get("lang") == "en"
    assert len(page.xpath("//article//h1")) == 1
    ids = page.xpath("//@id")
    assert sorted(ids) == sorted(set(ids))
    assert [html.tostring(image) for image in page.xpath("//article//img[not(normalize-space(@alt))]")] == []
    assert page.xpath('//*[contains(@class, "arithmatex")]') == []
    foreign = page.xpath("//script/@src | //link[@rel='stylesheet']/@href | //img/@src | //source/@srcset")
    assert [url for url in foreign if url.startswith(("http:", "https:", "//"))] == []


def test_entrance_lists_the_whole_paper():
    """The entrance shows every part of the paper, and links exactly those that have a page."""
    entries = tree("").xpath('//li[contains(concat(" ", @class, " "), " part ")]')
    shown = {
        entry.findtext('span[@class="part-number"]'): [
            url.removeprefix("./") for url in entry.xpath('.//span[@class="part-title"]/a/@href')
        ]
        for entry in entries
    }
    assert shown == {
        part.number: [part.address] if part.address else []
        for question in questions()
        for part in question.parts
    }


def test_published_addresses_still_work():
    """Every address that was ever published still leads to a page."""
    published = (Path(__file__).parent / "urls.txt").read_text().split()
    assert [url for url in published if not (SITE / url.lstrip("/") / "index.html").is_file()] == []
    assert published == sorted(f"/{path}" for path in page_paths()), (
        "./scripts/build lists new pages; commit it"
    )


def test_notebook_is_downloadable_and_clean():
    """The lab's notebook is in the site, is valid, and says which kernel it wants."""
    import nbformat

    for lab in ROOT.glob("docs/q*/lab.py"):
        book = nbformat.read(SITE / lab.parent.name / "lab.ipynb", as_version=4)
        nbformat.validate(book)
        assert book.metadata.kernelspec.name == "python3"
        assert any(cell.cell_type == "code" for cell in book.cells)
        assert tree(f"{lab.parent.name}/lab").xpath('//a[@download and contains(@href, "lab.ipynb")]')


CLOCK = """
import time
start, tick, now = time.monotonic(), time.monotonic, time.time
for name in ("monotonic", "perf_counter", "process_time"):
    setattr(time, name, lambda: start + 5 * (tick() - start))
time.time = lambda: now() + 400 * 24 * 3600
"""


def test_two_builds_are_identical(whole, tmp_path):
    """A clean build on another machine, a slow one with its own habits, gives the same bytes.

    In CI, where nothing is cached before, site/ comes from a clean build as well; elsewhere it may be made of
    what was kept, which then has to be what a clean build makes.
    """
    assert pages_build.reusable(), "site/ is not made of these sources and settings: run ./scripts/build"
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    for settings in (".config/matplotlib/matplotlibrc", ".matplotlib/matplotlibrc"):
        (tmp_path / settings).parent.mkdir(parents=True)
        (tmp_path / settings).write_text(
            "grid.linewidth: 9\nlines.dash_capstyle: round\npatch.linewidth: 7\n"
        )
    habits = {"TZ": "Pacific/Kiritimati", "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE", "HOME": str(tmp_path)}
    run = build(whole, habits | {"PYTHONPATH": f"scripts:{tmp_path}", "OMP_NUM_THREADS": "3"})
    assert run.returncode == 0, run.stderr
    mine = {p.relative_to(SITE): p.read_bytes() for p in SITE.rglob("*") if p.is_file()}
    made = whole / "site"
    other = {p.relative_to(made): p.read_bytes() for p in made.rglob("*") if p.is_file()}
    assert sorted(mine) == sorted(other)
    assert [str(name) for name in mine if mine[name] != other[name]] == []


def test_line_ends_are_no_part_of_a_digest(tmp_path):
    """A text has the same digest with plain and with Windows line ends, and another has another."""
    path, digests = tmp_path / "x.json", []
    for content in (b"{\n}\n", b"{\r\n}\r\n", b"{\n\n}\n"):
        path.write_bytes(content)
        digests.append(digest(path))
    assert digests[0] == digests[1] != digests[2]


def test_second_build_reuses_everything(copy):
    """A build with nothing changed reuses the site, says so, and a change to a page is seen."""
    assert build(copy).returncode == 0
    again = build(copy)
    assert again.returncode == 0 and "Nothing changed" in again.stdout
    page = copy / "docs/about.md"
    page.write_text(page.read_text() + "\nOne more sentence.\n")
    assert "Nothing changed" not in build(copy).stdout
    assert "One more sentence." in (copy / "site/about/index.html").read_text()


@pytest.mark.parametrize("name", ["q2/d-my-part", "q3/c-my-part"])
def test_new_part_builds_and_passes(copy, name):
    """./scripts/new makes a part that builds under the strict rules, with a passing check."""
    new = [sys.executable, "-m", "paper.new", name]
    made = subprocess.run(new, cwd=copy, capture_output=True, text=True, env=IN_COPY)
    assert made.returncode == 0, made.stderr
    run = build(copy)
    assert run.returncode == 0, run.stderr
    urls = (copy / "tests/urls.txt").read_text()
    assert f"/{name}/\n/{name}/checks/\n" in urls and f"/ledger/{name[:2]}/\n" in urls
    page = (copy / "site" / name / "index.html").read_text()
    assert "1 check passed" in page and "sum-of-odd-numbers.svg" in page
    again = subprocess.run(new, cwd=copy, capture_output=True, text=True, env=IN_COPY)
    assert again.returncode == 2 and "already" in again.stderr


def test_new_part_refuses_a_bad_name(copy):
    """./scripts/new refuses a name of another form, and makes nothing."""
    before = sorted(copy.rglob("*"))
    for name in ("d-my-part", "q2/My Part", "q77/a-b", "../x"):
        new = [sys.executable, "-m", "paper.new", name]
        run = subprocess.run(new, cwd=copy, capture_output=True, text=True, env=IN_COPY)
        assert run.returncode == 2 and run.stderr.startswith("scripts/new: "), name
        assert [p for p in sorted(copy.rglob("*")) if "__pycache__" not in str(p)] == before, name


def contrast(one: str, other: str) -> float:
    """Return the WCAG contrast ratio of two colours given as #rrggbb."""

    def luminance(colour: str) -> float:
        channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("scheme", "selector"), [("light", "default"), ("dark", "slate")])
def test_figure_colours_can_be_read_on_the_page(scheme, selector):
    """Every colour that figures write or draw with has a contrast of 4.5 to the page."""
    css = (ROOT / "docs/assets/site.css").read_text()
    paper_colour = re.search(rf'\[data-md-color-scheme="{selector}"\] \{{\s*--paper: (#\w+)', css)[1]
    colours = {name: c for name, c in canvas.PALETTES[scheme].items() if name != "faint"}
    assert {n: c for n, c in colours.items() if contrast(c, paper_colour) < 4.5} == {}


def test_edit_during_a_build_is_built_next(monkeypatch, tmp_path):
    """The record of a build names the files as they were when it began."""
    files = {"state": "as it began"}
    monkeypatch.setattr(pages_build, "inputs", lambda: files["state"])
    monkeypatch.setattr(pages_build, "make", lambda report: files.update(state="edited meanwhile") or [])
    monkeypatch.setattr(pages_build, "publish", lambda: None)
    monkeypatch.setattr(pages_build, "RECORD", tmp_path / "build.json")
    assert pages_build.main() == 0
    assert json.loads((tmp_path / "build.json").read_text())["inputs"] == "as it began"
