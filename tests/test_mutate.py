"""The mutation test: what the operators change, and that it tells strong checks from weak ones."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from maths import mutations
from maths.equations import displays
from maths.mutations import Display, join, mutants
from maths.tex import statements

PAGES = sorted((ROOT / "docs").glob("q*/*/index.md"))


def labelled() -> list[str]:
    """Return the TeX of all labelled displays of the site."""
    return [tex for page in PAGES for tex in displays(page) if r"\label{" in tex]


@pytest.mark.parametrize(
    ("operator", "tex", "expected"),
    [
        ("signs", r"f = -a + b - c", ["f = a + b - c", "f = -a - b - c", "f = -a + b + c"]),
        ("signs", r"f = e^{-z} m_{-u}", ["f = e^{z} m_{-u}", "f = e^{-z} m_{u}"]),
        ("terms", r"f = (a + b) c", ["f = ( + b) c", "f = (a ) c"]),
        ("terms", r"f = \frac{1 - x}{2}", [r"f = \frac{ - x}{2}", r"f = \frac{1 }{2}"]),
        ("fractions", r"f = \frac{a}{b}", [r"f = \frac{b}{a}", r"f = \frac{1}{b}", "f = (a)"]),
        ("fractions", r"\frac{dp_i}{dT} = a/b", [r"\frac{dp_i}{dT} = a \cdot b"]),
        ("functions", r"f = \min(a, \log b)", [r"f = \max(a, \log b)", r"f = \min(a, \exp b)"]),
        ("functions", r"f \le \sigma(a) < 1", [
            r"f \ge \sigma(a) < 1", r"f \le \sigma(a) > 1", r"f \le \sigma(-(a)) < 1",
        ]),
        ("functions", r"f = \sigma(-a)", []),
        ("numbers", r"f = \sum_{j=1}^n 2 z_j", [
            r"f = \sum_{j=2}^n 2 z_j", r"f = \sum_{j=1}^n 3 z_j", r"f = \sum_{j=1}^{n - 1} 2 z_j",
        ]),
        ("names", r"p_i = z_j", ["p_j = z_j", "p_i = z_i"]),
        ("names", r"f = v_+(x) + v_-(x')", [
            "f = v_-(x) + v_-(x')", "f = v_+(x') + v_-(x')", "f = v_+(x) + v_+(x')", "f = v_+(x) + v_-(x)",
        ]),
        ("names", r"f = \pitheta - \piref", [r"f = \piref - \piref", r"f = \pitheta - \pitheta"]),
        ("preferences", r"f = r(x, y_w) - r(x, y_l)", ["f = r(x, y_l) - r(x, y_w)"]),
        ("factors", r"f = \beta x / T", ["f = x / T", r"f = \beta / T", r"f = \beta x"]),
        ("factors", r"f = z/T", ["f = 1/T", "f = z"]),
        ("factors", r"f = P (1 - P)", ["f =  (1 - P)", "f = P "]),
        ("factors", r"f = \sigma(1 - a) + h(x)", []),
        ("arguments", r"f = r(y \mid x) + \min(a, b)", [
            r"f = r(x \mid y) + \min(a, b)", r"f = r(x \mid x) + \min(a, b)", r"f = r(y \mid y) + \min(a, b)",
        ]),
        ("decorations", r"f' = \lvert A \rvert^2", [
            r"f = \lvert A \rvert^2", r"f' = (A)^2", r"f' = \lvert A \rvert",
        ]),
        ("branches", r"f = \begin{cases} a & x > 0 \\ b & x < 0 \end{cases}", [
            r"f = \begin{cases} b & x > 0 \\ a & x < 0 \end{cases}",
        ]),
    ],
)  # fmt: skip
def test_operator(operator, tex, expected):
    """Each operator makes exactly the mutants that are expected of it."""
    edits = getattr(mutations, operator)(Display(tex))
    assert sorted(join(tex[:start], new, tex[end:]) for _, start, end, new in edits) == sorted(expected)


def test_every_operator_is_used():
    """Each operator finds something to change on the site, and each of them is tested above."""
    (cases,) = [mark.args[1] for mark in test_operator.pytestmark]
    assert {operator.__name__ for operator in mutations.OPERATORS} == {case[0] for case in cases}
    displays = [Display(tex) for tex in labelled()]
    for operator in mutations.OPERATORS:
        assert any(list(operator(display)) for display in displays), operator.__name__


def test_display_is_read_as_the_build_reads_it():
    """The statements of every labelled display, read with their places, are those that are executed."""
    assert [Display(tex).statements for tex in labelled()] == [statements(tex) for tex in labelled()]


def test_mutants_differ():
    """A mutant parses, to other statements than the original's and than those of any other mutant."""
    for tex in labelled():
        parsed = [tuple(statements(mutated)) for _, _, mutated in mutants(tex)]
        assert parsed and len({tuple(statements(tex)), *parsed}) == len(parsed) + 1
        assert list(mutants(tex)) == list(mutants(tex))
    assert [mutation for _, mutation, _ in mutants(r"f = v_-")] == []  # v_ does not parse
    assert [mutation for _, mutation, _ in mutants(r"f = (a)^{1}")] == [
        "drop exponent: (a)^{1} → (a)", "increase number: )^{1} → )^{2}"
    ]  # fmt: skip
    assert [mutated for _, _, mutated in mutants(r"f = x' - x")].count(
        "f = x - x"
    ) == 1  # swapped, or no prime


TINY = r"""# Page

$$
\label{eq-tiny}
f = a + b
$$

$$
f \le c
\label{eq-bound}
$$
"""
CHECKS = '''"""Checks of a page."""

import pytest


def test_tiny(evidence):
    """f = a + b."""
    evidence.equation("eq-tiny", {tolerance}, "by hand", f=3.0, a=1.0, b=2.0)


def test_bound(evidence):
    """f ≤ 3."""
    evidence.equation("eq-bound", 0, "by hand", f=3.0, c=3.0)


@pytest.mark.library("torch")
def test_library(evidence):
    """A check that must not run."""
    evidence.equal(1, 2, "by eye")
'''


@pytest.fixture
def project(tmp_path):
    """Make a project of one tiny page and its checks, with the scripts of this one."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("node", "__pyc*"))
    shutil.copy(ROOT / ".pytest.ini", tmp_path)
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    folder = tmp_path / "docs/q9/a-tiny"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "docs/macros.json", tmp_path / "docs")
    (folder / "index.md").write_text(TINY)
    (folder / "checks.py").write_text(CHECKS.replace("{tolerance}", "0"))
    return tmp_path


def mutate(project, *addresses: str) -> tuple[int, str, list[dict]]:
    """Run the mutation test; return its exit code, what it prints, and its records."""
    run = subprocess.run(
        [sys.executable, "-m", "checking.mutate", *addresses], cwd=project, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": "scripts", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    path = project / ".cache/mutants.json"
    return run.returncode, run.stdout + run.stderr, json.loads(path.read_text()) if path.is_file() else []


def test_killed_and_surviving_mutants(project):
    """A comparison kills what it is sensitive to; one that is loosened in the copy kills nothing."""
    page = "docs/q9/a-tiny/index.md"
    code, printed, records = mutate(project, "q9/a-tiny/")
    assert [(r["line"], r["label"], r["mutation"], r["killed"], r["by"], r["how"]) for r in records] == [
        (5, "eq-tiny", "drop term: f = a + b → f = + b", True, "test_tiny", "comparison"),
        (5, "eq-tiny", "flip sign: f = a + b → f = a - b", True, "test_tiny", "comparison"),
        (5, "eq-tiny", "drop term: f = a + b → f = a", True, "test_tiny", "comparison"),
        (9, "eq-bound", r"reverse inequality: f \le c → f \ge c", False, None, None),
    ], printed
    assert {r["page"] for r in records} == {page}
    assert code == 1 and r"docs/q9/a-tiny/index.md:9: eq-bound: reverse" in printed
    checks = project / "docs/q9/a-tiny/checks.py"
    checks.write_text(CHECKS.replace("{tolerance}", "10"))
    other = {"page": "docs/q9/b-other/index.md", "killed": True}
    (project / ".cache/mutants.json").write_text(json.dumps([*records, other]))
    code, printed, records = mutate(project, page)
    assert [r["killed"] for r in records] == [False] * 4 + [True], printed
    assert code == 1 and records[-1] == other
    assert (project / page).read_text() == TINY


def test_what_cannot_be_run(project):
    """An unknown page and a failing check are errors with the place, and lose no record."""
    record = project / ".cache/mutants.json"
    record.parent.mkdir()
    record.write_text("[]")
    code, printed, _ = mutate(project, "q9/b-nowhere")
    assert code == 2 and "q9/b-nowhere: no such page" in printed and "docs/q9/a-tiny/index.md" in printed
    (project / "docs/q9/a-tiny/index.md").write_text(TINY.replace("a + b", "a - b"))
    code, printed, _ = mutate(project)
    assert code == 2 and "docs/q9/a-tiny/checks.py:6: test_tiny: " in printed
    assert record.read_text() == "[]"
