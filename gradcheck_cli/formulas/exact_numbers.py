"""Reads numbers and their texts. Gives them as integers and fractions, where they are exact."""

from __future__ import annotations

from fractions import Fraction

from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.formulas import FormulasLimits

__all__ = [
    "Number", "absolute_value", "exact_power", "exact_value", "is_binary", "is_countable", "whole_if_exact",
]  # fmt: skip

Number = int | Fraction


def exact_value(value: float, text: str, limits: FormulasLimits) -> Fraction | None:
    """The value of a decimal that is a short binary fraction, as 0.5; None for 0.1."""
    if not text.replace(".", "", 1).isdigit() or len(text) > limits.longest_decimal:
        return None
    exact = Fraction(text)
    return exact if exact == Fraction(value) and is_binary(exact, limits) else None


def whole_if_exact(value: Number) -> Number:
    """An int where it is one: most coefficients are, and they are quick."""
    return int(value) if value.denominator == 1 else value


def absolute_value(value: Number) -> Number:
    """|value|, as exact as it was."""
    return -value if value < 0 else value


def exact_power(value: Number, exponent: int) -> Number:
    """A whole power, as a fraction or an integer."""
    return value if exponent == 1 else whole_if_exact(Fraction(value) ** exponent)


def is_countable(value: Number) -> bool:
    """Whether numerator and denominator are small enough to compute with."""
    return max(abs(value.numerator), value.denominator) <= 1 << SIGNIFICANDS["float64"]


def is_binary(value: Number, limits: FormulasLimits) -> bool:
    """Whether it is a short binary fraction, which a double holds."""
    denominator = value.denominator
    return denominator & (denominator - 1) == 0 and denominator <= limits.largest_denominator
