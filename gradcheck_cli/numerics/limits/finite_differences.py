"""Reads nothing. Gives the limits of finite differences: safety factors, ladders of step sizes, work."""

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

    # numbers | so few are merged along the rungs by one call: of more it takes longer than a call for each
    # rung | timed: 1.4 us in place of 19 at 48 numbers, 64 in place of 41 at 16,000
    few_numbers: int = 1 << 11
    # ulps of an entry | step sizes are multiples of so many, so that their multiples up to four, the
    # widest offset of a scheme, are added exactly | set by hand, not measured
    exact_ulps: float = 4.0
    # times the smallest positive number | an entry below it is as good as 0: no ladder fits between | set
    # by hand, not measured
    nearly_zero: float = 1e4
    # powers of 1/2 of an entry's scale | below the dense stretch, down to the last bits of an entry | set
    # by hand, not measured
    sparse_rungs: tuple[int, ...] = (12, 17, 22, 27, 32, 37, 42, 47)
    # powers of 1/2 of an entry's scale | the ladder of a scheme that is not extrapolated | set by hand, not
    # measured
    plain_rungs: tuple[int, ...] = (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 33, 40)
    # powers of 1/2 of an entry's scale | the ladder of the complex step; odd ratios, because at powers of
    # two all imaginary parts are rounded alike | set by hand, not measured
    imaginary_rungs: tuple[float, ...] = (8, 14.6, 20.2, 26.8, 32.4, 40.6, 48.2, 60.8, 80.4, 100.6)
    # ratio of step sizes | rungs that lie closer than that to a new ladder are replaced by it: below the
    # factor 2 of the dense stretch | set by hand, not measured
    same_rung: float = 1.9

    # ratio of step sizes | at so much smaller steps truncation is negligible, and the scatter of slopes is
    # noise: at order 2 it is 1/4096 of that at the rung | set by hand, not measured
    scatter_ratio: float = 64.0
    # times the noise | f does not move by more: a flat f | set by hand, not measured
    flat_noise: float = 4.0
    # times the rounding of f | far above the expected step sizes f hardly moves | set by hand, not measured
    level_noise: float = 16.0
    # factor | far above the expected step sizes f moves less than a straight line by that much | set by
    # hand, not measured
    level_growth: float = 4.0
    # times the smallest positive number | where f is subnormal, less is not yet nothing but noise | set by
    # hand, not measured
    tiny_noise: float = 1e3
    # column of the tableau | from there on entries that agree show the noise of larger steps | set by hand,
    # not measured
    staircase_column: int = 2
    # ratio of step sizes | so much larger are the steps whose noise may explain a rung | set by hand, not
    # measured
    staircase_ratio: float = 4.0
    # times `all_noise` | a larger noise at larger steps explains nothing | set by hand, not measured
    staircase_noise: float = 16.0
    # times noise per f, of the largest step | above it a rung sees more than a stair | set by hand, not
    # measured
    staircase_reach: float = 32.0
    # factor | on the noise of larger steps | set by hand, not measured
    staircase_safety: float = 4.0

    # columns of the tableau | plain slopes and the first extrapolation guard the entries above them | set
    # by hand, not measured
    guard_columns: int = 2
    # factor | a slope at a smaller step may miss a value by so many times the truncation that is expected |
    # set by hand, not measured
    miss_safety: float = 2.0
    # factor | a bound so much smaller is that of a far better known value | set by hand, not measured
    far_better: float = 32.0
    # factor | values agree among themselves if their bounds are so much smaller than their distance from
    # the one chosen | set by hand, not measured
    firm: float = 8.0
    # power of the ratio of step sizes | a slope that grows by more from rung to rung is infinite at 0; those
    # of sqrt grow with the power 1/2 | set by hand, not measured
    growth_power: float = 0.25
    # machine epsilons of f, per step | growth beyond it is not rounding | set by hand, not measured
    growth_noise: float = 1e3
    # rungs | at least so many must show the growth | set by hand, not measured
    growth_rungs: int = 3

    # times `good` | with a larger bound a ladder at a tiny entry is climbed further up | set by hand, not
    # measured
    unsure: float = 1e4
    # rungs | an entry of the tableau that begins so near the end of the ladder used its smallest steps | set
    # by hand, not measured
    near_rungs: int = 4
    # ratio of step sizes | a rung that is missing above the largest step of use | set by hand, not measured
    gap_above: float = 3.0
    # ratio of step sizes | rungs that are missing below the largest step of use | set by hand, not measured
    gap_below: float = 20.0
    # rungs | a gap is filled with so many | set by hand, not measured
    gap_rungs: int = 6
    # ratio of step sizes | of the rungs that fill a gap, at least | set by hand, not measured
    least_gap_ratio: float = 2.0
    # factor of the largest step size | where a ladder that is climbed further up begins | set by hand: nine
    # rungs of `up_ratio`, of which the lowest one is the largest step before
    up: float = 2.0**45
    # step size | where it begins if the largest step was next to nothing | set by hand, not measured
    up_at_zero: float = 2.0**15
    # ratio of step sizes | of a ladder that is climbed further up, or further down to the scale of an entry
    # | set by hand, not measured
    up_ratio: float = 32.0
    # ratio of step sizes | of a ladder that is climbed down at 0, where there is no scale | set by hand, not
    # measured
    down_ratio: float = 2.0**12

    # entries | those of small names that are moved in one pass, through what any of them moves | set by
    # hand, not measured
    most_together: int = 512
    # entries times rows | the same over rows: with many a pass for each name costs less | timed on 1e6
    # rows
    most_rows_together: int = 1 << 19
    # operations of a forward pass times entries | beyond it three step sizes are tried before the
    # ladder | timed: they prove ten digits where f is smooth, with a fifth of the samples
    many_operations: int = 1 << 20
    # operations of a forward pass times entries | beyond it three step sizes are all | timed: a product of
    # 3000 x 3000 takes seconds, forty of them minutes
    too_many_operations: int = 1 << 34
    # powers of 1/2 of an entry's scale | the three step sizes: fine ones, then for where f moves little
    # | set by hand, not measured
    short_ladders: tuple[tuple[int, ...], ...] = ((10, 12, 14), (4, 6, 8))
    # share of f | less is no change when an entry moves by all of its size; noise hides far less |
    # set by hand, not measured
    flat: float = 1e-6
    # numbers | held at a time by a perturbed pass, over all its nodes and perturbations: 256 MiB | a quarter
    # of the memory of a report, beside the tape
    most_held: int = 1 << 25
    # numbers | entries of one node held at a time, over all perturbations | timed: 1 << 21 takes 1.3
    # times as long
    most_entries: int = 1 << 18
    # factor | so many times as many are held where many names move together | set by hand, not measured
    names_at_once: int = 256
    # share of x | how far an entry is moved to see whether it stands on a kink | set by hand, not
    # measured
    probe: float = 2.0**-20
    # absolute value | an entry below it is moved as if it had that value | set by hand, not measured
    probe_scale: float = 1e-3
    # rows | those whose entries are moved one by one under a shared value | set by hand, not measured
    most_rows: int = 64
    # ulps | of a slope that is passed on from node to node: a product and a sum, each rounded | derived
    passed_ulps: float = 2.0


DEFAULTS = FiniteDifferencesLimits()
