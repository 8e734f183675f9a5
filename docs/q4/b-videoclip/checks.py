"""Checks of 4(b): the loss of VideoCLIP, its gradient, its bounds, its relatives, and an experiment."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from . import experiment as trial
from . import oracles

HERE = Path(__file__).parent
ROUNDING = 1e-12


BATCHES = [oracles.batch(0, 2, 3, 1), oracles.batch(1, 4, 3, 0.7), oracles.batch(2, 5, 2, 2.5)]


def by_clips(chances):
    """Return NCE as a function of the states of two clips, from a table of their bytes."""
    return lambda asking, other: chances[asking.tobytes(), other.tobytes()]


def test_loss(evidence):
    """The printed loss, with the printed softmaxes, is a sum of cross-entropies: minus the logarithms of
    the diagonals of $P$ and $Q$. Its states are averages over tokens."""
    for b in BATCHES:
        by_hand = oracles.loss(b.v, b.t, b.tau)
        states = {f"v{i}": row for i, row in enumerate(b.v)} | {f"t{i}": row for i, row in enumerate(b.t)}
        pairs = [(f"v{i}", f"t{i}") for i in range(b.n)]
        to_text, to_video = oracles.probabilities(b.v, b.t, b.tau)
        chance = {(v.tobytes(), t.tobytes()): p for v, t, p in zip(b.v, b.t, to_text)}
        chance |= {(t.tobytes(), v.tobytes()): p for v, t, p in zip(b.v, b.t, to_video)}
        evidence.equation("eq-videoclip-loss", ROUNDING, "pair by pair, with loops", L=by_hand, z=states,
                          NCE=by_clips(chance), sets={"B": pairs})  # fmt: skip
        for i in range(b.n):  # one row asks for pair i, the other for i - 1: no name can stand for another
            v, t = b.v[i], b.t[i - 1]
            asked = {(v.tobytes(), t.tobytes()): to_text[i], (t.tobytes(), v.tobytes()): to_video[i - 1]}
            evidence.equation("eq-videoclip-nce", ROUNDING, "softmaxes by loops", z_v=v, z_t__plus=b.t[i],
                              z_t=t, z_v__plus=b.v[i - 1], tau=b.tau, NCE=by_clips(asked),
                              sets={"T": list(b.t), "V": list(b.v)})  # fmt: skip
        evidence.equation("eq-videoclip-matrix", ROUNDING, "entry by entry, with loops", L=by_hand, S=b.S,
                          P=b.P, Q=b.Q, Z_v=b.v, Z_t=b.t, tau=b.tau, n=b.n)  # fmt: skip
        h = np.random.default_rng(9).normal(size=(6, 3))
        z = [sum(column) / len(column) for column in h.T]
        evidence.equation("eq-videoclip-pool", ROUNDING, "column by column", h=list(h), m=6, z=np.array(z))


def test_gradient(evidence):
    """Negatives push with their softmax weights; both derivatives are those of finite differences."""
    for b in BATCHES:
        for i in range(b.n):

            def term(row):
                others = [b.t[j] for j in range(b.n) if j != i]
                return -np.log(oracles.pick(row, b.t[i], others, b.tau))

            slope = oracles.slope(term, b.v[i])
            evidence.equation("eq-videoclip-push", 1e-7, "central differences", P=b.P, t=list(b.t), tau=b.tau,
                              i=i + 1, partial_ell_i_partial_v_i=slope,
                              sets={"j": range(1, b.n + 1)})  # fmt: skip
        by_v = oracles.slope(lambda v: oracles.loss(v, b.t, b.tau), b.v)
        by_t = oracles.slope(lambda t: oracles.loss(b.v, t, b.tau), b.t)
        evidence.equation("eq-videoclip-gradients", 1e-7, "central differences", partial_L_partial_Z_v=by_v,
                          partial_L_partial_Z_t=by_t, P=b.P, Q=b.Q, I=np.eye(b.n), Z_v=b.v, Z_t=b.t,
                          tau=b.tau)  # fmt: skip


def test_ablation(evidence):
    """By the printed table, R@1 falls by 4.2 and by 6.1 points, and rises by 83 % in all."""
    table = evidence.table("zero-shot text to video on YouCook2 [1, Table 7]")
    rows = ("VideoCLIP", "without retrieval", "without retrieval and without overlap")
    full, aligned, neither = (float(table[row][0]) for row in rows)
    evidence.shows("4.2", full - aligned)
    evidence.shows("6.1", aligned - neither)
    evidence.shows("83", 100 * (full / neither - 1))
    evidence.bounded([full - aligned, aligned - neither], "points lost at each step", low=4)


def test_ratio(evidence):
    r"""Two negatives are weighted as the exponentials of their dot products over $\tau$; the share of the
    hardest of them grows as $\tau$ falls."""
    for b in BATCHES[1:]:
        each = [{"i": i, "j": j, "k": k} for i, j, k in np.ndindex(b.n, b.n, b.n) if i not in (j, k)]
        each = [{name: number + 1 for name, number in place.items()} for place in each]
        evidence.equation("eq-videoclip-ratio", ROUNDING, "weights by loops", each=each, P=b.P, v=list(b.v),
                          t=list(b.t), tau=b.tau)  # fmt: skip
        shares = []
        for tau in (4, 2, 1, 0.5, 0.25):
            others = np.exp([oracles.dot(b.v[0], other) / tau for other in b.t[1:]])
            shares.append(max(others) / sum(others))
        evidence.bounded(np.diff(shares), "steps of the hardest share, τ = 4 to 0.25", low=0, strict=True)


def test_figure(evidence):
    """In the batches of the figure the negatives of a video have 0.12 of the weight on average in the
    random batch, 0.53 in the cluster; the cluster has five topics of more than one video."""
    example = json.loads((HERE / "results.json").read_text())["example"]
    for text, way in (("0.12", "random"), ("0.53", "retrieved")):
        scores = np.array(example[way]["scores"])
        weights = [sum(np.exp(np.delete(row, i))) / sum(np.exp(row)) for i, row in enumerate(scores)]
        evidence.shows(text, np.mean(weights))
    repeated = {
        way: sorted({k for k in e["topics"] if e["topics"].count(k) > 1}) for way, e in example.items()
    }
    evidence.equal([len(repeated[way]) for way in ("random", "retrieved")], [0, 5], "topics that repeat")


def test_bounds(evidence):
    """The term of a video lies between the two printed bounds; both are attained with two pairs, the upper
    one also with six equal negatives, and the lower one in the limit of one hard negative."""
    for seed in range(20):
        b = oracles.batch(seed, n=4, d=2, tau=1.5)
        gaps = [b.S[i, i] - max(np.delete(b.S[i], i)) for i in range(b.n)]
        given = {"ell": [-np.log(p) for p in oracles.probabilities(b.v, b.t, b.tau)[0]], "g": gaps}
        each = [{"i": i} for i in range(1, b.n + 1)]
        evidence.equation("eq-videoclip-gap", ROUNDING, "term by loops, 4 pairs", each=each, n=b.n, **given)
    for seed in range(5):
        b = oracles.batch(seed, n=2)
        gap, term = b.S[0, 0] - b.S[0, 1], -np.log(oracles.probabilities(b.v, b.t, b.tau)[0][0])
        evidence.equation("eq-videoclip-gap", ROUNDING, "2 pairs", tight=True, i=1, n=2, ell=[term], g=[gap])
    lower, upper = (evidence.printed("eq-videoclip-gap").function(side=side) for side in (0, 2))
    for lead in (-3.0, 0.0, 2.0):
        equal = 1 / oracles.pick([1], [lead], [[0]] * 6, 1)
        evidence.close(upper(i=1, n=7, g=[lead]), equal, ROUNDING, "six equal negatives")
        hard = 1 / oracles.pick([1], [lead], [[0]] + [[-40]] * 5, 1)
        evidence.close(lower(i=1, n=7, g=[lead]), hard, ROUNDING, "one hard negative, five far away")


def test_start(evidence):
    r"""With equal scores the loss is $2 n \log n$; over all pairings of a batch it is at least that on
    average, and more if the scores differ."""
    for n in (2, 3, 6):
        same = np.ones((n, 4))
        by_hand = oracles.loss(same, same, 0.5)
        evidence.equation("eq-videoclip-start", ROUNDING, "equal states, loops", n=n, L=by_hand)
    for seed, scale in ((0, 0.1), (1, 1.0), (2, 3.0)):
        b = oracles.batch(seed, n=5, scale=scale)
        mean = np.mean(oracles.all_pairings(b.v, b.t, b.tau))
        evidence.bounded(mean - 2 * 5 * np.log(5), f"120 pairings, size {scale}", low=0, strict=True)
    evidence.shows("12.48", 2 * np.log(512))
    evidence.shows("512", 32 * 16)


def test_unit_vectors(evidence):
    r"""Unit vectors keep the term of a video above the printed bound, which is attained when all other texts
    are opposite: 4.25 at $\tau = 1$ with 512 pairs, where the start is 6.24, and 2.0e-10 at 0.07."""
    for seed in range(10):
        b = oracles.batch(seed, n=5, d=3)
        v, t = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (b.v, b.t))
        for tau in (1, 0.3):
            terms = [-np.log(p) for p in oracles.probabilities(v, t, tau)[0]]
            evidence.equation("eq-videoclip-unit", ROUNDING, "random unit vectors, loops", n=5, tau=tau,
                              each=[{"i": i} for i in range(1, 6)], ell=terms)  # fmt: skip
    unit = np.array([0.6, 0.8])
    best = {tau: -np.log(oracles.pick(unit, unit, [-unit] * 511, tau)) for tau in (1, 0.07)}
    evidence.equation("eq-videoclip-unit", ROUNDING, "all others opposite", tight=True, i=1, n=512, tau=1,
                      ell=[best[1]])  # fmt: skip
    evidence.shows("4.25", best[1])
    evidence.shows("6.24", np.log(512))
    exact = np.log1p(511 * np.exp(-2 / 0.07))
    evidence.shows(r"2.0 \times 10^{-10}", exact)
    evidence.close(best[0.07], exact, 1e-15, "τ = 0.07")
    for text, value in (("512", 511 + 1), ("0.07", 0.07)):
        evidence.shows(text, value)


def test_mil_nce(evidence):
    r"""The printed loss of MIL-NCE sums positives inside the logarithm and goes through a row and a column;
    it stays above $\log 2$. With one text a video it is the logarithm of the sum, where VideoCLIP has that
    of the product, of $1/P_{ii}$ and $1/Q_{ii}$."""
    rng = np.random.default_rng(3)
    for n, K in ((3, 2), (2, 4), (4, 1)):
        v, t = rng.normal(size=(n, 3)), rng.normal(size=(n, K, 3))
        found = oracles.mil_nce(v, t)
        A = [sum(np.exp(oracles.dot(v[i], text)) for text in t[i]) for i in range(n)]
        blocks = {(i, k): t[i - 1, k - 1] for i in range(1, n + 1) for k in range(1, K + 1)}
        R, C = oracles.row_and_column(v, t)
        evidence.equation("eq-videoclip-mil", ROUNDING, "loops through row and column", n=n, K=K, A=A, R=R,
                          C=C, M=found, v=list(v), t=blocks,
                          each=[{"i": i} for i in range(1, n + 1)])  # fmt: skip
        evidence.bounded(found, "at least log 2", low=np.log(2))
    single = t[:, 0]
    P, Q = (np.diag(row) for row in oracles.probabilities(v, single, 1))
    terms = [-np.log(P[i, i] * Q[i, i]) for i in range(4)]
    evidence.close(sum(terms), oracles.loss(v, single, 1), ROUNDING, "the terms add up to the loss")
    evidence.equation("eq-videoclip-cousins", ROUNDING, "row and column, one text a video", M=found, P=P, Q=Q,
                      L=terms, each=[{"i": i} for i in range(1, 5)])  # fmt: skip


def test_experiment(evidence):
    """The committed runs carry the digest of experiment.py. In every seed of all three worlds the run with
    retrieved batches ends with the higher loss in training. With 100 or 10 topics it has the higher R@1 in
    every seed; with 100, the lower loss on new random batches and on the new clusters that each model itself
    retrieves; with 10, it finds the topic less often.
    With twice the noise R@1 is higher in four of five seeds, and the mean loss on new random batches too."""
    results = json.loads((HERE / "results.json").read_text())
    digest = hashlib.sha256((HERE / "experiment.py").read_bytes()).hexdigest()
    evidence.equal(results["provenance"]["experiment"], digest, "digest of experiment.py")
    for world, ways in results["runs"].items():
        ends = {way: oracles.ends(runs.values()) for way, runs in ways.items()}
        evidence.equal({len(runs) for runs in ways.values()}, {5}, f"seeds, {world}")
        lead = {name: ends["retrieved"][name] - ends["random"][name] for name in ends["random"]}
        evidence.bounded(lead["loss"], f"loss in training, every seed, {world}", low=0, strict=True)
        printed(evidence, world, ends)
        if world == "noisy":
            evidence.equal((lead["recall"] > 0).sum(), 4, "seeds with the higher R@1, noisy")
            evidence.bounded(lead["on random"].mean(), "loss on new random batches, noisy, mean", low=0)
            continue
        evidence.bounded(lead["recall"], f"R@1, every seed, {world}", low=0, strict=True)
        if world == "few":
            evidence.bounded(lead["topic"], "topic found, every seed, few topics", high=0, strict=True)
            continue
        evidence.bounded(lead["inside"], "R@1 inside the topic, every seed", low=0, strict=True)
        evidence.bounded(abs(lead["topic"].mean()), "topic found, means", high=0.02)
        for name in trial.WAYS:
            evidence.bounded(lead[f"on {name}"], f"loss on new {name} batches", high=0, strict=True)


PRINTED = {
    "many": {"loss": ("0.34", "1.36"), "recall": ("37.3", "48.0"), "inside": ("56.3", "69.3"),
             "topic": ("66.5", "67.8"), "on random": ("0.38", "0.28"), "on retrieved": ("1.99", "1.49")},
    "few": {"recall": ("32.3", "39.8"), "topic": ("97.6", "88.1")},
    "noisy": {"recall": ("16.6", "17.9"), "inside": ("28.4", "36.0"), "topic": ("57.3", "50.2"),
              "on random": ("0.89", "0.93")},
}  # fmt: skip


def printed(evidence, world, ends):
    """Assert that the page prints the means of a world right, and its sizes."""
    for name, texts in PRINTED[world].items():
        for way, text in zip(trial.WAYS, texts, strict=True):
            percent = 100 if name in ("recall", "inside", "topic") else 1
            evidence.shows(text, percent * ends[way][name].mean())
    setting = trial.WORLDS[world]
    sizes = {"many": ("topics", "batch", "steps", "every"), "few": ("topics", "variants")}.get(world, ())
    for name in sizes:
        evidence.shows(f"{getattr(setting, name)}", getattr(setting, name))
    if world == "many":
        evidence.shows("800", setting.topics * setting.variants)
        content = trial.World(0, setting).videos.reshape(setting.topics, setting.variants, -1)
        centre, own = np.split(content, [setting.coarse], axis=2)
        evidence.equal(np.ptp(centre, axis=1).max(), 0, "differences of the centre inside a topic")
        evidence.bounded(own.std() / centre.std(), "a video's own part against the centre", high=0.5)
    if world == "noisy":
        evidence.equal(setting.noise, 2 * trial.MANY.noise, "noise")


def test_short_run(evidence):
    """The first hundred steps of a run with each kind of batches, made again, are those on file."""
    filed = json.loads((HERE / "results.json").read_text())["runs"]["many"]
    short = SimpleNamespace(**vars(trial.MANY) | {"steps": 100})
    for way in trial.WAYS:
        _, _, course = trial.fit(way, 0, short)
        for name in ("loss", "recall", "topic"):
            evidence.close(course[name], filed[way]["0"][name][:5], 0.004, f"{way}, {name}")


def test_parts_of_the_experiment(evidence):
    """The experiment trains on the printed loss, divided by $n$, and descends along the printed derivatives;
    it retrieves by the printed features, its clusters come from the nearest videos, and what it counts as
    found, among all videos and in the topic, are the highest scores of each text, by loops."""
    for b in (oracles.batch(0, n=4, tau=1), oracles.batch(1, n=6, tau=1)):
        evidence.close(trial.loss(b.v, b.t), oracles.loss(b.v, b.t, 1) / b.n, ROUNDING, "loss, loops")
        by_v, by_t = b.n * trial.slopes(b.v, b.t)
        evidence.equation("eq-videoclip-gradients", ROUNDING, "those of the experiment", P=b.P, Q=b.Q,
                          partial_L_partial_Z_v=by_v, partial_L_partial_Z_t=by_t, I=np.eye(b.n), Z_v=b.v,
                          Z_t=b.t, tau=1)  # fmt: skip
    setting = SimpleNamespace(**vars(trial.MANY) | {"topics": 6, "variants": 5})
    encoders = np.random.default_rng(0).normal(size=(2, setting.inputs, 3))
    found = trial.features(world := trial.World(1, setting), world.videos, encoders)
    again = trial.World(1, setting)
    clips = [again.clips(again.videos) for _ in range(setting.clips)]
    for video in range(30):
        v, t = ([x[kind, video] @ encoders[kind] for x in clips] for kind in (0, 1))
        evidence.equation("eq-videoclip-feature", ROUNDING, "the features of the experiment", v=v, t=t,
                          m=setting.clips, z_V=found[video])  # fmt: skip
    for seed in range(10):
        chosen = trial.cluster(found, 4, np.random.default_rng(seed))
        centre = np.random.default_rng(seed).integers(len(found))
        near = sorted(range(30), key=lambda i: sum((found[i] - found[centre]) ** 2))[:8]
        evidence.equal((len(set(chosen)), set(chosen) <= set(near)), (4, True), "four of the eight nearest")
        world, again = trial.World(seed, setting), trial.World(seed, setting)
        v, t = (x @ matrix for x, matrix in zip(again.clips(again.unseen), encoders))
        by_loops = oracles.recalls(v, t, setting.variants)
        evidence.close(trial.recall(world, encoders), by_loops, ROUNDING, "videos and topics found")


def test_twice(evidence):
    r"""If two pairs have the same text, the probability of either video's text is at most one half, and the
    terms of the two pairs add up to at least $4 \log 2$, which they can come near to."""
    for seed in range(10):
        b = oracles.batch(seed, n=4)
        t = np.array([b.t[1], *b.t[1:]])
        to_text, to_video = oracles.probabilities(b.v, t, b.tau)
        evidence.bounded(to_text[:2], "probability of the doubled text", high=0.5)
        terms = -np.log([*to_text[:2], *to_video[:2]]).sum()
        evidence.bounded(terms, "the terms of both pairs", low=4 * np.log(2))
    far = 6 * np.array([[1.0, 0], [1, 0], [-1, 0], [0, 1]])
    near = -np.log(np.array(oracles.probabilities(far, far, 1))[:, :2]).sum()
    evidence.close(near, 4 * np.log(2), 1e-6, "two equal pairs, the others far away")


def test_information(evidence):
    r"""The mutual information of a table of pairs is at least $\log n$ minus the mean term, for random
    scores and for the best ones; independent pairs with equal scores attain the bound."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        joint = rng.dirichlet(np.full(9, 0.4)).reshape(3, 3) + 0.002
        joint /= joint.sum()
        best = np.log(joint / np.outer(joint.sum(axis=1), joint.sum(axis=0)))
        for n, scores in ((2, best), (3, best), (3, rng.normal(size=(3, 3)))):
            mean = oracles.expected_term(joint, scores, n)
            evidence.equation("eq-videoclip-information", ROUNDING, "all batches of a 3 × 3 table", n=n,
                              I=oracles.information(joint), ell_bar=mean)  # fmt: skip
    alone = np.outer([0.2, 0.8], [0.5, 0.1, 0.4])
    mean = oracles.expected_term(alone, np.zeros((2, 3)), 3)
    evidence.equation("eq-videoclip-information", ROUNDING, "independent pairs", tight=True, n=3,
                      I=oracles.information(alone), ell_bar=mean)  # fmt: skip


def test_variant_numbers(evidence):
    """Three pairs with scores 2 on the diagonal have terms of 0.2395 and the loss 1.437; with 4 on it, 0.0360
    and 0.216."""
    for height, term, total in ((2, "0.2395", "1.437"), (4, "0.0360", "0.216")):
        states = np.sqrt(height) * np.eye(3)
        evidence.close(states @ states.T, height * np.eye(3), ROUNDING, "scores")
        evidence.shows(term, -np.log(oracles.probabilities(states, states, 1)[0][0]))
        evidence.shows(total, oracles.loss(states, states, 1))


def test_shift(evidence):
    """A vector added to all texts leaves each video's probabilities alone and changes those of the texts; a
    large one makes all texts find one video."""
    for b in BATCHES:
        moved = b.t + 3 * b.v[0]
        before, after = (oracles.probabilities(b.v, t, b.tau) for t in (b.t, moved))
        evidence.close(before[0], after[0], 1e-10, "video to text")
        evidence.bounded(np.abs(np.subtract(before[1], after[1])).max(), "text to video", low=0.01)
        hub = np.argmax(b.v @ b.v[0])
        best = np.argmax(b.v @ (b.t + 100 * b.v[0]).T, axis=0)
        evidence.equal(best.tolist(), [hub] * b.n, "the video that each text finds")


def test_larger_batch(evidence):
    """With more pairs in the batch, every term of the first ones rises."""
    for seed in range(10):
        b = oracles.batch(seed, n=6)
        small, large = (np.array(oracles.probabilities(b.v[:k], b.t[:k], b.tau)) for k in (3, 6))
        evidence.bounded(np.log(small) - np.log(large[:, :3]), "rise of the terms", low=0, strict=True)


@pytest.mark.library("torch")
def test_released_loss(evidence):
    r"""PyTorch's cross-entropy on the rows and on the columns of the dot products, added, is the printed loss
    at $\tau = 1$ divided by $n$; its automatic derivatives are the printed ones divided by $n$."""
    import torch

    for b in (oracles.batch(0, n=4, d=3, tau=1), oracles.batch(1, n=7, d=5, tau=1)):
        video, text = (torch.tensor(x, requires_grad=True) for x in (b.v, b.t))
        targets = torch.arange(b.n)
        rows, columns = (torch.nn.CrossEntropyLoss()(s, targets) for s in (video @ text.T, text @ video.T))
        (rows + columns).backward()
        evidence.equation("eq-videoclip-matrix", ROUNDING, "PyTorch's cross-entropies, times n", n=b.n, S=b.S,
                          P=b.P, Q=b.Q, Z_v=b.v, Z_t=b.t, tau=1, L=b.n * (rows + columns).item())  # fmt: skip
        evidence.equation("eq-videoclip-gradients", 1e-10, "PyTorch's derivatives, times n", P=b.P, Q=b.Q,
                          partial_L_partial_Z_v=b.n * video.grad.numpy(), Z_v=b.v, Z_t=b.t, I=np.eye(b.n),
                          partial_L_partial_Z_t=b.n * text.grad.numpy(), tau=1)  # fmt: skip


@pytest.mark.library("transformers", "torch")
def test_clip(evidence):
    r"""The loss of a CLIP of transformers, with random weights, is the printed one on its unit vectors, at
    its temperature, divided by $2n$; it starts at $\tau = 0.07$."""
    import torch
    import transformers

    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.CLIPConfig(text_config=small | {"vocab_size": 50, "eos_token_id": 49},
                                     vision_config=small | {"image_size": 8, "patch_size": 4},
                                     projection_dim=6)  # fmt: skip
    network = transformers.CLIPModel(config).double().eval()
    evidence.shows("0.07", np.exp(-network.logit_scale.item()))
    words = torch.randint(0, 49, (5, 7))
    words[:, -1] = 49
    with torch.no_grad():
        out = network(input_ids=words, pixel_values=torch.randn(5, 3, 8, 8).double(), return_loss=True)
    v, t = out.image_embeds.numpy(), out.text_embeds.numpy()
    evidence.close(np.linalg.norm([v, t], axis=2), np.ones((2, 5)), ROUNDING, "lengths")
    tau = np.exp(-network.logit_scale.item())
    to_text, to_video = oracles.probabilities(v, t, tau)
    S = np.array([[oracles.dot(a, b) / tau for b in t] for a in v])
    P, Q = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True), np.exp(S) / np.exp(S).sum(axis=0)
    evidence.close(np.diag(P), to_text, ROUNDING, "by loops")
    evidence.close(np.diag(Q), to_video, ROUNDING, "by loops")
    evidence.equation("eq-videoclip-matrix", 1e-10, "the loss of transformers, times 2n", S=S, P=P, Q=Q, n=5,
                      Z_v=v, Z_t=t, tau=tau, L=10 * out.loss.item())  # fmt: skip
