"""Second routes of 1(b): languages given by a joint table, trained students, slopes, a small experiment."""

from types import SimpleNamespace

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from . import model as m


def words(sequence):
    """Return a sequence of words as a tuple; an equation gives one of length 1 as a number."""
    return tuple(map(int, np.ravel(sequence)))


class Language:
    """A distribution over sentences, given by their probabilities; next words are found by summing."""

    def __init__(self, joint):
        self.joint = joint

    def begins(self, prefix):
        """Return the probability that a sentence begins with a prefix."""
        prefix = words(prefix)
        return sum(chance for y, chance in self.joint.items() if y[: len(prefix)] == prefix)

    def row(self, prefix):
        """Return the probabilities of the next of three words."""
        return np.array([self(word, prefix) for word in (1, 2, 3)])

    def vector(self):
        """Return the probabilities of all sentences, in the order of the table."""
        return np.array(list(self.joint.values()))

    def __call__(self, *given):
        """Return p(y) for a sentence, or p(k | u) for a word and a prefix."""
        *word, prefix = given
        prefix = words(prefix)
        return self.begins((*prefix, *word)) / self.begins(prefix) if word else self.joint[prefix]


def languages(seed, every):
    """Return a random teacher and a random student over given sentences."""
    rng = np.random.default_rng(seed)
    teacher, student = (Language(dict(zip(every, row))) for row in rng.dirichlet(np.ones(len(every)), 2))
    return SimpleNamespace(teacher=teacher, student=student)


def cross(teacher, student):
    """Return the cross-entropy of two vectors of probabilities in nats, by SciPy's entropies."""
    return entropy(teacher) + entropy(teacher, student)


def at(pair, prefix):
    """Return the cross-entropy C(u) of two languages at a prefix."""
    return cross(pair.teacher.row(prefix), pair.student.row(prefix))


def along(pair, sentence):
    """Return the word-level loss of a sentence, as the sum of C(u) over its prefixes."""
    return sum(at(pair, u) for u in m.prefixes(sentence))


def whole(pair):
    """Return the exact sequence-level loss of two languages."""
    return cross(pair.teacher.vector(), pair.student.vector())


def exam(pair, **more):
    """Return the question's symbols; a model takes its own parameters only, and knows the one input."""

    def chance(name):
        return lambda *given: given[-1][name, given[-2]](*given[:-2])

    return {
        "x": 7, "theta_T": {("T", 7): pair.teacher}, "theta_S": {("S", 7): pair.student},
        "p_T": chance("T"), "p_S": chance("S"),
    } | more  # fmt: skip


def slope(function, point, step=1e-5):
    """Return the gradient of a function of a vector by central differences."""
    steps = step * np.eye(len(point))
    return np.array([(function(point + h) - function(point - h)) / (2 * step) for h in steps])


def free_student(loss):
    """Return the table that BFGS reaches on a loss of the example from uniform rows; one logit a row."""
    prefixes, teacher = list(m.TEACHER), m.sentences(m.TEACHER)
    best = max(teacher, key=teacher.get)

    def table(logits):
        return {u: softmax([z, 0]) for u, z in zip(prefixes, logits)}

    def nll(logits, sentence):
        logs = {u: log_softmax([z, 0]) for u, z in zip(prefixes, logits)}
        return -sum(logs[u][word - 1] for u, word in zip(m.prefixes(sentence), sentence))

    losses = {
        "word": lambda z: m.word_loss(m.TEACHER, table(z), m.REFERENCE),
        "exact": lambda z: sum(chance * nll(z, y) for y, chance in teacher.items()),
        "mode": lambda z: nll(z, best),
    }
    return table(minimize(losses[loss], np.zeros(len(prefixes)), method="BFGS", options={"gtol": 1e-7}).x)


def small_trial():
    """Return the experiment made small: its module, setting, data, a student, and the tables of teacher and
    student for each of 60 inputs."""
    import torch

    from . import experiment as trial

    short = SimpleNamespace(**vars(trial.FULL) | {"words": 3, "length": 3, "train": 60, "steps": 40})
    part = trial.task(0, short)[0]
    torch.manual_seed(1)
    start = trial.Model(short, short.student).requires_grad_(False)
    student = start(part[0]).log_softmax(-1)
    prefixes = [tuple(word + 1 for word in u) for u in trial.nodes(3, 3)]
    tables = [
        [dict(zip(prefixes, row)) for row in logs.double().exp().numpy()] for logs in (part[2], student)
    ]
    return SimpleNamespace(trial=trial, short=short, part=part, start=start, student=student, tables=tables)


def laws(table):
    """Return the probabilities of all sentences of a table as a vector of sum 1."""
    found = np.array(list(m.sentences(table).values()))
    return found / found.sum()
