"""Formulas in words: nothing is lost, and a listener can write each down again."""

import re
import unicodedata

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
