"""Reads differences over a ladder of step sizes. Gives the noise of the sampled function."""

from __future__ import annotations

import numpy as np

from gradcheck_cli.derivatives.finite_differences.interface import Bools, Floats
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED, Scheme
from gradcheck_cli.derivatives.finite_differences.step_sizes import Ladder
from gradcheck_cli.derivatives.finite_differences.tableau_operations import (
    from_below,
    ladder_spans,
    largest,
    neville,
    shift,
)
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits

__all__ = ["even_residual", "least_move", "levelled", "seen_above", "seen_below"]


def levelled(
    steps: Floats, reach: Floats, moves: Floats, noise: Floats, limits: FiniteDifferencesLimits
) -> Bools:
    """Rungs far above those where the answer was expected, at which f hardly moves, or not much more than
    at smaller ones: a bounded f has tiny slopes there that agree, whatever the derivative is."""
    steps, reach, nothing = steps[:, :, None], reach[:, :, None], moves <= 16 * noise
    far = (steps > reach * 2.0**limits.dense) & (reach > limits.small)
    straight = steps[:, :-1] / steps[:, 1:] * moves[:, 1:]
    nothing[:, :-1] |= (moves[:, :-1] < straight / 4) & ~nothing[:, 1:]
    return np.asarray(from_below(np.where(far & nothing, 1.0, 0.0), np.fmax) > 0)


# --- noise: what f is uncertain by, as its own samples tell --------------------------------------


def seen_below(steps: Floats, column: Floats, gains: Floats, scheme: Scheme) -> Floats:
    """Noise of f for each rung, from rungs 64 times smaller, where truncation is negligible."""
    seen = np.abs(column - shift(column, 1)) / (1 if scheme.imaginary else shift(gains, 2))
    worst = np.nan_to_num(from_below(np.where(np.isfinite(seen), seen, np.nan), np.fmax))
    worst = np.pad(worst, ((0, 0), (0, 1), (0, 0)))
    start = (steps[:, None, :] > steps[:, :, None] / 64).sum(axis=2)[:, :, None]
    found = np.take_along_axis(worst, start, axis=1)
    return np.asarray(found / gains if scheme.imaginary else found)


def least_move(moves: Floats, count: int) -> Floats:
    """Where f does not move at all, it may hide the least move that is seen elsewhere."""
    least = np.where(moves > 0, moves, np.inf).min(axis=1, keepdims=True)
    still = np.where(moves == 0, 1.0, 0.0)
    near = np.fmax(still, np.fmax(shift(still, 1), shift(still, 2)))
    near = largest(np.where(np.isnan(moves), np.nan, near), count)
    return np.where((near > 0) & np.isfinite(least), least, 0.0)


def even_residual(ladder: Ladder, scheme: Scheme, count: int) -> Floats:
    """Noise of f from its even part, extrapolated in the same way to what is known: f(x)."""
    if ladder.grid != EXTRAPOLATED.offsets or not scheme.extrapolated:
        return np.full((count, *ladder.values.shape[:2], ladder.values.shape[3]), np.nan)
    even = (ladder.values[:, :, 0] - ladder.base) / 2 + (ladder.values[:, :, 1] - ladder.base) / 2
    miss = np.abs(neville(even, ladder_spans(ladder.steps, count) ** 2, -1.0))
    return np.fmax(miss, shift(miss, 1))


def seen_above(
    steps: Floats, apart: Floats, size: Floats, limits: FiniteDifferencesLimits
) -> Floats:
    """Noise of f at larger steps, for rungs so small that it explains all that they see.

    Rounding inside f makes a staircase whose single steps may look smooth: (1 - cos(x)) / x^2 at
    1e-4 has the slope -1e4 within 1e-12 of x, and the true one, -8e-6, only beyond.
    """
    count, k = len(apart), steps.shape[1]
    if count < 4:
        return np.zeros_like(apart)
    m = np.arange(2, count)[:, None]
    ends = np.arange(k) - m  # the first rung of what ends at i
    least = np.fmin.reduce(np.where((ends < 0)[:, :, None, None], np.nan, apart[m, :, ends]))
    least = least.transpose(1, 0, 2)
    quiet = np.full_like(least, np.nan)
    quiet[:, 1:] = np.fmin.accumulate(np.maximum(least[:, 1:], least[:, :-1]), axis=1)
    above = (steps[:, None, :] >= 4 * steps[:, :, None]).sum(axis=2)[:, :, None] - 1
    quiet = np.where(above < 0, np.nan, np.take_along_axis(quiet, np.maximum(above, 0), axis=1))
    top = np.where(np.isfinite(size), steps[:, :, None], 0).max(axis=1, keepdims=True)
    share = quiet / size
    hidden = (share < 16 * limits.all_noise) & (steps[:, :, None] < 32 * share * top)
    return np.broadcast_to(np.where(hidden, 4 * quiet, 0.0), apart.shape)
