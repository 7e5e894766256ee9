"""Reads the numbers of a claim, typed or in a file. Gives the Claim with them, in its shape.

Whole numbers stay integers, and what is no more than float32 is told. Knows nothing of formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import DataError, ShapeError
from gradcheck_cli.language.claim_shapes import (
    LAYOUTS,
    Built,
    ClaimStatement,
    Fit,
    fit_of,
    other_shape,
    reading_of,
    spell,
    target_op,
)  # fmt: skip
from gradcheck_cli.language.graph_assembly import evaluate
from gradcheck_cli.language.statements import FileSource, Op, Statement
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Derivative, Graph
from gradcheck_cli.model.model import Claim, Misfit, Model
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.model.primitives.table import resolve_function
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

if TYPE_CHECKING:
    from gradcheck_cli.language.data.tables import Table

__all__ = ["claim_from_file", "claim_of_array", "claim_of_numbers", "names_nothing"]

Array = NDArray[np.float64]


def _right(statement: Statement) -> list[Op]:
    assert statement.target is not None
    return statement.ops[statement.target + 1 :]


def names_nothing(statement: Statement) -> bool:
    """Whether the right side is a number or array of numbers; 2*eye(3) is a formula, as n*eye(3) would be."""
    ops = _right(statement)
    if any(op.kind == "derivative" for op in ops):
        return False
    if any(op.kind == "name" and op.text != "pi" for op in ops):
        return False
    return not (_has_sizes(ops) and _are_whole(ops))


def _are_whole(ops: list[Op]) -> bool:
    """Whether all numbers among them are written in digits only."""
    return all(op.text.isdigit() for op in ops if op.kind == "number")


def _has_sizes(ops: list[Op]) -> bool:
    """Whether ones(n) or eye(n) stands in it."""
    records = (resolve_function(op.text, len(op.arguments)) for op in ops if op.kind == "call")
    return any(record is not None and record.sizes for record in records)


def claim_of_numbers(context: ClaimStatement, claim: Claim) -> Claim:
    """The claim with the numbers that are typed on its right side."""
    statement = context.statement
    assert statement.root is not None
    assert statement.target is not None
    positions = range(statement.target + 1, len(statement.ops))
    try:
        numbers = evaluate(
            context.source, statement.ops, positions, statement.root, {},
            limit=context.access.limits.max_data,
        )
    except ShapeError as reason:
        misfit = Misfit(reason.message, reason.help)
        return replace(claim, formulas=dict.fromkeys(LAYOUTS, misfit))
    if not np.isfinite(numbers).all():
        assert statement.text is not None
        raise context.source.error("the number claimed is not finite", statement.text)
    from gradcheck_cli.language.data.csv_columns import half_unit

    half = _numbers_as_typed(statement, half_unit)
    units = None if half is None else np.abs(np.array(half, dtype=np.float64))
    integers = _numbers_as_typed(statement, _integer) if _are_whole(_right(statement)) else None
    return _numbers(context, claim, numbers, units, integers=integers)


def _integer(text: str) -> int:
    return int(text.lstrip("0") or "0")  # Python refuses more than 4300 digits, zeros among them


def _numbers_as_typed(statement: Statement, read: Callable[[str], Any]) -> Any:
    """What `read` gives for each number typed, with its sign, in nested lists; None where something was
    computed."""
    done: list[Any] = []
    for op in statement.ops:
        if op.kind == "number":
            done.append(read(op.text))
        elif op.kind == "negative":
            done.append(np.asarray(-np.array(done[op.arguments[0]], dtype=object)).tolist())
        elif op.kind == "stack":
            done.append([done[a] for a in op.arguments])
        elif op.kind in ("derivative", "value"):
            done.append(None)
        else:
            return None
    return done[statement.root or 0]


def _numbers(
    context: ClaimStatement, claim: Claim, numbers: Array, half: Array | None,
    bits: int | None = None, integers: Any = None,
) -> Claim:
    """The claim with its numbers. Without `bits` they are doubles, unless they look like float32."""
    op = target_op(context.statement)
    fits = {layout: fit_of(replace(context, layout=layout), claim.target, op) for layout in LAYOUTS}
    return _with_numbers(
        claim, fits, context.model.rows, numbers, half, bits, integers, context.access.numerics
    )  # fmt: skip


def _with_numbers(
    claim: Claim, fits: Mapping[str, Fit], rows: int | None, numbers: Array, half: Array | None,
    bits: int | None, integers: Any, numerics: NumericsLimits,
) -> Claim:
    """The claim with numbers in the shape that it has in each layout; `formulas` says only which they fit."""
    formulas: dict[str, Graph | Misfit] = {}
    readings: dict[str, str] = {}
    fitting: Fit | None = None
    for layout, fit in fits.items():
        found = _number_fit(numbers.shape, fit, rows, str(claim.target))
        formulas[layout], readings[layout] = found
        if isinstance(found.formula, Graph) and fitting is None:
            fitting = fit
    claim = replace(claim, formulas=formulas, readings=readings)
    if fitting is None:
        return claim
    values = _shape_numbers(numbers, fitting, rows)
    units = None
    if half is not None:
        units = _shape_numbers(np.broadcast_to(half, numbers.shape), fitting, rows)
    whole = None
    if integers is not None:
        whole = _shape_numbers(np.array(integers, dtype=object), fitting, rows)
    claim = replace(claim, numbers=values, half_units=units, integers=whole)
    if bits is not None and bits != SIGNIFICANDS["float32"]:
        return replace(claim, bits=bits)
    from gradcheck_cli.numerics.float32_evidence import are_float32

    if whole is not None or not are_float32(numbers, numerics):
        return replace(claim, bits=bits or SIGNIFICANDS["float64"])
    if bits is None:
        return replace(claim, is_in_float32=True)
    return replace(claim, bits=bits, half_units=None)  # shortest texts: no digit is left out


def claim_of_array(
    model: Model, target: Derivative, numbers: Array, *, half_units: Array | None = None,
    bits: int | None = None, text: str = "", line: int = 0,
) -> Claim:
    """The claim that d loss/d name is an array of numbers which no text holds.

    Parameters
    ----------
    model : the graph
    target : the derivative of a step that is a single number
    numbers : float64 array, in the shape of the name or with the same axes other than 1
    half_units : float64 array of that shape; half a unit of the last digit written, None where none was
    bits : significand bits of the format in which they were computed; None where that is not known
    text, line : where they come from, as a report shows it

    Returns
    -------
    Claim
        Of a shape that does not fit, one with a Misfit.
    """
    below = model.node(target.by)
    fit = Fit(() if target.index is not None else below.shape, below.per_row, False)
    display = _spell(model, target)
    claim = Claim(line=line, target=target, display=display, text=text, formulas={}, file=model.file)
    fits = dict.fromkeys(LAYOUTS, fit)
    return _with_numbers(claim, fits, model.rows, numbers, half_units, bits, None, NUMERICS)


def _spell(model: Model, target: Derivative) -> str:
    return str(Derivative(model.display(target.of), model.display(target.by), target.index))


def _number_fit(given: Shape, fit: Fit, rows: int | None, target: str) -> Built:
    fits = Built(Builder().graph())
    one = math.prod(given) == math.prod(fit.shape) == 1
    if given == fit.shape or one:
        return fits
    per_row = fit.per_row and rows is not None
    if per_row and (given == (rows, *fit.shape) or (math.prod(given) == rows and math.prod(fit.shape) == 1)):
        return fits
    reading = reading_of(given, fit, target)
    if reading:
        return fits._replace(reading=reading)
    if not per_row:
        return Built(other_shape(given, fit.shape, target))
    whole = (rows, *fit.shape)
    each = f"{target} {spell(fit.shape)} in each of {rows} rows"
    help = "its transpose fits, one line for each row" if given == whole[::-1] else None
    return Built(Misfit(f"the right side has the shape {spell(given)}, {each}", help))


def _shape_numbers(numbers: Array, fit: Fit, rows: int | None) -> Array:
    """Numbers that fit, in the derivative's shape, with one line per row where it has rows."""
    whole = (rows, *fit.shape) if fit.per_row and rows is not None else fit.shape
    if numbers.size == math.prod(whole):
        values = numbers.reshape(whole)
    else:
        values = numbers.reshape(fit.shape) if numbers.ndim else numbers
    result = np.array(np.broadcast_to(values, whole))
    result.setflags(write=False)
    return result


def claim_from_file(context: ClaimStatement, claim: Claim) -> Claim:
    """The claim with the numbers of the file that it names. Raises DataError."""
    source = context.statement.source
    assert source is not None
    from gradcheck_cli.language.data.tables import open_table

    try:
        with open_table(source.path, context.access) as table:
            names = _choose_arrays(table, source.columns, claim.target)
            numbers = _together(table.together(names)) if table.is_csv else table.take(names[0])
            half = table.half_units(names)
            bits = _significand(source, min(map(table.bits, names), default=SIGNIFICANDS["float64"]))
            one_line = table.is_csv and numbers.ndim == 2 and len(numbers) == 1
            is_csv, is_headed = table.is_csv, bool(table.names)
    except DataError as reason:
        raise context.source.locate(reason, source.span) from None
    found = _numbers(context, claim, numbers, None if half is None else _together(half), bits)
    counted = {} if is_headed else dict(_counted_parts(numbers))
    if found.numbers is None:
        if is_csv:
            return _with_help(found, _table_help(context, found, counted))
        return _with_help(found, _reshape_help(context, found, numbers))
    if counted and numbers.ndim > 1:
        found = replace(found, doubt=f"{next(iter(counted))}: here it was read as numbers")
    return replace(found, readings={}) if one_line else found  # a line of a table is a vector


def _with_help(claim: Claim, help: str | None) -> Claim:
    """A claim that does not fit, with what would fit."""
    if help is None:
        return claim
    told = {
        layout: replace(formula, help=help) if isinstance(formula, Misfit) else formula
        for layout, formula in claim.formulas.items()
    }
    return replace(claim, formulas=told)


def _needed(context: ClaimStatement, claim: Claim) -> Shape:
    """The shape of the claimed numbers, rows first."""
    fit = fit_of(context, claim.target, target_op(context.statement))
    rows = context.model.rows
    return (rows, *fit.shape) if fit.per_row and rows is not None else fit.shape


def _reshape_help(context: ClaimStatement, claim: Claim, numbers: Array) -> str | None:
    """How an array of as many entries gets the shape of the derivative."""
    needed = _needed(context, claim)
    if math.prod(needed) != numbers.size or numbers.shape == needed[::-1]:
        return None
    sizes = ", ".join(map(str, needed))
    return f"its {numbers.size} entries would fill it row by row: save g.reshape({sizes})"


def _table_help(context: ClaimStatement, claim: Claim, counted: Mapping[str, Array]) -> str | None:
    """What pandas writes around the numbers, where they fit without it."""
    needed = tuple(n for n in _needed(context, claim) if n > 1)
    told = (said for said, rest in counted.items() if np.squeeze(rest).shape == needed)
    return next((f"{said}: it was read as numbers" for said in told), None)


def _counted_parts(numbers: Array) -> Iterator[tuple[str, Array]]:
    """What counts 0, 1, 2 ... beside or above the others, as pandas writes it, and the other numbers."""
    table = numbers.reshape(len(np.atleast_1d(numbers)), -1)
    for said, counting, rest in (
        ("its first line counts the columns, as pandas does unless header=False", table[0], table[1:]),
        ("its first column counts the lines, as pandas does unless index=False", table[:, 0], table[:, 1:]),
    ):
        if rest.size and np.array_equal(counting, np.arange(counting.size)):
            yield said, rest


def _significand(source: FileSource, given: int) -> int | None:
    """Bits of the format in which numbers were computed; None where nothing says it: a float64 file may hold
    any."""
    if source.number_format is not None:
        return min(given, SIGNIFICANDS[source.number_format.name])
    return given if given < SIGNIFICANDS["float64"] else None


def _choose_arrays(table: Table, columns: tuple[str, ...], target: Derivative) -> tuple[str, ...]:
    """The arrays of a file that are meant: its only one, that named like the derivative; of a table no name
    stands for all columns."""
    if table.is_csv:
        return columns
    if columns:
        return columns[:1]
    named = [name for name in (str(target), target.by) if name in table.names]
    if named or len(table.names) > 1:
        return (named[0] if named else target.by or target.of,)
    return table.names


def _together(columns: Array) -> Array:
    """Columns side by side, a single one as a vector."""
    return np.squeeze(columns) if columns.shape[1] == 1 else columns
