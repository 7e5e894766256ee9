"""Reads complex arrays near the real axis. Gives special functions there by name, for the complex step.

The value is that of the real function, plus or times what the continuation changes. SciPy's own complex
functions are taken where both parts are accurate, however small the imaginary one; continued fractions where
it is off by up to 1e-12 of an imaginary part of 1e-30. Knows nothing of models.

References
----------
Abramowitz and Stegun 1964, 5.1.11, 5.1.22, 6.1.17, 7.1.14.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits
from gradcheck_cli.numerics.special_functions import named_value

if TYPE_CHECKING:
    from gradcheck_cli.numerics.complex_step import Complex128

__all__ = ["CONTINUED_SPECIAL"]

Continuation = Callable[["Complex128", Array], Array]


def _plus_change(name: str, continued: Continuation) -> Continuation:
    """The real function, and what its continuation changes from the real point on."""

    def value(m: Complex128, z: Array) -> Array:
        x = np.real(z)
        return np.asarray(named_value(name, x) + (continued(m, z) - continued(m, m.array(x))))

    return value


def _split(z: Array, inside: Array, near: Continuation, far: Continuation, m: Complex128) -> Array:
    """One function where `inside`, else another; in place of the arguments of the other each sees 1.5, where
    none has a pole."""
    return np.where(inside, near(m, np.where(inside, z, 1.5)), far(m, np.where(inside, 1.5, z)))


def _sinpi(m: Complex128, z: Array) -> Array:
    nearest = np.rint(np.real(z))
    return np.asarray(np.where(nearest % 2 == 0, 1.0, -1.0) * np.sin(np.pi * (z - nearest)))


def _sinc_by_series(m: Complex128, z: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """0F1(; 3/2; -(pi z)^2/4)."""
    w = -((np.pi * z / 2) ** 2)
    term, total = np.ones_like(z), np.ones_like(z)
    for k in range(1, limits.series_terms):
        term = term * w / (k * (k + 0.5))
        total = total + term
    return np.asarray(total)


def _sinc(m: Complex128, z: Array) -> Array:
    near = np.abs(np.real(z)) < 0.5
    return _split(z, near, _sinc_by_series, lambda m, z: _sinpi(m, z) / (np.pi * z), m)


def _log_gamma(m: Complex128, z: Array) -> Array:
    """Left of 0 by reflection."""
    from scipy import special

    def reflected(m: Complex128, z: Array) -> Array:
        size = m.abs(_sinpi(m, z))
        return np.asarray(-m.log(size) - special.loggamma(1 - z))

    return _split(z, np.real(z) > 0, lambda m, z: special.loggamma(z), reflected, m)


def _gamma(m: Complex128, z: Array) -> Array:
    x = np.real(z)
    return np.asarray(named_value("gamma", x) * np.exp(_log_gamma(m, z) - _log_gamma(m, m.array(x))))


def _digamma(m: Complex128, z: Array) -> Array:
    from scipy import special

    return np.asarray(special.psi(z))


def _integral_by_series(m: Complex128, z: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """E1 up to 0.5, but for a constant."""
    term, total = np.ones_like(z), -m.log(z)
    for k in range(1, limits.series_terms):
        term = -term * z / k
        total = total - term / k
    return np.asarray(total)


def _integral_by_fraction(m: Complex128, z: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """E1 from 0.5 on."""
    below = z + 2 * limits.fraction_terms + 1
    for k in range(limits.fraction_terms, 0, -1):
        below = z + 2 * k - 1 - k * k / below
    return np.asarray(np.exp(-z) / below)


def _exponential_integral(m: Complex128, z: Array) -> Array:
    x = np.real(z)
    found = _split(z, x < 0.5, _integral_by_series, _integral_by_fraction, m)
    return np.where(x > 0, found, np.nan)


def _erfcx_by_fraction(m: Complex128, z: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """From 2 on."""
    below = z
    for k in range(limits.fraction_terms, 0, -1):
        below = z + k / 2 / below
    return np.asarray(1 / (math.sqrt(math.pi) * below))


def _erfcx_by_erfc(m: Complex128, z: Array) -> Array:
    """Up to 2: exp(z^2) at the real point is that of the real function."""
    x, y = np.real(z), np.imag(z)
    return np.asarray(named_value("erfcx", x) * np.exp(2j * x * y - y * y) * (m.erfc(z) / np.real(m.erfc(x))))


def _erfcx(m: Complex128, z: Array) -> Array:
    return _split(z, np.real(z) < 2, _erfcx_by_erfc, _erfcx_by_fraction, m)


def _log_normal_cdf(m: Complex128, z: Array) -> Array:
    """Left of -1 by erfcx."""
    root = math.sqrt(0.5)

    def tail(m: Complex128, z: Array) -> Array:
        return np.asarray(m.log(_erfcx(m, -z * root)) - z * z / 2)

    return _split(z, np.real(z) > -1, lambda m, z: m.log1p(-m.erfc(z * root) / 2), tail, m)


def _dawson(m: Complex128, z: Array, limits: NumericsLimits = NUMERICS) -> Array:
    w = 2 * z * z
    below = w + 2 * limits.fraction_terms + 1
    for k in range(limits.fraction_terms, 0, -1):
        below = 2 * k - 1 + w - 2 * k * w / below
    return np.asarray(z / below)


CONTINUED_SPECIAL: Mapping[str, Callable[..., Any]] = MappingProxyType({
    "lgamma": _plus_change("lgamma", _log_gamma),
    "gamma": _gamma,
    "digamma": _plus_change("digamma", _digamma),
    "erfcx": _plus_change("erfcx", _erfcx),
    "log_normal_cdf": _plus_change("log_normal_cdf", _log_normal_cdf),
    "dawson": _plus_change("dawson", _dawson),
    "expint": _plus_change("expint", _exponential_integral),
    "sinc": _plus_change("sinc", _sinc),
    "sinpi": _sinpi,
})  # fmt: skip
