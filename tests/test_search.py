"""What the search finds: what readers type leads to its part and place, in a real browser."""

import json
import re
from collections import defaultdict

import pytest
import yaml
from conftest import ROOT, SITE
from lxml import html
from paper.parts import discover
from search_box import ask_all

PARTS = discover()
FIRST, AMONG_THREE = 0.90, 0.98  # the shares of queries that must find their part


def queries(part) -> dict[str, str]:
    """Return query → anchor, or "", of `queries.yml` of a part; without the file, none."""
    path = part.file("queries.yml")
    return yaml.load(path.read_text(), yaml.BaseLoader) or {} if path.is_file() else {}


def around(part, anchor: str) -> set[str]:
    """Return the anchors of the blocks and sections of a page that hold an anchor, itself included."""
    article = html.parse(str(SITE / part.id / "index.html")).getroot().find(".//article")
    target = article.get_element_by_id(anchor)
    headings = [target.xpath(f"preceding::{tag}[@id][1]/@id") for tag in ("h2", "h3")]
    return {anchor, *target.xpath("ancestor::*/@id"), *sum(headings, [])}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.id)
def test_part_has_queries(part):
    """Every part has at least five queries, and the anchors that they name are on its page."""
    given, path = queries(part), part.file("queries.yml").relative_to(ROOT)
    assert len(given) >= 5, f"{path}: {len(given)} queries; write at least five, as a reader would type them"
    ids = html.parse(str(SITE / part.id / "index.html")).xpath("//@id")
    missing = [anchor for anchor in given.values() if anchor and anchor not in ids]
    assert missing == [], f"{path}: the page has no such anchor: {missing}"


def split(address: str, server: str) -> tuple[str, str]:
    """Return the page and the anchor of an address of a result; the checks of a part belong to its page."""
    path, _, anchor = address.removeprefix(server).partition("#")
    return path.split("?")[0].rstrip("/").removesuffix("/checks"), anchor


def test_queries_find_their_part(entrance, server):
    """Queries find their part first, or among the first three, and lead to the place that they name."""
    wanted = defaultdict(dict)
    for part in PARTS:
        for query, anchor in queries(part).items():
            wanted[query][part.id] = (part, anchor)
    first, three, astray = 0, 0, []
    for query, addresses in ask_all(entrance, list(wanted)).items():
        parts, found = wanted[query], [split(address, server) for address in addresses[:3]]
        first += bool(found) and found[0][0] in parts
        three += any(path in parts for path, _ in found)
        if not found or found[0][0] not in parts:
            astray.append(f"{query!r} finds {[path for path, _ in found]}")
        elif (expected := parts[found[0][0]])[1] and expected[1] not in around(expected[0], found[0][1]):
            astray.append(f"{query!r} leads to {found[0][1]!r}")
    shares = first / len(wanted), three / len(wanted)
    print(f"\n{len(wanted)} queries: {shares[0]:.1%} first, {shares[1]:.1%} among three", *astray, sep="\n  ")
    assert shares[0] >= FIRST and shares[1] >= AMONG_THREE, astray
    assert [one for one in astray if "leads to" in one] == []


def test_word_is_not_on_nothing(entrance):
    """A word in either spelling is found."""
    words = ["modeling", "modelling", "optimizer", "optimiser", "sigmoid", "Quantisation"]
    assert [word for word, found in ask_all(entrance, words).items() if not found] == []


def test_both_spellings_find_the_same(entrance):
    """British and American spelling lead to the same pages in the same order."""
    pairs = {
        "optimizer quantization": "optimiser quantisation",
        "tokenization": "tokenisation",
        "behavior": "behaviour",
        "modeling": "modelling",
    }
    found = ask_all(entrance, [*pairs, *pairs.values()])
    paths = {words: [address.split("?")[0] for address in found[words]] for words in found}
    assert [pair for pair in pairs.items() if not paths[pair[0]] or paths[pair[0]] != paths[pair[1]]] == []


def core() -> dict:
    """Return the data of the index: its pages, the names of the shards in each of its files and so on."""
    text = (SITE / "search/core.js").read_text().rpartition("fullMarks.searchable = ")[2]
    return json.loads(text.rstrip(";\n"))


def test_index_holds_words_not_markup():
    """What results show holds no TeX, no markup and no code of notebooks; one page is about TeX."""
    numbers = [n for n, page in enumerate(core()["pages"]) if page["url"] != "equations/"]
    shown = "".join(path.read_text() for n in numbers for path in (SITE / "search").glob(f"[pt]{n}[-.]*"))
    assert len(shown) > 100_000
    unwanted = ("katex", "jp-", "<span", r"\\frac", r"\\mathrm", r"\\label", "import numpy")
    assert [word for word in unwanted if word in shown] == []


def test_index_is_cut_small():
    """No file of the index is large, and the core does not hold the words of the pages."""
    sizes = [path.stat().st_size for path in (SITE / "search").glob("w*.js")]
    assert len(sizes) > 20 and max(sizes) < 45_000
    assert "premature" not in (SITE / "search/core.js").read_text()


def test_word_is_in_the_shard_that_is_asked():
    """A word is in the shard with the longest name that begins it, in the file that the core names."""
    files, shard = core()["shards"], re.compile(r'fullMarks\.search\.shard\("(.+?)", (.+)\);')
    names, words = {name for some in files for name in some}, 0
    for number, some in enumerate(files):
        held = dict(shard.findall((SITE / f"search/w{number}.js").read_text()))
        assert [*held] == some
        for name, text in held.items():
            for word in json.loads(text):
                begins = [word[:n] for n in range(1, len(word) + 1) if word[:n] in names]
                assert begins[-1] == name, word
                words += 1
    assert words > 3000 and any(len(some) > 1 for some in files)


def test_word_that_every_object_has(entrance):
    """The name that JavaScript gives to each object is searched for as any other word."""
    assert ask_all(entrance, ["constructor"])["constructor"]
