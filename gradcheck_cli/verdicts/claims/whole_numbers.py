"""Reads derivatives that are claimed as whole numbers. Gives verdicts: right where the given point meets them
exactly, with a note on what the other points say.

Knows nothing of formulas.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck_cli.model.graph import Graph
from gradcheck_cli.model.model import Claim
from gradcheck_cli.results.gradient_results import ClaimResult, Restriction, Verdict
from gradcheck_cli.verdicts.claims.context import FAILURES, ClaimContext
from gradcheck_cli.verdicts.claims.discrepancy import Discrepancy
from gradcheck_cli.verdicts.claims.formulas import are_roundings, right_for_data
from gradcheck_cli.verdicts.claims.numbers import judge_numbers
from gradcheck_cli.verdicts.claims.true_values import At

__all__ = ["judge_whole_numbers"]


def judge_whole_numbers(
    context: ClaimContext, claim: Claim, formula: Graph, blank: ClaimResult
) -> ClaimResult:
    """`blank`, filled in: as other numbers are, but to the last digit that can be known."""
    result = judge_numbers(context, claim, blank)
    if result.verdict is Verdict.OK:
        result = _compare_exactly(context, claim, formula, result)
    if result.verdict is Verdict.UNRESOLVED:
        return result
    if result.verdict is Verdict.WRONG:
        return replace(result, note=result.note or _describe_rounding(result))
    if claim.target.is_value:  # it is of the given point
        return result
    return _at_other_points(context, claim, formula, result)


def _compare_exactly(
    context: ClaimContext, claim: Claim, formula: Graph, result: ClaimResult
) -> ClaimResult:
    """The result without what float64's rounding granted, where high precision knows more."""
    at = context.points[0]
    if not context.true_values(at).exact:
        return result
    result, found = replace(result, note=None), _compare(context, claim, formula, at)
    if found is None or not found.is_known():
        return result  # right, or 0/0 in this formula, where slopes have decided
    if context.on_kink and not found.is_small(context.limits):
        return result  # at a kink, too
    if are_roundings(context, claim, formula, [(at, found)]):
        return replace(result, note=f"right but for the rounding of the values, {found.size.max():.1e}")
    worst = context.with_worst_entry(result, found, at)
    note = found.unseen_gap() if worst.claimed == worst.true else None
    return replace(context.with_pattern(worst, found), verdict=Verdict.WRONG, points_wrong=1, note=note)


def _at_other_points(
    context: ClaimContext, claim: Claim, formula: Graph, result: ClaimResult
) -> ClaimResult:
    """The result with a note where it is no constant; of 0, which derivatives often are, always."""
    found = [_compare(context, claim, formula, at) for at in context.points[1:]]
    others = [discrepancy for discrepancy in found if discrepancy is not None]
    here = f"{claim.text if len(claim.text) <= context.limits.longest_quoted else 'right'} at this point"
    note, only = None, result.only
    if any(discrepancy.wrong.any() and discrepancy.is_known() for discrepancy in others):
        note = f"{here}; it is no constant"
        if result.verdict is Verdict.OK:  # a slope at a kink is one of this point, whole or not
            only = (*only, Restriction.POINT)
    elif result.verdict is Verdict.OK and (datum := right_for_data(context, claim, formula)) is not None:
        note, only = datum, (*only, Restriction.DATA)
    elif not np.any(claim.numbers):
        elsewhere = "other" if len(others) == 1 else f"{len(others)} others"
        note = f"{here}, and at the {elsewhere}" if others else here
    return replace(result, note="; ".join(filter(None, (result.note, note))) or None, only=only)


def _compare(context: ClaimContext, claim: Claim, formula: Graph, at: At) -> Discrepancy | None:
    """How far the numbers are off at a point; None where nothing can be known there."""
    try:
        return context.compare(claim, formula, at)
    except FAILURES:
        return None


def _describe_rounding(result: ClaimResult) -> str | None:
    """What is said of a true value that was rounded to a whole number."""
    if not result.claimed or result.true is None or result.left is not None:
        return None
    if not 0 < abs(result.true - result.claimed) <= 0.5:
        return None
    return f"whole numbers are met exactly; {result.true:.3g} would be judged to the digits written"
