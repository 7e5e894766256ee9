"""Reads the size of arrays, layer by layer. Gives where a number format overflows or goes all zero.

A format is its largest number, its smallest, and rounding to it. Knows nothing of networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FORMATS", "NARROW", "SIGNIFICANDS", "NumberFormat", "forecast"]

Array = NDArray[Any]
# bits, the leading 1 among them
SIGNIFICANDS: Mapping[str, int] = MappingProxyType(
    {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
)


@dataclass(frozen=True)
class NumberFormat:
    """A binary floating-point format. `smallest` is its smallest positive number, a subnormal one.

    `rounded` takes an array by way of float32 to the nearest numbers of the format, ties to even, and
    gives them as float32 in the same shape; beyond `largest` lies infinity, not-a-number stays.
    """

    name: str
    largest: float
    smallest: float
    rounded: Callable[[Array], Array]


def forecast(
    log10_rms: Iterable[float], widths: Iterable[int], number_format: NumberFormat
) -> tuple[str, int] | None:
    """("overflow" or "all zero", position): what happens first to arrays of normal numbers; or None.

    The arrays stand in the direction of travel; `log10_rms` is log10 of the root of their mean square
    and `widths` how many entries each has. One overflows where the median of its largest entry lies
    beyond the format's largest number, and is all zero where that median is rounded to zero: at half
    of the smallest number. What is lost before, entry by entry, is not counted: where sizes change by
    less than a factor of 1.5 from one array to the next, the event may come some arrays off.
    """
    high, low = math.log10(number_format.largest), math.log10(number_format.smallest / 2)
    for position, (size, width) in enumerate(zip(log10_rms, widths, strict=True)):
        top = size + math.log10(_median_largest(width))
        if top > high:
            return "overflow", position
        if top < low:
            return "all zero", position
    return None


@cache  # layers have few widths
def _median_largest(count: int) -> float:
    """The median of the largest of `count` absolute standard normal numbers: (2 Phi(m) - 1)^count = 1/2."""
    outside = -math.expm1(-math.log(2) / count) / 2
    return -NormalDist().inv_cdf(outside)


def _to_float16(values: Array) -> Array:
    with np.errstate(all="ignore"):
        return values.astype(np.float32).astype(np.float16).astype(np.float32)


def _to_bfloat16(values: Array) -> Array:
    """The upper 16 bits of a float32: half of the last kept place is added, less one for ties to even."""
    single = _to_float32(values)
    bits = np.where(np.isnan(single), np.float32(0), single).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    upper = (bits + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)
    return np.where(np.isnan(single), single, upper.view(np.float32))


def _to_float32(values: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(values, dtype=np.float32)


_ALL = (
    NumberFormat("float16", 65504.0, 2.0**-24, _to_float16),
    NumberFormat("bfloat16", (2 - 2.0**-7) * 2.0**127, 2.0**-133, _to_bfloat16),
    NumberFormat("float32", (2 - 2.0**-23) * 2.0**127, 2.0**-149, _to_float32),
)
FORMATS: Mapping[str, NumberFormat] = MappingProxyType({f.name: f for f in _ALL})
NARROW = tuple(name for name in SIGNIFICANDS if name in FORMATS)  # those a claim may name
