"""Reads one equation of a jaxpr. Gives what it computes of arrays that record, in calls of NumPy.

One table, OPERATIONS, by the names of jax's primitives. Knows nothing of calls and loops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.frameworks.common_operations import (
    as_float,
    chosen,
    convolution,
    named,
    of_windows,
    product_along,
)
from gradcheck_cli.tracing.frameworks.jax_call import Build, Call
from gradcheck_cli.tracing.frameworks.moved_entries import entries_at, filled
from gradcheck_cli.tracing.new_nodes import moves, recorded
from gradcheck_cli.tracing.recorded_array import Recorded, plain

__all__ = ["OPERATIONS", "by_name"]


# -- entry by entry: names in NumPy, and in the language ----------------------------------------------


def _by_numpy(name: str) -> Build:
    function = getattr(np, name)
    return lambda call, *values: function(*values)


def by_name(name: str) -> Build:
    """A function of the language, entry by entry."""
    return lambda call, *values: named(call.recording, name, *values)


def _same(call: Call, *values: Any) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _larger(function: Callable[..., Any], neutral: float) -> Build:
    """max or min of two; that with -inf or inf is the other."""

    def build(call: Call, a: Any, b: Any) -> Any:
        for one, other in ((a, b), (b, a)):
            if not moves(one) and np.all(plain(one) == neutral):
                return other
        return function(a, b)

    return build


def _stopped(call: Call, x: Any) -> Any:
    if moves(x) and not call.is_inside and not call.is_of_jax("stop_gradient"):
        call.recording.note("a model is differentiated through stop_gradient")
    return x


def _power(call: Call, x: Any, y: Any = None) -> Any:
    return x ** (call["y"] if y is None else plain(y) if not moves(y) else y)


def _converted(call: Call, x: Any) -> Any:
    kind = np.dtype(call["new_dtype"]).kind
    if kind == "c":
        raise call.recording.error("complex numbers are not traced", "compare numbers: claim ... from g.npy")
    if kind == "f":
        return as_float(x)
    if not moves(x):
        return plain(x).astype(call["new_dtype"])
    if kind == "b" or x.dtype.kind == "b":
        return x if x.dtype.kind == "b" else x > 0  # of truth values
    call.recording.leak("whole numbers")
    return plain(x).astype(call["new_dtype"])


def _compared(call: Call, a: Any, b: Any) -> Any:
    """== and !=, which tell where a value is not a number, or what has no derivative."""
    function = np.equal if call.equation.primitive.name == "eq" else np.not_equal
    if call.is_inside or call.equation.invars[0] is call.equation.invars[1]:
        return function(plain(a), plain(b))  # a check of numbers; where it matters, trying the model tells
    return function(a, b)


def _finite(call: Call, x: Any) -> Any:
    return np.isfinite(plain(x))  # true wherever the loss is a number


def _selected(call: Call, which: Any, *cases: Any) -> Any:
    if len(cases) > 2:
        pairs = [(k == plain(which)).astype(bool) for k in range(1, len(cases))]
        found = cases[0]
        for pair, case in zip(pairs, cases[1:], strict=True):
            found = chosen(call.recording, pair, case, found)
        return found
    return chosen(call.recording, which, cases[1], cases[0])


def _remainder(call: Call, a: Any, b: Any) -> Any:
    """The remainder with the sign of a."""
    sign = np.sign(plain(a))
    return sign * np.mod(np.absolute(a), np.absolute(b))


# -- sums and products --------------------------------------------------------------------------------


def _reduced(name: str) -> Build:
    function = getattr(np, name)

    def build(call: Call, x: Any) -> Any:
        x = as_float(recorded(call.recording, call.full(x, 0)))
        axes = tuple(call["axes"])
        if not axes:
            return x
        return function(x) if len(axes) == x.ndim else function(x, axis=axes)

    return build


def _of_this_point(function: Callable[..., Any], what: str) -> Build:
    """Places and truth values, which have no derivative."""

    def build(call: Call, x: Any) -> Any:
        if not (call.is_inside and function in (np.all, np.any)):
            call.recording.leak(what)
        axes = tuple(call["axes"])
        return function(plain(call.full(x, 0)), axis=axes[0] if what.startswith("np.arg") else axes)

    return build


def _running(name: str) -> Build:
    function = getattr(np, name)

    def build(call: Call, x: Any) -> Any:
        x = recorded(call.recording, call.full(x, 0))
        turned = (slice(None),) * call["axis"] + (slice(None, None, -1),)
        if not call["reverse"]:
            return function(x, axis=call["axis"])
        return function(x[turned], axis=call["axis"])[turned]

    return build


def _product(call: Call, a: Any, b: Any) -> Any:
    (contracted, batched) = call["dimension_numbers"]
    return product_along(call.recording, call.full(a, 0), call.full(b, 1), contracted, batched)


def _sorted(call: Call, *arrays: Any) -> Any:
    axis, keys = call["dimension"], call["num_keys"]
    arrays = tuple(call.full(each, k) for k, each in enumerate(arrays))
    if len(arrays) == 1:
        return [np.sort(recorded(call.recording, arrays[0]), axis=axis)]
    call.recording.leak("an order")
    order = np.lexsort([plain(each) for each in reversed(arrays[:keys])], axis=axis)
    every = np.take_along_axis(np.arange(order.size).reshape(order.shape), order, axis)
    return [
        entries_at(call.recording, each, every) if moves(each) else plain(each).reshape(-1)[every]
        for each in arrays
    ]


# -- entries that move --------------------------------------------------------------------------------


def _moved(call: Call, x: Any, *numbers: Any) -> Any:
    """Parts, turns, shapes: the equation itself tells where each entry comes from."""
    if any(map(moves, numbers)):
        call.recording.leak("an index")
    x = call.full(x, 0)
    places = call.again(np.arange(np.size(x)).reshape(np.shape(x)), *map(plain, numbers))
    if places.size and (places.min() < 0 or places.max() >= np.size(x)):
        raise call.recording.error("an index outside of the array is not traced")
    return entries_at(call.recording, x, places)


def _reshaped(call: Call, x: Any, *sizes: Any) -> Any:
    return np.reshape(recorded(call.recording, call.full(x, 0)), call.shape)


def _squeezed(call: Call, x: Any) -> Any:
    """Of x[1:2] the entry x[1]."""
    node = x.node if type(x) is Recorded else None
    parts = [] if node is None or node.operation != "index" else list(node.options["parts"])
    if node is None or not parts or any(isinstance(part, int) for part in parts):
        return _reshaped(call, x)
    for axis in call["dimensions"]:
        parts[axis] = parts[axis].start or 0
    return Recorded(node.arguments[0], call.recording)[tuple(parts)]


def _broadcast(call: Call, x: Any, *sizes: Any) -> Any:
    """Entries alike stay one where NumPy repeats them by itself."""
    shape, axes = call.shape, tuple(call["broadcast_dimensions"])
    if not np.ndim(x):
        return x
    x = call.full(x, 0)
    if axes == tuple(range(len(shape) - np.ndim(x), len(shape))):
        return x
    wanted = [1] * len(shape)
    for axis, n in zip(axes, np.shape(x), strict=True):
        wanted[axis] = n
    return np.reshape(x, tuple(wanted))


def _transposed(call: Call, x: Any) -> Any:
    return np.transpose(recorded(call.recording, call.full(x, 0)), call["permutation"])


def _concatenated(call: Call, *parts: Any) -> Any:
    whole = [recorded(call.recording, call.full(part, k)) for k, part in enumerate(parts)]
    return np.concatenate(whole, axis=call["dimension"])


def _stacked(call: Call, *parts: Any) -> Any:
    whole = [recorded(call.recording, call.full(part, k)) for k, part in enumerate(parts)]
    axis = next(k for k, n in enumerate(call.shape) if call.shape[:k] + call.shape[k + 1 :] == whole[0].shape)
    return np.stack(whole, axis=call.equation.params.get("axis", call.equation.params.get("dimension", axis)))


def _unstacked(call: Call, x: Any) -> Any:
    x, before = recorded(call.recording, call.full(x, 0)), (slice(None),) * call["axis"]
    return [x[(*before, k)] for k in range(x.shape[call["axis"]])]


def _split(call: Call, x: Any) -> Any:
    x, before = recorded(call.recording, call.full(x, 0)), (slice(None),) * call["axis"]
    ends = np.cumsum([0, *call["sizes"]])
    return [x[(*before, slice(int(a), int(b)))] for a, b in pairwise(ends)]


def _put(call: Call, x: Any, *given: Any) -> Any:
    """x.at[i].set(y): entries of y in x."""
    is_update = call.equation.primitive.name == "dynamic_update_slice"
    place = 1 if is_update else 2
    y, numbers = given[place - 1], [each for k, each in enumerate(given) if k != place - 1]
    if any(map(moves, numbers)):
        call.recording.leak("an index")
    x, y = call.full(x, 0), call.full(y, place)
    every = np.arange(np.size(x) + np.size(y))
    arrays = [every[: np.size(x)].reshape(np.shape(x)), *map(plain, numbers)]
    arrays.insert(place, every[np.size(x) :].reshape(np.shape(y)))
    return filled(call.recording, x, y, call.again(*arrays))


def _added(call: Call, x: Any, numbers: Any, y: Any) -> Any:
    """x.at[i].add(y): the sum of all that is added to each entry, as a product."""
    if moves(numbers):
        call.recording.leak("an index")
    x, y = call.full(x, 0), recorded(call.recording, call.full(y, 2))
    zeros, ones = np.zeros(np.shape(x)), np.eye(y.size)
    rows = [call.again(zeros, plain(numbers), one.reshape(y.shape)).reshape(-1) for one in ones]
    sums = (np.array(rows).T @ y.reshape(-1)).reshape(np.shape(x))
    return sums if not moves(x) and not np.any(plain(x)) else x + sums


def _padded(call: Call, x: Any, filler: Any) -> Any:
    """Entries with a number around and between them."""
    x, filler = call.full(x, 0), recorded(call.recording, filler).reshape(1)
    every = np.arange(np.size(x)).reshape(np.shape(x))
    return filled(call.recording, x, filler, call.again(every, np.array(np.size(x))))


def _windows(name: str) -> Build:
    def build(call: Call, x: Any, *start: Any) -> Any:
        x = call.full(x, 0)
        if any(n != 1 for n in (*call["base_dilation"], *call["window_dilation"])):
            raise call.recording.error("windows with gaps are not traced")
        if name == "max" and any(map(any, call["padding"])):
            raise call.recording.error("the largest of windows over an edge is not traced", "pad the array")
        return of_windows(
            call.recording, name, x, call["window_dimensions"], call["window_strides"], call["padding"]
        )

    return build


def _convolved(call: Call, x: Any, w: Any) -> Any:
    """Images and kernels in any order of axes."""
    spec, strides = call["dimension_numbers"], call["window_strides"]
    if call["batch_group_count"] != 1 or len(strides) > 2:
        raise call.recording.error("a convolution of volumes, or with groups of images, is not traced")
    x = np.transpose(recorded(call.recording, call.full(x, 0)), spec.lhs_spec)
    w = np.transpose(recorded(call.recording, call.full(w, 1)), spec.rhs_spec)
    found = convolution(
        call.recording, x, w, strides, call["padding"], call["feature_group_count"], call["rhs_dilation"],
        call["lhs_dilation"],
    )
    return np.transpose(found, np.argsort(spec.out_spec))


# -- matrices -----------------------------------------------------------------------------------------


def _triangular(call: Call, a: Any, b: Any) -> Any:
    """The solution of a triangular system, of several alike one by one."""
    a, b = recorded(call.recording, call.full(a, 0)), recorded(call.recording, call.full(b, 1))
    if a.ndim > 2:
        pairs = zip(a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:]), strict=True)
        return np.stack([_triangular_of_one(call, *pair) for pair in pairs]).reshape(b.shape)
    return _triangular_of_one(call, a, b)


def _triangular_of_one(call: Call, a: Any, b: Any) -> Any:
    lower = call["lower"]
    kept = np.tril if lower else np.triu
    if not np.array_equal(plain(a), kept(plain(a))) or call["unit_diagonal"]:
        mask = kept(np.ones(a.shape), -1 if lower else 1) if call["unit_diagonal"] else kept(np.ones(a.shape))
        a = a * mask + (np.eye(len(a)) if call["unit_diagonal"] else 0)
    a = a.T if call["transpose_a"] else a
    return np.linalg.solve(a, b) if call["left_side"] else np.linalg.solve(a.T, b.T).T


def _factor(call: Call, x: Any) -> Any:
    return np.linalg.cholesky(recorded(call.recording, call.full(x, 0)))


def _eigenvalues(call: Call, x: Any) -> Any:
    """Of eigenvalues and vectors the first."""
    values = np.linalg.eigvalsh(recorded(call.recording, call.full(x, 0)))
    return [values if len(v.aval.shape) == values.ndim else None for v in call.equation.outvars]


def _quotient(call: Call, a: Any, b: Any) -> Any:
    """A sum by the count of what was summed is a mean."""
    node, count = getattr(a, "node", None), plain(b)
    if node is not None and node.operation == "sum" and np.ndim(b) == 0 and not moves(b):
        (x,) = node.arguments
        if x.value.size == count * node.value.size:
            axes, keepdims = node.options.get("axis"), bool(node.options.get("keepdims"))
            return np.mean(Recorded(x, call.recording), axis=axes, keepdims=keepdims)
    return np.divide(a, b)


OPERATIONS: Mapping[str, Build] = MappingProxyType({
    **{jax: _by_numpy(name) for jax, name in {
        "add": "add", "add_any": "add", "sub": "subtract", "mul": "multiply",
        "neg": "negative", "abs": "absolute", "atan2": "arctan2",
        "square": "square", "gt": "greater", "lt": "less", "ge": "greater_equal", "le": "less_equal",
        "and": "logical_and", "or": "logical_or", "not": "logical_not", "round": "rint",
        **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
        **{name: name for name in (
            "exp", "exp2", "expm1", "log", "log1p", "sqrt", "cbrt", "sin", "cos", "tan", "sinh", "cosh",
            "tanh", "sign", "floor", "ceil")},
    }.items()},
    **{jax: by_name(name) for jax, name in {
        "erf": "erf", "erfc": "erfc", "erf_inv": "erfinv", "lgamma": "lgamma", "digamma": "digamma",
        "logistic": "sigmoid", "rsqrt": "rsqrt",
    }.items()},
    **dict.fromkeys((
        "copy", "copy_p", "device_put", "optimization_barrier", "reduce_precision", "sharding_constraint",
    ), _same),
    "stop_gradient": _stopped, "max": _larger(np.maximum, -np.inf), "min": _larger(np.minimum, np.inf),
    "pow": _power, "integer_pow": _power, "convert_element_type": _converted, "eq": _compared,
    "ne": _compared, "is_finite": _finite, "select_n": _selected, "rem": _remainder,
    "clamp": lambda call, low, x, high: np.minimum(np.maximum(x, low), high),
    "reduce_sum": _reduced("sum"), "reduce_max": _reduced("max"), "reduce_min": _reduced("min"),
    "reduce_prod": _reduced("prod"), "argmax": _of_this_point(np.argmax, "np.argmax"),
    "argmin": _of_this_point(np.argmin, "np.argmin"), "reduce_and": _of_this_point(np.all, "np.all"),
    "reduce_or": _of_this_point(np.any, "np.any"), "cumsum": _running("cumsum"),
    "cumprod": _running("cumprod"), "dot_general": _product, "sort": _sorted,
    "slice": _moved, "dynamic_slice": _moved, "gather": _moved, "rev": _moved, "squeeze": _squeezed,
    "reshape": _reshaped, "expand_dims": _reshaped, "broadcast_in_dim": _broadcast,
    "transpose": _transposed, "concatenate": _concatenated, "split": _split, "scatter": _put,
    "dynamic_update_slice": _put, "scatter-add": _added, "pad": _padded,
    "reduce_window_max": _windows("max"), "reduce_window_sum": _windows("sum"),
    "conv_general_dilated": _convolved, "triangular_solve": _triangular, "cholesky": _factor,
    "stack": _stacked, "tile": _moved, "lt_to": _by_numpy("less"), "le_to": _by_numpy("less_equal"),
    "unstack": _unstacked, "eigh": _eigenvalues, "div": _quotient,
})  # fmt: skip
