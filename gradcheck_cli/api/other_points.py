"""Reads a report, and reports at random points. Gives one report: what is worse there takes its place.

A gradient may be right at the given point alone: where parameters are 0, or all units are active.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcheck_cli.results.gradient_results import ClaimResult, Comparison, Report

__all__ = ["at_another_point", "at_random_points"]

_Found = Sequence[tuple[int, "Report"]]


def at_random_points(report: Report, count: int, judge: Callable[[int], Report | None]) -> Report:
    """The report with what numbers are at so many random points besides.

    Parameters
    ----------
    report
        At the given point.
    count
        How many points are asked for.
    judge
        The report at point 1, 2 and so on; None where there is nothing to compare.
    """
    from gradcheck_cli.results.gradient_results import worst

    found = [(k, there) for k in range(1, count + 1) if (there := judge(k)) is not None]
    claims = tuple(
        _worse(claim, [(k, there.claims[i]) for k, there in found]) for i, claim in enumerate(report.claims)
    )
    against = tuple(_comparison(each, found) for each in report.against)
    verdicts = [c.verdict for c in claims] + [each.verdict for each in against]
    worse, said = _sentence(report, claims, against, len(found), count)
    closing = (said, *(f"At the given point: {text}" for text in report.closing)) if worse else (
        *report.closing, said)  # fmt: skip
    return replace(
        report, claims=claims, against=against, verdict=worst([report.verdict, *verdicts]),
        closing=closing, summary=f"{report.summary}; {said}" if report.summary else said,
    )  # fmt: skip


def _worse(result: ClaimResult, found: Sequence[tuple[int, ClaimResult]]) -> ClaimResult:
    """The result, or the first that is worse, with where that is."""
    from gradcheck_cli.results.gradient_results import worst

    for k, other in found:
        if other.verdict is not result.verdict and worst([result.verdict, other.verdict]) is other.verdict:
            note = "; ".join(filter(None, (f"at random point {k}, not at the given one", other.note)))
            rest = [each for number, each in found if number != k]
            return replace(other, note=note, formula=result.formula, diagnosis=_confirmed(other, rest))
    return result


def at_another_point(report: Report, others: Sequence[Report]) -> Report:
    """The report at a point near by, where claims are WRONG. Beside gradients from elsewhere, which are of
    the given point, its table stays.

    Parameters
    ----------
    report
        At the given point, where no claim is WRONG.
    others
        At points where one is; the first is told.
    """
    from gradcheck_cli.results.gradient_results import worst

    there, *rest = others
    claims = tuple(
        replace(claim, diagnosis=_confirmed(claim, [each.claims[i] for each in rest]))
        for i, claim in enumerate(there.claims)
    )
    if not report.against:
        note = "the table is of another point, where the gradient is WRONG; at the given one it is ok"
        return replace(there, claims=claims, notes=(note, *there.notes))
    note = "the claims are judged at another point, where the gradient is WRONG; at the given one it is ok"
    closing = there.closing[0], *(f"At the given point: {text}" for text in report.closing)
    return replace(
        report, claims=claims, notes=(note, *report.notes), verdict=worst([report.verdict, there.verdict]),
        closing=closing, summary="; ".join(filter(None, (there.summary, report.summary))),
    )  # fmt: skip


def _confirmed(result: ClaimResult, others: Sequence[ClaimResult]) -> str | None:
    """What is wrong, if a second point says the same: at one alone it may be chance."""
    same = (o.verdict is result.verdict and o.diagnosis == result.diagnosis for o in others)
    return result.diagnosis if any(same) else None


def _comparison(comparison: Comparison, found: _Found) -> Comparison:
    from gradcheck_cli.results.gradient_results import worst

    others = [
        (k, each) for k, there in found for each in there.against if each.name == comparison.name
    ]
    results = tuple(
        _worse(result, [(k, each.results[i]) for k, each in others])
        for i, result in enumerate(comparison.results)
    )
    notes = [
        f"at random point {k}: {note}" for k, each in others for note in each.notes
        if note not in comparison.notes and "another function" in note
    ]  # fmt: skip
    verdict = worst([comparison.verdict, *(r.verdict for r in results), *(e.verdict for _, e in others)])
    return replace(comparison, results=results, verdict=verdict, notes=(*comparison.notes, *notes[:1]))


def _sentence(
    report: Report, claims: Sequence[ClaimResult], against: Sequence[Comparison], compared: int, count: int
) -> tuple[bool, str]:
    """Whether something was worse there, and how many points there were."""
    pairs = [*zip(claims, report.claims, strict=True)]
    for now, before in zip(against, report.against, strict=True):
        pairs += zip(now.results, before.results, strict=True)
    worse = list(dict.fromkeys(a.display for a, b in pairs if a.verdict is not b.verdict))
    points = f"{compared} random point{'' if compared == 1 else 's'}"
    less = "" if compared == count else (
        f" of {count}: the others lie on another branch or outside a domain, or what is compared gave no "
        "gradient there")  # fmt: skip
    told = f"; worse there: {', '.join(worse)}" if worse else "; as at the given one" if compared else ""
    return bool(worse), f"Compared at {points}{less}{told}."
