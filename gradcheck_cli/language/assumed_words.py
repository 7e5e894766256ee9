"""Reads the words behind a declared name: `symmetric`, `sum 1`, `in {-1, 1}`. Gives what is assumed.

Knows nothing of other points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck_cli.common.errors import LanguageError
from gradcheck_cli.language.identifiers import nearest
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statements import AssumedWord, Name
from gradcheck_cli.model.assumptions import KINDS, Assumption
from gradcheck_cli.model.primitives.record import Shape, shape_in_words
from gradcheck_cli.numerics.array_types import Array

__all__ = ["check_kept", "read_assumptions"]

_LISTED = "symmetric, positive, lower, orthogonal, one_hot, unit, sum 1, in {-1, 1}"


def read_assumptions(
    source: Source, name: Name, words: Sequence[AssumedWord], most: int
) -> tuple[Assumption, ...]:
    """What is assumed of a name; `in A to B` names at most so many numbers. Raises LanguageError."""
    found: list[Assumption] = []
    for position, word in enumerate(words):
        before = words[position - 1] if position else None
        if word.name.name == "to" and before is not None and _is_start(before):
            found[-1] = _range(source, before, word, most)
            continue
        assumption = _read(source, name, word)
        if any(assumption.kind == other.kind for other in found):
            raise source.error(f'"{word.name.display}" is said twice', word.span, help="once is enough")
        found.append(assumption)
    return tuple(found)


def _is_start(word: AssumedWord) -> bool:
    return word.name.name == "in" and len(word.numbers) == 1


def _range(source: Source, first: AssumedWord, last: AssumedWord, most: int) -> Assumption:
    """in 0 to 9."""
    span = Span(first.span.start, last.span.end)
    bounds = [float(number) for number in (*first.numbers, *last.numbers[:1])]
    if len(bounds) != 2 or not all(map(float.is_integer, bounds)) or bounds[0] > bounds[1]:
        raise source.error("this is no range of whole numbers", span, help="write in 0 to 9")
    if bounds[1] - bounds[0] >= most:
        raise source.error(f"a range of more than {most:,} numbers", span, help="leave it out")
    numbers = tuple(float(n) for n in range(int(bounds[0]), int(bounds[1]) + 1))
    return Assumption("in", numbers, f"in {int(bounds[0])} to {int(bounds[1])}")


def _read(source: Source, name: Name, word: AssumedWord) -> Assumption:
    kind = KINDS.get(word.name.name)
    if kind is None:
        raise _unknown(source, name, word)
    fewest, largest = kind.counts
    if not fewest <= len(word.numbers) <= largest:
        form = {"in": "in {-1, 1}", "sum": "sum 1"}.get(word.name.name, word.name.name)
        what = "stands before its numbers" if largest else "takes no numbers"
        if len(word.numbers) > largest > 1:
            what = f"takes at most {largest:,} numbers"
        raise source.error(f'"{word.name.display}" {what}', word.span, help=f"write {form}")
    numbers = tuple(float(number) for number in word.numbers)
    if not np.isfinite(numbers).all():
        raise source.error("this number is too large for a double", word.span)
    listed = ", ".join(word.numbers)
    text = {"in": f"in {{{listed}}}", "sum": f"sum {listed}"}.get(word.name.name, word.name.name)
    return Assumption(word.name.name, numbers, text)


def _unknown(source: Source, name: Name, word: AssumedWord) -> LanguageError:
    near = nearest(word.name.name, KINDS)
    help = f"did you mean {near}?" if near else f"known are {_LISTED}; names need commas"
    shown, of = word.name.display[:40], name.display[:40]
    return source.error(f'"{shown}" is nothing that can be assumed of "{of}"', word.span, help=help)


def check_kept(
    source: Source, name: Name, shape: Shape, values: Array, assumed: Sequence[tuple[Assumption, Span]]
) -> None:
    """Refuse values that break what is assumed of them, and shapes that it cannot be said of.

    Parameters
    ----------
    source, name : for messages
    shape : of the input, without rows
    values : float64 array, (*shape) or (rows, *shape)
    assumed : each with its place in the text

    Raises
    ------
    LanguageError
        Names the first entry, vector or matrix that breaks it.
    """
    for assumption, span in assumed:
        kind = KINDS[assumption.kind]
        if not kind.takes(shape):
            given = f'"{name.display}" is {shape_in_words(shape)}'
            raise source.error(f'"{assumption.text}" is said of {kind.needs}, {given}', span)
        places = assumption.all_broken_by(values)
        if len(places):
            raise source.error(
                f'"{name.display}" is not {assumption.text}: {_tell(name, assumption, values, places)}', span,
                help=f"give values that are, or leave {assumption.text} out",
            )  # fmt: skip


_SHOWN = 5  # of the entries that break it


def _tell(name: Name, assumption: Assumption, values: Array, places: Array) -> str:
    """What is wrong at the first places; at one of a whole vector or matrix."""
    shown = places[: _SHOWN if assumption.kind in ("in", "positive") else 1]
    told = ", ".join(_told(name, assumption, values, tuple(int(k) for k in place)) for place in shown)
    more = len(places) - len(shown)
    return f"{told}, and {more:,} more" if more and len(shown) > 1 else told


def _told(name: Name, assumption: Assumption, values: Array, place: tuple[int, ...]) -> str:
    """What is wrong at a place."""
    where = f"{name.display}[{','.join(map(str, place))}]" if place else name.display
    found = values[place]
    if assumption.kind == "symmetric":
        turned = (*place[:-2], place[-1], place[-2])
        other = f"{name.display}[{','.join(map(str, turned))}]"
        return f"{where} is {float(found):.6g}, {other} is {float(values[turned]):.6g}"
    if assumption.kind == "sum":
        return f"the sum of {where} is {float(np.sum(found)):.10g}"
    if assumption.kind == "unit":
        return f"the norm of {where} is {float(np.sqrt(np.sum(found**2))):.10g}"
    if assumption.kind == "orthogonal":
        return f"{where}' @ {where} is not eye({found.shape[-1]})"
    if assumption.kind == "one_hot":
        return f"{where} is not a single 1 among zeros"
    return f"{where} is {float(found):.6g}"
