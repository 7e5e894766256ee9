"""Reads the columns of a point. Gives the digits that they prove, and the entries that they do not settle.

An entry is settled where the methods agree within the error bound of the differences and enough digits are
proved. No absolute tolerance, no norm over entries. Asks nobody anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.numerics.machine import MOST_DIGITS
from gradcheck_cli.verdicts.gradients.columns import Collected, Columns

__all__ = ["Classification", "carried_digits", "classify", "proved_digits", "within"]


@dataclass(frozen=True)
class Classification:
    """Of each entry the digits that the columns prove, nan where they prove none; and which are disputed."""

    digits: Array
    disputed: Array


def classify(
    collected: Collected,
    measured: Array,
    *,
    has_reference: bool,
    digits: float,
    of: str,
    limits: GradientsLimits = DEFAULTS,
) -> Classification:
    """Settle every entry that the columns settle.

    Parameters
    ----------
    collected : what the three methods computed at one point
    measured : (entries,) float64
        By so much right programs were measured to differ; 0 where it was not measured.
    has_reference : whether the model is one for high precision
    digits : that are asked for
    of : the step whose derivatives these are
    limits : tolerances

    Returns
    -------
    Classification
        Proved digits of every entry, nan where not tested, and which entries are disputed, (entries,) both.
    """
    t = collected.all
    with np.errstate(all="ignore"):
        symbolic = t.symbolic_or_backprop
        size = np.maximum(np.abs(symbolic), np.abs(t.backprop))
        apart = np.abs(symbolic - t.backprop)
        gap = np.maximum(np.abs(t.finite - t.backprop), np.abs(t.finite - symbolic))
        slack = limits.close * size
        proved = (apart <= np.maximum(slack, measured)) & (gap <= t.bound + slack)
        proven = np.where(proved & (size > 0), proved_digits(np.maximum(gap, t.bound), size), np.nan)
        cancelled = t.is_zero & t.examined & (t.rounding > limits.subnormal) & has_reference
        flat = _flat(collected, of, limits.flat) & ~cancelled
        flat &= ~t.below
        if has_reference:
            flat &= ~t.near_a_kink  # one slope may be beyond what differences see
        settled = (proved & (proven >= digits)) | flat
        settled &= ~t.kink
        if has_reference:
            settled &= ~(t.unseen & t.examined)  # the reference is the third
            settled &= ~(np.abs(t.left - t.right) > t.bound + slack)  # only exact slopes tell what it is
            carried = proved_digits(t.rounding, size) >= digits
            settled &= carried | flat | ~t.examined  # columns that agree may be off together
        proven[t.is_zero] = np.nan  # not tested
        proven[~t.examined & ~(proven >= digits)] = np.nan  # answered for by all entries together
        settled |= ~t.examined
        if collected.pooled:  # some that stand for others: no reason to do all of it at high precision
            tolerance = t.rounding + slack
            settled |= (apart <= tolerance) & (gap <= t.bound + tolerance) & ~t.kink
    return Classification(proven, ~settled)


def _flat(collected: Collected, of: str, least: float) -> Array:
    """Entries that are zero in all columns because nothing moves: differences of |x|/1000 that
    cancel at 0 are zero too, but then their bound is no smaller than the slope."""
    t, tape = collected.all, collected.all.point.tape
    if not t.is_zero.any():
        return t.is_zero
    x = np.abs(np.concatenate([np.ravel(tape.value(name)) for name in collected.parts]))
    size = np.max(np.abs(tape.value(of)), initial=0.0)
    return np.asarray(t.is_zero & (t.bound * np.where(x == 0, 1.0, x) <= least * size))


def within(columns: Columns, entries: Any, truth: Array, tolerance: Array) -> list[Array]:
    """Which columns are where the truth is, as far as rounding and their own bounds let them.

    Parameters
    ----------
    columns : what the three methods computed
    entries : an index, a mask or a slice of entries
    truth, tolerance : (entries,) float64, in the unit of the derivative

    Returns
    -------
    list of three (entries,) bool arrays: symbolic, backprop, differences
        Where a method has no number, it is not off.
    """
    slack = tolerance + np.finfo(float).eps * np.abs(truth)  # the truth itself is rounded to float64
    with np.errstate(all="ignore"):
        symbolic, backprop, finite = (
            np.abs(part[entries] - truth) for part in (columns.symbolic, columns.backprop, columns.finite)
        )
        known = ~np.isnan(columns.finite[entries])
        return [
            columns.unseen[entries] | (symbolic <= slack),
            backprop <= slack,
            ~known | (finite <= columns.bound[entries] + slack),
        ]


def proved_digits(error: Array, size: Array) -> Array:
    """-log10 of the relative error, from 0 to what float64 can carry.

    Parameters
    ----------
    error, size : float64 arrays that broadcast together, in one unit

    Returns
    -------
    float64 array, decimal digits
    """
    with np.errstate(all="ignore"):
        return np.asarray(np.clip(-np.log10(error / size), 0, MOST_DIGITS) + 0.0)  # no -0.0


def carried_digits(
    columns: Columns, entries: Array, truth: Array, tolerance: Array, wanted: float
) -> tuple[Array, Array]:
    """The digits that symbolic and backprop carry, and those of them that the differences show.

    Any right program carries those that rounding leaves by its bound. Where these are fewer than wanted, what
    counts is what the columns themselves kept: their agreement with the truth.

    Parameters
    ----------
    columns : what the three methods computed
    entries : (k,) indices, or a mask
    truth : (k,) float64, the reference's values
    tolerance : (k,) float64, the rounding bounds
    wanted : decimal digits

    Returns
    -------
    carried, shown : (k,) float64, decimal digits
    """
    size = np.abs(truth)
    carried = proved_digits(tolerance, size)
    shown = np.fmin(carried, proved_digits(np.abs(columns.finite[entries] - truth), size))
    with np.errstate(all="ignore"):
        symbolic = np.abs(columns.symbolic[entries] - truth)
        backprop = np.abs(columns.backprop[entries] - truth)
    off = np.maximum(backprop, np.where(columns.unseen[entries], 0.0, symbolic))
    kept = np.where(np.isfinite(off), proved_digits(off, size), 0.0)
    enough = (carried < wanted) & (kept >= wanted)
    return np.where(enough, kept, carried), np.where(enough, kept, shown)
