"""Reads a text without loops, definitions and sums over an index. Gives its statements.

Such a text, as most are, needs nothing of expansion/, which is then not imported. Knows nothing of names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from gradcheck_cli.language.statements import Op, Statement

if TYPE_CHECKING:
    from gradcheck_cli.language.grammar import Parser
    from gradcheck_cli.language.source_text import Source, Span
    from gradcheck_cli.model.primitives.record import Primitive

__all__ = ["LISTS", "first_whole", "is_counted", "plain_statements"]

LISTS = ("listed", "stack")  # operations that list whole numbers: (2, 3) and [2, 3]

_EXPANDED = re.compile(r"\brepeat\s|\)\s*=(?!=)|\{|\b(?:sum|prod)\s*\(\s*[^\W\d]\w*\s*=(?!=)")


def plain_statements(source: Source, spans: list[Span], parser: Parser) -> list[Statement] | None:
    """The statements at `spans`; None where something has to be written out. Raises LanguageError."""
    if _EXPANDED.search(source.code):
        return None
    statements = [parser.parse(span) for span in spans]
    first = _first_wholes()
    counted = any(is_counted(s.ops, op, first) for s in statements for op in s.ops)
    return None if counted else statements


@cache
def _first_wholes() -> Mapping[str, int | None]:
    from gradcheck_cli.model.primitives.table import PRIMITIVES  # a syntax error needs none of them

    return {name: first_whole(r) for r in PRIMITIVES.values() for name in (r.function, *r.aliases)}


def first_whole(record: Primitive) -> int | None:
    """From which argument on a function takes whole numbers that are written out: ones(n), reshape(x, n)."""
    if record.sizes or record.name == "transpose":
        return 0 if record.sizes else 1
    return record.arguments if record.listed else None


def is_counted(ops: list[Op], op: Op, first: Mapping[str, int | None]) -> bool:
    """Whether an index or a size is written otherwise than as a number; `first`: the argument from which on
    a function takes sizes."""
    kind = op.kind
    items: Sequence[int | None] = ()
    if kind == "slice":
        items = op.options
    elif kind == "bracket":
        items = op.arguments[1:]
    elif kind in ("derivative", "value"):
        items = op.arguments
    elif kind == "call" and (begin := first.get(op.text)) is not None:
        items = [a for k in op.arguments[begin:] for a in _listed(ops, k)]
    return any(a is not None and ops[a].kind not in ("number", "slice") for a in items)


def _listed(ops: list[Op], position: int) -> tuple[int, ...]:
    """The numbers of (2, 3) and [2, 3], or the one alone."""
    return ops[position].arguments if ops[position].kind in LISTS else (position,)
