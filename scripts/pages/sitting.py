"""Exam mode: what its script has to know of a part, and the page on which several parts are sat."""

import json
import re
from collections import Counter
from math import log

from lxml import html
from paper.article import Article
from paper.exam import MINUTES_PER_MARK, Entry, paper, plain, questions

from pages import blocks
from pages.handout import offered, script, short

WORD = re.compile(r"\\[A-Za-z]+|[A-Za-z][A-Za-z0-9]+|[A-Z]")
HEADING = 3  # a word of a heading counts as that many
CLOSE = 0.75  # a second section is named too if it fits nearly as well as the first


def record(entry: Entry, root: str) -> str:
    """Return the facts of a part as JSON, with addresses as seen from a page whose root is `root`."""
    question = next(q for q in paper()["questions"] if entry.address.startswith(f"{q['id']}/"))
    facts = {
        "id": short(entry.part),
        "number": entry.number,
        "title": entry.title,
        "marks": entry.marks,
        "seconds": round(entry.marks * MINUTES_PER_MARK * 60),
        "question": f"Question {question['id'].removeprefix('q')}: {question['title']}",
        "topics": {tag: f"{root}topics/#{blocks.topic_anchor(tag)}" for tag in entry.tags},
        "page": root + entry.address,
        "script": root + script(entry.part),
    }
    return json.dumps(facts, ensure_ascii=False)


def size(entries: list[Entry]) -> str:
    """Return how much some parts are: `2 parts, 8 marks, 19 minutes`."""
    marks = sum(entry.marks for entry in entries)
    count = f"{len(entries)} part{'s' * (len(entries) > 1)}, " if len(entries) != 1 else ""
    return f"{count}{plain(marks)} mark{'s' * (marks != 1)}, {marks * MINUTES_PER_MARK:.0f} minutes"


blocks.templates.filters |= {"record": record, "size": size}


def form(root: str) -> html.HtmlElement:
    """Return the lists of what can be sat: the paper, a question, a topic, a part."""
    whole = sum(len(question.parts) for question in questions())
    return blocks.block("sitting", root, whole=whole, **offered())


def point_to_sections(article: Article):
    """Let each point of the marking scheme name the sections of the solution that are most about it."""
    texts = sections(article)
    for row in article.tree.xpath('.//section[@data-unit="marking-scheme"]//tbody/tr'):
        row.set("data-read", json.dumps(fitting(set(words(row[0])), texts), ensure_ascii=False))


def sections(article: Article) -> dict[tuple[str, str], Counter]:
    """Return how often each word stands in each subsection (anchor, title) of the solution.

    Folded blocks, which go deeper than a first reading, do not count.
    """
    found, heading = {}, None
    for element in article.tree.xpath('.//section[@data-unit="solution-in-full"]/*[not(self::details)]'):
        if element.tag == "h3":
            heading = element.get("id"), re.sub(r"\\[()]", "", element.text_content())
        if heading:
            weight = HEADING if element.tag == "h3" else 1
            found.setdefault(heading, Counter()).update(words(element) * weight)
    return found


def words(element: html.HtmlElement) -> list[str]:
    """Return the words of an element, macros of formulas among them, without the plural s."""
    text = " ".join(element.xpath(".//text()[not(ancestor::*[@popover])]"))  # without the cards of equations
    return [word.lower().removesuffix("s") for word in WORD.findall(text)]


def fitting(wanted: set[str], texts: dict[tuple[str, str], Counter]) -> list[tuple[str, str]]:
    """Return the one or two texts that fit some words best (BM25), the best first."""
    mean = sum(map(Counter.total, texts.values())) / len(texts) if texts else 0

    def fit(text: Counter) -> float:
        damping = 1.2 * (0.25 + 0.75 * text.total() / mean)
        return sum(rarity(word, texts) * text[word] * 2.2 / (text[word] + damping) for word in wanted)

    ranked = sorted(((fit(text), name) for name, text in texts.items()), reverse=True)
    return [name for value, name in ranked[:2] if value >= CLOSE * ranked[0][0] > 0]


def rarity(word: str, texts: dict[str, Counter]) -> float:
    """Return the weight of a word: the fewer texts have it, the more it says."""
    having = sum(word in text for text in texts.values())
    return log(1 + (len(texts) - having + 0.5) / (having + 0.5))
