"""The pages of the topics: their parts, their printed sets, their neighbours."""

import re

from lxml import html
from paper import exam, front
from paper.parts import DOCS, ROOT, where
from printing.sets import PrintSet

from pages import blocks

FOLDER = DOCS / "topics"
NUMBER = re.compile(r"\b\d+\([a-z]\)")


def slug(topic: str) -> str:
    """Return the word for a topic in addresses: `reward-models`."""
    return re.sub(r"[^\w-]+", "-", topic.lower())


blocks.templates.filters["topic_slug"] = slug
blocks.templates.tests["described"] = lambda topic: (FOLDER / f"{slug(topic)}.md").is_file()


def about(topic: str) -> dict:
    """Return the front matter of the page of a topic."""
    path = FOLDER / f"{slug(topic)}.md"
    return front.given(path.read_text()) if path.is_file() else {}


def problems(topics: list[str]) -> list[str]:
    """Return what is wrong: a topic without its page, a page of no topic, an unknown neighbour."""
    known, found = {f"{slug(topic)}.md": topic for topic in topics}, []
    pages = {path.name: path for path in FOLDER.glob("*.md") if path.name != "index.md"}
    for name in sorted(known.keys() - pages.keys()):
        found.append(
            f"{where(ROOT / 'mkdocs.yml')}: the topic {known[name]!r} has no page docs/topics/{name}"
        )
    for name, path in sorted(pages.items()):
        line, title = front.title(path.read_text())
        if title != known.get(name):
            found.append(f"{where(path, line)}: {title!r} is not the topic of this file in extra.topics")
        unknown = [one for one in front.given(path.read_text()).get("related", []) if one not in topics]
        found += [f"{where(path)}: related: unknown topic {one!r}" for one in unknown]
    return found


def linked(markdown: str) -> str:
    """Return the text of a topic's page with each number of a solved part as a link to it."""
    pages = {entry.number: entry for question in exam.questions() for entry in question.solved}

    def link(match: re.Match) -> str:
        entry = pages.get(match[0])
        return f"[{match[0]}](../{entry.part.id}/index.md)" if entry else match[0]

    return NUMBER.sub(link, markdown)


def tagged(topic: str) -> list[exam.Entry]:
    """Return the parts of the paper that have a topic."""
    return [entry for question in exam.questions() for entry in question.parts if topic in entry.tags]


def related(topic: str, topics: list[str]) -> list[str]:
    """Return the topics that share a part with this one, or that the page of either names."""
    shared = {tag for entry in tagged(topic) for tag in entry.tags}
    named = set(about(topic).get("related", []))
    named |= {other for other in topics if topic in about(other).get("related", [])}
    return [other for other in topics if other in shared | named and other != topic]


def page(root: str, topic: str, topics: list[str], made: list[PrintSet]) -> html.HtmlElement:
    """Return the parts of a topic, its printed sets and its neighbours."""
    full, short = (
        [one for one in made if one.topic == topic and one.short == flag] for flag in (False, True)
    )
    return blocks.block(
        "topic", root, topic=topic, entries=tagged(topic), full=full, short=short,
        related=related(topic, topics),
    )  # fmt: skip


def overview(root: str, topics: list[str]) -> html.HtmlElement:
    """Return the list of all topics with their parts."""
    found = {topic: tagged(topic) for topic in topics}
    lines = {topic: about(topic).get("description", "") for topic in topics}
    return blocks.block("topics", root, topics=found, lines=lines)
