"""Reads nothing. Gives the limits of the pipeline."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CheckingLimits"]


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
    # multiplications | that an entry of a value counts for beside those of matrix products: copies, margins
    # and calls | timed: softmax of [1000,1000] beside a product of 3000 x 3000
    entry_work: int = 16
    # bounds of the differences | within which columns that are said to agree show one number: the bound on
    # both sides | set by hand, not measured
    agreeing_bounds: float = 2.0
