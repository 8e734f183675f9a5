"""Figures of 4(b): the two softmaxes of a matrix of scores, and runs with random and retrieved batches."""

import json
import pathlib

import numpy as np
from matplotlib.patches import Rectangle

RESULTS = json.loads(pathlib.Path(__file__).with_name("results.json").read_text())


def two_softmaxes(canvas):
    """Two batches of sixteen pairs; for each the matrices P and Q of 16 by 16 squares, rows for videos and
    columns for texts, with a dot on each positive. Random batch: most of the weight is on the diagonal.
    Cluster of similar videos: the diagonal is paler, and dark squares are scattered beside it, some of them
    inside the frames of the five topics of more than one video."""
    weights = [canvas.equation("eq-videoclip-matrix", statement=statement) for statement in (1, 2)]
    figure, panels = canvas.panels(2, height=2.2)
    for axes, (way, title) in zip(panels, (("random", "random batch"), ("retrieved", "cluster"))):
        batch = RESULTS["example"][way]
        for left, name, matrix in zip((0, 18.5), "PQ", weights):
            _squares(canvas, axes, left, matrix(S=np.array(batch["scores"])), batch["topics"])
            axes.text(left + 8, 16.6, f"${name}$", ha="center", va="top")
            axes.text(left + 8, -0.4, "texts", ha="center", va="bottom")
        axes.text(-0.6, 8, "videos", rotation=90, ha="right", va="center")
        axes.set_title(title)
        axes.set(xlim=(-2.4, 34.8), ylim=(18.8, -1.6))
        axes.set_aspect("equal")
        axes.axis("off")
    return figure


def _squares(canvas, axes, left, weights, topics):
    """Draw a matrix of weights as squares, with dots on the diagonal and frames around topics."""
    count = len(weights)
    for row, column in np.ndindex(weights.shape):
        if shade := np.round(weights[row, column], 2):
            axes.add_patch(Rectangle((left + column, row), 1, 1, fc=canvas.blue, lw=0, alpha=shade))
    axes.add_patch(Rectangle((left, 0), count, count, fill=False, ec=canvas.muted, lw=0.8))
    for topic in sorted(set(topics)):
        first, size = topics.index(topic), topics.count(topic)
        if size > 1:
            place = (left + first, first)
            axes.add_patch(Rectangle(place, size, size, fill=False, ec=canvas.orange, lw=1))
    middle = np.arange(count) + 0.5
    axes.plot(left + middle, middle, "o", ms=1.6, color=canvas.orange)


def higher_loss_better_model(canvas):
    """Two plots over 1,000 training steps, for random and for retrieved batches. Left, the loss per pair:
    random batches fall from about 2 to 0.3, retrieved ones from about 4.5 to 1.4; a dashed line lies at 5.5.
    Right, R@1 on new videos: random batches reach about 37 percent, retrieved ones about 48 percent; they are
    ahead after about a hundred steps."""
    figure, (left, right) = canvas.panels(2, height=2.6)
    runs = RESULTS["runs"]["many"]
    for way, colour in (("random", canvas.orange), ("retrieved", canvas.blue)):
        for axes, name, factor in ((left, "loss", 1), (right, "recall", 100)):
            values = factor * np.array([course[name] for course in runs[way].values()])
            steps = next(iter(runs[way].values()))["step"]
            axes.fill_between(steps, values.min(0), values.max(0), color=colour, alpha=0.25, lw=0)
            axes.plot(steps, values.mean(0), color=colour)
            axes.text(1015, values.mean(0)[-1], way, color=colour, va="center")
    size = RESULTS["provenance"]["settings"]["many"]["batch"]
    left.axhline(2 * np.log(size), color=canvas.muted, ls="--", lw=1)
    left.text(1000, 2 * np.log(size) - 0.12, r"$2\,\log\,16$", color=canvas.muted, ha="right", va="top")
    left.set(xlabel="training step", ylabel="loss per pair", ylim=(0, 6))
    right.set(xlabel="training step", ylabel="R@1 on new videos, %", ylim=(0, 60))
    for axes in (left, right):
        axes.set(xlim=(0, 1330), xticks=[0, 250, 500, 750, 1000])
    return figure
