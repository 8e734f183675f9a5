"""Formulas as Typst mathematics and as spoken words, for the printed sets."""

import json
import subprocess

from paper.parts import CACHE, SCRIPTS, digest

from maths.tokens import MACROS_FILE
from maths.typeset import NODE

SCRIPT = SCRIPTS / "node" / "print.mjs"
STORE = CACHE / "print" / "formulas.json"


def printed(formulas: list[tuple[str, bool]]) -> list[dict]:
    """Return for pairs (TeX, is it displayed?) `{"typst", "speech"}`, or `{"error"}`; new ones are converted.

    KaTeX parses the formula as for the web pages; Speech Rule Engine puts it into words.
    """
    key = digest(SCRIPT, SCRIPTS / "node" / "package-lock.json", MACROS_FILE)
    store = json.loads(STORE.read_text()) if STORE.is_file() else {}
    known = store.get("formulas", {}) if store.get("key") == key else {}
    names = [f"{display} {tex}" for tex, display in formulas]
    new = {name: pair for name, pair in zip(names, formulas) if name not in known}
    if new:
        known |= dict(zip(new, convert(list(new.values())), strict=True))
        STORE.parent.mkdir(parents=True, exist_ok=True)
        STORE.write_text(
            json.dumps({"key": key, "formulas": {name: known[name] for name in sorted(set(names))}})
        )
    return [known[name] for name in names]


def convert(formulas: list[tuple[str, bool]]) -> list[dict]:
    """Convert formulas in one run of Node."""
    request = {
        "macros": json.loads(MACROS_FILE.read_text()),
        "formulas": [{"tex": tex, "display": display} for tex, display in formulas],
    }
    run = subprocess.run([NODE, str(SCRIPT)], input=json.dumps(request), capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"the formulas were not converted: {run.stderr.strip()}")
    return json.loads(run.stdout)
