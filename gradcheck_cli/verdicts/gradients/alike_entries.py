"""Reads disputed entries on kinks and borders. Gives groups that are alike: one outcome stands for all.

Entries of one name with the same value and the same columns are taken to have the same slopes, and that is
tested: they are moved together, each by a random amount, at high precision. Knows nothing of outcomes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.verdicts.gradients.columns import Columns
from gradcheck_cli.verdicts.gradients.points import single
from gradcheck_cli.verdicts.gradients.reference_answers import NameReference
from gradcheck_cli.verdicts.kink_policy import Slopes, slopes_differ

__all__ = ["are_alike", "groups_of"]

_OUTSIDE = (ZeroDivisionError, ValueError, OverflowError, TypeError)


def groups_of(columns: Columns, entries: Array) -> Iterator[Array]:
    """Entries near kinks that have the same value and columns, group by group.

    Parameters
    ----------
    columns : of one name
    entries : (k,) indices

    Yields
    ------
    (j,) indices
    """
    near = entries[columns.near_a_kink[entries]]
    given = np.ravel(columns.point.tape.value(columns.name))
    parts = (given, columns.symbolic_or_backprop, columns.backprop)
    sides = (np.isnan(columns.left), np.isnan(columns.right), columns.kink)
    numbers = [np.nan_to_num(part[near], nan=np.pi) for part in parts]
    keys = np.stack([*numbers, *(part[near].astype(float) for part in sides)])
    if near.size:
        _, group = np.unique(keys, axis=1, return_inverse=True)
        group = group.reshape(-1)
        order = np.argsort(group, kind="stable")
        yield from np.split(near[order], np.flatnonzero(np.diff(group[order])) + 1)


def are_alike(reference: NameReference, entries: Array, slopes: Slopes) -> bool:
    """Whether all entries have these slopes: as they move together, each by a random amount, the value has
    the sum of theirs.

    Parameters
    ----------
    reference : of their name
    entries : (k,) indices
    slopes : those of one of them

    Returns
    -------
    bool
        False also where the budget is spent.
    """
    node, of = reference.model.node(reference.name), reference.model.node(reference.of)
    if node.per_row or of.per_row or of.shape:
        return False
    limits = reference.at.limits
    weights = np.random.Generator(np.random.PCG64(limits.alike_seed)).uniform(*limits.weights, len(entries))
    direction = np.zeros(node.size)
    direction[entries] = weights
    try:
        moved = direction.reshape(node.shape)
        found = reference.referee.sides_along(reference.values, reference.of, reference.name, moved)
    except (BudgetSpent, *_OUTSIDE):
        return False
    total = float(weights.sum())
    pairs = ((found.left, slopes.left), (found.right, slopes.right))
    return found.border == slopes.border and all(
        _is_same(single(floats(seen)), total * one, limits.slope_noise) for seen, one in pairs
    )


def _is_same(seen: float, expected: float, noise: float) -> bool:
    if np.isnan(expected) or np.isinf(expected):
        return bool(np.isnan(seen) if np.isnan(expected) else seen == expected)
    return bool(np.isfinite(seen)) and not slopes_differ(seen, expected, noise)
