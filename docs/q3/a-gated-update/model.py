"""Mathematics of 3(a): the gated update of one matrix, and the sizes of an editor.

A matrix W has the shape (n, m), one row for each output of its layer; α and β have the length n, γ and δ m.
"""

import json
from pathlib import Path

import numpy as np

EXPERIMENT = Path(__file__).parents[1] / "b-constrained-training"  # the folder of the editor
MEASURED = ("success", "paraphrase", "retained", "near", "kl")  # shares of edits or answers, and nats
BERT = {  # the edited matrices of a layer of BERT, of the base size: name → (n, m), how many
    "query, key, value, output": ((768, 768), 4),
    "MLP, first": ((3072, 768), 1),
    "MLP, second": ((768, 3072), 1),
}
LAYERS, CONDITION, HIDDEN = 12, 1024, 128  # layers of BERT; length of h, hidden units behind it


def softmax(values):
    """Return the softmax of a vector."""
    powers = np.exp(values - np.max(values))
    return powers / powers.sum()


def sigmoid(value):
    """Return 1 / (1 + e^−value)."""
    return 1 / (1 + np.exp(-value))


def update(alpha, beta, gamma, delta, eta, G):
    """Return the change of a matrix, entry by entry; its shape is that of the gradient G."""
    rows, bias_rows = softmax(alpha), softmax(beta)
    change = np.empty_like(G)
    for i, j in np.ndindex(*G.shape):
        change[i, j] = sigmoid(eta) * (rows[i] * gamma[j] * G[i, j] + bias_rows[i] * delta[j])
    return change


def outputs(n, m):
    """Return how many numbers describe an update: α and β, γ and δ, η."""
    return sum(map(len, (range(n), range(n), range(m), range(m)))) + 1


def results():
    """Return what the experiment measured: seed → runs, fine-tuning, and for seed 0 one edit."""
    return json.loads((EXPERIMENT / "results.json").read_text())


def anatomy():
    """Return the edit that was taken apart, and for each matrix the parts of its update."""
    found, matrices = results()["seeds"]["0"]["anatomy"], []
    for saved in found["matrices"]:
        one = {name: np.array(value) for name, value in saved.items()}
        one["G"] = np.outer(one["left"], one["right"])
        one["mask"] = np.outer(one["alpha"], one["gamma"])  # both softmaxes are saved, not α and β
        one["bias"] = np.outer(one["beta"], one["delta"])
        one["update"] = sum(gated(one))
        matrices.append(one)
    return found["edit"], matrices


def gated(one):
    """Return the two parts of an update: the gated masked gradient and the gated bias."""
    return one["gate"] * one["mask"] * one["G"], one["gate"] * one["bias"]
