"""Reads samples on a ladder of step sizes. Gives Richardson tableaus: slopes, extrapolated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.derivatives.finite_differences.interface import Floats, Ints
from gradcheck_cli.derivatives.finite_differences.noise import (
    even_residual,
    least_move,
    levelled,
    seen_above,
    seen_below,
)
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.derivatives.finite_differences.step_sizes import Ladder
from gradcheck_cli.derivatives.finite_differences.tableau_operations import (
    ladder_spans,
    largest,
    last_rungs,
    neville,
    sample_columns,
    truncation_changes,
)
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits
from gradcheck_cli.numerics.machine import EPS, TINY

__all__ = ["Tableau", "step_exponent", "tableaus"]


# --- the tableau: what one ladder says through one scheme -----------------------------------------


@dataclass(frozen=True)
class Tableau:
    """Richardson's tableau: entry (m, :, i, :) extrapolates the rungs i ... i+m to step size 0.

    All (M, e, K, O), nan where there is no entry. Slopes are per 2^power, which is near the largest
    step size, so that nothing overflows.
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

    @property
    def bound(self) -> Floats:
        """The error bound: truncation and round-off, each with its safety factor."""
        return _bound(self.truncation, self.roundoff, self.limits)


def _bound(truncation: Floats, roundoff: Floats, limits: FiniteDifferencesLimits) -> Floats:
    return limits.truncation_safety * truncation + limits.roundoff_safety * roundoff


def step_exponent(ladder: Ladder) -> Ints:
    """The unit of step sizes, as a power of two; (e, 1)."""
    return np.frexp(ladder.steps[:, :1])[1].astype(np.intp)


def tableaus(ladder: Ladder, schemes: Sequence[Scheme], floor: Floats) -> list[Tableau]:
    """That of each scheme, of which the first says how. Of few entries all at once: there a call takes longer
    than its numbers, and a third of the calls are left."""
    if ladder.values.size <= ladder.limits.together or len(schemes) == 1:
        return _stacked(ladder, schemes, floor)
    return [table for scheme in schemes for table in _stacked(ladder, [scheme], floor)]


def _stacked(ladder: Ladder, schemes: Sequence[Scheme], floor: Floats) -> list[Tableau]:
    """The tableaus with the entries of one scheme after those of another."""
    scheme, times, limits = schemes[0], len(schemes), ladder.limits
    seen = [(*_slopes(ladder, each), _moves(ladder, each)) for each in schemes]
    slopes, gains, size, moves = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    steps, reach, base, floor = (
        np.concatenate([part] * times) for part in (ladder.steps, ladder.reach, ladder.base, floor)
    )
    count = min(limits.columns, len(scheme.rungs) or steps.shape[1] - 1) if scheme.extrapolated else 2
    order = np.repeat([each.order for each in schemes], len(ladder.steps))[:, None, None]
    spans = ladder_spans(steps, count)
    value, spread = neville(slopes, spans**order, -1.0), neville(gains, spans**order, 1.0)
    truncation = truncation_changes(value, lone=bool(scheme.rungs))
    residual = np.concatenate([even_residual(ladder, scheme, count)] * times, axis=1)
    noise = np.fmax(largest(EPS * size, count) + TINY, least_move(moves, count))
    noise = np.fmax(noise, last_rungs(seen_below(steps, value[1], gains, scheme), count))
    noise = np.fmax(noise, residual) * (1 if scheme.extrapolated else limits.caution)
    nothing_else = noise > limits.all_noise * largest(size, count) + 1e3 * TINY
    nothing_else |= levelled(steps, reach, moves, EPS * size + floor[:, None], limits)
    noise = np.where(nothing_else | ~(spans < limits.widest), np.inf, noise)
    share = size / np.abs(base) if scheme.imaginary else 1.0
    # f never moves at all: inside it may be rounded at sizes near 1
    constant = ~(moves > 0).any(axis=1, keepdims=True) & np.isfinite(moves)
    noise = np.fmax(noise, np.fmax(floor[:, None] * share, np.where(constant, EPS, 0.0)))
    flat = largest(moves, count) <= 4 * noise
    at_reach = gains[:, :1] * (steps[:, :1] / reach)[:, :, None]
    spread = np.where(flat, np.fmax(spread, at_reach), spread)
    roundoff = spread * noise + EPS * np.abs(value)
    hidden = seen_above(steps, np.maximum(truncation / spread, np.nan_to_num(residual)), size, limits)
    second = _bound(truncation, roundoff, limits)
    second = np.where(hidden > noise, second, np.inf)
    roundoff = np.fmax(roundoff, spread * hidden)
    kept, found = slice(None if scheme.extrapolated else 1), []
    for number, each in enumerate(schemes):
        own = slice(number * len(ladder.steps), (number + 1) * len(ladder.steps))
        found.append(
            Tableau(
                value[kept, own], truncation[kept, own], roundoff[kept, own], second[kept, own],
                slopes[own], gains[own], size[own], ladder.steps, ladder.reach, each.order, limits,
            )
        )  # fmt: skip
    return found


def _moves(ladder: Ladder, scheme: Scheme) -> Floats:
    return np.asarray(np.abs(sample_columns(ladder, scheme)[0]).max(axis=2))


def _slopes(ladder: Ladder, scheme: Scheme) -> tuple[Floats, Floats, Floats]:
    """The plain values of the scheme, what they make of noise in f, and the size of f."""
    rises, columns = sample_columns(ladder, scheme)
    scale = math.lcm(*(c.denominator for c in scheme.coefficients))
    pairs = zip(scheme.offsets, scheme.coefficients, strict=True)
    weights = np.array([float(c * scale) for o, c in pairs if o])
    total = float(scale * sum(abs(c) for c in scheme.coefficients))
    runs = scale * np.ldexp(ladder.steps, -step_exponent(ladder))[:, :, None]
    slopes = np.einsum("ekno,n->eko", rises, weights) / runs
    if scheme.imaginary:
        return slopes, total / runs, np.abs(rises).max(axis=2)
    size = np.abs(ladder.values[:, :, columns]).max(axis=2)
    return slopes, total / runs, np.maximum(size, np.abs(ladder.base))
