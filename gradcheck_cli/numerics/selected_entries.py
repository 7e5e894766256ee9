"""Reads arrays and the whole numbers that choose among their entries. Gives the chosen entries, and puts
them back in their places.

A key has a part for each axis of the value: a whole number, `slice(None)` for the whole axis, None for an
array of whole numbers, a range that runs along with the arrays. Knows nothing of what the numbers mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.comparisons import Comparisons

__all__ = ["SelectedEntries"]

Key = tuple[Any, ...]


class SelectedEntries(Comparisons):
    """Entries chosen by whole numbers, for each perturbation and row; a number outside counts as the nearest
    inside, one between two as the nearest."""

    def take(self, x: Any, chosen: Sequence[Any], key: Key) -> Any:
        """The entries of x at the key, whose None stand for the arrays `chosen`, in their order."""
        place = _place(x.shape[2:], chosen, key)
        found = place.merge(x)[(*_lead(x), place.flat)]
        return place.move_back(found)

    def put(self, g: Any, x: Any, chosen: Sequence[Any], key: Key, *, rows_apart: bool = False) -> Any:
        """0 in the shape of x, to which g is added at the key: what is chosen twice is added twice. Over the
        rows where x has one value for all of them."""
        place = _place(x.shape[2:], chosen, key)
        added = x.shape[1] == 1 and not rows_apart
        rows = 1 if added else max(g.shape[1], place.flat.shape[1])
        moved = place.move(g, len(key))
        moved = np.broadcast_to(moved, (moved.shape[0], max(rows, moved.shape[1], place.flat.shape[1]),
                                        *moved.shape[2:]))  # fmt: skip
        result = self.zeros((moved.shape[0], rows, place.size, *moved.shape[3:]))
        full = np.broadcast_to(place.flat, (*moved.shape[:2], place.flat.shape[2]))
        seeds = np.arange(moved.shape[0])[:, None, None]
        each = np.zeros((1, 1, 1), dtype=int) if rows == 1 else np.arange(rows)[:, None]
        np.add.at(result, (seeds, each, full), moved)
        return place.unmerge(result, x.shape[2:])

    def one_hot(self, y: Any, count: int) -> Any:
        """1 at the place y of a new last axis, 0 elsewhere."""
        places = np.clip(np.rint(_doubles(y)), 0, count - 1)
        return self.truth(places[..., None] == np.arange(count))


class _Place(NamedTuple):
    """The axes start, ..., stop - 1 of a value as one, of so many places, and which of them are chosen:
    (perturbations, rows, chosen). `shape`: of what is chosen, without the other axes."""

    start: int
    stop: int
    size: int
    flat: Array
    shape: tuple[int, ...]

    def merge(self, x: Array) -> Array:
        """(S, R, *shape) as (S, R, places, *others)."""
        before, after = x.shape[2 : 2 + self.start], x.shape[2 + self.stop :]
        merged = x.reshape((*x.shape[:2], *before, self.size, *after))
        return np.moveaxis(merged, 2 + self.start, 2)

    def unmerge(self, x: Array, shape: tuple[int, ...]) -> Array:
        """(S, R, places, *others) as (S, R, *shape)."""
        return np.moveaxis(x, 2, 2 + self.start).reshape((*x.shape[:2], *shape))

    def move_back(self, found: Array) -> Array:
        """(S, R, chosen, *others) as the value has it."""
        others = found.shape[3:]
        moved = np.moveaxis(found, 2, 2 + self.start)
        return moved.reshape((*found.shape[:2], *others[: self.start], *self.shape, *others[self.start :]))

    def move(self, g: Array, rank: int) -> Array:
        """The other way round."""
        others = g.shape[2:]
        before, after = others[: self.start], others[self.start + len(self.shape) :]
        merged = g.reshape((*g.shape[:2], *before, math.prod(self.shape), *after))
        return np.moveaxis(merged, 2 + self.start, 2)


def _place(shape: tuple[int, ...], chosen: Sequence[Any], key: Key) -> _Place:
    axes = [k for k, part in enumerate(key) if not isinstance(part, slice)]
    start, stop = axes[0], axes[-1] + 1
    rank = max(c.ndim - 2 for c in chosen)
    waiting, flat = iter(chosen), np.zeros((1,) * (2 + rank), dtype=int)
    for part, n in zip(key[start:stop], shape[start:stop], strict=True):
        if part is None:
            given = _doubles(next(waiting))
            at = np.clip(np.rint(given), 0, n - 1).astype(int)
            at = at.reshape(at.shape + (1,) * (2 + rank - at.ndim))
        else:
            at = np.arange(part.start, part.stop) if isinstance(part, range) else np.array(part)
        flat = flat * n + at
    return _Place(start, stop, math.prod(shape[start:stop]), flat.reshape((*flat.shape[:2], -1)),
                  flat.shape[2:])  # fmt: skip


def _lead(x: Array) -> tuple[Any, ...]:
    """The places along the leading axes of x, one for all where there is one."""
    seeds, rows = x.shape[:2]
    return np.arange(seeds)[:, None, None], np.arange(rows)[:, None]


def _doubles(x: Any) -> Array:
    """The real parts as float64."""
    array = np.asarray(x)
    return array.real.astype(np.float64) if array.dtype != object else array.astype(np.float64)
