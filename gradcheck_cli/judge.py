"""Reads what three witnesses say at several points. Gives verdicts, entry by entry, with reasons.

First the value of every step, then the derivatives of the loss. Where the witnesses agree within the
error bound of the differences, and enough digits are proved, the entry is ok. Everything else goes to
the referee: its value must lie within each witness's own rounding bound. No absolute tolerance, no norm
over entries. Knows nothing of claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli import backprop, symbolic
from gradcheck_cli.finite import Scheme
from gradcheck_cli.forward import Tape, forward_pass
from gradcheck_cli.graph import Array, Model, Node
from gradcheck_cli.namespaces import FLOAT64
from gradcheck_cli.points import moved
from gradcheck_cli.referee import Referee
from gradcheck_cli.results import Block, Entry, Verdict, worst
from gradcheck_cli.sampling import Estimates, derivative
from gradcheck_cli.symbolic import Program

__all__ = ["Point", "Values", "blocks", "compare_values", "points_of"]

_CLOSE = 2.0**-44  # symbolic and backprop this close need no referee where differences confirm them
_MOST_DIGITS = 15.9  # what a float64 can carry
_MOST_LISTED = 10_000  # entries of a block that are reported one by one
_MOST_REFEREED = 40  # entries of a block whose one-sided slopes are computed at high precision
_ROUNDING_MARGIN = 16.0  # the bound holds for any program; this is what one of them is off by
_STAIRCASE = 32.0  # times its bound that a float64 difference may miss where exact differences agree
_FLAT = 1e-6  # of the loss: less than that, moving an entry by all of its size, is no change
_SIDES = 6  # forward passes that one entry's slopes cost: four moved ones, at more digits
_REACHES = (1.0, 0.5, 0.25, 0.0625, 1 / 256, 1 / 4096)  # of a moved point, until it crosses no kink


# ---------------------------------------------------------------------------------------------
# Points
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """Where the witnesses are compared; number 0 is the given point."""

    number: int
    values: Mapping[str, Array]
    tape: Tape


def points_of(model: Model, tape: Tape, count: int, kinds: tuple[str, ...] = ("param",)) -> list[Point]:
    """The given point, then points with the parameters moved: inside the domain, and not across a
    kink where that can be had; a point where the loss is not finite is left out."""
    found = [Point(0, tape.point, tape)]
    if any(model.inputs[name].kind in kinds for name in model.inputs):
        moves = (_moved_point(model, tape, number, kinds) for number in range(1, count))
        found += [point for point in moves if point is not None]
    return found


def _moved_point(model: Model, tape: Tape, number: int, kinds: tuple[str, ...]) -> Point | None:
    last = None
    for attempt, reach in enumerate(_REACHES):
        values = {**tape.point, **moved(model, number, kinds=kinds, attempt=attempt, reach=reach)}
        there = forward_pass(model, tape.m, values)
        if not np.isfinite(there.loss):
            continue
        last = Point(number, values, there)
        if tape.same_sides(there):
            return last
    return last


# ---------------------------------------------------------------------------------------------
# The value of every step
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Values:
    """How symbolic and forward pass agree on the values; `wrong` names the first step that differs."""

    verdict: Verdict
    digits: float
    loss_symbolic: float | None
    wrong: str | None = None
    note: str = ""


def compare_values(model: Model, program: Program, referee: Referee, point: Point) -> Values:
    """Every step's value by SymPy's formulas against the forward pass, within rounding."""
    ours = {name: point.tape.value(name) for name in model.steps}
    theirs = symbolic.values(program, point.values)
    suspects = [name for name in model.steps if _apart(ours[name], theirs[name])]
    bounds = referee.value_rounding(point.values, suspects) if suspects else {}
    for name in suspects:
        precise = theirs[name]
        if referee.affords():
            precise = _floats(symbolic.values(program, point.values, referee.high)[name])
        wrong = _off(precise, ours[name], bounds[name])
        if wrong.any() and referee.affords():
            precise = _floats(symbolic.values(program, point.values, referee.surest)[name])
            wrong = _off(precise, ours[name], bounds[name])
        if wrong.any():
            return _value_wrong(model, name, precise, ours[name], wrong)
        theirs[name] = precise
    loss = model.loss
    if symbolic.unseen(program, loss):
        return _unseen_value(program, referee, point, ours[loss])
    return Values(Verdict.OK, _agreement(ours[loss], theirs[loss]), _single(theirs[loss]))


def _unseen_value(program: Program, referee: Referee, point: Point, ours: Array) -> Values:
    """A loss that SymPy has no formula for: elimination at high precision against that in float64."""
    if not referee.affords():
        return Values(Verdict.OK, 0.0, None, note="symbolic: not computed")
    loss = program.model.loss
    digits = _agreement(ours, _floats(symbolic.values(program, point.values, referee.high)[loss]))
    note = f"high precision and forward pass agree to {int(digits)} digits"
    return Values(Verdict.OK, digits, None, note=note)


def _off(precise: Array, ours: Array, bound: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(~((np.abs(precise - ours) <= bound) | _both_infinite(precise, ours)))


def _apart(a: Array, b: Array) -> bool:
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= _CLOSE * np.maximum(np.abs(a), np.abs(b))
    near &= np.isfinite(a) == np.isfinite(b)  # inf - 1 is within any part of inf
    return not bool(np.all(near | _both_infinite(a, b)))


def _both_infinite(a: Array, b: Array) -> Array:
    """Not finite on both sides: an unchosen branch may be anything."""
    return np.asarray(~np.isfinite(a) & ~np.isfinite(b))


def _single(value: Array) -> float:
    return float(np.asarray(value).reshape(-1)[0])


def _agreement(a: Array, b: Array) -> float:
    """To how many digits two numbers agree."""
    x, y = _single(a), _single(b)
    scale = max(abs(x), abs(y))
    if x == y or scale == 0:
        return _MOST_DIGITS
    return max(0.0, min(_MOST_DIGITS, -float(np.log10(abs(x - y) / scale))))


def _value_wrong(model: Model, name: str, theirs: Array, ours: Array, wrong: Array) -> Values:
    at = tuple(np.argwhere(wrong)[0]) if wrong.ndim else ()
    step = model.steps[name]
    functions = sorted(_functions_in(model, name))
    note = (
        f"the value of {step.display} (line {step.line}) differs: symbolic {theirs[at]:.16g}, "
        f"forward pass {ours[at]:.16g}. This is a defect of gradcheck, in one of: "
        f"{', '.join(functions)}"
    )
    return Values(Verdict.WRONG, 0.0, None, name, note)


def _functions_in(model: Model, name: str) -> set[str]:
    """The primitives of one step's line, down to the steps it mentions."""
    named = {s.node for s in model.steps.values()}
    todo, found = [model.node(name).index], set()
    while todo:
        node = model.graph.nodes[todo.pop()]
        if not (node.is_leaf or node.is_literal):
            found.add(node.operation)
            todo += [a for a in node.arguments if a not in named]
    return found


# ---------------------------------------------------------------------------------------------
# The derivatives
# ---------------------------------------------------------------------------------------------


@dataclass
class _Testimony:
    """What the witnesses say about d loss/d name at one point, flat arrays of one length.

    Where `unseen` symbolic was not computed: backprop's value stands there, and proves nothing.
    """

    point: Point
    symbolic: Array
    backprop: Array
    finite: Array
    bound: Array
    left: Array
    right: Array
    kink: Array
    unseen: Array
    digits: Array = field(kw_only=True)
    verdicts: list[Verdict] = field(default_factory=list, kw_only=True)
    notes: dict[int, str] = field(default_factory=dict, kw_only=True)

    def is_zero(self) -> Array:
        """Entries that are exactly zero in all columns."""
        return np.asarray((self.symbolic == 0) & (self.backprop == 0) & (self.finite == 0))


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
    heard: dict[str, list[_Testimony]] = {name: [] for name in names}
    for point in points:
        for name, testimony in _hear(model, program, referee, point, names, scheme, of).items():
            _judge(model, program, referee, testimony, name, digits, of)
            heard[name].append(testimony)
    return [_block(model, name, heard[name], listed) for name in names]


def _hear(
    model: Model,
    program: Program,
    referee: Referee,
    point: Point,
    names: Sequence[str],
    scheme: Scheme,
    of: str,
) -> dict[str, _Testimony]:
    """Ask each witness; none of them sees another's answer. Differences are told how far rounding may
    take the value of the loss: samples that share an error cannot show it."""
    noise = referee.value_rounding(point.values, [of])[of] / _ROUNDING_MARGIN
    first = symbolic.derivative(program, point.values, of, names)
    second = backprop.derivative(model, point.tape, of, names)
    third = derivative(model, point.tape, of, names, scheme, noise)
    dark = {n: bool(symbolic.unseen(program, of, n)) for n in names}
    return {n: _testimony(point, first[n], second[n], third[n], dark[n]) for n in names}


def _testimony(point: Point, first: Array, second: Array, third: Estimates, dark: bool) -> _Testimony:
    unseen = np.isnan(first) & dark
    first = np.where(unseen, second, first)
    parts = (first, second, third.value, third.bound, third.left, third.right, third.kink, unseen)
    flat = [np.array(part).reshape(-1) for part in parts]
    return _Testimony(point, *flat, digits=np.full(flat[0].shape, np.nan))


def _judge(
    model: Model,
    program: Program,
    referee: Referee,
    t: _Testimony,
    name: str,
    digits: float,
    of: str,
) -> None:
    """Settle every entry: the quick way where the differences prove enough, else by the referee."""
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(t.symbolic), np.abs(t.backprop))
        apart = np.abs(t.symbolic - t.backprop)
        gap = np.maximum(np.abs(t.finite - t.backprop), np.abs(t.finite - t.symbolic))
        proved = (apart <= _CLOSE * size) & (gap <= t.bound + _CLOSE * size)
        t.digits = np.where(proved & (size > 0), _digits(np.maximum(gap, t.bound), size), np.nan)
        settled = (proved & (t.digits >= digits)) | _flat(t, name, of)
        settled &= ~t.kink
        if referee.affords():
            settled &= ~t.unseen  # the referee is the third
        t.digits[t.is_zero()] = np.nan  # not tested
    t.verdicts = [Verdict.OK] * len(settled)
    disputed = np.flatnonzero(~settled)
    if len(disputed):
        _Dispute(model, program, referee, t, name, of, digits).settle(disputed)


def _flat(t: _Testimony, name: str, of: str) -> Array:
    """Entries that are zero in all columns because nothing moves: differences of |x|/1000 that
    cancel at 0 are zero too, but then their bound is no smaller than the slope."""
    x = np.abs(np.asarray(t.point.tape.value(name)).reshape(-1))
    size = np.max(np.abs(t.point.tape.value(of)), initial=0.0)
    return np.asarray(t.is_zero() & (t.bound * np.where(x == 0, 1.0, x) <= _FLAT * size))


def _digits(error: Array, size: Array) -> Array:
    """Proved digits: -log10 of the relative error."""
    with np.errstate(all="ignore"):
        return np.asarray(np.clip(-np.log10(error / size), 0, _MOST_DIGITS))


def _floats(values: Array) -> Array:
    return np.asarray(values, dtype=object).astype(np.float64)


@dataclass(frozen=True)
class _Sides:
    """Exact one-sided slopes of one entry; `border`: a function declares a kink or border here."""

    left: float
    right: float
    border: bool

    def confirm(self, truth: float) -> bool:
        """Whether there is one slope, and it is `truth` where that is known."""
        if not np.isfinite([self.left, self.right]).all() or _unequal(self.left, self.right):
            return False
        return not np.isfinite(truth) or not _unequal(self.left, truth)


@dataclass
class _Dispute:
    """Entries that double precision alone does not settle."""

    model: Model
    program: Program
    referee: Referee
    t: _Testimony
    name: str
    of: str
    wanted: float
    _precise: dict[Any, Array | None] = field(default_factory=dict)

    def settle(self, disputed: Array) -> None:
        truth = self._truth()
        bound = self.referee.rounding(self.t.point.values, self.of, [self.name])[self.name]
        bound = bound.reshape(-1)
        heard = 0
        for entry in disputed:
            sides = None
            near = self.t.kink[entry] or truth is None or not np.isfinite(truth[entry])
            near = near or not np.isnan(self.t.left[entry]) or not np.isnan(self.t.right[entry])
            if (near and heard < _MOST_REFEREED) or self.referee.affords(_SIDES * (heard + 1)):
                sides = self._sides(int(entry))
                heard += 1
            value = truth[entry] if truth is not None else np.nan
            self.t.verdicts[entry] = self._verdict(int(entry), value, bound[entry], sides)

    def _truth(self, m: Any = None) -> Array | None:
        """The referee's derivative rounded to float64; None beyond its budget or outside domains."""
        if not self.referee.affords():
            return None
        point = self.t.point.values
        try:
            found = self.referee.derivative(point, self.of, [self.name], m)[self.name]
        except (ZeroDivisionError, ValueError, OverflowError):
            return None
        return _floats(found).reshape(-1)

    def _sides(self, entry: int, m: Any = None) -> _Sides | None:
        """The referee's second way, which knows no derivatives: differences at 140 digits."""
        try:
            found = self.referee.sides(self.t.point.values, self.of, self.name, *self._place(entry), m)
        except (ZeroDivisionError, ValueError, OverflowError, TypeError):
            return None
        return _Sides(_single(_floats(found.left)), _single(_floats(found.right)), found.border)

    def _place(self, entry: int) -> tuple[tuple[int, ...], int | None]:
        """The index of an entry, and its row where the name has one value per row."""
        node = self.model.node(self.name)
        size = max(1, int(np.prod(node.shape, dtype=np.int64)))
        index = tuple(int(k) for k in np.unravel_index(entry % size, node.shape or (1,)))
        return index if node.shape else (), entry // size if node.per_row else None

    def _verdict(self, entry: int, truth: float, bound: float, sides: _Sides | None) -> Verdict:
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
        self.t.digits[entry] = np.nan
        if np.isnan([left, right]).any():
            note = "the border of a domain: there is no slope on one side"
        elif np.isinf([left, right]).any():
            note = "no derivative here: the value jumps, or the slope is infinite"
        elif _unequal(left, right):
            note = "no derivative here: left and right slopes differ; backprop's value is a convention"
        else:
            self.t.notes[entry] = (
                f"kinks that cancel: the derivative is {left:.6g}, what symbolic and backprop say here "
                "is a convention"
            )
            return Verdict.OK
        self.t.notes[entry] = note
        return Verdict.KINK

    def _undeclared(self, entry: int, truth: float, sides: _Sides | None) -> Verdict:
        """The referee's two ways differ, and no function on the way says that they may."""
        self.t.digits[entry] = np.nan
        seen = "cannot be had" if sides is None else f"are {sides.left:.10g} and {sides.right:.10g}"
        place = _undeclared_border(self.model, self.t.point, self.of, self.name, *self._place(entry))
        self.t.notes[entry] = (
            f"left and right slopes {seen}, SymPy's partials give {truth:.10g}: a kink or border "
            f"that {place or 'no function'} does not declare. A defect of gradcheck, not yours"
        )
        return Verdict.WRONG

    def _with_referee(self, entry: int, truth: float, bound: float) -> Verdict:
        t = self.t
        known = bool(np.isfinite(bound))
        if not known:  # SymPy's form overflows in float64, which says nothing of backprop's
            bound = max(_CLOSE * abs(truth), t.bound[entry] if np.isfinite(t.bound[entry]) else 0.0)
        off = self._off(entry, truth, bound, self.referee.high)
        if off and self._surest is not None:
            truth = float(self._surest[entry])
            off = self._off(entry, truth, bound, self.referee.surest)
        if off == ["finite differences"] and self._staircase(entry, truth):
            off = []
            t.notes[entry] = "float64 differences see only rounding here; exact differences agree"
        if off and not known:
            t.notes[entry] = f"float64 overflows on the way; high precision gives {truth:.10g}"
            return Verdict.UNRESOLVED
        if off:
            return self._alone(entry, off, truth)
        if truth == t.symbolic[entry] == t.backprop[entry] == 0:
            return Verdict.OK  # exactly zero: there are no digits to count
        if truth == 0:
            t.notes[entry] = "exactly 0 by high precision"
            return Verdict.OK
        carried = float(_digits(np.array(bound), np.array(abs(truth))))
        seen = float(_digits(np.array(abs(t.finite[entry] - truth)), np.array(abs(truth))))
        t.digits[entry] = carried if np.isnan(seen) else min(carried, seen)
        if entry in t.notes:
            return Verdict.OK
        if carried < self.wanted:
            s = "" if int(carried) == 1 else "s"
            t.notes[entry] = f"float64 carries {int(carried)} digit{s} here; high precision agrees"
        elif not t.unseen[entry]:
            t.notes[entry] = "settled by high precision"
        return Verdict.OK

    def _staircase(self, entry: int, truth: float) -> bool:
        """Whether rounding inside the loss, a staircase, is what the differences saw."""
        gap = abs(self.t.finite[entry] - truth)
        if not gap <= _STAIRCASE * self.t.bound[entry]:
            return False
        sides = self._sides(entry)
        return sides is not None and np.isfinite(truth) and sides.confirm(truth)

    def _off(self, entry: int, truth: float, bound: float, m: Any) -> list[str]:
        """The witnesses that are not where the truth is; symbolic is heard at high precision too."""
        t = self.t
        slack = bound + 2.0**-52 * abs(truth)
        heard = not t.unseen[entry] and not abs(t.symbolic[entry] - truth) <= slack
        if heard and self._exact_symbolic(entry, truth, m):
            t.symbolic[entry] = truth
        return [
            label
            for label, value, room in (
                *([] if t.unseen[entry] else [("symbolic", t.symbolic[entry], slack)]),
                ("backprop", t.backprop[entry], slack),
                ("finite differences", t.finite[entry], t.bound[entry] + slack),
            )
            if not (abs(value - truth) <= room or (np.isnan(value) and label[0] == "f"))
        ]

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

    def _symbolic_in(self, m: Any) -> Array | None:
        try:
            precise = symbolic.derivative(self.program, self.t.point.values, self.of, [self.name], m)[
                self.name
            ]
        except (ZeroDivisionError, ValueError, OverflowError):
            return None
        return _floats(precise).reshape(-1)

    def _alone(self, entry: int, off: Sequence[str], truth: float) -> Verdict:
        who = " and ".join(off)
        verb = "stands" if len(off) == 1 and off[0] != "finite differences" else "stand"
        self.t.digits[entry] = np.nan
        blamed = f" The fault lies in {self._culprit}." if off == ["backprop"] and self._culprit else ""
        self.t.notes[entry] = (
            f"{who} {verb} alone: high precision gives {truth:.10g}.{blamed} A defect of gradcheck, not yours"
        )
        return Verdict.WRONG

    @cached_property
    def _culprit(self) -> str:
        return _wrong_vjp(self.model, self.t.point, self.of)

    def _without_referee(self, entry: int, bound: float) -> Verdict:
        """The referee cannot speak: the witnesses are held to the bounds alone."""
        t = self.t
        s, b, f = t.symbolic[entry], t.backprop[entry], t.finite[entry]
        if not np.isfinite([s, b]).all():
            t.notes[entry] = "not finite here, and beyond what high precision can settle"
            return Verdict.UNRESOLVED
        size = max(abs(s), abs(b))
        if abs(s - b) > bound + _CLOSE * size:
            t.notes[entry] = "symbolic and backprop differ: a defect of gradcheck, not yours"
            return Verdict.WRONG
        if np.isfinite(f) and abs(f - b) > t.bound[entry] + bound + _CLOSE * size:
            t.notes[entry] = "finite differences stand alone: a defect of gradcheck, not yours"
            return Verdict.WRONG
        t.digits[entry] = float(_digits(np.array(t.bound[entry]), np.array(size)))
        t.notes[entry] = "too few digits proved, and the model is beyond the high-precision budget"
        return Verdict.UNRESOLVED


def _wrong_vjp(model: Model, point: Point, of: str) -> str:
    """Whose vjp is wrong: a user of the last node whose adjoint is wrong although its users' are
    right. "" where no adjoint is."""
    model = _all_named(model)
    graph = model.graph
    tape = forward_pass(model, point.tape.m, point.values)
    referee = Referee(symbolic.lower(model))

    def wrong(target: str, names: Sequence[str]) -> list[str]:
        ours = backprop.derivative(model, tape, target, names)
        true = referee.derivative(point.values, target, names)
        room = referee.rounding(point.values, target, names)
        apart = {n: (np.abs(ours[n] - _floats(true[n])), np.abs(_floats(true[n]))) for n in names}
        return [n for n, (gap, size) in apart.items() if np.any(gap > room[n] + _CLOSE * size)]

    needed = graph.upstream([graph.names[of]])
    found = wrong(of, [str(node.index) for node in graph.nodes if needed[node.index]])
    if not found:
        return ""
    last = int(found[-1])
    users = [n for n in graph.nodes if last in n.arguments and needed[n.index]]
    moved = graph.downstream([last])
    if len(users) == 1 and sum(moved[a] for a in users[0].arguments) == 1:
        return f"the vjp of {_placed(model, users[0])}"  # its own adjoint is right, and there is no other
    for user in users:  # the first wrong one: no other user stands between it and the node
        if referee.affords(max(1, int(np.prod(user.shape)))) and wrong(str(user.index), [found[-1]]):
            ways = sum(moved[a] for a in user.arguments)
            added = " or in the adding up of adjoints" if ways > 1 else ""
            return f"the vjp of {_placed(model, user)}{added}"
    return "the adding up of adjoints from " + " and ".join(_placed(model, n) for n in users)


def _undeclared_border(
    model: Model, point: Point, of: str, by: str, index: tuple[int, ...], row: int | None
) -> str:
    """The first node on the way whose own one-sided slopes differ; "" where none does."""
    model = _all_named(model)
    graph, referee = model.graph, Referee(symbolic.lower(model))
    moved, needed = graph.downstream([graph.names[by]]), graph.upstream([graph.names[of]])
    for node in graph.nodes:
        if moved[node.index] and needed[node.index] and node.index != graph.names[by]:
            found = referee.sides(point.values, str(node.index), by, index, row)
            pairs = zip(_floats(found.left).flat, _floats(found.right).flat, strict=True)
            if not all(_Sides(a, b, False).confirm(np.nan) for a, b in pairs):
                return _placed(model, node)
    return ""


def _all_named(model: Model) -> Model:
    """The model with its nodes' numbers as names, which no step can have."""
    every = {str(node.index): node.index for node in model.graph.nodes}
    return replace(model, graph=replace(model.graph, names={**model.graph.names, **every}))


def _placed(model: Model, node: Node) -> str:
    """A node's function, and the line of the step it belongs to."""
    step = min((s for s in model.steps.values() if s.node >= node.index), key=lambda s: s.node)
    return f"{node.operation} (line {step.line})"


def _unequal(left: float, right: float) -> bool:
    return abs(left - right) > 1e-12 * max(abs(left), abs(right)) and (max(abs(left), abs(right)) > 1e-35)


# ---------------------------------------------------------------------------------------------
# Blocks
# ---------------------------------------------------------------------------------------------


def _block(model: Model, name: str, heard: Sequence[_Testimony], most: int | None = _MOST_LISTED) -> Block:
    """All points of one name drawn together."""
    first = heard[0]
    node = model.node(name)
    shape = (model.rows or 0, *node.shape) if node.per_row else node.shape
    total = len(first.backprop)
    zero = np.logical_and.reduce([t.is_zero() for t in heard])
    verdicts = [v for t in heard for v in t.verdicts]
    entries = [_entry(model, name, shape, first, k) for k in _listed(first, most)]
    for t in heard[1:]:
        bad = [k for k, v in enumerate(t.verdicts) if v is not Verdict.OK]
        entries += [_entry(model, name, shape, t, k) for k in bad[:20]]
    compared = ~zero & np.isfinite(first.finite) | (first.kink & ~zero)
    digits = np.where(zero, np.nan, first.digits)
    lowest = int(np.nanargmin(digits)) if np.isfinite(digits).any() else None
    return Block(
        name=model.display(name),
        shape=shape,
        verdict=worst(verdicts),
        total=total,
        checked=int(compared.sum()),
        zero=int(zero.sum()),
        digits=None if lowest is None else round(float(digits[lowest]), 1),
        worst=None if lowest is None else _index(shape, lowest),
        entries=tuple(entries),
        norm=_norm(first.backprop),
    )


def _norm(values: Array) -> float:
    with np.errstate(all="ignore"):
        return float(FLOAT64.norm(values, (0,), False)) if values.size else 0.0


def _listed(t: _Testimony, most: int | None) -> Iterable[int]:
    if most is None or len(t.verdicts) <= most:
        return range(len(t.verdicts))
    bad = [k for k, v in enumerate(t.verdicts) if v is not Verdict.OK]
    return sorted({*bad[:most], *range(0, len(t.verdicts), len(t.verdicts) // 100)})


def _index(shape: tuple[int, ...], flat: int) -> tuple[int, ...]:
    return tuple(int(k) for k in np.unravel_index(flat, shape)) if shape else ()


def _entry(model: Model, name: str, shape: tuple[int, ...], t: _Testimony, k: int) -> Entry:
    given = np.asarray(t.point.tape.value(name)).reshape(-1)
    kink = t.verdicts[k] is Verdict.KINK
    return Entry(
        index=_index(shape, k),
        value=float(given[k]),
        symbolic=None if t.unseen[k] else float(t.symbolic[k]),
        backprop=float(t.backprop[k]),
        finite=_known(t.finite[k]),
        bound=_known(t.bound[k]),
        digits=None if np.isnan(t.digits[k]) else round(float(t.digits[k]), 1),
        verdict=t.verdicts[k],
        note=t.notes.get(k),
        left=_known(t.left[k]) if kink else None,
        right=_known(t.right[k]) if kink else None,
        point=t.point.number,
    )


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
