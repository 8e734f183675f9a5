"""Mathematics of 5(b): the two circuits of a head, attention-only transformers, and how heads compose.

A sequence is a matrix with one row a position (row convention). Heads are dicts of matrices: `Q`, `K`, `V`
of shape (d, k) and `O` of shape (k, d). Positions enter queries and keys alone, as a table P of shape (n, d).
"""

import numpy as np
from scipy.special import softmax


def qk(head):
    """Return W_Q W_Kᵀ, the bilinear form of the scores; shape (d, d), rank at most k."""
    return head["Q"] @ head["K"].T


def ov(head):
    """Return W_V W_O, the map from what is read to what is written; shape (d, d), rank at most k."""
    return head["V"] @ head["O"]


def pattern(x, head, positions=0):
    """Return the attention pattern of a causal head over the rows of x; shape (query, key)."""
    scores = (x + positions) @ qk(head) @ (x + positions).T / np.sqrt(head["Q"].shape[1])
    return softmax(np.where(np.tri(len(x), dtype=bool), scores, -np.inf), axis=-1)


def streams(x, layers, positions=0):
    """Return the residual stream before each layer and after the last, and the patterns layer by layer."""
    found, patterns = [x], []
    for heads in layers:
        patterns.append([pattern(x, head, positions) for head in heads])
        x = x + sum(a @ x @ ov(head) for a, head in zip(patterns[-1], heads))
        found.append(x)
    return found, patterns


def composition(first, second):
    """Return the K-, Q- and V-composition of a head with a head of an earlier layer, each from 0 to 1.

    Source: Elhage and others 2021, in the row convention. `first` and `second` are heads.
    """
    early, form, late = ov(first), qk(second), ov(second)
    norm = np.linalg.norm
    products = {"K": (form, early.T), "Q": (early, form), "V": (early, late)}
    return {name: norm(a @ b) / norm(a) / norm(b) for name, (a, b) in products.items()}


def positivity(matrix):
    """Return the sum of the eigenvalues over the sum of their sizes: 1 if all are positive."""
    values = np.linalg.eigvals(matrix)
    return float(values.sum().real / np.abs(values).sum())
