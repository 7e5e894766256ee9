"""Reads the modules of a program. Gives them functions of NumPy, math and SciPy that record, for a while.

A call of NumPy whose arguments do not record, as np.zeros(3) or np.array([f(a), g(b)]), asks nobody; so the
name it is called by is exchanged in the program's modules. Nothing of NumPy itself changes.
"""

from __future__ import annotations

import builtins
import functools
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.built_operations import BUILT
from gradcheck_cli.tracing.distributions import distributions
from gradcheck_cli.tracing.library_functions import LIBRARY
from gradcheck_cli.tracing.linear_functions import LINEAR
from gradcheck_cli.tracing.new_nodes import join, moves
from gradcheck_cli.tracing.numpy_operations import ENTRY_BY_ENTRY, apply
from gradcheck_cli.tracing.program_modules import NAMED_BUILTINS, NAMED_PRODUCT
from gradcheck_cli.tracing.recorded_array import Recorded, fixed, plain
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.sparse_products import sparse_products

__all__ = ["exchanged_names"]

_FILLED = ("zeros", "ones", "empty", "full", "eye", "identity", "linspace", "arange")
_LIKE = ("zeros_like", "ones_like", "empty_like", "full_like")
_CONVERTED = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfarray", "copy")
_NO_COPY = (np.asarray, np.asanyarray, np.ascontiguousarray)
_OF_ARRAY = ("sum", "mean", "max", "min", "prod", "dot", "transpose")
_OF_NUMPY = (np.ufunc, type(np.mean))
_OF_SEQUENCES = frozenset((
    "stack", "dstack", "column_stack", "block", "select", "choose", "piecewise", "multi_dot",
    "broadcast_arrays",
))  # fmt: skip
_OF_LISTS = (*_OF_ARRAY, "concatenate", "stack", "hstack", "vstack")


class _Exchanged(ModuleType):
    """A module whose functions record; what is not exchanged is the module's own."""

    def __init__(self, module: ModuleType, exchange: Callable[[Any], Any]) -> None:
        super().__init__(module.__name__)
        self._module, self._exchange = module, exchange

    def __getattr__(self, name: str) -> Any:
        return self._exchange(getattr(self._module, name))


@contextmanager
def exchanged_names(modules: Iterable[ModuleType], recording: Recording) -> Iterator[None]:
    """The names in the modules' globals, exchanged; as they were when the block ends.

    Float arrays among the globals record, too.
    """
    exchange = _exchange_for(recording)
    named_calls = {f"__{name}__": _builtin(recording, name) for name in NAMED_BUILTINS}
    named_calls[NAMED_PRODUCT] = _product
    kept: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for module in modules:
            names = vars(module)
            for name, call in named_calls.items():
                if name in names:
                    kept.append((names, name, names[name]))
                    names[name] = call
            for name, held in list(names.items()):
                if name.startswith("__"):
                    continue
                other = exchange(held)
                if other is not held:
                    kept.append((names, name, held))
                    names[name] = other
        with sparse_products(recording):
            yield
    finally:
        for names, name, held in reversed(kept):
            names[name] = held


def _exchange_for(recording: Recording) -> Callable[[Any], Any]:
    known = dict(_functions(recording))

    def exchange(held: Any) -> Any:
        if isinstance(held, ModuleType):
            held = np if held.__name__ == "autograd.numpy" else held  # a NumPy that records in its own way
            return _Exchanged(held, exchange) if _is_of_libraries(held) else held
        if type(held) is np.ndarray:
            return fixed(held, recording)
        if type(held) is np.vectorize:
            return _entry_by_entry(recording, held.pyfunc)
        if type(held) in (list, tuple, dict):
            return _with_arrays(held, recording)
        if isinstance(held, _OF_NUMPY) and held not in known and held.__name__ not in _OF_SEQUENCES:
            known[held] = _OfArrays(held, recording)
        try:
            return known.get(held, held)
        except TypeError:  # what cannot be hashed is no function
            return held

    return exchange


class _OfArrays:
    """A function of NumPy that is handed lists of what records, and else asks the arrays themselves."""

    def __init__(self, function: Any, recording: Recording) -> None:
        self._function, self._recording = function, recording

    def __call__(self, *args: Any, **options: Any) -> Any:
        given = (join(self._recording, each) if _holds(each) else each for each in args)
        return self._function(*given, **options)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._function, name)
        return _OfArrays(found, self._recording) if name in ("reduce", "accumulate", "outer") else found

    def __eq__(self, other: Any) -> bool:
        return other is self or other is self._function

    def __hash__(self) -> int:
        return hash(self._function)


def _with_arrays(held: Any, recording: Recording) -> Any:
    """A list, tuple or dict with arrays that record; itself, if it holds none."""
    if type(held) is np.ndarray:
        return fixed(held, recording)
    if type(held) not in (list, tuple, dict):
        return held
    parts = list(held.values() if isinstance(held, dict) else held)
    found = [_with_arrays(part, recording) for part in parts]
    if all(new is old for new, old in zip(found, parts, strict=True)):
        return held
    return dict(zip(held, found, strict=True)) if isinstance(held, dict) else type(held)(found)


def _is_of_libraries(module: ModuleType) -> bool:
    return module.__name__.partition(".")[0] in ("numpy", "math", "scipy", "sklearn")


def _functions(recording: Recording) -> Mapping[Any, Any]:
    """Functions of NumPy, math and SciPy, and what records in their place."""
    found: dict[Any, Any] = {}
    for name in _FILLED:
        found[getattr(np, name)] = _filled(recording, getattr(np, name))
    for name in _LIKE:
        found[getattr(np, name)] = _filled(recording, getattr(np, name))
    for name in _CONVERTED:
        if hasattr(np, name):
            found[getattr(np, name)] = _converted(recording, getattr(np, name))
    found[np.float64] = _float64(recording)
    for name in _OF_LISTS:
        found[getattr(np, name)] = _of_lists(recording, name, getattr(np, name))
    for name in ENTRY_BY_ENTRY:
        if callable(function := getattr(math, name, None)):
            found[function] = _of_number(recording, name, function)
    found[math.pow] = _of_number(recording, "power", math.pow)
    found[np.c_], found[np.r_] = _Joined(recording, np.c_), _Joined(recording, np.r_)
    found[np.apply_along_axis] = _along_axis(recording)
    found[np.vectorize] = functools.partial(_entry_by_entry, recording)
    return found | _of_libraries(recording)


def _of_libraries(recording: Recording) -> dict[Any, Any]:
    """Functions of SciPy and scikit-learn that are no ufuncs, where the program has imported them."""
    found: dict[Any, Any] = {}
    for module, functions in (*LIBRARY.items(), *LINEAR.items()):
        held = sys.modules.get(module)
        for name, build in functions.items() if held is not None else ():
            function = getattr(held, name)
            found[function] = _of_library(recording, function, build)
    return found | distributions(recording)


def _of_library(recording: Recording, function: Callable[..., Any], build: Callable[..., Any]) -> Any:
    def call(*args: Any, **options: Any) -> Any:
        if any(map(moves, (*args, *options.values()))):
            return build(recording, *args, **options)
        value = function(*map(plain, args), **{key: plain(each) for key, each in options.items()})
        if isinstance(value, tuple):
            return tuple(fixed(each, recording) for each in value)
        return fixed(value, recording)

    return call


def _filled(recording: Recording, function: Callable[..., Any]) -> Callable[..., Any]:
    def make(*args: Any, **options: Any) -> Any:
        value = function(*map(plain, args), **{k: plain(each) for k, each in options.items()})
        if np.iscomplexobj(value) and not value.imag.any():  # filled by programs that can take complex steps
            value = value.real.copy()
        return fixed(value, recording)

    return make


def _converted(recording: Recording, function: Callable[..., Any]) -> Callable[..., Any]:
    def make(values: Any, *args: Any, **options: Any) -> Any:
        if type(values) is Recorded:
            dtype = args[0] if args else options.get("dtype")
            is_itself = function in _NO_COPY and (dtype is None or np.dtype(dtype) == values.dtype)
            return values if is_itself else _as_type(values, dtype)
        if _holds(values):
            return join(recording, values)
        found = function(values, *args, **options)
        return fixed(found, recording)

    return make


def _float64(recording: Recording) -> type:
    """np.float64, a type as it is; called, it records."""
    make = _converted(recording, np.float64)

    class AsType(type):
        def __call__(cls, *args: Any) -> Any:
            return make(*args) if args else np.float64()

        def __instancecheck__(cls, held: Any) -> bool:
            return isinstance(held, np.float64)

        def __eq__(cls, other: Any) -> bool:
            return other is cls or other is np.float64

        def __hash__(cls) -> int:
            return hash(np.float64)

    return AsType("float64", (np.float64,), {})


def _as_type(values: Any, dtype: Any) -> Any:
    """A copy; of another type where it moves with no parameter."""
    return values.copy() if dtype is None or values.node.depends else values.astype(dtype)


def _holds(values: Any) -> bool:
    return isinstance(values, list | tuple) and any(type(v) is Recorded or _holds(v) for v in values)


def _of_lists(recording: Recording, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is handed lists, or that SciPy writes in Python."""

    def call(*args: Any, **options: Any) -> Any:
        if name in _OF_ARRAY:
            args = tuple(join(recording, a) if _holds(a) else a for a in args)
        if any(type(a) is Recorded or _holds(a) for a in args):
            return apply(recording, name, function, args, options)
        return function(*args, **options)

    assert name in BUILT
    return call


def _of_number(recording: Recording, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        if not any(type(a) is Recorded for a in args):
            return function(*args)
        return apply(recording, name, lambda *given: np.vectorize(function)(*given), args, {})

    return call


def _builtin(recording: Recording, name: str) -> Callable[..., Any]:
    """float, max and min of recorded numbers: the number, the larger or smaller of two."""
    plainly = getattr(builtins, name)

    def call(*args: Any, **options: Any) -> Any:
        if name == "float" and len(args) == 1 and type(args[0]) is Recorded and args[0].size == 1:
            return args[0].reshape(())
        if name == "float" or options or not any(type(a) is Recorded and not a.ndim for a in args):
            return plainly(*args, **options)
        return functools.reduce(np.maximum if name == "max" else np.minimum, args)

    return call


def _product(held: Any, *args: Any, **options: Any) -> Any:
    """A.dot(x): the method of a plain array asks nobody, wherever the program holds it."""
    if type(held) is np.ndarray and any(map(moves, args)):
        return np.dot(held, *args, **options)
    return held.dot(*args, **options)


def _entry_by_entry(recording: Recording, function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """np.vectorize, written out entry by entry."""

    def call(*args: Any) -> Any:
        if options.get("signature") or not any(map(moves, args)):
            return fixed(np.vectorize(function, **options)(*map(plain, args)), recording)
        parts = np.broadcast_arrays(*(np.arange(np.size(plain(a))).reshape(np.shape(plain(a))) for a in args))
        given = [a.reshape(-1) if np.ndim(a) else [a] for a in args]
        rows = zip(*(part.reshape(-1) for part in parts), strict=True)
        found = join(recording, [function(*(g[k] for g, k in zip(given, row, strict=True))) for row in rows])
        return found.reshape(parts[0].shape)

    return call


class _Joined:
    """np.c_ and np.r_: arrays in brackets, side by side as columns, or one behind another."""

    def __init__(self, recording: Recording, like: Any) -> None:
        self._recording, self._like = recording, like

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if any(isinstance(part, slice | str) for part in parts):
            return fixed(self._like[plain(key)], self._recording)
        name = "column_stack" if self._like is np.c_ else "hstack"
        return BUILT[name](self._recording, parts)


def _along_axis(recording: Recording) -> Callable[..., Any]:
    """np.apply_along_axis, written out row by row."""

    def call(function: Callable[..., Any], axis: int, array: Any, *args: Any, **options: Any) -> Any:
        if type(array) is not Recorded or array.ndim > 2:
            return np.apply_along_axis(function, axis, plain(array), *args, **options)
        rows = array if axis % array.ndim == array.ndim - 1 else array.T
        if rows.ndim == 1:
            return function(rows, *args, **options)
        found = join(recording, [function(row, *args, **options) for row in rows])
        return found if rows is array or found.ndim == 1 else found.T

    return call
