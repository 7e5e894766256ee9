"""Reads a formula that is off by little, and its literals. Gives the numbers that they stand for, if any.

A literal of 15 or more digits, in the claim or in the model, is what a double could hold of a constant: it
counts as the number within one unit in the last place of that double that makes the claim right at all
points. Constants with a name are tried first; else the number is found by Newton's method. Whether it makes
the claim right is seen at every entry. Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_cli.model.graph import Graph
from gradcheck_cli.model.model import Claim
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.numerics.named_constants import constants_near, name_of_constant, significant_digits
from gradcheck_cli.verdicts.claims.context import FAILURES, ClaimContext
from gradcheck_cli.verdicts.claims.discrepancy import signed_difference
from gradcheck_cli.verdicts.claims.true_values import derivatives_in

__all__ = ["explain_by_long_literals", "with_literals"]


def explain_by_long_literals(context: ClaimContext, claim: Claim, formula: Graph) -> str | None:
    """Which numbers the long literals of the claim and the model stand for; None if none make it right.

    Raises BudgetSpent.
    """
    limits = context.limits
    texts = [*_long(formula, limits.long_literal), *_long(context.model.graph, limits.long_literal)]
    texts = list(dict.fromkeys(texts))
    if not 0 < len(texts) <= limits.most_long_literals or not context.precision().exact:
        return None
    known = _constants(texts)
    for given in (known, {}) if known else ({},):
        unknown = [text for text in texts if text not in given]
        try:
            found = _Search(context, claim, formula, given, unknown).run()
            if found is not None and _is_right(context, claim, formula, found):
                return _describe(found, context.limits)
        except FAILURES:
            pass
    return None


def _constants(texts: Sequence[str]) -> dict[str, str]:
    """The constants that literals are to the last place of a double."""
    near = {text: list(constants_near(float(text), _unit(text))) for text in texts}
    return {text: found[0][1] for text, found in near.items() if found}


def with_literals(graph: Graph, texts: Mapping[str, str]) -> Graph:
    """The graph with other numbers in place of some of its literals."""
    if not any(node.is_literal and node.text in texts for node in graph.nodes):
        return graph
    nodes = (
        replace(n, text=texts[n.text], value=float(texts[n.text])) if n.is_literal and n.text in texts else n
        for n in graph.nodes
    )
    return replace(graph, nodes=tuple(nodes))


def _long(graph: Graph, least: int) -> list[str]:
    return [n.text for n in graph.nodes if n.is_literal and significant_digits(n.text) >= least]


def _unit(text: str) -> float:
    return float(np.spacing(abs(float(text))))


def _describe(numbers: Mapping[str, str], limits: ClaimsLimits) -> str:
    most = limits.longest_number
    first, *others = (
        f"{text} {{}}as {name_of_constant(number, limits.constant_agreement) or number[:most]}"
        for text, number in numbers.items() if text != number
    )  # fmt: skip
    return ", ".join([first.format("counts "), *(o.format("") for o in others)]) + ": the same in doubles"


@dataclass
class _Search:
    """Newton's method for the literals, in units of the last place of their doubles."""

    context: ClaimContext
    claim: Claim
    formula: Graph
    given: Mapping[str, str]  # numbers that are known
    texts: Sequence[str]

    def __post_init__(self) -> None:
        self.mp = self.context.referee.high.context
        self.units = [self.mp.mpf(_unit(t)) for t in self.texts]

    def run(self) -> Mapping[str, str] | None:
        """The texts of the numbers; None where none lie within one unit."""
        if not self.texts:
            return self.given
        off = [self.mp.mpf(0)] * len(self.texts)
        here = self._differences(off)
        slopes = [self._differences(_one(off, k)) - here for k in range(len(off))]
        size = [max(abs(s[row]) for s in slopes) for row in range(len(here))]
        rows = [row for row in range(len(here)) if size[row] > 0]
        if not rows:
            return None
        matrix = np.array([[float(s[row] / size[row]) for s in slopes] for row in rows])
        for _ in range(self.context.limits.literal_steps):
            left = np.array([float(here[row] / size[row]) for row in rows])
            if not np.isfinite(left).all():
                return None
            change = np.linalg.lstsq(matrix, -left, rcond=None)[0]
            off = [o + self.mp.mpf(float(c)) for o, c in zip(off, change, strict=True)]
            if max(abs(o) for o in off) > 1:
                return None
            here = self._differences(off)
        return self._numbers(off)

    def _numbers(self, off: Sequence[Any]) -> dict[str, str]:
        shifted = zip(self.texts, off, self.units, strict=True)
        found = {
            t: self.mp.nstr(self.mp.mpf(t) + o * unit, self.mp.dps) if o else t for t, o, unit in shifted
        }
        return {**self.given, **found}

    def _differences(self, off: Sequence[Any]) -> Array:
        """Claimed minus true, of some entries at all points."""
        context, formula = _standing_for(self.context, self.formula, self._numbers(off))
        most = context.limits.literal_entries
        wanted, parts = derivatives_in(self.claim, formula), []
        for at in context.points:
            truth = context.true_values(at, wanted)
            context.require_precision()
            parts.append(np.ravel(signed_difference(truth, self.claim, formula))[:most])
        return np.concatenate(parts)


def _one(off: Sequence[Any], place: int) -> list[Any]:
    return [o + (1 if k == place else 0) for k, o in enumerate(off)]


def _standing_for(
    context: ClaimContext, formula: Graph, numbers: Mapping[str, str]
) -> tuple[ClaimContext, Graph]:
    """The context and the formula with numbers in place of literals."""
    graph = with_literals(context.model.graph, numbers)
    formula = with_literals(formula, numbers)
    if graph is context.model.graph:
        return context, formula
    model = replace(context.model, graph=graph)
    there = ClaimContext(
        model, context.referee.for_model(model), context.points, context.layout, context.on_border,
        context.limits,
    )  # fmt: skip
    return there, formula


def _is_right(
    context: ClaimContext, claim: Claim, formula: Graph, numbers: Mapping[str, str]
) -> bool:
    there, formula = _standing_for(context, formula, numbers)
    is_right = not any(there.compare(claim, formula, at).wrong.any() for at in there.points)
    there.require_precision()
    return is_right
