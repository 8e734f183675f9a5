"""The lines of a display: which of its rows and columns belong to one statement."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from maths.parser import Parser
from maths.tokens import PRODUCTS, RELATIONS, TexError, Token
from maths.tree import Node


def statements(found: tuple[Token, ...]) -> list[Node]:
    """Return the statements of a display as relations."""
    return [node for line in lines(found) for node in Parser(line).statements()]


def lines(found: tuple[Token, ...]) -> list[list[Token]]:
    """Return the lines of a display: a row, or in an aligned block each pair of its columns.

    A line that begins with a relation goes on with the line before it, as does one whose bracket is
    still open, and one that begins with a sign and states nothing itself.
    """
    stated, above = [], {}
    for cells in rows(found):
        for column in range(0, len(cells), 2):
            before = above.get(column)
            line = trimmed(sum(cells[column : column + 2], ()), before or ())
            if line and before and goes_on(line, before, not cells[column]):
                before += line
            elif line:
                above[column] = line
                stated.append(line)
    return stated


def rows(found: tuple[Token, ...]) -> list[tuple[tuple[Token, ...], ...]]:
    """Return the rows of cells of a display."""
    tables = [token for token in found if token.text == "aligned"]
    if len(tables) == 1 and all(token.text in ("aligned", ",", ".") for token in found):
        return list(tables[0].rows)
    ends = [-1, *(at for at, token in enumerate(found) if token.text == "newline"), len(found)]
    return [(found[before + 1 : end],) for before, end in pairwise(ends)]


def trimmed(line: tuple[Token, ...], before: Sequence[Token] = ()) -> list[Token]:
    """Return a line without the spaces and the punctuation at its ends, and the spaces beside signs.

    A comma in a bracket, which may be open from the line before, is kept, and spaces there are dropped.
    """
    inside = depths([*before, *line])[len(before) :]
    within = [(t, depth) for t, depth in zip(line, inside) if t.kind != "space" or depth <= 0]
    ends = [t.kind != "space" and (depth > 0 or t.text not in (",", ".")) for t, depth in within]
    if not any(ends):
        return []
    kept = [t for t, _ in within[ends.index(True) : len(ends) - ends[::-1].index(True)]]
    signs = (*RELATIONS, *PRODUCTS, "+", "−")
    return [
        token for at, token in enumerate(kept)
        if token.kind != "space" or kept[at - 1].text not in signs and kept[at + 1].text not in RELATIONS
    ]  # fmt: skip


def goes_on(line: list[Token], before: list[Token], behind: bool) -> bool:
    """Tell whether a line continues the line before it; `behind` the alignment, a statement may not begin."""
    if line[0].text in RELATIONS or depths(before)[-1] > 0:
        return True
    signed = line[0].text in (*PRODUCTS, "+", "−")
    states = any(token.text in RELATIONS and not depth for token, depth in zip(line, depths(line)))
    if signed and states and behind:
        words = " ".join(token.latex for token in line[:4])
        raise TexError(f"is {words} … a statement, or does it go on with the row before?")
    return signed and not states


def depths(line: list[Token]) -> list[int]:
    """Return how many brackets are open behind each token."""
    return list(accumulate((token.side == "open") - (token.side == "close") for token in line))
