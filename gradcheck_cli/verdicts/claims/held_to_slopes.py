"""Reads a claim at a point on a kink or border. Gives its verdict there, by the slopes of both sides.

What is said of slopes is one policy for entries and claims; here it is said of every entry of a claim:
numbers, arrays, rows, files and formulas. Knows nothing of other points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gradcheck_cli.model.graph import Graph, spell_shape
from gradcheck_cli.model.model import Claim
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.results.gradient_results import ClaimResult, Restriction, Verdict
from gradcheck_cli.verdicts.claims.context import FAILURES, ClaimContext, fails, name_of
from gradcheck_cli.verdicts.claims.discrepancy import Discrepancy
from gradcheck_cli.verdicts.claims.true_values import At
from gradcheck_cli.verdicts.kink_policy import Kind, Standing, standing_of

if TYPE_CHECKING:
    from gradcheck_cli.verdicts.claims.one_sided_slopes import OneSided
    from gradcheck_cli.verdicts.claims.tied_entries import TiedEntries

__all__ = ["Held", "fails_off_kinks", "hold_to_slopes", "is_off_beside_kinks", "off_kinks", "verdict_at_kink"]

Place = tuple[int, ...]
Tolerance = Callable[[Array, Array], Array | float]
_WRONG = {
    Kind.KINK: "no derivative here, and yours is not between the slopes",
    Kind.BORDER: "the border of a domain: only the slope of its one side is right",
    Kind.JUMP: "no derivative here: the value jumps, and yours is the slope of no side",
    Kind.INFINITE: "the derivative is infinite here",
}
_RIGHT = {
    Kind.KINK: "no derivative here; your value lies between the left and right slopes",
    Kind.BORDER: "no derivative here: the border of a domain; your value is the slope of its one side",
    Kind.JUMP: "no derivative here: the value jumps",
    Kind.INFINITE: "no derivative here: one slope is infinite; your value lies between the slopes",
}
_BY_ITSELF = "; units at kinks stand behind others: each entry was judged by itself"
_NO_NUMBER = "it cannot be evaluated here: 0/0, infinite, or outside a domain"
_NOTHING_KNOWN = "nothing is known to hold it against: no slope can be had here"


@dataclass(frozen=True)
class Held:
    """A claim beside the slopes of its entries; `discrepancy`: with the derivative as the true value where
    there is one, and the entries wrong that are no slope. `standing`: of the entries that were asked for."""

    discrepancy: Discrepancy
    slopes: OneSided
    standing: dict[Place, Standing]
    tolerance: Array
    tied: TiedEntries | None = None

    def places(self, standing: Standing) -> list[Place]:
        """The entries that stand so, the one whose slopes differ most first."""
        found = [place for place, s in self.standing.items() if s is standing]
        with np.errstate(all="ignore"):
            gaps = np.nan_to_num(np.abs(self.slopes.right - self.slopes.left), nan=0.0)
        return sorted(found, key=lambda place: -float(gaps[place]))

    def at(self, place: Place) -> Discrepancy:
        """The discrepancy with one entry to be shown."""
        shown = np.zeros(self.discrepancy.wrong.shape, dtype=bool)
        shown[place] = True
        return replace(self.discrepancy, wrong=shown)


def hold_to_slopes(
    context: ClaimContext, claim: Claim, discrepancy: Discrepancy, tolerance: Tolerance
) -> Held | None:
    """The claim beside its slopes; None where there are none to ask for: of rows that are too many.

    Parameters
    ----------
    tolerance
        From true values, and the size of slopes where they are two, else nan, how far a right claim may be
        off: (*shape of the claim).

    Raises
    ------
    BudgetSpent
        Each entry costs passes at high precision.
    """
    if discrepancy.in_blocks:
        return None
    from gradcheck_cli.verdicts.claims.tied_entries import tied_entries

    tied = tied_entries(context, claim.target)
    slopes = _slopes(context, claim, discrepancy, tied)
    if not slopes.known.any():
        return None
    kinds = slopes.kinds()
    true = np.array(discrepancy.true)
    for place, kind in kinds.items():
        if kind is Kind.DERIVATIVE:
            true[place] = slopes.left[place]
    scale = np.full(true.shape, np.nan)  # of the slopes, where they are two
    for place, kind in kinds.items():
        if kind is not Kind.DERIVATIVE:
            ends = (slopes.left[place], slopes.right[place])
            scale[place] = max((abs(s) for s in ends if np.isfinite(s)), default=0.0)
    with np.errstate(all="ignore"):
        size = np.abs(discrepancy.claimed - true)
        granted = np.nan_to_num(np.broadcast_to(tolerance(true, scale), true.shape), nan=0.0, posinf=0.0)
    standing = {p: _standing(context, discrepancy, slopes, p, kind, granted) for p, kind in kinds.items()}
    for place in [p for p, s in standing.items() if s is Standing.WRONG and tied is not None]:
        if tied is not None and _is_chosen(tied, discrepancy, place, kinds[place], float(granted[place])):
            standing[place] = Standing.CONVENTION
    wrong = np.array(discrepancy.wrong)
    for place, found in standing.items():
        wrong[place] = found is Standing.WRONG
    found_ones = replace(discrepancy, true=true, size=size, wrong=wrong, known=None, own=None)
    return Held(found_ones, slopes, standing, granted, tied)


def off_kinks(context: ClaimContext, claim: Claim, at: At, discrepancy: Discrepancy) -> Discrepancy:
    """The discrepancy at another point, with those entries wrong that no slope there excuses.

    A unit may be on its kink wherever the parameters are: w*x is 0 for every w where x is 0.
    """
    if claim.target.is_value or not context.on_kink or not discrepancy.wrong.any():
        return discrepancy
    there = ClaimContext(
        context.model, context.referee, [At(0, at.values)], context.layout, False, context.limits
    )
    try:
        if not there.on_kink:
            return discrepancy
    except (*FAILURES, TypeError):  # outside a domain there is no order
        return discrepancy
    held = hold_to_slopes(there, claim, discrepancy, lambda true, scale: 0.0)
    if held is None:
        return discrepancy
    wrong = np.array(held.discrepancy.wrong)
    for place in held.places(Standing.CONVENTION):  # one more convention than that of the true value
        wrong[place] |= discrepancy.wrong[place]
    return replace(held.discrepancy, wrong=wrong)


def fails_off_kinks(
    context: ClaimContext, claim: Claim, formula: Graph, values: Mapping[str, Array]
) -> bool:
    """Whether a formula fails at the given point with other values, kinks that these leave where they are
    apart.

    Parameters
    ----------
    context : the model and its points
    claim, formula : what is claimed, and the graph of its right side
    values : name to float64 array, in place of the point's own

    Returns
    -------
    bool
        False where the formula cannot be evaluated.
    """
    discrepancy = context.discrepancy_with(claim, formula, values)
    return discrepancy is not None and is_off_beside_kinks(context, claim, values, discrepancy)


def is_off_beside_kinks(
    context: ClaimContext, claim: Claim, values: Mapping[str, Array], discrepancy: Discrepancy
) -> bool:
    """Whether what a formula is off by at the given point with other values is more than kinks explain.

    Parameters
    ----------
    context, claim, values : as those of `fails_off_kinks`
    discrepancy : of the claim with these values

    Returns
    -------
    bool
    """
    if not fails(discrepancy, context.limits):
        return False
    at = At(0, context.points[0].values.with_values(values))
    return fails(off_kinks(context, claim, at, discrepancy), context.limits)


def _standing(
    context: ClaimContext, discrepancy: Discrepancy, slopes: OneSided, place: Place, kind: Kind,
    granted: Array,
) -> Standing:  # fmt: skip
    left, right = float(slopes.left[place]), float(slopes.right[place])
    largest = max((abs(slope) for slope in (left, right) if np.isfinite(slope)), default=0.0)
    tolerance = float(granted[place]) + context.limits.same * largest
    claimed, convention = float(discrepancy.claimed[place]), float(discrepancy.true[place])
    return standing_of(claimed, convention, left, right, kind, tolerance)


def _slopes(
    context: ClaimContext, claim: Claim, discrepancy: Discrepancy, tied: TiedEntries | None
) -> OneSided:
    """Slopes that follow from units on kinks; of the other entries that borders reach, or that are not known,
    by differences. Where the units are not known, of those that are off, and of all if they are few."""
    from gradcheck_cli.verdicts.claims.one_sided_slopes import OneSided, one_sided_slopes

    unknown = ~np.isfinite(discrepancy.true)
    if tied is None:
        few = context.on_kink and discrepancy.wrong.size <= context.limits.most_slopes
        asked = np.ones_like(unknown) if few else unknown | discrepancy.wrong
        return one_sided_slopes(context, claim.target, asked)
    known = tied.slopes.known
    found = one_sided_slopes(context, claim.target, (tied.affected | unknown) & ~known)
    left, right = (
        np.where(known, getattr(tied.slopes, side), getattr(found, side)) for side in ("left", "right")
    )
    return OneSided(left, right, found.jumps & ~known, known | found.known)


def _is_chosen(
    tied: TiedEntries, discrepancy: Discrepancy, place: Place, kind: Kind, tolerance: float
) -> bool:
    """Whether some choice of slopes gives an entry, though it lies outside those of both sides."""
    if not tied.affected[place] or (tied.beyond[place] and kind is not Kind.JUMP):
        return False
    low, high, claimed = (float(part[place]) for part in (tied.low, tied.high, discrepancy.claimed))
    return bool(np.isfinite([low, high]).all()) and low - tolerance <= claimed <= high + tolerance


def verdict_at_kink(
    context: ClaimContext, claim: Claim, held: Held, blank: ClaimResult
) -> ClaimResult | None:
    """What the slopes say of a claim; None where every entry is a derivative, and right."""
    if held.discrepancy.wrong.any():
        return _wrong(context, claim, held, blank)
    for standing, shown in (
        (Standing.UNDECIDED, _undecided_result), (Standing.CONVENTION, _convention), (Standing.KINK, _kink),
    ):  # fmt: skip
        places = held.places(standing)
        if places:
            return shown(context, claim, held, places[0], blank)
    return None


def _wrong(context: ClaimContext, claim: Claim, held: Held, blank: ClaimResult) -> ClaimResult:
    result = context.with_worst_entry(blank, held.discrepancy, context.points[0])
    result = context.with_pattern(result, held.discrepancy)
    result = replace(result, verdict=Verdict.WRONG, points_wrong=1)
    place = held.discrepancy.worst()
    kind = held.slopes.kind(place) if held.slopes.known[place] else Kind.DERIVATIVE
    if kind is Kind.DERIVATIVE:
        return result
    size = _size_beyond_float64(context, claim, place) if kind is Kind.INFINITE else None
    told = f"the derivative is {size}, beyond the range of float64" if size else _WRONG[kind]
    note = _name_entry(context, claim, place, result, told)
    return replace(_with_slopes(result, held, place), note=note)


def _size_beyond_float64(context: ClaimContext, claim: Claim, place: Place) -> str | None:
    """A derivative as text that is infinite as a double, and finite at high precision."""
    truth = context.true_values(context.points[0], [claim.target])
    if not truth.exact:
        return None
    exact, high = truth.derivative(claim.target)[place], truth.m.context
    return str(high.nstr(exact, 10)) if high.isfinite(exact) else None


def _undecided_result(
    context: ClaimContext, claim: Claim, held: Held, place: Place, blank: ClaimResult
) -> ClaimResult:
    result = context.with_worst_entry(blank, held.at(place), context.points[0])
    is_number = np.isfinite(held.discrepancy.claimed[place])
    note = _name_entry(context, claim, place, result, _NOTHING_KNOWN if is_number else _NO_NUMBER)
    return replace(result, verdict=Verdict.UNRESOLVED, note=note)


def _convention(
    context: ClaimContext, claim: Claim, held: Held, place: Place, blank: ClaimResult
) -> ClaimResult:
    result = context.with_worst_entry(blank, held.at(place), context.points[0])
    left = float(held.slopes.left[place])
    note = (
        f"a convention: the derivative here is {left:.10g}" if held.slopes.kind(place) is Kind.DERIVATIVE
        else "a convention: no derivative here, and yours is not between the slopes"
    )  # fmt: skip
    result = replace(_with_slopes(result, held, place), verdict=Verdict.KINK, wrong=0)
    note = _name_entry(context, claim, place, result, note)
    return replace(result, note=note, only=(Restriction.CONVENTION,))


def _kink(
    context: ClaimContext, claim: Claim, held: Held, place: Place, blank: ClaimResult
) -> ClaimResult:
    result = context.with_worst_entry(blank, held.at(place), context.points[0])
    note = _name_entry(context, claim, place, result, _RIGHT[held.slopes.kind(place)])
    if held.tied is not None and held.tied.nested:
        note += _BY_ITSELF
    return replace(_with_slopes(result, held, place), verdict=Verdict.KINK, wrong=0, note=note)


def _with_slopes(result: ClaimResult, held: Held, place: Place) -> ClaimResult:
    return replace(result, left=float(held.slopes.left[place]), right=float(held.slopes.right[place]))


def _name_entry(context: ClaimContext, claim: Claim, place: Place, result: ClaimResult, note: str) -> str:
    """A note with the entry that it is about, where there are several."""
    if not place or claim.target.index:
        return note
    return f"{name_of(context.model, result)}{spell_shape(place)}: {note}"
