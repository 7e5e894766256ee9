"""Convolutions and pools against loops over every entry, and their adjoints against one another."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from build import high
from gradcheck_cli.model.primitives.layouts import conv_layout, pool_layout
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.layout import Layout


def correlation(x: Any, w: Any, stride: Shape, padding: Shape, groups: int) -> Any:
    """Of [N,C,...] and [O,C/groups,...], from the definition."""
    d = w.ndim - 2
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    sizes = [(padded.shape[2 + k] - w.shape[2 + k]) // stride[k] + 1 for k in range(d)]
    found = np.zeros((x.shape[0], w.shape[0], *sizes))
    each = w.shape[0] // groups
    for n, o in itertools.product(range(x.shape[0]), range(w.shape[0])):
        for at in np.ndindex(*sizes):
            for c in range(w.shape[1]):
                channel = o // each * w.shape[1] + c
                for k in np.ndindex(*w.shape[2:]):
                    place = tuple(a * s + b for a, s, b in zip(at, stride, k, strict=True))
                    found[(n, o, *at)] += padded[(n, channel, *place)] * w[(o, c, *k)]
    return found


# x, w, stride, padding, groups
CASES: list[tuple[Shape, Shape, Shape, Shape, int]] = [
    ((1, 1, 5), (1, 1, 3), (1,), (0,), 1),
    ((2, 4, 7), (6, 2, 3), (2,), (1,), 2),
    ((1, 3, 4), (3, 1, 2), (3,), (2,), 3),
    ((1, 1, 4, 5), (1, 1, 2, 3), (1, 1), (0, 0), 1),
    ((2, 4, 5, 6), (2, 2, 3, 2), (2, 1), (1, 0), 2),
    ((3, 2, 4, 4), (5, 2, 4, 4), (1, 1), (1, 1), 1),
    ((1, 2, 3, 7), (2, 1, 1, 2), (2, 3), (0, 1), 2),
]


def drawn(*shapes: Shape, rows: tuple[int, ...] = (1, 1, 1)) -> list[Any]:
    random = np.random.default_rng(4)
    return [random.normal(size=(1, r, *shape)) for shape, r in zip(shapes, rows, strict=False)]


def layout_of(x: Shape, w: Shape, stride: Shape, padding: Shape, groups: int) -> Layout:
    _, settings = conv_layout("conv", len(w) - 2, x, w, stride=stride, padding=padding, groups=groups)
    found = settings["layout"]
    assert isinstance(found, Layout)
    return found


@pytest.mark.parametrize(("x", "w", "stride", "padding", "groups"), CASES)
@pytest.mark.parametrize("rows", [(1, 1), (3, 1), (1, 3), (3, 3)])
def test_convolutions(x: Shape, w: Shape, stride: Shape, padding: Shape, groups: int, rows: Any) -> None:
    layout = layout_of(x, w, stride, padding, groups)
    image, kernels = drawn(x, w, rows=rows)
    count = max(rows)
    expected = [
        correlation(image[0, k % rows[0]], kernels[0, k % rows[1]], stride, padding, groups)
        for k in range(count)
    ]
    found = FLOAT64.conv(image, kernels, layout)
    assert found.shape == (1, count, *layout.z)
    np.testing.assert_allclose(found[0], expected, atol=1e-13)
    # <conv(x, w), g> = <x, conv_input(g, w)> = <w, conv_weight(x, g)>, the last added over the rows
    g = np.random.default_rng(8).normal(size=(2, count, *layout.z))
    whole = np.sum(g * found, axis=tuple(range(2, g.ndim)))
    back = FLOAT64.conv_input(g, kernels, layout)
    np.testing.assert_allclose(np.sum(back * image, axis=tuple(range(2, back.ndim))), whole, atol=1e-11)
    weight = FLOAT64.conv_weight(image, g, layout)
    np.testing.assert_allclose(np.sum(weight * kernels, axis=tuple(range(2, weight.ndim))), whole, atol=1e-11)
    added = FLOAT64.conv_weight(image, g, layout, kernels)
    assert added.shape == (2, rows[1], *w)
    np.testing.assert_allclose(np.sum(added * kernels), np.sum(whole), atol=1e-11)


def test_at_high_precision() -> None:
    m, case = high(), CASES[4]
    layout = layout_of(*case)
    image, kernels = drawn(*case[:2])
    found = m.conv(m.array(image), m.array(kernels), layout)
    np.testing.assert_allclose(found.astype(float), FLOAT64.conv(image, kernels, layout), rtol=1e-12)
    back = m.conv_input(found, m.array(kernels), layout)
    expected = FLOAT64.conv_input(found.astype(float), kernels, layout)
    np.testing.assert_allclose(back.astype(float), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("x", "window", "stride"), [
    ((6,), (2,), None), ((7,), (3,), 2), ((4, 6), (2,), None), ((2, 3, 5, 4), (2, 3), 1),
    ((3, 8), (1, 3), (1, 2)), ((5, 5), (5,), None),
])  # fmt: skip
def test_windows_of_pools(x: Shape, window: Shape, stride: Any) -> None:
    shape, settings = pool_layout("max_pool", x, window=window, stride=stride)
    layout = settings["layout"]
    (image,) = drawn(x)
    found = FLOAT64.windows(image, layout).max(axis=-1).reshape(shape)
    each, d = layout.stride, len(layout.kernel)
    for at in np.ndindex(shape):
        part = tuple(slice(a * s, a * s + k) for a, s, k in zip(at[-d:], each, layout.kernel, strict=True))
        assert found[at] == image[(0, 0, *at[:-d], *part)].max()
    g = np.random.default_rng(1).normal(size=(2, 1, *FLOAT64.windows(image, layout).shape[2:]))
    back = FLOAT64.from_windows(g, layout)
    inner = np.sum(g * FLOAT64.windows(image, layout), axis=(2, 3, 4))
    np.testing.assert_allclose(np.sum(back * image, axis=tuple(range(2, back.ndim))), inner, atol=1e-12)
