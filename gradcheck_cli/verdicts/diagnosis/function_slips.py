"""Reads a node of a model. Gives what people take for the derivative of its function in a backward pass.

The function itself, another function's derivative, its own at another place. Knows nothing of claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from gradcheck_cli.derivatives.backprop.reverse_mode import Rule, Slip
from gradcheck_cli.evaluation.evaluate import compute
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.verdicts.diagnosis.chain_rule_slips import CONFUSED, CONFUSED_OF_TWO, of_arguments

__all__ = ["slips_of_function"]

# what stands in place of x/norm(x), by what x/norm(x) is multiplied with then
_OF_NORM: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("2*{0}", lambda y: 2 * y), ("{0}", lambda y: y), ("{0}/norm({0})^2", lambda y: 1 / y),
)  # fmt: skip


def slips_of_function(
    model: Model, names: Mapping[int, str], node: Node, place: int, own: str, where: str
) -> Iterator[tuple[Slip, str]]:
    """Slips in the rule of an elementwise function, or a norm, with what is said of each.

    Parameters
    ----------
    model : the graph
    names : of its nodes that have one
    node, place : the function, and which of its arguments is derived by
    own : what the rule is called
    where : its line

    Yields
    ------
    slip, and text
    """
    arguments = [model.graph.nodes[a] for a in node.arguments]
    free = iter(letter for letter in "zvwuabc" if letter not in names.values())
    spelled = [_name_of(model, names, a) or next(free, "(...)") for a in arguments]
    if node.primitive.elementwise and len(arguments) == 1:
        if node.operation != "exp":
            itself = partial(_confuse, lambda _, value: value)
            yield itself, f"uses {node.primitive.function} in place of its derivative {where}"
        for text, function in CONFUSED.get(node.operation, ()):
            yield partial(_confuse, function), f"has {of_arguments(text, *spelled)} in place of {own}"
        yield _twice, f"takes {own} twice"
        yield partial(_at_value, node), f"takes {own} at its value, not at its argument"
    elif (arguments[place].shape, arguments[place].per_row) == (node.shape, node.per_row):
        for text, of_two in CONFUSED_OF_TWO.get((node.operation, place), ()):
            yield partial(_confuse, of_two), f"has {of_arguments(text, *spelled)} in place of {own}"
    if node.operation == "norm":
        for text, times in _OF_NORM:
            yield partial(_with_adjoint_times, times), f"has {of_arguments(text, *spelled)} in place of {own}"


def _name_of(model: Model, names: Mapping[int, str], node: Node) -> str:
    """Its name, or the number that it is, before it is repeated to a larger shape."""
    while node.operation == "expand":
        node = model.graph.nodes[node.arguments[0]]
    return names.get(node.index) or node.text


def _confuse(
    function: Callable[..., Array], rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    return np.asarray(adjoint * function(*arguments, value))


def _twice(rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    return rule(rule(adjoint, value, arguments), value, arguments)


def _at_value(
    node: Node, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    again = compute(node, {node.arguments[0]: value}, FLOAT64)
    return rule(adjoint, again, [value])


def _with_adjoint_times(
    function: Callable[[Array], Array], rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    return rule(adjoint * function(value), value, arguments)
