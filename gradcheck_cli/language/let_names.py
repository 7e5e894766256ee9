"""Reads parsed `let` statements and claims. Gives claims in which a name of a derivative is that derivative.

`let delta2 = d loss/d f2` names a derivative; in a claim `delta2` then is `d loss/d f2`, on the left and on
the right, and `relu'[z]` is `relu'(z)`. Runs before names are looked up. Knows nothing of values and shapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from gradcheck_cli.common.errors import LanguageError
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statements import Name, Op, Statement
from gradcheck_cli.model.graph import Derivative
from gradcheck_cli.model.primitives.slopes import PRIME

if TYPE_CHECKING:
    from gradcheck_cli.model.model import Let

__all__ = ["LetName", "as_derivatives", "let_names", "names_of_model"]


class LetName(NamedTuple):
    """What a name stands for: d of/d by, or by the entry with an index."""

    name: Name
    of: Name
    by: Name
    entry: tuple[int, ...] | None

    @property
    def target(self) -> Derivative:
        """The derivative."""
        return Derivative(self.of.name, self.by.name, self.entry)


def names_of_model(lets: Mapping[str, Let]) -> dict[str, LetName]:
    """The names of derivatives that a model gives, for a file of claims."""
    nowhere = Span(0, 0)
    return {
        let.name: LetName(
            Name(let.name, let.display, nowhere),
            Name(let.target.of, let.of, nowhere), Name(let.target.by, let.by, nowhere), let.target.index,
        )
        for let in lets.values()
    }  # fmt: skip


def let_names(
    source: Source, statements: Iterable[Statement], known: Mapping[str, LetName] | None = None
) -> dict[str, LetName]:
    """The names that `let` gives, and those that are `known`. Raises LanguageError."""
    found: dict[str, LetName] = {}
    for statement in statements:
        if statement.kind != "let" or statement.name is None:
            continue
        new = _let_name(source, statement, statement.name)
        first, given = found.get(new.name.name), (known or {}).get(new.name.name)
        if first is not None:
            raise source.error(
                f'"{new.name.display}" is defined twice', new.name.span,
                help="one name is one derivative; take a new name for the new one",
                related=(("first defined here", source.place(*first.name.span)),),
            )  # fmt: skip
        if given is not None and given.target != new.target:
            raise source.error(
                f'"{new.name.display}" is {given.target} in the model', new.name.span,
                help=f"take another name, {new.name.display}_1",
            )  # fmt: skip
        found[new.name.name] = new
    return {**(known or {}), **found}


def _let_name(source: Source, statement: Statement, name: Name) -> LetName:
    op = statement.ops[statement.root or 0]
    of, by, has_index = op.options
    if not has_index:
        return LetName(name, of, by, None)
    items = [statement.ops[position] for position in op.arguments]
    for item in items:
        if item.kind != "number" or not re.fullmatch("[0-9]{1,18}", item.text):
            raise source.error(
                "let names a derivative by one entry", op.span if item.kind == "slice" else item.span,
                help=f"write let {name.display} = d {of.display}/d {by.display}; a claim may use parts of it",
            )  # fmt: skip
    return LetName(name, of, by, tuple(int(item.text) for item in items))


def as_derivatives(
    source: Source, statements: Iterable[Statement], names: Mapping[str, LetName],
    is_call: Callable[[str], bool],
) -> None:
    """Put derivatives in the place of their names, in all claims; `is_call`: whether a name is that of a
    function."""
    for statement in statements:
        if statement.kind == "claim":
            _name_slopes(statement, is_call)
            if names:
                _expand(source, statement, names)


def _expand(source: Source, statement: Statement, names: Mapping[str, LetName]) -> None:
    ops = statement.ops
    for position, op in enumerate(list(ops)):
        let = names.get(op.text) if op.kind in ("name", "value") else None
        if let is None:
            continue
        items = op.arguments
        if op.kind == "value":
            statement.alias = let.name.display + _entry(ops, items)
            if items and let.entry is not None:
                raise _no_entry(source, op, let)
        arguments = items or _appended(ops, let.entry, op.span)
        of, by = (name._replace(span=op.span) for name in (let.of, let.by))
        has_index = bool(items) or let.entry is not None
        ops[position] = Op("derivative", arguments, "", op.start, op.end, (of, by, has_index))


def _entry(ops: list[Op], items: tuple[int, ...]) -> str:
    return f"[{','.join(ops[position].text for position in items)}]" if items else ""


def _no_entry(source: Source, op: Op, let: LetName) -> LanguageError:
    return source.error(
        f'"{let.name.display}" is a derivative by one entry, {let.target}', op.span,
        help=f"write claim {let.name.display} = ...",
    )  # fmt: skip


def _appended(ops: list[Op], index: tuple[int, ...] | None, span: Span) -> tuple[int, ...]:
    """The positions of the numbers of an index, which are added behind all operations."""
    first = len(ops)
    ops.extend(Op("number", (), str(k), *span) for k in index or ())
    return tuple(range(first, len(ops)))


def _name_slopes(statement: Statement, is_call: Callable[[str], bool]) -> None:
    """relu'[z], read as an index of a transpose, as the derivative of relu at z."""
    ops = statement.ops
    for position, op in enumerate(ops):
        if op.kind != "bracket":
            continue
        primes, base = 0, op.arguments[0]
        while ops[base].kind == "transpose":
            primes, base = primes + 1, ops[base].arguments[0]
        function = ops[base]
        if primes and function.kind == "name" and is_call(function.text):
            text = function.text + PRIME * primes
            ops[position] = Op("slope", op.arguments[1:], text, function.start, function.end, op.options)
            for unused in _chain(ops, op.arguments[0], base):
                ops[unused] = Op("slice", (), ":", function.start, function.end, (None, None))


def _chain(ops: list[Op], start: int, end: int) -> list[int]:
    """The transposes from one operation to another, and that one."""
    found = [start]
    while found[-1] != end:
        found.append(ops[found[-1]].arguments[0])
    return found
