"""Reads copies of a text: turns of a loop, bodies of definitions. Gives where each character came from.

A copy keeps no list of its pieces: they are made again when a place is asked for. Knows nothing of loops
and definitions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gradcheck_cli.language.source_text import Source, Span

__all__ = ["Copies", "Copy", "Origin", "Piece"]


class Piece(NamedTuple):
    """A part of a copy, made of the characters first, ..., last - 1: they themselves, or what replaces them.

    `values` are those of the indices of the loops around it: "k = 3".
    """

    text: str
    first: int
    last: int
    is_verbatim: bool
    values: str


class Copy(NamedTuple):
    """A text that was made of pieces of `source`; `call` is the use that made it: a sentence, and where."""

    start: int
    source: Source
    pieces: Callable[[], Iterable[Piece]]
    call: tuple[str, Span] | None = None


class Origin(NamedTuple):
    """The characters that a character of a copy was made of."""

    copy: Copy
    first: int
    last: int
    values: str


class Copies:
    """Copies one behind another, from the offset `end` on."""

    def __init__(self, end: int) -> None:
        self.end = end
        self._copies: list[Copy] = []
        self._starts: list[int] = []

    def add(
        self, length: int, source: Source, pieces: Callable[[], Iterable[Piece]],
        call: tuple[str, Span] | None = None,
    ) -> int:  # fmt: skip
        """The offset of another copy of so many characters."""
        start = self.end
        self._copies.append(Copy(start, source, pieces, call))
        self._starts.append(start)
        self.end += length
        return start

    def origin(self, offset: int) -> Origin:
        """What the character at an offset was made of."""
        copy = self._copies[bisect_right(self._starts, offset) - 1]
        start, piece = copy.start, None
        for piece in copy.pieces():
            if offset < start + len(piece.text):
                break
            start += len(piece.text)
        assert piece is not None
        if not piece.is_verbatim:
            return Origin(copy, piece.first, piece.last, piece.values)
        first = min(piece.first + offset - start, piece.last)
        return Origin(copy, first, first + 1, piece.values)
