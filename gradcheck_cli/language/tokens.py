"""Reads a piece of code and the terminals of the grammar. Gives tokens. Knows nothing of statements.

The terminals are tried in the order of lark's basic lexer: by priority, then the longest pattern. A
test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["STRANGE", "Lexer", "Token"]

STRANGE = "STRANGE"  # the type of a character that begins no terminal


class Token:
    """A piece of code: its type, its text and its offsets; `place`: which one of its statement."""

    __slots__ = ("end", "place", "start", "text", "type")

    def __init__(self, type: str, text: str, start: int, end: int, place: int) -> None:
        self.type, self.text, self.start, self.end, self.place = type, text, start, end, place


class Lexer:
    """Cuts code into tokens: one pattern for all terminals, so that a token costs a microsecond."""

    def __init__(self, terminals: Iterable[Any], ignored: Iterable[str]) -> None:
        self._ignored = frozenset(ignored)
        ordered = sorted(terminals, key=_rank)
        pieces = [f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in ordered]
        self._pattern = re.compile("|".join([*pieces, rf"(?P<{STRANGE}>[\s\S])"]))

    def tokens(self, code: str, start: int, end: int) -> Iterator[Token]:
        """The tokens between two offsets."""
        place = 0
        for found in self._pattern.finditer(code, start, end):
            kind = found.lastgroup
            if kind not in self._ignored:
                first, last = found.span()
                yield Token(kind, found[0], first, last, place)  # type: ignore[arg-type]
                place += 1


def _rank(terminal: Any) -> tuple[int, int, int, str]:
    pattern = terminal.pattern
    return -terminal.priority, -pattern.max_width, -len(pattern.value), terminal.name
