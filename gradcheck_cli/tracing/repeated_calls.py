"""Reads a loss and its gradients, called twice with the same arguments. Gives what differs between the calls.

Knows nothing of differences by other arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits

__all__ = ["between_gradients", "between_losses"]

_WHY = "does it draw random numbers, or keep values between calls?"
_ADDED = "the second is twice the first: is it added to what is there, as torch does without zero_grad?"


def between_losses(name: str, first: float, second: float, limits: ProgramsLimits = PROGRAMS) -> str | None:
    """What is said of a loss with two values."""
    apart = abs(first - second)
    if apart <= limits.repeated_ulps * np.finfo(float).eps * abs(first):
        return None
    return (f"{name} returns {first:.10g} in the first call and {second:.10g} in the second, with the same "
            f"arguments: {apart:.2g} apart; {_WHY}")  # fmt: skip


def between_gradients(
    name: str, first: Mapping[str, Any], second: Mapping[str, Any], limits: ProgramsLimits = PROGRAMS
) -> str | None:
    """What is said of a gradient with two values."""
    if first.keys() != second.keys():
        return f"{name} gives gradients by {', '.join(first)} in the first call, by {', '.join(second)} then"
    for parameter, array in first.items():
        one, other = np.asarray(array), np.asarray(second[parameter])
        if one.shape != other.shape:
            shapes = f"{list(one.shape)} in the first call, {list(other.shape)} in the second"
            return f"{name} gives arrays by {parameter} of the shapes {shapes}"
        size = np.max(np.abs(one.astype(float)), initial=0.0)
        eps = np.finfo(one.dtype).eps if one.dtype.kind == "f" else 0.0
        apart = np.max(np.abs(one.astype(float) - other), initial=0.0)
        if apart > limits.repeated_ulps * eps * size:
            why = _ADDED if np.array_equal(other, 2 * one) else _WHY
            return f"{name} gives two gradients by {parameter} in two calls, {apart:.2g} apart; {why}"
    return None
