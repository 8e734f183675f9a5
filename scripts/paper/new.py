"""Make a part that builds and passes: `./scripts/new q2/d-my-part`."""

import re
import sys

from paper.exam import paper
from paper.parts import DOCS, ROOT, SCRIPTS, Part
from paper.rules import CHECKS

TEMPLATE = SCRIPTS / "paper" / "part"


def values(part: Part) -> dict[str, str]:
    """Return what the template is filled with: from the paper where it has the part."""
    question, letter = re.match(r"q(\d+)/([a-z])-", part.id).groups()
    section = f"q{question}-{letter}"
    title = part.folder.name[2:].replace("-", " ").capitalize()
    found = {"title": title, "marks": "1", "tags": "Alignment", "prefix": part.prefix}
    found["question"] = "State the claim that the figure and the check of this part show. **(1 mark)**"
    for given in (p for q in paper()["questions"] if q["id"] == f"q{question}" for p in q["parts"]):
        if given["id"] == letter:
            text = (DOCS / "exam.md").read_text()
            names = [name for name in (f"q{question}", section) if f"[start:{name}]" in text]
            found |= {
                "title": given["title"], "marks": f"{given['marks']:g}", "tags": ", ".join(given["tags"]),
                "question": "\n\n".join(f'--8<-- "exam.md:{name}"' for name in names),
            }  # fmt: skip
    return found | {"number": part.number}


def create(name: str) -> Part:
    """Write the page, the model, the figure and the check of a new part; never overwrite one."""
    if not re.fullmatch(r"q\d+/[a-z]-[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(f"{name!r} is not of the form q2/d-my-part (lower case, digits and hyphens)")
    part = Part(DOCS / name)
    if name.split("/")[0] not in [question["id"] for question in paper()["questions"]]:
        raise ValueError(f"the paper has no question {name.split('/')[0]}")
    same = [p.name for p in part.folder.parent.glob(f"{part.folder.name[:2]}*") if p.is_dir()]
    if same:
        raise ValueError(f"docs/{name.split('/')[0]} has {part.number} already: {', '.join(same)}")
    part.folder.mkdir(parents=True)
    for source in sorted(TEMPLATE.iterdir()):
        text = source.read_text()
        for key, value in values(part).items():
            text = text.replace(f"<<{key}>>", value)
        part.file(source.name).write_text(text)
    return part


def question_page(part: Part):
    """Write the page of the question if this is its first part."""
    page = part.folder.parent / "index.md"
    question = next(q for q in paper()["questions"] if q["id"] == part.folder.parent.name)
    if not page.exists():
        number = question["id"].removeprefix("q")
        page.write_text(f"# Question {number}: {question['title']}\n\n<!-- parts -->\n")


def main(arguments: list[str]) -> int:
    """Make the part named on the command line, and say what to do next."""
    if len(arguments) != 1:
        print("usage: ./scripts/new q2/d-my-part", file=sys.stderr)
        return 2
    try:
        part = create(arguments[0])
    except ValueError as error:
        print(f"scripts/new: {error}", file=sys.stderr)
        return 2
    question_page(part)
    for path in sorted(part.folder.iterdir()):
        print("made", path.relative_to(ROOT))
    print(f"The build adds the page of its checks, {part.id}/{CHECKS}")
    print(
        f"Write with ./scripts/serve, which shows every change; check it with ./scripts/check docs/{part.id}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
