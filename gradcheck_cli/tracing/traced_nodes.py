"""Reads what a program asked of NumPy. Gives it as nodes: an operation, its arguments, its value, its line.

Knows nothing of arrays that record, and nothing of the language of model files.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.numerics.array_types import Array

__all__ = [
    "TraceError", "TracedNode", "above", "assemble", "constant", "rows_of", "sources", "too_many_numbers",
]  # fmt: skip


_NUMBERS = itertools.count()


class TraceError(GradcheckError):
    """The program does something that no model says."""


def too_many_numbers(count: int) -> TraceError:
    """What is said of an array that the text of a model would not hold."""
    return TraceError(
        f"an array of {count:,} numbers is too long for the text of a model",
        help="trace the function at a smaller point: the model has the same steps",
    )


@dataclass(frozen=True, eq=False)
class TracedNode:
    """A value that a program computed.

    `operation` is "param", "data", "assembled", an operator, or a function of model files; `options` are what
    it takes beside its arguments. `depends` says whether the value moves with a parameter.
    """

    operation: str
    arguments: tuple[TracedNode, ...]
    value: Array
    options: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""  # in the program, as FILE.py:14
    depends: bool = field(init=False)
    number: int = field(init=False)  # in the order in which values were computed

    def __post_init__(self) -> None:
        moves = self.operation == "param" or any(a.depends for a in self.arguments)
        object.__setattr__(self, "depends", moves)
        object.__setattr__(self, "number", next(_NUMBERS))

    @property
    def is_leaf(self) -> bool:
        """Whether nothing was computed."""
        return not self.arguments

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its value."""
        return self.value.shape


def constant(value: Any, name: str = "") -> TracedNode:
    """A value that moves with no parameter."""
    return TracedNode("data", (), np.asarray(value), {"name": name} if name else {})


def above(node: TracedNode) -> Iterator[TracedNode]:
    """A node and all nodes that its value needs, arguments first, each once."""
    seen: set[TracedNode] = set()
    waiting = [(node, False)]
    while waiting:
        found, is_ready = waiting.pop()
        if is_ready:
            yield found
        elif found not in seen:
            seen.add(found)
            waiting.append((found, True))
            waiting.extend((argument, False) for argument in reversed(found.arguments))


def sources(node: TracedNode) -> tuple[tuple[TracedNode, ...], Array, Array]:
    """What the entries of an array are copies of.

    Parameters
    ----------
    node : of the operation "assembled", or any other, which is its own source

    Returns
    -------
    nodes
        The sources.
    which : int array of the shape of the node
        The place of each entry's source among the nodes.
    where : int array of the same shape
        The place of the entry in its source, counted in reading order.
    """
    if node.operation == "assembled":
        return node.arguments, node.options["which"], node.options["where"]
    size = node.value.size
    return (node,), np.zeros(node.shape, dtype=int), np.arange(size).reshape(node.shape)


def assemble(
    nodes: Sequence[TracedNode], which: Array, where: Array, value: Array, place: str
) -> TracedNode:
    """An array whose entries are copies of entries of others.

    Parameters
    ----------
    nodes, which, where : as `sources` gives them
    value : array of the same shape
    place : in the program

    Returns
    -------
    TracedNode
        The source itself, where all entries are those of one in their order.
    """
    used = np.unique(which)
    kept = tuple(nodes[int(k)] for k in used)
    which = np.searchsorted(used, which)
    in_order = np.array_equal(where.reshape(-1), np.arange(kept[0].value.size)) if len(kept) == 1 else False
    if in_order and kept[0].shape == where.shape:
        return kept[0]
    return TracedNode("assembled", kept, value, {"which": which, "where": where}, place)


def rows_of(node: TracedNode) -> list[TracedNode | None]:
    """For each entry along the first axis of an assembled array, the node that it is, or None."""
    nodes, which, where = sources(node)
    found: list[TracedNode | None] = []
    for k in range(len(node.value) if node.shape else 0):
        row = nodes[int(which[k].reshape(-1)[0])] if which[k].size else None
        is_one = row is not None and row.shape == np.shape(which[k]) and np.unique(which[k]).size == 1
        in_order = is_one and np.array_equal(where[k].reshape(-1), np.arange(where[k].size))
        found.append(row if in_order else None)
    return found
