"""Parse the factors of a product: numbers, names and their arguments, brackets, fractions, roots."""

from dataclasses import replace

from maths.operators import CLOSING, OPENING, Operators
from maths.tokens import PRODUCTS, Token
from maths.tree import Node

BRACKETS = {"⟨": "inner", "⌈": "ceil", "⌊": "floor", "|": "absolute", "‖": "norm"}
BIG = {"∑": "sum", "∏": "prod", "max": "max", "min": "min", "sup": "max", "inf": "min"}
BIG |= {"argmax": "argmax", "argmin": "argmin"}
OPEN_ENDED = "log ln lg exp sin cos tan cot sinh cosh tanh coth arcsin arccos arctan".split()  # log (x)^2?
SEPARATORS = (",", ";", "∣", "|", "‖", ":")
REMEDIES = {
    "…": r"write the sum or product with \sum or \prod: dots leave open what they stand for",
    "∫": "an integral is not computed: give it as a symbol of its own",
    "text": r"write \operatorname{…} for a function, and \mathrm{…} for a symbol",
    "±": "write two statements, one with + and one with −",
}


class Atoms(Operators):
    """Parses the factors of a product."""

    def power(self) -> Node:
        """Parse an atom; a name before a bracket is applied to what stands in it."""
        start, token = self.position, self.next
        found = self.atom()
        if token.kind != "name" or not found.root or found.kind == "power" and found.root == "e":
            return found
        word = token.function or token.font == "rm" and len(token.text) > 1
        if self.next.text in (OPENING if word else ("(",)):
            given, end = self.arguments(), self.tokens[self.position - 1]
            if token.text in OPEN_ENDED and end.sup:
                self.fail(f"is the value of {token.latex} raised, or what is in its bracket? Write brackets")
            return self.scripts(self.node(start, "apply", None, found, *given))
        if token.function:
            found = self.node(start, "apply", "bare", found, self.power())
            if self.next.text in PRODUCTS or self.starts_factor() and not self.next.function:
                self.fail(f"does the argument of {token.latex} end here? Write brackets")
        return found

    def atom(self) -> Node:
        """Parse a number, a bracket, a fraction, a root, a sum, or a name."""
        start, token = self.position, self.take(scripts=True)
        if token.text in BIG and (token.kind == "sign" or token.sub):
            return self.big(start, BIG[token.text], token)
        if token.text == "arg" and self.next.text in ("max", "min") and not token.sub:
            return self.big(start, "arg" + self.next.text, self.take(scripts=True))
        if token.text == "E" and token.font == "bb":
            return self.expectation(start, token)
        if token.kind == "number" and token.font:
            return self.indicator(start, token)
        if token.side == "open" or token.text in ("|", "‖"):
            return self.bracket(start, token)
        read = getattr(self, f"read_{token.kind}", None)
        if not read:
            self.position -= 1
            self.fail(REMEDIES.get(token.text) or REMEDIES.get(token.kind, "expected a number or a name"))
        found = read(token)
        return self.scripts(self.node(start, *found))

    def read_number(self, token: Token) -> tuple:
        if token.sub or "," in token.text:
            self.fail("write the number without a comma or an index")
        return "number", token.text

    def read_name(self, token: Token) -> tuple:
        if token.text == "Delta" and not (token.sub or token.sup) and self.next.kind == "name":
            changed = self.take(scripts=True)  # the change of something is a symbol of its own
            return "name", f"Delta_{changed.text}"
        constant = token.font == "rm" and token.text in ("e", "i")
        return ("constant" if constant else "name"), token.text

    def read_fraction(self, token: Token) -> tuple:
        """Parse a fraction; d…/d… is one name, a derivative."""
        if token.sub or token.sup:
            self.fail("write brackets around a fraction that has an exponent")
        above, below = token.rows
        signs = [row[0].text for row in (above, below) if row and not row[0].sub]
        if len(below) > 1 and signs in (["d", "d"], ["partial", "partial"]):
            return "name", "_".join(self.inner(row, "differential") for row in (above, below))
        return "divide", r"\frac", self.inner(above), self.inner(below)

    def differential(self) -> str:
        """Return the name of one half of a derivative: `d` and a symbol."""
        sign = self.take(scripts=True)
        order, names = "".join(t.text for t in sign.sup or ()), []
        while not self.ended:
            names.append(self.power().plain.replace("__", ""))
        return sign.text + "_" * (sign.text == "partial") + order + "_".join(names)

    def read_binomial(self, token: Token) -> tuple:
        return "apply", None, Node("name", "binom"), *map(self.inner, token.rows)

    def read_root(self, token: Token) -> tuple:
        degree = self.inner(token.rows[1]) if len(token.rows) > 1 else Node("number", "2")
        return "root", None, self.inner(token.rows[0]), Node("divide", "/", (Node("number", "1"), degree))

    def read_overline(self, token: Token) -> tuple:
        return "conjugate", None, Node("group", None, (self.inner(token.rows[0]),))

    def bracket(self, start: int, opening: Token) -> Node:
        """Parse what stands in a bracket or between bars, with the scripts at its end."""
        self.without_scripts(opening)
        if self.next.kind == "table":
            return self.table(start, opening)
        parts, separators = self.items(CLOSING.get(opening.text, ""))
        closing, kind = self.tokens[self.position - 1], BRACKETS.get(opening.text)
        if kind and len(parts) != 1 + (kind == "inner"):
            self.fail(f"{len(parts)} values stand between {opening.text} and {closing.text}")
        if kind == "norm":
            # A norm with an index in its index is not known.
            order = "".join("?" if token.sub or token.sup else token.text for token in closing.sub or ())
            return self.scripts(self.node(start, "norm", order, *parts), replace(closing, sub=None))
        if kind in ("ceil", "floor"):
            found = self.node(start, "apply", None, Node("name", kind), *parts)
        elif kind or len(parts) > 1:
            found = self.node(start, kind or "stack", opening.text + separators, *parts)
        else:
            found = self.node(start, "group", None, *parts)
        return self.scripts(found)

    def items(self, closing: str) -> tuple[list[Node], str]:
        """Parse expressions up to a closing bracket; return them and the signs between them."""
        outer, self.inside = self.inside, True
        parts, separators = [self.item()], set()
        while self.next.text in SEPARATORS and self.next.text != closing:
            separators.add(self.take().text)
            if self.next.text == closing and "|" in separators:
                self.fail(r"do bars open or close here? Write \lvert and \rvert")
            parts.append(self.item())
        self.take(closing, scripts=True)
        self.inside = outer
        return parts, "".join(sorted(separators))

    def item(self) -> Node:
        """Parse one argument; a dot stands for a whole distribution."""
        return self.node(self.position - 1, "name", "cdot") if self.accept("⋅") else self.expression()

    def arguments(self) -> list[Node]:
        """Parse arguments in brackets, separated by comma, semicolon, bar or double bar."""
        return self.items(CLOSING[self.take().text])[0]
