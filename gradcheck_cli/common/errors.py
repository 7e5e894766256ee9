"""Reads places in the user's text. Gives errors that show them with a caret. Knows nothing of models.

Every error that can reach a user is a `GradcheckError` and carries the exit code of the process.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "DataError", "GradcheckError", "InternalError", "LanguageError", "OptionError", "OutputError",
    "Place", "ShapeError", "UnknownName", "plural",
    "printable",
]  # fmt: skip

_MARGIN = 5  # width of the line number in front of " | "
_WINDOW = 100  # characters of a very long source line that are shown around the caret


def printable(text: str, longest: int | None = None) -> str:
    """`text` with control characters written as escapes, cut in the middle beyond `longest`."""
    safe = text
    if not text.isprintable():
        safe = "".join(c if c.isprintable() or c == "\t" else f"\\u{ord(c):04x}" for c in text)
    if longest is not None and len(safe) > longest:
        half = (longest - 3) // 2
        safe = f"{safe[:half]}...{safe[-half:]}"
    return safe


def plural(number: int, noun: str) -> str:
    """ "1 claim", "15 claims", "1,024 entries"."""
    several = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else several}"


class Place(NamedTuple):
    """Where something stands in a text: line and column count from 1, columns in characters."""

    file: str
    line: int
    column: int
    text: str = ""
    width: int = 1

    def excerpt(self) -> list[str]:
        """The source line and a caret line under it, both behind the line number's margin."""
        start = max(0, self.column - 1 - _WINDOW // 2)
        shown = self.text.replace("\t", " ")
        window = printable(shown[start : start + _WINDOW])
        before = printable(shown[start : self.column - 1])
        lead, lag = ("..." if start else ""), ("..." if len(shown) > start + _WINDOW else "")
        free = max(1, len(window) - len(before))
        caret = " " * (len(lead) + len(before)) + "^" * max(1, min(self.width, free))
        return [f"{self.line:>{_MARGIN}} | {lead}{window}{lag}", f"{'':{_MARGIN}} | {caret}"]


class GradcheckError(Exception):
    """What went wrong, where, and the way out. `exit_code` is what the process returns."""

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        place: Place | None = None,
        help: str | None = None,
        file: str | None = None,
        related: tuple[tuple[str, Place], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.help = help
        self.file = file if file is not None or place is None else place.file
        self.related = related
        self.others: tuple[GradcheckError, ...] = ()  # of the same text, which are told with it

    @property
    def together(self) -> list[GradcheckError]:
        """This error and the others of its text, by line."""
        return sorted([self, *self.others], key=lambda e: e.place.line if e.place else 0)

    def __str__(self) -> str:
        """The whole error as the user sees it, several lines, without a final line break."""
        head = f"error: {self.message}"
        if self.place is not None:
            head = f"{printable(self.place.file)}:{self.place.line}:{self.place.column}: {head}"
        elif self.file is not None:
            head = f"{printable(self.file)}: {head}"
        lines = [head]
        if self.place is not None:
            lines += self.place.excerpt()
        for label, place in self.related:
            lines += [f"{'':{_MARGIN}} = {label}:", *place.excerpt()]
        if self.help:
            lines.append(f"{'':{_MARGIN}} = help: {self.help}")
        return "\n".join(lines)


class LanguageError(GradcheckError):
    """The model file cannot be read as a model."""


class UnknownName(LanguageError):
    """Nothing defines the name, or the function, at this place."""


class ShapeError(GradcheckError):
    """A function cannot take arguments of these shapes. The reader adds the place."""


class DataError(GradcheckError):
    """A data file cannot be read as numbers."""


class OptionError(GradcheckError):
    """An option of the command line, of `set` or of the library has an impossible value."""


class OutputError(GradcheckError):
    """The result could not be written; nothing was left half written."""


class InternalError(GradcheckError):
    """A defect of gradcheck itself."""

    exit_code = 70
