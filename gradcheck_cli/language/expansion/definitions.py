"""Reads `f(x, a) = EXPRESSION`. Gives the definitions of a file, none of which calls itself.

Knows nothing of how calls are written out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gradcheck_cli.common.errors import LanguageError
from gradcheck_cli.language.identifiers import canonical
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statements import Name, Op, Statement

__all__ = [
    "Definition", "Given", "Head", "WrittenOut", "called_name", "check_call", "check_no_circle",
    "definition_head", "may_define",
]  # fmt: skip

_HEAD = re.compile(
    r"([^\W\d]\w*)\s*\(\s*([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s*\)\s*=(?!=)\s*"
)
_RECURRENCE = "a definition is written out where it is used; a recurrence is a loop: repeat k = 1 to 50:"


@dataclass(frozen=True)
class Head:
    """`f(x, a) =`, and where the right side stands."""

    name: Name
    parameters: tuple[Name, ...]
    body: Span


@dataclass(frozen=True)
class Definition:
    """A function of the file; the operations of its body have their places in `source`."""

    name: Name
    parameters: tuple[Name, ...]
    source: Source
    body: Span
    ops: list[Op]
    root: int
    scope: Mapping[str, Definition]  # what its body may call

    @property
    def signature(self) -> str:
        """`f(x, a)`."""
        return f"{self.name.display}({', '.join(p.display for p in self.parameters)})"


@dataclass(frozen=True)
class Given:
    """What a model gives to a file of claims: definitions, whole numbers, and names that are taken."""

    definitions: Mapping[str, Definition] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    choices: frozenset[str] = frozenset()  # of the whole numbers those that other points change


@dataclass
class WrittenOut:
    """Statements without loops and calls; what the file defines, and the indices of its loops and sums."""

    statements: list[Statement]
    definitions: dict[str, Definition] = field(default_factory=dict)
    indices: dict[str, Name] = field(default_factory=dict)


def may_define(code: str) -> bool:
    """Whether a text could have definitions; a quick look."""
    return re.search(r"\)\s*=(?!=)", code) is not None


def definition_head(source: Source, span: Span) -> Head | None:
    """The left side of a definition; None if the statement is another one. Raises LanguageError."""
    found = _HEAD.match(source.code, span.start, span.end)
    if found is None:
        return None
    name = Name(canonical(found[1]), found[1], Span(*found.span(1)))
    parameters: dict[str, Name] = {}
    for word in re.finditer(r"\w+", found[2]):
        start = found.start(2) + word.start()
        parameter = Name(canonical(word[0]), word[0], Span(start, start + len(word[0])))
        if parameter.name in parameters:
            raise source.error(
                f'"{word[0][:40]}" stands twice in one definition', parameter.span, help="take another name"
            )
        parameters[parameter.name] = parameter
    if found.end() == span.end:
        raise source.error(
            "this definition has no right side", span, help=f"write {found[0].strip()} EXPRESSION"
        )
    return Head(name, tuple(parameters.values()), Span(found.end(), span.end))


def check_call(source: Source, definition: Definition, op: Op, count: int) -> None:
    """Refuse a call with another number of arguments, or with keywords. Raises LanguageError."""
    related = (definition.source.related("defined here", definition.name.span),)
    if op.options:
        raise source.error(
            f"{definition.name.display} takes no keywords", op.span,
            help=f"its arguments stand in the order of {definition.signature}", related=related,
        )  # fmt: skip
    if count != len(definition.parameters):
        given = f"{count} argument{'' if count == 1 else 's'}"
        raise source.error(
            f"{definition.name.display} does not take {given}", op.span,
            help=f"write {definition.signature}", related=related,
        )  # fmt: skip


def called_name(ops: list[Op], op: Op) -> tuple[str, tuple[int, ...]]:
    """The name that an operation calls or mentions, and its arguments: f(x), and f[x], too."""
    if op.kind == "bracket":
        base = ops[op.arguments[0]]
        return (base.text, op.arguments[1:]) if base.kind == "name" else ("", ())
    return (op.text, op.arguments) if op.kind in ("call", "name") else ("", ())


def check_no_circle(definitions: Mapping[str, Definition]) -> None:
    """Refuse a definition that calls itself, directly or by way of others. Raises LanguageError."""
    is_done: dict[str, bool] = {}  # False while what it calls is looked at
    for name in definitions:
        way: list[str] = []
        waiting = [name]
        while waiting:
            here = waiting[-1]
            if here in is_done:
                waiting.pop()
                if not is_done[here]:
                    is_done[way.pop()] = True
                continue
            is_done[here] = False
            way.append(here)
            called = [other for other in _calls(definitions[here]) if other in definitions]
            for other in called:
                if is_done.get(other) is False:
                    raise _circle(definitions, [*way[way.index(other) :], other])
            waiting += [other for other in called if other not in is_done]


def _calls(definition: Definition) -> dict[str, Op]:
    """The names that a body calls or mentions, where they are no parameters."""
    own = {p.name for p in definition.parameters}
    found: dict[str, Op] = {}
    for op in definition.ops:
        if op.kind in ("call", "name") and op.text not in own:
            found.setdefault(op.text, op)
    return found


def _circle(definitions: Mapping[str, Definition], way: list[str]) -> LanguageError:
    first = definitions[way[0]]
    shown = [definitions[name].name.display for name in way]
    op = _calls(first)[way[1]]
    between = shown[1:-1] if len(shown) < 8 else [*shown[1:4], "...", *shown[-4:-1]]
    through = f" by way of {', '.join(between)}" if between else ""
    others = {name: definitions[name] for name in way[1:-1][:3]}
    return first.source.error(
        f'"{shown[0]}" calls itself{through}', op.span, help=_RECURRENCE,
        related=tuple(d.source.related("defined here", d.name.span) for d in others.values()),
    )  # fmt: skip
