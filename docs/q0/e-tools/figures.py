"""Figures of 0(e): two ways to learn tool use, a toy of self-play, and a filter on a real model."""

import json
from pathlib import Path

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

RESULTS = json.loads(Path(__file__).with_name("results.json").read_text())
LANES = {
    "TALM": (
        "a pre-trained model, fine-tuned\non few demonstrations",
        "write calls for tasks\nwith known answers",
        "run the tool",
        "keep them if the final\nanswer is right",
        "fine-tune on what is kept",
    ),
    "Toolformer": (
        "a pre-trained model, prompted\nwith few examples per tool",
        "write calls into\nplain text",
        "run the tool",
        "keep them if the result makes\nthe next tokens likelier",
        "fine-tune on what is kept, once",
    ),
}


def two_filters(canvas):
    """Two columns of five boxes from top to bottom. TALM: a pre-trained model is fine-tuned on few
    demonstrations, writes calls for tasks with known answers, the tool runs, calls are kept if the final
    answer is right, the model is fine-tuned on what is kept; an arrow leads back to the second box.
    Toolformer: a pre-trained model is prompted with few examples, writes calls into plain text, the tool
    runs, calls are kept if the result makes the next tokens likelier, and the model is fine-tuned on them
    once. The first boxes, which need people, and the fourth, the filters, are coloured."""
    figure, (axes,) = canvas.panels(1, height=3.6)
    width = figure.get_size_inches()[0]
    for lane, (name, steps) in enumerate(LANES.items()):
        centre = width * (0.285 + 0.485 * lane)
        axes.text(centre, 3.45, name, ha="center", va="center", weight="bold")
        _lane(canvas, axes, centre, width * 0.215, steps)
    left, edge = width * 0.035, width * 0.07 - 0.03
    axes.plot([edge, left, left], [0.28, 0.28, 2.32], color=canvas.muted, lw=1.2)
    back = {"arrowstyle": "-|>", "mutation_scale": 8, "color": canvas.muted, "lw": 1.2}
    axes.add_patch(FancyArrowPatch((left, 2.32), (edge + 0.02, 2.32), shrinkA=0, shrinkB=0, **back))
    axes.text(left - 0.05, 1.3, "next round", rotation=90, ha="right", va="center", color=canvas.muted)
    axes.set(xlim=(0, width), ylim=(0, 3.6))
    axes.axis("off")
    return figure


def _lane(canvas, axes, centre, half, steps):
    """Draw the steps of one method from top to bottom."""
    edges = (canvas.orange, canvas.muted, canvas.muted, canvas.blue, canvas.muted)
    for row, (words, edge) in enumerate(zip(steps, edges)):
        y = 3.0 - 0.68 * row
        look = {
            "boxstyle": "round,pad=0.02",
            "fc": canvas.faint,
            "ec": edge,
            "lw": 1.8 if row in (0, 3) else 0.8,
        }
        axes.add_patch(FancyBboxPatch((centre - half, y - 0.22), 2 * half, 0.44, **look))
        size = {"fontsize": 7.5} if canvas.narrow else {}
        axes.text(centre, y, words, ha="center", va="center", linespacing=1, **size)
        if row:
            arrow = {"arrowstyle": "-|>", "mutation_scale": 8, "color": canvas.muted, "lw": 1.2}
            axes.add_patch(
                FancyArrowPatch((centre, y + 0.46), (centre, y + 0.23), shrinkA=0, shrinkB=0, **arrow)
            )


def self_play_rounds(canvas):
    """Two panels, accuracy on new tasks against the round of self-play, 0 to 4. Where right answers are kept,
    four lines, for 0, 5, 20 and 300 demonstrations, start between 0.14 and 0.81 and all rise to about
    0.85, just below the dashed line of the fully labelled set. Where answers are not compared, the lines
    for 5, 20 and 300 demonstrations fall a little, and that for 0 stays near 0.15."""
    figure, panels = canvas.panels(2, height=2.9)
    looks = zip(RESULTS["toy"]["verified"], (canvas.red, canvas.orange, canvas.purple, canvas.blue), "osD^")
    looks = {count: (colour, mark) for count, colour, mark in looks}
    for axes, (way, title) in zip(
        panels, (("verified", "right answers kept"), ("unverified", "answers not compared"))
    ):
        for count, runs in RESULTS["toy"][way].items():
            rounds = np.array([run["accuracy"] for run in runs])
            colour, mark = looks[count]
            axes.plot(rounds.mean(axis=0), marker=mark, ms=4, color=colour)
            axes.fill_between(
                range(rounds.shape[1]), rounds.min(axis=0), rounds.max(axis=0), color=colour, alpha=0.15, lw=0
            )
            axes.text(-0.2, rounds.mean(axis=0)[0], count, color=colour, ha="right", va="center")
        bound = np.mean([run["bound"] for runs in RESULTS["toy"][way].values() for run in runs])
        axes.axhline(bound, color=canvas.ink, ls="--", lw=1)
        axes.text(4.2, 0.95, "all tasks labelled", ha="right", va="center")
        axes.set(xlim=(-0.8, 4.3), ylim=(0, 1.02), xticks=range(5), xlabel="round of self-play", title=title)
    for axes in panels if canvas.narrow else panels[:1]:
        axes.set_ylabel("accuracy, new tasks")
    return figure


def filter_on_a_model(canvas):
    """Four rows of 60 points on one axis, the gain in nats, with lines at the thresholds 0.5 and 1. With the
    call before the text the right calls lie between 0 and 2.1, most above 0.5, and the wrong calls around
    −0.1, all below 0.2. With the call inserted in the text the right calls spread from −2.9 to 0.1 and
    the wrong ones from −3.2 to −1.2."""
    figure, (axes,) = canvas.panels(1, height=2.7)
    jitter = np.random.default_rng(0).uniform(-0.28, 0.28, 60)
    rows = []
    for place, words in (("prefix", "before the text"), ("inserted", "in its place")):
        for name, colour, mark in (("right", canvas.blue, "o"), ("wrong", canvas.red, "x")):
            plain, bare, full = np.array(RESULTS["filter"][place][name]).T
            gains = np.minimum(plain, bare) - full
            y = -len(rows) - (len(rows) > 1) * 0.3
            axes.plot(gains, y + jitter[: len(gains)], mark, ms=3.5, color=colour, alpha=0.7)
            rows.append((y, f"{name} call\n{words}"))
    for threshold, side in ((0.5, "right"), (1, "left")):
        axes.axvline(threshold, color=canvas.ink, ls="--", lw=1)
        gap = 0.06 if side == "left" else -0.06
        axes.text(threshold + gap, -1.65, f"{threshold:g}", va="center", ha=side)
    axes.axvline(0, color=canvas.muted, lw=0.8)
    axes.set(yticks=[y for y, _ in rows], xlabel=r"gain $G$ (nats)", ylim=(-3.75, 0.45))
    axes.set_yticklabels([words for _, words in rows], linespacing=1)
    return figure
