"""Second routes of 0(e): a task with six calls, enumerated; a text of seven tokens; a tiny network."""

from fractions import Fraction
from itertools import product

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax

CALLS = range(6)


class Task:
    """A task with six calls, of which some are right, and a policy: a softmax of linear scores."""

    def __init__(self, seed, right):
        rng = np.random.default_rng(seed)
        self.features, self.theta = rng.normal(size=(6, 3)), rng.normal(size=3)
        self.right = np.isin(CALLS, right)

    def policy(self, theta):
        """Return the probabilities of the six calls."""
        return softmax(self.features @ theta)

    def log_success(self, theta):
        """Return log s, the logarithm of the mass of the right calls."""
        scores = self.features @ theta
        return logsumexp(scores[self.right]) - logsumexp(scores)


TASKS = [Task(seed, right) for seed, right in enumerate([(1, 4), (0,), (2, 3, 5), (0, 2, 3, 4)])]


def named(task, theta=None):
    """Return what the symbols of the page stand for: the policy, what is right, the chance of success."""
    theta = task.theta if theta is None else theta
    reward = task.right.astype(int)
    return {
        "pi": task.policy(theta).__getitem__,
        "R": reward.__getitem__,
        "s": np.exp(task.log_success(theta)),
    }


def first_right(task, tries):
    """Return the distribution of the first right call and the chance that there is one.

    Both are sums over all 6^tries sequences of calls.
    """
    p, mass = task.policy(task.theta), np.zeros(6)
    for calls in product(CALLS, repeat=tries):
        first = next((call for call in calls if task.right[call]), None)
        if first is not None:
            mass[first] += np.prod(p[list(calls)])
    return mass / mass.sum(), mass.sum()


def best_fit(tasks, weights, theta, verified=True):
    """Return the parameters that make the calls drawn at `theta`, kept if right, likeliest on average."""
    kept = []
    for task, weight in zip(tasks, weights):
        p = task.policy(theta) * (task.right if verified else 1)
        kept.append(weight * p / p.sum())

    def minus_log_likelihood(new):
        return -sum(q @ log_softmax(task.features @ new) for q, task in zip(kept, tasks))

    return minimize(minus_log_likelihood, theta, tol=1e-10).x


def slopes(function, theta, step=1e-6):
    """Return the central difference quotients of a function of the parameters."""
    bumps = step * np.eye(theta.size)
    return np.array([(function(theta + d) - function(theta - d)) / (2 * step) for d in bumps])


def calculator(a, b, call):
    """Return the exact answer of the toy's calculator to one of its eight calls."""
    a, b = Fraction(int(a)), Fraction(int(b))
    return (a + b, a - b, b - a, a * b, a / b, b / a, a**2, 2 * a)[call]


def arithmetic(call):
    """Return the result of a call such as `[Calculator(6 * 7)`."""
    a, sign, b = call.removeprefix("[Calculator(").removesuffix(")").split()
    return {"+": int(a) + int(b), "-": int(a) - int(b), "*": sum(int(a) for _ in range(int(b)))}[sign]


def penalised(flat, wording, calls):
    """Return the penalised negative log-likelihood of a flat softmax policy, as a sum over the examples."""
    scores = wording @ flat.reshape(wording.shape[1], -1)
    chosen = np.take_along_axis(scores, calls[:, None], axis=1)[:, 0]
    return np.sum(logsumexp(scores, axis=1) - chosen) + np.sum(flat**2) / 2


def text_model(seed):
    """Return a text of seven tokens and a table of probabilities p(token | prefixed text, tokens before)."""
    rng = np.random.default_rng(seed)
    text, tables = rng.integers(1, 5, 7), {}

    def p(token, prefix, before):
        key = (prefix, tuple(np.atleast_1d(before).astype(int)))
        return tables.setdefault(key, rng.dirichlet(np.ones(4)))[int(token) - 1]

    return text, p


def paper_loss(text, p, prefix, i):
    """Return the loss of Toolformer's Section 2 by a loop, with the weights as fractions."""
    raw = [max(Fraction(0), 1 - Fraction(t, 5)) for t in range(20)]
    return -sum(
        float(raw[j - i] / sum(raw)) * np.log(p(text[j - 1], prefix, text[: j - 1]))
        for j in range(i, len(text) + 1)
    )


def network():
    """Return a random Llama of two layers that reads bytes, in double precision; 256 begins a text."""
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    set_seed(0)
    shape = LlamaConfig(
        vocab_size=257, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.4, bos_token_id=256, eos_token_id=None,
    )  # fmt: skip
    return LlamaForCausalLM(shape).eval().double()


def surprisal(network, tokens, following):
    """Return −log p of one token, by PyTorch's cross entropy on the text up to it alone."""
    import torch

    with torch.no_grad():
        logits = network(torch.tensor([tokens])).logits[:, -1]
    return torch.nn.functional.cross_entropy(logits, torch.tensor([following])).item()
