"""Reads nothing. Gives the limits of the pipeline."""

from typing import NamedTuple

__all__ = ["CHECKING", "CheckingLimits"]


class CheckingLimits(NamedTuple):
    """Tolerances and work limits of the pipeline."""

    # nodes of the graph, over all points | more points are not compared where their number is not asked for |
    # chains of 1e5 and more steps (tests/end_to_end/test_chains.py): seconds
    most_nodes: int = 1 << 19
    # nodes times names, or times rows, over all points | in the same way; two points remain | as most_nodes
    most_slopes: int = 1 << 24
    # rows times nodes | a run over so many takes seconds, and shows on a terminal how far it is | set by
    # hand, not measured
    long_run: int = 1 << 21
    # multiplications, over all points | more do not go into sums and single entries of large names: there are
    # then fewer of them | timed: [1000,1000] softmax, half a minute
    most_sampled_work: int = 1 << 35
    # bounds of the differences | within which columns that are said to agree show one number: the bound on
    # both sides | set by hand, not measured
    agreeing_bounds: float = 2.0
    # points | at which the columns are compared, the given one first; --points changes it | set by hand:
    # what no point shows, four show; measured by tests/promises/test_population.py
    points: int = 4
    # points | more take longer and show no more | set by hand, not measured
    most_points: int = 1000
    # significant decimal digits | that must be proved; --digits changes it | set by hand, not measured
    digits: int = 6
    # significant decimal digits | more are not those of every double | IEEE 754: 53 bits are 15.95 digits
    most_digits: int = 15
    # part of the largest entry | a matrix whose entries are so near to those of its transpose is symmetric |
    # set by hand: rounding of a thousand terms; not measured
    symmetric: float = 1e-12
    # bytes of a .txt file in a folder | searched for a declaration, which stands near the beginning of a
    # model | set by hand, not measured
    most_searched: int = 1 << 16
    # files for each process | their reports wait for one that comes before them and is slow | set by hand,
    # not measured
    most_ahead: int = 8
    # relative, or absolute near 0 | so near the loss has to be that comes with a gradient computed elsewhere:
    # both round some thousand operations, in another order | set by hand, not measured
    same_loss: float = 1e-9
    # in the same way | where it is float32, or a text of few digits | set by hand, not measured
    same_loss_narrow: float = 1e-4
    # entries of a parameter | that are shown and judged one by one beside another gradient; of more, each has
    # the verdict of the whole | set by hand: some seconds
    most_compared: int = 100
    # of the usual distance | how far random points are, one after the other, at which another gradient is
    # asked for again | set by hand: as random_distances of programs
    random_reaches: tuple[float, ...] = (1.0, 4.0, 8.0)


CHECKING = CheckingLimits()
