"""Reads paths, folders and patterns. Gives the model files that they mean, in their order.

Knows nothing of the language but the words with which a line of a model begins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gradcheck_cli.common.errors import OptionError, printable
from gradcheck_cli.numerics.limits.checking import CHECKING, CheckingLimits

__all__ = ["ModelFiles", "find_models"]

ENDING = ".gradcheck"
_OTHER_ENDING = ".txt"
_DECLARATION = re.compile(
    rb"^(?:\xef\xbb\xbf)?[ \t]*(?:param[ \t]+[^\s=]|"
    rb"(?:data|rows)[ \t]+[A-Za-z_\x80-\xff][^\s=\[,]*[ \t]*(?:[\[=~,]|from[ \t]+\"|in[ \t]))",
    re.MULTILINE,
)
_NOT_ENTERED = ("node_modules", "site-packages", "__pycache__")
_SIGNS = "*?["


@dataclass(frozen=True)
class ModelFiles:
    """The files to run, and the .txt files of folders that are none."""

    files: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def find_models(arguments: Sequence[str], limits: CheckingLimits = CHECKING) -> ModelFiles:
    """The model files that the arguments of `run` mean.

    A file stands for itself, whatever it is called. A folder stands for its models, and for those in folders
    below it but for hidden ones: all *.gradcheck, and the *.txt in which a line begins with param, data or
    rows. A pattern that no shell has expanded stands for what it matches; `**` crosses folders.

    Raises
    ------
    OptionError
        A folder has no model in it; nothing matches a pattern.
    """
    if not any(os.path.isdir(each) or _is_pattern(each) for each in arguments):
        return ModelFiles(tuple(arguments))
    found: dict[str, None] = {}
    left_out: list[str] = []
    for argument in arguments:
        for path in _matching(argument):
            if os.path.isdir(path):
                inside = list(_models_in(path, limits, left_out))
                if not inside:
                    raise _empty(path)
                found.update(dict.fromkeys(inside))
            else:
                found[path] = None
    return ModelFiles(tuple(found), tuple(path for path in left_out if path not in found))


def _is_pattern(argument: str) -> bool:
    return any(sign in argument for sign in _SIGNS) and not os.path.lexists(argument)


def _matching(argument: str) -> list[str]:
    if not _is_pattern(argument):
        return [argument]
    from glob import glob

    found = sorted(glob(argument, recursive=True))
    if not found:
        raise OptionError(
            f"nothing matches {printable(argument)}", help="patterns are relative to the current folder"
        )
    return found


def _models_in(folder: str, limits: CheckingLimits, left_out: list[str]) -> Iterator[str]:
    """The models of a folder; its other .txt files are added to those that are left out."""
    for path in _texts_in(folder):
        if path.endswith(ENDING) or _declares(path, limits):
            yield path
        else:
            left_out.append(path)


def _texts_in(folder: str) -> Iterator[str]:
    """What may be a model: files before those of folders in the folder, by name, and no pipe."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in _NOT_ENTERED)
        for name in sorted(names):
            path = os.path.normpath(os.path.join(place, name))
            is_text = name.endswith(_OTHER_ENDING) and os.path.isfile(path)
            if name[0] != "." and (is_text or name.endswith(ENDING)):
                yield path


def _declares(path: str, limits: CheckingLimits) -> bool:
    """Whether a text looks like a model; one that cannot be opened is run, and says why."""
    try:
        with open(path, "rb") as file:
            return _DECLARATION.search(file.read(limits.most_searched).replace(b"\r", b"\n")) is not None
    except OSError:
        return True


def _empty(folder: str) -> OptionError:
    return OptionError(
        f"{printable(folder)} has no model in it",
        help=f"its models: *{ENDING}, and *{_OTHER_ENDING} in which a line begins with param, data or rows",
    )
