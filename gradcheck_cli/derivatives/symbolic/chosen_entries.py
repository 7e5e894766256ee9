"""Reads arrays of numbers of any kind and whole numbers. Gives entries chosen by them, and the way back.

In a key a number, the whole axis `slice(None)`, None for computed whole numbers and a range that runs along
with them stand for one axis each. Knows nothing of programs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["one_hot_entries", "put_back", "take_entries"]


def _whole_numbers(x: Array) -> Array:
    """The nearest whole numbers, as int."""
    return np.asarray(np.rint(floats(x).real), dtype=int)


def one_hot_entries(y: Array, count: int, m: Namespace) -> Array:
    """1 at the nearest place of a new last axis, 0 elsewhere.

    Parameters
    ----------
    y : whole numbers of any kind
    count : places of the new axis
    m : the namespace of the result

    Returns
    -------
    (*y, count) in the numbers of `m`
    """
    at = np.minimum(np.maximum(_whole_numbers(y), 0), count - 1)
    return np.asarray(m.truth(np.expand_dims(at, -1) == np.array(range(count))))


def take_entries(x: Array, chosen: Sequence[Array], key: tuple[Any, ...]) -> Array:
    """The entries of an array at a key.

    Parameters
    ----------
    x : (perturbations, rows, *shape) of any dtype
    chosen : for each None of the key, (1, rows or 1, *chosen shape)
    key : a part for each axis of the shape

    Returns
    -------
    (perturbations, rows, *shape of the choice) of the same dtype
    """
    places, start, stop = _places(x.shape[2:], chosen, key)
    before, after = x.shape[2 : 2 + start], x.shape[2 + stop :]
    flat = x.reshape((*x.shape[:2], *before, -1, *after))
    lead = tuple(places.shape[:2])
    where = places.reshape((*lead, *(1 for _ in before), -1, *(1 for _ in after)))
    rows = max(flat.shape[1], lead[1])
    if flat.shape[1] < rows:
        flat = np.broadcast_to(flat, (flat.shape[0], rows, *flat.shape[2:]))
    found = np.take_along_axis(flat, where, axis=2 + start)
    return np.asarray(found.reshape((*found.shape[:2], *before, *places.shape[2:], *after)))


def put_back(adjoint: Array, shape: Shape, chosen: Sequence[Array], key: tuple[Any, ...]) -> Array:
    """What an array gets back for entries that were taken from it, added where they were taken twice.

    Parameters
    ----------
    adjoint : (seeds, rows, *shape of the choice) of any dtype
    shape : of the array
    chosen, key : as they were taken

    Returns
    -------
    (seeds, rows, *shape) of the same dtype
    """
    places, start, stop = _places(shape, chosen, key)
    before, after, count = shape[:start], shape[stop:], math.prod(shape[start:stop])
    rows = max(adjoint.shape[1], places.shape[1])
    given = np.broadcast_to(adjoint, (adjoint.shape[0], rows, *adjoint.shape[2:]))
    given = given.reshape((*given.shape[:2], *before, math.prod(places.shape[2:]), *after))
    full = np.zeros((*given.shape[:2], *before, count, *after), dtype=adjoint.dtype)
    into, out = np.moveaxis(full, 2 + start, 0), np.moveaxis(given, 2 + start, 0)
    each = places.reshape((*places.shape[:2], -1))[0]
    if len(each) == 1:
        np.add.at(into, (each[0],), out)
    else:
        where: Any = (each, slice(None), np.arange(rows)[:, None])
        np.add.at(into, where, np.moveaxis(out, (2, 0), (0, 1)))
    return full.reshape((*full.shape[:2], *shape))


def _places(shape: Shape, chosen: Sequence[Array], key: tuple[Any, ...]) -> tuple[Array, int, int]:
    """Which entries of the axes start, ..., stop - 1, counted as one axis: (1, rows or 1, *chosen shape)."""
    start = next(k for k, part in enumerate(key) if not isinstance(part, slice))
    stop = len(key) - next(k for k, part in enumerate(reversed(key)) if not isinstance(part, slice))
    rank, computed = max(c.ndim for c in chosen), list(chosen)
    parts = []
    for part, n in zip(key[start:stop], shape[start:stop], strict=True):
        at = np.array(part) if part is not None else _whole_numbers(computed.pop(0))
        at = at if part is not None else at.reshape(at.shape + (1,) * (rank - at.ndim))
        parts.append(np.clip(at, 0, n - 1))
    found = np.ravel_multi_index(np.broadcast_arrays(*parts), shape[start:stop])
    return found.reshape((1,) * (rank - found.ndim) + found.shape), start, stop
