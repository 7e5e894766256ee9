"""Reads a CSV file, in pieces. Gives its columns as float64 arrays. Knows nothing of models.

The file is read once to see that it is a table and how many lines of numbers it has, and once more for
the columns that are asked for: memory holds the numbers that are wanted and a piece of text.
"""

from __future__ import annotations

import codecs
import csv
import io
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
from gradcheck_cli.language.identifiers import canonical, nearest
from gradcheck_cli.numerics.chunked_arrays import allocate
from gradcheck_cli.numerics.machine import DOUBLE_BYTES

__all__ = ["INDEX_COLUMN", "SHOWN", "Columns", "find", "half_unit"]

Array = NDArray[np.float64]
SHOWN = 60  # characters of a name or a field in a message
INDEX_COLUMN = "the first column has no name: it looks like the index that pandas writes unless index=False"
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_NOT_FINITE = re.compile(r"\s*[+-]?(nan|inf|infinity)\s*", re.IGNORECASE)
_END = "\0"  # what no field holds
_PLACE = "\0"  # before the place of a column without a name: no header holds it
_NUMBERS = re.compile(f"(?:{_NUMBER.pattern}{_END})*+")  # many at once: a third of the time
_DIALECT: dict[str, Any] = {"delimiter": ",", "quotechar": '"', "comments": None}  # for NumPy's reader


class Columns:
    """The columns of an open CSV file, by the names in its first line.

    Where that line holds numbers the columns have places alone: all together can be had, none by its name.
    """

    is_csv = True

    def __init__(self, file: str, stream: IO[bytes], access: Access) -> None:
        self.file, self.stream = file, stream
        self.limits, self.numerics = access.limits, access.numerics
        self.count = 0  # lines of numbers
        self.headers = 1  # lines above them
        self.names: tuple[str, ...] = ()
        self._survey()

    # -- what it is -----------------------------------------------------------------------------

    def _survey(self) -> None:
        """Whether the file is a table; how many lines of numbers it has before the blank ones at its end."""
        header: list[str] = []
        seen = 0
        for piece in self._pieces():
            header = header or piece[0]
            if {len(header)} != set(map(len, piece)) or not all(map(_is_filled, (header, piece[-1]))):
                header, seen = self._examine()
                break
            if not seen:
                self._read_header(header)
            seen += len(piece)
            self._check_count(seen - self.headers)
        if not seen:
            raise DataError(f"{self.file} is empty", help="its first line names the columns")
        self.count = seen - self.headers
        self.names = tuple(f.strip() if self.headers else f"{_PLACE}{k}" for k, f in enumerate(header, 1))
        if not self.count:
            raise DataError(f"{self.file} has a header but no lines of numbers")

    def _examine(self) -> tuple[list[str], int]:
        """The first line, and how many there are up to the last that is not blank, line by line: it
        takes longer, and tells where a line is that does not fit."""
        header: list[str] | None = None
        seen, misfit = 0, None
        for k, (number, record) in enumerate(self._records(), start=1):
            if header is None:
                header = record
            elif len(record) != len(header):
                misfit = misfit or (number, len(record))
            if _is_filled(record):
                if not seen:
                    self._read_header(header)
                seen = k
                self._check_line(misfit, len(header))
                self._check_count(seen - self.headers)
        return header or [], seen

    def _read_header(self, header: Sequence[str]) -> None:
        if len(header) == 1 and ";" in header[0]:
            raise DataError(
                f"{self.file} separates its columns by ;", help="the separator is a comma"
            )
        self.headers = 0 if all(_NUMBER.fullmatch(field) for field in header) else 1

    def _check_line(self, misfit: tuple[int, int] | None, width: int) -> None:
        if misfit is not None:
            fields = "1 field" if misfit[1] == 1 else f"{misfit[1]} fields"
            first = "the header" if self.headers else "line 1"
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
        reader, ended = csv.reader(self._lines(), strict=True), 0
        try:
            for record in reader:
                ended = reader.line_num
                yield ended, record
        except csv.Error as reason:
            if "end of data" in str(reason):
                raise DataError(f"{self.file}, line {ended + 1}: a quote opens that nothing closes") from None
            raise DataError(f"{self.file}, line {reader.line_num}: {reason}") from None

    def _pieces(self) -> Iterator[list[list[str]]]:
        """Many records at a time: line by line takes twice as long."""
        reader = csv.reader(self._lines(), strict=True)
        try:
            while piece := list(islice(reader, self.limits.piece_lines)):
                yield piece
        except csv.Error:
            deque(self._records(), maxlen=0)  # which raises, and knows the line

    def _lines(self) -> Iterator[str]:
        """The text, line by line, with the ends of the lines as they are."""
        self.stream.seek(0)
        wide = self.stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")()
        self.stream.seek(0)
        number, rest = 1, ""
        while True:
            piece = self.stream.read(self.limits.piece_bytes)
            decoded = self._decode(decoder, piece, number)
            if "\0" in decoded:
                line = number + decoded[: decoded.index("\0")].count("\n")
                raise DataError(f"{self.file}, line {line}: a NUL character; this is no CSV file")
            number += decoded.count("\n")
            text = rest + decoded
            # an \r at the end may belong to an \n that is still to come
            cut = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1 if piece else len(text)
            yield from io.StringIO(text[:cut], newline="")
            rest = text[cut:]
            longest = self.limits.longest_line
            if len(rest) > longest:
                raise DataError(f"{self.file}, line {number} has more than {longest:,} characters")
            if not piece:
                return

    def _decode(self, decoder: codecs.IncrementalDecoder, piece: bytes, line: int) -> str:
        waiting = decoder.getstate()[0]
        try:
            return decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as reason:
            whole = waiting + piece
            line += whole[: reason.start].count(b"\n")
            raise DataError(
                f"{self.file}, line {line}: byte 0x{whole[reason.start]:02x} is not UTF-8 text",
                help="a table is a CSV file in UTF-8, an .npy or an .npz",
            ) from None

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
        names : in the header, or other spellings of them

        Returns
        -------
        (lines, names) float64

        Raises
        ------
        DataError
            If there is no such column, or a field is no finite number.
        """
        headers = self._find(names)
        quick = self._at_once([self.names.index(header) for header in headers])
        return self.by_field(headers, self._numbers) if quick is None else quick

    def half_units(self, names: Sequence[str]) -> Array | None:
        """Half a unit of the last written digit of each number.

        Parameters
        ----------
        names : in the header, or other spellings of them

        Returns
        -------
        (lines, names) float64, in the unit of the numbers

        Raises
        ------
        DataError
            If there is no such column, or a field is no finite number.
        """
        headers = self._find(names)
        return self.by_field(headers, self._half_units)

    def bits(self, name: str) -> int:
        """Text is read as float64."""
        return DOUBLE

    def _find(self, names: Sequence[str]) -> list[str]:
        if not self.headers and not set(names) <= set(self.names):
            raise DataError(f"{self.file}, line 1 holds numbers", help="the first line names the columns")
        return [find(name, self.names, "column", self.file) for name in names]

    def _at_once(self, places: Sequence[int]) -> Array | None:
        """These columns by NumPy's reader, in a third of the time; None where it stumbles over anything: who
        reads field by field says where and why."""
        found, start = allocate((self.count, len(places)), self.numerics), 0
        lines = islice(self._lines(), self.headers, None)
        try:
            while piece := list(islice(lines, self.limits.piece_lines)):
                if any(map(str.strip, piece)):
                    part = np.loadtxt(piece, usecols=places, ndmin=2, **_DIALECT)
                    found[start : start + len(part)] = part
                    start += len(part)
        except (ValueError, IndexError):
            return None
        return found if start == self.count and np.isfinite(found).all() else None

    def by_field(
        self, headers: Sequence[str], read: Callable[[Sequence[str], str, int], list[float]]
    ) -> Array:
        """What is read from the fields of these columns, a piece of lines at a time.

        Parameters
        ----------
        headers : as they stand in the file
        read : of the fields of a column, its header, and the number of the first of these lines

        Returns
        -------
        (lines, headers) float64

        Raises
        ------
        DataError
            If a field is not what `read` expects, or the file is another one than before.
        """
        places = [self.names.index(header) for header in headers]
        found = allocate((self.count, len(places)), self.numerics)
        start = -self.headers  # no line of numbers
        for piece in self._pieces():
            lines = piece[max(0, -start) : self.count - start]
            start = max(0, start)
            try:
                columns = list(zip(*lines, strict=True))
                for k, (place, header) in enumerate(zip(places, headers, strict=True)):
                    if lines:
                        found[start : start + len(lines), k] = read(columns[place], header, start)
            except (ValueError, IndexError):
                raise self._change_error() from None
            start += len(lines)
        if start != self.count:
            raise self._change_error()
        return found

    def _change_error(self) -> DataError:
        return DataError(f"{self.file} changes while it is read", help="try again")

    def _half_units(self, fields: Sequence[str], header: str, start: int) -> list[float]:
        return [half_unit(field.strip().lstrip("+-")) for field in fields]

    def _numbers(self, fields: Sequence[str], header: str, start: int) -> list[float]:
        if _NUMBERS.fullmatch(_END.join(fields) + _END):
            values = list(map(float, fields))
            if all(map(math.isfinite, values)):
                return values
        return [self._number(field, header, start + k) for k, field in enumerate(fields)]

    def _number(self, field: str, header: str, k: int) -> float:
        if _NUMBER.fullmatch(field):
            value = float(field)
            if math.isfinite(value):
                return value
        line = next((number for number, _ in islice(self._records(), k + self.headers, None)), k + 2)
        title = header.removeprefix(_PLACE)
        place = f"{self.file}, line {line}, column {printable(title, SHOWN)}"
        if _NOT_FINITE.fullmatch(field) or _NUMBER.fullmatch(field):
            raise DataError(f"{place}: {field.strip()[:SHOWN]} is not a finite number")
        shown = printable(field, SHOWN)
        help = "remove the line, or fill the value in" if not field.strip() else None
        if re.fullmatch(r"\s*[+-]?[0-9]+,[0-9]+\s*", field):
            help = "the decimal sign is a point"
        raise DataError(f'{place}: "{shown}" is not a number', help=help)


def _is_filled(record: Sequence[str]) -> bool:
    return any(field.strip() for field in record)


def half_unit(text: str) -> float:
    """Half a unit of the last digit of a number without a sign; 0 for an integer, which is exact."""
    if text.isdigit():
        return 0.0
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * float(f"1e{int(exponent or 0) - decimals}")  # 0 below all doubles


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
