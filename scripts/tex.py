"""Parse the TeX of a labelled equation into an expression tree.

The grammar is what the pages use: sums over sets, expectations under named distributions, cases,
conditional probabilities, indexed and primed symbols. Whatever it does not know is an error that
marks the place, never a guess.
"""

import re
from dataclasses import dataclass

from tokens import FUNCTIONS, Reader, TexError, tokens

__all__ = ["Node", "TexError", "statements"]

RELATIONS = {"=": "=", r"\le": "≤", r"\leq": "≤", r"\ge": "≥", r"\geq": "≥", "<": "<", ">": ">"}
CLOSING = {"(": ")", "[": "]", r"\{": r"\}", r"\lvert": r"\rvert"}


@dataclass(frozen=True)
class Node:
    """An operation with its arguments; numbers and names are nodes without arguments."""

    kind: str
    value: object = None
    parts: tuple = ()


def statements(tex: str) -> list[Node]:
    """Return the statements of a display: its rows, and what \\qquad separates, as relations."""
    body = re.sub(r"\\(label|tag|source)\{[^}]*\}", "", tex).strip()
    if r"\begin{cases}" in body:
        return [Parser(body).statement()]
    body = re.sub(r"\\(begin|end)\{aligned\}|&", "", body)
    rows, found = re.split(r"\\\\(?:\[[^\]]*\])?|\\qquad", body), []
    for row in filter(str.strip, rows):
        text = row.strip().rstrip(".,").strip()
        if found and tokens(text)[0] in RELATIONS:
            found[-1] += " " + text
        else:
            found.append(text)
    return [Parser(text).statement() for text in found]


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
        return Node("relation", tuple(signs), tuple(sides))

    def sum(self, single: bool = False) -> Node:
        """Parse terms joined by + and −."""
        if single:
            return self.atom()
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
        if re.fullmatch(r"[0-9.]+", token):
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
        start = self.position
        if self.tokens[start : start + 2] == ["{", "d"]:
            end = self.tokens.index("}", self.tokens.index("}", start) + 1) + 1
            text = "".join(self.tokens[start:end]).replace("\\", "")
            self.position = end
            return Node("name", "_".join(re.findall(r"\w+", text)))
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
            self.take("&")
            left = self.sum()
            sign = RELATIONS[self.take()]
            branches.append((value, Node("relation", (sign,), (left, self.sum()))))
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
