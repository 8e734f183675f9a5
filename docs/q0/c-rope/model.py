"""Mathematics of 0(c): RoPE's angles, its rotations, and contents and roundings to try them on.

Coordinates count from 1 on the page; a vector of width d has d/2 pairs.
"""

import numpy as np


def speeds(width, base=10_000.0):
    """Return the angle per position of each pair, θ_j = base^(−2(j − 1)/width); shape (width/2,)."""
    return base ** (-np.arange(0, width, 2) / width)


def paired(vectors):
    """Return neighbouring coordinates as complex numbers; shape (…, width) → (…, width/2)."""
    return vectors[..., ::2] + 1j * vectors[..., 1::2]


def turned(vectors, positions, theta=None):
    """Return vectors rotated for their positions, which broadcast against all axes but the last."""
    theta = speeds(vectors.shape[-1]) if theta is None else theta
    pairs = paired(vectors) * np.exp(1j * np.multiply.outer(positions, theta))
    return np.stack((pairs.real, pairs.imag), -1).reshape(*pairs.shape[:-1], -1)


def scores(query, key, offset):
    """Return the score of a query and a key for each offset m − n; shape of `offset`."""
    products = paired(query) * paired(key).conj()
    return (np.exp(1j * np.multiply.outer(offset, speeds(len(query)))) @ products).real


def waves(positions, width):
    """Return sinusoidal embeddings, sine and cosine of each angle in turn; shape (position, width)."""
    angles = np.multiply.outer(positions, speeds(width))
    return np.stack((np.sin(angles), np.cos(angles)), -1).reshape(*angles.shape[:-1], -1)


def example(width=64, seed=0):
    """Return two random token vectors and the random projections of a query and a key."""
    rng = np.random.default_rng(seed)
    return *rng.normal(size=(2, width)), *rng.normal(size=(2, width, width)) / np.sqrt(width)


def shifted_scores(shifts, first=(3, 7)):
    """Return the scores of the example with both positions shifted: by RoPE, and with added embeddings."""
    x, y, to_query, to_key = example()
    m, n = (place + np.asarray(shifts) for place in first)
    rotary = (turned(to_query @ x, m) * turned(to_key @ y, n)).sum(-1)
    added = (((x + waves(m, len(x))) @ to_query.T) * ((y + waves(n, len(y))) @ to_key.T)).sum(-1)
    return rotary, added


def bfloat16(values):
    """Return numbers rounded to bfloat16, half to even: the upper 16 bits of a float32."""
    bits = np.atleast_1d(np.asarray(values, np.float32)).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32).astype(float).reshape(np.shape(values))


def rounded(positions, width, how):
    """Return the angles mθ_j exact, with θ_j ("speeds") or with everything ("products") in bfloat16."""
    theta, positions = speeds(width), np.asarray(positions, float)
    if how == "exact":
        return np.multiply.outer(positions, theta)
    if how == "speeds":
        return np.multiply.outer(positions, bfloat16(theta))
    return bfloat16(np.multiply.outer(bfloat16(positions), bfloat16(theta)))


def drifting_scores(how, offset=10, last=1024):
    """Return positions of a query, and its score with itself `offset` places before, by rounded angles."""
    x, _, to_query, _ = example()
    places = np.arange(offset, last)
    angles = rounded(places, len(x), how) - rounded(places - offset, len(x), how)
    return places, np.cos(angles) @ np.abs(paired(to_query @ x)) ** 2
