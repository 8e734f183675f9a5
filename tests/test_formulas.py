"""Mathematics is never silently wrong: every formula of the site is compared, as shown and as printed."""

import ctypes
import io
import json
import shutil
import unicodedata
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest
import typst
from conftest import ROOT, corpus, site_formulas
from lxml import html
from maths.typeset import typeset
from pages.lean import STYLES, lean
from PIL import Image, ImageFilter
from printing.compile import TEMPLATE
from scipy.optimize import linear_sum_assignment

WHOLE = ROOT / "scripts/node/node_modules/katex/dist"
COMPARE = ROOT / ".cache/print/compare"  # the pictures side by side, to look at
SIZE = 10.5  # points: the text of the printed sets

# What may differ between the two without being wrong: they write some signs with other characters. U+FE00 and
# U+FE01 choose the form of a letter. The rest cannot be seen.
SAME = str.maketrans(
    {"|": "∣", "∥": "‖", "⟂": "⊥", "⊧": "⊨", "≔": ":=", "→": "\u20d7", "ı": "i"}
    | {"ˉ": "\u0304", "^": "\u0302", "~": "\u0303", "˙": "\u0307", "ˇ": "\u030c"}
    | {"ˊ": "\u0301", "´": "\u0301", "ˋ": "\u0300", "˘": "\u0306", "˚": "\u030a", "\u00a8": "\u0308"}
    | {"\ue020": "\u0338", "\ue131": "i"}
    | dict.fromkeys("\u200b\u2061\u2063\ufe00\ufe01\ufffe")
)
# What the web draws as a picture or of several pieces has no place there to compare; that it is on both is.
PICTURED = set("√⏞⏟\u20d7←\u0338/()[]{}∣‖⌈⌉⌊⌋\u0302\u0303⎛⎜⎝⎞⎟⎠⎡⎢⎣⎤⎥⎦⎧⎨⎩⎪⎫⎬⎭")
# How far a character may stand from its place, in em: subscript and superscript are farther apart. Aside it
# is more, since small letters are a little wider in the font of the print, and rows are closer.
DOWN, ASIDE, WIDTH = 0.3, 0.5, 0.25
ROWS = 2.2  # em: the height of several rows
DOTS = 0.35  # em: by so much three dots are wider on the web

HARD = [  # a formula, and changes that make it slightly wrong, the larger one first
    (r"f = \begin{cases} -A \min(q, 1+\epsilon) & A > 0 \\ -A \max(q, 1) & A < 0 \end{cases}",
     [(r"\\ -A \max", r"\\ A \max"), ("A < 0", "0 < A")]),
    (r"\begin{aligned} v_f'(z) &= \frac{e^{-z}}{1 + e^{-z}} = \sigma \\ v_f''(z) &= -\sigma(z) \end{aligned}",
     [(r"\frac{e^{-z}}{1 + e^{-z}}", r"\frac{1 + e^{-z}}{e^{-z}}"), (r"-\sigma(z)", r"\sigma(z)")]),
    (r"\begin{aligned} \frac{dp_i}{dT} &= \frac{p_i(T)}{T^2} \\[0.6em] \mu &= -\frac{V}{T^2} \end{aligned}",
     [(r"\frac{V}{T^2}", r"\frac{T^2}{V}"), ("T^2", "T_2")]),
    (r"p_i(T) = \frac{p_i(1)^{1/T}}{\sum_{j=1}^n p_j(1)^{1/T}} .",
     [("p_i(1)^{1/T}", "p_i(1)_{1/T}"), ("_{j=1}^n", "_n^{j=1}")]),
    (r"\pi^*_{r_b^*}(y \mid x) = \frac{\piref(y \mid x)\, e^{r_a^*(x, y)/\beta}}{e^{h/\beta} Z_{r_a^*}(x)} .",
     [("e^{r_a^*(x, y)", "e_{r_a^*(x, y)"), ("r_b^*", "r^b_*")]),
    (r"-\KL(\pi \,\|\, \pi_r) = \sum_y \pi(y \mid x) \log\frac{\pi_r(y \mid x)}{\pi(y \mid x)} \le 0 .",
     [(r"-\KL", r"\KL"), (r"\frac{\pi_r(y \mid x)}{\pi(y", r"\frac{\pi(y \mid x)}{\pi_r(y")]),
    (r"\lvert v_b - v_a\rvert \le \tanh(\lvert\delta\rvert/4)",
     [("v_b - v_a", "v_b v_a"), ("v_b", "v^b")]),
    (r"\mathbb{E}_{y \sim \pi}[r(x, y)] - \beta \operatorname{KL}(\pi \,\|\, \pi_{\text{ref}})",
     [(r"_{\text", r"^{\text"), ("E}_", "E}^")]),
    (r"\mu \geq \left(\frac{1-p}{p}\right)^2",
     [(r"\frac{1-p}{p}", r"\frac{p}{1-p}"), ("^2", "_2")]),
    (r"\bar{r}(x, y) = \beta \log Z_r(x) = \beta \log\frac{\pi_r(y \mid x)}{\piref(y \mid x)} .",
     [(r"\frac{\pi_r(y \mid x)}{\piref(y", r"\frac{\piref(y \mid x)}{\pi_r(y"), (r"\bar{r}", "r")]),
    (r"\Delta = \sup_G r - \inf_B r",
     [("_G", "^G"), ("-", "")]),
    (r"v_f''(z) = -\sigma(z)\sigma(-z) < 0",
     [(r"= -\sigma", r"= \sigma"), ("_f''", "^f_{''}")]),
]  # fmt: skip
ALIKE = [  # the same letters in the same places, in another alphabet
    (r"\pi_{\mathrm{ref}}", [(r"\mathrm{ref}", "ref")]),
    (r"\mathbb{E}[r]", [(r"\mathbb{E}", "E")]),
    (r"\mathcal{M}^*", [(r"\mathcal{M}", "M")]),
    (r"\mathbf{R}^d", [(r"\mathbf{R}", r"\mathrm{R}")]),
]


def versions(tex: str, changes: list[tuple[str, str]]) -> list[str]:
    """Return the wrong versions of a formula."""
    assert all(old in tex for old, _ in changes)
    return [tex.replace(old, new, 1) for old, new in changes]


@dataclass
class Glyph:
    """A character where it stands: `x`, the base line `y` (downwards) and `size` in em."""

    character: str
    alphabet: str
    x: float
    y: float
    size: float
    stretched: bool = False

    @property
    def loose(self) -> bool:
        """Whether fonts place it by rules of their own: accents, dots, signs of another size."""
        return self.stretched or self.character in "⋮⋱" or unicodedata.combining(self.character) > 0


@dataclass
class Shown:
    """A formula as it is seen: its text in reading order, its glyphs, and the number of its rules."""

    text: str
    glyphs: list[Glyph]
    rules: int


# -- as the web shows it --------------------------------------------------------------------------

GLYPHS = """async () => {
  document.body.offsetHeight;  // fonts are asked for when text is laid out
  await document.fonts.ready;
  const context = document.createElement("canvas").getContext("2d"), ascents = {};
  const ascent = (font) => {
    if (!(font in ascents)) {
      context.font = font;
      ascents[font] = context.measureText("x").fontBoundingBoxAscent / 100;
    }
    return ascents[font];
  };
  return [...document.querySelectorAll(".formula")].map((formula) => {
    const em = parseFloat(getComputedStyle(formula.querySelector(".katex")).fontSize), found = [];
    const walker = document.createTreeWalker(formula.querySelector(".katex-html"), NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode()); ) {
      const style = getComputedStyle(node.parentElement), size = parseFloat(style.fontSize);
      const font = `${style.fontStyle} ${style.fontWeight} 100px ${style.fontFamily}`;
      let start = 0;
      if (style.color === "rgba(0, 0, 0, 0)") continue;  // a phantom
      for (const character of node.data) {
        const range = document.createRange();
        range.setStart(node, start);
        range.setEnd(node, (start += character.length));
        const box = range.getBoundingClientRect();
        found.push([character, font, box.left / em, box.top / em + (ascent(font) * size) / em, size / em]);
      }
    }
    return found;
  });
}"""
RULED = "frac-line overline-line underline-line sqrt fbox katex-hline vertical-separator".split()
RULES = " | ".join([".//line", *(f'.//*[contains(concat(" ", @class, " "), " {name} ")]' for name in RULED)])


def reading(element) -> str:
    """Return the text of MathML in the order in which Typst writes: above before below, root sign first."""
    if element.tag in ("annotation", "mphantom"):
        return ""
    parts = [element.text or "", *map(reading, element)]
    if element.tag in ("msubsup", "munderover"):
        _, base, below, above = parts
        parts = [base, above, below]
    if element.tag == "mroot":
        parts.reverse()
    sign = "√" if element.tag in ("msqrt", "mroot") else ""
    overline = element.tag in ("mover", "munder") and parts[-1] == "‾"  # a rule, not a character
    return sign + "".join(parts[:-1] if overline else parts)


def spelled(text: str) -> str:
    """Return text in plain letters, each mark behind its letter, without what cannot be seen."""
    text = unicodedata.normalize("NFKD", text.translate(SAME))
    return "".join(c for c in text if not c.isspace())


def font_alphabet(font: str) -> str:
    """Return the alphabet of a KaTeX font."""
    named = {
        "KaTeX_Math": "italic", "KaTeX_AMS": "double-struck", "KaTeX_Caligraphic": "script",
        "KaTeX_Script": "script", "KaTeX_Fraktur": "fraktur", "KaTeX_SansSerif": "sans-serif",
        "KaTeX_Typewriter": "monospace",
    }  # fmt: skip
    found = next((alphabet for name, alphabet in named.items() if name in font), "upright")
    if found in ("upright", "italic"):
        return "bold" if " 700 " in font else "italic" if "italic " in font else found
    return found


def on_the_web(browser, server, markup: list[str], pictured=False) -> tuple[list[Shown], list[Image.Image]]:
    """Return formulas as Chromium shows them with KaTeX's fonts, and pictures of them."""
    page = browser.new_context(device_scale_factor=3, viewport={"width": 1600, "height": 900}).new_page()
    # Whole, where the site has no more than its own formulas need; from one origin, so that they may be used.
    page.route(
        "**/assets/katex/**", lambda route: route.fulfill(path=WHOLE / route.request.url.split("/katex/")[1])
    )
    page.goto(server + "assets/katex/katex.min.css")
    page.set_content(
        f"<!doctype html><link rel=stylesheet href=/assets/katex/katex.min.css><style>{STYLES}"
        ".formula { font-size: 20px; padding: 14px; white-space: nowrap; }"
        ".katex-display { margin: 0; text-align: left !important; }</style>"
        + "".join(f'<div class="formula">{lean(one)}</div>' for one in markup)
    )
    shown = []
    for one, glyphs in zip(markup, page.evaluate(GLYPHS), strict=True):
        tree = html.fragment_fromstring(one, create_parent=True)
        found = [
            Glyph(c, font_alphabet(font), *place, stretched="KaTeX_Size" in font)
            for character, font, *place in glyphs
            for c in spelled(character)
        ]  # fmt: skip
        shown.append(Shown(spelled(reading(tree.find(".//math"))), found, len(tree.xpath(RULES))))
    boxes = page.locator(".formula").all() if pictured else []
    pictures = [Image.open(io.BytesIO(box.screenshot())) for box in boxes]
    page.context.close()
    return shown, pictures


# -- as it is printed -----------------------------------------------------------------------------


def sheet(folder, forms: list[tuple[str, bool]], **options):
    """Compile formulas in the style of the printed sets, one a page."""
    shutil.copy(TEMPLATE, folder / "print.typ")
    shown = [
        f"#math.equation(block: {str(display).lower()}, alt: {json.dumps('a formula')}, ${form}$)"
        for form, display in forms
    ]
    (folder / "sheet.typ").write_text(
        '#import "print.typ": *\n'
        '#show: set-of.with("", "", (), "", (year: 2000, month: 1, day: 1), false, false)\n'
        "#set page(width: auto, height: auto, margin: 10pt, header: none, footer: none)\n"
        + "\n#pagebreak()\n".join(shown)
    )
    return typst.compile(str(folder / "sheet.typ"), root=str(folder), ignore_system_fonts=True, **options)


def letter_alphabet(letter: str) -> str:
    """Return the alphabet of a mathematical letter."""
    name = unicodedata.name(letter, "")
    named = ("DOUBLE-STRUCK", "SCRIPT", "FRAKTUR", "SANS-SERIF", "MONOSPACE", "BOLD", "ITALIC")
    # Letters that are not named as their alphabets are.
    single = {"ℎ": "italic", "ℓ": "upright", "ℜ": "upright", "ℑ": "upright"}
    return single.get(letter) or next((a.lower() for a in named if a in name), "upright")


def printed_glyphs(text: pdfium.PdfTextPage) -> list[Glyph]:
    """Return the characters of a page of a PDF file, each with its place."""
    found, high = [], 0
    for index in range(raw.FPDFText_CountChars(text)):
        code = raw.FPDFText_GetUnicode(text, index)
        if 0xD800 <= code < 0xDC00:  # the first half of a character
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high - 0xD800) << 10) + code - 0xDC00
        x, y = ctypes.c_double(), ctypes.c_double()
        raw.FPDFText_GetCharOrigin(text, index, x, y)
        place = x.value / SIZE, -y.value / SIZE, raw.FPDFText_GetFontSize(text, index) / SIZE
        found += [Glyph(c, letter_alphabet(chr(code)), *place) for c in spelled(chr(code))]
    return found


def on_paper(folder, forms: list[tuple[str, bool]]) -> list[Shown]:
    """Return formulas as they stand in a PDF file."""
    document = pdfium.PdfDocument(sheet(folder, forms, format="pdf"))
    assert len(document) == len(forms)
    shown = []
    for page in document:
        text = page.get_textpage()
        rules = sum(1 for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH]))
        shown.append(Shown(spelled(text.get_text_range()), printed_glyphs(text), rules))
    return shown


# -- the comparison -------------------------------------------------------------------------------


def width(glyphs: list[Glyph]) -> float:
    """Return the distance from the first to the last character that is no accent."""
    return np.ptp([g.x for g in glyphs if not unicodedata.combining(g.character)])


def matched(web: list[Glyph], paper: list[Glyph]) -> list[tuple[Glyph, Glyph, float, float]]:
    """Return equal characters in the pairing that moves them least, with how far each is moved.

    Both are first made equally wide, those of several rows also equally high, and laid on each other at the
    height on which most of them agree.
    """
    a, b = (np.array([[g.x, g.y, g.size] for g in one]) for one in (web, paper))
    for one, glyphs in ((a, web), (b, paper)):
        one[:, 0] = (one[:, 0] - min(g.x for g in glyphs)) / max(width(glyphs), 1e-9) * width(paper)
        one[:, 1] -= one[:, 1].mean()
    low, high = sorted([np.ptp(a[:, 1]), np.ptp(b[:, 1])])
    if low > ROWS and low > 0.75 * high:
        a[:, 1] *= np.ptp(b[:, 1]) / np.ptp(a[:, 1])
    other = [[1e6 * (g.character != h.character) for h in paper] for g in web]
    cost = ((a[:, None] - b[None]) ** 2).sum(axis=2) + other
    first, second = linear_sum_assignment(cost)
    aside, down = (a[first] - b[second])[:, :2].T
    down -= np.median(down)
    return [(web[i], paper[j], *moved) for i, j, *moved in zip(first, second, aside, down, strict=True)]


def differences(web: Shown, paper: Shown) -> list[str]:
    """Say in what a printed formula differs from the one on the web."""
    if Counter(web.text) != Counter(paper.text):
        return [f"other characters: {web.text} on the web, {paper.text} on paper"]
    found = []
    if web.rules != paper.rules:
        found.append(f"{web.rules} rules on the web, {paper.rules} on paper")
    counts = [Counter(g.character for g in one.glyphs) for one in (web, paper)]
    apart = {c for c in counts[0] | counts[1] if counts[0][c] != counts[1][c]}
    if apart - PICTURED:
        return [*found, f"other glyphs: {apart - PICTURED}"]
    alike = [[g for g in one.glyphs if g.character not in apart] for one in (web, paper)]
    for g, h, aside, down in matched(*alike):
        if g.character.isalpha() and g.alphabet != h.alphabet:
            found.append(f"{g.character} is {g.alphabet} on the web, {h.alphabet} on paper")
        if not g.loose and abs(g.size - h.size) > 0.01:
            found.append(f"{g.character} has size {g.size:.2f} on the web, {h.size:.2f} on paper")
        if not g.loose and (abs(aside) > ASIDE or abs(down) > DOWN):
            found.append(f"{g.character} is moved by {aside:.2f} em to the side, {down:.2f} em downwards")
    a, b = map(width, alike)
    if abs(a - b) > max(WIDTH, 0.1 * a) + DOTS * web.text.count("..."):
        found.append(f"{a:.2f} em wide on the web, {b:.2f} em on paper")
    return found


def test_every_formula_is_printed_as_shown(browser, server, tmp_path):
    """All formulas have on paper the web's characters, order, alphabets, sizes, places and rules."""
    formulas = [*site_formulas(), *((tex, True) for texs in corpus().values() for tex in texs)]
    assert len(formulas) > 1200
    made = typeset(formulas)
    shown, _ = on_the_web(browser, server, [one.html for one in made])
    papers = on_paper(tmp_path, [(one.typst, display) for one, (_, display) in zip(made, formulas)])
    compared = zip(formulas, shown, papers, strict=True)
    wrong = {tex: found for (tex, _), web, paper in compared if (found := differences(web, paper))}
    assert not wrong, "\n".join(f"{tex}: {found}" for tex, found in wrong.items())


@pytest.fixture(scope="module")
def hard(browser, server):
    """Give the chosen formulas as the web shows them, and their pictures."""
    results = typeset([(tex, True) for tex, _ in HARD + ALIKE])
    return on_the_web(browser, server, [result.html for result in results], pictured=True)


def test_a_slightly_wrong_formula_is_noticed(hard, tmp_path):
    """Chosen formulas show no difference, and each version with a part moved, lost or swapped shows one."""
    every = [tex for right, changes in HARD + ALIKE for tex in (right, *versions(right, changes))]
    forms = [(one.typst, True) for one in typeset([(tex, True) for tex in every])]
    papers = dict(zip(every, on_paper(tmp_path, forms), strict=True))
    for (right, changes), web in zip(HARD + ALIKE, hard[0], strict=True):
        assert differences(web, papers[right]) == [], right
        assert [w for w in versions(right, changes) if not differences(web, papers[w])] == []


# -- pictures -------------------------------------------------------------------------------------

HEIGHT = 160  # pixels


def ink(picture: Image.Image) -> Image.Image:
    """Crop a picture to what is drawn on it, white on black."""
    drawn = picture.convert("L").point(lambda grey: 255 - grey)
    return drawn.crop(drawn.point(lambda light: 255 * (light > 60)).getbbox())


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Return the correlation of two blurred pictures, both brought to the form of the first."""
    form = round(one.width * HEIGHT / one.height), HEIGHT
    blurred = [p.resize(form, Image.LANCZOS).filter(ImageFilter.GaussianBlur(5)) for p in (one, other)]
    return float(np.corrcoef(*(np.asarray(p, float).ravel() for p in blurred))[0, 1])


def beside(web: Image.Image, paper: Image.Image) -> Image.Image:
    """Return one picture above the other, equally high, black on white."""
    both = [p.resize((round(p.width * HEIGHT / p.height), HEIGHT), Image.LANCZOS) for p in (web, paper)]
    page = Image.new("L", (max(p.width for p in both) + 40, 2 * HEIGHT + 60))
    for index, picture in enumerate(both):
        page.paste(picture, (20, 20 + index * (HEIGHT + 20)))
    return page.point(lambda light: 255 - light)


def test_pictures_side_by_side(hard, tmp_path):
    """The picture of a formula on the web is like its print, more than like its first wrong version."""
    every = [tex for right, changes in HARD for tex in (right, versions(right, changes)[0])]
    forms = [(one.typst, True) for one in typeset([(tex, True) for tex in every])]
    pages = [ink(Image.open(io.BytesIO(page))) for page in sheet(tmp_path, forms, format="png", ppi=300)]
    shutil.rmtree(COMPARE, ignore_errors=True)
    COMPARE.mkdir(parents=True)
    # A mark of a few pixels is for the test of places; a picture shows larger faults.
    for number, (tex, picture) in enumerate(zip(every[::2], hard[1])):
        web, right, wrong = ink(picture), *pages[2 * number : 2 * number + 2]
        beside(web, right).save(COMPARE / f"{number:02}.png")
        assert likeness(web, right) > max(0.55, likeness(web, wrong)), tex
