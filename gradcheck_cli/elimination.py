"""Reads stacks of square matrices, (..., n, n), of any numbers. Gives determinants, inverses, cofactors.

Gaussian elimination with partial pivoting (Higham 2002, chapters 9 and 14), in real, complex or
high-precision numbers alike; the real part decides which row is the pivot's. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cofactors", "determinant", "inverse", "is_regular"]

Array = NDArray[Any]


def determinant(a: Array, rounded: Callable[[Array], Array] | None = None) -> Array:
    """det(a): (...). 0 where a column has no pivot. `rounded` is done to what is subtracted."""
    work = np.array(a)
    product = np.asarray(1 + 0 * work[..., 0, 0])
    for k in range(work.shape[-1]):
        product = product * _pivoted(work, k)
        pivot = work[..., k, k]
        factors = work[..., k + 1 :, k] / np.where(pivot == 0, 1, pivot)[..., None]
        part = factors[..., None] * work[..., k, None, k + 1 :]
        work[..., k + 1 :, k + 1 :] -= part if rounded is None else rounded(part)
    return np.asarray(product)


def inverse(a: Array) -> Array:
    """The inverse: (..., n, n). nan where a pivot is 0."""
    n = a.shape[-1]
    work = np.concatenate([a, 0 * a + np.eye(n, dtype=a.dtype)], axis=-1)
    singular = np.zeros(a.shape[:-2], dtype=bool)
    for k in range(n):
        _pivoted(work, k)
        pivot = work[..., k, k]
        singular |= np.asarray(pivot == 0, dtype=bool)
        row = work[..., k, :] / np.where(pivot == 0, 1, pivot)[..., None]
        factors = np.array(work[..., :, k])
        factors[..., k] = 0
        work[..., k, :] = row
        work -= factors[..., None] * row[..., None, :]
    return np.where(singular[..., None, None], np.nan, work[..., n:])


def _pivoted(work: Array, k: int) -> Array:
    """Exchange row k, in place, for the one with the largest entry in column k; (...) the pivot, with
    a minus where rows were exchanged."""
    sizes = np.abs(np.real(work[..., k:, k])) if work.dtype != object else abs(work[..., k:, k])
    chosen = k + np.argmax(sizes, axis=-1)
    at = chosen[..., None, None]
    row = np.take_along_axis(work, at, axis=-2)
    np.put_along_axis(work, at, np.array(work[..., k : k + 1, :]), axis=-2)
    work[..., k : k + 1, :] = row
    return np.asarray(np.where(chosen == k, work[..., k, k], -work[..., k, k]))


def is_regular(a: Array, found: Array) -> Array:
    """Whether float64 can tell a from a singular matrix, its inverse being `found`: (...).

    By Skeel's condition numbers, |A^-1||A| and |A||A^-1|, which the scaling of rows or of columns does
    not change: diag(1e-200, 1) is regular.
    """
    size, other = np.abs(a), np.abs(found)
    by_rows = np.max(np.sum(np.matmul(other, size), axis=-1), axis=-1)
    by_columns = np.max(np.sum(np.matmul(size, other), axis=-2), axis=-1)
    return np.asarray(np.minimum(by_rows, by_columns) < 2.0**52 / (4 * a.shape[-1]))


def cofactors(a: Array) -> Array:
    """d det(a)/d a: (..., n, n), also where a is singular. Minors, without division: what is 0 for
    every matrix with these zeros is exactly 0. The work grows with 2^n."""
    n = a.shape[-1]
    found = np.empty_like(a)
    for i in range(n):
        minors = {0: np.ones_like(a[..., 0, 0])}  # by the columns taken, as bits
        for k in (k for k in range(n) if k != i):
            minors = _with_row(minors, a[..., k, :])
        for j in range(n):
            found[..., i, j] = (-1) ** (i + j) * minors[(1 << n) - 1 - (1 << j)]
    return found


def _with_row(minors: dict[int, Array], row: Array) -> dict[int, Array]:
    """The minors with one more row below, each expanded along it."""
    found: dict[int, Array] = {}
    for columns, minor in minors.items():
        for j in range(row.shape[-1]):
            if not columns >> j & 1:
                sign = (-1) ** (columns >> j).bit_count()
                part = sign * row[..., j] * minor
                taken = columns | 1 << j
                found[taken] = found[taken] + part if taken in found else part
    return found
