"""Reads how windows lie in images. Gives the places of the entries that stand in them, -1 for the padding.

Each group of channels is a matrix: a row for each image and window, a column for each channel and entry of
the kernel. Knows nothing of values.
"""

from __future__ import annotations

import math

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.layout import Layout

__all__ = ["places_back", "places_of_windows"]


def places_of_windows(layout: Layout) -> Array:
    """Which entry of the image lies under each entry of each window.

    Parameters
    ----------
    layout : of the windows

    Returns
    -------
    (groups, images * windows, channels of a group * entries of the kernel) int array
        Entries of all images are counted in reading order.
    """
    return _of_images(_inside(layout), math.prod(layout.sizes), layout, layout.channels)


def places_back(layout: Layout) -> Array:
    """The other way round: which entry of the result has each entry of the image under each of the kernel.

    Parameters
    ----------
    layout : of the windows

    Returns
    -------
    (groups, images * entries, outputs of a group * entries of the kernel) int array
        Entries of all results are counted in reading order.
    """
    size, count, inside = math.prod(layout.sizes), math.prod(layout.kernel), _inside(layout)
    found = np.full((size, count), -1)
    windows, entries = np.nonzero(inside >= 0)
    found[inside[windows, entries], entries] = windows
    return _of_images(found, math.prod(layout.places), layout, layout.outputs)


def _inside(layout: Layout) -> Array:
    """Of one image: (windows, entries of the kernel)."""
    found = np.zeros((1, 1), dtype=int)
    given = zip(layout.sizes, layout.kernel, layout.stride, layout.padding, layout.places, strict=True)
    for n, k, s, p, count in given:
        at = np.arange(count)[:, None] * s + np.arange(k) - p
        at = np.where((at >= 0) & (at < n), at, -1)[None, :, None, :]
        before = found[:, None, :, None]
        joined = np.where((before < 0) | (at < 0), -1, before * n + at)
        found = joined.reshape(len(found) * count, -1)
    return found


def _of_images(each: Array, size: int, layout: Layout, channels: int) -> Array:
    """The places of one image as those of all of them."""
    own = channels // layout.groups
    image = np.arange(layout.batch)[None, :, None, None, None] * channels
    channel = np.arange(layout.groups)[:, None, None, None, None] * own + np.arange(own)[:, None]
    places = each[None, None, :, None, :]
    full = np.where(places < 0, -1, (image + channel) * size + places)
    return full.reshape(layout.groups, layout.batch * len(each), own * each.shape[1])
