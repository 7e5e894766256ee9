"""Reads a referee, a point and units on kinks. Gives what arrives at them and how their arguments move.

All in passes in reverse with nothing passing through the units. Knows nothing of their slopes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64, floats
from gradcheck_cli.numerics.namespace import Namespace
from gradcheck_cli.reference.program_pass import Pass
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.reference.symbolic_reverse_mode import Reverse
from gradcheck_cli.reference.tied_units import Choice, Unit

__all__ = ["CutReverse", "System", "UnitPasses"]

_Overrides = Mapping[int, Array]  # outcomes of comparisons by the item of their node


class CutReverse(Reverse):
    """Adjoints with nothing passing through the units; what arrives at them is kept. Seeds are the first axis
    of all adjoints."""

    def __init__(self, at: Pass, of: Node, seeds: Array, cuts: Mapping[int, Array]) -> None:
        super().__init__(at, of)
        self.cuts, self.arrived = cuts, dict[int, Array]()
        self.count, self._kept = len(seeds), dict[tuple[int, bool], Array]()
        self.adjoints: dict[int, Array | None] = {self.end: self._cut(self.end, seeds)}

    def _sum_over_users(self, index: int, adjoints: Mapping[int, Array | None]) -> Array | None:
        return self._cut(index, super()._sum_over_users(index, adjoints))

    def _cut(self, index: int, adjoint: Array | None) -> Array | None:
        if adjoint is None or index not in self.cuts:
            return adjoint
        self.arrived[index] = adjoint
        return np.asarray(np.where(self.cuts[index], 0 * adjoint, adjoint))

    def of_node(self, node: Node, *, uncut: bool = False) -> Array:
        """What arrives at a node.

        Parameters
        ----------
        node : of the model's graph
        uncut : whether before it is cut

        Returns
        -------
        adjoints : float64 array, (seeds, rows or 1, entries)
            In units of what is differentiated per unit of the node.
        """
        if (node.index, uncut) not in self._kept:
            self._kept[node.index, uncut] = self._arriving(node, uncut)
        return self._kept[node.index, uncut]

    def _arriving(self, node: Node, uncut: bool) -> Array:
        index = self.program.of_node[node.index]
        found = self._adjoint_of(index, self.adjoints)
        found = self.arrived.get(index, found) if uncut else found
        rows = (self.program.model.rows or 0) if self.of.per_row or node.per_row else 1
        full = (self.count, rows, *node.shape)
        given = np.zeros(full) if found is None else np.broadcast_to(floats(found), full)
        return given.reshape(self.count, rows, node.size)


@dataclass(frozen=True)
class System:
    """What is known with outcomes of the comparisons given.

    On the side of the step, (rows or 1, entries of the step): what `arrives` at each unit. On that of the
    name, (rows or 1, entries of the name): the derivatives `own` of the arguments of each unit; `among`:
    those of the arguments by the units before it, (arguments, units).
    """

    base: Array  # (rows or 1, entries of the step, entries of the name)
    arrives: list[Array]
    own: list[Array]  # (arguments, rows or 1, entries)
    among: list[Array | None]


@dataclass
class UnitPasses:
    """Passes in reverse for the derivative of one step by one name, with its units cut."""

    referee: Referee
    point: PointValues
    of: Node
    by: Node
    units: Sequence[Unit]
    m: Namespace

    def __post_init__(self) -> None:
        self.model, self.limits = self.referee.model, self.referee.limits
        self.program = self.referee.apart
        self.rows = self.model.rows or 0
        self.outcomes = [k for k, u in enumerate(self.units) if u.choice is Choice.OUTCOME]
        self.passes: dict[tuple[int, ...], Pass] = {}
        self._beside: dict[int, Array] = {}

    def values_at(self, high: tuple[int, ...]) -> Pass:
        """The values with some comparisons coming out high, the other ones that hold with equality low."""
        if high not in self.passes:
            overrides = self._overrides(high) if self.outcomes else {}
            self.passes[high] = self.referee.pass_with(self.point, self.m, overrides)
        return self.passes[high]

    def _overrides(self, high: tuple[int, ...]) -> _Overrides:
        found: dict[int, Array] = {}
        values = self.referee.pass_with(self.point, self.m, {}).values
        for k in self.outcomes:
            unit, item = self.units[k], self.program.of_node[self.units[k].node.index]
            if item not in found:
                rows = self.rows if unit.node.per_row else 1
                found[item] = np.array(np.broadcast_to(values[item], (1, rows, *unit.node.shape)))
            outcome = self.m.array(unit.high if k in high else unit.low)
            found[item].reshape(found[item].shape[1], -1)[unit.row or 0, unit.place] = outcome[()]
        return found

    @cached_property
    def _cuts(self) -> dict[int, Array]:
        found: dict[int, Array] = {}
        for unit in self.units:
            item = self.program.of_node[unit.node.index]
            rows = self.rows if unit.node.per_row else 1
            mask = found.setdefault(item, np.zeros((1, rows, *unit.node.shape), dtype=bool))
            mask.reshape(rows, -1)[unit.row or 0, unit.place] = True
        return found

    def system(self, high: tuple[int, ...]) -> System:
        """What is known with these comparisons coming out high, the others low."""
        at = self.values_at(high)
        main = self._reverse(at, self.of, range(self.of.size))
        base = main.of_node(self.by).swapaxes(0, 1)
        arrives = [self._on_step(main.of_node(u.node, uncut=True), u) for u in self.units]
        reverses = {a: self._reverses(at, self._node(a), places) for a, places in self._tying.items()}
        given = {a: np.concatenate([r.of_node(self.by) for r in some]) for a, some in reverses.items()}
        own, among = list[Array](), list[Array | None]()
        for k, unit in enumerate(self.units):
            if k and unit.block == self.units[k - 1].block:  # of the same arguments
                own.append(own[-1])
                among.append(among[-1])
                continue
            at_seed = [(a, self._tying[a].index(place)) for a, place in unit.arguments]
            each = np.stack([self._on_name(given[a][s], self._node(a), unit) for a, s in at_seed])
            own.append(unit.share(each))
            behind = any(self._before[a] for a, _ in unit.arguments)
            links = [self._links(reverses[a], self._node(a), s, k) for a, s in at_seed] if behind else None
            linked = links is not None and np.any(links)
            among.append(unit.share(np.stack(links)) if links and linked else None)
        return System(base, arrives, own, among)

    def _node(self, index: int) -> Node:
        return self.model.graph.nodes[index]

    @cached_property
    def _tying(self) -> dict[int, list[int]]:
        """The arguments of the units, with the entries that tie."""
        found: dict[int, set[int]] = {}
        for unit in self.units:
            for argument, place in unit.arguments:
                found.setdefault(argument, set()).add(place)
        return {argument: sorted(places) for argument, places in found.items()}

    @cached_property
    def _before(self) -> dict[int, bool]:
        """Whether an argument is computed from some unit."""
        nodes = {u.node.index for u in self.units if u.choice is not Choice.OUTCOME}
        found = {}
        for argument in self._tying:
            above = self.model.graph.upstream([argument])
            found[argument] = any(above[index] for index in nodes)
        return found

    def _reverses(self, at: Pass, of: Node, places: Sequence[int]) -> list[CutReverse]:
        """One after the other, as many seeds at a time as memory allows."""
        limits = self.limits
        some = max(1, limits.most_columns // max(1, self.referee.held))
        return [self._reverse(at, of, places[k : k + some]) for k in range(0, len(places), some)]

    def _reverse(self, at: Pass, of: Node, places: Sequence[int]) -> CutReverse:
        self.referee.pay(self.m, max(0, len(places) - 1))
        return self._seed(at, of, places, self.m, self._cuts)

    def _seed(
        self, at: Pass, of: Node, places: Sequence[int], m: Namespace, cuts: Mapping[int, Array]
    ) -> CutReverse:
        """Adjoints of some entries of a node, one after the other."""
        rows, count = self.rows if of.per_row else 1, len(places)
        seeds = np.zeros((count, of.size))
        seeds[np.arange(count), list(places)] = 1.0
        full = m.array(seeds.reshape(count, 1, *of.shape))
        return CutReverse(at, of, np.broadcast_to(full, (count, rows, *of.shape)), cuts)

    def _on_step(self, arrived: Array, unit: Unit) -> Array:
        """(seeds, rows or 1, entries) as (rows or 1, seeds), of the unit's entry."""
        found = arrived[:, :, unit.place].T
        if not unit.node.per_row:
            return found
        if not self.of.per_row:
            return found[unit.row :][:1]
        alone = np.zeros_like(found)
        alone[unit.row] = found[unit.row]
        return alone

    def _on_name(self, given: Array, node: Node, unit: Unit) -> Array:
        """(rows or 1, entries of the name) of one argument, as the unit sees them."""
        if not node.per_row:
            return given
        if not self.by.per_row:
            return given[unit.row :][:1]
        alone = np.zeros_like(given)
        alone[unit.row] = given[unit.row]
        return alone

    def _links(self, reverses: Sequence[CutReverse], node: Node, seed: int, k: int) -> Array:
        """The derivative of an argument of unit k by each unit before it, (units)."""
        found = np.zeros(len(self.units))
        row = self.units[k].row
        reverse, seed = reverses[seed // reverses[0].count], seed % reverses[0].count
        for before, unit in enumerate(self.units[:k]):
            if unit.choice is Choice.OUTCOME:
                continue
            given = reverse.of_node(unit.node, uncut=True)[seed][:, unit.place]
            if node.per_row:
                found[before] = given[row] if not unit.node.per_row or unit.row == row else 0.0
            else:
                found[before] = given[unit.row] if unit.node.per_row else given[0]
        return found

    def depends(self, k: int) -> Array:
        """Whether the arguments of a unit depend on the entries of the name at all.

        At the point itself the derivative may be 0, as that of x^2 is, and 0 times an infinite slope is not.

        Parameters
        ----------
        k : number of the unit

        Returns
        -------
        depends : bool array, (arguments, rows or 1, entries of the name)
        """
        unit, found = self.units[k], []
        for argument, place in unit.arguments:
            node = self._node(argument)
            given = self._generic(argument)[self._tying[argument].index(place)]
            found.append(self._on_name((given != 0) | np.isnan(given), node, unit))
        return np.stack(found)

    def _generic(self, argument: int) -> Array:
        """Derivatives by the name of the entries asked for of an argument, somewhere beside the point."""
        if argument not in self._beside:
            limits, point = self.limits, self.point
            random = np.random.Generator(np.random.PCG64(limits.beside_seed))
            factors, shifts = limits.beside_factors, limits.beside_shifts
            moved = {n: v * random.uniform(*factors, v.shape) + random.uniform(*shifts, v.shape)
                     for n, v in point.items()}  # fmt: skip
            at = self.referee.pass_with(point.with_values(moved), FLOAT64, {})
            reverse = self._seed(at, self._node(argument), self._tying[argument], FLOAT64, {})
            self._beside[argument] = reverse.of_node(self.by)
        return self._beside[argument]
