"""Measure the workshop: builds of the parts there are, and of more that are copied from them."""

import argparse
import gzip
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from paper.parts import discover

from pages import copies

SIZES = (20, 60)
# The records of the library checks fit the code of the originals; a copy has its own digest.
RENEW = """
import json
from checking.checks import committed
from checking.uses import key, labels
from paper.parts import discover
for part in discover():
    records = committed(part)
    for name, record in records.items():
        record["digest"] = key(part, name, labels(record))
    if records:
        part.file("library.json").write_text(json.dumps({"checks": [*records.values()]}))
"""
HEAD = f"{'parts':>5}  {'build':18}{'seconds':>9}{'processor':>11}{'memory':>9}"


def run(project: Path, *command: str) -> tuple[float, float, float]:
    """Run Python in a project; return its seconds, processor seconds and the MB of its largest process."""
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *command], cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(project / "scripts"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    problems = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)  # of the process and of all that it waited for
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"scripts/benchmark: {' '.join(command[:2])} failed\n{problems}")
    return time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def change(project: Path, sentence: str) -> str:
    """Add a sentence to the page of the last part; return the address of the page."""
    path = sorted(project.glob("docs/q*/[a-z]-*/index.md"))[-1]
    path.write_text(path.read_text().replace("## Hints", f"{sentence}\n\n## Hints", 1))
    return f"{path.parent.relative_to(project / 'docs')}/"


@contextmanager
def served(project: Path):
    """Serve a project with live reload; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    process = subprocess.Popen(
        [sys.executable, "-m", "mkdocs", "serve", "--livereload", "-a", f"127.0.0.1:{port}"], cwd=project,
        env=os.environ | {"PYTHONPATH": "scripts", "PYTHONDONTWRITEBYTECODE": "1", "SITE_URL": address},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield address
    finally:
        process.terminate()
        process.wait()


def until(address: str, text: str):
    """Wait until a page is served that holds a text."""
    while True:
        try:
            with urllib.request.urlopen(address, timeout=600) as answer:
                if text in answer.read().decode():
                    return
        except OSError:
            pass  # it is not served yet
        time.sleep(0.1)


def live(project: Path) -> list[float]:
    """Return after how many seconds the live server shows a first and a second change of a page."""
    with served(project) as address:
        until(address, "</html>")
        time.sleep(10)  # the watcher looks at every file once before it can see a change
        seen = []
        for sentence in ("Seen once.", "Seen twice."):
            start = time.monotonic()
            until(address + change(project, sentence), sentence)
            seen.append(time.monotonic() - start)
            time.sleep(5)
    return seen


def measure(number: int, serve: bool):
    """Print the rows of the table for a number of parts."""
    with tempfile.TemporaryDirectory() as folder:
        project = copies.copy_of_project(Path(folder) / "project")
        copies.grow(project, number)
        run(project, "-c", RENEW)
        for name in ("clean", "one page changed", "nothing changed"):
            if name == "one page changed":
                change(project, "One more sentence.")
            seconds, processor, memory = run(project, "-m", "pages.build")
            print(f"{number:5}  {name:18}{seconds:7.1f} s{processor:9.1f} s{memory:6.0f} MB", flush=True)
        print(f"{number:5}  {sizes(project / 'site')}", flush=True)
        if serve:
            first, later = live(project)
            print(
                f"{number:5}  live: a changed page is seen after {first:.1f} s, then {later:.1f} s",
                flush=True,
            )


def sizes(site: Path) -> str:
    """Return how large the site and its largest files are."""
    index = [len(gzip.compress(path.read_bytes(), mtime=0)) for path in (site / "search").iterdir()]
    whole = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    pdf = (site / "pdf/solutions.pdf").stat().st_size
    return (
        f"site {whole / 1e6:.0f} MB, solutions.pdf {pdf / 1e6:.1f} MB, "
        f"search {sum(index) / 1e3:.0f} kB as it is sent, in {len(index)} files"
    )


def main():
    """Print the measurements for each number of parts."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description=__doc__)
    parser.add_argument("parts", type=int, nargs="*", help=f"how many (default: those there are, {SIZES})")
    parser.add_argument("--live", action="store_true", help="measure the live server too")
    given = parser.parse_args()
    least = len(discover())
    if given.parts and min(given.parts) < least:
        parser.error(f"there are {least} parts already")
    print(HEAD)
    for number in given.parts or (least, *SIZES):
        measure(number, given.live)


if __name__ == "__main__":
    main()
