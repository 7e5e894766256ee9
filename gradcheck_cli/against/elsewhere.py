"""Reads nothing. Gives the records of gradients that are computed elsewhere, and of what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.model.graph import spell_shape
from gradcheck_cli.numerics.array_types import Array

__all__ = ["Asked", "Elsewhere", "ElsewhereError", "Numbers", "check_numbers"]


class ElsewhereError(GradcheckError):
    """What was given to be compared gives no gradient."""


@dataclass(frozen=True)
class Numbers:
    """The gradient by one parameter: float64 values; half a unit of the last digit of each, where they were
    written as text; the significand bits of the format in which they were computed, where that is known.
    `is_in_float32`: all numbers of the text are float32's, and not by accident."""

    values: Array
    half_units: Array | None = None
    bits: int | None = None
    is_in_float32: bool = False


@dataclass(frozen=True)
class Asked:
    """At which point a gradient is asked for, and by what.

    `arguments`: all values by name, as a function takes them; `parameters`: the arrays to differentiate by,
    in their order, by the names that they have among the arguments; `loss`: its value here. `flat`: a
    function takes one vector of all parameters. `seconds`: how long a command or function may
    run. `digits`: how many of its digits count; None: all.
    """

    arguments: Mapping[str, Any]
    parameters: Mapping[str, Array]
    loss: float
    flat: bool = False
    seconds: float | None = None
    digits: int | None = None

    @property
    def size(self) -> int:
        """How many entries all parameters have together."""
        return sum(np.size(value) for value in self.parameters.values())

    def split(self, flat: Array) -> dict[str, Array]:
        """One vector of all entries, one parameter after the other, as arrays by name.

        Parameters
        ----------
        flat : array of as many entries as all parameters have

        Returns
        -------
        dict of arrays
            In the shapes of the parameters.
        """
        ends = np.cumsum([np.size(value) for value in self.parameters.values()])
        parts = zip(self.parameters.items(), np.split(np.ravel(flat), ends[:-1]), strict=True)
        return {name: part.reshape(np.shape(value)) for (name, value), part in parts}

    def spell(self) -> str:
        """The parameters with their shapes."""
        shapes = ((name, spell_shape(np.shape(value))) for name, value in self.parameters.items())
        return ", ".join(name + shape for name, shape in shapes)


@dataclass(frozen=True)
class Elsewhere:
    """A gradient that was computed elsewhere; `name` is short, `source` as it was asked for."""

    name: str
    source: str
    gradient: Mapping[str, Numbers]
    loss: float | None = None
    notes: tuple[str, ...] = ()


def check_numbers(source: str, asked: Asked, found: Mapping[str, Numbers]) -> None:
    """Refuse a gradient with a name too many or too few, in another shape, or that is not finite."""
    where = f"the parameters are {asked.spell()}"
    if extra := [name for name in found if name not in asked.parameters]:
        raise ElsewhereError(f"{source} gives {extra[0]}, which is no parameter", help=where)
    if missing := [name for name in asked.parameters if name not in found]:
        others = ", ".join(found) or "nothing"
        raise ElsewhereError(
            f"{source} gives no gradient by {missing[0]}, but {others}",
            help=f"{where}; --wrt {','.join(found) or 'NAME'} asks for fewer",
        )
    for name, numbers in found.items():
        _check_shape(source, name, np.shape(asked.parameters[name]), numbers)
        _check_finite(source, name, numbers.values)


def _check_shape(source: str, name: str, needed: tuple[int, ...], numbers: Numbers) -> None:
    given = numbers.values.shape
    if [n for n in given if n != 1] == [n for n in needed if n != 1]:
        return
    is_as_long = np.prod(given) == np.prod(needed)
    help = "it has as many entries: reshape it" if is_as_long else "an array in the parameter's shape fits"
    if given == needed[::-1]:
        help = "its transpose fits"
    has, takes = (spell_shape(shape) or "one number" for shape in (given, needed))
    raise ElsewhereError(f"{source}: the gradient by {name} is {has}, {name} is {takes}", help=help)


def _check_finite(source: str, name: str, values: Array) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if not len(bad):
        return
    place = _entry(name, tuple(int(k) for k in bad[0]))
    raise ElsewhereError(
        f"{source}: the gradient by {place} is {values[tuple(bad[0])]}",
        help=f"{len(bad)} of {values.size} entries are no finite numbers; no verdict can be given",
    )


def _entry(name: str, place: tuple[int, ...]) -> str:
    """ "W[0,1]"; the name alone of a single number."""
    return f"{name}[{','.join(map(str, place))}]" if place else name
