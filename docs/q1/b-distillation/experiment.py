"""Experiment of 1(b): small students distilled from a larger teacher by word and by sequence.

Run from this folder: `python experiment.py` (some minutes on one core); it writes results.json.
"""

import hashlib
import json
import platform
from importlib.metadata import version
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.nn import Linear, Module, Sequential, Tanh

LOSSES = ("reference", "word", "exact", "sample", "mode")
FULL = SimpleNamespace(
    words=4, length=4, inputs=6, teacher=64, student=8, train=2000, test=1000, steps=3000, batch=64
)


def nodes(words, length):
    """Return all prefixes that a model can meet, shorter ones first."""
    return [prefix for size in range(length) for prefix in product(range(words), repeat=size)]


def paths(words, length):
    """Return every sentence, and the row of the prefix of each of its words; both (sentence, position)."""
    place = {prefix: row for row, prefix in enumerate(nodes(words, length))}
    every = list(product(range(words), repeat=length))
    rows = [[place[sentence[:j]] for j in range(length)] for sentence in every]
    return torch.tensor(every), torch.tensor(rows)


def features(words, length):
    """Return what a network sees of each prefix: its length and its words, one-hot; (prefix, feature)."""
    rows = torch.zeros(len(nodes(words, length)), length + words * (length - 1))
    for row, prefix in zip(rows, nodes(words, length)):
        row[len(prefix)] = 1
        for place, word in enumerate(prefix):
            row[length + words * place + word] = 1
    return rows


class Model(Module):
    """A network with one hidden layer that reads an input and a prefix and predicts the next word."""

    def __init__(self, setting, hidden):
        super().__init__()
        self.seen = features(setting.words, setting.length)
        self.read_input, self.read_prefix = Linear(setting.inputs, hidden), Linear(self.seen.shape[1], hidden)
        self.predict = Sequential(Tanh(), Linear(hidden, setting.words))

    def forward(self, inputs):
        """Return the logits of the next word for all prefixes; shape (input, prefix, word)."""
        return self.predict(self.read_input(inputs)[:, None] + self.read_prefix(self.seen))


def random_model(setting, scale):
    """Return a large model with random weights whose logits have a standard deviation of about `scale`."""
    model = Model(setting, setting.teacher)
    for weights in model.parameters():
        torch.nn.init.normal_(weights)
    model.predict[1].weight.data *= scale / setting.teacher**0.5
    return model.requires_grad_(False)


def sentences(logs, setting):
    """Return the logarithm of the probability of every sentence; shape (input, sentence)."""
    every, rows = paths(setting.words, setting.length)
    return logs[:, rows, every].sum(-1)


def task(seed, setting):
    """Return for training and test: inputs, references (sentence numbers) and the teacher's log-tables.

    The references are drawn from a random model; the teacher is that model with other logits added.
    """
    torch.manual_seed(seed)
    nature, error = random_model(setting, 1.5), random_model(setting, 0.75)
    parts = []
    for size in (setting.train, setting.test):
        inputs = torch.randn(size, setting.inputs)
        truth = nature(inputs)
        drawn = torch.distributions.Categorical(logits=sentences(truth.log_softmax(-1), setting)).sample()
        parts.append((inputs, drawn, (truth + error(inputs)).log_softmax(-1)))
    return parts


def loss(kind, student, teacher, reference, setting):
    """Return the mean loss of a batch; `student` and `teacher` are log-tables (input, prefix, word).

    The kinds: NLL of the reference; word-level; exact sequence-level; NLL of a sentence that is drawn from
    the teacher, anew each time; NLL of the teacher's likeliest sentence.
    """
    if kind == "word":
        rows = paths(setting.words, setting.length)[1][reference]
        soft = -(teacher.exp() * student).sum(-1)
        return soft.gather(1, rows).sum(-1).mean()
    known, found = sentences(teacher, setting), sentences(student, setting)
    if kind == "exact":
        return -(known.exp() * found).sum(-1).mean()
    target = reference if kind == "reference" else known.argmax(-1)
    if kind == "sample":
        target = torch.distributions.Categorical(logits=known).sample()
    return -found.gather(1, target[:, None]).mean()


def train(kind, seed, part, setting):
    """Return a student trained by Adam with one of the losses; start and order of the data are the seed's."""
    torch.manual_seed(seed)
    student, (inputs, reference, teacher) = Model(setting, setting.student), part
    optimiser = torch.optim.Adam(student.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0.01, setting.steps)
    for _ in range(setting.steps):
        rows = torch.randint(len(inputs), (setting.batch,))
        logs = student(inputs[rows]).log_softmax(-1)
        found = loss(kind, logs, teacher[rows], reference[rows], setting)
        optimiser.zero_grad()
        found.backward()
        optimiser.step()
        schedule.step()
    return student


def greedy(logs, setting):
    """Return the number of the sentence that is the likeliest word by word; shape (input,)."""
    every, rows = paths(setting.words, setting.length)
    steps = logs.argmax(-1)[:, rows] == every
    return steps.all(-1).int().argmax(-1)


@torch.no_grad()
def evaluate(student, part, setting):
    """Return what a student does on new inputs, as means over them.

    These are KL(teacher ‖ student) and the student's entropy in nats, over sentences; how often its greedy
    output is the teacher's likeliest sentence; and the probability that it gives to its own greedy output.
    """
    inputs, _, teacher = part
    logs = student(inputs).log_softmax(-1)
    known, found = sentences(teacher, setting), sentences(logs, setting)
    output = greedy(logs, setting)
    results = {
        "divergence": (known.exp() * (known - found)).sum(-1),
        "entropy": -(found.exp() * found).sum(-1),
        "mode": (output == known.argmax(-1)).float(),
        "own": found.gather(1, output[:, None]).exp(),
    }
    return {name: values.mean().item() for name, values in results.items()}


def run(losses=LOSSES, seeds=range(5), setting=FULL):
    """Return seed → loss → results, with those of the teacher itself."""
    torch.set_num_threads(1)
    results = {}
    for seed in seeds:
        train_part, test_part = task(seed, setting)
        results[seed] = {"teacher": evaluate(lambda _: test_part[2], test_part, setting)}
        for kind in losses:
            student = train(kind, seed, train_part, setting)
            results[seed][kind] = evaluate(student, test_part, setting)
            print(seed, kind, results[seed][kind], flush=True)
    return results


def main():
    """Run the experiment and write its results with where they come from."""
    here = Path(__file__)
    provenance = {
        "command": "python experiment.py",
        "experiment": hashlib.sha256(here.read_bytes()).hexdigest(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "setting": vars(FULL),
    }
    document = {"provenance": provenance, "results": run()}
    here.with_name("results.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
