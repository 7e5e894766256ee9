"""Reads nothing. Gives the limits of claims."""

from typing import NamedTuple

__all__ = ["ClaimsLimits"]


class ClaimsLimits(NamedTuple):
    """Tolerances, safety factors and work limits of claims."""

    # significant decimal digits | a number is called decided once so many of its digits are | set by hand:
    # the default of --digits; not measured
    wanted_digits: int = 6
    # relative | numbers of 50 digits that agree to 30 are equal: 20 digits may cancel | set by hand, not
    # measured
    equal_at_high_precision: float = 1e-30
    # binary digits | two numbers that are both smaller than 2 to this power are not told apart: what is left
    # of exp(-5e8) depends on the order of terms at any precision that can be afforded | as most_zeros
    least_told: int = -(1 << 20)
    # absolute | a bound on rounding that is no larger is that of an exact 0 | derived: a few units of the
    # smallest double
    subnormal: float = 1e-320
    # entries | of a Jacobian up to which it is compared at high precision; above, in float64 with rounding
    # bounds | timed: [600,600] at four points took minutes
    most_exact_entries: int = 1 << 17
    # relative | a discrepancy, or a slope from both sides, known to 40 digits, is the same if it agrees so
    # far; float64 shows no more | set by hand, not measured
    same: float = 1e-12
    # relative | what rounding of the data to float64 may make of a claim that is right | set by hand, 2^8
    # machine epsilons; not measured
    data_rounding: float = 2.0**-44
    # factor | an estimated rounding bound counts this many times where the true value is itself a float64 |
    # set by hand, not measured
    rounding_safety: float = 4.0
    # factor | a discrepancy beyond this many times the change under a rounding of the data has another reason
    # | set by hand, not measured
    data_rounding_safety: float = 2.0
    # samples | neighbors of the data among which the rounding of the data is estimated | set by hand, not
    # measured
    data_roundings: int = 4
    # samples | perturbed passes of a formula over blocks of rows | set by hand, not measured
    formula_samples: int = 8
    # seed | of the perturbed passes of a formula over blocks of rows | any; the one of the reference
    formula_seed: int = 20
    # factor | both sides of a comparison over blocks of rows are granted the rounding of the formula | exact
    formula_safety: float = 2.0
    # relative | half a unit of the last written digit, itself rounded | set by hand, not measured
    half_unit_slack: float = 1e-9
    # units in the last digit written | less is "off in the last digit": by one, and the rounding of the
    # truth | exact
    one_digit_off: float = 1.5
    # relative | a last digit that is worth more is the only one | exact
    last_of_some: float = 0.1
    # places behind the point | what takes more is written with an exponent | set by hand, not measured
    most_places: int = 15
    # relative | where the rounding of a number is larger, a kink nearby is looked for | set by hand, not
    # measured
    decidable: float = 1e-9
    # relative | a number with a larger error carries no digit: fewer than one of its decimal digits | exact
    no_digit: float = 0.1
    # relative | of a number with a larger error it is asked whether float64 keeps more digits than the bound
    # promises: three are what a careless order of terms leaves | set by hand; the population's programs keep
    # four and more
    few_digits: float = 1e-3
    # part of the largest entry of a claim, or of one that would change the step by as much as it is |
    # rounding of this size may stand in place of a far smaller entry, or of 0 | 2^12 units in the last place,
    # set by hand, not measured
    noise: float = 2.0**-40
    # units in the last place of the largest entry of an array of binary numbers | by which an entry that
    # agrees to `wanted_digits` may be off: other forms of a derivative round terms as large | a public LSTM
    # in NumPy was off by 1, beside a bound of half of it; eight times that
    units_of_largest: float = 8.0
    # relative | a number farther from the reference is wrong where rounding has no bound: acos beside 1
    # keeps some 3 bits of the derivative | set by hand, not measured
    coarse: float = 0.3
    # part of the true value | a smaller number, other than 0, is not what rounding leaves where it is larger
    # than the true value: a chance of 1 in 100 | set by hand, not measured
    small_part: float = 0.01
    # factor | where rounding has no bound, right programs may be off by so many times what float64 is off
    # by | set by hand, not measured
    column_safety: float = 16.0
    # digits | a narrow format carries so many fewer than its significand shows | set by hand, not measured
    narrow_lost_digits: int = 3
    # relative | one-sided slopes within rounding of a kink are known to 11 digits | follows from the step
    # 1e-12; set by hand
    near_kink_slope: float = 1e-9
    # entries | of a claim, whose one-sided slopes are computed at a kink: each takes four passes | set by
    # hand, not measured
    most_slopes: int = 40
    # factor | parameters are multiplied by values within [-2, 4], so a third of them changes sign | set by
    # hand, not measured
    far_reach: float = 6.0
    # relative | of the slopes at a kink, what rounding may make of a number between them: the jittered passes
    # that measure it lie on both sides | 256 units in the last place, set by hand, not measured
    kink_rounding: float = 2.0**-44
    # part of an entry's scale | by which entries may leave what a choice of slopes gives: the tolerance of
    # the linear solver is a tenth of it | set by hand, not measured
    feasible: float = 1e-9
    # rounds | of planes that cut off the ball of a norm | set by hand, not measured
    most_cuts: int = 60
    # entries | of a direction that is written out | set by hand, not measured
    longest_direction: int = 8
    # points | at which a formula at a kink is judged, too, where only that point was asked for | set by hand,
    # not measured
    points_beside: int = 2
    # points | beyond the kinks, at which a claim is tested and a diagnosis gets samples | set by hand, not
    # measured
    far_points: int = 16
    # points | tried to find `far_points` whose derivative is not 0 | set by hand, not measured
    most_far_points: int = 64
    # decimal digits | that the entries of a wrong array need together: some 50 explanations are tried | set
    # by hand: a chance of 1e-5; not measured
    least_information: float = 7.0
    # rows | beyond these high precision over all rows takes minutes | timed by hand once, not kept
    many_rows: int = 1000
    # operations | beyond these high precision over all rows takes minutes | timed by hand once, not kept
    much_work: int = 100_000
    # rows | the first ones, on which a claim is judged exactly for all of them | set by hand, not measured
    most_first_rows: int = 200
    # rows | fewer than that would explain too little | set by hand, not measured
    least_first_rows: int = 20
    # operations | of the first rows together, where a single row takes much | set by hand, not measured
    first_rows_work: int = 20_000
    # decimal digits | of all values together at one point, where the truth has many zeros: seconds | timed by
    # hand once, not kept
    most_zeros: int = 200_000
    # decimal digits | the same where special functions are computed | timed: a wrong claim of erfc(67) takes
    # 2 s with 4,000, one of erfc(95) 53 s with 20,000
    most_zeros_of_special: int = 4_000
    # decimal digits | a number that begins among so many last ones of a precision may be its rounding | set
    # by hand, not measured
    last_digits: int = 50
    # samples | values at which a matrix is transposed | set by hand: one that is no symmetric matrix
    # changes the result at all but a null set; not measured
    transpositions: int = 2
    # relative | how far these values are from the given ones: so near that a matrix stays positive definite |
    # set by hand, not measured
    transposed_reach: float = 1e-5
    # numbers | of marks that say which entry of a formula is made of which entry of a derivative | set by
    # hand, not measured
    most_dependence: int = 1 << 22
    # edges | between entries of derivatives that rest on one another; beyond, whole derivatives do | set by
    # hand, not measured
    most_edges: int = 1 << 16
    # characters | of a claim that a note repeats | set by hand, not measured
    longest_quoted: int = 40
    # numbers | derivatives by all names are kept if they are fewer: 2 MB | set by hand, not measured
    most_kept_derivatives: int = 1 << 18
    # numbers | of one name that are held at once, 8 MB; beyond, rows are taken in blocks | set by hand, not
    # measured
    most_at_once: int = 1 << 20
    # digits | from so many on a literal counts as what a double holds of a constant: 15 are the least that
    # any double keeps | IEEE 754: 53 bits are 15.95 digits
    long_literal: int = 15
    # literals | whose numbers are searched together, at most: each costs a pass at every point | set by hand,
    # not measured
    most_long_literals: int = 4
    # steps | of Newton's method, each of which gives 15 digits of the 50 | derived, not measured
    literal_steps: int = 4
    # entries | of each point that the search looks at; whether its numbers are right is seen at all | set by
    # hand, not measured
    literal_entries: int = 64
    # samples | points a last digit away at which the movement of a derivative is seen | set by hand, not
    # measured
    movements: int = 2
    # relative | tolerance of the linear solver, primal and dual: a tenth of `feasible` | the smallest that
    # HiGHS takes
    solver_tolerance: float = 1e-10
    # digits | to which a number agrees with a constant that has a name | set by hand: twice those of a
    # double; not measured
    constant_agreement: int = 30
    # characters | of a number that is shown in place of a long literal | set by hand, not measured
    longest_number: int = 22
    # relative to the largest entry | so near a number has to be to what a library gives at a kink: float32
    # leaves 7 digits, and conventions differ in the first | set by hand, not measured
    same_convention: float = 1e-5
    # of what a known fault changes | so near a number has to be to what the fault makes of it: it is a
    # hundred times nearer to it than to the derivative | set by hand, not measured
    same_fault: float = 0.01
    # combinations | of conventions, one for each function on a kink, that are tried: a backward pass each |
    # set by hand: four functions with four conventions
    most_conventions: int = 256
