"""Reads nothing. Gives Node, Graph and the keys of leaves: the operations of a model."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from gradcheck_cli.model.primitives.record import Primitive, Shape
from gradcheck_cli.model.primitives.table import record_of, visible_name

__all__ = [
    "LEAF", "LITERAL", "NO_OPTIONS", "Derivative", "Graph", "Key", "Node", "spell_listed", "spell_part",
    "spell_shape", "typed_number",
]  # fmt: skip

LEAF, LITERAL = "leaf", "literal"
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
PI = "pi"  # the text of a literal that is more than the double nearest to it


@dataclass(frozen=True, slots=True)
class Derivative:
    """d of/d by, or the derivative by one entry of `by`: a leaf of a claim's formula.

    Without a name below it is the value of `of`, or of its entry: what a claim of a value is about.
    """

    of: str
    by: str = ""
    index: tuple[int, ...] | None = None

    @property
    def is_value(self) -> bool:
        """Whether it is the value of a step, and no derivative."""
        return not self.by

    @property
    def whole(self) -> Derivative:
        """The derivative by all entries."""
        return Derivative(self.of, self.by)

    def __str__(self) -> str:
        entry = "" if self.index is None else f"[{','.join(map(str, self.index))}]"
        return f"{self.of}{entry}" if self.is_value else f"d {self.of}/d {self.by}{entry}"


Key = str | Derivative


def spell_shape(shape: Shape) -> str:
    """The shape as it is written behind a name: `[4,3]`; nothing for a scalar."""
    return f"[{','.join(map(str, shape))}]" if shape else ""


@dataclass(frozen=True, slots=True)
class Node:
    """One value. `per_row`: one per training example; `reduced`: made from a sum over them."""

    index: int
    operation: str
    arguments: tuple[int, ...]
    shape: Shape
    per_row: bool = False
    reduced: bool = False
    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)
    key: Key = ""
    value: float = 0.0
    text: str = ""

    @property
    def primitive(self) -> Primitive:
        """The record of its function. Raises KeyError for leaves and literals."""
        return record_of(self.operation)

    @property
    def size(self) -> int:
        """How many entries it has, in one row if it is per row."""
        return math.prod(self.shape)

    @property
    def is_leaf(self) -> bool:
        """Whether its value comes from outside."""
        return self.operation == LEAF

    @property
    def is_literal(self) -> bool:
        """Whether it is a number of the text, or pi."""
        return self.operation == LITERAL

    @property
    def adds_rows(self) -> bool:
        """Whether it makes one value of those of all rows."""
        return not (self.is_leaf or self.is_literal) and self.primitive.rows == "reduce"

    @property
    def is_pi(self) -> bool:
        """Whether it is the number pi, which no double is."""
        return self.is_literal and self.text == PI


def typed_number(nodes: Sequence[Node], node: Node) -> float | None:
    """The number of the text that a node is, in every entry: the 2 of x^2 fills the shape of x. None of pi,
    which no double is, and of all else."""
    while node.operation == "expand":
        node = nodes[node.arguments[0]]
    return node.value if node.is_literal and not node.is_pi else None


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of definition, and the names some of them carry."""

    nodes: tuple[Node, ...]
    names: Mapping[str, int]
    output: int = -1
    products: frozenset[int] = frozenset()  # numbers that may stand for a vector of one: x' @ A @ x
    # the least and the largest of whole-number data
    whole: Mapping[int, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}))

    def downstream(self, sources: Iterable[int]) -> list[bool]:
        """For each node whether a value of `sources` reaches it (a source reaches itself)."""
        reached = [False] * len(self.nodes)
        for source in sources:
            reached[source] = True
        for node in self.nodes:
            for argument in node.arguments:  # any() takes three times as long
                if reached[argument]:
                    reached[node.index] = True
                    break
        return reached

    def upstream(self, targets: Iterable[int]) -> list[bool]:
        """For each node whether `targets` are computed from it (a target from itself)."""
        needed = [False] * len(self.nodes)
        for target in targets:
            needed[target] = True
        for node in reversed(self.nodes):
            if needed[node.index]:
                for argument in node.arguments:
                    needed[argument] = True
        return needed

    def for_rows(self, count: int) -> Graph:
        """The same graph for another number of rows."""
        nodes = (replace(n, options=MappingProxyType({**n.options, "count": count})) if n.adds_rows else n
                 for n in self.nodes)  # fmt: skip
        return replace(self, nodes=tuple(nodes))

    def formula(self, index: int, shown: Mapping[int, str], taken: Container[str] | None = None) -> str:
        """The expression of one node, fully bracketed; nodes of `shown` appear by their name. `taken`: names
        that call no function, those of this graph by default."""
        taken = self.names if taken is None else taken
        pieces: list[str] = []
        todo: list[int | str] = [index]
        first = True
        while todo:
            item = todo.pop()
            if isinstance(item, str):
                pieces.append(item)
            elif item in shown and not first:
                pieces.append(shown[item])
            else:
                todo.extend(reversed(_spell(self.nodes, item, taken)))
            first = False
        return "".join(pieces)


def _spell(nodes: Sequence[Node], index: int, taken: Container[str]) -> list[int | str]:
    """A node as pieces of text and the nodes between them."""
    node = nodes[index]
    if node.is_literal:
        return [node.text]
    if node.is_leaf:
        return [str(node.key)]
    arguments = node.arguments
    if node.operation in ("identity", "expand"):
        return [arguments[0]]
    if node.operation == "index":
        key = _spell_key(node.options["key"])
        if isinstance(nodes[arguments[0]].key, Derivative):  # d f/d w[0] is by an entry of w
            return ["(", arguments[0], ")", key]
        return [arguments[0], key]
    if node.operation in ("take", "take_pairs"):
        return [arguments[0], *_spell_choice(node.options["key"], arguments[1:])]
    if node.operation == "stack" and node.options["axis"] == 0:
        return ["[", *_separate(arguments), "]"]
    record = node.primitive
    if record.sizes:
        return [f"{record.function}({', '.join(map(str, node.options['sizes']))})"]
    if record.infix is not None and len(arguments) == 2:
        return ["(", arguments[0], f" {record.infix} ", arguments[1], ")"]
    if record.infix is not None:
        return ["(", record.infix, arguments[0], ")"]
    first = "".join(f"{_spell_order(node.options[name])}, " for name in record.orders)
    function = visible_name(record.function, taken)
    return [f"{function}({first}", *_separate(arguments), _spell_options(node), ")"]


def _spell_order(order: float | str) -> str:
    return f'"{order}"' if isinstance(order, str) else str(order)


def _separate(arguments: Sequence[int]) -> Iterator[int | str]:
    for position, argument in enumerate(arguments):
        if position:
            yield ", "
        yield argument


def _spell_key(key: tuple[Any, ...]) -> str:
    return f"[{','.join(map(spell_part, key))}]"


def spell_part(part: int | slice | range) -> str:
    """One part of an index as text: `2`, `1:3`, `:`."""
    if isinstance(part, int):
        return str(part)
    return f"{'' if part.start is None else part.start}:{'' if part.stop is None else part.stop}"


def _spell_choice(key: tuple[Any, ...], chosen: Sequence[int]) -> Iterator[int | str]:
    """An index in which nodes stand for None."""
    waiting = iter(chosen)
    for position, part in enumerate(key):
        yield "," if position else "["
        yield next(waiting) if part is None else spell_part(part)
    yield "]"


def _spell_options(node: Node) -> str:
    """The keyword arguments that differ from the record's defaults."""
    given = []
    record = node.primitive
    for name, default in record.options.items():
        value = node.options.get(name, default)
        if name == record.listed:
            given.append(f", {spell_listed(value)}")
        elif name not in record.orders and value != default:
            given.append(f", {name}={value!r}")
    return "".join(given)


def spell_listed(numbers: Sequence[int]) -> str:
    """Whole numbers behind an argument: `(2, 3)`, one alone without brackets."""
    return f"({', '.join(map(str, numbers))})" if len(numbers) > 1 else str(numbers[0])
