"""Mathematics of 2(b): the RLHF objective and its optimum.

Policies, references and rewards are arrays of shape (prompts, responses).
"""

from types import SimpleNamespace

import numpy as np
from scipy.special import logsumexp, rel_entr, softmax

# The worked example of the page: two equally likely prompts with two responses each.
EXAMPLE = SimpleNamespace(
    prompts=np.array([0.5, 0.5]),
    reference=np.full((2, 2), 0.5),
    reward=np.array([[1.0, 0.0], [0.0, 2.0]]),
    shift=np.array([2.0, 0.0]),
    beta=1.0,
)

# Two prompts whose rewards the shift exchanges: every value moves, their distribution does not.
SWAP = SimpleNamespace(
    prompts=np.array([0.5, 0.5]),
    reference=np.full((2, 2), 0.5),
    reward=np.array([[0.0, 2.0], [1.0, 3.0]]),
    shift=np.array([1.0, -1.0]),
    beta=1.0,
)


def log_partition(reference, reward, beta):
    """Return log Z_r(x), the logarithm of Σ_y π_ref(y|x) exp(r(x, y)/β), for every prompt."""
    return logsumexp(reward / beta, b=reference, axis=-1)


def gibbs(reference, reward, beta):
    """Return π_r(y|x) ∝ π_ref(y|x) exp(r(x, y)/β), the optimum of the RLHF objective."""
    return softmax(np.log(reference) + reward / beta, axis=-1)


def objective(policy, reference, reward, beta):
    """Return J_x(π; r), expected reward minus β KL(π ‖ π_ref) in nats, for every prompt."""
    return np.sum(policy * reward - beta * rel_entr(policy, reference), axis=-1)
