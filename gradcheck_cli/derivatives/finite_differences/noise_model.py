"""Reads slopes and their extrapolation. Gives the noise of the sampled function, as its samples show it.

The noise of an entry of the tableau is the largest of what its samples show: the spacing of floating-point
numbers, the scatter of slopes at smaller steps, what the even part of f misses, and the least move that is
seen. Where nothing but noise was sampled it is infinite. The idea of measuring noise by differences is that
of Moré and Wild 2011. Knows nothing of how an error bound is made of it.
"""

from __future__ import annotations

import numpy as np

from gradcheck_cli.derivatives.finite_differences.extrapolation import (
    Extrapolation,
    PlainSlopes,
    neville,
    step_ratios,
)
from gradcheck_cli.derivatives.finite_differences.rungs import (
    from_below,
    largest,
    last_rungs,
    shift,
    take_rungs,
)
from gradcheck_cli.derivatives.finite_differences.sampled_function import Bools, Floats
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED, Scheme
from gradcheck_cli.derivatives.finite_differences.step_ladder import Ladder
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits
from gradcheck_cli.numerics.machine import EPS, TINY

__all__ = ["even_residual", "sample_noise", "staircase_noise"]


def sample_noise(
    plain: PlainSlopes,
    table: Extrapolation,
    residual: Floats,
    known_noise: Floats,
    scheme: Scheme,
    limits: FiniteDifferencesLimits,
) -> Floats:
    """The noise of f in the samples of each entry of a tableau.

    Parameters
    ----------
    plain : slopes of e entries on K rungs
    table : their tableau of M columns
    residual : (M, e, K, O) float64
        What the even part of f misses, nan where it was not sampled.
    known_noise : (e, O) float64, what the caller knows of
    scheme : says whether values are extrapolated or imaginary
    limits : factors

    Returns
    -------
    (M, e, K, O) float64
        In the unit of f; inf where the samples show nothing but noise.
    """
    count, size, moves = len(table.value), plain.size, plain.moves
    noise = np.fmax(largest(EPS * size, count) + TINY, _least_move(moves, count))
    noise = np.fmax(noise, last_rungs(_scatter(plain, table.value[1], scheme, limits), count))
    noise = np.fmax(noise, residual) * (1 if scheme.extrapolated else limits.caution)
    hopeless = noise > limits.all_noise * largest(size, count) + limits.tiny_noise * TINY
    hopeless |= _level_rungs(plain, EPS * size + known_noise[:, None], limits)
    noise = np.where(hopeless | ~(table.ratios < limits.widest), np.inf, noise)
    share = size / np.abs(plain.base) if scheme.imaginary else 1.0
    # f never moves at all: inside it may be rounded at sizes near 1
    constant = ~(moves > 0).any(axis=1, keepdims=True) & np.isfinite(moves)
    return np.fmax(noise, np.fmax(known_noise[:, None] * share, np.where(constant, EPS, 0.0)))


def _level_rungs(plain: PlainSlopes, noise: Floats, limits: FiniteDifferencesLimits) -> Bools:
    """Rungs far above those where the answer was expected, at which f hardly moves, or not much more than
    at smaller ones: a bounded f has tiny slopes there that agree, whatever the derivative is."""
    steps, reach, moves = plain.steps[:, :, None], plain.reach[:, :, None], plain.moves
    level = moves <= limits.level_noise * noise
    far = (steps > reach * 2.0**limits.dense) & (reach > limits.small)
    straight = steps[:, :-1] / steps[:, 1:] * moves[:, 1:]
    level[:, :-1] |= (moves[:, :-1] < straight / limits.level_growth) & ~level[:, 1:]
    return np.asarray(from_below(np.where(far & level, 1.0, 0.0), np.fmax) > 0)


def _scatter(
    plain: PlainSlopes, column: Floats, scheme: Scheme, limits: FiniteDifferencesLimits
) -> Floats:
    """Noise of f for each rung, from the scatter of slopes at so much smaller steps that truncation is
    negligible."""
    steps, gains = plain.steps, plain.gains
    seen = np.abs(column - shift(column, 1)) / (1 if scheme.imaginary else shift(gains, 2))
    worst = np.zeros((seen.shape[0], seen.shape[1] + 1, seen.shape[2]))
    worst[:, :-1] = from_below(np.where(np.isfinite(seen), seen, 0.0), np.fmax)
    start = (steps[:, None, :] > steps[:, :, None] / limits.scatter_ratio).sum(axis=2)[:, :, None]
    found = take_rungs(worst, start)
    return np.asarray(found / gains if scheme.imaginary else found)


def _least_move(moves: Floats, count: int) -> Floats:
    """Where f does not move at all, it may hide the least move that is seen elsewhere."""
    least = np.where(moves > 0, moves, np.inf).min(axis=1, keepdims=True)
    still = np.where(moves == 0, 1.0, 0.0)
    near = np.fmax(still, np.fmax(shift(still, 1), shift(still, 2)))
    near = largest(np.where(np.isnan(moves), np.nan, near), count)
    return np.where((near > 0) & np.isfinite(least), least, 0.0)


def even_residual(ladder: Ladder, scheme: Scheme, count: int) -> Floats:
    """What the even part of f, extrapolated like the slopes, misses of f(x), which is known.

    Parameters
    ----------
    ladder : samples of e entries at K step sizes
    scheme : the one that is extrapolated
    count : M, the columns of the tableau

    Returns
    -------
    (M, e, K, O) float64
        In the unit of f; nan unless x + h and x - h were sampled and are extrapolated.
    """
    if ladder.grid != EXTRAPOLATED.offsets or not scheme.extrapolated:
        return np.full((count, *ladder.values.shape[:2], ladder.values.shape[3]), np.nan)
    even = (ladder.values[:, :, 0] - ladder.base) / 2 + (ladder.values[:, :, 1] - ladder.base) / 2
    miss = np.abs(neville(even, step_ratios(ladder.steps, count) ** 2, -1.0))
    return np.fmax(miss, shift(miss, 1))


def staircase_noise(plain: PlainSlopes, apart: Floats, limits: FiniteDifferencesLimits) -> Floats:
    """Noise of f at larger steps, for rungs so small that it explains all that they see.

    Rounding inside f makes a staircase whose single steps may look smooth: (1 - cos(x)) / x^2 at
    1e-4 has the slope -1e4 within 1e-12 of x, and the true one, -8e-6, only beyond.

    Parameters
    ----------
    plain : slopes of e entries on K rungs
    apart : (M, e, K, O) float64
        How far samples and tableau disagree, in the unit of f.
    limits : factors

    Returns
    -------
    (M, e, K, O) float64
        In the unit of f; 0 where larger steps explain nothing.
    """
    count, steps, size = len(apart), plain.steps, plain.size
    first = limits.staircase_column
    if count < first + 2:
        return np.zeros_like(apart)
    m = np.arange(first, count)[:, None]
    ends = np.arange(steps.shape[1]) - m  # the first rung of what ends at i
    least = np.fmin.reduce(np.where((ends < 0)[:, :, None, None], np.nan, apart[m, :, ends]))
    least = least.transpose(1, 0, 2)
    quiet = np.full_like(least, np.nan)
    quiet[:, 1:] = np.fmin.accumulate(np.maximum(least[:, 1:], least[:, :-1]), axis=1)
    larger = steps[:, None, :] >= limits.staircase_ratio * steps[:, :, None]
    above = larger.sum(axis=2)[:, :, None] - 1
    quiet = np.where(above < 0, np.nan, take_rungs(quiet, np.maximum(above, 0)))
    top = np.where(np.isfinite(size), steps[:, :, None], 0).max(axis=1, keepdims=True)
    share = quiet / size
    hidden = share < limits.staircase_noise * limits.all_noise
    hidden &= steps[:, :, None] < limits.staircase_reach * share * top
    return np.broadcast_to(np.where(hidden, limits.staircase_safety * quiet, 0.0), apart.shape)
