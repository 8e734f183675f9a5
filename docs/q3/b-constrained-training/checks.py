"""Checks of 3(b): the objective and its relaxation, what KL and L2 measure, and the experiment."""

import hashlib
import json
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize

from . import model as m
from . import oracles

HERE = Path(__file__).parent
ROUNDING = 1e-12
NETWORKS = [m.Network.random(seed) for seed in range(6)]
INPUTS = np.random.default_rng(9).normal(size=(5, 4))


def relu(values):
    """Return the positive part, by comparison."""
    return np.where(values > 0, values, 0)


def test_objective(evidence):
    """Loss and constraint are sums over paraphrases and over other inputs, with the old output first."""
    for seed in range(4):
        edit = oracles.edit(seed)
        given = {"p": edit.p, "theta_prime": edit.after}
        evidence.equation("eq-3b-loss", ROUNDING, "text by text, with log-sum-exp", J=edit.loss, a=edit.a,
                          sets={"P_x": edit.same}, **given)  # fmt: skip
        sets = {"O_x": edit.others, "Y": range(3)}
        evidence.equation("eq-3b-constraint", ROUNDING, "text by text, SciPy's relative entropies",
                          C=edit.change, theta=edit.before, m=edit.change + 0.1, sets=sets,
                          **given)  # fmt: skip


def test_saddle(evidence):
    """The minimum over φ of the maximum over λ is the least loss among the φ that keep the margin."""
    for seed in range(5):
        loss, change = np.random.default_rng(seed).uniform(0, 9, (2, 40))
        edge, worst = np.argsort(change)[[20, -1]]
        loss[worst] = -2  # the best loss is out of bounds
        loss[edge] -= 10 * (seed < 3)  # and what just fits is the best that is left
        kept = [loss[i] for i in range(40) if change[i] <= change[edge]]
        given = {"J": lambda i: loss[i], "C": lambda i: change[i], "m": change[edge]}
        sets = {"phi": range(40), "lambda": [0, 1, 1e9]}  # the last stands for prices without bound
        evidence.equation("eq-3b-saddle", ROUNDING, "40 editors with random losses", sets=sets, **given)
        route = "least loss of those within the margin, one by one, against the printed minimum"
        evidence.close(min(kept), evidence.printed("eq-3b-saddle").function(sets=sets)(**given), 0, route)


def test_ascent(evidence):
    """Descent in φ and ascent in λ end at the constrained minimum, with a positive price if the margin
    binds and price 0 if it does not."""
    for margin, price in ((1.0, 1.0), (9.0, 0.0)):
        limit = {"type": "ineq", "fun": lambda v, margin=margin: margin - v[0] ** 2}
        best = minimize(lambda v: (v[0] - 2) ** 2, [0.5], constraints=[limit], method="SLSQP").x[0]
        found = oracles.play(margin)
        evidence.close(found, [best, price], 1e-5, f"margin {margin}: SciPy's SLSQP, and λ by hand")
    free = oracles.play(1.0, steps=0)
    evidence.bounded(abs(free[0] - 1), "distance before the first step", low=0.5)


def test_kept_answers(evidence):
    r"""Two probabilities move towards each other by at most $\sqrt{2 \KL}$, so a small divergence keeps the
    answer, and the mean divergence bounds the share of answers that change."""
    p, q = oracles.distributions(0, 200)
    kl = m.divergence(p, q)
    each = [
        {"p": before, "q": after, "b": b, "c": c}
        for before, after in zip(p, q) for b, c in product(range(1, 5), repeat=2)
    ]  # fmt: skip
    close = [
        {"p": np.array([0.5, 0.5]), "q": np.array([0.5 - e, 0.5 + e]), "b": 1, "c": 2} for e in (1e-3, 0.1)
    ]
    evidence.equation("eq-3b-pinsker", ROUNDING, "200 pairs of distributions, all answers", each=each,
                      sets={"Y": range(1, 5)})  # fmt: skip
    evidence.equation("eq-3b-pinsker", ROUNDING, "two answers, close to even", each=close, sets={"Y": (1, 2)})
    sides = [
        evidence.printed("eq-3b-pinsker").function(side=i, sets={"Y": (1, 2)})(**close[0]) for i in (0, 1)
    ]
    evidence.close(np.array(sides) / 2e-3, 1, 1e-5, "both sides over 2ε, two answers close to even")
    moved = p.argmax(-1) != q.argmax(-1)
    evidence.bounded(kl[moved] / oracles.gap(p)[moved] ** 2, "KL/γ² of changed answers", low=0.5)
    groups = [np.arange(200), np.flatnonzero(oracles.gap(p) > 0.5), np.flatnonzero(oracles.gap(p) > 0.9)]
    each = [{"s": moved[g].mean(), "C_bar": kl[g].mean(), "gamma_0": oracles.gap(p)[g].min()} for g in groups]
    evidence.equation("eq-3b-share", 0, "changed answers counted, three groups of inputs", each=each)
    even = np.array([0.501, 0.499]), np.array([0.4999999, 0.5000001])
    worst = {"s": 1.0, "C_bar": m.divergence(*even), "gamma_0": 0.002}
    evidence.equation("eq-3b-share", 0, "a pair that changes its answer as cheaply as it can", **worst)
    half = {"s": 0.5, "C_bar": worst["C_bar"] / 2, "gamma_0": 0.002}  # beside it, an input with γ = 0.9
    evidence.equation("eq-3b-share", 0, "the same beside an input that stays", **half)
    share = evidence.printed("eq-3b-share").function()
    evidence.close(share(**worst), 1, 2e-3, "the bound on the share, for that pair")
    for text, value in (("0.9", 0.9), ("0.01", 0.01), ("2.5", 100 * share(C_bar=0.01, gamma_0=0.9))):
        evidence.shows(text, value)


def test_rescaling(evidence):
    """Scaling one layer up and the next down keeps all outputs, moves the weights as far as the printed
    distance says, and makes a step of the second matrix act like a longer one. With tanh outputs change."""
    rng = np.random.default_rng(4)
    each = []
    for network, c in product(NETWORKS[:3], (0.1, 3.0, 10.0, 1e3)):
        other, step = network.rescaled(c), rng.normal(size=network.W2.shape)
        evidence.close(m.divergence(network(INPUTS), other(INPUTS)), 0, ROUNDING, f"KL of outputs, c = {c}")
        given = vars(network) | {"theta": network.parameters, "theta_c": other.parameters, "c": c, "V": step}
        given |= {name.replace("W", "W_").replace("b", "b_"): value for name, value in vars(network).items()}
        each += [given | {"x": x, "u": network.W1 @ x + network.b1} for x in INPUTS]
    for label in ("eq-3b-rescale", "eq-3b-amplify", "eq-3b-distance"):
        evidence.equation(label, 1e-10, "3 networks, 4 factors, 5 inputs", each=each, ReLU=relu)
    one = NETWORKS[0]
    logits = [np.tanh(INPUTS @ n.W1.T + n.b1) @ n.W2.T for n in (one, one.rescaled(10.0))]
    evidence.bounded(np.abs(np.subtract(*logits)).max(), "change of logits with tanh, c = 10", low=0.1)


def test_fisher(evidence):
    r"""The Hessian of the mean divergence is the Fisher matrix, whichever distribution stands first, and
    what half its quadratic form leaves out falls with the cube of the step. In logits SymPy finds it too."""
    for network in NETWORKS[:2]:
        size, p = len(network.parameters), network(INPUTS)
        given = {"p": p, "g": oracles.log_slopes(network, INPUTS), "N": len(INPUTS), "K": 3}
        ways = {
            "old first": lambda step: oracles.mean_change(network, INPUTS, step),
            "new first": lambda step: m.divergence(network.moved(step)(INPUTS), p).mean(),
        }
        for name, way in ways.items():
            hessian = oracles.second_differences(way, size)
            evidence.equation("eq-3b-fisher", 1e-4, f"second differences of KL, {name}", F=hessian, **given)
        evidence.close(m.fisher(network, INPUTS), hessian, 1e-4, "the Fisher matrix by the chain rule")
        steps = np.random.default_rng(0).normal(size=(4, size))
        steps /= np.linalg.norm(steps, axis=1)[:, None]
        law = lambda c, x, theta: network.moved(theta - network.parameters)(np.ravel(x)[None])[0, c]  # noqa: E731
        each = [{"Delta": 1e-3 * step, "theta": network.parameters} for step in steps]
        evidence.equation("eq-3b-quadratic", 1e-15, "steps of length 0.001", each=each, p=law, x=INPUTS, N=5,
                          F=m.fisher(network, INPUTS), sets={"cdot": range(3)}, approx=2e-11)  # fmt: skip
        for step in steps:
            rest = [ways["old first"](r * step) - r**2 * step @ m.fisher(network, INPUTS) @ step / 2
                    for r in (0.01, 0.005)]  # fmt: skip
            evidence.bounded(rest[0] / rest[1], "the rest at twice the step", low=7, high=9)
    z, d = sp.symbols("z1:4"), sp.symbols("d1:4")
    before, after = ([sp.exp(v) / sum(map(sp.exp, u)) for v in u] for u in (z, [a + b for a, b in zip(z, d)]))
    kl = sum(p * sp.log(p / q) for p, q in zip(before, after))
    hessian = sp.hessian(kl, d).subs(dict.fromkeys(d, 0))
    rows = [sp.Matrix([sp.log(p).diff(v) for v in z]) for p in before]
    form = sum((p * row * row.T for p, row in zip(before, rows)), sp.zeros(3))
    evidence.exact(list(hessian - form), "SymPy: Hessian of KL in three logits less the sum of p g gᵀ")


def test_range(evidence):
    """On a ball the quadratic form reaches half the largest eigenvalue times the square of the radius and,
    as the rank is at most $N (K - 1)$, falls to 0 where there are more parameters."""
    for network in NETWORKS[:4]:
        F = m.fisher(network, INPUTS)
        values, axes = np.linalg.eigh(F)
        steps = np.random.default_rng(1).normal(size=(30, len(F)))
        evidence.equation("eq-3b-range", ROUNDING, "30 random steps", F=F, mu=values[-1],
                          each=[{"Delta": step} for step in steps])  # fmt: skip
        given = {"F": F, "Delta": 2 * axes[:, -1], "mu": values[-1]}
        top = [evidence.printed("eq-3b-range").function(side=i)(**given) for i in (1, 2)]
        evidence.close(top, 2 * values[-1], 1e-10, "both along the first eigenvector, radius 2")
        evidence.equal(int(np.linalg.matrix_rank(F, tol=1e-10)), 5 * 2, "rank, 5 inputs and 3 answers")
        low = axes[:, 0] @ F @ axes[:, 0]
        evidence.close(low, 0, 1e-10, f"along the last of {len(F)} eigenvectors")


def test_direction(evidence):
    """The order of the two distributions decides what taking mass away costs: without bound if the old one
    is first, less than log 2 if it is second. The old one first is distillation of the old model."""
    p, spare = np.array([0.5, 0.5]), 10.0 ** -np.arange(1, 13, 2)
    q = np.stack([1 - spare, spare], -1)
    first, second = m.divergence(p, q), m.divergence(q, p)
    evidence.equation("eq-3b-erase", ROUNDING, "SciPy's relative entropies, ε = 0.1 to 10⁻¹¹",
                      each=[{"A": a, "B": b, "varepsilon": e}
                            for a, b, e in zip(first, second, spare)])  # fmt: skip
    evidence.bounded(np.diff(first), "growth of the one for each factor 0.01 of ε", low=2)
    evidence.bounded(second, "the other", high=np.log(2), strict=True)
    evidence.shows("0.693", np.log(2))
    for seed in range(3):
        edit = oracles.edit(seed)
        old = edit.others[0]
        target = np.array([edit.p(c, old, edit.before) for c in range(3)])

        def change(step, old=old, target=target, edit=edit):
            return m.divergence(target, [edit.p(c, old, edit.after + step) for c in range(3)])

        unit = 1e-6 * np.eye(3)
        rows = [change(np.pad(u[None], ((old, 5 - old), (0, 0)))) for u in (*unit, *-unit)]
        found = (np.array(rows[:3]) - rows[3:]) / 2e-6
        now = np.array([edit.p(c, old, edit.after) for c in range(3)])
        evidence.close(found, now - target, 1e-8, "gradient of C in the logits: that of soft labels")


def test_chain(evidence):
    """The divergence of two laws of sentences is the mean, over sentences of the first, of the sum of the
    divergences at their positions."""
    for seed in range(3):
        (law, p), (other, q) = oracles.tree(seed), oracles.tree(seed + 50)
        whole = sum(v * np.log(v / other[y]) for y, v in law.items())
        evidence.equation("eq-3b-chain", ROUNDING, "all sentences of 3 words", D=whole, p=p, q=q, T=3,
                          sets={"y": [np.array(y) for y in law], "cdot": (1, 2)})  # fmt: skip


def test_overlap(evidence):
    """An input that is both to change and to stay costs at least the printed divergence."""
    for seed in range(3):
        p, q = oracles.distributions(seed, 60, spread=1.0)
        each = [{"C": m.divergence(a, b) / 20, "varepsilon": a[0], "s": b[0], "N": 20} for a, b in zip(p, q)]
        evidence.equation("eq-3b-overlap", ROUNDING, "60 pairs of distributions", each=each)
    p, rest = np.array([0.01, 0.5, 0.49]), np.array([0.5, 0.49]) / 0.99
    q = np.r_[0.9, 0.1 * rest]
    least = {"C": m.divergence(p, q) / 20, "varepsilon": 0.01, "s": 0.9, "N": 20}
    evidence.equation("eq-3b-overlap", ROUNDING, "the rest kept in proportion", tight=True, **least)
    for text, value in (("0.01", 0.01), ("0.9", 0.9), ("20", 20), ("0.111", least["C"])):
        evidence.shows(text, value)


def test_released_norm(evidence):
    """The alternative of the released code is the mean over matrices of the root mean square of a shift; a
    change of one entry alone costs less in a larger matrix."""
    rng = np.random.default_rng(0)
    shifts = {1: rng.normal(size=(3, 5)), 2: rng.normal(size=(8, 2)), 3: rng.normal(size=(40, 20))}
    by_entries = np.mean([np.sqrt(np.mean(shift**2)) for shift in shifts.values()])
    sizes = {"n": {i: s.shape[0] for i, s in shifts.items()}, "d": {i: s.shape[1] for i, s in shifts.items()}}
    evidence.equation("eq-3b-released", ROUNDING, "entry by entry", ell=by_entries, V=shifts, M=3, **sizes)
    cost = evidence.printed("eq-3b-released").function()
    alone = [cost(V={1: np.eye(1, n * d).reshape(n, d)}, M=1, n={1: n}, d={1: d})
             for n, d in ((2, 3), (8, 5), (40, 20))]  # fmt: skip
    evidence.bounded(np.diff(alone), "cost of one entry alone, in larger matrices", high=0, strict=True)


ROWS = {
    "KL at most 0.1": ("runs", "kl 0.1"),
    "KL at most 0.03": ("runs", "kl 0.03"),
    "KL at most 0.01": ("runs", "kl 0.01"),
    "L2 at most 1": ("runs", "l2 1.0"),
    "L2 at most 0.7": ("runs", "l2 0.7"),
    "L2 at most 0.5": ("runs", "l2 0.5"),
    "nothing": ("runs", "none"),
    "KL at most 0.1, no gradient": ("runs", "blind 0.1"),
    "fine-tuning by 0.001, until it wins": ("tuning", "0.001 0.0"),
    "fine-tuning by 0.001, until sure": ("tuning", "0.001 0.9"),
    "fine-tuning by 0.01, until sure": ("tuning", "0.01 0.9"),
    "fine-tuning by 0.1, one step": ("tuning", "0.1 0.0"),
}
SHARES = dict.fromkeys(("success", "paraphrase", "retained", "near"), (100, 1))  # factor, places


def cell(values, places):
    """Return mean and standard deviation of the seeds, as the tables print them."""
    return f"{values.mean():.{places}f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{values.std(ddof=1):.{places}f}"


def test_results(evidence):
    """The committed results carry the digest of the code that made them, from five seeds, and the tables
    print their means and standard deviations."""
    digest = hashlib.sha256(b"".join((HERE / f"{name}.py").read_bytes() for name in ("editor", "experiment")))
    document = json.loads((HERE / "results.json").read_text())
    evidence.equal(document["provenance"]["experiment"], digest.hexdigest(), "digest of both programs")
    evidence.equal(len(m.seeds()), 5, "seeds")
    for head, metrics in (("trained under", SHARES), ("shifts of", {"kl": (1, 3), "norm": (1, 2)})):
        rows = {name: [cell(factor * m.spread(way, metric, kind), places)
                       for metric, (factor, places) in metrics.items()]
                for name, (kind, way) in ROWS.items()}  # fmt: skip
        table = evidence.table(head)
        evidence.equal({name: row for name, row in table.items() if name != head}, rows, f"table, {head}")


KL, L2 = ("0.3", "0.1", "0.03", "0.01", "0.003"), ("1.5", "1.0", "0.7", "0.5", "0.35")


def share(evidence, text, values):
    """Say that the mean of the seeds is printed so, in percent."""
    evidence.shows(text, 100 * np.mean(values))


def test_purpose(evidence):
    """Without a constraint all edits succeed and most other answers are lost; with the constraint on
    KL at 0.1 most are kept, in every seed. The classifiers know all facts before."""
    evidence.equal({seed["known"] for seed in m.seeds()}, {1.0}, "share of texts answered right before edits")
    evidence.bounded(m.spread("none", "success"), "edits that succeed, no constraint", low=1)
    lost, kept = m.spread("none", "retained"), m.spread("kl 0.1", "retained")
    evidence.bounded(kept - lost, "lead in other facts kept, KL at most 0.1", low=0.5)
    share(evidence, "31.7", lost)
    share(evidence, "95.7", kept)
    evidence.shows("0.1", 0.1)


def test_kl_against_l2(evidence):
    """Where 95 % of the paraphrases get the new answer, more other facts are kept under KL than under L2 in
    every seed. The shifts under KL at most 0.1 are at least twice as long as under L2 at most 0.7."""
    kl, l2 = (m.kept_at(kind, margins, 0.95, "retained") for kind, margins in (("kl", KL), ("l2", L2)))
    evidence.bounded(kl - l2, "lead of KL, every seed", low=0, strict=True)
    long, short = (m.spread(name, "norm") for name in ("kl 0.1", "l2 0.7"))
    evidence.bounded(long / short, "length of the shift, KL at most 0.1 over L2 at most 0.7", low=2)
    for text, value in (("0.1", 0.1), ("0.7", 0.7), ("2.29", long.mean()), ("0.70", short.mean())):
        evidence.shows(text, value)
    share(evidence, "95.8", kl)
    share(evidence, "90.6", l2)
    evidence.shows("95", 95)


def test_same_subject(evidence):
    """Of the other facts of the edited subject L2 keeps more than KL in every seed, where 95 % of the
    paraphrases get the new answer."""
    kl, l2 = (m.kept_at(kind, margins, 0.95, "near") for kind, margins in (("kl", KL), ("l2", L2)))
    evidence.bounded(l2 - kl, "lead of L2, every seed", low=0, strict=True)
    share(evidence, "44.8", kl)
    share(evidence, "50.5", l2)
    evidence.shows("95", 95)


def test_price(evidence):
    """From a margin to the next tighter one fewer paraphrases follow and more other facts are kept, on
    average; in no seed it is the other way round."""
    for kind, margins in (("kl", KL), ("l2", L2)):
        for metric, sign in (("paraphrase", -1), ("retained", 1)):
            steps = sign * np.diff([m.spread(f"{kind} {margin}", metric) for margin in margins], axis=0)
            evidence.bounded(steps, f"{metric}, {kind}: steps from margin to margin", low=0)
            evidence.bounded(steps.mean(1), f"{metric}, {kind}: means", low=0, strict=True)
    for text, margin in (("99.1", "0.3"), ("59.1", "0.003")):
        share(evidence, text, m.spread(f"kl {margin}", "paraphrase"))
        evidence.shows(margin, float(margin))


def test_seen(evidence):
    """On subjects of the training the mean divergence is near the margin 0.1, on new subjects above it. The
    margin 0.003 is not met even on the former, in every seed."""
    seen = np.mean([seed["runs"]["kl 0.1"]["seen"]["kl"] for seed in m.seeds()])
    new = m.spread("kl 0.1", "kl")
    evidence.close(seen, 0.1, 0.02, "mean divergence on subjects of the training against the margin")
    evidence.bounded(new, "on new subjects, every seed", low=0.1)
    tight = np.array([seed["runs"]["kl 0.003"]["seen"]["kl"] for seed in m.seeds()])
    evidence.bounded(tight, "on subjects of the training at the margin 0.003, every seed", low=0.003)
    shown = {"0.101": seen, "0.169": new.mean(), "0.1": 0.1, "0.003": 0.003, "0.006": tight.mean()}
    for text, value in shown.items():
        evidence.shows(text, value)


def test_gradient_input(evidence):
    """Without the gradient as input fewer paraphrases follow at the same margin, in every seed."""
    seeing, blind = (m.spread(name, "paraphrase") for name in ("kl 0.1", "blind 0.1"))
    evidence.bounded(seeing - blind, "lead with the gradient, every seed", low=0.1)
    share(evidence, "95.8", seeing)
    share(evidence, "60.1", blind)
    evidence.shows("0.1", 0.1)


def test_fine_tuning(evidence):
    """Fine-tuning by small steps until the new answer wins keeps most other facts and changes few
    paraphrases; until sure, it does about as well as KL at most 0.1, on average; a large step loses most."""
    found = {
        name: [m.spread(way, metric, "tuning") for metric in ("paraphrase", "retained")]
        for name, way in (("wins", "0.001 0.0"), ("sure", "0.01 0.9"), ("large", "0.1 0.0"))
    }
    editor = [m.spread("kl 0.1", metric).mean() for metric in ("paraphrase", "retained")]
    behind = [e - values.mean() for e, values in zip(editor, found["sure"])]
    evidence.bounded(behind, "lead of the editor with KL at most 0.1, means", high=0.02)
    spared = m.spread("0.01 0.9", "near", "tuning") - m.spread("kl 0.1", "near")
    evidence.bounded(spared, "lead of fine-tuning for the same subject, every seed", low=0.1)
    evidence.bounded(found["large"][1], "other facts kept by one step of 0.1", high=0.5)
    (follow, keep), (more, less), (_, few) = found.values()
    for text, values in (("99.5", keep), ("14.6", follow), ("96.4", less), ("97.1", more), ("38.9", few)):
        share(evidence, text, values)
    for text in ("0.001", "0.01", "0.1"):
        evidence.shows(text, float(text))
    evidence.shows("1.4", m.spread("0.01 0.9", "steps", "tuning").mean())


def test_annealing(evidence):
    """With the published schedule the margin starts at 0.3, never rises, and ends above its floor, in every
    seed."""
    courses = [np.array(seed["course"])[:, 1] for seed in m.seeds()]
    evidence.bounded([np.diff(course) for course in courses], "steps of the margin", high=0)
    last = np.array([course[-1] for course in courses])
    evidence.bounded(last, "margins at the end", low=0.003, strict=True)
    evidence.close([course[0] for course in courses], 0.3, 0, "margins at the start")
    follow, keep = (m.spread("annealed", metric) for metric in ("paraphrase", "retained"))
    share(evidence, "82.4", follow)
    share(evidence, "98.5", keep)
    for text, value in (("0.003", 0.003), ("0.030", last.mean())):
        evidence.shows(text, value)


def test_ball(evidence):
    """Steps of length 0.5 differ in their divergence by a factor of more than 10,000, in every seed. The
    rescaled classifiers are further away, with a divergence of rounding errors. Shifts learnt under KL,
    brought to that length, change outputs less than those learnt under L2."""
    first, null, kl, l2 = (m.at_radius(n, 0.5) for n in ("first Fisher", "null", "kl 0.1", "l2 1.0"))
    evidence.bounded(l2 / kl, "learnt under L2 over learnt under KL, every seed", low=1, strict=True)
    plain = m.at_radius("random", 0.5)
    evidence.bounded(kl / plain, "learnt under KL over random, every seed", high=2)
    far = np.array([seed["rescaled"]["distance"] for seed in m.seeds()])
    evidence.bounded(far, "distance of the rescaled classifiers", low=50)
    evidence.bounded([seed["rescaled"]["kl"] for seed in m.seeds()], "their divergence", high=1e-12)
    for text, value in (
        ("0.5", 0.5),
        ("185", far.mean()),
        ("0.74", first.mean()),
        ("38", (l2 / kl).mean()),
    ):
        evidence.shows(text, value)
    inputs, answers, factor = 160, 12, 10_000
    evidence.bounded(first / null, "first eigenvector over FΔ = 0, every seed", low=factor)
    evidence.shows("3968", 64 * 5 * 10 + answers * 64)
    evidence.shows("1760", inputs * (answers - 1))
    for text, value in (("160", inputs), ("12", answers), ("10000", factor)):
        evidence.shows(text, value)


@pytest.mark.library("torch")
def test_pytorch_divergence(evidence):
    """PyTorch's divergence of the old outputs from the new, as the released code calls it, is the printed
    constraint; its function kl_div takes the new outputs first and means the same."""
    import torch
    from torch.distributions import Bernoulli, Categorical, kl_divergence

    for seed in range(3):
        edit = oracles.edit(seed)
        old, new = (torch.tensor(table[2:]) for table in (edit.before, edit.after))
        sets = {"O_x": edit.others, "Y": range(3)}
        given = {"p": edit.p, "theta": edit.before, "theta_prime": edit.after, "m": 99, "sets": sets}
        found = kl_divergence(Categorical(logits=old), Categorical(logits=new)).sum().item()
        evidence.equation("eq-3b-constraint", 1e-10, "torch.distributions.kl_divergence", C=found, **given)
        found = torch.nn.functional.kl_div(new.log_softmax(-1), old.softmax(-1), reduction="sum").item()
        evidence.equation("eq-3b-constraint", 1e-10, "torch.nn.functional.kl_div(new, old)", C=found, **given)
        two = kl_divergence(Bernoulli(logits=old[:, 0]), Bernoulli(logits=new[:, 0]))
        pairs = zip(*(table[:, 0].sigmoid().tolist() for table in (old, new)))
        ours = [m.divergence(np.array([1 - a, a]), np.array([1 - b, b])) for a, b in pairs]
        evidence.close(two, ours, 1e-10, "Bernoulli outputs, as for fact checking")


@pytest.mark.library("torch")
def test_short_run(evidence):
    """A short run of the experiment edits held-out subjects, keeps more under the constraint, and finds the
    divergence of a small step by its Fisher matrix. The shifts of its editor are gated sums of a masked
    gradient and a bias, for the gradient of the new answer."""
    import torch

    from . import experiment as trial

    torch.set_num_threads(1)
    short = SimpleNamespace(**vars(trial.e.FULL) | {"steps": 120, "fit": 200})
    runs = [run for run in trial.RUNS if run[0] in ("kl 0.1", "none")]
    found = trial.one_seed(0, runs, short, edits=60)
    for name in ("kl 0.1", "none"):
        evidence.bounded(found["runs"][name]["success"], f"edits that succeed, {name}", low=0.7)
    kept = [found["runs"][name]["retained"] for name in ("kl 0.1", "none")]
    evidence.bounded(kept[0] - kept[1], "lead in other facts kept, KL at most 0.1", low=0.2)
    row = found["ball"]["random"][0]
    evidence.bounded(row["kl"] / row["quadratic"], "KL over ½ΔᵀFΔ, random steps of length 0.1", 0.8, 1.25)
    evidence.bounded(found["rescaled"]["kl"], "KL of the rescaled classifier", high=1e-12)
    evidence.bounded(found["rescaled"]["distance"], "its distance", low=50)
    for shift, by_hand in zip(*oracles.shifts_by_hand(trial.e, short)):
        scale = np.abs(by_hand).max()
        evidence.close(shift / scale, by_hand / scale, 1e-4, "shifts of one matrix by NumPy, relative")
