"""Reads nothing. Gives the limits of initialization."""

from typing import NamedTuple

__all__ = ["DEFAULTS", "InitializationLimits"]


class InitializationLimits(NamedTuple):
    """Tolerances, safety factors and work limits of initialization."""

    # -- activations

    # z | kinks and poles are sought between -100 and 100 | set by hand; 38 standard deviations are all that a
    # normal variable reaches in float64
    farthest_kink: float = 100.0
    # points | steps of 0.01 separate the kinks of abs(sin(z)) and of piecewise functions |
    # tests/unit/initialization/test_activations.py: kinks of a wave are all found
    kink_grid: int = 20_001
    # value of phi | beside a pole, and only there, a grid that is 20,000 times finer finds one | set by hand;
    # tests/unit/initialization/test_activations.py: what is not finite everywhere is refused
    pole_value: float = 1e4
    # z | an activation must be finite between -10 and 10, where pre-activations of variance 1 lie |
    # set by hand, not measured
    finite_within: float = 10.0
    # points | of the grid on which that is looked at | set by hand, not measured
    finite_grid: int = 4001
    # factors c | powers of 2, so that phi(c z) = c phi(z) holds exactly where it holds |
    # tests/unit/initialization/test_activations.py: what is homogeneous
    homogeneous_factors: tuple[float, ...] = (2.0**-40, 0.5, 2.0, 2.0**40)

    # -- Gaussian expectations

    # nodes of a panel | Gauss-Legendre; plain Gauss-Hermite nodes miss kinks and steps |
    # tests/unit/initialization/test_gaussian_expectations.py: closed forms to 12 digits
    panel_nodes: int = 16
    # z | exp(-z^2/2) is 1e-37 there: nothing beyond counts in float64 | arithmetic
    near_reach: float = 13.0
    # z | the last number where exp(-z^2/2) is not 0; for kinks far out, where only a tail counts | arithmetic
    far_reach: float = 38.0
    # relative | of an integral, from which its ends still count and it is taken for infinite |
    # set by hand, not measured
    tail_share: float = 1e-9
    # ln q | beyond, phi is taken for a power of z: q from 1e-60 to 1e60 |
    # tests/unit/initialization/test_gaussian_expectations.py: far out a power goes on
    table_end: float = 138.0
    # ln q | between knots, where a cubic is within 1e-5 of the integral |
    # tests/unit/initialization/test_gaussian_expectations.py: interpolation is near the integral
    table_step: float = 0.2
    # d ln E phi^2/d ln q | nearer to 0 than this a law is flat, nearer to 1 a fixed point is neutral:
    # integrals have 12 digits, their differences 6 | set by hand, not measured
    same_growth: float = 1e-6
    # abs(ln chi) | nearer to 0 there is no depth scale: a billion layers | set by hand, not measured
    same_chi: float = 1e-9
    # relative | of q, below which q is kept; integrals have 12 digits | set by hand, not measured
    same_variance: float = 1e-9
    # log10 q | critical points are sought between 1e-6 and 1e6 | set by hand, not measured
    critical_reach: float = 6.0
    # log10 q | between the places that are looked at | set by hand, not measured
    critical_step: float = 0.1
    # q | that stands for the limit q -> 0: tanh(sqrt(q) z) is linear in float64 | arithmetic
    vanishing_variance: float = 1e-16
    # relative | of q, below which it is kept in that limit: 1e-16 leaves half of the digits |
    # set by hand, not measured
    same_vanishing: float = 1e-6
    # bisections | of log10 q: 0.1/2^60 is below the spacing of float64 | arithmetic
    critical_bisections: int = 60
    # relative to sqrt(E phi^2) | a mean below is that of an odd function: rounding of some hundred terms |
    # set by hand, not measured
    zero_mean: float = 1e-14

    # -- mean-field theory

    # points | Gauss-Hermite, of the distribution of ln of the mean square of h_k |
    # tests/unit/initialization/test_mean_field_theory.py: measurements agree
    mean_field_points: int = 9
    # ln | exp of more overflows when it is squared | arithmetic
    largest_log_ratio: float = 300.0
    # share of the mean square | that is left to the variance of dl/dW_k of a single output | arithmetic
    mean_share_margin: float = 1e-15

    # -- simulation

    # bytes | of weights that are kept for the backward pass; beyond, they are drawn again | set by hand;
    # tests/unit/initialization/simulation/test_measure.py holds memory
    kept_weights: int = 1 << 27
    # bytes | kept of everything else | set by hand;
    # tests/unit/initialization/simulation/test_measure.py holds memory
    kept_states: int = 1 << 29
    # eps of the arithmetic | a gradient behind layer normalization this small beside what went in is
    # cancellation alone | tests/unit/initialization/simulation/test_measure.py: two units have slope 0
    norm_rounding: float = 8.0
    # binary exponent of z | below 2^-64 and above 2^64 most functions are powers, to double precision |
    # arithmetic: relative corrections are z^2 or 1/z
    power_law: int = 64
    # exponent of the power | two doublings that give the same one, to rounding | set by hand, not measured
    same_power: float = 1e-9

    # -- layer trends

    # decades over all layers | a trend below is not worth the name of a power | set by hand, not measured
    named_trend: float = 0.5
    # R^2 | from which a curve of an mlp is called a power of k | set by hand;
    # tests/unit/initialization/test_experiment.py: only exponential change vanishes or explodes
    straight: float = 0.98
    # layers | with fewer, a power and an exponential look alike | set by hand, not measured
    fewest_for_growth: int = 4

    # -- verdicts

    # decades of variance over all layers | less is stable | set by hand; what float16 survives with ease
    stable_decades: float = 1.0
    # standard errors | from which a measurement contradicts a prediction: one in a million correct
    # initializers is accused | normal tails;
    # tests/unit/initialization/test_experiment.py: correct initializers are not accused
    contradiction_sigmas: float = 5.0
    # probability | the same as a two-sided level of Student's t | normal tails
    contradiction_level: float = 1 - 6e-7
    # relative | rounding of measured and predicted logarithms | set by hand, not measured
    slope_rounding: float = 1e-9
    # share of the first-order correction for finite width | bounds the second order |
    # tests/unit/initialization/test_experiment.py: nothing correct is unexpected
    second_order: float = 0.5
    # the same for several inputs | they scatter less within a network, and how much of it remains is
    # unknown |
    # tests/unit/initialization/test_experiment.py: nothing correct is unexpected
    second_order_pooled: float = 1.0
    # decades | by which phi(z)^2 of a uniform z may differ from that of a normal one |
    # tests/unit/initialization/test_experiment.py: nothing correct is unexpected
    not_normal: float = 0.5
    # decades | by which the first layer may be off | set by hand;
    # tests/unit/initialization/test_experiment.py: a bug in one layer is found
    start_decades: float = 0.2
    # layers of 1/width | what finite width adds to that | set by hand, as above
    start_widths: float = 2.0

    # -- causes

    # relative | how near a measured factor must be to be named, where it is known well enough |
    # tests/unit/initialization/test_experiment.py: planted wrong initializers are unexpected
    near_factor: float = 0.02
    # relative | the same of fan_out in the place of fan_in, which is a mean over unequal layers |
    # tests/unit/initialization/test_experiment.py: fan_out is named on widths that shrink
    near_fan: float = 0.1
    # relative | sigma_w^2 that is the gain, but for rounding | set by hand, not measured
    same_gain: float = 1e-6
    # decades | of a factor that is written down: 10 to the power of it is a float64 | arithmetic
    largest_decades: float = 300.0

    # -- options

    # variances | of one sweep | set by hand, not measured
    most_swept: int = 1000
    # bytes | of all layers, networks and quantities together | the memory of a report, --memory changes it
    most_planned: int = 1 << 30
    # bytes | of a layer of a report: tables, theory, statistics and JSON | 3,300 measured with five
    # initializations of one network, from the peaks at depth 2,000 and 20,000
    layer_bytes: int = 8192
    # numbers | of one array: 1 GiB of float64 | memory of a small machine
    most_entries: int = 1 << 27
    # relative | variances of layers that are one, but for rounding | arithmetic: some ulps
    same_layers: float = 1e-12
    # relative | a variance that was typed is that of a known initializer: six digits | set by hand, not
    # measured
    same_typed: float = 1e-6

    # -- a user's own model

    # standard deviations | of one draw, whose scatter cannot be measured; its tails are heavier than
    # normal ones |
    # tests/unit/initialization/user_model/test_model_stats.py: one correct network is never accused
    draw_sigmas: float = 4.0
    # standard errors | of a variance that a remark allows |
    # tests/unit/initialization/user_model/test_model_stats.py: known initializers are known
    remark_errors: float = 4.0
    # relative | ratios of variances that are told as one | set by hand, not measured
    alike_ratios: float = 0.1
    # sum of 1/width | from which chance takes half a decade, and a note says so | (5/2) 0.5/ln 10 decades
    # (Hanin and Nica 2018)
    narrow: float = 0.5
    # -- the network and its check

    # networks | drawn of each initialization; --nets changes it | set by hand, not measured
    networks: int = 20
    # probability | of the interval that is shown; --level changes it | set by hand, not measured
    level: float = 0.9
    # units | of a layer; --width changes it | the network of the textbook
    width: int = 100
    # layers | --depth changes it | the network of the textbook
    depth: int = 50
    # z | up to it, on both sides, it is looked whether phi(c z) = c phi(z) | set by hand, not measured
    homogeneous_reach: float = 3.0
    # points | of that grid: 0 and steps of 0.1 | set by hand, not measured
    homogeneous_grid: int = 61
    # z | up to it, on both sides, it is looked whether phi is relu, or linear | set by hand, not measured
    form_reach: float = 2.0
    # points | of that grid: 0 and steps of 0.1 | set by hand, not measured
    form_grid: int = 41
    # binary exponents of sqrt(q) z | panels end at powers of 2 between, where phi bends | set by hand;
    # tests/unit/initialization/test_gaussian_expectations.py: closed forms to 12 digits
    panel_exponents: tuple[int, int] = (-3, 11)
    # steps | of the recurrence of digamma, after which six terms of its series give 1e-13 |
    # tests/unit/initialization/test_mean_field_theory.py; derived: the next term is 1/(240 y^8)
    digamma_steps: int = 10
    # decimal places | of the exponent of a power, which rounding leaves | set by hand, as `same_power`
    power_places: int = 9


DEFAULTS = InitializationLimits()
