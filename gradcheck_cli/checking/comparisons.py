"""Reads gradients that were computed elsewhere, and the evidence of a run. Gives a Comparison for each.

They are judged as claims are whose right sides are numbers, at the given point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_cli.against.elsewhere import Elsewhere, Numbers
from gradcheck_cli.checking.agreement import with_agreement
from gradcheck_cli.language.claim_numbers import claim_of_array
from gradcheck_cli.model.graph import Derivative
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.checking import CheckingLimits
from gradcheck_cli.results.gradient_results import Block, ClaimResult, Comparison, Entry, Verdict, worst

__all__ = [
    "FORMATS", "Judge", "VerdictsOn", "compare", "other_loss", "sentence_on", "sentences_on_comparisons",
    "with_agreements", "with_columns",
]  # fmt: skip

Judge = Callable[[Sequence[Claim]], tuple[Sequence[Claim], Sequence[ClaimResult]]]
VerdictsOn = Callable[[Sequence[Claim]], Sequence[Verdict]]
_OF_A_CLAIM = 'write from "FILE" as float32'  # the way out of a claim, which has a line
FORMATS = {bits: name for name, bits in SIGNIFICANDS.items()}


@dataclass(frozen=True)
class Compared:
    """A comparison, with the numbers that were compared and the claims as they were judged."""

    result: Comparison
    numbers: Mapping[str, Numbers]
    claims: Mapping[str, Claim]


def _claims_of(model: Model, gradient: Mapping[str, Numbers], text: str) -> list[Claim]:
    """The claims that d loss/d name is what was given, for each name."""
    return [_claim_of(model, name, numbers, text) for name, numbers in gradient.items()]


def _claim_of(model: Model, name: str, numbers: Numbers, text: str) -> Claim:
    claim = claim_of_array(
        model, Derivative(model.loss, name), numbers.values, half_units=numbers.half_units,
        bits=numbers.bits, text=text,
    )  # fmt: skip
    is_guessed = numbers.is_in_float32 and claim.numbers is not None and numbers.bits is None
    return replace(claim, is_in_float32=True) if is_guessed else claim


def compare(
    model: Model, others: Sequence[Elsewhere], loss: float, judge: Judge, limits: CheckingLimits
) -> list[Compared]:
    """Judge gradients that were computed elsewhere.

    Parameters
    ----------
    model : the graph
    others : the gradients, by the names of the model
    loss : the value of the model
    judge : how claims fare, with what is wrong with them, and the claims in the formats they were judged in
    limits : how near another loss has to be

    Returns
    -------
    list of Compared
        In their order.
    """
    found = []
    for other in others:
        claims, found_ones = judge(_claims_of(model, other.gradient, f"from {other.name}"))
        results = [_with_way_out(result) for result in found_ones]
        narrow = _precision(claims) != "float64" or any(claim.half_units is not None for claim in claims)
        said = other_loss(other, loss, limits, narrow=narrow)
        verdict = worst([Verdict.WRONG if said else Verdict.OK, *(r.verdict for r in results)])
        result = Comparison(
            name=other.name, source=other.source, verdict=verdict, results=tuple(results),
            precision=_precision(claims), loss=other.loss, notes=(*filter(None, [said]), *other.notes),
        )  # fmt: skip
        by_name = dict(zip(other.gradient, claims, strict=True))
        found.append(Compared(result, other.gradient, by_name))
    return found


def _with_way_out(result: ClaimResult) -> ClaimResult:
    """The result; of decimals that float32 explains, how that is said here."""
    note = result.note and result.note.replace(_OF_A_CLAIM, "save it in a format that says so, as .npz")
    return replace(result, note=note)


def _precision(claims: Sequence[Claim]) -> str:
    """The coarsest format in which the numbers were judged."""
    return FORMATS[min((claim.bits for claim in claims), default=SIGNIFICANDS["float64"])]


def other_loss(other: Elsewhere, loss: float, limits: CheckingLimits, *, narrow: bool) -> str:
    """What is said where another function is differentiated; `narrow`: its numbers are no float64."""
    if other.loss is None:
        return ""
    tolerance = limits.same_loss_narrow if narrow else limits.same_loss
    if abs(other.loss - loss) <= tolerance * max(abs(loss), abs(other.loss), tolerance):
        return ""
    return f"its loss is {other.loss:.10g}, the model's {loss:.10g}: it is another function"


def with_columns(
    model: Model, blocks: Sequence[Block], compared: Sequence[Compared], verdicts_on: VerdictsOn,
    limits: CheckingLimits,
) -> tuple[Block, ...]:
    """The blocks with what others gave for each entry shown, and how that fared.

    Parameters
    ----------
    model : the graph
    blocks : of the report
    compared : the gradients
    verdicts_on : the verdict on each claim alone, with nothing of what is wrong
    limits : how many entries are judged one by one

    Returns
    -------
    tuple of Block
    """
    found = list(blocks)
    for each in compared:
        found = [_with_column(model, block, each, verdicts_on, limits) for block in found]
    return tuple(found)


def _with_column(
    model: Model, block: Block, other: Compared, verdicts_on: VerdictsOn, limits: CheckingLimits
) -> Block:
    name = next((n for n in other.numbers if model.display(n) == block.name), None)
    if name is None:
        return block
    claim, result = other.claims[name], _result_of(other, name)
    if claim.numbers is None or result is None:
        return block
    verdicts = dict(_verdicts(model, block, claim, result, verdicts_on, limits))
    values = np.asarray(claim.numbers)
    entries = tuple(
        replace(
            entry, against={**entry.against, other.result.name: float(values[entry.index])},
            against_verdicts={**entry.against_verdicts, other.result.name: verdicts[entry.index]},
        ) if not entry.point and len(entry.index) == values.ndim else entry
        for entry in block.entries
    )  # fmt: skip
    return replace(block, entries=entries)


def with_agreements(comparison: Comparison, blocks: Sequence[Block]) -> Comparison:
    """The comparison with how many digits agree, where these are many; `blocks` hold its numbers."""
    by_name = {block.name: block for block in blocks}

    def number(entry: Entry) -> float:
        return entry.against.get(comparison.name, math.nan)

    results = (with_agreement(r, by_name[r.by], number) if r.by in by_name else r for r in comparison.results)
    return replace(comparison, results=tuple(results))


def _result_of(other: Compared, name: str) -> ClaimResult | None:
    return next((r for r, n in zip(other.result.results, other.numbers, strict=True) if n == name), None)


def _verdicts(
    model: Model, block: Block, claim: Claim, result: ClaimResult, verdicts_on: VerdictsOn,
    limits: CheckingLimits,
) -> Iterator[tuple[tuple[int, ...], Verdict]]:
    """One for each entry shown: that of the array where it is ok, else each entry's own."""
    places = [entry.index for entry in block.entries if not entry.point]
    if result.verdict is Verdict.OK or result.total == 1 or len(places) > limits.most_compared:
        yield from ((place, result.verdict) for place in places)
        return
    yield from zip(places, verdicts_on([_entry_of(model, claim, place) for place in places]), strict=True)


def _entry_of(model: Model, claim: Claim, place: tuple[int, ...]) -> Claim:
    """The claim of one entry, in the format in which all of them were judged."""
    target = Derivative(claim.target.of, claim.target.by, place)
    half = None if claim.half_units is None else np.asarray(claim.half_units[place])
    return claim_of_array(model, target, np.asarray(claim.numbers)[place], half_units=half, bits=claim.bits)


def sentences_on_comparisons(compared: Sequence[Compared]) -> list[str]:
    """What is said of all gradients that were computed elsewhere."""
    return [sentence_on(each.result) for each in compared]


def sentence_on(result: Comparison) -> str:
    """What is said of one gradient that was computed elsewhere."""
    wrong = [r.display for r in result.results if r.verdict is Verdict.WRONG]
    of = f" in {', '.join(wrong)}" if wrong else ""
    return f"{result.name}, in {result.precision}, is {result.verdict}{of}."
