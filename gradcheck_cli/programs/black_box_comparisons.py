"""Reads gradients that were computed elsewhere, and the differences of a program. Gives the report on all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.against.elsewhere import Elsewhere, Numbers
from gradcheck_cli.checking.comparisons import FORMATS, other_loss, sentence_on, with_agreements
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.checking import CHECKING
from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits
from gradcheck_cli.programs.black_box_report import KINDS, Found, Judged
from gradcheck_cli.programs.joint_entries import compare_jointly
from gradcheck_cli.results.gradient_results import Block, Comparison, Report, Verdict, worst

__all__ = ["with_others"]


def with_others(
    report: Report, found: Found, others: Sequence[Elsewhere], limits: ProgramsLimits = PROGRAMS
) -> Report:
    """Judge gradients from elsewhere by the differences that judged the program's.

    Parameters
    ----------
    report : on the gradient of the program
    found : the differences, and what rounding leaves of that gradient
    others : the gradients, by the names of the parameters
    limits : as of `check_black_box`

    Returns
    -------
    Report
    """
    blocks, against = report.parameters, []
    for other in others:
        judged = Judged(_found_of(other, found, limits), limits)
        comparison = _comparison(judged, other)
        blocks = tuple(_with_column(block, judged, comparison.name) for block in blocks)
        against.append(with_agreements(comparison, blocks))
    said = [sentence_on(each) for each in against]
    return replace(
        report, parameters=blocks, against=tuple(against),
        verdict=worst([report.verdict, *(each.verdict for each in against)]),
        closing=(*report.closing, *said), summary="; ".join([report.summary, *said]),
    )  # fmt: skip


def _found_of(other: Elsewhere, found: Found, limits: ProgramsLimits) -> Found:
    """The differences beside another gradient."""
    numbers = [other.gradient[name] for name in found.loss.names]
    claimed = np.concatenate([np.ravel(each.values) for each in numbers])
    rounding = np.concatenate([
        _rounding(each, found.rounding[place], limits)
        for each, place in zip(numbers, found.loss.blocks.values(), strict=True)
    ])  # fmt: skip
    joint = found.joint and compare_jointly(
        found.loss, claimed, rounding, found.loss.rounding(found.value), limits
    )
    digits = limits.digits_float32 + 1 if _bits(other) < SIGNIFICANDS["float64"] else found.digits
    return replace(
        found, claimed=claimed, rounding=rounding, joint=joint, elsewhere=(), tried=0, digits=digits
    )


def _bits(other: Elsewhere) -> int:
    """Of the coarsest format of its numbers."""
    return min(each.bits or SIGNIFICANDS["float64"] for each in other.gradient.values())


def _rounding(numbers: Numbers, own: Array, limits: ProgramsLimits) -> Array:
    """What right numbers may be off by: as the program's own, in their format, to the digits written."""
    values = np.ravel(numbers.values)
    eps = 2.0 ** (1 - (numbers.bits or SIGNIFICANDS["float64"]))
    wider = eps / np.finfo(np.float64).eps
    half = 0.0 if numbers.half_units is None else np.ravel(numbers.half_units)
    return np.asarray(own * wider + limits.least_rounding * eps * np.abs(values) + half)


def _comparison(judged: Judged, other: Elsewhere) -> Comparison:
    names, value = judged.found.loss.names, judged.found.value
    results = tuple(judged.claim(name, f"from {other.name}") for name in names)
    bits = _bits(other)
    narrow = bits < SIGNIFICANDS["float64"] or any(n.half_units is not None for n in other.gradient.values())
    said = other_loss(other, value, CHECKING, narrow=narrow)
    return Comparison(
        name=other.name, source=other.source, results=results, precision=FORMATS[bits], loss=other.loss,
        verdict=worst([Verdict.WRONG if said else Verdict.OK, *(r.verdict for r in results)]),
        notes=(*filter(None, [said]), *other.notes),
    )  # fmt: skip


def _with_column(block: Block, judged: Judged, name: str) -> Block:
    """The block with the other number beside each entry that was differenced."""
    if not block.entries:
        return block
    place = judged.found.loss.blocks[block.name]
    kinds, values = judged.against(place), judged.found.claimed[place]
    entries = tuple(
        replace(
            entry, against={**entry.against, name: float(values[k])},
            against_verdicts={**entry.against_verdicts, name: KINDS[int(kinds[k])]},
        ) for k, entry in enumerate(block.entries)
    )  # fmt: skip
    return replace(block, entries=entries)
