"""The expression tree of an equation: what its parser makes, its evaluator reads, and mutations change."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Node:
    """An operation with its arguments, and the TeX it was read from; names and numbers have no arguments."""

    kind: str
    value: object = None
    parts: tuple["Node", ...] = ()
    tex: str = field(default="", compare=False)

    @cached_property
    def plain(self) -> str:
        """The plain name of a symbol with its indices, as `pi_star_r` or `h__l`; empty if it has none."""
        names = [part.plain for part in self.parts]
        match self.kind:
            case "name" | "number" | "word" | "constant":
                return str(self.value)
            case "letters":
                return "".join(names)
            case "part":
                return "_".join([self.value, *names])
            case "negate":
                names = ["minus", *names]
            case "add":
                later = (name if name.startswith("minus_") else f"plus_{name}" for name in names[1:])
                names = [names[0], *later]
            case "index" | "multiply" | "power":
                pass
            case _:
                return ""
        return ("__" if self.kind == "power" else "_").join(names) if all(names) else ""

    @property
    def root(self) -> str:
        """The name of a symbol without its indices and exponents; empty for anything else."""
        if self.kind in ("index", "power"):
            return self.parts[0].root
        return self.value if self.kind == "name" else ""

    def walk(self) -> Iterator["Node"]:
        """Yield the node and all nodes below it, from left to right."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def mentions(self, names: set[str]) -> bool:
        """Tell whether one of the names stands in the node."""
        return any(node.kind == "name" and node.value in names for node in self.walk())
