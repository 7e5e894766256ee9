"""Reads derivatives that are claimed as numbers. Gives verdicts, at the given point, up to what rounding
explains and the digits that are written."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np

from gradcheck_cli.model.graph import spell_shape
from gradcheck_cli.model.model import Claim
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float32_evidence import are_shortest
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.numerics.machine import EPS, MOST_DIGITS
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.problem_condition import derivative_movement, moved_by_one_unit
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.at_kinks import judge_near_kink, other_sides_of
from gradcheck_cli.verdicts.claims.claimed_numbers import (
    ClaimedNumbers,
    claimed_numbers,
    column_of,
    format_of,
    numbers_of,
    rounding_of_column,
)
from gradcheck_cli.verdicts.claims.context import ClaimContext, name_of
from gradcheck_cli.verdicts.claims.discrepancy import Discrepancy
from gradcheck_cli.verdicts.claims.held_to_slopes import Held, hold_to_slopes, verdict_at_kink
from gradcheck_cli.verdicts.claims.true_values import At, entry_of

__all__ = ["digits_given", "hold_numbers", "is_too_wide", "judge_numbers"]

_AS_FLOAT32 = "as float32 it would be right: if it was computed so, save it so"
_SAY_FLOAT32 = 'judged as float64; as float32 it would be right: if it is, write from "FILE" as float32'
_NO_DIGIT = "undecidable here: {} carries no digit of the true value, and yours is not it"
_FEW_DIGITS = "undecidable here: rounding may leave {} few digits of the true value, and yours is not it"
_TOO_SMALL = "undecidable here: {} holds no number as small as yours"
_NUMBER = re.compile(r"[+-]?\s*[0-9.]+([eE][+-]?[0-9]+)?")


def judge_numbers(context: ClaimContext, claim: Claim, blank: ClaimResult) -> ClaimResult:
    """`blank`, filled in: WRONG where some entry is off by more than rounding and the digits explain."""
    numbers = claimed_numbers(context, claim)
    blank = replace(blank, points_total=1)
    is_value = claim.target.is_value
    if not is_value and (context.on_kink or not np.isfinite(numbers.true).all()):
        numbers, held = _beside_slopes(context, numbers)
        kinked = verdict_at_kink(context, claim, held, blank) if held else None
        if kinked is not None:
            return kinked
    discrepancy = _beyond_float64(context, numbers)
    result = context.with_worst_entry(blank, discrepancy, context.points[0])
    wide = np.any(numbers.rounding > context.limits.decidable * np.abs(numbers.true))
    loose = bool(wide and np.any(numbers.claimed != numbers.true))
    loose = not is_value and (loose or bool(discrepancy.wrong.any()))
    beside = judge_near_kink(context, claim, discrepancy, blank) if loose else None
    if beside is not None:
        return beside
    if discrepancy.wrong.any() and not discrepancy.is_known():
        note = "the true value cannot be had here: 0/0, infinite, or outside a domain"
        return replace(result, verdict=Verdict.UNRESOLVED, note=note)
    sides = _on_other_sides(context, numbers)
    if sides:
        where = f"on another side of {', '.join(sides)} than the decimals"
        note = f"float64, which gives your number, is {where}"
        return replace(result, verdict=Verdict.UNRESOLVED, note=note)
    if discrepancy.wrong.any():
        off = _last_digit_note(claim, discrepancy, name_of(context.model, result), context.limits)
        said = "; ".join(filter(None, (off, _float32_note(context, claim), claim.doubt))) or None
        result = context.with_pattern(result, discrepancy)
        return replace(result, verdict=Verdict.WRONG, points_wrong=1, note=said)
    too_small = _below_all_doubles(numbers)
    if too_small.any():
        shown = replace(discrepancy, wrong=too_small)
        result = replace(context.with_worst_entry(blank, shown, context.points[0]), wrong=0)
        return replace(result, verdict=Verdict.UNRESOLVED, note=_TOO_SMALL.format(format_of(claim)))
    open_ones = _undecided_entries(context, numbers)
    if open_ones.any() and not _is_met_exactly(context, claim):
        shown = replace(discrepancy, wrong=open_ones)
        result = replace(context.with_worst_entry(blank, shown, context.points[0]), wrong=0)
        some = np.any(open_ones & (numbers.rounding <= context.limits.no_digit * np.abs(numbers.true)))
        note = (_FEW_DIGITS if some else _NO_DIGIT).format(format_of(claim))
        return replace(result, verdict=Verdict.UNRESOLVED, note=note)
    display = name_of(context.model, result)
    return replace(result, note=_digits_note(numbers, discrepancy, display, context.limits))


def _beyond_float64(context: ClaimContext, numbers: ClaimedNumbers) -> Discrepancy:
    """What is off. A small part of the true value is not, where float64 itself leaves no more of it: of terms
    that cancel once 1 - erf(9) is 0."""
    found = numbers.discrepancy
    small = found.wrong & (found.size <= numbers.tolerance())
    if not small.any():
        return found
    with np.errstate(all="ignore"):
        left = np.abs(column_of(context, numbers.claim))
        none_left = left < context.limits.small_part * np.abs(numbers.true)
    return replace(found, wrong=found.wrong & ~(small & none_left))


def hold_numbers(context: ClaimContext, claim: Claim) -> Held | None:
    """Numbers beside the slopes at the given point; None where there is nothing to hold them to."""
    numbers = claimed_numbers(context, claim)
    return _beside_slopes(context, numbers)[1]


def _beside_slopes(context: ClaimContext, numbers: ClaimedNumbers) -> tuple[ClaimedNumbers, Held | None]:
    """The numbers, with the derivatives and the rounding that slopes tell, and how they stand beside them."""
    def better(true: Array) -> ClaimedNumbers:
        known = replace(numbers, true=true)
        return replace(known, rounding=rounding_of_column(context, known))

    def tolerance(true: Array, scale: Array) -> Array:
        return better(true).tolerance(scale)

    held = hold_to_slopes(context, numbers.claim, numbers.discrepancy, tolerance)
    return (better(held.discrepancy.true) if held else numbers), held


def _on_other_sides(context: ClaimContext, numbers: ClaimedNumbers) -> list[str]:
    """The functions that explain numbers which are wrong, and what float64 computes: it stands on another
    side of their kinks or jumps. Whole numbers worked by hand are none of float64."""
    wrong = numbers.discrepancy.wrong
    if not wrong.any() or numbers.claim.integers is not None:
        return []
    column = replace(numbers, true=column_of(context, numbers.claim))
    return other_sides_of(context) if bool((column.agrees | ~wrong).all()) else []


def _below_all_doubles(numbers: ClaimedNumbers) -> Array:
    """Numbers whose last digit written is below the smallest double, as they are: 3e-400."""
    units, smallest = numbers.claim.half_units, numbers.limits.subnormal
    if units is None:
        return np.zeros(numbers.claimed.shape, bool)
    return np.asarray((units > 0) & (units <= smallest) & (np.abs(numbers.claimed) <= smallest))


def _is_met_exactly(context: ClaimContext, claim: Claim) -> bool:
    """Whether the true value decides on whole numbers, whatever float64 keeps of it."""
    is_whole = claim.integers is not None and not context.on_kink
    return is_whole and bool(context.true_values(context.points[0]).exact)


def _undecided_entries(context: ClaimContext, numbers: ClaimedNumbers) -> Array:
    """Entries that are off by less than rounding explains, where it leaves no digit of the true value: any
    number would do; or few, although float64 keeps more. None of them is what float64 computes near the true
    value, nor what rounding leaves of terms that cancel, nor where the problem itself carries no digit: at an
    optimum."""
    true, limits, target = np.abs(numbers.true), context.limits, numbers.claim.target
    with np.errstate(all="ignore"):
        few = ~(numbers.rounding <= limits.few_digits * true) & ~numbers.agrees
    no_bound = _without_a_bound(context, numbers)
    if not (few | no_bound).any():
        return few
    column = column_of(context, numbers.claim)
    with np.errstate(all="ignore"):
        near = np.abs(column - numbers.true) <= limits.coarse * true
        keeps = replace(numbers, claimed=column).agrees  # float64 keeps what the bound does not promise
        nothing = few & (keeps | ~(numbers.rounding <= limits.no_digit * true))
        of_column = near & replace(numbers, true=column).agrees
    nothing, no_bound = nothing & ~of_column, no_bound & ~of_column
    nothing &= ~_left_of_terms(context, numbers, near & (true > 0))
    if nothing.any():
        nothing &= ~_left_of_zero(context, numbers)
    if target.is_value or not nothing.any():
        return np.asarray(nothing | no_bound)
    return np.asarray((nothing & ~_lost_in_the_problem(context, numbers)) | no_bound)


def _left_of_terms(context: ClaimContext, numbers: ClaimedNumbers, kept: Array) -> Array:
    """Entries in whose place rounding of terms as large as the others may stand: that is nothing beside the
    largest entry, or, of a derivative of 0, beside one that would change the step by as much as its terms. Of
    the values of a step, which need have nothing to do with each other, none that float64 has `kept`."""
    true, target = np.abs(numbers.true), numbers.claim.target
    wider = 2.0 ** (SIGNIFICANDS["float64"] - numbers.claim.bits)
    noise = min(context.limits.noise * wider, context.limits.no_digit)
    scale = np.full(true.shape, np.max(true, where=np.isfinite(true), initial=0.0))
    if target.is_value:
        return np.asarray(~kept & (numbers.rounding <= noise * scale))
    at = context.points[0]
    terms = context.referee.value_rounding(at.values, [target.of])[target.of] / EPS
    of, by = (np.abs(floats(context.true_values(at).leaf(name))) for name in (target.of, target.by))
    largest, moved = (float(np.max(x, initial=0.0)) for x in (np.fmax(of, terms), by))
    scale = np.where(true == 0, np.maximum(scale, largest / (moved or 1.0)), scale)
    return np.asarray(numbers.rounding <= noise * scale)


def _left_of_zero(context: ClaimContext, numbers: ClaimedNumbers) -> Array:
    """Entries that are 0, of which float64 leaves as much at the point or beside it."""
    is_zero = np.asarray((numbers.true == 0) & np.isfinite(numbers.rounding))
    if not is_zero.any():
        return is_zero
    left = np.abs(column_of(context, numbers.claim))
    random = np.random.Generator(np.random.PCG64(context.referee.limits.unit_seed))
    for _ in range(context.limits.movements):
        beside = moved_by_one_unit(context.model, context.points[0].values, random)
        left = np.fmax(left, np.abs(column_of(context, numbers.claim, At(0, PointValues.of(beside)))))
    return np.asarray(is_zero & (np.abs(numbers.claimed) <= context.limits.column_safety * left))


def _without_a_bound(context: ClaimContext, numbers: ClaimedNumbers) -> Array:
    """Where the rounding bound is wide, the number is not the true one, and smaller perturbations do not give
    that bound: it is the height of a jump, or of a wave, and not what rounding does."""
    with np.errstate(all="ignore"):
        wide = ~(numbers.rounding <= context.limits.decidable * np.abs(numbers.true)) & ~numbers.agrees
    wide &= np.isfinite(numbers.rounding)
    target = numbers.claim.target
    if not wide.any() or context.lacks_precision:
        return np.zeros(wide.shape, dtype=bool)
    by = None if target.is_value else target.by
    linear = context.referee.rounding_is_linear(context.points[0].values, target.of, by)
    if target.index and (by is None or context.model.node(by).shape):
        linear = entry_of(linear, target.index)
    if linear.shape != wide.shape:  # a Jacobian in the other layout
        linear = linear.swapaxes(-1, -2)
    return np.asarray(wide & ~linear)


def _lost_in_the_problem(context: ClaimContext, numbers: ClaimedNumbers) -> Array:
    """Where the exact derivative moves with the last digit of the values as rounding does."""
    target, referee, at = numbers.claim.target, context.referee, context.points[0]
    if context.lacks_precision or not referee.affords():
        return np.zeros(numbers.true.shape, dtype=bool)
    try:
        moves = derivative_movement(referee, at.values, target.of, [target.by], context.limits.movements)
    except BudgetSpent:
        return np.zeros(numbers.true.shape, dtype=bool)
    found = moves[target.by]
    if target.index and context.model.node(target.by).shape:
        found = entry_of(found, target.index)
    if found.shape != numbers.true.shape:  # a Jacobian in the other layout
        found = found.swapaxes(-1, -2)
    bounded = np.isfinite(numbers.rounding)
    return np.asarray(bounded & (numbers.rounding <= referee.limits.problem_ratio * found))


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
    it = f"{name}{spell_shape(worst)}" if worst else "it"
    written = _to_unit(float(discrepancy.true[worst]), float(unit[worst]), limits.most_places)
    return f"off in the last digit: {it} is {written} to the digits written"


def _to_unit(number: float, unit: float, most_places: int) -> str:
    """A number to a unit of its last digit, as 0.510 to 0.001; with an exponent where places are many."""
    places = max(0, round(-math.log10(unit)))
    if places <= most_places:
        return f"{number:.{places}f}"
    return f"{number:.{max(0, places + math.floor(math.log10(abs(number))))}e}"


def _float32_note(context: ClaimContext, claim: Claim) -> str | None:
    """What is said of an array that would be right if it had been saved as float32; of decimals, typed or in
    a file, only where they are such as float32 programs print, too few to tell."""
    numbers = np.asarray(claim.numbers, dtype=float)
    if claim.bits <= SIGNIFICANDS["float32"] or not numbers.ndim or claim.integers is not None:
        return None
    is_text = claim.half_units is not None
    if is_text and not are_shortest(numbers):
        return None
    if not _is_right_in_float32(context, claim, numbers):
        return None
    return _SAY_FLOAT32 if is_text else _AS_FLOAT32


def _is_right_in_float32(context: ClaimContext, claim: Claim, numbers: Array) -> bool:
    """Whether numbers are within what a right program may be off by once they are rounded to float32."""
    with np.errstate(all="ignore"):
        saved = numbers.astype(np.float32).astype(float)
    if not np.isfinite(saved).all() or ((saved == 0) & (numbers != 0)).any():
        return False
    narrow = replace(claim, numbers=saved, half_units=None, bits=SIGNIFICANDS["float32"])
    held = ClaimedNumbers(narrow, *numbers_of(context, narrow), 0.0, context.limits)
    return not held.discrepancy.wrong.any()


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
    numbers: ClaimedNumbers, discrepancy: Discrepancy, display: str, limits: ClaimsLimits
) -> str | None:
    """To how many digits numbers agree, or can be told from wrong ones; 0 for 0 is out of question."""
    claim, true = numbers.claim, discrepancy.true
    with np.errstate(all="ignore"):
        carried = np.clip(-np.log10(numbers.measured / np.abs(true)), 0, MOST_DIGITS)
        carried = np.where((true == 0) & (discrepancy.claimed == 0), MOST_DIGITS, carried)
    fewest = int(np.min(np.nan_to_num(carried), initial=MOST_DIGITS))
    name = format_of(claim)
    narrow = claim.bits < SIGNIFICANDS["float64"]
    written = digits_given(claim.text) if not true.ndim else _fewest_digits(claim, discrepancy.claimed)
    carries = int(claim.bits * np.log10(2)) - limits.narrow_lost_digits
    wanted = int(MOST_DIGITS) if numbers.rests_on_agreement.any() else limits.wanted_digits
    most = max(1, carries) if narrow else wanted
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
    if not written or narrow:
        return None
    if true.ndim:
        return f"agrees to the digits given: {min(written, fewest)} or more in each entry"
    return f"agrees to the {written} digit{'' if written == 1 else 's'} given"


def _fewest_digits(claim: Claim, claimed: Array) -> int:
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
