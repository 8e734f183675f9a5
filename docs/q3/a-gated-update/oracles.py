"""Second routes of 3(a): a layer whose loss is differentiated by differences, PyTorch, and transformers."""

from types import SimpleNamespace

import numpy as np
import sympy as sp

STEP = 1e-6


def sample(seed, n, m):
    """Return random vectors, a gate and a gradient for a matrix of n rows and m columns."""
    rng = np.random.default_rng(seed)
    alpha, beta = rng.normal(0, 2, (2, n))
    gamma, delta = rng.normal(0, 2, (2, m))
    return SimpleNamespace(
        alpha=alpha, beta=beta, gamma=gamma, delta=delta, eta=rng.normal(), G=rng.normal(size=(n, m))
    )


def outer(rows, columns):
    """Return the outer product of a softmax and a vector, row by row."""
    powers = [np.exp(r - max(rows)) for r in rows]
    return np.array([[power / sum(powers) * c for c in columns] for power in powers])


def slopes(function, point):
    """Return the central differences of a function of an array, in the shape of the array."""
    found = np.empty_like(point)
    for place in np.ndindex(*point.shape):
        move = np.zeros_like(point)
        move[place] = STEP
        found[place] = (function(point + move) - function(point - move)) / (2 * STEP)
    return found


def head(n, seed):
    """Return a random matrix from n outputs of a layer to the logits of three classes."""
    return np.random.default_rng(seed).normal(size=(3, n))


def reader(n, seed):
    """Return a loss of the outputs z of a layer, shape (position, n): −log p of class 0 behind a tanh."""
    matrix = head(n, seed)

    def loss(z):
        logits = matrix @ np.tanh(z).mean(axis=0)
        return np.log(np.exp(logits).sum()) - logits[0]

    return loss


def low_rank(rng, n, m_, rank):
    """Return a random integer matrix of the rank given, exactly, in SymPy."""
    while True:
        found = sp.Matrix(
            n, m_, list((rng.integers(-3, 4, (n, rank)) @ rng.integers(-3, 4, (rank, m_))).flat)
        )
        if found.rank() == rank:
            return found


def exactly(rng, G, gamma):
    """Return a masked gradient and an update with rational numbers: row weights above 0, the gate 1/3."""
    rows, bias_rows = (sp.Matrix(rng.integers(1, 9, G.rows)) / 7 for _ in range(2))
    masked = sp.matrix_multiply_elementwise(rows * gamma.T, G)
    return masked, (masked + bias_rows * sp.Matrix(rng.choice([-2, 1, 3], G.cols)).T) / 3


def released(numbers, G):
    """Return the update that the operations of the released code make of its numbers and a gradient.

    `numbers` are in the order of the code, in one row: γ, α, δ, β, η, of lengths m, n, m, n and 1.
    """
    n, m = G.shape
    gamma, alpha, delta, beta, eta = numbers.split([m, n, m, n, 1], dim=-1)
    mask = alpha.softmax(-1).T @ gamma
    bias = beta.softmax(-1).T @ delta
    return eta.sigmoid().squeeze() * (G * mask.squeeze() + bias.squeeze())


def bert(**settings):
    """Return a BERT classifier of transformers with two labels, random and small unless told otherwise."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    small = {"vocab_size": 40, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
             "intermediate_size": 36, "max_position_embeddings": 16, "initializer_range": 0.4}  # fmt: skip
    torch.manual_seed(0)
    return BertForSequenceClassification(BertConfig(**small | settings)).eval().double()


EXCLUDED = ("bias", "norm", "embeddings", "classifier", "pooler", "shared", "embed", "positions")


def edited(network):
    """Return the matrices that the released code edits, by name."""
    named = network.named_parameters()
    return {name: p for name, p in named if all(word not in name.lower() for word in EXCLUDED)}


def traced(network, tokens, label):
    """Return for each edited matrix its gradient, and the inputs of its layer and gradients of its outputs.

    The loss is −log p(label); inputs have the shape (position, m), gradients (position, n).
    """
    import torch

    inputs, outputs, hooks = {}, {}, []
    for name, layer in network.named_modules():
        if f"{name}.weight" in edited(network):

            def keep(_, given, result, name=name):
                result.retain_grad()
                inputs[name], outputs[name] = given[0], result

            hooks.append(layer.register_forward_hook(keep))
    logits = network(torch.tensor([tokens])).logits[0]
    (-logits.log_softmax(-1)[label]).backward()
    for hook in hooks:
        hook.remove()
    return {
        name: (
            network.get_parameter(f"{name}.weight").grad.numpy(),
            inputs[name].detach().reshape(-1, inputs[name].shape[-1]).numpy(),
            outputs[name].grad.reshape(-1, outputs[name].shape[-1]).numpy(),
        )
        for name in inputs
    }
