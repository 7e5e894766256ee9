"""Reads a lowered Program and a point. Gives slopes by differences of the forward pass at high precision.

At 140 digits and a step of 1e-45 truncation and round-off are far below what any verdict needs, so the slopes
to both sides are known to some 40 digits. Whatever is computed is paid for from the budget. Knows nothing of
partials, vjps and verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gradcheck_cli.common.progress import Meter
from gradcheck_cli.derivatives.symbolic.program import Program
from gradcheck_cli.evaluation.perturbed_pass import Varied, vary
from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.evaluation import EVALUATION, EvaluationLimits
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.mpmath_context import private_context
from gradcheck_cli.numerics.multiprecision import High
from gradcheck_cli.numerics.namespace import Namespace
from gradcheck_cli.numerics.work_budget import Budget
from gradcheck_cli.reference.program_pass import count_over_rows, work_of

__all__ = ["ExactDifferences", "Sides"]

_LIMITS = ReferenceLimits()
_SIDES = 4  # forward passes for slopes: to the left and right, and ten times as far


class Sides(NamedTuple):
    """One-sided slopes of a value; `border`: a declared kink or border of a domain is met here; `jumps`:
    where the value itself jumps to one side."""

    left: Array
    right: Array
    border: bool
    jumps: Array


class ExactDifferences:
    """Differences of one model's forward pass at high precision, as far as the budget reaches."""

    def __init__(
        self,
        program: Program,
        budget: Budget | None = None,
        *,
        limits: ReferenceLimits = _LIMITS,
        evaluation: EvaluationLimits = EVALUATION,
        numerics: NumericsLimits = NUMERICS,
        meter: Meter | None = None,
    ) -> None:
        self.program = program
        self.model: Model = program.model
        self.budget = budget or Budget(numerics.budget, numerics.digits)
        self.limits, self.evaluation, self.numerics, self.meter = limits, evaluation, numerics, meter

    @cached_property
    def high(self) -> High:
        """The namespace of 50 digits."""
        return self._precise(self.numerics.digits)

    @cached_property
    def higher(self) -> High:
        """The namespace for differences, and for telling a difference from cancellation."""
        return self._precise(self.limits.difference_digits)

    @cached_property
    def surest(self) -> High:
        """The namespace to look in before a method is blamed: there log(1 + exp(-700)) is not 0."""
        return self._precise(self.limits.surest_digits)

    def _precise(self, digits: int) -> High:
        return High(private_context(digits), self.numerics)

    def deep(self, zeros: int) -> High:
        """The namespace for numbers with so many zeros behind the point: there 1 - sigmoid(20000) is not
        0. One of a few, so that what is known with it is kept."""
        unit = self.limits.surest_digits
        digits = unit * (1 + (zeros + self.numerics.digits) // unit)
        if digits not in self._deep:
            self._deep[digits] = self._precise(digits)
        return self._deep[digits]

    @cached_property
    def _deep(self) -> dict[int, High]:
        return {}

    def pay(self, m: Namespace, passes: int = 1) -> None:
        """Pay for so many passes through the whole model in a namespace. Raises BudgetSpent."""
        self._pay(m, passes * self.work)

    def _pay(self, m: Namespace, operations: int) -> None:
        if isinstance(m, High):
            self.budget.pay(operations, m.context.dps)

    @cached_property
    def work(self) -> int:
        """Operations of one pass over all rows."""
        return max(1, count_over_rows(self.program, self.program.items, work_of))

    @cached_property
    def held(self) -> int:
        """Values that a forward pass computes."""
        return count_over_rows(self.program, self.program.items, lambda program, item: math.prod(item.shape))

    _kept: Tape | None = None

    def forward(self, point: Mapping[str, Array], m: Namespace) -> Tape:
        """A forward pass at a point with the limits of the run, reported to its meter.

        Parameters
        ----------
        point : name to float64 array
        m : the namespace in whose numbers it is computed

        Returns
        -------
        Tape
        """
        return forward_pass(self.model, m, point, limits=self.evaluation, meter=self.meter)

    # -- slopes -------------------------------------------------------------------------------

    def tape(self, point: Mapping[str, Array], m: Namespace) -> Tape:
        """The forward pass at a point; the last one is kept.

        Parameters
        ----------
        point : name to float64 array
        m : the namespace of the numbers

        Returns
        -------
        Tape
        """
        if self._kept is None or self._kept.point != PointValues.of(point) or self._kept.m is not m:
            self.pay(m)
            self._kept = self.forward(point, m)
        return self._kept

    def slopes(
        self, point: Mapping[str, Array], of: str, by: str, index: tuple[int, ...], row: int | None = None
    ) -> tuple[Array, Array]:
        """The slopes of a step along one entry, from the left and from the right, to about 40 digits.

        Parameters
        ----------
        point : name to float64 array
        of : a step
        by : an input or a step
        index : of the entry of `by`
        row : whose entry moves, where `by` has one value per row

        Returns
        -------
        left, right : (rows?, *of), dtype object
            Infinite where slopes grow without end (a jump, a root), 0 where they vanish, nan outside the
            domain.
        """
        sides = self.sides(point, of, by, index, row)
        return sides.left, sides.right

    def sides(
        self,
        point: Mapping[str, Array],
        of: str,
        by: str,
        index: tuple[int, ...],
        row: int | None = None,
        m: High | None = None,
        exponent: int | None = None,
    ) -> Sides:
        """The slopes of both sides, and whether a function on the way declares a kink or a border right here.

        Parameters
        ----------
        point, of, by, index, row : as those of `slopes`
        m : the namespace of high precision; without it that of differences, or the surest where their steps
            reach beyond the next kink
        exponent : steps are 10 to minus that of the entry; without it they are as small as slopes need

        Returns
        -------
        Sides
            Slopes (rows?, *of), dtype object.
        """
        there = m or self.higher
        digits = exponent or self._step_exponent(there)
        varied, moves = self._perturb_entry(point, of, by, index, row, there, digits)
        if m is None and exponent is None and not varied.smooth.all():
            return self.sides(point, of, by, index, row, self.surest)
        return self._sides_of(point, of, varied, moves, there)

    def sides_along(self, point: Mapping[str, Array], of: str, by: str, direction: Array) -> Sides:
        """The slopes of both sides as entries of one name move together.

        Parameters
        ----------
        point : name to float64 array
        of : a step
        by : an input or a step with one value for all rows
        direction : (*by) float64
            By how much each entry moves per unit step.

        Returns
        -------
        Sides
            Slopes (rows?, *of), dtype object, in units of `of` per unit step.
        """
        m, base = self.higher, self.tape(point, self.higher).of_node(self.model.node(by))
        moved = np.flatnonzero(np.ravel(direction))
        largest = max((abs(base.reshape(-1)[k]) for k in moved), default=0)
        h = m.context.mpf(10) ** -self._step_exponent(m) * (largest if largest > 0 else 1)
        moves = [-h, h, -10 * h, 10 * h]
        override = np.stack([base + move * direction for move in moves])[:, None]
        self.pay(m, _SIDES)
        node, target = self.model.node(by), self.model.node(of)
        varied = vary(self.tape(point, m), target, {node.index: override})
        return self._sides_of(point, of, varied, moves, m)

    def _step_exponent(self, m: High) -> int:
        return self.limits.surest_step_exponent if m is self.surest else self.limits.step_exponent

    def _sides_of(
        self, point: Mapping[str, Array], of: str, varied: Varied, moves: Sequence[Any], m: High
    ) -> Sides:
        border = bool(varied.affected.any() or not varied.smooth.all())
        target, mp = self.model.node(of), m.context
        still = self.tape(point, m).of_node(target)
        still = still if target.per_row else still[None]
        near = [(part - still) / move for part, move in zip(varied.values, moves, strict=True)]
        digits = self.limits.noise_digits + self._step_exponent(m)
        nothing = mp.mpf(10) ** (digits - mp.dps) if m is self.surest else 0
        growth = self.limits.growth
        least = self._rounding(still, m) / abs(moves[1])
        left, right = (_limit(near[k], near[k + 2], nothing, growth, least) for k in range(2))
        to_left, to_right = (_jumps(near[k], near[k + 2], self.limits, least) for k in range(2))
        jumps = to_left | to_right
        if not target.per_row:
            left, right, jumps = left[0, ...], right[0, ...], jumps[0, ...]
        return Sides(left, right, border, jumps)

    def _rounding(self, value: Array, m: High) -> Array:
        """What is left of values that cancel, as those of arguments that tie: no change to be seen."""
        return np.asarray(np.abs(value) * m.context.mpf(2) ** (self.numerics.spare_bits - m.context.prec))

    def confirm(
        self, point: Mapping[str, Array], of: str, truth: Mapping[str, Array]
    ) -> dict[str, Array]:
        """Which derivatives of a number, at 50 digits, the differences at high precision give, too.

        All entries of one size are moved together, by random signs, each as far as makes it count the same:
        one that is wrong by 1e-10 of itself shows. Four forward passes for each size.

        Parameters
        ----------
        point : name to float64 array
        of : a step that is a number
        truth : name to derivatives, dtype object

        Returns
        -------
        dict of str to bool arrays, in the shapes of `truth`
            False where the two do not agree, where a kink or border is met right here, and for entries
            that are 0.
        """
        nodes = [self.model.node(name) for name in truth]
        slopes = np.concatenate([np.ravel(truth[name]) for name in truth] or [np.zeros(0)])
        given = np.concatenate([np.ravel(point[name]) for name in truth] or [np.zeros(0)])
        sizes = np.asarray(_change(slopes, given), dtype=object)  # of thousands of names as of one
        found = np.zeros(slopes.shape, dtype=bool)
        top = sizes.max(initial=0)
        while top > 0:
            band = (sizes <= top) & (sizes > top * self.limits.spread)
            if not self._agrees_along(point, of, nodes, np.where(band, slopes, 0), sizes):
                break  # what is smaller is below what so many digits show
            found |= band
            top = sizes[sizes <= top * self.limits.spread].max(initial=0)
        parts = _split(found, nodes)
        return {name: part.reshape(node.shape) for name, node, part in zip(truth, nodes, parts, strict=True)}

    def _agrees_along(
        self, point: Mapping[str, Array], of: str, nodes: Sequence[Node], slopes: Array, sizes: Array
    ) -> bool:
        """Whether differences give the sum of all changes, which are the same but for the sign, to both
        sides. Slopes and sizes are those of the entries of all nodes."""
        tape, mp = self.tape(point, self.higher), self.higher.context
        value, asked = tape.of_node(self.model.node(of))[()], np.asarray(slopes != 0, dtype=bool)
        change = mp.mpf(10) ** -self.limits.step_exponent * sizes[asked].min()
        if change < mp.eps * abs(value) / self.limits.confirmed:
            return False
        random = np.random.Generator(np.random.PCG64(self.limits.sign_seed))
        signs = (random.integers(0, 2, (2, len(slopes))) * 2 - 1) * asked
        moves = np.zeros((2, len(slopes)), dtype=object)
        moves[:, asked] = signs[:, asked] * (change / slopes[asked])
        still = np.concatenate([np.ravel(tape.of_node(node)) for node in nodes])
        moved = still + np.concatenate([moves, -moves])
        parts = zip(nodes, _split(moved, nodes), _split(asked, nodes), strict=True)
        overrides = {n.index: part.reshape(_SIDES, 1, *n.shape) for n, part, some in parts if some.any()}
        self.pay(self.higher, _SIDES)
        varied = vary(tape, self.model.node(of), overrides)
        if bool((varied.affected | ~varied.smooth.reshape(_SIDES, -1).all(axis=1)).any()):
            return False
        rises = (varied.values[:, 0] - value) / change
        central, bent = (rises[:2] - rises[2:]) / 2, abs(rises[:2] + rises[2:])
        seen = np.abs(central - signs.sum(axis=1)) < self.limits.confirmed
        return bool(np.all(seen & (bent < self.limits.confirmed)))

    def slopes_beyond_rounding(
        self, point: Mapping[str, Array], of: str, by: str, index: tuple[int, ...], row: int | None = None
    ) -> tuple[Array, Array]:
        """The slopes on both sides of whatever lies within rounding of the point, to about 11 digits.

        Parameters
        ----------
        point, of, by, index, row : as those of `slopes`

        Returns
        -------
        left, right : (rows?, *of), dtype object
        """
        exponent = self.limits.beside_exponent
        varied, (a, b, c, d) = self._perturb_entry(point, of, by, index, row, self.higher, exponent)
        one, two, three, four = varied.values
        left, right = (three - one) / (c - a), (four - two) / (d - b)
        return (left, right) if self.model.node(of).per_row else (left[0, ...], right[0, ...])

    def _perturb_entry(
        self,
        point: Mapping[str, Array],
        of: str,
        by: str,
        index: tuple[int, ...],
        row: int | None,
        m: High,
        exponent: int,
    ) -> tuple[Varied, list[Any]]:
        """`of` with one entry moved to the left, the right, and ten times as far."""
        tape, node, target = self.tape(point, m), self.model.node(by), self.model.node(of)
        base = tape.of_node(node)
        mp = m.context
        scale = abs(base[(*(() if row is None else (row,)), *index)])
        h = mp.mpf(10) ** -exponent * (scale if scale > 0 else mp.mpf(1))
        moves = [-h, h, -self.limits.farther * h, self.limits.farther * h]
        lead = (len(moves), base.shape[0] if node.per_row else 1)
        override = np.empty((*lead, *node.shape), dtype=object)
        override[...] = base[None] if node.per_row else base[None, None]
        for k, move in enumerate(moves):
            at = (k, 0 if row is None else row, *index)
            override[at] = override[at] + move
        self.pay(m, _SIDES)
        return vary(tape, target, {node.index: override}), moves


def _size_of_change(slope: Any, x: float) -> Any:
    """By how much the value changes when an entry moves by all of itself; 0 where it is not known."""
    return abs(slope) * float(abs(x) or 1) if abs(slope) < np.inf else 0


_change = np.frompyfunc(_size_of_change, 2, 1)


def _split(flat: Array, nodes: Sequence[Node]) -> list[Array]:
    """The entries of all nodes, along the last axis, node by node."""
    ends = np.cumsum([node.size for node in nodes], dtype=int)
    return np.split(flat, ends, axis=-1)[: len(nodes)]


def _jumps(slope: Array, farther: Array, limits: ReferenceLimits, rounding: Array) -> Array:
    """Where the change of the value stays, or grows, as the step size falls to a tenth."""
    stays = abs(slope) >= abs(limits.farther * farther) * (1 - limits.same_change)
    return np.asarray(stays & (abs(slope) > rounding), dtype=bool)


def _limit(slope: Array, farther: Array, nothing: Any, growth: float, rounding: Array) -> Array:
    """A slope where it stays as the step size falls to a tenth; 0 or infinite where it does not, and
    0 where it is so small that it can only be rounding: values that cancel leave some. What grows and is no
    more than `rounding` is that of the value."""
    slope = np.where(abs(slope) < nothing, 0 * slope, slope)
    grows, falls = abs(slope) > growth * abs(farther), abs(farther) > growth * abs(slope)
    infinite = np.where(abs(slope) <= rounding, 0 * slope, np.where(slope > 0, np.inf, -np.inf))
    return np.where(grows, infinite, np.where(falls, 0 * slope, slope))
