"""Reads claimed numbers. Gives the single edit of the true formula that makes them, in words.

A number has no text that could be edited; what its author computed is tried from the right formula onward.
Knows nothing of how truth was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.derivatives import backprop
from gradcheck_cli.evaluation.evaluate import evaluate
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.formulas.passes import right_side
from gradcheck_cli.language import read_claims
from gradcheck_cli.model.graph import Graph, Key
from gradcheck_cli.model.model import Claim
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.claims.true_values import entry_of
from gradcheck_cli.verdicts.diagnosis.explain_single_edit import EDITS_OF_TEXT
from gradcheck_cli.verdicts.diagnosis.idle_parts import values_of
from gradcheck_cli.verdicts.diagnosis.operator_edits import edit_functions, edit_names
from gradcheck_cli.verdicts.diagnosis.single_edits import EditBench

__all__ = ["explain_by_edit_of_truth"]

def explain_by_edit_of_truth(
    tape: Tape, claim: Claim, numbers: Array, tolerance: Array, information: float, limits: DiagnosisLimits
) -> str | None:
    """What the author of numbers has where something else belongs: "has cos(x) where cos(x*y) belongs".

    Parameters
    ----------
    tape : the forward pass at the given point
    claim : numbers of a derivative
    numbers, tolerance : what is claimed, and how far two right programs may be apart in it
    information : decimal digits, how much the numbers tell
    limits : how many edits are tried

    Returns
    -------
    str or None
        None where no edit makes the numbers, where so many are tried that one fits by chance, and where two
        fit that are not the same at other values.
    """
    formula = _true_formula(tape, claim, limits)
    if formula is None:
        return None
    leaf = _Leaves(tape)
    per_row = formula.nodes[formula.output].per_row
    sample = ClaimSample(
        tape.model, claim, numbers, numbers, tape, formula, per_row, tolerance, leaf, lambda _: False
    )
    if _makes(sample, formula):
        return None
    bench = EditBench(tape.model, sample, limits._replace(near=_relative(numbers, tolerance, limits)))
    families = (edit_names, edit_functions, *EDITS_OF_TEXT)
    edits = list(chain.from_iterable(family(bench) for family in families))
    if information < np.log10(max(len(edits), 1)) + limits.digits_of_an_edit:
        return None
    (fitting,) = bench.fitting(edits, [1.0])
    found = [edit for edit in fitting[: limits.most_fitting_edits] if _makes(sample, bench.formula(edit))]
    if not found or not _are_one([bench.formula(edit) for edit in found], limits):
        return None
    return bench.words(found[0], is_made=True)


def _true_formula(tape: Tape, claim: Claim, limits: DiagnosisLimits) -> Graph | None:
    """The right side of a true claim; None where there is none, or a long one."""
    target = claim.target
    by = str(target).removeprefix(f"d {target.of}/d ")
    try:
        text = right_side(tape.model, target.of, by)
    except GradcheckError:
        return None
    if text is None or len(text) > limits.longest_shown:
        return None
    (read,) = read_claims(f"claim {claim.display} = {text}\n", file="", model=tape.model)
    formula = next(iter(read.formulas.values()), None)
    if not isinstance(formula, Graph) or len(formula.nodes) > limits.most_edited_nodes:
        return None
    return formula if any(node.is_leaf for node in formula.nodes) else None


class _Leaves:
    """The values of names and derivatives at a point, with the two leading axes."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def __call__(self, key: Key) -> Array:
        model = self.tape.model
        if isinstance(key, str):
            value, per_row = np.asarray(self.tape.value(key), dtype=float), model.node(key).per_row
        else:
            value = backprop.derivative(model, self.tape, key.of, [key.by])[key.by]
            value = entry_of(value, key.index or ())
            per_row = model.node(key.by).per_row or model.node(key.of).per_row
        return value[None] if per_row else value[None, None]


def _makes(sample: ClaimSample, formula: Graph) -> bool:
    """Whether a formula gives the numbers."""
    value = values_of(sample, formula)[formula.output]
    with np.errstate(all="ignore"):
        off = np.abs(sample.as_claimed(value) - sample.claimed)
    return bool(np.all(off <= sample.tolerance))


def _relative(numbers: Array, tolerance: Array, limits: DiagnosisLimits) -> float:
    """How far edits may be off at first, relative to the largest number."""
    largest = np.max(np.abs(numbers), initial=0.0)
    return float(max(limits.near, np.max(tolerance) / largest)) if largest else limits.near


def _are_one(formulas: Sequence[Graph], limits: DiagnosisLimits) -> bool:
    """Whether formulas are the same at other values, too: x and x^2 are not, though x is 1 here."""
    draw = np.random.default_rng(len(formulas))
    values: dict[Key, Array] = {}
    found = []
    for formula in formulas:
        for leaf in (node for node in formula.nodes if node.is_leaf):
            values.setdefault(leaf.key, draw.uniform(size=(1, 1, *leaf.shape)))
        found.append(evaluate(formula, values, FLOAT64))
    with np.errstate(all="ignore"):
        return all(np.allclose(found[0], other, rtol=limits.near, atol=0) for other in found[1:])
