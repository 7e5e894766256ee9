"""Reads an array that records and an index. Gives the entries, or the array with others in their place.

An index of whole numbers and slices stays one; all others become whole-number data. Knows nothing of text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.tracing.known_functions import known_function
from gradcheck_cli.tracing.recorded_array import Recorded, fixed, node_of, plain
from gradcheck_cli.tracing.recording import Leak
from gradcheck_cli.tracing.traced_nodes import TracedNode, assemble, constant, sources

__all__ = ["entries", "put", "with_part"]


def entries(array: Recorded, key: Any) -> Any:
    """What array[key] is."""
    node, recording = array.node, array.recording
    leaks = _note_masks(array, key)
    bare = plain(key)
    value, mask = node.value[bare], node_of(key)
    if not np.size(value) and (mask is None or not mask.depends):
        return fixed(value, recording)  # nothing moves
    found = _entries(array, bare, value)
    if mask is not None and mask.shape == node.shape and type(found) is Recorded:
        recording.wholes[found.node] = (mask, node)
        for leak in leaks:
            recording.reads.setdefault(leak, []).append(found.node)
    return found


def _entries(array: Recorded, bare: Any, value: Any) -> Any:
    node, recording = array.node, array.recording
    if node.value.dtype.kind in "iu":
        return fixed(value, recording)
    places = np.arange(node.value.size).reshape(node.shape)[bare]
    place = recording.place()
    if not node.depends:
        part = _basic(bare, node.shape)
        is_kept = part is not None and (node.options.get("name") or _is_whole(part))
        found = _part_of(node, part, np.asarray(value), place) if part and is_kept else constant(value)
        return Recorded(found, recording)
    if node.operation == "assembled":
        nodes, which, where = sources(node)
        found = assemble(nodes, np.asarray(which[bare]), np.asarray(where[bare]), np.asarray(value), place)
        return Recorded(found, recording) if found.depends else Recorded(constant(value), recording)
    parts = _basic(bare, node.shape)
    if parts is not None:
        found = _part_of(node, parts, np.asarray(value), place)
    elif (pairs := _pairs(bare, node.shape)) is not None:
        found = TracedNode("pairs", (node,), np.asarray(value), {"numbers": pairs}, place)
    elif (along := _along_one_axis(bare, node.shape)) is not None:
        axis, numbers = along
        taken = np.take(node.value, numbers, axis)
        found = TracedNode("take", (node,), taken, {"axis": axis, "numbers": numbers}, place)
    else:
        flat = TracedNode("reshape", (node,), node.value.reshape(-1), {}, place)
        numbers = np.asarray(places).reshape(-1)
        found = TracedNode("take", (flat,), flat.value[numbers], {"axis": 0, "numbers": numbers}, place)
    if found.shape != np.shape(value):
        found = TracedNode("reshape", (found,), np.asarray(value), {}, place)
    return Recorded(found, recording)


def _part_of(
    node: TracedNode, parts: tuple[int | slice, ...], value: Array, place: str
) -> TracedNode:
    """A part of an array, in the shape that new axes of the index give it."""
    found = node
    if not _is_whole(parts):
        found = TracedNode("index", (node,), node.value[parts], {"parts": parts}, place)
    return found if found.shape == value.shape else TracedNode("reshape", (found,), value, {}, place)


def _is_whole(parts: tuple[int | slice, ...]) -> bool:
    """Whether an index takes all there is."""
    return all(part == slice(None) for part in parts)


def put(array: Recorded, key: Any, value: Any) -> TracedNode:
    """The node of the array after array[key] = value."""
    node, recording = array.node, array.recording
    place = recording.place()
    mask = node_of(key)
    given = node_of(value) or constant(np.asarray(plain(value), dtype=float))
    if given.depends and not node.depends and node.value.dtype.kind in "iu":
        raise recording.error(
            "an array of whole numbers cuts off what is written to it", "make it with dtype=float"
        )
    if mask is not None and mask.depends and mask.value.dtype == bool and mask.shape == node.shape:
        of_mask, entries_of_mask = recording.wholes.get(given, (None, given))
        is_read = of_mask is not None and recording.numbers.are_one(of_mask, mask)
        if is_read or given.value.size == 1:
            whole = entries_of_mask if is_read else given
            chosen = np.where(mask.value, whole.value, node.value)
            found = TracedNode("where", (mask, whole, node), chosen, {}, place)
            return known_function(found, recording.numbers)
    _note_masks(array, key)
    bare = plain(key)
    chosen = np.shape(node.value[bare])
    if np.broadcast_shapes(given.shape, chosen) != chosen:  # NumPy drops leading axes of length 1
        flat = given.value.reshape(chosen)
        given = TracedNode("reshape", (given,), flat, {}, place)
    order = np.arange(given.value.size).reshape(given.shape)
    return _with_entries(node, bare, given, ((given,), np.zeros_like(order), order), place)


def with_part(array: Recorded, reads: Sequence[Callable[[Any], Any]], part: TracedNode) -> TracedNode:
    """The node of an array after one of its views was written to.

    Parameters
    ----------
    array : as it was
    reads : give a view of an array, of that view the next one, and so on to the one that was written to
    part : what the view is now
    """
    node = array.node
    places: Any = np.arange(node.value.size).reshape(node.shape)
    for read in reads:
        places = read(places)
    key = np.unravel_index(places, node.shape)
    return _with_entries(node, key, part, sources(part), array.recording.place())


def _with_entries(
    node: TracedNode, key: Any, given: TracedNode, copied: tuple[Sequence[TracedNode], Array, Array],
    place: str,
) -> TracedNode:
    """An array with others in some places, which are copies of entries of `copied`."""
    after = np.array(node.value, dtype=float if given.depends else None)
    after[key] = given.value
    if not node.depends and not given.depends:
        return constant(after)
    nodes, which, where = sources(node)
    more, from_which, from_where = copied
    which, where = which.copy(), where.copy()
    which[key], where[key] = from_which + len(nodes), from_where
    return assemble((*nodes, *more), which, where, after, place)


def _note_masks(array: Recorded, key: Any) -> list[Leak]:
    """An index that moves with a parameter is the one of this point."""
    parts = [node_of(part) for part in (key if isinstance(key, tuple) else (key,))]
    moving = [node for node in parts if node is not None and node.depends]
    return [array.recording.leak("a mask" if node.value.dtype == bool else "an index") for node in moving]


def _basic(key: Any, shape: tuple[int, ...]) -> tuple[int | slice, ...] | None:
    """Whole numbers and slices without negative ones, one for each axis; None of any other index."""
    parts = _of_each_axis(key, shape)
    if parts is None:
        return None
    found: list[int | slice] = []
    for part, length in zip(parts, shape, strict=True):
        if isinstance(part, slice):
            first, end, step = part.indices(length)
            if step != 1 or end <= first:
                return None
            found.append(slice(None) if (first, end) == (0, length) else slice(first, end))
        elif isinstance(part, int | np.integer) and not isinstance(part, bool | np.bool_):
            found.append(int(part) % length)
        else:
            return None
    return tuple(found)


def _of_each_axis(key: Any, shape: tuple[int, ...]) -> list[Any] | None:
    """The parts of an index without `...` and new axes; None where an array stands for several axes."""
    parts = [part for part in (key if isinstance(key, tuple) else (key,)) if part is not None]
    if any(isinstance(part, np.ndarray) and part.dtype == bool and part.ndim > 1 for part in parts):
        return None
    dots = [k for k, part in enumerate(parts) if part is Ellipsis]
    missing = len(shape) - len(parts) + len(dots)
    if dots:
        parts[dots[0] : dots[0] + 1] = [slice(None)] * missing
    else:
        parts += [slice(None)] * missing
    return parts if len(parts) == len(shape) else None


def _pairs(key: Any, shape: tuple[int, ...]) -> tuple[Array, Array] | None:
    """The two lists of numbers of x[rows, columns], each of them not empty; None of any other index."""
    if len(shape) != 2 or not isinstance(key, tuple) or len(key) != 2:
        return None
    if any(isinstance(part, slice) or part is None or part is Ellipsis for part in key):
        return None
    rows, columns = map(np.asarray, key)
    if any(part.ndim != 1 or part.dtype.kind not in "iu" for part in (rows, columns)):
        return None
    return (rows % shape[0], columns % shape[1]) if rows.size == columns.size else None


def _along_one_axis(key: Any, shape: tuple[int, ...]) -> tuple[int, Array] | None:
    """The axis and the numbers of an index that takes all of the others; None of any other."""
    parts = _of_each_axis(key, shape)
    if parts is None:
        return None
    chosen = [k for k, part in enumerate(parts) if not (isinstance(part, slice) and part == slice(None))]
    if len(chosen) != 1:
        return None
    (axis,) = chosen
    numbers = np.arange(shape[axis])[parts[axis]]
    return (axis, numbers) if np.ndim(numbers) == 1 else None
