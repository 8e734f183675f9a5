"""Test the checks: change the pages' labelled equations at one place at a time; a check should fail."""

import gc
import inspect
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import get_context
from operator import itemgetter

import pytest
from maths import equations, evaluate
from maths.equations import EquationError, find, labelled
from maths.mutations import mutants
from paper.jobs import Failed
from paper.parts import CACHE, Part, chosen, discover, where

from checking.checks import fast, fast_key

RECORD = CACHE / "mutants.json"
LIMIT = 60.0  # seconds for one mutant
ENOUGH = 0.9  # the share of mutants that must be killed
IGNORE_INTERRUPT = (signal.SIGINT, signal.SIG_IGN)
FORK = get_context("fork")  # a child has all libraries imported already


@dataclass(frozen=True)
class Mutant:
    """A labelled equation of a page, changed at one place."""

    part: Part
    label: str
    line: int
    mutation: str
    statements: tuple = ()


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


def find_mutants(part: Part, products: set) -> Iterator[Mutant]:
    """Yield the mutants of a page, equation by equation; `products` are those that do not commute."""
    for label, _, _ in labelled(part.page):
        equation = find(part.page, label)  # an error if it does not parse
        line = int(equation.place.rpartition(":")[2])
        for mutation, statements in mutants(equation.statements, products):
            yield Mutant(part, label, line, " ".join(mutation.split()), statements)


def trial(mutant: Mutant, sender):
    """Run the fast checks with the mutant in its equation's place, and send by what it is killed, and how."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none of those installed is about checks
    if mutant.statements:
        equations.replaced[mutant.label] = mutant.statements
    first = FirstFailure(mutant.label)
    options = ["-x", "--tb=native", "-p", "checking.evidence", "-p", "no:cacheprovider", "-m", "not library"]
    code = pytest.main([*options, str(mutant.part.file("checks.py"))], plugins=[first])
    passed = code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    killed = (None, None) if passed else (first.by or "pytest", first.how or "error")
    sender.send((*killed, set() if mutant.statements else evaluate.products))


def verdict(mutant: Mutant) -> dict:
    """Try a mutant in a process of its own, and return its record."""
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=trial, args=(mutant, sender))
    child.start()
    sender.close()
    products = set()
    try:
        by, how, products = receiver.recv() if receiver.poll(LIMIT) else (None, "time limit", products)
    except EOFError:
        by, how = "pytest", "error"  # it crashed
    child.kill()
    child.join()
    return {
        "page": where(mutant.part.page), "line": mutant.line, "label": mutant.label,
        "mutation": mutant.mutation, "killed": by is not None, "by": by, "how": how,
    } | ({} if mutant.statements else {"products": products})  # fmt: skip


def run(jobs: list[Mutant]) -> list[dict]:
    """Try all mutants, and say after each equation how many were killed."""
    records, start = [], time.monotonic()
    # Only this process answers Ctrl-C.
    with ProcessPoolExecutor(min(4, os.cpu_count()), FORK, signal.signal, IGNORE_INTERRUPT) as pool:
        try:
            verdicts = pool.map(verdict, jobs)
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
    jobs = []
    try:
        parts = [chosen(address) for address in addresses] or discover()
        for part in parts:
            fast(part.id, fast_key(part))
            part.load("checks")  # imports the libraries, once for all children
        gc.freeze()  # no child need search what is imported for garbage
        for part in parts:
            unchanged = verdict(Mutant(part, "", 1, ""))
            if unchanged["how"]:
                problem = f"{unchanged['by'] or 'the time limit'} stops the unchanged page"
                print(f"{unchanged['page']}: {problem}", file=sys.stderr)
                return 2
            jobs += find_mutants(part, unchanged["products"])
    except (LookupError, Failed, EquationError) as error:
        print(error, file=sys.stderr)
        return 2
    records = run(jobs)
    save(parts, records)
    return 0 if summarise(records) >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
