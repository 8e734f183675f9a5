"""Cut KaTeX's style sheet to what the formulas use, and put the fonts into it, cut to their characters."""

import re
from functools import cache
from itertools import product

from lxml import html

from pages.fonts import MODULES, embedded, made
from pages.lean import STYLES
from pages.styles import pruned

KATEX = MODULES / "katex" / "dist"
STYLE = KATEX / "katex.min.css"
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
SOURCE = re.compile(r"src:url\(fonts/KaTeX_([\w-]+)\.woff2\)[^}]*")


def sheets(classes: set[str], used: dict[str, set[str]]) -> dict[str, str]:
    """Return KaTeX's style sheet as two, by their addresses: its rules, and the faces that formulas use.

    The formulas have these `classes`, and in each face the characters that are `used`.

    The faces travel in their sheet, which a page asks for above its first formula: what is above it is
    painted meanwhile, and a formula is laid out once, with its own fonts, and never moves.
    """
    css, rules = pruned(STYLE.read_text(), sorted(classes)), []

    def taken(rule: re.Match) -> str:
        source = SOURCE.search(rule[2])
        if source and source[1] in used:
            content, _ = made(KATEX / "fonts" / f"KaTeX_{source[1]}.woff2", used[source[1]])
            rules.append(rule[0].replace(source[0], f'src:url({embedded(content)}) format("woff2")'))
        return "" if source else rule[0]

    return {
        "assets/katex/katex.min.css": RULE.sub(taken, css) + STYLES,
        "assets/katex/fonts.css": "".join(rules),
    }


@cache
def declared() -> list[tuple[frozenset[str], str, bool, bool]]:
    """Return what KaTeX's rules say of fonts: the classes, the family, whether it is bold, whether italic."""
    said = []
    for selectors, body in RULE.findall(STYLE.read_text()):
        family = re.search(r"KaTeX_(\w+)", body)
        bold, italic = "font-weight:700" in body, "font-style:italic" in body
        if "@font-face" in selectors or not (family or bold or italic):
            continue
        for selector in selectors.split(","):
            for last in re.findall(r"(?:\.[\w-]+)+", selector)[-1:]:
                said.append((frozenset(last.split(".")[1:]), family[1] if family else "", bold, italic))
    return said


def faces(typeset: set[str]) -> dict[str, set[str]]:
    """Return face, such as `Main-Bold` → the characters that it may be asked for, rather some too many."""
    rules, used = declared(), {}

    @cache
    def said(classes: str) -> list[tuple[str, bool, bool]]:
        return [rule for wanted, *rule in rules if wanted <= set(classes.split())]

    def walk(element: html.HtmlElement, families: frozenset, bold: bool, italic: bool):
        rules_here = said(element.get("class", ""))
        families = frozenset(rule for rule in map(tuple, rules_here) if rule[0]) or families
        for family, heavy, slanted in rules_here:
            bold, italic = bold or heavy and not family, italic or slanted and not family
        text = {*(element.text or ""), *(c for child in element for c in child.tail or "")}
        for family, heavy, slanted in families if text else ():
            for weight, style in product({heavy, bold}, {slanted, italic}):
                name = ("Bold" if weight else "") + ("Italic" if style else "") or "Regular"
                used.setdefault(f"{family}-{name}", set()).update(text)
        for child in element:
            walk(child, families, bold, italic)

    for formula in typeset:
        for shown in html.fromstring(formula).find_class("katex-html"):
            walk(shown, frozenset({("Main", False, False)}), False, False)
    return used
