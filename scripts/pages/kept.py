"""What is made of one page alone, and kept as long as the page and the scripts are the same."""

from paper.jobs import memory
from paper.parts import REQUIREMENTS, SCRIPTS, digest

LOCKED = (REQUIREMENTS, SCRIPTS / "node/package-lock.json")
# As they were when this process loaded them: a live server does not load them again.
TOOLS = digest(*sorted(SCRIPTS.glob("*/*.py")), *sorted(SCRIPTS.glob("*/templates/*")), *LOCKED)


def per_page(function):
    """Keep what a function makes of a key and a page; only the key and the scripts tell pages apart."""
    kept = memory.cache(function, ignore=["page"])
    return lambda key, page: kept(digest(text=TOOLS + key), page)
