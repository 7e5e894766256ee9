"""Reads the imports of a program. Gives the framework it is written with.

A framework is imported only where the program imports it, or the user names it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.tracing.file_imports import imports_of
from gradcheck_cli.tracing.frameworks.framework import Framework

__all__ = ["framework_of"]


def framework_of(path: Path, wanted: str | None = None) -> Framework:
    """The framework of a program.

    Parameters
    ----------
    path : of the program
    wanted : "numpy", "jax" or "torch"; None, if the imports of the file, and of files beside it, tell

    Returns
    -------
    Framework

    Raises
    ------
    OptionError
        If the wanted one is not installed, or the program imports two.
    """
    found = {wanted} if wanted else _imported(path, set())
    names = sorted(found & {"jax", "torch"})
    if len(names) > 1 and "numpy" in (own := _imported_by(path)):  # a library may serve them all
        names = sorted(own & set(names))
    if len(names) > 1:
        raise OptionError(f"{path} imports {' and '.join(names)}", help=f"--framework {names[0]} tells which")
    if not names:
        return Framework()
    if find_spec(names[0]) is None:
        if not wanted:
            return Framework()  # the program says so itself, at its line
        raise OptionError(f"{wanted} is not installed here")
    if names[0] == "jax":
        from gradcheck_cli.tracing.frameworks.jax_programs import Jax

        return Jax()
    from gradcheck_cli.tracing.frameworks.torch_programs import Torch

    return Torch()


def _imported(path: Path, seen: set[Path]) -> set[str]:
    """The modules that a file imports, and those that files of its folder import in turn, each file once."""
    seen.add(path)
    try:
        names = imports_of(path).modules
    except (OSError, SyntaxError, ValueError):
        return set()  # said when it is run
    found = set()
    for name in names:
        first = name.partition(".")[0]
        found.add(first)
        beside = path.parent.joinpath(*name.split(".")).with_suffix(".py")
        if beside not in seen and beside.is_file() and first not in ("jax", "torch"):
            found |= _imported(beside, seen)
    return found


def _imported_by(path: Path) -> set[str]:
    """The modules that a file itself imports."""
    return {name.partition(".")[0] for name in imports_of(path).modules}
