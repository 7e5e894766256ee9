"""Reads declarations of data, rows and parameters. Gives their values and shapes, in the graph.

Values are given, drawn, or taken from data files; bytes are counted against a limit. Knows nothing of steps.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import DataError, ShapeError
from gradcheck_cli.language.data.file_access import spell_size
from gradcheck_cli.language.data.tables import Table, open_table
from gradcheck_cli.language.graph_assembly import evaluate
from gradcheck_cli.language.identifiers import nearest
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statements import Declaration, Draw, Name, Op, Statement
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import spell_shape
from gradcheck_cli.model.initializers import INITIALIZERS, fans
from gradcheck_cli.model.model import Input
from gradcheck_cli.model.primitives.record import Shape, shape_in_words
from gradcheck_cli.model.random_points import draw_normal, draw_uniform

__all__ = ["InputReader", "written"]

Array = NDArray[np.float64]


class InputReader:
    """Grows the inputs of a Model declaration by declaration."""

    def __init__(self, source: Source, builder: Builder, *, folder: Path, seed: int, limit: int) -> None:
        self.source, self.builder = source, builder
        self.folder, self.seed, self.limit = folder, seed, limit
        self.inputs: dict[str, Input] = {}
        self.data: dict[str, Array] = {}
        self.rows: int | None = None
        self.rows_from: Name | None = None
        self.bytes = 0

    def enter_free(self, name: Name) -> None:
        """A parameter that an expression names and nothing declares: one number, drawn."""
        self._enter(name, "param", (), self._free(name, ()), "free")

    def declare(self, statement: Statement) -> None:
        """Enter what a statement declares. Raises LanguageError, ShapeError, DataError."""
        if statement.source is not None:
            self._from_file(statement)
            return
        if statement.kind == "rows":
            counts = [d.draw.rows for d in statement.declarations if d.draw and d.draw.rows]
            if counts:
                self._count_rows(counts[0], statement.declarations[0].name)
        for declaration in statement.declarations:
            self._declare_one(statement, declaration)

    def _declare_one(self, statement: Statement, declaration: Declaration) -> None:
        name = declaration.name
        if declaration.draw is not None:
            self._drawn(statement, declaration, declaration.draw)
        elif declaration.value is not None:
            shape, values = self._given(statement, declaration)
            self._enter(name, statement.kind, shape, values, "given")
        elif statement.kind == "param":
            shape = declaration.shape or ()
            self._enter(name, "param", shape, self._free(name, shape), "free")
        else:
            raise self.source.error(
                f'"{name.display}" has no value',
                name.span,
                help=f'write {statement.kind} {name.display} = 1, ~ normal(0, 1), or from "FILE"',
            )

    def _given(self, statement: Statement, declaration: Declaration) -> tuple[Shape, Array]:
        """The shape and the value of NAME[shape] = VALUE."""
        assert declaration.value is not None
        number = _number_written(statement.ops, declaration)
        if number is not None and declaration.shape is None and statement.kind != "rows":
            return (), np.array(number)  # at a tenth of the time of a graph for it
        value = evaluate(
            self.source,
            statement.ops,
            range(declaration.first, declaration.last),
            declaration.value,
            self.data,
            limit=self.limit,
        )
        self._check_finite(declaration.name, value)
        if statement.kind == "rows":
            return self._given_rows(declaration, value)
        return self._filled(declaration, value)

    def _filled(self, declaration: Declaration, value: Array) -> tuple[Shape, Array]:
        shape = value.shape if declaration.shape is None else declaration.shape
        if value.shape == shape:
            return shape, value
        if value.shape:
            raise self._shape_error(declaration, value.shape, shape)
        self._reserve(declaration.name, shape)
        return shape, np.full(shape, value)

    def _given_rows(self, declaration: Declaration, value: Array) -> tuple[Shape, Array]:
        if not value.shape:
            raise self.source.error(
                f'"{declaration.name.display}" has no rows',
                declaration.name.span,
                help="rows x = [1, 2, 3] are three; rows x[2] = [[1, 2], [3, 4]] two vectors",
            )
        shape = value.shape[1:] if declaration.shape is None else declaration.shape
        if value.shape[1:] != shape:
            raise self._shape_error(declaration, value.shape, (value.shape[0], *shape))
        return shape, value

    def _shape_error(self, declaration: Declaration, given: Shape, needed: Shape) -> ShapeError:
        name = declaration.name
        return ShapeError(
            f'"{name.display}" is declared as {shape_in_words(needed)}, its value is {shape_in_words(given)}',
            place=self.source.place(*name.span),
            help="a value has the declared shape, or is a single number for all entries",
        )

    def _check_finite(self, name: Name, values: Array) -> None:
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            where = tuple(int(k) for k in wrong[0])
            entry = f"[{','.join(map(str, where))}]" if where else ""
            raise self.source.error(
                f'the value of "{name.display}{entry}" is {values[where]}',
                name.span,
                help="all values are finite numbers",
            )

    def _free(self, name: Name, shape: Shape) -> Array:
        self._reserve(name, shape)
        return draw_normal(self.seed, name.name, shape)

    def _drawn(self, statement: Statement, declaration: Declaration, draw: Draw) -> None:
        name, shape = declaration.name, declaration.shape or ()
        whole = shape
        if statement.kind == "rows":
            if self.rows is None:
                raise self.source.error(
                    "how many rows are to be drawn?", name.span, help="end it with: count 8"
                )
            whole = (self.rows, *shape)
        elif draw.rows is not None:
            raise self.source.error(
                "count is for rows", draw.name.span, help=f"write {name.display}[{draw.rows}] ~ ..."
            )
        if draw.rows is not None and draw.rows != self.rows:
            self._count_rows(draw.rows, name)
        self._reserve(name, whole)
        arguments = [self._number(statement, declaration, a) for a in draw.arguments]
        values, mean = self._draw(declaration, draw, arguments, whole)
        self._check_finite(name, values)
        text = written(self.source, Span(draw.name.span.start, _draw_end(self.source, draw)))
        self._enter(name, statement.kind, shape, values, "drawn", mean=mean, text=text)

    def _number(self, statement: Statement, declaration: Declaration, root: int) -> float:
        positions = range(declaration.first, root + 1)
        value = evaluate(self.source, statement.ops, positions, root, self.data, limit=self.limit)
        if value.shape:
            raise self.source.error("this must be a single number", statement.ops[root].span)
        self._check_finite(declaration.name, value)
        return float(value)

    def _draw(
        self, declaration: Declaration, draw: Draw, arguments: list[float], shape: Shape
    ) -> tuple[Array, float]:
        kind, name = draw.name.name, declaration.name.name
        if kind in INITIALIZERS:
            return self._initialized(declaration, draw, arguments, shape), 0.0
        if kind not in ("normal", "uniform"):
            near = nearest(kind, ["normal", "uniform", *INITIALIZERS])
            known = "known are normal, uniform, " + ", ".join(INITIALIZERS)
            raise self.source.error(
                f'unknown distribution "{draw.name.display[:40]}"',
                draw.name.span,
                help=f"did you mean {near}?" if near else known,
            )
        if len(arguments) != 2:
            form = "normal(mean, sd)" if kind == "normal" else "uniform(a, b)"
            raise self.source.error(f"{kind} takes two numbers", draw.name.span, f"write {form}")
        a, b = arguments
        if kind == "uniform":
            if a > b:
                raise self.source.error(
                    "a is above b", draw.name.span, "write uniform(a, b), a < b"
                )
            return draw_uniform(self.seed, name, shape, a, b), (a + b) / 2
        if b < 0:
            raise self.source.error("a standard deviation is negative", draw.name.span)
        return draw_normal(self.seed, name, shape, a, b), a

    def _initialized(
        self, declaration: Declaration, draw: Draw, arguments: list[float], shape: Shape
    ) -> Array:
        if arguments:
            raise self.source.error(f"{draw.name.name} takes no numbers", draw.name.span)
        try:
            fan_in, fan_out = fans(declaration.shape or (), draw.name.name)
        except ShapeError as reason:
            raise self.source.error(reason.message, draw.name.span, reason.help) from None
        sd = math.sqrt(INITIALIZERS[draw.name.name].variance(fan_in, fan_out))
        return draw_normal(self.seed, declaration.name.name, shape, 0.0, sd)

    def _from_file(self, statement: Statement) -> None:
        source = statement.source
        assert source is not None
        for declaration in statement.declarations:
            if declaration.value is not None or declaration.draw is not None:
                raise self.source.error(
                    f'"{declaration.name.display}" has a value and a file',
                    declaration.name.span,
                    help="take two statements",
                )
        try:
            is_rows = statement.kind == "rows"
            with open_table(source.path, self.folder, self.limit, rows=is_rows) as table:
                self._take_columns(statement, table, source.columns)
        except DataError as reason:
            if reason.place is not None:
                raise
            place = self.source.place(*source.span)
            raise DataError(reason.message, place=place, help=reason.help) from None

    def _take_columns(self, statement: Statement, table: Table, columns: tuple[str, ...]) -> None:
        assert statement.source is not None
        source_path, left = statement.source.path, list(columns)
        if table.names == ("",) and len(statement.declarations) > 1:
            raise DataError(
                f"an .npy file holds one array, {len(statement.declarations)} names are given",
                help="one name for each .npy; an .npz holds several arrays by name",
            )
        for declaration in statement.declarations:
            count = _columns_of(statement, declaration, table, columns)
            if columns and len(left) < count:
                raise self._too_few(declaration, count, len(left))
            chosen, left = left[:count], left[count:]
            array = _taken(statement, declaration, table, chosen)
            text = _from_text(source_path, chosen)
            self._enter_taken(statement, declaration, array, text, table)
        if left:
            raise DataError(
                f"{len(left)} column{'s are' if len(left) > 1 else ' is'} left over: {', '.join(left[:5])}",
                help="a declared shape takes more: rows x[3], or data X[10,3]"
                if table.is_csv
                else "of an .npz each name takes one key",
            )

    def _too_few(self, declaration: Declaration, count: int, left: int) -> DataError:
        name = declaration.name
        takes = f"{count} column{'' if count == 1 else 's'}"
        return DataError(
            f'"{name.display}{spell_shape(declaration.shape or ())}" takes {takes}, '
            f"{left or 'none'} {'is' if left < 2 else 'are'} left",
            place=self.source.place(*name.span),
            help="a scalar takes one column, rows x[3] or data X[10,3] three",
        )

    def _enter_taken(
        self,
        statement: Statement,
        declaration: Declaration,
        array: Array,
        text: str,
        table: Table,
    ) -> None:
        name, shape = declaration.name, declaration.shape
        found = array.shape
        if statement.kind == "rows":
            if not found:
                raise DataError(f'"{name.display}" is one number, not one for every row')
            found = found[1:]
            if found == (1,) and shape is None:  # what reshape(-1, 1) makes, and rarely is meant
                note = f"{name.display} is a vector [1], as in the file; its number is {name.display}[0]"
                self.builder.notes.append(note)
        elif table.is_csv and found == (1,) and shape is None:
            array, found = array.reshape(()), ()
        if shape is not None and shape != found:
            raise self._other_shape(statement, name, shape, array.shape, is_csv=table.is_csv)
        if len(found) > 2:
            each = " in each row" if statement.kind == "rows" else ""
            raise DataError(
                f'"{name.display}" has {len(found)} axes{each}, at most 2 are read',
                place=self.source.place(*name.span),
                help="make it a vector or a matrix: NumPy's reshape",
            )
        self._reserve(name, array.shape, counts=not table.is_mapped)
        self._enter(name, statement.kind, found, array, "file", text=text, mapped=table.is_mapped)

    def _other_shape(
        self, statement: Statement, name: Name, shape: Shape, whole: Shape, *, is_csv: bool
    ) -> DataError:
        """A declared shape that is not the file's, with what to write instead."""
        per_row = statement.kind == "rows"
        found = whole[1:] if per_row else whole
        fitting = f"{statement.kind} {name.display}{spell_shape(found)}"
        if is_csv and len(shape) == (1 if per_row else 2):
            help = f'several columns fill it: from "FILE" columns u, v, w; or write {fitting}'
        elif per_row and shape == whole:
            help = f"the shape is that of one row: write {fitting}"
        elif shape == found[::-1]:
            help = f"write {fitting}, and {name.display}' in the steps"
        elif per_row and shape == whole[:-1]:
            turned = spell_shape(whole[::-1])
            help = f"rows come first: save the transpose, which has {turned}; or write {fitting}"
        else:
            help = f"write {fitting}"
        return DataError(
            f'"{name.display}" is declared as {shape_in_words(shape)}, the file holds {shape_in_words(found)}'
            + (" in each row" if per_row else ""),
            place=self.source.place(*name.span),
            help=help,
        )

    def _count_rows(self, count: int, name: Name) -> None:
        if count == 0:
            raise self.source.error("there are no rows", name.span)
        if self.rows is not None and self.rows != count and self.rows_from is not None:
            related = (("declared here", self.source.place(*self.rows_from.span)),)
            raise self.source.error(
                f'"{name.display}" has {count} rows, "{self.rows_from.display}" has {self.rows}',
                name.span,
                help="all rows names have one value per training example",
                related=related,
            )
        if self.rows is None:
            self.rows, self.rows_from = count, name

    def _reserve(self, name: Name, shape: Shape, *, counts: bool = True) -> None:
        """Refuse what would take more memory than allowed, before it is taken."""
        size = 8 * math.prod(shape) if counts else 0
        if self.bytes + size > self.limit:
            raise ShapeError(
                f'"{name.display}" of the shape {spell_shape(shape)} needs {spell_size(size)}; '
                f"at most {spell_size(self.limit)} are read",
                place=self.source.place(*name.span),
                help="--max-data raises the limit",
            )
        if len(shape) and 0 in shape:
            raise self.source.error(f'"{name.display}" has no entries', name.span)

    def _enter(
        self,
        name: Name,
        kind: str,
        shape: Shape,
        values: Array,
        origin: str,
        *,
        mean: float = 0.0,
        text: str = "",
        mapped: bool = False,
    ) -> None:
        if len(shape) > 2:
            raise self.source.error(
                f'"{name.display}" has {len(shape)} axes',
                name.span,
                help="values are numbers, vectors and matrices",
            )
        if kind == "rows":
            self._count_rows(values.shape[0], name)
        array = values if origin == "file" else np.array(values, dtype=np.float64)  # a column is not copied
        self.bytes += 0 if mapped else array.nbytes
        if kind == "data":
            self.data[name.name] = array
        array.setflags(write=False)
        node = self.builder.leaf(name.name, shape, per_row=kind == "rows")
        self.inputs[name.name] = Input(
            name=name.name,
            display=name.display,
            kind=kind,
            shape=shape,
            values=array,
            line=self.source.line(name.span.start),
            origin=origin,
            node=node,
            mean=mean,
            text=text,
        )


def _number_written(ops: list[Op], declaration: Declaration) -> float | None:
    """The value of a number, or of -number, where nothing else is written and a double holds it."""
    assert declaration.value is not None
    op, sign = ops[declaration.value], 1.0
    if op.kind == "negative":
        op, sign = ops[op.arguments[0]], -1.0
    value = sign * float(op.text) if op.kind == "number" else math.inf
    return value if math.isfinite(value) else None


def _columns_of(
    statement: Statement, declaration: Declaration, table: Table, columns: tuple[str, ...]
) -> int:
    """How many of the listed columns go into one name."""
    if not table.is_csv or not columns:
        return 1
    if declaration.shape:
        return _width(statement, declaration.shape)
    return len(columns) if len(statement.declarations) == 1 else 1


def _width(statement: Statement, shape: Shape) -> int:
    """How many columns fill a shape: all entries of one row, or the columns of a matrix."""
    if statement.kind == "rows":
        return math.prod(shape)
    return shape[-1] if len(shape) == 2 else 1


def _taken(
    statement: Statement, declaration: Declaration, table: Table, chosen: list[str]
) -> Array:
    """The array for one name, from the listed columns or from the one of its own name."""
    if chosen and table.names == ("",):
        raise DataError("an .npy file has no columns", help="it holds one array")
    if not chosen:
        known = (declaration.name.display, declaration.name.name)
        return table.take(next((n for n in known if n in table.names), known[1]))
    shape, per_row = declaration.shape or (), statement.kind == "rows"
    is_wide = bool(shape) if per_row else len(shape) == 2
    if len(chosen) == 1 and not (table.is_csv and is_wide):
        return table.take(chosen[0])
    stacked = table.together(chosen)
    return stacked.reshape(len(stacked), *shape) if per_row and shape else stacked


def _from_text(path: str, columns: list[str]) -> str:
    """`from "FILE" columns u, v`, as it is read."""
    listed = ", ".join(f'"{column}"' for column in columns)
    return f'from "{path}"' + (f" columns {listed}" if columns else "")


def _draw_end(source: Source, draw: Draw) -> int:
    """Where `normal(0, 1)` ends."""
    end = draw.name.span.end
    if not draw.arguments:
        return end
    depth = 0
    while True:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(source.code[end], 0)
        end += 1
        if depth == 0 and source.code[end - 1] == ")":
            return end


def written(source: Source, span: Span) -> str:
    """The author's text; on one line and without comments where it had several."""
    text = source.text[span.start : span.end]
    return text if "\n" not in text else " ".join(source.code[span.start : span.end].split())
