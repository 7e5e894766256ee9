"""Reads a lowered Program, a point and a namespace. Gives the adjoints of its items, accumulated in reverse.

Each is the sum of the contributions of an item's users, by SymPy's partials. In float64 the values are those
of the author's own operations, each with its rounding where the namespace jitters. Knows nothing of vjps and
bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradcheck_cli.derivatives.symbolic.array_operations import (
    diagonal_matrices,
    permuted,
    place_of_largest,
)  # fmt: skip
from gradcheck_cli.derivatives.symbolic.chosen_entries import put_back
from gradcheck_cli.derivatives.symbolic.kernels import Formula
from gradcheck_cli.derivatives.symbolic.recording import Item
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.machine import SMALLEST_NORMAL
from gradcheck_cli.numerics.mpmath_context import private_context
from gradcheck_cli.numerics.multiprecision import High
from gradcheck_cli.numerics.namespace import Namespace
from gradcheck_cli.reference.jittered_arithmetic import Jittered, round_randomly
from gradcheck_cli.reference.matrix_adjoints import (
    through_cholesky,
    through_eigenvalues,
    through_inverse,
    through_log_determinant,
)
from gradcheck_cli.reference.program_pass import Pass

__all__ = ["Reverse"]

_LIMITS = ReferenceLimits()
# The textbook's derivative of some functions is written in their value and cancels where ours does not:
# y*(1 - y), 1 - y^2, y + 1. By how much it is off for one ulp of the value.
_TEXTBOOK: dict[str, Callable[..., Array]] = {
    "sigmoid": lambda y, x: y,
    "tanh": lambda y, x: 2 * y * y,
    "silu": lambda y, x: (1 + np.abs(x)) * np.where(x == 0, 0.5, np.abs(y / x)),
    "expm1": lambda y, x: np.abs(y),
    "gelu": lambda y, x: np.full_like(y, 0.5),
}


class Reverse:
    """Adjoints of the items of a program: each is what the users of an item send, added up."""

    def __init__(self, at: Pass, of: Node) -> None:
        self.at, self.of = at, of
        self.program, self.m, self.values = at.program, at.m, at.values
        self.end = self.program.of_node[of.index]
        self.seeds = math.prod(of.shape)
        self.by_seed: dict[int, dict[int, Array | None]] = {}

    def by(self, node: Node) -> Array:
        """d of/d node.

        Parameters
        ----------
        node : of the model's graph

        Returns
        -------
        (rows?, *of, *node) in the numbers of the namespace
        """
        return self._join(node, samples=False)

    def samples(self, node: Node) -> Array:
        """d of/d node for every sample of a namespace that jitters.

        Parameters
        ----------
        node : of the model's graph

        Returns
        -------
        (samples, rows?, *of, *node) float64
        """
        return self._join(node, samples=True)

    def _join(self, node: Node, samples: bool) -> Array:
        parts = [self._adjoint(seed, node, samples) for seed in range(self.seeds)]
        one = len(parts) == 1  # as a rule
        joined = parts[0] if one else np.stack(parts, axis=2)  # (samples or 1, rows, seeds, *node)
        shape = (*joined.shape[:2], *self.of.shape, *node.shape)
        joined = joined.reshape(shape)
        if not (self.of.per_row or node.per_row):
            joined = joined[:, 0, ...]
        return joined if samples else joined[0, ...]

    def _adjoint(self, seed: int, node: Node, samples: bool) -> Array:
        if seed not in self.by_seed:
            self.by_seed[seed] = {self.end: self._start(seed)}
        found = self._adjoint_of(self.program.of_node[node.index], self.by_seed[seed])
        count = getattr(self.m, "samples", 1) if samples else 1
        rows = (self.program.model.rows or 0) if self.of.per_row or node.per_row else 1
        full = (count, rows, *node.shape)
        if found is None:
            return np.broadcast_to(self.m.array(np.zeros((1,) * len(full))), full)
        return found if found.shape == full else np.broadcast_to(found, full)

    def _start(self, seed: int) -> Array:
        start = np.zeros(self.seeds)
        start[seed] = 1.0
        rows = (self.program.model.rows or 0) if self.of.per_row else 1
        return np.broadcast_to(self.m.array(start.reshape(1, 1, *self.of.shape)), (1, rows, *self.of.shape))

    def _adjoint_of(self, target: int, adjoints: dict[int, Array | None]) -> Array | None:
        """The adjoint of an item, from those of its users; what nobody asks for is not computed."""
        if target in adjoints:
            return adjoints[target]
        missing = self.at.users.missing(target, self.end, adjoints)
        if isinstance(self.m, High):
            self.at.pay(self.m, sum(self.at.users.operations(k, self.end) for k in missing))
        with np.errstate(all="ignore"):
            for index in missing:
                adjoints[index] = self._sum_over_users(index, adjoints)
        return adjoints[target]

    def _sum_over_users(self, index: int, adjoints: Mapping[int, Array | None]) -> Array | None:
        """The sum of the contributions of all users; None where there is none."""
        total = None
        for user, place in self.at.users.of(index, self.end):
            adjoint = adjoints[user]
            part = None if adjoint is None else self._contribution(self.program.items[user], place, adjoint)
            if part is not None:
                part = self._fit(index, part)
                total = part if total is None else total + part
        return total

    def _contribution(self, item: Item, place: int, adjoint: Array) -> Array | None:
        applied = self.program.kernels.get(item.index)
        if applied is None:
            return self._part(item, place, adjoint)
        partial = applied.kernel.partials[place]
        if partial is None:
            return None
        product = adjoint
        if not partial.is_one:
            slots = self.at.slots
            if item.index not in slots:
                slots[item.index] = self.at.run.slot_values(item, applied, self.values)
            product = _times(self.m, self._partial(item, partial, slots[item.index]), adjoint)
        return round_randomly(self.m, product)

    def _partial(self, item: Item, partial: Formula, slots: Sequence[Array]) -> Array:
        """A partial at an item. In float64: at 50 digits where SymPy's form overflows or underflows, and
        off by as much as the textbook's form may be."""
        values = partial(self.m, slots)
        if values.dtype == object:
            return values
        values = _recompute_out_of_range(partial, slots, values, self.at)
        if isinstance(self.m, Jittered):
            node = self.program.model.graph.nodes[item.source]
            textbook = _TEXTBOOK.get(node.operation)
            if textbook is not None:
                own, given = (self.values[self.program.of_node[k]] for k in (node.index, node.arguments[0]))
                size = textbook(own, given)
                values = values + (self.m.round_randomly(np.ones_like(values)) - 1) * size
        return np.asarray(values)

    def _fit(self, index: int, part: Array) -> Array:
        """A contribution in the shape of the item: added over the rows where it has one value for all."""
        item = self.program.items[index]
        if part.shape[1] > 1 and not item.per_row and not self.of.per_row:
            part = self.m.sum(round_randomly(self.m, part, part.shape[1]), axis=(1,), keepdims=True)
        if part.ndim != 2 + len(item.shape):
            part = np.asarray(part.sum(axis=tuple(range(2, part.ndim)))).reshape(part.shape[:2] + item.shape)
        return part

    def _part(self, item: Item, place: int, adjoint: Array) -> Array | None:
        """The contribution of a structural item to one argument."""
        x = self.values[item.arguments[place]]
        shape = self.program.items[item.arguments[place]].shape
        match item.operation:
            case "copy":
                return adjoint
            case "over_rows":
                return np.broadcast_to(adjoint, (adjoint.shape[0], x.shape[1], *adjoint.shape[2:]))
            case "contract":
                return self._uncontract(item, place, adjoint)
            case "total":
                rank, axis = item.data
                spread = adjoint if axis is not None else adjoint.reshape(adjoint.shape + (1,) * rank)
                return np.broadcast_to(spread, adjoint.shape[:2] + shape)
            case "transpose":
                return adjoint[..., 0, :] if item.data == 1 else _transpose(adjoint, item.data)
            case "expand":
                return _sum_to_shape(adjoint, shape, item.data[1])
            case "reshape":
                return adjoint.reshape(adjoint.shape[: adjoint.ndim - len(item.shape)] + shape)
            case "permute":
                order = sorted(range(len(shape)), key=item.data.__getitem__)
                return permuted(adjoint, order)
            case "gather":
                places, signs, _ = item.data
                return _scatter_signed(adjoint, places, signs, shape)
            case "take":
                chosen = [self.values[a] for a in item.arguments[1:]]
                return None if place else put_back(adjoint, shape, chosen, item.data)
            case "diagonal":
                return diagonal_matrices(adjoint)
            case "on_diagonal":
                return np.diagonal(adjoint, axis1=-2, axis2=-1)
            case "index":
                return self._scatter(adjoint, shape, item.data)
            case "concat":
                lengths = [self.program.items[a].shape[item.data] for a in item.arguments]
                start = sum(lengths[:place])
                along = np.moveaxis(adjoint, item.data, -1)[..., start : start + lengths[place]]
                return np.asarray(np.moveaxis(along, -1, item.data))
            case "stack":
                return np.asarray(adjoint[(..., place) + (slice(None),) * (-1 - item.data)])
            case "select":
                return self._select(item, place, adjoint)
            case "largest":
                at = place_of_largest(item, self.m, x, self.values[item.index])
                rank, axis = item.data
                spread = adjoint if axis is not None else adjoint.reshape(adjoint.shape + (1,) * rank)
                return np.asarray(spread * at)
            case "inverse":
                return through_inverse(self.m, self.values[item.index], adjoint)
            case "determinant":  # linear in every row; the coefficients are its cofactors
                return np.asarray(adjoint[..., None, None] * self.m.cofactors(x))
            case "log_determinant":
                return through_log_determinant(self.m, x, adjoint)
            case "cholesky":
                return through_cholesky(self.m, self.values[item.index], adjoint)
            case "eigenvalues":
                return through_eigenvalues(self.m, x, adjoint)
            case "sorted":
                return np.asarray(self.m.unordered(adjoint, self.m.order(x, item.data), item.data))
            case "lower":
                return np.asarray(self.m.lower(adjoint))
        return None

    def _select(self, item: Item, place: int, adjoint: Array) -> Array | None:
        if place == 0:
            return None
        condition = self.m.eq(self.values[item.arguments[0]], 0)
        chosen = condition if place == 2 else 1 - condition
        return np.asarray(self.m.where(self.m.eq(chosen, 0), 0 * adjoint, adjoint))

    def _uncontract(self, item: Item, place: int, adjoint: Array) -> Array:
        inputs, output = item.data.split("->")
        letters = inputs.split(",")
        pairs = list(zip(letters, item.arguments, strict=True))
        others = [(axes, self.values[a]) for k, (axes, a) in enumerate(pairs) if k != place]
        operands = [(output, adjoint), *others]
        known = [axis for axis in letters[place] if any(axis in axes for axes, _ in operands)]
        rows = self._adds_rows(item, place, operands)
        terms = _term_count({axis for axes, _ in operands for axis in axes} - set(known), operands) * rows
        operands = [(axes, round_randomly(self.m, v, terms)) for axes, v in operands]
        lead, left = ("yz", "y") if rows > 1 else ("...", "...")
        pattern = ",".join(f"{lead}{axes}" for axes, _ in operands) + f"->{left}{''.join(known)}"
        values, contracted = (v for _, v in operands), partial(np.einsum, pattern)
        if isinstance(self.m, High):
            part = self.m.multilinear(contracted, *values)
        else:
            part = np.asarray(contracted(*values))
        part = part[:, None] if rows > 1 else part
        alone = tuple(2 + k for k, axis in enumerate(letters[place]) if axis not in known)
        full = self.program.items[item.arguments[place]].shape  # what only this side sums over
        return np.broadcast_to(np.expand_dims(part, alone), part.shape[:2] + full)

    def _adds_rows(self, item: Item, place: int, operands: Sequence[tuple[str, Array]]) -> int:
        """How many rows a product may sum over at once, because its argument has one value for all of
        them: products of single rows are never stored."""
        shared = not (self.program.items[item.arguments[place]].per_row or self.of.per_row)
        counts = {v.shape[1] for _, v in operands}
        return max(counts) if shared and len(counts) == 1 else 1

    def _scatter(self, adjoint: Array, shape: Shape, key: tuple[Any, ...]) -> Array:
        full = np.zeros(adjoint.shape[:2] + shape, dtype=adjoint.dtype)
        full[(..., *key)] = adjoint
        return full


def _term_count(axes: set[str], operands: Sequence[tuple[str, Array]]) -> int:
    """How many terms a contraction over these axes has."""
    sizes = {axis: v.shape[2 + k] for letters, v in operands for k, axis in enumerate(letters)}
    return math.prod(sizes[axis] for axis in axes)


def _scatter_signed(adjoint: Array, places: Array, signs: Array, shape: Shape) -> Array:
    """What a vector gets back for entries that were taken from it, some more than once."""
    full = np.zeros((*adjoint.shape[:2], *shape), dtype=adjoint.dtype)
    flat = adjoint.reshape((*adjoint.shape[:2], -1)) * signs
    along = np.moveaxis(full, -1, 0)
    np.add.at(along, places, np.moveaxis(flat, -1, 0))
    return full


def _recompute_out_of_range(partial: Formula, slots: Sequence[Array], values: Array, at: Pass) -> Array:
    """Entries that left the range of float64 though their slots did not, once more at 50 digits."""
    if np.isfinite(values).all() and (np.abs(values) >= SMALLEST_NORMAL).all():
        return values
    values, *given = np.broadcast_arrays(values, *slots)
    doubtful = ~np.isfinite(values) | (np.abs(values) < SMALLEST_NORMAL)
    for slot in given:
        doubtful &= np.isfinite(slot) & (slot != 0)
    if not 0 < doubtful.sum() <= at.limits.most_rescued:
        return values
    high = High(private_context(at.numerics.digits), at.numerics)
    found = np.array(values)
    try:
        again = partial(high, [high.array(slot[doubtful].reshape(1, 1, -1)) for slot in given])
    except (ZeroDivisionError, ValueError, OverflowError):
        return values
    found[doubtful] = again.reshape(-1).astype(np.float64)
    return found


def _times(m: Namespace, partial: Array, adjoint: Array) -> Array:
    """The product, where a zero adjoint stays zero whatever the partial is."""
    product = partial * adjoint
    if product.dtype != object and np.isfinite(product).all():
        return np.asarray(product)
    return np.asarray(np.where(np.equal(adjoint, 0), 0 * adjoint, product))


def _transpose(x: Array, rank: int) -> Array:
    return x if rank == 0 else x.swapaxes(-1, -2)


def _sum_to_shape(adjoint: Array, shape: Shape, to: Shape) -> Array:
    old = (1,) * (len(to) - len(shape)) + shape
    axes = tuple(k - len(to) for k, (n, o) in enumerate(zip(to, old, strict=True)) if n != o)
    summed = np.asarray(adjoint.sum(axis=axes, keepdims=True)) if axes else adjoint
    return summed.reshape(adjoint.shape[:2] + shape)
