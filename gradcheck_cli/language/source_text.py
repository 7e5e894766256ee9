"""Reads bytes. Gives statements: pieces of text, each with its place in the file.

Comments become blanks and pasted signs the ones that are typed, one character for one, so that an
offset into `code` is an offset into what the author sees. Knows nothing of what statements mean.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple, TypeVar

from gradcheck_cli.common.errors import GradcheckError, LanguageError, Place
from gradcheck_cli.language.copied_text import Copies, Origin, Piece
from gradcheck_cli.language.data.file_access import spell_size
from gradcheck_cli.language.identifiers import describe

__all__ = ["Source", "Span", "decode", "split", "text_of"]

E = TypeVar("E", bound=GradcheckError)

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_INVISIBLE = re.compile("[\u200c\u200d\ufe00-\ufe0f\u0300-\u036f]")  # in comments they may stand
_SUPERSCRIPT = re.compile("[\u00b2\u00b3\u00b9\u2070-\u207f]+")
_SIGNS = {
    "-": "\u2212\u2013\ufe63\uff0d",
    "*": "\u00b7\u00d7\u22c5\u2217\u2219\u2022",
    "/": "\u00f7\u2215\u2044",
    "'": "\u2018\u2019\u2032",
    "^": "\u02c6\uff3e",
    "=": "\uff1d",
    " ": "\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
}
_TYPED = str.maketrans({pasted: typed for typed, all_ in _SIGNS.items() for pasted in all_})
_QUOTES = '"\u201c\u201d\u201e'
_MARK = re.compile(f"[#{_QUOTES};()\\[\\]\n]")
_END_QUOTE = re.compile(f"[{_QUOTES}\n]")
_SHOWN = 30  # characters of a base or exponent in a help text
_STACKED = re.compile(r"\[\s*([^\W\d]\w*)\s*;\s*([^\W\d]\w*)\s*\]")
_PLAIN = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")
_CLOSES = {")": "(", "]": "["}
_OPENS = {"(": ")", "[": "]"}


class Span(NamedTuple):
    """Offsets into the text: from `start` up to, not including, `end`."""

    start: int
    end: int


class Source:
    """A text with the name of its file; makes places and errors from offsets.

    Behind the text stand the copies that loops and definitions make of it; a place in a copy is one of the
    text.
    """

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.text = text
        self.code = text  # without comments, in typed signs; set by split
        self._length = len(text)
        self._copies: Copies | None = None
        self._new: list[str] = []

    @cached_property
    def lines(self) -> list[str]:
        """The lines as the author sees them."""
        return self.text[: self._length].split("\n")

    @cached_property
    def _starts(self) -> list[int]:
        starts, position = [], 0
        for line in self.lines:
            starts.append(position)
            position += len(line) + 1
        return starts

    # --- copies -------------------------------------------------------------------------------

    def copy(
        self, text: str, source: Source, pieces: Callable[[], Iterable[Piece]],
        call: tuple[str, Span] | None = None,
    ) -> Span:  # fmt: skip
        """Where a copy will stand that was made of pieces of `source`; `join` puts it there."""
        if self._copies is None:
            self._copies = Copies(len(self.code))
        start = self._copies.add(len(text), source, pieces, call)
        self._new.append(text)
        return Span(start, start + len(text))

    def join(self) -> None:
        """Put all copies where they stand."""
        made = "".join(self._new)
        self.text, self.code = self.text + made, self.code + made
        self._new.clear()

    def _origin(self, offset: int) -> Origin | None:
        """What a character of a copy was made of; None in the text itself."""
        return None if self._copies is None or offset < self._length else self._copies.origin(offset)

    def values(self, offset: int) -> str:
        """The values of the indices of the loops that made a copy: "k = 3"."""
        origin = self._origin(offset)
        if origin is None:
            return ""
        around = self.values(origin.copy.call[1].start) if origin.copy.call else ""
        inner = origin.copy.source.values(origin.first)
        return ", ".join(filter(None, (around, origin.values, inner)))

    def uses(self, offset: int) -> tuple[tuple[str, Place], ...]:
        """The uses of definitions that made a copy, the innermost first."""
        origin = self._origin(offset)
        if origin is None:
            return ()
        inner = origin.copy.source.uses(origin.first)
        if origin.copy.call is None:
            return inner
        said, span = origin.copy.call
        return (*inner, (said, self.place(*span)), *self.uses(span.start))

    def _fewer_uses(self, offset: int) -> tuple[tuple[str, Place], ...]:
        """The innermost use and the two outermost."""
        uses = self.uses(offset)
        return uses if len(uses) <= 3 else (uses[0], *uses[-2:])

    # --- places and errors --------------------------------------------------------------------

    def line(self, offset: int) -> int:
        """The number of the line that holds `offset`, from 1."""
        origin = self._origin(offset)
        return bisect_right(self._starts, offset) if origin is None else origin.copy.source.line(origin.first)

    def place(self, start: int, end: int | None = None) -> Place:
        """Where the characters from `start` to `end` stand."""
        origin = self._origin(start)
        if origin is not None:
            last = self._origin(max(start, (end or start + 1) - 1)) or origin
            stop = last.last if last.copy is origin.copy and last.last > origin.first else origin.last
            return origin.copy.source.place(origin.first, stop)
        number = self.line(start)
        first = self._starts[number - 1]
        text = self.lines[number - 1]
        width = min((end or start + 1), first + len(text)) - start
        return Place(self.file, number, start - first + 1, text, max(1, width))

    def error(
        self,
        message: str,
        span: tuple[int, int],
        help: str | None = None,
        related: tuple[tuple[str, Place], ...] = (),
    ) -> LanguageError:
        """An error with its place."""
        return self.locate(LanguageError(message, help=help, related=related), span)

    def related(self, said: str, span: tuple[int, int]) -> tuple[str, Place]:
        """A sentence and where it points at, for an error."""
        values = self.values(span[0])
        return f"{said} ({values})" if values else said, self.place(*span)

    def locate(self, error: E, span: tuple[int, int]) -> E:
        """The error with its place, the turn of the loop and the uses of definitions that led there."""
        start, _ = span
        values = self.values(start)
        message = f"{error.message} ({values})" if values else error.message
        related = (*error.related, *self._fewer_uses(start))
        return type(error)(message, place=self.place(*span), help=error.help, related=related)


def decode(content: str | bytes, file: str, limit: int) -> Source:
    """The text of a file: UTF-8, or UTF-16 with a byte order mark. Raises LanguageError."""
    if len(content) > limit:
        raise LanguageError(
            f"the text has more than {spell_size(limit)}",
            file=file,
            help='a model is text; large tables belong in files: data X from "X.npy"',
        )
    text = content if isinstance(content, str) else _decode(content, file)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    source = Source(text, file)
    found = _FORBIDDEN.search(text)
    if found:
        raise source.error(
            f"the character {_character_name(found[0])} cannot stand in a model",
            found.span(),
            help=_forbidden_help(found[0]),
        )
    return source


def _character_name(character: str) -> str:
    return "U+0000 (NUL)" if character == "\0" else describe(character)


def _forbidden_help(character: str) -> str:
    if character == "\0":
        return "a model is plain text; UTF-16 needs its byte order mark"
    return "it is invisible: delete it, or type the line again"


def _decode(content: bytes, file: str) -> str:
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if wide else "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as reason:
        before = content[: reason.start].decode(encoding, "replace")
        before = before.replace("\r\n", "\n").removeprefix("\ufeff")
        rest = content[reason.start : reason.start + 80].split(b"\n")[0]
        source = Source(before + rest.decode("ascii", "backslashreplace"), file)
        raise source.error(
            f"byte 0x{content[reason.start]:02x} is not {encoding.upper()} text",
            (len(before), len(before) + 4),
            help="save the file as UTF-8",
        ) from None


def split(source: Source) -> list[Span]:
    """The statements of a text; sets `source.code`. Raises LanguageError for open brackets."""
    scanner = _Scanner(source)
    scanner.run()
    source.code = "".join(scanner.pieces)
    return scanner.spans


class _Scanner:
    """One pass over the text, from one mark (bracket, quote, comment, end) to the next."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.pieces: list[str] = []
        self.spans: list[Span] = []
        self.open: list[tuple[str, int]] = []
        self.first = 0  # piece of the statement
        self.done = 0  # text up to here is in `pieces`

    def run(self) -> None:
        """Fill `pieces` and `spans`."""
        found = _MARK.search(self.text)
        while found:
            found = _MARK.search(self.text, self._mark(found[0], found.start()))
        if self.open:
            bracket, offset = self.open[0]
            raise self.source.error(
                f'this "{bracket}" is never closed',
                (offset, offset + 1),
                help=f'close it with "{_OPENS[bracket]}"',
            )
        self._end(len(self.text))

    def _mark(self, mark: str, at: int) -> int:
        """Act on a mark; gives where to go on."""
        if mark in "([":
            self.open.append((mark, at))
        elif mark in ")]":
            self._close(mark, at)
        elif mark == "#":
            return self._comment(at)
        elif mark in _QUOTES:
            return self._string(at)
        elif not self.open:
            self._end(at)
        elif mark == ";":
            raise self.source.error("; inside brackets", (at, at + 1), help=self._semicolon_help(at))
        return at + 1

    def _semicolon_help(self, at: int) -> str:
        opening = self.open[-1][1]
        found = _STACKED.match(self.text[opening : opening + 2 * _SHOWN])
        if found is not None:
            return f"write concat({found[1]}, {found[2]}): one vector below the other"
        closing = self.text.find("]", opening)
        rows = [re.split(r"[\s,]+", row.strip()) for row in self.text[opening + 1 : closing].split(";")]
        if closing > 0 and all(len(row) == 1 and _PLAIN.fullmatch(row[0]) for row in rows):
            return f"write [{', '.join(row[0] for row in rows)}]: a vector is a column"
        listed = "[" + ", ".join(f"[{', '.join(row)}]" for row in rows) + "]"
        if closing > 0 and len(listed) <= 2 * _SHOWN and re.fullmatch(r"[-+0-9.eE,\[\] ]+", listed):
            return f"a matrix is written {listed}"
        return "a matrix is written [[1, 2], [3, 4]]"

    def _close(self, mark: str, at: int) -> None:
        if not self.open:
            raise self.source.error(
                f'there is no open bracket for this "{mark}"',
                (at, at + 1),
                help="remove it, or open one in front",
            )
        bracket, offset = self.open.pop()
        if bracket != _CLOSES[mark]:
            raise self.source.error(
                f'this "{bracket}" is not closed before a "{mark}" comes',
                (offset, offset + 1),
                help=f'close it with "{_OPENS[bracket]}"',
                related=((f'the "{mark}"', self.source.place(at)),),
            )

    def _comment(self, at: int) -> int:
        self._plain(at)
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        self.pieces.append(" " * (end - at))
        self.done = end
        return end

    def _string(self, at: int) -> int:
        self._plain(at)
        found = _END_QUOTE.search(self.text, at + 1)
        if found is None or found[0] == "\n":
            raise self.source.error(
                "this quote is never closed", (at, at + 1), help='close it with " on the same line'
            )
        self.pieces.append(f'"{self.text[at + 1 : found.start()]}"')
        self.done = found.end()
        return found.end()

    def _plain(self, end: int) -> None:
        """Take over the text up to `end`, in typed signs."""
        part = self.text[self.done : end]
        if not part.isascii():
            self._check(part)
            part = part.translate(_TYPED)
        self.pieces.append(part)
        self.done = end

    def _check(self, part: str) -> None:
        found = _INVISIBLE.search(part)
        if found:
            raise self.source.error(
                f"the character {describe(found[0])} cannot stand in a model",
                (self.done + found.start(), self.done + found.end()),
                help="it is invisible or changes the letter before it: type the name again",
            )
        found = _SUPERSCRIPT.search(part)
        if found:
            power = unicodedata.normalize("NFKC", found[0]).replace("\u2212", "-")
            before = part[max(0, found.start() - _SHOWN) : found.start()]
            base = re.split(r"\W", before)[-1]
            raise self.source.error(
                "a power is not written with raised digits",
                (self.done + found.start(), self.done + found.end()),
                help=_power_help(base or "x", power[:_SHOWN]),
            )

    def _end(self, at: int) -> None:
        """The end of a statement."""
        self._plain(at)
        words = "".join(self.pieces[self.first :])
        body = words.strip()
        if body:
            start = at - len(words.lstrip())
            self.spans.append(Span(start, start + len(body)))
        self.pieces.append(self.text[at : at + 1])
        self.done = at + 1
        self.first = len(self.pieces)


def _power_help(base: str, power: str) -> str:
    if power == "-1":
        return f"write 1/{base}; the inverse of a matrix is inv({base})"
    return f"write {base}^{power}" if power[:1] != "-" else f"write {base}^({power})"


def text_of(source: Source, span: Span) -> str:
    """The author's text; on one line and without comments where it had several."""
    text = source.text[span.start : span.end]
    return text if "\n" not in text else " ".join(source.code[span.start : span.end].split())
