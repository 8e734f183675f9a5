"""Mathematics of 0(e): the weights of Toolformer's filter, and a toy of TALM's self-play.

In the toy a task is a word problem with two numbers; the tool is a calculator that knows eight calls. The
model sees the wording, a vector, and chooses a call; it never sees which call is right.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

CALLS = ("a + b", "a - b", "b - a", "a * b", "a / b", "b / a", "a * a", "a + a")
WIDTH = 24  # numbers that describe the wording of a task


def weights(count):
    """Return the weights of the first `count` tokens behind a call; those behind the fifth are 0."""
    return np.maximum(0, 1 - np.arange(count) / 5) / 3


class Tasks(NamedTuple):
    """Tasks: wording (task, WIDTH), the call that was meant, the two numbers (task, 2), the known answer."""

    wording: np.ndarray
    meant: np.ndarray
    numbers: np.ndarray
    answer: np.ndarray


def tool(a, b):
    """Return what the calculator answers to each of the eight calls; shape (*a, call)."""
    return np.stack([eval(call, {"a": a, "b": b}) for call in CALLS], axis=-1)


def make_tasks(count, kinds, rng):
    """Draw tasks: a meant call, numbers from 1 to 9, and a wording near that of its kind (call, WIDTH)."""
    meant = rng.integers(len(CALLS), size=count)
    numbers = rng.integers(1, 10, (count, 2))
    wording = kinds[meant] + rng.normal(size=(count, WIDTH))
    return Tasks(wording, meant, numbers, tool(*numbers.T)[np.arange(count), meant])


def fine_tune(wording, calls):
    """Return the softmax policy (WIDTH, call) that makes the calls likeliest, with a quadratic penalty."""
    chosen = np.eye(len(CALLS))[calls]

    def objective(flat):
        policy = flat.reshape(WIDTH, -1)
        log_p = log_softmax(wording @ policy, axis=1)
        slope = wording.T @ (np.exp(log_p) - chosen) + policy
        return flat @ flat / 2 - np.sum(chosen * log_p), slope.ravel()

    start = np.zeros(WIDTH * len(CALLS))
    return minimize(objective, start, jac=True, method="L-BFGS-B").x.reshape(WIDTH, -1)


def accuracy(policy, tasks):
    """Return the share of tasks whose likeliest call gives the known answer."""
    best = np.argmax(tasks.wording @ policy, axis=1)
    return np.mean(solved(tasks, best[:, None]))


def sample(policy, tasks, count, rng):
    """Draw `count` calls for each task from the policy; shape (task, count)."""
    edges = np.cumsum(softmax(tasks.wording @ policy, axis=1), axis=1)[:, None, :-1]
    return np.sum(rng.random((len(edges), count, 1)) > edges, axis=-1)


def solved(tasks, calls):
    """Run the tool for each call (task, count) and return whether its result is the known answer."""
    results = np.take_along_axis(tool(*tasks.numbers.T), calls, axis=1)
    return np.isclose(results, tasks.answer[:, None])


# --8<-- [start:self-play]
def self_play(tasks, demos, rounds, rng, tries=4, keep=solved):
    """Yield the policy and the calls it was fitted to (-1: none), round by round."""
    policy = fine_tune(demos.wording, demos.meant)
    yield policy, np.full(len(tasks.meant), -1)
    for _ in range(rounds):
        calls = sample(policy, tasks, tries, rng)  # the model writes calls
        right = keep(tasks, calls)  # the tool runs; the answers are compared
        first = calls[np.arange(len(calls)), right.argmax(axis=1)]
        kept = right.any(axis=1)  # a task without a right answer adds nothing
        policy = fine_tune(  # on the demonstrations and on what was kept
            np.concatenate([demos.wording, tasks.wording[kept]]),
            np.concatenate([demos.meant, first[kept]]),
        )
        yield policy, np.where(kept, first, -1)


# --8<-- [end:self-play]


def everything(tasks, calls):
    """Keep every call, unverified, in the place of `solved`."""
    return np.ones_like(calls, bool)
