"""Reads a model's claims, the points, and the referee. Gives a ClaimResult for each.

A formula is judged at high precision on both sides and at every point, so no question of tolerance is
left. Knows nothing of the methods' columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gradcheck_cli.model.graph import Graph, spell_shape
from gradcheck_cli.model.model import Claim, Misfit, Model
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.numerics.machine import spell_bytes
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import ClaimResult, Restriction, Verdict
from gradcheck_cli.verdicts.claims.at_kinks import note_sides
from gradcheck_cli.verdicts.claims.context import FAILURES, ClaimContext
from gradcheck_cli.verdicts.claims.discrepancy import claimed_value, difference
from gradcheck_cli.verdicts.claims.formulas import judge_formula
from gradcheck_cli.verdicts.claims.grounds import Grounds, in_lines
from gradcheck_cli.verdicts.claims.known_values import CLAIMS
from gradcheck_cli.verdicts.claims.true_values import At, derivatives_in

if TYPE_CHECKING:
    from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample

__all__ = [
    "LAYOUTS", "Judged", "judge_as_meant", "judge_claims", "refuse", "samples_for", "unless_circular",
    "with_format", "with_reading",
]  # fmt: skip

LAYOUTS = ("numerator", "denominator")
_IN_FLOAT32 = "judged as float32: each entry is {}"


@dataclass(frozen=True)
class Judged:
    """All claims of a file, and what is to be said about them together."""

    results: tuple[ClaimResult, ...]
    grounds: Grounds
    notes: tuple[str, ...] = ()
    samples: tuple[tuple[ClaimSample, ...], ...] = ()  # for each claim, at every point
    claims: tuple[Claim, ...] = ()  # in the formats in which they were judged
    layout: str = LAYOUTS[0]


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
    limits: ClaimsLimits = CLAIMS,
    done: Callable[[], None] = lambda: None,
) -> Judged:
    """Judge every claim at every point; numbers at the given point only.

    Parameters
    ----------
    model : the graph
    claims : what the author says of derivatives
    points : (number, name to float64 array); the given point is number 0
    referee : the reference at high precision
    layout : "auto", or the layout of Jacobians that the author uses
    strict : whether a claim that is right at the given point alone is rejected
    carry : whether each claim is also evaluated with the derivatives of the author's own earlier lines
    on_border : whether the given point lies on a kink or border, so that one-sided slopes decide what is true
    limits : tolerances and work limits
    done : called after each claim

    Returns
    -------
    Judged
        A result, notes and samples for each claim, in their order.
    """
    places = [At(number, PointValues.of(values)) for number, values in points]
    chosen, notes = _layout(model, claims, places, referee, layout, limits)
    context = ClaimContext(model, referee, places, chosen, on_border, limits)
    judged = [_judge_and_count(context, claim, done) for claim in claims]
    claims, alone = [claim for claim, _ in judged], [result for _, result in judged]
    results = note_sides(context, claims, _together(context, claims, alone))
    if context.judged_by_rows:
        few = context.first_row_count
        rows = f"over all {model.rows:,} rows in float64, over {few} of them at high precision"
        notes.append(f"formulas were judged {rows}")
    results = [with_format(c, r) for c, r in zip(claims, results, strict=True)]
    if strict:
        results = [refuse(r) if r.only else r for r in results]
    grounds = Grounds(model, claims, chosen, limits)
    results = [unless_circular(grounds.circles.get(k), r) for k, r in enumerate(results)]
    results = [with_reading(c.readings.get(chosen, ""), r) for c, r in zip(claims, results, strict=True)]
    samples = [
        () if strict and r.only else samples_for(context, c, r)
        for c, r in zip(claims, results, strict=True)
    ]
    if carry:
        results = _carry(context, claims, results)
    return Judged(tuple(results), grounds, tuple(notes), tuple(samples), tuple(claims), chosen)


def refuse(result: ClaimResult) -> ClaimResult:
    """A claim that is right under a restriction alone, as --strict has it."""
    if result.verdict is Verdict.WRONG:
        return result
    note = "; ".join(filter(None, (result.note, "--strict refuses that")))
    return replace(result, verdict=Verdict.WRONG, note=note)


def unless_circular(circle: list[int] | None, result: ClaimResult) -> ClaimResult:
    """The result; of a claim that says nothing, because it rests on itself, UNRESOLVED unless it is WRONG."""
    if circle is None or result.verdict in (Verdict.WRONG, Verdict.UNRESOLVED):
        return result
    note = f"rests on itself ({in_lines(circle)})"
    return replace(result, verdict=Verdict.UNRESOLVED, note=note, only=())


def with_reading(reading: str, result: ClaimResult) -> ClaimResult:
    """The result with how a right side of another shape was read; of a WRONG one only where nothing else can
    be said."""
    if not reading or result.verdict in (Verdict.WRONG, Verdict.UNRESOLVED):
        return replace(result, reading=reading)
    return replace(result, reading=reading, note="; ".join(filter(None, (result.note, reading))))


def _together(
    context: ClaimContext, claims: Sequence[Claim], results: Sequence[ClaimResult]
) -> list[ClaimResult]:
    """The results, once more for all claims at kinks together; where the budget does not reach, open."""
    try:
        if not claims or context.tied is None:
            return list(results)
        from gradcheck_cli.verdicts.claims.judge_together import judge_together

        return judge_together(context, claims, results)
    except BudgetSpent:
        note = context.referee.budget.reason
        at_kinks = [r.verdict is Verdict.KINK for r in results]
        return [
            replace(r, verdict=Verdict.UNRESOLVED, note=note) if kink else r
            for r, kink in zip(results, at_kinks, strict=True)
        ]


def _layout(
    model: Model, claims: Sequence[Claim], points: Sequence[At], referee: Referee, wanted: str,
    limits: ClaimsLimits,
) -> tuple[str, list[str]]:
    """The Jacobian layout of this file: the one in which more of its claims are right."""
    jacobians = [claim for claim in claims if claim.is_jacobian]
    if wanted != "auto" or not jacobians:
        return ("numerator" if wanted == "auto" else wanted), []
    right = {}
    for layout in LAYOUTS:
        context = ClaimContext(model, referee, list(points[:1]), layout, False, limits)
        right[layout] = sum(judge_as_meant(context, c)[1].verdict is Verdict.OK for c in jacobians)
    best = max(LAYOUTS, key=lambda name: right[name])
    spelled = {
        "numerator": "J[i,j] = d num_i/d den_j (layout numerator)",
        "denominator": "J[i,j] = d num_j/d den_i, the transpose (layout denominator)",
    }
    return best, [f"Jacobians are read as {spelled[best]}"]


def _judge_and_count(
    context: ClaimContext, claim: Claim, done: Callable[[], None]
) -> tuple[Claim, ClaimResult]:
    """The same, as a part of the run."""
    found = judge_as_meant(context, claim)
    done()
    return found


def judge_as_meant(context: ClaimContext, claim: Claim) -> tuple[Claim, ClaimResult]:
    """One claim and its result; in float32 if its numbers are such, and are not right as they are written."""
    result = _judge(context, claim)
    is_right = result.verdict in (Verdict.OK, Verdict.KINK) and not result.only
    if is_right or not claim.is_in_float32 or isinstance(claim.formulas[context.layout], Misfit):
        return claim, result
    narrow = replace(claim, bits=SIGNIFICANDS["float32"], half_units=None)  # no digit is left out
    return narrow, _judge(context, narrow)


def with_format(claim: Claim, result: ClaimResult) -> ClaimResult:
    """The result with a note where float32 was guessed, and where it is right, with that restriction."""
    if not claim.is_in_float32 or claim.bits > SIGNIFICANDS["float32"]:
        return result
    are_values = np.array_equal(np.asarray(claim.numbers, dtype=np.float32), np.asarray(claim.numbers))
    said = _IN_FLOAT32.format("one" if are_values else "the shortest text of one")
    result = replace(result, note="; ".join(filter(None, (said, result.note))))
    is_right = result.verdict in (Verdict.OK, Verdict.KINK)
    return replace(result, only=(*result.only, Restriction.FORMAT)) if is_right else result


def _judge(context: ClaimContext, claim: Claim) -> ClaimResult:
    """One claim, at all points; when the budget is spent, in float64 if that is enough."""
    needed = context.bytes_of(claim.target)
    if needed > context.memory:
        note = (
            f"the derivative takes {spell_bytes(needed)}, and --memory allows {spell_bytes(context.memory)}; "
            "claim single entries, or raise it"
        )
        return replace(blank_result(context.model, claim), verdict=Verdict.UNRESOLVED, note=note)
    try:
        result = _by_rows(context, claim) or _judge_once(context, claim)
    except BudgetSpent:  # the slopes of a kink
        note = context.referee.budget.reason
        return replace(blank_result(context.model, claim), verdict=Verdict.UNRESOLVED, note=note)
    if not context.lacks_precision:
        return result
    if result.verdict is Verdict.UNRESOLVED or (result.verdict is Verdict.OK and _is_open(context, claim)):
        why = context.referee.budget.reason
        return replace(result, verdict=Verdict.UNRESOLVED, true=None, note=why)
    return result


def _by_rows(context: ClaimContext, claim: Claim) -> ClaimResult | None:
    """Over many rows: in float64 over all, at high precision over the first. A formula that is right by
    as much as either can tell is right; where they do not say the same, None. Numbers are judged in float64
    alone, if that is enough."""
    if claim.numbers is not None:
        return _numbers_by_rows(context, claim)
    first_rows = context.for_first_rows(claim)
    if first_rows is None:
        return None
    everywhere, first = _judge_once(context.in_float64, claim), _judge_once(context.first_rows, first_rows)
    if everywhere.verdict is not first.verdict or first.verdict not in (Verdict.OK, Verdict.WRONG):
        return None
    if context.lacks_precision:  # the first rows were not judged at high precision
        return None
    context.judged_by_rows = True
    is_ok = first.verdict is Verdict.OK
    return replace(everywhere, note=first.note, only=first.only) if is_ok else everywhere


def _numbers_by_rows(context: ClaimContext, claim: Claim) -> ClaimResult | None:
    if not context.has_many_rows:
        return None
    result = _judge_once(context.in_float64, claim)
    known = result.verdict is Verdict.OK and not _is_open(context.in_float64, claim)
    return result if known or result.verdict is Verdict.WRONG else None


def _is_open(context: ClaimContext, claim: Claim) -> bool:
    """Whether float64 leaves it open at some point if a claim is right: fewer digits are proved than
    are wanted, or given."""
    from gradcheck_cli.verdicts.claims.claimed_numbers import numbers_of
    from gradcheck_cli.verdicts.claims.numbers import digits_given, is_too_wide

    given = digits_given(claim.text) if claim.numbers is not None and claim.integers is None else 0
    wanted = context.limits.wanted_digits
    share = 10.0 ** -min(given or wanted, wanted)
    if claim.numbers is not None:
        return is_too_wide(*numbers_of(context, claim), share)
    return any(is_too_wide(*_floats(context, claim, at), share) for at in context.points)


def _floats(context: ClaimContext, claim: Claim, at: At) -> tuple[Array, Array, Array]:
    """Claimed and true values, and by how much rounding may have moved them apart."""
    formula = claim.formulas[context.layout]
    assert isinstance(formula, Graph)
    discrepancy = difference(context.true_values(at, derivatives_in(claim, formula)), claim, formula)
    rounding = context.rounding(claim, at, discrepancy.true) + context.own_rounding(claim, formula, at)
    return discrepancy.claimed, discrepancy.true, context.limits.rounding_safety * rounding


def _judge_once(context: ClaimContext, claim: Claim) -> ClaimResult:
    blank = blank_result(context.model, claim)
    formula = claim.formulas[context.layout]
    if isinstance(formula, Misfit):
        note = formula.message + (f"; {formula.help}" if formula.help else "")
        return replace(blank, verdict=Verdict.WRONG, note=note)
    try:
        if claim.numbers is not None or claim.integers is not None:
            return _judge_numbers(context, claim, formula, blank)
        return judge_formula(context, claim, formula, blank)
    except FAILURES:
        note = "it cannot be evaluated here: division by zero or outside a domain"
        return replace(blank, verdict=Verdict.UNRESOLVED, note=note)


def _judge_numbers(context: ClaimContext, claim: Claim, formula: Graph, blank: ClaimResult) -> ClaimResult:
    if claim.integers is not None:
        from gradcheck_cli.verdicts.claims.whole_numbers import judge_whole_numbers

        return judge_whole_numbers(context, claim, formula, blank)
    from gradcheck_cli.verdicts.claims.numbers import judge_numbers

    return judge_numbers(context, claim, blank)


def samples_for(context: ClaimContext, claim: Claim, result: ClaimResult) -> tuple[ClaimSample, ...]:
    """What a diagnosis may use: a WRONG formula at every point, and beyond the kinks; of one that cannot be
    built the truth alone."""
    formula = claim.formulas[context.layout]
    if result.verdict is not Verdict.WRONG:
        return ()
    from gradcheck_cli.verdicts.claims.claim_samples import (
        samples_of_formula,
        samples_of_numbers,
        truth_as_formula,
    )

    if isinstance(formula, Misfit):
        if claim.numbers is not None or context.has_many_rows:
            return ()
        formula = truth_as_formula(context, claim)
        return samples_of_formula(context, replace(claim, formulas={context.layout: formula}), formula)
    if claim.numbers is not None:
        context = context.in_float64 if context.has_many_rows else context
        return samples_of_numbers(context, claim, formula, result)
    if context.has_many_rows or context.true_values(context.points[0]).streams(claim, formula):
        first_rows = context.with_fewer_rows(claim)
        if first_rows is not None:  # the mistake is the same
            return samples_for(context.first_rows, first_rows, _judge(context.first_rows, first_rows))
        if not context.has_many_rows:
            return ()
    return samples_of_formula(context, claim, formula)


def _carry(
    context: ClaimContext, claims: Sequence[Claim], results: Sequence[ClaimResult]
) -> list[ClaimResult]:
    """Each claim's value when its derivatives are the author's own, from earlier lines."""
    context = context.in_float64 if context.has_many_rows else context
    formulas = [(claim, claim.formulas[context.layout]) for claim in claims if claim.numbers is None]
    wanted = [d for c, graph in formulas if isinstance(graph, Graph) for d in derivatives_in(c, graph)]
    true = context.true_values(context.points[0], wanted)
    true.prepare(wanted)
    truth, found = replace(true, known=dict(true.known)), []
    for claim, result in zip(claims, results, strict=True):
        formula = claim.formulas[context.layout]
        if isinstance(formula, Misfit) or (claim.numbers is not None and claim.integers is None):
            found.append(result)
            continue
        if claim.integers is not None:
            value = claim.integers if truth.exact else floats(claim.integers)
        else:
            value = claimed_value(truth, formula)
            value = np.asarray(value[0] if truth.is_per_row(claim.target) else value[0, 0, ...])
        if claim.target.index is None:
            truth.known[claim.target] = value
        place = (*(() if result.row is None else (result.row,)), *(result.index or ()))
        whole = np.broadcast_to(value, np.shape(true.derivative(claim.target)))
        found.append(replace(result, carried=float(whole[place])))
    return found


def blank_result(model: Model, claim: Claim) -> ClaimResult:
    """The result of a claim before it is judged."""
    target = claim.target
    entry = spell_shape(target.index) if target.index else ""
    return ClaimResult(
        line=claim.line,
        of=target.of + (entry if target.is_value else ""),
        by=target.by + ("" if target.is_value else entry),
        display=claim.display,
        formula=claim.text,
        kind=claim.kind,
        verdict=Verdict.OK,
    )
