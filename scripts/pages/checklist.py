"""The list of the checks of a part, which has a page of its own below the page of the part."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from mkdocs.structure.files import File
from mkdocs.structure.nav import Section
from mkdocs.structure.pages import Page
from paper import exam, front
from paper.parts import Part, discover
from paper.rules import CHECKS

from pages import blocks

INTRODUCTION = (
    "Each line is a claim of [the solution](index.md) that a program tests. It opens to what was compared,"
    " what was found and what was required, and to the code."
)


def files(config) -> Iterator[File]:
    """Yield the page of the checks of each part; its source is the file with their code."""
    for source in (part.file("checks.py") for part in discover()):
        if source.is_file():
            address = f"{Part(source.parent).id}/{CHECKS.rstrip('/')}.md"
            yield File.generated(config, address, abs_src_path=str(source))


def part_of(page: Page) -> Part | None:
    """Return the part whose checks a page lists, or None."""
    path = Path(page.file.abs_src_path)
    return Part(path.parent) if path.name == "checks.py" else None


def written(part: Part) -> tuple[str, dict]:
    """Return the page of the checks of a part before its list is there: its Markdown and its meta data."""
    entry, (_, title) = exam.solved(part), front.title(part.page.read_text())
    about = f"What each check of the solution of {entry.number} {entry.title} claims, compares and runs."
    return f"# Checks of {title}\n\n{INTRODUCTION}\n", {"description": about}


def shown_alone(item: Section):
    """Return the page of a part in place of its folder; that of its checks goes below it."""
    lists = [page for page in item.children if isinstance(page, Page) and part_of(page)]
    others = [child for child in item.children if child not in lists]
    if len(others) != 1:
        return item
    for page in lists:
        page.parent, page.previous_page, page.next_page = others[0], None, None
    return others[0]


def move(sheet, own):
    """Move the list of the checks from the sheet of a part to its `own`, and let what led to it lead there.

    What the sets of the reader print, `whole`, keeps it.
    """
    tree = sheet.article.tree
    for link in tree.xpath('.//a[starts-with(@href, "#check-")]'):
        link.set("href", CHECKS + link.get("href"))
    sheet.whole = sheet.article.html()
    if own:
        block, *_ = tree.find_class("checks")
        block.getparent().replace(block, blocks.checks_link(exam.checks(sheet.part)))
        for link in block.iter("a"):
            if not urlsplit(link.get("href")).scheme:
                link.set("href", f"../{link.get('href')}")
        own.article.tree.append(block)
