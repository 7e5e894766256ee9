"""Reads gradients of a program at several points. Gives how they relate to the true ones: by a factor, by the
order of what is flat, by another parameter's. Knows nothing of the steps between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import numpy as np

from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.programs.observations import Observed, Sample

__all__ = ["relate"]

_FACTORS = ((-1.0, "has the wrong sign"), (2.0, "is 2 times the true value"), (0.5, "is half the true value"),
            (-2.0, "is -2 times the true value"), (4.0, "is 4 times the true value"))  # fmt: skip


def relate(seen: Observed, name: str) -> str | None:
    """The first relation that makes the numbers of a parameter at every point.

    Parameters
    ----------
    seen : at several points: at one alone a factor may be chance
    name : of the parameter

    Returns
    -------
    str or None
    """
    for make, text in _relations(seen, name):
        if seen.are_made([name], [{name: make(sample)} for sample in seen.samples]):
            return text
    return None


def _relations(seen: Observed, name: str) -> Iterator[tuple[Callable[[Sample], Any], str]]:
    for factor, text in (*_FACTORS, *_lengths(seen.model)):
        yield (lambda s, f=factor: f * s.true[name]), text
    true = seen.samples[0].true[name]
    if true.ndim == 2 and true.shape[0] == true.shape[1]:
        yield (lambda s: s.true[name].T), "is transposed"
    for axis in range(true.ndim):
        if true.shape[axis] > 1:
            yield (lambda s, k=axis: np.flip(s.true[name], k)), f"is in reverse along axis {axis}"
    for other in seen.samples[0].true:
        if other != name and seen.samples[0].true[other].size == true.size:
            said = f"is d loss/d {other}: are the two exchanged?"
            yield (lambda s, o=other: s.true[o].reshape(true.shape)), said
    yield from _of_flat(seen.model, name, true)


def _lengths(model: Model) -> Iterator[tuple[float, str]]:
    """The lengths of axes, and numbers of entries, as factors."""
    known: dict[int, str] = {}
    for item in model.inputs.values():
        for axis, length in enumerate(item.shape):
            where = f"axis {axis} of {item.display}" if len(item.shape) > 1 else item.display
            known.setdefault(length, f"the length of {where}")
    for item in model.inputs.values():
        count = int(np.prod(item.shape))
        known.setdefault(count, f"the number of entries of {item.display}")
    for length, meaning in known.items():
        if length > 1:
            yield float(length), f"is {length:,} times the true value: {meaning}"
            yield 1.0 / length, f"is 1/{length:,} of the true value: 1 over {meaning}"


# --- flat vectors -------------------------------------------------------------------------------


def _of_flat(model: Model, name: str, true: Array) -> Iterator[tuple[Callable[[Sample], Any], str]]:
    """The blocks of a flat vector in another order, or their entries, or one of them by a factor."""
    blocks = _blocks(model, name, true)
    if not blocks or true.ndim != 1:
        return
    shaped = [block for block in blocks if len(block[2]) > 1 and min(block[2]) > 1]
    for chosen in (shaped, *([block] for block in shaped if len(shaped) > 1)):
        if chosen:
            where = " and ".join(_spell(name, block) for block in chosen)
            yield (lambda s, c=chosen: _by_columns(s.true[name], c)), (
                f"has {where} in column order (Fortran), where the loss reads it by rows")
    parts = _whole(blocks, len(true))
    if 2 <= len(parts) <= 5:
        for order in permutations(range(len(parts))):
            if list(order) != sorted(order):
                names = ", ".join(_spell(name, parts[k]) for k in order)
                yield (lambda s, o=order: np.concatenate([s.true[name][slice(*parts[k][:2])] for k in o])), (
                    f"has its blocks in another order: {names}")
    for block in parts:
        for factor, text in (*_FACTORS, *_lengths(model)):
            yield (lambda s, b=block, f=factor: _scaled(s.true[name], b, f)), (
                f"is right but for {_spell(name, block)}, which {text}")


Block = tuple[int, int, tuple[int, ...]]


def _blocks(model: Model, name: str, true: Array) -> list[Block]:
    """The slices that the model takes of a vector, and the shapes that it gives them."""
    graph, index = model.graph, model.node(name).index
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    users = [node for node in graph.nodes if index in node.arguments]
    for node in users:
        key = node.options.get("key")
        part = key[0] if isinstance(key, tuple) and len(key) == 1 else key
        if node.operation == "index" and isinstance(part, slice | range):
            numbers = range(len(true))[part] if isinstance(part, slice) else part
            ends = numbers.start, numbers.stop
            later = [n for n in graph.nodes if node.index in n.arguments and n.operation == "reshape"]
            found[ends] = later[0].shape if later else node.shape
    if not found and (whole := [n for n in users if n.operation == "reshape"]):
        found[0, len(true)] = whole[0].shape
    return [(start, stop, shape) for (start, stop), shape in sorted(found.items())]


def _whole(blocks: list[Block], length: int) -> list[Block]:
    """The blocks, if they are the whole vector, one after the other."""
    ends = [0, *(stop for _, stop, _ in blocks)]
    whole = ends[-1] == length and all(b[0] == end for b, end in zip(blocks, ends, strict=False))
    return blocks if whole else []


def _by_columns(vector: Array, blocks: list[Block]) -> Array:
    found = vector.copy()
    for start, stop, shape in blocks:
        found[start:stop] = vector[start:stop].reshape(shape).ravel(order="F")
    return found


def _scaled(vector: Array, block: Block, factor: float) -> Array:
    found = vector.copy()
    found[block[0] : block[1]] *= factor
    return found


def _spell(name: str, block: Block) -> str:
    return f"{name}[{block[0]}:{block[1]}]"
