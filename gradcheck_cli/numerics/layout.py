"""Reads nothing. Gives how windows lie in images: sizes, steps, padding, groups. Knows nothing of arrays."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Layout"]

Shape = tuple[int, ...]


class Layout(NamedTuple):
    """How windows lie in arrays: `batch` images of `channels` by `sizes`, padded with zeros, in groups.

    `x`, `w`, `z`: the shapes of the image, the kernels and the result, as they are used.
    """

    batch: int
    channels: int
    outputs: int
    groups: int
    sizes: Shape
    kernel: Shape
    stride: Shape
    padding: Shape
    x: Shape
    w: Shape
    z: Shape

    @property
    def places(self) -> Shape:
        """How many windows lie along each axis."""
        given = zip(self.sizes, self.kernel, self.stride, self.padding, strict=True)
        return tuple((n + 2 * p - k) // s + 1 for n, k, s, p in given)

    @property
    def terms(self) -> int:
        """How many products are added up for an entry of the result."""
        return self.channels // self.groups * math.prod(self.kernel)
