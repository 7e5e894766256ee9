"""Reads CSV, .npy and .npz files. Gives float64 arrays. Knows nothing of models.

What a file promises is compared with what it has before memory is taken, and nothing in it is ever
executed.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import DataError, printable
from gradcheck_cli.language.data.csv_columns import SHOWN, Columns, find
from gradcheck_cli.language.data.file_access import check_size, opened, size_of, spell_size
from gradcheck_cli.language.data.npy import MAGIC, header_of, mapped, read_array

__all__ = ["Table", "open_table"]

_Read = TypeVar("_Read")
Array = NDArray[np.float64]
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Table(Protocol):
    """Named arrays of one file."""

    @property
    def names(self) -> tuple[str, ...]:
        """Columns or keys."""

    @property
    def is_csv(self) -> bool:
        """Whether the names are columns, all of one length."""

    @property
    def is_mapped(self) -> bool:
        """Whether its numbers stay in the file, and take no memory."""

    def take(self, name: str) -> Array:
        """One of them, by its name or another spelling of it. Raises DataError."""

    def together(self, names: Sequence[str]) -> Array:
        """Several side by side, (length, names). Raises DataError."""

    def half_units(self, names: Sequence[str]) -> Array | None:
        """Half a unit of the last digit of each number; None where they are binary. Raises DataError."""

    def bits(self, name: str) -> int:
        """Significand bits of its numbers: 24 for float32; 53 for float64, integers and text."""


@contextmanager
def open_table(path: str, folder: Path, limit: int, *, rows: bool = False) -> Iterator[Table]:
    """The tables of a data file; `path` is relative to `folder`. Raises DataError.

    For `rows` an .npy file is mapped: what stays in the file does not count against the limit.
    """
    name = str(folder / path) if path != "-" else "./-"
    try:
        with opened(name) as stream:
            start, size = stream.read(8), size_of(stream)
            stream.seek(0)
            if not (rows and start.startswith(MAGIC)):
                check_size(name, size, limit)
            yield _table(stream, start, size, path, limit, rows=rows)
    except DataError as reason:
        if reason.place is not None:
            raise
        text = reason.message.replace(printable(name, 200), printable(path, SHOWN))
        raise DataError(text, help=reason.help) from None


def _table(stream: IO[bytes], start: bytes, size: int, path: str, limit: int, *, rows: bool) -> Table:
    shown = printable(path, SHOWN)
    if start.startswith(MAGIC):
        return _Array(stream, size, limit, shown, rows=rows)
    if start.startswith(b"PK\x03\x04") or path.lower().endswith(".npz"):
        return _Zipped(shown, stream, limit)
    if path.lower().endswith(".npy"):
        raise DataError(f"{shown} is no .npy file", help="numpy.save writes one")
    return _Csv(shown, stream, limit)


class _Csv(Columns):
    is_mapped = False


class _Binary:
    is_csv = False
    is_mapped = False

    def half_units(self, names: Sequence[str]) -> Array | None:
        """Nothing is written in digits."""
        return None

    def take(self, name: str) -> Array:
        """One array."""
        raise NotImplementedError

    def together(self, names: Sequence[str]) -> Array:
        """Several side by side."""
        return np.stack([self.take(name) for name in names], axis=1)


class _Array(_Binary):
    def __init__(self, stream: IO[bytes], size: int, limit: int, where: str, *, rows: bool) -> None:
        header = header_of(stream, where)
        stream.seek(0)
        self.array = (mapped if rows else read_array)(stream, size, limit, where)
        self.own_bits = header.bits
        self.is_mapped = rows and header.is_native
        self.names = ("",)

    def take(self, name: str) -> Array:
        """The one array of an .npy file."""
        return self.array

    def bits(self, name: str) -> int:
        """Those of the array."""
        return self.own_bits


class _Zipped(_Binary):
    def __init__(self, file: str, content: IO[bytes], limit: int) -> None:
        self.file = file
        self.limit = limit
        try:
            self.archive = zipfile.ZipFile(content)
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
        return self._opened(name, lambda stream, info, where: header_of(stream, where).bits)

    def take(self, name: str) -> Array:
        """The array under one key."""
        return self._opened(
            name, lambda stream, info, where: read_array(stream, info.file_size, self.limit, where)
        )

    def _opened(self, name: str, read: Callable[[Any, zipfile.ZipInfo, str], _Read]) -> _Read:
        key = find(name, self.names, "key", self.file)
        info = self.members[key]
        where = f"{self.file}, key {printable(key, SHOWN)}"
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
