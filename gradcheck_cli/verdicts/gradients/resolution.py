"""Reads disputed entries and what high precision says of them. Gives their outcomes.

A short list of rules, each a function of one case, tried in order until one concludes. A right gradient is
never blamed for cancellation, scale or a kink; an entry may be ok with fewer digits than asked only where the
problem itself carries no more. That is asked at the given point; at the others, which are drawn at random and
may lie where functions saturate, the methods are to agree within rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.zeros import in_doubt
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.verdicts.gradients.alike_entries import are_alike, groups_of
from gradcheck_cli.verdicts.gradients.classify import carried_digits, proved_digits, within
from gradcheck_cli.verdicts.gradients.collect import differs_by_node
from gradcheck_cli.verdicts.gradients.outcomes import NameOutcome, Outcome, PointOutcome
from gradcheck_cli.verdicts.gradients.plan import Strategy
from gradcheck_cli.verdicts.gradients.reference_answers import NameReference, PointReference
from gradcheck_cli.verdicts.gradients.standing import DIFFERENCES, Case
from gradcheck_cli.verdicts.kink_policy import Kind, kind_of

__all__ = ["RULES", "judge_sums", "resolve", "resolve_entry", "resolve_together"]

_OURS = "A defect of gradcheck, not yours"


def resolve(
    outcome: PointOutcome,
    disputed: Array,
    reference: PointReference,
    wanted: float,
    limits: GradientsLimits = DEFAULTS,
) -> None:
    """Conclude on every disputed entry of a point, in order.

    Parameters
    ----------
    outcome : the columns of the point, and what was concluded; changed in place
    disputed : (entries,) bool
    reference : the values at high precision
    wanted : decimal digits
    limits : tolerances and safety factors
    """
    disputed = disputed & ~resolve_together(outcome, disputed, reference, wanted, limits)
    for name, entries in outcome.collected.by_name(np.flatnonzero(disputed)):
        found, pooled = outcome.open(name), outcome.collected.pooled

        def case_of(entry: int, found: NameOutcome = found, name: str = name, pooled: bool = pooled) -> Case:
            digits = float(found.digits[entry])
            return Case(entry, found.columns, reference[name], digits, wanted, pooled, limits)

        for entry in _resolve_alike(found, entries, reference[name], case_of).tolist():
            found.add(entry, resolve_entry(case_of(entry)))


def _resolve_alike(
    found: NameOutcome, entries: Array, reference: NameReference, case_of: Callable[[int], Case]
) -> Array:
    """Conclude on entries on kinks or borders that are alike by one of them, and give all others: a layer of
    400 units at 0 has as many, and the slopes of each take seconds."""
    for group in groups_of(found.columns, entries):
        if len(group) < reference.at.limits.fewest_alike:
            continue
        case = case_of(int(group[0]))
        concluded = resolve_entry(case)
        found.add(case.entry, concluded)
        if case.slopes is not None and are_alike(reference, group, case.slopes):
            for entry in group[1:].tolist():
                found.add(entry, concluded)
    return entries[[k not in found.outcomes for k in entries.tolist()]]


def resolve_entry(case: Case) -> Outcome:
    """By the first rule that concludes; when the budget is spent, what is known without it counts."""
    try:
        return next(found for rule in RULES if (found := rule(case)) is not None)
    except BudgetSpent as spent:
        return _without_budget(case, str(spent))


# ---------------------------------------------------------------------------------------------
# All together
# ---------------------------------------------------------------------------------------------


def resolve_together(
    outcome: PointOutcome,
    disputed: Array,
    reference: PointReference,
    wanted: float,
    limits: GradientsLimits = DEFAULTS,
) -> Array:
    """Conclude on the disputed entries about which there is no doubt left, and give them as a mask: the
    reference's two ways agree, as far as the second can be asked, and no method is off by more than rounding.
    The others are looked at one by one, at a far higher price."""
    t = outcome.collected.all
    plain = disputed & ~t.near_a_kink
    if np.count_nonzero(plain) < limits.fewest_together or not reference.referee.affords():
        return np.zeros_like(plain)
    try:
        said = reference.both_ways
        truth, confirmed = (np.concatenate(list(part.values())) for part in (said.value, said.confirmed))
        size = np.max(np.abs(t.point.tape.value(reference.of)), initial=0.0)
        shown = np.abs(truth) > limits.least_shown * size
        asked = np.flatnonzero(plain & shown & ~confirmed)[: reference.slope_budget.left]
        plain[asked] = False  # these can have their slopes computed
        with np.errstate(all="ignore"):
            plain &= np.isfinite(truth) & np.isfinite(t.rounding)
            plain &= (truth != 0) & ~in_doubt(truth, t.rounding, reference.referee.limits)
            plain &= t.unseen | (t.symbolic != 0)
        plain &= np.logical_and.reduce(within(t, slice(None), truth, t.rounding))
        some = np.flatnonzero(plain)
        carried, digits = carried_digits(t, some, truth[some], t.rounding[some], wanted)
        plain[some[carried < 1]] = False  # whether their bounds hold is asked one by one
        some, carried, digits = some[carried >= 1], carried[carried >= 1], digits[carried >= 1]
        few = (carried < wanted) & (t.point.number == 0)
        limited = np.ones_like(few)
        if few.any():
            movement = np.concatenate([reference.movement[name] for name in outcome.collected.parts])
            limited = ~few | (t.rounding[some] <= reference.referee.limits.problem_ratio * movement[some])
    except BudgetSpent:
        return np.zeros_like(plain)
    told = iter(zip(carried.tolist(), digits.tolist(), limited.tolist(), truth[some].tolist(), strict=True))
    for name, entries in outcome.collected.by_name(some):  # in order
        found = outcome.open(name)
        for entry in entries.tolist():
            known = *next(told), bool(found.columns.unseen[entry]), None
            found.add(entry, _right_within_rounding(wanted, *known))
    return plain


def _right_within_rounding(
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


# ---------------------------------------------------------------------------------------------
# The rules for one entry, in order
# ---------------------------------------------------------------------------------------------


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


def at_an_undeclared_border(case: Case) -> Outcome | None:
    """The reference's two ways differ, and no function on the way says that they may."""
    if not case.contradicted:
        return None
    slopes = case.surest_slopes
    surest = case.surest if case.reference.surest is not None else case.first
    if slopes is not None and slopes.confirm(surest):
        return None
    if slopes is not None and slopes.kind is Kind.DERIVATIVE and not slopes.border:
        return _partials_alone(case, slopes.left)
    seen = "cannot be had" if slopes is None else f"are {slopes.left:.10g} and {slopes.right:.10g}"
    place = ""
    with suppress(BudgetSpent):
        place = case.reference.undeclared_border(case.entry)
    return Outcome(
        Verdict.WRONG,
        f"left and right slopes {seen}, SymPy's partials give {case.first:.10g}: a kink or border "
        f"that {place or 'no function'} does not declare. {_OURS}",
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
        Verdict.WRONG, f"{told}: differences at 140 digits give {truth:.10g}.{where} {_OURS}",
        reference=truth,
    )  # fmt: skip


def beyond_the_reference(case: Case) -> Outcome | None:
    """High precision knows no value: the columns are held to the bounds alone."""
    return None if np.isfinite(case.truth) else _by_columns(case)


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
    return Outcome(Verdict.WRONG, f"{told}{_fault(case, off)} {_OURS}", reference=truth)


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
    return _right_within_rounding(
        case.wanted, float(carried), float(digits), bool(limited), truth, case.unseen, case.standing.note
    )


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


# ---------------------------------------------------------------------------------------------
# Without high precision
# ---------------------------------------------------------------------------------------------


def _without_budget(case: Case, why: str) -> Outcome:
    """Without high precision only backprop is blamed, and only where the other two are agreed: SymPy's
    forms and differences may lose digits in float64 and be right all the same."""
    s, b, f, bound = case.symbolic, case.backprop, case.finite, case.bound
    tolerance = case.rounding + case.limits.close * max(abs(s), abs(b))
    if not case.near_a_kink:
        if not case.reference.referee.affords():
            return _by_columns(case)
        if case.unseen and case.proven >= case.wanted:
            return Outcome(Verdict.OK, None, case.proven)  # backprop and differences agree
        agreed = abs(f - s) <= bound <= 10.0**-case.wanted * abs(s)
        if agreed and not case.unseen and min(abs(s - b), abs(f - b) - bound) > tolerance:
            return Outcome(Verdict.WRONG, _two_to_one(case, tolerance))
    return Outcome(Verdict.UNRESOLVED, why, case.proven)


def _by_columns(case: Case) -> Outcome:
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
    return f"{told}{_fault(case, off)} {_OURS}"


def _fault(case: Case, off: Iterable[str]) -> str:
    """Which rule is at fault, where it is one of backprop's alone."""
    where = case.reference.at.wrong_vjp if list(off) == ["backprop"] else ""
    return f" The fault lies in {where}." if where else ""


# ---------------------------------------------------------------------------------------------
# Sums of entries
# ---------------------------------------------------------------------------------------------


def judge_sums(found: NameOutcome, limits: GradientsLimits = DEFAULTS) -> None:
    """Conclude from the sums of a large name, and from differences by node beside those entry by entry."""
    t = found.columns
    assert t.projections is not None
    if t.by_node is not None:
        off = differs_by_node(t.by_node, t.finite, t.bound, t.examined, limits.close)
        for entry in np.flatnonzero(off).tolist():
            note = (
                f"differences by node give {t.by_node[0][entry]:.10g}, entry by entry "
                f"{t.finite[entry]:.10g}: a step that is not affine although the table says so. {_OURS}"
            )
            found.outcomes[entry] = Outcome(Verdict.WRONG, note, float(found.digits[entry]))
    if t.projections.located or any(verdict is Verdict.WRONG for _, verdict in found.verdicts()):
        return
    if t.projections.differ:
        found.together = Verdict.UNRESOLVED
        found.note = "sums with random signs differ, but no entry was found"
    elif t.projections.stray:
        found.together = Verdict.UNRESOLVED
        found.note = "differences along a random direction see another slope than symbolic and backprop"
