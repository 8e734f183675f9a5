"""Build the site from start to end, under strict rules, and say what was done."""

import json
import logging
import os
import re
import resource
import shutil
import sys
import time
from pathlib import Path

os.environ["NO_MKDOCS_2_WARNING"] = "1"  # an advertisement, not a warning about this site

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort, MkDocsException
from paper import jobs, settings
from paper.parts import CACHE, DOCS, ROOT, SCRIPTS, digest, where

from pages.links import broken_links

SITE, STAGING, RECORD = ROOT / "site", CACHE / "site", CACHE / "build.json"
READ = "The site is in site/. Read it with ./scripts/serve, or: python3 -m http.server -d site"
URLS = ROOT / "tests" / "urls.txt"

NAMED = re.compile(r"#([\w-]+)|([\w-]+)\.(?:svg|png|jpg|md)\b|'([\w-]+)'")  # an anchor, a file, a name


class Report(logging.Handler):
    """Shows the progress of a build and collects its warnings."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.start, self.warnings, self.summary = time.monotonic(), [], []

    def emit(self, record):
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            self.warnings += [line for line in [message] if line not in self.warnings]
        elif record.name == "mkdocs.full-marks":
            self.step(message)

    def step(self, message: str):
        """Show one finished step with the time since the start."""
        self.summary.append(message)
        print(f"{time.monotonic() - self.start:6.1f} s  {message}", flush=True)


def files(folder: Path) -> list[Path]:
    """Return the files below a folder that a build reads or makes, in a fixed order."""
    ignored = {"node_modules", "__pycache__"}
    return sorted(p for p in folder.rglob("*") if p.is_file() and not ignored & set(p.parts))


def inputs() -> str:
    """Return the digest of everything the site is made from."""
    own = [ROOT / "mkdocs.yml", ROOT / "requirements.txt", *files(DOCS), *files(SCRIPTS)]
    names = "\n".join(str(path.relative_to(ROOT)) for path in own)
    return digest(*own) + names + os.environ.get("SITE_URL", "")


def reusable() -> dict | None:
    """Return the record of the last build if nothing it read or made has changed since."""
    if not RECORD.is_file() or not SITE.is_dir():
        return None
    record = json.loads(RECORD.read_text())
    same = record["inputs"] == inputs() and record["site"] == digest(*files(SITE))
    return record if same else None


def make(report: Report, only: str = "") -> list[str]:
    """Build the pages into the staging folder and check their links; return all problems.

    With `only`, a part such as `q2/d-my-part`, what concerns other parts alone may be older.
    """
    shutil.rmtree(STAGING, ignore_errors=True)
    if broken := settings.problems():
        return broken
    try:
        config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(STAGING))
        config.extra["only"] = only
        config.plugins.on_startup(command="build", dirty=False)
        build(config)
        config.plugins.on_shutdown()
    except (Abort, MkDocsException) as error:
        return [*report.warnings, str(error)]
    pages = [path for path in files(STAGING) if path.name == "index.html"]
    report.step(f"{len(pages)} pages built")
    sound = not report.warnings  # of other pages nothing is printed, and links to PDF files are not broken
    broken = broken_links(STAGING, config.site_url, skip="" if sound else "/pdf/")
    report.step(f"links, anchors and assets checked: {len(broken)} broken")
    return distinct(report.warnings + broken + lost_addresses())


def addresses() -> list[str]:
    """Return the addresses of all pages in the staging folder, each with its slashes."""
    pages = [path.parent.relative_to(STAGING) for path in files(STAGING) if path.name == "index.html"]
    return sorted(f"/{page.as_posix()}/".replace("/./", "/") for page in pages)


def lost_addresses() -> list[str]:
    """Return a problem for each address that was published and that no page has any more."""
    built = set(addresses())
    said = "no page has this published address; if it never was public, delete the line"
    published = enumerate(URLS.read_text().split(), 1)
    return [f"{where(URLS, number)}: {url}: {said}" for number, url in published if url not in built]


def publish():
    """Put the staged pages in place of the last ones, and list their addresses, to be kept for good."""
    shutil.rmtree(SITE, ignore_errors=True)
    URLS.write_text("\n".join(addresses()) + "\n")
    STAGING.rename(SITE)


def distinct(problems: list[str]) -> list[str]:
    """Return the problems: one for what is said of several lines of a file, or twice of the same line.

    A check that fails because of another problem ends with it, and is none of its own.
    """
    lines, known = {}, set()
    for problem in (one for one in problems if not any(one.endswith(f" {other}") for other in problems)):
        place, _, said = problem.partition(": ")
        file, _, line = place.partition(":")
        names = {(place, "".join(name).removeprefix("check-")) for name in NAMED.findall(said)}
        if not line or not names & known:
            lines.setdefault((file, said), []).append(line)
            known |= names
    return [
        f"{file}{f':{first}' * bool(first)}: {said}" + f" (also in line {', '.join(more)})" * bool(more)
        for (file, said), (first, *more) in lines.items()
    ]


def logged() -> Report:
    """Return a report that hears what MkDocs and the hooks log."""
    report = Report()
    logger = logging.getLogger("mkdocs")
    logger.setLevel(logging.INFO)
    logger.addHandler(report)
    return report


def main() -> int:
    """Build the site; leave the last good one in place if anything is wrong."""
    report = logged()
    record = reusable()
    if record:
        print("Nothing changed; reused the site as built:", *record["summary"], sep="\n  ")
        return finish(report, [])
    read = inputs()  # before the build: what changes while it runs is not in it
    problems = make(report)
    if not problems:
        publish()
        done = {"inputs": read, "site": digest(*files(SITE)), "summary": report.summary}
        RECORD.write_text(json.dumps(done))
        jobs.prune()
    return finish(report, problems)


def finish(report: Report, problems: list[str], then: str = READ) -> int:
    """Print the closing summary, and what to do `then`; return the exit code."""
    seconds = time.monotonic() - report.start
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    peak = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, children) / 1024
    if problems:
        print(
            f"\n{len(problems)} problem{'s' * (len(problems) > 1)}:", *problems, sep="\n  ", file=sys.stderr
        )
        print(f"The site was not built ({seconds:.1f} s).", file=sys.stderr)
        return 1
    print(f"{len(problems)} warnings, {seconds:.1f} s, peak memory {peak:.0f} MB for the largest process")
    print(then)
    return 0


if __name__ == "__main__":
    sys.exit(main())
