"""A small classifier that knows random facts, and an editor of its weights after the published form.

Shapes: edits e, inputs i of an edit, hidden units n of the classifier, features m; a matrix of the
classifier has the shape (outputs, inputs), and an edit adds its own matrix to it.
"""

from types import SimpleNamespace

import torch
from torch.nn import LSTM, Embedding, Linear, Module, ModuleList, Sequential, Tanh
from torch.nn.functional import cross_entropy, kl_div, relu

SYLLABLES, ANSWERS, TEMPLATES, RELATIONS, WIDTH = 24, 12, 4, 3, 10
FULL = SimpleNamespace(subjects=(120, 20, 40), hidden=64, fit=400, steps=2000, batch=16, others=24, anneal=50)


def make_world(seed, setting):
    """Return tokens (fact, template, token), answers (fact,), the subjects of facts, and token vectors.

    A text is a template, a relation and the three syllables of a subject; its answer is random.
    """
    torch.manual_seed(seed)
    count = sum(setting.subjects)
    names = torch.combinations(torch.arange(SYLLABLES), 3)
    names = names[torch.randperm(len(names))[:count]]
    subject = torch.arange(count).repeat_interleave(RELATIONS)
    relation = torch.arange(RELATIONS).repeat(count)
    rows = [
        torch.cat(
            (torch.full((len(subject), 1), template), TEMPLATES + relation[:, None], names[subject] + 7), 1
        )
        for template in range(TEMPLATES)
    ]
    answers = torch.randint(ANSWERS, (len(subject),))
    vectors = torch.randn(TEMPLATES + RELATIONS + SYLLABLES + ANSWERS, WIDTH)
    return SimpleNamespace(tokens=torch.stack(rows, 1), answers=answers, subject=subject, vectors=vectors)


def features(world, tokens):
    """Return the vectors of the tokens of each text, one after the other."""
    return world.vectors[tokens].flatten(-2)


def fit_classifier(world, seed, setting):
    """Return the weights of a network with one hidden layer that has learnt every fact in every template."""
    torch.manual_seed(seed)
    layers = Linear(5 * WIDTH, setting.hidden), Linear(setting.hidden, ANSWERS)
    inputs, answers = features(world, world.tokens), world.answers.repeat_interleave(TEMPLATES)
    optimiser = torch.optim.Adam([p for layer in layers for p in layer.parameters()], 1e-2, weight_decay=3e-4)
    for _ in range(setting.fit):
        loss = cross_entropy(layers[1](relu(layers[0](inputs.flatten(0, 1)))), answers)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return SimpleNamespace(
        weights=[layer.weight.detach() for layer in layers], biases=[layer.bias.detach() for layer in layers]
    )


def logits(base, inputs, shifts):
    """Return logits (edit, input, answer) of inputs (edit, input, m) with each edit's shifts added."""
    first, second = (weight + shift for weight, shift in zip(base.weights, shifts))
    hidden = relu(inputs @ first.mT + base.biases[0])
    return hidden @ second.mT + base.biases[1]


def unedited(base, edits):
    """Return the shifts of no edit."""
    return [torch.zeros(edits, *weight.shape) for weight in base.weights]


def gradients(base, inputs, targets):
    """Return for each edit the gradients of L(x, a) with respect to both matrices; inputs (edit, 1, m)."""
    shifts = [shift.requires_grad_() for shift in unedited(base, len(inputs))]
    loss = cross_entropy(logits(base, inputs, shifts)[:, 0], targets, reduction="sum")
    return torch.autograd.grad(loss, shifts)


class Editor(Module):
    """The hyper-network: it reads ⟨x, y, a⟩ with a bidirectional LSTM and shifts every matrix."""

    def __init__(self, vectors, shapes, use_gradient=True, width=64):
        super().__init__()
        self.shapes, self.use_gradient = shapes, use_gradient
        self.embed = Embedding.from_pretrained(vectors.clone(), freeze=False)
        self.read = LSTM(WIDTH, 32, bidirectional=True, batch_first=True)
        self.condition = Sequential(Linear(64, width), Tanh())
        self.heads = ModuleList(
            Sequential(Linear(width, width), Tanh(), Linear(width, 2 * (n + m) + 1)) for n, m in shapes
        )

    def parts(self, tokens, current, wanted):
        """Return for each matrix softmax α, γ, softmax β, δ (all (edit, size)) and the gate σ(η)."""
        first = TEMPLATES + RELATIONS + SYLLABLES
        text = torch.cat((first + current[:, None], first + wanted[:, None], tokens), 1)
        last = self.read(self.embed(text))[1][0]
        condition = self.condition(torch.cat((last[0], last[1]), -1))
        for head, (n, m) in zip(self.heads, self.shapes):
            alpha, gamma, beta, delta, eta = head(condition).split((n, m, n, m, 1), -1)
            yield alpha.softmax(-1), gamma, beta.softmax(-1), delta, eta.sigmoid()

    def forward(self, tokens, current, wanted, grads):
        """Return for each matrix σ(η)(softmax(α)γᵀ ⊙ gradient + softmax(β)δᵀ); shape (edit, n, m)."""
        shifts = []
        for (alpha, gamma, beta, delta, gate), grad in zip(self.parts(tokens, current, wanted), grads):
            mask, bias = alpha[..., None] * gamma[:, None], beta[..., None] * delta[:, None]
            shifts.append(gate[..., None] * (mask * grad * self.use_gradient + bias))
        return shifts


def divergence(before, after):
    """Return KL(before ‖ after) in nats of two tables of logits, for every input."""
    before, after = before.log_softmax(-1), after.log_softmax(-1)
    return kl_div(after, before, log_target=True, reduction="none").sum(-1)


def norm(shifts):
    """Return the L2 norm of each edit over all matrices."""
    return sum(shift.square().sum((1, 2)) for shift in shifts).sqrt()


def draw_edits(world, base, facts, count, generator):
    """Return edits of random facts: fact, template, the model's answer y, and another answer a."""
    fact = facts[torch.randint(len(facts), (count,), generator=generator)]
    template = torch.randint(TEMPLATES, (count,), generator=generator)
    tokens = world.tokens[fact, template]
    inputs = features(world, tokens)[:, None]
    current = logits(base, inputs, unedited(base, 1))[:, 0].argmax(-1)
    wanted = (current + torch.randint(1, ANSWERS, (count,), generator=generator)) % ANSWERS
    return SimpleNamespace(
        fact=fact, template=template, tokens=tokens, inputs=inputs, current=current, wanted=wanted
    )


def apply_editor(editor, base, edits):
    """Return the shifts that the editor predicts."""
    grads = gradients(base, edits.inputs, edits.wanted)
    return editor(edits.tokens, edits.current, edits.wanted, grads)


def draw_others(edits, facts, count, generator):
    """Return facts (edit, count) other than the one that is edited."""
    place = torch.searchsorted(facts, edits.fact)[:, None]
    step = torch.randint(1, len(facts), (len(place), count), generator=generator)
    return facts[(place + step) % len(facts)]


def losses(editor, world, base, facts, setting, kind, generator):
    """Return the mean edit loss of a random batch, at x and one paraphrase, and what is constrained."""
    edits = draw_edits(world, base, facts, setting.batch, generator)
    shifts = apply_editor(editor, base, edits)
    turn = torch.randint(1, TEMPLATES, (setting.batch,), generator=generator)
    paraphrase = features(world, world.tokens[edits.fact, (edits.template + turn) % TEMPLATES])
    found = logits(base, torch.cat((edits.inputs, paraphrase[:, None]), 1), shifts)
    loss = cross_entropy(found.flatten(0, 1), edits.wanted.repeat_interleave(2))
    if kind != "kl":
        return loss, norm(shifts).mean()
    others = draw_others(edits, facts, setting.others, generator)
    templates = torch.randint(TEMPLATES, others.shape, generator=generator)
    inputs = features(world, world.tokens[others, templates])
    before = logits(base, inputs, unedited(base, 1))
    return loss, divergence(before, logits(base, inputs, shifts)).mean()


def split(world, setting):
    """Return the facts of the subjects for training, for annealing and for the test."""
    ends = torch.tensor(setting.subjects).cumsum(0).tolist()
    return [torch.arange(first * RELATIONS, last * RELATIONS) for first, last in zip([0, *ends], ends)]


def train(kind, margin, seed, world, base, setting, use_gradient=True, start=None):
    """Return an editor, the course of λ and the margin that is reached.

    `kind` is "kl", "l2" or "none". With `start` the margin begins there and is multiplied by 0.8
    whenever more than 0.9 of the edits of the second group of subjects succeed, until it is `margin`.
    """
    torch.manual_seed(seed)
    editor = Editor(world.vectors, [tuple(weight.shape) for weight in base.weights], use_gradient)
    multiplier, level = torch.nn.Parameter(torch.ones(())), start or margin
    optimiser = torch.optim.Adam(editor.parameters(), 2e-3)
    ascent = torch.optim.RMSprop([multiplier], 0.1, centered=True, maximize=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0.05, setting.steps)
    generator, (facts, watched, _) = torch.Generator().manual_seed(seed), split(world, setting)
    course = []
    for step in range(setting.steps):
        loss, constrained = losses(editor, world, base, facts, setting, kind, generator)
        if kind != "none":
            loss = loss + multiplier * (constrained - level)
        optimiser.zero_grad()
        ascent.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if kind != "none":
            ascent.step()
            multiplier.data.clamp_(min=0)
        if step % setting.anneal == 0:
            course.append((step, level, multiplier.item(), constrained.item()))
            if start and success(editor, world, base, watched, generator) > 0.9:
                level = max(0.8 * level, margin)
    return editor.requires_grad_(False), course


@torch.no_grad()
def success(editor, world, base, facts, generator):
    """Return the share of 200 random edits of these facts after which x has the answer a."""
    edits = draw_edits(world, base, facts, 200, generator)
    with torch.enable_grad():
        shifts = apply_editor(editor, base, edits)
    return (logits(base, edits.inputs, shifts)[:, 0].argmax(-1) == edits.wanted).float().mean().item()
