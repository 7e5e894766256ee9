"""Reads numbers and a level. Gives Student's t, medians, and the interval in which one more will lie.

Knows nothing of networks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits
from gradcheck_cli.numerics.machine import EPS

__all__ = ["interval", "student_t", "typical"]

Array = NDArray[np.float64]
Values = Sequence[float] | Array


def student_t(level: float, freedom: int, limits: NumericsLimits = NUMERICS) -> float:
    """The t with P(|T| <= t) = `level`, two-sided, for Student's distribution.

    The relative error is below 1e-8 for levels up to 1 - 1e-7. Raises ValueError for a level outside
    [0, 1) and for `freedom` below 1.
    """
    if not 0 <= level < 1 or freedom < 1:
        raise ValueError(f"level {level}, degrees of freedom {freedom}")
    if freedom > limits.many_degrees:
        below = min((1 + level) / 2, 1 - EPS / 2)
        return _around_normal(NormalDist().inv_cdf(below), freedom)
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if _inside(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan(high)


def _inside(angle: float, freedom: int) -> float:
    """P(|T| <= sqrt(freedom) tan(angle)): Abramowitz and Stegun 26.7.3 and 26.7.4, finite sums."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    j = np.arange(1, (freedom - odd) // 2)
    ratios = (2 * j / (2 * j + 1) if odd else (2 * j - 1) / (2 * j)) * cosine**2
    total = 1.0 + float(np.sum(np.cumprod(ratios)))
    if not odd:
        return sine * total
    return 2 / math.pi * (angle + (sine * cosine * total if freedom > 1 else 0.0))


def _around_normal(z: float, freedom: int) -> float:
    """Abramowitz and Stegun 26.7.5, to the third power of 1/freedom."""
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, 1))


def interval(values: Values, level: float, limits: NumericsLimits = NUMERICS) -> tuple[Array, Array]:
    """Where one more number of the same kind will lie.

    Between order statistics at the places p (n + 1) (Weibull 1939) where there are enough of them,
    n >= 2/(1 - level) - 1; with fewer as if they were normal, mean +- t s sqrt(1 + 1/n).

    Parameters
    ----------
    values : (n, ...) finite numbers, columns by themselves
    level : the probability, in (0, 1)
    limits : rounding of the level

    Returns
    -------
    low, high : (...) float64, in the unit of the values
        nan for fewer than two numbers.
    """
    given = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    n = len(given)
    if n < 2:
        nothing: Array = np.full(given.shape[1:], np.nan)[()]
        return nothing, nothing
    place = (1 - level) / 2 * (n + 1)
    if place >= 1 - limits.level_rounding:
        return _order_statistic(given, place - 1), _order_statistic(given, n - place)
    reach = student_t(level, n - 1, limits) * np.std(given, axis=0, ddof=1) * math.sqrt(1 + 1 / n)
    mean = given.mean(axis=0)
    return mean - reach, mean + reach


def _order_statistic(given: Array, place: float) -> Array:
    """Between two order statistics; `place` counts from 0."""
    place = min(max(place, 0.0), len(given) - 1)
    below = min(int(place), len(given) - 2)
    found: Array = given[below] + (place - below) * (given[below + 1] - given[below])
    return found


def typical(
    values: Array, level: float, limits: NumericsLimits = NUMERICS
) -> tuple[Array, Array, Array]:
    """Median, and the interval in which one more number will lie, of the finite numbers of each column.

    Columns with equally many are taken together: one after the other they took a tenth of the time of
    init-stats.

    Parameters
    ----------
    values : (n, columns) float64
    level : the probability, in (0, 1)
    limits : rounding of the level

    Returns
    -------
    median, low, high : (columns,) float64, in the unit of the values
        nan where there are too few.
    """
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    ordered = np.sort(np.where(known, values, np.inf), axis=0)
    median, low, high = np.full((3, values.shape[1]), np.nan)
    for count in sorted(set(counts.tolist()) - {0}):
        columns = counts == count
        given = ordered[:count, columns]
        median[columns] = (given[(count - 1) // 2] + given[count // 2]) / 2  # np.median imports numpy.ma
        low[columns], high[columns] = interval(given, level, limits)
    return median, low, high
