"""The printed sets: which there are, what is in each, and their PDF files, made by Typst."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from paper import exam
from paper.parts import CACHE
from paper.settings import released

from printing.compile import WORK, Job, compile_all, told
from printing.later import later
from printing.printer import Printer, Unprintable, quoted

SHORT = ("the-question", "answer-at-exam-length", "marking-scheme")
SHORT_NOTE = "Answers at exam length and marking scheme"
FULL_NOTE = "Worked solutions, point by point"


@dataclass
class Chapter:
    """A piece of a set in the Typst language, with the pictures that it needs."""

    body: str = ""
    pictures: dict[str, Path] = field(default_factory=dict)

    def __add__(self, other: "Chapter") -> "Chapter":
        return Chapter(f"{self.body}\n{other.body}", self.pictures | other.pictures)


@dataclass
class PrintSet:
    """One PDF file: its name, its title page, and what is in it."""

    name: str
    title: str
    subtitle: str
    lines: list[str]
    chapter: Chapter
    cover: bool = True
    contents: bool = True
    topic: str = ""
    pages: int = 0

    @property
    def path(self) -> Path:
        return WORK / "pdf" / f"{self.name}.pdf"

    @property
    def short(self) -> bool:
        return self.name.endswith("-short")

    @property
    def length(self) -> str:
        """The length as a reader asks for it, `36 pages, 1.6 MB`; numbers stay with their units."""
        size = self.path.stat().st_size
        shown = f"{size / 1e6:.1f}\xa0MB" if size >= 1e6 else f"{size / 1e3:.0f}\xa0kB"
        return f"{self.pages}\xa0page{'s' * (self.pages > 1)}, {shown}"

    def source(self, site: str) -> str:
        """Return the whole Typst source, dated as the release is: every build gives the same bytes."""
        lines = "".join(f"[#{quoted(line)}], " for line in self.lines)
        day = released()
        date = f"(year: {day.year}, month: {day.month}, day: {day.day})"
        front = f"{quoted(self.title)}, {quoted(self.subtitle)}, ({lines}), {quoted(site)}, {date}"
        shown = ", ".join(str(flag).lower() for flag in (self.cover, self.contents))
        return f'#import "print.typ": *\n#show: set-of.with({front}, {shown})\n{self.chapter.body}\n'

    def job(self, site: str) -> Job:
        """Return how the file is made."""
        return Job(self.name, self.source(site), self.chapter.pictures)


class Press:
    """Composes the sets from the assembled sheets and the printed forms of their formulas."""

    def __init__(self, sheets: list, formulas: list[dict], site: str):
        self.sheets = {sheet.page.url: sheet for sheet in sheets}
        self.formulas, self.site, self.problems = formulas, site, []
        self.questions = [question for question in exam.questions() if question.solved]

    def placed(self, error: Unprintable) -> str:
        """Return the message of an error of Typst behind the place where what it names is written."""
        for sheet in self.sheets.values() if error.near else ():
            place = sheet.article.sources.locate(error.near, again=True)
            if ":" in place:
                return f"{place}: {error}"
        return str(error)

    @cache
    def page(self, address: str, level: int, units=None) -> Chapter:
        """Return a page whose title is a heading of the given level; of a part only `units` if given."""
        sheet = self.sheets.get(address)
        if not sheet:
            return Chapter()
        pictures = CACHE / "figures" / sheet.part.id if sheet.part else WORK
        noted = set() if units and "references" not in units else None
        printer = Printer(address, self.site, pictures, level, self.formulas, noted)
        tree = sheet.article.tree
        try:
            body = self.part(sheet, printer, units) if sheet.part else printer.children(tree)
        except Unprintable as problem:
            self.problems.append(f"{sheet.article.sources.locate(problem.near, again=True)}: {problem}")
            return Chapter()
        return Chapter(f"#anchor({quoted(address)})\n{body}", printer.files)

    def part(self, sheet, printer: Printer, units) -> str:
        """Return a solved part: its title, its facts, and its sections."""
        entry, tree = exam.solved(sheet.part), sheet.article.tree
        facts = f"{exam.plain(entry.marks)} marks · about {entry.minutes} minutes · {', '.join(entry.tags)}"
        chosen = [s for s in tree.findall("section") if units is None or s.get("data-unit") in units]
        return f"{printer(tree.find('h1'))}#facts[#{quoted(facts)}]\n" + "".join(map(printer, chosen))

    def parts(self, entries: list[exam.Entry], short: bool) -> Chapter:
        """Return solved parts, in short only question, answer at exam length and marking scheme."""
        pages = [self.page(entry.address, 2, SHORT if short else None) for entry in entries]
        new = Chapter("" if short else "#pagebreak(weak: true)")
        return sum((new + page if number else page for number, page in enumerate(pages)), Chapter())

    def question(self, question: exam.Question, short: bool) -> Chapter:
        """Return a question: its introduction, its parts, its lab; in short, answers and marks alone."""
        if short:
            title = heading(f"Question {question.number}: {question.title}")
            return title + self.parts(question.solved, True)
        lab = self.page(f"{question.id}/lab/", 2)
        if lab.body:
            lab = Chapter("#pagebreak(weak: true)") + lab
        return self.page(f"{question.id}/", 1) + self.parts(question.solved, False) + lab

    def sets(self, topics: list[str]) -> list[PrintSet]:
        """Return all sets: the paper, everything, each question and each topic, full and in short."""
        paper = exam.paper()
        about = f"{paper['course']}, {paper['institution']}, {paper['semester']}"
        made = [PrintSet("exam", "The paper", about, [], self.page("exam/", 1), cover=False)]
        every = [entry for question in self.questions for entry in question.solved]
        chosen = [("solutions", "All solutions", every, self.questions, "")]
        chosen += [(q.id, f"Question {q.number}: {q.title}", q.solved, [q], "") for q in self.questions]
        for topic in topics:
            tagged = [entry for entry in every if topic in entry.tags]
            if tagged:
                name = f"topic-{re.sub(r'[^a-z]+', '-', topic.lower())}"
                chosen.append((name, f"Topic: {topic}", tagged, [], topic))
        for name, title, entries, questions, topic in chosen:
            for short in (False, True):
                chapters = [self.question(q, short) for q in questions]
                chapters += [heading(topic) + self.parts(entries, short)] if topic else []
                made.append(PrintSet(
                    name + "-short" * short, title, SHORT_NOTE if short else FULL_NOTE,
                    [about, counts(entries)], sum(chapters, Chapter()), topic=topic,
                    contents=len(entries) > 1 or not short,
                ))  # fmt: skip
        return made


def heading(title: str) -> Chapter:
    """Return the title of a chapter."""
    return Chapter(f"#heading(level: 1)[#{quoted(title)}]")


def counts(entries: list[exam.Entry]) -> str:
    """Return how much a set holds: `3 parts, 10 marks, about 24 minutes, 70 checks passed`."""
    marks, minutes = sum(e.marks for e in entries), sum(e.minutes for e in entries)
    passed = sum(check["state"] == "passed" for e in entries for check in e.checks)
    number = f"{len(entries)} part{'s' * (len(entries) > 1)}"
    return f"{number}, {exam.plain(marks)} marks, about {minutes} minutes; {passed} checks passed"


def make(
    sheets: list, formulas: list[dict], site: str, topics: list[str], only: str = ""
) -> tuple[list[PrintSet], list[str]]:
    """Compose and compile all sets; return them and the problems, each with its place.

    With `only`, a part such as `q2/d-my-part`, the sets of other questions and of topics may be older.
    """
    question = only.partition("/")[0]
    press = Press(sheets, formulas, site)
    WORK.mkdir(parents=True, exist_ok=True)
    made, problems = press.sets(topics), press.problems
    if not problems:
        jobs = {one.name: one.job(site) for one in made}
        due = [job for job in jobs.values() if not only or question == job.name.removesuffix("-short")
               or not job.known()]  # fmt: skip
        problems += told(compile_all(later.hold_back(due, press.placed)), press.placed)
        for one in made:
            one.pages = jobs[one.name].known().get("pages", 0)
    return made, list(dict.fromkeys(problems))
