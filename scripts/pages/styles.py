"""Leave out of style sheets the rules for elements that are on no page."""

import re
from collections.abc import Iterable
from pathlib import Path

import tinycss2
from tinycss2.ast import Node

NAMES = re.compile(r'\b(?:class|id)="([^"]*)"')
WORDS = re.compile(r"[\w-]+")
# A rule of the theme that makes the browser style every element of a page twice when the page starts.
SWITCHING = (
    "[data-md-color-switching] *,[data-md-color-switching] :after,[data-md-color-switching] :before"
    "{transition-duration:0s!important}"
)


def lighten(site: Path):
    """Leave out of the theme's style sheets what no page asks for, and no script that may add to a page."""
    scripts = [*site.glob("assets/*.js"), *site.glob("assets/javascripts/bundle.*.js")]
    known = names(path.read_text() for path in site.rglob("*.html")) | {
        word for path in scripts for word in WORDS.findall(path.read_text())
    }
    for path in site.glob("assets/stylesheets/*.css"):
        path.write_text(pruned(path.read_text().replace(SWITCHING, ""), sorted(known)))


def names(pages: Iterable[str]) -> set[str]:
    """Return the classes and `id`s in the HTML of pages."""
    return {name for page in pages for found in set(NAMES.findall(page)) for name in found.split()}


def pruned(css: str, known: list[str]) -> str:
    """Return a style sheet without the selectors that ask for a class or an `id` that is not known."""
    return kept(tinycss2.parse_stylesheet(css, True, True), frozenset(known))


def kept(rules: list[Node], known: frozenset[str]) -> str:
    """Return the rules that may meet an element, also those under a condition."""
    out = []
    for rule in rules:
        head = tinycss2.serialize(rule.prelude)
        if rule.type == "qualified-rule":
            selectors = [tinycss2.serialize(one) for one in selectors_of(rule) if asked(one) <= known]
            head, body = ",".join(selectors), tinycss2.serialize(rule.content)
        elif rule.lower_at_keyword in ("media", "supports"):
            inside = tinycss2.parse_rule_list(rule.content, True, True)
            head, body = f"@{rule.at_keyword}{head}", kept(inside, known)
        else:
            out.append(rule.serialize())
            continue
        out += [f"{head}{{{body}}}"] if head and body else []
    return "".join(out)


def selectors_of(rule: Node) -> list[list[Node]]:
    """Return the selectors of a rule, which commas part."""
    selectors = [[]]
    for token in rule.prelude:
        if token == ",":
            selectors.append([])
        else:
            selectors[-1].append(token)
    return selectors


def asked(selector: list[Node]) -> set[str]:
    """Return the classes and `id`s that a selector asks for, without those in brackets, as in `:not()`."""
    pairs = zip(selector, selector[1:], strict=False)
    classes = {name.value for dot, name in pairs if dot == "." and name.type == "ident"}
    return classes | {token.value for token in selector if token.type == "hash"}
