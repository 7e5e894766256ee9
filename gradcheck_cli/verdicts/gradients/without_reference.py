"""Reads one disputed entry, of which high precision says nothing. Gives what its columns alone conclude.

Knows nothing of the rules that ask high precision.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.verdicts.gradients.classify import proved_digits
from gradcheck_cli.verdicts.gradients.outcomes import Outcome
from gradcheck_cli.verdicts.gradients.plan import Strategy
from gradcheck_cli.verdicts.gradients.standing import Case

__all__ = ["OURS", "by_columns", "fault_of", "without_budget"]

OURS = "A defect of gradcheck, not yours"


def without_budget(case: Case, why: str) -> Outcome:
    """Without high precision only backprop is blamed, and only where the other two are agreed: SymPy's
    forms and differences may lose digits in float64 and be right all the same."""
    s, b, f, bound = case.symbolic, case.backprop, case.finite, case.bound
    tolerance = case.rounding + case.limits.close * max(abs(s), abs(b))
    if not case.near_a_kink:
        if not case.reference.referee.affords():
            return by_columns(case)
        if case.unseen and case.proven >= case.wanted:
            return Outcome(Verdict.OK, None, case.proven)  # backprop and differences agree
        agreed = abs(f - s) <= bound <= 10.0**-case.wanted * abs(s)
        if agreed and not case.unseen and min(abs(s - b), abs(f - b) - bound) > tolerance:
            return Outcome(Verdict.WRONG, _two_to_one(case, tolerance))
    return Outcome(Verdict.UNRESOLVED, why, case.proven)


def by_columns(case: Case) -> Outcome:
    """The columns are held to the bounds alone."""
    s, b, f = case.symbolic, case.backprop, case.finite
    if not np.isfinite([s, b]).all():
        note = "not finite here, and beyond what high precision can settle"
        return Outcome(Verdict.UNRESOLVED, note, case.proven)
    size = max(abs(s), abs(b))
    tolerance = case.rounding + case.limits.close * size
    if abs(s - b) > tolerance:
        return Outcome(Verdict.WRONG, _two_to_one(case, tolerance), case.proven)
    if np.isfinite(f) and abs(f - b) > case.bound + tolerance:
        note = "finite differences stand alone: a defect of gradcheck, not yours"
        return Outcome(Verdict.WRONG, note, case.proven)
    digits = float(proved_digits(np.array(case.bound), np.array(size)))
    if case.columns.strategy is not Strategy.EACH or case.pooled:  # one of some that stand for others
        note = "float64 differences see little here; symbolic and backprop agree"
        return Outcome(Verdict.OK, note, digits)
    note = "too few digits proved, and the model is beyond the high-precision budget"
    return Outcome(Verdict.UNRESOLVED, note, digits)


def _two_to_one(case: Case, tolerance: float) -> str:
    """Whom the differences speak against, where symbolic and backprop differ."""
    s, b, f = case.symbolic, case.backprop, case.finite
    near = {"symbolic": abs(f - s), "backprop": abs(f - b)}
    off = [label for label, gap in near.items() if gap > case.bound + tolerance]
    if len(off) != 1:
        return "symbolic and backprop differ: a defect of gradcheck, not yours"
    other, value = ("symbolic", s) if off == ["backprop"] else ("backprop", b)
    told = f"{off[0]} stands alone: {other} and finite differences give {value:.10g}."
    return f"{told}{fault_of(case, off)} {OURS}"


def fault_of(case: Case, off: Iterable[str]) -> str:
    """Which rule is at fault, where it is one of backprop's alone."""
    where = case.reference.at.wrong_vjp if list(off) == ["backprop"] else ""
    return f" The fault lies in {where}." if where else ""
