"""What makes the record of a library check stale: what the check uses, and nothing else."""

import pytest
from checking.uses import key, labels
from paper.parts import Part

PAGE = "# Page\n\n$$\nf = a\n\\label{eq-a}\n$$\n\n$$\ng = b\n\\label{eq-b}\n$$\n\n$$\nc\n$$\n"
CHECKS = '''"""Checks."""

import numpy as np
import pytest

from . import model as m
from ..shared import above
from .oracles import library, unused

RATE = 2


def helper(z):
    """Return z."""
    return RATE * z


def test_fast(evidence):
    """Fast."""
    evidence.close(m.other(1), 1, 0, "fast")


@pytest.mark.library("torch")
def test_library(evidence):
    """Slow."""
    from .late import late

    evidence.close(helper(m.value(1)), above(library(late())), 0, "slow")


@pytest.mark.library("torch")
def test_table(evidence):
    """A table."""
    evidence.equal(evidence.table("a")["b"], ["1"], "a row")
'''
MODEL = (
    "def value(z):\n    return inner(z)\n\n\ndef inner(z):\n    return z\n\n\ndef other(z):\n    return z\n"
)
SHARED = "def above(z):\n    return z\n\n\ndef beside(z):\n    return z\n"
ORACLES = "def library(z):\n    return z\n\n\ndef unused(z):\n    return z\n"


@pytest.fixture
def part(tmp_path):
    """Make a part whose library check uses some of its code, and some of the folder above."""
    folder = tmp_path / "a-part"
    folder.mkdir()
    files = {"checks": CHECKS, "model": MODEL, "oracles": ORACLES, "late": "def late():\n    return 1\n"}
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    (tmp_path / "shared.py").write_text(SHARED)
    (folder / "index.md").write_text(PAGE)
    (folder / "results.json").write_text("{}")
    return Part(folder)


@pytest.mark.parametrize(
    ("file", "before", "after", "stale"),
    [
        ("checks.py", '"slow"', '"slower"', True),
        ("checks.py", "RATE = 2", "RATE = 3", True),
        ("checks.py", "RATE * z", "RATE + z", True),
        ("checks.py", "RATE = 2", "RATE = 2\nRATE += 1", True),
        ("model.py", "return inner(z)", "return -inner(z)", True),
        ("model.py", "def inner(z):\n    return z", "def inner(z):\n    return -z", True),
        ("oracles.py", "def library(z):\n    return z", "def library(z):\n    return -z", True),
        ("oracles.py", "def library", "import random\nrandom.seed(1)\n\n\ndef library", True),
        ("late.py", "return 1", "return 2", True),
        ("../shared.py", "def above(z):\n    return z", "def above(z):\n    return -z", True),
        ("results.json", "{}", '{"a": 1}', True),
        ("index.md", "f = a", "f = 2 a", True),
        ("checks.py", '"fast"', '"faster"', False),
        ("checks.py", "RATE = 2", "RATE = 2  # a comment", False),
        ("checks.py", '"""Checks."""', '"""Checks of this."""', False),
        ("checks.py", "library, unused", "library", False),
        ("model.py", "def other(z):\n    return z", "def other(z):\n    return -z", False),
        ("oracles.py", "def unused(z):\n    return z", "def unused(z):\n    return -z", False),
        ("../shared.py", "def beside(z):\n    return z", "def beside(z):\n    return -z", False),
        ("index.md", "g = b", "g = 2 b", False),
        ("index.md", "\nc\n", "\nd\n", False),
        ("index.md", "# Page", "# Another", False),
    ],
)  # fmt: skip
def test_what_makes_a_record_stale(part, file, before, after, stale):
    """A change of what the check reaches, or of an equation that it reads, makes its record stale."""
    path, key_before = part.file(file), key(part, "test_library", {"eq-a"})
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    assert (key(part, "test_library", {"eq-a"}) != key_before) == stale


@pytest.mark.parametrize(("name", "stale"), [("test_table", True), ("test_library", False)])
def test_a_table_concerns_the_checks_that_read_tables(part, name, stale):
    """A changed cell makes the record of a check stale that reads a table, and no other."""
    path = part.file("index.md")
    path.write_text(f"{PAGE}\n| a | c |\n| --- | --- |\n| b | 1 |\n")
    before = [key(part, name, labels) for labels in (set(), {"eq-a"})]
    path.write_text(path.read_text().replace("| 1 |", "| 2 |"))
    after = [key(part, name, labels) for labels in (set(), {"eq-a"})]
    assert [new != old for new, old in zip(after, before)] == [stale, stale]


def test_tools_concern_only_checks_that_read_equations(part, monkeypatch):
    """A change of the evaluator makes only those records stale whose checks read an equation."""
    before = {label: key(part, "test_library", set(label)) for label in ((), ("eq-a",))}
    monkeypatch.setattr("checking.uses.EQUATIONS", ("checking/evidence",))
    assert [key(part, "test_library", set(label)) == before[label] for label in before] == [True, False]


def test_labels_of_a_record():
    """What a check compares, and what it only reads, is in its record."""
    record = {"reads": ["eq-b"], "evidence": [{"method": "numeric"}, {"equation": "eq-a"}]}
    assert labels(record) == {"eq-a", "eq-b"}
