"""Reads disputed entries and what high precision says of them. Gives their outcomes.

Entries about which no doubt is left are concluded on together, those on kinks that are alike by one of them,
and all others one by one, by the first of the rules that concludes. Knows nothing of the rules.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.zeros import in_doubt
from gradcheck_cli.verdicts.gradients.alike_entries import are_alike, groups_of
from gradcheck_cli.verdicts.gradients.classify import carried_digits, within
from gradcheck_cli.verdicts.gradients.outcomes import NameOutcome, Outcome, PointOutcome
from gradcheck_cli.verdicts.gradients.reference_answers import NameReference, PointReference
from gradcheck_cli.verdicts.gradients.resolution_rules import RULES, within_rounding
from gradcheck_cli.verdicts.gradients.standing import Case
from gradcheck_cli.verdicts.gradients.without_reference import without_budget

__all__ = ["resolve", "resolve_entry", "resolve_together"]


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
        return without_budget(case, str(spent))


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
            found.add(entry, within_rounding(wanted, *known))
    return plain
