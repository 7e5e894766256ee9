"""Reads nothing. Gives the records that sum over the rows (training examples). No others see two."""

from __future__ import annotations

from functools import partial
from typing import Any

from gradcheck_cli.model.primitives.record import Primitive, Shape, enter

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)


def _same(shape: Shape, *, count: int = 1) -> tuple[Shape, dict[str, Any]]:
    return shape, {"count": count}

define(
    "sum_rows", "sum_rows(x)", "sum over the rows (training examples)", shape=_same, rows="reduce",
    affine=(0,),
    forward=lambda m, x, count: m.sum(x, axis=(1,), keepdims=True),
    vjp=(lambda m, g, y, x, count: g * m.ones_like(x),),
    symbolic=lambda s, x, count: s.over_rows(x),
)  # fmt: skip
define(
    "mean_rows", "mean_rows(x)", "mean over the rows (training examples)", shape=_same,
    rows="reduce", affine=(0,),
    forward=lambda m, x, count: m.sum(x, axis=(1,), keepdims=True) / count,
    vjp=(lambda m, g, y, x, count: g / count * m.ones_like(x),),
    symbolic=lambda s, x, count: s.over_rows(x / count),
)  # fmt: skip
