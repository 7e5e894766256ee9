"""Reads a table of numbers as programs write it. Gives its columns, and what is written beside its lines.

Columns are set apart by commas, semicolons, tabs or spaces; a first line and a first column of names may be
there, as R, pandas, Octave and NumPy write them. Knows nothing of parameters.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.against.elsewhere import ElsewhereError
from gradcheck_cli.against.named_numbers import Written
from gradcheck_cli.common.errors import printable
from gradcheck_cli.numerics.array_types import Array

__all__ = ["TextTable", "read_table"]

_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eEdD][+-]?[0-9]+)?\s*")
_NOT_FINITE = re.compile(r"\s*([+-]?(nan|inf|infinity)|NA)\s*", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?\s*")
_INDEX_PARTS = re.compile(r"\[[\d,\s]*\]")
_HIDDEN = "\x1f"  # in place of a comma
_COMMENT = ("#", "%")
_INDEX = ("", "Unnamed: 0", "index", "row")


@dataclass(frozen=True)
class TextTable:
    """Numbers (lines, columns), half a unit of the last digit of each, the names of the columns, and of the
    lines; no names where none are written."""

    values: Array
    half_units: Array
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def read_table(source: str, content: bytes) -> TextTable:
    """The table in a text file. Raises ElsewhereError."""
    lines = [line for line in _decode(source, content).splitlines() if line.strip()]
    comments = [line.strip().lstrip("#% ") for line in lines if line.lstrip().startswith(_COMMENT)]
    lines = [line for line in lines if not line.lstrip().startswith(_COMMENT)]
    if not lines:
        raise ElsewhereError(f"{source} holds no numbers")
    delimiter = _delimiter(lines)
    rows = [[field.strip() for field in row] for row in _rows(source, lines, delimiter)]
    if delimiter == ";":
        rows = [[_with_point(field) for field in row] for row in rows]
    names: list[str] = []
    if any(not _is_number(field) for field in rows[0]) and (len(rows) > 1 and not _starts_label(rows)):
        names, rows = rows[0], rows[1:]
    elif comments and len(_rows(source, comments[-1:], delimiter)[0]) == len(rows[0]):
        names = [field.strip() for field in _rows(source, comments[-1:], delimiter)[0]]
    if names and len(names) == len(rows[0]) - 1:  # as R's write.table does
        names = ["", *names]
    _check_widths(source, names or rows[0], rows)
    return _without_index(source, names, rows)


def _decode(source: str, content: bytes) -> str:
    wide = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        help = "a table is a text in UTF-8; other formats have other endings: .npy, .npz, .safetensors, .mat"
        raise ElsewhereError(f"{source} is no text", help=help)
    return text


def _delimiter(lines: Sequence[str]) -> str:
    """What sets the columns apart, as the second line shows it: the first may be a title."""
    signs = (sign for line in (*lines[1:2], lines[0]) for sign in (";", "\t", ",") if sign in _hide(line))
    return next(signs, " ")


def _hide(line: str) -> str:
    """A line in which the commas of W[0,1] set nothing apart."""
    return _INDEX_PARTS.sub(lambda found: found[0].replace(",", _HIDDEN), line)


def _rows(source: str, lines: Sequence[str], delimiter: str) -> list[list[str]]:
    lines = [_hide(" ".join(line.split()) if delimiter == " " else line) for line in lines]
    try:
        found = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
        return [[field.replace(_HIDDEN, ",") for field in row] for row in found]
    except csv.Error as reason:
        raise ElsewhereError(f"{source} is no table: {reason}") from None


def _with_point(field: str) -> str:
    return field.replace(",", ".") if _DECIMAL_COMMA.fullmatch(field) else field


def _is_number(field: str) -> bool:
    return bool(_NUMBER.fullmatch(field) or _NOT_FINITE.fullmatch(field))


def _starts_label(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line is one of numbers behind a name: w, 1.5."""
    first = rows[0]
    return len(first) > 1 and bool(first[0]) and all(map(_is_number, first[1:]))


def _check_widths(source: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for k, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise ElsewhereError(
                f"{source}: line {k} of numbers has {len(row)} fields, the first line {len(names)}",
                help="every line has one value for every column",
            )


def _without_index(source: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> TextTable:
    """The table with its first column as names of the lines, where it is no column of numbers."""
    labels: list[str] = []
    first = [row[0] for row in rows]
    is_index = bool(names) and names[0] in _INDEX and len(names) > 1
    if is_index or (len(rows[0]) > 1 and not all(map(_is_number, first))):
        labels, names = first, names[1:]
        rows = [row[1:] for row in rows]
    written = [[_written(source, field, k) for field in row] for k, row in enumerate(rows, start=1)]
    values = np.array(written, dtype=np.float64)
    half = np.array([[each.half for each in row] for row in written])
    plain = all(label.isdigit() for label in labels)
    return TextTable(values, half, tuple(names), () if plain else tuple(labels))


def _written(source: str, field: str, line: int) -> Written:
    if _NUMBER.fullmatch(field):
        return Written.of(field.lower().replace("d", "e"))
    if _NOT_FINITE.fullmatch(field):
        found = Written("nan" if field.strip().upper() == "NA" else field)
        found.half = 0.0
        return found
    shown = printable(field, 60)
    help = "the decimal sign is a point" if _DECIMAL_COMMA.fullmatch(field) else None
    raise ElsewhereError(f'{source}, line {line} of numbers: "{shown}" is not a number', help=help)
