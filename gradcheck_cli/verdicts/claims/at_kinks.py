"""Reads claims at kinks and borders. Gives verdicts by the slopes of both sides, and the claims that are
right on one side of a kink only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.model.graph import Graph, Node, spell_shape
from gradcheck_cli.model.model import Claim
from gradcheck_cli.model.random_points import moved
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.context import FAILURES, Court, fails, name_of
from gradcheck_cli.verdicts.claims.discrepancy import Gap

__all__ = [
    "FAR", "FAR_POINTS", "MOST_SLOPES", "judge_at_kink", "judge_beside_kink", "kinks_of", "with_sides",
    "without_kinks",
]  # fmt: skip

MOST_SLOPES = 40  # entries of a claim whose one-sided slopes are computed at a kink
FAR, FAR_POINTS = 6.0, 16  # parameters times -2 to 4: a third of them changes sign
_MOST_FAR = 64  # points, of which so many as FAR_POINTS have a derivative that is not 0
_BESIDE = 1e-9  # relative, of slopes known to 11 digits


def judge_at_kink(
    court: Court, claim: Claim, gap: Gap, blank: ClaimResult, *, elsewhere: bool = False
) -> ClaimResult | None:
    """At a kink: accepted if every entry lies between its left and right slopes, or is what a formula
    that is right `elsewhere` gives by the convention at the kink."""
    node = court.model.node(claim.target.by)
    if court.model.node(claim.target.of).shape or node.per_row or gap.in_blocks:
        return None
    kinks, jumps, border = 0, False, False
    shown: tuple[float, float] | None = None
    at: tuple[int, ...] = ()
    for entry in np.argwhere(gap.wrong if gap.wrong.any() else np.isfinite(gap.true))[:MOST_SLOPES]:
        pair = court.slopes(claim.target, entry)
        if pair is None:
            return None
        left, right = pair
        value = gap.claimed[tuple(entry)] if gap.claimed.ndim else float(gap.claimed)
        if not np.isfinite([left, right]).all():  # a jump, a vertical tangent, or one side only
            jumps, border = True, border or bool(np.isnan([left, right]).any())
            shown, at = (shown, at) if shown else ((left, right), tuple(entry))
            continue
        room = 1e-12 * max(abs(left), abs(right))
        if not min(left, right) - room <= value <= max(left, right) + room:
            if gap.wrong.any() and not elsewhere:
                return None
            note = (
                f"a convention: the derivative here is {left:.10g}" if abs(left - right) <= room
                else "a convention: no derivative here, and yours is not between the slopes"
            )  # fmt: skip
            verdict = Verdict.KINK if elsewhere else Verdict.WRONG
            return replace(
                court.placed(blank, gap, court.points[0]), verdict=verdict, true=left,
                left=left, right=right, wrong=0 if elsewhere else 1,
                note=note + ("; right at the other points" if elsewhere else ""),
            )  # fmt: skip
        if abs(left - right) > room or shown is None:
            shown, at = (left, right), tuple(entry)
        kinks += abs(left - right) > room
    if shown is None:
        return None
    verdict = Verdict.KINK if kinks or jumps else Verdict.OK
    note = "no derivative here; your value lies between the left and right slopes"
    if jumps:
        note = "no derivative here: " + ("the border of a domain" if border else "no slope is finite")
    there = np.zeros(gap.wrong.shape, dtype=bool)
    there[at] = True
    placed = court.placed(blank, replace(gap, wrong=there), court.points[0])
    if at and not claim.target.index:
        note = f"{name_of(court.model, placed)}{spell_shape(at)}: {note}"
    return replace(
        placed, verdict=verdict, wrong=0,
        note=note if kinks or jumps else None, left=shown[0], right=shown[1],
    )  # fmt: skip


def without_kinks(court: Court, claim: Claim, gap: Gap) -> Gap:
    """The gap without the entries that lie between the slopes of a kink, where others are wrong."""
    node, wrong = court.model.node(claim.target.by), np.array(gap.wrong)
    if court.model.node(claim.target.of).shape or node.per_row:
        return gap
    for entry in np.argwhere(wrong)[:MOST_SLOPES]:
        pair = court.slopes(claim.target, entry)
        if pair is not None and min(pair) <= gap.claimed[tuple(entry)] <= max(pair):
            wrong[tuple(entry)] = False
    return replace(gap, wrong=wrong)


def with_sides(court: Court, claims: Sequence[Claim], results: Sequence[ClaimResult]) -> list[ClaimResult]:
    """The results, with a note where a claim is right on these sides of the kinks only.

    The points of comparison cross no kink: where all units of a layer are active, a missing
    indicator makes no difference at any of them.
    """
    found = list(results)
    waiting = [k for k, claim in enumerate(claims) if _may_be_one_sided(court, claim, results[k])]
    telling = dict.fromkeys(waiting, 0)
    for number in range(1, _MOST_FAR + 1):
        if court.referee.budget.spent:
            break
        for k in [k for k, count in telling.items() if count < FAR_POINTS]:
            fails, tells = _far_away(court, claims[k], number)
            telling[k] += tells
            if fails:
                functions = ", ".join(kinks_of(court, claims[k]))
                notes = (found[k].note, f"right only for these sides of the kinks of {functions}")
                found[k] = replace(found[k], note="; ".join(filter(None, notes)))
                del telling[k]
    return found


def _may_be_one_sided(court: Court, claim: Claim, result: ClaimResult) -> bool:
    right = result.verdict is Verdict.KINK or (result.verdict is Verdict.OK and not result.note)
    if not right or claim.numbers is not None:
        return False
    many = len(court.points) > 1 and court.referee.affords() and not court.referee.budget.spent
    return many and bool(kinks_of(court, claim))


def _far_away(court: Court, claim: Claim, number: int) -> tuple[bool, bool]:
    """Whether a claim fails there, and whether it could: of a derivative that is 0, all factors are
    right."""
    few = court.over_few(claim)
    if few is not None:
        return _far_away(court.few, few, number)
    formula = claim.formulas[court.layout]
    there = moved(court.model, number, reach=FAR)
    if not isinstance(formula, Graph):
        return False, True
    gap = court.gap_with(claim, formula, there, f"far {number}")
    return gap is not None and fails(gap), gap is not None and bool(np.any(gap.true != 0))


def kinks_of(court: Court, claim: Claim) -> list[str]:
    """The functions with a kink that the step is made of; where there are none, of the formula."""
    needed = court.model.graph.upstream([court.model.node(claim.target.of).index])
    formula = claim.formulas[court.layout]
    assert isinstance(formula, Graph)
    own = (n for n in court.model.graph.nodes if needed[n.index])
    return _kinked(own) or _kinked(formula.nodes)


def judge_beside_kink(court: Court, claim: Claim, gap: Gap, blank: ClaimResult) -> ClaimResult | None:
    """Within rounding of a kink a right program may stand on it, or on its other side: there an entry
    is held against the slopes of both sides. None where no kink is near, or none that matters."""
    target, point = claim.target, court.points[0].values
    node = court.model.node(target.by)
    if court.model.node(target.of).shape or node.per_row or not court.referee.affords():
        return None
    if not court.referee.astride(point):
        return None
    wrong, shown = np.array(gap.wrong), None
    for place in list(np.ndindex(gap.wrong.shape))[:MOST_SLOPES]:
        index = target.index or place
        try:
            pair = court.referee.beside(point, target.of, target.by, index)
        except (*FAILURES, TypeError, IndexError):
            return None
        left, right = (float(np.asarray(s).reshape(-1)[0]) for s in pair)
        room = _BESIDE * max(abs(left), abs(right))
        if abs(left - right) > room:
            shown = shown or (left, right)
            wrong[place] = not min(left, right) - room <= gap.claimed[place] <= max(left, right) + room
    if shown is None:
        return None
    found = replace(gap, wrong=wrong)
    placed = court.placed(blank, found, court.points[0])
    result = replace(placed, left=shown[0], right=shown[1], points_total=1)
    edge = "within rounding of a kink"
    if wrong.any():
        note = f"{edge}; your value is no slope of its two sides, nor between them"
        return replace(court.located(result, found), verdict=Verdict.WRONG, points_wrong=1, note=note)
    note = f"{edge}; your value lies between the slopes of its two sides"
    return replace(result, verdict=Verdict.KINK, note=note)


def _kinked(nodes: Iterable[Node]) -> list[str]:
    records = (n.primitive for n in nodes if not (n.is_leaf or n.is_literal))
    return sorted({r.infix or r.function for r in records if r.kink is not None})
