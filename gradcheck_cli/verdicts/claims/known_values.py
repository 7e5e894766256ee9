"""Reads a model, its points and the referee. Gives what is true at the points, each computed once.

In high precision where the budget and the memory cover it, else in float64. Knows nothing of claims.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gradcheck_cli.model.graph import Derivative
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.model.primitives.special_functions import FAMILY
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.numerics.machine import DOUBLE_BYTES
from gradcheck_cli.numerics.multiprecision import High
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.verdicts.claims.true_values import At, TrueValues, by_step

__all__ = ["CLAIMS", "KnownValues", "Precision"]

CLAIMS = ClaimsLimits()


@dataclass(frozen=True)
class Precision:
    """The arithmetic that true values are computed in, chosen before they are."""

    namespace: Any

    @property
    def exact(self) -> bool:
        """Whether it is high precision."""
        return isinstance(self.namespace, High)

    @property
    def digits(self) -> int:
        """Decimal digits; 0 of float64."""
        return int(self.namespace.context.dps) if self.exact else 0


DOUBLE = Precision(FLOAT64)


@dataclass
class KnownValues:
    """The true values at the points, in a precision that is chosen before they are computed."""

    model: Model
    referee: Referee
    points: list[At]
    layout: str
    on_border: bool
    limits: ClaimsLimits = CLAIMS
    only_float64: bool = False  # whatever high precision could do
    of_values: bool = False  # the claims are of values, which have no slopes
    judged_by_rows: bool = False  # some claim was: in float64 over all, at high precision over the first
    transposable: dict[tuple[str, str], bool] = field(default_factory=dict)  # see symmetric.py
    _computed_at: dict[tuple[PointValues, int], TrueValues] = field(default_factory=dict)

    @cached_property
    def most_zeros(self) -> int:
        """Of how many decimal digits all values together may be: fewer where special functions are computed,
        whose time grows with their cube."""
        special = any(n.operation in FAMILY or n.operation in ("erf", "gelu") for n in self.model.graph.nodes)
        return self.limits.most_zeros_of_special if special else self.limits.most_zeros

    def true_values(
        self, at: At, wanted: Iterable[Derivative] = (), m: High | None = None
    ) -> TrueValues:
        """What is true at a point, in the precision for which the budget covers the derivatives that are
        wanted: that of `m`, or 50 digits, else float64. Their work is counted before any of it is done."""
        precision = self.precision(m)
        if precision.exact and not self._covers(at, wanted, precision):
            precision = DOUBLE
        key = (at.values, precision.digits)
        if key not in self._computed_at:
            self._computed_at[key] = self._compute(at, precision)
        return self._computed_at[key]

    @property
    def memory(self) -> int:
        """Bytes that may be held at a time beyond the data."""
        return self.referee.numerics.memory << 20

    def entries_of(self, target: Derivative) -> int:
        """Of the whole derivative, or value, over all rows."""
        if target.is_value:
            node = self.model.node(target.of)
            return node.size * ((self.model.rows or 1) if node.per_row else 1)
        of, by = self.model.node(target.of), self.model.node(target.by)
        return of.size * by.size * ((self.model.rows or 1) if of.per_row or by.per_row else 1)

    def bytes_of(self, target: Derivative) -> int:
        """What the adjoints of a derivative take in float64: of each node on the way, one for each entry of
        what is differentiated; over rows they are taken block by block."""
        if target.is_value or self.model.node(target.of).per_row or self.model.node(target.of).size == 1:
            return 0
        widest = max(node.size for node in self.model.graph.nodes)
        return self.model.node(target.of).size * widest * DOUBLE_BYTES * self.referee.evaluation.copies

    def _fits_exactly(self, wanted: Iterable[Derivative]) -> bool:
        """Whether derivatives at high precision fit into memory, and their comparison into the time of a
        run."""
        entries = sum(self.entries_of(target) for target in wanted)
        held = entries * self.referee.numerics.bytes_at_high_precision
        return held <= self.memory and entries <= self.limits.most_exact_entries

    def _covers(self, at: At, wanted: Iterable[Derivative], precision: Precision) -> bool:
        wanted = list(wanted)
        if not self._fits_exactly(d for d in wanted if self.model.node(d.of).size > 1):
            return False
        truth = self._computed_at.get((at.values, precision.digits))
        new = wanted if truth is None else [d for d in wanted if d.whole not in truth.known]
        m = precision.namespace
        return self.referee.covers(at.values, by_step(new), m, values=truth is None)

    def _compute(self, at: At, precision: Precision) -> TrueValues:
        m = precision.namespace
        tape = self.referee.tape(at.values, m) if precision.exact else self.referee.forward(at.values, m)
        return TrueValues(self.model, self.referee, at, m, self.layout, precision.exact, tape, self.limits)

    def precision(self, m: High | None = None) -> Precision:
        """The precision of what is computed next: high, or float64 where the model is too large for that or
        the budget is spent."""
        if not self.referee.affords() or self.referee.budget.spent or self.only_float64:
            return DOUBLE
        return Precision(m or self.referee.high)

    @property
    def lacks_precision(self) -> bool:
        """Whether a model that is one for high precision has to do without, as when the budget is spent."""
        return self.referee.affords() and (self.referee.budget.spent or self.only_float64)

    def require_precision(self) -> None:
        """Raise BudgetSpent where such a model has to do without: what float64 says would decide nothing."""
        if self.lacks_precision:
            raise BudgetSpent(self.referee.budget.reason)
