"""Reads what a gradient function returns. Gives the gradients by the names of the loss's arguments.

Conventions as they are found: one array, a flat vector, a tuple in the order of the arguments, a dict, and
(loss, gradient) from one function. Knows nothing of traces.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.tracing import TRACING
from gradcheck_cli.tracing.argument_trees import (
    Identities,
    is_float,
    is_object,
    leaves_by_argument,
    parameters_of,
)  # fmt: skip
from gradcheck_cli.tracing.frameworks.framework import leaves
from gradcheck_cli.tracing.gradient_names import parameter_of
from gradcheck_cli.tracing.programs import Program

__all__ = ["Sightings", "gradients_by_name", "is_number"]

_REAL = "fiub"  # kinds of dtypes
_WAY_OUT = "--wrt A,B names the arguments of the loss that it differentiates by, in the order of its arrays"


class Sightings:
    """The line after which a variable held what it holds: where it was assigned, or changed last."""

    def __init__(self) -> None:
        self._held: dict[str, list[tuple[Any, tuple[str, int], Any]]] = {}
        self._last = ("", 1)
        self._same = Identities()

    def __call__(self, name: str, held: Any, file: str, line: int) -> None:
        """Look at a variable; the empty name is what a function returns."""
        self._last = (file, line)
        for part, each in _parts(name, held) if name else ():
            content, known = _content(each), self._held.setdefault(part, [])
            if not any(other is each and before == content for other, _, before in known):
                others = (k for k in known if k[0] is not each)
                known[:] = [(each, (file, line), content), *others][: TRACING.kept_values]

    def know(self, result: Any, plain: Any) -> None:
        """What was returned, and the same as NumPy's arrays."""
        for array, other in zip(leaves(plain), leaves(result), strict=True):
            self._same.put(array, other)

    def place(self, array: Any) -> tuple[str, int]:
        """File and line of an array that was returned; of one that no variable held, of the return."""
        array = self._same.get(array, array)
        content = _content(array)
        places = (place for known in self._held.values() for held, place, before in known
                  if held is array and before == content)  # fmt: skip
        return next(places, self._last)

    def last_place(self, array: Any) -> tuple[str, int]:
        """The same of an array that had other names before, as dx = g of an argument g."""
        held = (known for known in reversed(self._held.values()))
        return next((place for known in held for each, place, _ in known if each is array), self._last)


def _parts(name: str, held: Any, deep: int = TRACING.deep) -> list[tuple[str, Any]]:
    """A variable, or the entries of a dict or list, or the attributes of an object."""
    if isinstance(held, dict):
        parts = (_parts(f"{name}[{key}]", each, deep - 1) for key, each in held.items()) if deep else ()
        return [part for some in parts for part in some]
    if type(held) in (list, tuple):
        parts = (_parts(f"{name}[{k}]", each, deep - 1) for k, each in enumerate(held)) if deep else ()
        return [part for some in parts for part in some]
    if deep and is_object(held):
        parts = (_parts(f"{name}.{key}", each, deep - 1) for key, each in vars(held).items())
        return [part for some in parts for part in some]
    return [(name, held)]


def _content(value: Any) -> Any:
    """What tells whether an array was changed in place."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        return None
    with np.errstate(all="ignore"):
        return float(value.sum(dtype=float)), float(np.abs(value).sum(dtype=float))


def gradients_by_name(
    program: Program, result: Any, arguments: Mapping[str, Any], wanted: Sequence[str], loss: float
) -> dict[str, Any]:
    """The gradients that a function returned.

    Parameters
    ----------
    program : the function, for messages
    result : what it returned
    arguments : of the loss, by name
    wanted : the arguments that are parameters, in their order; none, if the result decides
    loss : the value of the loss; a result that begins with it is (loss, gradient)

    Returns
    -------
    dict of arrays
        By the names of the arguments' arrays; as they were returned, if they are arrays.

    Raises
    ------
    OptionError
        If nothing tells which array belongs to which argument.
    """
    result = _without_loss(result, loss)
    leaves = _leaves(arguments, wanted)
    if isinstance(result, dict) and not any(isinstance(part, dict | list) for part in result.values()):
        found = _of_dict(program, result, leaves)
    else:
        parts = _numeric(program, _flattened(result))
        found = _in_order(program, parts, leaves) if wanted else _found(program, parts, arguments, leaves)
    return {name: _array(program, name, part) for name, part in found.items()}


def _found(
    program: Program, parts: list[Any], arguments: Mapping[str, Any], leaves: Mapping[str, Array]
) -> dict[str, Any]:
    """By shape, of what an object holds before any other argument."""
    held = {name: value for name, value in arguments.items() if is_object(value)}
    with contextlib.suppress(OptionError):
        if held:
            return _by_shape(program, parts, _leaves(held, (), arguments))
    return _by_shape(program, parts, leaves)


def _leaves(
    arguments: Mapping[str, Any], wanted: Sequence[str], among: Mapping[str, Any] | None = None
) -> dict[str, Array]:
    """The arrays that are parameters: of the arguments that are wanted, or those of these names."""
    leaves: dict[str, Any] = {}
    inside = leaves_by_argument(arguments, among)
    for name in wanted or [name for name, value in arguments.items() if is_float(value)]:
        leaf = next((each[name] for each in inside.values() if name in each), None)
        if name not in inside and leaf is None:
            known = dict.fromkeys((*arguments, *(leaf for each in inside.values() for leaf in each)))
            raise OptionError(f"there is no argument {name}", help=f"there are {', '.join(known)}")
        own = inside.get(name, {})
        kept = list(own) if wanted else parameters_of(arguments.get(name), own)
        leaves |= {name: leaf} if leaf is not None else {each: own[each] for each in kept}
    return {name: np.array(leaf, dtype=float) for name, leaf in leaves.items()}


def _without_loss(result: Any, loss: float) -> Any:
    """The gradients of (loss, gradient) or (loss, gradient, gradient)."""
    if not isinstance(result, list | tuple) or len(result) < 2 or isinstance(result[0], list | tuple | dict):
        return result
    if not is_number(result[0]) or not np.isclose(float(np.ravel(result[0])[0]), loss, TRACING.same_loss, 0):
        return result
    return result[1] if len(result) == 2 else result[1:]


def is_number(value: Any) -> bool:
    """Whether a result may be a loss: a number, or an array of one."""
    return np.size(value) == 1 and np.asarray(value).dtype.kind in _REAL


def _flattened(result: Any) -> list[Any]:
    """The arrays and numbers of nested lists and dicts, in their order."""
    if isinstance(result, dict):
        return [part for each in result.values() for part in _flattened(each)]
    if not isinstance(result, list | tuple):
        return [result]
    return [part for each in result for part in _flattened(each)]


def _numeric(program: Program, parts: list[Any]) -> list[Any]:
    """The parts of what was returned, which are arrays and numbers."""
    if not parts:
        raise OptionError(f"{program.name} returns no array")
    for part in parts:
        if np.asarray(part).dtype.kind not in (*_REAL, "c"):  # of what argument is complex is said later
            what = "None" if part is None else f"a value of type {type(part).__name__}"
            help = "where the loss does not depend on an argument it is zero" if part is None else None
            message = f"{program.name} returns {what}, and a gradient is an array of numbers"
            raise OptionError(message, help=help)
    return parts


def _in_order(program: Program, parts: list[Any], leaves: Mapping[str, Array]) -> dict[str, Any]:
    """One array for each parameter, in their order; or one flat array of all."""
    for given in _forms(parts):
        if len(given) == len(leaves):
            return dict(zip(leaves, given, strict=True))
        if len(given) == 1 and (flat := _of_flat(given[0], leaves)) is not None:
            return flat
    arrays = "an array" if len(parts) == 1 else f"{len(parts)} arrays"
    known = f"{', '.join(leaves)} {'is a parameter' if len(leaves) == 1 else 'are parameters'}"
    raise OptionError(f"{program.name} returns {arrays}, and {known}", help=_WAY_OUT)


def _by_shape(program: Program, parts: list[Any], leaves: Mapping[str, Array]) -> dict[str, Any]:
    """The first arguments, if their shapes are those of the arrays; else the only ones whose shapes are. Then
    the same without axes of length 1, then by numbers of entries: a transpose is a mistake to be told."""
    for key in (np.shape, _lengths, np.size):
        for given in _forms(parts):
            if (found := _by_key(given, leaves, key)) is not None:
                return found
    for count in range(2, len(leaves) + 1):  # the first so many arguments, one after the other
        first = dict(list(leaves.items())[:count])
        for given in _forms(parts):
            if len(given) == 1 and (flat := _of_flat(given[0], first)) is not None:
                return flat
    if len(leaves) == len(parts) == 1:
        return dict(zip(leaves, parts, strict=True))
    shapes = ", ".join(str(list(np.shape(part))) for part in parts)
    message = f"{program.name} returns arrays of the shapes {shapes}, and nothing tells of what"
    raise OptionError(message, help=_WAY_OUT)


def _by_key(
    given: list[Any], leaves: Mapping[str, Array], key: Callable[[Any], Any]
) -> dict[str, Any] | None:
    """The first arguments that are like the arrays, or the only ones that are."""
    wanted = [key(part) for part in given]
    first = list(leaves)[: len(given)]
    if [key(leaves[name]) for name in first] == wanted:
        return dict(zip(first, given, strict=True))
    alike = [[name for name, leaf in leaves.items() if key(leaf) == each] for each in wanted]
    names = [each[0] for each in alike if len(each) == 1]
    return dict(zip(names, given, strict=True)) if len(set(names)) == len(given) else None


def _lengths(array: Any) -> tuple[int, ...]:
    """A shape without axes of length 1."""
    return tuple(n for n in np.shape(array) if n != 1)


def _forms(parts: list[Any]) -> list[list[Any]]:
    """The arrays; and single numbers as one vector, too."""
    numbers = len(parts) > 1 and all(np.ndim(part) == 0 for part in parts)
    return [parts, [np.array(parts)]] if numbers else [parts]


def _of_dict(program: Program, result: Mapping[Any, Any], leaves: Mapping[str, Array]) -> dict[str, Any]:
    """By the names of the arguments, also where a d or grad stands before or behind them."""
    found = {}
    for key, part in result.items():
        name = next((each for each in parameter_of(str(key)) if each in leaves), None)
        if name is None:
            message = f"{program.name} returns {key}, which is no parameter"
            raise OptionError(message, help=f"there are {', '.join(leaves)}")
        found[name] = part
    return found


def _of_flat(result: Any, leaves: Mapping[str, Array]) -> dict[str, Array] | None:
    """One array of all entries, one argument after the other; None of any other."""
    flat = np.asarray(result)
    total = sum(array.size for array in leaves.values())
    if len(leaves) < 2 or flat.ndim != 1 or flat.size != total:
        return None
    ends = np.cumsum([array.size for array in leaves.values()])
    parts = np.split(flat, ends[:-1])
    named = zip(leaves.items(), parts, strict=True)
    return {name: part.reshape(leaf.shape) for (name, leaf), part in named}


def _array(program: Program, name: str, part: Any) -> Array:
    """A gradient as numbers that can be compared."""
    try:
        found = np.asarray(part)
    except ValueError:
        found = np.asarray(part, dtype=object)
    if found.dtype.kind not in _REAL:
        kind = f"an array of {found.dtype.name}" if isinstance(part, np.ndarray) else type(part).__name__
        raise OptionError(f"{program.name} returns {kind} for {name}, and a gradient is an array of numbers")
    bad = np.argwhere(~np.isfinite(found.astype(float)))
    if len(bad):
        at = f"{name}[{','.join(map(str, bad[0]))}]" if found.ndim else name
        raise OptionError(f"the gradient that {program.name} returns is {found[tuple(bad[0])]} for {at}")
    return found
