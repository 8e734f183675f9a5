"""Figures of 1(a): the levels of NF4 and their use, memory by item, and a tiny model tuned to code."""

import json
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from . import model as m

RESULTS = json.loads(Path(__file__).with_name("results.json").read_text())["seeds"]


def levels_and_use(canvas):
    """First panel: the density of scaled weights, a bell that has nearly vanished at −1 and 1. Above it
    ticks mark the 16 NF4 levels, close together near zero and sparse outside; below it the 15 levels of
    Int4 are equally spaced. Second panel: the share of the weights for each of the 16 codes. For blocks of
    64 the bars rise from 2 percent at the ends to 9 percent in the middle; for blocks of 16 the profile is
    flatter, for blocks of 4,096 it is steeper and reaches 13 percent."""
    figure, (bell, bars) = canvas.panels(2, height=3.0)
    _bell(canvas, bell)
    _use(canvas, bars)
    return figure


def _bell(canvas, axes):
    """Draw the density of the weights that are not the largest of their block, and two sets of levels."""
    x = np.linspace(-1, 1, 401)
    points, mass = m.largest(63)
    density = (mass * points) @ m.normal(points[:, None] * x)
    axes.fill_between(x, density, color=canvas.faint)
    axes.plot(x, density, color=canvas.muted, lw=1.4)
    levels = canvas.equation("eq-1a-levels", each="i")
    nf4 = levels(i=np.arange(-7, 9), Q=ndtri, delta=m.DELTA)
    for code, low, name, colour in (
        (nf4, 1.13, "NF4", canvas.blue),
        (m.INT4, -0.24, "Int4", canvas.orange),
    ):
        axes.vlines(code, low, low + 0.14, color=colour, lw=1.6)
        axes.text(-1.06, low + 0.07, name, color=colour, ha="right", va="center")
    axes.axhline(0, color=canvas.muted, lw=0.8)
    axes.set(xlim=(-1.4, 1.08), ylim=(-0.32, 1.4), xlabel="scaled weight $w/c$", yticks=[])
    axes.set(title="density and levels", xticks=[-1, -0.5, 0, 0.5, 1])


def _use(canvas, axes):
    """Draw the share of each code for blocks of 64 as bars, and for 16 and 4,096 as lines."""
    codes = np.arange(-7, 9)
    axes.bar(codes, 100 * m.use(m.NF4), 0.8, color=canvas.blue, alpha=0.55)
    looks = ((16, canvas.purple, "-", (-7.6, 7.5)), (4096, canvas.red, "--", (1.0, 12.9)))
    for size, colour, line, place in looks:
        axes.plot(codes, 100 * m.use(m.NF4, size), line, marker="o", ms=3, color=colour, lw=1.4)
        axes.text(*place, f"$B$ = {size:,}", color=colour, va="center")
    axes.axhline(100 / 16, color=canvas.muted, ls=":", lw=1.2)
    axes.set(ylim=(0, 14.4), xlabel="code $i$", ylabel="share of the weights (%)")
    axes.set(title="use (bars: $B$ = 64)", xticks=[-7, -4, 0, 4, 8])


def memory_by_item(canvas):
    """Stacked horizontal bars of memory in GB. First panel: full fine-tuning takes 80.9 GB, of which Adam's
    moments are two thirds; LoRA takes 15.4 GB, nearly all of it 16-bit weights; QLoRA 5.8 GB. Second panel:
    LoRA and QLoRA enlarged. Only the linear layers differ: 12.95 GB against 3.34 GB."""
    figure, (all_, two) = canvas.panels(2, height=2.2 if not canvas.narrow else 2.4, widths=[1, 1])
    whole, linear, adapters = m.counts(64)
    items = m.memory(whole, linear, adapters, 4 + 8 / 64 + 32 / 64 / 256) / 1e9
    for axes, columns in ((all_, (0, 1, 2)), (two, (1, 2))):
        _stack(canvas, axes, items[:, columns], [("full", "LoRA", "QLoRA")[k] for k in columns])
    all_.set(title="all three", xlim=(0, 96))
    two.set(title="enlarged", xlim=(0, 18.5))
    names = ("linear layers", "embeddings, output", "adapters", "gradients", "moments")
    handles = all_.containers[: len(names)]
    figure.legend(handles, names, loc="outside lower center", ncols=2 if canvas.narrow else 5, frameon=False,
                  handlelength=1, columnspacing=1.2)  # fmt: skip
    return figure


def _stack(canvas, axes, items, names):
    """Draw one stacked bar for each column of the items, with its sum."""
    colours = (canvas.blue, canvas.muted, canvas.green, canvas.orange, canvas.red)
    start, places = np.zeros(len(names)), np.arange(len(names))[::-1]
    for row, colour in zip(items, colours, strict=True):
        axes.barh(places, row, 0.62, left=start, color=colour)
        start = start + row
    for place, total in zip(places, start):
        axes.text(total + 0.012 * items.sum(0).max(), place, f"{total:.1f}", va="center")
    axes.set_yticks(places, names)
    axes.set(xlabel="GB", ylim=(-0.6, len(names) - 0.4))


STAGES = (  # key, label, colour
    ("base", "before, 16 bits", "muted"), ("stored", "before, NF4", "muted"), ("full", "full", "orange"),
    ("lora all", "LoRA, all", "purple"), ("qlora all", "QLoRA, all", "blue"),
    ("lora query-value", "LoRA, q, v", "purple"), ("qlora query-value", "QLoRA, q, v", "blue"),
)  # fmt: skip


def tuned_to_code(canvas):
    """Horizontal bars of the loss on unseen code, in bits per character, with a dot for each of three
    seeds. Before tuning it is 2.5 with the base in 16 bits and in NF4. Full fine-tuning ends lowest, at
    1.36. LoRA and QLoRA at all linear layers both end at 1.46; LoRA and QLoRA at query and value
    projections both end at 1.60."""
    figure, (axes,) = canvas.panels(1, height=2.9)
    for place, (key, name, colour) in enumerate(STAGES[::-1]):
        losses = [run["bits"][key] for run in RESULTS.values()]
        axes.barh(place, np.mean(losses), 0.6, color=getattr(canvas, colour), alpha=0.45)
        axes.plot(losses, [place] * len(losses), "o", ms=4, color=getattr(canvas, colour))
        axes.text(
            max(losses) + (0.12 if canvas.narrow else 0.05), place, f"{np.mean(losses):.2f}", va="center"
        )
    axes.set_yticks(range(len(STAGES)), [name for _, name, _ in STAGES[::-1]])
    axes.set(xlabel="bits per character on unseen code", xlim=(0, 3.6))
    return figure
