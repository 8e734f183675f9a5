"""The ledger: every displayed equation and every claim of the site, with its status and evidence."""

import re
from collections import Counter
from dataclasses import dataclass, field, fields
from graphlib import CycleError, TopologicalSorter

from paper.rules import CHECKS

STATUSES = ("symbolic", "library", "executed", "cited", "argued")  # the strongest evidence first


def best(statuses) -> str:
    """Return the strongest of some statuses; a claim without any is argued."""
    return min(statuses, key=STATUSES.index, default="argued")


def worst(statuses) -> str:
    """Return the weakest of some statuses; a claim without any is argued."""
    return max(statuses, key=STATUSES.index, default="argued")


@dataclass
class Entry:
    """One displayed equation, result, checked claim or cited claim: its place, status and evidence.

    `holds` names the equations in the statement and the proof of a result, `rests_on` the labels of
    other results and equations that these refer to, `clauses` the letters of what it states, `(i)` and
    so on, and `run` those of them that evidence stands beside.
    """

    kind: str
    place: str
    url: str
    number: str
    claim: str
    label: str | None
    evidence: list[dict]
    holds: list[str] = field(default_factory=list)
    rests_on: list[str] = field(default_factory=list)
    limited_by: str | None = None
    tex: str = ""
    clauses: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)

    def __post_init__(self):
        # Any comparison runs a whole equation; in words, each covers only a part of the claim.
        choose = best if self.kind == "equation" else worst
        self.status = choose(item["status"] for item in self.evidence)

    @property
    def partly(self) -> str:
        """The clauses of a result that evidence covers, where it does not cover all: `in part: (i)`."""
        return f"in part: {', '.join(self.run)}" if self.run and self.run != self.clauses else ""

    @property
    def check(self) -> str | None:
        """The first check that gives the evidence its status, or None."""
        run = [item for item in self.evidence if "check" in item]
        first = [item for item in run if item["status"] == self.status] or run
        return first[0]["check"] if first else None

    @property
    def anchor(self) -> str:
        """The anchor of the entry in the ledger; that of a check names its part."""
        place = self.url if "#" in self.url else f"{self.url}#line-{self.place.rpartition(':')[2]}"
        return place.replace(f"/{CHECKS}#", "/#").replace("/#", "-").replace("/", "-")

    def as_json(self) -> dict:
        """Return the entry as the published `ledger.json` has it."""
        page, _, line = self.place.partition(":")
        place = {"page": page, "line": int(line or 0), "status": self.status, "check": self.check}
        return place | {one.name: getattr(self, one.name) for one in fields(self) if one.name != "place"}


def listed(anchor: str) -> str:
    """Return the address of an entry of the ledger: a question, whose page lists it, begins its anchor."""
    question = re.match(r"q\d+(?=-)", anchor)
    return f"ledger/{question[0]}/#{anchor}" if question else f"ledger/#{anchor}"


def limit(entries: list[Entry], owners: dict[str, str]) -> list[str]:
    """Give nothing a better status than what it holds or rests on; return the problems.

    `owners` maps the label of an equation to that of the result it stands in. Results that rest on
    each other in a circle are a problem, and so is one that proves what no page displays.
    """
    known, problems = {entry.label: entry for entry in entries if entry.label}, []
    for entry in known.values():
        unknown = [name for name in entry.holds if name not in known]
        problems += [f"{entry.place}: data-proves: no page displays {name!r}" for name in unknown]
        entry.holds = [name for name in entry.holds if name in known]
        # A result rests on results; an equation on the very equation that it was compared with.
        own = entry.kind == "equation"
        names = [name if own else owners.get(name, name) for name in entry.rests_on]
        entry.rests_on = [n for n in dict.fromkeys(names) if n in known and n != entry.label]
    needs = {name: entry.holds + entry.rests_on for name, entry in known.items()}
    try:
        order = [*TopologicalSorter(needs).static_order()]
    except CycleError as error:
        circle = error.args[1]
        message = f"results rest on each other in a circle: {' ← '.join(circle)}"
        return [*problems, f"{known[circle[0]].place}: {message}"]
    for entry in (known[name] for name in order):
        for name in needs[entry.label]:
            if STATUSES.index(known[name].status) > STATUSES.index(entry.status):
                entry.status, entry.limited_by = known[name].status, name
    return problems


def tally(entries: list[Entry]) -> dict[str, int]:
    """Return how many entries have each status."""
    counts = Counter(entry.status for entry in entries)
    return {status: counts[status] for status in STATUSES}


def labelled(entries: list[Entry]) -> list[Entry]:
    """Return the displayed equations that carry a label."""
    return [entry for entry in entries if entry.kind == "equation" and entry.label]
