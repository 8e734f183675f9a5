"""Checks of 0(c): what RoPE turns, why only the offset survives, and what that does not imply."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from scipy.special import softmax
from scipy.stats import special_ortho_group

from . import model as m
from . import oracles

ROUNDING = 1e-9  # a matrix exponential for an angle of 2,000 radians keeps some ten digits
WIDTH = 8
SPEEDS = np.geomspace(1, 10_000 ** (-(WIDTH - 2) / WIDTH), WIDTH // 2)  # not by the page's formula
PLACES = ((0, 0), (3, 7), (7, 3), (103, 107), (0, 1999))


def sample(seed):
    """Return random tokens, projections, a query and a key; complex pairs by reinterpreting memory."""
    rng = np.random.default_rng(seed)
    x, y, q, k = rng.normal(0, 1.5, (4, WIDTH))
    to_query, to_key = rng.normal(size=(2, WIDTH, WIDTH))
    return SimpleNamespace(x=x, y=y, q=q, k=k, W_q=to_query, W_k=to_key, u=q.view(complex), v=k.view(complex))


SAMPLES = [sample(seed) for seed in range(5)]
TURNS = {place: oracles.rotation(place, SPEEDS) for place in range(-12, 13)}
TURNS |= {place: oracles.rotation(place, SPEEDS) for m, n in PLACES for place in (m, n, m - n, n - m)}


def placed(places=PLACES):
    """Yield the page's symbols for each sample and each pair of positions."""
    for s, (first, second) in product(SAMPLES, places):
        yield vars(s) | {"m": first, "n": second, "R": TURNS, "theta": SPEEDS, "d": WIDTH}


def test_speeds(evidence):
    """Neighbouring coordinates make the complex numbers; the angles per position are a geometric sequence
    from 1, and for $d = 64$ a full turn takes from 6.28 to 47,117 positions."""
    each = [vars(s) | {"theta": SPEEDS, "j": j} for s in SAMPLES for j in range(1, WIDTH // 2 + 1)]
    evidence.equation("eq-rope-pairs", ROUNDING, "memory read as complex numbers; NumPy's geomspace",
                      each=each, d=WIDTH)  # fmt: skip
    evidence.close(m.paired(SAMPLES[0].q), SAMPLES[0].u, 0, "the pairs of the figures")
    evidence.close(m.speeds(WIDTH), SPEEDS, ROUNDING, "the angles of the figures")
    speed = evidence.printed("eq-rope-pairs").function(statement=2)
    for text, value in (("6.28", speed(j=1, d=64)), ("47117", speed(j=32, d=64))):
        evidence.shows(text, 2 * np.pi / value)
    evidence.shows("64", 2 * len(m.speeds(64)))


def test_rotation(evidence):
    r"""Multiplying by $e^{\mathrm{i}m\theta}$ is the rotation of the plane by $m\theta$; the blocks of
    $R_m$ are such rotations."""
    each = [{"u": z, "m": place, "theta": angle} for s in SAMPLES for place, _ in PLACES
            for z, angle in zip(s.u, SPEEDS)]  # fmt: skip
    evidence.equation("eq-rope-rotation", ROUNDING, "complex product against matrix", each=each, e=np.e)
    for s, place in product(SAMPLES, (0, 3, 107, 1999)):
        route = f"matrix exponential of the generator, position {place}"
        evidence.close(TURNS[place] @ s.q, m.turned(s.q, place), ROUNDING, route)


def test_product(evidence):
    """The product of one complex number and the conjugate of another holds their dot product as its real
    part; the imaginary part is compared too."""
    names = sp.symbols("a1 a2 b1 b2", real=True)
    given = {"a": names[:2], "b": names[2:]}
    evidence.identity("eq-rope-product", "SymPy, any four real numbers", conjugate=True, **given)
    each = [{"a": s.q[:2], "b": s.k[:2]} for s in SAMPLES]
    evidence.equation("eq-rope-product", ROUNDING, "random pairs", each=each, conjugate=True)


def test_score(evidence):
    """The complex form, before and after the conjugate is taken, is the dot product of the rotated query
    and key; without the conjugate of the key's content its real part is another number."""
    evidence.equation("eq-rope-score", ROUNDING, "its two sides", each=placed(), conjugate=True, e=np.e)
    pairs = [one | {"j": j} for one in placed() for j in range(1, WIDTH // 2 + 1)]
    route = "both parts, every pair"
    evidence.equation("eq-rope-complex", ROUNDING, route, each=pairs, conjugate=True, e=np.e)
    formula = evidence.printed("eq-rope-score")
    for side in (0, 1):
        found = [formula.function(side=side, conjugate=True)(**one, e=np.e) for one in placed()]
        known = [(TURNS[one["m"]] @ one["q"]) @ (TURNS[one["n"]] @ one["k"]) for one in placed()]
        evidence.close(found, known, ROUNDING, f"side {side + 1} against matrix exponentials")
    offsets = np.array([one["m"] - one["n"] for one in placed()])
    drawn = [m.scores(one["q"], one["k"], r) for one, r in zip(placed(), offsets)]
    evidence.close(drawn, known, ROUNDING, "the scores of the figures")
    slips = [(s.u * s.v * np.exp(1j * r * SPEEDS)).sum().real for s in SAMPLES for r in (0, 4)]
    right = [m.scores(s.q, s.k, r) for s in SAMPLES for r in (0, 4)]
    evidence.bounded(abs(np.subtract(slips, right)), "change without the conjugate of v", low=0.1)


def test_offset(evidence):
    r"""$R_m^\top R_n = R_{n-m}$, also between the projections; with $R_{m-n}$ the score would be another one,
    and the score changes with the sign of the offset."""
    pairs = list(product(range(13), repeat=2))
    route = "matrix exponentials, positions 0 to 12"
    each = [{"R": TURNS, "m": first, "n": second} for first, second in pairs]
    evidence.equation("eq-rope-offset", ROUNDING, route, each=each)
    evidence.equation("eq-rope-projected", ROUNDING, "projected tokens", each=placed())
    for s in SAMPLES:
        right, wrong = (s.q @ TURNS[offset] @ s.k for offset in (4, -4))
        evidence.close(m.scores(s.q, s.k, -4), right, ROUNDING, "m = 3, n = 7: complex form, R with n − m")
        evidence.bounded(abs(right - wrong), "distance to the other sign of the offset", low=0.01)


def test_norm(evidence):
    """Rotations keep the norm of a query and the modulus of each of its pairs."""
    evidence.equation("eq-rope-norm", ROUNDING, "matrix exponentials", each=placed())
    places = np.arange(2000)
    moduli = abs(m.paired(m.turned(SAMPLES[0].q, places)))
    evidence.close(moduli, np.tile(abs(SAMPLES[0].u), (2000, 1)), ROUNDING, "each pair, 2,000 positions")


def test_shift(evidence):
    """For the tokens of the figure the score is −8.94 at every shift from 0 to 300; with added sinusoidal
    embeddings it lies between −26.3 and 12.5."""
    rotary, added = m.shifted_scores(np.arange(301))
    x, y, to_query, to_key = m.example()
    known = (to_query @ x) @ oracles.rotation(4, m.speeds(64)) @ (to_key @ y)
    evidence.close(rotary, known, ROUNDING, "301 shifts against one matrix exponential")
    steps = 10_000 ** (np.arange(64) // 2 / 32)
    for shift in (0, 150, 300):
        p, r = (
            [(np.cos, np.sin)[c % 2 == 0](place / steps[c]) for c in range(64)]
            for place in (3 + shift, 7 + shift)
        )
        by_hand = (to_query @ (x + p)) @ (to_key @ (y + r))
        evidence.close(added[shift], by_hand, ROUNDING, f"added embeddings by loops, shift {shift}")
    for text, value in (
        ("8.94", -known),
        ("26.3", -added.min()),
        ("12.5", added.max()),
        ("300", len(added) - 1),
    ):
        evidence.shows(text, value)


def test_decay(evidence):
    r"""Keys with covariance $\sigma^2$ times the identity spread the score by $\sigma\lVert q\rVert$ at every
    offset, others need not; equal contents give a sum of cosines, largest at 0; $k = R_{r_0}q$ moves the peak
    to $r_0$. The numbers for $q = k = (1, \dots, 1)$ hold."""
    chances, keys = oracles.isotropic(WIDTH, 0.7)
    law = dict(zip(map(bytes, keys), chances))
    each = [{"q": s.q, "R": TURNS, "r": r} for s in SAMPLES for r in (0, 1, 5, 12)]
    evidence.equation(
        "eq-rope-spread", ROUNDING, "30 weighted keys, skew", each=each, sets={"k": list(keys)},
        p=lambda k: law[bytes(np.ravel(k))], sigma=0.7,
    )  # fmt: skip
    means = [chances @ keys @ TURNS[r] @ SAMPLES[0].q for r in (0, 5, 12)]
    evidence.close(means, 0, ROUNDING, "mean score of the 30 keys")
    drawn, ones = np.random.default_rng(1).normal(size=(20_000, 64)), np.ones(64)
    spreads = [np.std(drawn @ m.turned(ones, r)) for r in (0, 10, 100, 500)]
    evidence.close(spreads, 8, 0.12, "20,000 normal keys, d = 64: spread against ‖q‖")
    lone = [np.std(drawn[:, 0] * m.turned(ones, r)[0]) for r in (0, 1)]
    evidence.bounded(abs(np.diff(lone)), "change of the spread, keys along one coordinate", low=0.1)
    each = [{"q": s.q, "u": s.u, "R": TURNS, "r": r} for s in SAMPLES for r in range(-12, 13)]
    given = {"theta": SPEEDS, "d": WIDTH}
    evidence.equation("eq-rope-equal", ROUNDING, "matrix exponentials", each=each, **given)
    level = [one for one in each if one["r"] == 0]
    evidence.equation("eq-rope-equal", ROUNDING, "equality at offset 0", each=level, tight=True, **given)
    for s, peak in product(SAMPLES, (1, 12, 200)):
        found = m.scores(s.q, oracles.rotation(peak, SPEEDS) @ s.q, np.arange(2000))
        evidence.close(found[peak], s.q @ s.q, ROUNDING, f"score at the chosen offset {peak}")
        lead = found[peak] - np.delete(found, peak)
        evidence.bounded(lead, "its lead over 1,999 other offsets", low=0, strict=True)
    found = [2 * sum(np.cos(r * angle) for angle in m.speeds(64)) for r in range(1001)]
    evidence.close(m.scores(ones, ones, np.arange(1001)), found, ROUNDING, "sums of cosines, ones")
    ups, least = int((np.diff(found) > 0).sum()), int(np.argmin(found))
    far = 500
    for text, value in (("64", found[0]), ("12.8", found[far]), ("490", ups), ("965", least)):
        evidence.shows(text, value)
    for text, value in (("2.8", -found[least]), ("1000", len(found) - 1), ("500", far)):
        evidence.shows(text, value)


def test_bound(evidence):
    r"""The paper's bound holds. The mean of the $|S_j|$ is as printed. For $d = 64$ and offsets 1 to 1,000
    the bound is below $\sum_j |h_j|$ for contents that fade out evenly, for which both agree at offset 0, and
    above it for ones and for each of 1,000 random pairs."""
    fading = np.arange(WIDTH // 2, 0, -1.0)
    every = [s.u * s.v.conj() for s in SAMPLES] + [np.full(WIDTH // 2, 2.0), fading]
    given = [oracles.bounded_sum(h, r, SPEEDS) for h in every for r in (0, 1, 7, 100, 1999)]
    each = [one | {"t": t} for one in given for t in range(1, WIDTH // 2 + 1)]
    sets = {"j": range(1, WIDTH + 1)}  # more than the condition admits
    evidence.equation("eq-rope-bound", ROUNDING, "cumulative sums", each=each, sets=sets, e=np.e)
    level = [one for one in each if one["r"] == 0][-1:]
    evidence.equation(
        "eq-rope-bound", ROUNDING, "fading, offset 0", tight=True, each=level, sets=sets, e=np.e
    )
    angles, offsets = m.speeds(64), np.arange(1, 1001)
    for text, r in (("16.5", 0), ("5.73", 50), ("7.47", 100), ("3.04", 500), ("6.15", 5000)):
        evidence.shows(str(r), r)
        rows = np.exp(1j * r * angles)
        evidence.shows(text, np.mean([abs(rows[:j].sum()) for j in range(1, 33)]))
    q, k = m.paired(np.random.default_rng(0).normal(size=(2, 1000, 64)))
    fading, ones = np.arange(32, 0, -1.0), np.full(32, 2.0)
    ratio = {
        name: oracles.right_sides(h, offsets, angles) / abs(h).sum(-1)
        for name, h in {"fading": fading, "ones": ones, "random": q * k.conj()}.items()
    }
    evidence.close(oracles.right_sides(fading, [0], angles), fading.sum(), ROUNDING, "fading, offset 0")
    evidence.bounded(ratio["fading"], "the bound over Σ|h|, fading", high=1, strict=True)
    for name in ("ones", "random"):
        evidence.bounded(ratio[name], f"the bound over Σ|h|, {name}", low=1, strict=True)
    for text, value in (("1000", len(offsets)), ("1000", len(q)), ("64", 2 * len(angles))):
        evidence.shows(text, value)


def test_pairing(evidence):
    r"""Pairing $j$ with $j + d/2$ is pairing neighbours after a permutation of the coordinates, the scores
    are equal; $x \odot c_m + Jx \odot s_m$ is the rotation."""
    P, half = oracles.halves_first(WIDTH), WIDTH // 2
    J = np.kron(np.eye(half), [[0, -1], [1, 0]])
    turns = {}
    for place, angles in ((place, place * SPEEDS) for place in TURNS):
        cos, sin = np.diag(np.cos(angles)), np.diag(np.sin(angles))
        turns[place] = np.block([[cos, -sin], [sin, cos]])
    each = [one | {"P": P, "R_prime": turns} for one in placed()]
    evidence.equation("eq-rope-halves", ROUNDING, "block matrices of the halves", each=each)
    waves = {place: np.repeat([np.cos(place * SPEEDS), np.sin(place * SPEEDS)], 2, axis=1) for place in TURNS}
    c, s = ({place: rows[row] for place, rows in waves.items()} for row in (0, 1))
    evidence.equation("eq-rope-code", ROUNDING, "entry by entry", each=placed(), J=J, c=c, s=s)


def test_rounding(evidence):
    r"""bfloat16 makes 256 of 257 and keeps each 32nd whole number from 4,096 to 8,192. With everything in it
    the angles up to position 4,096 are off by up to 14.4 radians, in float32 by less than 0.001. With exact
    or rounded $\theta_j$ the score of the figure is one number at every place, with all rounded it is not."""
    whole = m.bfloat16(np.arange(8193))
    kept = np.unique(whole)
    evidence.equal(kept[:257].tolist(), list(range(257)), "whole numbers up to 256")
    evidence.equal(whole[257], 256.0, "257 rounded")
    evidence.equal(np.unique(np.diff(kept[kept >= 4096])).tolist(), [32.0], "steps from 4,096 to 8,192")
    places = np.arange(4097)
    exact = places[:, None] * 10_000.0 ** (-np.arange(32) / 32)
    off = abs(m.rounded(places, 64, "products") - exact)
    single = places[:, None].astype(np.float32) * m.speeds(64).astype(np.float32)
    small = 0.001
    evidence.bounded(abs(single - exact), "error in float32, radians", high=small)
    evidence.bounded(off.max() / (2 * np.pi), "turns of error in bfloat16", low=2)
    x, _, to_query, _ = m.example()
    known = m.scores(to_query @ x, to_query @ x, 10)
    plain, speeds, products = (m.drifting_scores(how)[1] for how in ("exact", "speeds", "products"))
    evidence.close(plain, known, ROUNDING, "exact angles, every place, against the offset alone")
    evidence.close(speeds, speeds[0], ROUNDING, "θ in bfloat16, every place against the first")
    for text, value in (("256", kept[256]), ("257", 257), ("32", kept[-1] - kept[-2]), ("14.4", off.max())):
        evidence.shows(text, value)
    for text, value in (("64", 2 * off.shape[1]), ("4096", places[-1]), ("8192", kept[-1]), ("0.001", small)):
        evidence.shows(text, value)
    for text, value in (("43.07", known), ("43.03", speeds[0])):
        evidence.shows(text, value)
    for text, value in (("34.8", products.min()), ("50.1", products.max())):
        evidence.shows(text, value)


def test_general(evidence):
    r"""The powers of five random rotations of $\R^8$ are $Q R_m Q^\top$ with the angles of their planes; $Q$
    can be absorbed into the projections; with a tenth of the identity added they lose the property."""
    for seed, s in enumerate(SAMPLES):
        G = special_ortho_group.rvs(WIDTH, random_state=seed)
        angles, Q = oracles.planes(G)
        turns = {place: oracles.rotation(place, angles) for place in range(7)}
        each = [{"m": place} for place in turns]
        evidence.equation("eq-rope-general", ROUNDING, "real Schur form", each=each, G=G, Q=Q, R=turns)
        acted = (np.linalg.matrix_power(G, 3) @ s.W_q @ s.x) @ (np.linalg.matrix_power(G, 5) @ s.W_k @ s.y)
        absorbed = (turns[3] @ Q.T @ s.W_q @ s.x) @ (turns[5] @ Q.T @ s.W_k @ s.y)
        evidence.close(absorbed, acted, 1e-10, "scores with Q absorbed, positions 3 and 5")
        bent = G + 0.1 * np.eye(WIDTH)
        drift = [np.linalg.matrix_power(bent, p).T @ np.linalg.matrix_power(bent, p + 2) for p in (0, 3)]
        evidence.bounded(abs(drift[0] - drift[1]).max(), "change with the place, not orthogonal", low=0.01)


def test_toy(evidence):
    """In the plane, with an angle of 30 degrees, q = (1, 0) and k = (1, 1) score −1 at (2, 5) and (7, 10)
    and 1 at (5, 2)."""
    theta, q, k = sp.pi / 6, sp.Matrix([1, 0]), sp.Matrix([1, 1])

    def turn(place):
        return sp.Matrix(
            [[sp.cos(place * theta), -sp.sin(place * theta)], [sp.sin(place * theta), sp.cos(place * theta)]]
        )

    found = [(turn(first) * q).dot(turn(second) * k) for first, second in ((2, 5), (7, 10), (5, 2))]
    evidence.exact([score - known for score, known in zip(found, (-1, -1, 1))], "SymPy's rotations")
    before = r"\operatorname{Re}((1 - \mathrm{i})(-\mathrm{i})) = \operatorname{Re}(-\mathrm{i} - 1) = -1"
    after = r"\operatorname{Re}((1 - \mathrm{i})\, \mathrm{i}) = \operatorname{Re}(\mathrm{i} + 1) = 1"
    for printed in (before, after):
        evidence.equation(evidence.sentence(printed), 0, "the page's complex products")


def test_values(evidence):
    """Rotated values, with the output rotated back, are values rotated by their offsets; without rotating
    back, a shift of the text turns the output."""
    rng = np.random.default_rng(0)
    a, v = rng.dirichlet(np.ones(12), 12), rng.normal(size=(12, WIDTH))
    each = [{"m": place} for place in range(1, 13)]
    sets = {"n": range(1, 13)}
    evidence.equation("eq-rope-values", ROUNDING, "random weights", each=each, sets=sets, a=a, v=v, R=TURNS)
    here, moved = (sum(a[0, n] * m.turned(v[n], n + shift) for n in range(12)) for shift in (0, 5))
    evidence.close(moved, TURNS[5] @ here, ROUNDING, "output of a text moved by 5")
    evidence.bounded(abs(moved - here).max(), "its distance from the output before", low=0.1)


def test_cache(evidence):
    """Counting all positions anew changes no score; counting only the query's anew does."""
    for s in SAMPLES:
        keys = np.array([m.turned(s.k, place) for place in range(5, 12)])
        score = keys @ m.turned(s.q, 12)
        back = np.array([TURNS[-5] @ key for key in keys])
        evidence.close(back @ m.turned(s.q, 7), score, ROUNDING, "keys and query turned back by 5")
        evidence.bounded(abs(keys @ m.turned(s.q, 7) - score).max(), "query alone turned back", low=0.1)


@pytest.mark.library("transformers", "torch")
def test_library_rotations(evidence):
    """Llama of transformers rotates the pairs $(j, j + d/2)$, GPT-J and RoFormer neighbours, all as the
    printed formula says."""
    import torch
    from transformers.models.gptj import modeling_gptj as gptj
    from transformers.models.llama import modeling_llama as llama
    from transformers.models.roformer.modeling_roformer import RoFormerSelfAttention as roformer

    heads, places, width = 2, 100, 16
    x = torch.randn(1, heads, places, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    table = gptj.create_sinusoidal_positions(places, width).double()[None]
    sin, cos = table.chunk(2, -1)
    network = oracles.model("llama", "float32", hidden_size=64).model  # heads of 16
    full = [part.double() for part in network.rotary_emb(x.float(), torch.arange(places)[None])]
    found = {
        "GPT-J": gptj.apply_rotary_pos_emb(x.transpose(1, 2), sin, cos).transpose(1, 2),
        "RoFormer": roformer.apply_rotary_position_embeddings(table[:, None], x, x)[0],
        "Llama": llama.apply_rotary_pos_emb(x, x, *full)[0],
    }
    P = oracles.halves_first(width)
    J, angles = np.kron(np.eye(width // 2), [[0, -1], [1, 0]]), np.outer(range(places), m.speeds(width))
    c, s = (dict(enumerate(np.repeat(wave(angles), 2, axis=1))) for wave in (np.cos, np.sin))
    formula = evidence.printed("eq-rope-code").function(side=1)
    for name, turned in found.items():
        order = P if name == "Llama" else np.eye(width)
        rows = (x[0].numpy() @ order).swapaxes(0, 1)  # position first
        known = np.array([[formula(x=row, m=p, c=c, s=s, J=J) for row in rows[p]] for p in range(places)])
        known = known.swapaxes(0, 1)[None] @ order.T
        evidence.close(turned.numpy(), known, 2e-4, f"{name}, {places} positions, angles in float32")


@pytest.mark.library("transformers", "torch")
def test_llama_attention(evidence):
    """A random Llama attends with the printed scores in every layer and head and mixes values that are not
    rotated; the vectors that enter its first layer do not depend on positions."""
    network = oracles.model("llama")
    moved = oracles.run(network, shift=50).hidden_states[0].numpy()
    with oracles.outputs(network) as put_out:
        out = oracles.run(network, output_attentions=True)
    evidence.close(moved, out.hidden_states[0].numpy(), 0, "input of layer 1, positions moved by 50")
    score = evidence.printed("eq-rope-score").function(side=0, conjugate=True)
    layers = zip(network.model.layers, out.hidden_states, out.attentions, put_out)
    for number, (layer, states, found, mixed) in enumerate(layers, 1):
        q, k, v = oracles.projected(layer, states)
        width, half = q.shape[-1], q.shape[-1] // 2
        left, right = (x[..., :half] + 1j * x[..., half:] for x in (q, k))
        given = {"theta": m.speeds(width), "d": width, "e": np.e}
        for h, weights in enumerate(found[0].numpy()):
            rows = np.full(weights.shape, -np.inf)
            for first, second in zip(*map(np.ndarray.tolist, np.tril_indices(len(rows)))):
                own = {"u": left[h, first], "v": right[h, second], "m": first, "n": second}
                rows[first, second] = score(**own, **given) / np.sqrt(width)
            route = f"layer {number}, head {h + 1}: softmax of the printed scores"
            evidence.close(softmax(rows, axis=-1), weights, 1e-5, route)
        plain = np.concatenate(list(found[0].numpy() @ v), axis=-1)
        evidence.close(mixed, plain, 1e-6, f"layer {number}: what the heads put out, plain values mixed")


@pytest.mark.library("transformers", "torch")
def test_model_shift(evidence):
    """Moving all positions by 100 leaves the output of a random Llama, and changes that of GPT-2."""
    change, far = {}, 100
    for name in ("llama", "gpt2"):
        network = oracles.model(name)
        before, after = (oracles.run(network, shift).logits.numpy() for shift in (0, far))
        change[name] = abs(after - before).max()
    evidence.close(change["llama"], 0, 1e-4, "Llama, logits at 12 positions, angles in float32")
    evidence.bounded(change["gpt2"], "GPT-2, the same", low=0.1)
    evidence.shows("100", far)


@pytest.mark.library("transformers", "torch")
def test_mixed_pairing(evidence):
    """A random Llama that pairs neighbours gives another output, and the same again once the rows of its
    query and key projections are permuted."""
    network = oracles.model("llama")
    before = oracles.run(network).logits.numpy()
    with oracles.neighbours_paired():
        mixed = oracles.run(network).logits.numpy()
        oracles.permute_rows(network)
        mended = oracles.run(network).logits.numpy()
    evidence.bounded(abs(mixed - before).max(), "neighbours paired, rows as they were", low=0.1)
    evidence.close(mended, before, 1e-9, "neighbours paired, rows permuted")


@pytest.mark.library("transformers", "torch")
def test_library_precision(evidence, tmp_path):
    """A Llama made or loaded with dtype bfloat16 keeps its angles per position in float32; its
    method to(torch.bfloat16) rounds them: at position 4,096 some angles are 1.79 radians off, $d = 64$."""
    import torch
    import transformers

    config = transformers.AutoConfig.for_model("llama", **oracles.SHAPE | oracles.OWN["llama"], head_dim=64)
    made = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    made.save_pretrained(tmp_path)
    loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    for name, network in (("made", made), ("loaded", loaded)):
        kinds = [network.lm_head.weight.dtype, network.model.rotary_emb.inv_freq.dtype]
        evidence.equal(kinds, [torch.bfloat16, torch.float32], f"weights and angles, {name} in bfloat16")
    cast = loaded.to(torch.bfloat16).model.rotary_emb.inv_freq
    evidence.equal(cast.dtype, torch.bfloat16, "the angles after .to(torch.bfloat16)")
    evidence.close(m.bfloat16(m.speeds(64)), cast.double().numpy(), 0, "the rounding of the figures")
    off = abs(4096 * (cast.double().numpy() - m.speeds(64))).max()
    for text, value in (("1.79", off), ("4096", 4096), ("64", 2 * len(cast))):
        evidence.shows(text, value)
