"""Reads a file of a program. Gives its module, and the modules beside it that it imports.

Calls of float, max and min, and the products A.dot(x), go by names of the module, so that they can be
exchanged. A file that imports by dots belongs to a package, whose folder begins above its own. Knows nothing
of arrays that record.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from gradcheck_cli.tracing.file_imports import imports_of

__all__ = ["NAMED_BUILTINS", "NAMED_PRODUCT", "folder_of", "import_file", "modules_under"]

NAMED_BUILTINS = ("float", "max", "min")
NAMED_PRODUCT = "__dot__"


def import_file(path: Path) -> ModuleType:
    """The module of a file, run under a name of its own; whatever it raises, it raises.

    Parameters
    ----------
    path : of the file; others in its folder, and in its package, can be imported

    Returns
    -------
    ModuleType
    """
    name = f"gradcheck_program_{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and pickles look there
    try:
        with _importing(path):
            code = _compiled(ast.parse(path.read_bytes(), str(path)), str(path))
            if levels := imports_of(path).levels:
                module.__package__ = _imported_package(path, levels)
            _run(code, module)
    finally:
        sys.modules.pop(name, None)
    return module


def folder_of(path: Path) -> Path:
    """Where the modules of a program lie: beside the file, or in the outermost package that it belongs to."""
    levels = imports_of(path).levels
    return _root_of(path, levels)[0] / _root_of(path, levels)[1][0] if levels else path.resolve().parent


def modules_under(folder: Path) -> Iterator[ModuleType]:
    """The modules whose files lie under a folder, and are no installed library's."""
    name = _spelling(folder)
    for module in list(sys.modules.values()):
        file = getattr(module, "__dict__", {}).get("__file__")  # a library may search long for what it lacks
        if isinstance(file, str) and name in _folders(file):
            yield module


@functools.cache
def _folders(file: str) -> frozenset[str]:
    return _parents(os.path.dirname(os.path.realpath(file) if os.path.islink(file) else file))


@functools.cache  # two thousand modules lie in two hundred folders
def _parents(home: str) -> frozenset[str]:
    """A folder and those that it lies in; none of a library's."""
    real = Path(os.path.realpath(home))
    if "site-packages" in real.parts:
        return frozenset()
    return frozenset(map(_spelling, (real, *real.parents)))


def _spelling(folder: Path) -> str:
    """By which folders are compared: texts have their hashes."""
    return os.path.normcase(str(folder))


def _root_of(path: Path, levels: int) -> tuple[Path, list[str]]:
    """The folder outside of the package of a file, and the names of the packages down to it."""
    folder, names = path.resolve().parent, list[str]()
    while (folder / "__init__.py").is_file() or len(names) < levels:
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, names


def _imported_package(path: Path, levels: int) -> str:
    """The name of the package of a file, which is imported; where that fails, as for want of what the file
    itself does not need, its parts can be imported all the same."""
    folder, names = _root_of(path, levels)
    name = ".".join(names)
    sys.path.insert(0, str(folder))
    try:
        importlib.import_module(name)
    except Exception:
        for count in range(1, len(names) + 1):
            part = ".".join(names[:count])
            if part not in sys.modules:
                sys.modules[part] = empty = ModuleType(part)
                empty.__path__ = [str(folder.joinpath(*names[:count]))]
    finally:
        sys.path.remove(str(folder))
    return name


@contextmanager
def _importing(path: Path) -> Iterator[None]:
    """Imports look beside a file first, and what they find there has named builtins, too."""
    beside, finder = str(path.resolve().parent), _Finder(path)
    sys.path.insert(0, beside)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.path.remove(beside)
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    """Finds modules under the folder of a program."""

    def __init__(self, path: Path) -> None:
        self._folder = _spelling(folder_of(path))

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module as Python finds it, loaded by another loader."""
        found = PathFinder.find_spec(fullname, path, target)
        if found is None or type(found.loader) is not SourceFileLoader or found.origin is None:
            return None
        if self._folder not in _parents(found.origin):
            return None
        found.loader = _Loader(fullname, found.origin)
        return found


class _Loader(SourceFileLoader):
    """Compiles a module anew, with named builtins."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file."""
        return _compiled(ast.parse(self.get_data(self.path), self.path), self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        _run(self.get_code(module.__name__), module)


def _compiled(tree: ast.AST, file: str) -> CodeType:
    found: Any = ast.fix_missing_locations(_NamedCalls().visit(tree))
    code: CodeType = compile(found, file, "exec")
    return code


def _run(code: CodeType, module: ModuleType) -> None:
    vars(module).update({f"__{name}__": getattr(builtins, name) for name in NAMED_BUILTINS})
    vars(module)[NAMED_PRODUCT] = _dot
    exec(code, vars(module))


def _dot(held: Any, *args: Any, **options: Any) -> Any:
    return held.dot(*args, **options)


class _NamedCalls(ast.NodeTransformer):
    """Lets a call of float, max, min or A.dot go by a name of the module, so that it can be exchanged; the
    names themselves, as in dtype=float, stay what they are."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """One call, and those in its arguments."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in NAMED_BUILTINS:
            named = ast.copy_location(ast.Name(f"__{node.func.id}__", ast.Load()), node.func)
            return ast.copy_location(ast.Call(named, node.args, node.keywords), node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "dot":
            named = ast.copy_location(ast.Name(NAMED_PRODUCT, ast.Load()), node.func)
            return ast.copy_location(ast.Call(named, [node.func.value, *node.args], node.keywords), node)
        return node
