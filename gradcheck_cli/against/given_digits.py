"""Reads numbers that were computed, and how many of their digits count. Gives half a unit of the last.

A difference of a loss has seven or eight digits, and where a derivative is 0 the noise of all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradcheck_cli.against.elsewhere import Numbers
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.against import AGAINST, AgainstLimits

__all__ = ["agreed_digits", "half_units", "to_digits"]


def half_units(values: Array, digits: int, limits: AgainstLimits = AGAINST) -> Array:
    """Half a unit of the last of so many significant digits.

    Parameters
    ----------
    values : float64 array
    digits : that count
    limits : what an entry may be off by beside far larger ones

    Returns
    -------
    float64 array of that shape
        Of each entry, and not less than a part of that of the largest.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        half = 0.5 * 10.0 ** (np.floor(np.log10(np.abs(values))) + 1 - digits)
    half = np.where(np.isfinite(half), half, 0.0)
    return np.maximum(half, limits.part_of_largest * np.max(half, initial=0.0))


def to_digits(found: Mapping[str, Numbers], digits: int | None) -> dict[str, Numbers]:
    """Gradients by name of which no more than so many digits count; None: all that they have."""
    if digits is None:
        return dict(found)
    return {
        name: replace(each, half_units=np.maximum(
            half_units(each.values, digits), 0.0 if each.half_units is None else each.half_units
        )) for name, each in found.items()
    }  # fmt: skip


def agreed_digits(claimed: Array, true: Array, limits: AgainstLimits = AGAINST) -> int:
    """How many digits of all claimed numbers agree with true ones.

    Parameters
    ----------
    claimed, true : float64 arrays of one shape
    limits : as of `half_units`

    Returns
    -------
    int
        The most for which each true number lies within half a unit of the last; 0 for none.
    """
    apart = np.abs(claimed - true)
    most = range(limits.most_digits, 0, -1)
    return next((n for n in most if np.all(apart <= half_units(claimed, n, limits))), 0)
