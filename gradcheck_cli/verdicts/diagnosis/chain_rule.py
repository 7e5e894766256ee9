"""Reads a Tape. Gives the edges of a chain of numbers: what each partial is, and what it is multiplied by.

An edge is one use of a value by one function. A derivative d of/d by is the sum over all ways from `by` to
`of` of the products of their partials, so it is affine in each of them: `Chain.with_partial` says what it
would be with another one. Only where every value on the way is a single number, or one a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gradcheck_cli.derivatives import backprop
from gradcheck_cli.evaluation.evaluate import Readable
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits

__all__ = ["Chain", "Edge", "chain_at", "edges_between"]


class Edge(NamedTuple):
    """One use of a value: the place of `user` where it stands."""

    user: int
    place: int
    argument: int


@dataclass(frozen=True)
class Chain:
    """d of/d by at one point. Arrays have one number a row, or one for all rows.

    partials: d user/d argument. shares: d of/d user times d argument/d by. slopes: d node/d by.
    """

    partials: Mapping[Edge, Array]
    shares: Mapping[Edge, Array]
    slopes: Mapping[int, Array]
    values: Readable  # with the two leading axes
    each_row: bool  # whether the derivative has one number a row, or the rows are added up

    def change(self, edge: Edge, partial: Array) -> Array:
        """By how much d of/d by changes with another partial in place of an edge's own.

        Parameters
        ----------
        edge : of the chain
        partial : (..., rows) float64

        Returns
        -------
        (..., rows), or (..., 1) where the rows are added up
        """
        with np.errstate(all="ignore"):
            moved = np.asarray(self.shares[edge] * (partial - self.partials[edge]))
        return moved if self.each_row else moved.sum(axis=-1, keepdims=True)


def edges_between(
    model: Model, of: str, by: str, stops: Iterable[str], limits: DiagnosisLimits
) -> list[Edge]:
    """The edges from `by` to `of`, the nearest to `by` first, without those behind `stops`; none where
    a value on the way is an array, or behind it one of each row or one put together of any number of values,
    or the ways are too many."""
    graph, source, target = model.graph, model.node(by), model.node(of)
    up = graph.upstream([target.index])
    stopped = {model.node(name).index for name in stops}
    reached, found, ahead = {source.index}, list[Edge](), graph.downstream([source.index])
    for node in graph.nodes:
        if not up[node.index] or node.index == source.index:
            continue
        if ahead[node.index] and (node.primitive.arguments is None or (node.per_row and node.shape)):
            return []
        mine = [Edge(node.index, k, a) for k, a in enumerate(node.arguments) if a in reached]
        if mine:
            if not _is_number(node):
                return []
            found += mine
            if node.index not in stopped:
                reached.add(node.index)
    numbers = len(found) * (model.rows or 1)
    many = len(found) > limits.most_edges or numbers > limits.most_chain_numbers
    return [] if many or source.shape else found


def _is_number(node: Node) -> bool:
    record = node.primitive
    return not node.shape and record.arguments is not None and (record.elementwise or record.rows == "reduce")


@np.errstate(all="ignore")  # an edge may be infinite, or 0 times that
def chain_at(tape: Tape, of: str, by: str, edges: Iterable[Edge]) -> Chain:
    """The numbers of these edges, and of all behind them."""
    model = tape.model
    graph, source, target = model.graph, model.node(by), model.node(of)
    values = _Values(tape)
    ahead, up = graph.downstream([source.index]), graph.upstream([target.index])
    way = [node for node in graph.nodes if ahead[node.index] and up[node.index]]
    each_row = source.per_row or target.per_row
    partials = {
        Edge(node.index, k, a): _flat(backprop.partial(node, k, values))
        for node in way
        if node is not source
        for k, a in enumerate(node.arguments)
        if ahead[a]
    }
    slopes = {source.index: np.ones(1)}
    for node in way:
        if node is not source:
            arrived = sum(partials[edge] * slopes[edge.argument] for edge in _uses(node, ahead))
            adds = node.primitive.rows == "reduce" and not each_row
            slopes[node.index] = np.atleast_1d(np.sum(arrived)) if adds else np.asarray(arrived)
    adjoints = {target.index: np.ones(1)}
    for node in reversed(way):
        for edge in _uses(node, ahead) if node is not source else ():
            part = partials[edge] * adjoints[node.index]
            shared = not (each_row or graph.nodes[edge.argument].per_row)
            part = np.atleast_1d(part.sum()) if shared and len(part) > 1 else part
            adjoints[edge.argument] = adjoints.get(edge.argument, np.zeros(1)) + part
    shares = {edge: adjoints[edge.user] * slopes[edge.argument] for edge in edges}
    return Chain(partials, shares, slopes, values, each_row)


def _uses(node: Node, ahead: list[bool]) -> list[Edge]:
    return [Edge(node.index, k, a) for k, a in enumerate(node.arguments) if ahead[a]]


def _flat(values: Array) -> Array:
    return np.asarray(values).reshape(-1)


@dataclass
class _Values:
    """The values of a tape's nodes as float64, with the two leading axes."""

    tape: Tape
    known: dict[int, Array] = field(default_factory=dict)

    def __getitem__(self, index: int) -> Array:
        if index not in self.known:
            node = self.tape.model.graph.nodes[index]
            value = np.asarray(self.tape.of_node(node), dtype=float)
            self.known[index] = value[None] if node.per_row else value[None, None]
        return self.known[index]
