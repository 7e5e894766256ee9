"""Reads arrays in NumPy's format. Gives float64 arrays, read or mapped. Knows nothing of models.

What a header promises is compared with what follows before memory is taken, and nothing is ever executed:
headers are read by a pattern, objects and pickles are refused. Numbers are looked at in pieces, so that
a column of 1e8 is never copied.
"""

from __future__ import annotations

import math
import mmap
import re
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import DataError, printable
from gradcheck_cli.language.data.file_access import Access, spell_size
from gradcheck_cli.numerics.chunked_arrays import allocate, pieces
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.language import DEFAULTS, LanguageLimits
from gradcheck_cli.numerics.limits.numerics import NumericsLimits
from gradcheck_cli.numerics.machine import DOUBLE_BYTES

__all__ = ["DOUBLE", "MAGIC", "Header", "header_of", "map_array", "read_array"]

Array = NDArray[np.float64]
DOUBLE = SIGNIFICANDS["float64"]
MAGIC = b"\x93NUMPY"
_KINDS = {
    "descr": r"'([^']{1,20})'",
    "fortran_order": "(True|False)",
    "shape": r"\(((?: *\d{1,20}L? *,){0,64}(?: *\d{1,20}L?)? *)\)",
}
_FIELDS = {key: re.compile(rf"\s*'{key}'\s*:\s*{kind}\s*(?:,|$)") for key, kind in _KINDS.items()}
_CUT = "it was cut short on the way; copy or save it again"
_PLAIN = "integers, booleans and floats of at most 64 bits are read; convert with astype(float)"


class Header(NamedTuple):
    """What an array in NumPy's format says of itself; `offset`: bytes of the header."""

    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]
    offset: int

    @property
    def entries(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

    @property
    def order(self) -> Any:
        """"F" or "C"."""
        return "F" if self.fortran else "C"

    @property
    def bits(self) -> int:
        """Significand bits of its numbers; integers count as doubles."""
        return int(np.finfo(self.dtype).nmant) + 1 if self.dtype.kind == "f" else DOUBLE

    @property
    def is_native(self) -> bool:
        """Whether its bytes are those of an aligned float64 array of this machine."""
        flat = not self.fortran or len(self.shape) < 2
        return self.dtype == np.float64 and self.dtype.isnative and flat and self.offset % DOUBLE_BYTES == 0

    def check(self, size: int, where: str) -> None:
        """Refuse a header that promises something else than follows; `size`: bytes with the header."""
        promised, follow = self.entries * self.dtype.itemsize, max(0, size - self.offset)
        if promised != follow:
            raise DataError(
                f"{where}: its header promises {self.entries:,} entries of {self.dtype.itemsize} bytes, "
                f"but {follow:,} bytes follow",
                help=_CUT if follow < promised else "something was added to it; save it again",
            )


def header_of(stream: Any, where: str, limits: LanguageLimits = DEFAULTS) -> Header:
    """The header at which a stream stands: the NumPy format, versions 1, 2 and 3. Raises DataError."""
    start = stream.read(8)
    if start[:6] != MAGIC or len(start) < 8:
        raise DataError(f"{where} is no array in NumPy's format")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    if length > limits.longest_npy_header:
        raise DataError(f"{where} has a header of {length:,} bytes")
    header = stream.read(length)
    if len(header) < length:
        raise DataError(f"{where} ends within its header", help=_CUT)
    found = _fields(header.decode("latin-1").strip())
    if found is None:
        raise DataError(f"{where} does not hold a plain array", help=_PLAIN)
    parts = [part.strip().rstrip("L") for part in found["shape"].split(",")]
    shape = tuple(int(part) for part in parts if part)
    return Header(_dtype(found["descr"], where), found["fortran_order"] == "True", shape, 8 + width + length)


def _fields(text: str) -> dict[str, str] | None:
    """The three fields of a header, which NumPy takes in any order and in both kinds of quotes."""
    if not (text.startswith("{") and text.endswith("}")):
        return None
    found, rest = dict[str, str](), text[1:-1].replace('"', "'").rstrip()
    while rest:
        matches = ((key, m) for key, pattern in _FIELDS.items() if (m := pattern.match(rest)))
        key, match = next(matches, ("", None))
        if match is None or key in found:
            return None
        found[key], rest = match[1], rest[match.end() :].rstrip()
    return found if len(found) == len(_FIELDS) else None


def _dtype(descr: str, where: str) -> np.dtype[Any]:
    if not re.fullmatch(r"[<>|=]?(b1|[iu][1248]|f[248])", descr):
        kinds = {"O": "objects", "c": "complex numbers", "f": "long doubles", "U": "texts"}
        kind = kinds.get(descr.lstrip("<>|=")[:1], f"entries of the type {printable(descr)}")
        raise DataError(f"{where} holds {kind}", help=_PLAIN)
    return np.dtype(descr)


def read_array(stream: Any, size: int, where: str, access: Access) -> Array:
    """An array in NumPy's format.

    Parameters
    ----------
    stream : binary, at the start of the array
    size : how many bytes there are, with the header
    where : the file, as messages name it
    access : how much may be read

    Returns
    -------
    float64 array of the shape that the header says

    Raises
    ------
    DataError
        If the content is cut, too large, of another type, or not exact in float64.
    """
    header = header_of(stream, where, access.limits)
    header.check(size, where)
    _check_limit(header, access.limits.max_data, where)
    length = header.entries * header.dtype.itemsize
    content = stream.read(length)
    if len(content) != length:
        raise DataError(f"{where} ends too early", help=_CUT)
    raw = np.frombuffer(content, dtype=header.dtype).reshape(header.shape, order=header.order)
    values = np.ascontiguousarray(raw, dtype=np.float64).reshape(raw.shape)
    _check_exact(raw, values, where, access.numerics)
    return values


def map_array(stream: IO[bytes], size: int, where: str, access: Access) -> Array:
    """The array of an .npy file, which stays in the file where that holds float64 in C order; else it is
    converted piece by piece, and counts against the limit.

    Parameters
    ----------
    stream : the open file
    size : how many bytes it has
    where : the file, as messages name it
    access : how much may be held in memory

    Returns
    -------
    float64 array with one entry a row, which may be read-only

    Raises
    ------
    DataError
        If the content is cut, too large, of another type, or not exact in float64.
    """
    header = header_of(stream, where, access.limits)
    header.check(size, where)
    if not header.entries:
        return np.zeros(header.shape)
    raw = _view(stream, header)
    if header.is_native:
        _check_exact(raw, raw, where, access.numerics)
        return raw
    _check_limit(header, access.limits.max_data, where)
    values = allocate(header.shape, access.numerics)
    for piece in pieces(header.shape, access.numerics):
        values[piece] = raw[piece]
        _check_exact(raw[piece], values[piece], where, access.numerics, piece)
    return values


def _view(stream: IO[bytes], header: Header) -> NDArray[Any]:
    """The bytes of a file as an array that cannot be written to. It lives as long as the array."""
    whole = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    flat = np.frombuffer(whole, dtype=header.dtype, count=header.entries, offset=header.offset)
    return flat.reshape(header.shape, order=header.order)


def _check_limit(header: Header, limit: int, where: str) -> None:
    size = header.entries * DOUBLE_BYTES
    if size > limit:
        raise DataError(f"{where} has {spell_size(size)}; at most {spell_size(limit)} are read",
                        help="--max-data raises the limit; float64 in C order does not count for rows")


def _check_exact(
    raw: NDArray[Any], values: Array, where: str, numerics: NumericsLimits, at: slice | None = None
) -> None:
    """Refuse numbers that are not finite or, as float64, not the same; `at`: which of the first axis."""
    if at is None and values.ndim:
        for piece in pieces(values.shape, numerics):
            _check_exact(raw[piece], values[piece], where, numerics, piece)
        return
    if not np.isfinite(values).all():
        place = [int(k) for k in np.argwhere(~np.isfinite(values))[0]]
        found = values[tuple(place)]
        if at is not None:
            place[0] += at.start
        entry = f"[{','.join(map(str, place))}]" if place else ""
        raise DataError(f"{where}: entry {entry} is {found}, not a finite number")
    is_long = raw.dtype.kind in "iu" and raw.dtype.itemsize == DOUBLE_BYTES
    if is_long and np.abs(values).max(initial=0) >= 2**53:
        wrong = [int(v) for v in raw.flat if int(float(v)) != int(v)]
        if wrong:
            raise DataError(f"{where}: the integer {wrong[0]} is not a double", help=_PLAIN)
