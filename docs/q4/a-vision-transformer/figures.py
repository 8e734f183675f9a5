"""Figures of 4(a): a digit on its way to the encoder, and what the order of patches does to accuracy."""

import json
import pathlib

import numpy as np
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from .model import patches

RESULTS = json.loads(pathlib.Path(__file__).with_name("results.json").read_text())
SQUARE = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])
# The upper left corners of the parts, in squares: x to the right, y down; on a wide and on a narrow sheet.
WIDE = {
    "image": (0, 12),
    "x_p": (14, 8),
    "E": (24, 0),
    "class": (24, 6.4),
    "tokens": (24, 8),
    "E_pos": (24, 28.6),
}
NARROW = {"image": (0, 0), "x_p": (0, 20), "E": (8, 12), "class": (8, 18.4), "tokens": (8, 20),
          "E_pos": (8, 41.4)}  # fmt: skip


def from_digit_to_tokens(canvas):
    """A handwritten 3 of 8 by 8 pixels with a grid of 4 by 4 patches; a matrix of 16 rows and 4 columns that
    holds the patches; above and to the right of it the matrix E with 4 rows and 48 columns; their product
    with 16 rows and 48 columns, and on top of it one row, the class token; below, the position
    embeddings, with 17 rows and 48 columns. All squares have one size."""
    places = NARROW if canvas.narrow else WIDE
    figure, (axes,) = canvas.panels(1, height=4.6 if canvas.narrow else 4.5)
    image = np.array(RESULTS["example"]["image"]) / 16
    x_p = patches(image[..., None], 2)
    E, x_class, E_pos = (np.array(RESULTS["example"][name]) for name in ("E", "x_class", "E_pos"))
    parts = {"image": image, "x_p": x_p, "E": E, "class": x_class, "tokens": x_p @ E, "E_pos": E_pos}
    for name, values in parts.items():
        _squares(canvas, axes, places[name], values, signed=name not in ("image", "x_p"))
    left, top = places["image"]
    for line in range(0, 9, 2):
        axes.plot([left, left + 8], [top + line] * 2, color=canvas.muted, lw=0.8)
        axes.plot([left + line] * 2, [top, top + 8], color=canvas.muted, lw=0.8)
    _labels(canvas, axes, places)
    axes.set(xlim=(-0.5, 57 if canvas.narrow else 72.5), ylim=(61.5 if canvas.narrow else 48.5, -0.6))
    axes.set_aspect("equal")
    axes.axis("off")
    return figure


def _squares(canvas, axes, corner, values, signed):
    """Draw the entries of a matrix as squares, the darker the larger, and a frame around them."""
    levels = np.round(9 * np.abs(values) / np.abs(values).max())
    for colour, sign in ((canvas.orange if signed else canvas.ink, 1), (canvas.blue, -1)):
        for level in range(1, 10):
            chosen = np.argwhere((levels == level) & (np.sign(values) == sign))[:, ::-1] + corner
            if len(chosen):  # one path for all squares of a shade: a much smaller file
                path = Path.make_compound_path(*(Path(SQUARE + place) for place in chosen))
                axes.add_patch(PathPatch(path, fc=colour, lw=0, alpha=level / 9))
    rows, columns = values.shape
    axes.add_patch(Rectangle(corner, columns, rows, fill=False, ec=canvas.muted, lw=0.8))


def _labels(canvas, axes, places):
    """Write what the parts are, with their shapes."""
    x, y = places["image"]
    if canvas.narrow:
        axes.text(x + 10, y + 4, "image, 8 × 8 × 1,\n16 patches of 2 × 2", va="center")
        axes.text(7.4, places["E"][1] + 2, "$E$", ha="right", va="center")
        axes.text(7.4, places["class"][1] + 0.5, "class", ha="right", va="center")
        axes.text(2, places["x_p"][1] + 16.6, "$x_p$", ha="center", va="top")
        axes.text(7.4, places["E_pos"][1] + 8.5, r"$E_{\mathrm{pos}}$", ha="right", va="center")
        axes.text(32, places["E"][1] - 0.6, "4 × 48", ha="center", va="bottom")
    else:
        axes.text(x + 4, y + 8.7, "image\n8 × 8 × 1", ha="center", va="top")
        axes.text(23.2, places["E"][1] + 2, "$E$,  4 × 48", ha="right", va="center")
        axes.text(23.2, places["class"][1] + 0.5, "class token", ha="right", va="center")
        axes.text(16, places["x_p"][1] + 16.6, "$x_p$\n16 × 4", ha="center", va="top")
        axes.text(23.2, places["E_pos"][1] + 8.5, "$E_{\\mathrm{pos}}$\n17 × 48", ha="right", va="center")
    middle, bottom = places["tokens"][0] + 24, places["tokens"][1] + 16
    axes.text(
        middle, bottom + 2.4, r"$[x_{\mathrm{class}};\,x_p E]$,  17 × 48,  plus", ha="center", va="center"
    )
    words = (
        r"$E_{\mathrm{pos}}$,  17 × 48;  the sum is $z_0$" if canvas.narrow else "the sum is $z_0$,  17 × 48"
    )
    axes.text(middle, places["E_pos"][1] + 18.9, words, ha="center", va="center")


def what_order_does(canvas):
    """Horizontal bars, the share of 450 digits that are classified correctly, with a dot for each of five
    seeds. Position embeddings and the true order: about 93 percent; one scrambled order for all images: the
    same; no position embeddings: about 74 percent, and the same when each image is shuffled; the model
    with position embeddings, when each test image is shuffled: about 20 percent."""
    figure, (axes,) = canvas.panels(1, height=2.6)
    rows = (
        ("true order", "normal", "test", canvas.blue),
        ("one scrambled order", "scrambled", "test", canvas.blue),
        ("no $E_{\\mathrm{pos}}$", "none", "test", canvas.orange),
        ("no $E_{\\mathrm{pos}}$, shuffled", "none", "shuffled", canvas.orange),
        ("true order, shuffled", "normal", "shuffled", canvas.red),
    )
    for place, (_, way, kind, colour) in enumerate(rows):
        share = np.array([run[kind] for run in RESULTS["correct"][way].values()]) / 4.5
        axes.barh(-place, share.mean(), 0.66, color=colour, alpha=0.55)
        axes.plot(share, -place + np.linspace(-0.2, 0.2, len(share)), "o", ms=3.2, color=canvas.ink)
        axes.text(103, -place, f"{share.mean():.1f}", va="center", ha="left")
    axes.set_yticks(range(0, -len(rows), -1), [name for name, *_ in rows])
    axes.set(xlim=(0, 115), xlabel="correct, in percent of 450")
    axes.set_xticks([0, 20, 40, 60, 80, 100])
    axes.grid(False, axis="y")
    return figure
