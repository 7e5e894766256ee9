"""Reads a lowered Program, a point and a namespace. Gives the values of its items, and who takes them.

In float64 the values are those of the author's own operations, each with its rounding where the namespace
jitters. Knows nothing of derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping
from types import MappingProxyType
from typing import TypeGuard

import numpy as np

from gradcheck_cli.derivatives.symbolic.interpreter import Run
from gradcheck_cli.derivatives.symbolic.program import Program
from gradcheck_cli.derivatives.symbolic.recording import WHOLE, Item
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import Float64
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.multiprecision import High
from gradcheck_cli.numerics.namespace import Namespace
from gradcheck_cli.reference.jittered_arithmetic import Jittered, read, round_randomly
from gradcheck_cli.reference.operation_errors import local_errors
from gradcheck_cli.reference.stochastic_rounding import jittered_pass

__all__ = ["Pass", "Users", "count_over_rows", "is_float64", "work_of"]

_LIMITS = ReferenceLimits()
_NO_OVERRIDES: Mapping[int, Array] = MappingProxyType({})
_EXACT = (
    *("copy", "expand", "transpose", "index", "stack", "compare", "select", "largest"),
    *("diagonal", "on_diagonal", "concat", "gather", "reshape", "permute", "take", "one_hot"),
    *("lower", "sorted"),
)


def _values(
    program: Program, point: Mapping[str, Array], m: Namespace, limits: ReferenceLimits,
    overrides: Mapping[int, Array],
) -> dict[int, Array]:
    """The values of all items, all rows at once; in float64 those of the author's operations. Items that are
    `overrides` have the values given, and what is made of them follows."""
    run = Run(program, point, m)
    written = _values_of_items(program, point, m, limits) if is_float64(m) and not overrides else overrides
    values: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for index in program.order:
            item = program.items[index]
            if index in written:
                values[index] = written[index]
                continue
            value = run.value(item, values, slice(None))
            if item.operation == "constant":
                values[index] = read(m, value)
                continue
            rounds = (item.arguments and item.operation not in _EXACT) or item.operation == "pi"
            values[index] = round_randomly(m, value) if rounds else value
    return values


def is_float64(m: Namespace) -> TypeGuard[Float64]:
    """Whether numbers are doubles, jittered or not."""
    return isinstance(m, Float64) and not isinstance(m, High)


def _values_of_items(
    program: Program, point: Mapping[str, Array], m: Float64, limits: ReferenceLimits
) -> dict[int, Array]:
    """The values of `jittered_pass` by the items of the nodes."""
    narrow = isinstance(m, Jittered) and m.narrow
    errors = local_errors(program.model, point, limits) if isinstance(m, Jittered) and not narrow else None
    values = jittered_pass(program.model, point, m, errors)
    return {program.of_node[node.index]: values[node.index] for node in program.model.graph.nodes}


class Users:
    """Who takes what in a program, and what it costs to ask them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.place = {index: k for k, index in enumerate(program.order)}
        self._of: dict[int, list[tuple[int, int]]] = {item.index: [] for item in program.items}
        for index in reversed(program.order):
            applied = program.kernels.get(index)
            taken = program.items[index].arguments if applied is None else applied.slots
            for place, argument in enumerate(taken):
                self._of[argument].append((index, place))

    def of(self, index: int, end: int) -> list[tuple[int, int]]:
        """Those that take an item, and the place it takes there, last first. None comes after the item
        `end`: what does has no part in it, and asking all of them makes local derivatives of n steps cost n
        passes."""
        last = self.place[end]
        return [(user, place) for user, place in self._of[index] if self.place[user] <= last]

    def operations(self, index: int, end: int) -> int:
        """What the adjoint of an item costs: the partials of its users, over all rows."""
        return sum(self._work(user) for user, _ in self.of(index, end))

    def missing(self, target: int, end: int, known: Container[int]) -> list[int]:
        """The items whose adjoints that of `target` is made from and that are not known yet, users first."""
        found: dict[int, None] = {}
        todo = [target]
        while todo:
            index = todo[-1]
            is_known = index in known or index in found
            users = [] if is_known else self.of(index, end)
            waiting = [user for user, _ in users if user not in known and user not in found]
            todo += waiting
            if not waiting:
                todo.pop()
                if not is_known:
                    found[index] = None
        return list(found)

    def price(self, targets: Iterable[int], end: int, known: Iterable[int]) -> int:
        """What the adjoints of several items cost together, beyond those that are known."""
        seen, total = {end, *known}, 0
        for target in targets:
            missing = self.missing(target, end, seen)
            total += sum(self.operations(index, end) for index in missing)
            seen.update(missing)
        return total

    def _work(self, index: int) -> int:
        applied = self.program.kernels.get(index)
        instructions = 1 if applied is None else max(1, len(applied.kernel.value.code))
        return instructions * count_over_rows(self.program, [self.program.items[index]], work_of)


class Pass:
    """The values of the items of a program at one point."""

    def __init__(
        self,
        program: Program,
        point: Mapping[str, Array],
        m: Namespace,
        users: Users,
        pay: Callable[[Namespace, int], None],
        limits: ReferenceLimits = _LIMITS,
        numerics: NumericsLimits = NUMERICS,
        overrides: Mapping[int, Array] = _NO_OVERRIDES,
    ) -> None:
        self.program, self.m, self.users, self.pay = program, m, users, pay
        self.limits, self.numerics = limits, numerics
        self.run = Run(program, point, m)
        self.values = _values(program, point, m, limits, overrides)
        self.slots: dict[int, list[Array]] = {}


def count_over_rows(program: Program, items: Iterable[Item], count: Callable[[Program, Item], int]) -> int:
    """Of these items over all rows together."""
    rows = program.model.rows or 1
    return sum(count(program, item) * (rows if item.per_row else 1) for item in items)


def work_of(program: Program, item: Item) -> int:
    """Scalar operations: one for each entry, or each product that is added up, and those of elimination
    for a matrix taken whole."""
    if item.operation in WHOLE:
        return int(program.items[item.arguments[0]].shape[0] ** 3)
    if item.operation == "contract":
        letters = item.data.split("->")[0].split(",")
        pairs = zip(letters, (program.items[a].shape for a in item.arguments), strict=True)
        sizes = {axis: size for axes, shape in pairs for axis, size in zip(axes, shape, strict=True)}
        return math.prod(sizes.values())
    return math.prod(item.shape)
