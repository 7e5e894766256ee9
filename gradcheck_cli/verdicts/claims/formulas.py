"""Reads formulas of derivatives. Gives verdicts: right at every point, and not by an accident of the data.

The right side's derivatives are filled with TRUE values, so that one slip gives one wrong line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.model.graph import Graph
from gradcheck_cli.model.model import Claim, Input
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.results.gradient_results import ClaimResult, Restriction, Verdict
from gradcheck_cli.verdicts.claims.context import ClaimContext
from gradcheck_cli.verdicts.claims.discrepancy import Discrepancy, difference
from gradcheck_cli.verdicts.claims.held_to_slopes import (
    Held,
    fails_off_kinks,
    hold_to_slopes,
    off_kinks,
    verdict_at_kink,
)
from gradcheck_cli.verdicts.claims.true_values import At, are_many, derivatives_in

__all__ = ["are_roundings", "judge_formula", "right_for_data", "same_sums"]

_Compared = tuple[At, Discrepancy]


def judge_formula(context: ClaimContext, claim: Claim, formula: Graph, blank: ClaimResult) -> ClaimResult:
    """`blank`, filled in: WRONG where the formula is off at some point, with the first one it is off at."""
    found = [(at, context.compare(claim, formula, at)) for at in (*context.points, *_beside(context))]
    found[1:] = [(at, off_kinks(context, claim, at, discrepancy)) for at, discrepancy in found[1:]]
    failing = [(at, discrepancy) for at, discrepancy in found if discrepancy.wrong.any()]
    if not found[0][1].wrong.any():  # what is too small to be told from another at other points says nothing
        failing = [(at, discrepancy) for at, discrepancy in failing if not discrepancy.is_too_small()]
    elsewhere = [(at, discrepancy) for at, discrepancy in failing if at.number != 0]
    if context.on_kink and not elsewhere:
        blank = replace(blank, points_total=len(found))
        held = hold_to_slopes(context, claim, found[0][1], lambda true, scale: 0.0)
        kinked = _at_the_kink(context, claim, held, blank) if held else None
        if kinked is not None:
            return kinked
        if held is not None:
            found[0] = found[0][0], held.discrepancy
            failing = [(at, discrepancy) for at, discrepancy in found if discrepancy.wrong.any()]
    if context.on_kink and elsewhere:  # at the kink it may be a convention
        failing = elsewhere
    _, discrepancy = failing[0] if failing else found[0]
    if not failing or are_roundings(context, claim, formula, failing):
        return _accept(context, claim, formula, blank, discrepancy)
    return _judge_failing(context, claim, formula, blank, found, failing)


def _judge_failing(
    context: ClaimContext, claim: Claim, formula: Graph, blank: ClaimResult, found: Sequence[_Compared],
    failing: Sequence[_Compared],
) -> ClaimResult:
    """A formula that is off at some points: WRONG, unless its numbers or a symmetry explain them, or nothing
    is known there."""
    known = [(at, discrepancy) for at, discrepancy in failing if discrepancy.is_known()]
    at, discrepancy = known[0] if known else failing[0]
    result = replace(
        context.with_pattern(context.with_worst_entry(blank, discrepancy, at), discrepancy),
        points_wrong=len(known), points_total=len(found),
    )  # fmt: skip
    if not known:
        return replace(result, verdict=Verdict.UNRESOLVED, note=_evaluation_note(failing, found))
    from gradcheck_cli.verdicts.claims.long_literals import explain_by_long_literals

    counted = explain_by_long_literals(context, claim, formula)
    if counted is not None:
        return replace(result, verdict=Verdict.OK, wrong=0, place=None, map=(), points_wrong=0, note=counted)
    matrices = _symmetric(context, claim, formula, [at for at, _ in known], found)
    if matrices:
        right = _accept(context, claim, formula, blank, found[0][1])
        said = "; ".join(filter(None, (_for_symmetric(context, matrices), right.note)))
        return replace(right, note=said, only=(Restriction.SYMMETRY, *right.only))
    note = None if context.lacks_precision else _at_first_alone(failing, found)
    if note is None and result.claimed == result.true:
        note = discrepancy.unseen_gap()
    return replace(result, verdict=Verdict.WRONG, note=note)


def _symmetric(
    context: ClaimContext, claim: Claim, formula: Graph, failing: Sequence[At], found: Sequence[_Compared]
) -> list[str]:
    """The matrices for which a formula is right whenever they are symmetric, as at the given point."""
    if any(at.number == 0 for at in failing):
        return []
    from gradcheck_cli.verdicts.claims.symmetric import right_if_symmetric

    return right_if_symmetric(context, claim, formula, [at for at, _ in found if at.number != 0])


def _for_symmetric(context: ClaimContext, matrices: Sequence[str]) -> str:
    return f"right for every symmetric {' and '.join(context.model.display(name) for name in matrices)}"


def _beside(context: ClaimContext) -> list[At]:
    """Other points for a formula at a kink, where it is to be judged at that point alone: it only has to lie
    between the slopes there."""
    if not context.on_kink or len(context.points) > 1:
        return []
    given = context.points[0].values
    numbers = range(1, context.limits.points_beside + 1)
    return [At(k, given.with_values(context.moved_inputs(k))) for k in numbers]


def _at_the_kink(
    context: ClaimContext, claim: Claim, held: Held, blank: ClaimResult
) -> ClaimResult | None:
    """What the slopes at the given point say of a formula that is right elsewhere; None where they add
    nothing."""
    kinked = verdict_at_kink(context, claim, held, blank)
    if kinked is not None and (kinked.only or kinked.verdict is Verdict.UNRESOLVED):
        return replace(kinked, note=f"{kinked.note}; right at the other points")
    return kinked


def _accept(
    context: ClaimContext, claim: Claim, formula: Graph, blank: ClaimResult, first: Discrepancy
) -> ClaimResult:
    worst = context.with_worst_entry(blank, first, context.points[0])
    result = replace(worst, points_total=len(context.points), wrong=0)
    note = right_for_data(context, claim, formula)
    only = (Restriction.DATA,) if note else ()
    if note is not None:
        from gradcheck_cli.verdicts.claims.symmetric import right_for_symmetric_data

        moved = context.moved_inputs(1, kinds=("data", "rows"))
        matrices = right_for_symmetric_data(context, claim, formula, moved)
        if matrices:
            note, only = _for_symmetric(context, matrices), (Restriction.SYMMETRY,)
    if note is None:
        note = _for_assumptions(context, claim, formula)
    if note is None and first.wrong.any():
        note = f"right but for the rounding of the data to doubles, {first.size.max():.1e}"
    return replace(result, note=note, only=only)


def _for_assumptions(context: ClaimContext, claim: Claim, formula: Graph) -> str | None:
    """What is assumed of names and makes a claim right that is wrong without it."""
    assumed = [i for i in context.model.inputs.values() if i.assumptions]
    if not assumed or len(context.points) < 2:
        return None
    kinds = ("data", "rows", "param")
    free = context.moved_inputs(1, kinds=kinds, freely=True)
    broken = {i.name: _break(i, free[i.name]) for i in assumed}
    needed = [i for i in assumed if fails_off_kinks(context, claim, formula, {i.name: broken[i.name]})]
    said = [assumption.says(i.display) for i in needed for assumption in i.assumptions]
    return f"right where {' and '.join(said)}" if said else None


def _break(item: Input, values: Array) -> Array:
    """Values that break what is assumed; positive ones stay positive where they are moved."""
    kept = all(assumption.broken_by(values) is None for assumption in item.assumptions)
    return -values if kept else values


def are_roundings(
    context: ClaimContext, claim: Claim, formula: Graph, failing: Sequence[_Compared]
) -> bool:
    """Whether data that are a rounding away make the claim right: 0.1 + 0.2 + 0.3 + 0.4 is 1. For whole
    numbers also parameters, but only where a value has all digits of a double: 1/3, not 10."""
    whole = claim.integers is not None
    data = [
        i for i in context.model.inputs.values()
        if whole or i.kind in ("data", "rows") or i.assumptions  # a norm of 1 is one but for rounding
    ]  # fmt: skip
    small = all(not found.in_blocks and found.is_small(context.limits) for _, found in failing)
    if not data or not small:
        return False
    exact = not context.lacks_precision
    for at, discrepancy in failing:
        change = np.zeros_like(discrepancy.size)
        for sample in range(1, context.limits.data_roundings + 1):
            near = {i.name: _next_to(at.values[i.name], sample, all_digits=whole) for i in data}
            there = At(at.number, at.values.with_values(near))
            truth = context.true_values(there, derivatives_in(claim, formula))
            if exact:
                context.require_precision()
            again = difference(truth, claim, formula)
            change = np.maximum(change, np.abs(again.size - discrepancy.size))
        if (discrepancy.wrong & ~(discrepancy.size <= context.limits.data_rounding_safety * change)).any():
            return False
    return True


def right_for_data(context: ClaimContext, claim: Claim, formula: Graph) -> str | None:
    """Which datum makes a claim right that is not right for other data."""
    names = [i.name for i in context.model.inputs.values() if i.kind in ("data", "rows")]
    if not names or len(context.points) < 2:
        return None
    everything = context.moved_inputs(1, kinds=("data", "rows"))
    if not fails_off_kinks(context, claim, formula, everything):
        return None
    for name in names:
        if fails_off_kinks(context, claim, formula, {name: everything[name]}):
            total = _only_its_sum(context, claim, formula, name, everything[name])
            return total or f"right only for this {_datum(context, name)}"
    return "right only for these data"


def _only_its_sum(
    context: ClaimContext, claim: Claim, formula: Graph, name: str, values: Array
) -> str | None:
    """Whether it is a sum of the datum, 1 of probabilities, that makes the claim right."""
    item = context.model.inputs[name]
    if are_many(item.values.size, context.limits) or item.assumptions:
        return None
    for axis in reversed(range(len(item.shape))):
        given = context.points[0].values[name]
        total, same = same_sums(given, values, axis - len(item.shape), context.limits)
        if same is not None and not context.fails_with(claim, formula, {name: same}):
            along = f", axis={axis}" if len(item.shape) > 1 else ""
            return f"right only where sum({item.display}{along}) = {total:.6g}"
    return None


def _datum(context: ClaimContext, name: str) -> str:
    item = context.model.inputs[name]
    value = f": {item.display} = {float(item.values):.6g}" if item.values.ndim == 0 else ""
    return f"{item.display}{value}"


def _next_to(values: Array, seed: int, *, all_digits: bool = False) -> Array:
    """The doubles next to these, above or below; only to those with `all_digits` of a double."""
    signs = np.random.Generator(np.random.PCG64(seed)).integers(0, 2, values.shape) * 2 - 1
    found = np.asarray(np.nextafter(values, signs * np.inf))
    if not all_digits:
        return found
    short = [float(f"{value:.14g}") == value for value in values.ravel()]
    return np.where(np.reshape(short, values.shape), values, found)


def _evaluation_note(failing: Sequence[_Compared], found: Sequence[_Compared]) -> str:
    """0/0 at some points, or so small that nobody can tell, and right at the others."""
    there = "at the given point" if failing[0][0].number == 0 else f"at point {failing[0][0].number}"
    others = len(found) - len(failing)
    right = f"; it is right at the {others} other points" if others > 1 else ""
    why = "cannot be evaluated: 0/0, infinite, or outside a domain"
    worst = failing[0][1]
    if worst.is_too_small():
        why = "is too small to be told from another"
    return f"{there} it {why}{right}"


def _at_first_alone(failing: Sequence[_Compared], found: Sequence[_Compared]) -> str | None:
    """What is said of a formula that is right at the given point and wrong at others."""
    if found[0][1].wrong.any() or len(failing) == len(found):
        return None
    return "right at the given point by accident"


def same_sums(given: Array, other: Array, axis: int, limits: ClaimsLimits) -> tuple[float, Array | None]:
    """The sum along an axis, and other values with the same sums.

    Parameters
    ----------
    given, other : float64 arrays of one shape
    axis : to sum along
    limits : how far sums may differ by rounding of the data

    Returns
    -------
    total : float
        The first of the sums.
    same : float64 array of that shape, or None
        `other`, scaled; None where the sums are not all one number, or it is not finite.
    """
    sums = given.sum(axis=axis, keepdims=True)
    with np.errstate(all="ignore"):
        same = other * (sums / other.sum(axis=axis, keepdims=True))
    total = float(sums.flat[0])
    is_one = total != 0 and np.ptp(sums) <= limits.data_rounding * abs(total)
    return total, same if is_one and np.isfinite(same).all() else None
