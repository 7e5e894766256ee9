"""Reads a text without loops, definitions and sums over an index. Gives its statements.

Such a text, as most are, needs nothing of expansion/, which is then not imported. Knows nothing of names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gradcheck_cli.language.statements import Op, Statement

if TYPE_CHECKING:
    from gradcheck_cli.language.grammar import Parser
    from gradcheck_cli.language.source_text import Source, Span

__all__ = ["is_counted", "plain_statements"]

_EXPANDED = re.compile(r"\brepeat\s|\)\s*=(?!=)|\{|\b(?:sum|prod)\s*\(\s*[^\W\d]\w*\s*=(?!=)")


def plain_statements(source: Source, spans: list[Span], parser: Parser) -> list[Statement] | None:
    """The statements at `spans`; None where something has to be written out. Raises LanguageError."""
    if _EXPANDED.search(source.code):
        return None
    statements = [parser.parse(span) for span in spans]
    from gradcheck_cli.model.primitives.table import PRIMITIVES  # a syntax error needs none of them

    sized = frozenset(name for r in PRIMITIVES.values() if r.sizes for name in (r.function, *r.aliases))
    counted = any(is_counted(s.ops, op, sized) for s in statements for op in s.ops)
    return None if counted else statements


def is_counted(ops: list[Op], op: Op, sized: frozenset[str]) -> bool:
    """Whether an index or a size is written otherwise than as a number; `sized`: functions of sizes."""
    kind = op.kind
    items: tuple[int | None, ...] = ()
    if kind == "slice":
        items = op.options
    elif kind == "bracket":
        items = op.arguments[1:]
    elif kind in ("derivative", "value") or (kind == "call" and op.text in sized):
        items = op.arguments
    return any(a is not None and ops[a].kind not in ("number", "slice") for a in items)
