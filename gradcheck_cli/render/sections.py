"""Reads titles, cells and sentences. Gives them to a page: headings, tables, what hangs beside a label.

For the screens of init-stats and gain. Knows nothing of reports.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck_cli.render.page import Cell, Page, column_widths
from gradcheck_cli.render.text_encoding import width_of, wrap

__all__ = ["HEADING", "hung", "table", "table_width", "title", "with_heading"]

HEADING = "bold"
_TITLE = 10  # columns


def title(page: Page, text: str, meaning: str) -> None:
    """A blank line, and a heading with what it means."""
    page.blank()
    hung(page, f"{text:<{_TITLE - 2}}  ", meaning, HEADING)


def hung(page: Page, label: str, text: str, style: str = "") -> None:
    """`label`, and beside it a sentence that goes on under itself."""
    label = page.safe(label)
    for number, line in enumerate(wrap(page.safe(text), page.width - width_of(label))):
        page.line((" " * width_of(label), "") if number else (label, style), line)


def with_heading(rows: Sequence[Sequence[str]]) -> list[list[Cell]]:
    """The texts as cells, the first row as headings."""
    head, *others = rows
    return [[(text, HEADING if text else "") for text in head], *([(t, "") for t in row] for row in others)]


def table(page: Page, rows: Sequence[Sequence[str]]) -> None:
    """Columns of text under headings."""
    for line in page.grid(with_heading(rows), "l" * len(rows[0])):
        page.line("  ", *line)


def table_width(page: Page, rows: Sequence[Sequence[str]], gap: int = 2) -> int:
    """How wide such a table is with its indent."""
    widths = column_widths([[page.safe(text) for text in row] for row in rows])
    return sum(widths) + gap * (len(widths) - 1) + 2
