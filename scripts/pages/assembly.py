"""Assemble all pages of the site: fill in the generated blocks, number, refer, typeset, account."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from checking import ledger, sentences
from checking.citations import link_citations
from checking.claims import Claims
from lxml.etree import Comment
from lxml.html import HtmlElement, tostring
from maths.equations import unread
from maths.typeset import Typeset, typeset
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url
from paper import exam
from paper.article import Article, Formula
from paper.parts import CACHE, Part, discover
from paper.references import find_leftovers, link_sources, resolve
from paper.rules import CHECKS, WORDS_PER_MINUTE, broken, cost
from paper.sources import Sources
from printing import sets

from pages import blocks, checklist, glossary, handout, ledgers, notebook, sitting
from pages import topics as topic_pages
from pages.search import formula_words


@dataclass
class Sheet:
    """One page on its way through the build: its article, what it claims, and its part if it is one.

    The page of the checks of a part says which part it `lists`. `whole` is the HTML of a part with these.
    """

    page: Page
    article: Article
    part: Part | None = None
    lists: Part | None = None
    whole: str = ""
    claims: Claims | None = None
    writing: float = 0  # minutes: what the answer at exam length takes to write
    numbers: Counter = field(default_factory=Counter)  # in its sentences: run, cited, typed

    def relative(self, address: str) -> str:
        """Return the address of another page as seen from this one."""
        return get_relative_url(address, self.page.url)

    @property
    def root(self) -> str:
        return (self.relative("") + "/").replace("//", "/")


@dataclass
class Assembly:
    """What the pages were assembled to: themselves, typeset formulas, the ledger, the sets, the problems.

    `words` are what each formula is found by.
    """

    sheets: list[Sheet]
    formulas: list[Typeset]
    words: list[str]
    ledger: list[ledger.Entry]
    sets: list[sets.PrintSet]
    labels: dict[str, tuple[str, str]]
    problems: list[str]


def assemble(pages: list[Page], topics: list[str], site: str, only: str = "") -> Assembly:
    """Rewrite the content of all pages, and print the sets; `site` is the address of the site.

    With `only`, a part, no more is printed than its question.

    In the content a placeholder with the plain text stands for each formula, so that the search
    index, which is made next, holds words and not markup.
    """
    sheets = [number(page, topics) for page in pages]
    entries, problems = account(sheets)
    labels = all_labels(sheets)
    for sheet in sheets:
        resolve(sheet.article, labels, sheet.page.url, sheet.relative)
        link_sources(sheet.article)
        find_leftovers(sheet.article)
    formulas = [formula for sheet in sheets for formula in sheet.article.formulas]
    results = typeset([(formula.tex, formula.display) for formula in formulas])
    for index, (formula, result) in enumerate(zip(formulas, results, strict=True)):
        if result.error:
            problems.append(f"{formula.place}: formula: {result.error}")
        put_placeholder(formula, index, result.text)
    entries += [entry for sheet in sheets if sheet.part for entry in sheet.claims.cited()]
    made, unprinted = [], []
    if not problems:  # of pages that are not sound nothing is printed
        forms = [vars(result) | {"place": formula.place} for result, formula in zip(results, formulas)]
        made, unprinted = sets.make(sheets, forms, site, topics, only)
    problems += unprinted
    used = [glossary.mark(sheet.article.tree, sheet.root) for sheet in sheets if sheet.part]  # not on paper
    if len(used) == len(discover()):  # a page that cannot be read may use any term
        problems += glossary.unused(set().union(*used))
    shown = {f.label: outer(f.element) for f in formulas if f.label}
    shown |= {url: claim for sheet in sheets for url, claim in claims_shown(sheet)}
    counted = {sheet.page.url: sheet.numbers for sheet in sheets if sheet.part}
    lists = {sheet.lists: sheet for sheet in sheets if sheet.lists}
    for sheet in sheets:
        if sheet.part:
            checklist.move(sheet, lists.get(sheet.part))
    for sheet in sheets:
        fill(
            sheet.article,
            ledger=lambda sheet=sheet: ledgers.counts(sheet.root, entries),
            entries=lambda sheet=sheet: ledgers.entries(
                sheet.root, ledgers.question_of(sheet.page), entries, shown, counted
            ),
            pdfs=lambda sheet=sheet: blocks.pdfs(sheet.root, [one for one in made if not one.topic]),
            topics=lambda sheet=sheet: topic_pages.overview(sheet.root, topics),
            topic=lambda sheet=sheet: topic_pages.page(sheet.root, sheet.page.title, topics, made),
            topic_pdfs=lambda sheet=sheet: blocks.pdfs(sheet.root, [one for one in made if one.topic]),
        )
        problems += sheet.article.problems
        sheet.page.content = sheet.article.html()
    words = [formula_words(f.tex, result.speech) for f, result in zip(formulas, results, strict=True)]
    return Assembly(sheets, results, words, entries, made, labels, problems)


def outer(element: HtmlElement) -> str:
    """Return an element as HTML."""
    return tostring(element, encoding="unicode", with_tail=False)


def claims_shown(sheet: Sheet) -> Iterator[tuple[str, str]]:
    """Yield the address and the claim of each check of a part, as its page shows it."""
    for claim in sheet.article.tree.xpath('.//details[@id]/summary/*[@class="check-claim"]'):
        yield f"{sheet.page.url}{CHECKS}#{claim.getparent().getparent().get('id')}", outer(claim)


def put_placeholder(formula: Formula, index: int, text: str):
    """Let the plain text of a formula stand in its place, with its index."""
    element, tail = formula.element, formula.element.tail
    element.clear()
    element.tag, element.text, element.tail = "span", text.replace("<", "‹"), tail
    element.set("class", "math")
    element.set("data-formula", str(index))


def number(page: Page, topics: list[str]) -> Sheet:
    """Return the page as an article with its blocks filled in and its statements numbered."""
    path = Path(page.file.abs_src_path)
    part = next((part for part in discover() if part.page == path), None)
    content = notebook.lean(page.content, f"../{path.stem}.ipynb") if path.name == "lab.py" else page.content
    article = Article(content, Sources(path), part.prefix if part else "")
    sheet, records = Sheet(page, article, part, checklist.part_of(page)), exam.checks(part) if part else []
    article.number_statements()
    article.name_blocks()
    if part:
        article.number_figures(figures(part))
        article.problems += broken(part, article, records, topics) + unread(part.page)
        sheet.writing = cost(article) / WORDS_PER_MINUTE
        badges(article, records)
        if not article.tree.xpath('.//comment()[normalize-space()="checks"]'):
            article.tree.append(Comment("checks"))  # missing, which is a problem; what leads there is none
    sheet.claims = Claims(article, page.url, records, link_citations(article) if part else [])
    if part:
        sheet.numbers = sentences.account(article, records)
    article.collect_formulas()
    fill(
        article,
        exam=lambda: blocks.exam(sheet.root),
        numbers=lambda: blocks.numbers(sheet.root),
        parts=lambda: blocks.parts(sheet.root, page.file.src_uri.split("/")[0]),
        checks=lambda: blocks.checks(sheet.root, page.url, records, article.labels),
        handout=lambda: handout.form(sheet.root),
        sitting=lambda: sitting.form(sheet.root),
        glossary=lambda: glossary.page(sheet.root),
    )
    article.collect_formulas()  # those of the checks, whose evidence shows the numbers of the equations
    article.wrap_tables()
    article.mark_lists()
    return sheet


def figures(part: Part) -> dict:
    """Return the index of the drawn figures of a part."""
    return json.loads((CACHE / "figures" / part.id / "index.json").read_text())


def fill(article: Article, **makers):
    """Replace the comments that stand for generated blocks."""
    for comment in article.tree.xpath(".//comment()"):
        if comment.text.strip() in makers:
            comment.getparent().replace(comment, makers[comment.text.strip()]())


def badges(article: Article, records: list[dict]):
    """Mark the links to checks with the method of the check, and its number among the checks of the page."""
    numbered = {blocks.anchor(record["name"]): (n, record) for n, record in enumerate(records, 1)}
    for link in article.tree.xpath('.//a[starts-with(@href, "#check-")]'):
        number, record = numbered.get(link.get("href")[1:], (0, None))
        link.set("class", f"badge {blocks.method(record) if record else 'none'}")
        link.set("data-claim", str(number))
        if not record:
            del link.attrib["href"]


def account(sheets: list[Sheet]) -> tuple[list[ledger.Entry], list[str]]:
    """Find what the pages display and claim, and show each status on its page; return the problems too."""
    found = {sheet.page.url: sheet.claims.entries() for sheet in sheets}
    counted = {}
    for entry in chain(*found.values()):
        # A display of the paper is shown on the page of its part too, and counted once.
        counted.setdefault((entry.kind, entry.place, entry.url.partition("#")[2]), entry)
    entries = list(counted.values())
    problems = ledger.limit(entries, {name: e.label for e in entries for name in e.holds})
    for sheet in sheets:
        if sheet.part:
            show(sheet, found[sheet.page.url])
    return entries, problems


def show(sheet: Sheet, entries: list[ledger.Entry]):
    """Show the status of each equation and result of a part beside it, and the counts below the title."""
    article, plotted = sheet.article, figures(sheet.part)
    named = {element.get("id"): element for element in article.tree.xpath(".//*[@id]")}
    for entry in entries:
        if entry.kind == "equation" and entry.label:
            drawn = {f"fig-{name}": article.labels.get(f"fig-{name}", "") for name, figure in plotted.items()
                     if entry.label in figure["equations"]}  # fmt: skip
            named[entry.label].extend(blocks.evidence(sheet.root, entry, drawn, article.labels))
        elif entry.label and entry.kind != "check":
            title = named[entry.label].find('p[@class="admonition-title"]')
            title.append(blocks.status_link(sheet.root, entry))
    article.wrap_sections()
    heading = article.tree.find("h1")
    if heading is not None:
        heading.addnext(blocks.practice(sheet.root, article.tree))
        heading.addnext(blocks.facts(sheet.root, exam.solved(sheet.part), sheet.writing, entries))
    sitting.point_to_sections(article)


def all_labels(sheets: list[Sheet]) -> dict:
    """Return label → (page address, number) over all pages; a label defined twice is reported."""
    labels = {}
    for sheet in sheets:
        for name, number in sheet.article.labels.items():
            if name in labels:
                other = labels[name][0]
                sheet.article.problem(name, f"the label {name!r} is defined on {other} too")
            labels[name] = (sheet.page.url, number)
    return labels
