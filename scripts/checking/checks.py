"""Run the checks beside the pages and read their evidence."""

import ast
import json
import os
import platform
import re
import sys

from maths.equations import displays
from maths.tokens import MACROS_FILE
from maths.typeset import TOOLS as TYPESETTER
from paper import stamps
from paper.jobs import Failed, memory, outcomes
from paper.markup import rows
from paper.parts import CACHE, DOCS, REQUIREMENTS, SCRIPTS, Part, digest, discover, where

from checking.junit import pytest
from checking.uses import COMPARISONS, EQUATIONS, key, labels, meaning, tools

OUTPUT = CACHE / "checks"
HINT = "it is renewed by ./scripts/check"
RUNNER = [SCRIPTS / f"checking/{name}.py" for name in ("checks", "junit", "warm", "watch", "uses")]
RUNNER += TYPESETTER


@memory.cache
def fast(part_id: str, key: str) -> tuple[list[dict], dict[str, str]]:
    """Run the checks that need only the site's own requirements; `key` digests their sources.

    Returns their records, and the digests of the files that they read beyond these sources.
    """
    return pytest(Part(DOCS / part_id), "not library")


def fast_key(part: Part) -> str:
    """Return the key of the fast checks: what they run, the equations and tables, not the sentences."""
    code = [path for path in part.folder.glob("*.py") if path.name != "figures.py"]
    parsed = [*map(meaning, [*sorted(code), *tools(COMPARISONS + EQUATIONS)]), *displays(part.page)]
    parsed += map(repr, rows(part.page))
    files = [part.file("results.json"), MACROS_FILE, REQUIREMENTS, *RUNNER]
    return digest(*files, text="\n".join(parsed)) + platform.python_version()


def sources(part: Part) -> str:
    """Return the digest, soon made, of all that the records of a part come from, but for other reads."""
    code = [path for path in sorted(part.folder.glob("*.py")) if path.name != "figures.py"]
    files = [*code, *sorted(part.folder.parent.glob("*.py")), *sorted(part.folder.glob("*.json"))]
    files += [MACROS_FILE, REQUIREMENTS, *RUNNER, *tools(COMPARISONS + EQUATIONS)]
    read = [*displays(part.page), *map(repr, rows(part.page))]
    return digest(*files, text="\n".join([platform.python_version(), *read]))


def made(part: Part) -> int | None:
    """Return how many checks the part has if their records come from its sources as they are, else None."""
    path = OUTPUT / f"{part.id}.json"
    known = path.is_file() and stamps.fresh(OUTPUT, part, sources(part))
    return len(json.loads(path.read_text())) if known else None


def functions(part: Part) -> dict[str, tuple[int, bool, str]]:
    """Return name → (line, is it a library check?, source) of the checks in the part's file."""
    path = part.file("checks.py")
    code = path.read_text() if path.is_file() else ""
    lines, tests = code.split("\n"), (n for n in ast.parse(code, path).body if isinstance(n, ast.FunctionDef))
    return {
        node.name: (
            node.lineno,
            any("mark.library" in ast.unparse(decorator) for decorator in node.decorator_list),
            written(lines, node),
        )
        for node in tests if node.name.startswith("test_")
    }  # fmt: skip


def written(lines: list[str], node: ast.FunctionDef) -> str:
    """Return the source of a function of a file; that of `ast` reads the whole file again for each."""
    *body, last = lines[node.lineno - 1 : node.end_lineno]
    return "\n".join([*body, last.encode()[: node.end_col_offset].decode()])


def committed(part: Part) -> dict[str, dict]:
    """Return the committed records of the library checks, by name."""
    path = part.file("library.json")
    records = json.loads(path.read_text())["checks"] if path.is_file() else []
    return {record["name"]: record for record in records}


def is_stale(part: Part, record: dict) -> bool:
    """Tell whether what a record rests on has changed since."""
    return record.get("digest") != key(part, record["name"], labels(record))


def recorded(part: Part) -> list[dict]:
    """Return the committed records of the library checks.

    Raises Failed for a check that has no record, or where something that it uses has changed since.
    """
    names = {name: line for name, (line, library, _) in functions(part).items() if library}
    found = committed(part)
    missing = [name for name in names if name not in found]
    stale = [name for name in names if name in found and is_stale(part, found[name])]
    problems = [
        f"{where(part.file('checks.py'), names[some[0]])}: {', '.join(some)}: {what}; {HINT} docs/{part.id}"
        for some, what in (
            (missing, "no evidence in library.json"),
            (stale, "the evidence in library.json is stale"),
        ) if some
    ]  # fmt: skip
    if problems:
        raise Failed(problems)
    return [found[name] for name in names]


def renew(part: Part) -> list[dict]:
    """Run the library checks; replace the committed records that are stale (never in CI)."""
    (records, _), known = pytest(part, "library"), committed(part)
    for record in records:
        record["digest"] = key(part, record["name"], labels(record))
    made = [{name: value for name, value in record.items() if name != "seconds"} for record in records]
    kept = [known[r["name"]] if known.get(r["name"], {}).get("digest") == r["digest"] else r for r in made]
    if kept != list(known.values()) and not os.environ.get("CI"):
        part.file("library.json").write_text(
            json.dumps({"checks": kept}, indent=1, ensure_ascii=False) + "\n"
        )
    return records


def evidence(part: Part, ran: list[dict] | Failed, reused: bool) -> tuple[list[dict], list[str]]:
    """Return the records of all checks of a part, in the order of the file, and the errors.

    `ran` is what the fast checks gave.
    """
    try:
        code = functions(part)
    except SyntaxError as error:
        place = where(part.file("checks.py"), error.lineno)
        return unread(part), [f"{place}: SyntaxError: {error.msg}"]
    ran, errors = (ran.results, ran.messages) if isinstance(ran, Failed) else (ran, [])
    try:
        kept = recorded(part)
    except Failed as failed:
        # Until the fast checks pass, the code may change, and with it whether a record is stale.
        kept, errors = [], errors or failed.messages
    except SyntaxError:
        kept = []  # in a file that the fast checks import too: they say where
    records = {record["name"]: record for record in [*ran, *kept]}
    return [
        not_run(part, name, line) | records.get(name, {})
        | {"place": where(part.file("checks.py"), line), "code": source, "reused": reused or library}
        for name, (line, library, source) in code.items()
    ], errors  # fmt: skip


def unread(part: Part) -> list[dict]:
    """Return records, without evidence, of the checks in a file that Python cannot read."""
    lines = enumerate(part.file("checks.py").read_text().splitlines(), 1)
    named = ((number, re.search(r"\bdef (test_\w+)", line)) for number, line in lines)
    return [not_run(part, found[1], line) | {"code": "", "reused": False} for line, found in named if found]


def not_run(part: Part, name: str, line: int) -> dict:
    """Return the record of a check that has no evidence yet."""
    return {
        "name": name, "claim": name, "place": where(part.file("checks.py"), line),
        "evidence": [], "shows": [], "prints": [], "libraries": {},
        "seconds": 0.0, "state": "not run", "failure": "",
    }  # fmt: skip


def renewed(part: Part) -> tuple[list[dict], list[str]]:
    """Run the library checks of a part; return their records and the errors."""
    try:
        return renew(part), []
    except Failed as error:
        return error.results, error.messages


def main(*arguments: str) -> int:
    """Run the checks of the given folders (default: all); with --library, the library checks."""
    library, failures = "--library" in arguments, []
    parts = discover(*(a for a in arguments if not a.startswith("--")))
    seen = {part.id: sources(part) for part in parts}  # before they run
    jobs = [(part.id, fast_key(part)) for part in parts if part.file("checks.py").is_file() and not library]
    ran, keys = dict(zip([job[0] for job in jobs], outcomes(fast, jobs), strict=True)), dict(jobs)
    for part in parts:
        records, errors = renewed(part) if library else evidence(part, *ran.get(part.id, ([], True)))
        failures += errors
        for record in records:
            state = "reused" if record.get("reused") and record["state"] == "passed" else record["state"]
            print(f"{state}  {part.id}  {record['name']}  {record['seconds']:.2f} s")
        if not library:
            path = OUTPUT / f"{part.id}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(records))
            read = {} if errors or part.id not in keys else fast(part.id, keys[part.id])[1]
            stamps.put(OUTPUT, part, seen[part.id], None if errors else read)
    print(*failures, sep="\n", end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
