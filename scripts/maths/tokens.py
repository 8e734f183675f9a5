"""Read TeX token by token: tokens, macros, and names with their indices, stars and primes."""

import json
import re

from paper.parts import DOCS

MACROS_FILE = DOCS / "macros.json"
MACROS = json.loads(MACROS_FILE.read_text())
TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[0-9]+(?:\.[0-9]+)?|[A-Za-z]|[^\sA-Za-z0-9]")
SPACES = {r"\,", r"\;", r"\!", r"\:", r"\ ", "~", r"\left", r"\right"}
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
FUNCTIONS = {"log", "exp", "min", "max", "sigma", "logit", "sgn", "clip", "softmax", "sup", "inf"}
LETTERS = set(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi"
    " varphi chi psi omega Gamma Delta Theta Lambda Pi Sigma Phi Psi Omega ell nabla".split()
)
PREFIXES = {"bar", "hat", "tilde"}


class TexError(ValueError):
    """Says what in a formula could not be read, and where."""


def tokens(tex: str) -> list[str]:
    """Return the tokens of a formula, its macros expanded and its spaces dropped."""
    found = [token for token in TOKEN.findall(tex) if token not in SPACES]
    if any(token in MACROS for token in found):
        expanded = [MACROS.get(token, token) for token in found]
        return tokens(" ".join(expanded))
    return found


class Reader:
    """Reads the tokens of one statement, and the names in it."""

    def __init__(self, found: list[str]):
        self.tokens, self.position = found, 0

    @property
    def next(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        """Consume the next token, which must be `expected` if that is given."""
        token = self.next
        if not token or (expected and token != expected):
            self.fail(f"expected {expected!r}" if expected else "the formula ends too early")
        self.position += 1
        return token

    def accept(self, token: str) -> bool:
        """Consume the next token if it is `token`."""
        if self.next != token:
            return False
        self.position += 1
        return True

    def fail(self, message: str):
        """Raise a TexError that marks the place."""
        before = " ".join(self.tokens[max(0, self.position - 8) : self.position])
        after = " ".join(self.tokens[self.position : self.position + 8])
        raise TexError(f"{message}: {before} HERE → {after}")

    def group(self, parse):
        """Parse a braced group with `parse`, or a single token: TeX takes no more without braces."""
        if not self.accept("{"):
            if NUMBER.fullmatch(self.next) and len(self.next) > 1:
                self.fail("without braces TeX takes one digit")
            return parse(single=True)
        result = parse()
        self.take("}")
        return result

    def name(self) -> str:
        """Parse a symbol with its index, star and primes into one name: `r_theta`, `y_prime`."""
        token = self.take()
        if token in (r"\mathrm", r"\operatorname", r"\text"):
            name = self.word()
        elif token[1:] in PREFIXES and token[0] == "\\":
            name = f"{self.group(self.symbol)}_{token[1:]}"
        elif token.isalpha() or token[1:] in LETTERS | FUNCTIONS:
            name = token.lstrip("\\")
        else:
            self.position -= 1
            self.fail("expected a name")
        return self.decorated(name)

    def decorated(self, name: str) -> str:
        """Add the index, the star and the primes that follow to a name."""
        while True:
            if self.accept("'"):
                name += "_prime"
            elif self.tokens[self.position : self.position + 2] == ["^", "*"]:
                self.position += 2
                name += "_star"
            elif self.next == "_":
                self.take()
                name += "_" + self.group(self.index)
            else:
                return name

    def symbol(self, single: bool = False) -> str:
        """Parse a symbol below an accent."""
        return self.take().lstrip("\\")

    def index(self, single: bool = False) -> str:
        """Parse an index: a symbol, a word, a sign or a number."""
        signs = {"+": "plus", "-": "minus"}
        if self.next in signs:
            sign = signs[self.take()]
            return sign if single or self.next == "}" else f"{sign}_{self.name()}"
        if re.fullmatch(r"[0-9]+", self.next):
            return self.take()
        if single:
            return self.word() if self.accept(r"\mathrm") else self.take().lstrip("\\")
        return self.name()

    def word(self) -> str:
        """Parse a word in braces."""
        self.take("{")
        letters = []
        while self.next != "}":
            letters.append(self.take())
        self.take("}")
        return "".join(letters)
