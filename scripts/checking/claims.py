"""Find the displayed equations, results, checked claims and cited claims of one page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lxml.html import HtmlElement
from paper.article import Article, Formula, Statement
from paper.rules import CHECKS, anchor

from checking.citations import Citation, described, references
from checking.ledger import Entry

RESULTS = ("theorem", "lemma", "proposition", "corollary", "example", "remark")  # a definition claims nothing
PAPER = "docs/exam.md"
CLAUSE = re.compile(r"\((?:[ivx]+|[a-h])\)")
LABEL = re.compile(r"\beq-[\w-]*\w")


@dataclass
class Claims:
    """What one page displays and claims: its article, address, check records and citations."""

    article: Article
    address: str
    records: list[dict]
    citations: list[Citation]

    @cached_property
    def links(self) -> set[str]:
        """The addresses to which the page links."""
        return set(self.article.tree.xpath(".//a/@href"))

    def entries(self) -> list[Entry]:
        """Return an entry for everything but the cited claims, whose formulas are not yet typeset."""
        displays = [formula for formula in self.article.formulas if formula.display]
        results = [statement for statement in self.article.statements if statement.kind in RESULTS]
        return [*map(self.equation, displays), *map(self.result, results), *map(self.check, self.records)]

    def evidence(self, relevant) -> list[dict]:
        """Return the comparisons of passed checks that are `relevant`, each with its check and status."""
        return [
            item | {"status": status(record, item), "check": record["name"], "place": record["place"]}
            for record in self.records if record["state"] == "passed"
            for item in record["evidence"] if relevant(record, item)
        ]  # fmt: skip

    def equation(self, formula: Formula) -> Entry:
        """Return the entry of a displayed equation; its claim is the heading it stands under.

        It rests on the equations that its comparisons read or name as their other side.
        """
        found = self.evidence(lambda _, item: formula.label and item.get("equation") == formula.label)
        if formula.place.startswith(PAPER):
            found.append({"status": "cited", "source": "the exam paper"})
        elif formula.source:
            found.append({"status": "cited", "source": self.source(formula)})
        heading = formula.box.xpath("(preceding::h2 | preceding::h3)[last()]")
        url = f"{self.address}#{formula.label}" if formula.label else self.address
        claim = heading[0].text_content() if heading else ""
        routes = " ".join(item.get("route", "") for item in found)
        read = [label for item in found for label in item.get("reads", ())]
        others = [name for name in dict.fromkeys([*read, *LABEL.findall(routes)]) if name != formula.label]
        return Entry("equation", formula.place, url, formula.number, claim, formula.label, found,
                     rests_on=others, tex=formula.tex)  # fmt: skip

    def source(self, formula: Formula) -> str:
        """Return the source of an equation in full; one that the page does not list is a problem."""
        number, entries = formula.source.partition(",")[0], references(self.article)
        if number.isdigit() and 1 <= int(number) <= len(entries):
            return f"[{formula.source}] {described(entries[int(number) - 1])}"
        message = f"\\source{{{formula.source}}} must begin with the number of a reference of the page"
        self.article.problems.append(f"{formula.place}: {message}")
        return formula.source

    def result(self, statement: Statement) -> Entry:
        """Return the entry of a theorem and so on; the checks its text and proof link to are evidence."""
        links = {link for block in statement.blocks for link in block.xpath(".//a/@href")}
        inside = [f.label for f in self.article.formulas if f.label and statement.holds(f.box)]
        inside += statement.proves
        found = self.evidence(
            lambda record, item: f"#{anchor(record['name'])}" in links or item.get("equation") in inside
        )
        if len(statement.blocks) == 1:  # without a proof of its own: taken from the literature
            cited = [citation for citation in self.citations if statement.holds(citation.link)]
            found += [{"status": "cited", "source": citation.text} for citation in cited]
        url = f"{self.address}#{statement.label}"
        rests_on = [name for name in statement.references if name not in inside]
        beside = {f"#{anchor(item['check'])}" for item in found if "check" in item}
        beside |= {item["equation"] for item in found if "equation" in item}
        clauses, run = covered(statement.blocks, beside)
        return Entry(
            statement.kind, statement.place, url, statement.number, statement.name, statement.label, found,
            inside, rests_on, clauses=clauses, run=run,
        )  # fmt: skip

    def check(self, record: dict) -> Entry:
        """Return the entry of the claim of a check, at the place of its badge if it has one."""
        name = anchor(record["name"])
        badge = f"#{name}" in self.links
        place = self.article.sources.locate(f"(#{name})") if badge else record["place"]
        found = self.evidence(lambda other, _: other is record)
        return Entry("check", place, f"{self.address}{CHECKS}#{name}", "", record["claim"], None, found)

    def cited(self) -> list[Entry]:
        """Return an entry for each sentence with citations, at the place of its first one."""
        texts, entries = [described(entry) for entry in references(self.article)], {}
        for c in self.citations:
            if c.number > len(texts):
                continue
            found = {"status": "cited", "source": f"{c.text} {texts[c.number - 1]}"}
            url, claim = f"{self.address}#{c.link.get('id')}", c.claim()
            if claim in entries:
                entries[claim].evidence.append(found)
            else:
                entries[claim] = Entry("citation", c.place, url, "", claim, None, [found])
        return list(entries.values())


def covered(blocks: list[HtmlElement], beside: set[str]) -> tuple[list[str], list[str]]:
    """Return the clauses `(i)`, `(ii)` … of a statement, and those that evidence stands beside.

    `blocks` are the statement and its proofs; in each a clause reaches to the next. `beside` holds the
    links to checks and the labels of equations that give the result its evidence.
    """
    clauses, run = [], set()
    for number, block in enumerate(blocks):
        now = None
        for element, slot in walk(block):
            if slot == "text" and {element.get("href"), element.get("id")} & beside:
                run.add(now)
            for now in CLAUSE.findall(getattr(element, slot) or ""):
                clauses += [now] if not number and now not in clauses else []
    return clauses, [clause for clause in clauses if clause in run]


def walk(element: HtmlElement) -> Iterator[tuple[HtmlElement, str]]:
    """Yield (element, "text" or "tail") for all text of an element in reading order, without formulas."""
    formula = "arithmatex" in element.get("class", "") or "math" in element.get("class", "").split()
    if not formula:
        yield element, "text"
        for child in element.iterchildren("*"):
            yield from walk(child)
            yield child, "tail"


def status(record: dict, item: dict) -> str:
    """Return the status that one comparison of a check gives."""
    if record["libraries"]:
        return "library"
    return "symbolic" if item["method"] == "symbolic" else "executed"
