"""Experiment of 4(a): small Vision Transformers on handwritten digits, and what the order of patches does.

Run from this folder: `python experiment.py` (a few minutes on one core); it writes results.json.
"""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import torch
from sklearn.datasets import load_digits
from torch.nn import GELU, LayerNorm, Linear, Module, ModuleList, MultiheadAttention, Parameter, Sequential
from torch.nn.functional import cross_entropy

WAYS = ("normal", "scrambled", "none")
FULL = SimpleNamespace(patch=2, width=48, heads=4, layers=3, steps=500, batch=64, rate=2e-3, test=450)


def patches(images, size):
    """Cut images (count, H, W, C) into flattened patches, row by row; shape (count, N, P²C)."""
    count, height, width, channels = images.shape
    grid = images.reshape(count, height // size, size, width // size, size, channels)
    return grid.permute(0, 1, 3, 2, 4, 5).reshape(count, -1, size * size * channels)


class Block(Module):
    """One layer of the encoder: self-attention, then an MLP, each on a normalised residual stream."""

    def __init__(self, width, heads):
        super().__init__()
        self.norms = ModuleList([LayerNorm(width), LayerNorm(width)])
        self.attention = MultiheadAttention(width, heads, batch_first=True)
        self.mlp = Sequential(Linear(width, 4 * width), GELU(), Linear(4 * width, width))

    def forward(self, z):
        normed = self.norms[0](z)
        z = z + self.attention(normed, normed, normed, need_weights=False)[0]
        return z + self.mlp(self.norms[1](z))


class ViT(Module):
    """A Vision Transformer on sequences of flattened patches; without `place` it has no E_pos."""

    def __init__(self, count, inputs, classes, setting, place=True):
        super().__init__()
        self.E = Parameter(torch.randn(inputs, setting.width) / inputs**0.5)
        self.x_class = Parameter(torch.zeros(1, setting.width))
        self.E_pos = Parameter(0.02 * torch.randn(count + 1, setting.width))
        self.blocks = ModuleList(Block(setting.width, setting.heads) for _ in range(setting.layers))
        self.norm, self.head = LayerNorm(setting.width), Linear(setting.width, classes)
        self.place = place

    def forward(self, x_p):
        z = torch.cat([self.x_class.expand(len(x_p), 1, -1), x_p @ self.E], dim=1)
        z = z + self.E_pos if self.place else z
        for block in self.blocks:
            z = block(z)
        return self.head(self.norm(z[:, 0]))


def digits(seed, setting):
    """Return the patches (values 0 to 1) and labels of a training and a test set, split by the seed."""
    data = load_digits()
    x_p = patches(torch.tensor(data.images, dtype=torch.float32)[..., None] / 16, setting.patch)
    order = torch.randperm(len(x_p), generator=torch.Generator().manual_seed(seed))
    labels = torch.tensor(data.target)
    test, train = order[: setting.test], order[setting.test :]
    return (x_p[train], labels[train]), (x_p[test], labels[test])


def arranged(x_p, way, seed):
    """Return the patches in their order, or for `scrambled` in one order of the seed's for all images."""
    if way != "scrambled":
        return x_p
    return x_p[:, torch.randperm(x_p.shape[1], generator=torch.Generator().manual_seed(1000 + seed))]


def shuffled(x_p, seed):
    """Return the patches of each image in a random order of its own."""
    noise = torch.rand(x_p.shape[:2], generator=torch.Generator().manual_seed(2000 + seed))
    return x_p.gather(1, noise.argsort(1)[..., None].expand_as(x_p))


def start(way, seed, x_p, setting):
    """Return an untrained model for such patches; a seed gives the same initial values in all ways."""
    torch.manual_seed(seed)
    return ViT(*x_p.shape[1:], 10, setting, place=way != "none")


def fit(model, seed, x_p, labels, setting):
    """Train a model by AdamW and return it; a seed gives the same batches in all ways."""
    optimiser = torch.optim.AdamW(model.parameters(), setting.rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, setting.rate, setting.steps)
    draw = torch.Generator().manual_seed(seed)
    for _ in range(setting.steps):
        rows = torch.randint(len(x_p), (setting.batch,), generator=draw)
        loss = cross_entropy(model(x_p[rows]), labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def correct(model, x_p, labels):
    """Return the number of images that are classified correctly."""
    return (model(x_p).argmax(-1) == labels).sum().item()


def run(ways=WAYS, seeds=(0, 1, 2, 3, 4), setting=FULL):
    """Return the models, and way → seed → how many test images are right.

    `test` presents the patches in the order of training, `shuffled` each image's in an order of its own.
    """
    torch.set_num_threads(1)
    results, models = {}, {}
    for seed in seeds:
        (x_p, labels), (x_test, y_test) = digits(seed, setting)
        for way in ways:
            x_train = arranged(x_p, way, seed)
            model = fit(start(way, seed, x_train, setting), seed, x_train, labels, setting)
            found = {
                "test": correct(model, arranged(x_test, way, seed), y_test),
                "shuffled": correct(model, shuffled(x_test, seed), y_test),
            }
            models[way, seed] = model
            results.setdefault(way, {})[seed] = found
            print(way, seed, found, flush=True)
    return models, results


def example(model, setting):
    """Return one digit (8 × 8, values 0 to 16) and the trained parameters that make z_0 of it."""
    data = load_digits()
    rounded = {name: getattr(model, name).detach().double().numpy().round(3).tolist()
               for name in ("E", "x_class", "E_pos")}  # fmt: skip
    return {"image": data.images[3].astype(int).tolist(), "label": int(data.target[3])} | rounded


def main():
    """Run the experiment and write its results with where they come from."""
    here = Path(__file__)
    provenance = {
        "command": "python experiment.py",
        "experiment": hashlib.sha256(here.read_bytes()).hexdigest(),
        "images": "load_digits of scikit-learn",
        "python": platform.python_version(),
        "torch": version("torch"),
        "scikit-learn": version("scikit-learn"),
        "setting": vars(FULL),
    }
    models, results = run()
    document = {"provenance": provenance, "correct": results, "example": example(models["normal", 0], FULL)}
    here.with_name("results.json").write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
