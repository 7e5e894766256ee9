"""Reads an index as other languages write it. Gives how it is written here.

Knows nothing of which names exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gradcheck_cli.language.advice.operands import declared_sizes
from gradcheck_cli.language.statement_words import LONG_LINE, Advice, View, cut

__all__ = ["INDICES"]

_OPEN = re.compile(r"([\w.]*[\w)\]])\s*\[([^\[\]]*)$")  # an operand, and what stands in its bracket so far


def _inside(view: View) -> tuple[str, str] | None:
    """The operand whose index this is, and the parts in front."""
    found = _OPEN.search(view.code[: view.bad.start])
    return None if found is None else (cut(found[1]), found[2])


def _advise_step(view: View) -> Advice | None:
    """`v[::2]`, `v[0:4:2]`."""
    within = _inside(view) if view.bad.text == ":" else None
    if within is None or ":" not in within[1].rpartition(",")[2]:
        return None
    return Advice("a slice has no step", "name the entries: v[[0, 2, 4]], W[[0, 2],:]; flip(v) turns v round")


def _advise_dots(view: View) -> Advice | None:
    """`X[..., 0]`."""
    if view.bad.text != "." or not view.code.startswith("...", view.bad.start):
        return None
    within = _inside(view)
    if within is None:
        return None
    return Advice('"..." does not stand in an index', f"write : for each axis: {within[0]}[:,:,0]")


_FROM_END = re.compile(r"([^\W\d]\w*)\s*\[([^\[\]]*)-\s*([0-9]+)")


def place_from_end(code: str, start: int) -> str | None:
    """The entry that `v[-1]` means, where the sizes of v are declared; `start` is that of the minus."""
    for found in _FROM_END.finditer(code, max(0, start - LONG_LINE), start + LONG_LINE):
        sizes = declared_sizes(code, found[1])
        axis = found[2].count(",")
        is_meant = found.start(3) > start and not found[2].endswith(":")
        if is_meant and axis < len(sizes) and sizes[axis].isdigit():
            behind = code[found.end() : code.find("]", found.end()) + 1]
            return f"write {found[1]}[{found[2]}{int(sizes[axis]) - int(found[3])}{cut(behind)}"
    return None


INDICES: tuple[Callable[[View], Advice | None], ...] = (_advise_step, _advise_dots)
