"""The expression tree of an equation: what its parser makes, its evaluator reads, and mutations change."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

SCRIPTED = ("index", "power", "conjugate", "transpose", "adjoint")


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
            case "name" | "number" | "word" | "constant" | "range":
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
    def base(self) -> "Node":
        """The node without what stands at it: indices, exponents, marks."""
        return self.parts[0].base if self.kind in SCRIPTED else self

    @property
    def factors(self) -> list["Node"]:
        """The factors of a product."""
        if self.kind == "multiply" or self.kind == "divide" and self.value == "/":
            return [factor for part in self.parts for factor in part.factors]
        return [self]

    @property
    def juxtaposed(self) -> bool:
        """Whether two factors stand side by side that may be two indices, as i and j in 2 i j + 1."""
        if self.kind == "multiply" and not self.value:
            left, right = self.parts
            if not {left.factors[-1].kind, right.kind} & {"number", "group"}:
                return True
        computed = self.kind in ("add", "negate", "multiply") or self.value == "/"
        return computed and any(part.juxtaposed for part in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The plain name of a symbol, or the names of those in a bracket, as in (v, t)."""
        return tuple(part.plain for part in (self.parts if self.kind == "stack" else (self,)))

    @property
    def bound(self) -> set[str]:
        """The variables of a sum, product, extremum or expectation, without those that are only compared."""
        if self.kind == "expectation":
            return set(self.value)
        conditions = self.parts[1:] if self.kind == "big" else ()
        drawn = (part.parts[0] if part.value == ("∈",) else part for part in conditions)
        return {name for part in drawn for name in part.names if name}

    def on(self, base: "Node") -> "Node":
        """Return what stands at the node on another base."""
        if self.kind not in SCRIPTED:
            return base
        return replace(self, parts=(self.parts[0].on(base), *self.parts[1:]))

    def walk(self) -> Iterator["Node"]:
        """Yield the node and all nodes below it, from left to right."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def mentions(self, names: set[str]) -> bool:
        """Tell whether one of the names stands in the node, and is not the variable of a sum there."""
        if self.kind in ("name", "index") and self.plain in names:
            return True
        return any(part.mentions(names - self.bound) for part in self.parts)
