"""Reads the name of a function. Gives the gradient that it returns, or that torch or jax takes of its loss.

The function runs in this process, because it was named on the command line. Knows nothing of models.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gradcheck_cli.against.autograd import as_tensors, differentiate, is_scalar_of, library_of, plain
from gradcheck_cli.against.elsewhere import Asked, ElsewhereError, Numbers
from gradcheck_cli.common.errors import GradcheckError, OptionError, plural
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.against import AGAINST
from gradcheck_cli.numerics.limits.checking import CHECKING
from gradcheck_cli.tracing.argument_trees import arrays_by_name
from gradcheck_cli.tracing.program_gradients import gradients_by_name, is_number
from gradcheck_cli.tracing.programs import Program, failure, load_program
from gradcheck_cli.tracing.time_limit import within

__all__ = ["Returned", "gradient_of_function", "load_function"]

_WAY_OUT = "a NumPy function returns its gradient: a dict by name, or arrays in the order of the parameters"


class Returned(NamedTuple):
    """Gradients by name, the loss beside them, and what is to be said of how they were computed."""

    gradient: dict[str, Numbers]
    loss: float | None
    notes: tuple[str, ...] = ()


def load_function(named: str, seconds: float | None = None) -> Program:
    """The function that FILE.py:FUNCTION or module:function names. Raises GradcheckError."""
    file, _, name = named.rpartition(":")
    if file.endswith(".py"):
        return load_program(named, seconds=seconds)
    seconds = AGAINST.seconds if seconds is None else seconds
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        with within(seconds, f"{file} was not imported"):
            module: Any = importlib.import_module(file)
        function: Any = module
        for part in name.split("."):
            function = getattr(function, part)
    except AttributeError:
        raise OptionError(f"{file} has no function {name}") from None
    except GradcheckError:
        raise
    except (Exception, SystemExit) as error:
        raise failure(error, set(), f"{file} could not be imported:") from None
    finally:
        with contextlib.suppress(ValueError):  # a module may change the path
            sys.path.remove(folder)
    if not callable(function):
        raise OptionError(f"{named} is no function")
    place = Path(getattr(module, "__file__", None) or file)
    return Program(str(place), name, function, module, folder=place.parent, seconds=seconds)


def gradient_of_function(named: str, asked: Asked) -> Returned:
    """The gradients by name. Raises GradcheckError."""
    program = load_function(named, asked.seconds)
    with program.framework.own_precision():
        return _gradient_of(program, named, asked)


def _gradient_of(program: Program, named: str, asked: Asked) -> Returned:
    given = _arguments(program, asked)
    result = _result(program, given, asked.loss)
    library = library_of(result)
    if library and is_scalar_of(result, asked.loss, len(given.parameters)):
        with program.errors(), _quiet():
            value, gradients = differentiate(
                library, lambda **moved: _apply(program, moved), given.arguments, given.parameters
            )
        notes, kind = _on_precision(library, program.name, value), np.asarray(value).dtype.name
        return _returned(named, asked, gradients, float(value), notes, kind)
    result = plain(result)
    loss, result = _without_loss(result, asked, given.parameters)
    if loss is None and _is_scalar(result) and _is_loss(result, asked):
        message = f"{program.name} returns its loss, {float(result):.6g}, and no gradient"
        raise ElsewhereError(message, help=_WAY_OUT)
    found = gradients_by_name(program, result, given.arguments, tuple(given.parameters), asked.loss)
    kinds = (np.asarray(part).dtype.name for part in found.values())
    narrow = min(kinds, key=_bits, default="float64")
    notes = _on_precision(library, program.name, np.zeros((), narrow)) if library else ()
    return _returned(named, asked, found, loss, notes)


class _Given(NamedTuple):
    """The arguments of a function, and the arrays among them that it differentiates by."""

    arguments: dict[str, Any]
    parameters: Mapping[str, Any]


def _arguments(program: Program, asked: Asked) -> _Given:
    """Those of its arguments that are given; or one dict, or one vector."""
    known = program.parameters
    first = next((name for name, p in known.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)), None)
    given = {n: v for n, v in asked.arguments.items() if program.takes_all or n in known}
    if asked.flat:
        if first is None:
            raise OptionError(f"{program.name} takes no argument, and --flat gives it one vector")
        vector = np.concatenate([np.ravel(value) for value in asked.parameters.values()])
        return _Given({**given, first: vector}, {first: vector})
    missing = program.missing(given)
    if first is not None and missing and not given and missing == [first]:
        return _Given({first: dict(asked.arguments)}, asked.parameters)
    if missing:
        raise OptionError(
            f"{program.name} takes {missing[0]}, which has no value here",
            help=f"there are {', '.join(asked.arguments)}; one argument of another name takes a dict of all, "
            "--flat gives one vector",
        )
    leaves = arrays_by_name(given)
    if lost := [name for name in asked.parameters if name not in leaves]:
        raise OptionError(f"{program.name} does not take {lost[0]}, by which it shall differentiate",
                          help="--wrt A,B names what is differentiated by")  # fmt: skip
    return _Given(given, asked.parameters)


def _result(program: Program, given: _Given, loss: float) -> Any:
    """What it returns of arrays; where it cannot take them, or gives its loss, of torch tensors."""
    try:
        result = _call(program, given.arguments)
    except GradcheckError:
        if "torch" not in sys.modules:
            raise
        return _of_tensors(program, given)
    if "torch" in sys.modules and not library_of(result) and _is_scalar(result):
        with contextlib.suppress(GradcheckError):
            return _of_tensors(program, given)
    return result


def _of_tensors(program: Program, given: _Given) -> Any:
    return _call(program, as_tensors(given.arguments, given.parameters)[0])


def _call(program: Program, arguments: Mapping[str, Any]) -> Any:
    with program.errors(), _quiet():
        return _apply(program, copy.deepcopy(dict(arguments)))


def _apply(program: Program, arguments: dict[str, Any]) -> Any:
    """What it returns; arguments go by their places as far as they can, as jax.grad(f, (0, 1)) wants them."""
    by_place, by_name = [], dict(arguments)
    for name, parameter in program.parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY or name not in by_name:
            break
        by_place.append(by_name.pop(name))
    return program.function(*by_place, **by_name)


@contextlib.contextmanager
def _quiet() -> Any:
    """What it prints goes to standard error."""
    with np.errstate(all="ignore"), contextlib.redirect_stdout(sys.stderr):
        yield


def _without_loss(result: Any, asked: Asked, parameters: Mapping[str, Any]) -> tuple[float | None, Any]:
    """The loss and the gradients of (loss, gradient) or (loss, gradient, gradient)."""
    if not isinstance(result, list | tuple) or len(result) < 2 or isinstance(result[0], dict | list | tuple):
        return None, result
    first = next(iter(parameters.values()))
    is_in_order = len(result) == len(parameters) and np.size(first) == 1
    if not is_number(result[0]) or (is_in_order and not isinstance(result[1], dict)):
        return None, result
    rest = result[1] if len(result) == 2 else result[1:]
    return float(np.ravel(result[0])[0]), rest


def _is_scalar(result: Any) -> bool:
    if isinstance(result, dict | list | tuple):
        return False
    return np.ndim(result) == 0 and np.asarray(result).dtype.kind in "fiub"


def _is_loss(result: Any, asked: Asked) -> bool:
    """Whether a number is the loss; the derivative by a single number is told as one where they are equal."""
    near = abs(float(result) - asked.loss) <= CHECKING.same_loss * abs(asked.loss)
    return near and asked.size > 1


def _returned(
    source: str, asked: Asked, found: Mapping[str, Any], loss: float | None, notes: tuple[str, ...],
    format_of_loss: str = "float64",
) -> Returned:
    """The gradients with the bits of the format that each was computed in, but not more than the loss has."""
    most = _bits(format_of_loss)
    numbers = {name: _numbers(part, most) for name, part in found.items()}
    if asked.flat and numbers and list(numbers) != list(asked.parameters):
        (vector,) = numbers.values()
        if vector.values.size != asked.size:
            help = f"the parameters have {asked.size} entries: {asked.spell()}"
            raise ElsewhereError(f"{source} returns {plural(vector.values.size, 'number')}", help=help)
        parts = asked.split(vector.values)
        numbers = {name: replace(vector, values=part) for name, part in parts.items()}
    return Returned(numbers, loss, notes)


def _numbers(part: Any, most: int) -> Numbers:
    array = np.asarray(part)
    bits = min(_bits(array.dtype.name), most)
    return Numbers(array.astype(np.float64), None, bits if bits < SIGNIFICANDS["float64"] else None)


def _bits(name: str) -> int:
    return SIGNIFICANDS.get(name, SIGNIFICANDS["float64"])


def _on_precision(library: str, name: str, value: Any) -> tuple[str, ...]:
    """What is said of a library that computed in a narrow format."""
    kind = np.asarray(value).dtype.name
    if _bits(kind) >= SIGNIFICANDS["float64"]:
        return ()
    help = "; jax.config.update('jax_enable_x64', True) makes it float64" if library == "jax" else ""
    return (f"{library} computed {name} in {kind}{help}",)
