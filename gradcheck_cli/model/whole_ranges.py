"""Reads operations on whole numbers of which the least and the largest are known. Gives those of the result.

Class labels, words and positions choose entries of arrays; where they may lie is known before they have
values. Knows nothing of text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gradcheck_cli.model.assumptions import Assumption

__all__ = ["WholeRange", "assumed_range", "range_of"]

_CHOICE = (
    "identity", "expand", "index", "transpose", "reshape", "permute", "take", "take_pairs", "max", "min",
)  # fmt: skip


class WholeRange(NamedTuple):
    """Whole numbers from `low` to `high`."""

    low: int
    high: int


def assumed_range(assumptions: Iterable[Assumption]) -> WholeRange | None:
    """The whole numbers that a name is assumed to be in: `in 0 to 9`, `in {0, 1}`; None if it is in none."""
    for assumption in assumptions:
        numbers = assumption.numbers
        if assumption.kind == "in" and all(map(float.is_integer, numbers)):
            return WholeRange(int(min(numbers)), int(max(numbers)))
    return None


def range_of(operation: str, given: Sequence[WholeRange | None]) -> WholeRange | None:
    """In which range the result of an operation lies; None where it may be no whole number.

    `given`: the ranges of its arguments.
    """
    first = given[0] if given else None
    if first is None:
        return None
    if operation in _CHOICE:
        return first
    known = [r for r in given if r is not None]
    if len(known) < len(given):
        return None
    if operation in ("stack", "concat"):
        return WholeRange(min(r.low for r in known), max(r.high for r in known))
    if operation == "neg":
        return WholeRange(-first.high, -first.low)
    if operation in ("add", "sub", "mul"):
        return _combine(operation, first, known[1])
    return None


def _combine(operation: str, a: WholeRange, b: WholeRange) -> WholeRange:
    if operation == "add":
        return WholeRange(a.low + b.low, a.high + b.high)
    if operation == "sub":
        return WholeRange(a.low - b.high, a.high - b.low)
    products = [x * y for x in a for y in b]
    return WholeRange(min(products), max(products))
