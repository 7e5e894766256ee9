"""Reads arrays of any numbers. Gives the order of their entries along an axis, and how near a change is.

Axes are negative: they are counted from the end. Knows nothing of models.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli.numerics.comparisons import Comparisons

__all__ = ["Ordering"]


class Ordering(Comparisons):
    """Sorted entries, by their real part; of equal ones the first stays first."""

    def order(self, x: Any, axis: int) -> Any:
        """Where the smallest entry stands, the next one, ...: whole numbers."""
        return np.argsort(self.real(x), axis=axis, kind="stable")

    def ordered(self, x: Any, order: Any, axis: int) -> Any:
        """The entries in an order."""
        return np.take_along_axis(*_with_one_lead(x, order), axis=axis)

    def unordered(self, x: Any, order: Any, axis: int) -> Any:
        """The entries back in the places that `ordered` has them from."""
        x, order = _with_one_lead(x, order)
        found = np.empty_like(x)
        np.put_along_axis(found, order, x, axis=axis)
        return found

    def rank_margins(self, x: Any, axis: int) -> Any:
        """One margin for each binary digit of a rank: the distance to the nearest other entry, with a minus
        where that digit is 1. Entries that change places pass 0 there, and no two orders have the same
        signs."""
        along = np.moveaxis(self.real(x), axis, -1)
        n = along.shape[-1]
        order = np.argsort(along, axis=-1, kind="stable")
        nearest = self._gap_to_nearest(np.take_along_axis(along, order, axis=-1))
        ranks = np.arange(n)
        margins = []
        for digit in range(max(1, (n - 1).bit_length())):
            signed = np.where(ranks >> digit & 1, -nearest, nearest)
            placed = np.empty_like(signed)
            np.put_along_axis(placed, order, signed, axis=-1)
            margins.append(np.moveaxis(placed, -1, axis))
        return tuple(margins)

    def _gap_to_nearest(self, ordered: Any) -> Any:
        """The distance of each of some sorted entries to the nearest other; 1 where there is none."""
        if ordered.shape[-1] == 1:
            return 0 * ordered + 1
        gaps = self.sub(ordered[..., 1:], ordered[..., :-1])
        before = np.concatenate([gaps[..., :1], gaps], axis=-1)
        after = np.concatenate([gaps, gaps[..., -1:]], axis=-1)
        return np.where(np.asarray(before < after, dtype=bool), before, after)

    def sub(self, a: Any, b: Any) -> Any:
        """a - b."""
        return a - b


def _with_one_lead(x: Any, order: Any) -> tuple[Any, Any]:
    """Both with the same perturbations and rows."""
    lead = np.broadcast_shapes(x.shape[:2], order.shape[:2])
    return np.broadcast_to(x, lead + x.shape[2:]), np.broadcast_to(order, lead + order.shape[2:])
