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

    @property
    def factors(self) -> list["Node"]:
        """The factors of a product."""
        if self.kind == "multiply" or self.kind == "divide" and self.value == "/":
            return [factor for part in self.parts for factor in part.factors]
        return [self]

    @property
    def trails(self) -> bool:
        """Whether the last factor behind a sum or product may stand outside of it, as y in \\sum_i x_i y."""
        if self.kind != "big":
            return False
        *others, last = self.parts[0].factors
        bound = {n.value for part in self.parts[1:] for n in part.walk() if n.kind in ("name", "range")}
        return last.trails or bool(others) and not last.mentions(bound)

    @property
    def juxtaposed(self) -> bool:
        """Whether two symbols stand side by side in the node, as i and j in 2 i j."""
        if self.kind == "multiply" and not self.value:
            left, right = self.parts
            if right.root and (left.parts[1] if left.kind == "multiply" else left).root:
                return True
        return any(part.juxtaposed for part in self.parts)

    @property
    def bound(self) -> set[str]:
        """The variables of a sum, product or extremum."""
        conditions = self.parts[1:] if self.kind == "big" else ()
        return {part.value for part in conditions if part.kind in ("range", "name")}

    def walk(self) -> Iterator["Node"]:
        """Yield the node and all nodes below it, from left to right."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def mentions(self, names: set[str]) -> bool:
        """Tell whether one of the names stands in the node, and is not the variable of a sum there."""
        if self.kind == "name":
            return self.value in names
        return any(part.mentions(names - self.bound) for part in self.parts)
