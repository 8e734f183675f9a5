"""Check every link, anchor and asset of the built pages, offline."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from paper.parts import DOCS, where
from paper.sources import Sources

LYCHEE = Path(sys.executable).parent / "lychee"


def broken_links(site: Path, site_url: str, skip: str = "") -> list[str]:
    """Return a message for every link of the HTML files below `site` that leads nowhere.

    Addresses that contain `skip` are not judged.
    """
    site, base = site.resolve(), urlsplit(site_url).path
    run = subprocess.run(
        [LYCHEE, "--offline", "--include-fragments=full", "--index-files", "index.html",
         "--root-dir", site, "--remap", f"file://{site}{base.rstrip('/')}(/|$) file://{site}/",
         *(["--exclude", skip] if skip else []), "--format", "json", "--no-progress", f"{site}/**/*.html"],
        capture_output=True, text=True,
    )  # fmt: skip
    if run.returncode not in (0, 2):  # 2: broken links were found
        raise RuntimeError(f"the link checker did not run: {run.stderr.strip()}")
    report = json.loads(run.stdout)
    if not report["total"]:
        raise RuntimeError(f"the link checker found no link below {site}")
    return sorted(
        {message(site, Path(page), error) for page, errors in report["error_map"].items() for error in errors}
    )


def message(site: Path, page: Path, error: dict) -> str:
    """Return `file:line: broken link …` for one error, with the place in the page's source."""
    url = unquote(error["url"]).replace(f"file://{site}/", "")
    name = urlsplit(url).fragment or Path(urlsplit(url).path).name
    source = source_of(page.relative_to(site))
    place = Sources(source).locate(name, again=True) if source else where(page)
    return f"{place}: broken link to {url}: {error['status']['text']}"


def source_of(page: Path) -> Path | None:
    """Return the file in `docs` that the built page (a path below the site) was made from."""
    folder = page.parent
    candidates = (DOCS / folder / "index.md", DOCS / f"{folder}.md", DOCS / f"{folder}.py")
    return next((path for path in candidates if path.is_file()), None)
