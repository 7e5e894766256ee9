"""Reads the rules of a program in place of a framework's derivatives. Gives the line of a wrong one.

Each rule is watched while the framework differentiates, and its result is compared with differences of the
function it belongs to. That only points to a line: verdicts come from the model.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.tracing import TRACING, TracingLimits
from gradcheck_cli.tracing.frameworks.framework import Place

if TYPE_CHECKING:
    from gradcheck_cli.tracing.programs import Program

__all__ = ["RuleCall", "first_line", "first_wrong"]


@dataclass(frozen=True)
class RuleCall:
    """One call of a rule: g arrives at what `function` gives of `inputs`, `found` leaves to them."""

    function: Callable[..., Any]  # of NumPy arrays, gives NumPy arrays
    inputs: tuple[Any, ...]
    arrived: tuple[Array, ...]
    found: tuple[Any, ...]  # for each input; None where nothing leaves
    places: tuple[Place, ...]  # of what was found


def first_wrong(calls: Iterable[RuleCall], limits: TracingLimits = TRACING) -> Place | None:
    """The line of the first result that differs from differences of its function; None, if none does.

    Parameters
    ----------
    calls : of rules
    limits : of the difference, and its step

    Returns
    -------
    Place or None
    """
    for call in calls:
        for k, (value, place) in enumerate(zip(call.found, call.places, strict=True)):
            if value is not None and _is_float(call.inputs[k]) and not _agrees(call, k, limits):
                return place
    return None


def _agrees(call: RuleCall, number: int, limits: TracingLimits) -> bool:
    """Whether a result is what a difference along one direction says."""
    x = np.asarray(call.inputs[number], dtype=float)
    found = np.asarray(call.found[number], dtype=float)
    if found.shape != x.shape:
        return False
    direction = np.random.default_rng(limits.seed).uniform(*limits.steps, x.shape)
    step = limits.rule_step * max(1.0, float(np.max(abs(x), initial=0.0)))

    def at(distance: float) -> float:
        given = [*call.inputs]
        given[number] = x + distance * direction
        results = call.function(*given)
        return float(sum(np.sum(g * r) for g, r in zip(call.arrived, results, strict=True)))

    slope = (at(step) - at(-step)) / (2 * step)
    said = float(np.sum(found * direction))
    size = float(np.sum(abs(found) * direction)) + abs(slope)
    return bool(abs(slope - said) <= limits.rule_close * size)


def _is_float(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f")


def first_line(program: Program) -> Place:
    """Where a function is defined: of a gradient that no rule of the program has a part in."""
    code: Any = getattr(inspect.unwrap(program.function), "__code__", None)
    if code is None or code.co_filename not in program.files:
        return program.file, 1
    return code.co_filename, code.co_firstlineno
