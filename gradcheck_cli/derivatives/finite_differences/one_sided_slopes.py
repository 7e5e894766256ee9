"""Reads tableaus and estimates of one-sided schemes. Gives the slopes of both sides of a kink or a border.

A central difference of relu at 0 is 0.5 at every step size and looks exact; the slopes of the two sides are
found separately, each on a ladder of its own. Slopes that go on growing as the steps shrink are infinite.
Knows nothing of how samples are taken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradcheck_cli.derivatives.finite_differences.error_bounds import Estimate, Tableau
from gradcheck_cli.derivatives.finite_differences.rungs import shift
from gradcheck_cli.derivatives.finite_differences.sampled_function import Bools, Floats
from gradcheck_cli.derivatives.finite_differences.step_ladder import Ladder
from gradcheck_cli.numerics.machine import EPS

__all__ = ["Slopes", "both_sides", "growth_sign", "one_side", "only_side"]


class Slopes(NamedTuple):
    """A value and the slopes of both sides, with bounds; all (e, O), nan where there is none."""

    value: Floats
    bound: Floats
    left: Floats
    left_bound: Floats
    right: Floats
    right_bound: Floats
    kink: Bools
    step: Floats


def growth_sign(table: Tableau) -> Floats:
    """The sign of slopes that go on growing, by steps that do not shrink.

    Parameters
    ----------
    table : the tableau of a one-sided scheme

    Returns
    -------
    (e, O) float64
        1 or -1, and 0 where the slopes are finite.
    """
    limits = table.limits
    grown = shift(table.slopes, 1) - table.slopes
    ratio = shift(table.steps[:, :, None], 1) / table.steps[:, :, None]
    clear = np.abs(grown) > limits.growth_noise * EPS * table.size * shift(table.gains, 1)
    clear &= (table.steps <= table.reach)[:, :, None]
    pairs = clear & (shift(clear.astype(float), 1) == 1)
    endless = np.where(pairs, shift(grown, 1) / grown > ratio**limits.growth_power, True).all(axis=1)
    endless &= pairs.sum(axis=1) >= limits.growth_rungs
    return np.where(endless, np.sign(np.where(pairs, grown, 0.0).sum(axis=1)), 0.0)


def one_side(best: Estimate, table: Tableau) -> Estimate:
    """The slope of one side, infinite where it grows without end.

    Parameters
    ----------
    best : what the side's ladders prove
    table : the tableau of its first ladder

    Returns
    -------
    Estimate
        An infinite slope has the bound 0.
    """
    steep = growth_sign(table)
    value = np.where(steep != 0, steep * np.inf, best.value)
    return replace(best, value=value, bound=np.where(steep != 0, 0.0, best.bound))


def both_sides(left: Estimate, right: Estimate, one_missing: Bools) -> Slopes:
    """The slopes of both sides, and a value where they agree.

    Parameters
    ----------
    left, right : the slopes of the sides
    one_missing : (e, O) bool
        Whether one of the sides has no usable sample at all: the other slope is then the value.

    Returns
    -------
    Slopes
        `kink` where both slopes are known and differ, or one is infinite; the value is nan there.
    """
    apart = np.abs(left.value - right.value) > left.bound + right.bound
    infinite = np.isinf(left.value) | np.isinf(right.value)
    kink = apart | infinite
    both = ~np.isnan(left.value) & ~np.isnan(right.value)
    best = left.where(right.bound < left.bound, right)
    known = ~kink & (both | one_missing)
    value, bound = np.where(known, best.value, np.nan), np.where(known, best.bound, np.inf)
    sides = left.value, _known_bound(left), right.value, _known_bound(right)
    return Slopes(value, bound, *sides, kink, best.step)


def _known_bound(estimate: Estimate) -> Floats:
    return np.where(np.isnan(estimate.value), np.nan, estimate.bound)


def only_side(best: Estimate, ladder: Ladder, *, sees_sides: bool) -> Slopes:
    """Entries off every kink: one value, which is the slope of the side if there is only one.

    Parameters
    ----------
    best : the estimates
    ladder : the first ladder
        Samples left of x stand before those right of it.
    sees_sides : whether the scheme samples both sides

    Returns
    -------
    Slopes
    """
    sides = [np.full_like(best.value, np.nan) for _ in range(4)]
    if sees_sides:
        below, above = np.moveaxis(np.isfinite(ladder.values).any(axis=1), 1, 0)
        for at, (here, there) in enumerate([(below, above), (above, below)]):
            alone = here & ~there & np.isfinite(best.value)
            sides[2 * at] = np.where(alone, best.value, np.nan)
            sides[2 * at + 1] = np.where(alone, best.bound, np.nan)
    kink = np.zeros(best.value.shape, dtype=bool)
    return Slopes(best.value, best.bound, sides[0], sides[1], sides[2], sides[3], kink, best.step)
