"""The mathematics of 2(a): both losses, their value functions, and the size of the defect."""

import numpy as np
from scipy.optimize import linprog


def clip_loss(ratio, advantage, epsilon):
    """Return the PPO-Clip loss of one token: minus the objective of Schulman et al. (2017, §3)."""
    clipped = np.clip(ratio, 1 - epsilon, 1 + epsilon)
    return -np.minimum(ratio * advantage, clipped * advantage)


def log_sigmoid(z):
    """Return log σ(z), the value function of DPO, without overflow."""
    return -np.logaddexp(0, -np.asarray(z, float))


def permitted_shape(z):
    """Return M with M @ v ≤ 0 iff v, given on the even grid z, rises and is concave on z ≥ 0."""
    value = np.eye(len(z))
    falls = value[:-1] - value[1:]
    bends = value[:-2] - 2 * value[1:-1] + value[2:]
    return np.vstack([falls, bends[z[:-2] > -1e-12]])


def distance_to_permitted(z, target):
    """Return the least sup distance from `target` to a permitted shape, by linear programming."""
    size, shape = len(z), permitted_shape(z)
    within, slack = np.eye(size), -np.ones((size, 1))
    rows = np.block([[within, slack], [-within, slack], [shape, np.zeros((len(shape), 1))]])
    limits = np.concatenate([target, -target, np.zeros(len(shape))])
    bounds = [(None, None)] * size + [(0, None)]
    return linprog(np.append(np.zeros(size), 1), A_ub=rows, b_ub=limits, bounds=bounds).fun
