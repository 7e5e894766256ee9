"""Reads an explanation. Gives the screen of `gradcheck explain`: three lists, as in the chapter.

Knows nothing of how derivatives are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from gradcheck_cli.render import numbers
from gradcheck_cli.render.page import Page
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.words import width_of, wrap
from gradcheck_cli.results import ExplainedStep, Explanation

__all__ = ["explain_table"]

_VALUE_WIDTH = 13
_NARROWEST_FORMULA = 24
Row = tuple[str, str, str]  # equation, value, local derivative


@output_format("table", of="explain")
def explain_table(explanation: Explanation, options: OutputOptions) -> str:
    """Forward pass, backward pass #1 and backward pass #2, one step a line."""
    page = Page(options)
    page.parted([*_header(explanation)], indent=2)
    passes = (
        ("FORWARD PASS", explanation.forward),
        ("BACKWARD PASS #1: intermediates, last first", explanation.backward_steps),
        ("BACKWARD PASS #2: parameters", explanation.backward_parameters),
    )
    widths = _widths(page, [step for _, steps in passes for step in steps])
    page.blank()
    for title, steps in passes:
        page.line((title, "bold"))
        for step in steps:
            _step(page, _row(page, step), widths)
    for note in explanation.notes:
        page.wrapped(f"note: {note}", hanging=6)
    return page.text()


def _header(explanation: Explanation) -> list[str]:
    loss = f"loss = {explanation.loss_formula} = {numbers.number(explanation.loss)}"
    rows = "" if explanation.rows is None else f"row {explanation.row} of {explanation.rows}"
    given = (f"{s.title or s.name} = {numbers.array(s.value)}" for s in explanation.inputs)
    return [explanation.model, loss, rows, *given]


def _row(page: Page, step: ExplainedStep) -> Row:
    equation = f"{step.title or step.name} = {step.formula}"
    return page.safe(equation), numbers.array(step.value), page.safe(step.local)


def _widths(page: Page, steps: Sequence[ExplainedStep]) -> tuple[int, int]:
    """How wide equations and local derivatives may be, so that a line fits the page."""
    rows = [_row(page, step) for step in steps]
    free = page.width - 2 - _VALUE_WIDTH - 4
    equation = max((width_of(row[0]) for row in rows), default=0)
    local = max((width_of(row[2]) for row in rows), default=0)
    if equation + local > free:
        equation = max(min(equation, free - min(local, free // 2)), _NARROWEST_FORMULA)
    return equation, max(free - equation, 20)


def _step(page: Page, row: Row, widths: tuple[int, int]) -> None:
    """One step; a long equation or local derivative goes on under itself, an array below."""
    beside = width_of(row[1]) <= _VALUE_WIDTH
    columns = wrap(row[0], widths[0]), [row[1] if beside else ""], wrap(row[2], widths[1])
    for number, (equation, value, local) in enumerate(zip_longest(*columns, fillvalue="")):
        left = f"{'    ' if number else '  '}{equation}"
        left += " " * (widths[0] + 2 - width_of(left))
        page.line(f"{left}  {value:<{_VALUE_WIDTH}}  {local}")
    if not beside:
        page.wrapped(f"= {row[1]}", indent=4, hanging=2)
