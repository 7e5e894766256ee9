"""Reads a statement whose value is numbers without brackets. Gives the vector or matrix that is meant.

Knows nothing of which names exist.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

__all__ = ["ListedValues", "listed_values"]

_NUMBER = r"[+-]?\s*(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])"
_LIST = re.compile(rf"\s*({_NUMBER}(?:\s*,\s*{_NUMBER})+)\s*(?=$|,\s*[^\W\d])")
_ROW = re.compile(rf"\s*;\s*({_NUMBER}(?:\s*,\s*{_NUMBER})*)[ \t]*(?=;|\n|$)")
_HEAD = re.compile(r"(?:(?:d\s+|∂\s*)\w+\s*/\s*(?:d\s+|∂\s*))?[^\W\d]\w*\s*(?:\[([0-9,\s]*)\])?\s*$")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


class ListedValues(NamedTuple):
    """Where the numbers begin and end in the statement, and the assignment with brackets."""

    start: int
    end: int
    assignment: str
    is_matrix: bool


def listed_values(code: str, at: int, following: str) -> ListedValues | None:
    """The numbers around `at` in the statement `code`; `following` is what the file goes on with: rows of a
    matrix behind `;` are there. None where the mistake is another one."""
    begin = code.rfind("=", 0, at) + 1
    head = _HEAD.search(code[: begin - 1]) if begin else None
    found = _LIST.match(code, begin)
    if head is None or found is None or not found.start(1) <= at <= found.end(1):
        return None
    rows = [_numbers(found[1])]
    if found.end() == len(code):
        rows += _more_rows(following, len(rows[0]))
    shape = [int(n) for n in re.findall("[0-9]+", head[1] or "")]
    if len(rows) == 1:
        fills = not shape or math.prod(shape) == len(rows[0])
        if _DECIMAL_COMMA.match(found[1]) and not (shape and fills) and _is_short(found[1], shape):
            return None
        if len(shape) > 1 and fills:
            width = shape[-1]
            rows = [rows[0][k : k + width] for k in range(0, len(rows[0]), width)]
    is_matrix = len(rows) > 1 or len(shape) > 1
    lists = [f"[{', '.join(row)}]" for row in rows]
    for n in reversed(shape[1:-1] if len(rows) == math.prod(shape[:-1]) else ()):
        lists = [f"[{', '.join(lists[k : k + n])}]" for k in range(0, len(lists), n)]
    value = f"[{', '.join(lists)}]" if is_matrix else lists[0]
    return ListedValues(found.start(1), found.end(1), f"{head[0].strip()} = {value}", is_matrix)


def _is_short(text: str, shape: list[int]) -> bool:
    """Whether it could be one number with a comma, or several: `2,3`, and `0,3, 1,2` for two."""
    pairs = text.split(", ")
    return len(pairs) == (math.prod(shape) if shape else 1) and all(map(_DECIMAL_COMMA.fullmatch, pairs))


def _numbers(text: str) -> list[str]:
    return ["".join(part.split()) for part in text.split(",")]


def _more_rows(following: str, width: int) -> list[list[str]]:
    """Rows of so many numbers behind semicolons."""
    rows, at = [], 0
    while found := _ROW.match(following, at):
        rows.append(_numbers(found[1]))
        at = found.end()
    return rows if all(len(row) == width for row in rows) else []
