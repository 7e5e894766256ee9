"""Reads nothing. Gives the limits of the numbers themselves: precisions, matrices, memory."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["NUMERICS", "NumericsLimits"]


class NumericsLimits(NamedTuple):
    """Tolerances and work limits of arithmetic, whatever it is used for."""

    # operations at high precision | one report may spend so many: a minute or two, where 600,000 are one
    # large model's forward pass; --budget changes it | timed by hand once, not kept
    budget: int = 12_000_000
    # MiB | a report may hold so much at a time beyond its data; --memory changes it | a part of a small
    # machine's 8 GiB that leaves it usable; set by hand
    memory: int = 1024
    # bytes | of a number at high precision: an mpf, its mantissa and the place in an array | sys.getsizeof of
    # the parts at 50 digits, 200, with one copy of each in a comparison
    bytes_at_high_precision: int = 400
    # decimal digits | of high precision, and of the numbers of one counted operation: with more digits it
    # counts in proportion | set by hand: three times those of a double; not measured
    digits: int = 50
    # value | beyond it exp is taken as infinity or 0 at high precision: exp of a double is a number whose
    # exponent has as many digits as the double, exp of that could not be stored | derived: a tenth of the
    # largest double; exp takes 20 us there
    far: float = 1e307
    # binary exponent | angles up to 2 to this power are reduced; the cost grows with it | set by hand, not
    # measured
    largest_angle: int = 20_000
    # bits | from the largest number of an array to the last digit of the smallest: up to it arrays of high
    # precision are multiplied as whole numbers | set by hand, not measured
    widest: int = 2048
    # bits | of a sum whose terms cancel up to these last ones nothing is known: it is taken as 0 | set by
    # hand, not measured
    spare_bits: int = 40
    # terms | of the series of special functions in float64: what is left out is below 1e-16 | derived, near 0
    # and beyond `asymptotic_from`; tests/unit/numerics/test_special_functions.py
    series_terms: int = 14
    # terms | of the continued fractions of exp(z)*E1(z) from 0.5 on, of erfcx from 2 on, and of dawson |
    # tests/unit/numerics/test_complex_special.py: beyond 160 nothing changes
    fraction_terms: int = 200
    # value | beyond it erfcx and dawson by asymptotic series in 1/x^2 | derived: the terms then shrink by a
    # factor of 30 and more; tests/unit/numerics/test_special_functions.py
    asymptotic_from: float = 20.0
    # value | below it polygamma by reflection: SciPy adds up as many terms as the argument is negative |
    # timed by hand: 48 s for polygamma(1, -1e9)
    reflected_below: float = -20.0
    # rows of a matrix | cofactors up to it by minors, whose work grows like 2^n | the same as that of the
    # symbolic method; set by hand
    largest_by_minors: int = 8
    # rows of a matrix | from it on LAPACK inverts and factors matrices of doubles, which holds for a stack of
    # them what loops over its columns hold | timed by hand: at [32,32] the loops take as long, at [400,400]
    # 30 times as long
    large_matrix: int = 32
    # logarithm | a determinant is held within exp of it and of its opposite where only its sign counts |
    # derived: both are normal doubles
    log_range: float = 700.0
    # units of rounding of the largest, for each row | eigenvalues that are nearer to one another are taken as
    # one that is repeated | LAPACK's are off by a few units of the norm; set by hand, not measured
    eigenvalue_ulps: float = 4.0
    # logarithm | a bound on eigenvalues below exp of it is well below 1, which is asked | set by hand,
    # not measured
    log_of_small: float = -0.7
    # squarings | of a matrix A: the size of A^64, to the power 1/64, bounds its eigenvalues | set by hand,
    # not measured
    squarings: int = 6
    # numbers | of a large array that are looked at together: they stay in the cache | set by hand, not
    # measured
    piece: int = 1 << 17
    # bytes | a larger array that gradcheck makes itself lies in a temporary file | set by hand, not measured
    in_memory: int = 1 << 26
    # numbers | an input of at most so many is moved together with others: one call for thousands of names |
    # set by hand, not measured
    moved_together: int = 64
    # relative, for each entry | sums and norms that are assumed may be off by so much: values are rounded to
    # doubles, 1.1e-16 each | set by hand, not measured
    assumed_rounding: float = 4e-16
    # degrees of freedom | beyond it Student's t by the expansion around the normal quantile, whose error is
    # then below 1e-8 | tests/unit/numerics/test_student_t.py
    many_degrees: int = 1000
    # relative | rounding of a level such as 0.9, which no double is | set by hand, not measured
    level_rounding: float = 1e-9
    # probability | below it numbers that are all those of float32 are so by no accident | set by hand; of
    # 100,000 arrays of doubles none was taken for float32, of 5,000 of 8 digits at most 2.4 percent
    accident: float = 0.01
    # probability | that a decimal of so many digits is the shortest text of a float32 number, at most; with
    # fewer it always is | set by hand; drawn: 0.23 and 0.0006 for even mantissas, 0.40 and 0.05 for even
    # logarithms
    text_by_chance: Mapping[int, float] = MappingProxyType({8: 0.31, 9: 0.03})
    # probability | that a double is a number of float32 | derived: 29 bits of 53 must be 0
    value_by_chance: float = 2.0**-29
    # numbers | of an array that are looked at first, whether they are those of float32 | set by hand, not
    # measured
    first_looked_at: int = 64
    # contexts | of mpmath, by precision and thread, that are kept | set by hand, not measured
    most_contexts: int = 64
    # values | of functions at high precision that are kept, some 500 bytes each | set by hand, not measured
    most_values: int = 1 << 15
    # bits | of these values together, where they have thousands of digits: 32 MiB, and as many of arguments
    # | set by hand, not measured
    most_value_bits: int = 1 << 28
    # terms | of the series of erf beside the real axis, each below exp(-n^2/4) | derived:
    # exp(-16^2/4) is 2e-28
    erf_terms: int = 15
    # factor | of n machine epsilons, by which rounding may move a condition number of an n x n matrix:
    # beyond, it is singular as far as float64 can tell | set by hand, not measured
    regularity: float = 4.0
    # axes | of a value | derived: NumPy has 64 for a derivative, whose axes are those of two values, with one
    # for perturbations and one for rows
    most_axes: int = 30
    # entries | of an array by which a point is found again in a table before all are compared | set by hand,
    # not measured
    traced_entries: int = 8
    # part of a value | the reach of a comparison point: p*(1 + u/2), so that no sign changes | set by hand,
    # not measured
    value_divisor: int = 2
    # part of 1 | the same for a value that is 0: u/10 | set by hand, not measured
    zero_divisor: int = 10
    # decimal digits | to which constants that formulas hold are known | set by hand: more than `named_digits`
    constant_digits: int = 60
    # decimal digits | of a constant that takes the place of a shorter one | the digits of high precision
    named_digits: int = 50
    # denominator | of a fraction that has a name is below it | set by hand, not measured
    largest_denominator: int = 1000
    # denominator | the same where the number is known to fewer than six digits: more would agree by chance |
    # set by hand, not measured
    small_denominator: int = 13
    # distance | up to which a number is known to six digits | set by hand, not measured
    near_fraction: float = 1e-6


NUMERICS = NumericsLimits()
