"""Reads a safetensors file. Gives its arrays as float64, with the bits of their format.

A header of JSON says where each array lies; what it promises is compared with what the file has. Knows
nothing of gradients.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from gradcheck_cli.against.elsewhere import ElsewhereError, Numbers
from gradcheck_cli.common.errors import printable
from gradcheck_cli.language.data.file_access import check_size
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.against import AGAINST, AgainstLimits

__all__ = ["read_safetensors"]

_TYPES = {
    "F64": ("<f8", None), "F32": ("<f4", "float32"), "F16": ("<f2", "float16"), "BF16": ("<u2", "bfloat16"),
    "I64": ("<i8", None), "I32": ("<i4", None), "I16": ("<i2", None), "I8": ("i1", None), "U8": ("u1", None),
    "BOOL": ("?", None),
}  # fmt: skip


def read_safetensors(source: str, content: bytes, limits: AgainstLimits = AGAINST) -> dict[str, Numbers]:
    """The arrays of a file by name. Raises ElsewhereError where it is damaged, or holds other types."""
    length, rest = int.from_bytes(content[:8], "little"), content[8:]
    if len(content) < 8 or length > min(limits.most_header, len(rest)):
        raise ElsewhereError(f"{source} is no safetensors file, or was cut short")
    try:
        header: Any = json.loads(rest[:length])
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ElsewhereError(f"{source} is no safetensors file: its header is no JSON object")
    data = rest[length:]
    found, size = dict[str, Numbers](), 0
    for name, entry in header.items():
        if name != "__metadata__":
            found[name] = _numbers(f"{source}, {printable(name, 60)}", entry, data)
            size += found[name].values.nbytes  # entries may name the same bytes
            check_size(source, size, limits.most_file)
    return found


def _numbers(where: str, entry: Any, data: bytes) -> Numbers:
    try:
        kind, shape = str(entry["dtype"]), tuple(int(n) for n in entry["shape"])
        start, end = (int(offset) for offset in entry["data_offsets"])
    except (TypeError, KeyError, ValueError, OverflowError):
        raise ElsewhereError(f"{where}: its header does not say type, shape and place") from None
    if kind not in _TYPES:
        raise ElsewhereError(f"{where} holds {printable(kind, 20)}", help=f"read are {', '.join(_TYPES)}")
    code, name = _TYPES[kind]
    raw = np.dtype(code)
    is_inside = 0 <= start <= end <= len(data) and min(shape, default=0) >= 0
    if not is_inside or end - start != math.prod(shape) * raw.itemsize:
        raise ElsewhereError(f"{where}: its header promises other bytes than follow", help="save it again")
    try:
        values = np.frombuffer(data[start:end], dtype=raw).reshape(shape)
    except (ValueError, OverflowError):  # more axes than NumPy has, or longer ones beside one of length 0
        raise ElsewhereError(f"{where} has a shape that no array has") from None
    return Numbers(_widened(values, name), None, None if name is None else SIGNIFICANDS[name])


def _widened(values: Any, name: str | None) -> Array:
    """As float64; a bfloat16 is the upper half of a float32."""
    if name == "bfloat16":
        values = (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return np.array(values, dtype=np.float64)
