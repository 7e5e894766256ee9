"""Reads nodes that run along an axis, with the formula of their adjoint. Gives that of their argument.

Cumulative sums and products, and gated halves, as one would write them by hand. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcheck_cli.formulas.array_algebra import Algebra
from gradcheck_cli.model.graph import Node

__all__ = ["ALONG_AXIS"]


def _from_the_end(algebra: Algebra, node: Node, e: int) -> int:
    """The sums of the last 1, 2, ... entries: the whole, less what stands before."""
    axis, shape = node.options["axis"], node.shape
    e = algebra.fit(e, shape)
    more = "" if len(shape) == 1 else f"axis={axis}"
    reduced = () if len(shape) == 1 else tuple(1 if k == axis else n for k, n in enumerate(shape))
    whole = algebra.call("sum", e, shape=reduced, more=more)
    before = algebra.call("cumsum", e, shape=shape, more=more)
    return algebra.add([whole, algebra.negative(before), e])


def _cumsum(algebra: Algebra, node: Node, adjoint: int, x: int) -> int:
    return _from_the_end(algebra, node, adjoint)


def _cumprod(algebra: Algebra, node: Node, adjoint: int, x: int) -> int:
    more = "" if len(node.shape) == 1 else f"axis={node.options['axis']}"
    own = algebra.call("cumprod", x, shape=node.shape, more=more)
    return algebra.times(_from_the_end(algebra, node, algebra.times(adjoint, own)), algebra.power(x, -1))


def _glu(algebra: Algebra, node: Node, adjoint: int, x: int) -> int:
    axis, half = node.options["axis"], node.options["half"]

    def part(start: int, stop: int) -> int:
        key: tuple[Any, ...] = tuple(
            slice(start, stop) if k == axis else slice(None) for k in range(len(node.shape))
        )
        return algebra.index(x, key)

    a, gate = part(0, half), algebra.call("sigmoid", part(half, 2 * half))
    slope = algebra.times(gate, algebra.add([algebra.one, algebra.negative(gate)]))
    adjoint = algebra.fit(adjoint, node.shape)
    sides = (algebra.times(adjoint, gate), algebra.times(adjoint, a, slope))
    whole = tuple(2 * half if k == axis else n for k, n in enumerate(node.shape))
    return algebra.call("concat", *sides, shape=whole, more="" if axis == 0 else f"axis={axis}")


# the adjoint of the argument, from the node, its adjoint and its argument
ALONG_AXIS: dict[str, Callable[[Algebra, Node, int, int], int]] = {
    "cumsum": _cumsum, "cumprod": _cumprod, "glu": _glu,
}  # fmt: skip
