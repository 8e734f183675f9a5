"""Figures of 5(c): the last target layer, two lenses by layer, and what is decoded from which layer."""

import json
from pathlib import Path

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

RESULTS = json.loads(Path(__file__).with_name("results.json").read_text())


def target_layers(canvas):
    """Median divergence of a Patchscope from the logit lens against the target layer, for states of the
    source layers 6, 14 and 22, patched in a prompt that asks to repeat a token. All three curves lie
    between 2 and 7 nats at the target layers 0 to 27, and fall to 0 at the target layer 30, the last."""
    figure, (axes,) = canvas.panels(1, height=2.9)
    sweep = RESULTS["sweep"]
    looks = (("6", canvas.blue, "-"), ("14", canvas.purple, "--"), ("22", canvas.orange, "-."))
    for source, colour, line in looks:
        axes.plot(sweep["targets"], sweep[source], line, color=colour, marker="o", label=f"$l$ = {source}")
    axes.plot(30, 0, "o", ms=9, mfc="none", mec=canvas.ink, clip_on=False)
    axes.annotate("logit lens", (30, 0), (-14, 12), textcoords="offset points", ha="right")
    axes.legend(loc="upper left", ncols=3)
    axes.set(
        xlabel=r"target layer $l^*$", ylabel="KL from the lens, nats", xlim=(-0.5, 30.5), ylim=(-0.3, 8.5)
    )
    return figure


def two_lenses(canvas):
    """Two panels against the layer from 0 to 30, for the logit lens and the token-identity Patchscope. First:
    how often the first choice is the model's own. The Patchscope rises earlier; both reach 1 at the last
    layer. Second: the surprisal of the first choice. From layer 2 to 12 that of the Patchscope is
    the higher, from 14 on the lower, and at layer 30 both are equal."""
    figure, panels = canvas.panels(2, height=2.9)
    found = RESULTS["lenses"]
    for axes, what, label in zip(
        panels, ("same", "surprisal"), ("share of equal first choices", "surprisal, nats")
    ):
        for name, colour, line in (("lens", canvas.red, "--"), ("identity", canvas.blue, "-")):
            axes.plot(found["layers"], [fit[what] for fit in found[name]], line, color=colour)
        axes.set(xlabel="layer $l$", ylabel=label, ylim=(0, None), xlim=(0, 30))
    left = panels[0]
    left.text(20.5, 0.56, "token\nidentity", color=canvas.blue, ha="right", linespacing=1)
    left.text(23, 0.12, "logit lens", color=canvas.red)
    return figure


def what_a_sentence_decodes(canvas):
    """First panel: a map of accuracies of “The capital of x is”, source layer upwards, target layer to the
    right, each from 0 to 28 or 30. A band of high accuracy spans the source layers up to about 20 and the
    first target layers; the corner of source and target layer 0 is marked as the word itself. Second panel:
    accuracy of probes for continents at the layers 3, 12 and 21 against the number of labelled countries,
    rising from about 0.6 to 0.9, and a level line at 0.875: the prompt, without labels."""
    figure, (grid, curve) = canvas.panels(2, height=3.4)
    _map(canvas, figure, grid)
    _labels(canvas, curve)
    return figure


def _map(canvas, figure, axes):
    """Draw the accuracy for each pair of layers."""
    found = RESULTS["capitals"]
    shades = LinearSegmentedColormap.from_list("shades", [canvas.faint, canvas.blue])
    edges = [np.append(found[name], found[name][-1] + 2) - 1 for name in ("targets", "layers")]
    mesh = axes.pcolormesh(
        *edges, np.array(found["map"]), cmap=shades, vmin=0, vmax=1, edgecolors="face", linewidth=0.4
    )
    figure.colorbar(mesh, ax=axes, label="accuracy")
    arrow = {"arrowstyle": "-|>", "color": canvas.ink, "shrinkB": 0}
    axes.annotate("the word itself", (1.2, 0), (14.5, 5), va="center", arrowprops=arrow)
    axes.set(xlabel=r"target layer $l^*$", ylabel="source layer $l$", title="capitals")


def _labels(canvas, axes):
    """Draw the learning curves of the probes, and the Patchscopes without labels."""
    found = RESULTS["continents"]
    looks = (("3", canvas.green, ":"), ("12", canvas.purple, "--"), ("21", canvas.orange, "-."))
    for layer, colour, line in looks:
        axes.plot(found["shots"], [mean for mean, _ in found["probe"][layer]], line, marker="o", ms=4,
                  color=colour, label=f"probe, $l$ = {layer}")  # fmt: skip
    prompt = found["prompt"]
    place = found["layers"].index(12) * len(prompt["targets"]) + prompt["targets"].index(4)
    axes.axhline(prompt["open"][place], color=canvas.blue)
    axes.text(4, prompt["open"][place] + 0.015, "prompt, no labels", color=canvas.blue, va="bottom")
    axes.set(xscale="log", xlabel="labelled countries (log scale)", ylabel="accuracy", ylim=(0.4, 1))
    axes.set_xticks(found["shots"], [str(count) for count in found["shots"]])
    axes.minorticks_off()
    axes.set_title("continents")
    axes.legend(loc="lower right")
