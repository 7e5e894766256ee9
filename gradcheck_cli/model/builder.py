"""Reads operations one by one. Gives a Graph; refuses shapes that do not fit, with a way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.graph import LEAF, LITERAL, NO_OPTIONS, Graph, Key, Node, spell_shape
from gradcheck_cli.model.primitives.record import Primitive, Shape
from gradcheck_cli.model.primitives.table import record_of

__all__ = ["Builder"]


class Builder:
    """Grows a Graph node by node; shapes are checked as it grows."""

    def __init__(self, *, rows_apart: bool = True) -> None:
        self.rows_apart = rows_apart  # steps; a claim's formula may use what is made of all rows
        self.nodes: list[Node] = []
        self.names: dict[str, int] = {}
        self.notes: list[str] = []  # readings that could surprise, found while building
        self._literals: dict[tuple[float, str], int] = {}
        self._steps: set[int] = set()
        self._vector_rows: set[int] = set()  # x', x' @ A and the like: [1,n]
        self.products: set[int] = set()  # numbers x' @ A @ x, and what is made of them entry by entry

    def leaf(self, key: Key, shape: Shape, *, per_row: bool = False, reduced: bool = False) -> int:
        """A value from outside, entered under its key."""
        node = self._add(LEAF, (), shape, per_row=per_row, reduced=reduced, key=key)
        if isinstance(key, str):
            self.names[key] = node
        return node

    def literal(self, value: float, text: str) -> int:
        """A number of the text: the double nearest to it, and the text as the author wrote it."""
        found = self._literals.get((value, text))
        if found is None:
            found = self._add(LITERAL, (), (), value=value, text=text)
            self._literals[value, text] = found
        return found

    def name(self, name: str, node: int) -> int:
        """Make `node` the step `name`; a second name for a value becomes a node of its own."""
        if node in self._steps or self.nodes[node].operation in (LEAF, LITERAL):
            node = self.apply("identity", (node,))
        self._steps.add(node)
        self.names[name] = node
        return node

    def apply(
        self,
        operation: str,
        arguments: Sequence[int],
        options: Mapping[str, Any] | None = None,
        *,
        rows: int | None = None,
    ) -> int:
        """A primitive of earlier nodes. `rows`: how many training examples there are.

        Raises ShapeError where the arguments do not fit, with the way out.
        """
        record = record_of(operation)
        given = [self.nodes[a] for a in arguments]
        simpler = self._as_inner_product(operation, arguments, given, options)
        if simpler is not None:
            return simpler
        per_row, reduced = self._over_rows(record, given)
        if record.rows == "reduce":
            options = {**(options or {}), "count": rows or 1}
        if not record.elementwise:
            try:
                shape, settings = record.shape(*(n.shape for n in given), **(options or {}))  # type: ignore[misc]
            except ShapeError:
                if not self.products.intersection(arguments):
                    raise
                wider = [self._expand(a, (1,)) if a in self.products else a for a in arguments]
                return self.apply(operation, wider, options, rows=rows)
        else:
            shape, settings = (), {**record.options, **options} if options else record.options
            if any(node.shape for node in given):
                shape = _common_shape(record, [node.shape for node in given])
                self._note_surprises(record, given, shape)
                arguments = [self._expand(a, shape) for a in arguments]
        made = self._add(
            operation, tuple(arguments), shape, per_row=per_row, reduced=reduced,
            options=MappingProxyType(settings) if settings else NO_OPTIONS,
        )  # fmt: skip
        self._note_kind(made, given)
        return made

    def _as_inner_product(
        self,
        operation: str,
        arguments: Sequence[int],
        given: Sequence[Node],
        options: Mapping[str, Any] | None,
    ) -> int | None:
        """The number that x' @ y is, or the only entry of what could be a vector of one; else None."""
        if operation == "matmul" and given[0].operation == "transpose" and _is_inner(self, given):
            return self.apply("dot", (given[0].arguments[0], arguments[1]))
        if operation == "matmul" and arguments[0] in self._vector_rows and _fit_as_dot(given):
            row = self.apply("index", arguments[:1], {"key": (0, slice(None))})
            return self.apply("dot", (row, arguments[1]))
        if operation == "index" and arguments[0] in self.products and (options or {}).get("key") == (0,):
            return arguments[0]
        return None

    def _over_rows(self, record: Primitive, given: Sequence[Node]) -> tuple[bool, bool]:
        """Whether there is a value for each row, and whether it is made from all rows. Raises ShapeError."""
        per_row = reduced = False
        for node in given:
            per_row = per_row or node.per_row
            reduced = reduced or node.reduced
        if self.rows_apart and per_row and reduced:
            raise ShapeError(
                "a value made from all rows is used in a step that has one value per row",
                help="rows do not see one another; declare the batch as data X[N,d] instead",
            )
        if record.rows != "reduce":
            return per_row, reduced
        if not per_row:
            raise ShapeError(
                f"{record.function} needs a value that has one entry per row",
                help="only steps that use a `rows` name have; sum and mean act on one array",
            )
        return False, True

    def _note_kind(self, made: int, given: Sequence[Node]) -> None:
        """Whether it is the row of a vector, or a number that is the product of a row and a vector."""
        node = self.nodes[made]
        if node.shape and (len(node.shape) != 2 or node.shape[0] != 1):
            return
        of_row = bool(node.arguments) and node.arguments[0] in self._vector_rows
        is_row = node.operation == "matmul" and of_row
        is_row = is_row or (node.operation == "transpose" and len(given[0].shape) == 1)
        if is_row:
            self._vector_rows.add(made)
        elif node.operation == "dot" and given[0].arguments and given[0].arguments[0] in self._vector_rows:
            self.products.add(made)
        elif node.primitive.elementwise:
            kind = self._vector_rows if node.shape else self.products
            if not kind.isdisjoint(node.arguments):
                kind.add(made)

    def copy(self, node: Node, arguments: Sequence[int]) -> int:
        """A node of another graph; `arguments` must have the shapes that its own have there."""
        return self._add(
            node.operation, tuple(arguments), node.shape, per_row=node.per_row, reduced=node.reduced,
            options=node.options, key=node.key, value=node.value, text=node.text,
        )  # fmt: skip

    def graph(self, output: int = -1) -> Graph:
        """What was built so far."""
        names = MappingProxyType(dict(self.names))
        return Graph(tuple(self.nodes), names, output, frozenset(self.products))

    def _add(self, operation: str, arguments: tuple[int, ...], shape: Shape, **more: Any) -> int:
        index = len(self.nodes)
        self.nodes.append(Node(index, operation, arguments, shape, **more))
        return index

    def _expand(self, argument: int, shape: Shape) -> int:
        if self.nodes[argument].shape == shape:
            return argument
        return self.apply("expand", (argument,), {"to": shape})

    def _is_minus_one(self, node: Node) -> bool:
        while node.operation == "expand":
            node = self.nodes[node.arguments[0]]
        inner = self.nodes[node.arguments[0]] if node.operation == "neg" else node
        return inner.is_literal and inner.value == (1 if node.operation == "neg" else -1)

    def _note_surprises(self, record: Primitive, given: Sequence[Node], shape: Shape) -> None:
        if record.name == "pow" and len(shape) == 2 and shape[0] == shape[1]:
            inverse = len(given) > 1 and self._is_minus_one(given[1])
            other = "inv(A) is the inverse" if inverse else "A @ A is the product"
            self.notes.append(f"^ of a matrix acts entry by entry; {other}")
        ranks = {len(node.shape) for node in given}
        if record.name in ("add", "sub") and ranks == {1, 2}:
            self.notes.append(f"a vector was added to every row of a {spell_shape(shape)} matrix")


def _is_inner(builder: Builder, given: Sequence[Node]) -> bool:
    """Whether this is u' @ v of two vectors, which is a number."""
    return len(builder.nodes[given[0].arguments[0]].shape) == 1 and len(given[1].shape) == 1


def _fit_as_dot(given: Sequence[Node]) -> bool:
    """Whether this is a row and a vector of one length."""
    return given[1].shape == given[0].shape[1:]


def _common_shape(record: Primitive, shapes: Sequence[Shape]) -> Shape:
    """The shape of an elementwise result; LANGUAGE, "broadcasting": nothing beyond what is listed."""
    result: Shape = ()
    for shape in shapes:
        joined = _join(record, result, shape)
        if joined is None:
            raise ShapeError(
                f"the shapes {spell_shape(result)} and {spell_shape(shape)} do not fit "
                f"{record.infix or record.function}",
                help=_elementwise_help(record, result, shape),
            )
        result = joined
    return result


def _join(record: Primitive, a: Shape, b: Shape) -> Shape | None:
    if a == b or not b:
        return a
    if not a:
        return b
    if len(a) == len(b) == 2:
        if _stretches(a, b):
            return b
        if _stretches(b, a):
            return a
    if record.name in ("add", "sub") and {len(a), len(b)} == {1, 2} and a[-1] == b[-1]:
        return a if len(a) == 2 else b
    return None


def _stretches(small: Shape, large: Shape) -> bool:
    """Whether [m,1] or [1,n] goes into [m,n]."""
    return all(s in (1, n) for s, n in zip(small, large, strict=True))


def _elementwise_help(record: Primitive, a: Shape, b: Shape) -> str:
    if record.name == "mul" and (len(a) == 2 or len(b) == 2):
        return "* multiplies entry by entry; a matrix product is written with @"
    if {len(a), len(b)} == {1, 2}:
        matrix, vector = (a, b) if len(a) == 2 else (b, a)
        if matrix == (*vector, 1):
            whole = spell_shape(matrix)
            return f"the matrix M as a vector is M[:,0]; or declare the vector as {whole}"
        return "a vector is a column; v' is the row [1,n]"
    return "shapes must be equal, or one a single number, or [m,1] or [1,n] against [m,n]"
