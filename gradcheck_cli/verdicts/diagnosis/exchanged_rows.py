"""Reads claimed and true entries. Gives which rows, columns or entries have changed places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.diagnosis.entry_tests import parts_along

__all__ = ["describe_exchange"]


def describe_exchange(samples: Sequence[ClaimSample], limits: DiagnosisLimits) -> str | None:
    """That two rows, columns or entries have changed places, or all are in another order.

    Parameters
    ----------
    samples : of one claim; each holds arrays of one shape
    limits : how near two numbers must be to be one

    Returns
    -------
    str or None
        None where no order along an axis makes what is claimed at all points.
    """
    per_row, rank = samples[0].per_row, samples[0].claimed.ndim
    for axis in range(rank):
        order = _order(samples[0], axis, limits)
        if order is None or not all(_fits(sample, axis, order, limits) for sample in samples):
            continue
        what = parts_along(axis, rank, per_row)
        moved = np.flatnonzero(order != np.arange(len(order)))
        if len(moved) == 2:
            return f"has its {what.plural} {moved[0]} and {moved[1]}{what.along} exchanged"
        return f"has its {what.plural}{what.along} in another order"
    return None


def _order(sample: ClaimSample, axis: int, limits: DiagnosisLimits) -> Array | None:
    """Where each part of what is claimed stands in the truth; None where one stands in no place, or two."""
    count, arrays = sample.true.shape[axis], (sample.true, sample.claimed, _tolerance(sample, limits))
    true, claimed, tolerance = (np.moveaxis(a, axis, 0).reshape(count, -1) for a in arrays)
    found = np.arange(count)
    moved = np.flatnonzero((np.abs(true - claimed) > tolerance).any(axis=1))
    if not 1 < len(moved) <= limits.most_exchanged or len(moved) * true.size > limits.most_mistake_work:
        return None
    for k in moved:
        same = moved[(np.abs(true[moved] - claimed[k]) <= tolerance[k]).all(axis=1)]
        if len(same) != 1:
            return None
        found[k] = same[0]
    return found if len(np.unique(found)) == count else None


def _fits(sample: ClaimSample, axis: int, order: Array, limits: DiagnosisLimits) -> bool:
    made = np.take(sample.true, order, axis)
    return bool(np.all(np.abs(made - sample.claimed) <= _tolerance(sample, limits)))


def _tolerance(sample: ClaimSample, limits: DiagnosisLimits) -> Array:
    return np.asarray(np.maximum(limits.same * np.abs(sample.claimed), sample.tolerance))
