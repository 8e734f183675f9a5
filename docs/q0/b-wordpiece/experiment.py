"""Experiment of 0(b): merges learned from ordinary English by three criteria.

Run from this folder: `python experiment.py` (about half a minute on one core); it writes results.json.
"""

import hashlib
import json
import math
import platform
from collections import Counter
from itertools import islice
from pathlib import Path

if __package__:
    from . import model as m
else:
    import model as m  # run as a program

STEPS, EVERY = 1000, 50


def digest() -> str:
    """Return the hash of the code that the results rest on: this file and model.py."""
    files = (Path(__file__), Path(m.__file__))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def text() -> str:
    """Return the help texts that ship with Python, as one string of English prose and code."""
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))


def run(words: Counter, steps: int, every: int) -> tuple[dict, dict]:
    """Return by criterion its merges, and after how many of them the text has how many pieces and bits.

    The bits are those of a code by the frequencies of the pieces, per letter of the text.
    """
    characters = sum(len(word) * count for word, count in words.items())
    merges, course = {}, {}
    for criterion in m.CRITERIA:
        merges[criterion], course[criterion] = [], []
        for done, (pieces, pair) in enumerate(islice(m.training(words, criterion), steps + 1)):
            if done % every == 0:
                bits = -m.likelihood(pieces) / math.log(2) / characters
                course[criterion].append([done, pieces.total(), round(bits, 4)])
            merges[criterion].append(pair)
        merges[criterion] = merges[criterion][:steps]
    return merges, course


def main():
    """Run the experiment and write its results with where they come from."""
    here, words = Path(__file__), m.words_of(text())
    merges, course = run(words, STEPS, EVERY)
    provenance = {
        "command": "python experiment.py",
        "code": digest(),
        "text": hashlib.sha256(text().encode()).hexdigest(),
        "python": platform.python_version(),
        "words": [words.total(), len(words)],
    }
    document = {
        "provenance": provenance,
        "first merges": {name: [" ".join(pair) for pair in pairs[:4]] for name, pairs in merges.items()},
        "course": course,
        "merges": [" ".join(pair) for pair in merges["count"]],
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
    here.with_name("results.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
