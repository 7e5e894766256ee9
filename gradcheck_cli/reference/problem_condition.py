"""Reads a Model, a point and the referee. Gives how far the exact derivatives move with the point itself.

The values of a model are known to one unit in their last place at best. A problem whose derivative moves with
that unit by as much as rounding may move a program's result carries no more digits than the program does: its
condition is the cause (Higham 2002, 1.6: forward error = condition number times backward error). Where the
derivative moves by far less, the arithmetic loses digits that the problem has. Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.reference.referee import Referee

__all__ = ["derivative_movement", "moved_by_one_unit"]


def derivative_movement(
    referee: Referee, point: Mapping[str, Array], of: str, names: Sequence[str], samples: int
) -> dict[str, Array]:
    """How far the reference's derivative moves as all values move by one unit in their last place.

    Parameters
    ----------
    referee
        Computes d of/d name at 50 digits.
    point
        The values of all inputs, float64, (*shape) or (rows, *shape).
    of, names
        The derivatives: of the step `of` by each of the names.
    samples
        Points that are tried, each with random signs of its own.

    Returns
    -------
    dict
        For each name the largest change over the samples, float64, in the units of the derivative and in the
        shape of the reference's; infinite where a moved value leaves the domain.

    Raises
    ------
    BudgetSpent
        Where high precision has used up its budget.
    """
    still = referee.derivative(point, of, names)
    random = np.random.Generator(np.random.PCG64(referee.limits.unit_seed))
    found = {name: np.zeros(np.shape(still[name])) for name in names}
    for _ in range(samples):
        there = moved_by_one_unit(referee.model, point, random)
        try:
            slopes = referee.derivative(there, of, names)
        except (ZeroDivisionError, ValueError, OverflowError, TypeError):
            return {name: np.full_like(part, np.inf) for name, part in found.items()}
        for name in names:
            change = np.abs(floats(slopes[name] - still[name]))
            found[name] = np.fmax(found[name], np.where(np.isnan(change), np.inf, change))
    return found


def moved_by_one_unit(
    model: Model, point: Mapping[str, Array], random: np.random.Generator
) -> dict[str, Array]:
    """The point with every value moved to one of its two neighbors in float64, at random. Whole numbers in
    data and rows are exact: they count and label.

    Parameters
    ----------
    model : says which inputs are parameters
    point : name to float64 array, (*shape) or (rows, *shape)
    random : decides on the neighbors

    Returns
    -------
    dict of str to float64 arrays, in the shapes and units of the inputs
    """
    there = {}
    for name, values in point.items():
        x = np.asarray(values, dtype=float)
        up = random.integers(0, 2, x.shape).astype(bool)
        moved = np.where(up, np.nextafter(x, np.inf), np.nextafter(x, -np.inf))
        exact = (model.inputs[name].kind != "param") & (x == np.rint(x))
        there[name] = np.where(exact, x, moved)
    return there
