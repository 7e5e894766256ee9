"""Reads an explanation. Gives the screen of `gradcheck explain`: forward pass and two backward passes.

Knows nothing of how derivatives are found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gradcheck_cli.render import numbers
from gradcheck_cli.render.page import Page
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.text_encoding import width_of, wrap
from gradcheck_cli.results.gradient_results import ExplainedStep, Explanation

__all__ = ["explain_table"]

_VALUE_WIDTHS = 13, 22  # of a number, and of the widest array that makes its column wider
_WIDEST_EQUATION = 62  # beyond, the values are too far from short equations
_UNBROKEN = "\N{NO-BREAK SPACE}"


class Row(NamedTuple):
    """One step: its equation, its value in as many lines as it has, its local derivatives."""

    equation: str
    value: Sequence[str]
    local: str


@output_format("table", of="explain")
def explain_table(explanation: Explanation, options: OutputOptions) -> str:
    """Forward pass, backward pass #1 and backward pass #2, one step a line.

    Of arrays of more than 6 entries shape and norm; with -v every number, also of the point.
    """
    page = Page(options)
    whole = options.verbosity > 0
    page.flow([*_header(explanation, whole)], indent=2)
    passes = (
        ("FORWARD PASS", explanation.forward),
        ("BACKWARD PASS #1: intermediates, last first", explanation.backward_steps),
        ("BACKWARD PASS #2: parameters", explanation.backward_parameters),
    )
    shown = [(title, [_row(page, step, whole) for step in steps]) for title, steps in passes]
    if whole:
        shown.insert(0, ("POINT: data and parameters", [_given_value(page, s) for s in explanation.inputs]))
    widths = _widths(page, [row for _, rows in shown for row in rows])
    page.blank()
    for title, rows in shown:
        page.line((title, "bold"))
        for row in rows:
            _step(page, row, widths)
    for note in explanation.notes:
        page.wrap(f"note: {note}", hanging=6)
    return page.text()


def _header(explanation: Explanation, whole: bool) -> Iterator[str]:
    yield explanation.model
    yield f"loss = {explanation.loss_formula} = {numbers.number(explanation.loss)}"
    if explanation.rows is not None:
        yield f"row {explanation.row} of {explanation.rows}"
    for step in () if whole else explanation.inputs:
        yield f"{step.title or step.name} = {numbers.brief(step.value)}"


def _row(page: Page, step: ExplainedStep, whole: bool) -> Row:
    equation = f"{step.title or step.name} = {step.formula}"
    value = _lines(step.value) if whole else [numbers.brief(step.value)]
    return Row(page.safe(equation), value, page.safe(step.local))


def _given_value(page: Page, step: ExplainedStep) -> Row:
    return Row(page.safe(step.title or step.name), _lines(step.value), "")


def _lines(value: object) -> Sequence[str]:
    """All numbers, a row of a matrix in each line."""
    is_matrix = isinstance(value, Sequence) and isinstance(value[0], Sequence)
    if not is_matrix or numbers.size(value) is None:
        return [numbers.array(value)]
    *rows, last = (_lines_of_row(row) for row in value)  # type: ignore[attr-defined]
    lines = [line for row in rows for line in (*row[:-1], f"{row[-1]},")] + [*last[:-1], f"{last[-1]}]"]
    return [f"{' ' if k else '['}{line}" for k, line in enumerate(lines)]


def _lines_of_row(value: Sequence[object]) -> Sequence[str]:
    """A vector in one line; a matrix, or what has more axes, in several."""
    is_matrix = isinstance(value[0], Sequence) and not isinstance(value[0], str)
    return _lines(value) if is_matrix and numbers.size(value) is not None else [numbers.array(value)]


def _widths(page: Page, rows: Sequence[Row]) -> tuple[int, int]:
    """The columns of equations and values: as wide as the widest of what fits."""
    number, widest = _VALUE_WIDTHS
    values = [width for width in (width_of(row.value[0]) for row in rows) if width <= widest]
    value = max(number, *values, 0)
    equations = [width_of(row.equation) for row in rows]
    most = min(page.width - value - 6, _WIDEST_EQUATION)
    return max((width for width in equations if width <= most), default=0), value


def _step(page: Page, row: Row, widths: tuple[int, int]) -> None:
    """One step. What does not fit beside its equation, a local derivative or an array, goes below."""
    column, value_column = widths
    width = width_of(row.equation)
    free = page.width - column - 4 if width <= column else 0
    local = row.local if width_of(row.local) <= free - value_column - 2 else ""
    fits = len(row.value) == 1 and width_of(row.value[0]) <= (value_column if local else free)
    first, *more = _wrap(row.equation, page.width - 4)
    value = row.value[0] if fits else ""
    page.line(f"  {first}{' ' * (column - width)}  {value:<{value_column}}  {local}")
    for line in more:
        page.line(f"    {line}")
    for number, line in enumerate(() if fits else row.value):
        page.wrap(f"{'  ' if number else '= '}{line}".rstrip(), indent=4, hanging=3)
    for line in [] if local else _wrap(row.local, page.width - 6):
        page.line(f"      {line}")


def _wrap(text: str, width: int) -> list[str]:
    """`text` in lines, no derivative being broken."""
    if not text:
        return []
    whole = re.sub(r"\bd (\S+)/d (?=\S)", rf"d{_UNBROKEN}\1/d{_UNBROKEN}", text)
    return [line.replace(_UNBROKEN, " ") for line in wrap(whole, width)]
