"""Reads formulas of derivatives. Gives verdicts: right at every point, and not by an accident of the data.

The right side's derivatives are filled with TRUE values, so that one slip gives one wrong line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.model.graph import Graph
from gradcheck_cli.model.model import Claim
from gradcheck_cli.model.random_points import moved
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.at_kinks import judge_at_kink
from gradcheck_cli.verdicts.claims.context import Court
from gradcheck_cli.verdicts.claims.discrepancy import ROUNDING, Gap, difference
from gradcheck_cli.verdicts.claims.true_values import At, are_many

__all__ = ["judge_formula", "same_sums"]

_SAMPLES = 4


def judge_formula(court: Court, claim: Claim, formula: Graph, blank: ClaimResult) -> ClaimResult:
    """`blank`, filled in: WRONG where the formula is off at some point, with the first one it is off at."""
    found = [(at, court.compare(claim, formula, at)) for at in court.points]
    failing = [(at, gap) for at, gap in found if gap.wrong.any()]
    at, gap = failing[0] if failing else found[0]
    if at.number == 0 and court.on_border:
        elsewhere = [other for other, _ in failing if other.number != 0]
        kinked = judge_at_kink(court, claim, gap, blank, elsewhere=not elsewhere and len(found) > 1)
        if kinked is not None and (failing or kinked.verdict is not Verdict.OK):
            return kinked
    if not failing or _are_roundings(court, claim, formula, failing):
        return _accepted(court, claim, formula, blank, gap)
    known = [(at, gap) for at, gap in failing if gap.is_known()]
    at, gap = known[0] if known else failing[0]
    result = replace(
        court.located(court.placed(blank, gap, at), gap),
        points_wrong=len(known), points_total=len(found),
    )  # fmt: skip
    if not known:
        return replace(result, verdict=Verdict.UNRESOLVED, note=_unevaluated(failing, found))
    note = None if court.does_without else _at_first_alone(failing, found)
    if note is None and result.claimed == result.true:
        note = f"they differ by {float(gap.size[gap.worst()]):.1e}, which float64 cannot show"
    return replace(result, verdict=Verdict.WRONG, note=note)


def _accepted(court: Court, claim: Claim, formula: Graph, blank: ClaimResult, first: Gap) -> ClaimResult:
    result = replace(court.placed(blank, first, court.points[0]), points_total=len(court.points), wrong=0)
    note = _accident(court, claim, formula)
    if note is None and first.wrong.any():
        note = f"right but for the rounding of the data to doubles, {first.size.max():.1e}"
    return replace(result, note=note)


def _are_roundings(court: Court, claim: Claim, formula: Graph, failing: Sequence[tuple[At, Gap]]) -> bool:
    """Whether data that are a rounding away make the claim right: 0.1 + 0.2 + 0.3 + 0.4 is 1."""
    data = [i for i in court.model.inputs.values() if i.kind in ("data", "rows")]
    if not data or any(gap.in_blocks or not gap.is_small() for _, gap in failing):
        return False
    for at, gap in failing:
        change = np.zeros_like(gap.size)
        for sample in range(1, _SAMPLES + 1):
            near = {i.name: _next_to(at.values[i.name], sample) for i in data}
            there = At(at.number, {**at.values, **near}, f"rounding {sample}")
            again = difference(court.knowledge(there), claim, formula)
            change = np.maximum(change, np.abs(again.size - gap.size))
        if (gap.wrong & ~(gap.size <= 2 * change)).any():
            return False
    return True


def _accident(court: Court, claim: Claim, formula: Graph) -> str | None:
    """Which datum makes a claim right that is not right for other data."""
    names = [i.name for i in court.model.inputs.values() if i.kind in ("data", "rows")]
    if not names or len(court.points) < 2:
        return None
    everything = moved(court.model, 1, kinds=("data", "rows"))
    if not court.fails_with(claim, formula, everything, "all data"):
        return None
    for name in names:
        if court.fails_with(claim, formula, {name: everything[name]}, f"data {name}"):
            total = _only_its_sum(court, claim, formula, name, everything[name])
            return total or f"right only for this {_datum(court, name)}"
    return "right only for these data"


def _only_its_sum(court: Court, claim: Claim, formula: Graph, name: str, values: Array) -> str | None:
    """Whether it is a sum of the datum, 1 of probabilities, that makes the claim right."""
    item = court.model.inputs[name]
    if are_many(item.values.size):
        return None
    for axis in reversed(range(len(item.shape))):
        total, same = same_sums(court.points[0].values[name], values, axis - len(item.shape))
        if same is not None and not court.fails_with(
            claim, formula, {name: same}, f"sum of {name}, axis={axis}"
        ):
            along = f", axis={axis}" if len(item.shape) > 1 else ""
            return f"right only where sum({item.display}{along}) = {total:.6g}"
    return None


def _datum(court: Court, name: str) -> str:
    item = court.model.inputs[name]
    value = f": {item.display} = {float(item.values):.6g}" if item.values.ndim == 0 else ""
    return f"{item.display}{value}"


def _next_to(values: Array, seed: int) -> Array:
    """The doubles next to these, above or below."""
    signs = np.random.Generator(np.random.PCG64(seed)).integers(0, 2, values.shape) * 2 - 1
    return np.asarray(np.nextafter(values, signs * np.inf))


def _unevaluated(failing: Sequence[tuple[At, Gap]], found: Sequence[tuple[At, Gap]]) -> str:
    """0/0 at some points, and right at the others."""
    there = "at the given point" if failing[0][0].number == 0 else f"at point {failing[0][0].number}"
    others = len(found) - len(failing)
    right = f"; it is right at the {others} other points" if others > 1 else ""
    return f"{there} it cannot be evaluated: 0/0, infinite, or outside a domain{right}"


def _at_first_alone(failing: Sequence[tuple[At, Gap]], found: Sequence[tuple[At, Gap]]) -> str | None:
    """What is said of a formula that is right at the given point and wrong at others."""
    if failing[0][0].number == 0 or len(failing) == len(found):
        return None
    return "right at the given point by accident"


def same_sums(given: Array, other: Array, axis: int) -> tuple[float, Array | None]:
    """The sum along an axis, and other values with the same sums; None where they are not all one."""
    sums = given.sum(axis=axis, keepdims=True)
    with np.errstate(all="ignore"):
        same = other * (sums / other.sum(axis=axis, keepdims=True))
    total = float(sums.flat[0])
    is_one = total != 0 and np.ptp(sums) <= ROUNDING * abs(total)
    return total, same if is_one and np.isfinite(same).all() else None
