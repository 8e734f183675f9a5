"""A cursor over the tokens of an equation, and what stands at a token: indices, marks, exponents."""

from maths.tokens import TexError, Token
from maths.tree import Node

END = Token("")
MARKS = {"′": "_prime", "″": "_prime_prime", "‴": "_prime_prime_prime", "∗": "_star"}
TRANSPOSED = {"top": "transpose", "T": "transpose", "†": "adjoint"}
ORDER = {"<": "lt", "≤": "le", ">": "gt", "≥": "ge"}
SIGNS = {"+": "plus", "−": "minus"}
SIZES = r"a size that is a product stands in brackets, as in \R^{m \times (2 d)}"


class Reader:
    """Reads the tokens of one line, and the scripts at them."""

    def __init__(self, row: tuple[Token, ...]):
        self.tokens, self.position, self.inside = tuple(row), 0, False

    @property
    def next(self) -> Token:
        return self.tokens[self.position] if self.position < len(self.tokens) else END

    @property
    def ended(self) -> bool:
        return self.position >= len(self.tokens)

    def take(self, expected: str | None = None, scripts: bool = False) -> Token:
        """Consume the next token, of the text `expected` if that is given; without `scripts` it has none."""
        token = self.next
        if expected is not None and token.text != expected:
            self.fail(f"expected {expected!r}" if expected else "the bracket does not close")
        if self.ended:
            self.fail("the formula ends too early")
        if not scripts:
            self.without_scripts(token)
        self.position += 1
        return token

    def without_scripts(self, token: Token):
        """Refuse an index or exponent where none is read."""
        if token.sub or token.sup:
            self.fail(f"what does the index or exponent at {token.text} say? Nothing reads it here")

    def accept(self, text: str) -> bool:
        """Consume the next token if it has the text."""
        return self.next.text == text and bool(self.take())

    def separated(self, rule, sign: str = ",") -> list:
        """Parse by a rule what stands between signs."""
        found = [rule()]
        while self.accept(sign):
            found.append(rule())
        return found

    def node(self, start: int, kind: str, value=None, *parts: Node) -> Node:
        """Return a node that was read from `start` to here, with its TeX."""
        words = (token.latex or token.text for token in self.tokens[start : self.position])
        return Node(kind, value, parts, " ".join(words))

    def fail(self, message: str):
        """Raise a TexError that marks the place."""
        here, words = self.position, [token.latex or token.text for token in self.tokens]
        before, after = words[max(0, here - 8) : here], words[here : here + 8]
        raise TexError(f"{message}: {' '.join(before)} HERE → {' '.join(after)}")

    def inner(self, row: tuple[Token, ...], rule: str = "expression", sign: str = ""):
        """Parse a whole row by a rule, or what stands in it between signs."""
        parser = type(self)(row)
        read = getattr(parser, rule)
        found = parser.separated(read, sign) if sign else read()
        if not parser.ended:
            parser.fail(SIZES if sign == "×" else "cannot read on")
        return found

    def scripts(self, base: Node, token: Token | None = None) -> Node:
        """Return a base with the indices, marks and exponent of its last token."""
        token = token or self.tokens[self.position - 1]
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
            base = Node("index", None, (base, *self.inner(token.sub, "indices")), base.tex)
        marks = []  # at the end, as in h^{(l)\top}
        while above and (t := above[-1]).text in TRANSPOSED and (t.text != "T" or t.font in ("sf", "rm")):
            marks.append(TRANSPOSED[above.pop().text])
        if above:
            base = Node("power", *self.exponent(base, above), base.tex)
        for mark in marks:
            base = Node(mark, None, (base,), base.tex)
        return base

    def exponent(self, base: Node, above: list[Token]) -> tuple:
        """Return the value and parts of a power; an exponent in brackets, or a word, can only be an index."""
        first, last = above[0], above[-1]
        word = first is last and (first.kind == "text" or first.font == "rm" or first.text in SIGNS)
        bracketed = first.text == "(" and last.text == ")" and not last.sup and base.root != "e"
        listed = any(t.text == "," for t in above) and not any(t.side for t in above)
        if word or bracketed or listed:
            return "index", (base, *self.inner(above[1:-1] if bracketed else above, "indices"))
        return None, (base, self.inner(above))

    def indices(self) -> list[Node]:
        """Parse indices: names and numbers side by side or between commas, words, `<t`, `1:t`, and sums."""
        if len(self.tokens) == 1 and self.next.text in SIGNS:
            return [self.node(0, "word", SIGNS[self.take().text])]
        if len(self.tokens) > 1 and all(map(is_letter, self.tokens)):
            letters, self.position = self.tokens, len(self.tokens)
            return [Node("letters", None, tuple(self.inner((letter,)) for letter in letters))]
        return self.separated(self.index)

    def index(self) -> Node:
        """Parse one index."""
        start, token = self.position, self.next
        applied = token.function and len(self.tokens) > 1
        if token.kind == "text" or token.font == "rm" and token.kind == "name" and not applied:
            return self.node(start, "word", self.take().text.strip())
        if token.text in ORDER:
            return self.node(start, "part", ORDER[self.take().text], self.place())
        first = self.place()
        return self.node(start, "part", "to", first, self.place()) if self.accept(":") else first

    def place(self) -> Node:
        """Parse an index that is computed."""
        found = self.expression()
        if found.kind == "group":
            self.fail("what do the brackets in the index say? Leave them out, or give a symbol of its own")
        if self.next.text == "∼":
            self.fail(r"only \E is computed over what is drawn: give a symbol of its own")
        if found.juxtaposed:
            self.fail(r"two indices, or a product? Write a comma or \cdot between them")
        return found


def is_letter(token: Token) -> bool:
    """Tell whether a token is a symbol, with an index or a mark at most, as in the index i j'."""
    marked = all(t.text in MARKS for t in token.sup or ())
    return token.kind == "name" and token.font != "rm" and not token.function and marked
