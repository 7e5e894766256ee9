"""Reads a table of text, in pieces. Gives its columns as float64 arrays. Knows nothing of models.

The file is read once to see that it is a table and how many lines of numbers it has, and once more for
the columns that are asked for: memory holds the numbers that are wanted and a piece of text.
"""

from __future__ import annotations

import csv
import math
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import DataError, printable
from gradcheck_cli.language.data.file_access import Access, spell_size
from gradcheck_cli.language.data.npy import DOUBLE
from gradcheck_cli.language.data.text_layout import NUMBER, has_decimal_comma, is_not_finite, layout_of
from gradcheck_cli.language.data.text_lines import TextLines
from gradcheck_cli.language.identifiers import canonical, nearest
from gradcheck_cli.numerics.chunked_arrays import allocate
from gradcheck_cli.numerics.machine import DOUBLE_BYTES, TINY

__all__ = ["INDEX_COLUMN", "SHOWN", "Columns", "find", "half_unit"]

Array = NDArray[np.float64]
SHOWN = 60  # characters of a name or a field in a message
INDEX_COLUMN = "the first column has no name: it looks like the index that pandas writes unless index=False"
_END = "\0"  # what no field holds
_NUMBERS = re.compile(f"(?:{NUMBER.pattern}{_END})*+")  # many at once: a third of the time
_DIALECT: dict[str, Any] = {"quotechar": '"', "comments": None}  # for NumPy's reader


class Columns:
    """The columns of an open table of text, by the names above them.

    Where nothing names them they have places alone: all together can be had, none by its name.
    `has_labels`: words in the first column are names of the lines.
    """

    is_csv = True

    def __init__(self, file: str, stream: IO[bytes], access: Access, *, has_labels: bool = False) -> None:
        self.file = file
        self.limits, self.numerics = access.limits, access.numerics
        self.count, self.width = 0, 0  # lines of numbers, and columns
        self.lines = TextLines(file, stream, access.limits)
        top = list(islice(self.lines, self.limits.layout_lines))
        self.layout = layout_of(top, self.lines.comments, has_labels=has_labels)
        self.headers = int(self.layout.is_headed)  # records above the numbers
        self.names: tuple[str, ...] = self.layout.names
        self._survey()

    # -- what it is -----------------------------------------------------------------------------

    def _survey(self) -> None:
        """Whether the file is a table; how many lines of numbers it has before the blank ones at its end."""
        width = len(self.names)
        seen = 0
        for piece in self._pieces():
            width = width or len(piece[0])
            widths = set(map(len, piece if seen else piece[self.headers :]))
            if widths - {width} or not _is_filled(piece[-1]):
                width, seen = self._examine()
                break
            seen += len(piece)
            self._check_count(seen - self.headers)
        if not seen:
            raise DataError(f"{self.file} is empty", help="its first line names the columns")
        self.count = seen - self.headers
        self.width = width
        if not self.count:
            raise DataError(f"{self.file} has a header but no lines of numbers")

    def _examine(self) -> tuple[int, int]:
        """How many columns there are, and how many lines up to the last that is not blank, line by line: it
        takes longer, and tells where a line is that does not fit."""
        width, seen, misfit = len(self.names), 0, None
        for k, (number, record) in enumerate(self._records(), start=1):
            width = width or len(record)
            if len(record) != width and k > self.headers:
                misfit = misfit or (number, len(record))
            if _is_filled(record):
                seen = k
                self._check_line(misfit, width)
                self._check_count(seen - self.headers)
        return width, seen

    def _check_line(self, misfit: tuple[int, int] | None, width: int) -> None:
        if misfit is not None:
            fields = "1 field" if misfit[1] == 1 else f"{misfit[1]} fields"
            first = "the header" if self.headers else f"line {self.lines.number_of(1)}"
            raise DataError(
                f"{self.file}, line {misfit[0]} has {fields}, {first} {width}",
                help="every line has one value for every column",
            )

    def _check_count(self, count: int) -> None:
        if DOUBLE_BYTES * count > self.limits.max_data:
            raise DataError(
                f"{self.file} has {count:,} lines of numbers or more; "
                f"at most {spell_size(self.limits.max_data)} are read", help="--max-data raises the limit",
            )  # fmt: skip

    # -- text -------------------------------------------------------------------------------------

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The number of the line at which each record ends, and its fields."""
        seen, ended = 0, 0

        def counted() -> Iterator[str]:
            nonlocal seen
            for seen, line in enumerate(self.lines, start=1):  # noqa: B007
                yield line

        try:
            for record in self.layout.records(counted(), strict=True):
                ended = self.lines.number_of(seen)
                yield ended, record
        except csv.Error as reason:
            if "end of data" in str(reason):
                raise DataError(f"{self.file}, line {ended + 1}: a quote opens that nothing closes") from None
            raise DataError(f"{self.file}, line {self.lines.number_of(seen)}: {reason}") from None

    def _pieces(self) -> Iterator[list[list[str]]]:
        """Many records at a time: line by line takes twice as long."""
        reader = self.layout.records(self.lines, strict=True)
        try:
            while piece := list(islice(reader, self.limits.piece_lines)):
                yield piece
        except csv.Error:
            deque(self._records(), maxlen=0)  # which raises, and knows the line

    # -- numbers ----------------------------------------------------------------------------------

    def take(self, name: str) -> Array:
        """One column.

        Parameters
        ----------
        name : in the header, or another spelling of it

        Returns
        -------
        (lines,) float64

        Raises
        ------
        DataError
            If there is no such column, or a field is no finite number.
        """
        return self.together([name])[:, 0]

    def together(self, names: Sequence[str]) -> Array:
        """Some columns side by side, in one reading.

        Parameters
        ----------
        names : in the header, or other spellings of them; none: all but an index

        Returns
        -------
        (lines, names) float64

        Raises
        ------
        DataError
            If there is no such column, or a field is no finite number.
        """
        places = self._places(names)
        quick = self._at_once(places)
        return self.by_field(places, self._numbers) if quick is None else quick

    def half_units(self, names: Sequence[str]) -> Array:
        """Half a unit of the last written digit of each number.

        Parameters
        ----------
        names : in the header, or other spellings of them; none: all but an index

        Returns
        -------
        (lines, names) float64, in the unit of the numbers

        Raises
        ------
        DataError
            If there is no such column, or a field is no finite number.
        """
        return self.by_field(self._places(names), self._half_units)

    def bits(self, name: str) -> int:
        """Text is read as float64."""
        return DOUBLE

    def _places(self, names: Sequence[str]) -> Sequence[int]:
        if not names:
            return range(self.layout.has_index, self.width)
        if not self.names:
            where = f"{self.file}, line {self.lines.number_of(1)}"
            raise DataError(f"{where} holds numbers", help="the first line names the columns")
        return [self.names.index(find(name, self.names, "column", self.file)) for name in names]

    def _at_once(self, places: Sequence[int]) -> Array | None:
        """These columns by NumPy's reader, in a third of the time; None where it stumbles over anything: who
        reads field by field says where and why."""
        found, start, sign = allocate((self.count, len(places)), self.numerics), 0, self.layout.delimiter
        lines = self.layout.prepared(islice(self.lines, self.headers, None))
        try:
            while piece := list(islice(lines, self.limits.piece_lines)):
                if any(map(str.strip, piece)):
                    part = np.loadtxt(piece, delimiter=sign, usecols=places, ndmin=2, **_DIALECT)
                    found[start : start + len(part)] = part
                    start += len(part)
        except (ValueError, IndexError):
            return None
        return found if start == self.count and np.isfinite(found).all() else None

    def by_field(
        self, places: Sequence[int], read: Callable[[Sequence[str], int, int], list[float]]
    ) -> Array:
        """What is read from the fields of these columns, a piece of lines at a time.

        Parameters
        ----------
        places : of the columns
        read : of the fields of a column, its place, and the number of the first of these lines

        Returns
        -------
        (lines, places) float64

        Raises
        ------
        DataError
            If a field is not what `read` expects, or the file is another one than before.
        """
        found = allocate((self.count, len(places)), self.numerics)
        start = -self.headers  # no line of numbers
        for piece in self._pieces():
            lines = piece[max(0, -start) : self.count - start]
            start = max(0, start)
            try:
                columns = list(zip(*lines, strict=True))
                for k, place in enumerate(places):
                    if lines:
                        found[start : start + len(lines), k] = read(columns[place], place, start)
            except (ValueError, IndexError):
                raise self._change_error() from None
            start += len(lines)
        if start != self.count:
            raise self._change_error()
        return found

    def _change_error(self) -> DataError:
        return DataError(f"{self.file} changes while it is read", help="try again")

    def _half_units(self, fields: Sequence[str], place: int, start: int) -> list[float]:
        return [half_unit(self.layout.spelled(field).strip().lstrip("+-")) for field in fields]

    def _numbers(self, fields: Sequence[str], place: int, start: int) -> list[float]:
        if _NUMBERS.fullmatch(_END.join(fields) + _END):
            values = list(map(float, fields))
            if all(map(math.isfinite, values)):
                return values
        return [self._number(field, place, start + k) for k, field in enumerate(fields)]

    def _number(self, field: str, place: int, k: int) -> float:
        text = self.layout.spelled(field)
        is_number = NUMBER.fullmatch(text) is not None
        if is_number and math.isfinite(float(text)):
            return float(text)
        line = next((number for number, _ in islice(self._records(), k + self.headers, None)), k + 2)
        title = self.names[place] if self.names else str(place + 1)
        where = f"{self.file}, line {line}, column {printable(title, SHOWN)}"
        if is_number or is_not_finite(field):
            raise DataError(f"{where}: {field.strip()[:SHOWN]} is not a finite number")
        shown = printable(field, SHOWN)
        help = "remove the line, or fill the value in" if not field.strip() else None
        if has_decimal_comma(field):
            help = "the decimal sign is a point"
        raise DataError(f'{where}: "{shown}" is not a number', help=help)

    def labels(self) -> tuple[str, ...]:
        """The names of its lines, where the first column holds names and does not count."""
        if not self.layout.has_index:
            return ()
        last = self.headers + self.count
        found = tuple(fields[0].strip() for _, fields in islice(self._records(), self.headers, last))
        return () if all(label.isdigit() for label in found) else found


def _is_filled(record: Sequence[str]) -> bool:
    return any(field.strip() for field in record)


def half_unit(text: str) -> float:
    """Half a unit of the last digit of a number without a sign; 0 for an integer, which is exact. Units below
    all doubles are the smallest of them."""
    if text.isdigit():
        return 0.0
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return max(0.5 * float(f"1e{int(exponent or 0) - decimals}"), TINY)


def find(name: str, names: tuple[str, ...], what: str, file: str) -> str:
    """The one of `names` that is meant."""
    for fits in (name.__eq__, lambda other: canonical(other) == canonical(name)):
        found = [other for other in names if fits(other)]
        if len(found) > 1:
            raise DataError(f'{file} has {len(found)} {what}s named "{printable(name, SHOWN)}"')
        if found:
            return found[0]
    near = nearest(name, [other for other in names if other])
    listed = ", ".join(printable(other, SHOWN) or "(no name)" for other in names[:20])
    more = f", ... ({len(names)} in all)" if len(names) > 20 else ""
    raise DataError(
        f'{file} has no {what} "{printable(name, SHOWN)}"; it has {listed}{more}',
        help=f"did you mean {near}?" if near else _choice(names, what, file),
    )


def _choice(names: tuple[str, ...], what: str, file: str) -> str:
    """How to choose columns by name; of a table that pandas wrote, what its first column is."""
    first = next((name for name in names if name), names[0])
    quoted = first if re.fullmatch(r"[^\W\d]\w*", first) else f'"{first}"'
    help = f'choose by name: from "{file}" columns {quoted}'
    return help if what != "column" or names[0] else f"{help}; {INDEX_COLUMN}"
