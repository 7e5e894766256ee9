"""Reads nodes that choose entries by whole numbers, with the formula of their adjoint. Gives that of
the array.

What was chosen twice is added twice: products with one-hot rows say so. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from string import ascii_lowercase
from typing import Any

from gradcheck_cli.formulas.array_algebra import Algebra
from gradcheck_cli.model.graph import Node, spell_part
from gradcheck_cli.model.primitives.record import Shape

__all__ = ["CHOICES", "choice", "choice_back"]

CHOICES = ("take", "take_pairs")


def choice(algebra: Algebra, node: Node, given: Sequence[int]) -> int:
    """The formula of what is chosen: p[y]."""
    key = tuple(None if part is None else spell_part(part) for part in node.options["key"])
    return algebra.make("take", given, key, node.shape)


def choice_back(algebra: Algebra, node: Node, adjoint: int, given: Sequence[int], shape: Shape) -> int:
    """The adjoint of the array; `shape`: its own."""
    key = node.options["key"]
    along = len(node.shape) - sum(isinstance(part, slice) for part in key)
    if len(shape) > 2 or along > 1:
        return _of_many_axes(algebra, key, algebra.fit(adjoint, node.shape), given[1:], shape)
    waiting = iter(given[1:])
    chosen = [_rows(algebra, part, n, waiting, bool(along)) for part, n in zip(key, shape, strict=True)]
    adjoint = algebra.fit(adjoint, node.shape)
    return _along_one(algebra, chosen, adjoint) if along else _of_one(algebra, chosen, adjoint)


def _of_many_axes(
    algebra: Algebra, key: tuple[Any, ...], adjoint: int, chosen: Sequence[int], shape: Shape
) -> int:
    """Of the first axis alone, as one-hot rows times a matrix; else as the einsum with all one-hot rows."""
    if key[0] is None and all(isinstance(part, slice) for part in key[1:]):
        count = prod(algebra.shape(chosen[0]))
        y = algebra.reshape(chosen[0], (count,)) if len(algebra.shape(chosen[0])) != 1 else chosen[0]
        rows = algebra.call("one_hot", y, algebra.number(shape[0]), shape=(count, shape[0]))
        rest = prod(shape[1:])
        whole = algebra.matmul(algebra.transpose(rows), algebra.reshape(adjoint, (count, rest)))
        return algebra.reshape(whole, shape)
    return _by_letters(algebra, key, adjoint, chosen, shape)


def _by_letters(
    algebra: Algebra, key: tuple[Any, ...], adjoint: int, chosen: Sequence[int], shape: Shape
) -> int:
    """The einsum of the adjoint with one-hot rows for each axis that is chosen from."""
    own = ascii_lowercase[: len(shape)]
    along = len(algebra.shape(adjoint)) - sum(isinstance(part, slice) for part in key)
    shared = ascii_lowercase[len(shape) : len(shape) + along]
    waiting, factors, given = iter(chosen), [], ""
    for letter, part, size in zip(own, key, shape, strict=True):
        rows = _rows(algebra, part, size, waiting, bool(along))
        if rows is None:
            given += letter
            continue
        before = "" if len(algebra.shape(rows)) == 1 else shared
        factors.append((before + letter, rows))
        if shared not in given:
            given += shared
    found = (given, adjoint)
    while factors:
        taken, factors = factors[:2], factors[2:]
        later = own + "".join(letters for letters, _ in factors)
        there = "".join(letters for letters, _ in (found, *taken))
        letters = own if not factors else "".join(c for c in dict.fromkeys(there) if c in later)
        found = (letters, _einsum(algebra, [found, *taken], letters))
    return found[1]


def _einsum(algebra: Algebra, operands: Sequence[tuple[str, int]], out: str) -> int:
    sizes = {c: n for letters, e in operands for c, n in zip(letters, algebra.shape(e), strict=True)}
    pattern = algebra.make("text", (), f"{','.join(letters for letters, _ in operands)}->{out}")
    return algebra.call("einsum", pattern, *(e for _, e in operands), shape=tuple(sizes[c] for c in out))


def _rows(algebra: Algebra, part: Any, size: int, waiting: Iterator[int], along: bool) -> int | None:
    """The one-hot rows of what is chosen along an axis, or the one-hot vector; None for the whole axis."""
    if isinstance(part, slice):
        return None
    if part is None:
        y = next(waiting)
        return algebra.call("one_hot", y, algebra.number(size), shape=(*algebra.shape(y), size))
    if isinstance(part, range):
        rows = (slice(part.start, part.stop), slice(None))
        return algebra.eye(size) if part == range(size) else algebra.index(algebra.eye(size), rows)
    return algebra.index(algebra.eye(size), (part, slice(None)))


def _of_one(algebra: Algebra, chosen: Sequence[int | None], adjoint: int) -> int:
    """One number for each index: a number, a row or a column was taken."""
    first, *rest = chosen
    if not rest:
        return algebra.times(adjoint, first or algebra.one)
    second = rest[0]
    if first is not None and second is not None:
        return algebra.times(adjoint, _outer(algebra, first, second))
    if first is not None:
        return _outer(algebra, first, adjoint)
    return _outer(algebra, adjoint, second or algebra.one)


def _outer(algebra: Algebra, a: int, b: int) -> int:
    shape = (*algebra.shape(a), *algebra.shape(b))
    return algebra.make("matmul", (a, algebra.transpose(b)), None, shape)


def _along_one(algebra: Algebra, chosen: Sequence[int | None], adjoint: int) -> int:
    """A vector of numbers chooses: each entry or row that was taken goes back to its place."""
    first, *rest = chosen
    if not rest:
        return algebra.matmul(algebra.transpose(first or algebra.one), adjoint)
    second = rest[0]
    if second is None:
        return algebra.matmul(algebra.transpose(first or algebra.one), adjoint)
    if first is None:
        return algebra.matmul(adjoint, second)
    n = algebra.shape(adjoint)[0]
    weights = algebra.call("diag", adjoint, shape=(n, n))
    if len(algebra.shape(first)) == 1:
        return _outer(algebra, first, algebra.matmul(algebra.transpose(second), adjoint))
    if len(algebra.shape(second)) == 1:
        return _outer(algebra, algebra.matmul(algebra.transpose(first), adjoint), second)
    left = weights if _is_eye(algebra, first) else algebra.matmul(algebra.transpose(first), weights)
    return left if _is_eye(algebra, second) else algebra.matmul(left, second)


def _is_eye(algebra: Algebra, e: int) -> bool:
    form = algebra.forms[e]
    return form.operation == "call" and form.data[0] == "eye"
