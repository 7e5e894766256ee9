"""Reads arrays of mpmath's numbers, and what multiplies and adds them. Gives the result, by whole numbers.

A number of mpmath is a whole number times a power of 2. Brought to a common power, arrays of them are
multiplied and added as Python's integers: in a tenth of the time, and exactly, so that what comes out is
rounded once. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["multilinear"]

Array = NDArray[Any]


def multilinear(
    function: Callable[..., Array], context: Any, *arrays: Array, settled: bool = False,
    limits: NumericsLimits = NUMERICS,
) -> Array:  # fmt: skip
    """function(*arrays), rounded once, to the precision of a context.

    Where there are infinite numbers, or sizes too different for whole numbers to be quick, the function is
    called with the numbers as they are.

    Parameters
    ----------
    function : linear in each array, as a matrix product is
    context : an mpmath context
    arrays : of dtype object, numbers of the context
    settled : a sum whose terms cancel to all but their last digits is 0, as 0.1 + 0.2 - 0.3 is
    limits : how wide arrays may be, and how many last bits say nothing

    Returns
    -------
    array of dtype object, of the shape that the function gives
    """
    scaled = [_whole(array, context, limits.widest) for array in arrays]
    wholes = [each for each in scaled if each is not None]
    if len(wholes) < len(scaled):
        return np.asarray(function(*arrays))
    result = np.asarray(function(*(whole for whole, _ in wholes)), dtype=object)
    if settled:
        bits = context.prec - limits.spare_bits
        result = _without_rests(result, function, [whole for whole, _ in wholes], bits)
    power = sum(exponent for _, exponent in wholes)
    return _numbers(result, power, context)


def _whole(array: Array, context: Any, widest: int) -> tuple[Array, int] | None:
    """Whole numbers of the same shape, and the power of 2 they are to be multiplied by."""
    parts = [context.convert(number)._mpf_ for number in array.reshape(-1)]
    if any(exponent and not whole for _, whole, exponent, _ in parts):
        return None  # infinite, or no number
    ends = [(exponent, exponent + bits) for _, whole, exponent, bits in parts if whole]
    low = min((least for least, _ in ends), default=0)
    if max((most for _, most in ends), default=0) - low > widest:
        return None
    found = np.empty(len(parts), dtype=object)
    found[:] = [
        (-whole if sign else whole) << (exponent - low) if whole else 0
        for sign, whole, exponent, _ in parts
    ]
    return found.reshape(array.shape), low


def _without_rests(result: Array, function: Callable[..., Array], wholes: list[Array], bits: int) -> Array:
    """0 where the terms of a sum cancel to all but their last digits: where 0.1 + 0.2 - 0.3 is 3e-52."""
    largest = sum(max((abs(w).bit_length() for w in whole.flat), default=0) for whole in wholes)
    if not any(w and abs(w).bit_length() <= largest - bits for w in result.flat):
        return result
    sizes = np.asarray(function(*(np.abs(whole) for whole in wholes)), dtype=object)
    found = np.empty(result.size, dtype=object)
    found[:] = [
        0 if abs(w).bit_length() <= size.bit_length() - bits else w
        for w, size in zip(result.flat, sizes.flat, strict=True)
    ]
    return found.reshape(result.shape)


def _numbers(wholes: Array, power: int, context: Any) -> Array:
    """Whole numbers times a power of 2, rounded to the numbers of a context."""
    from mpmath.libmp import from_man_exp

    precision, rounding = context._prec_rounding
    found = np.empty(wholes.size, dtype=object)
    found[:] = [
        context.make_mpf(from_man_exp(whole, power, precision, rounding)) for whole in wholes.reshape(-1)
    ]
    return found.reshape(wholes.shape)
