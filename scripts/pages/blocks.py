"""Generated blocks of the pages: the exam at a glance, the facts of a part, its checks."""

import platform
import re
from collections import Counter
from importlib.metadata import version

import jinja2
from checking import graph, ledger
from checking.claims import LABEL
from lxml import html
from markupsafe import Markup
from paper.exam import Entry, paper, plain, questions
from paper.parts import SCRIPTS
from paper.rules import CHECKS, anchor
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from pages.kept import per_page

FORMULA = re.compile(r"\$([^$]+)\$")
METHODS = ("library", "symbolic", "executed", "exact", "numeric")
RAN_WITH = {"Python": platform.python_version()} | {n: version(n) for n in ("numpy", "scipy", "sympy")}


def topic_anchor(tag: str) -> str:
    """Return the anchor of a topic on the topics page, as the tags plugin makes it."""
    return "tag:" + re.sub(r"[^\w-]+", "-", tag.lower())


def method(record: dict) -> str:
    """Return the method of a check: the public library, else the weakest of its comparisons."""
    used = {"library"} if record["libraries"] else {item["method"] for item in record["evidence"]}
    return next((name for name in reversed(METHODS) if name in used), "none")


def status(records: list[dict]) -> dict:
    """Return the text and the CSS class of the state of some checks."""
    passed = sum(record["state"] == "passed" for record in records)
    if not records or passed < len(records):
        return {"text": f"{passed} of {len(records)} checks passed", "class": "bad"}
    return {"text": f"{passed} check{'s' * (passed > 1)} passed", "class": "ok"}


def figure_of(value: float) -> str:
    """Return a number in at most four significant digits."""
    return f"{value:.4g}".replace("-", "−")


def comparison(item: dict) -> dict:
    """Return what a comparison found and what it required, as a reader would say it."""
    if item["method"] in ("symbolic", "exact"):
        word = "difference 0" if item["method"] == "symbolic" else "equal"
        return {"found": word if item["passed"] else "not " + word, "required": word}
    if "error" in item:
        return {"found": f"error {figure_of(item['error'])}", "required": f"≤ {figure_of(item['tolerance'])}"}
    less, more = ("<", ">") if item["strict"] else ("≤", "≥")
    sides = [("low", "smallest", more), ("high", "largest", less)]
    sides = [side for side in sides if item[side[0]] is not None]
    return {
        "found": ", ".join(f"{value} {figure_of(item[value])}" for _, value, _ in sides),
        "required": ", ".join(f"{sign} {figure_of(item[bound])}" for bound, _, sign in sides),
    }


def named(libraries: dict[str, str]) -> str:
    """Return `torch 2.13.0, trl 1.16.0`."""
    return ", ".join(f"{name} {number}" for name, number in sorted(libraries.items()))


def tally(methods) -> str:
    """Return `3 symbolic, 12 numeric`."""
    counts = Counter(methods)
    return ", ".join(f"{counts[name]} {name}" for name in METHODS if counts[name])


def highlighted(code: str) -> Markup:
    """Return Python code as highlighted HTML that the keyboard can scroll."""
    block = highlight(code, PythonLexer(), HtmlFormatter(cssclass="highlight", wrapcode=True))
    return Markup(block.replace("<pre>", '<pre tabindex="0" role="group" aria-label="Code">'))


def numbered(route: str, numbers: dict[str, str]) -> str:
    """Return a route with the labels of equations that it names replaced by their numbers."""
    return LABEL.sub(lambda match: f"({numbers[match[0]]})" if match[0] in numbers else match[0], route)


def claim(record: dict) -> Markup:
    """Return the claim of a check; what stands between dollar signs becomes a formula."""
    formula = Markup('<span class="arithmatex">\\({}\\)</span>')
    pieces = FORMULA.split(record["claim"])
    return Markup("").join(
        formula.format(piece) if number % 2 else piece for number, piece in enumerate(pieces)
    )


def as_printed(text: str) -> Markup | str:
    """Return a number that a check shows; one with a power of ten is a formula."""
    return Markup('<span class="arithmatex">\\({}\\)</span>').format(text) if "\\" in text else text


def runs(items: list[dict]) -> list[dict]:
    """Return comparisons with those of one check by one route taken together: the worst error, all values."""
    found = {}
    for item in items:
        # An exact comparison has no error, so it is not taken together with a numeric one by the same route.
        key = (item.get("check"), item.get("route"), item.get("source"), item["status"], "error" in item)
        if key in found and "error" in item:
            first = found[key]
            first |= {
                "runs": first["runs"] + 1, "error": max(first["error"], item["error"]),
                "samples": first["samples"] + item["samples"],
                "tolerance": max(first["tolerance"], item["tolerance"]),
            }  # fmt: skip
        else:
            found.setdefault(key, item | {"runs": 1})
    return list(found.values())


def kind(claims: list[ledger.Entry], name: str) -> list[ledger.Entry]:
    """Return the equations (with a label), results, checks or citations among some claims."""
    other = ("equation", "check", "citation")
    if name == "equation":
        return ledger.labelled(claims)
    return [claim for claim in claims if claim.kind == name or (name == "result" and claim.kind not in other)]


FILTERS = (
    topic_anchor,
    plain,
    claim,
    method,
    status,
    comparison,
    named,
    tally,
    highlighted,
    anchor,
    as_printed,
    kind,
    runs,
    numbered,
)
templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(SCRIPTS / "pages" / "templates"), autoescape=True,
    trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
)  # fmt: skip
templates.filters |= {function.__name__: function for function in FILTERS}
templates.globals["CHECKS"] = CHECKS
templates.filters["statuses"] = ledger.tally
templates.filters["of"] = lambda claims, address: [c for c in claims if c.url.startswith(address)]
templates.filters["labelled"] = lambda claims, label: next(c for c in claims if c.label == label)
templates.filters["listed"] = ledger.listed
templates.filters["called"] = graph.name
templates.filters["alone"] = graph.alone


def block(name: str, root: str, **values) -> html.HtmlElement:
    """Render a template to an element; `root` is the relative address of the site's root."""
    text = templates.get_template(f"{name}.html").render(root=root, **values)
    return html.fromstring(text.strip())


def exam(root: str) -> html.HtmlElement:
    """Return the whole paper at a glance."""
    return block("exam", root, questions=questions())


def numbers(root: str) -> html.HtmlElement:
    """Return the paper and its solutions in four numbers."""
    return block("numbers", root, questions=questions(), paper=paper())


def parts(root: str, question: str) -> html.HtmlElement:
    """Return the list of the parts of a question (`q2`)."""
    return block("parts", root, question=next(q for q in questions() if q.id == question))


def facts(root: str, entry: Entry, writing: float, claims: list) -> html.HtmlElement:
    """Return the line below the title of a part: marks, minutes to think and to write, statuses."""
    equations = ledger.labelled(claims)
    counts = [f"{n} {status}" for status, n in ledger.tally(equations).items() if n]
    return block(
        "facts", root, entry=entry, writing=writing, equations=len(equations), counts=", ".join(counts)
    )


def practice(root: str, article: html.HtmlElement) -> html.HtmlElement:
    """Return the box in which a reader sits the part, or hides sections of it other than the question."""
    headings = article.xpath('section[@class="unit" and @data-unit != "the-question"]/h2')
    units = [(heading.get("id"), heading.text_content().strip()) for heading in headings]
    return block("practice", root, units=units)


def evidence(root: str, claim: ledger.Entry, figures: dict, numbers: dict) -> list[html.HtmlElement]:
    """Return the mark beside the number of an equation, and the card that it opens.

    `figures` maps the anchors of the figures that plot the equation to their numbers, `numbers` the
    labels of the page to theirs.
    """
    card = templates.get_template("evidence.html")
    text = card.render(root=root, claim=claim, figures=figures, numbers=numbers)
    return html.fragments_fromstring(text.strip())


def status_link(root: str, claim: ledger.Entry) -> html.HtmlElement:
    """Return the status of a result, which leads to its entry in the ledger."""
    return block("status", root, claim=claim)


def pdfs(root: str, sets: list) -> html.HtmlElement:
    """Return the list of some printed sets, each in full and in short."""
    short = {one.name.removesuffix("-short"): one for one in sets if one.short}
    return block("pdfs", root, sets=[one for one in sets if not one.short], short=short)


def checks(root: str, address: str, records: list[dict], numbers: dict[str, str]) -> html.HtmlElement:
    """Return all checks of the part at `address`, with their evidence and code; `numbers` by label."""
    libraries = {k: v for record in records for k, v in record["libraries"].items()}
    given = {
        "root": root, "address": address, "records": records, "versions": named(RAN_WITH),
        "libraries": named(libraries), "numbers": numbers,
    }  # fmt: skip
    return html.fromstring(rendered_checks(repr(given), given))


@per_page
def rendered_checks(key: str, page: dict) -> str:
    """Return the HTML of the checks of a part; it is kept because their code takes its time."""
    return templates.get_template("checks.html").render(page).strip()


def checks_link(records: list[dict]) -> html.HtmlElement:
    """Return the line that leads from a part to the page of its checks."""
    return block("checks-link", "", records=records)
