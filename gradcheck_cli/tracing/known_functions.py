"""Reads a value that a program computed in several operations. Gives the one function of the language it is.

A program that has 1/(1 + exp(-x)) differentiates it as y*(1 - y), and exp(x)/sum(exp(x)) as y*(1{i=j} - y):
what these round off is that of sigmoid and softmax, not that of their parts. Knows nothing of gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck_cli.tracing.traced_nodes import TracedNode
from gradcheck_cli.tracing.value_numbers import ValueNumbers

__all__ = ["known_function"]


def known_function(found: TracedNode, numbers: ValueNumbers) -> TracedNode:
    """The same value by one function, where it is one.

    Parameters
    ----------
    found : a quotient or a choice; anything else is returned as it is
    numbers : of the trace

    Returns
    -------
    TracedNode
        sigmoid, tanh or softmax of an earlier value, or `found`.
    """
    if found.operation == "/":
        above, below = found.arguments
        return (
            _sigmoid(found, above, below, numbers) or _tanh(found, above, below, numbers)
            or _softmax(found, above, below, numbers) or found
        )  # fmt: skip
    return _one_of_both(found, numbers) if found.operation == "where" else found


def _sigmoid(
    found: TracedNode, above: TracedNode, below: TracedNode, numbers: ValueNumbers
) -> TracedNode | None:
    """1/(1 + exp(-x)) and exp(x)/(1 + exp(x))."""
    if below.operation != "+":
        return None
    one, power = below.arguments if _is_number(below.arguments[0], 1.0) else below.arguments[::-1]
    if not _is_number(one, 1.0) or power.operation != "exp" or power.shape != found.shape:
        return None
    if _is_number(above, 1.0):
        return _made(found, "sigmoid", _negative(power.arguments[0]))
    return _made(found, "sigmoid", power.arguments[0]) if numbers.are_one(above, power) else None


def _tanh(
    found: TracedNode, above: TracedNode, below: TracedNode, numbers: ValueNumbers
) -> TracedNode | None:
    """(exp(x) - exp(-x))/(exp(x) + exp(-x))."""
    if above.operation != "-" or below.operation != "+":
        return None
    grows, falls = above.arguments
    if grows.operation != "exp" or falls.operation != "exp" or grows.shape != found.shape:
        return None
    pair = {numbers.of(grows), numbers.of(falls)}
    x, y = grows.arguments[0], falls.arguments[0]
    if {numbers.of(each) for each in below.arguments} != pair or not _are_opposite(x, y, numbers):
        return None
    return _made(found, "tanh", x)


def _softmax(
    found: TracedNode, above: TracedNode, below: TracedNode, numbers: ValueNumbers
) -> TracedNode | None:
    """exp(x)/sum(exp(x), axis), also of x less what is the same along the axis."""
    total = below.arguments[0] if below.operation == "reshape" else below
    if above.operation != "exp" or total.operation != "sum" or not above.shape:
        return None
    axes = tuple(total.options.get("axis", range(above.value.ndim)))
    kept = tuple(1 if k in axes else n for k, n in enumerate(above.shape))
    joined = (1,) * (len(kept) - below.value.ndim) + below.shape
    if joined != kept or not numbers.are_one(total.arguments[0], above):
        return None
    x = above.arguments[0]
    while x.operation == "-" and _is_same_along(x.arguments[1], axes, x.value.ndim):
        if x.arguments[0].shape != x.shape:
            break
        x = x.arguments[0]
    options = {"axis": axes} if above.value.ndim > 1 else {}
    return _made(found, "softmax", x, options)


def _is_same_along(node: TracedNode, axes: tuple[int, ...], count: int) -> bool:
    """Whether an array that is joined to one with so many axes has one value along some of them."""
    shape = (1,) * (count - node.value.ndim) + node.shape
    return all(shape[k] == 1 for k in axes)


def _one_of_both(found: TracedNode, numbers: ValueNumbers) -> TracedNode:
    """where(c, y, y) is y, and so is where(c, y, where(not c, y, z))."""
    condition, chosen, other = found.arguments
    if other.operation == "where" and other.shape == found.shape:
        first, before, _ = other.arguments
        other = before if _are_complements(condition, first, numbers) else other
    is_one = chosen.shape == found.shape and numbers.are_one(chosen, other)
    return chosen if is_one else found


def _are_complements(a: TracedNode, b: TracedNode, numbers: ValueNumbers) -> bool:
    """Whether one of two conditions holds where the other does not."""
    for one, other in ((a, b), (b, a)):
        is_not = one.operation == "-" and _is_number(one.arguments[0], 1.0)
        if is_not and numbers.are_one(one.arguments[1], other):
            return True
    pair = {a.operation, b.operation}
    if pair not in ({"<", ">="}, {">", "<="}) or len(a.arguments) != 2:
        return False
    return all(numbers.are_one(x, y) for x, y in zip(a.arguments, b.arguments, strict=True))


def _are_opposite(a: TracedNode, b: TracedNode, numbers: ValueNumbers) -> bool:
    """Whether b is -a, or a is -b."""
    for one, other in ((a, b), (b, a)):
        if (minus := _without_minus(one)) is not None and numbers.are_one(minus, other):
            return True
    return False


def _without_minus(node: TracedNode) -> TracedNode | None:
    """x of -x, 0 - x, -1*x and x*-1."""
    if node.operation == "neg":
        return node.arguments[0]
    if node.operation == "-" and _is_number(node.arguments[0], 0.0) and node.arguments[1].shape == node.shape:
        return node.arguments[1]
    if node.operation == "*":
        for factor, x in (node.arguments, node.arguments[::-1]):
            if _is_number(factor, -1.0) and x.shape == node.shape:
                return x
    return None


def _negative(node: TracedNode) -> TracedNode:
    plus = _without_minus(node)
    return TracedNode("neg", (node,), -node.value, {}, node.place) if plus is None else plus


def _is_number(node: TracedNode, number: float) -> bool:
    """Whether a node is that number, or an array of it."""
    return node.operation == "data" and node.value.size > 0 and bool(np.all(node.value == number))


def _made(
    found: TracedNode, operation: str, x: TracedNode, options: Mapping[str, Any] | None = None
) -> TracedNode:
    return TracedNode(operation, (x,), found.value, options or {}, found.place)
