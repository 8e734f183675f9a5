"""Checks of 3(a): the gated update as matrices, its rank, its gradient, and what the gradient is worth."""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp

from . import model as m
from . import oracles

ROUNDING = 1e-12
SHAPES = ((4, 3), (3, 5), (4, 4), (2, 6), (6, 2))  # n, m


SAMPLES = [oracles.sample(seed, *shape) for seed, shape in enumerate(SHAPES)]


def change(s, **other):
    """Return the update of a sample, entry by entry, with some of its values replaced."""
    return m.update(**vars(s) | other)


def scope(s):
    """Return what the symbols of the update stand for in a sample."""
    hats = {"alpha_hat": oracles.outer(s.alpha, s.gamma), "beta_hat": oracles.outer(s.beta, s.delta)}
    return vars(s) | hats | {"r": m.softmax(s.alpha), "Delta_W": change(s)}


def test_update(evidence):
    """The update, read as products of matrices, is the same entry by entry."""
    route = "loops over entries, five shapes"
    evidence.equation("eq-3a-update", ROUNDING, route, each=[scope(s) for s in SAMPLES])


def test_slip(evidence):
    r"""With $\alpha, \beta$ of length $m$ and $\gamma, \delta$ of length $n$ the formula has no value for a
    matrix that is not square. With transposed outer products it has one, and the softmax runs over the
    columns; for a square matrix that is another update."""
    hat, bias, whole = (evidence.printed("eq-3a-update").function(row) for row in (1, 2, 0))
    refused = []
    for s in SAMPLES:
        n, m_ = s.G.shape
        hats = {"alpha_hat": hat(alpha=s.gamma, gamma=s.alpha), "beta_hat": bias(beta=s.delta, delta=s.beta)}
        turned = {name: outer.T for name, outer in hats.items()}
        found = whole(**turned, eta=s.eta, G=s.G)
        loops = m.update(s.gamma, s.delta, s.alpha, s.beta, s.eta, s.G.T).T
        evidence.close(found, loops, ROUNDING, f"outer products transposed, {n} × {m_}, entry by entry")
        evidence.close((turned["alpha_hat"] / s.alpha[:, None]).sum(axis=1), 1, ROUNDING, "sums over columns")
        if n == m_:
            apart = np.abs(found - whole(**{k: v.T for k, v in turned.items()}, eta=s.eta, G=s.G)).max()
            evidence.bounded(apart, "square: distance of the two repairs", low=0.1)
            continue
        with pytest.raises(Exception, match=f"elementwise product of {m_}×{n} and {n}×{m_}"):
            whole(**hats, eta=s.eta, G=s.G)
        refused.append((n, m_))
    evidence.equal(refused, [(4, 3), (3, 5), (2, 6), (6, 2)], "shapes for which the formula has no value")


def test_scaling(evidence):
    """A mask of rank one scales rows and columns, and no more: for any entries, and on random matrices."""
    route = "loops over entries, five shapes"
    evidence.equation("eq-3a-scaling", ROUNDING, route, each=[scope(s) for s in SAMPLES])
    r, gamma = (np.array(sp.symbols(names, real=True)) for names in ("r1:4", "c1:3"))
    G = np.array(sp.symbols("g1:7", real=True)).reshape(3, 2)
    entries = np.array([[weight * c for c in gamma] for weight in r])
    evidence.identity("eq-3a-scaling", "SymPy, any r, 3 × 2", r=r, gamma=gamma, G=G, alpha_hat=entries)


def test_mask(evidence):
    """Row weights are positive and add up to one, a column of the mask has one sign, and where the gradient
    is zero the masked gradient is zero, while the update is not."""
    printed = evidence.printed("eq-3a-update").function(1)
    for s in SAMPLES:
        found = printed(alpha=s.alpha, gamma=s.gamma)
        evidence.bounded(found / s.gamma, "row weights, by column", low=0, strict=True)
        evidence.close(found.sum(axis=0), s.gamma, ROUNDING, "column sums of the mask against γ")
    s = SAMPLES[0]
    G = np.where(np.eye(4, 3, dtype=bool), s.G, 0)
    moved, plain = change(s, G=G), change(s, G=G, delta=np.zeros(3))
    evidence.equal((plain != 0).tolist(), (G != 0).tolist(), "entries that move without the bias")
    evidence.bounded(np.abs(moved).min(), "smallest move of an entry with the bias", low=1e-4)


def test_rank(evidence):
    r"""The mask keeps the rank if no $\gamma_j$ is zero and can lower it otherwise; the update has at most
    one rank more than the gradient, and can reach that. Ranks are computed exactly."""
    rng, each, kept, most = np.random.default_rng(0), [], [], []
    shapes = ((5, 4, 2), (4, 6, 1), (6, 5, 3), (3, 3, 3), (4, 4, 0))
    for n, m_, rank in shapes:
        masked, whole = oracles.exactly(
            rng, oracles.low_rank(rng, n, m_, rank), sp.Matrix(rng.choice([-2, -1, 3], m_))
        )
        kept.append(masked.rank())
        most.append(min(rank + 1, n, m_))
        each.append({"Delta_W": whole.rank(), "G": rank})
    evidence.equal(kept, [rank for *_, rank in shapes], "ranks after the mask, no γ_j zero")
    route = "SymPy's exact ranks, that of G from 0 to 3"
    evidence.equation("eq-3a-rank", 0, route, each=each, rank=lambda found: found)
    below = [one for one, (n, m_, rank) in zip(each, shapes) if rank < min(n, m_)]
    evidence.equation("eq-3a-rank", 0, "the same where there is room", each=below, tight=True,
                      rank=lambda found: found)  # fmt: skip
    evidence.equal([one["Delta_W"] for one in each], most, "ranks of the updates: one more, or full")
    blind, _ = oracles.exactly(rng, oracles.low_rank(rng, 4, 3, 2), sp.Matrix([1, 0, 0]))
    evidence.bounded(int(blind.rank()), "rank left of 2 if two γ_j are zero", high=1)


def test_outer(evidence):
    r"""The gradient of a layer that is used at $T$ positions is a sum of $T$ outer products."""
    each = []
    for T, n, m_ in ((1, 4, 3), (2, 5, 6), (3, 4, 7)):
        rng = np.random.default_rng(T)
        u, W, loss = rng.normal(size=(T, m_)), rng.normal(size=(n, m_)), oracles.reader(n, T)
        d = oracles.slopes(loss, u @ W.T)
        G = oracles.slopes(lambda W: loss(u @ W.T), W)
        each.append({"G": G, "d": list(d), "u": list(u), "T": T})
    route = "central differences of a loss, by the matrix and by the outputs of its layer"
    evidence.equation("eq-3a-outer", 1e-8, route, each=each)
    one = each[0]["G"]
    minors = one[:-1, :-1] * one[1:, 1:] - one[:-1, 1:] * one[1:, :-1]
    evidence.close(minors, 0, 1e-8, "one position: minors of the gradient")


def test_logits(evidence):
    r"""The gradient of $-\log p_a$ with respect to the logits is $p - e_a$."""
    z = sp.symbols("z1:5", real=True)
    p = [sp.exp(one) / sum(map(sp.exp, z)) for one in z]
    for a in range(1, 5):
        for c in range(1, 5):
            slope = sp.diff(-sp.log(p[a - 1]), z[c - 1])
            evidence.identity("eq-3a-logits", "SymPy, four classes, any logits", a=a, c=c, p=p,
                              partial_L_partial_z_c=slope)  # fmt: skip


def test_target(evidence):
    r"""The gradient of the old answer starts from a vector of length at most $\sqrt{2}\, (1 - p_y)$, that of
    the new one from a length of at least $\sqrt{2}\, p_y$; both bounds are met by two classes."""
    rng, each = np.random.default_rng(0), []
    for p in rng.dirichlet(np.full(6, 0.4), 200):
        y, a = (int(place) + 1 for place in rng.permutation(6)[:2])
        each.append(
            {"p": p, "e": np.eye(6), "y": y, "a": a, "e_y": np.eye(6)[y - 1], "e_a": np.eye(6)[a - 1]}
        )
    evidence.equation("eq-3a-target", ROUNDING, "200 random distributions over six classes", each=each)
    pair = {"p": np.array([0.99, 0.01]), "y": 1, "a": 2, "e": np.eye(2)}
    evidence.equation("eq-3a-target", ROUNDING, "two classes, where both are met", tight=True, **pair)
    printed = evidence.printed("eq-3a-target")
    old, new = (printed.function(row)(**pair) for row in (0, 1))
    evidence.shows("0.99", pair["p"][0])
    evidence.bounded(0.0142 - old, "0.0142, less the bound", low=0, high=1e-4)
    for text, value in (("0.0142", 0.0142), ("1.400", new)):
        evidence.shows(text, value)


def test_special_cases(evidence):
    r"""With a uniform mask and no bias the update is one step of gradient descent; with $\gamma = 0$ it is a
    matrix of rank one that does not depend on the gradient."""
    for s in SAMPLES:
        n, m_ = s.G.shape
        gamma = np.full(m_, -n * 0.3 / m.sigmoid(s.eta))
        step = change(s, alpha=np.zeros(n), gamma=gamma, delta=np.zeros(m_))
        evidence.close(step, -0.3 * s.G, ROUNDING, "uniform mask, no bias, against −0.3 G")
        bias = change(s, gamma=np.zeros(m_))
        evidence.equal(bias.tolist(), change(s, gamma=np.zeros(m_), G=s.G + 1).tolist(), "another gradient")
        outer = np.outer(m.softmax(s.beta), s.delta) * m.sigmoid(s.eta)
        evidence.close(bias, outer, ROUNDING, "γ = 0, against an outer product")


def test_redundant(evidence):
    r"""The update is the same if a constant is added to $\alpha$ or $\beta$, or if the gate is changed and
    $\gamma, \delta$ make up for it, or if the masked gradient is subtracted and the offset not gated, with
    the sign of $\gamma$ changed and the gate in $\delta$."""
    for s in SAMPLES:
        same = change(s)
        evidence.close(change(s, alpha=s.alpha + 3, beta=s.beta - 5), same, ROUNDING, "α + 3, β − 5")
        for eta in (-4.0, 0.0, 6.0):
            factor = m.sigmoid(s.eta) / m.sigmoid(eta)
            other = change(s, eta=eta, gamma=factor * s.gamma, delta=factor * s.delta)
            evidence.close(other, same, ROUNDING, f"gate of η = {eta:g}, made up for")
        scale = m.sigmoid(s.eta)
        mask, offset = np.outer(m.softmax(s.alpha), -s.gamma), np.outer(m.softmax(s.beta), scale * s.delta)
        evidence.close(
            -scale * mask * s.G + offset, same, ROUNDING, "mask subtracted, offset outside the gate"
        )


def test_gate(evidence):
    """The gate bounds the update, and the bound is met where one row and one column do everything; with the
    vectors as they are, the update vanishes as the gate closes."""
    route = "random samples, norms of the update entry by entry"
    evidence.equation("eq-3a-gate", ROUNDING, route, each=[scope(s) for s in SAMPLES])
    row = np.array([60.0, 0, 0])
    worst = SimpleNamespace(alpha=row, beta=row, gamma=np.array([1.0, -2]), delta=np.array([0.0, -5]),
                            eta=0.4, G=np.array([[0.0, 3], [0, 0], [0, 0]]))  # fmt: skip
    evidence.equation("eq-3a-gate", ROUNDING, "one row, one column", tight=True, **scope(worst))
    closed = [np.abs(change(s, eta=-40.0)).max() for s in SAMPLES]
    evidence.bounded(closed, "largest entry of the update at η = −40", high=1e-15)


def test_counts(evidence):
    """The numbers of the table, and of the larger matrix, follow from the lengths of the vectors; so do the
    parameters of the networks behind them."""
    table, total = evidence.table("matrix", r"$n \times m$"), np.zeros(2, int)
    for name, ((n, m_), count) in m.BERT.items():
        found = m.outputs(n, m_)
        evidence.equation("eq-3a-count", 0, "lengths of the vectors added up", N=found, n=n, m=m_)
        cells = [f"{n} × {m_}", f"{n * m_:,}", f"{found:,}"]
        evidence.equal(table[name], cells, f"row of the table: {name}")
        total += m.LAYERS * count * np.array([n * m_, found])
    evidence.equal(table["all 72 of the base size"], ["", *(f"{x:,}" for x in total)], "last row")
    small, whole = ((m.HIDDEN + 1) * x for x in (m.outputs(3072, 768), 3072 * 768))
    networks = 72 * (m.CONDITION + 1) * m.HIDDEN + (m.HIDDEN + 1) * int(total[1])
    large = m.outputs(4096, 11008), 4096 * 11008
    shown = (("128", m.HIDDEN), ("3072", 3072), ("768", 768), ("990849", small), ("304349184", whole),
             ("72", 72), ("52254792", networks), ("4096", 4096), ("11008", 11008), ("30209", large[0]),
             ("45088768", large[1]))  # fmt: skip
    for text, value in shown:
        evidence.shows(text, value)


def cell(values, digits=2):
    """Return a mean over the seeds, with the smallest and the largest of them, as the table prints it."""
    return "{:.{n}f} ({:.{n}f}–{:.{n}f})".format(values.mean(), values.min(), values.max(), n=digits)


def test_gradient_input(evidence):
    """The table has the means and ranges of the committed runs. At both margins, in every seed, fewer edits
    succeed without the gradient; with it, at the margin 0.01, more succeed and the divergence is smaller than
    without it at the margin 0.1. At equal margins it keeps fewer answers about the edited subject itself."""
    found, table, arms = m.results(), evidence.table("margin, gradient"), {}
    sources = b"".join((m.EXPERIMENT / name).read_bytes() for name in ("editor.py", "experiment.py"))
    digest = hashlib.sha256(sources).hexdigest()
    evidence.equal(found["provenance"]["experiment"], digest, "digest of the editor and its experiment")
    evidence.equal(len(found["seeds"]), 5, "seeds")
    for name, words in (("kl", "with"), ("blind", "without")):
        for margin in ("0.1", "0.01"):
            runs = [seed["runs"][f"{name} {margin}"] for seed in found["seeds"].values()]
            arm = arms[words, margin] = {key: np.array([run[key] for run in runs]) for key in m.MEASURED}
            arm["trained"] = np.array([run["seen"]["success"] for run in runs])
            cells = [cell(arm[key]) for key in ("trained", "success", "retained")]
            evidence.equal(table[f"{margin}, {words}"], [*cells, cell(arm["kl"], 3)], f"{margin}, {words}")
    for margin in ("0.1", "0.01"):
        for key in ("trained", "success", "paraphrase"):
            lost = arms["with", margin][key] - arms["without", margin][key]
            evidence.bounded(lost, f"margin {margin}, {key}: lost in each seed", low=0, strict=True)
        near = arms["with", margin]["near"] - arms["without", margin]["near"]
        evidence.bounded(
            near, f"margin {margin}: the same subject, kept with less without", high=0, strict=True
        )
    careful, blind = arms["with", "0.01"], arms["without", "0.1"]
    gained = careful["success"] - blind["success"]
    evidence.bounded(gained, "success, 0.01 with less 0.1 without", low=0, strict=True)
    spared = blind["kl"] - careful["kl"]
    evidence.bounded(spared, "divergence, 0.1 without less 0.01 with", low=0, strict=True)
    for key, digits in (("success", 2), ("kl", 3)):
        for arm in (careful, blind):
            evidence.shows(f"{arm[key].mean():.{digits}f}", arm[key].mean())
    for margin in ("0.1", "0.01"):
        evidence.shows(margin, float(margin))


def test_anatomy(evidence):
    """In the edit shown two rows of the gradient are large and 31 columns zero; the mask is negative in 24 of
    the 33 others and in 40 of 50 of the other matrix, and its columns differ more than its rows; both updates
    have rank 2; the masked gradient makes nearly all of the first-order change of the loss, and columns with
    a negative mask most of that."""
    edit, (first, last) = m.anatomy()
    rows = np.argsort(-np.abs(last["left"]))
    evidence.equal(set(rows[:2].tolist()), {edit["y"], edit["a"]}, "the two largest rows of the gradient")
    others = np.abs(last["G"][rows[2:]]).max() / np.abs(last["G"]).max()
    evidence.bounded(others, "largest entry of the other rows, relative", high=0.02)
    off = int((np.abs(last["G"]).max(axis=0) == 0).sum())
    down = [int(((np.abs(one["G"]).max(axis=0) > 0) & (one["mask"].max(axis=0) < 0)).sum())
            for one in (first, last)]  # fmt: skip
    evidence.equal([off, *down], [31, 40, 24], "columns: zero in the gradient, else negative in the masks")
    ranks = [int(np.linalg.matrix_rank(one["update"])) for one in (first, last)]
    evidence.equal(ranks, [2, 2], "ranks of the updates")
    masked, bias = np.sum(
        [[np.sum(part * one["G"]) for part in m.gated(one)] for one in (first, last)], axis=0
    )
    factors = [one["gate"] * (one["alpha"] @ one["left"] ** 2) * (one["gamma"] @ one["right"] ** 2)
               for one in (first, last)]  # fmt: skip
    evidence.close(masked, sum(factors), 1e-10, "first-order change, by entries and by the saved factors")
    slopes = [(m.gated(one)[0] * one["G"])[:, one["gamma"] < 0].sum() for one in (first, last)]
    spread = last["alpha"].max() / last["alpha"].min()
    low, high = np.percentile(np.abs(last["gamma"]), (10, 90))
    norms = [np.linalg.norm(part) for part in m.gated(last)]
    shown = (("12", last["G"].shape[0]), ("64", last["G"].shape[1]), ("31", off), ("24", down[1]),
             ("33", last["G"].shape[1] - off), ("40", down[0]), ("50", first["G"].shape[1]),
             ("2.7", spread), ("14", high / low), ("48.0", -masked - bias), ("47.6", -masked),
             ("56.0", -sum(slopes)), ("8.4", masked - sum(slopes)),
             ("1.42", norms[1]), ("1.02", norms[0]))  # fmt: skip
    for text, value in shown:
        evidence.shows(text, value)


@pytest.mark.library("torch")
def test_released_form(evidence):
    """The operations of the released code, in PyTorch and in their order, make the printed update of
    PyTorch's gradient of a small classifier, and that gradient is the one that differences find."""
    import torch

    each = []
    for s in SAMPLES:
        n, m_ = s.G.shape
        u, W = (np.random.default_rng(n).normal(size=shape) for shape in ((2, m_), (n, m_)))
        inputs, matrix, loss = torch.tensor(u), torch.tensor(W, requires_grad=True), oracles.reader(n, n)
        logits = torch.tensor(oracles.head(n, n)) @ (inputs @ matrix.T).tanh().mean(0)
        (G,) = torch.autograd.grad(-logits.log_softmax(-1)[0], matrix)
        slopes = oracles.slopes(lambda W: loss(u @ W.T), W)
        evidence.close(G, slopes, 1e-8, f"PyTorch's gradient against central differences, {n} × {m_}")
        numbers = torch.tensor(np.concatenate([s.gamma, s.alpha, s.delta, s.beta, [s.eta]]))[None]
        found = oracles.released(numbers, G).reshape(n, m_).numpy()
        each.append(scope(s) | {"G": G.numpy(), "Delta_W": found})
    evidence.equation("eq-3a-update", ROUNDING, "split, softmax, transpose and product in PyTorch", each=each)


@pytest.mark.library("transformers", "torch")
def test_bert_gradients(evidence):
    """In a small BERT of transformers the gradient of every edited matrix is the sum of outer products over
    the tokens; with five tokens the updates have rank 6 at most, and some reach it."""
    tokens, ranks = [2, 7, 11, 5, 3], []
    found = oracles.traced(oracles.bert(), tokens, 1)
    evidence.equal(len(found), 12, "edited matrices in two layers")
    each = [{"G": G, "d": list(d), "u": list(u), "T": len(u)} for G, u, d in found.values()]
    evidence.equal({one["T"] for one in each}, {len(tokens)}, "positions at which a layer is used")
    evidence.equation("eq-3a-outer", 1e-12, "PyTorch's gradients of matrices and of outputs", each=each)
    for seed, (G, _, _) in enumerate(found.values()):
        s = oracles.sample(seed, *G.shape)
        s.alpha, s.G = s.alpha / 4, G / np.abs(G).max()
        ranks.append(int(np.linalg.matrix_rank(change(s), tol=1e-9)))
    evidence.bounded(ranks, "ranks of the updates", high=6)
    evidence.equal([len(tokens), max(ranks)], [5, 6], "tokens, and the highest rank")


@pytest.mark.library("transformers", "torch")
def test_bert_counts(evidence):
    """In BERT of the base size the code's rule picks 72 matrices, with 84,934,656 weights, for which 331,848
    numbers are put out."""
    import torch

    with torch.device("meta"):
        sizes = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
        network = oracles.bert(**sizes, intermediate_size=3072, vocab_size=30522)
    shapes = [tuple(p.shape) for p in oracles.edited(network).values()]
    weights, numbers = sum(n * m_ for n, m_ in shapes), sum(m.outputs(*shape) for shape in shapes)
    evidence.equal([len(shapes), weights, numbers], [72, 84_934_656, 331_848], "counted in transformers")
    whole = (m.HIDDEN + 1) * 3072 * 768
    every = sum(p.numel() for p in network.parameters())
    evidence.bounded(whole / every, "a layer that puts out one matrix, over all of BERT", low=2)
    evidence.equal(
        sorted(set(shapes)), sorted({shape for shape, _ in m.BERT.values()}), "shapes in the table"
    )


@pytest.mark.library("torch")
def test_first_order(evidence):
    """The derivatives of a loss after the edit with respect to the numbers that describe it are the same
    whether or not second derivatives of the model can flow."""
    import torch

    rng, found = np.random.default_rng(0), []
    u, start, head = (torch.tensor(rng.normal(size=shape)) for shape in ((2, 3), (4, 3), (3, 4)))
    W = start.clone().requires_grad_()

    def loss(matrix, label):
        return -(head @ (u @ matrix.T).tanh().mean(0)).log_softmax(-1)[label]

    for graph in (False, True):
        numbers = torch.tensor(np.random.default_rng(1).normal(size=(1, 15)), requires_grad=True)
        (G,) = torch.autograd.grad(loss(W, 0), W, create_graph=graph)
        evidence.equal(G.requires_grad, graph, f"graph of the gradient kept: {graph}")
        after = loss(W + oracles.released(numbers, G), 0) + loss(W + oracles.released(numbers, G), 1)
        by_numbers, by_model = torch.autograd.grad(after, (numbers, W))
        found.append((by_numbers.numpy(), by_model.numpy()))
    (first, model_first), (second, model_second) = found
    evidence.close(first, second, 1e-14, "derivatives with respect to the 15 numbers")
    apart = np.abs(model_first - model_second).max()
    evidence.bounded(apart, "change of those with respect to W, were it trained", low=1e-3)


@pytest.mark.library("transformers", "torch")
def test_layout(evidence):
    """For a layer from 768 to 3,072 features GPT-2 stores an array of 768 × 3072, BERT one of 3072 × 768."""
    import torch
    from transformers import GPT2Config, GPT2Model

    with torch.device("meta"):
        gpt2 = GPT2Model(GPT2Config(n_layer=1, vocab_size=10))
        bert = oracles.bert(hidden_size=768, num_attention_heads=12, intermediate_size=3072)
    shapes = [tuple(gpt2.h[0].mlp.c_fc.weight.shape),
              tuple(bert.bert.encoder.layer[0].intermediate.dense.weight.shape)]  # fmt: skip
    evidence.equal(shapes, [(768, 3072), (3072, 768)], "stored shapes, GPT-2 and BERT")
    for text in ("768", "3072"):
        evidence.shows(text, int(text))
