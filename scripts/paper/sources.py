"""Find the line in the source to which a message about a built page leads."""

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

from paper.parts import DOCS, where

SNIPPET = re.compile(r'^\s*-{1,}8<-{1,} "([^":]+)', re.MULTILINE)
HIDDEN = re.compile(r"<!--.*?-->|^[ \t]*(```+|~~~+).*?^[ \t]*\1", re.DOTALL | re.MULTILINE)


def shown(text: str) -> str:
    """Return Markdown with its comments and fenced code blanked, line for line."""
    return HIDDEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


@lru_cache(maxsize=500)
def found(texts: tuple[tuple[Path, str], ...]) -> dict[str, list[tuple[Path, int]]]:
    """Return what is known of the places of texts in some files; a live server keeps it."""
    return {}


class Sources:
    """The files a page is written in: its own and the snippets it includes."""

    def __init__(self, page: Path):
        self.page = page
        text = page.read_text()
        included = SNIPPET.findall(text) if page.suffix == ".md" else []
        others = [DOCS / name for name in included if (DOCS / name).is_file()]
        self.texts = {page: text} | {path: path.read_text() for path in others}
        self.found = found(tuple(self.texts.items()))
        self.seen = Counter()

    def locate(self, text: str, again: bool = False) -> str:
        """Return `file:line` of the next occurrence of `text`, however its lines are broken."""
        if text not in self.found:
            self.found[text] = self.search(text)
        self.seen[text] += 0 if again else 1
        places = self.found[text]
        if not places:
            return where(self.page)
        file, offset = places[min(self.seen[text], len(places)) - 1]
        return where(file, self.texts[file].count("\n", 0, offset) + 1)

    def search(self, text: str) -> list[tuple[Path, int]]:
        """Return the places at which `text` stands."""
        if not text.split():
            return []
        pattern = re.compile(r"[\s#>]+".join(map(re.escape, text.split())))
        return [(f, match.start()) for f, source in self.texts.items() for match in pattern.finditer(source)]
