"""Reads calls for singular values, eigenvalues, pseudo-inverses and least squares. Gives them by eigenvalues
of symmetric matrices and by solutions of linear systems.

Singular vectors and eigenvectors are plain numbers: a model has the values alone. Knows nothing of nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.new_nodes import moves, recorded
from gradcheck_cli.tracing.recorded_array import fixed, plain
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.shape_operations import Build

__all__ = ["SPECTRAL", "matrix_norm"]


def _singular_values(recording: Recording, a: Any) -> Any:
    """From the smallest up: square roots of the eigenvalues of the smaller of A'A and AA'."""
    x = recorded(recording, a)
    if x.ndim != 2:
        raise recording.error("singular values of several matrices are not traced", "one matrix at a time")
    is_high = x.shape[0] >= x.shape[1]
    return np.sqrt(np.linalg.eigvalsh(x.T @ x if is_high else x @ x.T))


def _svd(
    recording: Recording, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    values = _singular_values(recording, a)[::-1]
    if not compute_uv:
        return values
    found = np.linalg.svd(plain(a), full_matrices, True, hermitian)
    recording.leak("svd for singular vectors")
    return type(found)(found[0], values, found[2])


def _eigh(recording: Recording, a: Any, UPLO: Any = "L") -> Any:
    x = recorded(recording, a)
    found = np.linalg.eigh(plain(a), UPLO)
    recording.leak("eigh for eigenvectors")
    return type(found)(np.linalg.eigvalsh(x if UPLO == "L" else x.T), found[1])


def matrix_norm(recording: Recording, x: Any, ord: Any) -> Any:
    """A norm of a matrix by its singular values, or by sums of sizes along an axis.

    Parameters
    ----------
    recording : of the program
    x : matrix
    ord : 1, inf, 2, -2 or "nuc"

    Returns
    -------
    Recorded
        A number; None for another `ord`.
    """
    if ord in (1, np.inf):
        return np.abs(recorded(recording, x)).sum(axis=int(ord != 1)).max()
    if ord in (2, -2):
        return _singular_values(recording, x)[-1 if ord == 2 else 0]
    return _singular_values(recording, x).sum() if ord == "nuc" else None


def _condition(recording: Recording, x: Any, p: Any = None) -> Any:
    if p not in (None, 2):
        raise recording.error(f"cond with p={p} is not traced")
    values = _singular_values(recording, x)
    return values[-1] / values[0]


def _solution(recording: Recording, x: Any, b: Any) -> Any:
    """The least of the solutions of x @ y = b with the least residual, of a matrix of full rank."""
    if np.linalg.matrix_rank(plain(x)) < min(x.shape):
        raise recording.error("pinv or lstsq of a matrix without full rank is not traced")
    if x.shape[0] >= x.shape[1]:
        return np.linalg.solve(x.T @ x, x.T @ b)
    return x.T @ np.linalg.solve(x @ x.T, b)


def _pseudo_inverse(recording: Recording, a: Any) -> Any:
    x = recorded(recording, a)
    return _solution(recording, x, np.eye(x.shape[0]))


def _least_squares(recording: Recording, a: Any, b: Any, rcond: Any = None) -> Any:
    x, right = recorded(recording, a), recorded(recording, b)
    found = _solution(recording, x, right)
    rank = np.linalg.matrix_rank(plain(a))
    residuals = ((right - x @ found)**2).sum(axis=0).reshape(-1) if rank == x.shape[1] < x.shape[0] else []
    return found, residuals, rank, _singular_values(recording, a)[::-1]


def _interpolated(
    recording: Recording, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """At places that do not move, a product of weights with the values."""
    if moves(x) or moves(xp) or left is not None or right is not None or period is not None:
        raise recording.error(
            "interp at places that move, or with left, right or period, is not traced",
            "write it with np.where, or piece by piece",
        )
    places, knots = np.asarray(plain(x), dtype=float), np.asarray(plain(xp), dtype=float)
    weights = np.stack([np.interp(places, knots, row) for row in np.eye(len(knots))], axis=-1)
    return fixed(weights, recording) @ recorded(recording, fp)


SPECTRAL: Mapping[str, Build] = MappingProxyType({
    "svd": _svd, "svdvals": lambda recording, x: _singular_values(recording, x)[::-1], "eigh": _eigh,
    "cond": _condition, "pinv": _pseudo_inverse, "lstsq": _least_squares, "interp": _interpolated,
})  # fmt: skip
