"""Backprop. Reads a Tape. Gives derivatives by the two backward passes. Knows nothing of SymPy.

Backward pass #1 takes the adjoint d of/d node of every node in reverse order, last first; backward
pass #2 reads off those of the names asked for. An adjoint passes through a node by the `vjp` of its
primitive, and the contributions of several users of a value are ADDED (fan-out). Each entry of `of` is one
seed along the first axis, so a Jacobian is one pass. Griewank & Walther 2008, section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from functools import partial as partial_of
from typing import Any

import numpy as np

from gradcheck_cli.evaluation.evaluate import Readable
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Graph, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.compensated_sum import Sum
from gradcheck_cli.numerics.float64 import FLOAT64, Float64
from gradcheck_cli.numerics.multiprecision import High
from gradcheck_cli.numerics.namespace import Namespace

__all__ = [
    "BackwardPass", "Rule", "Slip", "add_adjoint", "derivative", "derivative_in_blocks", "partial", "slopes",
]  # fmt: skip

Adjoints = dict[int, Array]
Rule = Callable[[Array, Array, Sequence[Array]], Array]  # adjoint, value, arguments: the contribution
Slip = Callable[[Rule, Array, Array, Sequence[Array]], Array]  # the right rule first


class _EachRow(Float64):
    """The namespace for adjoints that stay apart for every row."""

    def matmul_onto(self, like: Array, a: Array, b: Array) -> Array:
        """a @ b, rows kept apart."""
        return np.asarray(np.matmul(a, b))

    def put(self, g: Array, x: Array, chosen: Sequence[Array], key: Any, *, rows_apart: bool = True) -> Array:
        """g at its places, rows kept apart."""
        return np.asarray(super().put(g, x, chosen, key, rows_apart=rows_apart))


_EACH_ROW = _EachRow()


def derivative(
    model: Model, tape: Tape, of: str, by: Iterable[str], slips: Mapping[tuple[int, int], Slip] | None = None
) -> dict[str, Array]:
    """d of/d name for each name, accumulated in reverse.

    Parameters
    ----------
    model, tape : the graph, and its values at one point
    of : a step
    by : names of inputs or steps
    slips : mistakes to make on the way, by node and place of the argument

    Returns
    -------
    dict of str to (rows?, *of, *name) arrays
        float64, in the numbers of the tape where those have more digits; in units of `of` per unit of the
        name. Rows where `of` or the name has one value per row, then row i of one by row i of the other.
        Zeros for a name that `of` is not computed from.

    Raises
    ------
    KeyError
        If the model has no such name.
    """
    target, sources = model.node(of), {name: model.node(name) for name in by}
    backward = BackwardPass(model, tape, target, frozenset(n.index for n in sources.values()), slips or {})
    with np.errstate(all="ignore"):
        found = backward.run()
        if not backward.careful and not all(np.isfinite(part).all() for part in found.values()):
            found = replace(backward, careful=True).run()
    return {name: backward.in_shape_of(found.get(node.index), node) for name, node in sources.items()}


def derivative_in_blocks(model: Model, tape: Tape, of: str, by: Iterable[str]) -> Iterator[dict[str, Array]]:
    """d of/d name of a step with one value per row, a block of rows at a time: a million rows at once would
    fill the memory.

    Parameters
    ----------
    model, tape : the graph, and its values at one point
    of : a step with one value per row
    by : names of inputs or steps

    Yields
    ------
    dict of str to (rows, *of, *name) float64 arrays
        For each block of rows of the tape.

    Raises
    ------
    KeyError
        If the model has no such name.
    """
    target, sources = model.node(of), {name: model.node(name) for name in by}
    names = frozenset(n.index for n in sources.values())
    backward = BackwardPass(model, tape, target, names, {}, careful=True)
    for number, found in enumerate(backward.in_blocks()):
        span = tape.rows_of(number)
        count = span.stop - span.start
        yield {name: backward.spread(found.get(n.index), n, count) for name, n in sources.items()}


def slopes(graph: Graph, values: Mapping[int, Array], of: int, by: int) -> Array:
    """d of/d by at every place of the arrays, for a graph of numbers: the slope of a plot.

    Parameters
    ----------
    graph : nodes without shapes
    values : node index to float64 array, all of one shape (evaluate.trace)
    of, by : node indices

    Returns
    -------
    float64 array of the shape of the value of `of`
    """
    live = graph.downstream([by])
    adjoints: Adjoints = {of: np.ones_like(values[of])}
    with np.errstate(all="ignore"):
        for node in (graph.nodes[i] for i in sorted(values, reverse=True)):
            adjoint = adjoints.get(node.index)
            if adjoint is None or node.is_leaf or node.is_literal:
                continue
            arguments = [values[a] for a in node.arguments]
            for argument, rule in zip(node.arguments, node.primitive.vjp, strict=True):
                if live[argument] and rule is not None:
                    part = rule(FLOAT64, adjoint, values[node.index], *arguments, **node.options)
                    add_adjoint(adjoints, argument, _zero_times(part, adjoint))
    return adjoints.get(by, np.zeros_like(values[of]))


def partial(node: Node, place: int, values: Readable) -> Array:
    """d node/d argument at every place of the arrays, for a node of numbers; of a sum over rows by each row's
    term.

    Parameters
    ----------
    node : one without a shape
    place : of the argument
    values : those of the nodes, (perturbations, rows) float64

    Returns
    -------
    (perturbations, rows) float64
        Zeros where the function does not depend on that argument.
    """
    rule = node.primitive.vjp[place]
    arguments = [values[a] for a in node.arguments]
    value = values[node.index]
    if rule is None:
        return np.zeros_like(arguments[place])
    with np.errstate(all="ignore"):
        return np.asarray(rule(FLOAT64, np.ones_like(value), value, *arguments, **node.options))


@dataclass
class BackwardPass:
    """The derivatives of one step, from its seed back to the names asked for."""

    model: Model
    tape: Tape
    of: Node
    by: frozenset[int]
    slips: Mapping[tuple[int, int], Slip]
    careful: bool = False  # 0 times what is infinite is looked for; else that shows in what is found
    m: Namespace = field(init=False)

    def __post_init__(self) -> None:
        graph = self.model.graph
        down, up = graph.downstream(self.by), graph.upstream([self.of.index])
        self.live = self.order(down, up)
        exact = isinstance(self.tape.m, High)  # the same rules in the numbers of the tape
        self.careful |= exact
        self.m = self.tape.m if exact else _EACH_ROW if self.of.per_row else FLOAT64
        self.seeds = self.of.size
        self.links = {n.index: self._links(n, down) for n in self.live if not (n.is_leaf or n.is_literal)}

    def order(self, down: Sequence[bool], up: Sequence[bool]) -> list[Node]:
        """The nodes that are reached from the names and reach the step, users before what they use."""
        return [n for n in reversed(self.model.graph.nodes) if down[n.index] and up[n.index]]

    @cached_property
    def after(self) -> list[Node]:
        """What is made of all rows."""
        return [n for n in self.live if n.reduced]

    @cached_property
    def before(self) -> list[Node]:
        """What all rows share."""
        return [n for n in self.live if not n.reduced and not n.per_row]

    @cached_property
    def inner(self) -> list[Node]:
        """What has one value per row."""
        return [n for n in self.live if n.per_row]

    def _links(self, node: Node, down: Sequence[bool]) -> list[tuple[int, int, Rule]]:
        """(place, argument, rule) of the arguments that the names asked for reach."""
        found = []
        for place, argument in enumerate(node.arguments):
            rule = self._rule(node, place) if down[argument] else None
            if rule is not None:
                slip = self.slips.get((node.index, place))
                found.append((place, argument, rule if slip is None else partial_of(slip, rule)))
        return found

    def run(self) -> Adjoints:
        """The adjoints of the nodes asked for: (seeds, 1 or N, *shape)."""
        adjoints, sums = self.seed(), dict[int, Sum]()
        rows: dict[int, list[Array]] = {}
        for number in range(self.tape.block_count if self.inner else 0):
            for index, adjoint in self._sweep_block(number, adjoints, sums).items():
                rows.setdefault(index, []).append(adjoint)
        for index, found in sums.items():
            add_adjoint(adjoints, index, found.result())
        if not self.of.per_row:
            self._sweep(self.before, adjoints, self.tape.shared)
        per_row = {i: np.concatenate(a, axis=1) for i, a in rows.items()}
        return {**self._requested_adjoints(adjoints), **per_row}

    def in_blocks(self) -> Iterator[Adjoints]:
        """Of the nodes asked for those adjoints that have one value per row, a block of rows at a time."""
        adjoints = self.seed()
        for number in range(self.tape.block_count):
            with np.errstate(all="ignore"):
                found = self._sweep_block(number, adjoints, {}) if self.inner else {}
            yield found

    def seed(self) -> Adjoints:
        """The seed, taken through what is made of all rows."""
        adjoints = {self.of.index: np.eye(self.seeds).reshape(self.seeds, 1, *self.of.shape)}
        self._sweep(self.after, adjoints, self.tape.shared, _not_rows(self.model))
        return adjoints

    def _requested_adjoints(self, adjoints: Adjoints) -> Adjoints:
        return {i: adjoints[i] for i in self.by if i in adjoints}

    def _sweep_block(
        self,
        number: int,
        adjoints: Adjoints,
        sums: dict[int, Sum],
    ) -> Adjoints:
        """Backward pass #1 over one block of rows; contributions to shared nodes are added, compensated."""
        values = self.tape.lookup(self.tape.block(number))
        span = self.tape.rows_of(number)
        count = span.stop - span.start
        local: Adjoints = {}
        if self.of.per_row:
            local[self.of.index] = np.broadcast_to(
                np.eye(self.seeds).reshape(self.seeds, 1, *self.of.shape),
                (self.seeds, count, *self.of.shape),
            )
        entered = {n.index: adjoints[n.index] for n in self.after if n.index in adjoints}
        into_rows = [n for n in self.after if n.adds_rows and n.index in entered]
        for node in into_rows:
            self.send(node, entered[node.index], values, local)
        self._sweep(self.inner, local, values)
        if self.of.per_row:
            self._sweep(self.before, local, values)
        rows: Adjoints = {}
        shared_sources = {n.index for n in self.before}
        for index, adjoint in local.items():
            if index in self.by and (self.of.per_row or index not in shared_sources):
                rows[index] = np.broadcast_to(adjoint, (self.seeds, count, *adjoint.shape[2:]))
            elif index in shared_sources and not self.of.per_row:
                sums.setdefault(index, Sum()).add(adjoint)
        return rows

    def _sweep(
        self,
        nodes: Iterable[Node],
        adjoints: Adjoints,
        values: Any,
        passes: Mapping[int, bool] | None = None,
    ) -> None:
        """Take every node's adjoint to its arguments, last node first."""
        for node in nodes:
            adjoint = adjoints.get(node.index)
            if adjoint is None or node.is_leaf or node.is_literal:
                continue
            if passes is None or passes[node.index]:
                self.send(node, adjoint, values, adjoints)
            if node.index not in self.by and passes is None:
                del adjoints[node.index]

    def send(self, node: Node, adjoint: Array, values: Any, adjoints: Adjoints) -> None:
        """adjoint of each argument += adjoint of the node times d node/d argument.

        Parameters
        ----------
        node : whose arguments are meant
        adjoint : (seeds, rows or 1, *node) array, in units of the step per unit of the node
        values : of the nodes, by index, (1, rows or 1, *shape) float64 each
        adjoints : of the nodes, by index; changed
        """
        value, arguments = values[node.index], [values[a] for a in node.arguments]
        for place, argument, rule in self.links[node.index]:
            part = rule(adjoint, value, arguments)
            if self.careful and node.primitive.elementwise:
                part = _zero_times(part, adjoint)
            if arguments[place].shape[1] == 1 and part.shape[1] > 1 and not self.of.per_row:
                part = np.add.reduce(part, axis=1, keepdims=True)
            add_adjoint(adjoints, argument, part)

    def _rule(self, node: Node, position: int) -> Rule | None:
        record, options, m = node.primitive, node.options, self.m
        vjp = record.vjp[0 if record.arguments is None else position]
        if vjp is None:
            return None
        if record.arguments is None:
            return lambda adjoint, value, arguments: vjp(m, adjoint, position, **options)
        return lambda adjoint, value, arguments: vjp(m, adjoint, value, *arguments, **options)

    def in_shape_of(self, adjoint: Array | None, by: Node) -> Array:
        """(seeds, rows, *by) as (rows?, *of, *by)."""
        per_row = self.of.per_row or by.per_row
        return self.spread(adjoint, by, (self.model.rows or 0) if per_row else 1)

    def spread(self, adjoint: Array | None, by: Node, rows: int) -> Array:
        """An adjoint in the shape of the derivative, zeros where there is none.

        Parameters
        ----------
        adjoint : (seeds, rows or 1, *by) float64 array, or None
        by : the node it belongs to
        rows : how many the derivative has, 1 where nothing is per row

        Returns
        -------
        (rows?, *of, *by) float64 array
        """
        per_row = self.of.per_row or by.per_row
        full = (self.seeds, rows, *by.shape)
        found = np.zeros(full) if adjoint is None else adjoint
        if found.shape != full:
            found = np.broadcast_to(found, full)
        if self.seeds > 1:
            found = found.swapaxes(0, 1)
        found = found.reshape(rows, *self.of.shape, *by.shape)
        return np.asarray((found if per_row else found[0]) + 0.0)  # a copy, in which no zero has a sign


def _not_rows(model: Model) -> dict[int, bool]:
    """Which nodes after the rows pass adjoints on at once: all but the sums over rows."""
    return {n.index: not n.adds_rows for n in model.graph.nodes}


def add_adjoint(adjoints: Adjoints, index: int, part: Array) -> None:
    """Add what one user of a value contributes to its adjoint.

    Parameters
    ----------
    adjoints : of the nodes, by index; changed
    index : of the node
    part : (seeds, rows or 1, *node) array, in units of the step per unit of the node
    """
    found = adjoints.get(index)
    adjoints[index] = part if found is None else found + part


def _zero_times(part: Array, adjoint: Array) -> Array:
    """0 times anything is 0 here: a branch that was not chosen may be infinite or nan."""
    if part.dtype != object and np.isfinite(part).all():
        return part
    return np.where(adjoint == 0, 0.0, part)
