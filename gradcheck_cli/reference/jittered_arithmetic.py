"""Reads float64 arrays. Gives arithmetic whose results are moved at random, and bounds from samples of it.

Stochastic arithmetic (Vignes 1993): results are moved by a relative 2^-46 instead of the 2^-52 of float64,
and what comes out is scaled back. Values and numbers of the text mean their decimals: those that no double
holds are moved by half a unit. Knows nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import Float64
from gradcheck_cli.numerics.gaussian_elimination import (
    cofactors_and_bound,
    determinant,
    inverse,
    pivots,
)
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.machine import EPS, SMALLEST_NORMAL, TINY
from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["Jittered", "bound", "bound_of_both", "is_own_decimal", "read", "round_randomly"]

_LIMITS = ReferenceLimits()
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIXED = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)),
    (np.uint64(31), np.uint64(1)),
)  # fmt: skip
_TOP = np.uint64(63)  # the place of the highest bit


class Jittered(Float64):
    """float64 arithmetic whose results are moved by a relative 2^-46, each by its own random sign; those of
    the first of its samples are not, so that what the others are off by needs no second computation.

    `narrow` stands for a format with fewer digits, into which the point itself has to be rounded, and in
    which nothing is taken to be exact.
    """

    def __init__(
        self, moved: int, seed: int, size: float | None = None, *, narrow: bool = False,
        reference: ReferenceLimits = _LIMITS,
    ) -> None:  # fmt: skip
        self.reference, self.size = reference, reference.jitter if size is None else size
        self.samples, self.narrow, self.seed = 1 + moved, narrow, seed
        self.random = np.random.Generator(np.random.PCG64(seed))
        self._pool, self._left = np.zeros(0), 0

    def round_randomly(self, x: Array, terms: int = 1, ulps: Array | float = 1.0) -> Array:
        """A result, jittered independently in every sample and entry, as if it were off by so many ulps.

        Parameters
        ----------
        x : (samples or 1, rows, *shape) float64
        terms : how many were added one after the other
            Every partial sum is rounded; a random walk of n steps is as if each term were off by the root
            of n/8 ulps (`terms_of_a_jitter`).
        ulps : a number, or one for each entry

        Returns
        -------
        (samples, rows, *shape) float64
            The first sample is not jittered.

        References
        ----------
        Higham and Mary 2019.
        """
        found = np.empty((self.samples, *x.shape[1:]))
        found[0], moved = x[0], found[1:]  # in place: fresh memory takes longer than the arithmetic
        size = self.size * max(1.0, (terms / self.reference.terms_of_a_jitter) ** 0.5)
        if np.ndim(ulps):
            self._draw(moved, -size, size)
            moved *= ulps
            moved += 1.0
        else:
            self._draw(moved, 1.0 - size * ulps, 1.0 + size * ulps)
        moved *= x if len(x) == 1 else x[1:]
        return found

    def ulps_of_square(self, x: Array) -> Array | float:
        """By how many ulps x*x may be off.

        Half an ulp; beside 1, where 1 - 2d is a double, not more than the d^2 that it leaves out: 1 - x^2 of
        an x that is known keeps its digits there. Less than one unit of the jittered numbers does not show.

        Parameters
        ----------
        x : (samples or 1, rows, *shape) float64

        Returns
        -------
        (rows, *shape) float64, of the sample that is not jittered
        """
        if self.narrow:
            return 1.0
        beside = np.maximum((np.abs(x[0]) - 1) ** 2, EPS * EPS / self.size) / EPS
        return np.asarray(np.minimum(beside, self.reference.correctly_rounded))

    def round_alike(self, x: Array, ulps: Array | float = 1.0) -> Array:
        """Numbers that are read, moved as `round_randomly` moves results, but with one sign for equal ones
        and their multiples by powers of 2: equal decimals are equal doubles.

        Parameters
        ----------
        x : (1, rows, *shape) float64
        ulps : a number, or one for each entry

        Returns
        -------
        (samples, rows, *shape) float64
            The first sample is not jittered.
        """
        seeds = self.seed * self.reference.samples + np.arange(1, self.samples, dtype=np.uint64)
        digits = np.frexp(np.abs(x))[0].view(np.uint64)
        found = np.empty((self.samples, *x.shape[1:]))
        found[0], moved = x[0], found[1:]
        bits = np.add(digits, seeds.reshape(-1, *(1,) * (x.ndim - 1)), out=moved.view(np.uint64))
        moved[...] = _hash(bits) >> _TOP
        moved *= 2.0
        moved -= 1.0
        moved *= self.size * ulps
        moved += 1.0
        moved *= x
        return found

    def _draw(self, into: Array, low: float, high: float) -> None:
        """One of two numbers for each entry, by random bits; for few entries by bits drawn beforehand,
        which takes a quarter of the time."""
        count, pool = into.size, self.reference.bit_pool
        if count > pool // self.reference.pool_part:
            bits = self._bits(count)
        else:
            if self._left < count:
                self._pool, self._left = self._bits(pool).astype(float), pool
            self._left -= count
            bits = self._pool[self._left : self._left + count]
        np.multiply(bits.reshape(into.shape), high - low, out=into)  # to choose takes three times as long
        into += low

    def _bits(self, count: int) -> Array:
        return np.unpackbits(np.frombuffer(self.random.bytes(count // 8 + 1), np.uint8), count=count)

    def pow(self, a: Array, b: Array) -> Array:
        """a^b, where a whole number that was computed, as 2*m, is exact: a negative base has a power."""
        whole = np.rint(b)
        computed = (np.asarray(a) < 0) & (np.abs(b - whole) <= self.reference.whole_exponent * np.abs(b))
        return np.asarray(super().pow(a, np.where(computed, whole, b)))

    def exp(self, x: Array) -> Array:
        """The exponential, which is never 0: what has left the range of normal numbers is off by a unit of
        the smallest."""
        return self.with_underflow(np.asarray(super().exp(x)), np.isfinite(x))

    def with_underflow(self, y: Array, inexact: Array) -> Array:
        """y, off by one unit of the smallest number where it is below the normal ones and inexact.

        Parameters
        ----------
        y : (samples or 1, rows, *shape) float64
        inexact : bool, of a shape that fits y

        Returns
        -------
        (samples, rows, *shape) float64, or y itself
        """
        low = (np.abs(y) < SMALLEST_NORMAL) & inexact
        if not low.any():
            return y
        return np.asarray(y + np.where(low, (self.round_randomly(np.ones_like(y)) - 1) / EPS * TINY, 0.0))

    def erfc(self, x: Array) -> Array:
        """The complementary error function of an argument that was computed, and rounded: far out that
        is what counts, 2 x^2 times."""
        return np.asarray(super().erfc(self.round_randomly(x)))

    def named(self, name: str, *xs: Any) -> Array:
        """A special function of arguments that were computed, and rounded: near a zero of a Bessel function,
        and far out, that is what counts."""
        if name == "betaln":  # as a program may have it, from terms that cancel
            a, b = xs
            first, second, both = (self.named("lgamma", np.asarray(x)) for x in (a, b, a + b))
            parts = (self.round_randomly(part) for part in (first, second, -both))
            return np.asarray(sum(parts))
        given = (x if np.ndim(x) == 0 else self.round_randomly(np.asarray(x)) for x in xs)
        return np.asarray(super().named(name, *given))

    def det(self, x: Array) -> Array:
        """The determinant, with the rounding of every step of the elimination."""
        return determinant(x, self.round_randomly)

    def cofactors(self, x: Array) -> Array:
        """The cofactors, each off by as much as the better way to compute it may be."""
        found, off = cofactors_and_bound(x, self.limits)
        signs = np.sign(self.round_randomly(np.ones_like(x)) - 1)
        return np.asarray(found + signs * off * (self.size / EPS))

    def inv(self, x: Array) -> Array:
        """The inverse B, off by B @ R with |R| up to 2^-46 |A| |B|: what elimination leaves (Higham
        2002, 14.3)."""
        found = inverse(x, self.limits)
        size = np.matmul(np.abs(x), np.abs(found))
        return np.asarray(found + np.matmul(found, self.round_randomly(size) - size))

    def solve(self, a: Array, b: Array) -> Array:
        """The solution x, off by inv(a) @ r, where r is the rounding of n terms of |a| |inv(a)| |b|: what a
        program has that multiplies by the inverse (Higham 2002, 14.2)."""
        inverted = inverse(a, self.limits)
        size = self.matmul(np.abs(a), self.matmul(np.abs(inverted), np.abs(b)))
        off = self.round_randomly(size, a.shape[-1]) - size
        return np.asarray(self.matmul(inverted, b) + self.matmul(inverted, off))

    def log_det(self, x: Array, positive: bool) -> Array:
        """The logarithm of the determinant, with the rounding of every step of the elimination; of a large
        matrix, that of one which is off by units of its largest entries (Higham 2002, 9.3)."""
        if x.shape[-1] >= self.limits.large_matrix:
            size = np.abs(x)
            size = np.sqrt(np.max(size, axis=-1, keepdims=True) * np.max(size, axis=-2, keepdims=True))
            return np.asarray(super().log_det(x + (self.round_randomly(size) - size), positive))
        logarithms = self.log(self.abs(pivots(x, self.round_randomly)))
        found = np.sum(self.round_randomly(logarithms), axis=-1)
        return np.where(self.det_sign(x) > 0, found, np.nan) if positive else np.asarray(found)

    def cholesky(self, x: Array) -> Array:
        """The factor of a matrix that is off by the rounding of n terms of L @ L': what elimination leaves
        (Higham 2002, 10.3)."""
        size = np.abs(super().cholesky(x))
        size = np.matmul(size, size.swapaxes(-1, -2))
        return np.asarray(super().cholesky(x + (self.round_randomly(size, x.shape[-1]) - size)))

    def eigenvectors(self, x: Array) -> tuple[Array, Array]:
        """Those of a matrix that is off by a matrix whose norm is 2^-46 of its own; the vectors are
        orthogonal to 2^-46 alone (Anderson et al. 1999, section 4.7)."""
        size = np.sqrt(np.sum(x * x, axis=(-2, -1), keepdims=True) / x.shape[-1]) + 0 * x
        values, vectors = super().eigenvectors(x + (self.round_randomly(size) - size))
        length = np.ones_like(vectors)
        return values, vectors + (self.round_randomly(length) - length)


def _hash(x: Array) -> Array:
    """64 bits that look random, of 64 bits each, in their place (splitmix64; Steele et al. 2014)."""
    x += _GOLDEN
    for shift, factor in _MIXED:
        x ^= x >> shift
        x *= factor
    return x


def round_randomly(m: Namespace, x: Array, terms: int = 1, ulps: Array | float = 1.0) -> Array:
    """A result as it is, or jittered if the namespace does so; see Jittered.round_randomly.

    Parameters
    ----------
    m : any namespace
    x : (perturbations, rows, *shape)
    terms : how many were added one after the other
    ulps : by how many the result may be off; a number, or one for each entry

    Returns
    -------
    array of the shape of `x`, with the samples of `m` along the first axis where it jitters
    """
    jitter = getattr(m, "round_randomly", None)
    return x if jitter is None else jitter(x, terms, ulps)


def read(m: Namespace, x: Array) -> Array:
    """Doubles of a text or a file as they are, or jittered if the namespace does so: by half an ulp where
    they are not the decimals that they stand for.

    Parameters
    ----------
    m : a namespace that jitters, or any other
    x : (1, rows, *shape) float64

    Returns
    -------
    (samples, rows, *shape) float64; x itself where nothing is off
    """
    if not isinstance(m, Jittered):
        return x
    inexact = ~is_own_decimal(x)
    return m.round_alike(x, np.where(inexact, 0.5, 0.0)) if inexact.any() else x


def is_own_decimal(x: Array, limits: ReferenceLimits = _LIMITS) -> Array:
    """Where a double equals the shortest decimal that gives it, as 0.5 does and 0.1 does not.

    Of more than `most_exact` numbers only those with at most 10 binary places and below 2^20 are known to be.

    Parameters
    ----------
    x : float64, any shape
    limits : which numbers are short, and how many others are compared with their texts

    Returns
    -------
    bool, of the shape of x
    """
    scaled = x * 2.0**limits.short_places
    short = (np.abs(x) < 2.0**limits.short_exponent) & (scaled == np.rint(scaled))
    open_ = np.flatnonzero(~short)
    if 0 < open_.size <= limits.most_exact:
        flat = np.array(short).reshape(-1)
        flat[open_] = [_equals_its_text(float(v)) for v in np.ravel(x)[open_]]
        return flat.reshape(short.shape)
    return np.asarray(short)


@lru_cache(maxsize=_LIMITS.most_exact)
def _equals_its_text(x: float) -> bool:
    return math.isfinite(x) and Decimal(repr(x)) == Decimal(x)


def bound_of_both(
    sampled: Iterator[tuple[Array, Jittered]], ulps: int, is_off_kinks: Callable[[], bool]
) -> Array:
    """What rounding may do, from samples of one size of jitter; from those of a finer one where these are not
    finite, and unscaled where those move as far: sin(1e30) is another number however small they are.

    Parameters
    ----------
    sampled : samples, and what they were computed with; the finer ones are asked for where they are needed
    ulps : as those of `bound`
    is_off_kinks : whether no kink or jump, which is known by other ways, lies within rounding

    Returns
    -------
    (...) float64, in the unit of the samples
    """
    samples, jitter = next(sampled)
    limits, plain, found = jitter.reference, np.abs(samples[0]), bound(samples, jitter, ulps)
    few = (found > limits.few_digits * plain) & (plain > 0)
    few = few & is_off_kinks() if few.any() else few
    if not (few.any() or np.isinf(found).any()):
        return found
    for finer, its_jitter in sampled:
        again = bound(finer, its_jitter, ulps)
        saturated = few & (again > limits.linear * found) & np.isfinite(again)
        found = np.where(saturated, found * (jitter.size / EPS), found)
        found = np.where(np.isfinite(found), found, again)
    return found


def bound(samples: Array, jitter: Jittered, ulps: int) -> Array:
    """What rounding may do, from samples of jitter.

    Parameters
    ----------
    samples : (samples, ...) float64
        The first one is not jittered.
    jitter : what the samples were computed with
    ulps : by how many the result may be off on top of that

    Returns
    -------
    (...) float64, in the unit of the samples
        inf where the samples are not finite.

    References
    ----------
    Vignes 1993.
    """
    plain = samples[0]
    with np.errstate(all="ignore"):
        if samples.size <= jitter.reference.few_numbers:
            spread = np.abs(samples[1:] - plain).max(axis=0, initial=0.0)
        else:
            spread = np.zeros(plain.shape)
            for moved in samples[1:]:  # one by one: all at once take their memory twice again
                np.maximum(spread, np.abs(moved - plain), out=spread)
        found = jitter.reference.safety * spread * (EPS / jitter.size)
        found = found + ulps * EPS * np.abs(plain) + TINY
    return np.where(np.isfinite(found), found, np.inf)
