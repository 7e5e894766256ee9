"""Reads the first lines of a table of text. Gives how it is laid out: what sets its columns apart, whether a
line of names stands above them, and a column of names in front. Knows nothing of files.

Programs write tables in many ways: with commas, semicolons, tabs or blanks, under quoted names as R does,
with the index of pandas, with decimal commas, with the exponents of Fortran, behind comments.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

__all__ = ["NUMBER", "TextLayout", "has_decimal_comma", "is_not_finite", "layout_of"]

_DIGITS = r"(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)"  # possessive: a long field takes no longer than it is
NUMBER = re.compile(rf"\s*[+-]?{_DIGITS}([eE][+-]?[0-9]+)?\s*")
_NOT_FINITE = re.compile(r"\s*(NA|[+-]?(nan(\([^)]*\))?|inf|infinity|1\.#\w+))\s*", re.IGNORECASE)
_FORTRAN = re.compile(rf"\s*([+-]?{_DIGITS})(?:[dD]([+-]?[0-9]+)|([+-][0-9]{{3}}))\s*")
_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?\s*")
_INDEX_PARTS = re.compile(r"\[[\d,\s]*\]")
_HIDDEN = "\x1f"  # in place of a comma within a name
_DELIMITERS = (";", "\t", ",", " ")
_UNNAMED = ("", "Unnamed: 0")  # what pandas and R write above an index
_COUNTED = ("index", "row")


@dataclass(frozen=True)
class TextLayout:
    """How a table is laid out. `names`: of all columns, none where nothing names them; `is_headed`: whether
    they stand in its first line; `has_index`: whether its first column holds no numbers, but the names of the
    lines, or their count; `hides`: whether commas may stand in names, W[0,1]."""

    delimiter: str = ","
    names: tuple[str, ...] = ()
    is_headed: bool = False
    has_index: bool = False
    hides: bool = False

    def records(self, lines: Iterable[str], *, strict: bool = False) -> Iterator[list[str]]:
        """The fields of each record, as they are written."""
        lines = self.prepared(lines)
        reader = csv.reader(lines, delimiter=self.delimiter, skipinitialspace=True, strict=strict)
        if not self.hides:
            return reader
        return ([field.replace(_HIDDEN, ",") for field in record] for record in reader)

    def prepared(self, lines: Iterable[str]) -> Iterable[str]:
        """The lines with nothing else between fields than the delimiter."""
        return map(self._prepared, lines) if self.hides or self.delimiter == " " else lines

    def _prepared(self, line: str) -> str:
        if self.hides:
            line = _INDEX_PARTS.sub(lambda found: re.sub(r"\s*,\s*", _HIDDEN, found[0]), line)
        return " ".join(line.split()) + "\n" if self.delimiter == " " else line

    def spelled(self, field: str) -> str:
        """A number as Python writes it; what is no number as it is."""
        if NUMBER.fullmatch(field):
            return field
        if self.delimiter == ";" and has_decimal_comma(field):
            return field.replace(",", ".")
        found = _FORTRAN.fullmatch(field)
        return f"{found[1]}e{found[2] or found[3]}" if found else field

    def is_number(self, field: str) -> bool:
        """Whether a field is a number, finite or not."""
        return NUMBER.fullmatch(self.spelled(field)) is not None or is_not_finite(field)

    def first_two(self, lines: Iterable[str]) -> tuple[list[str], list[str]]:
        """The first two records that are not blank; of a quote that is never closed, what follows it."""
        found: list[list[str]] = []
        with suppress(csv.Error):  # a field of more than 2^17 characters
            found += islice(filter(any, map(_stripped, self.records(lines))), 2)
        return found[0] if found else [], found[1] if len(found) > 1 else []


def _stripped(record: Sequence[str]) -> list[str]:
    return [field.strip() for field in record]


def is_not_finite(field: str) -> bool:
    """Whether a field is NaN, infinite, or R's NA."""
    return _NOT_FINITE.fullmatch(field) is not None


def has_decimal_comma(field: str) -> bool:
    """Whether a field would be a number with a point for its comma."""
    return _DECIMAL_COMMA.fullmatch(field) is not None


def layout_of(lines: Sequence[str], comments: Sequence[str] = (), *, has_labels: bool = False) -> TextLayout:
    """The layout that the first lines of a table show.

    Parameters
    ----------
    lines : without comments
    comments : that stand above it
    has_labels : whether words in the first column are names of the lines, also in the first: w,1.5

    Returns
    -------
    TextLayout
    """
    bare = TextLayout(_delimiter(lines), hides=any(map(_INDEX_PARTS.search, lines[:2])))
    first, second = bare.first_two(lines)
    is_label = has_labels and bool(first) and _is_label(bare, first[0])
    if first and all(map(bare.is_number, first[is_label:])) and (not is_label or len(first) > 1):
        names = bare.first_two(comments[-1:])[0]
        return replace(bare, names=tuple(names) if len(names) == len(first) else (), has_index=is_label)
    names = ["", *first] if _lacks_a_name(bare, first, second) else first
    is_counted = names[:1] in ([name] for name in _COUNTED) and second[:1] and second[0].isdigit()
    is_labelled = has_labels and bool(second) and _is_label(bare, second[0])
    has_index = len(names) > 1 and (names[0] in _UNNAMED or is_counted or is_labelled)
    return replace(bare, names=tuple(names), is_headed=True, has_index=bool(has_index))


def _delimiter(lines: Sequence[str]) -> str:
    """What cuts the first two lines into as many fields, else the second: the first may be a title."""
    cut = {sign: TextLayout(sign, hides=True).first_two(lines) for sign in _DELIMITERS}
    fits = (sign for sign, (first, second) in cut.items() if _width(first, second) > 1)
    several = (sign for sign, (_, second) in cut.items() if len(second) > 1)
    return next(fits, None) or next(several, ",")


def _width(first: Sequence[str], second: Sequence[str]) -> int:
    """How many columns two lines agree on, of which the first may have no name; 0 where they do not."""
    return max(len(first), len(second)) if not second or len(second) - len(first) in (0, 1) else 0


def _is_label(layout: TextLayout, field: str) -> bool:
    return field != "" and not layout.is_number(field)


def _lacks_a_name(layout: TextLayout, names: Sequence[str], second: Sequence[str]) -> bool:
    """Whether the first column alone has no name, as R's write.table leaves it; a comma behind the last
    number makes no column."""
    if len(names) != len(second) - 1 or not second[-1]:
        return False
    return second[0].isdigit() or _is_label(layout, second[0])
