"""Reads a Model. Gives three lists: forward pass, backward passes #1 and #2, with formulas and numbers.

The lists are those of Prince 2023, chapter 7.
Knows nothing of how formulas and derivatives are found, nor of how the lists are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.derivatives.backprop.reverse_mode import derivative
from gradcheck_cli.evaluation.memory_plan import require_memory
from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.formulas import derivation, passes
from gradcheck_cli.model.graph import Derivative
from gradcheck_cli.model.model import Input, Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.numerics import NUMERICS
from gradcheck_cli.numerics.limits.table import LIMITS, Limits
from gradcheck_cli.results.gradient_results import ExplainedStep, Explanation

__all__ = ["explain"]

Value = Callable[[str, Array], object]  # the number, or nested lists, of a name's array


def explain(
    model: Model,
    *,
    row: int | None = None,
    expand: bool = False,
    memory: int = NUMERICS.memory,
    limits: Limits = LIMITS,
) -> Explanation:
    """Formulas and numbers of every step and of d loss/d name, at the model's point.

    What has one value per row is shown for `row` (from 0, the first if none is given); parameters are
    summed over all rows. `expand`: each derivative as one closed formula. `memory`: MiB that may be held
    beyond the data. Raises OptionError for a row that does not exist, for closed formulas that are too long
    and for a model that does not fit into memory.
    """
    row = _check_row(model, row)
    limits = limits.within_memory(memory)
    require_memory(model, memory, limits.evaluation)
    tape = forward_pass(model, limits=limits.evaluation)
    shown = _values_to_show(model, row)
    derived = passes.closed_terms if expand else passes.backward
    terms = derived(model, limits=limits.formulas)
    forward = passes.forward(model, limits=limits.formulas)
    found = derivative(model, tape, model.loss, [term.name for term in terms])
    gradient = {name: shown(name, values) for name, values in found.items()}
    steps = [t for t in terms if t.name in model.steps]
    parameters = [t for t in terms if t.name in model.inputs]
    return Explanation(
        model=model.file,
        row=row,
        rows=model.rows,
        loss=tape.loss,
        loss_formula=forward[model.loss][0],
        inputs=tuple(_input(item, shown) for item in model.inputs.values()),
        forward=tuple(_forward(forward, tape, shown)),
        backward_steps=tuple(_backward(model, steps, gradient)),
        backward_parameters=tuple(_backward(model, parameters, gradient)),
        notes=tuple(_notes(model, steps)),
    )


def _check_row(model: Model, row: int | None) -> int | None:
    if model.rows is None:
        if row is not None:
            raise OptionError("the model has no rows", help="leave --row out")
        return None
    if row is None:
        return 0
    if not 0 <= row < model.rows:
        raise OptionError(
            f"row {row} does not exist", help=f"rows count from 0 to {model.rows - 1}"
        )
    return row


def _values_to_show(model: Model, row: int | None) -> Value:
    """Arrays as lists; of what is per row only the chosen one."""

    def value(name: str, values: Array) -> object:
        chosen = values[row] if model.node(name).per_row else values
        return np.asarray(chosen, dtype=np.float64).tolist()

    return value


def _input(item: Input, shown: Value) -> ExplainedStep:
    return ExplainedStep(
        name=item.name,
        formula=item.text,
        value=shown(item.name, item.values),
        line=item.line,
        shape=item.shape,
        title=item.display,
    )


def _forward(
    written: Mapping[str, tuple[str, str]], tape: Tape, shown: Value
) -> Iterable[ExplainedStep]:
    model = tape.model
    for step in model.steps.values():
        text, latex = written[step.name]
        yield ExplainedStep(
            name=step.name,
            formula=text,
            value=shown(step.name, tape.value(step.name)),
            line=step.line,
            shape=model.node(step.name).shape,
            latex=latex,
            title=step.display,
        )


def _backward(
    model: Model, terms: Sequence[derivation.Term], gradient: dict[str, object]
) -> Iterable[ExplainedStep]:
    for term in terms:
        line = (model.steps.get(term.name) or model.inputs[term.name]).line
        yield ExplainedStep(
            name=term.name,
            formula=term.formula,
            value=gradient[term.name],
            line=line,
            local=term.local,
            shape=model.node(term.name).shape,
            latex=term.latex,
            local_latex=term.local_latex,
            title=" = ".join([*_own_names(model, term.name), term.title]),
        )


def _own_names(model: Model, name: str) -> Iterable[str]:
    """The names that `let` gives to the derivative of the loss by a name."""
    target = Derivative(model.loss, name)
    return (let.display for let in model.lets.values() if let.target == target)


def _notes(model: Model, steps: Sequence[derivation.Term]) -> Iterable[str]:
    """Steps that the loss is not computed from have no place in the lists."""
    shown = {term.name for term in steps} | {model.loss}
    aside = [s.display for s in model.steps.values() if s.name not in shown]
    if aside:
        yield f"{model.display(model.loss)} is not computed from {', '.join(aside)}"
