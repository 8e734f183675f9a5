"""The values of symbols: what a check gives for a name, and what their indices pick from it."""

from dataclasses import dataclass

import numpy as np

from maths import algebra
from maths.algebra import is_matrix, is_scalar, normal, shape
from maths.tree import Node


@dataclass
class Symbols:
    """Looks up symbols in a scope of named values.

    `sets` gives bound variables, and named sets, their members; `upper` names the symbols whose upper
    index is an index; with `conjugate`, z^* and \\bar z that are not in the scope are complex conjugates.
    """

    scope: dict
    sets: dict | None = None
    upper: str = ""
    conjugate: bool = False
    functions = algebra.FUNCTIONS

    def __post_init__(self):
        self.sets, self.layered = self.sets or {}, self.upper.split()

    def bound(self, values: dict) -> "Symbols":
        """Return the evaluator with more variables bound."""
        return type(self)(self.scope | values, self.sets, self.upper, self.conjugate)

    def of_number(self, node):
        return float(node.value) if "." in node.value else int(node.value)

    def of_constant(self, node):
        return self.functions["exp"](1) if node.value == "e" else 1j

    def of_name(self, node: Node):
        """Return what the check gives for a symbol, or the conjugate of what it gives."""
        name = node.plain
        if name in self.scope:
            return self.scope[name]
        base, _, mark = name.rpartition("_")
        if self.conjugate and mark in ("star", "bar") and base in self.scope:
            if np.ndim(self.scope[base]) == 2:
                raise TypeError(r"the conjugate of a matrix, or its adjoint? Write \dagger for the latter")
            return np.conjugate(normal(self.scope[base]))
        remedies = {"e": r"write \mathrm{e} or \exp for Euler's number", "": "write a symbol of its own"}
        remedy = remedies.get(name, "give it to the check")
        raise LookupError(f"the symbol {name or node.tex!r} has no value: {remedy}")

    def of_index(self, node):
        """Return what the check gives for a symbol with its index, or an entry of what it gives without.

        An upper index comes before the lower one: h_i^l is h[l][i].
        """
        base, *places = node.parts
        if node.plain in self.scope:
            return self.of_name(node)
        if node.kind == "power" and any(place.juxtaposed for place in places):
            raise LookupError(f"{node.tex}: two indices, or a product? Write a comma or \\cdot between them")
        if node.kind == "index" or base.kind != "index":
            return self.entry(node)
        layer = self.entry(Node("index", None, (base.parts[0], *places), node.tex))
        return self.entry(base, layer)

    def entry(self, node: Node, family=None):
        """Return an entry of an array, which counts from 1, of a dict by key, or a value of a function."""
        base, *places = node.parts
        places = [part for place in places for part in (place.parts if place.kind == "letters" else (place,))]
        if family is None:
            if not (self.conjugate or not base.root or {base.root, base.plain} & self.scope.keys()):
                return self.of_name(node)  # an error that names the whole symbol
            family = self.of_name(base) if base.kind == "name" else self(base)
        if is_scalar(family) or any(place.kind == "word" for place in places):
            return self.of_name(node)
        if callable(family):
            return family(*map(self, places))
        if isinstance(family, dict):
            key = tuple(map(self, places)) if len(places) > 1 else self(places[0])
            if key not in family:
                raise LookupError(f"{node.tex}: {key!r} is none of the keys {list(family)!r}")
            return family[key]
        table = np.asarray(normal(family) if is_matrix(family) else family)
        if len(places) > table.ndim:
            raise LookupError(f"{node.tex}: {len(places)} indices for an array of shape {shape(table)}")
        return table[tuple(self.place(p, n, node) for p, n in zip(places, table.shape))]

    def place(self, place: Node, size: int, node: Node):
        """Return an index as Python counts it, from 0; a part, such as <t, as a slice."""
        if place.kind != "part":
            return self.whole(place, node, 1, size) - 1
        first, last = 1, self.whole(place.parts[-1], node, 0, size + 1)
        if place.value == "to":
            first = self.whole(place.parts[0], node, 1, size + 1)
        elif place.value in ("gt", "ge"):
            first, last = last + (place.value == "gt"), size
        return slice(first - 1, last - (place.value == "lt"))

    def whole(self, place: Node, node: Node, least: int, most: int) -> int:
        """Return the value of an index, which must lie between `least` and `most`."""
        value = self(place)
        if not is_scalar(value) or value != int(value) or not least <= value <= most:
            raise LookupError(f"{node.tex}: the index {value!r} is none of {least}, …, {most}")
        return int(value)

    def head(self, node: Node):
        """Return what stands before a bracket: a function, or a factor."""
        if node.plain in self.functions and node.plain not in self.scope:
            return self.functions[node.plain]
        if node.plain in self.scope or node.kind == "name":
            return self.of_name(node)
        base, *places = node.parts
        if node.kind == "index" and base.plain == "log":
            return lambda z: self.functions["log"](z) / self.functions["log"](self(places[0]))
        if node.kind == "index":  # of a function, it is the first argument
            family = self.scope.get(base.plain)
            return (lambda *given: family(*map(self, places), *given)) if callable(family) else self(node)
        if base.root in self.layered or node.value == "index":
            return self.of_index(node)
        return self.raised(node, base, places[0])

    def raised(self, node: Node, base: Node, exponent: Node):
        """Return a power of a function: that of its values, or its inverse; or the power of a factor."""
        function = self.head(base)
        if not callable(function):
            return self(node)
        own = base.plain in self.scope
        if exponent == Node("negate", None, (Node("number", "1"),)):
            if base.plain in self.functions and not own:
                raise TypeError(f"is {node.tex} an inverse, such as \\arcsin, or 1 divided by the value?")
            return self.of_name(Node("name", f"{base.plain}_inverse"))
        if own:
            raise TypeError(f"is {node.tex} a power of the function or of its value? Write brackets")
        return lambda *given: algebra.power(normal(function(*given)), self(exponent))
