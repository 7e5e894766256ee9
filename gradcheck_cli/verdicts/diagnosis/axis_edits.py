"""Reads a claim's formula. Gives its sums and means over other axes, with words for the slip.

Knows nothing of values and verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Derivative, Graph, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.axes import axes_from_end

__all__ = ["exchange_all_reductions", "exchange_axes"]

_REDUCTIONS = {"sum": "mean", "mean": "sum"}
_KEEP_THEIR_SHAPE = ("softmax", "log_softmax", "cumsum", "cumprod")
Make = Callable[[Builder, Sequence[int]], int]
Slips = Iterator[tuple[int, Make, str]]


def exchange_axes(model: Model, graph: Graph, target: Derivative) -> Slips:
    """A sum over other axes, and a mean for a sum. Where the result is repeated to a larger shape it is the
    repeated one that is made anew, since other axes stay with length 1."""
    for node in graph.nodes:
        inner = graph.nodes[node.arguments[0]] if node.operation == "expand" else node
        if node.operation in _KEEP_THEIR_SHAPE:
            yield from _along_others(node)
        if inner.operation not in _REDUCTIONS:
            continue
        axis = inner.options["axis"]
        rank = len(graph.nodes[inner.arguments[0]].shape)
        mine = tuple(k + rank for k in axes_from_end(rank, axis))
        name, other = inner.operation, _REDUCTIONS[inner.operation]
        if node is inner:
            said = "(...)" if axis is None else f"(..., {_spell(mine)})"
            yield node.index, _other_reduction(inner), f"has {name}{said} where {other}{said} belongs"
        for axes in _others(mine, rank) if axis is not None else ():
            make = _reduction(name, axes, inner)
            text = f"has {name}(..., {_spell(mine)}) where {_spell(axes)} belongs"
            yield node.index, make if node is inner else _repeat(make, node), text


def exchange_all_reductions(graph: Graph) -> tuple[dict[int, Make], str] | None:
    """All sums for means, or all means for sums, where there are several of one kind alone."""
    found = [node for node in graph.nodes if node.operation in _REDUCTIONS]
    kinds = {node.operation for node in found}
    if len(found) < 2 or len(kinds) > 1:
        return None
    name = kinds.pop()
    made = {node.index: _other_reduction(node) for node in found}
    return made, f"has {name} where {_REDUCTIONS[name]} belongs, in all {len(found)} places"


def _other_reduction(node: Node) -> Make:
    """The mean of what a sum is of, or the sum of what a mean is of."""
    return lambda builder, arguments: builder.apply(
        _REDUCTIONS[node.operation], arguments,
        {name: node.options[name] for name in ("axis", "keepdims")},
    )  # fmt: skip


def _along_others(node: Node) -> Slips:
    """A softmax along another axis."""
    rank = len(node.shape)
    mine = tuple(k + rank for k in axes_from_end(rank, node.options["axis"]))
    for axis in range(rank):
        if (axis,) != mine and rank > 1:
            text = f"has {node.operation}(..., {_spell(mine)}) where {_spell((axis,))} belongs"
            yield node.index, _along(node.operation, axis), text


def _along(operation: str, axis: int) -> Make:
    return lambda builder, arguments: builder.apply(operation, arguments, {"axis": axis})


def _others(mine: tuple[int, ...], rank: int) -> Iterator[tuple[int, ...]]:
    """Other axes: one more, one less, or another one first."""
    every = (axes for n in range(1, rank + 1) for axes in combinations(range(rank), n) if axes != mine)
    yield from sorted(every, key=lambda axes: len({*axes} ^ {*mine}))


def _spell(axes: tuple[int, ...]) -> str:
    return f"axis={axes[0] if len(axes) == 1 else axes}"


def _reduction(name: str, axes: tuple[int, ...], node: Node) -> Make:
    options = {"axis": axes, "keepdims": node.options["keepdims"]}
    return lambda builder, arguments: builder.apply(name, arguments, options)


def _repeat(make: Make, node: Node) -> Make:
    """The reduction of the same argument over other axes, repeated to the same shape."""

    def repeat(builder: Builder, arguments: Sequence[int]) -> int:
        reduced = make(builder, builder.nodes[arguments[0]].arguments)
        if builder.nodes[reduced].shape == node.shape:
            return reduced
        return builder.apply("expand", (reduced,), {"to": node.shape})

    return repeat
