"""Reads a statement with names h{k}, indices and sums. Gives its text for values of the indices.

What stands for the characters of the statement is known piece by piece, so that a mistake in the text has
its place in the statement. Knows nothing of loops and of what the text means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gradcheck_cli.common.errors import LanguageError
from gradcheck_cli.language.copied_text import Piece
from gradcheck_cli.language.expansion.whole_numbers import NotWhole, WholeNumber, read_whole
from gradcheck_cli.language.identifiers import canonical
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statements import Name, Op, Statement

__all__ = ["IndexSum", "Part", "TemplateReader", "may_need_writing", "whole_value", "write", "written_text"]

_WRITTEN = re.compile(r"\{|\b(?:sum|prod)\s*\(\s*[^\W\d]\w*\s*=(?!=)")
_TOKEN = re.compile(
    r'"[^"\n]*"|\{[^{}]*\}|\{|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[^\W\d]\w*'
)
_SUM_HEAD = re.compile(r"(?:sum|prod)\s*\(\s*([^\W\d]\w*)\s*=(?!=)\s*")
_BRACKET = re.compile(r'"[^"\n]*"|[()\[\]:]|\bto\b')
_NAME_BEHIND = re.compile(r"\s+[^\W\d]")
_EQUALS_BEHIND = re.compile(r"\s*=(?!=)")
_FOREIGN = re.compile(r"[,<>]")  # what stands in braces that are no whole number
_BEHIND_NAME = "as in h{k}; a comparison is 1 or 0 by itself: (x > 0)"
_SIGNS = {"sum": " + ", "prod": " * "}
_BOUNDS = "bounds are made of whole numbers, as 5 or n after data n = 5, and of indices, with + - * /"
_IN_LOOPS = "a loop writes names: repeat k = 1 to 50: and in its lines h{k}; group with ( )"


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Characters that are copied."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Digits:
    """A whole number that stands for `{k-1}`, or for an index; blanks keep it apart from its neighbors."""

    start: int
    end: int
    number: WholeNumber
    is_in_name: bool = True
    before: str = ""
    behind: str = ""


@dataclass(frozen=True, slots=True)
class IndexSum:
    """`sum(i = 1 to n: TERM)`, or the product."""

    start: int
    end: int
    sign: str
    index: Name
    first: WholeNumber
    last: WholeNumber
    term: tuple[Part, ...]


Part = Verbatim | Digits | IndexSum
Parse = Callable[[Span], Statement]
Count = Callable[[IndexSum, int, int], None]  # terms of a sum are written, from one to another


def may_need_writing(code: str, span: Span) -> bool:
    """Whether a statement has braces or a sum over an index."""
    return _WRITTEN.search(code, span.start, span.end) is not None


class TemplateReader:
    """Reads the parts of statements; `constants` are the whole numbers that the file names."""

    def __init__(
        self, source: Source, parse: Parse, constants: Mapping[str, int],
        enter_index: Callable[[Name, tuple[Name, ...]], None],
    ) -> None:  # fmt: skip
        self.source, self.parse, self.constants = source, parse, constants
        self.enter_index = enter_index

    def parts(self, span: Span, indices: tuple[Name, ...]) -> tuple[Part, ...]:
        """The parts of a statement, inside loops with these indices. Raises LanguageError."""
        code, found = self.source.code, list[Part]()
        done = at = span.start
        while token := _TOKEN.search(code, at, span.end):
            at = token.end()
            for part in self._made(token[0], Span(token.start(), at), span, indices):
                if done < part.start:
                    found.append(Verbatim(done, part.start, code[done : part.start]))
                found.append(part)
                done = part.end
            at = max(at, done)
        if done < span.end:
            found.append(Verbatim(done, span.end, code[done : span.end]))
        return tuple(found)

    def whole(self, span: Span, indices: tuple[Name, ...]) -> WholeNumber:
        """A whole number of indices and constants. Raises LanguageError."""
        if _FOREIGN.search(self.source.code, span.start, span.end):
            raise self._no_whole_number(span)
        try:
            statement = self.parse(span) if self.source.code[span.start : span.end].strip() else None
        except LanguageError:
            raise self._no_whole_number(span) from None
        if statement is None or statement.kind != "expression" or statement.root is None:
            raise self._no_whole_number(span)
        names = {index.name for index in indices}
        ops = tuple(self._constant(op, names, span) for op in statement.ops)
        if any(op.kind not in ("name", "number", "binary", "negative") for op in ops):
            raise self._no_whole_number(span)
        return read_whole(ops, statement.root, *span)

    def _constant(self, op: Op, indices: set[str], span: Span) -> Op:
        """The value of a constant; all else as it is. Raises LanguageError for an unknown name."""
        if op.kind != "name" or op.text in indices:
            return op
        value = self.constants.get(op.text)
        if value is None:
            raise self._no_whole_number(span)
        return op._replace(kind="number", text=str(value))

    def _no_whole_number(self, span: Span) -> Exception:
        """The error of what is no whole number; in braces it may be a set, arguments or LaTeX."""
        code = self.source.code
        text = code[span.start : span.end]
        if code[span.start - 1 : span.start] != "{":
            return self.source.error(f'"{text[:40]}" is no whole number', span, help=_BOUNDS)
        whole = Span(span.start - 1, span.end + 1)
        from gradcheck_cli.language.advice.spelling_advice import explain_braces

        advice = explain_braces(code, whole.start, span.end)
        if advice is not None:
            return self.source.error(advice.message, whole, help=advice.help)
        return self.source.error(f'"{{{text[:40]}}}" is no whole number', whole, help=_IN_LOOPS)

    # --- parts --------------------------------------------------------------------------------

    def _made(self, text: str, span: Span, whole: Span, indices: tuple[Name, ...]) -> Iterator[Part]:
        """What stands for a token; nothing for one that is copied."""
        if text[0] == '"':
            yield from self._in_quotes(text, span, indices)
        elif text == "{":
            if indices:
                raise self.source.error('this "{" is never closed', span, help='close it with "}"')
        elif text[0] == "{" and _word_before(self.source.code, span.start) == "in":
            return  # data y in {-1, 1}
        elif text[0] == "{":
            yield self._braces(span, indices)
        elif text in _SIGNS:
            yield from self._sum(text, span, whole, indices)
        elif text[0].isdigit() or text[0] == ".":
            if self.source.code[span.end : span.end + 1] == "{":
                raise self.source.error("a name stands before a brace", span, help=_BEHIND_NAME)
        else:
            index = next((i for i in indices if i.name == canonical(text)), None)
            if index is not None and not self._is_part_of_name(span):
                yield from self._index(index, span)

    def _is_part_of_name(self, span: Span) -> bool:
        code = self.source.code
        before, behind = code[span.start - 1 : span.start], code[span.end : span.end + 1]
        return before == "}" or behind == "{"

    def _index(self, index: Name, span: Span) -> Iterator[Part]:
        """An index as a number in a formula."""
        code = self.source.code
        if index.name == "d" and _NAME_BEHIND.match(code, span.end):
            return  # d loss/d w
        derived = _word_before(code, span.start) in ("d", "\u2202")
        if derived or _EQUALS_BEHIND.match(code, span.end):
            what = "it has no derivative" if derived else "it has its value from there"
            raise self.source.error(
                f'"{index.display}" is an index: {what}', span,
                help=f"take another name, {index.display}_1, or {index.display}{index.display}",
                related=(self.source.related("the index", index.span),),
            )  # fmt: skip
        number = read_whole((Op("name", (), index.name, *span),), 0, *span)
        near = code[span.start - 1 : span.start], code[span.end : span.end + 1]
        blanks = [" " if c.isalnum() or c in (".", "_") else "" for c in near]
        yield Digits(*span, number, False, *blanks)

    def _braces(self, span: Span, indices: tuple[Name, ...]) -> Part:
        code = self.source.code
        number = self.whole(Span(span.start + 1, span.end - 1), indices)
        before, behind = code[span.start - 1 : span.start], code[span.end : span.end + 1]
        stands_alone = not (before.isalnum() or before in ("_", "}"))
        if stands_alone and (behind.isalnum() or behind in (".", "_")):
            raise self.source.error("a name begins with a letter", span, help="as in h{k}")
        return Digits(*span, number)

    def _in_quotes(self, text: str, span: Span, indices: tuple[Name, ...]) -> Iterator[Part]:
        """The name of a file, in which an index may stand: from "W{k}.npy"; other braces are its own."""
        known = {index.name for index in indices}
        for found in re.finditer(r"\{([^{}]*)\}", text):
            if not known.isdisjoint(map(canonical, re.findall(r"[^\W\d]\w*", found[1]))):
                inner = Span(span.start + found.start(1), span.start + found.end(1))
                yield Digits(inner.start - 1, inner.end + 1, self.whole(inner, indices))

    def _sum(self, function: str, span: Span, whole: Span, indices: tuple[Name, ...]) -> Iterator[Part]:
        code = self.source.code
        head = _SUM_HEAD.match(code, span.start, whole.end)
        if head is None:
            return
        to, colon, end = self._marks(head.end(), whole.end)
        if to is None and colon is None:
            return  # a keyword: what is wrong with sum(axis=1) is told elsewhere
        if to is None or colon is None or end is None:
            raise self.source.error(
                f"this {function} over an index is not complete", Span(span.start, head.end()),
                help=f"write {function}(i = 1 to 3: x[i])",
            )  # fmt: skip
        index = Name(canonical(head[1]), head[1], Span(head.start(1), head.end(1)))
        self.enter_index(index, indices)
        first = self.whole(self._strip(head.end(), to), indices)
        last = self.whole(self._strip(to + 2, colon), indices)
        inner = self._strip(colon + 1, end)
        if inner.start == inner.end:
            raise self.source.error(f"this {function} has no term", Span(colon, colon + 1))
        term = self.parts(inner, (*indices, index))
        yield IndexSum(span.start, end + 1, _SIGNS[function], index, first, last, term)

    def _marks(self, at: int, end: int) -> tuple[int | None, int | None, int | None]:
        """Where `to`, the colon and the closing bracket of a sum stand."""
        to = colon = None
        depth = 0
        for mark in _BRACKET.finditer(self.source.code, at, end):
            text = mark[0]
            if depth == 0 and text == ")":
                return to, colon, mark.start()
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text, 0)
            if depth == 0 and text == "to" and to is None:
                to = mark.start()
            if depth == 0 and text == ":" and colon is None:
                colon = mark.start()
        return to, colon, None

    def _strip(self, start: int, end: int) -> Span:
        text = self.source.code[start:end]
        return Span(end - len(text.lstrip()), start + len(text.rstrip())) if text.strip() else Span(end, end)


def _word_before(code: str, at: int) -> str:
    """The word, or the sign, in front of an offset."""
    end = at
    while end and code[end - 1].isspace():
        end -= 1
    start = end
    while start and (code[start - 1].isalnum() or code[start - 1] == "_"):
        start -= 1
    return code[start:end] or code[end - 1 : end]


# --- writing ----------------------------------------------------------------------------------


def whole_value(source: Source, number: WholeNumber, values: Mapping[str, int]) -> int:
    """The value of a whole number. Raises LanguageError where it is too large, or no sum or product."""
    try:
        return number.value(values)
    except NotWhole:
        text = source.code[number.start : number.end]
        raise source.error(
            f'"{text[:40]}" is no whole number below 10^18', (number.start, number.end),
            help="whole numbers are made of others with + - * and, without rest, /",
        ) from None  # fmt: skip


def written_text(
    source: Source, parts: tuple[Part, ...], values: Mapping[str, int], shown: str, count: Count
) -> str:
    """The text of a statement for values of its indices, `shown` in messages. Raises LanguageError."""
    texts = []
    for part in parts:
        if isinstance(part, Verbatim):
            texts.append(part.text)
        elif isinstance(part, Digits):
            texts.append(_digits(source, part, values, shown))
        else:
            texts += [piece.text for piece in _write_sum(source, part, values, shown, count)]
    return "".join(texts)


def write(
    source: Source, parts: tuple[Part, ...], values: Mapping[str, int], shown: str, count: Count
) -> Iterator[Piece]:
    """The same piece by piece."""
    for part in parts:
        if isinstance(part, Verbatim):
            yield Piece(part.text, part.start, part.end, True, shown)
        elif isinstance(part, Digits):
            yield Piece(_digits(source, part, values, shown), part.start, part.end, False, shown)
        else:
            yield from _write_sum(source, part, values, shown, count)


def _digits(source: Source, part: Digits, values: Mapping[str, int], shown: str) -> str:
    value = whole_value(source, part.number, values)
    if value >= 0:
        return f"{part.before}{value}{part.behind}"
    if part.is_in_name:
        raise _negative(source, part, value, shown)
    return f"({value})"


def _write_sum(
    source: Source, part: IndexSum, values: Mapping[str, int], shown: str, count: Count
) -> Iterator[Piece]:
    first, last = (whole_value(source, bound, values) for bound in (part.first, part.last))
    count(part, first, last)

    def sign(text: str) -> Piece:
        return Piece(text, part.start, part.index.span.end, False, shown)

    yield sign("(")
    for value in range(first, last + 1):
        inner = ", ".join(filter(None, (shown, f"{part.index.display} = {value}")))
        yield sign(f"{part.sign}(" if value > first else "(")
        yield from write(source, part.term, {**values, part.index.name: value}, inner, count)
        yield sign(")")
    yield sign(")")


def _negative(source: Source, part: Digits, value: int, shown: str) -> Exception:
    where = f" ({shown})" if shown else ""
    if source.code[part.start - 1 : part.start] == "^":
        from gradcheck_cli.language.advice.spelling_advice import explain_braces

        advice = explain_braces(source.code, part.start, part.end - 1)
        if advice is not None:
            return source.error(advice.message, (part.start, part.end), help=advice.help)
        help = f"write x^({value}); the inverse of a matrix is inv(A)"
        return source.error(f"a power of {value} stands in round brackets", (part.start, part.end), help=help)
    return source.error(
        f"this number is {value}{where}", (part.start, part.end),
        help="numbers of names and indices count from 0: begin the loop later",
    )  # fmt: skip
