"""Reads nothing. Gives the limits of diagnosis."""

from typing import NamedTuple

__all__ = ["DiagnosisLimits"]


class DiagnosisLimits(NamedTuple):
    """Tolerances, safety factors and work limits of diagnosis."""

    # points | backward passes with one mistake are compared with a formula at so many | set by hand, not
    # measured
    most_points: int = 5
    # entries | computed in all backward passes with a mistake: seconds | timed by hand once, not kept
    most_mistake_work: int = 200_000_000
    # entries | that are computed in the time that a node takes by itself | some 10 microseconds beside 10
    # nanoseconds, timed by hand once, not kept: a loop of 900 turns took ten minutes without it
    node_entries: int = 1_000
    # nodes | passed in all backward passes with exchanged values: about half a second | 60 layers took
    # 8 s without it
    most_exchange_nodes: int = 50_000
    # values | that a backward pass may have taken for constants, each alone and with each other | set by
    # hand: a dozen is a layer, 78 passes; not measured
    most_paths: int = 12
    # values | that are taken for constants together: mean and variance | set by hand, not measured
    most_paths_together: int = 2
    # ulps | by which two right programs may differ where nothing cancels | set by hand, not measured
    program_ulps: float = 2.0**12
    # factor | half a unit of the last written digit, with a little slack | set by hand, not measured
    half_unit_factor: float = 1.01
    # decimal digits | of all wrong numbers together: hundreds of mistakes are tried | set by hand: a chance
    # of 1e-5; not measured
    least_information: float = 7.0
    # edges | of one chain | set by hand, not measured
    most_edges: int = 400
    # numbers | of one chain, edges times rows | set by hand, not measured
    most_chain_numbers: int = 200_000
    # relative, of the mistake | what a slip predicts must be what is claimed, at every point | set by hand,
    # not measured
    same_slip: float = 1e-8
    # relative, of the value | a smaller mistake float64 does not tell from another | set by hand, not
    # measured
    visible_mistake: float = 1e-9
    # relative | rounding of a predicted change, four machine epsilons | set by hand, not measured
    slip_rounding: float = 2.0**-50
    # values | that a derivation may drop or repeat, tried at one edge | set by hand, not measured
    most_factors: int = 60
    # numbers | edges times slips times rows times points | set by hand, not measured
    most_slip_work: int = 20_000_000
    # relative | the whole derivative passes through one edge if its term agrees so far | set by hand, not
    # measured
    whole: float = 1e-6
    # relative, of the largest entry | an edited formula farther off in float64 is not tried at high precision
    # | set by hand, not measured
    near: float = 1e-6
    # formulas | with one edit undone that are tried | set by hand, not measured
    most_edits: int = 400
    # factors | of a product of matrices that are put in every order, with every transpose: 384 products |
    # by that count, not measured
    most_ordered_factors: int = 4
    # factors | of a product of matrices that is tried with every transpose: 256 products; those of 1,200
    # factors filled all memory | by that count, not measured
    most_turned_factors: int = 8
    # entries | computed in all edited formulas | set by hand, not measured
    most_edit_entries: int = 30_000_000
    # formulas | with a single edit that are tried at one point, in float64 | set by hand, not measured
    most_single_edits: int = 6000
    # formulas | of these that are tried at all points | set by hand, not measured
    most_fitting_edits: int = 12
    # factors | by which a number in a formula may be off | set by hand, not measured
    edit_scales: tuple[float, ...] = (2.0, 0.5, 3.0, 1 / 3, 4.0, 0.25)
    # numbers | that may be missing in a sum with a number | set by hand, not measured
    edit_steps: tuple[float, ...] = (1.0, -1.0, 2.0, -2.0)
    # factors | by which a formula may be off beside a single edit | set by hand, not measured
    edit_factors: tuple[float, ...] = (-1.0, 2.0, 0.5)
    # points | where a formula with an edit must be right, and not 0 | set by hand: one point with plain
    # numbers agrees by accident; not measured
    fewest_edit_points: int = 2
    # characters | of a part of a formula that is shown with an edit in it | set by hand, not measured
    longest_part: int = 60
    # characters | of a formula that is shown; what is longer stands as (...) | set by hand, not measured
    longest_shown: int = 1000
    # nodes | of a formula that is edited: each edit computes all that is behind it | a formula of 453 nodes
    # took 0.5 s, a sum of 2,500 terms 9 s
    most_edited_nodes: int = 500
    # numbers | of entries and points, whose ratios to the truth are one: by chance two may agree in their few
    # digits | set by hand, not measured
    fewest_ratios: int = 3
    # pairs | of an elementwise step and a name, whose slopes are tried | set by hand, not measured
    most_elementwise: int = 200
    # nodes | of one elementwise step | set by hand, not measured
    most_step_nodes: int = 30
    # relative | samples are float64 of numbers known to 50 digits, so what explains them agrees so far | set
    # by hand, not measured
    same: float = 1e-12
    # places | along an axis: two that are exchanged are in reverse, and off by one | exact
    fewest_moved: int = 3
    # derivatives | that may stand in place of another: each has to be computed | set by hand, not measured
    most_derivatives: int = 12
    # decimal digits | of a single number: some 50 explanations are tried, so one in a thousand fits by chance
    # | estimated by that count, not measured
    fewest_digits: int = 5
    # relative | what rounding leaves of numbers that are written with all digits | set by hand, not measured
    number_rounding: float = 1e-9
    # relative, of the factor minus 1 | two factors are one only if their tolerance is far below that | set by
    # hand, not measured
    clear_factor: float = 1e-2
    # relative | a ratio that is nearer to 1 is shown as 1 + 2e-06, others with their digits: 1.005 | set by
    # hand, not measured
    ratio_near_one: float = 1e-4
    # digits | a decimal of fewer is not taken for a rounded constant: 3.1 may be anything | set by hand, not
    # measured
    fewest_constant_digits: int = 3
    # decimal digits | of a single value of a step, before it is compared with others: some 50 are tried, so
    # one in a hundred fits by chance | estimated by that count, not measured
    fewest_value_digits: int = 4
    # decimal digits | of a single value, before its sign is said to be wrong: one in fifty fits by chance |
    # estimated by that count, not measured
    fewest_sign_digits: int = 2
    # pairs | of names of one formula that are exchanged: those of nine names | set by hand, not measured
    most_exchanged_names: int = 36
    # decimal digits | of a number beyond those of how many edits are tried: one in 1,000 fits by chance | by
    # that count, not measured
    digits_of_an_edit: float = 3.0
    # terms | of a sum, or factors of a product, that are looked at whether they cancel | set by hand, not
    # measured
    most_idle_parts: int = 6
    # axes | of an array whose lengths are multiplied with one another: 2^n products are tried as factors |
    # set by hand, not measured
    most_counted_axes: int = 5
    # rows | whose order is looked for: each is compared with each | set by hand, not measured
    most_exchanged: int = 1000
    # samples | of the digits that are not written of values, which others follow from | set by hand, not
    # measured
    own_number_samples: int = 8
    # factor | on the largest change among these samples: all half units at once may do more | set by hand,
    # not measured
    own_number_safety: float = 3.0
