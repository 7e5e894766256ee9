"""Reads nothing. Gives the records of convolutions and pools.

conv1d and conv2d are cross-correlations, which frameworks call convolutions: the kernel is not turned round.
For SymPy they are matrix products of windows side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from gradcheck_cli.model.primitives.layouts import (
    conv_layout,
    input_layout,
    pool_layout,
    weight_layout,
)
from gradcheck_cli.model.primitives.record import Axis, Primitive, Shape, enter
from gradcheck_cli.numerics.layout import Layout

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)

_OPTIONS = {"stride": 1, "padding": 0, "groups": 1}


# --- what they are, for SymPy ---------------------------------------------------------------------

_ALL = slice(None)


def _group(s: Any, x: Any, group: int) -> Any:
    return s.index(x, (group, _ALL, _ALL))


def _conv(s: Any, x: Any, w: Any, layout: Layout) -> Any:
    columns = s.windows(x, layout)
    each = layout.outputs // layout.groups
    kernels = s.reshape(w, (layout.groups, each, layout.terms))
    parts = [
        s.contract("ij,jk->ik", _group(s, columns, g), s.transpose(_group(s, kernels, g)))
        for g in range(layout.groups)
    ]
    return _as_images(s, s.concat(parts, 1), layout.batch, layout.outputs, layout.z)


def _conv_input(s: Any, g: Any, w: Any, layout: Layout) -> Any:
    count = math.prod(layout.kernel)
    columns = s.windows_back(g, layout)
    outputs, channels = layout.outputs // layout.groups, layout.channels // layout.groups
    kernels = s.permute(s.reshape(w, (layout.groups, outputs, channels, count)), (0, 1, 3, 2))
    kernels = s.reshape(kernels, (layout.groups, outputs * count, channels))
    parts = [
        s.contract("ij,jk->ik", _group(s, columns, k), _group(s, kernels, k))
        for k in range(layout.groups)
    ]
    return _as_images(s, s.concat(parts, 1), layout.batch, layout.channels, layout.x)


def _conv_weight(s: Any, x: Any, g: Any, layout: Layout) -> Any:
    columns = s.windows(x, layout)
    each = layout.outputs // layout.groups
    count = math.prod(layout.places)
    weights = s.permute(s.reshape(g, (layout.batch, layout.outputs, count)), (1, 0, 2))
    weights = s.reshape(weights, (layout.groups, each, layout.batch * count))
    parts = [
        s.contract("ij,jk->ik", _group(s, weights, k), _group(s, columns, k)) for k in range(layout.groups)
    ]
    return s.reshape(s.concat(parts, 0), layout.w)


def _as_images(s: Any, rows: Any, batch: int, channels: int, shape: Shape) -> Any:
    """(images * places, channels) as images."""
    apart = s.reshape(rows, (batch, rows.shape[0] // batch, channels))
    return s.reshape(s.permute(apart, (0, 2, 1)), shape)


# --- convolutions --------------------------------------------------------------------------------

for _d, _name in ((1, "conv1d"), (2, "conv2d")):
    _what = "a sequence" if _d == 1 else "images"
    define(
        _name, f"{_name}(x, w, stride=1)",
        f"correlation of {_what} with kernels; also padding=0, groups=1", arguments=2,
        shape=partial(conv_layout, _name, _d), options=_OPTIONS,
        terms=lambda layout, **_: layout.terms,
        forward=lambda m, x, w, layout, **_: m.conv(x, w, layout),
        vjp=(
            lambda m, g, y, x, w, layout, **_: m.conv_input(g, w, layout),
            lambda m, g, y, x, w, layout, **_: m.conv_weight(x, g, layout, w),
        ),
        symbolic=lambda s, x, w, layout, **_: _conv(s, x, w, layout),
    )  # fmt: skip
    define(
        f"{_name}_input", f"{_name}_input(g, w, sizes)",
        f"adjoint of the input of {_name}, its transpose; same keywords", arguments=2,
        shape=partial(input_layout, f"{_name}_input", _d), options={"sizes": (), **_OPTIONS},
        listed="sizes", least=3,
        terms=lambda layout, **_: layout.outputs // layout.groups * math.prod(layout.kernel),
        forward=lambda m, g, w, layout, **_: m.conv_input(g, w, layout),
        vjp=(
            lambda m, h, y, g, w, layout, **_: m.conv(h, w, layout),
            lambda m, h, y, g, w, layout, **_: m.conv_weight(h, g, layout, w),
        ),
        symbolic=lambda s, g, w, layout, **_: _conv_input(s, g, w, layout),
    )  # fmt: skip
    define(
        f"{_name}_weight", f"{_name}_weight(x, g, size)",
        f"adjoint of the kernels of {_name}; same keywords", arguments=2,
        shape=partial(weight_layout, f"{_name}_weight", _d), options={"kernel": (), **_OPTIONS},
        listed="kernel", least=3,
        terms=lambda layout, **_: layout.batch * math.prod(layout.places),
        forward=lambda m, x, g, layout, **_: m.conv_weight(x, g, layout),
        vjp=(
            lambda m, h, y, x, g, layout, **_: m.conv_input(g, h, layout),
            lambda m, h, y, x, g, layout, **_: m.conv(x, h, layout),
        ),
        symbolic=lambda s, x, g, layout, **_: _conv_weight(s, x, g, layout),
    )  # fmt: skip


# --- pools ---------------------------------------------------------------------------------------


def _pooled(s: Any, x: Any, layout: Layout, reduce: Callable[[Any, Axis, int], Any]) -> Any:
    """What is made of each window."""
    windows = s.index(s.windows(x, layout), (0, _ALL, _ALL))
    return s.reshape(reduce(windows, 1, 0), layout.z)


def _window_sum(s: Any, x: Any, layout: Layout) -> Any:
    return _pooled(s, x, layout, s.total) / math.prod(layout.kernel)


def _over_windows(m: Any, g: Any, layout: Layout) -> Any:
    """(S, R, *z) as (S, R, images, places, 1)."""
    return g.reshape(*g.shape[:2], layout.batch, math.prod(layout.places), 1)


def _max_pool(m: Any, x: Any, layout: Layout) -> Any:
    largest = m.max(m.windows(x, layout), axis=(-1,), keepdims=False)
    return largest.reshape(*largest.shape[:2], *layout.z)


def _max_pool_back(m: Any, g: Any, y: Any, x: Any, layout: Layout) -> Any:
    hit = m.first_of(m.eq(m.windows(x, layout), _over_windows(m, y, layout)), (-1,))
    return m.from_windows(_over_windows(m, g, layout) * hit, layout)


def _avg_pool(m: Any, x: Any, layout: Layout) -> Any:
    total = m.sum(m.windows(x, layout), axis=(-1,), keepdims=False)
    return total.reshape(*total.shape[:2], *layout.z) / math.prod(layout.kernel)


def _avg_pool_back(m: Any, g: Any, y: Any, x: Any, layout: Layout) -> Any:
    count = math.prod(layout.kernel)
    spread = _over_windows(m, g, layout) / count
    return m.from_windows(m.broadcast_to(spread, (*spread.shape[:-1], count)), layout)

define(
    "max_pool", "max_pool(x, k, stride=k)", "the largest entry of each window",
    shape=partial(pool_layout, "max_pool"), options={"window": (), "stride": None}, listed="window", least=2,
    analytic=False, rounds=False, tie="largest",
    forward=lambda m, x, layout, **_: _max_pool(m, x, layout),
    vjp=(lambda m, g, y, x, layout, **_: _max_pool_back(m, g, y, x, layout),),
    symbolic=lambda s, x, layout, **_: _pooled(s, x, layout, s.largest),
    kink=lambda m, x, layout, **_: m.lead(m.windows(x, layout), (-1,)),
)  # fmt: skip
define(
    "avg_pool", "avg_pool(x, k, stride=k)", "the mean of each window",
    shape=partial(pool_layout, "avg_pool"), options={"window": (), "stride": None}, listed="window", least=2,
    terms=lambda layout, **_: math.prod(layout.kernel),
    forward=lambda m, x, layout, **_: _avg_pool(m, x, layout),
    vjp=(lambda m, g, y, x, layout, **_: _avg_pool_back(m, g, y, x, layout),),
    symbolic=lambda s, x, layout, **_: _window_sum(s, x, layout),
)  # fmt: skip
