"""Finite differences, by node. Reads a Tape. Gives differences of a step by all entries of large parameters.

For f = W @ h + b one difference by f[i] serves all weights of row i: d loss/d W[i,j] is the sum over the
training examples of d loss/d f[i] times h[j]. So a parameter is followed through the functions that are
affine in it (the table says which) to the nodes where that ends; those are differenced, entry by entry,
and their slopes are carried back through the affine steps. Where a node has one value per row, all rows are
moved at once, because no row sees another. The affine steps are trusted, which is why this is a scheme with
a name of its own.
Knows nothing of vjps: the coefficients of an affine step are read off its forward function.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gradcheck_cli.derivatives.finite_differences.drivers.affine_routes import Route, affine_kind
from gradcheck_cli.derivatives.finite_differences.drivers.by_entry import Estimates, estimates
from gradcheck_cli.derivatives.finite_differences.drivers.perturbed_inputs import Sampled
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.evaluation.perturbed_pass import vary
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.primitives.axes import with_axes
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS, FiniteDifferencesLimits
from gradcheck_cli.numerics.machine import EPS

__all__ = ["derivative"]


class _Slope(NamedTuple):
    """d of/d node and a bound on its error, (rows or 1, *shape) both."""

    value: Array
    bound: Array


def derivative(
    tape: Tape,
    way: Route,
    by: Iterable[str],
    scheme: Scheme,
    noise: Array | float = 0.0,
    limits: FiniteDifferencesLimits = DEFAULTS,
) -> dict[str, Estimates]:
    """d of/d name for names that the route covers, with error bounds.

    Parameters
    ----------
    tape : the values of the model at one point
    way : the route from the names to a step with one value for all rows
    by : names that it covers
    scheme : how an entry of a node is differenced
    noise : float64, in the unit of the step
        What rounding may make of the value of the step itself.
    limits : tolerances, safety factors and work limits

    Returns
    -------
    dict of str to Estimates
        float64 (*of, *name), in units of the step per unit of the name. nan, with an infinite bound, where
        a differenced node stands on a kink.
    """
    backward = _Backward(tape, way, scheme, float(np.max(noise, initial=0.0)), limits)
    return {name: backward.estimates(tape.model.node(name)) for name in by}


@dataclass
class _Backward:
    """The slopes of all nodes of a route, last first."""

    tape: Tape
    way: Route
    scheme: Scheme
    noise: float
    limits: FiniteDifferencesLimits
    known: dict[int, _Slope] = field(default_factory=dict)

    def estimates(self, node: Node) -> Estimates:
        """The slope of one name, in the form of the other schemes."""
        slope = self._all.get(node.index)
        value, bound = slope if slope is not None else _zeros(node)
        nothing = np.full(node.shape, np.nan)
        bound = np.where(np.isnan(value), np.inf, bound)
        return Estimates(value[0], bound[0], nothing, nothing, np.zeros(node.shape, dtype=bool))

    @cached_property
    def _all(self) -> dict[int, _Slope]:
        of, graph = self.way.of, self.tape.model.graph
        self.known[of.index] = _Slope(np.ones((1, *of.shape)), np.zeros((1, *of.shape)))
        self._difference([n for n in self.way.differenced if not n.per_row], of)
        inner = [k for k in self.way.affine if graph.nodes[k].per_row]
        with np.errstate(all="ignore"):
            for index in sorted(set(self.way.affine) - set(inner), reverse=True):
                if graph.nodes[index].reduced:
                    self._carry_back(index)
            self._over_rows()
            for index in sorted(inner, reverse=True):
                self._carry_back(index)
            for index in sorted(set(self.way.affine) - set(inner), reverse=True):
                if index not in self.known:
                    self._carry_back(index)
        return self.known

    def _over_rows(self) -> None:
        """Per-row nodes: the differences of what is summed over the rows, times the slope by the sum."""
        rows = [n for n in self.way.differenced if n.per_row]
        for total in self.way.sums:
            weight = self.known[total.index]
            (term,) = (self._node(a) for a in total.arguments)
            outer = _slope_by_argument(total, 0, weight, self.tape, self.limits)
            moved = self.tape.model.graph.downstream([n.index for n in rows])
            if term in rows:
                self._add(term.index, outer)
            below = [n for n in rows if n.index != term.index and self._reaches(n, term)]
            if below and moved[term.index]:
                self._difference(below, term, outer)

    def _reaches(self, node: Node, target: Node) -> bool:
        return self.tape.model.graph.downstream([node.index])[target.index]

    def _difference(self, nodes: list[Node], target: Node, outer: _Slope | None = None) -> None:
        """Differences of `target` by the nodes; `outer`: the slope by each row of the target."""
        if not nodes:
            return
        size = float(np.max(np.abs(self.tape.of_node(target)), initial=0.0))
        whole = abs(float(np.max(np.abs(self.tape.of_node(self.way.of)), initial=0.0)))
        noise = self.noise * (size / whole if whole else 1.0)
        moved = _Nodes(self.tape, target, nodes, self.limits)
        found = estimates(moved, [str(n.index) for n in nodes], self.scheme, noise)
        for node in nodes:
            part = found[str(node.index)]
            value, bound = part.value, np.where(np.isnan(part.value), np.inf, part.bound)
            if outer is None:
                self._add(node.index, _Slope(value[None], bound[None]))
            else:
                self._add(node.index, _chain(outer, value, bound, len(target.shape)))

    def _carry_back(self, index: int) -> None:
        for user, place in self.way.affine[index]:
            slope = self.known.get(user.index)
            if slope is not None:
                found = _slope_by_argument(user, place, slope, self.tape, self.limits)
                self._add(index, found)
        if index not in self.known:
            self.known[index] = _Slope(*_zeros(self._node(index)))

    def _add(self, index: int, slope: _Slope) -> None:
        found = self.known.get(index)
        if found is not None:
            value = found.value + slope.value
            slope = _Slope(value, found.bound + slope.bound + EPS * np.abs(value))
        self.known[index] = slope

    def _node(self, index: int) -> Node:
        return self.tape.model.graph.nodes[index]


def _zeros(node: Node) -> tuple[Array, Array]:
    return np.zeros((1, *node.shape)), np.zeros((1, *node.shape))


def _chain(outer: _Slope, value: Array, bound: Array, rank: int) -> _Slope:
    """Sum over the target's entries of d of/d target (rows, *target) times the Jacobian of each row,
    (rows, *target, *node)."""
    spread = (*range(1, 1 + rank),)
    extra = (1,) * (value.ndim - 1 - rank)
    weight, doubt = (part.reshape(*part.shape, *extra) for part in outer)
    terms = weight * value
    total = np.sum(terms, axis=spread)
    size = np.sum(np.abs(terms), axis=spread)
    known = np.sum(np.abs(weight) * bound + doubt * (np.abs(value) + bound), axis=spread)
    return _Slope(total, np.asarray(known + EPS * size))


# ---------------------------------------------------------------------------------------------
# Affine steps: their coefficients, read off the forward function
# ---------------------------------------------------------------------------------------------


def _slope_by_argument(
    user: Node, place: int, slope: _Slope, tape: Tape, limits: FiniteDifferencesLimits
) -> _Slope:
    """The slope by one argument of an affine function."""
    argument = tape.model.graph.nodes[user.arguments[place]]
    kind = affine_kind(user)
    if kind == "product":
        return _by_product(user, place, slope, tape, limits)
    if kind == "moves":
        return _by_origin(user, place, slope, tape)
    factor = _coefficient(user, place, tape)
    if kind == "total":
        slope = _Slope(*(_with_summed_axes(part, user, len(argument.shape)) for part in slope))
    value = slope.value * factor
    bound = slope.bound * np.abs(factor) + limits.passed_ulps * EPS * np.abs(value)
    rows = (tape.model.rows or 1) if argument.per_row else 1
    full = (max(rows, len(value)), *argument.shape)
    return _sum_over_shared_rows(_Slope(np.broadcast_to(value, full), np.broadcast_to(bound, full)), argument)


def _with_summed_axes(part: Array, user: Node, rank: int) -> Array:
    """The slope by a sum, with axes of length 1 for those that are summed."""
    if "axis" not in user.options:  # over the rows alone
        return part
    return np.asarray(with_axes(part, rank, user.options["axis"], user.options["keepdims"]))


def _sum_over_shared_rows(slope: _Slope, argument: Node) -> _Slope:
    """Summed over the rows where the argument has one value for all of them."""
    if argument.per_row or len(slope.value) == 1:
        return slope
    terms = len(slope.value) * EPS * np.sum(np.abs(slope.value), axis=0, keepdims=True)
    value, bound = (np.sum(part, axis=0, keepdims=True) for part in slope)
    return _Slope(value, bound + terms)


def _with_rows(node: Node, tape: Tape) -> Array:
    """A node's value with the two leading axes."""
    value = np.asarray(tape.of_node(node))
    return value[None] if node.per_row else value[None, None]


def _coefficient(user: Node, place: int, tape: Tape) -> Array:
    """What one unit more of an argument, in all its entries, adds: (rows or 1, *shape); of a sum, what
    one entry adds."""
    graph, record = tape.model.graph, user.primitive
    nodes = [graph.nodes[a] for a in user.arguments]
    arguments = [_with_rows(other, tape) if k != place else None for k, other in enumerate(nodes)]
    node = nodes[place]

    def at(value: float) -> Array:
        given = np.full((1, 1, *node.shape), value)
        full = [given if a is None else a for a in arguments]
        return np.asarray(record.forward(FLOAT64, *full, **user.options)[0])

    found = at(1.0) - at(0.0)
    if record.elementwise:
        return found
    summed = 1 if user.adds_rows else node.size // user.size
    return np.asarray(found.reshape(-1)[:1].reshape(()) / summed)


def _by_product(
    user: Node, place: int, slope: _Slope, tape: Tape, limits: FiniteDifferencesLimits
) -> _Slope:
    """The einsum of the slope with the other factor."""
    graph = tape.model.graph
    pattern = user.primitive.product
    assert pattern is not None
    inputs, output = pattern(**user.options).split("->")
    letters = inputs.split(",")
    argument, other = graph.nodes[user.arguments[place]], graph.nodes[user.arguments[1 - place]]
    mine, theirs = letters[place], letters[1 - place]
    factor = _with_rows(other, tape)[0]
    known = [axis for axis in mine if axis in output + theirs]
    rows = "r" if argument.per_row else ""
    left, right = (("r" if len(part) > 1 else "") for part in (slope.value, factor))
    rows = rows if left or right else ""
    spelled = f"{left}{output},{right}{theirs}->{rows}{''.join(known)}"
    squeezed = factor if right else factor[0]

    def contract(part: Array, by: Array) -> Array:
        found = np.einsum(spelled, part if left else part[0], by, optimize=["einsum_path", (0, 1)])
        found = found if rows else found[None]
        alone = tuple(1 + k for k, axis in enumerate(mine) if axis not in known)
        return np.asarray(np.broadcast_to(np.expand_dims(found, alone), (len(found), *argument.shape)))

    value = contract(slope.value, squeezed)
    terms = slope.value.size * factor.size / max(1, value.size)
    doubt = slope.bound + (limits.passed_ulps + terms**0.5) * EPS * np.abs(slope.value)
    return _Slope(value, contract(doubt, np.abs(squeezed)))


def _by_origin(user: Node, place: int, slope: _Slope, tape: Tape) -> _Slope:
    """The slope by each entry of a function that moves entries: their numbers are moved forward."""
    graph = tape.model.graph
    argument = graph.nodes[user.arguments[place]]
    count = argument.size
    numbers = np.arange(1.0, count + 1).reshape(1, 1, *argument.shape)
    arguments = [np.zeros((1, 1, *graph.nodes[a].shape)) for a in user.arguments]
    for k in user.primitive.whole:
        arguments[k] = _with_rows(graph.nodes[user.arguments[k]], tape)
    arguments[place] = numbers
    come_from = np.asarray(user.primitive.forward(FLOAT64, *arguments, **user.options))
    places = come_from.astype(np.intp).reshape(come_from.shape[1], -1)

    def gather(part: Array) -> Array:
        rows = max(len(part), len(places))
        back = np.zeros((rows, count + 1))
        each = np.broadcast_to(part.reshape(len(part), -1), (rows, places.shape[1]))
        np.add.at(back, (np.arange(rows)[:, None], np.broadcast_to(places, each.shape)), each)
        return back[:, 1:].reshape(rows, *argument.shape)

    return _sum_over_shared_rows(_Slope(gather(slope.value), gather(slope.bound)), argument)


# ---------------------------------------------------------------------------------------------
# The function that is sampled: entries of many nodes, one pass for each node
# ---------------------------------------------------------------------------------------------


class _Nodes(Sampled):
    """Entries of nodes, which are all per row, or all of one value under a shared `of`."""

    def __init__(
        self, tape: Tape, of: Node, nodes: Sequence[Node], limits: FiniteDifferencesLimits
    ) -> None:
        super().__init__(tape, of, limits)
        self.nodes = nodes
        self.values = [_with_rows(node, tape)[0] for node in nodes]
        self.starts = np.cumsum([0, *(node.size for node in nodes)])
        largest = [np.take_along_axis(v, np.abs(v).argmax(axis=0)[None], axis=0) for v in self.values]
        self.base = np.concatenate([value.reshape(-1) for value in largest]).astype(float)
        rows = max(len(value) for value in self.values)
        self.width = rows * max(node.size for node in (of, *nodes))

    def _some(self, which: Any, offsets: Array) -> tuple[Array, Array, Array]:
        owner = np.searchsorted(self.starts, which, side="right") - 1
        parts = [np.flatnonzero(owner == k) for k in range(len(self.nodes))]
        found = [self._of_one(k, which[at], offsets[at]) for k, at in enumerate(parts) if len(at)]
        back = np.argsort(np.concatenate(parts), kind="stable")
        values, smooth, affected = (np.concatenate(column)[back] for column in zip(*found, strict=True))
        return values, smooth, affected

    def _of_one(self, k: int, which: Any, offsets: Array) -> tuple[Array, Array, Array]:
        node, value = self.nodes[k], self.values[k]
        entries = np.repeat(which - self.starts[k], offsets.shape[1])
        count = len(entries)
        moved = np.repeat(value.reshape(1, len(value), -1), count, axis=0)
        moved[np.arange(count), :, entries] += offsets.reshape(-1, 1)
        overrides = {node.index: moved.reshape(count, len(value), *node.shape)}
        return self.reshape_samples(vary(self.tape, self.of, overrides), offsets.shape)

    def in_shapes_of_names(self, part: Array) -> list[Array]:
        """(entries, rows?, *of) as (rows?, *of, *node) for each node."""
        moved = np.moveaxis(part, 0, -1)
        return [
            moved[..., start:stop].reshape((*moved.shape[:-1], *node.shape))
            for node, start, stop in zip(self.nodes, self.starts[:-1], self.starts[1:], strict=True)
        ]
