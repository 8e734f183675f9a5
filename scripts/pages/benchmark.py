"""Measure how the printed sets are made: seconds, memory and sizes, in a copy of the project."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from paper.parts import ROOT, discover

LEFT_OUT = (".venv", ".git", "site", "node_modules", "__pycache__", ".ruff_cache", ".pytest_cache")
COLD, UNCHANGED, MEMORY, SIZE = 30, 1, 1000, 6  # the targets: seconds, seconds, MB, MB
# Runs a build that notes the seconds spent on the printed sets, from the formulas to the last file.
BUILD = """
import json, pathlib, sys, time
sys.path.insert(0, "scripts")
from pages import assembly, build
print_sets, spent = assembly.printed_sets, []
def measured(*arguments):
    start = time.monotonic()
    try:
        return print_sets(*arguments)
    finally:
        spent.append(time.monotonic() - start)
assembly.printed_sets = measured
code = build.main()
pathlib.Path("spent.json").write_text(json.dumps(sum(spent)))
sys.exit(code)
"""


@dataclass
class Run:
    """One measured build: what was done before it, its seconds and memory, and the sets that it made."""

    name: str
    printing: float
    whole: float
    memory: float
    made: list[str]

    def row(self, total: int, target: int | None) -> str:
        shown = f"{self.printing:.1f} s" + (f" (≤ {target} s)" if target else "")
        made = f"{len(self.made)} of {total}"
        return f"{self.name:18}{shown:18}{self.whole:6.1f} s{self.memory:10.0f} MB     {made}"


def copy_of_project(folder: Path) -> Path:
    """Copy the project with its cache, so that figures and checks are not made anew."""
    target = folder / "project"
    shutil.copytree(ROOT, target, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (target / "scripts/node/node_modules").symlink_to(ROOT / "scripts/node/node_modules")
    return target


def times(project: Path) -> dict[str, int]:
    """Return when each set of the cache was written."""
    return {path.stem: path.stat().st_mtime_ns for path in project.glob(".cache/print/pdf/*.pdf")}


def build(project: Path, name: str) -> Run:
    """Build the copy, also if nothing in it has changed; exit if that fails."""
    (project / ".cache/build.json").unlink(missing_ok=True)
    before, start = times(project), time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    problems = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)  # the larger of the build and the programs that it runs
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"scripts/benchmark: the build failed\n{problems}")
    made = sorted(set_ for set_, written in times(project).items() if before.get(set_) != written)
    printing = json.loads((project / "spent.json").read_text())
    return Run(name, printing, time.monotonic() - start, used.ru_maxrss / 1024, made)


def measure(project: Path) -> tuple[list[Run], str]:
    """Measure the three builds; return them and the page that was changed for the second."""
    build(project, "once before")  # figures and checks are kept from here on
    shutil.rmtree(project / ".cache/print")
    cold = build(project, "cold")
    page = project / discover()[-1].page.relative_to(ROOT)
    page.write_text(page.read_text().rstrip() + "\n\nOne more sentence.\n")
    changed = build(project, "one page changed")
    return [cold, changed, build(project, "nothing changed")], str(page.relative_to(project))


def main():
    """Print the measurements beside their targets."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_of_project(Path(folder))
        runs, page = measure(project)
        sizes = {path.name: path.stat().st_size / 1e6 for path in project.glob("site/pdf/*.pdf")}
    cold, changed, unchanged = runs
    print(f"{'':18}{'printed sets':18}{'whole build':12}{'peak memory':12}   sets made")
    for run, target in zip(runs, (COLD, None, UNCHANGED), strict=True):
        print(run.row(len(sizes), target))
    print(f"\nChanged: {page}. Made anew: {', '.join(changed.made)}.")
    print(f"Whole builds reuse figures and checks. Peak memory of the largest process: ≤ {MEMORY} MB.")
    largest = sizes["solutions.pdf"]
    print(
        f"solutions.pdf {largest:.1f} MB (≤ {SIZE} MB); all {len(sizes)} files {sum(sizes.values()):.1f} MB"
    )
    met = (cold.printing <= COLD, max(run.memory for run in runs) <= MEMORY, unchanged.printing <= UNCHANGED)
    print("All targets are met." if all(met) and largest <= SIZE else "A target is missed.")


if __name__ == "__main__":
    main()
