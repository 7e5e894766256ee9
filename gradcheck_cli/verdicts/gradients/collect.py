"""Reads a Model, points and the three witnesses. Gives their testimony, and how it was taken.

Small names are heard entry by entry. Large ones cost too much for that: differences are taken by node
where the model is affine up to there, else only for some entries; the symbolic witness is asked along
random signed directions, and for the same entries. A sum of n gradient entries with random signs moves
by all that a single wrong entry is off by, and what rounding leaves in it grows with the root of the sum
of squares, not with n (Hutchinson 1990 for the idea). Many small names, the crowd, are heard as if they were
the entries of one large name. What is done is decided by counting operations,
never by a clock. Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np

from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.derivatives.finite_differences import affine_routes, by_node
from gradcheck_cli.derivatives.finite_differences.model_differences import (
    Estimates,
    along,
    derivative,
    derivative_at,
)
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED, SCHEMES, Scheme
from gradcheck_cli.derivatives.symbolic.program import Program
from gradcheck_cli.evaluation.evaluate import operations
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.random_points import signs
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.reference.referee import Referee, unmeasured
from gradcheck_cli.verdicts.gradients.bisection import halved
from gradcheck_cli.verdicts.gradients.columns import COLUMNS, Projections, Testimonies, Testimony, Truth
from gradcheck_cli.verdicts.gradients.plan import Plan, Way, plan
from gradcheck_cli.verdicts.gradients.points import PROJECTION_MARGIN, Point

__all__ = ["DIRECTIONS", "SLOPES", "Hearing"]

_LARGEST, _RANDOM = 8, 8  # entries of a large block that are examined one by one
DIRECTIONS = 4  # along which the entries of a large block are added up
SLOPES = 6  # forward passes that one entry's slopes cost: four moved ones, at more digits
_SPARING = 4  # one part in so many of the work goes into slopes of entries that are far from any kink
_BOTH_WAYS = 10  # forward passes that the referee's two ways cost for all names together

_MOST_CANDIDATES = 256  # entries that are then looked at one by one


@dataclass
class Hearing:
    """Asks each witness; none of them sees another's answer."""

    model: Model
    program: Program
    referee: Referee
    names: Sequence[str]
    scheme: Scheme
    of: str
    digits: float  # that are to be proved
    _signs: dict[str, Array] = field(default_factory=dict)
    _followed: int = 0
    _truth: tuple[Point, Truth] | None = None
    _heard: Testimonies | None = None  # at the point that is heard now

    def __post_init__(self) -> None:
        self.work = operations(self.model)

    def at(self, point: Point, noise: Array) -> Testimonies:
        """The testimony on every name. `noise`: how far rounding may take the value of `of`; samples
        that share an error cannot show it."""
        plan = self._later if point.number else self._plan
        second = backprop.derivative(self.model, point.tape, self.of, self.names)
        if plan.crowd:
            plan = self._with_examined(plan, second, point.number)
        whole = [n for n in self.names if n in plan.whole]
        each, nodes = plan.names(Way.EACH), plan.names(Way.BY_NODE)
        first = symbolic.derivative(self.program, point.values, self.of, whole)
        third = derivative(
            self.model, point.tape, self.of, each, self._exact_scheme, noise, self._enough
        )
        if nodes:
            third |= by_node.derivative(point.tape, plan.route, nodes, SCHEMES["by-node"], noise)
        self._heard = heard = self._gathered(plan, point, first, second, third)
        for name, way in plan.ways.items():
            if way is not Way.EACH and name not in plan.crowd:
                self._hear_large(heard, heard[name], noise)
        if plan.crowd:
            self._hear_crowd(heard, [name for name in self.names if name in plan.crowd], noise)
        return heard

    def truth(self, point: Point) -> Truth:
        """What the referee says of all names at a point; its second way is asked for all of them together."""
        if self._truth is None or self._truth[0] is not point:
            self._truth = point, self._referee_says(point)
        return self._truth[1]

    def rounding(self, t: Testimony) -> Array:
        """What a right float64 program may be off by, entry by entry; asked once for all names."""
        if t.rounding is None:
            assert self._heard is not None
            self._heard.round_by(self._rounding_of(self._heard))
        assert t.rounding is not None
        return t.rounding

    def _rounding_of(self, heard: Testimonies) -> Array:
        if not self.referee.jitters():
            return unmeasured(heard.all.backprop)
        found = self.referee.rounding(heard.all.point.values, self.of, self.names)
        return np.concatenate([_flat(found[name]) for name in self.names] or [np.zeros(0)])

    def affords_slopes(self) -> bool:
        """Whether the referee may follow one more entry to both sides; then it is counted. One budget for
        all names and points: of two thousand names, each is no block to be generous with."""
        left = self.slopes_left
        self._followed += 1
        return left > 0

    @property
    def slopes_left(self) -> int:
        """How many more entries may be followed."""
        return max(0, self.referee.afforded // (_SPARING * SLOPES) - self._followed)

    def _referee_says(self, point: Point) -> Truth:
        nodes, of = {name: self.model.node(name) for name in self.names}, self.model.node(self.of)
        rows = {name: (self.model.rows or 0) if n.per_row or of.per_row else 1 for name, n in nodes.items()}
        value = {name: np.full(rows[name] * of.size * n.size, np.nan) for name, n in nodes.items()}
        confirmed = {name: np.zeros(part.size, dtype=bool) for name, part in value.items()}
        inputs = [name for name, n in nodes.items() if n.is_leaf and not n.per_row]
        if of.shape or of.per_row or not self.referee.affords(_BOTH_WAYS):
            return Truth(value, confirmed)
        with suppress(ZeroDivisionError, ValueError, OverflowError, TypeError):
            found = self.referee.derivative(point.values, self.of, inputs)
            value |= {name: _flat(floats(slopes)) for name, slopes in found.items()}
            agreed = self.referee.confirmed(point.values, self.of, found)
            confirmed |= {name: _flat(mask) for name, mask in agreed.items()}
        return Truth(value, confirmed)

    @cached_property
    def _plan(self) -> Plan:
        return plan(self.model, self.names, self.scheme, self.of)

    @cached_property
    def _later(self) -> Plan:
        return plan(self.model, self.names, self.scheme, self.of, later=True)

    @property
    def is_crowded(self) -> bool:
        """Whether there are so many small names that only some are differenced one by one."""
        return bool(self._plan.crowd)

    @property
    def _enough(self) -> float:
        """A relative bound of differences that will do, though more steps would make it smaller."""
        return float(10.0 ** -(self.digits + 2))

    @property
    def _exact_scheme(self) -> Scheme:
        return EXTRAPOLATED if self.scheme.name == "by-node" else self.scheme

    def _gathered(
        self,
        plan: Plan,
        point: Point,
        first: Mapping[str, Array],
        second: Mapping[str, Array],
        third: Mapping[str, Estimates],
    ) -> Testimonies:
        """What symbolic, backprop and the differences say; what they were not asked for is not known."""
        ends = np.cumsum([second[name].size for name in self.names], dtype=int).tolist()
        places = dict(zip(self.names, map(slice, [0, *ends], ends), strict=False))
        total = ends[-1] if ends else 0
        columns: dict[str, Any] = {column: np.full(total, np.nan) for column in COLUMNS}
        columns["bound"].fill(np.inf)
        for column in ("kink", "unseen", "examined"):
            columns[column] = np.zeros(total, dtype=bool)
        columns["backprop"] = np.concatenate([_flat(second[n]) for n in self.names] or [np.zeros(0)])
        for name, slopes in first.items():
            columns["symbolic"][places[name]] = _flat(slopes)
        for name, found in third.items():
            for column in ("value", "bound", "left", "right", "kink"):
                to = "finite" if column == "value" else column
                columns[to][places[name]] = _flat(getattr(found, column))
            columns["examined"][places[name]] = plan.ways[name] is Way.EACH
        every = Testimony(point, "", Way.EACH, **columns)
        heard = Testimonies(every, places, {n: self._part(every, n, places[n], plan) for n in self.names})
        seen = heard.some(n for n in plan.whole if not symbolic.unseen(self.program, self.of, n))
        every.unseen[:] = np.isnan(every.symbolic) & ~seen
        every.symbolic[every.unseen] = every.backprop[every.unseen]
        return heard

    @staticmethod
    def _part(every: Testimony, name: str, place: slice, plan: Plan) -> Testimony:
        columns: dict[str, Any] = {column: getattr(every, column)[place] for column in COLUMNS}
        return Testimony(every.point, name, plan.ways[name], **columns)

    def by_node_again(self, t: Testimony, noise: Array) -> Array:
        """Differences by node of one name over the whole ladder of step sizes, (2, entries)."""
        route = affine_routes.route(self.model, self.of, [t.name])
        found = by_node.derivative(t.point.tape, route, [t.name], EXTRAPOLATED, noise)[t.name]
        return np.stack([_flat(found.value), _flat(found.bound)])

    # -- the crowd ------------------------------------------------------------------------------

    def _with_examined(self, plan: Plan, second: Mapping[str, Array], number: int) -> Plan:
        """The plan with the names of the crowd that are largest, and some others, entry by entry."""
        names = [name for name in self.names if name in plan.crowd]
        sizes = np.array([np.max(np.abs(second[name]), initial=0.0) for name in names])
        chosen = {names[k] for k in self._chosen(sizes, number)}
        ways = {**plan.ways, **dict.fromkeys(chosen, Way.EACH)}
        return replace(plan, ways=ways, whole=plan.whole | chosen, crowd=plan.crowd - chosen)

    def _hear_crowd(self, heard: Testimonies, names: Sequence[str], noise: Array) -> None:
        """Small names, by the projections of all of them together."""
        self._draw(names)
        shared = self._projected(heard, names, noise)
        wrong = self._find(heard, names) if shared.differ else frozenset()
        shared = replace(shared, located=bool(wrong))
        suspects = heard.some(wrong)
        for name in names:
            heard[name].projections, heard[name].suspects = shared, suspects[heard.places[name]]

    def _find(self, heard: Testimonies, names: Sequence[str]) -> frozenset[str]:
        """The names of the crowd in which symbolic and backprop differ, found by halving."""
        point = heard.all.point

        def differs(parts: Sequence[tuple[int, int]]) -> Array:
            found = []
            for start, stop in parts:
                some = names[start:stop]
                moves = {n: self._directions(n)[:1] for n in some}
                theirs = symbolic.along(self.program, point.values, self.of, moves)[0]
                ours = self._sums(heard, some)[0]
                room = _room(np.concatenate([self.rounding(heard[n]) for n in some]))
                found.append(not abs(theirs - ours) <= room)
            return np.array(found)

        marked = np.flatnonzero(halved(len(names), differs)).tolist()
        return frozenset(names[k] for k in marked) if len(marked) <= _MOST_CANDIDATES else frozenset()

    # -- large names ----------------------------------------------------------------------------

    def _hear_large(self, heard: Testimonies, t: Testimony, noise: Array) -> None:
        t.by_node = np.stack([t.finite, t.bound]) if t.way is Way.BY_NODE else None
        t.projections = self._projected(heard, [t.name], noise)
        self.examine(t, self._chosen(np.abs(t.backprop), t.point.number), noise)

    def _chosen(self, sizes: Array, number: int) -> Array:
        """The places of the largest and of some others, at the point of this number."""
        largest = np.argsort(-sizes, kind="stable")[:_LARGEST]
        random = np.random.Generator(np.random.PCG64(self.model.seed + number))
        others = random.choice(len(sizes), size=min(_RANDOM, len(sizes)), replace=False)
        return np.unique(np.concatenate([largest, others]))

    def examine(self, t: Testimony, entries: Array, noise: Array) -> None:
        """Ask symbolic and the differences for single entries, and write it down."""
        if not len(entries):
            return
        node = self.model.node(t.name)
        moves = np.zeros((len(entries), node.size))
        moves[np.arange(len(entries)), entries] = 1
        directions = {t.name: moves.reshape(-1, *node.shape)}
        found = symbolic.along(self.program, t.point.values, self.of, directions)
        t.symbolic[entries] = np.where(np.isnan(found), t.backprop[entries], found)
        t.unseen[entries] = np.isnan(found)
        exact = derivative_at(
            self.model, t.point.tape, self.of, t.name, entries, self._exact_scheme, noise
        )
        t.finite[entries], t.bound[entries] = exact.value, exact.bound
        t.left[entries], t.right[entries], t.kink[entries] = exact.left, exact.right, exact.kink
        t.examined[entries] = True

    def _directions(self, name: str) -> Array:
        """+1 and -1 for every entry: (D, *shape)."""
        if name not in self._signs:
            self._signs[name] = signs(self.model.seed, name, (DIRECTIONS, *self.model.node(name).shape))
        return self._signs[name]

    def _draw(self, names: Iterable[str]) -> None:
        """The directions of many small names from one stream: a stream takes longer than its numbers."""
        nodes = {name: self.model.node(name) for name in names if name not in self._signs}
        ends = np.cumsum([node.size for node in nodes.values()], dtype=int).tolist()
        drawn = signs(self.model.seed, next(iter(nodes), ""), (DIRECTIONS, ends[-1] if ends else 0))
        for (name, node), start, stop in zip(nodes.items(), [0, *ends], ends, strict=False):
            self._signs[name] = drawn[:, start:stop].reshape(DIRECTIONS, *node.shape)

    def _projected(self, heard: Testimonies, names: Sequence[str], noise: Array) -> Projections:
        """All entries of these names together."""
        point = heard.all.point
        moves = {name: self._directions(name) for name in names}
        values = np.concatenate([np.ravel(point.tape.value(name)) for name in names])
        scale = float(np.sqrt(np.mean(np.square(values)))) or 1.0
        third = along(self.model, point.tape, self.of, moves, scale, self._exact_scheme, noise, self._enough)
        return Projections(
            symbolic=symbolic.along(self.program, point.values, self.of, moves),
            backprop=self._sums(heard, names),
            finite=third.value,
            bound=third.bound,
            room=_room(np.concatenate([self.rounding(heard[name]) for name in names])),
        )

    def _sums(self, heard: Testimonies, names: Sequence[str]) -> Array:
        """Of backprop's entries along each direction, (D,)."""
        moves = [self._directions(name).reshape(DIRECTIONS, -1) for name in names]
        slopes = [heard[name].backprop for name in names]
        return np.asarray(np.concatenate(moves, axis=1) @ np.concatenate(slopes))

    def locate(self, t: Testimony) -> Array:
        """Which entries symbolic and backprop differ in, where their projections do: a mask.

        Those of the crowd are known already.

        The wrong parts of each axis are found by halving; where these meet stand the candidates, which
        are then looked at one by one if they are few.
        """
        if t.suspects is not None:
            return t.suspects
        shape = self.model.node(t.name).shape or (1,)
        marks = [halved(n, self._part_differs(t, axis)) for axis, n in enumerate(shape)]
        mask = np.asarray(reduce(np.logical_and.outer, marks)).reshape(-1)
        candidates = np.flatnonzero(mask)
        if len(candidates) <= _MOST_CANDIDATES:
            moves = np.zeros((len(candidates), mask.size))
            moves[np.arange(len(candidates)), candidates] = 1
            mask[candidates] = self._differ(t, moves)
        return mask

    def _part_differs(self, t: Testimony, axis: int) -> Callable[[Sequence[tuple[int, int]]], Array]:
        shape = self.model.node(t.name).shape or (1,)
        first = np.moveaxis(self._directions(t.name)[0].reshape(shape), axis, 0)

        def differs(parts: Sequence[tuple[int, int]]) -> Array:
            moves = np.zeros((len(parts), *first.shape))
            for k, (start, stop) in enumerate(parts):
                moves[k, start:stop] = first[start:stop]
            return self._differ(t, np.moveaxis(moves, 1, axis + 1).reshape(len(parts), -1))

        return differs

    def _differ(self, t: Testimony, moves: Array) -> Array:
        """Along which directions, (D, entries), symbolic and backprop differ."""
        shape = self.model.node(t.name).shape
        most = max(1, (1 << 24) // moves.shape[1])
        found = []
        for k in range(0, len(moves), most):
            some = moves[k : k + most]
            theirs = symbolic.along(
                self.program, t.point.values, self.of, {t.name: some.reshape(-1, *shape)}
            )
            room = PROJECTION_MARGIN * np.sqrt(np.square(some) @ np.square(self.rounding(t)))
            found.append(~(np.abs(theirs - some @ t.backprop) <= room))
        return np.concatenate(found) if found else np.zeros(0, dtype=bool)


def _flat(part: Array) -> Array:
    return np.array(part).reshape(-1)


def _room(rounding: Array) -> float:
    return float(PROJECTION_MARGIN * np.sqrt(np.sum(np.square(rounding))))
