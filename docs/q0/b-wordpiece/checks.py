"""Checks of 0(b): the two ways to segment a word, and what a merge gains."""

import json
import math
import random
from fractions import Fraction
from functools import partial
from itertools import islice, permutations, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from . import experiment as trial
from . import model as m
from . import oracles

HERE = Path(__file__).parent
RESULTS = json.loads((HERE / "results.json").read_text())
MERGES = [tuple(pair.split()) for pair in RESULTS["merges"]]
SIZES = (200, 500, 1000)
PAPER = m.paper()
FIVE, TWO = ["a", "##b", "##c", "ab", "##bc"], [("##b", "##c"), ("a", "##b")]  # of the answer
STUCK = ["a", "ab", "##bcd", "##c"]
ODD = [("ab", "##c"), ("a", "##b")]  # the first is made possible by the second
SHORT = ["".join(s) for length in range(1, 7) for s in product("abc", repeat=length)]
RANDOM = [(oracles.small(seed), word) for seed in range(40) for word in SHORT[seed::40]]
COUNTS = oracles.random_counts(2000)


def code(pieces):
    """Return pieces as the page writes them."""
    return f"`{' '.join(pieces)}`"


def listed(merges):
    """Return merges as the page writes them."""
    return ", ".join(f"(`{first}`, `{second}`)" for first, second in merges)


def test_one_vocabulary(evidence):
    """With one vocabulary, abc is ab ##c by longest match and a ##bc by the merges; in the other order
    the merges give ab ##c."""
    evidence.equal(m.wordpiece("abc", FIVE), ["ab", "##c"], "longest match")
    evidence.equal(oracles.by_regex(FIVE)("abc"), [2, 3], "ends of its pieces by a regular expression")
    for merges, pieces in ((TWO, ["a", "##bc"]), (TWO[::-1], ["ab", "##c"])):
        first = merges[0][0] + merges[0][1]
        evidence.equal(m.bpe("abc", merges), pieces, f"replayed, {first} first")
        evidence.equal(oracles.by_rank("abc", merges), pieces, f"the pair of the lowest rank, {first} first")
        made = {m.joined(pair) for pair in merges}
        evidence.equal(made | {"a", "##b", "##c"}, set(FIVE), "three letters and what the merges make")
    evidence.prints(f"With pieces {', '.join(f'`{piece}`' for piece in FIVE)}, abc becomes")
    evidence.prints(f"- WordPiece: {code(m.wordpiece('abc', FIVE))};")
    evidence.prints(f"- BPE, merges {listed(TWO)}: {code(m.bpe('abc', TWO))}.")


def test_longest_match(evidence):
    """The pieces of WordPiece end where the longest vocabulary piece from the last end on ends, and a word
    is unknown if there is none."""
    each, wrong = [], 0
    for known in map(m.vocabulary, (MERGES[:size] for size in SIZES)):
        segment, pieces = oracles.by_regex(known), set(known)
        for word in PAPER:
            found = oracles.cuts(m.wordpiece(word, pieces))
            wrong += segment(word) != found
            ends = dict(enumerate([0, *found]))
            fits = partial(oracles.ends, word, known)
            each += [{"b": ends, "E": fits, "k": k} for k in range(len(found))]
    route = "the code of the page, 368 words of the paper, three vocabularies"
    evidence.equation("eq-wordpiece-match", 0, route, each=each)
    evidence.equal(wrong, 0, "words where a regular expression cuts elsewhere")
    stuck = [(m.wordpiece(w, v) == ["[UNK]"], oracles.by_regex(v)(w)[-1:] != [len(w)]) for v, w in RANDOM]
    evidence.equal([a for a, _ in stuck], [b for _, b in stuck], "unknown words, 40 random vocabularies")
    evidence.bounded([sum(a for a, _ in stuck), sum(not a for a, _ in stuck)], "of both kinds", low=100)


def test_order(evidence):
    """Longest match gives the same for each order of the vocabulary; replaying gives other pieces for other
    orders of the merges."""
    found = {tuple(m.wordpiece(word, list(o))) for o in permutations(FIVE) for word in ["abc"]}
    evidence.equal(len(found), 1, "120 orders of five pieces, the word abc")
    vocabulary, rng = m.vocabulary(MERGES[:200]), random.Random(0)
    kept = {word: m.wordpiece(word, vocabulary) for word in PAPER}
    mixed = rng.sample(vocabulary, len(vocabulary))
    evidence.equal({w: m.wordpiece(w, mixed) for w in PAPER}, kept, "words of the paper, shuffled vocabulary")
    replayed = {word: m.bpe(word, MERGES[:200]) for word in PAPER}
    backward = sum(m.bpe(word, MERGES[199::-1]) != pieces for word, pieces in replayed.items())
    evidence.bounded(backward, "words of the paper that change with the merges backward", low=100)


def test_overlap(evidence):
    """Of occurrences that overlap, a merge replaces the first from the left, and counts it alone."""
    for length, left in ((3, ["##aa", "##a"]), (4, ["##aa", "##aa"]), (5, ["##aa", "##aa", "##a"])):
        pieces, pair = ["##a"] * length, ("##a", "##a")
        segments = {"x": pieces}
        evidence.equal(m.merged(pieces, pair), left, f"{length} equal letters, by hand")
        evidence.equal(oracles.replaced(segments, pair)["x"], left, "by a regular expression")
        evidence.equal(m.counts(segments, {"x": 7})[1][pair], 7 * (length // 2), "seven times the pairs")


def test_whole_words(evidence):
    """Of the words of the paper, those in the vocabulary are left whole by both methods; so is every piece
    of the vocabulary that begins a word."""
    for size in SIZES:
        known, merges = set(m.vocabulary(MERGES[:size])), MERGES[:size]
        whole = [word for word in PAPER if word in known]
        evidence.bounded(len(whole), f"words of the paper in the vocabulary, {size} merges", low=30)
        every = [*whole, *(piece for piece in known if not piece.startswith("##"))]
        parted = [w for w in every if m.wordpiece(w, known) != [w] or oracles.by_rank(w, merges) != [w]]
        evidence.equal(parted, [], "words and pieces that one of the two cuts")


def test_unknown(evidence):
    """A word can be unknown although it has a segmentation; with all its letters known it can be longer
    than necessary."""
    evidence.equal(m.wordpiece("abcd", STUCK), ["[UNK]"], "abcd by longest match")
    evidence.equal(list(oracles.segmentations("abcd", STUCK)), [[1, 4]], "all its segmentations: a ##bcd")
    letters = [*STUCK, "##b", "##d"]
    evidence.equal(m.wordpiece("abcd", letters), ["ab", "##c", "##d"], "abcd with ##b and ##d")
    evidence.equal(oracles.fewest("abcd", set(letters)), 2, "the fewest pieces, by dynamic programming")
    pieces = ["h", "##u", "##g", "##ug"]
    evidence.equal(m.wordpiece("mug", pieces), ["[UNK]"], "mug by longest match")
    evidence.equal(m.bpe("mug", [("##u", "##g")]), ["m", "##ug"], "mug replayed: only m is not in the list")


def test_letters(evidence):
    """If all letters are known, no word is unknown or has more pieces than letters; in a vocabulary of
    letters alone, each missing letter makes some word unknown."""
    alphabet = ["a", "b", "c", "##a", "##b", "##c"]
    found = [(word, m.wordpiece(word, {*known, *alphabet})) for known, word in RANDOM]
    evidence.bounded([len(p) - len(w) for w, p in found], "pieces beyond the letters", high=0)
    whole = ["".join(piece.removeprefix("##") for piece in pieces) for _, pieces in found]
    evidence.equal(whole, [word for word, _ in found], "the pieces put together, 40 random vocabularies")
    unknown = [sum(m.wordpiece(w, {*alphabet} - {a}) == ["[UNK]"] for w in SHORT) for a in alphabet]
    evidence.bounded(unknown, "unknown words without one of the letters", low=1)


def test_ahead(evidence):
    r"""With a vocabulary closed under endings $b_k \ge b'_k$ for every segmentation, and a word is unknown
    only if it has none; with one that is not closed, both can fail."""
    each, wrong = [], []
    for seed, word in product(range(12), SHORT[:243]):
        known = oracles.small(seed, closed=True)
        others, found = list(oracles.segmentations(word, known)), m.wordpiece(word, set(known))
        wrong += [word] if (found == ["[UNK]"]) != (not others) else []
        ends = oracles.padded(oracles.cuts(found), word)
        each += [
            {"b": ends, "b_prime": oracles.padded(other, word), "k": k}
            for other in others for k in range(1, len(word) + 1)
        ]  # fmt: skip
    evidence.equal(wrong, [], "unknown words against words without a segmentation, 12 closed vocabularies")
    evidence.equation("eq-wordpiece-ahead", 0, "all segmentations of 243 words", each=each)
    sides = (evidence.printed("eq-wordpiece-ahead").function(side=side) for side in (0, 1))
    found = [side(b=[2, 4], b_prime=[1, 4], k=1) for side in sides]
    evidence.equal(found, [2, 1], "longest match on the left, another way on the right")
    letters = [*STUCK, "##b", "##d"]
    evidence.equal(oracles.cuts(m.wordpiece("abcd", letters)), [2, 3, 4], "not closed: ends of abcd")
    evidence.equal([1, 4] in oracles.segmentations("abcd", letters), True, "another way, ahead at k = 2")
    missing = set(oracles.suffixes(STUCK)) - set(STUCK)
    evidence.equal(missing, {"##b", "##cd", "##d"}, "endings that the first vocabulary lacks")
    evidence.equal(m.wordpiece("abcd", STUCK), ["[UNK]"], "abcd, which has a segmentation")


def test_fewest(evidence):
    """With 500 merges longest match uses more pieces than necessary in 11 words of the paper and BPE in 4;
    the vocabularies are not closed under endings."""
    known, merges = set(m.vocabulary(MERGES[:500])), MERGES[:500]
    least = {word: oracles.fewest(word, known) for word in PAPER}
    greedy = sum(len(m.wordpiece(word, known)) > least[word] for word in PAPER)
    replayed = sum(len(oracles.by_rank(word, merges)) > least[word] for word in PAPER)
    for text, value in (("11", greedy), ("4", replayed), ("500", len(merges)), ("368", len(PAPER))):
        evidence.shows(text, value)
    evidence.equal([greedy, replayed], [11, 4], "words with more pieces than by dynamic programming")
    missing = [len(set(oracles.suffixes(v)) - set(v)) for v in (m.vocabulary(MERGES[:s]) for s in SIZES)]
    evidence.bounded(missing, "endings that the three vocabularies lack", low=1)


def test_rank(evidence):
    """Replaying the list agrees with merging the lowest rank first for learned merges, and not for a merge
    that stands before the one that makes its part."""
    apart = [word for word in PAPER if m.bpe(word, MERGES) != oracles.by_rank(word, MERGES)]
    evidence.equal(apart, [], "words of the paper that differ, 1,000 merges")
    evidence.shows("1000", len(MERGES))
    both = m.bpe("abc", ODD), oracles.by_rank("abc", ODD)
    evidence.equal(both, (["ab", "##c"], ["abc"]), "abc by one run and by the lowest rank")


def test_score(evidence):
    r"""The ratio is at most $1/\max(c_a, c_b)$, and the pairs of a text attain it."""
    each = []
    for words in (m.TOY, PAPER):
        pieces, pairs = m.counts({word: m.letters(word) for word in words}, words)
        for (a, b), n in pairs.items():
            ratio = Fraction(n, pieces[a] * pieces[b])
            counts = {"n": n, "c_a": pieces[a], "c_b": pieces[b]}
            each.append(counts | {"s": oracles.only((a, b), float(ratio)), "a": a, "b": b})
    evidence.equation("eq-wordpiece-score", 1e-12, "fractions, all pairs of letters of two texts", each=each)
    for one, other in (("c_a", "c_b"), ("c_b", "c_a")):
        attained = [e for e in each if e["n"] == e[one] < e[other]]
        route = f"the bound, attained where n = {one}"
        evidence.equation("eq-wordpiece-score", 1e-12, route, each=attained, tight=True)


def text(words, done):
    """Return the pieces, the pairs and the segments of a text after some merges by count."""
    segments = {word: m.letters(word) for word in words}
    for _, pair in islice(m.training(words, "count"), done):
        segments = {word: m.merged(segment, pair) for word, segment in segments.items()}
    return *m.counts(segments, words), segments


def test_gain(evidence):
    r"""The log-likelihood and its change by a merge follow the printed formulas, for pairs of two texts."""
    gains = []
    for words, done, step in ((m.TOY, 0, 1), (m.TOY, 2, 1), (PAPER, 0, 4), (PAPER, 40, 8)):
        pieces, pairs, segments = text(words, done)
        found = oracles.log_likelihood(segments, words)
        evidence.equation("eq-wordpiece-likelihood", 1e-12, "SciPy's entropy of recounted pieces", L=found,
                          c=pieces, N=pieces.total(), sets={"t": [*pieces]}, varphi=m.spread)  # fmt: skip
        gains += [
            oracles.numbers(n, pieces[a], pieces[b], pieces.total())
            | {"Delta_L": oracles.log_likelihood(oracles.replaced(segments, (a, b)), words) - found}
            for (a, b), n in list(pairs.items())[::step] if a != b
        ]  # fmt: skip
    route = "SciPy's entropy before and after the merge, done by a regular expression"
    for label in ("eq-wordpiece-gain", "eq-wordpiece-exact"):
        evidence.equation(label, 1e-9, route, each=gains, varphi=m.spread)
    ours = [m.gain(g["n"], g["c_a"], g["c_b"], g["N"]) for g in gains]
    evidence.close(ours, [g["Delta_L"] for g in gains], 1e-8, "the criterion of the experiment")


def test_paper_gain(evidence):
    r"""For the most frequent pair of neighbouring letters of the paper the gain is far below
    $n \log(N s)$."""
    pieces, pairs, segments = text(PAPER, 0)
    (a, b), n = pairs.most_common(1)[0]
    evidence.equal((a, b), ("##o", "##n"), "the pair that the page names")
    product = n * np.log(pieces.total() * n / (pieces[a] * pieces[b]))
    gain = oracles.gain(segments, PAPER, (a, b))
    evidence.bounded(gain / product, "SciPy's entropy of the text, over the product", high=0.5)
    evidence.shows("103", product)
    evidence.shows("43", gain)


def test_bound(evidence):
    r"""The gain differs from $n \log(N s)$ by at most $n$ and comes close to both ends; $\kappa$ lies
    between 0 and $n$ and does not fall."""
    each = [oracles.numbers(*c) | {"Delta_L": oracles.change(*c)} for c in COUNTS]
    evidence.equation("eq-wordpiece-bound", 1e-9, "SciPy's entropy of two texts, 2,000 counts", each=each)
    close = ((5, 5, 5, 10**7), (1, 10**5, 10**5, 10**7))  # always together; common, but together once
    ends = [oracles.numbers(*c) | {"Delta_L": oracles.change(*c)} for c in close]
    evidence.equation("eq-wordpiece-bound", 1e-4, "the bound, two extreme pairs", each=ends, tight=True)
    for n in (1, 7):
        count = np.arange(n + 1, 5000)
        kappa = (count - n) * np.log(count / (count - n))
        evidence.bounded(np.diff(kappa), f"steps of κ, n = {n}", low=0)
        evidence.bounded(kappa, f"values of κ, n = {n}", low=0, high=n)
        ours = [m.spread(int(c)) - m.spread(int(c) - n) - n * math.log(c) for c in count]
        evidence.close(ours, kappa, 1e-9, "the definition of κ against its closed form")


def test_chance(evidence):
    r"""A pair that occurs at most $c_a c_b/N$ times does not raise the likelihood; one that occurs twice as
    often can lower it."""
    rare = [c for c in COUNTS if c[0] * c[3] <= c[1] * c[2]]
    evidence.bounded(len(rare), "pairs of 2,000 that are no more frequent than by chance", low=200)
    evidence.bounded([oracles.change(*c) for c in rare], "their gains, by SciPy's entropy", high=0)
    n, first, second, total = twice = (10, 1000, 1000, 200_000)
    evidence.close(n * total / (first * second), 2, 1e-12, "times as often as by chance")
    for text, value in (("−2.97", oracles.change(*twice)), *((str(count), count) for count in twice)):
        evidence.shows(text, value)


def test_toy(evidence):
    """The table of the corpus of the course is right, with the choices by count, ratio and gain."""
    pieces, pairs, segments = text(m.TOY, 0)
    ratio = {(a, b): Fraction(n, pieces[a] * pieces[b]) for (a, b), n in pairs.items()}
    gain = {pair: oracles.gain(segments, m.TOY, pair) for pair in pairs}
    rows = {", ".join(p): [str(n), str(ratio[p]), f"{gain[p]:.2f}"] for p, n in pairs.items()}
    table = evidence.table("pair", "count $n$")
    del table["pair"]
    evidence.equal(table, rows, "counts, fractions, SciPy's entropies")
    first = [next(m.training(m.TOY, name))[1] for name in ("count", "ratio", "gain")]
    best = [max(scores, key=scores.get) for scores in (pairs, ratio, gain)]
    evidence.equal(first, best, "the first merges against the rows")
    evidence.equal(best, [("##u", "##g"), ("##g", "##s"), ("##u", "##g")], "those of the page")
    evidence.equal(sorted(gain, key=gain.get).index(best[1]), 1, "last but one of six gains, so the fifth")
    *words, last = (f"*{word}* ({count})" for word, count in m.TOY.items())
    told = f"{', '.join(words)} and {last}".replace("(10)", "(10 times)")
    evidence.prints(f"The words {told} have $N = {pieces.total()}$ letters")
    second = text(m.TOY, 1)[1]
    evidence.equal(max(second, key=second.get), ("##u", "##n"), "second merge by count")
    after, left = m.counts(oracles.replaced(segments, best[1]), m.TOY)
    tie = {Fraction(n, after[a] * after[b]) for (a, b), n in left.items()}
    evidence.equal([tie, all("##u" in pair for pair in left)], [{Fraction(1, 36)}, True], "ratios then")
    facts = (*m.TOY.values(), pieces.total(), pairs[best[0]], second["##u", "##n"], 1, 20, 36)
    evidence.equal([1 / ratio[best[1]], 1 / min(ratio.values())], [20, 36], "the two ratios, inverted")
    for value in facts:
        evidence.shows(str(value), value)


def test_course(evidence):
    """By the ratio the third merge of the course's corpus is hu and ##gs, to hugs; then both methods agree
    on all words of up to six of its letters."""
    merges = [pair for _, pair in islice(m.training(m.TOY, "ratio"), 3)]
    evidence.equal(merges, [("##g", "##s"), ("h", "##u"), ("hu", "##gs")], "merges by the ratio")
    segments = {word: m.bpe(word, merges[:2]) for word in m.TOY}
    pieces, pairs = m.counts(segments, m.TOY)
    score = {p: Fraction(n, pieces[p[0]] * pieces[p[1]]) for p, n in pairs.items()}
    scores = score["hu", "##g"], score["hu", "##gs"]
    evidence.equal(scores, (Fraction(2, 45), Fraction(1, 15)), "the two ratios as fractions")
    evidence.equal(max(score.values()), scores[1], "the best ratio")
    facts = {"15": pieces["hu"], "10": pairs["hu", "##g"], "5": pairs["hu", "##gs"], "2": 2, "45": 45, "1": 1}
    for text, value in facts.items():
        evidence.shows(text, value)
    evidence.equal([pieces["hu"], pieces["##g"], pieces["##gs"]], [15, 15, 5], "counts of the pieces")
    wrong = [*merges[:2], ("hu", "##g")]
    told = m.wordpiece("hugs", m.vocabulary(wrong)), oracles.by_rank("hugs", wrong)
    evidence.equal(told, (["hug", "##s"], ["hu", "##gs"]), "hugs with the merge of the course")
    right = m.wordpiece("hugs", m.vocabulary(merges)), oracles.by_rank("hugs", merges)
    evidence.equal(right, (["hugs"], ["hugs"]), "hugs with the right merge")
    known = set(m.vocabulary(merges))
    words = [a + "".join(b) for a in "bhp" for length in range(6) for b in product("gnsu", repeat=length)]
    evidence.equal([w for w in words if m.wordpiece(w, known) != m.bpe(w, merges)], [], "words that differ")
    evidence.shows("4095", len(words))


def test_cost(evidence):
    """If only letters are found, a word of $n$ letters costs $n(n + 1)/2$ look-ups, and no word of 40 random
    vocabularies more."""
    each, excess = [], []
    for n in (1, 2, 5, 30):
        known = oracles.Counting({"a", "##a"})
        m.wordpiece("a" * n, known)
        each.append({"n": n})
        right = evidence.printed("eq-wordpiece-cost").function(side=1)
        evidence.close(right(n=n), known.asked, 0, f"look-ups of the code, {n} letters")
    evidence.equation("eq-wordpiece-cost", 0, "sum against product, 1 to 30 letters", each=each)
    for vocabulary, word in RANDOM:
        known = oracles.Counting(vocabulary)
        m.wordpiece(word, known)
        excess.append(known.asked - len(word) * (len(word) + 1) // 2)
    evidence.bounded(excess, "look-ups beyond that, 40 random vocabularies", high=0)


def test_variant(evidence):
    """Longest match gives un ##aff ##able for unaffable with both lists; replaying does for the first."""
    names = "##a ##b, ##l ##e, ##ab ##le, ##f ##f, u ##n, ##a ##ff"
    merges = [tuple(name.split()) for name in names.split(", ")]
    front = [("##f", "##a"), *merges]
    third = ["un", "##aff", "##able"]
    for pairs in (merges, front):
        known = m.vocabulary(pairs)
        evidence.equal(m.wordpiece("unaffable", known), third, "longest match")
        ends = oracles.by_regex(known)("unaffable")
        evidence.equal(ends, oracles.cuts(third), "by a regular expression")
    made = ["un", "##aff", "##able", "##ff", "##ab", "##le"]
    evidence.equal(set(m.vocabulary(merges)) - set(m.vocabulary([])), set(made), "pieces of the variant")
    evidence.prints(f"all letters and {', '.join(f'`{piece}`' for piece in made)};")
    evidence.equal(m.bpe("unaffable", merges), third, "replayed")
    other = ["un", "##a", "##f", "##fa", "##b", "##le"]
    evidence.equal(m.bpe("unaffable", front), other, "replayed with (##f, ##a) in front")
    evidence.equal(oracles.by_rank("unaffable", front), other, "always the pair of the lowest rank")
    evidence.prints(f"the merges are {listed(merges)}. Longest match: {code(third)}.")
    evidence.prints(f"longest match still gives {code(third)}, but BPE gives {code(other)}")


def test_experiment(evidence):
    """The results belong to the code beside them, and the printed bits and pieces are theirs."""
    evidence.equal(RESULTS["provenance"]["code"], trial.digest(), "hash of the code")
    course = {name: {done: rest for done, *rest in rows} for name, rows in RESULTS["course"].items()}
    (count, ratio, gain) = (course[name] for name in ("count", "ratio", "gain"))
    values = {
        "4.00": ratio[1000][1], "100": 100, "1000": 1000, "3.50": gain[200][1], "3.55": count[200][1],
        "200": 200, "168578": gain[200][0], "152133": count[200][0], "2.46": count[1000][1],
    }  # fmt: skip
    for text, value in values.items():
        evidence.shows(text, value)
    level = [count[100][1], gain[1000][1]]
    evidence.close(level, [4.00, 2.46], 0.005, "bits by count after 100 and by gain after 1,000 merges")
    evidence.equal(RESULTS["provenance"]["words"][0], 64285, "words of the text")
    first = RESULTS["first merges"]
    ratio, count = ([listed([pair.split()]) for pair in first[name]] for name in ("ratio", "count"))
    evidence.prints(f"By the ratio the first merges are {ratio[0]}, {ratio[1]} and {ratio[2]}, pairs with")
    evidence.prints(f"by count they are {count[0]} and {count[1]}.")


def test_short_run(evidence):
    """In a short run of the experiment each criterion takes the best pair, and the bits are those of its
    pieces."""
    words = {word: count for word, count in PAPER.items() if count > 3}
    merges, course = trial.run(words, 12, 6)
    letters = sum(len(word) * count for word, count in words.items())
    for name, pairs in merges.items():
        lead = []
        for done, taken in enumerate(pairs):
            segments = {word: oracles.by_rank(word, pairs[:done]) for word in words}
            pieces, found = m.counts(segments, words)
            score = {
                "count": found.get,
                "ratio": lambda pair: Fraction(found[pair], pieces[pair[0]] * pieces[pair[1]]),
                "gain": lambda pair: oracles.gain(segments, words, pair),
            }[name]
            lead.append(float(max(map(score, found)) - score(taken)))
            if done % 6 == 0:
                bits = -oracles.log_likelihood(segments, words) / letters / math.log(2)
                row = [done, pieces.total(), bits]
                evidence.close(course[name][done // 6], row, 6e-5, f"{name}, row of {done} merges")
        evidence.close(lead, [0] * 12, 1e-9, f"{name}: by how much another pair is better, 12 merges")


@pytest.mark.library("tokenizers")
def test_library_paper(evidence):
    """The table of the exam paper is right, the library segments each of its words as the code of the page
    does, and most of the words that differ have the same number of pieces."""
    table = evidence.table("", "200 merges")
    del table[""]
    columns = []
    for size in SIZES:
        vocabulary, merges = m.vocabulary(MERGES[:size]), MERGES[:size]
        greedy, replay = oracles.library(vocabulary), oracles.library(vocabulary, merges)
        both = {word: (greedy(word), replay(word)) for word in PAPER}
        ours = {word: (m.wordpiece(word, set(vocabulary)), m.bpe(word, merges)) for word in PAPER}
        evidence.equal(both, ours, f"368 words, {size} merges")
        differ = [word for word, pair in both.items() if pair[0] != pair[1]]
        same = sum(len(both[word][0]) == len(both[word][1]) for word in differ)
        evidence.bounded(same / len(differ), f"share with as many pieces, {size} merges", low=0.5)
        lengths = [sum(PAPER[word] * len(pair[way]) for word, pair in both.items()) for way in (0, 1)]
        column = [len(vocabulary), len(differ), sum(PAPER[w] for w in differ), *lengths]
        columns.append([f"{number:,}" for number in column])
    names = ["pieces in the vocabulary", "distinct words that differ", "running words that differ",
             "pieces, longest match", "pieces, merges replayed"]  # fmt: skip
    evidence.equal(table, dict(zip(names, map(list, zip(*columns)))), "the rows of the table")
    evidence.prints(f"{PAPER.total()} words without its formulas, of which {len(PAPER)} are distinct")


@pytest.mark.library("tokenizers")
def test_library_words(evidence):
    """The library's WordPiece segments short words as the code of the page does, unknown ones included; in
    an example its BPE takes the lowest rank first."""
    segment = {tuple(known): oracles.library(known) for known, _ in RANDOM}
    found = [segment[tuple(known)](word) for known, word in RANDOM]
    evidence.equal(found, [m.wordpiece(word, known) for known, word in RANDOM], "40 random vocabularies")
    evidence.equal(oracles.library(FIVE)("abc"), ["ab", "##c"], "the example, longest match")
    evidence.equal(oracles.library(FIVE, TWO)("abc"), ["a", "##bc"], "the example, merges replayed")
    odd = oracles.library([*FIVE, "abc"], ODD)("abc")
    evidence.equal(odd, oracles.by_rank("abc", ODD), "a merge before the one that makes its part")


@pytest.mark.library("tokenizers")
def test_library_limits(evidence):
    """The library's WordPiece gives [UNK] beyond 100 letters, its BPE marks one unknown letter alone, and
    with ignore_merges gives out whole what is in the vocabulary."""
    segment = oracles.library(["a", "##a"])
    lengths = [len(segment("a" * 100)), segment("a" * 101)]
    evidence.equal(lengths, [100, ["[UNK]"]], "words of 100 and 101 letters")
    evidence.shows("100", lengths[0])
    pieces = ["h", "##u", "##g", "##ug"]
    found = oracles.library(pieces)("mug"), oracles.library(pieces, [("##u", "##g")])("mug")
    evidence.equal(found, (["[UNK]"], ["[UNK]", "##ug"]), "mug by WordPiece and by BPE")
    added = [*FIVE, "abc"]
    found = [oracles.library(added, TWO, ignore_merges=ignore)("abc") for ignore in (False, True)]
    evidence.equal(found, [["a", "##bc"], ["abc"]], "abc without and with ignore_merges")


@pytest.mark.library("tokenizers", "transformers")
def test_files(evidence):
    """The library saves WordPiece as a vocabulary and BPE as vocabulary and merges; so are, besides
    tokenizer.json, the files of BERT and GPT-2 in transformers."""
    import transformers

    kept = {"WordPiece": {"vocab.txt"}, "BPE": {"vocab.json", "merges.txt"}}
    for kind, files in kept.items():
        tokenizer = oracles.trained(kind, m.TOY, 14)
        with TemporaryDirectory() as folder:
            tokenizer.model.save(folder)
            evidence.equal({path.name for path in Path(folder).iterdir()}, files, f"files of {kind}")
        state = json.loads(tokenizer.to_str())["model"]
        evidence.equal("merges" in state, kind == "BPE", f"merges in the state of {kind}")
    named = transformers.BertTokenizer, transformers.GPT2Tokenizer
    files = [set(kind.vocab_files_names.values()) - {"tokenizer.json"} for kind in named]
    evidence.equal(files, [*kept.values()], "BERT and GPT-2")
    state = json.loads(named[0]().backend_tokenizer.to_str())["model"]
    evidence.equal([state["type"], "merges" in state], ["WordPiece", False], "the model of BERT's tokeniser")


@pytest.mark.library("tokenizers")
def test_trainer(evidence):
    """On the corpus of the course the library's WordPiece trainer finds the pieces of its BPE trainer: the
    merges by count, not by the ratio."""
    found = [oracles.trained(kind, m.TOY, 14).get_vocab() for kind in ("WordPiece", "BPE")]
    evidence.equal(set(found[0]), set(found[1]), "pieces by the two trainers")
    for name, same in (("count", True), ("ratio", False)):
        made = [m.joined(pair) for _, pair in islice(m.training(m.TOY, name), 3)]
        learned = {piece for piece in found[0] if len(piece.removeprefix("##")) > 1}
        evidence.equal(set(made) == learned, same, f"pieces by {name}: {', '.join(made)}")
