"""Reads columns of a tableau. Gives the array operations of extrapolation: shifts, spans, Neville steps."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.derivatives.finite_differences.interface import Floats
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.derivatives.finite_differences.step_sizes import Ladder

__all__ = [
    "from_below", "ladder_spans", "largest", "last_rungs", "neville", "sample_columns", "shift",
    "truncation_changes",
]  # fmt: skip


def sample_columns(ladder: Ladder, scheme: Scheme) -> tuple[NDArray[Any], list[int]]:
    """How far f rises above its base value at each sample of the scheme, and which samples."""
    columns = [ladder.grid.index(Fraction(o)) for o in scheme.offsets if o]
    values = ladder.values[:, :, columns]
    return values.imag if scheme.imaginary else values - ladder.base[:, :, None], columns


def shift(values: Floats, by: int) -> Floats:
    """values[..., i + by, :] at i, nan beyond the end."""
    k = values.shape[-2]
    moved = np.full(values.shape, np.nan)  # np.pad took half the time of a whole run
    if by < k:
        moved[..., : k - by, :] = values[..., by:, :]
    return moved


def last_rungs(rungs: Floats, count: int) -> Floats:
    """What holds for the last rung i+m, at (m, i): (e, k, O) as (count, e, k, O), nan beyond the end."""
    k = rungs.shape[1]
    found = np.full((count, *rungs.shape), np.nan)
    for m in range(min(count, k)):
        found[m, :, : k - m] = rungs[:, m:]
    return found


def largest(rungs: Floats, count: int) -> Floats:
    """The largest of the rungs i ... i+m, at (m, i)."""
    found = last_rungs(rungs, count)
    for m in range(1, count):  # np.maximum.accumulate takes ten times as long
        np.maximum(found[m], found[m - 1], out=found[m])
    return found


def ladder_spans(steps: Floats, count: int) -> Floats:
    """How much larger the rung i is than the rung i+m; to the power of the order, how much more it is off."""
    return np.asarray(steps[:, :, None] / last_rungs(steps[:, :, None], count))


def neville(rungs: Floats, ratios: Floats, sign: float) -> Floats:
    """The tableau (sign -1), or what it makes of a common bound on all rungs (sign 1)."""
    columns = [rungs]
    for ratio in ratios[1:]:
        fine, coarse = shift(columns[-1], 1), columns[-1]
        columns.append(fine + (fine + sign * coarse) / (ratio - 1))
    return np.stack(columns)


def truncation_changes(table: Floats, *, lone: bool) -> Floats:
    """The change when the rung above is dropped, and when all move down by one (Ridders 1982). `lone`: of a
    short ladder the last entry counts, too, and its change when the rung below is dropped."""
    dropped = np.abs(table[1:] - shift(table[:-1], 1))
    dropped = np.concatenate([np.abs(table[:1] - table[1:2]), dropped])
    moved = np.abs(table - shift(table, 1))
    if lone:
        moved[1:] = np.where(np.isnan(moved[1:]), np.abs(table[1:] - table[:-1]), moved[1:])
    return np.asarray(np.maximum(dropped, moved))


def from_below(values: Floats, merge: np.ufunc) -> Floats:
    """`merge` of each rung with all smaller step sizes."""
    found = np.array(values)
    for k in range(values.shape[-2] - 2, -1, -1):
        merge(found[..., k, :], found[..., k + 1, :], out=found[..., k, :])
    return found
