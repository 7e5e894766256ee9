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


def _sinc(x: Array) -> Array:
    """sin(pi x)/(pi x), 1 at 0."""
    return np.asarray(np.where(x == 0, 1.0, _sinpi(x) / (np.pi * np.where(x == 0, 1.0, x))))


_TERMS = 14  # of the series below: what is left out is below 1e-20 where pi x is at most 1.5


def _second_sinc(x: Array) -> Array:
    """0F1(; 5/2; -(pi x)^2/4) = 3 (sinc(x) - cos(pi x))/(pi x)^2, by its series near 0."""
    w = -((np.pi * x) ** 2) / 4
    term, total = np.ones_like(x), np.ones_like(x)
    for k in range(_TERMS):
        term = term * np.where(np.abs(x) < 0.5, w, 0.0) / ((k + 1) * (k + 2.5))
        total = total + term
    away = np.where(np.abs(x) < 0.5, 1.0, x)
    return np.asarray(
        np.where(np.abs(x) < 0.5, total, 3 * (_sinc(away) - np.cos(np.pi * away)) / (np.pi * away) ** 2)
    )


ELEMENTARY: Mapping[str, Function] = MappingProxyType({
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "exp2": np.exp2,
    "hypot": np.hypot,
    "logaddexp": np.logaddexp,
    "mod": np.mod,
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


_LARGE = 20.0  # beyond it the asymptotic series below has terms below 1e-16


def _asymptotic(x: Array, sign: float) -> Array:
    """sum of sign^k (2k-1)!!/(2x^2)^k over k = 1, 2, ..., for large x."""
    step, term, total = sign / (2 * x * x), np.ones_like(x), np.zeros_like(x)
    for k in range(1, 12):
        term = term * (2 * k - 1) * step
        total = total + term
    return total


def _integral_erfcx(special: Any, x: Array) -> Array:
    """1/sqrt(pi) - x erfcx(x): exp(x^2) times the integral of erfc from x to infinity."""
    far = np.maximum(x, _LARGE)
    near = 1 / np.sqrt(np.pi) - np.minimum(x, _LARGE) * special.erfcx(np.minimum(x, _LARGE))
    return np.asarray(np.where(x > _LARGE, -_asymptotic(far, -1.0) / np.sqrt(np.pi), near))


def _dawson_rest(special: Any, x: Array) -> Array:
    """1 - 2 x dawson(x), without cancellation for large x."""
    size = np.abs(x)
    near, far = np.minimum(size, _LARGE), np.maximum(size, _LARGE)
    return np.asarray(np.where(size > _LARGE, -_asymptotic(far, 1.0), 1 - 2 * near * special.dawsn(near)))


def _where_positive(x: Array, found: Array) -> Array:
    return np.asarray(np.where(x > 0, found, np.nan))


_FROM_SCIPY: Mapping[str, Function] = MappingProxyType({
    "lgamma": lambda s, x: s.gammaln(x),
    "gamma": lambda s, x: s.gamma(x),
    "digamma": lambda s, x: s.psi(x),
    "polygamma": lambda s, n, x: s.polygamma(n, x),
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
