"""Checks of 5(a): control tasks, their ceiling, what wide probes memorise, and probes of growing size."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from . import model as m
from . import oracles
from .results import DOCUMENT, RUNS, SETTING, SIZES, ceiling, measured, selectivity

HERE = Path(__file__).parent
ROUNDING = 1e-12


def test_definition(evidence):
    """A control label depends on the type alone; over many draws the labels of types are independent and
    follow the empirical distribution of the tags."""
    rng = np.random.default_rng(0)
    tags = rng.choice(m.TAGS, size=400, p=rng.dirichlet(np.ones(m.TAGS)))
    words, labels = rng.integers(30, size=400), m.control(tags, 30, rng)
    share = [np.count_nonzero(tags == c) / 400 for c in range(m.TAGS)]
    given = {"C": lambda v: labels[v], "x": words, "y": tags, "p_hat": dict(enumerate(share)), "N": 400}
    tilde = np.array([dict(zip(words, labels[words]))[word] for word in words])
    each = [{"i": i, "c": c} for i in range(1, 401, 20) for c in range(m.TAGS)]
    evidence.equation("eq-5a-control", ROUNDING, "one table of types, and counts of tags", each=each,
                      y_tilde=tilde, **given)  # fmt: skip
    drawn = np.array([m.control(tags, 2, rng) for _ in range(20_000)])
    table = np.zeros((m.TAGS, m.TAGS))
    np.add.at(table, tuple(drawn.T), 1 / len(drawn))
    evidence.close(table, np.outer(share, share), 0.012, "pairs of labels in 20,000 draws")


def test_example(evidence):
    """In the example the two tokens of “run” have different tags and one control label, and no type has two
    control labels."""
    table = evidence.table("token")
    tokens, tags, labels = table["token"], table["tag"], table["control label"]
    places = [i for i, token in enumerate(tokens) if token == "run"]
    evidence.equal([len({row[i] for i in places}) for row in (tags, labels)], [2, 1], "rows at “run”")
    evidence.equal(len(set(zip(tokens, labels))), len(set(tokens)), "pairs of type and label")
    evidence.equal(set(labels) <= set(tags), True, "the same set of labels")


def test_selectivity(evidence):
    """Selectivity is the difference of two shares of right answers."""
    rng = np.random.default_rng(1)
    each = []
    for _ in range(15):
        y, guess, y_control, control = rng.integers(3, size=(4, 25))
        table = np.zeros((2, 3, 3))
        np.add.at(table[0], (y, guess), 1)
        np.add.at(table[1], (y_control, control), 1)
        right = [np.trace(counts) / 25 for counts in table]
        each.append({"y": y, "y_hat": guess, "y_tilde": y_control, "z_hat": control, "A": right[0],
                     "A_prime": right[1], "S": right[0] - right[1]})  # fmt: skip
    evidence.equation("eq-5a-selectivity", ROUNDING, "diagonals of confusion tables", each=each, M=25)


CASES = (  # test tokens of each type, the types that were seen, chances of the labels
    ((5, 3, 2), (0, 1), (0.5, 0.3, 0.2)), ((4, 1, 1, 4), (0,), (0.6, 0.4)), ((2, 7), (), (0.2, 0.8)),
    ((3, 2, 2), (0, 1, 2), (0.7, 0.3)),
)  # fmt: skip


def test_ceiling(evidence):
    """The best expected control accuracy of all predictors that know the labels of the seen types is the
    ceiling, and each guess at an unseen type is right with at most the chance of the commonest label."""
    each = [
        {"A_star": oracles.best_control(counts, seen, chances), "p_hat": dict(enumerate(chances)),
         "s": sum(counts[v] for v in seen) / sum(counts)}
        for counts, seen, chances in CASES
    ]  # fmt: skip
    for one in each:
        sets = {"c": list(one["p_hat"])}
        route = "all labellings and all guesses, for two to four types"
        evidence.equation("eq-5a-ceiling", ROUNDING, route, sets=sets, **one)
    single = [oracles.best_control((1,), (), chances) for _, _, chances in CASES]
    evidence.close(single, [max(chances) for *_, chances in CASES], ROUNDING, "one unseen type")


def test_token_labels(evidence):
    """If labels are drawn for each token, no function of the type beats the commonest label on new tokens; if
    they are drawn for each type and all types were seen, one is right on all of them."""
    chances = (0.5, 0.3, 0.2)
    by_type = oracles.best_control((4, 4), (0, 1), chances)
    table = np.outer([0.5, 0.5], chances)  # a new token: its type and its label are independent
    evidence.close(oracles.best_table(table), 0.5, ROUNDING, "all functions from two types to labels")
    evidence.close(by_type, 1, ROUNDING, "the same with one label for each type")


def test_memory(evidence):
    r"""A network with one hidden layer of $V - 1$ rectified linear units gives any labels to $V$ vectors."""
    rng = np.random.default_rng(4)
    for types, width, labels in ((40, 3, 8), (7, 1, 2), (2, 5, 3)):
        h, a = rng.normal(size=(types, width)), rng.normal(size=width)
        goal = rng.integers(labels, size=types)
        order, t, u, s = oracles.sloped(h, a, np.eye(labels)[goal])
        hidden = np.maximum(0, h[order] @ np.tile(a, (types - 1, 1)).T - t[:-1])
        evidence.equal(hidden.shape[1], types - 1, "hidden units")
        out = u[0] + hidden @ np.diff(s, axis=0)
        evidence.equal(out.argmax(axis=1).tolist(), goal[order].tolist(), "labels, by matrices")
        last = types - 1  # the last vector has no slope after it
        each = [{"h": h[order][k], "f": lambda _, k=k: u[k], "k": min(k + 1, last)} for k in range(types)]
        evidence.equation("eq-5a-memory", 1e-9, "the labels, as unit vectors", each=each, a=a, V=types,
                          t=t, u=dict(enumerate(u, 1)), r=dict(enumerate(s)))  # fmt: skip


def test_lookup(evidence):
    """No function of the type predicts tags better than each type's commonest tag; its selectivity is 0 if no
    type is ambiguous, and negative otherwise."""
    rng, each = np.random.default_rng(2), []
    for ambiguous in (True, False):
        for _ in range(4):
            table = rng.dirichlet(np.ones(12)).reshape(4, 3)
            if not ambiguous:
                table = table * np.eye(4, 3)[rng.permutation(4) % 3]
            table = table / table.sum()
            best = oracles.best_table(table)
            given = {v: dict(enumerate(row)) for v, row in enumerate(table)}
            each.append({"A_type": best, "S_type": best - 1, "p": lambda v, c, t=given: t[v][c]})
            low, high = (-1, -1e-3) if ambiguous else (-ROUNDING, ROUNDING)
            evidence.bounded(best - 1, f"selectivity, ambiguous: {ambiguous}", low=low, high=high)
    sets, route = {"v": range(4), "c": range(3)}, "all functions from four types to three tags"
    evidence.equation("eq-5a-lookup", ROUNDING, route, each=each, sets=sets)
    evidence.equation("eq-5a-lookup", ROUNDING, "no type ambiguous", each=each[4:], sets=sets, tight=True)


def test_reference_lines(evidence):
    """The two grey lines and the loss of the language are those of its probabilities: the filter over the
    words so far, the type alone, and the prediction of the next word."""
    lang, rng = oracles.small_language(0), np.random.default_rng(0)
    words = m.sentences(lang, 6, 4, rng)[0]
    chances, losses = np.zeros((6, 4, m.TAGS)), np.zeros((6, 4))
    for row, sentence in enumerate(words):
        whole = [1.0]
        for end in range(1, 5):
            found = oracles.joint(lang, sentence[:end])
            whole.append(sum(found.values()))
            for tags, chance in found.items():
                chances[row, end - 1, tags[-1]] += chance / whole[-1]
        losses[row] = -np.log(np.divide(whole[1:], whole[:-1]))
    evidence.close(m.filtered(lang, words), chances, 1e-9, "all tag sequences of six sentences")
    evidence.close(m.surprisal(lang, words), losses[:, 1:].mean(), 1e-9, "quotients of the sums")
    alone = [[oracles.joint(lang, [v])[c,] for c in range(m.TAGS)] for v in range(5)]
    evidence.close(m.by_word(lang), np.array(alone) / np.sum(alone, 1, keepdims=True), 1e-9, "one word")


def test_language(evidence):
    """The languages have 600 types and 8 tags; about 40 % of the types have two tags, the others one; drawn
    sentences follow their probabilities."""
    for seed in range(len(RUNS)):
        lang = m.language(seed)
        tags = np.count_nonzero(lang.emissions, axis=0)
        evidence.equal(set(tags.tolist()), {1, 2}, f"language {seed}, tags of a type")
        evidence.bounded(np.mean(tags == 2), f"language {seed}, share with two", low=0.35, high=0.45)
        evidence.close(lang.start @ lang.transitions, lang.start, 1e-9, f"language {seed}, same frequencies")
    evidence.equal(lang.emissions.shape, (8, 600), "tags and types")
    evidence.shows("600", lang.emissions.shape[1])
    evidence.shows("8", lang.emissions.shape[0])
    evidence.shows("40", 100 * m.AMBIGUOUS)
    words, tags = m.sentences(lang, 4000, 6, np.random.default_rng(0))
    pairs, emitted = np.zeros((8, 8)), np.zeros((8, 600))
    np.add.at(pairs, (tags[:, :-1], tags[:, 1:]), 1 / tags[:, 1:].size)
    np.add.at(emitted, (tags, words), 1 / tags.size)
    evidence.close(pairs, lang.start[:, None] * lang.transitions, 0.01, "pairs of tags in 24,000 tokens")
    evidence.close(emitted, lang.start[:, None] * lang.emissions, 0.005, "pairs of tag and type")


def test_processing(evidence):
    """None of 20 random functions of an input has more mutual information with the tag, or a better best
    guess, than the input; functions that keep all inputs apart have the same of both."""
    rng, lost = np.random.default_rng(3), []
    for _ in range(20):
        table = rng.dirichlet(np.ones(18)).reshape(6, 3)
        function = rng.integers(4, size=6)
        small = oracles.merged(table, function, 4)
        lost.append([oracles.information(table) - oracles.information(small),
                     oracles.best_table(table) - oracles.best_table(small)])  # fmt: skip
        same = oracles.merged(table, rng.permutation(9)[:6], 9)
        evidence.close(oracles.information(same), oracles.information(table), ROUNDING, "injective")
        evidence.close(same.max(1).sum(), oracles.best_table(table), ROUNDING, "injective, best guess")
    evidence.bounded(lost, "lost by random functions", low=-ROUNDING)
    evidence.bounded(np.max(lost, axis=0), "the largest loss", low=0.01)


def test_growing_probes(evidence):
    """On the trained network selectivity is positive for the three smallest probes and negative for the two
    largest, in each seed; the mean tag accuracy changes by less than 0.04 over all sizes."""
    digest = hashlib.sha256(b"".join((HERE / f"{name}.py").read_bytes() for name in ("experiment", "model")))
    evidence.equal(DOCUMENT["provenance"]["experiment"], digest.hexdigest(), "digest of the code")
    evidence.equal((len(RUNS), SIZES), (5, [0, 4, 16, 64, 256, 1024]), "seeds and sizes")
    found = selectivity("trained")
    evidence.bounded(found[:, :3], "linear, 4 and 16 units", low=0, strict=True)
    evidence.bounded(found[:, 4:], "256 and 1,024 units", high=0, strict=True)
    tag, control = (measured("trained", task).mean(axis=0) for task in ("tag", "control"))
    evidence.bounded(np.ptp(tag), "range of the mean tag accuracy", high=0.04)
    evidence.bounded(np.diff(np.delete(control, 0)), "control accuracy, 4 to 1,024 units", low=0.02)
    evidence.shows("1024", SIZES[-1])
    for text, value in (("0.83", tag[0]), ("0.84", tag[-1]), ("0.57", control[0]), ("0.95", control[-1]),
                        ("0.26", found.mean(0)[0]), ("-0.11", found.mean(0)[-1])):  # fmt: skip
        evidence.shows(text, value)


def test_untrained(evidence):
    """On the untrained network selectivity is negative at each size, in each seed; the lead of the trained
    network in tag accuracy is at least five times as large for the linear probe as for the largest."""
    evidence.bounded(selectivity("untrained"), "every size and seed", high=0, strict=True)
    lead = measured("trained", "tag") - measured("untrained", "tag")
    evidence.bounded(lead[:, 0] / lead[:, -1], "linear against 1,024 units", low=5)
    largest = measured("untrained", "tag").mean(axis=0)[-1]
    for text, value in (("0.80", largest), ("0.30", lead.mean(0)[0]), ("0.04", lead.mean(0)[-1])):
        evidence.shows(text, value)


def test_less_data(evidence):
    """A probe of 256 units is more selective on the trained network with 512 tokens than with 8,192, in each
    seed, and tells the two networks further apart."""
    amounts = [int(amount) for amount in RUNS[0]["trained"]["tag"]["amount"]]
    evidence.equal(amounts, [512, 1024, 2048, 4096], "amounts")
    big = SIZES.index(256)
    few, many = selectivity("trained", "amount")[:, 0], selectivity("trained")[:, big]
    evidence.bounded(few - many, "what less data gains", low=0.2)
    lead = [(measured("trained", "tag", kind) - measured("untrained", "tag", kind))[:, at]
            for kind, at in (("amount", 0), ("size", big))]  # fmt: skip
    evidence.bounded(lead[0] - lead[1], "lead of the trained network, less data", low=0.2)
    for text, value in (("0.20", few.mean()), ("-0.08", many.mean()), ("512", amounts[0]),
                        ("0.29", lead[0].mean()), ("0.05", lead[1].mean()),
                        ("8192", SETTING["length"] * SETTING["probe_train"]),
                        ("256", SIZES[big])):  # fmt: skip
        evidence.shows(text, value)


def test_layers(evidence):
    """From the embedding over the first layer to the last of the trained network, a linear probe gets better
    at the tags and worse at the control labels, in each seed."""
    for task, sign in (("tag", 1), ("control", -1)):
        layers = np.column_stack([measured("trained", task, "layer"), measured("trained", task)[:, 0]])
        evidence.equal(layers.shape, (5, 3), f"{task}: seeds and layers")
        evidence.bounded(sign * np.diff(layers, axis=1), f"{task}: steps", low=0, strict=True)


def test_networks(evidence):
    """From the loss of word frequencies to that of the language's own probabilities, the trained networks go
    at least 70 % of the way, in each seed; over all sizes of the probe, every tag accuracy is below that of
    the best guess from the word alone; no mean control accuracy reaches the mean ceiling."""
    loss, best, frequency = (
        np.array([run["loss"] for run in RUNS]),
        ceiling("prediction"),
        ceiling("frequency"),
    )
    evidence.bounded((loss - best) / (frequency - best), "share of the way that is left", low=0, high=0.3)
    tops = ceiling("seen") + (1 - ceiling("seen")) * ceiling("chance")
    control = np.array([measured(network, "control").mean(0) for network in ("trained", "untrained")])
    tag = np.array([measured(network, "tag") for network in ("trained", "untrained")])
    evidence.bounded(tag - ceiling("word")[:, None], "tags against the word alone", high=0, strict=True)
    evidence.bounded(control, "mean control accuracies", high=tops.mean(), strict=True)
    for text, value in (("5.14", loss.mean()), ("5.04", best.mean()), ("5.50", frequency.mean()),
                        ("0.995", tops.mean()), ("0.96", control.max()), ("0.88", ceiling("word").mean()),
                        ("64", SETTING["width"])):  # fmt: skip
        evidence.shows(text, value)


def test_table(evidence):
    """A table of the commonest tag of each type among the probes' own training tokens beats every probe of
    the figure on the test tokens, on both networks, in each seed."""
    tables, from_word = np.array([oracles.learnt_table(seed, SETTING) for seed in range(len(RUNS))]).T
    evidence.close(from_word, ceiling("word"), ROUNDING, "the best guess from the word: the same tokens")
    best = np.max([measured(network, "tag") for network in ("trained", "untrained")], axis=(0, 2))
    evidence.bounded(tables - best, "table against the best probe", low=0, strict=True)
    evidence.shows("0.866", tables.mean())
    evidence.shows("8192", SETTING["length"] * SETTING["probe_train"])


def test_variants(evidence):
    """The ceilings and the selectivity of the variants are those of the two formulas."""
    sets = {"v": range(2), "c": range(2)}
    labels = "eq-5a-ceiling", "eq-5a-lookup"
    top, table = (evidence.printed(label).function(sets=sets) for label in labels)
    each = [(r"0.9 + 0.1 \cdot 0.2 = 0.92", 0.2), (r"0.9 + 0.1 \cdot 0.02 = 0.902", 1 / 50)]
    for text, chance in each:
        evidence.equation(evidence.sentence(text), ROUNDING, "the sentence as printed", s=0.9)
        found = top(s=0.9, p_hat={0: chance, 1: chance / 2})
        evidence.close(found, float(text.split("=")[1]), ROUNDING, "the printed ceiling")
    shares = np.array([[0.24, 0.06], [0.7, 0.0]])
    best, text = table(p=lambda v, c: shares[v, c]), r"A_{\mathrm{type}} = 0.7 + 0.3 \cdot 0.8 = 0.94"
    evidence.close(best, oracles.best_table(shares), ROUNDING, "all functions of two kinds of types")
    evidence.equation(evidence.sentence(text), ROUNDING, "the printed table", A_type=best)
    text = r"S_{\mathrm{type}} = -0.06"
    evidence.equation(evidence.sentence(text), ROUNDING, "the printed table", S_type=best - 1)


SHORT = dict(steps=30, probe_train=48, probe_test=24, epochs=8, amounts=(512, 1536), big=64)


def short(**changes):
    """Return the experiment and a short setting of it."""
    import torch

    from . import experiment as trial

    torch.set_num_threads(1)
    return trial, SimpleNamespace(**vars(trial.FULL) | SHORT | changes)


@pytest.mark.library("torch")
def test_short_run(evidence):
    """A short run of the experiment's own code learns: the loss falls below that of guessing one of 600
    words, and a larger probe learns more control labels."""
    trial, setting = short()
    run = trial.one(0, (0, 4, 64), setting)
    evidence.bounded(run["loss"] - np.log(m.TYPES), "loss against guessing", high=-0.2)
    control = list(run["untrained"]["control"]["size"].values())
    evidence.bounded([control[0] - 0.35, control[2] - control[1]], "control accuracies", low=0.05)
    counted = run["ceilings"]
    evidence.bounded([1 - counted["prefix"], counted["prefix"] - counted["word"],
                      counted["word"] - counted["chance"]], "order of the lines", low=0.02)  # fmt: skip


@pytest.mark.library("torch")
def test_states(evidence):
    """The trained network starts from the untrained one's parameters and moves away; a vector does not
    depend on later words, but does on earlier ones and on its own."""
    import torch

    trial, setting = short(steps=4)
    untrained, trained, _ = trial.train(m.language(0), 0, setting)
    torch.manual_seed(0)
    first = trial.LanguageModel(setting).state_dict()
    still = [float((first[name] - value).abs().max()) for name, value in untrained.state_dict().items()]
    moved = [float((first[name] - value).abs().max()) for name, value in trained.state_dict().items()]
    evidence.equal(max(still), 0.0, "untrained parameters against a fresh start")
    evidence.bounded(moved, "each parameter after four steps, largest change", low=0, high=0.05, strict=True)
    words = np.arange(32)[None] % 20
    for place, low in ((9, 0.0), (10, 1e-3), (11, 1e-4)):
        other = words.copy()
        other[0, 10] = 300
        change = [float((a - b)[place].abs().max()) for a, b in
                  zip(trial.states(untrained, words)[1:], trial.states(untrained, other)[1:])]  # fmt: skip
        high = 1e-6 if place < 10 else None
        evidence.bounded(change, f"word 10 exchanged, vector {place}", low=low, high=high)


@pytest.mark.library("torch", "scikit-learn")
def test_probes(evidence):
    """Probes of scikit-learn on the same vectors reach the same accuracies, to 0.04, linear and with 64
    hidden units, for tags and for control labels."""
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    trial, setting = short(epochs=24)
    lang, rng = m.language(3), np.random.default_rng(3)
    (words, tags), (test, test_tags) = (m.sentences(lang, count, 32, rng) for count in (48, 48))
    labels = m.control(tags, m.TYPES, rng)
    torch.manual_seed(3)
    network = trial.LanguageModel(setting)
    x, x_test = (trial.states(network, part)[-1] for part in (words, test))
    scaled, scaled_test = (((part - x.mean(0)) / x.std(0)).numpy() for part in (x, x_test))
    rate = dict(learning_rate_init=setting.probe_rate, batch_size=setting.probe_batch, alpha=0)
    with_64 = MLPClassifier((64,), max_iter=setting.epochs, n_iter_no_change=99, random_state=0, **rate)
    for name, y, y_test in (("tags", tags, test_tags), ("control", labels[words], labels[test])):
        y, y_test = y.ravel(), y_test.ravel()
        for size, library in ((0, LogisticRegression(C=1.0, max_iter=300)), (64, with_64)):
            mine = trial.accuracy(x, torch.from_numpy(y), x_test, torch.from_numpy(y_test), size, 0, setting)
            theirs = library.fit(scaled, y).score(scaled_test, y_test)
            evidence.close(mine, theirs, 0.04, f"{name}, {size} hidden units")
