"""Draw the figures of the parts: one public function in `figures.py` is one SVG figure."""

import inspect
import json
import re
import shutil
import sys
import traceback
from pathlib import Path

from maths.equations import PARSER, displays
from maths.tokens import MACROS_FILE
from maths.typeset import TOOLS as TYPESETTER
from paper import stamps
from paper.jobs import Failed, memory, outcomes
from paper.parts import CACHE, DOCS, REQUIREMENTS, SCRIPTS, Part, digest, discover, where
from paper.reads import digests, watched

OUTPUT = CACHE / "figures"
EMPTY = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1" viewBox="0 0 1 1"></svg>'
TOOLS = [SCRIPTS / f"drawing/{name}.py" for name in ("canvas", "figures")]
TOOLS += [SCRIPTS / f"maths/{name}.py" for name in PARSER]
TOOLS += TYPESETTER  # reads the TeX of the equations


def functions(part: Part) -> dict:
    """Return the public functions of the part's `figures.py`, by figure name.

    Raises Failed if there is no such file, and the page shows figures.
    """
    if not part.file("figures.py").is_file():
        if lost := shown(part):
            raise Failed([f"{where(part.page)}: there is no figures.py to draw {', '.join(lost)}"])
        return {}
    module = part.load("figures")
    own = inspect.getmembers(module, lambda f: inspect.isfunction(f) and f.__module__ == module.__name__)
    return {name.replace("_", "-"): f for name, f in own if not name.startswith("_")}


def size(svg: bytes) -> tuple[int, int]:
    """Return the width and height of an SVG in CSS pixels (96 to the inch, 72 points)."""
    width, height = re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()
    return round(float(width) * 4 / 3), round(float(height) * 4 / 3)


def sources(part: Part) -> str:
    """Return the digest of what the figures of a part depend on, but for other files that they read."""
    own = sorted(part.folder.glob("*.py")) + sorted(part.folder.glob("results.json"))
    style = SCRIPTS / "drawing" / "figures.mplstyle"
    return digest(*own, style, *TOOLS, MACROS_FILE, REQUIREMENTS, text="\n".join(displays(part.page)))


def failing_line(part: Part, error: Exception) -> str:
    """Return `figures.py:line` of the innermost frame of `error` inside the part's folder."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(str(part.folder))]
    if isinstance(error, SyntaxError) and error.filename:
        return where(Path(error.filename), error.lineno)
    return where(Path(frames[-1].filename), frames[-1].lineno) if frames else where(part.file("figures.py"))


@memory.cache
def drawn(part_id: str, key: str) -> tuple[tuple[dict, dict], dict]:
    """Draw the figures of a part; `key` is the digest of its sources.

    Returns name → {alt, equations, wide, narrow} and file → SVG, and the digests of what else was read.
    Raises Failed with the place of each error, and with an empty picture for each figure that failed.
    """
    part, index, files, errors = Part(DOCS / part_id), {}, {}, []
    with watched() as read:
        try:
            found = functions(part)
        except Failed as failure:
            raise Failed(failure.messages, empty(shown(part))) from None
        except Exception as error:
            raise Failed([f"{failing_line(part, error)}: {kind(error)}"], empty(shown(part))) from None
        for name, function in found.items():
            try:
                index[name], svgs = draw(part, name, function)
                files |= svgs
            except Failed as failure:
                errors += failure.messages
            except Exception as error:
                errors.append(f"{failing_line(part, error)}: figure {name}: {kind(error)}")
    if errors:
        nothing, blank = empty([name for name in found if name not in index])
        raise Failed(errors, (nothing | index, blank | files))
    return (index, files), digests(read, part)


def draw(part: Part, name: str, function) -> tuple[dict, dict[str, bytes]]:
    """Draw one figure; return what its page says of it, and its files."""
    from drawing import canvas  # here, because the plotting library takes its time and is seldom needed

    if not function.__doc__:
        place = where(part.file("figures.py"), inspect.getsourcelines(function)[1])
        raise Failed([f"{place}: figure {name} has no docstring, so no alternative text"])
    files, plotted = canvas.draw(name, function, part.page)
    sizes = {width: size(files[canvas.file_name(name, "light", width)]) for width in canvas.WIDTHS}
    return {"alt": " ".join(function.__doc__.split()), "equations": sorted(plotted), **sizes}, files


def shown(part: Part) -> list[str]:
    """Return the names of the figures that the page of a part shows."""
    return re.findall(r"\]\(([\w-]+)\.svg\)", part.page.read_text())


def empty(names: list[str]) -> tuple[dict, dict[str, bytes]]:
    """Draw nothing in place of figures that failed: what shows or names them is no problem of its own."""
    from drawing import canvas

    files = [
        canvas.file_name(n, scheme, w) for n in names for scheme in canvas.PALETTES for w in canvas.WIDTHS
    ]
    nothing = {"equations": [], "failed": True} | dict.fromkeys(canvas.WIDTHS, (1, 1))
    return {name: {"alt": name} | nothing for name in names}, dict.fromkeys(files, EMPTY)


def kind(error: Exception) -> str:
    """Return the kind and the message of an error, as pytest says it."""
    return f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"


def write(part: Part, index: dict, files: dict[str, bytes]):
    """Write the figures of a part and their index; the picture of a function that was renamed goes."""
    folder = OUTPUT / part.id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "index.json").write_text(json.dumps(index, indent=1))
    for name, svg in files.items():
        (folder / name).write_bytes(svg)


def made(part: Part) -> int | None:
    """Return how many figures the part has if they are drawn from its sources as they are, else None."""
    path = OUTPUT / part.id / "index.json"
    known = path.is_file() and stamps.fresh(OUTPUT, part, sources(part))
    return len(json.loads(path.read_text())) if known else None


def main(*folders: str) -> int:
    """Draw the figures of the given folders (default: all) and write an index beside them."""
    parts, failures = discover(*folders), []
    jobs = [(part.id, sources(part)) for part in parts]
    for part, job, (found, reused) in zip(parts, jobs, outcomes(drawn, jobs), strict=True):
        failed = isinstance(found, Failed)
        failures += found.messages if failed else []
        index, files = found.results if failed else found
        write(part, index, files)
        stamps.put(OUTPUT, part, job[1], None if failed else drawn(*job)[1])
        for name in index:
            print(f"{'reused' if reused else 'drew'}  {OUTPUT / part.id / name}.svg")
    print(*failures, sep="\n", end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
