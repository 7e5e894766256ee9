"""Reads claims beside kinks. Gives verdicts by the slopes of both sides where rounding hides on which the
point lies, and the claims that are right on one side of a kink only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.model.graph import Graph, Node
from gradcheck_cli.model.model import Claim
from gradcheck_cli.model.primitives.slopes import PRIME
from gradcheck_cli.results.gradient_results import ClaimResult, Restriction, Verdict
from gradcheck_cli.verdicts.claims.context import FAILURES, ClaimContext
from gradcheck_cli.verdicts.claims.discrepancy import Discrepancy
from gradcheck_cli.verdicts.claims.held_to_slopes import is_off_beside_kinks

__all__ = [
    "judge_near_kink",
    "kinks_of",
    "note_sides",
    "other_sides_of",
]  # fmt: skip


def note_sides(
    context: ClaimContext, claims: Sequence[Claim], results: Sequence[ClaimResult]
) -> list[ClaimResult]:
    """The results, with a note where a claim is right on these sides of the kinks only.

    The points of comparison cross no kink: where all units of a layer are active, a missing
    indicator makes no difference at any of them.
    """
    found = list(results)
    waiting = [k for k, claim in enumerate(claims) if _may_be_one_sided(context, claim, results[k])]
    telling = dict.fromkeys(waiting, 0)
    for number in range(1, context.limits.most_far_points + 1):
        if context.referee.budget.spent:
            break
        for k in [k for k, count in telling.items() if count < context.limits.far_points]:
            fails, tells = _test_far_away(context, claims[k], number)
            telling[k] += tells
            if fails:
                functions = ", ".join(kinks_of(context, claims[k]))
                notes = (found[k].note, f"right only for these sides of the kinks of {functions}")
                found[k] = replace(
                    found[k], note="; ".join(filter(None, notes)), only=(*found[k].only, Restriction.SIDE)
                )
                del telling[k]
    return found


def _may_be_one_sided(context: ClaimContext, claim: Claim, result: ClaimResult) -> bool:
    right = result.verdict is Verdict.KINK or (result.verdict is Verdict.OK and not result.only)
    if not right or Restriction.POINT in result.only:
        return False
    at_kink = result.verdict is Verdict.KINK  # a number is a slope of this point, whole or not
    if claim.numbers is not None and (claim.integers is None or context.has_many_rows or at_kink):
        return False
    many = len(context.points) > 1 and context.referee.affords() and not context.referee.budget.spent
    return many and bool(kinks_of(context, claim))


def _test_far_away(context: ClaimContext, claim: Claim, number: int) -> tuple[bool, bool]:
    """Whether a claim fails there, and whether it could: of a derivative that is 0, all factors are
    right."""
    first_rows = context.for_first_rows(claim)
    if first_rows is not None:
        return _test_far_away(context.first_rows, first_rows, number)
    formula = claim.formulas[context.layout]
    there = context.moved_inputs(number, reach=context.limits.far_reach)
    if not isinstance(formula, Graph):
        return False, True
    discrepancy = context.discrepancy_with(claim, formula, there)
    if discrepancy is None:
        return False, False
    failing = is_off_beside_kinks(context, claim, there, discrepancy)
    return failing, bool(np.any(discrepancy.true != 0))


def kinks_of(context: ClaimContext, claim: Claim) -> list[str]:
    """The functions with a kink that the step is made of; where there are none, of the formula."""
    needed = context.model.graph.upstream([context.model.node(claim.target.of).index])
    formula = claim.formulas[context.layout]
    assert isinstance(formula, Graph)
    own = (n for n in context.model.graph.nodes if needed[n.index])
    return _names_at_kinks(own) or _names_at_kinks(formula.nodes)


def judge_near_kink(
    context: ClaimContext, claim: Claim, discrepancy: Discrepancy, blank: ClaimResult
) -> ClaimResult | None:
    """Within rounding of a kink a right program may stand on it, or on its other side: there an entry
    is held against the slopes of both sides. None where no kink is near, or none that matters."""
    target, point = claim.target, context.points[0].values
    node = context.model.node(target.by)
    if context.model.node(target.of).shape or node.per_row or not context.referee.affords():
        return None
    if not context.referee.nodes_across_kinks(point):
        return None
    wrong, shown = np.array(discrepancy.wrong), None
    off, others = ([tuple(p) for p in np.argwhere(m)] for m in (discrepancy.wrong, ~discrepancy.wrong))
    for place in (*off, *others[: max(0, context.limits.most_slopes - len(off))]):
        index = target.index or place
        try:
            pair = context.referee.slopes_beyond_rounding(point, target.of, target.by, index)
        except (*FAILURES, TypeError, IndexError):
            return None
        left, right = (float(np.asarray(s).reshape(-1)[0]) for s in pair)
        tolerance = context.limits.near_kink_slope * max(abs(left), abs(right))
        if abs(left - right) > tolerance:
            shown = shown or (left, right)
            least, most = min(left, right) - tolerance, max(left, right) + tolerance
            wrong[place] = not least <= discrepancy.claimed[place] <= most
    if shown is None:
        return None
    found = replace(discrepancy, wrong=wrong)
    worst = context.with_worst_entry(blank, found, context.points[0])
    result = replace(worst, left=shown[0], right=shown[1], points_total=1)
    near = "within rounding of a kink"
    if wrong.any():
        note = f"{near}; your value is no slope of its two sides, nor between them"
        return replace(context.with_pattern(result, found), verdict=Verdict.WRONG, points_wrong=1, note=note)
    note = f"{near}; your value lies between the slopes of its two sides"
    return replace(result, verdict=Verdict.KINK, note=note)


def other_sides_of(context: ClaimContext) -> list[str]:
    """The functions on another side of whose kink or jump float64 stands, at the given point, than the
    decimals do; none where high precision does not tell."""
    if not context.precision().exact or context.has_many_rows:
        return []
    nodes = context.referee.nodes_on_other_sides(context.points[0].values)
    return _names_at_kinks(nodes)


def _names_at_kinks(nodes: Iterable[Node]) -> list[str]:
    records = (n.primitive for n in nodes if not (n.is_leaf or n.is_literal))
    return sorted({r.infix or r.function.removesuffix(PRIME) for r in records if r.kink is not None})
