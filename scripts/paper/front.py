"""The front matter and the title of a page: what other pages show of it."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import yaml
from mkdocs.utils.meta import YAML_RE

TEX = re.compile(r"\$(?!\d)|\\[A-Za-z]")
KEYS = {
    "marks": (int | float, 0, "a number of marks: `marks: 2`"),
    "tags": (list, (), "a list of topics: `tags: [Alignment]`"),
    "description": (str, "", "a sentence: `description: A worked, checked solution.`"),
}


def is_part(path: Path) -> bool:
    """Tell whether a page is that of a part of a question."""
    return path.name == "index.md" and bool(re.match("[a-z]-", path.parent.name))


def given(text: str) -> dict:
    """Return the front matter of a page; raises yaml.YAMLError."""
    match = YAML_RE.match(text)
    found = parsed(match[1]) if match else {}
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=500)
def parsed(text: str):
    """Return YAML as data, which nobody changes: a build asks for each page many times."""
    return yaml.safe_load(text)


def meta(text: str) -> dict:
    """Return the front matter of a part's page, with a value of its kind for each key, whatever is given."""
    try:
        found = given(text)
    except yaml.YAMLError:
        found = {}
    sound = {key: found[key] if fits(found.get(key), key) else empty for key, (_, empty, _) in KEYS.items()}
    return {key: value for key, value in found.items() if key != "title"} | sound


def fits(value, key: str) -> bool:
    """Tell whether a value is of the kind that a key has, and is not empty."""
    return isinstance(value, KEYS[key][0]) and not isinstance(value, bool) and bool(value)


@lru_cache(maxsize=500)
def title(text: str) -> tuple[int, str]:
    """Return the line of the title of a page, and the title; a build asks for each many times."""
    lines = enumerate(text.splitlines(), 1)
    return next(((number, line[2:].strip()) for number, line in lines if line.startswith("# ")), (1, ""))


def plain(text: str) -> str:
    """Return a title without the signs of formulas, which the pages that show it do not typeset."""
    return re.sub(r"\$(?!\d)|[\\{}]", "", text)


def problems(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Yield line and message for what is wrong in the front matter of a part's page."""
    if not is_part(path):
        return
    try:
        found = given(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "context_mark", None) or getattr(error, "problem_mark", None)
        yield (mark.line + 2 if mark else 1), f"front matter: {getattr(error, 'problem', error)}"
        return
    lines = {row.partition(":")[0]: number for number, row in reversed([*enumerate(text.splitlines(), 1)])}
    for key, (_, _, wanted) in KEYS.items():
        if not fits(found.get(key), key):
            yield lines.get(key, 1), f"front matter: {key} must be {wanted}"
    if "title" in found:
        yield lines["title"], "front matter: no title; the title of a page is its heading (#)"
    if TEX.search(str(found.get("description", ""))):
        yield lines["description"], "front matter: the description must not contain a formula"
