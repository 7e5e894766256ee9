"""Reads a referee and a point on kinks. Gives derivatives as functions of the slopes of the tied units there.

With all units cut, a derivative is what passes elsewhere. A unit adds its slopes, times what arrives at it,
times the derivatives of its arguments. So derivatives are affine in the slopes of one layer of units, and
multilinear where units stand behind units. All of it is SymPy's partials in reverse. Knows nothing of claims
and verdicts.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64, floats
from gradcheck_cli.numerics.namespace import Namespace
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.reference.tied_units import Choice, Unit, units_at
from gradcheck_cli.reference.unit_passes import System, UnitPasses

__all__ = ["Affine", "TiedPoint"]


@dataclass(frozen=True)
class Affine:
    """A derivative d of/d by as `base` + sum of slopes times `columns`: (*full), (slopes, *full), float64.

    `full` are the rows where there is one value for each, the axes of the step, those of the name. `units`
    have a part in it; with each stands the number of its first slope. `left` and `right`: the slopes to both
    sides, nan where they do not follow from the units. `low` and `high` bound entries over all choices, each
    by itself. `beyond`: entries that a border or jump reaches; of them the units tell nothing. `nested`: some
    unit stands behind another, and the columns do not hold.
    """

    base: Array
    columns: Array
    units: tuple[tuple[int, Unit], ...]
    left: Array
    right: Array
    low: Array
    high: Array
    beyond: Array
    nested: bool

    @property
    def affected(self) -> Array:
        """The entries that some unit or border reaches."""
        return np.asarray((self.low != self.high) | self.beyond)


@dataclass
class TiedPoint:
    """The units at one point, and what derivatives they make. `m`: the namespace of high precision, or
    FLOAT64 where the model is too large for it."""

    referee: Referee
    point: PointValues
    m: Namespace
    _known: dict[tuple[str, str], Affine | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model, self.limits = self.referee.model, self.referee.limits

    @cached_property
    def units(self) -> list[Unit] | None:
        """All units on the way to the steps of the model; None where they are too many."""
        graph = self.model.graph
        needed = graph.upstream(step.node for step in self.model.steps.values())
        return units_at(self.referee.tape(self.point, self.m), self.referee.higher, needed, self.limits)

    def derivative(self, of: str, by: str) -> Affine | None:
        """d of/d by as a function of the slopes; None where that would be too large.

        Parameters
        ----------
        of : a step
        by : a name that it may be computed from

        Returns
        -------
        affine : float64 and bool arrays, (rows?, *of, *by) each

        Raises
        ------
        BudgetSpent
            A pass in reverse for each argument of a unit.
        """
        if (of, by) not in self._known:
            self._known[of, by] = self._derivative(self.model.node(of), self.model.node(by))
        return self._known[of, by]

    def _derivative(self, of: Node, by: Node) -> Affine | None:
        if self.units is None:
            return None
        graph = self.model.graph
        up, down = graph.upstream([of.index]), graph.downstream([by.index])
        between = [a and b for a, b in zip(up, down, strict=True)]
        between[by.index] = False  # what is moved is no unit, though it may stand on a kink
        units = [u for u in self.units if between[u.node.index]]
        outcomes = [u for u in units if u.choice is Choice.OUTCOME]
        entries = max(1, self.model.rows or 1) * of.size * by.size
        slopes = sum(u.size for u in units)
        limits, work = self.limits, self.referee.work
        if slopes * entries > limits.most_columns or len(outcomes) > limits.most_outcomes:
            return None
        seeds = of.size + len({argument for u in units for argument in u.arguments})
        if seeds * work * (1 + len(outcomes)) > limits.most_tied_work:
            return None
        m = self.m if seeds * work <= limits.most_exact_ties else FLOAT64
        with np.errstate(invalid="ignore"):  # p/(p >= p) is infinite on one side
            return _Assembly(self.referee, self.point, of, by, units, m).affine()


class _Assembly(UnitPasses):
    """One derivative, put together from its units."""

    def affine(self) -> Affine:
        """All of it."""
        lowest = self.system(())
        singles = [self.system((k,)) for k in self.outcomes]
        together = self.system(tuple(self.outcomes)) if len(self.outcomes) > 1 else None
        nested = self._is_nested(lowest, singles, together)
        steps = {k: s.base - lowest.base for k, s in zip(self.outcomes, singles, strict=True)}
        columns, first = self._columns(lowest, steps)
        systems = [lowest, *singles, *([together] if together else [])]
        if nested:
            systems = [self.system(outcomes) for outcomes in self._combinations()]
            bounds = [self._bounds(system) for system in systems]
        else:
            bounds = [self._affine_bounds(lowest, columns, first)]
        low, high = np.min([a for a, _ in bounds], axis=0), np.max([b for _, b in bounds], axis=0)
        left, right = self._common_sides(systems)
        jumping = {k for k in self.outcomes if self._jumps(k)}
        beyond = np.logical_or.reduce([self._beyond(system, jumping) for system in systems])
        parts = (lowest.base, left, right, low, high, beyond)
        base, left, right, low, high, beyond = (self._reshape(part) for part in parts)
        full = np.stack([self._reshape(c) for c in columns]) if columns else np.zeros((0, *base.shape))
        return Affine(base, full, tuple(first), left, right, low, high, beyond, nested)

    def _combinations(self) -> list[tuple[int, ...]]:
        """Which comparisons come out high: all combinations, or some where they are too many."""
        count, most = len(self.outcomes), self.limits.most_combinations
        if 2**count <= most:
            chosen = np.array(list(itertools.product((False, True), repeat=count)), dtype=bool)
        else:
            random = np.random.Generator(np.random.PCG64(self.limits.combination_seed))
            chosen = random.integers(0, 2, (most, count)).astype(bool)
            chosen[0], chosen[1] = False, True
        return [tuple(k for k, high in zip(self.outcomes, row, strict=True) if high) for row in chosen]

    # -- what the units make of it ------------------------------------------------------------

    def _full(self, on_step: Array, on_name: Array) -> Array:
        """The product of the two sides: (rows or 1, entries of the step, entries of the name)."""
        with np.errstate(all="ignore"):
            product = on_step[:, :, None] * on_name[:, None, :]
        return np.where((on_step[:, :, None] == 0) | (on_name[:, None, :] == 0), 0.0, product)

    def _reshape(self, part: Array) -> Array:
        per_row = self.of.per_row or self.by.per_row
        rows = (self.rows,) if per_row else ()
        part = np.broadcast_to(part, (self.rows if per_row else 1, self.of.size, self.by.size))
        return np.array(part.reshape((*rows, *self.of.shape, *self.by.shape)))

    def _columns(
        self, system: System, steps: Mapping[int, Array]
    ) -> tuple[list[Array], list[tuple[int, Unit]]]:
        """The columns of all blocks of units that have a part in it."""
        given = {
            k: [steps[k]] if k in steps else [self._full(system.arrives[k], d) for d in system.own[k]]
            for k, unit in enumerate(self.units) if unit.choice is not Choice.NOTHING
        }  # fmt: skip
        live = {self.units[k].block for k, own in given.items() if any(part.any() for part in own)}
        columns: list[Array] = []
        first: list[tuple[int, Unit]] = []
        for k, own in given.items():
            if self.units[k].block in live:
                first.append((len(columns), self.units[k]))
                columns += own
        return columns, first

    def _common_sides(self, systems: Sequence[System]) -> list[Array]:
        """The slopes to the left and right, nan where they depend on how comparisons come out."""
        sides = [self._sides(system) for system in systems]
        least, most = np.min(sides, axis=0), np.max(sides, axis=0)
        size = np.maximum(np.abs(least), np.abs(most))
        with np.errstate(invalid="ignore"):
            alike = (np.isfinite(size) & (most - least <= self.limits.no_change * size)).all(axis=0)
        return [np.where(alike, part, np.nan) for part in sides[0]]

    def _sides(self, system: System) -> tuple[Array, Array]:
        """The slopes to the left and right as one entry of the name moves."""
        found = []
        for sign in (-1.0, 1.0):
            slope, moved = system.base, list[Array]()
            for k, unit in enumerate(self.units):
                moves = sign * system.own[k]
                for link, change in self._links_before(system, k, moved):
                    moves = moves + link * change
                moved.append(self._change(unit, moves))
                slope = slope + sign * self._full(system.arrives[k], moved[-1])
            found.append(slope)
        return found[0], found[1]

    def _links_before(self, system: System, k: int, given: Sequence[Array]) -> list[tuple[Array, Array]]:
        """How the arguments of a unit depend on the units before it, with what is given of each of those."""
        among = system.among[k]
        if among is None:
            return []
        return [(c[:, None, None], part) for c, part in zip(among.T, given, strict=False) if c.any()]

    def _change(self, unit: Unit, moves: Array) -> Array:
        """How a unit changes as its arguments move."""
        match unit.choice:
            case Choice.BETWEEN:
                return np.asarray(np.where(moves[0] > 0, unit.high, unit.low) * moves[0])
            case Choice.LARGEST:
                return np.asarray(moves.max(axis=0))
            case Choice.SMALLEST:
                return np.asarray(moves.min(axis=0))
            case Choice.LENGTH:
                return np.asarray(np.sqrt((moves**2).sum(axis=0)))
            case Choice.RANK | Choice.EIGENVALUE:
                return np.asarray(unit.ordered(moves)[unit.rank])
        return np.zeros(moves.shape[1:])

    def _bounds(self, system: System) -> tuple[Array, Array]:
        """The least and the most that every entry may be, over all choices, each entry by itself."""
        low, high = system.base, system.base
        least, most = list[Array](), list[Array]()
        for k, unit in enumerate(self.units):
            few, many = system.own[k], system.own[k]
            both = zip(self._links_before(system, k, least), self._links_before(system, k, most), strict=True)
            for (link, a), (_, b) in both:
                ends = np.stack([link * a, link * b])
                few, many = few + ends.min(axis=0), many + ends.max(axis=0)
            a, b = self._range(unit, few, many)
            least.append(a)
            most.append(b)
            ends = np.stack([self._full(system.arrives[k], part) for part in (a, b)])
            low, high = low + ends.min(axis=0), high + ends.max(axis=0)
        return low, high

    def _range(self, unit: Unit, low: Array, high: Array) -> tuple[Array, Array]:
        """The least and the most that a unit changes, of arguments between these."""
        match unit.choice:
            case Choice.BETWEEN:
                ends = np.stack([s * part for s in (unit.low, unit.high) for part in (low[0], high[0])])
                return np.asarray(ends.min(axis=0)), np.asarray(ends.max(axis=0))
            case Choice.LARGEST | Choice.SMALLEST | Choice.RANK:
                return np.asarray(low.min(axis=0)), np.asarray(high.max(axis=0))
            case Choice.EIGENVALUE:  # none moves by more than the norm (Weyl)
                middle = unit.ordered((low + high) / 2)
                spread = np.sqrt(((high - low) ** 2).sum(axis=0)) / 2
                return np.asarray(middle[0] - spread), np.asarray(middle[-1] + spread)
            case Choice.LENGTH:
                longest = np.sqrt((np.maximum(np.abs(low), np.abs(high)) ** 2).sum(axis=0))
                return -longest, longest
        return np.zeros(low.shape[1:]), np.zeros(low.shape[1:])

    def _affine_bounds(
        self, system: System, columns: Sequence[Array], first: Sequence[tuple[int, Unit]]
    ) -> tuple[Array, Array]:
        low, high = system.base, system.base
        for start, unit in first:
            own = np.stack(columns[start : start + unit.size])
            if unit.first is not None:
                if unit.rank:
                    continue  # the block is bounded once
                a, b = self._block_range(system, unit)
            elif unit.choice is Choice.OUTCOME:
                a, b = np.minimum(own[0], 0), np.maximum(own[0], 0)
            else:
                a, b = self._range(unit, own, own)
            with np.errstate(invalid="ignore"):  # infinities of jumps that cancel are unknown
                low, high = low + a, high + b
        return low, high

    def _block_range(self, system: System, unit: Unit) -> tuple[Array, Array]:
        """The least and the most that the block of a unit adds: ranks that count most with changes in the
        opposite order, and in the same: the rearrangement inequality, and von Neumann's of traces."""
        block = [k for k, other in enumerate(self.units) if other.block == unit.block]
        counts = np.sort(np.stack([system.arrives[k] for k in block]), axis=0)
        changes = unit.ordered(system.own[block[0]])
        pairs = (zip(counts, part, strict=True) for part in (changes[::-1], changes))
        least, most = (np.sum([self._full(a, b) for a, b in pair], axis=0) for pair in pairs)
        return least, most

    # -- where the units do not tell ----------------------------------------------------------

    def _is_nested(self, lowest: System, singles: Sequence[System], together: System | None) -> bool:
        """Whether some unit stands behind another: what one passes on depends on the other's slopes."""
        if any(a is not None and a[:, self._with_slopes].any() for a in lowest.among):
            return True
        for system in singles:
            for before, now in ((lowest.arrives, system.arrives), (lowest.own, system.own)):
                if any(self._differ(before[k], now[k]) for k in self._with_slopes):
                    return True
        if together is None:
            return False
        added = sum((s.base - lowest.base for s in singles), np.zeros_like(lowest.base))
        return self._differ(together.base - lowest.base, added)

    @cached_property
    def _with_slopes(self) -> list[int]:
        return [k for k, u in enumerate(self.units) if u.choice not in (Choice.OUTCOME, Choice.NOTHING)]

    def _differ(self, a: Array, b: Array) -> bool:
        with np.errstate(all="ignore"):
            size = np.maximum(np.abs(a), np.abs(b)).max(initial=0.0)
        return bool(np.any(np.abs(a - b) > self.limits.no_change * size))

    def _beyond(self, system: System, jumping: set[int]) -> Array:
        """The entries that a border reaches, or a comparison by which the value itself jumps."""
        found = np.zeros(system.base.shape, dtype=bool)
        sources = {k for k, unit in enumerate(self.units) if unit.choice is Choice.NOTHING} | jumping
        if not sources:
            return found
        reach: list[Array] = []  # of each unit: where its arguments depend on the entries of the name
        by_way: list[Array] = []  # where they do so by way of a source
        for k in range(len(self.units)):
            linked = self._links_before(system, k, reach)
            own = self.depends(k) if self.units[k].choice is Choice.NOTHING else system.own[k] != 0
            all_ways = [own.any(axis=0), *(part for _, part in linked)]
            reach.append(np.logical_or.reduce(all_ways))
            through = [np.zeros_like(reach[k]), *(part for _, part in self._links_before(system, k, by_way))]
            by_way.append(reach[k] if k in sources else np.logical_or.reduce(through))
            if k in sources or system.arrives[k].any():
                found = found | by_way[k][:, None, :]
        return found

    def _jumps(self, k: int) -> bool:
        """Whether the step has another value with the other outcome of a comparison, whatever the others are
        in the passes so far."""
        item = self.program.of_node[self.of.index]
        found = {frozenset(high): at.values[item] for high, at in self.passes.items()}
        pairs = ((low, found.get(high | {k})) for high, low in found.items())
        return any(high is not None and self._differ(floats(low), floats(high)) for low, high in pairs)
