"""The lab of question 5 on the real language model, which the site does not run."""

import os
import subprocess
import sys

from conftest import ROOT


def test_lab_runs_on_the_real_model():
    """With one word changed, as its text says, the lab runs on SmolLM2, with its assertions."""
    folder = ROOT / "docs" / "q5"
    tiny, real = 'MODEL = "tiny"  #', 'MODEL = "real"  #'
    code = (folder / "lab.py").read_text()
    assert code.count(tiny) == 1, "the lab should run on the tiny model unless the reader changes it"
    run = subprocess.run(
        [sys.executable, "-"],
        input=code.replace(tiny, real),
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "the real model: 30 layers" in run.stdout
    assert "The capital of x is … y\n            patched … Tokyo" in run.stdout
