"""Reads a statement. Gives its words as they stand there, and which of them came unexpected.

Knows nothing of the grammar.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = [
    "KEYWORDS", "LONG_LINE", "OPERANDS", "Advice", "View", "Word", "cut", "derivative_meant", "words_of",
]  # fmt: skip

KEYWORDS = ("data", "rows", "param", "seed", "set", "claim", "from", "columns", "count")
_WORD = re.compile(
    r"(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<derivative>(?:d\s+|∂\s*)[^\W\d]\w*\s*/\s*(?:d\s+|∂\s*)[^\W\d]\w*)"
    r"|(?P<name>[^\W\d]\w*)"
    r'|(?P<string>"[^"\n]*")'
    r"|(?P<compare>>=|<=|[<>≥≤](?!=))"
    r"|(?P<sign>\*\*|==|!=|<>|&&|\|\||\+=|-=|:=|->|\.T\b|\S)"
)
_LONG = 40
LONG_LINE = 72
_GAP = re.compile(r"[\s,+*/()-]")
OPERANDS = ("number", "name", "string", "derivative")


class Word(NamedTuple):
    """A word, and where it stands in the statement."""

    kind: str
    text: str
    start: int
    end: int


class Advice(NamedTuple):
    """What is wrong, the way out, and how many words before the unexpected one it is."""

    message: str
    help: str | None = None
    back: int = 0


class View(NamedTuple):
    """A statement's words, and which of them came unexpected (the last is the statement's end)."""

    words: list[Word]
    at: int
    code: str
    all_code: str  # of the whole file
    line: str = ""  # as it stands in the file, where loops and braces were written out

    @property
    def bad(self) -> Word:
        """The unexpected word."""
        return self.words[self.at]

    @property
    def before(self) -> Word:
        """The word in front of it."""
        return self.words[self.at - 1] if self.at else Word("start", "", 0, 0)

    @property
    def ends_operand(self) -> bool:
        """Whether the word before is the end of a value."""
        word = self.before
        known = word.kind in OPERANDS and word.text not in KEYWORDS
        return known or word.text in (")", "]", "'", ".T")

    @property
    def after(self) -> Word:
        """The word behind it."""
        return self.words[min(self.at + 1, len(self.words) - 1)]


def words_of(code: str, at: int, around: int) -> list[Word]:
    """The words of a statement; of a very long one its first, and those around `at`."""
    start, end = max(0, at - around), min(len(code), at + around)
    first = _WORD.search(code) if start else None
    if start:
        gap = _GAP.search(code, start, at)
        start = gap.end() if gap else at
    words = [_word(first)] if first else []
    words += map(_word, _WORD.finditer(code, start, end))
    return [*words, Word("end", "", end, end)]


def _word(found: re.Match[str]) -> Word:
    return Word(found.lastgroup or "sign", found[0], found.start(), found.end())


def cut(text: str, longest: int = _LONG) -> str:
    """A text as a message quotes it."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def derivative_meant(code: str, all_code: str = "") -> str | None:
    """`d loss/d w0` for dL/dw0, dl_dw0 or d(loss)/d(w0) at the start of `code`.

    L is taken for the loss unless `all_code` defines a step of that name.
    """
    head = code[:200]
    found = (
        re.match(r"(?:d|∂)\s*[(\[]\s*(\w+)\s*[)\]]\s*/\s*(?:d|∂)\s*[(\[]?\s*(\w+)", head)
        or re.match(r"(?:d|∂)_?(\w+?)_?\s*/\s*(?:d\s+|∂\s*|d_?)(\w+)", head)
        or re.match(r"d\s+(\w+)\s*/\s*d_?(\w+)", head)
        or re.match(r"d_?([^\W_]+)_d_?(\w+)", head)
    )
    if not found:
        return None
    of = found[1]
    if of in ("L", "l") and not re.search(rf"(?:^|[;\n])[ \t]*{of}[ \t]*=", all_code):
        of = "loss"
    return f"d {cut(of)}/d {cut(found[2])}"
