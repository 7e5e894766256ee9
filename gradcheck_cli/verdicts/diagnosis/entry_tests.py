"""Reads claimed and true entries. Gives which simple relation explains them, if it is telling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample

__all__ = [
    "PartNames", "describe_permutation", "is_repaired_by", "misses_factor", "parts_along", "repeats_factor",
]  # fmt: skip

Factor = Callable[[ClaimSample], Array | float]


def is_repaired_by(samples: Sequence[ClaimSample], repair: Factor, limits: DiagnosisLimits) -> bool:
    """Whether a repair makes the claim right at all points, and is no accident."""
    with np.errstate(all="ignore"):
        return _is_telling(samples) and all(_equal(repair(e), e.true, e, limits) for e in samples)


def _is_telling(samples: Sequence[ClaimSample]) -> bool:
    """Whether the truth is not 0 at two points at least, nor infinite: of these everything is a factor."""
    telling = (np.isfinite(e.true) & (np.abs(e.true) > e.tolerance) for e in samples)
    return sum(map(np.any, telling)) >= min(2, len(samples))


def misses_factor(samples: Sequence[ClaimSample], factor: Factor, limits: DiagnosisLimits) -> bool:
    """Whether the claim is right once it is multiplied by a factor."""
    return is_repaired_by(samples, lambda e: e.claimed * factor(e), limits)


def repeats_factor(samples: Sequence[ClaimSample], factor: Factor, limits: DiagnosisLimits) -> bool:
    """Whether the claim is the true value multiplied by a factor, which may be 0 at some point, and not by
    one that is 0 or 1 wherever it stands: twice such a factor is the same as once."""
    with np.errstate(all="ignore"):
        is_repeated = _is_telling(samples) and all(_repeats(e, factor(e), limits) for e in samples)
        return is_repeated and not all(_is_mask(np.asarray(factor(e))) for e in samples)


def _is_mask(factor: Array) -> bool:
    return bool(np.all(factor * factor == factor))


def _repeats(sample: ClaimSample, factor: Array | float, limits: DiagnosisLimits) -> bool:
    made = sample.true * factor
    underflows = (made == 0) & (sample.true != 0) & (np.asarray(factor) != 0)
    return not np.any(underflows) and _equal(made, sample.claimed, sample, limits)


def describe_permutation(samples: Sequence[ClaimSample], limits: DiagnosisLimits) -> str | None:
    """The right entries in other places: transposed, in reverse, off by one, in the order of columns."""
    shape = samples[0].claimed.shape
    inner = range(int(samples[0].per_row), len(shape))
    if len(inner) > 1:
        turned = _exchanged_axes(samples, inner, limits)
        if turned is not None:
            return turned
        by_columns = is_repaired_by(
            samples, lambda e: e.claimed.reshape(-1).reshape(shape, order="F"), limits
        )
        if by_columns:
            return "has its entries column by column, not row by row"
    for axis in range(len(shape)):
        what = parts_along(axis, len(shape), samples[0].per_row)
        if shape[axis] < limits.fewest_moved:
            continue
        if is_repaired_by(samples, partial(_reverse, axis), limits):
            return f"has its {what.plural}{what.along} in reverse"
        for step in (1, -1):
            shifted = partial(_shift, axis, step)
            telling = any(_varies(shifted(e), axis, step, e) for e in samples)
            if telling and is_repaired_by(samples, shifted, limits):
                to = "after" if step == -1 else "before"
                part = what.singular + what.along
                return f"is off by one {part}: has in each place the value of the one {to}"
    return None


class PartNames(NamedTuple):
    """What the parts of an array along an axis are called: rows, columns, slices along axis 2."""

    singular: str
    plural: str
    along: str = ""


def parts_along(axis: int, rank: int, per_row: int) -> PartNames:
    """What the parts along an axis are called, where `rank` counts the axis of the rows."""
    if axis < per_row:
        return PartNames("row", "rows")
    if rank - per_row > 2:
        return PartNames("slice", "slices", f" along axis {axis - per_row}")
    if rank - per_row == 1:
        return PartNames("entry", "entries")
    return PartNames("column", "columns") if axis == rank - 1 else PartNames("row", "rows")


def _exchanged_axes(samples: Sequence[ClaimSample], inner: range, limits: DiagnosisLimits) -> str | None:
    """Whether two axes have changed places."""
    for first, second in combinations(inner, 2):
        if is_repaired_by(samples, partial(_swap, first, second), limits):
            places = f"{first - inner.start} and {second - inner.start}"
            return "is transposed" if len(inner) == 2 else f"has its axes {places} exchanged"
    return None


def _swap(first: int, second: int, sample: ClaimSample) -> Array:
    return np.swapaxes(sample.claimed, first, second)


def _reverse(axis: int, sample: ClaimSample) -> Array:
    return np.flip(sample.claimed, axis)


def _shift(axis: int, step: int, sample: ClaimSample) -> Array:
    """The entries moved by one place, and what has no place left taken as right."""
    found = np.roll(sample.claimed, -step, axis)
    outer = [slice(None)] * found.ndim
    outer[axis] = slice(-1, None) if step == 1 else slice(0, 1)
    found[tuple(outer)] = sample.true[tuple(outer)]
    return found


def _varies(shifted: Array, axis: int, step: int, sample: ClaimSample) -> bool:
    """Whether the entries that moved differ along the axis: of equal ones each is the one before."""
    inner = [slice(None)] * shifted.ndim
    inner[axis] = slice(0, -1) if step == 1 else slice(1, None)
    with np.errstate(invalid="ignore"):  # of infinities
        change = np.abs(np.diff(shifted[tuple(inner)], axis=axis))
    return bool(np.any(change > np.max(sample.tolerance)))


def _equal(made: Array | float, wanted: Array, sample: ClaimSample, limits: DiagnosisLimits) -> bool:
    if np.ndim(made) and np.shape(made) != np.shape(wanted):
        return False
    close = np.abs(made - wanted) <= np.maximum(limits.same * np.abs(wanted), sample.tolerance)
    return bool(np.all(close))
