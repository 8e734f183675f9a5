"""Figures of 0(d): what temperature does to a distribution, its entropy and its tokens."""

import numpy as np

from .model import LOGITS, entropy, peak_temperature, variance

TIED = np.r_[LOGITS[0], LOGITS[0], LOGITS[2:]]  # the second token as likely as the first
TEMPERATURES = np.geomspace(0.05, 60, 400)


def _shares(canvas, temperature):
    """Return p(T) by the softmax of the page; shape (*temperature, tokens)."""
    softmax = canvas.equation("eq-temperature-softmax", each="i T")
    tokens, temperatures = np.arange(1, LOGITS.size + 1), np.asarray(temperature)[..., None]
    i, t = np.broadcast_arrays(tokens, temperatures)
    return softmax(i=i, z=LOGITS, n=LOGITS.size, T=t)


def sharp_plain_flat(canvas):
    """Bars of eight token probabilities at T = 0.5, 1 and 4, in the same order in each panel. At
    T = 0.5 the first token holds 0.79 and the last four almost nothing; at T = 4 all bars lie
    between 0.05 and 0.23, around the uniform 1/8. The outline of T = 1 is in each panel."""
    figure, panels = canvas.panels(3, height=2.3 if canvas.narrow else 2.7)
    tokens = np.arange(1, LOGITS.size + 1)
    for axes, temperature, name in zip(panels, (0.5, 1, 4), ("low", "the model", "high")):
        axes.bar(tokens, _shares(canvas, temperature), 0.8, color=canvas.blue)
        axes.bar(tokens, _shares(canvas, 1), 0.8, fill=False, edgecolor=canvas.ink, lw=1)
        axes.axhline(1 / LOGITS.size, color=canvas.muted, ls=":", lw=1.2)
        axes.text(8.5, 0.73, f"entropy\n{entropy(LOGITS, temperature):.2f} nats", ha="right", va="top")
        axes.set(ylim=(0, 0.85), xticks=tokens, xlabel="token")
        axes.set_title(f"$T$ = {temperature}, {name}")
    for axes in panels if canvas.narrow else panels[:1]:
        axes.set_ylabel("probability")
    return figure


def entropy_and_token_paths(canvas):
    """First panel: the entropy rises with temperature from 0 to log 8, or from log 2 if two tokens share
    the largest logit; a tangent touches the curve at T = 1. Second panel: with rising temperature the
    likeliest token falls, the second rises to a peak at T = 1.2 and then falls, and the least
    likely one rises; all approach 1/8."""
    figure, (left, right) = canvas.panels(2, height=3.2)
    _entropies(canvas, left)
    _paths(canvas, right)
    for axes in (left, right):
        axes.set(xscale="log", xlim=(0.05, 60), xlabel="temperature $T$ (log scale)")
        axes.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
    return figure


def _entropies(canvas, axes):
    """Draw H(T) with and without a tie, the limits, and the tangent at T = 1."""
    axes.plot(TEMPERATURES, entropy(LOGITS, TEMPERATURES), color=canvas.blue)
    axes.plot(TEMPERATURES, entropy(TIED, TEMPERATURES), "--", color=canvas.purple)
    for level, x in ((8, 0.12), (2, 56)):
        axes.axhline(np.log(level), color=canvas.muted, ls=":", lw=1.2)
        axes.text(x, np.log(level) + 0.04, rf"$\log\,{level}$", color=canvas.muted, ha="right")
    near = np.array([0.4, 2.5])
    slope = canvas.equation("eq-temperature-entropy", side=1)(T=1, V=lambda t: variance(LOGITS, t))
    tangent = entropy(LOGITS, 1) + slope * np.log(near)
    axes.plot(near, tangent, color=canvas.red, lw=1.4)
    axes.plot(1, entropy(LOGITS, 1), "o", color=canvas.red)
    axes.text(1.25, 1.1, "slope $V(1)$", color=canvas.red)
    axes.text(0.5, 0.22, "one top token", color=canvas.blue)
    axes.text(0.3, 0.79, "two tied", color=canvas.purple, ha="right")
    axes.set(ylim=(-0.05, 2.4), ylabel="entropy $H(T)$ (nats)")


def _paths(canvas, axes):
    """Draw the probabilities of the tokens 1, 2 and 8, and the peak of token 2."""
    looks = {0: (canvas.red, "-"), 1: (canvas.purple, "--"), 7: (canvas.blue, "-.")}
    for token, (tint, dashes) in looks.items():
        axes.plot(TEMPERATURES, _shares(canvas, TEMPERATURES)[:, token], dashes, color=tint)
    peak = peak_temperature(LOGITS, 1)
    axes.plot(peak, _shares(canvas, peak)[1], "o", color=canvas.purple)
    axes.axhline(1 / LOGITS.size, color=canvas.muted, ls=":", lw=1.2)
    axes.text(0.055, 1 / LOGITS.size + 0.015, "1/8", color=canvas.muted)
    axes.text(0.62, 0.78, "token 1 falls", color=canvas.red)
    axes.text(0.5, 0.27, "token 2\nrises, falls", color=canvas.purple, ha="right")
    axes.text(56, 0.01, "token 8 rises", color=canvas.blue, ha="right")
    axes.set(ylim=(-0.02, 1.04), ylabel="probability $p_i(T)$")
