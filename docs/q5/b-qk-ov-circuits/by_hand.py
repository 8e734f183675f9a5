"""Heads of 5(b) that are written down, not trained: one layer of two heads, and two layers of one head."""

import numpy as np

FOUR = ("ABCDA", "ADCBA", "CBADA", "CDABA")  # by induction B follows the first and the last, D the others


def one_hot(text, alphabet):
    """Return a text as rows of the identity matrix; shape (n, size of the alphabet)."""
    return np.eye(len(alphabet))[[alphabet.index(token) for token in text]]


def two_heads():
    """Return one layer of two heads of width 1 that gets all of FOUR right, in the basis tokens, positions.

    Head 1 looks at place 1 if A stands there and else at place 2; head 2 looks at place 2.
    """
    query = np.eye(9)[:, [8]]  # 1 at the last position
    key = np.array([10, 0, 0, 0, 10, 15, -100, -100, -100.0])[:, None]
    first = {"Q": query, "K": key, "V": np.array([[0, -2, 0, 2, 0, 0, 0, 0, 0.0]]).T}
    second = {"Q": query, "K": 15 * np.eye(9)[:, [5]], "V": np.array([[0, 1, 0, -1, 0, 0, 0, 0, 0.0]]).T}
    write = np.array(
        [[0, 1.5, 0, -1.5, 0, 0, 0, 0, 0]]
    )  # to B and D: more than A, the last token, gives itself
    return [head | {"O": write} for head in (first, second)]


def two_layers(tokens, length, sharp=40):
    """Return positions and two layers of one head each that continue repetitions, in blocks of coordinates.

    The blocks are: the token here, the token before, the position. Head 1 copies the token of the position
    before into the second block; head 2 looks for that block with the first, and copies the first.
    """
    here, before, place = np.split(np.eye(2 * tokens + length), [tokens, 2 * tokens])
    back = place[np.maximum(np.arange(length) - 1, 0)]  # row i is the position before i
    shift = {"Q": sharp * length**0.5 * place.T @ back @ place.T, "K": place.T, "V": here.T, "O": before}
    match = {"Q": sharp * tokens**0.5 * here.T, "K": before.T, "V": here.T, "O": 3 * here}
    return place, [[shift], [match]]
