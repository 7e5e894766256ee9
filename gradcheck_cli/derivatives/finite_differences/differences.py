"""Finite differences: what the samples of a function prove about its derivative.

Reads a black-box function that can be sampled beside a base point, and is told for each sample
whether a kink, jump, pole or domain border lies in between. Gives a derivative with an error bound
(truncation and round-off), or the left and right slopes where there is a kink. Knows nothing of
models, graphs or derivative rules.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.derivatives.finite_differences.estimate import Estimate, consult, endless_sign
from gradcheck_cli.derivatives.finite_differences.interface import Bools, Differences, Floats, Function, Ints
from gradcheck_cli.derivatives.finite_differences.refinement import more_rungs
from gradcheck_cli.derivatives.finite_differences.richardson import tableaus
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED, LEFT, RIGHT, Scheme
from gradcheck_cli.derivatives.finite_differences.step_sizes import Ladder, Sampler, climb, first_rungs
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS, FiniteDifferencesLimits

__all__ = ["differences"]


def differences(
    function: Function,
    base: Floats,
    *,
    scheme: Scheme = EXTRAPOLATED,
    on_kink: Bools | None = None,
    noise: Floats | float = 0.0,
    limits: FiniteDifferencesLimits = DEFAULTS,
) -> Differences:
    """Derivatives of a function by each of E entries, from samples alone.

    `base` (E,) are the values of the entries. `on_kink` (E,) marks those at which the base point
    lies exactly on a kink or a border: their left and right slopes are found separately, whatever
    the scheme. `noise`, broadcastable to (E, *out), is what the caller knows f to be wrong by at
    the base point; the noise that is seen, and the rounding of f itself, are always allowed for,
    but errors that all samples share, and a slope that rounding flattened, are not seen. Sources:
    Ridders 1982 (the tableau), Squire and Trapp 1998 (complex step).
    """
    base = np.asarray(base, dtype=np.float64)
    kinked = np.zeros(base.shape, dtype=bool) if on_kink is None else np.asarray(on_kink, bool)
    sampler = Sampler(function, base, noise, limits)
    plain, corner = np.flatnonzero(~kinked), np.flatnonzero(kinked)
    with np.errstate(all="ignore"):
        parts = [_plain(sampler, plain, scheme)] if plain.size or not corner.size else []
        parts += [_corner(sampler, corner)] if corner.size else []
    order = np.argsort(np.concatenate([plain, corner]), kind="stable")
    merged = [np.concatenate(pair)[order] for pair in zip(*parts, strict=True)]
    shaped = [column.reshape(len(base), *sampler.shape) for column in merged]
    return _answer(sampler.count, *shaped)


def _answer(count: int, *arrays: NDArray[Any]) -> Differences:
    for array in arrays:
        array.flags.writeable = False
    names = [each.name for each in fields(Differences)[:-1]]
    return Differences(**dict(zip(names, arrays, strict=True)), evaluations=count)


def _plain(sampler: Sampler, which: Ints, scheme: Scheme) -> tuple[NDArray[Any], ...]:
    """Entries off every kink: one value, and the slope of the side if there is only one."""
    best, ladder = _settle(sampler, which, scheme)
    nothing = np.full_like(best.value, np.nan)
    sides = [nothing, nothing, nothing, nothing]
    if scheme.sees_sides:
        below, above = np.moveaxis(np.isfinite(ladder.values).any(axis=1), 1, 0)
        for at, (here, there) in enumerate([(below, above), (above, below)]):
            alone = here & ~there & np.isfinite(best.value)
            sides[2 * at] = np.where(alone, best.value, np.nan)
            sides[2 * at + 1] = np.where(alone, best.bound, np.nan)
    kink = np.zeros(best.value.shape, dtype=bool)
    return best.value, best.bound, sides[0], sides[1], sides[2], sides[3], kink, best.step


def _corner(sampler: Sampler, which: Ints) -> tuple[NDArray[Any], ...]:
    """Entries on a kink or a border: the slopes of both sides, and a value where they agree."""
    left, left_empty = _side(sampler, which, LEFT)
    right, right_empty = _side(sampler, which, RIGHT)
    apart = np.abs(left.value - right.value) > left.bound + right.bound
    infinite = np.isinf(left.value) | np.isinf(right.value)
    kink = apart | infinite
    both = ~np.isnan(left.value) & ~np.isnan(right.value)
    best = left.where(right.bound < left.bound, right)
    known = ~kink & (both | left_empty | right_empty)
    value, bound = np.where(known, best.value, np.nan), np.where(known, best.bound, np.inf)
    sides = left.value, _known(left), right.value, _known(right)
    return value, bound, *sides, kink, best.step


def _known(estimate: Estimate) -> Floats:
    return np.where(np.isnan(estimate.value), np.nan, estimate.bound)


def _side(sampler: Sampler, which: Ints, scheme: Scheme) -> tuple[Estimate, Bools]:
    """The slope of one side, infinite where it grows without end; and whether there is no side."""
    best, ladder = _settle(sampler, which, scheme)
    (table,) = tableaus(ladder, [scheme], sampler.floor(which))
    steep = endless_sign(table)
    slope = np.where(steep != 0, steep * np.inf, best.value)
    empty = ~np.isfinite(ladder.values).any(axis=(1, 2))
    return replace(best, value=slope, bound=np.where(steep != 0, 0.0, best.bound)), empty


# --- where to sample next -------------------------------------------------------------------------


def _settle(sampler: Sampler, which: Ints, scheme: Scheme) -> tuple[Estimate, Ladder]:
    """Sample, estimate, and sample again where that can help; the result and the first ladder."""
    base = sampler.base[which]
    first = ladder = climb(sampler, which, first_rungs(base, scheme, sampler.limits), scheme)
    floor = sampler.floor(which)
    now, best = consult(ladder, scheme, floor)
    best, active = best.rows(np.arange(len(which))), np.arange(len(which))
    for _ in range(0 if scheme.rungs else sampler.limits.rounds - 1):
        rungs = more_rungs(ladder, now, base[active])
        keep = rungs[:, 0] > 0
        active = active[keep]
        if not active.size:
            break
        more = climb(sampler, which[active], rungs[keep], scheme)
        ladder = ladder.rows(keep).join(more)
        now, better = consult(ladder, scheme, floor[active], best.rows(active))
        best.put(active, better)
    return best, first
