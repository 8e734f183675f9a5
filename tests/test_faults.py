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


class Faults:
    """Breaks files of a copy of the project, and knows what a build should say of each fault."""

    def __init__(self, copy: Path):
        self.copy, self.expected, self.published = copy, [], copy / "site/index.html"
        self.published.parent.mkdir()
        self.published.write_text("the last good site")

    def expect(self, file: str, line: int, words: str):
        self.expected.append((f"{file}:{line}: ", words))

    def append(self, file: str, text: str, **expected: str):
        """Append text to a file; a fault is expected at its line `l1`, `l2` and so on."""
        first = append(self.copy / file, text)
        for name, words in expected.items():
            self.expect(file, first + int(name[1:]), words)

    def replace(self, file: str, pattern: str, by: str, words: str, later: int = 0):
        """Replace a match in a file; a fault is expected at its line, or some lines later."""
        self.expect(file, replace(self.copy / file, pattern, by) + later, words)

    def assert_reported(self):
        """Build; each fault is reported once, at its line, nothing else is; the last good site is kept."""
        run = build(self.copy)
        assert run.returncode == 1, run.stdout + run.stderr
        said = [line.strip() for line in run.stderr.splitlines()][2:-1]
        missed, extra = [], list(said)
        for place, words in self.expected:
            found = [line for line in extra if line.startswith(place) and words in line]
            missed += [] if found else [place + words]
            extra = [line for line in extra if line not in found[:1]]
        assert not missed and not extra, f"missed: {missed}\nextra: {extra}\nreported:\n{run.stderr}"
        assert list(self.published.parent.iterdir()) == [self.published], "a broken site was published"
        assert self.published.read_text() == "the last good site"


@pytest.fixture
def faults(copy):
    """Give a copy of the project to break."""
    return Faults(copy)


def test_one_run_reports_every_fault(faults):
    """Faults of all kinds are reported in one run, each once, with its file and line."""
    a, b, c, about = f"{A}/index.md", f"{B}/index.md", f"{C}/index.md", "docs/about.md"
    faults.append(a, "\nSee [that](../no-such-page.md).\n\nAnd [there](#no-such-anchor).\n",
                  l1="no-such-page.md", l3="no-such-anchor")  # fmt: skip
    faults.append(a, "\nA formula $\\frac{a$ that ends too early.\n\nAnd \\eqref{eq-nowhere} is nowhere.\n",
                  l1="HERE", l3="eq-nowhere")  # fmt: skip
    faults.append(a, "\nA badge [checked](#check-no-such-check).\n\n![picture](no-such-figure.svg)\n",
                  l1="no-such-check", l3="no-such-figure.svg")  # fmt: skip
    faults.append(a, '\nLoose \\alpha in it.\n\n<a href="../no-such-raw-link/">raw</a>\n',
                  l1="outside of a formula", l3="no-such-raw-link")  # fmt: skip
    faults.append(a, "\nAs [99, Section 1] has it.\n", l1="cites reference 99")
    faults.append(about, "\n$$\n1 = 1\n\\source{98}\n$$\n", l2="must begin with the number of a reference")
    words = "Undefined control sequence \\textcolor"
    faults.append(a, "\nA formula $\\textcolor{red}{x}$ that only the web can show.\n", l1=words)
    faults.replace(a, r"^\| \(1\) reward.*", "| (1) reward | $|x|$ | 3 |", "5 cells, the head of its table 3")
    faults.replace(a, r"^\| \(2\) reference.*", "| (2) reference |", "1 cells, the head of its table 3")
    replace(faults.copy / b, r"^If \$\\pi\$ gives mass(?= to a response with \$\\piref = 0)",
                   r"By Corollary \ref{cor-class-canonical}: if $\pi$ gives mass")  # fmt: skip
    circle = line_of(faults.copy / b, "/// theorem | One class")
    faults.expect(b, circle, "results rest on each other in a circle")
    faults.append(about, "\n$$\n1 = 1\n\\label{eq-twice}\n$$\n\nThen\n\n$$\n2 = 2\n\\label{eq-twice}\n$$\n",
                  l9="eq-twice")  # fmt: skip
    faults.append(about, "\n/// note | Open\nText.\n\n/// thoerem | One\nText.\n///\n\n## Last\n\n///\n",
                  l1="/// note is not closed", l4="no block 'thoerem'", l10="closes no block")  # fmt: skip
    faults.replace(b, r"^tags: \[", "tags: [Alchemy, ", "Alchemy")
    faults.replace(b, r"^## Hints", "## Clues", "Clues")
    faults.replace(c, r"^marks: 2", "marks: 3", "the paper gives 2")
    d = f"{D}/index.md"
    replace(faults.copy / d, r"^## Solution in full", "word " * 106 + "\n\n## Solution in full")
    faults.expect(d, line_of(faults.copy / d, "## Answer at exam length"), "the answer takes")
    faults.expect(c, line_of(faults.copy / c, "## Marking scheme"), "add up to 2 marks, the part has 3")
    again = replace(faults.copy / c, r"^### .*", r"### On $\pi$")
    words = f"a heading must not contain a formula (also in line {again})"
    faults.replace(c, r"^# .*", r"# 2(c) On $\pi$", words)
    figure = '\n\ndef broken(canvas):\n    """Alt."""\n    return canvas.no_such_colour\n'
    faults.append(f"{B}/figures.py", figure, l4="no_such_colour")
    for name, claim, got, words in (
        ("wrong", '"""1 = 2."""', 2, "by eye"),
        ("tex", r'r"""$\frac{a$."""', 1, "HERE"),
        ("loose", r'r"""\alpha."""', 1, "outside of a formula"),
        ("cooked", r'"""$\nabla$."""', 1, "the claim holds TeX"),
    ):
        body = f'    {claim}\n    evidence.equal(1, {got}, "by eye")\n'
        faults.append(f"{D}/checks.py", f"\n\ndef test_{name}(evidence):\n{body}", l2=words)
    check = (
        '\n\ndef test_lost(evidence):\n    """One."""\n    evidence.equation("eq-temperature-oods", 0, "x")\n'
    )
    faults.append(f"{D}/checks.py", check, l2="did you mean 'eq-temperature-odds'?")
    cell = "\n# %% [markdown]\n# ## On $\\pi$\n#\n# | a | b |\n# | - | - |\n# | $|x|$ | 2 |\n"
    lab = {"l2": "a heading must not contain a formula", "l6": "a bar as \\given"}
    faults.append("docs/q2/lab.py", cell, **lab)
    faults.append("docs/q2/lab.py", '\n# %%\nassert 1 == 2, "a failing cell"\n', l2="a failing cell")
    faults.assert_reported()


def test_file_that_cannot_be_read_is_one_problem(faults):
    """A file that Python or YAML cannot read is one problem, whatever rests on it."""
    faults.replace(f"{A}/figures.py", r"^def ", "def def ", "SyntaxError: invalid syntax")
    faults.replace(f"{B}/checks.py", r"^def test", "def def test", "SyntaxError: invalid syntax")
    faults.replace(f"{C}/model.py", r"^import numpy", "import no_such_module", "ModuleNotFoundError")
    faults.replace(f"{D}/index.md", r"^marks: 2", "marks: [2", "front matter: ")
    faults.assert_reported()


def test_equation_that_fails(faults):
    """Of an equation that does not hold or is renamed the checks that rest on it are named.

    So are a missing snippet, an equation that cannot be read, and library checks older than their code.
    """
    a, c = f"{A}/index.md", f"{C}/index.md"
    replace(faults.copy / a, r"^-A \\min\(q, 1\+", r"A \min(q, 1+")
    for name in ("clip_identity", "construction_gives_the_loss", "published_construction_gives_the_loss"):
        line = line_of(faults.copy / f"{A}/checks.py", f"def test_{name}(")
        faults.expect(f"{A}/checks.py", line, "the equation does not hold")
    replace(faults.copy / A / "checks.py", r"p \* \(1 \+ 1e-6\)", "p")  # where the weight is 0 / 0
    line = line_of(faults.copy / A / "checks.py", "def test_decision_weight(")
    faults.expect(
        f"{A}/checks.py", line, r"the formula \omega = \frac{q-1}{L \log q}: float division by zero"
    )
    faults.replace(c, r'^--8<-- "exam.md:q2-c"', '--8<-- "no-such-file.md"', "no-such-file.md")
    replace(faults.copy / c, r"\\label\{eq-sft-soft-mean\}", r"\label{eq-renamed}")
    line = line_of(faults.copy / f"{C}/checks.py", "def test_soft_mean(")
    faults.expect(f"{C}/checks.py", line, "no equation 'eq-sft-soft-mean'")
    unread = "$$\n\\label{eq-unread}\nf = a/bc\n$$\n\n## Checked"
    words = "equation eq-unread: how far does / reach?"
    faults.replace(f"{D}/index.md", r"^## Checked", unread, words, 1)
    replace(faults.copy / D / "model.py", r"softmax\(logits / ", "softmax(1.0 * logits / ")
    line = line_of(faults.copy / f"{D}/checks.py", "def test_transformers_warper(")
    faults.expect(f"{D}/checks.py", line, "the evidence in library.json is stale")
    faults.assert_reported()


def test_broken_settings_are_one_problem(faults):
    """Broken settings stop the build at once, each with its line."""
    faults.replace(
        "docs/exam.yml", r"^    title: Alignment.*", "    titel: Alignment", "'q2' has no title", -1
    )
    faults.replace("docs/exam.yml", r"marks: 1\.5", "marks: some", "marks of 'a' must be a number")
    faults.replace("docs/macros.json", r'^  "\\\\Z"', "  \\Z", "double quotes")
    faults.assert_reported()


def test_fault_that_print_finds(faults):
    """What print cannot show is one problem for all sets, and so is a published page that went."""
    faults.append("tests/urls.txt", "/q9/\n", l0="no page has this published address")
    pattern = r"^### What this says about human decisions"
    faults.replace(f"{A}/index.md", pattern, "### What this says\n\nTwo signs: 数学.", "character '数'", 2)
    faults.assert_reported()
