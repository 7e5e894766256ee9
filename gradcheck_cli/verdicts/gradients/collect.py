"""Reads a Model, a point and the three methods. Gives the columns of that point, and how they were computed.

Small names are differenced entry by entry. Large ones cost too much for that: differences are taken by node
where the model is affine up to there, else only for some entries; symbolic is asked along random signed
directions, and for the same entries. Names with few entries, where they are thousands, are pooled and tested
jointly along random signs. What is done is decided by counting operations, never by a clock. Whatever the
columns themselves call for, such as single entries where sums differ, is computed here: they are frozen when
they leave. Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.derivatives.finite_differences.drivers import affine_routes
from gradcheck_cli.derivatives.finite_differences.drivers.by_entry import derivative, derivative_at
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED, SCHEMES, Scheme
from gradcheck_cli.derivatives.symbolic.program import Program
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS as DIFFERENCES
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.verdicts.gradients.columns import Collected, Columns, Projections, entries_of
from gradcheck_cli.verdicts.gradients.plan import Plan, Strategy, plan
from gradcheck_cli.verdicts.gradients.points import Point
from gradcheck_cli.verdicts.gradients.rounding_bounds import (
    measured_rounding,
    noise_of_value,
    rounding_bounds,
)

if TYPE_CHECKING:
    from gradcheck_cli.verdicts.gradients.random_sums import RandomSums

__all__ = ["Collector", "differs_by_node"]

_NUMBERS = ("symbolic", "backprop", "finite", "bound", "left", "right")
_MASKS = ("kink", "unseen", "examined", "precise", "below")


@dataclass
class _Draft:
    """Columns that are being filled in; they leave this module frozen."""

    point: Point
    strategies: Mapping[str, Strategy]
    places: Mapping[str, slice]
    columns: dict[str, Array]
    rounding: Array
    by_node: dict[str, Array] = field(default_factory=dict)
    projections: dict[str, Projections] = field(default_factory=dict)
    suspects: dict[str, Array] = field(default_factory=dict)

    def part(self, column: str, name: str) -> Array:
        """One column of one name, to be written to."""
        return self.columns[column][self.places[name]]

    def backprop(self, names: Sequence[str]) -> dict[str, Array]:
        """Backprop's column, name by name."""
        return {name: self.part("backprop", name) for name in names}

    def rounding_of(self, names: Sequence[str]) -> dict[str, Array]:
        """The rounding bounds, name by name."""
        return {name: self.rounding[self.places[name]] for name in names}

    def freeze(self, pooled: bool) -> Collected:
        """The columns as they are now, for good."""
        arrays: dict[str, Any] = {**self.columns, "rounding": self.rounding}
        every = Columns(self.point, "", Strategy.EACH, **arrays)
        parts = {
            name: Columns(
                self.point, name, self.strategies[name], **_rows_of(arrays, place),
                by_node=self.by_node.get(name), projections=self.projections.get(name),
                suspects=self.suspects.get(name),
            )
            for name, place in self.places.items()
        }  # fmt: skip
        return Collected(every, self.places, parts, pooled)


@dataclass
class Collector:
    """Asks each method for its column, point by point; none of them sees another's answer."""

    model: Model
    program: Program
    referee: Referee
    names: Sequence[str]
    scheme: Scheme
    of: str
    digits: float  # that are to be proved
    limits: GradientsLimits = DEFAULTS
    differences: FiniteDifferencesLimits = DIFFERENCES

    @cached_property
    def sums(self) -> RandomSums:
        """The sums by which names with many entries are tested."""
        from gradcheck_cli.verdicts.gradients.random_sums import RandomSums

        return RandomSums(self.model, self.program, self.of, self.limits, self.differences)

    def collect(self, point: Point) -> Collected:
        """The columns of all names at a point."""
        noise = noise_of_value(self.model, self.referee, point, self.of, self.limits)
        second = backprop.derivative(self.model, point.tape, self.of, self.names)
        plan = self._later if point.number else self._plan
        if plan.pooled:
            plan = self._with_examined(plan, second, point.number)
        draft = self._draft(plan, point, second)
        self._fill_symbolic(draft, [n for n in self.names if n in plan.whole])
        self._fill_differences(draft, plan, noise)
        for name, strategy in plan.strategies.items():
            if strategy is not Strategy.EACH and name not in plan.pooled:
                self._test_large(draft, name, noise)
        if plan.pooled:
            self._test_pooled(draft, [name for name in self.names if name in plan.pooled], noise)
        for name in draft.projections:
            self._examine_suspects(draft, name, noise)
        self._widen(draft)
        return draft.freeze(bool(self._plan.pooled))

    @cached_property
    def _plan(self) -> Plan:
        return plan(self.model, self.names, self.scheme, self.of, limits=self.limits)

    @cached_property
    def _later(self) -> Plan:
        return plan(self.model, self.names, self.scheme, self.of, later=True, limits=self.limits)

    @property
    def _enough(self) -> float:
        """A relative bound of differences that will do, though more steps would make it smaller."""
        return float(10.0 ** -(self.digits + self.limits.spare_digits))

    @property
    def _exact_scheme(self) -> Scheme:
        return EXTRAPOLATED if self.scheme.name == "by-node" else self.scheme

    # -- the three columns ----------------------------------------------------------------------

    def _draft(self, plan: Plan, point: Point, second: Mapping[str, Array]) -> _Draft:
        """Backprop's column and the rounding bounds; what the others were not asked for is not known."""
        ends = np.cumsum([second[name].size for name in self.names], dtype=int).tolist()
        places = dict(zip(self.names, map(slice, [0, *ends], ends), strict=False))
        total = ends[-1] if ends else 0
        columns: dict[str, Array] = {column: np.full(total, np.nan) for column in _NUMBERS}
        columns["bound"].fill(np.inf)
        columns |= {mask: np.zeros(total, dtype=bool) for mask in _MASKS}
        columns["backprop"] = np.concatenate([_flat(second[n]) for n in self.names] or [np.zeros(0)])
        rounding = rounding_bounds(self.referee, point, self.of, self.names, columns["backprop"])
        return _Draft(point, plan.strategies, places, columns, rounding)

    def _fill_symbolic(self, draft: _Draft, names: Sequence[str]) -> None:
        """Symbolic's column: in float64, and where numbers on the way left its range and nothing, or no
        number, arrived, at 50 digits. That is seen in the column alone, before any comparison."""
        outside: list[str] = []
        found = symbolic.derivative(
            self.program, draft.point.values, self.of, names,
            left_range=lambda kind, flag: outside.append(kind), meter=draft.point.tape.meter,
        )  # fmt: skip
        seen = [name for name in names if not symbolic.unseen(self.program, self.of, name)]
        for name in names:
            column = draft.part("symbolic", name)
            column[:] = _flat(found[name])
            doubtful = ~np.isfinite(column) | (column == 0)
            if outside and name in seen and doubtful.any():
                precise, below = self._precise_symbolic(draft.point, name, column.size)
                draft.part("below", name)[:] = below
                chosen = doubtful & np.isfinite(precise)
                draft.part("precise", name)[:] = chosen & (precise != column)
                column[chosen] = precise[chosen]
        known = entries_of(draft.places, seen, len(draft.rounding))
        draft.columns["unseen"][:] = np.isnan(draft.columns["symbolic"]) & ~known

    def _precise_symbolic(self, point: Point, name: str, size: int) -> tuple[Array, Array]:
        """Symbolic's derivatives by one name at 50 digits, rounded, nan where they are out of reach; and
        which of them are not 0 although they are rounded to it."""
        work = 1 + self.model.node(name).size
        try:
            if self.referee.affords(work):
                self.referee.pay(self.referee.high, work)
                found = symbolic.derivative(
                    self.program, point.values, self.of, [name], self.referee.high, meter=point.tape.meter
                )
                rounded = floats(found[name])
                return _flat(rounded), _flat((rounded == 0) & np.asarray(found[name] != 0, dtype=bool))
        except (BudgetSpent, ZeroDivisionError, ValueError, OverflowError):
            pass
        return np.full(size, np.nan), np.zeros(size, dtype=bool)

    def _fill_differences(self, draft: _Draft, plan: Plan, noise: Array) -> None:
        each, nodes = plan.names(Strategy.EACH), plan.names(Strategy.BY_NODE)
        tape = draft.point.tape
        limits = self.differences
        found = derivative(self.model, tape, self.of, each, self._exact_scheme, noise, self._enough, limits)
        if nodes:
            from gradcheck_cli.derivatives.finite_differences.drivers import by_node

            found |= by_node.derivative(tape, plan.route, nodes, SCHEMES["by-node"], noise, limits)
        for name, estimates in found.items():
            for column in ("bound", "left", "right", "kink"):
                draft.part(column, name)[:] = _flat(getattr(estimates, column))
            draft.part("finite", name)[:] = _flat(estimates.value)
            draft.part("examined", name)[:] = plan.strategies[name] is Strategy.EACH

    def _widen(self, draft: _Draft) -> None:
        """Rounding inside the function is no noise where it is the same at all samples, as that of a factor
        or a residual: it moves the slope itself, and the bound of the differences has to cover it."""
        each = [name for name, strategy in draft.strategies.items() if strategy is Strategy.EACH]
        seen = entries_of(draft.places, each, len(draft.rounding)) & np.isfinite(draft.columns["finite"])
        draft.columns["bound"][seen] += measured_rounding(self.referee, draft.rounding)[seen]

    # -- many small names, and large ones -------------------------------------------------------

    def _with_examined(self, plan: Plan, second: Mapping[str, Array], number: int) -> Plan:
        """The plan with the pooled names that are largest, and some others, entry by entry."""
        names = [name for name in self.names if name in plan.pooled]
        sizes = np.array([np.max(np.abs(second[name]), initial=0.0) for name in names])
        chosen = {names[k] for k in self._choose(sizes, number)}
        strategies = {**plan.strategies, **dict.fromkeys(chosen, Strategy.EACH)}
        return replace(plan, strategies=strategies, whole=plan.whole | chosen, pooled=plan.pooled - chosen)

    def _test_pooled(self, draft: _Draft, names: Sequence[str], noise: Array) -> None:
        """Small names, by the sums of all of them together."""
        self.sums.draw(names)
        shared = self._projections(draft, names, noise)
        wrong: frozenset[str] = frozenset()
        if shared.differ:
            wrong = self.sums.differing_names(draft.point, draft.backprop(names), draft.rounding_of(names))
        shared = replace(shared, located=bool(wrong))
        suspects = entries_of(draft.places, wrong, len(draft.rounding))
        for name in names:
            draft.projections[name], draft.suspects[name] = shared, suspects[draft.places[name]]

    def _test_large(self, draft: _Draft, name: str, noise: Array) -> None:
        """A large name: by its sums, and some entries one by one."""
        if draft.strategies[name] is Strategy.BY_NODE:
            draft.by_node[name] = np.stack([draft.part("finite", name), draft.part("bound", name)])
        draft.projections[name] = self._projections(draft, [name], noise)
        sizes = np.abs(draft.part("backprop", name))
        self._examine(draft, name, self._choose(sizes, draft.point.number), noise)

    def _projections(self, draft: _Draft, names: Sequence[str], noise: Array) -> Projections:
        given = draft.backprop(names), draft.rounding_of(names)
        return self.sums.projections(draft.point, *given, self._exact_scheme, noise, self._enough)

    def _choose(self, sizes: Array, number: int) -> Array:
        """The places of the largest and of some others, at the point of this number."""
        largest = np.argsort(-sizes, kind="stable")[: self.limits.largest_examined]
        random = np.random.Generator(np.random.PCG64(self.model.seed + number))
        count = min(self.limits.random_examined, len(sizes))
        return np.unique(np.concatenate([largest, random.choice(len(sizes), size=count, replace=False)]))

    def _examine(self, draft: _Draft, name: str, entries: Array, noise: Array) -> None:
        """Ask symbolic and the differences for single entries of a large name."""
        if not len(entries):
            return
        node, point = self.model.node(name), draft.point
        moves = np.zeros((len(entries), node.size))
        moves[np.arange(len(entries)), entries] = 1
        directions = {name: moves.reshape(-1, *node.shape)}
        found = symbolic.along(self.program, point.values, self.of, directions, meter=point.tape.meter)
        draft.part("symbolic", name)[entries] = found
        draft.part("unseen", name)[entries] = np.isnan(found)
        scheme, limits = self._exact_scheme, self.differences
        exact = derivative_at(
            self.model, point.tape, self.of, name, entries, scheme, noise, limits=limits
        )
        draft.part("finite", name)[entries] = exact.value
        for column in ("bound", "left", "right", "kink"):
            draft.part(column, name)[entries] = getattr(exact, column)
        draft.part("examined", name)[entries] = True

    def _examine_suspects(self, draft: _Draft, name: str, noise: Array) -> None:
        """Entries of a name tested by sums that differences by node, or the sums, speak against: some of them
        one by one; where both kinds of differences are then known and differ, those by node once more, over
        the whole ladder of step sizes, before a step is blamed."""
        found = self._suspects(draft, name)
        draft.suspects[name] = found
        todo = np.flatnonzero(found & ~draft.part("examined", name))
        self._examine(draft, name, todo[: self.limits.most_suspects], noise)
        if name in draft.by_node:
            finite, bound = draft.part("finite", name), draft.part("bound", name)
            examined, close = draft.part("examined", name), self.limits.close
            if differs_by_node(draft.by_node[name], finite, bound, examined, close).any():
                draft.by_node[name] = self._by_node_again(draft.point, name, noise)

    def _by_node_again(self, point: Point, name: str, noise: Array) -> Array:
        """Differences by node over the whole ladder of step sizes, with their bounds: (2, entries)."""
        from gradcheck_cli.derivatives.finite_differences.drivers import by_node

        route = affine_routes.route(self.model, self.of, [name])
        found = by_node.derivative(point.tape, route, [name], EXTRAPOLATED, noise, self.differences)[name]
        return np.stack([_flat(found.value), _flat(found.bound)])

    def _suspects(self, draft: _Draft, name: str) -> Array:
        """Entries of a name that differences by node, or sums, speak against."""
        if name in draft.suspects:  # pooled
            return draft.suspects[name]
        backprop_, finite = draft.part("backprop", name), draft.part("finite", name)
        rounding = draft.rounding[draft.places[name]]
        with np.errstate(all="ignore"):
            gap = np.abs(finite - backprop_)
            found = np.asarray(np.isfinite(finite) & (gap > draft.part("bound", name) + rounding))
        if not draft.projections[name].differ:
            return found
        return found | self.sums.differing_entries(draft.point, name, backprop_, rounding)


def differs_by_node(by_node: Array, finite: Array, bound: Array, examined: Array, close: float) -> Array:
    """The examined entries for which differences by node give something else than those entry by entry.

    Parameters
    ----------
    by_node : (2, entries) float64, values and bounds
    finite, bound : (entries,) float64, differences entry by entry
    examined : (entries,) bool
    close : relative difference that is never one

    Returns
    -------
    (entries,) bool
    """
    value, own = by_node
    with np.errstate(all="ignore"):
        off = np.abs(value - finite) > own + bound + close * np.abs(value)
    return np.asarray(off & examined & ~np.isnan(value))


def _flat(part: Any) -> Array:
    return np.array(part).reshape(-1)


def _rows_of(arrays: Mapping[str, Any], place: slice) -> dict[str, Any]:
    """The part of each column that belongs to one name."""
    return {column: values[place] for column, values in arrays.items()}
