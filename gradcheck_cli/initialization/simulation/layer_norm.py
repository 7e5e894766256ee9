"""Reads scaled numbers. Gives layer normalization and its backward pass."""

from __future__ import annotations

import numpy as np

from gradcheck_cli.initialization.simulation.scaled_numbers import Array

__all__ = ["layer_norm", "norm_back"]


def layer_norm(x: Array) -> tuple[Array, Array]:
    """(x - mean)/sd over the units.

    The first unit is taken away before the mean, so that equal units leave exactly nothing.

    Parameters
    ----------
    x : (networks, units, columns) float64 or float32

    Returns
    -------
    normal : (networks, units, columns) of the same dtype
        Zeros where all units are the same.
    sd : (networks, 1, columns), in the unit of x

    References
    ----------
    Ba et al. 2016.
    """
    centered = x - x[:, :1]
    centered = centered - centered.mean(axis=1, keepdims=True)
    sd = np.sqrt((centered * centered).mean(axis=1, keepdims=True))
    return np.where(sd == 0, 0, centered / sd), sd


def norm_back(adjoint: Array, normal: Array, sd: Array, rounding: float) -> Array:
    """The backward pass of layer norm: (g - mean g - n mean(g n))/sd.

    Parameters
    ----------
    adjoint, normal : (networks, units, columns), g and n
    sd : (networks, 1, columns)
    rounding : in machine epsilons of g
        What cancels down to so little is zero; of two units all.

    Returns
    -------
    (networks, units, columns), in units of g per unit of x
    """
    along = (adjoint * normal).mean(axis=1, keepdims=True)
    left = adjoint - adjoint.mean(axis=1, keepdims=True) - normal * along
    size, noise = (np.abs(part).max(axis=1, keepdims=True) for part in (left, adjoint))
    gone = (sd == 0) | (size <= rounding * np.finfo(left.dtype).eps * noise)
    return np.where(gone, 0, left / sd)
