"""Reads a function and a scheme. Gives estimates from ladders that are refined where that promises more.

After the first ladder up to three more are sampled: further up if f looks straight, further down if no step
was small enough, densely into the gap above the largest step that was of use. Knows nothing of kinks.
"""

from __future__ import annotations

import numpy as np

from gradcheck_cli.derivatives.finite_differences.error_bounds import Estimate
from gradcheck_cli.derivatives.finite_differences.rungs import take_rungs
from gradcheck_cli.derivatives.finite_differences.sampled_function import Floats, Ints, Sampler
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.derivatives.finite_differences.selection import best_estimate
from gradcheck_cli.derivatives.finite_differences.step_ladder import (
    Ladder,
    first_step_sizes,
    sample_ladder,
    span,
)

__all__ = ["further_step_sizes", "refined_estimate"]


def refined_estimate(sampler: Sampler, which: Ints, scheme: Scheme) -> tuple[Estimate, Ladder]:
    """Sample, estimate, and sample again where that can help.

    Parameters
    ----------
    sampler : the function
    which : (e,) indices of entries
    scheme : a scheme with rungs of its own is sampled on them alone

    Returns
    -------
    best : Estimate
        In units of f per unit of the entry.
    first : Ladder
        The first ladder, before any refinement.
    """
    base = sampler.base[which]
    first = ladder = sample_ladder(sampler, which, first_step_sizes(base, scheme, sampler.limits), scheme)
    known_noise = sampler.known_noise(which)
    now, best = best_estimate(ladder, scheme, known_noise)
    best, active = best.rows(np.arange(len(which))), np.arange(len(which))
    for _ in range(0 if scheme.rungs else sampler.limits.rounds - 1):
        steps = further_step_sizes(ladder, now, base[active])
        keep = steps[:, 0] > 0
        active = active[keep]
        if not active.size:
            break
        more = sample_ladder(sampler, which[active], steps[keep], scheme)
        ladder = ladder.rows(keep).join(more)
        now, better = best_estimate(ladder, scheme, known_noise[active], best.rows(active))
        best.put(active, better)
    return best, first


def further_step_sizes(ladder: Ladder, now: Estimate, base: Floats) -> Floats:
    """New step sizes for each entry, where they promise a smaller bound for its least known output.

    Parameters
    ----------
    ladder : samples of e entries
    now : what they prove
    base : (e,) float64, the values of the entries

    Returns
    -------
    (e, limits.dense) float64, in the unit of the entries, largest first
        A row of 0 where there is nothing to gain.
    """
    start, ratio = _next_start(ladder, now, np.abs(base)[:, None])
    need = np.where(np.isfinite(now.bound), now.bound / np.abs(now.value), np.inf)
    need = np.where(start > 0, np.nan_to_num(need, nan=0.0), -1.0)
    worst = need.argmax(axis=1)[:, None]
    first, factor = take_rungs(start, worst), take_rungs(ratio, worst)
    return np.asarray(first * factor ** -np.arange(1.0, ladder.limits.dense + 1))


def _next_start(ladder: Ladder, now: Estimate, x: Floats) -> tuple[Floats, Floats]:
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
    here = take_rungs(steps, first)
    above = np.where(first > 0, take_rungs(steps, np.maximum(first - 1, 0)), np.inf)
    below = take_rungs(steps, np.minimum(first + limits.near_rungs, last))
    # a constant f is flat at every step size: only a tiny x is worth another try
    up = poor & ~lost & ~cut & (first == 0) & ((now.value != 0) | (x < limits.small))
    unsure = now.bound > limits.unsure * limits.good * np.abs(now.value)
    up |= unsure & ~lost & (x > 0) & (top < limits.small)
    ended = ~some | (first >= (steps > 0).sum(axis=1, keepdims=True) - limits.near_rungs)
    down = poor & (lost | cut) & ended & ((x == 0) | (bottom > x))
    wide = (above > limits.gap_above * here) | (here > limits.gap_below * below)
    gap = poor & some & (first > 0) & wide
    start = np.where(gap, above, 0.0)
    ratio = np.maximum(limits.least_gap_ratio, (above / here) ** (1 / limits.gap_rungs))
    highest = np.where(top < limits.small**2, limits.mantissa * limits.up_at_zero, top * limits.up)
    start = np.where(up, highest, start)
    start = np.where(down, np.where((x > 0) & (x < bottom), x, bottom), start)
    slow = up | (down & (x > 0))
    return start, np.where(slow, limits.up_ratio, np.where(down, limits.down_ratio, ratio))
