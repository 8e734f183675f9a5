"""Experiment of 1(a): a tiny language model, trained on prose and tuned to Python code in several ways.

It uses transformers, PEFT and bitsandbytes on the processor, where optimizers are not paged.
Run from this folder: `python experiment.py` (about twenty minutes on one core); it writes results.json.
"""

import hashlib
import json
import math
import platform
import warnings
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import peft
import torch
import transformers
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit
from bitsandbytes.optim import PagedAdamW32bit

LIBRARIES = "torch", "transformers", "peft", "bitsandbytes"
FULL = SimpleNamespace(length=64, batch=32, width=128, layers=2, steps=1000, tuning=300)
# Where the adapters are, and their rank: the two placements have equally many parameters.
PLACES = {"all": ("all-linear", 8), "query-value": (["q_proj", "v_proj"], 34)}
RUNS = ("full", "lora all", "qlora all", "lora query-value", "qlora query-value")


def text(kind):
    """Return the help texts that ship with Python, or the source of its argparse module."""
    import argparse
    import inspect
    from pydoc_data.topics import topics

    return inspect.getsource(argparse) if kind == "code" else "\n".join(topics[t] for t in sorted(topics))


def corpus(kind):
    """Return training and test characters (the last fifth) of a text as integers below 128."""
    letters = torch.tensor(list(text(kind).encode("ascii", "replace")))
    cut = len(letters) * 4 // 5
    return letters[:cut], letters[cut:]


def tiny(setting):
    """Return an untrained Llama with a vocabulary of 128 characters."""
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=128, hidden_size=setting.width, intermediate_size=2 * setting.width,
            num_hidden_layers=setting.layers, num_attention_heads=4, use_cache=False,
        )
    )  # fmt: skip


def train(model, letters, steps, rate, seed, setting):
    """Train the free parameters of a model by AdamW on random windows; the order is the seed's."""
    free = [p for p in model.parameters() if p.requires_grad]
    optimiser = PagedAdamW32bit(free, lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps)
    draw, window = torch.Generator().manual_seed(seed), torch.arange(setting.length)
    model.train()
    for _ in range(steps):
        starts = torch.randint(len(letters) - setting.length, (setting.batch, 1), generator=draw)
        rows = letters[starts + window]
        model(input_ids=rows, labels=rows).loss.backward()
        torch.nn.utils.clip_grad_norm_(free, 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    return model.eval()


@torch.no_grad()
def bits(model, letters, setting):
    """Return the mean loss on separate chunks of a text, in bits per character."""
    whole = len(letters) // setting.length * setting.length
    rows = letters[:whole].view(-1, setting.length)
    found = [model(input_ids=part, labels=part).loss.item() * len(part) for part in rows.split(64)]
    return sum(found) / len(rows) / math.log(2)


def loaded(model, four_bits):
    """Return a copy of a model in bfloat16, on request with its linear layers in NF4, constants in 8 bits."""
    how = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
    options = {"quantization_config": how, "device_map": {"": "cpu"}} if four_bits else {}
    with TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        copy = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, **options)
    return copy.eval()


def adapted(model, place, four_bits, seed):
    """Return a model with fresh adapters, whose base is frozen."""
    torch.manual_seed(seed)
    if four_bits:
        model = peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    modules, rank = PLACES[place]
    how = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=modules, task_type="CAUSAL_LM")
    return peft.get_peft_model(model, how)


def codes(model):
    """Return how often each of the 16 levels is used in the 4-bit layers of a model."""
    counts = torch.zeros(16, dtype=torch.long)
    for layer in model.modules():
        if isinstance(layer, Linear4bit):
            packed = layer.weight.data.flatten()
            counts += torch.bincount(torch.cat([packed >> 4, packed & 15]).long(), minlength=16)
    return counts.tolist()


def stored(model):
    """Return the 4-bit layers of a model as bytes and as weights, to see that tuning leaves them alone."""
    layers = [layer.weight for layer in model.modules() if isinstance(layer, Linear4bit)]
    return [(w.data.clone(), dequantize_4bit(w.data, w.quant_state)) for w in layers]


def tune(base, run, seed, code, setting):
    """Return a model tuned on code in one of the ways of `RUNS`."""
    way, _, place = run.partition(" ")
    if way == "full":
        return train(deepcopy(base), code, setting.tuning, 1e-3, seed, setting)
    model = adapted(loaded(base, way == "qlora"), place, way == "qlora", seed)
    return train(model, code, setting.tuning, 3e-3, seed, setting)


def one(seed, setting=FULL, runs=RUNS):
    """Return the losses on the test code before and after tuning, and the use of the levels."""
    torch.manual_seed(seed)
    code, test = corpus("code")
    base = train(tiny(setting), corpus("prose")[0], setting.steps, 3e-3, seed, setting)
    four = loaded(base, True)
    found = {"base": bits(loaded(base, False), test, setting), "stored": bits(four, test, setting)}
    for run in runs:
        found[run] = bits(tune(base, run, seed, code, setting), test, setting)
        print(seed, run, found[run], flush=True)
    return {"bits": found, "codes": codes(four)}


def quiet():
    """Use one thread, and leave out progress bars and the warning that nothing is paged here."""
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", message="Paged optimizers are not supported on CPU")


def main():
    """Run the experiment and write its results with where they come from."""
    quiet()
    here = Path(__file__)
    provenance = {
        "command": "python experiment.py",
        "experiment": hashlib.sha256(here.read_bytes()).hexdigest(),
        "texts": {kind: hashlib.sha256(text(kind).encode()).hexdigest() for kind in ("prose", "code")},
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "setting": vars(FULL),
    }
    document = {"provenance": provenance, "seeds": {seed: one(seed) for seed in (0, 1, 2)}}
    here.with_name("results.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
