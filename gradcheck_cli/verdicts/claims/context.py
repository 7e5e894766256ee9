"""Reads a model, its points and the referee. Gives how far claims are from what is true there.

At 50 digits, and once more at 140 where the two sides are close; over some rows where they are too many; in
float64 where a model is too large. Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.model.graph import Derivative, Graph
from gradcheck_cli.model.model import Claim, Misfit, Model
from gradcheck_cli.model.random_points import moved_inputs
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.reference.stochastic_rounding import unmeasured_rounding
from gradcheck_cli.reference.zeros import AtDigits, falls, left_of
from gradcheck_cli.results.gradient_results import ClaimResult
from gradcheck_cli.verdicts.claims.discrepancy import Discrepancy, difference, difference_in_blocks
from gradcheck_cli.verdicts.claims.known_values import KnownValues
from gradcheck_cli.verdicts.claims.true_values import At, TrueValues, derivatives_in, entry_of

if TYPE_CHECKING:
    from gradcheck_cli.reference.tied_derivatives import TiedPoint

__all__ = ["FAILURES", "ClaimContext", "fails", "name_of"]

FAILURES = (ZeroDivisionError, ValueError, OverflowError)


@dataclass
class ClaimContext(KnownValues):
    """A model, its points and what is true there, each computed once.

    `first_rows` and `in_float64` are contexts of their own: of the first rows alone, and of all rows without
    high precision.
    """

    _moved_parameters: dict[tuple[int, float], dict[str, Array]] = field(default_factory=dict)

    @cached_property
    def on_kink(self) -> bool:
        """Whether the given point lies on a kink or border, in float64 or as its decimals say."""
        if self.of_values:
            return False
        if self.on_border or not self.precision().exact or self.has_many_rows:
            return self.on_border
        return bool(self.true_values(self.points[0]).tape.borders_hit())

    @cached_property
    def tied(self) -> TiedPoint | None:
        """The units on kinks at the given point, and what their slopes make; None where there are none."""
        if not self.on_kink or self.lacks_precision:
            return None
        from gradcheck_cli.reference.tied_derivatives import TiedPoint

        m = self.referee.high if self.precision().exact else FLOAT64
        return TiedPoint(self.referee, self.points[0].values, m)

    @property
    def has_many_rows(self) -> bool:
        """Whether they are more than high precision should go through, again and again."""
        rows = self.model.rows or 0
        many = rows > self.limits.many_rows or (
            rows > self.first_row_count and self.referee.work > self.limits.much_work
        )
        return many and self.referee.affords() and not self.lacks_precision and not self.on_border

    @cached_property
    def first_row_count(self) -> int:
        """How many rows stand for all, where these are many."""
        each = max(1, self.referee.work // max(1, self.model.rows or 1))
        limits = self.limits
        return min(limits.most_first_rows, max(limits.least_first_rows, limits.first_rows_work // each))

    def for_first_rows(self, claim: Claim) -> Claim | None:
        """A formula over the first of many rows; None where all are to be looked at."""
        return self.with_fewer_rows(claim) if self.has_many_rows and claim.numbers is None else None

    def with_fewer_rows(self, claim: Claim) -> Claim | None:
        """A formula for fewer rows: the same, unless the number of rows is typed in it."""
        formula, rows = claim.formulas[self.layout], float(self.model.rows or 1)
        if isinstance(formula, Misfit) or any(
            n.is_literal and n.value in (rows, 1 / rows) for n in formula.nodes
        ):
            return None
        count = self.first_rows.model.rows or 1
        fewer = {k: g.for_rows(count) if isinstance(g, Graph) else g for k, g in claim.formulas.items()}
        return replace(claim, formulas=fewer)

    @cached_property
    def first_rows(self) -> ClaimContext:
        """The first rows alone."""
        some = slice(self.first_row_count)
        model = self.model.of_rows(some)
        per_row = {item.name for item in model.inputs.values() if item.kind == "rows"}
        points = [
            At(at.number, at.values.with_values({name: at.values[name][some] for name in per_row}))
            for at in self.points
        ]
        return ClaimContext(
            model, self.referee.for_model(model), points, self.layout, False, self.limits,
            of_values=self.of_values,
        )  # fmt: skip

    @cached_property
    def in_float64(self) -> ClaimContext:
        """All rows, in float64."""
        return ClaimContext(
            self.model, self.referee, self.points, self.layout, False, self.limits, True, self.of_values
        )

    def moved_inputs(
        self, number: int, *, kinds: tuple[str, ...] = ("param",), reach: float = 1.0, freely: bool = False
    ) -> dict[str, Array]:
        """The inputs of some kinds at another point; see random_points.moved_inputs.

        Parameters
        ----------
        number : of the point
        kinds : of "param", "data" and "rows"
        reach : how far parameters are moved, relative to the usual distance
        freely : whether assumptions may break

        Returns
        -------
        dict of str to float64 arrays, in the shapes and units of the inputs
        """
        numerics = self.referee.numerics
        if kinds != ("param",):  # rows may be more than memory holds twice
            return moved_inputs(
                self.model, number, kinds=kinds, reach=reach, limits=numerics, freely=freely
            )
        if (number, reach) not in self._moved_parameters:
            self._moved_parameters[number, reach] = moved_inputs(
                self.model, number, reach=reach, limits=numerics
            )
        return self._moved_parameters[number, reach]

    def fails_with(self, claim: Claim, formula: Graph, values: Mapping[str, Array]) -> bool:
        """Whether a formula fails at the given point with other values.

        Parameters
        ----------
        claim, formula : what is claimed, and the graph of its right side
        values : name to float64 array, in place of the point's own
        apart : what is different about the values; caches are keyed by it

        Returns
        -------
        bool
            False where the formula cannot be evaluated.
        """
        discrepancy = self.discrepancy_with(claim, formula, values)
        return discrepancy is not None and fails(discrepancy, self.limits)

    def discrepancy_with(
        self, claim: Claim, formula: Graph, values: Mapping[str, Array]
    ) -> Discrepancy | None:
        """How far a formula is off at the given point with other values.

        Parameters
        ----------
        claim, formula, values, apart : as those of `fails_with`

        Returns
        -------
        Discrepancy or None
            None where the formula cannot be evaluated, or the budget is spent.
        """
        at = At(0, self.points[0].values.with_values(values))
        try:
            return self.compare(claim, formula, at)
        except FAILURES:
            return None

    def compare(self, claim: Claim, formula: Graph, at: At) -> Discrepancy:
        """How far a formula is from the truth at a point, with which entries are wrong.

        With as many digits as it takes; in float64 where the budget does not reach for so many.
        """
        wanted = derivatives_in(claim, formula)
        truth = self.true_values(at, wanted)
        if claim.integers is None and truth.streams(claim, formula):
            return difference_in_blocks(truth, claim, formula)
        discrepancy = difference(truth, claim, formula)
        if not truth.exact:
            rounding = self.rounding(claim, at, discrepancy.true)
            rounding = rounding + self.own_rounding(claim, formula, at)
            return discrepancy.beyond(rounding, self.limits)
        if not discrepancy.wrong.any():
            return self._with_hidden_zeros(claim, formula, at, discrepancy)
        known = truth
        for m in (self.referee.higher, self.referee.surest):
            before = AtDigits(discrepancy.exact_size(), truth.digits)
            truth = self.true_values(at, wanted, m)
            if not truth.exact:
                return self.compare(claim, formula, at)
            again = difference(truth, claim, formula)
            now = AtDigits(again.exact_size(), truth.digits)
            with np.errstate(all="ignore"):
                shrunk = falls(before, now, self.referee.limits)  # only cancellation does
                stays = _where(abs(now.values - before.values) <= now.values * self.limits.same)
                stays &= again.claimed != 0  # 0 may be what is left of 1 - sigmoid(300)
                stays &= again.true != 0
            discrepancy = replace(again, wrong=discrepancy.wrong & ~shrunk & again.wrong)
            if np.all(stays | ~discrepancy.wrong):
                break
        vanished = discrepancy.wrong & (discrepancy.claimed == 0) & (discrepancy.true == 0)
        if not vanished.any():
            return discrepancy
        deeper = self._with_digits_for_zeros(claim, formula, known, now, vanished)
        wrong = discrepancy.wrong & (deeper.wrong | ~vanished)
        assert discrepancy.known is not None
        assert deeper.known is not None
        told = np.where(vanished, deeper.known, discrepancy.known)
        return replace(discrepancy, wrong=wrong, known=told)

    def _with_hidden_zeros(
        self, claim: Claim, formula: Graph, at: At, discrepancy: Discrepancy
    ) -> Discrepancy:
        """Where both sides are 0 at 50 digits, and rounding would move the true one: with as many digits as 0
        may be what is left of 1 - tanh(170)^2."""
        both = (discrepancy.claimed == 0) & (discrepancy.true == 0)
        if both.any() and self.referee.jitters():
            both &= self.rounding(claim, at, discrepancy.true) > self.limits.subnormal
        if not both.any() or not self.referee.jitters():
            return discrepancy
        truth = self.true_values(at, derivatives_in(claim, formula), self.referee.surest)
        again = difference(truth, claim, formula) if truth.exact else discrepancy
        first = AtDigits(discrepancy.exact_size(), self.referee.high.context.dps)
        seen = AtDigits(again.exact_size(), truth.digits)
        left = left_of(first, seen, both, self.limits.last_digits, lambda: None, self.referee.limits)
        both &= again.wrong & _where(left != 0)
        return self._with_digits_for_zeros(claim, formula, truth, seen, both) if both.any() else discrepancy

    def _with_digits_for_zeros(
        self, claim: Claim, formula: Graph, known: TrueValues, seen: AtDigits, doubtful: Array
    ) -> Discrepancy:
        """Sides that are 0 in float64, with as many digits as the truth that is known, or the gap, has zeros
        behind the point: there 1 - sigmoid(20000) is not 0. `seen`: how far apart they were with fewer. Where
        it takes too many nothing is known."""
        target, last = claim.target, self.limits.last_digits
        zeros = known.leading_zeros(known.derivative(target), np.where(doubtful, seen.values, 0))
        if zeros * self.referee.held > self.most_zeros:
            nothing = difference(known, claim, formula)
            assert nothing.known is not None
            left = doubtful & self._is_left_over(claim, formula, known, seen, zeros)
            return replace(nothing, known=nothing.known & (left | ~doubtful), wrong=nothing.wrong & ~left)
        wanted, limits = derivatives_in(claim, formula), self.referee.limits
        def with_digits(digits: int) -> tuple[AtDigits, AtDigits, Discrepancy]:
            there = self.true_values(known.at, wanted, self.referee.deep(digits))
            found = difference(there, claim, formula)
            own, true = found.exact_size(), there.derivative(target)
            return AtDigits(own, there.digits), AtDigits(true, there.digits), found

        now = with_digits(zeros)
        again, more = now[2], now[0].digits
        fits = more * self.referee.held <= self.most_zeros
        gap = left_of(seen, now[0], doubtful, last, lambda: with_digits(more)[0] if fits else None, limits)
        first = AtDigits(known.derivative(target), known.digits)
        true = left_of(first, now[1], doubtful, last, lambda: with_digits(more)[1] if fits else None, limits)
        both = _where(gap == 0) & _where(true == 0)
        return replace(again, wrong=again.wrong & doubtful & ~both)

    def _is_left_over(
        self, claim: Claim, formula: Graph, known: TrueValues, seen: AtDigits, zeros: int
    ) -> Array:
        """Which gaps are of the size of the last digit, and fall: what precision leaves of terms that cancel,
        as off the diagonal of V @ V'. With a few digits that may have been 0 by chance."""
        truth = self.true_values(known.at, derivatives_in(claim, formula), self.referee.higher)
        if zeros < seen.digits - self.limits.last_digits or not truth.exact:
            return _where(np.zeros(np.shape(seen.values), dtype=bool))
        fewer = AtDigits(difference(truth, claim, formula).exact_size(), truth.digits)
        return falls(fewer, seen, self.referee.limits)

    def rounding(self, claim: Claim, at: At, true: Array) -> Array:
        """What a right program may be off by in a claimed derivative.

        Parameters
        ----------
        claim : says of which derivative, and in which format
        at : the point
        true : float64, the derivative

        Returns
        -------
        float64 array, absolute, in the shape of the derivative, or of its entry where the claim has an index
        """
        if claim.target.is_value:
            return self._rounding_of_value(claim, at)
        moved = self.referee.samples * self.entries_of(claim.target)
        if not self.referee.jitters() or moved > self.referee.limits.most_jittered:
            return unmeasured_rounding(true, claim.bits, limits=self.referee.limits)
        target = claim.target
        bound = self.referee.rounding(at.values, target.of, [target.by], bits=claim.bits)[target.by]
        rank = len(self.model.node(target.by).shape)
        return entry_of(bound, target.index) if target.index and rank else bound

    def _rounding_of_value(self, claim: Claim, at: At) -> Array:
        target = claim.target
        wider = 2.0 ** (SIGNIFICANDS["float64"] - claim.bits)
        found = wider * self.referee.value_rounding(at.values, [target.of])[target.of]
        return found if target.index is None else entry_of(found, target.index)

    def own_rounding(self, claim: Claim, formula: Graph, at: At) -> Array | float:
        """What the claim's own formula may be off by in float64, where high precision would have told.

        Parameters
        ----------
        claim, formula : what is claimed, and the graph of its right side
        at : the point

        Returns
        -------
        float64 array of the shape of the formula, absolute; 0.0 where precision is not lacking
        """
        if not self.lacks_precision or claim.numbers is not None:
            return 0.0
        truth = self.true_values(at)
        keys = [node.key for node in formula.nodes if node.is_leaf]
        leaves = {key: truth.leaf(key) for key in keys}
        tolerances = {key: truth.tolerance(key) for key in keys}
        tolerance = self.referee.formula_rounding(formula, leaves, tolerances)
        return tolerance if truth.is_per_row(claim.target) else np.asarray(tolerance[0, ...])

    def slopes(self, target: Derivative, entry: Array) -> tuple[float, float] | None:
        """The slopes of a number to the left and right of one entry, at the given point.

        Parameters
        ----------
        target : the derivative
        entry : (k,) indices of an entry of the derivative; those of the name come first

        Returns
        -------
        left, right : float; None where they cannot be had
        """
        shape = self.model.node(target.by).shape
        index = target.index or tuple(int(k) for k in entry[: len(shape)])
        try:
            pair = self.referee.slopes(self.points[0].values, target.of, target.by, index)
        except (*FAILURES, TypeError, IndexError):
            return None
        left, right = (float(np.asarray(s).reshape(-1)[0]) for s in pair)
        return left, right

    def with_worst_entry(self, blank: ClaimResult, discrepancy: Discrepancy, at: At) -> ClaimResult:
        """The result with the numbers of the worst entry."""
        place = discrepancy.worst()
        per_row = discrepancy.per_row
        return replace(
            blank,
            claimed=float(discrepancy.claimed[place]),
            true=float(discrepancy.true[place]),
            point=at.number,
            row=discrepancy.row(place[0]) if per_row and place else None,
            index=tuple(int(k) for k in (place[1:] if per_row else place)) or None,
            wrong=int(discrepancy.wrong.sum()) if discrepancy.counted is None else discrepancy.counted[0],
            total=int(discrepancy.wrong.size) if discrepancy.counted is None else discrepancy.counted[1],
        )

    def with_pattern(self, result: ClaimResult, discrepancy: Discrepancy) -> ClaimResult:
        """The result with which entries are wrong, in words and as a map."""
        if discrepancy.wrong.size < 2 or discrepancy.rows is not None:
            return result
        from gradcheck_cli.results import index_patterns

        name = name_of(self.model, result)
        return replace(
            result,
            place=index_patterns.words(discrepancy.wrong, name, per_row=discrepancy.per_row),
            map=tuple(index_patterns.picture(discrepancy.wrong, per_row=discrepancy.per_row)),
        )


def name_of(model: Model, result: ClaimResult) -> str:
    """What a claim's entries are called: W0 for d loss/d W0, else d f1/d h1; h1 of a value."""
    if not result.by:
        return model.display(result.of)
    name = model.display(result.by)
    return name if result.of == model.loss else f"d {model.display(result.of)}/d {name}"


def fails(discrepancy: Discrepancy, limits: ClaimsLimits) -> bool:
    """Whether some entry that is known on both sides is wrong by more than rounding."""
    seen = discrepancy.wrong & np.isfinite(discrepancy.claimed) & np.isfinite(discrepancy.true)
    seen = seen if discrepancy.known is None else seen & discrepancy.known
    return bool(seen.any()) and not discrepancy.is_small(limits)


def _where(condition: Any) -> Array:
    return np.asarray(condition, dtype=bool)
