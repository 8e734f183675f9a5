"""Checks of 4(a): the input of a Vision Transformer, the order of its tokens, its cost, and an experiment."""

import hashlib
import json
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import zoom
from scipy.signal import correlate

from . import model as m
from . import oracles

HERE = Path(__file__).parent
ROUNDING = 1e-12
SIZES = (  # height, width, channels, patch, width of the model
    (4, 6, 3, 2, 5),
    (6, 3, 1, 3, 4),
    (4, 4, 2, 1, 3),
)


def sample(seed, H, W, C, P, D):
    """Return a random image and random parameters of the input stage, with their sizes."""
    rng, N = np.random.default_rng(seed), (H // P) * (W // P)
    E, x_class, E_pos = (rng.normal(size=(rows, D)) for rows in (P * P * C, 1, N + 1))
    x = rng.normal(size=(H, W, C))
    return SimpleNamespace(x=x, E=E, x_class=x_class, E_pos=E_pos, H=H, W=W, C=C, P=P, D=D, N=N)


SAMPLES = [sample(seed, *sizes) for seed, sizes in enumerate(SIZES)]


def places(s):
    """Yield for each entry of x_p the patch's row r and column s, the pixel (a, b) in it, and c."""
    grid = product(range(1, s.H // s.P + 1), range(1, s.W // s.P + 1))
    for (row, column), a, b, c in product(grid, *(range(1, n + 1) for n in (s.P, s.P, s.C))):
        yield {"r": row, "s": column, "a": a, "b": b, "c": c}


def reordering(order):
    """Return the permutation matrix that puts row order[i] at place i."""
    return np.eye(len(order))[list(order)]


def with_class(order):
    """Return an order of patches as one of tokens, with the class token first."""
    return [0, *(np.asarray(order) + 1)]


def test_flatten(evidence):
    """Cutting and flattening gives $N$ rows of $P^2 C$ numbers, each number of the image once."""
    for s in SAMPLES:
        by_hand = oracles.cut(s.x, s.P)
        evidence.equation("eq-vit-patches", 0, "patches cut one by one", x_p=by_hand, **sizes(s))
        each = [
            place | {"i": i, "k": k}
            for (i, k), place in zip(product(range(1, s.N + 1), range(1, s.P**2 * s.C + 1)), places(s))
        ]
        evidence.equation("eq-vit-flatten", 0, "patches cut one by one", each=each, p=by_hand, x=s.x,
                          W=s.W, P=s.P, C=s.C)  # fmt: skip
        evidence.equal(sorted(by_hand.flat), sorted(s.x.flat), "the numbers of image and patches")
        evidence.equal(m.patches(s.x, s.P).tolist(), by_hand.tolist(), "the patches of the figure")


def sizes(s):
    """Return the sizes of a sample by name."""
    return {name: getattr(s, name) for name in "HWCPDN" if name != "D"}


def test_input(evidence):
    """The encoder reads $N + 1$ rows of width $D$: class token, then projected patches, plus positions."""
    for s in SAMPLES:
        rows = [s.x_class[0] + s.E_pos[0]]
        for patch, place in zip(oracles.cut(s.x, s.P), s.E_pos[1:], strict=True):
            rows.append(sum(number * row for number, row in zip(patch, s.E)) + place)
        given = vars(s) | {"x_p": m.patches(s.x, s.P), "z_0": np.array(rows)}
        evidence.equation("eq-vit-input", ROUNDING, "row by row, with loops over the pixels", **given)
        found = m.sequence(m.patches(s.x, s.P), s.E, s.x_class, s.E_pos)
        evidence.close(found, rows, ROUNDING, "the sequence of the figure")


def test_shapes(evidence):
    """The table of shapes is right for ViT-B, by cutting images of these sizes."""
    table = evidence.table("", "ViT-B/16, 224 × 224")
    columns = []
    for side, size in ((224, 16), (384, 16), (224, 32)):
        x_p = m.patches(np.zeros((side, side, 3)), size)
        E = np.zeros((x_p.shape[1], 768))
        z = m.sequence(x_p, E, np.zeros((1, 768)), np.zeros((len(x_p) + 1, 768)))
        grid = "{} × {}".format(*[side // size] * 2)
        shapes = ["{} × {}".format(*matrix.shape) for matrix in (x_p, E, z)]
        columns.append([grid, *shapes, f"{len(z) ** 2:,}"])
    evidence.equal([list(row) for row in zip(*list(table.values())[1:])], columns, "shapes of arrays")
    evidence.shows("768", z.shape[1])


def test_variant_shapes(evidence):
    """For 384 × 384 × 3, patches of 16 and $D = 1024$ the shapes are those of the variant."""
    x_p = m.patches(np.zeros((384, 384, 3)), 16)
    z = m.sequence(x_p, np.zeros((x_p.shape[1], 1024)), np.zeros((1, 1024)), np.zeros((577, 1024)))
    for text, value in (("24", 384 / 16), ("576", len(x_p)), ("768", x_p.shape[1]), ("577", len(z))):
        evidence.shows(text, value)
    evidence.shows("1024", z.shape[1])
    evidence.equal(z.shape, (577, 1024), "shape of the sequence")


def test_encoder(evidence):
    """The layers are those of the equations, with attention computed token by token."""
    encoder = m.Encoder.random(0, layers=3)
    z = np.random.default_rng(1).normal(size=(6, 8))
    states, between = encoder(z)
    for layer in range(1, 4):
        parts = {
            "MSA": {layer: lambda x: oracles.attention(encoder, x, layer - 1)},
            "MLP": {layer: lambda x: oracles.mlp(encoder, x, layer - 1)},
        }
        given = {"z": dict(enumerate(states)), "z_prime": dict(enumerate(between, 1)), "ell": layer}
        evidence.equation("eq-vit-encoder", ROUNDING, f"loops over heads and tokens, layer {layer}",
                          LN=oracles.normed, **given, **parts)  # fmt: skip


def test_permutation(evidence):
    """Reordering the input rows reorders the output rows; without position embeddings the output of the
    class token is the same for all orders of four patches, and with them it is not."""
    encoder, rng = m.Encoder.random(2), np.random.default_rng(3)
    z = rng.normal(size=(5, 8))
    orders = list(product(range(5), repeat=5))
    orders = [order for order in orders if len(set(order)) == 5][::7]
    each = [{"Pi": reordering(order), "z": z} for order in orders]
    evidence.equation(
        "eq-vit-permute", ROUNDING, "rows reordered before and after", each=each, F=encoder.output
    )
    heads = [{"Q": q, "K": k, "V": v, "Pi": reordering(order)} for order in orders
             for q, k, v in [rng.normal(size=(3, 5, 4))]]  # fmt: skip
    evidence.equation("eq-vit-head", ROUNDING, "random queries, keys and values", each=heads, d=4)
    place = rng.normal(size=(5, 8))
    kept = [with_class(order) for order in product(range(4), repeat=4) if len(set(order)) == 4]
    bag, placed = (np.array([encoder.output(z[order] + add)[0] for order in kept]) for add in (0, place))
    evidence.close(bag, np.tile(bag[0], (24, 1)), ROUNDING, "class token without E_pos, all 24 orders")
    change = np.abs(placed - placed[0]).max(axis=1)[1:]
    evidence.bounded(change, "change of the class token with E_pos, the other 23 orders", low=0.01)


def test_consistent_order(evidence):
    """A fixed other order of the patches is the same as another order of the rows of position embeddings:
    the same input but for its order, and the same output of the class token."""
    for seed, s in enumerate(SAMPLES):
        order = np.roll(np.arange(s.N), 1)
        Pi, tilde = reordering(order), reordering(with_class(order))
        x_p = m.patches(s.x, s.P)
        given = {"x_class": s.x_class, "x_p": x_p, "E": s.E, "E_pos": s.E_pos, "Pi": Pi, "Pi_tilde": tilde}
        evidence.equation("eq-vit-consistent", ROUNDING, "random images and orders", **given)
        encoder = m.Encoder.random(seed, width=s.D, heads=1)
        back = np.argsort(with_class(order))
        one = encoder.output(m.sequence(x_p[order], s.E, s.x_class, s.E_pos))[0]
        two = encoder.output(m.sequence(x_p, s.E, s.x_class, s.E_pos[back]))[0]
        evidence.close(one, two, ROUNDING, "class token: patches reordered, or rows of E_pos back")
        plain = encoder.output(m.sequence(x_p, s.E, s.x_class, s.E_pos))[0]
        evidence.bounded(np.abs(one - plain).max(), "change if only the patches are reordered", low=0.01)


def test_upside_down(evidence):
    """With the rows of patches in reverse order the output is the same if the rows of $E_{pos}$ are moved in
    the same way, and with the pixels in reverse order too if those of $E$ are moved as well."""
    s = SAMPLES[0]
    encoder = m.Encoder.random(5, width=s.D, heads=1)
    grid = s.E_pos[1:].reshape(s.H // s.P, s.W // s.P, s.D)[::-1].reshape(s.N, s.D)
    E_pos = np.vstack([s.E_pos[:1], grid])
    E = s.E.reshape(s.P, s.P, s.C, s.D)[::-1].reshape(s.E.shape)
    upright = np.vstack([s.x[r : r + s.P] for r in range(s.H - s.P, -1, -s.P)])
    expected = encoder.output(m.sequence(m.patches(s.x, s.P), s.E, s.x_class, s.E_pos))[0]
    for image, matrix, name in ((upright, s.E, "patches upright"), (s.x[::-1], E, "pixels too")):
        found = encoder.output(m.sequence(m.patches(image, s.P), matrix, s.x_class, E_pos))[0]
        evidence.close(found, expected, ROUNDING, name)
        still = encoder.output(m.sequence(m.patches(image, s.P), matrix, s.x_class, s.E_pos))[0]
        evidence.bounded(np.abs(still - expected).max(), f"{name}, E_pos not moved", low=0.01)
    wrong = encoder.output(m.sequence(m.patches(s.x[::-1], s.P), s.E, s.x_class, E_pos))[0]
    evidence.bounded(np.abs(wrong - expected).max(), "pixels too, E not moved", low=0.01)


def test_convolution(evidence):
    """The projection of a patch is a convolution with stride $P$ at its place."""
    for s in SAMPLES:
        p, kernel = oracles.cut(s.x, s.P), s.E.reshape(s.P, s.P, s.C, s.D)
        each = [place | {"i": i, "d": d} for i, place in enumerate(oracles.grid(s), 1)
                for d in range(1, s.D + 1)]  # fmt: skip
        evidence.equation("eq-vit-conv", ROUNDING, "patches cut one by one; kernel by reshaping", each=each,
                          p=p, x=s.x, E=s.E, K=kernel, P=s.P, C=s.C)  # fmt: skip
        slid = [correlate(s.x, kernel[..., d], mode="valid")[:: s.P, :: s.P].ravel() for d in range(s.D)]
        evidence.close(np.transpose(slid), p @ s.E, ROUNDING, "SciPy's sliding kernel, every P-th place")


def test_resize(evidence):
    """The released resizing is a linear map: the Kronecker product of interpolation along rows and along
    columns, and the class token's row is kept."""
    rng = np.random.default_rng(0)
    for old, new in (((14, 14), (24, 24)), ((4, 5), (7, 8))):
        E_pos = rng.normal(size=(old[0] * old[1] + 1, 3))
        before = E_pos[1:].reshape(*old, 3)
        grid = zoom(before, (new[0] / old[0], new[1] / old[1], 1), order=1)
        R, S = (oracles.linear(*lengths) for lengths in zip(old, new))
        resized = np.vstack([E_pos[:1], grid.reshape(-1, 3)])
        given = {"E_prime_pos": resized, "e_0": E_pos[:1], "G": E_pos[1:], "R": R, "S": S}
        evidence.equation("eq-vit-resize", 1e-10, f"SciPy's zoom of order 1, {old} to {new}",
                          otimes=np.kron, **given)  # fmt: skip
        ends = np.ix_([0, -1], [0, -1])
        evidence.close(grid[ends], before[ends], ROUNDING, "corners stay corners")
    for text, value in (("24", 384 / 16), ("14", 224 / 16), ("224", 224), ("384", 384)):
        evidence.shows(text, value)


def test_multiplications(evidence):
    """The matrix products of a layer, and the projection of the patches, take the printed multiplications;
    attention takes $4 D^2$ for each token and $2 (N + 1)^2 D$, the MLP $8 D^2$ for each token."""
    for s, width in zip(SAMPLES, (4, 6, 10)):
        encoder, E = m.Encoder.random(0, layers=1, width=width), np.zeros((s.P**2 * s.C, width))
        z = np.random.default_rng(0).normal(size=(s.N + 1, width))
        layer = oracles.tallied(encoder, z)
        parts = [oracles.tallied(lambda z: part(z, 0), z) for part in (encoder.attention, encoder.mlp)]
        expected = [4 * len(z) * width**2 + 2 * len(z) ** 2 * width, 8 * len(z) * width**2]
        evidence.equal(parts, expected, "attention, MLP")
        front = oracles.tallied(lambda x_p: x_p @ E, m.patches(s.x, s.P))
        given = vars(s) | {"M": layer, "M_E": front, "D": width}
        evidence.equation("eq-vit-cost", 0, "counted product by product in our encoder", **given)


def test_experiment(evidence):
    """The committed runs carry the digest of experiment.py. On average one scrambled order is no worse than
    the true one. In every seed at least a tenth more is wrong without position embeddings, where shuffling
    changes no number; with them it takes more than half of all test images."""
    results = json.loads((HERE / "results.json").read_text())
    digest = hashlib.sha256((HERE / "experiment.py").read_bytes()).hexdigest()
    evidence.equal(results["provenance"]["experiment"], digest, "digest of experiment.py")
    share = {
        (way, kind): np.array([run[kind] for run in runs.values()]) / 450
        for way, runs in results["correct"].items() for kind in ("test", "shuffled")
    }  # fmt: skip
    evidence.equal({len(runs) for runs in share.values()}, {5}, "seeds of each way")
    normal, fixed, bag = (share[way, "test"] for way in ("normal", "scrambled", "none"))
    evidence.bounded(normal - bag, "lead over no position embeddings, every seed", low=0.1)
    evidence.bounded(abs(normal.mean() - fixed.mean()), "normal and one scrambled order, means", high=0.02)
    evidence.bounded(fixed.mean() - normal.mean(), "lead of one scrambled order, means", low=0)
    evidence.equal(
        share["none", "shuffled"].tolist(), bag.tolist(), "no position embeddings, shuffled or not"
    )
    lost = share["normal", "shuffled"]
    evidence.bounded(normal - lost, "normal, lost by shuffling, every seed", low=0.5)
    for text, value in (("93.4", normal), ("93.8", fixed), ("74.4", bag), ("20.5", lost)):
        evidence.shows(text, 100 * value.mean())


@pytest.mark.library("transformers", "torch")
def test_same_as_transformers(evidence):
    """The ViT of transformers, with random weights, reads the printed input and puts out what our few
    lines do; a convolution makes its patch embeddings."""
    import torch

    network, pixels = oracles.vit(), oracles.picture(12, 8)
    assert isinstance(network.embeddings.patch_embeddings.projection, torch.nn.Conv2d)
    read = oracles.entering(network, pixels)
    E, bias, x_class, E_pos = oracles.front(network)
    x_p = m.patches(pixels, 4)
    shift = np.vstack([np.zeros((1, 24)), np.tile(bias, (len(x_p), 1))])
    given = {"x_class": x_class, "x_p": x_p, "E": E, "E_pos": E_pos + shift, "z_0": read}
    evidence.equation("eq-vit-input", 1e-12, "what enters the first layer; the bias put into E_pos",
                      N=6, D=24, **given)  # fmt: skip
    encoder = oracles.copied(network)
    found = encoder.output(m.sequence(x_p, E, x_class, E_pos + shift))
    evidence.close(found, oracles.leaving(network, pixels), 1e-10, "after the last LayerNorm")


@pytest.mark.library("transformers", "torch")
def test_stock_encoder(evidence):
    """PyTorch's encoder layers, with the weights and the input of those of the ViT of transformers, lead to
    the same output after its last LayerNorm if LayerNorm is first and GELU is used; with LayerNorm last, or
    with ReLU, they do not."""
    network, pixels = oracles.vit(bias=0.3), oracles.picture(12, 8)
    read, expected = oracles.entering(network, pixels), oracles.leaving(network, pixels)
    found = oracles.stock(network, read, norm_first=True, activation="gelu")
    evidence.close(found, expected, 1e-10, "LayerNorm first, GELU")
    for first, activation in ((False, "gelu"), (True, "relu")):
        other = oracles.stock(network, read, norm_first=first, activation=activation)
        evidence.bounded(np.abs(other - expected).max(), f"first {first}, {activation}", low=0.01)


@pytest.mark.library("transformers", "torch")
def test_left_over_pixels(evidence):
    """Pixels that no full patch covers are dropped: 230 × 230 pixels and patches of 16 give 196 patches."""
    network = oracles.vit(image_size=230, patch_size=16)
    wide = oracles.picture(230, 230)
    read = oracles.entering(network, wide)
    evidence.equal(len(read) - 1, 196, "tokens for patches, transformers")
    for text, value in (("230", len(wide)), ("16", 16), ("196", len(read) - 1), ("224", 14 * 16)):
        evidence.shows(text, value)
    E, bias, x_class, E_pos = oracles.front(network)
    inner = m.sequence(m.patches(wide[:224, :224], 16), E, x_class, E_pos)
    evidence.close(read[1:] - bias, inner[1:], 1e-12, "those of the upper left 224 × 224 pixels")


@pytest.mark.library("transformers", "torch")
def test_other_resolution(evidence):
    """The ViT of transformers refuses another image size; told to interpolate, it keeps the class token's
    row, and takes other rows than the released code does, in the corners too."""
    network, pixels = oracles.vit(image_size=16), oracles.picture(28, 28)
    with pytest.raises(ValueError, match="Input image size"):
        oracles.entering(network, pixels)
    E, bias, x_class, E_pos = oracles.front(network)
    read = oracles.entering(network, pixels, interpolate_pos_encoding=True)
    rows = read - m.sequence(m.patches(pixels, 4), E, x_class, np.zeros((50, 24)))
    evidence.close(rows[0], E_pos[0], 1e-12, "row of the class token")
    released = np.kron(oracles.linear(4, 7), oracles.linear(4, 7)) @ E_pos[1:]
    apart = np.abs(rows[1:] - bias - released).max(axis=1)
    evidence.bounded(apart[[0, 6, 42, 48]], "corners, transformers against the released way", low=1e-3)
    cubic = oracles.cubic(4, 7)
    evidence.close(
        rows[1:] - bias, np.kron(cubic, cubic) @ E_pos[1:], 1e-10, "cubic weights, places from edges"
    )


@pytest.mark.library("transformers", "torch")
def test_cost(evidence):
    """PyTorch's counter finds the printed multiplications in ViT-B, and with $6 D$ tokens twice the first
    term; from patches of 16 to patches of 8 the pairs grow 15.9 times, the cost of a layer 4.47 times."""
    found = {}
    for size in (32, 16, 8):
        layer, front = oracles.counted(size)
        found[size] = layer
        given = {"M": layer, "M_E": front, "N": (224 // size) ** 2, "P": size, "D": 768, "C": 3}
        evidence.equation(
            "eq-vit-cost", 0, f"FLOPs counted by PyTorch, halved; P = {size}", H=224, W=224, **given
        )
    tokens = 6 * 768
    evidence.equal(oracles.counted_layer(tokens), 2 * 12 * tokens * 768**2, "6 D tokens, both terms alike")
    evidence.shows("4.47", found[8] / found[16])
    evidence.shows("15.9", (28**2 + 1) ** 2 / (14**2 + 1) ** 2)
    for text, value in (("224", 28 * 8), ("16", 224 / 14), ("4608", tokens)):
        evidence.shows(text, value)


@pytest.mark.library("transformers", "torch")
def test_parameters(evidence):
    """ViT-B/16 has 85,798,656 parameters without a classifier, of which 742,656 stand before the encoder."""
    network = oracles.base(16)
    count = sum(p.numel() for p in network.parameters())
    before = sum(p.numel() for p in network.embeddings.parameters())
    evidence.equal([count, before], [85_798_656, 742_656], "parameters counted")
    evidence.equal(before, (16 * 16 * 3 + 1 + 1 + 197) * 768, "E, bias, class token and positions")
    evidence.shows("0.87", 100 * before / count)
    for text, value in (("16", 16), ("224", 224), ("85798656", count), ("742656", before)):
        evidence.shows(text, value)


@pytest.mark.library("torch", "scikit-learn")
def test_short_run(evidence):
    """A short run of the experiment learns with position embeddings; training on scrambled patches, with
    the rows of $E_{pos}$ moved along at the start, gives the predictions of training on the true order."""
    import torch

    from . import experiment as trial

    short = SimpleNamespace(**vars(trial.FULL) | {"steps": 30, "layers": 1, "test": 300})
    _, results = trial.run(("normal", "none"), (0,), short)
    right, bag = (results[way][0] for way in ("normal", "none"))
    evidence.bounded(right["test"], "right of 300 after 30 steps, of 30 by guessing", low=120)
    evidence.bounded(right["test"] - bag["test"], "lead over no E_pos", low=60)
    evidence.equal(bag["test"], bag["shuffled"], "no E_pos, shuffled or not")
    one, two, other = oracles.twins(trial, short)
    evidence.close(one, two, 1e-6, "logits after training, rows of E_pos moved at the start")
    evidence.bounded((one - other).abs().max().item(), "the same, rows not moved", low=0.01)
    drawn = json.loads((HERE / "results.json").read_text())["example"]["image"]
    evidence.close(trial.load_digits().images[3], drawn, 0, "the digit of the figure")
    image = np.random.default_rng(0).normal(size=(6, 4, 3))
    cut = trial.patches(torch.tensor(image)[None], 2)[0].numpy()
    evidence.close(cut, oracles.cut(image, 2), 0, "the patches of the experiment")
