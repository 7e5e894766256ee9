"""Reads a wrong claim. Gives what a diagnosis may use: what is claimed and what is true at the points, with
other data and beyond the kinks, and what other formulas would give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Derivative, Graph, Key
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.results.gradient_results import ClaimResult
from gradcheck_cli.verdicts.claims.at_kinks import kinks_of
from gradcheck_cli.verdicts.claims.claimed_numbers import numbers_of, unwritten_part
from gradcheck_cli.verdicts.claims.context import FAILURES, ClaimContext
from gradcheck_cli.verdicts.claims.discrepancy import difference
from gradcheck_cli.verdicts.claims.formulas import same_sums
from gradcheck_cli.verdicts.claims.true_values import At, TrueValues, derivatives_in

__all__ = ["ClaimSample", "sample_of_number", "samples_of_formula", "samples_of_numbers", "truth_as_formula"]


@dataclass(frozen=True)
class ClaimSample:
    """What a claim says and what is true at one point, as floats, and the values of the names.

    `model` and `claim` are those of the file, or over some of its rows where these are too many.
    `tolerance`: how far a right claim may be off, entry by entry: 0 at high precision, else what rounding
    explains. `leaf`: the value of a name or a true derivative, with the two leading axes. `accepts`:
    whether another formula would be right here.
    """

    model: Model
    claim: Claim
    claimed: Array
    true: Array
    values: Tape
    formula: Graph
    per_row: bool
    tolerance: Array
    leaf: Callable[[Key], Array]
    accepts: Callable[[Graph], bool]

    def as_claimed(self, value: Array) -> Array:
        """A value with its two leading axes in the form of `claimed` and `true`: the rows first, if any.

        Parameters
        ----------
        value : (1, rows or 1, *shape) of any dtype

        Returns
        -------
        (rows, *shape) or (*shape) of the same dtype
        """
        return np.asarray(value[0] if self.per_row else value[0, 0, ...])


def samples_of_formula(context: ClaimContext, claim: Claim, formula: Graph) -> tuple[ClaimSample, ...]:
    """At every point, with other data, and beyond the kinks of what is differentiated."""
    found = [_sample(context, claim, formula, at) for at in (*context.points, *_other_data(context))]
    if kinks_of(context, claim):
        far = [At(0, _far(context, n)) for n in range(1, context.limits.far_points + 1)]
        found += [e for e in (_sample(context, claim, formula, at) for at in far) if e and _tells(e)]
    return tuple(e for e in found if e is not None)


def samples_of_numbers(
    context: ClaimContext, claim: Claim, formula: Graph, result: ClaimResult
) -> tuple[ClaimSample, ...]:
    """Of an array: its entries are many, and tell as much as points do, where they have digits."""
    sample = sample_of_number(context, claim, formula)
    with np.errstate(all="ignore"):
        told = np.nan_to_num(
            np.log10(np.abs(sample.true) / sample.tolerance), nan=0.0, posinf=0.0, neginf=0.0
        )
    information = np.sum(told, where=told > 1, initial=0.0)
    if result.left is not None or not sample.true.ndim or information < context.limits.least_information:
        return ()
    return (sample,)


def truth_as_formula(context: ClaimContext, claim: Claim) -> Graph:
    """What a claim is about, in place of a formula that cannot be built."""
    of, by = context.model.node(claim.target.of), context.model.node(claim.target.by)
    shapes = of.shape, () if claim.target.index is not None else by.shape
    is_turned = context.layout == "denominator" and len(of.shape) == len(shapes[1]) == 1
    builder = Builder(rows_apart=False)
    shape = shapes[1] + shapes[0] if is_turned else shapes[0] + shapes[1]
    return builder.graph(builder.leaf(claim.target, shape, per_row=of.per_row or by.per_row))


def sample_of_number(context: ClaimContext, claim: Claim, formula: Graph) -> ClaimSample:
    """Numbers beside the true ones at the given point."""
    truth = context.true_values(context.points[0], [claim.target])
    claimed, true, rounding = numbers_of(context, claim)
    tolerance = np.asarray(rounding + unwritten_part(claim, context.limits))

    def leaf(key: Key) -> Array:
        return _leaf(context, context.points[0], truth, key)

    per_row = truth.is_per_row(claim.target)
    return ClaimSample(
        context.model, claim, claimed, true, truth.tape, formula, per_row, tolerance, leaf, lambda _: False
    )


def _sample(context: ClaimContext, claim: Claim, formula: Graph, at: At) -> ClaimSample | None:
    wanted = derivatives_in(claim, formula)
    try:
        exact = context.compare(claim, formula, at) if context.true_values(at, wanted).exact else None
        truth = context.true_values(at, wanted)  # in float64 where the budget ended
        discrepancy = exact if exact and truth.exact else difference(truth, claim, formula)
        rounding = 0.0 if truth.exact else context.rounding(claim, at, discrepancy.true)
        tolerance = context.limits.rounding_safety * rounding
    except FAILURES:
        return None

    def accepts(other: Graph) -> bool:
        budget = context.referee.budget
        if truth.exact and budget.spent:
            return False
        try:
            right = not context.compare(claim, other, at).wrong.any()
        except FAILURES:
            return False
        return right and not (truth.exact and budget.spent)

    return ClaimSample(
        context.model, claim, discrepancy.claimed, discrepancy.true, truth.tape, formula,
        discrepancy.per_row,
        np.broadcast_to(tolerance, discrepancy.true.shape), lambda key: _leaf(context, at, truth, key),
        accepts,
    )  # fmt: skip


def _leaf(context: ClaimContext, at: At, truth: TrueValues, key: Key) -> Array:
    if isinstance(key, Derivative) and key.whole not in truth.known:
        truth = context.true_values(at, [key])
    return floats(truth.leaf(key))


def _far(context: ClaimContext, number: int) -> PointValues:
    """A point on other sides of the kinks."""
    return context.points[0].values.with_values(context.moved_inputs(number, reach=context.limits.far_reach))


def _other_data(context: ClaimContext) -> list[At]:
    """The given point with data and rows moved: what holds for one datum explains nothing.

    Probabilities stay probabilities: arrays whose sums are all the same keep them.
    """
    kinds = ("data", "rows")
    if len(context.points) < 2 or not any(i.kind in kinds for i in context.model.inputs.values()):
        return []
    given = context.points[0].values
    values = {}
    for name, other in context.moved_inputs(1, kinds=kinds).items():
        item = context.model.inputs[name]
        has_sums = bool(item.shape) and not item.assumptions
        same = same_sums(given[name], other, -1, context.limits)[1] if has_sums else None
        values[name] = other if same is None else same
    return [At(0, given.with_values(values))]


def _tells(sample: ClaimSample) -> bool:
    """Whether a point off the beaten track lies in the domain and is not a dead end."""
    finite = np.isfinite(sample.claimed).all() and np.isfinite(sample.true).all()
    return bool(finite and np.any(sample.true != 0))
