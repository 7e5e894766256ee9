"""Reads a number. Gives the name of the constant that it is, and constants near a number.

Constants that formulas hold typed out: logarithms, roots, fractions of pi. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from gradcheck_cli.numerics.mpmath_context import private_context

__all__ = ["constants_near", "last_place", "name_of_constant", "significant_digits"]

_DIGITS = 60
_LARGEST_DENOMINATOR = 1000  # of fractions that are named
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
def _values() -> dict[str, Any]:
    context = private_context(_DIGITS)
    return {name: value(context) for name, value in _CONSTANTS.items()}


def constants_near(value: float, reach: float) -> Iterator[tuple[str, str]]:
    """The constants within `reach` of a value, each with its first 50 digits."""
    for name, constant in _values().items():
        if abs(constant - value) <= reach:
            yield name, constant.context.nstr(constant, 50)
    for denominator in range(2, _LARGEST_DENOMINATOR if reach < 1e-6 else 13):
        numerator = round(value * denominator)
        if numerator and numerator % denominator and abs(numerator / denominator - value) <= reach:
            fraction = private_context(_DIGITS).mpf(numerator) / denominator
            yield f"{numerator}/{denominator}", fraction.context.nstr(fraction, 50)
            return


def name_of_constant(text: str, digits: int) -> str | None:
    """The constant, or the fraction of small numbers, that a decimal agrees with to so many digits."""
    context = private_context(_DIGITS)
    value = context.mpf(text)
    near = abs(value) * context.mpf(10) ** -digits
    for name, constant in _values().items():
        if abs(context.mpf(constant) - value) <= near:
            return name
    for denominator in range(2, _LARGEST_DENOMINATOR):
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
