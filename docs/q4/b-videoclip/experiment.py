"""Experiment of 4(b): small VideoCLIPs on made-up videos, with random and with retrieved batches.

Run from this folder: `python experiment.py` (about two minutes on one core); it writes results.json.
"""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy.special import log_softmax, softmax

WAYS = ("random", "retrieved")
MANY = SimpleNamespace(
    topics=100, variants=8, coarse=8, fine=16, scale=2.0, spread=0.3, inputs=64, width=24, noise=0.3,
    batch=16, clips=4, steps=1000, every=20, rate=3e-3,
)  # fmt: skip
FEW = SimpleNamespace(**vars(MANY) | {"topics": 10, "variants": 80})
NOISY = SimpleNamespace(**vars(MANY) | {"noise": 0.6})
WORLDS = {"many": MANY, "few": FEW, "noisy": NOISY}


class World:
    """Videos in topics: a video is its topic's centre plus a smaller part of its own; clips are noisy."""

    def __init__(self, seed, setting):
        self.rng, self.setting = np.random.default_rng(seed), setting
        latent = setting.coarse + setting.fine
        self.centres = self.rng.normal(0, setting.scale, (setting.topics, setting.coarse))
        self.mix = self.rng.normal(size=(2, latent, setting.inputs)) / np.sqrt(latent)
        self.videos, self.unseen = self.draw(), self.draw()

    def draw(self):
        """Return the contents of new videos of the same topics, topic by topic; shape (videos, latent)."""
        s = self.setting
        centres = np.repeat(self.centres, s.variants, axis=0)
        return np.hstack([centres, self.rng.normal(0, s.spread, (len(centres), s.fine))])

    def clips(self, videos):
        """Return a fresh video clip and a fresh text clip of each video; shape (2, videos, inputs)."""
        x = videos @ self.mix
        return x + self.rng.normal(0, self.setting.noise, x.shape)


def loss(z_v, z_t):
    """Return the loss of VideoCLIP per pair (τ = 1), both directions added."""
    scores = z_v @ z_t.T
    both = log_softmax(scores, axis=1) + log_softmax(scores, axis=0)
    return -np.diag(both).mean()


def slopes(z_v, z_t):
    """Return the derivatives of the loss per pair by the states; shape (2, pairs, width)."""
    scores = z_v @ z_t.T
    surplus = softmax(scores, axis=1) + softmax(scores, axis=0) - 2 * np.eye(len(scores))
    return np.stack([surplus @ z_t, surplus.T @ z_v]) / len(scores)


class Adam:
    """Adam with the usual constants, for one array."""

    def __init__(self, shape, rate):
        self.mean, self.square, self.step, self.rate = np.zeros(shape), np.zeros(shape), 0, rate

    def __call__(self, slope):
        """Return the change of the array for a gradient."""
        self.step += 1
        self.mean += 0.1 * (slope - self.mean)
        self.square += 0.001 * (slope**2 - self.square)
        mean, square = self.mean / (1 - 0.9**self.step), self.square / (1 - 0.999**self.step)
        return -self.rate * mean / (np.sqrt(square) + 1e-8)


def features(world, videos, encoders):
    """Return the feature of each video: the mean of the states of a few of its video and text clips."""
    return np.mean([world.clips(videos) @ encoders for _ in range(world.setting.clips)], axis=(0, 1))


def cluster(feature, size, rng):
    """Return the numbers of `size` videos, sampled from the 2 · size nearest to a random one."""
    distance = np.linalg.norm(feature - feature[rng.integers(len(feature))], axis=1)
    return rng.choice(np.argsort(distance)[: 2 * size], size, replace=False)


def batches(way, world, videos, encoders, count):
    """Return the numbers of the videos of some batches: random ones, or clusters of near videos."""
    size, rng = world.setting.batch, world.rng
    if way == "random":
        return [rng.choice(len(videos), size, replace=False) for _ in range(count)]
    feature = features(world, videos, encoders)
    return [cluster(feature, size, rng) for _ in range(count)]


def recall(world, encoders):
    """Return the shares of unseen videos that their text finds among all, and among those of their topic,
    and the share whose topic it finds."""
    z_v, z_t = world.clips(world.unseen) @ encoders
    scores, right, size = z_t @ z_v.T, np.arange(len(z_t)), world.setting.variants
    own = right[:, None] // size == right // size
    found = scores.argmax(axis=1)
    inside = np.where(own, scores, -np.inf).argmax(axis=1)
    return (found == right).mean(), (inside == right).mean(), own[right, found].mean()


def fit(way, seed, setting):
    """Return world, encoders, and the course of a run: loss of the batches, and recalls, by step."""
    world = World(seed, setting)
    course = {name: [] for name in ("step", "loss", "recall", "inside", "topic")}
    encoders = world.rng.normal(size=(2, setting.inputs, setting.width)) / np.sqrt(8 * setting.inputs)
    adam = Adam(encoders.shape, setting.rate)
    for start in range(0, setting.steps, setting.every):
        losses = []
        for chosen in batches(way, world, world.videos, encoders, setting.every):
            x = world.clips(world.videos[chosen])
            z = x @ encoders
            losses.append(loss(*z))
            encoders = encoders + adam(x.swapaxes(1, 2) @ slopes(*z))
        found = start + setting.every, np.mean(losses), *recall(world, encoders)
        for name, value in zip(course, found):
            course[name].append(round(float(value), 4))
    return world, encoders, course


def crossed(world, encoders, count=200):
    """Return the mean loss on both kinds of batches of unseen videos, without training."""
    found = {}
    for way in WAYS:
        chosen = batches(way, world, world.unseen, encoders, count)
        losses = [loss(*(world.clips(world.unseen[rows]) @ encoders)) for rows in chosen]
        found[way] = round(float(np.mean(losses)), 4)
    return found


def run(setting, seeds=(0, 1, 2, 3, 4), ways=WAYS):
    """Return the models, and way → seed → the course of the run and its loss on both kinds of batches."""
    models, results = {}, {}
    for seed in seeds:
        for way in ways:
            world, encoders, course = fit(way, seed, setting)
            models[way, seed] = world, encoders
            results.setdefault(way, {})[seed] = course | {"crossed": crossed(world, encoders)}
            print(way, seed, {name: values[-1] for name, values in course.items()}, flush=True)
    return models, results


def example(world, encoders):
    """Return the scores of a random batch and of a cluster of unseen videos, each sorted by topic."""
    feature, size = features(world, world.unseen, encoders), world.setting.batch
    chosen = {
        "random": world.rng.choice(len(feature), size, replace=False),
        "retrieved": cluster(feature, size, world.rng),
    }
    found = {}
    for way, rows in chosen.items():
        z_v, z_t = world.clips(world.unseen[np.sort(rows)]) @ encoders
        topics = (np.sort(rows) // world.setting.variants).tolist()
        found[way] = {"scores": (z_v @ z_t.T).round(3).tolist(), "topics": topics}
    return found


def main():
    """Run the experiment and write its results with where they come from."""
    here = Path(__file__)
    provenance = {
        "command": "python experiment.py",
        "experiment": hashlib.sha256(here.read_bytes()).hexdigest(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "settings": {name: vars(setting) for name, setting in WORLDS.items()},
    }
    runs = {name: run(setting) for name, setting in WORLDS.items()}
    document = {"provenance": provenance, "runs": {name: results for name, (_, results) in runs.items()}}
    document["example"] = example(*runs["many"][0]["random", 0])
    for world in ("few", "noisy"):  # the page needs their ends alone
        for results in document["runs"][world].values():
            for seed, course in results.items():
                ends = {name: values[-1:] for name, values in course.items() if name != "crossed"}
                results[seed] = ends | {"crossed": course["crossed"]}
    here.with_name("results.json").write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
