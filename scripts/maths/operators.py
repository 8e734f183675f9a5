"""Parse what runs over sets or chooses by conditions: sums, extrema, expectations, indicators, cases."""

from maths.reader import Reader
from maths.tokens import TexError, Token
from maths.tree import Node

CLOSING = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⌈": "⌉", "⌊": "⌋", "|": "|", "‖": "‖"}


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
        return self.scripts(self.node(start, "matrix", None, *lines), closing)

    def case(self, row: tuple) -> tuple[Node, Node]:
        """Parse a value and its condition."""
        value, condition = (
            (*cell[:-1], *(t for t in cell[-1:] if t.text not in (",", "."))) for cell in (*row, ())[:2]
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
        lines = token.sub[0].rows if token.sub[0].kind == "table" else ((token.sub,),)
        conditions = [
            found for line in lines for cell in line for found in type(self)(cell).conditions(token.sup)
        ]
        if token.sup and not any(condition.kind == "range" for condition in conditions):
            self.fail(r"a sum has both its limits, as in \sum_{i=1}^n, or none")
        body = self.product()
        names = {node.value for condition in conditions for node in condition.walk() if node.kind == "name"}
        names |= {condition.value for condition in conditions if condition.kind == "range"}
        if operation != "sum" and not all(factor.mentions(names) for factor in factors(body)):
            self.fail("does the last factor belong to the operator before it? Write brackets")
        return self.node(start, "big", operation, body, *conditions)

    def conditions(self, last: tuple[Token, ...] | None) -> list[Node]:
        """Parse what stands below a sum: variables, `i = 1`, and conditions such as i < j."""
        found = []
        while not self.ended:
            condition = self.expression()
            if self.next.text in ("=", "≤", "≥", "<", ">", "≠", "∈", "∉"):
                condition = self.chain(condition)
                if condition.value == ("=",) and not found:
                    variable, first = condition.parts
                    if not last:
                        self.fail(r"a sum has both its limits, as in \sum_{i=1}^n, or none")
                    condition = Node("range", variable.plain, (first, self.inner(last)), condition.tex)
            found.append(condition)
            if not self.ended:
                self.take(",")
        return found

    def expectation(self, start: int, token: Token) -> Node:
        """Parse \\E_{y \\sim p(· | x)}[…], also with a tuple of variables, or \\E_Q[…]."""
        laws = type(self)(token.sub).laws()
        if self.next.text not in ("[", "(", "{"):
            self.fail("write brackets around what the expectation is taken of")
        (body,) = self.arguments()
        for names, law in reversed(laws):
            body = self.node(start, "expectation", names, law, body)
        return self.scripts(body, self.tokens[self.position - 1])

    def laws(self) -> list[tuple[tuple[str, ...], Node]]:
        """Parse `y ~ p, (x', y') ~ q`, or the name of a law."""
        found = []
        while not self.ended:
            drawn = self.bracket() if self.next.side == "open" else self.power()
            names = tuple(part.plain for part in (drawn.parts if drawn.kind == "stack" else (drawn,)))
            found.append((names, self.power()) if self.accept("∼") else ((), drawn))
            if not self.ended:
                self.take(",")
        return found

    def indicator(self, start: int, token: Token) -> Node:
        """Parse 𝟙[a > b]; a bold 1 without a bracket is the vector of ones."""
        if token.sub:
            return self.node(start, "indicator", None, self.inner(token.sub, "relation"))
        if self.next.text not in ("[", "(", "{"):
            return self.scripts(self.node(start, "name", "ones"), token)
        closing = CLOSING[self.take().text]
        conditions = [self.relation()]
        while self.accept(","):
            conditions.append(self.relation())
        self.take(closing)
        return self.node(start, "indicator", None, *conditions)


def factors(node: Node) -> list[Node]:
    """Return the factors of a product."""
    if node.kind == "multiply" or node.kind == "divide" and node.value == "/":
        return [factor for part in node.parts for factor in factors(part)]
    return [node]
