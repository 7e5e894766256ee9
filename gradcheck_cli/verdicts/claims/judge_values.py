"""Reads claims of the values of steps. Gives a ClaimResult for each: a program's forward pass beside the
model's.

Numbers are judged at the given point, formulas at all points. A value has no slopes: at a kink it is what it
is. Knows nothing of derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gradcheck_cli.model.model import Claim, Misfit, Model
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.at_kinks import note_sides
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample, sample_of_number
from gradcheck_cli.verdicts.claims.context import ClaimContext
from gradcheck_cli.verdicts.claims.judge_claims import (
    LAYOUTS,
    judge_as_meant,
    refuse,
    samples_for,
    unless_circular,
    with_format,
    with_reading,
)
from gradcheck_cli.verdicts.claims.known_values import CLAIMS
from gradcheck_cli.verdicts.claims.true_values import At
from gradcheck_cli.verdicts.claims.value_circles import circles_of_values

__all__ = ["JudgedValues", "judge_values"]


@dataclass(frozen=True)
class JudgedValues:
    """The claims of values, in the formats in which they were judged, with results and samples."""

    claims: tuple[Claim, ...] = ()
    results: tuple[ClaimResult, ...] = ()
    samples: tuple[tuple[ClaimSample, ...], ...] = ()


def judge_values(
    model: Model,
    claims: Sequence[Claim],
    points: Sequence[tuple[int, Mapping[str, Array]]],
    referee: Referee,
    *,
    layout: str = LAYOUTS[0],
    strict: bool = False,
    limits: ClaimsLimits = CLAIMS,
    done: Callable[[], None] = lambda: None,
) -> JudgedValues:
    """Judge the claims of values at the points.

    Parameters
    ----------
    model : the graph
    claims : of values
    points : (number, name to float64 array); the given point is number 0
    referee : the reference at high precision
    layout : of Jacobians in formulas
    strict : whether a claim that is right under a restriction only is rejected
    limits : tolerances and work limits
    done : called after each claim

    Returns
    -------
    JudgedValues
        In the order of the claims.
    """
    if not claims:
        return JudgedValues()
    places = [At(number, PointValues.of(values)) for number, values in points]
    context = ClaimContext(model, referee, places, layout, False, limits, of_values=True)
    judged, alone = [], []
    for claim in claims:
        meant, result = judge_as_meant(context, claim)
        judged.append(meant)
        alone.append(result)
        done()
    sided = note_sides(context, judged, alone)  # numbers are of the given point, on whichever side
    results = [s if c.numbers is None else a for c, s, a in zip(judged, sided, alone, strict=True)]
    results = [with_format(c, r) for c, r in zip(judged, results, strict=True)]
    if strict:
        results = [refuse(r) if r.only else r for r in results]
    circles = circles_of_values(model, judged, layout)
    results = [unless_circular(circles.get(k), r) for k, r in enumerate(results)]
    results = [with_reading(c.readings.get(layout, ""), r) for c, r in zip(judged, results, strict=True)]
    samples = [_samples(context, c, r) for c, r in zip(judged, results, strict=True)]
    return JudgedValues(tuple(judged), tuple(results), tuple(samples))


def _samples(context: ClaimContext, claim: Claim, result: ClaimResult) -> tuple[ClaimSample, ...]:
    """What a diagnosis may use of a WRONG claim; of a single number the given point."""
    formula = claim.formulas[context.layout]
    if result.verdict is not Verdict.WRONG or result.only or isinstance(formula, Misfit):
        return ()  # with a restriction it is right, and --strict refuses it
    if claim.numbers is None or claim.numbers.ndim:
        return samples_for(context, claim, result)
    return (sample_of_number(context, claim, formula),)
