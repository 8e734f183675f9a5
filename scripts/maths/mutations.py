"""The mutants of an equation: slips of the pen, each made at one place of its expression tree.

An operator takes a node and its display, and yields what is done and the node that comes of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from maths.tree import Node

PAIRS = {"min": "max", "log": "exp", "ln": "exp", "sin": "cos", "floor": "ceil", "argmax": "argmin"}
EXCHANGED = PAIRS | {b: a for a, b in PAIRS.items()}
REVERSED = {"≤": "≥", "≥": "≤", "<": ">", ">": "<"}
BORDERS = {"<": "≤", ">": "≥", "≤": "<", "≥": ">"}
SYMMETRIC = ("min", "max")
ONE = Node("number", "1")
Change = tuple[str, Node]


@dataclass(frozen=True)
class Display:
    """The statements of a display, and the products in it that do not commute."""

    statements: tuple[Node, ...]
    products: frozenset[Node] = frozenset()

    def nodes(self) -> Iterator[Node]:
        """Yield all nodes of the display."""
        for statement in self.statements:
            yield from statement.walk()

    def symbols(self) -> dict[str, Node]:
        """Return the symbols of the display with their indices, by their plain names."""
        bases = {id(node.parts[0]) for node in self.nodes() if indexed(node)}
        found = (node for node in self.nodes() if node.kind == "name" or indexed(node))
        return {node.plain: node for node in found if node.plain and id(node) not in bases}

    def letters(self) -> dict[str, Node]:
        """Return the single letters that are indices."""
        places = [place for node in self.nodes() if indexed(node) for place in node.parts[1:]]
        inside = [part for place in places for part in (place.parts if place.kind == "letters" else [place])]
        return {part.value: part for part in inside if part.kind == "name" and len(part.value) == 1}

    def counters(self) -> set[str]:
        """Return the variables that count: those that run from one number to another."""
        return {node.value for node in self.nodes() if node.kind == "range"}


def indexed(node: Node) -> bool:
    """Tell whether a node is a symbol with an index, lower or upper."""
    return node.kind == "index" or node.kind == "power" and node.value == "index"


def put(node: Node, at: int, *new: Node) -> Node:
    """Return a node with other parts in place of one."""
    return replace(node, parts=(*node.parts[:at], *new, *node.parts[at + 1 :]))


def signs(node: Node, _: Display) -> Iterator[Change]:
    if node.kind == "negate":
        yield "drop minus", node.parts[0]
    if node.kind == "add":
        for at, term in enumerate(node.parts[1:], 1):
            flipped = term.parts[0] if term.kind == "negate" else Node("negate", None, (term,))
            yield f"flip sign of {term.tex}", put(node, at, flipped)


def terms(node: Node, _: Display) -> Iterator[Change]:
    if node.kind == "add":
        for at, term in enumerate(node.parts):
            rest = put(node, at)
            yield f"drop term {term.tex}", rest if len(rest.parts) > 1 else rest.parts[0]


def fractions(node: Node, _: Display) -> Iterator[Change]:
    if node.kind == "divide":
        above, below = node.parts
        yield "turn fraction over", replace(node, parts=(below, above))
        yield "drop numerator", replace(node, parts=(ONE, below))
        yield "drop denominator", above
        yield "multiply", Node("multiply", "", node.parts)


def functions(node: Node, _: Display) -> Iterator[Change]:
    if node.kind == "apply" and node.parts[0].value in EXCHANGED:
        yield "exchange function", put(node, 0, replace(node.parts[0], value=EXCHANGED[node.parts[0].value]))
    if node.value in EXCHANGED and node.kind == "big":
        yield "exchange function", replace(node, value=EXCHANGED[node.value])
    if node.kind == "apply" and node.parts[0].value == "sigma" and node.parts[1].kind != "negate":
        yield "negate argument", put(node, 1, Node("negate", None, (node.parts[1],)))


def relations(node: Node, _: Display) -> Iterator[Change]:
    for at, sign in enumerate(node.value if node.kind == "relation" else ()):
        if sign in REVERSED:
            signs = (*node.value[:at], REVERSED[sign], *node.value[at + 1 :])
            yield "reverse inequality", replace(node, value=signs)


def numbers(node: Node, _: Display) -> Iterator[Change]:
    if node.kind == "number":
        yield "increase number", replace(node, value=f"{float(node.value) + 1:g}")


def limits(node: Node, _: Display) -> Iterator[Change]:
    if node.kind == "range":
        first, last = node.parts
        yield "decrease limit", put(node, 1, Node("add", None, (last, Node("negate", None, (ONE,)))))
        yield "raise first limit", put(node, 0, Node("add", None, (first, ONE)))


def conditions(node: Node, display: Display) -> Iterator[Change]:
    for at, condition in enumerate(node.parts[1:] if node.kind == "big" else (), 1):
        if condition.kind == "relation" and condition.value[0] not in "∈∉":
            names = {n.value: n for n in condition.walk() if n.kind == "name"}
            free = [names[name] for name in sorted(names)] if at == 1 else []
            yield f"drop condition {condition.tex}", put(node, at, *free)
            for sign in set(condition.value) & BORDERS.keys():
                moved = tuple(BORDERS[s] if s == sign else s for s in condition.value)
                yield f"move border of {condition.tex}", put(node, at, replace(condition, value=moved))


def names(node: Node, display: Display) -> Iterator[Change]:
    if node.plain in (symbols := display.symbols()):
        for name in sorted(symbols):
            letter, other = (symbol.split("_")[0] for symbol in (node.root, symbols[name].root))
            if name != node.plain and letter == other:
                yield f"change name to {symbols[name].tex or name}", symbols[name]


def indices(node: Node, display: Display) -> Iterator[Change]:
    first = 1 if indexed(node) else 0 if node.kind == "letters" else len(node.parts)
    for at, place in enumerate(node.parts[first:], first):
        if place.kind == "name" and len(place.value) == 1:
            for letter, other in sorted(display.letters().items()):
                if letter != place.value and letter.isupper() == place.value.isupper():
                    yield f"change index to {letter}", put(node, at, other)
        if first and place.mentions(display.counters()) and place.kind != "letters":
            yield f"shift index {place.tex}", put(node, at, Node("add", None, (place, ONE)))


def factors(node: Node, _: Display) -> Iterator[Change]:
    if node.kind == "multiply":
        yield f"drop factor {node.parts[1].tex}", node.parts[0]
        if node.parts[0].kind not in ("multiply", "divide"):
            yield f"drop factor {node.parts[0].tex}", node.parts[1]
    if node.kind == "apply" and is_factor(node):  # P (1 - P) is read as a product if P is a number
        yield "drop bracket", node.parts[0]
        yield "drop factor before the bracket", node.parts[1]


def is_factor(node: Node) -> bool:
    """Tell whether a symbol before a bracket can be a factor: the bracket holds one sum of terms."""
    head, *given = node.parts
    return [part.kind for part in given] == ["add"] and head.root not in ("", "sigma", *EXCHANGED)


def products(node: Node, display: Display) -> Iterator[Change]:
    if node.kind == "multiply" and node in display.products:
        yield "exchange factors", replace(node, parts=node.parts[::-1])
        yield "multiply entry by entry", replace(node, value="⊙")
    if node.value == "⊙":
        yield "multiply as matrices", replace(node, value="")


def arguments(node: Node, _: Display) -> Iterator[Change]:
    if node.kind == "apply" and node.parts[0].value not in SYMMETRIC or node.kind == "stack":
        for at in range(int(node.kind == "apply"), len(node.parts) - 1):
            a, b = node.parts[at : at + 2]
            yield f"exchange arguments {a.tex}, {b.tex}", put(put(node, at, b), at + 1, a)
            yield f"repeat argument {b.tex}", put(node, at, b)
            yield f"repeat argument {a.tex}", put(node, at + 1, a)


def decorations(node: Node, _: Display) -> Iterator[Change]:
    if node.kind == "power" and node.value != "index":
        yield "drop exponent", node.parts[0]
    if node.kind in ("root", "absolute", "norm", "transpose", "conjugate", "adjoint"):
        yield f"drop {node.kind}", node.parts[0]
    if node.kind == "apply" and node.parts[0].value in ("floor", "ceil"):
        yield f"drop {node.parts[0].value}", node.parts[1]
    for mark in ("_prime", "_star"):
        if node.kind == "name" and node.value.endswith(mark):
            yield f"drop {mark[1:]}", replace(node, value=node.value.removesuffix(mark))


def branches(node: Node, _: Display) -> Iterator[Change]:
    if node.kind == "cases":
        for at in range(0, len(node.parts) - 2, 2):
            a, b = node.parts[at], node.parts[at + 2]
            yield "exchange cases", put(put(node, at, b), at + 2, a)


OPERATORS = (
    signs, terms, fractions, functions, relations, numbers, limits, conditions, names, indices, factors,
    products, arguments, decorations, branches,
)  # fmt: skip


def preferences(node: Node) -> Node:
    """Return a tree in which y_w and y_l are exchanged everywhere."""
    other = {"y_w": "l", "y_l": "w"}.get(node.plain)
    if node.kind == "index" and other:
        return put(node, 1, Node("name", other))
    return replace(node, parts=tuple(map(preferences, node.parts)))


def changes(node: Node, display: Display, operators=OPERATORS) -> Iterator[Change]:
    """Yield the slips at a node and at those below it: what is done where, and the changed tree."""
    for operator in operators:
        yield from ((f"{what}: {node.tex or node.plain}", new) for what, new in operator(node, display))
    for at, part in enumerate(node.parts):
        base = indexed(node) and not at  # without its index it is no name of the display
        for what, new in changes(part, display, [o for o in operators if not (base and o is names)]):
            yield what, put(node, at, new)


def mutants(statements: tuple, products=frozenset(), operators=OPERATORS) -> Iterator[tuple[str, tuple]]:
    """Yield the mutants of a display, each with what was done; no two of them are alike."""
    display, seen = Display(tuple(statements), frozenset(products)), {tuple(statements)}
    every = [("exchange y_w and y_l everywhere", tuple(map(preferences, display.statements)))]
    for at, statement in enumerate(display.statements):
        for what, new in changes(statement, display, operators):
            every.append((what, (*display.statements[:at], new, *display.statements[at + 1 :])))
    for what, mutated in every:
        if mutated not in seen:
            seen.add(mutated)
            yield what, mutated
