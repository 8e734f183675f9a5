"""Figures of 5(b): the induction pattern and its composition, how it is learned, a real model."""

import json
from pathlib import Path

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

HERE = Path(__file__).parent
SMALL = json.loads((HERE / "results.json").read_text())
REAL = json.loads((HERE / "real.json").read_text())
LETTERS = "ABCDEFGHIJ"


def _map(canvas, axes, values, colour, top=1.0):
    """Draw a matrix, row 1 at the top, from the faint colour of the canvas to a strong one."""
    shades = LinearSegmentedColormap.from_list("shades", [canvas.faint, colour])
    axes.pcolormesh(np.asarray(values), cmap=shades, vmin=0, vmax=top, edgecolors="none", rasterized=False)
    axes.invert_yaxis()
    axes.set_aspect("auto")
    axes.tick_params(length=0)


def the_induction_pattern(canvas):
    """Three panels from one trained model on the text A to J, written twice. First panel: a head of layer 1
    puts most weight of each query on the key just before it, a stripe below the diagonal. Second panel: of
    the sixteen pairs of a head of layer 1 and one of layer 2, the four with the previous-token head have a
    K-composition clearly above that of the untrained model; the others lie near it. Third panel: a head of
    layer 2 puts most weight of the second A on the key B, of the second B on C, and so on: a stripe nine
    places below the diagonal, in the second copy."""
    run = SMALL["two"][0]
    first = int(np.argmax(run["history"][-1]["previous"][0]))
    second = int(np.argmax(run["history"][-1]["induction"][1]))
    figure, (before, middle, after) = canvas.panels(3, height=2.75, widths=[1.25, 0.75, 1.25])
    for axes, layer, head, colour, title in (
        (before, 0, first, canvas.purple, f"layer 1, head {first + 1}: look back"),
        (after, 1, second, canvas.blue, f"layer 2, head {second + 1}: induction"),
    ):
        _map(canvas, axes, run["example"][layer][head], colour)
        names, places = list(LETTERS * 2), np.arange(20) + 0.5
        axes.set_xticks(places[::1], names, fontsize=7)
        axes.set_yticks(places[::1], names, fontsize=7)
        axes.set(xlabel="key", ylabel="query", title=title)
    _composition(canvas, middle, run)
    return figure


def _composition(canvas, axes, run):
    """Draw the K-composition of each pair of heads above the mean of the untrained model."""
    excess = np.array(run["composition"]["K"]) - np.mean(run["untrained"]["K"])
    _map(canvas, axes, np.maximum(excess, 0), canvas.green, 0.13)
    for (row, column), value in np.ndenumerate(excess):
        words = f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
        axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", fontsize=7.5)
    places = np.arange(len(excess)) + 0.5
    axes.set_xticks(places, [str(n) for n in range(1, 5)])
    axes.set_yticks(places, [str(n) for n in range(1, 5)])
    axes.set(xlabel="head of layer 2", ylabel="head of layer 1", title="K-composition")


def learning_to_copy(canvas):
    """Two panels against the training step, 0 to 600, five seeds. First panel: the loss on later copies.
    With one layer it falls slowly to about 2.7 nats. With two layers it falls from about 3 to below 0.9
    between steps 150 and 250, then to 0.3. Second panel, two layers: the largest previous-token score of
    layer 1 and the largest induction score of layer 2 rise together in the same steps."""
    figure, (loss, score) = canvas.panels(2, height=2.9)
    looks = (("one", canvas.red, "--", "one layer"), ("two", canvas.blue, "-", "two layers"))
    for name, colour, line, words in looks:
        for run in SMALL[name]:
            steps, values = zip(*((row["step"], row["loss"]) for row in run["history"]))
            loss.plot(steps, values, line, color=colour, lw=1.1)
        loss.text(590, values[-1] + 0.18, words, color=colour, ha="right")
    for kind, layer, colour, line, words in (
        ("previous", 0, canvas.purple, "-", "look back, layer 1"),
        ("induction", 1, canvas.blue, "--", "induction, layer 2"),
    ):
        for run in SMALL["two"]:
            values = [max(row[kind][layer]) for row in run["history"]]
            score.plot([row["step"] for row in run["history"]], values, line, color=colour, lw=1.1)
        score.text(590, 0.6 if kind == "previous" else 0.3, words, color=colour, ha="right")
    loss.set(xlabel="training step", ylabel="loss in nats", title="on later copies", ylim=(0, 4.2))
    score.set(xlabel="training step", ylabel="largest score", title="heads of two layers", ylim=(0, 0.7))
    return figure


def heads_of_a_real_model(canvas):
    """First panel: the induction scores of all 270 heads of SmolLM2-135M, 30 layers by 9 heads. Most are
    near 0; the large ones lie in layers 18 to 25. Rings mark the eight heads with the largest previous-token
    scores below layer 18, one of them in layer 17. Second panel: loss on the second copy of
    random tokens. It is 3.2 nats with all heads, 3 to 5 without most random sets of eight, 12.9 without
    the eight top induction heads and 11.1 without the eight look-back heads; on the first copy it is 14.6."""
    figure, (table, bars) = canvas.panels(2, height=3.5, widths=[1.2, 1])
    _map(canvas, table, REAL["scores"]["induction"], canvas.blue)
    for layer, head in REAL["below"]["heads"]:
        table.plot(head + 0.5, layer - 0.5, "o", mfc="none", mec=canvas.purple, mew=1.5, ms=6)
    table.set_yticks(np.array([1, 6, 12, 18, 24, 30]) - 0.5, ["1", "6", "12", "18", "24", "30"])
    table.set_xticks(np.arange(9) + 0.5, [str(n) for n in range(9)])
    table.set(xlabel="head", ylabel="layer", title="induction score")
    _ablations(canvas, bars)
    return figure


def _ablations(canvas, axes):
    """Draw the losses with heads left out; whiskers span the random draws."""
    cut, below = REAL["ablations"], REAL["below"]
    rows = [
        ("all heads", [cut["all"][1]], canvas.blue),
        ("8 random", [pair[1] for pair in cut["random"]], canvas.muted),
        ("8 random,\nsame layers", [pair[1] for pair in cut["same layers"]], canvas.muted),
        ("8 induction", [cut["without top"][1]], canvas.red),
        ("8 look back,\nbelow", [below["without"][1]], canvas.purple),
        ("8 random,\nbelow", [pair[1] for pair in below["random"]], canvas.muted),
        ("first copy", [cut["all"][0]], canvas.orange),
    ]
    for place, (_, values, colour) in enumerate(rows):
        axes.barh(place, np.mean(values), color=colour, height=0.62)
        axes.plot([min(values), max(values)], [place, place], color=canvas.ink, lw=1)
    axes.set_yticks(range(len(rows)), [words for words, *_ in rows], linespacing=0.9)
    axes.invert_yaxis()
    axes.set(xlabel="loss in nats", title="loss on the second copy", xlim=(0, 16))
