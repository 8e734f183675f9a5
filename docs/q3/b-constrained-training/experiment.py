"""Experiment of 3(b): an editor trained under a constraint on outputs, on weights, and under none.

Run from this folder: `python experiment.py` (about fifteen minutes on one core); it writes results.json.
"""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

if __package__:
    from . import editor as e
else:
    import editor as e

KL, L2, BLIND, START = (0.3, 0.1, 0.03, 0.01, 0.003), (1.5, 1.0, 0.7, 0.5, 0.35), (0.1, 0.01), 0.3
RUNS = [
    *((f"kl {m}", "kl", m, {}) for m in KL),
    *((f"l2 {m}", "l2", m, {}) for m in L2),
    ("none", "none", 0.0, {}),
    *((f"blind {m}", "kl", m, {"use_gradient": False}) for m in BLIND),
    ("annealed", "kl", KL[-1], {"start": START}),
]
TUNING = [(rate, sure) for rate in (0.001, 0.01, 0.1) for sure in (0.0, 0.9)]
RADII, SHOWN = (0.1, 0.2, 0.5, 1.0, 2.0), ("kl 0.1", "l2 1.0")


@torch.no_grad()
def evaluate(world, base, edits, facts, shifts):
    """Return means over edits: x and its paraphrases with the answer a, and what other inputs keep.

    `retained` is the share of the inputs about other facts of these subjects whose answer stays, `near`
    the same for other facts of the edited subject; `kl` is in nats, `norm` the L2 norm of the shift.
    """
    rows = e.features(world, world.tokens[facts]).flatten(0, 1)
    before = e.logits(base, rows[None], e.unedited(base, 1))
    after = e.logits(base, rows[None], shifts)
    fact = facts.repeat_interleave(e.TEMPLATES)
    other = fact != edits.fact[:, None]
    near = other & (world.subject[fact] == world.subject[edits.fact][:, None])
    kept = (before.argmax(-1) == after.argmax(-1)).float()
    found = e.logits(base, e.features(world, world.tokens[edits.fact]), shifts).argmax(-1)
    hit = (found == edits.wanted[:, None]).float()
    at_x = hit.gather(1, edits.template[:, None])[:, 0]
    values = {
        "success": at_x.mean(),
        "paraphrase": (hit.sum(1) - at_x).mean() / (e.TEMPLATES - 1),
        "retained": kept[other].mean(),
        "near": kept[near].mean(),
        "kl": e.divergence(before, after)[other].mean(),
        "norm": e.norm(shifts).mean(),
    }
    return {name: value.item() for name, value in values.items()}


def fine_tune(base, edits, rate, sure, most=300):
    """Return the shifts of gradient descent on L(x, a), and its mean number of steps.

    It stops when the answer is a and its probability at least `sure`, or after `most` steps.
    """
    shifts, steps = e.unedited(base, len(edits.fact)), torch.zeros(len(edits.fact))
    for _ in range(most):
        shifts = [shift.detach().requires_grad_() for shift in shifts]
        found = e.logits(base, edits.inputs, shifts)[:, 0]
        chance = found.softmax(-1).gather(1, edits.wanted[:, None])[:, 0]
        active = (found.argmax(-1) != edits.wanted) | (chance < sure)
        if not active.any():
            break
        grads = torch.autograd.grad(cross_entropy(found, edits.wanted, reduction="sum"), shifts)
        shifts = [shift - rate * active[:, None, None] * grad for shift, grad in zip(shifts, grads)]
        steps += active
    return [shift.detach() for shift in shifts], steps.mean().item()


def fisher_root(base, inputs):
    """Return R with RᵀR the Fisher matrix of both weight matrices, averaged over the inputs (in doubles)."""
    first, second = (weight.double() for weight in base.weights)
    before = inputs.double() @ first.T + base.biases[0].double()
    hidden = before.relu()
    p = (hidden @ second.T + base.biases[1].double()).softmax(-1)
    slope = second[None] * (before > 0)[:, None]
    jacobian = torch.cat(
        (
            (slope[..., None] * inputs.double()[:, None, None]).flatten(2),
            torch.einsum("ck,ih->ickh", torch.eye(len(second)).double(), hidden).flatten(2),
        ),
        -1,
    )
    mean = torch.einsum("ic,icp->ip", p, jacobian)
    return (((p / len(p)).sqrt()[..., None]) * (jacobian - mean[:, None])).flatten(0, 1)


def flat(shifts):
    """Return the shifts of both matrices as one vector an edit."""
    return torch.cat([shift.flatten(1) for shift in shifts], 1).double()


def moved(base, inputs, directions, radius):
    """Return the mean KL on the inputs when the weights move by `radius` along each direction."""
    sizes = [weight.numel() for weight in base.weights]
    steps = radius * directions / directions.norm(dim=1, keepdim=True)
    shifts = [part.view(-1, *w.shape) for part, w in zip(steps.split(sizes, 1), base.weights)]
    wide = double(base)
    before = e.logits(wide, inputs[None], [0 * shift[:1] for shift in shifts])
    return e.divergence(before, e.logits(wide, inputs[None], shifts)).mean(-1)


def double(base):
    """Return the classifier in double precision."""
    return type(base)(**{name: [part.double() for part in parts] for name, parts in vars(base).items()})


def ball(world, base, inputs, edits, learnt, generator, draws=20):
    """Return for each kind of direction and radius the median KL and the median of ½ΔᵀFΔ."""
    root = fisher_root(base, inputs)
    _, _, axes = torch.linalg.svd(root, full_matrices=False)
    noise = torch.randn(draws, root.shape[1], generator=generator).double()
    kinds = {
        "first Fisher": axes[:1],
        "gradient": flat(e.gradients(base, edits.inputs[:draws], edits.wanted[:draws])).neg(),
        **{name: flat(shifts)[:draws] for name, shifts in learnt.items()},
        "random": noise,
        "100th Fisher": axes[99:100],
        "null": noise - noise @ axes.T @ axes,
    }
    return {
        name: [
            {
                "radius": radius,
                "kl": moved(base, inputs.double(), rows, radius).median().item(),
                "quadratic": (rows / rows.norm(dim=1, keepdim=True) @ root.T).square().sum(1).median().item()
                * radius**2
                / 2,
            }
            for radius in RADII
        ]
        for name, rows in kinds.items()
    }


def rescaled(base, inputs, factor=10.0):
    """Return how far the weights move, and the largest KL, when one layer grows and the next shrinks."""
    wide = double(base)
    other = type(base)(
        weights=[wide.weights[0] * factor, wide.weights[1] / factor],
        biases=[wide.biases[0] * factor, wide.biases[1]],
    )
    pairs = zip(wide.weights + wide.biases, other.weights + other.biases)
    distance = sum((a - b).square().sum() for a, b in pairs).sqrt()
    size = sum(a.square().sum() for a in wide.weights + wide.biases).sqrt()
    none = [torch.zeros(1, *weight.shape).double() for weight in wide.weights]
    found = e.divergence(*(e.logits(b, inputs.double()[None], none) for b in (wide, other)))
    return {"distance": distance.item(), "size": size.item(), "kl": found.abs().max().item()}


def anatomy(editor, world, base, edits, shifts):
    """Return one edit that succeeds in every template: for each matrix, all factors of its update.

    The gradient of one text is `left` ⊗ `right`; the mask is `alpha` ⊗ `gamma`, the bias `beta` ⊗ `delta`,
    the update `gate` · (mask ⊙ gradient + bias).
    """
    texts = e.features(world, world.tokens[edits.fact])
    hit = (e.logits(base, texts, shifts).argmax(-1) == edits.wanted[:, None]).all(1)
    i = hit.int().argmax().item()
    grads = [grad[i] for grad in e.gradients(base, edits.inputs, edits.wanted)]
    rows = []
    parts = editor.parts(edits.tokens[i : i + 1], edits.current[i : i + 1], edits.wanted[i : i + 1])
    for (alpha, gamma, beta, delta, gate), grad in zip(parts, grads):
        u, s, v = torch.linalg.svd(grad)
        names = {"left": u[:, 0] * s[0], "right": v[0], "alpha": alpha[0], "gamma": gamma[0]}
        names |= {"beta": beta[0], "delta": delta[0], "gate": gate[0, 0]}
        rows.append({name: value.tolist() for name, value in names.items()})
    zero = e.unedited(base, len(hit))
    before, after = (e.logits(base, texts, s)[i].softmax(-1).tolist() for s in (zero, shifts))
    edit = {"y": edits.current[i].item(), "a": edits.wanted[i].item(), "template": edits.template[i].item()}
    return {"edit": edit, "before": before, "after": after, "matrices": rows}


def one_seed(seed, runs=RUNS, setting=e.FULL, edits=240):
    """Return everything that is measured on one world: its classifier, its editors and fine-tuning."""
    world = e.make_world(seed, setting)
    base = e.fit_classifier(world, seed, setting)
    generator = torch.Generator().manual_seed(1000 + seed)
    trained, watched, facts = e.split(world, setting)
    tests = e.draw_edits(world, base, facts, edits, generator)
    seen_edits = e.draw_edits(world, base, trained, 60, generator)
    inputs = e.features(world, world.tokens).flatten(0, 1)
    answers = e.logits(base, inputs[None], e.unedited(base, 1))[0]
    known = (answers.argmax(-1) == world.answers.repeat_interleave(e.TEMPLATES)).float().mean().item()
    result = {"known": known, "sure": answers.softmax(-1).amax(-1).mean().item(), "runs": {}, "tuning": {}}
    learnt = {}
    for name, kind, margin, options in runs:
        editor, course = e.train(kind, margin, seed, world, base, setting, **options)
        shifts = [shift.detach() for shift in e.apply_editor(editor, base, tests)]
        result["runs"][name] = evaluate(world, base, tests, facts, shifts)
        seen = evaluate(world, base, seen_edits, trained, e.apply_editor(editor, base, seen_edits))
        result["runs"][name]["seen"] = {name: seen[name] for name in ("success", "kl")}
        print(seed, name, result["runs"][name], flush=True)
        if name == "annealed":
            result["course"] = course
        if name in SHOWN:
            learnt[name] = shifts
        if name == SHOWN[0] and seed == 0:
            result["anatomy"] = anatomy(editor, world, base, tests, shifts)
    for rate, sure in TUNING:
        shifts, steps = fine_tune(base, tests, rate, sure)
        measured = evaluate(world, base, tests, facts, shifts) | {"steps": steps}
        result["tuning"][f"{rate} {sure}"] = measured
        print(seed, rate, sure, measured, flush=True)
    sample = e.features(world, world.tokens[watched]).flatten(0, 1)
    sample = sample[torch.randperm(len(sample), generator=generator)[:160]]
    result["ball"] = ball(world, base, sample, tests, learnt, generator)
    result["rescaled"] = rescaled(base, sample)
    return result


def rounded(value):
    """Return nested results with every float to five significant digits."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(part) for part in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main():
    """Run the experiment and write its results with where they come from."""
    torch.set_num_threads(1)
    here = Path(__file__)
    sources = here.with_name("editor.py").read_bytes() + here.read_bytes()
    provenance = {
        "command": "python experiment.py",
        "experiment": hashlib.sha256(sources).hexdigest(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "setting": vars(e.FULL),
    }
    results = {seed: rounded(one_seed(seed)) for seed in range(5)}
    lines = [f" {json.dumps(str(seed))}: {json.dumps(result)}" for seed, result in results.items()]
    head = json.dumps({"provenance": provenance}, indent=1)[:-2]
    here.with_name("results.json").write_text(head + ',\n "seeds": {\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main()
