"""Cut the fonts of text to the characters that the site shows, and write the styles that load them."""

import base64
import io
import re
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import chain, product
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont
from paper.jobs import memory
from paper.parts import DOCS, SCRIPTS, digest

MODULES = SCRIPTS / "node" / "node_modules"
ASCII = frozenset(map(chr, range(0x20, 0x7F)))
FEATURES = ["ccmp", "kern", "liga", "tnum"]
SMALL = 2500  # bytes: a face up to this size travels in the style sheet
SCRIPTS_IN_USE = ("latin", "latin-ext", "greek")
# The faces of each family: its package, the style, and the weights in use.
FACES = {
    "Source Serif": [("source-serif-4", "normal", (400, 700)), ("source-serif-4", "italic", 400)],
    "Inter": [("inter", "normal", (400, 720))],
    "JetBrains Mono": [("jetbrains-mono", "normal", 400)],
}
# What stands in for a family, with the mean width of a letter in em by the tables of capsize 4.3: fonts of
# Windows and macOS, of Android, and of Linux, where those of Liberation are as wide as Times and Arial.
STANDING_IN = {
    "Source Serif": {("Georgia",): 0.4458, ("Noto Serif", "NotoSerif-Regular"): 0.481,
                     ("Times New Roman", "Liberation Serif"): 0.4063},
    "Inter": {("Segoe UI",): 0.4434, ("Roboto", "Roboto-Regular"): 0.4448,
              ("Arial", "Liberation Sans"): 0.4458},
}  # fmt: skip
CUTS = {  # the end of the full name of a font → what it is for
    "": "font-weight:100 550;font-style:normal",
    " Bold": "font-weight:551 900;font-style:normal",
    " Italic": "font-weight:100 550;font-style:italic",
    " Bold Italic": "font-weight:551 900;font-style:italic",
}
WIDTH = {"Source Serif": 0.479, "Inter": 0.4775}  # of ours, by the same tables
FORMULA = re.compile(r'<span class="math" data-formula.*?</span>', re.DOTALL)
MARKUP = re.compile(r"<[^>]*>")


@memory.cache
def narrowed(name: str, version: str, weights: int | tuple[int, int]) -> bytes:
    """Return a variable font of a package as a file that keeps a range of weights, or is fixed at one."""
    font = TTFont(MODULES / name, recalcTimestamp=False)
    return saved(instantiateVariableFont(font, {"wght": weights}), None)


@memory.cache
def cut(name: str, version: str, wanted: str, weights: int | tuple[int, int] | None) -> tuple[bytes, str]:
    """Return a font of a package with the wanted characters alone as WOFF2, and those that it has.

    A variable font keeps a range of weights, or is fixed at one. `version` is a digest of the sources.
    """
    whole = io.BytesIO(narrowed(name, version, weights)) if weights else MODULES / name
    font = TTFont(whole, recalcTimestamp=False)
    has = "".join(sorted(set(map(chr, font.getBestCmap())) & set(wanted)))
    cutter = Subsetter(Options(hinting=False, layout_features=FEATURES, notdef_outline=True))
    cutter.populate(text=has)
    cutter.subset(font)
    return saved(font, "woff2"), has


def saved(font: TTFont, flavor: str | None) -> bytes:
    """Return a font as a file."""
    file, font.flavor = io.BytesIO(), flavor
    font.save(file)
    return file.getvalue()


def made(path: Path, wanted: Iterable[str], weights=None) -> tuple[bytes, str]:
    """Return a font cut to the wanted characters, and those of them that it has."""
    return cut(*known(path), "".join(sorted(wanted)), weights)


def known(path: Path) -> tuple[str, str]:
    """Return the name of a font, and a digest of what its cuts come from."""
    return str(path.relative_to(MODULES)), digest(path, Path(__file__))


def prepare():
    """Narrow every font of text: most of the work on them, and it needs no page."""
    for (package, style, weights), script in product(chain(*FACES.values()), SCRIPTS_IN_USE):
        narrowed(*known(source(package, script, style)), weights)


def embedded(content: bytes) -> str:
    """Return the address of a font that holds it."""
    return f"data:font/woff2;base64,{base64.b64encode(content).decode()}"


def assets(contents: Iterable[str]) -> dict[str, str | bytes]:
    """Return the faces of text for the characters of pages: a style sheet and files, by their addresses."""
    shown, rules, files = characters(contents), [], {}
    for family, faces in FACES.items():
        for (package, style, weights), script in product(faces, SCRIPTS_IN_USE):
            wanted = ASCII | shown if script == "latin" else {c for c in shown - ASCII if c.isalpha()}
            content, has = made(source(package, script, style), wanted, weights)
            if not has:  # no character that only this script has
                continue
            name, small = f"fonts/{package}-{script}-{style}.woff2", len(content) <= SMALL
            rules.append(face(family, style, weights, has, embedded(content) if small else name))
            files |= {} if small else {f"assets/{name}": content}
        rules += standing_in(family, source(faces[0][0], "latin", "normal"))
    return {"assets/fonts.css": "\n".join(rules) + "\n"} | files


def source(package: str, script: str, style: str) -> Path:
    """Return the file of a package for a script and a style."""
    return MODULES / "@fontsource-variable" / package / "files" / f"{package}-{script}-wght-{style}.woff2"


def characters(contents: Iterable[str]) -> set[str]:
    """Return the characters of the words of pages, and of what scripts, styles and templates add to them."""
    own = [*sorted((DOCS / "assets").glob("*.[cj]s*")), *sorted((SCRIPTS / "pages/theme").glob("*.html"))]
    words = (unescape(MARKUP.sub("", FORMULA.sub("", content))) for content in contents)
    return set().union(*words, *(path.read_text() for path in own))


def face(family: str, style: str, weights: int | tuple[int, int], has: str, address: str) -> str:
    """Return the rule of a face for the characters that it has.

    A face that is late stays away until the next page: it would move the words that somebody reads. So what
    stands in for it moves nothing either, whatever fonts a system has.
    """
    weight = f"{weights[0]} {weights[1]}" if isinstance(weights, tuple) else weights
    return (
        f'@font-face{{font-family:"{family}";font-style:{style};font-weight:{weight};font-display:optional;'
        f'src:url({address}) format("woff2");unicode-range:{ranges(has)}}}'
    )


def ranges(has: str) -> str:
    """Return characters as CSS writes them, neighbours as one range."""
    runs = []
    for code in sorted(map(ord, has)):
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return ",".join(f"U+{a:X}" if a == b else f"U+{a:X}-{b:X}" for a, b in runs)


def standing_in(family: str, path: Path) -> Iterator[str]:
    """Yield the rules of each font that stands in for a family: its letters as wide, its lines as high."""
    font = TTFont(path)
    for names, width in STANDING_IN.get(family, {}).items():
        size = WIDTH[family] / width
        measures = (font["hhea"].ascent, -font["hhea"].descent)
        above, below = (value / font["head"].unitsPerEm / size for value in measures)
        for cut_name, descriptors in CUTS.items():
            sources = ",".join(f'local("{name}{cut_name}")' for name in names)
            yield (
                f'@font-face{{font-family:"{family} {names[0]}";{descriptors};src:{sources};'
                f"size-adjust:{size:.2%};ascent-override:{above:.2%};descent-override:{below:.2%};"
                "line-gap-override:0%}"
            )
