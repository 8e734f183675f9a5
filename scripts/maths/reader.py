"""A cursor over the tokens of an equation, and what stands at a token: indices, marks, exponents."""

from maths.tokens import TexError, Token
from maths.tree import Node

END = Token("")
MARKS = {"′": "_prime", "″": "_prime_prime", "‴": "_prime_prime_prime", "∗": "_star", "*": "_star"}
TRANSPOSED = {"top": "transpose", "⊤": "transpose", "†": "adjoint"}
ORDER = {"<": "lt", "≤": "le", ">": "gt", "≥": "ge"}
SIGNS = {"+": "plus", "−": "minus"}


class Reader:
    """Reads the tokens of one line, and the scripts at them."""

    def __init__(self, row: tuple[Token, ...]):
        self.tokens, self.position, self.inside = tuple(row), 0, 0

    @property
    def next(self) -> Token:
        return self.tokens[self.position] if self.position < len(self.tokens) else END

    @property
    def ended(self) -> bool:
        return self.position >= len(self.tokens)

    def take(self, expected: str | None = None) -> Token:
        """Consume the next token, which must have the text `expected` if that is given."""
        token = self.next
        if expected is not None and token.text != expected:
            self.fail(f"expected {expected!r}" if expected else "the bracket does not close")
        if self.ended:
            self.fail("the formula ends too early")
        self.position += 1
        return token

    def accept(self, text: str) -> bool:
        """Consume the next token if it has the text."""
        found = self.next.text == text
        self.position += found
        return found

    def peek(self, *texts: str) -> bool:
        """Tell whether tokens with these texts follow."""
        return tuple(t.text for t in self.tokens[self.position : self.position + len(texts)]) == texts

    def end(self):
        """Require that nothing follows."""
        if not self.ended:
            self.fail("cannot read on")

    def text(self, start: int) -> str:
        """Return the TeX from a position to here."""
        return " ".join(token.latex or token.text for token in self.tokens[start : self.position])

    def node(self, start: int, kind: str, value=None, *parts: Node) -> Node:
        """Return a node that was read from `start` to here."""
        return Node(kind, value, parts, self.text(start))

    def fail(self, message: str):
        """Raise a TexError that marks the place."""
        here, words = self.position, [token.latex or token.text for token in self.tokens]
        raise TexError(
            f"{message}: {' '.join(words[max(0, here - 8) : here])} HERE → {' '.join(words[here : here + 8])}"
        )

    def inner(self, row: tuple[Token, ...], rule: str = "expression") -> Node:
        """Parse a whole row by a rule."""
        parser = type(self)(row)
        found = getattr(parser, rule)()
        parser.end()
        return found

    def scripts(self, base: Node, token: Token) -> Node:
        """Return a base with the indices, marks and exponent of its last token."""
        above = list(token.sup or ())
        while above and above[0].text in MARKS:
            mark = MARKS[above.pop(0).text]
            if base.kind == "name":
                base = Node("name", base.value + mark, (), base.tex)
            elif mark == "_star":
                base = Node("conjugate", None, (base,), base.tex)
            else:
                self.fail("a prime stands at a name")
        if token.sub:
            base = Node("index", None, (base, *type(self)(token.sub).indices()), base.tex)
        for mark in [t.text for t in above] if all(t.text in TRANSPOSED for t in above) else ():
            base, above = Node(TRANSPOSED[mark], None, (base,), base.tex), []
        if len(above) == 1 and above[0].text == "T" and above[0].font in ("sf", "rm"):
            return Node("transpose", None, (base,), base.tex)
        return Node("power", *self.exponent(base, tuple(above)), base.tex) if above else base

    def exponent(self, base: Node, above: tuple[Token, ...]) -> tuple:
        """Return the value and parts of a power; an exponent in brackets, or a word, can only be an index."""
        if len(above) == 1 and (above[0].kind == "text" or above[0].font == "rm"):
            return "index", (base, Node("word", above[0].text))
        bracketed = above[0].text == "(" and above[-1].text == ")" and not above[-1].sup
        if bracketed and base.root != "e":
            return "index", (base, *type(self)(above[1:-1]).indices())
        if above[0].text in SIGNS and len(above) == 1:
            return "index", (base, Node("word", SIGNS[above[0].text]))
        return None, (base, self.inner(above))

    def indices(self) -> list[Node]:
        """Parse indices: names and numbers side by side or between commas, words, `<t`, `1:t`, and sums."""
        if len(self.tokens) == 1 and self.next.text in SIGNS:
            return [Node("word", SIGNS[self.take().text])]
        plain = all(t.kind == "name" and not (t.sub or t.sup or t.function) for t in self.tokens)
        if plain and len(self.tokens) > 1:
            return [
                Node("letters", "".join(t.text for t in self.tokens), tuple(map(self.letter, self.tokens)))
            ]
        found = [self.index()]
        while self.accept(","):
            found.append(self.index())
        self.end()
        return found

    def letter(self, token: Token) -> Node:
        """Return one index among others side by side."""
        return Node("name", token.text, (), token.latex)

    def index(self) -> Node:
        """Parse one index."""
        start, token = self.position, self.next
        if token.kind == "text" or token.font == "rm" and token.kind == "name":
            self.position += 1
            return self.node(start, "word", token.text.strip())
        if token.text in ORDER:
            self.position += 1
            return self.node(start, "part", ORDER[token.text], self.expression())
        first = self.expression()
        return self.node(start, "part", "to", first, self.expression()) if self.accept(":") else first
