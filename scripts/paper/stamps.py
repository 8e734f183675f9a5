"""Stamps beside what was made of a part: they tell, without a run, whether its sources are still the same."""

import json
from pathlib import Path

from paper.parts import DOCS, Part, digest


def stamp(folder: Path, part: Part) -> Path:
    """Return the file of the stamp of a part in a folder of made things."""
    return folder / f"{part.id}.stamp"


def put(folder: Path, part: Part, sources: str, read: dict[str, str] | None):
    """Note the digest of the sources of a part, and those of what else was read; None after a failure."""
    path = stamp(folder, part)
    if read is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(json.dumps({"sources": sources, "read": read}))


def fresh(folder: Path, part: Part, sources: str) -> bool:
    """Tell whether what stands in a folder was made of these sources, and of files that are as they were."""
    path = stamp(folder, part)
    known = json.loads(path.read_text()) if path.is_file() else {"sources": ""}
    return known["sources"] == sources and all(digest(DOCS / n) == seen for n, seen in known["read"].items())
