"""Watch which files of the pages a program reads, beyond what its cache key holds anyway."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from paper.parts import DOCS, Part, digest

READERS = ("maths/equations.py", "paper/markup.py")  # of displays and tables, which every key holds
watchers: list[set[str]] = []


def note(event: str, arguments: tuple):
    """Note a file below the docs folder that is opened; Python calls this at every audit event."""
    if event != "open" or not watchers or isinstance(arguments[0], int) or for_key():
        return
    path = Path(os.path.abspath(os.fsdecode(arguments[0])))
    if path.parent.name == "__pycache__":  # compiled code stands for its source
        path = path.parents[1] / f"{path.name.partition('.')[0]}.py"
    if path.is_relative_to(DOCS):
        for seen in watchers:
            seen.add(path.relative_to(DOCS).as_posix())


def for_key() -> bool:
    """Tell whether the file is opened by a module that finds the equations or the tables of a page."""
    frame = sys._getframe(2)
    while frame and not frame.f_code.co_filename.endswith(READERS):
        frame = frame.f_back
    return frame is not None


@contextmanager
def watched() -> Iterator[set[str]]:
    """Give the set of the files that are read inside the block, as paths below the docs folder."""
    seen = set()
    watchers.append(seen)
    try:
        yield seen
    finally:
        watchers.remove(seen)


def digests(names: Iterable[str], part: Part) -> dict[str, str]:
    """Return the digests of the files that were read, but of the part's own code and results."""
    others = set(names) - {f"{part.id}/{path.name}" for path in part.folder.glob("*.py")}
    return {name: digest(DOCS / name) for name in sorted(others - {f"{part.id}/results.json"})}


sys.addaudithook(note)
