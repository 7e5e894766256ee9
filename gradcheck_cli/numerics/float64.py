"""Reads arrays. Gives the arithmetic they are computed in: float64, complex, or any precision.

A namespace is the `m` of the table of primitives: `m.sin(x)`, `m.where(c, a, b)`, ... Arrays carry
two leading axes, (perturbations, rows), before the axes of the value itself. Comparisons give 0 and
1 in the namespace's own numbers. Floating-point warnings are the caller's business (np.errstate).
Knows nothing of models, nor of derivatives: complex functions are continuations, never Taylor terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array, Axes
from gradcheck_cli.numerics.convolution import Convolutions
from gradcheck_cli.numerics.gaussian_elimination import pivots
from gradcheck_cli.numerics.ordering import Ordering
from gradcheck_cli.numerics.running_sums import RunningSums
from gradcheck_cli.numerics.selected_entries import SelectedEntries
from gradcheck_cli.numerics.symmetric_matrices import symmetric_part, unit_lower_factor

__all__ = ["FLOAT64", "Float64", "floats"]


def floats(values: Any) -> Array:
    """Numbers of high precision as float64; others as they are.

    Parameters
    ----------
    values : an array or numbers

    Returns
    -------
    array of the same shape
        float64 where the dtype was object, else of the dtype that it had.
    """
    array = np.asarray(values)
    return array.astype(np.float64) if array.dtype == object else array


class Float64(SelectedEntries, Ordering, Convolutions, RunningSums):
    """Double precision. What holds in every precision is written here once."""

    @property
    def pi(self) -> Any:
        """pi, to the precision of these numbers."""
        return np.pi

    def decimals(self, values: Any) -> Array:
        """The numbers that doubles of a text or a file stand for: the shortest decimals that give them.

        Parameters
        ----------
        values : numbers or an array

        Returns
        -------
        array of the same shape, in the dtype of the namespace
            Here the doubles themselves.
        """
        return self.array(values)

    def decimal(self, text: str) -> Any:
        """The number that a decimal of a text stands for; here the double nearest to it."""
        return float(text)

    def number(self, value: float) -> Any:
        """The same of the double of an option."""
        return value

    def add(self, a: Any, b: Any) -> Any:
        """a + b."""
        return a + b

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

    def named(self, name: str, *xs: Any) -> Any:
        """A special function by its name; orders that stand first are integers."""
        from gradcheck_cli.numerics.special_functions import named_value

        return named_value(name, *xs)

    def floor(self, x: Any) -> Any:
        """The largest whole number that is not above x."""
        return np.floor(x)

    def ceil(self, x: Any) -> Any:
        """The smallest whole number that is not below x."""
        return -self.floor(-x)

    def mod(self, a: Any, b: Any) -> Any:
        """The remainder, with the sign of b."""
        return np.mod(a, b)

    def round(self, x: Any) -> Any:
        """The nearest whole number, of two the even one."""
        return np.rint(x)

    # --- matrices ----------------------------------------------------------------------------

    def det_sign(self, x: Any) -> Any:
        """A number with the sign of the determinant, which does not underflow: 0 where there is no pivot."""
        if x.shape[-1] < self.limits.large_matrix or x.dtype == object:
            return self.det(x)
        sign, logarithm = np.linalg.slogdet(self.real(x))
        return sign * np.exp(np.clip(logarithm, -self.limits.log_range, self.limits.log_range))

    def log_det(self, x: Any, positive: bool) -> Any:
        """log of the absolute determinant, nan where it is to be `positive` and is not; of large matrices of
        doubles by LAPACK's factors."""
        if x.shape[-1] >= self.limits.large_matrix and x.dtype == np.float64:
            sign, found = np.linalg.slogdet(x)
        else:
            parts = pivots(self.array(x))
            sign, found = np.prod(self.sign(parts), axis=-1), np.sum(self.log(self.abs(parts)), axis=-1)
        return np.where(np.asarray(self.real(sign) > 0, dtype=bool), found, np.nan) if positive else found

    def cholesky(self, x: Any) -> Any:
        """The lower factor of the symmetric part; nan where that is not positive definite."""
        unit, diagonal = unit_lower_factor(symmetric_part(self.array(x)), self.limits)
        positive = np.asarray(np.all(self.real(diagonal) > 0, axis=-1))
        return np.where(positive[..., None, None], unit * self.sqrt(diagonal)[..., None, :], np.nan)

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
        lost = a - (rounded - part)
        part += b  # in place: fresh memory takes longer than the arithmetic
        lost -= part
        found = self.exp(rounded)
        lost *= found
        if lost.dtype == object or not np.isfinite(lost).all():  # what is lost is nan beyond doubles
            lost = self.where(self.eq(lost, lost), lost, 0 * found)
        return found + lost

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


_ERF = np.frompyfunc(math.erf, 1, 1)
_ERFC = np.frompyfunc(math.erfc, 1, 1)


def _along(function: Callable[[Array], Array], x: Array, axes: Axes) -> Array:
    """`function` of x with `axes` made one last axis; the result has the shape of x."""
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(x, axes, last)
    lead = moved.shape[: moved.ndim - len(axes)]
    result = function(moved.reshape((*lead, -1)))
    return np.moveaxis(result.reshape(moved.shape), last, axes)


FLOAT64 = Float64()
