"""Second routes of 5(b): heads by loops over tokens, circuits read from outputs, texts and answers."""

from types import SimpleNamespace

import numpy as np

from . import model as m
from .by_hand import FOUR, one_hot


def by_loops(x, head, positions=0, causal=True):
    """Return pattern and output of a head from its queries, keys and values, token by token."""
    queries, keys = ([row @ head[name] for row in x + positions] for name in "QK")
    values, size, pattern, out = [row @ head["V"] for row in x], head["Q"].shape[1], [], []
    for i, query in enumerate(queries):
        last = i + 1 if causal else len(x)
        raw = [np.exp(sum(a * b for a, b in zip(query, key)) / size**0.5) for key in keys[:last]]
        weights = np.array(raw) / sum(raw)
        pattern.append([*weights, *[0.0] * (len(x) - last)])
        out.append(sum(w * value for w, value in zip(weights, values)) @ head["O"])
    return np.array(pattern), np.array(out)


def from_outputs(run, width, size):
    """Return form and map of a head from its outputs alone; `run` takes rows and returns rows.

    On one token the output is x W_OV. On two the output of a token shows its weight on the other, whose
    log-odds are (x W_QK (y − x)ᵀ) / √k.
    """
    write = np.vstack([run(row[None]) for row in np.eye(width)])
    form = np.zeros((width, width))
    direction = np.random.default_rng(0).normal(size=width)  # makes all differences of values non-zero
    for i, x in enumerate(np.eye(width)):
        odds = []
        for y in (x + direction, *(x + direction + unit for unit in np.eye(width))):
            mixed, own, other = run(np.vstack([y, x]))[1], x @ write, y @ write
            share = (mixed - own) @ (other - own) / ((other - own) @ (other - own))
            odds.append(np.log(share / (1 - share)) * size**0.5)
        form[i] = np.array(odds[1:]) - odds[0]
    return form, write


def one_layer(x, heads, unembed):
    """Return logits and patterns of a layer as it is usually written: concatenated heads, one matrix."""
    found = [by_loops(x, head | {"O": np.eye(head["V"].shape[1])}) for head in heads]
    joined = np.hstack([out for _, out in found]) @ np.vstack([head["O"] for head in heads])
    return (x + joined) @ unembed, [pattern for pattern, _ in found]


def moves(q, k):
    """Return the derivative of Q Kᵀ with respect to all entries of both factors, as rows."""
    rows = []
    for factor in (0, 1):
        for place in np.ndindex(q.shape):
            unit = np.zeros_like(q)
            unit[place] = 1
            rows.append((unit @ k.T if factor == 0 else q @ unit.T).ravel())
    return np.array(rows)


def random_layer(seed, width=6, size=2):
    """Return a random head with large factors, so that its pattern is far from uniform."""
    draw = np.random.default_rng(seed)
    head = {name: 2 * draw.normal(size=(width, size)) for name in "QKV"}
    return head | {"O": draw.normal(size=(size, width))}


def surroundings(seed, width=6):
    """Return random embeddings of four tokens, positions, and the direction in which B and D are compared.

    The positions are two tables: for what queries and keys read, and, for odd seeds, for the stream.
    """
    draw = np.random.default_rng(seed + 1000)
    tables = draw.normal(size=(2, 5, width)) * np.array([1, seed % 2])[:, None, None]
    return draw.normal(size=(4, width)), tables, draw.normal(size=width)


def margins(heads, embed, tables, direction):
    """Return by text of FOUR the margin of B over D at the end, and the denominator of the softmax there."""
    found, (positions, added) = {"D": {}, "Z": {}}, tables
    for number, text in enumerate(FOUR, 1):
        x = one_hot(text, "ABCD") @ embed + added
        found["D"][number] = (x[-1] + sum(by_loops(x, head, positions)[1][-1] for head in heads)) @ direction
        query, keys = (x + positions)[-1] @ heads[0]["Q"], (x + positions) @ heads[0]["K"]
        found["Z"][number] = np.exp(keys @ query / len(query) ** 0.5).sum()
    return found


def last(tokens, heads, positions):
    """Return the logits after a text of one-hot tokens whose basis is that of the positions' columns."""
    x = np.hstack([tokens, np.zeros((len(tokens), positions.shape[1] - tokens.shape[1]))])
    return x[-1] + sum(by_loops(x, head, positions)[1][-1] for head in heads)


def repetitions(tokens, length, count):
    """Return random texts that begin with token 0, which is used nowhere else.

    Their last token stood once before, and not right before.
    """
    draw, found = np.random.default_rng(0), []
    while len(found) < count:
        text = [0, *draw.integers(1, tokens, length - 1).tolist()]
        if text[:-1].count(text[-1]) == 1 and text[-2] != text[-1]:
            found.append(text)
    return found


def continued(text, tokens, layers, positions):
    """Return the token with the largest logit after a text, by layers in the basis of `two_layers`."""
    x = np.eye(positions.shape[1])[text]
    stream = m.streams(x, layers, positions)[0][-1]
    return int(stream[-1, :tokens].argmax())


def torch_heads(layer):
    """Return the heads of torch's MultiheadAttention without bias, in the row convention."""
    q, k, v = layer.in_proj_weight.detach().numpy().reshape(3, layer.num_heads, layer.head_dim, -1)
    out = layer.out_proj.weight.detach().numpy().T.reshape(layer.num_heads, layer.head_dim, -1)
    return [{"Q": a.T, "K": b.T, "V": c.T, "O": o} for a, b, c, o in zip(q, k, v, out)]


def cut_by_hand(circuits, model, tokens, way, head):
    """Return the logits of a two-layer model in which a head of layer 1 is hidden from an input of layer 2.

    `way` is Q, K or V, or `drop` to leave the head out everywhere, or `whole`.
    """
    embed, unembed, (early, late) = circuits
    x, positions = embed[tokens], model.positions.detach().numpy()[: len(tokens)]
    outs = [by_loops(x, one, positions)[1] for one in early]
    middle = x + sum(out for h, out in enumerate(outs) if (way, h) != ("drop", head))
    seen = {name: middle - outs[head] if name == way else middle for name in "QKV"}
    for one in late:
        scores = (seen["Q"] + positions) @ m.qk(one) @ (seen["K"] + positions).T / one["Q"].shape[1] ** 0.5
        scores = np.exp(np.where(np.tri(len(tokens), dtype=bool), scores, -np.inf))
        middle = middle + scores / scores.sum(axis=1, keepdims=True) @ seen["V"] @ m.ov(one)
    return middle @ unembed


def real_layer(model, layer, state):
    """Return patterns and output of attention in a layer of SmolLM2, and both by its heads' products."""
    from ..smollm import BASE, GROUPS, HEADS, SIZE, norm

    kept = {}

    def keep(kind, _, value):
        kept[kind] = value
        return value

    x = norm(state, model.weight(layer, "attn_norm"))
    out = model.attention(layer, x[None], keep)[0]
    q, k, v = (model.weight(layer, f"attn_{name}").T for name in "qkv")
    write, angles = model.weight(layer, "attn_output").T, BASE ** (-np.arange(0, SIZE, 2) / SIZE)
    parts = {"patterns": [], "out": 0, "ranks": set()}
    for h in range(HEADS):
        own, shared = (slice(i * SIZE, (i + 1) * SIZE) for i in (h, h // (HEADS // GROUPS)))
        scores = np.full((len(x), len(x)), -np.inf)
        for i, j in zip(*np.tril_indices(len(x))):
            scores[i, j] = x[i] @ (q[:, own] @ turn((i - j) * angles) @ k[:, shared].T) @ x[j] / SIZE**0.5
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        parts["patterns"].append(weights / weights.sum(axis=1, keepdims=True))
        product = v[:, shared] @ write[own]
        parts["ranks"].add(int(np.linalg.matrix_rank(product.astype(float), tol=1e-3)))
        parts["out"] = parts["out"] + parts["patterns"][-1] @ x @ product
    return kept["pattern"][0], out, parts


def turn(angles):
    """Return the matrix that turns neighbouring pairs of a row by the angles."""
    matrix = np.zeros((2 * len(angles),) * 2)
    for i, angle in enumerate(angles):
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [
            [np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)],
        ]  # fmt: skip
    return matrix


def harmful_draws(results):
    """Return the losses of the random draws with head 0 of layer 17, and of those with head 4 of layer 2.

    The draws are made again from the recorded scores. These are rounded, so heads with equal scores may
    change places in a set; the two heads named stand where the unrounded scores put them.
    """
    from . import real

    scores, setting = results["scores"], SimpleNamespace(**results["provenance"]["setting"])
    rest = real.ranked(scores["induction"])[setting.top :]
    under = [head for head in real.ranked(scores["previous"]) if head[0] < 18][setting.top :]
    drawn = real.draws(rest, setting.top, setting, 1) + real.draws(under, setting.top, setting, 3)
    losses = [pair[1] for pair in results["ablations"]["random"] + results["below"]["random"]]
    return {
        f"{layer}.{head}": [loss for loss, heads in zip(losses, drawn) if (layer, head) in heads]
        for layer, head in ((17, 0), (2, 4))
    }
