"""Read the MathML of a formula as rows of tokens: what a reader sees, with its indices and exponents."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml import etree
from paper.parts import DOCS

MACROS_FILE = DOCS / "macros.json"
GREEK = dict(
    zip(
        "αβγδϵεζηθϑικλμνξπϖρϱσςτυϕφχψωΓΔΘΛΞΠΣΥΦΨΩℓ∇∂∞ℜℑ⊤",
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi"
        " pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda"
        " Xi Pi Sigma Upsilon Phi Psi Omega ell nabla partial infty Re Im top".split(),
        strict=True,
    )
)
ACCENTS = {"¯": "bar", "―": "bar", "^": "hat", "~": "tilde", "→": "vec", "˙": "dot", "¨": "ddot", "˚": "ring"}
FONTS = {
    "bold": "bold", "bold-italic": "bold", "double-struck": "bb", "script": "cal", "bold-script": "cal",
    "fraktur": "frak", "sans-serif": "sf", "monospace": "tt", "normal": "rm",
}  # fmt: skip
BRACES = ("⏞", "⏟")
INVISIBLE = ("", "\u2062", "\u2063", "\u200b")  # signs that nobody sees
APPLY = "\u2061"  # stands behind the name of a function
GROUPS = ("math", "mrow", "mstyle", "mpadded", "menclose", "mtd", "semantics")
SCRIPTS = {
    "msub": (0, 1, None), "msup": (0, None, 1), "msubsup": (0, 1, 2),
    "munder": (0, 1, None), "mover": (0, None, 1), "munderover": (0, 1, 2),
}  # fmt: skip


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
    return row(etree.fromstring(mathml))


def row(element: etree._Element) -> tuple[Token, ...]:
    """Return the tokens of an element; invisible groups are opened, as the reader does not see them."""
    kind = etree.QName(element).localname
    if kind in SCRIPTS:
        return scripted(element, *SCRIPTS[kind])
    if word := together(element, kind):
        return (word,)
    if kind in GROUPS:
        found = []
        for child in element:
            if child.text == APPLY and found:
                found[-1] = replace(found[-1], function=True)
            elif child.text == "=" and found and found[-1].text == ":":
                found[-1] = Token("sign", ":=", r"\coloneqq")
            else:
                found += row(child)
        return tuple(found)
    return leaf(element, kind)


def together(element: etree._Element, kind: str) -> Token | None:
    """Return a group that is one word, such as `Int8` or `arg max`."""
    leaves = [e for e in element.iter() if etree.QName(e).localname in ("mi", "mn", "mspace", "mo")]
    operator = element.get("data-mjx-texclass") == "OP" and kind == "mrow" and len(element) > 1
    upright = len(leaves) > 1 and leaves[0].get("data-mjx-auto-op") == "false"
    if kind != "mrow" or not (operator or upright):
        return None
    text = "".join(e.text or "" for e in leaves)
    return Token("name", text, latex(element), "rm", function=operator) if text.isalnum() else None


def leaf(element: etree._Element, kind: str) -> tuple[Token, ...]:
    """Return the token of an element without scripts; none for what nobody sees."""
    text, tex = element.text or "", latex(element)
    if kind == "mi" and not text or kind == "mo" and text in INVISIBLE and not element.get("fence"):
        return ()
    if kind == "mi":
        font = FONTS.get(element.get("mathvariant", ""), "")
        return (
            Token(
                "name",
                GREEK.get(text, text),
                tex,
                font if text not in GREEK or font != "rm" else "",
                function=text in ("ℜ", "ℑ"),
            ),
        )
    if kind == "mo":
        if text[:1].isalpha():
            return (Token("name", text.replace(" ", ""), tex, function=True),)
        return (Token("sign", text, tex, side=side(element, text)),)
    if kind == "mspace":
        if element.get("linebreak") == "newline":
            return (Token("space", "newline"),)
        return (Token("space", latex=tex),) if float(element.get("width", "0").rstrip("em") or 0) >= 1 else ()
    if kind in ("mn", "mtext"):
        font = FONTS.get(element.get("mathvariant", ""), "")
        return (Token({"mn": "number", "mtext": "text"}[kind], text, tex, font),)
    if kind == "mfrac":
        kind = "binomial" if element.get("linethickness") == "0" else "fraction"
        return (Token(kind, latex=tex, rows=tuple(map(row, element))),)
    if kind in ("msqrt", "mroot"):
        rows = [row(child) for child in element] if kind == "mroot" else [sum(map(row, element), ())]
        return (Token("root", latex=tex, rows=tuple(rows)),)
    if kind == "mtable":
        aligned = element.get("displaystyle") == "true"
        rows = tuple(tuple(map(row, line)) for line in element)
        return (Token("table", "aligned" if aligned else "", tex, rows=rows),)
    raise TexError(f"an equation that is checked cannot hold {tex or kind!r}")


def side(element: etree._Element, text: str) -> str:
    """Return whether a sign opens or closes a bracket; a bare bar does neither."""
    declared = {"OPEN": "open", "CLOSE": "close"}.get(element.get("data-mjx-texclass", ""))
    declared = declared or {"OPEN": "open", "CLOSE": "close"}.get(
        element.getparent().get("data-mjx-texclass")
    )
    return declared or ("open" if text in tuple("([{⟨⌈⌊") else "close" if text in tuple(")]}⟩⌉⌋") else "")


def scripted(element: etree._Element, base: int, sub: int | None, sup: int | None) -> tuple[Token, ...]:
    """Return the tokens of a base with its scripts, which may also be an accent or a comment."""
    *inner, last = row(element[base]) or (Token("sign", "", latex(element)),)
    marks = [row(element[at]) for at in (sub, sup) if at is not None]
    if any(mark and mark[0].text in BRACES for mark in marks) or is_braced(element[base]):
        return (*inner, last)  # the comment at a brace is passed over
    limits = etree.QName(element).localname.startswith(("mund", "mov"))
    if (
        limits
        and last.kind == "sign"
        and not inner
        and last.text in ("=", ":=", "≤", "≥", "<", ">", "≈", "≡", "→")
    ):
        return (last,)  # and so is what stands over a relation
    if limits and len(marks) == 1 and len(marks[0]) == 1 and marks[0][0].text in ACCENTS:
        if inner or last.kind != "name":
            return (Token("overline", latex=latex(element), rows=((*inner, last),)),)
        return (replace(last, text=f"{last.text}_{ACCENTS[marks[0][0].text]}", latex=latex(element)),)
    if inner and not (inner[0].side == "open" and last.side == "close"):
        raise TexError(f"the braces in {latex(element)} are not seen: write brackets around the base")
    given = {name: row(element[at]) for name, at in (("sub", sub), ("sup", sup)) if at is not None}
    if any(getattr(last, name) is not None for name in given):
        raise TexError(f"two indices or two exponents stand at one place in {latex(element)}")
    return (*inner, replace(last, latex=latex(element), **given))


def is_braced(element: etree._Element) -> bool:
    """Tell whether an element is a group with a brace under or over it."""
    signs = [child.text for child in element.iter() if etree.QName(child).localname == "mo"]
    return element.get("data-mjx-texclass") == "OP" and any(sign in BRACES for sign in signs if sign)


def latex(element: etree._Element) -> str:
    """Return the TeX that an element comes from."""
    return " ".join((element.get("data-latex") or "").split())


def distinct(found: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return the tokens with the font in the name of each letter that stands in more than one font."""
    fonts = {}
    for token in everything(found):
        if token.kind == "name" and token.font != "bb" and token.text not in ("d", "e", "i", "T"):
            fonts.setdefault(token.text, set()).add(token.font)
    several = {name for name, used in fonts.items() if len(used) > 1}
    return renamed(found, several) if several else found


def everything(found) -> Iterator[Token]:
    """Yield all tokens of rows, and those in and at them."""
    for token in found:
        if isinstance(token, Token):
            yield token
            yield from everything((token.rows, token.sub or (), token.sup or ()))
        else:
            yield from everything(token)


def renamed(found, several: set[str]):
    """Return rows of tokens in which the letters in several fonts have their font in their name."""
    if found is None:
        return None
    if not isinstance(found, Token):
        return tuple(renamed(token, several) for token in found)
    inside = {name: renamed(getattr(found, name), several) for name in ("rows", "sub", "sup")}
    several_fonts = found.text in several and found.font not in ("", "bb")
    text = f"{found.text}_{found.font}" if several_fonts else found.text
    return replace(found, text=text, **inside)
