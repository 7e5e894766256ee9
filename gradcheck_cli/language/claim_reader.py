"""Reads the parsed claims of a file. Gives Claims: formulas for each Jacobian layout, or numbers.

A right side that cannot be built, or has another shape than the derivative, is a Misfit: a wrong
claim, not a bad file. Knows nothing of true values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import DataError, ShapeError
from gradcheck_cli.language.data.csv_columns import half_unit
from gradcheck_cli.language.data.file_access import Access
from gradcheck_cli.language.data.tables import Table, open_table
from gradcheck_cli.language.graph_assembly import assemble, evaluate, index_items
from gradcheck_cli.language.name_check import is_function
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statements import FileSource, Name, Op, Statement
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Derivative, Graph, Key, Node, spell_shape
from gradcheck_cli.model.model import Claim, Misfit, Model
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.model.primitives.table import resolve_function
from gradcheck_cli.numerics.float32_evidence import are_float32
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS

__all__ = ["LAYOUTS", "build_claim"]

Array = NDArray[np.float64]
LAYOUTS = ("numerator", "denominator")


@dataclass(frozen=True)
class _Context:
    source: Source
    model: Model
    access: Access
    statement: Statement
    layout: str = LAYOUTS[0]


@dataclass(frozen=True)
class _Fit:
    """What a derivative's value looks like."""

    shape: Shape
    per_row: bool
    is_jacobian: bool


class _Built(NamedTuple):
    """A right side, and how it was read where it has another shape than the derivative."""

    formula: Graph | Misfit
    reading: str = ""


def build_claim(
    source: Source, statement: Statement, model: Model, access: Access
) -> Claim:
    """The claim of a statement. Raises LanguageError where what it claims is no derivative."""
    context = _Context(source, model, access, statement)
    op = _target_op(statement)
    target = _derivative(context, op)
    fit = _fit(context, target, op)
    claim = Claim(
        line=source.line(statement.span.start),
        target=target,
        display=_display(op, target),
        text=_text(source, statement),
        formulas={},
        is_jacobian=fit.is_jacobian,
        file=source.file,
    )
    if statement.source is not None:
        return _from_file(context, claim)
    if _names_nothing(statement):
        return _from_numbers(context, claim)
    built = _formulas(context, target)
    return replace(
        claim,
        formulas={layout: found.formula for layout, found in built.items()},
        readings={layout: found.reading for layout, found in built.items()},
    )


def _target_op(statement: Statement) -> Op:
    assert statement.target is not None
    return statement.ops[statement.target]


def _text(source: Source, statement: Statement) -> str:
    assert statement.text is not None
    start, end = statement.text
    text = source.text[start:end]
    return text if "\n" not in text else " ".join(source.code[start:end].split())


def _display(op: Op, target: Derivative) -> str:
    of, by, _ = op.options
    return str(Derivative(of.display, by.display, target.index))


# --- derivatives and their shapes -------------------------------------------------------------


def _derivative(context: _Context, op: Op) -> Derivative:
    """The derivative an operation names. Its numerator is a step."""
    of, by, has_index = op.options
    if of.name in context.model.inputs:
        raise context.source.error(
            f'"{of.display}" is declared, not computed: it has no derivatives',
            of.span,
            help="above stands a step, as in d loss/d w0",
        )
    if not has_index:
        return Derivative(of.name, by.name)
    key = index_items(context.source, context.statement.ops, op.arguments)
    if key == (0,) and context.model.node(by.name).index in context.model.graph.products:
        return Derivative(of.name, by.name)
    return Derivative(of.name, by.name, key)


def _fit(context: _Context, target: Derivative, op: Op) -> _Fit:
    of: Name = op.options[0]
    above, below = context.model.node(target.of), context.model.node(target.by)
    shape = below.shape
    if target.index is not None:
        _check_index(context, target, below, op)
        shape = ()
    if above.shape and shape and max(len(above.shape), len(shape)) > 1:
        raise context.source.error(
            f"d {target.of}/d {target.by} of the shapes {spell_shape(above.shape)} and "
            f"{spell_shape(shape)} is not a matrix",
            of.span,
            help="a matrix can stand above or below where the other one is a single number",
        )
    is_jacobian = bool(above.shape and shape)
    order = (above.shape, shape) if context.layout == LAYOUTS[0] else (shape, above.shape)
    return _Fit(order[0] + order[1], above.per_row or below.per_row, is_jacobian)


def _check_index(context: _Context, target: Derivative, below: Node, op: Op) -> None:
    """The index fits. A misfit on a right side is passed on as a ShapeError."""
    index = target.index or ()
    if any(isinstance(part, slice) for part in index):
        raise context.source.error(
            "a derivative is by one entry, not by a slice",
            op.span,
            help="the whole derivative can be sliced: (d loss/d W)[0,:]",
        )
    probe = Builder()
    try:
        probe.apply("index", (probe.leaf("x", below.shape),), {"key": index})
    except ShapeError as reason:
        place = context.source.place(*op.span)
        raise ShapeError(reason.message, place=place, help=reason.help) from None


# --- formulas ---------------------------------------------------------------------------------


def _formulas(context: _Context, target: Derivative) -> Mapping[str, _Built]:
    """The right side for each layout; built once where no Jacobian is involved."""
    first = _formula(context, target)
    if not any(_is_jacobian(context.model, op) for op in context.statement.ops):
        return dict.fromkeys(LAYOUTS, first)
    return {LAYOUTS[0]: first, LAYOUTS[1]: _formula(replace(context, layout=LAYOUTS[1]), target)}


def _is_jacobian(model: Model, op: Op) -> bool:
    """Whether an operation is the derivative of an array by an array."""
    if op.kind != "derivative":
        return False
    of, by, has_index = op.options
    return bool(model.node(of.name).shape and model.node(by.name).shape and not has_index)


def _is_sliced(op: Op, statement: Statement) -> bool:
    return any(statement.ops[position].kind == "slice" for position in op.arguments)


def _formula(context: _Context, target: Derivative) -> _Built:
    statement = context.statement
    assert statement.root is not None
    assert statement.target is not None
    fit = _fit(context, target, _target_op(statement))
    builder = Builder(rows_apart=False)
    leaves: dict[Key, int] = {}
    try:
        root = assemble(
            context.source,
            builder,
            statement.ops,
            range(statement.target + 1, len(statement.ops)),
            statement.root,
            lambda op: _leaf(context, builder, leaves, op),
            rows=context.model.rows,
            limit=context.access.limits.max_data,
        )
    except ShapeError as reason:
        return _Built(Misfit(reason.message, reason.help))
    return _fit_to_shape(builder, root, fit, str(target))


def _leaf(context: _Context, builder: Builder, leaves: dict[Key, int], op: Op) -> int:
    """The value of a name, or of a derivative."""
    if op.kind == "name":
        node = context.model.node(op.text)
        if op.text not in leaves:
            leaves[op.text] = builder.leaf(op.text, node.shape, per_row=node.per_row)
            if node.index in context.model.graph.products:
                builder.products.add(leaves[op.text])
        return leaves[op.text]
    if _is_sliced(op, context.statement):
        return _slice(context, builder, leaves, op)
    target = _derivative(context, op)
    fit = _fit(context, target, op)
    if target not in leaves:
        leaves[target] = builder.leaf(target, fit.shape, per_row=fit.per_row)
        ends = {context.model.node(name).index for name in (target.of, target.by)}
        if not fit.shape and ends & context.model.graph.products:
            builder.products.add(leaves[target])
    return leaves[target]


def _slice(context: _Context, builder: Builder, leaves: dict[Key, int], op: Op) -> int:
    """d loss/d W[0,:] is a slice of d loss/d W; only where the numerator is one number."""
    of, by, _ = op.options
    if context.model.node(of.name).shape:
        raise context.source.error("a derivative is by one entry, not by a slice", op.span)
    whole = _leaf(context, builder, leaves, op._replace(arguments=(), options=(of, by, False)))
    key = index_items(context.source, context.statement.ops, op.arguments)
    return builder.apply("index", (whole,), {"key": key})


def _fit_to_shape(builder: Builder, root: int, fit: _Fit, target: str) -> _Built:
    """The graph with its output in the derivative's shape, or why it has another."""
    node = builder.nodes[root]
    if node.per_row and not fit.per_row:
        return _Built(
            Misfit(
                f"the right side has one value per row, {target} is one for all rows",
                "the rows are added by sum_rows(...), or averaged by mean_rows(...)",
            )
        )
    if node.shape == fit.shape:
        return _Built(builder.graph(root))
    if node.size == math.prod(fit.shape) == 1:
        if node.shape:
            root = builder.apply("index", (root,), {"key": (0,) * len(node.shape)})
        if fit.shape:
            root = builder.apply("expand", (root,), {"to": fit.shape})
        return _Built(builder.graph(root))
    reading = _reading(node.shape, fit, target)
    if reading:
        return _Built(builder.graph(_reshaped(builder, root, fit.shape)), reading)
    return _Built(_other_shape(node.shape, fit.shape, target))


def _reading(given: Shape, fit: _Fit, target: str) -> str:
    """How a right side is read that has the entries of the derivative in another shape; empty where it has
    not."""
    needed, count = fit.shape, math.prod(fit.shape)
    if not given and needed and not fit.is_jacobian:
        return f"one number for all {count:,} entries of {target}"
    if {len(given), len(needed)} == {1, 2} and max(given) == max(needed) == count == math.prod(given):
        return f"the shape {_spell(given)} was read as {_spell(needed)}"
    return ""


def _reshaped(builder: Builder, root: int, to: Shape) -> int:
    """One number for all entries, or a row or column as a vector and the other way round."""
    given = builder.nodes[root].shape
    if not given:
        return builder.apply("expand", (root,), {"to": to})
    if len(given) == 2:
        key = (0, slice(None)) if given[0] == 1 else (slice(None), 0)
        return builder.apply("index", (root,), {"key": key})
    row = builder.apply("transpose", (root,))
    return row if to[0] == 1 else builder.apply("transpose", (row,))


def _other_shape(given: Shape, needed: Shape, target: str) -> Misfit:
    message = f"the right side has the shape {_spell(given)}, {target} {_spell(needed)}"
    if given == (1, *needed):
        return Misfit(message, "its only row fits: (...)[0,:]")
    if given == (*needed, 1):
        return Misfit(message, "its only column fits: (...)[:,0]")
    if given == needed[::-1]:
        return Misfit(message, "its transpose fits: (...)'")
    if not given:
        return Misfit(message, "a value for every entry is needed")
    if len(given) == 2 and given[1:] == needed:
        return Misfit(message, "its rows added up fit: sum(..., axis=0)[0,:]")
    return Misfit(message, None)


def _spell(shape: Shape) -> str:
    return spell_shape(shape) or "of a single number"


# --- numbers ----------------------------------------------------------------------------------


def _right(statement: Statement) -> list[Op]:
    assert statement.target is not None
    return statement.ops[statement.target + 1 :]


def _names_nothing(statement: Statement) -> bool:
    """Whether the right side is a number or array of numbers; 2*eye(3) is a formula, as n*eye(3) would be."""
    ops = _right(statement)
    if any(op.kind == "derivative" for op in ops):
        return False
    names = [op.text for op in ops if op.kind == "name"]
    if any(name != "pi" and not is_function(name) for name in names):
        return False
    return not (_has_sizes(ops) and _are_whole(ops))


def _are_whole(ops: list[Op]) -> bool:
    """Whether all numbers among them are written in digits only."""
    return all(op.text.isdigit() for op in ops if op.kind == "number")


def _has_sizes(ops: list[Op]) -> bool:
    """Whether ones(n) or eye(n) stands in it."""
    records = (resolve_function(op.text, len(op.arguments)) for op in ops if op.kind == "call")
    return any(record is not None and record.sizes for record in records)


def _from_numbers(context: _Context, claim: Claim) -> Claim:
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
        elif op.kind == "derivative":
            done.append(None)
        else:
            return None
    return done[statement.root or 0]


def _numbers(
    context: _Context, claim: Claim, numbers: Array, half: Array | None,
    bits: int | None = None, integers: Any = None,
) -> Claim:
    """The claim with its numbers; `formulas` says only which layouts they fit. Without `bits` they are
    doubles, unless they look like float32."""
    op = _target_op(context.statement)
    formulas: dict[str, Graph | Misfit] = {}
    readings: dict[str, str] = {}
    fitting: _Fit | None = None
    for layout in LAYOUTS:
        fit = _fit(replace(context, layout=layout), claim.target, op)
        found = _number_fit(numbers.shape, fit, context.model.rows, str(claim.target))
        formulas[layout], readings[layout] = found
        if isinstance(found.formula, Graph) and fitting is None:
            fitting = fit
    claim = replace(claim, formulas=formulas, readings=readings)
    if fitting is None:
        return claim
    values = _shape_numbers(numbers, fitting, context.model.rows)
    units = None
    if half is not None:
        units = _shape_numbers(np.broadcast_to(half, numbers.shape), fitting, context.model.rows)
    whole = None
    if integers is not None:
        whole = _shape_numbers(np.array(integers, dtype=object), fitting, context.model.rows)
    claim = replace(claim, numbers=values, half_units=units, integers=whole)
    if bits is not None and bits != SIGNIFICANDS["float32"]:
        return replace(claim, bits=bits)
    if whole is not None or not are_float32(numbers, context.access.numerics):
        return replace(claim, bits=bits or SIGNIFICANDS["float64"])
    if bits is None:
        return replace(claim, is_in_float32=True)
    return replace(claim, bits=bits, half_units=None)  # shortest texts: no digit is left out


def _number_fit(given: Shape, fit: _Fit, rows: int | None, target: str) -> _Built:
    fits = _Built(Builder().graph())
    one = math.prod(given) == math.prod(fit.shape) == 1
    if given == fit.shape or one:
        return fits
    per_row = fit.per_row and rows is not None
    if per_row and (given == (rows, *fit.shape) or (math.prod(given) == rows and math.prod(fit.shape) == 1)):
        return fits
    reading = _reading(given, fit, target)
    if reading:
        return fits._replace(reading=reading)
    if not per_row:
        return _Built(_other_shape(given, fit.shape, target))
    return _Built(
        Misfit(
            f"the right side has the shape {_spell(given)}, {target} {_spell(fit.shape)} "
            f"in each of {rows} rows"
        )
    )


def _shape_numbers(numbers: Array, fit: _Fit, rows: int | None) -> Array:
    """Numbers that fit, in the derivative's shape, with one line per row where it has rows."""
    whole = (rows, *fit.shape) if fit.per_row and rows is not None else fit.shape
    if numbers.size == math.prod(whole):
        values = numbers.reshape(whole)
    else:
        values = numbers.reshape(fit.shape) if numbers.ndim else numbers
    result = np.array(np.broadcast_to(values, whole))
    result.setflags(write=False)
    return result


def _from_file(context: _Context, claim: Claim) -> Claim:
    source = context.statement.source
    assert source is not None
    try:
        with open_table(source.path, context.access) as table:
            names = _choose_arrays(table, source.columns, claim.target)
            numbers = _together(table.together(names)) if table.is_csv else table.take(names[0])
            half = table.half_units(names)
            bits = _significand(source, min(table.bits(name) for name in names))
            one_line = table.is_csv and numbers.ndim == 2 and len(numbers) == 1
    except DataError as reason:
        place = context.source.place(*source.span)
        raise DataError(reason.message, place=place, help=reason.help) from None
    found = _numbers(context, claim, numbers, None if half is None else _together(half), bits)
    return replace(found, readings={}) if one_line else found  # a line of a table is a vector


def _significand(source: FileSource, given: int) -> int | None:
    """Bits of the format in which numbers were computed; None where nothing says it: a float64 file may hold
    any."""
    if source.number_format is not None:
        return min(given, SIGNIFICANDS[source.number_format.name])
    return given if given < SIGNIFICANDS["float64"] else None


def _choose_arrays(table: Table, columns: tuple[str, ...], target: Derivative) -> tuple[str, ...]:
    """The arrays of a file that are meant: its only one, that named like the derivative, or all columns."""
    if table.is_csv:
        return columns or table.names
    if columns:
        return columns[:1]
    named = [name for name in (str(target), target.by) if name in table.names]
    if named or len(table.names) > 1:
        return (named[0] if named else target.by,)
    return table.names


def _together(columns: Array) -> Array:
    """Columns side by side, a single one as a vector."""
    return np.squeeze(columns) if columns.shape[1] == 1 else columns
