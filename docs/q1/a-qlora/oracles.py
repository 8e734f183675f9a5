"""Second routes of 1(a): shares by another integral, bits and parameters counted one by one, and what
transformers, PEFT and bitsandbytes do."""

from fractions import Fraction
from types import SimpleNamespace
from unittest import mock

import numpy as np
from scipy.integrate import quad
from scipy.special import erf, ndtr

from . import model as m


def inside(low, high, size):
    """Return the probability of a scaled weight between two bounds, over the largest of the whole block.

    A weight that is not the largest is a normal cut off at the largest.
    """

    def part(top):
        density = size * erf(top / np.sqrt(2)) ** (size - 2) * 2 * m.normal(top)
        return density * (ndtr(high * top) - ndtr(low * top))

    return (1 - 1 / size) * quad(part, 0, 9, epsabs=1e-12, points=[2, 3])[0]


def simulated(size, code=m.NF4, count=2**20):
    """Return the entropy of the codes of simulated normal weights, and their squared error."""
    weights = np.random.default_rng(size).normal(size=count)
    indices, scales = m.quantise(weights, code, size)
    shares = np.bincount(indices.ravel(), minlength=len(code)) / count
    return m.entropy(shares[shares > 0]), ((code[indices] * scales[:, None]).ravel() - weights).var()


def stored(count, size, group=None):
    """Return the bits of a weight if `count` weights are stored, counted block by block."""
    blocks = -(-count // size)
    constants = 32 * blocks if group is None else 8 * blocks + 32 * -(-blocks // group)
    return float(Fraction(4 * count + constants, count))


def slope(function, values, name, step=1e-5):
    """Return central differences of a function of matrices by the entries of one of them."""
    found = np.zeros_like(values[name])
    for place in np.ndindex(found.shape):
        change = np.zeros_like(found)
        change[place] = step
        high, low = (function(**values | {name: values[name] + sign * change}) for sign in (1, -1))
        found[place] = (high - low) / (2 * step)
    return found


def matrices(layers, d, f):
    """Yield the shapes of the linear layers of the blocks of a Llama, one by one."""
    for _ in range(layers):
        yield from [(d, d)] * 4 + [(d, f)] * 2 + [(f, d)]


def counts(rank):
    """Return the parameters of LLaMA-7B, of its linear layers, and of the adapters, summed one by one."""
    layers, d, f, vocabulary = m.SHAPE.values()
    linear = sum(rows * columns for rows, columns in matrices(layers, d, f))
    rest = 2 * vocabulary * d + (2 * layers + 1) * d
    adapters = sum(rows * rank + rank * columns for rows, columns in matrices(layers, d, f))
    return linear + rest, linear, adapters


def quantised(weights, size=64, compress=False):
    """Return what bitsandbytes makes of weights in NF4: packed codes, their state, indices and scales."""
    import torch
    from bitsandbytes.functional import dequantize_4bit, dequantize_blockwise, quantize_4bit

    given = torch.as_tensor(weights, dtype=torch.float32)
    packed, state = quantize_4bit(given, blocksize=size, compress_statistics=compress, quant_type="nf4")
    flat = packed.flatten()
    scales = dequantize_blockwise(state.absmax, state.state2) + state.offset if compress else state.absmax
    return SimpleNamespace(
        packed=packed, state=state, scales=scales.numpy(), restored=dequantize_4bit(packed, state).numpy(),
        indices=torch.stack([flat >> 4, flat & 15], 1).flatten().numpy().astype(int),
    )  # fmt: skip


def layer(compute="float32"):
    """Return a 4-bit layer of bitsandbytes in a model of PEFT with random adapters, and that model."""
    import bitsandbytes as bnb
    import peft
    import torch

    torch.manual_seed(0)
    how = {"quant_type": "nf4", "compute_dtype": getattr(torch, compute)}  # double quantization too
    linear = bnb.nn.Linear4bit(128, 64, bias=False, **how)
    linear.to("cpu")  # quantises
    how = peft.LoraConfig(r=4, lora_alpha=12, target_modules=["0"])
    whole = peft.get_peft_model(torch.nn.Sequential(linear), how)
    with torch.no_grad():
        for name, parameter in whole.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, 0.3)
    return whole, whole.base_model.model[0]


def symbols(adapted):
    """Return the dequantised weights and the adapters of a layer as in the page: rows times matrices."""
    from bitsandbytes.functional import dequantize_4bit

    weight = adapted.base_layer.weight
    return {
        "W_hat": dequantize_4bit(weight.data, weight.quant_state).T.double().numpy(),
        "L_1": adapted.lora_A["default"].weight.detach().T.double().numpy(),
        "L_2": adapted.lora_B["default"].weight.detach().T.double().numpy(),
        "s": adapted.scaling["default"],
    }


def llama(**settings):
    """Return LLaMA-7B in bfloat16 without memory for its parameters, with adapters of PEFT."""
    import peft
    import torch
    import transformers

    with torch.device("meta"):
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig()).bfloat16()
        return peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **settings))


def kinds(**settings):
    """Return the one type of the adapters that PEFT puts on a layer in bfloat16."""
    import peft
    import torch

    layer = torch.nn.Sequential(torch.nn.Linear(8, 8)).bfloat16()
    whole = peft.get_peft_model(layer, peft.LoraConfig(target_modules=["0"]), **settings)
    (kind,) = {p.dtype for name, p in whole.named_parameters() if "lora_" in name}
    return kind


def tuned(trial, run, setting):
    """Return the types of the matrices that an experiment tunes or adapts in a run, and its peak rate."""
    short = SimpleNamespace(**vars(setting) | {"tuning": 5})
    with mock.patch.object(trial, "train", wraps=trial.train) as train:
        net = trial.tune(trial.tiny(short), run, 0, trial.corpus("code")[0], short)
    base = {p.dtype for name, p in net.named_parameters() if "_proj" in name and "lora_" not in name}
    return base, train.call_args.args[3]


def paged(shapes):
    """Return for matrices of the given shapes whether bitsandbytes asks for paged memory for their states.

    They lie on the device without memory, which takes the way of a GPU; the allocation is only noted.
    """
    import bitsandbytes
    import torch

    asked = []
    with mock.patch("bitsandbytes.functional.get_paged") as get, mock.patch("bitsandbytes.functional.fill"):
        for shape in shapes:
            matrix, before = torch.nn.Parameter(torch.empty(shape, device="meta")), get.call_count
            optimiser = bitsandbytes.optim.PagedAdamW32bit([matrix])
            with mock.patch.object(optimiser.page_mng, "paged_tensors", []):  # common to all optimizers
                optimiser.get_state_buffer(matrix)
            asked.append(get.call_count > before)
    return asked
