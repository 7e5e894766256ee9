"""Reads arrays by name. Gives the values of a point as one frozen, hashable object.

So it is a key for what was computed there. Knows nothing of graphs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.numerics import NUMERICS

__all__ = ["PointValues"]


class PointValues(Mapping[str, Array]):
    """The values of inputs by name, float64; equal where every number is, bit by bit.

    Points share the arrays in which they do not differ, and these are compared without a look at their
    numbers. The arrays are read-only from here on.

    Examples
    --------
    >>> first = PointValues({"x": np.array([1.0, 2.0]), "w": np.array(3.0)})
    >>> second = first.with_values({"w": np.array(4.0)})
    >>> second["x"] is first["x"], second == first, second.with_values({"w": np.array(3.0)}) == first
    (True, False, True)
    """

    __slots__ = ("_arrays", "_hash")

    def __init__(self, values: Mapping[str, Array]) -> None:
        self._arrays = {name: _frozen(array) for name, array in values.items()}
        self._hash: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, Array]) -> PointValues:
        """These values; the same object where they are frozen already.

        Parameters
        ----------
        values : name to array of numbers

        Returns
        -------
        PointValues
        """
        return values if isinstance(values, cls) else cls(values)

    def with_values(self, values: Mapping[str, Array]) -> PointValues:
        """The point with other values of some names.

        Parameters
        ----------
        values : name to array of numbers

        Returns
        -------
        PointValues
            It shares the arrays of the other names.
        """
        return PointValues({**self._arrays, **values})

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset((name, _trace(array)) for name, array in self._arrays.items()))
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, PointValues) or self._arrays.keys() != other._arrays.keys():
            return False
        return all(_same(array, other._arrays[name]) for name, array in self._arrays.items())


def _frozen(values: Array) -> Array:
    array = np.asarray(values, dtype=np.float64)
    array.setflags(write=False)
    return array


def _trace(array: Array) -> tuple[tuple[int, ...], bytes]:
    """Shape and a few entries: enough to tell points apart, quick where an array is large."""
    return array.shape, array.flat[:: max(1, array.size // NUMERICS.traced_entries)].tobytes()


def _same(a: Array, b: Array) -> bool:
    return a is b or (a.shape == b.shape and np.array_equal(a.view(np.uint64), b.view(np.uint64)))
