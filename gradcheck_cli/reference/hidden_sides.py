"""Reads a referee and points. Gives the referee with as many digits as it takes to see on which side of its
kinks each point lies: 1 - tanh(200) is above 0, and 0 to 140 digits.

Knows nothing of derivatives and verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gradcheck_cli.evaluation.evaluate import distances, margins
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.multiprecision import High
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.reference.zeros import begin_after

__all__ = ["with_digits_for_sides"]


def with_digits_for_sides(referee: Referee, points: Iterable[PointValues]) -> Referee:
    """The referee, or where a margin of a kink is 0 but for more digits, one that computes with these.

    Parameters
    ----------
    referee : of a run, before anything is judged
    points : the values of the inputs, at each

    Returns
    -------
    Referee
        It shares the budget and the meter.
    """
    limits, numerics = referee.limits, referee.numerics
    if not referee.affords(limits.surest_digits // numerics.digits):
        return referee
    try:
        if not any(_hides_a_side(referee, point) for point in points):
            return referee
    except BudgetSpent:
        return referee
    deeper = limits._replace(
        difference_digits=limits.surest_digits, step_exponent=limits.surest_step_exponent
    )
    return Referee(
        referee.program, referee.budget, limits=deeper, evaluation=referee.evaluation,
        numerics=numerics._replace(digits=limits.surest_digits), meter=referee.meter,
    )  # fmt: skip


def _hides_a_side(referee: Referee, point: PointValues) -> bool:
    """Whether some margin is 0 at the usual precision and not at the surest. What is left among the last
    digits there may be rounding, and says nothing."""
    if not _may_hide_a_side(referee, point):
        return False
    usual = _margins(referee, point, referee.high)
    if not any((margin == 0).any() for margin in usual):
        return False
    surest = _margins(referee, point, referee.surest)
    last = referee.limits.surest_digits - referee.numerics.digits
    pairs = zip(usual, surest, strict=True)
    return any(np.any((few == 0) & ~begin_after(many, last)) for few, many in pairs)


def _may_hide_a_side(referee: Referee, point: PointValues) -> bool:
    """Whether a margin is nearly 0 in float64, or 0 where rounding moves it: a look before high precision."""
    graph = referee.model.graph
    if not any(not (n.is_leaf or n.is_literal) and n.primitive.kink for n in graph.nodes):
        return False
    tape = referee.forward(point, FLOAT64)
    values = {node.index: tape.with_both_axes(node) for node in graph.nodes}
    largest = max(float(np.max(np.abs(value), initial=0.0)) for value in values.values())
    found = [np.abs(margin) for _, margin in distances(graph, values, FLOAT64)]
    near = referee.limits.near_a_kink * largest
    if any(np.any((margin > 0) & (margin <= near)) for margin in found):
        return True
    return any(np.any(margin == 0) for margin in found) and bool(referee.nodes_across_kinks(point))


def _margins(referee: Referee, point: PointValues, m: High) -> list[Array]:
    """Of all kinks, from the values that the reference computes: SymPy's forms, which may cancel."""
    graph, passed = referee.model.graph, referee.pass_with(point, m, {})
    values = {node.index: passed.values[referee.apart.of_node[node.index]] for node in graph.nodes}
    return [x for _, x in margins(graph, values, m, of="kink")]
