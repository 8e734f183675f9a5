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
# # Lab: Question 4 by hand
#
# Three short experiments on the two parts of Question 4. Each tests its claims with `assert`, a
# line that stops the notebook if the claim is false, and ends with an exercise. The only
# requirements are NumPy and Matplotlib, and the whole notebook runs in a few seconds.
#
# 1. Tokens: turn a handwritten digit into the matrix that a Vision Transformer reads.
# 2. Order: shuffle the patches, and see who notices.
# 3. Contrast: build a batch of pairs, and see how one hard negative takes the gradient.

# %%
import matplotlib.pyplot as plt
import numpy as np

BLUE, RED, GREY = "#1f5fae", "#b3361e", "#666666"
plt.rcParams |= {"figure.dpi": 140, "figure.constrained_layout.use": True}

# %% [markdown]
# ## 1. A digit becomes a matrix of tokens
#
# The digit is a 3 of scikit-learn's collection, 8 × 8 pixels with values from 0 to 16. An image has
# three dimensions, $H \times W \times C$; here $C = 1$. Cut it into patches of $P \times P$ pixels
# and flatten each: this gives $N = HW/P^2$ rows of $P^2 C$ numbers.

# %%
DIGIT = """
 0  0  7 15 13  1  0  0
 0  8 13  6 15  4  0  0
 0  2  1 13 13  0  0  0
 0  0  2 15 11  1  0  0
 0  0  0  1 12 12  1  0
 0  0  0  0  1 10  8  0
 0  0  8  4  5 14  9  0
 0  0  7 13 13  9  0  0
"""
image = np.array([line.split() for line in DIGIT.strip().splitlines()], float)[..., None] / 16


def patches(image, size):
    """Returns the flattened patches of an image, row by row."""
    height, width, channels = image.shape
    grid = image.reshape(height // size, size, width // size, size, channels)
    return grid.swapaxes(1, 2).reshape(-1, size * size * channels)


P = 2
x_p = patches(image, P)
print(f"image {image.shape}, x_p {x_p.shape}")
H, W, C = image.shape
assert x_p.shape == (H * W // P**2, P**2 * C)
assert np.array_equal(np.sort(x_p, axis=None), np.sort(image, axis=None)), "a pixel was lost"
second = image[P : 2 * P, P : 2 * P].ravel()
assert np.array_equal(x_p[W // P + 1], second), "the second patch of the second row"

# %% [markdown]
# A learned matrix $E$ gives each row the width $D$ of the model. A class token comes first, and each
# row gets its position embedding. We draw all three at random, as before training.

# %%
D = 24
rng = np.random.default_rng(0)
N = len(x_p)
E = rng.normal(size=(P * P * C, D)) / P
x_class, E_pos = rng.normal(size=(1, D)), rng.normal(size=(N + 1, D))


def sequence(x_p, E_pos):
    """Returns z_0, the rows that the encoder reads."""
    return np.vstack([x_class, x_p @ E]) + E_pos


z_0 = sequence(x_p, E_pos)
assert z_0.shape == E_pos.shape == (N + 1, D)
assert np.allclose(z_0[0], x_class[0] + E_pos[0])
assert np.allclose(z_0[3], x_p[2] @ E + E_pos[3])
print(f"x_p {x_p.shape} times E {E.shape}, with a class token and E_pos: z_0 {z_0.shape}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(6, 2.4), width_ratios=[8, 4, D])
for axis, values, name in zip(axes, (image[..., 0], x_p, z_0), ("image", "$x_p$", "$z_0$")):
    axis.imshow(values, cmap="Greys")
    axis.set(title=name, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# **Try it.** Set `P = 4`, then `P = 1`, and run the section again. What happens to the number of
# tokens, and to the number of pairs of tokens that attention compares? (You should find 5 tokens
# and 25 pairs, and with one token a pixel 65 and 4,225, instead of 17 and 289.) Then set it back to
# 2: with four patches, a random shuffle may be none, and an assertion below would fail.

# %% [markdown]
# ## 2. Who notices a shuffle?
#
# The encoder here has one layer, with one head of attention and an MLP; its weights are random. Its
# output for the class token is what a classifier would see.


# %%
def softmax(scores, axis=-1):
    """Returns the softmax along an axis."""
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def norm(z):
    """Returns rows with mean 0 and variance 1; a row of zeros stays as it is."""
    centred = z - z.mean(axis=1, keepdims=True)
    return centred / np.sqrt(z.var(axis=1, keepdims=True) + 1e-5)


W_Q, W_K, W_V, W_O, UP, DOWN = rng.normal(size=(6, D, D)) / np.sqrt(D)


def encoder(z):
    """Returns the rows after one layer and the last LayerNorm."""
    y = norm(z)
    attention = softmax((y @ W_Q) @ (y @ W_K).T / np.sqrt(D))
    z = z + attention @ y @ W_V @ W_O
    return norm(z + np.maximum(norm(z) @ UP, 0) @ DOWN)


def change(places):
    """Returns by how much a shuffle of the patches changes the class token's output."""
    shuffled = rng.permutation(x_p)
    outputs = [encoder(sequence(rows, places))[0] for rows in (x_p, shuffled)]
    return np.abs(outputs[0] - outputs[1]).max()


nowhere = np.zeros_like(E_pos)
print("change of the class token's output when the patches are shuffled")
for name, places in (("with E_pos", E_pos), ("without", nowhere)):
    changes = [change(places) for _ in range(100)]
    print(f"{name:10} at least {min(changes):.1e}, at most {max(changes):.1e}")
    assert (min(changes) > 0.01) if places is E_pos else (max(changes) < 1e-12)

# %% [markdown]
# Without $E_{\mathrm{pos}}$ the image is a bag of patches. But the *true* order is nothing special
# either: put the patches in any fixed order and move the rows of $E_{\mathrm{pos}}$ along, and the
# output is the same. So a model that is trained on one scrambled order can do as well.

# %%
order = rng.permutation(N)
moved = np.vstack([E_pos[:1], E_pos[1:][order]])
straight, scrambled = encoder(sequence(x_p, E_pos)), encoder(sequence(x_p[order], moved))
assert np.allclose(straight[0], scrambled[0]), "the class token noticed"
assert np.allclose(straight[1:][order], scrambled[1:]), "the patches did not move along"
print("scrambled patches with scrambled positions: the same output")

# %% [markdown]
# **Try it.** Give the encoder a causal mask, as in a language model: add
# `np.triu(np.full((N + 1, N + 1), -1e9), 1)` to the scores. Which assertion fails? (You should find
# that of the line "with E_pos": the class token stands first, so under the mask it sees only itself,
# and no shuffle of the patches can reach it.)

# %% [markdown]
# ## 3. A hard negative takes the gradient
#
# VideoCLIP learns from a batch of $n$ pairs. Video $i$ has the state $v_i$, its text $t_i$. Its term
# of the loss from video to text is $-\log P_{ii}$, where $P$ is the softmax along the rows of the
# scores $v_i \cdot t_j / \tau$; the other direction takes the softmax $Q$ along the columns.

# %%
PAIRS, WIDTH = 8, 24
rng = np.random.default_rng(1)


def weights(v, t, tau=1):
    """Returns the two softmaxes of a batch, P along rows and Q along columns."""
    scores = v @ t.T / tau
    return softmax(scores, axis=1), softmax(scores, axis=0)


def loss(v, t, tau=1):
    """Returns the loss of VideoCLIP, summed over the pairs."""
    P, Q = weights(v, t, tau)
    return -np.log(np.diag(P) * np.diag(Q)).sum()


def gradient(v, t, tau=1):
    """Returns the derivative of the loss by the states of the videos."""
    P, Q = weights(v, t, tau)
    return (P + Q - 2 * np.eye(len(v))) @ t / tau


same = np.ones((PAIRS, WIDTH))
assert np.isclose(loss(same, same), 2 * PAIRS * np.log(PAIRS)), "equal scores: 2 n log n"
v = rng.normal(size=(PAIRS, WIDTH))
t = v + 0.3 * rng.normal(size=v.shape)
nudge, step = rng.normal(size=v.shape), 1e-6
slope = (loss(v + step * nudge, t) - loss(v - step * nudge, t)) / (2 * step)
assert np.isclose(slope, np.sum(gradient(v, t) * nudge)), "the formula of the gradient"
print(f"equal states: {2 * np.log(PAIRS):.3f} a pair; this batch: {loss(v, t) / PAIRS:.3f}")

# %% [markdown]
# In this batch all texts are random, so video 1 has easy negatives, and its term is nearly 0.
# Now make text 2 more and more like text 1: move it from its place, hardness 0, towards text 1,
# hardness 1. The gradient by $v_1$ from this direction is the sum of $P_{1j} (t_j - t_1) / \tau$ over
# the negatives $j$. So $P_{1j}$ is the weight of negative $j$, and the length of its term is its push.


# %%
def harder(t, hardness):
    """Returns the texts with the second moved towards the first."""
    moved = t.copy()
    moved[1] = (1 - hardness) * t[1] + hardness * t[0]
    return moved


print("hardness   term   weight of text 2    its push   push of the others")
pushes, rest = [], []
for hardness in (0, 0.5, 0.8, 0.9, 0.95, 1):
    texts = harder(t, hardness)
    row = weights(v, texts)[0][0]
    push = row * np.linalg.norm(texts - texts[0], axis=1)
    pushes.append(push[1])
    rest.append(push[2:].sum())
    print(f"{hardness:8} {-np.log(row[0]):6.3f} {row[1]:18.4f} {pushes[-1]:11.4f} {rest[-1]:20.4f}")
assert np.isclose(row[0], row[1]), "two equal texts share the probability"
assert row[1] > 0.49 and row[2:].sum() < 0.01, "nearly all that the negatives have"
assert max(np.divide(pushes, rest)) > 5, "near its peak it pushes far more than the others"
assert pushes[-1] == 0 and max(pushes) > 20 * pushes[0], "the push peaks before the end"

# %% [markdown]
# The weight rises all the way; the push rises too, to seven times that of all others together, until
# text 2 is so near to text 1 that there is hardly a difference left to push along. The last row is a
# *false* negative: the same text twice. It does not push, but it holds half of the probability, and
# the term cannot fall below $\log 2$, though nothing is wrong with the model. That is a risk of
# retrieving negatives.
#
# The plot shows the weight of text 2 against its hardness, for three temperatures. A small
# temperature looks at the very hardest only.

# %%
figure, axis = plt.subplots(figsize=(5, 3))
hardnesses = np.linspace(0, 1, 101)
for tau, colour in ((0.3, RED), (1, BLUE), (3, GREY)):
    curve = [weights(v, harder(t, h), tau)[0][0, 1] for h in hardnesses]
    axis.plot(hardnesses, curve, color=colour, label=f"τ = {tau}")
    assert np.all(np.diff(curve) > 0), "the weight should rise with the hardness"
axis.set(xlabel="hardness of text 2", ylabel="its weight $P_{12}$")
axis.legend(frameon=False)
plt.show()

# %% [markdown]
# A whole batch can be hard. Give all pairs a common part, as clips of one topic have, and make what
# is their own small. The loss is higher, and the gradient is larger too: there is something to learn.

# %%
topic = rng.normal(size=WIDTH)
own = 0.4 * rng.normal(size=v.shape)
v_hard, t_hard = topic + own, topic + own + 0.1 * rng.normal(size=v.shape)
print("batch    loss a pair   size of the gradient")
sizes = {}
for name, batch in (("easy", (v, t)), ("hard", (v_hard, t_hard))):
    sizes[name] = loss(*batch) / PAIRS, np.linalg.norm(gradient(*batch)) / PAIRS
    print(f"{name:8} {sizes[name][0]:11.3f} {sizes[name][1]:22.3f}")
assert sizes["hard"] > sizes["easy"] and sizes["hard"][1] > sizes["easy"][1]

# %% [markdown]
# **Try it.** In a new cell, go a hundred steps down the gradient in the hard batch: repeat
# `v_hard = v_hard - 0.1 * gradient(v_hard, t_hard)`, with the texts as they are. How far does the
# loss fall? (You should find 0.020 a pair instead of 3.571: the videos move apart along what is
# their own. The common part is no help: subtract `t_hard.mean(axis=0)` from all texts, and $P$ stays
# the same.)
