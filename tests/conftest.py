"""Shared by the tests: the built site, a server for it, a browser, and a copy to break."""

import functools
import http.server
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from lxml import html
from paper.parts import discover

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"


def page_paths() -> list[str]:
    """Return the addresses of all built pages, relative to the root of the site."""
    pages = sorted(path.parent.relative_to(SITE).as_posix() for path in SITE.rglob("index.html"))
    return ["" if page == "." else f"{page}/" for page in pages]


def site_formulas() -> list[tuple[str, bool]]:
    """Return every distinct formula of the built pages: its TeX, and whether it is displayed."""
    found = {}
    for path in page_paths():
        for element in html.parse(str(SITE / path / "index.html")).iterfind('.//span[@class="katex"]'):
            found[element.findtext(".//annotation"), element.find(".//math").get("display") == "block"] = 1
    return list(found)


def laid_out(page):
    """Wait until nothing on a page that `goto` opened is left for later: what is only heard comes last."""
    page.wait_for_function(
        """() => [...document.querySelectorAll("article *")]
          .every((one) => getComputedStyle(one).contentVisibility === "visible")"""
    )


def corpus() -> dict[str, list[str]]:
    """Return the formulas that have to be right on the web, in print and in words, by kind."""
    kinds = yaml.safe_load((ROOT / "tests/formulas.yml").read_text())
    return {kind: lines.splitlines() for kind, lines in kinds.items()}


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each request."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def server():
    """Serve the built site on a free local port; gives its address with a final slash."""
    handler = functools.partial(QuietHandler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


def shown(goto):
    """Make a page that is opened wait until it shows what it holds, unless it is watched from the start."""

    @functools.wraps(goto)
    def opened(page, address, **options):
        answer = goto(page, address, **options)
        if options.get("wait_until") != "commit":
            page.wait_for_function("() => !document.documentElement.dataset.arriving")
        return answer

    return opened


@pytest.fixture(scope="session")
def browser():
    """Start the installed Chromium."""
    from playwright.sync_api import Page, sync_playwright

    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Page, "goto", shown(Page.goto))
        yield playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-background-networking"],
        )


LEFT_OUT = ("*-journal", ".venv", ".git", "site", "node_modules", "__pycache__", ".*_cache", "compare")
SHARED = (".pkl", ".pdf")  # files of the cache that a build replaces, and never writes to
# The parts of a copy to break: a whole question, whose parts lead to each other, and one of another.
KEPT = ("q0/d-temperature", "q2/a-human-aware-losses", "q2/b-reward-classes", "q2/c-without-sft")


def link_or_copy(source: str, target: str):
    """Link a file of the cache that no build changes in place, and copy any other; a database whole.

    Another test may write the store of formulas meanwhile: its bytes alone could be half of a change.
    """
    path = Path(source)
    if path.suffix == ".sqlite":
        with closing(sqlite3.connect(source, timeout=60)) as store, closing(sqlite3.connect(target)) as made:
            store.backup(made)
        return target
    if ".cache" in path.parts and path.suffix in SHARED:
        try:
            return os.link(source, target)
        except OSError:
            pass  # the scratch folder is on another disk
    return shutil.copy2(source, target)


def copied(project: Path, target: Path, *left_out: str) -> Path:
    """Copy a project without its environment and what else is named; the rest of the cache comes along."""
    ignored = shutil.ignore_patterns(*LEFT_OUT, *left_out)
    shutil.copytree(project, target, symlinks=True, ignore=ignored, copy_function=link_or_copy)
    (target / "scripts/node/node_modules").symlink_to(ROOT / "scripts/node/node_modules")
    return target


def shrink(project: Path, kept: Collection[str]):
    """Leave out all parts but some, and the questions without one; the rest is a site of its own."""
    gone = [part.id for part in discover() if part.id not in kept]
    gone += {part.split("/")[0] for part in gone} - {part.split("/")[0] for part in kept}
    for folder in gone:
        shutil.rmtree(project / "docs" / folder)
    urls = project / "tests/urls.txt"
    lost = tuple(f"{folder}/{name}/" for name in gone for folder in ("", "/ledger"))
    left = [url for url in urls.read_text().split() if not url.startswith(lost)]
    urls.write_text("\n".join(left) + "\n")
    glossary = project / "docs/glossary.yml"
    terms = [term for term in yaml.safe_load(glossary.read_text()) if term["part"] in kept]
    glossary.write_text(yaml.safe_dump(terms, sort_keys=False, allow_unicode=True))


@pytest.fixture
def whole(tmp_path) -> Path:
    """Copy the whole project, with nothing cached."""
    return copied(ROOT, tmp_path / "project", ".cache")


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """Copy the project with four parts and build it once: a build of a copy of it is short."""
    project = copied(ROOT, tmp_path_factory.mktemp("small") / "project")
    shrink(project, KEPT)
    run = build(project)
    assert run.returncode == 0, run.stderr
    return project


@pytest.fixture
def copy(small, tmp_path) -> Path:
    """Copy the small project, without its site, so that a test can break it."""
    return copied(small, tmp_path / "project")


def pytest_collection_modifyitems(items):
    """Begin with the tests that build: a long one at the end would run alone, the other core at rest."""
    items.sort(key=lambda item: ("whole" not in item.fixturenames, "copy" not in item.fixturenames))


IN_COPY = os.environ | {"PYTHONPATH": "scripts"}  # a command in a copy runs the copy's own scripts


def build(project: Path, variables: dict | None = None) -> subprocess.CompletedProcess:
    """Build a copy of the project, with some environment variables of its own."""
    command = [sys.executable, "-m", "pages.build"]
    env = IN_COPY | (variables or {})
    return subprocess.run(command, cwd=project, capture_output=True, text=True, env=env)


@pytest.fixture(params=[(1280, 900), (360, 740)], ids=["desktop", "phone"])
def entrance(request, browser, server):
    """Open the entrance in a window of one size."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(server)
    yield page
    context.close()
