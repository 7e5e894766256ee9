"""Reads the graph of a formula. Gives which entries of its output are made of which entries of a leaf.

It looks at how the formula is written, not at values: 0*x is made of x. Knows nothing of claims.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli.model.graph import Graph, Node
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64

__all__ = ["dependence"]

_LINEAR = frozenset(
    {"index", "stack", "expand", "transpose", "concat", "diag", "trace", "sum", "mean", "reshape", "permute"}
)
_BILINEAR = frozenset({"matmul", "dot", "outer"})


def dependence(formula: Graph, leaf: Node) -> Array:
    """Which entries of the output are made of which entries of a leaf, whatever the row.

    Parameters
    ----------
    formula : the graph of a right side, with an output
    leaf : one of its leaves

    Returns
    -------
    bool array (entries of the leaf, *shape of the output)
    """
    needed = formula.upstream([formula.output])
    marks: dict[int, Array] = {leaf.index: np.eye(leaf.size).reshape(leaf.size, 1, *leaf.shape)}
    for node in formula.nodes:
        if needed[node.index] and any(argument in marks for argument in node.arguments):
            marks[node.index] = (_mark(formula, node, marks) > 0).astype(float)
    output = formula.nodes[formula.output]
    found = marks.get(output.index, np.zeros((leaf.size, 1, *output.shape)))
    return np.asarray(found[:, 0] > 0)


def _mark(formula: Graph, node: Node, marks: dict[int, Array]) -> Array:
    """Positive where an entry of a node is made of the entry of the leaf that stands first."""
    given = [formula.nodes[argument] for argument in node.arguments]
    count = len(next(iter(marks.values())))

    def mark(argument: Node) -> Array:
        found = marks.get(argument.index)
        return np.zeros((count, 1, *argument.shape)) if found is None else found

    record = node.primitive
    if record.rows == "reduce":
        return mark(given[0])
    if record.elementwise:
        return np.asarray(sum(mark(argument) for argument in given))
    if record.name in _LINEAR:
        return _forward(node, *(mark(argument) for argument in given))
    if record.name in _BILINEAR:
        ones = [np.ones((1, 1, *argument.shape)) for argument in given]
        left, right = (mark(argument) for argument in given)
        return _forward(node, left, ones[1]) + _forward(node, ones[0], right)
    some = np.asarray(sum(mark(argument).reshape(count, -1).sum(axis=1) for argument in given))
    return np.asarray(np.moveaxis(np.broadcast_to(some, (1, *node.shape, count)), -1, 0))


def _forward(node: Node, *arguments: Any) -> Array:
    return np.asarray(node.primitive.forward(FLOAT64, *arguments, **node.options))
