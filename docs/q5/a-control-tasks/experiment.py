"""Experiment of 5(a): probes of growing size on a trained and an untrained transformer.

Run from this folder: `python experiment.py` (about ten minutes on one busy core); it writes results.json.
"""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch.nn import Embedding, Linear, Module, ModuleList, ReLU, Sequential, TransformerEncoderLayer
from torch.nn.functional import cross_entropy

try:
    from . import model as m
except ImportError:
    import model as m  # run as a program

SIZES = (0, 4, 16, 64, 256, 1024)  # hidden units of the probe; 0 is a linear probe
FULL = SimpleNamespace(
    length=32, width=64, heads=4, layers=2, steps=600, batch=32, rate=3e-3,
    probe_train=256, probe_test=128, epochs=24, probe_batch=256, probe_rate=4e-3,
    amounts=(512, 1024, 2048, 4096, 8192), big=256,
)  # fmt: skip


class LanguageModel(Module):
    """A causal transformer that predicts the next word; `states` are what the probes read."""

    def __init__(self, setting):
        super().__init__()
        self.words, self.places = Embedding(m.TYPES, setting.width), Embedding(setting.length, setting.width)
        layer = dict(dropout=0, activation="gelu", batch_first=True, norm_first=True)
        self.layers = ModuleList(
            TransformerEncoderLayer(setting.width, setting.heads, 4 * setting.width, **layer)
            for _ in range(setting.layers)
        )
        self.read = Linear(setting.width, m.TYPES)

    def states(self, words):
        """Return the residual stream after the embedding and after each layer; list of (…, length, width)."""
        length = words.shape[1]
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        found = [self.words(words) + self.places.weight[:length]]
        for layer in self.layers:
            found.append(layer(found[-1], src_mask=future))
        return found

    def forward(self, words):
        return self.read(self.states(words)[-1])


def train(lang, seed, setting):
    """Return an untrained model, a copy of it after training on fresh sentences, and its last losses."""
    torch.manual_seed(seed)
    untrained, model = LanguageModel(setting), LanguageModel(setting)
    model.load_state_dict(untrained.state_dict())
    rng, losses = np.random.default_rng([seed, 1]), []
    optimiser = torch.optim.AdamW(model.parameters(), setting.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, setting.rate, setting.steps)
    for _ in range(setting.steps):
        rows = torch.from_numpy(m.sentences(lang, setting.batch, setting.length, rng)[0])
        loss = cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return untrained.eval(), model.eval(), float(np.mean(losses[-50:]))


def accuracy(x, y, x_test, y_test, size, seed, setting):
    """Return the accuracy on test tokens of a probe with `size` hidden units (0: linear) after training."""
    torch.manual_seed(seed)
    x, x_test = (x - x.mean(0)) / x.std(0), (x_test - x.mean(0)) / x.std(0)
    middle = [Linear(x.shape[1], size), ReLU()] if size else []
    probe = Sequential(*middle, Linear(size or x.shape[1], m.TAGS))
    optimiser = torch.optim.Adam(probe.parameters(), setting.probe_rate)
    for _ in range(setting.epochs):
        for rows in torch.randperm(len(x)).split(setting.probe_batch):
            loss = cross_entropy(probe(x[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        return (probe(x_test).argmax(-1) == y_test).double().mean().item()


@torch.no_grad()
def states(model, words):
    """Return the states of all tokens; list over layers of (tokens, width)."""
    return [state.flatten(0, 1) for state in model.states(torch.from_numpy(words))]


def ceilings(lang, words, tags, test, test_tags):
    """Return the accuracy on the test tokens of the best guess of the tag from the word alone, and from all
    words so far; the share of tokens whose type was seen in training; the share of the commonest tag; and
    the loss in nats, from the second word on, of the language's own predictions and of its frequencies."""
    return {
        "word": float((m.by_word(lang)[test].argmax(-1) == test_tags).mean()),
        "prefix": float((m.filtered(lang, test).argmax(-1) == test_tags).mean()),
        "seen": float(np.isin(test, words).mean()),
        "prediction": m.surprisal(lang, test),
        "frequency": float(-np.log((lang.start @ lang.emissions)[test[:, 1:]]).mean()),
        "chance": float(np.bincount(tags.ravel()).max() / tags.size),
    }


def one(seed, sizes=SIZES, setting=FULL):
    """Return all measurements of one seed, which draws language, sentences, labels, network and probes."""
    lang, rng = m.language(seed), np.random.default_rng([seed, 2])
    words, tags = m.sentences(lang, setting.probe_train, setting.length, rng)
    test, test_tags = m.sentences(lang, setting.probe_test, setting.length, rng)
    labels = m.control(tags, m.TYPES, rng)
    untrained, trained, loss = train(lang, seed, setting)
    tasks = {"tag": (tags, test_tags), "control": (labels[words], labels[test])}
    result = {"loss": loss, "ceilings": ceilings(lang, words, tags, test, test_tags)}
    for name, network in (("trained", trained), ("untrained", untrained)):
        x, x_test = states(network, words), states(network, test)
        for task, (y, y_test) in tasks.items():
            y, y_test = torch.from_numpy(y.ravel()), torch.from_numpy(y_test.ravel())

            def probe(layer, size, amount=None):
                return accuracy(x[layer][:amount], y[:amount], x_test[layer], y_test, size, seed, setting)

            result.setdefault(name, {})[task] = {
                "size": {size: probe(-1, size) for size in sizes},
                "layer": {layer: probe(layer, 0) for layer in range(setting.layers)},
                "amount": {amount: probe(-1, setting.big, amount) for amount in setting.amounts[:-1]},
            }
            print(seed, name, task, result[name][task], flush=True)
    return result


def run(seeds=(0, 1, 2, 3, 4), sizes=SIZES, setting=FULL):
    """Return seed → measurements."""
    torch.set_num_threads(1)
    return {seed: one(seed, sizes, setting) for seed in seeds}


def main():
    """Run the experiment and write its results with where they come from."""
    here = Path(__file__)
    files = [here, here.with_name("model.py")]
    provenance = {
        "command": "python experiment.py",
        "experiment": hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "setting": vars(FULL),
    }
    document = {"provenance": provenance, "runs": run()}
    here.with_name("results.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
