"""Reads a Model at a point. Gives WHICH function is at fault where a witness of ours stands alone.

Every node is given a name, so that backprop's adjoint of each can be compared with the truth. Knows
nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_cli import backprop, symbolic
from gradcheck_cli.forward import Tape, forward_pass
from gradcheck_cli.graph import Model, Node
from gradcheck_cli.points import signs
from gradcheck_cli.referee import Referee
from gradcheck_cli.values import CLOSE, PROJECTION_MARGIN, Point, floats

__all__ = ["Slopes", "undeclared_border", "unequal", "wrong_vjp"]


@dataclass(frozen=True)
class Slopes:
    """Exact one-sided slopes of one entry; `border`: a function declares a kink or border here."""

    left: float
    right: float
    border: bool

    def confirm(self, truth: float) -> bool:
        """Whether there is one slope, and it is `truth` where that is known."""
        if not np.isfinite([self.left, self.right]).all() or unequal(self.left, self.right):
            return False
        return not np.isfinite(truth) or not unequal(self.left, truth)


def wrong_vjp(model: Model, point: Point, of: str) -> str:
    """Whose vjp is wrong: a user of the last node whose adjoint is wrong although its users' are
    right. "" where no adjoint is."""
    model = _all_named(model)
    graph = model.graph
    tape = forward_pass(model, point.tape.m, point.values)
    referee = Referee(symbolic.lower(model))

    def wrong(target: str, names: Sequence[str]) -> list[str]:
        if not referee.affords():
            return _projected_apart(model, tape, referee, point, target, names)
        ours = backprop.derivative(model, tape, target, names)
        true = referee.derivative(point.values, target, names)
        room = referee.rounding(point.values, target, names)
        apart = {n: (np.abs(ours[n] - floats(true[n])), np.abs(floats(true[n]))) for n in names}
        return [n for n, (gap, size) in apart.items() if np.any(gap > room[n] + CLOSE * size)]

    needed = graph.upstream([graph.names[of]])
    found = wrong(of, [str(node.index) for node in graph.nodes if needed[node.index]])
    if not found:
        return ""
    last = int(found[-1])
    users = [n for n in graph.nodes if last in n.arguments and needed[n.index]]
    moved = graph.downstream([last])
    if len(users) == 1 and sum(moved[a] for a in users[0].arguments) == 1:
        return f"the vjp of {_placed(model, users[0])}"  # its own adjoint is right, and there is no other
    for user in users:  # the first wrong one: no other user stands between it and the node
        if referee.affords(max(1, int(np.prod(user.shape)))) and wrong(str(user.index), [found[-1]]):
            ways = sum(moved[a] for a in user.arguments)
            added = " or in the adding up of adjoints" if ways > 1 else ""
            return f"the vjp of {_placed(model, user)}{added}"
    return "the adding up of adjoints from " + " and ".join(_placed(model, n) for n in users)


def _projected_apart(
    model: Model, tape: Tape, referee: Referee, point: Point, of: str, names: Sequence[str]
) -> list[str]:
    """The names whose entries, added up with random signs, differ between symbolic and backprop; of what
    has one value per row, over all rows. For models beyond the budget of high precision."""
    ours = backprop.derivative(model, tape, of, names)
    room = referee.rounding(point.values, of, names)
    found = []
    for name in names:
        moves = signs(model.seed, name, (1, *model.node(name).shape))
        theirs = symbolic.along(referee.program, point.values, of, {name: moves})[0]
        off = abs(float(np.sum(moves[0] * ours[name])) - float(theirs))
        if off > PROJECTION_MARGIN * float(np.sqrt(np.sum(np.square(room[name])))):
            found.append(name)
    return found


def undeclared_border(
    model: Model, point: Point, of: str, by: str, index: tuple[int, ...], row: int | None
) -> str:
    """The first node on the way whose own one-sided slopes differ; "" where none does."""
    model = _all_named(model)
    graph, referee = model.graph, Referee(symbolic.lower(model))
    moved, needed = graph.downstream([graph.names[by]]), graph.upstream([graph.names[of]])
    for node in graph.nodes:
        if moved[node.index] and needed[node.index] and node.index != graph.names[by]:
            found = referee.sides(point.values, str(node.index), by, index, row)
            pairs = zip(floats(found.left).flat, floats(found.right).flat, strict=True)
            if not all(Slopes(a, b, False).confirm(np.nan) for a, b in pairs):
                return _placed(model, node)
    return ""


def _all_named(model: Model) -> Model:
    """The model with its nodes' numbers as names, which no step can have."""
    every = {str(node.index): node.index for node in model.graph.nodes}
    return replace(model, graph=replace(model.graph, names={**model.graph.names, **every}))


def _placed(model: Model, node: Node) -> str:
    """A node's function, and the line of the step it belongs to."""
    step = min((s for s in model.steps.values() if s.node >= node.index), key=lambda s: s.node)
    return f"{node.operation} (line {step.line})"


def unequal(left: float, right: float) -> bool:
    """Whether two slopes at high precision are two."""
    return abs(left - right) > 1e-12 * max(abs(left), abs(right)) and (max(abs(left), abs(right)) > 1e-35)
