"""Reads claimed and true entries. Gives the one number that they are apart by, where it is no simple one."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

import numpy as np

from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.diagnosis.entry_tests import repeats_factor

__all__ = ["describe_constant_ratio"]


def describe_constant_ratio(
    samples: Sequence[ClaimSample], limits: DiagnosisLimits, least: float
) -> str | None:
    """How many times the truth is claimed, where that is one number for all entries at all points.

    Parameters
    ----------
    samples : of one claim
    limits : how many ratios have to agree
    least : how far from 1 it must be, as rounding leaves a ratio near 1

    Returns
    -------
    str or None
        "is 0.044 times the true value, in all entries"
    """
    true, claimed = samples[0].true, samples[0].claimed
    known = sum(int(np.count_nonzero(np.abs(e.true) > e.tolerance)) for e in samples)
    place = np.unravel_index(np.argmax(np.abs(true)), true.shape)
    if known < limits.fewest_ratios or not (np.isfinite(true[place]) and true[place] and claimed[place]):
        return None
    ratio = float(claimed[place] / true[place])
    exactly = limits._replace(same=limits.slip_rounding)
    if abs(ratio - 1) <= least or not repeats_factor(samples, lambda _: ratio, exactly):
        return None
    everywhere = ", in all entries" if true.size > 1 else ""
    return f"is {_spell(ratio, limits)} times the true value{everywhere}"


def _spell(ratio: float, limits: DiagnosisLimits) -> str:
    """Four digits of a ratio; two of what it is beside 1."""
    beside = abs(ratio - 1)
    if beside < limits.ratio_near_one:
        return f"1 {'-' if ratio < 1 else '+'} {beside:.2g}"
    return f"{ratio:.{2 - floor(log10(beside))}g}" if beside < limits.clear_factor else f"{ratio:.4g}"
