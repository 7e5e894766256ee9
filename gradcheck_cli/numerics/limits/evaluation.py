"""Reads nothing. Gives the limits of evaluation."""

from typing import NamedTuple

__all__ = ["EVALUATION", "EvaluationLimits"]


class EvaluationLimits(NamedTuple):
    """Tolerances, safety factors and work limits of evaluation."""

    # numbers | entries of one node that are held at a time, over rows and perturbations: bounds the memory
    # of a block | set by hand, not measured
    block_entries: int = 1 << 21
    # rows | a block of single numbers stays in the cache of the processor | set by hand, not measured
    block_rows: int = 1 << 14
    # numbers | entries of all nodes together in one block of rows: 128 MiB | an eighth of the memory of a
    # report
    block_held: int = 1 << 24
    # copies | of its result that an operation makes on the way: products of matrices, margins | profiled:
    # softmax and its margins make 4 (peak memory of [1000,1000])
    copies: int = 4
    # bytes | of an entry that is compared at a point: its columns, bounds and samples | measured: 147 at the
    # first point and 110 at each further one of 1e7 parameters, 172 at a further one of 1.8e6
    entry_bytes: int = 150
    # numbers | beyond so many per-row entries blocks are computed again when they are needed, because they
    # would fill the memory (256 MiB) | set by hand, not measured
    kept_entries: int = 1 << 25
    # numbers | the same where no node is a matrix product: to allocate and fill memory then takes longer than
    # to compute again | timed beside sin and cos: fresh memory took three times as long
    cached_entries: int = 1 << 18


EVALUATION = EvaluationLimits()
