"""Reads functions with array outputs and their vector-Jacobian or Jacobian-vector products. Gives a loss and
its gradient: the outputs weighted by a cotangent, or the slope along tangents.

Cotangents and tangents are drawn. Knows nothing of how a gradient is judged.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits
from gradcheck_cli.results import index_patterns
from gradcheck_cli.tracing.argument_trees import is_float, map_arrays
from gradcheck_cli.tracing.gradient_names import spellings
from gradcheck_cli.tracing.programs import Program
from gradcheck_cli.tracing.replay import outputs_of

__all__ = ["STEP", "pull_back", "push_forward", "wrong_outputs"]

_NAMED = (
    inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)  # fmt: skip
STEP = "step"  # along the tangents; the parameter of a slope
_OUTPUTS = ("ans", "out", "output", "y", "value")


def pull_back(
    program: Program, product: Program, arguments: Mapping[str, Any], limits: ProgramsLimits = PROGRAMS,
) -> tuple[Program, Program]:
    """The outputs of a function, weighted by a cotangent, as a loss; its vector-Jacobian product as gradient.

    Parameters
    ----------
    program : the function
    product : takes its arguments and a cotangent, returns the cotangents of arguments
    arguments : by name
    limits : how weights are drawn

    Returns
    -------
    loss, gradient
    """
    outputs = _outputs(program, arguments)
    weights = [_drawn(np.shape(part), [k], limits) for k, part in enumerate(outputs)]
    rest = _missing(product, arguments, "cotangent")
    values: dict[str, Any] = {}
    if len(rest) > len(weights) and rest[0] in _OUTPUTS:
        values[rest.pop(0)] = outputs[0] if len(outputs) == 1 else tuple(outputs)
    if len(rest) == len(weights):
        values |= dict(zip(rest, weights, strict=True))
    elif len(rest) == 1:
        values[rest[0]] = tuple(weights)
    else:
        count = "1 output" if len(weights) == 1 else f"{len(weights)} outputs"
        message = f"{product.name} takes {', '.join(rest)}, and {program.name} has {count}"
        raise OptionError(message, help="it takes the arguments, and a cotangent for each output")

    def backward(**given: Any) -> Any:
        return product.run({**given, **copy.deepcopy(values)})

    return _weighted(program, weights), _with_signature(product, backward, [*values])


def push_forward(
    program: Program, product: Program, arguments: Mapping[str, Any], wanted: Sequence[str],
    limits: ProgramsLimits = PROGRAMS,
) -> tuple[Program, Program, dict[str, Any]]:
    """The outputs of a function along tangents, weighted, as a loss of one number; what its Jacobian-vector
    product gives for the tangents as the gradient.

    Parameters
    ----------
    program : the function
    product : takes its arguments and tangents, returns the tangents of the outputs, alone or behind these
    arguments : by name
    wanted : the arguments that have tangents; as `product` takes them, if there are none
    limits : how tangents and weights are drawn

    Returns
    -------
    loss, gradient
        Of `step`, and of the arguments.
    arguments
        With `step`, 0.
    """
    outputs = _outputs(program, arguments)
    weights = [_drawn(np.shape(part), [k], limits) for k, part in enumerate(outputs)]
    tangents, given = _tangents(product, arguments, wanted, limits)

    def along(**values: Any) -> Any:
        step = values.pop(STEP)
        for name, tangent in tangents.items():
            values[name] = values[name] + step * tangent
        return program.call(values)

    def forward(**values: Any) -> Any:
        values.pop(STEP, None)
        found = product.framework.plain(product.run({**values, **copy.deepcopy(given)}))
        parts = _tangents_of(product, found, weights)
        return {STEP: sum(float(np.sum(w * part)) for w, part in zip(weights, parts, strict=True))}

    weighted = _weighted(replace(program, function=along), weights)
    loss = _with_signature(program, weighted.function, [], [STEP])
    return loss, _with_signature(product, forward, [*given]), {**arguments, STEP: 0.0}


def _tangents_of(product: Program, found: Any, weights: Sequence[Array]) -> list[Any]:
    """The tangents of the outputs, also behind the outputs."""
    parts = _parts(found)
    parts = parts[len(weights) :] if len(parts) == 2 * len(weights) else parts
    if [np.shape(part) for part in parts] != [weight.shape for weight in weights]:
        own, wanted = ([str(list(np.shape(each))) for each in some] for some in (parts, weights))
        message = f"{product.name} returns the shapes {', '.join(own)}; the outputs have {', '.join(wanted)}"
        raise OptionError(message)
    return parts


def wrong_outputs(
    program: Program, product: Program, arguments: Mapping[str, Any], wanted: Sequence[str],
    limits: ProgramsLimits = PROGRAMS,
) -> str:
    """Which entries of the outputs have another tangent than a central difference, in words.

    Parameters
    ----------
    program, product, arguments, wanted, limits : as of `push_forward`

    Returns
    -------
    str
    """
    tangents, given = _tangents(product, arguments, wanted, limits)
    outputs = _outputs(program, arguments)
    own = {name: value for name, value in arguments.items() if name in product.parameters}
    found = outputs_of(product, {**own, **given}, quiet=True)
    parts = _tangents_of(product, found, [np.asarray(o) for o in outputs])
    h = limits.halving_step
    moved = (
        {n: v + s * h * tangents[n] if n in tangents else v for n, v in arguments.items()} for s in (1, -1)
    )
    up, down = (_outputs(program, each) for each in moved)
    said = []
    for k, (part, one, other) in enumerate(zip(parts, up, down, strict=True)):
        true = (np.asarray(one) - other) / (2 * h)
        wrong = np.abs(part - true) > limits.zero * np.max(np.abs(true), initial=0.0)
        name = "the output" if len(parts) == 1 else f"output {k}"
        if np.any(wrong):
            said.append(index_patterns.words(np.asarray(wrong), name) if np.ndim(wrong) else name)
    return f"other tangents than differences have: {', '.join(said)}" if said else ""


def _tangents(
    product: Program, arguments: Mapping[str, Any], wanted: Sequence[str], limits: ProgramsLimits
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tangents by the arguments that they move, and as the product takes them."""
    rest = _missing(product, arguments, "tangent")
    names = _moved(product, rest, arguments, wanted)
    draw = partial(_tangent, limits)
    found = {name: map_arrays(name, arguments[name], draw) for name in names}
    if len(rest) == len(names):
        return found, dict(zip(rest, found.values(), strict=True))
    return found, {rest[0]: tuple(found.values())}


def _moved(
    product: Program, rest: Sequence[str], arguments: Mapping[str, Any], wanted: Sequence[str]
) -> list[str]:
    """The arguments that have tangents."""
    floats = [name for name, value in arguments.items() if is_float(value)]
    known = {s: n for n in floats for s in (*spellings(n), f"{n}_dot", f"{n}_t", f"t_{n}")}
    spelled = [known.get(each, "") for each in rest]
    names = list(wanted) or (spelled if all(spelled) else floats[: len(rest)])
    if unknown := [name for name in names if name not in floats]:
        raise OptionError(f"there is no float argument {unknown[0]}", help=f"there are {', '.join(floats)}")
    if len(names) != len(rest) and len(rest) != 1:
        raise OptionError(f"{product.name} takes {len(rest)} tangents, and {', '.join(names)} are moved")
    return names


def _outputs(program: Program, arguments: Mapping[str, Any]) -> list[Any]:
    found = _parts(outputs_of(program, arguments, quiet=True))
    for part in found:
        array = np.asarray(part)
        if array.dtype.kind not in "fiub" or not np.all(np.isfinite(array)):
            raise OptionError(f"{program.name} returns what is no finite array of numbers", file=program.file)
    return found


def _parts(result: Any) -> list[Any]:
    if not isinstance(result, list | tuple):
        return [result]
    return [part for each in result for part in _parts(each)]


def _missing(product: Program, arguments: Mapping[str, Any], what: str) -> list[str]:
    """The arguments of a product that are none of the function's."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    rest = [
        name for name, p in product.parameters.items()
        if name not in arguments and p.kind not in kinds and p.default is p.empty
    ]  # fmt: skip
    if not rest:
        message = f"{product.name} takes no argument beside those of the function"
        raise OptionError(message, help=f"it takes them by the same names, and a {what}")
    return rest


def _drawn(shape: tuple[int, ...], seed: Iterable[int], limits: ProgramsLimits) -> Array:
    random = np.random.default_rng([limits.seed, *seed])
    return np.asarray(random.uniform(*limits.weights, shape) * random.choice([-1.0, 1.0], shape))


def _tangent(limits: ProgramsLimits, name: str, array: Array) -> Any:
    found = _drawn(array.shape, name.encode(), limits)
    return found if array.ndim else float(found)


def _weighted(program: Program, weights: Sequence[Array]) -> Program:
    """The function's outputs, times weights, as one number."""

    def loss(**given: Any) -> Any:
        parts = _parts(program.call(given))
        terms = (part * weight for part, weight in zip(parts, weights, strict=True))
        return sum(term.sum() if np.ndim(term) else term for term in terms)

    return _with_signature(program, loss, [])


def _with_signature(
    program: Program, function: Callable[..., Any], without: Sequence[str], more: Sequence[str] = ()
) -> Program:
    """A program whose function is another one, with its arguments by name; without some, or with more."""
    own = inspect.signature(program.function)
    named = [p for name, p in own.parameters.items() if name not in without and p.kind in _NAMED]
    kept = [p.replace(kind=p.KEYWORD_ONLY) for p in named]
    kept += [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in more]
    function.__signature__ = own.replace(parameters=kept)  # type: ignore[attr-defined]
    return replace(program, function=function)


