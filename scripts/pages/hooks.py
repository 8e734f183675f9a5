"""The joints between MkDocs and the modules that do the work."""

import calendar
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import jinja2
from checking import ledger
from maths.typeset import ahead
from mkdocs.exceptions import Abort
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File
from mkdocs.structure.nav import Section
from mkdocs.utils.meta import YAML_RE
from paper import exam, front, markup, settings
from paper.parts import CACHE, DOCS, SCRIPTS, discover
from paper.sources import Sources
from printing.later import later

from pages import (
    assembly,
    checklist,
    fonts,
    formula_fonts,
    glossary,
    handout,
    ledgers,
    notebook,
    rendered,
    runs,
    search,
    sharing,
    styles,
    topics,
)
from pages.formulas import Formulas

log = logging.getLogger("mkdocs.full-marks")
MODULES = SCRIPTS / "node" / "node_modules"
COPYING = MODULES / "katex/dist/contrib/copy-tex.min.js"
WATCHED = [*(path for path in sorted(SCRIPTS.iterdir()) if path.is_dir()), MODULES.parent / "search"]
seen: set[str] = set()  # the texts whose formulas are typeset
listings = [""]  # the digest of what the links of a page may lead to
formulas: list[Formulas] = [None]


class SourceLine(logging.Filter):
    """Puts `file:line` in front of MkDocs' own warnings about links, which name only the file."""

    def filter(self, record):
        message = record.getMessage()
        found = re.match(r"Doc file '([^']+)' contains (?:an?|the) .*?'([^']+)'", message)
        if found and not getattr(record, "located", False):
            path = DOCS / found[1]
            said = re.sub("^Doc file '[^']+' contains", "the page contains", message)
            record.msg, record.args, record.located = f"{Sources(path).locate(found[2])}: {said}", (), True
        return True


def on_startup(command, dirty):
    """Give MkDocs' link warnings their line, what runs one environment, and kernels no open ports."""
    later.wanted = command == "serve"
    os.environ |= settings.SAME | {"SOURCE_DATE_EPOCH": f"{calendar.timegm(settings.released().timetuple())}"}
    time.tzset()
    os.environ["JUPYTER_CONFIG_PATH"] = str(SCRIPTS / "pages" / "jupyter")
    for name in ("mkdocs.structure.pages", "mkdocs.structure.nav", "mkdocs.commands.build"):
        logging.getLogger(name).addFilter(SourceLine())


def on_pre_build(config):
    """Read what is written for faults, draw the figures, and begin to run the checks.

    Without the settings that all pages rest on there is no build at all.
    """
    later.stop()
    report(broken := settings.problems())
    if broken:
        raise Abort("no page can be built with these settings")
    report(topics.problems(config.extra["topics"]) + glossary.problems())
    written = [*sorted(DOCS.rglob("*.md")), *sorted(DOCS.glob("q*/lab.py"))]
    texts = [path.read_text() for path in [*written, *sorted(DOCS.glob("q*/*/checks.py"))]]
    ahead(text for text in texts if text not in seen)
    seen.clear()
    seen.update(texts)
    runs.start(config.extra.get("only", ""))
    for path in written:
        report(markup.problems(path))
    fonts.prepare()  # for the last step, in which it would keep one core alone
    runs.finish("figures")


def on_build_error(error):
    """Say what failed in the checks too when the build ends early."""
    runs.finish(*runs.PROGRAMS)


def report(problems: list[str]):
    """Hand each problem to the log of the build."""
    for problem in problems:
        log.warning(problem)


def on_files(files, config):
    """Add figures, the script that copies formulas, notebooks, and the pages of checks and of the ledger."""
    generated(files, config, f"assets/katex/{COPYING.name}", COPYING)
    for part in discover():
        for path in sorted((CACHE / "figures" / part.id).glob("*.svg")):
            generated(files, config, f"{part.id}/{path.name}", path)
    for file in chain(checklist.files(config), ledgers.files(config)):
        files.append(file)
    files.append(File.generated(config, "assets/copy.js", content=sharing.copy_script()))
    for lab in sorted(DOCS.glob("q*/lab.py")):
        uri = lab.relative_to(DOCS).with_suffix(".ipynb").as_posix()
        files.append(File.generated(config, uri, content=notebook.written(lab.read_text())))
    return files


def on_serve(server, config, builder):
    """Let the live server outlive a build that fails, with the pages of the last good one."""
    build, site = server.builder, Path(config.site_dir)
    for folder in WATCHED:  # not the packages of Node: looking at thousands of files takes its time
        server.watch(str(folder), recursive=folder != MODULES.parent)

    def build_or_keep():
        with TemporaryDirectory() as folder:
            kept = shutil.copytree(site, f"{folder}/site", copy_function=os.link)
            try:
                build()
            except (Exception, SystemExit) as error:
                shutil.rmtree(site)
                shutil.copytree(kept, site)
                log.error("%s: this build stopped; the pages shown are those of the last one", short(error))

    server.builder = build_or_keep
    return server


def generated(files, config, uri: str, path: Path):
    """Add one file that is not in the docs folder."""
    files.append(File.generated(config, uri, abs_src_path=str(path)))


def on_nav(nav, config, files):
    """Order the navigation as the exam is, and call the questions by their names."""
    listings[:] = [rendered.listing(files)]
    ledgers.fold(nav, files)
    names = {question.id: f"Question {question.number}" for question in exam.questions()}
    rank = {
        "index.md": 0,
        "exam.md": 1,
        "topics/index.md": 3,
        "glossary.md": 4,
        "practise.md": 5,
        "print.md": 6,
        "ledger.md": 7,
        "about.md": 8,
        "equations.md": 9,
    }
    for section in [item for item in nav.items if isinstance(item, Section)]:
        page = next(child for child in section.children if getattr(child, "file", None))
        section.title = names.get(page.file.src_uri.split("/")[0], section.title)
        section.children = [
            checklist.shown_alone(child) if isinstance(child, Section) else child
            for child in section.children
        ]
        section.children.sort(key=lambda child: child.file.src_uri.endswith(".py"))  # the lab comes last
        for child in section.children:
            child.parent = section
    nav.items[:] = [overview(item) for item in nav.items]
    nav.items.sort(key=lambda item: rank.get(pages_of(item)[0].file.src_uri, 2))
    nav.pages[:] = [page for item in nav.items for page in pages_of(item)]
    for page, following in pairwise([None, *nav.pages, None]):
        if page:
            page.next_page = following
        if following:
            following.previous_page = page
    return nav


def overview(item):
    """Return the list of the topics in place of their section, which is long; the list leads to each."""
    first = pages_of(item)[0]
    if first.file.src_uri != "topics/index.md":
        return item
    for page in pages_of(item):
        page.parent = page.previous_page = page.next_page = None
    return first


def pages_of(item) -> list:
    """Return the pages of a navigation item in reading order."""
    if isinstance(item, Section):
        return [page for child in item.children for page in pages_of(child)]
    return [item]


@event_priority(-100)
def on_pre_page(page, config, files):
    """Let a page that cannot be rendered say where, and the build go on to find all errors."""
    render, listing = page.render, listings[0]

    def render_or_report(config, files):
        try:
            rendered.render(page, listing, lambda: render(config, files))
        except Exception as error:
            page.content = ""
            source = Sources(Path(page.file.abs_src_path))
            line = notebook.failing_line(error)
            log.warning("%s: %s", source.locate(line or missing_snippet(error)), short(error))

    page.render = render_or_report
    return page


def missing_snippet(error: Exception) -> str:
    """Return the snippet an error complains about, as it is written in the page."""
    found = re.search(r"'([^']+)'", str(error))
    return found[1] if found and "nippet" in str(error) else ""


def short(error: Exception) -> str:
    """Return the last line of an error: its kind and message."""
    lines = notebook.ANSI.sub("", str(error)).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"


@event_priority(100)  # before the topics are read
def on_page_markdown(markdown, page, config, files):
    """Read a page as it was meant, whatever is reported about it; the line of facts shows its topics."""
    path = Path(page.file.abs_src_path)
    if front.is_part(path):
        page.meta = front.meta(path.read_text()) | {"hide": ["tags"]}
    if part := checklist.part_of(page):
        markdown, page.meta = checklist.written(part)
    if question := ledgers.question_of(page):
        markdown, page.meta = ledgers.written(question)
    if path.parent == topics.FOLDER:
        markdown = topics.linked(markdown)
    line, _ = front.title(markdown := YAML_RE.sub("", markdown))
    lines = markup.mended(markdown).splitlines()
    lines[line - 1 : line] = map(front.plain, lines[line - 1 : line])
    return "\n".join(lines)


@event_priority(50)
def on_env(env, config, files):
    """Number all pages, resolve their references, and typeset their formulas in one run."""
    runs.finish("checks")
    written = [file.page for file in files.documentation_pages() if file.page and file.page.content]
    done = assembly.assemble(written, config.extra["topics"], config.site_url, config.extra.get("only", ""))
    report(done.problems)
    log.info("%d formulas typeset", len(done.formulas))
    log.info("%s", account(done.ledger))
    bytecode = CACHE / "templates"
    bytecode.mkdir(parents=True, exist_ok=True)
    env.bytecode_cache = jinja2.FileSystemBytecodeCache(str(bytecode))
    for one in done.sets:
        generated(files, config, f"pdf/{one.path.name}", one.path)
    log.info("%d sets printed, %d pages", len(done.sets), sum(one.pages for one in done.sets))
    formulas[0] = Formulas(done.sheets, done.formulas)
    made = fonts.assets(page.content for page in written)
    made |= formula_fonts.sheets(formulas[0].names, formulas[0].faces)
    for address, content in made.items():
        files.append(File.generated(config, address, content=content))
    pages = [file.page for file in files.documentation_pages() if file.page]
    later.made = made_of(done, pages, config)
    return env


def made_of(done: assembly.Assembly, pages: list, config) -> Iterator[tuple[str, str | bytes]]:
    """Yield address and content of what is made of the finished pages, and that none of them waits for."""
    entries = [entry.as_json() for entry in done.ledger]
    yield "ledger.json", json.dumps(entries, indent=1, ensure_ascii=False)
    contents = {s.part: formulas[0].put(s.whole) for s in done.sheets if s.part}
    yield from handout.scripts(contents).items()
    yield from search.files(done.sheets, done.words).items()
    yield from sharing.files(pages, done.labels, config)


def account(entries: list[ledger.Entry]) -> str:
    """Return in one line how many equations are displayed, labelled and run."""
    displayed = sum(entry.kind == "equation" for entry in entries)
    counts = ledger.tally(ledger.labelled(entries))
    shown = ", ".join(f"{number} {status}" for status, number in counts.items() if number)
    return f"{displayed} equations displayed, {sum(counts.values())} with a label: {shown}"


def on_post_template(output, template_name, config):
    """Give the page for lost addresses a title of its own."""
    named = f"<title>Not found – {config.site_name}</title>"
    return re.sub("<title>.*?</title>", named, output) if template_name == "404.html" else output


def on_post_build(config):
    """Make what stands beside the pages, and print the sets, for which the live server does not wait."""
    if not later.wanted:  # an author waits for a page, not for its kilobytes
        styles.lighten(Path(config.site_dir))
    later.start(Path(config.site_dir))


@event_priority(-100)
def on_post_page(output, page, config):
    """Put the typeset formulas in place of their plain text; add the card and the line of tools."""
    output = output.replace("</head>", f"{sharing.tags(page, config)}\n</head>", 1)
    content, end, rest = output.rpartition("</article>")
    content, pictures = notebook.pictures(content)
    for name, picture in pictures.items():
        path = Path(config.site_dir, page.url, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    output = f"{content}{sharing.tools(page, config)}\n{end}{rest}"
    return formulas[0].put(output)
