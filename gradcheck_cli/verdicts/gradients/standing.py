"""Reads one disputed entry: its columns and what high precision says. Gives where the methods stand.

Knows nothing of verdicts. Whatever asks for high precision may raise BudgetSpent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.reference.zeros import AtDigits, in_doubt, resolve_zeros
from gradcheck_cli.verdicts.gradients.classify import within
from gradcheck_cli.verdicts.gradients.columns import Columns
from gradcheck_cli.verdicts.gradients.reference_answers import NameReference
from gradcheck_cli.verdicts.kink_policy import Slopes

__all__ = ["DIFFERENCES", "Case", "Standing"]

DIFFERENCES = "finite differences"


@dataclass(frozen=True)
class Standing:
    """The truth as it was last asked for, the methods that are not there, and what explains the others."""

    truth: float
    off: tuple[str, ...]
    note: str | None = None


@dataclass
class Case:
    """One disputed entry."""

    entry: int
    columns: Columns
    reference: NameReference
    proven: float  # digits that the columns alone prove; nan: none
    wanted: float
    pooled: bool  # it is one of some that stand for others
    limits: GradientsLimits = DEFAULTS

    def __post_init__(self) -> None:
        t, k = self.columns, self.entry
        self.symbolic, self.backprop = float(t.symbolic_or_backprop[k]), float(t.backprop[k])
        self.finite, self.bound = float(t.finite[k]), float(t.bound[k])
        self.rounding, self.unseen = float(t.rounding[k]), bool(t.unseen[k])
        self.near_a_kink = bool(t.near_a_kink[k])
        self.is_followed = True  # whether exact slopes were asked for; False beyond the limit of work

    @cached_property
    def loss_size(self) -> float:
        """Of the value that is differentiated."""
        return float(np.max(np.abs(self.columns.point.tape.value(self.reference.of)), initial=0.0))

    @cached_property
    def first(self) -> float:
        """The derivative at 50 digits; nan where it is not known."""
        return self._at(self.reference.value)

    @cached_property
    def surest(self) -> float:
        """The derivative at 800 digits; nan where it is not known."""
        return self._at(self.reference.surest)

    @cached_property
    def beyond_float64(self) -> str | None:
        """The derivative as text, where it is finite at 50 digits and infinite as a double."""
        if np.isfinite(self.first) or self.reference.exact is None:
            return None
        exact, context = self.reference.exact[self.entry], self.reference.referee.high.context
        return str(context.nstr(exact, 10)) if context.isfinite(exact) else None

    @cached_property
    def below_float64(self) -> str | None:
        """The derivative as text, where it is 0 as a double and not at 50 digits, nor with more of them."""
        if self.first != 0 or self.reference.exact is None or not self.reference.exact[self.entry]:
            return None
        return str(self.reference.referee.high.context.nstr(self.reference.exact[self.entry], 10))

    def _at(self, values: Array | None) -> float:
        return float(values[self.entry]) if values is not None else np.nan

    @cached_property
    def slopes(self) -> Slopes | None:
        """The exact slopes to both sides: near a kink, or where the second way does not confirm the first."""
        near = (self.near_a_kink or not np.isfinite(self.first)) and self.reference.may_follow()
        self.is_followed = near or self._is_worth_slopes()
        if not self.is_followed:
            return None
        found = self.reference.slopes(self.entry)
        self.reference.followed += 1
        return found

    def _is_worth_slopes(self) -> bool:
        return not self.reference.is_confirmed(self.entry) and self.reference.at.slope_budget.take()

    @cached_property
    def contradicted(self) -> bool:
        """Whether the exact slopes are not the derivative at 50 digits."""
        return self.slopes is not None and not self.slopes.confirm(self.first)

    @cached_property
    def surest_slopes(self) -> Slopes | None:
        """The exact slopes with as many digits as can be had, where those with fewer contradict."""
        return self.reference.slopes(self.entry, self.reference.referee.surest)

    @cached_property
    def truth(self) -> float:
        """The derivative, by whichever way knows it; nan where none does."""
        slopes, found = self.slopes, self.first
        if self.contradicted:
            slopes = self.surest_slopes
            found = self.surest if self.reference.surest is not None else self.first
        return slopes.left if slopes is not None and not np.isfinite(found) else found

    @cached_property
    def rounding_is_known(self) -> bool:
        """Whether rounding has a bound here: it has none where float64 overflows on the way."""
        return bool(np.isfinite(self.rounding))

    @cached_property
    def standing(self) -> Standing:
        """Where the methods stand; those that are not where the truth is, but whose rules are, lost digits in
        float64."""
        truth, note, high = self.truth, None, self.reference.referee.high
        off = self._off(truth, high)
        excuse = self._excuse_of_differences(truth) if off == [DIFFERENCES] else None
        if excuse is not None:
            return Standing(truth, (), excuse)
        if off and np.isfinite(self.surest):
            truth, high = self.surest, self.reference.referee.surest
            off = self._off(truth, high)
        if "symbolic" in off and np.isnan(self.symbolic) and self.reference.symbolic_overflows(self.entry):
            off.remove("symbolic")
            note = "SymPy's form overflows here at any precision; high precision differences agree"
        elif np.isnan(self.symbolic) and "symbolic" not in off and "symbolic" in self.apart(truth):
            note = "SymPy's form overflows in float64 here; it agrees at high precision"
        if not self.unseen and self._sees_what_columns_say() and "backprop" in self.apart(truth):
            off = [label for label in off if label != DIFFERENCES]
        if "backprop" in off and self._gives_at_last(truth, high):
            off.remove("backprop")
            note = "backprop loses digits in float64 here; its rules agree at 50 digits"
        excuse = self._excuse_of_differences(truth) if off == [DIFFERENCES] else None
        if excuse is not None:
            off, note = [], excuse
        return Standing(truth, tuple(off), note)

    def _sees_what_columns_say(self) -> bool:
        """Whether the differences agree with symbolic and backprop: with the loss as float64 has it, though
        that may be another one than the decimals mean."""
        gap = max(abs(self.finite - self.backprop), abs(self.finite - self.symbolic))
        return bool(gap <= min(self.bound, 10.0**-self.wanted * abs(self.backprop)))

    @cached_property
    def displaced(self) -> tuple[str, ...]:
        """The methods whose numbers are not where the truth is, whatever explains it."""
        return self.standing.off or tuple(self.apart(self.standing.truth))

    def is_away(self, digits: float) -> bool:
        """Whether neither symbolic nor backprop has the truth, to so many digits or as far as rounding may
        take it."""
        truth = self.standing.truth
        least = max(self.tolerance(truth), 10.0**-digits * abs(truth))
        known = [self.backprop] if self.unseen or np.isnan(self.symbolic) else [self.symbolic, self.backprop]
        return all(not abs(value - truth) <= least for value in known)

    @cached_property
    def rounding_is_linear(self) -> bool:
        """Whether the rounding bound can be scaled as it was: smaller perturbations give the same one. Those
        of sin(1e30) change the value by its own size however small they are."""
        return bool(self.reference.rounding_is_linear[self.entry])

    @cached_property
    def nearest_truth(self) -> float:
        """The truth where no method is off."""
        return float(self._nearest)

    @cached_property
    def left_below(self) -> str | None:
        """That truth as text, where it is 0 as a double alone."""
        if self.nearest_truth != 0 or self._nearest == 0:
            return None
        return str(self.reference.referee.high.context.nstr(self._nearest, 10))

    @cached_property
    def _nearest(self) -> Any:
        """The truth where no method is off. So small a part of what rounding may do is asked for with more
        digits, where they can be had: 50 leave something of terms that cancel exactly."""
        truth, referee = self.standing.truth, self.reference.referee
        if not in_doubt(np.asarray(truth), np.asarray(self.tolerance(truth)), referee.limits):
            return truth
        raised = self._with_more_digits() if self.reference.at.can_be_surest() else iter(())
        following = next(raised, None)
        if following is None:  # rounding that is known hides it all the same
            return 0.0 if self.rounding_is_known else truth
        known = referee.high if np.isfinite(self.first) else referee.higher
        first = AtDigits(np.asarray(truth), known.context.dps)
        return resolve_zeros(first, np.asarray(True), (following, *raised), referee.limits)[()]

    def _with_more_digits(self) -> Iterator[AtDigits]:
        """The derivative with 800 digits; and what is then nothing as a double alone with twice as many: it
        may be what 800 leave of terms that cancel. Where partials have no value, the slopes with 800."""
        referee = self.reference.referee
        if not np.isfinite(self.surest):
            if not np.isfinite(self.first) and self.surest_slopes is not None:
                yield AtDigits(np.asarray(self.surest_slopes.left), referee.surest.context.dps)
            return
        for m in (referee.surest, referee.deep(referee.surest.context.dps)):
            exact = self.reference.exact_in(m)
            if exact is None:
                return
            yield AtDigits(np.asarray(exact[self.entry], dtype=object), m.context.dps)
            if float(exact[self.entry]) != 0 or exact[self.entry] == 0:
                return

    def tolerance(self, truth: float) -> float:
        """What a method may be off by."""
        if self.rounding_is_known:
            return self.rounding
        return max(self.limits.close * abs(truth), self.bound if np.isfinite(self.bound) else 0.0)

    def error(self, truth: float) -> float:
        """How far symbolic and backprop are off, or rounding may take them, whichever is more."""
        with np.errstate(all="ignore"):
            symbolic, backprop = abs(self.symbolic - truth), abs(self.backprop - truth)
        known = 0.0 if np.isnan(symbolic) else symbolic  # what overflows at any precision is no number
        return max(self.tolerance(truth), known, np.inf if np.isnan(backprop) else backprop)

    def _off(self, truth: float, m: Any) -> list[str]:
        """The methods that are not where the truth is; not symbolic, where its rules in m are."""
        off = self.apart(truth)
        if "symbolic" in off and self._gives(self.reference.symbolic(m), truth):
            off.remove("symbolic")
        return off

    def apart(self, truth: float) -> list[str]:
        """The methods whose numbers are farther from the truth than their bounds."""
        tolerance = np.asarray(self.tolerance(truth))
        where = within(self.columns, self.entry, np.asarray(truth), tolerance)
        labels = ("symbolic", "backprop", DIFFERENCES)
        return [label for label, right in zip(labels, where, strict=True) if not right]

    def _gives(self, values: Array | None, truth: float) -> bool:
        """Whether a method evaluated at high precision gives the truth."""
        return bool(abs(self._at(values) - truth) <= self.limits.same_value * abs(truth))

    def _gives_at_last(self, truth: float, m: Any) -> bool:
        """Whether backprop's rules give the truth at 50 digits, or where those are too few in m: an angle of
        1e43 takes 43 of them."""
        fewer = self.reference.referee.high
        return any(self._gives(self.reference.backprop(n), truth) for n in dict.fromkeys((fewer, m)))

    def _excuse_of_differences(self, truth: float) -> str | None:
        """Why differences in float64 see another slope where exact ones confirm the truth: the loss is a
        staircase of rounding, an entry as a whole hardly changes it, so that at steps at which it does the
        loss may be another, or the loss turns between neighboring doubles."""
        gap = abs(self.finite - truth)
        x = abs(float(np.ravel(self.columns.point.tape.value(self.reference.name))[self.entry])) or 1.0
        is_staircase = (
            gap <= self.limits.staircase * self.bound
            or abs(truth) * x <= self.limits.flat * self.loss_size
            or min(abs(truth), self.loss_size) <= self.limits.underflow
        )
        if not is_staircase and not self._turns_within_a_unit(truth):
            return None
        excuse = _STAIRCASE if is_staircase else _STEEP
        if self.reference.is_confirmed(self.entry):
            return excuse
        if not np.isfinite(truth):
            return None
        sides = self.reference.slopes(self.entry)
        if sides is not None and not sides.confirm(truth):
            sides = self.surest_slopes
        return excuse if sides is not None and sides.confirm(truth) else None

    def _turns_within_a_unit(self, truth: float) -> bool:
        """Whether the exact slope over one unit in the last place of the entry is another: no two doubles
        show the derivative."""
        over = self.reference.slopes(self.entry, exponent=self.limits.unit_exponent)
        return over is not None and not over.confirm(truth)


_STAIRCASE = "float64 differences see only rounding here; exact differences agree"
_STEEP = "the loss turns within a few neighboring doubles, which differences do not see; exact ones agree"
