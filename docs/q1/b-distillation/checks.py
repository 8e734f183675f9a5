"""Checks of 1(b): the two losses of distillation, what is between them, and what they make of students."""

import hashlib
import json
import math
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from . import model as m
from .oracles import (
    Language,
    along,
    at,
    cross,
    exam,
    free_student,
    languages,
    laws,
    slope,
    small_trial,
    whole,
    words,
)

HERE = Path(__file__).parent
ROUNDING = 1e-12
WORDS = (1, 2, 3)  # 3 ends a sentence
SENTENCES = [y for size in (1, 2, 3) for y in product(WORDS, repeat=size)
             if 3 not in y[:-1] and (y[-1] == 3 or size == 3)]  # fmt: skip
PREFIXES = [u for size in (0, 1, 2) for u in product((1, 2), repeat=size)]


PAIRS = [languages(seed, SENTENCES) for seed in range(6)]


def test_word_loss(evidence):
    r"""$\mathcal{L}_{\mathrm{word}}$ is the sum of the cross-entropies $C(u)$ over the prefixes of
    $\mathbf{s}$, for random teachers, students and sentences."""
    each = [
        exam(pair, s=s, L=len(s), L_cal_word=along(pair, s)) for pair in PAIRS for s in SENTENCES
    ]  # fmt: skip
    evidence.equation("eq-1b-word", ROUNDING, "SciPy's entropies at each prefix", {"V": WORDS}, each=each)


def test_kl(evidence):
    r"""The cross-entropy $C(u)$ is $\KL(p_T \relto p_S)$ plus the entropy of the teacher."""
    each = [
        {"p_T": pair.teacher, "p_S": pair.student, "u": u, "C": lambda u, pair=pair: -float(
            pair.teacher.row(u) @ np.log(pair.student.row(u))),
         "H": lambda u, pair=pair: entropy(pair.teacher.row(u))}
        for pair in PAIRS for u in PREFIXES
    ]  # fmt: skip
    route = "a product of vectors, and SciPy's entropy"
    evidence.equation("eq-1b-kl", ROUNDING, route, {"V": WORDS, "cdot": WORDS}, each=each)


def test_gradient(evidence):
    """The derivative of the cross-entropy by a logit is the student's probability less the teacher's."""
    rng, each = np.random.default_rng(0), []
    for teacher, z in zip(rng.dirichlet(np.ones(4), 8), rng.normal(0, 2, (8, 4))):
        found = slope(lambda z: -teacher @ log_softmax(z), z)
        rows = {"p_T": {0: teacher}, "p_S": {0: softmax(z)}}  # at the one prefix 0
        both = {name: lambda k, u, table=table: table[u][k - 1] for name, table in rows.items()}
        each += [{"partial_C_partial_z_k": found[k - 1], "k": k, "u": 0} | both for k in (1, 2, 3, 4)]
    evidence.equation("eq-1b-gradient", 1e-8, "central differences, 8 positions of 4 words", each=each)


def test_hard_target(evidence):
    """For a teacher that puts 1 on each word of the sentence, the word-level loss is the NLL."""
    each = []
    for pair, s in product(PAIRS, SENTENCES):
        hard = SimpleNamespace(teacher=Language({s: 1.0}), student=pair.student)
        each.append(exam(hard, s=s, L=len(s), L_cal_word=-math.log(pair.student.joint[s])))
    route = "the NLL of whole sentences from the joint table"
    evidence.equation("eq-1b-word", ROUNDING, route, {"V": WORDS}, each=each)


def test_mixed_targets(evidence):
    """The NLL and the distillation loss, weighted, are one cross-entropy against the mixed target."""
    each = []
    for pair, u, word, alpha in product(PAIRS, PREFIXES, WORDS, (0, 0.3, 1)):
        mixed = (1 - alpha) * np.eye(3)[word - 1] + alpha * pair.teacher.row(u)
        each += [
            {"p_T": pair.teacher, "p_S": pair.student, "u": u, "s": [0, word], "j": 2, "alpha": alpha,
             "k": k, "m": mixed, "C": lambda u, pair=pair: at(pair, u)}
            for k in WORDS
        ]  # fmt: skip
    evidence.equation("eq-1b-mix", ROUNDING, "C by SciPy, the target by NumPy", {"V": WORDS}, each=each)


def test_temperature(evidence):
    r"""The gradient of the softened loss with its $\tau^2$ is $\tau(q - p)$, and for
    $\tau \to \infty$ it tends, for any logits of three words, to the difference of the centred ones, over
    $n$."""
    rng, printed = np.random.default_rng(0), evidence.printed("eq-1b-tempered").function(statement=2)
    each = []
    for v, z, tau in zip(*rng.normal(0, 2, (2, 9, 4)), np.geomspace(0.3, 30, 9)):
        p, q = softmax(v / tau), softmax(z / tau)
        scope = {"v": v, "z": z, "tau": tau, "n": 4, "e": np.e, "p": p, "q": q}
        scope["C_tau"] = tau**2 * cross(p, q)
        found = slope(lambda z: printed(**scope | {"q": softmax(z / tau)}), z)
        each += [scope | {"k": k, "partial_C_tau_partial_z_k": found[k - 1]} for k in (1, 2, 3, 4)]
    evidence.equation("eq-1b-tempered", ROUNDING, "SciPy's softmax and entropies", each=each)
    route = "central differences of the printed loss"
    evidence.equation("eq-1b-tempered-gradient", 1e-7, route, each=each)
    (v, z), small = np.array(sp.symbols("v:3 z:3", real=True)).reshape(2, 3), sp.Symbol("h", positive=True)
    for k in range(3):
        rows = [sp.exp(row[k] * small) / sum(sp.exp(a * small) for a in row) for row in (z, v)]
        limit = sp.diff(rows[0] - rows[1], small).subs(small, 0)  # of (q − p)/h for h = 1/τ → 0
        evidence.identity(
            "eq-1b-limit", f"derivative of q − p in 1/τ at 0, word {k + 1} of any three", g=[0] * k + [limit],
            k=k + 1, n=3, z=list(z), v=list(v), z_bar=sum(z) / 3, v_bar=sum(v) / 3,
        )  # fmt: skip


def test_temperature_table(evidence):
    r"""Without $\tau^2$ the gradient of the example falls by factors that rise to 3.99 when $\tau$ doubles
    up to 16; with it its length at $\tau = 1000$ is that of the limit, 0.5590."""
    v, taus = np.array([2.0, 1, 0, -1]), np.array([1, 2, 4, 8, 16])
    slopes = [slope(lambda z: cross(softmax(v / t), softmax(z / t)), np.zeros(4)) for t in taus]
    plain = np.linalg.norm(slopes, axis=1)
    table = evidence.table(r"$\tau$")
    evidence.equal(table["without $\\tau^2$"], [f"{x:.4f}" for x in plain], "central differences")
    evidence.equal(table["with $\\tau^2$"], [f"{x:.4f}" for x in plain * taus**2], "the same, times τ²")
    factors = np.divide(plain[:-1], plain[1:])
    evidence.bounded(np.diff([*factors, 4]), "steps of the factors per doubling, and from there to 4", low=0)
    for text, value in (("3.58", factors[0]), ("3.99", factors[-1])):
        evidence.shows(text, value)
    limit, far = np.linalg.norm(v - v.mean()) / 4, np.linalg.norm(softmax(v / 1000) - 0.25) * 1000
    evidence.close(far, limit, 1e-6, "length at τ = 1000 against that of the centred logits, over 4")
    evidence.shows("0.5590", limit)


def test_sequence_loss(evidence):
    r"""$\mathcal{L}_{\mathrm{seq}}$ is the cross-entropy over whole sentences, hence their KL plus the
    entropy of the teacher; a sentence has the product of its next-word probabilities."""
    sets = {"T_cal": SENTENCES, "cdot": SENTENCES}
    each = [exam(pair, L_seq=whole(pair)) for pair in PAIRS]
    evidence.equation("eq-1b-seq", ROUNDING, "SciPy's entropies of the 15 sentences", sets, each=each)
    each = [
        {"p_T": pair.teacher, "p_S": pair.student,
         "L_seq": -float(pair.teacher.vector() @ np.log(pair.student.vector()))} for pair in PAIRS
    ]  # fmt: skip
    evidence.equation("eq-1b-seq-kl", ROUNDING, "a product of vectors", sets, each=each)
    each = [{"p": pair.teacher, "y": y, "ell": len(y)} for pair in PAIRS for y in SENTENCES]
    evidence.equation("eq-1b-product", ROUNDING, "conditionals summed from a random joint table", each=each)


def test_count(evidence):
    """There are about $10^{90}$ sentences of 20 words from 32,000."""
    evidence.bounded(len(str(32_000**20)) - 1, "power of ten of the integer", low=90, high=90)
    evidence.shows("32000", 32_000)
    evidence.shows("20", 20)
    evidence.shows(r"1.3 \times 10^{90}", 32_000**20)
    evidence.equal(len(m.sentences(m.TEACHER)), 2**3, "sentences of the example, enumerated")


def test_chain(evidence):
    r"""Exact $\mathcal{L}_{\mathrm{seq}}$ is the mean of $\mathcal{L}_{\mathrm{word}}$ over sentences of
    the teacher, and not over those of the student."""
    each = [
        {"p_T": pair.teacher, "L_seq": whole(pair), "w_T": pair.teacher.begins,
         "L_word": lambda y, pair=pair: along(pair, words(y)),
         "C": lambda u, pair=pair: at(pair, u)} for pair in PAIRS
    ]  # fmt: skip
    sets = {"y": SENTENCES, "u": PREFIXES}
    route = "SciPy's cross-entropy of the 15 sentences against those at each prefix"
    evidence.equation("eq-1b-chain", ROUNDING, route, sets, each=each)
    others = [sum(pair.student.joint[y] * along(pair, y) for y in SENTENCES) - whole(pair) for pair in PAIRS]
    evidence.bounded(np.abs(others), "change if the student writes the sentences", low=0.01)
    found = m.weights(m.TEACHER)
    teacher = Language(m.sentences(m.TEACHER))
    evidence.close(
        list(found.values()), [teacher.begins(u) for u in found], ROUNDING, "weights in the figure"
    )


def test_mode(evidence):
    r"""$\mathcal{L}_{\mathrm{mode}}$ is what is left of $\mathcal{L}_{\mathrm{seq}}$ if the teacher is
    replaced by all mass on $\hat y$, and the sum of the NLL of its words."""
    each = []
    for pair in PAIRS:
        best = max(SENTENCES, key=pair.teacher.joint.get)
        mass = dict.fromkeys(SENTENCES, 0.0) | {best: 1.0}
        point = SimpleNamespace(teacher=Language(mass), student=pair.student)
        left = evidence.printed("eq-1b-seq").function(sets={"T_cal": SENTENCES})(**exam(point, L_seq=0))
        each.append(exam(pair, y_hat=best, L_hat=len(best), L_cal_mode=left))
    evidence.equation(
        "eq-1b-mode", ROUNDING, "the printed eq-1b-seq for a point mass, all 15 terms", each=each
    )


def test_optima(evidence):
    r"""Free students trained on the word-level and the exact loss become those of the example's figure and
    table; on the mode loss $p_S(\hat y)$ tends to 1."""
    for loss in ("word", "exact"):
        found, known = free_student(loss), m.trained(loss)
        gaps = [found[u] - known[u] for u in known]
        evidence.close(gaps, 0, 2e-6, f"BFGS on the {loss} loss from uniform rows, all seven rows")
    best, chance = max(m.sentences(free_student("mode")).items(), key=lambda item: item[1])
    evidence.equal(best, max(m.sentences(m.TEACHER), key=m.sentences(m.TEACHER).get), "its sentence")
    evidence.bounded(chance, "mass on it after training on the mode loss", low=0.9999, high=1)


def test_example(evidence):
    """The table of the three students is right."""
    table = evidence.table("trained on")
    names = {"word": "word level, $abb$", "exact": "exact", "mode": "mode"}
    teacher, best = m.sentences(m.TEACHER), (2, 1, 1)
    for loss, name in names.items():
        rows = m.trained(loss)
        student = m.sentences(rows)
        p, q = (np.array([law[y] for y in teacher]) for law in (teacher, student))
        values = [m.word_loss(m.TEACHER, rows, m.REFERENCE), cross(p, q), -math.log(student[best]),
                  entropy(q), np.abs(p - q).sum() / 2]  # fmt: skip
        cells = ["∞" if math.isinf(value) else f"{abs(value):.3f}" for value in values]
        evidence.equal(table[name], cells, f"SciPy's entropies over the eight sentences, {loss}")


def test_variation(evidence):
    r"""A point mass on any sentence $\hat y$ has the total variation distance $1 - p_T(\hat y)$ from the
    teacher."""
    each = [
        {"p_T": pair.teacher, "p_S": Language(dict.fromkeys(SENTENCES, 0.0) | {best: 1.0}), "y_hat": best}
        for pair in PAIRS for best in SENTENCES
    ]  # fmt: skip
    route = "random teachers, each of the 15 sentences"
    evidence.equation("eq-1b-variation", ROUNDING, route, {"T_cal": SENTENCES}, each=each)


def test_beam_search(evidence):
    """In the example greedy search finds $aaa$ (0.198), and a beam of two the mode $baa$ (0.288)."""
    every = m.sentences(m.TEACHER)
    greedy, two = m.beam_search(m.TEACHER, 1), m.beam_search(m.TEACHER, 2)
    walk = ()
    while walk in m.TEACHER:
        walk += (int(np.argmax(m.TEACHER[walk])) + 1,)
    evidence.equal((greedy[0], walk), ((1, 1, 1), (1, 1, 1)), "beam of one, and the likeliest word each time")
    best = max(every, key=every.get)
    evidence.equal((two[0], best), ((2, 1, 1), (2, 1, 1)), "beam of two, and all eight sentences")
    evidence.close(sum(every.values()), 1, ROUNDING, "mass of the eight sentences")
    for text, value in (("0.198", every[greedy[0]]), ("0.288", every[best])):
        evidence.shows(text, value)


def test_interpolation(evidence):
    r"""The NLL of the reference and $\mathcal{L}_{\mathrm{seq}}$, weighted, are one cross-entropy against
    a mixture of distributions over sentences."""
    each = []
    for pair, place, alpha in product(PAIRS, (0, 4, 9), (0, 0.25, 1)):
        p, q = pair.teacher.vector(), pair.student.vector()
        mixed = (1 - alpha) * np.eye(15)[place] + alpha * p
        each += [
            {"p_T": lambda y, p=p: p[y], "p_S": lambda y, q=q: q[y], "m": lambda y, mixed=mixed: mixed[y],
             "s": place, "y": y, "alpha": alpha, "L_seq": cross(p, q)}
            for y in range(15)
        ]  # fmt: skip
    sets = {"T_cal": range(15)}
    evidence.equation("eq-1b-interpolation", ROUNDING, "SciPy's cross-entropy", sets, each=each)


def test_reverse(evidence):
    """The KL in the other direction is the sum of those at the prefixes, weighted by the student; weighted
    by the teacher it is not."""
    each = []
    for pair in PAIRS:
        divergence = lambda u, pair=pair: entropy(pair.student.row(u), pair.teacher.row(u))  # noqa: E731
        each.append({"p_T": pair.teacher, "p_S": pair.student, "w_S": pair.student.begins, "R": divergence})
        weighted = sum(pair.teacher.begins(u) * divergence(u) for u in PREFIXES)
        gap = weighted - entropy(pair.student.vector(), pair.teacher.vector())
        evidence.bounded(abs(gap), "change if the teacher writes the sentences", low=0.01)
    sets = {"u": PREFIXES, "cdot": SENTENCES}
    evidence.equation("eq-1b-reverse", ROUNDING, "SciPy's KL at each prefix", sets, each=each)


def test_variant(evidence):
    """In Variant 2 all losses are 1.386, and the three derivatives at the prefix a are as stated."""
    teacher = Language({(1, 1): 0.4, (1, 2): 0.1, (2, 1): 0.3, (2, 2): 0.2})
    uniform = dict.fromkeys(((), (1,), (2,)), np.zeros(2))

    def losses(z):
        logs = {u: log_softmax(row) for u, row in uniform.items()} | {(1,): log_softmax([z, 0])}
        law = {y: logs[()][y[0] - 1] + logs[y[:1]][y[1] - 1] for y in teacher.joint}
        soft = [-sum(teacher(k, u) * logs[u][k - 1] for k in (1, 2)) for u in ((), (1,))]
        return np.array([sum(soft), -sum(p * law[y] for y, p in teacher.joint.items()), -law[1, 1]])

    evidence.close(losses(0.0), 1.386, 5e-4, "the three losses of the uniform student")
    found = (losses(1e-5) - losses(-1e-5)) / 2e-5
    for text, value in zip(("-0.3", "-0.15", "-0.5"), found, strict=True):
        evidence.close(value, float(text), 1e-8, f"central difference against {text}")
    for text, value in (("1.386", losses(0.0)[0]), ("0.3", -found[0]), ("0.15", -found[1])):
        evidence.shows(text, value)
    evidence.shows("0.4", teacher.joint[1, 1])
    evidence.shows("0.5", teacher.begins((1,)))


@pytest.mark.library("torch")
def test_torch(evidence):
    r"""In torch kl_div of $\log p_S$ and $p_T$ is $\KL(p_T \relto p_S)$; "mean" divides by positions and
    words, "batchmean" by the first axis. Autograd gives word-level loss and KL the same gradient,
    $p_S - p_T$."""
    import torch
    from torch.nn.functional import kl_div

    v, z = torch.as_tensor(np.random.default_rng(0).normal(0, 2, (2, 2, 5, 7)))
    p, q = (softmax(logits.numpy(), axis=-1) for logits in (v, z))
    known = entropy(p, q, axis=-1)
    z.requires_grad_()
    for reduction, divisor in (("sum", 1), ("batchmean", 2), ("mean", 2 * 5 * 7)):
        with pytest.warns(UserWarning) if reduction == "mean" else nullcontext():
            found = kl_div(z.log_softmax(-1), v.softmax(-1), reduction=reduction)
        evidence.close(found.item(), known.sum() / divisor, ROUNDING, f"SciPy's KL, reduction {reduction}")
    turned = kl_div(v.log_softmax(-1), z.softmax(-1), reduction="sum").item()
    evidence.bounded(abs(turned - known.sum()), "change if the arguments are exchanged", low=0.1)
    losses = {
        "word-level loss": -(v.softmax(-1) * z.log_softmax(-1)).sum(),
        "KL": kl_div(z.log_softmax(-1), v.softmax(-1), reduction="sum"),
    }
    for name, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss, z, retain_graph=True)
        evidence.close(gradient.numpy(), q - p, ROUNDING, f"autograd of the {name}, 10 positions")


@pytest.mark.library("trl", "torch")
def test_trl(evidence):
    r"""The loss of trl's GKDTrainer, given no count, is the mean KL over unmasked positions, teacher first
    for beta 0 and student first for beta 1, with no $\tau^2$; 0.001 from either end it is about 1,000 times
    smaller. The trainer computes it at $\tau = 1$ though its temperature is 3."""
    from unittest.mock import Mock

    import torch
    from trl.experimental.gkd import GKDTrainer

    v, z = torch.as_tensor(np.random.default_rng(1).normal(0, 2, (2, 2, 5, 7)))
    labels = torch.tensor([[-100, -100, 3, 1, 2], [-100, 4, 5, -100, -100]])
    kept = (labels != -100).numpy()
    for tau in (1.0, 3.0):
        p, q = (softmax(logits.numpy() / tau, axis=-1)[kept] for logits in (v, z))
        known = {0: entropy(p, q, axis=-1).mean(), 1: entropy(q, p, axis=-1).mean()}
        for beta, value in known.items():
            found = GKDTrainer.generalized_jsd_loss(z, v, labels, beta=beta, temperature=tau).item()
            evidence.close(found, value, ROUNDING, f"SciPy's KL, beta {beta}, temperature {tau:g}")
        for beta, end in ((0.001, 0), (0.999, 1)):
            near = GKDTrainer.generalized_jsd_loss(z, v, labels, beta=beta, temperature=tau).item()
            route = f"beta {beta} over beta {end}, temperature {tau:g}"
            evidence.bounded(near / known[end], route, low=9e-4, high=1e-3)
    evidence.shows("0.001", near / known[1])
    evidence.shows("0.999", beta)
    models = [Mock(return_value=SimpleNamespace(logits=logits)) for logits in (z, v)]
    trainer = Mock(teacher_model=models[1], beta=0, temperature=3.0, args=Mock(temperature=3.0),
                   generalized_jsd_loss=GKDTrainer.generalized_jsd_loss)  # fmt: skip
    inputs = {"input_ids": labels, "attention_mask": labels, "labels": labels}
    found = GKDTrainer.compute_loss(trainer, models[0], inputs).item()
    p, q = (softmax(logits.numpy(), axis=-1)[:, :-1][kept[:, 1:]] for logits in (v, z))
    evidence.close(found, entropy(p, q, axis=-1).mean(), ROUNDING, "SciPy's KL at τ = 1, loss of the trainer")


def test_experiment(evidence):
    """The committed runs carry the digest of experiment.py. In every run the exact loss has a smaller KL
    than the word level, and the mode a larger one than the references. The mode student's greedy output has
    most mass in every run, and is the teacher's mode most often in four of five."""
    document = json.loads((HERE / "results.json").read_text())
    digest = hashlib.sha256((HERE / "experiment.py").read_bytes()).hexdigest()
    evidence.equal(document["provenance"]["experiment"], digest, "digest of experiment.py")
    runs = document["results"].values()
    found = {
        kind: {name: np.array([run[kind][name] for run in runs]) for name in ("divergence", "own", "mode")}
        for kind in next(iter(runs))
    }
    kl = {kind: values["divergence"] for kind, values in found.items()}
    evidence.bounded(kl["word"] - kl["exact"], "KL, word level less exact, each run", low=0, strict=True)
    evidence.bounded(kl["mode"] - kl["reference"], "KL, mode less references", low=0, strict=True)
    rest = np.max([values["own"] for kind, values in found.items() if kind != "mode"], axis=0)
    evidence.bounded(found["mode"]["own"] - rest, "mass of the greedy output, mode less the rest", low=0.1)
    rest = np.max([found[kind]["mode"] for kind in ("reference", "word", "exact", "sample")], axis=0)
    evidence.equal(int((found["mode"]["mode"] > rest).sum()), 4, "runs that the mode student wins")
    evidence.equal(len(runs), 5, "runs")
    means = {"exact": "0.23", "word": "0.25", "sample": "0.25", "reference": "1.08", "mode": "2.94"}
    for kind, text in means.items():
        evidence.shows(text, kl[kind].mean())
    for kind, text in (("mode", "0.60"), ("teacher", "0.22"), ("exact", "0.20")):
        evidence.shows(text, found[kind]["own"].mean())
    for kind, text in (("mode", "60"), ("exact", "56"), ("word", "52"), ("reference", "29")):
        evidence.shows(text, 100 * found[kind]["mode"].mean())


@pytest.mark.library("torch")
def test_short_run(evidence):
    """The losses of the experiment are those of loops over the prefixes, the sampled one on average, and a
    short training on each loss lowers that loss."""
    t = small_trial()
    inputs, drawn, teacher = t.part

    def loss(kind, student=t.student):
        return t.trial.loss(kind, student, teacher, drawn, t.short).item()

    every = list(product((1, 2, 3), repeat=3))
    known = {kind: [] for kind in ("reference", "word", "exact", "mode")}
    for one, other, number in zip(*t.tables, drawn.tolist()):
        p, q = laws(one), laws(other)
        known["reference"].append(-math.log(q[number]))
        known["word"].append(m.word_loss(one, other, every[number]))
        known["exact"].append(cross(p, q))
        known["mode"].append(-math.log(q[p.argmax()]))
    for kind, values in known.items():
        evidence.close(loss(kind), np.mean(values), 1e-5, f"loops over 60 inputs, loss {kind}")
    draws = np.array([loss("sample") for _ in range(400)])
    error = (draws.mean() - np.mean(known["exact"])) / (draws.std(ddof=1) / 20)
    evidence.bounded(abs(error), "standard errors, mean of 400 sampled losses less exact", high=4)
    evidence.bounded(draws.std(), "standard deviation of the sampled loss", low=0.01)
    for kind in t.trial.LOSSES:
        logs = t.trial.train(kind, 1, t.part, t.short)(inputs).log_softmax(-1)
        evidence.bounded(loss(kind) - loss(kind, logs), f"fall of the loss {kind} in 40 steps", low=0.1)


@pytest.mark.library("torch")
def test_evaluation(evidence):
    """What the experiment measures of a student, its KL, its entropy, the mass of its greedy output and how
    often this is the teacher's mode, is what loops over sentences give."""
    t = small_trial()
    every, values = list(product((1, 2, 3), repeat=3)), []
    for one, other in zip(*t.tables):
        p, q = laws(one), laws(other)
        output = every.index(m.beam_search(other, 1)[0])
        values.append((entropy(p, q), entropy(q), q[output], output == p.argmax()))
    found = t.trial.evaluate(t.start, t.part, t.short)
    for name, value in zip(("divergence", "entropy", "own", "mode"), np.mean(values, axis=0)):
        evidence.close(found[name], value, 1e-6, f"SciPy's entropies, a beam of one; 60 inputs, {name}")
