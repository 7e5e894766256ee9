"""Reads formulas with their values at several points. Gives whether a part of one says nothing: T - T, p/p,
a term that is lost in a sum.

What makes a formula right by such a part is no slip that somebody made. Knows nothing of claims and edits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from gradcheck_cli.evaluation.evaluate import trace
from gradcheck_cli.model.graph import Graph, Node
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample

__all__ = ["Values", "count_constant_parts", "counts_in_full", "values_of"]

Values = Mapping[int, Array]


def values_of(sample: ClaimSample, graph: Graph) -> Values:
    """The values of all nodes of a formula at a point, in float64."""
    leaves = {n.key: sample.leaf(n.key) for n in graph.nodes if n.is_leaf}
    return trace(graph, leaves, FLOAT64, graph.output)


@np.errstate(all="ignore")
def count_constant_parts(graph: Graph, values: Sequence[Values], limits: DiagnosisLimits) -> int:
    """How many pairs of terms, or of factors, are one number together, though they are none: x - x, p*q/p.

    Parameters
    ----------
    graph : a formula
    values : of its nodes, at several points
    limits : how many parts of one sum or product are put together, and their rounding

    Returns
    -------
    int
    """
    found = 0
    for node in (graph.nodes[k] for k in values[0]):
        if node.operation in _TOGETHER:
            kind, turns = _TOGETHER[node.operation]
            first, second = (_parts(graph, argument, kind, limits) for argument in node.arguments)
            for (a, is_turned), (b, is_second_turned) in product(first, second):
                combine = kind.apart if is_turned ^ is_second_turned ^ turns else kind.together
                made = [combine(v[a], v[b]) for v in values]
                is_open = not all(_is_constant([v[k] for v in values], limits) for k in (a, b))
                found += is_open and _is_constant(made, limits)
    return found


class _Kind(NamedTuple):
    """Operations of one kind, and how two of their arguments are put together."""

    operations: Mapping[str, bool]  # whether the second argument is turned round
    together: Callable[[Array, Array], Array]
    apart: Callable[[Array, Array], Array]


_SUM = _Kind({"add": False, "sub": True}, np.add, np.subtract)
_PRODUCT = _Kind({"mul": False, "div": True}, np.multiply, np.divide)
_TOGETHER = {name: (kind, turns) for kind in (_SUM, _PRODUCT) for name, turns in kind.operations.items()}


def _parts(graph: Graph, index: int, kind: _Kind, limits: DiagnosisLimits) -> list[tuple[int, bool]]:
    """The last terms of a sum, or factors of a product, and whether each is subtracted, or divided by."""
    todo, found = [(index, False)], list[tuple[int, bool]]()
    while todo and len(found) < limits.most_idle_parts:
        at, is_turned = todo.pop()
        node = graph.nodes[at]
        if node.operation in kind.operations:
            a, b = node.arguments
            todo += [(a, is_turned), (b, is_turned ^ kind.operations[node.operation])]
        else:
            found.append((at, is_turned))
    return found


def _is_constant(values: Sequence[Array], limits: DiagnosisLimits) -> bool:
    least, most = min(np.min(v) for v in values), max(np.max(v) for v in values)
    return bool(most - least <= limits.slip_rounding * max(abs(least), abs(most)))


@np.errstate(all="ignore")
def counts_in_full(graph: Graph, values: Sequence[Values]) -> bool:
    """Whether no term of a sum is lost in the other at every point: of such a term nothing is known."""
    for node in (graph.nodes[k] for k in values[0]):
        a, b = node.arguments if node.operation in ("add", "sub") else (0, 0)
        for term, other in ((a, b), (b, a)) if a != b else ():
            is_lost = all((v[node.index] == _value_in_sum(node, other, v)).all() for v in values)
            if is_lost and any(v[term].any() for v in values):
                return False
    return True


def _value_in_sum(node: Node, argument: int, values: Values) -> Array:
    is_taken = node.operation == "sub" and argument == node.arguments[1]
    return -values[argument] if is_taken else values[argument]
