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
# # Lab: Question 1 by hand
#
# Three short experiments on the methods of Question 1. Each tests its claims with `assert`, a line
# that stops the notebook if the claim is false, and ends with an exercise. The only requirements
# are NumPy, SciPy and Matplotlib, and the whole notebook runs in a few seconds.
#
# 1. NF4: store a matrix in 4 bits a weight, block by block, and see what the block size does.
# 2. Distillation: copy a small teacher by the word, by the sequence and by its likeliest sentence.
# 3. Prefix attention: see that a prefix takes one share from all tokens alike.

# %%
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, ndtr, ndtri, softmax, xlogy

BLUE, RED, GREY = "#1f5fae", "#b3361e", "#666666"
plt.rcParams |= {"figure.dpi": 140, "figure.constrained_layout.use": True}

# %% [markdown]
# ## 1. Quantise a matrix block by block
#
# QLoRA stores each frozen weight as the index of one of 16 levels. Let $Q$ be the quantile function
# of the standard normal distribution: a share $p$ of it lies below $Q(p)$. For zero and the
# positive levels walk from the probability $\frac{1}{2}$ to $\delta$ in 8 equal steps and look up
# the quantiles; for the negative ones take 7 steps and change the sign. Divide all by $Q(\delta)$.
# With $\delta = 0.9677083$ this is the table of NF4.

# %%
DELTA = 0.9677083


def normal_levels():
    """Returns the 16 levels of NF4, from −1 to 1."""
    negative = -ndtri(0.5 + (DELTA - 0.5) * np.arange(7, 0, -1) / 7)
    positive = ndtri(0.5 + (DELTA - 0.5) * np.arange(9) / 8)
    return np.concatenate([negative, positive]) / ndtri(DELTA)


NF4 = normal_levels()
INT4 = np.arange(-7, 8) / 7  # 15 equally spaced levels, to compare
gaps = np.diff(NF4)
published = [-0.6962, -0.0910, 0.0796, 0.7230]  # four values of the table, rounded
assert np.allclose(NF4[[1, 6, 8, 14]], published, atol=5e-5), "not the table of NF4"
assert len(NF4) == 16 and NF4[7] == 0 and NF4[0] == -1 and NF4[15] == 1
assert np.all(np.diff(gaps[:7]) < 0) and np.all(np.diff(gaps[7:]) > 0), "densest at zero"
print(np.array_str(NF4.reshape(4, 4), precision=4, suppress_small=True))

# %% [markdown]
# A block of $B$ weights is divided by its largest magnitude $c$, which is stored once. Each weight
# becomes the index of the nearest level. Whether a level is the nearest can be read off the
# midpoints between the levels. To restore a weight, look up its level and multiply by $c$.

# %%
rng = np.random.default_rng(1)
WEIGHTS = rng.normal(0, 0.02, (512, 2048))


def quantise(weights, code, size):
    """Returns the level index of every weight, in rows of one block, and the scales."""
    blocks = weights.reshape(-1, size)
    scales = np.abs(blocks).max(axis=1, keepdims=True)
    return np.searchsorted((code[1:] + code[:-1]) / 2, blocks / scales), scales


def error(weights, code, size):
    """Returns the squared error after quantising, as a share of the squared weights."""
    indices, scales = quantise(weights, code, size)
    restored = (code[indices] * scales).reshape(weights.shape)
    return np.sum((restored - weights) ** 2) / np.sum(weights**2)


indices, scales = quantise(WEIGHTS, NF4, 64)
distances = np.abs((WEIGHTS.reshape(-1, 64) / scales)[:100, :, None] - NF4)
assert np.array_equal(indices[:100], distances.argmin(axis=2)), "not the nearest level"
print("first weights ", np.round(WEIGHTS[0, :5], 4))
print("their indices ", indices[0, :5])
print("restored      ", np.round((NF4[indices] * scales)[0, :5], 4))

# %% [markdown]
# Now change the block size. Each block stores a scale of 32 bits, so a weight costs $4 + 32/B$
# bits. Two columns have the error with the levels of NF4 and with 15 equally spaced ones. The last
# one, H, is the entropy of the indices of NF4: four bits if all 16 levels are used equally often,
# less if not.

# %%
SIZES = [16, 64, 256, 1024, 4096]


def use(size):
    """Returns the share of the weights at each level of NF4."""
    indices, _ = quantise(WEIGHTS, NF4, size)
    return np.bincount(indices.ravel(), minlength=16) / WEIGHTS.size


def entropy(shares):
    """Returns the entropy of some shares in bits."""
    return abs(np.sum(xlogy(shares, shares))) / np.log(2)


errors = {size: (error(WEIGHTS, NF4, size), error(WEIGHTS, INT4, size)) for size in SIZES}
print("   B   bits    NF4   Int4     H")
for size, (normal, equal) in errors.items():
    print(f"{size:4} {4 + 32 / size:6.3f} {normal:6.4f} {equal:6.4f} {entropy(use(size)):5.3f}")
assert np.all(np.diff([normal for normal, _ in errors.values()]) > 0), "larger blocks err more"
assert np.all(np.diff([entropy(use(size)) for size in SIZES]) < 0), "and are used less equally"
assert all(normal < equal for normal, equal in errors.values())

# %% [markdown]
# Small blocks err less and cost more bits for their scales; QLoRA takes 64, and then stores the
# scales themselves in 8 bits. For these normal weights NF4 errs less than equally spaced levels at
# every size in the table.
#
# Why are the levels not used equally? The largest of $B$ weights lies further out the more weights
# there are, so most weights of a large block are small in comparison. The share of the scaled
# weights between two ends $a < b$ can be computed: with $\Phi$ the normal distribution function and
# $M$ the largest magnitude of the $B - 1$ *other* weights, it is the mean of $\Phi(bM) - \Phi(aM)$.
# One weight in $B$ is the largest itself and lies on $-1$ or $1$.


# %%
def expected_use(size):
    """Returns the share of normal weights at each level of NF4, by numerical integration."""
    cuts = np.linspace(0, 9, 5000)
    mass = np.diff((2 * ndtr(cuts) - 1) ** (size - 1))  # of the largest of size − 1 magnitudes
    largest = (cuts[1:] + cuts[:-1]) / 2
    ends = np.concatenate([[-1], (NF4[1:] + NF4[:-1]) / 2, [1]])
    shares = mass @ np.diff(ndtr(largest[:, None] * ends), axis=1)
    shares[[0, -1]] += 1 / (2 * size)
    return shares


print("   B  largest gap")
for size in SIZES:
    gap = np.abs(use(size) - expected_use(size)).max()
    assert gap < 0.003, "the count and the formula disagree"
    print(f"{size:4} {gap:12.4f}")

# %% [markdown]
# The plot shows the counted shares for three block sizes; the dotted line is 1/16. Blocks of 16, in
# grey, stay close to it. For blocks of 64, in blue, the middle is above it and the two ends are far
# below. For blocks of 4,096, dashed in red, the seven levels around zero hold more than three
# fifths of the weights.

# %%
figure, axis = plt.subplots(figsize=(5, 3))
small, usual, large = dict(color=GREY), dict(color=BLUE), dict(color=RED, linestyle="--")
for size, look in [(16, small), (64, usual), (4096, large)]:
    axis.plot(np.arange(-7, 9), use(size), marker="o", markersize=3, label=f"B = {size}", **look)
axis.axhline(1 / 16, color=GREY, linewidth=0.8, linestyle=":")
axis.set(xlabel="level, counted from zero", ylabel="share of the weights", ylim=(0, None))
axis.legend(frameon=False)
plt.show()
assert use(4096)[4:11].sum() > 0.6 and np.abs(use(16) - 1 / 16).max() < 0.02
assert use(64)[[0, -1]].max() < 0.02, "the two ends are rare in blocks of 64"

# %% [markdown]
# A single huge weight shows another reason for small blocks. Make one weight a hundred standard
# deviations large, and measure the error of all the others: with blocks of 64, of 4,096 and with
# one block for the whole matrix.

# %%
spoilt = WEIGHTS.copy()
spoilt[0, 0] = 2.0


def error_of_others(weights, size):
    """Returns the squared error of all weights but the first, as a share of their squares."""
    indices, scales = quantise(weights, NF4, size)
    difference = (NF4[indices] * scales).ravel() - weights.ravel()
    return np.sum(difference[1:] ** 2) / np.sum(weights.ravel()[1:] ** 2)


print("      B  before  huge weight")
for size in (64, 4096, WEIGHTS.size):
    before, after = error_of_others(WEIGHTS, size), error_of_others(spoilt, size)
    print(f"{size:7} {before:7.4f} {after:12.4f}")
assert error_of_others(spoilt, 64) < 1.02 * error_of_others(WEIGHTS, 64)
assert error_of_others(spoilt, WEIGHTS.size) > 0.95
assert np.mean(NF4[quantise(spoilt, NF4, spoilt.size)[0]] == 0) > 0.999

# %% [markdown]
# With small blocks only the neighbours of the huge weight suffer. In one block for the whole matrix
# nearly all other weights become zero, and nearly everything is lost.
#
# **Try it.** In a new cell, make `flat = rng.uniform(-1, 1, (512, 2048))` and print
# `error(flat, NF4, 64)` and `error(flat, INT4, 64)`. Which levels are better now, and why? (You
# should find about 0.0083 for NF4 and 0.0049 for Int4. These weights are not denser near zero, so
# levels that are dense there are wasted. NF4 is good for weights that are roughly normal.)

# %% [markdown]
# ## 2. Distil a toy
#
# The teacher writes sentences of three words from $\{a, b, c\}$. It is a table: for every prefix
# $u$, the beginning of a sentence, the probabilities $p_T(k \mid u)$ of the next word $k$. The
# probability of a sentence $y$ is the product of those of its words. There are only 27 sentences,
# so every sum over sentences can be computed.

# %%
WORDS, LENGTH = "abc", 3
PREFIXES = ["".join(u) for n in range(LENGTH) for u in product(WORDS, repeat=n)]
SENTENCES = ["".join(y) for y in product(WORDS, repeat=LENGTH)]
rng = np.random.default_rng(5)
TEACHER = {u: softmax(rng.normal(0, 1, len(WORDS))) for u in PREFIXES}


def chances(table):
    """Returns the probability of each of the 27 sentences."""
    rows = [[table[y[:j]][WORDS.index(y[j])] for j in range(LENGTH)] for y in SENTENCES]
    return np.prod(rows, axis=1)


p_teacher = chances(TEACHER)
assert np.isclose(p_teacher.sum(), 1)
order = np.argsort(-p_teacher)
MODE = SENTENCES[order[0]]
for place in order[:3]:
    print(SENTENCES[place], round(p_teacher[place], 4))

# %% [markdown]
# Each loss of distillation says at which prefixes the student is judged, and what it should say
# there. So each is a table of targets $m(u, k)$, and the loss is
# $-\sum_{u, k} m(u, k) \log p_S(k \mid u)$, with $p_S$ the student.
#
# - *Word level*, on a reference sentence: $m = p_T(k \mid u)$ at the prefixes of the reference.
# - *Exact sequence level*: $m = w_T(u) \, p_T(k \mid u)$ at all prefixes, where $w_T(u)$ is the
#   probability that a sentence of the teacher begins with $u$.
# - *The mode*: at the prefixes of the teacher's likeliest sentence, $m = 1$ for its next word and 0
#   for the others.
#
# The second is defined as $-\sum_y p_T(y) \log p_S(y)$, a sum over sentences. The cell computes it
# in three ways for a random student: by its definition, by the targets, and as the mean of the
# word-level loss over sentences of the teacher.


# %%
def word_targets(sentence):
    """Returns the targets of the word level: soft, at the prefixes of one sentence."""
    return {sentence[:j]: TEACHER[sentence[:j]] for j in range(LENGTH)}


def exact_targets():
    """Returns the targets of the exact sequence level: soft, at every prefix."""
    begins = {u: [y.startswith(u) for y in SENTENCES] for u in PREFIXES}
    return {u: p_teacher[begins[u]].sum() * TEACHER[u] for u in PREFIXES}


def hard_targets(sentences):
    """Returns the targets of the log-likelihood of some sentences, on average."""
    targets = {u: np.zeros(len(WORDS)) for u in PREFIXES}
    for y in sentences:
        for j in range(LENGTH):
            targets[y[:j]][WORDS.index(y[j])] += 1 / len(sentences)
    return targets


def loss(targets, student):
    """Returns the loss in nats; infinite where the student excludes a word that is asked for."""
    with np.errstate(divide="ignore"):
        return -sum(xlogy(row, student[u]).sum() for u, row in targets.items())


someone = {u: softmax(rng.normal(0, 1, len(WORDS))) for u in PREFIXES}
by_definition = -p_teacher @ np.log(chances(someone))
by_word_losses = p_teacher @ [loss(word_targets(y), someone) for y in SENTENCES]
assert np.isclose(by_definition, loss(exact_targets(), someone), rtol=1e-12)
assert np.isclose(by_definition, by_word_losses, rtol=1e-12)
print(f"exact sequence-level loss: {by_definition:.6f}, in three ways")

# %% [markdown]
# So the exact loss is the word level on the teacher's *own* sentences, on average. Now train a
# student. It sees the last `MEMORY` words of the prefix and has a free row of probabilities for
# each thing it can see; with 2 it sees all. A sum of cross-entropies is smallest when each row is
# proportional to the sum of its targets. Where a loss asks for nothing, the student stays uniform.
# A numerical optimiser that knows only the loss and its gradient must find the same.

# %%
MEMORY = 2


def summed(targets):
    """Returns, for each thing that the student can see, the sum of its targets."""
    sums = {u: np.zeros(len(WORDS)) for u in PREFIXES if len(u) <= MEMORY}
    for u, row in targets.items():
        sums[u[max(0, len(u) - MEMORY) :]] += row
    return sums


def student_of(rows):
    """Returns the student's row for every prefix from its rows for what it can see."""
    return {u: rows[u[max(0, len(u) - MEMORY) :]] for u in PREFIXES}


def distil(targets):
    """Returns the student that minimises a loss, uniform where it asks for nothing."""
    uniform = np.full(len(WORDS), 1 / len(WORDS))
    rows = {u: row / row.sum() if row.any() else uniform for u, row in summed(targets).items()}
    return student_of(rows)


def trained(targets):
    """Returns the student that a numerical optimiser finds from a uniform start."""
    sums = summed(targets)
    wanted = np.array(list(sums.values()))

    def value_and_slope(flat):
        logits = flat.reshape(wanted.shape)
        slope = wanted.sum(axis=1, keepdims=True) * softmax(logits, axis=1) - wanted
        return -np.sum(wanted * log_softmax(logits, axis=1)), slope.ravel()

    found = minimize(value_and_slope, np.zeros(wanted.size), jac=True, tol=1e-9).x
    return student_of(dict(zip(sums, softmax(found.reshape(wanted.shape), axis=1))))


REFERENCE = "abb"
LOSSES = {
    "word level": word_targets(REFERENCE),
    "exact": exact_targets(),
    "mode": hard_targets([MODE]),
}
STUDENTS = {name: distil(targets) for name, targets in LOSSES.items()}
for name in ("word level", "exact"):  # the mode loss only tends to its minimum
    gap = np.abs(chances(trained(LOSSES[name])) - chances(STUDENTS[name])).max()
    assert gap < 1e-5, "the optimiser disagrees"
print("the optimiser finds the same students")

# %% [markdown]
# How good are the three? KL is the divergence $\sum_y p_T(y) \log (p_T(y) / p_S(y))$ from the
# teacher, in nats; TV, the total variation distance, is half the sum of
# $\lvert p_S(y) - p_T(y) \rvert$, between 0 and 1. The next column is the entropy of the student
# over sentences, in bits, and the last one its probability of the teacher's mode.


# %%
def divergence(student):
    """Returns the KL divergence from the teacher to the student over sentences, in nats."""
    return loss(exact_targets(), student) + np.sum(xlogy(p_teacher, p_teacher))


def variation(student):
    """Returns the total variation distance between teacher and student."""
    return np.abs(chances(student) - p_teacher).sum() / 2


print(f"{'':10}{'KL':>6}{'TV':>6}{'bits':>6}{'mode':>6}")
for name, student in ({"(teacher)": TEACHER} | STUDENTS).items():
    bits, top = entropy(chances(student)), chances(student)[order[0]]
    print(f"{name:10}{abs(divergence(student)):6.3f}{variation(student):6.3f}{bits:6.3f}{top:6.3f}")
assert all(divergence(STUDENTS["exact"]) <= divergence(other) for other in STUDENTS.values())

# %% [markdown]
# The student of the exact loss is the teacher. The word-level student is right wherever the
# reference passes, and uniform elsewhere. The mode student writes one sentence with
# certainty: its entropy is 0, its divergence is infinite, and its distance TV is 1 minus the
# probability of the mode.

# %%
mode_student, word_student = STUDENTS["mode"], STUDENTS["word level"]
assert variation(STUDENTS["exact"]) < 1e-12, "the exact student is not the teacher"
fits = np.isclose(chances(word_student), p_teacher)
assert list(np.array(SENTENCES)[fits]) == [REFERENCE[:2] + word for word in WORDS]
for u in PREFIXES:
    right = np.allclose(word_student[u], TEACHER[u])
    assert right == REFERENCE.startswith(u), "right at the prefixes of the reference alone"
assert np.isinf(divergence(mode_student)) and entropy(chances(mode_student)) == 0
assert np.isclose(variation(mode_student), 1 - p_teacher[order[0]])

# %% [markdown]
# The plots show the probabilities of the 27 sentences, the teacher's likeliest first. The grey
# steps are the teacher, the bars a student. Word level: only the three sentences that begin with ab
# have just the right height. Exact: all fit. Mode (mind the scale): one bar of height 1 is left.

# %%
figure, axes = plt.subplots(3, 1, figsize=(5, 5.4), sharex=True)
for axis, (name, student), colour in zip(axes, STUDENTS.items(), (BLUE, BLUE, RED)):
    axis.bar(range(27), chances(student)[order], color=colour, alpha=0.6)
    axis.stairs(p_teacher[order], np.arange(28) - 0.5, color=GREY)
    axis.text(0.97, 0.85, name, color=colour, ha="right", va="top", transform=axis.transAxes)
    axis.set_ylabel("probability")
axes[2].set_xlabel("sentence, in the teacher's order")
plt.show()

# %% [markdown]
# Is it the hard targets that do the harm? No: draw sentences from the teacher instead of taking the
# likeliest, and train on them with hard targets too. On average this *is* the exact loss, and with
# many sentences the student comes close to the teacher.

# %%
print("sentences    TV")
for count in (1, 10, 100, 1000, 10_000, 100_000):
    drawn = rng.choice(SENTENCES, count, p=p_teacher)
    distance = variation(distil(hard_targets(drawn)))
    print(f"{count:9} {distance:6.3f}")
assert distance < 0.02

# %% [markdown]
# **Try it.** Set `MEMORY = 1`, so that the student sees one word only, and run the section again.
# Which assertion fails first, and rightly? (You should find that it is the one on the distance of
# the exact student: no student that sees so little can copy this teacher. Its divergence is now
# 0.213. But look at the table: the mode student is as sure of its one sentence as before. The mode
# asks for so little that even a smaller student can do it in full.)

# %% [markdown]
# ## 3. A prefix is a mixture
#
# In a head of attention with width $d$, a query $q$ meets the keys $k_j$ and values $v_j$ of the
# tokens; its scores are $z_j = q \cdot k_j / \sqrt{d}$ and its weights $a_j$ their softmax. Prefix
# tuning puts trained keys $\kappa_t$ and values $\nu_t$ before them. Their scores are
# $u_t = q \cdot \kappa_t / \sqrt{d}$. The share of the attention that goes to the prefix is
# $\lambda = \sum_t e^{u_t} / (\sum_t e^{u_t} + \sum_j e^{z_j})$.

# %%
D, TOKENS, PREFIX = 8, 5, 2
rng = np.random.default_rng(7)
query = rng.normal(size=D)
keys, values = rng.normal(size=(2, TOKENS, D))
prefix_keys, prefix_values = rng.normal(size=(2, PREFIX, D))


def attend(query, keys, values):
    """Returns the attention weights of one query, and its output."""
    weights = softmax(keys @ query / np.sqrt(D))
    return weights, weights @ values


def share(query, prefix_keys, keys):
    """Returns the part λ of the attention that goes to the prefix."""
    prefix, tokens = (np.exp(k @ query / np.sqrt(D)).sum() for k in (prefix_keys, keys))
    return prefix / (prefix + tokens)


without, output = attend(query, keys, values)
_, prefix_output = attend(query, prefix_keys, prefix_values)
both = np.concatenate([prefix_keys, keys]), np.concatenate([prefix_values, values])
weights, mixed = attend(query, *both)
lam = share(query, prefix_keys, keys)

print(f"λ = {lam:.4f}, 1 − λ = {1 - lam:.4f}")
print("token  without    with  quotient")
for j in range(TOKENS):
    row = without[j], weights[PREFIX + j], weights[PREFIX + j] / without[j]
    print(f"{j + 1:5} {row[0]:8.4f} {row[1]:7.4f} {row[2]:9.4f}")

# %% [markdown]
# Every token keeps the same fraction $1 - \lambda$ of its weight. So the ratio of two tokens is
# what it was, and the new output is a mixture: $(1 - \lambda)$ times the old output plus $\lambda$
# times what the query would get from the prefix alone. This holds for any numbers; the cell tries a
# thousand heads.

# %%
assert np.allclose(weights[PREFIX:], (1 - lam) * without, rtol=1e-12)
assert np.allclose(mixed, (1 - lam) * output + lam * prefix_output, atol=1e-12)
for _ in range(1000):
    q, (k, v), (pk, pv) = rng.normal(size=D), rng.normal(size=(2, 5, D)), rng.normal(size=(2, 3, D))
    old, old_output = attend(q, k, v)
    new, new_output = attend(q, np.concatenate([pk, k]), np.concatenate([pv, v]))
    part, alone = share(q, pk, k), attend(q, pk, pv)[1]
    assert np.allclose(new_output, (1 - part) * old_output + part * alone, atol=1e-12)
    assert np.allclose(new[3:] / new[3], old / old[0]), "the ratios of the tokens changed"
print("1000 heads: a mixture each time, and the ratios of the tokens unchanged")

# %% [markdown]
# What can training do, then? It can move $\lambda$ and the prefix's own output. The plot multiplies
# the prefix's keys by a factor, from −4 to 3. The share λ, dashed in red, changes with it. The
# weights of the five tokens, in blue, fall where λ rises, all by the same factor: on this
# logarithmic scale they are copies of one curve, shifted up or down.

# %%
factors = np.linspace(-4, 3, 141)
scaled = [np.concatenate([f * prefix_keys, keys]) for f in factors]
paths = np.array([attend(query, k, both[1])[0] for k in scaled])
shares = np.array([share(query, f * prefix_keys, keys) for f in factors])
distances = np.diff(np.log(paths[:, PREFIX:]), axis=1)
assert np.allclose(distances, distances[0], atol=1e-9), "the curves should be parallel"
assert np.allclose(paths[:, :PREFIX].sum(axis=1), shares)

figure, axis = plt.subplots(figsize=(5, 3.2))
axis.semilogy(factors, paths[:, PREFIX:], color=BLUE)
axis.semilogy(factors, shares, "--", color=RED)
axis.text(2, 0.7, "prefix (λ)", color=RED, ha="center", va="top")
axis.text(-3, paths[20, PREFIX:].min() * 0.8, "tokens", color=BLUE, ha="center", va="top")
axis.set(xlabel="factor on the prefix's keys", ylabel="weight", ylim=(1e-4, 2))
plt.show()

# %% [markdown]
# Two limits of the statement. First, it is about *one* layer with given queries and keys. A second
# layer computes its queries and keys from the outputs of the first, which have changed, so there
# the ratios can move, even if only the first layer has a prefix. Second, it is about prefixes: an
# update of the query matrix, such as LoRA's product of two thin matrices, can move the ratios in
# the layer itself. (To be short, the layers below use their inputs as queries, keys and values
# alike.)


# %%
def layer(inputs, prefix_keys, prefix_values):
    """Returns the weights on the tokens of the last query, and all outputs with a residual."""
    k, v = np.concatenate([prefix_keys, inputs]), np.concatenate([prefix_values, inputs])
    results = [attend(q, k, v) for q in inputs]
    return results[-1][0][len(prefix_keys) :], inputs + np.array([out for _, out in results])


def ratios(weights):
    """Returns the weight of each token relative to the first."""
    return weights / weights[0]


inputs, nothing = rng.normal(0, 0.5, (TOKENS, D)), np.zeros((0, D))
bare_first, bare = layer(inputs, nothing, nothing)
prefixed_first, prefixed = layer(inputs, prefix_keys, prefix_values)
bare_second, _ = layer(bare, nothing, nothing)
prefixed_second, _ = layer(prefixed, nothing, nothing)
assert np.allclose(ratios(bare_first), ratios(prefixed_first))
assert np.abs(ratios(bare_second) / ratios(prefixed_second) - 1).max() > 0.05

down, up = rng.normal(size=(D, 1)) / 4, rng.normal(size=(1, D))  # a LoRA update of rank 1
tuned, _ = attend(query + query @ down @ up, keys, values)
assert np.abs(ratios(tuned) / ratios(without) - 1).max() > 0.05
print("ratio of the last token to the first:")
for name, before, after in (
    ("prefix, first layer", bare_first, prefixed_first),
    ("prefix, second layer", bare_second, prefixed_second),
    ("LoRA, same layer", without, tuned),
):
    print(f"{name:20} {ratios(before)[-1]:.4f} → {ratios(after)[-1]:.4f}")

# %% [markdown]
# **Try it.** In a new cell, give `zeros = np.zeros((PREFIX, D))` to the head as keys *and* values
# of the prefix. Is a prefix of zeros the same as none? (You should find that it is not. Each of its
# vectors has the score 0 and takes its share: $\lambda$ is $p$ divided by $p + \sum_j e^{z_j}$ with
# $p = 2$, here 0.2044. It gives nothing, so the output shrinks by the factor $1 - \lambda$. A LoRA
# update of zeros, which is *added*, is nothing.)
