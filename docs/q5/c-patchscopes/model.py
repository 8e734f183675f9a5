"""Patchscopes of 5(c), on SmolLM2 or on a small random model of its architecture."""

import numpy as np

from ..smollm import Model


def patched(model, target, position, layer, states, read=-1):
    """Return the logits at the place `read` of a target prompt in which states are patched.

    Each of `states` (count, width) stands in its own copy of the pass at `position` and `layer`, in place of
    the state that the target (a list of tokens) has there. Shape of the result: (count, vocabulary).
    """
    before = model.run(model.embed([target]), stop=layer)
    run = np.repeat(before, len(states), axis=0)
    run[:, position] = states
    return model.read(model.run(run, start=layer)[:, read])


def random_model(seed=0, layers=4, vocabulary=40, inner=64, width=576):
    """Return a random model of the architecture of SmolLM2 in double precision, with few layers and words."""
    rng = np.random.default_rng(seed)
    shapes = {
        "attn_q": (width, width), "attn_k": (width // 3, width), "attn_v": (width // 3, width),
        "attn_output": (width, width), "ffn_gate": (inner, width), "ffn_up": (inner, width),
        "ffn_down": (width, inner), "attn_norm": (width,), "ffn_norm": (width,),
    }  # fmt: skip
    weights = {
        f"blk.{layer}.{name}.weight": random_weight(rng, shape)
        for layer in range(layers) for name, shape in shapes.items()
    }  # fmt: skip
    ends = {"token_embd.weight": rng.normal(size=(vocabulary, width)) / 12,
            "output_norm.weight": random_weight(rng, (width,))}  # fmt: skip
    return Model(weights | ends, None, "", layers)


def random_weight(rng, shape):
    """Return a random matrix that keeps the size of what it multiplies, or a gain around 1."""
    return rng.normal(size=shape) / np.sqrt(shape[1]) if len(shape) == 2 else rng.uniform(0.5, 1.5, shape)
