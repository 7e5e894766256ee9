"""Reads judged numbers that are claimed of values. Gives which WRONG ones follow from earlier WRONG ones.

A program's forward pass that goes wrong in one step is wrong in all that follow: each line is computed once
more with the author's own numbers in place of the true ones. Knows nothing of formulas that are claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.evaluation.evaluate import compute
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.true_values import entry_of

__all__ = ["note_what_follows"]

Given = Mapping[str, tuple[Claim, ClaimResult]]


def note_what_follows(
    model: Model, claims: Sequence[Claim], results: Sequence[ClaimResult], limits: DiagnosisLimits
) -> list[ClaimResult]:
    """The results; WRONG numbers of which nothing is said yet with the WRONG numbers that they are made of.

    Parameters
    ----------
    model : the graph, with the given point
    claims, results : of values, one for each
    limits : how far what follows may be off

    Returns
    -------
    list of ClaimResult
    """
    wrong = _wrong_numbers(claims, results)
    if not wrong:
        return list(results)
    found = []
    for claim, result in zip(claims, results, strict=True):
        is_silent = result.verdict is Verdict.WRONG and not (result.note or result.diagnosis)
        note = _note(model, claim, wrong, limits) if is_silent and claim.numbers is not None else None
        found.append(replace(result, note=note) if note else result)
    return found


def _wrong_numbers(claims: Sequence[Claim], results: Sequence[ClaimResult]) -> Given:
    """The WRONG numbers of whole values that nobody claims right, by name."""
    right = {c.target.of for c, r in zip(claims, results, strict=True) if r.verdict is Verdict.OK}
    return {
        claim.target.of: (claim, result) for claim, result in zip(claims, results, strict=True)
        if claim.numbers is not None and claim.target.index is None
        and result.verdict is Verdict.WRONG and claim.target.of not in right
    }  # fmt: skip


def _note(model: Model, claim: Claim, wrong: Given, limits: DiagnosisLimits) -> str | None:
    own = model.node(claim.target.of).index
    needed = model.graph.upstream([own])
    before = [name for name in wrong if name != claim.target.of and needed[model.node(name).index]]
    if not before:
        return None
    last = max(before, key=lambda name: model.node(name).index)
    numbers = {name: np.asarray(wrong[name][0].numbers, dtype=np.float64) for name in before}
    with np.errstate(all="ignore"):
        made = _with_own_numbers(model, own, numbers)
        tolerance = _tolerance(model, own, claim, numbers, {name: wrong[name][0] for name in before}, limits)
        if claim.target.index is not None:
            made, tolerance = entry_of(made, claim.target.index), entry_of(tolerance, claim.target.index)
        claimed = np.broadcast_to(np.asarray(claim.numbers, dtype=np.float64), made.shape)
        follows = bool(np.all(np.abs(made - claimed) <= tolerance + limits.same * np.abs(made)))
    of, line = wrong[last][1].display, wrong[last][1].line
    return f"follows from {of} as line {line} has it" if follows else f"is made of {of}, WRONG in line {line}"


def _with_own_numbers(model: Model, target: int, numbers: Mapping[str, Array]) -> Array:
    """The value of a node where some names have other values; (rows?, *shape)."""
    own = {model.node(name).index: value for name, value in numbers.items()}
    point, needed, values = model.point(), model.graph.upstream([target]), dict[int, Array]()
    for node in (node for node in model.graph.nodes if needed[node.index]):
        given = own.get(node.index, point[str(node.key)] if node.is_leaf else None)
        if given is not None:
            values[node.index] = given[None] if node.per_row else given[None, None]
        else:
            values[node.index] = compute(node, values, FLOAT64)
    found = values[target]
    return np.asarray(found[0] if model.graph.nodes[target].per_row else found[0, 0, ...])


def _tolerance(
    model: Model, target: int, claim: Claim, numbers: Mapping[str, Array], claims: Mapping[str, Claim],
    limits: DiagnosisLimits,
) -> Array:
    """How far numbers may be off that follow from others: by the digits that neither writes."""
    plain, spread = _with_own_numbers(model, target, numbers), np.zeros(())
    signs = np.random.Generator(np.random.PCG64(1))
    for _ in range(limits.own_number_samples):
        moved = {}
        for name, value in numbers.items():
            half = np.asarray(claims[name].half_units if claims[name].half_units is not None else 0.0)
            moved[name] = value + half * signs.choice([-1.0, 1.0], size=value.shape)
        spread = np.maximum(spread, np.abs(_with_own_numbers(model, target, moved) - plain))
    own = 0.0 if claim.half_units is None else claim.half_units
    rounding = 2.0 ** (1 - claim.bits) * limits.program_ulps * np.abs(plain)
    tolerance = limits.own_number_safety * spread + limits.half_unit_factor * own + rounding
    return np.array(np.broadcast_to(tolerance, plain.shape))
