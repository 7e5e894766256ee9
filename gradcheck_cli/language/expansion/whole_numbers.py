"""Reads the operations of a whole number: `k - 1`, `2*n + 1`, `n/2`. Gives the number.

Knows nothing of where names get their values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gradcheck_cli.language.statements import Op

__all__ = ["NotWhole", "WholeNumber", "read_whole", "whole_number"]


class NotWhole(Exception):
    """An operation that gives no whole number."""

    def __init__(self, op: Op) -> None:
        super().__init__(op.text)
        self.op = op


class WholeNumber(NamedTuple):
    """An expression whose value is a whole number once its names have theirs."""

    ops: tuple[Op, ...]
    root: int
    start: int
    end: int
    name: str = ""  # k of k, k - 1 and k + 1, which most are: they are read at a tenth of the time
    offset: int = 0

    def value(self, values: Mapping[str, int]) -> int:
        """The number. Raises NotWhole."""
        if self.name:
            return values[self.name] + self.offset
        return whole_number(self.ops, self.root, lambda op: values.get(op.text))


def read_whole(ops: tuple[Op, ...], root: int, start: int, end: int) -> WholeNumber:
    """The whole number at `root`; its only names are indices."""
    op, offset = ops[root], 0
    if op.kind == "binary" and op.text in ("+", "-") and ops[op.arguments[1]].kind == "number":
        text = ops[op.arguments[1]].text
        if text.isdecimal() and len(text) <= 18:
            offset = int(f"{op.text}{text}")
            op = ops[op.arguments[0]]
    name = op.text if op.kind == "name" else ""
    return WholeNumber(ops, root, start, end, name, offset)


def whole_number(
    ops: tuple[Op, ...] | list[Op], root: int, value_of: Callable[[Op], int | None]
) -> int:
    """The value of the operation at `root`, where `value_of` gives that of a name. Raises NotWhole."""
    done: dict[int, int] = {}
    waiting = [root]
    while waiting:
        position = waiting[-1]
        op = ops[position]
        missing = [a for a in op.arguments if a not in done] if op.kind in ("binary", "negative") else []
        if missing:
            waiting += missing
            continue
        done[waiting.pop()] = _value(op, [done[a] for a in op.arguments if a in done], value_of)
    return done[root]


def _value(op: Op, arguments: list[int], value_of: Callable[[Op], int | None]) -> int:
    if op.kind == "number" and op.text.isdecimal() and len(op.text) <= 18:
        return int(op.text)
    if op.kind == "negative":
        return -arguments[0]
    if op.kind == "binary" and op.text in _SIGNS:
        value = _SIGNS[op.text](*arguments)
        if value is not None and abs(value) < 10**18:
            return value
    found = value_of(op) if op.kind == "name" else None
    if found is None:
        raise NotWhole(op)
    return found


def _quotient(a: int, b: int) -> int | None:
    """a/b; None where that is no whole number."""
    return a // b if b and a % b == 0 else None


_SIGNS: Mapping[str, Callable[[int, int], int | None]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _quotient,
}
