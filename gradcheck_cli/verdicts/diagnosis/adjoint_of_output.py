"""Reads a model. Gives backward passes that start with 1 at a step, and not at the loss.

Its derivative, or the sum of those of its entries, stands where that of the loss belongs. Knows nothing of
claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from gradcheck_cli.derivatives.backprop.reverse_mode import Rule, Slip
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array

__all__ = ["starts_at_steps"]


def starts_at_steps(
    model: Model, ahead: Sequence[bool]
) -> Iterator[tuple[dict[tuple[int, int], Slip], str]]:
    """For each step on the way to the loss, the last first, the slips that give it the adjoint 1."""
    graph, loss = model.graph, model.node(model.loss).index
    reached = graph.upstream([loss])
    for step in sorted(model.steps.values(), key=lambda step: -step.node):
        if step.node == loss or not (ahead[step.node] and reached[step.node]):
            continue
        behind, slips, is_first = graph.downstream([step.node]), dict[tuple[int, int], Slip](), True
        for node in (n for n in graph.nodes if behind[n.index] and reached[n.index] and n.index != step.node):
            for place, argument in enumerate(node.arguments):
                if argument == step.node and is_first:
                    slips[node.index, place], is_first = partial(_one, place), False
                elif argument == step.node or not behind[argument]:
                    slips[node.index, place] = _nothing
        yield slips, f"has 1 where d {model.display(model.loss)}/d {step.display} belongs (line {step.where})"


def _one(
    place: int, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    return np.ones_like(arguments[place])


def _nothing(rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    return np.zeros_like(rule(adjoint, value, arguments))
