"""Run the checks beside the pages and read their evidence."""

import ast
import json
import os
import platform
import sys
from pathlib import Path

import joblib
from maths.equations import PARSER, displays
from maths.tokens import MACROS_FILE
from paper.parts import CACHE, DOCS, REQUIREMENTS, SCRIPTS, Part, digest, discover, where

from checking.junit import ChecksFailed, pytest

OUTPUT = CACHE / "checks"
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
    places = {name: f"{where(part.file('checks.py'), line)}: {name}" for name, line in names.items()}
    hint = "run ./scripts/test, which runs it and renews library.json"
    missing = [f"{places[name]}: no evidence in library.json; {hint}" for name in names if name not in found]
    if found and record["digest"] != sources(part):
        missing = [f"{places[name]}: the evidence in library.json is stale; {hint}" for name in names]
    if missing:
        raise ChecksFailed(missing)
    return [check for check in record["checks"] if check["name"] in names]


def renew(part: Part) -> list[dict]:
    """Run the library checks; where the committed record is stale, replace it (never in CI)."""
    records = pytest(part, "library")
    path = part.file("library.json")
    stale = not path.is_file() or json.loads(path.read_text())["digest"] != sources(part)
    if records and stale and not os.environ.get("CI"):
        path.write_text(
            json.dumps({"digest": sources(part), "checks": records}, indent=1, ensure_ascii=False) + "\n"
        )
    return records


def evidence(part: Part) -> tuple[list[dict], list[str]]:
    """Return the records of all checks of a part, in the order of the file, and the errors."""
    if not part.file("checks.py").is_file():
        return [], []
    try:
        code = functions(part)
    except SyntaxError as error:
        return [], [f"{where(part.file('checks.py'), error.lineno)}: {error.msg}"]
    records, errors = {}, []
    reused = fast.check_call_in_cache(part.id, fast_key(part))
    for run in (lambda: fast(part.id, fast_key(part)), lambda: recorded(part)):
        try:
            found = run()
        except ChecksFailed as failed:
            found, errors = failed.records, errors + failed.messages
        records |= {record["name"]: record for record in found}
    return [
        not_run(part, name, line) | records.get(name, {}) | {"code": source, "reused": reused or library}
        for name, (line, library, source) in code.items()
    ], errors


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
