"""Where the parts of the exam live, and what their results depend on."""

import hashlib
import importlib
import re
import sys
import types
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CACHE = ROOT / ".cache"
SCRIPTS = ROOT / "scripts"
REQUIREMENTS = ROOT / "requirements.txt"


@dataclass(frozen=True)
class Part:
    """One sub-part of the exam: a folder `docs/qN/x-slug` with its page, figures and checks."""

    folder: Path

    @cached_property
    def id(self) -> str:
        """The folder below `docs`, which is also the address: `q2/a-human-aware-losses`."""
        return self.folder.relative_to(DOCS).as_posix()

    @cached_property
    def number(self) -> str:
        """The number as printed in the exam: `2(a)`."""
        question, letter = re.match(r"q(\d+)/([a-z])-", self.id).groups()
        return f"{question}({letter})"

    @property
    def prefix(self) -> str:
        """The prefix of numbered equations, theorems and figures: `2a`."""
        return re.sub(r"[()]", "", self.number)

    @property
    def page(self) -> Path:
        return self.folder / "index.md"

    def file(self, name: str) -> Path:
        return self.folder / name

    def load(self, name: str) -> types.ModuleType:
        """Import `name.py` of the folder so that its relative imports work: `.model` and `..shared`.

        Each part imports the modules of its question's folder anew, so that what it reads is seen.
        """
        question = types.ModuleType("part_" + re.sub(r"\W", "_", self.id))
        question.__path__ = [str(self.folder.parent)]
        sys.modules[question.__name__] = question
        return importlib.import_module(f"{question.__name__}.{self.folder.name}.{name}")


def discover(*folders: str | Path) -> list[Part]:
    """Return the parts in the given folders, or all parts, in the order of the exam."""
    roots = [Path(folder).resolve() for folder in folders] or sorted(DOCS.glob("q*/[a-z]-*"))
    return [Part(root) for root in roots if (root / "index.md").is_file()]


def chosen(address: str) -> Part:
    """Return the part with a page, folder or address; raises LookupError with the pages there are."""
    parts = {part.id: part for part in discover()}
    found = re.search(r"(?:^|/)(q\d+/[a-z]-[\w-]+)", address)
    if not found or found[1] not in parts:
        pages = "\n  ".join(where(part.page) for part in parts.values())
        raise LookupError(f"{address}: no such page; the pages are\n  {pages}")
    return parts[found[1]]


def digest(*paths: Path, text: str = "") -> str:
    """Return a digest of a text and of the contents of the files that exist among `paths`.

    Windows line ends count as plain ones: a checkout that has them is the same text.
    """
    state = hashlib.sha256(text.encode())
    for path in paths:
        if path.is_file():
            content = path.read_bytes().replace(b"\r\n", b"\n")
            state.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return state.hexdigest()


def where(path: Path, line: int | None = None) -> str:
    """Return `docs/q2/….md:12`, the place to which an error message leads."""
    path = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return f"{path}:{line}" if line else str(path)
