"""Reads a shape. Gives an array to be filled, and the pieces to fill it by. Knows nothing of what is in it.

Columns of a hundred million numbers are looked at and written in pieces, and those that gradcheck makes
itself lie in a temporary file, mapped: they take no memory that something else needs.
"""

from __future__ import annotations

import math
import mmap
import tempfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits
from gradcheck_cli.numerics.machine import DOUBLE_BYTES

__all__ = ["allocate", "pieces"]


def pieces(shape: tuple[int, ...], limits: NumericsLimits = NUMERICS) -> Iterator[slice]:
    """Slices of the first axis."""
    step = max(1, limits.piece // max(1, math.prod(shape[1:])))
    return (slice(a, min(shape[0], a + step)) for a in range(0, shape[0], step))


def allocate(shape: tuple[int, ...], limits: NumericsLimits = NUMERICS) -> NDArray[np.float64]:
    """An array to be filled: in memory, or in a temporary file, gone with the array, where it is large.

    Parameters
    ----------
    shape : of the array
    limits : how large an array in memory may be

    Returns
    -------
    float64 array of that shape, not initialized

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    size = DOUBLE_BYTES * math.prod(shape)
    if size <= limits.in_memory:
        return np.empty(shape)
    with tempfile.TemporaryFile(prefix="gradcheck.") as file:
        file.truncate(size)
        return np.frombuffer(mmap.mmap(file.fileno(), size), dtype=np.float64).reshape(shape)
