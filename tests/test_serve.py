"""The live server: a change to a page, a figure or a check is seen without a restart, and then it rests."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conftest import build
from test_faults import replace

BUILT, STOPPED = "Documentation built", "this build stopped"
PRINTED = re.compile(f"sets printed anew(?!.*{BUILT})", re.DOTALL)  # after the last build


@pytest.fixture
def live(copy):
    """Serve a copy of the project with live reload; gives the copy, a way to fetch a page, and the log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path, address = copy.parent / "serve.log", f"http://127.0.0.1:{port}/"
    log = path.open("w")
    variables = {"PYTHONPATH": "scripts", "PYTHONDONTWRITEBYTECODE": "1", "NO_MKDOCS_2_WARNING": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mkdocs", "serve", "--livereload", "-a", f"127.0.0.1:{port}"],
        cwd=copy,
        env=os.environ | variables | {"SITE_URL": address},
        stdout=log,
        stderr=subprocess.STDOUT,
    )

    def fetch(path: str) -> str | bytes:
        try:
            with urllib.request.urlopen(address + path, timeout=300) as answer:
                return answer.read() if path.endswith(".pdf") else answer.read().decode()
        except urllib.error.HTTPError as error:  # not there yet: it follows the pages
            return error.reason

    fetch.address = address
    try:
        wait_for(lambda: "Serving on" in path.read_text() or process.poll() is not None)
        assert process.poll() is None, path.read_text()
        time.sleep(5)  # the watcher looks at every file once before it can see a change
        yield copy, fetch, path
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def wait_for(condition, seconds: float = 300):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the server did not get there in time"
        time.sleep(0.3)


def rests(log: Path, seconds: float = 5) -> bool:
    """Tell whether no build starts within ten times what the watcher needs, nor any goes on.

    A build that two changes interrupt may end without a word: it is over if a minute brings none.
    """
    before = log.read_text()
    ended = before.count(BUILT) + before.count(STOPPED)
    time.sleep(seconds if before.count("Building documentation") == ended else 12 * seconds)
    return before == log.read_text()


def test_changes_are_seen_without_a_loop(live):
    """A page with its set, a figure and a check change in turn; each is served, and then no build follows.

    The settings are broken in between: the server says so, and goes on with the pages it has.
    """
    copy, fetch, log = live
    part, printed = copy / "docs/q0/d-temperature", (copy / ".cache/print/pdf/q0.pdf").read_bytes()

    replace(part / "index.md", r"^## Hints", "Seen at once.\n\n## Hints")
    wait_for(lambda: "Seen at once." in fetch("q0/d-temperature/"))
    wait_for(lambda: "Seen at once." in fetch("q0/d-temperature/index.html.md"))  # after the page
    wait_for(lambda: (copy / ".cache/print/pdf/q0.pdf").read_bytes() != printed)  # after the page
    wait_for(lambda: fetch("pdf/q0.pdf") == (copy / ".cache/print/pdf/q0.pdf").read_bytes())
    replace(part / "figures.py", r'(?<=flat\(canvas\):\n)    """', '    """Seen in the figure. ')
    wait_for(lambda: "Seen in the figure." in fetch("q0/d-temperature/"))
    replace(part / "checks.py", r'(?<=odds\(evidence\):\n)    """', '    """Seen in the check. ')
    wait_for(lambda: "Seen in the check." in fetch("q0/d-temperature/checks/"))
    wait_for(lambda: PRINTED.search(log.read_text()))  # how long they are the next build shows
    exam = copy / "docs/exam.yml"
    good = exam.read_text()
    exam.write_text(good + "questions: [\n")
    wait_for(lambda: STOPPED in log.read_text())
    assert "docs/exam.yml:" in log.read_text() and "Traceback" not in log.read_text()
    assert "Seen in the check." in fetch("q0/d-temperature/checks/")
    exam.write_text(good)
    # A file that is caught half written is built twice; a build that changes a file it watches never rests.
    wait_for(lambda: rests(log))
    assert_as_built_anew(copy, fetch)


def assert_as_built_anew(copy, fetch):
    """The pages that the server shows are those of a build that keeps no page and trusts no stamp.

    But for what a set has printed, which the server says at the next change.
    """
    shutil.rmtree(copy / ".cache/joblib/pages")
    for stamp in (copy / ".cache").rglob("*.stamp"):
        stamp.unlink()
    run = build(copy, {"SITE_URL": fetch.address})
    assert run.returncode == 0, run.stderr
    other = re.compile(r"<script>[^<]*livereload.*?</script>|\d+\xa0pages?, [\d.]+\xa0[kM]B", re.DOTALL)
    pages = [path.parent.relative_to(copy / "site").as_posix() for path in copy.glob("site/**/index.html")]
    for page in ["" if path == "." else f"{path}/" for path in pages]:
        shown = other.sub("", fetch(page))
        built = other.sub("", (copy / "site" / page / "index.html").read_text())
        assert shown.strip() == built.strip(), page
    more = ("ledger.json", "search/*", "assets/print/*.js", "**/index.html.md")
    for path in (path for pattern in more for path in copy.glob(f"site/{pattern}")):
        assert fetch(path.relative_to(copy / "site").as_posix()) == path.read_text(), path
