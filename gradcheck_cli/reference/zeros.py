"""Reads numbers at one precision after another. Gives what is left of them: which are 0.

Terms that cancel leave something at every precision, and it falls with the digits that are added; a number
stays. Knows nothing of models and of verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.reference import ReferenceLimits

__all__ = ["AtDigits", "begin_after", "falls", "in_doubt", "left_of", "resolve_zeros"]

_LIMITS = ReferenceLimits()


class AtDigits(NamedTuple):
    """Numbers, float64 or of their own precision, and the decimal digits with which they were computed."""

    values: Array
    digits: int


def in_doubt(values: Array, rounding: Array, limits: ReferenceLimits = _LIMITS) -> Array:
    """Which numbers are so small beside what rounding may do that they may be what 50 digits leave of 0.

    Parameters
    ----------
    values : float64 array
    rounding : float64 array that broadcasts against it, in the same unit
    limits : the part of the rounding that is nothing

    Returns
    -------
    bool array
    """
    with np.errstate(all="ignore"):
        return ~np.asarray(np.abs(values) > limits.nearly_zero * rounding, dtype=bool)


def falls(before: AtDigits, now: AtDigits, limits: ReferenceLimits = _LIMITS) -> Array:
    """Which numbers shrink with the digits that were added between two precisions.

    Parameters
    ----------
    before, now : the same numbers, with few digits and with more
    limits : the share of the added digits by which they have to

    Returns
    -------
    bool array
        False where a number was 0 before.
    """
    added = min((now.digits - before.digits) * limits.falling_share, limits.most_falling)
    with np.errstate(all="ignore"):
        return np.asarray(abs(now.values) < abs(before.values) * 10.0**-added, dtype=bool)


def resolve_zeros(
    first: AtDigits, doubtful: Array, raises: Iterable[AtDigits], limits: ReferenceLimits = _LIMITS
) -> Array:
    """Numbers of which some may be 0, with as many digits as it takes.

    Parameters
    ----------
    first : the numbers as they are known
    doubtful : bool array of their shape
    raises : the numbers with more and more digits, computed as they are asked for
    limits : when a number falls

    Returns
    -------
    array of the shape of `first`
        Those in doubt as the last precision has them, and 0 where they fell at the last raise; the others
        as they were.
    """
    found, before = first.values, first
    for now in raises:
        left = np.where(falls(before, now, limits), 0 * now.values, now.values)
        found, before = np.where(doubtful, left, found), now
    return np.asarray(found)


def left_of(
    before: AtDigits, now: AtDigits, doubtful: Array, last: int, deeper: Callable[[], AtDigits | None],
    limits: ReferenceLimits = _LIMITS,
) -> Array:  # fmt: skip
    """What is left of numbers as digits are added. Those that were 0 before and are not now may be rounding
    of terms that cancel: they have to begin before the last digits, or to stay with more of them.

    Parameters
    ----------
    before, now : the same numbers, with few digits and with more
    doubtful : bool array of their shape
    last : decimal digits, the last ones of a precision, in which rounding of terms of size 1 may begin
    deeper : gives them with more digits yet, or None where these would be too many
    limits : when a number falls

    Returns
    -------
    array of the shape of the numbers, as that of `resolve_zeros`
    """
    found = resolve_zeros(before, doubtful, [now], limits)
    sudden = doubtful & np.asarray((before.values == 0) & (found != 0), dtype=bool)
    rest = sudden & begin_after(found, now.digits - last)
    found, sudden = np.where(rest, 0 * found, found), sudden & ~rest
    more = deeper() if sudden.any() else None
    return found if more is None else resolve_zeros(AtDigits(found, now.digits), sudden, [more], limits)


def begin_after(values: Array, digits: int) -> Array:
    """Which numbers of high precision are below 10 to the power of minus so many digits.

    Parameters
    ----------
    values : array, dtype object
    digits : decimal, behind the point

    Returns
    -------
    bool array
        True where a number is 0; False where it is none of high precision.
    """
    least = -digits * math.log2(10)
    below = np.frompyfunc(lambda x: hasattr(x, "context") and x.context.mag(x) < least, 1, 1)
    return np.asarray(below(values), dtype=bool)
