"""Figures of 1(b): the prefixes that each loss uses, what it makes of a student, and an experiment."""

import json
from pathlib import Path

import numpy as np

from . import model as m

RESULTS = json.loads(Path(__file__).with_name("results.json").read_text())["results"]
LETTERS = " ab"
BEST = m.beam_search(m.TEACHER, 2)[0]
HARD = m.trained("mode")


def three_trees(canvas):
    """Three copies of the tree of all prefixes of sentences of three words from a and b. In the first,
    for the word level, dots of equal size mark the prefixes of the reference abb: nothing, a and ab; two
    lines leave each dot, as wide as the teacher's probabilities. In the second, for the exact sequence
    level, all seven prefixes carry dots, the larger the likelier the teacher is to reach them: 1, then
    0.6 for a and 0.4 for b, then 0.33, 0.27, 0.36 and 0.04. In the third, for the mode, there is one path
    of single full lines to the sentence baa."""
    figure, axes = canvas.panels(3, height=2.7)
    on_reference = dict.fromkeys(m.prefixes(m.REFERENCE), 1.0)
    on_mode = dict.fromkeys(m.prefixes(BEST), 1.0)
    trees = (
        ("(i) word level", canvas.orange, on_reference, m.TEACHER),
        ("(ii) exact", canvas.blue, m.weights(m.TEACHER), m.TEACHER),
        ("(ii) mode", canvas.green, on_mode, HARD),
    )
    for panel, (title, colour, weights, targets) in zip(axes, trees):
        _tree(canvas, panel, colour, weights, targets)
        panel.set_title(title)
    for prefix, weight in m.weights(m.TEACHER).items():
        x, y = _place(prefix)
        axes[1].text(x, y + 0.46, f"{weight:.2f}".rstrip("0").rstrip("."), ha="center", va="bottom")
    return figure


def _place(prefix):
    """Return where a prefix stands: its length to the right; down, the middle of the sentences behind it."""
    rows = [row for row, y in enumerate(m.sentences(m.TEACHER)) if y[: len(prefix)] == prefix]
    return len(prefix), 7 - np.mean(rows)


def _tree(canvas, axes, colour, weights, targets):
    """Draw the tree, with a dot on each prefix of a loss and lines as wide as its targets."""
    for prefix in m.TEACHER:
        for word in (1, 2):
            line = np.transpose([_place(prefix), _place((*prefix, word))])
            axes.plot(*line, color=canvas.muted, lw=0.5, zorder=1)
            if weights.get(prefix) and targets[prefix][word - 1]:
                width = 5 * targets[prefix][word - 1]
                axes.plot(*line, color=colour, lw=width, alpha=1, zorder=2, solid_capstyle="butt")
    for prefix, weight in weights.items():
        axes.plot(*_place(prefix), "o", ms=11 * weight**0.5, color=colour, zorder=3)
    for sentence in m.sentences(m.TEACHER):
        x, y = _place(sentence)
        axes.text(x + 0.12, y, "".join(LETTERS[word] for word in sentence), va="center")
    axes.set(xlim=(-0.25, 3.7), ylim=(-0.6, 7.7))
    axes.axis("off")


def three_students(canvas):
    """Bars over the eight sentences aaa to bbb, one panel for each student, with the teacher as outlines.
    After word-level training on abb the student agrees with the teacher at aba and abb, and gives all
    four sentences that begin with b the same probability, 0.1. The exact student agrees everywhere. The
    mode student gives all probability to baa, to which the teacher gives 0.288."""
    figure, axes = canvas.panels(3, height=2.3)
    teacher = m.sentences(m.TEACHER)
    names = ["".join(LETTERS[word] for word in sentence) for sentence in teacher]
    looks = (
        ("word", "(i) word level", "orange"),
        ("exact", "(ii) exact", "blue"),
        ("mode", "(ii) mode", "green"),
    )
    for panel, (loss, title, colour) in zip(axes, looks):
        student = m.sentences(m.trained(loss))
        panel.bar(names, student.values(), width=0.62, color=getattr(canvas, colour))
        panel.bar(names, teacher.values(), width=0.86, fill=False, ec=canvas.ink, lw=1)
        panel.set(title=title, ylim=(0, 1.04 if loss == "mode" else 0.34))
        panel.tick_params(axis="x", rotation=90)
    axes[0].set_ylabel("probability")
    return figure


LOSSES = {
    "reference": "reference, NLL", "word": "(i) word level", "exact": "(ii) exact", "sample": "(ii) sampled",
    "mode": "(ii) mode",
}  # fmt: skip
MEASURES = (
    ("divergence", "KL from the teacher"),
    ("own", "mass of its greedy output"),
    ("mode", "greedy finds the mode"),
)


def small_students(canvas):
    """Three panels of dots, five seeds for each of five ways of training a small student, the means as
    bars. KL from the teacher over whole sentences: on average about 0.25 for word level, exact and sampled,
    about 1 for plain training on references, about 3 for the mode. Mass on the own greedy output: on
    average 0.20 or less in all but the mode student, which has 0.60; the teacher has 0.22. Share of inputs
    for which the greedy output is the teacher's mode: on average lowest for references, highest for the
    mode student; the teacher's own greedy output is higher still."""
    figure, axes = canvas.panels(3, height=2.4)
    for panel, (measure, title) in zip(axes, MEASURES):
        for row, loss in enumerate(LOSSES):
            found = [run[loss][measure] for run in RESULTS.values()]
            colour = canvas.green if loss == "mode" else canvas.blue
            panel.plot(found, [row] * len(found), "o", ms=4, color=colour, alpha=1)
            panel.plot([np.mean(found)] * 2, [row - 0.3, row + 0.3], color=colour)
        if measure != "divergence":
            known = np.mean([run["teacher"][measure] for run in RESULTS.values()])
            panel.axvline(known, color=canvas.muted, ls=":")
        labelled = canvas.narrow or panel is axes[0]
        panel.set_yticks(range(len(LOSSES)), LOSSES.values() if labelled else [""] * len(LOSSES))
        panel.set(title=title, ylim=(len(LOSSES) - 0.5, -0.5), xlim=(0, None))
    return figure
