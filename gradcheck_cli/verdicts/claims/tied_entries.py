"""Reads a claim context and a derivative. Gives its entries as functions of the slopes of tied units.

They have the shape of the claim. Knows nothing of what is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck_cli.model.graph import Derivative, Graph
from gradcheck_cli.model.model import Claim
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.reference.tied_derivatives import Affine
from gradcheck_cli.verdicts.claims.context import ClaimContext
from gradcheck_cli.verdicts.claims.one_sided_slopes import OneSided

__all__ = ["TiedEntries", "builds_on_ties", "tied_entries"]


@dataclass(frozen=True)
class TiedEntries:
    """The entries of a derivative beside units on kinks, in the shape of the claim.

    `slopes`: to both sides, known where they follow from the units. `low`, `high`: the least and the most
    that a choice of slopes gives an entry by itself. `affected`: which units or borders reach; `beyond`:
    which borders or jumps do.
    """

    affine: Affine
    slopes: OneSided
    low: Array
    high: Array
    affected: Array
    beyond: Array
    base: Array
    columns: Array  # (slopes, *shape of the claim)

    @property
    def nested(self) -> bool:
        """Whether units stand behind units."""
        return self.affine.nested


def tied_entries(context: ClaimContext, target: Derivative) -> TiedEntries | None:
    """The entries of one derivative at the given point.

    Parameters
    ----------
    context : the model and its points
    target : the derivative, with the index of an entry or without

    Returns
    -------
    entries : float64 and bool arrays of the shape of the claim; None where they are too many, or not known

    Raises
    ------
    BudgetSpent
        Passes at high precision are paid for.
    """
    affine = context.tied.derivative(target.of, target.by) if context.tied else None
    if affine is None:
        return None
    truth = context.true_values(context.points[0])

    def fit(part: Array) -> Array:
        return np.asarray(truth.as_claimed(target, part))

    beyond, affected = fit(affine.beyond), fit(affine.affected)
    left, right = fit(affine.left), fit(affine.right)
    known = affected & ~beyond & np.isfinite(left) & np.isfinite(right)
    columns = [fit(column) for column in affine.columns]
    return TiedEntries(
        affine, OneSided(left, right, np.zeros_like(known), known), fit(affine.low), fit(affine.high),
        affected, beyond, fit(affine.base),
        np.stack(columns) if columns else np.zeros((0, *affected.shape)),
    )  # fmt: skip


def builds_on_ties(context: ClaimContext, claim: Claim) -> bool:
    """Whether a formula is filled with derivatives that are not one number here: those of a convention stand
    for them, and it is a relation between them that is claimed."""
    formula = claim.formulas[context.layout]
    if claim.numbers is not None or not isinstance(formula, Graph) or context.tied is None:
        return False
    keys = {n.key for n in formula.nodes if n.is_leaf and isinstance(n.key, Derivative)}
    found = (context.tied.derivative(key.of, key.by) for key in keys if isinstance(key, Derivative))
    return any(affine is None or bool(affine.affected.any()) for affine in found)
