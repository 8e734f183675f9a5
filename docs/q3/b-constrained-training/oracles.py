"""Second routes for the checks of 3(b): toy edits, numeric derivatives, random distributions, PyTorch."""

from itertools import product
from types import SimpleNamespace

import numpy as np
from scipy.special import logsumexp, rel_entr, softmax

from . import model as m


def edit(seed, texts=6, answers=3):
    """Return a random edit of a table of logits (text, answer), with loss and change by loops over texts."""
    rng = np.random.default_rng(seed)
    before, shift = rng.normal(0, 2, (2, texts, answers))
    after, a, same, others = before + shift, seed % answers, range(2), range(2, texts)
    change = 0.0
    for text in others:
        change += rel_entr(softmax(before[text]), softmax(after[text])).sum()
    return SimpleNamespace(
        before=before, after=after, a=a, same=same, others=others, change=change,
        loss=sum(logsumexp(after[text]) - after[text, a] for text in same),
        p=lambda c, x, theta: softmax(theta[x])[c],
    )  # fmt: skip


def play(margin, steps=4000, rate=0.01):
    """Return φ and λ after descent and ascent on (φ − 2)² + λ(φ² − margin), from (0, 1)."""
    phi, price = 0.0, 1.0
    for _ in range(steps):
        change = phi**2 - margin
        phi -= rate * (2 * (phi - 2) + 2 * price * phi)
        price = max(0.0, price + rate * change)
    return phi, price


def second_differences(function, size, step=1e-3):
    """Return the Hessian at 0 of a function of a vector, by central differences."""
    unit = step * np.eye(size)
    hessian = np.empty((size, size))
    for i, j in product(range(size), repeat=2):
        if i <= j:
            corners = [function(s * unit[i] + t * unit[j]) for s, t in product((1, -1), repeat=2)]
            hessian[i, j] = hessian[j, i] = np.dot([1, -1, -1, 1], corners) / (4 * step**2)
    return hessian


def log_slopes(network, x, step=1e-6):
    """Return the gradients of log p(c | x) in θ by central differences; shape (input, answer, parameter)."""
    unit = step * np.eye(len(network.parameters))
    ends = [np.log(network.moved(row)(x)) - np.log(network.moved(-row)(x)) for row in unit]
    return np.stack(ends, axis=-1) / (2 * step)


def distributions(seed, count, answers=4, spread=2.0):
    """Return random distributions before and after an edit, some of them far apart, some close."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, (count, answers))
    change = rng.normal(size=(count, answers)) * rng.choice([0.05, 0.5, 3], size=(count, 1))
    return softmax(logits, axis=-1), softmax(logits + change, axis=-1)


def gap(p):
    """Return the difference of the two largest probabilities."""
    return np.subtract(*np.sort(p, axis=-1)[..., :-3:-1].T)


def tree(seed, length=3, words=2):
    """Return a law of sentences as p(y) and p(word | words before), from one random table."""
    table = np.random.default_rng(seed).dirichlet(np.ones(words**length))
    law = dict(zip(product(range(1, words + 1), repeat=length), table))

    def p(*given):
        if len(given) == 1:
            return law[tuple(given[0])]
        word, before = given
        before = tuple(np.ravel(before).astype(int))
        mass = [
            sum(v for y, v in law.items() if y[: len(part)] == part) for part in (before, (*before, word))
        ]
        return mass[1] / mass[0]

    return law, p


def mean_change(network, x, step):
    """Return the mean KL between the network and the one with the parameters moved by a step."""
    return m.divergence(network(x), network.moved(step)(x)).mean()


def shifts_by_hand(trial, setting):
    """Return the shifts of an untrained editor for three edits, and the same from its parts by NumPy."""
    world = trial.make_world(3, setting)
    base = trial.fit_classifier(world, 3, setting)
    editor = trial.Editor(world.vectors, [tuple(weight.shape) for weight in base.weights])
    draw = trial.torch.Generator().manual_seed(0)
    edits = trial.draw_edits(world, base, trial.split(world, setting)[0], 3, draw)
    found = [shift.detach().numpy() for shift in trial.apply_editor(editor, base, edits)]
    parts = list(editor.parts(edits.tokens, edits.current, edits.wanted))
    (first, second), (bias, other) = ([t.numpy() for t in group] for group in (base.weights, base.biases))
    expected = [np.empty_like(shift) for shift in found]
    for i, x in enumerate(edits.inputs[:, 0].numpy()):
        before = first @ x + bias
        hidden = np.maximum(before, 0)
        error = softmax(second @ hidden + other) - np.eye(len(other))[edits.wanted[i]]
        grads = [np.outer((second.T @ error) * (before > 0), x), np.outer(error, hidden)]
        for one, grad, target in zip(parts, grads, expected):
            alpha, gamma, beta, delta, gate = (part[i].detach().numpy() for part in one)
            target[i] = gate * (np.outer(alpha, gamma) * grad + np.outer(beta, delta))
    return found, expected
