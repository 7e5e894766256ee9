"""Reads a formula over rows and the values of its leaves, a block of rows at a time. Gives its value.

For data that do not fit in memory: what is added over the rows is added block by block, compensated, and
what is made of such sums and used in every row takes one more reading of all rows. Knows nothing of
derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from gradcheck_cli.evaluation.evaluate import compute
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Graph, Key, Node
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.compensated_sum import Sum
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.namespace import Namespace
from gradcheck_cli.reference.jittered_arithmetic import Jittered, bound

__all__ = ["Sweep", "over_rows", "rounding_of_loss"]

_LIMITS = ReferenceLimits()

Sweep = Callable[[], Iterable[Mapping[Key, Array]]]  # the per-row leaves of each block, once through all
Values = dict[int, Array]


def over_rows(
    graph: Graph, shared: Mapping[Key, Array], sweep: Sweep, m: Namespace = FLOAT64
) -> Iterator[Array]:
    """The value of a formula over rows, a block of rows at a time.

    Parameters
    ----------
    graph : the formula
    shared : key of the leaf to (1, 1, *shape) array
    sweep : gives the leaves with rows, (1, rows, *shape), of each block
        Called once for each reading of all rows.
    m : the namespace; where it jitters, every operation that rounds is jittered

    Yields
    ------
    (perturbations, rows, *shape) arrays
        One for each block; one in all, rows 1, where the output has one value for all rows.
    """
    needed = graph.upstream([graph.output])
    nodes = [n for n in graph.nodes if needed[n.index]]
    depths = _depths(nodes)
    values: Values = {}
    top, of_rows = depths[graph.output], graph.nodes[graph.output].per_row
    for depth in range(top + 1):
        now = [n for n in nodes if depths[n.index] == depth and n.index not in values]
        _fill(values, [n for n in now if not n.per_row], shared, m)
        inner = [n for n in nodes if n.per_row and depths[n.index] <= depth]
        adding = [n for n in nodes if n.adds_rows and depths[n.index] == depth + 1]
        if depth == top and not of_rows:
            yield values[graph.output]
            return
        sums = {n.index: Sum() for n in adding}
        for leaves in sweep():
            here = dict(values)
            _fill(here, inner, leaves, m)
            for node in adding:
                sums[node.index].add(_compute(node, here, m))
            if depth == top:
                yield here[graph.output]
        values.update({index: found.result() for index, found in sums.items()})


def rounding_of_loss(tape: Tape, *, limits: ReferenceLimits = _LIMITS) -> Array:
    """What rounding may do to the loss of a model with rows, whose sums are compensated.

    Parameters
    ----------
    tape : the values at one point, in blocks of rows
    limits : how many passes are made

    Returns
    -------
    () float64, in the unit of the loss
    """
    model, jitter = tape.model, Jittered(limits.block_samples, limits.jitter_seed, reference=limits)
    per_row = {name for name, item in model.inputs.items() if item.kind == "rows"}
    shared: dict[Key, Array] = {n: v[None, None] for n, v in tape.point.items() if n not in per_row}

    def sweep() -> Iterator[Mapping[Key, Array]]:
        for span in map(tape.rows_of, range(tape.block_count)):
            yield {name: tape.point[name][None, span] for name in per_row}

    (samples,) = over_rows(model.graph, shared, sweep, jitter)
    with np.errstate(all="ignore"):
        return bound(samples[:, 0], jitter, 2)


def _depths(nodes: Iterable[Node]) -> dict[int, int]:
    """How many sums over rows one inside the other lie below each node."""
    depths: dict[int, int] = {}
    for node in nodes:
        below = max((depths[a] for a in node.arguments), default=0)
        depths[node.index] = below + node.adds_rows
    return depths


def _fill(values: Values, nodes: Iterable[Node], leaves: Mapping[Key, Array], m: Namespace) -> None:
    for node in nodes:
        values[node.index] = leaves[node.key] if node.is_leaf else _compute(node, values, m)


def _compute(node: Node, values: Values, m: Namespace) -> Array:
    with np.errstate(all="ignore"):
        if not isinstance(m, Jittered) or node.is_literal or not node.primitive.rounds:
            return compute(node, values, m)
        if not node.primitive.elementwise:  # the terms of a sum are rounded one by one
            values = {**values, **{a: m.round_randomly(values[a]) for a in node.arguments}}
        return m.round_randomly(compute(node, values, m))
