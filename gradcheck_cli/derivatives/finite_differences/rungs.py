"""Reads arrays along the rungs of a ladder. Gives them shifted, and their extremes over runs of rungs.

The rungs are the next to last axis, largest step size first. An entry (m, i) of a tableau combines the
rungs i ... i+m. Knows nothing of functions and step sizes.
"""

from __future__ import annotations

import numpy as np

from gradcheck_cli.derivatives.finite_differences.sampled_function import Floats

__all__ = ["from_below", "largest", "last_rungs", "shift"]


def shift(values: Floats, by: int) -> Floats:
    """Each rung takes the value of one further down.

    Parameters
    ----------
    values : (..., K, O) float64
    by : how many rungs further down

    Returns
    -------
    (..., K, O) float64
        values[..., i + by, :] at i, nan beyond the end.
    """
    k = values.shape[-2]
    moved = np.full(values.shape, np.nan)  # np.pad took half the time of a whole run
    if by < k:
        moved[..., : k - by, :] = values[..., by:, :]
    return moved


def last_rungs(rungs: Floats, count: int) -> Floats:
    """What holds for the last rung of each entry of a tableau.

    Parameters
    ----------
    rungs : (e, K, O) float64
    count : M, the columns of the tableau

    Returns
    -------
    (M, e, K, O) float64
        rungs[:, i + m] at (m, :, i), nan beyond the end.
    """
    k = rungs.shape[1]
    found = np.full((count, *rungs.shape), np.nan)
    for m in range(min(count, k)):
        found[m, :, : k - m] = rungs[:, m:]
    return found


def largest(rungs: Floats, count: int) -> Floats:
    """The largest of the rungs of each entry of a tableau.

    Parameters
    ----------
    rungs : (e, K, O) float64
    count : M, the columns of the tableau

    Returns
    -------
    (M, e, K, O) float64
        The largest of the rungs i ... i+m at (m, :, i), nan beyond the end.
    """
    found = last_rungs(rungs, count)
    for m in range(1, count):  # np.maximum.accumulate takes ten times as long
        np.maximum(found[m], found[m - 1], out=found[m])
    return found


def from_below(values: Floats, merge: np.ufunc) -> Floats:
    """Each rung merged with all smaller step sizes.

    Parameters
    ----------
    values : (..., K, O) float64
    merge : a binary ufunc, such as np.fmax

    Returns
    -------
    (..., K, O) float64
    """
    found = np.array(values)
    for k in range(values.shape[-2] - 2, -1, -1):
        merge(found[..., k, :], found[..., k + 1, :], out=found[..., k, :])
    return found
