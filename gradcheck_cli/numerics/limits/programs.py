"""Reads nothing. Gives the limits of gradients of programs: what explains them."""

from typing import NamedTuple

__all__ = ["PROGRAMS", "ProgramsLimits"]


class ProgramsLimits(NamedTuple):
    """Tolerances and work limits of programs."""

    # relative, or absolute near 0 | how far parameters are moved, to where a gradient is called again | set
    # by hand, not measured
    distances: tuple[float, ...] = (0.03, -0.2)
    # the same | how far random points are, one after the other | set by hand: the first seldom leaves a
    # domain, the others change signs, and so masks and activations
    random_distances: tuple[float, ...] = (0.3, 1.0, 2.0)
    # relative or absolute, as `distances` | where the program takes another way farther away
    near_distances: tuple[float, ...] = (1e-4, -3e-4)
    # relative | how far the model's loss may be from the program's there | as for traces
    same_loss: float = 1e-9
    # the same | so far apart are gradients that are judged there | above what rounds in float32 | set by hand
    apart: float = 1e-4
    # relative, of the largest entry of an array | so near is what a mistake would give | set by hand:
    # rounding of some thousand operations; two explanations of one array are seldom so near
    same: float = 1e-9
    # the same | of arrays in float32
    same_float32: float = 2e-5
    # ratio | an explanation is nearer to the numbers by so much than the truth is | set by hand
    nearer: float = 100.0
    # nodes | passed in all backward passes with a mistake, or of another loss, tried for one program | set by
    # hand: some seconds, at about 10 microseconds a node
    most_passed_nodes: int = 400_000
    # nodes | of a graph in which mistakes are looked for: as many passes, each over all | set by hand
    most_nodes: int = 2000
    # characters | of a formula that stands for a value without a name; of a longer one the line is told | set
    # by hand
    longest_formula: int = 40
    # blocks | of a flat vector, that may be exchanged: 120 orders | set by hand
    most_blocks: int = 5
    # step sizes | with which programs difference their own loss | those of tutorials, and the square and
    # cubic root of the precision, which SciPy takes
    steps: tuple[float, ...] = (1e-5, 1e-6, 1e-4, 1e-7, 1e-3, 1e-8, 2**-26, 2 ** (-52 / 3), 1e-2, 1e-9)
    # entries | of all parameters, that are differenced again to see whether a program did so | set by hand
    most_differenced: int = 400
    # entries | with the largest errors, that are differenced | set by hand
    examined: int = 4
    # relative | a worse gradient is no finite difference | set by hand
    difference_error: float = 1e-2
    # ratio | a difference is nearer to the numbers by so much than the truth is | set by hand: the same
    # rounding, of the same function, gives the same bits
    nearer_difference: float = 8.0
    # roundings of the loss over the step size | by which two programs that difference it may differ | set by
    # hand: a sum of some terms in another order
    difference_rounding: float = 64.0

    # seed | of cotangents and tangents | any number
    seed: int = 0
    # absolute values | of cotangents and tangents: none is so small that a mistake hides | set by hand
    weights: tuple[float, float] = (0.5, 1.5)
    # seconds | after which a call of a program has failed; 0: never | set by hand
    time_limit: float = 60.0
    # seconds | between two times that a program is stopped, which caught the first | set by hand
    told_again: float = 1.0
    # times it | that a trace may take, of some ten calls, or one call whose lines are watched | set by hand
    calls_of_a_trace: float = 20.0
    # ulps of the loss | by which two calls may differ: sums in another order, as of threads | set by hand
    repeated_ulps: float = 16.0
    # entries | of all parameters, that are differenced one by one; more are tested jointly | set by hand
    most_each: int = 200
    # evaluations of the loss | for parameters that are tested jointly | a promise of the documentation
    most_evaluations: int = 60
    # directions of random signs | along which many entries are tested at the given point | set by hand
    directions: int = 2
    # of the scale of an entry | the step of a central difference as entries are halved | about eps^(1/3)
    halving_step: float = 2.0**-15
    # rungs of step sizes, powers of 1/2 of the scale of an entry | tried first, then without extrapolation to
    # all | as those by node
    rungs: tuple[int, ...] = (11, 13, 15)
    # relative bound | of a difference on these rungs that will do | a digit more than is wanted
    enough: float = 1e-7
    # decimal digits | that a difference has to prove | as --digits
    digits: float = 6.0
    # decimal digits | that a float64 has | exact
    most_digits: float = 15.0
    # decimal digits | that a difference in float32 has to prove | a third of its digits, as six of float64's
    digits_float32: float = 2.0
    # of the largest entry of all | a bound below it shows an entry to be as good as 0 | as the digits wanted
    zero: float = 1e-6
    # the same | in float32
    zero_float32: float = 1e-2
    # relative, ulps | by which parameters are moved to see how a gradient rounds | set by hand
    nudges: tuple[float, ...] = (1.0, -2.0, 3.0)
    # factor | on what a gradient changes by then | set by hand, not measured
    rounding_safety: float = 16.0
    # ulps of an entry | that a gradient rounds at least | set by hand, not measured
    least_rounding: float = 64.0
    # powers of 1/2 of an entry's scale | the step sizes of float32, below the dense ones | set by hand
    sparse_float32: tuple[int, ...] = (9, 11)
    # share of an entry, short in binary | the first step size of float32, added exactly | set by hand
    mantissa_float32: float = 0.234375


PROGRAMS = ProgramsLimits()
