"""Reads gradients that were computed and are WRONG. Gives their results with how many digits agree, where
these are as many as a difference has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradcheck_cli.against.given_digits import agreed_digits
from gradcheck_cli.common.errors import plural
from gradcheck_cli.numerics.limits.against import AGAINST, AgainstLimits
from gradcheck_cli.results.gradient_results import Block, ClaimResult, Entry, Verdict

__all__ = ["with_agreement"]


def with_agreement(
    result: ClaimResult, block: Block, number: Callable[[Entry], float], limits: AgainstLimits = AGAINST
) -> ClaimResult:
    """The result of a gradient. Where every entry agrees as far as differences do, it may be one.

    Parameters
    ----------
    result : of the gradient by a parameter
    block : of that parameter, at the given point
    number : what the gradient gives for an entry
    limits : how many digits are many

    Returns
    -------
    ClaimResult
    """
    entries = [entry for entry in block.entries if entry.true is not None and not entry.point]
    if result.verdict is not Verdict.WRONG or result.point or len(entries) != block.total:
        return result
    digits = agreed_digits(
        np.array([number(entry) for entry in entries]), np.array([entry.true for entry in entries]), limits
    )
    if not limits.least_agreed <= digits <= limits.most_central:
        return result
    kind = "forward" if digits <= limits.most_forward else "central"
    is_told = "difference of" in (result.diagnosis or "")
    said = "" if is_told else f"agrees to {plural(digits, 'digit')}, as a {kind} difference would; "
    note = "; ".join(filter(None, [result.note, f"{said}--digits {digits} asks for no more"]))
    return replace(result, note=note)
