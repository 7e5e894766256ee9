"""Reads a call of NumPy or SciPy with arrays that record. Gives the node of its value.

One table: the functions of the language under the names that NumPy and SciPy have for them. Knows nothing of
text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.built_operations import BUILT
from gradcheck_cli.tracing.new_nodes import moves, record, recorded
from gradcheck_cli.tracing.recorded_array import Recorded, fixed, node_of, plain
from gradcheck_cli.tracing.recording import WAY_OUT, Recording
from gradcheck_cli.tracing.traced_nodes import constant

__all__ = ["ENTRY_BY_ENTRY", "apply", "apply_ufunc"]

# entry by entry: the name in NumPy or SciPy, and in the language
ENTRY_BY_ENTRY: Mapping[str, str] = MappingProxyType({
    **{name: name for name in (
        "exp", "log", "log2", "log10", "log1p", "expm1", "exp2", "sqrt", "cbrt", "sin", "cos", "tan", "sinh",
        "cosh", "tanh", "sign", "floor", "ceil", "hypot", "logaddexp", "copysign", "logit", "gamma",
        "digamma",
        "erf", "erfc", "erfcx", "erfinv", "xlogy", "beta", "betaln", "j0", "j1", "y0", "y1", "i0", "i1",
        "log_ndtr", "ndtr", "ndtri", "gammaln", "loggamma", "psi", "dawsn", "exp1", "sinc", "softplus",
    )},
    "absolute": "abs", "fabs": "abs", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "rint": "round", "maximum": "max",
    "minimum": "min", "fmax": "max", "fmin": "min", "expit": "sigmoid", "log_expit": "log_sigmoid",
    "remainder": "mod", "asin": "asin", "acos": "acos", "atan": "atan", "atan2": "atan2", "asinh": "asinh",
    "acosh": "acosh", "atanh": "atanh", "abs": "abs", "lgamma": "lgamma",
})  # fmt: skip
OPERATORS: Mapping[str, str] = MappingProxyType({
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "true_divide": "/", "power": "^",
    "float_power": "^", "greater": ">", "less": "<", "greater_equal": ">=", "less_equal": "<=",
    "logical_and": "*", "bitwise_and": "*",
})  # fmt: skip
_WAYS_OUT: Mapping[str, str] = MappingProxyType({
    **dict.fromkeys(
        ("fft", "ifft", "rfft", "irfft", "hfft", "fft2", "ifft2", "rfft2", "fftn", "ifftn", "rfftn", "dft"),
        "its real and imaginary parts are products with matrices of cos and sin; or compare numbers",
    ),
    **dict.fromkeys(("eig", "eigvals"), "eigh and eigvalsh of a symmetric matrix are; or compare numbers"),
    "qr": "R is the transpose of np.linalg.cholesky(A.T @ A) up to signs; or compare numbers",
})  # fmt: skip
_VIEWS = frozenset((
    "reshape", "ravel", "transpose", "swapaxes", "squeeze", "expand_dims", "moveaxis", "rollaxis", "flip",
    "flipud", "fliplr", "atleast_1d", "atleast_2d",
))  # fmt: skip
_REDUCED = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}  # ufunc.reduce


def apply_ufunc(recording: Recording, ufunc: Any, method: str, inputs: Any, options: Any) -> Any:
    """A ufunc of NumPy or SciPy, called, or reduced along an axis."""
    out = options.pop("out", None)
    name = ufunc.__name__
    if method == "reduce" and name in _REDUCED:
        options.pop("initial", None)
        found = apply(recording, _REDUCED[name], ufunc.reduce, inputs, {"axis": 0, **options})
    elif method == "outer" and name in OPERATORS:
        left, right = (recorded(recording, each).reshape(-1) for each in inputs)
        found = apply_ufunc(recording, ufunc, "__call__", (left.reshape(-1, 1), right.reshape(1, -1)), {})
    elif method == "at" and name in ("add", "subtract"):
        return _add_at(recording, inputs[0], inputs[1], inputs[2] if name == "add" else -inputs[2])
    elif method == "accumulate" and name == "add":
        found = apply(recording, "cumsum", np.cumsum, inputs, options)
    elif method == "__call__":
        found = apply(recording, name, ufunc, inputs, options)
    else:
        raise recording.error(f"np.{name}.{method} is not traced")
    return _written_to(out, found)


def _add_at(recording: Recording, target: Any, key: Any, values: Any) -> None:
    """np.add.at: what has one place twice is added twice; a product with ones at these places."""
    places = np.arange(target.size).reshape(target.shape)[plain(key)]
    spread = np.broadcast_to(recorded(recording, values), places.shape).reshape(-1)
    ones = fixed((np.arange(target.size)[:, None] == places.reshape(-1))*1.0, recording)
    target += np.dot(ones, spread).reshape(target.shape)


def _with_whole(
    recording: Recording, name: str, function: Callable[..., Any], args: Sequence[Any], found: Any
) -> Any:
    """The same of all entries, beside what was computed of x[mask]: it is asked for where z[mask] is set."""
    nodes = [node_of(a) for a in args if np.ndim(plain(a))]
    wholes = [recording.wholes.get(node) if node else None for node in nodes]
    masks = {recording.numbers.of(each[0]) for each in wholes if each}
    if wholes and all(wholes) and len(masks) == 1:
        full = [Recorded(recording.wholes[a.node][1], recording) if np.ndim(a) else a for a in args]
        with np.errstate(all="ignore"):
            whole = apply(recording, name, function, full, {})
        recording.wholes[found.node] = (wholes[0][0], whole.node)  # type: ignore[index]
    return found


def _unchanged(pair: Sequence[Any]) -> Any:
    """x of x + 0 or 0 + x, as sum() begins; None of any other sum."""
    for zero, x in (pair, pair[::-1]):
        if isinstance(zero, int | float) and not zero and type(x) is Recorded:
            return x.copy()
    return None


def _written_to(out: Any, found: Any) -> Any:
    target = out[0] if isinstance(out, tuple) else out
    if target is None:
        return found
    if type(target) is Recorded:
        target.node = node_of(found) or constant(found)
    else:
        target[...] = plain(found)
    return target


def apply(
    recording: Recording, name: str, function: Callable[..., Any], args: Sequence[Any],
    options: Mapping[str, Any],
) -> Any:
    """A function of NumPy or SciPy: plain numbers where no argument moves, else by the table."""
    found = _applied(recording, name, function, args, options)
    whole: Any = args[0] if args else None
    if name in _VIEWS and _is_view(found, whole):
        rest = plain(tuple(args[1:])), plain(dict(options))
        whole.show(found, lambda array: function(array, *rest[0], **rest[1]))
    return found


def _is_view(found: Any, whole: Any) -> bool:
    if found is whole or type(found) is not Recorded or type(whole) is not Recorded:
        return False
    return np.may_share_memory(plain(found), plain(whole))


def _applied(
    recording: Recording, name: str, function: Callable[..., Any], args: Sequence[Any],
    options: Mapping[str, Any],
) -> Any:
    if not any(map(moves, (*args, *options.values()))):
        value = function(*map(plain, args), **{key: plain(each) for key, each in options.items()})
        return fixed(value, recording)
    unread = ("dtype", "out") if name in ("reshape", "ravel") else ("order", "dtype", "out")
    given = {k: each for k, each in options.items() if each is not None and k not in unread}
    if name in BUILT:
        try:
            found = _written_to(options.get("out"), BUILT[name](recording, *args, **given))
        except TypeError as error:
            raise recording.error(f"this form of {name} is not traced: {error}") from None
        return _with_whole(recording, name, function, args, found) if name == "negative" else found
    if set(given) - {"where", "casting", "subok"} or given.get("where", True) is not True:
        raise recording.error(f"{name} with {', '.join(given)} is not traced")
    values = [plain(a) for a in args]
    if name == "add" and (same := _unchanged(args)) is not None:
        return same
    operation = OPERATORS.get(name) or ENTRY_BY_ENTRY.get(name)
    if operation is not None:
        found = record(recording, operation, args, function(*values))
        return _with_whole(recording, name, function, args, found)
    raise recording.error(f"{name} is not traced", _WAYS_OUT.get(name, WAY_OUT))


