"""The check fixture itself: green only when something was compared and agreed."""

import pytest
import sympy
from checking.evidence import Evidence


@pytest.mark.parametrize(
    "call",
    [
        lambda e: e.close(1.0, 1.1, 0.01, "off by more than the tolerance"),
        lambda e: e.close([1.0, float("nan")], [1.0, 1.0], 0.01, "NaN"),
        lambda e: e.bounded([0.1, 2.0], "above", high=1.0),
        lambda e: e.bounded([float("nan")], "NaN", low=0.0),
        lambda e: e.bounded([0.0], "not strictly above", low=0.0, strict=True),
        lambda e: e.exact(sympy.Symbol("x"), "not zero"),
        lambda e: e.exact([], "nothing"),
        lambda e: e.exact(False, "false"),
        lambda e: e.equal({1}, {2}, "different sets"),
    ],
)
def test_disagreement_fails(call):
    """A comparison that disagrees, or that holds NaN or nothing, fails and is recorded as failed."""
    evidence = Evidence()
    with pytest.raises(AssertionError):
        call(evidence)
    assert [record["passed"] for record in evidence.records] == [False]


@pytest.mark.parametrize(
    "call",
    [
        lambda e: e.close([], [], 1, "empty"),
        lambda e: e.bounded([], "empty", low=0),
        lambda e: e.bounded([1], "no bound"),
    ],
)
def test_empty_comparison_is_refused(call):
    """A comparison of nothing is an error, not a pass."""
    with pytest.raises(ValueError, match="nothing was compared"):
        call(Evidence())


def test_agreement_is_recorded():
    """An agreement records its error, tolerance and number of values."""
    evidence = Evidence()
    evidence.close([1.0, 2.0], [1.0, 2.5], 0.5, "two values")
    x = sympy.Symbol("x")
    evidence.exact(sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1, "identity")
    assert evidence.records[0] | {"error": 0.5, "samples": 2, "passed": True} == evidence.records[0]
    assert evidence.records[1] == {"method": "symbolic", "route": "identity", "passed": True}


def test_check_without_evidence_fails(tmp_path):
    """A check that asks for evidence and records none does not pass."""
    import subprocess
    import sys

    from conftest import ROOT

    (tmp_path / "checks.py").write_text('def test_a(evidence):\n    """Claims."""\n')
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "checking.evidence", "-c", ROOT / ".pytest.ini", "--rootdir",
         tmp_path, tmp_path / "checks.py"],
        capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT / "scripts")},
    )  # fmt: skip
    assert run.returncode == 1 and "recorded no evidence" in run.stdout


TABLES = """
| a | b | c |
| --- | --- | --- |
| $x \\given y$ | 1 | 2 |

| a | c |
| --- | --- |
| d | 3 |
"""


def test_a_table_of_the_page(tmp_path):
    """A table is found by how its head begins; none, or two, is an error that names the page."""
    (tmp_path / "index.md").write_text(TABLES)
    evidence = Evidence(tmp_path / "index.md")
    assert evidence.table("a", "c") == {"a": ["c"], "d": ["3"]}
    assert evidence.table("a", "b") == {"a": ["b", "c"], r"$x \given y$": ["1", "2"]}
    for head, number in ((("a",), 2), (("b",), 0)):
        with pytest.raises(KeyError, match=f"index.md: {number} tables begin with"):
            evidence.table(*head)
