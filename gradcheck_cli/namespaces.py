"""Reads arrays. Gives the arithmetic they are computed in: float64, complex, or any precision.

A namespace is the `m` of the table of primitives: `m.sin(x)`, `m.where(c, a, b)`, ... Arrays carry
two leading axes, (perturbations, rows), before the axes of the value itself. Comparisons give 0 and
1 in the namespace's own numbers. Floating-point warnings are the caller's business (np.errstate).
Knows nothing of models, nor of derivatives: complex functions are continuations, never Taylor terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.elimination import (
    LARGEST_BY_MINORS,
    by_factors,
    cofactors,
    determinant,
    inverse,
    is_regular,
    minors,
    spectral_bound,
)
from gradcheck_cli.multilinear import multilinear

__all__ = ["COMPLEX128", "FLOAT64", "Complex128", "Float64", "High", "floats"]

Array = NDArray[Any]
Axes = tuple[int, ...]
Mask = NDArray[np.bool_]


def floats(values: Any) -> Array:
    """Numbers of high precision as float64; others as they are."""
    array = np.asarray(values)
    return array.astype(np.float64) if array.dtype == object else array


class Float64:
    """Double precision. What holds in every precision is written here once."""

    dtype: Any = np.float64

    @property
    def pi(self) -> Any:
        """pi, to the precision of these numbers."""
        return np.pi

    def array(self, values: Any) -> Array:
        """`values` in this namespace's numbers."""
        return np.asarray(values, dtype=self.dtype)

    # --- comparisons and choices -------------------------------------------------------------

    def real(self, x: Any) -> Any:
        """What comparisons look at."""
        return x

    def truth(self, mask: Any) -> Any:
        """0 and 1 instead of False and True."""
        return np.asarray(mask).astype(self.dtype)

    def eq(self, a: Any, b: Any) -> Any:
        """1 where a = b."""
        return self.truth(self.real(a) == self.real(b))

    def gt(self, a: Any, b: Any) -> Any:
        """1 where a > b."""
        return self.truth(self.real(a) > self.real(b))

    def ge(self, a: Any, b: Any) -> Any:
        """1 where a >= b."""
        return self.truth(self.real(a) >= self.real(b))

    def where(self, c: Any, a: Any, b: Any) -> Any:
        """a where c is not 0, else b."""
        return np.where(np.asarray(self.real(c) != 0), a, b)

    def gated(self, g: Any, x: Any) -> Any:
        """g where x > 0, else 0; as a product, in a quarter of the time that a choice takes."""
        inside = np.asarray(self.real(x) > 0, dtype=bool)
        known = g.dtype != object and np.isfinite(g).all()  # infinity times 0 is no number
        return g * inside if known else np.where(inside, g, 0.0)

    def is_power_of_any(self, b: Any) -> Any:
        """1 where every number, negative ones too, has a power b: where b is an integer."""
        return self.truth(np.floor(b) == b)

    def abs(self, x: Any) -> Any:
        """Absolute value."""
        return np.abs(x)

    def sign(self, x: Any) -> Any:
        """-1, 0 or 1."""
        return np.sign(x)

    def negative_part(self, x: Any) -> Any:
        """min(x, 0)."""
        return self.where(self.gt(x, 0), 0 * x, x)

    def positive_part(self, x: Any) -> Any:
        """max(x, 0)."""
        return np.maximum(x, 0.0)

    # --- elementary functions ----------------------------------------------------------------

    def sin(self, x: Any) -> Any:
        """Sine."""
        return np.sin(x)

    def cos(self, x: Any) -> Any:
        """Cosine."""
        return np.cos(x)

    def tan(self, x: Any) -> Any:
        """Tangent."""
        return np.tan(x)

    def asin(self, x: Any) -> Any:
        """Inverse sine."""
        return np.asin(x)

    def acos(self, x: Any) -> Any:
        """Inverse cosine."""
        return np.acos(x)

    def atan(self, x: Any) -> Any:
        """Inverse tangent."""
        return np.atan(x)

    def atan2(self, y: Any, x: Any) -> Any:
        """Angle of the point (x, y)."""
        return np.atan2(y, x)

    def sinh(self, x: Any) -> Any:
        """Hyperbolic sine."""
        return np.sinh(x)

    def cosh(self, x: Any) -> Any:
        """Hyperbolic cosine."""
        return np.cosh(x)

    def tanh(self, x: Any) -> Any:
        """Hyperbolic tangent."""
        return np.tanh(x)

    def sech(self, x: Any) -> Any:
        """1/cosh(x), without overflow."""
        e = np.exp(-self.abs(x))
        return 2 * e / (1 + e * e)

    def exp(self, x: Any) -> Any:
        """Exponential."""
        return np.exp(x)

    def expm1(self, x: Any) -> Any:
        """exp(x) - 1, accurate near 0."""
        return np.expm1(x)

    def log(self, x: Any) -> Any:
        """Natural logarithm."""
        return np.log(x)

    def log1p(self, x: Any) -> Any:
        """log(1 + x), accurate near 0."""
        return np.log1p(x)

    def log2(self, x: Any) -> Any:
        """Logarithm to base 2."""
        return np.log2(x)

    def log10(self, x: Any) -> Any:
        """Logarithm to base 10."""
        return np.log10(x)

    def sqrt(self, x: Any) -> Any:
        """Square root."""
        return np.sqrt(x)

    def cbrt(self, x: Any) -> Any:
        """Real cube root."""
        return np.cbrt(x)

    def pow(self, a: Any, b: Any) -> Any:
        """a to the power b; nan for a < 0 unless b is an integer."""
        return np.power(a, self.array(b))

    def slope_of_pow(self, a: Any, b: Any) -> Any:
        """b a^(b-1), 0 where b is 0. The square, which most losses have, in a seventh of the time."""
        if np.size(b) == 1 and np.all(b == 2):
            return 2 * a
        return self.where(self.eq(b, 0), 0 * a, b * self.pow(a, b - 1))

    def softplus(self, x: Any) -> Any:
        """log(1 + exp(x)), without overflow and without losing exp(x) beside 1."""
        return np.logaddexp(0.0, x)

    def erf(self, x: Any) -> Any:
        """Error function."""
        return _ERF(x).astype(np.float64)

    def erfc(self, x: Any) -> Any:
        """1 - erf(x), accurate where erf(x) is near 1."""
        return _ERFC(x).astype(np.float64)

    # --- over axes ---------------------------------------------------------------------------

    def sum(self, x: Any, axis: Axes, keepdims: bool) -> Any:
        """Sum along `axis`."""
        return np.sum(x, axis=axis, keepdims=keepdims)

    def max(self, x: Any, axis: Axes, keepdims: bool) -> Any:
        """Largest along `axis`; nan if there is one."""
        return np.max(x, axis=axis, keepdims=keepdims)

    def min(self, x: Any, axis: Axes, keepdims: bool) -> Any:
        """Smallest along `axis`; nan if there is one."""
        return -self.max(-x, axis, keepdims)

    def norm(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        """Root of the sum of squares. Scaled by a power of 2: exact, and squares stay in range."""
        largest = np.max(np.abs(self.real(x)), axis=axes, keepdims=True)
        exponent = np.where(np.isfinite(largest), np.frexp(largest)[1], 0)
        exponent = np.clip(exponent, -1020, 1020)
        scaled = x * np.ldexp(1.0, -exponent)
        root = np.sqrt(np.sum(scaled * scaled, axis=axes, keepdims=True)) * np.ldexp(1.0, exponent)
        return root if keepdims else np.squeeze(root, axis=axes)

    def prod(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        """Product along `axes`."""
        return np.prod(x, axis=axes, keepdims=keepdims)

    def products_of_others(self, x: Any, axes: Axes) -> Any:
        """At each place the product of the OTHER entries along `axes`: no division, zeros may occur."""

        def others(flat: Array) -> Array:
            one = self.ones_like(flat[..., :1])
            before = np.cumprod(np.concatenate([one, flat[..., :-1]], axis=-1), axis=-1)
            after = np.cumprod(np.concatenate([one, flat[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
            return np.asarray(before * after)

        return _along(others, x, axes)

    def logsumexp(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        """log(sum(exp(x))), without overflow."""
        largest, rest = self._beside_largest(x, axes)
        found = largest + self.log1p(rest)
        return found if keepdims else np.squeeze(found, axis=axes)

    def log_softmax(self, x: Any, axes: Axes) -> Any:
        """x - logsumexp(x); accurate also where it is near 0."""
        largest, rest = self._beside_largest(x, axes)
        return (x - largest) - self.log1p(rest)

    def softmax(self, x: Any, axes: Axes) -> Any:
        """exp(x)/sum(exp(x)), without overflow."""
        parts = self._exp_of_difference(x, self.max(x, axes, True))
        return parts / self.sum(parts, axis=axes, keepdims=True)

    def _exp_of_difference(self, a: Any, b: Any) -> Any:
        """exp(a - b), where what is lost in rounding a - b is put back (Knuth's TwoSum): else a
        difference of 100 costs 100 half ulps."""
        rounded = a - b
        part = rounded - a
        lost = (a - (rounded - part)) - (b + part)
        found = self.exp(rounded)
        return found + self.where(self.eq(lost, lost), found * lost, 0 * found)  # nan beyond doubles

    def _beside_largest(self, x: Any, axes: Axes) -> tuple[Any, Any]:
        """The largest entry, and the sum of exp(x - largest) over the OTHER entries: log1p of it
        keeps the digits that log of 1 + it would lose."""
        largest = self.max(x, axes, True)
        parts = self._exp_of_difference(x, largest)
        others = self.where(self.first_of(self.eq(x, largest), axes), 0 * parts, parts)
        return largest, self.sum(others, axis=axes, keepdims=True)

    def first_of(self, mask: Any, axes: Axes) -> Any:
        """1 at the first place along `axes` (in reading order) where `mask` is not 0, else 0."""

        def first(flat: Array) -> Array:
            hit = flat != 0
            return np.asarray(hit & (np.cumsum(hit, axis=-1) == 1))

        return self.truth(_along(first, self.real(mask), axes))

    def lead(self, x: Any, axes: Axes) -> Any:
        """x minus the largest of the OTHERS along `axes`: its sign change passes the maximum on."""

        def ahead(flat: Array) -> Array:
            if flat.shape[-1] == 1:
                return np.asarray(0 * flat + 1)
            ordered = np.sort(flat, axis=-1)
            first, second = ordered[..., -1:], ordered[..., -2:-1]
            return np.asarray(flat - np.where(flat == first, second, first))

        return _along(ahead, self.real(x), axes)

    # --- shapes ------------------------------------------------------------------------------

    def ones_like(self, x: Any) -> Any:
        """1 in the shape of x."""
        return np.ones_like(x, dtype=self.dtype)

    def zeros(self, shape: Sequence[int]) -> Any:
        """0 in a shape."""
        return np.zeros(tuple(shape), dtype=self.dtype)

    def broadcast_to(self, x: Any, shape: Sequence[int]) -> Any:
        """x repeated to a larger shape."""
        return np.broadcast_to(x, tuple(shape))

    def stack(self, xs: Sequence[Any], axis: int) -> Any:
        """Values of one shape side by side along a new axis."""
        lead = np.broadcast_shapes(*(x.shape[:2] for x in xs))
        return np.stack([np.broadcast_to(x, lead + x.shape[2:]) for x in xs], axis=axis)

    def concat(self, xs: Sequence[Any], axis: int) -> Any:
        """Arrays one behind the other along `axis`."""
        lead = np.broadcast_shapes(*(x.shape[:2] for x in xs))
        return np.concatenate([np.broadcast_to(x, lead + x.shape[2:]) for x in xs], axis=axis)

    def diagonal(self, x: Any) -> Any:
        """The diagonal of square matrices."""
        return np.diagonal(x, axis1=-2, axis2=-1)

    def on_diagonal(self, x: Any) -> Any:
        """Matrices with vectors on their diagonal, 0 elsewhere."""
        n = x.shape[-1]
        result = self.zeros((*x.shape, n))
        result[..., range(n), range(n)] = x
        return result

    def scatter(self, g: Any, x: Any, key: Any) -> Any:
        """0 in the shape of the value x, with g at `key`."""
        result = self.zeros(g.shape[:2] + x.shape[2:])
        result[key] = g
        return result

    # --- matrices ----------------------------------------------------------------------------

    def det(self, x: Any) -> Any:
        """Determinant."""
        return determinant(self.array(x))

    def inv(self, x: Any) -> Any:
        """Inverse, refined once; nan where the matrix is singular as far as doubles can tell."""
        found = inverse(x)
        found = found + np.matmul(found, np.eye(x.shape[-1]) - np.matmul(x, found))
        return np.where(is_regular(x, found)[..., None, None], found, np.nan)

    def cofactors(self, x: Any) -> Any:
        """The derivative of det."""
        return cofactors(x)

    def spectral_bound(self, x: Any) -> Any:
        """A bound on the size of the eigenvalues of square matrices, as floats."""
        return spectral_bound(x)

    def matmul(self, a: Any, b: Any) -> Any:
        """a @ b for every perturbation and row; one large product where a side is shared by rows."""
        rows = max(a.shape[1], b.shape[1])
        if a.shape[1] == b.shape[1]:
            return np.matmul(a, b)
        if b.shape[1] == 1:  # each row's matrix a under the one before
            wide = a.reshape(a.shape[0], -1, a.shape[-1])
            product = np.matmul(wide, b[:, 0])
            return product.reshape(product.shape[0], rows, a.shape[-2], b.shape[-1])
        if b.shape[-1] == 1:
            product = np.matmul(b[..., 0], a[:, 0].swapaxes(-1, -2))
            return product[..., None]
        wide = b.transpose(0, 2, 1, 3).reshape(b.shape[0], b.shape[2], -1)
        product = np.matmul(a[:, 0], wide)
        return product.reshape(product.shape[0], a.shape[-2], rows, -1).transpose(0, 2, 1, 3)

    def matmul_onto(self, like: Any, a: Any, b: Any) -> Any:
        """a @ b, summed over the rows where `like` has one value for all of them.

        The row axis becomes part of the contraction: products of single rows are never stored.
        """
        if like.shape[1] == 1 and max(a.shape[1], b.shape[1]) > 1:
            a, b = _rows_inside(a, b)
        return self.matmul(a, b)


_ERF = np.frompyfunc(math.erf, 1, 1)
_ERFC = np.frompyfunc(math.erfc, 1, 1)


def _rows_inside(a: Array, b: Array) -> tuple[Array, Array]:
    """a and b with the row axis folded into the axis that `a @ b` contracts."""
    if a.shape[1] == 1:
        return a, np.sum(b, axis=1, keepdims=True)
    if b.shape[1] == 1:
        return np.sum(a, axis=1, keepdims=True), b
    left = a.transpose(0, 2, 1, 3).reshape(a.shape[0], 1, a.shape[2], -1)
    return left, b.reshape(b.shape[0], 1, -1, b.shape[3])


def _along(function: Callable[[Array], Array], x: Array, axes: Axes) -> Array:
    """`function` of x with `axes` made one last axis; the result has the shape of x."""
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(x, axes, last)
    lead = moved.shape[: moved.ndim - len(axes)]
    result = function(moved.reshape((*lead, -1)))
    return np.moveaxis(result.reshape(moved.shape), last, axes)


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
        return super().erf(np.real(x)) + _erf_change(np.real(x), np.imag(x))

    def erfc(self, x: Any) -> Any:
        """1 - erf(x)."""
        return super().erfc(np.real(x)) - _erf_change(np.real(x), np.imag(x))

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


def _erf_change(x: Array, y: Array) -> Array:
    """erf(x + i y) - erf(x) for |y| up to 1; Abramowitz and Stegun 7.1.29."""
    c, s, half = np.cos(2 * x * y), np.sin(2 * x * y), np.sin(x * y)
    beside = np.where(x == 0, 1, x)
    total = np.where(x == 0, 1j * y / np.pi, (2 * half * half + 1j * s) / (2 * np.pi * beside))
    for n in range(1, 16):
        weight = 2 / np.pi * math.exp(-n * n / 4) / (n * n + 4 * x * x)
        grow, shrink = np.cosh(n * y), np.sinh(n * y)
        rise = 2 * x * (2 * half * half - 2 * np.sinh(n * y / 2) ** 2 * c) + n * shrink * s
        total = total + weight * (rise + 1j * (2 * x * grow * s + n * shrink * c))
    return np.asarray(np.exp(-x * x) * total)


_FAR = 2.0**64  # beyond it exp is taken as infinity or 0
_REACH = 20_000  # angles up to 2 to this power are reduced; the cost grows with it


class High(Float64):
    """Object arrays of numbers of one mpmath context. Outside the real domain functions are nan.

    Division by 0 is what the context makes of it.
    """

    dtype: Any = object

    def __init__(self, context: Any) -> None:
        self.context = context
        self._convert = np.frompyfunc(context.mpf, 1, 1)
        self._elementwise: dict[str, Any] = {}

    @property
    def pi(self) -> Any:
        """pi, to all digits of the context."""
        return +self.context.pi

    def array(self, values: Any) -> Array:
        """`values`, doubles or numbers of the context, exactly."""
        return np.asarray(self._convert(np.asarray(values)), dtype=object)

    def truth(self, mask: Any) -> Any:
        """0 and 1 instead of False and True."""
        one, zero = self.context.mpf(1), self.context.mpf(0)
        return np.where(np.asarray(mask, dtype=bool), one, zero)

    def positive_part(self, x: Any) -> Any:
        """max(x, 0)."""
        return self.where(self.gt(x, 0), x, 0 * x)

    def ones_like(self, x: Any) -> Any:
        """1 in the shape of x."""
        return np.full(x.shape, self.context.mpf(1), dtype=object)

    def zeros(self, shape: Sequence[int]) -> Any:
        """0 in a shape."""
        return np.full(tuple(shape), self.context.mpf(0), dtype=object)

    def where(self, c: Any, a: Any, b: Any) -> Any:
        """a where c is not 0, else b."""
        return np.where(np.asarray(c != 0, dtype=bool), a, b)

    def is_power_of_any(self, b: Any) -> Any:
        """1 where b is an integer."""
        return self.truth(self._map("isint", self.context.isint, b))

    def abs(self, x: Any) -> Any:
        """Absolute value."""
        return np.abs(x)

    def sign(self, x: Any) -> Any:
        """-1, 0 or 1."""
        return self._each("sign", x)

    def sum(self, x: Any, axis: Axes, keepdims: bool) -> Any:
        """Sum along `axis`."""
        return multilinear(partial(np.sum, axis=axis, keepdims=keepdims), self.context, x)

    def max(self, x: Any, axis: Axes, keepdims: bool) -> Any:
        """Largest along `axis`; nan if there is one."""
        largest = np.max(x, axis=axis, keepdims=keepdims)
        return largest + 0 * np.sum(x, axis=axis, keepdims=keepdims)

    def matmul(self, a: Any, b: Any) -> Any:
        """a @ b for every perturbation and row."""
        return multilinear(super().matmul, self.context, a, b)

    def inv(self, x: Any) -> Any:
        """Inverse; nan where a column has no pivot."""
        return inverse(x)

    def cofactors(self, x: Any) -> Any:
        """The derivative of det."""
        return minors(x) if x.shape[-1] <= LARGEST_BY_MINORS else by_factors(x)[0]

    def norm(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        """Root of the sum of squares; nothing overflows here."""
        return self.sqrt(np.sum(x * x, axis=axes, keepdims=keepdims))

    def sin(self, x: Any) -> Any:
        """Sine."""
        return self._angle("sin", x)

    def cos(self, x: Any) -> Any:
        """Cosine."""
        return self._angle("cos", x)

    def tan(self, x: Any) -> Any:
        """Tangent."""
        return self._angle("tan", x)

    def asin(self, x: Any) -> Any:
        """Inverse sine."""
        return self._each("asin", x)

    def acos(self, x: Any) -> Any:
        """Inverse cosine."""
        return self._each("acos", x)

    def atan(self, x: Any) -> Any:
        """Inverse tangent."""
        return self._each("atan", x)

    def atan2(self, y: Any, x: Any) -> Any:
        """Angle of the point (x, y)."""
        return np.frompyfunc(self.context.atan2, 2, 1)(y, x)

    def sinh(self, x: Any) -> Any:
        """Hyperbolic sine."""
        return self._growing("sinh", x, math.inf, -math.inf)

    def cosh(self, x: Any) -> Any:
        """Hyperbolic cosine."""
        return self._growing("cosh", x, math.inf, math.inf)

    def tanh(self, x: Any) -> Any:
        """Hyperbolic tangent."""
        return self._growing("tanh", x, 1, -1)

    def sech(self, x: Any) -> Any:
        """1/cosh(x)."""
        return self._growing("sech", x, 0, 0)

    def exp(self, x: Any) -> Any:
        """Exponential."""
        return self._growing("exp", x, math.inf, 0)

    def expm1(self, x: Any) -> Any:
        """exp(x) - 1."""
        return self._growing("expm1", x, math.inf, -1)

    def log(self, x: Any) -> Any:
        """Natural logarithm."""
        return self._each("log", x)

    def log1p(self, x: Any) -> Any:
        """log(1 + x)."""
        return self._each("log1p", x)

    def log2(self, x: Any) -> Any:
        """Logarithm to base 2."""
        return self._each("log", x) / self.context.log(2)

    def log10(self, x: Any) -> Any:
        """Logarithm to base 10."""
        return self._each("log", x) / self.context.log(10)

    def sqrt(self, x: Any) -> Any:
        """Square root."""
        return self._each("sqrt", x)

    def cbrt(self, x: Any) -> Any:
        """Real cube root."""
        cbrt = self.context.cbrt
        return self._map("cbrt", lambda v: cbrt(v) if v >= 0 else -cbrt(-v), x)

    def pow(self, a: Any, b: Any) -> Any:
        """a to the power b; nan for a < 0 unless b is an integer."""
        return np.frompyfunc(self._power, 2, 1)(a, b)

    def softplus(self, x: Any) -> Any:
        """log(1 + exp(x))."""
        return self.where(self.gt(x, 0), x, 0 * x) + self.log1p(self.exp(-np.abs(x)))

    def erf(self, x: Any) -> Any:
        """Error function."""
        return self._each("erf", x)

    def erfc(self, x: Any) -> Any:
        """1 - erf(x)."""
        return self._each("erfc", x)

    def _map(self, name: str, function: Callable[[Any], Any], x: Any) -> Any:
        """`function` of every entry; the ufunc is made once."""
        made = self._elementwise.get(name)
        if made is None:
            made = self._elementwise[name] = np.frompyfunc(function, 1, 1)
        return made(x)

    def _each(self, name: str, x: Any) -> Any:
        """A function of the context; nan where it has no real value."""
        function = getattr(self.context, name)

        def real(v: Any) -> Any:
            value = function(v)
            return value if isinstance(value, self.context.mpf) else self.context.nan

        return self._map(name, real, x)

    def _growing(self, name: str, x: Any, right: float, left: float) -> Any:
        """A function of the context that takes its limits very far out, where it cannot be stored."""
        function = getattr(self.context, name)
        far = self.context.mpf(_FAR)  # once: to convert it takes longer than to compare

        def bounded(v: Any) -> Any:
            if v > far:
                return self.context.mpf(right)
            return self.context.mpf(left) if v < -far else function(v)

        return self._map(name, bounded, x)

    def _angle(self, name: str, x: Any) -> Any:
        """A periodic function of the context; nan so far out that no digit of it can be had."""
        function = getattr(self.context, name)

        def reduced(v: Any) -> Any:
            near = self.context.isfinite(v) and (not v or self.context.mag(v) < _REACH)
            return function(v) if near else self.context.nan

        return self._map(name, reduced, x)

    def _power(self, a: Any, b: Any) -> Any:
        context = self.context
        a, b = context.mpf(a), context.mpf(b)
        if not a:
            return context.mpf(1) if not b else context.mpf(0) if b > 0 else context.inf
        if abs(b) > _FAR or (context.isfinite(a) and abs(b * context.mag(a)) > _FAR):
            magnitude = self.exp(b * context.log(abs(a)))
            return magnitude if a > 0 else context.nan
        value = context.power(a, b)
        return value if isinstance(value, context.mpf) else context.nan


FLOAT64 = Float64()
COMPLEX128 = Complex128()
