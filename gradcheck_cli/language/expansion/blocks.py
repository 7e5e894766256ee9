"""Reads the statements of a text and how they are indented. Gives loops with the statements that they repeat.

Outside loops indentation says nothing. Knows nothing of what statements mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gradcheck_cli.language.identifiers import canonical
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statements import Name

__all__ = ["Loop", "blocks", "is_loop"]

_FORM = "write repeat k = 1 to 50: and indent the lines under it"
_HEAD = re.compile(r"repeat\s+(?=[\w{])")
_INDEX = re.compile(r"repeat\s+([^\W\d]\w*)\s*=\s*")
_TO = re.compile(r"\sto\s")


@dataclass
class Loop:
    """`repeat index = first to last:` and what it repeats."""

    header: Span
    index: Name
    first: Span
    last: Span
    body: list[Span | Loop] = field(default_factory=list)


@dataclass
class _Open:
    """A loop whose block is read; `inner` is the indentation of the block, None before its first line."""

    loop: Loop
    outer: str
    inner: str | None = None
    is_on_one_line: bool = False


def is_loop(code: str, start: int) -> bool:
    """Whether a statement begins a loop: `repeat` followed by a word, which nothing else can be."""
    return code.startswith("repeat", start) and _HEAD.match(code, start) is not None


def blocks(source: Source, spans: list[Span], deepest: int) -> list[Span | Loop]:
    """The statements and loops of a text, at most so `deep` in one another. Raises LanguageError."""
    reader = _Reader(source, deepest)
    for span in spans:
        reader.read(span)
    reader.check_block()
    return reader.found


class _Reader:
    def __init__(self, source: Source, deepest: int) -> None:
        self.source, self.code, self.deepest = source, source.code, deepest
        self.found: list[Span | Loop] = []
        self.open: list[_Open] = []
        self.indent = ""

    def read(self, span: Span) -> None:
        """Put a statement into the block that it belongs to."""
        before = self.code[self.code.rfind("\n", 0, span.start) + 1 : span.start]
        if not before.strip():
            self.indent = before
            if self.open:
                self._close(span)
        elif self.open and self.open[-1].inner is None:
            self.open[-1].is_on_one_line = True
        around = self.open[-1].loop.body if self.open else self.found
        if not is_loop(self.code, span.start):
            around.append(span)
            return
        loop, rest = _header(self.source, span)
        around.append(loop)
        if len(self.open) == self.deepest:
            raise self.source.error(f"loops are nested more than {self.deepest} deep", loop.header)
        self.open.append(_Open(loop, self.indent))
        if rest.start < rest.end:
            self.open[-1].is_on_one_line = True
            if is_loop(self.code, rest.start):
                raise self.source.error("a loop begins on a line of its own", rest, help=_FORM)
            loop.body.append(rest)

    def check_block(self) -> None:
        """The innermost loop has something to repeat."""
        if self.open and not self.open[-1].loop.body:
            header = self.open[-1].loop.header
            help = "indent the lines that it repeats"
            raise self.source.error("this loop repeats nothing", header, help=help)

    def _close(self, span: Span) -> None:
        """Leave the blocks that a line ends by its indentation."""
        indent = self.indent
        while self.open:
            block = self.open[-1]
            if block.is_on_one_line:
                self._check_not_deeper(block, span)
            elif block.inner is None and self._is_deeper(indent, block.outer):
                block.inner = indent
                return
            elif indent == block.inner:
                return
            elif block.inner is not None:
                self._check_fits(block, span)
            self.check_block()
            self.open.pop()

    def _is_deeper(self, indent: str, outer: str) -> bool:
        return len(indent) > len(outer) and indent.startswith(outer)

    def _check_not_deeper(self, block: _Open, span: Span) -> None:
        if self._is_deeper(self.indent, block.outer):
            raise self.source.error(
                "the loop above ends with its line", span,
                help="write all that it repeats behind the colon, or all below it",
            )  # fmt: skip

    def _check_fits(self, block: _Open, span: Span) -> None:
        """A line that is not in the block is indented as one of those around it."""
        known = [item.inner for item in self.open[:-1] if not item.is_on_one_line]
        if self.indent in (*known, self.open[0].outer) or not self._is_inside(block):
            return
        inner = block.inner or ""
        mixed = {" ", "\t"} <= set(self.indent + inner)
        what = "the indentation fits no block"
        if self._is_deeper(self.indent, inner):
            what = "this line is indented deeper than the one above"
        help = "indent with blanks, or with tabs" if mixed else "the lines of a block are indented alike"
        related = (self.source.related("the loop", block.loop.header),)
        raise self.source.error(what, span, help=help, related=related)

    def _is_inside(self, block: _Open) -> bool:
        """Whether a line stands further right than the outermost loop, so that it ought to be in a block."""
        return len(self.indent) > len(self.open[0].outer) or not self.open[0].outer.startswith(self.indent)


def _form_of(line: str) -> str:
    from gradcheck_cli.language.advice.program_forms import repeat_meant

    meant = repeat_meant(line)
    return _FORM if meant is None else f"write {meant}"


def _header(source: Source, span: Span) -> tuple[Loop, Span]:
    """The loop that a statement begins, and what stands behind the colon."""
    code, end = source.code, span.end
    found = _INDEX.match(code, span.start, end)
    to = _TO.search(code, found.end(), end) if found else None
    if found is None or to is None:
        raise source.error("this is no loop", span, help=_form_of(code[span.start : span.end]))
    colon = code.find(":", found.end(), end)
    if colon < to.end():
        what = "a colon is missing" if colon < 0 else "this is no loop"
        place = Span(end - 1, end) if colon < 0 else span
        raise source.error(what, place, help=_form_of(code[span.start : span.end]))
    index = Name(canonical(found[1]), found[1], Span(*found.span(1)))
    first, last = _strip(code, found.end(), to.start()), _strip(code, to.end(), colon)
    return Loop(Span(span.start, colon + 1), index, first, last), _strip(code, colon + 1, end)


def _strip(code: str, start: int, end: int) -> Span:
    """A part of the code without the blanks around it."""
    text = code[start:end]
    start += len(text) - len(text.lstrip())
    return Span(start, start + len(text.strip()))
