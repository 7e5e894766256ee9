"""Reads the path of a program and a name in it. Gives the function, its module, and its files.

Whatever a program does as it is imported, it does. Knows nothing of arrays that record.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

from gradcheck_cli.common.errors import GradcheckError, OptionError
from gradcheck_cli.numerics.limits.programs import PROGRAMS
from gradcheck_cli.tracing.frameworks.choice import framework_of
from gradcheck_cli.tracing.frameworks.framework import Framework
from gradcheck_cli.tracing.program_modules import folder_of, import_file, modules_under
from gradcheck_cli.tracing.recording import last_line_in, line_of
from gradcheck_cli.tracing.time_limit import within

__all__ = ["Program", "ProgramError", "load_program"]


class ProgramError(GradcheckError):
    """The program could not be imported, or raised an error."""


@dataclass(frozen=True)
class Program:
    """A function of a file."""

    file: str
    name: str
    function: Callable[..., Any]
    module: ModuleType | None = None
    instance: Any = None  # of a method: the object, its first argument
    folder: Path = Path()
    framework: Framework = field(default_factory=Framework)
    held: Mapping[str, Any] = field(default_factory=dict)  # arguments that the function holds: a network's
    seconds: float = PROGRAMS.time_limit  # that a call may take; 0: any time

    @property
    def modules(self) -> tuple[ModuleType, ...]:
        """The module, and those in its folder or package, and in folders there, that were imported by now."""
        if self.module is None:
            return ()
        return self.module, *(m for m in modules_under(self.folder) if m is not self.module)

    @property
    def files(self) -> frozenset[str]:
        """The files of the modules."""
        return frozenset(str(module.__file__) for module in self.modules)

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The function's arguments. Raises OptionError where Python does not know them."""
        try:
            return inspect.signature(self.function).parameters
        except (TypeError, ValueError):
            raise OptionError(f"the arguments of {self.name} are not known") from None

    @property
    def names_of_file(self) -> Mapping[str, Any]:
        """The globals of its file, by name."""
        return vars(self.module) if self.module else {}

    @property
    def first(self) -> str:
        """The name of its first argument, `self` of a method."""
        return next(iter(self.parameters), "")

    @property
    def takes_all(self) -> bool:
        """Whether it takes arguments of any name."""
        return any(p.kind is p.VAR_KEYWORD for p in self.parameters.values())

    def missing(self, given: Container[str]) -> list[str]:
        """The arguments without a default that are not given."""
        return [name for name in _without_default(self.parameters) if name not in given]

    def run(self, arguments: Mapping[str, Any]) -> Any:
        """What the function returns of arguments, in the framework's own arrays."""
        with self.framework.doubles():
            return self.call(self.framework.converted(arguments))

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """What the function returns of arguments as they are, the first ones in their order."""
        by_name = dict(arguments)
        in_order = [by_name.pop(name) for name in self._first_given(by_name)]
        return self.function(*in_order, **by_name)

    def _first_given(self, arguments: Mapping[str, Any]) -> list[str]:
        """The first arguments, up to one that goes by name alone: jax.grad takes none by name."""
        found: list[str] = []
        for name, p in self.parameters.items():
            if name not in arguments or p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
                break
            found.append(name)
        return found

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the program raises, told with its line; and that it does not return."""
        try:
            with within(self.seconds, f"{self.name} did not return", self.file):
                yield
        except GradcheckError:
            raise
        except (Exception, SystemExit) as error:
            raise failure(error, self.files, f"{self.name} raised") from None


def load_program(
    named: str, *, beside: Program | None = None, setup: str | None = None, framework: str | None = None,
    seconds: float | None = None,
) -> Program:
    """The function that FILE.py:FUNCTION names.

    Parameters
    ----------
    named : FILE.py:FUNCTION, the function may be a method: of a class, Class.method, or an object, net.method
    beside : a program whose modules, and whose object, are the same where the file is
    setup
        What builds the object of a method: an expression that is evaluated in the file, or FILE.py:FUNCTION;
        Class(), if it is None
    framework : "numpy", "jax" or "torch"; None, if the imports of the file tell, or `beside`
    seconds : that its import, and a call, may take; None: as of `beside`, else as the limits say

    Returns
    -------
    Program

    Raises
    ------
    OptionError
        If there is no such file or function.
    ProgramError
        If the file, or the setup, raises an error.
    """
    file, colon, name = named.rpartition(":")
    if not colon or not file or not name:
        raise OptionError(f'"{named}" names no function', help="write FILE.py:FUNCTION")
    path = Path(file)
    if not path.is_file():
        raise OptionError(f"there is no file {file}", help="paths are relative to the current folder")
    written_with = beside.framework if beside else framework_of(path, framework)
    with written_with.doubles():
        return _found(path, name, written_with, beside, setup, _limit(seconds, beside))


def _limit(seconds: float | None, beside: Program | None) -> float:
    """The seconds that are asked for; else those of the other program, or of all."""
    if seconds is not None:
        return seconds
    return beside.seconds if beside else PROGRAMS.time_limit


def _found(
    path: Path, name: str, framework: Framework, beside: Program | None, setup: str | None, seconds: float
) -> Program:
    module = _module_of(path, beside) or _imported(path, seconds)
    owner: Any = None
    function: Any = module
    for part in name.split("."):
        owner, function = function, getattr(function, part, None)
    if not callable(function):
        known = [key for key, held in vars(module).items() if callable(held) and not key.startswith("_")]
        own = [key for key in known if getattr(vars(module)[key], "__module__", "") == module.__name__]
        raise OptionError(f"{path} has no function {name}", help=f"it has {', '.join(own) or 'none'}")
    program = Program(
        str(path), name, function, module, folder=folder_of(path), framework=framework, seconds=seconds
    )
    if framework.is_network(function):
        network = _built(program, function, setup) if isinstance(function, type) else function
        called, held = framework.network(network)
        return replace(program, function=called, held=held)
    if isinstance(function, MethodType) and not isinstance(owner, type):
        return replace(program, function=function.__func__, instance=function.__self__)
    static = inspect.getattr_static(owner, name.split(".")[-1], None)
    if isinstance(owner, type) and isinstance(static, FunctionType):
        shared = beside and isinstance(beside.instance, owner) and beside.instance
        return replace(program, instance=shared or _built(program, owner, setup))
    called, held = framework.with_networks(function)
    return replace(program, function=called, held=held)


def _module_of(path: Path, beside: Program | None) -> ModuleType | None:
    """The module of a file that another program already imported."""
    modules = beside.modules if beside else ()
    file = path.resolve()
    return next((m for m in modules if m.__file__ and Path(m.__file__).resolve() == file), None)


def _built(program: Program, owner: type, setup: str | None) -> Any:
    """The object of a method."""
    if setup is None and (needed := _needed(owner)):
        help_text = f'--setup "{owner.__name__}({", ".join(needed)})" builds it, with values for these'
        message = f"{program.name} needs an object of {owner.__name__}"
        raise OptionError(message, file=program.file, help=help_text)
    if setup is not None and re.fullmatch(r".+\.py:[\w.]+", setup):
        maker = load_program(setup, beside=program)
        with maker.errors():
            found = maker.function()
    else:
        expression = setup or f"{owner.__name__}()"
        with replace(program, name=expression).errors():
            found = eval(expression, dict(program.names_of_file)) if setup else owner()
    if not isinstance(found, owner):
        kind = type(found).__name__
        raise OptionError(f"--setup gives a {kind}, and {program.name} needs a {owner.__name__}")
    return found


def _needed(owner: type) -> list[str]:
    """The arguments without a default that a class is built with."""
    try:
        known = inspect.signature(owner).parameters
    except (TypeError, ValueError):
        return []
    return _without_default(known)


def _without_default(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    many = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [name for name, p in parameters.items() if p.default is p.empty and p.kind not in many]


def _imported(path: Path, seconds: float) -> ModuleType:
    try:
        with within(seconds, f"{path} was not imported", str(path)):
            return import_file(path)
    except GradcheckError:
        raise
    except (Exception, SystemExit) as error:
        raise failure(error, {str(path)}, f"{path} could not be imported:") from None


def failure(error: BaseException, files: Any, said: str) -> ProgramError:
    """An exception of the program, at its last line there."""
    found = last_line_in(error, files)
    place = line_of(*found) if found else None
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        place = line_of(error.filename, error.lineno)
    text = " ".join(str(error).split())
    return ProgramError(f"{said} {type(error).__name__}" + (f": {text}" if text else ""), place=place)
