"""Reads elementwise steps. Gives their slopes, by which a claim may be off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

import numpy as np

from gradcheck_cli.derivatives import backprop
from gradcheck_cli.formulas import passes
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Graph, Node
from gradcheck_cli.model.model import Model, Step
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.diagnosis.entry_tests import misses_factor, repeats_factor
from gradcheck_cli.verdicts.diagnosis.idle_parts import values_of

__all__ = ["explain_by_elementwise_step"]


# ---------------------------------------------------------------------------------------------
# The derivative of an elementwise step
# ---------------------------------------------------------------------------------------------


def explain_by_elementwise_step(
    model: Model, samples: Sequence[ClaimSample], limits: DiagnosisLimits
) -> str | None:
    """The derivative of one elementwise step by one name, left out or taken twice."""
    inner = samples[0].claimed.shape[samples[0].per_row :]
    found = (pair for pair in _elementwise(model, limits) if pair[1].nodes[pair[1].output].shape == inner)
    for step, graph, by in islice(found, limits.most_elementwise):
        if misses_factor(samples, partial(_slopes, graph, by), limits):
            return f"misses the factor {_in_words(model, step, by)}"
        if repeats_factor(samples, partial(_slopes, graph, by), limits):
            return f"has the factor {_in_words(model, step, by)}: once too often"
    return None


def _elementwise(model: Model, limits: DiagnosisLimits) -> Iterator[tuple[Step, Graph, str]]:
    """Steps that act entry by entry, as formulas of the names they mention, with each of these."""
    for step in model.steps.values():
        graph = _alone(model, step, limits)
        if graph is None:
            continue
        shape = graph.nodes[graph.output].shape
        for name, index in graph.names.items():
            if graph.nodes[index].shape == shape and len(graph.nodes) > 1:
                yield step, graph, name


def _acts(node: Node) -> bool:
    return node.primitive.elementwise or node.operation == "expand"


def _alone(model: Model, step: Step, limits: DiagnosisLimits) -> Graph | None:
    """A step's own formula: other names are leaves. None if it is a name, or no short formula."""
    named = {index: name for name, index in model.graph.names.items()}
    order, todo = set[int](), [step.node]
    while todo:
        index = todo.pop()
        if index not in order:
            order.add(index)
            if index == step.node or index not in named:
                todo.extend(model.graph.nodes[index].arguments)
        if len(order) > limits.most_step_nodes:
            return None
    builder, new = Builder(rows_apart=False), dict[int, int]()
    for node in (model.graph.nodes[i] for i in sorted(order)):
        if node.index in named and node.index != step.node:
            key = named[node.index]
            new[node.index] = builder.leaf(key, node.shape, per_row=node.per_row)
        elif node.is_leaf or not (node.is_literal or _acts(node)):
            return None
        else:
            new[node.index] = builder.copy(node, [new[a] for a in node.arguments])
    return builder.graph(new[step.node])


def _slopes(graph: Graph, by: str, sample: ClaimSample) -> Array:
    """d step/d name entry by entry, by backprop of that one step."""
    values = values_of(sample, graph)
    found = backprop.slopes(graph, values, graph.output, graph.names[by])
    per_row = graph.nodes[graph.output].per_row
    if per_row and not sample.per_row:
        return np.asarray(np.nan)
    return np.asarray(found[0] if per_row else found[0, 0, ...])


def _in_words(model: Model, step: Step, by: str) -> str:
    """ "(f3 > 0), the derivative of relu in line 17"."""
    node = model.graph.nodes[step.node]
    single = node.arguments == (model.node(by).index,) and not node.primitive.infix
    title = f"d {step.display}/d {model.display(by)}"
    what = f"the derivative of {node.primitive.function}" if single else title
    text = passes.partial_text(model, step.name, by)
    return f"{text}, {what} in line {step.where}" if text else f"{title} of line {step.where}"
