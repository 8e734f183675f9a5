"""Checks of 2(b): one class of rewards, one optimal policy, more than one human value."""

from itertools import permutations, product
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from maths.exact import Exact
from scipy.optimize import brentq
from scipy.special import expit, logit, rel_entr, softmax
from scipy.stats import entropy, logistic

from .model import EXAMPLE, SWAP, gibbs, objective
from .oracles import ascend, search

ROUNDING = 1e-11  # some hundred roundings of numbers between 1 and 100
PROMPTS, RESPONSES = range(3), range(4)
SETS = {"y": RESPONSES, "cdot": RESPONSES}
PAIRS = {"x_prime": PROMPTS, "y_prime": RESPONSES}  # what Q draws from


class Table:
    """A function of the prompt x and the response y, or of x alone, given by its values."""

    def __init__(self, values):
        self.values = values

    def __call__(self, x, y=0):
        return self.values[x, y]

    def __add__(self, other):
        return Table(self.values + other.values)


def cells(row):
    """Return a row of the worked example as a function of prompt and response."""
    return Table(np.array(row, float).reshape(2, 2))


def law(probabilities, prompt=None):
    """Return an array with the axes (prompt, response) as the function π(y | x), or π(y) at a prompt."""
    return lambda y, x=prompt: probabilities[x, y]


def problems(count, prompts=3, responses=4):
    """Return random problems with positive references, as arrays (problem, prompt, response)."""
    rng, shape = np.random.default_rng(0), (count, prompts, responses)
    reward, shift = rng.normal(size=shape), rng.normal(0, 3, (count, prompts, 1))
    reference, policy = rng.dirichlet(np.ones(responses), (2, count, prompts))
    return SimpleNamespace(
        reference=reference, policy=policy, prompts=rng.dirichlet(np.ones(prompts), count),
        reward=reward, shift=shift, shifted=reward + shift, beta=rng.uniform(0.2, 2, (count, 1, 1)), e=np.e,
    )  # fmt: skip


def free(prompts=1, responses=3):
    """Return a problem made of SymPy symbols, as arrays (prompt, response)."""

    def array(name, columns, **kind):
        return np.array(sp.symbols(f"{name}:{prompts * columns}", **kind)).reshape(prompts, columns)

    reward, shift = array("r", responses, real=True), array("h", 1, real=True)
    chances = array("q", responses - 1, positive=True)
    policy = np.append(chances, 1 - chances.sum(axis=1, keepdims=True), axis=1)
    return SimpleNamespace(
        reference=array("p", responses, positive=True), policy=policy, reward=reward, shift=shift,
        shifted=reward + shift, beta=sp.Symbol("beta", positive=True), e=sp.E,
    )  # fmt: skip


def split(p):
    """Yield the problems one by one, as arrays (prompt, response)."""
    for number in range(len(p.reward)):
        one = SimpleNamespace(
            **{name: value[number] for name, value in vars(p).items() if name != "e"}, e=p.e
        )
        one.beta = one.beta.item()
        yield one


def symbols(p, x=0, y=0):
    """Return what the symbols of the page's equations stand for in a problem, at a prompt and a response."""

    def at_prompt(x, pi, r):
        policy, reward = np.array([(pi(y, x), r(x, y)) for y in range(p.reward.shape[-1])]).T
        return objective(policy, p.reference[x], reward, p.beta)

    return {
        "x": x, "y": y, "beta": p.beta, "pi": law(p.policy), "pi_ref": law(p.reference),
        "r": Table(p.reward), "h": Table(p.shift), "J": at_prompt,
    }  # fmt: skip


def samples(problems, more, responses=RESPONSES):
    """Yield the symbols for each problem, prompt and response, with what `more` makes of a problem."""
    for number, one in enumerate(split(problems)):
        added = more(one, number)
        for x, y in product(range(len(one.reward)), responses):
            yield symbols(one, x, y) | added


def partition(p, reward):
    """Return Z_r(x), summed term by term."""
    return Table(np.sum(p.reference * p.e ** (reward / p.beta), axis=-1, keepdims=True))


def printed(evidence, label, sets, **scope):
    """Return the last side of an equation, as the page prints it, as a SymPy expression."""
    return Exact(scope, sets)(evidence.printed(label).statements[0].parts[-1])


def printed_optimum(evidence, p, reward):
    """Return the printed optimum for a reward as the function π(y | x)."""
    given = {"r": Table(reward), "Z_r": partition(p, reward), "sets": SETS}
    return lambda y, x: printed(evidence, "eq-class-optimum", **symbols(p, x, y) | given)


def found(p, reward, **options):
    """Return the policies that the optimiser finds for the first prompt of each problem."""
    each = zip(p.reference[:, 0], reward[:, 0], p.beta[:, 0, 0])
    return np.array([search(*one, **options) for one in each])


def values(reward, pairs):
    """Return the logistic values for a tensor Q(x', y' | x, y) with last axes (x, y, x', y')."""
    return expit(reward - np.einsum("...xyij,...ij->...xy", pairs, reward))


def random_references(count):
    """Return random tensors Q(x', y' | x, y) with axes (problem, x, y, x', y')."""
    rng = np.random.default_rng(1)
    return rng.dirichlet(np.ones(12), (count, 3, 4)).reshape(count, 3, 4, 3, 4)


def unit_shift(reference, reward, beta):
    """Return the h for which r + h has Z = 1, by Brent's method."""

    def excess(h):
        return reference @ np.exp((reward + h) / beta) - 1

    return brentq(excess, -reward.max(), -reward.min(), xtol=1e-14)


def test_unbounded(evidence):
    r"""For $\piref(k) = 2^{-k}$ and $r(k) = \beta k \log 2$, so that $Z_r$ is infinite, the policy
    proportional to $\piref e^{r/\beta}$ on the first $n$ responses has $J = \beta\log n$."""
    beta, sizes, found = 0.5, 2 ** np.arange(10), []
    for size in sizes:
        k = np.arange(1, size + 1)
        found.append(objective(np.full(size, 1 / size), 0.5**k, beta * k * np.log(2), beta))
    evidence.close(found, beta * np.log(sizes), ROUNDING, "J by SciPy's relative entropy, n = 1 to 512")


def test_gibbs_identity(evidence):
    r"""$J_x(\pi; r) = \beta\log Z_r(x) - \beta\KL(\pi \relto \pi_r) \le \beta\log Z_r(x)$ for every
    policy $\pi$."""
    p = problems(100)
    best = gibbs(p.reference, p.reward, p.beta)

    def divergence(one, _):
        def single(x, pi, r):
            policy, reward = np.array([(pi(y, x), r(x, y)) for y in RESPONSES]).T
            return -one.beta * rel_entr(policy, one.reference[x] * np.exp(reward / one.beta)).sum()

        return {"J": single}

    route = "J as −β SciPy's relative entropy to π_ref exp(r/β), not normalised"
    each = samples(p, divergence, [0])
    evidence.equation("eq-class-objective", ROUNDING, route, SETS, each=each)

    def optimum(one, number):
        return {"Z_r": partition(one, one.reward), "pi_r": law(best[number])}

    route = "J as defined; Z summed term by term"
    evidence.equation("eq-class-bound", ROUNDING, route, SETS, each=samples(p, optimum, [0]))
    each = [one | {"pi": one["pi_r"]} for one in samples(p, optimum, [0])]
    evidence.equation("eq-class-bound", ROUNDING, "the same for π = π_r", SETS, tight=True, each=each)
    outside = np.where(np.arange(4) == 3, 0, p.reference)  # reference 0 at a response with π > 0
    found = np.isneginf(objective(p.policy, outside, p.reward, p.beta))
    evidence.equal(
        bool(found.all()), True, "the objective of these checks is −∞ if π has mass where π_ref is 0"
    )


def test_gibbs_inequality(evidence):
    r"""$-\KL(\pi \relto \pi_r) \le \sum_y (\pi_r - \pi) \le 0$, summed over the responses with $\pi > 0$;
    the outer sides are equal at $\pi = \pi_r$ alone, for
    $\KL \ge \frac12(\sum_y \lvert\pi - \pi_r\rvert)^2$."""
    p = problems(100)
    best, some = gibbs(p.reference, p.reward, p.beta), p.policy[..., :3]
    some = some / some.sum(axis=-1, keepdims=True)
    for policy, route in ((p.policy, "π > 0"), (some, "π = 0 at the last response"), (best, "π = π_r")):
        each = [{"x": x, "pi": law(a, x), "pi_r": law(b, x)} for a, b in zip(policy, best) for x in PROMPTS]
        sets = dict.fromkeys(("y", "cdot"), range(policy.shape[-1]))
        evidence.equation("eq-class-gibbs", ROUNDING, route, sets, policy is best, each)
    middle = evidence.printed("eq-class-gibbs").function(side=2, sets={"y": range(3)})
    lost = best[..., :3].sum(axis=-1) - 1  # the mass of π_r where π = 0, negative
    found = [[middle(x=x, pi=law(a), pi_r=law(b)) for x in PROMPTS] for a, b in zip(some, best)]
    evidence.close(found, lost, ROUNDING, "the middle sum of eq-class-gibbs against the mass where π = 0")
    for size in (1, 1e-2, 1e-4):
        near = best + size * (p.policy - best)
        ratio = entropy(near, best, axis=-1) / np.abs(near - best).sum(axis=-1) ** 2
        evidence.bounded(ratio, f"SciPy's KL over the squared distance, π at {size:g} of the way", low=0.5)
    t = sp.Symbol("t", positive=True)
    gap = t - 1 - sp.log(t)
    flat, curved = sp.solve(sp.diff(gap, t), t), sp.diff(gap, t, 2).is_positive
    evidence.equal((flat, gap.subs(t, 1), curved), ([1], 0, True), "t − 1 − log t: convex, 0 at t = 1 alone")


def test_optimum(evidence):
    r"""The maximiser of the RLHF objective is $\piref(y \given x)\,e^{r(x, y)/\beta}/Z_r(x)$."""
    p = problems(5)
    best = found(p, p.reward)

    def searched(one, number):
        return {"pi_r": law(best[number, None]), "Z_r": partition(one, one.reward)}

    each = [one for one in samples(p, searched) if one["x"] == 0]
    evidence.equation("eq-class-optimum", 1e-6, "π_r by BFGS on the logits", each=each)
    p, share = free(responses=2), sp.Symbol("q", positive=True)
    given = symbols(p) | {"pi": law(np.array([[share, 1 - share]]))}
    sets = dict.fromkeys(("y", "cdot"), range(2))
    slope = sp.diff(printed(evidence, "eq-class-objective", sets, **given), share)
    (best,) = sp.solve(sp.logcombine(slope, force=True), share)
    given |= {"pi_r": lambda y, x: best, "Z_r": partition(p, p.reward)}
    evidence.identity(
        "eq-class-optimum",
        "root of the derivative of J as printed in eq-class-objective, first of two responses",
        **given,
    )


def test_invariance_exact(evidence):
    r"""Adding $h(x)$ multiplies $Z$ by $\exp(h(x)/\beta)$ and leaves the optimal policy as it is."""
    p = free()
    given = symbols(p) | {
        "r_star_a": Table(p.reward), "Z_r_star_a": partition(p, p.reward),
        "Z_r_star_b": partition(p, p.shifted), "pi_star_r_star_a": printed_optimum(evidence, p, p.reward),
        "pi_star_r_star_b": printed_optimum(evidence, p, p.shifted),
    }  # fmt: skip
    sets = {"y": range(3)}
    evidence.identity("eq-class-factor", "Z for three responses, all symbols free", sets, **given)
    for y in range(3):
        route = f"optimum printed in eq-class-optimum, response {y + 1} of 3"
        evidence.identity("eq-class-cancel", route, **given | {"y": y})


def test_invariance_by_search(evidence):
    r"""An optimiser that is shown only $r_a + h$ finds the optimal policy of $r_a$, and $e^{h/\beta} Z$."""
    p = problems(5)
    best, alike = found(p, p.shifted), gibbs(p.reference, p.reward, p.beta)
    top = objective(best, p.reference[:, 0], p.shifted[:, 0], p.beta[:, 0])

    def searched(one, number):
        return {
            "r_star_a": Table(one.reward), "Z_r_star_a": partition(one, one.reward),
            "Z_r_star_b": Table(np.exp(top[number] / one.beta)[None, None]),
            "pi_star_r_star_b": law(best[number, None]), "pi_star_r_star_a": law(alike[number]),
        }  # fmt: skip

    each = [one for one in samples(p, searched) if one["x"] == 0]
    route = "Z of r_b as exp(J/β) at the maximum that BFGS finds"
    evidence.equation("eq-class-factor", 1e-9, route, SETS, each=each[:: len(RESPONSES)])
    evidence.equation("eq-class-cancel", 1e-6, "BFGS on r_a + h against the form for r_a", each=each)
    sides = []
    for side, symbol in ((0, "pi_star_r_star_b"), (-1, "pi_star_r_star_a")):
        value = evidence.printed("eq-class-cancel").function(side=side)
        sides.append([value(**{name: one[name] for name in ("x", "y", symbol)}) for one in each])
    evidence.close(*sides, 1e-6, "the outer sides of eq-class-cancel, each from its own policy alone")


def test_objective_shift(evidence):
    r"""$J_x(\pi; r + h) = J_x(\pi; r) + h(x)$ for every policy $\pi$, optimal or not."""
    p = problems(100)
    evidence.bounded(np.ptp(p.shift, axis=1), "range of h over the three prompts", low=0.1)
    each = samples(p, lambda one, _: {"r_a": Table(one.reward)}, [0])
    evidence.equation("eq-class-shift", ROUNDING, "the objective by SciPy's relative entropy", each=each)
    p = free()
    given, sets = symbols(p) | {"r_a": Table(p.reward)}, dict.fromkeys(("y", "cdot"), range(3))
    given["J"] = lambda x, pi, r: printed(
        evidence, "eq-class-objective", sets, **given | {"x": x, "pi": pi, "r": r}
    )
    evidence.identity("eq-class-shift", "J printed in eq-class-objective, three responses", **given)


def test_restricted_class(evidence):
    """On a curve of 2,001 policies the mean objectives for $r$ and $r + h$ differ by the mean of $h$, and
    one of the policies is best for both; it is not the Gibbs policy."""
    p = problems(2)
    tilts = np.linspace(-40, 40, 2001)[:, None, None] * p.policy[1]  # any fixed feature serves
    family = softmax(np.log(p.reference[0]) + tilts, axis=-1)
    a, b = (objective(family, p.reference[0], r[0], p.beta[0]) @ p.prompts[0] for r in (p.reward, p.shifted))
    evidence.close(
        b - a, p.prompts[0] @ p.shift[0, :, 0], ROUNDING, "difference for 2,001 policies, mean of h"
    )
    evidence.equal(int(b.argmax()), int(a.argmax()), "best of the 2,001 policies for r and for r + h")
    gap = np.abs(family[a.argmax()] - gibbs(p.reference[0], p.reward[0], p.beta[0])).max()
    evidence.bounded(gap, "distance of that policy from the Gibbs policy", low=0.05)


def test_other_penalty(evidence):
    r"""With a chi-squared penalty, or $\KL(\piref \relto \pi)$, in place of $\KL(\pi \relto \piref)$,
    $r$ and $r + h$ still have the same maximiser."""
    p = problems(5)
    prior, beta = p.reference[:, 0], p.beta[:, 0] + 2  # so large that no probability becomes 0
    penalties = {  # each with its slope in π
        "χ²": (lambda q, ref: np.sum((q - ref) ** 2 / ref), lambda q, ref: 2 * (q - ref) / ref),
        "KL(π_ref ‖ π)": (lambda q, ref: entropy(ref, q), lambda q, ref: -ref / q),
    }
    for name, (penalty, slope) in penalties.items():
        a, b = (
            np.array([search(*one, penalty, start) for one in zip(prior, r[:, 0], beta[:, 0])])
            for r, start in ((p.reward, 0), (p.shifted, RESPONSES))
        )
        evidence.close(a, b, 1e-6, f"{name}: BFGS for r against BFGS for r + h from another start")
        level = p.reward[:, 0] - beta * slope(a, prior)
        evidence.close(np.ptp(level, axis=-1), 0, 1e-4, f"{name}: r − β × its slope, equal for all responses")


def test_canonical_reward(evidence):
    r"""$r - \beta\log Z_r$ equals $\beta\log(\pi^*/\piref)$, has $Z = 1$, and has mean
    $\beta\KL(\pi^* \relto \piref)$ under $\pi^*$."""
    p = problems(40)
    policy = gibbs(p.reference, p.reward, p.beta)
    solve = np.vectorize(unit_shift, signature="(n),(n),()->()")
    canonical = p.reward + solve(p.reference, p.reward, p.beta[..., 0])[..., None]

    def solved(one, number):
        chances, value = law(policy[number]), Table(canonical[number])
        return {"r_bar": value, "pi_r": chances, "Z_r": partition(one, one.reward)}

    route = "the member of the class with Z = 1 by Brent's method"
    evidence.equation("eq-class-canonical", ROUNDING, route, each=samples(p, solved))
    mean, distance = np.sum(policy * canonical, -1), entropy(policy, p.reference, axis=-1)
    evidence.close(mean, p.beta[..., 0] * distance, ROUNDING, "mean against SciPy's KL")
    printed_gap = evidence.sentence(r"0.1 \log 8 \approx 0.208")
    evidence.equation(printed_gap, ROUNDING, "the difference of the variant", approx=5e-4)
    prior = np.array([0.1, 0.9])
    first, second = search(prior, np.array([0.208, 0]), 0.1) / prior
    # An error of 0.0005 in the difference moves its exponential, 8, by 0.5 %.
    evidence.close(first / second, 4 / (1 / 2), 0.05, "ratio of π/π_ref by BFGS for that difference")
    p, h = free(), sp.Symbol("h", real=True)
    (shift,) = sp.solve(partition(p, p.reward + h)(0) - 1, h)
    given = symbols(p) | {
        "r_bar": Table(p.reward + shift), "Z_r": partition(p, p.reward),
        "pi_r": printed_optimum(evidence, p, p.reward),
    }  # fmt: skip
    evidence.identity(
        "eq-class-canonical",
        "h solved from Z = 1, optimum printed in eq-class-optimum, first of three responses",
        **given,
    )


def test_converse(evidence):
    r"""The spread of $r_b - r_a$ over the responses is $\beta$ times the spread of
    $\log(\pi_{r_b}/\pi_{r_a})$."""
    p = problems(5)
    other = p.reward[::-1]
    a, b = found(p, p.reward), found(p, other)
    left, right = np.ptp((other - p.reward)[:, 0], axis=-1), p.beta[:, 0, 0] * np.ptp(np.log(b / a), axis=-1)
    evidence.close(left, right, 1e-5, "pairs of unrelated rewards; optima by BFGS")
    p, other = free(), np.array([sp.symbols("s:3", real=True)])
    given = symbols(p)
    for name, reward in (("a", p.reward), ("b", other)):
        given |= {f"r_{name}": Table(reward), f"Z_r_{name}": partition(p, reward)}
        given[f"pi_r_{name}"] = printed_optimum(evidence, p, reward)
    for y in range(3):
        route = f"the optima printed in eq-class-optimum, response {y + 1} of 3"
        evidence.identity("eq-class-converse", route, **given | {"y": y})


def test_response_dependent_shift(evidence):
    r"""A bonus of $\gamma$ per token multiplies the odds of two responses by $\exp(\gamma\Delta/\beta)$."""
    p, gamma, lengths = problems(5), 0.3, np.array([5, 6, 9, 7])
    a = gibbs(p.reference, p.reward, p.beta)[:, 0]
    b = found(p, p.reward + gamma * lengths)
    factors = np.log(b / a)[..., None] - np.log(b / a)[:, None]
    predicted = gamma * (lengths[:, None] - lengths) / p.beta[:, 0, :, None]
    evidence.close(factors, predicted, 1e-4, "log odds of 12 pairs by BFGS for the reward with the bonus")
    evidence.bounded(np.abs(b - a).max(axis=1), "change of the policy", low=0.01)


def test_same_preferences(evidence):
    """$r$ and $r + h$ give every ranking of the responses the same Plackett–Luce probability."""
    p, orders = problems(20), list(permutations(range(4)))
    weights = [np.exp(r[..., orders]) for r in (p.reward, p.shifted)]
    tails = [np.flip(np.cumsum(np.flip(w, -1), -1), -1) for w in weights]
    a, b = (np.prod(w / tail, axis=-1) for w, tail in zip(weights, tails))
    evidence.close(a, b, ROUNDING, "all 24 rankings of four responses")
    first = sum(a[..., i] for i, order in enumerate(orders) if order.index(0) < order.index(1))
    pair = expit(p.reward[..., 0] - p.reward[..., 1])
    evidence.close(first, pair, ROUNDING, "the 12 rankings with y₁ before y₂ against Bradley–Terry")


def test_human_value(evidence):
    r"""$v_r(x, y)$ is the logistic distribution function around $\E_Q[r]$, evaluated at $r(x, y)$."""
    p, pairs = problems(20), random_references(20)
    spread = np.broadcast_to(p.reward[:, None, None], pairs.shape)
    mean = np.average(spread, axis=(-2, -1), weights=pairs)
    value = logistic.cdf(p.reward, loc=mean)

    def valued(_, number):
        return {"v_r": Table(value[number]), "Q": lambda i, j, x, y: pairs[number, x, y, i, j]}

    route = "SciPy's logistic distribution around NumPy's weighted average, random Q"
    evidence.equation("eq-class-value", ROUNDING, route, PAIRS, each=samples(p, valued))


def test_logit_shift(evidence):
    r"""$\logit v_b(x, y) - \logit v_a(x, y) = h(x) - \E_Q[h(x')]$ for every reference distribution $Q$."""
    p, pairs = problems(20), random_references(20)
    a, b = (values(r, pairs) for r in (p.reward, p.shifted))
    delta = p.shift - np.einsum("nxyi,ni->nxy", pairs.sum(axis=-1), p.shift[..., 0])

    def valued(_, number):
        tables = {"v_a": a, "v_b": b, "delta": delta}
        found = {name: Table(table[number]) for name, table in tables.items()}
        return found | {"Q": lambda i, j, x, y: pairs[number, x, y, i, j]}

    route = "values under r_a and r_b; δ from the marginal of x' alone"
    evidence.equation("eq-class-logit-shift", ROUNDING, route, PAIRS, each=samples(p, valued))
    p = free(2, 2)
    weights = np.array(sp.symbols("w:4", positive=True)).reshape(2, 2)
    pairs = weights / weights.sum()
    sets = dict.fromkeys(PAIRS, range(2))
    given = symbols(p) | {"Q": lambda i, j, x, y: pairs[i, j]}
    for name, reward in (("a", p.reward), ("b", p.shifted)):
        value = printed(evidence, "eq-class-value", sets, **given | {"r": Table(reward)})
        given[f"v_{name}"] = lambda x, y, value=value: value
    first, second = p.shift[:, 0]
    given["delta"] = lambda x, y: pairs[1].sum() * (first - second)
    evidence.identity(
        "eq-class-logit-shift",
        "values printed in eq-class-value at one of two prompts, one of two responses",
        sets,
        **given,
    )


def test_value_change_bound(evidence):
    r"""A shift $\delta$ of the logit changes a value by at most $\tanh(|\delta|/4)$, and this is
    attained."""
    z, delta = np.meshgrid(np.linspace(-8, 8, 3201), np.linspace(-5, 5, 41))
    change = np.abs(expit(z + delta) - expit(z)).max(axis=1)
    # The grid misses the maximiser by at most 0.0025, which costs less than 1e-6.
    evidence.close(change, np.tanh(np.abs(delta[:, 0]) / 4), 1e-6, "largest change on a grid of z")


def test_example_table(evidence):
    """The worked example prints the rewards, policy, reference points and values that its definitions
    give."""
    table, exactly = evidence.table("", "$(x_1, y_1)$"), np.vectorize(sp.nsimplify, otypes=[object])
    weights = exactly(EXAMPLE.reference) * np.vectorize(sp.exp)(exactly(EXAMPLE.reward / EXAMPLE.beta))
    policy = weights / weights.sum(axis=1, keepdims=True)
    chance = exactly(EXAMPLE.prompts)[:, None] * policy
    shown = [f"{sp.N(q):.4f}" for q in policy.ravel()]
    evidence.equal(table[r"$\pi^*(y \given x)$, both"], shown, "policy in exact arithmetic")
    for name, h in (("a", np.zeros(2)), ("b", EXAMPLE.shift)):
        reward = EXAMPLE.reward + h[:, None]
        mean = np.sum(chance * exactly(reward))
        shown = [f"{sp.N(1 / (1 + sp.exp(mean - r))):.4f}" for r in reward.ravel()]
        evidence.equal(table[f"$v_{name}(x, y)$"], shown, f"value v_{name} in exact arithmetic")
        shown = [f"{r:g}" for r in reward.ravel()]
        evidence.equal(table[f"$r_{name}(x, y)$"], shown, f"reward r_{name} from r_a and h of the example")
        evidence.equation(
            "eq-class-value", 1e-4, f"v_{name} in the table, its Q from the policy in the table",
            dict.fromkeys(PAIRS, range(2)), each="x y", x=[0, 0, 1, 1], y=[0, 1, 0, 1],
            v_r=cells(table[f"$v_{name}(x, y)$"]), r=cells(table[f"$r_{name}(x, y)$"]),
            Q=lambda i, j, x, y: cells(table[r"$\pi^*(y \given x)$, both"])(i, j) / 2,
        )  # fmt: skip
        evidence.shows(f"{sp.N(mean):.4f}", mean)


def test_example_shift(evidence):
    r"""The worked example prints the shifts $\delta$ and the preferences that its rewards give."""
    table = evidence.table("", "$(x_1, y_1)$")
    for number, h in enumerate(EXAMPLE.shift, 1):
        evidence.prints(f"$h(x_{number}) = {h:g}$")
    delta = np.repeat(EXAMPLE.shift - EXAMPLE.prompts @ EXAMPLE.shift, 2)
    evidence.equal(
        table[r"$\delta(x, y)$"], [f"{d:+.0f}".replace("-", "−") for d in delta], "h(x) minus the mean of h"
    )
    for name in "ab":
        first, second, third, fourth = map(int, table[f"$r_{name}(x, y)$"])
        for gap in (first - second, third - fourth):
            evidence.prints(rf"$\sigma({gap}) = {expit(gap):.4f}$")
            evidence.shows(f"{expit(gap):.4f}", expit(gap))


def test_unchanged_values(evidence):
    """The value stays the same for every $h$ if $Q$ keeps the prompt, and for every $Q$ if $h$ is
    constant."""
    p, rng = problems(20), np.random.default_rng(1)
    keep = np.einsum("nxyj,xi->nxyij", rng.dirichlet(np.ones(4), (20, 3, 4)), np.eye(3))
    a, b = (values(r, keep) for r in (p.reward, p.shifted))
    evidence.close(b, a, ROUNDING, "20 random h, Q over responses to the same prompt")
    constant = p.reward + p.shift[:, :1]
    a, b, moved = (values(r, random_references(20)) for r in (p.reward, constant, p.shifted))
    evidence.close(b, a, ROUNDING, "20 constants h, Q over all prompts")
    change = np.abs(moved - a).max(axis=(1, 2))
    evidence.bounded(change, "largest change for each of the random h, Q over all prompts", low=0.05)


def test_leaving_the_prompt(evidence):
    """If $h$ is 1 at one prompt and 0 elsewhere, the logit of a value there moves by the probability that
    $Q$ leaves the prompt."""
    p, pairs = problems(20), random_references(20)
    for u in range(3):
        a, b = (logit(values(r, pairs))[:, u] for r in (p.reward, p.reward + (np.arange(3)[:, None] == u)))
        leaves = np.delete(pairs[:, u], u, axis=2).sum(axis=(-2, -1))
        evidence.close(b - a, leaves, ROUNDING, f"20 random Q, prompt {u + 1} of three")


def test_swap(evidence):
    """Exchanging two equally likely prompts moves every value but leaves the law of values."""
    policy = gibbs(SWAP.reference, SWAP.reward, SWAP.beta)
    chance = SWAP.prompts[:, None] * policy
    a, b = (values(r, chance[None, None]) for r in (SWAP.reward, SWAP.reward + SWAP.shift[:, None]))
    laws = [sorted(zip(v.ravel().round(12), chance.ravel().round(12))) for v in (a, b)]
    evidence.equal(laws[0], laws[1], "sorted (value, probability) pairs under r_a and under r_b")
    evidence.bounded(np.abs(b - a), "change of each value", low=0.1)
    first, second = np.sum(policy * SWAP.reward, axis=-1)
    gap = SWAP.shift[0] - SWAP.shift[1]
    evidence.close(gap, 2 * (second - first), 1e-14, "h at x₁ minus h at x₂: the size that is excepted")
    evidence.prints(f"the swap has $C = {gap:g}$")
    for number, reward in enumerate(SWAP.reward, 1):
        evidence.prints(rf"$r_a(x_{number}, \cdot) = ({reward[0]:g}, {reward[1]:g})$")
    evidence.prints(f"$h = ({SWAP.shift[0]:g}, {SWAP.shift[1]:g})$")
    for low, high in policy:
        evidence.prints(f"{low:.2f} for the lower and {high:.2f} for the higher")


def test_variance_exception(evidence):
    r"""$\Var(r_a + Ck) - \Var(r_a) = w(1 - w)\,C\,(C - 2(m_{-u} - m_u))$."""
    p, size = free(3, 2), sp.Symbol("C", real=True)
    prompts = np.array(sp.symbols("w:3", positive=True))
    chance = (prompts / prompts.sum())[:, None] * p.policy

    def variance(reward):
        return np.sum(chance * reward**2) - np.sum(chance * reward) ** 2

    def mean(where):
        return np.sum((chance * p.reward)[where]) / np.sum(chance[where])

    evidence.identity(
        "eq-class-variance", "moments over three prompts and two responses, all symbols free",
        Var=variance, r_a=p.reward, C=size, k=np.array([[1, 1], [0, 0], [0, 0]]), w=np.sum(chance[0]),
        m_u=mean(slice(0, 1)), m_minus_u=mean(slice(1, 3)),
    )  # fmt: skip


def test_large_shift(evidence):
    """If $C(1 - w)$ exceeds the range of $r_a$, each new value at $u$ exceeds all values under $r_a$."""
    p, margins = problems(200), []
    for reward, policy, prompts in zip(p.reward, p.policy, p.prompts):
        size = 1.001 * np.ptp(reward) / (1 - prompts[0])
        moved, pairs = reward + size * np.array([[1], [0], [0]]), (prompts[:, None] * policy)[None, None]
        before, after = (logit(values(r, pairs)) for r in (reward, moved))
        margins.append(after[0].min() - before.max())
    evidence.bounded(margins, "lowest new logit at u minus highest old one", low=0, strict=True)
    chance = EXAMPLE.prompts[:, None] * gibbs(EXAMPLE.reference, EXAMPLE.reward, EXAMPLE.beta)

    def margin(size):
        moved = EXAMPLE.reward + size * np.array([[1], [0]])
        before, after = (values(r, chance[None, None]) for r in (EXAMPLE.reward, moved))
        return after[0].min() - before.max()

    threshold, route = np.ptp(EXAMPLE.reward) / (1 - EXAMPLE.prompts[0]), "the example's margin is 0 at"
    evidence.close(
        brentq(margin, 0, 8, xtol=1e-12), threshold, ROUNDING, f"{route} C = {threshold:g}, by Brent"
    )
    evidence.prints(f"beyond $C = {threshold:g}$ both values of $x_1$")


@pytest.mark.library("torch")
def test_autograd(evidence):
    r"""Exact gradient ascent takes the same path for $r$ and for $r + h$: with parameters that the prompts
    share, and with free logits, where it ends at $\pi_r$."""
    p, free_logits = problems(1), np.eye(12).reshape(3, 4, 12)
    shared = np.random.default_rng(1).normal(size=(3, 4, 5))
    best = gibbs(p.reference, p.reward, p.beta)[0]
    for features, prompts, name in (
        (shared, p.prompts[0], "five shared parameters, prompts weighted by D"),
        (free_logits, np.ones(3), "free logits, prompts weighted alike"),
    ):
        a, b = (ascend(p.reference[0], r[0], p.beta.item(), features, prompts) for r in (p.reward, p.shifted))
        evidence.close(b, a, 1e-9, f"1,000 policies on the way, by torch's autograd and KL: {name}")
        if features is shared:
            evidence.bounded(np.abs(a[-1] - best).max(), "shared: last policy off the closed form", low=0.05)
    evidence.close(a[-1], best, 1e-6, "free logits: last policy against the closed form")
