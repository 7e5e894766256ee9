"""Reads a model's claims, the points, and the referee. Gives a ClaimResult for each.

A formula is judged at high precision on both sides and at every point, so no question of tolerance is
left: at 50 digits, and once more at 140 where the two sides are close. The right side's derivatives are
filled with TRUE values, so that one slip gives one wrong line. Knows nothing of the witnesses' columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from gradcheck_cli import patterns
from gradcheck_cli.budget import BudgetSpent
from gradcheck_cli.forward import FLOAT64, Tape, forward_pass
from gradcheck_cli.gaps import (
    ROUNDING,
    At,
    Gap,
    Knowledge,
    are_many,
    difference,
    difference_in_blocks,
    entry_of,
    evaluated,
)
from gradcheck_cli.graph import Array, Claim, Derivative, Graph, Key, Misfit, Model, Node, spell_shape
from gradcheck_cli.namespaces import floats
from gradcheck_cli.numberformats import SIGNIFICANDS
from gradcheck_cli.points import moved
from gradcheck_cli.referee import MOST_DIGITS, Referee, unmeasured
from gradcheck_cli.results import ClaimResult, Verdict
from gradcheck_cli.symbolic import lower

__all__ = ["Evidence", "Judged", "judge_claims", "name_of"]

LAYOUTS = ("numerator", "denominator")
_MOST_SLOPES = 40  # entries of a claim whose one-sided slopes are computed at a kink
_BESIDE = 1e-9  # relative, of slopes known to 11 digits
_LIMIT = 1e-12  # relative: slopes from both sides, known to 40 digits, that are one
_DECIDABLE = 1e-9  # of a number: where rounding is more than that, the reason is looked for
_WANTED_DIGITS = 6
_AS_FLOAT32 = "as float32 it would be right: if it was computed so, save it so"
_TELLING = 7.0  # digits that all entries of a wrong array have together: some 50 explanations are tried
_NUMBER = re.compile(r"[+-]?\s*[0-9.]+([eE][+-]?[0-9]+)?")
_ACCIDENTS = ("right only for", "right only where", "a convention")  # notes of claims that `strict` rejects
_SAMPLES = 4
_MANY_ROWS, _MUCH_WORK = 1000, 100_000  # beyond either, high precision over all rows takes minutes
_FEW_ROWS = 200  # the first ones, that stand for many more: there a claim is judged and explained exactly
_LEAST_ROWS, _LITTLE_WORK = 20, 20_000  # fewer, down to so many, where a row takes much
_MOST_ZEROS = 200_000  # digits in all values together: seconds
_MOST_FAR = 64  # points, of which so many as _FAR_POINTS have a derivative that is not 0
_FAR, _FAR_POINTS = 6.0, 16  # parameters times -2 to 4: a third of them changes sign
_FAILURES = (ZeroDivisionError, ValueError, OverflowError)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Evidence:
    """What a claim says and what is true at one point, as floats, and the values of the names.

    `model` and `claim` are those of the file, or over some of its rows where these are too many.
    `room`: how far a right claim may be off, entry by entry: 0 at high precision, else what rounding
    explains. `leaf`: the value of a name or a true derivative, with the two leading axes. `accepts`:
    whether another formula would be right here.
    """

    model: Model
    claim: Claim
    claimed: Array
    true: Array
    values: Tape
    formula: Graph
    per_row: bool
    room: Array
    leaf: Callable[[Key], Array]
    accepts: Callable[[Graph], bool]


@dataclass(frozen=True)
class Judged:
    """All claims of a file, and what is to be said about them together."""

    results: tuple[ClaimResult, ...]
    notes: tuple[str, ...] = ()
    evidence: tuple[tuple[Evidence, ...], ...] = ()  # for each claim, at every point


def judge_claims(
    model: Model,
    claims: Sequence[Claim],
    points: Sequence[tuple[int, Mapping[str, Array]]],
    referee: Referee,
    *,
    layout: str = "auto",
    strict: bool = False,
    carry: bool = False,
    on_border: bool = False,
) -> Judged:
    """Judge every claim at every point; numbers at the given point only.

    `points` are (number, values); `on_border` says that the given point lies on a kink or border, so
    that one-sided slopes decide what is true there.
    """
    chosen, notes = _layout(model, claims, points, referee, layout)
    court = _Court(model, referee, [At(n, v) for n, v in points], chosen, on_border)
    results = court.sided(claims, [court.judged(claim) for claim in claims])
    if court.judged_by_rows:
        rows = f"over all {model.rows:,} rows in float64, over {court.few_rows} of them at high precision"
        notes.append(f"formulas were judged {rows}")
    if strict:
        results = [_strictly(result) for result in results]
    evidence = [court.evidence(c, r) for c, r in zip(claims, results, strict=True)]
    if carry:
        results = court.carried(claims, results)
    return Judged(tuple(results), tuple(notes), tuple(evidence))


def _strictly(result: ClaimResult) -> ClaimResult:
    accident = any(part.startswith(_ACCIDENTS) for part in (result.note or "").split("; "))
    return replace(result, verdict=Verdict.WRONG) if accident else result


def _layout(
    model: Model, claims: Sequence[Claim], points: Any, referee: Referee, wanted: str
) -> tuple[str, list[str]]:
    """The Jacobian layout of this file: the one in which more of its claims are right."""
    jacobians = [claim for claim in claims if claim.is_jacobian]
    if wanted != "auto" or not jacobians:
        return ("numerator" if wanted == "auto" else wanted), []
    right = {}
    for layout in LAYOUTS:
        court = _Court(model, referee, [At(n, v) for n, v in points[:1]], layout, False)
        right[layout] = sum(court.judge(c).verdict is Verdict.OK for c in jacobians)
    best = max(LAYOUTS, key=lambda name: right[name])
    spelled = {
        "numerator": "J[i,j] = d num_i/d den_j (layout numerator)",
        "denominator": "J[i,j] = d num_j/d den_i, the transpose (layout denominator)",
    }
    return best, [f"Jacobians are read as {spelled[best]}"]


@dataclass
class _Court:
    model: Model
    referee: Referee
    points: list[At]
    layout: str
    on_border: bool
    in_doubles: bool = False  # whatever high precision could do
    judged_by_rows: bool = False  # some claim was, see `_by_rows`
    _kept: dict[tuple[int, str, int], Knowledge] = field(default_factory=dict)

    def knowledge(self, at: At, m: Any = None) -> Knowledge:
        """What is true at a point, at 50 digits or those of `m`, or in float64 where the model is too large
        for that or the budget is spent. Raises BudgetSpent when that shows: what is asked again is known in
        float64."""
        exact = self.referee.affords() and not self.referee.budget.spent and not self.in_doubles
        m = (m or self.referee.high) if exact else FLOAT64
        key = (at.number, at.apart, id(m))
        if key not in self._kept:
            tape = self.referee.tape(at.values, m) if exact else forward_pass(self.model, m, at.values)
            self._kept[key] = Knowledge(self.model, self.referee, at, m, self.layout, exact, tape)
        return self._kept[key]

    def judged(self, claim: Claim) -> ClaimResult:
        """The same, as a part of the run."""
        result = self.judge(claim)
        if self.model.meter is not None:
            self.model.meter.part()
        return result

    def judge(self, claim: Claim) -> ClaimResult:
        """One claim, at all points; when the budget is spent, in float64 if that is enough."""
        with suppress(BudgetSpent):
            result = self._by_rows(claim) or self._judge(claim)
            if not self._does_without:
                return result
        why = self.referee.budget.reason
        try:
            result = self._judge(claim)
        except BudgetSpent:  # the slopes of a kink
            return replace(_blank(self.model, claim), verdict=Verdict.UNRESOLVED, note=why)
        if result.verdict is Verdict.UNRESOLVED or (result.verdict is Verdict.OK and self._is_open(claim)):
            return replace(result, verdict=Verdict.UNRESOLVED, true=None, note=why)
        return result

    @property
    def _does_without(self) -> bool:
        """Whether a model that is one for high precision has to do without, as when the budget is spent."""
        return self.referee.affords() and (self.referee.budget.spent or self.in_doubles)

    # -- many rows ----------------------------------------------------------------------------

    def _by_rows(self, claim: Claim) -> ClaimResult | None:
        """Over many rows: in float64 over all, at high precision over the first. A formula that is right by
        as much as either can tell is right; where they do not say the same, None."""
        few = self._over_few(claim)
        if few is None:
            return None
        everywhere, first = self._doubles._judge(claim), self._few._judge(few)
        if everywhere.verdict is not first.verdict or first.verdict not in (Verdict.OK, Verdict.WRONG):
            return None
        self.judged_by_rows = True
        return replace(everywhere, note=first.note) if first.verdict is Verdict.OK else everywhere

    @property
    def _has_many_rows(self) -> bool:
        """Whether they are more than high precision should go through, again and again."""
        rows = self.model.rows or 0
        many = rows > _MANY_ROWS or (rows > self.few_rows and self.referee.work > _MUCH_WORK)
        return many and self.referee.affords() and not self._does_without and not self.on_border

    @cached_property
    def few_rows(self) -> int:
        """How many rows stand for all, where these are many."""
        each = max(1, self.referee.work // max(1, self.model.rows or 1))
        return min(_FEW_ROWS, max(_LEAST_ROWS, _LITTLE_WORK // each))

    def _over_few(self, claim: Claim) -> Claim | None:
        """A formula over the first of many rows; None where all are to be looked at."""
        return self._for_few(claim) if self._has_many_rows and claim.numbers is None else None

    def _for_few(self, claim: Claim) -> Claim | None:
        """A formula for fewer rows: the same, unless the number of rows is typed in it."""
        formula, rows = claim.formulas[self.layout], float(self.model.rows or 1)
        if isinstance(formula, Misfit) or any(
            n.is_literal and n.value in (rows, 1 / rows) for n in formula.nodes
        ):
            return None
        count = self._few.model.rows or 1
        fewer = {k: g.for_rows(count) if isinstance(g, Graph) else g for k, g in claim.formulas.items()}
        return replace(claim, formulas=fewer)

    @cached_property
    def _few(self) -> _Court:
        """The first rows alone."""
        some = slice(self.few_rows)
        model = self.model.of_rows(some)
        per_row = {item.name for item in model.inputs.values() if item.kind == "rows"}
        points = [
            At(at.number, {n: v[some] if n in per_row else v for n, v in at.values.items()})
            for at in self.points
        ]
        return _Court(model, Referee(lower(model), self.referee.budget), points, self.layout, False)

    @cached_property
    def _doubles(self) -> _Court:
        """All rows, in float64."""
        return _Court(self.model, self.referee, self.points, self.layout, False, in_doubles=True)

    def _is_open(self, claim: Claim) -> bool:
        """Whether float64 leaves it open at some point if a claim is right: fewer digits are proved than
        are wanted, or given."""
        given = digits_given(claim.text) if claim.numbers is not None else 0
        share = 10.0 ** -min(given or _WANTED_DIGITS, _WANTED_DIGITS)
        if claim.numbers is not None:
            return _too_wide(*self._numbers(claim), share)
        return any(_too_wide(*self._floats(claim, at), share) for at in self.points)

    def _floats(self, claim: Claim, at: At) -> tuple[Array, Array, Array]:
        """Claimed and true values, and by how much rounding may have moved them apart."""
        formula = claim.formulas[self.layout]
        assert isinstance(formula, Graph)
        gap = difference(self.knowledge(at), claim, formula)
        rounding = self._rounding(claim, at, gap.true) + self._own_rounding(claim, formula, at)
        return gap.claimed, gap.true, 4 * rounding

    def _judge(self, claim: Claim) -> ClaimResult:
        blank = _blank(self.model, claim)
        formula = claim.formulas[self.layout]
        if isinstance(formula, Misfit):
            note = formula.message + (f"; {formula.help}" if formula.help else "")
            return replace(blank, verdict=Verdict.WRONG, note=note)
        try:
            if claim.numbers is not None:
                return self._number(claim, blank)
            return self._formula(claim, formula, blank)
        except _FAILURES:
            note = "it cannot be evaluated here: division by zero or outside a domain"
            return replace(blank, verdict=Verdict.UNRESOLVED, note=note)

    # -- formulas -----------------------------------------------------------------------------

    def _formula(self, claim: Claim, formula: Graph, blank: ClaimResult) -> ClaimResult:
        found = [(at, self._compare(claim, formula, at)) for at in self.points]
        failing = [(at, gap) for at, gap in found if gap.wrong.any()]
        at, gap = failing[0] if failing else found[0]
        if at.number == 0 and self.on_border:
            elsewhere = [other for other, _ in failing if other.number != 0]
            kinked = self._between(claim, gap, blank, elsewhere=not elsewhere and len(found) > 1)
            if kinked is not None and (failing or kinked.verdict is not Verdict.OK):
                return kinked
        if not failing or self._are_roundings(claim, formula, failing):
            return self._accepted(claim, formula, blank, gap)
        known = [(at, gap) for at, gap in failing if gap.is_known()]
        at, gap = known[0] if known else failing[0]
        result = replace(
            self._located(self._placed(blank, gap, at), gap),
            points_wrong=len(known), points_total=len(found),
        )  # fmt: skip
        if not known:
            return replace(result, verdict=Verdict.UNRESOLVED, note=_unevaluated(failing, found))
        note = None if self._does_without else _two_roundings(self.model, claim, failing, found)
        if note is None and result.claimed == result.true:
            note = f"they differ by {float(gap.size[gap.worst()]):.1e}, which float64 cannot show"
        return replace(result, verdict=Verdict.WRONG, note=note)

    def _accepted(self, claim: Claim, formula: Graph, blank: ClaimResult, first: Gap) -> ClaimResult:
        result = replace(self._placed(blank, first, self.points[0]), points_total=len(self.points), wrong=0)
        note = self._accident(claim, formula)
        if note is None and first.wrong.any():
            note = f"right but for the rounding of the data to doubles, {first.size.max():.1e}"
        return replace(result, note=note)

    def _are_roundings(self, claim: Claim, formula: Graph, failing: Sequence[tuple[At, Gap]]) -> bool:
        """Whether data that are a rounding away make the claim right: 0.1 + 0.2 + 0.3 + 0.4 is 1."""
        data = [i for i in self.model.inputs.values() if i.kind in ("data", "rows")]
        if not data or any(gap.in_blocks or not gap.is_small() for _, gap in failing):
            return False
        for at, gap in failing:
            change = np.zeros_like(gap.size)
            for sample in range(1, _SAMPLES + 1):
                near = {i.name: _next_to(at.values[i.name], sample) for i in data}
                there = At(at.number, {**at.values, **near}, f"rounding {sample}")
                again = difference(self.knowledge(there), claim, formula)
                change = np.maximum(change, np.abs(again.size - gap.size))
            if (gap.wrong & ~(gap.size <= 2 * change)).any():
                return False
        return True

    def _accident(self, claim: Claim, formula: Graph) -> str | None:
        """Which datum makes a claim right that is not right for other data."""
        names = [i.name for i in self.model.inputs.values() if i.kind in ("data", "rows")]
        if not names or len(self.points) < 2:
            return None
        everything = moved(self.model, 1, kinds=("data", "rows"))
        if not self._fails_with(claim, formula, everything, "all data"):
            return None
        for name in names:
            if self._fails_with(claim, formula, {name: everything[name]}, f"data {name}"):
                total = self._only_its_sum(claim, formula, name, everything[name])
                return total or f"right only for this {self._datum(name)}"
        return "right only for these data"

    def _only_its_sum(self, claim: Claim, formula: Graph, name: str, values: Array) -> str | None:
        """Whether it is a sum of the datum, 1 of probabilities, that makes the claim right."""
        item = self.model.inputs[name]
        if are_many(item.values.size):
            return None
        for axis in reversed(range(len(item.shape))):
            total, same = _same_sums(self.points[0].values[name], values, axis - len(item.shape))
            if same is not None and not self._fails_with(
                claim, formula, {name: same}, f"sum of {name}, axis={axis}"
            ):
                along = f", axis={axis}" if len(item.shape) > 1 else ""
                return f"right only where sum({item.display}{along}) = {total:.6g}"
        return None

    def _afforded(self, work: Callable[[], Result]) -> Result:
        """What `work` gives, in float64 if the budget does not reach."""
        try:
            return work()
        except BudgetSpent:
            return work()

    def _fails_with(self, claim: Claim, formula: Graph, values: Mapping[str, Array], apart: str) -> bool:
        gap = self._gap_with(claim, formula, values, apart)
        return gap is not None and _fails(gap)

    def _gap_with(
        self, claim: Claim, formula: Graph, values: Mapping[str, Array], apart: str
    ) -> Gap | None:
        at = At(0, {**self.points[0].values, **values}, apart)
        try:
            return self._afforded(lambda: self._compare(claim, formula, at))
        except _FAILURES:
            return None

    def _datum(self, name: str) -> str:
        item = self.model.inputs[name]
        value = f": {item.display} = {float(item.values):.6g}" if item.values.ndim == 0 else ""
        return f"{item.display}{value}"

    def _compare(self, claim: Claim, formula: Graph, at: At) -> Gap:
        knowledge = self.knowledge(at)
        if knowledge.streams(claim, formula):
            return difference_in_blocks(knowledge, claim, formula)
        gap = difference(knowledge, claim, formula)
        if not knowledge.exact:
            rounding = self._rounding(claim, at, gap.true)
            return gap.beyond(rounding + self._own_rounding(claim, formula, at))
        if not gap.wrong.any():
            return gap
        for m in (self.referee.higher, self.referee.surest):
            again = difference(self.knowledge(at, m), claim, formula)
            with np.errstate(all="ignore"):
                before, now = gap.own_size(), again.own_size()
                shrunk = _where(now < before * 1e-30)  # only cancellation shrinks with the precision
                stays = _where(abs(now - before) <= now * 1e-12)
                stays &= again.claimed != 0  # which may be what is left of 1 - sigmoid(300)
            gap = replace(again, wrong=gap.wrong & ~shrunk & again.wrong)
            if np.all(stays | ~gap.wrong):
                break
        return self._without_vanished(claim, formula, at, gap)

    def _without_vanished(self, claim: Claim, formula: Graph, at: At, gap: Gap) -> Gap:
        """Where both sides are far below float64, and 0 may be what is left of 1 - sigmoid(20000): once
        more with as many digits as the truth has zeros; where that is too much, not wrong."""
        vanished = gap.wrong & (gap.claimed == 0) & (gap.true == 0)
        if not vanished.any():
            return gap
        zeros = self.knowledge(at).leading_zeros(claim.target)
        if zeros * self.referee.held <= _MOST_ZEROS:
            again = difference(self.knowledge(at, self.referee.deep(zeros)), claim, formula)
            vanished &= ~again.wrong
        return replace(gap, wrong=gap.wrong & ~vanished)

    def _rounding(self, claim: Claim, at: At, true: Array) -> Array:
        """What a right program may be off by; `true` is the derivative that is claimed."""
        if not self.referee.jitters():
            return unmeasured(true, claim.bits)
        target = claim.target
        bound = self.referee.rounding(at.values, target.of, [target.by], bits=claim.bits)[target.by]
        rank = len(self.model.node(target.by).shape)
        return entry_of(bound, target.index) if target.index and rank else bound

    def _own_rounding(self, claim: Claim, formula: Graph, at: At) -> Array | float:
        """What the claim's own formula may be off by in float64, where high precision would have told."""
        if not self._does_without or claim.numbers is not None:
            return 0.0
        knowledge = self.knowledge(at)
        keys = [node.key for node in formula.nodes if node.is_leaf]
        leaves = {key: knowledge.leaf(key) for key in keys}
        room = self.referee.formula_rounding(formula, leaves, {key: knowledge.room(key) for key in keys})
        return room if knowledge.is_per_row(claim.target) else np.asarray(room[0, ...])

    def _between(
        self, claim: Claim, gap: Gap, blank: ClaimResult, *, elsewhere: bool = False
    ) -> ClaimResult | None:
        """At a kink: accepted if every entry lies between its left and right slopes, or is what a formula
        that is right `elsewhere` gives by the convention at the kink."""
        node = self.model.node(claim.target.by)
        if self.model.node(claim.target.of).shape or node.per_row or gap.in_blocks:
            return None
        kinks, jumps, border = 0, False, False
        shown: tuple[float, float] | None = None
        at: tuple[int, ...] = ()
        for entry in np.argwhere(gap.wrong if gap.wrong.any() else np.isfinite(gap.true))[:_MOST_SLOPES]:
            pair = self._pair(claim.target, entry)
            if pair is None:
                return None
            left, right = pair
            value = gap.claimed[tuple(entry)] if gap.claimed.ndim else float(gap.claimed)
            if not np.isfinite([left, right]).all():  # a jump, a vertical tangent, or one side only
                jumps, border = True, border or bool(np.isnan([left, right]).any())
                shown, at = (shown, at) if shown else ((left, right), tuple(entry))
                continue
            room = 1e-12 * max(abs(left), abs(right))
            if not min(left, right) - room <= value <= max(left, right) + room:
                if gap.wrong.any() and not elsewhere:
                    return None
                note = (
                    f"a convention: the derivative here is {left:.10g}" if abs(left - right) <= room
                    else "a convention: no derivative here, and yours is not between the slopes"
                )  # fmt: skip
                verdict = Verdict.KINK if elsewhere else Verdict.WRONG
                return replace(
                    self._placed(blank, gap, self.points[0]), verdict=verdict, true=left,
                    left=left, right=right, wrong=0 if elsewhere else 1,
                    note=note + ("; right at the other points" if elsewhere else ""),
                )  # fmt: skip
            if abs(left - right) > room or shown is None:
                shown, at = (left, right), tuple(entry)
            kinks += abs(left - right) > room
        if shown is None:
            return None
        verdict = Verdict.KINK if kinks or jumps else Verdict.OK
        note = "no derivative here; your value lies between the left and right slopes"
        if jumps:
            note = "no derivative here: " + ("the border of a domain" if border else "no slope is finite")
        there = np.zeros(gap.wrong.shape, dtype=bool)
        there[at] = True
        placed = self._placed(blank, replace(gap, wrong=there), self.points[0])
        if at and not claim.target.index:
            note = f"{name_of(self.model, placed)}{spell_shape(at)}: {note}"
        return replace(
            placed, verdict=verdict, wrong=0,
            note=note if kinks or jumps else None, left=shown[0], right=shown[1],
        )  # fmt: skip

    def _pair(self, target: Derivative, entry: Array) -> tuple[float, float] | None:
        """The slopes to the left and right of one entry; None where they cannot be had."""
        shape = self.model.node(target.by).shape
        index = target.index or tuple(int(k) for k in entry[: len(shape)])
        try:
            pair = self.referee.slopes(self.points[0].values, target.of, target.by, index)
        except (*_FAILURES, TypeError, IndexError):
            return None
        left, right = (float(np.asarray(s).reshape(-1)[0]) for s in pair)
        return left, right

    def _spared(self, claim: Claim, gap: Gap) -> Gap:
        """The gap without the entries that lie between the slopes of a kink, where others are wrong."""
        node, wrong = self.model.node(claim.target.by), np.array(gap.wrong)
        if self.model.node(claim.target.of).shape or node.per_row:
            return gap
        for entry in np.argwhere(wrong)[:_MOST_SLOPES]:
            pair = self._pair(claim.target, entry)
            if pair is not None and min(pair) <= gap.claimed[tuple(entry)] <= max(pair):
                wrong[tuple(entry)] = False
        return replace(gap, wrong=wrong)

    # -- sides of kinks -----------------------------------------------------------------------

    def sided(self, claims: Sequence[Claim], results: Sequence[ClaimResult]) -> list[ClaimResult]:
        """The results, with a note where a claim is right on these sides of the kinks only.

        The points of comparison cross no kink: where all units of a layer are active, a missing
        indicator makes no difference at any of them.
        """
        found = list(results)
        waiting = [k for k, claim in enumerate(claims) if self._may_be_one_sided(claim, results[k])]
        telling = dict.fromkeys(waiting, 0)
        for number in range(1, _MOST_FAR + 1):
            if self.referee.budget.spent:
                break
            for k in [k for k, count in telling.items() if count < _FAR_POINTS]:
                fails, tells = self._far_away(claims[k], number)
                telling[k] += tells
                if fails:
                    functions = ", ".join(self._kinks_of(claims[k]))
                    notes = (found[k].note, f"right only for these sides of the kinks of {functions}")
                    found[k] = replace(found[k], note="; ".join(filter(None, notes)))
                    del telling[k]
        return found

    def _may_be_one_sided(self, claim: Claim, result: ClaimResult) -> bool:
        right = result.verdict is Verdict.KINK or (result.verdict is Verdict.OK and not result.note)
        if not right or claim.numbers is not None:
            return False
        many = len(self.points) > 1 and self.referee.affords() and not self.referee.budget.spent
        return many and bool(self._kinks_of(claim))

    def _far_away(self, claim: Claim, number: int) -> tuple[bool, bool]:
        """Whether a claim fails there, and whether it could: of a derivative that is 0, all factors are
        right."""
        few = self._over_few(claim)
        if few is not None:
            return self._few._far_away(few, number)
        formula = claim.formulas[self.layout]
        there = moved(self.model, number, reach=_FAR)
        if not isinstance(formula, Graph):
            return False, True
        gap = self._gap_with(claim, formula, there, f"far {number}")
        return gap is not None and _fails(gap), gap is not None and bool(np.any(gap.true != 0))

    def _kinks_of(self, claim: Claim) -> list[str]:
        """The functions with a kink that the step is made of; where there are none, of the formula."""
        needed = self.model.graph.upstream([self.model.node(claim.target.of).index])
        formula = claim.formulas[self.layout]
        assert isinstance(formula, Graph)
        own = (n for n in self.model.graph.nodes if needed[n.index])
        return _kinked(own) or _kinked(formula.nodes)

    # -- numbers ------------------------------------------------------------------------------

    def _number(self, claim: Claim, blank: ClaimResult) -> ClaimResult:
        claimed, true, rounding = self._numbers(claim)
        size = np.abs(claimed - true)
        gap = Gap(claimed, true, size, ~(size <= rounding + _unwritten(claim)))
        result = replace(self._placed(blank, gap, self.points[0]), points_total=1)
        kinked = self._between(claim, gap, blank) if self.on_border else None
        if kinked is not None and (gap.wrong.any() or kinked.verdict is Verdict.KINK):
            return kinked
        if self.on_border and gap.wrong.any() and gap.wrong.size > 1:
            gap = self._spared(claim, gap)
            result = replace(self._placed(blank, gap, self.points[0]), points_total=1)
        loose = bool(np.any(rounding > _DECIDABLE * np.abs(true)) and np.any(claimed != true))
        aside = self._aside(claim, gap, blank) if gap.wrong.any() or loose else None
        if aside is not None:
            return aside
        if gap.wrong.any() and not gap.is_known():
            note = "the true value cannot be had here: 0/0, infinite, or outside a domain"
            return replace(result, verdict=Verdict.UNRESOLVED, note=note)
        if gap.wrong.any():
            said = _AS_FLOAT32 if self._is_right_in_float32(claim, gap) else None
            return replace(self._located(result, gap), verdict=Verdict.WRONG, points_wrong=1, note=said)
        return replace(result, note=_decided(claim, gap, rounding))

    def _is_right_in_float32(self, claim: Claim, gap: Gap) -> bool:
        """Whether numbers that came as float64 are what a right program prints that computes in float32."""
        bits = SIGNIFICANDS["float32"]
        if claim.bits <= bits or claim.half_units is not None or not gap.claimed.ndim:
            return False
        rounding = self._rounding(replace(claim, bits=bits), self.points[0], gap.true)
        rounding = rounding.reshape(gap.size.shape)
        return bool(np.all(gap.size <= rounding))

    def _numbers(self, claim: Claim) -> tuple[Array, Array, Array]:
        """Claimed and true numbers, and by how much rounding may have moved the claimed ones."""
        at = self.points[0]
        true = self._limits(claim.target, floats(self.knowledge(at).derivative(claim.target)))
        claimed = np.broadcast_to(np.asarray(claim.numbers, dtype=float), true.shape)
        rounding = self._rounding(claim, at, true).reshape(true.shape)
        return claimed, true, 4 * rounding if self._does_without else rounding  # the truth is off, too

    def _limits(self, target: Derivative, true: Array) -> Array:
        """The truth, with the slope from both sides where the partials are 0/0: sin(x)/x at 0."""
        node = self.model.node(target.by)
        if not np.isnan(true).any() or self.model.node(target.of).shape or node.per_row:
            return true
        found = np.array(true)
        for place in np.argwhere(np.isnan(true))[:_MOST_SLOPES]:
            left, right = self._pair(target, place) or (np.nan, np.nan)
            if abs(left - right) <= _LIMIT * max(abs(left), abs(right)):
                found[tuple(place)] = left
        return found

    def _aside(self, claim: Claim, gap: Gap, blank: ClaimResult) -> ClaimResult | None:
        """Within rounding of a kink a right program may stand on it, or on its other side: there an entry
        is held against the slopes of both sides. None where no kink is near, or none that matters."""
        target, point = claim.target, self.points[0].values
        node = self.model.node(target.by)
        if self.model.node(target.of).shape or node.per_row or not self.referee.affords():
            return None
        if not self.referee.astride(point):
            return None
        wrong, shown = np.array(gap.wrong), None
        for place in list(np.ndindex(gap.wrong.shape))[:_MOST_SLOPES]:
            index = target.index or place
            try:
                pair = self.referee.beside(point, target.of, target.by, index)
            except (*_FAILURES, TypeError, IndexError):
                return None
            left, right = (float(np.asarray(s).reshape(-1)[0]) for s in pair)
            room = _BESIDE * max(abs(left), abs(right))
            if abs(left - right) > room:
                shown = shown or (left, right)
                wrong[place] = not min(left, right) - room <= gap.claimed[place] <= max(left, right) + room
        if shown is None:
            return None
        found = replace(gap, wrong=wrong)
        placed = self._placed(blank, found, self.points[0])
        result = replace(placed, left=shown[0], right=shown[1], points_total=1)
        edge = "within rounding of a kink"
        if wrong.any():
            note = f"{edge}; your value is no slope of its two sides, nor between them"
            return replace(self._located(result, found), verdict=Verdict.WRONG, points_wrong=1, note=note)
        note = f"{edge}; your value lies between the slopes of its two sides"
        return replace(result, verdict=Verdict.KINK, note=note)

    def _placed(self, blank: ClaimResult, gap: Gap, at: At) -> ClaimResult:
        """The result with the numbers of the worst entry."""
        place = gap.worst()
        per_row = gap.per_row
        return replace(
            blank,
            claimed=float(gap.claimed[place]),
            true=float(gap.true[place]),
            point=at.number,
            row=gap.row(place[0]) if per_row and place else None,
            index=tuple(int(k) for k in (place[1:] if per_row else place)) or None,
            wrong=int(gap.wrong.sum()) if gap.counted is None else gap.counted[0],
            total=int(gap.wrong.size) if gap.counted is None else gap.counted[1],
        )

    def _located(self, result: ClaimResult, gap: Gap) -> ClaimResult:
        """The result with which entries are wrong, in words and as a map."""
        if gap.wrong.size < 2 or gap.rows is not None:
            return result
        name = name_of(self.model, result)
        return replace(
            result,
            place=patterns.words(gap.wrong, name, per_row=gap.per_row),
            map=tuple(patterns.picture(gap.wrong, per_row=gap.per_row)),
        )

    def evidence(self, claim: Claim, result: ClaimResult) -> tuple[Evidence, ...]:
        """What a diagnosis may use: a WRONG formula at every point, and beyond the kinks."""
        formula = claim.formulas[self.layout]
        if result.verdict is not Verdict.WRONG or isinstance(formula, Misfit):
            return ()
        if claim.numbers is not None:
            return self._afforded(lambda: self._numbers_evidence(claim, formula, result))
        if self._has_many_rows or self.knowledge(self.points[0]).streams(claim, formula):
            few = self._for_few(claim)
            if few is not None:  # the mistake is the same
                return self._few.evidence(few, self._few.judge(few))
            if not self._has_many_rows:
                return ()
        return self._afforded(lambda: self._formula_evidence(claim, formula))

    def _formula_evidence(self, claim: Claim, formula: Graph) -> tuple[Evidence, ...]:
        found = [self._evidence(claim, formula, at) for at in (*self.points, *self._other_data())]
        if self._kinks_of(claim):
            far = [At(0, self._far(n), f"far {n}") for n in range(1, _FAR_POINTS + 1)]
            found += [e for e in (self._evidence(claim, formula, at) for at in far) if e and _tells(e)]
        return tuple(e for e in found if e is not None)

    def _numbers_evidence(self, claim: Claim, formula: Graph, result: ClaimResult) -> tuple[Evidence, ...]:
        """Of an array: its entries are many, and tell as much as points do, where they have digits."""
        knowledge = self.knowledge(self.points[0])
        claimed, true, rounding = self._numbers(claim)
        room = rounding + _unwritten(claim)
        with np.errstate(all="ignore"):
            told = np.nan_to_num(np.log10(np.abs(true) / room), nan=0.0, posinf=0.0, neginf=0.0)
        if result.left is not None or not true.ndim or np.sum(told, where=told > 1, initial=0.0) < _TELLING:
            return ()

        def leaf(key: Key) -> Array:
            return self._leaf(self.points[0], knowledge, key)

        per_row = knowledge.is_per_row(claim.target)
        tape = knowledge.tape
        return (
            Evidence(self.model, claim, claimed, true, tape, formula, per_row, room, leaf, lambda _: False),
        )

    def _evidence(self, claim: Claim, formula: Graph, at: At) -> Evidence | None:
        knowledge = self.knowledge(at)
        try:
            gap = (
                self._compare(claim, formula, at)
                if knowledge.exact
                else difference(knowledge, claim, formula)
            )
            room = 0.0 if knowledge.exact else 4 * self._rounding(claim, at, gap.true)
        except _FAILURES:
            return None

        def accepts(other: Graph) -> bool:
            if knowledge.exact and self.referee.budget.spent:
                return False
            try:
                return not self._compare(claim, other, at).wrong.any()
            except (*_FAILURES, BudgetSpent):
                return False

        return Evidence(
            self.model, claim, gap.claimed, gap.true, knowledge.tape, formula, gap.per_row,
            np.broadcast_to(room, gap.true.shape), lambda key: self._leaf(at, knowledge, key), accepts,
        )  # fmt: skip

    def _leaf(self, at: At, knowledge: Knowledge, key: Key) -> Array:
        try:
            return floats(knowledge.leaf(key))
        except BudgetSpent:
            return self.knowledge(at).leaf(key)

    def _far(self, number: int) -> Mapping[str, Array]:
        """A point on other sides of the kinks."""
        return {**self.points[0].values, **moved(self.model, number, reach=_FAR)}

    def _other_data(self) -> list[At]:
        """The given point with data and rows moved: what holds for one datum explains nothing.

        Probabilities stay probabilities: arrays whose sums are all the same keep them.
        """
        kinds = ("data", "rows")
        if len(self.points) < 2 or not any(i.kind in kinds for i in self.model.inputs.values()):
            return []
        given = self.points[0].values
        values = {**given}
        for name, other in moved(self.model, 1, kinds=kinds).items():
            same = _same_sums(given[name], other, -1)[1] if self.model.inputs[name].shape else None
            values[name] = other if same is None else same
        return [At(0, values, "other data")]

    # -- the author's own chain ---------------------------------------------------------------

    def carried(self, claims: Sequence[Claim], results: Sequence[ClaimResult]) -> list[ClaimResult]:
        """Each claim's value when its derivatives are the author's own, from earlier lines."""
        return self._afforded(lambda: self._carried(claims, results))

    def _carried(self, claims: Sequence[Claim], results: Sequence[ClaimResult]) -> list[ClaimResult]:
        court = self._doubles if self._has_many_rows else self
        true = court.knowledge(self.points[0])
        knowledge, found = replace(true, known={}), []
        for claim, result in zip(claims, results, strict=True):
            formula = claim.formulas[self.layout]
            if isinstance(formula, Misfit) or claim.numbers is not None:
                found.append(result)
                continue
            value = evaluated(knowledge, formula)
            value = np.asarray(value[0] if knowledge.is_per_row(claim.target) else value[0, 0, ...])
            if claim.target.index is None:
                knowledge.known[claim.target] = value
            place = (*(() if result.row is None else (result.row,)), *(result.index or ()))
            whole = np.broadcast_to(value, np.shape(true.derivative(claim.target)))
            found.append(replace(result, carried=float(whole[place])))
        return found


def name_of(model: Model, result: ClaimResult) -> str:
    """What a claim's entries are called: W0 for d loss/d W0, else d f1/d h1."""
    name = model.display(result.by)
    return name if result.of == model.loss else f"d {model.display(result.of)}/d {name}"


def _tells(evidence: Evidence) -> bool:
    """Whether a point off the beaten track lies in the domain and is not a dead end."""
    finite = np.isfinite(evidence.claimed).all() and np.isfinite(evidence.true).all()
    return bool(finite and np.any(evidence.true != 0))


def _kinked(nodes: Iterable[Node]) -> list[str]:
    records = (n.primitive for n in nodes if not (n.is_leaf or n.is_literal))
    return sorted({r.infix or r.function for r in records if r.kink is not None})


def _fails(gap: Gap) -> bool:
    seen = gap.wrong & np.isfinite(gap.claimed) & np.isfinite(gap.true)
    return bool(seen.any()) and not gap.is_small()


def _where(condition: Any) -> Array:
    return np.asarray(condition, dtype=bool)


def _same_sums(given: Array, other: Array, axis: int) -> tuple[float, Array | None]:
    """The sum along an axis, and other values with the same sums; None where they are not all one."""
    sums = given.sum(axis=axis, keepdims=True)
    with np.errstate(all="ignore"):
        same = other * (sums / other.sum(axis=axis, keepdims=True))
    total = float(sums.flat[0])
    is_one = total != 0 and np.ptp(sums) <= ROUNDING * abs(total)
    return total, same if is_one and np.isfinite(same).all() else None


def _next_to(values: Array, seed: int) -> Array:
    """The doubles next to these, above or below."""
    signs = np.random.Generator(np.random.PCG64(seed)).integers(0, 2, values.shape) * 2 - 1
    return np.asarray(np.nextafter(values, signs * np.inf))


def _blank(model: Model, claim: Claim) -> ClaimResult:
    target = claim.target
    return ClaimResult(
        line=claim.line,
        of=target.of,
        by=target.by + (spell_shape(target.index) if target.index else ""),
        display=claim.display,
        formula=claim.text,
        kind=claim.kind,
        verdict=Verdict.OK,
    )


def _unwritten(claim: Claim) -> Array | float:
    """What the digits that are not written may come to."""
    return 0.0 if claim.half_units is None else claim.half_units * (1 + 1e-9)


def _too_wide(claimed: Array, true: Array, room: Array, share: float) -> bool:
    """Whether some room is more than this share of the truth; 0 for 0 is out of question."""
    with np.errstate(all="ignore"):
        known = (room <= share * np.abs(true)) | ((claimed == 0) & (true == 0))
    return not bool(np.all(known))


def _decided(claim: Claim, gap: Gap, rounding: Array) -> str | None:
    """To how many digits numbers agree, or can be told from wrong ones; 0 for 0 is out of question."""
    true = gap.true
    with np.errstate(all="ignore"):
        carried = np.clip(-np.log10(rounding / np.abs(true)), 0, MOST_DIGITS)
        carried = np.where((true == 0) & (gap.claimed == 0), MOST_DIGITS, carried)
    fewest = int(np.min(np.nan_to_num(carried), initial=MOST_DIGITS))
    name = next(n for n, bits in SIGNIFICANDS.items() if bits == claim.bits)
    narrow = claim.bits < SIGNIFICANDS["float64"]
    written = digits_given(claim.text) if not true.ndim else 0
    most = max(1, int(claim.bits * np.log10(2)) - 3) if narrow else _WANTED_DIGITS
    given = min(written or most, int(MOST_DIGITS))
    s = "" if fewest == 1 else "s"
    if fewest < given:
        worst = "" if not true.ndim else f" in {int(np.sum(carried < given)):,} of {true.size:,} entries"
        return f"undecidable here beyond {fewest} digit{s}{worst}: {name} carries no more"
    if _NUMBER.fullmatch(claim.text.strip()) and claim.half_units is not None and not written:
        return "no digit is given"
    return f"agrees to the {written} digits given" if written else None


def digits_given(text: str) -> int:
    """How many significant digits a number is written with; 0 for what is no single number."""
    if not _NUMBER.fullmatch(text.strip()):
        return 0
    mantissa = text.strip().lstrip("+-").lower().split("e")[0]
    return len(mantissa.replace(".", "").lstrip("0"))


def _unevaluated(failing: Sequence[tuple[At, Gap]], found: Sequence[tuple[At, Gap]]) -> str:
    """0/0 at some points, and right at the others."""
    there = "at the given point" if failing[0][0].number == 0 else f"at point {failing[0][0].number}"
    others = len(found) - len(failing)
    right = f"; it is right at the {others} other points" if others > 1 else ""
    return f"{there} it cannot be evaluated: 0/0, infinite, or outside a domain{right}"


def _two_roundings(model: Model, claim: Claim, failing: Any, found: Any) -> str | None:
    """Right at the given point by accident."""
    if failing[0][0].number == 0 or len(failing) == len(found):
        return None
    return "right at the given point by accident"
