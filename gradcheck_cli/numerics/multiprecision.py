"""Reads object arrays of mpmath numbers. Gives the functions of primitives at any precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array, Axes
from gradcheck_cli.numerics.computed_values import remember
from gradcheck_cli.numerics.float64 import Float64
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.gaussian_elimination import by_factors, inverse, minors, solution
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits
from gradcheck_cli.numerics.symmetric_matrices import distances, eigenvectors, gaps, symmetric_part

__all__ = ["High"]


_WHOLE = 2.0 ** SIGNIFICANDS["float64"]  # below it a whole double is its own shortest decimal


class High(Float64):
    """Object arrays of numbers of one mpmath context. Outside the real domain functions are nan.

    Division by 0 is what the context makes of it.
    """

    dtype: Any = object

    def __init__(self, context: Any, limits: NumericsLimits = NUMERICS) -> None:
        self.context, self.limits = context, limits
        self._convert = np.frompyfunc(context.mpf, 1, 1)
        self._shortest = np.frompyfunc(self._shortest_decimal, 1, 1)
        self._settled = np.frompyfunc(self._without_rest, 2, 1)
        self._elementwise: dict[str, Any] = {}
        self._functions: dict[str, Callable[..., Any]] = {}

    @property
    def pi(self) -> Any:
        """pi, to all digits of the context."""
        return +self.context.pi

    def array(self, values: Any) -> Array:
        """`values`, doubles or numbers of the context, exactly."""
        return np.asarray(self._convert(np.asarray(values)), dtype=object)

    def decimals(self, values: Any) -> Array:
        """The shortest decimals that give these doubles, to all digits; other numbers as they are."""
        return np.asarray(self._shortest(np.asarray(values)), dtype=object)

    def decimal(self, text: str) -> Any:
        """A decimal, to all digits of the context."""
        return self.context.mpf(text)

    def number(self, value: float) -> Any:
        """The shortest decimal that gives a double."""
        return self._shortest_decimal(float(value))

    def add(self, a: Any, b: Any) -> Any:
        """a + b, and 0 where they cancel but for a rest that would shrink with the precision."""
        return self._settled(a + b, a)

    def sub(self, a: Any, b: Any) -> Any:
        """a - b, and 0 as in `add`: 0.3 - 0.1 - 0.2 is 0, and not 3e-52."""
        return self._settled(a - b, a)

    def eq(self, a: Any, b: Any) -> Any:
        """1 where a = b."""
        return self.truth(self._beside(a, b) == 0)

    def gt(self, a: Any, b: Any) -> Any:
        """1 where a > b."""
        return self.truth(self._beside(a, b) > 0)

    def ge(self, a: Any, b: Any) -> Any:
        """1 where a >= b."""
        return self.truth(self._beside(a, b) >= 0)

    def _beside(self, a: Any, b: Any) -> Any:
        """What has the sign of a - b, also where both are infinite."""
        if isinstance(b, int) and b == 0:
            return a
        found = self.sub(a, b)
        return np.where(np.asarray(a == b, dtype=bool), self.context.mpf(0), found)

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
        return self._map("sign", self.context.sign, x)

    def sum(self, x: Any, axis: Axes, keepdims: bool) -> Any:
        """Sum along `axis`."""
        return self.multilinear(partial(np.sum, axis=axis, keepdims=keepdims), x, settled=True)

    def max(self, x: Any, axis: Axes, keepdims: bool) -> Any:
        """Largest along `axis`; nan if there is one."""
        largest = np.max(x, axis=axis, keepdims=keepdims)
        return largest + 0 * np.sum(x, axis=axis, keepdims=keepdims)

    def matmul(self, a: Any, b: Any) -> Any:
        """a @ b for every perturbation and row."""
        return self.multilinear(super().matmul, a, b, settled=True)

    def multilinear(
        self, function: Callable[..., Array], *arrays: Array, settled: bool = False
    ) -> Array:
        """function(*arrays), which is linear in each array, rounded once; 0 in `settled` sums that cancel."""
        from gradcheck_cli.numerics.exact_contraction import multilinear

        return multilinear(function, self.context, *arrays, settled=settled, limits=self.limits)

    def inv(self, x: Any) -> Any:
        """Inverse; nan where a column has no pivot."""
        return inverse(x)

    def solve(self, a: Any, b: Any) -> Any:
        """The x with a @ x = b; nan where a column has no pivot."""
        return solution(a, b)

    def cofactors(self, x: Any) -> Any:
        """The derivative of det."""
        return minors(x) if x.shape[-1] <= self.limits.largest_by_minors else by_factors(x)[0]

    def einsum(self, pattern: str, *xs: Any) -> Any:
        """The contraction that a pattern spells; sums are rounded once."""
        return self.multilinear(partial(super().einsum, pattern), *xs, settled=True)

    def eigenvectors(self, x: Any) -> Any:
        """The eigenvalues of the symmetric part, and its eigenvectors as columns."""
        return eigenvectors(symmetric_part(x), self.context, self.limits)

    def distances(self, values: Any) -> Any:
        """How far each of some eigenvalues, sorted, is from the nearest other; 0 within the last digits."""
        return distances(values, self._last_digits, self.limits)

    def eigenvalue_gaps(self, values: Any) -> Any:
        """How far each of some eigenvalues, sorted, is from the next; 0 within the last digits."""
        return gaps(values, self._last_digits, self.limits)

    @property
    def _last_digits(self) -> Any:
        """Relative: what eigenvalues that are one may differ by."""
        return self.context.mpf(2) ** (self.limits.spare_bits - self.context.prec)

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
        cbrt = self._function("cbrt")
        return self._map("cbrt", lambda v: cbrt(v) if v >= 0 else -cbrt(-v), x)

    def pow(self, a: Any, b: Any) -> Any:
        """a to the power b; nan for a < 0 unless b is an integer."""
        return np.frompyfunc(self._power, 2, 1)(a, b)

    def softplus(self, x: Any) -> Any:
        """log(1 + exp(x))."""
        return self.where(self.gt(x, 0), x, 0 * x) + self.log1p(self.exp(-np.abs(x)))

    def erf(self, x: Any) -> Any:
        """Error function."""
        return self._growing("erf", x, 1, -1, power=2)

    def erfc(self, x: Any) -> Any:
        """1 - erf(x)."""
        return self._growing("erfc", x, 0, 2, power=2)

    def named(self, name: str, *xs: Any) -> Any:
        """A special function by its name; orders that stand first are integers."""
        orders = tuple(x for x in xs if isinstance(x, int))
        key = " ".join([name, *map(str, orders)])
        made = self._elementwise.get(key)
        if made is None:
            from gradcheck_cli.numerics.special_multiprecision import named_number

            count = len(xs) - len(orders)
            plain = partial(named_number, self.context, name, *orders)
            made = np.frompyfunc(remember(self.context, "special " + key, plain), count, 1)
            self._elementwise[key] = made
        return made(*(self.array(x) for x in xs[len(orders) :]))

    def floor(self, x: Any) -> Any:
        """The largest whole number that is not above x; of what is one but for its last digits, that one."""
        near = self.round(x)
        rest = self.sub(x, near)
        return np.where(np.asarray(rest < 0, dtype=bool), near - 1, near)

    def round(self, x: Any) -> Any:
        """The nearest whole number, of two the even one; 2.5 but for the last digits is 2.5."""
        return self._map("round", self._nearest, x)

    def mod(self, a: Any, b: Any) -> Any:
        """The remainder, with the sign of b; of a whole multiple but for its last digits 0."""
        nothing = np.asarray(b == 0, dtype=bool)
        found = self.sub(a, b * self.floor(a / np.where(nothing, self.context.one, b)))
        return np.where(nothing, self.context.nan, found)

    def _nearest(self, v: Any) -> Any:
        context = self.context
        if not context.isfinite(v):
            return v
        whole = context.floor(v)
        half = self._without_rest(v - whole - context.mpf(0.5), v) if v else -context.one
        if half:
            return whole if half < 0 else whole + 1
        return whole if not int(whole) % 2 else whole + 1

    def _without_rest(self, total: Any, a: Any) -> Any:
        """A sum with the first of its two terms; 0 where nothing is left of them but what their last digits
        may hold. Terms that cancel so far are of one size."""
        try:
            _, whole, exponent, bits = total._mpf_
            _, first, its_exponent, its_bits = a._mpf_
        except AttributeError:  # a plain number among them
            return self._without_rest(self.context.mpf(total), self.context.mpf(a))
        rest = exponent + bits <= its_exponent + its_bits - self.context.prec + self.limits.spare_bits
        return self.context.zero if rest and whole and first else total

    def _shortest_decimal(self, value: Any) -> Any:
        if not isinstance(value, float) or (value.is_integer() and abs(value) < _WHOLE):
            return self.context.mpf(value)
        return self.context.make_mpf(_shortest_decimal(float(value), self.context.prec))

    def _map(self, name: str, function: Callable[[Any], Any], x: Any) -> Any:
        """`function` of every entry; the ufunc is made once."""
        made = self._elementwise.get(name)
        if made is None:
            made = self._elementwise[name] = np.frompyfunc(function, 1, 1)
        return made(x)

    def _function(self, name: str) -> Callable[..., Any]:
        """A function of the context; None where it has no real value."""
        made = self._functions.get(name)
        if made is None:
            made = self._functions[name] = remember(self.context, name, getattr(self.context, name))
        return made

    def _each(self, name: str, x: Any) -> Any:
        """A function of the context; nan where it has no real value."""
        function = self._function(name)

        def real(v: Any) -> Any:
            value = function(v)
            return self.context.nan if value is None else value

        return self._map(name, real, x)

    def _growing(self, name: str, x: Any, right: float, left: float, *, power: int = 1) -> Any:
        """A function of the context that takes its limits very far out, where it cannot be stored, as exp of
        a power of x."""
        function = self._function(name)
        far = self.context.mpf(self.limits.far ** (1 / power))  # once: it takes longer than to compare

        def bounded(v: Any) -> Any:
            if v > far:
                return self.context.mpf(right)
            return self.context.mpf(left) if v < -far else function(v)

        return self._map(name, bounded, x)

    def _angle(self, name: str, x: Any) -> Any:
        """A periodic function of the context; nan so far out that no digit of it can be had."""
        function = self._function(name)

        def reduce(v: Any) -> Any:
            near = self.context.isfinite(v) and (not v or self.context.mag(v) < self.limits.largest_angle)
            return function(v) if near else self.context.nan

        return self._map(name, reduce, x)

    def _power(self, a: Any, b: Any) -> Any:
        context, far = self.context, self.limits.far
        a, b = context.mpf(a), context.mpf(b)
        if not a:
            return context.mpf(1) if not b else context.mpf(0) if b > 0 else context.inf
        if abs(b) > far or (context.isfinite(a) and abs(b * context.mag(a)) > far):
            magnitude = self.exp(b * context.log(abs(a)))
            return magnitude if a > 0 else context.nan
        value = self._function("power")(a, b)
        return context.nan if value is None else value


@lru_cache(maxsize=NUMERICS.most_values)
def _shortest_decimal(value: float, precision: int) -> Any:
    """The shortest decimal that gives a double, to so many bits. The stages of a run read the same ones."""
    from mpmath.libmp import from_str

    return from_str(repr(value), precision, "n")
