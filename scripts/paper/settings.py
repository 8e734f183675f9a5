"""The files that all pages rest on, `docs/exam.yml` and `docs/macros.json`, and what is wrong in them."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from paper.parts import CACHE, DOCS, ROOT, where

PART = {"id": str, "title": str, "marks": (int, float), "tags": [str]}
QUESTION = {"id": str, "title": str, "marks": (int, float), "parts": [PART]}
EXAM = {
    "course": str,
    "institution": str,
    "semester": str,
    "marks": int,
    "minutes": int,
    "questions": [QUESTION],
}
WORDS = {str: "a text", int: "a number", (int, float): "a number"}

# What runs for a build sees none of the machine's habits: its time zone, language, cores and settings.
# With several threads a library may add numbers in another order, and the last digit differs.
SAME = {
    "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MPLCONFIGDIR": str(CACHE / "matplotlib"),
    "IPYTHONDIR": str(CACHE / "ipython"), "JUPYTER_CONFIG_DIR": str(CACHE / "jupyter"),
}  # fmt: skip


def released() -> datetime.date:
    """Return the date of the release, which stands for the date of the build wherever one is written."""
    return yaml.safe_load((ROOT / "CITATION.cff").read_text())["date-released"]


def problems() -> list[str]:
    """Return what is wrong in the settings, each with its line."""
    exam, macros = DOCS / "exam.yml", DOCS / "macros.json"
    found = [(exam, *problem) for problem in exam_problems(exam)]
    try:
        json.loads(macros.read_text())
    except json.JSONDecodeError as error:
        found.append((macros, error.lineno, error.msg))
    return [f"{where(path, line)}: {message}" for path, line, message in found]


def exam_problems(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and message for what is not YAML, missing or of another kind in the paper as data."""
    try:
        node, data = yaml.compose(path.read_text()), yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        mark = getattr(error, "context_mark", None) or getattr(error, "problem_mark", None)
        yield (mark.line + 1 if mark else 1), f"not YAML: {getattr(error, 'problem', error)}"
        return
    yield from misfits(node, data, EXAM, "the paper")


def misfits(node: yaml.Node, data, shape, what: str) -> Iterator[tuple[int, str]]:
    """Yield line and message where `data`, read from `node`, does not have the given shape."""
    line = node.start_mark.line + 1 if node else 1
    kind = type(shape) if isinstance(shape, dict | list) else shape
    if not isinstance(data, kind) or isinstance(data, bool):
        wanted = {dict: "a mapping", list: "a list"}.get(kind) or WORDS[kind]
        yield line, f"{what} must be {wanted}, not {data!r}"
    elif isinstance(shape, dict):
        nodes = {key.value: value for key, value in node.value}
        for key in [key for key in shape if key not in data]:
            yield line, f"{what} has no {key}"
        for key in [key for key in shape if key in data]:
            yield from misfits(nodes[key], data[key], shape[key], f"{key} of {what}")
    elif isinstance(shape, list):
        for inner, item in zip(node.value, data):
            name = item.get("id") if isinstance(item, dict) else None
            yield from misfits(inner, item, shape[0], f"an item of {what}" if name is None else repr(name))
