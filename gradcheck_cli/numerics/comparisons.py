"""Reads arrays. Gives comparisons and what is chosen by them. Knows nothing of derivatives.

Comparisons give 0 and 1 in the numbers of the namespace, so that they can be multiplied.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_shapes import Shapes

__all__ = ["Comparisons"]


class Comparisons(Shapes):
    """Comparisons and choices, by the real part of a number."""

    def real(self, x: Any) -> Any:
        """What comparisons look at."""
        return x

    def truth(self, mask: Any) -> Any:
        """0 and 1 instead of False and True."""
        return np.asarray(mask).astype(self.dtype)

    def eq(self, a: Any, b: Any) -> Any:
        """1 where a = b."""
        return self.truth(self.real(a) == self.real(b))

    def gt(self, a: Any, b: Any) -> Any:
        """1 where a > b."""
        return self.truth(self.real(a) > self.real(b))

    def ge(self, a: Any, b: Any) -> Any:
        """1 where a >= b."""
        return self.truth(self.real(a) >= self.real(b))

    def where(self, c: Any, a: Any, b: Any) -> Any:
        """a where c is not 0, else b."""
        return np.where(np.asarray(self.real(c) != 0), a, b)

    def gate(self, g: Any, x: Any) -> Any:
        """g where x > 0, else 0; as a product, in a quarter of the time that a choice takes."""
        inside = np.asarray(self.real(x) > 0, dtype=bool)
        known = g.dtype != object and np.isfinite(g).all()  # infinity times 0 is no number
        return g * inside if known else np.where(inside, g, 0.0)

    def is_power_of_any(self, b: Any) -> Any:
        """1 where every number, negative ones too, has a power b: where b is an integer."""
        return self.truth(np.floor(b) == b)

    def abs(self, x: Any) -> Any:
        """Absolute value."""
        return np.abs(x)

    def sign(self, x: Any) -> Any:
        """-1, 0 or 1."""
        return np.sign(x)

    def negative_part(self, x: Any) -> Any:
        """min(x, 0)."""
        return self.where(self.gt(x, 0), 0 * x, x)

    def positive_part(self, x: Any) -> Any:
        """max(x, 0)."""
        return np.maximum(x, 0.0)
