"""Reads a program and the model that was traced of it. Gives whether both have one loss, near and far.

A value that leaked into plain numbers makes a model that is right at the traced point and wrong elsewhere.
"""

from __future__ import annotations

import contextlib
import copy
import io
import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.language import read_model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.tracing import TRACING, TracingLimits
from gradcheck_cli.tracing.argument_trees import arrays_by_name, map_arguments
from gradcheck_cli.tracing.frameworks.framework import first_of
from gradcheck_cli.tracing.programs import Program, ProgramError
from gradcheck_cli.tracing.recording import Leak, TooLong, at_most, line_of
from gradcheck_cli.tracing.traced_nodes import TraceError

__all__ = ["DRAWN", "choices", "loss_of", "moved_arguments", "outputs_of", "replay", "way_out"]

DRAWN = "random numbers"
_CHOICES = ("a branch", "a mask", "an index")  # and functions of NumPy that are constant between jumps


def replay(
    program: Program,
    arguments: Mapping[str, Any],
    parameters: Collection[str],
    text: str,
    names: Mapping[str, str],
    leaks: Sequence[Leak],
    limits: TracingLimits = TRACING,
) -> str:
    """Compare the model's loss with the program's, at the point and away from it.

    Parameters
    ----------
    program : whose function is called
    arguments : the point
    parameters : the names of the arrays that are moved
    text : the model
    names : of the arrays, and of the model's parameters
    leaks : where plain numbers were taken of what moves
    limits : distances, and how close is the same

    Returns
    -------
    str
        Up to where the model holds, if farther away the program took another branch or mask; else empty.

    Raises
    ------
    TraceError
        If the losses differ, at the line that is the likely reason.
    """
    try:
        model = read_model(text, file="model")
    except GradcheckError as error:
        message = f"the model that was traced cannot be read: {error.message}"
        raise TraceError(message, file=program.file) from error
    tried, most, files = 0, math.inf, program.files
    for distance in (0.0, *(sign * far for far in limits.distances for sign in (1, -1))):
        there = moved_arguments(arguments, parameters, distance, limits)
        moved = {k: np.array(v, dtype=float) for k, v in arrays_by_name(there).items() if k in names}
        try:
            with at_most(files, most) as lines:
                wanted = loss_of(program, there, quiet=True)
        except (GradcheckError, TooLong):  # no value there, as of log(-1) that raises
            if not distance:
                raise
            continue
        most = min(most, limits.longer * lines[0] + limits.spare_lines)
        found = forward_pass(model.at({names[k]: v for k, v in moved.items()})).loss
        tried += bool(distance) and np.isfinite(wanted)
        if np.isfinite(wanted) and not abs(found - wanted) <= limits.close * max(abs(wanted), 1.0):
            far, chosen = f"{abs(distance):g} away from the point", next(choices(leaks), None)
            is_near = abs(distance) <= limits.distances[0]
            if not (is_near or np.isfinite(found)):
                return f"{far} the model has no value, and the program has one"
            if chosen is None or is_near:
                raise _disbelief(program, wanted, float(found), distance, leaks, limits)
            return f"{far} the program takes another way, as at {chosen.place}"
    if not tried:
        message = f"{program.name} has no value away from the point: nothing tells whether a model is right"
        raise TraceError(message, file=program.file)
    return ""


def moved_arguments(
    arguments: Mapping[str, Any], parameters: Collection[str], distance: float,
    limits: TracingLimits = TRACING,
) -> dict[str, Any]:
    """The arguments with their parameters at a distance, each entry in a direction of its own.

    Parameters
    ----------
    arguments : the point
    parameters : the names of the arrays that are moved
    distance : relative to each entry, or absolute near 0
    limits : the seed of the directions

    Returns
    -------
    dict
        Arguments by name.
    """
    return map_arguments(arguments, _Moved(parameters, distance, limits), parameters)


class _Moved:
    """Arrays at a distance, each in a direction of its own."""

    def __init__(self, parameters: Collection[str], distance: float, limits: TracingLimits) -> None:
        self.parameters, self.distance, self.limits = parameters, distance, limits

    def __call__(self, name: str, array: Array) -> Any:
        if name not in self.parameters:
            return array if array.ndim else float(array)
        random = np.random.default_rng([self.limits.seed, *name.encode()])
        direction = random.uniform(*self.limits.steps, array.shape) * random.choice([-1.0, 1.0], array.shape)
        found = array + self.distance * np.maximum(abs(array), abs(self.distance)) * direction
        return found if array.ndim else float(found)


def choices(leaks: Collection[Leak]) -> Iterator[Leak]:
    """Those where the program took one of several ways."""
    return (leak for leak in leaks if leak.what in _CHOICES or leak.what.startswith("np."))


def loss_of(program: Program, arguments: Mapping[str, Any], quiet: bool = False) -> float:
    """What the function itself computes, of copies of its arguments.

    Parameters
    ----------
    program : whose function is called
    arguments : by name
    quiet : whether what it prints is dropped, and not sent to standard error

    Raises
    ------
    ProgramError
        If it raises an error, or returns no number.
    """
    result = first_of(outputs_of(program, arguments, quiet))
    if result is None or np.size(result) != 1:
        what = "None" if result is None else f"an array of shape {list(np.shape(result))}"
        message = f"{program.name} returns {what}, and a loss is one number"
        raise ProgramError(message, file=program.file)
    try:
        return float(np.asarray(result, dtype=float).reshape(()))
    except (TypeError, ValueError):
        message = f"{program.name} returns a value of type {type(result).__name__}, and a loss is one number"
        raise ProgramError(message, file=program.file) from None


def outputs_of(program: Program, arguments: Mapping[str, Any], quiet: bool = False) -> Any:
    """What the function returns of copies of its arguments, in NumPy's arrays.

    Parameters
    ----------
    program, arguments, quiet : as of `loss_of`

    Raises
    ------
    ProgramError
        If it raises an error.
    """
    printed = io.StringIO() if quiet else sys.stderr
    with program.errors(), np.errstate(all="ignore"), contextlib.redirect_stdout(printed):
        return program.framework.plain(program.run(copy.deepcopy(dict(arguments))))


def _disbelief(
    program: Program, wanted: float, found: float, distance: float, leaks: Sequence[Leak],
    limits: TracingLimits,
) -> TraceError:
    where = "at the point" if not distance else f"{abs(distance):g} away from the point"
    said = f"the model that was traced gives {found:.10g} {where}, {program.name} gives {wanted:.10g}"
    if not np.isfinite(found):
        return TraceError(said, file=program.file, help="the point is at the edge of what a model computes")
    if not leaks:
        close = abs(found - wanted) <= limits.float32 * max(abs(wanted), 1.0)
        help_text = "does it draw random numbers, or keep values between calls?"
        if close:
            help_text = "does it round to float32? A model computes in float64"
        return TraceError(said, file=program.file, help=help_text)
    first = next((leak for leak in leaks if leak.what == DRAWN), next(choices(leaks), leaks[0]))
    return TraceError(
        said, place=line_of(first.file, first.line) if first.line else None, file=program.file,
        help=way_out(first),
    )  # fmt: skip


def way_out(leak: Leak) -> str:
    """What to write in place of a line that takes plain numbers."""
    if leak.what == DRAWN:
        return "random numbers are drawn here: net.eval() draws none, or give them as arguments"
    if leak.by:
        return f"{leak.by} takes plain numbers of a value that moves: write it with NumPy, or compare numbers"
    if leak.what == "a plain array":
        taken = "an array that does not record, or another library, takes plain numbers of a value that moves"
        return f"{taken}: write it with NumPy, or compare numbers"
    if leak.what.endswith("vectors"):
        return f"{leak.what} gives plain numbers: a model has the values alone; or compare numbers"
    if leak.what.endswith(" of a tensor"):
        return f"{leak.what} takes plain numbers of a value that moves: write it with torch"
    return f"{leak.what} takes plain numbers of a value that moves; np.where keeps both sides of a choice"
