"""Reads arrays and how windows lie in them. Gives correlations with kernels, and windows side by side.

Windows are slices with a step, one for each entry of a kernel. Knows nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.layout import Layout
from gradcheck_cli.numerics.matrices import Matrices

__all__ = ["Convolutions"]


class Convolutions(Matrices):
    """Correlations for every perturbation and row."""

    def windows(self, x: Any, layout: Layout) -> Any:
        """The windows of each image and channel: (S, R, images, places, entries of the kernel)."""
        lead, images = x.shape[:2], layout.batch * layout.channels
        padded = self.zeros((*lead, images, *(n + 2 * p for n, p in _padded(layout))))
        inner = tuple(slice(p, p + n) for n, p in _padded(layout))
        padded[(..., *inner)] = x.reshape(*lead, images, *layout.sizes)
        parts = [padded[(..., *part)] for part in _slices(layout)]
        return np.stack(parts, axis=-1).reshape(*lead, images, math.prod(layout.places), len(parts))

    def from_windows(self, g: Any, layout: Layout) -> Any:
        """The other way round: what arrives at each entry of the windows, added up."""
        lead, images = g.shape[:2], layout.batch * layout.channels
        padded = self.zeros((*lead, images, *(n + 2 * p for n, p in _padded(layout))))
        for k, part in enumerate(_slices(layout)):
            padded[(..., *part)] += g[..., k].reshape(*lead, images, *layout.places)
        inner = tuple(slice(p, p + n) for n, p in _padded(layout))
        return padded[(..., *inner)].reshape(*lead, *layout.x)

    def conv(self, x: Any, w: Any, layout: Layout) -> Any:
        """The correlation of x with the kernels w."""
        kernels = w.reshape(*w.shape[:2], layout.outputs, -1).swapaxes(-1, -2)
        groups = zip(self._columns(x, layout), _outputs(layout), strict=True)
        joined = np.concatenate([self.matmul(columns, kernels[..., own]) for columns, own in groups], axis=-1)
        lead = joined.shape[:2]
        each = joined.reshape(*lead, layout.batch, -1, layout.outputs).swapaxes(-1, -2)
        return each.reshape(*lead, *layout.z)

    def conv_input(self, g: Any, w: Any, layout: Layout) -> Any:
        """The adjoint of x: every entry of g spreads the kernel over its window."""
        kernels = w.reshape(*w.shape[:2], layout.outputs, -1)
        each = layout.channels // layout.groups
        parts = []
        for own in _outputs(layout):
            part = self.matmul(_rows_of(g, layout)[..., own], kernels[..., own, :])
            part = part.reshape(*part.shape[:2], layout.batch, -1, each, math.prod(layout.kernel))
            parts.append(np.moveaxis(part, -2, -3))
        joined = np.concatenate(parts, axis=-3)
        count = layout.batch * layout.channels
        return self.from_windows(joined.reshape(*joined.shape[:2], count, *joined.shape[-2:]), layout)

    def conv_weight(self, x: Any, g: Any, layout: Layout, like: Any = None) -> Any:
        """The adjoint of w: windows of x, weighed by g. Over the rows where `like` has one value for all."""
        each = []
        for columns, own in zip(self._columns(x, layout), _outputs(layout), strict=True):
            weights = _rows_of(g, layout)[..., own].swapaxes(-1, -2)
            each.append(self.matmul(weights, columns) if like is None
                        else self.matmul_onto(like, weights, columns))  # fmt: skip
        joined = np.concatenate(each, axis=-2)
        return joined.reshape(*joined.shape[:2], *layout.w)

    def _columns(self, x: Any, layout: Layout) -> Iterator[Any]:
        """Of each group the windows of all its channels side by side: (S, R, images * places, entries)."""
        found = self.windows(x, layout)
        lead = found.shape[:2]
        found = found.reshape(*lead, layout.batch, layout.channels, *found.shape[-2:])
        each = layout.channels // layout.groups
        for group in range(layout.groups):
            part = np.moveaxis(found[:, :, :, group * each : (group + 1) * each], -3, -2)
            yield part.reshape(*lead, layout.batch * math.prod(layout.places), -1)


def _rows_of(g: Any, layout: Layout) -> Any:
    """(S, R, images * places, outputs) of a result."""
    lead = g.shape[:2]
    each: Array = g.reshape(*lead, layout.batch, layout.outputs, -1).swapaxes(-1, -2)
    return each.reshape(*lead, -1, layout.outputs)


def _outputs(layout: Layout) -> list[slice]:
    """Those of each group."""
    each = layout.outputs // layout.groups
    return [slice(k * each, (k + 1) * each) for k in range(layout.groups)]


def _padded(layout: Layout) -> list[tuple[int, int]]:
    return list(zip(layout.sizes, layout.padding, strict=True))


def _slices(layout: Layout) -> Iterator[tuple[slice, ...]]:
    """For each entry of the kernel, the entries of the padded image under it."""
    for offset in np.ndindex(layout.kernel):
        steps = zip(offset, layout.places, layout.stride, strict=True)
        yield tuple(slice(o, o + s * (n - 1) + 1, s) for o, n, s in steps)
