"""Reads a program whose parameters are globals of its file. Gives it with arguments in their place.

Knows nothing of arrays that record.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.tracing.argument_trees import is_float

if TYPE_CHECKING:
    from gradcheck_cli.tracing.programs import Program

__all__ = ["all_globals_read", "globals_read", "with_globals"]


def globals_read(program: Program) -> dict[str, Any]:
    """The floats among the globals that a function reads, itself or in functions of its file.

    Parameters
    ----------
    program : whose function is read, not called

    Returns
    -------
    dict
        Arrays, and dicts and lists of arrays, by name; in the order in which the file defines them.
    """
    return {name: value for name, value in all_globals_read(program.function).items() if _is_parameter(value)}


def all_globals_read(function: Callable[..., Any]) -> dict[str, Any]:
    """All globals that a function reads, itself or in functions of its file, as the file defines them."""
    held: Mapping[str, Any] = getattr(function, "__globals__", {})
    read: set[str] = set()
    functions: list[Any] = [function]
    while functions:
        code = getattr(functions.pop(), "__code__", None)
        names = _names_in(code) - read if code else set()
        read |= names
        functions += [held[name] for name in names if isinstance(held.get(name), FunctionType)]
    return {name: value for name, value in held.items() if name in read}


def _is_parameter(value: Any) -> bool:
    return is_float(value) and not isinstance(value, float | np.floating)


def _names_in(code: CodeType) -> set[str]:
    inner = (part for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*map(_names_in, inner))


def with_globals(program: Program, names: Collection[str]) -> Program:
    """The program with some globals as further arguments.

    Parameters
    ----------
    program : its function reads the globals
    names : of the globals; those that its file has not are left out

    Returns
    -------
    Program
        Its function sets the globals while it runs, and puts back what they held.
    """
    held = getattr(program.function, "__globals__", {})
    known = [name for name in names if name in held]
    return replace(program, function=_setting(program.function, known)) if known else program


def _keep(array: Any, now: Any) -> None:
    """What a function that assigns a global anew, w = w - lr*g, made of it, in the array that it had."""
    both = type(array) is np.ndarray and type(now) is np.ndarray
    if both and now is not array and now.shape == array.shape:
        array[...] = now


def _setting(function: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    held = function.__globals__

    def call(*args: Any, **given: Any) -> Any:
        before = {name: held[name] for name in names}
        own = {name: given.pop(name) for name in names if name in given}
        held.update(own)
        try:
            return function(*args, **given)
        finally:
            for name, array in own.items():
                _keep(array, held[name])
            held.update(before)

    call.__wrapped__ = function  # type: ignore[attr-defined]
    own = inspect.signature(function)
    extra = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=held[name]) for name in names]
    parts = list(own.parameters.values())
    last = next((k for k, p in enumerate(parts) if p.kind is p.VAR_KEYWORD), len(parts))
    call.__signature__ = own.replace(parameters=[*parts[:last], *extra, *parts[last:]])  # type: ignore[attr-defined]
    return call
