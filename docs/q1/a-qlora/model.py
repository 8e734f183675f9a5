"""Mathematics of 1(a): the NF4 levels, how blocks of normal weights use them, and memory in bytes.

Weights are independent standard normals; a block of B weights is divided by its largest magnitude.
"""

import numpy as np
from scipy.special import ndtr, ndtri

DELTA = 0.9677083  # the offset of bitsandbytes
NODES, GAUSS = np.polynomial.legendre.leggauss(200)
GRID = np.linspace(-1, 1, 20001)
SHAPE = {"layers": 32, "d": 4096, "f": 11008, "vocabulary": 32000}  # LLaMA-7B


def levels(delta=DELTA):
    """Return the 16 levels of NF4 in ascending order: 7 negative ones, zero, 8 positive ones."""
    inside = delta - 0.5
    negative = -ndtri(0.5 + inside * np.arange(7, 0, -1) / 7)
    positive = ndtri(0.5 + inside * np.arange(9) / 8)
    return np.r_[negative, positive] / ndtri(delta)


NF4 = levels()
INT4 = np.arange(-7, 8) / 7  # 15 equally spaced levels with zero
UNIFORM = np.linspace(-1, 1, 16)  # 16 equally spaced levels, none of them zero


def edges(code):
    """Return the ends of the bins of a code, from −1 over the midpoints of its levels to 1."""
    return np.r_[-1, (code[1:] + code[:-1]) / 2, 1]


def quantise(weights, code, size=64):
    """Return the index of the nearest level for each weight, and the scale of each block of `size`."""
    blocks = weights.reshape(-1, size)
    scales = np.abs(blocks).max(axis=1)
    return np.searchsorted(edges(code)[1:-1], blocks / scales[:, None]), scales


def largest(size):
    """Return points and weights of a quadrature over the largest of `size` magnitudes."""
    points = 4.5 * (NODES + 1)  # from 0 to 9
    density = 2 * size * (2 * ndtr(points) - 1) ** (size - 1) * normal(points)
    return points, 4.5 * GAUSS * density


def normal(points):
    """Return the density of the standard normal distribution."""
    return np.exp(-(points**2) / 2) / np.sqrt(2 * np.pi)


def use(code, size=64):
    """Return the share of the weights that falls to each level of a code."""
    points, mass = largest(size - 1)
    inside = mass @ np.diff(ndtr(points[:, None] * edges(code)), axis=1)
    inside[[0, -1]] += 1 / (2 * size)  # the largest of its block lies on −1 or 1
    return inside


def entropy(shares):
    """Return the entropy of the codes in bits."""
    return -np.sum(shares * np.log2(shares))


def moments(ends, size=64):
    """Return the moments 0, 1 and 2 of the weights below the largest of their block, bin by bin.

    A bin lies between two ends, given as shares of the scale; the moment of order n is the mean of
    scale^(2 − n) weight^n over all weights, with 0 outside the bin; shape (3, bins).
    """
    points, mass = largest(size - 1)
    cuts = points[:, None] * ends
    zeroth, first = np.diff(ndtr(cuts), axis=1), -np.diff(normal(cuts), axis=1)
    second = zeroth - np.diff(cuts * normal(cuts), axis=1)
    return np.array([mass * points**2 @ zeroth, mass * points @ first, mass @ second])


def error(code, size=64, ends=None):
    """Return the mean squared error of the weights after quantising, over their variance.

    The code has levels at −1 and 1, so the largest weight of a block has none. Bins that do not end at
    the midpoints of the levels are given by their ends.
    """
    zeroth, first, second = moments(edges(code) if ends is None else ends, size)
    return (second - 2 * code * first + code**2 * zeroth).sum()


def decibels(share):
    """Return a noise share as a ratio of signal to noise in decibels."""
    return -10 * np.log10(share)


def equal_bins(size=64):
    """Return the ends of 16 bins that are used equally, and the levels of least squared error for them.

    The largest weights, which lie on −1 or 1, are left out of the error.
    """
    points, mass = largest(size - 1)
    law = 1 / (2 * size) + mass @ (ndtr(points[:, None] * GRID) - ndtr(-points[:, None]))
    ends = np.r_[-1, np.interp(np.arange(1, 16) / 16, law, GRID), 1]
    zeroth, first, _ = moments(ends, size)
    return ends, first / zeroth


def lloyd(size=64, steps=400):
    """Return a code optimised for the squared error by Lloyd's iteration, with −1, 0 and 1 held fixed."""
    code = NF4.copy()
    free = ~np.isin(code, (-1, 0, 1))
    for _ in range(steps):
        zeroth, first, _ = moments(edges(code), size)
        code[free] = (first / zeroth)[free]
    return code


ITEMS = (
    "linear layers of the blocks", "embeddings, output layer, norms",
    "adapters", "gradients", "Adam's moments",
)  # fmt: skip


def memory(whole, linear, adapters, bits):
    """Return the bytes of each of `ITEMS` under full tuning, LoRA and QLoRA; shape (item, method).

    There are `whole` parameters, `linear` of them in the linear layers of the blocks, which QLoRA stores
    in `bits` each; all other parameters and the gradients take 16 bits, the moments two times 32.
    """
    trained = np.array([whole, adapters, adapters])
    base = [2 * linear, 2 * linear, bits * linear / 8]
    return np.array(
        [base, [2 * (whole - linear)] * 3, 2 * np.array([0, adapters, adapters]), 2 * trained, 8 * trained]
    )


def counts(rank):
    """Return the parameters of LLaMA-7B, of the linear layers of its blocks, and of adapters at all those."""
    layers, d, f, vocabulary = SHAPE.values()
    linear = layers * (4 * d * d + 3 * d * f)
    return linear + (2 * vocabulary + 2 * layers + 1) * d, linear, layers * rank * (8 * d + 3 * (d + f))
