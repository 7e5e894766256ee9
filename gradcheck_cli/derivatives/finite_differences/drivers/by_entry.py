"""Finite differences, entry by entry. Reads a Tape. Gives differences of any step by any name.

`differences` sees a function that it may sample and nothing else; here that function is made from the
forward pass: one entry of one name is moved, only what lies downstream is computed again, and all moved
points are stacked along the first axis. Knows nothing of derivative rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.derivatives.finite_differences.differences import differences
from gradcheck_cli.derivatives.finite_differences.drivers.perturbed_inputs import (
    Along,
    Chosen,
    Moved,
    MovedRows,
    Sampled,
)
from gradcheck_cli.derivatives.finite_differences.sampled_function import Differences, Samples
from gradcheck_cli.derivatives.finite_differences.schemes import SCHEMES, Scheme, find_scheme
from gradcheck_cli.evaluation.evaluate import operations
from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS, FiniteDifferencesLimits

__all__ = ["Estimates", "along", "derivative", "derivative_at", "estimates", "scheme_by_name"]


@dataclass(frozen=True)
class Estimates:
    """Values with error bounds, shapes as those of backprop; slopes are nan off kinks."""

    value: Array
    bound: Array
    left: Array
    right: Array
    kink: Array


def scheme_by_name(name: str) -> Scheme:
    """A scheme by name. Raises OptionError that lists the schemes."""
    try:
        return find_scheme(name)
    except (KeyError, ValueError):
        raise OptionError(
            f"there is no scheme {name!r}", help=f"the schemes are {', '.join(sorted(SCHEMES))}"
        ) from None


def derivative(
    model: Model,
    tape: Tape,
    of: str,
    by: Iterable[str],
    scheme: Scheme,
    noise: Array | float = 0.0,
    enough: float = 0.0,
    limits: FiniteDifferencesLimits = DEFAULTS,
) -> dict[str, Estimates]:
    """d of/d name by differences, with error bounds.

    Parameters
    ----------
    model, tape : the graph, and its values at one point
    of : a step
    by : names of inputs or steps
    scheme : how an entry is differenced
    noise : (*of) float64, in the unit of `of`
        What rounding may make of the value itself.
    enough : a relative bound that will do
        Where samples take long, three step sizes are tried first.
    limits : tolerances, safety factors and work limits

    Returns
    -------
    dict of str to Estimates
        float64 (rows?, *of, *name), in units of `of` per unit of the name. Under a shared `of` the rows of
        a per-row name beyond limits.most_rows are nan.

    Raises
    ------
    OptionError
        If the complex step cannot pass a function.
    """
    target = model.node(of)
    names = list(by)
    tape = _tape_for(model, tape, of, names, scheme)
    shared = [name for name in names if not model.node(name).per_row]
    found: dict[str, Estimates] = {}
    with tape.keep_blocks():
        for group in _groups(model, shared, limits):
            moved = Moved(tape, target, [model.node(n) for n in group], limits)
            found.update(estimates(moved, group, scheme, noise, enough))
        for name in names:
            if name not in found:
                by_row = MovedRows(tape, target, model.node(name), limits)
                found.update(estimates(by_row, [name], scheme, noise, enough))
    return {name: found[name] for name in names}


def derivative_at(
    model: Model,
    tape: Tape,
    of: str,
    name: str,
    entries: Array,
    scheme: Scheme,
    noise: Array | float = 0.0,
    enough: float = 0.0,
    limits: FiniteDifferencesLimits = DEFAULTS,
) -> Estimates:
    """d of/d some entries of one name that has one value for all rows.

    Parameters
    ----------
    model, tape, of, scheme, noise, enough, limits : as those of `derivative`
    name : an input or a step
    entries : (k,) flat indices of its entries

    Returns
    -------
    Estimates
        float64 (rows?, *of, k), in units of `of` per unit of the name.

    Raises
    ------
    OptionError
        If the complex step cannot pass a function.
    """
    tape = _tape_for(model, tape, of, [name], scheme)
    moved = Chosen(tape, model.node(of), [model.node(name)], np.asarray(entries), limits)
    return estimates(moved, [name], scheme, noise, enough)[name]


def along(
    model: Model,
    tape: Tape,
    of: str,
    directions: Mapping[str, Array],
    scale: float,
    scheme: Scheme,
    noise: Array | float = 0.0,
    enough: float = 0.0,
    limits: FiniteDifferencesLimits = DEFAULTS,
) -> Estimates:
    """The slopes of `of` as names move together along directions.

    Parameters
    ----------
    model, tape, of, scheme, noise, enough, limits : as those of `derivative`
    directions : name to (D, *shape) float64
        How far each entry of the name moves per unit step of each of the D directions.
    scale : the size at which a step along a direction is large

    Returns
    -------
    Estimates
        float64 (rows?, *of, D), in units of `of` per unit step.

    Raises
    ------
    OptionError
        If the complex step cannot pass a function.
    """
    tape = _tape_for(model, tape, of, list(directions), scheme)
    nodes = {model.node(name).index: moves for name, moves in directions.items()}
    return estimates(Along(tape, model.node(of), nodes, scale, limits), [of], scheme, noise, enough)[of]


def _tape_for(model: Model, tape: Tape, of: str, names: list[str], scheme: Scheme) -> Tape:
    """The tape in the numbers that a scheme needs."""
    if not scheme.imaginary:
        return tape
    _refuse_unanalytic(model, model.node(of), names)
    from gradcheck_cli.numerics.complex_step import Complex128

    return forward_pass(model, Complex128(), tape.point, limits=tape.limits, meter=tape.meter)


def _groups(model: Model, names: Iterable[str], limits: FiniteDifferencesLimits) -> list[list[str]]:
    """Small inputs together, whose entries are then moved in one pass; large ones alone, and steps,
    because a step whose value is overridden stops what moves upstream of it."""
    groups: list[list[str]] = [[]]
    alone: list[list[str]] = []
    filled, most = 0, min(limits.most_together, limits.most_rows_together // (model.rows or 1))
    for name in names:
        size = model.node(name).size
        if not model.node(name).is_leaf:
            alone.append([name])
            continue
        if groups[-1] and filled + size > most:
            groups.append([])
            filled = 0
        groups[-1].append(name)
        filled += size
    return [group for group in (*groups, *alone) if group]


def _refuse_unanalytic(model: Model, of: Node, names: Iterable[str]) -> None:
    graph = model.graph
    down, up = graph.downstream(model.node(n).index for n in names), graph.upstream([of.index])
    for node in graph.nodes:
        inner = down[node.index] and up[node.index] and not (node.is_leaf or node.is_literal)
        if inner and not node.primitive.analytic:
            raise OptionError(
                f"the complex step cannot pass {node.primitive.function}: it has no complex values here",
                help="use --scheme extrapolated",
            )


def estimates(
    moved: Sampled, names: Sequence[str], scheme: Scheme, noise: Array | float, enough: float = 0.0
) -> dict[str, Estimates]:
    """Differences of a function, for each of the names that its entries belong to.

    Parameters
    ----------
    moved : the function, and the shapes of its names
    names : in the order in which `moved.in_shapes_of_names` gives them
    scheme, noise, enough : as those of `derivative`

    Returns
    -------
    dict of str to Estimates
        In the shapes of `moved.in_shapes_of_names`.
    """
    on_border = moved.on_border() if moved.tape.borders_hit() else None
    short = enough > 0 and on_border is None and scheme.sees_sides and not scheme.rungs and _takes_long(moved)
    ladders = [*(replace(scheme, rungs=rungs) for rungs in moved.limits.short_ladders if short), scheme]
    if short and _takes_too_long(moved):
        ladders.pop()
    parts: list[Array] = []
    left = np.arange(len(moved.base))
    for ladder in ladders:
        part = _Part(moved, left)
        found = differences(
            part, part.base, scheme=ladder, on_kink=on_border, noise=noise, limits=moved.limits
        )
        parts = parts or [np.array(column) for column in _parts(found)]
        for old, new in zip(parts, _parts(found), strict=True):
            old[left] = new
        if ladder is ladders[-1]:
            break
        with np.errstate(all="ignore"):
            good = (found.bound <= enough * np.abs(found.value)) | _is_flat(part, found)
        left = left[~good.reshape(len(good), -1).all(axis=1)]
        if not left.size:
            break
    shaped = zip(*(moved.in_shapes_of_names(part) for part in parts), strict=True)
    return {name: Estimates(*columns) for name, columns in zip(names, shaped, strict=True)}


def _parts(found: Differences) -> tuple[Array, ...]:
    return found.value, found.bound, found.left, found.right, found.kink


def _takes_long(moved: Sampled) -> bool:
    """Whether samples take so long that three step sizes are tried first: they prove ten digits where f is
    smooth and of the usual scale, with a fifth of the samples."""
    return len(moved.base) * operations(moved.tape.model) >= moved.limits.many_operations


def _takes_too_long(moved: Sampled) -> bool:
    """Whether the whole ladder would take minutes: the bound then stays as three step sizes leave it."""
    return len(moved.base) * operations(moved.tape.model) >= moved.limits.too_many_operations


def _is_flat(part: _Part, found: Differences) -> Array:
    """Where f hardly moves, and only by its noise: larger and smaller steps show little more."""
    size = np.abs(part.base).reshape(-1, *(1,) * (found.bound.ndim - 1))
    change = found.bound * np.where(size == 0, 1.0, size)
    flat = change <= part.moved.limits.flat * np.abs(part.moved.tape.of_node(part.moved.of))
    return np.asarray(flat & (np.abs(found.value) <= found.bound))


@dataclass(frozen=True)
class _Part:
    """Some of the entries."""

    moved: Sampled
    which: Array

    @property
    def base(self) -> Array:
        return self.moved.base[self.which]

    def __call__(self, which: Any, offsets: Array) -> Samples:
        return self.moved(self.which[which], offsets)
