"""The live server: a change to a page, a figure or a check is seen, once, without a restart."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from test_faults import replace


@pytest.fixture
def live(copy):
    """Serve a copy of the project with live reload; gives the copy and a function to fetch a page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (copy.parent / "serve.log").open("w+")
    variables = {"PYTHONPATH": "scripts", "PYTHONDONTWRITEBYTECODE": "1", "NO_MKDOCS_2_WARNING": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mkdocs", "serve", "--livereload", "-a", f"127.0.0.1:{port}"],
        cwd=copy,
        env=os.environ | variables | {"SITE_URL": f"http://127.0.0.1:{port}/"},
        stdout=log,
        stderr=subprocess.STDOUT,
    )

    def fetch(path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30) as answer:
            return answer.read().decode()

    def builds() -> int:
        log.flush()
        return (copy.parent / "serve.log").read_text().count("Documentation built")

    wait_for(lambda: builds() == 1)
    wait_for(lambda: "Serving on" in (copy.parent / "serve.log").read_text())
    time.sleep(5)  # the watcher looks at every file once before it can see a change
    yield copy, fetch, builds
    process.terminate()
    process.wait(timeout=30)


def wait_for(condition, seconds: float = 120):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the server did not get there in time"
        time.sleep(0.3)


def test_changes_are_seen_without_a_loop(live):
    """A page, a figure and a check are changed in turn; each change is served after one more build."""
    copy, fetch, builds = live
    part = copy / "docs/q0/d-temperature"

    replace(part / "index.md", r"^## Hints", "Seen at once.\n\n## Hints")
    wait_for(lambda: "Seen at once." in fetch("q0/d-temperature/"))
    replace(part / "figures.py", r'(?<=flat\(canvas\):\n)    """', '    """Seen in the figure. ')
    wait_for(lambda: "Seen in the figure." in fetch("q0/d-temperature/"))
    replace(part / "checks.py", r'(?<=odds\(evidence\):\n)    """', '    """Seen in the check. ')
    wait_for(lambda: "Seen in the check." in fetch("q0/d-temperature/"))

    done = builds()
    time.sleep(8)  # a loop would show as builds that nobody asked for
    assert builds() == done <= 6
