"""Mathematics of 1(c): attention with a prefix, parameter counts, and a small Transformer that takes both.

Positions are rows: inputs have the shape (positions, width), keys and values (positions, head width).
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import softmax

MEDIUM = {"N": 24, "d": 1024, "p": 10, "m": 512}  # GPT-2 medium, a prefix of 10, the MLP of the released code


def scores(query, keys):
    """Return the scaled products of one query with the keys."""
    return keys @ query / np.sqrt(query.size)


def share(u, z):
    """Return λ, the share of the attention that goes to a prefix with the scores `u` over tokens with `z`."""
    top = max(np.max(u), np.max(z))
    prefix, tokens = np.exp(u - top).sum(), np.exp(z - top).sum()
    return prefix / (prefix + tokens)


@dataclass
class Run:
    """What a run of the Transformer computes: by layer its states, and keys, values and weights."""

    states: list = field(default_factory=list)
    keys: list = field(default_factory=list)
    values: list = field(default_factory=list)
    weights: list = field(default_factory=list)


class Transformer:
    """A random Transformer with one head a layer, learned positions and a tanh network; width d."""

    def __init__(self, seed, layers=3, width=8, positions=24):
        rng = np.random.default_rng(seed)
        scale = 1.2 / np.sqrt(width)
        self.layers = rng.normal(0, scale, (layers, 6, width, width))
        self.positions = rng.normal(0, 0.5, (positions, width))

    def __call__(self, inputs, prefix=(), causal=True):
        """Run on embedded inputs, with a prefix of (keys, values) for each layer before them.

        The positions of the inputs follow those of the prefix in the first layer.
        """
        before = len(prefix[0][0]) if prefix else 0
        count, width = inputs.shape
        x, run = inputs + self.positions[before : before + count], Run()
        for i, (wq, wk, wv, wo, w1, w2) in enumerate(self.layers):
            h = normalised(x)
            k, v = h @ wk, h @ wv
            if prefix:
                k, v = np.vstack([prefix[i][0], k]), np.vstack([prefix[i][1], v])
            hidden = np.triu(np.ones((count, len(k)), bool), len(k) - count + 1) & causal
            a = softmax(np.where(hidden, -np.inf, h @ wq @ k.T / np.sqrt(width)), axis=-1)
            x = x + a @ v @ wo
            x = x + np.tanh(normalised(x) @ w1) @ w2
            for kept, value in ((run.states, x), (run.keys, k), (run.values, v), (run.weights, a)):
                kept.append(value)
        return run

    def prefix_of(self, prompt, tokens, causal=True):
        """Return the keys and values at the positions of a prompt before some tokens, by layer."""
        run = self(np.vstack([prompt, tokens]), causal=causal)
        return [(k[: len(prompt)], v[: len(prompt)]) for k, v in zip(run.keys, run.values)]


def normalised(x):
    """Return rows with mean square 1, as RMS normalisation gives them."""
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True))
