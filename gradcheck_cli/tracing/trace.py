"""Reads a program, its arguments and the names that are parameters. Gives the model of what it computes.

The function is called once with arrays that record; what they record becomes a text; the text is tried.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.tracing import TRACING, TracingLimits
from gradcheck_cli.tracing.argument_trees import (
    arrays_by_name,
    is_float,
    leaves_by_argument,
    map_arguments,
    parameters_of,
)
from gradcheck_cli.tracing.frameworks.framework import first_of
from gradcheck_cli.tracing.programs import Program
from gradcheck_cli.tracing.recorded_array import Recorded, fixed, node_of
from gradcheck_cli.tracing.recording import Leak, Recording, line_of
from gradcheck_cli.tracing.replay import choices, replay, way_out
from gradcheck_cli.tracing.text_of_nodes import model_text
from gradcheck_cli.tracing.traced_nodes import TracedNode, TraceError, above, constant

__all__ = ["Trace", "trace"]


@dataclass(frozen=True)
class Trace:
    """The model file of a function, its loss, and what is to be said of lines of the program."""

    text: str
    loss: float
    names: Mapping[str, str]  # of the program's arrays, and of the model's parameters
    notes: tuple[str, ...]
    holds_far: bool  # as far as it was tried, and not near the point alone


def trace(
    program: Program,
    arguments: Mapping[str, Any],
    parameters: Collection[str] = (),
    limits: TracingLimits = TRACING,
) -> Trace:
    """The model of a function at a point.

    Parameters
    ----------
    program : whose function is called, with nothing else
    arguments : by name; they are copied before every call
    parameters : the arguments that are differentiated; every float argument, if there are none
    limits : of the distances at which the model is tried

    Returns
    -------
    Trace

    Raises
    ------
    OptionError
        If a parameter is no argument, or not of floats.
    TraceError
        If the program does what no model says, at its line.
    ProgramError
        If it raises an error.
    """
    _refuse_subclasses(arguments)
    names = _parameters(program, arguments, parameters)
    recording = Recording(program.files)
    nodes: dict[str, TracedNode] = {}
    recorded = _recorded(arguments, names, recording, nodes)
    with (
        program.errors(), program.framework.doubles(), np.errstate(all="ignore"),
        contextlib.redirect_stdout(io.StringIO()),
    ):  # fmt: skip
        result = program.framework.record(program, recorded, recording, node_of)
    loss = _loss_of(program, result, recording)
    text, own = model_text(loss, recording, [node for node in nodes.values() if parameters])
    bounded = replay(program, arguments, names, text, own, recording.leaks, limits)
    leaks = recording.leaks if bounded else recording.leaks_of(set(above(loss)))
    notes = (*program.framework.notes(program), *_notes(recording, leaks))
    head = [f"traced from {os.path.basename(program.file)}:{program.name}", *filter(None, [bounded]), *notes]
    text = "".join(f"# {line}\n" for line in head) + text
    return Trace(text, float(loss.value), own, notes, not bounded)


def _notes(recording: Recording, leaks: Collection[Leak]) -> tuple[str, ...]:
    """What is to be said of lines, and of which choices the model knows one side."""
    told = [(each, "") for each in recording.notes]
    told += [(leak, " of a value that moves, taken as at this point") for leak in choices(leaks)]
    return tuple(f"{each.place}: {each.what}{more}" for each, more in told)


def _refuse_subclasses(arguments: Mapping[str, Any]) -> None:
    """Masks and products of their own are not those of an array that records."""
    for name, array in {**arguments, **arrays_by_name(arguments)}.items():
        if isinstance(array, np.ma.MaskedArray | np.matrix):
            message = f"{name} is a {type(array).__name__}, and only plain arrays are traced"
            raise TraceError(message, help=f"np.asarray({name}) is one")


def _parameters(program: Program, arguments: Mapping[str, Any], wanted: Collection[str]) -> list[str]:
    """The names of the arrays that are parameters."""
    floats = {k: leaves for k, leaves in leaves_by_argument(arguments).items() if is_float(arguments[k])}
    arrays = [leaf for leaves in floats.values() for leaf in leaves]
    for name in wanted:
        if name in floats or name in arrays:
            continue
        if name in arguments:
            raise OptionError(f"{name} is no float, and nothing is differentiated by it")
        known = ", ".join(dict.fromkeys((*floats, *arrays)))
        raise OptionError(f"{program.name} has no argument {name} here", help=f"those of floats: {known}")
    if not floats:
        message = f"no argument of {program.name} is a float: there is nothing to differentiate by"
        held = ", ".join(f"{name} is a {type(value).__name__}" for name, value in arguments.items())
        raise OptionError(message, help=held or None)
    if not wanted:
        return [leaf for name in floats for leaf in parameters_of(arguments[name], floats[name])]
    inside = {leaf: name for name, leaves in floats.items() for leaf in leaves}
    return [leaf for leaf in arrays if leaf in wanted or inside[leaf] in wanted]


def _recorded(
    arguments: Mapping[str, Any], parameters: Collection[str], recording: Recording,
    nodes: dict[str, TracedNode],
) -> dict[str, Any]:  # fmt: skip
    """The arguments with arrays that record; the nodes of those that are parameters are noted."""

    def array_of(name: str, array: Array) -> Recorded:
        if name not in parameters:
            return Recorded(constant(array, name), recording)
        nodes[name] = TracedNode("param", (), array, {"name": name})
        return Recorded(nodes[name], recording)

    whole = {k: v for k, v in arguments.items() if isinstance(v, np.ndarray) and not is_float(v)}
    made = map_arguments({k: v for k, v in arguments.items() if k not in whole}, array_of)
    for name, value in whole.items():
        recording.name_whole(value, name)
    made |= {name: fixed(value.copy(), recording, name) for name, value in whole.items()}
    return {name: made[name] for name in arguments}


def _loss_of(program: Program, result: Any, recording: Recording) -> TracedNode:
    node = node_of(first_of(result))
    if node is None or not node.depends:
        leak = next(iter(recording.leaks), None)
        taken = f"{leak.untraced} is not traced, and " if leak and leak.untraced else ""
        raise TraceError(
            f"{taken}what {program.name} returns does not move with its parameters", file=program.file,
            place=line_of(leak.file, leak.line) if leak and leak.line else None,
            help=way_out(leak) if leak else "does it return the loss?",
        )  # fmt: skip
    if node.value.size != 1:
        message = f"{program.name} returns an array of shape {list(node.shape)}, and a loss is one number"
        raise TraceError(message, file=program.file)
    return TracedNode("reshape", (node,), node.value.reshape(()), {}, node.place) if node.value.ndim else node
