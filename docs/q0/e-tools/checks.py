"""Checks of 0(e): what self-play keeps, what Toolformer's filter keeps, and what two experiments showed."""

import hashlib
import json
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax

from . import experiment as trial
from . import model as m
from . import oracles

HERE = Path(__file__).parent
RESULTS = json.loads((HERE / "results.json").read_text())
ROUNDING = 1e-12
QUOTED = 10  # the problem that the page quotes
SETS = {"b": oracles.CALLS, "c": oracles.CALLS}


def test_kept_calls(evidence):
    """The first right call of some tries is drawn from the policy, restricted to the right calls."""
    for task, tries in zip(oracles.TASKS, (1, 3, 4, 2)):
        q, _ = oracles.first_right(task, tries)
        each = [{"q": q.__getitem__, "c": c} for c in oracles.CALLS]
        route = f"the first right call of {tries} tries, summed over all sequences of six calls"
        evidence.equation("eq-tools-kept", ROUNDING, route, each=each, sets=SETS, **oracles.named(task))


def test_tasks_found(evidence):
    """The chance of a right call in $k$ tries is that of not failing $k$ times."""
    for task in oracles.TASKS:
        each = [{"k": k, "f": oracles.first_right(task, k)[1]} for k in (1, 2, 3, 4)]
        evidence.equation("eq-tools-found", ROUNDING, "sums over all sequences of 1 to 4 calls", each=each,
                          s=oracles.named(task)["s"])  # fmt: skip
    found = evidence.printed("eq-tools-found").function()
    for text, value in (("0.125", 1 / 8), ("41", 100 * found(s=1 / 8, k=4)), ("0.000001", 1e-6)):
        evidence.shows(text, value)
    evidence.close(1e6 * found(s=1e-6, k=4), 4, 1e-4, "tasks in a million at s = 0.000001, 4 tries")
    evidence.shows("4", 1e6 * found(s=1e-6, k=4))
    tries = np.log(0.5) / np.log(0.98)
    evidence.equal(
        [bool(found(s=0.02, k=k) >= 0.5) for k in (34, 35)], [False, True], "even chance, s = 0.02"
    )
    for text, value in (("34.3", tries), ("35", np.ceil(tries)), ("0.5", 0.5), ("0.98", 1 - 0.02)):
        evidence.shows(text, value)


def progress(task, new):
    """Return what the symbols of the theorem stand for, for the policy of a task and new parameters."""
    later = oracles.named(task, new)
    kept, _ = oracles.first_right(task, 1)
    return oracles.named(task) | {"pi_prime": later["pi"], "s_prime": later["s"], "q": kept.__getitem__}


def test_progress(evidence):
    r"""$\log s'/s$ is at least the gain in the log-likelihood of the kept calls: the same if $\pi'/\pi$ is
    one number for all right calls, more otherwise."""
    rng, label = np.random.default_rng(10), "eq-tools-progress"
    several = [task for task in oracles.TASKS if task.right.sum() > 1]
    each = [progress(task, rng.normal(size=3)) for task in several for _ in range(20)]
    evidence.equation(label, ROUNDING, "random old and new policies of three tasks", each=each, sets=SETS)
    left, right = (evidence.printed(label).function(side=side, sets=SETS) for side in (0, 1))
    evidence.bounded([left(**one) - right(**one) for one in each], "left minus right", low=0, strict=True)
    even = []
    for task in oracles.TASKS:
        mass = task.policy(task.theta) * np.where(task.right, 1.3, rng.uniform(0.1, 2, 6))
        p = mass / mass.sum()
        one = progress(task, task.theta) | {"pi_prime": p.__getitem__, "s_prime": p[task.right].sum()}
        even.append(one)
    evidence.equation(label, ROUNDING, "one ratio for all right calls", tight=True, each=even, sets=SETS)


def test_round_of_many_tasks(evidence):
    """The best fit of one policy to the expected kept calls of 30 tasks raises their weighted sum of log s;
    the best fit to all calls, kept or not, leaves it as it is."""
    tasks = [oracles.Task(seed, right) for seed in range(10) for right in ((1, 4), (0,), (2, 3, 5))]
    for verified in (True, False):
        theta, gains = np.array([0.5, -0.5, 0.2]), []
        for _ in range(3):
            before = np.array([task.log_success(theta) for task in tasks])
            weights = 1 - (1 - np.exp(before)) ** 4
            theta = oracles.best_fit(tasks, weights, theta, verified)
            gains.append(weights @ (np.array([task.log_success(theta) for task in tasks]) - before))
        if verified:
            evidence.bounded(gains, "gains of three rounds, SciPy's best fits to right calls", low=1e-3)
        else:
            evidence.close(gains, 0, 1e-5, "gains of three rounds, best fits to all calls")


def test_direction(evidence):
    """The mean gradient of a kept call's log-likelihood is that of the chance of success, divided by it."""
    for task in oracles.TASKS:
        log_p = [lambda theta, c=c: log_softmax(task.features @ theta)[c] for c in oracles.CALLS]
        g = np.array([oracles.slopes(one, task.theta) for one in log_p])
        success = oracles.slopes(lambda theta: np.exp(task.log_success(theta)), task.theta)
        evidence.equation(
            "eq-tools-direction", 1e-8, "central differences of log π and of s", sets=SETS,
            g=g.__getitem__, partial_s_partial_theta=success, q=oracles.first_right(task, 1)[0].__getitem__,
            **oracles.named(task),
        )  # fmt: skip
    small = 1e-4
    pull = (1 - (1 - small) ** 4) / small
    evidence.close(pull, 4, 1e-3, "chance of being found over s, 4 tries, s = 0.0001: about k")


def test_loop(evidence):
    """The printed loop keeps, for each task, a call that it drew and whose result is the known answer, or
    nothing; it then fits the policy to the demonstrations and to what it kept."""
    rng = np.random.default_rng(3)
    kinds = rng.normal(size=(8, m.WIDTH))
    tasks, demos = m.make_tasks(200, kinds, rng), m.make_tasks(5, kinds, rng)
    drawn = []

    def record(tasks, calls):
        drawn.append(calls)
        return m.solved(tasks, calls)

    rounds = list(m.self_play(tasks, demos, 2, rng, keep=record))
    for (policy, kept), calls in zip(rounds[1:], drawn, strict=True):
        answers = [
            [oracles.calculator(*pair, call) for call in row] for pair, row in zip(tasks.numbers, calls)
        ]
        meant = [oracles.calculator(*pair, call) for pair, call in zip(tasks.numbers, tasks.meant)]
        firsts = [
            next((c for c, x in zip(row, got) if x == y), -1) for row, got, y in zip(calls, answers, meant)
        ]
        evidence.equal(kept.tolist(), firsts, "the first right call of 4 by fractions, 200 tasks")
        some = kept >= 0
        wording = np.concatenate([demos.wording, tasks.wording[some]])
        chosen = np.concatenate([demos.meant, kept[some]])
        slope = oracles.slopes(lambda flat: oracles.penalised(flat, wording, chosen), policy.ravel(), 1e-5)
        evidence.close(slope, 0, 0.02, "slopes of the penalised log-likelihood at the new policy")


def test_lucky_answers(evidence):
    """Two and two give 4 by adding and by multiplying; for 41 of the 81 pairs of numbers from 1 to 9 at least
    two of the eight calls agree."""
    evidence.equal(
        [oracles.calculator(2, 2, m.CALLS.index(call)) for call in ("a + b", "a * b")], [4, 4], "2 and 2"
    )
    pairs = np.array([(a, b) for a in range(1, 10) for b in range(1, 10)])
    found = m.tool(*pairs.T.astype(float))
    exact = [[float(oracles.calculator(*pair, call)) for call in range(8)] for pair in pairs.tolist()]
    evidence.close(found, exact, ROUNDING, "the calculator of the toy, all pairs, against fractions")
    same = [len(set(row)) < 8 for row in found.round(9).tolist()]
    evidence.shows("41", sum(same))
    evidence.shows("81", len(same))
    for text, value in (("1", pairs.min()), ("9", pairs.max()), ("2", 2)):
        evidence.shows(text, value)
    evidence.shows("4", found[pairs.tolist().index([2, 2]), 0])


def toy(way, demos, what):
    """Return a row for each seed and a column for each round."""
    return np.array([run[what] for run in RESULTS["toy"][way][str(demos)]], float)


def test_toy_rounds(evidence):
    """In the committed runs, ten seeds, self-play from 0, 5, 20 or 300 demonstrations gains in
    each run, and comes within 0.03 of the fully labelled set."""
    code = {name: (HERE / f"{name}.py").read_bytes() for name in ("experiment", "model")}
    digests = {name: hashlib.sha256(text).hexdigest() for name, text in code.items()}
    stored = {name: RESULTS["provenance"][name] for name in code}
    evidence.equal(stored, digests, "digests of experiment.py and model.py")
    for demos in ("0", "5", "20", "300"):
        accuracy, bound = toy("verified", demos, "accuracy"), toy("verified", demos, "bound")
        evidence.equal(accuracy.shape, (10, 5), "seeds, and rounds with the start")
        gain = accuracy[:, -1] - accuracy[:, 0]
        evidence.bounded(gain, f"gain of each run from {demos} demonstrations", low=0, strict=True)
        evidence.bounded(bound - accuracy[:, -1], "short of the fully labelled set", low=-0.03, high=0.03)
    for demos, first, last in (("5", "0.38", "0.85"), ("300", "0.81", "0.86")):
        means = toy("verified", demos, "accuracy").mean(axis=0)
        for text, value in ((demos, float(demos)), (first, means[0]), (last, means[-1])):
            evidence.shows(text, value)
    evidence.shows("0.86", toy("verified", "5", "bound").mean())


def test_toy_verifier(evidence):
    """Without comparing answers mean accuracy ends below its start, for 5, 20 and 300 examples."""
    for demos in ("5", "20", "300"):
        means = toy("unverified", demos, "accuracy").mean(axis=0)
        evidence.bounded(means[-1] - means[0], f"change of the mean, {demos} demonstrations", high=-0.01)
        verified = toy("verified", demos, "accuracy")
        evidence.close(toy("unverified", demos, "accuracy")[:, 0], verified[:, 0], 0, "the same starts")
    evidence.shows("5", 5)
    evidence.shows("0.33", toy("unverified", "5", "accuracy").mean(axis=0)[-1])


def test_toy_lucky(evidence):
    """Of the calls that the toy keeps from 5 demonstrations, the share of those not meant falls from round to
    round."""
    shares = toy("verified", 5, "unmeant")[:, 1:].sum(axis=0) / toy("verified", 5, "kept")[:, 1:].sum(axis=0)
    evidence.bounded(np.diff(shares), "steps of the share of calls not meant", high=0, strict=True)
    for text, value in (("5", 5), ("11", 100 * shares[0]), ("1", 100 * shares[-1])):
        evidence.shows(text, value)


def test_toy_short_run(evidence):
    """Two seeds of the toy, run again, give the committed numbers, up to a few tasks of 2,000."""
    for way, demos in (("verified", 5), ("unverified", 20)):
        again = trial.toy((demos,), range(2))[way][demos]
        found = np.array([run["accuracy"] for run in again])
        evidence.close(
            found, toy(way, demos, "accuracy")[:2], 0.005, f"accuracies, {way}, {demos} demonstrations"
        )
        kept = np.array([run["kept"] for run in again])
        evidence.close(kept, toy(way, demos, "kept")[:2], 10, f"calls kept, {way}, {demos} demonstrations")


def test_loss(evidence):
    """The loss weights the surprisal of the tokens from position $i$ on, given the prefixed text."""
    w = dict(enumerate(m.weights(20)))
    for seed in range(5):
        text, p = oracles.text_model(seed)
        for i, z in ((1, "none"), (3, "call"), (7, "result")):
            value = oracles.paper_loss(text, p, z, i)
            evidence.equation("eq-tools-loss", ROUNDING, "a loop over the tokens", L_i=lambda _, v=value: v,
                              x=text, p=p, z=z, i=i, n=len(text), w=w)  # fmt: skip


def test_weights(evidence):
    """The weights are 5/15, 4/15, 3/15, 2/15, 1/15 and then 0; undivided, their sum is 3."""
    raw = [max(Fraction(0), 1 - Fraction(t, 5)) for t in range(30)]
    exact = [float(x / sum(raw)) for x in raw]
    around = {t: float(max(0, 1 - Fraction(t, 5))) for t in range(-3, 30)}  # those below 0 must not count
    scope = {"w_tilde": around, "w": dict(enumerate(exact))}
    evidence.equation("eq-tools-weights", ROUNDING, "fractions, 30 tokens", sets={"u": range(-3, 30)},
                      each="t", t=range(30), **scope)  # fmt: skip
    evidence.close(m.weights(30), exact, ROUNDING, "the weights of the experiment")
    evidence.equal(
        [x / sum(raw) for x in raw[:6]], [Fraction(k, 15) for k in (5, 4, 3, 2, 1, 0)], "fractions"
    )
    evidence.shows("3", sum(raw))


def test_filter(evidence):
    """A call is kept if and only if its result brings the loss below both others by the threshold."""
    rng = np.random.default_rng(0)
    rows = [*rng.uniform(0, 3, (200, 3)), (2.0, 2.5, 1.0), (2.5, 2.0, 1.0), (2.0, 2.5, 1.25)]
    each = []
    for plain, bare, full in rows:
        losses = {"none": plain, "call": bare, "result": full}
        gain = plain - full if plain < bare else bare - full
        kept = int(plain - full >= 1 and bare - full >= 1)
        each.append({"L_i": losses.__getitem__, "G": gain, "kappa": kept})
    evidence.equation("eq-tools-filter", ROUNDING, "both differences, case by case, 203 triples", each=each,
                      varepsilon="none", z_c="call", z_r="result", tau_f=1)  # fmt: skip
    evidence.equal(sorted({one["kappa"] for one in each}), [0, 1], "both verdicts occur")


def gains(table):
    """Return the gains G of rows of three losses: no call, the call alone, the call with its result."""
    plain, bare, full = np.array(table).T
    return np.minimum(plain, bare) - full


def test_factor(evidence):
    """If the plain text is the better of the two without a result, $e^G$ is the weighted geometric mean of
    the factors by which the result changes the probabilities of the five next tokens."""
    w = dict(enumerate(m.weights(20)))
    for seed in range(5):
        text, p = oracles.text_model(seed)
        gain = oracles.paper_loss(text, p, "none", 2) - oracles.paper_loss(text, p, "result", 2)
        evidence.equation("eq-tools-factor", ROUNDING, "differences of the looped losses", G=gain, e=np.e,
                          x=text, p=p, varepsilon="none", z_r="result", i=2, w=w)  # fmt: skip
    evidence.shows("2.72", np.e)
    evidence.shows("20", np.exp(1 / m.weights(1)[0]))


def test_example(evidence):
    """The gains of the worked example and of the first variant, with the call where it stands and one token
    earlier."""
    rows = [[*pair, 0.5, 0.5, 0.5] for pair in ((0.1, 0.2), (0.9, 0.8), (0.2, 0.4), (0.4, 0.4), (0.8, 0.8))]
    for row in rows:
        evidence.prints(", ".join(map(str, row)))
    plain, result = np.array(rows[:2])
    here = m.weights(5) @ np.log(result / plain)
    earlier = m.weights(6)[1:] @ np.log(result / plain)
    plain, bare, result = np.log(rows[2:])
    asked, naive = m.weights(5) @ (result - bare), m.weights(5) @ (result - plain)
    for tex, gain in (
        (r"G = \frac{5}{15} \ln 9 + \frac{4}{15} \ln 4 \approx 1.10", here),
        (r"G = \frac{4}{15} \ln 9 + \frac{3}{15} \ln 4 \approx 0.86", earlier),
        (r"G = \frac{5}{15} \ln 2 + \frac{4}{15} \ln 2 \approx 0.42", asked),
        (r"G = \frac{5}{15} \ln 4 + \frac{4}{15} \ln 2 \approx 0.65", naive),
    ):
        route = "the weights times the logarithms of the ratios"
        evidence.equation(evidence.sentence(tex), ROUNDING, route, approx=0.005, G=gain)
    evidence.equal([bool(g >= 1) for g in (here, earlier)], [True, False], "kept at 1")
    evidence.equal([bool(g >= 0.5) for g in (min(asked, naive), naive)], [False, True], "kept at 0.5")


def test_real_filter(evidence):
    """In the committed run on SmolLM2-135M, 60 problems, right calls return the number of the text and wrong
    ones do not. Before the text, right calls gain and no wrong call reaches 0.5; inserted, none reaches 0.5,
    and more than nine in ten raise the loss."""
    found = {
        place: {n: gains(rows) for n, rows in calls.items()} for place, calls in RESULTS["filter"].items()
    }
    right, wrong = found["prefix"]["right"], found["prefix"]["wrong"]
    evidence.equal({len(rows) for calls in found.values() for rows in calls.values()}, {60}, "problems")
    evidence.bounded(right, "right calls, before the text", low=0, strict=True)
    evidence.bounded(wrong, "wrong calls, before the text", high=0.5, strict=True)
    evidence.bounded(right - wrong, "right less wrong, by problem", low=0, strict=True)
    problems = trial.cases(10)
    evidence.prints("".join(problems[QUOTED][:2]))
    for which, same in ((2, True), (3, False)):
        answers = [int(case[which][1]) == oracles.arithmetic(case[which][0]) for case in problems]
        evidence.equal(set(answers), {True}, "results of the calls, computed from their texts")
        number = [case[1].split()[0] == str(case[which][1]) for case in problems]
        evidence.equal(set(number), {same}, "is the result the number of the text?")
    passed = np.sum(right.reshape(6, 10) >= 0.5, axis=1)
    inserted = np.concatenate(list(found["inserted"].values()))
    evidence.bounded(inserted, "both, inserted", high=0.5, strict=True)
    plain, _, full = np.concatenate([rows for rows in RESULTS["filter"]["inserted"].values()]).T
    evidence.bounded(np.mean(full > plain), "share of inserted calls that raise the loss", low=0.9)
    values = {
        "60": 60, "0.5": 0.5, "0.72": np.median(right), "−0.11": np.median(wrong), "45": np.sum(right >= 0.5),
        "14": np.sum(right >= 1), "0.09": inserted.max(), "1": 1, "2": passed.min(), "10": passed.max(),
    }  # fmt: skip
    for text, value in values.items():
        evidence.shows(text, value)


def annotated(case, call, place):
    """Yield what stands before the text and the text up to the position of a call, for its three losses."""
    before, text, result = case[0], *call
    yield "", before
    for note in (f"{text}]", f"{text} -> {result}]"):
        yield (f"{note} ", before) if place == "prefix" else ("", f"{before} {note}")


@pytest.mark.library("transformers", "torch")
def test_network_losses(evidence):
    """On a random Llama of transformers that reads bytes the experiment's losses, without a call, with one
    before the text and with one in it, are the printed losses."""
    network = oracles.network()
    found = trial.annotate(network, lambda text: list(text.encode()), 1)

    def p(token, prefix, sofar):
        given = [256, *prefix.encode(), *np.atleast_1d(sofar).astype(int).tolist()]
        return np.exp(-oracles.surprisal(network, given, int(token)))

    for place, (name, which) in product(("prefix", "inserted"), (("right", 2), ("wrong", 3))):
        each = []
        for case, losses in zip(trial.cases(1), found[place][name], strict=True):
            for (z, before), value in zip(annotated(case, case[which], place), losses, strict=True):
                i = len(before.encode()) + 1
                x = np.array(list((before + case[1]).encode())[: i + 6])
                each.append({"L_i": lambda _, v=value: v, "x": x, "z": z, "i": i, "n": i + 5})
        evidence.equation("eq-tools-loss", 1e-9, f"PyTorch's cross entropy, {name} calls, {place}", each=each,
                          p=p, w=dict(enumerate(m.weights(60))))  # fmt: skip
