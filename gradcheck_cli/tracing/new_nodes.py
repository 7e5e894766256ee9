"""Reads values that a program computed. Gives them as arrays that record, with a node for each.

Knows nothing of the functions of NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck_cli.tracing.known_functions import known_function
from gradcheck_cli.tracing.recorded_array import Recorded, node_of, plain
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.traced_nodes import TracedNode, constant

OPERATIONS = ("+", "-", "*", "/", ">", "<", ">=", "<=")

__all__ = ["join", "moves", "of_masked", "record", "recorded"]


def record(
    recording: Recording, operation: str, arguments: Sequence[Any], value: Any, **options: Any
) -> Recorded:
    """A node for a value; a constant where none of its arguments moves."""
    nodes = tuple(node_of(a) or _constant(recording, a) for a in arguments)
    if not any(node.depends for node in nodes) and not (operation == "reshape" and _is_row(nodes[0], value)):
        return Recorded(constant(value), recording)
    if operation in OPERATIONS and len(nodes) == 2:
        _note_growth(recording, nodes, np.shape(value))
    if operation == "reshape" and nodes[0].operation == "reshape":
        nodes = nodes[0].arguments  # of another shape of the same entries
        if nodes[0].shape == np.shape(value):
            return Recorded(nodes[0], recording)
    if operation == nodes[0].operation == "transpose":
        first, then = nodes[0].options["axes"], options["axes"]
        if all(first[k] == place for place, k in enumerate(then)):  # turned back
            return Recorded(nodes[0].arguments[0], recording)
    if operation == "reshape" and (factors := _of_row(nodes[0], np.shape(value))):
        operation, nodes, options = "@", factors, {}
    recording.count()
    found = TracedNode(operation, nodes, np.asarray(value), options, recording.place())
    return Recorded(known_function(found, recording.numbers), recording)


def _is_row(node: TracedNode, value: Any) -> bool:
    """Whether a value is a vector as one row: what frameworks make of it before a product."""
    return node.value.ndim == 1 and np.shape(value) == (1, node.value.size)


def _of_row(node: TracedNode, shape: tuple[int, ...]) -> tuple[TracedNode, ...]:
    """The factors of a vector that was computed as the only row of a product."""
    if node.operation != "@" or node.shape != (1, *shape):
        return ()
    row, matrix = node.arguments
    if matrix.value.ndim != 2:
        return ()
    if row.operation == "data":
        vector = constant(row.value[0])
    elif row.operation == "reshape" and _is_row(row.arguments[0], row.value):
        (vector,) = row.arguments
    else:
        return ()
    return TracedNode("transpose", (matrix,), matrix.value.T, {}, node.place), vector


def _constant(recording: Recording, value: Any) -> TracedNode:
    if np.iscomplexobj(value):
        raise recording.error("arithmetic with complex numbers is not traced", "write it with two real ones")
    return constant(np.asarray(value, dtype=float))


def _note_growth(recording: Recording, nodes: Sequence[TracedNode], shape: tuple[int, ...]) -> None:
    """A vector beside a column of one length is seldom meant: labels [n] less predictions [n,1]."""
    a, b = (node.shape for node in nodes)
    if len(a) != len(b) and shape not in (a, b) and nodes[0].value.size == nodes[1].value.size:
        said = f"the shapes {list(a)} and {list(b)} were joined to {list(shape)}"
        recording.note(said)


def moves(value: Any) -> bool:
    """Whether a value, or one in a list, moves with a parameter."""
    if type(value) is Recorded:
        return value.node.depends
    return isinstance(value, list | tuple) and any(map(moves, value))


def recorded(recording: Recording, value: Any) -> Any:
    """What records, of an array or nested lists of numbers."""
    if type(value) is Recorded:
        return value
    if isinstance(value, list | tuple) and any(map(moves, value)):
        return join(recording, value)
    return Recorded(constant(np.asarray(plain(value), dtype=float)), recording)


def join(recording: Recording, parts: Any, axis: int = 0) -> Any:
    """Arrays of one shape, or nested lists of numbers, along a new axis."""
    parts = [recorded(recording, part) for part in parts]
    value = np.stack([plain(part) for part in parts], axis)
    if len(parts) == 1:
        return record(recording, "reshape", parts, value)
    return record(recording, "stack", parts, value, axis=axis % value.ndim)


def of_masked(recording: Recording, x: Any) -> tuple[Any, Any] | None:
    """Of what was read by a mask: the mask, and the whole array with 0 where it does not hold.

    Parameters
    ----------
    recording : of the program
    x : what records

    Returns
    -------
    mask, whole : what records
        None, if x is something else, or the whole is not finite.
    """
    mask, whole = recording.wholes.get(x.node, (None, None))
    if mask is None or whole is None or not mask.depends or not np.isfinite(whole.value).all():
        return None
    value = np.where(mask.value, whole.value, 0.0)
    return Recorded(mask, recording), record(
        recording, "where", [Recorded(mask, recording), Recorded(whole, recording), 0.0], value
    )
