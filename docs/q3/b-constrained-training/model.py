"""Mathematics of 3(b): a small network, its Fisher matrix, and the numbers of the experiment.

Inputs have the shape (input, feature), distributions (input, answer); a parameter vector is θ flat.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import rel_entr, softmax

NAMES = ("W1", "b1", "W2", "b2")


@dataclass(frozen=True)
class Network:
    """A network with one hidden layer, f(x) = softmax(W2 relu(W1 x + b1) + b2)."""

    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray

    @classmethod
    def random(cls, seed, sizes=(4, 6, 3)):
        """Return a network with normal weights; `sizes` are those of input, hidden layer and output."""
        rng, (m, n, k) = np.random.default_rng(seed), sizes
        return cls(rng.normal(size=(n, m)), rng.normal(size=n), rng.normal(size=(k, n)), rng.normal(size=k))

    @property
    def parameters(self):
        """The parameter vector θ."""
        return np.concatenate([getattr(self, name).ravel() for name in NAMES])

    def moved(self, step):
        """Return the network with the parameters θ + step."""
        cuts = np.cumsum([getattr(self, name).size for name in NAMES])[:-1]
        parts = np.split(self.parameters + step, cuts)
        return Network(*(part.reshape(getattr(self, name).shape) for part, name in zip(parts, NAMES)))

    def rescaled(self, factor):
        """Return the network whose first layer is `factor` times as large, its second as much smaller."""
        return replace(self, W1=factor * self.W1, b1=factor * self.b1, W2=self.W2 / factor)

    def __call__(self, x):
        """Return p(· | x) for each input."""
        hidden = np.maximum(x @ self.W1.T + self.b1, 0)
        return softmax(hidden @ self.W2.T + self.b2, axis=-1)


def divergence(p, q):
    """Return KL(p ‖ q) in nats, along the last axis."""
    return rel_entr(p, q).sum(axis=-1)


def slopes(network, x):
    """Return the gradients of log p(c | x) in θ; shape (input, answer, parameter)."""
    active = x @ network.W1.T + network.b1 > 0
    hidden = np.where(active, x @ network.W1.T + network.b1, 0)
    p, unit = network(x), np.eye(len(network.b2))
    at_logits = unit - p[:, None]  # of log p(c) in the logits
    at_hidden = at_logits @ network.W2 * active[:, None]
    parts = (
        at_hidden[..., None] * x[:, None, None],
        at_hidden,
        at_logits[..., None] * hidden[:, None, None],
        at_logits,
    )
    return np.concatenate([part.reshape(len(x), len(unit), -1) for part in parts], axis=-1)


def fisher(network, x):
    """Return the Fisher matrix, averaged over the inputs."""
    rows = slopes(network, x) * np.sqrt(network(x) / len(x))[..., None]
    return np.einsum("ica,icb->ab", rows, rows)


@cache
def seeds():
    """Return what was measured, one dict a seed."""
    return list(json.loads(Path(__file__).with_name("results.json").read_text())["seeds"].values())


def spread(name, metric, kind="runs"):
    """Return the values of the seeds for one way to edit."""
    return np.array([seed[kind][name][metric] for seed in seeds()])


def at_radius(name, radius, metric="kl"):
    """Return the values of the seeds for one direction in weight space at one length of step."""
    rows = [row for seed in seeds() for row in seed["ball"][name] if row["radius"] == radius]
    return np.array([row[metric] for row in rows])


def kept_at(kind, margins, level, metric):
    """Return for each seed what is kept where a series of margins reaches this share of paraphrases."""
    across, up = (np.array([spread(f"{kind} {margin}", name) for margin in margins])
                  for name in ("paraphrase", metric))  # fmt: skip
    return np.array([np.interp(level, x[::-1], y[::-1]) for x, y in zip(across.T, up.T)])
