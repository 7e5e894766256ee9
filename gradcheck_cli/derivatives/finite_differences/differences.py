"""Finite differences: what the samples of a function prove about its derivative.

Reads a black-box function that can be sampled beside a base point, and is told for each sample
whether a kink, jump, pole or domain border lies in between. Gives a derivative with an error bound
(truncation and round-off), or the left and right slopes where there is a kink. Knows nothing of
models, graphs or derivative rules.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.derivatives.finite_differences.error_bounds import Estimate, tableaus
from gradcheck_cli.derivatives.finite_differences.one_sided_slopes import (
    Slopes,
    both_sides,
    one_side,
    only_side,
)
from gradcheck_cli.derivatives.finite_differences.refinement import refined_estimate
from gradcheck_cli.derivatives.finite_differences.sampled_function import (
    Bools,
    Differences,
    Floats,
    Function,
    Ints,
    Sampler,
)
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED, LEFT, RIGHT, Scheme
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

    The noise that is seen, and the rounding of f itself, are always allowed for; errors that all
    samples share, and a slope that rounding flattened, are not seen.

    Parameters
    ----------
    function : the function, with values of shape `out`
    base : (E,) float64, the values of the entries
    scheme : the scheme for entries off every kink
    on_kink : (E,) bool
        The base point lies exactly on a kink or a border: the left and right slopes are found
        separately, whatever the scheme.
    noise : broadcastable to (E, *out), in the unit of f
        What the caller knows f to be wrong by at the base point.
    limits : tolerances, safety factors and ladders

    Returns
    -------
    Differences
        Arrays (E, *out) that nobody can write to, in units of f per unit of the entry.

    References
    ----------
    Ridders 1982 (the tableau); Squire and Trapp 1998 (the complex step).
    """
    base = np.asarray(base, dtype=np.float64)
    kinked = np.zeros(base.shape, dtype=bool) if on_kink is None else np.asarray(on_kink, bool)
    sampler = Sampler(function, base, noise, limits)
    plain, corner = np.flatnonzero(~kinked), np.flatnonzero(kinked)
    with np.errstate(all="ignore"):
        parts = [_off_kinks(sampler, plain, scheme)] if plain.size or not corner.size else []
        parts += [_on_kinks(sampler, corner)] if corner.size else []
    order = np.argsort(np.concatenate([plain, corner]), kind="stable")
    merged = [np.concatenate(pair)[order] for pair in zip(*parts, strict=True)]
    return _answer(sampler, merged)


def _answer(sampler: Sampler, columns: list[NDArray[Any]]) -> Differences:
    shaped = [column.reshape(len(sampler.base), *sampler.shape) for column in columns]
    for array in shaped:
        array.flags.writeable = False
    names = [each.name for each in fields(Differences)[:-1]]
    return Differences(**dict(zip(names, shaped, strict=True)), evaluations=sampler.count)


def _off_kinks(sampler: Sampler, which: Ints, scheme: Scheme) -> Slopes:
    best, ladder = refined_estimate(sampler, which, scheme)
    return only_side(best, ladder, sees_sides=scheme.sees_sides)


def _on_kinks(sampler: Sampler, which: Ints) -> Slopes:
    left, left_empty = _side(sampler, which, LEFT)
    right, right_empty = _side(sampler, which, RIGHT)
    return both_sides(left, right, left_empty | right_empty)


def _side(sampler: Sampler, which: Ints, scheme: Scheme) -> tuple[Estimate, Bools]:
    """The slope of one side; and whether it has no usable sample."""
    best, ladder = refined_estimate(sampler, which, scheme)
    (table,) = tableaus(ladder, [scheme], sampler.known_noise(which))
    return one_side(best, table), ~np.isfinite(ladder.values).any(axis=(1, 2))
