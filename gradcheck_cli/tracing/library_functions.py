"""Reads calls of SciPy and scikit-learn that those write in Python or hand to LAPACK. Gives what they give.

One table, LIBRARY, by module and name; it is looked up where a program has imported the module. Knows nothing
of nodes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.built_operations import BUILT, of_lower_triangle
from gradcheck_cli.tracing.new_nodes import recorded
from gradcheck_cli.tracing.recorded_array import fixed, plain
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.shape_operations import Build

__all__ = ["LIBRARY"]

_UNREAD = ("overwrite_a", "overwrite_b", "check_finite", "lapack_driver", "driver")  # say nothing of values


def _without_hints(build: Build) -> Build:
    """A function of SciPy without what only says how to compute."""

    def call(recording: Recording, *args: Any, **options: Any) -> Any:
        return build(recording, *args, **{k: v for k, v in options.items() if k not in _UNREAD})

    return call


def _solve(recording: Recording, a: Any, b: Any, **options: Any) -> Any:
    kind, lower = options.pop("assume_a", None), options.pop("lower", False)
    unread = [f"{name}={value!r}" for name, value in options.items() if value]
    if kind not in (None, "gen", "general", "pos", "sym"):
        unread.append(f"assume_a={kind!r}")
    if unread:
        raise recording.error(f"solve with {', '.join(unread)} is not traced")
    x = recorded(recording, a)
    if kind in ("pos", "sym"):
        x = of_lower_triangle(recording, x if lower else x.T)
    return np.linalg.solve(x, recorded(recording, b))


def _solve_triangular(
    recording: Recording, a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False
) -> Any:
    """With one triangle; what stands in the other is not read."""
    if unit_diagonal or trans not in (0, 1, "N", "T"):
        raise recording.error(f"solve_triangular with unit_diagonal or trans={trans} is not traced")
    x = recorded(recording, a)
    part = np.tril(x) if lower else np.tril(x.T).T
    return np.linalg.solve(part.T if trans in (1, "T") else part, recorded(recording, b))


def _cholesky(recording: Recording, a: Any, lower: bool = False) -> Any:
    """SciPy reads, and gives, the upper triangle, unless it is asked for the lower one."""
    x = recorded(recording, a)
    return np.linalg.cholesky(x) if lower else np.linalg.cholesky(x.T).T


def _cho_factor(recording: Recording, a: Any, lower: bool = False) -> Any:
    return _cholesky(recording, a, lower), lower


def _cho_solve(recording: Recording, c_and_lower: Any, b: Any) -> Any:
    factor, lower = c_and_lower
    half = _solve_triangular(recording, factor, b, 0 if lower else 1, lower)
    return _solve_triangular(recording, factor, half, 1 if lower else 0, lower)


def _eigvalsh(recording: Recording, a: Any, lower: bool = True) -> Any:
    x = recorded(recording, a)
    return np.linalg.eigvalsh(x if lower else x.T)


def _differences(recording: Recording, a: Any, b: Any) -> Any:
    a = recorded(recording, a)
    b = a if b is None else recorded(recording, b)
    return a[:, None, :] - b[None, :, :]


def _measure(recording: Recording, gap: Any, metric: Any) -> Any:
    """Distances of differences, along the last axis."""
    if metric in ("sqeuclidean", "euclidean"):
        squares = (gap**2).sum(axis=-1)
        return squares if metric == "sqeuclidean" else np.sqrt(squares)
    if metric in ("cityblock", "manhattan", "l1"):
        return np.abs(gap).sum(axis=-1)
    raise recording.error(f"distances of the metric {metric} are not traced", "write them with NumPy")


def _cdist(recording: Recording, a: Any, b: Any, metric: str = "euclidean") -> Any:
    return _measure(recording, _differences(recording, a, b), metric)


def _pdist(recording: Recording, x: Any, metric: str = "euclidean") -> Any:
    x = recorded(recording, x)
    first, second = np.triu_indices(len(x), 1)
    return _measure(recording, x[first] - x[second], metric)


def _squareform(recording: Recording, x: Any) -> Any:
    x = recorded(recording, x)
    n = len(x) if x.ndim == 2 else math.isqrt(2*len(x)) + 1
    first, second = np.triu_indices(n, 1)
    if x.ndim == 2:
        return x[first, second]
    found = fixed(np.zeros((n, n)), recording)
    found[first, second] = x
    found[second, first] = x
    return found


def _distance(metric: str) -> Build:
    def build(recording: Recording, u: Any, v: Any) -> Any:
        return _measure(recording, recorded(recording, u) - recorded(recording, v), metric)

    return build


def _pairwise(
    recording: Recording, x: Any, y: Any = None, metric: str = "euclidean", squared: bool = False, **_: Any
) -> Any:
    """Distances of rows; of a row to itself exactly 0, which has no slope."""
    gap = _differences(recording, x, y)
    if metric != "euclidean" or squared:
        return _measure(recording, gap, "sqeuclidean" if squared else metric)
    squares = (gap**2).sum(axis=-1)
    if y is not None:
        return np.sqrt(squares)
    same = np.eye(len(squares))
    return np.sqrt(squares + same)*(1 - same)


def _sparse_dot(recording: Recording, a: Any, b: Any, dense_output: bool = False) -> Any:
    return np.dot(recorded(recording, a), recorded(recording, b))


def _row_norms(recording: Recording, x: Any, squared: bool = False) -> Any:
    squares = (recorded(recording, x)**2).sum(axis=1)
    return squares if squared else np.sqrt(squares)


def _side_by_side(recording: Recording, *arrs: Any) -> Any:
    """Blocks along the diagonal."""
    blocks = [np.atleast_2d(recorded(recording, x)) for x in arrs]
    found = fixed(np.zeros(tuple(np.sum([x.shape for x in blocks], axis=0))), recording)
    row = column = 0
    for x in blocks:
        found[row : row + x.shape[0], column : column + x.shape[1]] = x
        row, column = row + x.shape[0], column + x.shape[1]
    return found


def _circulant(recording: Recording, c: Any) -> Any:
    n = np.size(plain(c))
    return recorded(recording, c)[(np.arange(n)[:, None] - np.arange(n)) % n]


def _toeplitz(recording: Recording, c: Any, r: Any = None) -> Any:
    """By its first column, and its first row but for the corner."""
    c = recorded(recording, c).reshape(-1)
    r = c if r is None else recorded(recording, r).reshape(-1)
    both = np.concatenate([r[:0:-1], c])
    return both[np.arange(len(c))[:, None] - np.arange(len(r)) + len(r) - 1]


def _log_gamma_of_many(recording: Recording, a: Any, d: int) -> Any:
    a, gammaln = recorded(recording, a), sys.modules["scipy.special"].gammaln
    return sum(gammaln(a - j/2) for j in range(d)) + d*(d - 1)/4*math.log(math.pi)


def _log_sum(
    recording: Recording, a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, **options: Any
) -> Any:
    """With weights b, which may be negative as long as the sum is not."""
    if b is None:
        return BUILT["logsumexp"](recording, a, axis=axis, keepdims=keepdims, **options)
    x, top = recorded(recording, a), float(np.max(plain(a)))
    return np.log((b*np.exp(x - top)).sum(axis=axis, keepdims=keepdims)) + top


LIBRARY: Mapping[str, Mapping[str, Callable[..., Any]]] = MappingProxyType({
    "scipy.special": {
        "logsumexp": _log_sum, "multigammaln": _log_gamma_of_many,
        **{name: BUILT[name] for name in ("softmax", "log_softmax")},
    },
    "scipy.linalg": {
        "solve": _without_hints(_solve), "solve_triangular": _without_hints(_solve_triangular),
        "cholesky": _without_hints(_cholesky), "cho_factor": _without_hints(_cho_factor),
        "cho_solve": _without_hints(_cho_solve), "eigvalsh": _without_hints(_eigvalsh),
        "block_diag": _side_by_side, "circulant": _circulant, "toeplitz": _toeplitz,
        **{name: _without_hints(BUILT[name]) for name in ("inv", "det", "norm")},
    },
    "scipy.spatial.distance": {
        "cdist": _cdist, "pdist": _pdist, "squareform": _squareform,
        **{name: _distance(name) for name in ("euclidean", "sqeuclidean", "cityblock")},
    },
    "sklearn.metrics.pairwise": {
        "pairwise_distances": _pairwise, "euclidean_distances": _pairwise,
    },
    "sklearn.utils.extmath": {"safe_sparse_dot": _sparse_dot, "row_norms": _row_norms},
})  # fmt: skip
