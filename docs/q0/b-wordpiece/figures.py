"""Figures of 0(b): one word in two lanes, three ways to choose a merge, and what each choice buys."""

import json
from pathlib import Path

import numpy as np
from matplotlib.patches import FancyBboxPatch

from . import model as m

RESULTS = json.loads(Path(__file__).with_name("results.json").read_text())
MERGES = [tuple(pair.split()) for pair in RESULTS["merges"][:200]]
WORD = "rules"
LOOKS = {"count": ("orange", "--"), "ratio": ("red", ":"), "gain": ("blue", "-")}


def two_lanes(canvas):
    """The word rules is segmented in two lanes with one vocabulary. Longest match tests rules, rule, rul
    and ru in vain, takes r, tests ##ules in vain, takes ##ule, then ##s. Replaying the merges starts from
    five letters, joins e and s by merge 6, then u and l by merge 65, and ends at r, ##ul, ##es: the piece
    ##ule would need ##le, which is merge 22, but the e has gone into ##es."""
    figure, (greedy, replay) = canvas.panels(2, height=3.1)
    _greedy(canvas, greedy)
    _replay(canvas, replay)
    for axes in (greedy, replay):
        axes.set(xlim=(-0.1, 8.6), ylim=(-7.6, 0.6))
        axes.axis("off")
    greedy.set_title("WordPiece: longest match")
    replay.set_title("BPE: replay the merges")
    return figure


def _piece(canvas, axes, row, start, text, colour=None):
    """Draw a piece as a box over the places of its letters."""
    look = {"fc": canvas.faint, "ec": colour or canvas.muted, "lw": 1.6 if colour else 0.8}
    box = FancyBboxPatch((start + 0.09, -row - 0.3), len(text) - 0.18, 0.6, boxstyle="round,pad=0.03", **look)
    axes.add_patch(box)
    for place, letter in enumerate(text, start):
        axes.text(place + 0.5, -row, letter, ha="center", va="center")


def _greedy(canvas, axes):
    """Draw the candidates in the order in which they are tested."""
    known, start, row = set(m.vocabulary(MERGES)), 0, 0
    while start < len(WORD):
        for end in range(len(WORD), start, -1):
            piece = "##" * (start > 0) + WORD[start:end]
            found = piece in known
            _piece(canvas, axes, row, start, WORD[start:end], canvas.green if found else canvas.red)
            words, colour = (f"{piece}: take", canvas.green) if found else (f"{piece}: no", canvas.red)
            axes.text(5.5, -row, words, va="center", color=colour)
            row += 1
            if found:
                break
        start = end


def _replay(canvas, axes):
    """Draw the pieces before the first merge and after each merge that applies."""
    steps = [("letters", m.letters(WORD))]
    for rank, pair in enumerate(MERGES, 1):
        pieces = m.merged(steps[-1][1], pair)
        if pieces != steps[-1][1]:
            steps.append((f"merge {rank}:\n{pair[0]}, {pair[1]}", pieces))
    for place, (words, pieces) in enumerate(steps):
        start = 0
        for piece in pieces:
            bare = piece.removeprefix("##")
            _piece(canvas, axes, 2 * place, start, bare, canvas.purple if len(bare) > 1 else None)
            start += len(bare)
        axes.text(5.5, -2 * place, words, va="center", linespacing=1.1)
    late = next(rank for rank, pair in enumerate(MERGES, 1) if m.joined(pair) == "##le")
    note = f"##ule would need ##le (merge {late}),\nbut the e has gone into ##es"
    axes.text(0.05, -2 * len(steps), note, va="center", color=canvas.muted, linespacing=1.1)


def three_choices(canvas):
    """A point for each pair of neighbouring letters of the exam paper: its count across, the logarithm of
    its ratio times the number of pieces upwards. The largest count is farthest right, o and n. The
    largest ratio is at the top of the left edge, b and j, a pair that occurs once. The largest gain, t and
    h, is almost as far right as the largest count and higher: it lies just outside the outermost of the pale
    curves, along which count times logarithm is constant. All points lie below a falling dashed line."""
    figure, (axes,) = canvas.panels(1, height=3.4)
    words = m.paper()
    pieces, pairs = m.counts({word: m.letters(word) for word in words}, words)
    total = pieces.total()
    n, first, second = (np.array(x) for x in zip(*((pairs[p], pieces[p[0]], pieces[p[1]]) for p in pairs)))
    ratio = canvas.equation("eq-wordpiece-score", side=1, each="n c_a c_b")
    height = np.log(total * ratio(n=n, c_a=first, c_b=second))
    axes.plot(n, height, "o", ms=3, color=canvas.muted, alpha=0.6, mew=0)
    across = np.geomspace(1, 400, 300)
    for level in (25, 50, 100, 200):
        axes.plot(across, level / across, color=canvas.faint, lw=1.2, zorder=0)
    axes.plot(across[:250], np.log(total / across[:250]), color=canvas.muted, lw=1, ls="--")
    axes.text(380, 5.0, "no pair above\nthe dashed line", color=canvas.muted, ha="right", linespacing=1)
    places = {"count": (4, -15, "left"), "ratio": (9, 3, "left"), "gain": (9, -11, "left")}
    for name, (right, up, side) in places.items():
        _, best = next(m.training(words, name))
        spot = list(pairs).index(best)
        colour = getattr(canvas, LOOKS[name][0])
        axes.plot(n[spot], height[spot], "o", ms=7, color=colour)
        label = f"{name}: {best[0]}, {best[1]}"
        axes.annotate(label, (n[spot], height[spot]), (right, up), textcoords="offset points",
                      ha=side, color=colour)  # fmt: skip
    axes.set(xscale="log", xlim=(0.9, 400), ylim=(-3.2, 9), xlabel="count $n$ (log scale)")
    axes.set(ylabel=r"$\log(N s)$")
    axes.set_xticks([1, 10, 100], ["1", "10", "100"])
    return figure


def what_each_buys(canvas):
    """Two panels against the number of merges, 0 to 1,000, for merges chosen by count, by ratio and by
    gain. Bits per letter fall from 4.8 to 2.5 for count and gain, which are close together, and only to
    4.0 for the ratio. Pieces fall from 311 thousand to 88 and 94 thousand for count and gain, and to 243
    thousand for the ratio."""
    figure, panels = canvas.panels(2, height=2.9)
    for name, (tint, line) in LOOKS.items():
        done, pieces, bits = np.array(RESULTS["course"][name]).T
        for axes, values in zip(panels, (bits, pieces / 1000)):
            axes.plot(done, values, line, color=getattr(canvas, tint), label=name)
    for axes, label in zip(panels, ("bits per letter", "pieces (thousands)")):
        axes.set(xlabel="merges", ylabel=label)
    panels[0].set_ylim(2, 5)
    panels[1].set_ylim(0, 330)
    panels[1].legend(frameon=False)
    return figure
