"""Reads nothing. Gives the records of functions over all entries of an array, or along an axis."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.axes import (
    axes_from_end,
    keeps_axes,
    needs_axis,
    read_axis,
    reduced,
    with_axes,
)  # fmt: skip
from gradcheck_cli.model.primitives.record import (
    Axis,
    Options,
    Primitive,
    Shape,
    ShapeRule,
    enter,
)  # fmt: skip

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["FAMILY", "axes_of", "count", "keeps", "reduce_shape", "spread"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)


_BOTH = {"axis": None, "keepdims": None}


def axes_of(o: Options) -> tuple[int, ...]:
    """The axes of a reduction, counted from the end."""
    return axes_from_end(o["rank"], o["axis"])


def keeps(o: Options) -> bool:
    """Whether its axes stay with length 1."""
    return keeps_axes(o["axis"], o["keepdims"])


def _named(o: Options) -> dict[str, Any]:
    return {"axis": o["axis"], "keepdims": o["keepdims"]}


def spread(m: Namespace, g: Any, x: Any, o: Options) -> Any:
    """The adjoint of a sum, handed to every entry that was summed."""
    return with_axes(g, o["rank"], o["axis"], o["keepdims"]) * m.ones_like(x)


def reduce_shape(
    shape: Shape, *, axis: Axis = None, keepdims: int | None = None
) -> tuple[Shape, dict[str, Any]]:
    """The shape rule of a reduction: a number, or axes that stay with length 1."""
    if not shape:
        raise ShapeError(
            "this is one number already",
            help="per-row values are added over the rows by sum_rows or mean_rows",
        )
    axis = read_axis(axis, shape)
    if keepdims not in (None, 0, 1):
        raise ShapeError("keepdims is 0 or 1", help="0 drops the axes that are reduced, 1 keeps them")
    keepdims = None if keepdims is None or bool(keepdims) == (axis is not None) else int(keepdims)
    return reduced(shape, axis, keepdims), {"rank": len(shape), "axis": axis, "keepdims": keepdims}


def count(x: Any, o: Options) -> int:
    """How many entries it takes to one."""
    return prod(x.shape[k] for k in axes_of(o))

define(
    "sum", "sum(x, axis=none)",
    "sum of all entries, or along axes that stay with length 1; keepdims=0 drops them",
    shape=reduce_shape, options=_BOTH, affine=(0,),
    forward=lambda m, x, **o: m.sum(x, axis=axes_of(o), keepdims=keeps(o)),
    vjp=(lambda m, g, y, x, **o: spread(m, g, x, o),),
    symbolic=lambda s, x, **o: s.total(x, **_named(o)),
)  # fmt: skip
define(
    "mean", "mean(x, axis=none)", "mean of all entries, or along axes",
    shape=reduce_shape, options=_BOTH, affine=(0,),
    forward=lambda m, x, **o: m.sum(x, axis=axes_of(o), keepdims=keeps(o)) / count(x, o),
    vjp=(lambda m, g, y, x, **o: spread(m, g / count(x, o), x, o),),
    symbolic=lambda s, x, **o: s.total(x, **_named(o)) / count(x, o),
)  # fmt: skip
define(
    "prod", "prod(x, axis=none)",
    "product of all entries, or along axes that stay with length 1; keepdims=0 drops them",
    shape=reduce_shape, options=_BOTH,
    forward=lambda m, x, **o: m.prod(x, axes_of(o), keeps(o)),
    vjp=(lambda m, g, y, x, **o: spread(m, g, x, o) * m.products_of_others(x, axes_of(o)),),
    symbolic=lambda s, x, **o: s.product(x, **_named(o)),
)  # fmt: skip
define(
    "norm", "norm(x, axis=none)", "root of the sum of squares", shape=reduce_shape,
    options=_BOTH, analytic=False,
    tie="length",
    forward=lambda m, x, **o: m.norm(x, axes_of(o), keeps(o)),
    vjp=(
        lambda m, g, y, x, **o: spread(m, g, x, o)
        * (x / spread(m, m.where(m.eq(y, 0), 1 + y, y), x, o)),  # at 0 by convention 0
    ),
    symbolic=lambda s, x, **o: s.sqrt(s.total(x * x, **_named(o))),
    domain=lambda m, x, **o: m.norm(x, axes_of(o), keeps(o)),
    domain_text="all numbers; no derivative where the norm is 0",
)  # fmt: skip
define(
    "max", "max(x, axis=none)", "largest entry", shape=reduce_shape, options=_BOTH,
    analytic=False,
    rounds=False,
    tie="largest",
    forward=lambda m, x, **o: m.max(x, axis=axes_of(o), keepdims=keeps(o)),
    vjp=(
        lambda m, g, y, x, **o: spread(m, g, x, o) * m.first_of(m.eq(x, spread(m, y, x, o)), axes_of(o)),
    ),
    symbolic=lambda s, x, **o: s.largest(x, **_named(o)),
    kink=lambda m, x, **o: m.lead(x, axes_of(o)),
)  # fmt: skip
define(
    "min", "min(x, axis=none)", "smallest entry", shape=reduce_shape, options=_BOTH,
    analytic=False,
    rounds=False,
    tie="smallest",
    forward=lambda m, x, **o: m.min(x, axis=axes_of(o), keepdims=keeps(o)),
    vjp=(
        lambda m, g, y, x, **o: spread(m, g, x, o) * m.first_of(m.eq(x, spread(m, y, x, o)), axes_of(o)),
    ),
    symbolic=lambda s, x, **o: -s.largest(-x, **_named(o)),
    kink=lambda m, x, **o: m.lead(-x, axes_of(o)),
)  # fmt: skip


def _softmax_rule(function: str, keeps: bool) -> ShapeRule:
    """The shape rule of softmax and its kin: a vector, or an array along given axes."""

    def rule(
        shape: Shape, *, axis: Axis = None, keepdims: int | None = None
    ) -> tuple[Shape, dict[str, Any]]:
        if not shape:
            raise ShapeError(
                f"{function} takes a vector, or a matrix and an axis, not a single number",
                help="rows do not see one another: z[10] per row is a vector, z per row a number",
            )
        if axis is None and len(shape) > 1:
            raise needs_axis(function, shape, "takes each row by itself, axis=0 each column")
        result, options = reduce_shape(shape, axis=axis, keepdims=keepdims)
        if not keeps:
            return result, options
        return shape, {name: options[name] for name in ("rank", "axis")}

    return rule

define(
    "softmax", "softmax(x, axis=none)", "exp(x)/sum(exp(x)); of a matrix along an axis",
    shape=_softmax_rule("softmax", True), options={"axis": None},
    forward=lambda m, x, **o: m.softmax(x, axes_of(o)),
    vjp=(lambda m, g, y, x, **o: y * (g - m.sum(g * y, axis=axes_of(o), keepdims=True)),),
    symbolic=lambda s, x, **o: s.exp(x) / s.expand(s.total(s.exp(x), o["axis"]), x.shape),
)  # fmt: skip
define(
    "log_softmax", "log_softmax(x, axis=none)", "log(softmax(x)), without overflow",
    shape=_softmax_rule("log_softmax", True), options={"axis": None},
    forward=lambda m, x, **o: m.log_softmax(x, axes_of(o)),
    vjp=(
        lambda m, g, y, x, **o: g - m.softmax(x, axes_of(o)) * m.sum(g, axis=axes_of(o), keepdims=True),
    ),
    symbolic=lambda s, x, **o: x - s.expand(s.log(s.total(s.exp(x), o["axis"])), x.shape),
)  # fmt: skip
define(
    "logsumexp", "logsumexp(x, axis=none)", "log(sum(exp(x))), without overflow",
    shape=_softmax_rule("logsumexp", False), options=_BOTH,
    forward=lambda m, x, **o: m.logsumexp(x, axes_of(o), keeps(o)),
    vjp=(lambda m, g, y, x, **o: spread(m, g, x, o) * m.softmax(x, axes_of(o)),),
    symbolic=lambda s, x, **o: s.log(s.total(s.exp(x), **_named(o))),
)  # fmt: skip
