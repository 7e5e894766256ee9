"""Reads a node and the formula of its adjoint. Gives the formulas of its arguments' adjoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, Protocol

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.derivatives import symbolic
from gradcheck_cli.derivatives.symbolic.recording import CONSTANT
from gradcheck_cli.formulas.array_algebra import Algebra, is_full, spell_axis
from gradcheck_cli.formulas.sympy_templates import Rules
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.primitives.record import Shape

__all__ = ["IDENTITIES", "Contributions", "NodeAdjoint", "key_of_index", "place_parts"]


# ---------------------------------------------------------------------------------------------
# Derivations: reverse through the nodes of a step, or of the whole model for closed formulas
# ---------------------------------------------------------------------------------------------

Contributions = dict[int, list[int]]  # what arrives at each named node


class NodeFormulas(Protocol):
    """The nodes of a model and their values as formulas."""

    algebra: Algebra
    rules: Rules

    def node(self, index: int) -> Node:
        """A node of the model."""

    def value(self, index: int) -> int:
        """A node's value: its name, or the author's expression."""

    def own_expression(self, index: int) -> int:
        """The author's expression of a node, also where the node has a name."""


class NodeAdjoint:
    """One adjoint on its way through one node, over the items that the node is made of."""

    def __init__(self, derivation: NodeFormulas, node: Node, live: Sequence[int]) -> None:
        self.derivation, self.node, self.live = derivation, node, live
        self.algebra, self.rules = derivation.algebra, derivation.rules
        given = [derivation.node(a) for a in node.arguments]
        shapes = [() if node.primitive.elementwise else g.shape for g in given]
        exponent = _literal(derivation, given[1]) if node.operation == "pow" else None
        self.program = self.rules.program(node, shapes, exponent)
        self.items = self.program.items
        self.leaves = {
            item.index: int(item.data[1:]) for item in self.items if item.operation == "leaf"
        }
        self.known: dict[int, int] = {self.program.of_node[-1]: derivation.value(node.index)}
        if exponent is not None:
            self.known[self.program.of_node[1]] = self._argument(1)
        applied = self.program.kernels.get(self.program.of_node[-1])
        if applied is not None and applied.kernel.expression == -applied.kernel.slots[0]:
            self.known[applied.slots[0]] = self.algebra.negative(derivation.value(node.index))

    def run(self, adjoint: int) -> Iterator[tuple[int, int]]:
        """(position, what the argument gets)."""
        if self.node.primitive.elementwise:
            for position in self.live:
                partial = self.partial(position)
                if partial != self.algebra.zero:
                    yield position, self.algebra.through(partial, adjoint)
            return
        arrived: Contributions = {self.program.of_node[-1]: [adjoint]}
        for index in reversed(self.program.order):
            if index not in arrived:
                continue
            total = self.algebra.factor(arrived[index])
            position = self.leaves.get(index, -1)
            if position in self.live:
                yield position, self._by_name(total)
            for argument, part in self._pass(index, total) if position < 0 else ():
                arrived.setdefault(argument, []).append(part)

    def _by_name(self, e: int) -> int:
        """The expression with the step's own formula, as softmax(z), written by its name."""
        index = self.node.index
        own, named = self.derivation.own_expression(index), self.derivation.value(index)
        return e if own == named else self.algebra.factor([self.algebra.substitute(e, {own: named})])

    def partial(self, position: int) -> int:
        """The partial of an elementwise function by one argument: selections stay selections."""
        algebra = self.algebra
        moving: dict[int, int] = {}
        for index in self.program.order:
            item, applied = self.items[index], self.program.kernels.get(index)
            if applied is not None:
                moving[index] = algebra.add(self._pass_tangents(index, applied, moving))
            elif self.leaves.get(index) == position:
                moving[index] = algebra.one
            elif item.operation == "select":
                condition, a, b = item.arguments
                moving[index] = self._select(self.value(condition), moving[a], moving[b])
            elif item.operation == "copy":
                moving[index] = moving[item.arguments[0]]
            else:
                moving[index] = algebra.zero
        return moving[self.program.of_node[-1]]

    def _select(self, condition: int, a: int, b: int) -> int:
        if a == b:
            return a
        make = self.algebra.pick if self.node.operation == "where" else self.algebra.where
        return make(condition, a, b)

    def _pass_tangents(
        self, index: int, applied: symbolic.Applied, moving: Mapping[int, int]
    ) -> Iterator[int]:
        for slot, partial in self._partials(index, applied):
            yield self.algebra.times(partial, moving[slot])

    def _argument(self, position: int) -> int:
        return self.derivation.value(self.node.arguments[position])

    def value(self, index: int) -> int:
        """The value of an item."""
        found = self.known.get(index)
        if found is None:
            found = self.known[index] = self._make(self.items[index])
        return found

    def _make(self, item: symbolic.Item) -> int:
        algebra = self.algebra
        if item.operation == "leaf":
            return self._argument(self.leaves[item.index])
        if item.operation == "integer":
            return algebra.number(item.data)
        if item.operation == "pi":
            return algebra.literal(item.data, "pi")
        if item.operation == "constant":
            return algebra.literal(float(item.data), _digits(float(item.data)))
        applied = self.program.kernels.get(item.index)
        if applied is not None:
            return self.rules.value(applied.kernel)(algebra, [*map(self.value, applied.slots)])
        given = [self.value(a) for a in item.arguments]
        match item.operation:
            case "compare":
                return algebra.compare(item.data, *given)
            case "whole":
                return algebra.call(item.data, *given)
            case "select":
                return algebra.where(*given)
            case "total" | "largest":
                function = "sum" if item.operation == "total" else "max"
                return algebra.call(function, *given, shape=item.shape, more=_spell_axis(item))
            case "copy" | "expand":
                return given[0]
            case "transpose":
                return algebra.transpose(given[0])
            case "reshape":
                return algebra.reshape(given[0], item.shape)
            case "permute":
                return algebra.permute(given[0], item.data)
        raise self._unknown(item)

    def _pass(self, index: int, adjoint: int) -> Iterator[tuple[int, int]]:
        applied = self.program.kernels.get(index)
        if applied is not None:
            for slot, partial in self._partials(index, applied):
                part = self.algebra.through(partial, adjoint)
                yield slot, self.algebra.total(part, self.items[index].shape, self.items[slot].shape)
            return
        item = self.items[index]
        arguments = item.arguments
        match item.operation:
            case "contract":
                yield from self._contraction(item, adjoint)
            case "transpose":
                yield arguments[0], self._transpose(item, adjoint)
            case "largest":
                at = self.algebra.compare("ge", self.value(arguments[0]), self.value(index))
                ties = self.algebra.call("sum", at, shape=item.shape, more=_spell_axis(item))
                part = self.algebra.times(at, adjoint, self.algebra.power(ties, -1))  # one for each of them
                yield arguments[0], part
            case "expand":
                inner = self.items[arguments[0]].shape
                yield arguments[0], self.algebra.total_apart(adjoint, item.shape, inner)
            case "reshape":
                full = self.algebra.full_or_number(adjoint, item.shape)
                yield arguments[0], self.algebra.reshape(full, self.items[arguments[0]].shape)
            case "permute":
                order = sorted(range(len(item.data)), key=item.data.__getitem__)
                full = self.algebra.full_or_number(adjoint, item.shape)
                yield arguments[0], self.algebra.permute(full, order)
            case "total" | "over_rows" | "copy":
                yield arguments[0], adjoint
            case _ if arguments:
                raise self._unknown(item)

    def _unknown(self, item: symbolic.Item) -> OptionError:
        return OptionError(
            f"no formula is known for {self.node.primitive.function} ({item.operation})",
            help="gradcheck run checks it all the same",
        )

    def _partials(self, index: int, applied: symbolic.Applied) -> Iterator[tuple[int, int]]:
        """(slot, SymPy's partial of a kernel by it)."""
        slots: list[int] | None = None
        for place, slot in enumerate(applied.slots):
            if self.items[slot].operation in CONSTANT:
                continue
            template = self.rules.partial(applied.kernel, place)
            if template is None:
                continue
            if slots is None:
                slots = [*map(self.value, applied.slots), self.value(index)]
            yield slot, template(self.algebra, slots)

    def _contraction(self, item: symbolic.Item, adjoint: int) -> Iterator[tuple[int, int]]:
        inputs, out = item.data.split("->")
        a, b = inputs.split(",")
        first, second = item.arguments
        adjoint = self.algebra.fit(adjoint, item.shape)
        if self.leaves.get(first) in self.live:
            yield first, self.algebra.contract((out, adjoint), (b, self.value(second)), a)
        if self.leaves.get(second) in self.live:
            yield second, self.algebra.contract((a, self.value(first)), (out, adjoint), b)

    def _transpose(self, item: symbolic.Item, adjoint: int) -> int:
        if item.data == 1:
            return self.algebra.index(adjoint, (0, slice(None)))
        return self.algebra.transpose_derived(adjoint)


# -- matrix calculus ----------------------------------------------------------------------------


def _others(algebra: Algebra, adjoint: int, own: int, x: int) -> int:
    """The products of the others: written out for a short vector, else the product over x."""
    shape = algebra.shape(x)
    if len(shape) != 1 or not 1 < shape[0] <= algebra.limits.written_entries // 2 + 1:
        return algebra.times(adjoint, own, algebra.power(x, -1))
    entries = [algebra.index(x, (k,)) for k in range(shape[0])]
    products = [algebra.times(*(e for e in entries if e != one)) for one in entries]
    return algebra.times(adjoint, algebra.stack(products))


def _on_diagonal(algebra: Algebra, adjoint: int, own: int, x: int) -> int:
    eye = algebra.eye(algebra.shape(x)[0])
    return algebra.times(adjoint, eye)


def _diagonal(algebra: Algebra, adjoint: int, own: int, x: int) -> int:
    shape = algebra.shape(x)
    if len(shape) == 2:
        return algebra.call("diag", algebra.fit(adjoint, shape[:1]), shape=shape)
    return algebra.call("diag", algebra.fit(adjoint, (*shape, *shape)), shape=shape)


def _cofactors(algebra: Algebra, adjoint: int, own: int, a: int) -> int:
    back = algebra.transpose(algebra.call("inv", a, shape=algebra.shape(a)))
    return algebra.times(adjoint, own, back)


def _of_inverse(algebra: Algebra, adjoint: int, own: int, a: int) -> int:
    back = algebra.transpose(own)
    adjoint = algebra.fit(adjoint, algebra.shape(a))
    return algebra.negative(algebra.matmul(algebra.matmul(back, adjoint), back))


# The adjoint that a function of matrices gives its argument, as textbooks write it (Petersen and Pedersen
# 2012). What it IS, halves of a product or minors, would not be readable.
IDENTITIES: dict[str, Callable[..., int]] = {
    "prod": _others,
    "trace": _on_diagonal,
    "diag": _diagonal,
    "det": _cofactors,
    "inv": _of_inverse,
}


def _spell_axis(item: symbolic.Item) -> str:
    """The keyword of a sum or a maximum."""
    axis = item.data[1]
    if axis is None:
        return ""
    return spell_axis((axis,) if isinstance(axis, int) else axis)


def _literal(derivation: NodeFormulas, node: Node) -> Node | None:
    """The number behind an exponent."""
    while node.operation == "expand":
        node = derivation.node(node.arguments[0])
    return node if node.is_literal else None


def _digits(value: float) -> str:
    """A number of a record as text: 1, not 1.0."""
    return str(int(value)) if value == int(value) else repr(value)


# -- entries and slices -------------------------------------------------------------------------


def key_of_index(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index as a hashable key: slices as pairs."""
    return tuple(k if isinstance(k, int) else (k.start, k.stop) for k in key)


def _index_of_key(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(k if isinstance(k, int) else slice(*k) for k in key)


def place_parts(algebra: Algebra, scattered: Sequence[int], shape: Shape) -> list[int]:
    """What entries and slices of an array contribute, as arrays of its shape."""
    found = [(_index_of_key(algebra.forms[s].data), algebra.forms[s].arguments[0]) for s in scattered]
    entries: dict[tuple[int, ...], list[int]] = {}
    rest = []
    for key, e in found:
        if all(isinstance(k, int) for k in key) and prod(shape) <= 2 * algebra.limits.written_entries:
            entries.setdefault(key, []).append(e)
        elif all(map(is_full, key)):
            rest.append(e)
        else:
            rest.append(_at(algebra, key, e, shape))
    if not entries:
        return rest
    if prod(shape) == 1:
        return [*rest, *(e for parts in entries.values() for e in parts)]
    filled = {key: algebra.add(parts) for key, parts in entries.items()}
    return [*rest, _fill(algebra, filled, shape)]


def _fill(algebra: Algebra, entries: Mapping[tuple[int, ...], int], shape: Shape) -> int:
    """An array written out, 0 where nothing arrived."""
    rows = [
        algebra.stack([entries.get((*row, k), algebra.zero) for k in range(shape[-1])])
        for row in np.ndindex(shape[:-1])
    ]
    return rows[0] if len(shape) == 1 else algebra.stack(rows)


def _at(algebra: Algebra, key: tuple[Any, ...], e: int, shape: Shape) -> int:
    """The array that holds e at an entry or slice and 0 elsewhere: columns of eye(n) times e."""
    if len(shape) > 2:
        return _between_zeros(algebra, key, e, shape)
    if len(shape) == 1:
        chosen = _columns(algebra, shape[0], key[0])
        if isinstance(key[0], int):
            return algebra.times(chosen, e)
        return algebra.matmul(chosen, algebra.fit(e, (len(range(shape[0])[key[0]]),)))
    left, right = (_columns(algebra, n, k) for n, k in zip(shape, key, strict=True))
    m, n = (None if isinstance(k, int) else len(range(s)[k]) for s, k in zip(shape, key, strict=True))
    if m is None and n is None:
        return algebra.times(e, algebra.matmul(left, algebra.transpose(right)))
    if m is None:
        row = algebra.fit(e, (n or 0,))
        row = row if is_full(key[1]) else algebra.matmul(right, row)
        return algebra.matmul(left, algebra.transpose(row))
    if n is None:
        column = algebra.fit(e, (m,))
        column = column if is_full(key[0]) else algebra.matmul(left, column)
        return algebra.matmul(column, algebra.transpose(right))
    block = algebra.fit(e, (m, n))
    block = block if is_full(key[0]) else algebra.matmul(left, block)
    return block if is_full(key[1]) else algebra.matmul(block, algebra.transpose(right))


def _between_zeros(algebra: Algebra, key: tuple[Any, ...], e: int, shape: Shape) -> int:
    """The same by zeros in front of it and behind it, along one axis after the other."""
    ends = [(k, k + 1) if isinstance(k, int) else k.indices(n)[:2] for k, n in zip(key, shape, strict=True)]
    current = [b - a for a, b in ends]
    inner = tuple(n for part, n in zip(key, current, strict=True) if not isinstance(part, int))
    made = algebra.reshape(algebra.fit(e, inner), tuple(current)) if inner else e
    if not inner:
        made = algebra.times(made, algebra.ones(tuple(current)))
    for axis, ((start, stop), n) in enumerate(zip(ends, shape, strict=True)):
        sides = []
        for length in (start, n - stop):
            side = (*current[:axis], length, *current[axis + 1 :])
            zeros = algebra.make("mul", (algebra.zero, algebra.ones(side)), None, side)
            sides.append([zeros] if length else [])
        if any(sides):
            current[axis] = n
            more = "" if axis == 0 else f"axis={axis}"
            made = algebra.call("concat", *sides[0], made, *sides[1], shape=tuple(current), more=more)
    return made


def _columns(algebra: Algebra, n: int, part: Any) -> int:
    if is_full(part):
        return algebra.one
    return algebra.index(algebra.eye(n), (slice(None), part))
