"""Reads what differences of a program found beside its gradients. Gives the report, with verdicts.

Knows nothing of calls and step sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_cli.common.errors import plural
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits
from gradcheck_cli.programs.differenced_entries import Slopes
from gradcheck_cli.programs.joint_entries import Joint
from gradcheck_cli.programs.sampled_loss import SampledLoss
from gradcheck_cli.results import index_patterns
from gradcheck_cli.results.gradient_results import Block, ClaimResult, Coverage, Entry, Report, Verdict, worst
from gradcheck_cli.tracing.gradient_calls import Gradients
from gradcheck_cli.verdicts.diagnosis.chain_rule_slips import CONSTANTS

__all__ = ["KINDS", "Found", "Judged", "report_of", "unrepeatable"]

KINDS = (Verdict.OK, Verdict.KINK, Verdict.UNRESOLVED, Verdict.WRONG)


@dataclass(frozen=True)
class Found:
    """The claimed gradient, (E,), beside differences by entry, or along directions; and at other points."""

    loss: SampledLoss
    value: float
    claimed: Array
    rounding: Array
    slopes: Slopes | None
    joint: Joint | None
    elsewhere: Sequence[tuple[int, float, float, float]]
    tried: int  # other points
    digits: float  # of the gradient that count

    def disagreeing(self) -> list[tuple[int, float, float]]:
        """The other points at which they are apart: number, slope of the gradient, slope of the loss."""
        return [(k, mine, true) for k, mine, true, most in self.elsewhere if not abs(mine - true) <= most]


def report_of(
    found: Found, given: Gradients, *, model: str, claims_file: str, reason: str,
    limits: ProgramsLimits = PROGRAMS,
) -> Report:
    """The report of a program that was differenced.

    Parameters
    ----------
    found : what differences show
    given : the gradients, with their lines
    model, claims_file, reason : as of `check_black_box`
    limits : the digits that differences have to prove

    Returns
    -------
    Report
    """
    judged = Judged(found, limits)
    blocks = tuple(judged.block(name) for name in found.loss.names)
    claims = tuple(judged.claim(n, given.ways[n], given.places[n][1]) for n in found.loss.names)
    coverage = Coverage(
        sum(b.total for b in blocks), sum(b.checked for b in blocks), sum(b.zero for b in blocks),
        sum(b.one_by_one for b in blocks),
    )  # fmt: skip
    closing = [*_on_claims(claims), *judged.closing(coverage)]
    verdict = worst([*(b.verdict for b in blocks), *(c.verdict for c in claims)])
    if found.disagreeing():
        verdict = Verdict.WRONG
    if coverage.zero == coverage.entries and verdict is Verdict.OK:
        verdict = Verdict.UNRESOLVED
        closing.append("Every entry is zero as far as differences tell: nothing was tested.")
    return Report(
        model=model, verdict=verdict, loss=found.value, points=1 + len(found.elsewhere),
        value_note="the program itself is differenced", parameters=blocks, claims=claims, coverage=coverage,
        closing=tuple(closing), notes=(reason,) if reason else (),
        claims_file=claims_file, columns=("finite",), summary=closing[0] if closing else "",
    )  # fmt: skip


def unrepeatable(model: str, claims_file: str, said: str, value: float) -> Report:
    """The report on a program with several values."""
    return Report(
        model=model, verdict=Verdict.UNRESOLVED, loss=value, points=1, value_note="", columns=("finite",),
        closing=(said,),
        claims_file=claims_file, summary=said,
    )  # fmt: skip


class Judged:
    """Verdicts by entry."""

    def __init__(self, found: Found, limits: ProgramsLimits) -> None:
        self.found, self.limits = found, limits
        narrow = found.loss.is_narrow
        self.digits = limits.digits_float32 if narrow else limits.digits
        self.claimed = min(self.digits, found.digits - 1)  # of half a unit of the last: 1.0 +- 0.5e-6
        self.zero = limits.zero_float32 if narrow else limits.zero
        slopes = found.slopes
        known = np.abs(slopes.value[np.isfinite(slopes.value)]) if slopes else np.abs(found.claimed)
        self.scale = float(np.max(known, initial=0.0))

    def entries(self, block: slice) -> tuple[Array, Array, Array]:
        """Of differences alone: verdicts as numbers, digits, and whether an entry is as good as zero.

        Parameters
        ----------
        block : of the entries

        Returns
        -------
        verdicts : (e,) int
        digits : (e,) float64
        zero : (e,) bool
        """
        s = self.found.slopes
        assert s is not None
        value, bound, kink = s.value[block], s.bound[block], s.kink[block]
        with np.errstate(all="ignore"):
            digits = np.minimum(-np.log10(bound / np.abs(value)), self.limits.most_digits)
            zero = (np.abs(value) <= bound) & (bound <= self.zero * self.scale) & ~kink
            open_ = ~(digits >= self.digits) & ~zero & ~kink
        return np.where(kink, 1, np.where(open_, 2, 0)), digits, zero

    def against(self, block: slice) -> Array:
        """The verdicts on the claimed entries, as numbers.

        Parameters
        ----------
        block : of the entries

        Returns
        -------
        (e,) int
        """
        s, claimed = self.found.slopes, self.found.claimed[block]
        assert s is not None
        value, bound, kink = s.value[block], s.bound[block], s.kink[block]
        own, _, zero = self.entries(block)
        with np.errstate(all="ignore"):
            tolerance = bound + self.found.rounding[block]
            wrong = np.abs(claimed - value) > tolerance
            wide = np.maximum(np.abs(s.left[block] - s.right[block]), 0) * 10.0**-self.digits
            low, high = np.fmin(s.left[block], s.right[block]), np.fmax(s.left[block], s.right[block])
            outside = ~((claimed >= low - wide) & (claimed <= high + wide))
            proved = tolerance <= 10.0**-self.claimed * np.abs(value)
        plain = np.where(wrong, 3, np.where(proved | zero, 0, 2))
        return np.where(kink, np.where(outside, 3, 1), np.where(own == 2, np.where(wrong, 3, 2), plain))

    def block(self, name: str) -> Block:
        """The differences by a parameter."""
        place, shape = self.found.loss.blocks[name], self.found.loss.shape(name)
        total = place.stop - place.start
        if self.found.slopes is None:
            return self._joint_block(name, place, shape, total)
        kinds, digits, zero = self.entries(place)
        x, s = self.found.loss.x[place], self.found.slopes
        entries = tuple(
            Entry(
                index=tuple(int(i) for i in np.unravel_index(k, shape)), value=float(x[k]), symbolic=None,
                backprop=None, finite=_number(s.value[place][k]), bound=_number(s.bound[place][k]),
                digits=None if zero[k] or not np.isfinite(digits[k]) or digits[k] <= 0 else float(digits[k]),
                verdict=KINDS[kinds[k]], tested=not zero[k], left=_number(s.left[place][k]),
                right=_number(s.right[place][k]), note=self._entry_note(kinds[k], digits[k]),
            )
            for k in range(total)
        )  # fmt: skip
        known = [e.digits for e in entries if e.digits is not None]
        least = min(range(total), key=lambda k: digits[k] if np.isfinite(digits[k]) else math.inf)
        return Block(
            name=name, shape=shape, verdict=worst(e.verdict for e in entries), total=total,
            checked=total - int(zero.sum()), zero=int(zero.sum()), digits=min(known, default=None),
            worst=entries[least].index if shape else None, entries=entries, claimed=True,
            one_by_one=total - int(zero.sum()), norm=float(np.linalg.norm(np.nan_to_num(s.value[place]))),
        )  # fmt: skip

    def _entry_note(self, kind: int, digits: float) -> str | None:
        if KINDS[kind] is not Verdict.UNRESOLVED:
            return None
        if not np.isfinite(digits) or digits <= 0:
            return "differences prove no digit"
        return f"differences prove {plural(int(digits), 'digit')}"

    def _joint_block(self, name: str, place: slice, shape: tuple[int, ...], total: int) -> Block:
        joint = self.found.joint
        assert joint is not None
        verdict = Verdict.OK if joint.resolved else Verdict.UNRESOLVED
        return Block(
            name=name, shape=shape, verdict=verdict, total=total, checked=total, zero=0, digits=None,
            worst=None, entries=(), claimed=True, way="sampled",
            norm=float(np.linalg.norm(self.found.claimed[place])),
        )  # fmt: skip

    def claim(self, name: str, formula: str, line: int = 0) -> ClaimResult:
        """The result of the gradient by a parameter."""
        place, shape = self.found.loss.blocks[name], self.found.loss.shape(name)
        blank = ClaimResult(
            line=line, of="loss", by=name, display=f"d loss/d {name}", formula=formula, kind="number",
            verdict=Verdict.OK, total=place.stop - place.start,
            points_total=1 + len(self.found.elsewhere),
        )  # fmt: skip
        if self.found.slopes is None:
            return self._joint_claim(blank, name, place, shape)
        kinds = self.against(place)
        verdict = KINDS[int(kinds.max())]
        s, claimed = self.found.slopes, self.found.claimed[place]
        if verdict is Verdict.OK:
            return blank
        with np.errstate(all="ignore"):
            apart = np.nan_to_num(np.abs(claimed - s.value[place]), nan=np.inf)
            size = np.where(kinds == kinds.max(), apart, -1.0)
        k = int(np.argmax(size))
        index = tuple(int(i) for i in np.unravel_index(k, shape)) if shape else None
        wrong = kinds == 3
        is_wrong = verdict is Verdict.WRONG
        return replace(
            blank, verdict=verdict, claimed=float(claimed[k]), true=_number(s.value[place][k]), index=index,
            wrong=int(wrong.sum()), points_wrong=int(is_wrong), left=_number(s.left[place][k]),
            right=_number(s.right[place][k]),
            place=index_patterns.words(wrong.reshape(shape), name) if shape and is_wrong else None,
            diagnosis=self._relation(claimed, place, shape) if is_wrong else None,
            note="differences do not prove enough digits" if verdict is Verdict.UNRESOLVED else None,
        )  # fmt: skip

    def _relation(self, claimed: Array, place: slice, shape: tuple[int, ...]) -> str | None:
        slopes = self.found.slopes
        assert slopes is not None
        tolerance = slopes.bound[place] + self.found.rounding[place]
        return _relation(*(each.reshape(shape) for each in (claimed, slopes.value[place], tolerance)))

    def _joint_claim(
        self, blank: ClaimResult, name: str, place: slice, shape: tuple[int, ...]
    ) -> ClaimResult:
        joint = self.found.joint
        assert joint is not None
        if joint.wrong is None:
            return blank if joint.resolved else replace(blank, verdict=Verdict.UNRESOLVED)
        low, high = joint.wrong
        if high <= place.start or low >= place.stop:
            return _of_other_block(blank, name, joint)
        first = np.unravel_index(max(low, place.start) - place.start, shape)
        index = tuple(int(i) for i in first)
        if high - low > 1:
            start, stop = max(low, place.start) - place.start, min(high, place.stop) - place.start
            note = f"among the entries {start} to {stop - 1}, and maybe others"
            return replace(blank, verdict=Verdict.WRONG, wrong=1, points_wrong=1, note=note)
        note = "found by halving; others are wrong, too" if joint.others else "found by halving; the only one"
        return replace(
            blank, verdict=Verdict.WRONG, wrong=1, points_wrong=1, claimed=float(self.found.claimed[low]),
            true=joint.slope, index=index, note=note,
        )  # fmt: skip

    def closing(self, coverage: Coverage) -> list[str]:
        """What was done, and what was not."""
        found, calls = self.found, plural(self.found.loss.calls, "call")
        if found.joint is not None:
            seen = found.joint.unseen
            least = f"; an error of one entry below {seen:.0e} of the largest is not seen" if seen else ""
            said = f"{coverage.entries:,} entries were tested jointly along random signs, in {calls}"
            said += f"{least}."
        else:
            least_digits = [e for e in self.entries(slice(None))[1] if np.isfinite(e) and e > 0]
            proved = f", to at least {plural(int(min(least_digits)), 'digit')}" if least_digits else ""
            said = f"Each entry was differenced{proved}, in {calls} of {found.loss.program.name}."
        told = [said]
        if coverage.zero:
            are = "entry is" if coverage.zero == 1 else "entries are"
            told.append(f"{coverage.zero:,} {are} zero as far as differences tell: NOT tested.")
        if len(found.elsewhere) < found.tried:
            compared = f"{len(found.elsewhere)} of {found.tried} other points"
            told.append(f"Compared at {compared}: at the rest there is no value, no gradient or no slope.")
        for number, mine, true in found.disagreeing()[:1]:
            slopes = f"along random signs its slope is {mine:.10g}, and that of the loss is {true:.10g}"
            told.append(f"At point {number} the gradient is WRONG: {slopes}.")
        return told


def _of_other_block(blank: ClaimResult, name: str, joint: Joint) -> ClaimResult:
    """The claim of a block in which no entry was found, where one was in another."""
    if joint.wrong_blocks is None and joint.others:
        note = "more is wrong than the entry that was found, maybe here"
        return replace(blank, verdict=Verdict.UNRESOLVED, note=note)
    if joint.wrong_blocks and name in joint.wrong_blocks:
        note = "its slope along random signs is another"
        return replace(blank, verdict=Verdict.WRONG, wrong=1, points_wrong=1, note=note)
    return blank


def _on_claims(claims: Sequence[ClaimResult]) -> list[str]:
    wrong = sorted({c.line for c in claims if c.verdict is Verdict.WRONG})
    count = sum(c.verdict is Verdict.WRONG for c in claims)
    if not count:
        kinds = ((kind, sum(c.verdict is kind for c in claims)) for kind in KINDS)
        told = [f"{number} {kind}" for kind, number in kinds if number]
        return [f"Your claim{'s' * (len(claims) > 1)}: {', '.join(told)}."]
    lines = f"line{'s' * (len(wrong) > 1)} {', '.join(map(str, wrong))}"
    if len(claims) == 1:
        return [f"Your only claim is WRONG: {lines}."]
    return [f"{count} of your {len(claims)} claims {'is' if count == 1 else 'are'} WRONG: {lines}."]


def _relation(claimed: Array, value: Array, tolerance: Array) -> str | None:
    """How all entries relate to the true ones, where several tell it; of one number its sign."""
    told = int(np.sum(np.abs(value) > tolerance))
    if np.all(np.abs(claimed + value) <= tolerance) and told:
        return "has the wrong sign"
    is_square = claimed.ndim == len(set(claimed.shape)) + 1 == 2
    if is_square and np.all(np.abs(claimed.T - value) <= tolerance):
        return "is transposed"
    lengths = [(float(n), f"{n:,}") for n in claimed.shape if n > 1]
    for factor, text in (*CONSTANTS, *lengths, *((1 / n, f"1/{t}") for n, t in lengths)):
        if told > 1 and np.all(np.abs(claimed - factor * value) <= tolerance * max(1.0, abs(factor))):
            return f"is {text} times the true value"
    return None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
