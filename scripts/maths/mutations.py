"""The mutants of a displayed equation: slips of the pen, each made at one place of its TeX.

An operator yields edits: what is done, from where to where in the source, and what stands there then.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from maths.tex import Parser, mathematics, rows, statements
from maths.tokens import FUNCTIONS, LETTERS, TOKEN, tokens

EXCHANGED = [(r"\min", r"\max"), (r"\log", r"\exp"), (r"\inf", r"\sup")]
SYMMETRIC = ("min", "max")
REVERSED = [(r"\le", r"\ge"), (r"\leq", r"\geq"), ("<", ">")]
RULES = (
    "sum", "term", "product", "power", "atom", "fraction", "summation", "cases", "named", "arguments",
    "name", "index",
)  # fmt: skip
Edit = tuple[str, int, int, str]


class Token(str):
    """A token with its place in the source, which for the tokens of a macro is the macro's."""

    start: int
    end: int

    @classmethod
    def at(cls, match: re.Match, text: str) -> "Token":
        """Return a token read from a match."""
        token = cls(text)
        token.start, token.end = match.span()
        return token


@dataclass
class Span:
    """The piece of the source that one rule of the grammar reads, and the pieces inside it."""

    rule: str
    start: int
    end: int
    value: object
    parts: list["Span"]


def located(rule: str):
    """Return the parser's method for a rule, which now also records the span it reads."""

    def parse(self, *arguments, **options):
        outer, self.parts, first = self.parts, [], self.position
        value = getattr(Parser, rule)(self, *arguments, **options)
        read, near = self.tokens[first : self.position], self.tokens[max(0, first - 1) : self.position + 1]
        # The source has no place for one half of a macro.
        if read and len(read) == sum(t.start >= read[0].start and t.end <= read[-1].end for t in near):
            outer.append(Span(rule, read[0].start, read[-1].end, value, self.parts))
        self.parts = outer
        return value

    return parse


class Locator(Parser):
    """The parser of the pages' TeX, with a record of what stands where."""

    def __init__(self, row: list[Token]):
        super().__init__(row)
        self.parts = []


for rule in RULES:
    setattr(Locator, rule, located(rule))


class Display:
    """The TeX of a display, its tokens, the statements it parses to, and the spans in it."""

    def __init__(self, tex: str):
        self.tex, self.statements, self.spans = tex, [], []
        found = TOKEN.finditer(mathematics(tex))
        self.tokens = [Token.at(match, text) for match in found for text in tokens(match[0])]
        for row in rows(self.tokens):
            locator = Locator(row)
            self.statements.append(locator.statement())
            self.spans += locator.parts

    def all(self, rule: str, spans: list[Span] | None = None) -> Iterator[Span]:
        """Yield all spans of a rule, from left to right."""
        for span in self.spans if spans is None else spans:
            if span.rule == rule:
                yield span
            yield from self.all(rule, span.parts)

    def text(self, span: Span) -> str:
        return self.tex[span.start : span.end]

    def swap(self, what: str, a: Span, b: Span) -> Edit:
        """Return the edit that exchanges two spans."""
        return what, a.start, b.end, join(self.text(b), self.tex[a.end : b.start], self.text(a))


def join(*pieces: str) -> str:
    """Join pieces of TeX, with a space where a command would run into a letter."""
    whole = ""
    for piece in pieces:
        whole += " " * bool(piece[:1].isalpha() and re.search(r"\\[A-Za-z]+$", whole)) + piece
    return whole


def signs(display: Display) -> Iterator[Edit]:
    for found in display.all("sum"):
        for number, term in enumerate(found.parts):
            sign = display.tex[term.start]
            if number:
                yield "flip sign", term.start, term.start + 1, {"+": "-", "-": "+"}[sign]
            elif sign == "-":
                yield "drop minus", term.start, term.start + 1, ""
    for index in display.all("index"):
        if display.tex[index.start] == "-":
            yield "drop minus", index.start, index.start + 1, ""


def terms(display: Display) -> Iterator[Edit]:
    for found in display.all("sum"):
        for term in found.parts if len(found.parts) > 1 else ():
            yield "drop term", term.start, term.end, ""


def fractions(display: Display) -> Iterator[Edit]:
    for fraction in display.all("fraction"):
        if fraction.parts:  # not a derivative, which is one name
            above, below = fraction.parts
            yield display.swap("turn fraction over", above, below)
            yield "drop numerator", above.start, above.end, "1"
            yield "drop denominator", fraction.start, fraction.end, f"({display.text(above)})"
    for token in display.tokens:
        if token == "/":
            yield "multiply", token.start, token.end, r" \cdot "


def functions(display: Display) -> Iterator[Edit]:
    for token in display.tokens:
        for what, pairs in (("exchange function", EXCHANGED), ("reverse inequality", REVERSED)):
            for other in [b for a, b in pairs if a == token] + [a for a, b in pairs if b == token]:
                yield what, token.start, token.end, other
    for named in display.all("named"):
        if named.parts[0].value == "sigma" and len(named.parts) > 1:
            (argument,) = named.parts[1].parts
            if display.tex[argument.start] != "-":  # else the minus is dropped
                yield "negate argument", argument.start, argument.end, f"-({display.text(argument)})"


def numbers(display: Display) -> Iterator[Edit]:
    for token in display.tokens:
        if token[0].isdigit():
            yield "increase number", token.start, token.end, f"{float(token) + 1:g}"
    for summation in display.all("summation"):
        for last in [part for part in summation.parts if part.rule == "sum"][1:]:
            bare = display.tex[last.start - 1] != "{"
            yield (
                "decrease limit",
                last.start,
                last.end,
                "{" * bare + f"{display.text(last)} - 1" + "}" * bare,
            )


def names(display: Display) -> Iterator[Edit]:
    """Yield exchanges of an index letter, and of a name for one of another index, star or prime."""
    for what, rule in (("change index", "index"), ("change name", "name")):
        occurring = {span.value: display.text(span) for span in reversed([*display.all(rule)])}
        for span in display.all(rule):
            for value in sorted(occurring):
                if value != span.value and related(rule, value, span.value):
                    yield what, span.start, span.end, occurring[value]


def related(rule: str, a: str, b: str) -> bool:
    """Tell whether two indices are letters of one alphabet and case, or two names decorate one symbol."""
    if rule == "index":
        return len(a) == len(b) == 1 and a.isalpha() and b.isalpha() and a.isupper() == b.isupper()
    return a.split("_")[0] == b.split("_")[0]


def preferences(display: Display) -> Iterator[Edit]:
    pair = {"y_w": "y_l", "y_l": "y_w"}
    found = [name for name in display.all("name") if name.value in pair]
    if len({name.value for name in found}) == 2:
        start, end = found[0].start, found[-1].end
        swapped = re.sub("y_[wl]", lambda match: pair[match[0]], display.tex[start:end])
        yield "exchange everywhere", start, end, swapped


def factors(display: Display) -> Iterator[Edit]:
    for product in display.all("product"):
        for before, factor in zip(product.parts, product.parts[1:]):
            yield "drop factor", before.end, factor.end, ""
        if len(product.parts) > 1:
            first, second = product.parts[:2]
            if "/" in display.tex[first.end : second.start]:
                yield "drop factor", first.start, first.end, "1"
            else:
                yield "drop factor", first.start, second.start, ""
    for named in display.all("named"):  # P (1 - P) is read as a product if P is a number
        if len(named.parts) == 2 and is_factor(*named.parts):
            name, bracket = named.parts
            yield "drop factor", name.start, name.end, ""
            yield "drop factor", bracket.start, bracket.end, ""


def is_factor(name: Span, bracket: Span) -> bool:
    """Tell whether a symbol before a bracket can be a factor: the bracket holds one sum of terms."""
    symbol = name.value.split("_")[0]
    letter = len(symbol) == 1 or symbol in LETTERS - FUNCTIONS
    return letter and [len(argument.parts) > 1 for argument in bracket.parts] == [True]


def arguments(display: Display) -> Iterator[Edit]:
    for named in display.all("named"):
        name, *given = named.parts
        found = [part for span in given for part in span.parts]
        for a, b in zip(found, found[1:]) if name.value not in SYMMETRIC else ():
            yield display.swap("exchange arguments", a, b)
            yield "repeat argument", a.start, a.end, display.text(b)
            yield "repeat argument", b.start, b.end, display.text(a)


def decorations(display: Display) -> Iterator[Edit]:
    for power in display.all("power"):
        base = power.parts[0]
        if base.end < power.end:
            yield "drop exponent", base.end, power.end, ""
    for atom in display.all("atom"):
        if display.text(atom).startswith(r"\lvert"):
            (inner,) = atom.parts
            yield "drop absolute value", atom.start, atom.end, f"({display.text(inner)})"
    for token in display.tokens:
        if token == "'":
            yield "drop prime", token.start, token.end, ""


def branches(display: Display) -> Iterator[Edit]:
    for cases in display.all("cases"):
        values = cases.parts[::3]  # each with the two sides of its condition
        for a, b in zip(values, values[1:]):
            yield display.swap("exchange cases", a, b)


OPERATORS = (
    signs, terms, fractions, functions, numbers, names, preferences, factors, arguments, decorations,
    branches,
)  # fmt: skip


def mutants(tex: str) -> Iterator[tuple[int, str, str]]:
    """Yield for each mutant of a display where it differs, what was done, and its TeX.

    What no longer parses, or parses to the same statements as the display or an earlier mutant, is none.
    """
    display, seen = Display(tex), {tuple(statements(tex))}
    edits = [edit for operator in OPERATORS for edit in operator(display)]
    for what, start, end, new in sorted(edits, key=lambda edit: edit[1:3]):
        mutated = join(tex[:start], new, tex[end:])
        try:
            parsed = tuple(statements(mutated))
        except (ValueError, LookupError):
            continue
        if parsed not in seen:
            seen.add(parsed)
            yield start, f"{what}: {context(display, start, end, new)}", mutated


def context(display: Display, start: int, end: int, new: str) -> str:
    """Return `before → after`, with a few tokens on either side."""
    left = [token.start for token in display.tokens if token.end <= start][-3:]
    right = [token.end for token in display.tokens if token.start >= end][:3]
    before, after = display.tex[min([start, *left]) : start], display.tex[end : max([end, *right])]
    old = join(before, display.tex[start:end], after)
    return " ".join(f"{old} → {join(before, new, after)}".split())
