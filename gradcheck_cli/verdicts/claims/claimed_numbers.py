"""Reads derivatives that are claimed as numbers. Gives them beside the true ones, with what rounding and the
digits that are not written may come to. Knows nothing of verdicts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gradcheck_cli.model.model import Claim
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.float_formats import FORMATS, SIGNIFICANDS
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.reference.stochastic_rounding import unmeasured_rounding
from gradcheck_cli.reference.zeros import AtDigits, resolve_zeros
from gradcheck_cli.verdicts.claims.context import ClaimContext
from gradcheck_cli.verdicts.claims.discrepancy import Discrepancy
from gradcheck_cli.verdicts.claims.true_values import At

__all__ = [
    *("ClaimedNumbers", "claimed_numbers", "column_of", "format_of", "numbers_of"),
    *("rounding_of_column", "unwritten_part"),
]


@dataclass(frozen=True)
class ClaimedNumbers:
    """Claimed beside true numbers. `rounding`: what a right program may be off by, infinite where that is not
    known; `written`: what the digits that are not written may come to."""

    claim: Claim
    claimed: Array
    true: Array
    rounding: Array
    written: Array | float
    limits: ClaimsLimits

    def tolerance(self, scale: Array | float = np.nan) -> Array:
        """By how much a number that is not wrong may be off, coarsely where rounding has no bound.

        Parameters
        ----------
        scale : float64, one for each entry or for all; nan away from kinks
            Of the slopes at a kink, where the measured rounding is that of both sides.

        Returns
        -------
        float64 array of the shape of the derivative, absolute
        """
        coarse = self.limits.coarse * np.abs(self.true)
        measured = np.where(np.isfinite(self.rounding), self.rounding, coarse)
        wider = 2.0 ** (SIGNIFICANDS["float64"] - self.claim.bits)
        at_kink = np.fmin(self.rounding, wider * self.limits.kink_rounding * np.asarray(scale))
        return np.asarray(np.where(np.isnan(scale), measured, at_kink) + self.written)

    @property
    def discrepancy(self) -> Discrepancy:
        """What is off by more; also what is no zero, and a small part of the true value: rounding of terms
        that cancel leaves more."""
        with np.errstate(all="ignore"):
            size, claimed = np.abs(self.claimed - self.true), np.abs(self.claimed)
            wrong = ~(size <= self.tolerance()) & ~(self.agrees & (size <= self._left_of_larger()))
            part = (claimed > 0) & (claimed < self.limits.small_part * np.abs(self.true))
        return Discrepancy(self.claimed, self.true, size, wrong | (part & ~self.agrees))

    def _left_of_larger(self) -> float:
        """What rounding leaves of larger entries in an array that a program computed: it differentiates as it
        likes, y*(1 - y) or by parts, and terms as large as theirs may cancel in this one."""
        written = self.claim.half_units is not None or self.claim.integers is not None
        if written or self.claim.target.index or self.claim.target.is_value:
            return 0.0
        largest = np.max(np.abs(self.true), where=np.isfinite(self.true), initial=0.0)
        return float(2.0**-self.claim.bits * self.limits.units_of_largest * largest)

    @property
    def agrees(self) -> Array:
        """Where a number is the true one, to the digits that are written, wanted, or kept by its format."""
        with np.errstate(all="ignore"):
            wanted = 10.0**-self.limits.wanted_digits * np.abs(self.true)
            wanted = np.maximum(wanted, _storing(self.claim, self.true))
            near = np.abs(self.claimed - self.true) <= wanted + self.written
        return np.asarray(near & np.isfinite(self.true))

    @property
    def measured(self) -> Array:
        """The rounding; of numbers that agree where it leaves no digit, what they agree to."""
        off = np.abs(self.claimed - self.true) + 2.0**-self.claim.bits * np.abs(self.true)
        return np.asarray(np.where(self.rests_on_agreement, off, self.rounding))

    @property
    def rests_on_agreement(self) -> Array:
        """Where rounding leaves no digit, and a number is the true one all the same."""
        with np.errstate(all="ignore"):
            nothing = ~(self.rounding <= self.limits.no_digit * np.abs(self.true))
        return np.asarray(nothing & self.agrees & (self.true != 0))


def claimed_numbers(context: ClaimContext, claim: Claim) -> ClaimedNumbers:
    """The numbers of a claim beside the true ones, at the given point."""
    found = numbers_of(context, claim)
    numbers = ClaimedNumbers(claim, *found, unwritten_part(claim, context.limits), context.limits)
    no_bound = (numbers.true != 0) & (numbers.rounding <= context.limits.subnormal)
    if not no_bound.any():
        return numbers
    unknown = replace(numbers, rounding=np.where(no_bound, np.inf, numbers.rounding))
    return replace(numbers, rounding=rounding_of_column(context, unknown))


def numbers_of(context: ClaimContext, claim: Claim) -> tuple[Array, Array, Array]:
    """Claimed and true numbers at the given point.

    Parameters
    ----------
    context : points and true values
    claim : one with numbers

    Returns
    -------
    claimed, true : float64 arrays of the shape of the derivative
    rounding : float64 array of that shape
        By how much rounding may have moved the claimed numbers.
    """
    at = context.points[0]
    truth = context.true_values(at, [claim.target])
    true = np.asarray(floats(truth.derivative(claim.target)))
    claimed = np.broadcast_to(np.asarray(claim.numbers, dtype=float), true.shape)
    rounding = context.rounding(claim, at, true).reshape(true.shape) + _storing(claim, true)
    safety = context.limits.rounding_safety if context.lacks_precision else 1.0  # the truth is off, too
    if truth.exact:
        true = _with_digits_in_doubt(context, claim, claimed, true, rounding)
    return claimed, true, safety * rounding


def unwritten_part(claim: Claim, limits: ClaimsLimits) -> Array | float:
    """What the digits that are not written may come to.

    Parameters
    ----------
    claim : one with numbers
    limits : slack for a half unit that is itself rounded

    Returns
    -------
    float64 array of the shape of the numbers, in their unit; 0.0 where they were not written as text
    """
    return 0.0 if claim.half_units is None else claim.half_units * (1 + limits.half_unit_slack)


def _storing(claim: Claim, true: Array) -> Array | float:
    """What a number loses that was computed with more digits and saved in a narrow format, and once more as
    its shortest text is written."""
    if claim.bits >= SIGNIFICANDS["float64"]:
        return 0.0
    smallest = FORMATS[format_of(claim)].smallest
    half = np.maximum(2.0**-claim.bits * np.abs(true), np.where(true == 0, 0.0, smallest / 2))
    return np.asarray(2 * half)


def format_of(claim: Claim) -> str:
    """The format in which its numbers were computed."""
    return next(name for name, bits in SIGNIFICANDS.items() if bits == claim.bits)


def _with_digits_in_doubt(
    context: ClaimContext, claim: Claim, claimed: Array, true: Array, rounding: Array
) -> Array:
    """The true values, those that 50 digits may not give with as many as it takes: of which float64 has no
    digit, as of sin(pi), 1 - tanh(170)^2 and tan(1e54); or, where they decide, of which it has another first
    digit, as of 1 - 2*x*dawson(x) at 1e20; or that are 0/0, as of asin(tanh(170))."""
    limits, referee, at = context.referee.limits, context.referee, context.points[0]
    small = ~(rounding <= context.limits.no_digit * np.abs(true))
    small &= rounding > context.limits.subnormal
    decide = (true == 0) | ~(np.abs(claimed - true) <= rounding + unwritten_part(claim, context.limits))
    if (decide & ~small).any():
        column = column_of(context, claim)
        with np.errstate(all="ignore"):
            other = np.abs(column - true) > context.limits.coarse * np.abs(true)
        small |= decide & other & np.isfinite(column)
    small &= ~np.isinf(true)
    if not small.any():
        return true
    surest = context.true_values(at, [claim.target], referee.surest)
    if not surest.exact:
        return true
    first = AtDigits(true, context.true_values(at, [claim.target]).digits)
    last = AtDigits(floats(surest.derivative(claim.target)), surest.digits)
    return resolve_zeros(first, small, [last], limits)


def column_of(context: ClaimContext, claim: Claim, at: At | None = None) -> Array:
    """What float64 makes of the derivative.

    Parameters
    ----------
    context : points and true values
    claim : of a derivative, or a value
    at : the point; the given one if it is None

    Returns
    -------
    float64 array of the shape of the derivative
    """
    there = context.in_float64.true_values(at or context.points[0])
    return np.asarray(there.derivative(claim.target))


def rounding_of_column(context: ClaimContext, numbers: ClaimedNumbers) -> Array:
    """The rounding bounds; where there is none, as 0*log(0) has none, what float64 keeps of a derivative that
    it computes all the same.

    Parameters
    ----------
    context : points and true values
    numbers : those of a claim

    Returns
    -------
    float64 array of the shape of the derivative, absolute
        inf where it is not known.
    """
    unknown = ~np.isfinite(numbers.rounding) & np.isfinite(numbers.true)
    if not unknown.any():
        return numbers.rounding
    limits, column = context.limits, column_of(context, numbers.claim)
    with np.errstate(all="ignore"):
        off = limits.column_safety * np.abs(column - numbers.true)
        found = off + unmeasured_rounding(numbers.true, numbers.claim.bits)
    return np.where(unknown & (found <= limits.no_digit * np.abs(numbers.true)), found, numbers.rounding)
