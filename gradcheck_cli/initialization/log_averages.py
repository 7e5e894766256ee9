"""Reads a number of units. Gives mean and variance of the logarithm of an average over so many.

Natural logarithms, of averages divided by their expectation. Knows nothing of networks.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.numerics.limits.initialization import DEFAULTS

__all__ = ["LogMoments", "log_average", "log_average_of_half", "log_chi_squared", "log_sum"]

Array = NDArray[np.float64]
LogMoments = tuple[Any, Any]  # mean and variance: numbers, or arrays with one for each row


def log_chi_squared(freedom: int, n: int, steps: int = DEFAULTS.digamma_steps) -> LogMoments:
    """Of ln(chi^2/n) with `freedom` degrees of freedom; the mean is -inf without one.

    References
    ----------
    Abramowitz and Stegun 6.3 and 6.4: psi(freedom/2) + ln 2 and psi'(freedom/2).
    """
    if freedom < 1:
        return -math.inf, 0.0
    half = np.array(freedom / 2)
    return float(_digamma(half, steps)) + math.log(2 / n), float(_trigamma(half, steps))


def log_average_of_half(n: int, steps: int = DEFAULTS.digamma_steps) -> LogMoments:
    """Of ln(chi^2_B/(n/2)), B ~ Binomial(n, 1/2) and not 0: n squares of which each is kept or not."""
    b = np.arange(1, n + 1)
    log_p = np.cumsum(np.log((n - b + 1) / b))
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    given = _digamma(b / 2, steps) + math.log(4 / n)
    mean = float(p @ given)
    return mean, float(p @ ((given - mean) ** 2 + _trigamma(b / 2, steps)))


def log_average(kurtosis: Array, n: int) -> LogMoments:
    """Mean and variance of ln(mean of n squares / its expectation), to first order.

    The relative variance of the mean is (kurtosis - 1)/n. Beyond 1 the first order says nothing; logarithms
    grow like the logarithm of it.

    Parameters
    ----------
    kurtosis : float64 array, of the numbers that are squared
    n : how many

    Returns
    -------
    mean, variance : arrays of the shape of `kurtosis`, natural logarithms
    """
    relative = np.maximum(kurtosis - 1, 0.0) / n
    variance = np.where(relative <= 1, relative, 1 + np.log(relative))
    return -variance / 2, variance


def log_sum(relative: Array, total: Array, n: int) -> LogMoments:
    """Mean and variance of ln of a mean square whose relative variance is relative/(n total^2), to first
    order.

    Parameters
    ----------
    relative, total : float64 arrays that broadcast together
    n : how many squares

    Returns
    -------
    mean, variance : float64 arrays, natural logarithms
    """
    variance = relative / (n * total**2)
    return -variance / 2, variance


def _digamma(x: Array, steps: int) -> Array:
    """psi(x): recurrence, then the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.18)."""
    low = (1 / (x[..., None] + np.arange(float(steps)))).sum(axis=-1)
    y = x + steps
    r = 1 / y**2
    return np.asarray(np.log(y) - 1 / (2 * y) - r * (1 / 12 - r * (1 / 120 - r / 252)) - low)


def _trigamma(x: Array, steps: int) -> Array:
    """psi'(x): recurrence, then the asymptotic series (Abramowitz and Stegun 6.4.6, 6.4.12)."""
    low = (1 / (x[..., None] + np.arange(float(steps))) ** 2).sum(axis=-1)
    y = x + steps
    r = 1 / y**2
    return np.asarray((1 + 1 / (2 * y) + r * (1 / 6 - r * (1 / 30 - r / 42))) / y + low)
