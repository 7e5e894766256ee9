"""Reads nothing. Gives the limits of the comparison of gradients."""

from typing import NamedTuple

__all__ = ["DEFAULTS", "GradientsLimits"]


class GradientsLimits(NamedTuple):
    """Tolerances, safety factors and work limits of the comparison of gradients."""

    # -- points of comparison

    # relative length | how far a random point lies from the given one, tried in turn until no kink lies
    # between them: the largest that succeeds tells most | set by hand, not measured
    reaches: tuple[float, ...] = (1.0, 0.5, 0.25, 0.0625, 1 / 256, 1 / 4096)

    # -- the plan: work is counted, never timed

    # forward passes | what the differences of one entry cost: a ladder of step sizes and one-sided slopes |
    # counted in derivatives/finite_differences
    samples_an_entry: int = 38
    # forward passes | what the differences of one entry of a node cost | counted, as above
    samples_a_node: int = 7
    # multiplications | that an entry of a value counts for beside those of matrix products: copies, margins
    # and calls | timed: softmax of [1000,1000] beside a product of 3000 x 3000
    entry_work: int = 16
    # multiplications at one point | more is not spent on differences entry by entry: seconds |
    # benchmarks/speed.py
    most_work: int = 1 << 33
    # entries | names with at most so many are small: an operation on them takes longer than its numbers |
    # set by hand, not measured
    small_name: int = 32
    # multiplications at one point | as most_work, for small names | chains of thousands of single numbers
    # (tests/end_to_end/test_chains.py)
    most_work_small: int = 1 << 30
    # multiplications at one point | as most_work, by node, where they are large matrix products |
    # benchmarks/speed.py
    most_work_by_node: int = 1 << 35
    # halvings | of most_work_by_node at the other points, where the methods were compared once before | set
    # by hand, not measured
    later_halvings: int = 4
    # multiplications at one point | more is not spent on the tangents of all entries | benchmarks/speed.py
    most_work_symbolic: int = 1 << 31

    # -- collecting the columns

    # entries | the largest of a large name, differenced one by one | set by hand, not measured
    largest_examined: int = 8
    # entries | others of a large name, drawn at random | set by hand, not measured
    random_examined: int = 8
    # directions | random signs along which a large name is added up; a single wrong entry shows in each |
    # tests/unit/verdicts/gradients/test_collect.py plants wrong entries and counts those unseen
    directions: int = 4
    # factor | of the root of the sum of squared rounding bounds, for a sum with random signs: eight standard
    # deviations | set by hand, not measured
    projection_margin: float = 8.0
    # entries | so many candidates are compared one by one where sums differ | set by hand, not measured
    most_candidates: int = 256
    # entries | so many suspects of a large name are differenced one by one | set by hand, not measured
    most_suspects: int = 16
    # parts | of an axis that bisection follows at a time | set by hand, not measured
    most_parts: int = 64
    # numbers | of directions that are held at a time in a comparison: 128 MB | set by hand, not measured
    most_held: int = 1 << 24
    # factor | the bound on the rounding of a value holds for any program, one of them is off by this much
    # less | set by hand, not measured
    noise_margin: float = 16.0
    # digits | beyond those asked for, at which differences may stop refining | set by hand, not measured
    spare_digits: int = 2

    # -- classification

    # share of the largest number of a step | within it a value differs by the rounding of one formula: SymPy
    # writes log(1 + x) where we do not | 64 units in the last place, set by hand, not measured
    unmeasured_step: float = 2.0**-46
    # share of the largest number of a step | beyond it a value is wrong, also where what rounding does is not
    # measured | set by hand, not measured
    gross_step: float = 2.0**-20
    # share of a value | where rounding may take it by so much, and both ways give it at high precision, one
    # that is farther off is no defect: samples of rounding see few of the angles of sin(exp(100)) | set by
    # hand, not measured
    lost_value: float = 0.01
    # relative difference | symbolic and backprop this close need no reference where differences confirm
    # them: 256 units in the last place | set by hand, not measured
    close: float = 2.0**-44
    # part of the loss | an entry that changes it by less when moved by all of itself is flat | set by hand,
    # not measured
    flat: float = 1e-6
    # absolute | the least that every rounding bound grants, two subnormal numbers | by construction of
    # reference.jittered_arithmetic.bound
    subnormal: float = 1e-323

    # -- resolution

    # forward passes | that one entry's exact slopes cost: four moved ones, at more digits | counted in
    # reference/referee.py
    slope_passes: int = 6
    # part of the budget | one in so many may go into slopes of entries far from any kink | set by hand, not
    # measured
    slope_share: int = 4
    # forward passes | that the reference's two ways cost for all names together | counted, as above
    both_ways_passes: int = 10
    # entries | of a name whose exact slopes are asked for near kinks | set by hand, not measured
    most_slopes: int = 40
    # entries | on kinks with the same columns, from which on one is taken to stand for all, and that is
    # tested: the test costs as much as one entry | counted
    fewest_alike: int = 3
    # factors | by which such entries are moved, drawn between them | any that are not all the same
    weights: tuple[float, float] = (1.0, 2.0)
    # seed | of these factors | any
    alike_seed: int = 37
    # multiplications at high precision | for the exact slopes of one name: half a minute | set by hand, not
    # measured
    most_slope_work: int = 1 << 23
    # entries | so many disputed ones are first compared all together | set by hand, not measured
    fewest_together: int = 1
    # part of the value | smaller slopes are not seen in its differences at 140 digits | 140 digits less 45
    # of the step and 20 to be shown
    least_shown: float = 1e-75
    # decimal exponent | a step of an entry times 1e-16 is about a unit in its last place: where the exact
    # slope over it is not the derivative, float64 differences step over what the loss does | IEEE 754; of 153
    # losses that turn so fast, sin(p) and others at 3e10 to 3e16, all are told so
    unit_exponent: int = 16
    # factor | of its bound that a float64 difference may miss where rounding inside the loss is a staircase
    # and exact differences agree | set by hand, not measured
    staircase: float = 32.0
    # absolute | numbers on the way to a loss or slope below this may leave the range of float64 | set by
    # hand, not measured
    underflow: float = 1e-250
    # relative difference | a method evaluated at high precision and the reference are then one number: four
    # units in the last place | set by hand, not measured
    same_value: float = 2.0**-50
    # relative difference | two exact slopes are then the same; they are known to some 40 digits | set by
    # hand, not measured
    same_slope: float = 1e-12
    # absolute | exact slopes below this are left over by terms that cancel; at a declared kink all count |
    # set by hand, not measured
    slope_noise: float = 1e-35
    # relative | of slopes beside a kink, which are known to 11 digits | follows from the steps, 1e-12, of
    # referee.slopes_beyond_rounding
    slope_beside: float = 1e-9
    # points | with random signs at which the movement is measured | 16 samples move the derivative by up to
    # 3.6 times as much as 4 on the 34 entries above; the gap between 5e3 and 6e5 is wider
    problem_samples: int = 4

    # -- the report

    # entries | of a block that are reported one by one | set by hand, not measured
    most_listed: int = 10_000
    # entries | of a block that is not differenced entry by entry, up to which all are listed | set by hand,
    # not measured
    small_block: int = 32
    # entries | disputed ones of a block listed for each further point | set by hand, not measured
    most_listed_elsewhere: int = 20
    # part of an entry | the mistake whose chance to go unseen is said | set by hand, not measured
    small_mistake: float = 1e-3

    # entries | of a large block that are listed beside the disputed ones, evenly spread | set by hand, not
    # measured
    listed_others: int = 100

    # -- values

    # rows | of those whose values differ that are compared by themselves | set by hand, not measured
    most_rows: int = 4096


DEFAULTS = GradientsLimits()
