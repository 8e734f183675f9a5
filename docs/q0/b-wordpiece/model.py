"""Mathematics of 0(b): two ways to segment a word, and three ways to choose the next merge.

A piece is a string; inside a word it begins with ##. The frequency of a word is a whole number.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

EXAM = Path(__file__).parents[2] / "exam.md"
TOY = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}  # the corpus of the Hugging Face course


# --8<-- [start:wordpiece]
def wordpiece(word, vocabulary):
    """Return the pieces of a word by greedy longest match."""
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):  # the longest first
            piece = "##" * (start > 0) + word[start:end]
            if piece in vocabulary:
                break
        else:
            return ["[UNK]"]  # the whole word is unknown
        pieces.append(piece)
        start = end
    return pieces


# --8<-- [end:wordpiece]
# --8<-- [start:bpe]
def bpe(word, merges):
    """Return the pieces of a word by replaying the merges."""
    pieces = letters(word)
    for pair in merges:  # in the order in which they were learned
        pieces = merged(pieces, pair)
    return pieces


# --8<-- [end:bpe]
def letters(word: str) -> list[str]:
    """Return the letters of a word as pieces."""
    return [word[0], *("##" + letter for letter in word[1:])]


def joined(pair: tuple[str, str]) -> str:
    """Return the piece that a merge makes."""
    return pair[0] + pair[1].removeprefix("##")


def merged(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    """Return the pieces with every occurrence of a pair replaced, from left to right."""
    if pair[0] not in pieces:
        return pieces  # faster
    found, i = [], 0
    while i < len(pieces):
        step = 2 if tuple(pieces[i : i + 2]) == tuple(pair) else 1
        found.append(joined(pair) if step == 2 else pieces[i])
        i += step
    return found


def vocabulary(merges: list[tuple[str, str]], alphabet: str = "abcdefghijklmnopqrstuvwxyz") -> list[str]:
    """Return the letters, at the start of a word and inside, and what the merges make of them."""
    return [*alphabet, *("##" + letter for letter in alphabet), *map(joined, merges)]


def adjacent(pieces: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the pairs that a merge would replace; of those that overlap, as in sss, the first."""
    last = None
    for pair in zip(pieces, pieces[1:]):
        last = None if pair == last else pair
        if last:
            yield pair


def counts(segments: dict[str, list[str]], words: dict[str, int]) -> tuple[Counter, Counter]:
    """Return how often each piece and each pair of neighbours occurs in a segmented text."""
    pieces, pairs = Counter(), Counter()
    for word, segment in segments.items():
        for piece in segment:
            pieces[piece] += words[word]
        for pair in adjacent(segment):
            pairs[pair] += words[word]
    return pieces, pairs


def likelihood(pieces: Counter) -> float:
    """Return the log-likelihood, in nats, of a text under the frequencies of its own pieces."""
    total = pieces.total()
    return sum(count * math.log(count / total) for count in pieces.values() if count)


def spread(count: int) -> float:
    """Return φ(count), count times its logarithm, 0 for 0."""
    return count * math.log(count) if count else 0.0


def gain(pair: int, first: int, second: int, total: int, same: bool = False) -> float:
    """Return by how much one merge raises the log-likelihood; `same` if both pieces are one."""
    gone = [(first, 2 * pair)] if same else [(first, pair), (second, pair)]
    fewer = sum(spread(count - lost) - spread(count) for count, lost in gone)
    return fewer + spread(pair) + spread(total) - spread(total - pair)


# What each criterion makes of the counts of pair, first and second piece, and all pieces.
CRITERIA = {
    "count": lambda pair, first, second, total, same: pair,
    "ratio": lambda pair, first, second, total, same: pair / (first * second),
    "gain": gain,
}


def training(words: dict[str, int], criterion: str) -> Iterator[tuple[Counter, tuple[str, str]]]:
    """Yield the counts of the pieces and the pair that is merged next, until no pair is left.

    Of pairs with the same score the first in the text is taken.
    """
    score: Callable = CRITERIA[criterion]
    segments = {word: letters(word) for word in words}
    while True:
        pieces, pairs = counts(segments, words)
        if not pairs:
            return
        total = pieces.total()
        best = max(pairs, key=lambda p: score(pairs[p], pieces[p[0]], pieces[p[1]], total, p[0] == p[1]))
        yield pieces, best
        segments = {word: merged(segment, best) for word, segment in segments.items()}


def words_of(text: str) -> Counter:
    """Return the words of a text, in small letters, with their frequencies."""
    return Counter(re.findall("[a-z]+", text.lower()))


def paper() -> Counter:
    """Return the words of the exam paper, without formulas, marks of the file and front matter."""
    text = EXAM.read_text(encoding="utf-8").split("---", 2)[2]
    return words_of(re.sub(r"<!--.*?-->|\$\$.*?\$\$|\$.*?\$", " ", text, flags=re.DOTALL))
