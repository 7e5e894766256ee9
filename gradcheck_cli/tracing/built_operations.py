"""Reads calls of NumPy that are more than one function of the language. Gives what they are built of.

One table, BUILT: sums along axes, products, choices, and what is the same in other words. Knows nothing of
ufuncs.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.more_operations import MORE
from gradcheck_cli.tracing.new_nodes import of_masked, record, recorded
from gradcheck_cli.tracing.recorded_array import Recorded, plain
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.shape_operations import SHAPES, Build
from gradcheck_cli.tracing.spectral_operations import SPECTRAL, matrix_norm

__all__ = ["BUILT", "of_lower_triangle"]

REDUCTIONS: Mapping[str, str] = MappingProxyType({
    "sum": "sum", "mean": "mean", "prod": "prod", "max": "max", "min": "min", "amax": "max", "amin": "min",
    "nansum": "sum", "nanmean": "mean",
})  # fmt: skip


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    given = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(sorted(int(a) % ndim for a in given))


def _reduction(operation: str, function: Callable[..., Any]) -> Build:
    def build(recording: Recording, x: Any, axis: Any = None, keepdims: Any = False) -> Any:
        x = recorded(recording, x)
        keepdims = bool(keepdims)
        value = function(plain(x), axis=_tuple(axis), keepdims=keepdims)
        if not x.ndim:
            return x  # one number already
        if operation in ("sum", "mean") and (masked := of_masked(recording, x)) is not None:
            mask, whole = masked
            total = record(recording, "sum", [whole], np.sum(plain(whole)))
            found = total if operation == "sum" else total/mask.sum()
            return np.reshape(found, value.shape) if value.ndim else found
        if axis is None:
            if x.node.operation == "reshape" and not keepdims:
                x = Recorded(x.node.arguments[0], recording)
            return record(recording, operation, [x], value, **({"keepdims": 1} if keepdims else {}))
        return record(recording, operation, [x], value, axis=_axes(axis, x.ndim), keepdims=int(keepdims))

    return build


def _tuple(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _norm(recording: Recording, x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    x = recorded(recording, x)
    over = x.ndim if axis is None else len(_axes(axis, x.ndim))
    if ord == 1 and over == 1:
        return np.absolute(x).sum(axis=axis, keepdims=keepdims)
    if ord in (np.inf, "inf") and over == 1:
        return np.absolute(x).max(axis=axis, keepdims=keepdims)
    if not (ord is None or ord == "fro" or (ord == 2 and over == 1)):
        is_matrix = x.ndim == 2 and axis is None and not keepdims
        if is_matrix and (found := matrix_norm(recording, x, ord)) is not None:
            return found
        raise recording.error(f"norm with ord={ord} is not traced")
    value = np.linalg.norm(plain(x), axis=axis, keepdims=bool(keepdims))
    if axis is None:
        return record(recording, "norm", [x], value)
    return record(recording, "norm", [x], value, axis=_axes(axis, x.ndim), keepdims=int(bool(keepdims)))


def _moment(operation: str, function: Callable[..., Any]) -> Build:
    """var and std, of a population or with ddof."""

    def build(recording: Recording, x: Any, axis: Any = None, ddof: int = 0, keepdims: Any = False) -> Any:
        x, keepdims = recorded(recording, x), bool(keepdims)
        value = function(plain(x), axis=_tuple(axis), ddof=ddof, keepdims=keepdims)
        options: dict[str, Any] = {"keepdims": 1} if keepdims and x.ndim else {}
        if axis is not None:
            options = {"axis": _axes(axis, x.ndim), "keepdims": int(keepdims)}
        return record(recording, operation, [x], value, **options, **({"ddof": ddof} if ddof else {}))

    return build


def _average(recording: Recording, x: Any, axis: Any = None, weights: Any = None) -> Any:
    x = recorded(recording, x)
    if weights is None:
        return x.mean(axis=axis)
    weights = recorded(recording, weights)
    return (x * weights).sum(axis=axis) / weights.sum()


def _product(recording: Recording, a: Any, b: Any) -> Any:
    """a @ b, and np.dot where it is the same."""
    a, b = recorded(recording, a), recorded(recording, b)
    if not a.ndim or not b.ndim:
        return a * b
    if a.ndim > 2 or b.ndim > 2:
        return _batched(recording, a, b)
    value = np.dot(plain(a), plain(b))
    if a.ndim == b.ndim == 1 and of_masked(recording, both := a*b) is not None:
        return both.sum()
    if a.ndim == b.ndim == 1:
        return record(recording, "dot", [a, b], value)
    return record(recording, "@", [b.T, a] if a.ndim == 1 else [a, b], value)


def _batched(recording: Recording, a: Any, b: Any) -> Any:
    """Products of the last two axes, all others alike or on one side alone."""
    letters = "abcdefgh"[: max(a.ndim, b.ndim) - 2]
    if a.ndim > 2 and b.ndim > 2 and a.shape[:-2] != b.shape[:-2]:
        raise recording.error("a product of arrays whose first axes differ is not traced", "write np.einsum")
    left = (letters if a.ndim > 2 else "") + ("ij" if a.ndim > 1 else "j")
    right = (letters if b.ndim > 2 else "") + ("jk" if b.ndim > 1 else "j")
    result = letters + ("i" if a.ndim > 1 else "") + ("k" if b.ndim > 1 else "")
    return _einsum(recording, f"{left},{right}->{result}", a, b)


def _dot(recording: Recording, a: Any, b: Any) -> Any:
    if np.ndim(plain(b)) > 2:
        raise recording.error("np.dot with more than two axes behind is not traced", "write np.einsum, or @")
    return _product(recording, a, b)


def _inner(recording: Recording, a: Any, b: Any) -> Any:
    return _dot(recording, a, recorded(recording, b).T)


def _flat_dot(recording: Recording, a: Any, b: Any) -> Any:
    return _product(recording, *(recorded(recording, each).reshape(-1) for each in (a, b)))


def _outer(recording: Recording, a: Any, b: Any) -> Any:
    a, b = (recorded(recording, each).reshape(-1) for each in (a, b))
    return record(recording, "outer", [a, b], np.outer(plain(a), plain(b)))


def _where(recording: Recording, condition: Any, *pair: Any) -> Any:
    a, b = pair
    value = np.where(*(plain(each) for each in (condition, a, b)))
    return record(recording, "where", [condition, a, b], value)


def _clip(recording: Recording, x: Any, low: Any = None, high: Any = None, **names: Any) -> Any:
    low, high = names.get("a_min", names.get("min", low)), names.get("a_max", names.get("max", high))
    x = recorded(recording, x)
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _not(recording: Recording, x: Any) -> Any:
    return record(recording, "-", [1.0, x], np.logical_not(plain(x)))


def _or(recording: Recording, a: Any, b: Any) -> Any:
    return record(recording, "max", [a, b], np.logical_or(plain(a), plain(b)))


def _negative(recording: Recording, x: Any) -> Any:
    return record(recording, "neg", [x], -plain(x))


def _along(operation: str, function: Callable[..., Any]) -> Build:
    """softmax and its kin, cumsum and cumprod: along an axis, in the shape of the argument."""

    def build(recording: Recording, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        x = recorded(recording, x)
        if axis is None and operation.startswith("cum"):
            x = x.reshape(-1)
        value = function(plain(x), axis)
        options = {} if axis is None else {"axis": _axes(axis, x.ndim)}
        return record(recording, operation, [x], value, **options)

    return build


def _log_sum(recording: Recording, x: Any, axis: Any = None, keepdims: Any = False, b: Any = None) -> Any:
    x = recorded(recording, x)
    if b is not None:
        raise recording.error("logsumexp with b is not traced", "write log(sum(b*exp(x)))")
    value = _plain_log_sum(plain(x), _tuple(axis), bool(keepdims))
    options = {} if axis is None else {"axis": _axes(axis, x.ndim), "keepdims": int(bool(keepdims))}
    return record(recording, "logsumexp", [x], value, **options)


def _plain_log_sum(x: Any, axis: Any, keepdims: bool) -> Any:
    largest = np.max(x, axis=axis, keepdims=True)
    found = largest + np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True))
    return found if keepdims else np.squeeze(found, axis)


def _plain_log_softmax(x: Any, axis: Any) -> Any:
    return x - _plain_log_sum(x, axis, True)


def _plain_softmax(x: Any, axis: Any) -> Any:
    return np.exp(_plain_log_softmax(x, axis))


def _of_matrix(operation: str, function: Callable[..., Any]) -> Build:
    return lambda recording, *args: record(recording, operation, args, function(*map(plain, args)))


def _of_lower(operation: str, function: Callable[..., Any]) -> Build:
    """What NumPy computes of the lower triangle alone, the language of the symmetric part."""

    def build(recording: Recording, x: Any) -> Any:
        x = of_lower_triangle(recording, x)
        return record(recording, operation, [x], function(plain(x)))

    return build


def of_lower_triangle(recording: Recording, x: Any) -> Any:
    """A symmetric matrix, as those see it that read its lower triangle alone: itself, where the program made
    it symmetric.

    Parameters
    ----------
    recording : of the program
    x : a matrix

    Returns
    -------
    what records
    """
    x = recorded(recording, x)
    node = x.node
    while node.operation in ("transpose", "reshape", "index"):
        (node,) = node.arguments
    if not node.is_leaf and np.array_equal(plain(x), plain(x).T):
        return x
    lower = np.tril(x)
    return lower + lower.T - x * np.eye(len(x))


def _trace(recording: Recording, x: Any) -> Any:
    return record(recording, "trace", [x], np.trace(plain(x)))


def _diagonal(recording: Recording, x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    x = recorded(recording, x)
    if offset == 0 and x.ndim < 3:
        return record(recording, "diag", [x], np.diag(plain(x)))
    places = np.arange(x.size).reshape(x.shape)
    return x.reshape(-1)[np.diagonal(places, offset, axis1, axis2)]


def _diag(recording: Recording, v: Any, k: int = 0) -> Any:
    """A diagonal, or a matrix that has it."""
    x = recorded(recording, v)
    if k == 0 or x.ndim == 2:
        return _diagonal(recording, x, k)
    found = recorded(recording, np.zeros((len(x) + abs(k),) * 2))
    places = np.arange(len(x))
    found[places + max(-k, 0), places + max(k, 0)] = x
    return found


def _signed_log_det(recording: Recording, x: Any) -> Any:
    sign, value = np.linalg.slogdet(plain(x))
    return sign, record(recording, "slogdet", [x], value)


def _einsum(recording: Recording, subscripts: Any, *arrays: Any, optimize: Any = None) -> Any:
    if not isinstance(subscripts, str):  # arrays, each with the numbers of its axes behind it
        raise recording.error("einsum without a text of subscripts is not traced", 'write "ij,j->i"')
    text = _without_dots(subscripts.replace(" ", ""), [np.ndim(plain(each)) for each in arrays])
    return record(recording, "einsum", arrays, np.einsum(text, *map(plain, arrays)), text=text)


def _without_dots(text: str, ndims: Sequence[int]) -> str:
    """Subscripts with letters for the axes that "..." stands for, and with those of the result."""
    given, arrow, result = text.partition("->")
    parts = given.split(",")
    free = [letter for letter in string.ascii_letters if letter not in text]
    counts = [n - len(part.replace("...", "")) for part, n in zip(parts, ndims, strict=True)]
    most = max((n for part, n in zip(parts, counts, strict=True) if "..." in part), default=0)
    dots = "".join(free[:most])
    ours = [part.replace("...", dots[most - n :]) for part, n in zip(parts, counts, strict=True)]
    once = sorted(c for c in set(given) - set(",.") if given.count(c) == 1)
    return f"{','.join(ours)}->{result.replace('...', dots) if arrow else dots + ''.join(once)}"


def _sorted(recording: Recording, x: Any, axis: Any = -1) -> Any:
    x = recorded(recording, x)
    options = {"axis": _axes(axis, x.ndim)} if x.ndim > 1 else {}
    return record(recording, "sort", [x], np.sort(plain(x), axis), **options)


def _difference(recording: Recording, x: Any, n: int = 1, axis: int = -1) -> Any:
    x = recorded(recording, x)
    before = (slice(None),) * (axis % x.ndim)
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x


# functions that ask for the type of an array, and not for its numbers
_OF_TYPE = frozenset(
    f"np.{name}" for name in
    ("shape", "ndim", "size", "isscalar", "iscomplex", "isreal", "iscomplexobj", "isrealobj")
)  # fmt: skip


def _plain_answer(what: str, function: Callable[..., Any]) -> Build:
    """What has no derivative: places, orders, truth values; those of this point. Shapes are those of all."""

    def build(recording: Recording, x: Any, *args: Any, **options: Any) -> Any:
        if what not in _OF_TYPE:
            recording.leak(what)
        return function(plain(x), *map(plain, args), **options)

    return build


BUILT: Mapping[str, Build] = MappingProxyType({
    **SHAPES,
    **MORE,
    **SPECTRAL,
    **{name: _reduction(operation, getattr(np, operation)) for name, operation in REDUCTIONS.items()},
    "norm": _norm, "var": _moment("var", np.var), "std": _moment("std", np.std), "average": _average,
    "matmul": _product, "dot": _dot, "inner": _inner, "vdot": _flat_dot, "outer": _outer,
    "inv": _of_matrix("inv", np.linalg.inv), "det": _of_matrix("det", np.linalg.det),
    "slogdet": _signed_log_det, "einsum": _einsum, "sort": _sorted,
    **{name: _of_matrix(name, getattr(np.linalg, name)) for name in ("solve",)},
    **{name: _of_lower(name, getattr(np.linalg, name)) for name in ("cholesky", "eigvalsh")},
    **{name: _of_matrix(name, getattr(np, name)) for name in ("kron", "cross")},
    "trace": _trace, "diag": _diag, "diagonal": _diagonal,
    "where": _where, "clip": _clip, **dict.fromkeys(("logical_not", "invert", "bitwise_invert"), _not),
    **dict.fromkeys(("logical_or", "bitwise_or"), _or),
    "negative": _negative,
    "square": lambda recording, x: recorded(recording, x) ** 2,
    "reciprocal": lambda recording, x: np.divide(1.0, recorded(recording, x)),
    "cumsum": _along("cumsum", np.cumsum), "cumprod": _along("cumprod", np.cumprod),
    "softmax": _along("softmax", _plain_softmax), "log_softmax": _along("log_softmax", _plain_log_softmax),
    "logsumexp": _log_sum, "diff": _difference,
    **{name: _plain_answer(f"np.{name}", getattr(np, name)) for name in (
        "argmax", "argmin", "argsort", "any", "all", "nonzero", "isnan", "isinf", "isfinite", "allclose",
        "isclose", "array_equal", "searchsorted", "digitize", "equal", "not_equal", "shape", "ndim",
        "size", "floor_divide", "array2string", "array_repr", "array_str", "isscalar", "iscomplex", "isreal",
        "iscomplexobj", "isrealobj",
    )},
})  # fmt: skip
