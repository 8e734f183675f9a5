"""The numbers that a reader takes for results, as they are printed."""

import re

# What is read away before numbers are looked for: names of places, and labels in formulas.
NO_RESULT = re.compile(
    r"\\(?:label|tag|source|ref|eqref)\{[^}]*\}"
    r"|\b(?:Section|Appendix|Table|Figure|Equation|Theorem|Proposition|Lemma|Corollary)s? [\w.]+"
    r"|\b(?:version|variant|question|part|clause|claim|case|step|item|row|line)s? \d+|(?<!\\)\(\d\)",
    re.IGNORECASE,
)
FORMULA = re.compile(r"\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)
# 0 and 1 are structure, and in a formula all of 0 to 9, as the 2 of a square.
IN_TEXT = re.compile(r"(?<![\w.])(?<![A-Za-z]-)(?![01](?![\d.]))\d+(?:\.\d+)?(?![\w-]*[A-Za-z])")
IN_FORMULA = re.compile(r"\d+\.\d+|\d\d+")
GROUPED = re.compile(r"(?<=\d)(?:\\,|\{,\}|,|\N{THIN SPACE}|\N{NARROW NO-BREAK SPACE})(?=\d{3}(?!\d))")


def numbers(text: str) -> list[str]:
    """Return the numbers in a text with TeX, without those that are names or structure."""
    text = NO_RESULT.sub(" ", GROUPED.sub("", text))
    inside = [number for formula in FORMULA.findall(text) for number in IN_FORMULA.findall(formula)]
    return IN_TEXT.findall(FORMULA.sub(" x ", text)) + inside


def compact(text: str) -> str:
    """Return text without what separates digits and terms, to compare what is printed."""
    return re.sub(r"\\[,;:! ]|[\s~]", "", GROUPED.sub("", text)).replace("\N{MINUS SIGN}", "-")
