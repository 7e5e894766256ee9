"""Reads claim samples of a formula. Gives the simplest edit that makes it right, in words.

What fits at the first point in float64 is tried at all others, and then at the precision of the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np

from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.diagnosis.bracket_edits import edit_brackets
from gradcheck_cli.verdicts.diagnosis.idle_parts import count_constant_parts, counts_in_full, values_of
from gradcheck_cli.verdicts.diagnosis.operator_edits import (
    edit_calls,
    edit_functions,
    edit_names,
    edit_numbers,
    edit_operators,
    edit_transposes,
)
from gradcheck_cli.verdicts.diagnosis.single_edits import Edit, EditBench
from gradcheck_cli.verdicts.diagnosis.term_edits import (
    edit_data,
    edit_factors,
    edit_model_parts,
    edit_number_factors,
    edit_slopes,
    edit_summands,
)

__all__ = ["EDITS_OF_TEXT", "SingleEdits", "is_near"]

Families = Sequence[Callable[[EditBench], Iterator[Edit]]]
_NAMES: Families = (edit_names,)
EDITS_OF_TEXT: Families = (
    edit_numbers, edit_operators, edit_transposes, edit_brackets, edit_number_factors, edit_calls,
)  # fmt: skip
_SIMPLE: Families = (edit_functions, edit_slopes, *EDITS_OF_TEXT, edit_data)
_FURTHER: Families = (edit_factors, edit_summands, edit_model_parts)


class SingleEdits:
    """The search among the single edits of one formula, in parts: other explanations come between them.

    Each part gives the words for the simplest edit that makes the formula right at all points, or None.

    Parameters
    ----------
    model : of the claim
    samples : of one formula; nothing is found where fewer than two tell something, or it is too long
    limits : how many edits are tried
    """

    def __init__(self, model: Model, samples: Sequence[ClaimSample], limits: DiagnosisLimits) -> None:
        self.samples, self.limits = samples, limits
        self.bench = EditBench(model, samples[0], limits)
        telling = sum(bool(np.any(np.abs(s.true) > s.tolerance)) for s in samples)
        is_short = len(samples[0].formula.nodes) <= limits.most_edited_nodes
        self.is_telling = is_short and telling >= limits.fewest_edit_points
        self._near_multiples: list[list[Edit]] = [[] for _ in limits.edit_factors]

    def by_other_name(self) -> str | None:
        """Another name in one place: "has cos(x) where cos(y) belongs"."""
        return self._among(_NAMES)

    def by_simple_edit(self) -> str | None:
        """Another function, number, operator or bracket: "has a - b where a + b belongs"."""
        return self._among(_SIMPLE)

    def by_further_edit(self) -> str | None:
        """A factor or a term that is missing, and what stands in the model."""
        return self._among(_FURTHER)

    def by_edit_and_factor(self) -> str | None:
        """A name or a simple edit, where the formula is off by a factor too and not near the truth."""
        if all(_is_close(s, s.claimed, self.limits) for s in self.samples):
            return None
        for edits, factor in zip(self._near_multiples, self.limits.edit_factors, strict=True):
            found = self._first_right(edits, factor)
            if found is not None:
                what = "has the wrong sign" if factor == -1 else f"is {factor:g} times the true value"
                return f"{what}, and {self.bench.words(found)}"
        return None

    def _among(self, families: Families) -> str | None:
        if not self.is_telling:
            return None
        edits = (edit for family in families for edit in family(self.bench))
        own, *scaled = self.bench.fitting(edits, [1.0, *self.limits.edit_factors])
        if families is not _FURTHER:
            for kept, found in zip(self._near_multiples, scaled, strict=True):
                kept += found
        right = self._first_right(own, 1.0)
        return self.bench.words(right) if right is not None else None

    def _first_right(self, fitting: Sequence[Edit], factor: float) -> Edit | None:
        """The simplest of these edits that gives `factor` times what is true at every point."""
        for edit in fitting[: self.limits.most_fitting_edits]:
            graph = self.bench.formula(edit, 1 / factor)
            values = [values_of(sample, graph) for sample in self.samples]
            is_likely = all(
                is_near(s, v[graph.output], self.limits) for s, v in zip(self.samples, values, strict=True)
            )
            says_something = is_likely and counts_in_full(graph, values) and (
                count_constant_parts(graph, values, self.limits) <= self._constant_parts
            )
            if says_something and all(s.accepts(graph) for s in self.samples):
                return edit
        return None

    @cached_property
    def _constant_parts(self) -> int:
        graph = self.samples[0].formula
        values = [values_of(sample, graph) for sample in self.samples]
        return count_constant_parts(graph, values, self.limits)


def is_near(sample: ClaimSample, value: Array, limits: DiagnosisLimits) -> bool:
    """Whether a value is the true one in float64.

    Parameters
    ----------
    sample : the truth at a point
    value : (1, rows or 1, *shape) float64
    limits : how near

    Returns
    -------
    bool
    """
    return _is_close(sample, sample.as_claimed(value), limits)


def _is_close(sample: ClaimSample, value: Array, limits: DiagnosisLimits) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(value - sample.true) <= limits.near * np.max(np.abs(sample.true))))
