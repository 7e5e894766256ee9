"""Reads nothing. Gives what libraries return where there is no derivative, and where theirs is wrong.

THE table: each record was measured with the versions in VERSIONS, and docs/conventions.md shows all of them.
A record says how an adjoint passes through one function in that library. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.primitives.axes import axes_from_end, with_axes
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64

__all__ = ["CONVENTIONS", "FAULTS", "VERSIONS", "Convention", "Site", "another"]

VERSIONS = {
    "torch": "2.13.0", "jax": "0.10.2", "tensorflow": "2.21.0", "paddle": "3.3.1", "autograd": "1.9.1",
    "mygrad": "2.5.0", "tinygrad": "0.14.0", "pytensor": "3.0.7", "casadi": "3.8.2", "warp": "1.19.0",
    "sympy": "1.14.0", "ADOL-C": "2.7.2", "Ceres": "2.1.0", "hyperjet": "1.5.0", "uncertainties": "3.2.3",
}  # fmt: skip


class Site(NamedTuple):
    """One argument of one node, with what arrives there: (seeds, rows, *shape) arrays. `right`: what the
    function's own rule passes on to the argument."""

    node: Node
    place: int
    adjoint: Array
    value: Array
    arguments: Sequence[Array]
    right: Array

    @property
    def x(self) -> Array:
        """The first argument, or the only one."""
        return self.arguments[0]


Where = Callable[[Site], Any]
Part = Callable[[Site], Array]


class Convention(NamedTuple):
    """What some libraries do at the places of one function that `where` finds: `part` is passed on there."""

    function: str  # the record's name
    at: str  # as a sentence says it
    gives: str  # as the page shows it
    who: tuple[str, ...]
    where: Where
    part: Part


def another(convention: Convention) -> Convention:
    """One that nobody follows, by which it shows which entries a convention decides."""

    def part(site: Site) -> Array:
        is_reduction = not site.node.primitive.elementwise
        return convention.part(site) + (_spread(site, site.adjoint) if is_reduction else site.adjoint)

    return convention._replace(part=part, who=())


# ---------------------------------------------------------------------------------------------
# How records are written
# ---------------------------------------------------------------------------------------------


def _slope(*slopes: float | Callable[[Site], Any]) -> Part:
    """A slope for each argument; arguments without one are as they are."""

    def part(site: Site) -> Array:
        if site.place >= len(slopes):
            return site.right
        slope = slopes[site.place]
        return np.asarray(site.adjoint * (slope(site) if callable(slope) else slope))

    return part


def _zero(site: Site) -> Any:
    return site.x == 0


def _all_zero(site: Site) -> Any:
    return (site.arguments[0] == 0) & (site.arguments[1] == 0)


def _equal(site: Site) -> Any:
    return site.arguments[0] == site.arguments[1]


def _largest(site: Site) -> Array:
    """Which entries are the largest, among those that the maximum runs over."""
    return np.asarray(site.x == _spread(site, site.value))


def _spread(site: Site, reduced: Array) -> Array:
    options = site.node.options
    return np.asarray(with_axes(reduced, options["rank"], options["axis"], options["keepdims"]))


def _axes(site: Site) -> tuple[int, ...]:
    return axes_from_end(site.node.options["rank"], site.node.options["axis"])


def _ties(site: Site) -> Any:
    found = _largest(site)
    return found & (found.sum(axis=_axes(site), keepdims=True) > 1)


def _weights(weigh: Callable[[Array, tuple[int, ...]], Array]) -> Part:
    def part(site: Site) -> Array:
        return np.asarray(_spread(site, site.adjoint) * weigh(_largest(site), _axes(site)))

    return part


def _even(mask: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(mask / mask.sum(axis=axes, keepdims=True))


def _first(mask: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(FLOAT64.first_of(mask, axes))


def _last(mask: Array, axes: tuple[int, ...]) -> Array:
    return np.flip(_first(np.flip(mask, axes), axes), axes)


def _each(mask: Array, axes: tuple[int, ...]) -> Array:
    return mask


def _all_equal(site: Site) -> Any:
    return np.broadcast_to(_spread(site, site.value) == 0, site.x.shape)


def _nothing(site: Site) -> Array:
    return np.zeros_like(site.right)


def _at_bounds(low: Callable[[Site], Any], high: Callable[[Site], Any]) -> tuple[Where, Callable[..., Part]]:
    """Where an argument is one of two bounds, and a slope at each of them."""

    def where(site: Site) -> Any:
        return ((site.x == low(site)) | (site.x == high(site))) & (site.place == 0)

    def slopes(at_low: float, at_high: float) -> Part:
        return _slope(lambda site: np.where(site.x == low(site), at_low, at_high))

    return where, slopes


_clipped, _clip = _at_bounds(lambda site: site.arguments[1], lambda site: site.arguments[2])
_at_0_or_6, _relu6 = _at_bounds(lambda site: 0.0, lambda site: 6.0)
_at_3, _hard_swish = _at_bounds(lambda site: -3.0, lambda site: 3.0)
_ABS, _RELU, _LEAKY, _CLIP = "0 of abs", "0 of relu", "0 of leaky_relu", "a bound of clip"
_MAX, _LARGER, _RELU6, _SWISH = "a tie of max", "max(a, a)", "a bound of relu6", "a bound of hard_swish"

CONVENTIONS: tuple[Convention, ...] = (
    Convention("abs", _ABS, "0", (
        "torch", "tensorflow", "autograd", "paddle", "casadi", "mygrad", "tinygrad", "pytensor", "sympy",
    ), _zero, _slope(0.0)),
    Convention("abs", _ABS, "1", ("jax", "warp", "uncertainties", "hyperjet", "Ceres"), _zero, _slope(1.0)),
    Convention("relu", _RELU, "0", ("torch", "jax", "tensorflow", "nearly all others"), _zero, _slope(0.0)),
    Convention("relu", _RELU, "0.5", (
        "jax (maximum(x, 0))", "autograd (maximum(x, 0))", "casadi (fmax(x, 0))",
    ), _zero, _slope(0.5)),
    Convention("relu", _RELU, "1", ("torch (clamp(min=0))", "pytensor (maximum(x, 0))"), _zero, _slope(1.0)),
    Convention("max", _MAX, "even shares", (
        "torch (max(), amax)", "jax", "tensorflow", "autograd", "casadi", "tinygrad", "paddle",
    ), _ties, _weights(_even)),
    Convention("max", _MAX, "all to the first", ("torch (max(dim))", "mygrad"), _ties, _weights(_first)),
    Convention("max", _MAX, "all to the last", ("torch (cummax)",), _ties, _weights(_last)),
    Convention("max", _MAX, "all to each: no subgradient", ("pytensor",), _ties, _weights(_each)),
    Convention("maximum", _LARGER, "0.5, 0.5", (
        "torch", "jax", "autograd", "casadi", "tinygrad", "paddle", "ADOL-C",
    ), _equal, _slope(0.5, 0.5)),
    Convention("maximum", _LARGER, "1, 0", ("tensorflow", "pytensor", "C++ (std::max)", "torch (fmax)"),
               _equal, _slope(1.0, 0.0)),
    Convention("maximum", _LARGER, "0, 1", ("jax (fmax)", "warp", "Ceres (fmax)"), _equal, _slope(0.0, 1.0)),
    Convention("maximum", _LARGER, "0, 0: no subgradient", ("mygrad",), _equal, _slope(0.0, 0.0)),
    Convention("clip", _CLIP, "1", ("torch", "tensorflow", "tinygrad", "pytensor", "paddle"),
               _clipped, _clip(1.0, 1.0)),
    Convention("clip", _CLIP, "0.5", ("jax (numpy.clip)",), _clipped, _clip(0.5, 0.5)),
    Convention("clip", _CLIP, "0", ("autograd", "mygrad", "jax (lax.clamp)"), _clipped, _clip(0.0, 0.0)),
    Convention("clip", _CLIP, "1 at the lower, 0 at the upper", ("warp",), _clipped, _clip(1.0, 0.0)),
    Convention("relu6", _RELU6, "0", ("torch", "jax"), _at_0_or_6, _relu6(0.0, 0.0)),
    Convention("relu6", _RELU6, "0 at 0, 1 at 6", ("tinygrad",), _at_0_or_6, _relu6(0.0, 1.0)),
    Convention("leaky_relu", _LEAKY, "its slope", ("torch", "tensorflow"), _zero,
               _slope(lambda site: site.node.options["slope"])),
    Convention("leaky_relu", _LEAKY, "1", ("jax", "tinygrad", "paddle"), _zero, _slope(1.0)),
    Convention("leaky_relu", _LEAKY, "0: no subgradient", ("mygrad",), _zero, _slope(0.0)),
    Convention("norm", "the norm of zeros", "0", ("torch", "paddle"), _all_equal, _nothing),
    Convention("hypot", "hypot(0, 0)", "0.5, 0.5", ("jax",), _all_zero, _slope(0.5, 0.5)),
    Convention("std", "the std of equal entries", "0", ("torch",), _all_equal, _nothing),
    Convention("atan2", "atan2(0, 0)", "0, 0", ("torch", "warp", "ADOL-C"), _all_zero, _slope(0.0, 0.0)),
    Convention("hard_swish", _SWISH, "0 at -3, 1 at 3", ("torch", "jax", "paddle"),
               _at_3, _hard_swish(0.0, 1.0)),
    Convention("hard_swish", _SWISH, "0 at -3, 1.5 at 3", ("tinygrad",), _at_3, _hard_swish(0.0, 1.5)),
)  # fmt: skip


# ---------------------------------------------------------------------------------------------
# Where a derivative exists, and theirs is another one
# ---------------------------------------------------------------------------------------------

_SIXTH = float(np.float32(1 / 6))
_SCALE, _ALPHA = (float(np.float32(c)) for c in (1.0507009873554804934, 1.6732632423543772848))


def _selu(site: Site) -> Array:
    return _SCALE * np.where(site.x > 0, 1.0, _ALPHA * np.exp(np.minimum(site.x, 0)))


def _is_divisor(site: Site) -> Any:
    return np.full(site.right.shape, site.place == 1)


FAULTS: tuple[Convention, ...] = (
    Convention("softplus", "softplus at 0, which its cross entropy of logits is made of", "-0.5, for 0.5",
               ("paddle",), _zero, _slope(-0.5)),
    Convention("softplus", "softplus at 0, which its weighted cross entropy is made of", "1, for 0.5",
               ("tensorflow",), _zero, _slope(1.0)),
    Convention("cumprod", "cumprod with a zero", "0 at the zero", ("tensorflow",), _zero, _nothing),
    Convention("i1", "i1 at 0", "1, for 0.5", ("tensorflow",), _zero, _slope(1.0)),
    Convention("i0", "i0 at 0", "1, for 0", ("jax", "pytensor (iv(0, x))"), _zero, _slope(1.0)),
    Convention("erf", "erf at 0", "0", ("tinygrad",), _zero, _slope(0.0)),
    Convention("asin", "asin at 0", "0", ("tinygrad",), _zero, _slope(0.0)),
    Convention("acos", "acos at 0", "0", ("tinygrad",), _zero, _slope(0.0)),
    Convention("elu", "elu at 0", "0", ("tinygrad",), _zero, _slope(0.0)),
    Convention("pow", "pow(x, 1.) at 0", "0, for 1", ("ADOL-C",),
               lambda site: (site.x == 0) & (site.arguments[1] == 1) & (site.place == 0), _slope(0.0)),
    Convention("mod", "mod by its divisor", "0", ("warp",), _is_divisor, _nothing),
    Convention("det", "det of a singular matrix", "zeros, for the cofactors", ("torch", "paddle"),
               lambda site: np.broadcast_to(site.value[..., None, None] == 0, site.x.shape), _nothing),
    Convention("hard_sigmoid", "the 1/6 of hard_sigmoid, a float32", "0.16666667163 for 1/6", ("torch",),
               lambda site: np.abs(site.x) < 3.0, _slope(_SIXTH)),
    Convention("leaky_relu", "the slope of leaky_relu, a float32", "0.20000000298 for 0.2", ("tensorflow",),
               lambda site: site.x < 0, _slope(lambda site: float(np.float32(site.node.options["slope"])))),
    Convention("selu", "the constants of selu, which are float32", "1.0507010221 for 1.0507009874",
               ("paddle",), lambda site: np.full(site.x.shape, True), _slope(_selu)),
)  # fmt: skip
