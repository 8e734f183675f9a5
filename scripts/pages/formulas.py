"""Put the typeset formulas into the pages: with few elements, and with line breaks where one is long."""

import re
from collections.abc import Iterator
from html import escape
from itertools import islice

from maths.typeset import Typeset

from pages import formula_fonts
from pages.kept import per_page
from pages.lean import lean
from pages.styles import names

PLACEHOLDER = re.compile(r'([(\[“]?)<span class="math" data-formula="(\d+)">([^<]*)</span>([,.;:!?)\]”]?)')
PART = '<span class="katex-base">'  # KaTeX ends such a part where a line may break
# A line breaks between two characters of a box that allows it, not at the edges of the box.
BREAK = '<span class="break">\N{ZERO WIDTH SPACE}\N{ZERO WIDTH SPACE}</span>'
MARKUP = re.compile(r"<[^>]*>")
UNBROKEN = 24  # characters: a formula up to this length fits a line on a phone


class Formulas:
    """The formulas of all pages as these show them, in order; their class names, and characters by face."""

    def __init__(self, sheets: list, typeset: list[Typeset]):
        self.shown, self.names, self.faces = [], set(), {}
        following = iter(typeset)
        for sheet in sheets:
            own = [(one.html, one.text) for one in islice(following, len(sheet.article.formulas))]
            shown, found, faces = of_page(repr(own), own)
            self.shown += shown
            self.names |= found
            for face, characters in faces.items():
                self.faces.setdefault(face, set()).update(characters)

    def put(self, html: str) -> str:
        """Return HTML with the formulas in place of their plain text, tied to the punctuation they touch."""

        def formula(match: re.Match) -> str:
            before, index, _, after = match.groups(default="")
            return f'<span class="math">{before}{self.shown[int(index)]}{after}</span>'

        return PLACEHOLDER.sub(formula, html)


@per_page
def of_page(key: str, page: list[tuple[str, str]]) -> tuple[list[str], set[str], dict[str, set[str]]]:
    """Return some formulas, given as HTML and text, as they are shown; their class names and characters."""
    shown = [lean(broken(html, escape(text.replace("<", "‹"), quote=False))) for html, text in page]
    some = set(filter(None, shown))  # what could not be typeset is a problem elsewhere
    return shown, names(some), formula_fonts.faces(some)


def broken(formula: str, text: str) -> str:
    """Return a formula, which is set without line breaks, with those between its parts if it is long.

    `text` is the plain text that stands for it in the HTML of its page.
    """
    if len(text) <= UNBROKEN or PART not in formula:
        return formula
    start, *parts = formula.split(PART)
    return start + PART + (BREAK + PART).join(stretches(parts))


def stretches(parts: list[str]) -> Iterator[str]:
    """Yield the stretches of a formula that a line holds whole: no bracket ends on another line.

    Only a bracket that is too long for that may break inside.
    """
    groups, depth = [[]], 0
    for part in parts:
        groups[-1].append(part)
        depth += part.count('class="mopen') - part.count('class="mclose')
        if depth <= 0:
            groups.append([])
            depth = 0
    for group in filter(None, groups):
        long = len(MARKUP.sub("", "".join(group))) > UNBROKEN
        yield ((BREAK if long else "") + PART).join(group)
