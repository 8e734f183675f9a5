"""What is made of a page for those who do not read it here: its card, its Markdown, and the list of all."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from urllib.parse import urljoin

from markdown import Markdown
from maths.tokens import MACROS_FILE
from mkdocs.structure.pages import Page
from mkdocs.utils.meta import YAML_RE
from paper import exam, front
from paper.article import LABEL, REFERENCE
from paper.parts import DOCS, Part
from paper.rules import CHECKS
from printing import cards

from pages import blocks, checklist, glossary, ledgers

MARKDOWN = "index.html.md"  # beside index.html, where https://llmstxt.org asks for it
ANCHOR = re.compile(r"\]\((#[^)\s]+)\)")
SNIPPETS = {"base_path": [str(DOCS)]}
SAID = re.compile(r"\\said\{[^{}]*\}\{([^{}]*)\}")


def entry(page: Page) -> exam.Entry | None:
    """Return the part that a page solves, or whose checks it lists."""
    path = Path(page.file.abs_src_path)
    return exam.solved(Part(path.parent)) if front.is_part(path) or checklist.part_of(page) else None


def is_text(page: Page) -> bool:
    """Tell whether a page has a copy as Markdown: a lab is a notebook, the entries of the ledger are data."""
    return page.file.src_uri.endswith(".md") and not ledgers.question_of(page)


def card(page: Page) -> dict[str, str]:
    """Return the texts of the card of a page, with the checks of a part that passed in its last run."""
    solved, course = entry(page), "ELL881/AIL821, IIT Delhi"
    if not solved:
        return {"above": course, "title": page.title, "below": "Large Language Models", "status": ""}
    marks = f"{exam.plain(solved.marks)} mark{'s' * (solved.marks != 1)}"
    passed = sum(record["state"] == "passed" for record in solved.checks)
    below, status = f"{marks} · {', '.join(solved.tags)}", f"✓ {passed} checks passed"
    return {"above": solved.number, "title": solved.title, "below": below, "status": status}


def picture(page: Page) -> str:
    """Return the address of the card of a page: `assets/cards/q2-b-reward-classes.png`.

    The page of the checks of a part shows the card of the part.
    """
    part = checklist.part_of(page)
    return f"assets/cards/{(part.id if part else page.url).strip('/').replace('/', '-') or 'index'}.png"


def tags(page: Page, config) -> str:
    """Return the elements of the head by which other programs show and read a page."""
    title = page.title if page.is_homepage else f"{page.title} – {config.site_name}"
    properties = {
        "og:type": "article" if entry(page) else "website",
        "og:site_name": config.site_name,
        "og:title": title,
        "og:description": page.meta.get("description", config.site_description),
        "og:url": page.canonical_url,
        "og:image": config.site_url + picture(page),
        "og:image:alt": " · ".join(filter(None, card(page).values())),
        "og:image:width": str(cards.SIZE[0]),
        "og:image:height": str(cards.SIZE[1]),
    }
    made = [f'<meta property="{name}" content="{escape(text)}">' for name, text in properties.items()]
    made += ['<meta name="twitter:card" content="summary_large_image">']
    return "\n".join(made)


def tools(page: Page, config) -> str:
    """Return the line under a page: what is wrong here can be told or mended, and the page read as text."""
    repository, address = config.extra["repository"], page.canonical_url
    title = f"{page.title}: "
    links = {f"{repository}/issues/new?title={title}&body={address}".replace(" ", "+"): "Report a mistake"}
    if not ledgers.question_of(page):
        path = Path(page.file.abs_src_path).relative_to(DOCS).as_posix()
        links[f"{repository}/edit/main/docs/{path}"] = "Edit this page"
    if is_text(page):
        links[MARKDOWN] = "Read it as Markdown"
    shown = " · ".join(f'<a href="{escape(link)}">{text}</a>' for link, text in links.items())
    return f'<p class="page-tools">{shown}</p>'


def markdown(page: Page, labels: dict[str, tuple[str, str]], records: list[dict]) -> str:
    """Return a page as Markdown that can be read alone: with numbers, addresses, macros and claims."""
    text = source(page, records)
    numbers = defaultdict(lambda: "??", {name: number for name, (_, number) in labels.items()})
    text = REFERENCE.sub(lambda m: f"({numbers[m[2]]})" if m[1] else numbers[m[2]], text)
    text = LABEL.sub(lambda m: rf"\tag{{{numbers[m[1]]}}}", text)
    text = ANCHOR.sub(lambda m: f"]({page.canonical_url}{CHECKS * m[1].startswith('#check-')}{m[1]})", text)
    claims = [f"- {record['claim']} ({record['state']})" for record in records]
    claims += ["", f"Their evidence and their code: {page.canonical_url}{CHECKS}{MARKDOWN}"]
    text = text.replace("<!-- checks -->", "\n".join(claims))
    text = re.sub("<!-- glossary -->", lambda _: glossary.listed(), text)
    data = urljoin(page.canonical_url, "../ledger.json")
    text = text.replace("<!-- ledger -->", f"All entries, as data: {data}")
    ours = {name: SAID.sub(r"\1", body) for name, body in json.loads(MACROS_FILE.read_text()).items()}
    used = [name for name in ours if re.search(re.escape(name) + r"(?![A-Za-z])", text)]
    macros = [f"- `{name}` is `{ours[name]}`" for name in used]
    told = ["", "TeX macros of this site:", "", *macros] if macros else []
    return "\n".join([f"Source: {page.canonical_url}", "", text.strip(), *told, ""])


def source(page: Page, records: list[dict]) -> str:
    """Return the Markdown that a page is written in; that of the checks is made of their records."""
    if part := checklist.part_of(page):
        title = front.title(part.page.read_text())[1]
        return blocks.templates.get_template("checks.txt").render(title=title, records=records)
    return included(YAML_RE.sub("", Path(page.file.abs_src_path).read_text()))


def copy_script() -> str:
    """Return the script that writes out the macros of a formula that is copied."""
    macros = json.loads(MACROS_FILE.read_text()) | {r"\said": "#2"}  # the words are for those who listen
    return blocks.templates.get_template("copy.js").render(macros=macros)


def included(text: str) -> str:
    """Return Markdown with the snippets that it names in their place."""
    reader = Markdown(extensions=["pymdownx.snippets"], extension_configs={"pymdownx.snippets": SNIPPETS})
    return "\n".join(reader.preprocessors["snippet"].run(text.splitlines()))


def listed(pages: Iterable[Page], config) -> str:
    """Return llms.txt: what this site is, and where each page can be read as Markdown."""
    lines = [f"# {config.site_name}", "", f"> {config.site_description}.", "", "## Pages", ""]
    return "\n".join(lines + [item(page) for page in pages]) + "\n"


def item(page: Page) -> str:
    """Return the line of llms.txt for a page."""
    description = page.meta.get("description", "")
    return f"- [{page.title}]({page.canonical_url}{MARKDOWN})" + f": {description}" * bool(description)


def files(pages: list[Page], labels: dict, config) -> Iterator[tuple[str, str | bytes]]:
    """Yield the address and the content of each file that is made here."""
    for page in pages:
        if not checklist.part_of(page):
            yield picture(page), cards.drawn(json.dumps(card(page)))
        if is_text(page):
            solved = entry(page)
            yield page.url + MARKDOWN, markdown(page, labels, solved.checks if solved else [])
    written = filter(is_text, pages)
    yield "llms.txt", listed(written, config)
