"""Reads one statement. Gives what it says: its kind, its names, and a flat list of operations.

An operation refers to earlier ones by position, so nothing that follows needs recursion. Short statements
that differ in names and numbers only are parsed once (parse_cache.py). Knows nothing of values and shapes.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any

import lark

from gradcheck_cli.common.errors import LanguageError
from gradcheck_cli.language.automaton import Automaton
from gradcheck_cli.language.identifiers import canonical
from gradcheck_cli.language.parse_cache import Outline, outline_of
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statements import AssumedWord, Declaration, Draw, FileSource, Name, Op, Statement
from gradcheck_cli.language.tokens import Lexer, Token
from gradcheck_cli.numerics.limits.language import DEFAULTS, LanguageLimits

__all__ = ["Parser"]

_DERIVATIVE = re.compile(r"(?:d\s+|∂\s*)(\w+)\s*/\s*(?:d\s+|∂\s*)(\w+)")
_LET = re.compile(r"let\s+(?=[^\W\d])")
_SETTING = re.compile(r"set\s+([^\W\d][\w-]*)\s*=\s*(\S[^\n]*)", re.DOTALL)
_ASSUMED = re.compile(r"\s*(?:\{[^{}]*\}|[+-]?\s*[0-9.]+(?:[eE][+-]?[0-9]+)?)")
_FORMATS = "write as float32, as float16 or as bfloat16; without it numbers are judged as they are written"
_ONLY_CLAIMS = 'the numbers of a claim are judged in a format: claim d loss/d w from "FILE" as float32'


class Parser:
    """Parses statement after statement of one source. Its methods below `parse` are the rules."""

    def __init__(self, source: Source, limits: LanguageLimits = DEFAULTS) -> None:
        self.source, self.limits = source, limits
        self.ops: list[Op] = []
        self.total = 0
        self.statement = Statement("", Span(0, 0))
        self._first = 0
        conf = _TABLES.lark.lexer_conf
        self._lexer = Lexer(conf.terminals, conf.ignore)
        self._outlines: dict[tuple[str, ...], Outline | None] = {}

    def parse(self, span: Span) -> Statement:
        """One statement. Raises LanguageError."""
        code, (start, end) = self.source.code, span
        if code.startswith("set", start) and re.match(r"set\b", code[start : start + 4]):
            return self._set(span)
        if code.startswith("let", start) and (let := _LET.match(code, start, end)):
            return self._let(Span(let.end(), end))
        if end - start > self.limits.longest_cached:
            return self.derive(span)
        texts = self._lexer.texts(code, start, end)
        shape = self._lexer.shape(texts)
        outline = self._outlines.get(shape)
        if outline is not None:
            statement = outline.fill(texts, list(accumulate(map(len, texts), initial=start)))
            self._count(len(statement.ops))
            return statement
        statement = self.derive(span)
        if shape not in self._outlines and len(self._outlines) < self.limits.most_cached:
            starts = list(accumulate(map(len, texts), initial=start))
            self._outlines[shape] = outline_of(statement, starts)
        return statement

    def derive(self, span: Span) -> Statement:
        """Have lark find the derivation of a statement; it runs the rules as it goes."""
        self.ops = []
        self._first = 0
        self.statement = Statement("", span, ops=self.ops)
        machine: Any = _TABLES.lark.parse_interactive("")
        _TABLES.rules.parser = self
        at = span.start
        try:
            for token in self._lexer.tokens(self.source.code, *span):
                at = token.start
                machine.feed_token(token)
            at = span.end
            machine.feed_token(Token("$END", "", at))
        except lark.exceptions.UnexpectedToken:
            from gradcheck_cli.language.advice.syntax_advice import explain

            raise explain(self.source, span, at - span.start, self.limits.syntax_context) from None
        finally:
            _TABLES.rules.parser = None
        return self.statement

    def _set(self, span: Span) -> Statement:
        start = span.start
        found = _SETTING.fullmatch(self.source.code[start : span.end])
        if found is None:
            from gradcheck_cli.language.advice.declaration_advice import setting_meant

            help = setting_meant(self.source.code[span.start : span.end])
            raise self.source.error("this is no setting", span, help=help)
        name = self._name_at(found[1], start + found.start(1))
        text = Span(start + found.start(2), start + found.end(2))
        return Statement("set", span, name=name, value=found[2].strip(), text=text)

    def _let(self, span: Span) -> Statement:
        """NAME = DERIVATIVE, which stands behind `let`."""
        statement = self.derive(span)
        is_step = statement.kind == "step" and statement.root is not None
        if not (is_step and statement.ops[statement.root or 0].kind == "derivative"):
            from gradcheck_cli.language.advice.declaration_advice import step_meant

            help = step_meant(self.source.code[span.start : span.end] if is_step else "")
            raise self.source.error("let names a derivative", span, help=help)
        statement.kind = "let"
        return statement

    def _count(self, more: int) -> None:
        """So many more operations; the memory that they take is limited."""
        self.total += more
        most = self.limits.most_operations
        if self.total > most:
            raise LanguageError(
                f"the text has more than {most:,} numbers, names and operators",
                file=self.source.file,
                help='large tables belong in files: data X from "X.npy"',
            )

    # --- places ------------------------------------------------------------------------------

    def _of(self, token: Token) -> Span:
        return Span(token.start, token.end)

    def _name_at(self, text: str, start: int) -> Name:
        return Name(canonical(text), text, Span(start, start + len(text)))

    def _name(self, token: Token) -> Name:
        return Name(canonical(token.text), token.text, Span(token.start, token.end))

    def _add(
        self, kind: str, arguments: tuple[int, ...], text: str, span: Span, options: tuple[Any, ...] = ()
    ) -> int:
        self.ops.append(Op(kind, arguments, text, *span, options))
        self._count(1)
        return len(self.ops) - 1

    def _rest(self, token: Token) -> Span:
        """From behind the first = after a token to the end of the statement."""
        code = self.source.code
        start = code.index("=", token.end) + 1
        while code[start].isspace():
            start += 1
        return Span(start, self.statement.span.end)

    def _whole(self, token: Token) -> int:
        if not re.fullmatch("[0-9]{1,18}", token.text):
            raise self.source.error(
                f"{token.text[:40]} is not a whole number", self._of(token), help="write 0, 1, 2, ..."
            )
        return int(token.text)

    # --- statements --------------------------------------------------------------------------

    def declare(self, children: list[Any]) -> None:
        """data, rows, param."""
        self.statement.kind = children[0].text
        last = children[-1]
        if isinstance(last, FileSource):
            self.statement.source = last
            if last.number_format is not None:
                name, _, span = last.number_format
                raise self.source.error(f'"as {name}" does not fit here', span, help=_ONLY_CLAIMS)
        declared = (c for c in children[1:] if isinstance(c, Declaration))
        self.statement.declarations = tuple(declared)

    def seed(self, children: list[Any]) -> None:
        """seed INTEGER."""
        self.statement.kind = "seed"
        self.statement.value = str(self._whole(children[1]))

    def claim(self, children: list[Any]) -> None:
        """claim TARGET = EXPRESSION."""
        keyword, target, root = children
        self.statement.kind, self.statement.target, self.statement.root = "claim", target, root
        self.statement.text = self._rest(keyword)

    def claim_from(self, children: list[Any]) -> None:
        """claim TARGET from "FILE"."""
        self.statement.kind, self.statement.target = "claim", children[1]
        self.statement.source = children[2]
        self.statement.text = Span(children[2].span.start, self.statement.span.end)

    def step(self, children: list[Any]) -> None:
        """NAME = EXPRESSION."""
        self.statement.kind = "step"
        self.statement.name, self.statement.root = self._name(children[0]), children[1]
        self.statement.text = self._rest(children[0])

    def alone(self, children: list[Any]) -> None:
        """EXPRESSION."""
        self.statement.kind, self.statement.root = "expression", children[0]
        self.statement.text = self.statement.span

    # --- declarations ------------------------------------------------------------------------

    def _declare(self, children: list[Any], **fields: Any) -> Declaration:
        shape = next((c for c in children if isinstance(c, tuple)), None)
        first, self._first = self._first, len(self.ops)
        return Declaration(
            name=self._name(children[0]),
            shape=shape,
            first=first,
            last=len(self.ops),
            assumed=tuple(c for c in children if isinstance(c, AssumedWord)),
            **{"value": None, "draw": None, **fields},
        )

    def undefined(self, children: list[Any]) -> Declaration:
        """NAME[shape]."""
        return self._declare(children)

    def assumption(self, children: list[Any]) -> AssumedWord:
        """symmetric, sum 1, in {-1, 1}."""
        token, *numbers = children
        end = self._behind(token.end) if numbers else token.end
        return AssumedWord(self._name(token), tuple(numbers), Span(token.start, end))

    def _behind(self, at: int) -> int:
        """Where the numbers of an assumption end: `sum 1`, `in {-1, 1}`."""
        found = _ASSUMED.match(self.source.code, at)
        return found.end() if found else at

    def assumed_number(self, children: list[Any]) -> str:
        """1, -1."""
        return "".join(token.text for token in children).removeprefix("+")

    def defined(self, children: list[Any]) -> Declaration:
        """NAME[shape] = VALUE."""
        return self._declare(children, value=children[-1])

    def drawn(self, children: list[Any]) -> Declaration:
        """NAME[shape] ~ DISTRIBUTION."""
        position = 1 + sum(isinstance(child, tuple | AssumedWord) for child in children)
        token, *rest = children[position:]
        arguments = next((tuple(c) for c in rest if isinstance(c, list)), ())
        count = next((c for c in rest if isinstance(c, int)), None)
        return self._declare(children[:position], draw=Draw(self._name(token), arguments, count))

    def shape(self, children: list[Any]) -> tuple[int, ...]:
        """[4,3]."""
        return tuple(self._whole(token) for token in children)

    def arguments(self, children: list[Any]) -> list[int]:
        """Positions of a distribution's arguments."""
        return children

    def count(self, children: list[Any]) -> int:
        """How many rows."""
        return self._whole(children[1])

    def from_file(self, children: list[Any]) -> FileSource:
        """from "FILE" columns u, v as FORMAT."""
        path = children[1]
        columns = tuple(c for c in children if isinstance(c, str))
        number_format = next((c for c in children if isinstance(c, Name)), None)
        return FileSource(path.text[1:-1], columns, Span(children[0].start, path.end), number_format)

    def number_format(self, children: list[Any]) -> Name:
        """as FORMAT."""
        from gradcheck_cli.language.identifiers import nearest
        from gradcheck_cli.numerics.float_formats import NARROW

        keyword, token = children
        if token.text not in NARROW:
            near = nearest(token.text, NARROW)
            raise self.source.error(
                f'"{token.text[:40]}" is no format of numbers', self._of(token),
                help=f"did you mean {near}?" if near else _FORMATS,
            )
        return Name(token.text, token.text, Span(keyword.start, token.end))

    def column(self, children: list[Any]) -> str:
        """A header."""
        column: Token = children[0]
        return column.text.strip('"')

    # --- expressions -------------------------------------------------------------------------

    def number(self, children: list[Any]) -> int:
        """A number."""
        (token,) = children
        return self._add("number", (), token.text, self._of(token))

    def text(self, children: list[Any]) -> int:
        """A text in quotation marks: the subscripts of einsum."""
        (token,) = children
        return self._add("text", (), token.text[1:-1], self._of(token))

    def name(self, children: list[Any]) -> int:
        """A name."""
        (token,) = children
        return self._add("name", (), canonical(token.text), self._of(token))

    def derivative(self, children: list[Any]) -> int:
        """d A/d B, d A/d B[i,j]."""
        token, *index = children
        found = _DERIVATIVE.fullmatch(token.text)
        if found is None:
            raise LanguageError("this is no derivative")
        start = token.start
        of = self._name_at(found[1], start + found.start(1))
        by = self._name_at(found[2], start + found.start(2))
        items = tuple(index[0][0]) if index else ()
        return self._add("derivative", items, "", self._of(token), (of, by, bool(index)))

    def claimed_name(self, children: list[Any]) -> int:
        """NAME, NAME[i,j] on the left of a claim."""
        token, *index = children
        items = tuple(index[0][0]) if index else ()
        name = self._name(token)
        return self._add("value", items, name.name, name.span, (name, bool(index)))

    def binary(self, children: list[Any]) -> int:
        """An operator between two operands."""
        left, sign, right = children
        return self._add("binary", (left, right), _SPELLED.get(sign.text, sign.text), self._of(sign))

    def signed(self, children: list[Any]) -> int:
        """-x, and +x which is x."""
        sign, operand = children
        if sign.text == "+":
            return int(operand)
        return self._add("negative", (operand,), "-", self._of(sign))

    def transpose(self, children: list[Any]) -> int:
        """x' and x.T."""
        operand, sign = children
        return self._add("transpose", (operand,), "'", self._of(sign))

    def bracket(self, children: list[Any]) -> int:
        """x[...]: an index, or a call where x is a function."""
        base, (items, keywords) = children
        span = self.ops[base].span
        return self._add("bracket", (base, *items), "", span, tuple(keywords))

    def call(self, children: list[Any]) -> int:
        """NAME(...)."""
        token, (items, keywords) = children
        return self._add("call", tuple(items), canonical(token.text), self._of(token), tuple(keywords))

    def slope(self, children: list[Any]) -> int:
        """NAME'(...)."""
        token, primes, (items, keywords) = children
        text = canonical(token.text) + primes.text
        return self._add("slope", tuple(items), text, Span(token.start, primes.end), tuple(keywords))

    def stack(self, children: list[Any]) -> int:
        """[a, b]."""
        ((items, keywords),) = children
        if keywords:
            raise self.source.error("= cannot stand in a vector", keywords[0][0].span)
        span = self.ops[items[0]].span
        return self._add("stack", tuple(items), "", span)

    def listed(self, children: list[Any]) -> int:
        """(0, 2, 3): axes or lengths; an error where no whole numbers are wanted."""
        return self._add("listed", (*children,), "", self.ops[children[0]].span)

    def items(self, children: list[Any]) -> tuple[list[int], list[tuple[Name, int]]]:
        """Positions, and keyword arguments."""
        keywords = [c for c in children if not isinstance(c, int)]
        return [c for c in children if isinstance(c, int)], keywords

    def keyword(self, children: list[Any]) -> tuple[Name, int]:
        """axis=1."""
        return self._name(children[0]), children[1]

    def slice_both(self, children: list[Any]) -> int:
        """a:b."""
        return self._slice(children[0], children[1])

    def slice_from(self, children: list[Any]) -> int:
        """a:."""
        return self._slice(children[0], None)

    def slice_to(self, children: list[Any]) -> int:
        """:b."""
        return self._slice(None, children[0])

    def slice_all(self, children: list[Any]) -> int:
        """:."""
        return self._slice(None, None)

    def _slice(self, start: int | None, stop: int | None) -> int:
        given = start if start is not None else stop
        span = self.statement.span if given is None else self.ops[given].span
        return self._add("slice", (), ":", span, (start, stop))


_SPELLED = {"**": "^", "≥": ">=", "≤": "<="}
_TABLES = Automaton(Parser)
