"""Find the line in the source to which a message about a built page leads."""

import re
from collections import Counter
from pathlib import Path

from paper.parts import DOCS, where

SNIPPET = re.compile(r'^\s*-{1,}8<-{1,} "([^":]+)', re.MULTILINE)
HIDDEN = re.compile(r"<!--.*?-->|^[ \t]*(```+|~~~+).*?^[ \t]*\1", re.DOTALL | re.MULTILINE)


def shown(text: str) -> str:
    """Return Markdown with its comments and fenced code blanked, line for line."""
    return HIDDEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


class Sources:
    """The files a page is written in: its own and the snippets it includes."""

    def __init__(self, page: Path):
        self.page = page
        included = SNIPPET.findall(page.read_text()) if page.suffix == ".md" else []
        self.files = [page] + [DOCS / name for name in included if (DOCS / name).is_file()]
        self.seen = Counter()

    def locate(self, text: str, again: bool = False) -> str:
        """Return `file:line` of the next occurrence of `text`, however its lines are broken."""
        words = [re.escape(word) for word in text.split()]
        pattern = re.compile(r"[\s#>]+".join(words)) if words else None
        self.seen[text] += 0 if again else 1
        places = [
            where(file, source.count("\n", 0, match.start()) + 1)
            for file in self.files if pattern
            for source in [file.read_text()]
            for match in pattern.finditer(source)
        ]  # fmt: skip
        return places[min(self.seen[text], len(places)) - 1] if places else where(self.page)
