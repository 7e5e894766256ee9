"""Reads nothing. Gives the records that move, repeat, join or make entries, and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.axes import axes_from_end, one_axis, read_axis
from gradcheck_cli.model.primitives.record import Axis, Primitive, Shape, enter, shape_in_words
from gradcheck_cli.numerics.limits.numerics import NUMERICS

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)


def _expand_shape(shape: Shape, *, to: Shape) -> tuple[Shape, dict[str, Any]]:
    return to, {"rank": len(shape), "to": to}


def _expand(m: Namespace, x: Any, rank: int, to: Shape) -> Any:
    lead = x.shape[: x.ndim - rank]
    inner = x.shape[x.ndim - rank :]
    return m.broadcast_to(x.reshape(lead + (1,) * (len(to) - rank) + inner), lead + to)


def _collapse(m: Namespace, g: Any, x: Any, rank: int, to: Shape) -> Any:
    """The adjoint of `expand`: summed over every axis along which values were repeated."""
    inner = x.shape[x.ndim - rank :]
    old = (1,) * (len(to) - rank) + inner
    repeated = tuple(k - len(to) for k, (n, o) in enumerate(zip(to, old, strict=True)) if n != o)
    g = m.sum(g, axis=repeated, keepdims=True) if repeated else g
    return g.reshape(g.shape[: g.ndim - len(to)] + inner)

define(
    "expand", "expand(x)", "repeats a value to a larger shape", shape=_expand_shape, affine=(0,),
    options={"to": ()},
    rounds=False,
    forward=_expand,
    vjp=(lambda m, g, y, x, rank, to: _collapse(m, g, x, rank, to),),
    symbolic=lambda s, x, rank, to: s.expand(x, to),
)  # fmt: skip


def _index_shape(shape: Shape, *, key: tuple[Any, ...]) -> tuple[Shape, dict[str, Any]]:
    if len(key) != len(shape):
        raise ShapeError(
            f"{len(key)} {'index' if len(key) == 1 else 'indices'} for the shape {shape_in_words(shape)}",
            help=_index_help(key, shape),
        )
    pairs = enumerate(zip(key, shape, strict=True))
    lengths = (_length(part, n, axis, len(shape)) for axis, (part, n) in pairs)
    return tuple(n for n in lengths if n is not None), {"key": key}


def _index_help(key: tuple[Any, ...], shape: Shape) -> str:
    """What an index of another length could be."""
    if len(shape) < 2:
        return "a vector takes one: v[i] or v[a:b]" if shape else "this is a single number"
    if len(shape) == 2:
        return "a matrix takes two: W[i,j], W[i,:] or W[:,j]"
    parts = [*("i" if isinstance(part, int) else ":" for part in key), *(":" for _ in shape)]
    return f"it takes one for each axis: X[{','.join(parts[: len(shape)])}]"


def _length(part: Any, n: int, axis: int, rank: int) -> int | None:
    """The length of an index's part along an axis of length n, None of a single entry. Raises ShapeError."""
    where = f" of axis {axis}" if rank > 2 else ""
    if isinstance(part, int):
        if 0 <= part < n:
            return None
        raise ShapeError(
            f"index {part} is outside 0..{n - 1}{where}",
            help="indices count from 0; negative ones are not used",
        )
    start, stop = part.start or 0, n if part.stop is None else part.stop
    if 0 <= start < stop <= n:
        return int(stop - start)
    raise ShapeError(
        f"the slice {start}:{stop} is empty or outside 0:{n}{where}",
        help="v[a:b] takes the entries a, a+1, ..., b-1",
    )

define(
    "index", "x[i]", "an entry or a slice; indices count from 0", shape=_index_shape, affine=(0,),
    options={"key": ()},
    rounds=False,
    forward=lambda m, x, key: x[(..., *key)],
    vjp=(lambda m, g, y, x, key: m.scatter(g, x, (..., *key)),),
    symbolic=lambda s, x, key: s.index(x, key),
)  # fmt: skip


def _stack_shape(*shapes: Shape, axis: int = 0) -> tuple[Shape, dict[str, Any]]:
    for k, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ShapeError(
                f"entry {k} has the shape {shape_in_words(shape)}, entry 0 {shape_in_words(shapes[0])}",
                help="all entries of a vector, and all rows of a matrix, have one shape",
            )
    inner = shapes[0]
    axis = one_axis(axis, (len(shapes), *inner)) if axis else 0
    return (*inner[:axis], len(shapes), *inner[axis:]), {"axis": axis, "behind": len(inner) - axis}

define(
    "stack", "stack(a, b, ..., axis=0)",
    "[a, b, ...] along a new axis: a vector of numbers, a matrix of rows",
    arguments=None, least=2, shape=_stack_shape, options={"axis": 0}, affine=(0,),
    rounds=False,
    forward=lambda m, *xs, axis, behind: m.stack(xs, -1 - behind),
    vjp=(lambda m, g, position, axis, behind: g[(..., position) + (slice(None),) * behind],),
    symbolic=lambda s, *xs, axis, behind: s.stack(xs, axis),
)  # fmt: skip


def _reshape_shape(shape: Shape, *, to: Shape) -> tuple[Shape, dict[str, Any]]:
    count, known = prod(shape), prod(n for n in to if n != -1)
    open_axes = to.count(-1)
    if open_axes > 1 or any(n < 1 and n != -1 for n in to):
        raise ShapeError(
            f"{list(to)} is no shape", help="axes have a length of 1 or more; one may be -1, for what is left"
        )
    if open_axes and count % known:
        raise ShapeError(
            f"reshape of {count:,} entries to {shape_in_words(to)}: they are no multiple of {known:,}",
            help="-1 stands for the length that is left",
        )
    if open_axes:
        to = tuple(count // known if n == -1 else n for n in to)
    if prod(to) != count:
        raise ShapeError(
            f"reshape to {shape_in_words(to)} needs {prod(to):,} entries, "
            f"{shape_in_words(shape)} has {count:,}",
            help=_reshape_help(shape, to, count),
        )
    return to, {"rank": len(shape), "to": to}


def _reshape_help(shape: Shape, to: Shape, count: int) -> str:
    """The shape that fits but for one axis."""
    for k in reversed(range(len(to))):
        rest = prod(n for j, n in enumerate(to) if j != k)
        if rest > 0 and count % rest == 0:
            fits = (*to[:k], count // rest, *to[k + 1 :])
            return f"{shape_in_words(fits)} fits; -1 stands for the length that is left"
    return "the lengths of its axes multiply to the number of entries, which stay in their order"

define(
    "reshape", "reshape(x, shape)",
    "the entries in another shape, in reading order: reshape(x, [2, 3]) or reshape(x, 2, 3)",
    shape=_reshape_shape, options={"to": ()}, listed="to", least=2, affine=(0,),
    rounds=False,
    forward=lambda m, x, rank, to: x.reshape(x.shape[: x.ndim - rank] + to),
    vjp=(
        lambda m, g, y, x, rank, to: g.reshape(g.shape[: g.ndim - len(to)] + x.shape[x.ndim - rank :]),
    ),
    symbolic=lambda s, x, rank, to: s.reshape(x, to),
)  # fmt: skip


def _permute_shape(shape: Shape, *, axes: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(axes) != len(shape):
        raise ShapeError(
            f"{len(axes)} {'axis' if len(axes) == 1 else 'axes'} for the shape {shape_in_words(shape)}",
            help=f"transpose(x, axes) takes the order of all {len(shape)} axes, as (0, 2, 1)",
        )
    read_axis(axes, shape)
    order = tuple(one_axis(k, shape) for k in axes)
    return tuple(shape[k] for k in order), {"axes": order}


def _permuted(x: Any, axes: Sequence[int]) -> Any:
    lead = x.ndim - len(axes)
    return x.transpose(*range(lead), *(lead + k for k in axes))


def _inverse(axes: Sequence[int]) -> list[int]:
    return sorted(range(len(axes)), key=axes.__getitem__)

def _flip_shape(shape: Shape, *, axis: Axis = None) -> tuple[Shape, dict[str, Any]]:
    if not shape:
        raise ShapeError("flip of a single number", help="flip(v) turns the order of entries round")
    return shape, {"axis": read_axis(axis, shape), "rank": len(shape)}


def _turned_axes(rank: int, axis: Axis) -> tuple[int, ...]:
    return tuple(range(rank)) if axis is None else (axis,) if isinstance(axis, int) else axis

define(
    "flip", "flip(x, axis=none)", "the order of the entries turned round along all axes, or those named",
    shape=_flip_shape, options={"axis": None}, affine=(0,), rounds=False,
    forward=lambda m, x, rank, axis: m.flip(x, axes_from_end(rank, axis)),
    vjp=(lambda m, g, y, x, rank, axis: m.flip(g, axes_from_end(rank, axis)),),
    symbolic=lambda s, x, rank, axis: s.flip(x, _turned_axes(rank, axis)),
)  # fmt: skip
define(
    "permute", "transpose(x, axes)", "the axes in another order: transpose(x, (0, 2, 1))",
    function="transpose", shape=_permute_shape, options={"axes": ()}, listed="axes", least=2, affine=(0,),
    rounds=False,
    forward=lambda m, x, axes: _permuted(x, axes),
    vjp=(lambda m, g, y, x, axes: _permuted(g, _inverse(axes)),),
    symbolic=lambda s, x, axes: s.permute(x, axes),
)  # fmt: skip


def _concat_shape(*shapes: Shape, axis: int = 0) -> tuple[Shape, dict[str, Any]]:
    if not shapes or not all(shapes):
        raise ShapeError(
            "concat joins vectors or matrices, not single numbers",
            help="[a, b] is the vector of two numbers, [b] the vector of one",
        )
    first, rank = shapes[0], len(shapes[0])
    for shape in shapes:
        if len(shape) != rank:
            raise ShapeError(
                f"concat cannot join the shapes {shape_in_words(first)} and {shape_in_words(shape)}",
                help="a vector is a column; v' is the row [1,n], which joins a matrix of n columns",
            )
    if rank == 1 and axis not in (0, -1):
        raise ShapeError(
            f"axis={axis} does not fit the shape {shape_in_words(first)}",
            help="concat(u, v) is one long vector, [u, v] the matrix of two rows",
        )
    axis = one_axis(axis, first)
    for shape in shapes:
        if shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise _misfit(shapes, shape, axis)
    ends = tuple(sum(s[axis] for s in shapes[:k]) for k in range(len(shapes) + 1))
    shape = (*first[:axis], ends[-1], *first[axis + 1 :])
    return shape, {"rank": rank, "axis": axis, "ends": ends}


def _misfit(shapes: Sequence[Shape], shape: Shape, axis: int) -> ShapeError:
    """What is said of shapes that differ beside the axis along which they are to be joined."""
    first, rank = shapes[0], len(shape)
    where, equal = f"along axis={axis}", "all other axes must have equal lengths"
    if rank == 2:
        where = "below one another (axis=0)" if axis == 0 else "side by side (axis=1)"
        equal = f"all must have as many {'columns' if axis == 0 else 'rows'}"
    fits = [k for k in range(rank) if len({(*s[:k], *s[k + 1 :]) for s in shapes}) == 1]
    return ShapeError(
        f"the shapes {shape_in_words(first)} and {shape_in_words(shape)} do not fit {where}",
        help=f"axis={fits[0]} fits" if fits else equal,
    )


def _section(position: int, rank: int, axis: int, ends: Sequence[int]) -> tuple[Any, ...]:
    """The index of one argument's part of a concat."""
    part = slice(ends[position], ends[position + 1])
    return (..., part, *(slice(None) for _ in range(rank - 1 - axis)))

define(
    "concat", "concat(a, b, ..., axis=0)", "vectors or matrices joined along an axis",
    arguments=None, shape=_concat_shape, options={"axis": 0}, affine=(0,),
    rounds=False,
    forward=lambda m, *xs, rank, axis, ends: m.concat(xs, axis - rank),
    vjp=(lambda m, g, position, rank, axis, ends: g[_section(position, rank, axis, ends)],),
    symbolic=lambda s, *xs, rank, axis, ends: s.concat(xs, axis),
)  # fmt: skip


def _given_shape(*, sizes: Shape) -> tuple[Shape, dict[str, Any]]:
    return sizes, {"sizes": sizes}


def _identity_shape(*, sizes: Shape) -> tuple[Shape, dict[str, Any]]:
    return (*sizes, *sizes), {"sizes": sizes}

define(
    "ones", "ones(n) or ones(m, n)", "a vector, matrix or array of ones", arguments=0,
    sizes=tuple(range(1, NUMERICS.most_axes + 1)),
    shape=_given_shape, options={"sizes": ()}, domain_text="whole numbers, written out",
    rounds=False, sample=(),
    forward=lambda m, sizes: m.zeros((1, 1, *sizes)) + 1,
    vjp=(),
    symbolic=lambda s, sizes: s.expand(s.lift(1), sizes),
)  # fmt: skip
define(
    "eye", "eye(n)", "the identity matrix", arguments=0, sizes=(1,), shape=_identity_shape,
    options={"sizes": ()}, domain_text="whole numbers, written out",
    rounds=False, sample=(),
    forward=lambda m, sizes: m.on_diagonal(m.zeros((1, 1, *sizes)) + 1),
    vjp=(),
    symbolic=lambda s, sizes: s.on_diagonal(s.expand(s.lift(1), sizes)),
)  # fmt: skip
