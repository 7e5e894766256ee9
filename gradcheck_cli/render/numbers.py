"""Reads single numbers and arrays of them. Gives their text. Knows nothing of reports or formats.

The one home of number formatting: what people read has 10 significant digits, what programs read
round-trips exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

__all__ = [
    "ABSENT", "alike", "array", "bound", "brief", "count", "decimals", "digits", "exact", "factor",
    "jsonable", "norm", "number", "pair", "size", "two_digits",
]  # fmt: skip

SIGNIFICANT = 10
ABSENT = "-"
_MOST_PRINTED = 6  # entries of an array; of a larger one shape and norm are shown


def number(value: float | None, significant: int = SIGNIFICANT) -> str:
    """`value` to `significant` digits; without trailing zeros only where the text is exact."""
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return _word(value)
    short = f"{value + 0.0:.{significant}g}"
    return short if float(short) == value else _long(value, significant)


def alike(values: Sequence[float | None], significant: int = SIGNIFICANT) -> list[str]:
    """Numbers to be compared: short only where all of them are exact, so that they line up."""
    texts = [number(value, significant) for value in values]
    if any(text.endswith("0") and "." in text for text in texts):
        return [_long(value, significant) for value in values]
    return texts


def pair(one: float | None, other: float | None) -> tuple[str, str]:
    """Two numbers, with as many digits as it takes to see that they differ, if they do."""
    if one is not None and other is not None and one != other:
        for significant in (SIGNIFICANT, 13, 15, 17):
            texts = number(one, significant), number(other, significant)
            if float(texts[0]) != float(texts[1]):
                return texts
    return number(one), number(other)


def bound(value: float | None) -> str:
    """An error bound, to one digit: "4e-13"."""
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{value:.0e}" if value else "0"


def norm(value: float) -> str:
    """A size, to four digits."""
    return number(value, 4)


def digits(value: float | None) -> str:
    """How many digits are proved, rounded down."""
    if value is None or math.isnan(value):
        return ABSENT
    return "all" if math.isinf(value) else str(math.floor(value))


def decimals(value: float | None, places: int = 2, sign: str = "") -> str:
    """`value` with so many digits behind the point; `sign` "+" shows that of positive numbers too."""
    if value is None:
        return ABSENT
    rounded = round(value, places) + 0.0 if math.isfinite(value) else value  # + 0.0: no -0.00
    return f"{rounded:{sign}.{places}f}"


def two_digits(value: float) -> str:
    """A factor: "1.0", "0.05", "120", "1.2e-5"; more than two digits where it is next to 1."""
    if not (math.isfinite(value) and value > 0):
        return number(value)
    away = abs(value - 1)
    if 1e-9 < away < 0.095:
        return f"{value:.{math.ceil(-math.log10(away))}f}"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    power = int(exponent)
    if power == 0:
        return mantissa
    return f"{float(f'{value:.1e}'):.10g}" if -4 <= power < 5 else f"{mantissa}e{power}"


def factor(slope: float) -> str:
    """10^slope to two digits, also where that is no double."""
    if abs(slope) < 300 or not math.isfinite(slope):
        return two_digits(10.0**slope)
    whole = math.floor(slope)
    return f"{10 ** (slope - whole):.1f}e{whole}"


def count(number_of: int) -> str:
    """A count with commas: "4,609"."""
    return f"{number_of:,}"


def exact(value: float | None) -> str:
    """The text that reads back as the same double; empty where nothing was computed."""
    if value is None:
        return ""
    return repr(float(value)) if math.isfinite(value) else _word(value)


def jsonable(value: Any) -> Any:
    """A number, or nested sequences of numbers, for JSON: no NaN and no infinity as such."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Sequence):
        return [jsonable(item) for item in value]
    plain = float(value)
    return plain if math.isfinite(plain) else _word(plain)


def array(value: object, significant: int = SIGNIFICANT) -> str:
    """A number, or an array as nested brackets, each entry with six digits."""
    if value is None:
        return ABSENT
    if isinstance(value, str):
        return value
    if not isinstance(value, Sequence):
        return number(float(value), significant)  # type: ignore[arg-type]
    return f"[{', '.join(array(item, min(significant, 6)) for item in value)}]"


def size(value: object) -> tuple[tuple[int, ...], float] | None:
    """Shape and norm of an array of more than 6 entries; None for what is printed as it is."""
    shape: list[int] = []
    entries = [value]
    while isinstance(entries[0], Sequence) and not isinstance(entries[0], str):
        shape.append(len(entries[0]))
        entries = list(chain.from_iterable(entries))  # type: ignore[arg-type]
    if len(entries) <= _MOST_PRINTED:
        return None
    return tuple(shape), math.hypot(*map(float, entries))  # type: ignore[arg-type]


def brief(value: object) -> str:
    """The array if it is small, else "4x4, norm 7.481" or, of a vector, "12 entries, norm 7.481"."""
    large = size(value)
    if large is None:
        return array(value)
    shape, length = large
    spelled = "x".join(map(str, shape)) if len(shape) > 1 else f"{count(shape[0])} entries"
    return f"{spelled}, norm {norm(length)}"


def _long(value: float | None, significant: int) -> str:
    """With trailing zeros, except for zero itself."""
    if not value or not math.isfinite(value):
        return number(value)
    return f"{value:#.{significant}g}".removesuffix(".")


def _word(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"
