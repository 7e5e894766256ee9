"""Reads a Model and a point. Gives the forward pass with every operation's result jittered, and bounds.

Each operation is moved by its own error, and what it adds up entry by entry. Knows nothing of derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np

from gradcheck_cli.evaluation.evaluate import compute
from gradcheck_cli.model.graph import Graph, Key, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import Float64
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.machine import EPS
from gradcheck_cli.reference.jittered_arithmetic import Jittered, bound, read, round_randomly
from gradcheck_cli.reference.operation_errors import leaf_value

__all__ = ["formula_rounding", "jittered_pass", "unmeasured_rounding"]

_DOUBLE = SIGNIFICANDS["float64"]
_LIMITS = ReferenceLimits()


def jittered_pass(
    model: Model,
    point: Mapping[str, Array],
    m: Float64,
    errors: Mapping[int, Array] | None = None,
    *,
    doubles: bool = False,
) -> dict[int, Array]:
    """The forward pass, each operation jittered if the namespace does so.

    What is summed, multiplied as matrices or otherwise taken together is jittered entry by entry.

    Parameters
    ----------
    model : the graph
    point : name to float64 array
    m : a namespace that jitters, or plain float64
    errors : by how many ulps the result of a node may be off, where that is known (local_errors)
    doubles : the point is what the doubles say and not their decimals, as for differences, which move them

    Returns
    -------
    dict of node index to (samples, rows, *shape) float64 arrays
    """
    values: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for node in model.graph.nodes:
            if node.is_leaf:
                value = leaf_value(node, point)
                if isinstance(m, Jittered) and m.narrow:
                    values[node.index] = m.round_alike(value)
                else:
                    values[node.index] = value if doubles else read(m, value)
            else:
                known = errors or {}
                values[node.index] = _jitter_operation(model.graph, model.rows, node, values, m, known)
    return values


def formula_rounding(
    graph: Graph, rows: int | None, leaves: Mapping[Key, Array], tolerance: Mapping[Key, Array], m: Jittered
) -> Array:
    """What a formula in float64 may be off by where its leaves are off.

    Parameters
    ----------
    graph : the formula
    rows : how many, or None
    leaves : key of the leaf to (1, rows or 1, *shape) float64
    tolerance : key of the leaf to an array of that shape: by how much it may be off
    m : the namespace that jitters

    Returns
    -------
    (rows or 1, *shape) float64, in the unit of the formula
        inf where that cannot be told.
    """
    values: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node.is_leaf:
                x = leaves[node.key]
                off = tolerance[node.key] * (m.round_randomly(np.ones_like(x)) - 1)
                values[node.index] = x + off / EPS
            else:
                values[node.index] = _jitter_operation(graph, rows, node, values, m, {})
    return bound(values[graph.output], m, 1)


def _jitter_operation(
    graph: Graph,
    rows: int | None,
    node: Node,
    values: Mapping[int, Array],
    m: Float64,
    errors: Mapping[int, Array],
) -> Array:
    """One operation, jittered by its own error; what it adds up, entry by entry."""
    if node.is_literal:
        value = compute(node, values, m)
        return round_randomly(m, value) if node.is_pi else read(m, value)
    together = node.primitive.rounds and not node.primitive.elementwise
    terms = _terms(node, graph, rows) if together else 1
    given = {a: round_randomly(m, values[a], terms) if together else values[a] for a in node.arguments}
    value = compute(node, given, m)
    if not node.primitive.rounds:
        return value
    value = round_randomly(m, value, 1, errors.get(node.index, 1.0))
    return value if together else _with_underflow(m, node, value, [values[a] for a in node.arguments])


def _with_underflow(m: Float64, node: Node, value: Array, given: Sequence[Array]) -> Array:
    """Products, quotients and powers of numbers that are not 0 are not 0 either."""
    if node.operation not in ("mul", "div", "pow") or not isinstance(m, Jittered):
        return value
    return m.with_underflow(value, reduce(np.logical_and, [x != 0 for x in given]))


def _terms(node: Node, graph: Graph, rows: int | None) -> int:
    """How many numbers a node adds up for each of its entries."""
    given = graph.nodes[node.arguments[0]]
    if node.primitive.rows == "reduce":
        return rows or 1
    if node.primitive.terms is not None:
        return node.primitive.terms(**node.options)
    if node.primitive.product is not None:
        return given.shape[-1] if node.operation != "outer" else 1
    return max(1, math.prod(given.shape) // max(1, math.prod(node.shape)))


def unmeasured_rounding(values: Array, bits: int = _DOUBLE, *, limits: ReferenceLimits = _LIMITS) -> Array:
    """What rounding is granted where rows are too many to measure it: one more pass in reverse, over all rows
    at once, would fill the memory.

    Parameters
    ----------
    values : float64 array of any shape, those of whoever asks
    bits : of the significand in which they were computed
    limits : the share of the values that is granted

    Returns
    -------
    float64 array of the shape and unit of `values`
    """
    return np.asarray(2.0 ** (_DOUBLE - bits) * limits.unmeasured * np.abs(values))
