"""Reads what three witnesses say at several points. Gives verdicts, entry by entry, with reasons.

Where the witnesses agree within the
error bound of the differences, and enough digits are proved, the entry is ok. Everything else goes to
the referee: its value must lie within each witness's own rounding bound. No absolute tolerance, no norm
over entries. Knows nothing of claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli import backprop, symbolic
from gradcheck_cli.budget import BudgetSpent
from gradcheck_cli.culprit import Slopes, placed, undeclared_border, unequal, wrong_vjp
from gradcheck_cli.finite import Scheme
from gradcheck_cli.graph import Array, Model
from gradcheck_cli.hearing import SLOPES, Hearing, Testimonies, Testimony, Way
from gradcheck_cli.namespaces import FLOAT64, floats
from gradcheck_cli.patterns import picture, words
from gradcheck_cli.referee import MOST_DIGITS, Referee
from gradcheck_cli.results import Block, Entry, Verdict, worst
from gradcheck_cli.rowwise import rounding_of_loss
from gradcheck_cli.symbolic import Program
from gradcheck_cli.values import CLOSE, Point, single

__all__ = ["blocks"]

_MOST_LISTED = 10_000  # entries of a block that are reported one by one
_MOST_REFEREED = 40  # entries of a block whose one-sided slopes are computed at high precision
_ROUNDING_MARGIN = 16.0  # the bound holds for any program; this is what one of them is off by
_STAIRCASE = 32.0  # times its bound that a float64 difference may miss where exact differences agree
_FLAT = 1e-6  # of the loss: less than that, moving an entry by all of its size, is no change
_ULP = 2.0**-52  # relative; the truth itself is rounded to float64
_LEAST_SHOWN = 1e-75  # of the value: smaller slopes are not seen in its differences at 140 digits
_DIFFERENCES = ["finite differences"]
_MOST_EXAMINED = 16  # suspects of a large block that are looked at one by one
_UNDERFLOWS = 1e-250  # a loss or slope in whose computation numbers may fall out of float64
_SUBNORMAL = 1e-323  # what every rounding bound grants
SMALL_MISTAKE = 1e-3  # of an entry: how often one goes unseen in a large block is said
SMALL_BLOCK = 32  # entries; all are listed
_MOST_PRECISE = 1 << 23  # multiplications at high precision, for slopes: half a minute


# ---------------------------------------------------------------------------------------------
# The derivatives
# ---------------------------------------------------------------------------------------------


def blocks(
    model: Model,
    program: Program,
    referee: Referee,
    points: Sequence[Point],
    *,
    names: Sequence[str],
    scheme: Scheme,
    digits: float,
    of: str,
    all_entries: bool = False,
) -> list[Block]:
    """A Block for every name: all entries at the given point, and disagreements elsewhere.

    Of more than 10,000 entries only the disputed and some others are listed, unless `all_entries`.
    """
    listed = None if all_entries else _MOST_LISTED
    hearing = Hearing(model, program, referee, names, scheme, of, digits)
    rulings = []
    for point in points:
        noise = _noise(model, referee, point, of)
        rulings.append(_judge(hearing, hearing.at(point, noise), noise))
        if model.meter is not None:
            model.meter.part()
    return _blocks(model, names, rulings, listed)


def _noise(model: Model, referee: Referee, point: Point, of: str) -> Array:
    """How far rounding may take the value; over many rows measured block by block: what is granted where
    it is not measured hides digits, and in search of them differences take three times as long."""
    if referee.jitters_values() or model.rows is None or of != model.loss:
        return np.asarray(referee.value_rounding(point.values, [of])[of] / _ROUNDING_MARGIN)
    return np.asarray(rounding_of_loss(point.tape) / _ROUNDING_MARGIN)


@dataclass
class _Ruling:
    """What is made of a testimony: digits, verdicts other than ok and notes by entry; `wrong` entries as
    a mask, where more are than have a verdict of their own; what is said of all entries together."""

    t: Testimony
    digits: Array
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    wrong: Array | None = None
    together: Verdict = Verdict.OK
    note: str | None = None


@dataclass
class _Rulings:
    """What is made of all names at one point: digits of all entries, and a ruling for each name of which
    there is more to say."""

    heard: Testimonies
    digits: Array
    opened: dict[str, _Ruling] = field(default_factory=dict)

    def of(self, name: str) -> _Ruling:
        """The ruling on one name, to be read."""
        found = self.opened.get(name)
        return found or _Ruling(self.heard[name], self.digits[self.heard.places[name]])

    def open(self, name: str) -> _Ruling:
        """The ruling on one name, to be added to."""
        return self.opened.setdefault(name, self.of(name))


def _judge(hearing: Hearing, heard: Testimonies, noise: Array) -> _Rulings:
    """Settle every entry: the quick way where the differences prove enough, else by the referee."""
    t, sampled = heard.all, [part for part in heard.parts.values() if part.way is not Way.EACH]
    rulings, digits = _Rulings(heard, np.full(len(t.backprop), np.nan)), hearing.digits
    for part in sampled:
        suspects = _suspects(hearing, part)
        if suspects.any():
            rulings.open(part.name).wrong = suspects
            hearing.examine(part, np.flatnonzero(suspects & ~part.examined)[:_MOST_EXAMINED], noise)
    _widen(heard, hearing)
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(t.symbolic), np.abs(t.backprop))
        apart = np.abs(t.symbolic - t.backprop)
        gap = np.maximum(np.abs(t.finite - t.backprop), np.abs(t.finite - t.symbolic))
        close = np.maximum(CLOSE * size, _measured(hearing, t))
        proved = (apart <= close) & (gap <= t.bound + CLOSE * size)
        proven = np.where(proved & (size > 0), _digits(np.maximum(gap, t.bound), size), np.nan)
        settled = (proved & (proven >= digits)) | (_flat(heard, hearing.of) & ~_cancelled(t, hearing))
        settled &= ~t.kink
        if hearing.referee.affords():
            settled &= ~(t.unseen & t.examined)  # the referee is the third
        proven[t.is_zero()] = np.nan  # not tested
        proven[~t.examined & ~(proven >= digits)] = np.nan  # answered for by all entries together
        settled |= ~t.examined
        if hearing.is_crowded:  # some that stand for others: no reason to do all of it at high precision
            room = hearing.rounding(t) + CLOSE * size
            settled |= (apart <= room) & (gap <= t.bound + room) & ~t.kink
    rulings.digits[:] = proven
    settled |= _settled_at_once(hearing, rulings, ~settled)
    for name, disputed in heard.by_name(np.flatnonzero(~settled)):
        _Dispute(hearing, rulings.open(name)).settle(disputed)
    for part in sampled:
        shared = part.projections
        if part.by_node is not None or (shared is not None and (shared.differ or shared.stray)):
            _weigh_together(rulings.open(part.name), hearing, noise)
    return rulings


def _settled_at_once(hearing: Hearing, rulings: _Rulings, disputed: Array) -> Array:
    """Settle the disputed entries about which there is no doubt left: the referee's two ways agree, as far as
    the second can be asked, and no witness is off by more than rounding. The others are looked at one by one,
    at a far higher price."""
    t = rulings.heard.all
    plain = disputed & ~_near_a_kink(t)
    if not plain.any() or not hearing.referee.affords():
        return np.zeros_like(plain)
    try:
        said = hearing.truth(t.point)
    except BudgetSpent:
        return np.zeros_like(plain)
    truth, confirmed = (np.concatenate(list(part.values())) for part in (said.value, said.confirmed))
    bound = hearing.rounding(t)
    shown = np.abs(truth) > _LEAST_SHOWN * np.max(np.abs(t.point.tape.value(hearing.of)), initial=0.0)
    plain[np.flatnonzero(plain & shown & ~confirmed)[: hearing.slopes_left]] = False  # these can be asked for
    plain &= (truth != 0) & np.isfinite(truth) & np.isfinite(bound) & (t.unseen | (t.symbolic != 0))
    plain &= np.logical_and.reduce(_within(t, slice(None), truth, bound))
    some = np.flatnonzero(plain)
    carried, rulings.digits[some] = _carried(t, some, truth[some], bound[some])
    notes = iter(_on_digits(carried, hearing.digits, t.unseen[some]))
    for name, entries in rulings.heard.by_name(some):  # in order
        told = zip(entries.tolist(), notes, strict=False)
        rulings.open(name).notes.update({entry: note for entry, note in told if note})
    return plain


def _within(t: Testimony, entries: Any, truth: Array, bound: Array) -> list[Array]:
    """Which numbers of symbolic, backprop and the differences are where the truth is, as far as rounding and
    their own bounds let them; where there is none, it is not off."""
    slack = bound + _ULP * np.abs(truth)
    with np.errstate(all="ignore"):
        symbolic, backprop, finite = (
            np.abs(part[entries] - truth) for part in (t.symbolic, t.backprop, t.finite)
        )
        known = ~np.isnan(t.finite[entries])
        return [
            t.unseen[entries] | (symbolic <= slack),
            backprop <= slack,
            ~known | (finite <= t.bound[entries] + slack),
        ]


def _carried(t: Testimony, entries: Any, truth: Array, bound: Array) -> tuple[Array, Array]:
    """The digits that float64 carries, and those of them that the differences show."""
    carried = _digits(bound, np.abs(truth))
    return carried, np.fmin(carried, _digits(np.abs(t.finite[entries] - truth), np.abs(truth)))


def _on_digits(carried: Array, wanted: float, unseen: Array) -> list[str]:
    """What is said of entries that high precision settled; nothing where it spoke for symbolic."""
    usual = np.where(unseen, "", "settled by high precision").tolist()
    return [_few(int(k)) if k < wanted else note for k, note in zip(carried, usual, strict=True)]


def _few(digits: int) -> str:
    s = "" if digits == 1 else "s"
    return f"float64 carries {digits} digit{s} here; high precision agrees"


def _near_a_kink(t: Testimony) -> Array:
    return np.asarray(t.kink | ~np.isnan(t.left) | ~np.isnan(t.right))


def _suspects(hearing: Hearing, t: Testimony) -> Array:
    """Entries of a large name that something speaks against: differences by node, or projections."""
    if t.suspects is not None:  # one of the crowd
        return t.suspects
    assert t.projections is not None
    with np.errstate(all="ignore"):
        gap = np.abs(t.finite - t.backprop)
        found = np.asarray(np.isfinite(t.finite) & (gap > t.bound + hearing.rounding(t)))
    return found | hearing.locate(t) if t.projections.differ else found


def _weigh_together(r: _Ruling, hearing: Hearing, noise: Array) -> None:
    """What the projections, and differences by node beside those entry by entry, say of a large name."""
    t = r.t
    assert t.projections is not None
    if t.by_node is not None:
        off = _off_by_node(t, t.by_node)
        if off.any():  # before a step is blamed: the same with the whole ladder of step sizes
            t.by_node = hearing.by_node_again(t, noise)
            off &= _off_by_node(t, t.by_node)
        value = t.by_node[0]
        for entry in np.flatnonzero(off):
            r.verdicts[int(entry)] = Verdict.WRONG
            r.notes[int(entry)] = (
                f"differences by node give {value[entry]:.10g}, entry by entry {t.finite[entry]:.10g}: a "
                "step that is not affine although the table says so. A defect of gradcheck, not yours"
            )
    if t.projections.located or Verdict.WRONG in r.verdicts.values():
        return
    if t.projections.differ:
        r.together, r.note = Verdict.UNRESOLVED, "sums with random signs differ, but no entry was found"
    elif t.projections.stray:
        r.together = Verdict.UNRESOLVED
        r.note = "differences along a random direction see another slope than symbolic and backprop"


def _off_by_node(t: Testimony, by_node: Array) -> Array:
    """The examined entries for which differences by node give something else."""
    value, bound = by_node
    with np.errstate(all="ignore"):
        off = np.abs(value - t.finite) > bound + t.bound + CLOSE * np.abs(value)
    return np.asarray(off & t.examined & ~np.isnan(value))


def _flat(heard: Testimonies, of: str) -> Array:
    """Entries that are zero in all columns because nothing moves: differences of |x|/1000 that
    cancel at 0 are zero too, but then their bound is no smaller than the slope."""
    t, tape = heard.all, heard.all.point.tape
    zero = t.is_zero()
    if not zero.any():
        return zero
    x = np.abs(np.concatenate([np.ravel(tape.value(name)) for name in heard.parts]))
    size = np.max(np.abs(tape.value(of)), initial=0.0)
    return np.asarray(zero & (t.bound * np.where(x == 0, 1.0, x) <= _FLAT * size))


def _widen(heard: Testimonies, hearing: Hearing) -> None:
    """Rounding inside the function is no noise where it is the same at all samples, as that of a factor
    or a residual: it moves the slope itself, and the bound of the differences has to cover it."""
    t = heard.all
    seen = heard.some(name for name, part in heard.parts.items() if part.way is Way.EACH)
    seen &= np.isfinite(t.finite)
    t.bound[seen] += _measured(hearing, t)[seen]


def _measured(hearing: Hearing, t: Testimony) -> Array:
    """What rounding may do, where it was measured: by so much right witnesses differ, and need no referee."""
    if not hearing.referee.jitters():
        return np.zeros_like(t.bound)
    bound = hearing.rounding(t)
    return np.where(np.isfinite(bound), bound, 0.0)


def _cancelled(t: Testimony, hearing: Hearing) -> Array:
    """Entries that are zero in all columns because terms cancel, which rounding would show: cos(x)/x -
    sin(x)/x^2 near 0. Where nothing arrives, rounding moves nothing either."""
    zero = t.is_zero()
    if not (zero & t.examined).any() or not hearing.referee.affords():
        return np.zeros_like(zero)
    bound = hearing.rounding(t)
    return np.asarray(zero & (bound > _SUBNORMAL))


def _digits(error: Array, size: Array) -> Array:
    """Proved digits: -log10 of the relative error."""
    with np.errstate(all="ignore"):
        return np.asarray(np.clip(-np.log10(error / size), 0, MOST_DIGITS) + 0.0)  # no -0.0


@dataclass
class _Dispute:
    """Entries that double precision alone does not settle."""

    hearing: Hearing
    r: _Ruling
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
        return _near_a_kink(self.t)

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
        carried, self.r.digits[one] = _carried(t, one, np.array([truth]), np.array([bound]))
        (note,) = _on_digits(carried, self.wanted, t.unseen[one])
        if note:
            self.r.notes.setdefault(entry, note)
        return Verdict.OK

    def _staircase(self, entry: int, truth: float) -> bool:
        """Whether rounding inside the loss, a staircase, is what the differences saw, or a loss that an
        entry as a whole hardly changes: at steps at which it does the loss may be another. It is noted."""
        gap = abs(self.t.finite[entry] - truth)
        size = np.max(np.abs(self.t.point.tape.value(self.of)), initial=0.0)
        x = abs(float(np.ravel(self.t.point.tape.value(self.name))[entry])) or 1.0
        near = gap <= _STAIRCASE * self.t.bound[entry] or abs(truth) * x <= _FLAT * size
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
        where = [bool(right) for right in _within(self.t, entry, np.asarray(truth), np.asarray(bound))]
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
        self.r.digits[entry] = float(_digits(np.array(t.bound[entry]), np.array(size)))
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


# ---------------------------------------------------------------------------------------------
# Blocks
# ---------------------------------------------------------------------------------------------


def _blocks(
    model: Model, names: Sequence[str], rulings: Sequence[_Rulings], most: int | None = _MOST_LISTED
) -> list[Block]:
    """All points of each name drawn together."""
    first, proven = rulings[0].heard.all, rulings[0].digits
    zero = np.logical_and.reduce([r.heard.all.is_zero() for r in rulings])
    compared = ~zero & (np.isfinite(first.finite) | first.kink | ~first.examined)
    drawn = _Drawn(
        zero=zero,
        compared=compared,
        digits=np.where(zero | np.isnan(proven), np.inf, proven),
        one_by_one=(first.examined | np.isfinite(proven)) & compared,
        unseen=[r.heard.unseen(SMALL_MISTAKE) for r in rulings],
    )
    places = rulings[0].heard.places
    return [_block(model, n, [r.of(n) for r in rulings], drawn, places[n], most) for n in names]


@dataclass(frozen=True)
class _Drawn:
    """What counts of each entry of all names: zero at all points; compared; its digits at the first, infinite
    where they are not known; looked at by itself; and of each point what could be off unseen."""

    zero: Array
    compared: Array
    digits: Array
    one_by_one: Array
    unseen: Sequence[Array]


def _block(
    model: Model, name: str, rulings: Sequence[_Ruling], drawn: _Drawn, place: slice, most: int | None
) -> Block:
    first = rulings[0].t
    node = model.node(name)
    shape = (model.rows or 0, *node.shape) if node.per_row else node.shape
    zero, digits = drawn.zero[place], drawn.digits[place]
    verdicts = [v for r in rulings for v in (r.together, *r.verdicts.values())]
    entries = [_entry(shape, rulings[0], k, tested=not zero[k]) for k in _listed(rulings[0], most)]
    for r in rulings[1:]:
        entries += [_entry(shape, r, k) for k in sorted(r.verdicts)[:20]]
    lowest = int(digits.argmin()) if digits.size else 0
    known = digits.size > 0 and bool(np.isfinite(digits[lowest]))
    wrong = _wrong_entries(rulings).reshape(shape)
    several = np.count_nonzero(wrong) > 1
    display = model.display(name)
    return Block(
        name=display,
        shape=shape,
        verdict=worst(verdicts),
        total=len(first.backprop),
        checked=int(np.count_nonzero(drawn.compared[place])),
        zero=int(np.count_nonzero(zero)),
        digits=round(float(digits[lowest]), 1) if known else None,
        worst=_index(shape, lowest) if known else None,
        entries=tuple(entries),
        norm=_norm(first.backprop),
        way=str(first.way.value),
        one_by_one=int(np.count_nonzero(drawn.one_by_one[place])),
        unseen=max(np.count_nonzero(mask[place]) for mask in drawn.unseen) / max(1, digits.size),
        where=words(wrong, display, per_row=node.per_row) if several else None,
        map=tuple(picture(wrong, per_row=node.per_row)) if several else (),
        note=next((r.note for r in rulings if r.note), None),
    )


def _wrong_entries(rulings: Sequence[_Ruling]) -> Array:
    """Those that are WRONG at some point."""
    found = np.zeros(len(rulings[0].t.backprop), dtype=bool)
    for r in rulings:
        if r.verdicts:
            found |= _wrong(r)
    return found


def _wrong(r: _Ruling) -> Array:
    """Which entries are WRONG, also those that stand for others of a large name."""
    mask = np.zeros(len(r.t.backprop), dtype=bool)
    mask[[k for k, v in r.verdicts.items() if v is Verdict.WRONG]] = True
    return mask | r.wrong if mask.any() and r.wrong is not None else mask


def _norm(values: Array) -> float:
    if values.size < 2:  # one of thousands of single numbers
        return float(np.abs(values).sum())
    with np.errstate(all="ignore"):
        return float(FLOAT64.norm(values, (0,), False))


def _listed(r: _Ruling, most: int | None) -> Iterable[int]:
    """Which entries are listed: all, or the disputed and some others, or those that were examined."""
    total, bad = len(r.t.backprop), sorted(r.verdicts)
    if r.t.way is not Way.EACH and total > SMALL_BLOCK and most is not None:
        return sorted({*bad[:most], *(int(k) for k in np.flatnonzero(r.t.examined))})
    if most is None or total <= most:
        return range(total)
    return sorted({*bad[:most], *range(0, total, total // 100)})


def _index(shape: tuple[int, ...], flat: int) -> tuple[int, ...]:
    return tuple(int(k) for k in np.unravel_index(flat, shape)) if shape else ()


def _entry(shape: tuple[int, ...], r: _Ruling, k: int, *, tested: bool = True) -> Entry:
    t = r.t
    given = np.asarray(t.point.tape.value(t.name)).reshape(-1)
    verdict = r.verdicts.get(k, Verdict.OK)
    kink = verdict is Verdict.KINK
    return Entry(
        index=_index(shape, k),
        value=float(given[k]),
        symbolic=None if t.unseen[k] else float(t.symbolic[k]),
        backprop=float(t.backprop[k]),
        finite=_known(t.finite[k]),
        bound=None if np.isnan(t.finite[k]) and not t.examined[k] else _known(t.bound[k]),
        digits=None if np.isnan(r.digits[k]) else round(float(r.digits[k]), 1),
        verdict=verdict,
        note=r.notes.get(k),
        left=_known(t.left[k]) if kink else None,
        right=_known(t.right[k]) if kink else None,
        tested=tested,
        point=t.point.number,
    )


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
