"""Reads what a gradient function returns. Gives the gradients by the names of the loss's arguments.

Conventions as they are found: one array, a flat vector, a tuple in the order of the arguments, a dict, and
(loss, gradient) from one function. Knows nothing of traces.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.tracing import TRACING
from gradcheck_cli.tracing.argument_trees import is_float, named_arrays
from gradcheck_cli.tracing.programs import Program
from gradcheck_cli.tracing.recording import watching

__all__ = ["Sightings", "call", "gradients_by_name"]


def call(program: Program, arguments: Mapping[str, Any]) -> tuple[Any, Sightings]:
    """What a function returns of those arguments that it takes, copied.

    Parameters
    ----------
    program : whose function is called
    arguments : by name

    Returns
    -------
    result
        What it returns.
    seen
        At which of its lines each array came to be.

    Raises
    ------
    OptionError
        If it needs one that is not given.
    ProgramError
        If it raises an error.
    """
    parameters = inspect.signature(program.function).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    given = {name: value for name, value in arguments.items() if takes_all or name in parameters}
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    for name, p in parameters.items():
        if name not in given and p.default is p.empty and p.kind not in kinds:
            message = f"{program.name} takes {name}, which is no argument of the loss"
            raise OptionError(message, help=f"it has {', '.join(arguments)}")
    seen = Sightings()
    with program.errors(), np.errstate(all="ignore"), watching(program.files, seen):
        result = program.function(**copy.deepcopy(given))
    return result, seen


class Sightings:
    """The line at which a variable was first seen to hold what it holds."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Any, tuple[str, int]]] = {}
        self._last = ("", 1)

    def __call__(self, name: str, held: Any, file: str, line: int) -> None:
        """Look at a variable; the empty name is what a function returns."""
        self._last = (file, line)
        for part, each in _parts(name, held) if name else ():
            if part not in self._held or self._held[part][0] is not each:
                self._held[part] = (each, (file, line))

    def place(self, array: Any) -> tuple[str, int]:
        """File and line of an array that was returned; of one that no variable held, of the return."""
        return next((place for held, place in self._held.values() if held is array), self._last)


def _parts(name: str, held: Any) -> list[tuple[str, Any]]:
    """A variable, or the entries of a dict or list."""
    if isinstance(held, dict):
        return [(f"{name}[{key}]", each) for key, each in held.items()]
    if type(held) in (list, tuple):
        return [(f"{name}[{k}]", each) for k, each in enumerate(held)]
    return [(name, held)]


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
    names = list(wanted) or [name for name, value in arguments.items() if is_float(value)]
    leaves: dict[str, Array] = {}
    for name in names:
        leaves |= named_arrays(name, arguments[name])
    if isinstance(result, dict):
        return _of_dict(program, result, leaves)
    parts = list(result) if isinstance(result, list | tuple) else [result]
    if len(parts) == 1 and (flat := _of_flat(parts[0], leaves)) is not None:
        return flat
    if len(parts) > len(leaves) or (wanted and len(parts) != len(leaves)):
        known = ", ".join(leaves)
        raise OptionError(
            f"{program.name} returns {len(parts)} arrays, and there are {len(leaves)} parameters: {known}",
            help="--wrt A,B names those that it returns, in their order",
        )
    return {name: _array(program, part) for name, part in zip(leaves, parts, strict=False)}


def _without_loss(result: Any, loss: float) -> Any:
    """The gradients of (loss, gradient) or (loss, gradient, gradient)."""
    if not isinstance(result, list | tuple) or len(result) < 2 or np.size(result[0]) != 1:
        return result
    first = np.asarray(result[0], dtype=float).reshape(())
    if not np.isclose(first, loss, rtol=TRACING.same_loss, atol=0):
        return result
    return result[1] if len(result) == 2 else result[1:]


def _of_dict(program: Program, result: Mapping[Any, Any], leaves: Mapping[str, Array]) -> dict[str, Array]:
    """By the names of the arguments, also where a d or grad stands before or behind them."""
    found = {}
    for key, part in result.items():
        spelled = [str(key), *(str(key).removeprefix(p) for p in ("d_", "d", "grad_", "g_"))]
        spelled += [str(key).removesuffix(s) for s in ("_grad", "_gradient")]
        name = next((s for s in spelled if s in leaves), None)
        if name is None:
            message = f"{program.name} returns {key}, which is no parameter"
            raise OptionError(message, help=f"there are {', '.join(leaves)}")
        found[name] = _array(program, part)
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


def _array(program: Program, part: Any) -> Array:
    found = np.asarray(part)
    if found.dtype.kind not in "fiub":
        kind = type(part).__name__
        raise OptionError(f"{program.name} returns {kind}, and a gradient is an array of numbers")
    return found
