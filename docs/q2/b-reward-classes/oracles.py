"""Second routes of 2(b): optimisers that know the objective but not its closed-form maximiser."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax
from scipy.stats import entropy


def search(reference, reward, beta, penalty=entropy, start=0):
    """Return the distribution that BFGS finds, from logits, to maximise E[reward] − β penalty(π, π_ref)."""

    def loss(logits):
        policy = softmax(logits)
        return beta * penalty(policy, reference) - policy @ reward

    start = np.broadcast_to(start, reference.size).astype(float)
    return softmax(minimize(loss, start, jac="3-point", options={"gtol": 1e-9}).x)


def ascend(reference, reward, beta, features, prompts, steps=1000):
    """Return the policies of `steps` gradient steps with torch's autograd and KL divergence.

    The logits are features (prompts, responses, parameters) times parameters; `prompts` are weights.
    """
    import torch
    from torch.distributions import Categorical, kl_divergence

    base, reward = Categorical(probs=torch.tensor(reference)), torch.tensor(reward)
    features, prompts, path = torch.tensor(features), torch.tensor(prompts), []
    parameters = torch.zeros(features.shape[-1], dtype=features.dtype, requires_grad=True)
    for _ in range(steps):
        policy = Categorical(logits=features @ parameters)
        gain = (policy.probs * reward).sum(-1) - beta * kl_divergence(policy, base)
        (slope,) = torch.autograd.grad(prompts @ gain, parameters)
        parameters = (parameters + slope).detach().requires_grad_()
        path.append(policy.probs.detach().numpy())
    return np.array(path)
