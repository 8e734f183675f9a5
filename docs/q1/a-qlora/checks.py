"""Checks of 1(a): NF4 and its use, double quantization, paging, memory, and the layer of QLoRA."""

import hashlib
import json
from itertools import product
from pathlib import Path
from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from . import model as m
from . import oracles

HERE = Path(__file__).parent
ROUNDING = 1e-12
INDICES = range(-7, 9)
BNB = "bitsandbytes", "torch"
PEFT = "peft", "bitsandbytes", "transformers", "torch"


def percent(share):
    """Return a share as it is printed."""
    return f"{100 * share:.1f}%"


def from_table(evidence, row):
    """Return the 16 cells of a row of the table of levels, which is printed in two halves."""
    halves = evidence.table("$i$", "−7"), evidence.table("$i$", "1")
    return [cell for half in halves for cell in half[row]]


def minus(number):
    """Return a printed number as Python reads it."""
    return float(number.replace("−", "-"))


def test_levels(evidence):
    """The levels are quantiles at equal steps of probability on each side, with zero, scaled to 1, and δ is
    the mean of two half bins."""
    delta = NormalDist().cdf(NormalDist().inv_cdf(0.9677083))
    q = {i: level for i, level in zip(INDICES, m.NF4, strict=True)}
    each = [{"i": i} for i in INDICES]
    evidence.equation("eq-1a-levels", ROUNDING, "the normal distribution of Python's statistics", each=each,
                      q=q, Q=NormalDist().inv_cdf, delta=delta)  # fmt: skip
    chances = norm.cdf(m.NF4 * norm.ppf(delta))
    steps = np.diff(chances)
    evidence.close(steps[:7], (delta - 0.5) / 7, 1e-9, "steps of probability from −1 to 0")
    evidence.close(steps[7:], (delta - 0.5) / 8, 1e-9, "steps of probability from 0 to 1")
    evidence.equation("eq-1a-offset", 5e-8, "the constant of the library, seven decimals", delta=0.9677083)
    printed = [minus(cell) for cell in from_table(evidence, "level $q_i$")]
    evidence.equal(printed, [round(level, 4) for level in m.NF4], "the table, to four decimals")
    evidence.shows("16", len(m.NF4))
    evidence.equal(bool(np.isin(0, m.NF4)), True, "zero is a level")
    evidence.bounded(np.abs(m.UNIFORM), "distance of 16 equally spaced levels from zero", low=0.06)


def test_use(evidence):
    """For independent normal weights the bins of NF4 hold the shares of the table, from 1.7 % to 9.2 %, and
    1/B of the weights lie on −1 or 1."""
    for size in (16, 64):
        points, mass = m.largest(size - 1)
        law = dict(zip(points.tolist(), mass.tolist()))
        bins = [{"a": a, "b": b} for a, b in zip(m.edges(m.NF4), m.edges(m.NF4)[1:])] + [{"a": -1, "b": 1}]
        evidence.equation("eq-1a-use", 1e-9, f"blocks of {size}: cut off at the largest of all, SciPy's quad",
                          each=bins, U=lambda a, b, size=size: oracles.inside(a, b, size), M=law, Phi=ndtr,
                          sets={"m": points.tolist()})  # fmt: skip
    rng = np.random.default_rng(0)
    weights = 0.02 * rng.normal(size=2**20)
    indices, scales = m.quantise(weights, m.NF4)
    shares = np.bincount(indices.ravel(), minlength=16) / weights.size
    evidence.close(shares, m.use(m.NF4), 1e-3, "shares of 1,048,576 simulated weights")
    ends = np.abs(weights.reshape(-1, 64) / scales[:, None]) == 1
    evidence.equal(set(ends.sum(axis=1).tolist()), {1}, "weights of each block on −1 or 1")
    printed = from_table(evidence, "share of the weights")
    evidence.equal(printed, [percent(share) for share in m.use(m.NF4)], "the table")
    evidence.shows("1.7", 100 * shares.min())
    evidence.shows("9.2", 100 * shares.max())


def test_entropies(evidence):
    """The codes have less entropy and more error the larger the blocks; the largest of 64 is 2.60 standard
    deviations on average, where bins of nearly equal use would need 1.848."""
    sizes = (16, 64, 256, 4096)
    found = np.array([oracles.simulated(size) for size in sizes])
    exact = np.array([(m.entropy(m.use(m.NF4, size)), m.error(m.NF4, size)) for size in sizes])
    evidence.close(found[:, 0], exact[:, 0], 4e-3, "entropies of 1,048,576 simulated weights")
    ratios = (found / exact)[:3, 1]  # there are only 256 blocks of 4,096
    evidence.close(ratios, 1, 0.005, "squared errors over those of the quadrature, up to 256")
    evidence.bounded(np.diff(exact[:, 0]), "change of entropy with the block size", high=0, strict=True)
    evidence.bounded(np.diff(exact[:, 1]), "change of the error", low=0, strict=True)
    for text, value in zip(("3.991", "3.885", "3.521"), exact[[0, 1, 3], 0], strict=True):
        evidence.shows(text, value)
    for text, value in zip(("8.5", "9.7"), exact[1:3, 1], strict=True):
        evidence.shows(text, 1000 * value)
    for text, size in zip(("16", "64", "256", "4,096"), sizes, strict=True):
        evidence.shows(text, size)
    one = NormalDist().inv_cdf(m.DELTA)
    evidence.shows("1.848", one)
    cuts = norm.cdf(np.r_[-np.inf, one * m.edges(m.NF4)[1:-1], np.inf])
    evidence.shows("3.996", m.entropy(np.diff(cuts)))
    top = np.abs(np.random.default_rng(0).normal(size=(2**16, 64))).max(axis=1).mean()
    evidence.shows("2.60", top)
    evidence.close(top, np.dot(*m.largest(64)), 0.01, "mean of the largest of 64, simulated")


def test_codes(evidence):
    """On normal blocks of 64 NF4 errs less than Int4 and than bins of equal use with the best levels for
    them, and more than levels optimised for the squared error."""
    ends, means = m.equal_bins()
    best = m.lloyd()
    shares = np.r_[[oracles.inside(a, b, 64) for a, b in zip(ends, ends[1:])]]
    shares[[0, -1]] += 1 / 128
    evidence.close(shares, 1 / 16, 1e-6, "use of the equal bins, by SciPy's quad")
    ratios = {
        name: m.decibels(m.error(code)) for name, code in (("NF4", m.NF4), ("Int4", m.INT4), ("best", best))
    }
    for name, code in (("NF4", m.NF4), ("Int4", m.INT4), ("best", best)):
        evidence.close(m.decibels(oracles.simulated(64, code)[1]), ratios[name], 0.03, f"{name}, simulated")
    ratios["equal"] = m.decibels(m.error(means, ends=ends))
    weights = np.random.default_rng(1).normal(size=(2**14, 64))
    scaled = weights / np.abs(weights).max(axis=1)[:, None]
    restored = np.where(np.abs(scaled) == 1, scaled, means[np.searchsorted(ends[1:-1], scaled)])
    noise = ((weights - restored * np.abs(weights).max(axis=1)[:, None]) ** 2).mean()
    evidence.close(m.decibels(noise), ratios["equal"], 0.03, "equal bins, simulated, largest weights exact")
    moved = [m.error(means * factor, ends=ends) for factor in (0.99, 1.01)]
    evidence.bounded(moved, "error of the equal bins with levels moved by 1 %", low=m.error(means, ends=ends))
    for text, name in (("19.5", "equal"), ("20.7", "NF4"), ("19.4", "Int4"), ("21.0", "best")):
        evidence.shows(text, ratios[name])
    evidence.shows("64", weights.shape[1])


def test_paper_equation(evidence):
    """Read as printed, Equation 4 is infinite at 0 and at 16, and gives between them 15 symmetric levels
    with zero, which are not those of NF4."""
    middle = {i: (norm.ppf(i / 17) + norm.isf(1 - (i + 1) / 17)) / 2 for i in range(1, 16)}
    evidence.equation("eq-1a-paper", ROUNDING, "SciPy's quantiles from both sides, i = 1 to 15",
                      each=[{"i": i} for i in middle], q=middle, k=4, Q=NormalDist().inv_cdf)  # fmt: skip
    evidence.equal([norm.ppf(0), norm.ppf(1)], [-np.inf, np.inf], "Q(0) and Q(1)")
    found = np.array(list(middle.values()))
    evidence.close(found, -found[::-1], ROUNDING, "symmetry")
    evidence.close(found[7], 0, ROUNDING, "the middle one")
    scaled = found / found[-1]
    evidence.shows("0.769", -scaled[1])
    evidence.shows("0.696", -m.NF4[1])
    evidence.shows("15", len(found))


def test_bits(evidence):
    """A weight takes 4 + 32/B bits, and 4 + 8/B + 32/(B B′) with double quantization."""
    each = [
        {"B": B, "B_prime": G, "b_1": oracles.stored(3 * B * G, B), "b_2": oracles.stored(3 * B * G, B, G)}
        for B, G in product((32, 64, 128), (256, 512))
    ]  # fmt: skip
    evidence.equation("eq-1a-bits", ROUNDING, "bits counted for three constants", each=each)
    whole = 64 * 256
    single, double = oracles.stored(whole, 64), oracles.stored(whole, 64, 256)
    for text, value in (("0.5", single - 4), ("0.127", double - 4), ("0.373", single - double)):
        evidence.shows(text, float(value))
    evidence.shows("3.03", float((single - double) * 65 / 8))
    evidence.shows("65", 65)
    evidence.shows("16,384", whole)
    evidence.shows("64", 64)
    evidence.shows("256", 256)
    for text in ("8", "32", "128", "512", "70"):
        evidence.shows(text, int(text))
    other = oracles.stored(128 * 512, 128) - 4, oracles.stored(128 * 512, 128, 512) - 4
    for text, value in (("0.25", other[0]), ("0.06299", other[1]), ("0.18701", other[0] - other[1])):
        evidence.shows(text, float(value))
    evidence.shows("1.64", float((other[0] - other[1]) * 70 / 8))


def test_nearest(evidence):
    """What a block of weights, or of scales, is stored as follows from the midpoints between levels."""
    rng, each, q = np.random.default_rng(0), [], dict(zip(INDICES, m.NF4))
    for size in (5, 12):
        weights = rng.normal(0, 0.02, (3, size))
        for block, chosen, scale in zip(weights, *m.quantise(weights, m.NF4, size)):
            values = {"w": block, "c": scale, "k": chosen - 7, "w_hat": scale * m.NF4[chosen]}
            each += [values | {"j": j} for j in range(1, size + 1)]
    for size in (5, 12):
        some = [one for one in each if len(one["w"]) == size]
        evidence.equation("eq-1a-block", ROUNDING, f"blocks of {size}, by midpoints", each=some, q=q,
                          sets={"i": range(1, size + 1), "u": INDICES})  # fmt: skip
    low, levels = 1 + rng.random(20) ** 3, np.sort(np.r_[rng.uniform(-1, 1, 14), -1, 1])
    for scales in (low, 3 - low):  # the largest or the smallest is farthest from the mean
        top = np.max([scales.max() - scales.mean(), scales.mean() - scales.min()])
        chosen = np.searchsorted((levels[1:] + levels[:-1]) / 2, (scales - scales.mean()) / top)
        values = {"c": scales, "c_bar": scales.mean(), "C": top, "t": dict(enumerate(levels)), "k": chosen}
        values["c_hat"] = scales.mean() + top * levels[chosen]
        evidence.equation("eq-1a-double", ROUNDING, "20 scales and 16 random levels, by midpoints", **values,
                          each=[{"g": g} for g in range(1, 21)],
                          sets={"i": range(1, 21), "u": range(16)})  # fmt: skip


def test_gradients(evidence):
    """The output of a layer is that of the merged matrix, and the printed gradients are the derivatives of a
    loss by the adapters and the input."""
    rng = np.random.default_rng(0)
    shapes = {"X": (5, 6), "W_hat": (6, 4), "L_1": (6, 2), "L_2": (2, 4)}
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()} | {"s": 1.5}
    direction = rng.normal(size=(5, 4))
    merged = values["W_hat"] + 1.5 * np.einsum("ir,rj->ij", values["L_1"], values["L_2"])
    output = np.einsum("ti,ij->tj", values["X"], merged)
    evidence.equation("eq-1a-layer", ROUNDING, "NumPy's einsum with the merged matrix", Y=output, **values)

    def loss(X, W_hat, L_1, L_2, s):
        return np.sum(direction * np.sin(X @ (W_hat + s * L_1 @ L_2)))

    given = {"G": direction * np.cos(values["X"] @ (values["W_hat"] + 1.5 * values["L_1"] @ values["L_2"]))}
    for name in ("L_1", "L_2", "X"):
        given[f"partial_E_partial_{name}"] = oracles.slope(loss, values, name)
    evidence.equation("eq-1a-gradient", 1e-7, "central differences of a loss", **given, **values)


def test_memory(evidence):
    """Every cell of the memory table and its totals follow from the printed formulas."""
    for rank in (8, 64):
        shape = {"ell": 32, "d": 4096, "f": 11008, "r": rank, "n": oracles.counts(rank)[2]}
        evidence.equation("eq-1a-adapters", 0, f"sum over 224 pairs of matrices of rank {rank}", **shape)
    whole, linear, adapters = oracles.counts(64)
    evidence.equal(m.counts(64), oracles.counts(64), "the counts of the figure")
    items = m.memory(whole, linear, adapters, float(oracles.stored(64 * 256, 64, 256)))
    sums = {f"S_{name}": sum(row) for name, row in zip(("full", "LoRA", "QLoRA"), items.T, strict=True)}
    evidence.equation("eq-1a-memory", ROUNDING, "sums of the items", N=whole, N_4=linear, n=adapters,
                      b_2=4 + 8 / 64 + 32 / 64 / 256, **sums)  # fmt: skip
    table = evidence.table("item")
    for name, row in zip(m.ITEMS, items, strict=True):
        cells = [f"{x / 1e9:.2f}" if x else "0" for x in row]
        evidence.equal(table[name], cells, f"{name}, in GB")
    evidence.equal(table["total"], [f"{x / 1e9:.2f}" for x in sums.values()], "totals, in GB")
    evidence.shows("780", (2 + 2 + 8) * 65)
    evidence.shows("12", 2 + 2 + 8)
    evidence.shows("65", 65)
    evidence.shows("16", 16)
    evidence.shows("0.64", 4 * adapters / 1e9)
    for text, value in (("12.95", items[0, 1]), ("3.34", items[0, 2]), ("3.87", items[:2, 2].sum())):
        evidence.shows(text, value / 1e9)
    evidence.shows("3.88", items[0, 1] / items[0, 2])
    evidence.shows("4.127", float(oracles.stored(64 * 256, 64, 256)))
    evidence.shows("2.66", sums["S_LoRA"] / sums["S_QLoRA"])


def test_by_hand(evidence):
    """The four weights of the variant get the indices 8, −3, 1, 0."""
    weights = np.array([0.9, -0.3, 0.05, 0])
    distances = np.abs(weights[:, None] / 0.9 - m.NF4)
    nearest = distances.argmin(axis=1)
    evidence.equal([INDICES[k] for k in nearest], [8, -3, 1, 0], "nearest levels by all distances")
    for text, k in (("0.2844", 4), ("0.3949", 3), ("0.0796", 8)):
        evidence.shows(text, abs(m.NF4[k]))
    for text, value in zip(("0.9", "0.2560", "0.0716"), np.abs(0.9 * m.NF4[nearest])):
        evidence.shows(text, value)
    evidence.shows("0.340", -(m.NF4[3] + m.NF4[4]) / 2)
    evidence.shows("0.333", 0.3 / 0.9)
    evidence.shows("0.056", 0.05 / 0.9)
    evidence.shows("8", INDICES[nearest[0]])
    evidence.shows("3", -INDICES[nearest[1]])


@pytest.mark.library(*BNB)
def test_library_levels(evidence):
    """The printed levels are those that bitsandbytes has in its table, and those that it constructs."""
    from bitsandbytes.functional import create_normal_map, get_4bit_type

    table = get_4bit_type("nf4", device="cpu").double().numpy()
    q = {i: level for i, level in zip(INDICES, table, strict=True)}
    evidence.equation("eq-1a-levels", 2e-7, "the table of bitsandbytes", each=[{"i": i} for i in INDICES],
                      q=q, Q=NormalDist().inv_cdf, delta=0.9677083)  # fmt: skip
    made = np.unique(create_normal_map().double().numpy())
    evidence.close(made, table, 2e-7, "what create_normal_map makes, against the table")
    for text, value in (("0.09105004", table[6]), ("0.0911", table[6]), ("0.0910", m.NF4[6])):
        evidence.shows(text, -value)


@pytest.mark.library(*BNB)
def test_library_blocks(evidence):
    """bitsandbytes stores for each block its largest magnitude and the nearest levels, and restores zeros as
    zeros."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.02, 64 * 4).astype(np.float32)
    weights[5:9] = 0
    found, q = oracles.quantised(weights), dict(zip(INDICES, m.NF4))
    each = [
        {"w": block, "c": scale, "k": indices - 7, "w_hat": restored, "j": j}
        for block, scale, indices, restored in zip(
            *(array.reshape(4, 64).astype(float) for array in (weights,)), found.scales.astype(float),
            found.indices.reshape(4, 64), found.restored.reshape(4, 64).astype(float),
        )
        for j in range(1, 65)
    ]  # fmt: skip
    evidence.equation("eq-1a-block", 1e-7, "four blocks of bitsandbytes", each=each, q=q,
                      sets={"i": range(1, 65), "u": INDICES})  # fmt: skip
    evidence.equal(set(found.restored.ravel()[5:9].tolist()), {0.0}, "restored zeros")
    many = rng.normal(0, 0.02, 2**18).astype(np.float32)
    ours = m.quantise(many.astype(float), m.NF4)[0].ravel()
    evidence.close(np.mean(oracles.quantised(many).indices != ours), 0, 1e-4, "share of other indices")


@pytest.mark.library(*BNB)
def test_library_bits(evidence):
    """What bitsandbytes keeps for a matrix is what the printed formulas count, but for its tables."""
    weights = np.random.default_rng(0).normal(0, 0.02, (1024, 1024))
    plain, double = (oracles.quantised(weights, compress=compress) for compress in (False, True))
    nested = double.state.state2
    bits = [
        8 * sum(part.nbytes for part in parts) / weights.size
        for parts in ((plain.packed, plain.state.absmax), (double.packed, double.state.absmax, nested.absmax))
    ]
    evidence.equation("eq-1a-bits", ROUNDING, "bytes of the tensors", b_1=bits[0], b_2=bits[1],
                      B=double.state.blocksize, B_prime=nested.blocksize)  # fmt: skip
    evidence.shows("4.5", bits[0])
    evidence.shows("4.127", bits[1])
    tables = sum(part.nbytes for part in (double.state.code, nested.code, double.state.offset))
    evidence.shows("1.1", tables / 1000)


@pytest.mark.library(*BNB)
def test_library_double(evidence):
    """bitsandbytes stores the scales as printed, with its dynamic map; they are off by 0.16 % on average,
    and the error of the weights is 9.2 % with and without that."""
    from bitsandbytes.functional import create_dynamic_map

    weights = np.random.default_rng(0).normal(0, 0.02, (1024, 1024)).astype(np.float32)
    plain, double = (oracles.quantised(weights, compress=compress) for compress in (False, True))
    map_ = create_dynamic_map().numpy()
    evidence.equal(np.array_equal(double.state.state2.code.numpy(), map_), True, "the dynamic map")
    evidence.shows("256", len(map_))
    indices, group = double.state.absmax.numpy(), plain.scales[:256].astype(float)
    values = {"c": group, "c_bar": plain.scales.mean(dtype=float), "C": float(double.state.state2.absmax[0])}
    values |= {"t": dict(enumerate(map_.astype(float))), "k": indices[:256].astype(int)}
    values["c_hat"] = double.scales[:256].astype(float)
    evidence.equation("eq-1a-double", 1e-7, "256 scales of bitsandbytes", **values,
                      each=[{"g": g} for g in range(1, 257, 8)],
                      sets={"i": range(1, 257), "u": range(256)})  # fmt: skip
    off = np.abs(double.scales - plain.scales) / plain.scales
    evidence.shows("0.16", 100 * off.mean())
    errors = [np.linalg.norm(x.restored - weights) / np.linalg.norm(weights) for x in (plain, double)]
    for error in errors:
        evidence.shows("9.2", 100 * error)
    evidence.close(errors[1], errors[0], 1e-4, "error of the weights with and without")
    evidence.close(errors[0], np.sqrt(m.error(m.NF4)), 5e-4, "the same by quadrature")


@pytest.mark.library(*PEFT)
def test_library_layer(evidence):
    """An NF4 layer of bitsandbytes with an adapter of PEFT computes the printed output and gradients; a step
    of the optimizer changes the adapter and not the stored bytes; products are in BF16 where asked for."""
    import torch

    whole, adapted = oracles.layer()
    values = oracles.symbols(adapted)
    given = torch.randn(5, 128, requires_grad=True)
    weight, output = adapted.base_layer.weight, whole(given)
    values["X"] = given.detach().double().numpy()
    evidence.equation("eq-1a-layer", 1e-5, "output in 32 bits", Y=output.detach().double().numpy(), **values)
    direction = torch.randn(5, 64)
    output.backward(direction)
    gradients = {
        "L_1": adapted.lora_A["default"].weight.grad.T,
        "L_2": adapted.lora_B["default"].weight.grad.T,
    }
    names = {f"partial_E_partial_{k}": v.double().numpy() for k, v in (gradients | {"X": given.grad}).items()}
    values["G"] = direction.double().numpy()
    evidence.equation("eq-1a-gradient", 1e-5, "automatic differentiation", **names, **values)
    evidence.equal([weight.grad, weight.requires_grad, weight.dtype], [None, False, torch.uint8], "the base")
    kind = weight.quant_state.quant_type, weight.quant_state.nested
    evidence.equal(kind, ("nf4", True), "type, and whether scales are quantized")
    before, old = weight.data.clone(), adapted.lora_A["default"].weight.detach().clone()
    torch.optim.AdamW([p for p in whole.parameters() if p.requires_grad], 0.1).step()
    evidence.equal(torch.equal(weight.data, before), True, "stored bytes after a step")
    evidence.bounded((adapted.lora_A["default"].weight - old).abs().min().item(), "change of L_1", low=0.01)
    base = oracles.layer("bfloat16")[1].base_layer
    restored = torch.as_tensor(values["W_hat"].T).bfloat16()
    expected = torch.nn.functional.linear(given.bfloat16(), restored)
    evidence.close(base(given.bfloat16()).float().detach(), expected.float().detach(), 0, "product in BF16")


@pytest.mark.library("peft", "transformers", "torch")
def test_library_counts(evidence):
    """LLaMA-7B in transformers, with adapters of rank 64 by PEFT at all linear layers, has the printed
    counts."""
    model = oracles.llama(r=64, target_modules="all-linear")
    sizes = {"lora_": 0, "base_layer": 0, "": 0}
    for name, parameter in model.named_parameters():
        kind = next(kind for kind in sizes if kind in name)
        sizes[kind] += parameter.numel()
    evidence.equal((sizes["base_layer"] + sizes[""], sizes["base_layer"], sizes["lora_"]), oracles.counts(64),
                   "the three counts against sums over matrices")  # fmt: skip
    evidence.equation("eq-1a-adapters", 0, "parameters counted in the model", n=sizes["lora_"], r=64,
                      ell=model.config.num_hidden_layers, d=model.config.hidden_size,
                      f=model.config.intermediate_size)  # fmt: skip
    for text in ("32", "4096", "11008", "64", "159907840"):
        evidence.shows(text, int(text))


@pytest.mark.library(*BNB)
def test_paging(evidence):
    """The optimizer of bitsandbytes pages the states of no adapter matrix of LLaMA-7B at rank 8 and of all at
    rank 64, with 100,000 entries as the limit; on a processor it warns and pages nothing."""
    import torch
    from bitsandbytes.optim import PagedAdamW32bit

    for rank, expected in ((8, {False}), (64, {True})):
        shapes = [(rank, 4096), (4096, rank), (rank, 11008), (11008, rank)]
        evidence.equal(set(oracles.paged(shapes)), expected, f"paged at rank {rank}")
        evidence.shows(str(rank), rank)
    evidence.equal(oracles.paged([99_999, 100_000]), [False, True], "just below and at the limit")
    evidence.shows("100,000", 100_000)
    evidence.shows("11008", 11008)
    matrix = torch.nn.Parameter(torch.ones(400, 400))
    matrix.grad = torch.ones_like(matrix)
    optimiser = PagedAdamW32bit([matrix])
    with pytest.warns(UserWarning, match="Paged optimizers are not supported on CPU"):
        optimiser.step()
    evidence.equal(optimiser.page_mng.paged_tensors, [], "paged tensors on a processor")
    evidence.equal(matrix.requires_grad and bool((matrix != 1).all()), True, "the step was taken")


@pytest.mark.library(*PEFT)
def test_defaults(evidence):
    """By default transformers loads 4-bit models as FP4 without double quantization and with 32 bits as
    compute type, PEFT adapts query and value projections of a Llama, in 32 bits on a 16-bit base, and the
    optimizer is not paged; each can be asked for."""
    import torch
    import transformers

    how = transformers.BitsAndBytesConfig(load_in_4bit=True)
    found = how.bnb_4bit_quant_type, how.bnb_4bit_use_double_quant, how.bnb_4bit_compute_dtype
    evidence.equal(found, ("fp4", False, torch.float32), "defaults of BitsAndBytesConfig")
    asked = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
    found = asked.bnb_4bit_quant_type, asked.bnb_4bit_use_double_quant, asked.bnb_4bit_compute_dtype
    evidence.equal(found, ("nf4", True, torch.bfloat16), "what is asked for")
    names = [name for name, _ in oracles.llama().named_parameters() if "lora_" in name]
    places = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in names}
    evidence.equal(places, {"q_proj", "v_proj"}, "places of the adapters")
    kinds = oracles.kinds(), oracles.kinds(autocast_adapter_dtype=False)
    evidence.equal(kinds, (torch.float32, torch.bfloat16), "types of adapters by default and on request")
    evidence.shows("32", torch.finfo(kinds[0]).bits)
    optimizers = transformers.TrainingArguments.__dataclass_fields__["optim"].default, "paged_adamw_32bit"
    paged = ["PAGED" in transformers.training_args.OptimizerNames(name).name for name in optimizers]
    evidence.equal(paged, [False, True], "whether the optimizer is paged, by default and on request")


def losses(runs, key):
    """Return the losses of the seeds in bits per character."""
    return np.array([run["bits"][key] for run in runs.values()])


def test_experiment(evidence):
    """The committed runs carry the digest of experiment.py; NF4 changes the loss before and after tuning by
    less than a hundredth; adapters at all layers end lower than as many parameters at two."""
    results = json.loads((HERE / "results.json").read_text())
    digest = hashlib.sha256((HERE / "experiment.py").read_bytes()).hexdigest()
    evidence.equal(results["provenance"]["experiment"], digest, "digest of experiment.py")
    runs = results["seeds"]
    evidence.equal(sorted(runs), ["0", "1", "2"], "seeds")
    bits = {key: losses(runs, key) for key in runs["0"]["bits"]}
    for plain, four in (
        ("base", "stored"),
        ("lora all", "qlora all"),
        ("lora query-value", "qlora query-value"),
    ):
        evidence.bounded(np.abs(bits[four] - bits[plain]), f"NF4 against {plain}", high=0.01, strict=True)
        evidence.bounded(bits["full"] - bits[four], f"full, less {four}", high=-0.05)
    for way in ("lora", "qlora"):
        lead = bits[f"{way} query-value"] - bits[f"{way} all"]
        evidence.bounded(lead, f"{way}: at two projections, less at all", low=0.1)
    means = {key: values.mean() for key, values in bits.items()}
    for text, keys in (("2.5", ("base", "stored")), ("1.46", ("lora all", "qlora all")), ("1.36", ("full",)),
                       ("1.60", ("lora query-value", "qlora query-value"))):  # fmt: skip
        for key in keys:
            evidence.shows(text, means[key])
    shares = np.array([np.array(run["codes"]) / sum(run["codes"]) for run in runs.values()])
    evidence.bounded(100 * np.abs(shares - m.use(m.NF4)), "use of the levels, off the table", high=0.25)
    evidence.shows("0.25", 100 * np.abs(shares - m.use(m.NF4)).max())
    for share in shares:
        evidence.shows("3.88", m.entropy(share))


@pytest.mark.library(*PEFT)
def test_short_run(evidence):
    """A short run of the experiment lowers the loss by QLoRA; a shorter one changes the adapters and leaves
    the 4-bit base as it was; the base is in 32 bits, BF16 or NF4, at the printed rates."""
    import torch

    from . import experiment as trial

    trial.quiet()
    short = SimpleNamespace(**vars(trial.FULL) | {"steps": 60, "tuning": 40, "layers": 1})
    found = trial.one(0, short, ("lora all", "qlora all"))
    bits = found["bits"]
    for key in ("lora all", "qlora all"):
        evidence.bounded(
            bits[key], f"{key}: bits per character, of 7 for guessing", low=1, high=bits["base"] - 0.2
        )
    evidence.close(bits["qlora all"], bits["lora all"], 0.05, "QLoRA and LoRA with the same adapters")
    evidence.close(bits["stored"], bits["base"], 0.1, "the untuned base in NF4 and in 16 bits")
    evidence.equal(bits["stored"] != bits["base"], True, "their losses differ")
    weights = 4 * 128 * 128 + 3 * 128 * 256
    evidence.equal(sum(found["codes"]), weights, "codes of the one block")
    four = trial.loaded(trial.tiny(short), True)
    before = trial.stored(four)
    net = trial.train(trial.adapted(four, "all", True, 0), trial.corpus("code")[0], 3, 3e-3, 0, short)
    changes = [p.abs().max().item() for name, p in net.named_parameters() if "lora_B" in name]
    evidence.bounded(changes, "largest entries of each L_2, zero before tuning", low=1e-4)
    same = [(a[0].equal(b[0]), a[1].equal(b[1])) for a, b in zip(before, trial.stored(four), strict=True)]
    evidence.equal(same, [(True, True)] * 7, "bytes and weights of the seven 4-bit layers after tuning")
    ways = [oracles.tuned(trial, run, short) for run in ("full", "lora all", "qlora all")]
    evidence.equal([kinds for kinds, _ in ways], [{torch.float32}, {torch.bfloat16}, {torch.uint8}],
                   "types of the base when tuned in full, by LoRA and by QLoRA")  # fmt: skip
    evidence.shows("32", torch.finfo(*ways[0][0]).bits)
    for text, (_, rate) in zip(("0.001", "0.003", "0.003"), ways):
        evidence.shows(text, rate)
    places = [
        trial.adapted(trial.loaded(trial.tiny(short), False), place, False, 0) for place in trial.PLACES
    ]
    counts = [net.get_nb_trainable_parameters()[0] for net in places]
    evidence.equal(counts[0], counts[1], "parameters of adapters at all layers and at two")
