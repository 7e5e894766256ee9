"""Reads a function that is there, as a test has it. Gives it as a program: its file, its module, its object.

Nothing is imported anew: what the test has changed stays changed.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import os
import sys
from collections.abc import Callable, Mapping
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
    inner = inspect.unwrap(function)
    if not isinstance(inner, MethodType) and not inspect.isroutine(inner) and not isinstance(inner, type):
        inner = MethodType(type(inner).__call__, inner)
    instance = inner.__self__ if isinstance(inner, MethodType) else None
    plain = inner.__func__ if isinstance(inner, MethodType) else inner
    name = getattr(plain, "__qualname__", repr(plain)).rpartition("<locals>.")[2]
    module = sys.modules.get(getattr(plain, "__module__", None) or "")
    code = getattr(plain, "__code__", None)
    if module is None or code is None or not os.path.isfile(getattr(module, "__file__", None) or ""):
        raise OptionError(
            f"{name} is not written in a file of Python", help="its lines could not be named: put it in one"
        )
    if beside is not None and instance is not beside.instance:
        instance = None
    called = plain if instance is not None else function if inner is function else _in_order(function, plain)
    folder = Path(str(module.__file__)).resolve().parent
    file = as_typed(code.co_filename)
    named = framework or _framework_named(code, vars(module))
    written_with = beside.framework if beside else framework_of(Path(file), named)
    return Program(file, name, called, module, instance, folder, written_with)


def _in_order(function: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """A wrapper that is called with the arguments in their order, as jax.grad(loss) wants them."""
    by_order = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in inspect.signature(plain).parameters.values() if p.kind in by_order]

    @functools.wraps(plain)
    def call(**given: Any) -> Any:
        first = [given.pop(name) for name in itertools.takewhile(given.__contains__, names)]
        return function(*first, **given)

    return call


def _framework_named(code: CodeType, names: Mapping[str, Any]) -> str:
    """The framework of the first module, function or class of one that the code uses by name; else NumPy."""
    inside = [code, *(each for each in code.co_consts if isinstance(each, CodeType))]
    used = (names[name] for each in inside for name in each.co_names if name in names)
    homes = (getattr(held, "__name__" if isinstance(held, ModuleType) else "__module__", "") for held in used)
    first = (str(home).partition(".")[0] for home in homes)
    return next((name for name in first if name in ("jax", "torch")), "numpy")
