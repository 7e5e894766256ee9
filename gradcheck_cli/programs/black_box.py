"""Reads a loss that can only be called, and the gradients that a program gives. Gives the report.

The loss is differenced with bounds: entry by entry where there are few, along random signs where there are
many and at other points. Knows nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_cli.against.elsewhere import Elsewhere
from gradcheck_cli.against.given_digits import half_units
from gradcheck_cli.common.errors import GradcheckError, OptionError
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits
from gradcheck_cli.programs.black_box_report import Found, report_of
from gradcheck_cli.programs.differenced_entries import difference
from gradcheck_cli.programs.joint_entries import compare_jointly
from gradcheck_cli.programs.random_arguments import random_arguments
from gradcheck_cli.programs.sampled_loss import SampledLoss
from gradcheck_cli.results.gradient_results import Report
from gradcheck_cli.tracing.gradient_calls import Gradients

__all__ = ["check_black_box"]

Call = Callable[[Mapping[str, Any], float], Gradients]


@dataclass(frozen=True)
class _Point:
    """A loss and what the program gives there: gradient and its rounding by entry, (E,)."""

    loss: SampledLoss
    claimed: Array
    rounding: Array


def check_black_box(
    loss: SampledLoss, value: float, given: Gradients, call: Call, *, model: str, claims_file: str,
    reason: str, points: int, digits: int | None = None, others: Sequence[Elsewhere] = (),
    limits: ProgramsLimits = PROGRAMS,
) -> Report:
    """Judge gradients by differences of the program itself.

    Parameters
    ----------
    loss : at the given point
    value : of the loss
    given : the gradients
    call : gives the gradients for other arguments and the loss there
    model, claims_file : what the report is called
    reason : why the loss was not traced
    points : in all, the given one first
    digits : how many digits of the gradients count; None: all
    others : gradients from elsewhere
    limits : how many entries are differenced one by one

    Returns
    -------
    Report
        Without symbolic values and those of backprop.

    Raises
    ------
    OptionError
        If a gradient has another shape than its parameter.
    """
    given = replace(given, values={name: _in_shape(loss, name, g) for name, g in given.values.items()})
    here = _point(loss, value, given, call, limits)
    rounding = here.rounding  # of a gradient all of whose digits count
    here = replace(here, rounding=rounding + _half_units(loss, here.claimed, digits))
    each = len(here.claimed) <= limits.most_each
    narrow, noise = loss.is_narrow, loss.rounding(value)
    slopes = difference(loss.by_entry, loss.x, noise, narrow=narrow, limits=limits) if each else None
    joint = None if each else compare_jointly(loss, here.claimed, here.rounding, noise, limits)
    numbers = range(1, points) if joint is None or joint.wrong is None else ()
    found = (_elsewhere(here, k, call, limits, short=not each) for k in numbers)
    elsewhere = tuple(point for point in found if point is not None)
    differences = Found(
        loss, value, here.claimed, here.rounding, slopes, joint, elsewhere, len(numbers),
        math.inf if digits is None else digits,
    )  # fmt: skip
    report = report_of(differences, given, model=model, claims_file=claims_file, reason=reason, limits=limits)
    if not others:
        return report
    from gradcheck_cli.programs.black_box_comparisons import with_others

    return with_others(report, replace(differences, rounding=rounding), others, limits)


def _half_units(loss: SampledLoss, claimed: Array, digits: int | None) -> Array:
    """What the digits that count leave open of each entry."""
    if digits is None:
        return np.zeros(len(claimed))
    return np.concatenate([half_units(claimed[place], digits) for place in loss.blocks.values()])


def _in_shape(loss: SampledLoss, name: str, gradient: Any) -> Array:
    """A gradient in the shape of its parameter."""
    array, shape = np.asarray(gradient), loss.shape(name)
    if array.size != int(np.prod(shape)):
        message = f"the gradient by {name} has the shape {list(array.shape)}, and {name} has {list(shape)}"
        raise OptionError(message, help="the gradient of a number has the shape of what it is taken by")
    if array.shape == shape[::-1] and array.shape != shape and 1 not in shape:
        raise OptionError(f"the gradient by {name} has the shape {list(array.shape)}, and {name} "
                          f"has {list(shape)}", help="is it transposed?")  # fmt: skip
    return array.reshape(shape)


def _point(
    loss: SampledLoss, value: float, given: Gradients, call: Call, limits: ProgramsLimits
) -> _Point:
    claimed = _flat(loss, given)
    return _Point(loss, claimed, _rounding(loss, value, given, claimed, call, limits))


def _flat(loss: SampledLoss, given: Gradients) -> Array:
    return np.concatenate([np.ravel(np.asarray(given.values[n], dtype=float)) for n in loss.names])


def _rounding(
    loss: SampledLoss, value: float, given: Gradients, claimed: Array, call: Call, limits: ProgramsLimits
) -> Array:
    """What a right gradient may be off by: a part of each entry, and what it changes by when the parameters
    move by their last bits."""
    formats = [np.asarray(given.values[name]).dtype for name in loss.names]
    eps = np.concatenate([
        np.full(np.size(given.values[name]), np.finfo(f if f.kind == "f" else np.float64).eps)
        for name, f in zip(loss.names, formats, strict=True)
    ])  # fmt: skip
    if loss.is_narrow:
        eps = np.maximum(eps, np.finfo(np.float32).eps)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], len(claimed))
    spread = np.zeros(len(claimed))
    for ulps in limits.nudges:
        try:
            there = call(loss.at(loss.x * (1 + ulps * eps * signs)), value)
            moved = _flat(loss, there)
        except (GradcheckError, KeyError):
            continue
        if moved.shape == claimed.shape:
            spread = np.maximum(spread, np.abs(moved - claimed))
    return limits.rounding_safety * spread + limits.least_rounding * eps * np.abs(claimed)


def _elsewhere(
    here: _Point, number: int, call: Call, limits: ProgramsLimits, *, short: bool
) -> tuple[int, float, float, float] | None:
    """Another point: its number, the slope along random signs that the gradient has, the one that the loss
    has, and how far they may be apart; None where there is no value or no slope."""
    moved = random_arguments(number, here.loss.arguments, here.loss.names, limits)
    x = replace(here.loss, arguments=moved).x
    arguments = here.loss.at(x)  # in the number formats that they had
    loss = replace(here.loss, arguments=arguments, calls=0)
    value = loss.value(loss.x)
    if not np.isfinite(value):
        return None
    try:
        there = call(arguments, value)
        claimed = _flat(loss, there)
    except (GradcheckError, KeyError):
        return None
    scale = np.where(loss.x == 0, 1.0, np.abs(loss.x))
    direction = scale * np.random.default_rng(number).choice([-1.0, 1.0], len(claimed))
    noise = loss.rounding(value)
    sample = loss.along(direction[None])
    slopes = difference(sample, np.zeros(1), noise, narrow=loss.is_narrow, short=short, limits=limits)
    here.loss.calls += loss.calls
    with np.errstate(all="ignore"):
        size = np.abs(claimed / np.where(here.claimed == 0, np.nan, here.claimed))
    rounding = np.sum(here.rounding * np.maximum(np.nan_to_num(size, nan=1.0), 1.0) * np.abs(direction))
    if slopes.kink[0] or not np.isfinite(slopes.bound[0]):
        return None
    return number, float(claimed @ direction), float(slopes.value[0]), float(slopes.bound[0] + rounding)

