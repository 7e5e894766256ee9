"""Reads arrays under the names of a file or an answer. Gives the gradient by each parameter.

A gradient may stand under the name of its parameter, under dW or W_grad, without a name where there is one
parameter, or as one vector of all entries. Knows nothing of formats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.against.elsewhere import Asked, ElsewhereError, Numbers
from gradcheck_cli.common.errors import printable
from gradcheck_cli.language.data.csv_columns import half_unit
from gradcheck_cli.language.identifiers import canonical
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float32_evidence import are_float32
from gradcheck_cli.tracing.gradient_names import parameter_of

__all__ = ["LOSS", "Written", "as_printed", "by_names", "from_nested", "parameter_called", "unnamed"]

LOSS = ("loss", "value")  # what may stand beside gradients


class Written(float):
    """A number that was written as text, and half a unit of its last digit."""

    half: float

    @classmethod
    def of(cls, text: str) -> Written:
        """The number that a text is."""
        found = cls(text)
        found.half = half_unit(text.lstrip("+-")) if np.isfinite(found) else 0.0
        return found


def from_nested(source: str, name: str, value: Any, asked: Asked) -> Numbers:
    """A gradient as a number, or lists in lists, of Written numbers; of a flat list row by row."""
    try:
        values = np.array("" if value is None else value, dtype=np.float64)
        half = np.array(_halves(value), dtype=np.float64)
    except (TypeError, ValueError):
        raise ElsewhereError(
            f"{source}: the gradient by {name} is no array of numbers: {printable(str(value), 60)}",
            help="a number, or lists of numbers, all of one length: [[1, 2], [3, 4]]",
        ) from None
    needed = np.shape(asked.parameters.get(name, values))
    if values.ndim == 1 and len(needed) > 1 and values.size == np.prod(needed):
        values, half = values.reshape(needed), half.reshape(needed)
    return Numbers(values, half)


def _halves(value: Any) -> Any:
    """Half a unit of each number; null stands for NaN. Raises TypeError of true and "6"."""
    if isinstance(value, list):
        return [_halves(part) for part in value]
    if value is not None and not isinstance(value, float):
        raise TypeError
    return getattr(value, "half", 0.0)


def as_printed(found: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Numbers of one text, with what all of them together say of each.

    1.25 beside 0.3333333 is 1.250000, as a format of seven digits prints it, and 3 is 3.000000, unless all
    have as many decimals; and float32 are all or none.
    """
    if not found:
        return {}
    values = np.concatenate([np.ravel(each.values) for each in found.values()])
    is_in_float32 = are_float32(values)
    found = {name: replace(each, is_in_float32=is_in_float32) for name, each in found.items()}
    half = np.concatenate([
        np.zeros(each.values.size) if each.half_units is None else np.ravel(each.half_units)
        for each in found.values()
    ])  # fmt: skip
    is_told = (half > 0) & (values != 0)
    decimals = np.rint(-np.log10(2 * half[is_told]))
    is_whole = bool(((half == 0) & (values != 0)).any())
    if not is_told.any() or (len(set(decimals)) == 1 and not is_whole):
        return found
    most = float(np.max(np.floor(np.log10(np.abs(values[is_told]))) + 1 + decimals))
    return {name: replace(each, half_units=_half_units(each, most)) for name, each in found.items()}


def _half_units(numbers: Numbers, digits: float) -> Array | None:
    """Half a unit of the last of so many digits, but not more than is written; a 0 is exact."""
    with np.errstate(divide="ignore", invalid="ignore"):
        implied = 0.5 * 10.0 ** (np.floor(np.log10(np.abs(numbers.values))) + 1 - digits)
    given = np.zeros(()) if numbers.half_units is None else numbers.half_units
    written = np.where(given == 0, np.inf, given)
    return np.where(numbers.values == 0, given, np.minimum(implied, written))


def parameter_called(name: str, asked: Asked) -> str | None:
    """The parameter whose gradient has a name; None where there is none."""
    plain = {canonical(each).replace(".", "_"): each for each in asked.parameters}
    spelled = (each.replace(".", "_") for each in parameter_of(canonical(name)))
    return next((plain[each] for each in spelled if each in plain), None)


def by_names(
    source: str, found: Mapping[str, Numbers], asked: Asked
) -> tuple[dict[str, Numbers], float | None]:
    """The gradients under the names of their parameters, and the loss that stands beside them.

    Raises ElsewhereError where names stand for nothing.
    """
    named, loss, others = dict[str, Numbers](), None, list[str]()
    for name, numbers in found.items():
        parameter = parameter_called(name, asked)
        if parameter is not None:
            named[parameter] = numbers
        elif name in LOSS and numbers.values.size == 1:
            loss = float(numbers.values.reshape(-1)[0])
        else:
            others.append(name)
    if others and not named and len(others) == 1:
        return unnamed(source, found[others[0]], asked), loss
    if others:
        raise ElsewhereError(
            f"{source} holds {printable(others[0], 60)}, which is no parameter",
            help=f"the parameters are {asked.spell()}",
        )
    return named, loss


def unnamed(source: str, numbers: Numbers, asked: Asked) -> dict[str, Numbers]:
    """One array without a name: of the only parameter, or of all entries one after the other."""
    values = numbers.values
    if len(asked.parameters) == 1:
        (name, parameter), = asked.parameters.items()
        if values.size == np.size(parameter) and (values.ndim <= 1 or _is_line(values.shape)):
            return {name: _reshape(numbers, np.shape(parameter))}
        return {name: numbers}
    if values.size == asked.size and (values.ndim <= 1 or _is_line(values.shape)):
        halves = None if numbers.half_units is None else asked.split(numbers.half_units)
        parts = asked.split(values)
        return {
            name: replace(numbers, values=part, half_units=None if halves is None else halves[name])
            for name, part in parts.items()
        }
    shape = "x".join(map(str, values.shape)) or "one number"
    raise ElsewhereError(
        f"{source} holds {shape}, and nothing tells of what",
        help=f"one vector of all {asked.size} entries, one parameter after the other, or an array under the "
        f"name of each: {asked.spell()}",
    )


def _is_line(shape: Sequence[int]) -> bool:
    """Whether only one axis is longer than 1."""
    return sum(n != 1 for n in shape) <= 1


def _reshape(numbers: Numbers, shape: tuple[int, ...]) -> Numbers:
    half: Array | None = None if numbers.half_units is None else numbers.half_units.reshape(shape)
    return replace(numbers, values=numbers.values.reshape(shape), half_units=half)
