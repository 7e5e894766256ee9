"""Reads a file of a program, once for each of its states. Gives what it imports.

Knows nothing of modules and frameworks.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import NamedTuple

__all__ = ["FileImports", "imports_of"]


class FileImports(NamedTuple):
    """What the import statements of a file say, wherever they stand."""

    modules: tuple[str, ...]  # without the dots in front
    levels: int  # by how many dots the file imports at most


def imports_of(path: Path) -> FileImports:
    """What a file imports; it is parsed, and not run.

    Raises
    ------
    OSError, SyntaxError, ValueError
        If it cannot be read, or is no Python.
    """
    return _imports(path, path.stat().st_mtime_ns)


@functools.cache
def _imports(path: Path, changed: int) -> FileImports:
    modules, levels = list[str](), 0
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules += [node.module] if node.module else []
            levels = max(levels, node.level)
    return FileImports(tuple(modules), levels)
