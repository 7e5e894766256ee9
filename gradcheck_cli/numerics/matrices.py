"""Reads matrices on the last two axes of arrays. Gives products, determinants, inverses and eigenvalues.

Knows nothing of elementary functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_shapes import Shapes
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.gaussian_elimination import (
    cofactors,
    determinant,
    inverse,
    is_regular,
    spectral_bound,
)
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits
from gradcheck_cli.numerics.symmetric_matrices import (
    distances,
    eigenvectors,
    gaps,
    smallest_pivot,
    symmetric_part,
    unit_lower_factor,
)

__all__ = ["Matrices"]


class Matrices(Shapes):
    """Products and inverses of the matrices of each perturbation and row."""

    limits: NumericsLimits = NUMERICS

    def det(self, x: Any) -> Any:
        """Determinant."""
        return determinant(self.array(x))

    def inv(self, x: Any) -> Any:
        """Inverse, refined once; nan where the matrix is singular as far as doubles can tell."""
        found = inverse(x)
        found = found + np.matmul(found, np.eye(x.shape[-1]) - np.matmul(x, found))
        return np.where(is_regular(x, found, self.limits)[..., None, None], found, np.nan)

    def solve(self, a: Any, b: Any) -> Any:
        """inv(a) @ b, refined once; nan where a is singular as far as doubles can tell."""
        inverted = self.inv(a)
        found = self.matmul(inverted, b)
        return found + self.matmul(inverted, b - self.matmul(a, found))

    def cofactors(self, x: Any) -> Any:
        """The derivative of det."""
        return cofactors(x, self.limits)

    def symmetric_part(self, x: Any) -> Any:
        """(x + x')/2."""
        return symmetric_part(x)

    def lower(self, x: Any) -> Any:
        """What stands on and below the diagonal, 0 above it."""
        return np.where(np.tri(*x.shape[-2:]) > 0, x, self.zeros(()))

    def smallest_pivot(self, x: Any) -> Any:
        """Positive if and only if the symmetric part is positive definite: its smallest pivot."""
        return smallest_pivot(unit_lower_factor(symmetric_part(np.real(x)), self.limits)[1])

    def eigenvalues(self, x: Any) -> Any:
        """Those of the symmetric part, the smallest first."""
        return self.eigenvectors(x)[0]

    def eigenvectors(self, x: Any) -> Any:
        """The eigenvalues of the symmetric part, and its eigenvectors as columns."""
        return eigenvectors(symmetric_part(self.array(x)))

    def distances(self, values: Any) -> Any:
        """How far each of some eigenvalues, sorted, is from the nearest other; 0 within rounding."""
        return distances(values, limits=self.limits)

    def eigenvalue_gaps(self, values: Any) -> Any:
        """How far each of some eigenvalues, sorted, is from the next; 0 within rounding."""
        return gaps(values, limits=self.limits)

    def einsum(self, pattern: str, *xs: Any) -> Any:
        """The contraction that a pattern spells, for every perturbation and row."""
        inputs, output = pattern.split("->")
        dotted = ",".join(f"...{letters}" for letters in inputs.split(","))
        return np.einsum(f"{dotted}->...{output}", *xs)

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


def _rows_inside(a: Array, b: Array) -> tuple[Array, Array]:
    """a and b with the row axis folded into the axis that `a @ b` contracts."""
    if a.shape[1] == 1:
        return a, np.sum(b, axis=1, keepdims=True)
    if b.shape[1] == 1:
        return np.sum(a, axis=1, keepdims=True), b
    left = a.transpose(0, 2, 1, 3).reshape(a.shape[0], 1, a.shape[2], -1)
    return left, b.reshape(b.shape[0], 1, -1, b.shape[3])
