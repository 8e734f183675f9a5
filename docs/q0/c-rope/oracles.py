"""Second routes of 0(c): rotations as matrix exponentials, and small random models of transformers."""

from contextlib import contextmanager

import numpy as np
from scipy.linalg import block_diag, expm, schur

SHAPE = {"vocab_size": 20, "use_cache": False, "initializer_range": 0.5}
OWN = {
    "llama": {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4},
    "gpt2": {"n_layer": 2, "n_head": 4, "n_embd": 32, "n_positions": 200},
}
TOKENS = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]]


def rotation(position, theta):
    """Return R_m as the exponential of m times its generator, which turns each pair; shape (d, d)."""
    return expm(position * block_diag(*(angle * np.array([[0, -1], [1, 0]]) for angle in theta)))


def halves_first(width):
    """Return the matrix P that puts the odd coordinates first and the even ones after them."""
    return np.eye(width)[[*range(0, width, 2), *range(1, width, 2)]]


def isotropic(width, sigma, seed=0, points=30):
    """Return weighted points, skew, with mean 0 and covariance σ² times the identity."""
    rng = np.random.default_rng(seed)
    chances, raw = rng.dirichlet(np.ones(points)), rng.exponential(size=(points, width))
    raw = raw - chances @ raw
    root = np.linalg.cholesky(raw.T @ (chances[:, None] * raw))
    return chances, sigma * np.linalg.solve(root, raw.T).T


def bounded_sum(contents, offset, theta):
    """Return the page's symbols for the bound: contents with a last 0, and sums of rotations."""
    steps = np.diff(contents, append=0)
    return {"h": np.append(contents, 0), "S": np.cumsum(np.exp(1j * offset * theta)), "M": abs(steps).max(),
            "theta": theta, "r": offset, "d": 2 * len(theta)}  # fmt: skip


def right_sides(contents, offsets, theta):
    """Return the paper's bound for each offset; shape (offset, …), for contents (…, width/2)."""
    sums = np.cumsum(np.exp(1j * np.multiply.outer(offsets, theta)), -1)
    return np.multiply.outer(abs(sums).sum(-1), abs(np.diff(contents, append=0)).max(-1))


def planes(matrix):
    """Return the angles of the planes that a rotation without entries ±1 turns, and their basis."""
    form, basis = schur(matrix)
    return np.arctan2(form.diagonal(-1)[::2], form.diagonal()[::2]), basis


def model(name, kind="float64", **settings):
    """Return a random language model of two layers and four heads, in evaluation mode."""
    import torch
    import transformers

    config = transformers.AutoConfig.for_model(name, **SHAPE | OWN[name] | settings)
    config._attn_implementation = "eager"
    transformers.set_seed(0)
    network = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    return network.eval().to(getattr(torch, kind))


def run(network, shift=0, tokens=TOKENS, **options):
    """Return the output of a model for rows of tokens whose positions begin at `shift`."""
    import torch

    places = torch.arange(shift, shift + len(tokens[0]))[None]
    with torch.no_grad():
        return network(torch.tensor(tokens), position_ids=places, output_hidden_states=True, **options)


def projected(layer, states):
    """Return queries, keys and values of a layer of Llama before any rotation; (head, position, width)."""
    import torch

    with torch.no_grad():
        inside, attention = layer.input_layernorm(states), layer.self_attn
        three = [getattr(attention, f"{name}_proj")(inside)[0].numpy() for name in "qkv"]
    return [x.reshape(len(x), -1, attention.head_dim).swapaxes(0, 1) for x in three]


@contextmanager
def outputs(network):
    """Collect what the heads of each layer of Llama put out; shape (position, heads · width)."""
    found = []
    hooks = [
        layer.self_attn.o_proj.register_forward_pre_hook(lambda _, given: found.append(given[0][0].numpy()))
        for layer in network.model.layers
    ]
    yield found
    for hook in hooks:
        hook.remove()


@contextmanager
def neighbours_paired():
    """Let Llama rotate neighbouring coordinates, by the code of GPT-J."""
    from transformers.models.gptj import modeling_gptj
    from transformers.models.llama import modeling_llama

    def rotate(q, k, cos, sin, **_):
        cos, sin = (x[..., : x.shape[-1] // 2] for x in (cos, sin))
        turn = modeling_gptj.apply_rotary_pos_emb  # of tensors (row, position, head, width)
        return [turn(x.transpose(1, 2), sin, cos).transpose(1, 2) for x in (q, k)]

    own = modeling_llama.apply_rotary_pos_emb
    modeling_llama.apply_rotary_pos_emb = rotate
    try:
        yield
    finally:
        modeling_llama.apply_rotary_pos_emb = own


def permute_rows(network):
    """Put the rows of the query and key projections in the order that pairs neighbours."""
    import torch

    for layer in network.model.layers:
        attention = layer.self_attn
        back = torch.tensor(halves_first(attention.head_dim).T)
        for project in (attention.q_proj, attention.k_proj):
            rows = project.weight.data.unflatten(0, (-1, attention.head_dim))
            project.weight.data = (back @ rows).flatten(0, 1)
