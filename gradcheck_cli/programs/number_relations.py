"""Reads gradients of a program at several points. Gives how they relate to the true ones: by a factor, by the
order of what is flat, by another parameter's. Knows nothing of the steps between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice, permutations

import numpy as np

from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array, Mask
from gradcheck_cli.programs.observations import Observed, Sample
from gradcheck_cli.results import index_patterns
from gradcheck_cli.verdicts.diagnosis.chain_rule_slips import CONSTANTS

__all__ = ["relate", "relate_difference"]

Make = Callable[[Sample], Array]


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


def _relations(seen: Observed, name: str) -> Iterator[tuple[Make, str]]:
    for factor, text in _factors(seen.model):
        yield partial(_times, name, factor), text
    true = seen.samples[0].true[name]
    if true.ndim == 2 and true.shape[0] == true.shape[1]:
        yield partial(_transposed, name), "is transposed"
    for axis in range(true.ndim):
        if true.shape[axis] > 1:
            yield partial(_reversed, name, axis), f"is in reverse along axis {axis}"
    for other, value in seen.samples[0].true.items():
        if other != name and value.size == true.size:
            yield partial(_of_other, other, true.shape), f"is d loss/d {other}"
    yield from _of_flat(seen.model, name, true, seen.limits.most_blocks)
    some = _wrong_entries(seen, name)
    if some.any() and not some.all():
        where = index_patterns.words(some, seen.model.display(name))
        for factor, text in _factors(seen.model):
            yield partial(_times_in, name, factor, some), f"{text}, in {where}"


def _times(name: str, factor: float, sample: Sample) -> Array:
    return factor * sample.true[name]


def _times_in(name: str, factor: float, some: Mask, sample: Sample) -> Array:
    return np.where(some, factor * sample.true[name], sample.true[name])


def _wrong_entries(seen: Observed, name: str) -> Mask:
    """Those that are wrong at the given point."""
    sample = seen.samples[0]
    true, claimed = sample.true[name], np.asarray(sample.claimed[name], dtype=float)
    if claimed.size != true.size:
        return np.zeros(true.shape, dtype=bool)
    apart = np.abs(claimed.reshape(true.shape) - true)
    return np.asarray(apart > seen.limits.apart * np.max(np.abs(true), initial=0.0))


def relate_difference(seen: Observed, name: str) -> str | None:
    """The multiple of the parameter itself that a gradient has too much, or lacks, as of a penalty.

    Parameters
    ----------
    seen : at several points
    name : of the parameter

    Returns
    -------
    str or None
    """
    first, some = seen.samples[0], _wrong_entries(seen, name)
    value = np.asarray(first.tape.value(name), dtype=float)
    if not some.any() or not np.all(value[some]):
        return None
    apart = np.asarray(first.claimed[name], dtype=float).reshape(value.shape) - first.true[name]
    factor = float(np.sum(apart[some] * value[some]) / np.sum(value[some] ** 2))
    if not seen.are_made([name], [{name: _with_share(name, factor, some, s)} for s in seen.samples]):
        return None
    kind = "adds" if factor > 0 else "leaves out"
    where = index_patterns.words(some, seen.model.display(name))
    return f"{kind} {abs(factor):.6g}*{seen.model.display(name)}, in {where}: a penalty?"


def _with_share(name: str, factor: float, some: Mask, sample: Sample) -> Array:
    value = np.asarray(sample.tape.value(name), dtype=float)
    return sample.true[name] + np.where(some, factor * value, 0.0)


def _transposed(name: str, sample: Sample) -> Array:
    return sample.true[name].T


def _reversed(name: str, axis: int, sample: Sample) -> Array:
    return np.flip(sample.true[name], axis)


def _of_other(other: str, shape: tuple[int, ...], sample: Sample) -> Array:
    return sample.true[other].reshape(shape)


def _factors(model: Model) -> Iterator[tuple[float, str]]:
    yield -1.0, "has the wrong sign"
    for factor, text in CONSTANTS:
        yield factor, f"is {text} times the true value"
    yield from _lengths(model)


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


def _of_flat(model: Model, name: str, true: Array, most: int) -> Iterator[tuple[Make, str]]:
    """The blocks of a flat vector in another order, or their entries, or one of them by a factor."""
    blocks = _blocks(model, name, true)
    if not blocks or true.ndim != 1:
        return
    shaped = [block for block in blocks if len(block[2]) > 1 and min(block[2]) > 1]
    for chosen in (shaped, *([block] for block in shaped if len(shaped) > 1)):
        if chosen:
            where = " and ".join(_spell(name, block) for block in chosen)
            said = f"has {where} in column order (Fortran), where the loss reads it by rows"
            yield partial(_by_columns, name, chosen), said
    parts = _whole(blocks, len(true))
    if 2 <= len(parts) <= most:
        for order in islice(permutations(parts), 1, None):
            names = ", ".join(_spell(name, part) for part in order)
            yield partial(_in_order, name, order), f"has its blocks in another order: {names}"
    for block in parts:
        for factor, text in _factors(model):
            said = f"is right but for {_spell(name, block)}, which {text}"
            yield partial(_scaled, name, block, factor), said


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


def _by_columns(name: str, blocks: Sequence[Block], sample: Sample) -> Array:
    found = sample.true[name].copy()
    for start, stop, shape in blocks:
        found[start:stop] = found[start:stop].reshape(shape).ravel(order="F")
    return found


def _in_order(name: str, blocks: Sequence[Block], sample: Sample) -> Array:
    return np.concatenate([sample.true[name][start:stop] for start, stop, _ in blocks])


def _scaled(name: str, block: Block, factor: float, sample: Sample) -> Array:
    found = sample.true[name].copy()
    found[block[0] : block[1]] *= factor
    return found


def _spell(name: str, block: Block) -> str:
    return f"{name}[{block[0]}:{block[1]}]"
