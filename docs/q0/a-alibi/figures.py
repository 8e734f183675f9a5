"""Figures of 0(a): where position enters, the windows of eight heads, and longer inputs."""

import json
from pathlib import Path

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from .model import look_back, slopes

RESULTS = json.loads(Path(__file__).with_name("results.json").read_text())["bits"]
# The centres of the boxes of the diagram in inches, on a wide and on a narrow sheet.
WIDE = {
    "token\nembedding": (0.75, 1.1), "query, key": (2.6, 1.65), "value": (2.6, 0.4), "score": (4.3, 1.65),
    "softmax": (6.4, 1.65), "weighted\nsum": (6.4, 0.4),
}  # fmt: skip
NARROW = {
    "token\nembedding": (1.95, 3.55), "query, key": (1.95, 2.55), "value": (3.1, 2.55), "score": (1.95, 1.65),
    "softmax": (1.95, 0.45), "weighted\nsum": (3.1, 0.45),
}  # fmt: skip
FLOW = (
    ("token\nembedding", "query, key"), ("token\nembedding", "value"), ("query, key", "score"),
    ("score", "softmax"), ("softmax", "weighted\nsum"), ("value", "weighted\nsum"),
)  # fmt: skip
ENTRIES = (  # what enters, and where: the point that the arrow meets and its start, wide and narrow
    ("red", "sinusoidal,\nlearned: $+\\,p_i$,\nonce", (0.75, 1.38), (0.75, 2.1), (1.42, 3.55), (0.95, 3.55)),
    ("purple", "RoPE: rotate,\neach layer", (2.6, 1.93), (2.6, 2.35), (1.42, 2.55), (0.95, 2.55)),
    ("blue", "ALiBi: $-m_h(i-j)$\nT5: a learned bias,\neach layer",
     (5.35, 1.7), (5.35, 2.1), (1.9, 1.05), (1.2, 1.05)),
)  # fmt: skip


def where_position_enters(canvas):
    """A diagram of one attention layer: token embedding, then query and key, score and softmax on the
    upper path, and the value on the lower path. Sinusoidal and learned embeddings enter at the token
    embedding, once. RoPE enters at query and key, in each layer. The biases of ALiBi and T5 enter
    between score and softmax, in each layer. Only what enters at the token embedding reaches the
    value."""
    figure, (axes,) = canvas.panels(1, height=4.0 if canvas.narrow else 2.9)
    boxes = {}
    for name, (x, y) in (NARROW if canvas.narrow else WIDE).items():
        look = {"boxstyle": "round,pad=0.03", "fc": canvas.faint, "ec": canvas.muted, "lw": 0.8}
        boxes[name] = axes.add_patch(FancyBboxPatch((x - 0.48, y - 0.22), 0.96, 0.44, **look))
        axes.text(x, y, name, ha="center", va="center", linespacing=0.95)
    for start, end in FLOW:
        ends = [(NARROW if canvas.narrow else WIDE)[name] for name in (start, end)]
        _arrow(axes, canvas.muted, *ends, patchA=boxes[start], patchB=boxes[end])
    for colour, words, *places in ENTRIES:
        point, start = places[2:] if canvas.narrow else places[:2]
        _arrow(axes, getattr(canvas, colour), start, point)
        where = {"ha": "right", "va": "center"} if canvas.narrow else {"ha": "center", "va": "bottom"}
        axes.text(*start, words, color=getattr(canvas, colour), linespacing=1, **where)
    axes.set(xlim=(0, 3.7 if canvas.narrow else 7.2), ylim=(0, 4.0 if canvas.narrow else 2.9))
    axes.axis("off")
    return figure


def _arrow(axes, colour, start, end, **clipped):
    """Draw an arrow between two points, from box to box where these are given."""
    look = {"arrowstyle": "-|>", "mutation_scale": 10, "color": colour, "lw": 1.4, "shrinkA": 2, "shrinkB": 2}
    axes.add_patch(FancyArrowPatch(start, end, **look, **clipped))


def eight_windows(canvas):
    """First panel: for each of eight heads the factor exp(−m times distance) falls from 1 to 0; on a
    logarithmic axis the eight curves have one shape, each shifted to about double the distance of the
    one before. Dots mark the mean look-back of each head, from 1.5 to 255.5 tokens. Second panel: the
    share of attention beyond 1,024 tokens for equal contents as the input grows to 65,536 tokens.
    Without a bias it rises towards 1; for the head of the smallest slope it stays below 0.02."""
    figure, (windows, shares) = canvas.panels(2, height=3.1, widths=[1.25, 1])
    _windows(canvas, windows)
    _shares(canvas, shares)
    return figure


def _windows(canvas, axes):
    """Draw the factor of each head against the distance, and its mean look-back."""
    away = np.geomspace(0.05, 3000, 500)
    for head, slope in enumerate(slopes(8), 1):
        colour = canvas.blue if head % 2 else canvas.purple
        axes.plot(away, np.exp(-slope * away), color=colour, ls="-" if head % 2 else "--", lw=1.5)
        mean = look_back(slope)
        axes.plot(mean, np.exp(-slope * mean), "o", color=colour)
    for slope, words, side in ((0.5, "head 1:\n1.5", "right"), (1 / 256, "head 8:\n255.5", "left")):
        mean = look_back(slope)
        place = (mean * (0.7 if side == "right" else 1.7), np.exp(-slope * mean) + 0.02)
        axes.text(*place, words, ha=side, va="center", linespacing=0.95)
    axes.set(xscale="log", xlim=(0.25, 3000), ylim=(0, 1.04), xlabel="distance $i-j$ (log scale)")
    axes.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    axes.set(ylabel=r"factor $e^{-m_h (i-j)}$", title="eight windows")


def _shares(canvas, axes):
    """Draw how much of the attention goes beyond 1,024 tokens, with and without a bias."""
    keys = np.geomspace(1024, 65536, 200)
    axes.plot(keys, 1 - 1024 / keys, color=canvas.red)  # all keys alike
    looks = ((1 / 256, canvas.blue, "-"), (1 / 128, canvas.purple, "--"))
    share = canvas.equation("eq-alibi-share", side=1, each="i")
    for slope, colour, line in looks:
        axes.plot(keys, share(i=keys, r=1024, m=slope, e=np.e), line, color=colour)
    axes.text(60000, 0.83, "no bias", color=canvas.red, ha="right")
    axes.text(60000, 0.05, "head 8", color=canvas.blue, ha="right")
    axes.set(xscale="log", ylim=(-0.02, 1.02), xlabel="keys in the input (log scale)")
    axes.set_xticks([1024, 4096, 16384, 65536], ["1k", "4k", "16k", "64k"])
    axes.minorticks_off()
    axes.set(ylabel="share of attention", title="beyond 1,024 tokens")


LOOKS = {  # colour, line, and the label of the method: its place in each panel
    "sinusoidal": ("red", "-", "sinusoidal", (75, 3.6), (75, 3.8)),
    "rotary": ("purple", "--", "RoPE", (500, 2.56), (500, 3.5)),
    "none": ("orange", ":", "no position", (140, 2.74), (84, 2.52)),
    "alibi": ("blue", "-", "ALiBi", (500, 1.9), (500, 1.76)),
}


def longer_inputs(canvas):
    """Two panels for small language models trained on 64 characters: loss in bits per character against
    the length of the test input, 64 to 512. In separate chunks the loss of the ALiBi models falls a
    little with length; in sliding windows it stays flat. The loss of the sinusoidal models rises steeply
    at once in both panels, that of the RoPE models later."""
    figure, (chunks, sliding) = canvas.panels(2, height=3.0)
    for axes, way, title in ((chunks, "chunks", "separate chunks"), (sliding, "sliding", "sliding windows")):
        _losses(canvas, axes, way)
        axes.set_title(title)
    return figure


def _losses(canvas, axes, way):
    """Draw the mean over seeds for each method, with the range of the seeds as a band."""
    for method, (tint, line, name, *places) in LOOKS.items():
        runs, colour = RESULTS[method].values(), getattr(canvas, tint)
        lengths = [int(length) for length in next(iter(runs))]
        bits = np.array([[run[str(length)][way] for length in lengths] for run in runs])
        axes.plot(lengths, bits.mean(axis=0), line, marker="o", ms=4, color=colour)
        axes.fill_between(lengths, bits.min(axis=0), bits.max(axis=0), color=colour, alpha=0.2, lw=0)
        if place := places[way == "sliding"]:
            axes.text(*place, name, color=colour, ha="right" if place[0] == 500 else "left")
    axes.set(xscale="log", xlabel="length of the test input", ylabel="bits per character", ylim=(1.6, 5.9))
    axes.set_xticks(lengths, [str(length) for length in lengths])
    axes.minorticks_off()
