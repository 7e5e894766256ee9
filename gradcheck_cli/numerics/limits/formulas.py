"""Reads nothing. Gives the limits of formulas: how long they may be, and what is computed exactly."""

from typing import NamedTuple

__all__ = ["DEFAULTS", "FormulasLimits"]


class FormulasLimits(NamedTuple):
    """Tolerances, safety factors and work limits of formulas."""

    # characters | a longer formula is not written out | set by hand, not measured
    longest_formula: int = 4_000
    # operations | a closed formula with more is refused | set by hand, not measured
    most_operations: int = 2_000
    # value | integers of the text up to it are computed with, larger ones are opaque | set by hand, not
    # measured
    largest_integer: int = 1_000_000
    # entries | arrays up to it are written out entry by entry | set by hand, not measured
    written_entries: int = 6
    # characters | a longer decimal of the text stays as it is written | set by hand, not measured
    longest_decimal: int = 12
    # value | binary fractions with a denominator up to it are computed with, as 0.5 | set by hand, not
    # measured
    largest_denominator: int = 1024
    # operations | of a formula that are counted; beyond it they are "more than" so many | set by hand, not
    # measured
    most_counted: int = 10**9
    # distance | of fitted coefficients from whole numbers: a partial may be a polynomial in the function
    # itself | set by hand, not measured
    whole_coefficient: float = 1e-6
    # value | by how much such a polynomial may miss the partial at five points | set by hand, not
    # measured
    polynomial_miss: float = 1e-12
    # relative | by how much a function of the table may miss a partial that it is taken for | set by hand,
    # not measured
    function_miss: float = 1e-13
    # factor | LaTeX takes so many characters for one of the text | set by hand, not measured
    latex_length: int = 4
    # factors | longer products and sums stay nested, so that the work stays linear | set by hand, not
    # measured
    most_factors: int = 64
    # values of the argument | at which a partial is compared with functions of the table: positive, so that
    # log and roots have values, and no simple fractions, so that nothing agrees by chance | set by hand
    tried_at: tuple[float, ...] = (0.37, 0.83, 1.31, 1.93, 2.6)
    # operations | a partial with more is sought among polynomials of the function and functions of the table:
    # one with fewer is no longer than what replaces it | set by hand, not measured
    short_partial: int = 3
    # operations | of a function that a partial is taken for, at least: with one it is the partial itself |
    # set by hand, not measured
    least_function: int = 2


DEFAULTS = FormulasLimits()
