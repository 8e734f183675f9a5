"""Second routes of 4(a): loops over pixels and tokens, and the ViT of transformers taken apart."""

from itertools import product
from math import erf, exp, sqrt

import numpy as np

from .model import Encoder

SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40}


def cut(x, size):
    """Return the patches of an image, cut one by one and flattened by NumPy; shape (N, P²C)."""
    corners = product(range(0, x.shape[0], size), range(0, x.shape[1], size))
    return np.array([x[top : top + size, left : left + size].ravel() for top, left in corners])


def grid(s):
    """Yield row and column, from 1, of each patch of a sample, row by row."""
    for row, column in product(range(1, s.H // s.P + 1), range(1, s.W // s.P + 1)):
        yield {"r": row, "s": column}


def normed(z):
    """Return LayerNorm of rows, or of one row, by sums over their entries."""
    rows = []
    for row in np.atleast_2d(z):
        mean = sum(row) / len(row)
        spread = sqrt(sum((value - mean) ** 2 for value in row) / len(row))
        rows.append([(value - mean) / spread for value in row])
    return np.array(rows)


def attention(encoder, z, layer):
    """Return self-attention of rows, head by head and query by query."""
    to_q, to_k, to_v, out = encoder.projections[layer]
    width = z.shape[1] // encoder.heads
    mixed = np.zeros_like(z)
    for head, i in product(range(encoder.heads), range(len(z))):
        own = slice(head * width, (head + 1) * width)
        scores = [z[i] @ to_q[:, own] @ (row @ to_k[:, own]) / sqrt(width) for row in z]
        total = sum(map(exp, scores))
        mixed[i, own] = sum(exp(score) / total * (row @ to_v[:, own]) for score, row in zip(scores, z))
    return mixed @ out


def mlp(encoder, z, layer):
    """Return the MLP of rows, entry by entry of its hidden layer."""
    total = np.zeros_like(z)
    for up, down in zip(encoder.up[layer].T, encoder.down[layer].T):
        hidden = [value * (1 + erf(value / sqrt(2))) / 2 for value in z @ up]
        total += np.outer(hidden, down)
    return total


def linear(old, new):
    """Return the matrix of linear interpolation from `old` to `new` places, ends on ends."""
    at = np.linspace(0, old - 1, new)
    return np.array([np.interp(at, range(old), unit) for unit in np.eye(old)]).T


class Tally(np.ndarray):
    """An array that counts the multiplications in the matrix products of all such arrays."""

    count = 0
    __array_priority__ = 1  # so that joined arrays count too

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if out:
            options["out"] = tuple(map(np.asarray, out))
        plain = [np.asarray(x) for x in inputs]
        result = getattr(ufunc, method)(*plain, **options)
        if ufunc is np.matmul:
            Tally.count += result.size * plain[0].shape[-1]
        return result.view(Tally) if isinstance(result, np.ndarray) else result


def tallied(function, given):
    """Return how many multiplications the matrix products take when a function runs on an array."""
    Tally.count = 0
    function(given.view(Tally))
    return Tally.count


def cubic(old, new):
    """Return the matrix of cubic interpolation (Keys, a = −0.75), with places counted from the edges."""
    matrix = np.zeros((new, old))
    for row, place in enumerate((np.arange(new) + 0.5) * old / new - 0.5):
        first = int(np.floor(place)) - 1
        for at in range(first, first + 4):
            matrix[row, min(max(at, 0), old - 1)] += keys(abs(place - at))
    return matrix


def keys(t, a=-0.75):
    """Return the weight of a place at distance t in cubic interpolation."""
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * (t**3 - 5 * t**2 + 8 * t - 4)


def picture(height, width):
    """Return a random image of three channels; shape (height, width, 3)."""
    return np.random.default_rng(0).normal(size=(height, width, 3))


def vit(bias=0.0, **settings):
    """Return a small random ViT of transformers in float64, by default for 12 × 8 pixels and patches of 4.

    `bias` is the spread of the biases in the encoder; those of the patch embeddings are always random.
    """
    import torch
    import transformers

    given = SMALL | {"image_size": (12, 8), "patch_size": 4, "initializer_range": 0.3} | settings
    transformers.set_seed(0)
    network = transformers.ViTModel(transformers.ViTConfig(**given), add_pooling_layer=False).double().eval()
    with torch.no_grad():
        network.embeddings.patch_embeddings.projection.bias.normal_(0, 0.3)
        for name, parameter in network.layers.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, bias)
    return network


def run(network, pixels, **options):
    """Return what enters the first layer of a ViT for one image, and what leaves its last LayerNorm."""
    import torch

    found = []
    hook = network.layers[0].register_forward_pre_hook(lambda _, given: found.append(given[0][0].numpy()))
    with torch.no_grad():
        image = torch.tensor(pixels).permute(2, 0, 1)[None]
        out = network(image, **options).last_hidden_state[0].numpy()
    hook.remove()
    return found[0], out


def entering(network, pixels, **options):
    """Return what enters the first layer of a ViT for one image; shape (N + 1, D)."""
    return run(network, pixels, **options)[0]


def leaving(network, pixels):
    """Return what leaves the last LayerNorm of a ViT for one image; shape (N + 1, D)."""
    return run(network, pixels)[1]


def front(network):
    """Return E (P²C × D), its bias, the class token (1 × D) and the position embeddings (N + 1 × D)."""
    parts = network.embeddings
    kernel = parts.patch_embeddings.projection.weight.detach().numpy()  # (D, C, P, P)
    E = kernel.transpose(2, 3, 1, 0).reshape(-1, len(kernel))
    bias = parts.patch_embeddings.projection.bias.detach().numpy()
    return E, bias, parts.cls_token.detach().numpy()[0], parts.position_embeddings.detach().numpy()[0]


def copied(network):
    """Return our encoder with the matrices of a ViT of transformers, whose encoder has no biases."""
    names = ("q_proj", "k_proj", "v_proj", "o_proj")
    layers = network.layers

    def matrix(linear):
        return linear.weight.detach().numpy().T

    projections = [[matrix(getattr(layer.attention, name)) for name in names] for layer in layers]
    up, down = ([matrix(getattr(layer.mlp, name)) for layer in layers] for name in ("fc1", "fc2"))
    down = [part.T for part in down]
    return Encoder(*map(np.array, (projections, up, down)), heads=layers[0].attention.num_attention_heads)


def stock(network, read, norm_first, activation):
    """Return what PyTorch's encoder layers put out for a sequence, with the weights of a ViT."""
    import torch

    width, heads, inner = (
        SMALL[name] for name in ("hidden_size", "num_attention_heads", "intermediate_size")
    )
    z = torch.tensor(read)[None]
    with torch.no_grad():
        for layer in network.layers:
            own = torch.nn.TransformerEncoderLayer(
                width, heads, inner, 0.0, activation, 1e-12, batch_first=True, norm_first=norm_first
            ).double()
            z = filled(own, layer)(z)
        return network.layernorm(z)[0].numpy()


def filled(own, layer):
    """Give an encoder layer of PyTorch the parameters of a layer of a ViT, and return it."""
    import torch

    attention = layer.attention
    three = (attention.q_proj, attention.k_proj, attention.v_proj)
    own.self_attn.in_proj_weight.copy_(torch.cat([part.weight for part in three]))
    own.self_attn.in_proj_bias.copy_(torch.cat([part.bias for part in three]))
    pairs = (
        (own.self_attn.out_proj, attention.o_proj),
        (own.linear1, layer.mlp.fc1), (own.linear2, layer.mlp.fc2),
        (own.norm1, layer.layernorm_before), (own.norm2, layer.layernorm_after),
    )  # fmt: skip
    for mine, given in pairs:
        mine.load_state_dict(given.state_dict())
    return own.eval()


def base(size):
    """Return ViT-B for 224 × 224 pixels, without values: parameters have shapes only."""
    import torch
    import transformers

    with torch.device("meta"):
        return transformers.ViTModel(transformers.ViTConfig(patch_size=size), add_pooling_layer=False)


def counted(size):
    """Return the multiplications in the matrix products of a layer of ViT-B, and of its projection by E."""
    import torch

    image = torch.empty(1, 3, 224, 224, device="meta")
    front = multiplications(base(size).embeddings.patch_embeddings, image)
    return counted_layer((224 // size) ** 2 + 1), front


def counted_layer(tokens):
    """Return the multiplications in the matrix products of a layer of ViT-B for so many tokens."""
    import torch

    return multiplications(base(16).layers[0], torch.empty(1, tokens, 768, device="meta"))


def multiplications(part, given):
    """Return what PyTorch counts when a module runs, which is two operations for each multiplication."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        part(given)
    return counter.get_total_flops() / 2


def twins(trial, setting):
    """Return logits of three models of the experiment after training in float64, from the same start.

    The first reads the true order; the second a scrambled one, with the rows of E_pos moved along at the
    start; the third the scrambled order, with E_pos as it was.
    """
    import torch

    (x_p, labels), (x_test, _) = trial.digits(0, setting)
    order = torch.randperm(x_p.shape[1], generator=torch.Generator().manual_seed(5))
    same, logits = torch.arange(len(order)), []
    for read, moved in ((same, same), (order, order), (order, same)):
        model = trial.start("normal", 0, x_p, setting).double()
        with torch.no_grad():
            model.E_pos[1:] = model.E_pos[1:][moved]
        trial.fit(model, 0, x_p[:, read].double(), labels, setting)
        with torch.no_grad():
            logits.append(model(x_test[:, read].double()))
    return logits
