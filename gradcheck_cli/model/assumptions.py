"""Reads values of which something is assumed: a symmetric matrix, one-hot labels. Gives whether they keep it,
and other values that do.

Of an array with rows, each row keeps it by itself. Knows nothing of text and of claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["KINDS", "Assumption", "Kind", "keep"]


@dataclass(frozen=True)
class Assumption:
    """What the author says of a name: the kind, its numbers, and its words: `in {-1, 1}`."""

    kind: str
    numbers: tuple[float, ...] = ()
    text: str = ""

    def says(self, name: str) -> str:
        """The assumption as a sentence: "S is symmetric"."""
        return KINDS[self.kind].sentence.format(name=name, text=self.text, number=self._number())

    def _number(self) -> str:
        return f"{self.numbers[0]:.6g}" if self.numbers else ""

    def broken_by(self, values: Array, limits: NumericsLimits = NUMERICS) -> tuple[int, ...] | None:
        """Where values break it first.

        Parameters
        ----------
        values : float64 array of a shape that the kind takes
        limits : how far sums and norms may be off by rounding

        Returns
        -------
        tuple of int, or None
            The index of an entry, a vector or a matrix; None where they keep it.
        """
        places = self.all_broken_by(values, limits)
        return tuple(int(k) for k in places[0]) if len(places) else None

    def all_broken_by(self, values: Array, limits: NumericsLimits = NUMERICS) -> Array:
        """All places where values break it.

        Parameters
        ----------
        values : float64 array of a shape that the kind takes
        limits : how far sums and norms may be off by rounding

        Returns
        -------
        int array, a row for each entry, vector or matrix that breaks it: its index
        """
        return np.argwhere(KINDS[self.kind].broken(values, self.numbers, limits.assumed_rounding))


def keep(
    assumptions: Iterable[Assumption], values: Array, uniform: Array, given: Array | None = None
) -> Array:
    """Values near these that keep all that is assumed.

    Parameters
    ----------
    assumptions : of one name
    values : float64 array
    uniform : float64 array of the same shape, in (0, 1); chooses where there is a choice
    given : float64 array, values that keep it: returned where nothing else is found, and not chosen again

    Returns
    -------
    float64 array of the shape of the values
    """
    found, assumptions = values, list(assumptions)
    with np.errstate(all="ignore"):
        for assumption in assumptions:
            found = KINDS[assumption.kind].kept(found, uniform, given, assumption.numbers)
    found = np.asarray(found, dtype=np.float64)
    if given is not None and not (np.isfinite(found).all() and _are_kept(assumptions, found)):
        return given
    return found


def _are_kept(assumptions: Iterable[Assumption], values: Array) -> bool:
    return all(assumption.broken_by(values) is None for assumption in assumptions)


# --- kinds: which entries, vectors or matrices break it, and others that do not ------------------


Numbers = tuple[float, ...]


class Kind(NamedTuple):
    """`takes`: the shapes that it is said of, `needs` in words; `counts`: how many numbers it has."""

    sentence: str
    takes: Callable[[Shape], bool]
    needs: str
    broken: Callable[[Array, Numbers, float], Array]
    kept: Callable[[Array, Array, Array | None, Numbers], Array]
    counts: tuple[int, int] = (0, 0)


def _is_square(shape: Shape) -> bool:
    return len(shape) == 2 and shape[0] == shape[1]


def _has_axis(shape: Shape) -> bool:
    return len(shape) > 0


def _turn(values: Array) -> Array:
    return np.swapaxes(values, -1, -2)


def _symmetrize(values: Array, uniform: Array, given: Array | None, numbers: Numbers) -> Array:
    return np.asarray((values + _turn(values)) / 2)


def _make_positive(values: Array, uniform: Array, given: Array | None, numbers: Numbers) -> Array:
    return np.where(values == 0, uniform, np.abs(values))


def _lower(values: Array, uniform: Array, given: Array | None, numbers: Numbers) -> Array:
    return np.tril(values)


def _not_orthogonal(values: Array, numbers: Numbers, rounding: float) -> Array:
    size = values.shape[-1]
    off = np.abs(_turn(values) @ values - np.eye(size))
    return np.asarray(off.max(axis=(-1, -2)) > size * rounding)


def _orthogonalize(values: Array, uniform: Array, given: Array | None, numbers: Numbers) -> Array:
    """Gram and Schmidt's way, twice, so that rounding leaves no more than its own size."""
    found = np.array(values)
    for _ in range(2):
        for k in range(found.shape[-1]):
            column = found[..., k]
            for j in range(k):
                before = found[..., j]
                column = column - before * np.sum(before * column, axis=-1, keepdims=True)
            found[..., k] = column / np.sqrt(np.sum(column**2, axis=-1, keepdims=True))
    return found


def _not_one_hot(values: Array, numbers: Numbers, rounding: float) -> Array:
    of_zeros_and_ones = np.all((values == 0) | (values == 1), axis=-1)
    return np.asarray(~(of_zeros_and_ones & (np.sum(values, axis=-1) == 1)))


def _other_class(values: Array, uniform: Array, given: Array | None, numbers: Numbers) -> Array:
    """One-hot, of another class than the given one."""
    count = values.shape[-1]
    if given is None:
        chosen = np.argmax(uniform, axis=-1)
    else:
        step = 1 + np.floor(uniform[..., 0] * max(1, count - 1)).astype(int)
        chosen = (np.argmax(given, axis=-1) + step) % count
    return np.asarray(np.eye(count)[chosen])


def _choose(values: Array, uniform: Array, given: Array | None, numbers: Numbers) -> Array:
    """Each entry one of the numbers."""
    return np.asarray(np.array(numbers)[np.floor(uniform * len(numbers)).astype(int)])


def _other_sum(values: Array, numbers: Numbers, rounding: float) -> Array:
    size = np.sum(np.abs(values), axis=-1) + abs(numbers[0])
    return np.asarray(np.abs(np.sum(values, axis=-1) - numbers[0]) > rounding * size)


def _with_sum(values: Array, uniform: Array, given: Array | None, numbers: Numbers) -> Array:
    """Scaled, so that probabilities stay probabilities; shifted where signs are mixed, or without a value."""
    total, n = numbers[0], values.shape[-1]
    if given is None and total > 0:
        values = np.abs(values)
    sums = np.sum(values, axis=-1, keepdims=True)
    scaled = values * (total / sums)
    one_sign = np.all(values >= 0, axis=-1, keepdims=True) & (sums > 0) & (total > 0)
    return np.asarray(np.where(one_sign, scaled, values + (total - sums) / n))


def _not_unit(values: Array, numbers: Numbers, rounding: float) -> Array:
    norms = np.sum(values**2, axis=-1)
    return np.asarray(np.abs(norms - 1) > rounding * values.shape[-1])


def _normalize(values: Array, uniform: Array, given: Array | None, numbers: Numbers) -> Array:
    return np.asarray(values / np.sqrt(np.sum(values**2, axis=-1, keepdims=True)))


KINDS: dict[str, Kind] = {
    "symmetric": Kind(
        "{name} is symmetric", _is_square, "a square matrix",
        lambda values, numbers, rounding: values != _turn(values), _symmetrize,
    ),
    "positive": Kind(
        "{name} is positive", lambda shape: True, "any shape",
        lambda values, numbers, rounding: values <= 0, _make_positive,
    ),
    "lower": Kind(
        "{name} is lower triangular", _is_square, "a square matrix",
        lambda values, numbers, rounding: np.triu(values, 1) != 0, _lower,
    ),
    "orthogonal": Kind(
        "{name} is orthogonal", _is_square, "a square matrix", _not_orthogonal, _orthogonalize
    ),
    "one_hot": Kind("{name} is one-hot", _has_axis, "a vector or a matrix", _not_one_hot, _other_class),
    "in": Kind(
        "{name} is {text}", lambda shape: True, "any shape",
        lambda values, numbers, rounding: ~np.isin(values, numbers), _choose, (1, 1000),
    ),
    "sum": Kind("sum({name}) = {number}", _has_axis, "a vector or a matrix", _other_sum, _with_sum, (1, 1)),
    "unit": Kind("norm({name}) = 1", _has_axis, "a vector or a matrix", _not_unit, _normalize),
}  # fmt: skip
