"""Reads a test of parts. Gives the parts of an axis in which two methods differ, by halving."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradcheck_cli.numerics.array_types import Array

__all__ = ["bisect"]


def bisect(n: int, differs: Callable[[Sequence[tuple[int, int]]], Array], most_parts: int) -> Array:
    """The parts of an axis along which there is a difference.

    Parameters
    ----------
    n : the length of the axis
    differs : for parts [start, stop), whether there is a difference in each, (parts,) bool
    most_parts : no more are followed at a time; then whole parts are in the result

    Returns
    -------
    (n,) bool
    """
    parts = [(0, n)]
    while any(stop - start > 1 for start, stop in parts) and len(parts) <= most_parts:
        halves = [half for start, stop in parts for half in _halves(start, stop)]
        parts = [half for half, wrong in zip(halves, differs(halves), strict=True) if wrong]
    mask = np.zeros(n, dtype=bool)
    for start, stop in parts:
        mask[start:stop] = True
    return mask


def _halves(start: int, stop: int) -> list[tuple[int, int]]:
    middle = (start + stop) // 2
    return [(start, middle), (middle, stop)] if stop - start > 1 else [(start, stop)]
