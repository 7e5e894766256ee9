"""Reads the claims of a report at a point on kinks. Gives those WRONG that no one choice of slopes makes.

Every unit on a kink, a relu of 0 or a tie of max, has slopes of its own: a program chooses them once, and all
its derivatives follow. What each claim by itself may be, all of them together may not. Where units stand
behind units each entry was judged by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_cli.model.graph import Graph
from gradcheck_cli.model.model import Claim
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.choice_of_slopes import Demand, Outside, slopes_outside
from gradcheck_cli.verdicts.claims.context import FAILURES, ClaimContext
from gradcheck_cli.verdicts.claims.held_to_slopes import Held, hold_to_slopes
from gradcheck_cli.verdicts.claims.numbers import hold_numbers
from gradcheck_cli.verdicts.claims.tied_entries import builds_on_ties
from gradcheck_cli.verdicts.kink_policy import Kind, Standing

__all__ = ["judge_together"]


@dataclass(frozen=True)
class _Tied:
    """What one claim demands of the slopes: the entries at kinks, as a mask, and their demand."""

    number: int
    entries: Array
    demand: Demand


def judge_together(
    context: ClaimContext, claims: Sequence[Claim], results: Sequence[ClaimResult]
) -> list[ClaimResult]:
    """The results, WRONG for claims at kinks that no one choice of slopes gives.

    Raises
    ------
    BudgetSpent
        Derivatives by units at kinks are paid for.
    """
    found = list(results)
    if not claims or context.tied is None:
        return found
    some = [k for k, result in enumerate(results) if _may_be(context, claims[k], result)]
    open_ones = []
    for tied in filter(None, (_demand(context, claims[k], k) for k in some)):
        outside = slopes_outside([tied.demand], context.limits)
        if outside is None:
            open_ones.append(tied)
        else:
            found[tied.number] = _alone(context, claims[tied.number], found[tied.number], tied, outside)
    while len(open_ones) > 1:
        outside = slopes_outside([tied.demand for tied in open_ones], context.limits)
        if outside is None:
            break
        few, outside = _irreducible(context, open_ones, outside)
        for tied in few:
            found[tied.number] = _in_company(context, claims, found[tied.number], tied, few, outside)
        open_ones = [tied for tied in open_ones if tied not in few]
    return found


def _may_be(context: ClaimContext, claim: Claim, result: ClaimResult) -> bool:
    known = result.verdict in (Verdict.OK, Verdict.KINK)
    return known and isinstance(claim.formulas[context.layout], Graph) and not builds_on_ties(context, claim)


def _demand(context: ClaimContext, claim: Claim, number: int) -> _Tied | None:
    """What a claim demands; None where no unit has a part in it, or units stand behind units."""
    held = _hold(context, claim)
    tied = held.tied if held else None
    if held is None or tied is None or tied.nested or not tied.affine.units:
        return None
    mask = np.array(tied.affected & ~tied.beyond)
    for place, standing in held.standing.items():
        if standing is Standing.RIGHT and held.slopes.kind(place) is Kind.DERIVATIVE:
            mask[place] = False
    if not mask.any():
        return None
    claimed = held.discrepancy.claimed[mask]
    tolerance = held.tolerance[mask] + context.limits.same * np.abs(claimed)
    demand = Demand(claimed, tolerance, tied.base[mask], tied.columns[:, mask].T, tied.affine.units)
    return _Tied(number, mask, demand)


def _hold(context: ClaimContext, claim: Claim) -> Held | None:
    """A claim beside the slopes."""
    if claim.numbers is not None:
        return hold_numbers(context, claim)
    formula = claim.formulas[context.layout]
    assert isinstance(formula, Graph)
    try:
        here = context.compare(claim, formula, context.points[0])
    except FAILURES:
        return None
    return hold_to_slopes(context, claim, here, lambda true, scale: 0.0)


def _irreducible(
    context: ClaimContext, tied: Sequence[_Tied], outside: Outside
) -> tuple[list[_Tied], Outside]:
    """Some of the claims that contradict one another, none of which can be left out."""
    few = list(tied)
    for one in tied:
        others = [other for other in few if other is not one]
        found = slopes_outside([other.demand for other in others], context.limits) if others else None
        if found is not None:
            few, outside = others, found
    return few, outside


# ---------------------------------------------------------------------------------------------
# What is said
# ---------------------------------------------------------------------------------------------


def _alone(
    context: ClaimContext, claim: Claim, result: ClaimResult, tied: _Tied, outside: Outside
) -> ClaimResult:
    told = _along(context, [claim], [tied], outside, "yours says")
    return _wrong(result, tied, f"no one choice of slopes at the kinks gives all its entries{told}")


def _in_company(
    context: ClaimContext, claims: Sequence[Claim], result: ClaimResult, tied: _Tied, few: Sequence[_Tied],
    outside: Outside,
) -> ClaimResult:
    lines = sorted({claims[other.number].line for other in few if other is not tied})
    others = f"line{'' if len(lines) == 1 else 's'} {', '.join(map(str, lines))}"
    told = _along(context, [claims[other.number] for other in few], few, outside, "yours say")
    return _wrong(result, tied, f"no one choice of slopes at the kinks gives this and {others}{told}")


def _wrong(result: ClaimResult, tied: _Tied, note: str) -> ClaimResult:
    total = max(1, result.points_total)
    return replace(
        result, verdict=Verdict.WRONG, wrong=int(tied.entries.sum()), points_wrong=1, points_total=total,
        note=note, only=(),
    )  # fmt: skip


def _along(
    context: ClaimContext, claims: Sequence[Claim], tied: Sequence[_Tied], outside: Outside, yours: str
) -> str:
    """A direction in which the slope is known, and what the claims say of it; "" where it is long to tell."""
    names, weights = [], list[float]()
    for claim, one, own in zip(claims, tied, outside.weights, strict=True):
        if context.model.node(claim.target.of).shape or one.entries.ndim > 1:
            return ""
        full = np.zeros(one.entries.shape)
        full[one.entries] = own
        names.append(context.model.display(claim.target.by) + _index(claim))
        weights += [float(w) for w in np.ravel(full)]
    if len(weights) > context.limits.longest_direction or len({claim.target.of for claim in claims}) > 1:
        return ""
    direction = f"({','.join(f'{w:.4g}' for w in weights)})"
    where = f"along {direction}" if len(names) == 1 else f"along ({', '.join(names)}) = {direction}"
    if len(weights) == 1 or outside.low <= outside.claimed <= outside.high:  # these are bounds of the slopes
        return ""
    size = max(abs(outside.low), abs(outside.high), 1.0)
    close = outside.high - outside.low <= context.limits.feasible * size
    low, high = f"{outside.low:.6g}", f"{outside.high:.6g}"
    slope = f"is {high}" if close else f"lies between {low} and {high}"
    return f": {where} the slope {slope}, {yours} {outside.claimed:.6g}"


def _index(claim: Claim) -> str:
    index = claim.target.index
    return "" if not index else f"[{','.join(map(str, index))}]"
