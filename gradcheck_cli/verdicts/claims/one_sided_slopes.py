"""Reads a claim context and a derivative. Gives its exact slopes to both sides, entry by entry.

They are differences at high precision: of numbers, arrays and rows alike, in the layout of the claim. Knows
nothing of what is claimed, nor of verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.model.graph import Derivative
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.verdicts.claims.context import FAILURES, ClaimContext
from gradcheck_cli.verdicts.claims.true_values import TrueValues
from gradcheck_cli.verdicts.kink_policy import Kind, kind_of

__all__ = ["OneSided", "one_sided_slopes"]


@dataclass(frozen=True)
class OneSided:
    """Slopes of the entries of a derivative, (*shape of the claim), nan on a side that has none; `jumps`:
    where the value itself does; `known`: the entries that were asked for, and had."""

    left: Array
    right: Array
    jumps: Array
    known: Array

    def kind(self, place: tuple[int, ...]) -> Kind:
        """What the slopes of one entry are."""
        return kind_of(float(self.left[place]), float(self.right[place]), bool(self.jumps[place]))

    def kinds(self) -> dict[tuple[int, ...], Kind]:
        """Those of all known entries."""
        return {place: self.kind(place) for place in _places(self.known)}


def _places(mask: Array) -> list[tuple[int, ...]]:
    return [tuple(int(k) for k in place) for place in np.argwhere(mask)]


def one_sided_slopes(context: ClaimContext, target: Derivative, asked: Array) -> OneSided:
    """The slopes of the entries of a derivative that are `asked` for, at the given point.

    Parameters
    ----------
    context : the model and its points
    target : the derivative, with the index of an entry or without
    asked : bool array of the shape of the claim, the rows first where there is one value for each

    Returns
    -------
    slopes : float64 and bool arrays of that shape, in the layout of the claim

    Raises
    ------
    BudgetSpent
        Four passes at 140 digits are paid for each entry that moves.
    """
    truth = context.true_values(context.points[0])
    model = context.model
    of, by = model.node(target.of), model.node(target.by)
    rows = (model.rows or 0) if truth.is_per_row(target) else 0
    full = ((rows,) if truth.is_per_row(target) else ()) + of.shape + by.shape
    numbers = truth.as_claimed(target, np.arange(int(np.prod(full, dtype=int))).reshape(full))
    flat = [np.full(full, np.nan).reshape(-1) for _ in range(2)]
    jumps, known = np.zeros(len(flat[0]), dtype=bool), np.zeros(len(flat[0]), dtype=bool)
    wanted = np.zeros(len(known), dtype=bool)
    wanted[np.asarray(numbers)[np.broadcast_to(asked, np.shape(numbers))]] = True
    for row, index, places in _moves(wanted.reshape(full), truth, target):
        found = _sides(context, target, index, row)
        if found is None:
            continue
        here = np.arange(len(known)).reshape(full)[places]
        for column, part in zip((*flat, jumps), found, strict=True):
            own = part[row] if row is not None and of.per_row else part
            column[here] = np.broadcast_to(own, here.shape)
        known[here] = True
    shaped = (np.asarray(column[np.asarray(numbers)]) for column in (*flat, jumps, known))
    return OneSided(*shaped)


def _moves(
    wanted: Array, truth: TrueValues, target: Derivative
) -> Iterator[tuple[int | None, tuple[int, ...], Any]]:
    """For each entry of the name that has to move: its row, its index, and the places that this gives."""
    by = truth.model.node(target.by)
    leading = wanted.ndim - len(by.shape)
    by_row = truth.is_per_row(target) and by.per_row
    others = tuple(range(int(by_row), leading))
    needed = np.asarray(wanted.any(axis=others)) if others else wanted
    for place in _places(needed):
        row, index = (place[0], place[1:]) if by_row else (None, place)
        before: tuple[Any, ...] = ((row,) if by_row else ()) + (slice(None),) * len(others)
        yield row, index, (*before, *index)


def _sides(
    context: ClaimContext, target: Derivative, index: tuple[int, ...], row: int | None
) -> tuple[Array, Array, Array] | None:
    """Slopes and jumps of all entries of the step as one entry of the name moves; None outside domains."""
    point = context.points[0].values
    try:
        found = context.referee.sides(point, target.of, target.by, index, row)
    except (*FAILURES, TypeError, IndexError):
        return None
    return floats(found.left), floats(found.right), np.asarray(found.jumps)
