"""Which formulas are accepted and which are refused, with what words."""

import re
import subprocess

import pytest
import yaml
from conftest import ROOT, build, corpus
from maths.typeset import FOLDER, NODE, typeset

FAULTS = yaml.safe_load((ROOT / "tests/refused.yml").read_text())
MALFORMED = FAULTS["malformed"].splitlines()


def test_formulas_of_every_kind_are_accepted():
    """More than 400 formulas of all kinds are typeset, displayed and in a line."""
    every = [tex for texs in corpus().values() for tex in texs]
    assert len(set(every)) >= 400
    rows = re.compile(r"\\begin\{(split|align\*|gather\*)\}")  # only displayed, as in LaTeX
    for display in (True, False):
        made = typeset([(tex, display) for tex in every if display or not rows.match(tex)])
        errors = [one.error for one in made if one.error]
        assert errors == [] and all(one.html and one.typst and one.speech for one in made)


@pytest.mark.parametrize(("tex", "words"), FAULTS["refused"].items())
def test_what_would_be_wrong_is_refused_by_name(tex, words):
    """What one of web, print and voice cannot show is an error that says what, where, and the remedy."""
    (formula,) = typeset([(tex, True)])
    assert words in formula.error and not formula.html, formula


@pytest.mark.parametrize(
    ("tex", "other"),
    [
        ("a = b", "a = c"),
        ("a = b", "a b"),
        (r"\mathbf{x}", "x"),
        (r"\theta", r"\vartheta"),
        ("x_1", "x^2"),
        ("f'", "f"),
    ],
)
def test_two_readings_watch_each_other(tex, other):
    """A formula of which KaTeX shows other text, or another alphabet, than MathJax reads, is refused."""
    script = """
        import katex from "katex";
        import { parser } from "./mathml.mjs";
        import { agreed } from "./agreed.mjs";
        const [one, two] = process.argv.slice(-2);
        agreed(katex.renderToString(one), parser({})(two, false));
    """
    command = [NODE, "--input-type=module", "-e", script]
    runs = [
        subprocess.run([*command, *pair], cwd=FOLDER, capture_output=True)
        for pair in ((tex, tex), (tex, other))
    ]
    assert [run.returncode for run in runs] == [0, 1]


def test_malformed_formulas_are_refused_with_their_place(copy):
    r"""Forty malformed formulas on one page are all reported in one run, each with file, line and place.

    So is a bar in a table, where \| could be meant as one or as two: the error names the ways to say which.
    """
    page, faults = copy / "docs/about.md", [f"z_{{{n}}} + {tex}" for n, tex in enumerate(MALFORMED)]
    table = "\n\n| a | b |\n| --- | --- |\n| $p(x \\| y)$ | c |\n"
    page.write_text(page.read_text() + "".join(f"\n\n$$\n{tex}\n$$\n" for tex in faults) + table)
    lines = page.read_text().splitlines()
    run = build(copy)
    assert run.returncode == 1 and len(faults) >= 40
    for tex in faults:
        message = re.search(rf"docs/about\.md:{lines.index(tex) + 1}: formula: (.*)", run.stderr)
        assert message and ("HERE" in message[1] or " in z_{" in message[1]), (tex, run.stderr)
    assert f"docs/about.md:{len(lines)}: formula: in a table" in run.stderr, run.stderr
