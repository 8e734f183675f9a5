"""Parse the tokens of an equation into statements, strictly: what can be read two ways is an error.

The grammar is in docs/equations.md, with examples that are tested.
"""

from dataclasses import replace

from maths.atoms import REMEDIES, Atoms
from maths.reader import SIGNS
from maths.tokens import PRODUCTS, RELATIONS
from maths.tree import Node

STATED = "nothing is stated: a statement needs a relation, such as ="
WORDS = set("where with and for all every any each as when if since given so hence then thus holds".split())


class Parser(Atoms):
    """A recursive-descent parser for one line of a display."""

    def statements(self) -> list[Node]:
        """Parse the statements of the line, with the words and spaces between them."""
        found, heads, declared = [], [], False
        while not self.ended:
            if self.next.kind == "text":
                declared = self.words()
            elif self.next.kind == "space" or self.next.text in (",", ";", "."):
                self.position += 1
            else:
                heads.append(self.expression())
                if self.next.text in RELATIONS:
                    chain = self.chain(heads.pop())
                    shared = [Node("relation", chain.value, (h, *chain.parts[1:]), chain.tex) for h in heads]
                    found, heads = [*found, *shared, chain], []
                elif not (self.next.text == "," or declared and self.ended):
                    self.fail(REMEDIES.get(self.next.text, STATED))
        if heads and not declared:
            self.fail(STATED)
        return found

    def words(self) -> bool:
        """Pass over words between statements; tell whether they declare what follows, as `for all x`."""
        words = self.take().text.replace(",", " ").lower().split()
        if unknown := [word for word in words if word not in WORDS]:
            self.position -= 1
            known = ", ".join(sorted(WORDS))
            self.fail(f"the word {unknown[0]!r} may change what is stated; known are {known}")
        return "for" in words

    def relation(self) -> Node:
        """Parse a relation, as in the condition of a case or a sum."""
        return self.chain(self.expression())

    def chain(self, left: Node) -> Node:
        """Parse what follows the left side of `a = b ≤ c`; the node holds the signs and the sides."""
        start, signs, sides = self.position, [], [left]
        while self.next.text in RELATIONS:
            signs.append(self.take().text)
            sides.append(self.region() if signs[-1] in "∈∉" else self.expression())
            if signs == ["="] and [t.text for t in self.tokens[self.position :][:3]] == [",", "…", ","]:
                self.position += 3  # i = 1, …, n
                signs, sides[-1] = ["∈"], Node("numbers", None, (sides[-1], self.expression()))
        if not signs:
            self.fail("expected a condition, such as A > 0")
        found = self.node(start, "relation", tuple(signs), *sides)
        return replace(found, tex=f"{left.tex} {found.tex}")

    def region(self) -> Node:
        """Parse what stands behind ∈: a space such as ℝ^{m×d}, a set, an interval, or a name."""
        start, token = self.position, self.next
        if token.font == "bb" and token.text in "RCZN":
            self.take(scripts=True)
            if token.sub:
                self.fail("which of these numbers? Leave the index out, and state a condition such as a > 0")
            sizes = self.inner(token.sup, "power", "×") if token.sup else ()
            return self.node(start, "space", token.text, *sizes)
        if token.text == "{":
            found = self.node(start, "set", None, *self.arguments())
            self.without_scripts(self.tokens[self.position - 1])
            return found
        if token.text in ("[", "("):
            self.take()
            low, _, high = self.expression(), self.take(","), self.expression()
            return self.node(start, "interval", token.text + self.take().text, low, high)
        return self.power()

    def expression(self) -> Node:
        """Parse terms joined by + and −."""
        start = self.position
        terms = [self.term()]
        while self.next.text in SIGNS:
            terms.append(self.term())
            self.outside(*terms[-2:])
        return terms[0] if len(terms) == 1 else self.node(start, "add", None, *terms)

    def term(self) -> Node:
        """Parse one term, with its sign if it has one."""
        start = self.position
        negative = self.next.text in SIGNS and self.take().text == "−"
        product = self.product()
        return self.node(start, "negate", None, product) if negative else product

    def outside(self, before: Node, term: Node):
        """Refuse a term that names the variable of a sum before it: does it belong to the sum?"""
        for node in before.walk():
            if node.kind == "big" and before.tex.endswith(node.tex):
                if node.value[:3] == "arg":
                    self.fail("does this term belong to what is optimized? Write brackets")
                if term.mentions(node.bound):
                    self.fail("does this term belong to the sum before it? Write brackets")

    def product(self) -> Node:
        """Parse factors that stand side by side or between signs of a product."""
        start, signs = self.position, set()
        result = self.power()
        while self.next.text in PRODUCTS or self.starts_factor():
            sign = self.take().text if self.next.text in PRODUCTS else ""
            signs.add(sign)
            self.ordered(result, sign, signs)
            right = self.power()
            numeric = right.kind == "divide" and all(part.kind == "number" for part in right.parts)
            if not sign and result.factors[-1].kind == "number" and numeric:
                self.fail("a mixed number, or a product? Write a sign between them")
            result = self.node(start, "divide" if sign == "/" else "multiply", sign, result, right)
        return result

    def ordered(self, before: Node, sign: str, signs: set[str]):
        """Refuse a sign, one of several in a product, if it is not clear which of them comes first."""
        if not sign and self.next.kind == "number" and not self.next.font:
            self.fail("a number stands behind a factor: write it first, or a sign between them")
        if "/" in signs and (sign != "/" or before.value == "/"):
            self.fail(r"how far does / reach? Write \frac, or brackets")
        if len(signs) > 1 and signs & set("⊙⊗∘⊕∗"):
            self.fail("which product comes first? Write brackets")

    def starts_factor(self) -> bool:
        """Tell whether the next token can begin a factor."""
        token = self.next
        if token.kind == "sign":
            bar = token.text in ("|", "‖") and not self.inside
            return token.side == "open" or bar or token.text in ("∑", "∏")
        return token.kind not in ("", "text", "space", "table")
