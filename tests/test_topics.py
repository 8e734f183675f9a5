"""The pages of the topics: what stands on them, and what is said when one is missing or wrong."""

import pytest
import yaml
from conftest import ROOT, SITE
from lxml import html
from pages import topics
from paper.exam import plain, questions

CONFIG = yaml.load((ROOT / "mkdocs.yml").read_text().replace("!ENV", ""), yaml.SafeLoader)
TOPICS = CONFIG["extra"]["topics"]


def tree(topic: str) -> html.HtmlElement:
    """Return the built page of a topic."""
    return html.parse(str(SITE / "topics" / topics.slug(topic) / "index.html")).getroot().find(".//article")


@pytest.mark.parametrize("topic", TOPICS)
def test_topic_lists_its_parts(topic):
    """The page of a topic lists its parts of the paper with marks and a line each, and links the solved."""
    entries = [entry for question in questions() for entry in question.parts if topic in entry.tags]
    rows = tree(topic).xpath('.//li[contains(@class, "part")]')
    shown = [
        [row.find(f'*[@class="part-{name}"]').text_content() for name in ("number", "marks")] for row in rows
    ]
    assert [(number, marks.split("\xa0")[0]) for number, marks in shown] == [
        (entry.number, plain(entry.marks)) for entry in entries
    ]
    linked = [url.removeprefix("../../") for row in rows for url in row.xpath(".//a/@href")]
    assert linked == [entry.address for entry in entries if entry.part]
    assert all(len(row.find('*[@class="part-line"]').text_content()) > 10 for row in rows)


@pytest.mark.parametrize("topic", TOPICS)
def test_topic_is_explained(topic):
    """The page says in two sentences what the topic is, how its parts hang together, and what is related."""
    page = tree(topic)
    first = page.xpath("./p[1]")[0].text_content()
    assert first.count(". ") == 1 and first.endswith(".")
    assert (
        len(page.xpath("./h2")) == 1 and len(page.xpath("./h2/following-sibling::p")[0].text_content()) > 150
    )
    files = [SITE / url.removeprefix("../../") for url in page.xpath(".//a/@href") if "/pdf/" in url]
    solved = page.xpath('.//li[contains(@class, "solved")]')
    assert len(files) == 2 * bool(solved) and all(path.is_file() for path in files)
    for number in page.xpath('.//p[not(@class="page-tools")]/a[contains(@href, "/q")]'):
        assert number.text in [part.number for q in questions() for part in q.solved]


def test_related_topics_name_each_other():
    """If one topic names another as related, the other names it too; none stands alone."""
    found = {topic: topics.related(topic, TOPICS) for topic in TOPICS}
    assert [(a, b) for a in TOPICS for b in found[a] if a not in found[b]] == []
    assert [topic for topic in TOPICS if found[topic] == [] and len(topics.tagged(topic)) > 1] == []


def test_problems_of_topics_are_reported(tmp_path, monkeypatch):
    """A topic without a page, a page of no topic and an unknown neighbour are errors with file and line."""
    assert topics.problems(TOPICS) == []
    (tmp_path / "alchemy.md").write_text("---\nrelated: [Astrology]\n---\n# Alchemy\n")
    monkeypatch.setattr(topics, "FOLDER", tmp_path)
    monkeypatch.setattr(topics, "where", lambda path, line=None: f"{path.name}:{line}")
    assert topics.problems(["Alchemy", "Probing"]) == [
        "mkdocs.yml:None: the topic 'Probing' has no page docs/topics/probing.md",
        "alchemy.md:None: related: unknown topic 'Astrology'",
    ]
    assert "alchemy.md:4: 'Alchemy' is not the topic of this file" in topics.problems(["Astrology"])[1]
