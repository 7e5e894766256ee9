"""Reads a function that can be sampled beside a base point. Gives its samples, and counts them.

Knows nothing of models, graphs or derivative rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits

__all__ = ["Bools", "Differences", "Floats", "Function", "Ints", "Sampler", "Samples"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]


class Samples(NamedTuple):
    """What a function gives: `values` (e, S, *out), and `smooth`, (e, S) or (e, S, *out).

    A sample is smooth where no kink, jump, pole or domain border lies between the base point and
    it. At a base point exactly on a kink, the border that the base point itself lies on does not
    count. Values may be nan or inf; they are complex where the offsets are.
    """

    values: NDArray[Any]
    smooth: Bools


class Function(Protocol):
    """A function that can be sampled beside its base point, for many entries at once."""

    def __call__(self, which: Ints, offsets: NDArray[Any]) -> Samples:
        """Sample f at base + offsets.

        Parameters
        ----------
        which : (e,) indices of entries
        offsets : (e, S) float64, complex128 for a complex step
            Row i moves the entry which[i] alone.

        Returns
        -------
        Samples
            Values (e, S, *out) and their smoothness.
        """


@dataclass(frozen=True)
class Differences:
    """Derivatives by E entries of a function with values of shape `out`; all arrays (E, *out).

    |value - f'| <= bound; where nothing can be said value is nan and bound inf. `left`, `right`
    and their bounds are filled (else nan) for entries on a kink, and where the base point has one
    side only (then value is that slope). `kink`: both slopes are known and differ, or one is
    infinite (its bound is then 0); value is nan there. `steps`: the smallest step size that went
    into the value. `evaluations`: the number of samples, in all.
    """

    value: Floats
    bound: Floats
    left: Floats
    left_bound: Floats
    right: Floats
    right_bound: Floats
    kink: Bools
    steps: Floats
    evaluations: int


class Sampler:
    """The caller's function with its outputs in one row, and a count of the samples."""

    def __init__(
        self, function: Function, base: Floats, noise: Floats | float, limits: FiniteDifferencesLimits
    ) -> None:
        self.function, self.base, self.noise, self.limits = function, base, noise, limits
        self.count = 0
        self.shape: tuple[int, ...] = ()

    def __call__(self, which: Ints, offsets: NDArray[Any]) -> tuple[NDArray[Any], Bools]:
        """Sample the function, and count the samples.

        Parameters
        ----------
        which : (e,) indices of entries
        offsets : (e, S) float64 or complex128

        Returns
        -------
        values : (e, S, O), O the number of outputs
        smooth : (e, S, O) bool
        """
        values, smooth = self.function(which, offsets)
        self.count += offsets.size
        self.shape = values.shape[2:]
        width = math.prod(self.shape)
        spread = smooth.reshape(*offsets.shape, *smooth.shape[2:] or (1,) * len(self.shape))
        spread = np.broadcast_to(spread, values.shape)
        return values.reshape(*offsets.shape, width), spread.reshape(*offsets.shape, width)

    def known_noise(self, which: Ints) -> Floats:
        """The noise of f that the caller knows of.

        Parameters
        ----------
        which : (e,) indices of entries

        Returns
        -------
        (e, O) float64, in the unit of f
        """
        noise = np.broadcast_to(np.asarray(self.noise, float), (len(self.base), *self.shape))
        return noise.reshape(len(self.base), math.prod(self.shape))[which]
