"""Reads numbers of an mpmath context. Gives special functions by name, to all digits of the context.

The same names as in special_functions.py. Where terms cancel they are computed with as many digits more as
the arguments ask for. Outside their domain functions are nan. Knows nothing of arrays and of models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["SPECIAL", "named_number"]

def named_number(context: Any, name: str, *xs: Any) -> Any:
    """A function of numbers of a context by its name; nan where it has no real value, and so far out that
    what it is made of could not be stored.

    Parameters
    ----------
    context : of mpmath
    name : a key of SPECIAL
    xs : numbers of the context; orders are integers

    Raises
    ------
    KeyError
        If there is no such function.
    """
    function = SPECIAL[name]
    if any(context.isnan(x) for x in xs):
        return context.nan
    if any(abs(x) > NUMERICS.far for x in xs) and name not in _KNOWN_FAR_OUT:
        return context.inf if name in ("gamma", "bessel_i") and xs[-1] > 0 else context.nan
    try:
        value = function(context, *xs)
    except (ValueError, ZeroDivisionError, OverflowError, context.NoConvergence):  # as at poles
        return context.nan
    return value if isinstance(value, context.mpf) else context.mpf(value) if _is_real(value) else context.nan


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float)


def _spare_bits(c: Any, x: Any, limits: NumericsLimits = NUMERICS) -> int:
    """How many bits more exp(x^2) takes, so that all digits of it are right."""
    return max(0, 2 * int(c.mag(x)) if x else 0) + limits.spare_bits


def _lgamma(c: Any, x: Any) -> Any:
    return c.loggamma(x) if x > 0 else c.log(abs(c.gamma(x)))


def _polygamma(c: Any, n: int, x: Any) -> Any:
    """Left of 0 by reflection, derivatives of pi cot(pi x) being polynomials in cot(pi x)."""
    if x > 0 or not n:
        return c.psi(n, x)
    if c.isint(x):
        return c.nan
    slopes = [0, 1]  # coefficients, that of 1 first
    for _ in range(n):
        derived = [k * a for k, a in enumerate(slopes)][1:]
        slopes = [-a - b for a, b in zip([*derived, 0, 0], [0, 0, *derived], strict=True)]
    cotangent = c.cospi(x) / c.sinpi(x)
    return (-1) ** n * c.psi(n, 1 - x) - c.pi ** (n + 1) * c.polyval(slopes[::-1], cotangent)


def _betaln(c: Any, a: Any, b: Any) -> Any:
    if not (a > 0 and b > 0):
        return c.nan
    with c.workprec(2 * c.prec + abs(int(c.mag(a))) + abs(int(c.mag(b)))):
        return c.loggamma(a) + c.loggamma(b) - c.loggamma(a + b)


def _is_far(c: Any, x: Any) -> bool:
    """Whether asymptotic series in 1/x^2 reach all digits."""
    return bool(x * x > c.prec + NUMERICS.spare_bits)


def _asymptotic(c: Any, x: Any, sign: int) -> Any:
    """sum of sign^k (2k-1)!!/(2x^2)^k over k = 1, 2, ..."""
    step, term, total, k = sign / (2 * x * x), c.mpf(1), c.mpf(0), 0
    while abs(term) > c.eps * abs(total):
        k += 1
        term *= (2 * k - 1) * step
        total += term
    return total


def _erfcx(c: Any, x: Any) -> Any:
    if x > 0 and _is_far(c, x):
        return (1 + _asymptotic(c, x, -1)) / (x * c.sqrt(c.pi))
    with c.workprec(c.prec + _spare_bits(c, x)):
        return c.exp(x * x) * c.erfc(x)


def _integral_erfcx(c: Any, x: Any) -> Any:
    if x > 0 and _is_far(c, x):
        return -_asymptotic(c, x, -1) / c.sqrt(c.pi)
    with c.workprec(c.prec + 2 * _spare_bits(c, x)):
        return 1 / c.sqrt(c.pi) - x * c.exp(x * x) * c.erfc(x)


def _dawson(c: Any, x: Any) -> Any:
    if _is_far(c, x):
        return (1 + _asymptotic(c, x, 1)) / (2 * x)
    with c.workprec(c.prec + _spare_bits(c, x)):
        return c.sqrt(c.pi) / 2 * c.exp(-x * x) * c.erfi(x)


def _dawson_rest(c: Any, x: Any) -> Any:
    if _is_far(c, x):
        return -_asymptotic(c, x, 1)
    with c.workprec(c.prec + 2 * _spare_bits(c, x)):
        return 1 - x * c.sqrt(c.pi) * c.exp(-x * x) * c.erfi(x)


def _erfcinv(c: Any, z: Any) -> Any:
    """The y with erfc(y) = z: by Newton's method on the logarithm, from the leading term of the tail."""
    if not 0 < z < 2:
        return c.nan
    if z > 1:
        return -_erfcinv(c, 2 - z)
    if z > 0.5:
        return c.erfinv(1 - z)
    with c.workprec(c.prec + NUMERICS.spare_bits):
        target = c.log(z)
        y, step = c.sqrt(-target), c.one
        while abs(step) > c.ldexp(abs(y), -c.prec // 2):  # the last step doubles the digits
            tail = c.erfc(y)
            step = (c.log(tail) - target) * tail * c.exp(y * y) * c.sqrt(c.pi) / 2
            y += step
        return y


def _log_normal_cdf(c: Any, x: Any) -> Any:
    if x > 0:
        return c.log1p(-c.erfc(x / c.sqrt(2)) / 2) if x * x < NUMERICS.far else c.zero
    return c.log(_erfcx(c, -x / c.sqrt(2)) / 2) - x * x / 2


def _bessel(function: str) -> Callable[..., Any]:
    def value(c: Any, n: int, x: Any, limits: NumericsLimits = NUMERICS) -> Any:
        size = int(c.mag(x)) if x else 0
        if function == "besselj" and size >= limits.largest_angle:
            return c.nan
        with c.workprec(c.prec + max(0, size)):  # far out the angle loses so many digits
            return getattr(c, function)(n, x)

    return value


def _bessel_y(c: Any, n: int, x: Any, limits: NumericsLimits = NUMERICS) -> Any:
    """By its power series (DLMF 10.8.1) or, where that of Hankel reaches all digits, by that (DLMF 10.17.4):
    mpmath takes a limit of orders that are not whole, hundreds of times slower at 800 digits."""
    if not x > 0 or c.mag(x) >= limits.largest_angle:
        return c.nan
    if n < 0:
        return (-1) ** n * _bessel_y(c, -n, x)
    if x > c.prec + n * n:
        with c.workprec(c.prec + int(c.mag(x)) + limits.spare_bits):
            return _hankel_y(c, n, x)
    with c.workprec(c.prec + 2 * int(x) + limits.spare_bits):  # terms grow to exp(x)
        return (_regular_part(c, n, x) - _singular_part(c, n, x)) / c.pi


def _hankel_y(c: Any, n: int, x: Any) -> Any:
    angle, term, sums, k = x - (2 * n + 1) * c.pi / 4, c.one, [c.one, c.zero], 0
    while abs(term) > c.eps:
        k += 1
        term *= (4 * n * n - (2 * k - 1) ** 2) / (8 * k * x)
        sums[k % 2] += term if k % 4 < 2 else -term
    return c.sqrt(2 / (c.pi * x)) * (c.sin(angle) * sums[0] + c.cos(angle) * sums[1])


def _regular_part(c: Any, n: int, x: Any) -> Any:
    """2 log(x/2) J_n(x), less the series of J_n with psi(k + 1) + psi(n + k + 1) beside each term."""
    square, logarithm = (x / 2) ** 2, 2 * (c.log(x / 2) + c.euler)
    term, k = (x / 2) ** n / c.factorial(n), 0
    harmonic = c.fsum(c.one / m for m in range(1, n + 1))  # mpmath's takes Bernoulli numbers
    total = term * (logarithm - harmonic)
    while k < x or abs(term) > c.eps * abs(total):
        k += 1
        term *= -square / (k * (n + k))
        harmonic += c.one / k + c.one / (n + k)
        total += term * (logarithm - harmonic)
    return total


def _singular_part(c: Any, n: int, x: Any) -> Any:
    """The n terms that are infinite at 0."""
    square, term, total = (x / 2) ** 2, c.factorial(n - 1) if n else c.zero, c.zero
    for k in range(1, n + 1):
        total += term
        term *= square / (k * (n - k)) if k < n else c.zero
    return (x / 2) ** -n * total


def _gammainc(c: Any, a: Any, x: Any) -> Any:
    if not (a > 0 and x >= 0):
        return c.nan
    return c.gammainc(a, 0, x, regularized=True) if x else c.zero


def _sinc(c: Any, x: Any) -> Any:
    return c.sinpi(x) / (c.pi * x) if x else c.one


def _logaddexp(c: Any, a: Any, b: Any) -> Any:
    large, small = (a, b) if a >= b else (b, a)
    return large + c.log1p(c.exp(small - large))


_KNOWN_FAR_OUT = frozenset({"hypot", "asinh", "acosh", "logaddexp", "exp2"})  # by elementary functions

SPECIAL: Mapping[str, Callable[..., Any]] = MappingProxyType({
    "lgamma": _lgamma,
    "gamma": lambda c, x: c.gamma(x),
    "digamma": lambda c, x: c.digamma(x),
    "polygamma": _polygamma,
    "beta": lambda c, a, b: c.beta(a, b) if a > 0 and b > 0 else c.nan,
    "betaln": _betaln,
    "erfcx": _erfcx,
    "integral_erfcx": _integral_erfcx,
    "erfi": lambda c, x: c.erfi(x),
    "erfinv": lambda c, x: c.erfinv(x),
    "erfcinv": _erfcinv,
    "normal_quantile": lambda c, x: -c.sqrt(2) * _erfcinv(c, 2 * x),
    "log_normal_cdf": _log_normal_cdf,
    "bessel_j": _bessel("besselj"),
    "bessel_y": _bessel_y,
    "bessel_i": _bessel("besseli"),
    "gammainc": _gammainc,
    "expint": lambda c, x: c.e1(x) if x > 0 else c.nan,
    "dawson": _dawson,
    "dawson_rest": _dawson_rest,
    "logit": lambda c, x: c.log(x / (1 - x)),
    "asinh": lambda c, x: c.asinh(x),
    "acosh": lambda c, x: c.acosh(x),
    "atanh": lambda c, x: c.atanh(x) if abs(x) < 1 else c.nan,
    "exp2": lambda c, x: c.power(2, x),
    "hypot": lambda c, a, b: c.sqrt(a * a + b * b),
    "logaddexp": _logaddexp,
    "sinpi": lambda c, x: c.sinpi(x),
    "sinc": _sinc,
    "second_sinc": lambda c, x: c.hyp0f1(c.mpf(5) / 2, -((c.pi * x) ** 2) / 4),
})  # fmt: skip
