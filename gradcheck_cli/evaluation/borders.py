"""Reads a node and the values of its arguments. Gives how far they are from its kinks and from the border of
its domain, and on which side.

Knows nothing of tapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck_cli.evaluation.evaluate import as_margins
from gradcheck_cli.model.graph import Graph, Node, typed_number
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["has_borders", "jumps_before", "node_margins", "node_sides", "piecewise_constant", "steps"]


def piecewise_constant(nodes: Sequence[Node]) -> list[bool]:
    """For each node whether it is made of comparisons and literals alone: only their margins change it."""
    found: list[bool] = []
    for node in nodes:
        jumps = not (node.is_leaf or node.is_literal) and node.primitive.jump
        made = not node.is_leaf and all(found[a] for a in node.arguments)
        found.append(jumps or made)
    return found


def has_borders(node: Node, nodes: Sequence[Node], constant: Sequence[bool]) -> bool:
    """Whether something can be crossed: not by x^2, whose domain is everywhere, nor by a selection whose
    condition only changes where a comparison does, with >= as with >."""
    record = node.primitive
    if record.kink is None and record.domain is None:
        return False
    if record.selects and constant[node.arguments[0]]:
        return False
    return not record.borderless(*(typed_number(nodes, nodes[a]) for a in node.arguments))


def jumps_before(graph: Graph, *nodes: Node) -> bool:
    """Whether nodes are computed by functions whose values jump."""
    up = graph.upstream(node.index for node in nodes)
    needed = (n for n in graph.nodes if up[n.index] and not (n.is_leaf or n.is_literal))
    return any(n.primitive.jump or n.primitive.breaks or n.primitive.selects for n in needed)


def steps(node: Node) -> bool:
    """Whether values jump over and over as they are computed: floor, round, mod; no comparison."""
    return not (node.is_leaf or node.is_literal) and bool(
        node.primitive.breaks or (node.primitive.jump and not node.primitive.infix)
    )


def node_margins(node: Node, values: Any, m: Namespace) -> list[Array]:
    """A node's margins to its kinks and to the border of its domain, kinks first.

    Parameters
    ----------
    node : a node that is no leaf
    values : those of its arguments, (perturbations, rows, *shape)
    m : the namespace of the values

    Returns
    -------
    list of real (perturbations, rows, *shape) arrays
        The last one is that of the border, if the function has one.
    """
    record = node.primitive
    arguments = [values[a] for a in node.arguments]
    rules = [rule for rule in (record.kink, record.domain) if rule is not None]
    return [np.real(x) for rule in rules for x in as_margins(rule(m, *arguments, **node.options))]


def node_sides(node: Node, values: Any, m: Namespace) -> list[Array]:
    """The signs of a node's margins; nan where one is none, which NumPy's sign refuses of mpmath's.

    Parameters
    ----------
    node : a node that is no leaf
    values : those of its arguments, (perturbations, rows, *shape)
    m : the namespace of the values

    Returns
    -------
    list of (perturbations, rows, *shape) float64 arrays
        -1, 0 or 1 for each margin, nan where it is none.
    """
    return [_signs(margin) for margin in node_margins(node, values, m)]


def _signs(margin: Array) -> Array:
    positive, negative, zero = np.asarray(margin > 0), np.asarray(margin < 0), np.asarray(margin == 0)
    return np.where(positive, 1.0, np.where(negative, -1.0, np.where(zero, 0.0, np.nan)))
