"""Reads the claims of a run. Gives those of derivatives and of values apart, what is wrong with values, and
the results together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gradcheck_cli.checking.options import HINTS, Options
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.numerics.limits.table import Limits
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict

if TYPE_CHECKING:
    from gradcheck_cli.verdicts.claims.judge_values import JudgedValues

__all__ = ["claims_by_kind", "explain_values", "in_order", "unread_result", "with_unread"]


def claims_by_kind(claims: Sequence[Claim]) -> tuple[tuple[Claim, ...], tuple[Claim, ...]]:
    """The claims of derivatives, and those of values."""
    values = tuple(claim for claim in claims if claim.target.is_value)
    return tuple(claim for claim in claims if not claim.target.is_value), values


def in_order(
    claims: Sequence[Claim], derivatives: Sequence[ClaimResult], values: Sequence[ClaimResult]
) -> tuple[ClaimResult, ...]:
    """The results in the order of the claims."""
    of_derivatives, of_values = iter(derivatives), iter(values)
    return tuple(next(of_values if claim.target.is_value else of_derivatives) for claim in claims)


def unread_result(claim: Claim) -> ClaimResult:
    """The result of a claim that could not be read."""
    assert claim.failure is not None
    column = f" (column {claim.failure.column})" if claim.failure.column else ""
    said = "; ".join(filter(None, (f"{claim.failure.message}{column}", claim.failure.help)))
    return ClaimResult(
        line=claim.line, of="", by="", display=claim.display, formula=claim.text, kind="formula",
        verdict=Verdict.ERROR, note=said, error=claim.failure,
    )  # fmt: skip


def with_unread(results: Sequence[ClaimResult], unread: Sequence[Claim]) -> tuple[ClaimResult, ...]:
    """The results, and in front of the first that stands below it each claim that could not be read."""
    found = list(results)
    for claim in unread:
        place = next((k for k, other in enumerate(found) if other.line > claim.line), len(found))
        found.insert(place, unread_result(claim))
    return tuple(found)


def explain_values(
    model: Model, judged: JudgedValues, asked: Options, limits: Limits
) -> tuple[ClaimResult, ...]:
    """The claims of values with what is wrong, and the step's own right side, as far as is asked for."""
    if not any(result.verdict is Verdict.WRONG for result in judged.results):
        return judged.results
    results = judged.results
    if HINTS.index(str(asked.hint)) >= HINTS.index("kind"):
        from gradcheck_cli.verdicts.diagnosis.value_mistakes import diagnose_values

        results = diagnose_values(model, judged, limits.diagnosis)
    if asked.hint == "truth":
        results = tuple(_with_truth(model, result) for result in results)
    return results


def _with_truth(model: Model, result: ClaimResult) -> ClaimResult:
    step = model.steps[result.of.split("[")[0]]
    return replace(result, truth=step.text) if result.verdict is Verdict.WRONG else result
