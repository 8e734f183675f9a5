"""The rooms of the scripts: an import only leads down in the README's picture of them."""

import ast
import re

from conftest import ROOT

SCRIPTS = ROOT / "scripts"
ROOMS = ("paper", "maths", "printing", "drawing", "checking", "pages")  # from the ground up


def test_imports_lead_down():
    """No module imports one of a room above its own."""
    up = []
    for height, room in enumerate(ROOMS):
        for path in (SCRIPTS / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = (
                    [alias.name for alias in getattr(node, "names", ())]
                    if isinstance(node, ast.Import)
                    else []
                )
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                above = {name.partition(".")[0] for name in names} & set(ROOMS[height + 1 :])
                up += [f"{path.relative_to(ROOT)}:{node.lineno}: {name}" for name in above]
    assert up == []


def test_readme_draws_the_house():
    """The README's picture shows the rooms there are, the highest first, and every command."""
    text = (ROOT / "README.md").read_text()
    rooms = {path.parent.name for path in SCRIPTS.glob("*/__init__.py")}
    assert rooms == set(ROOMS)
    picture = text.split("## The house", 1)[1].split("```")[1]
    assert re.findall(r"^ (\w+) ", picture, re.MULTILINE) == [*ROOMS[::-1]]
    commands = {path.name for path in SCRIPTS.iterdir() if path.is_file() and not path.suffix}
    assert [name for name in commands if f"./scripts/{name}" not in text] == []
