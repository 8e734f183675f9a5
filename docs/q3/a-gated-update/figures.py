"""Figures of 3(a): how text and gradient meet, and the parts of one edit."""

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path

from .model import anatomy

SQUARE = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])

# The boxes of the diagram: words, centre and size in inches on a wide and on a narrow sheet, kind.
BOXES = {
    "text": ("$x,\\ y,\\ a$", (0.5, 2.05, 0.8), (0.95, 5.35, 1.2), "plain"),
    "lstm": ("LSTM, both\ndirections", (1.78, 2.05, 1.1), (0.95, 4.6, 1.2), "trained"),
    "h": ("$h$", (2.8, 2.05, 0.4), (0.95, 3.85, 0.4), "plain"),
    "net": ("network\nof $W$", (3.72, 2.05, 0.84), (0.95, 3.1, 1.2), "trained"),
    "vectors": (
        "$\\alpha,\\beta$: $n$\n$\\gamma,\\delta$: $m$\n$\\eta$: 1",
        (4.86, 2.05, 0.84),
        (0.95, 2.2, 1.2),
        "plain",
    ),
    "query": ("$x,\\ a$", (0.5, 0.5, 0.8), (2.75, 5.35, 1.2), "plain"),
    "model": ("model $f$, frozen:\nforward, backward", (2.29, 0.5, 1.62), (2.75, 4.6, 1.62), "frozen"),
    "G": ("$G$: $n \\times m$", (4.86, 0.5, 0.84), (2.75, 2.2, 1.2), "plain"),
    "update": (
        "$\\Delta W = \\sigma(\\eta)\\,\\times$\n$(\\hat\\alpha\\odot G+\\hat\\beta)$",
        (6.36, 1.28, 1.4),
        (1.85, 1.05, 1.7),
        "plain",
    ),
}
FLOW = (
    ("text", "lstm"), ("lstm", "h"), ("h", "net"), ("net", "vectors"), ("query", "model"), ("model", "G"),
    ("vectors", "update"), ("G", "update"),
)  # fmt: skip


def text_and_gradient(canvas):
    """A diagram with two lanes. Upper lane, trained: x, y and a go into an LSTM that reads in both
    directions, which gives the vector h; a network of the matrix W maps h to alpha and beta of length n,
    gamma and delta of length m, and the number eta. Lower lane: x and a go through the frozen model,
    forward and backward, which gives the gradient G, n by m. Both lanes end in the update Delta W, which
    is added to W."""
    figure, (axes,) = canvas.panels(1, height=5.7 if canvas.narrow else 2.6)
    boxes = {}
    for name, (words, wide, narrow, kind) in BOXES.items():
        boxes[name] = _box(canvas, axes, words, narrow if canvas.narrow else wide, kind)
    for start, end in FLOW:
        ends = [BOXES[name][2 if canvas.narrow else 1][:2] for name in (start, end)]
        _arrow(canvas, axes, *ends, patchA=boxes[start], patchB=boxes[end])
    x, y, _ = BOXES["update"][2 if canvas.narrow else 1]
    _arrow(canvas, axes, (x, y), (x, y - (0.72 if canvas.narrow else 0.75)), patchA=boxes["update"])
    axes.text(x, y - (0.76 if canvas.narrow else 0.79), "added to $W$", ha="center", va="top")
    axes.set(xlim=(0, 3.7 if canvas.narrow else 7.2), ylim=(0, 5.7 if canvas.narrow else 2.6))
    axes.axis("off")
    return figure


def _box(canvas, axes, words, place, kind):
    """Draw a box of the width given, with words in it."""
    x, y, width = place
    height = 0.64 if words.count("\n") == 2 else 0.46
    colour = {"trained": canvas.blue, "frozen": canvas.purple, "plain": canvas.muted}[kind]
    look = {"boxstyle": "round,pad=0.03", "fc": canvas.faint, "ec": colour}
    look |= {"lw": 0.8 if kind == "plain" else 1.5, "ls": "--" if kind == "frozen" else "-"}
    axes.text(x, y, words, ha="center", va="center", linespacing=1.05)
    return axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, **look))


def _arrow(canvas, axes, start, end, **clipped):
    """Draw an arrow between two points, from box to box where these are given."""
    look = {"arrowstyle": "-|>", "mutation_scale": 10, "color": canvas.muted, "lw": 1.3, "shrinkA": 2}
    axes.add_patch(FancyArrowPatch(start, end, shrinkB=2, **look, **clipped))


def anatomy_of_one_edit(canvas):
    """Six panels for one edit of the output matrix of a small classifier, 12 rows by 64 columns. The
    gradient is large in two rows, positive in that of the old answer and negative in that of the new one;
    its right half, hidden units that are off, is zero. The mask is a grid, negative in most columns; its
    columns differ much more than its rows. Where the mask is negative the product of the two has the
    opposite sign of the gradient. The bias reaches all columns. The update is the sum of product and bias,
    times the gate. The last panel has two bars, the gates of the two matrices: 0.97 and 0.65."""
    figure, (axes,) = canvas.panels(1, height=5.6 if canvas.narrow else 2.6)
    edit, matrices = anatomy()
    one = matrices[1]
    order = np.argsort(-one["right"], kind="stable")  # the most active hidden unit first
    parts = {"$G$": one["G"], r"mask $\hat\alpha$": one["mask"],
             r"$\hat\alpha\odot G$": one["mask"] * one["G"], r"bias $\hat\beta$": one["bias"],
             r"$\Delta W$": one["update"]}  # fmt: skip
    columns = 1 if canvas.narrow else 2
    places = [(70 * (k % columns), 17.5 * (k // columns)) for k in range(6)]
    for (name, values), corner in zip(parts.items(), places):
        _squares(canvas, axes, corner, values[:, order])
        axes.text(corner[0], corner[1] - 0.8, f"{name},  up to {np.abs(values).max():.2g}", va="bottom")
        for row, word in ((edit["y"], "$y$"), (edit["a"], "$a$")):
            axes.text(corner[0] - 1, corner[1] + row + 0.5, word, ha="right", va="center")
    _gates(canvas, axes, places[-1], [m["gate"] for m in matrices])
    axes.set(xlim=(-4, 64.5 + 70 * (columns - 1)), ylim=(17.5 * 6 / columns - 4, -4))
    axes.set_aspect("equal")
    axes.axis("off")
    return figure


def _squares(canvas, axes, corner, values):
    """Draw the entries of a matrix as squares, the stronger the larger, and a frame around them."""
    levels = np.round(9 * np.abs(values) / np.abs(values).max())
    for colour, sign in ((canvas.orange, 1), (canvas.blue, -1)):
        for level in range(1, 10):
            chosen = np.argwhere((levels == level) & (np.sign(values) == sign))[:, ::-1] + corner
            if len(chosen):  # one path for all squares of a shade: a much smaller file
                path = Path.make_compound_path(*(Path(SQUARE + place) for place in chosen))
                axes.add_patch(PathPatch(path, fc=colour, lw=0, alpha=level / 9))
    rows, width = values.shape
    axes.add_patch(Rectangle(corner, width, rows, fill=False, ec=canvas.muted, lw=0.8))


def _gates(canvas, axes, corner, gates):
    """Draw the gate of each matrix as a bar; the frame is 1 wide."""
    x, y = corner
    axes.text(x, y - 0.8, r"gates $\sigma(\eta)$, from 0 to 1", va="bottom")
    for k, gate in enumerate(gates):
        axes.add_patch(Rectangle((x, y + 1 + 6 * k), 64 * gate, 4, fc=canvas.green, lw=0, alpha=0.55))
        axes.add_patch(Rectangle((x, y + 1 + 6 * k), 64, 4, fill=False, ec=canvas.muted, lw=0.8))
        axes.text(x + 1, y + 3 + 6 * k, f"$W_{k + 1}$:  {gate:.2f}", va="center")
