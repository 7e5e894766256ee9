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


_FREE = ("NAME", "NUMBER")  # of these a shape holds the type, of others the text
_BLANK = " "


class Token:
    """A piece of code: its type, its text and its offsets. What lark's parser is fed."""

    __slots__ = ("end", "start", "text", "type")

    def __init__(self, type: str, text: str, start: int) -> None:
        self.type, self.text, self.start = type, text, start
        self.end = start + len(text)


class Lexer:
    """Cuts code into tokens."""

    def __init__(self, terminals: Iterable[Any], ignored: Iterable[str]) -> None:
        pieces = [(t.name, t.pattern.to_regexp()) for t in sorted(terminals, key=_rank)]
        self._pattern = re.compile("|".join(f"(?P<{name}>{regexp})" for name, regexp in pieces))
        self._bare = re.compile("|".join([*(regexp for _, regexp in pieces), r"[\s\S]"]))
        self._ignored = frozenset(ignored)
        self._marks = _Marks(self)

    def tokens(self, code: str, start: int, end: int) -> Iterator[Token]:
        """The tokens between two offsets, one by one."""
        while start < end:
            found = self._pattern.match(code, start, end)
            text, kind = (found[0], found.lastgroup) if found else (code[start], STRANGE)
            if kind not in self._ignored:
                yield Token(str(kind), text, start)
            start += len(text)

    def texts(self, code: str, start: int, end: int) -> list[str]:
        """The texts of all tokens between two offsets, blanks among them: there are no gaps.

        From a pattern without groups, at a tenth of the time of `tokens`.
        """
        return self._bare.findall(code, start, end)

    def shape(self, texts: list[str]) -> tuple[str, ...]:
        """What is common to statements that differ in names, numbers and the width of blanks only."""
        return tuple(map(self._marks.__getitem__, texts))

    def mark(self, text: str) -> str:
        """What stands in a shape for a token: its type or its text."""
        found = self._pattern.match(text)
        kind = found.lastgroup if found else STRANGE
        if kind in self._ignored:
            return _BLANK
        return kind if kind in _FREE else text


class _Marks(dict[str, str]):
    """The mark of each text that was met."""

    def __init__(self, lexer: Lexer) -> None:
        self._lexer = lexer

    def __missing__(self, text: str) -> str:
        self[text] = mark = self._lexer.mark(text)
        return mark


def _rank(terminal: Any) -> tuple[int, int, int, str]:
    pattern = terminal.pattern
    return -terminal.priority, -pattern.max_width, -len(pattern.value), terminal.name
