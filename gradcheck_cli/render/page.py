"""Reads pieces of text. Gives a page: aligned, wrapped, colored. Knows nothing of reports.

Everything that reaches a terminal passes through a Page: its doors make text harmless before it is
measured, and `text()` hands it to rich as `Text`, so that nothing a user wrote is ever markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from itertools import chain

from gradcheck_cli.render.registry import OutputOptions
from gradcheck_cli.render.text_encoding import cut, safe, width_of, wrap

__all__ = ["Cell", "Page", "column_widths", "style_verdict"]

Cell = tuple[str, str]  # text and style
_WIDEST = 110  # beyond, a verdict at the right edge is too far from what it judges
_VERDICT_STYLES = {
    "ok": "green",
    "KINK": "yellow",
    "UNRESOLVED": "bold yellow",
    "WRONG": "bold red",
    "ERROR": "bold red",
    "stable": "green",
    "VANISHES": "bold blue",
    "EXPLODES": "bold red",
    "UNEXPECTED": "bold magenta",
}


def style_verdict(word: object) -> Cell:
    """A verdict, with its color."""
    return str(word), _VERDICT_STYLES.get(str(word), "")


def column_widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """The width of each column."""
    return [max(map(width_of, column)) for column in zip(*rows, strict=True)] if rows else []


class Page:
    """Lines of styled text, for one place to write to."""

    def __init__(self, options: OutputOptions) -> None:
        self.options = options
        self.width = min(max(options.width, 40), _WIDEST)
        self._lines: list[list[Cell]] = []

    def line(self, *pieces: str | Cell) -> None:
        """One line, as it is."""
        cells = [(piece, "") if isinstance(piece, str) else piece for piece in pieces]
        self._lines.append([(self.safe(text), style) for text, style in cells])

    def blank(self) -> None:
        """An empty line, unless there is one already or the page is empty."""
        if self._lines and self._lines[-1]:
            self._lines.append([])

    def wrap(self, text: str, indent: int = 0, hanging: int = 0) -> None:
        """A sentence, over as many lines as it takes; `hanging` indents all but the first more."""
        for number, piece in enumerate(wrap(self.safe(text), self.width - indent - hanging)):
            self.line(" " * (indent + (hanging if number else 0)) + piece)

    def flow(self, parts: Sequence[str], gap: int = 3, indent: int = 0) -> None:
        """Parts side by side; where the line is full, on the next one."""
        line = ""
        whole = (wrap(self.safe(part), self.width - indent - gap) for part in parts if part)
        for part in chain.from_iterable(whole):
            longer = f"{line}{' ' * gap}{part}" if line else part
            if line and width_of(longer) > self.width:
                self.line(line)
                longer = " " * (indent + gap) + part
            line = longer
        self.line(line)

    def edges(self, left: str, right: Cell, indent: int = 0) -> None:
        """`left` wrapped, at most three lines, and `right` at the right edge of the first."""
        label, rest = left[:indent], self.safe(left[indent:])
        free = self.width - 2
        lines = wrap(rest, free - indent - width_of(right[0]) - 2, longest=3)
        first = f"{label}{lines[0]}"
        self.line(first, " " * (free - width_of(first) - width_of(right[0])), right)
        for more in lines[1:]:
            self.line(" " * (indent + 2) + more)

    def grid(self, rows: Sequence[Sequence[Cell]], align: str, gap: int = 2) -> list[list[Cell]]:
        """The rows as lines with aligned columns; `align` has "l" or "r" for each column."""
        return _align([[(self.safe(t), s) for t, s in row] for row in rows], align, gap)

    def verbatim(self, text: str) -> None:
        """Lines that were laid out before."""
        for line in text.split("\n"):
            self.line(line)

    def safe(self, text: str) -> str:
        """`text` as the place it goes to can show it."""
        return safe(text, self.options.encoding)

    def short(self, text: str, width: int) -> str:
        """`text` made safe and cut."""
        return cut(self.safe(text), width)

    def text(self) -> str:
        """The page, with ANSI colors if the options ask for them."""
        while self._lines and not self._lines[-1]:
            self._lines.pop()
        if not self.options.color:
            return "".join(f"{''.join(t for t, _ in line).rstrip()}\n" for line in self._lines)
        return _paint(self._lines)


def _align(rows: Sequence[Sequence[Cell]], align: str, gap: int) -> list[list[Cell]]:
    widths = column_widths([[text for text, _ in row] for row in rows])
    pads: dict[str, Callable[[str, int], str]] = {"l": _pad_right, "r": _pad_left}
    lines = []
    for row in rows:
        cells: list[Cell] = []
        for (text, style), side, width in zip(row, align, widths, strict=True):
            cells += [(pads[side](text, width), style), (" " * gap, "")]
        lines.append(cells[:-1])
    return lines


def _pad_right(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))


def _pad_left(text: str, width: int) -> str:
    return " " * (width - width_of(text)) + text


def _paint(lines: Sequence[Sequence[Cell]]) -> str:
    """The lines with ANSI colors: the one place that hands text to rich."""
    from rich.console import Console
    from rich.text import Text

    console = Console(
        file=StringIO(),
        force_terminal=True,
        color_system="standard",
        no_color=False,
        legacy_windows=False,
        width=10_000,
    )
    for cells in lines:
        text = Text.assemble(*cells)
        text.rstrip()
        console.print(text, soft_wrap=True, highlight=False)
    written = console.file
    assert isinstance(written, StringIO)
    return written.getvalue()
