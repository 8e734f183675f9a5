"""Render the pages that changed: the Markdown of the others, and their labs, are kept with their HTML."""

import logging
from collections.abc import Callable
from pathlib import Path

from mkdocs.structure.pages import Page
from paper.parts import REQUIREMENTS, ROOT, digest
from paper.sources import Sources

from pages.kept import per_page


class Heard(logging.Handler):
    """Hears whether MkDocs warns of anything."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.anything = False

    def emit(self, record):
        self.anything = True


class Warned(Exception):
    """Carries what a page was rendered to with a warning, which must be heard at every build."""

    def __init__(self, made: dict):
        self.made = made


def listing(files) -> str:
    """Return the digest of what links may lead to: the files of the site with their addresses."""
    return digest(text="\n".join(sorted(f"{file.src_uri} {file.url} {file.inclusion}" for file in files)))


def render(page: Page, files: str, work: Callable[[], None]):
    """Let `work` render a page, or recall what it made of the same page; `files` is their listing."""
    path = Path(page.file.abs_src_path)
    try:
        made = changes(f"{page.file.src_uri} {files} {sources(path)} {page.markdown}", (page, work))
    except Warned as warned:
        made = warned.made
    vars(page).update(made)


def sources(path: Path) -> str:
    """Return the digest of the files that the HTML of a page comes from, but for the page itself.

    A page may include others; a lab imports what lies beside it, and reads results.
    """
    beside = [*sorted(path.parent.glob("*.py")), *sorted(path.parent.rglob("*.json"))]
    read = beside if path.suffix == ".py" else included(path)
    return digest(ROOT / "mkdocs.yml", REQUIREMENTS, *read)


def included(path: Path) -> list[Path]:
    """Return the files that a page includes, and those that these include."""
    direct = [other for other in Sources(path).texts if other != path]
    return [*direct, *(inner for other in direct for inner in included(other))]


@per_page
def changes(key: str, page: tuple[Page, Callable[[], None]]) -> dict:
    """Render a page; return what that set of its attributes. Raises Warned if MkDocs warns."""
    (page, work), heard, logger = page, Heard(), logging.getLogger("mkdocs")
    before = dict(vars(page))
    logger.addHandler(heard)
    try:
        work()
    finally:
        logger.removeHandler(heard)
    # What links to anchors lead to is the link checker's business, and holds the files of the whole site.
    page.links_to_anchors = None
    made = {name: value for name, value in vars(page).items() if before.get(name, page) is not value}
    if heard.anything:
        raise Warned(made)
    return made
