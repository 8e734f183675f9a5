"""Mathematics of 1(b): language models given by tables, their sentences, and the losses of distillation.

A table maps each prefix, a tuple of words, to the probabilities of the next word. Words count from 1. A
sentence is complete where the table has no row for it.
"""

import numpy as np
from scipy.special import xlogy

# The worked example of the page: three words from {a, b} = {1, 2}. Greedy search misses its mode.
TEACHER = {
    prefix: np.array([first, 1 - first])
    for prefix, first in {
        (): 0.6, (1,): 0.55, (2,): 0.9, (1, 1): 0.6, (1, 2): 0.5, (2, 1): 0.8, (2, 2): 0.5,
    }.items()
}  # fmt: skip
REFERENCE = (1, 2, 2)


def sentences(table, prefix=(), chance=1.0):
    """Return the probability of every sentence that begins with a prefix, as a dict."""
    if prefix not in table:
        return {prefix: chance}
    found = {}
    for word, next_chance in enumerate(table[prefix], 1):
        found |= sentences(table, (*prefix, word), chance * next_chance)
    return found


def weights(table, prefix=(), chance=1.0):
    """Return w(u), the probability that a sentence begins with u, for every prefix that has a next word."""
    if prefix not in table:
        return {}
    found = {prefix: chance}
    for word, next_chance in enumerate(table[prefix], 1):
        found |= weights(table, (*prefix, word), chance * next_chance)
    return found


def prefixes(sentence):
    """Return the prefixes of a sentence to which one of its words is added, the empty one first."""
    return [sentence[:j] for j in range(len(sentence))]


def word_loss(teacher, student, sentence):
    """Return the word-level loss of a sentence in nats; infinite where the student excludes a word."""
    with np.errstate(divide="ignore"):
        return -sum(xlogy(teacher[u], student[u]).sum() for u in prefixes(sentence))


def beam_search(table, width):
    """Return the complete sentence that a beam of a given width finds, and its probability.

    At each step the `width` likeliest of all continuations are kept, complete sentences among them.
    """
    beam = {(): 1.0}
    while any(prefix in table for prefix in beam):
        grown = {}
        for prefix, chance in beam.items():
            rows = enumerate(table[prefix], 1) if prefix in table else ()
            grown |= {(*prefix, word): chance * more for word, more in rows} or {prefix: chance}
        beam = dict(sorted(grown.items(), key=lambda item: -item[1])[:width])
    return max(beam.items(), key=lambda item: item[1])


def trained(loss):
    """Return the table that a free student of the example, uniform at first, becomes under a loss."""
    best = beam_search(TEACHER, 2)[0]
    rows = {u: np.full(2, 0.5) for u in TEACHER}
    if loss == "exact":
        rows |= TEACHER
    if loss == "word":
        rows |= {u: TEACHER[u] for u in prefixes(REFERENCE)}
    if loss == "mode":
        rows |= {u: np.eye(2)[word - 1] for u, word in zip(prefixes(best), best)}
    return rows
