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
    """Return DPO's margin m of the (preferred, rejected) indices `pair`; logits of shape (..., responses).

    A uniform `reference` is no reference: its terms cancel.
    """
    shift = log_softmax(logits, axis=-1) - np.log(reference)
    return beta * (shift[..., pair[0]] - shift[..., pair[1]])


def dpo_loss(logits, reference, beta, pair):
    """Return −log σ(m)."""
    return np.logaddexp(0, -margin(logits, reference, beta, pair))


def dpo_gradient(logits, reference, beta, pair):
    """Return the gradient of `dpo_loss` in the logits: −β σ(−m) (e_w − e_l)."""
    gradient = np.zeros_like(logits)
    weight = beta * expit(-margin(logits, reference, beta, pair))
    gradient[pair[0]], gradient[pair[1]] = -weight, weight
    return gradient


def kto_gradient(logits, reference, beta, pair):
    """Return the gradient of the KTO losses of a desirable and an undesirable response, both weights 1.

    The reference point is KL(policy‖reference), held fixed as KTO does.
    """
    shift = log_softmax(logits) - np.log(reference)
    policy, gradient = softmax(logits), np.zeros_like(logits)
    gains = beta * (shift - policy @ shift)
    for index, sign in zip(pair, (1, -1)):
        weight = sign * beta * expit(gains[index]) * expit(-gains[index])
        gradient -= weight * (np.eye(len(logits))[index] - policy)
    return gradient


def base(lead, ratio=None):
    """Return a base over (preferred, favourite) or (preferred, rejected, favourite).

    The favourite leads y_w by `lead` nats. It is the rejected response itself, or outside the pair if
    log π(y_w)/π(y_l) is given as `ratio`.
    """
    others = [] if ratio is None else [-lead - ratio]
    return softmax([-lead, *others, 0.0])


def train(start, beta, steps, rate, reference=None, nll=0.0, slope=dpo_gradient):
    """Return the logits (steps, n) of gradient descent on the pair (0, 1) from a policy.

    Without `reference` it is the start; `nll` times −log π(y_w) is added to the loss.
    """
    reference = start if reference is None else reference
    logits, path, wanted = np.log(start), [], np.eye(len(start))[0]
    for _ in range(steps):
        path.append(logits)
        step = slope(logits, reference, beta, (0, 1)) + nll * (softmax(logits) - wanted)
        logits = logits - rate * step
    return np.array(path)


def weight(nats, beta):
    """Return the weight of a pair over β when its margin counts `nats`: σ(−β nats)."""
    return expit(-beta * nats)


def nats_gained(loss, beta):
    """Return −log(e^loss − 1)/β, the nats that a margin of DPO counts when the loss is `loss`."""
    return -np.log(np.expm1(loss)) / beta


def samples_for_even_chance(distance):
    """Return the N at which at least one good sample has probability 1/2."""
    return np.log(2) / -np.log1p(-base_probability(distance))
