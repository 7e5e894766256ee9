"""Reads the graph of a model. Gives roots of sums of squares: they are norms, however they are written.

sqrt(sum(x^2)), sqrt(a^2 + 4*b*b) and mean(x*x)^0.5 have at 0 the slopes that norm has. Knows nothing of
values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.model.graph import Node, typed_number
from gradcheck_cli.model.primitives.axes import all_kept

__all__ = ["root_of_squares"]

Terms = dict[tuple[int, int], float]  # (node, place): the weight of that entry
_Part = tuple[Node, int, float]  # an entry of a node, with its weight


def root_of_squares(nodes: Sequence[Node], root: Node, place: int) -> Terms | None:
    """The numbers whose length an entry of a square root is.

    Parameters
    ----------
    nodes : of the graph
    root : a node
    place : of its entry, flat

    Returns
    -------
    terms : dict of (node, flat place) to float, or None
        By what each number is multiplied; None where the entry is no root of a sum of squares.
    """
    if root.is_leaf or root.is_literal:
        return None
    power = typed_number(nodes, nodes[root.arguments[1]]) if root.operation == "pow" else None
    if root.operation != "sqrt" and power != 0.5:
        return None
    inner = nodes[root.arguments[0]]
    squares, found = _Squares(nodes), dict[tuple[int, int], float]()
    todo: list[_Part] = [(inner, place if inner.size > 1 else 0, 1.0)]
    while todo:  # a sum may have thousands of terms, one behind the other
        node, at, weight = todo.pop()
        bases = squares.bases_of(node, at)
        for base in bases:
            found[base] = found.get(base, 0.0) + weight
        parts = [] if bases else squares.parts_of(node, at, weight)
        if parts is None:
            return None
        todo += parts
    return {key: math.sqrt(weight) for key, weight in found.items()} or None


@dataclass(frozen=True)
class _Squares:
    """Entries of nodes as squares, or as sums of other entries with positive weights."""

    nodes: Sequence[Node]

    def bases_of(self, node: Node, place: int) -> list[tuple[int, int]]:
        """The entries whose squares add up to it, as (node, place); empty where it is no square."""
        is_square = node.operation == "pow" and self._number(node, 1) == 2
        is_square |= node.operation in ("mul", "dot") and len(set(node.arguments)) == 1
        if not is_square:
            return []
        if node.operation == "dot":
            return [(node.arguments[0], k) for k in range(self._argument(node, 0).size)]
        return [(node.arguments[0], self._place(node, 0, place))]

    def parts_of(self, node: Node, place: int, weight: float) -> list[_Part] | None:
        """The entries whose sum it is; None where it is no such sum, or a weight is not positive."""
        match node.operation:
            case "mul":
                return self._scaled(node, place, weight)
            case "div":
                return self._part(node, 0, place, weight / (self._number(node, 1) or -1.0))
            case "add":
                return [(self._argument(node, k), self._place(node, k, place), weight) for k in (0, 1)]
            case "expand":
                return self._part(node, 0, 0, weight) if self._argument(node, 0).size == 1 else None
            case "sum" | "mean":
                return self._reduced(node, place, weight)
        return [] if node.is_literal and node.value == 0 else None

    def _number(self, node: Node, k: int) -> float | None:
        return typed_number(self.nodes, self._argument(node, k))

    def _argument(self, node: Node, k: int) -> Node:
        return self.nodes[node.arguments[k]]

    def _place(self, node: Node, k: int, place: int) -> int:
        return place if self._argument(node, k).size > 1 else 0

    def _part(self, node: Node, k: int, place: int, weight: float) -> list[_Part] | None:
        return [(self._argument(node, k), self._place(node, k, place), weight)] if weight > 0 else None

    def _scaled(self, node: Node, place: int, weight: float) -> list[_Part] | None:
        """By a number of the text."""
        for k in (0, 1):
            factor = self._number(node, 1 - k)
            if factor is not None:
                return self._part(node, k, place, weight * factor)
        return None

    def _reduced(self, node: Node, place: int, weight: float) -> list[_Part]:
        inner = self._argument(node, 0)
        kept = all_kept(inner.shape, node.options["axis"])
        outputs = np.broadcast_to(np.arange(node.size).reshape(kept), inner.shape)
        places = np.flatnonzero(outputs == place)
        share = weight / len(places) if node.operation == "mean" else weight
        return [(inner, int(k), share) for k in places]
