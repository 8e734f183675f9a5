"""Figures of 0(c): two clocks, contents that decay or do not, and rounded angles."""

import numpy as np
from matplotlib.patches import Circle

from .model import drifting_scores, paired, scores, shifted_scores, speeds

SPEED, QUERY, KEY = 0.7, 0.9 * np.exp(1.2j), 0.65 * np.exp(-0.6j)  # the pair on the clock faces


def two_clocks(canvas):
    """Two clock faces and a curve. On each face a long hand, the query, and a short one, the key, before
    and after the rotation. At positions 3 and 7 and at 103 and 107 the hands point elsewhere, but the
    marked angle from query to key is the same. Third panel: as both positions move by up to 300, the
    score under RoPE is one flat line; with added sinusoidal embeddings it wanders up and down."""
    figure, (first, second, curve) = canvas.panels(3, height=2.9, widths=[1, 1, 1.35])
    for axes, places in ((first, (3, 7)), (second, (103, 107))):
        _clock(canvas, axes, *places)
    shifts = np.arange(301)
    rotary, added = shifted_scores(shifts)
    curve.plot(shifts, added, color=canvas.red, lw=1)
    curve.plot(shifts, rotary, color=canvas.blue)
    curve.text(300, 15.5, "added", color=canvas.red, ha="right")
    curve.text(300, -31.5, "RoPE: one value", color=canvas.blue, ha="right")
    curve.annotate(
        "", (255, -9.5), (255, -28), arrowprops={"arrowstyle": "-", "color": canvas.blue, "lw": 0.8}
    )
    curve.set(xlabel="shift of both positions", ylabel="score", title="the text moves", ylim=(-34, 20))
    return figure


def _clock(canvas, axes, m, n):
    """Draw a query at position m and a key at position n, unrotated and rotated, and the angle between."""
    axes.add_patch(Circle((0, 0), 1, fc=canvas.faint, ec=canvas.muted, lw=0.8))
    ends = []
    for name, hand, place, colour in (("q", QUERY, m, canvas.blue), ("k", KEY, n, canvas.orange)):
        end = hand * np.exp(1j * place * SPEED)
        ends.append(np.angle(end))
        axes.plot([0, hand.real], [0, hand.imag], color=colour, lw=0.9)
        axes.annotate(
            "", (end.real, end.imag), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2.2}
        )
        tip = end * (1 + 0.17 / abs(end))
        axes.text(tip.real, tip.imag, f"${name}$", color=colour, ha="center", va="center")
    sweep = (ends[1] - ends[0]) % (2 * np.pi)
    arc = 0.3 * np.exp(1j * (ends[0] + np.linspace(0, sweep, 60)))
    axes.plot(arc.real, arc.imag, color=canvas.muted, lw=1.2)
    axes.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", title=f"$m$ = {m}, $n$ = {n}")
    axes.axis("off")


def no_law_of_decay(canvas):
    """First panel: for equal contents the score falls from 64 at offset 0, fast at first, with many waves,
    to about 13 at 500; for a key made for offset 200 the same curve has its peak at 200. Second panel:
    scores of eight random keys swing as widely at large offsets as at small ones, nearly always inside
    a band of constant width."""
    figure, (equal, random) = canvas.panels(2, height=3.0)
    offsets, ones = np.arange(501), np.ones(64)
    curve = canvas.equation("eq-rope-equal", side=1, each="r")
    given = {"u": paired(ones), "theta": speeds(64), "d": 64}
    equal.plot(offsets, curve(r=offsets, **given), color=canvas.blue, lw=1.2)
    equal.plot(offsets, curve(r=offsets - 200, **given), "--", color=canvas.purple, lw=1.2)
    equal.text(14, 60, "$k = q$", color=canvas.blue)
    equal.text(214, 60, "$k = R_{200}\\,q$", color=canvas.purple)
    equal.set(title="chosen contents", ylabel="score")
    rng = np.random.default_rng(1)
    query, keys = rng.normal(size=64), rng.normal(size=(8, 64))
    lines = np.array([scores(query, key, offsets) for key in keys])
    spread = np.linalg.norm(query)
    random.axhspan(-2 * spread, 2 * spread, color=canvas.faint)
    for number, line in enumerate(lines):
        random.plot(
            offsets, line, color=(canvas.blue, canvas.orange, canvas.green, canvas.purple)[number % 4], lw=0.7
        )
    random.set(title="random contents")
    for axes in (equal, random):
        axes.set(xlabel="offset $r = m - n$", ylim=(-25, 68), xlim=(0, 500))
    return figure


def rounded_angles(canvas):
    """Score of a query and an equal key at offset 10 against the position of the query, 10 to 1,023. With
    exact angles it is a flat line at 43; with angles per position rounded to bfloat16 it is flat too and
    lies on the first line; with positions and products in bfloat16 too it jumps between 35 and 50."""
    figure, (axes,) = canvas.panels(1, height=2.9)
    for how, colour, width in (
        ("products", canvas.red, 1),
        ("exact", canvas.ink, 2.6),
        ("speeds", canvas.blue, 1.4),
    ):
        places, found = drifting_scores(how)
        axes.plot(places, found, color=colour, lw=width, ls="--" if how == "speeds" else "-")
    axes.set(xlabel="position $m$ of the query", ylabel="score at offset 10", ylim=(31, 55), xlim=(0, 1030))
    axes.text(20, 51.5, "$m$, $\\theta_j$ and $m\\theta_j$ in bfloat16", color=canvas.red)
    axes.text(20, 32.2, "exact; dashed: only $\\theta_j$ in bfloat16", color=canvas.blue)
    return figure
