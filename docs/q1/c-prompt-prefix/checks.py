"""Checks of 1(c): where prompts and prefixes enter, how many parameters they have, and what they can do."""

from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from . import model as m
from . import oracles

LIBRARIES = "peft", "transformers", "torch"
TOTAL = 354_823_168  # parameters of GPT-2 medium; test_peft_counts counts them
ROUNDING = 1e-12


def head(seed, prefix=3, tokens=6, width=4):
    """Return a random head: a query, keys and values of tokens and of a prefix, and their scores."""
    rng = np.random.default_rng(seed)
    q, k, v = rng.normal(size=width), *rng.normal(size=(2, tokens, width))
    kappa, nu = rng.normal(size=(2, prefix, width))
    return SimpleNamespace(q=q, k=k, v=v, kappa=kappa, nu=nu, z=m.scores(q, k), u=m.scores(q, kappa))


HEADS = [head(seed, prefix) for seed in range(8) for prefix in (1, 2, 5)]
MODELS = [m.Transformer(seed) for seed in range(4)]


def case(seed, prompt=4, tokens=5, width=8):
    """Return a random soft prompt and two random inputs of embedded tokens."""
    rng = np.random.default_rng(100 + seed)
    return rng.normal(size=(prompt, width)), *rng.normal(size=(2, tokens, width))


def attend(query, keys, values):
    """Return the weights of one query over the keys, by SciPy's softmax, and its output."""
    weights = softmax(keys @ query / np.sqrt(len(query)))
    return weights, weights @ values


def test_places(evidence):
    """A soft prompt gives $p$ rows before those of the tokens, a prefix $p$ keys and $p$ values."""
    rng = np.random.default_rng(0)
    for p, n, d in ((1, 3, 2), (4, 2, 5)):
        (e, x), (pk, k), (pv, v) = ((rng.normal(size=(p, d)), rng.normal(size=(n, d))) for _ in range(3))

        def rows(first, second):
            return np.array([first[i] if i < p else second[i - p] for i in range(p + n)])

        route = f"row by row, {p} before {n}"
        evidence.equation("eq-1c-prompt", 0, route, X_prime=rows(e, x), E=e, X=x, p=p, n=n, d=d)
        evidence.equation("eq-1c-prefix", 0, route, K_prime=rows(pk, k), V_prime=rows(pv, v), P_K=pk, K=k,
                          P_V=pv, V=v, p=p, d=d)  # fmt: skip


def test_mixture(evidence):
    r"""With a prefix every weight shrinks by the factor $1 - \lambda$ and the output is the mixture with the
    prefix's own output."""
    shares, mixtures = [], []
    for one in HEADS:
        weights, output = attend(one.q, np.vstack([one.kappa, one.k]), np.vstack([one.nu, one.v]))
        alone, plain = attend(one.q, one.k, one.v)
        count = len(one.u)
        share = weights[:count].sum()
        shares.append({"lambda": share, "u": one.u, "z": one.z, "p": count, "n": len(one.z)})
        mixed = {"a_prime": weights[count:], "a": alone, "o_prime": output, "o": plain, "lambda": share}
        mixed["o_P"] = attend(one.q, one.kappa, one.nu)[1]
        mixtures += [mixed | {"j": j} for j in range(1, len(one.z) + 1)]
    route = "SciPy's softmax over prefix and tokens"
    evidence.equation("eq-1c-share", ROUNDING, route, each=shares, e=np.e)
    evidence.equation("eq-1c-mixture", ROUNDING, route, each=mixtures)
    taken = [one["lambda"] for one in shares]
    figure = [m.share(one["u"], one["z"]) for one in shares]
    evidence.close(figure, taken, ROUNDING, "the shares as the figure computes them")
    evidence.bounded(taken, "the shares in these samples", low=0.01, high=0.95)


def test_zero_prefix(evidence):
    """A prefix of zeros shrinks the output by the printed factor, which is below 1."""
    each = []
    for one in HEADS:
        p, zeros = len(one.u), np.zeros_like(one.kappa)
        _, output = attend(one.q, np.vstack([zeros, one.k]), np.vstack([zeros, one.v]))
        each.append({"o_prime": output, "o": attend(one.q, one.k, one.v)[1], "z": one.z, "p": p, "n": 6})
    evidence.equation("eq-1c-zero", ROUNDING, "SciPy's softmax with zero keys", each=each, e=np.e)
    factors = [np.linalg.norm(one["o_prime"]) / np.linalg.norm(one["o"]) for one in each]
    evidence.bounded(factors, "length of the output over that without the prefix", high=0.95)


def test_two_prefixes(evidence):
    """Two prefixes give the mean of three outputs, with the sums of exponentials as weights, in any order."""
    for first, second in zip(HEADS[::2], HEADS[1::2]):
        keys, values = [first.kappa, second.kappa, first.k], [first.nu, second.nu, first.v]
        parts = [attend(first.q, k, v)[1] for k, v in zip(keys, values)]
        sums = softmax([logsumexp(m.scores(first.q, k)) for k in keys])
        for order in ([0, 1, 2], [1, 0, 2]):
            both = (np.vstack([group[i] for i in order]) for group in (keys, values))
            output = attend(first.q, *both)[1]
            evidence.close(output, sums @ parts, ROUNDING, f"softmax over all, order {order}")


def test_directions(evidence):
    """What a prefix adds has one direction for all queries if it has one vector; with two vectors the
    direction varies within their span."""
    rng = np.random.default_rng(0)
    queries = rng.normal(0, 2, (40, 4))
    for count in (1, 2):
        one, added = head(0, count), []
        for q in queries:
            weights, output = attend(q, np.vstack([one.kappa, one.k]), np.vstack([one.nu, one.v]))
            added.append(output - weights[count:].sum() * attend(q, one.k, one.v)[1])
        strengths = np.linalg.svd(np.array(added), compute_uv=False) / np.linalg.norm(added)
        evidence.close(strengths[count:], np.zeros(4 - count), ROUNDING, f"directions beyond {count}")
        evidence.bounded(strengths[:count], f"strengths of the first {count}", low=0.05)
        outside = np.array(added) @ (np.eye(4) - np.linalg.pinv(one.nu) @ one.nu)
        evidence.close(outside, np.zeros_like(outside), ROUNDING, f"part outside the span of {count} values")


def test_network(evidence):
    """The network with one hidden layer maps row by row as printed."""
    rng = np.random.default_rng(0)
    for p, d, units, layers in ((3, 4, 5, 3), (4, 2, 6, 2), (6, 5, 3, 2)):
        inner, w1, b1 = rng.normal(size=(p, d)), rng.normal(size=(d, units)), rng.normal(size=units)
        w2, b2 = rng.normal(size=(units, 2 * layers * d)), rng.normal(size=2 * layers * d)
        outer = [[
            b + sum(np.tanh(b1[h] + sum(row * w1[:, h])) * w2[h, c] for h in range(units))
            for c, b in enumerate(b2)
        ] for row in inner]  # fmt: skip
        weights = {"P_prime": inner, "W_1": w1, "b_1": b1, "W_2": w2, "b_2": b2, "ones": np.ones(p)}
        shape = {"p": p, "d": d, "N": layers, "P": np.array(outer)}
        evidence.equation("eq-1c-mlp", ROUNDING, f"sums over {units} units", **weights, **shape)


def test_any_prefix(evidence):
    """The network reaches a random prefix whose length exceeds neither the width nor the hidden units."""
    rng = np.random.default_rng(0)
    for p, d, units, layers in ((3, 4, 5, 3), (4, 4, 4, 2), (2, 5, 3, 2)):
        wanted = rng.normal(size=(p, 2 * layers * d))
        inner, w1, w2 = np.eye(p, d), np.zeros((d, units)), np.zeros((units, 2 * layers * d))
        w1[:p, :p], w2[:p] = np.eye(p), wanted / np.tanh(1)
        weights = {"P_prime": inner, "W_1": w1, "W_2": w2, "b_1": np.zeros(units)}
        weights |= {"b_2": np.zeros(2 * layers * d), "ones": np.ones(p)}
        shape = {"p": p, "d": d, "N": layers, "P": wanted}
        evidence.equation("eq-1c-mlp", ROUNDING, "the weights of the proof", **weights, **shape)


def test_containment(evidence):
    """In a causal Transformer the keys and values of a soft prompt do not depend on the tokens, and as a
    prefix they give the tokens the same activations in all layers."""
    caches, states = [], []
    for seed, network in enumerate(MODELS):
        prompt, tokens, others = case(seed)
        prefix = network.prefix_of(prompt, tokens)
        caches.append((prefix, network.prefix_of(prompt, others)))
        behind = [state[len(prompt) :] for state in network(np.vstack([prompt, tokens])).states]
        states.append((network(tokens, prefix).states, behind, network(tokens).states))
    before, others = np.moveaxis(caches, 1, 0)
    evidence.close(before, others, 0, "keys and values of 4 models, before two inputs")
    found, expected, alone = np.moveaxis(states, 1, 0)
    evidence.close(found, expected, ROUNDING, "states of 4 models in 3 layers, prefix against prompt")
    moved = np.abs(alone - expected).max(axis=(1, 2, 3))
    evidence.bounded(moved, "change of the states without either", low=0.1)


def test_converse(evidence):
    """In the first layer the key and value of a soft prompt lie in a subspace of half the dimension, which
    random prefixes miss."""
    prompts, free, ranks = [], [], set()
    for seed, network in enumerate(MODELS):
        image = np.hstack(network.layers[0, 1:3])
        ranks.add(np.linalg.matrix_rank(image) / image.shape[1])
        outside = np.eye(image.shape[1]) - np.linalg.pinv(image) @ image
        prompt, tokens, _ = case(seed)
        prompts.append(np.hstack(network.prefix_of(prompt, tokens)[0]) @ outside)
        pairs = np.random.default_rng(seed).normal(size=(20, image.shape[1]))
        free.append(np.linalg.norm(pairs @ outside, axis=1) / np.linalg.norm(pairs, axis=1))
    evidence.equal(ranks, {0.5}, "dimension of the subspace over that of the space, 4 models")
    evidence.close(prompts, np.zeros_like(prompts), ROUNDING, "soft prompts, part outside")
    evidence.bounded(free, "random pairs, share of the length outside", low=0.1)


def changes(first, second):
    """Return the largest change of each layer between two lists of arrays; the layers come first."""
    return np.abs(np.array(first) - np.array(second)).reshape(len(first), -1).max(axis=1)


def test_encoder(evidence):
    """Without the causal mask the keys at the prompt and the values there depend on the tokens from layer 2
    on."""
    found = {True: [], False: []}
    for seed, network in enumerate(MODELS):
        prompt, *inputs = case(seed)
        for causal, rows in found.items():
            caches = (np.moveaxis(network.prefix_of(prompt, x, causal), 1, 0) for x in inputs)
            rows += map(changes, *caches)
    without = np.array(found[False])
    evidence.close(found[True], np.zeros((8, 3)), 0, "change of keys, of values from input to input, causal")
    evidence.close(without[:, 0], np.zeros(8), 0, "layer 1 without the mask")
    evidence.bounded(without[:, 1:], "layers 2 and 3 without the mask", low=0.05)


def test_not_only_first(evidence):
    """In a causal Transformer the output changes if the tokens cannot see the soft prompt beyond layer 1."""
    first, last = [], []
    for seed, network in enumerate(MODELS):
        prompt, tokens, _ = case(seed)
        prefix = network.prefix_of(prompt, tokens)
        hidden = [prefix[0]] + [(k[:0], v[:0]) for k, v in prefix[1:]]
        whole, part = network(tokens, prefix).states, network(tokens, hidden).states
        first.append(part[0] - whole[0])
        last.append(np.abs(part[-1] - whole[-1]).max(axis=1))
    evidence.close(first, np.zeros_like(first), 0, "change of the states after layer 1")
    evidence.bounded(last, "change of the last states, per token", low=0.02)


def test_infix(evidence):
    """Behind the input a soft prompt has keys and values that depend on it from layer 2 on; it leaves the
    states of the input as they were and changes that of the last token behind it."""
    found, before, behind = [], [], []
    for seed, network in enumerate(MODELS):
        prompt, tokens, others = case(seed)
        runs = [network(np.vstack([x, prompt])) for x in (tokens, others)]
        for kind in ("keys", "values"):
            found.append(changes(*([rows[len(tokens) :] for rows in getattr(run, kind)] for run in runs)))
        states = [state[: len(tokens)] for state in runs[0].states]
        before.append(changes(states, network(tokens).states))
        ends = [network(np.vstack([tokens, x, others])).states[-1][-1] for x in (prompt, 0 * prompt)]
        behind.append(np.abs(ends[0] - ends[1]).max())
    found = np.array(found)
    evidence.close(found[:, 0], np.zeros(8), 0, "keys and values of the prompt in layer 1, two inputs")
    evidence.bounded(found[:, 1:], "change of these in layers 2 and 3", low=0.05)
    evidence.close(before, np.zeros((4, 3)), ROUNDING, "change of the states of the input")
    evidence.bounded(behind, "change of the last token behind", low=0.1)


def test_counts(evidence):
    """The three counts are the numbers of entries of the arrays that are trained."""
    for p, d, layers, units in ((3, 4, 2, 5), (10, 6, 3, 7)):
        prefix = np.zeros((layers, 2, p, d))
        network = [(p, d), (d, units), (units,), (units, 2 * layers * d), (2 * layers * d,)]
        counts = {"n_prompt": np.zeros((p, d)).size, "n_prefix": prefix.size}
        counts["n_MLP"] = sum(np.zeros(shape).size for shape in network)
        evidence.equation("eq-1c-counts", 0, f"arrays, p = {p}", **counts, p=p, d=d, N=layers, m=units)


def test_numbers(evidence):
    """The printed counts for GPT-2 medium and for 32 layers of width 4,096 follow from the formulas."""
    counts = evidence.printed("eq-1c-counts")
    prompt, prefix, trained = (counts.function(row)(**m.MEDIUM) for row in range(3))
    _, *rows = evidence.table("GPT-2 medium").values()
    pairs = (prompt, prompt), (prefix, prefix), (trained, prefix)
    found = [[f"{a:,}", f"{b:,}", f"{100 * b / TOTAL:.3f}"] for a, b in pairs]
    evidence.equal(rows, found, "rows of the table")
    evidence.shows("48", prefix / prompt)
    evidence.shows("52", trained / prefix)
    percent = 100 * trained / TOTAL
    evidence.bounded(percent, "trained with the MLP, in % of the model", low=7)
    evidence.shows("7", percent)
    small, big = (counts.function(row)(N=32, d=4096, p=20) for row in (0, 1))
    evidence.equal(big / small, 64.0, "quotient of variant 1")
    variant = {"81,920": small, "5,242,880": big, "0.0012": 100 * small / 7e9, "0.075": 100 * big / 7e9}
    for text, value in variant.items():
        evidence.shows(text, value)


@pytest.mark.library(*LIBRARIES)
def test_peft_places(evidence):
    """In PEFT a soft prompt enters GPT-2 and Llama before the embeddings, and a prefix lies in their caches
    before the keys and values of each layer."""
    p, n = oracles.PROMPT, len(oracles.TOKENS[0])
    for name in ("gpt2", "llama"):
        network = oracles.tuned(name, "prompt")
        given = {"E": oracles.matrix(network), "p": p, "n": n, "d": oracles.WIDTH}
        given["X"] = network.get_input_embeddings().weight.detach().numpy()[oracles.TOKENS[0]]
        entering, route = oracles.entering(network)[0].numpy(), f"what enters the first layer of {name}"
        evidence.equation("eq-1c-prompt", ROUNDING, route, X_prime=entering, **given)
        output = oracles.run(network, use_cache=True)
        lengths = output.logits.shape[1], oracles.cached(output).shape[3]
        evidence.equal(lengths, (p + n, p + n), f"logits and cache of {name}, soft prompt")
        network = oracles.tuned(name, "prefix")
        evidence.equal(oracles.entering(network), None, f"embeddings given to {name} with a prefix")
        output = oracles.run(network, use_cache=True)
        cache = oracles.cached(output)
        evidence.equal((output.logits.shape[1], cache.shape[3]), (n, p + n), f"the same of {name}, prefix")
        evidence.close(oracles.flat(cache)[:p], oracles.matrix(network), 0, "first rows of the cache")
        behind = oracles.cached(oracles.plain(name, use_cache=True))[0]
        evidence.close(cache[0][:, :, p:], behind, ROUNDING, f"layer 1 of {name} behind them")


@pytest.mark.library(*LIBRARIES)
def test_peft_counts(evidence):
    """PEFT trains the printed numbers of parameters in GPT-2, with the MLP only if told to project the
    prefix, and $N p d$ for a prefix of a Llama with half as many key–value heads."""
    import torch
    import transformers

    settings = {"prefix_projection": True, "encoder_hidden_size": oracles.HIDDEN}
    found = {
        "n_prompt": oracles.count(oracles.tuned("gpt2", "prompt")),
        "n_prefix": oracles.count(oracles.tuned("gpt2", "prefix")),
        "n_MLP": oracles.count(oracles.tuned("gpt2", "prefix", **settings)),
    }
    shape = {"p": oracles.PROMPT, "d": oracles.WIDTH, "N": oracles.LAYERS, "m": oracles.HIDDEN}
    evidence.equation("eq-1c-counts", 0, "parameters that require a gradient", **found, **shape)
    grouped = oracles.count(oracles.tuned("llama", "prefix"))
    evidence.equal(grouped, shape["N"] * shape["p"] * shape["d"], "Llama with 4 query and 2 key–value heads")
    with torch.device("meta"):
        config = transformers.GPT2Config(n_layer=m.MEDIUM["N"], n_embd=m.MEDIUM["d"], n_head=16)
        total = transformers.GPT2LMHeadModel(config).num_parameters()
    evidence.equal(total, TOTAL, "GPT-2 medium, from its configuration")
    for text, value in (("354,823,168", total), ("24", config.n_layer), ("1024", config.n_embd)):
        evidence.shows(text, value)


@pytest.mark.library(*LIBRARIES)
def test_peft_saved(evidence):
    """PEFT saves a prefix that was made by the MLP as the matrix alone, and it works without the MLP."""
    import peft
    from safetensors.torch import load_file

    settings = {"prefix_projection": True, "encoder_hidden_size": oracles.HIDDEN}
    network = oracles.tuned("gpt2", "prefix", **settings)
    with TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        saved = load_file(f"{folder}/adapter_model.safetensors")
        reloaded = peft.PeftModel.from_pretrained(oracles.base("gpt2"), folder).eval().double()
    evidence.equal(list(saved), ["prompt_embeddings"], "tensors in the file")
    prefix = saved["prompt_embeddings"].double().numpy()
    shape = {"p": oracles.PROMPT, "N": oracles.LAYERS, "d": oracles.WIDTH, "ones": np.ones(oracles.PROMPT)}
    evidence.equation("eq-1c-mlp", 1e-6, "the saved matrix", P=prefix, **oracles.mlp(network), **shape)
    names = [name for name, _ in oracles.encoder(reloaded).named_parameters()]
    evidence.equal(names, ["embedding.weight"], "parameters of the reloaded prefix")
    before, after, without = (oracles.run(x).logits for x in (network, reloaded, oracles.base("gpt2")))
    evidence.close(after, before, 1e-4, "logits, saved in float32")
    evidence.bounded((before - without).abs().max(), "effect of the prefix on the logits", low=0.5)


@pytest.mark.library(*LIBRARIES)
def test_peft_mixture(evidence):
    """In GPT-2 with a prefix of PEFT all weights of layer 1 have the printed form; in each head of layer 2
    the attention of some query is divided otherwise among the tokens."""
    p, n = oracles.PROMPT, len(oracles.TOKENS[0])
    prefixed = oracles.run(oracles.tuned("gpt2", "prefix"), output_attentions=True).attentions
    without = oracles.plain("gpt2", output_attentions=True).attentions
    each, moved = [], []
    for a, b in zip(without[0][0].numpy(), prefixed[0][0].numpy()):
        each += [{"a": a[i], "a_prime": b[i, p:], "lambda": b[i, :p].sum(), "j": j}
                 for i in range(n) for j in range(1, i + 2)]  # fmt: skip
    formula = evidence.printed("eq-1c-mixture").function(0)
    found, wanted = [formula(**one) for one in each], [one["a_prime"][one["j"] - 1] for one in each]
    evidence.close(found, wanted, 1e-7, "layer 1, 4 heads, all pairs, computed in float32 by softmax")
    shares = [one["lambda"] for one in each]
    evidence.bounded(np.ptp(shares), "range of the shares of the prefix", low=0.1)
    for a, b in zip(without[1][0].numpy(), prefixed[1][0].numpy()):
        moved.append(max(np.abs(b[i, p:] / b[i, p:].sum() - a[i]).max() for i in range(1, n)))
    evidence.bounded(moved, "layer 2, largest change of the division among tokens, by head", low=0.1)


@pytest.mark.library(*LIBRARIES)
def test_peft_containment(evidence):
    """In GPT-2 and Llama the cache of a soft prompt of PEFT, loaded as a prefix, gives the same logits."""
    import torch

    p = oracles.PROMPT
    for name in ("gpt2", "llama"):
        prompt, prefix = oracles.tuned(name, "prompt"), oracles.tuned(name, "prefix")
        inputs = oracles.TOKENS, oracles.OTHERS
        outputs = [oracles.run(prompt, tokens, use_cache=True) for tokens in inputs]
        first, second = (oracles.flat(oracles.cached(output))[:p] for output in outputs)
        evidence.close(first, second, ROUNDING, f"{name}, cache at the prompt before two inputs")
        other = oracles.run(prefix).logits - outputs[0].logits[:, p:]
        evidence.bounded(other.abs().max(), f"{name}, logits with another prefix", low=0.5)
        oracles.encoder(prefix).load_prompt_embeddings(torch.tensor(first))
        for tokens, output in zip(inputs, outputs):
            logits = oracles.run(prefix, tokens).logits
            evidence.close(logits, output.logits[:, p:], 1e-10, f"{name}, logits of 7 tokens")


@pytest.mark.library(*LIBRARIES)
def test_peft_encoder_decoder(evidence):
    """In T5 a prefix of PEFT leaves the encoder alone and changes the logits; a soft prompt has $2p$ rows,
    the last $p$ without gradient, and states in the encoder that depend on the tokens."""
    first, second = (oracles.run(oracles.tuned("t5", "prefix", seed)) for seed in (1, 2))
    alone = oracles.run(oracles.base("t5")).encoder_last_hidden_state
    for output in (first, second):
        evidence.close(output.encoder_last_hidden_state, alone, 0, "encoder with a prefix and without")
    evidence.bounded((first.logits - second.logits).abs().max(), "logits of two prefixes", low=0.1)
    network, p = oracles.tuned("t5", "prompt"), oracles.PROMPT
    evidence.equal(oracles.matrix(network).shape, (2 * p, oracles.WIDTH), "shape of the soft prompt")
    runs = [oracles.run(network, tokens) for tokens in (oracles.TOKENS, oracles.OTHERS)]
    states, others = (output.encoder_last_hidden_state[0] for output in runs)
    evidence.equal(len(states), p + len(oracles.TOKENS[0]), "positions of the encoder")
    change = (states - others)[:p].abs().amax(-1)
    evidence.bounded(change, "change of the states at the prompt from input to input", low=0.1)
    sizes = oracles.gradient(network)
    evidence.close(sizes[p:], 0, 0, "gradient of the last rows")
    evidence.bounded(sizes[:p], "gradient of the first rows", low=0.01)


@pytest.mark.library(*LIBRARIES)
def test_peft_zero(evidence):
    """In GPT-2 a prefix that PEFT initialises with zeros changes the logits."""
    network = oracles.tuned("gpt2", "prefix", init_weights="zero")
    evidence.equal(np.abs(oracles.matrix(network)).max(), 0.0, "largest entry of the prefix")
    change = oracles.run(network).logits - oracles.plain("gpt2").logits
    evidence.bounded(change.abs().max(), "change at equal positions", low=0.1)
