"""Checks of <<number>>: sums of odd numbers."""

import numpy as np

from .model import partial_sums


def test_sum_of_odd_numbers(evidence):
    """The first $n$ odd numbers add up to $n^2$."""
    n = np.arange(1, 201)
    evidence.equation("eq-<<prefix>>-odd-sum", 0, "the printed equation, n = 1 to 200", each="n", n=n)
    evidence.close(partial_sums(200), n**2, tolerance=0, route="term-by-term sums, n = 1 to 200, against n²")
