"""The symbolic method. Reads a Model. Gives derivatives by SymPy. Knows nothing of vjps and of the Tape.

The graph is lowered to a Program: kernels (scalar formulas, entry by entry, of at most 60 operations)
between structural items (contractions, index maps, selections). SymPy differentiates every KIND of
kernel once, by each name it mentions; the chain rule runs forward over the program as tangents, one
direction for each entry asked for (Griewank & Walther 2008, section 3.1). Numbers of the text are
opaque symbols, so SymPy neither folds nor cancels them. Nothing of the user's text reaches SymPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli.common.progress import Meter
from gradcheck_cli.derivatives.symbolic.interpreter import Run
from gradcheck_cli.derivatives.symbolic.program import Program
from gradcheck_cli.derivatives.symbolic.recording import Item
from gradcheck_cli.derivatives.symbolic.tangent_rules import item_tangent
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.compensated_sum import Sum
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["along", "derivative", "values", "values_in_blocks"]


def derivative(
    program: Program,
    point: Mapping[str, Array],
    of: str,
    by: Iterable[str],
    m: Namespace = FLOAT64,
    left_range: Callable[[str, int], None] | None = None,
    *,
    meter: Meter | None = None,
) -> dict[str, Array]:
    """d of/d name for each name, accumulated forward.

    Parameters
    ----------
    program : the model's steps, with the partial derivatives that SymPy found
    point : name to float64 array
    of : a step
    by : names of inputs or steps
    m : the namespace in whose numbers it is computed
    left_range : called, as np.seterrcall has it, where a number on the way leaves the range of float64
    meter : told of the blocks of rows that are taken

    Returns
    -------
    dict of str to (rows?, *of, *name) arrays
        In the numbers of `m`, in units of `of` per unit of the name. Rows where `of` or the name has one
        value per row, then row i of one by row i of the other.

    Raises
    ------
    KeyError
        If the model has no such name.
    """
    model = program.model
    names = list(by)
    target = model.node(of)
    found: dict[str, list[Array]] = {name: [] for name in names}
    for per_row in (False, True):
        group = [n for n in names if model.node(n).per_row == per_row]
        for portion in _portions(program, group):
            tangents = _Tangents(program, point, m, target, _one_hot(model, portion), per_row, meter)
            if left_range is not None:
                tangents.errors = {"all": "call", "invalid": "ignore", "call": left_range}
            columns = tangents.run()
            columns = columns if per_row or target.per_row else columns[:, 0, ...]
            ends = np.cumsum([stop - start for _, start, stop in portion])[:-1]
            for (name, _, _), part in zip(portion, np.split(columns, ends), strict=True):
                found[name].append(part)
    return {name: _along_last(parts, model.node(name)) for name, parts in found.items()}


def along(
    program: Program,
    point: Mapping[str, Array],
    of: str,
    directions: Mapping[str, Array],
    m: Namespace = FLOAT64,
    *,
    meter: Meter | None = None,
) -> Array:
    """The slopes of a step as names move along directions.

    Parameters
    ----------
    program : the model's steps, with their partial derivatives
    point : name to float64 array
    of : a step
    directions : name to (D, *shape), for names that have one value for all rows
    m : the namespace in whose numbers it is computed
    meter : told of the blocks of rows that are taken

    Returns
    -------
    (D, rows?, *of) in the numbers of `m`
        In units of `of` per unit step along each direction.

    Raises
    ------
    KeyError
        If the model has no such name.
    """
    target = program.model.node(of)
    count, most = max((len(moves) for moves in directions.values()), default=0), _directions_held(program)
    found = []
    for start in range(0, max(1, count), most):
        seeds = {name: m.array(moves[start : start + most]) for name, moves in directions.items()}
        found.append(_Tangents(program, point, m, target, seeds, False, meter).run())
    columns = found[0] if len(found) == 1 else np.concatenate(found)
    return columns if target.per_row else columns[:, 0, ...]


def values(
    program: Program, point: Mapping[str, Array], m: Namespace = FLOAT64, *, meter: Meter | None = None
) -> dict[str, Array]:
    """The value of every step.

    Parameters
    ----------
    program : the model's steps
    point : name to float64 array
    m : the namespace in whose numbers it is computed
    meter : told of the blocks of rows that are taken

    Returns
    -------
    dict of str to (*shape) arrays, (N, *shape) where a step has one value per row
    """
    return _Tangents(program, point, m, None, {}, False, meter).step_values()


def values_in_blocks(
    program: Program, point: Mapping[str, Array], blocks: Iterable[slice], *, meter: Meter | None = None
) -> Iterator[dict[str, Array]]:
    """The values of the steps, a block of rows at a time.

    Parameters
    ----------
    program : the model's steps
    point : name to float64 array
    blocks : which rows are computed together
    meter : told of them

    Yields
    ------
    dict of str to float64 arrays
        (rows, *shape) of the steps with one value per row, for each block; at the end (*shape) of the others.
    """
    return _Tangents(program, point, FLOAT64, None, {}, False, meter).in_blocks(blocks)


Portion = list[tuple[str, int, int]]  # names, and which of their entries


def _portions(program: Program, names: Sequence[str]) -> list[Portion]:
    """Entries in groups whose tangents fit into memory at one time."""
    model, most = program.model, _directions_held(program)
    portions: list[Portion] = []
    left = 0  # entries that the last portion still has space for
    for name in names:
        start, size = 0, math.prod(model.node(name).shape)
        while start < size:
            if left == 0:
                portions.append([])
                left = most
            stop = min(size, start + left)
            portions[-1].append((name, start, stop))
            left -= stop - start
            start = stop
    return portions


def _directions_held(program: Program) -> int:
    """How many tangents of the widest value fit into memory at one time."""
    widest = max((math.prod(n.shape) for n in program.model.graph.nodes), default=1)
    return max(1, program.limits.most_entries // widest)


def _one_hot(model: Model, portion: Portion) -> dict[str, Array]:
    """A direction for each entry of a portion, (D, *shape) for every name in it."""
    count, first = sum(stop - start for _, start, stop in portion), 0
    seeds = {}
    for name, start, stop in portion:
        shape = model.node(name).shape
        moves = np.zeros((count, math.prod(shape)))
        moves[range(first, first + stop - start), range(start, stop)] = 1
        seeds[name] = moves.reshape(count, *shape)
        first += stop - start
    return seeds


def _along_last(parts: Sequence[Array], by: Node) -> Array:
    """(entries, rows?, *of) in parts as (rows?, *of, *by)."""
    joined = np.moveaxis(np.concatenate(parts), 0, -1)
    return np.array(joined.reshape(joined.shape[:-1] + by.shape))


_Sums = tuple[dict[int, Sum], dict[int, Sum]]  # over the rows: of values and of tangents


def _sum_results(sums: Mapping[int, Sum]) -> dict[int, Array]:
    return {index: found.result() for index, found in sums.items()}


class _Tangents:
    """One forward accumulation: values and tangents of all items, in the order of the program."""

    def __init__(
        self,
        program: Program,
        point: Mapping[str, Array],
        m: Namespace,
        of: Node | None,
        seeds: Mapping[str, Array],
        by_rows: bool,
        meter: Meter | None,
    ) -> None:
        self.program, self.m, self.of, self.by_rows = program, m, of, by_rows
        self.model, self.meter = program.model, meter
        self.run_ = Run(program, point, m)
        self.rows_here = 1
        self.errors: dict[str, Any] = {"all": "ignore"}  # of floating point, as np.errstate takes them
        self.seeds = {
            program.of_node[self.model.node(name).index]: moves[:, None] for name, moves in seeds.items()
        }
        self.directions = max((len(moves) for moves in seeds.values()), default=0)
        self.kept = {program.of_node[of.index]} if of is not None else frozenset[int]()
        items = [program.items[i] for i in program.order]
        self.stages = [[i for i in items if program.stage(i) == s] for s in range(3)]

    def run(self) -> Array:
        """The tangents of the target: (directions, rows or 1, *of)."""
        assert self.of is not None
        target = self.program.of_node[self.of.index]
        per_row = self.of.per_row or self.by_rows
        return self._collect([target], tangents=True, per_row=per_row)[target]

    def step_values(self) -> dict[str, Array]:
        """The values of all steps."""
        targets = {name: self.program.of_node[s.node] for name, s in self.model.steps.items()}
        found: dict[str, Array] = {}
        for rows in (False, True):
            part = {n: t for n, t in targets.items() if self.model.node(n).per_row == rows}
            columns = self._collect(list(part.values()), tangents=False, per_row=rows)
            found.update({n: columns[t][0] if rows else columns[t][0, 0, ...] for n, t in part.items()})
        return found

    def in_blocks(self, blocks: Iterable[slice]) -> Iterator[dict[str, Array]]:
        """The values of the steps in each block of rows, then of those that have one value for all."""
        steps = {n: (self.program.of_node[s.node], self.model.node(n)) for n, s in self.model.steps.items()}
        each = {name: target for name, (target, node) in steps.items() if node.per_row}
        values: dict[int, Array] = {}
        sums: _Sums = ({}, {})
        with np.errstate(all="ignore"):
            self._pass(self.stages[0], values, {}, slice(None))
        for rows in blocks:
            found: dict[int, list[Array]] = {target: [] for target in each.values()}
            with np.errstate(all="ignore"):
                self._block(rows, values, {}, sums, list(found), False, True, found)
            yield {name: found[target][-1][0] for name, target in each.items()}
        values.update(_sum_results(sums[0]))
        with np.errstate(all="ignore"):
            self._pass(self.stages[2], values, {}, slice(None))
        yield {name: values[t][0, 0, ...] for name, (t, node) in steps.items() if not node.per_row}

    def _collect(self, targets: Sequence[int], tangents: bool, per_row: bool) -> dict[int, Array]:
        """Run the stages; gather values or tangents of the targets, rows joined."""
        found: dict[int, list[Array]] = {t: [] for t in targets}
        values: dict[int, Array] = {}
        tangent: dict[int, Array] = {}
        with np.errstate(**self.errors):
            self._pass(self.stages[0], values, tangent, slice(None))
            sums: _Sums = ({}, {})
            for rows in self._blocks():
                self._block(rows, values, tangent, sums, targets, tangents, per_row, found)
            values.update(_sum_results(sums[0]))
            if not self.by_rows:
                tangent.update(_sum_results(sums[1]))
                self._pass(self.stages[2], values, tangent, slice(None))
        if per_row:
            return {t: np.concatenate(parts, axis=1) for t, parts in found.items()}
        return {t: self._tangents_of(t, values, tangent, tangents, 1) for t in targets}

    def _block(
        self,
        rows: slice,
        values: dict[int, Array],
        tangent: dict[int, Array],
        sums: _Sums,
        targets: Sequence[int],
        tangents: bool,
        per_row: bool,
        found: dict[int, list[Array]],
    ) -> None:
        here, moving = dict(values), dict(tangent)
        if self.meter is not None:
            self.meter.visit(-(-(self.model.rows or 1) // (rows.stop - rows.start)))
        self.rows_here = rows.stop - rows.start
        self._pass(self.stages[1], here, moving, rows)
        for item in self.stages[1]:
            if item.operation == "over_rows":
                for total, part in zip(sums, (here, moving), strict=True):
                    if item.index in part and not (total is sums[1] and self.by_rows):
                        total.setdefault(item.index, Sum()).add(part[item.index])
        if per_row and self.by_rows:
            self._after_rows(here, moving, rows)
        if per_row:
            for target in targets:
                found[target].append(
                    self._tangents_of(target, here, moving, tangents, rows.stop - rows.start)
                )

    def _after_rows(self, here: dict[int, Array], moving: dict[int, Array], rows: slice) -> None:
        """What follows the sums, one row moving at a time; the sums themselves are those of all rows."""
        here.update(self._all_sums)
        self._pass(self.stages[2], here, moving, rows)

    @cached_property
    def _all_sums(self) -> dict[int, Array]:
        if not self.stages[2]:
            return {}
        plain = _Tangents(self.program, self.run_.point, self.m, None, {}, False, self.meter)
        sums = [i.index for i in self.stages[1] if i.operation == "over_rows"]
        return plain._collect(sums, tangents=False, per_row=False) if sums else {}

    def _tangents_of(
        self, target: int, values: Mapping[int, Array], tangent: Mapping[int, Array], tangents: bool,
        rows: int,
    ) -> Array:  # fmt: skip
        shape = self.program.items[target].shape
        if not tangents:
            return np.broadcast_to(values[target], (1, rows, *shape))
        full = (self.directions, rows, *shape)
        found = tangent.get(target)
        return np.zeros(full) if found is None else np.broadcast_to(found, full)

    def _blocks(self) -> list[slice]:
        rows = self.model.rows or 0
        widest = max((math.prod(i.shape) for i in self.program.items if i.per_row), default=1)
        limits = self.program.limits
        step = max(1, min(limits.most_rows, limits.most_entries // (widest * max(1, self.directions))))
        return [slice(a, min(rows, a + step)) for a in range(0, rows, step)]

    def _pass(
        self, items: Iterable[Item], values: dict[int, Array], tangent: dict[int, Array], rows: slice
    ) -> None:
        for item in items:
            if item.index not in values:
                values[item.index] = self.run_.value(item, values, rows)
            moving = self._tangent(item, values, tangent) if self.directions else None
            if item.index in self.seeds:
                seed = self.seeds[item.index]
                moving = seed if moving is None else moving + seed
            if moving is not None:
                tangent[item.index] = moving
            if self.directions:  # freed early, so that the allocator reuses it in long chains
                for index in self.program.spent.get(item.index, ()):
                    if index not in self.kept:
                        tangent.pop(index, None)

    def _tangent(
        self, item: Item, values: Mapping[int, Array], tangent: Mapping[int, Array]
    ) -> Array | None:
        if item.operation != "over_rows":
            return item_tangent(self.run_, item, values, tangent)
        moving = tangent.get(item.arguments[0])
        return moving if moving is None or self.by_rows else self._sum_over_rows(moving)

    def _sum_over_rows(self, moving: Array) -> Array:
        """Over the rows of this block; a tangent that is the same in every row counts each time."""
        full = np.broadcast_to(moving, (moving.shape[0], self.rows_here, *moving.shape[2:]))
        return np.asarray(full.sum(axis=1, keepdims=True))
