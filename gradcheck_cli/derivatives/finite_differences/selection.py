"""Reads tableaus. Gives the entry with the least error bound, widened where other samples contradict it.

Knows nothing of how the bounds of the tableau were made, nor of where to sample next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck_cli.derivatives.finite_differences.error_bounds import Estimate, Tableau, tableaus
from gradcheck_cli.derivatives.finite_differences.extrapolation import step_exponent
from gradcheck_cli.derivatives.finite_differences.one_sided_slopes import growth_sign
from gradcheck_cli.derivatives.finite_differences.rungs import from_below, last_rungs, shift, take_rungs
from gradcheck_cli.derivatives.finite_differences.sampled_function import Floats, Ints
from gradcheck_cli.derivatives.finite_differences.schemes import LEFT, RIGHT, Scheme
from gradcheck_cli.derivatives.finite_differences.step_ladder import Ladder

__all__ = ["best_estimate"]


def best_estimate(
    ladder: Ladder, scheme: Scheme, known_noise: Floats, known: Estimate | None = None
) -> tuple[Estimate, Estimate]:
    """What a ladder proves, and the better of that and what was known.

    By default central, right and left differences are computed from the same samples.

    Parameters
    ----------
    ladder : samples of e entries
    scheme : the scheme that was asked for
    known_noise : (e, O) float64, the noise of f that the caller knows of
    known : estimates of the same entries from earlier ladders

    Returns
    -------
    now, best : Estimate
        In units of f per unit of the entry.
    """
    schemes = [scheme, RIGHT, LEFT] if scheme.sees_sides else [scheme]
    tables = tableaus(ladder, schemes, known_noise)
    guards, power = _guards(tables), step_exponent(ladder)
    now = _select(tables[0], guards)
    for table in tables[1:]:
        now = now.better(_select(table, guards))
    endless = np.any([growth_sign(table) for table in tables[-2:]], axis=0)
    now = now.with_bound(np.where(endless, np.inf, now.bound))
    best = now.better(known.scale(power)) if known else now
    return now.scale(-power), _widen(best, tables).scale(-power)


def _guards(tables: Sequence[Tableau]) -> tuple[Floats, Floats]:
    """For each rung, the interval that the plain slopes of all smaller step sizes leave open."""
    pairs = [
        (t.value[m], t.bound[m]) for t in tables for m in range(min(t.limits.guard_columns, len(t.value)))
    ]
    low = np.fmax.reduce([value - bound for value, bound in pairs])
    high = np.fmin.reduce([value + bound for value, bound in pairs])
    return shift(from_below(low, np.fmax), 1), shift(from_below(high, np.fmin), 1)


def _select(table: Tableau, guards: tuple[Floats, Floats]) -> Estimate:
    """The entry with the least bound, after it was widened to what the guards leave open."""
    low, high = (last_rungs(guard, len(table.value)) for guard in guards)
    outside = np.fmax(low - table.value, table.value - high) > 0
    open_ = np.fmax(np.abs(high - table.value), np.abs(table.value - low))
    bound = table.bound + np.where(outside, open_, 0)
    bound = np.where(np.isfinite(bound) & np.isfinite(table.value), bound, np.inf)
    m, e, k, o = bound.shape
    best = bound.transpose(1, 3, 0, 2).reshape(e, o, m * k).argmin(axis=2)
    level, first = np.divmod(best, k)
    at = (level, np.arange(e)[:, None], first, np.arange(o))
    last = np.minimum(first + level, k - 1)
    least = bound[at] + _excess(table, table.value[at], table.roundoff[at], last)
    step = take_rungs(table.steps, last)
    return Estimate(
        table.value[at],
        np.where(np.isnan(least), np.inf, least),
        table.truncation[at],
        table.roundoff[at],
        first,
        step,
    )


def _excess(table: Tableau, value: Floats, roundoff: Floats, last: Ints) -> Floats:
    """By how much slopes at smaller step sizes miss a value more than they may; (e, O)."""
    at, steps = last[:, None], table.steps[:, :, None]
    miss = np.abs(table.slopes - value[:, None])
    step = take_rungs(steps + 0 * miss, at)
    factor = table.limits.miss_safety
    truncation = factor * take_rungs(miss, at) * (steps / step) ** table.order
    noise = np.fmax(table.roundoff[0], roundoff[:, None] * step / steps)
    excess = miss - truncation - table.limits.roundoff_safety * noise
    smaller = np.arange(miss.shape[1])[:, None] > at
    return np.asarray(np.fmax.reduce(np.where(smaller & (excess > 0), excess, 0.0), axis=1))


def _widen(best: Estimate, tables: Sequence[Tableau]) -> Estimate:
    """The bound widened to cover what else the samples may mean.

    That is the value at larger step sizes where it differs a little (a step of a staircase that
    rounding made in one small term of f is smooth, and wrong by little) or is far better known, and
    the value at smaller ones that were taken for noise although they agree among themselves.
    """
    value, bound, wider = best.value[:, None], best.bound[:, None], best.bound
    for table in tables:
        limits, apart = table.limits, np.abs(table.value - value)
        weak = (bound > limits.weak * np.abs(value)) & (table.bound < bound / limits.far_better)
        clash = (apart > table.bound + bound) & (weak | (apart < limits.close * np.abs(value)))
        firm = limits.firm * table.second < np.minimum(apart, np.abs(table.value))
        firm &= (apart > bound) & (table.steps[:, :, None] < best.step[:, None])
        firm[0] = False
        cover = np.where(firm, table.second, np.where(clash, table.bound, -np.inf)) + apart
        wider = np.fmax(wider, np.fmax.reduce(cover, axis=(0, 2)))
    return best.with_bound(wider)
