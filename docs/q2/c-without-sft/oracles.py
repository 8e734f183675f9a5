"""Second routes of 2(c): optimisers, an ODE solver, and DPO in public libraries on tiny models."""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from .model import dpo_gradient, dpo_loss


def best_policy(reference, reward, beta):
    """Return the policy whose logits BFGS finds to maximise E[r] − β KL(policy‖reference)."""

    def loss(logits):
        policy = softmax(logits)
        score = reward - beta * (log_softmax(logits) - np.log(reference))
        return -(policy @ score), -policy * (score - policy @ score)

    return softmax(minimize(loss, np.zeros(len(reward)), jac=True, options={"gtol": 1e-10}).x)


def dpo_fit(reference, reward, beta, pairs):
    """Return the policy with the least expected DPO loss, preferences by Bradley–Terry."""
    both = [(i, j) for first, second in pairs for i, j in ((first, second), (second, first))]
    shares = [expit(reward[i] - reward[j]) for i, j in both]

    def expected(logits):
        return sum(share * dpo_loss(logits, reference, beta, pair) for share, pair in zip(shares, both))

    def slope(logits):
        return sum(share * dpo_gradient(logits, reference, beta, pair) for share, pair in zip(shares, both))

    return softmax(minimize(expected, np.log(reference), jac=slope, options={"gtol": 1e-10}).x)


def flow_time(start, beta, reference):
    """Return when DPO's gradient flow from `start` makes response 0 as likely as the last; pair (0, 1)."""

    def velocity(_, logits):
        return -dpo_gradient(logits, reference, beta, (0, 1))

    def lead(_, logits):
        return logits[0] - logits[-1]

    lead.terminal = True
    options = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-11}
    return solve_ivp(velocity, (0, 1e9), np.log(start), events=lead, **options).t[-1]


def adam_run(reference, beta, steps, rate):
    """Return the losses and the final policy of DPO on logits under torch's Adam; pair (0, 1)."""
    import torch

    base = torch.tensor(reference).log()
    logits = base.clone().requires_grad_()
    adam, losses = torch.optim.Adam([logits], lr=rate), []
    for _ in range(steps):
        shift = logits.log_softmax(0) - base
        loss = torch.nn.functional.softplus(-beta * (shift[0] - shift[1]))
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return np.array(losses), logits.softmax(0).detach().numpy()


def tiny_tokenizer():
    """Return a tokeniser of whole words that knows ten of them."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "<eos>", "what", "is", "two", "plus", "four", "six", "and", "then"]
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>")


def tiny_llama(seed):
    """Return a random two-layer Llama over the ten words, the same for the same seed."""
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    set_seed(seed)
    shape = LlamaConfig(
        vocab_size=10, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, initializer_range=0.5,
    )  # fmt: skip
    return LlamaForCausalLM(shape)


def dpo_trainer(folder, seed):
    """Return TRL's DPOTrainer with default settings on one pair, policy 0 and reference `seed`."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    pair = {"prompt": "what is two plus four", "chosen": " six", "rejected": " and then"}
    settings = DPOConfig(str(folder), report_to="none", use_cpu=True, bf16=False)
    return DPOTrainer(
        tiny_llama(0), tiny_llama(seed), settings,
        train_dataset=Dataset.from_list([pair]), processing_class=tiny_tokenizer(),
    )  # fmt: skip


def first_step(trainer):
    """Return TRL's first loss, its gradient, ∇log π(y_w) − ∇log π(y_l) by plain autograd, and m."""
    import torch

    model, batch = trainer.model, next(iter(trainer.get_train_dataloader()))
    weights = list(model.parameters())
    loss = trainer.compute_loss(model, batch)
    tokens, answer = batch["input_ids"], batch["completion_mask"][:, 1:]

    def ratio(model):
        scores = model(input_ids=tokens).logits[:, :-1].log_softmax(-1)
        chosen, rejected = (scores.gather(2, tokens[:, 1:, None])[..., 0] * answer).sum(1)
        return chosen - rejected

    def flat(value):
        return np.concatenate([g.numpy().ravel() for g in torch.autograd.grad(value, weights)])

    own = ratio(model)
    margin = trainer.args.beta * (own - ratio(trainer.ref_model)).item()
    return loss.item(), flat(loss), flat(own), margin
