"""Reads derivatives that are claimed as numbers. Gives verdicts, at the given point, up to what rounding
explains and the digits that are written."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np

from gradcheck_cli.model.graph import Derivative, spell_shape
from gradcheck_cli.model.model import Claim
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.reference.referee import MOST_DIGITS
from gradcheck_cli.results.gradient_results import ClaimResult, Restriction, Verdict
from gradcheck_cli.verdicts.claims.at_kinks import (
    clear_kinks,
    judge_at_kink,
    judge_near_kink,
)
from gradcheck_cli.verdicts.claims.context import ClaimContext, name_of
from gradcheck_cli.verdicts.claims.discrepancy import Discrepancy

__all__ = ["digits_given", "is_too_wide", "judge_numbers", "numbers_of", "unwritten"]

_AS_FLOAT32 = "as float32 it would be right: if it was computed so, save it so"
_NUMBER = re.compile(r"[+-]?\s*[0-9.]+([eE][+-]?[0-9]+)?")


def judge_numbers(context: ClaimContext, claim: Claim, blank: ClaimResult) -> ClaimResult:
    """`blank`, filled in: WRONG where some entry is off by more than rounding and the digits explain."""
    claimed, true, rounding = numbers_of(context, claim)
    size = np.abs(claimed - true)
    discrepancy = Discrepancy(claimed, true, size, ~(size <= rounding + unwritten(claim, context.limits)))
    result = replace(context.with_worst_entry(blank, discrepancy, context.points[0]), points_total=1)
    kinked = judge_at_kink(context, claim, discrepancy, blank) if context.on_border else None
    if kinked is not None and (discrepancy.wrong.any() or kinked.verdict is Verdict.KINK):
        return kinked
    if kinked is not None and kinked.verdict is Verdict.WRONG:  # what programs print there
        return replace(kinked, verdict=Verdict.KINK, wrong=0, only=(Restriction.CONVENTION,))
    if context.on_border and discrepancy.wrong.any() and discrepancy.wrong.size > 1:
        discrepancy = clear_kinks(context, claim, discrepancy)
        result = replace(context.with_worst_entry(blank, discrepancy, context.points[0]), points_total=1)
    wide = np.any(rounding > context.limits.decidable * np.abs(true))
    loose = bool(wide and np.any(claimed != true))
    beside = judge_near_kink(context, claim, discrepancy, blank) if discrepancy.wrong.any() or loose else None
    if beside is not None:
        return beside
    if discrepancy.wrong.any() and not discrepancy.is_known():
        note = "the true value cannot be had here: 0/0, infinite, or outside a domain"
        return replace(result, verdict=Verdict.UNRESOLVED, note=note)
    if discrepancy.wrong.any():
        in_float32 = _is_right_in_float32(context, claim, discrepancy)
        said = _AS_FLOAT32 if in_float32 else _last_digit_note(
            claim, discrepancy, name_of(context.model, result), context.limits
        )
        result = context.with_pattern(result, discrepancy)
        return replace(result, verdict=Verdict.WRONG, points_wrong=1, note=said)
    display = name_of(context.model, result)
    return replace(result, note=_digits_note(claim, discrepancy, rounding, display, context.limits))


def _last_digit_note(
    claim: Claim, discrepancy: Discrepancy, name: str, limits: ClaimsLimits
) -> str | None:
    """What the worst number is to the digits written, where only the last of them is off, and by one."""
    if claim.half_units is None:
        return None
    unit = 2 * np.broadcast_to(claim.half_units, discrepancy.size.shape)
    slight = discrepancy.size < limits.one_digit_off * unit
    slight &= unit <= limits.last_of_some * np.abs(discrepancy.true)
    if not (slight | ~discrepancy.wrong).all():
        return None
    worst = discrepancy.worst()
    places = max(0, round(-math.log10(unit[worst])))
    it = f"{name}{spell_shape(worst)}" if worst else "it"
    return f"off in the last digit: {it} is {float(discrepancy.true[worst]):.{places}f} to the digits written"


def _is_right_in_float32(context: ClaimContext, claim: Claim, discrepancy: Discrepancy) -> bool:
    """Whether numbers that came as float64 are what a right program prints that computes in float32."""
    bits = SIGNIFICANDS["float32"]
    if claim.bits <= bits or claim.half_units is not None or not discrepancy.claimed.ndim:
        return False
    rounding = context.rounding(replace(claim, bits=bits), context.points[0], discrepancy.true)
    rounding = rounding.reshape(discrepancy.size.shape)
    return bool(np.all(discrepancy.size <= rounding))


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
    true = _limits(context, claim.target, floats(context.true_values(at).derivative(claim.target)))
    claimed = np.broadcast_to(np.asarray(claim.numbers, dtype=float), true.shape)
    rounding = context.rounding(claim, at, true).reshape(true.shape)
    safety = context.limits.rounding_safety if context.lacks_precision else 1.0  # the truth is off, too
    return claimed, true, safety * rounding


def _limits(context: ClaimContext, target: Derivative, true: Array) -> Array:
    """The truth, with the slope from both sides where the partials are 0/0: sin(x)/x at 0."""
    node = context.model.node(target.by)
    if not np.isnan(true).any() or context.model.node(target.of).shape or node.per_row:
        return true
    found = np.array(true)
    for place in np.argwhere(np.isnan(true))[: context.limits.most_slopes]:
        left, right = context.slopes(target, place) or (np.nan, np.nan)
        if abs(left - right) <= context.limits.same * max(abs(left), abs(right)):
            found[tuple(place)] = left
    return found


def unwritten(claim: Claim, limits: ClaimsLimits) -> Array | float:
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


def is_too_wide(claimed: Array, true: Array, tolerance: Array, share: float) -> bool:
    """Whether some tolerance is more than a share of the truth; 0 for 0 is out of question.

    Parameters
    ----------
    claimed, true, tolerance : float64 arrays of one shape and unit
    share : of the truth

    Returns
    -------
    bool
    """
    with np.errstate(all="ignore"):
        known = (tolerance <= share * np.abs(true)) | ((claimed == 0) & (true == 0))
    return not bool(np.all(known))


def _digits_note(
    claim: Claim, discrepancy: Discrepancy, rounding: Array, display: str, limits: ClaimsLimits
) -> str | None:
    """To how many digits numbers agree, or can be told from wrong ones; 0 for 0 is out of question."""
    true = discrepancy.true
    with np.errstate(all="ignore"):
        carried = np.clip(-np.log10(rounding / np.abs(true)), 0, MOST_DIGITS)
        carried = np.where((true == 0) & (discrepancy.claimed == 0), MOST_DIGITS, carried)
    fewest = int(np.min(np.nan_to_num(carried), initial=MOST_DIGITS))
    name = next(n for n, bits in SIGNIFICANDS.items() if bits == claim.bits)
    narrow = claim.bits < SIGNIFICANDS["float64"]
    written = digits_given(claim.text) if not true.ndim else _fewest_written(claim, discrepancy.claimed)
    carries = int(claim.bits * np.log10(2)) - limits.narrow_lost_digits
    most = max(1, carries) if narrow else limits.wanted_digits
    given = min(written or most, most if true.ndim else int(MOST_DIGITS))
    s = "" if fewest == 1 else "s"
    if fewest < given:
        where = ""
        if true.ndim:
            least = spell_shape(tuple(int(k) for k in np.unravel_index(np.argmin(carried), true.shape)))
            count = int(np.sum(carried < given))
            where = f" in {count:,} of {true.size:,} entries, the least in {display}{least}"
        return f"undecidable here beyond {fewest} digit{s}{where}: {name} carries no more"
    if _NUMBER.fullmatch(claim.text.strip()) and claim.half_units is not None and not written:
        return "no digit is given"
    if not written:
        return None
    if true.ndim:
        return f"agrees to the digits given: {min(written, fewest)} or more in each entry"
    return f"agrees to the {written} digits given"


def _fewest_written(claim: Claim, claimed: Array) -> int:
    """The fewest significant digits that an entry of an array is written with; 0 where that is not known, as
    of what was computed and of integers. A 0 has none."""
    if claim.half_units is None or not (claim.half_units > 0).all():
        return 0
    with np.errstate(divide="ignore"):
        digits = np.floor(np.log10(np.abs(claimed))) + 1 - np.rint(np.log10(2 * claim.half_units))
    return max(0, int(np.min(digits, where=claimed != 0, initial=MOST_DIGITS))) if claimed.any() else 0


def digits_given(text: str) -> int:
    """How many significant digits a number is written with; 0 for what is no single number."""
    if not _NUMBER.fullmatch(text.strip()):
        return 0
    mantissa = text.strip().lstrip("+-").lower().split("e")[0]
    return len(mantissa.replace(".", "").lstrip("0"))
