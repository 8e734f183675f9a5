"""Second routes of 0(b): other ways to segment a word, and the library tokenizers."""

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product

from scipy.stats import entropy

Segmenter = Callable[[str], list[str]]


def entries(vocabulary: list[str], start: int) -> list[str]:
    """Return the entries, without ##, that may stand at the start of a word (0) or inside it."""
    return [piece.removeprefix("##") for piece in vocabulary if piece.startswith("##") == (start > 0)]


def ends(word: str, vocabulary: list[str], start: int) -> list[int]:
    """Return where the entries end that fit a word at a place, in the order of the vocabulary."""
    return [start + len(e) for e in entries(vocabulary, start) if word.startswith(e, start)]


def by_regex(vocabulary: list[str]) -> Callable[[str], list[int]]:
    """Return a function from a word to the ends of its pieces, as far as they go, by regular expressions.

    An alternation takes the first of its branches that fits, and the longer entries stand before.
    """
    ordered = (sorted(entries(vocabulary, place), key=len, reverse=True) for place in (0, 1))
    first, inside = (re.compile("|".join(map(re.escape, some)) or "(?!)") for some in ordered)

    def segment(word):
        found, place = [], 0
        while place < len(word) and (match := (inside if place else first).match(word, place)):
            place = match.end()
            found.append(place)
        return found

    return segment


def by_rank(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """Return the pieces of a word by merging one pair at a time, always one of the lowest rank."""
    rank = {tuple(pair): place for place, pair in enumerate(merges)}
    pieces = [word[0], *(f"##{letter}" for letter in word[1:])]
    while True:
        known = [(rank[pair], i) for i, pair in enumerate(zip(pieces, pieces[1:])) if pair in rank]
        if not known:
            return pieces
        _, i = min(known)
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1][2:]]


def cuts(pieces: list[str]) -> list[int]:
    """Return the ends of the pieces of a word."""
    lengths = [len(piece.removeprefix("##")) for piece in pieces]
    return [sum(lengths[: k + 1]) for k in range(len(lengths))]


def segmentations(word: str, vocabulary: list[str], start: int = 0) -> Iterator[list[int]]:
    """Yield the ends of the pieces for every way to segment a word into entries."""
    if start == len(word):
        yield []
    for end in ends(word, vocabulary, start):
        yield from ([end, *rest] for rest in segmentations(word, vocabulary, end))


def fewest(word: str, vocabulary: set[str]) -> int:
    """Return the smallest number of pieces of a word, by dynamic programming from its end."""
    least = {len(word): 0}
    for start in reversed(range(len(word))):
        mark = "##" if start else ""
        fits = [end for end in least if mark + word[start:end] in vocabulary]
        if fits:
            least[start] = 1 + min(least[end] for end in fits)
    return least[0]


def entropies(counts: list[int]) -> float:
    """Return the log-likelihood of a text from the counts of its pieces, by SciPy's entropy."""
    return -sum(counts) * entropy(counts)


def log_likelihood(segments: dict[str, list[str]], words: dict[str, int]) -> float:
    """Return the log-likelihood of a segmented text under the frequencies of its pieces."""
    found = Counter()
    for word, segment in segments.items():
        found.update(segment * words[word])
    return entropies([*found.values()])


def replaced(segments: dict[str, list[str]], pair: tuple[str, str]) -> dict[str, list[str]]:
    """Return the segments with a pair merged, by a regular expression on the pieces between spaces."""
    pattern = re.compile(rf"(?<!\S){pair[0]} {pair[1]}(?!\S)")
    return {w: pattern.sub(pair[0] + pair[1][2:], " ".join(s)).split() for w, s in segments.items()}


def gain(segments: dict[str, list[str]], words: dict[str, int], pair: tuple[str, str]) -> float:
    """Return by how much merging a pair raises the log-likelihood of a text, counted again."""
    return log_likelihood(replaced(segments, pair), words) - log_likelihood(segments, words)


def suffixes(vocabulary: list[str]) -> list[str]:
    """Return a vocabulary with every ending of its entries added, as a piece inside a word."""
    bare = [piece.removeprefix("##") for piece in vocabulary]
    added = ("##" + piece[i:] for piece in bare for i in range(1, len(piece)))
    return list(dict.fromkeys([*vocabulary, *added]))


def small(seed: int, closed: bool = False) -> list[str]:
    """Return a random vocabulary over a, b, c, of up to three letters; closed under endings if wanted."""
    rng = random.Random(seed)
    strings = ["".join(letters) for length in (1, 2, 3) for letters in product("abc", repeat=length)]
    pieces = [piece for string in strings for piece in (string, "##" + string) if rng.random() < 0.3]
    return suffixes(pieces) if closed else pieces


def padded(ends: list[int], word: str) -> list[int]:
    """Return the ends of the pieces of a word, continued by the length of the word."""
    return [*ends, *[len(word)] * (len(word) - len(ends))]


class Counting(set):
    """A vocabulary that counts how often it is asked."""

    asked = 0

    def __contains__(self, piece):
        self.asked += 1
        return super().__contains__(piece)


def random_counts(how_many: int) -> list[tuple[int, int, int, int]]:
    """Return random counts of a pair, of its pieces and of all pieces, over several orders of magnitude."""
    rng, found = random.Random(0), []
    for _ in range(how_many):
        pair, more, others, rest = (int(math.exp(rng.uniform(0, top))) for top in (6, 9, 9, 12))
        found.append((pair, pair + more - 1, pair + others - 1, 2 * pair + more + others + rest - 3))
    return found


def change(n: int, first: int, second: int, total: int) -> float:
    """Return the change of the log-likelihood by a merge, from the counts of two whole texts."""
    rest = total - first - second
    before, after = [first, second, rest], [first - n, second - n, rest, n]
    return entropies(after) - entropies(before)


def only(pair: tuple, value: float) -> Callable[..., float]:
    """Return a function that has a value for one pair and is not a number for any other."""
    return lambda *found: value if found == pair else math.nan


def numbers(n: int, first: int, second: int, total: int) -> dict:
    """Return what the symbols of the theorem on the gain stand for, given the four counts."""

    def kappa(count):
        return (count - n) * math.log(count / (count - n)) if count > n else 0.0

    pair = {"a": 1, "b": 2, "s": only((1, 2), n / (first * second)), "kappa": kappa}
    return pair | {"n": n, "c_a": first, "c_b": second, "N": total}


def library(vocabulary: list[str], merges: list[tuple[str, str]] | None = None, **settings) -> Segmenter:
    """Return the segmentation by the library's WordPiece, or with merges by its BPE."""
    from tokenizers import models

    known = {piece: place for place, piece in enumerate(dict.fromkeys(["[UNK]", *vocabulary]))}
    common = {"unk_token": "[UNK]", "continuing_subword_prefix": "##"} | settings
    kind = models.WordPiece(known, **common) if merges is None else models.BPE(known, merges, **common)
    return lambda word: [token.value for token in kind.tokenize(word)]


def trained(kind: str, words: dict[str, int], size: int):
    """Return a tokeniser that the library trained on words with their frequencies."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(getattr(models, kind)(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    settings = {"vocab_size": size, "continuing_subword_prefix": "##", "show_progress": False}
    trainer = {"WordPiece": trainers.WordPieceTrainer, "BPE": trainers.BpeTrainer}[kind](**settings)
    tokenizer.train_from_iterator([word for word, count in words.items() for _ in range(count)], trainer)
    return tokenizer
