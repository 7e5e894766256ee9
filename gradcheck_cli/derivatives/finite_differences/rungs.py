"""Reads arrays along the rungs of a ladder. Gives them shifted, and their extremes over runs of rungs.

The rungs are the next to last axis, largest step size first. An entry (m, i) of a tableau combines the
rungs i ... i+m. Knows nothing of functions and step sizes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.derivatives.finite_differences.sampled_function import Floats, Ints
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS

__all__ = ["from_below", "largest", "last_rungs", "shift", "take_rungs"]


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
    moved = np.empty(values.shape)  # np.pad took half the time of a whole run
    moved[..., max(0, k - by) :, :] = np.nan
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
        rungs[:, i + m] at (m, :, i), nan beyond the end; for reading: the entries share memory.
    """
    e, k, o = rungs.shape
    padded = np.empty((e, k + count, o))
    padded[:, :k], padded[:, k:] = rungs, np.nan
    found: Floats = np.ndarray((count, e, k, o), float, padded, 0, (padded.strides[1], *padded.strides))
    found.flags.writeable = False
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
    found = last_rungs(rungs, count).copy()
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
    if values.size <= DEFAULTS.few_numbers:
        return np.asarray(merge.accumulate(values[..., ::-1, :], axis=-2)[..., ::-1, :])
    found = np.array(values)
    for k in range(values.shape[-2] - 2, -1, -1):
        merge(found[..., k, :], found[..., k + 1, :], out=found[..., k, :])
    return found


def take_rungs(values: NDArray[Any], at: Ints) -> NDArray[Any]:
    """The values at some rungs of each entry.

    Parameters
    ----------
    values : (e, K, ...)
    at : (e, k) intp
        Or (e, k, O), (e, k, 1) where each output has rungs of its own: values are then (e, K, O).

    Returns
    -------
    (e, k, ...)
    """
    entries = np.arange(len(values))[:, None]  # np.take_along_axis takes twice as long
    if at.ndim == 2:
        return values[entries, at]
    return values[entries[:, None], at, np.arange(values.shape[2])]
