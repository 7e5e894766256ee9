"""Reads a Graph, values and a namespace. Gives the value of every node, and margins to kinks and borders."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Protocol, cast

import numpy as np

from gradcheck_cli.model.graph import Graph, Key, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["Readable", "Values", "compute", "evaluate", "margins", "operations", "trace"]

Values = dict[int, Array]


class Readable(Protocol):
    """Values of nodes by their index."""

    def __getitem__(self, index: int, /) -> Array: ...


def compute(node: Node, values: Readable, m: Namespace) -> Array:
    """The value of one node from those of its arguments."""
    if node.is_literal:
        return m.array(np.full((1, 1), m.pi if node.is_pi else node.value))
    arguments = [values[a] for a in node.arguments]
    return node.primitive.forward(m, *arguments, **node.options)  # type: ignore[no-any-return]


def evaluate(graph: Graph, leaves: Mapping[Key, Array], m: Namespace, output: int | None = None) -> Array:
    """The value of a graph's output, all rows at once: for claims and constants.

    `leaves` hold arrays with the two leading axes. Raises KeyError for a leaf without a value.
    """
    target = graph.output if output is None else output
    return trace(graph, leaves, m, target, added=_only_added(graph, target))[target]


def trace(
    graph: Graph, leaves: Mapping[Key, Array], m: Namespace, target: int, added: Container[int] = ()
) -> Values:
    """The values of `target` and of all nodes that it is computed from; of matrix products that are `added`
    over the rows, the sum."""
    needed = graph.upstream([target])
    values: Values = {}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if needed[node.index]:
                m_or_sum = cast(Namespace, _Adding(m)) if node.index in added else m
                values[node.index] = leaves[node.key] if node.is_leaf else compute(node, values, m_or_sum)
    return values


class _Adding:
    """A namespace whose matrix products are added over the rows: those of single rows are never stored."""

    def __init__(self, m: Namespace) -> None:
        self.m = m

    def matmul(self, a: Array, b: Array) -> Array:
        """The sum of a @ b over the rows: (S, 1, n, k)."""
        return self.m.matmul_onto(a[:, :1], a, b)  # type: ignore[no-any-return]


def _only_added(graph: Graph, target: int) -> set[int]:
    """The matrix products that nothing but a sum over the rows takes."""
    needed = graph.upstream([target])
    nodes = [n for n in graph.nodes if needed[n.index]]
    found = {n.index for n in nodes if n.per_row and n.operation == "matmul" and n.index != target}
    for node in nodes:
        if not node.adds_rows:
            found.difference_update(node.arguments)
    return found


def margins(graph: Graph, values: Values, m: Namespace, *, of: str) -> list[tuple[Node, Array]]:
    """Of traced values: a change of sign is a kink (`of` "kink"), or a border or pole (`of` "domain")."""
    found = []
    with np.errstate(all="ignore"):
        for node in (graph.nodes[i] for i in values if not graph.nodes[i].is_leaf):
            rule = None if node.is_literal else getattr(node.primitive, of)
            if rule is not None:
                arguments = [values[a] for a in node.arguments]
                found.append((node, rule(m, *arguments, **node.options)))
    return found


def operations(model: Model, some: Iterable[Node] | None = None) -> int:
    """Multiplications, or other operations, of one forward pass over all rows, or of some of its nodes."""
    rows, nodes = model.rows or 1, model.graph.nodes
    some = nodes if some is None else some
    return sum(_operations(node, nodes) * (rows if node.per_row else 1) for node in some)


def _operations(node: Node, nodes: Sequence[Node]) -> int:
    if node.is_leaf or node.is_literal or node.primitive.product is None:
        return node.size
    a, b = (nodes[k] for k in node.arguments)
    return a.size * (b.shape[1] if len(b.shape) == 2 else 1) if node.operation == "matmul" else node.size
