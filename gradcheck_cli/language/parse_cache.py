"""Reads a parsed statement, and where its tokens begin. Gives the statements of the same shape.

Two statements are of one shape if they differ in names, numbers and the width of blanks only. Their
operations are then the same but for these texts and the places, which come from their own tokens.
Knows nothing of the grammar.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from gradcheck_cli.language.identifiers import canonical
from gradcheck_cli.language.source_text import Span
from gradcheck_cli.language.statements import Declaration, Name, Op, Statement

__all__ = ["Outline", "outline_of"]

_NAMING = ("number", "name", "call")  # their text is that of their token
_KINDS = frozenset({*_NAMING, "binary", "negative", "transpose", "bracket", "stack"})


class _Op(NamedTuple):
    """An operation: the token where it stands, and its text unless that is the token's."""

    kind: str
    arguments: tuple[int, ...]
    text: str | None
    token: int


class _Declared(NamedTuple):
    """A declaration: the token of its name."""

    token: int
    value: int | None
    first: int
    last: int


class Outline(NamedTuple):
    """A statement with numbers of tokens in place of offsets; `text` runs from one token to the last."""

    kind: str
    name: int | None
    root: int | None
    text: int | None
    declarations: tuple[_Declared, ...]
    ops: tuple[_Op, ...]

    def fill(self, texts: list[str], starts: list[int]) -> Statement:
        """The statement whose tokens have these texts and places; the last place is the end."""
        names = texts if all(map(str.isascii, texts)) else list(map(canonical, texts))
        new = tuple.__new__  # at half the time of Op(...)
        ops = []
        for kind, arguments, text, token in self.ops:
            shown = names[token] if text is None else text
            ops.append(new(Op, (kind, arguments, shown, starts[token], starts[token + 1], ())))
        declarations = [
            Declaration(_name(names, texts, starts, token), None, value, None, first, last)
            for token, value, first, last in self.declarations
        ]
        return Statement(
            self.kind,
            Span(starts[0], starts[-1]),
            name=None if self.name is None else _name(names, texts, starts, self.name),
            root=self.root,
            declarations=tuple(declarations),
            text=None if self.text is None else Span(starts[self.text], starts[-1]),
            ops=ops,
        )


def _name(names: list[str], texts: list[str], starts: list[int], token: int) -> Name:
    return Name(names[token], texts[token], Span(starts[token], starts[token + 1]))


def outline_of(statement: Statement, starts: list[int]) -> Outline | None:
    """The outline of a statement; None if it holds more than tokens can tell, as a file or a shape."""
    tokens = {Span(*span): k for k, span in enumerate(pairwise(starts))}
    begins = {start: k for k, start in enumerate(starts)}
    text, name = statement.text, statement.name
    simple = (
        statement.source is None
        and statement.target is None
        and not statement.value
        and (text is None or (text.start in begins and text.end == starts[-1]))
        and all(_is_simple(op, tokens) for op in statement.ops)
        and all(d.shape is None and d.draw is None and not d.assumed for d in statement.declarations)
    )
    if not simple:
        return None
    return Outline(
        kind=statement.kind,
        name=None if name is None else tokens[name.span],
        root=statement.root,
        text=None if text is None else begins[text.start],
        declarations=tuple(
            _Declared(tokens[d.name.span], d.value, d.first, d.last) for d in statement.declarations
        ),
        ops=tuple(
            _Op(op.kind, op.arguments, None if op.kind in _NAMING else op.text, tokens[op.span])
            for op in statement.ops
        ),
    )


def _is_simple(op: Op, tokens: Mapping[Span, int]) -> bool:
    return op.kind in _KINDS and not op.options and op.span in tokens
