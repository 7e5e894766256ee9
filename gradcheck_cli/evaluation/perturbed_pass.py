"""Reads a Tape and moved values. Gives what depends on them, computed again, and which kinks were met.

The value of any node may be overridden; only what lies downstream of it is computed again, and the pass
tells whether a kink or the border of a domain was crossed on the way. Knows nothing of derivatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli.evaluation.borders import node_margins
from gradcheck_cli.evaluation.evaluate import Values, compute
from gradcheck_cli.evaluation.tape import Lookup, Tape, split_rows
from gradcheck_cli.model.graph import Node
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.compensated_sum import Sum

__all__ = ["Varied", "vary"]


@dataclass(frozen=True)
class Varied:
    """A node's values under perturbation: (S, R, *shape), and what was crossed on the way.

    smooth: no kink or border between the base point and this one; (S, N) where the node has one value
    per row, because what one row crosses does not concern another, else (S,). affected, (S,): a margin
    that is exactly zero at the base point moved off zero.
    """

    values: Array
    smooth: Array
    affected: Array


def vary(tape: Tape, of: Node, overrides: Mapping[int, Array]) -> Varied:
    """The values of a node as others are overridden; only what lies between them is computed again.

    Parameters
    ----------
    tape : the values at the base point
    of : a node
    overrides : node index to (S, 1 or N, *shape) array
        What stands in place of its value in each of S perturbations.

    Returns
    -------
    Varied
        Values (S, R, *of) and what was crossed on the way.
    """
    graph, rows = tape.model.graph, tape.model.rows or 0
    moved, needed = graph.downstream(overrides), graph.upstream([of.index])
    live = [n for n in graph.nodes if moved[n.index] and needed[n.index]]
    count = max(len(values) for values in overrides.values())
    crossing = _Crossing(tape, count, rows if of.per_row else None)
    with np.errstate(all="ignore"):
        values = _PerturbedPass(tape, overrides, live, crossing).run(of)
    return Varied(values, crossing.smooth, crossing.affected)


@dataclass
class _Crossing:
    """Which perturbations left the side of a margin on which the base point lies; `rows`: row by row."""

    tape: Tape
    count: int
    rows: int | None

    def __post_init__(self) -> None:
        self.crossed = np.zeros((self.count, 1 if self.rows is None else self.rows), dtype=bool)
        self.affected = np.zeros(self.count, dtype=bool)

    @property
    def smooth(self) -> Array:
        """The perturbations, and rows, that crossed nothing."""
        return ~(self.crossed[:, 0] if self.rows is None else self.crossed)

    def watch(self, node: Node, values: Any, block: int) -> None:
        """Compare the margins of one node with those at the base point."""
        for base, now in zip(
            self.tape.sides(block, node), node_margins(node, values, self.tape.m), strict=True
        ):
            low, high = now.min(axis=0), now.max(axis=0)
            if np.all(((low > 0) & (base > 0)) | ((high < 0) & (base < 0))):
                continue  # nobody crossed: the usual case, at a third of the cost
            inside = ((now > 0) & (base > 0)) | ((now < 0) & (base < 0))  # not where a margin is nan
            if not base.all():
                still = base == 0
                self.affected |= np.any(still & (now != 0), axis=tuple(range(1, now.ndim)))
                inside |= still
            self._cross(inside, block)
        if node.primitive.within is not None:
            self._cross(~(self._within(node, values, block) <= 0), block)

    def _cross(self, inside: Array, block: int) -> None:
        """Note where a perturbation is not `inside`, (S, R, ...)."""
        by_row = ~np.all(inside, axis=tuple(range(2, inside.ndim)))
        if self.rows is None or block < 0:
            self.crossed |= by_row.any(axis=1, keepdims=True)
        else:
            self.crossed[:, self.tape.rows_of(block)] |= by_row

    def _within(self, node: Node, values: Any, block: int) -> Array:
        """How far moved arguments are from where a pole may lie."""
        assert node.primitive.within is not None
        base = self.tape.lookup(self.tape.block(block) if block >= 0 else {})
        moved, still = ([found[a] for a in node.arguments] for found in (values, base))
        m = self.tape.m
        return np.asarray(
            np.real(node.primitive.within(m, base[node.index], *moved, *still, **node.options))
        )


@dataclass
class _PerturbedPass:
    """A forward pass over the live nodes only, the rest read from the base tape."""

    tape: Tape
    overrides: Mapping[int, Array]
    live: list[Node]
    crossing: _Crossing

    @cached_property
    def spent(self) -> Mapping[int, list[int]]:
        """Of each live node the arguments that nothing after it takes."""
        last = {argument: node.index for node in self.live for argument in node.arguments}
        crossing = {  # shared values that every block takes, and rows that a sum takes when all is done
            argument
            for node in self.live
            if node.per_row or node.reduced
            for argument in node.arguments
            if self._per_row(argument) != node.per_row
        }
        found: dict[int, list[int]] = {node.index: [] for node in self.live}
        for argument in last.keys() - crossing:
            found[last[argument]].append(argument)
        return found

    def run(self, of: Node) -> Array:
        before, reductions, after = split_rows(self.live)
        shared: Values = {i: v for i, v in self.overrides.items() if not self._per_row(i)}
        values = Lookup(self.tape.shared, shared)
        self._compute(before, values, shared, -1)
        sums = {node.index: Sum() for node in reductions if node.index not in self.overrides}
        outputs = []
        rows = [n for n in self.live if n.per_row]
        for number in range(self.tape.block_count if rows or of.per_row else 0):
            block = self._block(number, rows, shared)
            for index, found in sums.items():
                found.add(compute(self._node(index), block, self.tape.m))
            if of.per_row:
                outputs.append(self._full(block[of.index], number, of))
        shared.update({index: found.result() for index, found in sums.items()})
        self._compute(after, values, shared, -1)
        return np.concatenate(outputs, axis=1) if of.per_row else values[of.index]

    def _node(self, index: int) -> Node:
        return self.tape.model.graph.nodes[index]

    def _per_row(self, index: int) -> bool:
        return self._node(index).per_row

    def _block(self, number: int, rows: list[Node], shared: Values) -> Lookup:
        base = self.tape.block(number)
        at = self.tape.rows_of(number)
        moved: Values = {
            i: (v[:, at] if v.shape[1] > 1 else v) for i, v in self.overrides.items() if self._per_row(i)
        }
        values = Lookup({**self.tape.shared, **shared, **base}, moved)
        self._compute(rows, values, moved, number)
        return values

    def _compute(self, nodes: Iterable[Node], values: Lookup, into: Values, block: int) -> None:
        for node in nodes:
            if node.index not in self.overrides:
                into[node.index] = compute(node, values, self.tape.m)
                if node.index in self.tape.bordered:
                    self.crossing.watch(node, values, block)
                for argument in self.spent[node.index]:  # freed early, to be reused: twice as fast
                    into.pop(argument, None)

    def _full(self, values: Array, number: int, of: Node) -> Array:
        at = self.tape.rows_of(number)
        return np.broadcast_to(values, (len(values), at.stop - at.start, *of.shape))
