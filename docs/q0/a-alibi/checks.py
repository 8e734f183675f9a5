"""Checks of 0(a): where ALiBi puts position, what its windows are, and what longer inputs get."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq
from scipy.special import softmax

from . import model as m
from . import oracles

HERE = Path(__file__).parent
ROUNDING = 1e-12
LENGTH, WIDTH = 12, 4
PAIRS = [{"i": i, "j": j} for i in range(1, LENGTH + 1) for j in range(1, i + 1)]  # queries and their keys


def sample(seed):
    """Return random queries, keys and values of a head, their content scores, and a slope."""
    rng = np.random.default_rng(seed)
    q, k, v = rng.normal(0, 1.5, (3, LENGTH, WIDTH))
    return SimpleNamespace(q=q, k=k, v=v, c=q @ k.T / np.sqrt(WIDTH), m=rng.uniform(0.02, 1))


SAMPLES = [sample(seed) for seed in range(6)]


def weights(scores):
    """Return SciPy's softmax over the keys, with the future masked."""
    return softmax(m.causal(scores), axis=-1)


def paper_slopes(heads):
    """Return the slopes for 8 heads, or for 16 the paper's way: geometric means of neighbours."""
    eight = [0.5**power for power in range(9)]
    means = [np.sqrt(a * b) for a, b in zip(eight, eight[1:])]
    return np.array(eight[1:] if heads == 8 else np.ravel(list(zip(means, eight[1:]))))


def recursive_slopes(heads):
    """Return the slopes by halving exponents and, between powers of two, by recursion."""
    if heads & (heads - 1) == 0:
        return [2.0 ** (-8 / heads)] if heads == 1 else interleaved(recursive_slopes(heads // 2))
    below = 1 << (heads.bit_length() - 1)
    return recursive_slopes(below) + recursive_slopes(2 * below)[::2][: heads - below]


def interleaved(slopes):
    """Return a geometric sequence from below 1 with the geometric means of its neighbours put in."""
    return [value for a, b in zip([1, *slopes], slopes) for value in (np.sqrt(a * b), b)]


def test_score(evidence):
    """The score is the scaled product of query and key, less the slope of the head times the distance."""

    def scores(s, slope):
        rows = np.zeros((LENGTH, LENGTH))
        for i in range(1, LENGTH + 1):
            bias = slope * np.array([-back for back in range(i - 1, -1, -1)])
            rows[i - 1, :i] = np.einsum("d,jd->j", s.q[i - 1], s.k[:i]) / 2 + bias
        return rows

    each = [
        {"s": scores(s, slope), "q": s.q, "k": s.k, "m": paper_slopes(n), "h": h, "n": n} | pair
        for s, n in zip(SAMPLES, (8, 16)) for h, slope in enumerate(paper_slopes(n), 1) for pair in PAIRS
    ]  # fmt: skip
    route = "the paper's row of biases, m [−(i − 1), …, −1, 0], and its slopes for 8 and for 16 heads"
    evidence.equation("eq-alibi-score", ROUNDING, route, each=each, d=WIDTH)


def test_weights(evidence):
    r"""The weights are $e^{c_{ij}}$ times the window $e^{-m(i - j)}$, normalised over the keys up to $i$."""
    each = [
        {"a": weights(s.c - s.m * m.distance(LENGTH)), "c": s.c, "m": s.m} | pair
        for s in SAMPLES for pair in PAIRS
    ]  # fmt: skip
    evidence.equation("eq-alibi-weights", ROUNDING, "SciPy's softmax of the masked scores", each=each, e=np.e)


def test_look_back(evidence):
    """For equal contents the mean distance and the share of the far keys are those of a geometric law."""
    each = [
        {"a": weights(np.full((i, i), 0.7) - slope * m.distance(i)), "m": slope, "i": i, "r": r}
        for slope in (*m.slopes(8), 4.0) for i in (1, 2, 9, 40) for r in {0, 1, i // 2, i}
    ]  # fmt: skip
    route = "sums of SciPy's softmax of equal scores with the bias"
    for label in ("eq-alibi-look-back", "eq-alibi-share"):
        # e^m − 1 loses 8 bits at m = 1/256, and its inverse is 255: errors of some 1e-11.
        evidence.equation(label, 1e-10, route, each=each, e=np.e)
    steep = [one for one in each if one["m"] == 4 and one["i"] == 40 and one["r"] < 5]
    evidence.equation("eq-alibi-share", 1e-11, "the bound at the slope 4, where it is met", tight=True,
                      each=steep, e=np.e)  # fmt: skip
    slope = sp.Symbol("m", positive=True)
    total = sum(sp.exp(-slope * t) for t in range(4))
    exact = [[sp.exp(-slope * (3 - j)) / total if i == 3 else 0 for j in range(4)] for i in range(4)]
    given = {"a": exact, "m": slope, "e": sp.E, "i": 4}
    evidence.identity("eq-alibi-look-back", "SymPy, four equal keys, any slope", **given)


def test_window_table(evidence):
    """The table of windows is right, and half the slope has $1 + e^{m/2}$ times the look-back."""
    table = evidence.table("head $h$")
    slopes, steps = 0.5 ** np.arange(1, 10), np.arange(60_000)
    terms = np.exp(-slopes[:, None] * steps)
    back = (terms @ steps) / terms.sum(axis=1)
    evidence.equal(table["mean look-back"], [f"{x:.2f}" for x in back[:8]], "sums over 60,000 keys")
    evidence.close(m.look_back(slopes), back, 1e-9, "the dots of the figure against the sums")
    share = evidence.printed("eq-alibi-share").function(side=1)
    given = [{"i": 60_000, "m": slope, "e": np.e} for slope in slopes[:8]]
    half = [brentq(lambda r: share(r=r, **values) - 0.5, 0, 1e3) for values in given]
    evidence.equal(table[r"$\ln 2/m_h$"], [f"{x:.2f}" for x in half], "half the printed share, by Brent")
    evidence.equal(table["slope $m_h$"], [f"1/{2**h}" for h in range(1, 9)], "powers of 1/2")
    evidence.close(back[1:] / back[:-1], 1 + np.exp(slopes[:-1] / 2), 1e-9, "quotients of the sums")


def test_row_form(evidence):
    """A bias $m j$ that is one row for all queries gives the weights of the bias $-m(i - j)$."""
    position = np.arange(1, LENGTH + 1)
    each = [{"c": s.c, "m": s.m} | pair for s in SAMPLES for pair in PAIRS]
    evidence.equation("eq-alibi-row", ROUNDING, "random contents and slopes", each=each)
    by_row = [weights(s.c + s.m * position) for s in SAMPLES]
    by_distance = [weights(s.c - s.m * m.distance(LENGTH)) for s in SAMPLES]
    evidence.close(by_row, by_distance, ROUNDING, "SciPy's softmax of both, with the future masked")


def test_no_mask(evidence):
    r"""Without a mask the row is not the penalty $-m\lvert i - j\rvert$, and no other row is."""
    s, position = SAMPLES[0], np.arange(1, LENGTH + 1)
    penalty = -s.m * np.abs(m.distance(LENGTH))
    evidence.close(weights(s.c + s.m * position), weights(s.c + penalty), ROUNDING, "both with the mask")
    row, both = softmax(s.c + s.m * position, -1), softmax(s.c + penalty, -1)
    evidence.bounded(
        np.abs(row - both)[:-1].max(axis=-1), "largest change per query without the mask", low=0.01
    )
    flat = softmax(np.tile(s.m * position, (LENGTH, 1)), axis=-1).argmax(axis=-1)
    evidence.equal(set(flat.tolist()), {LENGTH - 1}, "favourite key of every query under the row alone")
    mixed = penalty[1:, 1:] - penalty[1:, :-1] - penalty[:-1, 1:] + penalty[:-1, :-1]
    evidence.bounded(np.diag(mixed), "mixed differences, which vanish for a row plus a column",
                     low=1.9 * s.m)  # fmt: skip


def test_shift(evidence):
    """In one random layer, moving all positions by 100 leaves the weights with ALiBi's bias as they are,
    and changes those with sinusoidal embeddings."""
    rng, here = np.random.default_rng(0), np.arange(1, LENGTH + 1)
    tokens, form = rng.normal(size=(LENGTH, 16)), rng.normal(size=(16, 16)) / 16

    def biased(position):
        return weights(tokens @ form @ tokens.T - 0.3 * np.subtract.outer(position, position))

    def embedded(position):
        waves = oracles.angles(position, 16)
        x = tokens + np.hstack([np.sin(waves), np.cos(waves)])
        return weights(x @ form @ x.T)

    evidence.close(biased(here + 100), biased(here), 0, "ALiBi at the positions 1 to 12 and 101 to 112")
    moved = np.abs(embedded(here + 100) - embedded(here))[1:].max(axis=-1)
    evidence.bounded(moved, "largest change per query with sinusoidal embeddings", low=0.01)
    evidence.shows("100", 100)


def test_four_terms(evidence):
    """Multiplied out, the score of two sums has a term of contents, two mixed ones and one of positions."""
    rng = np.random.default_rng(0)
    e, p, form = rng.normal(size=(3, 5)), rng.normal(size=(3, 5)), rng.normal(size=(5, 5))
    each = [{"i": i, "j": j} for i in (1, 2, 3) for j in (1, 2, 3)]
    evidence.equation("eq-alibi-four-terms", ROUNDING, "random vectors and form", each=each, e=e, p=p, A=form)
    kinds = [np.einsum("ia,ab,jb->ij", x, form, y) for x in (e, p) for y in (e, p)]
    whole = np.einsum("ia,ab,jb->ij", e + p, form, e + p)
    evidence.close(sum(kinds), whole, ROUNDING, "the four terms by NumPy's einsum")
    alone = np.ptp(np.einsum("ia,ab,jb->ij", p, form, p), axis=0)
    evidence.bounded(alone, "change of the fourth term from query to query", low=0.1)


def outputs(s, r, i=LENGTH):
    """Return the head's output for query i, that of its r nearest keys alone, and the spread of contents."""
    scores = (s.c - s.m * m.distance(LENGTH))[i - 1, :i]
    every, near = softmax(scores), softmax(scores[i - r :])
    return every, every @ s.v[:i], near @ s.v[i - r : i], np.ptp(s.c[i - 1, :i])


def far(s, r):
    """Return what the symbols of the bound stand for, for the last query."""
    every, o, near, spread = outputs(s, r)
    longest = np.linalg.norm(s.v, axis=1).max()
    table = np.vstack([np.full((LENGTH - 1, LENGTH), np.nan), every])  # only the last query is asked for
    rows = {"a": table, "o": {LENGTH: o}, "o_prime": {LENGTH: near}}
    return rows | {"m": s.m, "r": r, "Delta": spread, "V": longest, "i": LENGTH}


def test_far_bound(evidence):
    r"""The keys from distance $r$ on get a share of at most $e^{\Delta - m r}$ and move the output by at
    most $2V$ times that; the worst contents come within 1 % of both bounds."""
    each = [far(s, r) for s in SAMPLES for r in range(1, LENGTH)]
    evidence.equation("eq-alibi-far", ROUNDING, "random heads, every r", each=each, e=np.e)
    worst = SimpleNamespace(m=2.0, c=np.zeros((LENGTH, LENGTH)), v=np.full((LENGTH, 1), 3.0))
    worst.c[:, :6], worst.v[:6] = 3.0, -3.0  # far keys lead in content, and their values are opposite
    found, bounds = far(worst, 6), evidence.printed("eq-alibi-far")
    every, o, near, _ = outputs(worst, 6)
    for row, value in enumerate((every[:6].sum(), abs(o - near)[0])):
        left, bound = (bounds.function(row, side)(**found, e=np.e) for side in (0, 1))
        evidence.close(left, value, ROUNDING, f"left side {row + 1}, worst contents, by SciPy's softmax")
        evidence.bounded(value / bound, f"the same over its bound {row + 1}", low=0.99, high=1)


def test_beyond_training(evidence):
    """For equal contents head 8 sends at most 0.018 of its attention beyond 1,024 tokens, and from 4,096
    keys on nearly that, however long the input."""
    counts = (4096, 16384, 65536)
    far = [softmax(-np.arange(keys) / 256)[1024:].sum() for keys in counts]
    evidence.bounded(far, "sums of SciPy's softmax, 4,096 to 65,536 keys", low=0.0183, high=0.01832)
    flat = [softmax(np.zeros(keys))[1024:].sum() for keys in counts]
    evidence.close(flat, [1 - 1024 / keys for keys in counts], ROUNDING, "without a bias, which tends to 1")
    evidence.shows("1024", 1024)
    evidence.shows("0.018", far[-1])
    lead = 1024 * m.slopes(8)
    evidence.equal([lead[7], lead[0]], [4, 512], "the penalty at distance 1,024 in heads 8 and 1")


def places(source, most=40):
    """Yield the head counts and heads at which printed slopes are compared with those of a source.

    These are all heads of up to `most` heads, and beyond, up to 256, the ends of both parts of the formula.
    """
    for n in range(1, 257):
        slopes, power = np.asarray(source(n), float), 2 ** int(np.log2(n))
        heads = range(1, n + 1) if n <= most else sorted({1, power, min(power + 1, n), n})
        yield from ({"m": slopes, "N": power, "n": n, "h": h} for h in heads)


def test_any_heads(evidence):
    """The printed slopes are those of the released recursion, for 1 to 256 heads."""
    route = "the recursion, with powers of two by geometric means"
    evidence.equation("eq-alibi-any-heads", ROUNDING, route, each=places(recursive_slopes))
    found, known = (np.concatenate([f(n) for n in range(1, 257)]) for f in (m.slopes, recursive_slopes))
    evidence.close(found, known, ROUNDING, "the slopes of the figures, every head")
    evidence.shows("256", len(recursive_slopes(256)))
    plain = 2.0 ** (-8 * np.arange(1, 13) / 12)
    gap = np.abs(np.sort(plain) - np.sort(m.slopes(12)))
    evidence.bounded(gap.max(), "distance from the plain formula for 12 heads", low=0.05)


def test_twelve_heads(evidence):
    """For 12 heads the four additional slopes lie on the steep side: they look back 11 tokens or fewer."""
    extra = recursive_slopes(12)[8:]
    for text, slope in zip(("0.7071", "0.3536", "0.1768", "0.0884"), extra, strict=True):
        evidence.shows(text, slope)
    steps = np.arange(10_000)
    back = [softmax(-slope * steps) @ steps for slope in extra]
    evidence.bounded(back, "look-back by sums", high=11)
    evidence.shows("11", max(back))
    evidence.shows("12", len(recursive_slopes(12)))


def test_scaled_window(evidence):
    r"""A bias divided by $\sqrt{d}$ is a slope divided by $\sqrt{d}$; for $d = 64$ the mean look-back of
    head 1 grows to 15.5, and those of heads 1 to 4 by factors from 10.1 down to 8.2."""
    s = SAMPLES[0]
    late = weights((s.q @ s.k.T - s.m * m.distance(LENGTH)) / np.sqrt(WIDTH))
    early = weights(s.c - s.m / np.sqrt(WIDTH) * m.distance(LENGTH))
    evidence.close(late, early, ROUNDING, "sum divided against slope divided")
    own = np.abs(late - weights(s.c - s.m * m.distance(LENGTH)))
    evidence.bounded(own.max(), "change against the paper's weights", low=0.02)
    steps = np.arange(60_000)  # enough for the slope 1/2048
    plain, scaled = (
        np.array([softmax(-slope * steps) @ steps for slope in paper_slopes(8) / root])
        for root in (1, np.sqrt(64))
    )
    evidence.close([plain[0], scaled[0]], [1.54, 15.5], 0.007, "look-back by sums, d = 64")
    growth = scaled / plain
    evidence.bounded(np.diff(growth), "factors from head to head", high=0, strict=True)
    evidence.close(growth[-1], 8, 0.02, "factor of head 8")
    for text, value in zip(("10.1", "8.9", "8.5", "8.2"), growth[:4], strict=True):
        evidence.shows(text, value)
    for text, value in (("64", 8**2), ("15.5", scaled[0]), ("1.54", plain[0])):
        evidence.shows(text, value)


def test_lift(evidence):
    """The bias is an inner product of two further coordinates of query and key."""
    each = [
        {"q": s.q, "k": s.k, "m": s.m, "q_tilde": np.c_[s.q / 2, -s.m * place, np.full(LENGTH, s.m)],
         "k_tilde": np.c_[s.k, np.ones(LENGTH), place]} | pair
        for s in SAMPLES for place in [np.arange(1, LENGTH + 1)] for pair in PAIRS
    ]  # fmt: skip
    evidence.equation("eq-alibi-lift", ROUNDING, "random heads, coordinates appended", each=each, d=WIDTH)


def test_experiment(evidence):
    """The committed runs carry the digest of experiment.py; in every run ALiBi's loss falls with each length
    in chunks, and is no lower at 512 than at 64 in sliding windows; the sinusoidal loss rises from 64 to 128
    in both."""
    results = json.loads((HERE / "results.json").read_text())
    digest = hashlib.sha256((HERE / "experiment.py").read_bytes()).hexdigest()
    evidence.equal(results["provenance"]["experiment"], digest, "digest of experiment.py")
    bits = {
        (method, way): np.array([[ways[way] for ways in run.values()] for run in runs.values()])
        for method, runs in results["bits"].items() for way in ("chunks", "sliding")
    }  # fmt: skip
    evidence.equal({len(runs) for runs in bits.values()}, {3}, "seeds of each method")
    evidence.bounded(np.diff(bits["alibi", "chunks"]), "ALiBi, steps in chunks", high=0, strict=True)
    gain = bits["alibi", "sliding"][:, :1] - bits["alibi", "sliding"][:, -1:]
    evidence.bounded(gain, "ALiBi, gain from 64 to 512 in sliding windows", low=-0.02, high=0)
    for way in ("chunks", "sliding"):
        rise = bits["sinusoidal", way][:, 1] - bits["sinusoidal", way][:, 0]
        evidence.bounded(rise, f"sinusoidal, from 64 to 128, {way}", low=0.5)
    lead = bits["alibi", "chunks"][:, 0] - bits["rotary", "chunks"][:, 0]
    evidence.bounded(lead, "lead of RoPE in chunks of 64", low=0, strict=True)
    lost = [bits["rotary", way][:, -1] - bits["alibi", way][:, -1] for way in ("chunks", "sliding")]
    evidence.bounded(lost, "loss of RoPE above ALiBi's at 512", low=0.5, strict=True)
    early = (bits["rotary", "sliding"] - bits["alibi", "sliding"])[:, 2]
    evidence.bounded(early, "the same in sliding windows of 256", low=0.5, strict=True)
    means = {name: runs.mean(axis=0) for name, runs in bits.items()}
    waves, chunks, sliding = (
        means["sinusoidal", "chunks"],
        means["alibi", "chunks"],
        means["alibi", "sliding"],
    )
    for text, value in (("2.44", waves[0]), ("4.06", waves[-1]), ("2.29", chunks[0]), ("2.26", chunks[-1])):
        evidence.shows(text, value)
    for text, value in (("2.14", sliding.min()), ("2.15", sliding.max())):
        evidence.shows(text, value)
    first, _, third, last = (int(length) for length in results["bits"]["alibi"]["0"])
    for text, length in (("64", first), ("256", third), ("512", last)):
        evidence.shows(text, length)


@pytest.mark.library("transformers", "torch")
def test_bloom_attention(evidence):
    """A random BLOOM of transformers attends with the printed weights in every layer and head."""
    network = oracles.model("bloom")
    out = oracles.run(network, output_attentions=True)
    each = []
    for layer, states, found in zip(network.transformer.h, out.hidden_states, out.attentions):
        q, k, _ = oracles.heads(layer, states)
        for h, attention in enumerate(found[0].numpy()):
            content = q[h] @ k[h].T / np.sqrt(q.shape[-1])
            each += [{"a": attention, "c": content, "m": m.slopes(4)[h]} | pair for pair in PAIRS]
    evidence.equation("eq-alibi-weights", 1e-6, "2 layers of 4 heads, softmax in float32", each=each, e=np.e)


@pytest.mark.library("transformers", "torch")
def test_library_slopes(evidence):
    """BLOOM and MPT in transformers use the printed slopes, for 1 to 256 heads."""
    import torch
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor
    from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor

    def bloom(n):
        return build_alibi_tensor(torch.ones(1, 2), n, torch.float64)[:, 0, 1].numpy()

    def mpt(n):
        return -build_mpt_alibi_tensor(n, 2)[:, 0, 0].double().numpy()

    for name, build in (("BLOOM", bloom), ("MPT", mpt)):
        route = f"{name}, the bias of neighbouring keys"
        evidence.equation("eq-alibi-any-heads", 1e-6, route, each=places(build))
        found, known = (np.concatenate([f(n) for n in range(1, 257)]) for f in (build, m.slopes))
        evidence.close(found, known, 1e-6, f"{name}, every head")


@pytest.mark.library("transformers", "torch")
def test_falcon_scaling(evidence):
    r"""Without `output_attentions`, Falcon in transformers 5.23.0 uses $m/\sqrt{d}$ in the implementation
    sdpa and $2m/\sqrt{d}$ in eager, where BLOOM uses $m$ in its only one."""
    for name, kind, factor in (("falcon", "sdpa", 1), ("falcon", "eager", 2), ("bloom", "eager", np.sqrt(8))):
        for layer, ((q, k, v), out) in enumerate(oracles.mixed(oracles.model(name, kind)), 1):
            slopes = factor * m.slopes(4)[:, None, None] / np.sqrt(q.shape[-1])
            scores = q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1]) - slopes * m.distance(LENGTH)
            evidence.close(weights(scores) @ v, out, 2e-6, f"mean values of {name}, {kind}, layer {layer}")


@pytest.mark.library("transformers", "torch")
def test_bfloat16(evidence):
    """In bfloat16 the row makes the look-back of head 1 swing between 0.48 and 4.12 instead of 1.54."""
    import torch
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor

    row = build_alibi_tensor(torch.ones(1, 2048), 8, torch.bfloat16)[0, 0].double().numpy()
    exact = 0.5 * np.arange(2048)
    swing = []
    for bias in (row, exact):
        back = [softmax(bias[:i]) @ np.arange(i)[::-1] for i in range(1025, 2049)]
        swing.append([min(back), max(back)])
    evidence.close(swing, [[0.48, 4.12], [1.54, 1.54]], 0.005, "queries 1,025 to 2,048, equal contents")
    for text, value in (("0.48", swing[0][0]), ("4.12", swing[0][1]), ("1.54", swing[1][0])):
        evidence.shows(text, value)
    counts = np.unique(row[1024:], return_counts=True)[1]
    evidence.equal(
        [int(counts.max()), len(counts)], [9, 129], "keys per bias and distinct biases from 1,025 on"
    )


@pytest.mark.library("transformers", "torch")
def test_input_vectors(evidence):
    """A token enters BLOOM's first layer as the same vector wherever it stands; it does not in GPT-2."""
    spread = []
    for name in ("bloom", "gpt2"):
        states = oracles.run(oracles.model(name), [[7, 3, 7, 5, 1, 7]]).hidden_states[0][0, [0, 2, 5]]
        spread.append((states - states[0]).abs().max().item())
    evidence.equal(spread[0], 0.0, "BLOOM, one token at three places")
    evidence.bounded(spread[1], "GPT-2, one token at three places", low=0.5)


@pytest.mark.library("transformers", "torch")
def test_one_token(evidence):
    """For a text of one repeated token BLOOM predicts the same at every position; GPT-2 does not."""
    spread = []
    for name in ("bloom", "gpt2"):
        logits = oracles.run(oracles.model(name), [[7] * LENGTH]).logits[0]
        spread.append((logits - logits[0]).abs().max().item())
    evidence.close(spread[0], 0, 1e-5, "BLOOM, logits at 12 positions")
    evidence.bounded(spread[1], "GPT-2, logits at 12 positions", low=0.5)


@pytest.mark.library("transformers", "torch")
def test_longer_input(evidence):
    """BLOOM runs on 400 tokens; GPT-2 with 16 learned positions runs on 16 tokens and raises at 17."""
    shape = oracles.run(oracles.model("bloom"), [[7, 3] * 200]).logits.shape
    evidence.equal(tuple(shape), (1, 400, 20), "logits of BLOOM")
    network = oracles.model("gpt2")
    evidence.equal(oracles.run(network, [[7] * 16]).logits.shape[1], 16, "logits of GPT-2")
    with pytest.raises(IndexError):
        oracles.run(network, [[7] * 17])


@pytest.mark.library("torch")
def test_evaluation(evidence):
    """In the experiment all targets of separate chunks are scored, and of a sliding window the last."""
    import torch

    from . import experiment as trial

    def model(tokens):  # loses as many bits as there are tokens to read, and for letter 1 one more
        bits = torch.arange(1.0, tokens.shape[1] + 1)
        chances = torch.stack([0.5**bits, 0.5 ** (bits + 1), 1 - 1.5 * 0.5**bits], dim=-1)
        return chances.log().expand(len(tokens), -1, -1)

    valid, targets = (torch.arange(1025) > 700).long(), 20
    found = trial.evaluate(model, valid, (16, 32), targets)
    ends = np.linspace(32, 1024, targets).astype(int)
    for length in (16, 32):
        chunks = (length + 1) / 2 + 324 / 1024
        evidence.close(found[length]["chunks"], chunks, 1e-5, f"{length} positions, a letter of 324 targets")
        last = length + np.mean(ends > 700)
        evidence.close(found[length]["sliding"], last, 1e-5, f"the last of {length}, at the same ends")


@pytest.mark.library("torch")
def test_short_run(evidence):
    """In the experiment the models start from equal parameters, position enters where it should and not
    where it should not, and a short run learns."""
    from . import experiment as trial

    short = SimpleNamespace(**vars(trial.FULL) | {"layers": 1, "steps": 40, "targets": 20})
    bits = trial.run(("alibi", "none"), (0,), (64, 128), short)
    losses = [ways for runs in bits.values() for lengths in runs.values() for ways in lengths.values()]
    flat = [loss for ways in losses for loss in ways.values()]
    evidence.bounded(flat, "bits per character after 40 steps, of 6.55 for guessing", high=4.6)
    expected = m.causal(-m.slopes(8)[:, None, None] * m.distance(LENGTH))
    found = trial.mask(LENGTH, 8, "alibi").numpy()
    evidence.close(np.exp(found), np.exp(expected), 1e-6, "the mask of ALiBi as factors on the weights")
    same, moved = oracles.compare(trial, short)
    evidence.equal(same, True, "initial parameters of the four models")
    entering, leaving = oracles.one_token(trial, short)
    for method in ("rotary", "alibi", "none"):
        evidence.equal(entering[method], 0.0, f"{method}, one token repeated: change of what enters layer 1")
        evidence.close(leaving[method], 0, 1e-5, f"{method}, the same text: change of the predictions")
    both = [entering["sinusoidal"], leaving["sinusoidal"]]
    evidence.bounded(both, "the same two with sinusoidal embeddings", low=0.1)
    evidence.shows("64", trial.FULL.length)
    evidence.close(moved["none"], 0, 1e-5, "one layer, earlier tokens exchanged: no position")
    rest = [moved[method] for method in ("sinusoidal", "rotary", "alibi")]
    evidence.bounded(rest, "the same exchange with each of the methods", low=1e-3)
