"""Reads a Model and a Tape. Gives the points of comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.model.random_points import moved_inputs
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["Point", "points_of", "single"]


# ---------------------------------------------------------------------------------------------
# Points
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """Where the methods are compared; number 0 is the given point."""

    number: int
    values: PointValues
    tape: Tape


def points_of(
    model: Model,
    tape: Tape,
    count: int,
    kinds: tuple[str, ...] = ("param",),
    limits: GradientsLimits = DEFAULTS,
    numerics: NumericsLimits = NUMERICS,
) -> list[Point]:
    """The given point, then points with the parameters moved: inside the domain, and not across a
    kink where that can be had; a point where the loss is not finite is left out."""
    found = [Point(0, tape.point, tape)]
    if any(model.inputs[name].kind in kinds for name in model.inputs):
        for number in range(1, count):
            beside = partial(moved_inputs, model, number, kinds=kinds, limits=numerics)
            found += _moved_point(tape, number, beside, limits.reaches)
    return found


def _moved_point(
    tape: Tape, number: int, beside: Callable[..., dict[str, Array]], reaches: tuple[float, ...]
) -> list[Point]:
    """The point of this number, if there is one."""
    last: list[Point] = []
    for attempt, reach in enumerate(reaches):
        values = tape.point.with_values(beside(attempt=attempt, reach=reach))
        there = forward_pass(tape.model, tape.m, values, limits=tape.limits, meter=tape.meter)
        if not np.isfinite(there.loss):
            continue
        last = [Point(number, values, there)]
        if tape.same_sides(there):
            return last
    return last


def single(value: Array) -> float:
    """The only number of an array.

    Parameters
    ----------
    value : array of one entry, of any rank

    Returns
    -------
    float
    """
    return float(np.asarray(value).reshape(-1)[0])
