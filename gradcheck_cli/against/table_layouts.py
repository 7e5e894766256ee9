"""Reads a table of numbers. Gives the gradient by each parameter: by columns, by lines, or in one line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.against.elsewhere import Asked, ElsewhereError, Numbers
from gradcheck_cli.against.named_numbers import parameter_called, unnamed
from gradcheck_cli.common.errors import plural, printable
from gradcheck_cli.language.data.csv_columns import SHOWN, Columns
from gradcheck_cli.numerics.array_types import Array

__all__ = ["gradient_of_table"]

_ENTRY = re.compile(r"(.+?)\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]")


@dataclass(frozen=True)
class _Table:
    """Numbers (lines, columns), half a unit of the last digit of each, the names of the columns, and of the
    lines; no names where none are written."""

    values: Array
    half_units: Array
    names: tuple[str, ...]
    labels: tuple[str, ...]


def gradient_of_table(source: str, columns: Columns, asked: Asked) -> dict[str, Numbers]:
    """The gradients by name. Raises GradcheckError where nothing tells what a number belongs to."""
    names = columns.names[columns.layout.has_index :]
    table = _Table(columns.together(()), columns.half_units(()), names, columns.labels())
    found = _by_columns(table, asked) or _by_lines(source, table, asked)
    if found is not None:
        return found
    values = table.values
    if len(asked.parameters) == 1 or 1 in values.shape:
        place: Any = (slice(None), 0) if values.shape[1] == 1 else ()
        return unnamed(source, Numbers(values[place], table.half_units[place]), asked)
    titles = ", ".join(printable(name, SHOWN) or "(no name)" for name in table.names) or "no names"
    lines, count = values.shape
    what = f"{plural(lines, 'line')} and {plural(count, 'column')} ({titles})"
    raise ElsewhereError(
        f"{source} is a table of {what}, and nothing tells of what",
        help="name each column like its parameter, or each line (W[0,1],1.5), or write one column of all "
        f"entries: {asked.spell()}",
    )


def _by_columns(table: _Table, asked: Asked) -> dict[str, Numbers] | None:
    """A column for each parameter; of a table of one line, numbers."""
    names = [parameter_called(name, asked) for name in table.names]
    if not names or None in names or len(set(names)) < len(names):
        return None
    single = len(table.values) == 1
    return {
        str(name): Numbers(table.values[0, k], table.half_units[0, k]) if single
        else Numbers(*_in_shape(asked, str(name), table.values[:, k], table.half_units[:, k]))
        for k, name in enumerate(names)
    }  # fmt: skip


def _in_shape(asked: Asked, name: str, values: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A column as the matrix that it fills row by row."""
    shape = np.shape(asked.parameters[name])
    fits = len(shape) > 1 and values.size == np.prod(shape)
    return (values.reshape(shape), half.reshape(shape)) if fits else (values, half)


def _by_lines(source: str, table: _Table, asked: Asked) -> dict[str, Numbers] | None:
    """Lines that are named: w, or W[0,1]."""
    if not table.labels or table.values.shape[1] != 1:
        return None
    places = [_place(label, asked) for label in table.labels]
    if None in places:
        return None
    values = {name: np.full(np.shape(value), np.nan) for name, value in asked.parameters.items()}
    half = {name: np.zeros(np.shape(value)) for name, value in asked.parameters.items()}
    seen = {name: np.zeros(np.shape(value), dtype=bool) for name, value in asked.parameters.items()}
    for label, place, number, unit in zip(
        table.labels, places, table.values[:, 0], table.half_units[:, 0], strict=True
    ):
        name, index = place  # type: ignore[misc]
        try:
            twice = bool(seen[name][index])
            values[name][index], half[name][index], seen[name][index] = number, unit, True
        except IndexError:
            where = f"the parameters are {asked.spell()}"
            raise ElsewhereError(
                f"{source} has a line {label}, and {where}", help="indices start at 0"
            ) from None
        if twice:
            raise ElsewhereError(f"{source} has two lines {label}")
    named = {name: Numbers(values[name], half[name]) for name in values if seen[name].any()}
    gaps = [name for name in named if not seen[name].all()]
    if gaps:
        raise ElsewhereError(f"{source} has no line for some entries of {gaps[0]}")
    return named


def _place(label: str, asked: Asked) -> tuple[str, tuple[int, ...]] | None:
    """The parameter and the index of a line; of a single number w, or w[0]."""
    found = _ENTRY.fullmatch(label)
    name = parameter_called(found[1] if found else label, asked)
    if name is None or (found is None and np.size(asked.parameters[name]) != 1):
        return None
    index = tuple(int(part) for part in found[2].split(",")) if found else ()
    shape = np.shape(asked.parameters[name])
    if found is None or (not shape and index == (0,)):
        return name, (0,) * len(shape)
    return (name, index) if not shape or len(index) == len(shape) else None
