"""Reads an argument of a program: a number, array, a dict, list, object of these. Gives its arrays by name.

An array of a dict has the name of its key, an attribute its own name, one of a list the name of the argument
with its place; where two would have one name, each has that of what holds it before it, or a number behind it.
"""

from __future__ import annotations

import copy
import inspect
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array

__all__ = [
    "Identities", "holders", "is_float", "is_object", "leaves_of", "map_arrays", "named_arrays",
    "parameters_of",
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


def named_arrays(name: str, value: Any) -> dict[str, Array]:
    """The floats of an argument by name.

    Parameters
    ----------
    name : of the argument
    value : the argument

    Returns
    -------
    dict of float64 arrays
    """
    return {leaf: np.array(held, dtype=float) for leaf, held in leaves_of(name, value).items()}


def leaves_of(name: str, value: Any) -> dict[str, Any]:
    """The floats of an argument by name, as they are held: arrays are not copied."""
    names = _names(name, value)
    found: dict[str, Any] = {}
    for path, _, _, held in _walk(name, name, value, ()):
        found.setdefault(names[path], held)
    return found


def parameters_of(name: str, value: Any) -> list[str]:
    """The names of the floats that are parameters unless something else is said: of an object not the single
    numbers that it is built with, its settings."""
    leaves = leaves_of(name, value)
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
        inner = f"{short}{key}" if ordinal else _name(short, key)
        outer = f"{long}{key}" if ordinal else re.sub(r"\W", "_", f"{long}_{key}" if path else f"{key}")
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


def _name(name: str, key: Any) -> str:
    return key if isinstance(key, str) and key.isidentifier() else re.sub(r"\W", "_", f"{name}_{key}")
