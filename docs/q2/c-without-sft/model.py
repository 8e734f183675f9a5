"""The mathematics of 2(c): the price of a base-model reference, and the life of DPO's gradient.

Probabilities are rows over a finite set of responses to one prompt; L is in nats.
"""

import numpy as np
from scipy.special import expit, log_softmax, rel_entr, softmax


def log_odds(reference, good):
    """Return the log-odds that a response from `reference` lies in the boolean mask `good`."""
    return np.log(reference[good].sum() / reference[~good].sum())


def base_probability(distance):
    """Return P_0, the base probability of the good set, from L = −log-odds."""
    return expit(-np.asarray(distance, float))


def optimum(reference, reward, beta):
    """Return the maximiser of E[r] − β KL(π‖reference): reference · e^{r/β}, normalised."""
    with np.errstate(divide="ignore"):  # log 0 = −∞ keeps an impossible response impossible
        return softmax(np.log(reference) + reward / beta)


def soft_mean(reference, reward, beta, members):
    """Return r̄_S = β log E[e^{r/β} | S] under the reference, S given by a boolean mask."""
    share = reference[members] / reference[members].sum()
    top = reward[members].max()
    return top + beta * np.log(share @ np.exp((reward[members] - top) / beta))


def binary_kl(rho, p):
    """Return the KL divergence between coins of bias `rho` and `p`, in nats."""
    return rel_entr(rho, p) + rel_entr(1 - rho, 1 - p)


def reweighted(reference, good, rho):
    """Return the policy nearest to the reference in KL among those with π(good) = `rho`."""
    start = reference[good].sum()
    return reference * np.where(good, rho / start, (1 - rho) / (1 - start))


def rlhf_objective(policy, reference, reward, beta):
    """Return E[r] − β KL(policy‖reference)."""
    return policy @ reward - beta * rel_entr(policy, reference).sum()


def margin(logits, reference, beta, pair):
    """Return DPO's margin m of the (preferred, rejected) indices `pair`."""
    shift = log_softmax(logits) - np.log(reference)
    return beta * (shift[pair[0]] - shift[pair[1]])


def dpo_loss(logits, reference, beta, pair):
    """Return −log σ(m)."""
    return np.logaddexp(0, -margin(logits, reference, beta, pair))


def dpo_gradient(logits, reference, beta, pair):
    """Return the gradient of `dpo_loss` in the logits: −β σ(−m) (e_w − e_l)."""
    gradient = np.zeros_like(logits)
    weight = beta * expit(-margin(logits, reference, beta, pair))
    gradient[pair[0]], gradient[pair[1]] = -weight, weight
    return gradient


def three_responses(distance):
    """Return a reference over (preferred, rejected, base's favourite), log-ratios −L, −L, 0."""
    return np.exp(log_softmax([-distance, -distance, 0.0]))


def train(reference, beta, steps, rate, nll=0.0, pair=(0, 1)):
    """Return losses (steps,) and policies (steps, n) of gradient descent from the reference."""
    logits, losses, policies = np.log(reference), [], []
    wanted = np.eye(len(reference))[pair[0]]
    for _ in range(steps):
        policy = np.exp(log_softmax(logits))
        losses.append(dpo_loss(logits, reference, beta, pair))
        policies.append(policy)
        step = dpo_gradient(logits, reference, beta, pair) + nll * (policy - wanted)
        logits = logits - rate * step
    return np.array(losses), np.array(policies)


def weight_after(nats, beta):
    """Return σ(−2βa), the pair's weight over β once its preferred logit has gained a = `nats`."""
    return expit(-2 * beta * np.asarray(nats, float))


def nats_gained(loss, beta):
    """Return the gain a of the preferred logit when the loss of its pair has fallen to `loss`."""
    return -np.log(np.expm1(loss)) / (2 * beta)


def samples_for_even_chance(distance):
    """Return the N at which at least one good sample has probability 1/2."""
    return np.log(2) / -np.log1p(-base_probability(distance))
