"""Reads a function that is there, as a test has it. Gives it as a program: its file, its module, its object.

Nothing is imported anew: what the test has changed stays changed.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import CodeType, MethodType, ModuleType
from typing import Any

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.common.shown_paths import as_typed
from gradcheck_cli.tracing.frameworks.choice import framework_of
from gradcheck_cli.tracing.programs import Program

__all__ = ["program_of"]


def program_of(
    function: Callable[..., Any], beside: Program | None = None, framework: str | None = None
) -> Program:
    """A function, a method of an object, or an object that is called, as a program.

    Parameters
    ----------
    function
        As it is; wrappers that name what they wrap, as functools.wraps does, are called, too.
    beside
        The loss, if this is its gradient: a method of its object shares that, one of another keeps its own.
    framework
        "numpy", "jax" or "torch"; that of `beside`, or the one that the function names, if it is None: a test
        imports many.

    Returns
    -------
    Program

    Raises
    ------
    OptionError
        It is not written in a file, as a function of C, or one that was typed.
    """
    plain, own = _written(function)
    module, code = _home(plain)
    instance = own if beside is None or own is beside.instance else None
    called = function if instance is None else plain
    file = as_typed(code.co_filename)
    named = framework or _framework_named(code, vars(module))
    written_with = beside.framework if beside else framework_of(Path(file), named)
    folder = Path(str(module.__file__)).resolve().parent
    found = Program(file, _name(plain), called, module, instance, folder, written_with)
    return replace(found, seconds=beside.seconds) if beside else found


def _written(function: Callable[..., Any]) -> tuple[Callable[..., Any], Any]:
    """The function as it was written, under its wrappers, and the object that it is bound to."""
    inner: Any = inspect.unwrap(function)
    if not isinstance(inner, MethodType | type) and not inspect.isroutine(inner):
        inner = MethodType(type(inner).__call__, inner)
    return (inner.__func__, inner.__self__) if isinstance(inner, MethodType) else (inner, None)


def _home(plain: Callable[..., Any]) -> tuple[ModuleType, CodeType]:
    """The module of a function, which has a file, and its code. Raises OptionError."""
    module = sys.modules.get(getattr(plain, "__module__", None) or "")
    code = getattr(plain, "__code__", None)
    if module is None or code is None or not os.path.isfile(getattr(module, "__file__", None) or ""):
        message = f"{_name(plain)} is not written in a file of Python"
        raise OptionError(message, help="its lines could not be named: put it in one")
    return module, code


def _name(plain: Callable[..., Any]) -> str:
    return getattr(plain, "__qualname__", repr(plain)).rpartition("<locals>.")[2]


def _framework_named(code: CodeType, names: Mapping[str, Any]) -> str:
    """The framework of the first module, function or class of one that the code uses by name; else NumPy."""
    inside = [code, *(each for each in code.co_consts if isinstance(each, CodeType))]
    used = (_library(names[name]) for each in inside for name in each.co_names if name in names)
    return next((library for library in used if library in ("jax", "torch")), "numpy")


def _library(held: Any) -> str:
    """The library that something is of, or that a module is in."""
    home = held.__name__ if isinstance(held, ModuleType) else getattr(held, "__module__", None)
    return str(home).partition(".")[0]
