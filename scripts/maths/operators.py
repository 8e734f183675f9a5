"""Parse the atoms of an equation: brackets, fractions, names with their indices, sums over sets."""

from maths.reader import Reader
from maths.tokens import TexError, Token
from maths.tree import Node

CLOSING = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⌈": "⌉", "⌊": "⌋", "|": "|", "‖": "‖", "∥": "∥"}
BRACKETS = {"⟨": "inner", "⌈": "ceil", "⌊": "floor", "|": "absolute", "‖": "norm"}
BIG = {"∑": "sum", "∏": "prod", "max": "max", "min": "min", "sup": "max", "inf": "min"}
BIG |= {"argmax": "argmax", "argmin": "argmin"}
SEPARATORS = (",", ";", "∣", "|", "‖", "∥", ":")
REMEDIES = {
    "…": r"write the sum or product with \sum or \prod: dots leave open what they stand for",
    "⋯": r"write the sum or product with \sum or \prod: dots leave open what they stand for",
    "∫": "an integral is not computed: give it as a symbol of its own",
    "±": "write two statements, one with + and one with −",
}


class Operators(Reader):
    """Parses the factors of a product."""

    def power(self) -> Node:
        """Parse an atom; a name before a bracket is applied to what stands in it."""
        start, token = self.position, self.next
        found = self.atom()
        if token.kind == "name" and self.next.side == "open" and self.next.text in ("(", "[", "{"):
            word = token.function or token.font == "rm" and len(token.text) > 1
            if found.kind in ("name", "index", "power") and (self.next.text == "(" or word):
                given = self.arguments()
                return self.scripts(
                    self.node(start, "apply", None, found, *given), self.tokens[self.position - 1]
                )
        if token.function and found.kind in ("name", "index", "power"):
            found = self.node(start, "apply", "bare", found, self.power())
            if self.next.text in ("⋅", "·", "×", "/") or self.starts_factor() and not self.next.function:
                self.fail(f"does the argument of {token.latex} end here? Write brackets")
        return found

    def atom(self) -> Node:
        """Parse a number, a bracket, a fraction, a root, a sum, or a name."""
        start, token = self.position, self.take()
        if token.text in BIG and (token.kind == "sign" or token.sub):
            return self.big(start, BIG[token.text], token)
        if token.text == "arg" and self.next.text in ("max", "min"):
            return self.big(start, "arg" + self.next.text, self.take())
        if token.kind == "name" and token.text == "E" and token.font == "bb" and token.sub:
            return self.expectation(start, token)
        if token.kind == "number" and token.font:
            return self.indicator(start, token)
        if token.side == "open" or token.text in ("|", "‖"):
            self.position -= 1
            return self.bracket()
        read = getattr(self, f"read_{token.kind}", None)
        if not read:
            self.position -= 1
            self.fail(REMEDIES.get(token.text, "expected a number or a name"))
        found = read(token)
        return self.scripts(self.node(start, *found), self.tokens[self.position - 1])

    def read_number(self, token: Token) -> tuple:
        if token.sub or "," in token.text:
            self.fail("write the number without a comma or an index")
        return "number", token.text

    def read_name(self, token: Token) -> tuple:
        if token.text == "Delta" and not (token.sub or token.sup) and self.next.kind == "name":
            self.position += 1  # the change of something is a symbol of its own
            return "name", f"Delta_{self.tokens[self.position - 1].text}"
        constant = token.font == "rm" and token.text in ("e", "i")
        return ("constant" if constant else "name"), token.text

    def read_fraction(self, token: Token) -> tuple:
        """Parse a fraction; d…/d… is one name, a derivative."""
        if token.sub or token.sup:
            self.fail("write brackets around a fraction that has an exponent")
        above, below = token.rows
        if below and len(below) > 1 and (kind := below[0].text) in ("d", "partial") and above[0].text == kind:
            return "name", "_".join(type(self)(row).differential(kind) for row in (above, below))
        return "divide", r"\frac", self.inner(above), self.inner(below)

    def differential(self, kind: str) -> str:
        """Return the name of one half of a derivative: `d` and a symbol."""
        order = "".join(t.text for t in self.take().sup or ())
        names = []
        while not self.ended:
            names.append(self.power().plain.replace("__", ""))
        return ("partial_" if kind == "partial" else "d") + order + "_".join(names)

    def read_binomial(self, token: Token) -> tuple:
        return "apply", None, Node("name", "binom"), *map(self.inner, token.rows)

    def read_root(self, token: Token) -> tuple:
        degree = self.inner(token.rows[1]) if len(token.rows) > 1 else Node("number", "2")
        return "power", "root", self.inner(token.rows[0]), Node("divide", "/", (Node("number", "1"), degree))

    def read_overline(self, token: Token) -> tuple:
        return "conjugate", None, self.inner(token.rows[0])

    def bracket(self) -> Node:
        """Parse what stands in a bracket or between bars, with the scripts at its end."""
        start, opening = self.position, self.take()
        if self.next.kind == "table":
            return self.table(start, opening)
        self.inside += 1
        parts, separators = self.items(CLOSING.get(opening.text, ""))
        self.inside -= 1
        closing = self.tokens[self.position - 1]
        kind = BRACKETS.get(opening.text)
        if kind == "norm":
            order = "".join(token.text for token in closing.sub or ())
            found = self.node(start, "norm", order, *parts)
            return self.scripts(found, Token("sign", closing.text, sup=closing.sup))
        if kind and len(parts) != 1 + (kind == "inner"):
            self.fail(f"{len(parts)} values stand between {opening.text} and {closing.text}")
        if kind or len(parts) > 1:
            found = self.node(start, kind or "stack", "" if kind else opening.text + separators, *parts)
        else:
            found = parts[0]
        return self.scripts(found, closing)

    def items(self, closing: str) -> tuple[list[Node], str]:
        """Parse expressions up to a closing bracket; return them and one of the signs between them."""
        parts, separators = [self.item()], set()
        while self.next.text in SEPARATORS and self.next.text != closing:
            separators.add(self.take().text)
            parts.append(self.item())
        self.take(closing)
        return parts, "".join(sorted(separators))

    def item(self) -> Node:
        """Parse one argument; a dot stands for a whole distribution."""
        return self.node(self.position - 1, "name", "cdot") if self.accept("⋅") else self.expression()

    def arguments(self) -> list[Node]:
        """Parse arguments in brackets, separated by comma, semicolon, bar or double bar."""
        outer, self.inside = self.inside, 1
        parts, _ = self.items(CLOSING[self.take().text])
        self.inside = outer
        return parts

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
