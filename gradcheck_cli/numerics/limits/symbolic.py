"""Reads nothing. Gives the limits of the symbolic method: what SymPy is asked for, and memory."""

from typing import NamedTuple

__all__ = ["DEFAULTS", "SymbolicLimits"]


class SymbolicLimits(NamedTuple):
    """Tolerances, safety factors and work limits of the symbolic method."""

    # operations | a step with more is cut into hidden steps, each differentiated once | timed when the
    # method was written: SymPy's diff on nested expressions grows like the depth to the power 2.5
    most_operations: int = 60
    # levels | a step nested deeper is cut likewise | the same experiment: recursion ends at depth 60
    deepest: int = 25
    # exponent | integers of the text up to it stay integers for SymPy, larger ones are opaque | 9^9^9
    # hangs SymPy 1.14
    largest_exponent: int = 64
    # value | constants of the text up to it may be exponents that stay integers | set by hand, not measured
    largest_constant: float = 1e6
    # rows of a matrix | det and inv up to it are unrolled for SymPy, larger ones taken whole | minors
    # grow like 2^n: [8,8] has 3,003 operations
    largest_matrix: int = 8
    # rows of a matrix | eigenvalues of larger ones are taken whole: each needs all minors of its own | timed:
    # the columns of [5,5] take 1 s, those of [8,8] 20 s
    largest_spectrum: int = 5
    # part of the largest | eigenvalues that are nearer to one another count as repeated: the polynomial's
    # slope there loses the square of it | tried: 1e-4 leaves 8 digits of a [3,3], 1e-6 leaves 4
    near_eigenvalues: float = 1e-3
    # kernels | formulas with their partials that are kept for other models | set by hand, not measured
    most_kernels: int = 1 << 12
    # numbers | tangent entries of one item that are held at a time | set by hand, not measured
    most_entries: int = 1 << 22
    # rows | a block of them is at most so long | set by hand, not measured
    most_rows: int = 65536


DEFAULTS = SymbolicLimits()
