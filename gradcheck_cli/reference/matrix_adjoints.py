"""Reads matrices and the adjoints of what is made of them. Gives the adjoints of the matrices themselves.

Knows nothing of vjps: each follows from what the function is, an equation or a recursion, taken backward.
"""

from __future__ import annotations

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.namespace import Namespace
from gradcheck_cli.reference.jittered_arithmetic import Jittered, round_randomly

__all__ = ["through_cholesky", "through_eigenvalues", "through_inverse", "through_log_determinant"]


def through_inverse(m: Namespace, inverse: Array, adjoint: Array) -> Array:
    """Through B = inv(A), by the equation A @ B = 1: the adjoint of the equation solves A' @ it = adjoint,
    and A has a part in it as in any product.

    Parameters
    ----------
    m : the namespace of the numbers
    inverse, adjoint : (perturbations, rows, n, n), B and what arrives at it

    Returns
    -------
    array of the same shape, in units of the adjoint per unit of A
    """
    turned = inverse.swapaxes(-1, -2)
    of_equation = np.matmul(turned, round_randomly(m, adjoint))
    return np.asarray(-np.matmul(round_randomly(m, of_equation), turned))


def through_log_determinant(m: Namespace, a: Array, adjoint: Array) -> Array:
    """Through log|det(A)|: det is linear in every row, its cofactors over itself are inv(A)'.

    Parameters
    ----------
    m : the namespace of the numbers
    a : (perturbations, rows, n, n)
    adjoint : (perturbations, rows), what arrives at the logarithm

    Returns
    -------
    (perturbations, rows, n, n), in units of the adjoint per unit of A
    """
    return np.asarray(adjoint[..., None, None] * m.inv(a).swapaxes(-1, -2))


def through_cholesky(m: Namespace, lower: Array, adjoint: Array) -> Array:
    """Through L @ L' = (A + A')/2: the elimination of one column after the other, backward.

    Parameters
    ----------
    m : the namespace of the numbers
    lower, adjoint : (perturbations, rows, n, n), L and what arrives at it

    Returns
    -------
    array of the same shape, in units of the adjoint per unit of A; symmetric

    References
    ----------
    Smith 1995; Murray 2016, section 3.
    """
    lower, adjoint = np.broadcast_arrays(lower, adjoint)
    n = lower.shape[-1]
    found = 0 * lower
    for k in reversed(range(n)):
        column, root = lower[..., k + 1 :, k], lower[..., k, k]
        below = found[..., k + 1 :, k + 1 :]
        both = below + below.swapaxes(-1, -2)
        left = adjoint[..., k + 1 :, k] - np.sum(both * column[..., None, :], axis=-1)
        left = round_randomly(m, left)
        found = found if len(found) == len(left) else np.repeat(found, len(left), axis=0)
        found[..., k + 1 :, k] = left / root[..., None]
        found[..., k, k] = (adjoint[..., k, k] - np.sum(left * column, axis=-1) / root) / (2 * root)
    return np.asarray((found + found.swapaxes(-1, -2)) / 2) + _by_products(m, lower, adjoint)


def _by_products(m: Namespace, lower: Array, adjoint: Array) -> Array:
    """What a program may be off by that multiplies by inv(L) on both sides, where the numbers jitter: also in
    entries that are 0."""
    if not isinstance(m, Jittered):
        return np.zeros(1)
    inverted = np.abs(m.lower(m.inv(lower)))
    product = m.lower(np.matmul(np.abs(lower).swapaxes(-1, -2), np.abs(adjoint)))
    inside = np.matmul(product + product.swapaxes(-1, -2), inverted)
    size = np.matmul(inverted.swapaxes(-1, -2), inside) / 2
    return np.asarray(m.round_randomly(size) - size)


def through_eigenvalues(m: Namespace, a: Array, adjoint: Array) -> Array:
    """Through the eigenvalues of the symmetric part: each moves by v' dA v for its eigenvector v.

    Parameters
    ----------
    m : the namespace of the numbers
    a : (perturbations, rows, n, n)
    adjoint : (perturbations, rows, n), what arrives at the eigenvalues

    Returns
    -------
    (perturbations, rows, n, n), in units of the adjoint per unit of A; symmetric

    References
    ----------
    Magnus 1985.
    """
    vectors = m.eigenvectors(a)[1]
    return np.asarray(np.matmul(vectors * adjoint[..., None, :], vectors.swapaxes(-1, -2)))
