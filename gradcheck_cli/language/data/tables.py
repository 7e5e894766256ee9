"""Reads CSV, .npy and .npz files. Gives float64 arrays. Knows nothing of models.

What a file promises is compared with what it has before memory is taken, and nothing in it is ever
executed.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import DataError, printable
from gradcheck_cli.language.data.csv_columns import SHOWN, Columns, find
from gradcheck_cli.language.data.file_access import Access, check_size, open_file, size_of, spell_size
from gradcheck_cli.language.data.npy import MAGIC, Header, header_of, map_array, read_array

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
        """One array, by its name or another spelling of it.

        Parameters
        ----------
        name : of the array

        Returns
        -------
        (length, ...) float64

        Raises
        ------
        DataError
            If there is none, or it does not hold finite numbers.
        """

    def together(self, names: Sequence[str]) -> Array:
        """Several arrays side by side.

        Parameters
        ----------
        names : of one-dimensional arrays

        Returns
        -------
        (length, names) float64

        Raises
        ------
        DataError
            If there is none, or it does not hold finite numbers.
        """

    def half_units(self, names: Sequence[str]) -> Array | None:
        """Half a unit of the last written digit of each number.

        Parameters
        ----------
        names : of one-dimensional arrays

        Returns
        -------
        (length, names) float64, in the unit of the numbers; None where the file is binary

        Raises
        ------
        DataError
            If there is none, or it does not hold finite numbers.
        """

    def bits(self, name: str) -> int:
        """Significand bits of its numbers: 24 for float32; 53 for float64, integers and text."""


@contextmanager
def open_table(path: str, access: Access, *, rows: bool = False) -> Iterator[Table]:
    """The tables of a data file; `path` is relative to the folder of `access`. Raises DataError.

    For `rows` an .npy file is mapped: what stays in the file does not count against the limit.
    """
    name = str(access.folder / path) if path != "-" else "./-"
    try:
        with open_file(name, beside=access.beside) as stream:
            start, size = stream.read(8), size_of(stream)
            stream.seek(0)
            if not (rows and start.startswith(MAGIC)):
                check_size(name, size, access.limits.max_data)
            yield _table(_Content(printable(path, SHOWN), stream, size, access), start, path, rows=rows)
    except DataError as reason:
        if reason.place is not None:
            raise
        text = reason.message.replace(printable(name, 200), printable(path, SHOWN))
        raise DataError(text, help=reason.help) from None


@dataclass(frozen=True)
class _Content:
    """An open file, and how much of it may be read."""

    file: str  # as it is shown
    stream: IO[bytes]
    size: int
    access: Access

    def header(self, stream: Any, where: str) -> Header:
        """That of an array, here or packed."""
        return header_of(stream, where, self.access.limits)


def _table(content: _Content, start: bytes, path: str, *, rows: bool) -> Table:
    if start.startswith(MAGIC):
        return _Array(content, rows=rows)
    if start.startswith(b"PK\x03\x04") or path.lower().endswith(".npz"):
        return _Zipped(content)
    if path.lower().endswith(".npy"):
        raise DataError(f"{content.file} is no .npy file", help="numpy.save writes one")
    return _Csv(content.file, content.stream, content.access)


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
    def __init__(self, given: _Content, *, rows: bool) -> None:
        header = given.header(given.stream, given.file)
        given.stream.seek(0)
        read = map_array if rows else read_array
        self.array = read(given.stream, given.size, given.file, given.access)
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
    def __init__(self, given: _Content) -> None:
        self.given, self.file = given, given.file
        try:
            self.archive = zipfile.ZipFile(given.stream)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as reason:
            raise DataError(f"{self.file} is no .npz file: {reason}") from None
        self.members = {
            info.filename.removesuffix(".npy"): info for info in self.archive.infolist()
        }
        self.names = tuple(self.members)
        if not self.names:
            raise DataError(f"{self.file} holds no arrays")

    def bits(self, name: str) -> int:
        """Those of the array under one key."""
        return self._open(name, lambda stream, info, where: self.given.header(stream, where).bits)

    def take(self, name: str) -> Array:
        """The array under one key."""
        access = self.given.access
        return self._open(
            name, lambda stream, info, where: read_array(stream, info.file_size, where, access)
        )

    def _open(self, name: str, read: Callable[[Any, zipfile.ZipInfo, str], _Read]) -> _Read:
        key = find(name, self.names, "key", self.file)
        info = self.members[key]
        where = f"{self.file}, key {printable(key, SHOWN)}"
        most = self.given.access.limits.max_data
        if info.file_size > most:
            raise DataError(
                f"{where} has {spell_size(info.file_size)}; "
                f"at most {spell_size(most)} are read",
                help="--max-data raises the limit",
            )
        if info.flag_bits & 1 or info.compress_type not in _COMPRESSIONS:
            raise DataError(f"{where} is encrypted, or packed in another way than NumPy's")
        try:
            with self.archive.open(info) as stream:
                return read(stream, info, where)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as reason:
            raise DataError(f"{where} cannot be unpacked: {reason}") from None
