"""Reads numbers in blocks. Gives their sum, with what rounding lost added back (Neumaier 1974)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats

__all__ = ["Sum"]


@dataclass
class Sum:
    """A sum over blocks of rows, compensated (Neumaier 1974), so that block size hardly shows."""

    total: Array | None = None
    lost: Array | None = None

    def add(self, part: Array) -> None:
        """One block's part.

        Parameters
        ----------
        part : array of the shape and dtype of the parts before
        """
        if self.total is None:
            self.total, self.lost = part, 0 * part
            return
        total = self.total + part
        bigger = abs(self.total) >= abs(part)
        rest = np.where(bigger, (self.total - total) + part, (part - total) + self.total)
        self.total, self.lost = total, self.lost + rest

    def result(self) -> Array:
        """What all parts come to.

        Returns
        -------
        array of the shape and dtype of the parts
            Compensated where it is finite.
        """
        assert self.total is not None
        with np.errstate(all="ignore"):
            return np.where(np.isfinite(floats(self.total)), self.total + self.lost, self.total)
