"""Reads a Graph, values and a namespace. Gives the value of every node, and margins to kinks and borders."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Protocol, cast

import numpy as np

from gradcheck_cli.model.graph import Graph, Key, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.namespace import Namespace

__all__ = [
    *("Readable", "Values", "as_margins", "compute", "distances", "evaluate"),
    *("margins", "operations", "trace"),
]

Values = dict[int, Array]


class Readable(Protocol):
    """Values of nodes by their index."""

    def __getitem__(self, index: int, /) -> Array: ...


def compute(node: Node, values: Readable, m: Namespace) -> Array:
    """The value of one node from those of its arguments.

    Parameters
    ----------
    node : a node that is no leaf
    values : those of its arguments, each (perturbations, rows, *shape)
    m : the namespace in whose numbers it is computed

    Returns
    -------
    (perturbations, rows, *shape) in the numbers of `m`
        Both leading axes of a number that stands in the text are 1.
    """
    if node.is_literal:
        return m.array(np.full((1, 1), m.pi if node.is_pi else m.decimal(node.text)))
    arguments = [values[a] for a in node.arguments]
    return node.primitive.forward(m, *arguments, **node.options)  # type: ignore[no-any-return]


def evaluate(graph: Graph, leaves: Mapping[Key, Array], m: Namespace, output: int | None = None) -> Array:
    """The value of a graph's output, all rows at once: for claims and constants.

    Parameters
    ----------
    graph : the formula
    leaves : key of the leaf to (perturbations, rows, *shape) array
    m : the namespace in whose numbers it is computed
    output : index of another node to evaluate

    Returns
    -------
    (perturbations, rows, *shape) in the numbers of `m`

    Raises
    ------
    KeyError
        If a leaf has no value.
    """
    target = graph.output if output is None else output
    return trace(graph, leaves, m, target, added=_products_only_added(graph, target))[target]


def trace(
    graph: Graph, leaves: Mapping[Key, Array], m: Namespace, target: int, added: Container[int] = ()
) -> Values:
    """The values of a node and of all nodes that it is computed from.

    Parameters
    ----------
    graph : the formula
    leaves : key of the leaf to (perturbations, rows, *shape) array
    m : the namespace in whose numbers it is computed
    target : index of the node
    added : matrix products of which only the sum over the rows is wanted

    Returns
    -------
    dict of node index to (perturbations, rows, *shape) arrays
        Rows 1 for those of `added`.

    Raises
    ------
    KeyError
        If a leaf has no value.
    """
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


def _products_only_added(graph: Graph, target: int) -> set[int]:
    """The matrix products that nothing but a sum over the rows takes."""
    needed = graph.upstream([target])
    nodes = [n for n in graph.nodes if needed[n.index]]
    found = {n.index for n in nodes if n.per_row and n.operation == "matmul" and n.index != target}
    for node in nodes:
        if not node.adds_rows:
            found.difference_update(node.arguments)
    return found


def margins(graph: Graph, values: Values, m: Namespace, *, of: str) -> list[tuple[Node, Array]]:
    """The margins of traced values: where one changes its sign there is a kink, a border or a pole.

    Parameters
    ----------
    graph : the formula
    values : node index to (perturbations, rows, *shape) array
    m : the namespace of the values
    of : "kink", or "domain" for borders and poles

    Returns
    -------
    list of (node, margin)
        A margin is in the unit of what it is taken of, and has the two leading axes.
    """
    found = []
    with np.errstate(all="ignore"):
        for node in (graph.nodes[i] for i in values if not graph.nodes[i].is_leaf):
            rule = None if node.is_literal else getattr(node.primitive, of)
            if rule is not None:
                arguments = [values[a] for a in node.arguments]
                found += [(node, each) for each in as_margins(rule(m, *arguments, **node.options))]
    return found


def distances(graph: Graph, values: Values, m: Namespace) -> list[tuple[Node, Array]]:
    """The margins of kinks as they shrink towards them: of a choice by a condition the condition, which its
    margin only tells from 0.

    Parameters
    ----------
    graph, values, m : as those of `margins`

    Returns
    -------
    list of (node, distance), as `margins` gives
    """
    found = margins(graph, values, m, of="kink")
    return [(node, values[node.arguments[0]] if node.primitive.selects else x) for node, x in found]


def as_margins(margin: Array | tuple[Array, ...]) -> tuple[Array, ...]:
    """The margins of a function, of which it has one or several, as clip has two.

    Parameters
    ----------
    margin : what a rule of its record gives, (perturbations, rows, *shape) arrays

    Returns
    -------
    tuple of the same arrays
    """
    return margin if isinstance(margin, tuple) else (margin,)


def operations(model: Model, some: Iterable[Node] | None = None) -> int:
    """Multiplications, or other operations, of one forward pass over all rows, or of some of its nodes."""
    rows, nodes = model.rows or 1, model.graph.nodes
    some = nodes if some is None else some
    return sum(_operations(node, nodes) * (rows if node.per_row else 1) for node in some)


def _operations(node: Node, nodes: Sequence[Node]) -> int:
    if node.is_leaf or node.is_literal:
        return node.size
    if node.primitive.eliminates:
        return int(nodes[node.arguments[0]].shape[0] ** 3)
    if node.primitive.terms is not None:
        return node.size * node.primitive.terms(**node.options)
    if node.primitive.product is None:
        return node.size
    a, b = (nodes[k] for k in node.arguments)
    return a.size * (b.shape[1] if len(b.shape) == 2 else 1) if node.operation == "matmul" else node.size
