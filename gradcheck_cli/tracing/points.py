"""Reads where a function is called: an .npz, a .json, a function of the program. Gives its arguments."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import DataError, OptionError
from gradcheck_cli.language.data.file_access import check_size
from gradcheck_cli.numerics.limits.language import DEFAULTS, LanguageLimits
from gradcheck_cli.tracing.programs import Program, load_program

__all__ = ["arguments_at", "read_point_file"]


def arguments_at(program: Program, point: str | Mapping[str, Any] | Sequence[Any] | None) -> dict[str, Any]:
    """The arguments by name.

    Parameters
    ----------
    program : whose function is to be called
    point
        FILE.npz or FILE.json with values by name; FILE.py:FUNCTION, which gives a dict, or the arguments in
        their order; these themselves; None, if every argument has a default

    Returns
    -------
    dict
        Lists of numbers as float arrays; everything else as it was given.

    Raises
    ------
    OptionError
        If an argument is missing, or there is one too many.
    DataError
        If a file cannot be read.
    """
    given = {**program.held, **_given(program, point)}
    if program.instance is not None:
        given = {program.first: program.instance, **given}
    names = [name for name, p in program.parameters.items() if p.kind is not p.VAR_KEYWORD]
    if unknown := [name for name in given if name not in names and not program.takes_all]:
        raise OptionError(f"{program.name} has no argument {unknown[0]}", help=f"it takes {', '.join(names)}")
    if missing := program.missing(given):
        raise OptionError(
            f"{program.name} needs a value for {', '.join(missing)}",
            help="--at FILE.npz, FILE.json or FILE.py:FUNCTION gives values by name",
        )
    return {name: _as_array(value) for name, value in given.items()}


def _given(program: Program, point: str | Mapping[str, Any] | Sequence[Any] | None) -> dict[str, Any]:
    if point is None:
        return {}
    if not isinstance(point, str):
        return _named(program, program.framework.plain(point))
    if point.endswith((".npz", ".json")):
        return read_point_file(point)
    maker = load_program(point, beside=program)
    with maker.errors(), program.framework.doubles():
        found = program.framework.plain(maker.function())
    return _named(program, found)


def _named(program: Program, found: Any) -> dict[str, Any]:
    """A dict by name, or the arguments in their order."""
    if isinstance(found, Mapping):
        return dict(found)
    names = list(program.parameters)[program.instance is not None :]
    in_order = isinstance(found, tuple) or (isinstance(found, list) and len(found) == len(names))
    return dict(zip(names, found if in_order else (found,), strict=False))


def read_point_file(point: str) -> dict[str, Any]:
    """The values in an .npz or a .json, by name. Raises DataError."""
    return _of_file(point, _read_npz if point.endswith(".npz") else _read_json)


def _of_file(point: str, read: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    if not Path(point).is_file():
        raise DataError("there is no such file", file=point)
    try:
        return read(point)
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"it cannot be read: {error}", file=point) from None


def _read_npz(point: str, limits: LanguageLimits = DEFAULTS) -> dict[str, Any]:
    with zipfile.ZipFile(point) as archive:
        check_size(point, sum(info.file_size for info in archive.infolist()), limits.max_data)
    with np.load(point, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _read_json(point: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(point).read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("values stand by name: {\"w\": [1, 2]}")
    return found


def _as_array(value: Any) -> Any:
    """Lists of numbers as arrays; single numbers of a file as numbers."""
    if isinstance(value, list) and not any(isinstance(each, np.ndarray) for each in value):
        try:
            return np.asarray(value, dtype=None if _are_whole(value) else float)
        except (TypeError, ValueError):
            return value
    return value.item() if isinstance(value, np.ndarray) and not value.ndim else value


def _are_whole(value: Any) -> bool:
    return all(map(_are_whole, value)) if isinstance(value, list) else type(value) is int
