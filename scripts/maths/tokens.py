"""Read the MathML of a formula as rows of tokens: what a reader sees, with its indices and exponents."""

import re
from dataclasses import dataclass, replace

from lxml import etree
from paper.parts import DOCS

MACROS_FILE = DOCS / "macros.json"
ACCENTS = {"¯": "bar", "―": "bar", "^": "hat", "~": "tilde", "→": "vec", "˙": "dot", "¨": "ddot", "˚": "ring"}
FONTS = {
    "bold": "bold", "bold-italic": "bold", "double-struck": "bb", "script": "cal", "bold-script": "cal",
    "fraktur": "frak", "sans-serif": "sf", "monospace": "tt", "normal": "rm",
}  # fmt: skip
BRACES = ("⏞", "⏟")
RELATIONS = tuple("=≤≥<>≠≈∈∉")
PRODUCTS = tuple("⋅×⊙⊗∘⊕∗/")
SAME = {"≡": "=", ":=": "=", "⩽": "≤", "⩾": "≥", "·": "⋅", "∥": "‖", "⋯": "…"}  # signs with one meaning
SPECIAL = {"bb": "ERCZN", "rm": "deiT", "sf": "T"}  # letters that mean something in a font
APPLY = "\u2061"  # stands behind the name of a function
SCRIPTS = {
    "msub": ("sub",), "msup": ("sup",), "msubsup": ("sub", "sup"),
    "munder": ("sub",), "mover": ("sup",), "munderover": ("sub", "sup"),
}  # fmt: skip
GROUPS = ("math", "mrow", "mstyle", "mpadded", "mtd")
EM = {"em": 1, "ex": 0.43, "pt": 0.1, "mu": 1 / 18}  # units of spaces; others have no printed form
KINDS = {"mn": "number", "mtext": "text", "mfrac": "fraction", "mroot": "root", "msqrt": "root"}


class TexError(ValueError):
    """Says what in a formula could not be read, and where."""


@dataclass(frozen=True)
class Token:
    """A name, number, sign, text, space, fraction, root or table of a formula, with what stands at it."""

    kind: str
    text: str = ""
    latex: str = ""
    font: str = ""
    rows: tuple = ()  # the parts of a fraction or root, what is under a bar, the rows of cells of a table
    sub: tuple["Token", ...] | None = None
    sup: tuple["Token", ...] | None = None
    side: str = ""  # that of a bracket: open or close
    function: bool = False  # is it the name of an operator, such as log?


def tokens(mathml: str) -> tuple[Token, ...]:
    """Return the tokens of a formula."""
    tree = etree.fromstring(mathml.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "", 1))
    spell(tree)
    return row(tree)


def spell(tree: etree._Element):
    """Give each letter its plain name, with its font where the formula has the letter in several fonts."""
    letters = [e for e in tree.iter("mi") if e.text and e.text not in SPECIAL.get(font(e), "")]
    fonts = {}
    for element in letters:
        fonts.setdefault(element.text, set()).add(font(element))
    for element in letters:
        suffix = f"_{font(element)}" if font(element) and len(fonts[element.text]) > 1 else ""
        command = re.search(r"\\([A-Za-z]+)}*$", latex(element))
        element.set("name", (command[1] if command and not element.text.isascii() else element.text) + suffix)


def font(element: etree._Element) -> str:
    """Return the font of a symbol: a word is upright, which is nothing special for a Greek letter."""
    text = element.text or ""
    found = FONTS.get(element.get("mathvariant", "normal" if len(text) > 1 else ""), "")
    common = element.tag == "mn" or len(text) == 1 and not text.isascii()
    return "" if found == "rm" and common else found


def latex(element: etree._Element) -> str:
    """Return the TeX that an element comes from."""
    return " ".join((element.get("data-latex") or "").split())


def row(element: etree._Element) -> tuple[Token, ...]:
    """Return the tokens of an element; invisible groups are opened, as the reader does not see them."""
    kind, text = element.tag, element.text or ""
    if kind in GROUPS or kind == "menclose" and element.get("notation") == "box":
        return (word,) if kind == "mrow" and (word := together(element)) else group(element)
    if kind in SCRIPTS:
        return scripted(element)
    if kind == "mi" or kind == "mo" and text[:1].isalpha():
        return name(element)
    if kind == "mo":
        return sign(element)
    if kind == "mspace":
        return space(element)
    if kind == "mtable":
        rows = tuple(tuple(map(row, line)) for line in element)
        aligned = element.get("displaystyle") == "true"
        return (Token("table", "aligned" * aligned, latex(element), rows=rows),)
    if kind == "mtext" and not text.strip():
        return ()
    if kind not in KINDS:
        raise TexError(f"an equation that is checked cannot hold {latex(element) or kind!r}")
    rows = (group(element),) if kind == "msqrt" else tuple(map(row, element))
    kind = "binomial" if element.get("linethickness") == "0" else KINDS[kind]
    return (Token(kind, text, latex(element), font(element), rows),)


def together(element: etree._Element) -> Token | None:
    """Return a group that is one word, such as `Int8` or `arg max`."""
    leaves = list(element.iter("mi", "mn", "mspace", "mo"))
    operator = element.get("data-mjx-texclass") == "OP" and len(element) > 1
    upright = len(leaves) > 1 and leaves[0].get("data-mjx-auto-op") == "false"
    text = "".join(e.text or "" for e in leaves)
    if (operator or upright) and text.isalnum():
        return Token("name", text, latex(element), "rm", function=operator)
    return None


def group(element: etree._Element) -> tuple[Token, ...]:
    """Return the tokens of a group."""
    found = []
    for child in element:
        if child.text == APPLY and found:
            found[-1] = replace(found[-1], function=True)
        elif child.text == "=" and found and found[-1].text == ":":
            found[-1] = replace(found[-1], text="=")
        else:
            found += row(child)
    return tuple(found)


def name(element: etree._Element) -> tuple[Token, ...]:
    """Return the token of a letter or word; what MathML has as an operator in letters is a function."""
    if not element.text:
        return ()
    text = element.get("name") or element.text.replace(" ", "")
    function = element.text in ("ℜ", "ℑ") or element.tag == "mo"
    return (Token("name", text, latex(element), font(element), function=function),)


def sign(element: etree._Element) -> tuple[Token, ...]:
    """Return the token of a sign, which may open or close a bracket; a bare bar does neither."""
    text = element.text or ""
    if text in ("", "\u2062", "\u2063", "\u200b") and not element.get("fence"):
        return ()  # nobody sees it
    classes = {e.get("data-mjx-texclass") for e in (element, element.getparent())}
    opens = "OPEN" in classes or text in tuple("([{⟨⌈⌊")
    closes = "CLOSE" in classes or text in tuple(")]}⟩⌉⌋")
    side = "close" if closes else "open" if opens else ""
    return (Token("sign", SAME.get(text, text), latex(element), side=side),)


def space(element: etree._Element) -> tuple[Token, ...]:
    """Return the token of the end of a row, or of a wide space."""
    if element.get("linebreak") == "newline":
        return (Token("space", "newline"),)
    width, unit = re.match(r"(-?[\d.]*)(\w*)", element.get("width", "")).groups()
    return (Token("space"),) if float(width or 0) * EM.get(unit, 1) >= 1 else ()


def scripted(element: etree._Element) -> tuple[Token, ...]:
    """Return the tokens of a base with its scripts, which may also be an accent or a comment."""
    *inner, last = row(element[0]) or (Token("sign"),)
    given = dict(zip(SCRIPTS[element.tag], map(row, element[1:])))
    over, limits = element.tag == "mover", element.tag.startswith(("mund", "mov"))
    braced = limits and any(e.text in BRACES for e in element.iter("mo"))
    if braced or over and last.text in RELATIONS and not inner:
        return (*inner, last)  # what stands at a brace or over a relation is passed over
    if accent := over and ACCENTS.get("".join(token.text for token in given["sup"])):
        letter = last.kind == "name" and not inner
        if accent == "bar" and (last.sup or not letter):
            return (Token("overline", latex=latex(element), rows=((*inner, last),)),)
        if not letter:
            raise TexError(f"the accent in {latex(element)} stands over more than a letter")
        return (replace(last, text=f"{last.text}_{accent}", latex=latex(element)),)
    if inner and not (inner[0].side == "open" and last.side == "close"):
        raise TexError(f"the braces in {latex(element)} are not seen: write brackets around the base")
    if any(getattr(last, at) is not None for at in given):
        raise TexError(f"two indices or two exponents stand at one place in {latex(element)}")
    if last.kind == "space" or last.text in tuple(",;.…"):
        raise TexError(f"what does the index or exponent in {latex(element)} say? Write it at a symbol")
    return (*inner, replace(last, latex=latex(element), **given))
