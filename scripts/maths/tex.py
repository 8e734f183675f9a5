"""Parse the TeX of a labelled equation into an expression tree.

The grammar is what the pages use: sums over sets, expectations under named distributions, cases,
conditional probabilities, indexed and primed symbols. Whatever it does not know is an error that
marks the place, never a guess.
"""

import re
from dataclasses import dataclass
from itertools import accumulate

from maths.tokens import FUNCTIONS, LETTERS, NUMBER, Reader, TexError, tokens

__all__ = ["Node", "TexError", "statements"]

RELATIONS = {"=": "=", r"\le": "≤", r"\leq": "≤", r"\ge": "≥", r"\geq": "≥", "<": "<", ">": ">"}
CLOSING = {"(": ")", "[": "]", r"\lvert": r"\rvert"}
BREAKS = (r"\\", r"\quad", r"\qquad")
NO_MATHEMATICS = re.compile(r"\\(?:label|tag|source)\{[^}]*\}|\\(?:begin|end)\{aligned\}|(?<=\\\\)\[[^\]]*\]")


@dataclass(frozen=True)
class Node:
    """An operation with its arguments; numbers and names are nodes without arguments."""

    kind: str
    value: object = None
    parts: tuple = ()


def statements(tex: str) -> list[Node]:
    """Return the statements of a display as relations."""
    return [Parser(row).statement() for row in rows(tokens(mathematics(tex)))]


def mathematics(tex: str) -> str:
    """Return the TeX of a display with blanks for what is not part of its statements."""
    return NO_MATHEMATICS.sub(lambda match: " " * len(match[0]), tex)


def rows(found: list[str]) -> list[list[str]]:
    """Return the tokens of each statement: one for each row of a display, or between \\qquad.

    A row that begins with a relation goes on with the statement before it, and so does one that
    begins with a sign and states nothing itself.
    """
    if r"\begin" in found:
        return [without_stop(found)]
    lines = [[]]
    for token in found:
        if token not in BREAKS:
            lines[-1].append(token)
        elif any(token != "&" for token in lines[-1]):
            lines.append([])
    stated = []
    for line in lines:
        row = without_stop([token for token in line if token != "&"])
        if not row:
            continue
        signed, complete = row[0] in ("+", "-"), has_relation(row)
        if stated and signed and complete and line[0] == "&":
            raise TexError(f"is {' '.join(row[:4])} … a statement, or does it go on with the row before?")
        if stated and (row[0] in RELATIONS or (signed and not complete)):
            stated[-1] += row
        else:
            stated.append(row)
    return stated


def without_stop(row: list[str]) -> list[str]:
    """Return the tokens of a row without the punctuation at its end."""
    end = len(row)
    while end and row[end - 1] in (".", ","):
        end -= 1
    return row[:end]


def has_relation(row: list[str]) -> bool:
    """Tell whether a relation stands among the tokens, outside of braces."""
    depths = accumulate((token == "{") - (token == "}") for token in row)
    return any(token in RELATIONS and not depth for token, depth in zip(row, depths))


class Parser(Reader):
    """A recursive-descent parser for one statement."""

    def statement(self) -> Node:
        """Parse `a = b ≤ c`; the node holds the relation signs and the sides."""
        sides, signs = [self.sum()], []
        while self.next in RELATIONS:
            signs.append(RELATIONS[self.take()])
            sides.append(self.sum())
        if self.next:
            self.fail("cannot read on")
        if not signs:
            self.fail("nothing is stated: the row has no relation")
        return Node("relation", tuple(signs), tuple(sides))

    def sum(self, single: bool = False) -> Node:
        """Parse terms joined by + and −; a single token is a digit or a letter."""
        if single:
            token = self.take()
            if NUMBER.fullmatch(token):
                return Node("number", float(token))
            if (token.isalpha() and len(token) == 1) or token[1:] in LETTERS:
                return Node("name", token.lstrip("\\"))
            self.position -= 1
            self.fail("write braces around more than a digit or a letter")
        terms = [self.term(self.next in "+-" and bool(self.next))]
        while self.next and self.next in "+-":
            terms.append(self.term(True))
        return terms[0] if len(terms) == 1 else Node("add", None, tuple(terms))

    def term(self, signed: bool) -> Node:
        """Parse one term, with its sign if it has one."""
        negative = signed and self.take() == "-"
        product = self.product()
        return Node("negate", None, (product,)) if negative else product

    def product(self) -> Node:
        """Parse factors that stand side by side, with · × or /."""
        result = self.power()
        while self.starts_factor() or self.next in (r"\cdot", r"\times", "/"):
            sign = self.take() if self.next in (r"\cdot", r"\times", "/") else "*"
            if sign == "*" and NUMBER.fullmatch(self.next):
                self.fail("a number stands behind a factor")
            kind = "divide" if sign == "/" else "multiply"
            result = Node(kind, None, (result, self.power()))
        return result

    def starts_factor(self) -> bool:
        """Tell whether the next token can begin a factor."""
        token = self.next
        stops = {"", ")", "]", "}", "&", "+", "-", "/", ",", ";", "|", "[", "^", "_", "'", ":"}
        stops |= {r"\mid", r"\|", r"\rvert", r"\sim", r"\}", r"\cdot", r"\times", r"\end", r"\\"}
        return token not in stops and token not in RELATIONS

    def power(self) -> Node:
        """Parse an atom with its exponent."""
        base = self.atom()
        if self.accept("^"):
            return Node("power", None, (base, self.group(self.sum)))
        return base

    def atom(self, single: bool = False) -> Node:
        """Parse a number, a bracket, a fraction, an operator or a name."""
        token = self.next
        if NUMBER.fullmatch(token):
            return Node("number", float(self.take()))
        if token in ("(", r"\lvert", "["):
            self.take()
            inner = self.sum()
            self.take(CLOSING[token])
            return Node("absolute", None, (inner,)) if token == r"\lvert" else inner
        special = {
            r"\frac": self.fraction, r"\sum": self.summation, r"\mathbb": self.expectation,
            r"\begin": self.cases, r"\sqrt": self.root,
        }  # fmt: skip
        return special[token]() if token in special else self.named()

    def fraction(self) -> Node:
        """Parse a fraction; d…/d… is one name, a derivative."""
        self.take(r"\frac")
        rest = " ".join(self.tokens[self.position :])
        if derivative := re.match(r"\{ d (\\?[A-Za-z][^}]*) \} \{ d (\\?[A-Za-z][^}]*) \}", rest):
            self.position += len(derivative[0].split())
            return Node("name", "_".join("d" + re.sub(r"\W", "", part) for part in derivative.groups()))
        return Node("divide", None, (self.group(self.sum), self.group(self.sum)))

    def root(self) -> Node:
        """Parse a square root."""
        self.take(r"\sqrt")
        return Node("power", None, (self.group(self.sum), Node("number", 0.5)))

    def summation(self) -> Node:
        """Parse \\sum_y or \\sum_{j=1}^n; the body is the product that follows."""
        self.take(r"\sum")
        self.take("_")
        braced = self.accept("{")
        variable, first, last = self.name(), None, None
        if braced:
            first = self.sum() if self.accept("=") else None
            self.take("}")
        if self.accept("^"):
            last = self.group(self.sum)
        if (first is None) != (last is None):
            self.fail("a sum has both its limits, as in \\sum_{i=1}^n, or none")
        limits = () if first is None else (first, last)
        return Node("sum", variable, (self.product(), *limits))

    def expectation(self) -> Node:
        """Parse \\E_{y \\sim p(· | x)}[…], also with a tuple of variables, or \\E_Q[…]."""
        for token in (r"\mathbb", "{", "E", "}"):
            self.take(token)
        self.take("_")
        if not self.accept("{"):
            law, variables = self.named(), ()
        else:
            variables = self.variables()
            self.take(r"\sim")
            law = self.named()
            self.take("}")
        self.take("[")
        body = self.sum()
        self.take("]")
        return Node("expectation", variables, (law, body))

    def variables(self) -> tuple[str, ...]:
        """Parse `y` or `(x', y')`."""
        if not self.accept("("):
            return (self.name(),)
        names = [self.name()]
        while self.accept(","):
            names.append(self.name())
        self.take(")")
        return tuple(names)

    def cases(self) -> Node:
        """Parse \\begin{cases} value & condition \\\\ … \\end{cases}."""
        self.keyword(r"\begin")
        branches = []
        while self.next != r"\end":
            value = self.sum()
            self.accept(",")
            self.take("&")
            left = self.sum()
            if self.next not in RELATIONS:
                self.fail("a case needs a condition, as in A > 0")
            sign = RELATIONS[self.take()]
            branches.append((value, Node("relation", (sign,), (left, self.sum()))))
            self.accept(",")
            self.accept(r"\\")
        self.keyword(r"\end")
        return Node("cases", None, tuple(part for branch in branches for part in branch))

    def keyword(self, command: str):
        """Consume \\begin{cases} or \\end{cases}."""
        self.take(command)
        for token in ("{", *"cases", "}"):
            self.take(token)

    def named(self) -> Node:
        """Parse a name, with its arguments if it is applied to some, and an index of the result."""
        if self.accept(r"\cdot"):
            return Node("name", "cdot")
        name = self.name()
        if self.next == "(":
            applied = Node("apply", name, self.arguments())
            return Node("item", self.group(self.index), (applied,)) if self.accept("_") else applied
        if name in FUNCTIONS:
            return Node("apply", name, (self.power(),))
        return Node("name", name)

    def arguments(self) -> tuple[Node, ...]:
        """Parse arguments in brackets, separated by comma, semicolon, bar or double bar."""
        self.take("(")
        found = [self.argument()]
        while self.next in (",", ";", r"\mid", r"\|", "|"):
            self.take()
            found.append(self.argument())
        self.take(")")
        return tuple(found)

    def argument(self) -> Node:
        """Parse one argument; a dot stands for a whole distribution."""
        return Node("name", "cdot") if self.accept(r"\cdot") else self.sum()
