"""A synthetic language with ambiguous words, control labels, and what a probe can reach at best."""

from types import SimpleNamespace

import numpy as np

TAGS, TYPES, AMBIGUOUS = 8, 600, 0.4


def language(seed):
    """Return a hidden Markov language: start (8,), transitions (8, 8) and emissions (8, 600).

    Frequencies of types follow Zipf's law, flattened at the top; 40 % of the types have two tags.
    """
    rng = np.random.default_rng(seed)
    transitions = 0.05 / TAGS + 0.95 * rng.dirichlet(np.full(TAGS, 0.3), TAGS)
    frequencies = rng.permutation(1 / (np.arange(TYPES) + 5))
    first, step = rng.integers(TAGS, size=TYPES), rng.integers(1, TAGS, size=TYPES)
    share = np.where(rng.random(TYPES) < AMBIGUOUS, rng.uniform(0.5, 0.8, TYPES), 1)
    emissions = np.zeros((TAGS, TYPES))
    emissions[first, np.arange(TYPES)] = frequencies * share
    emissions[(first + step) % TAGS, np.arange(TYPES)] += frequencies * (1 - share)
    values, vectors = np.linalg.eig(transitions.T)
    start = np.real(vectors[:, np.argmax(np.real(values))])
    return SimpleNamespace(
        start=start / start.sum(),
        transitions=transitions,
        emissions=emissions / emissions.sum(axis=1, keepdims=True),
    )


def drawn(rng, cumulative):
    """Draw one value from each row of cumulative probabilities; shape (rows,)."""
    return (rng.random((len(cumulative), 1)) > cumulative[:, :-1]).sum(axis=1)


def sentences(lang, count, length, rng):
    """Return words and their tags, each of shape (count, length)."""
    words, tags, chances = [], [], np.tile(lang.start, (count, 1))
    for _ in range(length):
        tags.append(drawn(rng, chances.cumsum(axis=1)))
        words.append(drawn(rng, lang.emissions[tags[-1]].cumsum(axis=1)))
        chances = lang.transitions[tags[-1]]
    return np.stack(words, 1), np.stack(tags, 1)


def filtered(lang, words):
    """Return the chance of each tag given the words up to its own; shape (count, length, 8)."""
    found, prior = [], lang.start
    for column in words.T:
        joint = prior * lang.emissions[:, column].T
        found.append(joint / joint.sum(axis=1, keepdims=True))
        prior = found[-1] @ lang.transitions
    return np.stack(found, 1)


def surprisal(lang, words):
    """Return the mean loss in nats of the language's own prediction of each word after the first."""
    prior = filtered(lang, words)[:, :-1] @ lang.transitions
    return float(-np.log((prior * lang.emissions.T[words[:, 1:]]).sum(axis=-1)).mean())


def by_word(lang):
    """Return the chance of each tag given the type alone; shape (600, 8)."""
    joint = lang.start[:, None] * lang.emissions
    return (joint / joint.sum(axis=0)).T


def control(tags, types, rng):
    """Return a control label for each type, drawn independently from the empirical distribution of tags."""
    return rng.choice(TAGS, size=types, p=np.bincount(tags.ravel(), minlength=TAGS) / tags.size)
