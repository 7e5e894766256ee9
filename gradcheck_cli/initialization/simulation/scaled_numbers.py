"""Reads arrays and powers of two. Gives numbers far beyond the range of float64, and their sums.

A thousand layers neither overflow nor vanish: mantissas are float64 or float32, exponents int64. Knows
nothing of networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOTHING", "Array", "Scaled", "add_scaled", "carry_scale", "gather_scaled", "times_power"]

Array = NDArray[Any]

_BEYOND = 1 << 40  # a binary exponent beyond this is infinite, or zero
_BEYOND_ALL = 5000  # a binary exponent by which every float64 becomes infinite, or zero
NOTHING = -(1 << 60)  # the binary exponent of zero


@dataclass(frozen=True)
class Scaled:
    """mantissa * 2^exponent: (networks, units, columns) and, int64, (networks, 1, columns)."""

    mantissa: Array
    exponent: Array


def carry_scale(values: Array, exponent: Array | int = 0) -> Scaled:
    """values * 2^exponent with the largest mantissa of each column in [1/2, 1); exact.

    Parameters
    ----------
    values : (networks, units, columns) float64 or float32
    exponent : (networks, 1, columns) int64

    Returns
    -------
    Scaled
    """
    top = np.abs(values).max(axis=1, keepdims=True)
    limit = np.finfo(values.dtype).maxexp - 2
    shift = np.minimum(np.maximum(np.frexp(top)[1], -limit), limit)
    scale = np.ldexp(top.dtype.type(1), -shift)
    return Scaled(values * scale, np.where(top == 0, 0, exponent + shift.astype(np.int64)))


def times_power(values: Array, exponent: Array) -> Array:
    """values * 2^exponent for exponents of any size; rounded only where the result is subnormal.

    Parameters
    ----------
    values : float array
    exponent : int64 array that broadcasts against it

    Returns
    -------
    float array of the dtype of `values`
    """
    return np.asarray(np.ldexp(values, np.clip(exponent, -_BEYOND_ALL, _BEYOND_ALL).astype(np.int32)))


def add_scaled(x: Scaled, y: Scaled) -> Scaled:
    """x + y, at the larger exponent."""
    sizes = (
        np.where(part.mantissa.any(axis=1, keepdims=True), part.exponent, NOTHING)
        for part in (x, y)
    )
    top = np.maximum(*sizes)
    first, second = (times_power(part.mantissa, part.exponent - top) for part in (x, y))
    return carry_scale(first + second, top)


def gather_scaled(values: Array, power: Array) -> Scaled:
    """values * 2^power, entry by entry, as scaled columns.

    Parameters
    ----------
    values, power : (networks, units, columns) float64
        The power need not be whole.

    Returns
    -------
    Scaled
    """
    whole = np.floor(power)
    part, own = np.frexp(values * 2.0 ** (power - whole))
    exponent = np.where(part == 0, NOTHING, own + whole.astype(np.int64))
    top = exponent.max(axis=1, keepdims=True)
    part = np.where((top > _BEYOND) & (part != 0), np.copysign(np.inf, part), part)
    part = np.where(top < -_BEYOND, 0 * part, part)
    return carry_scale(times_power(part, exponent - top), top)
