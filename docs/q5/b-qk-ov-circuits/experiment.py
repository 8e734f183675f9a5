"""Experiment of 5(b): attention-only transformers of one and two layers that learn to continue repetitions.

Run in docs: `python -m q5.b-qk-ov-circuits.experiment` (ten minutes on one core); it writes results.json.
"""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.nn import Module, Parameter, ParameterList
from torch.nn.functional import cross_entropy

from . import model as m

FULL = SimpleNamespace(
    tokens=48, length=48, periods=(8, 23), width=64, heads=4, steps=600, batch=64, every=25, tests=256
)
SEEDS = range(5)
NAMES = ("Q", "K", "V", "O")


class Attention(Module):
    """A causal language model of attention layers alone: no MLP, no normalisation, no bias.

    Positions are added to what queries and keys read, not to the residual stream.
    """

    def __init__(self, layers, setting):
        super().__init__()
        d, h, k = setting.width, setting.heads, setting.width // setting.heads
        self.embed = Parameter(torch.randn(setting.tokens, d) / 2)
        self.positions = Parameter(torch.randn(setting.length, d) / 2)
        self.unembed = Parameter(torch.randn(d, setting.tokens) / d**0.5)
        shapes = {"Q": (h, d, k), "K": (h, d, k), "V": (h, d, k), "O": (h, k, d)}
        self.weights = ParameterList(
            Parameter(torch.randn(shapes[name]) / d**0.5) for _ in range(layers) for name in NAMES
        )

    def layers(self):
        """Return for each layer its four arrays of weights, heads first."""
        flat = list(self.weights)
        return [dict(zip(NAMES, flat[i : i + 4])) for i in range(0, len(flat), 4)]

    def forward(self, tokens, drop=(), cut=()):
        """Return logits, and the patterns by layer (batch, head, query, key).

        `drop` holds the heads (layer, head) whose output is left out; `cut` holds (layer, head, letter)
        whose output is hidden from the queries, keys or values (Q, K, V) of the later layers.
        """
        x, patterns, outputs = self.embed[tokens], [], {}
        p = self.positions[: tokens.shape[1]]
        mask = torch.full((len(p), len(p)), -torch.inf).triu(1)
        for number, w in enumerate(self.layers()):
            seen = {
                name: x - sum(outputs[one[:2]] for one in cut if one[2] == name and one[0] < number)
                for name in "QKV"
            }
            q, k = (torch.einsum("bnd,hdk->bhnk", seen[name] + p, w[name]) for name in "QK")
            a = (q @ k.transpose(-1, -2) / k.shape[-1] ** 0.5 + mask).softmax(-1)
            v = torch.einsum("bnd,hdk->bhnk", seen["V"], w["V"])
            z = torch.einsum("bhnk,hkd->hbnd", a @ v, w["O"])
            outputs |= {(number, head): out for head, out in enumerate(z)}
            x = x + sum(out for head, out in enumerate(z) if (number, head) not in drop)
            patterns.append(a)
        return x @ self.unembed, patterns


def batch(count, setting, draw):
    """Return rows of random tokens that repeat with a period of their own, and the periods."""
    low, high = setting.periods
    period = torch.randint(low, high + 1, (count,), generator=draw)
    rows = torch.randint(setting.tokens, (count, setting.length + 1), generator=draw)
    return rows.gather(1, torch.arange(setting.length + 1) % period[:, None]), period


def repeated(period, length):
    """Return where the target is a token of a later copy whose query is one too; shape (row, position)."""
    return torch.arange(length) >= period[:, None]


def scores(patterns, period):
    """Return by layer and head the mean weight on the token before, and on the one after the last copy."""
    n = patterns[0].shape[-1]
    here, where = torch.arange(n), repeated(period, n)
    target = (here - period[:, None] + 1).clamp(min=0)
    found = {"previous": [], "induction": []}
    for a in patterns:
        found["previous"].append(a[..., here[1:], here[:-1]].mean((0, 2)).tolist())
        on = a.gather(-1, target[:, None, :, None].expand(-1, a.shape[1], -1, 1))[..., 0]
        found["induction"].append([on[:, h][where].mean().item() for h in range(a.shape[1])])
    return found


@torch.no_grad()
def test(model, setting, **changes):
    """Return loss (nats) and accuracy on the later copies of new rows, and the scores of the heads."""
    rows, period = batch(setting.tests, setting, torch.Generator().manual_seed(10**6))
    logits, patterns = model(rows[:, :-1], **changes)
    where, target = repeated(period, setting.length), rows[:, 1:]
    loss = cross_entropy(logits[where], target[where]).item()
    hits = (logits[where].argmax(-1) == target[where]).float().mean().item()
    return {"loss": loss, "accuracy": hits} | scores(patterns, period)


def train(layers, seed, setting=FULL):
    """Return a model trained by AdamW on the loss of all positions, and its tests on the way."""
    torch.manual_seed(seed)
    model, draw, history = Attention(layers, setting), torch.Generator().manual_seed(seed), []
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3, betas=(0.9, 0.98), weight_decay=0.01)
    for step in range(setting.steps + 1):
        if step % setting.every == 0:
            history.append({"step": step} | test(model, setting))
        rows, _ = batch(setting.batch, setting, draw)
        logits, _ = model(rows[:, :-1])
        loss = cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return model, history


def circuits(model):
    """Return the embedding, the unembedding, and the heads by layer as arrays of float64."""
    arrays = [{name: w.detach().double().numpy() for name, w in layer.items()} for layer in model.layers()]
    heads = [[{name: w[h] for name, w in layer.items()} for h in range(len(layer["Q"]))] for layer in arrays]
    return (*(x.detach().double().numpy() for x in (model.embed, model.unembed)), heads)


def diagonal(matrix):
    """Return the share of the rows whose largest entry is on the diagonal."""
    return float((matrix.argmax(axis=1) == range(len(matrix))).mean())


def read(model):
    """Return what the weights of a two-layer model say: composition, matching, copying."""
    embed, unembed, (early, late) = circuits(model)
    copies = [embed @ m.ov(head) @ unembed for head in late]
    return {
        "composition": {
            letter: [[m.composition(a, b)[letter] for b in late] for a in early] for letter in "KQV"
        },
        "matching": [[diagonal(embed @ m.qk(b) @ m.ov(a).T @ embed.T) for b in late] for a in early],
        "direct": [diagonal(embed @ m.qk(b) @ embed.T) for b in late],
        "copying": [diagonal(matrix) for matrix in copies],
        "positivity": [m.positivity(matrix) for matrix in copies],
    }


def interventions(model, setting):
    """Return the losses on later copies with each head left out, or hidden from one input of layer 2."""
    heads = range(setting.heads)
    hidden = {
        letter: [[(0, h, letter)] for h in heads] + [[(0, h, letter) for h in heads]] for letter in "KQV"
    }
    return {
        "dropped": [[test(model, setting, drop=[(layer, h)])["loss"] for h in heads] for layer in (0, 1)],
        "layers": [test(model, setting, drop=[(layer, h) for h in heads])["loss"] for layer in (0, 1)],
        "hidden": {
            letter: [test(model, setting, cut=cut)["loss"] for cut in cuts] for letter, cuts in hidden.items()
        },
    }


@torch.no_grad()
def example(model, setting, period=10):
    """Return the patterns of all heads of a model on one text of `period` different tokens, twice."""
    row = torch.randperm(setting.tokens, generator=torch.Generator().manual_seed(0))[:period].repeat(2)
    return [a[0].tolist() for a in model(row[None])[1]]


def run(seeds=SEEDS, setting=FULL):
    """Return what is measured of models of one layer and of two, by seed."""
    torch.set_num_threads(1)
    results = {"one": [], "two": []}
    for seed in seeds:
        results["one"].append({"history": train(1, seed, setting)[1]})
        model, history = train(2, seed, setting)
        found = {"history": history} | read(model) | interventions(model, setting)
        found["untrained"] = read(untrained(seed, setting))["composition"]
        if seed == 0:
            found["example"] = example(model, setting)
        results["two"].append(found)
        print(seed, results["one"][-1]["history"][-1], history[-1], flush=True)
    return results


def untrained(seed, setting):
    """Return the two-layer model that the training with this seed starts from."""
    torch.manual_seed(seed)
    return Attention(2, setting)


def main():
    """Run the experiment and write its results with where they come from."""
    here = Path(__file__)
    provenance = {
        "command": "python -m q5.b-qk-ov-circuits.experiment",
        "experiment": hashlib.sha256(here.read_bytes()).hexdigest(),
        "model": hashlib.sha256(here.with_name("model.py").read_bytes()).hexdigest(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "setting": vars(FULL),
        "seeds": list(SEEDS),
    }
    rounded = json.loads(json.dumps(run()), parse_float=lambda digits: round(float(digits), 4))
    text = json.dumps({"provenance": provenance} | rounded).replace("}, ", "},\n")
    here.with_name("results.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
