"""Reads axes as users name them, and shapes. Gives axes that are counted from one end.

Knows nothing of values.
"""

from __future__ import annotations

from typing import Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.record import Axis, Shape, shape_in_words

__all__ = [
    "all_kept", "axes_from_end", "keeps_axes", "needs_axis", "one_axis", "read_axis", "reduced",
    "with_axes",
]  # fmt: skip


def read_axis(axis: Axis, shape: Shape) -> Axis:
    """An axis, or several, of a value: from 0 on, rising; one alone as a number. Raises ShapeError."""
    if axis is None or isinstance(axis, int):
        return None if axis is None else one_axis(axis, shape)
    found = [one_axis(k, shape) for k in axis]
    for k, given in enumerate(axis):
        if found[k] in found[:k]:
            raise ShapeError(
                f"axis {given} is given twice" if axis.count(given) > 1
                else f"axis {given} is axis {found[k]}, which is given, too",
                help="each axis is named once",
            )  # fmt: skip
    return found[0] if len(found) == 1 else tuple(sorted(found))


def one_axis(axis: Axis, shape: Shape) -> int:
    """An axis of a value, from 0 on. Raises ShapeError."""
    rank = len(shape)
    if not isinstance(axis, int):
        raise ShapeError(f"axis={axis} is not one axis", help="write axis=0, or axis=-1 for the last one")
    if -rank <= axis < rank:
        return axis % rank
    raise ShapeError(
        f"axis={axis} does not fit the shape {shape_in_words(shape)}",
        help="axis=0 runs over rows of a matrix, axis=1 over its columns" if rank <= 2
        else f"its axes are 0 to {rank - 1}, or -{rank} to -1, counted from the end",
    )  # fmt: skip


def needs_axis(function: str, shape: Shape, meaning: str) -> ShapeError:
    """What is said of a function along an axis, where none is given; `meaning`: of axis=1 of a matrix."""
    if len(shape) == 2:
        what, help = "a matrix", f"{function}(Z, axis=1) {meaning}"
    else:
        what, help = f"{len(shape)} axes", f"write {function}(Z, axis=-1) for the last axis"
    return ShapeError(f"{function} of {what}, here {shape_in_words(shape)}, needs an axis", help=help)


def axes_from_end(rank: int, axis: Axis) -> tuple[int, ...]:
    """The axes that are meant, all of them by None, counted from the end: -1 is the last."""
    if axis is None:
        return tuple(range(-rank, 0))
    return (axis - rank,) if isinstance(axis, int) else tuple(k - rank for k in axis)


def keeps_axes(axis: Axis, keepdims: int | None) -> bool:
    """Whether reduced axes stay with length 1: where an axis is named, unless `keepdims` says otherwise."""
    return axis is not None if keepdims is None else bool(keepdims)


def all_kept(shape: Shape, axis: Axis) -> Shape:
    """A shape in which the reduced axes have length 1."""
    chosen = axes_from_end(len(shape), axis)
    return tuple(1 if k - len(shape) in chosen else n for k, n in enumerate(shape))


def reduced(shape: Shape, axis: Axis, keepdims: int | None) -> Shape:
    """The shape of a sum along axes."""
    if keeps_axes(axis, keepdims):
        return all_kept(shape, axis)
    chosen = axes_from_end(len(shape), axis)
    return tuple(n for k, n in enumerate(shape) if k - len(shape) not in chosen)


def with_axes(x: Any, rank: int, axis: Axis, keepdims: int | None) -> Any:
    """What was reduced from `rank` axes, with the reduced ones back as axes of length 1.

    Parameters
    ----------
    x : (..., *reduced shape) array
    rank : of the value that was reduced
    axis, keepdims : of the reduction

    Returns
    -------
    (..., *shape with 1 for the reduced axes) array of the same dtype
    """
    if keeps_axes(axis, keepdims):
        return x
    chosen = axes_from_end(rank, axis)
    lead = x.ndim - rank + len(chosen)
    left = iter(x.shape[lead:])
    inner = (1 if k in chosen else next(left) for k in range(-rank, 0))
    return x.reshape((*x.shape[:lead], *inner))
