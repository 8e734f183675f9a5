"""What a check uses: the code of its folder that it reaches by name, and the equations that it reads."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from maths.equations import PARSER, labelled
from maths.tokens import MACROS_FILE
from paper.markup import rows
from paper.parts import SCRIPTS, Part, digest

COMPARISONS = ("checking/comparisons",)
EQUATIONS = ("checking/evidence", *(f"maths/{name}" for name in PARSER))


def key(part: Part, name: str, labels: set[str]) -> str:
    """Return the digest of what the record of a check rests on, if it reads the equations with these labels.

    A change of the evaluator or of a display concerns only the checks that read an equation.
    """
    own = reached(part.file("checks.py"), name)
    used = [*own, *map(meaning, tools(COMPARISONS))]
    if labels:
        used += map(meaning, tools(EQUATIONS))
        used += [tex for label, tex, _ in labelled(part.page) if label in labels]
    if any("evidence.table(" in code for code in own):
        used += map(repr, rows(part.page))
    files = [part.file("results.json"), *([MACROS_FILE] if labels else [])]
    return digest(*files, text="\n".join(used))


def tools(names: tuple[str, ...]) -> list[Path]:
    return [SCRIPTS / f"{name}.py" for name in names]


def labels(record: dict) -> set[str]:
    """Return the labels of the equations that a check read, by its record."""
    compared = {found["equation"] for found in record["evidence"] if "equation" in found}
    return compared.union(record.get("reads", []))


def meaning(path: Path) -> str:
    """Return Python code without comments and layout, or as it stands if it does not parse."""
    return normal(path.read_text())


@lru_cache(maxsize=500)
def normal(text: str) -> str:
    """Return the text of Python code without comments and layout; that of the tools is asked for often."""
    try:
        return ast.unparse(ast.parse(text))
    except SyntaxError:
        return text


def reached(path: Path, *names: str) -> list[str]:
    """Return the code that the names of a module reach, also in modules beside and above it, without layout.

    What a module does besides defining names, the empty name, is always reached.
    """
    found, queue, modules = {}, [(path, name) for name in (*names, "")], {}
    while queue:
        module, name = queue.pop()
        if (module, name) in found:
            continue
        if module not in modules:
            modules[module] = definitions(module)
            queue.append((module, ""))
        base, _, attribute = name.partition(".")
        nodes = modules[module].get(base, [])
        found[module, name] = [ast.unparse(node) for node in nodes]
        for node in nodes:
            queue += [(module, used) for used in mentioned(node)]
            queue += imported(module, node, attribute)
    return [code for at in sorted(found) for code in found[at]]


def definitions(path: Path) -> dict[str, list[ast.stmt]]:
    """Return the statements of a module by the names that they define; an import is taken apart."""
    return defined(path.read_text())


@lru_cache(maxsize=500)
def defined(text: str) -> dict[str, list[ast.stmt]]:
    """Return the statements of the text of a module by the names that they define."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = (alias.asname or alias.name).split(".")[0]
                found.setdefault(name, []).append(type(node)(**vars(node) | {"names": [alias]}))
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.setdefault(node.name, []).append(node)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):  # no docstring
            stored = (n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
            for name in {n.id for n in stored} or {""}:
                found.setdefault(name, []).append(node)
    return found


def mentioned(node: ast.AST) -> set[str]:
    """Return the names in a statement, with the attribute that is read of them: `m` or `m.mean`."""
    found = {id(name): name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            found[id(part.value)] = f"{part.value.id}.{part.attr}"
    return set(found.values())


def imported(module: Path, node: ast.AST, attribute: str) -> Iterator[tuple[Path, str]]:
    """Yield what a statement imports from the folder or the one above; of a module its attribute, or all."""
    for part in ast.walk(node):
        for alias in part.names if isinstance(part, ast.ImportFrom) and part.level else ():
            source = module.parents[part.level - 1] / f"{part.module or alias.name}.py"
            if source.is_file():
                every = [attribute] if attribute else definitions(source)
                yield from ((source, name) for name in ([alias.name] if part.module else every))
