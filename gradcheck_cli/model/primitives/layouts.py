"""Reads the shapes and options of convolutions and pools. Gives how their windows lie, or why they do not
fit.

Images are [N,C,H,W] or, without a batch, [C,H,W], kernels [O,C/groups,k,k]; sequences [N,C,L] and
[O,C/groups,k]. A kernel [k,k] alone slides over the last two axes of any array. Knows nothing of values.
"""

from __future__ import annotations

import math
from typing import Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.record import Shape, shape_in_words
from gradcheck_cli.numerics.layout import Layout

__all__ = ["conv_layout", "input_layout", "pool_layout", "weight_layout"]

Each = int | tuple[int, ...]  # one number for all axes, or one for each
_FORMS = {
    1: "sequences [N,C,L] or [C,L] and kernels [O,C,k], or [k] alone",
    2: "images [N,C,H,W] or [C,H,W] and kernels [O,C,k,k], or [k,k] alone",
}


def conv_layout(
    function: str, d: int, x: Shape, w: Shape, *, stride: Each = 1, padding: Each = 0, groups: Each = 1
) -> tuple[Shape, dict[str, Any]]:
    """The shape of conv1d or conv2d. Raises ShapeError."""
    layout = _layout(function, d, x, w, stride, padding, groups)
    return layout.z, _settings(layout, {})


def input_layout(
    function: str, d: int, g: Shape, w: Shape, *,
    sizes: Shape, stride: Each = 1, padding: Each = 0, groups: Each = 1,
) -> tuple[Shape, dict[str, Any]]:
    """The shape of the adjoint of the input, of which the last sizes are given. Raises ShapeError."""
    given = _sizes(function, d, sizes)
    alone = len(w) == d
    if len(w) not in (d, d + 2) or len(g) < d or (not alone and len(g) not in (d + 1, d + 2)):
        raise _forms(function, d, g, w)
    each = _one(function, groups)
    lead = g[:-d] if alone else (*g[: -d - 1], w[1] * each)
    layout = _layout(function, d, (*lead, *given), w, stride, padding, groups)
    _require_result(d, layout, g, f"{function}(g, w, sizes) takes the sizes of the image")
    return layout.x, _settings(layout, {"sizes": given})


def _require_result(d: int, layout: Layout, g: Shape, help: str) -> None:
    """Raise ShapeError where what has to have the shape of the convolution has another."""
    if layout.z != g:
        x, w, z = map(shape_in_words, (layout.x, layout.w, layout.z))
        message = f"conv{d}d of {x} with {w} is {z}, this is {shape_in_words(g)}"
        raise ShapeError(message, help=help)


def weight_layout(
    function: str, d: int, x: Shape, g: Shape, *,
    kernel: Shape, stride: Each = 1, padding: Each = 0, groups: Each = 1,
) -> tuple[Shape, dict[str, Any]]:
    """The shape of the adjoint of the kernels, [O,C/groups,k,k]; of [k,k] where image and result have no
    channels. Raises ShapeError."""
    given, each = _sizes(function, d, kernel), _one(function, groups)
    if len(x) != len(g) or not d <= len(x) <= d + 2:
        raise _forms(function, d, x, g)
    w = given if len(x) == d else (g[-d - 1], max(1, x[-d - 1] // each), *given)
    layout = _layout(function, d, x, w, stride, padding, groups)
    _require_result(d, layout, g, f"{function}(x, g, kernel) takes the sizes of the kernel")
    return layout.w, _settings(layout, {"kernel": given})


def pool_layout(function: str, x: Shape, *, window: Shape, stride: Each | None = None) -> tuple[Shape, Any]:
    """The shape of a pool: a number k is a window of k by k, of a vector k entries. Raises ShapeError."""
    if not x:
        raise ShapeError(f"{function} of a single number", help=f"{function}(x, 2) pools the last two axes")
    window = window * min(2, len(x)) if len(window) == 1 else window
    if len(window) > len(x):
        raise ShapeError(
            f"{function} has a window of {len(window)} axes, {shape_in_words(x)} has {len(x)}",
            help=f"{function}(x, [1, 2]) pools along the last axis alone",
        )
    d = len(window)
    window = _each(function, "window", window, d)
    steps = window if stride is None else _each(function, "stride", stride, d)
    lead = x[:-d]
    layout = Layout(math.prod(lead), 1, 1, 1, x[-d:], window, steps, (0,) * d, x, window, ())
    _check_fit(function, layout)
    layout = layout._replace(z=(*lead, *layout.places))
    return layout.z, {"window": window, "stride": stride, "layout": layout}


def _settings(layout: Layout, own: dict[str, Any]) -> dict[str, Any]:
    options = {"stride": _short(layout.stride), "padding": _short(layout.padding), "groups": layout.groups}
    return {**own, **options, "layout": layout}


def _short(each: Shape) -> Each:
    return each[0] if len(set(each)) == 1 else each


def _layout(
    function: str, d: int, x: Shape, w: Shape, stride: Each, padding: Each, groups: Each
) -> Layout:
    """How the windows lie. Raises ShapeError."""
    strides, paddings = _each(function, "stride", stride, d), _each(function, "padding", padding, d, least=0)
    count = _one(function, groups)
    alone = len(w) == d
    if (alone and len(x) < d) or not (alone or (len(w) == d + 2 and len(x) in (d + 1, d + 2))):
        raise _forms(function, d, x, w)
    if alone:
        batch, channels, outputs = math.prod(x[:-d]), 1, 1
    else:
        batch, channels, outputs = math.prod(x[: -d - 1]), x[-d - 1], w[0]
        _check_channels(function, channels, w, count, d)
    layout = Layout(batch, channels, outputs, count, x[-d:], w[-d:], strides, paddings, x, w, ())
    _check_fit(function, layout)
    lead = x[:-d] if alone else (*x[: -d - 1], outputs)
    return layout._replace(z=(*lead, *layout.places))


def _check_channels(function: str, channels: int, w: Shape, groups: int, d: int) -> None:
    if channels % groups or w[0] % groups:
        raise ShapeError(
            f"groups={groups} does not divide both the {channels} channels and the {w[0]} outputs",
            help="each group has as many channels, and as many outputs",
        )
    if w[1] * groups != channels:
        of_groups = f" in each of {groups} groups" if groups > 1 else ""
        way = f"kernels [{w[0]},{channels // groups},{','.join(map(str, w[-d:]))}] fit"
        raise ShapeError(
            f"the kernels {shape_in_words(w)} have {w[1]} channels{of_groups}, the input has {channels}",
            help=way if groups > 1 or channels % max(1, w[1]) else f"{way}; or groups={channels // w[1]}",
        )


def _check_fit(function: str, layout: Layout) -> None:
    """A window is not larger than the padded image."""
    whole = tuple(n + 2 * p for n, p in zip(layout.sizes, layout.padding, strict=True))
    if any(k > n for k, n in zip(layout.kernel, whole, strict=True)):
        padded = " with its padding" if any(layout.padding) else ""
        raise ShapeError(
            f"a window of {_by(layout.kernel)} is larger than {_by(whole)}, the image{padded}",
            help="the last axes are those of the image" + ("" if padded or "pool" in function
                                                           else "; padding=1 adds zeros around it"),
        )  # fmt: skip


def _by(sizes: Shape) -> str:
    return " by ".join(map(str, sizes)) if len(sizes) > 1 else f"{sizes[0]}"


def _forms(function: str, d: int, x: Shape, w: Shape) -> ShapeError:
    return ShapeError(
        f"{function} of {shape_in_words(x)} and {shape_in_words(w)} does not fit",
        help=f"it takes {_FORMS[d]}",
    )


def _sizes(function: str, d: int, sizes: Shape) -> Shape:
    """One number for all axes, or one for each."""
    given = sizes * d if len(sizes) == 1 else sizes
    if len(given) != d or min(given) < 1:
        raise ShapeError(
            f"{function} takes {d} size{'s' if d > 1 else ''} that are at least 1",
            help=f"write {function}(a, b, {'3, 3' if d == 2 else '3'})",
        )
    return given


def _each(function: str, name: str, value: Each, d: int, least: int = 1) -> Shape:
    given = (value,) * d if isinstance(value, int) else value
    if len(given) != d or min(given) < least:
        raise ShapeError(
            f"{name} of {function} is a whole number from {least} on{f', or {d} of them' if d > 1 else ''}",
            help=f"write {function}(x, 2)" if name == "window"
        else f"write {name}={least + 1}" + (f" or {name}=({least + 1}, {least})" if d > 1 else ""),
        )
    return given


def _one(function: str, value: Each) -> int:
    if not isinstance(value, int) or value < 1:
        raise ShapeError(f"groups of {function} is a whole number from 1 on", help="write groups=2")
    return value
