"""Reads a number. Gives the name of the constant that it is, and constants near a number.

Constants that formulas hold typed out: logarithms, roots, fractions of pi. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits
from gradcheck_cli.numerics.mpmath_context import private_context

__all__ = ["constants_near", "last_place", "name_of_constant", "significant_digits"]

_CONSTANTS: dict[str, Callable[[Any], Any]] = {
    "pi": lambda c: +c.pi,
    "exp(1)": lambda c: c.exp(1),
    "2*pi": lambda c: 2 * c.pi,
    "pi/2": lambda c: c.pi / 2,
    "pi/4": lambda c: c.pi / 4,
    "pi/180": lambda c: c.pi / 180,
    "180/pi": lambda c: 180 / c.pi,
    "1/pi": lambda c: 1 / c.pi,
    "2/pi": lambda c: 2 / c.pi,
    "sqrt(pi)": lambda c: c.sqrt(c.pi),
    "1/sqrt(pi)": lambda c: 1 / c.sqrt(c.pi),
    "2/sqrt(pi)": lambda c: 2 / c.sqrt(c.pi),
    "sqrt(2*pi)": lambda c: c.sqrt(2 * c.pi),
    "1/sqrt(2*pi)": lambda c: 1 / c.sqrt(2 * c.pi),
    "sqrt(2/pi)": lambda c: c.sqrt(2 / c.pi),
    "sqrt(pi/2)": lambda c: c.sqrt(c.pi / 2),
    "log(2*pi)": lambda c: c.log(2 * c.pi),
    "log(2*pi)/2": lambda c: c.log(2 * c.pi) / 2,
    "log(pi)": lambda c: c.log(c.pi),
    "log(2)": lambda c: c.log(2),
    "log(10)": lambda c: c.log(10),
    "1/log(2)": lambda c: 1 / c.log(2),
    "1/log(10)": lambda c: 1 / c.log(10),
    "log(2)/log(10)": lambda c: c.log(2) / c.log(10),
    "log(3)": lambda c: c.log(3),
    "exp(-1)": lambda c: c.exp(-1),
    "sqrt(2)": lambda c: c.sqrt(2),
    "sqrt(1/2)": lambda c: c.sqrt(c.mpf(1) / 2),
    "sqrt(3)": lambda c: c.sqrt(3),
    "sqrt(5)": lambda c: c.sqrt(5),
    "the scale of selu": lambda c: c.mpf("1.0507009873554804934193349852946"),
    "the alpha of selu": lambda c: c.mpf("1.6732632423543772848170429916717"),
    "scale*alpha of selu": lambda c: (
        c.mpf("1.0507009873554804934193349852946") * c.mpf("1.6732632423543772848170429916717")
    ),
    "(1 + sqrt(5))/2": lambda c: (1 + c.sqrt(5)) / 2,
}


@cache
def _values(digits: int) -> dict[str, Any]:
    context = private_context(digits)
    return {name: value(context) for name, value in _CONSTANTS.items()}


def constants_near(
    value: float, reach: float, limits: NumericsLimits = NUMERICS
) -> Iterator[tuple[str, str]]:
    """The constants within `reach` of a value, each with its first 50 digits."""
    for name, constant in _values(limits.constant_digits).items():
        if abs(constant - value) <= reach:
            yield name, constant.context.nstr(constant, limits.named_digits)
    largest = limits.largest_denominator if reach < limits.near_fraction else limits.small_denominator
    for denominator in range(2, largest):
        numerator = round(value * denominator)
        if numerator and numerator % denominator and abs(numerator / denominator - value) <= reach:
            fraction = private_context(limits.constant_digits).mpf(numerator) / denominator
            yield f"{numerator}/{denominator}", fraction.context.nstr(fraction, limits.named_digits)
            return


def name_of_constant(text: str, digits: int, limits: NumericsLimits = NUMERICS) -> str | None:
    """The constant, or the fraction of small numbers, that a decimal agrees with to so many digits."""
    context = private_context(limits.constant_digits)
    value = context.mpf(text)
    near = abs(value) * context.mpf(10) ** -digits
    for name, constant in _values(limits.constant_digits).items():
        if abs(context.mpf(constant) - value) <= near:
            return name
    for denominator in range(2, limits.largest_denominator):
        numerator = context.nint(value * denominator)
        if numerator and abs(numerator / denominator - value) <= near:
            return f"{int(numerator)}/{denominator}"
    return None


def significant_digits(text: str) -> int:
    """How many digits of a decimal count: 3 of 0.0120 and of 1.20e5."""
    return len(text.lower().split("e")[0].replace(".", "").lstrip("0"))


def last_place(text: str) -> float:
    """The unit of the last digit of a decimal: 0.001 of 2.303."""
    mantissa, _, exponent = text.lower().partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
