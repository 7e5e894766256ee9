"""Reads the statements and loops of a text. Gives them written out and parsed, with its definitions.

Every turn of a loop is a copy of its lines, with the values of the indices. Knows nothing of values and
shapes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gradcheck_cli.common.errors import LanguageError
from gradcheck_cli.language.expansion.blocks import Loop, blocks, is_loop
from gradcheck_cli.language.expansion.calls import CallWriter
from gradcheck_cli.language.expansion.definitions import (
    Definition,
    Given,
    Head,
    WrittenOut,
    check_no_circle,
    definition_head,
    may_define,
)
from gradcheck_cli.language.expansion.templates import (
    IndexSum,
    Part,
    TemplateReader,
    may_need_writing,
    whole_value,
    write,
    written_text,
)
from gradcheck_cli.language.expansion.whole_numbers import WholeNumber
from gradcheck_cli.language.function_names import RESERVED
from gradcheck_cli.language.grammar import Parser
from gradcheck_cli.language.known_names import CONSTANTS
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statement_words import KEYWORDS
from gradcheck_cli.language.statements import Name, Statement
from gradcheck_cli.numerics.limits.language import LanguageLimits

__all__ = ["definitions_of", "write_out"]

_SETTING = re.compile(r"(?:set|seed)\b(?!\s*=)")


def write_out(
    source: Source,
    spans: list[Span],
    parser: Parser,
    limits: LanguageLimits,
    given: Given,
) -> WrittenOut:
    """The statements at `spans`, which may use what is `given`. Raises LanguageError."""
    unroller = _Unroller(source, parser, limits, given)
    unroller.read(spans)
    source.join()
    statements = [s if isinstance(s, Statement) else parser.parse(s) for s in unroller.found]
    own = unroller.definitions()
    check_no_circle(own)
    writer = CallWriter(
        source, {**given.definitions, **own}, unroller.constants, limits.most_operations,
        frozenset(unroller.choices),
    )  # fmt: skip
    for statement in statements:
        writer.write(statement)
    source.join()
    return WrittenOut(statements, own, unroller.indices)


def definitions_of(
    source: Source, spans: list[Span], parser: Parser, limits: LanguageLimits, constants: Mapping[str, int]
) -> dict[str, Definition]:
    """The definitions among the statements at `spans`, which were read before."""
    heads = [span for span in spans if definition_head(source, span)]
    unroller = _Unroller(source, parser, limits, Given(constants=constants))
    unroller.read(heads)
    source.join()
    return unroller.definitions()


class _Unroller:
    def __init__(
        self, source: Source, parser: Parser, limits: LanguageLimits, given: Given
    ) -> None:
        self.source, self.parser, self.limits, self.given = source, parser, limits, given
        self.constants, self.choices = dict(given.constants), set(given.choices)
        self.found: list[Statement | Span] = []  # copies are parsed when all stand where they are
        self.heads: dict[str, tuple[Head, Span]] = {}
        self.indices: dict[str, Name] = {}
        self.copies = self.characters = 0
        self.templates = TemplateReader(source, parser.parse, self.constants, self._enter_index)

    def read(self, spans: list[Span]) -> None:
        """Write out what the spans hold, into `found` and `heads`."""
        code = self.source.code
        has_loops = any(is_loop(code, span.start) for span in spans)
        items = blocks(self.source, spans, self.limits.deepest_loops) if has_loops else spans
        defines, writes = may_define(code), may_need_writing(code, Span(0, len(code)))
        for item in items:
            if isinstance(item, Loop):
                self._unroll(item, (), {})
                continue
            head = definition_head(self.source, item) if defines else None
            if head is not None:
                self._define(head)
            elif writes and may_need_writing(code, item):
                self.found.append(self._copy(self.templates.parts(item, ()), {}, ""))
            else:
                self._plain(item)

    def _plain(self, span: Span) -> None:
        statement = self.parser.parse(span)
        self.found.append(statement)
        if statement.kind != "data":
            return
        for declared in statement.declarations:
            op = None if declared.value is None else statement.ops[declared.value]
            if op is None or op.kind != "number" or declared.shape is not None:
                continue
            value = float(op.text)
            if value.is_integer():
                self.constants[declared.name.name] = int(value)
                if any(word.name.name == "in" for word in declared.assumed):
                    self.choices.add(declared.name.name)

    # --- definitions --------------------------------------------------------------------------

    def _define(self, head: Head) -> None:
        name = head.name
        before = self.heads.get(name.name)
        if before is not None:
            raise self.source.error(
                f'"{name.display[:40]}" is defined twice', name.span, help="take a new name",
                related=(self.source.related("first defined here", before[0].name.span),),
            )  # fmt: skip
        for word in (name, *head.parameters):
            self._check_word(word)
        if name.name == "loss":
            raise self.source.error("the loss is a step", name.span, help="write loss = EXPRESSION")
        self._check_free(name)
        body = head.body
        if may_need_writing(self.source.code, body):
            body = self._copy(self.templates.parts(body, ()), {}, "")
        self.heads[name.name] = (head, body)

    def definitions(self) -> dict[str, Definition]:
        """The definitions, each with its parsed right side. Raises LanguageError."""
        scope = dict(self.given.definitions)
        own = {name: self._parse_body(head, body, scope) for name, (head, body) in self.heads.items()}
        scope.update(own)
        return own

    def _parse_body(self, head: Head, body: Span, scope: Mapping[str, Definition]) -> Definition:
        statement = self.parser.parse(body)
        if statement.kind != "expression" or statement.root is None:
            raise self.source.error(
                "the right side of a definition is one expression", body, help="such as f(x) = x*tanh(x)"
            )
        for op in statement.ops:
            if op.kind in ("derivative", "slope"):
                raise self.source.error(
                    "a derivative cannot stand in a definition", op.span, help="it can stand in a claim"
                )
        return Definition(
            head.name, head.parameters, self.source, statement.span, statement.ops, statement.root, scope
        )

    def _check_word(self, word: Name) -> None:
        if word.name in RESERVED or word.name in CONSTANTS or word.name in KEYWORDS:
            raise self.source.error(
                f'"{word.display}" is a reserved word', word.span, help=f"take another name, {word.name}_1"
            )

    def _check_free(self, name: Name) -> None:
        if name.name in self.given.names:
            raise self.source.error(
                f'"{name.display[:40]}" is a name of the model', name.span, help="take another name here"
            )

    # --- loops --------------------------------------------------------------------------------

    def _enter_index(self, index: Name, around: tuple[Name, ...]) -> None:
        """Another index, inside of others. Raises LanguageError."""
        self._check_word(index)
        self._check_free(index)
        outer = next((other for other in around if other.name == index.name), None)
        if outer is not None:
            raise self.source.error(
                f'"{index.display}" is the index of the loop around it', index.span,
                help="take another letter",
                related=(self.source.related("the loop around it", outer.span),),
            )  # fmt: skip
        if len(around) >= self.limits.deepest_loops:
            raise self.source.error("too many indices are nested", index.span)
        self.indices.setdefault(index.name, index)

    def _unroll(self, loop: Loop, around: tuple[Name, ...], values: Mapping[str, int]) -> None:
        compiled = self._compile(loop, around)
        self._count_loop(compiled, values)
        self._write_loop(compiled, values, "")

    def _compile(self, loop: Loop, around: tuple[Name, ...]) -> _Compiled:
        self._enter_index(loop.index, around)
        first, last = (self.templates.whole(span, around) for span in (loop.first, loop.last))
        indices = (*around, loop.index)
        body: list[_Compiled | tuple[Part, ...]] = []
        for item in loop.body:
            if isinstance(item, Loop):
                body.append(self._compile(item, indices))
                continue
            self._check_repeatable(item)
            body.append(self.templates.parts(item, indices))
        return _Compiled(loop, first, last, body)

    def _check_repeatable(self, span: Span) -> None:
        code = self.source.code
        word = _SETTING.match(code, span.start)
        if word:
            raise self.source.error(f"{word[0]} stands outside loops", span, help="move its line up")
        if definition_head(self.source, span):
            raise self.source.error(
                "a definition stands outside loops", span, help="move its line up: it may be used in the loop"
            )

    def _count_loop(self, loop: _Compiled, values: Mapping[str, int]) -> None:
        """Refuse a loop that is too long, with those in it, before any of it is written."""
        first = whole_value(self.source, loop.first, values)
        last = whole_value(self.source, loop.last, values)
        inner = [item for item in loop.body if isinstance(item, _Compiled)]
        self._count(loop.loop.header, first, last, max(len(loop.body) - len(inner), 1))
        for value in range(first, last + 1) if inner else ():
            for item in inner:
                self._count_loop(item, {**values, loop.loop.index.name: value})

    def _write_loop(self, loop: _Compiled, values: Mapping[str, int], shown: str) -> None:
        first = whole_value(self.source, loop.first, values)
        last = whole_value(self.source, loop.last, values)
        for value in range(first, last + 1):
            here = {**values, loop.loop.index.name: value}
            inner = ", ".join(filter(None, (shown, f"{loop.loop.index.display} = {value}")))
            for item in loop.body:
                if isinstance(item, _Compiled):
                    self._write_loop(item, here, inner)
                else:
                    self.found.append(self._copy(item, here, inner))

    def _count(self, span: Span, first: int, last: int, times: int) -> None:
        """Refuse what is too long before it is written, and what is empty."""
        turns = last - first + 1
        if turns < 1:
            raise self.source.error(
                f"nothing is repeated from {first} to {last}", span, help="an index counts upwards"
            )
        self.copies += turns * times
        if self.copies > self.limits.most_copies:
            raise self.source.error(
                f"{self.copies:,} lines and terms are too many: loops and sums are written out, "
                f"to at most {self.limits.most_copies:,}", span,
                help="let vectors do the work: x @ y, sum(x), or rows",
            )  # fmt: skip

    def _count_terms(self, part: IndexSum, first: int, last: int) -> None:
        self._count(Span(part.start, part.index.span.end), first, last, 1)

    def _copy(self, parts: tuple[Part, ...], values: Mapping[str, int], shown: str) -> Span:
        source = self.source
        text = written_text(source, parts, values, shown, self._count_terms)
        self.characters += len(text)
        if self.characters > self.limits.max_text:
            raise LanguageError(
                f"written out, the loops and sums have more than {self.limits.max_text:,} characters",
                file=source.file, help="let vectors do the work: x @ y, sum(x), or rows",
            )  # fmt: skip
        return source.copy(text, source, lambda: write(source, parts, values, shown, _count_nothing))


def _count_nothing(part: IndexSum, first: int, last: int) -> None:
    """What was written once is within the limits."""


@dataclass(frozen=True)
class _Compiled:
    """A loop with its bounds, and the parts of its statements."""

    loop: Loop
    first: WholeNumber
    last: WholeNumber
    body: list[_Compiled | tuple[Part, ...]]
