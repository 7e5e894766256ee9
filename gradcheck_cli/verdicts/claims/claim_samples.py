"""Reads a wrong claim. Gives what a diagnosis may use: what is claimed and what is true at the points, with
other data and beyond the kinks, and what other formulas would give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Graph, Key
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.model.random_points import moved
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.results.gradient_results import ClaimResult
from gradcheck_cli.verdicts.claims.at_kinks import FAR, FAR_POINTS, kinks_of
from gradcheck_cli.verdicts.claims.context import FAILURES, Court
from gradcheck_cli.verdicts.claims.discrepancy import difference
from gradcheck_cli.verdicts.claims.formulas import same_sums
from gradcheck_cli.verdicts.claims.numbers import numbers_of, unwritten
from gradcheck_cli.verdicts.claims.true_values import At, Knowledge

__all__ = ["Evidence", "evidence_of_formula", "evidence_of_numbers"]

_TELLING = 7.0  # digits that all entries of a wrong array have together: some 50 explanations are tried


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


def evidence_of_formula(court: Court, claim: Claim, formula: Graph) -> tuple[Evidence, ...]:
    """At every point, with other data, and beyond the kinks of what is differentiated."""
    found = [_evidence(court, claim, formula, at) for at in (*court.points, *_other_data(court))]
    if kinks_of(court, claim):
        far = [At(0, _far(court, n), f"far {n}") for n in range(1, FAR_POINTS + 1)]
        found += [e for e in (_evidence(court, claim, formula, at) for at in far) if e and _tells(e)]
    return tuple(e for e in found if e is not None)


def evidence_of_numbers(
    court: Court, claim: Claim, formula: Graph, result: ClaimResult
) -> tuple[Evidence, ...]:
    """Of an array: its entries are many, and tell as much as points do, where they have digits."""
    knowledge = court.knowledge(court.points[0])
    claimed, true, rounding = numbers_of(court, claim)
    room = rounding + unwritten(claim)
    with np.errstate(all="ignore"):
        told = np.nan_to_num(np.log10(np.abs(true) / room), nan=0.0, posinf=0.0, neginf=0.0)
    if result.left is not None or not true.ndim or np.sum(told, where=told > 1, initial=0.0) < _TELLING:
        return ()

    def leaf(key: Key) -> Array:
        return _leaf(court, court.points[0], knowledge, key)

    per_row = knowledge.is_per_row(claim.target)
    tape = knowledge.tape
    return (
        Evidence(court.model, claim, claimed, true, tape, formula, per_row, room, leaf, lambda _: False),
    )


def _evidence(court: Court, claim: Claim, formula: Graph, at: At) -> Evidence | None:
    knowledge = court.knowledge(at)
    try:
        gap = (
            court.compare(claim, formula, at)
            if knowledge.exact
            else difference(knowledge, claim, formula)
        )
        room = 0.0 if knowledge.exact else 4 * court.rounding(claim, at, gap.true)
    except FAILURES:
        return None

    def accepts(other: Graph) -> bool:
        if knowledge.exact and court.referee.budget.spent:
            return False
        try:
            return not court.compare(claim, other, at).wrong.any()
        except (*FAILURES, BudgetSpent):
            return False

    return Evidence(
        court.model, claim, gap.claimed, gap.true, knowledge.tape, formula, gap.per_row,
        np.broadcast_to(room, gap.true.shape), lambda key: _leaf(court, at, knowledge, key), accepts,
    )  # fmt: skip


def _leaf(court: Court, at: At, knowledge: Knowledge, key: Key) -> Array:
    try:
        return floats(knowledge.leaf(key))
    except BudgetSpent:
        return court.knowledge(at).leaf(key)


def _far(court: Court, number: int) -> Mapping[str, Array]:
    """A point on other sides of the kinks."""
    return {**court.points[0].values, **moved(court.model, number, reach=FAR)}


def _other_data(court: Court) -> list[At]:
    """The given point with data and rows moved: what holds for one datum explains nothing.

    Probabilities stay probabilities: arrays whose sums are all the same keep them.
    """
    kinds = ("data", "rows")
    if len(court.points) < 2 or not any(i.kind in kinds for i in court.model.inputs.values()):
        return []
    given = court.points[0].values
    values = {**given}
    for name, other in moved(court.model, 1, kinds=kinds).items():
        same = same_sums(given[name], other, -1)[1] if court.model.inputs[name].shape else None
        values[name] = other if same is None else same
    return [At(0, values, "other data")]


def _tells(evidence: Evidence) -> bool:
    """Whether a point off the beaten track lies in the domain and is not a dead end."""
    finite = np.isfinite(evidence.claimed).all() and np.isfinite(evidence.true).all()
    return bool(finite and np.any(evidence.true != 0))
