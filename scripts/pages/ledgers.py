"""The pages of the ledger: one with the counts, and below it one with the entries of each solved question."""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from checking import graph, ledger
from lxml.html import HtmlElement
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from paper import exam
from paper.parts import DOCS

from pages.blocks import block

INTRODUCTION = (
    "Every displayed equation, result, checked claim and cited claim of [question {0}](../q{0}/index.md),"
    " with its status. Each opens to its evidence and to what it rests on."
    " [The ledger](../ledger.md) says what a status means."
)
ABOUT = (
    "The equations, results, checked claims and cited claims of question {0}, each with its status,"
    " its evidence and what it rests on."
)


def solved() -> list[exam.Question]:
    """Return the questions of which a part is solved."""
    return [question for question in exam.questions() if question.solved]


def files(config) -> Iterator[File]:
    """Yield the page of the entries of each question; its source is the page of the counts."""
    for question in solved():
        yield File.generated(config, f"ledger/{question.id}.md", abs_src_path=str(DOCS / "ledger.md"))


def question_of(page: Page) -> str:
    """Return the question (`q2`) whose entries a page lists, or an empty string."""
    path = PurePosixPath(page.file.src_uri)
    return path.stem if path.parent.name == "ledger" else ""


def written(question: str) -> tuple[str, dict]:
    """Return the page of the entries of a question before they are there: its Markdown and its meta data."""
    number = question.removeprefix("q")
    text = f"# The ledger of question {number}\n\n{INTRODUCTION.format(number)}\n\n<!-- entries -->\n"
    return text, {"description": ABOUT.format(number), "hide": ["toc"]}


def fold(nav: Navigation, files: Files):
    """Take the pages of the entries out of the navigation; they go below the page of the counts."""
    above = files.get_file_from_path("ledger.md").page
    for page in filter(question_of, nav.pages):
        if page.parent in nav.items:
            nav.items.remove(page.parent)
        page.parent, page.previous_page, page.next_page = above, None, None


def of(question: exam.Question, claims: list[ledger.Entry]) -> list[ledger.Entry]:
    """Return what stands on the pages of a question."""
    return [claim for claim in claims if claim.url.startswith(f"{question.id}/")]


def counts(root: str, claims: list[ledger.Entry]) -> HtmlElement:
    """Return how many claims of each question have each status, and what other pages display."""
    groups = {question: of(question, claims) for question in solved()}
    inside = tuple(f"{question.id}/" for question in groups)
    elsewhere = [claim for claim in claims if not claim.url.startswith(inside)]
    return block("ledger", root, claims=claims, groups=groups, elsewhere=elsewhere, statuses=ledger.STATUSES)


def entries(
    root: str, name: str, claims: list[ledger.Entry], shown: dict[str, str], counted: dict[str, Counter]
) -> HtmlElement:
    """Return what rests on what in a question, and every claim of it with its evidence.

    `shown` maps the label of an equation, or the address of a check, to what its page shows; `counted`
    the address of a part to how many numbers in its sentences ran, are cited or are typed.
    """
    groups = {question.id: of(question, claims) for question in solved()}
    graphs = {q: [graph.dot(g, claims, root) for g in graph.components(found)] for q, found in groups.items()}
    question = next(question for question in solved() if question.id == name)
    return block(
        "ledger-entries", root, question=question, claims=claims, found=groups[name], shown=shown,
        counted=sum((counted.get(part.address, Counter()) for part in question.solved), Counter()),
        numbers={claim.label: claim.number for claim in claims if claim.label},
        graphs=graph.drawn(graphs)[name],  # all of the site in one run, which the next page finds done
    )  # fmt: skip
