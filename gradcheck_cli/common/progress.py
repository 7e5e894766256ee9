"""Reads which parts of a run are done. Gives the fraction that is, to whoever asked for it.

Most of a run over many rows is passes over all of them; each block that is taken moves the fraction on. How
many passes a part takes is not known beforehand: each is taken for a third of what is left of the part.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Meter"]

_LEFT = 2 / 3  # of a part, after one pass


class Meter:
    """The fraction of a run that is done; `tell` is called as it grows, from 0 to 1."""

    def __init__(self, tell: Callable[[float], None], parts: int) -> None:
        self._tell, self._parts = tell, parts
        self._done = self._told = self._passes = 0.0

    def visit(self, blocks: int) -> None:
        """One of so many blocks of rows was taken."""
        self._passes += 1 / blocks
        self._say(self._done + 1 - _LEFT**self._passes)

    def part(self) -> None:
        """A part is done."""
        self._done, self._passes = self._done + 1, 0.0
        self._say(self._done)

    def finish(self) -> None:
        """All is done."""
        self._say(self._parts)

    def _say(self, done: float) -> None:
        fraction = min(1.0, done / self._parts)
        if fraction > self._told:
            self._told = fraction
            self._tell(fraction)
