"""Reads entries that float64 does not settle, and the referee. Gives their verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.verdicts.gradients.collect import SLOPES, Hearing
from gradcheck_cli.verdicts.gradients.fault_localization import (
    Slopes,
    placed,
    undeclared_border,
    unequal,
    wrong_vjp,
)
from gradcheck_cli.verdicts.gradients.plan import Way
from gradcheck_cli.verdicts.gradients.points import CLOSE, single
from gradcheck_cli.verdicts.gradients.ruling import (
    Ruling,
    carried_digits,
    near_a_kink,
    on_digits,
    proved_digits,
    within,
)

__all__ = ["FLAT", "Dispute"]

_MOST_REFEREED = 40  # entries of a block whose one-sided slopes are computed at high precision

_STAIRCASE = 32.0  # times its bound that a float64 difference may miss where exact differences agree
FLAT = 1e-6  # of the loss: less than that, moving an entry by all of its size, is no change

_DIFFERENCES = ["finite differences"]

_UNDERFLOWS = 1e-250  # a loss or slope in whose computation numbers may fall out of float64

_MOST_PRECISE = 1 << 23  # multiplications at high precision, for slopes: half a minute


@dataclass
class Dispute:
    """Entries that double precision alone does not settle."""

    hearing: Hearing
    r: Ruling
    _precise: dict[Any, Array | None] = field(default_factory=dict)
    _followed: int = 0  # entries whose slopes were computed

    def __post_init__(self) -> None:
        self.t, self.name, self.of = self.r.t, self.r.t.name, self.hearing.of
        self.model, self.program = self.hearing.model, self.hearing.program
        self.referee, self.wanted = self.hearing.referee, self.hearing.digits

    def settle(self, disputed: Array) -> None:
        """Give each its verdict, in order; when the budget is spent, what is known without it counts."""
        bound = self.hearing.rounding(self.t)
        for entry in map(int, disputed):
            proven = self.r.digits[entry]
            try:
                verdict = self._heard(entry, bound[entry])
            except BudgetSpent as spent:
                self.r.digits[entry] = proven
                verdict = self._unheard(entry, bound[entry], str(spent))
            if verdict is not Verdict.OK:
                self.r.verdicts[entry] = verdict

    def _heard(self, entry: int, bound: float) -> Verdict:
        """By the referee, in two ways where it is not sure of the first. Raises BudgetSpent."""
        truth, sides = self._first_way, None
        near = self._near[entry] or truth is None or not np.isfinite(truth[entry])
        work = SLOPES * (self._followed + 1) * self.hearing.work
        near = near and self._followed < _MOST_REFEREED and work <= _MOST_PRECISE
        if near or (not self._is_confirmed(entry) and self.hearing.affords_slopes()):
            sides = self._sides(entry)
            self._followed += 1
        return self._verdict(entry, truth[entry] if truth is not None else np.nan, bound, sides)

    @property
    def _near(self) -> Array:
        return near_a_kink(self.t)

    def _unheard(self, entry: int, bound: float, why: str) -> Verdict:
        """Without high precision only backprop is blamed, and only where the other two are agreed: SymPy's
        forms and differences may lose digits in float64 and be right all the same."""
        t, r = self.t, self.r
        s, b, f = t.symbolic[entry], t.backprop[entry], t.finite[entry]
        room = bound + CLOSE * max(abs(s), abs(b))
        r.notes.pop(entry, None)
        if not self._near[entry]:
            if not self.referee.affords():
                return self._without_referee(entry, bound)
            if t.unseen[entry] and r.digits[entry] >= self.wanted:
                return Verdict.OK  # backprop and differences agree
            agreed = abs(f - s) <= t.bound[entry] <= 10.0**-self.wanted * abs(s)
            if agreed and not t.unseen[entry] and min(abs(s - b), abs(f - b) - t.bound[entry]) > room:
                r.digits[entry] = np.nan
                r.notes[entry] = self._two_to_one(entry, room)
                return Verdict.WRONG
        r.notes[entry] = why
        return Verdict.UNRESOLVED

    @cached_property
    def _first_way(self) -> Array | None:
        return self._truth()

    def _is_confirmed(self, entry: int) -> bool:
        return bool(self.hearing.truth(self.t.point).confirmed[self.name][entry])

    def _truth(self, m: Any = None) -> Array | None:
        """The referee's derivative rounded to float64; None beyond its budget or outside domains."""
        if not self.referee.affords():
            return None
        point = self.t.point.values
        try:
            found = self.referee.derivative(point, self.of, [self.name], m)[self.name]
        except (ZeroDivisionError, ValueError, OverflowError):
            return None
        return floats(found).reshape(-1)

    def _sides(self, entry: int, m: Any = None) -> Slopes | None:
        """The referee's second way, which knows no derivatives: differences at 140 digits."""
        try:
            found = self.referee.sides(self.t.point.values, self.of, self.name, *self._place(entry), m)
        except (ZeroDivisionError, ValueError, OverflowError, TypeError):
            return None
        return Slopes(single(floats(found.left)), single(floats(found.right)), found.border)

    def _place(self, entry: int) -> tuple[tuple[int, ...], int | None]:
        """The index of an entry, and its row where the name has one value per row."""
        node = self.model.node(self.name)
        size = max(1, node.size)
        index = tuple(int(k) for k in np.unravel_index(entry % size, node.shape or (1,)))
        return index if node.shape else (), entry // size if node.per_row else None

    def _verdict(self, entry: int, truth: float, bound: float, sides: Slopes | None) -> Verdict:
        if sides is not None and not sides.confirm(truth):
            if sides.border:
                return self._kink(entry, sides.left, sides.right)
            surest = self._surest[entry] if self._surest is not None else truth
            sides = self._sides(entry, self.referee.surest)
            if sides is None or not sides.confirm(surest):
                return self._undeclared(entry, truth, sides)
            truth = surest
        if sides is not None and not np.isfinite(truth):
            truth = sides.left
        if not np.isfinite(truth):
            return self._without_referee(entry, bound)
        return self._with_referee(entry, truth, bound)

    def _kink(self, entry: int, left: float, right: float) -> Verdict:
        self.t.left[entry], self.t.right[entry] = left, right
        self.r.digits[entry] = np.nan
        if np.isnan([left, right]).any():
            note = "the border of a domain: there is no slope on one side"
        elif np.isinf([left, right]).any():
            note = "no derivative here: the value jumps, or the slope is infinite"
        elif unequal(left, right):
            note = "no derivative here: left and right slopes differ; backprop's value is a convention"
        else:
            self.r.notes[entry] = (
                f"kinks that cancel: the derivative is {left:.6g}, what symbolic and backprop say here "
                "is a convention"
            )
            return Verdict.OK
        self.r.notes[entry] = note
        return Verdict.KINK

    def _undeclared(self, entry: int, truth: float, sides: Slopes | None) -> Verdict:
        """The referee's two ways differ, and no function on the way says that they may."""
        self.r.digits[entry] = np.nan
        seen = "cannot be had" if sides is None else f"are {sides.left:.10g} and {sides.right:.10g}"
        place = ""
        with suppress(BudgetSpent):
            place = undeclared_border(
                self.model, self.t.point, self.of, self.name, *self._place(entry), self.referee.budget
            )
        self.r.notes[entry] = (
            f"left and right slopes {seen}, SymPy's partials give {truth:.10g}: a kink or border "
            f"that {place or 'no function'} does not declare. A defect of gradcheck, not yours"
        )
        return Verdict.WRONG

    def _with_referee(self, entry: int, truth: float, bound: float) -> Verdict:
        t = self.t
        known = bool(np.isfinite(bound))
        if not known:  # SymPy's form overflows in float64, which says nothing of backprop's
            bound = max(CLOSE * abs(truth), t.bound[entry] if np.isfinite(t.bound[entry]) else 0.0)
        off = self._off(entry, truth, bound, self.referee.high)
        if off == _DIFFERENCES and self._staircase(entry, truth):
            off = []
        if off and self._surest is not None and np.isfinite(self._surest[entry]):
            truth = float(self._surest[entry])
            off = self._off(entry, truth, bound, self.referee.surest)
        if "symbolic" in off and self._overflows(entry):
            off.remove("symbolic")
            self.r.notes[entry] = (
                "SymPy's form overflows here at any precision; high precision differences agree"
            )
        if "backprop" in off and self._exact_backprop(entry, truth):
            off.remove("backprop")
            self.r.notes[entry] = "backprop loses digits in float64 here; its rules agree at 50 digits"
        if off == _DIFFERENCES and self._staircase(entry, truth):
            off = []
        if off and not known:
            self.r.notes[entry] = f"float64 overflows on the way; high precision gives {truth:.10g}"
            return Verdict.UNRESOLVED
        if off:
            astride = self._astride(entry, off)
            return self._alone(entry, off, truth) if astride is None else astride
        if truth != 0 and t.symbolic[entry] == 0 and self._exact_symbolic(entry, truth, self.referee.high):
            t.symbolic[entry] = truth  # terms that cancel in float64: not an entry that nothing reaches
        if truth == t.symbolic[entry] == t.backprop[entry] == 0:
            return Verdict.OK  # exactly zero: there are no digits to count
        if truth == 0:
            self.r.notes[entry] = "exactly 0 by high precision"
            return Verdict.OK
        one = np.array([entry])
        carried, self.r.digits[one] = carried_digits(t, one, np.array([truth]), np.array([bound]))
        (note,) = on_digits(carried, self.wanted, t.unseen[one])
        if note:
            self.r.notes.setdefault(entry, note)
        return Verdict.OK

    def _staircase(self, entry: int, truth: float) -> bool:
        """Whether rounding inside the loss, a staircase, is what the differences saw, or a loss that an
        entry as a whole hardly changes: at steps at which it does the loss may be another. It is noted."""
        gap = abs(self.t.finite[entry] - truth)
        size = np.max(np.abs(self.t.point.tape.value(self.of)), initial=0.0)
        x = abs(float(np.ravel(self.t.point.tape.value(self.name))[entry])) or 1.0
        near = gap <= _STAIRCASE * self.t.bound[entry] or abs(truth) * x <= FLAT * size
        if not near and min(abs(truth), size) > _UNDERFLOWS:
            return False
        if not self._is_confirmed(entry):
            sides = self._sides(entry)
            if sides is None or not np.isfinite(truth) or not sides.confirm(truth):
                return False
        self.r.notes[entry] = "float64 differences see only rounding here; exact differences agree"
        return True

    def _off(self, entry: int, truth: float, bound: float, m: Any) -> list[str]:
        """The witnesses that are not where the truth is; symbolic is heard at high precision too."""
        where = [bool(right) for right in within(self.t, entry, np.asarray(truth), np.asarray(bound))]
        if not where[0] and self._exact_symbolic(entry, truth, m):
            self.t.symbolic[entry], where[0] = truth, True
        witnesses = ("symbolic", "backprop", *_DIFFERENCES)
        return [label for label, right in zip(witnesses, where, strict=True) if not right]

    @cached_property
    def _surest(self) -> Array | None:
        """The truth once more, with so many digits that 1 + x keeps x: before anybody is blamed."""
        return self._truth(self.referee.surest)

    def _exact_symbolic(self, entry: int, truth: float, m: Any) -> bool:
        """Whether the symbolic witness itself, evaluated in m, gives the truth."""
        if m not in self._precise:
            self._precise[m] = self._symbolic_in(m)
        precise = self._precise[m]
        value = precise[entry] if precise is not None else np.nan
        return bool(abs(value - truth) <= 2.0**-50 * abs(truth))

    def _overflows(self, entry: int) -> bool:
        """Whether SymPy's form is no number here however many digits are carried."""
        forms = [self.t.symbolic, *self._precise.values()]
        return all(form is not None and np.isnan(form[entry]) for form in forms)

    def _exact_backprop(self, entry: int, truth: float) -> bool:
        """Whether backprop's own rules give the truth where float64 cannot: a product that underflows."""
        return self._backprop_high is not None and bool(
            abs(self._backprop_high[entry] - truth) <= 2.0**-50 * abs(truth)
        )

    @cached_property
    def _backprop_high(self) -> Array | None:
        if self.model.node(self.of).per_row:
            return None
        tape = self.referee.tape(self.t.point.values, self.referee.high)
        self.referee.pay(self.referee.high)
        try:
            found = backprop.derivative(self.model, tape, self.of, [self.name])[self.name]
        except (ZeroDivisionError, ValueError, OverflowError, TypeError):
            return None
        return floats(found).reshape(-1)

    def _symbolic_in(self, m: Any) -> Array | None:
        self.referee.pay(m, 1 + self.model.node(self.name).size)
        try:
            precise = symbolic.derivative(self.program, self.t.point.values, self.of, [self.name], m)[
                self.name
            ]
        except (ZeroDivisionError, ValueError, OverflowError):
            return None
        return floats(precise).reshape(-1)

    def _astride(self, entry: int, off: Sequence[str]) -> Verdict | None:
        """A kink within rounding: where float64 stands on it, or on its other side, no witness is blamed
        for a slope between those of both sides."""
        if not self._edges:
            return None
        try:
            pair = self.referee.beside(self.t.point.values, self.of, self.name, *self._place(entry))
        except (ZeroDivisionError, ValueError, OverflowError, TypeError):
            return None
        left, right = (single(floats(part)) for part in pair)
        low, high = sorted((left, right))
        room = 1e-9 * max(abs(low), abs(high)) + self.t.bound[entry]
        t = self.t
        heard = {"symbolic": t.symbolic, "backprop": t.backprop, "finite differences": t.finite}
        if not all(low - room <= heard[label][entry] <= high + room for label in off):
            return None
        self.t.left[entry], self.t.right[entry] = left, right
        self.r.digits[entry] = np.nan
        self.r.notes[entry] = (
            f"within rounding of a kink, of {', '.join(self._edges)}: float64 cannot tell its sides"
        )
        return Verdict.KINK

    @cached_property
    def _edges(self) -> list[str]:
        return [placed(self.model, node) for node in self.referee.astride(self.t.point.values)]

    def _alone(self, entry: int, off: Sequence[str], truth: float) -> Verdict:
        who = " and ".join(off)
        verb = "stands" if len(off) == 1 and off != _DIFFERENCES else "stand"
        self.r.digits[entry] = np.nan
        blamed = f" The fault lies in {self._culprit}." if off == ["backprop"] and self._culprit else ""
        self.r.notes[entry] = (
            f"{who} {verb} alone: high precision gives {truth:.10g}.{blamed} A defect of gradcheck, not yours"
        )
        return Verdict.WRONG

    @cached_property
    def _culprit(self) -> str:
        return wrong_vjp(self.model, self.t.point, self.of, self.referee.budget)

    def _without_referee(self, entry: int, bound: float) -> Verdict:
        """The referee cannot speak: the witnesses are held to the bounds alone."""
        t = self.t
        s, b, f = t.symbolic[entry], t.backprop[entry], t.finite[entry]
        if not np.isfinite([s, b]).all():
            self.r.notes[entry] = "not finite here, and beyond what high precision can settle"
            return Verdict.UNRESOLVED
        size = max(abs(s), abs(b))
        room = bound + CLOSE * size
        if abs(s - b) > room:
            self.r.notes[entry] = self._two_to_one(entry, room)
            return Verdict.WRONG
        if np.isfinite(f) and abs(f - b) > t.bound[entry] + bound + CLOSE * size:
            self.r.notes[entry] = "finite differences stand alone: a defect of gradcheck, not yours"
            return Verdict.WRONG
        self.r.digits[entry] = float(proved_digits(np.array(t.bound[entry]), np.array(size)))
        if t.way is not Way.EACH or self.hearing.is_crowded:  # one of some that stand for others
            self.r.notes[entry] = "float64 differences see little here; symbolic and backprop agree"
            return Verdict.OK
        self.r.notes[entry] = "too few digits proved, and the model is beyond the high-precision budget"
        return Verdict.UNRESOLVED

    def _two_to_one(self, entry: int, room: float) -> str:
        """Whom the differences speak against, where symbolic and backprop differ."""
        s, b, f = (float(part[entry]) for part in (self.t.symbolic, self.t.backprop, self.t.finite))
        near = {"symbolic": abs(f - s), "backprop": abs(f - b)}
        off = [label for label, gap in near.items() if gap > self.t.bound[entry] + room]
        if len(off) != 1:
            return "symbolic and backprop differ: a defect of gradcheck, not yours"
        other, value = ("symbolic", s) if off == ["backprop"] else ("backprop", b)
        blamed = f" The fault lies in {self._culprit}." if off == ["backprop"] and self._culprit else ""
        return (
            f"{off[0]} stands alone: {other} and finite differences give {value:.10g}.{blamed} "
            "A defect of gradcheck, not yours"
        )
