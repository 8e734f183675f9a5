"""Checks of 2(c): what the reference term costs without supervised fine-tuning, and what it does not."""

import re
from decimal import Decimal
from itertools import count, product
from math import exp

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import approx_fprime, brentq, linprog, minimize_scalar
from scipy.special import entr, expit, log_softmax, rel_entr, softmax

from . import model as m
from .oracles import adam_run, best_policy, dpo_fit, dpo_trainer, first_step, flow_time

GOOD = np.arange(6) < 2
LENGTHS = np.array([5, 20, 100])  # the distances of the cost table, in nats
BETA, RATE, STEPS = 0.1, 50, 100  # of the runs of gradient descent: β, the size and the number of steps
NEAR, FAR = 3, 60  # the leads from which they start, in nats
CLIP = 0.2  # PPO's ε


def instances(count, seed):
    """Yield random (reference, reward, β) over six responses, the first two of them good."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        reference = 1e-9 + (1 - 6e-9) * rng.dirichlet(np.full(6, 0.3))
        yield reference, rng.normal(size=6), rng.uniform(0.05, 1)


def stacked(cases):
    """Return references and rewards, shape (instances, 6), and β, shape (instances,)."""
    return [np.array(column) for column in zip(*cases)]


def odds_scope(cases):
    """Return the symbols of eq-sft-odds for 50 cases, the optimum of each found by BFGS."""
    near = [case for case in cases if abs(m.log_odds(m.optimum(*case), GOOD)) < 8][:50]
    optima = [best_policy(*case) for case in near]
    return {
        "pi_star": [lambda members, x, p=p: {"x": p}[x][{"G": GOOD}[members]].sum() for p in optima],
        "each": "pi_star beta r_bar_G r_bar_B L Delta", "G": "G", "x": "x",
        "beta": np.array([b for _, _, b in near]),
        "r_bar_G": np.array([m.soft_mean(*case, GOOD) for case in near]),
        "r_bar_B": np.array([m.soft_mean(*case, ~GOOD) for case in near]),
        "L": np.array([-m.log_odds(p, GOOD) for p, _, _ in near]),
        "Delta": np.array([r[GOOD].max() - r[~GOOD].min() for _, r, _ in near]),
    }  # fmt: skip


def test_soft_mean(evidence):
    r"""$\bar r_S = \beta\log\E_{y \drawn \piref(\cdot \given x, S)}[e^{r(x, y)/\beta}]$ is the best of
    $\E_{y \drawn \pi}[r(x, y)] - \beta\KL(\pi \relto \piref(\cdot \given x, S))$ over policies $\pi$ on $S$,
    and lies between the least and the largest reward on $S$."""
    for members in (GOOD, ~GOOD):
        p, r, b = stacked(instances(20, 11))
        p, r = p[:, members] / p[:, members].sum(axis=1, keepdims=True), r[:, members]
        best = np.array([m.rlhf_objective(best_policy(*case), *case) for case in zip(p, r, b)])
        evidence.equation(
            "eq-sft-soft-mean", 1e-9, f"20 objectives maximised by BFGS over {members.sum()} responses",
            sets={"y": range(members.sum())}, r_bar_S=best, beta=b, x="x", S="S",
            pi_ref=[lambda y, x, S, p=p: {("x", "S"): p}[x, S][y] for p in p],
            r=[lambda x, y, r=r: {"x": r}[x][y] for r in r], each="r_bar_S beta pi_ref r",
        )  # fmt: skip
        evidence.bounded(best - r.min(axis=1), "these maxima over the least reward", low=0)
        evidence.bounded(r.max(axis=1) - best, "the largest reward over these maxima", low=0)


def test_optimum_log_odds(evidence):
    r"""At the RLHF optimum $\logit\pi^*(G) = (\bar r_G - \bar r_B)/\beta - L$, with the soft means
    $\bar r$ of the reward."""
    route = "50 optima found by BFGS on six logits against their soft means"
    evidence.equation("eq-sft-odds", 1e-5, route, **odds_scope(instances(200, 0)))


def test_odds_bound(evidence):
    r"""$\logit\pi^*(G)$ never exceeds $\Delta/\beta - L$, and reaches it when the reward has two levels."""
    two = odds_scope((p, np.where(GOOD, r[0], r[5]), b) for p, r, b in instances(200, 1))
    random = odds_scope(instances(200, 1))
    evidence.equation("eq-sft-odds", 1e-5, "50 optima for random rewards, found by BFGS", **random)
    evidence.equation("eq-sft-odds", 1e-5, "50 optima for two-level rewards, by BFGS", tight=True, **two)
    bound = evidence.sentence(r"\bar r_G - \bar r_B \le \Delta")
    for scope, tight in ((random, False), (two, True)):
        scope = scope | {"each": "r_bar_G r_bar_B Delta"}
        evidence.equation(bound, 1e-9, f"their soft means, two levels: {tight}", tight=tight, **scope)


def far_reference(distance, seed):
    """Return a random reference whose good responses have log-odds −`distance`."""
    return m.reweighted(np.random.default_rng(seed).dirichlet(np.ones(6)), GOOD, expit(-distance))


def gap_to_tie(reference, reward, beta):
    """Return what must be added to the rewards of G so that BFGS finds an optimum with π(G) = 1/2."""

    def excess(gap):
        return best_policy(reference, reward + gap * GOOD, beta)[GOOD].sum() - 0.5

    return brentq(excess, -10, 40)


def test_gap_to_tie(evidence):
    r"""An optimum with $\pi(G) = \frac12$ needs $\Delta \ge \beta L$, and with a two-level reward has
    $\Delta = \beta L$, for $\beta = 0.1$ a preference rate of 88 % if $L = 20$ and of 99.8 % if $L = 60$."""
    found, distances, betas = {}, (3, 5, 20, FAR), (0.05, BETA, 0.5)
    for distance, beta in product(distances, betas):
        found[distance, beta] = gap_to_tie(far_reference(distance, 8), 0 * GOOD, beta)
    lengths, sizes = np.transpose(list(found))
    evidence.equation(
        evidence.sentence(r"\Delta = \beta L"), 1e-5, "root of π(G) − 1/2, π by BFGS, two-level rewards",
        each="Delta beta L", Delta=np.array(list(found.values())), beta=sizes, L=lengths,
    )  # fmt: skip
    gaps = []
    for number, (_, reward, _) in enumerate(instances(len(found), 19)):
        reference = far_reference(lengths[number], number)
        reward = reward + gap_to_tie(reference, reward, sizes[number]) * GOOD
        gaps.append(reward[GOOD].max() - reward[~GOOD].min())
    evidence.equation(
        evidence.sentence(r"\Delta \ge \beta L"), 0, "the same roots for twelve rewards with six levels",
        each="Delta beta L", Delta=gaps, beta=sizes, L=lengths,
    )  # fmt: skip
    rates = {20: "88", FAR: "99.8"}
    evidence.equation(
        evidence.sentence(r"\sigma(\Delta) = \frac{1}{1 + e^{-\Delta}}"), 1e-12, "SciPy's expit at two roots",
        each="Delta", Delta=[found[length, BETA] for length in rates], sigma=expit,
    )  # fmt: skip
    evidence.shows("0.1", BETA)
    for length, rate in rates.items():
        evidence.shows(str(length), length)
        evidence.shows(rate, 100 * expit(found[length, BETA]))


def test_without_the_term(evidence):
    r"""Without the KL term any gap $\Delta > 0$ between two levels suffices: $\E_{y \drawn \pi}[r(x, y)]$ is
    largest for $\pi(G) = 1$. With it, a gap of $0.9\,\beta L$ leaves $\pi^*(G) < \frac12$."""
    gaps = (1e-3, 1, 5)
    for distance, gap in product((NEAR, 20, FAR), gaps):
        p, beta = far_reference(distance, 15), gap / (0.9 * distance)
        free = linprog(-gap * GOOD, A_eq=np.ones((1, 6)), b_eq=1).x  # policies: six shares that sum to 1
        evidence.close(free[GOOD].sum(), 1, 1e-9, f"linear programme, L = {distance}, gap {gap}")
        evidence.bounded(best_policy(p, gap * GOOD, beta)[GOOD].sum(), "π*(G) with the term", high=0.5)
    evidence.equation(evidence.sentence(r"\Delta > 0"), 0, "the gaps of these runs", each="Delta", Delta=gaps)


def test_dpo_coverage(evidence):
    r"""DPO's expected loss leads to $\pi^*$ if the pairs connect all responses (a chain, or at random), and
    else it need not;
    without $\piref$ it leads to $e^{r/\beta}$, normalised, whatever the base is."""
    chain, apart, rng = [(i, i + 1) for i in range(5)], [], np.random.default_rng(21)
    least = evidence.sentence(r"\pi = \softmax(r/\beta)")
    for p, r, b in instances(10, 9):
        p, b = 0.9 * p + 0.1 / 6, b + 0.2
        names = rng.permutation(6)
        tree = [(names[i], names[rng.integers(i)]) for i in range(1, 6)]
        for name, pairs in (("a chain", chain), ("a random tree", tree), ("both", tree + chain)):
            evidence.close(dpo_fit(p, r, b, pairs), m.optimum(p, r, b), 1e-6, f"BFGS, {name} of pairs")
        loose = dpo_fit(free(p), r, b, chain)
        evidence.equation(least, 1e-6, "BFGS on the loss without a reference", pi=loose, r=r, beta=b)
        evidence.bounded(np.abs(loose - m.optimum(p, r, b)).max(), "its distance from π*", low=0.01)
        apart.append(np.abs(dpo_fit(p, r, b, chain[:2] + chain[3:]) - m.optimum(p, r, b)).max())
    evidence.bounded(max(apart), "largest distance from π* without the middle pair", low=0.01)


def test_kl_price(evidence):
    r"""$\KL(\pi \relto \piref) \ge k(\rho, P_0) \ge \rho\log\frac{1}{P_0} - \log 2$; reweighting $\piref$
    attains the first."""
    p, random = (stacked(instances(500, seed))[0] for seed in (2, 3))
    far, even = (np.array([m.reweighted(a, GOOD, rho) for a in p]) for rho in (1e-12, 0.5))
    pairs = {"random": (random, p), "reweighted to ρ = 1/2, P_0 = 1e-12": (even, far)}
    for name, (policy, reference) in pairs.items():
        evidence.equation(
            "eq-sft-price", 1e-11, f"500 pairs, the policy {name}; KL enumerated", {"cdot": range(1, 7)},
            tight=policy is even, each="pi pi_ref rho P_0", pi=policy, pi_ref=reference, k=m.binary_kl,
            rho=policy[:, GOOD].sum(axis=1), P_0=reference[:, GOOD].sum(axis=1),
        )  # fmt: skip
    rho = random[:, GOOD].sum(axis=1)
    near = np.array([m.reweighted(*case) for case in zip(p, [GOOD] * 500, rho)])
    least = m.binary_kl(rho, p[:, GOOD].sum(axis=1))
    evidence.close(rel_entr(near, p).sum(axis=1), least, 1e-11, "KL of 500 reweighted references against k")
    evidence.bounded(rel_entr(random, p).sum(axis=1) - least, "KL of random policies over k", low=1e-9)
    split = r"k = \rho\log\frac{1}{P_0} + (1 - \rho)\log\frac{1}{1 - P_0} - H(\rho)"
    evidence.equation(
        evidence.sentence(split), 1e-11, "k by relative entropies, H by entropies, 500 pairs",
        each="k rho P_0", k=least, rho=rho, P_0=p[:, GOOD].sum(axis=1), H=lambda q: entr(q) + entr(1 - q),
    )  # fmt: skip


def test_zero_support(evidence):
    r"""A response with $\piref(y) = 0$ keeps probability $0$ at the optimum for every reward; any mass on
    it costs $\infty$; the others share the mass as if it were not there."""
    rng, kept, values, others = np.random.default_rng(13), [], [], []
    for p, r, b in instances(200, 13):
        p = np.append(0, p[1:] / p[1:].sum())
        r = np.append(10.0 ** rng.uniform(-3, 6), r[1:])  # tempting, up to a million
        kept.append(m.optimum(p, r, b)[0])
        others.append(m.optimum(p, r, b)[1:] - best_policy(p[1:], r[1:], b))
        mass = 10.0 ** rng.uniform(-300, 0)
        values.append(float(m.rlhf_objective(np.append(mass, (1 - mass) * p[1:]), p, r, b)))
    evidence.equation(
        evidence.sentence(r"\pi^*(y \given x) = 0"), 0, "200 optima, rewards of up to a million on y",
        each="pi_star", pi_star=[lambda y, x, k=k: {("y", "x"): k}[y, x] for k in kept], y="y", x="x",
    )  # fmt: skip
    evidence.close(others, 0, 1e-5, "the rest of these optima against BFGS over the other five responses")
    evidence.equal(set(values), {-np.inf}, "the objective of 200 policies with mass down to 1e-300 on it")


def price_by_parts(evidence, reference, s, **values):
    """Compare J, dk/dρ and dρ/ds as the proof of eq-sft-slope has them."""
    start, rho = reference[GOOD].sum(), expit(s)
    k, h = m.binary_kl(rho, start), 1e-4 * rho * (1 - rho)
    rise = (m.binary_kl(rho + h, start) - m.binary_kl(rho - h, start)) / (2 * h)
    growth = (expit(s + 1e-5) - expit(s - 1e-5)) / 2e-5
    values |= {"each": "rho s J k dk_drho drho_ds", "rho": rho, "s": s, "k": k, "P_0": start}
    values |= {"dk_drho": rise, "drho_ds": growth, "L": -m.log_odds(reference, GOOD)}
    for formula in (
        r"J = \rho\Delta - \beta k + r_B",
        r"\frac{dk}{d\rho} = \logit\rho - \logit P_0 = s + L",
        r"\frac{d\rho}{ds} = \rho(1 - \rho)",
    ):
        route = "J enumerated, central differences of k and ρ, 41 policies"
        evidence.equation(evidence.sentence(formula), 1e-7, route, **values)


def test_rlhf_slope(evidence):
    r"""With a two-level reward, moving mass to $G$ by reweighting $\piref$ has
    $dJ/ds = \rho(1 - \rho)(\Delta - \beta(s + L))$, $s = \logit\rho$."""
    s, h = np.linspace(-5, 5, 41), 1e-5
    for p, r, b in instances(10, 12):
        gap, reward = r[0] - r[5], np.where(GOOD, r[0], r[5])

        def value(at):
            return m.rlhf_objective(m.reweighted(p, GOOD, expit(at)), p, reward, b)

        slopes = np.array([(value(x + h) - value(x - h)) / (2 * h) for x in s])
        evidence.equation(
            "eq-sft-slope", 1e-8, "central differences of J at 41 policies", each="dJ_ds s rho",
            dJ_ds=slopes, s=s, rho=expit(s), Delta=gap, beta=b, L=-m.log_odds(p, GOOD),
        )  # fmt: skip
        price_by_parts(evidence, p, s, J=[value(x) for x in s], Delta=gap, beta=b, r_B=r[5])
    s, gap, low = sp.symbols("s Delta r", real=True)
    b, *weights = sp.symbols("beta p:4", positive=True)
    good, bad = sum(weights[:2]), sum(weights[2:])
    shares = [1 / good / (1 + sp.exp(-s))] * 2 + [1 / bad / (1 + sp.exp(s))] * 2
    value = sum(
        p * share * (reward - b * sp.log(share * (good + bad)))
        for p, share, reward in zip(weights, shares, [low + gap] * 2 + [low] * 2)
    )
    evidence.identity(
        "eq-sft-slope", "derivative of E[r] − β KL for four responses, all symbols free",
        dJ_ds=sp.diff(value, s), s=s, rho=1 / (1 + sp.exp(-s)), Delta=gap, beta=b, L=sp.log(bad / good),
    )  # fmt: skip


def free(start):
    """Return the uniform reference over the responses of `start`, which is no reference at all."""
    return np.full(len(start), 1 / len(start))


def lead(path):
    """Return the log-ratio of the preferred response to the base's favourite, the last one."""
    return path[:, 0] - path[:, -1]


def test_first_step(evidence):
    r"""At $\theta = \theta_{\mathrm{ref}}$ the DPO gradient is $(-\beta/2, +\beta/2, 0, \dots)$ in the
    logits, whatever $\piref$ is; without $\piref$ the weight is $\beta\sigma(-\beta c)$."""
    starts = np.exp(log_softmax(np.random.default_rng(4).uniform(-60, 0, (100, 5)), axis=1))
    pair = np.tile([-1, 1, 0, 0, 0], (100, 1))
    held, loose = (
        np.array([approx_fprime(np.log(p), m.dpo_loss, 1e-6, reference(p), BETA, (0, 1)) for p in starts])
        for reference in (np.copy, free)
    )
    evidence.close(held, BETA / 2 * pair, 1e-7, "finite differences, 100 references")
    ratios = np.log(starts[:, 0] / starts[:, 1])
    weights = BETA * expit(-BETA * ratios)
    evidence.close(loose, weights[:, None] * pair, 1e-7, "the same 100 starts without a reference")
    route = "the weight without π_ref over β/2, above 1 just if c < 0"
    evidence.bounded((loose[:, 1] / (BETA / 2) - 1) * -np.sign(ratios), route, low=0, strict=True)
    evidence.equation(
        evidence.sentence(r"\omega_\theta = \beta/2"), 1e-7, "these finite differences",
        each="omega_theta", omega_theta=held[:, 1], beta=BETA,
    )  # fmt: skip
    losses, loss = (
        np.array([m.dpo_loss(np.log(p), reference(p), BETA, (0, 1)) for p in starts])
        for reference in (free, np.copy)
    )
    zero = evidence.sentence(r"m_\theta = 0")
    evidence.equation(zero, 1e-12, "from the loss", each="m_theta", m_theta=-np.log(np.expm1(loss)))
    margin = r"m_\theta = \beta\log\frac{\pitheta(y_w \given x)}{\pitheta(y_l \given x)}"
    evidence.equation(
        evidence.sentence(margin), 1e-9, "the margin that the loss stands for", beta=BETA,
        each="m_theta pi_theta", m_theta=-np.log(np.expm1(losses)), x="x", y_w=0, y_l=1,
        pi_theta=[lambda y, x, p=p: {"x": p}[x][y] for p in starts],
    )  # fmt: skip


class Nabla:
    """The symbol ∇: its product with a function is what a rule makes of the function."""

    def __init__(self, rule):
        self.rule = rule

    def __mul__(self, function):
        return self.rule(function)


def test_dpo_gradient(evidence):
    r"""The DPO gradient is
    $-\beta\sigma(-m_\theta)(\nabla_\theta\log\pitheta(y_w \given x)
    - \nabla_\theta\log\pitheta(y_l \given x))$ at every policy."""
    (p, _, b), pair, step = stacked(instances(100, 6)), (2, 4), 1e-5
    logits, steps = np.random.default_rng(5).normal(0, 3, (100, 6)), step * np.eye(6)
    points, cases = logits[:, None, None] + np.array([steps, -steps]), list(zip(logits, p, b))
    nabla = Nabla(lambda values: (values[0] - values[1]) / (2 * step))
    losses = np.array([m.dpo_loss(q, *c[1:], pair) for q, c in zip(points, cases)])
    moved = (logits[:, 2] - np.log(p[:, 2])) - (logits[:, 4] - np.log(p[:, 4]))
    evidence.equation(
        "eq-sft-gradient", 1e-8, "both gradients by central differences, 100 random policies",
        nabla_theta=nabla, x="x", y_w=2, y_l=4, each="ell pi_theta beta m_theta", ell=losses, beta=b,
        pi_theta=[lambda y, x, q=q: {"x": q}[x][..., y] for q in softmax(points, axis=-1)],
        m_theta=b * moved,
    )  # fmt: skip
    slopes = [m.dpo_gradient(*c, pair) for c in cases]
    found = [nabla * loss for loss in losses]
    evidence.close(slopes, found, 1e-8, "the gradient in the logits, as simulated")
    evidence.equation(
        evidence.sentence(r"\omega_\theta = \beta\sigma(-m_\theta)"), 1e-8, "the slope in the logit of y_l",
        each="omega_theta beta m_theta", omega_theta=[f[4] for f in found], beta=b, m_theta=b * moved,
    )  # fmt: skip
    b, *p = sp.symbols("beta p:3", positive=True)
    logits = sp.symbols("theta:3", real=True)
    policy = [sp.exp(t) / sum(map(sp.exp, logits)) for t in logits]
    margin = b * (sp.log(policy[0] / p[0]) - sp.log(policy[1] / p[1]))
    for number, logit in enumerate(logits, 1):
        evidence.identity(
            "eq-sft-gradient", f"SymPy's derivative of −log σ(m) in logit {number} of 3",
            nabla_theta=Nabla(lambda f: sp.diff(f, logit)), ell=sp.log(1 + sp.exp(-margin)), beta=b,
            pi_theta=lambda y, x: {"x": policy}[x][y], x="x", y_w=0, y_l=1, m_theta=margin,
        )  # fmt: skip


def test_same_loss_different_policy(evidence):
    r"""With the base's favourite as $y_l$, DPO runs from $D = 3$ and $D = 60$ share one loss curve, but
    after 100 steps have $\pi(y_w) > 0.99$ and $< 10^{-6}$; without $\piref$ their losses differ."""
    near, far = (m.train(m.base(distance), BETA, STEPS + 1, RATE) for distance in (NEAR, FAR))
    losses = m.dpo_loss(near, m.base(NEAR), BETA, (0, 1))
    evidence.close(m.dpo_loss(far, m.base(FAR), BETA, (0, 1)), losses, 1e-11, "100 steps, loss by loss")
    others = [m.dpo_loss(m.train(p, BETA, STEPS + 1, RATE), p, BETA, (0, 1)) for p, _, _ in instances(20, 10)]
    evidence.close(others, [losses] * 20, 1e-11, "100 steps from each of 20 random references")
    moves = [m.train(p, BETA, STEPS + 1, RATE) - np.log(p) for p, _, _ in instances(20, 10)]
    alone = np.pad(near - near[0], ((0, 0), (0, 4)))  # six responses, two of them in the pair
    evidence.close(moves, [alone] * 20, 1e-11, "θ − θ_ref in these runs, 0 outside the pair")
    for path, distance, printed in ((near, NEAR, "> 0.99"), (far, FAR, "< 10^{-6}")):
        formula = evidence.sentence(rf"\pitheta(y_w) {printed}")
        final = {"w": expit(lead(path)[-1])}
        evidence.equation(formula, 0, f"π(y_w) from D = {distance}", pi_theta=final.get, y_w="w")
        evidence.equation(
            evidence.sentence(r"m_\theta = \beta n"), 1e-10, f"the margin from the loss, D = {distance}",
            each="m_theta n", m_theta=-np.log(np.expm1(losses)), n=lead(path) + distance, beta=BETA,
        )  # fmt: skip
    for text, value in (("100", STEPS), ("60", FAR)):
        evidence.shows(text, value)
    near, far = (m.dpo_loss(np.log(p), free(p), BETA, (0, 1)) for p in map(m.base, (NEAR, FAR)))
    evidence.bounded(far - near, "difference of the first losses without a reference", low=1)


def weights_on_the_way(evidence, start, distance):
    """Compare the weights of a pair at the tie, and without a reference also on the way to it."""
    ways = np.log(start) + np.outer(np.linspace(0, distance, 50), [0.5, -0.5])
    held, loose = (
        np.array([m.dpo_gradient(logits, p, BETA, (0, 1))[1] for logits in ways])
        for p in (start, free(start))
    )
    for formula, weights in (
        (r"\omega_\theta = \beta\sigma(-\beta D)", held[-1:]),
        (r"\omega_\theta = \beta/2", loose[-1:]),
        (r"\omega_\theta \ge \beta/2", loose),
    ):
        evidence.equation(
            evidence.sentence(formula), 1e-12, f"the gradient in the logit of y_l, D = {distance}",
            each="omega_theta", omega_theta=weights, beta=BETA, D=int(distance),
        )  # fmt: skip
    ahead = np.log(start) + np.outer(distance / 2 + np.geomspace(1e-3, 20, 50), [1, -1])
    margins = m.margin(ahead, start, BETA, (0, 1))
    formulas = r"m_\theta > \beta D", r"\beta\sigma(-m_\theta) < \beta e^{-\beta D}"
    evidence.prints("overtaking needs ${}$, where the gradient weighs ${}$".format(*formulas))
    for formula in formulas:
        evidence.equation(
            evidence.sentence(formula), 0, f"50 policies at which y_w leads, D = {distance}",
            each="m_theta", m_theta=margins, beta=BETA, D=int(distance), sigma=expit,
        )  # fmt: skip


def test_tie_weights(evidence):
    r"""At the tie with a favourite $y_l$ the weight over $\beta$ is $\sigma(-\beta D)$, and $\frac12$
    without $\piref$; at the tie with a $y_o$ outside it is $\sigma(-2\beta D)$, and
    $\sigma(-2\beta D - \beta c)$ without."""
    for distance, ratio in product(LENGTHS, (None, 0, 8.0, -8.0)):
        start, inside = m.base(distance, ratio), ratio is None
        tie = np.log(start) + distance / (2 if inside else 1) * np.array([1, -1, 0])[: len(start)]
        evidence.close(tie[0], tie[-1], 1e-12, f"log π(y_w) = log π(y_o) at the tie, D = {distance}")
        held, loose = (-m.dpo_gradient(tie, p, BETA, (0, 1))[0] / BETA for p in (start, free(start)))
        nats, ratio = (distance, -distance) if inside else (2 * distance, ratio)
        evidence.close(held, expit(-BETA * nats), 1e-12, f"its weight, the favourite in the pair: {inside}")
        evidence.close(loose, expit(-BETA * (nats + ratio)), 1e-12, "its weight without a reference")
        if inside:
            weights_on_the_way(evidence, start, distance)


def rates_of_gain(evidence):
    """Compare dn/dt, along which the flow moves, with the slopes of the loss at 200 policies."""
    rng, columns = np.random.default_rng(20), []
    for number, (p, _, b) in enumerate(instances(200, 20)):
        logits, reference = rng.normal(0, 3, 6), free(p) if number % 2 else p
        slope = approx_fprime(logits, m.dpo_loss, 1e-6, reference, b, (0, 1))
        ratio = np.log(p[0] / p[1])
        columns.append((slope[1] - slope[0], logits[0] - logits[1] - ratio, b, number % 2 * ratio))
    gain, n, beta, b = np.transpose(columns)
    evidence.equation(
        evidence.sentence(
            r"\frac{dn}{dt} = 2\beta\sigma(-m_\theta) = 2\beta/(1 + e^{\beta(b + n)})"
        ), 1e-6, "finite differences of the loss, 200 policies, half of them without π_ref",
        each="dn_dt n beta b m_theta", dn_dt=gain, n=n, beta=beta, b=b, m_theta=beta * (b + n),
    )  # fmt: skip


def test_time_to_tie(evidence):
    r"""Gradient flow gains $n$ nats in time $n/(2\beta) + e^{\beta b}(e^{\beta n} - 1)/(2\beta^2)$, where
    $b = 0$ with $\piref$ and $b = c$ without."""
    cases = [(d, b, c) for d, b in ((3, 0.1), (5, 0.1), (20, 0.1), (3, 0.5), (1, 2)) for c in (None, 2, -2)]
    betas = np.array([b for _, b, _ in cases])
    nats = np.array([d if c is None else 2 * d for d, _, c in cases])
    ratios = np.array([-d if c is None else c for d, _, c in cases], float)
    for name, reference, start in (("with π_ref", np.copy, 0 * ratios), ("without", free, ratios)):
        bases = [m.base(d, c) for d, _, c in cases]
        times = np.array([flow_time(p, b, reference(p)) for p, b in zip(bases, betas)])
        evidence.equation(
            "eq-sft-time", 1e-8, f"ODE solver on the logits until y_w ties with the favourite, {name}",
            each="T_b n beta b", T_b=[lambda n, time=time: time for time in times],
            n=nats, beta=betas, b=start,
        )  # fmt: skip
    rates_of_gain(evidence)
    n, beta = sp.symbols("n beta", positive=True)
    b, v = sp.symbols("b v", real=True)
    time = sp.integrate((1 + sp.exp(beta * b) * sp.exp(beta * v)) / (2 * beta), (v, 0, n))
    route = "integral of dt/dv = 1/(2βσ(−β(b + v)))"
    evidence.identity("eq-sft-time", route, T_b=lambda n: time, n=n, beta=beta, b=b)


def test_reference_resets(evidence):
    r"""$\piref$ slows a pair that the base has the wrong way round, speeds up one that it has the right
    way, and changes nothing, to the last bit, if $c = 0$."""
    rng, ratios, times = np.random.default_rng(16), [], []
    for sign in (-1, 1) * 10:
        distance, beta, ratio = rng.uniform([1, 0.05, 0.5], [10, 0.5, 10])
        start = m.base(distance, sign * ratio)
        ratios.append(np.log(start[0] / start[1]))
        times.append(flow_time(start, beta, start) / flow_time(start, beta, free(start)))
    ratios, slower = np.array(ratios), np.array(times) > 1
    for formula, c in (("c < 0", ratios[slower]), ("c > 0", ratios[~slower])):
        route = f"pairs whose flow takes {'longer' if c[0] < 0 else 'less long'} with π_ref, of 20"
        evidence.equation(evidence.sentence(formula), 0, route, each="c", c=c)
    evidence.bounded(np.abs(np.log(times)), "log of their flow times with over without π_ref", low=0.01)
    start = m.base(FAR, 0)
    held, loose = (m.train(start, BETA, 1000, RATE, p) for p in (start, free(start)))
    evidence.equal(held.tolist() == loose.tolist(), True, "1,000 steps, bit by bit")
    evidence.prints(r"slows the pair if $c < 0$, speeds it up if $c > 0$ and changes nothing if $c = 0$")
    unchanged = np.log(start[0] / start[1])
    evidence.equation(evidence.sentence("c = 0"), 0, "the base of these steps", c=unchanged)


def test_steps_to_tie(evidence):
    r"""From $D = 60$ with the favourite as $y_l$, steps of size 50 at $\beta = 0.1$: the tie comes after 406
    steps, at a loss of about 0.0025, and after 7 without $\piref$."""
    start = m.base(FAR)
    held, loose = (m.train(start, BETA, 450, RATE, p) for p in (start, free(start)))
    steps = [int(np.argmax(lead(path) >= 0)) for path in (held, loose)]
    flows = np.array([flow_time(start, BETA, p) for p in (start, free(start))]) / RATE
    evidence.close(steps / flows, [1, 1], 0.01, "steps over the time of gradient flow divided by their size")
    loss = m.dpo_loss(held[steps[0]], start, BETA, (0, 1))
    for text, value in (("60", FAR), ("0.1", BETA), ("50", RATE), ("0.0025", loss)):
        evidence.shows(text, value)
    for text, value in zip(("406", "7"), steps):
        evidence.shows(text, value)
    evidence.prints(rf"the tie comes after {steps[0]} steps, and after {steps[1]} without $\piref$")
    evidence.prints(rf"comes at step {steps[0]}, at a loss of 0.0025; without $\piref$ at step {steps[1]}")


def test_what_a_loss_buys(evidence):
    r"""A loss $\ell$ means $-\log(e^\ell - 1)/\beta$ nats gained with $\piref$, from every base; without
    it, a log-ratio $\log\frac{\pi(y_w)}{\pi(y_l)}$ of that size."""
    ratio = r"\log(e^\ell - 1)/\beta"
    for distance in (NEAR, 20, FAR):
        start = m.base(distance)
        for reference, printed in ((start, rf"h = -D - {ratio}"), (free(start), rf"h = -{ratio}")):
            path = m.train(start, BETA, 500, RATE, reference)
            evidence.equation(
                evidence.sentence(printed), 1e-9, f"500 policies of a DPO run from D = {distance}",
                each="h ell", h=lead(path), ell=m.dpo_loss(path, reference, BETA, (0, 1)), D=distance,
                beta=BETA,
            )  # fmt: skip


def test_classes(evidence):
    r"""The model is exact for classes if the policy keeps $\piref$ inside each: every pair from two classes
    then has the loss of their totals. In a free table the classes move less than the pair."""
    members, rng = np.array([0, 1, 0, 1, 1, 2]), np.random.default_rng(17)
    for p, _, b in instances(50, 17):
        totals, theta = np.bincount(members, p), rng.normal(0, 3, 3)
        whole = np.log(p / totals[members]) + log_softmax(theta)[members]
        losses = [m.dpo_loss(whole, p, b, pair) for pair in product((0, 2), (1, 3, 4))]
        evidence.close(losses, m.dpo_loss(theta, totals, b, (0, 1)), 1e-9, "six pairs against the totals")
        p = 0.9 * p + 0.1 / 6
        table = softmax(m.train(p, b, 50, 5.0)[-1])
        moved = np.log(np.bincount(members, table) / np.bincount(members, p))
        gained = np.log(table / p)
        more = (gained[0] - gained[1]) - (moved[0] - moved[1])
        evidence.bounded(more, "nats gained by a pair in a free table over those of its classes", low=1e-3)


def test_third_response(evidence):
    r"""From $D = 60$ with $y_o$ outside the pair and $c = 0$, steps of size 50 at $\beta = 0.1$ tie after
    about 163,000 steps, at a loss of about $6 \times 10^{-6}$, with $\piref$ and without: by a recursion
    that the first 1,000 steps of the run confirm."""
    gains = [0.0]  # of the preferred logit, step by step
    while gains[-1] < FAR:
        gains.append(gains[-1] + RATE * BETA / (1 + exp(2 * BETA * gains[-1])))
    start, steps, first = m.base(FAR, 0), len(gains) - 1, 1000
    for reference in (start, free(start)):
        path = m.train(start, BETA, first, RATE, reference)
        evidence.close(lead(path) + FAR, gains[:first], 1e-11, "the first steps of the run")
    time = evidence.printed("eq-sft-time").function()(n=2 * FAR, beta=BETA, b=0)
    evidence.close(RATE * steps / time, 1, 1e-4, "steps times their size over gradient flow's time")
    numbers = {"60": FAR, "0.1": BETA, "50": RATE, "163,000": round(steps, -3), "1,000": first}
    for text, value in numbers.items():
        evidence.shows(text, value)
    evidence.shows(r"6 \times 10^{-6}", np.log1p(exp(-2 * BETA * gains[-1])))


def test_nll_term(evidence):
    r"""With 0.2 of the negative log-likelihood of $y_w$ added, DPO lifts $y_w$ past 0.99 from $D = 60$ with
    $y_o$ outside the pair within 100 steps."""
    weight = 0.2
    lifted, stuck = (softmax(m.train(m.base(FAR, 0), BETA, STEPS + 1, RATE, nll=w)[-1]) for w in (weight, 0))
    evidence.equation(
        evidence.sentence(r"\pitheta(y_w \given x) > 0.99"), 0, "π(y_w) after 100 steps with the term",
        pi_theta=lambda y, x: {"x": lifted}[x][y], y_w=0, x="x",
    )  # fmt: skip
    evidence.bounded(stuck[0], "π(y_w) after 100 steps without it", high=1e-12)
    for text, value in (("0.2", weight), ("60", FAR), ("100", STEPS)):
        evidence.shows(text, value)
    for p, _, b in instances(20, 22):
        start, rate = 0.9 * p + 0.1 / 6, 0.5
        path = m.train(start, b, 6, rate, p, weight)

        def loss(at):
            return m.dpo_loss(at, p, b, (0, 1)) - weight * log_softmax(at)[0]

        slopes = [approx_fprime(logits, loss, 1e-7) for logits in path[:-1]]
        steps = np.diff(path, axis=0) / rate
        evidence.close(-steps, slopes, 1e-6, "five steps against finite differences of the whole loss")


def test_kto(evidence):
    r"""On the same table KTO, which judges each response alone, ties from $D = 60$ after 643 steps, and after
    555 without $\piref$; from $D = 80$ after 4448 and 3997: about like $e^{\beta D}$."""
    rng, farther, found = np.random.default_rng(18), 80, {}
    for distance, length in ((FAR, 700), (farther, 4500)):
        start = m.base(distance, 0)
        paths = [m.train(start, BETA, length, RATE, p, slope=m.kto_gradient) for p in (start, free(start))]
        found[distance] = steps = [int(np.argmax(lead(path) >= 0)) for path in paths]
        gained = (log_softmax(paths[0][: steps[0]], axis=1) - np.log(start))[:, 0]
        evidence.bounded(gained.max() / distance, "nats gained by y_w before the tie, over D", high=1)
        evidence.shows(str(distance), distance)
        for step in steps:
            evidence.shows(str(step), step)
    evidence.prints("after {} steps, and after {} without".format(*found[FAR]))
    evidence.prints("after {}, and after {} without".format(*found[farther]))
    growth = np.log(np.divide(found[farther], found[FAR])) / (BETA * (farther - FAR))
    evidence.bounded(growth, "log of the ratio of these steps over β(80 − 60)", low=0.9, high=1.1)
    for p, _, b in instances(20, 18):
        logits = np.log(p) + rng.normal(0, 1, 6)
        point = softmax(logits) @ (log_softmax(logits) - np.log(p))

        def loss(at):
            gains = b * (log_softmax(at) - np.log(p) - point)
            return 2 - expit(gains[0]) - expit(-gains[1])

        slope = approx_fprime(logits, loss, 1e-7)
        evidence.close(m.kto_gradient(logits, p, b, (0, 1)), slope, 1e-6, "finite differences of the loss")


def test_best_beta(evidence):
    r"""The gradient-flow time to gain $n$ nats with $\piref$ is shortest at $\beta = 2/n$."""
    for distance in (3, 20):
        start = m.base(distance)
        times, ends = (lambda b: flow_time(start, b, start)), (1 / distance, 4 / distance)
        found = float(minimize_scalar(times, ends).x)
        route = f"Brent's search over flows simulated for n = {distance}"
        evidence.equation(evidence.sentence(r"\beta = 2/n"), 1e-4, route, beta=found, n=distance)
    beta, n = sp.symbols("beta n", positive=True)
    scope = {"T_b": sp.Function("T"), "n": n, "beta": beta, "b": sp.Integer(0)}
    [(_, (_, time))] = evidence.printed("eq-sft-time").sides(scope, exact=True)
    factors = (beta * n - 2) * (sp.exp(beta * n) - 1) / (2 * beta**3)  # has the sign of βn − 2
    evidence.exact(sp.diff(time, beta) - factors, "slope of the page's formula in β against its factors")


def test_rare_samples(evidence):
    r"""An even chance of a good response among $N$ samples from the base needs about $0.69/P_0$ of them."""
    needed = m.samples_for_even_chance(LENGTHS)
    evidence.equation(
        evidence.sentence(r"N \approx 0.69/P_0"), 1e-12, "the N of an even chance at L = 5, 20 and 100",
        each="N P_0", N=needed, P_0=m.base_probability(LENGTHS), approx=0.005,
    )  # fmt: skip
    rng, shares = np.random.default_rng(7), []
    for rate, seed in ((0.05, 1), (0.01, 2), (0.002, 3)):
        distance = np.log(1 / rate - 1)
        reference, size = far_reference(distance, seed), round(m.samples_for_even_chance(distance))
        batches = rng.choice(6, (20_000, size), p=reference)
        shares.append(GOOD[batches].any(axis=1).mean())
    evidence.close(shares, 0.5, 0.02, "share of 20,000 batches of N responses with a good one")


def test_small_distance(evidence):
    """Success rates of 39.7 % and 15.6 % are distances of 0.42 and 1.69."""
    for rate, text in ((0.397, "0.42"), (0.156, "1.69")):
        found = brentq(lambda length: m.base_probability(length) - rate, -5, 5)
        evidence.close(found, np.log(1 / rate - 1), 1e-9, f"root of P_0(L) = {rate} against the log-odds")
        evidence.shows(text, found)
        evidence.shows(f"{100 * rate:.1f}", 100 * rate)


def costs(flow):
    """Return the rows of the cost table: name → (growth as printed, growth, value), of the distance."""
    return {
        r"reward gap for even odds": (r"$\beta L$", lambda L: L, lambda L: BETA * L),
        r"nats of KL for even odds, $k(\frac{1}{2}, P_0)$": (
            "$L/2$", lambda L: L, lambda L: m.binary_kl(0.5, m.base_probability(L))),
        r"DPO weight/$\beta$ at the tie with $y_l$": (
            r"$e^{-\beta D}$", lambda D: np.exp(-BETA * D), lambda D: expit(-BETA * D)),
        r"the same without $\piref$": ("constant", np.ones_like, lambda D: expit(0 * D)),
        r"DPO time to the tie with $y_l$": (
            r"$e^{\beta D}$", lambda D: np.exp(BETA * D), lambda D: flow(n=D, beta=BETA, b=0 * D)),
        r"the same without $\piref$, $b = -D$": (
            "$D$", lambda D: D, lambda D: flow(n=D, beta=BETA, b=-D)),
        r"DPO time to the tie with a $y_o$ outside the pair": (
            r"$e^{2\beta D}$", lambda D: np.exp(2 * BETA * D), lambda D: flow(n=2 * D, beta=BETA, b=0 * D)),
        r"the same without $\piref$, if there $b = -D$": (
            r"$e^{\beta D}$", lambda D: np.exp(BETA * D), lambda D: flow(n=2 * D, beta=BETA, b=-D)),
        r"samples for an even chance of one good": ("$e^L$", np.exp, m.samples_for_even_chance),
        r"PPO rounds of full growth from $P_0$ to 1, if one token decides": (
            r"$L/\log(1 + \varepsilon)$", lambda L: L, lambda L: [
                next(t for t in count() if t * np.log1p(CLIP) >= -np.log(m.base_probability(x))) for x in L]),
    }  # fmt: skip


def test_cost_table(evidence):
    r"""The table of costs prints what its formulas give with $\beta = 0.1$ and $\varepsilon = 0.2$, and how
    they grow."""
    flow = evidence.printed("eq-sft-time").function(each="n b")
    rows, far = costs(flow), np.array([300.0, 600.0])
    table = evidence.table("obstacle", r"from $\piref$?")
    evidence.equal(list(table), ["obstacle", *rows], "the rows of the table, by name")
    evidence.equal(table["obstacle"][2:], [str(length) for length in LENGTHS], "the heads of the columns")
    evidence.shows("0.1", BETA)
    evidence.shows("0.2", CLIP)
    printed = {name: table[name][1] for name in rows}
    evidence.equal(printed, {name: row[0] for name, row in rows.items()}, "their growth, as printed")
    for number, (name, (_, shape, value)) in enumerate(rows.items(), 1):
        plain = [re.sub(r" \\times 10\^\{?(-?\d+)\}?", r"e\1", cell.strip("$")) for cell in table[name][2:]]
        numbers = [Decimal(cell) for cell in plain]
        rounded = [Decimal(float(v)).quantize(p) for v, p in zip(value(LENGTHS * 1.0), numbers)]
        evidence.equal(numbers, rounded, f"row {number}: {', '.join(plain)} against the formula, rounded")
        ratio = np.divide(*(np.array(value(far)) / shape(far)))
        evidence.close(ratio, 1, 0.02, f"row {number}: value over growth at 300 nats over that at 600")


@pytest.mark.library("torch")
def test_adam_is_blind_too(evidence):
    """Under Adam, too, DPO runs from $D = 3$ and $D = 60$ share their loss but not their policy."""
    starts = [m.base(3), m.base(60), np.array([1e-9, 0.1, 0.9 - 1e-9])]
    runs = [adam_run(p, 0.1, 200, 0.1) for p in starts]
    (near, near_policy), (far, far_policy), (other, _) = runs
    evidence.close([far, other], [near, near], 1e-11, "torch.optim.Adam, 200 losses, three references")
    ratios = [np.log(q[:2] / p[:2]) @ [1, -1] for p, (_, q) in zip(starts, runs)]
    evidence.close(ratios, ratios[0], 1e-9, "the nats gained in these runs")
    evidence.bounded(near_policy[0], "final π(y_w) from D = 3", low=0.99)
    evidence.bounded(far_policy[0], "final π(y_w) from D = 60", high=1e-7)


@pytest.mark.library("trl", "transformers", "torch")
def test_trl_first_step(evidence, tmp_path):
    r"""TRL's DPO starts at loss $\log 2$ with weight $\beta/2$, $\beta = 0.1$, and with another reference
    at loss $-\log\sigma(m_\theta)$ with weight $\beta\sigma(-m_\theta)$, its margin counted from that."""
    for seed, name in ((0, "the policy's copy"), (1, "another random Llama")):
        loss, gradient, direction, margin = first_step(dpo_trainer(tmp_path / str(seed), seed))
        expected = np.log(2) if seed == 0 else np.logaddexp(0, -margin)
        evidence.close(loss, expected, 1e-5, f"DPOTrainer, default settings, reference: {name}")
        weight = 0.05 if seed == 0 else 0.1 * expit(-margin)
        evidence.close(gradient, -weight * direction, 1e-5, "all weights, against plain autograd")
        evidence.bounded(np.abs(gradient).max(), "the largest entry is far from 0", low=0.01)
    evidence.bounded(abs(margin), "the margin that the other reference gives", low=0.05)
