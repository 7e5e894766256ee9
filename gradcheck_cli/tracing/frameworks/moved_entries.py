"""Reads an array and the place in it from which each entry of another comes. Gives the other.

What only moves entries, in whatever words a framework has for it, is one index. Knows nothing of frameworks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.tracing.new_nodes import recorded
from gradcheck_cli.tracing.recorded_array import Recorded
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.traced_nodes import assemble, sources

__all__ = ["entries_at", "filled"]


def entries_at(recording: Recording, x: Any, places: Array) -> Any:
    """The entries of an array at places in its reading order.

    Parameters
    ----------
    recording : of the program
    x : array
    places : int array, of the shape that the entries get

    Returns
    -------
    Recorded
        x itself, a part of it, rows, pairs, or entries one by one.
    """
    x = recorded(recording, x)
    every = np.arange(x.size).reshape(x.shape)
    for find in (_box, _along_an_axis, _pairs):
        key = find(every, places)
        if key is not None:
            return x[key].reshape(places.shape) if x[key].shape != places.shape else x[key]
    if places.ndim > 1 and places.size in places.shape:  # a line of them, as a column
        return entries_at(recording, x, places.reshape(-1)).reshape(places.shape)
    return x.reshape(-1)[places]


def filled(recording: Recording, x: Any, y: Any, places: Array) -> Any:
    """An array of entries of two others.

    Parameters
    ----------
    recording : of the program
    x, y : arrays
    places : int array: the place of each entry, of x, or, counted from the size of x, of y

    Returns
    -------
    Recorded
    """
    x, y = recorded(recording, x), recorded(recording, y)
    size = x.size
    nodes, which, where = sources(x.node)
    of_x = places < size
    inside = np.where(of_x, places, 0)
    first = which.reshape(-1)[inside], where.reshape(-1)[inside]
    which = np.where(of_x, first[0], len(nodes))
    where = np.where(of_x, first[1], places - size)
    value = np.concatenate([x.node.value.reshape(-1), y.node.value.reshape(-1)])[places]
    return Recorded(assemble((*nodes, y.node), which, where, value, recording.place()), recording)


def _box(every: Array, places: Array) -> Any:
    """Numbers and slices, one for each axis: the whole, or a part without gaps."""
    if not places.size or not every.size:
        return None
    first, last = (np.unravel_index(int(p), every.shape) for p in (places.min(), places.max()))
    slices = tuple(slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
    part = every[slices]
    if part.size != places.size or not np.array_equal(part.reshape(-1), places.reshape(-1)):
        return None
    if part.shape == places.shape:
        return slices
    pairs = zip(slices, every.shape, strict=True)
    key = tuple(s.start if s.stop - s.start == 1 and n > 1 else s for s, n in pairs)
    return key if every[key].shape == places.shape else slices


def _along_an_axis(every: Array, places: Array) -> Any:
    if places.ndim != every.ndim or not places.size or not every.size:
        return None
    for axis in range(every.ndim):
        others = [n for k, n in enumerate(every.shape) if k != axis]
        if [n for k, n in enumerate(places.shape) if k != axis] != others:
            continue
        line = np.moveaxis(places, axis, 0).reshape(places.shape[axis], -1)[:, 0]
        numbers = line // int(np.prod(every.shape[axis + 1 :], dtype=int)) % every.shape[axis]
        if np.array_equal(np.take(every, numbers, axis), places):
            return (slice(None),) * axis + (numbers,)
    return None


def _pairs(every: Array, places: Array) -> Any:
    if every.ndim != 2 or places.ndim != 1 or not places.size:
        return None
    return np.unravel_index(places, every.shape)
