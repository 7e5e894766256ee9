"""Reads the path of a program and a name in it. Gives the function, its module, and its files.

Whatever a program does as it is imported, it does. Knows nothing of arrays that record.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

from gradcheck_cli.common.errors import GradcheckError, OptionError
from gradcheck_cli.tracing.recording import line_of

__all__ = ["NAMED_BUILTINS", "Program", "ProgramError", "load_program", "modules_under"]

NAMED_BUILTINS = ("float", "max", "min")


class ProgramError(GradcheckError):
    """The program could not be imported, or raised an error."""


@dataclass(frozen=True)
class Program:
    """A function of a file, and the modules in its folder, and in folders there, that the file imports."""

    file: str
    name: str
    function: Callable[..., Any]
    modules: tuple[ModuleType, ...]
    instance: Any = None  # of a method: the object, its first argument

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
        return vars(self.modules[0]) if self.modules else {}

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
        many = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        return [
            name for name, p in self.parameters.items()
            if name not in given and p.default is p.empty and p.kind not in many
        ]  # fmt: skip

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the program raises, told with its line."""
        try:
            yield
        except GradcheckError:
            raise
        except (Exception, SystemExit) as error:
            raise failure(error, self.files, f"{self.name} raised") from None


def load_program(named: str, *, beside: Program | None = None, setup: str | None = None) -> Program:
    """The function that FILE.py:FUNCTION names.

    Parameters
    ----------
    named : FILE.py:FUNCTION, the function may be a method: of a class, Class.method, or an object, net.method
    beside : a program whose modules, and whose object, are the same where the file is
    setup
        What builds the object of a method: an expression that is evaluated in the file, or FILE.py:FUNCTION;
        Class(), if it is None

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
        raise OptionError(f"there is no file {file}", help="write FILE.py:FUNCTION")
    module = _module_of(path, beside) or _imported(path)
    owner: Any = None
    function: Any = module
    for part in name.split("."):
        owner, function = function, getattr(function, part, None)
    if not callable(function):
        known = [key for key, held in vars(module).items() if callable(held) and not key.startswith("_")]
        own = [key for key in known if getattr(vars(module)[key], "__module__", "") == module.__name__]
        raise OptionError(f"{file} has no function {name}", help=f"it has {', '.join(own) or 'none'}")
    folder = path.resolve().parent
    program = Program(str(path), name, function, (module, *modules_under(folder)))
    if isinstance(function, MethodType) and not isinstance(owner, type):
        return replace(program, function=function.__func__, instance=function.__self__)
    static = inspect.getattr_static(owner, name.split(".")[-1], None)
    if isinstance(owner, type) and isinstance(static, FunctionType):
        shared = beside and isinstance(beside.instance, owner) and beside.instance
        return replace(program, instance=shared or _built(program, owner, setup))
    return program


def _module_of(path: Path, beside: Program | None) -> ModuleType | None:
    """The module of a file that another program already imported."""
    modules = beside.modules if beside else ()
    file = path.resolve()
    return next((m for m in modules if m.__file__ and Path(m.__file__).resolve() == file), None)


def _built(program: Program, owner: type, setup: str | None) -> Any:
    """The object of a method."""
    module = program.modules[0]
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
        try:
            found = eval(expression, vars(module)) if setup else owner()
        except (Exception, SystemExit) as error:
            raise failure(error, program.files, f"{expression} raised") from None
    if not isinstance(found, owner):
        kind = type(found).__name__
        raise OptionError(f"--setup gives a {kind}, and {program.name} needs a {owner.__name__}")
    return found


def _needed(owner: type) -> list[str]:
    """The arguments without a default that a class is built with."""
    try:
        known = inspect.signature(owner).parameters.values()
    except (TypeError, ValueError):
        return []
    many = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [p.name for p in known if p.default is p.empty and p.kind not in many]


class _NamedBuiltins(ast.NodeTransformer):
    """Lets a call of float, max or min go by a name of the module, so that it can be exchanged; the names
    themselves, as in dtype=float, stay what they are."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """One call, and those in its arguments."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in NAMED_BUILTINS:
            named = ast.copy_location(ast.Name(f"__{node.func.id}__", ast.Load()), node.func)
            return ast.copy_location(ast.Call(named, node.args, node.keywords), node)
        return node


def modules_under(folder: Path) -> list[ModuleType]:
    """The modules that lie in a folder, or in folders there, as far as they are imported."""
    return [module for module in list(sys.modules.values()) if _is_under(module, folder)]


def _is_under(module: ModuleType, folder: Path) -> bool:
    """Whether a module belongs to the program: its file lies in the folder, and is no installed library's."""
    file = getattr(module, "__file__", None)
    parents = Path(file).resolve().parents if file else ()
    return folder in parents and not any(parent.name == "site-packages" for parent in parents)


def _imported(path: Path) -> ModuleType:
    name = f"gradcheck_program_{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    vars(module).update({f"__{builtin}__": getattr(builtins, builtin) for builtin in NAMED_BUILTINS})
    sys.modules[name] = module  # dataclasses and pickles look there
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        tree = _NamedBuiltins().visit(ast.parse(path.read_bytes(), str(path)))
        exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        raise failure(error, {str(path)}, f"{path} could not be imported:") from None
    finally:
        sys.path.remove(folder)
        sys.modules.pop(name, None)
    return module


def failure(error: BaseException, files: Any, said: str) -> ProgramError:
    """An exception of the program, at its last line there."""
    trace, place = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            place = line_of(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        place = line_of(error.filename, error.lineno)
    text = " ".join(str(error).split())
    return ProgramError(f"{said} {type(error).__name__}" + (f": {text}" if text else ""), place=place)
