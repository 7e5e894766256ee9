"""Reads a sampled loss. Gives its derivatives by entry, with bounds, or both slopes at a kink.

Three step sizes are tried first, then the whole ladder, then each side alone. Knows nothing of gradients that
a program gives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_cli.derivatives.finite_differences.differences import differences
from gradcheck_cli.derivatives.finite_differences.sampled_function import Differences, Samples
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS, FiniteDifferencesLimits
from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits

__all__ = ["Slopes", "difference"]


@dataclass(frozen=True)
class Slopes:
    """Derivatives of E entries, all (E,); nan and inf where nothing is known, slopes nan off kinks."""

    value: Array
    bound: Array
    left: Array
    right: Array
    kink: Array


def _ladder_for(narrow: bool, limits: ProgramsLimits = PROGRAMS) -> FiniteDifferencesLimits:
    """The step sizes of a function: those of float32 are added exactly in float32."""
    if not narrow:
        return DEFAULTS
    ratio = float(np.finfo(np.float32).eps / np.finfo(float).eps)
    return DEFAULTS._replace(
        exact_ulps=DEFAULTS.exact_ulps * ratio, sparse_rungs=limits.sparse_float32,
        mantissa=limits.mantissa_float32,
    )  # fmt: skip


def difference(
    function: Callable[[Array, Array], Samples], base: Array, noise: float, *, narrow: bool = False,
    short: bool = False, limits: ProgramsLimits = PROGRAMS,
) -> Slopes:
    """Derivatives by each entry.

    Parameters
    ----------
    function : sampled at base + offsets
    base : (E,) float64
    noise : of the function, absolute
    narrow : whether it computes in float32
    short : whether three step sizes have to do
    limits : how good is enough

    Returns
    -------
    Slopes
    """
    ladder = _ladder_for(narrow, limits)
    scheme = replace(EXTRAPOLATED, rungs=limits.rungs)
    run = _Part(function, base, noise, ladder)
    left = np.arange(len(base))
    unknown = [np.full(len(base), start) for start in (np.nan, np.inf, np.nan, np.nan)]
    columns = [*unknown, np.zeros(len(base), dtype=bool)]
    stages: list[dict[str, Any]] = [{}] if narrow else [{"scheme": scheme}, {}]
    if short:
        stages = stages[:1]
    for options in stages:
        run.put(columns, left, run(left, **options))
        left = _open(columns, left, limits)
    if left.size and not short:
        run.put_kinks(columns, left, limits)
    return Slopes(*columns)


def _open(columns: list[Array], left: Array, limits: ProgramsLimits) -> Array:
    value, bound = columns[0][left], columns[1][left]
    with np.errstate(all="ignore"):
        return left[~(bound <= limits.enough * np.abs(value))]


@dataclass(frozen=True)
class _Part:
    """Differences of some entries."""

    function: Callable[[Array, Array], Samples]
    base: Array
    noise: float
    ladder: FiniteDifferencesLimits

    def __call__(self, entries: Array, **options: Any) -> Differences:
        def sample(which: Array, offsets: Array) -> Samples:
            return self.function(entries[which], offsets)

        return differences(sample, self.base[entries], noise=self.noise, limits=self.ladder, **options)

    def put(self, columns: list[Array], entries: Array, found: Differences) -> None:
        """Keep what is better known than before."""
        better = ~(columns[1][entries] <= found.bound)
        for column, new in zip(columns[:2], (found.value, found.bound), strict=True):
            column[entries] = np.where(better, new, column[entries])

    def put_kinks(self, columns: list[Array], entries: Array, limits: ProgramsLimits) -> None:
        """The slopes of both sides, where they differ."""
        with np.errstate(all="ignore"):
            weak = ~(columns[1][entries] <= limits.zero * np.abs(columns[0][entries]))
            scale = np.max(np.abs(columns[0]), where=np.isfinite(columns[0]), initial=0.0)
            weak &= ~(columns[1][entries] <= limits.zero * scale)
        entries = entries[weak]
        if not entries.size:
            return
        found = self(entries, on_kink=np.ones(len(entries), dtype=bool))
        with np.errstate(all="ignore"):
            apart = np.abs(found.left - found.right)
            differ = found.kink & (apart > found.left_bound + found.right_bound)
        at = entries[differ]
        parts = (found.value, found.bound, found.left, found.right, differ)
        for column, new in zip(columns, parts, strict=True):
            column[at] = new[differ]
