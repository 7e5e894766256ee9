"""Reads a Model at a point. Gives WHICH function is at fault where a method of ours stands alone.

Every node is given a name, so that backprop's adjoint of each can be compared with the truth. Knows
nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Graph, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.random_points import signs
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.verdicts.gradients.points import Point
from gradcheck_cli.verdicts.gradients.random_sums import sum_tolerance
from gradcheck_cli.verdicts.kink_policy import Slopes

__all__ = ["locate_wrong_vjp", "name_kink", "name_place", "undeclared_border", "wrong_partial"]


def locate_wrong_vjp(
    model: Model, point: Point, of: str, referee: Referee, limits: GradientsLimits = DEFAULTS
) -> str:
    """What is wrong in backprop, at the last node whose adjoint is wrong although its users' are right: the
    vjp of a user, the adding up of several, the sum of one over the rows, or the seed, which no user made.
    "" where no adjoint is."""
    named = _name_all(model)
    graph = named.graph
    needed = graph.upstream([graph.names[of]])
    varies = graph.downstream(node.index for node in graph.nodes if node.is_leaf)  # a number has no slope
    names = [str(k) for k, node in enumerate(graph.nodes) if needed[k] and varies[k]]
    found = _wrong_adjoints(named, point, of, names, referee, limits)
    if not found:
        return ""
    last = int(found[-1])
    if last == graph.names[of]:
        return f"the seed of backprop, d {of}/d {of}, which is 1"
    split, users = _uses_apart(model, last)
    on_the_way = [name for name, user in users.items() if needed[user.index]]
    many = len(on_the_way) > 1
    wrong = _wrong_adjoints(split, point, of, on_the_way, referee, limits) if many else on_the_way
    if wrong:
        user = users[wrong[0]]
        place = name_place(model, user)
        summed = user.per_row and not graph.nodes[last].per_row
        if summed and not _wrong_in_one_row(split, point, of, wrong[0], referee, limits):
            return f"the sum over the rows of what {place} sends back"
        return f"the vjp of {place}"
    places = dict.fromkeys(name_place(model, users[name]) for name in on_the_way)
    return f"the adding up of adjoints from {' and '.join(places)}"


def _wrong_in_one_row(
    model: Model, point: Point, of: str, name: str, referee: Referee, limits: GradientsLimits
) -> list[str]:
    """The name, if backprop's derivative by it is wrong also where the first row is all there is, and nothing
    to be added up."""
    shared = {n: v for n, v in point.values.items() if model.inputs[n].kind != "rows"}
    one = model.at(shared).of_rows(slice(1))
    values = one.point()
    there = Point(0, values, forward_pass(one, point.tape.m, values, limits=point.tape.limits))
    return _wrong_adjoints(one, there, of, [name], referee, limits)


def _wrong_adjoints(
    model: Model, point: Point, of: str, names: Sequence[str], whole: Referee, limits: GradientsLimits
) -> list[str]:
    """The names by which backprop's derivative is off by more than rounding."""
    referee = whole.for_model(model)
    tape = referee.forward(point.values, point.tape.m)
    ours = backprop.derivative(model, tape, of, names)
    bounds = referee.rounding(point.values, of, names)
    try:
        exact = referee.derivative(point.values, of, names) if referee.affords() else None
    except BudgetSpent:
        exact = None
    if exact is None:
        tolerances = {n: sum_tolerance(bounds[n], limits) for n in names}
        return [n for n in names if _sums_differ(referee, point, of, n, ours[n], tolerances[n])]
    true = {name: floats(value) for name, value in exact.items()}
    with np.errstate(invalid="ignore"):  # not-a-number at the border of a domain
        return [
            n for n in names
            if np.any(np.abs(ours[n] - true[n]) > bounds[n] + limits.close * np.abs(true[n]))
        ]  # fmt: skip


def _sums_differ(
    referee: Referee, point: Point, of: str, name: str, ours: Array, tolerance: float
) -> bool:
    """Whether entries added up with random signs differ between symbolic and backprop; of what has one
    value per row, over all rows. For models beyond the budget of high precision."""
    model = referee.model
    moves = signs(model.seed, name, (1, *model.node(name).shape))
    theirs = symbolic.along(referee.program, point.values, of, {name: moves}, meter=referee.meter)[0]
    return abs(float(np.sum(moves[0] * ours)) - float(theirs)) > tolerance


def _uses_apart(model: Model, index: int) -> tuple[Model, dict[str, Node]]:
    """The model where each use of a node has a name of its own, and the users by these names."""
    builder = Builder()
    new: dict[int, int] = {}
    users: dict[str, Node] = {}
    uses: dict[str, int] = {}
    for node in model.graph.nodes:
        arguments = [new[a] for a in node.arguments]
        for place, argument in enumerate(node.arguments):
            if argument == index:
                arguments[place] = builder.apply("identity", (new[index],))
                name = f"use {len(uses)}"
                users[name], uses[name] = node, arguments[place]
        new[node.index] = builder.copy(node, arguments)
    names = {name: new[k] for name, k in model.graph.names.items()}
    steps = {name: replace(step, node=new[step.node]) for name, step in model.steps.items()}
    inputs = {name: replace(item, node=new[item.node]) for name, item in model.inputs.items()}
    graph = Graph(tuple(builder.nodes), {**names, **uses})
    return replace(model, graph=graph, steps=steps, inputs=inputs), users


def undeclared_border(
    model: Model, point: Point, of: str, by: str, index: tuple[int, ...], row: int | None, whole: Referee
) -> str:
    """The first node on the way whose own one-sided slopes differ; "" where none does. Raises BudgetSpent."""
    model = _name_all(model)
    graph, referee = model.graph, whole.for_model(model)
    moved, needed = graph.downstream([graph.names[by]]), graph.upstream([graph.names[of]])
    for node in graph.nodes:
        if moved[node.index] and needed[node.index] and node.index != graph.names[by]:
            found = referee.sides(point.values, str(node.index), by, index, row)
            pairs = zip(floats(found.left).flat, floats(found.right).flat, strict=True)
            if not all(Slopes(a, b, False).confirm(np.nan) for a, b in pairs):
                return name_place(model, node)
    return ""


def wrong_partial(
    model: Model, point: Point, of: str, by: str, index: tuple[int, ...], row: int | None, whole: Referee
) -> str:
    """The first node on the way whose derivative by SymPy's partials is not its exact slope; "" where none
    is, or where the name has one value per row. Raises BudgetSpent."""
    model = _name_all(model)
    graph, referee = model.graph, whole.for_model(model)
    source = graph.nodes[graph.names[by]]
    moved, needed = graph.downstream([source.index]), graph.upstream([graph.names[of]])
    at: Any = (..., *index)
    for node in graph.nodes:
        if source.per_row or not (moved[node.index] and needed[node.index]) or node.index == source.index:
            continue
        slopes = floats(referee.sides(point.values, str(node.index), by, index, row).left)
        exact = floats(referee.derivative(point.values, str(node.index), [by])[by])
        pairs = zip(slopes.flat, exact[at].flat, strict=True)
        if not all(Slopes(a, a, False).confirm(b) for a, b in pairs):
            return name_place(model, node)
    return ""


def _name_all(model: Model) -> Model:
    """The model with its nodes' numbers as names, which no step can have."""
    every = {str(node.index): node.index for node in model.graph.nodes}
    return replace(model, graph=replace(model.graph, names={**model.graph.names, **every}))


def name_kink(model: Model, node: Node) -> str:
    """A function as it is written, and the line of the step it belongs to."""
    primitive = node.primitive
    return f"{primitive.infix or primitive.function} (line {model.step_around(node.index).line})"


def name_place(model: Model, node: Node) -> str:
    """A node's function, and the line of the step it belongs to."""
    return f"{node.operation} (line {model.step_around(node.index).where})"
