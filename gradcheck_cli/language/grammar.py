"""Reads one statement. Gives what it says: its kind, its names, and a flat list of operations.

An operation refers to earlier ones by position, so nothing that follows needs recursion. The tables
of the parser (LALR, made by lark from grammar.lark) are shipped as grammar_table.py; after a change
`PYTHONHASHSEED=0 python -m gradcheck_cli.language.grammar` writes them again. Knows nothing of
values and shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import lark

from gradcheck_cli.errors import LanguageError
from gradcheck_cli.language.spelling import canonical
from gradcheck_cli.language.text import Source, Span

__all__ = ["Declaration", "Draw", "FileSource", "Name", "Op", "Parser", "Statement"]

_DERIVATIVE = re.compile(r"(?:d\s+|∂\s*)(\w+)\s*/\s*(?:d\s+|∂\s*)(\w+)")
_SETTING = re.compile(r"set\s+([^\W\d][\w-]*)\s*=\s*(\S[^\n]*)", re.DOTALL)
_MOST = 1_000_000  # operations of a file: half a GiB
_OPTIONS: dict[str, Any] = {"parser": "lalr", "lexer": "basic", "maybe_placeholders": False}


class Name(NamedTuple):
    """A name: the one it stands for, as typed, and where."""

    name: str
    display: str
    span: Span


class Op(NamedTuple):
    """One operation. `arguments` are positions of earlier ones; `span` is where a caret goes.

    kind        text       arguments       options
    number      as typed
    name        canonical
    derivative             index items     (of, by, has an index), two Names and a bool
    call        function   arguments       ((keyword, position), ...)
    bracket                base, items     ((keyword, position), ...)
    slice                                  (position or None, position or None)
    stack                  entries
    binary      the sign   left, right
    negative               operand
    transpose              operand
    """

    kind: str
    arguments: tuple[int, ...]
    text: str
    span: Span
    options: tuple[Any, ...] = ()


class Draw(NamedTuple):
    """`~ normal(0, 1) count 8`."""

    name: Name
    arguments: tuple[int, ...]
    rows: int | None


class Declaration(NamedTuple):
    """One name of a data, rows or param statement; its operations are first, ..., last - 1."""

    name: Name
    shape: tuple[int, ...] | None
    value: int | None
    draw: Draw | None
    first: int
    last: int


class FileSource(NamedTuple):
    """`from "FILE" columns u, v`."""

    path: str
    columns: tuple[str, ...]
    span: Span


@dataclass
class Statement:
    """kind: data, rows, param, seed, set, claim, step or expression."""

    kind: str
    span: Span
    name: Name | None = None
    root: int | None = None
    target: int | None = None
    declarations: list[Declaration] = field(default_factory=list)
    source: FileSource | None = None
    value: str = ""
    text: Span | None = None  # of the right side
    ops: list[Op] = field(default_factory=list)


class Parser:
    """Parses statement after statement of one source. Its methods below `parse` are the rules."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.ops: list[Op] = []
        self.base = self.total = 0
        self.statement = Statement("", Span(0, 0))
        self._lark = _load(self)

    def parse(self, span: Span) -> Statement:
        """One statement. Raises LanguageError."""
        code = self.source.code[span.start : span.end]
        self.base = span.start
        self.ops = []
        self._first = 0
        self.statement = Statement("", span, ops=self.ops)
        if re.match(r"set\b", code):
            return self._set(code)
        try:
            self._lark.parse(code)
        except lark.exceptions.UnexpectedInput as reason:
            end = (
                isinstance(reason, lark.exceptions.UnexpectedToken) and reason.token.type == "$END"
            )
            at = len(code) if end else reason.pos_in_stream or 0
            from gradcheck_cli.language.mistakes import explain

            raise explain(self.source, span, at) from None
        return self.statement

    def _set(self, code: str) -> Statement:
        found = _SETTING.fullmatch(code)
        if found is None:
            raise self.source.error(
                "this is no setting", self.statement.span, help="write set NAME = VALUE"
            )
        self.statement.kind = "set"
        self.statement.name = self._name_at(found[1], found.start(1))
        self.statement.value = found[2].strip()
        self.statement.text = self._span(found.start(2), found.end(2))
        return self.statement

    # --- places ------------------------------------------------------------------------------

    def _span(self, start: int, end: int) -> Span:
        return Span(self.base + start, self.base + end)

    def _of(self, token: Any) -> Span:
        return self._span(token.start_pos, token.end_pos)

    def _name_at(self, text: str, start: int) -> Name:
        span = self._span(start, start + len(text))
        return Name(canonical(text), text, span)

    def _name(self, token: Any) -> Name:
        return self._name_at(str(token), token.start_pos)

    def _add(self, *fields: Any) -> int:
        self.ops.append(Op(*fields))
        self.total += 1
        if self.total > _MOST:
            raise LanguageError(
                f"the text has more than {_MOST:,} numbers, names and operators",
                file=self.source.file,
                help='large tables belong in files: data X from "X.npy"',
            )
        return len(self.ops) - 1

    def _rest(self, token: Any) -> Span:
        """From behind the first = after a token to the end of the statement."""
        code = self.source.code
        start = code.index("=", self.base + token.end_pos) + 1
        while code[start].isspace():
            start += 1
        return Span(start, self.statement.span.end)

    def _whole(self, token: Any) -> int:
        if not re.fullmatch("[0-9]{1,18}", token):
            raise self.source.error(
                f"{token[:40]} is not a whole number", self._of(token), help="write 0, 1, 2, ..."
            )
        return int(token)

    # --- statements --------------------------------------------------------------------------

    def declare(self, children: list[Any]) -> None:
        """data, rows, param."""
        self.statement.kind = str(children[0])
        last = children[-1]
        if isinstance(last, FileSource):
            self.statement.source = last
        self.statement.declarations = [c for c in children[1:] if isinstance(c, Declaration)]

    def seed(self, children: list[Any]) -> None:
        """seed INTEGER."""
        self.statement.kind = "seed"
        self.statement.value = str(self._whole(children[1]))

    def claim(self, children: list[Any]) -> None:
        """claim d A/d B = EXPRESSION."""
        keyword, target, root = children
        self.statement.kind, self.statement.target, self.statement.root = "claim", target, root
        self.statement.text = self._rest(keyword)

    def claim_from(self, children: list[Any]) -> None:
        """claim d A/d B from "FILE"."""
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

    def _declared(self, children: list[Any], **fields: Any) -> Declaration:
        shape = next((c for c in children if isinstance(c, tuple)), None)
        first, self._first = self._first, len(self.ops)
        return Declaration(
            name=self._name(children[0]),
            shape=shape,
            first=first,
            last=len(self.ops),
            **{"value": None, "draw": None, **fields},
        )

    def undefined(self, children: list[Any]) -> Declaration:
        """NAME[shape]."""
        return self._declared(children)

    def defined(self, children: list[Any]) -> Declaration:
        """NAME[shape] = VALUE."""
        return self._declared(children, value=children[-1])

    def drawn(self, children: list[Any]) -> Declaration:
        """NAME[shape] ~ DISTRIBUTION."""
        position = 2 if isinstance(children[1], tuple) else 1
        token, *rest = children[position:]
        arguments = next((tuple(c) for c in rest if isinstance(c, list)), ())
        count = next((c for c in rest if isinstance(c, int)), None)
        return self._declared(children[:position], draw=Draw(self._name(token), arguments, count))

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
        """from "FILE" columns u, v."""
        path = children[1]
        columns = tuple(str(c) for c in children[3:])
        return FileSource(str(path)[1:-1], columns, self._span(children[0].start_pos, path.end_pos))

    def column(self, children: list[Any]) -> str:
        """A header."""
        return str(children[0]).strip('"')

    # --- expressions -------------------------------------------------------------------------

    def number(self, children: list[Any]) -> int:
        """A number."""
        (token,) = children
        return self._add("number", (), str(token), self._of(token))

    def name(self, children: list[Any]) -> int:
        """A name."""
        (token,) = children
        return self._add("name", (), canonical(token), self._of(token))

    def derivative(self, children: list[Any]) -> int:
        """d A/d B, d A/d B[i,j]."""
        token, *index = children
        found = _DERIVATIVE.fullmatch(token)
        if found is None:
            raise LanguageError("this is no derivative")
        start = token.start_pos
        of = self._name_at(found[1], start + found.start(1))
        by = self._name_at(found[2], start + found.start(2))
        items = tuple(index[0][0]) if index else ()
        return self._add("derivative", items, "", self._of(token), (of, by, bool(index)))

    def binary(self, children: list[Any]) -> int:
        """An operator between two operands."""
        left, sign, right = children
        return self._add("binary", (left, right), _SPELLED.get(sign, str(sign)), self._of(sign))

    def signed(self, children: list[Any]) -> int:
        """-x, and +x which is x."""
        sign, operand = children
        if sign == "+":
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
        name = canonical(token)
        return self._add("call", tuple(items), name, self._of(token), tuple(keywords))

    def stack(self, children: list[Any]) -> int:
        """[a, b]."""
        ((items, keywords),) = children
        if keywords:
            raise self.source.error("= cannot stand in a vector", keywords[0][0].span)
        span = self.ops[items[0]].span
        return self._add("stack", tuple(items), "", span)

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


def _load(rules: Parser) -> lark.Lark:
    """The parser from its saved tables; from the grammar where lark is another version."""
    try:
        from gradcheck_cli.language import grammar_table as table
    except ImportError:
        return _build(rules)
    if lark.__version__ != table.VERSION:
        return _build(rules)
    load: Any = lark.Lark._load_from_dict
    parser: lark.Lark = load(table.DATA, table.MEMO, transformer=rules)
    return parser


def _grammar() -> str:
    return Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")


def _build(rules: Parser | None = None) -> lark.Lark:
    transformer: Any = rules
    return lark.Lark(_grammar(), transformer=transformer, **_OPTIONS)


def table_text() -> str:
    """The text of grammar_table.py for this version of lark and the grammar as it is now."""
    data, memo = _build().memo_serialize([lark.lexer.TerminalDef, lark.grammar.Rule])
    return "".join(_table_lines(data, memo))


def _table_lines(data: Any, memo: Any) -> Iterator[str]:
    yield '"""Reads nothing. Gives the tables of the parser. Made by grammar.py."""\n\n'
    yield "# ruff: noqa\n# fmt: off\n"
    yield f"VERSION = {lark.__version__!r}\nDATA = {data!r}\nMEMO = {memo!r}\n"


if __name__ == "__main__":
    Path(__file__).with_name("grammar_table.py").write_text(table_text(), encoding="utf-8")
