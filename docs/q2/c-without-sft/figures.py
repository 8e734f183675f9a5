"""Figures of 2(c): what the base reference costs, and what it does to a pair of DPO."""

import numpy as np
from scipy.special import expit

from . import model as m

BETA = 0.1
FREE = r"without $\pi_{\mathrm{ref}}$"


def reward_gap_needed(canvas):
    """Log-odds of the good responses after tuning against the reward gap: straight lines that start
    at minus L and rise with slope one over beta. They reach even odds at a gap of beta times L: at
    L = 20 a gap of 1, 2 or 10 for beta 0.05, 0.1 and 0.5; at beta 0.1 a gap of 0.3, 2 or 10 for
    L = 3, 20 and 100."""
    figure, (left, right) = canvas.panels(2, height=3.1)
    _tie_lines(canvas, left, (-24, 16), [(20, 0.05), (20, 0.1), (20, 0.5)], r"$\beta$ = {1}")
    _tie_lines(canvas, right, (-112, 75), [(3, 0.1), (20, 0.1), (100, 0.1)], "$L$ = {0}")
    left.set_title("Base log-odds −20")
    right.set_title(r"$\beta$ = 0.1")
    return figure


def _tie_lines(canvas, axes, limits, cases, label):
    """Draw Δ/β − L for each (L, β), mark Δ = βL, and shade the side where G is the likelier."""
    bound = canvas.equation("eq-sft-odds", each="Delta")
    axes.axhspan(0, limits[1], color=canvas.faint, zorder=0)
    axes.axhline(0, color=canvas.muted, linewidth=0.8)
    axes.text(12, 0.96 * limits[1], "$G$ likelier than not", ha="right", va="top",
              color=canvas.muted)  # fmt: skip
    looks = [(canvas.blue, "-"), (canvas.purple, "--"), (canvas.red, "-.")]
    for (distance, beta), (tint, dashes), height in zip(cases, looks, (0.55, 0.3, 0.2)):
        end = height * limits[1]  # the lines end at different heights, beside their labels
        gap = beta * (distance + end)
        line = bound(Delta=np.array([0, gap]), beta=beta, L=distance)
        axes.plot([0, gap], line, dashes, color=tint)
        axes.plot(beta * distance, 0, "o", color=tint)
        side, shift = ("right", -8) if gap > 10 else ("left", 6)
        axes.annotate(label.format(distance, beta), (gap, end), (shift, 2), ha=side, color=tint,
                      textcoords="offset points")  # fmt: skip
    axes.set(xlim=(0, 12.6), ylim=limits, xlabel=r"reward gap $\Delta$")
    axes.set_ylabel("log-odds of $G$ at the optimum")


def weight_dies_before_the_tie(canvas):
    """First panel: the weight of a DPO pair over beta against the log-ratio of y_w to y_l, from minus D,
    where the base has it, to the tie at 0. With the reference it starts at one half and has fallen to
    0.12 at the tie for D = 20 and to 0.0025 for D = 60; without, one curve falls from near 1 to one half
    at the tie. Second panel: the log-ratio against the loss. Without the reference a loss below 0.69
    means that y_w leads; with it the tie comes at a loss of 0.13 for D = 20 and of 0.0025 for D = 60."""
    figure, (left, right) = canvas.panels(2, height=3.1)
    ratio, loss = np.linspace(-65, 12, 200), np.geomspace(6, 1e-3, 200)
    left.plot(ratio, m.weight(ratio, BETA), ":", color=canvas.green)
    right.semilogx(loss, m.nats_gained(loss, BETA), ":", color=canvas.green)
    for lead, tint, dashes in ((20, canvas.blue, "-"), (60, canvas.red, "--")):
        caught_up, below = np.linspace(-lead, 12, 200), np.geomspace(np.log(2), 1e-3, 200)
        left.plot(caught_up, m.weight(caught_up + lead, BETA), dashes, color=tint)
        left.plot([-lead, 0], m.weight(np.array([0, lead]), BETA), "o", color=tint)
        left.text(1 - lead, 0.53, f"$D$ = {lead}", color=tint)
        right.semilogx(below, m.nats_gained(below, BETA) - lead, dashes, color=tint)
        right.plot([np.log(2), np.log1p(np.exp(-BETA * lead))], [-lead, 0], "o", color=tint)
        right.text(1.1e-3, 43 - lead, f"$D$ = {lead}", color=tint, ha="right")
    _mark_the_tie(canvas, left, right)
    return figure


def _mark_the_tie(canvas, left, right):
    """Name the axes and the curves without the reference, and mark the tie in both panels."""
    axis = r"$\log\,\pi_\theta(y_w \mid x)\,/\,\pi_\theta(y_l \mid x)$"
    left.set(xlim=(-65, 12), ylim=(0, 1.05), xlabel=axis, ylabel=r"weight / $\beta$")
    right.set(xlim=(6, 1e-3), ylim=(-65, 75), xlabel="loss of the pair", ylabel=axis)
    left.axvline(0, color=canvas.muted, linewidth=0.8)
    right.axhline(0, color=canvas.muted, linewidth=0.8)
    left.text(1, 0.97, "tie", color=canvas.muted)
    right.text(5, 3, "tie", color=canvas.muted)
    left.text(-57, 0.87, FREE, color=canvas.green)
    right.text(0.4, 38, FREE, color=canvas.green, ha="right")


def same_loss_different_policy(canvas):
    """Three runs of gradient descent at beta 0.1, steps of size 50, the base's favourite rejected. First
    panel: with the reference the losses from D = 3 and D = 60 coincide, without it the loss from D = 60
    is 5 after the first step and soon joins them. Second panel: the preferred response is at once near
    probability 1 from D = 3; from D = 60 it draws level after 406 steps, without the reference after 7."""
    figure, (left, right) = canvas.panels(2, height=3.1)
    runs = [(3, True, canvas.blue, "-"), (60, True, canvas.red, "--"), (60, False, canvas.green, ":")]
    shown = np.unique(np.geomspace(1, 1000, 120).astype(int))  # numbers of steps taken
    for lead, held, tint, dashes in runs:
        start = m.base(lead)
        reference = start if held else np.full(2, 0.5)
        path = m.train(start, BETA, 1001, 50.0, reference)[shown]
        left.loglog(shown, m.dpo_loss(path, reference, BETA, (0, 1)), dashes, color=tint,
                    linewidth=3 - lead / 40)  # fmt: skip
        right.loglog(shown, expit(path[:, 0] - path[:, 1]), dashes, color=tint)
    left.text(1.2, 0.003, "$D$ = 3 and $D$ = 60:\none curve")
    left.text(7, 1.5, "$D$ = 60,\n" + FREE, color=canvas.green)
    right.text(2.5, 20, "$D$ = 3", color=canvas.blue)
    right.text(60, 1e-13, "$D$ = 60", color=canvas.red)
    right.text(9, 1e-5, "$D$ = 60,\n" + FREE, color=canvas.green)
    left.set(xlabel="steps taken", ylabel="loss")
    right.set(xlabel="steps taken", ylabel=r"$\pi_\theta(y_w \mid x)$", ylim=(1e-28, 1e4))
    return figure
