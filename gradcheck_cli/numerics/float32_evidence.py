"""Reads an array of doubles. Gives whether it holds float32 numbers, and that this is no accident.

A float32 program prints the shortest decimals that tell its numbers apart, or hands on their values. Knows
nothing of where an array comes from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.numerics.chunked_arrays import pieces
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["are_float32", "are_shortest"]

Array = NDArray[np.float64]


def are_float32(values: Array, limits: NumericsLimits = NUMERICS) -> bool:
    """Whether all entries are shortest texts of float32 numbers, or all are such numbers, and by chance they
    would hardly be.

    The chances of the entries are multiplied. A decimal of 7 digits says nothing. One of 8 or 9 is a shortest
    text by chance with a probability that depends on how many such decimals lie between two neighbors in
    float32; see `_chance_of_text`. A single text is no evidence, a single value in an array is.

    Parameters
    ----------
    values : (...) float64; of decimals of at most 15 digits, what they are read as
    limits : below which probability it is no accident

    Returns
    -------
    bool
    """
    if not values.ndim or not np.isfinite(values).all():
        return False
    return _tells(values, limits, as_text=False) or (values.size > 1 and _tells(values, limits, as_text=True))


def are_shortest(values: Array) -> bool:
    """Whether all entries are shortest texts of float32 numbers, be it by chance.

    Parameters
    ----------
    values : (...) float64

    Returns
    -------
    bool
    """
    with np.errstate(all="ignore"):
        return bool(np.array_equal(_as_printed(values.astype(np.float32)), values))


def _tells(values: Array, limits: NumericsLimits, *, as_text: bool) -> bool:
    """Whether all entries fit, and are together unlikely enough."""
    chance, most = 1.0, max(limits.text_by_chance)
    for part in _parts(values, limits):
        with np.errstate(all="ignore"):
            narrow = part.astype(np.float32)
        if not np.array_equal(_as_printed(narrow) if as_text else narrow.astype(np.float64), part):
            return False
        for value in part.tolist() if chance >= limits.accident else ():
            digits = _digits(value)
            chance *= _chance_of_text(value, digits, limits) if digits <= most else limits.value_by_chance
            if chance < limits.accident:
                break
    return chance < limits.accident


def _parts(values: Array, limits: NumericsLimits) -> Iterator[Array]:
    """All entries, few first: most arrays are seen to be no float32 by the first of them."""
    flat = values.reshape(-1)
    first, rest = flat[: limits.first_looked_at], flat[limits.first_looked_at :]
    yield first
    for part in pieces(rest.shape, limits):
        yield rest[part]


def _as_printed(narrow: NDArray[np.float32]) -> Array:
    """What the shortest texts of float32 numbers are read as."""
    return narrow.astype("U32").astype(np.float64)


def _digits(value: float) -> int:
    """Significant digits of the shortest text of a double."""
    mantissa = repr(abs(value)).split("e")[0].replace(".", "")
    return len(mantissa.strip("0"))


def _chance_of_text(value: float, digits: int, limits: NumericsLimits) -> float:
    """How likely a decimal near `value` with so many digits, whose last is not 0, is a shortest text.

    Of r decimals between two neighbors in float32 a tenth has fewer digits. If one of these is among them, it
    is shorter; so one of 0.9 r decimals is a shortest text, with probability 1 - r/10. What is larger than an
    average over numbers of all sizes, 0.31 for 8 digits and 0.03 for 9, counts as the average.
    """
    average = limits.text_by_chance.get(digits)
    if average is None:
        return 1.0
    gap = 2.0 ** (math.frexp(value)[1] - SIGNIFICANDS["float32"])
    between = gap / 10.0 ** (_exponent(value) - digits + 1)
    return min(average, max(0.0, 1 - between / 10) / (0.9 * between))


def _exponent(value: float) -> int:
    """Of the power of ten in scientific notation."""
    return int(f"{abs(value):.16e}".split("e")[1])
