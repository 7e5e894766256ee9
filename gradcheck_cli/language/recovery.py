"""Reads a text and an error in it. Gives the text without the statement that holds the error, to read on.

What is taken out becomes blanks, so that every other place stays what it is. Knows nothing of models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from gradcheck_cli.common.errors import GradcheckError, LanguageError, Place
from gradcheck_cli.language.source_text import Source, Span, split
from gradcheck_cli.language.statement_words import LONG_LINE
from gradcheck_cli.numerics.limits.language import DEFAULTS

__all__ = ["Removed", "remove_statement"]

_BEGINS = re.compile(
    r"^[ \t]*(?:(?:claim|data|rows|param|let|set|seed|repeat)\b"
    r"|[^\W\d][\w{}+-]*[ \t]*(?:\[[^\]\n]*\])?[ \t]*=(?!=))",
    re.MULTILINE,
)
_DECLARED = re.compile(r"(?:^\s*(?:data|rows|param)\s+|,\s*)([^\W\d]\w*)")
_NAMED = re.compile(r"^\s*(?:let\s+)?([^\W\d]\w*)\s*(?:\{[^}]*\}\w*)*(?:\[[^\]]*\]|\([^)]*\))?\s*=(?!=)")
_MEANT = re.compile(  # what an unread line would define: `parm w = 2`, `f(x = x^2`, `repeat k = ...`
    r"\s*(?:(?!claim\b)[^\W\d]\w*\s+)?(?P<name>[^\W\d]\w*)\s*(?:\[[^\]]*\]|\([^=]*)?\s*"
    r"(?::?=(?!=)|<-|:|\u2208|~)"
)
_LOOP = re.compile(r"repeat\s")
_EMPTY_LOOP = re.compile(
    r"^(?P<indent>[ \t]*)(?P<head>repeat\s[^\n:]*:)[ \t]*(?:#[^\n]*)?"
    r"(?:\n[ \t]*(?:#[^\n]*)?(?=\n|\Z))++(?!\n(?P=indent)[ \t])",
    re.MULTILINE,
)


class Removed(NamedTuple):
    """A text without a statement, and that statement with the place where it begins."""

    text: str
    statement: str
    place: Place

    @property
    def names(self) -> frozenset[str]:
        """What the statement, or each line of a loop, defines; of `h{k} = ...` it is h."""
        return frozenset(name for line in self.statement.split("\n") for name in _names_in(line))


def _names_in(line: str) -> list[str]:
    if re.match(r"\s*(?:data|rows|param)\b", line):
        return _DECLARED.findall(re.sub(r"\[[^\]]*\]|=[^,\n]*", "", line))
    meant = _MEANT.match(line[:LONG_LINE])
    return [*_NAMED.findall(line), *([meant["name"]] if meant else ())]


def remove_statement(text: str, error: GradcheckError, file: str) -> Removed | None:
    """The text without the statement in which an error stands; None where none holds it."""
    place = next((p for p in _places(error) if p.file == file), None)
    if place is None:
        return None
    lines = text.split("\n")
    offset = sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1
    span = _statement_at(text, offset)
    if span is None or not text[span.start : span.end].strip():
        return None
    begins = Source(text, file).place(span.start, span.end)
    rest = _without_empty_loops(_blank(text, span))
    return Removed(rest, text[span.start : span.end], begins)


def _blank(text: str, span: Span) -> str:
    return text[: span.start] + re.sub(r"[^\n]", " ", text[span.start : span.end]) + text[span.end :]


def _without_empty_loops(text: str, deepest: int = DEFAULTS.deepest_loops) -> str:
    """The text without heads of loops whose lines were all taken out."""
    for _ in range(deepest):
        text, count = _EMPTY_LOOP.subn(_without_head, text)
        if not count:
            break
    return text


def _without_head(found: re.Match[str]) -> str:
    start, end = (place - found.start() for place in found.span("head"))
    return _blank(found[0], Span(start, end))


def _places(error: GradcheckError) -> Iterable[Place]:
    if error.place is not None:
        yield error.place
    yield from (place for _, place in error.related)


def _statement_at(text: str, offset: int) -> Span | None:
    """The statement around an offset; with its block, where it is the head of a loop."""
    source = Source(text, "")
    try:
        spans = split(source)
    except LanguageError:
        return _lines_at(text, offset)
    found = next((span for span in spans if span.start <= offset <= span.end), None)
    if found is None or not _LOOP.match(text, found.start):
        return found
    indent = found.start - (text.rfind("\n", 0, found.start) + 1)
    deeper = re.compile(rf"[^\n]*(?:\n[ \t]{{{indent + 1},}}[^\n]*|\n[ \t]*(?=\n))*")
    block = deeper.match(text, found.start)
    return Span(found.start, max(found.end, block.end())) if block else found


def _lines_at(text: str, offset: int) -> Span:
    """Where brackets or quotes stay open: from the line of an offset up to one that begins a statement."""
    start = text.rfind("\n", 0, offset) + 1
    behind = _BEGINS.search(text, text.find("\n", offset) + 1) if "\n" in text[offset:] else None
    return Span(start, behind.start() if behind else len(text))
