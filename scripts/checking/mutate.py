"""Test the checks: change the pages' labelled equations at one place at a time; a check should fail."""

import gc
import inspect
import json
import os
import re
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from maths.equations import EquationError, find, matches
from maths.mutations import mutants
from paper.parts import CACHE, DOCS, ROOT, Part, discover, where

from checking.checks import fast, fast_key
from checking.junit import ChecksFailed

RECORD = CACHE / "mutants.json"
LIMIT = 60.0  # seconds for one mutant
ENOUGH = 0.9  # the share of mutants that must be killed
IGNORE_INTERRUPT = (signal.SIGINT, signal.SIG_IGN)
FORK = get_context("fork")  # a child has all libraries imported already


@dataclass(frozen=True)
class Mutant:
    """A page with one labelled equation changed at one place."""

    part: Part
    label: str
    line: int
    mutation: str
    text: str


class FirstFailure:
    """A pytest plugin that runs the checks that name a label first, and notes the first failure."""

    def __init__(self, label: str):
        self.label, self.by, self.how = label, None, None

    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: self.label not in inspect.getsource(item.function))

    def pytest_exception_interact(self, node, call):
        if not self.by:
            self.by, self.how = node.name, "error"
            if call.excinfo.errisinstance(AssertionError):
                self.how = "comparison"


def find_mutants(part: Part) -> Iterator[Mutant]:
    """Yield the mutants of a page, in the order of its equations."""
    text = part.page.read_text()
    for display in matches(part.page):
        label = re.search(r"\\label\{([^}]*)\}", display[1])
        equation = label and find(part.page, label[1])  # an error if it does not parse
        for offset, mutation, tex in mutants(display[1]) if equation else ():
            line = text.count("\n", 0, display.start(1) + offset) + 1
            mutated = text[: display.start(1)] + tex + text[display.end(1) :]
            yield Mutant(part, equation.label, line, mutation, mutated)


def trial(snapshot: Path, scratch: Path, mutant: Mutant, sender):
    """Run the fast checks on a copy of the pages with the mutant, and send by what it is killed, and how."""
    shutil.copytree(snapshot, scratch, dirs_exist_ok=True)
    folder = scratch / mutant.part.folder.relative_to(ROOT)
    (folder / "index.md").write_text(mutant.text)
    os.chdir(scratch)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none of those installed is about checks
    first = FirstFailure(mutant.label)
    options = ["-x", "--tb=native", "-p", "checking.evidence", "-p", "no:cacheprovider", "-m", "not library"]
    code = pytest.main([*options, str(folder / "checks.py")], plugins=[first])
    passed = code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    sender.send((None, None) if passed else (first.by or "pytest", first.how or "error"))


def verdict(snapshot: Path, mutant: Mutant) -> dict:
    """Try a mutant in a process of its own, and return its record."""
    receiver, sender = FORK.Pipe(duplex=False)
    with TemporaryDirectory() as scratch:
        child = FORK.Process(target=trial, args=(snapshot, Path(scratch), mutant, sender))
        child.start()
        sender.close()
        try:
            by, how = receiver.recv() if receiver.poll(LIMIT) else (None, "time limit")
        except EOFError:
            by, how = "pytest", "error"  # it crashed
        child.kill()
        child.join()
    return {
        "page": where(mutant.part.page), "line": mutant.line, "label": mutant.label,
        "mutation": mutant.mutation, "killed": by is not None, "by": by, "how": how,
    }  # fmt: skip


def choose(address: str) -> Part:
    """Return the part with a page, folder or address; raises LookupError with the pages there are."""
    parts = {part.id: part for part in discover()}
    found = re.search(r"(?:^|/)(q\d+/[a-z]-[\w-]+)", address)
    if not found or found[1] not in parts:
        pages = "\n  ".join(where(part.page) for part in parts.values())
        raise LookupError(f"{address}: no such page; the pages are\n  {pages}")
    return parts[found[1]]


def run(snapshot: Path, jobs: list[Mutant]) -> list[dict]:
    """Try all mutants, and say after each equation how many were killed."""
    records, start = [], time.monotonic()
    # Only this process answers Ctrl-C.
    with ProcessPoolExecutor(min(4, os.cpu_count()), FORK, signal.signal, IGNORE_INTERRUPT) as pool:
        try:
            verdicts = pool.map(partial(verdict, snapshot), jobs)
            for (page, label), group in groupby(verdicts, itemgetter("page", "label")):
                found = list(group)
                records += found
                killed = f"{sum(record['killed'] for record in found)}/{len(found)} killed"
                done = f"{time.monotonic() - start:6.1f} s  {len(records):4}/{len(jobs)}"
                print(f"{done}  {page}  {label}  {killed}", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            sys.exit(f"\ninterrupted; {where(RECORD)} stays as it was")
    return records


def summarise(records: list[dict]) -> float:
    """Print a table of the pages and all survivors; return the share of mutants that were killed."""
    print(f"\n{'equations':>9} {'mutants':>8} {'killed':>8} {'by comparison':>14} {'by error':>9}  page")
    pages = [(page, list(group)) for page, group in groupby(records, itemgetter("page"))]
    for name, found in [*pages, ("all", records)]:
        how = Counter(record["how"] for record in found if record["killed"])
        print(
            f"{len({(record['page'], record['label']) for record in found}):9} {len(found):8} "
            f"{share(found):8.1%} {how['comparison']:14} {how['error']:9}  {name}"
        )
    survivors = [record for record in records if not record["killed"]]
    print(f"\n{len(survivors)} of {len(records)} mutants survive{':' * bool(survivors)}")
    for record in survivors:
        limit = f" (not decided within {LIMIT:.0f} s)" if record["how"] else ""
        print(f"{record['page']}:{record['line']}: {record['label']}: {record['mutation']}{limit}")
    return share(records)


def share(records: list[dict]) -> float:
    """Return the share of mutants that were killed."""
    return sum(record["killed"] for record in records) / len(records) if records else 1.0


def save(parts: list[Part], records: list[dict]):
    """Replace the records of the pages that were run, and keep those of the others."""
    pages = {where(part.page) for part in parts}
    kept = json.loads(RECORD.read_text()) if RECORD.is_file() else []
    merged = [record for record in kept if record["page"] not in pages] + records
    merged.sort(key=itemgetter("page"))
    RECORD.parent.mkdir(exist_ok=True)
    scratch = RECORD.with_suffix(".new")
    scratch.write_text(json.dumps(merged, indent=1, ensure_ascii=False) + "\n")
    scratch.replace(RECORD)


def main(*addresses: str) -> int:
    """Mutate the given pages (default: all); return 0 if enough of the mutants are killed."""
    try:
        parts = [choose(address) for address in addresses] or discover()
        for part in parts:
            fast(part.id, fast_key(part))
            part.load("checks")  # imports the libraries, once for all children
        jobs = [mutant for part in parts for mutant in find_mutants(part)]
    except (LookupError, ChecksFailed, EquationError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    gc.freeze()  # no child need search what is imported for garbage
    with TemporaryDirectory() as scratch:
        snapshot = Path(scratch)
        shutil.copytree(DOCS, snapshot / "docs")
        shutil.copy(ROOT / ".pytest.ini", snapshot)
        for part in parts:
            record = verdict(snapshot, Mutant(part, "", 1, "", part.page.read_text()))
            if record["how"]:
                problem = f"{record['by'] or 'the time limit'} stops the unchanged page"
                print(f"{record['page']}: {problem}", file=sys.stderr)
                return 2
        records = run(snapshot, jobs)
    save(parts, records)
    return 0 if summarise(records) >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
