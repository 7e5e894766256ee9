"""Reads nothing. Gives the types of differences: the sampled function, and estimates with bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bools", "Differences", "Floats", "Function", "Ints", "Samples"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]


# --- what is asked and what is answered -----------------------------------------------------------


class Samples(NamedTuple):
    """What a function gives: `values` (e, S, *out), and `regular`, (e, S) or (e, S, *out).

    A sample is regular where no kink, jump, pole or domain border lies between the base point and
    it. At a base point exactly on a kink, the border that the base point itself lies on does not
    count. Values may be nan or inf; they are complex where the offsets are.
    """

    values: NDArray[Any]
    regular: Bools


class Function(Protocol):
    """A function that can be sampled beside its base point, for many entries at once."""

    def __call__(self, which: Ints, offsets: NDArray[Any]) -> Samples:
        """Sample f at base + offsets: row i of `offsets` (e, S) moves the entry which[i] alone."""


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
