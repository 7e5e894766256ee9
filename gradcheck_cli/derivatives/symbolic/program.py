"""Reads a Model. Gives the Program: what each step is made of, cut into kernels of bounded size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gradcheck_cli.derivatives.symbolic.kernels import Kernel, KernelKey, kernel
from gradcheck_cli.derivatives.symbolic.matrix_recording import MatrixRecorder
from gradcheck_cli.derivatives.symbolic.recording import CONSTANT, WHOLE, Handle, Item, Recorder
from gradcheck_cli.derivatives.symbolic.sympy_names import ENTRYWISE
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.symbolic import DEFAULTS, SymbolicLimits

__all__ = ["Applied", "Program", "lower", "unseen"]



# ---------------------------------------------------------------------------------------------
# The program
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Applied:
    """A kernel with the items in its slots."""

    kernel: Kernel
    slots: tuple[int, ...]


@dataclass
class Program:
    """A model lowered for SymPy. `of_node` finds the item of a model's node."""

    model: Model
    items: list[Item]
    of_node: list[int]
    limits: SymbolicLimits = DEFAULTS
    kernels: dict[int, Applied] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)

    @cached_property
    def whole(self) -> dict[int, list[bool]]:
        """The nodes of det, inv and their kin that are taken whole, each with what it is computed from."""
        found = sorted({item.source for item in self.items if item.operation in WHOLE})
        return {node: self.model.graph.upstream([node]) for node in found}

    def stage(self, item: Item) -> int:
        """0: shared, before the rows; 1: per row, and the sums over rows; 2: made from those sums."""
        if item.per_row or item.operation == "over_rows":
            return 1
        return 2 if item.reduced else 0

    def operands(self, item: Item) -> tuple[int, ...]:
        """The items that an item is computed from."""
        applied = self.kernels.get(item.index)
        return tuple(item.arguments) if applied is None else applied.slots

    @cached_property
    def spent(self) -> Mapping[int, list[int]]:
        """Of each item those that nothing takes after it. What a later stage takes is never spent."""
        last: dict[int, int] = {}
        for stage in range(3):
            for item in (self.items[i] for i in self.order if self.stage(self.items[i]) == stage):
                last.update(dict.fromkeys(self.operands(item), item.index))
        found: dict[int, list[int]] = {}
        for index, user in last.items():
            if self.stage(self.items[index]) == self.stage(self.items[user]):
                found.setdefault(user, []).append(index)
        return found


def lower(model: Model, *, apart: bool = False, limits: SymbolicLimits = DEFAULTS) -> Program:
    """Record what every node is made of, and cut the formulas into kernels.

    `apart`: every operation of the author is a kernel of its own, every argument a slot of its own,
    so that SymPy simplifies nothing across them: x - x then has the partials 1 and -1. Matrices
    are inverted whole, as the author's program does it.
    """
    recorder = MatrixRecorder(limits, by_minors=0 if apart else limits.largest_matrix)
    handles: list[Handle] = []
    for node in model.graph.nodes:
        recorder.source = node.index
        arguments = [handles[a] for a in node.arguments]
        if apart:
            arguments = [recorder.copy(h) if h in arguments[:k] else h for k, h in enumerate(arguments)]
        handles.append(_lower_node(node, recorder, arguments))
    ends = range(len(handles)) if apart else model.graph.names.values()
    named = {handles[index].index for index in ends}
    program = Program(model, recorder.items, [h.index for h in handles], limits)
    _cut(program, named)
    return program


def _lower_node(node: Node, recorder: Recorder, arguments: Sequence[Handle]) -> Handle:
    if node.is_literal:
        return recorder.add("pi", (), (), node.value) if node.is_pi else recorder.decimal(node.text)
    if node.is_leaf:
        handle = recorder.add("leaf", (), node.shape, node.key)
        item = handle.item
        recorder.items[item.index] = Item(
            item.index, "leaf", (), node.shape, node.per_row, False, node.key, node.index
        )
        return handle
    found: Handle = node.primitive.symbolic(recorder, *arguments, **node.options)
    own = all(found.index != argument.index for argument in arguments)
    return found if own else recorder.copy(found)  # cumsum of one entry: a step is no other step


def _cut(program: Program, named: set[int]) -> None:
    """Decide where kernels end: at steps, before structural items, and where they grow too large."""
    items = program.items
    ends = set(named)
    for item in items:
        if item.operation not in ENTRYWISE:
            ends.update(item.arguments)
    size, depth = [0] * len(items), [0] * len(items)
    for item in items:
        if item.operation not in ENTRYWISE:
            continue
        inner = [a for a in item.arguments if a not in ends and items[a].operation in ENTRYWISE]
        while inner and (
            sum(size[a] for a in inner) >= program.limits.most_operations
            or max(depth[a] for a in inner) >= program.limits.deepest
        ):
            largest = max(inner, key=lambda a: (size[a], depth[a]))
            ends.add(largest)
            inner = [a for a in inner if a != largest]
        size[item.index] = 1 + sum(size[a] for a in inner)
        depth[item.index] = 1 + max((depth[a] for a in inner), default=0)
    for item in items:
        if item.operation not in ENTRYWISE:
            program.order.append(item.index)
        elif item.index in ends:
            key, slots = _kernel_key(items, item, ends)
            program.kernels[item.index] = Applied(kernel(key), slots)
            program.order.append(item.index)


def _kernel_key(
    items: Sequence[Item], end: Item, ends: set[int]
) -> tuple[KernelKey, tuple[int, ...]]:
    """The formula that ends at an item, in postfix, over slots in order of appearance."""
    entries: list[tuple[Any, ...]] = []
    places: dict[int, int] = {}
    slots: list[int] = []
    todo = [end.index]
    while todo:
        index = todo[-1]
        item = items[index]
        if index in places:
            todo.pop()
            continue
        inside = item.operation in ENTRYWISE and (index == end.index or index not in ends)
        waiting = [a for a in item.arguments if a not in places] if inside else []
        if waiting:
            todo.extend(reversed(waiting))
            continue
        todo.pop()
        places[index] = len(entries)
        if inside:
            entries.append((item.operation, item.data, tuple(places[a] for a in item.arguments)))
        elif item.operation == "integer":
            entries.append(("integer", item.data))
        else:
            slots.append(index)
            entries.append(("slot", item.operation not in CONSTANT))
    return tuple(entries), tuple(slots)


def unseen(program: Program, of: str, by: str | None = None) -> list[Node]:
    """The det and inv that `of` depends on, by way of `by` if it is given, whose matrices are too large
    for minors: SymPy does not see into them, and a derivative that passes through them is nan."""
    graph = program.model.graph
    if not program.whole:
        return []
    needed, own = graph.upstream([graph.names[of]]), None if by is None else graph.names[by]
    passed = (n for n, above in program.whole.items() if needed[n] and (own is None or above[own]))
    return [graph.nodes[n] for n in passed if n != own]
