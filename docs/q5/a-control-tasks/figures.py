"""Figures of 5(a): selectivity by the size of the probe, by layer and by the amount of training data."""

import numpy as np

from .results import ceiling, measured, selectivity

NAMES = {"tag": "tags", "control": "control labels"}


def selectivity_by_probe_size(canvas):
    """Two panels of accuracy against the size of the probe: linear, then 4 to 1,024 hidden units. Trained
    network: the tags stay between 0.81 and 0.84; the control labels rise from 0.57 for the linear probe
    and 0.50 for 4 units to 0.95; selectivity falls from plus 0.26 and 0.31 to minus 0.11. Untrained
    network: the tags rise from 0.53 and 0.48 to 0.80, the control labels from 0.62 and 0.57 to 0.96,
    above the tags throughout; selectivity lies between minus 0.09 and minus 0.16. Grey lines at 0.93 and
    0.88."""
    figure, panels = canvas.panels(2, height=3.2)
    for axes, network in zip(panels, ("trained", "untrained")):
        lines = {task: _line(canvas, axes, network, task) for task in NAMES}
        tag, control = lines.values()
        axes.fill_between(range(6), tag, control, where=tag >= control, interpolate=True,
                          color=canvas.green, alpha=0.18, lw=0)  # fmt: skip
        axes.fill_between(range(6), tag, control, where=tag <= control, interpolate=True,
                          color=canvas.red, alpha=0.18, lw=0)  # fmt: skip
        for name, line in (("prefix", "--"), ("word", ":")):
            axes.axhline(ceiling(name).mean(), color=canvas.muted, lw=1, ls=line)
        for place, gap in enumerate(tag - control):
            axes.text(place, 0.36, f"{gap:+.2f}".replace("-", "−"), ha="center",
                      color=canvas.green if gap > 0 else canvas.red)  # fmt: skip
        axes.set(title=f"{network} network", xlabel="hidden units of the probe", ylabel="accuracy")
        axes.set(ylim=(0.33, 1.02), xlim=(-0.5, 5.5))
        places = ((4.5, 0.73), (3.2, 0.57)) if network == "trained" else ((3.6, 0.65), (0.6, 0.82))
        for (task, name), place in zip(NAMES.items(), places):
            axes.text(*place, name, ha="center", color=canvas.blue if task == "tag" else canvas.orange)
        axes.set_xticks(range(6), ["linear", "4", "16", "64", "256", "1,024"])
    return figure


def other_ways_to_be_selective(canvas):
    """Two panels of selectivity. First panel, a probe with 256 hidden units against its training tokens,
    512 to 8,192: on the trained network it falls from plus 0.20 to minus 0.08, on the untrained network
    from minus 0.09 to minus 0.16. Second panel, a linear probe against the layer: on the trained network
    it rises from plus 0.11 at the embedding over 0.19 to 0.26 at layer 2; on the untrained network it
    stays near minus 0.09."""
    figure, (data, layers) = canvas.panels(2, height=2.9)
    for network, line, colour in (("trained", "-o", canvas.blue), ("untrained", "--s", canvas.purple)):
        gaps = {kind: selectivity(network, kind) for kind in ("amount", "layer", "size")}
        amount = np.column_stack([gaps["amount"], gaps["size"][:, 4]])  # 256 units, all tokens
        layer = np.column_stack([gaps["layer"], gaps["size"][:, 0]])  # linear, last layer
        for axes, gap in ((data, amount), (layers, layer)):
            axes.plot(gap.mean(axis=0), line, ms=4, color=colour)
            axes.fill_between(
                range(gap.shape[1]), gap.min(axis=0), gap.max(axis=0), color=colour, alpha=0.2, lw=0
            )
            axes.axhline(0, color=canvas.ink, lw=0.8)
            axes.set(ylabel="selectivity", ylim=(-0.25, 0.42))
        layers.text(1, 0.29 if network == "trained" else -0.2, network, color=colour, ha="center")
    data.set(title="256 hidden units", xlabel="training tokens (log scale)", xlim=(-0.2, 4.2))
    data.set_xticks(range(5), ["512", "1,024", "2,048", "4,096", "8,192"])
    layers.set(title="linear probe", xlabel="layer", xlim=(-0.15, 2.15))
    layers.set_xticks(range(3), ["0", "1", "2"])
    return figure


def _line(canvas, axes, network, task):
    """Draw mean and range of one task over the sizes, with its name; return the mean."""
    colour = canvas.blue if task == "tag" else canvas.orange
    found = measured(network, task)
    axes.plot(found.mean(axis=0), "-o" if task == "tag" else "--s", ms=4, color=colour)
    axes.fill_between(range(6), found.min(axis=0), found.max(axis=0), color=colour, alpha=0.22, lw=0)
    return found.mean(axis=0)
