"""Figures of 2(c): what the base reference costs, and how DPO falls silent before the tie."""

import numpy as np

from . import model as m

BETA = 0.1
TIES = np.array([5, 20, 100])


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
    """First panel: the weight of a DPO pair over beta against the nats its preferred logit has
    gained. At beta 0.1 it falls from one half to 0.27, 0.018 and 2e-9 at the ties for L = 5, 20 and
    100; at beta 0.01 it only falls to 0.12. Second panel: at beta 0.1 a training loss of 0.1 means 11
    nats and a loss of 0.0001 means 46, past the tie for L = 20 and far below that for L = 100."""
    figure, (left, right) = canvas.panels(2, height=3.1)
    nats = np.linspace(0, 118, 300)
    for beta, tint, dashes in ((0.01, canvas.blue, "--"), (BETA, canvas.red, "-")):
        left.semilogy(nats, m.weight_after(nats, beta), dashes, color=tint)
        left.plot(TIES, m.weight_after(TIES, beta), "o", color=tint)
    left.text(75, 0.006, r"$\beta$ = 0.01", color=canvas.blue)
    left.text(60, 3e-5, r"$\beta$ = 0.1", color=canvas.red)
    for distance in TIES:
        left.axvline(distance, color=canvas.muted, linewidth=0.8, linestyle=":")
    left.set(xlabel="nats gained, $a$", ylabel=r"weight / $\beta$", ylim=(1e-11, 6))
    left.set_title("Ties for $L$ = 5, 20, 100")
    _loss_buys(canvas, right)
    return figure


def _loss_buys(canvas, axes):
    """Draw the nats gained against the training loss, from log 2 down, with the ties."""
    loss = np.geomspace(1e-5, 0.69, 300)
    axes.semilogx(loss, m.nats_gained(loss, BETA), color=canvas.red)
    for distance in TIES:
        axes.axhline(distance, color=canvas.muted, linewidth=0.8, linestyle=":")
        axes.text(1e-5, distance + 1.5, f"tie for $L$ = {distance}", ha="right", color=canvas.muted)
    for mark in (0.1, 1e-4):
        gained = m.nats_gained(mark, BETA)
        axes.plot(mark, gained, "o", color=canvas.red)
        axes.annotate(f"{gained:.0f} nats", (mark, gained), (-5, 5), textcoords="offset points",
                      ha="right", color=canvas.red)  # fmt: skip
    axes.set(xlim=(1, 1e-5), ylim=(0, 112), xlabel="DPO loss of the pair")
    axes.set_ylabel("nats gained, $a$")
    axes.set_title(r"What a loss buys, $\beta$ = 0.1")


def same_loss_different_policy(canvas):
    """Two runs of DPO at beta 0.1, from L = 3 and L = 60, 4,000 steps of size 50. First panel: their
    loss curves coincide. Second panel: the preferred response is then near probability 1 from L = 3
    and still below one in ten million from L = 60, a run that would tie too, after about 163,000
    steps; with 0.2 of its negative log-likelihood added it nears 1 from L = 60 within ten steps."""
    figure, (left, right) = canvas.panels(2, height=3.1)
    runs = [(3, 0, canvas.blue, "-"), (60, 0, canvas.red, "--"), (60, 0.2, canvas.green, "-.")]
    shown = np.unique(np.geomspace(1, 4000, 120).astype(int)) - 1
    for distance, nll, tint, dashes in runs:
        losses, policies = m.train(m.three_responses(distance), BETA, 4000, 50.0, nll)
        right.loglog(shown + 1, policies[shown, 0], dashes, color=tint)
        if not nll:
            left.loglog(shown + 1, losses[shown], dashes, color=tint, linewidth=3 - distance / 40)
    left.text(1.2, 0.0006, "$L$ = 3 and $L$ = 60:\none curve")
    right.text(900, 1e-3, "$L$ = 3", color=canvas.blue, ha="right")
    right.text(300, 1e-19, "$L$ = 60", color=canvas.red)
    right.text(8, 1e-7, "$L$ = 60, with\n0.2 NLL", color=canvas.green)
    left.set(xlabel="step", ylabel="DPO loss")
    right.set(xlabel="step", ylabel=r"$\pi_\theta(y_w \mid x)$", ylim=(1e-28, 1e3))
    return figure
