"""Reads one call of torch. Gives what it computes of arrays that record, in calls of NumPy.

One table, OPERATIONS, by the names of ATen; MOVES are those that only move entries. Knows nothing of tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.built_operations import BUILT
from gradcheck_cli.tracing.frameworks.common_operations import (
    as_float,
    chosen,
    named,
)
from gradcheck_cli.tracing.frameworks.moved_entries import filled
from gradcheck_cli.tracing.frameworks.torch_call import Build, Call
from gradcheck_cli.tracing.frameworks.torch_layers import LAYERS
from gradcheck_cli.tracing.new_nodes import moves, recorded
from gradcheck_cli.tracing.recorded_array import plain

__all__ = ["MOVES", "OPERATIONS", "RANDOM", "SHAPES", "TAKEN"]


# only entries move: torch itself tells where from
MOVES = frozenset((
    "select", "slice", "unbind", "split", "split_with_sizes", "unsafe_split", "unsafe_chunk", "chunk",
    "index", "gather", "index_select", "take", "flip", "roll", "repeat", "diagonal", "expand", "view",
    "_unsafe_view", "reshape", "unsqueeze", "squeeze", "unfold", "narrow", "masked_select", "t",
    "transpose", "permute", "detach", "alias", "clone", "lift_fresh", "_reshape_alias", "rot90",
    "view_as", "movedim", "flatten",
))  # fmt: skip
SHAPES = frozenset((  # only the shape of their argument counts
    "full_like", "zeros_like", "ones_like", "empty_like", "rand_like", "randn_like", "new_zeros", "new_ones",
    "new_full", "new_empty", "new_empty_strided", "empty_strided", "sym_size", "sym_numel",
))  # fmt: skip
RANDOM = frozenset(("native_dropout", "bernoulli", "dropout", "rrelu_with_noise", "normal", "multinomial"))
# what becomes plain numbers
TAKEN: Mapping[str, str] = MappingProxyType({
    "_local_scalar_dense": "a branch", "is_nonzero": "a branch", "equal": "a branch", "nonzero": "a mask",
    "argmax": "np.argmax", "argmin": "np.argmin", "argsort": "an order", "_is_all_true": "a branch",
    "_is_any_true": "a branch", "any": "a branch", "all": "a branch", "isnan": "a check", "isinf": "a check",
    "isfinite": "a check", "eq": "==", "ne": "!=", "searchsorted": "an order", "bucketize": "an order",
    "_linalg_check_errors": "a check", "count_nonzero": "a number", "_assert_async": "a check",
})  # fmt: skip


# -- entry by entry -----------------------------------------------------------------------------------


def _by_numpy(name: str) -> Build:
    function = getattr(np, name)
    return lambda call, *values, **options: function(*values)


def _by_name(name: str, *options: str) -> Build:
    """A function of the language, with some options by their places."""
    return lambda call, x, *values: named(call.recording, name, x, **dict(zip(options, values, strict=False)))


def _sum_of_two(sign: float) -> Build:
    def build(call: Call, x: Any, y: Any, alpha: float = 1) -> Any:
        y = y if alpha == 1 else y * float(alpha)
        return np.add(x, y) if sign > 0 else np.subtract(x, y)

    return build


def _quotient(call: Call, x: Any, y: Any, rounding_mode: str | None = None) -> Any:
    found = np.divide(x, y)
    if rounding_mode is None:
        return found
    return np.floor(found) if rounding_mode == "floor" else np.sign(plain(found)) * np.floor(abs(found))


def _scaled(call: Call, low: Any, x: Any, y: Any, value: float = 1) -> Any:
    return low + float(value) * (x * y)


def _clamped(call: Call, x: Any, low: Any = None, high: Any = None, **names: Any) -> Any:
    low, high = names.get("min", low), names.get("max", high)
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _where(call: Call, which: Any, a: Any, b: Any) -> Any:
    return chosen(call.recording, which, a, b)


def _masked(call: Call, x: Any, mask: Any, value: Any) -> Any:
    return chosen(call.recording, mask, value + np.zeros(np.shape(x)), x)


def _softplus(call: Call, x: Any, beta: float = 1, *threshold: float) -> Any:
    found = named(call.recording, "softplus", x if beta == 1 else x * float(beta))
    return found if beta == 1 else found / float(beta)


def _gelu(call: Call, x: Any, approximate: str = "none") -> Any:
    options = {"approximate": 1} if approximate == "tanh" else {}
    return named(call.recording, "gelu", x, **options)


def _elu(call: Call, x: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Any:
    if input_scale != 1:
        raise ValueError("input_scale")
    found = named(call.recording, "elu", x, **({} if alpha == 1 else {"alpha": float(alpha)}))
    return found if scale == 1 else found * float(scale)


def _converted(call: Call, x: Any, dtype: Any = None, **options: Any) -> Any:
    if dtype is not None and (dtype.is_complex or (dtype.is_floating_point and dtype.itemsize < x.itemsize)):
        raise call.recording.error(
            f"{dtype} has other numbers than a model, which computes in float64",
            "torch.set_default_dtype sets the type of a program that names none",
        )
    return as_float(x) if dtype is None or dtype.is_floating_point else _whole(call, x, dtype)


def _whole(call: Call, x: Any, dtype: Any) -> Any:
    if str(dtype) == "torch.bool":
        return x if x.dtype.kind == "b" else x != 0
    call.recording.leak("whole numbers")
    return None


def _put_into(call: Call, x: Any, source: Any, *rest: Any) -> Any:
    """copy_: in the shape of what is written to."""
    source = recorded(call.recording, source)
    return source if source.shape == np.shape(x) else source + np.zeros(np.shape(x))


def _fill(call: Call, x: Any, value: Any) -> Any:
    return value * np.ones(np.shape(x))


# -- sums ---------------------------------------------------------------------------------------------


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list | tuple) else axis


def _reduced(name: str) -> Build:
    function = getattr(np, name)

    def build(call: Call, x: Any, dim: Any = None, keepdim: bool = False, **options: Any) -> Any:
        x, axes = as_float(recorded(call.recording, x)), _axes(dim)
        if not x.ndim:
            return x
        if axes in (None, ()):
            return function(x, keepdims=keepdim)
        return function(x, axis=axes, keepdims=keepdim)

    return build


def _largest(name: str) -> Build:
    """max and min: of all, of two, or along an axis, with places that have no derivative."""
    along = _reduced(name)

    def build(call: Call, x: Any, other: Any = None, keepdim: bool = False, **options: Any) -> Any:
        if other is None:
            return along(call, x)
        if not isinstance(other, int):
            return (np.maximum if name == "max" else np.minimum)(x, other)
        return [along(call, x, other, keepdim), None]

    return build


def _spread(name: str) -> Build:
    function = getattr(np, name)

    def build(
        call: Call, x: Any, dim: Any = None, correction: Any = None, keepdim: bool = False, **options: Any
    ) -> Any:
        ddof = 1 if correction is None else int(correction)
        return function(x, axis=_axes(dim) or None, ddof=ddof, keepdims=keepdim)

    return build


def _norm(
    call: Call, x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, **options: Any
) -> Any:
    axes = _axes(dim) or None
    if ord == 2:
        return np.linalg.norm(x, axis=axes, keepdims=keepdim) if axes else np.linalg.norm(x)
    if ord == 1:
        return np.sum(abs(x), axis=axes, keepdims=keepdim)
    if ord == float("inf"):
        return np.max(abs(x), axis=axes, keepdims=keepdim)
    return np.sum(abs(x) ** float(ord), axis=axes, keepdims=keepdim) ** (1 / float(ord))


def _log_sum(call: Call, x: Any, dim: Any, keepdim: bool = False) -> Any:
    return BUILT["logsumexp"](call.recording, x, axis=_axes(dim), keepdims=keepdim)


def _soft(name: str) -> Build:
    def build(call: Call, x: Any, dim: int, half: bool = False) -> Any:
        return BUILT[name](call.recording, x, axis=dim)

    return build


def _running(name: str) -> Build:
    function = getattr(np, name)
    return lambda call, x, dim, **options: function(x, axis=dim)


def _sorted(call: Call, x: Any, dim: Any = -1, descending: bool = False, **options: Any) -> Any:
    found = np.sort(x, axis=dim)
    turned = (slice(None),) * (dim % x.ndim) + (slice(None, None, -1),)
    return [found[turned] if descending else found, None]


def _largest_few(
    call: Call, x: Any, k: int, dim: int = -1, largest: bool = True, *order: Any
) -> Any:
    found = _sorted(call, x, dim, largest)[0]
    return [found[(slice(None),) * (dim % x.ndim) + (slice(0, k),)], None]


def _middle(call: Call, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The median: of two middle ones the smaller."""
    if dim is None:
        return np.sort(np.reshape(x, -1))[(np.size(x) - 1) // 2]
    number = (x.shape[dim] - 1) // 2
    key = slice(number, number + 1) if keepdim else number
    return [np.sort(x, axis=dim)[(slice(None),) * (dim % x.ndim) + (key,)], None]


def _broadcast(call: Call, x: Any, shape: Sequence[int], axes: Sequence[int]) -> Any:
    column = [1] * len(shape)
    for axis, n in zip(axes, np.shape(x), strict=True):
        column[axis] = n
    return np.reshape(x, tuple(column)) * np.ones(tuple(shape))


# -- entries ------------------------------------------------------------------------------------------


def _joined(call: Call, parts: Sequence[Any], dim: int = 0) -> Any:
    return np.concatenate([recorded(call.recording, each) for each in parts], axis=dim)


def _stacked(call: Call, parts: Sequence[Any], dim: int = 0) -> Any:
    return np.stack([recorded(call.recording, each) for each in parts], axis=dim)


def _rows(call: Call, table: Any, numbers: Any, *rest: Any) -> Any:
    return recorded(call.recording, table)[plain(numbers)]


def _put(call: Call, x: Any, numbers: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """x[i] = y, and x[i] += y."""
    key = tuple(slice(None) if each is None else plain(each) for each in numbers)
    masks = [each for each in numbers if each is not None and moves(each)]
    if masks and (len(numbers) > 1 or np.size(values) > 1 or accumulate):
        call.recording.leak("a mask")
    elif masks:
        return np.where(masks[0], np.reshape(values, ()), recorded(call.recording, x))
    every = np.arange(np.size(x)).reshape(np.shape(x))
    values = recorded(call.recording, values)
    if values.shape != every[key].shape:
        values = values + np.zeros(every[key].shape)
    if accumulate:
        return _sums_at(x, every[key].reshape(-1), values.reshape(-1))
    places = every.copy()
    places[key] = np.size(x) + np.arange(values.size).reshape(values.shape)
    return filled(call.recording, x, values, places)


def _sums_at(x: Any, places: Any, values: Any) -> Any:
    matrix = np.zeros((np.size(x), places.size))
    matrix[places, np.arange(places.size)] = 1
    return x + np.reshape(matrix @ values, np.shape(x))


def _scattered(adds: bool) -> Build:
    def build(call: Call, x: Any, dim: int, numbers: Any, values: Any) -> Any:
        numbers = plain(numbers)
        key = list(np.indices(numbers.shape))
        key[dim] = numbers
        values = recorded(call.recording, values)
        part = values if not values.ndim else values[tuple(slice(0, n) for n in numbers.shape)]
        return _put(call, x, key, part, adds)

    return build


def _index_add(call: Call, x: Any, dim: int, numbers: Any, values: Any, alpha: float = 1) -> Any:
    key = [None] * dim + [numbers]
    return _put(call, x, key, values if alpha == 1 else values * float(alpha), True)


def _padded(call: Call, x: Any, sides: Sequence[int], value: float = 0.0) -> Any:
    pairs = [(0, 0)] * (x.ndim - len(sides) // 2) + list(zip(sides[-2::-2], sides[::-2], strict=True))
    if any(n < 0 for pair in pairs for n in pair):
        raise ValueError("a negative side")
    return np.pad(x, pairs, constant_values=value)


OPERATIONS: Mapping[str, Build] = MappingProxyType({
    **LAYERS,
    **{aten: _by_numpy(name) for aten, name in {
        "mul": "multiply", "neg": "negative", "abs": "absolute", "pow": "power", "square": "square",
        "reciprocal": "reciprocal", "maximum": "maximum", "minimum": "minimum", "fmax": "maximum",
        "fmin": "minimum", "atan2": "arctan2", "gt": "greater", "lt": "less", "ge": "greater_equal",
        "le": "less_equal", "logical_and": "logical_and", "bitwise_and": "logical_and",
        "logical_or": "logical_or", "bitwise_or": "logical_or", "logical_not": "logical_not",
        "bitwise_not": "logical_not", "round": "rint", "remainder": "mod", "hypot": "hypot",
        "logaddexp": "logaddexp", "copysign": "copysign", "sgn": "sign", "dot": "dot", "trace": "trace",
        **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
        **{name: name for name in (
            "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan", "sinh",
            "cosh", "tanh", "sign", "floor", "ceil")},
    }.items()},
    **{aten: _by_name(name) for aten, name in {
        "relu": "relu", "sigmoid": "sigmoid", "silu": "silu", "mish": "mish", "rsqrt": "rsqrt", "erf": "erf",
        "erfc": "erfc", "erfinv": "erfinv", "lgamma": "lgamma", "digamma": "digamma",
        "special_ndtr": "normal_cdf", "special_log_ndtr": "log_normal_cdf",
    }.items()},
    "xlogy": lambda call, x, y: named(call.recording, "xlogy", x, y),
    "hardtanh": lambda call, x, low=-1, high=1: np.minimum(np.maximum(x, float(low)), float(high)),
    "leaky_relu": _by_name("leaky_relu", "slope"), "softplus": _softplus, "gelu": _gelu, "elu": _elu,
    "log_sigmoid_forward": lambda call, x: [named(call.recording, "log_sigmoid", x), None],
    "logit": lambda call, x, eps=None: named(call.recording, "logit", x),
    "add": _sum_of_two(1), "sub": _sum_of_two(-1), "div": _quotient, "addcmul": _scaled,
    "addcdiv": lambda call, low, x, y, value=1: low + float(value) * (x / y),
    "rsub": lambda call, x, y, alpha=1: y - (x if alpha == 1 else x * float(alpha)),
    "lerp": lambda call, x, y, weight: x + weight * (y - x), "clamp": _clamped,
    "clamp_min": lambda call, x, low: np.maximum(x, low),
    "clamp_max": lambda call, x, high: np.minimum(x, high), "where": _where, "masked_fill": _masked,
    "_to_copy": _converted, "to": _converted, "copy": _put_into, "fill": _fill,
    "zero": lambda call, x: np.zeros(np.shape(x)),
    **{name: _reduced(name) for name in ("sum", "mean", "prod")}, "amax": _reduced("max"),
    "amin": _reduced("min"), "max": _largest("max"), "min": _largest("min"), "var": _spread("var"),
    "std": _spread("std"), "linalg_vector_norm": _norm, "norm": _norm, "logsumexp": _log_sum,
    "_softmax": _soft("softmax"), "_log_softmax": _soft("log_softmax"), "cumsum": _running("cumsum"),
    "cumprod": _running("cumprod"), "sort": _sorted, "topk": _largest_few, "median": _middle,
    "logcumsumexp": lambda call, x, dim: np.log(np.cumsum(np.exp(x), axis=dim)),
    "broadcast_in_dim": _broadcast,
    "cat": _joined, "stack": _stacked, "embedding": _rows, "index_put": _put, "scatter": _scattered(False),
    "scatter_add": _scattered(True), "index_add": _index_add, "constant_pad_nd": _padded,
})  # fmt: skip
