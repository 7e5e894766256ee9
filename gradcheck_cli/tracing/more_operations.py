"""Reads calls of NumPy that are written with others. Gives what those give.

One table, MORE: each function is a line or two of NumPy, of arrays that record. Knows nothing of nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.linear_functions import linear_in
from gradcheck_cli.tracing.new_nodes import record, recorded
from gradcheck_cli.tracing.recorded_array import fixed, plain
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.shape_operations import Build

__all__ = ["MORE"]


def _like(function: Any) -> Build:
    """zeros_like and its kin: nothing of the entries."""

    def build(recording: Recording, x: Any, *args: Any, **options: Any) -> Any:
        return fixed(function(plain(recorded(recording, x)), *map(plain, args), **options), recording)

    return build


def _bincount(recording: Recording, x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Sums of the weights by the number that each has."""
    if weights is None:
        recording.leak("np.bincount")
        return np.bincount(plain(x), minlength=minlength)
    numbers = np.asarray(plain(x), dtype=int)
    groups = np.arange(max(int(numbers.max(initial=-1)) + 1, minlength))
    return np.dot(fixed((groups[:, None] == numbers)*1.0, recording), recorded(recording, weights))


def _count_nonzero(recording: Recording, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Of truth values their sum."""
    x = recorded(recording, x)
    if x.dtype != bool:
        recording.leak("np.count_nonzero")
        return np.count_nonzero(plain(x), axis=axis, keepdims=keepdims)
    return x.sum(axis=axis, keepdims=keepdims)


def _fill_diagonal(recording: Recording, a: Any, val: Any, wrap: bool = False) -> None:
    if wrap or np.ndim(a) != 2:
        raise recording.error("fill_diagonal with wrap, or of more than two axes, is not traced")
    places = np.arange(min(a.shape))
    a[places, places] = val


def _copyto(recording: Recording, dst: Any, src: Any) -> None:
    dst[...] = src


def _triangle(of_mask: Any) -> Build:
    def build(recording: Recording, m: Any, k: int = 0) -> Any:
        x = recorded(recording, m)
        if k == 0 and of_mask is np.tril:
            return record(recording, "tril", [x], np.tril(plain(x)))
        return x*fixed(of_mask(np.ones(x.shape[-2:]), k), recording)

    return build


def _flipped(axis: Any) -> Build:
    def build(recording: Recording, m: Any, axis: Any = axis) -> Any:
        x = recorded(recording, m)
        axes = range(x.ndim) if axis is None else np.atleast_1d(axis) % x.ndim
        return x[tuple(slice(None, None, -1 if k in axes else None) for k in range(x.ndim))]

    return build


def _moveaxis(recording: Recording, a: Any, source: Any, destination: Any) -> Any:
    x = recorded(recording, a)
    order = np.moveaxis(np.empty(tuple(range(1, x.ndim + 1))), source, destination).shape
    return np.transpose(x, [n - 1 for n in order])


def _rollaxis(recording: Recording, a: Any, axis: int, start: int = 0) -> Any:
    x = recorded(recording, a)
    order = np.rollaxis(np.empty(tuple(range(1, x.ndim + 1))), axis, start).shape
    return np.transpose(x, [n - 1 for n in order])


def _delete(recording: Recording, arr: Any, obj: Any, axis: Any = None) -> Any:
    x = recorded(recording, arr)
    x, axis = (x.reshape(-1), 0) if axis is None else (x, axis % x.ndim)
    return np.take(x, np.delete(np.arange(x.shape[axis]), plain(obj)), axis=axis)


def _take_along(recording: Recording, arr: Any, indices: Any, axis: Any = -1) -> Any:
    x = recorded(recording, arr)
    places = np.arange(x.size).reshape(x.shape)
    return x.reshape(-1)[np.take_along_axis(places, plain(indices), axis)]


def _median(recording: Recording, a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The middle of the sorted entries."""
    x = recorded(recording, a)
    x, along = (x.reshape(-1), 0) if axis is None else (x, axis % x.ndim)
    found, half = np.sort(x, axis=along), x.shape[along]//2
    middle = np.take(found, half, axis=along)
    if x.shape[along] % 2 == 0:
        middle = (middle + np.take(found, half - 1, axis=along))/2
    return np.expand_dims(middle, axis) if keepdims and axis is not None else middle


def _quantile(
    recording: Recording, a: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Between the two sorted entries that are nearest."""
    if method != "linear" or np.ndim(plain(q)):
        raise recording.error(f"quantile of several q, or with method={method}, is not traced")
    x = recorded(recording, a)
    x, along = (x.reshape(-1), 0) if axis is None else (x, axis % x.ndim)
    place = float(plain(q))*(x.shape[along] - 1)
    low = min(int(place), max(x.shape[along] - 2, 0))
    ends = [np.take(np.sort(x, axis=along), k, axis=along) for k in (low, min(low + 1, x.shape[along] - 1))]
    found = ends[0] + (ends[1] - ends[0])*(place - low)
    return np.expand_dims(found, axis) if keepdims and axis is not None else found


def _tensordot(recording: Recording, a: Any, b: Any, axes: Any = 2) -> Any:
    """A product of matrices: the axes that are summed at the end of one, and at the begin of the other."""
    a, b = recorded(recording, a), recorded(recording, b)
    if isinstance(axes, int):
        axes = range(a.ndim - axes, a.ndim), range(axes)
    given = zip(axes, (a, b), strict=True)
    left, right = ([int(k) % x.ndim for k in np.atleast_1d(each)] for each, x in given)
    rows, columns = ([k for k in range(x.ndim) if k not in each] for each, x in ((left, a), (right, b)))
    shape = [a.shape[k] for k in rows] + [b.shape[k] for k in columns]
    total = int(np.prod([a.shape[k] for k in left]))
    found = a.transpose(rows + left).reshape(-1, total) @ b.transpose(right + columns).reshape(total, -1)
    return found.reshape(shape)


def _convolve(recording: Recording, a: Any, v: Any, mode: str = "full") -> Any:
    """A product of the windows of one with the other."""
    a, v = sorted((recorded(recording, a), recorded(recording, v)), key=len, reverse=True)
    n, m = len(a), len(v)
    windows = np.pad(a, m - 1)[np.arange(n + m - 1)[:, None] + np.arange(m)[::-1]]
    full = windows @ v
    first = {"full": 0, "same": (m - 1)//2, "valid": m - 1}[mode]
    return full[first : first + {"full": n + m - 1, "same": n, "valid": n - m + 1}[mode]]


def _correlate(recording: Recording, a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = recorded(recording, a), recorded(recording, v)
    if len(v) > len(a) and mode != "full":
        raise recording.error(f"np.correlate with mode={mode} and the longer array behind is not traced")
    return _convolve(recording, a, v[::-1], mode)


def _meshgrid(recording: Recording, *xi: Any, indexing: str = "xy", sparse: bool = False) -> Any:
    options: Any = {"indexing": indexing, "sparse": sparse}
    places = np.meshgrid(*(np.arange(np.size(plain(x))) for x in xi), **options)
    return [recorded(recording, x).reshape(-1)[k] for x, k in zip(xi, places, strict=True)]


def _select(recording: Recording, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    found = recorded(recording, default)
    for condition, choice in list(zip(condlist, choicelist, strict=True))[::-1]:
        found = np.where(recorded(recording, condition), choice, found)
    return found


def _trapezoid(recording: Recording, y: Any, x: Any = None, dx: float = 1.0) -> Any:
    y = recorded(recording, y)
    width = dx if x is None else np.diff(recorded(recording, x))
    return (width*(y[..., 1:] + y[..., :-1])/2).sum(axis=-1)


def _multi_dot(recording: Recording, arrays: Any) -> Any:
    found = recorded(recording, arrays[0])
    for each in arrays[1:]:
        found = np.dot(found, recorded(recording, each))
    return found


def _matrix_power(recording: Recording, a: Any, n: int) -> Any:
    factor = np.linalg.inv(a) if n < 0 else recorded(recording, a)
    return _multi_dot(recording, [factor]*abs(n)) if n else fixed(np.eye(len(a)), recording)


def _dstack(recording: Recording, tup: Any) -> Any:
    parts = [recorded(recording, x) for x in tup]
    return np.concatenate([x.reshape(1, -1, 1) if x.ndim < 2 else np.expand_dims(x, 2) if x.ndim == 2 else x
                           for x in parts], axis=2)  # fmt: skip


def _block(recording: Recording, arrays: Any) -> Any:
    if not any(isinstance(row, list) for row in arrays):
        return np.hstack([recorded(recording, x) for x in arrays])
    return np.vstack([np.hstack([np.atleast_2d(recorded(recording, x)) for x in row]) for row in arrays])


def _covariance(
    recording: Recording, m: Any, rowvar: bool = True, bias: bool = False, ddof: Any = None
) -> Any:
    x = recorded(recording, m)
    x = x.reshape(1, -1) if x.ndim == 1 else x if rowvar else x.T
    centered = x - x.mean(axis=1, keepdims=True)
    found = centered @ centered.T/(x.shape[1] - (0 if bias else 1) if ddof is None else x.shape[1] - ddof)
    return found.reshape(()) if found.size == 1 else found


def _correlation(recording: Recording, x: Any, y: Any = None, rowvar: bool = True) -> Any:
    found = _covariance(recording, x if y is None else np.vstack([x, y]), rowvar)
    deviations = np.sqrt(np.diagonal(found))
    return found/np.outer(deviations, deviations)


def _pieces(recording: Recording, x: Any, condlist: Any, funclist: Any) -> Any:
    x = recorded(recording, x)
    values = [piece(x) if callable(piece) else piece for piece in funclist]
    default = values[len(condlist)] if len(values) > len(condlist) else 0.0
    return _select(recording, list(condlist)[::-1], values[: len(condlist)][::-1], default)


def _chosen(recording: Recording, a: Any, choices: Any) -> Any:
    return _select(recording, [np.equal(plain(a), k) for k in range(len(choices))], choices)


def _polynomial(recording: Recording, p: Any, x: Any) -> Any:
    found: Any = 0.0
    for each in recorded(recording, p):
        found = found*x + each
    return found


def _broadcast_arrays(recording: Recording, *args: Any) -> Any:
    shape = np.broadcast_shapes(*(np.shape(plain(x)) for x in args))
    return tuple(np.broadcast_to(recorded(recording, x), shape) for x in args)


def _truncated(recording: Recording, x: Any) -> Any:
    x = recorded(recording, x)
    return np.where(x >= 0, np.floor(x), np.ceil(x))


def _rounded(recording: Recording, a: Any, decimals: int = 0) -> Any:
    scale = 10.0**decimals
    return np.rint(recorded(recording, a)*scale)/scale


def _itself(recording: Recording, x: Any) -> Any:
    return recorded(recording, x)


def _times(factor: float) -> Build:
    return lambda recording, x: recorded(recording, x)*factor


def _heaviside(recording: Recording, x: Any, zero: Any) -> Any:
    x = recorded(recording, x)
    return np.where(x > 0, 1.0, np.where(x < 0, 0.0, zero))


def _range(recording: Recording, a: Any, axis: Any = None) -> Any:
    x = recorded(recording, a)
    return x.max(axis) - x.min(axis)


def _huber(recording: Recording, delta: Any, r: Any) -> Any:
    size = np.abs(recorded(recording, r))
    return np.where(size <= delta, size**2/2, delta*(size - delta/2))


MORE: Mapping[str, Build] = MappingProxyType({
    **{name: _like(getattr(np, name)) for name in ("zeros_like", "ones_like", "empty_like", "full_like")},
    "bincount": _bincount, "count_nonzero": _count_nonzero, "fill_diagonal": _fill_diagonal,
    "copyto": _copyto, "triu": _triangle(np.triu), "tril": _triangle(np.tril),
    "flip": _flipped(None), "flipud": _flipped(0), "fliplr": _flipped(1), "moveaxis": _moveaxis,
    "rollaxis": _rollaxis, "delete": _delete, "take_along_axis": _take_along, "median": _median,
    "quantile": _quantile, "corrcoef": _correlation, "piecewise": _pieces, "choose": _chosen,
    "percentile": lambda recording, a, q, **options: _quantile(recording, a, q/100, **options),
    "ediff1d": lambda recording, ary: np.diff(recorded(recording, ary).reshape(-1)),
    "gradient": linear_in(0, "gradient", "numpy"),
    "tensordot": _tensordot, "convolve": _convolve, "correlate": _correlate, "meshgrid": _meshgrid,
    "select": _select, "trapezoid": _trapezoid, "trapz": _trapezoid, "multi_dot": _multi_dot,
    "matrix_power": _matrix_power, "dstack": _dstack, "block": _block, "cov": _covariance,
    "polyval": _polynomial, "broadcast_arrays": _broadcast_arrays,
    **dict.fromkeys(("trunc", "fix"), _truncated), **dict.fromkeys(("round", "around", "round_"), _rounded),
    **dict.fromkeys(("real", "conj", "conjugate", "real_if_close", "ascontiguousarray"), _itself),
    "ptp": _range, "imag": lambda recording, val: recorded(recording, val).imag,
    **dict.fromkeys(("deg2rad", "radians"), _times(np.pi/180)),
    **dict.fromkeys(("rad2deg", "degrees"), _times(180/np.pi)),
    "heaviside": _heaviside,
    "xlog1py": lambda recording, x, y: x*np.log1p(recorded(recording, y)),
    "entr": lambda recording, x: -recorded(recording, x)*np.log(x),
    "rel_entr": lambda recording, x, y: recorded(recording, x)*np.log(x/recorded(recording, y)),
    "kl_div": lambda recording, x, y: recorded(recording, x)*np.log(x/recorded(recording, y)) - x + y,
    "huber": _huber,
    "pseudo_huber": lambda recording, d, r: d**2*(np.sqrt(1 + (recorded(recording, r)/d)**2) - 1),
})  # fmt: skip
