"""Reads a Report. Gives it without the derivatives that were computed, for those who are to find them.

Knows nothing of how it is drawn: what is not in it no format shows.
"""

from __future__ import annotations

from dataclasses import replace

from gradcheck_cli.results.gradient_results import ClaimResult, Report, Verdict

__all__ = ["without_derivatives"]

_COLUMNS = "The columns above agree"


def without_derivatives(report: Report) -> Report:
    """The report with verdicts, and places of what is wrong, alone: no column, no true value, no remark on a
    claim. The value of the loss stays, for no derivative is read off it."""
    agree = (sentence.replace(_COLUMNS, "The three methods agree") for sentence in report.closing)
    claims = tuple(map(_verdict_alone, report.claims))
    lines = [str(claim.line) for claim in claims if claim.verdict is Verdict.WRONG]
    said = f"line{'s' * (len(lines) > 1)} {', '.join(lines)}" if lines else report.summary
    others = tuple(
        replace(other, results=tuple(map(_verdict_alone, other.results))) for other in report.against
    )
    return replace(
        report, parameters=(), claims=claims, against=others, closing=tuple(agree), summary=said
    )


def _verdict_alone(claim: ClaimResult) -> ClaimResult:
    if claim.verdict is Verdict.ERROR:  # why it could not be read
        return claim
    return replace(
        claim, claimed=None, true=None, note=None, diagnosis=None, truth=None, carried=None,
        left=None, right=None, only=(), reading="",
    )  # fmt: skip
