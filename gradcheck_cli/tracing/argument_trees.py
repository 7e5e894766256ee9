"""Reads arguments of a program: numbers, arrays, dicts, lists, objects of these. Gives their arrays by name.

An array of a dict has the name of its key, an attribute its own name, one of a list the name of the argument
with its place; where two would have one name, each has that of what holds it before it, or a number behind
it. The W of two arguments enc and dec are enc_W and dec_W.
"""

from __future__ import annotations

import copy
import inspect
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array

__all__ = [
    "Identities", "arrays_by_name", "holders", "is_float", "is_object", "leaves_by_argument", "map_arguments",
    "map_arrays", "parameters_of",
]  # fmt: skip

Path = tuple[Any, ...]
_LIBRARIES = ("gradcheck_cli", "numpy", "jax", "jaxlib", "torch")  # also where they lie in no site-packages


class Identities:
    """Values by the object that they belong to, whatever it is equal to; for few objects."""

    def __init__(self) -> None:
        self._pairs: list[tuple[Any, Any]] = []

    def get(self, key: Any, default: Any) -> Any:
        """The value of an object."""
        return next((value for held, value in self._pairs if held is key), default)

    def put(self, key: Any, value: Any) -> None:
        """Keep the first value of an object."""
        if not any(held is key for held, _ in self._pairs):
            self._pairs.append((key, value))


def is_float(value: Any) -> bool:
    """Whether an argument is a float, an array of floats, a dict or list of such, an object with some."""
    if isinstance(value, dict | list | tuple):
        parts = value.values() if isinstance(value, dict) else value
        return bool(value) and all(map(is_float, parts))
    if is_object(value):
        return any(True for _ in _walk("", "", value, ()))
    return _is_number(value)


def is_object(value: Any) -> bool:
    """Whether a value is an object of a class of the program, and none of an installed library."""
    kind = type(value)
    if kind.__name__ == "SimpleNamespace":
        return True
    top = kind.__module__.partition(".")[0]
    if top in sys.builtin_module_names or top in sys.stdlib_module_names or top in _LIBRARIES:
        return False
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
    return "-packages" not in file and isinstance(getattr(value, "__dict__", None), dict)


def map_arrays(name: str, value: Any, function: Callable[[str, Array], Any]) -> Any:
    """An argument with other values in place of its floats, and copies of all else.

    Parameters
    ----------
    name : of the argument
    value : the argument
    function : of the name of an array and its values, float64

    Returns
    -------
    A dict, list, tuple or object like the argument, or what the function gives.
    """
    return _Mapped(_names(name, value), function)(value, ())


def map_arguments(
    arguments: Mapping[str, Any], function: Callable[[str, Array], Any], only: Collection[str] | None = None
) -> dict[str, Any]:
    """Arguments with other values in place of their floats, and copies of all else.

    Parameters
    ----------
    arguments : by name
    function : of the name of an array and its values, float64
    only : arguments that hold none of these arrays stay as they are; None, if all are copied

    Returns
    -------
    dict
        Arguments by name.
    """
    names = _all_names(arguments)
    kept = () if only is None else [k for k in arguments if set(only).isdisjoint(names[k].values())]
    return {
        name: value if name in kept else _Mapped(names[name], function)(value, ())
        for name, value in arguments.items()
    }


def leaves_by_argument(
    arguments: Mapping[str, Any], among: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """The floats of each argument by name, as they are held: arrays are not copied.

    Parameters
    ----------
    arguments : by name
    among
        All arguments that the names tell apart, where these are some of them, or were changed since; what was
        not in them has no name

    Returns
    -------
    dict of dicts
    """
    names = _all_names(arguments if among is None else among)
    found: dict[str, dict[str, Any]] = {name: {} for name in arguments}
    for name, value in arguments.items():
        for path, _, _, held in _walk(name, name, value, ()):
            if path in names.get(name, ()):
                found[name].setdefault(names[name][path], held)
    return found


def arrays_by_name(arguments: Mapping[str, Any], among: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The floats of all arguments by name, as they are held; `among` as of leaves_by_argument."""
    inside = leaves_by_argument(arguments, among).values()
    return {leaf: held for leaves in inside for leaf, held in leaves.items()}


def parameters_of(value: Any, leaves: Mapping[str, Any]) -> list[str]:
    """The names of the floats of an argument that are parameters unless something else is said: of an object
    not the single numbers that it is built with, its settings."""
    if not is_object(value):
        return list(leaves)
    try:
        built = inspect.signature(type(value)).parameters
    except (TypeError, ValueError):
        return list(leaves)
    return [leaf for leaf, held in leaves.items() if leaf not in built or isinstance(held, np.ndarray)]


def holders(value: Any) -> Iterator[Any]:
    """The dicts and objects in an argument that hold something by name, the outermost first."""
    seen, stack = Identities(), [value]
    while stack:
        held = stack.pop(0)
        if isinstance(held, dict) or is_object(held):
            if seen.get(held, False):
                continue
            seen.put(held, True)
            yield held
        stack.extend(part for _, part in _parts(held))


class _Mapped:
    """Copies an argument with other values for its floats; what is held twice stays one."""

    def __init__(self, names: dict[Path, str], function: Callable[[str, Array], Any]) -> None:
        self.names, self.function = names, function
        self.memo: dict[int, Any] = {}
        self.objects = Identities()
        self.of_name: dict[str, Any] = {}

    def __call__(self, value: Any, path: Path) -> Any:
        if path in self.names:
            name = self.names[path]
            if name not in self.of_name:
                self.of_name[name] = self.function(name, np.array(value, dtype=float))
            return self.of_name[name]
        if isinstance(value, dict):
            return {key: self(each, (*path, key)) for key, each in value.items()}
        if isinstance(value, list | tuple) and any(p[: len(path)] == path for p in self.names):
            parts = [self(each, (*path, k)) for k, each in enumerate(value)]
            make: Callable[[Any], Any] = getattr(type(value), "_make", type(value))
            return make(parts)
        return self._object(value, path) if is_object(value) else copy.deepcopy(value, self.memo)

    def _object(self, value: Any, path: Path) -> Any:
        found = self.objects.get(value, None)
        if found is None:
            found = copy.copy(value)
            self.objects.put(value, found)
            found.__dict__.update({key: self(each, (*path, key)) for key, each in vars(value).items()})
        return found


def _all_names(arguments: Mapping[str, Any]) -> dict[str, dict[Path, str]]:
    """The name of each float of each argument: that of an array that is an argument is its own."""
    inside = {name: _names(name, value) for name, value in arguments.items()}
    times = Counter(leaf for names in inside.values() for leaf in set(names.values()))
    ways: dict[Path, str] = {}  # one for each array: of what is held twice the first
    first: dict[tuple[str, str], Path] = {}
    for name, names in inside.items():
        for path, leaf in names.items():
            way = first.setdefault((name, leaf), (name, *path))
            ways[way] = leaf if times[leaf] == 1 or not path else re.sub(r"\W", "_", f"{name}_{leaf}")
    ways = _distinct(ways)
    return {
        name: {path: ways[first[name, leaf]] for path, leaf in names.items()}
        for name, names in inside.items()
    }


def _names(name: str, value: Any) -> dict[Path, str]:
    """The name of each float, and of an array that objects hold twice one name."""
    walked = list(_walk(name, name, value, ()))
    own, first = {path: path for path, _, _, _ in walked}, Identities()
    if any(is_object(each) for each in holders(value)):
        for path, _, _, held in walked:
            if isinstance(held, np.ndarray):
                own[path] = first.get(held, path)
                first.put(held, own[path])
    walked = [each for each in walked if own[each[0]] == each[0]]
    once = Counter(short for _, short, _, _ in walked)
    named = _distinct({path: short if once[short] == 1 else long for path, short, long, _ in walked})
    return {path: named[own[path]] for path in own}


def _distinct(names: dict[Path, str]) -> dict[Path, str]:
    """The names, with _2, _3 and so on where another has one first: a key before what is made of keys."""
    taken, found = set(names.values()), dict(names)
    of: dict[str, list[Path]] = {}
    for path, name in names.items():
        of.setdefault(name, []).append(path)
    for name, paths in of.items():
        for path in sorted(paths, key=lambda path: path[-1:] != (name,))[1:]:
            found[path] = next(n for k in count(2) if (n := f"{name}_{k}") not in taken)
            taken.add(found[path])
    return found


def _walk(short: str, long: str, value: Any, path: Path) -> Iterator[tuple[Path, str, str, Any]]:
    """The floats: the way to each, its name, a longer name, and what it is."""
    yield from _walk_on(short, long, value, path, Identities())


def _walk_on(
    short: str, long: str, value: Any, path: Path, seen: Identities
) -> Iterator[tuple[Path, str, str, Any]]:
    if _is_number(value):
        yield path, short, long, value
        return
    if isinstance(value, list | tuple) and not (is_float(value) or any(map(is_object, value))):
        return
    if is_object(value):
        if seen.get(value, False):
            return
        seen.put(value, True)
    for key, each in _parts(value):
        ordinal = isinstance(key, int) and not isinstance(value, dict)
        inner = _counted(short, key) if ordinal else _name(short, key)
        outer = _counted(long, key) if ordinal else re.sub(r"\W", "_", f"{long}_{key}" if path else f"{key}")
        yield from _walk_on(inner, outer, each, (*path, key), seen)


def _parts(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    return list(vars(value).items()) if is_object(value) else []


def _is_number(value: Any) -> bool:
    is_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return is_array or isinstance(value, float | np.floating)


def _counted(name: str, number: int) -> str:
    """One of a list: layers1, layers1_0."""
    return f"{name}_{number}" if name[-1:].isdigit() else f"{name}{number}"


def _name(name: str, key: Any) -> str:
    return key if isinstance(key, str) and key.isidentifier() else re.sub(r"\W", "_", f"{name}_{key}")
