"""Parse what runs over sets or chooses by conditions: sums, extrema, expectations, indicators, cases."""

from maths.reader import Reader
from maths.tokens import RELATIONS, TexError, Token
from maths.tree import Node

CLOSING = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⌈": "⌉", "⌊": "⌋", "|": "|", "‖": "‖"}
OPENING = ("(", "[", "{")


class Operators(Reader):
    """Parses operators with limits, and cases."""

    def table(self, start: int, opening: Token) -> Node:
        """Parse cases, or a matrix between brackets."""
        rows, closing = self.take().rows, self.take()
        if opening.text == "{" and not closing.text:
            return self.node(start, "cases", None, *(part for row in rows for part in self.case(row)))
        if opening.text not in ("(", "["):
            self.fail(r"write \det for a determinant, and pmatrix or bmatrix for a matrix")
        lines = [Node("row", None, tuple(map(self.inner, row))) for row in rows]
        return self.scripts(self.node(start, "matrix", None, *lines))

    def case(self, row: tuple) -> tuple[Node, Node]:
        """Parse a value and its condition."""
        value, condition = (
            cell[:-1] if cell and cell[-1].text in (",", ".") else cell for cell in (*row, ())[:2]
        )
        words = " ".join(token.text.strip() for token in condition if token.kind == "text")
        rest = tuple(token for token in condition if token.kind not in ("text", "space"))
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
        names = {node.value for condition in conditions for node in condition.walk() if node.kind == "name"}
        if token.sup:
            variable, least = conditions[0].parts
            limits = least, self.inner(token.sup)
            conditions[0] = Node("range", variable.plain, limits, conditions[0].tex)
        body = self.product()
        if operation != "sum" and not all(factor.mentions(names) for factor in factors(body)):
            self.fail("does the last factor belong to the operator before it? Write brackets")
        return self.node(start, "big", operation, body, *conditions)

    def condition(self) -> Node:
        """Parse what may stand below a sum: a variable, `i = 1`, or a condition such as i < j."""
        found = self.expression()
        return self.chain(found) if self.next.text in RELATIONS else found

    def expectation(self, start: int, token: Token) -> Node:
        """Parse \\E_{y \\sim p(· | x)}[…], also with a tuple of variables, or \\E_Q[…]."""
        if self.next.text not in OPENING:
            self.fail("write brackets around what the expectation is taken of")
        laws = self.inner(token.sub, "law", ",")
        (body,) = self.arguments()
        for names, law in reversed(laws):
            body = self.node(start, "expectation", names, law, body)
        return self.scripts(body)

    def law(self) -> tuple[tuple[str, ...], Node]:
        """Parse `y ~ p` or `(x', y') ~ q`, or the name of a law."""
        drawn = self.power()
        names = tuple(part.plain for part in (drawn.parts if drawn.kind == "stack" else (drawn,)))
        return (names, self.power()) if self.accept("∼") else ((), drawn)

    def indicator(self, start: int, token: Token) -> Node:
        """Parse 𝟙[a > b]; a bold 1 without a bracket is the vector of ones."""
        if token.sub:
            return self.node(start, "indicator", None, self.inner(token.sub, "relation"))
        if self.next.text not in OPENING:
            return self.scripts(self.node(start, "name", "ones"))
        closing = CLOSING[self.take().text]
        conditions = self.separated(self.relation)
        self.take(closing)
        return self.node(start, "indicator", None, *conditions)


def factors(node: Node) -> list[Node]:
    """Return the factors of a product."""
    if node.kind == "multiply" or node.kind == "divide" and node.value == "/":
        return [factor for part in node.parts for factor in factors(part)]
    return [node]
