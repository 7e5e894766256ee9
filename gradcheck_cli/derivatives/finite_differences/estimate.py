"""Reads tableaus of differences. Gives the estimate with the smallest error bound, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.derivatives.finite_differences.interface import Bools, Floats, Ints
from gradcheck_cli.derivatives.finite_differences.richardson import Tableau, step_exponent, tableaus
from gradcheck_cli.derivatives.finite_differences.schemes import LEFT, RIGHT, Scheme
from gradcheck_cli.derivatives.finite_differences.step_sizes import Ladder
from gradcheck_cli.derivatives.finite_differences.tableau_operations import from_below, last_rungs, shift
from gradcheck_cli.numerics.machine import EPS, TINY

__all__ = ["Estimate", "consult", "endless_sign"]


# --- the estimate: the best entry of the tableau, and doubts about it -----------------------------


@dataclass(frozen=True)
class Estimate:
    """The entry with the least bound; all (e, O)."""

    value: Floats
    bound: Floats
    truncation: Floats
    roundoff: Floats
    first: Ints  # the rung of the largest step size in it
    step: Floats  # the smallest step size in it

    def parts(self) -> tuple[NDArray[Any], ...]:
        """All arrays of the estimate."""
        return self.value, self.bound, self.truncation, self.roundoff, self.first, self.step

    def where(self, wins: Bools, other: Estimate) -> Estimate:
        """This estimate, or the other where it wins."""
        pairs = zip(self.parts(), other.parts(), strict=True)
        return Estimate(*(np.where(wins, theirs, ours) for ours, theirs in pairs))

    def better(self, other: Estimate) -> Estimate:
        """The one with the smaller bound, which covers both where they contradict each other."""
        apart = np.abs(self.value - other.value)
        clash = apart > self.bound + other.bound
        best = self.where(other.bound < self.bound, other)
        cover = apart + np.maximum(self.bound, other.bound)
        return replace(best, bound=np.where(clash, cover, best.bound))

    def scaled(self, power: Ints) -> Estimate:
        """All slopes times 2^power; what is out of range then is not known."""
        value, bound = np.ldexp(self.value, power), np.ldexp(self.bound, power) + TINY
        known = np.isfinite(value) & np.isfinite(bound)
        value, bound = np.where(known, value, np.nan), np.where(known, bound, np.inf)
        cut, noise = np.ldexp(self.truncation, power), np.ldexp(self.roundoff, power)
        return Estimate(value, bound, cut, noise, self.first, self.step)

    def rows(self, keep: Ints) -> Estimate:
        """The estimates of some entries."""
        return Estimate(*(part[keep] for part in self.parts()))

    def put(self, at: Ints, rows: Estimate) -> None:
        """Replace the estimates of some entries."""
        for part, new in zip(self.parts(), rows.parts(), strict=True):
            part[at] = new


def _guards(tables: Sequence[Tableau]) -> tuple[Floats, Floats]:
    """For each rung, the interval that the plain slopes of all smaller step sizes leave open."""
    pairs = [(t.value[m], t.bound[m]) for t in tables for m in range(min(2, len(t.value)))]
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
    least = bound[at] + _doubt(table, table.value[at], table.roundoff[at], last)
    step = np.take_along_axis(table.steps, last, axis=1)
    return Estimate(
        table.value[at],
        np.where(np.isnan(least), np.inf, least),
        table.truncation[at],
        table.roundoff[at],
        first,
        step,
    )


def _doubt(table: Tableau, value: Floats, roundoff: Floats, last: Ints) -> Floats:
    """By how much slopes at smaller step sizes miss a value more than they may; (e, O)."""
    at, steps = last[:, None], table.steps[:, :, None]
    miss = np.abs(table.slopes - value[:, None])
    step = np.take_along_axis(steps + 0 * miss, at, axis=1)
    truncation = 2 * np.take_along_axis(miss, at, axis=1) * (steps / step) ** table.order
    noise = np.fmax(table.roundoff[0], roundoff[:, None] * step / steps)
    excess = miss - truncation - table.limits.roundoff_safety * noise
    smaller = np.arange(miss.shape[1])[:, None] > at
    return np.asarray(np.fmax.reduce(np.where(smaller & (excess > 0), excess, 0.0), axis=1))


def endless_sign(table: Tableau) -> Floats:
    """The sign of slopes that go on growing, by steps that do not shrink, else 0; (e, O)."""
    grown = shift(table.slopes, 1) - table.slopes
    ratio = (shift(table.steps[:, :, None], 1) / table.steps[:, :, None]) ** 0.25
    clear = np.abs(grown) > 1e3 * EPS * table.size * shift(table.gains, 1)
    clear &= (table.steps <= table.reach)[:, :, None]
    pairs = clear & (shift(clear.astype(float), 1) == 1)
    endless = np.where(pairs, shift(grown, 1) / grown > ratio, True).all(axis=1)
    endless &= pairs.sum(axis=1) >= 3
    return np.where(endless, np.sign(np.where(pairs, grown, 0.0).sum(axis=1)), 0.0)


def _contradicted(best: Estimate, tables: Sequence[Tableau]) -> Estimate:
    """The bound widened to cover what else the samples may mean.

    That is the value at larger step sizes where it differs a little (a step of a staircase that
    rounding made in one small term of f is smooth, and wrong by little) or is far better known, and
    the value at smaller ones that were taken for noise although they agree among themselves.
    """
    value, bound, wider = best.value[:, None], best.bound[:, None], best.bound
    for table in tables:
        apart = np.abs(table.value - value)
        weak = (bound > table.limits.weak * np.abs(value)) & (table.bound < bound / 32)
        clash = (apart > table.bound + bound) & (weak | (apart < table.limits.close * np.abs(value)))
        firm = (apart > bound) & (8 * table.second < np.minimum(apart, np.abs(table.value)))
        firm &= table.steps[:, :, None] < best.step[:, None]
        firm[0] = False
        cover = np.where(firm, table.second, np.where(clash, table.bound, -np.inf)) + apart
        wider = np.fmax(wider, np.fmax.reduce(cover, axis=(0, 2)))
    return replace(best, bound=wider)


def consult(
    ladder: Ladder, scheme: Scheme, floor: Floats, known: Estimate | None = None
) -> tuple[Estimate, Estimate]:
    """What this ladder says, and the better of that and what was known.

    By default central, right and left differences are asked together.
    """
    schemes = [scheme, RIGHT, LEFT] if scheme.sees_sides else [scheme]
    tables = tableaus(ladder, schemes, floor)
    guards, power = _guards(tables), step_exponent(ladder)
    now = _select(tables[0], guards)
    for table in tables[1:]:
        now = now.better(_select(table, guards))
    endless = np.any([endless_sign(table) for table in tables[-2:]], axis=0)
    now = replace(now, bound=np.where(endless, np.inf, now.bound))
    best = now.better(known.scaled(power)) if known else now
    return now.scaled(-power), _contradicted(best, tables).scaled(-power)
