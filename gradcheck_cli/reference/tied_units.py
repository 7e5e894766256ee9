"""Reads a model at a point on kinks. Gives the units that stand on them: entries of nodes, and what their
slopes may be.

A relu or abs of 0, a tie of max, the norm of a vector of zeros, a comparison that holds with equality; equal
entries that are sorted, and a repeated eigenvalue, which are blocks of units. The slopes of both sides are
differences of the function itself. Knows nothing of derivatives of the model.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, reduce
from itertools import pairwise

import numpy as np

from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.primitives.axes import all_kept
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64, floats
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
    RANK = "as LARGEST; those of all ranks are the rows of a doubly stochastic matrix"
    EIGENVALUE = "a matrix of trace 1 without negative eigenvalues; those of all ranks add up to 1"
    OUTCOME = "between what holds on both sides of a comparison"
    NOTHING = "none: the border of a domain"


_TIES = {"largest": Choice.LARGEST, "smallest": Choice.SMALLEST, "length": Choice.LENGTH}


@dataclass(frozen=True)
class Unit:
    """One entry of a node on its kink. `arguments`: the entries of its arguments that tie, as (node, place);
    `low` and `high`: the slopes of both sides, or the outcomes of a comparison; `weights`: by what each
    argument counts, 1 where there are none. `first`: the place of the first unit of its block, in which it
    has a `rank`; `vectors`: an orthonormal basis of the eigenspace, (n, m). Places are flat."""

    node: Node
    row: int | None
    place: int
    choice: Choice
    arguments: tuple[tuple[int, int], ...]
    low: float = 0.0
    high: float = 1.0
    weights: tuple[float, ...] = ()
    rank: int = 0
    first: int | None = None
    vectors: Array | None = field(default=None, compare=False)

    @property
    def size(self) -> int:
        """How many slopes there are to choose."""
        match self.choice:
            case Choice.NOTHING:
                return 0
            case Choice.BETWEEN | Choice.OUTCOME:
                return 1
        return len(self.arguments) if self.vectors is None else int(self.vectors.shape[1]) ** 2

    @property
    def total(self) -> Array | None:
        """What its slopes are in units of: the sum of weights, the trace of a matrix, (slopes,), are 1; and
        the slopes of all units of its block add up to it. None where they are bounded in another way."""
        if self.vectors is not None:
            return np.eye(self.vectors.shape[1]).ravel()
        ties = (Choice.LARGEST, Choice.SMALLEST, Choice.RANK)
        return np.ones(self.size) if self.choice in ties else None

    @property
    def block(self) -> Hashable:
        """What the units of a block have in common; units that stand alone have one each."""
        return self.node.index, self.row, self.place if self.first is None else self.first

    def share(self, each: Array) -> Array:
        """What the slopes of the unit are factors of.

        Parameters
        ----------
        each : float64 array, (arguments, ...), derivatives of its arguments

        Returns
        -------
        own : float64 array, (slopes, ...)
            Of a repeated eigenvalue the entries of V' dA V.
        """
        if self.vectors is None:
            rest = (1,) * (each.ndim - 1)
            return each * np.reshape(self.weights, (-1, *rest)) if self.weights else each
        n = len(self.vectors)
        moves = each.reshape(n, n, *each.shape[1:])
        inside = np.einsum("ip,jq,ij...->pq...", self.vectors, self.vectors, moves)
        return np.asarray((inside + inside.swapaxes(0, 1)) / 2).reshape(self.size, *each.shape[1:])

    def ordered(self, own: Array) -> Array:
        """How the block changes as its arguments move, the least first.

        Parameters
        ----------
        own : float64 array, (slopes, ...), what the slopes are factors of

        Returns
        -------
        changes : float64 array, (units of the block, ...)
        """
        if self.vectors is None:
            return np.sort(own, axis=0)
        m = self.vectors.shape[1]
        inside = np.moveaxis(own, 0, -1).reshape(*own.shape[1:], m, m)
        known = np.asarray(np.isfinite(inside).all(axis=(-2, -1)))
        changes = np.linalg.eigvalsh(np.where(known[..., None, None], inside, 0.0))
        return np.moveaxis(np.where(known[..., None], changes, np.nan), -1, 0)


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
        if self.node.primitive.tie == "rank":
            yield from self._of_sorted(row)
            return
        if self.node.primitive.tie == "eigenvalue":
            yield from self._of_eigenvalues(row)
            return
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
        value = np.ravel(self._value_in(row))[argument[1]]
        if float(value) not in self._known:  # as a rule it is 0
            self._known[float(value)] = self._slopes_beside(value)
        return self._known[float(value)]

    @cached_property
    def _values(self) -> Array:
        """Those of the argument, the rows first."""
        node = self.tape.model.graph.nodes[self.node.arguments[0]]
        given = np.asarray(self.tape.of_node(node))
        return given if node.per_row else given[None]

    def _value_in(self, row: int | None) -> Array:
        return np.asarray(self._values[0 if row is None or len(self._values) == 1 else row])

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

    def _of_sorted(self, row: int | None) -> Iterator[Unit]:
        """Equal entries, along the axis that is sorted: every rank may be that of each."""
        m, along, argument = self.tape.m, self.node.options["along"], self.node.arguments[0]
        value = self._value_in(row)[None, None]
        order = m.order(value, along)
        line = np.moveaxis(m.ordered(value, order, along)[0, 0], along, -1)
        numbers = np.arange(value.size).reshape(value.shape[2:])
        where = np.moveaxis(np.take_along_axis(numbers, order[0, 0], along), along, -1)
        gaps = np.asarray(m.sub(line[..., 1:], line[..., :-1]) != 0)
        outputs = np.moveaxis(numbers, along, -1).reshape(-1, line.shape[-1])
        for k, places in enumerate(where.reshape(outputs.shape)):
            for run in _runs(gaps.reshape(len(outputs), -1)[k]):
                arguments = tuple((argument, int(place)) for place in sorted(places[run]))
                ranked = [int(place) for place in outputs[k][run]]
                for rank, place in enumerate(ranked):
                    yield Unit(
                        self.node, row, place, Choice.RANK, arguments, rank=rank, first=ranked[0]
                    )

    def _of_eigenvalues(self, row: int | None) -> Iterator[Unit]:
        """Repeated eigenvalues: every rank may be that of each direction in the eigenspace."""
        m, matrix = self.tape.m, self._value_in(row)[None, None]
        values, vectors = m.eigenvectors(matrix)
        arguments = tuple((self.node.arguments[0], k) for k in range(matrix.size))
        for run in _runs(np.asarray(m.eigenvalue_gaps(values)[0, 0] != 0)):
            basis = floats(vectors[0, 0][:, run])
            for rank, place in enumerate(range(run.start, run.stop)):
                yield Unit(
                    self.node, row, place, Choice.EIGENVALUE, arguments, rank=rank, first=run.start,
                    vectors=basis,
                )  # fmt: skip


def _runs(gaps: Array) -> Iterator[slice]:
    """The entries, two or more, that nothing stands between; of a sequence with a mask of its gaps."""
    ends = [0, *(int(k) + 1 for k in np.flatnonzero(gaps)), len(gaps) + 1]
    yield from (slice(a, b) for a, b in pairwise(ends) if b - a > 1)


def _rows_with(mask: Array, rows: slice) -> Array:
    """Which rows of a block have some entry of the mask, (rows, ...)."""
    some = np.asarray(mask.reshape(len(mask), -1).any(axis=1))
    return np.asarray(np.broadcast_to(some, (rows.stop - rows.start,)))


def _in_row(mask: Array, row: int) -> Array:
    return np.asarray(mask[row if len(mask) > 1 else 0])
