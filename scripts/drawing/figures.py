"""Draw the figures of the parts: one public function in `figures.py` is one SVG figure."""

import inspect
import io
import json
import re
import shutil
import sys
import traceback
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
from maths.equations import PARSER, displays
from maths.tokens import MACROS_FILE
from paper.parts import CACHE, DOCS, REQUIREMENTS, SCRIPTS, Part, digest, discover, where

from drawing.canvas import PALETTES, STYLE, WIDTHS, Canvas, style

OUTPUT = CACHE / "figures"
EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1" viewBox="0 0 1 1"></svg>'
memory = joblib.Memory(CACHE / "joblib", verbose=0)


def functions(part: Part) -> dict:
    """Return the public functions of the part's `figures.py`, by figure name."""
    module = part.load("figures")
    own = inspect.getmembers(module, lambda f: inspect.isfunction(f) and f.__module__ == module.__name__)
    return {name.replace("_", "-"): f for name, f in own if not name.startswith("_")}


def file_name(name: str, scheme: str, width: str) -> str:
    """Return `name.svg`, with `.dark` and `.narrow` where they apply."""
    return name + (".dark" if scheme == "dark" else "") + (".narrow" if width == "narrow" else "") + ".svg"


def size(svg: bytes) -> tuple[int, int]:
    """Return the width and height of an SVG in CSS pixels (96 to the inch, 72 points)."""
    width, height = re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()
    return round(float(width) * 4 / 3), round(float(height) * 4 / 3)


def sources(part: Part) -> str:
    """Return the digest of everything that a figure of the part depends on."""
    own = sorted(part.folder.glob("*.py")) + sorted(part.folder.glob("results.json"))
    tools = [SCRIPTS / f"{name}.py" for name in ("drawing/canvas", "drawing/figures", *PARSER)]
    return digest(*own, STYLE, *tools, MACROS_FILE, REQUIREMENTS, text="\n".join(displays(part.page)))


@memory.cache(ignore=["function"])
def render(part_id: str, name: str, key: str, function) -> tuple[dict[str, bytes], list[str]]:
    """Draw one figure as SVG for every scheme and width; `key` is the digest of its sources.

    Returns the files by name, and the labels of the equations that were plotted as printed.
    """
    drawn, plotted = {}, set()
    for scheme in PALETTES:
        for width in WIDTHS:
            with plt.rc_context(style(scheme)):
                figure = function(Canvas(scheme, width, DOCS / part_id / "index.md", plotted))
                buffer = io.BytesIO()
                figure.savefig(buffer, format="svg", metadata={"Date": None})
                plt.close(figure)
            drawn[file_name(name, scheme, width)] = buffer.getvalue()
    return drawn, sorted(plotted)


def failing_line(part: Part, error: Exception) -> str:
    """Return `figures.py:line` of the innermost frame of `error` inside the part's folder."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(str(part.folder))]
    if isinstance(error, SyntaxError) and error.filename:
        return where(Path(error.filename), error.lineno)
    return where(Path(frames[-1].filename), frames[-1].lineno) if frames else where(part.file("figures.py"))


def draw(part: Part) -> tuple[dict[str, dict], list[str]]:
    """Draw the figures of one part; return name → {alt, reused} and the errors, each with its place."""
    figures, errors = {}, []
    if not part.file("figures.py").is_file():
        lost = shown(part)
        missing = f"{where(part.page)}: there is no figures.py to draw {', '.join(lost)}"
        return empty(part, lost), [missing] * bool(lost)
    try:
        found = functions(part)
    except Exception as error:
        return empty(part, shown(part)), [f"{failing_line(part, error)}: {kind(error)}"]
    for name, function in found.items():
        line = inspect.getsourcelines(function)[1]
        if not function.__doc__:
            place = where(part.file("figures.py"), line)
            errors.append(f"{place}: figure {name} has no docstring, so no alternative text")
            continue
        try:
            reused = render.check_call_in_cache(part.id, name, sources(part), function)
            drawn, plotted = render(part.id, name, sources(part), function)
            for file, svg in drawn.items():
                (OUTPUT / part.id / file).write_bytes(svg)
            figures[name] = {
                "alt": " ".join(function.__doc__.split()),
                "reused": reused,
                "equations": plotted,
                **{width: size(drawn[file_name(name, "light", width)]) for width in WIDTHS},
            }
        except Exception as error:
            errors.append(f"{failing_line(part, error)}: figure {name}: {kind(error)}")
    return empty(part, [name for name in found if name not in figures]) | figures, errors


def shown(part: Part) -> list[str]:
    """Return the names of the figures that the page of a part shows."""
    return re.findall(r"\]\(([\w-]+)\.svg\)", part.page.read_text())


def empty(part: Part, names: list[str]) -> dict[str, dict]:
    """Draw nothing in place of figures that failed: what shows or names them is no problem of its own."""
    for name in names:
        for file in (file_name(name, scheme, width) for scheme in PALETTES for width in WIDTHS):
            (OUTPUT / part.id / file).write_text(EMPTY)
    nothing = {"reused": False, "equations": [], "failed": True} | dict.fromkeys(WIDTHS, (1, 1))
    return {name: {"alt": name} | nothing for name in names}


def kind(error: Exception) -> str:
    """Return the kind and the message of an error, as pytest says it."""
    return f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"


def main(*folders: str) -> int:
    """Draw the figures of the given folders (default: all) and write an index beside them."""
    failures = []
    for part in discover(*folders):
        # Emptied first: the picture of a function that was renamed must not linger.
        shutil.rmtree(OUTPUT / part.id, ignore_errors=True)
        (OUTPUT / part.id).mkdir(parents=True)
        figures, errors = draw(part)
        (OUTPUT / part.id / "index.json").write_text(json.dumps(figures, indent=1))
        failures += errors
        for name, figure in figures.items():
            print(f"{'reused' if figure['reused'] else 'drew'}  {OUTPUT / part.id / name}.svg")
    print(*failures, sep="\n", end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
