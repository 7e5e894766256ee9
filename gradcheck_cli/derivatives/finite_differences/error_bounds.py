"""Reads samples on a ladder. Gives tableaus of slopes with error bounds: truncation and round-off.

bound = 3 truncation + 3 round-off; the round-off of an entry is the noise of f times what the entry's
coefficients make of it. Knows nothing of how step sizes are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.derivatives.finite_differences.extrapolation import (
    Extrapolation,
    PlainSlopes,
    extrapolate,
    plain_slopes,
)
from gradcheck_cli.derivatives.finite_differences.noise_model import (
    even_residual,
    sample_noise,
    staircase_noise,
)
from gradcheck_cli.derivatives.finite_differences.rungs import largest
from gradcheck_cli.derivatives.finite_differences.sampled_function import Bools, Floats, Ints
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.derivatives.finite_differences.step_ladder import Ladder
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits
from gradcheck_cli.numerics.machine import EPS, TINY

__all__ = ["Estimate", "Tableau", "tableaus"]


@dataclass(frozen=True)
class Tableau:
    """Richardson's tableau with bounds: entry (m, :, i, :) extrapolates the rungs i ... i+m to step size 0.

    All (M, e, K, O), nan where there is no entry. Slopes are per 2^step_exponent, near the largest step
    size, so that nothing overflows.
    """

    value: Floats
    truncation: Floats
    roundoff: Floats
    second: Floats  # the bound if rungs taken for noise are not noise, else inf
    slopes: Floats  # (e, K, O), not extrapolated
    gains: Floats  # (e, K, 1): what they make of noise of size 1 in each sample
    size: Floats  # (e, K, O): the largest |f| that went in
    steps: Floats  # (e, K)
    reach: Floats  # (e, 1)
    order: int
    limits: FiniteDifferencesLimits

    @cached_property
    def bound(self) -> Floats:
        """The error bound: truncation and round-off, each with its safety factor."""
        return _bound(self.truncation, self.roundoff, self.limits)


def _bound(truncation: Floats, roundoff: Floats, limits: FiniteDifferencesLimits) -> Floats:
    return limits.truncation_safety * truncation + limits.roundoff_safety * roundoff


@dataclass(frozen=True)
class Estimate:
    """A slope and its error bound for each entry and output; all (e, O)."""

    value: Floats
    bound: Floats
    truncation: Floats
    roundoff: Floats
    first: Ints  # the rung of the largest step size in it
    step: Floats  # the smallest step size in it

    def parts(self) -> tuple[NDArray[Any], ...]:
        """All arrays of the estimate, in the order of the fields.

        Returns
        -------
        tuple of six (e, O) arrays
        """
        return self.value, self.bound, self.truncation, self.roundoff, self.first, self.step

    def where(self, wins: Bools, other: Estimate) -> Estimate:
        """This estimate, or the other where it wins.

        Parameters
        ----------
        wins : (e, O) bool
        other : Estimate of the same entries

        Returns
        -------
        Estimate
        """
        pairs = zip(self.parts(), other.parts(), strict=True)
        return Estimate(*(np.where(wins, theirs, ours) for ours, theirs in pairs))

    def better(self, other: Estimate) -> Estimate:
        """The one with the smaller bound, which covers both where they contradict each other."""
        apart = np.abs(self.value - other.value)
        clash = apart > self.bound + other.bound
        best = self.where(other.bound < self.bound, other)
        cover = apart + np.maximum(self.bound, other.bound)
        return best.with_bound(np.where(clash, cover, best.bound))

    def with_bound(self, bound: Floats) -> Estimate:
        """The same values with another bound.

        Parameters
        ----------
        bound : (e, O) float64

        Returns
        -------
        Estimate
        """
        return Estimate(self.value, bound, self.truncation, self.roundoff, self.first, self.step)

    def scale(self, power: Ints) -> Estimate:
        """All slopes times 2^power; what is out of range then is not known.

        Parameters
        ----------
        power : (e, 1) intp

        Returns
        -------
        Estimate
            nan, with the bound inf, where a slope overflows.
        """
        value, bound = np.ldexp(self.value, power), np.ldexp(self.bound, power) + TINY
        known = np.isfinite(value) & np.isfinite(bound)
        value, bound = np.where(known, value, np.nan), np.where(known, bound, np.inf)
        cut, noise = np.ldexp(self.truncation, power), np.ldexp(self.roundoff, power)
        return Estimate(value, bound, cut, noise, self.first, self.step)

    def rows(self, keep: Ints) -> Estimate:
        """The estimates of some entries.

        Parameters
        ----------
        keep : (k,) indices

        Returns
        -------
        Estimate, all (k, O)
        """
        return Estimate(*(part[keep] for part in self.parts()))

    def put(self, at: Ints, rows: Estimate) -> None:
        """Replace the estimates of some entries, in place.

        Parameters
        ----------
        at : (k,) indices
        rows : Estimate, all (k, O)
        """
        for part, new in zip(self.parts(), rows.parts(), strict=True):
            part[at] = new


def tableaus(ladder: Ladder, schemes: Sequence[Scheme], known_noise: Floats) -> list[Tableau]:
    """The tableau of each scheme. Of few entries all schemes are computed at once: there a call takes longer
    than its numbers, and a third of the calls are left.

    Parameters
    ----------
    ladder : samples of e entries at K step sizes
    schemes : the first one says how the others are extrapolated
    known_noise : (e, O) float64, the noise of f that the caller knows of

    Returns
    -------
    list of Tableau, in the order of the schemes
    """
    if ladder.values.size <= ladder.limits.together or len(schemes) == 1:
        return _tableaus_together(ladder, schemes, known_noise)
    return [table for scheme in schemes for table in _tableaus_together(ladder, [scheme], known_noise)]


def _tableaus_together(ladder: Ladder, schemes: Sequence[Scheme], known_noise: Floats) -> list[Tableau]:
    """The tableaus with the entries of one scheme after those of another."""
    scheme, times, limits, rungs = schemes[0], len(schemes), ladder.limits, ladder.steps.shape[1]
    each = [plain_slopes(ladder, one) for one in schemes]
    plain = PlainSlopes(*(np.concatenate(parts) for parts in zip(*each, strict=True)))
    known_noise = np.concatenate([known_noise] * times)
    count = min(limits.columns, len(scheme.rungs) or rungs - 1) if scheme.extrapolated else 2
    order = np.repeat([one.order for one in schemes], len(ladder.steps))[:, None, None]
    table = extrapolate(plain, order, count, lone=bool(scheme.rungs))
    residual = np.concatenate([even_residual(ladder, scheme, count)] * times, axis=1)
    noise = sample_noise(plain, table, residual, known_noise, scheme, limits)
    roundoff, second = _roundoff(plain, table, noise, residual, limits)
    kept, found = slice(None if scheme.extrapolated else 1), []
    for number, one in enumerate(schemes):
        own = slice(number * len(ladder.steps), (number + 1) * len(ladder.steps))
        found.append(
            Tableau(
                table.value[kept, own], table.truncation[kept, own], roundoff[kept, own], second[kept, own],
                plain.value[own], plain.gains[own], plain.size[own], ladder.steps, ladder.reach, one.order,
                limits,
            )
        )  # fmt: skip
    return found


def _roundoff(
    plain: PlainSlopes, table: Extrapolation, noise: Floats, residual: Floats,
    limits: FiniteDifferencesLimits,
) -> tuple[Floats, Floats]:  # fmt: skip
    """The round-off of each entry, and its bound if rungs that were taken for noise are not noise."""
    flat = largest(plain.moves, len(table.value)) <= limits.flat_noise * noise
    at_reach = plain.gains[:, :1] * (plain.steps[:, :1] / plain.reach)[:, :, None]
    spread = np.where(flat, np.fmax(table.spread, at_reach), table.spread)
    roundoff = spread * noise + EPS * np.abs(table.value)
    apart = np.maximum(table.truncation / spread, np.nan_to_num(residual))
    hidden = staircase_noise(plain, apart, limits)
    second = np.where(hidden > noise, _bound(table.truncation, roundoff, limits), np.inf)
    return np.fmax(roundoff, spread * hidden), second
