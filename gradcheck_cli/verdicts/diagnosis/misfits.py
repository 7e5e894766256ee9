"""Reads claims whose shapes do not fit. Gives the product that belongs there, or one that would fit.

The author's text is read again with the factors of each product in other orders, with other transposes, and
with other names; what is right at every point comes first. Knows nothing of how truth was found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import NamedTuple

from gradcheck_cli.language import read_claims
from gradcheck_cli.model.graph import Graph
from gradcheck_cli.model.model import Claim, Misfit, Model
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.results.gradient_results import ClaimResult
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.diagnosis.matrix_products import Factor, other_products, spell_product

__all__ = ["explain_misfit", "without_advice"]

_ENDS_A_FACTOR = set("+-,=<>;")
_EXPONENT = re.compile(r"(?:[\d.][eE]|\^\s*)$")


class _Product(NamedTuple):
    """A product in a text: where it stands, and its factors."""

    start: int
    end: int
    factors: tuple[str, ...]


class _Meant(NamedTuple):
    """Another product in place of one, and the formula with it. `is_own`: of the same factors."""

    mine: str
    right: str
    formula: Graph
    is_own: bool


def without_advice(result: ClaimResult, misfit: Misfit) -> ClaimResult:
    """The result without what would fit."""
    return replace(result, note=(result.note or "").replace(f"; {misfit.help}", "") or None)


def explain_misfit(
    model: Model, claim: Claim, layout: str, result: ClaimResult, samples: Sequence[ClaimSample],
    accepts: Callable[[Sequence[ClaimSample], Graph], bool], limits: DiagnosisLimits,
) -> ClaimResult:
    """The result of a claim that cannot be built, with the product that belongs, or else one that fits.

    Parameters
    ----------
    model, claim, layout : the claim is a Misfit in this layout of Jacobians
    result : WRONG, with the message in its note
    samples : the truth at the points; none where it was not computed
    accepts : whether a formula is right at all of them
    limits : how many products are tried

    Returns
    -------
    ClaimResult
    """
    misfit = claim.formulas[layout]
    assert isinstance(misfit, Misfit)
    found = list(_others(model, claim, layout, limits))
    for meant in found if samples else ():
        if accepts(samples, meant.formula):
            said = f"has {meant.mine} where {meant.right} belongs"
            return replace(without_advice(result, misfit), diagnosis=said)
    fitting = next((meant.right for meant in found if meant.is_own), None)
    if fitting is None:
        return result
    plain = without_advice(result, misfit)
    return replace(plain, note=f"{plain.note}; by its shape {fitting} would fit")


def _others(model: Model, claim: Claim, layout: str, limits: DiagnosisLimits) -> Iterator[_Meant]:
    """Other products whose shapes fit, the smallest change first."""
    names = [
        Factor(name, (), model.display(name)) for name in (*model.inputs, *model.steps)
        if len(model.node(name).shape) in (1, 2)
    ]  # fmt: skip
    for product in _products(claim.text):
        factors = [Factor(k, (), text) for k, text in enumerate(product.factors)]
        tried = {" * ".join(product.factors): True}  # entry by entry
        for some in islice(other_products(factors, names, limits), limits.most_edits):
            tried[spell_product(some)] = all(isinstance(f.source, int) for f in some)
        head, tail = claim.text[: product.start], claim.text[product.end :]
        lines = "\n".join(f"claim {claim.display} = {head}{text}{tail}" for text in tried)
        mine = claim.text[product.start : product.end].strip()
        for read, (right, is_own) in zip(
            read_claims(lines, file="", model=model), tried.items(), strict=True
        ):
            formula = read.formulas.get(layout)
            if isinstance(formula, Graph):
                yield _Meant(mine, right, formula, is_own)


def _products(text: str) -> list[_Product]:
    """The products of matrices in a text, those in brackets first."""
    found, starts, signs = list[_Product](), [0], list[list[int]]([[]])

    def close(end: int) -> None:
        places = signs[-1]
        if places:
            edges = [starts[-1] - 1, *places, end]
            factors = (text[a + 1 : b].strip() for a, b in pairwise(edges))
            found.append(_Product(starts[-1], end, tuple(factors)))

    for place, sign in enumerate(text):
        if sign in "([":
            starts.append(place + 1)
            signs.append([])
        elif sign in ")]" and len(starts) > 1:
            close(place)
            starts.pop()
            signs.pop()
        elif sign in _ENDS_A_FACTOR and not _EXPONENT.search(text[:place]):
            close(place)
            starts[-1], signs[-1] = place + 1, []
        elif sign == "@":
            signs[-1].append(place)
    close(len(text))
    return found
