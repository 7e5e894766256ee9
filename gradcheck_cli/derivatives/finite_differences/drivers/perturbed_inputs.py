"""Reads a Model and a Tape. Gives functions of moved entries, rows or directions that can be sampled.

Knows nothing of schemes and step sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli.derivatives.finite_differences.sampled_function import Samples
from gradcheck_cli.evaluation.memory_plan import peak_entries, rows_of_block
from gradcheck_cli.evaluation.perturbed_pass import Varied, vary
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Node
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits

__all__ = ["Along", "Chosen", "Moved", "MovedRows", "Sampled"]



def _largest(rows: Array) -> Array:
    """Of each entry the value of largest size over the rows: what is added to it exactly is added to
    the others exactly too."""
    row = np.argmax(np.abs(rows), axis=0)
    return np.asarray(np.take_along_axis(rows, row[None], axis=0)[0])


@dataclass
class Sampled:
    """The sampled function: `of` as single entries are moved. Subclasses say which."""

    tape: Tape
    of: Node
    limits: FiniteDifferencesLimits

    base: Array = field(init=False)
    width: int = field(init=False)
    nodes: Sequence[Node] = field(init=False)  # that are moved

    def overrides(self, entries: Array, offsets: Array) -> dict[int, Array]:
        """The values of the nodes that are moved, for each perturbation.

        Parameters
        ----------
        entries : (S,) indices of entries, one for each perturbation
        offsets : (S,) float64 or complex128, added to the entry

        Returns
        -------
        dict of int to (S, rows or 1, *shape) arrays
            By the index of the node.
        """
        raise NotImplementedError

    def __call__(self, which: Any, offsets: Array) -> Samples:
        """Sample `of`, as many entries at a time as memory allows.

        Parameters
        ----------
        which : (e,) indices of entries
        offsets : (e, S) float64 or complex128
            A column of zeros is not computed: there the value is known.

        Returns
        -------
        Samples
            Values (e, S, *of), with an axis of rows before those of `of` where it has one value per row.
        """
        moves = offsets.any(axis=0)
        still = np.asarray(self.tape.of_node(self.of))
        values = np.array(np.broadcast_to(still, (*offsets.shape, *still.shape)))
        smooth = np.ones(offsets.shape, dtype=bool)
        if moves.any():
            values[:, moves], inside, _ = self._sample(which, offsets[:, moves])
            smooth = np.ones((*offsets.shape, *inside.shape[2:]), dtype=bool)
            smooth[:, moves] = inside
        return Samples(values, smooth)

    def _sample(self, which: Any, offsets: Array) -> tuple[Array, Array, Array]:
        together = self.most_together(min(offsets.size, self.limits.most_entries // self.width))
        samples = max(1, min(offsets.shape[1], together))
        most = max(1, together // samples)
        lines = []
        for a in range(0, len(which), most):
            some, moves = which[a : a + most], offsets[a : a + most]
            columns = range(0, moves.shape[1], samples)
            parts = [self._some(some, moves[:, b : b + samples]) for b in columns]
            lines.append([np.concatenate(c, axis=1) for c in zip(*parts, strict=True)])
        values, smooth, affected = (np.concatenate(c) for c in zip(*lines, strict=True))
        return values, smooth, affected

    def most_together(self, wanted: int) -> int:
        """How many of the perturbations that are wanted at a time fit into memory, by what lies between the
        moved nodes and `of`.

        Parameters
        ----------
        wanted : perturbations

        Returns
        -------
        int, 1 or more
        """
        most = max(1, wanted)
        if most * self._entries_below > self.limits.most_held:
            most = max(1, self.limits.most_held // self._peak)
        return min(max(1, wanted), most)

    @cached_property
    def _live(self) -> list[Node]:
        graph = self.tape.model.graph
        moved, needed = graph.downstream(n.index for n in self.nodes), graph.upstream([self.of.index])
        return [n for n in graph.nodes if moved[n.index] and needed[n.index]]

    @cached_property
    def _rows_at_a_time(self) -> int:
        return rows_of_block(self.tape.model, self.tape.limits) if self.tape.model.rows else 1

    @cached_property
    def _entries_below(self) -> int:
        """Of all nodes that are computed again, and the copies that an operation makes."""
        rows = min(self.tape.model.rows or 1, self._rows_at_a_time)
        return self.tape.limits.copies * sum(n.size * (rows if n.per_row else 1) for n in self._live)

    @cached_property
    def _peak(self) -> int:
        rows = min(self.tape.model.rows or 1, self._rows_at_a_time)
        return max(1, peak_entries(self._live, rows, self.tape.limits.copies))

    def _some(self, which: Any, offsets: Array) -> tuple[Array, Array, Array]:
        lead = offsets.shape
        entries = np.repeat(which, lead[1])
        varied = vary(self.tape, self.of, self.overrides(entries, offsets.reshape(-1)))
        return self.reshape_samples(varied, lead)

    def reshape_samples(self, varied: Varied, lead: tuple[int, int]) -> tuple[Array, Array, Array]:
        """The samples of perturbed passes, by (entries, samples).

        Parameters
        ----------
        varied : passes over e * S perturbations
        lead : (e, S)

        Returns
        -------
        values : (e, S, rows?, *of)
        smooth : (e, S) or (e, S, rows, 1...) bool
            Whether no kink or border lies between the point and the sample.
        affected : (e, S) bool
            Whether a margin that was exactly zero moves off zero.
        """
        values = np.broadcast_to(varied.values, (lead[0] * lead[1], *varied.values.shape[1:]))
        values = values.reshape(*lead, *values.shape[1:])
        values = values if self.of.per_row else values[:, :, 0]
        smooth = varied.smooth.reshape(*lead, *varied.smooth.shape[1:])
        spread = (1,) * (values.ndim - smooth.ndim) if smooth.ndim > 2 else ()
        return values, smooth.reshape(*smooth.shape, *spread), varied.affected.reshape(lead)

    def in_shapes_of_names(self, part: Array) -> list[Array]:
        """What was found for all entries, in the shapes of the names.

        Parameters
        ----------
        part : (entries, rows?, *of) array

        Returns
        -------
        list of arrays, one for each name
            The axes of the name come last; with rows, they come first.
        """
        raise NotImplementedError

    def on_border(self) -> Array:
        """For which entries a margin that is exactly zero moves off zero: they stand on a kink or a border.

        Returns
        -------
        (entries,) bool
        """
        step = np.maximum(np.abs(self.base), self.limits.probe_scale) * self.limits.probe
        offsets = np.stack([-step, step], axis=1)
        return np.asarray(self._sample(np.arange(len(self.base)), offsets)[2].any(axis=1))


class Moved(Sampled):
    """Entries of shared names: the entries of all nodes, one after the other."""

    def __init__(self, tape: Tape, of: Node, nodes: list[Node], limits: FiniteDifferencesLimits) -> None:
        super().__init__(tape, of, limits)
        self.nodes = nodes
        self.values = [np.asarray(tape.of_node(node)) for node in nodes]
        self.starts = np.cumsum([0, *(node.size for node in nodes)])
        self.base = np.concatenate([np.real(v).reshape(-1) for v in self.values]).astype(float)
        self.width = max(node.size for node in (of, *nodes))

    def overrides(self, entries: Array, offsets: Array) -> dict[int, Array]:
        """The nodes that have a moved entry."""
        found: dict[int, Array] = {}
        for node, value, start, stop in zip(
            self.nodes, self.values, self.starts[:-1], self.starts[1:], strict=True
        ):
            mine = np.flatnonzero((entries >= start) & (entries < stop))
            if len(mine):
                kind = np.result_type(value, offsets)
                flat = np.array(np.broadcast_to(value.reshape(-1), (len(entries), value.size)), kind)
                flat[mine, entries[mine] - start] += offsets[mine]
                found[node.index] = flat.reshape(len(entries), 1, *node.shape)
        return found

    def in_shapes_of_names(self, part: Array) -> list[Array]:
        """(entries, rows?, *of) as (rows?, *of, *by) for each node."""
        moved = np.moveaxis(part, 0, -1)
        return [
            moved[..., start:stop].reshape((*moved.shape[:-1], *node.shape))
            for node, start, stop in zip(self.nodes, self.starts[:-1], self.starts[1:], strict=True)
        ]


class Chosen(Moved):
    """Some entries of the nodes, by their places one after the other."""

    def __init__(
        self, tape: Tape, of: Node, nodes: list[Node], chosen: Array, limits: FiniteDifferencesLimits
    ) -> None:
        super().__init__(tape, of, nodes, limits)
        self.chosen = chosen
        self.base = self.base[chosen]

    def overrides(self, entries: Array, offsets: Array) -> dict[int, Array]:
        """The nodes that have a moved entry."""
        return super().overrides(self.chosen[entries], offsets)

    def in_shapes_of_names(self, part: Array) -> list[Array]:
        """(entries, rows?, *of) as (rows?, *of, entries)."""
        return [np.moveaxis(part, 0, -1)]


class Along(Sampled):
    """Whole nodes that move together, one step in a direction being an entry."""

    def __init__(
        self,
        tape: Tape,
        of: Node,
        directions: Mapping[int, Array],
        scale: float,
        limits: FiniteDifferencesLimits,
    ) -> None:
        super().__init__(tape, of, limits)
        self.nodes = [tape.model.graph.nodes[index] for index in directions]
        count = max(len(moves) for moves in directions.values())
        self.base = np.full(count, scale)
        self.ends = np.cumsum([node.size for node in self.nodes]).tolist()
        # entry by entry, so that the samples of one of thousands of single numbers lie side by side
        self.moves = np.concatenate([m.reshape(count, -1).T for m in directions.values()])
        self.still = np.concatenate([np.ravel(tape.of_node(node)) for node in self.nodes])[:, None]
        self.width = max(of.size, *(node.size for node in self.nodes), self.ends[-1] // limits.names_at_once)

    def overrides(self, entries: Array, offsets: Array) -> dict[int, Array]:
        """All nodes, moved."""
        moved = self.still + self.moves[:, entries] * offsets
        starts, lead = [0, *self.ends], (len(entries), 1)
        return {
            node.index: moved[start:stop].T.reshape(*lead, *node.shape)
            for node, start, stop in zip(self.nodes, starts, self.ends, strict=False)
        }

    def in_shapes_of_names(self, part: Array) -> list[Array]:
        """(directions, rows?, *of) as (rows?, *of, directions)."""
        return [np.moveaxis(part, 0, -1)]


class MovedRows(Sampled):
    """Entries of one per-row name: in all rows at once under a per-row value, because no row sees
    another; row by row, for the first rows, under a shared one."""

    def __init__(self, tape: Tape, of: Node, by: Node, limits: FiniteDifferencesLimits) -> None:
        super().__init__(tape, of, limits)
        self.by, self.nodes = by, [by]
        self.value = np.asarray(tape.of_node(by))
        self.size, self.rows = by.size, len(self.value)
        self.each_row = not of.per_row
        moved = np.real(self.value[: limits.most_rows] if self.each_row else _largest(self.value))
        self.base = moved.reshape(-1).astype(float)
        self.width = max(of.size, self.size) * self.rows

    def overrides(self, entries: Array, offsets: Array) -> dict[int, Array]:
        """The node with one entry moved, in one row or in all."""
        count, kind = len(entries), np.result_type(self.value, offsets)
        flat = self.value.reshape(1, self.rows, self.size)
        flat = np.array(np.broadcast_to(flat, (count, self.rows, self.size)), kind)
        at = np.arange(count)
        if self.each_row:
            flat[at, entries // self.size, entries % self.size] += offsets
        else:
            flat[at, :, entries] += offsets[:, None]
        return {self.by.index: flat.reshape(count, self.rows, *self.by.shape)}

    def in_shapes_of_names(self, part: Array) -> list[Array]:
        """(entries, rows?, *of) as (rows, *of, *by); rows that were not moved are nan."""
        moved = np.moveaxis(part, 0, -1)
        if not self.each_row:
            return [moved.reshape((*moved.shape[:-1], *self.by.shape))]
        missing = False if moved.dtype == bool else np.nan
        full = np.full((*moved.shape[:-1], self.rows * self.size), missing)
        full[..., : moved.shape[-1]] = moved
        full = full.reshape((*moved.shape[:-1], self.rows, *self.by.shape))
        return [np.moveaxis(full, len(self.of.shape), 0)]
