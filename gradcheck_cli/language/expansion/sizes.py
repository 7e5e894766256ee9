"""Reads operations that call definitions. Gives how many they are once written out, before they are.

Calls of calls double with each level: f(f(f(x))) of f(x) = x*sin(x). Knows nothing of how they are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gradcheck_cli.language.expansion.definitions import Definition, called_name
from gradcheck_cli.language.source_text import Span
from gradcheck_cli.language.statements import Op

__all__ = ["Sizes", "parts_of"]


_Key = tuple[str, Span]


class _Size(NamedTuple):
    """So many operations, and each parameter so many times."""

    own: int
    uses: Mapping[str, int]


class Sizes:
    """The sizes of definitions, each found once."""

    def __init__(self) -> None:
        self._found: dict[_Key, _Size] = {}

    def of(self, ops: list[Op], scope: Mapping[str, Definition]) -> list[int]:
        """For each operation, how many it is with all that it is made of."""
        self._find_called(ops, scope)
        return [size.own for size in self._sizes(ops, scope, frozenset())]

    def _find_called(self, ops: list[Op], scope: Mapping[str, Definition]) -> None:
        """The sizes of what is called, those of what that calls first."""
        waiting = _called(ops, scope)
        while waiting:
            definition = waiting[-1]
            missing = [d for d in _called(definition.ops, definition.scope) if _key(d) not in self._found]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            names = frozenset(p.name for p in definition.parameters)
            sizes = self._sizes(definition.ops, definition.scope, names)
            self._found[_key(definition)] = sizes[definition.root]

    def _sizes(
        self, ops: list[Op], scope: Mapping[str, Definition], parameters: frozenset[str]
    ) -> list[_Size]:
        sizes: list[_Size] = []
        for op in ops:
            if op.kind == "name" and op.text in parameters:
                sizes.append(_Size(0, {op.text: 1}))
                continue
            name, arguments = called_name(ops, op)
            definition = scope.get(name) if name not in parameters else None
            known = None if definition is None else self._found.get(_key(definition))
            if definition is None or known is None or op.kind == "name":
                sizes.append(_total(1, [(1, sizes[a]) for a in parts_of(op)]))
                continue
            given = zip(definition.parameters, arguments, strict=False)
            sizes.append(_total(known.own, [(known.uses.get(p.name, 0), sizes[a]) for p, a in given]))
        return sizes


def _total(own: int, parts: list[tuple[int, _Size]]) -> _Size:
    uses: dict[str, int] = {}
    for times, part in parts:
        own += times * part.own
        for name, count in part.uses.items():
            uses[name] = uses.get(name, 0) + times * count
    return _Size(own, uses)


def _key(definition: Definition) -> _Key:
    """Where its body stands: in which text, and from where to where."""
    return definition.source.file, definition.body


def _called(ops: list[Op], scope: Mapping[str, Definition]) -> list[Definition]:
    names = dict.fromkeys(called_name(ops, op)[0] for op in ops if op.kind != "name")
    return [scope[name] for name in names if name in scope]


def parts_of(op: Op) -> list[int]:
    """The positions of what an operation is made of: arguments, then keywords; the bounds of a slice."""
    if op.kind == "slice":
        return [a for a in op.options if a is not None]
    has_keywords = op.kind in ("call", "bracket", "slope")
    keywords = [position for _, position in op.options] if has_keywords else []
    return [*op.arguments, *keywords]
