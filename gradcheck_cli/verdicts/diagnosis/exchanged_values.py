"""Reads a node and the values of all names at a point. Gives backward passes that take one value for another.

Another factor, the argument for the value, the adjoint of another step, of its transpose, or none. Knows
nothing of claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from gradcheck_cli.derivatives import backprop
from gradcheck_cli.derivatives.backprop.reverse_mode import Rule, Slip
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.formulas.passes import Spelling
from gradcheck_cli.model.graph import Node
from gradcheck_cli.numerics.array_types import Array

__all__ = ["ExchangedValues", "exchange"]


@dataclass(frozen=True)
class ExchangedValues:
    """The values and adjoints of all names at one point, and the slips that exchange them."""

    tape: Tape
    names: Mapping[int, str]

    @cached_property
    def adjoints(self) -> Mapping[str, Array]:
        """d loss/d step of all steps, (1, rows or 1, *shape) each."""
        model = self.tape.model
        found = backprop.derivative(model, self.tape, model.loss, list(model.steps))
        return {name: _with_axes(model.node(name), found[name]) for name in found}

    @cached_property
    def spelling(self) -> Spelling:
        """Values without a name in words."""
        return Spelling(self.tape.model)

    def slips(self, node: Node, place: int, where: str) -> Iterator[tuple[Slip, str]]:
        """What a rule reads exchanged, the likeliest first, with what is said of it."""
        record = node.primitive
        if record.product is not None or node.operation == "mul":
            yield from self._other_adjoints(node, where)
            yield from self._others(node, 1 - place, where)
        elif record.elementwise:
            for read in (place, None):
                yield from self._others(node, read, where)

    def _others(self, node: Node, read: int | None, where: str) -> Iterator[tuple[Slip, str]]:
        """Another name in place of one that a rule reads: an argument, or the node's own value (None)."""
        graph = self.tape.model.graph
        right = node if read is None else graph.nodes[node.arguments[read]]
        is_turned = right.operation == "transpose"
        right = graph.nodes[right.arguments[0]] if is_turned else right
        if right.index not in self.names:
            return
        for index, name in self.names.items():
            other = graph.nodes[index]
            if other != right and _alike(other, right):
                value = _with_axes(other, np.asarray(self.tape.of_node(other), dtype=float))
                value = _transpose(other, value) if is_turned else value
                said = f"uses {name} where {self.names[right.index]} belongs"
                yield partial(exchange, read, value), f"{said} {where}"

    def _other_adjoints(self, node: Node, where: str) -> Iterator[tuple[Slip, str]]:
        """The adjoint of another step in place of the node's own, or its own transposed."""
        model = self.tape.model
        loss = model.display(model.loss)
        own = f"d {loss}/d {self.names.get(node.index) or f'({self.spelling.value(node.index)})'}"
        for name, adjoint in self.adjoints.items():
            other = model.node(name)
            if other != node and _alike(other, node):
                said = f"uses d {loss}/d {model.display(name)} where {own} belongs"
                yield partial(_with_adjoint, adjoint), f"{said} {where}"
        if len(node.shape) == 2 and node.shape[0] == node.shape[1]:
            yield _transpose_adjoint, f"uses the transpose of {own} {where}"


def _alike(one: Node, other: Node) -> bool:
    return (one.shape, one.per_row) == (other.shape, other.per_row)


def _with_axes(node: Node, value: Array) -> Array:
    """A value with the two leading axes."""
    return value[None] if node.per_row else value[None, None]


def _transpose(node: Node, value: Array) -> Array:
    """The transpose of a value with its leading axes; of a vector the row."""
    return value[..., None, :] if len(node.shape) == 1 else value.swapaxes(-1, -2)


def exchange(
    read: int | None, other: Array, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    """The contribution of a rule that reads another value.

    Parameters
    ----------
    read : in place of which argument; None: of the node's own value
    other : (1, rows or 1, *shape) float64, what is read
    rule : the right one
    adjoint, value : (seeds, rows or 1, *shape) float64, of the node
    arguments : the same, of its arguments

    Returns
    -------
    float64 array of the shape of the contribution
    """
    if read is None:
        return rule(adjoint, other, arguments)
    return rule(adjoint, value, [other if k == read else a for k, a in enumerate(arguments)])


def _with_adjoint(
    other: Array, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    return rule(np.broadcast_to(other, adjoint.shape), value, arguments)


def _transpose_adjoint(rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    return rule(adjoint.swapaxes(-1, -2), value, arguments)
