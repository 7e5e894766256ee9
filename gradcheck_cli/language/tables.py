"""Reads CSV, .npy and .npz files. Gives float64 arrays. Knows nothing of models.

What a file promises is compared with what it has before memory is taken, and nothing in it is ever
executed: .npy headers are read by a pattern, objects and pickles are refused.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
import zipfile
import zlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import DataError, printable
from gradcheck_cli.language.files import read_path, spell_size
from gradcheck_cli.language.spelling import canonical, nearest
from gradcheck_cli.numberformats import SIGNIFICANDS

__all__ = ["Table", "half_unit", "open_table"]

_Read = TypeVar("_Read")
Array = NDArray[np.float64]
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_NOT_FINITE = re.compile(r"\s*[+-]?(nan|inf|infinity)\s*", re.IGNORECASE)
_HEADER = re.compile(
    r"\{\s*'descr':\s*'([^']{1,20})',\s*'fortran_order':\s*(True|False),"
    r"\s*'shape':\s*\(([0-9, L]{0,200})\),?\s*\}\s*"
)
_DOUBLE = SIGNIFICANDS["float64"]
_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000
_SHOWN = 60
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Table(Protocol):
    """Named arrays of one file. `single`: the file holds one array that needs no name."""

    @property
    def names(self) -> tuple[str, ...]:
        """Columns or keys."""

    @property
    def is_csv(self) -> bool:
        """Whether the names are columns, all of one length."""

    def take(self, name: str) -> Array:
        """One of them, by its name or another spelling of it. Raises DataError."""

    def half_units(self, name: str) -> Array | None:
        """Half a unit of the last digit of each number; None where they are binary. Raises DataError."""

    def bits(self, name: str) -> int:
        """Significand bits of its numbers: 24 for float32; 53 for float64, integers and text."""


def open_table(path: str, folder: Path, limit: int) -> Table:
    """The tables of a data file; `path` is relative to `folder`. Raises DataError."""
    try:
        content = read_path(str(folder / path) if path != "-" else "./-", limit=limit)
    except DataError as reason:
        text = reason.message.replace(printable(str(folder / path), 200), printable(path, _SHOWN))
        raise DataError(text, help=reason.help) from None
    shown = printable(path, _SHOWN)
    if content.startswith(_MAGIC):
        bits = _bits(_header(io.BytesIO(content), shown)[0], shown)
        return _Array(_array(io.BytesIO(content), len(content), limit, shown), bits)
    if content.startswith(b"PK\x03\x04") or path.lower().endswith(".npz"):
        return _Zipped(shown, content, limit)
    if path.lower().endswith(".npy"):
        raise DataError(f"{shown} is no .npy file", help="numpy.save writes one")
    return _Csv(shown, content)


def half_unit(text: str) -> float:
    """Half a unit of the last digit of a number without a sign; 0 for an integer, which is exact."""
    if text.isdigit():
        return 0.0
    exponent = Decimal(text).as_tuple().exponent
    return 0.5 * float(Decimal(1).scaleb(int(exponent)))


def _find(name: str, names: tuple[str, ...], what: str, file: str) -> str:
    """The one of `names` that is meant."""
    for fits in (name.__eq__, lambda other: canonical(other) == canonical(name)):
        found = [other for other in names if fits(other)]
        if len(found) > 1:
            raise DataError(f'{file} has {len(found)} {what}s named "{printable(name, _SHOWN)}"')
        if found:
            return found[0]
    near = nearest(name, names)
    listed = ", ".join(printable(other, _SHOWN) for other in names[:20])
    more = f", ... ({len(names)} in all)" if len(names) > 20 else ""
    raise DataError(
        f'{file} has no {what} "{printable(name, _SHOWN)}"; it has {listed}{more}',
        help=f"did you mean {near}?" if near else f'choose by name: from "{file}" columns {names[0]}',
    )


# --- CSV --------------------------------------------------------------------------------------


class _Csv:
    is_csv = True

    def __init__(self, file: str, content: bytes) -> None:
        self.file = file
        self.numbers: list[int] = []  # the line in the file of each record
        records = self._records(_decoded(content, file))
        if not records:
            raise DataError(f"{file} is empty", help="its first line names the columns")
        self.names = tuple(header.strip() for header in records[0])
        self.records = records[1:]
        self._check(records[0])

    def _records(self, text: str) -> list[list[str]]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        records = []
        try:
            for record in reader:
                records.append(record)
                self.numbers.append(reader.line_num)
        except csv.Error as reason:
            raise DataError(f"{self.file}, line {reader.line_num}: {reason}") from None
        while records and not any(field.strip() for field in records[-1]):
            records.pop()
        return records

    def _check(self, header: list[str]) -> None:
        if len(header) == 1 and ";" in header[0]:
            raise DataError(
                f"{self.file} separates its columns by ;", help="the separator is a comma"
            )
        if all(_NUMBER.fullmatch(field) for field in header):
            raise DataError(
                f"{self.file}, line 1 holds numbers", help="the first line names the columns"
            )
        if not self.records:
            raise DataError(f"{self.file} has a header but no lines of numbers")
        for k, record in enumerate(self.records):
            if len(record) != len(header):
                raise DataError(
                    f"{self.file}, line {self.numbers[k + 1]} has {len(record)} fields, "
                    f"the header {len(header)}",
                    help="every line has one value for every column",
                )

    def half_units(self, name: str) -> Array | None:
        """Of one column."""
        position = self.names.index(_find(name, self.names, "column", self.file))
        return np.array([half_unit(record[position].strip().lstrip("+-")) for record in self.records])

    def bits(self, name: str) -> int:
        """Text is read as float64."""
        return _DOUBLE

    def take(self, name: str) -> Array:
        """One column."""
        header = _find(name, self.names, "column", self.file)
        position = self.names.index(header)
        values = np.empty(len(self.records))
        for k, record in enumerate(self.records):
            values[k] = self._number(record[position], k, header)
        return values

    def _number(self, field: str, k: int, header: str) -> float:
        if _NUMBER.fullmatch(field):
            value = float(field)
            if math.isfinite(value):
                return value
        place = f"{self.file}, line {self.numbers[k + 1]}, column {printable(header, _SHOWN)}"
        if _NOT_FINITE.fullmatch(field) or _NUMBER.fullmatch(field):
            raise DataError(f"{place}: {field.strip()[:_SHOWN]} is not a finite number")
        shown = printable(field, _SHOWN)
        help = "remove the line, or fill the value in" if not field.strip() else None
        if re.fullmatch(r"\s*[+-]?[0-9]+,[0-9]+\s*", field):
            help = "the decimal sign is a point"
        raise DataError(f'{place}: "{shown}" is not a number', help=help)


def _decoded(content: bytes, file: str) -> str:
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as reason:
        line = content[: reason.start].count(b"\n") + 1
        raise DataError(
            f"{file}, line {line}: byte 0x{content[reason.start]:02x} is not UTF-8 text",
            help="a table is a CSV file in UTF-8, an .npy or an .npz",
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{file}, line {line}: a NUL character; this is no CSV file")
    return text


# --- .npy and .npz ----------------------------------------------------------------------------


class _Binary:
    is_csv = False

    def half_units(self, name: str) -> Array | None:
        """Nothing is written in digits."""
        return None


class _Array(_Binary):
    def __init__(self, array: Array, bits: int) -> None:
        self.array = array
        self.own_bits = bits
        self.names = ("",)

    def take(self, name: str) -> Array:
        """The one array of an .npy file."""
        return self.array

    def bits(self, name: str) -> int:
        """Those of the array."""
        return self.own_bits


class _Zipped(_Binary):
    def __init__(self, file: str, content: bytes, limit: int) -> None:
        self.file = file
        self.limit = limit
        try:
            self.archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as reason:
            raise DataError(f"{file} is no .npz file: {reason}") from None
        self.members = {
            info.filename.removesuffix(".npy"): info for info in self.archive.infolist()
        }
        self.names = tuple(self.members)
        if not self.names:
            raise DataError(f"{file} holds no arrays")

    def bits(self, name: str) -> int:
        """Those of the array under one key."""
        return self._opened(name, lambda stream, info, where: _bits(_header(stream, where)[0], where))

    def take(self, name: str) -> Array:
        """The array under one key."""
        return self._opened(
            name, lambda stream, info, where: _array(stream, info.file_size, self.limit, where)
        )

    def _opened(self, name: str, read: Callable[[Any, zipfile.ZipInfo, str], _Read]) -> _Read:
        key = _find(name, self.names, "key", self.file)
        info = self.members[key]
        where = f"{self.file}, key {printable(key, _SHOWN)}"
        if info.file_size > self.limit:
            raise DataError(
                f"{where} has {spell_size(info.file_size)}; "
                f"at most {spell_size(self.limit)} are read",
                help="--max-data raises the limit",
            )
        if info.flag_bits & 1 or info.compress_type not in _COMPRESSIONS:
            raise DataError(f"{where} is encrypted, or packed in another way than NumPy's")
        try:
            with self.archive.open(info) as stream:
                return read(stream, info, where)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as reason:
            raise DataError(f"{where} cannot be unpacked: {reason}") from None


def _array(stream: Any, size: int, limit: int, where: str) -> Array:
    """An array in NumPy's format; `size` is how many bytes there are with the header."""
    descr, fortran, shape, offset = _header(stream, where)
    dtype = _dtype(descr, where)
    count = math.prod(shape)
    if count * dtype.itemsize != size - offset:
        raise DataError(
            f"{where}: its header promises {count:,} entries of {dtype.itemsize} bytes, "
            f"but {max(0, size - offset):,} bytes follow"
        )
    if count * 8 > limit:
        raise DataError(
            f"{where} has {spell_size(count * 8)}; at most {spell_size(limit)} are read"
        )
    content = stream.read(count * dtype.itemsize)
    if len(content) != count * dtype.itemsize:
        raise DataError(f"{where} ends too early")
    raw = np.frombuffer(content, dtype=dtype).reshape(shape, order="F" if fortran else "C")
    return _exact(raw, where)


def _header(stream: Any, where: str) -> tuple[str, bool, tuple[int, ...], int]:
    """(descr, fortran_order, shape, bytes used): the NumPy format, versions 1, 2 and 3."""
    start = stream.read(8)
    if start[:6] != _MAGIC or len(start) < 8:
        raise DataError(f"{where} is no array in NumPy's format")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    if length > _LONGEST_HEADER:
        raise DataError(f"{where} has a header of {length:,} bytes")
    found = _HEADER.fullmatch(stream.read(length).decode("latin-1"))
    if found is None:
        raise DataError(f"{where} does not hold a plain array", help=_PLAIN)
    parts = [part.strip().rstrip("L") for part in found[3].split(",")]
    shape = tuple(int(part) for part in parts if part)
    return found[1], found[2] == "True", shape, 8 + width + length


_PLAIN = "integers, booleans and floats of at most 64 bits are read; convert with astype(float)"


def _dtype(descr: str, where: str) -> np.dtype[Any]:
    if not re.fullmatch(r"[<>|=]?(b1|[iu][1248]|f[248])", descr):
        kinds = {"O": "objects", "c": "complex numbers", "f": "long doubles", "U": "texts"}
        kind = kinds.get(descr.lstrip("<>|=")[:1], f"entries of the type {printable(descr)}")
        raise DataError(f"{where} holds {kind}", help=_PLAIN)
    return np.dtype(descr)


def _bits(descr: str, where: str) -> int:
    dtype = _dtype(descr, where)
    return int(np.finfo(dtype).nmant) + 1 if dtype.kind == "f" else _DOUBLE


def _exact(raw: NDArray[Any], where: str) -> Array:
    """The same numbers in double precision. Refused where one is not finite or not a double."""
    values = np.ascontiguousarray(raw, dtype=np.float64).reshape(raw.shape)
    if not np.isfinite(values).all():
        place = [int(k) for k in np.argwhere(~np.isfinite(values))[0]]
        entry = f"[{','.join(map(str, place))}]" if place else ""
        raise DataError(f"{where}: entry {entry} is {values[tuple(place)]}, not a finite number")
    if raw.dtype.kind in "iu" and raw.dtype.itemsize == 8 and np.abs(values).max(initial=0) >= 2**53:
        wrong = [int(v) for v in raw.flat if int(float(v)) != int(v)]
        if wrong:
            raise DataError(f"{where}: the integer {wrong[0]} is not a double", help=_PLAIN)
    return values
