"""Reads a point and the referee. Gives what high precision says of its derivatives, when it is asked.

Whatever is asked is paid for from one budget and may raise BudgetSpent. Nothing is asked twice: answers are
kept by name and by precision. Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.numerics.multiprecision import High
from gradcheck_cli.reference.problem_condition import derivative_movement
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.verdicts.gradients.fault_localization import (
    locate_wrong_vjp,
    name_kink,
    undeclared_border,
    wrong_partial,
)
from gradcheck_cli.verdicts.gradients.points import Point, single
from gradcheck_cli.verdicts.kink_policy import Slopes

__all__ = ["BothWays", "NameReference", "PointReference", "SlopeBudget"]

_OUTSIDE = (ZeroDivisionError, ValueError, OverflowError)  # of a domain, at high precision


@dataclass
class SlopeBudget:
    """How many more entries far from any kink may have their exact slopes computed: one budget for all names
    and points. Of two thousand names, each is no block to be generous with."""

    most: int
    taken: int = 0

    @property
    def left(self) -> int:
        """How many more."""
        return max(0, self.most - self.taken)

    def take(self) -> bool:
        """Whether there is one left; it is then taken."""
        self.taken += 1
        return self.taken <= self.most


@dataclass(frozen=True)
class BothWays:
    """The reference's derivatives of all names, flat, nan where they are not known, and which of them its
    second way confirms."""

    value: Mapping[str, Array]
    confirmed: Mapping[str, Array]


@dataclass
class PointReference:
    """What high precision says at one point."""

    model: Model
    referee: Referee
    names: Sequence[str]
    of: str
    point: Point
    slope_budget: SlopeBudget
    work: int  # multiplications of one forward pass
    limits: GradientsLimits = DEFAULTS
    _named: dict[str, NameReference] = field(default_factory=dict)

    def __getitem__(self, name: str) -> NameReference:
        if name not in self._named:
            self._named[name] = NameReference(self, name)
        return self._named[name]

    @cached_property
    def both_ways(self) -> BothWays:
        """The derivatives of all names; the second way is asked for all of them together."""
        nodes, of = {name: self.model.node(name) for name in self.names}, self.model.node(self.of)
        rows = {name: (self.model.rows or 0) if n.per_row or of.per_row else 1 for name, n in nodes.items()}
        value = {name: np.full(rows[name] * of.size * n.size, np.nan) for name, n in nodes.items()}
        confirmed = {name: np.zeros(part.size, dtype=bool) for name, part in value.items()}
        inputs = [name for name, n in nodes.items() if n.is_leaf and not n.per_row]
        if of.shape or of.per_row or not self.referee.affords(self.limits.both_ways_passes):
            return BothWays(value, confirmed)
        with suppress(*_OUTSIDE, TypeError):
            found = self.referee.derivative(self.point.values, self.of, inputs)
            value |= {name: _flat(found[name]) for name in found}
            agreed = self.referee.confirm(self.point.values, self.of, found)
            confirmed |= {name: np.array(mask).reshape(-1) for name, mask in agreed.items()}
        return BothWays(value, confirmed)

    @cached_property
    def movement(self) -> Mapping[str, Array]:
        """How far the exact derivatives move with the point's last digits, flat."""
        found = derivative_movement(
            self.referee, self.point.values, self.of, self.names, self.limits.problem_samples
        )
        return {name: part.reshape(-1) for name, part in found.items()}

    @cached_property
    def kinks_within_rounding(self) -> list[str]:
        """The functions with a kink so near that rounding may take float64 to its other side."""
        return self._kinks(self.referee.nodes_across_kinks(self.point.values))

    @cached_property
    def on_other_sides(self) -> list[str]:
        """The functions on another side of whose kink or jump float64 stands than the decimals do."""
        return self._kinks(self.referee.nodes_on_other_sides(self.point.values))

    def _kinks(self, nodes: Sequence[Node]) -> list[str]:
        """Functions as they are written, each once."""
        return list(dict.fromkeys(name_kink(self.model, node) for node in nodes))

    @cached_property
    def wrong_vjp(self) -> str:
        """Whose vjp is at fault; "" where none is found."""
        return locate_wrong_vjp(self.model, self.point, self.of, self.referee, self.limits)

    def can_be_surest(self) -> bool:
        """Whether 800 digits are a small part of the budget."""
        return self.referee.affords(self.referee.surest.context.dps // self.referee.high.context.dps)


@dataclass
class NameReference:
    """What high precision says of the derivatives by one name; arrays are flat, as columns are."""

    at: PointReference
    name: str
    followed: int = 0  # entries whose slopes were computed
    _symbolic: dict[int, Array | None] = field(default_factory=dict)
    _backprop: dict[int, Array | None] = field(default_factory=dict)
    _exact: dict[High, Array | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model, self.referee, self.of = self.at.model, self.at.referee, self.at.of
        self.values = self.at.point.values

    @cached_property
    def exact(self) -> Array | None:
        """The derivatives at 50 digits, flat, in their own numbers; None beyond the budget or a domain."""
        return self._derivative(self.referee.high)

    @cached_property
    def value(self) -> Array | None:
        """The same, rounded to float64."""
        return None if self.exact is None else floats(self.exact)

    @cached_property
    def surest(self) -> Array | None:
        """The same with so many digits that 1 + x keeps x: before anybody is blamed."""
        found = self.exact_in(self.referee.surest)
        return None if found is None else floats(found)

    def exact_in(self, m: High) -> Array | None:
        """The derivatives in their own numbers, flat; None beyond the budget or a domain.

        Parameters
        ----------
        m : the namespace, of more digits than 50

        Returns
        -------
        (entries,) dtype object, or None
        """
        if m not in self._exact:
            self._exact[m] = self._derivative(m)
        return self._exact[m]

    def _derivative(self, m: Any) -> Array | None:
        if not self.referee.affords():
            return None
        try:
            return np.ravel(self.referee.derivative(self.values, self.of, [self.name], m)[self.name])
        except _OUTSIDE:
            return None

    @cached_property
    def has_value(self) -> bool:
        """Whether what is differentiated has a value at high precision: a^erfc(170) has none where a is
        negative, and is 1 in float64."""
        found = self.referee.tape(self.values, self.referee.higher).of_node(self.model.node(self.of))
        return not np.isnan(floats(found)).any()

    def is_confirmed(self, entry: int) -> bool:
        """Whether the second way gives the same."""
        return bool(self.at.both_ways.confirmed[self.name][entry])

    @cached_property
    def rounding_is_linear(self) -> Array:
        """Whether smaller perturbations give the same rounding bounds, flat."""
        return np.ravel(self.referee.rounding_is_linear(self.values, self.of, self.name))

    def movement(self, entry: int) -> float:
        """How far the exact derivative moves as all values move by one unit in their last place."""
        return float(self.at.movement[self.name][entry])

    def may_follow(self) -> bool:
        """Whether one more entry near a kink may have its slopes computed."""
        limits = self.at.limits
        work = limits.slope_passes * (self.followed + 1) * self.at.work
        return self.followed < limits.most_slopes and work <= limits.most_slope_work

    def slopes(self, entry: int, m: Any = None, exponent: int | None = None) -> Slopes | None:
        """The second way, which knows no derivatives: differences at 140 digits, to both sides."""
        try:
            found = self.referee.sides(self.values, self.of, self.name, *self.place(entry), m, exponent)
        except (*_OUTSIDE, TypeError):
            return None
        left, right = single(floats(found.left)), single(floats(found.right))
        return Slopes(left, right, found.border, bool(np.any(found.jumps)), self.at.limits)

    def slopes_beside(self, entry: int) -> tuple[float, float] | None:
        """The slopes on both sides of whatever lies within rounding of the point."""
        try:
            pair = self.referee.slopes_beyond_rounding(self.values, self.of, self.name, *self.place(entry))
        except (*_OUTSIDE, TypeError):
            return None
        left, right = (single(floats(part)) for part in pair)
        return left, right

    def undeclared_border(self, entry: int) -> str:
        """The first function on the way whose own slopes differ."""
        where = self.place(entry)
        return undeclared_border(self.model, self.at.point, self.of, self.name, *where, self.referee)

    def wrong_partial(self, entry: int) -> str:
        """The first function on the way by whose partials the derivative is not what differences give."""
        where = self.place(entry)
        return wrong_partial(self.model, self.at.point, self.of, self.name, *where, self.referee)

    def symbolic(self, m: Any) -> Array | None:
        """What symbolic's rules give in a namespace of high precision.

        Parameters
        ----------
        m : the namespace

        Returns
        -------
        (entries,) float64, rounded; None beyond the budget or outside domains
        """
        digits = m.context.dps
        if digits not in self._symbolic:
            self._symbolic[digits] = self._symbolic_in(m)
        return self._symbolic[digits]

    def symbolic_overflows(self, entry: int) -> bool:
        """Whether symbolic's form is no number however many digits were carried."""
        return all(form is not None and np.isnan(form[entry]) for form in self._symbolic.values())

    def backprop(self, m: Any) -> Array | None:
        """What backprop's rules give in a namespace of high precision.

        Parameters
        ----------
        m : the namespace

        Returns
        -------
        (entries,) float64, rounded; None beyond the budget, outside domains and of one value per row
        """
        digits = m.context.dps
        if digits not in self._backprop:
            self._backprop[digits] = self._backprop_in(m)
        return self._backprop[digits]

    def _backprop_in(self, m: Any) -> Array | None:
        if self.model.node(self.of).per_row:
            return None
        tape = self.referee.tape(self.values, m)
        self.referee.pay(m)
        try:
            return _flat(backprop.derivative(self.model, tape, self.of, [self.name])[self.name])
        except (*_OUTSIDE, TypeError):
            return None

    def _symbolic_in(self, m: Any) -> Array | None:
        self.referee.pay(m, 1 + self.model.node(self.name).size)
        program, meter = self.referee.program, self.referee.meter
        try:
            found = symbolic.derivative(program, self.values, self.of, [self.name], m, meter=meter)
            return _flat(found[self.name])
        except _OUTSIDE:
            return None

    def place(self, entry: int) -> tuple[tuple[int, ...], int | None]:
        """The index of an entry, and its row where the name has one value per row."""
        node = self.model.node(self.name)
        size = max(1, node.size)
        index = tuple(int(k) for k in np.unravel_index(entry % size, node.shape or (1,)))
        return index if node.shape else (), entry // size if node.per_row else None


def _flat(part: Any) -> Array:
    return np.array(floats(part)).reshape(-1)
