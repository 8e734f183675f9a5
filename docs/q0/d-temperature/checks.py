"""Checks of 0(d): what temperature does to probabilities, order, entropy and sampling."""

from fractions import Fraction
from functools import cache, partial
from itertools import combinations, product

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize_scalar
from scipy.special import entr

from . import model as m

DRAWS = np.random.default_rng(0).normal(0, 3, (100, 6))  # logits of 100 vocabularies of six tokens
TEMPERATURES = np.geomspace(0.1, 50, 60)


def slope(function, temperature=TEMPERATURES):
    """Return the central difference of a function of T, with a step of 1e-5 T."""
    step = 1e-5 * temperature
    change = function(temperature + step) - function(temperature - step)
    return (change.T / (2 * step)).T


def chances(logits):
    """Return p_i(T) as a function of i, which counts from 1, and T."""
    every = cache(partial(m.tempered, logits))
    return lambda i, t: every(t)[i - 1]


def tokens(draws, temperatures, pairs=False):
    """Yield the page's symbols for every draw of logits, temperature and token, or pair of tokens."""
    size = draws.shape[-1]
    places = list(combinations(range(1, size + 1), 2) if pairs else product(range(1, size + 1)))
    for z, p in ((z, chances(z)) for z in draws):
        for t, place in product(temperatures, places):
            yield {"p": p, "z": z, "n": size, "T": t} | dict(zip("ij", place))


def softmax(evidence, *logits):
    """Return p_i(T) of the page as a SymPy expression, a function of i and T."""
    equation = evidence.printed("eq-temperature-softmax")
    scope = {"p": lambda *_: 0, "z": logits, "n": len(logits)}
    return lambda i, t: equation.sides(scope | {"i": i, "T": t}, exact=True)[0][1][1]


def symbols(evidence):
    """Return the page's symbols for three logits as SymPy symbols, and what it defines by them."""
    t, logits = sp.symbols("T", positive=True), sp.symbols("a b c", real=True)
    p = softmax(evidence, *logits)
    mean = sum(p(i, t) * z for i, z in enumerate(logits, 1))
    variance = sum(p(i, t) * (z - mean) ** 2 for i, z in enumerate(logits, 1))
    return {"p": p, "mu": lambda _: mean, "V": lambda _: variance, "z": logits, "n": 3, "T": t}


def test_softmax_and_odds(evidence):
    """$p_i(T)$ is the softmax of $z/T$, and the ratio of two of them is $e^{(z_i - z_j)/T}$."""
    ordered, route = np.sort(DRAWS, axis=-1)[:, ::-1], "scipy's softmax, 600 distributions"
    few = TEMPERATURES[::3]
    evidence.equation("eq-temperature-softmax", 1e-13, route, each=tokens(DRAWS[:30], few))
    pairs = tokens(ordered[:20], few[1::2], pairs=True)  # i before j in the order of the logits
    evidence.equation("eq-temperature-odds", 1e-12, "scipy's softmax, 200 distributions", each=pairs)
    rng, temperatures = np.random.default_rng(1), np.array([0.5, 1, 2])
    noisy = m.LOGITS + temperatures[:, None] * rng.gumbel(size=(200_000, 3, 8))
    shares = dict(zip(temperatures.tolist(), np.eye(8)[noisy.argmax(axis=-1)].mean(axis=0)))
    each = [
        one | {"p": lambda i, t: shares[t][i - 1]} for one in tokens(m.LOGITS[None], temperatures.tolist())
    ]
    route = "shares of the largest of z + T · Gumbel noise, 200,000 draws"
    evidence.equation("eq-temperature-softmax", 0.006, route, each=each)


def test_slopes(evidence):
    r"""$dp_i/dT = p_i(\mu - z_i)/T^2$ and $d\mu/dT = -V/T^2$."""
    for z in (*DRAWS[:4], m.LOGITS):
        slopes = slope(lambda t: m.tempered(z, t)).ravel(), slope(lambda t: m.mean_logit(z, t)).repeat(z.size)
        each = [
            one | {"dp_i_dT": dp, "dmu_dT": dmu}
            for one, dp, dmu in zip(tokens(z[None], TEMPERATURES), *slopes)
        ]
        evidence.equation(
            "eq-temperature-slope", 1e-8, "central differences of p and μ at 60 temperatures", each=each,
            mu=lambda t: m.mean_logit(z, t), V=lambda t: m.variance(z, t),
        )  # fmt: skip
    exact = symbols(evidence)
    p, t, mean = exact["p"], exact["T"], exact["mu"](exact["T"])
    for i in (1, 2, 3):
        slopes = {"dp_i_dT": p(i, t).diff(t), "dmu_dT": mean.diff(t), "i": i}
        route = f"SymPy differentiates p and μ, token {i} of any three"
        evidence.identity("eq-temperature-slope", route, **exact, **slopes)


def test_power_form(evidence):
    """The distribution at temperature $T$ is proportional to the power $1/T$ of the one at $T = 1$."""
    route = "softmax(z/T) against powers, 400 rows"
    evidence.equation("eq-temperature-power", 1e-13, route, each=tokens(DRAWS[:20], TEMPERATURES[::3]))
    for i in (1, 2, 3):
        route = f"SymPy, the softmax at T and at 1, token {i} of any three"
        evidence.identity("eq-temperature-power", route, i=i, **symbols(evidence))


def test_order_and_top_mass(evidence):
    """No $T$ changes the order of the tokens. As $T$ rises, the mass of the top $k$ and the sum of squares
    fall, and the entropy rises."""
    draws = np.concatenate([DRAWS, np.round(DRAWS / 3) / 2])  # the second half with ties
    rows = np.array([m.tempered(z, TEMPERATURES) for z in draws])
    order = np.argsort(draws, axis=-1, kind="stable")
    order = np.broadcast_to(order[:, None], rows.shape)
    found = np.argsort(rows, axis=-1, kind="stable")
    evidence.close(found, order, 0, "tokens in order, 12,000 distributions, half of them with ties")
    outside = np.cumsum(np.sort(rows, axis=-1), axis=-1)[..., :-1]  # for k = 5, 4, 3, 2, 1
    pairs = np.einsum("...i,...j,ij->...", rows, rows, 1 - np.eye(6))  # not 1 − Σp², which rounds to 0
    grows = {"the mass outside the top k": outside, "1 − Σp²": pairs, "the entropy": entr(rows).sum(axis=-1)}
    for name, values in grows.items():
        steps = np.diff(np.log(values), axis=1)
        evidence.bounded(steps, f"steps of the logarithm of {name}", low=0, strict=True)


def test_limits_with_ties(evidence):
    r"""As $T \to 0$ the $m$ largest logits share the mass equally; as $T \to \infty$ all $n$ tokens do. The
    entropy goes from $\log m$ to $\log n$."""
    t = sp.symbols("T", positive=True)
    p = softmax(evidence, 2, 2, 1)
    third, half = sp.Rational(1, 3), sp.Rational(1, 2)
    for point, ends in ((0, (half, half, 0)), (sp.oo, (third, third, third))):
        left = [sp.limit(p(i, t), t, point) - end for i, end in enumerate(ends, 1)]
        evidence.exact(left, f"limits of p(T) for the logits 2, 2, 1 as T → {point}")
    for ties, gap in ((1, 0.5), (2, 1.0), (4, 0.2)):
        logits = np.r_[np.full(ties, 3.0), 3 - gap - np.arange(6 - ties)]
        outside = m.tempered(logits, TEMPERATURES)[:, ties:].sum(axis=-1)
        bound = evidence.sentence(r"R(T) \le \frac{n - m}{m} e^{-g/T}")
        scope = {"n": 6, "m": ties, "g": gap, "T": TEMPERATURES}
        route = f"mass outside, {ties} of 6 tied, 60 temperatures"
        masses = [lambda t, mass=mass: mass for mass in outside]
        evidence.equation(bound, 0, route, each="T R", R=masses, **scope)
        level = m.tempered(np.r_[logits[:ties], np.full(6 - ties, 3 - gap)], TEMPERATURES)
        inside, outside = level[:, :ties].sum(axis=-1), level[:, ties:].sum(axis=-1)
        route = f"mass outside over inside if the others tie too, {ties} of 6 on top"
        evidence.close(outside / inside, bound.function(each="T")(**scope), 1e-13, route)
        route = f"H at T = 0.001 and 10⁶, {ties} of 6 on top"
        evidence.close(m.entropy(logits, [1e-3, 1e6]), np.log([ties, 6]), 1e-9, route)


def test_entropy_slope(evidence):
    """$dH/dT = V(T)/T^3$, with $V(T)$ the variance of the logits under $p(T)$."""
    for z in (DRAWS[0], DRAWS[1], m.LOGITS):
        evidence.equation(
            "eq-temperature-entropy", 1e-8, "central differences of H at 60 temperatures", each="dH_dT T",
            dH_dT=slope(lambda t: m.entropy(z, t)), V=lambda t: m.variance(z, t), T=TEMPERATURES,
        )  # fmt: skip
    exact = symbols(evidence)
    p = [exact["p"](i, exact["T"]) for i in (1, 2, 3)]
    slope_of_h = -sum(q * sp.log(q) for q in p).diff(exact["T"])
    printed = evidence.printed("eq-temperature-entropy").sides(exact | {"dH_dT": slope_of_h}, exact=True)
    [(_, (found, formula, _))] = printed
    left = sp.expand_log(found - formula, force=True)
    evidence.exact(left, "SymPy's derivative of H for any three logits against the page's V/T³")


def test_token_paths(evidence):
    r"""As $T$ rises, $\mu(T)$ falls from $\max_j z_j$ to $\bar z$. A token with the largest logit loses, one
    with $z_i \le \bar z$ gains, one between gains up to the one $T$ with $\mu(T) = z_i$ and then loses, but
    keeps more than $1/n$."""
    even = np.array([3.0, 1.0, 1.0, 1.0, -1.0])  # with a token whose logit is the mean
    for z in (*DRAWS[:8], m.LOGITS, np.r_[m.LOGITS[0], m.LOGITS], even):
        p, top, low = m.tempered(z, TEMPERATURES), z == z.max(), z <= z.mean()
        short = np.diff(np.log(p @ (z.max() - z)))  # not z.max() − μ(T), which rounds to 0
        evidence.bounded(short, "steps of log(max z − μ(T))", low=0, strict=True)
        ends = z.max(), z.mean()
        evidence.close(m.mean_logit(z, [1e-4, 1e7]), ends, 1e-5, "μ at T = 0.0001 and 10⁷")
        steps = np.diff(np.log(p), axis=0)
        others = np.diff(np.log(p[:, ~top].sum(axis=-1)))
        evidence.bounded(others, "steps of the log mass outside the top", low=0, strict=True)
        evidence.bounded(np.ptp(p[:, top], axis=-1), "differences within the top", high=1e-15)
        evidence.bounded(steps[:, low], "steps of log p, low tokens", low=0, strict=True)
        for i in np.flatnonzero(~top & ~low):
            peak = m.peak_temperature(z, i)
            up, down = peak * np.geomspace(0.02, 1, 40), peak * np.geomspace(1, 50, 40)
            rise, fall = (np.log(m.tempered(z, t)[:, i]) for t in (up, down))
            evidence.bounded(np.diff(rise), "steps of log p up to μ(T) = z_i", low=0, strict=True)
            evidence.bounded(np.diff(fall), "steps of log p from there on", high=0, strict=True)
            evidence.bounded(np.exp(fall) * len(z), "n p from there on", low=1, strict=True)
            best = minimize_scalar(lambda s: -m.tempered(z, peak * np.exp(s))[i], (-1, 1)).x
            evidence.close(best, 0, 1e-6, "Brent's maximum of p over log T against μ(T) = z_i")


def test_printed_numbers(evidence):
    """The printed table, ratios, top-token probabilities, nucleus sizes, upper limit and peak follow from
    the definitions."""
    (_, *rows), tops = evidence.table("$T$").items(), []
    evidence.equal([t for t, _ in rows], ["0.5", "1", "2"], "rows of the table")
    for t, (chances, entropy) in rows:
        p = [softmax(evidence, 2, 1, 0)(i, sp.Rational(t)) for i in (1, 2, 3)]
        exact = [*p, -sum(q * sp.log(q) for q in p)]
        evidence.equal(
            [*chances.split(", "), entropy], [f"{sp.N(x):.4f}" for x in exact], f"SymPy's row for T = {t}"
        )
        tops.append(f"{sp.N(p[0]):.2f}")
        evidence.shows(tops[-1], p[0])
    evidence.prints("logits $2, 1, 0$ the likeliest token has probability {}, {} and {}".format(*tops))
    evidence.shows("1.0986", np.log(3))
    evidence.shows("1.20", m.peak_temperature(m.LOGITS, 1))
    temperatures, threshold = (0.5, 1, 2), 0.9
    sizes = (np.cumsum(m.tempered(m.LOGITS, temperatures), axis=-1) < threshold).sum(axis=-1) + 1
    for text, value in zip(("0.5", "0.9", "2", "3", "6"), (temperatures[0], threshold, *sizes), strict=True):
        evidence.shows(text, value)
    evidence.prints("it holds {}, {} and {} tokens".format(*sizes))
    cold, hot = (first / second for first, second in m.tempered(np.log([4, 1]), [0.5, 2]))
    evidence.prints(rf"$4^2 = {cold:.0f}$ at $T = \frac{{1}}{{2}}$")
    evidence.prints(f"$4^{{1/2}} = {hot:.0f}$ at $T = 2$")
    evidence.prints(f"({', '.join(f'{z:g}' for z in m.LOGITS)})".replace("-", "−"))


def test_sentence_order(evidence):
    """Temperature applied token by token can change which sentence is the likeliest."""
    sentences = []
    for temperature in (1, 0.5):
        (a, b), (left, right) = m.tempered(np.log([[0.6, 0.4], [0.5, 0.5]]), temperature)
        sentences.append([a * left, a * right, b])
    exact = [[0.3, 0.3, 0.4], [9 / 26, 9 / 26, 4 / 13]]
    evidence.close(sentences, exact, 1e-15, "three sentences against fractions, T = 1 and 1/2")
    evidence.equal([int(np.argmax(s)) for s in sentences], [2, 0], "the likeliest sentence")
    fractions = [Fraction(x).limit_denominator(100) for x in sentences[1]]
    text = ", ".join(rf"\frac{{{x.numerator}}}{{{x.denominator}}}" for x in fractions)
    evidence.prints(f"${text}$: now it is the least likely")
    evidence.prints("${:.1f}, {:.1f}, {:.1f}$: the one with $B$ is the likeliest".format(*sentences[0]))
    (first, _, third), (cold, _, last) = sentences
    for text, value in (("0.3", first), ("0.4", third), ("26", 9 / cold), ("13", 4 / last)):
        evidence.shows(text, value)


@pytest.mark.library("transformers", "torch")
def test_transformers_warper(evidence):
    """The TemperatureLogitsWarper of transformers yields the softmax of $z/T$, refuses $T = 0$, and in
    32-bit arithmetic gives tokens far below the largest logit probability 0."""
    import torch
    from transformers import TemperatureLogitsWarper

    for temperature in (0.1, 0.5, 1.0, 2.0, 50.0):
        scores = TemperatureLogitsWarper(temperature)(None, torch.tensor(DRAWS))
        ours = m.tempered(DRAWS, temperature)
        evidence.close(scores.softmax(-1), ours, 1e-14, f"100 distributions at T = {temperature}")
    with pytest.raises(ValueError, match="strictly positive float") as refusal:
        TemperatureLogitsWarper(0.0)
    evidence.equal("set `do_sample=False`" in str(refusal.value), True, "ValueError for T = 0.0")
    gaps = torch.arange(80, 110, 0.01)
    pairs = TemperatureLogitsWarper(0.1)(None, torch.stack([0 * gaps, -0.1 * gaps], -1))
    # 2⁻¹⁵⁰, half the smallest positive number, rounds to 0; flushed, all below 2⁻¹²⁶ are 0.
    for text, flush, power in (("104", False, 150), ("87.3", True, 126)):
        torch.set_flush_denormal(flush)
        first = gaps[pairs.softmax(-1)[:, 1] == 0].min()
        torch.set_flush_denormal(False)
        route = f"distance / T from which p is 0 in float32 against {power} log 2" + ", flushed" * flush
        evidence.close(first, power * np.log(2), 0.03, route)
        evidence.shows(text, first)


@pytest.mark.library("transformers", "torch")
def test_generate_needs_sampling(evidence):
    """In transformers generate() divides the logits by $T$ when it samples, and only then; top-$p$ acts on
    the result, and top-$k$ keeps the same tokens."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    set_seed(0)
    shape = LlamaConfig(
        vocab_size=10, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, initializer_range=0.5, eos_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(shape)

    def run(**settings):
        return model.generate(torch.tensor([[1, 2, 3]]), max_new_tokens=8, output_scores=True,
                              output_logits=True, return_dict_in_generate=True,
                              **{"top_k": 0} | settings)  # fmt: skip

    for sample, factor in ((True, 2), (False, 1)):
        out = run(do_sample=sample, temperature=0.5)
        scores, logits = torch.stack(out.scores), torch.stack(out.logits)
        evidence.close(scores, factor * logits, 0, f"8 steps at T = 0.5, do_sample={sample}")
    for beams in (1, 3):
        cold, hot = (run(num_beams=beams, temperature=t).sequences.tolist() for t in (0.1, 10.0))
        evidence.equal(cold, hot, f"tokens at T = 0.1 and T = 10 without sampling, {beams} beams")
    out = run(do_sample=True, temperature=0.5, top_k=3)
    scores, logits = (np.stack(values)[:, 0] for values in (out.scores, out.logits))
    top = logits >= np.sort(logits)[:, -3:-2]
    evidence.close(scores[top], 2 * logits[top], 0, "scores of the three largest logits, top-k = 3, T = 0.5")
    evidence.equal(np.isfinite(scores).tolist(), top.tolist(), "tokens that top-k = 3 keeps in 8 steps")
    out = run(do_sample=True, temperature=0.5, top_p=0.9)
    kept, z = torch.stack(out.scores).isfinite().sum(-1)[:, 0], torch.stack(out.logits)[:, 0]
    after, before = ((np.sort(-m.tempered(z, t)).cumsum(-1) > -0.9).sum(-1) + 1 for t in (0.5, 1))
    evidence.equal(
        kept.tolist(), after.tolist(), "tokens that top-p = 0.9 keeps in 8 steps, nucleus at T = 0.5"
    )
    evidence.bounded(np.max(before - after), "tokens by which the nucleus at T = 1 is larger, at most", low=1)
