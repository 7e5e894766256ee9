"""Reads arrays of one kind of number. Gives arrays in other shapes. Knows nothing of what the numbers are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array

__all__ = ["Shapes"]


class Shapes:
    """Arrays of numbers of `dtype`, with two leading axes: perturbations and rows."""

    dtype: Any = np.float64

    def array(self, values: Any) -> Array:
        """Values as numbers of this namespace.

        Parameters
        ----------
        values : numbers or an array

        Returns
        -------
        array of the same shape, in the dtype of the namespace
        """
        return np.asarray(values, dtype=self.dtype)

    def ones_like(self, x: Any) -> Any:
        """1 in the shape of x."""
        return np.ones_like(x, dtype=self.dtype)

    def zeros(self, shape: Sequence[int]) -> Any:
        """0 in a shape."""
        return np.zeros(tuple(shape), dtype=self.dtype)

    def broadcast_to(self, x: Any, shape: Sequence[int]) -> Any:
        """x repeated to a larger shape."""
        return np.broadcast_to(x, tuple(shape))

    def stack(self, xs: Sequence[Any], axis: int) -> Any:
        """Values of one shape side by side along a new axis."""
        lead = np.broadcast_shapes(*(x.shape[:2] for x in xs))
        return np.stack([np.broadcast_to(x, lead + x.shape[2:]) for x in xs], axis=axis)

    def concat(self, xs: Sequence[Any], axis: int) -> Any:
        """Arrays one behind the other along `axis`."""
        lead = np.broadcast_shapes(*(x.shape[:2] for x in xs))
        return np.concatenate([np.broadcast_to(x, lead + x.shape[2:]) for x in xs], axis=axis)

    def flip(self, x: Any, axes: Sequence[int]) -> Any:
        """x with the order of its entries turned round along axes."""
        return np.flip(x, tuple(axes))

    def diagonal(self, x: Any) -> Any:
        """The diagonal of square matrices."""
        return np.diagonal(x, axis1=-2, axis2=-1)

    def on_diagonal(self, x: Any) -> Any:
        """Matrices with vectors on their diagonal, 0 elsewhere."""
        n = x.shape[-1]
        result = self.zeros((*x.shape, n))
        result[..., range(n), range(n)] = x
        return result

    def scatter(self, g: Any, x: Any, key: Any) -> Any:
        """0 in the shape of the value x, with g at `key`."""
        result = self.zeros(g.shape[:2] + x.shape[2:])
        result[key] = g
        return result
