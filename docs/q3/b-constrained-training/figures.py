"""Figures of 3(b): how much steps of one length can change, and what each constraint costs."""

import numpy as np

from . import model as m

DIRECTIONS = (
    ("first Fisher", "first eigenvector of $F$", "red"),
    ("gradient", "edit gradient", "orange"),
    ("l2 1.0", "editor, L2 constraint", "orange"),
    ("100th Fisher", "100th eigenvector", "purple"),
    ("kl 0.1", "editor, KL constraint", "blue"),
    ("random", "random", "green"),
    ("null", "$F \\Delta = 0$", "ink"),
)
LINES = ("first Fisher", "gradient", "kl 0.1", "random", "null")
RADII = (0.1, 0.2, 0.5, 1.0, 2.0)
SWEEPS = (
    ("kl", ("0.3", "0.1", "0.03", "0.01", "0.003"), "blue", "o", "KL at most $m$"),
    ("l2", ("1.5", "1.0", "0.7", "0.5", "0.35"), "orange", "s", "L2 at most $m$"),
)


def one_ball(canvas):
    """Two panels with logarithmic scales. First: the mean KL divergence after a step of length 0.5, with a
    dot for each of five seeds and a row for each kind of direction. From the first eigenvector of the Fisher
    matrix, near 1, over edit gradients and shifts of the editor trained under L2, the 100th eigenvector,
    shifts of the editor trained under KL and random directions down to directions that the Fisher matrix
    maps to zero, near 0.00001. Second: the divergence against the length of the step, for five of these
    directions; dotted lines, half the quadratic form, are, on this scale, close to four of them at short
    steps. Far below all of them, at a length of about 200, lies the rescaled network, with rounding errors
    only."""
    figure, (left, right) = canvas.panels(2, height=3.5, widths=[1, 1.05])
    for place, (name, _, colour) in enumerate(DIRECTIONS):
        values = m.at_radius(name, 0.5)
        left.plot(values, -place + np.linspace(-0.15, 0.15, len(values)), "o", ms=4, alpha=0.8,
                  color=getattr(canvas, colour))  # fmt: skip
    left.set_yticks(range(0, -len(DIRECTIONS), -1), [words for _, words, _ in DIRECTIONS])
    left.set(xscale="log", xlabel="KL, nats; steps of length 0.5", xlim=(1e-6, 3))
    left.set_xticks([1e-6, 1e-4, 1e-2, 1])
    _against_length(canvas, right)
    return figure


def _against_length(canvas, axes):
    """Draw the divergence against the length of the step, and the rescaled networks."""
    colours = {name: getattr(canvas, colour) for name, _, colour in DIRECTIONS}
    for name in LINES:
        for metric, look in (("kl", {"ls": "-", "marker": "o", "ms": 3.5}), ("quadratic", {"ls": ":"})):
            values = [np.median(m.at_radius(name, radius, metric)) for radius in RADII]
            if metric == "kl" or name != "null":
                axes.plot(RADII, values, color=colours[name], lw=1.4, **look)
    for seed in m.seeds():
        axes.plot(seed["rescaled"]["distance"], seed["rescaled"]["kl"], "D", ms=4.5, color=canvas.ink)
    axes.text(150, 3e-14, "rescaled\nnetwork", ha="center", va="bottom", fontsize=9.5)
    axes.set(xscale="log", yscale="log", xlabel="length of the step", ylabel="KL, nats",
             xlim=(0.07, 900), ylim=(1e-17, 100))  # fmt: skip
    axes.set_yticks([1e-16, 1e-12, 1e-8, 1e-4, 1])
    axes.text(2.4, np.median(m.at_radius("null", 2.0)), "$F \\Delta = 0$", va="center", fontsize=9.5)
    top = np.median(m.at_radius("first Fisher", 2.0))
    axes.text(2.4, top, "first eigenvector", va="center", fontsize=9.5, color=canvas.red)


def trade_off(canvas):
    """Two panels with the share of paraphrases that get the new answer on the horizontal axis. First, on the
    vertical axis, the share of answers to other facts that stay: a curve of five margins for the editors
    under KL lies above the curve of five margins for those under L2, most clearly where nearly all edits
    succeed; fine-tuning by small steps, two triangles, lies near the curve for KL; the editor without
    gradient lies below both curves, near their left ends. Second, the share of other facts of the same
    subject that stay: here the curve for L2 is a little higher where most edits succeed, and fine-tuning is
    above both."""
    figure, axes = canvas.panels(2, height=3.3)
    for panel, metric, words in zip(axes, ("retained", "near"), ("other facts", "same subject")):
        for kind, margins, colour, marker, label in SWEEPS:
            _curve(panel, kind, margins, metric, getattr(canvas, colour), marker, label)
        _points(canvas, panel, metric)
        panel.set(xlabel="paraphrases with the new answer, %", ylabel=f"{words} kept, %")
    axes[0].set(xlim=(40, 103), ylim=(70, 101))
    axes[1].set(xlim=(40, 103), ylim=(0, 103))
    axes[0].legend(loc="lower left")
    return figure


def _curve(axes, kind, margins, metric, colour, marker, label):
    """Draw means and standard deviations of the seeds for a series of margins."""
    across, up = (np.array([100 * m.spread(f"{kind} {margin}", name) for margin in margins])
                  for name in ("paraphrase", metric))  # fmt: skip
    axes.errorbar(across.mean(1), up.mean(1), up.std(1, ddof=1), across.std(1, ddof=1), color=colour,
                  marker=marker, ms=5, lw=1.5, elinewidth=0.9, label=label)  # fmt: skip


def _points(canvas, axes, metric):
    """Draw the other ways to edit."""
    for kind, name, marker, colour, label in (
        ("tuning", "0.001 0.9", "^", canvas.green, "fine-tuning"),
        ("tuning", "0.01 0.9", "^", canvas.green, None),
        ("runs", "blind 0.1", "v", canvas.purple, "KL, no gradient"),
    ):
        across, up = (100 * m.spread(name, way, kind) for way in ("paraphrase", metric))
        axes.errorbar(across.mean(), up.mean(), up.std(ddof=1), across.std(ddof=1), color=colour, ls="",
                      marker=marker, ms=6, elinewidth=0.9, label=label)  # fmt: skip
