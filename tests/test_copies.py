"""Copies of the parts, of which the benchmark makes a project of many, are whole parts."""

import re

from conftest import ROOT
from pages.copies import copy_of_project, grow
from paper.parts import discover

LABEL = re.compile(r'f?"(eq-[^"]*)"')
FOLDER = re.compile(r'__file__\)((?:\.resolve\(\))?\.parents\[\d\](?: / "[\w.-]+")+)')


def test_a_copy_finds_what_the_original_finds(tmp_path):
    """The code of a copy names equations of its own page, in full, and files that are there."""
    project, number = copy_of_project(tmp_path / "project"), len(discover())
    grow(project, 2 * number)
    copies = [path.parent for path in project.glob("docs/q*/*/index.md")]
    copies = [folder for folder in copies if not (ROOT / folder.relative_to(project)).exists()]
    assert len(copies) == number
    lost = []
    for folder in copies:
        page = (folder / "index.md").read_text()
        for file in folder.glob("*.py"):
            code = file.read_text()
            lost += [label for label in LABEL.findall(code) if f"\\label{{{label}}}" not in page]
            ups = [(re.search(r"\d", path)[0], re.findall(r'"(.+?)"', path)) for path in FOLDER.findall(code)]
            places = [file.parents[int(up)].joinpath(*names) for up, names in ups]
            lost += [str(place) for place in places if not place.exists()]
    assert lost == []
