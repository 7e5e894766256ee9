"""Reads estimates over a ladder. Gives further step sizes where they promise a smaller bound."""

from __future__ import annotations

import numpy as np

from gradcheck_cli.derivatives.finite_differences.estimate import Estimate
from gradcheck_cli.derivatives.finite_differences.interface import Floats
from gradcheck_cli.derivatives.finite_differences.step_sizes import Ladder, span

__all__ = ["more_rungs"]


def more_rungs(ladder: Ladder, now: Estimate, base: Floats) -> Floats:
    """New step sizes for each entry, (e, limits.dense); a row of 0 where there is nothing to gain."""
    start, ratio = _wishes(ladder, now, np.abs(base)[:, None])
    need = np.where(np.isfinite(now.bound), now.bound / np.abs(now.value), np.inf)
    need = np.where(start > 0, np.nan_to_num(need, nan=0.0), -1.0)
    worst = need.argmax(axis=1)[:, None]
    first, factor = np.take_along_axis(start, worst, 1), np.take_along_axis(ratio, worst, 1)
    return np.asarray(first * factor ** -np.arange(1.0, ladder.limits.dense + 1))


def _wishes(ladder: Ladder, now: Estimate, x: Floats) -> tuple[Floats, Floats]:
    """For each output the step size to start below, 0 for none, and the ratio of the rungs.

    Up if f looked straight at all step sizes, down if none was small enough, else densely into the
    gap above the largest step size that was of use.
    """
    steps, last, limits = ladder.steps, ladder.steps.shape[1] - 1, ladder.limits
    usable = np.isfinite(ladder.values).any(axis=2)
    some, (top, bottom) = usable.any(axis=1), span(steps)
    lost = ~np.isfinite(now.bound)
    poor = lost | (now.bound > limits.good * np.abs(now.value))
    cut = limits.truncation_safety * now.truncation > limits.roundoff_safety * now.roundoff
    first = np.where(lost, usable.argmax(axis=1), now.first)
    here = np.take_along_axis(steps, first, 1)
    above = np.where(first > 0, np.take_along_axis(steps, np.maximum(first - 1, 0), 1), np.inf)
    below = np.take_along_axis(steps, np.minimum(first + 4, last), 1)
    # a constant f is flat at every step size: only a tiny x is worth another try
    up = poor & ~lost & ~cut & (first == 0) & ((now.value != 0) | (x < limits.small))
    unsure = now.bound > 1e4 * limits.good * np.abs(now.value)
    up |= unsure & ~lost & (x > 0) & (top < limits.small)
    ended = ~some | (first >= (steps > 0).sum(axis=1, keepdims=True) - 4)
    down = poor & (lost | cut) & ended & ((x == 0) | (bottom > x))
    gap = poor & some & (first > 0) & ((above > 3 * here) | (here > 20 * below))
    start, ratio = np.where(gap, above, 0.0), np.maximum(2, (above / here) ** (1 / 6))
    start = np.where(up, np.where(top < limits.small**2, limits.mantissa * 2.0**15, top * 2.0**45), start)
    start = np.where(down, np.where((x > 0) & (x < bottom), x, bottom), start)
    return start, np.where(up | (down & (x > 0)), 32.0, np.where(down, 2.0**12, ratio))
