"""Make a project of many parts from the few that there are, to measure what the workshop needs for them."""

import re
import shutil
from itertools import islice, product
from pathlib import Path

import yaml
from paper.parts import ROOT, SCRIPTS, Part, discover

LEFT_OUT = (".venv", ".git", "site", "node_modules", "__pycache__", ".ruff_cache", ".pytest_cache", ".cache")
LABEL = re.compile(r"\\label\{([^}]*)\}|\bid: ([\w-]+)|\{#([\w-]+)", re.MULTILINE)
FIGURE = re.compile(r"^def ([a-z]\w*)\(canvas", re.MULTILINE)
SIBLING = re.compile(r"\]\(\.\./(?=[a-z]-)")
SIBLING_FOLDER = re.compile(r"\.parents\[1\] / (?=\"[a-z]-)")  # in code
PER_QUESTION = 4


def copy_of_project(target: Path) -> Path:
    """Copy the project without what is built, installed and cached."""
    shutil.copytree(ROOT, target, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (target / "scripts/node/node_modules").symlink_to(SCRIPTS / "node" / "node_modules")
    return target


def grow(project: Path, number: int):
    """Copy the parts of the project under new names until it has `number` of them, in new questions.

    A label or figure of a copy is named after the original and its place, so that no two are the same.
    """
    path = project / "docs" / "exam.yml"
    paper = yaml.safe_load(path.read_text())
    first = len(paper["questions"])
    places = product(range(first, 1000), "abcdefgh"[:PER_QUESTION])
    originals = discover()
    for count, (question, letter) in enumerate(islice(places, number - len(originals))):
        part = originals[count % len(originals)]
        copy(part, project / "docs" / f"q{question}", letter)
        if letter == "a":
            given = {"id": f"q{question}", "title": f"Copies {question}", "marks": 0, "parts": []}
            paper["questions"].append(given)
            index = f'---\ntitle: "Copies {question}"\n---\n# Question {question}: Copies\n\n<!-- parts -->\n'
            (project / "docs" / f"q{question}" / "index.md").write_text(index)
    path.write_text(yaml.safe_dump(paper, sort_keys=False))


def copy(part: Part, question: Path, letter: str):
    """Copy one part into the folder of a question, with its labels and figures renamed."""
    folder = question / f"{letter}-{part.folder.name[2:]}"
    shutil.copytree(part.folder, folder)
    for shared in part.folder.parent.glob("*.py"):
        if shared.name != "lab.py":
            shutil.copy(shared, question)
    page, figures = folder / "index.md", folder / "figures.py"
    labels = {name for match in LABEL.findall(page.read_text()) for name in match if name}
    drawn = FIGURE.findall(figures.read_text()) if figures.is_file() else []
    names = sorted(labels | {*drawn, *(name.replace("_", "-") for name in drawn)}, key=len, reverse=True)
    end = f"{question.name}{letter}"
    known = re.compile(rf"(?<![\w-])(fig-)?({'|'.join(map(re.escape, names))})(?![\w-])")
    origin = part.folder.parent.name  # where the siblings are: a copy may stand alone
    for file in folder.glob("*.*"):
        renamed = known.sub(lambda m: f"{m[0]}{'_' if '_' in m[0] else '-'}{end}", file.read_text())
        file.write_text(SIBLING_FOLDER.sub(f'.parents[2] / "{origin}" / ', renamed))
    text = page.read_text().replace(f"# {part.number} ", f"# {question.name[1:]}({letter}) ", 1)
    page.write_text(SIBLING.sub(f"](../../{origin}/", text))
