"""Reads declarations of data, rows and parameters. Gives their values and shapes, in the graph.

Values are written in the text, drawn, or taken from data files. Knows nothing of steps.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.language.data.file_access import Access
from gradcheck_cli.language.declared_inputs import DeclaredInputs
from gradcheck_cli.language.graph_assembly import evaluate
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statements import Declaration, Name, Op, Statement
from gradcheck_cli.model.primitives.record import Shape, shape_in_words
from gradcheck_cli.model.random_points import draw_normal

if TYPE_CHECKING:
    from gradcheck_cli.language.drawn_values import DrawReader
    from gradcheck_cli.language.file_values import FileReader

__all__ = ["InputReader"]

Array = NDArray[np.float64]


class InputReader:
    """Grows the inputs of a Model declaration by declaration."""

    def __init__(self, source: Source, declared: DeclaredInputs, *, access: Access, seed: int) -> None:
        self.source, self.declared, self.seed, self.access = source, declared, seed, access

    @cached_property
    def drawn(self) -> DrawReader:
        """The reader of draws, imported with the first."""
        from gradcheck_cli.language.drawn_values import DrawReader

        return DrawReader(self.source, self.declared, self.seed)

    @cached_property
    def of_files(self) -> FileReader:
        """The reader of data files, imported with the first."""
        from gradcheck_cli.language.file_values import FileReader

        return FileReader(self.source, self.declared, self.access)

    def enter_free(self, name: Name) -> None:
        """A parameter that an expression names and nothing declares: one number, drawn."""
        self.declared.enter(name, "param", (), self._free(name, ()), "free")

    def declare(self, statement: Statement) -> None:
        """Enter what a statement declares. Raises LanguageError, ShapeError, DataError."""
        for declaration in statement.declarations:
            if declaration.assumed:
                self.declared.assumed[declaration.name.name] = declaration.assumed
        if statement.source is not None:
            self.of_files.declare(statement)
            return
        if statement.kind == "rows":
            counts = [d.draw.rows for d in statement.declarations if d.draw and d.draw.rows]
            if counts:
                self.declared.count_rows(counts[0], statement.declarations[0].name)
        for declaration in statement.declarations:
            self._declare_one(statement, declaration)

    def _declare_one(self, statement: Statement, declaration: Declaration) -> None:
        name = declaration.name
        if declaration.draw is not None:
            self.drawn.declare(statement, declaration, declaration.draw)
        elif declaration.value is not None:
            shape, values = self._value_and_shape(statement, declaration)
            self.declared.enter(name, statement.kind, shape, values, "given")
        elif statement.kind == "param":
            shape = declaration.shape or ()
            self.declared.enter(name, "param", shape, self._free(name, shape), "free")
        else:
            raise self.source.error(
                f'"{name.display}" has no value',
                name.span,
                help=f'write {statement.kind} {name.display} = 1, ~ normal(0, 1), or from "FILE"',
            )

    def _value_and_shape(self, statement: Statement, declaration: Declaration) -> tuple[Shape, Array]:
        """The shape and the value of NAME[shape] = VALUE."""
        assert declaration.value is not None
        number = _literal_number(statement.ops, declaration)
        if number is not None and declaration.shape is None and statement.kind != "rows":
            return (), np.array(number)  # at a tenth of the time of a graph for it
        value = evaluate(
            self.source,
            statement.ops,
            range(declaration.first, declaration.last),
            declaration.value,
            self.declared.data,
            limit=self.declared.limit,
        )
        self.declared.check_finite(declaration.name, value)
        if statement.kind == "rows":
            return self._rows_value(declaration, value)
        return self._fill(declaration, value)

    def _fill(self, declaration: Declaration, value: Array) -> tuple[Shape, Array]:
        shape = value.shape if declaration.shape is None else declaration.shape
        if value.shape == shape:
            return shape, value
        if value.shape:
            raise self._shape_error(declaration, value.shape, shape)
        self.declared.reserve(declaration.name, shape)
        return shape, np.full(shape, value)

    def _rows_value(self, declaration: Declaration, value: Array) -> tuple[Shape, Array]:
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

    def _free(self, name: Name, shape: Shape) -> Array:
        self.declared.reserve(name, shape)
        return draw_normal(self.seed, name.name, shape)


def _literal_number(ops: list[Op], declaration: Declaration) -> float | None:
    """The value of a number, or of -number, where nothing else is written and a double holds it."""
    assert declaration.value is not None
    op, sign = ops[declaration.value], 1.0
    if op.kind == "negative":
        op, sign = ops[op.arguments[0]], -1.0
    value = sign * float(op.text) if op.kind == "number" else math.inf
    return value if math.isfinite(value) else None
