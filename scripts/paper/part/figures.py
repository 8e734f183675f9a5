"""Figures of <<number>>: sums of odd numbers."""

import numpy as np

from .model import partial_sums


def sum_of_odd_numbers(canvas):
    """Points for the sums of the first one to eight odd numbers; all lie on the parabola n squared."""
    figure, (axes,) = canvas.panels(1, height=2.6)
    n = np.linspace(1, 8)
    axes.plot(n, canvas.equation("eq-<<prefix>>-odd-sum", each="n")(n=n), color=canvas.muted, linestyle="--")
    axes.plot(range(1, 9), partial_sums(8), "o", color=canvas.blue)
    axes.text(5.1, 36, "$n^2$", color=canvas.ink, ha="right")
    axes.set(xlabel="number of terms $n$", ylabel="sum")
    return figure
