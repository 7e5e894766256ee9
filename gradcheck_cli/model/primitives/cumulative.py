"""Reads nothing. Gives the records of sums and products of the first 1, 2, ... entries."""

from __future__ import annotations

from functools import partial
from typing import Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.axes import needs_axis, one_axis
from gradcheck_cli.model.primitives.record import Primitive, Shape, ShapeRule, enter

__all__ = ["FAMILY", "along_rule"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)


def along_rule(function: str) -> ShapeRule:
    """The shape rule: a vector, or a matrix along a given axis; the shape stays."""

    def rule(shape: Shape, *, axis: int | None = None) -> tuple[Shape, dict[str, Any]]:
        if not shape:
            raise ShapeError(
                f"{function} takes a vector, or a matrix and an axis, not a single number",
                help="rows do not see one another: declare the batch as data x[N] instead",
            )
        if axis is None and len(shape) > 1:
            raise needs_axis(function, shape, "runs along each row, axis=0 down each column")
        axis = one_axis(0 if axis is None else axis, shape)
        return shape, {"axis": axis, "along": axis - len(shape)}

    return rule

define(
    "cumsum", "cumsum(x, axis=none)",
    "sums of the first 1, 2, ... entries of a vector, or along an axis",
    shape=along_rule("cumsum"), options={"axis": None}, affine=(0,),
    forward=lambda m, x, axis, along: m.cumsum(x, along),
    vjp=(lambda m, g, y, x, axis, along: m.cumsum_from_end(g, along),),
    symbolic=lambda s, x, axis, along: s.cumulated(x, axis, product=False),
)  # fmt: skip
define(
    "cumprod", "cumprod(x, axis=none)",
    "products of the first 1, 2, ... entries of a vector, or along an axis",
    shape=along_rule("cumprod"), options={"axis": None},
    forward=lambda m, x, axis, along: m.cumprod(x, along),
    vjp=(lambda m, g, y, x, axis, along: m.products_before(x, along) * m.nested_sums(g, x, along),),
    symbolic=lambda s, x, axis, along: s.cumulated(x, axis, product=True),
)  # fmt: skip
