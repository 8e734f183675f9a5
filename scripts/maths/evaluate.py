"""Compute the value of a parsed equation's sides, in numbers or in SymPy expressions."""

import operator

import numpy as np

from maths import algebra
from maths.algebra import is_array, normal
from maths.sets import Sets
from maths.tree import Node

products: set[Node] = set()  # those of arrays that were computed; their order matters
KL = ("KL", "D_KL")
DECLARED = {"⊗": "otimes", "⊕": "oplus", "∘": "circ", "∗": "ast"}
E, T, INVERSE = Node("name", "e"), Node("name", "T"), Node("negate", None, (Node("number", "1"),))
OPERATIONS = {  # what only needs the values of its parts
    "add": lambda *terms: algebra.total(terms),
    "negate": operator.neg,
    "inner": algebra.inner,
    "root": algebra.power,
    "group": lambda value: value,
}


class Evaluator(Sets):
    """Computes the value of an expression tree in a scope of named values."""

    def __call__(self, node: Node):
        if operation := OPERATIONS.get(node.kind):
            value = operation(*map(self, node.parts))
        elif node.base is not node and self.is_product(node.base):
            value = self.behind_factor(node)
        else:
            value = getattr(self, "of_" + node.kind)(node)
        if type(value) in (float, int):  # faster
            return value
        part = is_array(value) and value.shape == (1,) and any(below.kind == "part" for below in node.walk())
        return value if part else normal(value)  # y_{<t} is a vector, also if it has one entry

    def of_divide(self, node):
        if node.value == "/":
            self.refuse_factor(node.parts[1])
        return algebra.divide(*map(self, node.parts))

    def of_transpose(self, node):
        value = self.value_of_base(node)
        return algebra.transpose(np.conjugate(value) if node.kind == "adjoint" else value)

    of_adjoint = of_transpose

    def value_of_base(self, node: Node):
        """Return the base of a transpose or an inverse, which may be no entry, as in A_{ij}^{-1}."""
        base, value = node.parts[0], self(node.parts[0])
        lower = base.parts[0] if base.kind == "power" else base  # as in W_{ij}^{(l)\top}
        several = lower.kind == "index" and (len(lower.parts) > 2 or lower.parts[1].kind == "letters")
        if several and base.plain not in self.scope and not is_array(value):
            raise TypeError(f"is {node.tex} an entry of the matrix? Write brackets around what is meant")
        return value

    def of_multiply(self, node):
        a, b = map(self, node.parts)
        if is_array(a) and is_array(b):
            products.add(node)
        if callable(a) and callable(b) and node.value == "∘":
            return lambda *given: a(normal(b(*given)))
        if callable(a) and not node.value and [part.kind for part in node.parts] == ["group", "group"]:
            return a(b)
        if node.value not in DECLARED:
            return algebra.multiply(a, b, node.value)
        name = DECLARED[node.value]
        if name not in self.scope:
            raise LookupError(f"which product is {node.value}? Give it to the check, as in {name}=np.kron")
        return self.scope[name](a, b)

    def of_power(self, node):
        base, exponent, *_ = node.parts
        if node.plain in self.scope or base.root in self.layered:
            return self.of_index(node)
        if node.value == "index":
            give = f"give {node.plain!r}, or declare upper={base.root!r}"
            raise LookupError(f"{node.tex} has an upper index: {give if base.root else 'write no brackets'}")
        if base == E and "e" not in self.scope:
            if np.ndim(value := self(exponent)) == 2:
                raise TypeError(r"the exponential of a matrix or of its entries? Write \exp for the entries")
            return self.functions["exp"](value)
        value = self.value_of_base(node) if exponent == INVERSE else self(base)
        if exponent == T and is_array(value):
            if "T" in self.scope:
                raise TypeError(r"is T an exponent or a transpose? Write \top for the transpose")
            return algebra.transpose(value)
        if callable(value):
            raise TypeError(f"a power of the function {base.tex}: write its argument in brackets")
        return algebra.power(value, self(exponent))

    def of_conjugate(self, node):
        if not self.conjugate:
            raise TypeError("is it a complex conjugate? Then declare conjugate=True")
        return np.conjugate(self(node.parts[0]))

    def of_absolute(self, node):
        (part,) = node.parts
        return len(self.sets[part.plain]) if part.plain in self.sets else algebra.absolute(self(part))

    def of_norm(self, node):
        return algebra.norm(self(node.parts[0]), node.value)

    def of_stack(self, node):
        return algebra.stack(node.value, list(map(self, node.parts)))

    def of_matrix(self, node):
        rows = [[algebra.grid(self(entry)) for entry in row.parts] for row in node.parts]
        return np.block(rows)

    def of_apply(self, node):
        """Apply a function; a number or matrix before a bracket with a sum in it is a factor."""
        head, *given = node.parts
        if head.plain in KL and head.plain not in self.scope:
            return self.divergence(*given)
        if node.value == "bare":
            self.refuse_factor(*given)
        function, values = self.head(head), map(self, given)
        if callable(function):
            return function(*values)
        if node.value == "bare":
            return algebra.multiply(function, *values)
        return self.factor(node, function, *values)

    def refuse_factor(self, node: Node):
        """Refuse a last factor that may stand outside: (c + d) in a / b (c + d), n in \\prod_{i<m} x_i n."""
        bound, node = set(), node.base
        while node.kind == "big":
            named = {n.value for part in node.parts[1:] for n in part.walk() if n.kind == "name"}
            bound |= node.bound | (named - self.scope.keys())
            *others, node = node.parts[0].factors
            if others and not node.mentions(bound):
                raise TypeError(f"does the factor {node.tex} belong to what is before it? Write brackets")
            node = node.base
        if self.is_product(node) and not any(part.mentions(bound) for part in node.parts[1:]):
            raise TypeError(f"does the bracket behind {node.parts[0].tex} belong to it? Write brackets")

    def is_product(self, node: Node) -> bool:
        """Tell whether a symbol stands before a bracket, as in P (1 - P), that is no function."""
        if node.kind != "apply" or node.value == "bare" or (head := node.parts[0]).plain in KL:
            return False
        given = self.scope.get(head.plain, self.scope.get(head.root, self.functions.get(head.root)))
        given = self.head(head) if given is None else given  # an error if it has no value
        entries = given.values() if isinstance(given, dict) else given if isinstance(given, list) else [given]
        return not any(map(callable, entries))

    def behind_factor(self, node: Node):
        """Return A (B + C)^\\top, where A is no function: what stands at the bracket belongs to it alone."""
        head, given, *more = node.base.parts
        bracket = node.on(Node("group", None, (given,)))
        return self.factor(node.base, self.head(head), self(bracket), *more)

    def factor(self, node: Node, value, *given):
        """Return the product of a value and the bracket behind it."""
        value, name = normal(value), node.parts[0].tex
        if len(given) > 1 or is_array(value) and not is_array(given[0]):
            raise TypeError(f"{name} is not a function, so the bracket behind it has no meaning")
        if node.parts[1].kind in ("name", "index", "number"):
            raise TypeError(f"{name} is not a function: write a factor behind it without brackets")
        return algebra.multiply(value, given[0])
