"""Checks of 2(c): what the reference term costs without supervised fine-tuning."""

import re
from decimal import Decimal
from itertools import product
from math import exp
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import approx_fprime, brentq, minimize_scalar
from scipy.special import expit, log_softmax, rel_entr, softmax

from . import model as m
from .oracles import adam_run, best_policy, dpo_fit, dpo_trainer, first_step, flow_time

PAGE = Path(__file__).with_name("index.md").read_text(encoding="utf-8")
CELLS = [re.split(r"\s*\|\s*", line) for line in PAGE.splitlines()]
COSTS = [cells[3:6] for cells in CELLS if len(cells) == 7][2:]  # the rows below the header
GOOD = np.arange(6) < 2
LENGTHS = np.array([5, 20, 100])  # the distances L of the tables, in nats


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
    """Return the symbols of eq-sft-odds for those 200 cases whose optimum has both G and B likely."""
    cases = [case for case in cases if abs(m.log_odds(m.optimum(*case), GOOD)) < 8][:200]
    optima = [m.optimum(*case) for case in cases]
    return {
        "pi_star": [lambda members, x, p=p: {"x": p}[x][{"G": GOOD}[members]].sum() for p in optima],
        "each": "pi_star beta r_bar_G r_bar_B L Delta", "G": "G", "x": "x",
        "beta": np.array([b for _, _, b in cases]),
        "r_bar_G": np.array([m.soft_mean(*case, GOOD) for case in cases]),
        "r_bar_B": np.array([m.soft_mean(*case, ~GOOD) for case in cases]),
        "L": np.array([-m.log_odds(p, GOOD) for p, _, _ in cases]),
        "Delta": np.array([r[GOOD].max() - r[~GOOD].min() for _, r, _ in cases]),
    }  # fmt: skip


def test_soft_mean(evidence):
    r"""$\bar r_S = \beta\log\E_{y \drawn \piref(\cdot \given x, S)}[e^{r(x, y)/\beta}]$ is the best of
    $\E_{y \drawn \pi}[r(x, y)] - \beta\KL(\pi \relto \piref(\cdot \given x, S))$ over policies $\pi$
    on $S$."""
    for members in (GOOD, ~GOOD):
        p, r, b = stacked(instances(20, 11))
        p, r = p[:, members] / p[:, members].sum(axis=1, keepdims=True), r[:, members]
        best = [m.rlhf_objective(best_policy(*case), *case) for case in zip(p, r, b)]
        evidence.equation(
            "eq-sft-soft-mean", 1e-9, f"20 objectives maximised by BFGS over {members.sum()} responses",
            sets={"y": range(members.sum())}, r_bar_S=np.array(best), beta=b, x="x", S="S",
            pi_ref=[lambda y, x, S, p=p: {("x", "S"): p}[x, S][y] for p in p],
            r=[lambda x, y, r=r: {"x": r}[x][y] for r in r], each="r_bar_S beta pi_ref r",
        )  # fmt: skip


def test_optimum_log_odds(evidence):
    r"""At the RLHF optimum $\logit\pi^*(G) = (\bar r_G - \bar r_B)/\beta - L$, with the soft means
    $\bar r$ of the reward."""
    route = "200 enumerated optima against their soft means"
    evidence.equation("eq-sft-odds", 1e-11, route, **odds_scope(instances(500, 0)))


def test_odds_bound(evidence):
    r"""$\logit\pi^*(G)$ never exceeds $\Delta/\beta - L$, and reaches it when the reward has two levels."""
    two = odds_scope((p, np.where(GOOD, r[0], r[5]), b) for p, r, b in instances(500, 1))
    random = odds_scope(instances(500, 1))
    evidence.equation("eq-sft-odds", 1e-11, "200 optima for random rewards", **random)
    evidence.equation("eq-sft-odds", 1e-11, "200 optima for two-level rewards", tight=True, **two)


def test_gap_to_tie(evidence):
    r"""With a two-level reward the best probability of $G$ is $\frac12$ exactly when the gap is
    $\beta L$."""
    rng, found = np.random.default_rng(8), []
    for distance, beta in product((3, 5, 20), (0.05, 0.5)):
        reference = m.reweighted(rng.dirichlet(np.ones(6)), GOOD, expit(-distance))

        def excess(gap):
            return best_policy(reference, gap * GOOD, beta)[GOOD].sum() - 0.5

        found.append(brentq(excess, 0, 12) / (beta * distance))
    evidence.close(found, 1, 1e-6, "root of π(G) − 1/2, π by BFGS on six logits, over βL")


def test_dpo_coverage(evidence):
    r"""DPO's expected loss leads to $\pi^*$ if the pairs connect all responses, and else it need not."""
    (p, r, b), chain = next(instances(1, 9)), [(i, i + 1) for i in range(5)]
    best = m.optimum(p, r, b)
    evidence.close(dpo_fit(p, r, b, chain), best, 1e-6, "BFGS on the loss of a chain of five pairs")
    apart = np.abs(dpo_fit(p, r, b, chain[:2] + chain[3:]) - best).max()
    evidence.bounded(apart, "distance from π* without the middle pair", low=0.01)


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


def test_zero_support(evidence):
    r"""A response with $\piref(y) = 0$ keeps probability $0$ at every reward; any mass on it costs
    $\infty$."""
    p, reward = np.array([0.0, 0.3, 0.7]), np.array([1e6, 0, 0])
    evidence.close(m.optimum(p, reward, 0.1)[0], 0, 0, "reward 1,000,000 on that response")
    value = m.rlhf_objective(np.array([1e-12, 0.3, 0.7 - 1e-12]), p, reward, 0.1)
    evidence.equal(float(value), float("-inf"), "the objective with mass 1e-12 on it")


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
            "eq-sft-slope", 1e-8, "central differences of J at 41 policies",
            each="dJ_ds s rho", dJ_ds=slopes, s=s,
            rho=expit(s), Delta=gap, beta=b, L=-m.log_odds(p, GOOD),
        )  # fmt: skip
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


def test_first_step(evidence):
    r"""At $\theta = \theta_{\mathrm{ref}}$ the DPO gradient is $(-\beta/2, +\beta/2, 0, \dots)$ in the
    logits, whatever $\piref$ is."""
    references = np.exp(log_softmax(np.random.default_rng(4).uniform(-60, 0, (100, 5)), axis=1))
    slopes = [approx_fprime(np.log(p), m.dpo_loss, 1e-6, p, 0.1, (0, 1)) for p in references]
    evidence.close(slopes, 100 * [[-0.05, 0.05, 0, 0, 0]], 1e-7, "finite differences, 100 references")


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
    losses = np.array([np.apply_along_axis(m.dpo_loss, -1, q, *c[1:], pair) for q, c in zip(points, cases)])
    evidence.equation(
        "eq-sft-gradient", 1e-8, "both gradients by central differences, 100 random policies",
        nabla_theta=nabla, x="x", y_w=2, y_l=4, each="ell pi_theta beta m_theta", ell=losses, beta=b,
        pi_theta=[lambda y, x, q=q: {"x": q}[x][..., y] for q in softmax(points, axis=-1)],
        m_theta=[m.margin(*c, pair) for c in cases],
    )  # fmt: skip
    slopes = [m.dpo_gradient(*c, pair) for c in cases]
    evidence.close(
        slopes, [nabla * loss for loss in losses], 1e-8, "the gradient in the logits, as simulated"
    )
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


def test_tie_weights(evidence):
    r"""At the tie with the base's favourite the margin is $2\beta L$, or $\beta L$ if that was rejected."""
    for rejected, gain in ((1, 1.0), (2, 0.5)):  # each of the pair's logits moves by gain · L
        starts = np.array([np.log(m.three_responses(distance)) for distance in LENGTHS])
        ties = starts + np.outer(gain * LENGTHS, np.eye(3)[0] - np.eye(3)[rejected])
        found = [m.margin(t, np.exp(s), 0.1, (0, rejected)) for s, t in zip(starts, ties)]
        evidence.close(ties[:, 0], ties[:, 2], 1e-12, "log π(y_w) = log π(y_o) after the move")
        evidence.close(found, 0.2 * gain * LENGTHS, 1e-9, f"margins there, rejected: {rejected}")


def test_time_to_tie(evidence):
    r"""Gradient flow reaches the tie with a $y_o$ outside the pair after time
    $L/\beta + (e^{2\beta L} - 1)/(2\beta^2)$."""
    distances, betas = np.array([3, 5, 20, 3, 1]), np.array([0.1, 0.1, 0.1, 0.5, 2])
    flow, route = np.vectorize(flow_time), "ODE solver on the logits, five pairs (L, β)"
    evidence.equation("eq-sft-time", 1e-9, route, each="L beta", T=flow, L=distances, beta=betas)
    L, b, a = sp.symbols("L beta a", positive=True)
    time = sp.integrate((1 + sp.exp(2 * b * a)) / b, (a, 0, L))
    evidence.identity("eq-sft-time", "integral of dt/da = 1/(βσ(−2βa))", T=lambda *given: time, L=L, beta=b)


def test_best_beta(evidence):
    r"""The gradient-flow time to the tie with a $y_o$ outside the pair is shortest at $\beta = 1/L$."""
    found = [
        distance * minimize_scalar(lambda b: flow_time(distance, b), (0.5 / distance, 2 / distance)).x
        for distance in (3, 20)
    ]
    evidence.close(found, 1, 1e-3, "Brent's search over flows simulated for L = 3 and 20, times L")
    b, L = sp.symbols("beta L", positive=True)
    scope = {"T": sp.Function("T"), "L": L, "beta": b}
    [(_, (_, time))] = evidence.printed("eq-sft-time").sides(scope, exact=True)
    slope = sp.diff(time, b)
    factors = (b * L - 1) * (sp.exp(2 * b * L) - 1) / b**3  # has the sign of βL − 1
    evidence.exact(slope - factors, "slope of the page's formula in β against (βL − 1)(e^{2βL} − 1)/β³")


def test_same_loss_different_policy(evidence):
    r"""DPO runs from $L = 3$ and $L = 60$ share one loss curve but end with $\pi(y_w) > 0.99$ and
    $< 10^{-7}$."""
    runs = [m.train(m.three_responses(distance), 0.1, 4000, 50.0) for distance in (3, 60)]
    (near, near_policy), (far, far_policy) = runs
    evidence.close(near, far, 1e-11, "4,000 steps of gradient descent, loss by loss")
    others = [m.train(p, 0.1, 100, 50.0)[0] - near[:100] for p, _, _ in instances(20, 10)]
    evidence.close(others, 0, 1e-11, "100 losses from each of 20 random references against these")
    evidence.bounded(far[-1], "final loss", high=1e-3)
    evidence.bounded(near_policy[-1, 0], "final π(y_w) from L = 3", low=0.99)
    evidence.bounded(far_policy[-1, 0], "final π(y_w) from L = 60", high=1e-7)


def test_steps_to_tie(evidence):
    r"""Continued, the run from $L = 60$ ties after about 163,000 steps, at a loss of about
    $6 \times 10^{-6}$."""
    gains = [0.0]  # of the preferred logit, step by step
    while gains[-1] < 60:
        gains.append(gains[-1] + 50 * 0.1 / (1 + exp(0.2 * gains[-1])))
    policy = m.train(m.three_responses(60), 0.1, 1000, 50.0)[1]
    evidence.close(gains[:1000], np.log(policy[:, 0] / policy[:, 2]) + 60, 1e-11, "the run's first steps")
    evidence.equal(round(len(gains) - 1, -3), 163_000, "the number of steps, to thousands")
    evidence.close(np.log1p(exp(-0.2 * gains[-1])), 6e-6, 5e-7, "the loss there")
    ratio = 50 * (len(gains) - 1) / evidence.printed("eq-sft-time").function()(L=60, beta=0.1)
    evidence.close(ratio, 1, 1e-4, "steps times their size over the time of gradient flow")


def test_what_a_loss_buys(evidence):
    r"""A loss $\ell$ means $a = -\log(e^\ell - 1)/(2\beta)$ nats gained on a $y_o$ outside the pair, $2a$
    on $y_o = y_l$."""
    for distance, (rejected, share) in product((3, 20, 60), ((1, 1), (2, 2))):
        start = m.three_responses(distance)
        losses, policies = m.train(start, 0.1, 500, 50.0, pair=(0, rejected))
        gained = np.log(policies[:, 0] / policies[:, 2]) + distance
        route = f"500 policies of a DPO run from L = {distance}, rejected: {rejected}"
        evidence.close(share * m.nats_gained(losses, 0.1), gained, 1e-11, route)


def test_nll_term(evidence):
    """With 0.2 of the negative log-likelihood of $y_w$ added, DPO lifts $y_w$ past 0.99 from $L = 60$."""
    start = m.three_responses(60)
    lifted, stuck = (m.train(start, 0.1, 100, 50.0, nll)[1][-1, 0] for nll in (0.2, 0))
    evidence.bounded(lifted, "π(y_w) after 100 steps with the term", low=0.99)
    evidence.bounded(stuck, "π(y_w) after 100 steps without it", high=1e-12)


def test_sparse_reward(evidence):
    r"""$N$ samples hold no good response with probability $(1 - P_0)^N$, about $\frac12$ at
    $N = 0.69/P_0$."""
    rng, cases = np.random.default_rng(7), [(0.01, 50), (0.001, 700), (0.156, 16)]
    missed = [np.mean(rng.binomial(n, p, 400_000) == 0) for p, n in cases]
    evidence.close(missed, [(1 - p) ** n for p, n in cases], 0.004, "400,000 simulated batches")
    even = [np.mean(rng.geometric(p, 400_000) > 0.69 / p) for p in (1e-2, 1e-3, 1e-5)]
    evidence.close(even, 0.5, 0.005, "share of 400,000 first good samples that come after 0.69/P_0")


def test_cost_table(evidence):
    r"""The table of costs prints what its formulas give with $\beta = 0.1$ and $\varepsilon = 0.2$."""
    start, flow = m.base_probability(LENGTHS), evidence.printed("eq-sft-time").function(each="L")
    rows = [0.1 * LENGTHS, m.binary_kl(0.5, start), m.weight_after(LENGTHS, 0.1),
            m.weight_after(LENGTHS / 2, 0.1), flow(L=LENGTHS, beta=0.1),
            m.samples_for_even_chance(LENGTHS), np.ceil(-np.log(start) / np.log(1.2))]  # fmt: skip
    for cells, values in zip(COSTS, rows, strict=True):
        plain = [re.sub(r" \\times 10\^\{?(-?\d+)\}?", r"e\1", cell.strip("$")) for cell in cells]
        printed = [Decimal(number) for number in plain]
        rounded = [Decimal(float(v)).quantize(p) for v, p in zip(values, printed)]
        evidence.equal(printed, rounded, f"{', '.join(plain)} against the formula, rounded alike")


@pytest.mark.library("torch")
def test_adam_is_blind_too(evidence):
    """Under Adam, too, DPO runs from $L = 3$ and $L = 60$ share their loss but not their policy."""
    starts = [m.three_responses(3), m.three_responses(60), np.array([1e-9, 0.1, 0.9 - 1e-9])]
    (near, near_policy), (far, far_policy), (other, _) = (adam_run(p, 0.1, 2000, 0.1) for p in starts)
    evidence.close([far, other], [near, near], 1e-11, "torch.optim.Adam, 2,000 losses, three references")
    evidence.bounded(near_policy[0], "final π(y_w) from L = 3", low=0.99)
    evidence.bounded(far_policy[0], "final π(y_w) from L = 60", high=1e-7)


@pytest.mark.library("trl", "transformers", "torch")
def test_trl_first_step(evidence, tmp_path):
    r"""TRL's DPO starts at loss $\log 2$ with gradient
    $-\frac{\beta}{2}(\nabla_\theta\log\pitheta(y_w \given x) - \nabla_\theta\log\pitheta(y_l \given x))$,
    $\beta = 0.1$."""
    loss, gradient, direction = first_step(dpo_trainer(tmp_path))
    evidence.close(loss, np.log(2), 1e-6, "DPOTrainer on a random Llama, default settings")
    evidence.close(gradient, -0.05 * direction, 1e-5, "all weights, against plain autograd")
    evidence.bounded(np.abs(gradient).max(), "the largest entry is far from 0", low=0.01)
