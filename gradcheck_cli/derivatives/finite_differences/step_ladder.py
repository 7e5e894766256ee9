"""Reads the values of entries. Gives ladders of step sizes, and the samples taken on them.

A step size is what is really added: a multiple of a few units in the last place of the entry, so that
(x + h) - x is h. Knows nothing of slopes and their errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.derivatives.finite_differences.rungs import take_rungs
from gradcheck_cli.derivatives.finite_differences.sampled_function import Bools, Floats, Ints, Sampler
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits
from gradcheck_cli.numerics.machine import EPS, TINY

__all__ = ["Ladder", "first_step_sizes", "sample_ladder", "span"]


@dataclass(frozen=True)
class Ladder:
    """Samples of e entries at K step sizes, largest first; a step size 0 marks an unused rung."""

    steps: Floats  # (e, K)
    values: NDArray[Any]  # (e, K, n, O): nan where not usable
    base: NDArray[Any]  # (e, 1, O): the value at the base point
    reach: Floats  # (e, 1): the step size at which a change of f should show
    grid: tuple[Fraction, ...]  # the n offsets, in units of the step size
    limits: FiniteDifferencesLimits

    def rows(self, keep: Bools) -> Ladder:
        """The ladders of some entries.

        Parameters
        ----------
        keep : (e,) bool

        Returns
        -------
        Ladder
        """
        parts = self.steps[keep], self.values[keep], self.base[keep], self.reach[keep]
        return Ladder(*parts, self.grid, self.limits)

    def join(self, other: Ladder) -> Ladder:
        """Both, sorted; rungs of self within the span of `other` are dropped."""
        top, bottom = span(other.steps)
        margin = self.limits.same_rung
        inside = (self.steps < margin * top) & (self.steps > bottom / margin)
        steps = np.concatenate([np.where(inside, 0.0, self.steps), other.steps], axis=1)
        values = np.concatenate([self.values, other.values], axis=1)
        order = np.argsort(-steps, axis=1, kind="stable")
        steps, values = take_rungs(steps, order), take_rungs(values, order)
        values = np.where(steps[:, :, None, None] > 0, values, np.nan)
        return replace(self, steps=steps, values=values)


def span(steps: Floats) -> tuple[Floats, Floats]:
    """The largest and the smallest step size in use.

    Parameters
    ----------
    steps : (e, K) float64, 0 where a rung is not in use

    Returns
    -------
    largest, smallest : (e, 1) float64
        0 and inf where no rung is in use.
    """
    smallest: Floats = np.where(steps > 0, steps, np.inf).min(axis=1, keepdims=True)
    return steps.max(axis=1, keepdims=True), smallest


def _exact_steps(base: Floats, steps: Floats, limits: FiniteDifferencesLimits) -> Floats:
    """The nearest step sizes whose small multiples are added to the base point exactly."""
    quantum = limits.exact_ulps * np.spacing(np.abs(base))[:, None]
    rounded = np.where(steps < quantum / EPS, np.rint(steps / quantum) * quantum, steps)
    distinct = np.diff(rounded, axis=1, prepend=np.inf) != 0
    return -np.sort(-np.where(distinct & np.isfinite(rounded), rounded, 0.0), axis=1)


def sample_ladder(sampler: Sampler, which: Ints, steps: Floats, scheme: Scheme) -> Ladder:
    """Sample some entries at the base point and on a ladder of step sizes.

    Parameters
    ----------
    sampler : the function
    which : (e,) indices of entries
    steps : (e, K) float64, in the unit of the entries
        They are rounded so that they are added exactly; those that then coincide are dropped.
    scheme : its offsets, in units of the step size, are sampled

    Returns
    -------
    Ladder
        Values are nan where a sample is not finite or not smooth.
    """
    grid = tuple(Fraction(o) for o in scheme.offsets if o)
    steps = steps if scheme.imaginary else _exact_steps(sampler.base[which], steps, sampler.limits)
    offsets = np.zeros((len(which), 1 + steps.shape[1] * len(grid)))
    moved = steps[:, :, None] * np.array([float(o) for o in grid])
    offsets[:, 1:] = moved.reshape(len(which), steps.shape[1] * len(grid))
    values, smooth = sampler(which, offsets * 1j if scheme.imaginary else offsets)
    usable = smooth & np.isfinite(values) & (offsets != 0)[:, :, None]
    rungs = np.where(usable, values, np.nan)[:, 1:]
    rungs = rungs.reshape(*steps.shape, len(grid), values.shape[2])
    reach = min(sampler.limits.dense, steps.shape[1])
    return Ladder(steps, rungs, values[:, :1], steps[:, reach - 1 : reach], grid, sampler.limits)


def first_step_sizes(base: Floats, scheme: Scheme, limits: FiniteDifferencesLimits) -> Floats:
    """A dense stretch where the answer is expected, then few rungs down to the last bits of x.

    Between 1e-6 and 1 the scale of f is as likely 1 (weights) as |x| (logarithms): the ladder starts
    between, at the square root.

    Parameters
    ----------
    base : (e,) float64, the values of the entries
    scheme : says which rungs are taken
    limits : the rungs of each kind of scheme

    Returns
    -------
    (e, K) float64, in the unit of the entries, largest first
    """
    x = np.abs(base)
    scale = np.where((x >= 1) | (x < limits.small), x, np.sqrt(x))
    scale = np.where(x < limits.nearly_zero * TINY, 1.0, scale)
    powers = np.array(_powers(scheme, limits))
    return np.asarray(limits.mantissa * scale[:, None] * 2.0**-powers)


def _powers(scheme: Scheme, limits: FiniteDifferencesLimits) -> tuple[float, ...]:
    """The rungs, as powers of 1/2 of the scale."""
    if scheme.rungs:
        return scheme.rungs
    if scheme.imaginary:
        return limits.imaginary_rungs
    if scheme.extrapolated:
        return (*range(limits.dense), *limits.sparse_rungs)
    return limits.plain_rungs
