"""The mutation test: what the operators change, and that it tells strong checks from weak ones."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from maths import mutations
from maths.equations import find, labelled, parsed
from maths.mutations import mutants
from maths.typeset import typeset

PAGES = sorted((ROOT / "docs").glob("q*/*/index.md"))


def read(tex: str) -> tuple:
    """Return the statements of a display."""
    return parsed(typeset([(tex, True)])[0], tex)


def products(tex: str) -> set:
    """Return the products in a display, as if all of them were products of matrices."""
    return {node for statement in read(tex) for node in statement.walk() if node.kind == "multiply"}


@pytest.mark.parametrize(
    ("operator", "tex", "expected"),
    [
        ("signs", r"f = -a + b - c", ["f = a + b - c", "f = -a - b - c", "f = -a + b + c"]),
        ("signs", r"f = e^{-z} m_{-u}", ["f = e^{z} m_{-u}", "f = e^{-z} m_{u}"]),
        ("terms", r"f = (a + b) c", ["f = (b) c", "f = (a) c"]),
        ("terms", r"f = \frac{1 - x}{2}", [r"f = \frac{-x}{2}", r"f = \frac{1}{2}"]),
        ("fractions", r"f = \frac{a}{b}", [r"f = \frac{b}{a}", r"f = \frac{1}{b}", "f = a", "f = a b"]),
        ("fractions", r"\frac{dp}{dT} = a/b", [r"\frac{dp}{dT} = " + x for x in ("b/a", "1/b", "a", "a b")]),
        ("functions", r"f = \min(a, \log b)", [r"f = \max(a, \log b)", r"f = \min(a, \exp b)"]),
        ("functions", r"f = \sigma(a) \max_y y", [r"f = \sigma(-a) \max_y y", r"f = \sigma(a) \min_y y"]),
        ("functions", r"f = \sigma(-a)", []),
        ("relations", r"f \le a < 1", [r"f \ge a < 1", r"f \le a > 1"]),
        ("numbers", r"f = 2 z_1", ["f = 3 z_1", "f = 2 z_2"]),
        ("limits", r"f = \sum_{j=1}^n z_j", [r"f = \sum_{j=1}^{n - 1} z_j", r"f = \sum_{j=1 + 1}^n z_j"]),
        ("conditions", r"f = \sum_{i<j} a_{ij}", [r"f = \sum_{i, j} a_{ij}", r"f = \sum_{i \le j} a_{ij}"]),
        ("conditions", r"f = \prod_{j=1, j \ne i}^n z_j", [r"f = \prod_{j=1}^n z_j"]),
        ("names", r"f = v_+(x) + v_-(x')", [
            "f = v_-(x) + v_-(x')", "f = v_+(x') + v_-(x')", "f = v_+(x) + v_+(x')", "f = v_+(x) + v_-(x)",
        ]),
        ("names", r"f = \pitheta - \piref", [r"f = \piref - \piref", r"f = \pitheta - \pitheta"]),
        ("indices", r"p_i = z_j", ["p_j = z_j", "p_i = z_i"]),
        ("indices", r"f = a_{ij}", ["f = a_{jj}", "f = a_{ii}"]),
        ("indices", r"f = \sum_{t=1}^T h_t", [r"f = \sum_{t=1}^T h_{t + 1}"]),
        ("indices", r"f = h^{(l)} + h^{(m)}", ["f = h^{(m)} + h^{(m)}", "f = h^{(l)} + h^{(l)}"]),
        ("factors", r"f = \beta x y", [r"f = x y", r"f = \beta y", r"f = \beta x"]),
        ("factors", r"f = P (1 - P)", ["f = 1 - P", "f = P"]),
        ("factors", r"f = \sigma(1 - a) + \log(b + c)", []),
        ("products", r"f = A B", [r"f = B A", r"f = A \odot B"]),
        ("products", r"f = A \odot B", ["f = A B", r"f = B \odot A"]),
        ("arguments", r"f = r(y \mid x) + \min(a, b)", [
            r"f = r(x \mid y) + \min(a, b)", r"f = r(x \mid x) + \min(a, b)", r"f = r(y \mid y) + \min(a, b)",
        ]),
        ("decorations", r"f' = \lvert A \rvert^2", [
            r"f = \lvert A \rvert^2", r"f' = A^2", r"f' = \lvert A \rvert",
        ]),
        ("decorations", r"f = q^\top k^* \sqrt a", [
            r"f = q k^* \sqrt a", r"f = q^\top k \sqrt a", r"f = q^\top k^* a",
        ]),
        ("branches", r"f = \begin{cases} a & x > 0 \\ b & x < 0 \end{cases}", [
            r"f = \begin{cases} b & x > 0 \\ a & x < 0 \end{cases}",
        ]),
    ],
)  # fmt: skip
def test_operator(operator, tex, expected):
    """Each operator makes exactly the mutants that are expected of it."""
    found = mutants(read(tex), products(tex), (getattr(mutations, operator),))
    assert {mutated for _, mutated in found} == {read(other) for other in expected}


def test_every_operator_is_tested():
    """Each operator is tested above, and preferences below."""
    (cases,) = [mark.args[1] for mark in test_operator.pytestmark]
    assert {operator.__name__ for operator in mutations.OPERATORS} == {case[0] for case in cases}


def test_preferences():
    """The preferred and the rejected response are exchanged everywhere at once."""
    [(what, mutated)] = mutants(read(r"f = r(x, y_w) - r(x, y_l)"), operators=())
    assert (what, mutated) == ("exchange y_w and y_l everywhere", read(r"f = r(x, y_l) - r(x, y_w)"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_mutants_differ(path):
    """A mutant differs from the equation and from all other mutants, and says what was done where."""
    for label, _, _ in labelled(path):
        statements = find(path, label).statements
        found = list(mutants(statements))
        assert len({statements, *(mutated for _, mutated in found)}) == len(found) + 1 > 3, label
        assert all(": " in what or "everywhere" in what for what, _ in found)


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
    shutil.copytree(
        ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("node_modules", "__pyc*")
    )
    (tmp_path / "scripts/node/node_modules").symlink_to(ROOT / "scripts/node/node_modules")
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
        (4, "eq-tiny", "flip sign of b: a + b", True, "test_tiny", "comparison"),
        (4, "eq-tiny", "drop term a: a + b", True, "test_tiny", "comparison"),
        (4, "eq-tiny", "drop term b: a + b", True, "test_tiny", "comparison"),
        (9, "eq-bound", r"reverse inequality: f \le c", False, None, None),
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
