"""Reads stacks of square matrices, (..., n, n), of any numbers. Gives determinants, inverses, cofactors.

Gaussian elimination with partial pivoting (Higham 2002, chapters 9 and 14), in real, complex or
high-precision numbers alike; the real part decides which row is the pivot's. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits
from gradcheck_cli.numerics.machine import EPS

__all__ = [
    "by_factors", "cofactors", "cofactors_and_bound", "determinant", "inverse",
    "is_regular", "minors", "pivots", "solution", "spectral_bound",
]  # fmt: skip

Array = NDArray[Any]


def determinant(a: Array, rounded: Callable[[Array], Array] | None = None) -> Array:
    """det(a), by elimination with partial pivoting.

    Parameters
    ----------
    a : (..., n, n) float64, or mpmath numbers (dtype object)
    rounded : done to what is subtracted in each step

    Returns
    -------
    (...) of the same dtype
        0 where a column has no pivot.

    References
    ----------
    Higham 2002, chapter 9.
    """
    found = pivots(a, rounded)
    product = np.asarray(1 + 0 * found[..., 0])
    for k in range(a.shape[-1]):
        product = product * found[..., k]
    return np.asarray(product)


def pivots(a: Array, rounded: Callable[[Array], Array] | None = None) -> Array:
    """The pivots of elimination with partial pivoting, with a minus where rows were exchanged: their product
    is the determinant.

    Parameters
    ----------
    a : (..., n, n) float64, or mpmath numbers (dtype object)
    rounded : done to what is subtracted in each step

    Returns
    -------
    (..., n) of the same dtype
        0 where a column has no pivot.

    References
    ----------
    Higham 2002, chapter 9.
    """
    work = np.array(a)
    found = []
    for k in range(work.shape[-1]):
        found.append(_pivot(work, k))
        factors = work[..., k + 1 :, k] / _divisor(work, k)
        part = factors[..., None] * work[..., k, None, k + 1 :]
        work[..., k + 1 :, k + 1 :] -= part if rounded is None else rounded(part)
    return np.stack(np.broadcast_arrays(*found), axis=-1)


def inverse(a: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """The inverse, by Gauss-Jordan elimination with partial pivoting; of large matrices of doubles, LAPACK's.

    Parameters
    ----------
    a : (..., n, n) float64, or mpmath numbers (dtype object)
    limits : from which size a matrix is large

    Returns
    -------
    (..., n, n) of the same dtype
        nan where a pivot is 0.

    References
    ----------
    Higham 2002, section 14.4.
    """
    n = a.shape[-1]
    if n >= limits.large_matrix and a.dtype != object:
        with suppress(np.linalg.LinAlgError):  # of one that is singular, in place of which nan is wanted
            return np.asarray(np.linalg.inv(a))
    work = np.array(a)  # in place: a column that is done gives its place to one of the inverse
    order = np.broadcast_to(np.arange(n), a.shape[:-1]).copy()
    singular = np.zeros(a.shape[:-2], dtype=bool)
    for k in range(n):
        chosen = _pivot_row(work, k)
        for rows in (work, order[..., None]):
            _exchange(rows, k, chosen)
        pivot = np.array(work[..., k, k])
        singular |= np.asarray(pivot == 0, dtype=bool)
        factors = np.array(work[..., :, k])
        factors[..., k] = 0
        work[..., :, k] = 0
        work[..., k, k] = 1
        row = work[..., k, :] / np.where(pivot == 0, 1, pivot)[..., None]
        work[..., k, :] = row
        work -= factors[..., None] * row[..., None, :]
    found = np.empty_like(work)
    np.put_along_axis(found, order[..., None, :], work, axis=-1)
    return np.where(singular[..., None, None], np.nan, found)


def solution(a: Array, b: Array) -> Array:
    """The x with a @ x = b, by elimination with partial pivoting and back substitution.

    Parameters
    ----------
    a : (..., n, n) float64, or mpmath numbers (dtype object)
    b : (..., n, k) of the same dtype

    Returns
    -------
    (..., n, k) of the same dtype
        nan where a column has no pivot.

    References
    ----------
    Higham 2002, chapter 9.
    """
    n, lead = a.shape[-1], np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    sides = [np.broadcast_to(x, lead + x.shape[-2:]) for x in (a, b)]
    work = np.concatenate(sides, axis=-1)
    for k in range(n):
        _pivot(work, k)
        factors = work[..., k + 1 :, k] / _divisor(work, k)
        work[..., k + 1 :, k + 1 :] -= factors[..., None] * work[..., k, None, k + 1 :]
    diagonal = np.diagonal(work[..., :n], axis1=-2, axis2=-1)
    singular = np.any(np.asarray(diagonal == 0, dtype=bool), axis=-1)
    found = work[..., n:]
    for k in reversed(range(n)):
        found[..., k, :] /= _divisor(work, k)
        found[..., :k, :] -= work[..., :k, k, None] * found[..., k, None, :]
    return np.where(singular[..., None, None], np.nan, found)


def _divisor(work: Array, k: int) -> Array:
    """The k-th pivot, as an axis of length 1; 1 where there is none."""
    pivot = work[..., k, k]
    return np.asarray(np.where(pivot == 0, 1, pivot)[..., None])


def _pivot(work: Array, k: int) -> Array:
    """Exchange row k, in place, for the one with the largest entry in column k; (...) the pivot, with
    a minus where rows were exchanged."""
    chosen = _pivot_row(work, k)
    _exchange(work, k, chosen)
    return np.asarray(np.where(chosen == k, work[..., k, k], -work[..., k, k]))


def _pivot_row(work: Array, k: int) -> Array:
    """Which row has the largest entry in column k, of rows k and below: (...)."""
    sizes = np.abs(np.real(work[..., k:, k])) if work.dtype != object else abs(work[..., k:, k])
    return np.asarray(k + np.argmax(sizes, axis=-1))


def _exchange(work: Array, k: int, chosen: Array) -> None:
    """Rows k and `chosen`, in place."""
    at = chosen[..., None, None]
    row = np.take_along_axis(work, at, axis=-2)
    np.put_along_axis(work, at, np.array(work[..., k : k + 1, :]), axis=-2)
    work[..., k : k + 1, :] = row


def is_regular(a: Array, found: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """Whether float64 can tell a matrix from a singular one.

    By Skeel's condition numbers, |A^-1||A| and |A||A^-1|, which the scaling of rows or of columns does not
    change: diag(1e-200, 1) is regular.

    Parameters
    ----------
    a : (..., n, n) float64
    found : (..., n, n) float64, its inverse
    limits : what rounding may do to a condition number

    Returns
    -------
    (...) bool
    """
    size, other = np.abs(a), np.abs(found)
    by_rows = np.max(np.sum(np.matmul(other, size), axis=-1), axis=-1)
    by_columns = np.max(np.sum(np.matmul(size, other), axis=-2), axis=-1)
    return np.asarray(np.minimum(by_rows, by_columns) < 1 / EPS / (limits.regularity * a.shape[-1]))


def spectral_bound(a: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """A bound on the size of every eigenvalue: |a^k|^(1/k) for k = 64.

    No scaling of rows and columns makes it large: where all eigenvalues are 0, it is 0 or nearly so. Of large
    matrices a smaller k is enough as soon as all bounds are well below 1.

    Parameters
    ----------
    a : (..., n, n) float64, or mpmath numbers (dtype object)
    limits : how often the matrix is squared, and from which size on not further than needed

    Returns
    -------
    (...) float64, in the unit of the matrix
    """
    power = a.astype(np.float64) if a.dtype == object else a
    logarithm = np.zeros(a.shape[:-2])
    with np.errstate(all="ignore"):
        for k in range(limits.squarings + 1):
            size = np.max(np.sum(np.abs(power), axis=-1), axis=-1)
            logarithm = logarithm + np.log(size) / 2**k
            if a.shape[-1] >= limits.large_matrix and np.all(logarithm < limits.log_of_small):
                break
            power = power / np.where(size == 0, 1, size)[..., None, None]
            power = np.matmul(power, power)
        return np.exp(logarithm)


def cofactors(a: Array, limits: NumericsLimits = NUMERICS) -> Array:
    """d det(a)/d a, also where a is singular.

    Parameters
    ----------
    a : (..., n, n) float64
    limits : up to which size by minors

    Returns
    -------
    (..., n, n) float64
    """
    return cofactors_and_bound(a, limits)[0]


def cofactors_and_bound(a: Array, limits: NumericsLimits = NUMERICS) -> tuple[Array, Array]:
    """The cofactors of a matrix, and what rounding may make of each.

    Small matrices: minors, or det(a) inv(a)' where that loses less. What is 0 for every matrix with these
    zeros is exactly 0 by minors. Larger ones: by factors where there is no inverse.

    Parameters
    ----------
    a : (..., n, n) float64
    limits : up to which size by minors

    Returns
    -------
    cofactors, bound : (..., n, n) float64
    """
    found, bound = _by_inverse(a)
    if a.shape[-1] <= limits.largest_by_minors:
        other, least = minors(a), a.shape[-1] * EPS * minors(np.abs(a), signs=False)
    else:
        other, least = by_factors(a)
    worse = ~(bound < least)
    return np.where(worse, other, found), np.where(worse, least, bound)


def _by_inverse(a: Array) -> tuple[Array, Array]:
    """det(a) inv(a)', off by |det| (|B||A||B|)' for the inverse B (Higham 2002, 14.3) and by what the
    determinant is, the sum of |A||B'|, times |B'|."""
    inverted, whole = inverse(a).swapaxes(-1, -2), determinant(a)[..., None, None]
    with np.errstate(all="ignore"):
        size, other = np.abs(a), np.abs(inverted)
        turned = size.swapaxes(-1, -2)
        share = np.sum(size * other, axis=(-2, -1), keepdims=True)
        bound = np.abs(whole) * (np.matmul(np.matmul(other, turned), other) + share * other)
        return whole * inverted, np.asarray(EPS * bound)


class _Factors(NamedTuple):
    """P A Q = L D U by complete pivoting: L and U have ones on their diagonals; the smallest pivots of D
    stand last, so that none is divided by unless all below it are 0."""

    lower: Array
    pivots: Array
    upper: Array
    rows: Array  # P A Q = A[rows][:, columns]
    columns: Array
    sign: Array  # det P det Q


def _factors(a: Array) -> _Factors:
    work, n = np.array(a), a.shape[-1]
    rows, columns = (np.broadcast_to(np.arange(n), a.shape[:-1]).copy() for _ in range(2))
    sign = np.ones(a.shape[:-2])
    for k in range(n):
        sizes = abs(work[..., k:, k:]).reshape(*a.shape[:-2], -1)
        row, column = (k + found for found in np.divmod(np.argmax(sizes, axis=-1), n - k))
        for order, turned, chosen in ((rows, work, row), (columns, work.swapaxes(-1, -2), column)):
            sign = np.where(chosen == k, sign, -sign)
            _exchange(order[..., None], k, chosen)
            _exchange(turned, k, chosen)
        pivot = work[..., k, k, None]
        work[..., k + 1 :, k] /= np.where(pivot == 0, 1, pivot)
        work[..., k + 1 :, k + 1 :] -= work[..., k + 1 :, k, None] * work[..., k, None, k + 1 :]
    pivots = np.array(np.diagonal(work, axis1=-2, axis2=-1))
    upper = np.triu(work, 1) / np.where(pivots == 0, 1, pivots)[..., None]
    one = np.eye(n, dtype=a.dtype)
    return _Factors(np.tril(work, -1) + one, pivots, upper + one, rows, columns, sign)


def by_factors(a: Array) -> tuple[Array, Array]:
    """Cofactors, also of singular matrices: of P A Q they are inv(L') D* inv(U'), where D* holds the products
    of the other pivots.

    Parameters
    ----------
    a : (..., n, n) float64, or mpmath numbers (dtype object)

    Returns
    -------
    cofactors : (..., n, n) of the same dtype
    bound : (..., n, n) float64
        What rounding in float64 may make of them.
    """
    lower, pivots, upper, rows, columns, sign = _factors(a)
    left, right = (inverse(part).swapaxes(-1, -2) for part in (lower, upper))
    n = a.shape[-1]
    rest = np.repeat(pivots[..., None, :], n, axis=-2)
    rest[..., range(n), range(n)] = 1
    others = np.prod(rest, axis=-1)
    found = sign[..., None, None] * np.matmul(left * others[..., None, :], right)
    sizes = [abs(part).astype(np.float64) for part in (left, right, others, pivots, a)]
    return _permute(found, rows, columns), _permute(_bound_of_factors(*sizes), rows, columns)


def _bound_of_factors(left: Array, right: Array, others: Array, pivots: Array, a: Array) -> Array:
    """Entries of L and U, which are at most 1, are off by n ulps of 1, and so are those that should be 0;
    each pivot by n ulps of the matrix, which the product of all but two pivots makes larger."""
    n = a.shape[-1]
    most = np.prod(np.sort(pivots, axis=-1)[..., 2:], axis=-1) * np.max(a, axis=(-2, -1))
    changed = others + n * most[..., None]
    ones = np.ones((n, n))
    before = np.matmul(left, np.matmul(np.triu(ones), left))
    after = np.matmul(right, np.matmul(np.tril(ones), right))
    return np.asarray(n * EPS * np.matmul(before * changed[..., None, :], after))


def _permute(x: Array, rows: Array, columns: Array) -> Array:
    """x[i, j] at the place (rows[i], columns[j])."""
    by_rows, found = np.empty_like(x), np.empty_like(x)
    np.put_along_axis(by_rows, rows[..., :, None], x, axis=-2)
    np.put_along_axis(found, columns[..., None, :], by_rows, axis=-1)
    return found


def minors(a: Array, signs: bool = True) -> Array:
    """The cofactors without division; the work grows with 2^n.

    Parameters
    ----------
    a : (..., n, n) of any dtype
    signs : whether terms have the signs of a determinant; without them everything is added up

    Returns
    -------
    (..., n, n) of the same dtype
    """
    n = a.shape[-1]
    found = np.empty_like(a)
    for i in range(n):
        known = {0: np.ones_like(a[..., 0, 0])}  # by the columns taken, as bits
        for k in (k for k in range(n) if k != i):
            known = _with_row(known, a[..., k, :], signs)
        for j in range(n):
            sign = (-1) ** (i + j) if signs else 1
            found[..., i, j] = sign * known[(1 << n) - 1 - (1 << j)]
    return found


def _with_row(known: dict[int, Array], row: Array, signs: bool) -> dict[int, Array]:
    """The minors with one more row below, each expanded along it."""
    found: dict[int, Array] = {}
    for columns, minor in known.items():
        for j in range(row.shape[-1]):
            if not columns >> j & 1:
                sign = (-1) ** (columns >> j).bit_count() if signs else 1
                part = sign * row[..., j] * minor
                taken = columns | 1 << j
                found[taken] = found[taken] + part if taken in found else part
    return found
