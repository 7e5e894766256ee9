"""Reads nothing. Gives the limits of the reference."""

from typing import NamedTuple

__all__ = ["ReferenceLimits"]


class ReferenceLimits(NamedTuple):
    """Tolerances, safety factors and work limits of the reference."""

    # derivatives | one derivative may take one part in so many of the budget (that of an ordinary run at
    # least), so that high precision is left for the other entries | set by hand, not measured
    share: int = 20
    # samples | perturbed passes from which a rounding bound is made; the largest of 16 deviations, times the
    # safety factor of 4, is 7 standard deviations of a sum of jitters | set by hand, not measured
    samples: int = 16
    # numbers | values of all samples that are held at a time: 130 MB, and with adjoints and copies five times
    # that | profiled: 24 million took 1.1 GiB of arrays beside 1.8e6 parameters, 16 million 0.8
    most_jittered: int = 16_000_000
    # operations | beyond so many the rounding of derivatives is not measured, since each operation takes its
    # time however few numbers it has | set by hand, not measured
    most_stations: int = 1 << 14
    # relative | rounding bound of values with more rows than jitter can follow: a loose guess that still
    # finds mistakes in the eighth digit | set by hand, not measured
    unmeasured: float = 2.0**-32
    # passes | how many are kept for the next name, at least | set by hand, not measured
    most_recent: int = 6
    # numbers | beyond so many values in a pass one pass fills hundreds of megabytes at high precision, and
    # only `few_recent` are kept | set by hand, not measured
    few_held: int = 1 << 18
    # passes | those of one point, where a pass is large | set by hand, not measured
    few_recent: int = 2
    # numbers | values at high precision in all passes that are kept, about 100 bytes each: 100 MB | set by
    # hand, not measured
    most_kept: int = 1 << 20
    # digits | for differences: a step of 1e-45 leaves 95 digits above round-off | derived, not measured
    difference_digits: int = 140
    # digits | 1 + x keeps x, and 40 of its digits, for every double x | derived from the range of float64
    surest_digits: int = 800
    # digits | intermediate values may be larger by so many than what is left of them | set by hand, not
    # measured
    noise_digits: int = 100
    # decimal exponent | step size 10^-45 of the scale: one-sided truncation 1e-45, round-off 1e-95 | derived,
    # not measured
    step_exponent: int = 45
    # decimal exponent | the same at the surest digits: sin of 1e220 turns within a step of 1e-219 | derived:
    # 450 digits above round-off, so that a slope below the range of float64 is still told from noise
    surest_step_exponent: int = 250
    # decimal exponent | step size for the slopes beside a point: beyond the reach of rounding, 1e-15, and
    # near enough for a slope | set by hand, not measured
    beside_exponent: int = 12
    # decimal exponent | step size of the slopes of a single function at its kink, of 140 digits | derived:
    # truncation 1e-40, round-off 1e-100
    own_step: int = 40
    # relative | the two slopes of a single function at its kink are then one: elu has no kink | set by
    # hand, not measured
    one_slope: float = 1e-12
    # numbers | of a derivative times the slopes it depends on, that are held: 128 MB | set by hand, not
    # measured
    most_columns: int = 1 << 24
    # operations | derivatives by tied units that cost more are computed in float64, not at 50 digits: a
    # second | timed by hand once, not kept
    most_exact_ties: int = 1 << 18
    # operations | of the derivatives of tied units in float64: some ten seconds | set by hand, not measured
    most_tied_work: int = 1 << 31
    # units | on their kinks, of which derivatives are made: seconds | timed by hand once, not kept
    most_units: int = 4096
    # units | comparisons that hold with equality, each a pass of its own | set by hand, not measured
    most_outcomes: int = 256
    # combinations | of the outcomes of comparisons behind which others stand, each a pass of its own | set by
    # hand, not measured
    most_combinations: int = 64
    # relative | what a unit passes on is the same whatever others do, if it changes by less | set by hand,
    # not measured
    no_change: float = 1e-9
    # relative | a value jumps where its change is the same at the step size and at ten times as much: x^0.001
    # changes by 2e-3 of itself | set by hand, not measured
    same_change: float = 1e-9
    # factor | a slope that is so many times that over ten times the distance grows without end | set by hand,
    # not measured
    growth: float = 1.2
    # relative | entries whose changes differ by less than this factor are confirmed together: 35 digits are
    # left for the smallest | derived from 140 digits and the step size
    spread: float = 1e-60
    # relative | by how much of one entry's change the two ways may differ | set by hand, not measured
    confirmed: float = 1e-10
    # numbers | entries that left the range of float64 and are computed again at 50 digits, at most | set by
    # hand, not measured
    most_rescued: int = 4096
    # relative | size of the perturbation of each result: so small that its square does not count where little
    # is left of a value, so large that the rounding of the perturbed pass itself does not show | set by hand,
    # not measured
    jitter: float = 2.0**-46
    # relative | the same where the larger perturbation leaves a domain: asin beside 1 | set by hand, not
    # measured
    finer_jitter: float = 2.0**-50
    # factor | times the largest of 16 deviations: 7 standard deviations of a sum of perturbations | derived
    # for normal deviations, not measured
    safety: float = 4.0
    # relative | an exponent that differs from a whole number by less is taken as that number: many
    # perturbations | set by hand, not measured
    whole_exponent: float = 2.0**-40
    # ulps | error of the operations of IEEE 754, correctly rounded | IEEE 754-2019, 4.3
    correctly_rounded: float = 0.5
    # bits | random bits drawn at once for arrays with few entries | timed: a quarter of
    # the time of single draws
    bit_pool: int = 1 << 16
    # numbers | samples of jitter that are compared at once: of more that takes their memory twice again | set
    # by hand, not measured
    few_numbers: int = 1 << 12
    # numbers | results whose exactness is decided in rational arithmetic, at most | set by hand, not
    # measured
    most_exact: int = 20_000
    # samples | the same as `samples` for a loss over more rows than are held: each is a pass over all rows |
    # set by hand, not measured
    block_samples: int = 4
    # rounding bound over movement of the derivative | up to here the problem itself carries no more digits:
    # moving its values by one unit in their last place moves the exact derivative as far | 0.4 to 9 on all 34
    # entries of NIST's optima and of models/cancellation.txt, up to 5e3 on some 600 entries of
    # tests/support/population; 6e5 and more where the arithmetic loses digits, 1e13 and more for tanh at 20
    # and (1 - cos x)/x^2 at 1e-6; nothing between 5e3 and 6e5
    problem_ratio: float = 2.0**15
    # seeds | of the perturbed passes, of the finer ones, of those of a narrow format, of the signs of joint
    # moves, of moves by one unit, of points beside the given one, of combinations | any; different ones, so
    # that no pass repeats the draws of another
    jitter_seed: int = 20
    # seed | as `jitter_seed` | any
    finer_seed: int = 21
    # seed | as `jitter_seed` | any
    narrow_seed: int = 22
    # seed | as `jitter_seed` | any
    sign_seed: int = 23
    # seed | as `jitter_seed` | any
    unit_seed: int = 24
    # seed | as `jitter_seed` | any
    beside_seed: int = 29
    # seed | as `jitter_seed` | any
    combination_seed: int = 31
    # times the step size | the second step, from which is seen whether a slope stays, grows or falls | set by
    # hand, not measured
    farther: int = 10
    # terms | so many partial sums are off by one jitter in all: a random walk | derived: the mean square of
    # n/2 rounded partial sums, each off by a quarter of its jitter
    terms_of_a_jitter: int = 8
    # binary exponent | doubles below it, with few binary places, are their own decimals: no text is made |
    # exact: a filter before the exact comparison
    short_exponent: int = 20
    # binary places | of such numbers | exact, as `short_exponent`
    short_places: int = 10
    # part of the pool of random bits | arrays with more entries draw bits of their own | set by hand, not
    # measured
    pool_part: int = 8
    # factors | by which values are multiplied to stand beside the given point, where nothing holds with
    # equality | set by hand, not measured
    beside_factors: tuple[float, float] = (0.7, 1.3)
    # added to values | the same, for those that are 0 | set by hand, not measured
    beside_shifts: tuple[float, float] = (0.1, 0.3)
    # part of the rounding bound | a number below it at 50 digits is asked for with more: it may be what is
    # left of terms that cancel | derived: 50 digits less the 16 of the bound, with a margin
    nearly_zero: float = 1e-20
    # part of the digits that are added | a number that shrinks by so many is what precision leaves of terms
    # that cancel | set by hand between 0 and 1; not measured
    falling_share: float = 1 / 3
    # digits | by which any number shrinks at most, to be one that falls: a float64 factor | derived from the
    # range of float64
    most_falling: int = 300
    # factor | by which the rounding bounds of two sizes of perturbation may differ where they are linear: the
    # sizes differ by 16, the largest of 16 samples by 2 | set by hand in between; not measured
    linear: float = 6.0
    # part of the largest argument | a margin of a kink in float64 below it may be 0, or hide a side: it is
    # asked what rounding does | 2^13 units in the last place, set by hand, not measured
    near_a_kink: float = 2.0**-40
    # share of a number | where rounding may take it by so much, the bound is compared with that of smaller
    # perturbations | set by hand, not measured
    few_digits: float = 1e-5
