"""Reads complex arrays. Gives the functions of primitives where the complex step may pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array, Axes, Mask
from gradcheck_cli.numerics.float64 import Float64

__all__ = ["COMPLEX128", "Complex128"]


class Complex128(Float64):
    """Complex numbers near the real axis, for the complex step. The real part decides.

    Functions are the analytic continuations of the real ones, each part with its own relative
    accuracy however small the imaginary part is; outside the real domain they are nan.
    """

    dtype: Any = np.complex128

    def real(self, x: Any) -> Any:
        """What comparisons look at."""
        return np.real(x)

    def is_power_of_any(self, b: Any) -> Any:
        """1 where b is an integer."""
        return self.truth((np.floor(np.real(b)) == np.real(b)) & (np.imag(b) == 0))

    def positive_part(self, x: Any) -> Any:
        """x where its real part is positive, else 0."""
        return self.where(self.gt(x, 0), x, 0 * x)

    def abs(self, x: Any) -> Any:
        """x or -x, by the sign of the real part."""
        return np.where(np.real(x) < 0, -x, x)

    def sign(self, x: Any) -> Any:
        """Sign of the real part."""
        return np.sign(np.real(x)).astype(self.dtype)

    def asin(self, x: Any) -> Any:
        """Inverse sine; nan beyond -1 and 1."""
        return _inside(np.abs(np.real(x)) <= 1, np.asin(x))

    def acos(self, x: Any) -> Any:
        """Inverse cosine; nan beyond -1 and 1."""
        return _inside(np.abs(np.real(x)) <= 1, np.acos(x))

    def atan2(self, y: Any, x: Any) -> Any:
        """Angle of the real point, and what the imaginary parts turn it by."""
        angle = np.atan2(np.real(y), np.real(x))
        c, s = np.cos(angle), np.sin(angle)
        return angle + np.atan((c * y - s * x) / (c * x + s * y))

    def sech(self, x: Any) -> Any:
        """1/cosh(x), without overflow."""
        e = np.exp(-self.abs(x))
        return 2 * e / (1 + e * e)

    def log(self, x: Any) -> Any:
        """Natural logarithm; nan left of 0."""
        return np.log(np.real(x)) + _log1i(np.imag(x) / np.real(x))

    def log1p(self, x: Any) -> Any:
        """log(1 + x), accurate near 0; nan left of -1."""
        return np.log1p(np.real(x)) + _log1i(np.imag(x) / (1 + np.real(x)))

    def log2(self, x: Any) -> Any:
        """Logarithm to base 2."""
        return np.log2(np.real(x)) + _log1i(np.imag(x) / np.real(x)) / math.log(2)

    def log10(self, x: Any) -> Any:
        """Logarithm to base 10."""
        return np.log10(np.real(x)) + _log1i(np.imag(x) / np.real(x)) / math.log(10)

    def sqrt(self, x: Any) -> Any:
        """Square root; nan left of 0."""
        return _inside(np.real(x) >= 0, np.sqrt(self.array(x)))

    def cbrt(self, x: Any) -> Any:
        """Cube root, real on the real axis."""
        return np.cbrt(np.real(x)) * np.exp(_log1i(np.imag(x) / np.real(x)) / 3)

    def pow(self, a: Any, b: Any) -> Any:
        """a^b = Re(a)^Re(b) * exp(i Im(b) log Re(a)) * (a/Re(a))^b."""
        a, b = np.broadcast_arrays(self.array(a), self.array(b))
        ar, br = np.real(a), np.real(b)
        turn = np.where(np.imag(b) == 0, 1, np.exp(1j * np.imag(b) * np.log(ar)))
        result = np.power(ar, br) * turn * np.exp(b * _log1i(np.imag(a) / ar))
        return np.where(ar == 0, np.power(a, b), result)

    def softplus(self, x: Any) -> Any:
        """log(1 + exp(x))."""
        return np.where(np.real(x) > 0, x, 0) + self.log1p(np.exp(-self.abs(x)))

    def erf(self, x: Any) -> Any:
        """Error function."""
        return super().erf(np.real(x)) + _erf_change(np.real(x), np.imag(x), self.limits.erf_terms)

    def erfc(self, x: Any) -> Any:
        """1 - erf(x)."""
        return super().erfc(np.real(x)) - _erf_change(np.real(x), np.imag(x), self.limits.erf_terms)

    def named(self, name: str, *xs: Any) -> Any:
        """A special function by its name, where its continuation is known."""
        if name in _CONTINUED:
            return _CONTINUED[name](self, *xs)
        from gradcheck_cli.numerics.complex_special import CONTINUED_SPECIAL

        return CONTINUED_SPECIAL[name](self, *map(self.array, xs))

    def max(self, x: Any, axis: Axes, keepdims: bool) -> Any:
        """The entry with the largest real part, the first of several."""
        real = np.real(x)
        chosen = self.first_of(real == np.max(real, axis=axis, keepdims=True), axis)
        return np.sum(np.where(chosen == 0, 0, x), axis=axis, keepdims=keepdims)


def _inside(domain: Mask, values: Array) -> Array:
    return np.where(domain, values, np.nan)


def _log1i(t: Array) -> Array:
    """log(1 + i t) for real t."""
    return np.asarray(0.5 * np.log1p(t * t) + 1j * np.atan(t))


def _erf_change(x: Array, y: Array, terms: int) -> Array:
    """erf(x + i y) - erf(x) for |y| up to 1; Abramowitz and Stegun 7.1.29."""
    c, s, half = np.cos(2 * x * y), np.sin(2 * x * y), np.sin(x * y)
    beside = np.where(x == 0, 1, x)
    total = np.where(x == 0, 1j * y / np.pi, (2 * half * half + 1j * s) / (2 * np.pi * beside))
    for n in range(1, terms + 1):
        weight = 2 / np.pi * math.exp(-n * n / 4) / (n * n + 4 * x * x)
        grow, shrink = np.cosh(n * y), np.sinh(n * y)
        rise = 2 * x * (2 * half * half - 2 * np.sinh(n * y / 2) ** 2 * c) + n * shrink * s
        total = total + weight * (rise + 1j * (2 * x * grow * s + n * shrink * c))
    return np.asarray(np.exp(-x * x) * total)


def _atanh(m: Complex128, x: Array) -> Array:
    """(log(1 + x) - log(1 - x))/2, nan beyond -1 and 1."""
    return np.asarray((m.log1p(x) - m.log1p(-x)) / 2)


_CONTINUED: Mapping[str, Callable[..., Array]] = MappingProxyType({
    "asinh": lambda m, x: np.arcsinh(x),
    "acosh": lambda m, x: _inside(np.real(x) >= 1, np.arccosh(m.array(x))),
    "atanh": _atanh,
    "exp2": lambda m, x: m.exp(x * math.log(2)),
    "logit": lambda m, x: m.log(x) - m.log1p(-x),
    "logaddexp": lambda m, a, b: np.where(np.real(a) >= np.real(b), a, b)
    + m.log1p(np.exp(-m.abs(a - b))),
})  # fmt: skip

COMPLEX128 = Complex128()
