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
# # Lab: Question 0 by hand
#
# Three short experiments on the statements of Question 0. Each tests its claims with `assert`, a
# line that stops the notebook if the claim is false, and ends with an exercise. The only
# requirements are NumPy and Matplotlib, and the whole notebook runs in a few seconds.
#
# 1. Temperature: turn one knob and watch a distribution sharpen and flatten.
# 2. RoPE: rotate pairs of coordinates and see that of the positions only their difference is left in
#    the score.
# 3. WordPiece and BPE: cut a word of your own, with one vocabulary and two algorithms.

# %%
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

BLUE, RED, GREY = "#1f5fae", "#b3361e", "#666666"
plt.rcParams |= {"figure.dpi": 140, "figure.constrained_layout.use": True}

# %% [markdown]
# ## 1. Change the temperature
#
# A model gives each token a logit $z_i$. At the temperature $T > 0$ the next token is drawn with
# probability $p_i(T) = e^{z_i/T} / \sum_j e^{z_j/T}$. Statement (d) says that a low temperature
# flattens this distribution. Change `TEMPERATURE` and look.

# %%
TEMPERATURE = 0.5
TOKENS = ["tea", "coffee", "water", "milk", "soup", "ink"]
LOGITS = np.array([3.0, 2.4, 1.6, 0.9, 0.0, -2.0])


def tempered(logits, temperature):
    """Returns the softmax of the logits divided by the temperature."""
    weights = np.exp((logits - logits.max()) / temperature)
    return weights / weights.sum()


def entropy(p):
    """Returns the entropy of a distribution in nats."""
    return -np.sum(p * np.log(p))


model, chosen = tempered(LOGITS, 1.0), tempered(LOGITS, TEMPERATURE)
print(f"{'token':8}{'T = 1':>8}{f'T = {TEMPERATURE:g}':>9}")
for token, before, after in zip(TOKENS, model, chosen):
    print(f"{token:8}{before:8.3f}{after:9.3f}")
print(f"{'entropy':8}{entropy(model):8.3f}{entropy(chosen):9.3f}")

# %% [markdown]
# Two claims, for any logits that are not all equal. First, the distribution at $T$ is the power
# $1/T$ of the one at $T = 1$, normalised; so the order of the tokens is the same at every $T$.
# Second, the mass of the $k$ likeliest tokens falls as $T$ rises, for each $k$ below the number of
# tokens. Together they say what "flatter" means. Random logits test both.

# %%
rng = np.random.default_rng(0)
temperatures = np.geomspace(0.2, 20, 60)
for logits in rng.normal(0, 2, (200, 6)):
    rows = np.array([tempered(logits, t) for t in temperatures])
    power = tempered(logits, 1.0) ** (1 / temperatures[:, None])
    assert np.allclose(rows, power / power.sum(axis=1, keepdims=True), atol=1e-12)
    top = np.cumsum(np.sort(rows, axis=1)[:, ::-1], axis=1)[:, :-1]
    assert np.all(np.diff(top, axis=0) < 1e-12), "the mass of the likeliest tokens should fall"
    assert np.all(top[-1] < top[0])
print("200 distributions, 60 temperatures: the same order, and flatter with every step up")

# %% [markdown]
# The plot shows the three kinds of path. The likeliest token, in blue, falls at every temperature.
# Those whose logit is below the mean of all logits, in grey, rise at every temperature. The two
# between, dashed in red, rise first and then fall. At the right all come close to one sixth.

# %%
figure, axis = plt.subplots(figsize=(5, 3))
paths = np.array([tempered(LOGITS, t) for t in temperatures])
falling, between, rising = dict(color=BLUE), dict(color=RED, linestyle="--"), dict(color=GREY)
looks = [falling, between, between, rising, rising, rising]
for token, path, look in zip(TOKENS, paths.T, looks):
    axis.plot(temperatures, path, **look)
axis.axvline(1, color=GREY, linewidth=0.8, linestyle=":")
axis.text(0.6, 0.75, "tea", color=BLUE)
axis.text(1.15, 0.3, "coffee", color=RED)
axis.text(0.55, 0.09, "water", color=RED, ha="right")
axis.set(xscale="log", xlabel="temperature T (log scale)", ylabel="probability", ylim=(0, 1))
axis.set_xticks([0.2, 1, 5, 20], ["0.2", "1", "5", "20"])
plt.show()

# %% [markdown]
# **Try it.** Set `TEMPERATURE` to 0.1, 1, 2 and 100. At which of them is the entropy above that of
# the model? (You should find: at 2 and at 100. At 100 it is close to $\log 6 \approx 1.79$.) Then
# make all logits equal. Which claim fails now, and why? (The second: no temperature changes a
# uniform distribution. The test above never meets that case.)

# %% [markdown]
# ## 2. Rotate a pair
#
# RoPE takes the coordinates of a query or a key in pairs. A pair $(u, v)$ is the complex number
# $u + \mathrm{i} v$: this is the *token*. Its *position* $m$ is the rotation by the angle
# $m \theta$, that is, multiplication by $e^{\mathrm{i} m \theta}$. Statement (c) swaps the two.
# Choose a query, a key, an angle and two positions.

# %%
QUERY, KEY = np.array([2.0, 1.0]), np.array([1.0, 1.5])
THETA = 0.3
M, N = 7, 4  # the positions of the query and of the key


def rotation(angle):
    """Returns the matrix that rotates a pair of coordinates by an angle."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


query, key = rotation(M * THETA) @ QUERY, rotation(N * THETA) @ KEY
as_complex = complex(*QUERY) * np.exp(1j * M * THETA)
assert np.allclose([as_complex.real, as_complex.imag], query), "the two forms differ"
print("query before", QUERY, "after", np.round(query, 3))
print("length before", round(np.hypot(*QUERY), 6), "after", round(np.hypot(*query), 6))
print("score of query and key:", round(query @ key, 6))

# %% [markdown]
# The length is kept: the content stays in the vector, and the position only turns it. Now shift both
# positions by the same number. Each vector changes and the score does not, because
# $(R_m q)^\top (R_n k) = q^\top R_m^\top R_n k = q^\top R_{n-m} k$. Mind the sign: it is $n - m$ in
# the matrix form. In complex numbers the same score is the real part of
# $q \bar{k} \, e^{\mathrm{i} (m - n) \theta}$, with $m - n$.

# %%
print(f"{'m':>4}{'n':>4}{'rotated query':>20}{'score':>9}")
for shift in (0, 1, 10, 100):
    a, b = rotation((M + shift) * THETA) @ QUERY, rotation((N + shift) * THETA) @ KEY
    print(f"{M + shift:4d}{N + shift:4d}{f'{a[0]:.3f}, {a[1]:.3f}':>20}{a @ b:9.4f}")
    assert np.isclose(a @ b, QUERY @ rotation((N - M) * THETA) @ KEY)
    product = complex(*QUERY) * complex(*KEY).conjugate() * np.exp(1j * (M - N) * THETA)
    assert np.isclose(a @ b, product.real)

wrong_sign = QUERY @ rotation((M - N) * THETA) @ KEY
print(f"with the wrong sign in the matrix: {wrong_sign:.4f}")

# %% [markdown]
# A real head has many pairs, and the $j$-th of $d/2$ has the angle $\theta_j = 10000^{-2(j-1)/d}$,
# from 1 downwards. Does the score decay with the distance? The plot takes $d = 64$. Blue: query and
# key have the same content, all pairs alike. The score falls from its largest value, with waves.
# Grey: twenty random queries and keys. Their scores are spread around zero at every distance, near
# and far: RoPE does not simply favour what is near.

# %%
PAIRS = 32
angles = 10000.0 ** (-np.arange(PAIRS) / PAIRS)
distances = np.arange(0, 257)
turns = np.exp(1j * np.outer(distances, angles))
same = np.real(turns @ np.ones(PAIRS)) / PAIRS
draw = np.random.default_rng(1)
contents = draw.normal(size=(2, 20, PAIRS)) + 1j * draw.normal(size=(2, 20, PAIRS))
contents /= np.linalg.norm(contents, axis=2, keepdims=True)
random_scores = np.real(turns @ (contents[0] * contents[1].conj()).T)
spread = random_scores.std(axis=1)
assert same[0] == 1 and np.all(same[1:] < 1), "equal contents agree best at distance 0"
assert spread[200:].mean() > 0.8 * spread[:50].mean(), "random scores should not fade"

figure, axis = plt.subplots(figsize=(5, 3))
axis.plot(distances, random_scores, color=GREY, linewidth=0.5, alpha=0.6)
axis.plot(distances, same, color=BLUE)
axis.text(150, 0.62, "equal contents", color=BLUE)
axis.text(150, -0.5, "random contents", color=GREY)
axis.set(xlabel="distance m − n", ylabel="score (1: same direction)", ylim=(-0.7, 1.05))
plt.show()

# %% [markdown]
# **Try it.** In the first cell of this section exchange the values of `M` and `N`. Is the score the
# same? (You should find that it is not: 3.7423 turns into 0.6090, the number printed "with the wrong
# sign". The order of two tokens matters.) Then set `KEY = QUERY` and exchange them once more. (Now
# the score is the same. The sign of $m - n$ meets only the imaginary part of $q \bar{k}$, and
# $q \bar{q}$ has none.)

# %% [markdown]
# ## 3. Segment a word of your own
#
# A vocabulary holds whole words and pieces; a piece that does not begin a word is written with
# `##`. WordPiece cuts a word by *longest match first*: take the longest piece that fits, then go on
# behind it. It keeps no merge rules. BPE keeps an ordered list of merges and replays it: among the
# neighbours in the word, merge the pair that stands first in the list, again and again.


# %%
def wordpiece(word, vocabulary):
    """Returns the pieces of a word, longest match first, or [UNK] where nothing matches."""
    pieces, start = [], 0
    while start < len(word):
        mark = "##" if start else ""
        ends = range(len(word), start, -1)
        end = next((e for e in ends if mark + word[start:e] in vocabulary), None)
        if end is None:
            return ["[UNK]"]
        pieces.append(mark + word[start:end])
        start = end
    return pieces


def merged(pieces, pair):
    """Returns the pieces with each occurrence of a pair joined, from left to right."""
    joined = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece.removeprefix("##")
        else:
            joined.append(piece)
    return joined


def letters(word):
    """Returns the letters of a word, with ## before all but the first."""
    return [letter if i == 0 else "##" + letter for i, letter in enumerate(word)]


def bpe(word, merges):
    """Returns the pieces of a word after replaying the merges in their order."""
    pieces = letters(word)
    while pairs := [pair for pair in zip(pieces, pieces[1:]) if pair in merges]:
        pieces = merged(pieces, min(pairs, key=merges.index))
    return pieces


small = ["a", "##b", "##c", "##bc", "ab"]
rules = [("##b", "##c"), ("a", "##b")]
print("WordPiece:", wordpiece("abc", small))
print("BPE:      ", bpe("abc", rules))
assert wordpiece("abc", small) == ["ab", "##c"] and bpe("abc", rules) == ["a", "##bc"]

# %% [markdown]
# One vocabulary, one word, two results: the first matched `ab`, the second merged `b` and `c`
# first. Longest match can even fail where a cut exists, because it never goes back.

# %%
print(wordpiece("abcd", ["a", "ab", "##bcd", "##c"]), "although a + ##bcd would do")
assert wordpiece("abcd", ["a", "ab", "##bcd", "##c"]) == ["[UNK]"]

# %% [markdown]
# Now a vocabulary from a list of words. The next cell learns merges by counting, as BPE does: join
# the most frequent pair of neighbours, and repeat. (Ties go to the pair that sorts first.) All
# pieces that arise make up the vocabulary, which both algorithms then share.

# %%
TEXT = """unable under until unit united unite unites uniting untie untied undo undone done one ones
once stone stones tone tones atone bone bones alone lone lonely only onion onions union unions
reunion reunite reuse used user users using useful usual usually causal cause caused causes because
clause pause paused pauses please pleased pleases lease least east eastern easter easters feast
feasts beast beasts breast restful rest rests restore restored restores store stores stored story
stories history stir stirred stare stared start started starts star stars tar tart tarts art arts
artist artists part parts party parting apart department compartment comparing compare compared
prepare prepared repair repaired pair pairs air airs hair hairs chair chairs chain chains china"""
ROUNDS = 40


def learn(text, rounds):
    """Returns the merges of BPE, in order, and the vocabulary of all pieces that arise."""
    counts = Counter(text.split())
    cuts = {word: letters(word) for word in counts}
    vocabulary, merges = {piece for cut in cuts.values() for piece in cut}, []
    for _ in range(rounds):
        pairs = Counter()
        for word, cut in cuts.items():
            for pair in zip(cut, cut[1:]):
                pairs[pair] += counts[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        vocabulary.add(best[0] + best[1].removeprefix("##"))
        cuts = {word: merged(cut, best) for word, cut in cuts.items()}
    return merges, vocabulary


merges, vocabulary = learn(TEXT, ROUNDS)
assert all(set(bpe(word, merges)) <= vocabulary for word in TEXT.split()), "BPE needs no other piece"
print("first merges:", merges[:5])
print(len(vocabulary), "pieces in the vocabulary")

# %% [markdown]
# Put words of your own into `WORDS`. A letter that the list does not contain makes WordPiece answer
# `[UNK]` for the whole word, and so does a first letter that the list has only inside words. (This BPE
# leaves such a letter as it is; real ones have a sign for it, or work on bytes.)

# %%
WORDS = ["apart", "start", "restart", "compartment", "reunited", "chairs", "zebra"]


def plain(pieces):
    """Returns the word that pieces spell."""
    return "".join(piece.removeprefix("##") for piece in pieces)


print(f"{'word':13}{'WordPiece':30}   BPE")
for word in WORDS:
    ours, theirs = wordpiece(word, vocabulary), bpe(word, merges)
    assert plain(theirs) == word and (plain(ours) == word or ours == ["[UNK]"])
    sign = "=" if ours == theirs else "≠"
    print(f"{word:13}{' '.join(ours):30}{sign}  {' '.join(theirs)}")

# %% [markdown]
# How often do the two differ on the words of the list itself? The plot counts them for
# vocabularies of different sizes. With few merges there is little to disagree on; with many, most
# words are in the vocabulary whole and both find them. In between they part, on a few words of this
# short list.

# %%
rounds = np.arange(0, 201, 10)
words = sorted(set(TEXT.split()))
differ = []
for count in rounds:
    some_merges, some_pieces = learn(TEXT, count)
    differ.append(sum(wordpiece(w, some_pieces) != bpe(w, some_merges) for w in words))
assert differ[0] == 0 and max(differ) > 0
print(f"{len(words)} different words; at most {max(differ)} are cut differently")

figure, axis = plt.subplots(figsize=(5, 2.6))
axis.bar(rounds, differ, width=7, color=BLUE)
axis.set(xlabel="merges learnt", ylabel="words that differ", ylim=(0, max(differ) + 1))
plt.show()

# %% [markdown]
# **Try it.** Find an English word that the two cut differently at `ROUNDS = 40`, other than those in
# the table. Which one uses fewer pieces? (One such word is "starting": BPE needs three pieces,
# WordPiece four.) Then set `ROUNDS = 0` and run the section again. (You should find that both cut a
# word of the list into letters: without merges there is nothing to replay, and the longest piece is
# one letter.)
