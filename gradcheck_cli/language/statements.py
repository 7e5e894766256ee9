"""Reads nothing. Gives what a parsed statement is made of: names, operations, declarations.

Knows nothing of how it is parsed and what it means.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gradcheck_cli.language.source_text import Span

__all__ = ["AssumedWord", "Declaration", "Draw", "FileSource", "Name", "Op", "Statement"]


class Name(NamedTuple):
    """A name: the one it stands for, as typed, and where."""

    name: str
    display: str
    span: Span


class Op(NamedTuple):
    """One operation. `arguments` are positions of earlier ones; a caret goes from `start` to `end`.

    kind        text       arguments       options
    number      as typed
    text        between the quotation marks
    name        canonical
    function    canonical                   (what stood before a square bracket that was a call)
    derivative             index items     (of, by, has an index), two Names and a bool
    value       canonical  index items     (Name, has an index): on the left of a claim
    slope       with its ' arguments       ((keyword, position), ...)
    call        function   arguments       ((keyword, position), ...)
    bracket                base, items     ((keyword, position), ...)
    slice                                  (position or None, position or None)
    stack                  entries
    binary      the sign   left, right
    negative               operand
    transpose              operand
    """

    kind: str
    arguments: tuple[int, ...]
    text: str
    start: int
    end: int
    options: tuple[Any, ...] = ()

    @property
    def span(self) -> Span:
        """Where it stands. Made when asked for: a model has many operations and few mistakes."""
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class AssumedWord:
    """`symmetric`, `sum 1` or `in {-1, 1}`, behind a name that is declared."""

    name: Name
    numbers: tuple[str, ...]
    span: Span


class Draw(NamedTuple):
    """`~ normal(0, 1) count 8`."""

    name: Name
    arguments: tuple[int, ...]
    rows: int | None


class Declaration(NamedTuple):
    """One name of a data, rows or param statement; its operations are first, ..., last - 1."""

    name: Name
    shape: tuple[int, ...] | None
    value: int | None
    draw: Draw | None
    first: int
    last: int
    assumed: tuple[AssumedWord, ...] = ()


class FileSource(NamedTuple):
    """`from "FILE" columns u, v as float32`."""

    path: str
    columns: tuple[str, ...]
    span: Span
    number_format: Name | None = None


@dataclass(slots=True)
class Statement:
    """kind: data, rows, param, seed, set, let, claim, step or expression."""

    kind: str
    span: Span
    name: Name | None = None
    root: int | None = None
    target: int | None = None
    declarations: tuple[Declaration, ...] = ()
    source: FileSource | None = None
    value: str = ""
    text: Span | None = None  # of the right side
    alias: str = ""  # the name that stands for the derivative on the left of a claim
    ops: list[Op] = field(default_factory=list)
    is_rewritten: bool = False  # its operations are no longer those of its text
