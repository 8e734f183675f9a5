"""The committed results of the experiment of 5(a), as arrays over its seeds."""

import json
from pathlib import Path

import numpy as np

DOCUMENT = json.loads(Path(__file__).with_suffix(".json").read_text())
RUNS = list(DOCUMENT["runs"].values())
SETTING = DOCUMENT["provenance"]["setting"]
SIZES = [int(size) for size in RUNS[0]["trained"]["tag"]["size"]]  # 0 is a linear probe


def measured(network, task, kind="size"):
    """Return the accuracies of all seeds; shape (seeds, settings)."""
    return np.array([list(run[network][task][kind].values()) for run in RUNS])


def selectivity(network, kind="size"):
    """Return tag accuracy less control accuracy; shape (seeds, settings)."""
    return measured(network, "tag", kind) - measured(network, "control", kind)


def ceiling(name):
    """Return one ceiling or baseline of all seeds; shape (seeds,)."""
    return np.array([run["ceilings"][name] for run in RUNS])
