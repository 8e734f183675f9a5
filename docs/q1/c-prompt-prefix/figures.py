"""Figures of 1(c): where the vectors enter, how many there are, and what a prefix does to attention."""

import numpy as np
from matplotlib.patches import Rectangle

from .model import MEDIUM, scores, share

LAYERS, ADDED, TOKENS = 3, 3, 4


def where_the_vectors_enter(canvas):
    """Two grids with the columns of three new positions and of four tokens; the lowest row is the
    embedding, above it three layers. Prompt tuning: in the new columns only the three cells of the
    embedding row are trained, and the cells above them are computed by the frozen model. Prefix
    tuning: in the new columns the cells of all three layers are trained and the embedding row is empty."""
    figure, panels = canvas.panels(2, height=2.5)
    for axes, title, trained in zip(panels, ("prompt tuning", "prefix tuning"), ([0], [1, 2, 3])):
        for row in range(LAYERS + 1):
            for column in range(ADDED + TOKENS):
                if column >= ADDED or row in trained or trained == [0]:
                    _cell(canvas, axes, column, row, column < ADDED and row in trained, column < ADDED)
        axes.text(ADDED / 2, -0.12, "new", ha="center", va="top", color=canvas.ink)
        axes.text(ADDED + TOKENS / 2 + 0.2, -0.12, "tokens", ha="center", va="top", color=canvas.ink)
        names = ["embedding", *(f"layer {layer}" for layer in range(1, LAYERS + 1))]
        axes.set_yticks(np.arange(LAYERS + 1) + 0.5, names)
        axes.tick_params(length=0)
        axes.set(xlim=(-0.1, ADDED + TOKENS + 0.3), ylim=(-0.6, LAYERS + 1.05), xticks=[], title=title)
        axes.grid(False)
        for side in axes.spines.values():
            side.set_visible(False)
    _legend(canvas, figure)
    return figure


def _cell(canvas, axes, column, row, trained, new):
    """Draw one cell: trained ones are full, those that the frozen model computes are pale."""
    place = (column + 0.06 + (0 if new else 0.2), row + 0.08)
    face, hatch = (canvas.orange, "") if trained else (canvas.faint, "////" if new else "")
    axes.add_patch(Rectangle(place, 0.88, 0.84, fc=face, ec=canvas.muted, lw=0.8, hatch=hatch))


def _legend(canvas, figure):
    """Put the three kinds of cells under the panels."""
    kinds = (("trained", canvas.orange, ""), ("computed from them", canvas.faint, "////"),
             ("computed at the tokens", canvas.faint, ""))  # fmt: skip
    patches = [Rectangle((0, 0), 1, 1, fc=face, ec=canvas.muted, hatch=hatch) for _, face, hatch in kinds]
    columns = 1 if canvas.narrow else 3
    names = [name for name, *_ in kinds]
    figure.legend(patches, names, loc="outside lower center", ncols=columns, frameon=False)


def one_factor(canvas):
    """Two panels of bars for two queries: the attention weights of five tokens without a prefix, as
    outlines, and with it, full; a last bar is the share of the prefix. In each panel all five full bars
    have the same fraction of their outline: about nine tenths for the first query and a little more
    than half for the second."""
    rng = np.random.default_rng(10)
    keys, prefix = rng.normal(size=(5, 4)), rng.normal(size=(2, 4))
    figure, panels = canvas.panels(2, height=2.5)
    factor = canvas.equation("eq-1c-mixture")
    for number, (axes, query) in enumerate(zip(panels, _queries(keys, prefix)), 1):
        z, u = scores(query, keys), scores(query, prefix)
        a, taken = np.exp(z) / np.exp(z).sum(), share(u, z)
        left = [factor(a=a, j=j, **{"lambda": taken}) for j in range(1, 6)]
        tokens = np.arange(1, 6)
        axes.bar(tokens, left, 0.75, color=canvas.blue)
        axes.bar(tokens, a, 0.75, fill=False, edgecolor=canvas.ink, lw=1.1)
        axes.bar(6.3, taken, 0.75, color=canvas.orange)
        axes.set_xticks([*tokens, 6.3], [*map(str, tokens), "prefix"])
        axes.set(ylim=(0, 0.65), xlabel="token", title=rf"query {number}: $\lambda$ = {taken:.2f}")
    for axes in panels if canvas.narrow else panels[:1]:
        axes.set_ylabel("attention weight")
    return figure


def _queries(keys, prefix):
    """Return two queries of one length: one that leans to the tokens, one that leans to the prefix."""
    toward = prefix.mean(axis=0) - keys.mean(axis=0)
    side = keys[1] - keys[3]
    side -= toward * (side @ toward) / (toward @ toward)
    side, toward = (1.6 * x / np.linalg.norm(x) for x in (side, toward))
    return [side - toward, side + toward]


def how_many_parameters(canvas):
    """Pairs of bars on a logarithmic axis, trained and stored, for GPT-2 medium and ten positions. Prompt
    tuning: 10,240 and 10,240. Prefix tuning directly: 491,520 and 491,520. Prefix tuning with the MLP:
    25,750,016 trained, 491,520 stored."""
    figure, (axes,) = canvas.panels(1, height=2.5)
    prompt, prefix, trained = (canvas.equation("eq-1c-counts", row)(**MEDIUM) for row in range(3))
    pairs = (("prompt tuning", prompt, prompt), ("prefix,\ndirectly", prefix, prefix),
             ("prefix,\nby MLP", trained, prefix))  # fmt: skip
    for place, (_, *counts) in enumerate(pairs):
        for shift, count, colour in ((0.2, counts[0], canvas.orange), (-0.2, counts[1], canvas.blue)):
            axes.barh(-place + shift, count, 0.36, color=colour)
            kind = "trained" if shift > 0 else "stored"
            axes.text(count * 1.15, -place + shift, f"{count:,.0f} {kind}", va="center", color=canvas.ink)
    axes.set_yticks([0, -1, -2], [name for name, *_ in pairs])
    axes.set(xscale="log", xlim=(1e3, 4e9 if canvas.narrow else 8e8), xlabel="parameters (log scale)")
    axes.minorticks_off()
    return figure
