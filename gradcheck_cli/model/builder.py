"""Reads operations one by one. Gives a Graph; refuses shapes that do not fit, with a way out."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.broadcasting import common_shape, notes_on_shapes
from gradcheck_cli.model.graph import LEAF, LITERAL, NO_OPTIONS, Graph, Key, Node, spell_shape, typed_number
from gradcheck_cli.model.primitives.record import Primitive, Shape
from gradcheck_cli.model.primitives.table import record_of
from gradcheck_cli.model.whole_ranges import WholeRange, range_of
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["Builder"]


class Builder:
    """Grows a Graph node by node; shapes are checked as it grows."""

    def __init__(self, *, rows_apart: bool = True, limits: NumericsLimits = NUMERICS) -> None:
        self.limits = limits
        self.rows_apart = rows_apart  # steps; a claim's formula may use what is made of all rows
        self.nodes: list[Node] = []
        self.names: dict[str, int] = {}
        self.notes: list[str] = []  # readings that could surprise, found while building
        self._literals: dict[tuple[float, str], int] = {}
        self._steps: set[int] = set()
        self._vector_rows: set[int] = set()  # x', x' @ A and the like: [1,n]
        self._turned: set[int] = set()  # of these x', 2*x' and the like
        self.products: set[int] = set()  # numbers x' @ A @ x, and what is made of them entry by entry
        self.whole: dict[int, WholeRange] = {}  # whole-number data, and what is made of them

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
                _check_axes(shape, self.limits)
            except ShapeError:
                if not self.products.intersection(arguments):
                    raise
                wider = [self._expand(a, (1,)) if a in self.products else a for a in arguments]
                return self.apply(operation, wider, options, rows=rows)
        else:
            shape, settings = (), {**record.options, **options} if options else record.options
            if any(node.shape for node in given):
                shape = self._common_shape(record, given)
                arguments = [self._expand(a, shape) for a in arguments]
        made = self._add(
            operation, tuple(arguments), shape, per_row=per_row, reduced=reduced,
            options=MappingProxyType(settings) if settings else NO_OPTIONS,
        )  # fmt: skip
        self._note_kind(made, given)
        if self.whole:
            self._note_range(made, arguments)
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

    def _note_range(self, made: int, arguments: Sequence[int]) -> None:
        """In which whole numbers it lies, where some of its arguments are whole-number data."""
        if not self.whole.keys().isdisjoint(arguments):
            found = range_of(self.nodes[made].operation, [self.range_of(a) for a in arguments])
            if found is not None:
                self.whole[made] = found

    def range_of(self, node: int) -> WholeRange | None:
        """The whole numbers in which a value lies; None where it may be none."""
        given = self.nodes[node]
        number = typed_number(self.nodes, given)
        if number is not None and number.is_integer():
            return WholeRange(int(number), int(number))
        if given.operation == "stack" and node not in self.whole:  # [2, 0, 2]
            return range_of("stack", [self.range_of(a) for a in given.arguments])
        return self.whole.get(node)

    def _note_kind(self, made: int, given: Sequence[Node]) -> None:
        """Whether it is the row of a vector, or a number that is the product of a row and a vector."""
        node = self.nodes[made]
        if node.shape and (len(node.shape) != 2 or node.shape[0] != 1):
            return
        of_row = bool(node.arguments) and node.arguments[0] in self._vector_rows
        is_row = node.operation == "matmul" and of_row
        is_turned = node.operation == "transpose" and len(given[0].shape) == 1
        if is_turned:
            self._turned.add(made)
        if is_row or is_turned:
            self._vector_rows.add(made)
        elif node.operation == "dot" and given[0].arguments and given[0].arguments[0] in self._vector_rows:
            self.products.add(made)
        elif node.primitive.elementwise:
            kind = self._vector_rows if node.shape else self.products
            if not kind.isdisjoint(node.arguments):
                kind.add(made)
            if node.shape and not self._turned.isdisjoint(node.arguments):
                self._turned.add(made)

    def copy(self, node: Node, arguments: Sequence[int]) -> int:
        """A node of another graph; `arguments` must have the shapes that its own have there."""
        return self._add(
            node.operation, tuple(arguments), node.shape, per_row=node.per_row, reduced=node.reduced,
            options=node.options, key=node.key, value=node.value, text=node.text,
        )  # fmt: skip

    def graph(self, output: int = -1) -> Graph:
        """What was built so far."""
        names = MappingProxyType(dict(self.names))
        whole = MappingProxyType(dict(self.whole))
        return Graph(tuple(self.nodes), names, output, frozenset(self.products), whole)

    def _add(self, operation: str, arguments: tuple[int, ...], shape: Shape, **more: Any) -> int:
        index = len(self.nodes)
        self.nodes.append(Node(index, operation, arguments, shape, **more))
        return index

    def _expand(self, argument: int, shape: Shape) -> int:
        if self.nodes[argument].shape == shape:
            return argument
        return self.apply("expand", (argument,), {"to": shape})

    def _common_shape(self, record: Primitive, given: Sequence[Node]) -> Shape:
        """The shape of an elementwise result; readings that could surprise are noted, or refused."""
        shapes = [node.shape for node in given]
        if shapes.count(shapes[0]) == len(shapes) and record.name != "pow":
            return shapes[0]
        if record.name in ("add", "sub"):
            _refuse_turned(given, self._turned)
        if record.name == "pow":
            _refuse_inverse(self.nodes, given)
        shape = common_shape(record, shapes)
        if record.name == "pow" and len(shape) == 2 and shape[0] == shape[1]:
            self.notes.append("^ of a matrix acts entry by entry; A @ A is the product")
        self.notes.extend(notes_on_shapes(record, shapes, shape))
        return shape


def _is_inner(builder: Builder, given: Sequence[Node]) -> bool:
    """Whether this is u' @ v of two vectors, which is a number."""
    return len(builder.nodes[given[0].arguments[0]].shape) == 1 and len(given[1].shape) == 1


def _fit_as_dot(given: Sequence[Node]) -> bool:
    """Whether this is a row and a vector of one length."""
    return given[1].shape == given[0].shape[1:]


def _check_axes(shape: Shape, limits: NumericsLimits) -> None:
    if len(shape) > limits.most_axes:
        raise ShapeError(
            f"a value has at most {limits.most_axes} axes, this one {len(shape)}",
            help="reshape(x, shape) joins axes",
        )


def _refuse_turned(given: Sequence[Node], turned: Container[int]) -> None:
    """s - s': entry by entry, or each entry of one with each of the other."""
    for one, other in (given, given[::-1]):
        if other.index in turned and other.shape == (1, *one.shape):
            n, pair = one.shape[0], f"{spell_shape(one.shape)} and the row {spell_shape(other.shape)}"
            raise ShapeError(
                f"the column {pair} are read in two ways",
                help=f"entry by entry without the '; s[i] - s[j] for all i and j as "
                f"reshape(s, [{n},1]) - s'",
            )


def _refuse_inverse(nodes: Sequence[Node], given: Sequence[Node]) -> None:
    """A^-1 of a square matrix: its inverse, or that of every entry."""
    base, exponent = given
    if len(base.shape) != 2 or base.shape[0] != base.shape[1] or base.size == 1:
        return
    inner = nodes[exponent.arguments[0]] if exponent.operation == "neg" else exponent
    if typed_number(nodes, inner) == (1 if exponent.operation == "neg" else -1):
        help = "the inverse is inv(A), 1/A divides by each entry"
        raise ShapeError("A^-1 of a square matrix is read in two ways", help=help)
