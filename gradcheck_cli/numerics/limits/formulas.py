"""Reads nothing. Gives the limits of formulas: how long they may be, and what is computed exactly."""

from __future__ import annotations

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
    # factors | longer products and sums stay nested, so that the work stays linear | set by hand, not
    # measured
    most_factors: int = 64


DEFAULTS = FormulasLimits()
