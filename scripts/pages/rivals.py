"""The page on which a reader's wait is measured, as it is and as other ways to set its formulas make it."""

import json
import os
import shutil
from pathlib import Path

from lxml import html
from lxml.html import HtmlElement
from maths.tokens import MACROS_FILE
from paper.parts import ROOT, SCRIPTS

SITE, PAGE = ROOT / "site", "q2/a-human-aware-losses"
PACKAGES = SCRIPTS / "node" / "node_modules"
LIBRARIES = {
    "katex": "katex/dist",
    "mathjax": "@mathjax/src/bundle",
    "mathjax-newcm-font": "@mathjax/mathjax-newcm-font",
}
MACROS = json.loads(MACROS_FILE.read_text())
SAID = {"\\said": "#2"}
ARGUMENTS = {name: [body, body.count("#")] if "#" in body else body for name, body in MACROS.items()}
KATEX = f"""<link rel="stylesheet" href="/lib/katex/katex.min.css">
<script defer src="/lib/katex/katex.min.js"></script>
<script defer src="/lib/katex/contrib/auto-render.min.js"></script>
<script>addEventListener("DOMContentLoaded", () => {{
  const pairs = [["\\\\[", "\\\\]", true], ["\\\\(", "\\\\)", false]];
  const delimiters = pairs.map(([left, right, display]) => ({{ left, right, display }}));
  const macros = {json.dumps(MACROS | SAID)};
  const lenient = {{ throwOnError: false, strict: false, trust: true }};
  renderMathInElement(document.body, {{ delimiters, macros, ...lenient }});
  changed();
}})</script>"""
MATHJAX = f"""<script>MathJax = {{
  tex: {{ macros: {json.dumps({k[1:]: v for k, v in ARGUMENTS.items()} | {"said": ["#2", 2]})} }},
  loader: {{ paths: {{ fonts: "/lib" }} }},
  startup: {{ ready() {{ MathJax.startup.defaultReady(); MathJax.startup.promise.then(changed); }} }},
}}</script><script defer src="/lib/mathjax/tex-chtml.js"></script>"""


def tex(tree: HtmlElement):
    """Put its TeX in place of each formula."""
    for formula in tree.find_class("katex"):
        display = formula.find(".//math").get("display") == "block"
        source = formula.findtext(".//annotation")
        around = formula.getparent() if display else formula
        around.getparent().replace(around, marked(source, display, around.tail))


def marked(source: str, display: bool, tail: str | None) -> HtmlElement:
    """Return the TeX of a formula between the delimiters that both libraries look for."""
    element = html.Element("span")
    element.text, element.tail = (rf"\[{source}\]" if display else rf"\({source}\)"), tail
    return element


def bare(tree: HtmlElement):
    """Take out the formulas, and nothing of the words around them."""
    for formula in tree.find_class("katex"):
        formula.drop_tree()


def plain(tree: HtmlElement):
    """Leave the theme's own styles and scripts alone."""
    own = './/link[contains(@href, "assets/") and not(contains(@href, "stylesheets/"))] | .//script[@defer]'
    for element in tree.xpath(f'{own} | .//*[@class="search"] | .//script[contains(., "full-marks")]'):
        element.drop_tree()


def unstyled(tree: HtmlElement):
    """Take out what belongs to formulas typeset at build time; the page is shown without waiting for it."""
    for element in tree.xpath('.//*[contains(@href, "/katex/") or contains(@src, "/katex/")]'):
        element.drop_tree()
    for script in tree.xpath('.//script[contains(., "load(formula)")]'):
        script.text = script.text.replace("load(formula)", "load([])")


ROWS = {
    "us": ([], ""),
    "KaTeX, our frame": ([tex, unstyled], KATEX),
    "KaTeX, plain theme": ([tex, unstyled, plain], KATEX),
    "MathJax, our frame": ([tex, unstyled], MATHJAX),
    "MathJax, plain theme": ([tex, unstyled, plain], MATHJAX),
    "limit: no formulas": ([bare, unstyled], ""),
}


def prepared(folder: Path) -> dict[str, str]:
    """Make a copy of the site with the page of each row; return the addresses of the rows."""
    site = shutil.copytree(SITE, folder / "site", copy_function=os.link)
    for name, source in LIBRARIES.items():
        (site / "lib").mkdir(exist_ok=True)
        (site / "lib" / name).symlink_to(PACKAGES / source)
    addresses = {}
    for number, (name, (changes, head)) in enumerate(ROWS.items()):
        text = (SITE / PAGE / "index.html").read_text()
        if changes:
            tree = html.document_fromstring(text)
            for change in changes:
                change(tree)
            text = "<!doctype html>" + html.tostring(tree, encoding="unicode")
        addresses[name] = f"{PAGE}-{number}/"
        shutil.copytree(site / PAGE, site / addresses[name], copy_function=os.link)
        (site / addresses[name] / "index.html").unlink()
        (site / addresses[name] / "index.html").write_text(text.replace("</head>", f"{head}</head>", 1))
    return addresses
