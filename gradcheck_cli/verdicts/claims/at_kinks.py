"""Reads claims at kinks and borders. Gives verdicts by the slopes of both sides, and the claims that are
right on one side of a kink only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.model.graph import Graph, Node, spell_shape
from gradcheck_cli.model.model import Claim
from gradcheck_cli.results.gradient_results import ClaimResult, Restriction, Verdict
from gradcheck_cli.verdicts.claims.context import FAILURES, ClaimContext, fails, name_of
from gradcheck_cli.verdicts.claims.discrepancy import Discrepancy

__all__ = [
    "clear_kinks",
    "judge_at_kink",
    "judge_near_kink",
    "kinks_of",
    "note_sides",
]  # fmt: skip


def judge_at_kink(
    context: ClaimContext,
    claim: Claim,
    discrepancy: Discrepancy,
    blank: ClaimResult,
    *,
    elsewhere: bool = False,
) -> ClaimResult | None:
    """At a kink: accepted if every entry lies between its left and right slopes, or is what a formula
    that is right `elsewhere` gives by the convention at the kink."""
    node = context.model.node(claim.target.by)
    if context.model.node(claim.target.of).shape or node.per_row or discrepancy.in_blocks:
        return None
    kinks, jumps, border = 0, False, False
    shown: tuple[float, float] | None = None
    at: tuple[int, ...] = ()
    asked = discrepancy.wrong if discrepancy.wrong.any() else np.isfinite(discrepancy.true)
    for entry in np.argwhere(asked)[: context.limits.most_slopes]:
        pair = context.slopes(claim.target, entry)
        if pair is None:
            return None
        left, right = pair
        value = discrepancy.claimed[tuple(entry)] if discrepancy.claimed.ndim else float(discrepancy.claimed)
        if not np.isfinite([left, right]).all():  # a jump, a vertical tangent, or one side only
            jumps, border = True, border or bool(np.isnan([left, right]).any())
            shown, at = (shown, at) if shown else ((left, right), tuple(entry))
            continue
        tolerance = context.limits.same * max(abs(left), abs(right))
        if not min(left, right) - tolerance <= value <= max(left, right) + tolerance:
            if discrepancy.wrong.any() and not elsewhere:
                return None
            note = (
                f"a convention: the derivative here is {left:.10g}" if abs(left - right) <= tolerance
                else "a convention: no derivative here, and yours is not between the slopes"
            )  # fmt: skip
            verdict = Verdict.KINK if elsewhere else Verdict.WRONG
            return replace(
                context.with_worst_entry(blank, discrepancy, context.points[0]), verdict=verdict, true=left,
                left=left, right=right, wrong=0 if elsewhere else 1,
                note=note + ("; right at the other points" if elsewhere else ""),
                only=(Restriction.CONVENTION,) if elsewhere else (),
            )  # fmt: skip
        if abs(left - right) > tolerance or shown is None:
            shown, at = (left, right), tuple(entry)
        kinks += abs(left - right) > tolerance
    if shown is None:
        return None
    verdict = Verdict.KINK if kinks or jumps else Verdict.OK
    note = "no derivative here; your value lies between the left and right slopes"
    if jumps:
        note = "no derivative here: " + ("the border of a domain" if border else "no slope is finite")
    there = np.zeros(discrepancy.wrong.shape, dtype=bool)
    there[at] = True
    worst = context.with_worst_entry(blank, replace(discrepancy, wrong=there), context.points[0])
    if at and not claim.target.index:
        note = f"{name_of(context.model, worst)}{spell_shape(at)}: {note}"
    return replace(
        worst, verdict=verdict, wrong=0,
        note=note if kinks or jumps else None, left=shown[0], right=shown[1],
    )  # fmt: skip


def clear_kinks(context: ClaimContext, claim: Claim, discrepancy: Discrepancy) -> Discrepancy:
    """The discrepancy without the entries that lie between the slopes of a kink, where others are wrong."""
    node, wrong = context.model.node(claim.target.by), np.array(discrepancy.wrong)
    if context.model.node(claim.target.of).shape or node.per_row:
        return discrepancy
    for entry in np.argwhere(wrong)[: context.limits.most_slopes]:
        pair = context.slopes(claim.target, entry)
        if pair is not None and min(pair) <= discrepancy.claimed[tuple(entry)] <= max(pair):
            wrong[tuple(entry)] = False
    return replace(discrepancy, wrong=wrong)


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
    if claim.numbers is not None and (claim.integers is None or context.has_many_rows):
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
    there = context.moved(number, reach=context.limits.far_reach)
    if not isinstance(formula, Graph):
        return False, True
    discrepancy = context.discrepancy_with(claim, formula, there)
    if discrepancy is None:
        return False, False
    return fails(discrepancy, context.limits), bool(np.any(discrepancy.true != 0))


def kinks_of(context: ClaimContext, claim: Claim) -> list[str]:
    """The functions with a kink that the step is made of; where there are none, of the formula."""
    needed = context.model.graph.upstream([context.model.node(claim.target.of).index])
    formula = claim.formulas[context.layout]
    assert isinstance(formula, Graph)
    own = (n for n in context.model.graph.nodes if needed[n.index])
    return _kinked(own) or _kinked(formula.nodes)


def judge_near_kink(
    context: ClaimContext, claim: Claim, discrepancy: Discrepancy, blank: ClaimResult
) -> ClaimResult | None:
    """Within rounding of a kink a right program may stand on it, or on its other side: there an entry
    is held against the slopes of both sides. None where no kink is near, or none that matters."""
    target, point = claim.target, context.points[0].values
    node = context.model.node(target.by)
    if context.model.node(target.of).shape or node.per_row or not context.referee.affords():
        return None
    if not context.referee.astride(point):
        return None
    wrong, shown = np.array(discrepancy.wrong), None
    for place in list(np.ndindex(discrepancy.wrong.shape))[: context.limits.most_slopes]:
        index = target.index or place
        try:
            pair = context.referee.beside(point, target.of, target.by, index)
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


def _kinked(nodes: Iterable[Node]) -> list[str]:
    records = (n.primitive for n in nodes if not (n.is_leaf or n.is_literal))
    return sorted({r.infix or r.function for r in records if r.kink is not None})
