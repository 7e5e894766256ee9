"""Reads claims, points and the referee. Gives claimed beside true values, and how far apart they are.

At high precision both sides are computed in it; in float64 rounding is granted to both, and rows that are
too many to be held are taken block by block. Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np

from gradcheck_cli.evaluation.evaluate import evaluate
from gradcheck_cli.model.graph import Derivative, Graph, Key
from gradcheck_cli.model.model import Claim
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64, floats
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.reference.jittered_arithmetic import Jittered, bound
from gradcheck_cli.reference.row_blocks import over_rows
from gradcheck_cli.reference.stochastic_rounding import unmeasured_rounding
from gradcheck_cli.verdicts.claims.true_values import TrueValues, derivatives_in

__all__ = ["Discrepancy", "claimed_value", "difference", "difference_in_blocks", "signed_difference"]


@dataclass(frozen=True)
class Discrepancy:
    """Claimed and true values as floats, how far apart they are, and which entries are wrong."""

    claimed: Array
    true: Array
    size: Array
    wrong: Array
    per_row: bool = False
    known: Array | None = None  # where both sides are finite, in their own numbers
    own: Array | None = None  # `size` in their own numbers: a float64 of it would be 0 or infinite
    in_blocks: bool = False  # of too many rows to be looked at together
    rows: Array | None = None  # which rows these are, where they stand for many more
    counted: tuple[int, int] | None = None  # wrong and all entries, of all rows

    def row(self, place: int) -> int:
        """The number of the row at a place."""
        return int(place if self.rows is None else self.rows[place])

    def some(self, start: int) -> Discrepancy:
        """The worst row of a block and a few others; `start` is the number of its first."""
        weight = np.where(self.wrong, np.nan_to_num(self.size, nan=0.0), -1.0).reshape(len(self.wrong), -1)
        chosen = np.unique([0, int(np.argmax(weight.max(axis=1))), len(self.wrong) - 1])
        some = {n: getattr(self, n)[chosen] for n in ("claimed", "true", "size", "wrong", "known")}
        return replace(self, **some, rows=start + chosen)

    def exact_size(self) -> Array:
        """How far apart they are, in their own numbers.

        Returns
        -------
        array of the shape of `size`
            float64, or dtype object where they were computed at high precision.
        """
        return self.size if self.own is None else self.own

    def worst(self) -> tuple[int, ...]:
        """The entry that is farthest off, among the wrong ones if there are any."""
        if not self.wrong.ndim:
            return ()
        with np.errstate(all="ignore"):
            least = np.inf if not self.is_known() else 0.0  # a number rather than none
            weight = np.where(self.wrong | ~self.wrong.any(), np.nan_to_num(self.size, nan=least), -1)
        return tuple(int(k) for k in np.unravel_index(int(np.argmax(weight)), weight.shape))

    def unseen_gap(self) -> str:
        """What is said of a worst entry whose two sides are the same in float64."""
        gap: Any = np.asarray(self.exact_size())[self.worst()]
        text = gap.context.nstr(gap, 2) if hasattr(gap, "context") else f"{float(gap):.1e}"
        return f"they differ by {text}, which float64 cannot show"

    def is_known(self) -> bool:
        """Whether an entry is wrong for which both sides could be had."""
        finite = np.isfinite(self.claimed) & np.isfinite(self.true)
        return bool(np.any(self.wrong & (finite if self.known is None else self.known)))

    def is_too_small(self) -> bool:
        """Whether nothing is wrong but entries of which both sides are 0 in float64, and not to be told apart
        with as many digits as can be had."""
        both_zero = np.asarray((self.claimed == 0) & (self.true == 0))
        return not self.is_known() and bool(both_zero[self.wrong].all())

    def is_small(self, limits: ClaimsLimits) -> bool:
        """Whether rounding of data could be the reason."""
        with np.errstate(all="ignore"):
            largest = np.max(np.abs(self.true), initial=0.0)
            shown = self.size[self.wrong]
            return bool(np.all((shown <= limits.data_rounding * largest) & (shown > 0)))

    def beyond(self, rounding: Array, limits: ClaimsLimits) -> Discrepancy:
        """The same with only those entries wrong that are farther off than rounding explains.

        Parameters
        ----------
        rounding : float64 array that broadcasts against the sizes, in their unit
        limits : the safety factor

        Returns
        -------
        Discrepancy
        """
        tolerance = limits.rounding_safety * np.broadcast_to(rounding, self.size.shape)
        return replace(self, wrong=~(self.size <= tolerance))


def difference(truth: TrueValues, claim: Claim, formula: Graph) -> Discrepancy:
    """A formula beside the derivative that it is claimed to be, all rows at once."""
    value, true = _both_sides(truth, claim, formula)
    equal = truth.limits.equal_at_high_precision if truth.exact else 0.0
    with np.errstate(all="ignore"):
        size = np.abs(np.asarray(value - true))
        near = size <= equal * np.maximum(np.abs(value), np.abs(true))
        wrong = ~np.asarray(near, dtype=bool)
        known = np.asarray((value - value == 0) & (true - true == 0), dtype=bool)
    if truth.exact and wrong.any():
        least = truth.limits.least_told
        known &= ~(_are_smaller(np.asarray(value), least) & _are_smaller(np.asarray(true), least))
    per_row = truth.is_per_row(claim.target)
    return Discrepancy(floats(value), floats(true), floats(size), wrong, per_row, known, size)


def _are_smaller(values: Array, exponent: int) -> Array:
    """Where numbers of high precision are smaller than a power of 2, or 0."""
    def is_smaller(x: Any) -> bool:
        return bool(x == 0 or (hasattr(x, "context") and x.context.mag(x) < exponent))

    return np.asarray(np.frompyfunc(is_smaller, 1, 1)(values), dtype=bool)


def signed_difference(truth: TrueValues, claim: Claim, formula: Graph) -> Array:
    """Claimed minus true, all rows at once.

    Parameters
    ----------
    truth : at a point
    claim : of a derivative
    formula : its right side

    Returns
    -------
    (*target), or (N, *target) per row, in the numbers of `truth`

    Raises
    ------
    BudgetSpent
    """
    value, true = _both_sides(truth, claim, formula)
    with np.errstate(all="ignore"):
        return np.asarray(value - true)


def _both_sides(truth: TrueValues, claim: Claim, formula: Graph) -> tuple[Array, Array]:
    truth.prepare(derivatives_in(claim, formula))
    true = truth.derivative(claim.target)
    per_row = truth.is_per_row(claim.target)
    if claim.integers is None:
        value = claimed_value(truth, formula)
        value = value[0] if per_row else value[0, 0, ...]
    else:
        value = claim.integers if truth.exact else floats(claim.integers)
    return np.asarray(np.broadcast_to(value, np.shape(true))), true


def difference_in_blocks(truth: TrueValues, claim: Claim, formula: Graph) -> Discrepancy:
    """The difference where the rows are too many to be held: every row is looked at, some are kept. Before a
    claim is called wrong, its own rounding is measured."""
    leaves = {n.key for n in formula.nodes if n.is_leaf}
    of_rows = {key for key in leaves if truth.has_rows(key)}
    gradient = [Derivative(truth.model.loss, p.name) for p in truth.model.parameters()]
    truth.prepare([*gradient, *(d for d in leaves - of_rows if isinstance(d, Derivative))])
    shared = {key: truth.leaf(key) for key in leaves - of_rows}
    sides = _Sides(truth, claim, formula, shared, of_rows)
    discrepancy = sides.compare()
    if not discrepancy.wrong.any():
        return discrepancy
    samples, seed = truth.limits.formula_samples, truth.limits.formula_seed
    return sides.compare(Jittered(samples, seed, reference=truth.referee.limits))


@dataclass
class _Sides:
    """A claim's formula over blocks of rows, and what is true there."""

    truth: TrueValues
    claim: Claim
    formula: Graph
    shared: Mapping[Key, Array]
    of_rows: set[Key]

    def compare(self, jitter: Jittered | None = None) -> Discrepancy:
        """The difference; with what jitter makes of the formula as tolerance."""
        if not self.truth.is_per_row(self.claim.target):
            true = self.truth.derivative(self.claim.target)
            (value,) = self._values(FLOAT64)
            return self._discrepancy(value[0, 0, ...], true, next(self._tolerances(jitter)))
        values, tolerances = self._values(FLOAT64), self._tolerances(jitter)
        if not self.formula.nodes[self.formula.output].per_row:
            values, tolerances = repeat(next(values)), repeat(next(tolerances))
        truths = self.truth.in_blocks([self.claim.target])
        kept, start, wrong, total = [], 0, 0, 0
        for value, tolerance, truth in zip(values, tolerances, truths, strict=False):
            true = truth[self.claim.target][0]
            discrepancy = self._discrepancy(np.broadcast_to(value[0], true.shape), true, tolerance)
            kept.append(discrepancy.some(start))
            wrong, total = wrong + int(discrepancy.wrong.sum()), total + discrepancy.wrong.size
            start += len(true)
        return _join(kept, (wrong, total))

    def _values(self, m: Any) -> Iterator[Array]:
        return over_rows(self.formula, self.shared, lambda: self.truth.in_blocks(self.of_rows), m)

    def _tolerances(self, jitter: Jittered | None) -> Iterator[Array | float]:
        """What rounding may do to the formula, in each block; both sides are granted it."""
        if jitter is None:
            yield from repeat(0.0)
            return
        for samples in self._values(jitter):
            found = self.truth.limits.formula_safety * bound(samples, jitter, 1)
            yield found if self.truth.is_per_row(self.claim.target) else found[0, ...]

    def _discrepancy(self, value: Array, true: Array, tolerance: Array | float) -> Discrepancy:
        value = np.asarray(np.broadcast_to(value, true.shape))
        with np.errstate(all="ignore"):
            size = np.asarray(np.abs(value - true))
            safety = self.truth.limits.rounding_safety
            rounding = unmeasured_rounding(true, self.claim.bits, limits=self.truth.referee.limits)
            wrong = ~(size <= safety * rounding + tolerance)
            known = np.isfinite(value) & np.isfinite(true)
        per_row = self.truth.is_per_row(self.claim.target)
        return Discrepancy(value, true, size, np.asarray(wrong), per_row, known, in_blocks=True)


def _join(parts: Sequence[Discrepancy], counted: tuple[int, int]) -> Discrepancy:
    """Rows of many blocks."""
    def together(name: str) -> Array:
        return np.concatenate([getattr(part, name) for part in parts])

    return replace(
        parts[0], claimed=together("claimed"), true=together("true"), size=together("size"),
        wrong=together("wrong"), known=together("known"), rows=together("rows"), counted=counted,
    )  # fmt: skip


def claimed_value(truth: TrueValues, formula: Graph) -> Array:
    """A claim's formula filled with true values.

    Parameters
    ----------
    truth : the values of the leaves at one point, and the namespace of their numbers
    formula : the right side of the claim

    Returns
    -------
    (1, rows or 1, *shape) in the numbers of `truth`
    """
    leaves = {n.key: truth.leaf(n.key) for n in formula.nodes if n.is_leaf}
    return evaluate(formula, leaves, truth.m)
