"""Reads stacks of square matrices, (..., n, n), of any numbers. Gives factors and eigenvalues of their
symmetric part, (A + A')/2.

Elimination without exchange of rows, A = L D L' (Higham 2002, chapter 10), in real, complex or
high-precision numbers alike; the real part decides what is positive. Knows nothing of models.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.numerics.computed_values import remember_numbers
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits
from gradcheck_cli.numerics.machine import EPS

__all__ = ["distances", "eigenvectors", "gaps", "smallest_pivot", "symmetric_part", "unit_lower_factor"]

Array = NDArray[Any]


def symmetric_part(a: Array) -> Array:
    """(A + A')/2.

    Parameters
    ----------
    a : (..., n, n) of any dtype

    Returns
    -------
    (..., n, n) of the same dtype
    """
    return np.asarray((a + a.swapaxes(-1, -2)) / 2)


def unit_lower_factor(a: Array, limits: NumericsLimits = NUMERICS) -> tuple[Array, Array]:
    """L with ones on its diagonal, and the pivots D, of A = L D L'.

    Parameters
    ----------
    a : (..., n, n) symmetric, of any dtype
    limits : from which size on LAPACK factors matrices of doubles

    Returns
    -------
    lower : (..., n, n) of the same dtype
    pivots : (..., n) of the same dtype
        All positive if and only if A is positive definite; nothing is to be made of what follows the first
        that is not.

    References
    ----------
    Higham 2002, chapter 10.
    """
    n = a.shape[-1]
    if n >= limits.large_matrix and a.dtype == np.float64:
        with suppress(np.linalg.LinAlgError):  # of one that is not positive definite: which, is to be known
            root = np.linalg.cholesky(a)
            diagonal = np.diagonal(root, axis1=-2, axis2=-1)
            return root / diagonal[..., None, :], diagonal * diagonal
    work, lower = np.array(a), np.zeros_like(a)
    found = []
    for k in range(n):
        pivot = np.array(work[..., k, k])
        found.append(pivot)
        column = work[..., k + 1 :, k] / np.where(pivot == 0, 1, pivot)[..., None]
        lower[..., k, k] = 1 + 0 * pivot
        lower[..., k + 1 :, k] = column
        work[..., k + 1 :, k + 1 :] -= column[..., None] * work[..., k, None, k + 1 :]
    return lower, np.stack(found, axis=-1)


def smallest_pivot(pivots: Array) -> Array:
    """The first pivot that is not positive, else the smallest of them: positive if and only if the matrix is
    positive definite.

    Parameters
    ----------
    pivots : (..., n) real, of any dtype

    Returns
    -------
    (...) of the same dtype
    """
    bad = ~np.asarray(pivots > 0, dtype=bool)
    first = np.take_along_axis(pivots, np.argmax(bad, axis=-1)[..., None], axis=-1)[..., 0]
    return np.where(bad.any(axis=-1), first, np.min(pivots, axis=-1))


def eigenvectors(
    a: Array, context: Any = None, limits: NumericsLimits = NUMERICS
) -> tuple[Array, Array]:
    """Eigenvalues, the smallest first, and eigenvectors.

    Parameters
    ----------
    a : (..., n, n) symmetric, float64 or numbers of the context (dtype object)
    context : of mpmath, for numbers of high precision
    limits : with how many more bits it computes

    Returns
    -------
    values : (..., n) of the same dtype
    vectors : (..., n, n) of the same dtype
        Each a column, of length 1. nan where an entry of the matrix is not finite.
    """
    n, lead = a.shape[-1], a.shape[:-2]
    stack = a.reshape(-1, n, n)
    values, vectors = np.full((len(stack), n), np.nan, a.dtype), np.full(stack.shape, np.nan, a.dtype)
    for k, matrix in enumerate(stack):
        if not np.isfinite(matrix.astype(np.float64)).all():
            continue
        if context is None:
            values[k], vectors[k] = np.linalg.eigh(matrix)
        else:
            exact = partial(_exact_eigenvectors, matrix, context, limits)
            found = remember_numbers(context, "eigenvectors", exact, matrix.ravel().tolist(), limits)
            values[k], vectors[k] = found[:n], np.reshape(np.array(found[n:], dtype=object), (n, n))
    return values.reshape(*lead, n), vectors.reshape(a.shape)


def _exact_eigenvectors(matrix: Array, context: Any, limits: NumericsLimits) -> list[Any]:
    """The eigenvalues of one matrix, and its eigenvectors row by row."""
    with context.extraprec(limits.spare_bits):  # what does not move stays the same number
        found, columns = context.eigsy(context.matrix(matrix.tolist()))
    order = sorted(range(len(matrix)), key=found.__getitem__)
    return [+found[j] for j in order] + [+columns[i, j] for i in range(len(matrix)) for j in order]


def gaps(values: Array, rounding: float | None = None, limits: NumericsLimits = NUMERICS) -> Array:
    """How far each eigenvalue is from the next one; 0 where it is so within rounding.

    Parameters
    ----------
    values, rounding, limits : as those of `distances`

    Returns
    -------
    (..., n - 1) of the same dtype, in the unit of the values
    """
    between = values[..., 1:] - values[..., :-1]
    largest = np.max(abs(values), axis=-1)[..., None]
    unit = EPS if rounding is None else rounding
    least = limits.eigenvalue_ulps * values.shape[-1] * unit * largest
    return np.where(np.asarray(between <= least, dtype=bool), 0 * between, between)


def distances(values: Array, rounding: float | None = None, limits: NumericsLimits = NUMERICS) -> Array:
    """How far each eigenvalue is from the nearest other one; 0 where it is so within rounding.

    Parameters
    ----------
    values : (..., n) float64, or mpmath numbers (dtype object), the smallest first
    rounding : the unit of rounding of the numbers, that of float64 by default
    limits : how many units rounding is granted

    Returns
    -------
    (..., n) of the same dtype, in the unit of the values
        1 for the only eigenvalue of a matrix [1,1].
    """
    if values.shape[-1] == 1:
        return np.asarray(0 * values + 1)
    between = gaps(values, rounding, limits)
    before = np.concatenate([between[..., :1], between], axis=-1)
    after = np.concatenate([between, between[..., -1:]], axis=-1)
    return np.where(np.asarray(before < after, dtype=bool), before, after)
