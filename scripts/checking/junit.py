"""Run checks under pytest and read their evidence from the JUnit report."""

import atexit
import json
import os
import re
import subprocess
import sys
import tempfile
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from lxml import etree
from paper.jobs import Failed
from paper.parts import ROOT, SCRIPTS, Part, where
from paper.reads import digests
from paper.settings import SAME


def pytest(part: Part, selection: str) -> tuple[list[dict], dict[str, str]]:
    """Run the selected checks of a part under pytest; return one record for each, and what else was read.

    Raises Failed with `file:line: claim: message` for every check that does not pass.
    """
    with tempfile.TemporaryDirectory() as scratch:
        report, read, output = (Path(scratch) / name for name in ("report.xml", "read.json", "output"))
        given = [*options(part), "-p", "checking.watch", "-m", selection, f"--junitxml={report}"]
        code = ran(arguments=given, output=str(output), read=str(read))
        if code is None:
            raise Failed([f"{where(part.file('checks.py'))}: the process that runs the checks was ended"])
        if not report.is_file():
            raise Failed([f"{where(part.file('checks.py'))}: {output.read_text()}"])
        cases = etree.parse(report).findall(".//testcase")
        others, printed = digests(json.loads(read.read_text()), part), output.read_text()
    records = [record(part, case) for case in cases]
    failed = [message(one) for one in records if one["state"] == "failed"]
    if failed:
        raise Failed(failed, records)
    if code not in (0, 5):  # 5: nothing selected
        raise Failed([f"{where(part.file('checks.py'))}: {printed}"])
    return records, others


def ran(**request) -> int | None:
    """Run pytest in a fork of the process that has imported what checks need; return its exit code.

    If that process was ended, as by a machine without memory, return None; the next run starts another.
    """
    process = warm()
    try:
        print(json.dumps(request), file=process.stdin, flush=True)
    except BrokenPipeError:
        pass  # it was ended before, and will not answer
    if answer := process.stdout.readline():
        return int(answer)
    warm.cache_clear()
    return None


@cache
def warm() -> subprocess.Popen:
    """Start the process in whose forks pytest runs for this one, and let it end with this one."""
    path = os.pathsep.join([str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, "-m", "checking.warm"], cwd=ROOT, env=os.environ | SAME | {"PYTHONPATH": path},
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    atexit.register(process.communicate)
    return process


def command(part: Part) -> list[str]:
    """Return the command that runs the checks of a part under pytest; options may follow."""
    return [sys.executable, "-m", "pytest", *options(part)]


def options(part: Part) -> list[str]:
    """Return the options of pytest for the checks of a part."""
    return ["-q", "-p", "checking.evidence", "-p", "no:cacheprovider", str(part.file("checks.py"))]


def message(record: dict) -> str:
    """Return what failed, behind its place: that of the check, or where its file cannot be imported."""
    placed = re.match(r"\S+\.py:\d+: ", record["failure"])
    return record["failure"] if placed else f"{record['place']}: {record['name']}: {record['failure']}"


def record(part: Part, case: etree._Element) -> dict:
    """Return the record of one JUnit test case."""
    properties = {p.get("name"): p.get("value") for p in case.iter("property")}
    problem = next((e for tag in ("failure", "error", "skipped") for e in case.findall(tag)), None)
    line = int(properties["line"]) if "line" in properties else None
    return {
        "name": case.get("name"),
        "claim": properties.get("claim", ""),
        "place": where(part.file("checks.py"), line),
        "evidence": json.loads(properties.get("evidence", "[]")),
        "reads": json.loads(properties.get("reads", "[]")),
        "shows": json.loads(properties.get("shows", "[]")),
        "prints": json.loads(properties.get("prints", "[]")),
        "libraries": json.loads(properties.get("libraries", "{}")),
        "seconds": float(case.get("time", 0)),
        "state": "passed" if problem is None else "failed",
        "failure": "" if problem is None else explain(problem) + nearest(part, problem.get("message", "")),
    }


def nearest(part: Part, message: str) -> str:
    """Return the label of the page that is nearest to one that a check asked for in vain, as a question."""
    asked = re.search(r"has no equation '([^']+)'", message)
    labels = re.findall(r"\\label\{([^}]*)\}", part.page.read_text())
    near = get_close_matches(asked[1], labels, 1) if asked else []
    return f"; did you mean {near[0]!r}?" if near else ""


def explain(problem: etree._Element) -> str:
    """Return the message of a failed case; of a file that can't be imported, the innermost place too."""
    if problem.get("message") != "collection failure":
        return f"{problem.tag}: {problem.get('message', '')}".splitlines()[0]
    text = problem.text or ""
    places = re.findall(r"^(docs/\S+\.py:\d+): in ", text, re.MULTILINE)
    unread = re.findall(r'^E +File "(.+)", line (\d+)$', text, re.MULTILINE)  # a syntax error
    places += [where(Path(file), int(line)) for file, line in unread]
    errors = re.findall(r"^E +(.+)$", text, re.MULTILINE)
    return f"{places[-1] if places else ''}: {errors[-1] if errors else problem.text}"
