"""Reads a model at a point on kinks. Gives the units that stand on them: entries of nodes, and what their
slopes may be.

A relu or abs of 0, a tie of max, the norm of a vector of zeros, a comparison that holds with equality. The
slopes of both sides are differences of the function itself. Knows nothing of derivatives of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, reduce

import numpy as np

from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.primitives.axes import all_kept
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.multiprecision import High
from gradcheck_cli.reference.sums_of_squares import root_of_squares

__all__ = ["Choice", "Unit", "units_at"]


class Choice(Enum):
    """From what set the slopes of a unit may be taken."""

    BETWEEN = "a number between the slopes of both sides"
    LARGEST = "weights of the tied arguments, none negative, that add up to 1"
    SMALLEST = "the same, of the smallest arguments"
    LENGTH = "a vector of length 1 at most"
    OUTCOME = "between what holds on both sides of a comparison"
    NOTHING = "none: the border of a domain"


_TIES = {"largest": Choice.LARGEST, "smallest": Choice.SMALLEST, "length": Choice.LENGTH}


@dataclass(frozen=True)
class Unit:
    """One entry of a node on its kink. `arguments`: the entries of its arguments that tie, as (node, place);
    `low` and `high`: the slopes of both sides, or the outcomes of a comparison; `weights`: by what each
    argument counts, 1 where there are none. Places are flat."""

    node: Node
    row: int | None
    place: int
    choice: Choice
    arguments: tuple[tuple[int, int], ...]
    low: float = 0.0
    high: float = 1.0
    weights: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """How many slopes there are to choose."""
        if self.choice is Choice.NOTHING:
            return 0
        return len(self.arguments) if self.choice in _TIES.values() else 1


def units_at(
    tape: Tape, higher: High, needed: Sequence[bool], limits: ReferenceLimits
) -> list[Unit] | None:
    """All units of the nodes that are needed, in the order of the graph; None where they are too many.

    Kinks without two slopes, as that of elu, are none. `higher` is the namespace of differences.
    """
    found: list[Unit] = []
    for node in tape.bordered.values():
        if needed[node.index]:
            finder = _Finder(tape, node, higher, limits)
            for block in range(tape.block_count) if node.per_row else (-1,):
                found += finder.units(block)
                if len(found) > limits.most_units:
                    return None
    return found


@dataclass
class _Finder:
    """The units of one node."""

    tape: Tape
    node: Node
    higher: High
    limits: ReferenceLimits
    _known: dict[float, tuple[float, float]] = field(default_factory=dict)

    def units(self, block: int) -> Iterator[Unit]:
        """Those of one block of rows."""
        record = self.node.primitive
        masks = [np.asarray(signs[0] == 0) for signs in self.tape.sides(block, self.node)]
        nothing = np.zeros((1,) * masks[0].ndim, dtype=bool)
        borders = masks.pop() if record.domain is not None else nothing
        kinks = reduce(np.logical_or, masks, nothing)
        rows = self.tape.rows_of(block) if block >= 0 else slice(0, 1)
        for r in np.flatnonzero(_rows_with(kinks, rows) | _rows_with(borders, rows)):
            row = rows.start + int(r) if self.node.per_row else None
            yield from self._of_row(row, _in_row(kinks, int(r)), _in_row(borders, int(r)))

    def _of_row(self, row: int | None, kinks: Array, borders: Array) -> Iterator[Unit]:
        if self.node.primitive.tie and not self.node.primitive.elementwise:
            yield from self._of_reduction(row, kinks, borders)
            return
        for mask, is_kink in ((kinks, True), (borders, False)):
            for place in np.flatnonzero(np.broadcast_to(mask, self.node.shape)) if mask.any() else ():
                unit = self._of_entry(row, int(place), is_kink)
                if unit is not None:
                    yield unit

    def _of_entry(self, row: int | None, place: int, is_kink: bool) -> Unit | None:
        record, nodes = self.node.primitive, self.tape.model.graph.nodes
        sizes = [(a, nodes[a].size) for a in self.node.arguments]
        if not record.elementwise:
            every = tuple((a, k) for a, size in sizes for k in range(size))
            return Unit(self.node, row, place, Choice.NOTHING, every)
        own = tuple((a, place if size > 1 else 0) for a, size in sizes)
        squares = None if is_kink else root_of_squares(nodes, self.node, place)
        if squares:
            keys, weights = tuple(squares), tuple(squares.values())
            return Unit(self.node, row, place, Choice.LENGTH, keys, weights=weights)
        if not is_kink or record.selects:
            return Unit(self.node, row, place, Choice.NOTHING, own)
        if record.tie:
            return Unit(self.node, row, place, _TIES[record.tie], own)
        if record.jump:
            low = 0.0 if len(own) == 2 else -1.0
            return Unit(self.node, row, place, Choice.OUTCOME, own, low, 1.0)
        return self._between(row, place, own)

    def _between(self, row: int | None, place: int, own: tuple[tuple[int, int], ...]) -> Unit | None:
        low, high = self._own_slopes(row, own[0]) if len(own) == 1 else (np.nan, np.nan)
        if not np.isfinite([low, high]).all():
            return Unit(self.node, row, place, Choice.NOTHING, own)
        if abs(low - high) <= self.limits.one_slope * max(abs(low), abs(high)):
            return None
        return Unit(self.node, row, place, Choice.BETWEEN, own, low, high)

    def _own_slopes(self, row: int | None, argument: tuple[int, int]) -> tuple[float, float]:
        """The slopes of a function of one number to the left and right of its argument."""
        own = self._values[0 if row is None or len(self._values) == 1 else row]
        value = np.ravel(np.asarray(own))[argument[1]]
        if float(value) not in self._known:  # as a rule it is 0
            self._known[float(value)] = self._slopes_beside(value)
        return self._known[float(value)]

    @cached_property
    def _values(self) -> Array:
        """Those of the argument, the rows first."""
        node = self.tape.model.graph.nodes[self.node.arguments[0]]
        given = np.asarray(self.tape.of_node(node))
        return given if node.per_row else given[None]

    def _slopes_beside(self, value: object) -> tuple[float, float]:
        m, record = self.higher, self.node.primitive
        step = m.context.mpf(10) ** -self.limits.own_step
        x = m.array(value).reshape(1, 1)
        values = [record.forward(m, x + k * step, **self.node.options) for k in (-1, 0, 1)]
        below, here, above = (m.context.mpf(value[0, 0]) for value in values)
        return float((here - below) / step), float((above - here) / step)

    def _of_windows(self, row: int | None, kinks: Array) -> Iterator[Unit]:
        """Ties in the windows of a pool, in which an entry may stand several times."""
        argument = self.tape.model.graph.nodes[self.node.arguments[0]]
        numbers = np.arange(argument.size, dtype=float).reshape(1, 1, *argument.shape)
        inside = FLOAT64.windows(numbers, self.node.options["layout"])[0, 0].astype(int)
        tied = np.broadcast_to(kinks, inside.shape).reshape(-1, inside.shape[-1])
        for output, places in enumerate(inside.reshape(tied.shape)):
            if tied[output].any():
                arguments = tuple((argument.index, int(place)) for place in places[tied[output]])
                yield Unit(self.node, row, output, _TIES[self.node.primitive.tie], arguments)

    def _of_reduction(self, row: int | None, kinks: Array, borders: Array) -> Iterator[Unit]:
        """Ties of max and min, along the axes that they run over, and norms of nothing."""
        if "layout" in self.node.options:
            yield from self._of_windows(row, kinks)
            return
        argument = self.tape.model.graph.nodes[self.node.arguments[0]]
        kept = all_kept(argument.shape, self.node.options["axis"])
        outputs = np.broadcast_to(np.arange(self.node.size).reshape(kept), argument.shape)
        choice = _TIES[self.node.primitive.tie]
        tied = borders.reshape(kept) if choice is Choice.LENGTH else kinks
        tied = np.broadcast_to(tied, argument.shape)
        for output in np.unique(outputs[tied]):
            places = np.flatnonzero((outputs == output) & tied)
            arguments = tuple((argument.index, int(place)) for place in places)
            yield Unit(self.node, row, int(output), choice, arguments)


def _rows_with(mask: Array, rows: slice) -> Array:
    """Which rows of a block have some entry of the mask, (rows, ...)."""
    some = np.asarray(mask.reshape(len(mask), -1).any(axis=1))
    return np.asarray(np.broadcast_to(some, (rows.stop - rows.start,)))


def _in_row(mask: Array, row: int) -> Array:
    return np.asarray(mask[row if len(mask) > 1 else 0])
