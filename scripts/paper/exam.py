"""The exam as data: its questions and parts, joined with the pages that solve them."""

import json
from dataclasses import dataclass
from functools import cached_property

from paper import front
from paper.parts import CACHE, DOCS, Part, discover

MINUTES_PER_MARK = 2.4


@dataclass(frozen=True)
class Entry:
    """One part as the entrance shows it: from its page where it is solved, else from the paper."""

    number: str
    title: str
    marks: float
    tags: tuple[str, ...]
    part: Part | None = None
    description: str = ""

    @property
    def minutes(self) -> int:
        return round(self.marks * MINUTES_PER_MARK)

    @property
    def address(self) -> str | None:
        return f"{self.part.id}/" if self.part else None

    @cached_property
    def checks(self) -> list[dict]:
        return checks(self.part) if self.part else []


@dataclass(frozen=True)
class Question:
    """One question of the paper with its parts."""

    id: str
    title: str
    marks: float
    parts: tuple[Entry, ...]

    @property
    def number(self) -> str:
        return self.id.removeprefix("q")

    @property
    def address(self) -> str | None:
        return f"{self.id}/" if (DOCS / self.id / "index.md").is_file() else None

    @property
    def solved(self) -> list[Entry]:
        return [part for part in self.parts if part.part]


def checks(part: Part) -> list[dict]:
    """Return the records of the part's checks as the last run left them."""
    path = CACHE / "checks" / f"{part.id}.json"
    return json.loads(path.read_text()) if path.is_file() else []


def plain(number: float) -> str:
    """Return a number of marks as printed: `5`, `1.5`."""
    return f"{number:g}"


def solved(part: Part) -> Entry:
    """Return the entry of a part that has a page, from the page itself."""
    text = part.page.read_text()
    meta, title = front.meta(text), front.plain(front.title(text)[1]).removeprefix(part.number).strip()
    return Entry(part.number, title, meta["marks"], tuple(meta["tags"]), part, meta["description"])


def paper() -> dict:
    """Return `docs/exam.yml`, the paper as data."""
    return front.parsed((DOCS / "exam.yml").read_text())


def questions() -> list[Question]:
    """Return all questions; parts with a page of their own beyond the paper come last."""
    pages = {part.number: part for part in discover()}
    result = []
    for question in paper()["questions"]:
        number, entries = question["id"].removeprefix("q"), []
        for given in question["parts"]:
            name = f"{number}({given['id']})"
            page = pages.pop(name, None)
            entries.append(
                solved(page) if page else Entry(name, given["title"], given["marks"], tuple(given["tags"]))
            )
        extra = [name for name, part in pages.items() if part.id.startswith(f"q{number}/")]
        entries += [solved(pages.pop(name)) for name in extra]
        result.append(Question(question["id"], question["title"], question["marks"], tuple(entries)))
    return result


def marks_in_paper(part: Part) -> float | None:
    """Return the marks that the paper gives the part, or None if it is not in the paper."""
    for question in paper()["questions"]:
        for given in question["parts"]:
            if f"{question['id'].removeprefix('q')}({given['id']})" == part.number:
                return given["marks"]
    return None
