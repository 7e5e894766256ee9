"""Reads `from "FILE"`. Gives the arrays of data files to the names of a statement, in their shapes.

Knows nothing of the formats of files.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import DataError
from gradcheck_cli.language.data.file_access import Access
from gradcheck_cli.language.data.tables import Table, open_table
from gradcheck_cli.language.declared_inputs import DeclaredInputs
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statements import Declaration, Name, Statement
from gradcheck_cli.model.graph import spell_shape
from gradcheck_cli.model.primitives.record import Shape, shape_in_words

__all__ = ["FileReader"]

Array = NDArray[np.float64]


class FileReader:
    """Enters the names whose values stand in a data file."""

    def __init__(self, source: Source, declared: DeclaredInputs, access: Access) -> None:
        self.source, self.declared, self.access = source, declared, access

    def declare(self, statement: Statement) -> None:
        """Take what the names of a statement are from its file. Raises DataError."""
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
            with open_table(source.path, self.access, rows=is_rows) as table:
                self._take_columns(statement, table, source.columns)
        except DataError as reason:
            if reason.place is not None:
                raise
            raise self.source.locate(reason, source.span) from None

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
            array = _take(statement, declaration, table, chosen)
            text = _from_text(source_path, chosen)
            self._enter_array(statement, declaration, array, text, table)
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

    def _enter_array(
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
                self.declared.builder.notes.append(note)
        elif table.is_csv and found == (1,) and shape is None:
            array, found = array.reshape(()), ()
        if shape is not None and shape != found:
            raise self._other_shape(statement, name, shape, array.shape, is_csv=table.is_csv)
        self.declared.reserve(name, array.shape, counts=not table.is_mapped)
        self.declared.enter(name, statement.kind, found, array, "file", text=text, mapped=table.is_mapped)

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
        elif math.prod(shape) == math.prod(found) and not is_csv:
            sizes = ", ".join(map(str, (-1, *shape) if per_row else shape))
            help = f"write {fitting}, or save a.reshape({sizes})"
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


def _take(
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
