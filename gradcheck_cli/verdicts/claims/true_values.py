"""Reads a model, a point and the referee. Gives true values and derivatives, each computed once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli.derivatives import backprop
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Derivative, Graph, Key
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.reference.referee import Referee

__all__ = ["At", "TrueValues", "are_many", "by_step", "derivatives_in", "entry_of"]


@dataclass(frozen=True)
class At:
    """A point, under the number that results show."""

    number: int
    values: PointValues


@dataclass
class TrueValues:
    """True values and derivatives at one point and precision, each computed once."""

    model: Model
    referee: Referee
    at: At
    m: Any
    layout: str
    exact: bool
    tape: Tape
    limits: ClaimsLimits
    known: dict[Derivative, Array] = field(default_factory=dict)
    _swept: dict[str, dict[str, Array]] = field(default_factory=dict)

    @property
    def digits(self) -> int:
        """Decimal digits of what is true; 0 of float64."""
        return int(self.m.context.dps) if self.exact else 0

    def leaf(self, key: Key) -> Array:
        """The value of a leaf of a claim's formula: a name or a derivative.

        Parameters
        ----------
        key : of the leaf

        Returns
        -------
        (1, rows or 1, *shape) in the numbers of `m`
        """
        if isinstance(key, Derivative):
            return self._lead(self.derivative(key), self.is_per_row(key))
        node = self.model.node(key)
        return self._lead(self.tape.of_node(node), node.per_row)

    def has_rows(self, key: Key) -> bool:
        """Whether a leaf of a formula has one value per row."""
        return self.is_per_row(key) if isinstance(key, Derivative) else self.model.node(key).per_row

    def tolerance(self, key: Key) -> Array:
        """What rounding may make of a leaf in float64.

        Parameters
        ----------
        key : of the leaf

        Returns
        -------
        (1, rows or 1, *shape) float64, in the unit of the leaf
        """
        if isinstance(key, Derivative):
            bound = self.referee.rounding(self.at.values, key.of, [key.by])[key.by]
            bound = self._in_layout(key.of, key.by, bound)
            entry = key.index is not None and bool(self.model.node(key.by).shape)
            return self._lead(entry_of(bound, key.index or ()) if entry else bound, self.is_per_row(key))
        node = self.model.node(key)
        found = self._value_tolerance.get(key, np.zeros(np.shape(self.tape.of_node(node))))
        return self._lead(found, node.per_row)

    @cached_property
    def _value_tolerance(self) -> dict[str, Array]:
        inputs = self.model.inputs if self.referee.jitters_values() else ()
        return self.referee.value_rounding(self.at.values, [*self.model.steps, *inputs])

    def is_per_row(self, target: Derivative) -> bool:
        """Whether a derivative, or a value, has one value per row."""
        if target.is_value:
            return self.model.node(target.of).per_row
        return self.model.node(target.of).per_row or self.model.node(target.by).per_row

    def derivative(self, target: Derivative) -> Array:
        """The true derivative in the layout of this file, or the true value.

        Parameters
        ----------
        target : which one; an entry where it has an index

        Returns
        -------
        array in the numbers of `m`, with the rows in front where it has one value per row
        """
        if target.is_value:
            return self._value(target, self.tape.of_node(self.model.node(target.of)))
        found = self.known.get(target.whole)
        if found is None:
            found = self._compute(target.of, target.by)
            self.known[target.whole] = found
        return self._entry(found, target)

    def _value(self, target: Derivative, found: Array) -> Array:
        """A value, or an entry of it."""
        return np.asarray(found) if target.index is None else entry_of(found, target.index)

    def as_claimed(self, target: Derivative, values: Array) -> Array:
        """Values of all entries of a derivative as a claim has them.

        Parameters
        ----------
        target : the derivative, with the index of an entry or without
        values : array of any type, (rows?, *of, *by)

        Returns
        -------
        claimed : the same numbers in the layout and shape of the claim
        """
        return self._entry(self._in_layout(target.of, target.by, values), target)

    def _entry(self, found: Array, target: Derivative) -> Array:
        has_one = target.index is not None and self.model.node(target.by).shape
        return entry_of(found, target.index or ()) if has_one else found

    def streams(self, claim: Claim, formula: Graph) -> bool:
        """Whether a claim and what it is made of have so many rows that they are taken block by block."""
        rows, leaves = self.model.rows or 0, [n for n in formula.nodes if n.is_leaf and n.per_row]
        claimed = self.model.node(claim.target.by or claim.target.of)
        widest = max((n.size for n in (*leaves, claimed)), default=1)
        return not self.exact and are_many(rows * widest, self.limits) and (
            bool(leaves) or self.is_per_row(claim.target)
        )  # fmt: skip

    def in_blocks(self, keys: Iterable[Key]) -> Iterator[dict[Key, Array]]:
        """Values of names and true derivatives that have one value per row.

        Parameters
        ----------
        keys : names and derivatives

        Yields
        ------
        dict of key to (1, rows, *shape) float64 arrays, for each block of the tape
        """
        wanted = list(keys)
        groups: dict[str, list[Derivative]] = {}
        for key in wanted:
            if isinstance(key, Derivative) and not key.is_value:
                groups.setdefault(key.of, []).append(key)
        sweep = backprop.derivative_in_blocks
        runs = [(some, sweep(self.model, self.tape, of, {d.by for d in some})) for of, some in groups.items()]
        for number in range(self.tape.block_count):
            values = self.tape.block(number)
            span = self.tape.rows_of(number)
            found: dict[Key, Array] = {}
            for key in wanted:
                if isinstance(key, str) or key.is_value:
                    node = self.model.node(key if isinstance(key, str) else key.of)
                    shape = (1, span.stop - span.start, *node.shape)
                    value = np.broadcast_to(values[node.index], shape)
                    found[key] = value if isinstance(key, str) else self._value(key, value)
            for some, run in runs:
                block = next(run)
                for d in some:
                    found[d] = self._entry(self._in_layout(d.of, d.by, block[d.by]), d)[None]
            yield found

    def leading_zeros(self, *arrays: Array) -> int:
        """The most zeros behind the decimal point of a number; 0 has none.

        Parameters
        ----------
        arrays : of any shapes, dtype object, numbers of `m`

        Returns
        -------
        zeros : int
        """
        logarithm = self.m.context.log10
        sizes = (abs(x) for values in arrays for x in np.ravel(values))
        return max((int(-logarithm(x)) for x in sizes if 0 < x < 1), default=0)

    def prepare(self, wanted: Iterable[Derivative]) -> None:
        """Compute all derivatives of one step together."""
        missing = (target for target in wanted if target.whole not in self.known and not target.is_value)
        for of, names in by_step(missing).items():
            for by, value in self._values(of, names).items():
                self.known[Derivative(of, by)] = self._in_layout(of, by, value)

    def _compute(self, of: str, by: str) -> Array:
        return self._in_layout(of, by, self._values(of, [by])[by])

    def _values(self, of: str, names: Sequence[str]) -> dict[str, Array]:
        if self.exact:
            return self.referee.derivative(self.at.values, of, names, self.m)
        if of not in self._swept:
            self._swept[of] = self._by_all_of_its_names(of)
        swept = self._swept[of]
        missing = [name for name in names if name not in swept]
        more = backprop.derivative(self.model, self.tape, of, missing) if missing else {}
        return {name: more[name] if name in more else swept[name] for name in names}

    def _by_all_of_its_names(self, of: str) -> dict[str, Array]:
        """A pass in reverse gives the derivatives by all names at once, kept if they are few numbers: whoever
        asks for one often asks for hundreds, one after the other."""
        model, target = self.model, self.model.node(of)
        needed, rows = model.graph.upstream([target.index]), model.rows or 1
        nodes = {name: model.node(name) for name in (*model.inputs, *model.steps)}
        nodes = {name: node for name, node in nodes.items() if needed[node.index]}
        numbers = sum(n.size * (rows if n.per_row or target.per_row else 1) for n in nodes.values())
        are_few = numbers * target.size <= self.limits.most_kept_derivatives
        return backprop.derivative(model, self.tape, of, nodes) if are_few else {}

    def _in_layout(self, of: str, by: str, value: Array) -> Array:
        jacobian = len(self.model.node(of).shape) == 1 and len(self.model.node(by).shape) == 1
        if jacobian and self.layout == "denominator":
            return value.swapaxes(-1, -2)
        return value

    def _lead(self, value: Array, per_row: bool) -> Array:
        return value[None] if per_row else np.asarray(value)[None, None]


def by_step(wanted: Iterable[Derivative]) -> dict[str, list[str]]:
    """Derivatives as names for each step, every name once."""
    groups: dict[str, list[str]] = {}
    for target in (t for t in wanted if not t.is_value):
        names = groups.setdefault(target.of, [])
        if target.by not in names:
            names.append(target.by)
    return groups


def derivatives_in(claim: Claim, formula: Graph) -> list[Derivative]:
    """The derivative that is claimed, and those that the formula is made of."""
    claimed = [] if claim.target.is_value else [claim.target]
    return [*claimed, *(n.key for n in formula.nodes if n.is_leaf and isinstance(n.key, Derivative))]


def are_many(numbers: int, limits: ClaimsLimits) -> bool:
    """Whether numbers are so many that they are taken in blocks, or not at all."""
    return numbers > limits.most_at_once


def entry_of(values: Array, index: tuple[int, ...]) -> Array:
    """One entry along the last axes.

    Parameters
    ----------
    values : (..., *shape) array
    index : of the entry; () for a number

    Returns
    -------
    (...) array of the same dtype
    """
    key: Any = (..., *index)
    return np.asarray(values[key])
