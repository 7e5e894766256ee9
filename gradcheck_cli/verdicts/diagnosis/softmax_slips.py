"""Reads a softmax of a model. Gives what people make of its derivative in a backward pass.

The derivative of softmax is p*(g - sum(p*g)), that of its logarithm g - p*sum(g): two terms each, of which
one is forgotten, or gets another sign, or another sum. Knows nothing of claims.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from gradcheck_cli.derivatives.backprop.reverse_mode import Rule, Slip
from gradcheck_cli.model.graph import Node, spell_listed
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.axes import axes_from_end
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64

__all__ = ["slips_of_softmax"]

_RIGHT = {"softmax": "{p}*({g} - sum({p}*{g}))", "log_softmax": "{g} - {p}*sum({g})"}
# what the first and the second term are multiplied by, and how that is written
_TERMS: dict[str, tuple[tuple[float, float, str], ...]] = {
    "softmax": (
        (1, 0, "{p}*{g}"), (0, -1, "-{p}*sum({p}*{g})"), (-1, -1, "-{p}*({g} + sum({p}*{g}))"),
        (1, 1, "{p}*({g} + sum({p}*{g}))"),
    ),
    "log_softmax": (
        (0, -1, "-{p}*sum({g})"), (1, 1, "{g} + {p}*sum({g})"), (-1, -1, "-({g} + {p}*sum({g}))"),
    ),
}  # fmt: skip


def slips_of_softmax(
    model: Model, names: Mapping[int, str], node: Node, where: str
) -> Iterator[tuple[Slip, str]]:
    """Slips in the rule of a softmax or its logarithm, with what is said of each."""
    name, is_log = names.get(node.index), node.operation == "log_softmax"
    g = f"d {model.display(model.loss)}/d {name}" if name else "g"
    p = f"exp({name})" if name and is_log else name or "p"
    own = f"the derivative of {node.operation} {where}"
    ending = f"where {_RIGHT[node.operation].format(p=p, g=g)} belongs, {own}"
    for first, second, text in _TERMS[node.operation]:
        yield partial(_combine, is_log, first, second), f"has {text.format(p=p, g=g)} {ending}"
    if is_log:
        yield partial(_combine, is_log, 1, -1 / _count(node)), f"has {g} - {p}*mean({g}) {ending}"
        for sign, spelled in ((-1, "-"), (1, "+")):
            yield partial(_without_sum, sign), f"has {g} {spelled} {p} {ending}"
    else:
        yield _twice_over, f"has the factor {p}*(1 - {p}) once too often, beside {own}"
    yield from _other_axes(node, where)


def _count(node: Node) -> int:
    """How many numbers add up to 1."""
    return math.prod(node.shape[axis] for axis in axes_from_end(len(node.shape), node.options["axis"]))


def _other_axes(node: Node, where: str) -> Iterator[tuple[Slip, str]]:
    """The sum over one other axis."""
    rank = len(node.shape)
    own = spell_listed([axis + rank for axis in axes_from_end(rank, node.options["axis"])])
    for axis in range(rank):
        if axis - rank not in axes_from_end(rank, node.options["axis"]):
            said = f"sums over axis={axis} where axis={own} belongs"
            yield partial(_along, node, axis), f"{said}, in the derivative of {node.operation} {where}"


def _combine(
    is_log: bool, first: float, second: float, rule: Rule, adjoint: Array, value: Array,
    arguments: Sequence[Array],
) -> Array:
    """Multiples of the two terms whose difference is right."""
    term = adjoint if is_log else adjoint * value
    return np.asarray(first * term + second * (term - rule(adjoint, value, arguments)))


def _twice_over(rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    return np.asarray(rule(adjoint, value, arguments) * value * (1 - value))


def _without_sum(
    sign: int, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    return np.asarray(adjoint + sign * np.exp(value))


def _along(
    node: Node, axis: int, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    """The same rule, along another axis."""
    options = {**node.options, "axis": axis}
    return np.asarray(node.primitive.vjp[0](FLOAT64, adjoint, value, *arguments, **options))  # type: ignore[misc]
