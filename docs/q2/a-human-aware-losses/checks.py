"""Checks of 2(a): DPO and PPO-Clip as human-aware losses."""

from itertools import product

import numpy as np
import pytest
import sympy
from maths.equations import formula
from scipy.optimize import brentq

from .model import clip_loss, distance_to_permitted, log_sigmoid, permitted_shape

EPSILON = 0.2
SIGNS = (1, -1)
SAMPLED, OTHER, END = (0, 0), (0, 2), (2, 0)  # (state, action)


def random_tokens(count=4000):
    """Return log-ratios on both sides of both clip edges, and advantages of both signs."""
    rng = np.random.default_rng(0)
    return rng.normal(scale=0.5, size=count), rng.normal(size=count)


def random_policies(count):
    """Return tabular policies, count × 3 states × 4 actions, and a reference policy, 3 × 4."""
    tables = np.random.default_rng(0).dirichlet(np.ones(4), size=(count + 1, 3))
    tables[:, END[0]] = 1.0  # the end state has one possible action, of probability 1
    return tables[1:], tables[0]


def log_ratio(policy, reference):
    """Return log π/π_ref, the reward up to the factor l."""
    return np.log(policy / reference)


def argument(reward, pair, law):
    """Return z, the reward at `pair` minus its mean under the distribution `law` on states × actions.

    Raises ValueError if `law` is not a distribution.
    """
    if np.any(law < 0) or not np.allclose(law.sum((-2, -1)), 1):
        raise ValueError("the law of the reference point is not a probability distribution")
    return reward[..., *pair] - (law * reward).sum((-2, -1))


def point_mass(pair):
    """Return the distribution on 3 states × 4 actions that charges one pair."""
    mass = np.zeros((3, 4))
    mass[pair] = 1
    return mass


def clip_cases():
    """Yield PPO's loss in SymPy below, between and above the clip edges, for either sign of A."""
    a, e = sympy.symbols("A epsilon", positive=True)
    r = sympy.symbols("r", nonnegative=True)  # between the edges, r and e are the distances to them
    ratios = {"q ≤ 1−ε": (1 - e - r, e), "1−ε ≤ q < 1+ε": (1 + (r - e) / 2, (r + e) / 2)}
    ratios |= {"q ≥ 1+ε": (1 + e + r, e)}
    for (name, (q, width)), (sign, advantage) in product(ratios.items(), (("A > 0", a), ("A < 0", -a))):
        clipped = sympy.Min(sympy.Max(q, 1 - width), 1 + width)
        loss = -sympy.Min(q * advantage, clipped * advantage)
        yield (
            f"SymPy, f as PPO has it, {name}, {sign}",
            {"f": loss, "A": advantage, "q": q, "varepsilon": width},
        )


def printed_loss(evidence, advantage, ratio, epsilon):
    """Return the loss that the page prints case by case, as a SymPy expression."""
    values = {"f": 0, "A": advantage, "q": ratio, "varepsilon": epsilon}
    [(_, (_, loss))] = evidence.printed("eq-clip-cases").sides(values, exact=True)
    return loss


def printed_values(evidence):
    """Return v₊ and v₋ as the page prints them, by the sign of A."""
    rows = [evidence.printed("eq-printed-values").function(row, each="z") for row in (0, 1)]
    return {sign: lambda z, v=v: v(z=z, varepsilon=EPSILON) for sign, v in zip(SIGNS, rows)}


def published_value(evidence):
    """Return the value function of the first KTO version as the page prints it."""
    value = evidence.printed("eq-published-value").function(each="z")
    return lambda z, advantage: value(z=z, A=advantage, varepsilon=EPSILON)


def kahneman_tversky(evidence, aversion=2.25):
    """Return the Kahneman–Tversky value as the page prints it."""
    value = evidence.printed("eq-kahneman-tversky").function(each="z")
    return lambda z: value(z=z, alpha=0.88, **{"lambda": aversion})


def answered(evidence, tex):
    """Return a formula that the short answer prints."""
    evidence.prints(f"${tex}$")
    return formula(tex)


def stated(cell):
    """Return the formula in a cell of the short answer as w = …"""
    return formula("w = " + cell.strip("$"))


def test_answer_table(evidence):
    r"""In each row of the answer's table the loss is $c\,v_f(z) + d$, with $r_\theta = l \log q$ and the mean
    under its $Q$ taken off."""
    table, given = evidence.table("loss", "$l$"), {"beta": 0.3, "varepsilon": EPSILON}
    evidence.prints(r"$r_\theta = l \log q$")
    policy, reference = random_policies(400)
    logs = log_ratio(policy, reference)
    p, q = reference[SAMPLED], np.exp(logs[:, *SAMPLED])
    better, worse = np.exp(given["beta"] * logs[:, 0, [0, 2]]).T
    rows = [("DPO", 1, -np.log(better / (better + worse)))]
    rows += [("PPO", a, clip_loss(q, a, EPSILON)) for a in (1.7, -1.7)]
    given["L"] = answered(evidence, r"L = \frac{1/p - 1}{\log(1/p)}").function()(p=p)
    omega = answered(evidence, r"\omega = \frac{q-1}{L \log q}").function(each="q")(q=q, L=given["L"])
    mixed = omega[:, None, None] * point_mass(END) + (1 - omega[:, None, None]) * point_mass(SAMPLED)
    laws = {
        "all on $(x, y_l)$": point_mass(OTHER),
        r"$\omega$ on padding after the end, $1-\omega$ on $(x, y)$": mixed,
    }
    for name, a, loss in rows:
        factor, law, value, slope, shift = table[name]
        factor, slope, shift = (stated(cell).function()(A=a, **given) for cell in (factor, slope, shift))
        z = argument(factor * logs, SAMPLED, laws[law])
        value = stated(value).function(each="z")(z=z, A=a, **given)
        evidence.close(
            slope * value + shift, loss, 1e-11, f"{name}, A = {a}: the loss of 400 random policies"
        )


def test_answer_dpo(evidence):
    r"""The formulas of the short answer for DPO hold: the loss, and slope and curvature of $\log\sigma$."""
    loss = r"f = -\log\sigma(r_\theta(x, y_w) - r_\theta(x, y_l)) = -v_f(z)"
    slopes = r"v_f' = \sigma(-z) > 0, v_f'' = -\sigma(z)\sigma(-z) < 0"
    evidence.prints(f"${loss}$")
    evidence.prints(f"${slopes}$")
    won, lost = np.random.default_rng(0).normal(scale=2, size=(2, 500))
    evidence.equation(
        formula(loss), 1e-12, "500 random rewards; f the negative Bradley–Terry log-likelihood",
        each="f r_theta z", f=np.log1p(np.exp(lost) / np.exp(won)), z=won - lost, v_f=log_sigmoid,
        r_theta=[lambda x, y, r=r: r[y] for r in zip(won, lost)], x="x", y_w=0, y_l=1,
    )  # fmt: skip
    z, h = np.linspace(-4, 4, 81), 1e-4
    below, here, above = (log_sigmoid(z + s * h) for s in (-1, 0, 1))
    scope = {"v_prime_f": (above - below) / (2 * h), "z": z}
    scope["v_prime_prime_f"] = (above - 2 * here + below) / h**2
    evidence.equation(formula(slopes), 1e-6, "differences of log σ", each=" ".join(scope), **scope)


def test_answer_clip(evidence):
    r"""The formulas of the short answer for PPO-Clip hold: the clip split by the sign of $A$, both cases
    as one, and $z = g$ with the weight $\omega$ in $(0, 1)$."""
    u, a = random_tokens()
    a, q, loss = a[a != 0], np.exp(u[a != 0]), clip_loss(np.exp(u), a, EPSILON)[a != 0]
    p = np.random.default_rng(1).uniform(0.01, 0.99, a.size) * np.minimum(1, 1 / q)  # so that p q < 1
    tokens = {"q": q, "A": a, "f": loss, "g": np.where(a > 0, q - 1, 1 - q), "p": p}
    tokens["L"] = answered(evidence, r"L = \frac{1/p - 1}{\log(1/p)}").function(each="p")(p=p)
    weight = answered(evidence, r"\omega = \frac{q-1}{L \log q}").function(each="q L")(q=q, L=tokens["L"])
    evidence.bounded(weight, "ω is a probability, 4,000 random (p, q)", low=0, high=1, strict=True)
    reward = np.sign(a) * tokens["L"] * np.log(q)
    tokens |= {"omega": weight, "z": reward - (weight * 0 + (1 - weight) * reward)}
    for tex, where, end in (
        (r"f = -\min(q A, \clip(q, 1-\varepsilon, 1+\varepsilon) A)", a != 0, r", 0 < \varepsilon < 1$. If"),
        (r"f = -A \min(q, 1+\varepsilon)", a > 0, "$."),
        (r"f = -A \max(q, 1-\varepsilon)", a < 0, "$."),
        (r"g = \sgn(A)(q - 1)", a != 0, "$. Padding"),
        (r"z = \omega\, \sgn(A) L \log q = g", a != 0, "$"),
    ):
        evidence.prints(f"${tex}{end}")
        given = {name: column[where] for name, column in tokens.items()}
        route = f"{where.sum():,} random (q, A), f as PPO has it"
        evidence.equation(formula(tex), 1e-11, route, each=" ".join(given), varepsilon=EPSILON, **given)
    both = r"-\lvert A \rvert \min(g, \varepsilon) - A"
    evidence.prints(f"Both are ${both}$")
    given = {"w": loss, "A": a, "g": tokens["g"]}
    evidence.equation(stated(both), 1e-12, "the same tokens", each="w A g", varepsilon=EPSILON, **given)


def test_dpo_is_minus_value(evidence):
    r"""The DPO loss is $-\log\sigma(z)$ with $z$ the reward of $y_w$ minus its mean under
    $Q = \delta_{(x, y_l)}$."""
    (policy, reference), beta = random_policies(1000), 0.1
    reward = beta * log_ratio(policy, reference)
    z = argument(reward, SAMPLED, point_mass(OTHER))
    answers = {"w": 0, "l": 2}  # names, so that no argument can stand for another
    odds = policy[:, 0] ** beta / reference[0] ** beta
    likelihood = odds[:, 0] / (odds[:, 0] + odds[:, 2])
    evidence.equation(
        "eq-dpo-in-class", 1e-13,
        "1,000 random policies; f the negative Bradley–Terry log-likelihood, z its mean under Q taken off",
        each="f r_theta z", f=-np.log(likelihood), z=z, v_f=log_sigmoid, x="x", y_w="w", y_l="l",
        r_theta=[lambda x, y, r=r: {"x": r[0]}[x][answers[y]] for r in reward],
    )  # fmt: skip
    beta, w, l = sympy.symbols("beta q_w q_l", positive=True)
    reward = {("x", "w"): beta * sympy.log(w), ("x", "l"): beta * sympy.log(l)}
    likelihood = w**beta / (w**beta + l**beta)
    evidence.identity(
        "eq-dpo-in-class", "SymPy; f the negative Bradley–Terry log-likelihood for any two ratios π/π_ref",
        f=-sympy.log(likelihood), r_theta=lambda x, y: reward[x, y], x="x", y_w="w", y_l="l",
        v_f=lambda z: sympy.log(1 / (1 + sympy.exp(-z))), z=reward["x", "w"] - reward["x", "l"],
    )  # fmt: skip


def test_dpo_value_shape(evidence):
    r"""$\log\sigma$ has slope $\sigma(-z) > 0$ and second derivative $-\sigma(z)\sigma(-z) < 0$: it rises
    and is concave."""
    z = sympy.symbols("z", real=True)
    value = -sympy.log(1 + sympy.exp(-z))
    slopes = {"v_prime_f": lambda _: value.diff(z), "v_prime_prime_f": lambda _: value.diff(z, 2), "z": z}
    evidence.identity("eq-dpo-derivatives", "SymPy differentiates log σ(z) = −log(1 + e^(−z))", **slopes)
    rows = evidence.printed("eq-dpo-derivatives").sides(slopes, exact=True)
    first, second = (sides[-1] for _, sides in rows)
    evidence.exact(bool(first.is_positive and second.is_negative), "SymPy: signs of the printed derivatives")


def test_several_rejected_answers(evidence):
    """A $Q$ that averages several rejected answers gives no more than the DPO loss, and 0.474 instead of
    0.720 for margins $2$ and $-1$; with equal rewards, or $Q$ on one answer, both are equal."""
    rng = np.random.default_rng(0)
    rewards, law = rng.normal(scale=2, size=(3, 2000)), rng.dirichlet(np.ones(2), 2000).T
    rewards[1, :500], law[:, 500:1000] = rewards[0, :500], [[1], [0]]
    for tight, part, route in (
        (False, slice(None), "2,000 random rewards of a preferred and two rejected answers"),
        (True, slice(1000), "half of them, with equal rewards of the rejected ones or Q on one: no slack"),
    ):
        given = zip(rewards[:, part].T, law[:, part].T)
        each = ({"r_theta": lambda x, y, r=r: {"x": r}[x][y - 1], "Q": q} for r, q in given)
        evidence.equation("eq-jensen-gap", 1e-14, route, {"y_prime": (1, 2)}, tight, each, x="x", y_w=3)
    pair = [-log_sigmoid(0.5), -log_sigmoid([2, -1]).mean()]
    evidence.shows("0.474", pair[0])
    evidence.shows("0.720", pair[1])


def test_clip_identity(evidence):
    r"""The clip term equals $A\min(q, 1 + \varepsilon)$ for $A \ge 0$ and $A\max(q, 1 - \varepsilon)$ for
    $A < 0$."""
    u, a = random_tokens()
    a[0], q = 0, np.exp(u)
    evidence.equation(
        "eq-clip-cases", 1e-14, "4,000 random (q, A), one of them A = 0; f as PPO has it",
        each="f A q", f=clip_loss(q, a, EPSILON), A=a, q=q, varepsilon=EPSILON,
    )  # fmt: skip
    for route, values in clip_cases():
        evidence.identity("eq-clip-cases", route, **values)


def test_signed_gain(evidence):
    r"""The PPO-Clip loss is $-|A|\min(g, \varepsilon) - A$ with the signed gain $g = \sgn(A)(q - 1)$."""
    u, a = random_tokens()
    evidence.equation(
        "eq-signed-gain", 1e-12, "4,000 random (q, A), f as PPO has it",
        each="f A g", f=clip_loss(np.exp(u), a, EPSILON), A=a, g=np.sign(a) * np.expm1(u), varepsilon=EPSILON,
    )  # fmt: skip
    for route, values in clip_cases():
        gain = sympy.sign(values["A"]) * (values["q"] - 1)
        evidence.identity("eq-signed-gain", route, g=gain, **values)


def test_construction_gives_the_loss(evidence):
    r"""With $l = -1$ and $Q$ on the forced end state, $A v_\pm(z)$ is the PPO-Clip loss for both signs."""
    policy, reference = random_policies(5000)
    z = argument(-log_ratio(policy, reference), SAMPLED, point_mass(END))
    q = policy[:, *SAMPLED] / reference[SAMPLED]
    evidence.close(np.exp(-z), q, 1e-12, "z is −log q, 5,000 random tabular policies")
    good, bad = (lambda z, a=a: clip_loss(np.exp(-z), a, EPSILON) / a for a in (1.7, -1.7))
    route = "their 5,000 values of z; v₊ and v₋ are PPO's loss divided by A = ±1.7"
    scope = {"v_plus": good, "v_minus": bad, "z": z, "varepsilon": EPSILON}
    evidence.equation("eq-printed-values", 1e-12, route, each="z", **scope)
    z, a, e = sympy.symbols("z", real=True), *sympy.symbols("A epsilon", positive=True)
    good, bad = (lambda z, a=a: printed_loss(evidence, a, sympy.exp(-z), e) / a for a in (a, -a))
    route = "SymPy: the loss of eq-clip-cases with q = e^(−z), divided by A"
    evidence.identity("eq-printed-values", route, v_plus=good, v_minus=bad, z=z, varepsilon=e)


def test_construction_rises(evidence):
    """Both value functions of the $l = -1$ construction are non-decreasing on a grid over $[-5, 5]$."""
    z = np.linspace(-5, 5, 4001)
    for sign, value in printed_values(evidence).items():
        rise = np.diff(value(z))
        evidence.bounded(rise, f"4,000 differences on [−5, 5], sign of A {sign:+}", low=0)


def test_construction_is_concave_on_gains(evidence):
    """Both value functions of the $l = -1$ construction are concave on gains; on losses the one for
    $A > 0$ has a convex kink, which the class allows."""
    left, right, weight = np.random.default_rng(0).uniform(0, 1, (3, 4000))
    left, right = 6 * left, 6 * right
    values = printed_values(evidence)
    for sign, value in values.items():
        middle = value(weight * left + (1 - weight) * right)
        excess = middle - weight * value(left) - (1 - weight) * value(right)
        evidence.bounded(excess, f"4,000 chords on (0, 6), sign of A {sign:+}", low=-1e-14)
    kink = values[1](-np.log1p(EPSILON) + np.array([-0.1, 0, 0.1])) @ [1, -2, 1]
    evidence.bounded(kink, "second difference across −log(1+ε), A > 0", low=0.1)


def test_published_construction_gives_the_loss(evidence):
    r"""Minus the published value function of $z = \log q$ is the PPO-Clip loss for both signs."""
    u, a = random_tokens()
    evidence.equation(
        "eq-published-value", 1e-12, "4,000 random (log q, A), minus PPO's loss", each="v_f z A",
        v_f=[lambda z, a=a: -clip_loss(np.exp(z), a, EPSILON) for a in a], z=u, A=a, varepsilon=EPSILON,
    )  # fmt: skip
    z, a, e = sympy.symbols("z", real=True), *sympy.symbols("A epsilon", positive=True)
    for sign, a in (("A > 0", a), ("A < 0", -a)):
        evidence.identity(
            "eq-published-value", f"SymPy: minus the loss of eq-clip-cases with q = e^z, {sign}",
            v_f=lambda z: -printed_loss(evidence, a, sympy.exp(z), e), z=z, A=a, varepsilon=e,
        )  # fmt: skip


def published_piece(evidence, sign):
    """Return z and the published value on a stretch inside the clip edge of A's sign, for all A and ε."""
    z = sympy.symbols("z", real=True)
    a, room = sympy.symbols("A r", positive=True)  # room: how far e^z is from the clip edge
    values = {"v_f": lambda _: 0, "A": sign * a, "z": z, "varepsilon": sign * (sympy.exp(z) - 1) + room}
    [(_, (_, value))] = evidence.printed("eq-published-value").sides(values, exact=True)
    evidence.exact(value - sign * a * sympy.exp(z), "SymPy: inside the clip edge the printed value is A e^z")
    return z, sympy.simplify(value)


def test_published_value_is_convex(evidence):
    r"""For $A > 0$ the published value $A\min(e^z, 1 + \varepsilon)$ is strictly convex where
    $e^z < 1 + \varepsilon$, so on $(0, \log(1 + \varepsilon))$."""
    z, value = published_piece(evidence, 1)
    evidence.exact(bool(value.diff(z, 2).is_positive), "SymPy: its second derivative is positive")
    z = np.linspace(0, np.log1p(EPSILON), 401)
    bend = np.diff(published_value(evidence)(z, 1), 2)
    evidence.bounded(bend, "399 second differences, A = 1, ε = 0.2", low=0, strict=True)


def test_published_value_falls(evidence):
    r"""For $A < 0$ the published value $A\max(e^z, 1 - \varepsilon)$ falls strictly where
    $e^z > 1 - \varepsilon$."""
    z, value = published_piece(evidence, -1)
    evidence.exact(bool(value.diff(z).is_negative), "SymPy: its slope is negative")
    z = np.linspace(np.log1p(-EPSILON), 3, 1001)
    rise = np.diff(published_value(evidence)(z, -1))
    evidence.bounded(rise, "1,000 differences from log(1−ε) to 3, A = −1, ε = 0.2", high=0, strict=True)


def test_distance_from_concavity(evidence):
    r"""No permitted value function is closer to $\min(e^z, 1 + \varepsilon)$ than $(1 + s\log s - s)/2$
    with $s = \varepsilon/\log(1 + \varepsilon)$: 0.0023 at $\varepsilon = 0.2$, 0.253 at
    $\varepsilon = 3$, and $\varepsilon^2/16$ to leading order."""
    for epsilon in (0.1, 0.2, 0.3, 3):
        step, slope = np.log1p(epsilon) / 120, epsilon / np.log1p(epsilon)
        z = step * np.arange(-60, 241)
        delta = {epsilon: distance_to_permitted(z, np.minimum(np.exp(z), 1 + epsilon))}.get
        route = f"linear programme on 301 points, ε = {epsilon}, tolerance grid step squared"
        evidence.equation("eq-defect", step**2, route, Delta=delta, s=slope, varepsilon=epsilon)
    e, s, z = sympy.symbols("epsilon s z", positive=True)
    gap = 1 + s * z - sympy.exp(z)
    [top] = sympy.solve(gap.diff(z), z)
    values = {"Delta": lambda _: gap.subs(z, top) / 2, "s": s, "varepsilon": e}
    evidence.identity("eq-defect", "SymPy: half the largest gap of the chord 1 + sz above e^z", **values)
    [(_, (_, defect))] = evidence.printed("eq-defect").sides(values, exact=True)
    defect = defect.subs(s, e / sympy.log(1 + e))
    evidence.shows("0.2", EPSILON)
    evidence.shows("0.0023", defect.subs(e, EPSILON).evalf())
    evidence.shows("0.253", defect.subs(e, 3).evalf())
    leading = sympy.series(defect, e, 0, 3).removeO()
    evidence.exact(leading - e**2 / 16, "SymPy series")
    evidence.shows("16", e**2 / leading)


def test_reference_policy_scores_zero(evidence):
    """For 1,000 random $l$ and $Q$, $z = 0$ at the reference policy and not at another; the loss there is
    $-A$. Another policy with the same ratio $q = 1$ has the same loss but, when $Q$ charges another token,
    another $z$."""
    rng = np.random.default_rng(0)
    [policy], reference = random_policies(1)
    scale, law = rng.normal(size=(1000, 3, 4)), rng.dirichlet(np.ones(12), 1000).reshape(-1, 3, 4)
    here, there = (argument(scale * log_ratio(p, reference), SAMPLED, law) for p in (reference, policy))
    evidence.close(here, 0, 0, "z at the reference policy")
    evidence.bounded(abs(there), "size of z at a random policy", low=1e-4)
    old, new, law = np.array([[[0.3, 0.3, 0.4]], [[0.3, 0.2, 0.5]], [[0, 1, 0]]])
    z = argument(log_ratio(new, old), (0, 0), law)
    evidence.close(z, np.log(3 / 2), 1e-12, "z at (0.3, 0.2, 0.5) against (0.3, 0.3, 0.4)")
    for policy, name in ((old, "the reference policy"), (new, "the other policy")):
        loss = clip_loss(policy[0, 0] / old[0, 0], 1.7, EPSILON)
        evidence.close(loss, -1.7, 1e-15, f"the loss of {name} at A = 1.7")


def test_other_tokens_spoil_the_argument(evidence):
    """Three tokens, $u = 0.1$, $Q$ uniform on the two others: $z$ moves by more than 0.3 while the loss
    stands still."""
    p, u = 0.3, 0.1
    rest = np.random.default_rng(0).dirichlet(np.ones(2), 2000) * (1 - p * np.exp(u))
    logs = np.log(np.column_stack([np.full(2000, p * np.exp(u)), rest]) / [p, 0.3, 0.4])
    loss = clip_loss(np.exp(logs[:, 0]), 1.0, EPSILON)
    evidence.close(loss, loss[0], 1e-14, "loss of 2,000 policies with the same log-ratio 0.1")
    spread = np.ptp(logs[:, 0] - logs @ [0, 0.5, 0.5])
    evidence.bounded(spread, "spread of z, Q uniform on the two other tokens", low=0.3)


def test_sequences_let_the_factor_be_positive(evidence):
    r"""With $l(s, a) = 1$ and $Q$ on sequences of two tokens, $z = -\log q$: when the second is forced, and
    when it is any token and $Q$ takes its log-ratio off again."""
    policy, reference = random_policies(5000)
    u = log_ratio(policy, reference)
    sampled, after = u[:, *SAMPLED], u[:, 1, 2]  # the token and, after it, any of the four
    minus_log_q = np.log(reference[SAMPLED]) - np.log(policy[:, *SAMPLED])
    forced = sampled - 2 * (sampled + u[:, *END])
    free = sampled - (4 * (sampled + after) - 4 * after) / 2
    evidence.close(forced, minus_log_q, 1e-12, "z, l = 2 on (EOS, pad), 5,000 random tabular policies")
    evidence.close(free, minus_log_q, 1e-12, "z, l = 4 on (a, b) and l = −4 on b after a, half of Q on each")


def test_cross_entropy_is_a_member(evidence):
    r"""With $l = 1$, $Q$ on the forced end state, $v_f(z) = z$, $c = -1$ and
    $d = -\log\pi_{\mathrm{ref}}(y \given x)$, $c\,v_f(z) + d$ is the cross-entropy
    $-\log\pi_\theta(y \given x)$."""
    policy, reference = random_policies(5000)
    z = argument(log_ratio(policy, reference), SAMPLED, point_mass(END))
    loss = -z - np.log(reference[SAMPLED])
    evidence.close(loss, -np.log(policy[:, *SAMPLED]), 1e-12, "5,000 random tabular policies")


def test_sign_cases(evidence):
    r"""Of the eight sign cases of $(A, \kappa, c)$ exactly $(+, -, +)$ and $(-, -, -)$ admit a permitted
    value function, with the clip and without it."""
    z = np.linspace(-1.2, 1.2, 121)
    for epsilon, name in ((EPSILON, "the clip"), (np.inf, "no clip")):
        distance = {
            (a, k, c): distance_to_permitted(z, clip_loss(np.exp(k * z), a, epsilon) / c)
            for a, k, c in product(SIGNS, repeat=3)
        }
        possible = {case for case, value in distance.items() if value < 1e-9}
        route = f"linear programme over permitted shapes, {name}"
        evidence.equal(possible, {(1, -1, 1), (-1, -1, -1)}, route)
        others = [value for case, value in distance.items() if case not in possible]
        evidence.bounded(others, f"least sup distance in the six other cases, {name}", low=0.002)


def test_one_value_function_is_not_enough(evidence):
    r"""On gains from $\log\frac{1}{1 - \varepsilon}$ to $5$ the value function for $A > 0$ rises
    strictly, that for $A < 0$ is constant."""
    z = np.linspace(-np.log1p(-EPSILON), 5, 500)
    rises, stays = (np.diff(value(z)) for value in printed_values(evidence).values())
    evidence.bounded(rises, "499 differences, A > 0", low=0, strict=True)
    evidence.close(stays, 0, 0, "499 differences, A < 0")


def test_moving_reference(evidence):
    r"""A $Q$ that mixes the sampled token with the end state, with the printed $\omega$ and $L$, turns $z$
    into the signed gain for $l = \sgn(A) L$, and into $q - 1$ for $l = L$; the PPO-Clip loss is then
    $-A\min(z, \varepsilon) - A$ or $-A\max(z, -\varepsilon) - A$, with permitted shapes."""
    rng = np.random.default_rng(0)
    (p, new), a = rng.uniform(0.01, 0.99, (2, 4000)), rng.normal(size=4000)
    u, loss = np.log(new / p), clip_loss(new / p, a, EPSILON)
    scale = evidence.sentence(r"L = \frac{1/p - 1}{\log(1/p)}").function(each="p")(p=p)
    omega = evidence.sentence(r"\omega = \frac{e^u - 1}{L u}").function(each="u L")
    weight = omega(u=u, L=scale)
    evidence.bounded(weight, "weight of the end state is a probability", low=0, high=1, strict=True)
    evidence.close(omega(u=-np.log(p), L=scale), 1, 1e-12, "it is 1 at π = 1, so no smaller L will do")
    z, gain = (r - (weight * 0 + (1 - weight) * r) for r in (scale * u, np.sign(a) * scale * u))
    evidence.close(z, new / p - 1, 1e-11, "z is q − 1 for l = L, 4,000 random (p, π)")
    route = "4,000 random (p, π, A); g the z of this Q, f as PPO has it"
    scope = {"f": loss, "A": a, "g": gain, "varepsilon": EPSILON}
    evidence.equation("eq-signed-gain", 1e-11, route, each="f A g", **scope)
    grid = np.linspace(-1, 1, 201)
    for tex, sign in ((r"f = -A \min(z, \varepsilon) - A", 1), (r"f = -A \max(z, -\varepsilon) - A", -1)):
        fits, printed = sign * a > 0, evidence.sentence(tex)
        given = {"f": loss[fits], "A": a[fits], "z": z[fits]}
        route = f"the tokens with sign of A {sign:+}, the positive factor"
        evidence.equation(printed, 1e-11, route, each="f A z", varepsilon=EPSILON, **given)
        value = -sign * printed.function(each="z")(z=grid, A=sign, varepsilon=EPSILON)
        shape = permitted_shape(grid) @ value
        evidence.bounded(shape, f"falls and bends of this function of z, sign of A {sign:+}", high=1e-12)


def test_decision_weight(evidence):
    r"""At four $p$, on a grid in $P = p q$, $\omega$ with the printed $L$ rises, is strictly concave, lies
    between $P$ and $1$, and is $1$ at $P = 1$. $L \omega$ is $\int_0^1 q^t \, dt$, about $1$ near $q = 1$,
    and $\frac{-1}{\log q}$ at tiny $q$."""
    p = np.array([[0.0105], [0.21], [0.503], [0.99]])
    scale = answered(evidence, r"L = \frac{1/p - 1}{\log(1/p)}").function(each="p")(p=p[:, 0])[:, None]
    omega = evidence.sentence(r"\omega = \frac{q-1}{L \log q}").function(each="q L")
    for claim in (r"$\int_0^1 q^t \, dt = \frac{q - 1}{\log q}$", "$P < W(P) < 1$ for $0 < P < 1$"):
        evidence.prints(claim)

    def weight(q):
        q, factor = np.broadcast_arrays(q, scale)
        return omega(q=q.ravel(), L=factor.ravel()).reshape(q.shape)

    chance = np.concatenate([np.linspace(0, 1, 501)[1:-1], [1 - 1e-9]])
    chance = np.where(np.isclose(chance, p), p * (1 + 1e-6), chance)  # at q = 1 the formula is 0 / 0
    found, (nodes, shares) = weight(chance / p), np.polynomial.legendre.leggauss(30)
    mean = (chance[..., None] / p[..., None]) ** ((1 + nodes) / 2) @ (shares / 2)
    evidence.close(found * scale, mean, 1e-9, "the mean of q^t by quadrature")
    steps, widths = np.diff(found), np.diff(chance)
    evidence.bounded(steps, "steps of W", low=0, strict=True)
    evidence.bounded(np.diff(steps / widths), "bends of W", high=0, strict=True)
    evidence.bounded((found - chance) / (1 - chance), "(W(P) − P)/(1 − P)", low=0, high=1, strict=True)
    evidence.close(weight(1 / p), 1, 1e-12, "W(1)")
    evidence.close(weight(np.array([1 - 1e-6, 1 + 1e-6])) * scale, 1, 1e-5, "L W at the old probability")
    rare = np.array([1e-100, 1e-200, 1e-300])
    evidence.close(-weight(rare) * np.log(rare) * scale, 1, 1e-12, "−L W log q near 0")


def test_two_token_threshold(evidence):
    r"""With two tokens and $Q$ on the other, $q$ as a function of $z$ bends like $(1 - t)^2 - \mu t^2$,
    $t = \pi_\theta(a \given s)$; on gains it is concave for $\mu = (\frac{1 - p}{p})^2$, and not for nine
    tenths of that."""
    t, p, scale = sympy.symbols("t p mu", positive=True)
    z = sympy.log(t / p) - scale * sympy.log((1 - t) / (1 - p))
    curvature = (1 / p / z.diff(t)).diff(t) / z.diff(t)
    positive = t * (1 - t) / (p * (1 + (scale - 1) * t) ** 3)
    remainder = curvature - positive * ((1 - t) ** 2 - scale * t**2)
    evidence.exact(remainder, "SymPy chain rule through t")
    for p in (0.05, 0.2, 0.5, 0.8):
        t = p + (1 - p) * np.linspace(0, 1, 2001)[:-1]
        for factor, bounds in ((1, {"high": 0}), (0.9, {"low": 0})):
            scale = factor * ((1 - p) / p) ** 2
            slope = np.diff(t / p) / np.diff(np.log(t / p) - scale * np.log((1 - t) / (1 - p)))
            route = f"largest change of slope along the gains, p = {p}, {factor} times the threshold"
            evidence.bounded(np.diff(slope).max(), route, **bounds, strict=True)


def test_prospect_value(evidence):
    r"""The Kahneman–Tversky value is the function of constant elasticity $\alpha$ on each side of $0$
    that is $1$ at $z = 1$ and $-\lambda$ at $z = -1$."""
    size, alpha, aversion = sympy.symbols("z alpha lambda", positive=True)
    power = sympy.Function("g")
    constant = sympy.Eq(size * power(size).diff(size), alpha * power(size))
    for end, start in ((size, 1), (-size, -aversion)):
        solved = sympy.dsolve(constant, ics={power(1): start}).rhs
        values = {"v": lambda _: solved, "z": end, "alpha": alpha, "lambda": aversion}
        evidence.identity("eq-kahneman-tversky", f"SymPy solves z v' = α v from v(±1) = {start}", **values)
    z = np.linspace(-2, 2, 41)  # with 0
    outcome = np.sign(z) * np.exp(0.88 * np.log(np.maximum(abs(z), 1e-300))) * np.where(z < 0, 2.25, 1)
    values = {"v": [lambda _, v=v: v for v in outcome], "z": z, "alpha": 0.88, "lambda": 2.25, "each": "v z"}
    evidence.equation("eq-kahneman-tversky", 1e-13, "sign, size and λ apart, z from −2 to 2 with 0", **values)


def test_loss_aversion(evidence):
    r"""The slope of $\log\sigma$ at $-z$ is $e^z$ times its slope at $z$, 2.25 at $z = 0.81$ and 7.39 at
    $z = 2$; for the Kahneman–Tversky value the ratio is 2.25 at $z = 0.01$, $0.81$ and $2$."""
    z, h = np.array([0.01, 0.81, 2.0]), 1e-5
    people = kahneman_tversky(evidence)
    for name, value, expected in (("Kahneman–Tversky", people, 2.25), ("log σ", log_sigmoid, np.exp(z))):
        below, above = (np.subtract(*value(np.array([s * z + h, s * z - h]))) for s in (-1, 1))
        ratio = below / above
        evidence.close(ratio, expected, 1e-8, f"central differences, {name}")
    evidence.shows("0.81", np.log(2.25))
    evidence.shows("2.25", ratio[1])
    evidence.shows("7.39", ratio[2])


def test_concavity_forces_loss_aversion(evidence):
    r"""100 random strictly concave functions with $v(0) = 0$ weigh every loss more than the equal gain. The
    Kahneman–Tversky value with $\lambda = 1$ is concave on gains and weighs both alike; with
    $\lambda = 2.25$ it weighs losses more and is convex on them."""
    slopes = -np.sort(np.random.default_rng(0).normal(size=(100, 600)), axis=1)
    value = np.cumsum(np.pad(slopes, ((0, 0), (1, 0))), axis=1)
    value -= value[:, [300]]
    evidence.bounded(value[:, 301:] + value[:, 299::-1], "100 × 300 gains", high=0, strict=True)
    z = np.linspace(0.01, 3, 300)
    alike, averse = kahneman_tversky(evidence, 1), kahneman_tversky(evidence)
    evidence.close(alike(z) + alike(-z), 0, 0, "λ = 1: v(z) + v(−z)")
    evidence.bounded(np.diff(alike(z), 2), "λ = 1: second differences on gains", high=0, strict=True)
    evidence.bounded(averse(z) + averse(-z), "λ = 2.25: v(z) + v(−z)", high=0, strict=True)
    evidence.bounded(np.diff(averse(-z), 2), "λ = 2.25: second differences on losses", low=0, strict=True)


def test_pull_on_the_log_probability(evidence):
    r"""Before the clip $-\partial f / \partial \log\pi_\theta = A q$, which grows in size with $q$ for
    either sign of $A$; beyond the clip it is $0$. In the logit of the token it is $A q (1 - \pi_\theta)$."""
    u, h = np.linspace(-1, 1, 2000), 1e-6
    for a, pulls in ((1.7, np.exp(u) < 1 + EPSILON), (-1.7, np.exp(u) > 1 - EPSILON)):
        ahead, behind = (clip_loss(np.exp(u + s * h), a, EPSILON) for s in (1, -1))
        pull = (behind - ahead) / (2 * h)
        evidence.close(pull, np.where(pulls, a * np.exp(u), 0), 1e-8, f"central differences, A = {a}")
        evidence.bounded(np.diff(abs(pull[pulls])), f"growth of its size, A = {a}", low=0, strict=True)
        logit, rest, old = u[pulls], 2.0, 0.3
        ahead, new, behind = (np.exp(logit + s * h) / (np.exp(logit + s * h) + rest) for s in (1, 0, -1))
        inside = (1 - EPSILON < new / old) & (new / old < 1 + EPSILON)
        pull = (clip_loss(behind / old, a, EPSILON) - clip_loss(ahead / old, a, EPSILON)) / (2 * h)
        expected = (a * new / old * (1 - new))[inside]
        evidence.close(pull[inside], expected, 1e-8, f"the same in the logit, between the edges, A = {a}")


def test_dpo_is_risk_averse_in_losses(evidence):
    r"""DPO pays 0.620 for moving a margin from $-1$ to $0$ but 0.186 from $1$ to $2$; on losses
    $\log\sigma$ is strictly concave where the Kahneman–Tversky value is strictly convex."""
    steps = np.diff(log_sigmoid([[-1, 0], [1, 2]])).ravel()
    evidence.shows("0.620", steps[0])
    evidence.shows("0.186", steps[1])
    bends = [np.diff(v(np.linspace(-4, -0.01, 400)), 2) for v in (log_sigmoid, kahneman_tversky(evidence))]
    evidence.bounded(bends[0], "second differences of log σ", high=0, strict=True)
    evidence.bounded(bends[1], "second differences of Kahneman–Tversky", low=0, strict=True)


def test_clip_loss_aversion(evidence):
    r"""$\min(g, \varepsilon)$ weighs a loss more than an equal gain exactly when the gain exceeds
    $\varepsilon$, for either sign of $A$ and gains up to $1$."""
    gain = np.linspace(0, 1, 1001)
    for a, epsilon in product((1.7, -1.7), (0.1, EPSILON, 0.5)):
        good, bad = (-(clip_loss(1 + np.sign(a) * g, a, epsilon) + a) / abs(a) for g in (gain, -gain))
        route = f"1,001 gains in [0, 1], from PPO's loss at A = {a}, ε = {epsilon}"
        evidence.close(good, np.minimum(gain, epsilon), 1e-14, f"value of {route}")
        evidence.close(-(good + bad), np.maximum(gain - epsilon, 0), 1e-14, f"surplus of the losses, {route}")


def test_felt_value(evidence):
    r"""For either sign of $A$ the felt value $-\sgn(A)\,v_\pm(z)$ is $\min(g, \varepsilon) + \sgn(A)$ with
    $g = \sgn(A)(e^{-z} - 1)$; for $A > 0$ it falls and is convex on $z > 0$."""
    z = np.linspace(-3, 3, 1201)
    for sign, value in printed_values(evidence).items():
        scope = {"A": sign, "v_f": value(z), "g": sign * np.expm1(-z), "varepsilon": EPSILON}
        route = f"1,201 values of z, v_f as eq-printed-values has it, sign of A {sign:+}"
        evidence.equation("eq-felt-value", 1e-13, route, each="v_f g", **scope)
    felt = -printed_values(evidence)[1](z[z > 0])
    evidence.bounded(np.diff(felt), "A > 0: differences on z > 0", high=0, strict=True)
    evidence.bounded(np.diff(felt, 2), "A > 0: second differences on z > 0", low=0, strict=True)


def test_printed_value_is_not_loss_averse(evidence):
    r"""For $\varepsilon = 0.2$, $v_+$ moves more from $0$ to $z$ than from $0$ to $-z$ for $z$ from
    $\log\frac{1}{1 - \varepsilon} = 0.223$ up to $5$, and less below."""
    value, edge = printed_values(evidence)[1], -np.log1p(-EPSILON)

    def surplus(z):
        return value(z) + value(-z) - 2 * value(np.zeros(1))

    evidence.bounded(
        surplus(np.linspace(edge + 1e-6, 5, 1000)), "1,000 values of z above", low=0, strict=True
    )
    evidence.bounded(
        surplus(np.linspace(1e-3, edge - 1e-6, 1000)), "1,000 values of z below", high=0, strict=True
    )
    root = brentq(lambda z: surplus(np.array([z]))[0], 0.1, 1)
    evidence.close(root, edge, 1e-12, "root finding")
    evidence.shows("0.2", EPSILON)
    evidence.shows("0.223", root)


def test_certainty_equivalent(evidence):
    r"""By the Kahneman–Tversky value alone an 80% chance of 100 is worth a sure 77.6, whether $\lambda$
    is 1, 2.25 or 10."""
    sure = []
    for aversion in (1, 2.25, 10):
        value = kahneman_tversky(evidence, aversion)
        sure.append(brentq(lambda x: value(x) - 0.8 * value(100), 1, 100))
    evidence.close(sure, sure[0], 1e-9, "root finding, λ = 1, 2.25 and 10")
    evidence.shows("77.6", sure[0])


@pytest.mark.library("trl", "transformers", "torch")
def test_trl_dpo(evidence):
    r"""DPOTrainer of trl computes $-\log\sigma(z)$, and its hinge loss is $-v(z)$ with
    $v(z) = \min(0, z - 1)$."""
    import torch

    from .oracles import tiny_llama, trl_dpo

    policy, reference = tiny_llama(0), tiny_llama(1)
    tokens = torch.randint(0, 13, (8, 9), generator=torch.Generator().manual_seed(0))
    answer = (torch.arange(9) >= 4).long().expand(8, 9)  # four prompt tokens, five of the answer
    with torch.no_grad():
        tables = [model(input_ids=tokens).logits.log_softmax(-1) for model in (policy, reference)]
    ratios = (tables[0] - tables[1])[:, 3:-1].gather(-1, tokens[:, 4:, None]).sum((1, 2)).numpy()
    z = 0.3 * (ratios[:4] - ratios[4:])
    for kind, value in {"sigmoid": log_sigmoid(z), "hinge": np.minimum(0, z - 1)}.items():
        loss = trl_dpo(policy, reference, tokens, answer, 0.3, kind)
        evidence.close(loss, -value.mean(), 1e-6, f"{kind} loss of four pairs, its float32 kernel")


@pytest.mark.library("trl", "torch")
def test_trl_clip(evidence):
    r"""The clip loss of GRPOTrainer in trl is $A v_\pm(-\log q)$, in value and in the gradient of every
    logit."""
    import torch

    from .oracles import trl_clip

    logits, old = torch.tensor(np.array(random_tokens(10_000))).reshape(2, 4, 500, 5).requires_grad_()
    a = torch.tensor(random_tokens(2000)[1]).reshape(4, 500)
    new, old = logits.log_softmax(-1)[..., 0], old.detach().log_softmax(-1)[..., 0]
    z, h, sign = (old - new).detach().numpy(), 1e-5, a.numpy() > 0
    low, here, high = (
        np.where(sign, *(v(z + s * h) for v in printed_values(evidence).values())) for s in (-1, 0, 1)
    )
    loss = trl_clip(new, old, a, EPSILON)
    evidence.close((a.numpy() * here).mean(), loss.item(), 1e-13, "mean loss of 2,000 tokens")
    slope = a.numpy() * (high - low) / (2 * h)
    built = slope[..., None] * (logits.softmax(-1).detach().numpy() - np.eye(5)[0])  # z falls in the first
    [library] = torch.autograd.grad(2000 * loss, logits)
    evidence.close(built, library, 1e-7, "differences of v₊ and v₋, chain rule; autograd in 10,000 logits")
    clipped = np.sum(library.abs().amax(-1).numpy() == 0)
    evidence.bounded(clipped, "clipped tokens among the 2,000", low=100, high=1900)


@pytest.mark.library("stable-baselines3", "gymnasium", "torch")
def test_stable_baselines_clip(evidence):
    r"""The policy loss that PPO of stable-baselines3 logs is the mean of $A v_\pm(-\log q)$."""
    from .oracles import stable_baselines_clip

    logged, q, a = stable_baselines_clip(EPSILON)
    construction = a * np.where(a > 0, *(value(-np.log(q)) for value in printed_values(evidence).values()))
    evidence.close(logged, construction.mean(), 1e-5, "one update, 256 CartPole steps in float32")
    clipped = [(a > 0) & (q > 1 + EPSILON), (a < 0) & (q < 1 - EPSILON)]
    evidence.bounded(np.sum(clipped, axis=1), "tokens clipped at each edge", low=5)
