"""Reads nothing. Gives the records that choose entries by whole numbers: class labels, words, pairs."""

from __future__ import annotations

from functools import partial
from typing import Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.record import Primitive, Shape, enter, shape_in_words

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)

Key = tuple[Any, ...]  # None stands for an array of whole numbers, a range runs along with it


def _take_shape(shape: Shape, *chosen: Shape, key: Key) -> tuple[Shape, dict[str, Any]]:
    """The axes of what chooses stand where the first axis stood that it chooses from."""
    if len(key) != len(shape):
        raise ShapeError(
            f"{len(key)} {'index' if len(key) == 1 else 'indices'} for the shape {shape_in_words(shape)}",
            help="each axis has an index: p[y], E[y,:], P[0:5,y]",
        )
    axes = [k for k, part in enumerate(key) if not isinstance(part, slice)]
    along = _shape_of_choice(shape, chosen, key)
    return (*shape[: axes[0]], *along, *shape[axes[-1] + 1 :]), {"key": key}


def _shape_of_choice(shape: Shape, chosen: tuple[Shape, ...], key: Key) -> Shape:
    arrays = list(dict.fromkeys(s for s in chosen if s))
    if len(arrays) > 1:
        first, second = map(shape_in_words, arrays[:2])
        raise ShapeError(
            f"the indices have the shapes {first} and {second}: they are taken in pairs",
            help="indices beside one another have one shape: P[y,z] holds P[y[i], z[i]]",
        )
    ranges = [part for part in key if isinstance(part, range)]
    along = arrays[0] if arrays else ()
    for part in ranges:
        if along != (len(part),):
            raise _no_pairs(part, along)
    return along


def _no_pairs(part: range, along: Shape) -> ShapeError:
    text, what = f"{part.start}:{part.stop}", shape_in_words(along)
    return ShapeError(
        f"{text} has {len(part)} numbers, the index beside it is {what}: they are taken in pairs",
        help=f"pairs P[i, y[i]] are P[0:n,y] for y[n]; of each row {text} all columns y: P[{text},:][:,y]",
    )

_RULES = (
    lambda m, g, y, x, *chosen, key: m.put(g, x, chosen, key),
    None, None,
)  # fmt: skip
for _count, _name, _signature in ((1, "take", "p[y]"), (2, "take_pairs", "P[y, z]")):
    define(
        _name, _signature, "entries chosen by whole-number data" if _count == 1
        else "entries chosen by pairs of whole numbers",
        shape=_take_shape, affine=(0,), options={"key": ()}, arguments=1 + _count,
        whole=tuple(range(1, 1 + _count)), rounds=False,
        forward=lambda m, x, *chosen, key: m.take(x, chosen, key),
        vjp=_RULES[: 1 + _count],
        symbolic=lambda s, x, *chosen, key: s.take(x, chosen, key),
    )  # fmt: skip


def _one_hot_shape(shape: Shape, *, classes: tuple[int, ...]) -> tuple[Shape, dict[str, Any]]:
    if len(classes) != 1 or classes[0] < 1:
        raise ShapeError("one_hot takes one number of classes", help="write one_hot(y, 10)")
    return (*shape, *classes), {"classes": classes}

define(
    "one_hot", "one_hot(y, n)", "1 at the place y of n, 0 elsewhere", shape=_one_hot_shape,
    options={"classes": ()}, listed="classes", least=2, domain_text="whole-number data, 0 to n - 1",
    whole=(0,), rounds=False,
    forward=lambda m, y, classes: m.one_hot(y, *classes),
    vjp=(None,),
    symbolic=lambda s, y, classes: s.one_hot(y, *classes),
)  # fmt: skip
