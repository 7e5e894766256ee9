"""Reads a Model, its Program and a Tape. Gives whether the values of all steps agree at a point.

The value of every step comes first, symbolic against forward pass, within what rounding allows. Knows
nothing of derivatives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_cli.derivatives import symbolic
from gradcheck_cli.derivatives.symbolic.program import Program
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64, floats
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.numerics.machine import MOST_DIGITS
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.reference.stochastic_rounding import unmeasured_rounding
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.verdicts.gradients.points import Point, single

__all__ = ["Values", "compare_values"]


# ---------------------------------------------------------------------------------------------
# The value of every step
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Values:
    """How symbolic and forward pass agree on the values; `wrong` names the first step that differs."""

    verdict: Verdict
    digits: float
    loss_symbolic: float | None
    wrong: str | None = None
    note: str = ""


def compare_values(
    model: Model, program: Program, referee: Referee, point: Point, limits: GradientsLimits = DEFAULTS
) -> Values:
    """Every step's value by SymPy's formulas against the forward pass, within rounding."""
    if not referee.jitters_values():
        return _compare_in_blocks(program, referee, point, limits)
    ours = {name: point.tape.value(name) for name in model.steps}
    theirs = symbolic.values(program, point.values, meter=point.tape.meter)
    suspects = [name for name in model.steps if _apart(ours[name], theirs[name], limits.close).any()]
    bounds = referee.value_rounding(point.values, suspects) if suspects else {}
    off = {name: _off(theirs[name], ours[name], bounds[name]) for name in suspects}
    suspects = [name for name in suspects if off[name].any() or name == model.loss]
    if (model.rows or 0) > limits.most_rows:  # of many rows those that differ, each of which sees no other
        by_row = [name for name in suspects if model.node(name).per_row]
        found = _compare_rows(model, referee, point, _rows_apart(off, by_row, limits), limits)
        if found is not None and found.verdict is not Verdict.OK:
            return found
        suspects = [name for name in suspects if name not in by_row]
    found = _judge_suspects(model, referee, point, suspects, theirs, ours, bounds)
    if found is not None:
        return found
    loss = model.loss
    if symbolic.unseen(program, loss):
        return _unseen_value(program, referee, point, ours[loss])
    return Values(Verdict.OK, _agreement(ours[loss], theirs[loss]), single(theirs[loss]))


def _rows_apart(off: Mapping[str, Array], names: Sequence[str], limits: GradientsLimits) -> Array:
    """The rows in which some step differs: (rows,) indices, the first ones where they are too many."""
    apart = [np.argwhere(off[name])[:, 0] for name in names]
    return np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *apart]))[:limits.most_rows]


def _judge_suspects(
    model: Model, referee: Referee, point: Point, names: Sequence[str], theirs: dict[str, Array],
    ours: Mapping[str, Array], bounds: Mapping[str, Array],
) -> Values | None:
    """What is found of the first step that is off at high precision; the values of the others are written
    into `theirs`."""
    for name in names:
        try:
            precise, wrong = _examine(referee, point, name, theirs[name], ours[name], bounds[name])
        except BudgetSpent as spent:
            if _off(theirs[name], ours[name], bounds[name]).any():
                return _unknown_value(model, name, spent)
            continue  # within rounding
        if wrong.any():
            jump = _jump_before(referee, point, name)
            if jump is not None:
                return _on_either_side(model, name, jump)
            if _has_no_digit(referee, point, name, precise, bounds[name])[wrong].all():
                return _unknown_value(model, name, "float64 carries no digit of it here")
            return _value_wrong(model, name, precise, ours[name], wrong)
        theirs[name] = precise
    return None


def _compare_in_blocks(
    program: Program, referee: Referee, point: Point, limits: GradientsLimits
) -> Values:
    """The same for more rows than memory holds at once. Rows that differ are looked at by themselves, and
    there rounding is measured: no step that has one value per row sees another row."""
    model, tape = program.model, point.tape
    spans = [tape.rows_of(number) for number in range(tape.block_count)]
    theirs: dict[str, Array] = {}
    blocks = symbolic.values_in_blocks(program, point.values, spans, meter=tape.meter)
    for number, theirs in enumerate(blocks):
        shared = number == len(spans)
        values = tape.shared if shared else tape.block(number)
        off = np.zeros(1 if shared else spans[number].stop - spans[number].start, dtype=bool)
        first: tuple[str, Array, Array, Array] | None = None
        for name, given in theirs.items():
            ours = values[model.node(name).index][0]
            ours = np.broadcast_to(ours[0, ...] if shared else ours, given.shape)
            wrong = _off(given, ours, unmeasured_rounding(ours, limits=referee.limits))
            if not wrong.any():
                continue
            if shared:
                found = _judge_unmeasured(model, values, name, given, ours, wrong, limits)
                if found is not None:
                    return found
                continue
            first = first or (name, given, ours, wrong)
            off |= wrong.reshape(len(off), -1).any(axis=1)
        if first is not None:
            chosen = spans[number].start + np.flatnonzero(off)[:limits.most_rows]
            found = _compare_rows(model, referee, point, chosen, limits) or _judge_unmeasured(
                model, values, *first, limits
            )
            if found is not None and found.verdict is not Verdict.OK:
                return found
    loss = tape.value(model.loss)
    if symbolic.unseen(program, model.loss):
        return _unseen_value(program, referee, point, loss)
    return Values(Verdict.OK, _agreement(loss, theirs[model.loss]), single(theirs[model.loss]))


def _judge_unmeasured(
    model: Model,
    values: Mapping[int, Array],
    name: str,
    theirs: Array,
    ours: Array,
    wrong: Array,
    limits: GradientsLimits,
) -> Values | None:
    """Where a value that differs is one of too many for rounding to be measured: nothing, if the numbers of
    this step cancel to it; a mistake, if it is gross beside them; in between it is not known."""
    inside = [values[k] for k in _nodes_in(model, name) if k in values]
    scale = max(float(np.max(np.abs(value), initial=1.0)) for value in inside)
    gap = float(np.max(np.abs(theirs - ours)[wrong]))
    if gap <= limits.unmeasured_step * scale:
        return None
    if gap > limits.gross_step * scale or not np.isfinite(gap):
        return _value_wrong(model, name, theirs, ours, wrong)
    return _unknown_value(model, name, f"they differ by {gap:.1e}, and rounding is not measured here")


def _compare_rows(
    model: Model, referee: Referee, point: Point, chosen: Array, limits: GradientsLimits
) -> Values | None:
    """The values of the steps in some rows alone; the row that is named is the first of them. None where one
    row has so many values that rounding is not measured."""
    if not len(chosen):
        return Values(Verdict.OK, 0.0, None)
    few = model.at({n: v for n, v in point.values.items() if model.inputs[n].kind != "rows"}).of_rows(chosen)
    judge, values = referee.for_model(few), few.point()
    if not judge.jitters_values():
        return _compare_rows(model, referee, point, chosen[:1], limits) if len(chosen) > 1 else None
    there = Point(0, values, judge.forward(values, FLOAT64))
    found = compare_values(few, judge.program, judge, there, limits)
    return replace(found, note=f"{found.note} (from row {int(chosen[0]):,})") if found.wrong else found


def _examine(
    referee: Referee, point: Point, name: str, theirs: Array, ours: Array, bound: Array
) -> tuple[Array, Array]:
    """The symbolic value of a step as precisely as it takes, and where the forward pass has another.
    Raises BudgetSpent."""
    wrong = _off(theirs, ours, bound)
    if not referee.affords():
        return theirs, wrong
    for m in (referee.high, referee.surest):
        theirs = _at_high_precision(referee, point, name, m)
        wrong = _off(theirs, ours, bound)
        if not wrong.any():
            break
    return theirs, wrong


def _has_no_digit(
    referee: Referee,
    point: Point,
    name: str,
    precise: Array,
    bound: Array,
    limits: GradientsLimits = DEFAULTS,
) -> Array:
    """Where rounding may take a value by a part of its own size, as sin(exp(100)), and the forward pass gives
    it at high precision."""
    if not referee.affords():
        return np.zeros(np.shape(precise), dtype=bool)
    again = floats(referee.tape(point.values, referee.surest).value(name))
    lost = bound >= limits.lost_value * np.abs(precise)
    return np.asarray(lost & ~_apart(again, precise, limits.same_value))


def _at_high_precision(referee: Referee, point: Point, name: str, m: Any) -> Array:
    referee.pay(m)
    return floats(symbolic.values(referee.program, point.values, m, meter=referee.meter)[name])


def _unseen_value(program: Program, referee: Referee, point: Point, ours: Array) -> Values:
    """A loss that SymPy has no formula for: elimination at high precision against that in float64."""
    nothing = Values(Verdict.OK, 0.0, None, note="symbolic: not computed")
    if not referee.affords():
        return nothing
    try:
        value = _at_high_precision(referee, point, program.model.loss, referee.high)
    except BudgetSpent:
        return nothing
    digits = _agreement(ours, value)
    note = f"high precision and forward pass agree to {int(digits)} digits"
    return Values(Verdict.OK, digits, None, note=note)


def _off(precise: Array, ours: Array, bound: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(~((np.abs(precise - ours) <= bound) | _both_infinite(precise, ours)))


def _apart(a: Array, b: Array, close: float) -> Array:
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= close * np.maximum(np.abs(a), np.abs(b))
    near &= np.isfinite(a) == np.isfinite(b)  # inf - 1 is within any part of inf
    return np.asarray(~(near | _both_infinite(a, b)))


def _both_infinite(a: Array, b: Array) -> Array:
    """Not finite on both sides: an unchosen branch may be anything."""
    return np.asarray(~np.isfinite(a) & ~np.isfinite(b))


def _agreement(a: Array, b: Array) -> float:
    """To how many digits two numbers agree."""
    x, y = single(a), single(b)
    scale = max(abs(x), abs(y))
    if x == y or scale == 0:
        return MOST_DIGITS
    return max(0.0, min(MOST_DIGITS, -float(np.log10(abs(x - y) / scale))))


def _value_wrong(model: Model, name: str, theirs: Array, ours: Array, wrong: Array) -> Values:
    at = tuple(np.argwhere(wrong)[0]) if wrong.ndim else ()
    step = model.steps[name]
    functions = sorted(_functions_in(model, name))
    note = (
        f"the value of {step.display} (line {step.where}) differs: symbolic {theirs[at]:.16g}, "
        f"forward pass {ours[at]:.16g}. This is a defect of gradcheck, in one of: "
        f"{', '.join(functions)}"
    )
    return Values(Verdict.WRONG, 0.0, None, name, note)


def _jump_before(referee: Referee, point: Point, name: str) -> Node | None:
    """A node that a step is computed from, on whose jump rounding puts right programs on either side."""
    needed = referee.model.graph.upstream([referee.model.node(name).index])
    near = referee.nodes_across_kinks(point.values)
    return next((n for n in near if needed[n.index] and (n.primitive.jump or n.primitive.breaks)), None)


def _on_either_side(model: Model, name: str, jump: Node) -> Values:
    step, around = model.steps[name], model.step_around(jump.index)
    function = jump.primitive.infix or jump.primitive.function
    note = (
        f"the value of {step.display} (line {step.line}) is not known: {function} (line {around.line}) "
        "stands on its jump, within rounding, and a right program may fall on either side"
    )
    return Values(Verdict.UNRESOLVED, 0.0, None, name, note)


def _unknown_value(model: Model, name: str, why: BudgetSpent | str) -> Values:
    step = model.steps[name]
    which = f"{step.display} (line {step.where})"
    note = f"whether symbolic and forward pass agree on {which} is not known: {why}"
    return Values(Verdict.UNRESOLVED, 0.0, None, name, note)


def _functions_in(model: Model, name: str) -> set[str]:
    """The primitives of one step's line, down to the steps it mentions."""
    inner = (model.graph.nodes[k] for k in _nodes_in(model, name))
    named = {s.node for s in model.steps.values()} - {model.node(name).index}
    return {n.operation for n in inner if not (n.is_leaf or n.is_literal or n.index in named)}


def _nodes_in(model: Model, name: str) -> set[int]:
    """The nodes of one step's line, down to the steps and inputs it mentions, with these."""
    named = {s.node for s in model.steps.values()}
    todo, found = [model.node(name).index], set()
    while todo:
        node = model.graph.nodes[todo.pop()]
        found.add(node.index)
        todo += [a for a in node.arguments if a not in named]
        found |= set(node.arguments) & named
    return found
