"""Reads a model's claims, the points, and the referee. Gives a ClaimResult for each.

A formula is judged at high precision on both sides and at every point, so no question of tolerance is
left. Knows nothing of the witnesses' columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_cli.model.graph import Graph, spell_shape
from gradcheck_cli.model.model import Claim, Misfit, Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.at_kinks import with_sides
from gradcheck_cli.verdicts.claims.claim_samples import Evidence, evidence_of_formula, evidence_of_numbers
from gradcheck_cli.verdicts.claims.context import FAILURES, Court
from gradcheck_cli.verdicts.claims.discrepancy import difference, evaluated
from gradcheck_cli.verdicts.claims.formulas import judge_formula
from gradcheck_cli.verdicts.claims.numbers import (
    WANTED_DIGITS,
    digits_given,
    is_too_wide,
    judge_numbers,
    numbers_of,
)
from gradcheck_cli.verdicts.claims.true_values import At

__all__ = ["Judged", "judge_claims"]

LAYOUTS = ("numerator", "denominator")
_ACCIDENTS = ("right only for", "right only where", "a convention")  # notes of claims that `strict` rejects


@dataclass(frozen=True)
class Judged:
    """All claims of a file, and what is to be said about them together."""

    results: tuple[ClaimResult, ...]
    notes: tuple[str, ...] = ()
    evidence: tuple[tuple[Evidence, ...], ...] = ()  # for each claim, at every point


def judge_claims(
    model: Model,
    claims: Sequence[Claim],
    points: Sequence[tuple[int, Mapping[str, Array]]],
    referee: Referee,
    *,
    layout: str = "auto",
    strict: bool = False,
    carry: bool = False,
    on_border: bool = False,
) -> Judged:
    """Judge every claim at every point; numbers at the given point only.

    `points` are (number, values); `on_border` says that the given point lies on a kink or border, so
    that one-sided slopes decide what is true there.
    """
    chosen, notes = _layout(model, claims, points, referee, layout)
    court = Court(model, referee, [At(n, v) for n, v in points], chosen, on_border)
    results = with_sides(court, claims, [_judged(court, claim) for claim in claims])
    if court.judged_by_rows:
        rows = f"over all {model.rows:,} rows in float64, over {court.few_rows} of them at high precision"
        notes.append(f"formulas were judged {rows}")
    if strict:
        results = [_strictly(result) for result in results]
    evidence = [_evidence_for(court, c, r) for c, r in zip(claims, results, strict=True)]
    if carry:
        results = court.afforded(lambda: _carried(court, claims, results))
    return Judged(tuple(results), tuple(notes), tuple(evidence))


def _strictly(result: ClaimResult) -> ClaimResult:
    accident = any(part.startswith(_ACCIDENTS) for part in (result.note or "").split("; "))
    return replace(result, verdict=Verdict.WRONG) if accident else result


def _layout(
    model: Model, claims: Sequence[Claim], points: Any, referee: Referee, wanted: str
) -> tuple[str, list[str]]:
    """The Jacobian layout of this file: the one in which more of its claims are right."""
    jacobians = [claim for claim in claims if claim.is_jacobian]
    if wanted != "auto" or not jacobians:
        return ("numerator" if wanted == "auto" else wanted), []
    right = {}
    for layout in LAYOUTS:
        court = Court(model, referee, [At(n, v) for n, v in points[:1]], layout, False)
        right[layout] = sum(_judge(court, c).verdict is Verdict.OK for c in jacobians)
    best = max(LAYOUTS, key=lambda name: right[name])
    spelled = {
        "numerator": "J[i,j] = d num_i/d den_j (layout numerator)",
        "denominator": "J[i,j] = d num_j/d den_i, the transpose (layout denominator)",
    }
    return best, [f"Jacobians are read as {spelled[best]}"]


def _judged(court: Court, claim: Claim) -> ClaimResult:
    """The same, as a part of the run."""
    result = _judge(court, claim)
    if court.model.meter is not None:
        court.model.meter.part()
    return result


def _judge(court: Court, claim: Claim) -> ClaimResult:
    """One claim, at all points; when the budget is spent, in float64 if that is enough."""
    with suppress(BudgetSpent):
        result = _by_rows(court, claim) or _tried(court, claim)
        if not court.does_without:
            return result
    why = court.referee.budget.reason
    try:
        result = _tried(court, claim)
    except BudgetSpent:  # the slopes of a kink
        return replace(_unjudged(court.model, claim), verdict=Verdict.UNRESOLVED, note=why)
    if result.verdict is Verdict.UNRESOLVED or (result.verdict is Verdict.OK and _is_open(court, claim)):
        return replace(result, verdict=Verdict.UNRESOLVED, true=None, note=why)
    return result


def _by_rows(court: Court, claim: Claim) -> ClaimResult | None:
    """Over many rows: in float64 over all, at high precision over the first. A formula that is right by
    as much as either can tell is right; where they do not say the same, None. Numbers are judged in float64
    alone, if that is enough."""
    if claim.numbers is not None:
        return _numbers_by_rows(court, claim)
    few = court.over_few(claim)
    if few is None:
        return None
    everywhere, first = _tried(court.doubles, claim), _tried(court.few, few)
    if everywhere.verdict is not first.verdict or first.verdict not in (Verdict.OK, Verdict.WRONG):
        return None
    court.judged_by_rows = True
    return replace(everywhere, note=first.note) if first.verdict is Verdict.OK else everywhere


def _numbers_by_rows(court: Court, claim: Claim) -> ClaimResult | None:
    if not court.has_many_rows:
        return None
    result = _tried(court.doubles, claim)
    known = result.verdict is Verdict.OK and not _is_open(court.doubles, claim)
    return result if known or result.verdict is Verdict.WRONG else None


def _is_open(court: Court, claim: Claim) -> bool:
    """Whether float64 leaves it open at some point if a claim is right: fewer digits are proved than
    are wanted, or given."""
    given = digits_given(claim.text) if claim.numbers is not None else 0
    share = 10.0 ** -min(given or WANTED_DIGITS, WANTED_DIGITS)
    if claim.numbers is not None:
        return is_too_wide(*numbers_of(court, claim), share)
    return any(is_too_wide(*_floats(court, claim, at), share) for at in court.points)


def _floats(court: Court, claim: Claim, at: At) -> tuple[Array, Array, Array]:
    """Claimed and true values, and by how much rounding may have moved them apart."""
    formula = claim.formulas[court.layout]
    assert isinstance(formula, Graph)
    gap = difference(court.knowledge(at), claim, formula)
    rounding = court.rounding(claim, at, gap.true) + court.own_rounding(claim, formula, at)
    return gap.claimed, gap.true, 4 * rounding


def _tried(court: Court, claim: Claim) -> ClaimResult:
    blank = _unjudged(court.model, claim)
    formula = claim.formulas[court.layout]
    if isinstance(formula, Misfit):
        note = formula.message + (f"; {formula.help}" if formula.help else "")
        return replace(blank, verdict=Verdict.WRONG, note=note)
    try:
        if claim.numbers is not None:
            return judge_numbers(court, claim, blank)
        return judge_formula(court, claim, formula, blank)
    except FAILURES:
        note = "it cannot be evaluated here: division by zero or outside a domain"
        return replace(blank, verdict=Verdict.UNRESOLVED, note=note)


def _evidence_for(court: Court, claim: Claim, result: ClaimResult) -> tuple[Evidence, ...]:
    """What a diagnosis may use: a WRONG formula at every point, and beyond the kinks."""
    formula = claim.formulas[court.layout]
    if result.verdict is not Verdict.WRONG or isinstance(formula, Misfit):
        return ()
    if claim.numbers is not None:
        court = court.doubles if court.has_many_rows else court
        return court.afforded(lambda: evidence_of_numbers(court, claim, formula, result))
    if court.has_many_rows or court.knowledge(court.points[0]).streams(claim, formula):
        few = court.for_few(claim)
        if few is not None:  # the mistake is the same
            return _evidence_for(court.few, few, _judge(court.few, few))
        if not court.has_many_rows:
            return ()
    return court.afforded(lambda: evidence_of_formula(court, claim, formula))


def _carried(court: Court, claims: Sequence[Claim], results: Sequence[ClaimResult]) -> list[ClaimResult]:
    """Each claim's value when its derivatives are the author's own, from earlier lines."""
    court = court.doubles if court.has_many_rows else court
    true = court.knowledge(court.points[0])
    knowledge, found = replace(true, known={}), []
    for claim, result in zip(claims, results, strict=True):
        formula = claim.formulas[court.layout]
        if isinstance(formula, Misfit) or claim.numbers is not None:
            found.append(result)
            continue
        value = evaluated(knowledge, formula)
        value = np.asarray(value[0] if knowledge.is_per_row(claim.target) else value[0, 0, ...])
        if claim.target.index is None:
            knowledge.known[claim.target] = value
        place = (*(() if result.row is None else (result.row,)), *(result.index or ()))
        whole = np.broadcast_to(value, np.shape(true.derivative(claim.target)))
        found.append(replace(result, carried=float(whole[place])))
    return found


def _unjudged(model: Model, claim: Claim) -> ClaimResult:
    target = claim.target
    return ClaimResult(
        line=claim.line,
        of=target.of,
        by=target.by + (spell_shape(target.index) if target.index else ""),
        display=claim.display,
        formula=claim.text,
        kind=claim.kind,
        verdict=Verdict.OK,
    )
