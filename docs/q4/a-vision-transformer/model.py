"""Mathematics of 4(a): patches, the input of a Vision Transformer, and a small random encoder.

Tokens are rows: a sequence has the shape (tokens, width), an image (height, width, channels).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import erf, softmax


def patches(x, size):
    """Return the flattened patches of an image, row by row; shape (N, P²C).

    Raises ValueError if the patch size does not divide height and width.
    """
    height, width, channels = x.shape
    if height % size or width % size:
        raise ValueError(f"patches of {size} do not tile an image of {height} by {width}")
    grid = x.reshape(height // size, size, width // size, size, channels)
    return grid.swapaxes(1, 2).reshape(-1, size * size * channels)


def sequence(x_p, E, x_class, E_pos):
    """Return z_0: the class token and the projected patches, with the position embeddings added."""
    return np.vstack([x_class, x_p @ E]) + E_pos


def layer_norm(z):
    """Return rows with mean 0 and variance 1."""
    return (z - z.mean(axis=-1, keepdims=True)) / z.std(axis=-1, keepdims=True)


def gelu(x):
    """Return x times the standard normal distribution function at x."""
    return x * (1 + erf(x / np.sqrt(2))) / 2


@dataclass
class Encoder:
    """A Transformer encoder without biases: self-attention with heads and no mask, then an MLP.

    `projections` are those of queries, keys, values and output (layers, 4, D, D); `up` and `down` are the
    matrices of the MLP, both (layers, D, width of the MLP).
    """

    projections: np.ndarray
    up: np.ndarray
    down: np.ndarray
    heads: int

    @classmethod
    def random(cls, seed, layers=2, width=8, heads=2):
        """Return an encoder with random matrices and an MLP of width 4D."""
        rng, scale = np.random.default_rng(seed), 1 / np.sqrt(width)
        up, down = rng.normal(0, scale, (2, layers, width, 4 * width))
        return cls(rng.normal(0, scale, (layers, 4, width, width)), up, down, heads)

    def attention(self, z, layer):
        """Return multi-head self-attention of rows."""
        q, k, v = (self.split(z @ matrix) for matrix in self.projections[layer, :3])
        weights = softmax(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1]), axis=-1)
        return np.hstack(weights @ v) @ self.projections[layer, 3]

    def split(self, z):
        """Return the heads of rows; shape (heads, tokens, width of a head)."""
        return np.stack(np.split(z, self.heads, axis=1))

    def mlp(self, z, layer):
        """Return two linear maps with a GELU between them, for each row by itself."""
        return gelu(z @ self.up[layer]) @ self.down[layer].T

    def __call__(self, z):
        """Return the states z_0, …, z_L, and the residual stream between the blocks of each layer."""
        states, between = [z], []
        for layer in range(len(self.up)):
            between.append(states[-1] + self.attention(layer_norm(states[-1]), layer))
            states.append(between[-1] + self.mlp(layer_norm(between[-1]), layer))
        return states, between

    def output(self, z):
        """Return the normalised states after the last layer; shape (tokens, width)."""
        return layer_norm(self(z)[0][-1])
