"""Reads the grammar, or its saved tables. Gives the LALR automaton that finds derivations.

The tables (made by lark from grammar.lark) are shipped as grammar_table.py; after a change
`PYTHONHASHSEED=0 python -m gradcheck_cli.language.automaton` writes them again. Knows nothing of what the
rules do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import lark

__all__ = ["Automaton", "build", "table_text"]

_OPTIONS: dict[str, Any] = {"parser": "lalr", "lexer": "basic", "maybe_placeholders": False}


class Rules:
    """The rules of the parser whose statement is read: one automaton serves all parsers of a thread."""

    def __init__(self, parsers: type) -> None:
        self.parsers = parsers
        self.parser: Any = None

    def __getattr__(self, name: str) -> Callable[[list[Any]], Any]:
        rule = getattr(self.parsers, name)
        return lambda children: rule(self.parser, children)


class Automaton(threading.local):
    """The automaton, loaded once in each thread: that takes longer than to parse a small model."""

    def __init__(self, parsers: type) -> None:
        self.rules = Rules(parsers)

    @cached_property
    def lark(self) -> lark.Lark:
        """The parser whose rules are `rules`."""
        return _load(self.rules)


def _load(rules: Rules) -> lark.Lark:
    """The parser from its saved tables; from the grammar where lark is another version."""
    try:
        from gradcheck_cli.language import grammar_table
    except ImportError:
        return build(rules)
    if lark.__version__ != grammar_table.VERSION:
        return build(rules)
    load: Any = lark.Lark._load_from_dict
    parser: lark.Lark = load(grammar_table.DATA, grammar_table.MEMO, transformer=rules)
    return parser


def _grammar() -> str:
    return Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")


def build(rules: Rules | None = None) -> lark.Lark:
    """The parser from the text of the grammar."""
    transformer: Any = rules
    return lark.Lark(_grammar(), transformer=transformer, **_OPTIONS)


def table_text() -> str:
    """The text of grammar_table.py for this version of lark and the grammar as it is now."""
    data, memo = build().memo_serialize([lark.lexer.TerminalDef, lark.grammar.Rule])
    return "".join(_table_lines(data, memo))


def _table_lines(data: Any, memo: Any) -> Iterator[str]:
    yield '"""Reads nothing. Gives the tables of the parser. Made by automaton.py."""\n\n'
    yield "# ruff: noqa\n# fmt: off\n"
    yield f"VERSION = {lark.__version__!r}\nDATA = {data!r}\nMEMO = {memo!r}\n"


if __name__ == "__main__":
    Path(__file__).with_name("grammar_table.py").write_text(table_text(), encoding="utf-8")
