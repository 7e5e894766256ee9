"""Reads float64 arrays. Gives special functions by name, from SciPy, which is imported when one is asked for.

A function is asked for as `m.named("lgamma", x)`. Whole numbers that stand first, as the order of a Bessel
function, are plain integers. Outside their domain functions are nan or infinite. Knows nothing of models and
of derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["ELEMENTARY", "named_value"]

Function = Callable[..., Array]


def named_value(name: str, *xs: Any) -> Any:
    """A function of float64 numbers by its name.

    Parameters
    ----------
    name : a key of the tables below
    xs : arrays that broadcast together; orders are integers

    Returns
    -------
    float64 array of the common shape

    Raises
    ------
    KeyError
        If there is no such function.
    """
    simple = ELEMENTARY.get(name)
    if simple is not None:
        return simple(*xs)
    from scipy import special

    return _FROM_SCIPY[name](special, *xs)


def _sinpi(x: Array) -> Array:
    """sin(pi x), which is 0 where x is a whole number."""
    nearest = np.rint(x)
    return np.asarray(np.where(nearest % 2 == 0, 1.0, -1.0) * np.sin(np.pi * (x - nearest)))


def _cospi(x: Array) -> Array:
    """cos(pi x)."""
    nearest = np.rint(x)
    return np.asarray(np.where(nearest % 2 == 0, 1.0, -1.0) * np.cos(np.pi * (x - nearest)))


def _sinc(x: Array) -> Array:
    """sin(pi x)/(pi x), 1 at 0."""
    return np.asarray(np.where(x == 0, 1.0, _sinpi(x) / (np.pi * np.where(x == 0, 1.0, x))))


def _second_sinc(x: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """0F1(; 5/2; -(pi x)^2/4) = 3 (sinc(x) - cos(pi x))/(pi x)^2, by its series near 0."""
    near = np.abs(x) < 0.5
    away, w = np.where(near, 1.0, x), np.where(near, -((np.pi * x / 2) ** 2), 0.0)
    term, total = np.ones_like(x), np.ones_like(x)
    for k in range(1, limits.series_terms):
        term = term * w / (k * (k + 1.5))
        total = total + term
    return np.asarray(np.where(near, total, 3 * (_sinc(away) - _cospi(away)) / (np.pi * away) ** 2))


ELEMENTARY: Mapping[str, Function] = MappingProxyType({
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "exp2": np.exp2,
    "hypot": np.hypot,
    "logaddexp": np.logaddexp,
    "sinpi": _sinpi,
    "sinc": _sinc,
    "second_sinc": _second_sinc,
})  # fmt: skip


def _bessel(by_order: str, zero: str, one: str) -> Function:
    """A Bessel function of whole order: SciPy's own for 0 and 1, else that of any order."""

    def value(special: Any, n: int, x: Array) -> Array:
        found = getattr(special, (zero, one)[n])(x) if n < 2 else getattr(special, by_order)(n, x)
        return np.asarray(found)

    return value


def _log_normal_cdf(special: Any, x: Array) -> Array:
    near = np.log1p(-special.erfc(np.maximum(x, -1.0) * np.sqrt(0.5)) / 2)
    return np.asarray(np.where(x < -1.0, special.log_ndtr(np.minimum(x, -1.0)), near))


def _asymptotic(x: Array, sign: float, limits: NumericsLimits) -> Array:
    """sum of sign^k (2k-1)!!/(2x^2)^k over k = 1, 2, ..., for large x."""
    step, term, total = sign / (2 * x * x), np.ones_like(x), np.zeros_like(x)
    for k in range(1, limits.series_terms):
        term = term * (2 * k - 1) * step
        total = total + term
    return total


def _integral_erfcx(special: Any, x: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """1/sqrt(pi) - x erfcx(x): exp(x^2) times the integral of erfc from x to infinity."""
    near, far = np.minimum(x, limits.asymptotic_from), np.maximum(x, limits.asymptotic_from)
    exact = 1 / np.sqrt(np.pi) - near * special.erfcx(near)
    return np.asarray(np.where(x > near, -_asymptotic(far, -1.0, limits) / np.sqrt(np.pi), exact))


def _dawson_rest(special: Any, x: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """1 - 2 x dawson(x), without cancellation for large x."""
    size = np.abs(x)
    near, far = np.minimum(size, limits.asymptotic_from), np.maximum(size, limits.asymptotic_from)
    exact = 1 - 2 * near * special.dawsn(near)
    return np.asarray(np.where(size > near, -_asymptotic(far, 1.0, limits), exact))


def _polygamma(special: Any, n: int, x: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """By SciPy, which adds up |x| terms left of 0: there by reflection, derivatives of pi cot(pi x) being
    polynomials in cot(pi x)."""
    lowest = limits.reflected_below
    if not np.any(x < lowest):
        return np.asarray(special.polygamma(n, x))
    slopes = np.polynomial.Polynomial([0.0, 1.0])
    for _ in range(n):
        slopes = -np.polynomial.Polynomial([1.0, 0.0, 1.0]) * slopes.deriv()
    cotangent = _cospi(x) / _sinpi(x)
    far = (-1) ** n * special.polygamma(n, 1 - np.minimum(x, lowest)) - np.pi ** (n + 1) * slopes(cotangent)
    return np.asarray(np.where(x < lowest, far, special.polygamma(n, np.maximum(x, lowest))))


def _where_positive(x: Array, found: Array) -> Array:
    return np.asarray(np.where(x > 0, found, np.nan))


_FROM_SCIPY: Mapping[str, Function] = MappingProxyType({
    "lgamma": lambda s, x: s.gammaln(x),
    "gamma": lambda s, x: s.gamma(x),
    "digamma": lambda s, x: s.psi(x),
    "polygamma": _polygamma,
    "beta": lambda s, a, b: _where_positive(np.minimum(a, b), s.beta(a, b)),
    "betaln": lambda s, a, b: _where_positive(np.minimum(a, b), s.betaln(a, b)),
    "erfcx": lambda s, x: s.erfcx(x),
    "integral_erfcx": _integral_erfcx,
    "erfi": lambda s, x: s.erfi(x),
    "erfinv": lambda s, x: s.erfinv(x),
    "erfcinv": lambda s, x: s.erfcinv(x),
    "normal_quantile": lambda s, x: s.ndtri(x),
    "log_normal_cdf": _log_normal_cdf,
    "bessel_j": _bessel("jv", "j0", "j1"),
    "bessel_y": _bessel("yv", "y0", "y1"),
    "bessel_i": _bessel("iv", "i0", "i1"),
    "gammainc": lambda s, a, x: s.gammainc(a, x),
    "expint": lambda s, x: _where_positive(x, s.exp1(x)),
    "dawson": lambda s, x: s.dawsn(x),
    "dawson_rest": _dawson_rest,
    "logit": lambda s, x: s.logit(x),
})  # fmt: skip
