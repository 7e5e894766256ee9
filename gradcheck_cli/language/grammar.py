"""Reads one statement. Gives what it says: its kind, its names, and a flat list of operations.

An operation refers to earlier ones by position, so nothing that follows needs recursion. The tables
of the parser (LALR, made by lark from grammar.lark) are shipped as grammar_table.py; after a change
`PYTHONHASHSEED=0 python -m gradcheck_cli.language.grammar` writes them again. They look at the types
of tokens only, so statements whose tokens have equal types share one derivation: it is found once and
its rules are run on the tokens of each. Knows nothing of values and shapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import lark

from gradcheck_cli.errors import LanguageError
from gradcheck_cli.language.spelling import canonical
from gradcheck_cli.language.text import Source, Span
from gradcheck_cli.language.tokens import Lexer, Token

__all__ = ["Declaration", "Draw", "FileSource", "Name", "Op", "Parser", "Statement"]

_DERIVATIVE = re.compile(r"(?:d\s+|∂\s*)(\w+)\s*/\s*(?:d\s+|∂\s*)(\w+)")
_SETTING = re.compile(r"set\s+([^\W\d][\w-]*)\s*=\s*(\S[^\n]*)", re.DOTALL)
_MOST = 1_000_000  # operations of a file: half a GiB
_SHARED = 1000  # characters; tokens of longer statements are read one by one and not kept
_PLANS = 1000  # derivations that are kept: with the line above, at most a few MB
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
        self.total = 0
        self.statement = Statement("", Span(0, 0))
        self._first = 0
        self._recorder = _Recorder(self)
        self._lark = _load(self._recorder)
        conf = self._lark.lexer_conf
        self._lexer = Lexer(conf.terminals, conf.ignore)
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def parse(self, span: Span) -> Statement:
        """One statement. Raises LanguageError."""
        code, (start, end) = self.source.code, span
        self.ops = []
        self._first = 0
        self.statement = Statement("", span, ops=self.ops)
        if code.startswith("set", start) and re.match(r"set\b", code[start : start + 4]):
            return self._set(code[start:end])
        tokens = self._lexer.tokens(code, start, end)
        if end - start > _SHARED:
            self._derive(tokens)
            return self.statement
        values: list[Any] = list(tokens)
        shape = tuple([token.type for token in values])
        plan = self._plans.get(shape)
        if plan is None:
            plan = self._recorder.begin(values)
            self._derive(tuple(values))  # it is appended to meanwhile
            if len(self._plans) < _PLANS:
                self._plans[shape] = plan
        else:
            for rule, places in plan:
                values.append(rule([values[place] for place in places]))
        return self.statement

    def _derive(self, tokens: Iterable[Token]) -> None:
        """Have lark find the derivation of the tokens; it runs the rules as it goes."""
        span = self.statement.span
        machine: Any = self._lark.parse_interactive("")
        at = span.start
        try:
            for token in tokens:
                at = token.start
                machine.feed_token(token)
            at = span.end
            machine.feed_token(Token("$END", "", at, at, -1))
        except lark.exceptions.UnexpectedToken:
            from gradcheck_cli.language.mistakes import explain

            raise explain(self.source, span, at - span.start) from None
        finally:
            self._recorder.end()

    def _set(self, code: str) -> Statement:
        found = _SETTING.fullmatch(code)
        start = self.statement.span.start
        if found is None:
            raise self.source.error(
                "this is no setting", self.statement.span, help="write set NAME = VALUE"
            )
        self.statement.kind = "set"
        self.statement.name = self._name_at(found[1], start + found.start(1))
        self.statement.value = found[2].strip()
        self.statement.text = Span(start + found.start(2), start + found.end(2))
        return self.statement

    # --- places ------------------------------------------------------------------------------

    def _of(self, token: Token) -> Span:
        return Span(token.start, token.end)

    def _name_at(self, text: str, start: int) -> Name:
        return Name(canonical(text), text, Span(start, start + len(text)))

    def _name(self, token: Token) -> Name:
        return Name(canonical(token.text), token.text, Span(token.start, token.end))

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
        return FileSource(path.text[1:-1], tuple(children[3:]), Span(children[0].start, path.end))

    def column(self, children: list[Any]) -> str:
        """A header."""
        column: Token = children[0]
        return column.text.strip('"')

    # --- expressions -------------------------------------------------------------------------

    def number(self, children: list[Any]) -> int:
        """A number."""
        (token,) = children
        return self._add("number", (), token.text, self._of(token))

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


_Plan = list[tuple[Callable[[list[Any]], Any], tuple[int, ...]]]  # rules, and what they are run on


class _Result(NamedTuple):
    """What stands on lark's stack for the result of a rule: its place among the values."""

    place: int


class _Recorder:
    """Lark's way to the rules: runs them, and between `begin` and `end` notes which and on what."""

    def __init__(self, rules: Parser) -> None:
        self._rules = rules
        self._values: list[Any] | None = None
        self._plan: _Plan = []

    def begin(self, tokens: list[Any]) -> _Plan:
        """The plan that will be made; the rules' results are appended to `tokens`."""
        self._values, self._plan = tokens, []
        return self._plan

    def end(self) -> None:
        """Run rules without noting them."""
        self._values = None

    def __getattr__(self, name: str) -> Callable[[list[Any]], Any]:
        if name not in _RULES:
            raise AttributeError(name)
        return partial(self._run, getattr(self._rules, name))

    def _run(self, rule: Callable[[list[Any]], Any], children: list[Any]) -> Any:
        if self._values is None:
            return rule(children)
        values, places = self._values, tuple([child.place for child in children])
        values.append(rule([values[place] for place in places]))
        self._plan.append((rule, places))
        return _Result(len(values) - 1)


_RULES = frozenset(name for name in vars(Parser) if not name.startswith("_")) - {"parse"}
_SPELLED = {"**": "^", "≥": ">=", "≤": "<="}


def _load(rules: _Recorder) -> lark.Lark:
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


def _build(rules: _Recorder | None = None) -> lark.Lark:
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
