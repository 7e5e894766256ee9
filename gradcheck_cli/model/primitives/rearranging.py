"""Reads nothing. Gives the records that move, repeat, join or make entries, and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.record import Primitive, Shape, enter, shape_in_words

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
            help="a matrix takes two: W[i,j], W[i,:] or W[:,j]" if len(shape) == 2
            else "a vector takes one: v[i] or v[a:b]" if shape else "this is a single number",
        )  # fmt: skip
    result = []
    for part, n in zip(key, shape, strict=True):
        if isinstance(part, int):
            if not 0 <= part < n:
                raise ShapeError(
                    f"index {part} is outside 0..{n - 1}",
                    help="indices count from 0; negative ones are not used",
                )
            continue
        start, stop = part.start or 0, n if part.stop is None else part.stop
        if not 0 <= start < stop <= n:
            raise ShapeError(
                f"the slice {start}:{stop} is empty or outside 0:{n}",
                help="v[a:b] takes the entries a, a+1, ..., b-1",
            )
        result.append(stop - start)
    return tuple(result), {"key": key}

define(
    "index", "x[i]", "an entry or a slice; indices count from 0", shape=_index_shape, affine=(0,),
    options={"key": ()},
    rounds=False,
    forward=lambda m, x, key: x[(..., *key)],
    vjp=(lambda m, g, y, x, key: m.scatter(g, x, (..., *key)),),
    symbolic=lambda s, x, key: s.index(x, key),
)  # fmt: skip


def _stack_shape(*shapes: Shape) -> tuple[Shape, dict[str, Any]]:
    for k, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ShapeError(
                f"entry {k} has the shape {shape_in_words(shape)}, entry 0 {shape_in_words(shapes[0])}",
                help="all entries of a vector, and all rows of a matrix, have one shape",
            )
    if len(shapes[0]) > 1:
        raise ShapeError(
            "brackets nest twice at most",
            help="[[a, b], [c, d]] is a matrix; there is nothing deeper, and a matrix per row is in a file",
        )
    return (len(shapes), *shapes[0]), {"rank": len(shapes[0])}

define(
    "stack", "[a, b, ...]", "a vector of numbers, or a matrix of rows", arguments=None,
    shape=_stack_shape, affine=(0,),
    rounds=False,
    forward=lambda m, *xs, rank: m.stack(xs, -1 - rank),
    vjp=(lambda m, g, position, rank: g[(..., position) + (slice(None),) * rank],),
    symbolic=lambda s, *xs, rank: s.stack(xs),
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
    if axis not in range(rank):
        raise ShapeError(
            f"axis={axis} does not fit the shape {shape_in_words(first)}",
            help="concat(u, v) is one long vector, [u, v] the matrix of two rows",
        )
    for shape in shapes:
        if shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            where = "below one another (axis=0)" if axis == 0 else "side by side (axis=1)"
            other = 1 - axis
            fits = all(s[axis] == first[axis] for s in shapes)
            raise ShapeError(
                f"the shapes {shape_in_words(first)} and {shape_in_words(shape)} do not fit {where}",
                help=f"axis={other} fits" if fits
                else f"all must have as many {'columns' if axis == 0 else 'rows'}",
            )  # fmt: skip
    ends = tuple(sum(s[axis] for s in shapes[:k]) for k in range(len(shapes) + 1))
    shape = (*first[:axis], ends[-1], *first[axis + 1 :])
    return shape, {"rank": rank, "axis": axis, "ends": ends}


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
    "ones", "ones(n) or ones(m, n)", "a vector or matrix of ones", arguments=0, sizes=(1, 2),
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
