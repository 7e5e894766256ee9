"""Reads nothing. Gives the records of functions over all entries of an array, or along an axis."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.record import Primitive, Shape, ShapeRule, enter, shape_in_words

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)


def _axes(rank: int, axis: int | None) -> tuple[int, ...]:
    return tuple(range(-rank, 0)) if axis is None else (axis - rank,)


def _spread(m: Namespace, g: Any, x: Any, rank: int, axis: int | None) -> Any:
    """The adjoint of a sum, handed to every entry that was summed."""
    g = g if axis is not None else g.reshape(g.shape + (1,) * rank)
    return g * m.ones_like(x)


def _reduce_shape(shape: Shape, *, axis: int | None = None) -> tuple[Shape, dict[str, Any]]:
    if not shape:
        raise ShapeError(
            "this is one number already",
            help="per-row values are added over the rows by sum_rows or mean_rows",
        )
    if axis is None:
        return (), {"rank": len(shape), "axis": None}
    if axis not in range(len(shape)):
        raise ShapeError(
            f"axis={axis} does not fit the shape {shape_in_words(shape)}",
            help="axis=0 runs over rows of a matrix, axis=1 over its columns",
        )
    kept = tuple(1 if k == axis else n for k, n in enumerate(shape))
    return kept, {"rank": len(shape), "axis": axis}


def _count(x: Any, rank: int, axis: int | None) -> int:
    n = 1
    for k in _axes(rank, axis):
        n *= x.shape[k]
    return n

define(
    "sum", "sum(x, axis=none)", "sum of all entries, or along an axis that stays with length 1",
    shape=_reduce_shape, options={"axis": None}, affine=(0,),
    forward=lambda m, x, rank, axis: m.sum(x, axis=_axes(rank, axis), keepdims=axis is not None),
    vjp=(lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis),),
    symbolic=lambda s, x, rank, axis: s.total(x, axis),
)  # fmt: skip
define(
    "mean", "mean(x, axis=none)", "mean of all entries, or along an axis", shape=_reduce_shape,
    options={"axis": None}, affine=(0,),
    forward=lambda m, x, rank, axis: m.sum(x, axis=_axes(rank, axis), keepdims=axis is not None)
    / _count(x, rank, axis),
    vjp=(lambda m, g, y, x, rank, axis: _spread(m, g / _count(x, rank, axis), x, rank, axis),),
    symbolic=lambda s, x, rank, axis: s.total(x, axis) / _count(x, rank, axis),
)  # fmt: skip
define(
    "prod", "prod(x, axis=none)", "product of all entries, or along an axis that stays with length 1",
    shape=_reduce_shape, options={"axis": None},
    forward=lambda m, x, rank, axis: m.prod(x, _axes(rank, axis), axis is not None),
    vjp=(
        lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis)
        * m.products_of_others(x, _axes(rank, axis)),
    ),
    symbolic=lambda s, x, rank, axis: s.product(x, axis),
)  # fmt: skip
define(
    "norm", "norm(x, axis=none)", "root of the sum of squares", shape=_reduce_shape,
    options={"axis": None}, analytic=False,
    tie="length",
    forward=lambda m, x, rank, axis: m.norm(x, _axes(rank, axis), axis is not None),
    vjp=(
        lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis)
        * (x / _spread(m, m.where(m.eq(y, 0), 1 + y, y), x, rank, axis)),  # at 0 by convention 0
    ),
    symbolic=lambda s, x, rank, axis: s.sqrt(s.total(x * x, axis)),
    domain=lambda m, x, rank, axis: m.norm(x, _axes(rank, axis), axis is not None),
    domain_text="all numbers; no derivative where the norm is 0",
)  # fmt: skip
define(
    "max", "max(x, axis=none)", "largest entry", shape=_reduce_shape, options={"axis": None},
    analytic=False,
    rounds=False,
    tie="largest",
    forward=lambda m, x, rank, axis: m.max(x, axis=_axes(rank, axis), keepdims=axis is not None),
    vjp=(
        lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis)
        * m.first_of(m.eq(x, _spread(m, y, x, rank, axis)), _axes(rank, axis)),
    ),
    symbolic=lambda s, x, rank, axis: s.largest(x, axis),
    kink=lambda m, x, rank, axis: m.lead(x, _axes(rank, axis)),
)  # fmt: skip
define(
    "min", "min(x, axis=none)", "smallest entry", shape=_reduce_shape, options={"axis": None},
    analytic=False,
    rounds=False,
    tie="smallest",
    forward=lambda m, x, rank, axis: m.min(x, axis=_axes(rank, axis), keepdims=axis is not None),
    vjp=(
        lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis)
        * m.first_of(m.eq(x, _spread(m, y, x, rank, axis)), _axes(rank, axis)),
    ),
    symbolic=lambda s, x, rank, axis: -s.largest(-x, axis),
    kink=lambda m, x, rank, axis: m.lead(-x, _axes(rank, axis)),
)  # fmt: skip


def _softmax_rule(function: str, keeps: bool) -> ShapeRule:
    """The shape rule of softmax and its kin: a vector, or a matrix along a given axis."""

    def rule(shape: Shape, *, axis: int | None = None) -> tuple[Shape, dict[str, Any]]:
        if not shape:
            raise ShapeError(
                f"{function} takes a vector, or a matrix and an axis, not a single number",
                help="rows do not see one another: z[10] per row is a vector, z per row a number",
            )
        if axis is None and len(shape) == 2:
            raise ShapeError(
                f"{function} of a matrix, here {shape_in_words(shape)}, needs an axis",
                help=f"{function}(Z, axis=1) takes each row by itself, axis=0 each column",
            )
        reduced, options = _reduce_shape(shape, axis=axis)
        return (shape if keeps else reduced), options

    return rule

define(
    "softmax", "softmax(x, axis=none)", "exp(x)/sum(exp(x)); of a matrix along an axis",
    shape=_softmax_rule("softmax", True), options={"axis": None},
    forward=lambda m, x, rank, axis: m.softmax(x, _axes(rank, axis)),
    vjp=(
        lambda m, g, y, x, rank, axis: y
        * (g - m.sum(g * y, axis=_axes(rank, axis), keepdims=True)),
    ),
    symbolic=lambda s, x, rank, axis: s.exp(x) / s.expand(s.total(s.exp(x), axis), x.shape),
)  # fmt: skip
define(
    "log_softmax", "log_softmax(x, axis=none)", "log(softmax(x)), without overflow",
    shape=_softmax_rule("log_softmax", True), options={"axis": None},
    forward=lambda m, x, rank, axis: m.log_softmax(x, _axes(rank, axis)),
    vjp=(
        lambda m, g, y, x, rank, axis: g
        - m.softmax(x, _axes(rank, axis)) * m.sum(g, axis=_axes(rank, axis), keepdims=True),
    ),
    symbolic=lambda s, x, rank, axis: x - s.expand(s.log(s.total(s.exp(x), axis)), x.shape),
)  # fmt: skip
define(
    "logsumexp", "logsumexp(x, axis=none)", "log(sum(exp(x))), without overflow",
    shape=_softmax_rule("logsumexp", False), options={"axis": None},
    forward=lambda m, x, rank, axis: m.logsumexp(x, _axes(rank, axis), axis is not None),
    vjp=(
        lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis)
        * m.softmax(x, _axes(rank, axis)),
    ),
    symbolic=lambda s, x, rank, axis: s.log(s.total(s.exp(x), axis)),
)  # fmt: skip
