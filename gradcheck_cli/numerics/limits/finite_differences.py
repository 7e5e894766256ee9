"""Reads nothing. Gives the limits of finite differences: safety factors, ladders of step sizes, work."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DEFAULTS", "FiniteDifferencesLimits"]


class FiniteDifferencesLimits(NamedTuple):
    """Tolerances, safety factors and work limits of finite differences."""

    # factor | what the estimate of truncation falls short of the error | benchmarks/error_bounds.py:
    # exceeded in 0.03 % of 48,000 differences, with 1 in 0.15 %, with 2 in 0.05 %
    truncation_safety: float = 3.0
    # factor | what the estimate of round-off falls short of the error | the same experiment
    roundoff_safety: float = 3.0
    # factor | the noise where no second order of extrapolation confirms it | set by hand, not measured
    caution: float = 5.0
    # share of f | beyond it the samples are noise, or hide what f does | set by hand, not measured
    all_noise: float = 2.0**-7
    # ratio of step sizes | beyond it the smallest of those combined adds only noise | set by hand, not
    # measured
    widest: float = 2.0**10.5
    # step sizes | at most so many are combined in the Richardson tableau | set by hand, not measured
    columns: int = 9
    # ladders | the first one and its refinements | set by hand, not measured
    rounds: int = 4
    # step sizes | a factor 2 apart, where the answer is expected | set by hand, not measured
    dense: int = 8
    # factor of every step | round borders (0, 1/2, 1) are never hit exactly | any number without a
    # short binary fraction would do
    mantissa: float = 0.234
    # relative difference | values closer than that are compared with those at larger steps | set by
    # hand, not measured
    close: float = 1e-4
    # relative bound | above it a far better known value may stand against it | set by hand, not
    # measured
    weak: float = 1e-3
    # absolute value | a base point below it says little about the scale of f | set by hand, not measured
    small: float = 1e-6
    # relative bound | one that no refinement need improve | set by hand, not measured
    good: float = 1e-12
    # samples | so few are extrapolated by three schemes in one call | timed: a call then takes longer
    # than its numbers, and a third of the calls are left
    together: int = 1 << 14

    # entries | those of small names that are moved in one pass, through what any of them moves | set by
    # hand, not measured
    most_together: int = 512
    # entries times rows | the same over rows: with many a pass for each name costs less | timed on 1e6
    # rows
    most_rows_together: int = 1 << 19
    # operations of a forward pass times entries | beyond it three step sizes are tried before the
    # ladder | timed: they prove ten digits where f is smooth, with a fifth of the samples
    many_operations: int = 1 << 20
    # powers of 1/2 of an entry's scale | the three step sizes: fine ones, then for where f moves little
    # | set by hand, not measured
    short_ladders: tuple[tuple[int, ...], ...] = ((10, 12, 14), (4, 6, 8))
    # share of f | less is no change when an entry moves by all of its size; noise hides far less |
    # set by hand, not measured
    flat: float = 1e-6
    # numbers | entries of one node held at a time, over all perturbations | timed: 1 << 21 takes 1.3
    # times as long
    most_entries: int = 1 << 18
    # factor | so many times as many are held where many names move together | set by hand, not measured
    names_at_once: int = 256
    # share of x | how far an entry is moved to see whether it stands on a kink | set by hand, not
    # measured
    probe: float = 2.0**-20
    # rows | those whose entries are moved one by one under a shared value | set by hand, not measured
    most_rows: int = 64


DEFAULTS = FiniteDifferencesLimits()
