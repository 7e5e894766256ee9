"""Reads samples on a ladder. Gives plain slopes, and their extrapolation to step size 0 with its truncation.

Richardson's extrapolation combines neighboring rungs so that the leading terms of the truncation error
cancel; Neville's recursion gives the whole tableau: entry (m, :, i, :) combines the rungs i ... i+m.
Sources: Richardson 1911; Ridders 1982. Knows nothing of noise.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.derivatives.finite_differences.rungs import last_rungs, shift
from gradcheck_cli.derivatives.finite_differences.sampled_function import Floats, Ints
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.derivatives.finite_differences.step_ladder import Ladder

__all__ = [
    "Extrapolation", "PlainSlopes", "extrapolate", "neville", "plain_slopes", "step_exponent", "step_ratios",
]  # fmt: skip


class PlainSlopes(NamedTuple):
    """What a scheme computes on each rung, not extrapolated; slopes are per 2^step_exponent."""

    value: Floats  # (e, K, O)
    gains: Floats  # (e, K, 1): what the scheme makes of noise of size 1 in each sample
    size: Floats  # (e, K, O): the largest |f| that went in
    moves: Floats  # (e, K, O): the largest |f - f(x)| that went in
    steps: Floats  # (e, K)
    reach: Floats  # (e, 1): the step size at which a change of f should show
    base: NDArray[Any]  # (e, 1, O): the value at the base point


class Extrapolation(NamedTuple):
    """A tableau of M columns, nan where there is no entry; all (M, e, K, O), ratios (M, e, K, 1)."""

    value: Floats
    spread: Floats  # what an entry makes of noise of size 1 in each sample
    truncation: Floats  # how much the entry changes as rungs are exchanged
    ratios: Floats  # of the largest step size of an entry to its smallest


def step_exponent(ladder: Ladder) -> Ints:
    """The unit of step sizes, near the largest one, so that no slope overflows.

    Parameters
    ----------
    ladder : samples of e entries

    Returns
    -------
    (e, 1) intp, a power of two
    """
    return np.frexp(ladder.steps[:, :1])[1].astype(np.intp)


def plain_slopes(ladder: Ladder, scheme: Scheme) -> PlainSlopes:
    """The values of a scheme on each rung.

    Parameters
    ----------
    ladder : samples of e entries at K step sizes
    scheme : one whose offsets are on the ladder's grid

    Returns
    -------
    PlainSlopes
        Slopes in units of f per 2^step_exponent(ladder).

    Raises
    ------
    ValueError
        If an offset of the scheme was not sampled.
    """
    columns = [ladder.grid.index(Fraction(o)) for o in scheme.offsets if o]
    values = ladder.values[:, :, columns]
    rises = values.imag if scheme.imaginary else values - ladder.base[:, :, None]
    scale = math.lcm(*(c.denominator for c in scheme.coefficients))
    pairs = zip(scheme.offsets, scheme.coefficients, strict=True)
    weights = np.array([float(c * scale) for o, c in pairs if o])
    gain = float(scale * sum(abs(c) for c in scheme.coefficients))
    runs = scale * np.ldexp(ladder.steps, -step_exponent(ladder))[:, :, None]
    slopes = np.einsum("ekno,n->eko", rises, weights) / runs
    moves = np.asarray(np.abs(rises).max(axis=2))
    size = moves if scheme.imaginary else np.maximum(np.abs(values).max(axis=2), np.abs(ladder.base))
    return PlainSlopes(slopes, gain / runs, size, moves, ladder.steps, ladder.reach, ladder.base)


def extrapolate(plain: PlainSlopes, order: Ints, count: int, *, lone: bool) -> Extrapolation:
    """Richardson's extrapolation of plain slopes to step size 0.

    Parameters
    ----------
    plain : slopes of e entries on K rungs
    order : (e, 1, 1) intp
        The power of the step size that the truncation error goes with.
    count : M, the columns of the tableau
    lone : whether the ladder is short
        Then the last entry, which nothing smaller confirms, counts as well.

    Returns
    -------
    Extrapolation
    """
    ratios = step_ratios(plain.steps, count)
    powers = ratios**order
    signs = np.array([*[-1.0] * plain.value.shape[2], 1.0])  # the gains go with the slopes: half the calls
    both = neville(np.concatenate([plain.value, plain.gains], axis=2), powers, signs)
    value, spread = both[..., :-1], both[..., -1:]
    return Extrapolation(value, spread, _truncation(value, lone=lone), ratios)


def step_ratios(steps: Floats, count: int) -> Floats:
    """How much larger the first rung of an entry is than its last.

    To the power of the order it is how much more the first one is off.

    Parameters
    ----------
    steps : (e, K) float64
    count : M, the columns of the tableau

    Returns
    -------
    (M, e, K, 1) float64
    """
    return np.asarray(steps[:, :, None] / last_rungs(steps[:, :, None], count))


def neville(rungs: Floats, ratios: Floats, sign: Floats | float) -> Floats:
    """Neville's recursion over the rungs.

    Parameters
    ----------
    rungs : (e, K, O) float64, the first column
    ratios : (M, e, K, 1) float64, step ratios to the power of the order
    sign : float, or (O,) float64 where outputs differ
        -1 for the tableau, 1 for what it makes of a common bound on all rungs

    Returns
    -------
    (M, e, K, O) float64
    """
    columns = [rungs]
    for ratio in ratios[1:]:
        fine, coarse = shift(columns[-1], 1), columns[-1]
        columns.append(fine + (fine + sign * coarse) / (ratio - 1))
    return np.stack(columns)


def _truncation(table: Floats, *, lone: bool) -> Floats:
    """The change when the rung above is dropped, and when all move down by one (Ridders 1982). `lone`: of a
    short ladder the last entry counts, too, and its change when the rung below is dropped."""
    dropped = np.abs(table[1:] - shift(table[:-1], 1))
    dropped = np.concatenate([np.abs(table[:1] - table[1:2]), dropped])
    moved = np.abs(table - shift(table, 1))
    if lone:
        moved[1:] = np.where(np.isnan(moved[1:]), np.abs(table[1:] - table[:-1]), moved[1:])
    return np.asarray(np.maximum(dropped, moved))
