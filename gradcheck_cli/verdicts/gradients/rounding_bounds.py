"""Reads a Model, a point and the referee. Gives how far rounding may take values and derivatives there.

Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradcheck_cli.evaluation.borders import steps
from gradcheck_cli.evaluation.evaluate import distances
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.reference.row_blocks import rounding_of_loss
from gradcheck_cli.reference.stochastic_rounding import unmeasured_rounding
from gradcheck_cli.verdicts.gradients.columns import Columns
from gradcheck_cli.verdicts.gradients.points import Point

__all__ = ["beside_jumps", "measured_rounding", "noise_of_value", "rounding_bounds"]


def noise_of_value(
    model: Model, referee: Referee, point: Point, of: str, limits: GradientsLimits = DEFAULTS
) -> Array:
    """How far rounding may take the value of a step, which differences see as noise.

    Over many rows it is measured block by block: what is granted where it is not measured hides digits, and
    in search of them differences take three times as long.

    Parameters
    ----------
    model : says whether there are rows
    referee : measures rounding
    point : values and tape
    of : a step
    limits : the margin that measured rounding has over the error

    Returns
    -------
    (*of) float64, absolute, in the unit of the step
    """
    if not referee.jitters_values() and model.rows is None:
        granted = unmeasured_rounding(point.tape.value(of), limits=referee.limits)
        return np.asarray(granted / limits.noise_margin)
    if referee.jitters_values() or of != model.loss:
        return np.asarray(referee.value_rounding(point.values, [of], doubles=True)[of] / limits.noise_margin)
    return np.asarray(rounding_of_loss(point.tape, limits=referee.limits) / limits.noise_margin)


def rounding_bounds(
    referee: Referee, point: Point, of: str, names: Sequence[str], backprop: Array
) -> Array:
    """What a right float64 program may be off by in d of/d name, all names one after the other.

    Parameters
    ----------
    referee : measures rounding
    point : the values
    of : a step
    names : of inputs
    backprop : (entries,) float64
        The derivatives as backprop has them, in the order of `names`.

    Returns
    -------
    (entries,) float64, absolute
        Where rounding cannot be measured, a part of backprop's number.
    """
    if not referee.jitters():
        return unmeasured_rounding(backprop)
    found = referee.rounding(point.values, of, names)
    return np.concatenate([np.ravel(found[name]) for name in names] or [np.zeros(0)])


def measured_rounding(referee: Referee, bounds: Array) -> Array:
    """The rounding bounds where they were measured: right programs differ by so much.

    Parameters
    ----------
    referee : says whether rounding is measured
    bounds : float64 array

    Returns
    -------
    float64 array of the shape and unit of the bounds
        0 where nothing was measured.
    """
    if not referee.jitters():
        return np.zeros_like(bounds)
    return np.where(np.isfinite(bounds), bounds, 0.0)


def beside_jumps(referee: Referee, columns: Columns) -> Array:
    """The entries at a point that lies within rounding of a jump, or at a tie with what jumps: columns that
    agree to all digits may stand on its other side together, or step from tie to tie, as max(x, round(x)) at
    1e20. Only high precision tells.

    Parameters
    ----------
    referee : measures rounding
    columns : of all names, one after the other

    Returns
    -------
    (entries,) bool
    """
    asked = columns.examined & ~columns.is_zero
    if not (referee.can_jump and referee.affords() and asked.any()):
        return np.zeros(asked.shape, dtype=bool)
    edges = (node.primitive for node in referee.nodes_across_kinks(columns.point.values))
    near = any(edge.jump or edge.breaks or edge.selects for edge in edges)
    near = near or _has_ties_with_steps(referee, columns.point.values)
    return np.asarray(asked & near)


def _has_ties_with_steps(referee: Referee, point: Mapping[str, Array]) -> bool:
    """Whether a kink of what floor, round or the like give is met exactly: float64 may have no number beside
    it, as from 2^53 on all are whole."""
    graph = referee.model.graph
    if not any(steps(node) for node in graph.nodes):
        return False
    tape = referee.forward(point, FLOAT64)
    values = {node.index: tape.with_both_axes(node) for node in graph.nodes}
    tied = [n for n, margin in distances(graph, values, FLOAT64) if not steps(n) and np.any(margin == 0)]
    above = graph.upstream(node.index for node in tied)
    return any(steps(node) and above[node.index] for node in graph.nodes)
