"""Breaking any one thing fails the build with a message that leads to the line."""

import re
from pathlib import Path

import pytest
from conftest import build

A = "docs/q2/a-human-aware-losses"
B = "docs/q2/b-reward-classes"
C = "docs/q2/c-without-sft"
D = "docs/q0/d-temperature"


def line_of(path: Path, text: str) -> int:
    """Return the number of the first line that contains `text`."""
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def append(path: Path, text: str) -> int:
    """Append text to a file; return the number of its first line."""
    before = path.read_text()
    before += "" if before.endswith("\n") else "\n"
    path.write_text(before + text)
    return before.count("\n") + 1


def replace(path: Path, pattern: str, by: str) -> int:
    """Replace the first match of a pattern in a file; return the number of its line."""
    text = path.read_text()
    match = re.search(pattern, text, re.MULTILINE)
    assert match, f"{pattern!r} is not in {path}"
    path.write_text(text[: match.start()] + by + text[match.end() :])
    return text.count("\n", 0, match.start()) + 1


def test_one_run_reports_every_fault(copy):
    """Twenty-three faults in one copy are all reported in one run, each with its file and line."""
    a, b, c, d = (copy / folder / "index.md" for folder in (A, B, C, D))
    about = copy / "docs/about.md"
    faults = {}

    def expect(path: Path, line: int, words: str):
        faults[f"{path.relative_to(copy)}:{line}: "] = words

    line = append(a, "\nSee [that](../no-such-page.md).\n\nAnd [there](#no-such-anchor).\n")
    expect(a, line + 1, "no-such-page.md")
    expect(a, line + 3, "no-such-anchor")
    line = append(a, "\nA formula $\\frac{a$ that ends too early.\n\nAnd \\eqref{eq-nowhere} is nowhere.\n")
    expect(a, line + 1, "HERE")
    expect(a, line + 3, "eq-nowhere")
    line = append(a, "\nA badge [checked](#check-no-such-check).\n\n![picture](no-such-figure.svg)\n")
    expect(a, line + 1, "no-such-check")
    expect(a, line + 3, "no-such-figure.svg")
    line = append(a, '\nLoose \\alpha in the text.\n\n<a href="../no-such-raw-link/">raw</a>\n')
    expect(a, line + 1, "outside of a formula")
    expect(a, line + 3, "no-such-raw-link")
    line = append(a, "\nAs [99, Section 1] has it.\n\n$$\n1 = 1\n\\source{98}\n$$\n")
    expect(a, line + 1, "cites reference 99")
    expect(a, line + 4, "must begin with the number of a reference")
    line = append(a, "\nA formula $\\textcolor{red}{x}$ that only the web can show.\n")
    expect(a, line + 1, "Undefined control sequence \\textcolor")
    replace(b, r"^If \$\\pi\$ gives mass", r"By Corollary \ref{cor-class-canonical}: if $\pi$ gives mass")
    faults[f"{b.relative_to(copy)}:"] = "results rest on each other in a circle"
    line = append(about, "\n$$\n1 = 1\n\\label{eq-twice}\n$$\n\nThen\n\n$$\n2 = 2\n\\label{eq-twice}\n$$\n")
    expect(about, line + 9, "eq-twice")
    expect(b, replace(b, r"^tags: \[", "tags: [Alchemy, "), "Alchemy")
    expect(b, replace(b, r"^## Hints", "## Clues"), "Clues")
    replace(d, r"^## Solution in full", "word " * 106 + "\n\n## Solution in full")
    expect(d, line_of(d, "## Answer at exam length"), "the answer takes")
    expect(c, replace(c, r"^marks: 2", "marks: 3"), "the paper gives 2")
    faults[f"{c.relative_to(copy)}:{line_of(c, '## Marking scheme')}: "] = "add up to 2 marks, the part has 3"
    figures = copy / B / "figures.py"
    line = append(figures, '\n\ndef broken(canvas):\n    """Alt."""\n    return canvas.no_such_colour\n')
    expect(figures, line + 4, "no_such_colour")
    checks = copy / C / "checks.py"
    for name, claim, got, words in (
        ("wrong", '"""1 = 2."""', 2, "by eye"),
        ("tex", r'r"""$\frac{a$."""', 1, "HERE"),
        ("loose", r'r"""\alpha."""', 1, "outside of a formula"),
        ("cooked", r'"""$\nabla$."""', 1, "the claim holds TeX"),
    ):
        body = f'    {claim}\n    evidence.equal(1, {got}, "by eye")\n'
        line = append(checks, f"\n\ndef test_{name}(evidence):\n{body}")
        expect(checks, line + 2, words)
    lab = copy / "docs/q2/lab.py"
    line = append(lab, '\n# %%\nassert 1 == 2, "a failing cell"\n')
    expect(lab, line + 2, "a failing cell")

    run = build(copy)
    assert run.returncode == 1, run.stdout + run.stderr
    reported = [message.strip() for message in run.stderr.splitlines()]
    missed = [
        f"{place}… {words}"
        for place, words in faults.items()
        if not any(message.startswith(place) and words in message for message in reported)
    ]
    assert not missed, "\n".join(missed) + "\n\nreported:\n" + run.stderr
    assert not (copy / "site").exists(), "a broken site was published"


@pytest.mark.parametrize(
    ("file", "pattern", "by", "words"),
    [
        (f"{A}/figures.py", r"^def ", "def def ", "figures.py:{line}: SyntaxError"),
        (f"{A}/checks.py", r"^def test", "def def test", "checks.py:{line}: "),
        (f"{A}/model.py", r"^import numpy", "import no_such_module", "model.py:{line}: ModuleNotFoundError"),
        (f"{A}/index.md", r'^--8<-- "exam.md:q2-a"', '--8<-- "no-such-file.md"', "index.md:{line}: "),
        (f"{A}/index.md", r"^marks: 5", "marks: [5", "index.md"),
        (f"{A}/index.md", r"^-A \\min\(q, 1\+", r"A \min(q, 1+", "the equation does not hold"),
        (
            f"{B}/index.md",
            r"^## Checked",
            "$$\n\\label{eq-unread}\nf = a/bc\n$$\n\n## Checked",
            "equation eq-unread: how far does / reach?",
        ),
        (
            f"{B}/index.md",
            r"\\label\{eq-class-shift\}",
            r"\label{eq-renamed}",
            "no equation 'eq-class-shift'",
        ),
    ],
)
def test_fault_that_stops_a_part(copy, file, pattern, by, words):
    """A fault in a file or an equation that a part rests on fails the build and names the place."""
    line = replace(copy / file, pattern, by)
    run = build(copy)
    assert run.returncode == 1
    assert words.format(line=line) in run.stderr, run.stderr


def test_stale_library_evidence(copy):
    """Evidence of library checks that is older than their code is refused."""
    replace(copy / A / "model.py", r"np\.logaddexp\(0, ", "np.logaddexp(0.0, ")
    run = build(copy)
    assert run.returncode == 1
    assert "the evidence in library.json is stale" in run.stderr


def test_last_good_site_is_kept(copy):
    """A failing build leaves the site of the last good build as it was."""
    (copy / "site").mkdir()
    (copy / "site/index.html").write_text("the last good site")
    append(copy / "docs/about.md", "\n$\\frac{a$\n")
    assert build(copy).returncode == 1
    assert (copy / "site/index.html").read_text() == "the last good site"
