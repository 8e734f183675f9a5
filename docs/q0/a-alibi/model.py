"""Mathematics of 0(a): ALiBi's slopes, its bias, and the window that the bias puts on attention.

Positions count from 1; a head's matrices have the shape (query, key).
"""

import numpy as np


def slopes(heads):
    """Return the slopes of the released code for any number of heads, in the order of the code.

    Source: `get_slopes` in ofirpress/attention_with_linear_biases, fairseq/models/transformer.py.
    """
    power = 2 ** (heads.bit_length() - 1)  # the largest power of two that is not above `heads`
    first, second = (0.5 ** (8 * np.arange(1, n + 1) / n) for n in (power, 2 * power))
    return np.append(first, second[::2][: heads - power])


def causal(scores):
    """Return scores with −∞ where the key comes after the query."""
    return np.where(np.tri(scores.shape[-1], dtype=bool), scores, -np.inf)


def distance(length):
    """Return i − j; shape (query, key)."""
    position = np.arange(1, length + 1)
    return position[:, None] - position


def look_back(slope):
    """Return the mean distance of the keys attended to, for equal contents and a long input."""
    return 1 / np.expm1(slope)
