"""Reads text that users wrote. Gives text that is safe to show, counted, cut and wrapped.

Knows nothing of numbers, reports or terminals.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable

from gradcheck_cli.common.errors import printable

__all__ = ["cut", "encodable", "entry_name", "greek", "join_parts", "safe", "width_of", "wrap"]

_FILLER = "\0"
_TWINS = {
    "\N{PLUS-MINUS SIGN}": "+-",
    "\N{MINUS SIGN}": "-",
    "\N{MIDDLE DOT}": "*",
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{PARTIAL DIFFERENTIAL}": "d",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    **dict(zip("▁▂▃▄▅▆▇█", "_.:-=+*#", strict=True)),  # bars of rising height
    "░": ".",  # beside "█", in a map of entries
}


def safe(text: str, encoding: str = "utf-8") -> str:
    """`text` without control characters, and with ASCII twins of what `encoding` lacks."""
    return encodable(printable(text).replace("\t", " "), encoding)


def encodable(text: str, encoding: str) -> str:
    """`text` with ASCII twins of what `encoding` lacks."""
    if text.isascii() or _fits(text, encoding):
        return text
    return "".join(c if _fits(c, encoding) else _twin(c) for c in text)


def greek(character: str) -> str | None:
    """The name of a Greek letter, capitalized as the letter is; None for other characters."""
    from gradcheck_cli.language.identifiers import canonical

    name = canonical(character)
    return name if len(name) > 1 and name.isascii() and name.isalpha() else None


def join_parts(parts: Iterable[str]) -> str:
    """The parts that are not empty, with commas."""
    return ", ".join(part for part in parts if part)


def entry_name(name: str, index: Iterable[int] | None) -> str:
    """ "W0[1,2]"; the name itself for a scalar."""
    inside = ",".join(map(str, index or ()))
    return f"{name}[{inside}]" if inside else name


def cut(text: str, width: int) -> str:
    """`text`, ended by "..." where it is wider than `width`."""
    if width_of(text) <= width:
        return text
    from rich.cells import set_cell_size

    return f"{set_cell_size(text, max(width - 3, 1)).rstrip()}..."


def wrap(text: str, width: int, longest: int | None = None) -> list[str]:
    """`text` in lines of at most `width`; beyond `longest` lines the rest is "..."."""
    width = max(width, 20)
    if not text.isascii():  # a wide letter counts as two
        text = "".join(c + _FILLER * (width_of(c) - 1) for c in text)
    lines = textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    lines = [line.replace(_FILLER, "") for line in lines]
    if longest is not None and len(lines) > longest:
        lines = [*lines[: longest - 1], cut(" ".join(lines[longest - 1 :]), width)]
    return lines


def width_of(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _twin(character: str) -> str:
    found = _TWINS.get(character) or greek(character)
    if found is None:
        found = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return found or f"\\u{ord(character):04x}"
