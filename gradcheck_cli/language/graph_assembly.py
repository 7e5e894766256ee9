"""Reads the operations of a statement. Gives nodes of a graph, or the value of a constant.

Knows nothing of statements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import LanguageError, ShapeError
from gradcheck_cli.language.data.file_access import spell_size
from gradcheck_cli.language.function_names import OTHER_KEYWORDS, WORDS
from gradcheck_cli.language.index_parts import INDEX_DIGITS, check_whole, index_items, read_choice
from gradcheck_cli.language.plain_statements import LISTS
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statement_words import cut
from gradcheck_cli.language.statements import Name, Op
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Graph, Node, spell_shape
from gradcheck_cli.model.primitives.record import Primitive
from gradcheck_cli.model.primitives.slopes import PRIME, slope_of
from gradcheck_cli.model.primitives.table import resolve_function
from gradcheck_cli.model.whole_ranges import WholeRange
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.language import DEFAULTS
from gradcheck_cli.numerics.machine import DOUBLE_BYTES

__all__ = ["assemble", "evaluate"]

Array = NDArray[np.float64]
Leaf = Callable[[Op], int]
_KEYWORDS = {
    "dim": "write axis=0 or axis=1", "axes": "write axis=0 or axis=1",
    "keepdim": "an axis that is summed stays with length 1; keepdims=0 drops it",
    "negative_slope": "write slope=0.2", "base": "write log2(x), log10(x), or log(x)/log(b)",
}  # fmt: skip
_BEHIND = {
    "transpose": "the order of the axes stands behind: transpose(x, (0, 2, 1))",
    "reshape": "the shape stands behind: reshape(x, [2, 3])",
}
_WHOLE = ("axis", "stride", "padding", "groups")  # keywords of whole numbers
_LARGEST = 2.0**53  # of the doubles that are whole numbers one by one
_BINARY = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "@": "matmul", "^": "pow",
    ">": "gt", "<": "lt", ">=": "ge", "<=": "le",
}  # fmt: skip


def assemble(
    source: Source,
    builder: Builder,
    ops: list[Op],
    positions: range,
    root: int,
    leaf: Leaf,
    *,
    rows: int | None = None,
    limit: int,
) -> int:
    """The node of `root`; names and derivatives become what `leaf` gives for them.

    Raises ShapeError with the place, LanguageError for an index that is none.
    """
    work = _Assembly(source, builder, ops, leaf, rows, limit)
    work.find_lists(positions)
    for position in positions:
        work.step(position)
    return work.node(root)


class _Assembly:
    def __init__(
        self,
        source: Source,
        builder: Builder,
        ops: list[Op],
        leaf: Leaf,
        rows: int | None,
        limit: int,
    ) -> None:
        self.source, self.builder, self.ops, self.leaf = source, builder, ops, leaf
        self.rows, self.limit = rows, limit
        self.done: dict[int, int] = {}
        self._written_out: set[int] = set()  # lists of axes and lengths, which have no value

    def find_lists(self, positions: range) -> None:
        """Note the brackets that hold axes or lengths: those behind axis=, and reshape(x, [2, 3])."""
        for position in positions:
            op = self.ops[position]
            if op.kind != "call":
                continue
            self._written_out.update(place for _, place in op.options if self.ops[place].kind in LISTS)
            record = resolve_function(op.text, len(op.arguments))
            if record is not None and record.listed:
                self._written_out.update(op.arguments[record.arguments or 0 :])

    def node(self, position: int) -> int:
        """The node of an operation; numbers and names get theirs when first asked for."""
        found = self.done.get(position)
        if found is None:
            op = self.ops[position]
            found = self._literal(op) if op.kind in ("number", "name") else -1
            if op.kind == "text":
                raise self.source.error(
                    "a text in quotation marks is no number", op.span,
                    help='it stands first in einsum("ij,jk->ik", A, B), and behind `from`',
                )
            if found < 0:
                raise self.source.error("a slice stands in an index only", op.span)
            self.done[position] = found
        return found

    def _literal(self, op: Op) -> int:
        if op.kind == "name":
            return self.builder.literal(math.pi, "pi") if op.text == "pi" else self.leaf(op)
        value = float(op.text)
        if math.isinf(value):
            raise self.source.error(
                "this number is too large for a double", op.span, help="the largest is 1.8e308"
            )
        return self.builder.literal(value, op.text)

    def step(self, position: int) -> None:
        """Do one operation."""
        op = self.ops[position]
        kind = op.kind
        if kind in ("number", "text", "name", "function", "slice") or position in self._written_out:
            return
        if kind == "listed":
            raise self._no_vector(op)
        if kind == "binary":
            self._apply(position, _BINARY[op.text], op.arguments, None)
        elif kind in _OTHERS:
            self._apply(position, _OTHERS[kind], op.arguments, None)
        elif kind == "derivative":
            self.done[position] = self.leaf(op)
        elif kind == "bracket":
            self._index(position, op)
        else:
            self._call(position, op)

    def _no_vector(self, op: Op) -> LanguageError:
        """(1, 2) where a value is wanted."""
        parts = [self.ops[a] for a in op.arguments]
        meant = ", ".join(p.text for p in parts) if all(p.kind == "number" for p in parts) else "a, b"
        decimal = "; the decimal sign is a point" if len(parts) == 2 else ""
        return self.source.error(
            "numbers in round brackets are axes or lengths", op.span,
            help=f"write [{cut(meant)}]{decimal}; axes have a keyword: sum(x, axis=(0, 1))",
        )

    def _index(self, position: int, op: Op) -> None:
        """An entry or a slice, or what whole-number data choose."""
        try:
            choice = read_choice(self.source, self.builder, self.ops, op, self.node)
        except ShapeError as reason:
            raise self.source.locate(reason, op.span) from None
        if choice is None:
            key = index_items(self.source, self.ops, op.arguments[1:])
            self._apply(position, "index", op.arguments[:1], {"key": key})
            return
        operation, nodes, options = choice
        self._enter(position, operation, nodes, options)

    def _call(self, position: int, op: Op) -> None:
        function, arguments = op.text, op.arguments
        record = resolve_function(function.rstrip(PRIME), len(arguments))
        if record is None:
            raise self.source.error(f"{function} takes other arguments", op.span)
        record = slope_of(record) if op.kind == "slope" else record
        known = {n: v for n, v in record.options.items() if n not in (*record.orders, record.listed)}
        options = self._options(function, {} if record.sizes else known, op.options)
        for name, place in zip(record.orders, arguments, strict=False):
            options[name] = self._order(function, self.ops[place], record.options[name])
        arguments = arguments[len(record.orders) :]
        if record.listed:
            own = record.arguments or 0
            options[record.listed] = self._listed(function, arguments[own:])
            arguments = arguments[:own]
        if record.sizes:
            options = {"sizes": tuple(self._size(function, self.ops[a]) for a in arguments)}
            arguments = ()
        self._apply(position, record.name, arguments, options)
        for place in record.whole:
            self._check_whole(position, record, arguments[place], options)

    def _check_whole(
        self, position: int, record: Primitive, argument: int, options: Mapping[str, Any]
    ) -> None:
        """Refuse what is no whole number where one has to stand, and one that is too large."""
        try:
            check_whole(self.source, self.builder, self.ops[argument], self.node(argument), record, options)
        except ShapeError as reason:
            raise self._locate(reason, position) from None

    def _size(self, function: str, op: Op) -> int:
        if op.kind == "number" and op.text.isdigit() and len(op.text) <= INDEX_DIGITS and int(op.text):
            return int(op.text)
        raise self.source.error(
            f"{function} takes whole numbers that are written out",
            op.span,
            help=f"write {function}(3): a shape depends on no value",
        )

    def _listed(self, function: str, places: tuple[int, ...]) -> tuple[int, ...]:
        """The whole numbers of reshape(x, 2, 3), reshape(x, [2, 3]) and transpose(x, (0, 2, 1))."""
        first = self.ops[places[0]]
        if len(places) == 1 and first.kind in LISTS:
            places = first.arguments
        message = f"{function} takes whole numbers that are written out"
        return tuple(self._whole(place, message) for place in places)

    def _whole(self, position: int, message: str) -> int:
        """A whole number that is written out, with its sign."""
        op, sign = self.ops[position], 1
        if op.kind == "negative":
            sign, op = -1, self.ops[op.arguments[0]]
        if op.kind == "number" and op.text.isdigit() and len(op.text) <= INDEX_DIGITS:
            return sign * int(op.text)
        raise self.source.error(message, op.span, help="a shape depends on no value, and axes are numbers")

    def _order(
        self, function: str, op: Op, default: float | str, largest: int = DEFAULTS.largest_order
    ) -> int | float | str:
        """What stands first in polygamma(n, x), gammainc(a, x) or einsum(s, A): part of the name."""
        if isinstance(default, str):
            if op.kind == "text":
                return op.text
            raise self.source.error(
                f"the first argument of {function} is a text in quotation marks", op.span,
                help=f'write {function}("{default}", ...): a letter for each axis',
            )
        whole = isinstance(default, int)
        if op.kind == "number" and _is_order(op.text, whole=whole) and float(op.text) <= largest:
            return int(op.text) if whole else float(op.text)
        raise self.source.error(
            f"the first argument of {function} is a {'whole ' if whole else ''}number that is written out",
            op.span,
            help=f"write {function}({default}, x), with {'0 to ' if whole else 'at most '}{largest}: "
            "nothing is differentiated by it",
        )

    def _options(
        self, function: str, known: Mapping[str, Any], given: tuple[tuple[Name, int], ...]
    ) -> dict[str, Any]:
        options: dict[str, Any] = {}
        for name, position in given:
            other = OTHER_KEYWORDS.get(name.name)
            name = name._replace(name=other) if other is not None and other in known else name
            if name.name not in known or name.name in options:
                takes = " and ".join(known) or "none"
                raise self.source.error(
                    f"{function} has no keyword {name.display}"
                    if name.name not in known
                    else f"{name.display} is given twice",
                    name.span,
                    help=_BEHIND.get(function) or _KEYWORDS.get(name.name, f"its keywords: {takes}"),
                )
            word = WORDS.get(name.name, {}).get(self.ops[position].text)
            if word is not None:
                options[name.name] = word
            else:
                whole = name.name in _WHOLE
                options[name.name] = self._axis(name.name, position) if whole else self._option(position)
        return options

    def _axis(self, name: str, position: int) -> int | tuple[int, ...]:
        """1, -1, (0, 2, 3) or [0, 2, 3]."""
        what = "an axis" if name == "axis" else name
        message, op = f"{what} is a whole number", self.ops[position]
        if op.kind in LISTS:
            return tuple(self._whole(place, message) for place in op.arguments)
        return self._whole(position, message)

    def _option(self, position: int) -> float:
        op = self.ops[position]
        sign = 1
        if op.kind == "negative":
            sign, op = -1, self.ops[op.arguments[0]]
        if op.kind != "number":
            raise self.source.error("a keyword takes a number", op.span, help="write slope=0.2, axis=0")
        return sign * float(op.text)

    def _apply(
        self, position: int, operation: str, arguments: tuple[int, ...], options: dict[str, Any] | None
    ) -> None:
        try:
            nodes = tuple(self.node(a) for a in arguments)
        except ShapeError as reason:
            raise self._locate(reason, position) from None
        self._enter(position, operation, nodes, options)

    def _enter(
        self, position: int, operation: str, nodes: tuple[int, ...], options: dict[str, Any] | None
    ) -> None:
        try:
            node = self.builder.apply(operation, nodes, options, rows=self.rows)
            shape = self.builder.nodes[node].shape
            if shape and math.prod(shape) * DOUBLE_BYTES > self.limit:
                raise ShapeError(
                    f"a value of the shape {spell_shape(shape)} needs "
                    f"{spell_size(math.prod(shape) * DOUBLE_BYTES)}",
                    help=f"at most {spell_size(self.limit)}; --max-data raises the limit",
                )
        except ShapeError as reason:
            from gradcheck_cli.language.advice.product_advice import with_fitting_products

            shapes = [self.builder.nodes[node].shape for node in nodes]
            said = with_fitting_products(reason, self.source.code, self.ops, position, shapes)
            raise self._locate(said, position) from None
        self.done[position] = node

    def _locate(self, reason: ShapeError, position: int) -> ShapeError:
        return reason if reason.place is not None else self.source.locate(reason, self.ops[position].span)


def _is_order(text: str, *, whole: bool) -> bool:
    """A whole number where the order counts, else a positive one."""
    return text.isdigit() if whole else float(text) > 0


_OTHERS = {"negative": "neg", "transpose": "transpose", "stack": "stack"}


# --- constant expressions ---------------------------------------------------------------------


def evaluate(
    source: Source,
    ops: list[Op],
    positions: range,
    root: int,
    values: Mapping[str, Array],
    *,
    limit: int,
) -> Array:
    """The value of an expression of numbers and known names.

    Parameters
    ----------
    source, ops : the text and its operations
    positions : of the operations that belong to the expression
    root : position of the last one
    values : name to float64 array
    limit : how many bytes an array may take

    Returns
    -------
    float64 array of the shape of the expression
        May be infinite or nan.

    Raises
    ------
    LanguageError
        If an index, a keyword or a function is none.
    ShapeError
        If shapes do not fit, or there are too many numbers.
    """
    builder = Builder()

    def leaf(op: Op) -> int:
        found = builder.names.get(op.text)
        if found is None:
            given = values[op.text]
            found = builder.leaf(op.text, given.shape)
            if (given == np.rint(given)).all() and np.abs(given).max(initial=0) < _LARGEST:
                builder.whole[found] = WholeRange(int(given.min()), int(given.max()))
        return found

    node = assemble(source, builder, ops, positions, root, leaf, limit=limit)
    return _compute(builder.graph(node), values)


def _compute(graph: Graph, values: Mapping[str, Array]) -> Array:
    """The value of a graph's output, without perturbations and rows."""
    done: dict[int, Any] = {}
    needed = graph.upstream([graph.output])
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if needed[node.index]:
                done[node.index] = _value(graph, node, done, values)
    result = np.asarray(done[graph.output], dtype=np.float64)
    return np.array(result[0, 0])


def _value(graph: Graph, node: Node, done: dict[int, Any], values: Mapping[str, Array]) -> Any:
    if node.is_literal:
        return np.full((1, 1), node.value)
    if node.is_leaf:
        return values[str(node.key)][None, None]
    if node.operation == "stack" and all(graph.nodes[a].is_literal for a in node.arguments):
        return np.array([[[graph.nodes[a].value for a in node.arguments]]])
    arguments = [done[a] for a in node.arguments]
    return node.primitive.forward(FLOAT64, *arguments, **node.options)
