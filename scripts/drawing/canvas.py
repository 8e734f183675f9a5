"""The sheet that figures are drawn on: one style, two colour schemes, two widths."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from maths.equations import find
from paper.parts import SCRIPTS

STYLE = SCRIPTS / "drawing" / "figures.mplstyle"
PALETTES = {
    "light": dict(
        blue="#1f5fa8", orange="#a85400", green="#1e7a4c", red="#b3261e", purple="#7a3e9d",
        ink="#1c1c1e", muted="#666b73", faint="#e6eaf0",
    ),
    "dark": dict(
        blue="#82b6f4", orange="#f0a860", green="#72cf9a", red="#ff8f85", purple="#cba6ee",
        ink="#e4e6ea", muted="#a2a8b3", faint="#2c323c",
    ),
}  # fmt: skip
WIDTHS = {"wide": 7.2, "narrow": 3.7}  # inches


COLOUR = re.compile(rb"#[0-9a-f]{6}\b")


@dataclass(frozen=True)
class Canvas:
    """The sheet a figure is drawn on: its colours by meaning, its width, its page's equations.

    `noted` holds the labels of the equations that were plotted, and "scheme" if that was asked for.
    """

    colours: str
    width: str
    page: Path
    noted: set[str] = field(default_factory=set)

    def __getattr__(self, colour: str) -> str:
        try:
            return PALETTES[self.__dict__["colours"]][colour]
        except KeyError:
            raise AttributeError(f"the canvas has no colour {colour!r}") from None

    @property
    def scheme(self) -> str:
        """The colour scheme, `light` or `dark`, for what differs in more than its colours."""
        self.noted.add("scheme")
        return self.colours

    @property
    def narrow(self) -> bool:
        return self.width == "narrow"

    def equation(self, label: str, statement: int = 0, side: int = -1, each: str = "", **reading) -> Callable:
        """Return one side of a labelled equation of the page, as printed, as a function of its symbols.

        Those named in `each` are arrays of samples, of which each entry makes one point of a curve.
        """
        self.noted.add(label)
        return find(self.page, label).function(statement, side, each, **reading)

    def panels(self, count: int, height: float = 2.8, widths: list[float] | None = None):
        """Return a figure and `count` axes: a row on a wide sheet, a column on a narrow one."""
        inches = WIDTHS[self.width]
        if self.narrow:
            return plt.subplots(
                count, 1, figsize=(inches, height * count), squeeze=False, layout="constrained"
            )[0], plt.gcf().axes
        figure, axes = plt.subplots(
            1, count, figsize=(inches, height), squeeze=False, layout="constrained",
            width_ratios=widths,
        )  # fmt: skip
        return figure, list(axes[0])


def style(scheme: str) -> dict:
    """Return the matplotlib settings of one colour scheme."""
    ink, muted = PALETTES[scheme]["ink"], PALETTES[scheme]["muted"]
    inks = ["text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"]
    lines = ["axes.edgecolor", "xtick.color", "ytick.color"]
    colours = [PALETTES[scheme][name] for name in ("blue", "orange", "green", "red", "purple")]
    return (
        matplotlib.rc_params_from_file(STYLE, use_default_template=False)
        | dict.fromkeys(inks, ink)
        | dict.fromkeys(lines, muted)
        | {"axes.prop_cycle": plt.cycler(color=colours), "hatch.color": muted}
    )


def file_name(name: str, scheme: str, width: str) -> str:
    """Return `name.svg`, with `.dark` and `.narrow` where they apply."""
    return name + (".dark" if scheme == "dark" else "") + (".narrow" if width == "narrow" else "") + ".svg"


def draw(name: str, function: Callable, page: Path) -> tuple[dict[str, bytes], set[str]]:
    """Draw a figure in both widths and schemes; return its files and the labels that it plots as printed."""
    files, noted = {}, set()
    for width in WIDTHS:
        light = files[file_name(name, "light", width)] = svg(function, Canvas("light", width, page, noted))
        dark = None if "scheme" in noted else recoloured(light)
        files[file_name(name, "dark", width)] = dark or svg(function, Canvas("dark", width, page, noted))
    return files, noted - {"scheme"}


def svg(function: Callable, canvas: Canvas) -> bytes:
    """Draw one version of a figure."""
    with plt.rc_context(style(canvas.colours)):
        figure, buffer = function(canvas), io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
    return buffer.getvalue()


def recoloured(light: bytes) -> bytes | None:
    """Return a light figure in the dark colours, or None if a colour of it is not of the palette."""
    dark = {PALETTES["light"][name].encode(): PALETTES["dark"][name].encode() for name in PALETTES["light"]}
    if set(COLOUR.findall(light)) - set(dark) or b"<image" in light:
        return None  # a mixture, or a picture: drawn anew
    return COLOUR.sub(lambda match: dark[match[0]], light)
