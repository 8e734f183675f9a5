"""Reading and evaluating the equations of a page."""

import re

import numpy as np
import pytest
import sympy
from checking.evidence import Evidence
from conftest import ROOT
from maths.equations import EquationError, find

PAGES = sorted((ROOT / "docs").glob("q*/*/index.md"))
Y = {"y": range(3), "cdot": range(3)}
P, Q = np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.25, 0.25])


@pytest.fixture
def page(tmp_path):
    """Return a function that writes one equation to a page and gives its evidence."""

    def make(tex: str) -> Evidence:
        path = tmp_path / "index.md"
        path.write_text(f"# Page\n\n$$\n{tex}\n\\label{{eq-a}}\n$$\n")
        return Evidence(path)

    return make


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_every_labelled_equation_is_read(path):
    """Every labelled equation of the site parses."""
    labels = re.findall(r"\\label\{(eq-[\w-]+)\}", path.read_text())
    assert [find(path, label).label for label in labels] == labels


@pytest.mark.parametrize(
    ("tex", "values"),
    [
        (r"f = \frac{a + b}{2} - a / b", {"f": 1.0, "a": 2.0, "b": 2.0}),
        (r"f = -2 x^2 y + \lvert y \rvert", {"f": -9.0, "x": 1.0, "y": -3.0} | {"f": 9.0}),
        (r"f = e^{-z} \log a", {"f": np.exp(-2.0) * np.log(3), "z": 2.0, "a": 3.0}),
        (r"f = \beta \log Z_r(x) - 1", {"f": 0.5 * np.log(7) - 1, "beta": 0.5, "Z_r": lambda x: x, "x": 7.0}),
        (r"f = P (1 - P)", {"f": 0.21, "P": 0.3}),
        (r"f = P (1 - P)^2", {"f": 0.147, "P": 0.3}),
        (r"f = p^k (1 - p) + \frac1n(x + p)", {"f": 0.49 * 0.3 + 2.7 / 5, "p": 0.7, "k": 2, "x": 2, "n": 5}),
        (r"f = \sum_{i=1}^n (w - i) q", {"f": 4 * 6, "n": 4, "w": 4, "q": 4}),
        (r"f = \frac{d}{n} + \frac{d_k}{n}", {"f": 3.0, "d": 4, "d_k": 2, "n": 2}),
        (r"\begin{aligned} f &\le g \\ &\quad - c \end{aligned}", {"f": 1, "g": 3, "c": 2}),
        (
            r"\begin{aligned} f &= a \quad b = c \\[0.4em] -c &= d . \end{aligned}",
            {"f": 1, "a": 1, "b": 2, "c": 2, "d": -2},
        ),
        (
            r"f = \begin{cases} a, & a > 0, \\[0.4em] -a, & a \le 0 \end{cases} .",
            {"f": [2, 3], "a": np.array([2, -3]), "each": "f a"},
        ),
        (
            r"f = \begin{cases} z^a & z \geq 0 \\ -(-z)^a & z < 0 \end{cases}",
            {"f": np.array([2, -2]), "z": np.array([4.0, -4.0]), "a": 0.5, "each": "f z"},
        ),
        (
            r"f = \begin{cases} -A & A \geq 0 \\ A^2 & A < 0 \end{cases}",
            {"f": [-2, 9], "A": np.array([2, -3]), "each": "f A"},
        ),
        (r"f = \min(q, 1+\varepsilon), \qquad g = \max(q, 1)", {"f": 1.2, "g": 2, "q": 2, "varepsilon": 0.2}),
        (r"f \le g \le 2", {"f": 2, "g": 2}),
        (r"f = \sum_{j=1}^n j^2", {"f": 14, "n": 3}),
        (r"p_i = \frac{z_i}{\sum_{j=1}^n z_j}", {"z": P * 8, "p": P, "i": (1, 2, 3), "n": 3, "each": "i"}),
        (r"f = \softmax(z)_i", {"f": [0.25, 0.75], "z": np.log([1.0, 3.0]), "i": (1, 2), "each": "f i"}),
        (r"v'_+(x) + x^* = 3", {"v_prime_plus": lambda x: x, "x": 1, "x_star": 2}),
    ],
)
def test_equation_holds(page, tex, values):
    """An equation holds for right values, and no longer if one value is changed."""
    page(tex).equation("eq-a", 1e-12, "by hand", **values)
    number = next(name for name in values if not callable(values[name]))
    with pytest.raises(AssertionError):
        page(tex).equation("eq-a", 1e-12, "by hand", **values | {number: np.add(values[number], 0.3)})


def test_sums_expectations_and_divergences(page):
    """Sums, expectations and divergences run over the named sets."""
    p, q = (lambda y, x: P[y]), (lambda y, x: Q[y])
    mean, kl = 0.3 + 1.0, np.sum(P * np.log(P / Q))
    scope = {"p": p, "q": q, "x": 0, "m": mean, "k": kl}
    evidence = page(r"m = \E_{y \sim p(\cdot \mid x)}[y] = \sum_y p(y \mid x) y")
    evidence.equation("eq-a", 1e-12, "by hand", sets=Y, **scope)
    evidence = page(r"k = \KL(p(\cdot \mid x) \,\|\, q(\cdot \mid x))")
    evidence.equation("eq-a", 1e-12, "by hand", sets=Y, **scope)


@pytest.mark.parametrize(
    ("tex", "values", "words"),
    [
        (r"f = \frac{a", {}, "expected '}'"),
        (r"f = \int_0^1 x", {}, "an integral is not computed"),
        (r"f = a b", {"f": 1, "a": 1}, "the symbol 'b' has no value"),
        (r"f = \sum_y y", {"f": 1}, "'y' has no set"),
        (r"f = g(a, b)", {"f": 1, "a": 1, "b": 2, "g": 3}, "is not a function"),
        (r"a + b", {"a": 1, "b": 2}, "nothing is stated"),
        (r"a = b \\ b c", {"a": 1, "b": 1, "c": 1}, "nothing is stated"),
        (
            r"\begin{aligned} a &= b \\ & - c = d \end{aligned}",
            {"a": 1, "b": 1, "c": 1, "d": -1},
            "or does it go on with the row before",
        ),
        (r"f = x^10", {"f": 1, "x": 1}, "a number stands behind a factor"),
        (r"f = 163\,000", {"f": 163_000}, "a number stands behind a factor"),
        (r"f = e^\log x", {"f": 1, "x": 1}, "with no arguments as superscript"),
        (r"f = \frac{d", {"f": 1}, "HERE"),
        (r"f = \sum_i^n i", {"f": 1, "n": 1}, "has both its limits"),
        (r"f = \sum_{i=1} i", {"f": 1}, "has both its limits"),
        (r"f = \sum_{i=1}^{n/3} i", {"f": 1, "n": 4}, "needs whole numbers"),
        (r"f = \begin{cases} a & \text{perhaps} \end{cases}", {"f": 1, "a": 1}, "a case needs a condition"),
        (r"f = \softmax(w)_3", {"f": 0.5, "w": np.zeros(2)}, "none of 1, …, 2"),
        (r"f = a / b", {"f": 1, "a": 1, "b": 0}, "division by zero"),
    ],
)
def test_bad_equation_names_file_and_line(page, tex, values, words):
    """What cannot be read or evaluated is an error with file, line and reason."""
    with pytest.raises(EquationError, match=r"index\.md:4: equation eq-a: ") as error:
        page(tex).equation("eq-a", 1e-12, "by hand", **values)
    assert words in str(error.value)


def test_shapes_that_do_not_fit_name_the_equation(page):
    """Values of different shapes, or none, are an error at the place of the equation."""
    for f, g, words in ((2, 3, "the two sides of 2 and 3"), (0, 0, "nothing was compared")):
        with pytest.raises(EquationError, match=rf"index\.md:4: equation eq-a: .*{words}"):
            page("f = g").equation("eq-a", 1.0, "by hand", f=np.ones(f), g=np.ones(g))


def test_only_what_is_shown_runs(tmp_path):
    """An equation in a comment or in code is not found, and a label that is shown twice is refused."""
    path, shown = tmp_path / "index.md", "$$ \n2 = 2\n\\label{eq-a}\n$$  \n"
    hidden = shown.replace("2 = 2", "1 = 1")
    path.write_text(f"<!--\n{hidden}-->\n\n```\n{hidden}```\n\n{shown}")
    assert find(path, "eq-a").tex.startswith("2 = 2")
    path.write_text(f"{shown}\n{hidden}")
    with pytest.raises(EquationError, match="stands at 2 displays"):
        find(path, "eq-a")


def test_label_of_another_page_is_named():
    """Asking a page for an equation it does not have says which page has it."""
    mine, other = PAGES[0], PAGES[-1]
    label = re.search(r"\\label\{(eq-[\w-]+)\}", other.read_text())[1]
    with pytest.raises(EquationError, match=re.escape(other.parent.name)):
        find(mine, label)
    with pytest.raises(EquationError, match="has no equation 'eq-nowhere'"):
        find(mine, "eq-nowhere")


@pytest.mark.parametrize("sign", ["<", ">"])
def test_strict_inequality_refuses_equality(page, sign):
    """A strict inequality between equal sides fails whatever the tolerance."""
    with pytest.raises(AssertionError):
        page(f"f {sign} 1").equation("eq-a", 1.0, "by hand", f=1)


def test_precedence(page):
    """Powers bind before products, products before sums; a function takes what stands behind it."""
    [relation] = find(page(r"a b^2 + \log c = 0").page, "eq-a").statements
    product, logarithm = relation.parts[0].parts
    assert (product.kind, product.parts[1].kind) == ("multiply", "power")
    assert (logarithm.kind, logarithm.parts[0].plain) == ("apply", "log")


def test_tight_inequality_must_be_attained(page):
    """With tight values an inequality must hold as an equality; without, as printed."""
    page(r"f \le g").equation("eq-a", 1e-12, "by hand", f=1, g=2)
    page(r"f \le g").equation("eq-a", 1e-12, "by hand", tight=True, f=2, g=2)
    with pytest.raises(AssertionError):
        page(r"f \le g").equation("eq-a", 1e-12, "by hand", tight=True, f=1, g=2)
    with pytest.raises(ValueError, match=r"index\.md:4: equation eq-a: a strict inequality is never tight"):
        page(r"f < g").equation("eq-a", 1e-12, "by hand", tight=True, f=1, g=1)


def test_overlapping_cases_must_agree(page):
    """Two conditions that hold at once are an error if their values differ, and fine if they agree."""
    cases = r"f = \begin{cases} -z & z \leq 0 \\ z & z \geq BOUND \end{cases}"
    z = np.array([-1, -0.5, 0, 2])
    page(cases.replace("BOUND", "0")).equation("eq-a", 1e-12, "by hand", each="f z", f=np.abs(z), z=z)
    with pytest.raises(EquationError, match="the conditions of its cases overlap"):
        page(cases.replace("BOUND", "-1")).identity("eq-a", "by hand", f=Z, z=Z)
    with pytest.raises(EquationError, match="the conditions of its cases overlap"):
        evidence = page(cases.replace("BOUND", "-1"))
        evidence.equation("eq-a", 1e-12, "by hand", each="f z", f=np.abs(z), z=z)


X, Z, A = sympy.symbols("x z A", real=True)
L, M, N = (sympy.Matrix(2, 2, sympy.symbols(f"{letter}:4", real=True)) for letter in "lmn")
V, W = (sympy.Matrix(sympy.symbols(f"{letter}:2", real=True)) for letter in "vw")
SYMBOLS = dict(zip("LMN", (sympy.MatrixSymbol(letter, 2, 2) for letter in "LMN")))


@pytest.mark.parametrize(
    ("tex", "wrong", "scope"),
    [
        (r"f'(x) = 2 x - e^{-x}", r"f'(x) = 2 x + e^{-x}", {"f_prime": lambda x: 2 * x - sympy.exp(-x)}),
        (r"f = \frac{1}{1 + e^{-z}}", r"f = \frac{1}{1 + e^z}", {"f": (sympy.tanh(Z / 2) + 1) / 2}),
        (r"\logit f = 0.5 z", r"\logit f = 2 z", {"f": 1 / (1 + sympy.exp(-Z / 2))}),
        (
            r"f = \begin{cases} A & A \geq 0 \\ -A & A < 0 \end{cases}",
            r"f = \begin{cases} A & A \geq 0 \\ A & A < 0 \end{cases}",
            {"f": sympy.Piecewise((A, A >= 0), (-A, True))},
        ),
        (
            r"f = \softmax(w)_i",
            r"f = \softmax(w)_k",
            {"f": 1 / (1 + sympy.exp(X - Z)), "w": [X, Z], "i": 2, "k": 1},
        ),
        (r"L(M + N) = L M + L N", r"L(M + N) = M L + L N", {"L": L, "M": M, "N": N}),
        (r"L(M + N) = L M + L N", r"L M = M L", SYMBOLS),
        (r"(L M)^\top = M^\top L^\top", r"(L M)^\top = L^\top M^\top", {"L": L, "M": M}),
        (r"v^\top L w = w^\top L^\top v", r"v^\top L w = w^\top L v", {"L": L, "v": V, "w": W}),
        (r"\|v\|_2^2 = v \cdot v = v_1^2 + v_2^2", r"\|v\|_2 = v \cdot v", {"v": V}),
        (r"L^{-1} L = I", r"L^{-1} M = I", {"L": L, "M": M, "I": sympy.eye(2)}),
        (
            r"\overline{e^{i x}} = e^{-i x}",
            r"\overline{e^{i x}} = e^{i x}",
            {"i": sympy.I, "conjugate": True},
        ),
        (r"f = \sum_{j=1}^3 j x^j", r"f = \sum_{j=1}^3 j x", {"f": X * sum(X**j for j in (1, 2, 3)).diff(X)}),
        (r"f = \clip(x, 0, z)", r"f = \clip(x, z, 0)", {"f": sympy.Min(sympy.Max(X, 0), Z)}),
        (
            r"f = \max(x, z) \min(x, 1)",
            r"f = \min(x, z) \max(x, 1)",
            {"f": sympy.Max(X, Z) * sympy.Min(X, 1)},
        ),
        (r"\binom{x}{2} = \frac{x (x - 1)}{2}", r"\binom{x}{2} = x (x - 1)", {}),
        (r"\det(L M) = \det(L) \det(M)", r"\det(L M) = \det(L)", {"L": L, "M": M}),
        (r"\operatorname{rank}(v w^\top) = 1", r"\operatorname{rank}(v w^\top) = 2", {"v": V, "w": W}),
        (r"\log_2 x = \frac{\ln x}{\ln 2}", r"\log_2 x = \ln x", {}),
        (r"\log_{10} x = \frac{\log x}{\log 10}", r"\log_{10} x = \log x", {}),
        (r"\sin(\arcsin x) = \cos(\arccos x) = \tan(\arctan x) = x", r"\cos(\arcsin x) = x", {}),
        (r"f = \lceil x \rceil", r"f = \lfloor x \rfloor", {"f": sympy.ceiling(X)}),
        (r"|x| = x \sgn(x)", r"|x| = x", {}),
        (
            r"\Re(x + \mathrm{i} z) = \Im(z + \mathrm{i} x)",
            r"\Re(x + \mathrm{i} z) = \Im(x + \mathrm{i} z)",
            {},
        ),
        (r"\mathrm{e}^x = \exp(x)", r"\mathrm{e} x = \exp(x)", {}),
        (r"\sigma(z) + \sigma(-z) = 1", r"\sigma(z) - \sigma(-z) = 1", {}),
        (r"g_x = e^x", r"g_x = e^z", {"g": sympy.exp}),
        (r"2^{m/n} = \sqrt[3]{2}", r"2^{n/m} = \sqrt[3]{2}", {"m": 1, "n": 3}),
        (r"(L M)_{1,2} = L_{1,1} M_{1,2} + L_{1,2} M_{2,2}", r"(L M)_{1,2} = L_{1,2} M_{1,2}", SYMBOLS),
        (
            r"f = \begin{cases} A & A \ne 0 \\ 1 & A = 0 \end{cases}",
            r"f = \begin{cases} 1 & A \ne 0 \\ A & A = 0 \end{cases}",
            {"f": sympy.Piecewise((1, sympy.Eq(A, 0)), (A, True))},
        ),
        (
            r"f = \begin{cases} 2 A & A > 1 \\ A + A & A > 0 \\ 0 & \text{otherwise} \end{cases}",
            r"f = \begin{cases} 2 A & A > 1 \\ A + A & A > 0 \\ 1 & \text{otherwise} \end{cases}",
            {"f": sympy.Piecewise((2 * A, A > 0), (0, True))},
        ),
    ],
)
def test_identity_is_proved_and_refused(page, tex, wrong, scope):
    """A right equation is proved from its TeX for all values of its symbols, a wrong one is refused."""
    scope = {"x": X, "z": Z, "A": A} | scope
    page(tex).identity("eq-a", "by hand", **scope)
    with pytest.raises(AssertionError, match=r"index\.md:4: the equation does not hold.*remainder"):
        page(wrong).identity("eq-a", "by hand", **scope)


def test_identity_takes_only_equalities(page):
    """An inequality is no identity, and says so with its place."""
    with pytest.raises(ValueError, match=r"index\.md:4: equation eq-a: only = can be proved"):
        page(r"x \le x").identity("eq-a", "by hand", x=X)


def test_what_a_check_reads_is_recorded(page):
    """An equation that is compared after another was read rests on it; one compared before does not."""
    evidence = page("f = 2 x\n\\label{eq-b}\n$$\n\n$$\nf = x + x")
    evidence.equation("eq-a", 0, "by hand", f=2, x=1)
    double = evidence.printed("eq-b").function()
    evidence.equation("eq-a", 0, "the other equation", f=double(x=3), x=3)
    assert [record.get("reads") for record in evidence.records] == [None, ["eq-b"]]


def test_side_of_an_equation_is_a_function(page):
    """A figure gets one side of an equation, as printed, as a function of its symbols."""
    path = page(r"f = a x, \qquad g = a + \max(x, 0)").page
    side = find(path, "eq-a").function(statement=1, each="x")
    assert side(a=1, x=np.array([-1, 2])).tolist() == [1, 3]
    with pytest.raises(EquationError, match="the symbol 'a' has no value: give it to the check$"):
        side(x=[1])
    assert isinstance(find(path, "eq-a").function(statement=1)(a=1, x=2), int)
