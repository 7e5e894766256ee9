"""Reads one disputed entry: its columns and what high precision says. Gives what is concluded of it.

A short list of rules, each a function of one case, tried in order until one concludes. A right gradient is
never blamed for cancellation, scale or a kink; an entry may be ok with fewer digits than asked only where the
problem itself carries no more. That is asked at the given point; at the others, which are drawn at random and
may lie where functions saturate, the methods are to agree within rounding. Knows nothing of other entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.verdicts.gradients.classify import carried_digits
from gradcheck_cli.verdicts.gradients.outcomes import Outcome
from gradcheck_cli.verdicts.gradients.standing import DIFFERENCES, Case
from gradcheck_cli.verdicts.gradients.without_reference import OURS, by_columns, fault_of
from gradcheck_cli.verdicts.kink_policy import Kind, kind_of

__all__ = ["RULES", "within_rounding"]


def at_a_kink(case: Case) -> Outcome | None:
    """The exact slopes contradict the derivative, and a function declares a kink or border here."""
    slopes = case.slopes
    if slopes is None or not case.contradicted or not slopes.border:
        return None
    if slopes.kind is not Kind.DERIVATIVE:
        return Outcome(slopes.kind.verdict, slopes.kind.value, left=slopes.left, right=slopes.right)
    told = f"kinks that cancel: the derivative is {slopes.left:.6g}, what symbolic and backprop say here"
    return Outcome(Verdict.OK, f"{told} is a convention", reference=slopes.left)


def beyond_float64(case: Case) -> Outcome | None:
    """The derivative is a number, and no double is so large."""
    size = case.beyond_float64
    if size is None:
        return None
    note = f"the derivative is {size}, beyond the range of float64"
    return Outcome(Verdict.UNRESOLVED, note, case.proven)


def below_float64(case: Case) -> Outcome | None:
    """The derivative is not 0, and no double is so small."""
    if not case.symbolic == case.backprop == 0 or case.below_float64 is None:
        return None
    note = f"the derivative is {case.below_float64}, below the range of float64"
    return Outcome(Verdict.OK, note, case.proven, below=True)


def beyond_the_slopes(case: Case) -> Outcome | None:
    """More entries stand on kinks than exact slopes are computed for: those of float64 differences count."""
    if case.is_followed or case.slopes is not None or not case.near_a_kink:
        return None
    left, right = float(case.columns.left[case.entry]), float(case.columns.right[case.entry])
    kind = kind_of(left, right, limits=case.limits)
    if case.columns.kink[case.entry] or kind is Kind.BORDER:
        return Outcome(kind.verdict, kind.value, left=left, right=right)
    if case.proven >= case.wanted:
        return None
    note = "more entries stand on kinks than exact slopes are computed for, and differences do not tell"
    return Outcome(Verdict.UNRESOLVED, note, case.proven)


_WITHOUT_VALUE = "outside a domain at high precision: float64 is inside by its rounding alone"


def at_an_undeclared_border(case: Case) -> Outcome | None:
    """The reference's two ways differ, and no function on the way says that they may."""
    if not case.contradicted:
        return None
    slopes = case.surest_slopes
    surest = case.surest if case.reference.surest is not None else case.first
    if slopes is not None and slopes.confirm(surest):
        return None
    if slopes is not None and slopes.kind is Kind.UNKNOWN:
        if np.isnan(surest):
            return None  # neither way knows anything
        if not case.reference.has_value:
            return Outcome(Verdict.UNRESOLVED, _WITHOUT_VALUE, case.proven)
    if slopes is not None and slopes.kind is Kind.DERIVATIVE and not slopes.border:
        return _partials_alone(case, slopes.left)
    seen = "cannot be had" if slopes is None else f"are {slopes.left:.10g} and {slopes.right:.10g}"
    place = ""
    with suppress(BudgetSpent):
        place = case.reference.undeclared_border(case.entry)
    return Outcome(
        Verdict.WRONG,
        f"left and right slopes {seen}, SymPy's partials give {case.first:.10g}: a kink or border "
        f"that {place or 'no function'} does not declare. {OURS}",
    )


def _partials_alone(case: Case, truth: float) -> Outcome:
    """There is one slope, and it is not what SymPy's partials add up to: the reference rests on them as the
    symbolic method does, and its differences, which rest on neither, decide who stands alone."""
    off = case.apart(truth)
    place = ""
    with suppress(BudgetSpent):
        place = case.reference.wrong_partial(case.entry)
    where = f" The fault lies in SymPy's partials of {place}." if place else ""
    if not off:
        told = f"SymPy's partials at high precision stand alone, with {case.first:.10g}"
    else:
        verb = "stands" if len(off) == 1 and off != [DIFFERENCES] else "stand"
        told = f"{' and '.join(off)} {verb} alone"
    return Outcome(
        Verdict.WRONG, f"{told}: differences at 140 digits give {truth:.10g}.{where} {OURS}",
        reference=truth,
    )  # fmt: skip


def beyond_the_reference(case: Case) -> Outcome | None:
    """High precision knows no value: the columns are held to the bounds alone."""
    return None if np.isfinite(case.truth) else by_columns(case)


def overflowing(case: Case) -> Outcome | None:
    """Methods are off, and rounding has no bound, because float64 overflows on the way."""
    if not case.standing.off or case.rounding_is_known:
        return None
    truth = case.standing.truth
    note = f"float64 overflows on the way; high precision gives {truth:.10g}"
    return Outcome(Verdict.UNRESOLVED, note, case.proven, truth)


def infinite_on_the_way(case: Case) -> Outcome | None:
    """Methods are off because they are not numbers: at the border of a domain 0 times an infinite derivative
    is none in float64."""
    given = {"symbolic": case.symbolic, "backprop": case.backprop, DIFFERENCES: case.finite}
    off = case.standing.off
    if not off or np.isfinite([given[label] for label in off]).any():
        return None
    if not case.columns.point.tape.borders_hit():
        return None
    truth = case.standing.truth
    said = f"high precision gives {truth:.10g}"
    note = f"a derivative on the way is infinite, at the border of a domain; {said}"
    return Outcome(Verdict.UNRESOLVED, note, case.proven, truth)


def within_rounding_of_a_kink(case: Case) -> Outcome | None:
    """Where float64 stands on a kink, or on its other side, no method is blamed for a slope between those of
    both sides."""
    off = case.displaced
    edges = case.reference.at.kinks_within_rounding if off else []
    beside = case.reference.slopes_beside(case.entry) if edges else None
    if beside is None:
        return None
    low, high = sorted(beside)
    tolerance = case.limits.slope_beside * max(abs(low), abs(high)) + case.bound
    given = {"symbolic": case.symbolic, "backprop": case.backprop, DIFFERENCES: case.finite}
    if not all(low - tolerance <= given[label] <= high + tolerance for label in off):
        return None
    note = f"within rounding of a kink, of {', '.join(edges)}: float64 cannot tell its sides"
    return Outcome(Verdict.KINK, note, left=beside[0], right=beside[1])


def away_from_the_reference(case: Case) -> Outcome | None:
    """Symbolic and backprop are both farther from the truth than rounding may take them, though their rules
    give it at 50 digits: what float64 makes of them is another number, or another side of a kink."""
    if case.standing.off or not case.is_away(case.wanted):
        return None
    truth = case.standing.truth
    edges = ", ".join(case.reference.at.on_other_sides)
    if not edges and not case.is_away(1.0):
        return None  # they have a digit of it; whether the problem carries more is asked below
    where = f"is on another side of {edges} than the decimals are" if edges else "carries no digit here"
    note = f"float64 {where}; high precision gives {truth:.10g}"
    return Outcome(Verdict.UNRESOLVED, note, 0.0, truth)


def standing_alone(case: Case) -> Outcome | None:
    """Methods are off by more than rounding and kinks explain."""
    off, truth = case.standing.off, case.standing.truth
    if not off:
        return None
    verb = "stands" if len(off) == 1 and off != (DIFFERENCES,) else "stand"
    told = f"{' and '.join(off)} {verb} alone: high precision gives {truth:.10g}."
    return Outcome(Verdict.WRONG, f"{told}{fault_of(case, off)} {OURS}", reference=truth)


def exactly_zero(case: Case) -> Outcome | None:
    """There are no digits to count."""
    truth = case.nearest_truth
    if case.left_below is not None:
        note = f"the derivative is {case.left_below}, below the range of float64"
        return Outcome(Verdict.OK, note, case.proven, below=case.symbolic == case.backprop == 0)
    if truth == case.symbolic == case.backprop == 0:
        return Outcome(Verdict.OK, case.standing.note, case.proven, 0.0)
    if truth == 0:
        return Outcome(Verdict.OK, "exactly 0 by high precision", case.proven, 0.0)
    return None


def right_within_rounding(case: Case) -> Outcome:
    """No method is off: whether enough digits are left, and if not, whether the problem or the arithmetic
    lost them."""
    truth, entry = case.nearest_truth, np.array([case.entry])
    tolerance = np.array([case.error(truth)])
    (carried,), (digits,) = carried_digits(case.columns, entry, np.array([truth]), tolerance, case.wanted)
    limited = carried >= case.wanted or case.columns.point.number > 0
    if not limited and np.isfinite(case.error(truth)):
        movement = case.reference.movement(case.entry)
        limited = case.error(truth) <= case.reference.referee.limits.problem_ratio * movement
    if carried < 1 and limited and not case.rounding_is_linear:
        note = f"float64 carries no digit here; high precision gives {truth:.10g}"
        return Outcome(Verdict.UNRESOLVED, note, 0.0, truth)
    return within_rounding(
        case.wanted, float(carried), float(digits), bool(limited), truth, case.unseen, case.standing.note
    )


def within_rounding(
    wanted: float,
    carried: float,
    digits: float,
    limited: bool,
    truth: float,
    unseen: bool,
    note: str | None,
) -> Outcome:
    """An entry at which no method is off by more than rounding explains.

    `carried`: the digits that are left to symbolic and backprop; `limited`: the problem carries no more.
    """
    k = int(carried)
    s = "" if k == 1 else "s"
    if carried >= wanted:
        usual = None if unseen else "settled by high precision"
        return Outcome(Verdict.OK, note or usual, digits, truth)
    if limited:
        few = f"float64 carries {k} digit{s} here; high precision agrees"
        return Outcome(Verdict.OK, note or few, digits, truth)
    lost = f"float64 arithmetic keeps {k} digit{s} here, and the values carry more"
    return Outcome(Verdict.UNRESOLVED, lost, digits, truth)


RULES: Sequence[Callable[[Case], Outcome | None]] = (
    beyond_float64,
    below_float64,
    at_a_kink,
    beyond_the_slopes,
    at_an_undeclared_border,
    beyond_the_reference,
    overflowing,
    infinite_on_the_way,
    within_rounding_of_a_kink,
    away_from_the_reference,
    standing_alone,
    exactly_zero,
    right_within_rounding,
)
