"""Formulas in words: nothing is lost, and a listener can write each down again."""

import re
import unicodedata

import pytest
import yaml
from conftest import ROOT, corpus, site_formulas
from lxml import html
from maths.typeset import typeset

SPOKEN = yaml.safe_load((ROOT / "tests/spoken.yml").read_text())
NUMBERS = {"2": "2|squared", "3": "3|cubed"}


def words_for(c: str) -> str:
    """Return the ways, divided by |, in which a character is said."""
    if c in SPOKEN["signs"]:
        return SPOKEN["signs"][c]
    if c.isascii() and c.isalpha():
        return f"upper {c}" if c.isupper() else c
    name = unicodedata.name(c).lower()
    if greek := re.fullmatch(r"greek (small|capital) letter (\w+)", name):
        letter = greek[2].replace("lamda", "lambda")
        return letter if greek[1] == "small" else f"upper {letter.capitalize()}"
    for old, new in SPOKEN["names"].items():
        name = name.replace(old, new)
    return name


def expected(token) -> list[str]:
    """Return what must be said for a token of MathML."""
    text = re.sub(r"\s+", " ", token.text or "").strip()
    if token.get("data-said") or not text:
        return [token.get("data-said", "").removesuffix("...").strip()]
    if token.tag == "mn" and token.get("mathvariant"):  # digits have no double stroke
        return [f"bold {text}"]
    if token.tag == "mn":
        return [NUMBERS.get(text, text)]
    if token.tag == "mtext" or len(text) > 1 and text.isascii():
        if token.tag != "mtext" and text.isalpha() and text not in SPOKEN["functions"]:
            return [f"{text}|{' '.join(words_for(c) for c in text)}"]
        return [SPOKEN["functions"].get(word, word) for word in re.findall(r"[A-Za-z]+|\d+", text)]
    font = SPOKEN["fonts"].get(token.get("mathvariant"), "")
    first, *others = [words_for(c) for c in text]
    return ["|".join(f"{font} {way}".strip() for way in first.split("|")), *others]


def lost(mathml: str, speech: str) -> list[str]:
    """Return what of a formula's MathML its words do not hold."""
    tokens = html.fragment_fromstring(mathml).xpath(".//mi | .//mn | .//mo | .//mtext")
    if tokens and tokens[-1].text in (".", ",", ";"):  # the sentence's
        tokens.pop()
    shown = [token for token in tokens if not token.xpath("ancestor::mphantom")]
    wanted = [words for token in shown for words in expected(token) if words]
    missing = []
    for words in sorted(wanted, key=lambda w: -max(map(len, w.split("|")))):
        ways = "|".join(map(re.escape, sorted(words.split("|"), key=len, reverse=True)))
        speech, found = re.subn(rf"(?<![\w,.])(?:{ways})(?!\w)", "•", speech, count=1)
        missing += [] if found else [words]
    return missing


def test_no_sign_is_lost():
    """In the words of every formula each letter, digit, operator and bracket of it is said, with its font."""
    formulas = [*site_formulas(), *((tex, True) for texs in corpus().values() for tex in texs)]
    made = zip(formulas, typeset(formulas), strict=True)
    wrong = {tex: (found, one.speech) for (tex, _), one in made if (found := lost(one.mathml, one.speech))}
    assert not wrong, "\n".join(f"{tex}: {found} not in {words}" for tex, (found, words) in wrong.items())


@pytest.mark.parametrize(
    ("tex", "said"),
    [
        (r"A \overset{\text{def}}{=} B", "upper A equals Overscript def Endscripts upper B"),
        (r"\underset{x}{\mathrm{argmax}}", "argmax Underscript x Endscripts"),
        (r"\boldsymbol{Wh}", "bold italic upper W bold italic h"),
        (r"a \not\in B", "a not an element of upper B"),
        (r"\KL(p \relto q)", "upper K upper L left parenthesis p relative to q right parenthesis"),
        (r"\|x\|_2", "StartMetric x EndMetric Subscript 2"),
        ("p^l", "p Superscript l"),
        (r"p^{\layer l}", "p Superscript at layer l"),
        (r"\text{a normal, blank, bold word}", "a normal comma blank comma bold word"),
        (r"a\!b", "a b"),
        (r"k\text{-bit}", "k hyphen bit"),
        (r"\mathbb{R}, \mathbf{x}", "double struck upper R comma bold x"),
        (r"A^\top", "upper A Superscript transpose"),
        (r"\pi(y \given x)", "pi left parenthesis y given x right parenthesis"),
        (r"\E_{y \drawn \pi}", "double struck upper E Subscript y drawn from pi"),
        (r"\pi^*_r, x'", "pi Subscript r Superscript asterisk Baseline comma x prime"),
        (r"\frac{9}{26}", "StartFraction 9 Over 26 EndFraction"),
        (r"\said{the learning rate}{\eta} x", "the learning rate x"),
    ],
)
def test_formula_is_said_as_it_is_meant(tex, said):
    """A formula is said in the words of MathSpeak, and in those of the macros that mean something."""
    assert typeset([(tex, True)])[0].speech == said


@pytest.mark.parametrize(
    "texs",
    [
        (r"\sqrt v + \epsilon", r"\sqrt{v + \epsilon}"),
        ("a_i b", "a_{ib}", "a^i b", "a_{i_b}"),
        (r"\frac{a}{b} c", r"\frac{a}{bc}", r"\frac{ac}{b}", "a/bc"),
        ("x_1", "x^1", "x 1", "x + 1"),
        ("X", "x", r"\mathbf x", r"\mathbf X", r"\mathbb X", r"\mathcal X", r"\mathrm x"),
        (r"\begin{bmatrix} a \\ b \end{bmatrix}", r"\begin{pmatrix} a \\ b \end{pmatrix}", r"\binom{a}{b}"),
        (r"\begin{pmatrix} a & b \end{pmatrix}", r"\begin{pmatrix} a \\ b \end{pmatrix}", "(a b)"),
        (r"a \setminus b", "a - b", r"a \ominus b"),
        (r"x \perp y", r"x \not\perp y", r"x \parallel y"),
        ("x'", "x''", "x^*", r"x^\top", "x^T"),
        (r"\bar x", r"\hat x", r"\tilde x", r"\dot x", r"\check x", "x"),
        ("a_{m1}", "a_m 1", "a_{m_1}"),
        ("a^{b^c}", "a^b c", "a^{bc}"),
    ],
)
def test_different_formulas_sound_different(texs):
    """No two formulas that show different things are said with the same words."""
    said = [formula.speech for formula in typeset([(tex, True) for tex in texs])]
    assert len(set(said)) == len(texs), said
