"""Parse what runs over sets or chooses by conditions: sums, extrema, expectations, indicators, cases."""

from dataclasses import replace

from maths.reader import Reader
from maths.tokens import RELATIONS, TexError, Token
from maths.tree import Node

CLOSING = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⌈": "⌉", "⌊": "⌋", "|": "|", "‖": "‖"}
OPENING = ("(", "[", "{")


class Operators(Reader):
    """Parses operators with limits, and cases."""

    def table(self, start: int, opening: Token) -> Node:
        """Parse cases, or a matrix between brackets."""
        table, closing = self.take(), self.take(scripts=True)
        rows = table.rows
        if opening.text == "{" and not closing.text:
            if closing.sub or closing.sup:
                self.fail("write brackets around cases that have an index or exponent")
            return self.node(start, "cases", None, *(part for row in rows for part in self.case(row)))
        if table.text or opening.text not in ("(", "["):
            self.fail(r"write \det for a determinant, and pmatrix or bmatrix for a matrix")
        lines = [Node("row", None, tuple(map(self.inner, row))) for row in rows]
        return self.scripts(self.node(start, "matrix", None, *lines))

    def case(self, row: tuple) -> tuple[Node, Node]:
        """Parse a value and its condition."""
        value, condition = (
            cell[:-1] if cell and cell[-1].text in (",", ".") else cell for cell in (*row, ())[:2]
        )
        if len(row) > 2:
            raise TexError("a case has two columns, a value and its condition")
        words = " ".join(token.text.strip() for token in condition if token.kind == "text")
        rest = tuple(t for t in condition if t.kind not in ("text", "space") or t.sub or t.sup)
        if words in ("otherwise", "else") and not rest:
            return self.inner(value), Node("otherwise")
        if words not in ("", "if", "for", "when") or not rest:
            raise TexError(f"a case needs a condition, as in A > 0, or the word otherwise: {words or 'none'}")
        return self.inner(value), self.inner(rest, "relation")

    def big(self, start: int, operation: str, token: Token) -> Node:
        """Parse a sum, product or extremum over sets and conditions; the body is the product that follows."""
        if not token.sub:
            self.fail("a sum needs a variable below it")
        table = token.sub[0].kind == "table"  # of lines, one below the other
        lines = [cell for row in token.sub[0].rows for cell in row] if table else [token.sub]
        conditions = [found for line in lines for found in self.inner(line, "condition", ",")]
        counts = [condition.value == ("=",) for condition in conditions]
        if counts[0] != bool(token.sup) or token.sup and sum(counts) > 1:
            self.fail(r"a sum has both its limits, as in \sum_{i=1}^n, or none")
        if token.sup:
            variable, least = conditions[0].parts
            limits = least, self.inner(token.sup)
            conditions[0] = Node("range", variable.plain, limits, conditions[0].tex)
        return self.node(start, "big", operation, self.product(), *conditions)

    def condition(self) -> Node:
        """Parse what may stand below a sum: a variable, `i = 1`, or a condition such as i < j."""
        found = self.expression()
        return self.chain(found) if self.next.text in RELATIONS else found

    def expectation(self, start: int, token: Token) -> Node:
        """Parse \\E_{y \\sim p(· | x)}[…], also with a tuple of variables, or \\E_Q[…]."""
        if not token.sub or token.sup:
            self.fail(r"an expectation needs its variables, \E_{y \sim p}[y], and its exponent behind it")
        if self.next.text not in OPENING:
            self.fail("write brackets around what the expectation is taken of")
        laws, curved = self.inner(token.sub, "law", ","), self.next.text == "("
        body, *more = self.arguments()
        if more:
            self.fail("a mean is of one value: give a conditional one as a symbol of its own")
        if curved and self.tokens[self.position - 1].sup:
            self.fail("is the mean raised, or what it is taken of? Write square brackets around the latter")
        for names, law in reversed(laws):
            body = self.node(start, "expectation", names, law, body)
        return self.scripts(body)

    def law(self) -> tuple[tuple[str, ...], Node]:
        """Parse `y ~ p` or `(x', y') ~ q`, or the name of a law."""
        drawn = self.power()
        return (drawn.names, self.power()) if self.accept("∼") else ((), drawn)

    def indicator(self, start: int, token: Token) -> Node:
        """Parse 𝟙[a > b]; a bold 1 without a condition is the vector of ones."""
        if token.text != "1":
            self.fail(r"a number is upright, and only \mathbf 1 is a vector of ones or an indicator")
        if any(t.text in RELATIONS for t in token.sub or ()):
            conditions, token = [self.inner(token.sub, "relation")], replace(token, sub=None)
        elif token.sub or token.sup or self.next.text not in OPENING:
            return self.scripts(self.node(start, "name", "ones"))
        else:
            closing, conditions = CLOSING[self.take().text], self.separated(self.relation)
            token = self.take(closing, scripts=True)
        return self.scripts(self.node(start, "indicator", None, *conditions), token)
