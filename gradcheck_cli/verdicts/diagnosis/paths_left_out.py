"""Reads a model and what is claimed. Gives the steps that a backward pass may have taken for constants.

A normalization whose mean and variance are frozen, a recurrent net of which the last step alone is derived.
Knows nothing of claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from gradcheck_cli.formulas.passes import Spelling
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits

__all__ = ["paths_left_out"]


def paths_left_out(
    model: Model, ahead: Sequence[bool], claimed: Sequence[int],
    limits: DiagnosisLimits,
) -> Iterator[tuple[tuple[Node, ...], str]]:
    """One value that is taken for a constant, then two together, with what is said of them.

    Parameters
    ----------
    model : the graph
    ahead : for each node, whether it is computed from what is claimed
    claimed : nodes that derivatives are claimed by
    limits : how many values are taken two by two

    Yields
    ------
    nodes that pass nothing on, and text
    """
    spelling = Spelling(model)
    named = set(model.graph.names.values())
    between = (node for node in _between(model, ahead) if node.index not in claimed)
    found = sorted(between, key=lambda node: node.index not in named)
    for count in range(1, limits.most_paths_together + 1):
        for some in combinations(found[: limits.most_paths], count):
            yield some, f"leaves out the {_spell(model, spelling, some)}"


def _between(model: Model, ahead: Sequence[bool]) -> Iterator[Node]:
    """Steps on the way to the loss, and reductions without a name; in the order of the file."""
    loss = model.node(model.loss).index
    up, steps = model.graph.upstream([loss]), {step.node for step in model.steps.values()}
    for node in model.graph.nodes:
        is_between = ahead[node.index] and up[node.index] and node.index != loss and not node.is_leaf
        if is_between and (node.index in steps or _is_reduction(model, node)):
            yield node


def _is_reduction(model: Model, node: Node) -> bool:
    """Whether a value is made of many others: a mean, a norm."""
    record = node.primitive
    return len(node.arguments) == 1 and not record.elementwise and (
        node.size < model.graph.nodes[node.arguments[0]].size or record.rows == "reduce"
    )


def _spell(model: Model, spelling: Spelling, nodes: Sequence[Node]) -> str:
    """ "paths through mu (line 4) and v (line 5)"."""
    texts = [f"{spelling.value(n.index)} (line {model.step_around(n.index).where})" for n in nodes]
    return f"path{'s' * bool(nodes[1:])} through {' and '.join(texts)}"
