"""Reads a file of numbers. Gives the gradients in it, by its ending: JSON, .npz, .npy, tables of text,
safetensors, MATLAB's .mat."""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gradcheck_cli.against.answers import gradient_of_json, parse_json
from gradcheck_cli.against.elsewhere import Asked, ElsewhereError, Numbers
from gradcheck_cli.against.named_numbers import as_printed, by_names, unnamed
from gradcheck_cli.against.table_layouts import gradient_of_table
from gradcheck_cli.common.errors import DataError
from gradcheck_cli.language.data.file_access import Access, check_size, open_file, size_of
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.against import AGAINST
from gradcheck_cli.numerics.machine import DOUBLE_BYTES

__all__ = ["ENDINGS", "gradient_of_file"]

_MATLAB_HEADER, _PLAIN, _PACKED = 128, 14, 15  # bytes; the types of arrays, and of compressed ones
_Found = tuple[dict[str, Numbers], float | None]


def gradient_of_file(path: str, asked: Asked) -> _Found:
    """The gradients by name in a file, and the loss beside them. Raises GradcheckError."""
    ending = Path(path).suffix.lower()
    if ending not in _READERS:
        help = f"files of numbers end in {', '.join(ENDINGS)}; functions are FILE.py:FUNCTION"
        raise ElsewhereError(f"{path} has an ending that is not known", help=help)
    return _READERS[ending](path, asked)


def _content(path: str) -> bytes:
    with open_file(path, beside="the current folder") as stream:
        size = size_of(stream)
        check_size(path, size, AGAINST.most_file)
        return stream.read(size + 1)


def _of_json(path: str, asked: Asked) -> _Found:
    try:
        found = parse_json(_content(path).decode("utf-8-sig"))
    except ValueError as error:
        raise ElsewhereError(f"{path} is no JSON file: {error}") from None
    return gradient_of_json(path, found, asked)


def _of_arrays(path: str, asked: Asked) -> _Found:
    from gradcheck_cli.language.data.tables import open_table

    with open_table(path, Access(beside="the current folder")) as table:
        found, size = dict[str, Numbers](), 0
        for name in table.names:
            found[name] = Numbers(table.take(name), None, _narrow(table.bits(name)))
            size += found[name].values.nbytes
            check_size(path, size, AGAINST.most_file)
    if list(found) == [""]:
        return unnamed(path, found[""], asked), None
    return by_names(path, found, asked)


def _narrow(bits: int) -> int | None:
    """The bits of a format; None of float64, which may hold numbers of any."""
    return bits if bits < SIGNIFICANDS["float64"] else None


def _of_table(path: str, asked: Asked) -> _Found:
    from gradcheck_cli.language.data.csv_columns import Columns

    with open_file(path, beside="the current folder") as stream:
        check_size(path, size_of(stream), AGAINST.most_file)
        columns = Columns(path, stream, Access(), has_labels=True)
        return as_printed(gradient_of_table(path, columns, asked)), None


def _of_safetensors(path: str, asked: Asked) -> _Found:
    from gradcheck_cli.against.safetensors import read_safetensors

    return by_names(path, read_safetensors(path, _content(path)), asked)


def _of_matlab(path: str, asked: Asked) -> _Found:
    from scipy.io import loadmat

    content = _content(path)
    if content[:4] == b"\x89HDF" or b"MATLAB 7.3" in content[:128]:
        help = "save it with -v7: save('g.mat', 'W', '-v7')"
        raise ElsewhereError(f"{path} is a MATLAB 7.3 file", help=help)
    check_size(path, _unpacked_size(content, AGAINST.most_file), AGAINST.most_file)
    try:
        found = loadmat(io.BytesIO(content))
    except Exception as error:  # whatever a damaged file makes of it
        help = "Octave writes text unless it is told: save('-v7', 'g.mat', 'W')"
        raise ElsewhereError(f"{path} is no .mat file: {error}", help=help) from None
    arrays = {name: value for name, value in found.items() if not name.startswith("__")}
    return by_names(path, {name: _of_array(path, name, value) for name, value in arrays.items()}, asked)


def _unpacked_size(content: bytes, most: int) -> int:
    """How many bytes the packed elements of a MATLAB 5 file have; not much more than `most`, where it has
    more."""
    order = "<II" if content[126:128] == b"IM" else ">II"
    size, start = 0, _MATLAB_HEADER
    while start + 8 <= len(content) and size <= most:
        kind, length = struct.unpack(order, content[start : start + 8])
        start += 8 + length
        if kind not in (_PLAIN, _PACKED):
            break  # a MATLAB 4 file, or a damaged one
        if kind == _PACKED:
            unpacker, rest = zlib.decompressobj(), content[start - length : start]
            while rest and size <= most:
                try:
                    size += len(unpacker.decompress(rest, AGAINST.piece))
                except zlib.error:
                    break  # who reads it says so
                rest = unpacker.unconsumed_tail
    return size


def _of_array(path: str, name: str, value: object) -> Numbers:
    shape = getattr(value, "shape", ())
    check_size(path, math.prod(shape) * DOUBLE_BYTES, AGAINST.most_file)  # a sparse one may be large
    array = np.asarray(value.toarray() if hasattr(value, "toarray") else value)
    if array.dtype.kind not in "fiub":
        raise DataError(f"{path}: {name} is no array of numbers")
    is_single = array.dtype == np.float32
    return Numbers(array.astype(np.float64), None, SIGNIFICANDS["float32"] if is_single else None)


_READERS: dict[str, Callable[[str, Asked], _Found]] = {
    ".json": _of_json, ".npz": _of_arrays, ".npy": _of_arrays, ".csv": _of_table, ".tsv": _of_table,
    ".txt": _of_table, ".dat": _of_table, ".safetensors": _of_safetensors, ".mat": _of_matlab,
}  # fmt: skip
ENDINGS = tuple(_READERS)
