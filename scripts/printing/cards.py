"""Draw the picture that stands for a page where its address is shared."""

import typst
from paper.jobs import memory

SIZE = (1200, 630)  # pixels, as those who show such pictures ask for
CARD = """
#set page(width: 1200pt, height: 630pt, margin: (x: 84pt, y: 72pt), fill: rgb("#fefdfb"))
#set text(font: "New Computer Modern", size: 30pt, fill: rgb("#1c1c1e"), hyphenate: false)
#let given = json(bytes(sys.inputs.card))
#text(fill: rgb("#1f5fa8"), size: 34pt, given.above)
#v(18pt)
#block(width: 100%, par(leading: 0.5em, text(size: 66pt, weight: "bold", given.title)))
#v(1fr)
#text(fill: rgb("#5c6169"), given.below)
#v(8pt)
#line(length: 100%, stroke: 2pt + rgb("#dfe1e6"))
#v(4pt)
*Full Marks* #h(1fr) #text(fill: rgb("#17693f"), given.status)
"""


@memory.cache
def drawn(card: str, template: str = CARD, version: str = typst.__version__) -> bytes:
    """Return the PNG of a card, given as JSON with the texts `above`, `title`, `below` and `status`."""
    return typst.compile(
        template.encode(), format="png", ppi=72, sys_inputs={"card": card}, ignore_system_fonts=True
    )
