# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab: Edit a fact and see what else moved
#
# A small network learns sixty facts by heart. You change one of them, first by a gradient step, then
# with the gated update of KnowledgeEditor, and look at the other fifty-nine. Each part tests its
# main claims with `assert`, a line that stops the notebook if the claim is false; parts 2 and 4 end with an
# exercise. The only requirements are NumPy and Matplotlib, and the whole notebook runs in a few
# seconds.
#
# 1. A network that knows sixty facts.
# 2. One gradient step: the fact flips, and its neighbours move.
# 3. The gated update: a mask, a bias and a gate.
# 4. The best numbers for one edit, and what the gradient adds to them.

# %%
import matplotlib.pyplot as plt
import numpy as np

BLUE, RED, GREY = "#1f5fae", "#b3361e", "#666666"
plt.rcParams |= {"figure.dpi": 140, "figure.constrained_layout.use": True}

# %% [markdown]
# ## 1. A network that knows sixty facts
#
# A fact has a subject, one of 20, and a relation, one of 3; its answer is one of 8, at random. A
# *text* asks for a fact in one of 3 wordings, the templates. Every template, relation and subject has
# a random vector, and the network reads the three vectors of a text side by side. It has one hidden
# layer: $p = \mathrm{softmax}(W_2 \, \mathrm{relu}(W_1 u))$ for the input $u$. There are no biases.

# %%
TEMPLATES, RELATIONS, SUBJECTS, ANSWERS, WIDTH, HIDDEN = 3, 3, 20, 8, 12, 48
rng = np.random.default_rng(3)
COUNTS = (TEMPLATES, RELATIONS, SUBJECTS)
TEMPLATE, RELATION, SUBJECT = (rng.normal(size=(count, WIDTH)) for count in COUNTS)
FACTS = [(s, r) for s in range(SUBJECTS) for r in range(RELATIONS)]
ANSWER = rng.integers(ANSWERS, size=len(FACTS))
TEXTS = np.array(
    [[np.concatenate([t, RELATION[r], SUBJECT[s]]) for s, r in FACTS] for t in TEMPLATE]
)  # template, fact, coordinate


def predict(weights, inputs):
    """Returns the hidden layer and the probabilities of the answers, in rows."""
    hidden = np.maximum(inputs @ weights[0].T, 0)
    logits = hidden @ weights[1].T
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return hidden, powers / powers.sum(axis=-1, keepdims=True)


def gradients(weights, inputs, slopes):
    """Returns the gradients of both matrices, given those of the logits, in rows."""
    hidden, _ = predict(weights, inputs)
    return [((slopes @ weights[1]) * (hidden > 0)).T @ inputs, slopes.T @ hidden]


def adam(values, slopes_of, steps, rate):
    """Returns the arrays that the optimiser Adam reaches from `values`."""
    values = list(values)
    mean, square = ([np.zeros_like(v) for v in values] for _ in range(2))
    for step in range(1, steps + 1):
        for k, slope in enumerate(slopes_of(values)):
            mean[k] = 0.9 * mean[k] + 0.1 * slope
            square[k] = 0.99 * square[k] + 0.01 * slope**2
            size = np.sqrt(square[k] / (1 - 0.99**step)) + 1e-8
            values[k] = values[k] - rate * mean[k] / (1 - 0.9**step) / size
    return values


INPUTS, ONE_HOT = TEXTS.reshape(-1, 3 * WIDTH), np.eye(ANSWERS)


def slopes_of_training(weights):
    """Returns the gradients of the mean loss, with a little weight decay."""
    slopes = predict(weights, INPUTS)[1] - ONE_HOT[np.tile(ANSWER, TEMPLATES)]
    pairs = zip(gradients(weights, INPUTS, slopes / len(INPUTS)), weights)
    return [slope + 0.002 * weight for slope, weight in pairs]


start = [rng.normal(0, 0.3, (HIDDEN, 3 * WIDTH)), rng.normal(0, 0.3, (ANSWERS, HIDDEN))]
BASE = adam(start, slopes_of_training, 400, 0.02)
BEFORE = predict(BASE, TEXTS)[1]  # template, fact, answer
assert np.all(BEFORE.argmax(axis=-1) == ANSWER), "the network does not know every fact"
print(f"knows all {len(FACTS)} facts in all {TEMPLATES} wordings")
print(f"mean probability of the right answer: {BEFORE.max(axis=-1).mean():.3f}")

# %% [markdown]
# ## 2. One gradient step
#
# The edit: fact 7 in the first wording, $x$, should get another answer, $a$. The loss is
# $-\log p(a \mid x)$. Its gradient with respect to the logits is $p - e_a$, the probabilities minus 1
# at $a$; the cell compares one entry of the gradient of $W_1$ with a difference quotient. For one
# input both gradients have rank one: a column times a row.

# %%
EDITED = 7
x, y = TEXTS[0, EDITED][None], ANSWER[EDITED]
a = (y + 3) % ANSWERS


def gradient_of(x, answer):
    """Returns the gradients of −log p(answer | x) with respect to both matrices."""
    return gradients(BASE, x, predict(BASE, x)[1] - ONE_HOT[[answer]])


G = gradient_of(x, a)
nudged = [BASE[0].copy(), BASE[1]]
place = np.unravel_index(np.abs(G[0]).argmax(), G[0].shape)
nudged[0][place] += 1e-6
ratio = predict(nudged, x)[1][0, a] / predict(BASE, x)[1][0, a]
quotient = -np.log(ratio) / 1e-6
assert np.isclose(quotient, G[0][place], rtol=1e-4), "the gradient is wrong"
assert [np.linalg.matrix_rank(g) for g in G] == [1, 1]

old = gradient_of(x, y)
for name, answer, slopes in (("old", y, old), ("new", a, G)):
    chance, size = BEFORE[0, EDITED, answer], np.linalg.norm(slopes[0])
    print(f"{name} answer {answer}: probability {chance:.4f}, gradient of W1 {size:6.2f}")
assert np.linalg.norm(old[0]) < 0.1 * np.linalg.norm(G[0])

# %% [markdown]
# Now take one step down the gradient, small or large, and look at what happened to the edited text,
# to the same fact in the two other wordings, and to the rest. The *rest* is divided into the other
# facts of the same subject, those with the same relation, and those that share neither. For each
# group the table has the mean Kullback-Leibler divergence from the answer distribution before to the
# one after, in nats, and the last column counts all texts of the rest whose likeliest answer changed,
# out of 177.

# %%
subject, relation = FACTS[EDITED]
GROUPS = {
    "subject": np.array([s == subject and r != relation for s, r in FACTS]),
    "relation": np.array([s != subject and r == relation for s, r in FACTS]),
    "neither": np.array([s != subject and r != relation for s, r in FACTS]),
}
REST = np.arange(len(FACTS)) != EDITED


def moved(weights):
    """Returns p(a | x), the paraphrases that follow, all divergences, and the changes."""
    after = predict(weights, TEXTS)[1]
    floor = np.maximum(after, 1e-300)
    divergence = np.sum(BEFORE * np.log(BEFORE / floor), axis=-1)
    follow = (after[1:, EDITED].argmax(axis=-1) == a).sum()
    changed = (after.argmax(axis=-1) != BEFORE.argmax(axis=-1))[:, REST].sum()
    return after[0, EDITED, a], follow, divergence, changed


def row(name, weights):
    """Prints one row of the table."""
    chance, follow, divergence, changed = moved(weights)
    groups = "".join(f"{divergence[:, g].mean():10.4f}" for g in GROUPS.values())
    print(f"{name:14}{chance:8.4f}{follow:6} of 2{groups}{changed:9}")


HEAD = f"{'':14}{'p(a|x)':>8}{'reworded':>11}"
HEAD += "".join(f"{name:>10}" for name in GROUPS) + f"{'changed':>9}"
print(HEAD)
STEPS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.3)
stepped = {size: [w - size * g for w, g in zip(BASE, G)] for size in STEPS}
for size, weights in stepped.items():
    row(f"step {size}", weights)
changes = [moved(weights)[3] for weights in stepped.values()]
assert changes[0] == 0 and changes[-1] > 88, "a large step destroys most of the rest"

# %% [markdown]
# A step of 0.03 flips the fact in every wording and already costs some others; ten times as much
# destroys more than half of the rest. Facts that share a subject or a relation with the edited one
# move more than the others. Why? The gradient of $W_1$ is $d\,u^\top$, with $d$ the gradient with
# respect to $W_1 u$. So for another text $u'$ the step changes $W_1 u'$ by a multiple of
# $d \, (u \cdot u')$: what overlaps is dragged along. The cell compares the overlap with the
# divergence, text by text, for the step of 0.03.

# %%
overlap = TEXTS @ x[0] / (x[0] @ x[0])
divergence = moved(stepped[0.03])[2]
figure, axis = plt.subplots(figsize=(5, 3))
for (name, chosen), colour, mark in zip(GROUPS.items(), (RED, BLUE, GREY), "s^o"):
    label, look = name if name == "neither" else f"same {name}", dict(color=colour, markersize=3.5)
    axis.plot(overlap[:, chosen].ravel(), divergence[:, chosen].ravel(), mark, label=label, **look)
axis.set(xlabel="overlap with the edited text", ylabel="divergence (nats)", yscale="log")
axis.legend(frameon=False)
plt.show()
near, far = (divergence[:, GROUPS[name]].mean() for name in ("relation", "neither"))
assert near > 5 * far
ranks = [values[:, REST].ravel().argsort().argsort() for values in (overlap, divergence)]
print(f"rank correlation of overlap and divergence: {np.corrcoef(*ranks)[0, 1]:.2f}")
assert np.corrcoef(*ranks)[0, 1] > 0.4

# %% [markdown]
# The plot shows each text of the rest as a mark, red squares for the same subject, blue triangles for
# the same relation, grey dots for neither; the divergence is on a logarithmic scale. It tends to grow
# with the overlap. The cloud on the right has the texts in the edited wording, the one on the left
# those in the two others; in both the facts with the same relation are to the right and far up.
#
# **Try it.** In a new cell, move only one matrix: print
# `row("W2 only", [BASE[0], BASE[1] - 0.03 * G[1]])` and
# `row("W1 only", [BASE[0] - 0.03 * G[0], BASE[1]])`.
# Which of the two flips the fact? (You should find that the step in W1 alone does: $a$
# gets 0.9904, one of two wordings follows, and 3 texts of the rest change. With W2 alone $a$ gets
# 0.0950.)

# %% [markdown]
# ## 3. The gated update
#
# For a matrix with $n$ rows and $m$ columns, KnowledgeEditor has five groups of numbers: $\alpha$ and
# $\beta$ of length $n$, $\gamma$ and $\delta$ of length $m$, and $\eta$. The shift is
#
# $$
# \begin{aligned}
# \Delta W = \sigma(\eta) \, (& \mathrm{softmax}(\alpha) \, \gamma^\top \odot G \\
# &+ \mathrm{softmax}(\beta) \, \delta^\top) .
# \end{aligned}
# $$


# %%
def softmax(values):
    """Returns the softmax of a vector."""
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def shift(numbers, G):
    """Returns ΔW for one matrix from α, β, γ, δ, η and its gradient."""
    alpha, beta, gamma, delta, eta = numbers
    mask, bias = np.outer(softmax(alpha), gamma), np.outer(softmax(beta), delta)
    return (mask * G + bias) / (1 + np.exp(-eta))


n, m = BASE[1].shape
alpha, beta = rng.normal(size=(2, n))
gamma, delta = rng.normal(size=(2, m))
scaled = np.diag(softmax(alpha)) @ G[1] @ np.diag(gamma)
assert np.allclose(np.outer(softmax(alpha), gamma) * G[1], scaled), "a two-sided scaling"
found = shift((alpha, beta, gamma, delta, np.array(0.5)), G[1])
assert np.linalg.matrix_rank(found) == 2, "one more than the gradient"
plain = (np.zeros(n), beta, np.full(m, -n * 0.03 * 2), np.zeros(m), np.array(0.0))
assert np.allclose(shift(plain, G[1]), -0.03 * G[1]), "a gradient step is a special case"
print(f"{n} × {m} entries, described by {2 * (n + m) + 1} numbers instead of {n * m}")

# %% [markdown]
# ## 4. The best numbers for one edit
#
# KnowledgeEditor *predicts* the numbers with a network that was trained on many edits. Here we only
# want to know what the form can do, so we *search* for the best numbers for our one edit, by gradient
# descent on $-\log p(a \mid x) + \lambda D$, where $D$ is the mean divergence of 30 other facts.
#
# These other facts are drawn at random, in all wordings; the two other wordings of the edited fact and
# the other 29 facts are not seen by the search. The cell has the chain rule from the shift to the
# five groups of numbers.


# %%
def pull(numbers, G, slope):
    """Returns the gradients by α, β, γ, δ, η, given that by the shift of one matrix."""
    alpha, beta, gamma, delta, eta = numbers
    rows, bias_rows, gate = softmax(alpha), softmax(beta), 1 / (1 + np.exp(-eta))
    by_mask, by_bias = gate * slope * G, gate * slope
    by_rows, by_bias_rows = by_mask @ gamma, by_bias @ delta
    whole = np.outer(rows, gamma) * G + np.outer(bias_rows, delta)
    return [
        rows * (by_rows - rows @ by_rows),
        bias_rows * (by_bias_rows - bias_rows @ by_bias_rows),
        rows @ by_mask,
        bias_rows @ by_bias,
        gate * (1 - gate) * np.sum(slope * whole),
    ]


def search(penalty, G, seed=1):
    """Returns the edited matrices for the best numbers found, and the watched facts."""
    draw = np.random.default_rng(seed)
    watched = draw.choice(np.flatnonzero(REST), 30, replace=False)
    others = TEXTS[:, watched].reshape(-1, 3 * WIDTH)
    target = predict(BASE, others)[1]
    numbers = []
    for rows, columns in (w.shape for w in BASE):
        numbers += [np.zeros(rows), np.zeros(rows), np.full(columns, -0.01)]
        numbers += [draw.normal(0, 0.01, columns), np.zeros(())]

    def edited(values):
        return [w + shift(v, g) for w, v, g in zip(BASE, (values[:5], values[5:]), G)]

    def slopes(values):
        weights = edited(values)
        first = gradients(weights, x, predict(weights, x)[1] - ONE_HOT[[a]])
        apart = (predict(weights, others)[1] - target) / len(others)
        second = gradients(weights, others, apart)
        parts = zip((values[:5], values[5:]), G, first, second)
        return [s for v, g, f, t in parts for s in pull(v, g, f + penalty * t)]

    return edited(adam(numbers, slopes, 150, 0.05)), watched


probe = [np.zeros(n), beta, gamma, delta, np.array(0.5)]
weight = rng.normal(size=(n, m))
by_numbers = pull(probe, G[1], weight)
for group, slope in enumerate(by_numbers):
    step = rng.normal(size=slope.shape)
    up, down = (
        np.sum(weight * shift([*probe[:group], probe[group] + h * step, *probe[group + 1 :]], G[1]))
        for h in (1e-6, -1e-6)
    )
    assert np.isclose((up - down) / 2e-6, np.sum(slope * step), rtol=1e-4, atol=1e-7), "chain rule"

print(HEAD)
row("step 0.03", stepped[0.03])
for draw in (0, 1, 2):
    (free, _), (bound, watched) = search(0, G, draw), search(10, G, draw)
    row(f"λ = 0,  draw {draw}", free)
    row(f"λ = 10, draw {draw}", bound)
    unseen = np.setdiff1d(np.flatnonzero(REST), watched)
    divergence = moved(bound)[2]
    print(f"    divergence of watched facts {divergence[:, watched].mean():.4f}, "
          f"of the others {divergence[:, unseen].mean():.4f}")
    assert moved(free)[3] > 5 * moved(bound)[3], "the penalty should protect the rest"
    assert moved(bound)[0] > 0.95 and moved(bound)[1] == 2, "the edit failed"
    assert divergence[:, unseen].mean() > 5 * divergence[:, watched].mean()
    assert divergence[:, unseen].mean() < moved(stepped[0.03])[2][:, unseen].mean()

# %% [markdown]
# With the same form and the same number of steps the search can ruin a third of the memory and more,
# or nearly none of it. What makes the difference is the second term of the loss: that is the idea of the
# constraint in part (b). Mind the two divergences. Facts that were not watched move less than after
# the gradient step, but more than those that were watched: in each draw more than five times as
# much.
#
# Now take the gradient away: replace $G$ by zeros, so that only $\sigma(\eta)$ times the bias is left.

# %%
NOTHING = [np.zeros_like(g) for g in G]
print(HEAD)
for penalty in (1, 10, 100):
    row(f"with G, {penalty}", search(penalty, G)[0])
    row(f"without, {penalty}", search(penalty, NOTHING)[0])
    assert moved(search(penalty, NOTHING)[0])[0] > 0.95, "the bias alone is enough for this edit"

# %% [markdown]
# The bias alone does about as well! Is the gradient worth nothing, then? That does not follow. The
# *search* uses 150 gradients of the loss at $x$, so what it finds has them in it. A trained network
# must put out its numbers in one pass, from the text alone, for a fact that it has never seen. For
# such a network the gradient, multiplied in, is what comes from the model itself. The page of part
# (a) has the measurement for a trained one.
#
# **Try it.** In a new cell, search without watching anybody else: print
# `row("λ = 0", search(0, NOTHING)[0])`. The bias has rank one and knows no gradient; is the damage
# smaller than with it? (You should find that it is not: 111 texts of the rest change.)
