"""Run the checks beside the pages and read their evidence."""

import ast
import json
import os
import platform
import re
import sys
from pathlib import Path

import joblib
from maths.equations import PARSER, displays
from maths.tokens import MACROS_FILE
from paper.parts import CACHE, DOCS, REQUIREMENTS, SCRIPTS, Part, digest, discover, where

from checking.junit import ChecksFailed, pytest

OUTPUT = CACHE / "checks"
HINT = "it is renewed by ./scripts/check"
memory = joblib.Memory(CACHE / "joblib", verbose=0)


def sources(part: Part) -> str:
    """Return the digest of what the evidence of the part depends on, whatever the layout of the code."""
    code = sorted(path for path in part.folder.glob("*.py") if path.name != "figures.py")
    tools = [SCRIPTS / f"{name}.py" for name in ("checking/comparisons", "checking/evidence", *PARSER)]
    parsed = [meaning(path) for path in [*code, *tools]] + displays(part.page)
    return digest(part.file("results.json"), MACROS_FILE, text="\n".join(parsed))


def meaning(path: Path) -> str:
    """Return Python code without comments and layout, or as it stands if it does not parse."""
    text = path.read_text()
    try:
        return ast.unparse(ast.parse(text))
    except SyntaxError:
        return text


@memory.cache
def fast(part_id: str, key: str) -> list[dict]:
    """Run the checks that need only the site's own requirements; `key` digests their sources."""
    return pytest(Part(DOCS / part_id), "not library")


def fast_key(part: Part) -> str:
    """Return the key under which the fast checks of the part are cached."""
    return sources(part) + digest(part.page, REQUIREMENTS, Path(__file__)) + platform.python_version()


def functions(part: Part) -> dict[str, tuple[int, bool, str]]:
    """Return name → (line, is it a library check?, source) of the checks in the part's file."""
    path = part.file("checks.py")
    code = path.read_text()
    tests = (node for node in ast.parse(code, path).body if isinstance(node, ast.FunctionDef))
    return {
        node.name: (
            node.lineno,
            any("mark.library" in ast.unparse(decorator) for decorator in node.decorator_list),
            ast.get_source_segment(code, node),
        )
        for node in tests if node.name.startswith("test_")
    }  # fmt: skip


def recorded(part: Part) -> list[dict]:
    """Return the committed records of the library checks.

    Raises ChecksFailed for a check that has no record, or whose code has changed since.
    """
    names = {name: line for name, (line, library, _) in functions(part).items() if library}
    if not names:
        return []
    path = part.file("library.json")
    record = json.loads(path.read_text()) if path.is_file() else {"digest": None, "checks": []}
    found = {check["name"] for check in record["checks"]}
    missing = [name for name in names if name not in found]
    stale = bool(found) and record["digest"] != sources(part)
    if missing or stale:
        what = "the evidence in library.json is stale" if stale else "no evidence in library.json"
        which = f"{where(part.file('checks.py'), names[missing[0]] if missing else min(names.values()))}"
        raise ChecksFailed([f"{which}: {', '.join(missing or names)}: {what}; {HINT} docs/{part.id}"])
    return [check for check in record["checks"] if check["name"] in names]


def renew(part: Part) -> list[dict]:
    """Run the library checks; where the committed record is stale, replace it (never in CI)."""
    records = pytest(part, "library")
    path = part.file("library.json")
    stale = not path.is_file() or json.loads(path.read_text())["digest"] != sources(part)
    if records and stale and not os.environ.get("CI"):
        kept = [{key: value for key, value in r.items() if key != "seconds"} for r in records]
        content = {"digest": sources(part), "checks": kept}
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return records


def evidence(part: Part) -> tuple[list[dict], list[str]]:
    """Return the records of all checks of a part, in the order of the file, and the errors."""
    if not part.file("checks.py").is_file():
        return [], []
    try:
        code = functions(part)
    except SyntaxError as error:
        place = where(part.file("checks.py"), error.lineno)
        return unread(part), [f"{place}: SyntaxError: {error.msg}"]
    records, errors = {}, []
    reused = fast.check_call_in_cache(part.id, fast_key(part))
    for run in (lambda: fast(part.id, fast_key(part)), lambda: recorded(part)):
        try:
            found = run()
        except ChecksFailed as failed:
            # Until the fast checks pass, the code may change, and with it whether a record is stale.
            found, errors = failed.records, errors or failed.messages
        records |= {record["name"]: record for record in found}
    return [
        not_run(part, name, line) | records.get(name, {}) | {"code": source, "reused": reused or library}
        for name, (line, library, source) in code.items()
    ], errors


def unread(part: Part) -> list[dict]:
    """Return records, without evidence, of the checks in a file that Python cannot read."""
    lines = enumerate(part.file("checks.py").read_text().splitlines(), 1)
    named = ((number, re.search(r"\bdef (test_\w+)", line)) for number, line in lines)
    return [not_run(part, found[1], line) | {"code": "", "reused": False} for line, found in named if found]


def not_run(part: Part, name: str, line: int) -> dict:
    """Return the record of a check that has no evidence yet."""
    return {
        "name": name, "claim": name, "place": where(part.file("checks.py"), line),
        "evidence": [], "libraries": {}, "seconds": 0.0, "state": "not run", "failure": "",
    }  # fmt: skip


def main(*arguments: str) -> int:
    """Run the checks of the given folders (default: all); with --library, the library checks."""
    library, failures = "--library" in arguments, []
    for part in discover(*(a for a in arguments if not a.startswith("--"))):
        if library:
            try:
                records, errors = renew(part), []
            except ChecksFailed as error:
                records, errors = error.records, error.messages
        else:
            records, errors = evidence(part)
            path = OUTPUT / f"{part.id}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(records))
        failures += errors
        for record in records:
            reused = record.get("reused") and record["state"] == "passed"
            state = "reused" if reused else record["state"]
            print(f"{state}  {part.id}  {record['name']}  {record['seconds']:.2f} s")
    print(*failures, sep="\n", end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
