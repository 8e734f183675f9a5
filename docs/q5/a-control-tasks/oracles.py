"""Second routes of 5(a): enumeration of labellings, tag sequences and predictors."""

from itertools import product
from types import SimpleNamespace

import numpy as np

from . import model as m
from .model import TAGS


def labellings(types, chances):
    """Yield every labelling of so many types, and its chance if labels are drawn independently."""
    for labels in product(range(len(chances)), repeat=types):
        yield labels, np.prod([chances[label] for label in labels])


def best_control(counts, seen, chances):
    """Return the largest expected control accuracy of all predictors that know the labels of seen types.

    `counts` are the test tokens of each type; a predictor is any table from what it knows to guesses, so
    the best one is found label by label: for each labelling of the seen types, the best of all guesses.
    """
    unseen = [v for v in range(len(counts)) if v not in seen]
    best = 0.0
    for known, chance in labellings(len(seen), chances):
        scores = []
        for guesses in product(range(len(chances)), repeat=len(counts)):
            right = 0.0
            for rest, weight in labellings(len(unseen), chances):
                labels = dict(zip(seen, known)) | dict(zip(unseen, rest))
                right += weight * sum(n for v, n in enumerate(counts) if guesses[v] == labels[v])
            scores.append(right)
        best += chance * max(scores)
    return best / sum(counts)


def joint(lang, words):
    """Return the joint probability of the words and each tag sequence, by enumeration; dict."""
    found = {}
    for tags in product(range(len(lang.start)), repeat=len(words)):
        chance = lang.start[tags[0]] * lang.emissions[tags[0], words[0]]
        for before, tag, word in zip(tags, tags[1:], words[1:]):
            chance *= lang.transitions[before, tag] * lang.emissions[tag, word]
        found[tags] = chance
    return found


def best_table(table):
    """Return the accuracy of the best of all functions from rows to columns; `table` holds joint chances."""
    rows, columns = table.shape
    choices = product(range(columns), repeat=rows)
    return max(sum(table[row, column] for row, column in enumerate(choice)) for choice in choices)


def learnt_table(seed, setting):
    """Return the accuracy, on the test tokens of a seed, of each type's commonest tag among its training
    tokens, and of its commonest tag in the language; ties and new types get the commoner tag."""
    lang, rng = m.language(seed), np.random.default_rng([seed, 2])
    words, tags = m.sentences(lang, setting["probe_train"], setting["length"], rng)
    test, test_tags = m.sentences(lang, setting["probe_test"], setting["length"], rng)
    counts = np.tile(np.bincount(tags.ravel(), minlength=TAGS) / (2 * tags.size), (m.TYPES, 1))
    np.add.at(counts, (words, tags), 1)
    return [float((table[test].argmax(-1) == test_tags).mean()) for table in (counts, m.by_word(lang))]


def information(table):
    """Return the mutual information in nats of a table of joint probabilities."""
    independent = table.sum(1, keepdims=True) * table.sum(0, keepdims=True)
    full = table > 0
    return float((table[full] * np.log(table[full] / independent[full])).sum())


def merged(table, function, values):
    """Return the joint table of a function of the rows and the columns."""
    result = np.zeros((values, table.shape[1]))
    np.add.at(result, function, table)
    return result


def sloped(h, a, u):
    """Return the projections of the vectors in their order, the targets and the slopes between them."""
    order = np.argsort(h @ a)
    t, u = (h @ a)[order], u[order]
    slopes = np.diff(u, axis=0) / np.diff(t)[:, None]
    return order, t, u, np.vstack([np.zeros(u.shape[1]), slopes])


def small_language(seed):
    """Return a language of eight tags and five types."""
    rng = np.random.default_rng(seed)
    emissions = rng.uniform(0.1, 1, (TAGS, 5)) ** 3
    transitions = rng.dirichlet(np.full(TAGS, 0.5), TAGS)
    start = np.linalg.matrix_power(transitions, 4096)[0]
    return SimpleNamespace(start=start, transitions=transitions,
                           emissions=emissions / emissions.sum(1, keepdims=True))  # fmt: skip
