"""Reads a Model and a point. Gives by how many units an operation's result may be off in any program.

An operation that is exact for these numbers is exact in every program, whatever the numbers came from: near
ones are subtracted, an exact power of 2 multiplies. Knows nothing of derivatives.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from gradcheck_cli.evaluation.evaluate import compute
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.reference.jittered_arithmetic import is_own_decimal

__all__ = ["leaf_value", "local_errors"]

_LIMITS = ReferenceLimits()
_IEEE: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
}  # fmt: skip


def local_errors(
    model: Model, point: Mapping[str, Array], limits: ReferenceLimits = _LIMITS
) -> dict[int, Array]:
    """By how many ulps the result of an operation may be off, entry by entry.

    Half an ulp for the operations of IEEE 754; 0 where the arguments are exact and the result is, too, or
    where nothing is rounded whatever the arguments are.

    Parameters
    ----------
    model : the graph
    point : name to float64 array
    limits : of how many results it is decided whether they are exact

    Returns
    -------
    dict of node index to float64 array, in ulps
        It broadcasts against the node's value; a node that is not in it may be off by a whole ulp.
    """
    values: dict[int, Array] = {}
    exact: dict[int, Array] = {}
    found: dict[int, Array] = {}
    left = limits.most_exact
    with np.errstate(all="ignore"):
        for node in model.graph.nodes:
            if node.is_leaf:
                values[node.index] = x = leaf_value(node, point)
                exact[node.index] = is_own_decimal(x, limits)
                continue
            values[node.index] = y = compute(node, values, FLOAT64)
            given = [values[a] for a in node.arguments]
            together = not (node.is_literal or node.primitive.elementwise)
            known = _all([np.asarray(e.all()) if together else e for e in (exact[a] for a in node.arguments)])
            if node.is_literal:
                exact[node.index] = np.asarray(not node.is_pi) & is_own_decimal(y, limits)
            elif not node.primitive.rounds:
                exact[node.index] = known
            elif not node.primitive.elementwise:
                exact[node.index] = np.asarray(np.False_)
            elif node.operation in _IEEE or _is_square(node, model):
                asked = y.size < left and bool(known.any())
                left -= y.size if asked else 0
                exact[node.index] = known & (_is_exact(node, y, given) if asked else False)
                free = exact[node.index] | _is_free(node, given, [exact[a] for a in node.arguments])
                found[node.index] = np.where(free, 0.0, limits.correctly_rounded)
            else:
                simple = y + y == np.rint(y + y)  # exp(0) is 1 and sigmoid(0) 1/2; softplus(0) is log(2)
                exact[node.index] = known & simple & _all([x == 0 for x in given])
                found[node.index] = np.where(exact[node.index], 0.0, 1.0)
    return found


def _all(conditions: list[Array]) -> Array:
    result = np.asarray(np.True_)
    for condition in conditions:
        result = np.asarray(result & condition)
    return result


def _is_square(node: Node, model: Model) -> bool:
    """Whether it is x^2, which is computed as x*x."""
    return node.operation == "pow" and model.graph.nodes[node.arguments[1]].value == 2.0


def _is_exact(node: Node, y: Array, given: list[Array]) -> Array:
    """Where y is what comes out without rounding."""
    function: Callable[[Fraction, Fraction], Fraction] = _IEEE.get(node.operation, operator.mul)
    first, second = given[0], given[1] if node.operation in _IEEE else given[0]

    def is_exact(y: float, a: float, b: float) -> bool:
        if not np.isfinite([y, a, b]).all() or (b == 0 and node.operation == "div"):
            return False
        return function(Fraction(float(a)), Fraction(float(b))) == Fraction(float(y))

    each: Any = np.frompyfunc(is_exact, 3, 1)
    return np.asarray(each(y, first, second), dtype=bool)


def _is_free(node: Node, given: list[Array], exact: list[Array]) -> Array:
    """Where nothing is rounded, whatever the numbers came from: near ones are subtracted (Sterbenz 1974),
    a number is doubled, an exact 0 is added, or an exact power of 2 multiplies or divides."""
    a, b = given[0], given[-1]
    first, second = exact[0], exact[-1]
    match node.operation:
        case "add" if node.arguments[0] == node.arguments[1]:
            return np.asarray(np.True_)
        case "add" | "sub":
            same = np.sign(a) == np.sign(b if node.operation == "sub" else -b)
            near = (np.abs(a) <= 2 * np.abs(b)) & (np.abs(b) <= 2 * np.abs(a))
            return np.asarray(same & near | (a == 0) & first | (b == 0) & second)
        case "mul":
            return np.asarray(_is_power(a) & first | _is_power(b) & second)
        case "div":
            return np.asarray(_is_power(b) & second)
    return np.asarray(np.False_)


def _is_power(x: Array) -> Array:
    return np.asarray(np.abs(np.frexp(x)[0]) == 0.5)


def leaf_value(node: Node, point: Mapping[str, Array]) -> Array:
    """The value of a leaf with the two leading axes.

    Parameters
    ----------
    node : a leaf
    point : name to float64 array

    Returns
    -------
    (1, rows or 1, *shape) float64
    """
    x = point[str(node.key)]
    return x[None] if node.per_row else x[None, None]
