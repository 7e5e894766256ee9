"""Reads a product whose shapes do not fit, with the author's operands. Gives the products that do.

Knows nothing of values: which of them is meant is not seen here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.language.advice.operands import operand_before, operand_behind
from gradcheck_cli.language.statement_words import LONG_LINE
from gradcheck_cli.language.statements import Op

__all__ = ["with_fitting_products"]

Shape = tuple[int, ...]
_MATRIX_PRODUCT = re.compile(r"the product is A @ v(?:; )?")


def with_fitting_products(
    reason: ShapeError, code: str, ops: Sequence[Op], position: int, shapes: Sequence[Shape]
) -> ShapeError:
    """The error of a product, whose help names the products of these operands that fit."""
    op = ops[position]
    if op.kind != "binary" or op.text not in ("*", "@") or len(shapes) != 2 or max(map(len, shapes)) > 2:
        return reason
    operands = _operands(code, ops, position)
    if operands is None or () in shapes or (op.text == "@" and len(shapes[0]) == len(shapes[1]) == 1):
        return reason
    fitting = _fitting(operands, shapes)[: 1 if op.text == "*" else 2]
    if not fitting or (op.text == "@" and fitting[0] == " @ ".join(operands)):
        return reason
    products = " or ".join(fitting)
    if op.text == "@":
        return ShapeError(reason.message, help=f"write {products}")
    rest = _MATRIX_PRODUCT.sub("", reason.help or "")
    if {len(shape) for shape in shapes} == {1, 2}:
        rest = _named(rest, *sorted(operands, key=lambda operand: len(shapes[operands.index(operand)])))
    behind = f"; {rest}" if rest and "a matrix product is written" not in rest else ""
    return ShapeError(reason.message, help=f"the product is {products}{behind}")


def _operands(code: str, ops: Sequence[Op], position: int) -> tuple[str, str] | None:
    """The two operands as they are typed; None where one of them is not a single operand."""
    op = ops[position]
    left, right = operand_before(code, op.start), operand_behind(code, op.end)
    for text, argument in zip((left, right), op.arguments, strict=True):
        in_brackets = text.startswith("(") and text.endswith(")")
        if not text or len(text) > LONG_LINE // 2 or (ops[argument].kind == "binary" and not in_brackets):
            return None
    return left, right


def _named(help: str, vector: str, matrix: str) -> str:
    """A help that speaks of A and v, with the author's operands."""
    if vector.endswith("'"):
        return help
    return re.sub(r"\b[Av]\b", lambda letter: matrix if letter[0] == "A" else vector, help)


def _fitting(operands: tuple[str, str], shapes: Sequence[Shape]) -> list[str]:
    """The products with @ whose shapes fit: as written, with a transpose, in the other order."""
    (left, right), (a, b) = operands, map(_as_matrix, shapes)
    found = []
    for (one, m), (two, n) in (((left, a), (right, b)), ((right, b), (left, a))):
        for first, rows in ((one, m), (_transposed(one), m[::-1])):
            for second, columns in ((two, n), (_transposed(two), n[::-1])):
                if rows[1] == columns[0]:
                    found.append(f"{first} @ {second}")
    return list(dict.fromkeys(found))


def _as_matrix(shape: Shape) -> Shape:
    return shape if len(shape) == 2 else (*shape, 1)


def _transposed(operand: str) -> str:
    return operand[:-1] if operand.endswith("'") else f"{operand}'"
