"""Reads arrays. Gives the arithmetic they are computed in: float64, complex, or any precision.

A namespace is the `m` of the table of primitives: `m.sin(x)`, `m.where(c, a, b)`, ... Arrays carry
two leading axes, (perturbations, rows), before the axes of the value itself. Comparisons give 0 and
1 in the namespace's own numbers. Floating-point warnings are the caller's business (np.errstate).
Knows nothing of models, nor of derivatives: complex functions are continuations, never Taylor terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.numerics.gaussian_elimination import (
    cofactors,
    determinant,
    inverse,
    is_regular,
    spectral_bound,
)
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["FLOAT64", "Array", "Axes", "Float64", "Mask", "floats"]

Array = NDArray[Any]
Axes = tuple[int, ...]
Mask = NDArray[np.bool_]


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


class Float64:
    """Double precision. What holds in every precision is written here once."""

    dtype: Any = np.float64
    limits: NumericsLimits = NUMERICS

    @property
    def pi(self) -> Any:
        """pi, to the precision of these numbers."""
        return np.pi

    def array(self, values: Any) -> Array:
        """Values as numbers of this namespace.

        Parameters
        ----------
        values : numbers or an array

        Returns
        -------
        array of the same shape, in the dtype of the namespace
        """
        return np.asarray(values, dtype=self.dtype)

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

    def sub(self, a: Any, b: Any) -> Any:
        """a - b."""
        return a - b

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

    def gate(self, g: Any, x: Any) -> Any:
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
        return cofactors(x, self.limits)

    def spectral_bound(self, x: Any) -> Any:
        """A bound on the size of the eigenvalues of square matrices, as floats."""
        return spectral_bound(x, self.limits)

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


FLOAT64 = Float64()
