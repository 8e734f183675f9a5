"""The Markdown of a page as it is written: its blocks and its tables, and what is wrong there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from markdown import Markdown
from markdown.extensions.tables import TableProcessor

from paper import front
from paper.parts import where
from paper.sources import shown

NUMBERED = ("theorem", "lemma", "proposition", "corollary", "definition", "remark", "example")
KINDS = (*NUMBERED, "note", "proof", "details", "figure-caption")
OPENING = re.compile(r" *(/{3,}) *([\w-]+) *(?:\| *(.*?) *)?")
CLOSING = re.compile(r" *(/{3,}) *")
APART = re.compile(r" */{3,}.*|\s*")  # what no table reaches across
HEADING = re.compile(r"#{1,6} ")
DASHES = re.compile(r"[ |:-]*-[ |:-]*\|[ |:-]*|\|[ |:-]*-[ |:-]*")
SNIPPET = re.compile(r'\s*--8<-- "[^"]+"\s*')
CELL = re.compile(r"# %%(.*)")
PARSER = Markdown().parser  # one for all tables: to make one takes as long as to read a page


@dataclass
class Block:
    """One `/// kind | title`: its line, how many slashes it has, and the line before which it should end."""

    kind: str
    title: str
    line: int
    slashes: int
    left_open: int | None = None


def written(path: Path) -> str:
    """Return the Markdown of a page, line for line; of a notebook, its Markdown cells."""
    text = path.read_text()
    return text if path.suffix == ".md" else "\n".join(cells(text.splitlines()))


def cells(lines: list[str]) -> Iterator[str]:
    """Yield the lines of a notebook's Markdown cells without their `#`, and an empty line for any other."""
    inside = False
    for line in lines:
        begins = CELL.match(line)
        inside = "[markdown]" in begins[1] if begins else inside
        yield line[1:].removeprefix(" ") if inside and not begins else ""


def blocks(text: str) -> tuple[list[Block], list[int]]:
    """Return the blocks of a page, and the lines of closing slashes that close nothing.

    A block is left open if another begins in it with as many slashes, or a heading, or if the page ends.
    """
    found, stray, stack = [], [], []
    lines = shown(text).splitlines()
    for number, line in enumerate(lines, 1):
        closing, opening = CLOSING.fullmatch(line), OPENING.fullmatch(line)
        slashes = len((closing or opening or [0, ""])[1])
        if HEADING.match(line) or opening:
            leave_open([b for b in stack if not opening or b.slashes <= slashes], stack, number)
        if opening:
            stack.append(Block(opening[2], opening[3] or "", number, slashes))
            found.append(stack[-1])
        elif closing and slashes not in [block.slashes for block in stack]:
            stray.append(number)
        elif closing:
            at = [block.slashes for block in stack].index(slashes)
            leave_open(stack[at + 1 :], stack, number)
            stack.pop()
    leave_open(stack[:], stack, len(lines) + 1)
    return found, stray


def leave_open(some: list[Block], stack: list[Block], number: int):
    """Take some blocks from the stack, and note that they should have ended before a line."""
    for block in some:
        block.left_open = number
        stack.remove(block)


def mended(text: str) -> str:
    """Return Markdown with its blocks closed and its rows complete: what follows is read as it was meant."""
    found, stray = blocks(text)
    lines = [[line] for line in text.splitlines()] + [[]]
    for number in stray:
        lines[number - 1] = []
    for number, _, head in uneven(text):
        lines[number - 1] = ["|" * (head + 1)]
    for block in found:
        if block.left_open:
            lines[block.left_open - 1].insert(0, f"\n{'/' * block.slashes}\n")
    return "\n".join(line for group in lines for line in group)


def open_blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and message for each block that is not closed, or of no known kind, and for lost slashes."""
    found, stray = blocks(text)
    for block in found:
        if block.kind not in KINDS:
            yield block.line, f"there is no block {block.kind!r}; there are {', '.join(KINDS)}"
        elif block.left_open:
            yield (
                block.line,
                f"the block /// {block.kind} is not closed (/// is missing before line {block.left_open})",
            )
    for line in stray:
        yield line, "/// closes no block"


@lru_cache(maxsize=500)
def tables(text: str) -> list[tuple[list[tuple[int, str]], TableProcessor | None]]:
    """Return the numbered rows of each table, and the processor that read its head or, if none fits, None."""
    found, numbered = [], enumerate(shown(text).splitlines(), 1)
    for apart, group in groupby(numbered, lambda item: bool(APART.fullmatch(item[1]))):
        rows = [(number, line.strip(" ")) for number, line in group if not apart]
        processor = TableProcessor(PARSER, {})
        if processor.test(None, "\n".join(row for _, row in rows)):
            found.append((rows, processor))
        elif any(DASHES.fullmatch(row) for _, row in rows[1:]):
            found.append((rows, None))
    return found


def rows(path: Path) -> list[list[list[str]]]:
    """Return the tables of a page, each as its rows of cells, head first, as they are written."""
    return [
        [[cell.strip() for cell in processor._split_row(row)] for _, row in (some[0], *some[2:])]
        for some, processor in tables(written(path)) if processor
    ]  # fmt: skip


def uneven(text: str) -> Iterator[tuple[int, str, int]]:
    """Yield line, message and wanted number of cells for each row with another number than its head."""
    for rows, processor in tables(text):
        head = len(processor._split_row(rows[0][1])) if processor else 0
        for number, row in rows[2:] if processor else ():
            count = len(processor._split_row(row))
            if count != head:
                yield number, f"the row has {count} cells, the head of its table {head}{bars(row)}", head


def no_tables(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and message for a row of dashes that makes no table."""
    for rows, processor in tables(text):
        for number, row in rows[1:] if not processor else ():
            if DASHES.fullmatch(row):
                yield number, f"no table: these dashes do not fit the line above{bars(rows[0][1])}"


def headings(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and message for each heading with a formula, which contents and search could not show."""
    for number, line in enumerate(shown(text).splitlines(), 1):
        if HEADING.match(line) and front.TEX.search(line):
            yield number, "a heading must not contain a formula"


def snippets(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and message for each line that looks like a snippet, and would be shown as it stands."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*-{2,} ?8 ?[<‹-]", line) and not SNIPPET.fullmatch(line):
            yield number, 'this includes nothing; a snippet is written --8<-- "file:part"'


def bars(row: str) -> str:
    """Return how to write a bar in a formula, if the row may have one."""
    return "; in a formula, write a bar as \\given or \\vert" if re.search(r"\$[^$|]*\|[^$]*\$", row) else ""


def problems(path: Path) -> list[str]:
    """Return what is wrong with a page as it is written, each with its line."""
    text = written(path)
    short = (problem[:2] for problem in uneven(text))
    found = [
        *open_blocks(text),
        *short,
        *no_tables(text),
        *headings(text),
        *snippets(text),
        *front.problems(path, shown(text)),
    ]
    return [f"{where(path, line)}: {message}" for line, message in sorted(found)]
