"""Reads a Model and backprop's derivatives. Gives what sums of their entries with random signs show.

A sum of n gradient entries with random signs moves by all that a single wrong entry is off by, and what
rounding leaves in it grows with the root of the sum of squares, not with n (Hutchinson 1990 for the idea).
Where symbolic and backprop differ in a sum, the wrong entries are found by bisection. Knows nothing of
verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from gradcheck_cli.derivatives import symbolic
from gradcheck_cli.derivatives.finite_differences.drivers.by_entry import along
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.derivatives.symbolic.program import Program
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.random_points import signs
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS as DIFFERENCES
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.verdicts.gradients.bisection import bisect
from gradcheck_cli.verdicts.gradients.columns import Projections
from gradcheck_cli.verdicts.gradients.points import Point

__all__ = ["RandomSums", "sum_tolerance"]


def sum_tolerance(rounding: Array, limits: GradientsLimits = DEFAULTS) -> float:
    """What rounding may make of a sum of entries with random signs.

    Parameters
    ----------
    rounding : float64 array, the rounding bounds of the entries
    limits : the margin in standard deviations

    Returns
    -------
    float, in the unit of the bounds
    """
    largest = float(np.max(rounding, initial=0.0))  # whose square may not be a double
    if largest == 0 or not np.isfinite(largest):
        return largest
    return float(limits.projection_margin * largest * np.sqrt(np.sum(np.square(rounding / largest))))


@dataclass
class RandomSums:
    """Sums of entries along random signs, the same at every point."""

    model: Model
    program: Program
    of: str
    limits: GradientsLimits = DEFAULTS
    differences: FiniteDifferencesLimits = DIFFERENCES
    _signs: dict[str, Array] = field(default_factory=dict)

    def directions(self, name: str) -> Array:
        """+1 and -1 for every entry, the same each time.

        Parameters
        ----------
        name : of an input

        Returns
        -------
        (D, *shape) float64
        """
        if name not in self._signs:
            shape = (self.limits.directions, *self.model.node(name).shape)
            self._signs[name] = signs(self.model.seed, name, shape)
        return self._signs[name]

    def draw(self, names: Iterable[str]) -> None:
        """Draw the directions of many small names from one stream: a stream takes longer than its numbers."""
        nodes = {name: self.model.node(name) for name in names if name not in self._signs}
        ends = np.cumsum([node.size for node in nodes.values()], dtype=int).tolist()
        count = self.limits.directions
        drawn = signs(self.model.seed, next(iter(nodes), ""), (count, ends[-1] if ends else 0))
        for (name, node), start, stop in zip(nodes.items(), [0, *ends], ends, strict=False):
            self._signs[name] = drawn[:, start:stop].reshape(count, *node.shape)

    def projections(
        self,
        point: Point,
        backprop: Mapping[str, Array],
        rounding: Mapping[str, Array],
        scheme: Scheme,
        noise: Array,
        enough: float,
    ) -> Projections:
        """All entries of the names in `backprop` together, as each method sees them.

        Parameters
        ----------
        point : the values, and their tape
        backprop, rounding : name to (entries,) float64, derivatives and their rounding bounds
        scheme, noise, enough : how the differences along each direction are taken

        Returns
        -------
        Projections
            Slopes along D directions of random signs, (D,) float64, and what rounding may make of them.
        """
        moves = {name: self.directions(name) for name in backprop}
        values = np.concatenate([np.ravel(point.tape.value(name)) for name in backprop])
        scale = float(np.sqrt(np.mean(np.square(values)))) or 1.0
        third = along(
            self.model, point.tape, self.of, moves, scale, scheme, noise, enough, self.differences
        )
        return Projections(
            symbolic=self._symbolic(point, moves),
            backprop=self._sums(backprop),
            finite=third.value,
            bound=third.bound,
            seen=not any(symbolic.unseen(self.program, self.of, name) for name in backprop),
            tolerance=sum_tolerance(np.concatenate(list(rounding.values())), self.limits),
        )

    def differing_names(
        self, point: Point, backprop: Mapping[str, Array], rounding: Mapping[str, Array]
    ) -> frozenset[str]:
        """The names in which symbolic and backprop differ, found by bisection.

        Parameters
        ----------
        point : the values
        backprop : name to derivatives, float64
        rounding : name to rounding bounds of the same shape

        Returns
        -------
        frozenset of str
            Empty if there are too many.
        """
        names = list(backprop)

        def differs(parts: Sequence[tuple[int, int]]) -> Array:
            found = []
            for start, stop in parts:
                some = {name: backprop[name] for name in names[start:stop]}
                moves = {name: self.directions(name)[:1] for name in some}
                theirs = self._symbolic(point, moves)[0]
                tolerance = sum_tolerance(np.concatenate([rounding[n] for n in some]), self.limits)
                found.append(not abs(theirs - self._sums(some)[0]) <= tolerance)
            return np.array(found)

        marked = np.flatnonzero(bisect(len(names), differs, self.limits.most_parts)).tolist()
        few = len(marked) <= self.limits.most_candidates
        return frozenset(names[k] for k in marked) if few else frozenset()

    def differing_entries(self, point: Point, name: str, backprop: Array, rounding: Array) -> Array:
        """The entries in which symbolic and backprop differ, where their sums do.

        The wrong parts of each axis are found by bisection; where these meet stand the candidates, which are
        then compared one by one if they are few.

        Parameters
        ----------
        point : the values
        name : of an input
        backprop, rounding : (*shape) float64, derivatives and their rounding bounds

        Returns
        -------
        (entries,) bool
        """
        shape = self.model.node(name).shape or (1,)

        def differ(moves: Array) -> Array:
            return self._differ_along(point, name, moves, backprop, rounding)

        marks = [
            bisect(n, self._part_differs(name, axis, differ), self.limits.most_parts)
            for axis, n in enumerate(shape)
        ]
        mask = np.asarray(reduce(np.logical_and.outer, marks)).reshape(-1)
        candidates = np.flatnonzero(mask)
        if len(candidates) <= self.limits.most_candidates:
            moves = np.zeros((len(candidates), mask.size))
            moves[np.arange(len(candidates)), candidates] = 1
            mask[candidates] = differ(moves)
        return mask

    def _sums(self, backprop: Mapping[str, Array]) -> Array:
        """Of backprop's entries along each direction, (D,)."""
        moves = [self.directions(name).reshape(self.limits.directions, -1) for name in backprop]
        return np.asarray(np.concatenate(moves, axis=1) @ np.concatenate(list(backprop.values())))

    def _part_differs(
        self, name: str, axis: int, differ: Callable[[Array], Array]
    ) -> Callable[[Sequence[tuple[int, int]]], Array]:
        """Whether symbolic and backprop differ in the parts of one axis."""
        shape = self.model.node(name).shape or (1,)
        first = np.moveaxis(self.directions(name)[0].reshape(shape), axis, 0)

        def differs(parts: Sequence[tuple[int, int]]) -> Array:
            moves = np.zeros((len(parts), *first.shape))
            for k, (start, stop) in enumerate(parts):
                moves[k, start:stop] = first[start:stop]
            return differ(np.moveaxis(moves, 1, axis + 1).reshape(len(parts), -1))

        return differs

    def _symbolic(self, point: Point, directions: Mapping[str, Array]) -> Array:
        """Symbolic's slopes along directions: (D,)."""
        return symbolic.along(self.program, point.values, self.of, directions, meter=point.tape.meter)

    def _differ_along(self, point: Point, name: str, moves: Array, backprop: Array, rounding: Array) -> Array:
        """Along which directions, (D, entries), symbolic and backprop differ: (D,)."""
        shape = self.model.node(name).shape
        most = max(1, self.limits.most_held // moves.shape[1])
        found = []
        for k in range(0, len(moves), most):
            some = moves[k : k + most]
            directions = {name: some.reshape(-1, *shape)}
            theirs = self._symbolic(point, directions)
            largest = float(np.max(rounding, initial=0.0))  # whose square may not be a double
            largest = largest if largest and np.isfinite(largest) else 1.0
            spread = np.sqrt(np.square(some) @ np.square(rounding / largest))
            tolerance = self.limits.projection_margin * largest * spread
            found.append(~(np.abs(theirs - some @ backprop) <= tolerance))
        return np.concatenate(found) if found else np.zeros(0, dtype=bool)
