"""Reads arrays of any numbers. Gives sums and products of the first 1, 2, ... entries along an axis.

Axes are negative: they are counted from the end. Knows nothing of models.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["RunningSums"]


class RunningSums:
    """Cumulative sums and products, and what their derivatives are made of; without division."""

    def cumsum(self, x: Any, axis: int) -> Any:
        """The sums of the first 1, 2, ... entries."""
        return np.cumsum(x, axis=axis)

    def cumsum_from_end(self, x: Any, axis: int) -> Any:
        """The sums of the last entries, each in the place of its first term."""
        return np.flip(np.cumsum(np.flip(x, axis), axis=axis), axis)

    def cumprod(self, x: Any, axis: int) -> Any:
        """The products of the first 1, 2, ... entries."""
        return np.cumprod(x, axis=axis)

    def products_before(self, x: Any, axis: int) -> Any:
        """In each place the product of the entries before it; 1 in the first."""
        moved = np.moveaxis(x, axis, 0)
        return np.moveaxis(np.cumprod(np.concatenate([0 * moved[:1] + 1, moved[:-1]]), axis=0), 0, axis)

    def nested_sums(self, g: Any, x: Any, axis: int) -> Any:
        """g[i] + x[i+1]*(g[i+1] + x[i+2]*(...)) in each place, by Horner's rule from the end."""
        g, x = np.broadcast_arrays(g, x)
        weights, factors = np.moveaxis(g, axis, 0), np.moveaxis(x, axis, 0)
        found = [weights[-1]]
        for weight, factor in zip(weights[-2::-1], factors[:0:-1], strict=True):
            found.append(weight + factor * found[-1])
        return np.moveaxis(np.stack(found[::-1]), 0, axis)
