"""Second routes of 4(b): loops over the batch, finite differences, all pairings, all small batches."""

from itertools import permutations, product
from math import exp, log
from types import SimpleNamespace

import numpy as np


def dot(a, b):
    """Return the sum of the products of the entries."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def batch(seed, n=4, d=3, tau=0.7, scale=1.0):
    """Return the states of a random batch, and what the page makes of them, by loops."""
    rng = np.random.default_rng(seed)
    v, t = scale * rng.normal(size=(2, n, d))
    S = np.array([[dot(a, b) / tau for b in t] for a in v])
    P = np.array([[exp(s) / sum(map(exp, row)) for s in row] for row in S])
    Q = np.array([[exp(s) / sum(map(exp, row)) for s in row] for row in S.T]).T
    return SimpleNamespace(v=v, t=t, n=n, tau=tau, S=S, P=P, Q=Q)


def pick(asking, right, others, tau):
    """Return the softmax probability of the right answer among it and the others."""
    top = exp(dot(asking, right) / tau)
    return top / (top + sum(exp(dot(asking, other) / tau) for other in others))


def probabilities(videos, texts, tau):
    """Return each video's probability of its text and each text's of its video, pair by pair."""
    return [
        [pick(asking[i], other[i], [*other[:i], *other[i + 1 :]], tau) for i in range(len(asking))]
        for asking, other in ((videos, texts), (texts, videos))
    ]


def loss(videos, texts, tau):
    """Return the loss of the batch, term by term."""
    return -sum(log(p) for direction in probabilities(videos, texts, tau) for p in direction)


def slope(function, at, step=1e-6):
    """Return the derivatives of a function by the entries of an array, by central differences."""
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[place] += step
        down[place] -= step
        found[place] = (function(up) - function(down)) / (2 * step)
    return found


def all_pairings(videos, texts, tau):
    """Return the loss of the batch for each way to pair its videos with its texts."""
    return [loss(videos, texts[list(order)], tau) for order in permutations(range(len(texts)))]


def information(joint):
    """Return the mutual information of a table of probabilities, in nats."""
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    return sum(p * log(p / (rows[v] * columns[t])) for (v, t), p in np.ndenumerate(joint) if p)


def expected_term(joint, scores, n):
    """Return the mean of the first video's term over all batches of n pairs drawn from a table."""
    total = 0
    for pairs in product(np.ndindex(joint.shape), repeat=n):
        chance = np.prod([joint[pair] for pair in pairs])
        video, right = pairs[0]
        total += chance * log(sum(exp(scores[video, text] - scores[video, right]) for _, text in pairs))
    return total


def row_and_column(videos, texts):
    """Return for each video the sums of the exponentials of its row and of its column of blocks of scores."""
    everything = range(len(videos))
    rows = [sum(exp(dot(video, text)) for j in everything for text in texts[j]) for video in videos]
    columns = [sum(exp(dot(video, text)) for video in videos for text in texts[i]) for i in everything]
    return rows, columns


def mil_nce(videos, texts):
    """Return MIL-NCE's loss of each video, as released; texts has the shape (videos, candidates, width).

    Row i of the first matrix are the scores of video i; of the second, those of the texts of video i.
    """
    scores = np.einsum("id,jkd->ijk", videos, texts)
    both = np.concatenate([scores, scores.transpose(1, 0, 2)], axis=1).reshape(len(videos), -1)
    right = [log(sum(map(exp, scores[i, i]))) for i in range(len(videos))]
    return [log(sum(map(exp, row))) - own for row, own in zip(both, right)]


def recalls(videos, texts, size):
    """Return the shares of texts with their own video first among all, and in their topic of `size` videos
    in a row, and with a video of their topic first."""
    found = []
    for i, text in enumerate(texts):
        scores = [dot(text, video) for video in videos]
        first, topic = scores.index(max(scores)), range(i - i % size, i - i % size + size)
        inside = max(topic, key=lambda place: scores[place])
        found.append((first == i, inside == i, first in topic))
    return [sum(column) / len(texts) for column in zip(*found)]


def ends(runs):
    """Return the last values of the courses of some runs, and their losses on both kinds of batches."""
    found = {name: [run[name][-1] for run in runs] for name in ("loss", "recall", "inside", "topic")}
    found |= {f"on {kind}": [run["crossed"][kind] for run in runs] for kind in ("random", "retrieved")}
    return {name: np.array(values) for name, values in found.items()}
