"""The ledger: statuses come from evidence, nothing displayed is missing, and links lead both ways."""

import json
import re
from collections import Counter

import pytest
from checking.citations import link_citations
from checking.claims import Claims
from checking.ledger import Entry, limit
from conftest import ROOT, SITE
from lxml import html
from paper.article import Article
from paper.exam import questions
from paper.sources import Sources

LEDGER = SITE / "ledger.json"
DISPLAY = re.compile(r"^\$\$\n(.*?)^\$\$$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="session")
def entries():
    """Return the published ledger."""
    return json.loads(LEDGER.read_text())


def entry(label, found=(), holds=(), rests_on=(), kind="theorem"):
    """Return an entry of a made-up result."""
    evidence = [{"status": status} for status in found]
    return Entry(kind, "page.md:1", f"q9/a-x/#{label}", "9a.1", "", label, evidence, [*holds], [*rests_on])


def test_status_comes_from_the_evidence():
    """An equation has the status of its strongest evidence, a result of its weakest; without, argued."""
    assert entry("a", ["executed", "symbolic", "cited"], kind="equation").status == "symbolic"
    assert entry("a", ["cited", "library"], kind="equation").status == "library"
    assert entry("a", ["symbolic", "executed", "library"]).status == "executed"
    assert entry("a").status == entry("a", kind="equation").status == "argued"


def test_result_is_no_better_than_what_it_rests_on():
    """A weak result limits all that rest on it, directly or through others, and names itself."""
    weak, middle, strong = (
        entry("weak", ["cited"]),
        entry("middle", ["executed"], rests_on=["eq-in-weak"]),
        entry("strong", ["symbolic"], rests_on=["middle", "no-result"]),
    )
    assert limit([strong, middle, weak], {"eq-in-weak": "weak"}) == []
    assert [e.status for e in (weak, middle, strong)] == ["cited"] * 3
    assert (middle.limited_by, strong.limited_by, strong.rests_on) == ("weak", "middle", ["middle"])
    argued, holder = entry("eq-argued"), entry("holder", ["executed"], holds=["eq-argued"])
    limit([holder, argued], {"eq-argued": "holder"})
    assert holder.status == "argued"
    proved = entry("eq-proved", ["symbolic"], kind="equation")
    owner = entry("owner", ["executed"], holds=["eq-proved"])
    equation = entry("eq-after", ["symbolic"], rests_on=["eq-proved"], kind="equation")
    limit([proved, owner, equation], {"eq-proved": "owner"})
    assert (equation.status, equation.rests_on) == ("symbolic", ["eq-proved"])


def test_limit_reaches_a_result_through_the_equations_it_holds():
    """What limits an equation limits the result that holds it, in whatever order they are listed."""
    weak = entry("eq-weak", ["cited"], kind="equation")
    inside = entry("eq-inside", ["symbolic"], rests_on=["eq-weak"], kind="equation")
    holder = entry("holder", ["symbolic"], holds=["eq-inside"])
    assert limit([holder, inside, weak], {"eq-inside": "holder"}) == []
    assert (inside.status, holder.status, holder.limited_by) == ("cited", "cited", "eq-inside")


def test_proving_what_is_not_displayed_is_a_problem():
    """A result that names an unknown equation in data-proves is reported with its place."""
    (problem,) = limit([entry("a", ["executed"], holds=["eq-nowhere"])], {"eq-nowhere": "a"})
    assert problem == "page.md:1: data-proves: no page displays 'eq-nowhere'"


def test_circle_is_a_problem():
    """Results that rest on each other are reported with the place and the circle."""
    (problem,) = limit([entry("a", rests_on=["b"]), entry("b", rests_on=["a"])], {})
    assert problem.startswith("page.md:1: results rest on each other") and "a ← b ← a" in problem


@pytest.fixture
def claims(tmp_path):
    """Return a function that finds the claims of a made-up page."""

    def make(content: str, records=()) -> Claims:
        page = tmp_path / "page.md"
        page.write_text(content)
        article = Article(content, Sources(page), "9a")
        article.number_statements()
        citations = link_citations(article)
        article.collect_formulas()
        return Claims(article, "q9/a-x/", [*records], citations)

    return make


def record(name: str, state: str = "passed", method: str = "executed", **more) -> dict:
    """Return the record of a check with one comparison."""
    item = {"method": method, "route": "by hand", "passed": True} | more
    return {"name": name, "claim": "A claim.", "place": "checks.py:1", "evidence": [item], "state": state,
            "libraries": {}}  # fmt: skip


EQUATION = r'<div class="arithmatex">\[x = 1 \label{eq-x}\]</div>'
LINK = '<a href="#check-a">checked</a>'
REFERENCES = '<h2 id="references">References</h2><ol><li>A. Author, A Title.</li></ol>'


def test_equation_has_a_status_only_from_a_check_that_passed(claims):
    """A failed check gives no status, another equation's check neither; a library check gives its own."""

    def status(*records):
        return claims(EQUATION, records).entries()[0].status

    assert status(record("test_a", equation="eq-x")) == "executed"
    assert status(record("test_a", method="symbolic", equation="eq-x")) == "symbolic"
    assert status(record("test_a", equation="eq-x") | {"libraries": {"torch": "2"}}) == "library"
    assert status(record("test_a", "failed", equation="eq-x")) == "argued"
    assert status(record("test_a", equation="eq-y"), record("test_b")) == "argued"


def test_source_of_an_equation_is_a_reference_of_its_page(claims):
    r"""\source gives an equation the status cited; a number that is not in the list is a problem."""
    sourced = EQUATION.replace(r"\label", r"\source{1, eq. 2} \label")
    (found,) = claims(sourced + REFERENCES).entries()
    assert (found.status, found.evidence[0]["source"]) == ("cited", "[1, eq. 2] A. Author, A Title.")
    wrong = claims(sourced.replace("{1,", "{2,") + REFERENCES)
    assert wrong.entries()[0].status == "cited"
    assert "must begin with the number of a reference" in wrong.article.problems[0]


def test_result_takes_the_evidence_its_proof_links_to(claims):
    """The checks linked in a theorem or its proof back it, those linked elsewhere do not."""
    theorem = (
        '<div class="admonition theorem" id="thm-a"><p class="admonition-title">A</p><p>Text.</p></div>'
        '<div class="admonition proof"><p class="admonition-title">Proof</p><p>{}</p></div><p>{}</p>'
    )
    badge = r'<a href="#check-a">checked</a> by \ref{thm-b}'
    records = [record("test_a")]
    (inside, _) = claims(theorem.format(badge, ""), records).entries()
    (outside, _) = claims(theorem.format("", badge), records).entries()
    assert (inside.status, inside.rests_on) == ("executed", ["thm-b"])
    assert (outside.status, outside.rests_on) == ("argued", [])


@pytest.mark.parametrize(
    ("statement", "proof", "partly"),
    [
        ("(i) One. (ii) Two.", f"(i) So {LINK}. (ii) So.", "in part: (i)"),
        (f"(i) One {LINK}. (ii) Two.", f"(ii) So {LINK}.", ""),
        ("One, and conversely.", f"So {LINK}.", ""),
        ("(a) One: (b) Two.", f"(a) and (b): {LINK}. (a) More, with \\((a)\\).", "in part: (b)"),
    ],
)
def test_status_says_which_clauses_ran(claims, statement, proof, partly):
    """Where a result has lettered clauses, its status names those that evidence stands beside."""
    theorem = (
        '<div class="admonition theorem" id="thm-a"><p class="admonition-title">A</p>'
        f'<p>{statement}</p></div><div class="admonition proof"><p>Proof</p><p>{proof}</p></div>'
    )
    (result, _) = claims(theorem, [record("test_a")]).entries()
    assert (result.status, result.partly) == ("executed", partly)


def test_result_owns_the_equations_that_it_proves(claims):
    """Equations inside a result, and those named in data-proves, belong to it; a route names a dependency."""
    theorem = (
        '<div class="admonition theorem" id="thm-a" data-proves="eq-x"><p class="admonition-title">A</p>'
        r"<p>By \eqref{eq-x} and \eqref{eq-y}.</p></div>"
    )
    found = claims(EQUATION + theorem, [record("test_a", equation="eq-x") | {"claim": ""}]).entries()
    equation, result, _ = found
    assert (result.holds, result.rests_on, result.status) == (["eq-x"], ["eq-y"], "executed")
    item = record("test_a", equation="eq-x", route="z as printed in eq-z, not eq-x")
    assert claims(EQUATION, [item]).entries()[0].rests_on == ["eq-z"]
    assert equation.rests_on == []


def test_citation_is_linked_and_its_sentence_is_the_claim(claims):
    """A citation leads to its reference; the claim is its sentence; a missing reference is a problem."""
    page = claims(f"<p>Before. They say so [1, App. B] <em>twice</em> [1]. After.</p>{REFERENCES}")
    (cited,) = page.cited()
    assert cited.claim == "They say so [1, App. B] twice [1]." and cited.status == "cited"
    assert [item["source"] for item in cited.evidence] == [
        "[1, App. B] A. Author, A Title.",
        "[1] A. Author, A Title.",
    ]
    assert '<a class="citation" href="#reference-1" id="citation-1">[1, App. B]</a>' in page.article.html()
    cell = claims(f"<table><tr><td>Of A. Much, 3 % [1]. More.</td></tr></table>{REFERENCES}")
    assert [cited.claim for cited in cell.cited()] == ["Of A. Much, 3 % [1]"]
    assert page.article.problems == []
    missing = claims(f"<p>They say so [3].</p>{REFERENCES}")
    assert "[3] cites reference 3; the page lists 1" in missing.article.problems[0]


def test_every_display_of_the_source_is_in_the_ledger(entries):
    """Each $$ of each page, with or without a label, is listed under its line."""
    listed = {
        (entry["page"], entry["line"], entry["label"]) for entry in entries if entry["kind"] == "equation"
    }
    for path in sorted((ROOT / "docs").rglob("*.md")):
        text = path.read_text()
        for match in DISPLAY.finditer(text):
            label = re.search(r"\\label\{([^}]*)\}", match[1])
            name = path.relative_to(ROOT).as_posix()
            lines = range(text.count("\n", 0, match.start()) + 1, text.count("\n", 0, match.end()) + 2)
            assert any((name, line, label and label[1]) in listed for line in lines), (name, lines[0])


def test_shares_meet_their_targets(entries):
    """At least 70 % of the labelled equations were run, and at least 90 % of all carry a label."""
    equations = [entry for entry in entries if entry["kind"] == "equation"]
    labelled = [entry for entry in equations if entry["label"]]
    run = [entry for entry in labelled if entry["status"] in ("symbolic", "library", "executed")]
    assert len(run) >= 0.7 * len(labelled)
    assert len(labelled) >= 0.9 * len(equations)
    assert all(entry["check"] and entry["evidence"] for entry in run)


def tree(address: str) -> html.HtmlElement:
    """Return a built page, parsed."""
    return html.parse(str(SITE / address / "index.html")).getroot()


@pytest.fixture(scope="session")
def lists():
    """Return the pages of the ledger by their address, parsed."""
    addresses = [path.parent.relative_to(SITE).as_posix() + "/" for path in SITE.glob("ledger/**/index.html")]
    return {address: tree(address) for address in addresses}


def place(item: dict) -> tuple[str, str]:
    """Return the page of the ledger that lists a published entry, and its anchor there."""
    url = item["url"].replace("/checks/#", "/#")
    url += "" if "#" in url else f"#line-{item['line']}"
    question = item["url"].split("/")[0]
    page = f"ledger/{question}/" if re.fullmatch(r"q\d+", question) else "ledger/"
    return page, url.replace("/#", "-").replace("/", "-")


def test_every_entry_is_listed_once(entries, lists):
    """Each published entry stands on the page of its question, or, of other pages, with the counts."""
    found = [(address, name) for address, page in lists.items() for name in page.xpath("//li/@id")]
    assert sorted(found) == sorted(map(place, entries))
    assert len(lists) == 1 + len([question for question in questions() if question.solved])


def test_links_lead_both_ways(entries, lists):
    """The ledger leads to each equation, result and check, and each of these leads back to its entry."""
    pages = {}
    for item in entries:
        folder, _, fragment = item["url"].partition("#")
        address, anchor = place(item)
        root = "../" * address.count("/")
        assert lists[address].xpath(f'//li[@id="{anchor}"]//a[@href="{root}{item["url"]}"]'), anchor
        if fragment and item["kind"] != "citation":
            page = pages.setdefault(folder, tree(folder))
            assert page.xpath(f'//a[@href="{"../" * folder.count("/")}{address}#{anchor}"]'), anchor


def test_entry_leads_to_what_it_rests_on(entries, lists):
    """What an entry rests on is linked where it is listed, also on the page of another question."""
    known = {item["label"]: item for item in entries if item["label"]}
    resting = [item for item in entries if item["rests_on"]]
    for item in resting:
        address, anchor = place(item)
        links = set(lists[address].get_element_by_id(anchor).xpath(".//a/@href"))
        assert {"../../{}#{}".format(*place(known[name])) for name in item["rests_on"]} <= links, anchor
    assert len(resting) > 10


def test_graph_draws_what_rests_on_what(entries, lists):
    """The graphs of the ledger have a node for each end, and as many arrows as there are dependencies."""
    owners = {name: item["label"] for item in entries for name in item["holds"]}
    pairs = {(item["label"], name) for item in entries for name in item["rests_on"]}
    arrows = {tuple(owners.get(end, end) for end in pair) for pair in pairs}
    arrows = {pair for pair in arrows if pair[0] != pair[1]}
    edges = [edge for page in lists.values() for edge in page.xpath('//*[@class="edge"]')]
    assert len(edges) == len(arrows) > 10
    ends = {label for pair in arrows for label in pair}
    addresses = {item["url"] for item in entries if item["label"] in ends}
    drawn = {url for page in lists.values() for url in page.xpath('//*[contains(@class, "node")]//a/@href')}
    assert drawn == {f"../../{address}" for address in addresses}


def test_counts_lead_to_what_they_count(lists):
    """The table of the ledger counts what the page of each question lists, and leads there."""
    for body in lists["ledger/"].xpath('//table[@class="counts"]/tbody'):
        entries = lists["ledger/" + body.xpath(".//a/@href")[0].removeprefix("../ledger/")]
        groups = Counter()
        for summary in entries.xpath('//details[@class="group"]/summary'):
            number, _, name = summary.text_content().partition(" ")
            groups[name] += int(number)
        rows = {row.findtext("td"): int(row.xpath("td[last()]")[0].text) for row in body.iter("tr")}
        assert rows == {name: groups[name] for name in rows} and sum(rows.values()) > 10


def test_entries_are_no_pages_of_the_navigation(lists):
    """The entries of a question are reached from the ledger: no menu, search or copy as text has them."""
    for address, page in lists.items():
        assert page.xpath('//*[contains(@class, "md-nav")]//a[contains(@href, "ledger/q")]/@href') == []
        path = [" ".join(link.text_content().split()) for link in page.xpath('//nav[@class="md-path"]//a')]
        tools = page.xpath('//p[@class="page-tools"]/a/text()')
        if address != "ledger/":
            assert (path, tools) == (["The exam at a glance", "The ledger"], ["Report a mistake"])
            assert not (SITE / address / "index.html.md").exists()
            assert page.xpath("//meta[@name='description']/@content")[0].startswith("The equations, results")
    assert not [path for path in SITE.glob("search/*") if "ledger/" in path.read_text()]
    assert "ledger/q" not in (SITE / "llms.txt").read_text()
    assert SITE.joinpath("ledger/index.html.md").read_text().endswith("/ledger.json\n")


# -- addresses of old: all entries stood on the page of the ledger ---------------------------------------

OLD = ["#q0-a-alibi-check-score", "#q2-b-reward-classes-eq-class-optimum", "#q5-a-control-tasks"]
ARRIVED = """() => {
  const entry = document.querySelector(":target"), top = entry?.getBoundingClientRect().top;
  const open = !entry?.matches("li") || entry.querySelector(".comparisons").checkVisibility();
  return open && top >= 0 && top < innerHeight;
}"""


@pytest.fixture(params=[(1280, 900), (360, 740)], ids=["desktop", "phone"])
def window(request, browser):
    """Open a window of one size."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", OLD)
def test_old_address_leads_to_the_entry(window, server, name):
    """The address that an entry, a part or a question had in the ledger leads to it; Back does not loop."""
    window.goto(f"{server}about/")
    window.goto(f"{server}ledger/{name}")
    window.wait_for_url(f"{server}ledger/{name[1:3]}/{name}")
    window.wait_for_function(ARRIVED)
    window.go_back()
    window.wait_for_url(f"{server}about/")


def test_old_address_of_a_question_leads_to_its_entries(window, server):
    """The address that a question had in the ledger leads to the top of its page, also among files."""
    for root in (server, f"{SITE.as_uri()}/"):
        window.goto(f"{root}ledger/{'index.html' * (root != server)}#q3")
        window.wait_for_url("**/ledger/q3/*#q3")
        assert window.locator("h1").text_content() == "The ledger of question 3"
        assert window.evaluate("scrollY") == 0


def test_other_addresses_stay(window, server):
    """What stands with the counts, and what never was, leads nowhere else."""
    for name in ("#elsewhere", "#exam-line-97", "#q9-a-none"):
        window.goto(f"{server}ledger/{name}", wait_until="networkidle")
        assert window.url == f"{server}ledger/{name}"


def test_status_leads_to_its_open_entry(window, server):
    """The status of a corollary leads to its entry, which is open, and from there to what it rests on."""
    window.goto(f"{server}q2/b-reward-classes/")
    window.locator("#cor-class-canonical a.statement-status").click()
    window.wait_for_url(f"{server}ledger/q2/#q2-b-reward-classes-cor-class-canonical")
    window.wait_for_function(ARRIVED)
    link = window.locator(":target p", has_text="Rests on").locator("a").first
    target = link.evaluate("(link) => link.href")
    link.click()
    window.wait_for_url(target)
    window.wait_for_function(ARRIVED)
