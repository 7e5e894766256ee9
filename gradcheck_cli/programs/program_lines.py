"""Reads the text of a model that was traced. Gives the lines of the program that its lines stand for.

Knows nothing of gradients.
"""

from __future__ import annotations

import re

__all__ = ["ProgramLines"]


class ProgramLines:
    """Says of lines of a model that was traced which lines of the program they are."""

    def __init__(self, text: str) -> None:
        comments = (line.rpartition("  # ")[2] for line in text.splitlines())
        # FILE.py:14 of each line; empty where there is none
        self.places = [comment if re.fullmatch(r".+\.py:\d+", comment) else "" for comment in comments]

    def __call__(self, text: str) -> str:
        """The text with FILE.py:NUMBER for each `line NUMBER`."""
        text = re.sub(r" \(line (\d+)\)", self._behind, text)
        return re.sub(r"\bline (\d+)\b", self._instead, text)

    def _behind(self, found: re.Match[str]) -> str:
        """In brackets; nothing of a line that the program has not."""
        place = self._place(found)
        return f" ({place})" if place else ""

    def _instead(self, found: re.Match[str]) -> str:
        return self._place(found) or found[0]

    def _place(self, found: re.Match[str]) -> str:
        number = int(found[1])
        return self.places[number - 1] if number <= len(self.places) else ""
