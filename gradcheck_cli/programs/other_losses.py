"""Reads a program and the gradients that it gives. Gives the other loss that they are right for.

It leaves out a value, its arrays are joined in another shape, or it was differenced. Knows nothing of
backward passes with mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.derivatives import backprop
from gradcheck_cli.evaluation.evaluate import compute
from gradcheck_cli.language import read_model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.programs.observations import Observed, Sample
from gradcheck_cli.programs.program_values import ProgramValues
from gradcheck_cli.tracing.argument_trees import leaves_by_argument, map_arguments
from gradcheck_cli.tracing.programs import Program
from gradcheck_cli.tracing.replay import loss_of
from gradcheck_cli.tracing.trace import trace

__all__ = ["differenced", "joined_otherwise", "without_a_value"]

_LEFT_OUT = {
    ("add", 0): "adds", ("add", 1): "adds", ("sub", 1): "subtracts",
    ("mul", 0): "multiplies by", ("mul", 1): "multiplies by", ("div", 1): "divides by",
}  # fmt: skip


def without_a_value(seen: Observed, values: ProgramValues) -> str | None:
    """The summand, factor or divisor, made of no parameter, that the loss has and all gradients leave out.

    Parameters
    ----------
    seen : the gradients at several points
    values : the values of the model in the words of the program

    Returns
    -------
    str or None
    """
    groups: dict[tuple[str, str, str], list[int]] = {}
    for node in values.nodes:
        for k, index in enumerate(node.arguments):
            verb = _LEFT_OUT.get((node.operation, k))
            if verb and not values.live[index] and any(values.live[a] for a in node.arguments):
                left_out = values.model.graph.nodes[index]
                said = values.name(left_out) or values.formula(left_out) or "data"
                groups.setdefault((verb, said, values.place(node)), []).append(index)
    first = replace(seen, samples=seen.samples[:1])
    most = seen.limits.most_passed_nodes // len(values.nodes)
    for (verb, said, place), indices in islice(groups.items(), most):
        numbers = dict.fromkeys(indices, 0.0 if verb in ("adds", "subtracts") else 1.0)
        if all(
            each.are_made(seen.wrong, [_gradient_with(sample, numbers) for sample in each.samples])
            for each in (first, seen)
        ):
            return f"leaves out the {said} that the loss {verb}" + (f" ({place})" if place else "")
    return None


def _gradient_with(sample: Sample, numbers: Mapping[int, float]) -> Mapping[str, Array]:
    """The gradients of a model some of whose values are other numbers."""
    graph, tape = sample.model.graph, sample.tape
    shared, changed = dict(tape.shared), graph.downstream(numbers)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node.index in numbers:
                shared[node.index] = np.full_like(shared[node.index], numbers[node.index])
            elif changed[node.index]:
                shared[node.index] = compute(node, shared, tape.m)
    return backprop.derivative(sample.model, replace(tape, shared=shared), sample.model.loss, sample.claimed)


def joined_otherwise(
    seen: Observed, program: Program, arguments: Mapping[str, Any], names: Mapping[str, str],
    notes: Sequence[str],
) -> str | None:
    """What a loss joins to too large an array, if the gradients are right for one that does not.

    Parameters
    ----------
    seen : the gradients; those at the given point are compared
    program : the loss
    arguments : of the loss
    names : of its arrays, those of the model
    notes : of the model: which shapes were joined, at which line of the program

    Returns
    -------
    str or None
    """
    joined = [note for note in notes if _is_outer(note)]
    if not joined:
        return None
    own = {model: name for name, model in names.items()}
    wanted = [own[name] for name in seen.samples[0].claimed]
    only = replace(seen, samples=seen.samples[:1])
    for other in _other_shapes(arguments, wanted):
        try:
            found = trace(program, other, wanted)
        except GradcheckError:
            continue
        model = read_model(found.text, file="model")
        made = Sample(model, {found.names[n]: seen.samples[0].claimed[names[n]] for n in wanted})
        gradients = {names[n]: made.true[found.names[n]] for n in wanted}
        if only.are_made(seen.wrong, [gradients]):
            return f"is right for another loss, and the loss is not what it seems: {joined[0]}"
    return None


def _is_outer(note: str) -> bool:
    """Whether [n] and [n, 1] were joined to [n, n]."""
    found = re.search(r"the shapes \[(\d+)(?:, (\d+))?\] and \[(\d+)(?:, (\d+))?\] were joined", note)
    if not found:
        return False
    rows, columns, other_rows, other_columns = found.groups()
    shapes = {(rows, columns), (other_rows, other_columns)}
    return any((n, None) in shapes and {(n, "1"), ("1", n)} & shapes for n in (rows, other_rows))


def _other_shapes(arguments: Mapping[str, Any], wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The arguments with one array of data as a column, or as a vector."""
    for leaves in leaves_by_argument(arguments).values():
        for leaf, array in leaves.items():
            if leaf in wanted or not isinstance(array, np.ndarray):
                continue
            for shape in ((-1,),) if array.ndim == 2 and 1 in array.shape else ((-1, 1),) * (array.ndim == 1):
                yield map_arguments(arguments, _reshaped(leaf, shape), [leaf])


def _reshaped(leaf: str, shape: tuple[int, ...]) -> Callable[[str, Array], Any]:
    return lambda name, array: array.reshape(shape) if name == leaf else array if array.ndim else float(array)


def differenced(
    seen: Observed, program: Program, arguments: Mapping[str, Any], names: Mapping[str, str], name: str
) -> str | None:
    """The step size of the finite difference that a gradient by a parameter is.

    Parameters
    ----------
    seen : the gradients; those at the given point are compared
    program, arguments : the loss, which is called
    names : of its arrays, those of the model
    name : of the parameter, in the model

    Returns
    -------
    str or None
    """
    limits = seen.limits
    leaf = next(own for own, model in names.items() if model == name)
    sample = seen.samples[0]
    claimed, true = np.ravel(sample.claimed[name]).astype(float), np.ravel(sample.true[name])
    if claimed.shape != true.shape:
        return None
    off = np.abs(claimed - true)
    size = np.max(np.abs(true), initial=0.0)
    if claimed.size > limits.most_differenced or not 0 < np.max(off) < limits.difference_error * size:
        return None
    entries = np.argsort(-off)[: limits.examined]

    def at(entry: int, step: float) -> float:
        moved = map_arguments(arguments, _stepped(leaf, entry, step))
        return loss_of(program, moved, quiet=True)

    try:
        value = loss_of(program, arguments, quiet=True)
        for h in limits.steps:
            up, down = (np.array([at(int(k), sign * h) for k in entries]) for sign in (1, -1))
            for made, kind in (((up - down)/(2*h), "central"), ((up - value)/h, "forward")):
                tolerance = limits.difference_rounding * np.finfo(float).eps * abs(value) / h
                tolerance = np.minimum(tolerance, off[entries] / limits.nearer_difference)
                if np.all(np.abs(made - claimed[entries]) <= tolerance):
                    return _difference(kind, h, claimed, true, program.name)
    except GradcheckError:
        return None
    return None


def _difference(kind: str, h: float, claimed: Array, true: Array, loss: str) -> str:
    size = np.max(np.abs(true))
    digits = int(-np.log10(max(float(np.max(np.abs(claimed - true)) / size), np.finfo(float).eps)))
    return (f"is a {kind} difference of {loss} with step {h:g}: right to about {digits} digits, "
            f"and differences of float64 have no more")  # fmt: skip


def _stepped(leaf: str, entry: int, step: float) -> Callable[[str, Array], Any]:
    def move(name: str, array: Array) -> Any:
        if name == leaf:
            array.reshape(-1)[entry] += step
        return array if array.ndim else float(array)

    return move
