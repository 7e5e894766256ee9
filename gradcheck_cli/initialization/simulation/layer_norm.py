"""Reads scaled numbers. Gives layer normalization and its backward pass."""

from __future__ import annotations

import numpy as np

from gradcheck_cli.initialization.simulation.scaled_numbers import Array

__all__ = ["layer_norm", "norm_back"]


def layer_norm(x: Array) -> tuple[Array, Array]:
    """(x - mean)/sd over the units, the second axis, and sd; zeros where all units are the same.

    The first unit is taken away before the mean, so that equal units leave exactly nothing.
    """
    centered = x - x[:, :1]
    centered = centered - centered.mean(axis=1, keepdims=True)
    sd = np.sqrt((centered * centered).mean(axis=1, keepdims=True))
    return np.where(sd == 0, 0, centered / sd), sd


def norm_back(adjoint: Array, normal: Array, sd: Array, rounding: float) -> Array:
    """(g - mean g - n mean(g n))/sd; what cancels down to `rounding` eps is zero (of two units all).

    Arrays are (networks, units, columns); the mean is over units.
    """
    along = (adjoint * normal).mean(axis=1, keepdims=True)
    left = adjoint - adjoint.mean(axis=1, keepdims=True) - normal * along
    size, noise = (np.abs(part).max(axis=1, keepdims=True) for part in (left, adjoint))
    gone = (sd == 0) | (size <= rounding * np.finfo(left.dtype).eps * noise)
    return np.where(gone, 0, left / sd)
