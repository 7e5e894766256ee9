"""Reads WRONG numbers of a file, or a formula. Gives the one step of a backward pass that, done wrongly,
makes them all.

Somebody's program printed the numbers. Backprop is run with one mistake at a time, of the kinds that people
make in such programs; one that gives every number of the file, the right ones too, comes before one that
gives some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from gradcheck_cli.derivatives import backprop
from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.model.graph import Derivative
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.numerics.limits.evaluation import EvaluationLimits
from gradcheck_cli.numerics.named_constants import significant_digits
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.claims.true_values import entry_of
from gradcheck_cli.verdicts.diagnosis.edits_of_truth import explain_by_edit_of_truth
from gradcheck_cli.verdicts.diagnosis.rule_slips import Mistake, mistakes

__all__ = ["find_edit_of_truth", "find_mistake", "find_mistake_in_formula", "find_mistake_in_some"]


@dataclass(frozen=True)
class _Target:
    """A point, and what is claimed there of derivatives of the loss, and how far it may be off."""

    tape: Tape
    claimed: Mapping[Derivative, tuple[Array, Array]]


def find_mistake(
    tape: Tape, claims: Sequence[Claim], results: Sequence[ClaimResult], limits: DiagnosisLimits
) -> str | None:
    """The first mistake, from the loss backward, that gives all claimed numbers; None where none does. `tape`
    is the forward pass at their point."""
    model = tape.model
    judged = [
        (claim, result)
        for claim, result in zip(claims, results, strict=True)
        if claim.numbers is not None and claim.target.of == model.loss
        and result.verdict in (Verdict.OK, Verdict.WRONG)
    ]  # fmt: skip
    wrong = [claim for claim, result in judged if result.verdict is Verdict.WRONG]
    return _find_explaining(tape, wrong, [claim for claim, _ in judged], limits)


def find_mistake_in_some(
    tape: Tape, claims: Sequence[Claim], limits: DiagnosisLimits, share: int = 1
) -> str | None:
    """The same for the numbers of some claims, where no mistake gives those of all; with one part in `share`
    of the work."""
    if any(c.target.of != tape.model.loss for c in claims):
        return None
    part = limits._replace(most_mistake_work=limits.most_mistake_work // share)
    return _find_explaining(tape, claims, claims, part)


def find_edit_of_truth(tape: Tape, claim: Claim, limits: DiagnosisLimits) -> str | None:
    """The single edit of the true formula that gives the numbers of a claim."""
    numbers, tolerance = _numbers(claim, limits)
    return explain_by_edit_of_truth(tape, claim, numbers, tolerance, _digits(claim, limits), limits)


def _find_explaining(
    tape: Tape, wrong: Sequence[Claim], explained: Sequence[Claim], limits: DiagnosisLimits
) -> str | None:
    """The first mistake that gives what is `explained`, if the wrong ones tell enough."""
    if sum(_digits(claim, limits) for claim in wrong) < limits.least_information:
        return None
    if len({claim.target.by for claim in explained}) < len(explained):
        return None  # two claims of one derivative: no mistake gives both
    model = tape.model
    if _reproduces(model, _Target(tape, {c.target: _numbers(c, limits) for c in wrong})):
        return None  # off by rounding, or so little that every mistake that hardly shows would do
    return _first(model, [_Target(tape, {c.target: _numbers(c, limits) for c in explained})], limits)


def find_mistake_in_formula(
    model: Model, claim: Claim, samples: Sequence[ClaimSample], limits: DiagnosisLimits,
    evaluation: EvaluationLimits,
) -> str | None:
    """The same for one formula, at several points: what its derivatives are filled with is right."""
    if claim.target.of != model.loss or not samples:
        return None
    seen = []
    for each in samples[: limits.most_points]:
        tape = forward_pass(model, FLOAT64, each.values.point, limits=evaluation)
        tolerance = _tolerance(each.claimed, SIGNIFICANDS["float64"], limits)
        seen.append(_Target(tape, {claim.target: (each.claimed, tolerance)}))
    telling = [one for one in seen if not _reproduces(model, one)]
    return _first(model, seen, limits) if len(telling) >= min(2, len(seen)) else None


def _first(model: Model, seen: Sequence[_Target], limits: DiagnosisLimits) -> str | None:
    """The first mistake that gives what is claimed at all points; what fails at one is not made at others."""
    held = sum(
        limits.node_entries + n.size * ((model.rows or 1) if n.per_row else 1) for n in model.graph.nodes
    )
    names = list(dict.fromkeys(target.by for target in seen[0].claimed))
    first, *others = seen
    each = [enumerate(mistakes(model, one.tape, names, limits)) for one in others]
    tried = islice(mistakes(model, first.tape, names, limits), limits.most_mistake_work // held)
    for number, made in enumerate(tried):
        if not _reproduces(model, first, made):
            continue
        same = (next(wrong for k, wrong in made_there if k == number) for made_there in each)
        if all(_reproduces(model, one, wrong) for one, wrong in zip(others, same, strict=True)):
            return made.text
    return None


def _reproduces(model: Model, seen: _Target, made: Mistake | None = None) -> bool:
    """Whether backprop with a mistake, or without, gives what is claimed."""
    slips = {} if made is None else made.slips
    names = {target.by for target in seen.claimed}
    found = backprop.derivative(model, seen.tape, model.loss, names, slips)
    for target, (numbers, tolerance) in seen.claimed.items():
        computed = entry_of(found[target.by], target.index or ())
        with np.errstate(all="ignore"):
            off = np.abs(computed - np.broadcast_to(numbers, computed.shape))
        if not np.all(off <= tolerance):
            return False
    return True


def _numbers(claim: Claim, limits: DiagnosisLimits) -> tuple[Array, Array]:
    """The numbers of a claim, and how far two right programs may be apart in them."""
    numbers = np.asarray(claim.numbers, dtype=float)
    unwritten = 0.0 if claim.half_units is None else limits.half_unit_factor * claim.half_units
    return numbers, np.asarray(_tolerance(numbers, claim.bits, limits) + unwritten)


def _tolerance(numbers: Array, bits: int, limits: DiagnosisLimits) -> Array:
    """What rounding of so many bits may come to, beside the largest of the numbers."""
    return np.asarray(limits.program_ulps * 2.0**-bits * np.max(np.abs(numbers), initial=0.0))


def _digits(claim: Claim, limits: DiagnosisLimits) -> float:
    """How much the numbers tell, up to what is wanted: of 0.5 one digit, and its size, however exact it is,
    since a slip makes round numbers of round ones, too."""
    numbers, tolerance = _numbers(claim, limits)
    found = 0.0
    for number, margin in zip(numbers.flat, np.broadcast_to(tolerance, numbers.shape).flat, strict=True):
        if number and found < limits.least_information:
            known = np.log10(abs(number) / margin) if margin else np.inf
            written = significant_digits(np.format_float_scientific(abs(number), trim="-"))
            found += max(0.0, min(known, written + 1))
    return found
