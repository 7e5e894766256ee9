"""Reads draws: `~ normal(0, 1)`, `~ he`. Gives the numbers that are drawn, the same for one seed everywhere.

Knows nothing of files.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.language.declared_inputs import DeclaredInputs
from gradcheck_cli.language.graph_assembly import evaluate
from gradcheck_cli.language.identifiers import nearest
from gradcheck_cli.language.source_text import Source, Span, text_of
from gradcheck_cli.language.statements import Declaration, Draw, Statement
from gradcheck_cli.model.initializers import INITIALIZERS, fans
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.model.random_points import draw_normal, draw_uniform

__all__ = ["DrawReader"]

Array = NDArray[np.float64]


_DRAWS = {
    **dict.fromkeys(("N", "n", "norm", "gaussian", "gauss", "randn"), "normal(0, 1)"),
    **dict.fromkeys(("U", "unif", "rand", "random"), "uniform(0, 1)"),
}

class DrawReader:
    """Enters the names whose values a statement says to draw."""

    def __init__(self, source: Source, declared: DeclaredInputs, seed: int) -> None:
        self.source, self.declared, self.seed = source, declared, seed

    def declare(self, statement: Statement, declaration: Declaration, draw: Draw) -> None:
        """Draw the values of one name. Raises LanguageError, ShapeError."""
        name, shape = declaration.name, declaration.shape or ()
        whole = shape
        if statement.kind == "rows":
            if self.declared.rows is None:
                raise self.source.error(
                    "how many rows are to be drawn?", name.span, help="end it with: count 8"
                )
            whole = (self.declared.rows, *shape)
        elif draw.rows is not None:
            raise self.source.error(
                "count is for rows", draw.name.span, help=f"write {name.display}[{draw.rows}] ~ ..."
            )
        if draw.rows is not None and draw.rows != self.declared.rows:
            self.declared.count_rows(draw.rows, name)
        self.declared.reserve(name, whole)
        arguments = [self._number(statement, declaration, a) for a in draw.arguments]
        values, mean = self._draw(declaration, draw, arguments, whole)
        self.declared.check_finite(name, values)
        text = text_of(self.source, Span(draw.name.span.start, _draw_end(self.source, draw)))
        self.declared.enter(name, statement.kind, shape, values, "drawn", mean=mean, text=text)

    def _number(self, statement: Statement, declaration: Declaration, root: int) -> float:
        positions = range(declaration.first, root + 1)
        known, limit = self.declared.data, self.declared.limit
        value = evaluate(self.source, statement.ops, positions, root, known, limit=limit)
        if value.shape:
            raise self.source.error("this must be a single number", statement.ops[root].span)
        self.declared.check_finite(declaration.name, value)
        return float(value)

    def _draw(
        self, declaration: Declaration, draw: Draw, arguments: list[float], shape: Shape
    ) -> tuple[Array, float]:
        kind, name = draw.name.name, declaration.name.name
        if kind in INITIALIZERS:
            return self._draw_initializer(declaration, draw, arguments, shape), 0.0
        if kind not in ("normal", "uniform"):
            near = _DRAWS.get(kind) or nearest(kind, ["normal", "uniform", *INITIALIZERS])
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

    def _draw_initializer(
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
