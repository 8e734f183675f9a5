"""Figures of 2(b): one class of rewards, one optimal policy, more than one human value."""

import numpy as np
from scipy.special import logit

from .model import EXAMPLE, SWAP, log_partition

REFERENCE = np.array([0.4, 0.3, 0.2, 0.1])
REWARD = np.array([0.0, 1.0, 0.5, 2.0])
TILT = np.array([1.0, -1.0, 1.0, -1.0])  # depends on the response, so it leaves the class
SHIFTS = (-2.0, 0.0, 2.0)
PAIRS = ("$x_1, y_1$", "$x_1, y_2$", "$x_2, y_1$", "$x_2, y_2$")


def _policy(canvas, reference, reward, beta):
    """Return the optimal policy, as the page prints it, over (prompt, response)."""
    x, y = np.indices(reward.shape)
    return canvas.equation("eq-class-optimum", each="x y")(
        x=x, y=y, beta=beta, pi_ref=lambda y, x: reference[x, y], r=lambda x, y: reward[x, y],
        Z_r=lambda x: np.exp(log_partition(reference, reward, beta))[x],
    )  # fmt: skip


def _values(canvas, case, shift):
    """Return the human values of reward + shift, as the page prints them, over (prompt, response)."""
    chance = case.prompts[:, None] * _policy(canvas, case.reference, case.reward, case.beta)
    reward, sets = case.reward + shift[:, None], {"x_prime": range(2), "y_prime": range(2)}
    x, y = np.indices(reward.shape)
    value = canvas.equation("eq-class-value", each="x y", sets=sets)
    return value(x=x, y=y, r=lambda x, y: reward[x, y], Q=lambda i, j, x, y: chance[i, j])


def one_class_one_policy(canvas):
    """Three reward profiles over four responses run parallel, and the three policies they induce
    lie on top of each other; a fourth profile that is not parallel induces another policy."""
    figure, (rewards, policies) = canvas.panels(2, height=2.9)
    _rewards(rewards, canvas)
    _policies(policies, canvas)
    _responses(rewards, "reward $r(x, y)$")
    _responses(policies, "probability of the response")
    return figure


def _rewards(axes, canvas):
    """Draw three members of a class as solid lines and a reward outside it as a dashed one."""
    names = ("$r_a - 2$", "$r_a$", "$r_a + 2$")
    for shift, name in zip(SHIFTS, names):
        axes.plot(REWARD + shift, "o-", color=canvas.blue)
        axes.annotate(name, (3.15, REWARD[-1] + shift), va="center", color=canvas.blue)
    axes.plot(REWARD + TILT, "x--", color=canvas.red)
    axes.annotate("$r_a + h(x, y)$", (3.15, 1.0), va="center", color=canvas.red)
    axes.set_xlim(-0.3, 4.6)


def _policies(axes, canvas):
    """Draw the reference as bars, the policies of the class as rings, the other as crosses."""
    axes.bar(range(4), REFERENCE, 0.8, color=canvas.faint, edgecolor=canvas.muted, lw=0.8)
    rewards = np.array([REWARD + change for change in (*SHIFTS, TILT)])
    *alike, other = _policy(canvas, np.tile(REFERENCE, (4, 1)), rewards, 1.0)
    for policy, size in zip(alike, (15, 10, 4)):
        axes.plot(policy, "o", ms=size, mfc="none", mec=canvas.blue, mew=1.6)
    axes.plot(other, "x", color=canvas.red, ms=8, mew=2)
    axes.annotate("three rewards,\none policy", (2, 0.45), ha="center", color=canvas.blue)
    axes.annotate("another\npolicy", (0, 0.47), ha="center", color=canvas.red)
    axes.annotate(r"$\pi_{\mathrm{ref}}$", (0, 0.02), ha="center")
    axes.set_ylim(0, 0.6)


def _responses(axes, label):
    axes.set_xticks(range(4), [f"$y_{i}$" for i in range(1, 5)])
    axes.set_xlabel("response to one prompt $x$")
    axes.set_ylabel(label)


def same_policy_other_value(canvas):
    """For each of the four prompt and response pairs an arrow leads from the value under r_a to the
    value under r_b. On the logit scale every arrow has length one, to the right for the first
    prompt and to the left for the second; on the value scale the lengths differ, and two pairs
    cross the neutral value one half."""
    figure, (logits, values) = canvas.panels(2, height=2.7)
    a, b = (_values(canvas, EXAMPLE, shift) for shift in (np.zeros(2), EXAMPLE.shift))
    policy = _policy(canvas, EXAMPLE.reference, EXAMPLE.reward, EXAMPLE.beta)
    names = [f"{pair}\n{100 * p:.0f} %" for pair, p in zip(PAIRS, policy.ravel())]
    _arrows(logits, logit(a).ravel(), logit(b).ravel(), 0, canvas)
    _arrows(values, a.ravel(), b.ravel(), 0.5, canvas)
    logits.set(xlim=(-2.6, 1.4), xlabel="reward minus reference point = logit of the value")
    values.set(xlim=(0, 0.8), xlabel="human value")
    logits.set_title("equal steps")
    values.set_title("unequal steps")
    for axes in (logits, values):
        axes.set_yticks(range(4), names)
    return figure


def _arrows(axes, start, end, neutral, canvas):
    """Draw one arrow per row, from a hollow marker (r_a) to a filled one (r_b)."""
    axes.axvline(neutral, color=canvas.muted, lw=1, ls=":")
    for level, (left, right) in enumerate(zip(start, end)):
        colour = canvas.blue if right > left else canvas.red
        arrow = {"arrowstyle": "->", "color": colour, "lw": 1.8, "shrinkA": 4, "shrinkB": 4}
        axes.annotate("", (right, level), (left, level), arrowprops=arrow)
        axes.plot(left, level, "o", mfc="none", mec=colour, mew=1.6)
        axes.plot(right, level, "o", color=colour)
    below = {"xytext": (0, -13), "textcoords": "offset points", "ha": "center"}
    axes.annotate("$r_a$", (start[0], 0), **below)
    axes.annotate("$r_b$", (end[0], 0), **below)
    axes.set_ylim(3.6, -0.6)


def law_of_the_value(canvas):
    """First panel: two prompts exchange their values, so every point moves while the four heights
    stay the same. Second panel: as the shift C of one prompt grows, its two values leave the band of
    all values under r_a, the first at C = 2, the second at C = 4."""
    figure, (swap, sweep) = canvas.panels(2, height=3.0, widths=[1, 1.5])
    _swap(swap, canvas)
    _sweep(sweep, canvas)
    return figure


def _swap(axes, canvas):
    a, b = (_values(canvas, SWAP, shift) for shift in (np.zeros(2), SWAP.shift))
    styles = ((canvas.blue, "o-", "$x_1$"), (canvas.red, "s--", "$x_2$"))
    for before, after, (colour, style, name) in zip(a, b, styles):
        axes.plot([0, 1], [before, after], style, color=colour)
        for left in before:
            axes.annotate(name, (-0.08, left), ha="right", va="center", color=colour)
    axes.set(xlim=(-0.35, 1.2), ylim=(0, 1), ylabel="human value")
    axes.set_xticks([0, 1], ["under $r_a$", "under $r_b$"])
    axes.set_title("a swap: same law")


def _sweep(axes, canvas):
    sizes = np.linspace(0, 8, 161)
    values = np.array([_values(canvas, EXAMPLE, np.array([size, 0])) for size in sizes])
    axes.axhspan(values[0].min(), values[0].max(), color=canvas.faint, lw=0)
    axes.axvline(4, color=canvas.muted, ls=":", lw=1.2)
    for x, (colour, line) in enumerate(((canvas.blue, "-"), (canvas.red, "--"))):
        axes.plot(sizes, values[:, x], line, color=colour)
    axes.annotate("$x_1$", (4.6, 0.81), va="center", color=canvas.blue)
    axes.annotate("$x_2$", (6.2, 0.12), color=canvas.red)
    axes.annotate("range under $r_a$", (4.4, 0.42))
    axes.set(xlim=(0, 8), ylim=(0, 1), xlabel="shift $C$ of prompt $x_1$", ylabel="human value")
    axes.set_title("a large shift: another law")
