"""Reads a point and its borders. Gives ladders of step sizes, and the samples taken on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.derivatives.finite_differences.interface import Bools, Floats, Function, Ints
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits
from gradcheck_cli.numerics.machine import TINY

__all__ = ["Ladder", "Sampler", "climb", "first_rungs", "span"]


# --- the ladder: samples at decreasing step sizes -------------------------------------------------


class Sampler:
    """The caller's function with its outputs in one row, and a count of the samples."""

    def __init__(
        self, function: Function, base: Floats, noise: Floats | float, limits: FiniteDifferencesLimits
    ) -> None:
        self.function, self.base, self.noise, self.limits = function, base, noise, limits
        self.count = 0
        self.shape: tuple[int, ...] = ()

    def __call__(self, which: Ints, offsets: NDArray[Any]) -> tuple[NDArray[Any], Bools]:
        """Sample the function, and count the samples."""
        values, regular = self.function(which, offsets)
        self.count += offsets.size
        self.shape = values.shape[2:]
        width = math.prod(self.shape)
        spread = regular.reshape(*offsets.shape, *regular.shape[2:] or (1,) * len(self.shape))
        spread = np.broadcast_to(spread, values.shape)
        return values.reshape(*offsets.shape, width), spread.reshape(*offsets.shape, width)

    def floor(self, which: Ints) -> Floats:
        """The noise that the caller knows of, (e, O)."""
        noise = np.broadcast_to(np.asarray(self.noise, float), (len(self.base), *self.shape))
        return noise.reshape(len(self.base), math.prod(self.shape))[which]


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
        """The ladders of some entries."""
        parts = self.steps[keep], self.values[keep], self.base[keep], self.reach[keep]
        return Ladder(*parts, self.grid, self.limits)

    def join(self, other: Ladder) -> Ladder:
        """Both, sorted; rungs of self within the span of `other` are dropped."""
        top, bottom = span(other.steps)
        inside = (self.steps < 1.9 * top) & (self.steps > bottom / 1.9)
        steps = np.concatenate([np.where(inside, 0.0, self.steps), other.steps], axis=1)
        values = np.concatenate([self.values, other.values], axis=1)
        order = np.argsort(-steps, axis=1, kind="stable")
        steps = np.take_along_axis(steps, order, axis=1)
        values = np.take_along_axis(values, order[:, :, None, None], axis=1)
        values = np.where(steps[:, :, None, None] > 0, values, np.nan)
        return replace(self, steps=steps, values=values)


def span(steps: Floats) -> tuple[Floats, Floats]:
    """The largest and the smallest step size in use, (e, 1) each."""
    smallest: Floats = np.where(steps > 0, steps, np.inf).min(axis=1, keepdims=True)
    return steps.max(axis=1, keepdims=True), smallest


def _representable(base: Floats, steps: Floats) -> Floats:
    """The nearest step sizes whose small multiples are added to the base point exactly."""
    quantum = 4 * np.spacing(np.abs(base))[:, None]
    rounded = np.where(steps < quantum * 2.0**52, np.rint(steps / quantum) * quantum, steps)
    distinct = np.diff(rounded, axis=1, prepend=np.inf) != 0
    return -np.sort(-np.where(distinct & np.isfinite(rounded), rounded, 0.0), axis=1)


def climb(sampler: Sampler, which: Ints, steps: Floats, scheme: Scheme) -> Ladder:
    """Sample the rungs `steps` (e, K) of the entries `which`, and the base point."""
    grid = tuple(Fraction(o) for o in scheme.offsets if o)
    steps = steps if scheme.imaginary else _representable(sampler.base[which], steps)
    offsets = np.zeros((len(which), 1 + steps.shape[1] * len(grid)))
    moved = steps[:, :, None] * np.array([float(o) for o in grid])
    offsets[:, 1:] = moved.reshape(len(which), steps.shape[1] * len(grid))
    values, regular = sampler(which, offsets * 1j if scheme.imaginary else offsets)
    usable = regular & np.isfinite(values) & (offsets != 0)[:, :, None]
    rungs = np.where(usable, values, np.nan)[:, 1:]
    rungs = rungs.reshape(*steps.shape, len(grid), values.shape[2])
    reach = min(sampler.limits.dense, steps.shape[1])
    return Ladder(steps, rungs, values[:, :1], steps[:, reach - 1 : reach], grid, sampler.limits)


def first_rungs(base: Floats, scheme: Scheme, limits: FiniteDifferencesLimits) -> Floats:
    """A dense stretch where the answer is expected, then few rungs down to the last bits of x.

    Between 1e-6 and 1 the scale of f is as likely 1 (weights) as |x| (logarithms): start between.
    """
    x = np.abs(base)
    scale = np.where((x >= 1) | (x < limits.small), x, np.sqrt(x))
    scale = np.where(x < 1e4 * TINY, 1.0, scale)  # nothing fits between x and 0
    if scheme.rungs:
        powers = np.array(scheme.rungs)
    elif scheme.imaginary:  # odd ratios: at powers of two all imaginary parts are rounded alike
        powers = np.array([8, 14.6, 20.2, 26.8, 32.4, 40.6, 48.2, 60.8, 80.4, 100.6])
    elif scheme.extrapolated:
        powers = np.array([*range(limits.dense), *range(limits.dense + 4, 48, 5)])
    else:
        powers = np.array([*range(0, 28, 2), 33, 40])
    return np.asarray(limits.mantissa * scale[:, None] * 2.0**-powers)
