"""Reads a model that was traced, and what a program gives at several points. Gives both, point by point.

Knows nothing of mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.derivatives import backprop
from gradcheck_cli.derivatives.backprop.reverse_mode import Slip
from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits
from gradcheck_cli.programs.random_arguments import random_arguments
from gradcheck_cli.tracing.argument_trees import arrays_by_name
from gradcheck_cli.tracing.gradient_calls import Gradients
from gradcheck_cli.tracing.programs import Program
from gradcheck_cli.tracing.replay import loss_of, moved_arguments
from gradcheck_cli.tracing.trace import Trace

__all__ = ["Observed", "OtherPoint", "Sample", "Values", "elsewhere", "point_at", "sample_of"]

Values = dict[str, Array]


@dataclass(frozen=True)
class Sample:
    """One point: the parameters, and the gradients that the program gives there, by the model's names."""

    model: Model
    claimed: Mapping[str, Array]
    narrow: frozenset[str] = frozenset()  # those in float32

    @cached_property
    def tape(self) -> Tape:
        """The forward pass of the model."""
        return forward_pass(self.model)

    @cached_property
    def true(self) -> Values:
        """The gradients of the model."""
        return self.gradient(self.claimed)

    def gradient(
        self, names: Collection[str], slips: Mapping[tuple[int, int], Slip] | None = None
    ) -> Values:
        """Those of the model by backprop, with mistakes on the way.

        Parameters
        ----------
        names : of parameters
        slips : by node and place of the argument

        Returns
        -------
        dict of float64 arrays of the shapes of the parameters
        """
        found = backprop.derivative(self.model, self.tape, self.model.loss, names, slips)
        return {name: np.asarray(value, dtype=float) for name, value in found.items()}

    @property
    def is_apart(self) -> bool:
        """Whether a gradient of the program is another than that of the model, by more than rounding."""
        return any(
            np.max(np.abs(value - np.reshape(self.claimed[name], value.shape)), initial=0.0)
            > PROGRAMS.apart * np.max(np.abs(value), initial=0.0)
            for name, value in self.true.items() if np.size(self.claimed[name]) == value.size
        )  # fmt: skip

    def is_near(self, name: str, made: Array, limits: ProgramsLimits) -> bool:
        """Whether numbers are those that the program gives, to rounding, and the true ones are not.

        Parameters
        ----------
        name : of a parameter
        made : (*shape) float64, or an array of as many entries
        limits : how near is the same

        Returns
        -------
        bool
        """
        claimed = np.asarray(self.claimed[name], dtype=float)
        if claimed.size != np.size(made):
            return False
        if claimed.shape != np.shape(made):
            claimed = claimed.reshape(np.shape(made))
        same = limits.same_float32 if name in self.narrow else limits.same
        with np.errstate(all="ignore"):
            off, size = np.abs(claimed - made), np.max(np.abs(self.true[name]), initial=0.0)
            size = max(size, float(np.max(np.abs(claimed), initial=0.0)))
            apart = np.max(np.abs(claimed - self.true[name].reshape(claimed.shape)), initial=0.0)
            return bool(apart > 0 and np.max(off) <= min(same * size, apart / limits.nearer))

    def is_true(self, name: str, made: Array, limits: ProgramsLimits) -> bool:
        """Whether numbers are the true ones, to rounding.

        Parameters
        ----------
        name : of a parameter
        made : (*shape) float64
        limits : how near is the same

        Returns
        -------
        bool
        """
        true = self.true[name]
        with np.errstate(all="ignore"):
            return bool(np.all(np.abs(made - true) <= limits.same * np.max(np.abs(true), initial=0.0)))


@dataclass(frozen=True)
class Observed:
    """What is known of a program's gradients, at the given point and at others."""

    samples: Sequence[Sample]
    wrong: Sequence[str]  # the names whose gradients are WRONG
    limits: ProgramsLimits = PROGRAMS

    @property
    def model(self) -> Model:
        """At the given point."""
        return self.samples[0].model

    def are_made(self, names: Collection[str], made: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the numbers of these names are those that were made, at every point."""
        for sample, found in zip(self.samples, made, strict=True):
            for name in names:
                if found.get(name) is None:
                    return False
                same = np.array_equal(sample.true[name], np.asarray(sample.claimed[name], dtype=float))
                if sample is not self.samples[0] and same and np.array_equal(found[name], sample.true[name]):
                    continue
                if not sample.is_near(name, np.asarray(found[name], dtype=float), self.limits):
                    return False
        return True


def sample_of(model: Model, gradients: Gradients, names: Mapping[str, str]) -> Sample:
    """A point and its gradients, by the model's names.

    Parameters
    ----------
    model : at that point
    gradients : by the program's names
    names : of the program's arrays, those of the model
    """
    claimed = {names[name]: np.asarray(value) for name, value in gradients.values.items()}
    narrow = (name for name, value in claimed.items() if value.dtype in (np.float32, np.float16))
    return Sample(model, claimed, frozenset(narrow))


def elsewhere(
    program: Program, arguments: Mapping[str, Any], model: Model, trace: Trace,
    call: Callable[..., Gradients], limits: ProgramsLimits = PROGRAMS,
) -> list[tuple[Sample, Gradients]]:
    """Points at which the program has a value that is the model's, and its gradients there.

    Parameters
    ----------
    program : the loss
    arguments : the given point
    model : at the given point
    trace : the names of its parameters, and whether it holds far away
    call : gives the gradients for arguments and the value of the loss
    limits : how far the points are

    Returns
    -------
    list of Sample and Gradients
    """
    found = []
    for distance in limits.distances if trace.holds_far else limits.near_distances:
        there = moved_arguments(arguments, trace.names, distance)
        point = _point(program, there, model, trace, call, limits)
        if point is not None:
            found.append((sample_of(point.model, point.gradients, trace.names), point.gradients))
    return found


class OtherPoint(NamedTuple):
    """Arguments of a program, the value and gradients there, and the model of it."""

    arguments: dict[str, Any]
    loss: float
    model: Model
    gradients: Gradients


def point_at(
    number: int, program: Program, arguments: Mapping[str, Any], model: Model, trace: Trace,
    call: Callable[..., Gradients], limits: ProgramsLimits = PROGRAMS,
) -> OtherPoint | None:
    """A random point, seeded by its number.

    Parameters
    ----------
    number : of the point
    program, arguments, model, trace, call, limits : as those of `elsewhere`

    Returns
    -------
    OtherPoint or None
        None where the program has no value, or one that is not the model's.
    """
    there = random_arguments(number, arguments, trace.names, limits)
    return _point(program, there, model, trace, call, limits)


def _point(
    program: Program, there: dict[str, Any], model: Model, trace: Trace, call: Callable[..., Gradients],
    limits: ProgramsLimits,
) -> OtherPoint | None:
    """What the program gives for arguments; None where it is not its model."""
    values = {k: np.array(v, dtype=float) for k, v in arrays_by_name(there).items() if k in trace.names}
    other = model.at({trace.names[k]: v for k, v in values.items()})
    try:
        loss = loss_of(program, there, quiet=True)
        if not abs(forward_pass(other).loss - loss) <= limits.same_loss * max(abs(loss), 1.0):
            return None
        gradients = call(arguments=there, value=loss)
    except GradcheckError:
        return None
    is_whole = gradients.values.keys() == trace.names.keys()
    return OtherPoint(there, loss, other, gradients) if is_whole else None
