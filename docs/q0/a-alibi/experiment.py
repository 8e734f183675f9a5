"""Experiment of 0(a): small language models trained on 64 characters and tested on longer texts.

Run from this folder: `python experiment.py` (about ten minutes on one core); it writes results.json.
"""

import hashlib
import json
import math
import platform
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.nn import GELU, Embedding, LayerNorm, Linear, Module, ModuleList, Sequential
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

METHODS = ("sinusoidal", "rotary", "alibi", "none")
LENGTHS = (64, 128, 256, 512)
FULL = SimpleNamespace(length=64, steps=600, batch=32, width=64, heads=8, layers=2, targets=300)


def text():
    """Return the help texts that ship with Python, as one string of English prose and code."""
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics)).encode("ascii", "replace").decode()


def corpus():
    """Return training and validation characters (the last tenth) as integers, and the alphabet's size."""
    letters = text()
    alphabet = sorted(set(letters))
    numbers = torch.tensor([alphabet.index(letter) for letter in letters])
    cut = len(numbers) * 9 // 10
    return numbers[:cut], numbers[cut:], len(alphabet)


def waves(length, width):
    """Return the angles position / 10000^(2k/width); shape (length, width/2)."""
    return torch.arange(length)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)


def rotate(vectors):
    """Rotate each pair of coordinates of queries or keys (…, length, width) by its position's angle."""
    angles = waves(*vectors.shape[-2:])
    x, y = vectors[..., ::2], vectors[..., 1::2]
    turned = (x * angles.cos() - y * angles.sin(), x * angles.sin() + y * angles.cos())
    return torch.stack(turned, -1).flatten(-2)


def mask(length, heads, method):
    """Return what is added to the scores: −∞ for the future and, with ALiBi, −m(i − j)."""
    distance = torch.arange(length)[:, None] - torch.arange(length)
    slopes = 2.0 ** (-8 * torch.arange(1, heads + 1) / heads) if method == "alibi" else torch.zeros(heads)
    return (-slopes[:, None, None] * distance).masked_fill(distance < 0, -math.inf)


class Block(Module):
    """One layer: causal attention, then a feed-forward network, each on a normalised residual stream."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.norms = heads, ModuleList([LayerNorm(width), LayerNorm(width)])
        self.project, self.out = Linear(width, 3 * width), Linear(width, width)
        self.feed = Sequential(Linear(width, 4 * width), GELU(), Linear(4 * width, width))

    def forward(self, x, bias, method):
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.project(self.norms[0](x)).chunk(3, -1)
        )
        if method == "rotary":
            q, k = rotate(q), rotate(k)
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=bias)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.feed(self.norms[1](x))


class Model(Module):
    """A causal character model whose only difference between methods is where position enters."""

    def __init__(self, method, letters, setting):
        super().__init__()
        self.method, self.setting = method, setting
        self.embed = Embedding(letters, setting.width)
        self.layers = ModuleList(Block(setting.width, setting.heads) for _ in range(setting.layers))
        self.norm, self.read = LayerNorm(setting.width), Linear(setting.width, letters)

    def forward(self, tokens):
        x, length = self.embed(tokens), tokens.shape[1]
        if self.method == "sinusoidal":
            angles = waves(length, self.setting.width)
            x = x + torch.stack((angles.sin(), angles.cos()), -1).flatten(-2)
        bias = mask(length, self.setting.heads, self.method)
        for layer in self.layers:
            x = layer(x, bias, self.method)
        return self.read(self.norm(x))


def train(method, seed, train_set, letters, setting):
    """Return a model trained by AdamW on random windows of the training length; the order is the seed's."""
    torch.manual_seed(seed)
    model = Model(method, letters, setting)
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, setting.steps)
    draw, window = torch.Generator().manual_seed(seed), torch.arange(setting.length + 1)
    for _ in range(setting.steps):
        starts = torch.randint(len(train_set) - setting.length, (setting.batch,), generator=draw)
        rows = train_set[starts[:, None] + window]
        loss = cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def losses(model, rows):
    """Return the loss of every prediction, in bits per character; shape (rows, length)."""
    found = [
        cross_entropy(model(part[:, :-1]).transpose(1, 2), part[:, 1:], reduction="none")
        for part in rows.split(max(1, 8192 // rows.shape[1]))
    ]
    return torch.cat(found) / math.log(2)


def evaluate(model, valid, lengths, targets):
    """Return for each length the mean loss in separate chunks, and at the ends of sliding windows.

    The chunks cover the whole validation text; the windows end at `targets` characters spread evenly over
    it, the same for all lengths, and score only those.
    """
    longest, result = max(lengths), {}
    ends = torch.linspace(longest, len(valid) - 1, targets).long()
    for length in lengths:
        body = valid[: (len(valid) - 1) // longest * longest + 1]
        chunks = torch.stack([body[i : i + length + 1] for i in range(0, len(body) - 1, length)])
        windows = valid[ends[:, None] + torch.arange(-length, 1)]
        result[length] = {
            "chunks": losses(model, chunks).mean().item(),
            "sliding": losses(model, windows)[:, -1].mean().item(),
        }
    return result


def run(methods=METHODS, seeds=(0, 1, 2), lengths=LENGTHS, setting=FULL):
    """Return method → seed → length → the two losses in bits per character."""
    torch.set_num_threads(1)
    train_set, valid, letters = corpus()
    results = {}
    for method in methods:
        for seed in seeds:
            model = train(method, seed, train_set, letters, setting)
            results.setdefault(method, {})[seed] = evaluate(model, valid, lengths, setting.targets)
            print(method, seed, results[method][seed], flush=True)
    return results


def main():
    """Run the experiment and write its results with where they come from."""
    here = Path(__file__)
    provenance = {
        "command": "python experiment.py",
        "experiment": hashlib.sha256(here.read_bytes()).hexdigest(),
        "text": hashlib.sha256(text().encode()).hexdigest(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "setting": vars(FULL),
    }
    document = {"provenance": provenance, "bits": run()}
    here.with_name("results.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
