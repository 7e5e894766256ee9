"""Witness 1. Reads a Model. Gives derivatives by SymPy. Knows nothing of vjps and of the Tape.

The graph is lowered to a Program: kernels (scalar formulas, entry by entry, of at most 60 operations)
between structural items (contractions, index maps, selections). SymPy differentiates every KIND of
kernel once, by each name it mentions; the chain rule runs forward over the program as tangents, one
direction for each entry asked for (Griewank & Walther 2008, section 3.1). Numbers of the text are
opaque symbols, so SymPy neither folds nor cancels them. Nothing of the user's text reaches SymPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.forward import Sum
from gradcheck_cli.graph import Array, Model, Node
from gradcheck_cli.multilinear import multilinear
from gradcheck_cli.namespaces import FLOAT64, High
from gradcheck_cli.primitives import Shape
from gradcheck_cli.recording import (
    CONSTANT,
    ENTRYWISE,
    FUNCTIONS,
    SHARED_NAMES,
    WHOLE,
    WITH_DATA,
    Handle,
    Item,
    Recorder,
)

if TYPE_CHECKING:
    import sympy

__all__ = [
    "Formula", "Item", "Kernel", "Program", "Run", "along", "derivative", "lower", "unseen", "values",
    "values_in_blocks",
]  # fmt: skip

_MOST_OPERATIONS = 60
_DEEPEST = 25
_MOST_ENTRIES = 1 << 22  # tangent entries of one item held at a time


# ---------------------------------------------------------------------------------------------
# Kernels: what SymPy sees
# ---------------------------------------------------------------------------------------------

KernelKey = tuple[tuple[Any, ...], ...]  # postfix: ("slot", live), ("integer", n), (name, data, args)


class Kernel:
    """A scalar formula over slots, and its partials by the slots that can vary."""

    def __init__(self, key: KernelKey) -> None:
        import sympy

        self.key = key
        self.slots: list[sympy.Symbol] = []
        self.live: list[bool] = []
        built: list[Any] = []
        for entry in key:
            if entry[0] == "slot":
                self.slots.append(sympy.Symbol(f"a{len(self.slots)}", real=True))
                self.live.append(entry[1])
                built.append(self.slots[-1])
            elif entry[0] == "integer":
                built.append(sympy.Integer(entry[1]))
            else:
                name, data, arguments = entry
                values = [built[a] for a in arguments]
                built.append(
                    FUNCTIONS[name](sympy, *values)
                    if name in FUNCTIONS
                    else WITH_DATA[name](sympy, data, *values)
                )
        self.expression = built[-1]

    @cached_property
    def value(self) -> Formula:
        """The formula itself."""
        return Formula(self.expression, self.slots)

    @cached_property
    def partials(self) -> list[Formula | None]:
        """SymPy's partial by each slot; None where it is 0 or the slot cannot vary."""
        found: list[Formula | None] = []
        for slot, live in zip(self.slots, self.live, strict=True):
            partial = _tidy(self.expression.diff(slot)) if live else 0
            found.append(None if partial == 0 else Formula(partial, self.slots))
        return found


def _tidy(expression: Any) -> Any:
    """c*x^c/x, which is 0/0 at 0, becomes c*x^(c-1)."""
    import sympy

    symbolic_powers = [p for p in expression.atoms(sympy.Pow) if p.exp.free_symbols]
    return sympy.powsimp(expression, combine="exp") if symbolic_powers else expression


class Formula:
    """A SymPy expression as a list of instructions for arrays; nothing is compiled or generated."""

    def __init__(self, expression: Any, slots: Sequence[Any]) -> None:
        self.expression = expression
        self.is_one = bool(expression == 1)
        places: dict[Any, int] = {slot: k for k, slot in enumerate(slots)}
        self.start = len(slots)
        self.code: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        todo = [expression]
        while todo:
            part = todo[-1]
            waiting = [a for a in part.args if a not in places] if part not in places else []
            if part in places or not waiting:
                todo.pop()
                if part not in places:
                    self.code.append((_instruction(part), tuple(places[a] for a in part.args)))
                    places[part] = self.start + len(self.code) - 1
            else:
                todo.extend(waiting)
        self.result = places[expression]

    def __call__(self, m: Any, values: Sequence[Array]) -> Array:
        """Its value for the slots' values, entry by entry."""
        known = list(values)
        axes = (1,) * max((x.ndim for x in known), default=2)
        rounded = getattr(m, "rounded", None)  # the referee's float64 with jitter
        for function, places in self.code:
            if not places:
                known.append(function(m).reshape(axes))  # a number, with the axes of the slots
                continue
            result = function(m, *(known[p] for p in places))
            known.append(result if rounded is None else rounded(result))
        return known[self.result]


def _instruction(part: Any) -> Callable[..., Any]:
    """How one node of a SymPy expression is computed in a namespace."""
    if part.is_Rational:
        p, q = int(part.p), int(part.q)
        return lambda m: m.array(np.full((1, 1), float(p))) / q if q != 1 else m.array(
            np.full((1, 1), float(p))
        )
    name = type(part).__name__
    if name == "Add":
        return _adding
    if name == "Mul":
        return _multiplying
    if name == "Pow":
        return _raising(part.exp)
    return _NUMERIC[name]


def _adding(m: Any, *terms: Array) -> Array:
    """A sum."""
    first, *others = terms
    for other in others:
        first = first + other
    return first


def _multiplying(m: Any, first: Array, *others: Array) -> Array:
    for other in others:
        first = first * other
    return first


def _raising(exponent: Any) -> Callable[..., Any]:
    if exponent == -1:
        return lambda m, a, b: 1 / a
    if exponent == 2:
        return lambda m, a, b: a * a
    if exponent.is_Rational and exponent.q == 2 and abs(exponent.p) == 1:
        return (lambda m, a, b: m.sqrt(a)) if exponent.p > 0 else (lambda m, a, b: 1 / m.sqrt(a))
    return lambda m, a, b: m.pow(a, b)


_NUMERIC: dict[str, Callable[..., Any]] = {
    name: (lambda m, *xs, _name=name: getattr(m, _name)(*xs))
    for name in SHARED_NAMES
}
_NUMERIC["Exp1"] = lambda m: m.exp(m.array(np.ones((1, 1))))
_NUMERIC["Pi"] = lambda m: 2 * m.asin(m.array(np.ones((1, 1))))
_NUMERIC["Abs"] = lambda m, x: m.abs(x)
_NUMERIC["sign"] = lambda m, x: m.sign(x)


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
    kernels: dict[int, Applied] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)

    @cached_property
    def whole(self) -> dict[int, list[bool]]:
        """The nodes of det and inv that are taken whole, each with what it is computed from."""
        found = sorted({item.source for item in self.items if item.operation in WHOLE})
        return {node: self.model.graph.upstream([node]) for node in found}

    def stage(self, item: Item) -> int:
        """0: shared, before the rows; 1: per row, and the sums over rows; 2: made from those sums."""
        if item.per_row or item.operation == "over_rows":
            return 1
        return 2 if item.reduced else 0

    def taken(self, item: Item) -> tuple[int, ...]:
        """The items that an item is computed from."""
        applied = self.kernels.get(item.index)
        return tuple(item.arguments) if applied is None else applied.slots

    @cached_property
    def spent(self) -> Mapping[int, list[int]]:
        """Of each item those that nothing takes after it. What a later stage takes is never spent."""
        last: dict[int, int] = {}
        for stage in range(3):
            for item in (self.items[i] for i in self.order if self.stage(self.items[i]) == stage):
                last.update(dict.fromkeys(self.taken(item), item.index))
        found: dict[int, list[int]] = {}
        for index, user in last.items():
            if self.stage(self.items[index]) == self.stage(self.items[user]):
                found.setdefault(user, []).append(index)
        return found


def lower(model: Model, *, apart: bool = False) -> Program:
    """Record what every node is made of, and cut the formulas into kernels.

    `apart`: every operation of the author is a kernel of its own, every argument a slot of its own,
    so that SymPy simplifies nothing across them: x - x then has the partials 1 and -1. Matrices
    are inverted whole, as the author's program does it.
    """
    recorder = Recorder(by_minors=0) if apart else Recorder()
    handles: list[Handle] = []
    for node in model.graph.nodes:
        recorder.source = node.index
        arguments = [handles[a] for a in node.arguments]
        if apart:
            arguments = [recorder.copy(h) if h in arguments[:k] else h for k, h in enumerate(arguments)]
        handles.append(_lowered(node, recorder, arguments))
    ends = range(len(handles)) if apart else model.graph.names.values()
    named = {handles[index].index for index in ends}
    program = Program(model, recorder.items, [h.index for h in handles])
    _cut(program, named)
    return program


def _lowered(node: Node, recorder: Recorder, arguments: Sequence[Handle]) -> Handle:
    if node.is_literal:
        return recorder.add("pi" if node.is_pi else "constant", (), (), node.value)
    if node.is_leaf:
        handle = recorder.add("leaf", (), node.shape, node.key)
        item = handle.item
        recorder.items[item.index] = Item(
            item.index, "leaf", (), node.shape, node.per_row, False, node.key, node.index
        )
        return handle
    return node.primitive.symbolic(recorder, *arguments, **node.options)  # type: ignore[no-any-return]


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
            sum(size[a] for a in inner) >= _MOST_OPERATIONS
            or max(depth[a] for a in inner) >= _DEEPEST
        ):
            largest = max(inner, key=lambda a: (size[a], depth[a]))
            ends.add(largest)
            inner = [a for a in inner if a != largest]
        size[item.index] = 1 + sum(size[a] for a in inner)
        depth[item.index] = 1 + max((depth[a] for a in inner), default=0)
    kinds: dict[KernelKey, Kernel] = {}
    for item in items:
        if item.operation not in ENTRYWISE:
            program.order.append(item.index)
        elif item.index in ends:
            key, slots = _kernel_key(items, item, ends)
            if key not in kinds:
                kinds[key] = Kernel(key)
            program.kernels[item.index] = Applied(kinds[key], slots)
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


# ---------------------------------------------------------------------------------------------
# Values and structure: shared with the referee, which goes the other way
# ---------------------------------------------------------------------------------------------

_COMPARE: dict[str, Callable[..., Any]] = {
    "gt": lambda m, a, b: m.gt(a, b),
    "lt": lambda m, a, b: m.gt(b, a),
    "ge": lambda m, a, b: m.ge(a, b),
    "le": lambda m, a, b: m.ge(b, a),
}


def _axes(rank: int, axis: int | None) -> tuple[int, ...]:
    return tuple(range(-rank, 0)) if axis is None else (axis - rank,)


def _einsum(pattern: str, m: Any, *operands: Array) -> Array:
    inputs, output = pattern.split("->")
    dotted = ",".join(f"...{letters}" for letters in inputs.split(","))
    contracted = partial(np.einsum, f"{dotted}->...{output}")
    if isinstance(m, High):
        return multilinear(contracted, m.context, *operands)
    return _as_product(pattern, *operands) if len(operands) == 2 else np.asarray(contracted(*operands))


def _as_product(pattern: str, a: Array, b: Array) -> Array:
    """The contractions a model can hold, as matrix products."""
    if pattern == "ij,jk->ik":
        return np.asarray(np.matmul(a, b))
    if pattern == "ij,j->i":
        return np.asarray(np.matmul(a, b[..., None])[..., 0])
    if pattern == "i,jk->ik":
        return a[..., :, None] * b[..., 0, None, :]
    if pattern == "i,j->ij":
        return a[..., :, None] * b[..., None, :]
    return np.asarray((a * b).sum(axis=-1))


def _stretch(x: Array, rank: int, to: Shape) -> Array:
    lead, inner = x.shape[: x.ndim - rank], x.shape[x.ndim - rank :]
    return np.broadcast_to(x.reshape(lead + (1,) * (len(to) - rank) + inner), lead + to)


def _transposed(x: Array, rank: int) -> Array:
    return x if rank == 0 else x[..., None, :] if rank == 1 else x.swapaxes(-1, -2)


def _piled(xs: Sequence[Array], rank: int) -> Array:
    lead = np.broadcast_shapes(*(x.shape[:2] for x in xs))
    return np.stack([np.broadcast_to(x, lead + x.shape[2:]) for x in xs], axis=-1 - rank)


def placed_diagonal(x: Array) -> Array:
    """Vectors along the last axis, on the diagonals of matrices that are 0 elsewhere."""
    n = x.shape[-1]
    result = np.zeros((*x.shape, n), dtype=x.dtype) + 0 * x[..., None, :1]
    result[..., range(n), range(n)] = x
    return np.asarray(result)


def structured(item: Item, m: Any, xs: Sequence[Array]) -> Array:
    """The value of a structural item; linear in `xs` except compare, select, largest, contract."""
    match item.operation:
        case "copy":
            return xs[0]
        case "contract":
            return _einsum(item.data, m, *xs)
        case "total":
            rank, axis = item.data
            return m.sum(xs[0], axis=_axes(rank, axis), keepdims=axis is not None)  # type: ignore[no-any-return]
        case "transpose":
            return _transposed(xs[0], item.data)
        case "expand":
            return _stretch(xs[0], *item.data)
        case "gather":
            places, signs, shape = item.data
            picked = xs[0][..., list(places)] * np.array(signs)
            return np.asarray(picked.reshape((*xs[0].shape[:2], *shape)))
        case "diagonal":
            return np.diagonal(xs[0], axis1=-2, axis2=-1)
        case "on_diagonal":
            return placed_diagonal(xs[0])
        case "index":
            return np.asarray(xs[0][(..., *item.data)])
        case "stack":
            return _piled(xs, item.data)
        case "concat":
            lead = np.broadcast_shapes(*(x.shape[:2] for x in xs))
            full = [np.broadcast_to(x, lead + x.shape[2:]) for x in xs]
            return np.concatenate(full, axis=item.data)
        case "compare":
            return _COMPARE[item.data](m, *xs)  # type: ignore[no-any-return]
        case "select":
            return m.where(m.eq(xs[0], 0), xs[2], xs[1])  # type: ignore[no-any-return]
        case "largest":
            rank, axis = item.data
            return m.max(xs[0], axis=_axes(rank, axis), keepdims=axis is not None)  # type: ignore[no-any-return]
        case "inverse":
            return m.inv(xs[0])  # type: ignore[no-any-return]
        case "determinant":
            return m.det(xs[0])  # type: ignore[no-any-return]
    raise KeyError(item.operation)


def place_of_largest(item: Item, m: Any, x: Array, y: Array) -> Array:
    """1 at the (first) largest entry, else 0."""
    rank, axis = item.data
    y = y if axis is not None else y.reshape(y.shape + (1,) * rank)
    return m.first_of(m.eq(x, y), _axes(rank, axis))  # type: ignore[no-any-return]


# ---------------------------------------------------------------------------------------------
# Running it: values, and tangents in the directions asked for
# ---------------------------------------------------------------------------------------------


@dataclass
class Run:
    """Values of a program's items at a point; shared ones once, per-row ones a block at a time."""

    program: Program
    point: Mapping[str, Array]
    m: Any = FLOAT64
    shared: dict[int, Array] = field(default_factory=dict)

    def leaf(self, item: Item, rows: slice) -> Array:
        """A leaf's value with the two leading axes."""
        values = self.point[item.data]
        return self.m.array(values[None, rows] if item.per_row else values[None, None])  # type: ignore[no-any-return]

    def value(self, item: Item, values: Mapping[int, Array], rows: slice) -> Array:
        """The value of one item from those of its arguments."""
        if item.operation in CONSTANT:
            given = self.m.pi if item.operation == "pi" else float(item.data)
            number = self.m.array(np.full((1, 1), given))
            return number.reshape((1, 1) + (1,) * len(item.shape)) if item.shape else number  # type: ignore[no-any-return]
        if item.operation == "leaf":
            return self.leaf(item, rows)
        applied = self.program.kernels.get(item.index)
        if applied is not None:
            return applied.kernel.value(self.m, self.slot_values(item, applied, values))
        arguments = [values[a] for a in item.arguments]
        if item.operation == "over_rows":
            return self.m.sum(arguments[0], axis=(1,), keepdims=True)  # type: ignore[no-any-return]
        return structured(item, self.m, arguments)

    def slot_values(self, item: Item, applied: Applied, values: Mapping[int, Array]) -> list[Array]:
        """The values in a kernel's slots; numbers are given the axes of the others."""
        rank = 2 + len(item.shape)
        found = []
        for slot in applied.slots:
            x = values[slot]
            found.append(x if x.ndim == rank else x.reshape(x.shape[:2] + (1,) * (rank - 2)))
        return found


def derivative(
    program: Program,
    point: Mapping[str, Array],
    of: str,
    by: Iterable[str],
    m: Any = FLOAT64,
) -> dict[str, Array]:
    """d of/d name for each name; shapes as those of backprop. KeyError for an unknown name."""
    model = program.model
    names = list(by)
    target = model.node(of)
    found: dict[str, list[Array]] = {name: [] for name in names}
    for per_row in (False, True):
        group = [n for n in names if model.node(n).per_row == per_row]
        for portion in _portions(model, group):
            columns = _Tangents(program, point, m, target, _one_hot(model, portion), per_row).run()
            columns = columns if per_row or target.per_row else columns[:, 0, ...]
            ends = np.cumsum([stop - start for _, start, stop in portion])[:-1]
            for (name, _, _), part in zip(portion, np.split(columns, ends), strict=True):
                found[name].append(part)
    return {name: _along_last(parts, model.node(name)) for name, parts in found.items()}


def along(
    program: Program, point: Mapping[str, Array], of: str, directions: Mapping[str, Array], m: Any = FLOAT64
) -> Array:
    """The slopes of `of` as the names move along directions: (D, *of), rows in front of *of.

    `directions` holds (D, *shape) for names that have one value for all rows.
    """
    model = program.model
    seeds = {name: m.array(moves) for name, moves in directions.items()}
    columns = _Tangents(program, point, m, model.node(of), seeds, False).run()
    return columns if model.node(of).per_row else columns[:, 0, ...]


def values(program: Program, point: Mapping[str, Array], m: Any = FLOAT64) -> dict[str, Array]:
    """The value of every step: (*shape), or (N, *shape) where it is per row."""
    return _Tangents(program, point, m, None, {}, False).step_values()


def values_in_blocks(
    program: Program, point: Mapping[str, Array], blocks: Iterable[slice]
) -> Iterator[dict[str, Array]]:
    """The values of the steps in each block of rows, (rows, *shape), then of those without rows, (*shape)."""
    return _Tangents(program, point, FLOAT64, None, {}, False).in_blocks(blocks)


def unseen(program: Program, of: str, by: str | None = None) -> list[Node]:
    """The det and inv that `of` depends on, by way of `by` if it is given, whose matrices are too large
    for minors: SymPy does not see into them, and a derivative that passes through them is nan."""
    graph = program.model.graph
    if not program.whole:
        return []
    needed, own = graph.upstream([graph.names[of]]), None if by is None else graph.names[by]
    passed = (n for n, above in program.whole.items() if needed[n] and (own is None or above[own]))
    return [graph.nodes[n] for n in passed if n != own]


Portion = list[tuple[str, int, int]]  # names, and which of their entries


def _portions(model: Model, names: Sequence[str]) -> list[Portion]:
    """Entries in groups whose tangents fit into memory at one time."""
    widest = max((math.prod(n.shape) for n in model.graph.nodes), default=1)
    most = max(1, _MOST_ENTRIES // widest)
    portions: list[Portion] = []
    room = 0
    for name in names:
        start, size = 0, math.prod(model.node(name).shape)
        while start < size:
            if room == 0:
                portions.append([])
                room = most
            stop = min(size, start + room)
            portions[-1].append((name, start, stop))
            room -= stop - start
            start = stop
    return portions


def _one_hot(model: Model, portion: Portion) -> dict[str, Array]:
    """A direction for each entry of a portion, (D, *shape) for every name in it."""
    count, first = sum(stop - start for _, start, stop in portion), 0
    seeds = {}
    for name, start, stop in portion:
        shape = model.node(name).shape
        moves = np.zeros((count, math.prod(shape)))
        moves[range(first, first + stop - start), range(start, stop)] = 1
        seeds[name] = moves.reshape(count, *shape)
        first += stop - start
    return seeds


def _along_last(parts: Sequence[Array], by: Node) -> Array:
    """(entries, rows?, *of) in parts as (rows?, *of, *by)."""
    joined = np.moveaxis(np.concatenate(parts), 0, -1)
    return np.array(joined.reshape(joined.shape[:-1] + by.shape))


_Sums = tuple[dict[int, Sum], dict[int, Sum]]  # over the rows: of values and of tangents


def _added_up(sums: Mapping[int, Sum]) -> dict[int, Array]:
    return {index: found.result() for index, found in sums.items()}


class _Tangents:
    """One forward accumulation: values and tangents of all items, in the order of the program."""

    def __init__(
        self,
        program: Program,
        point: Mapping[str, Array],
        m: Any,
        of: Node | None,
        seeds: Mapping[str, Array],
        by_rows: bool,
    ) -> None:
        self.program, self.m, self.of, self.by_rows = program, m, of, by_rows
        self.model = program.model
        self.run_ = Run(program, point, m)
        self.rows_here = 1
        self.seeds = {
            program.of_node[self.model.node(name).index]: moves[:, None] for name, moves in seeds.items()
        }
        self.directions = max((len(moves) for moves in seeds.values()), default=0)
        self.kept = {program.of_node[of.index]} if of is not None else frozenset[int]()
        items = [program.items[i] for i in program.order]
        self.stages = [[i for i in items if program.stage(i) == s] for s in range(3)]

    def run(self) -> Array:
        """The tangents of the target: (directions, rows or 1, *of)."""
        assert self.of is not None
        target = self.program.of_node[self.of.index]
        per_row = self.of.per_row or self.by_rows
        return self._collect([target], tangents=True, per_row=per_row)[target]

    def step_values(self) -> dict[str, Array]:
        """The values of all steps."""
        targets = {name: self.program.of_node[s.node] for name, s in self.model.steps.items()}
        found: dict[str, Array] = {}
        for rows in (False, True):
            part = {n: t for n, t in targets.items() if self.model.node(n).per_row == rows}
            columns = self._collect(list(part.values()), tangents=False, per_row=rows)
            found.update({n: columns[t][0] if rows else columns[t][0, 0, ...] for n, t in part.items()})
        return found

    def in_blocks(self, blocks: Iterable[slice]) -> Iterator[dict[str, Array]]:
        """The values of the steps in each block of rows, then of those that have one value for all."""
        steps = {n: (self.program.of_node[s.node], self.model.node(n)) for n, s in self.model.steps.items()}
        each = {name: target for name, (target, node) in steps.items() if node.per_row}
        values: dict[int, Array] = {}
        sums: _Sums = ({}, {})
        with np.errstate(all="ignore"):
            self._pass(self.stages[0], values, {}, slice(None))
        for rows in blocks:
            found: dict[int, list[Array]] = {target: [] for target in each.values()}
            with np.errstate(all="ignore"):
                self._block(rows, values, {}, sums, list(found), False, True, found)
            yield {name: found[target][-1][0] for name, target in each.items()}
        values.update(_added_up(sums[0]))
        with np.errstate(all="ignore"):
            self._pass(self.stages[2], values, {}, slice(None))
        yield {name: values[t][0, 0, ...] for name, (t, node) in steps.items() if not node.per_row}

    def _collect(self, targets: Sequence[int], tangents: bool, per_row: bool) -> dict[int, Array]:
        """Run the stages; gather values or tangents of the targets, rows joined."""
        found: dict[int, list[Array]] = {t: [] for t in targets}
        values: dict[int, Array] = {}
        tangent: dict[int, Array] = {}
        with np.errstate(all="ignore"):
            self._pass(self.stages[0], values, tangent, slice(None))
            sums: _Sums = ({}, {})
            for rows in self._blocks():
                self._block(rows, values, tangent, sums, targets, tangents, per_row, found)
            values.update(_added_up(sums[0]))
            if not self.by_rows:
                tangent.update(_added_up(sums[1]))
                self._pass(self.stages[2], values, tangent, slice(None))
        if per_row:
            return {t: np.concatenate(parts, axis=1) for t, parts in found.items()}
        return {t: self._picked(t, values, tangent, tangents, 1) for t in targets}

    def _block(
        self,
        rows: slice,
        values: dict[int, Array],
        tangent: dict[int, Array],
        sums: _Sums,
        targets: Sequence[int],
        tangents: bool,
        per_row: bool,
        found: dict[int, list[Array]],
    ) -> None:
        here, moving = dict(values), dict(tangent)
        if self.model.meter is not None:
            self.model.meter.visit(-(-(self.model.rows or 1) // (rows.stop - rows.start)))
        self.rows_here = rows.stop - rows.start
        self._pass(self.stages[1], here, moving, rows)
        for item in self.stages[1]:
            if item.operation == "over_rows":
                for total, part in zip(sums, (here, moving), strict=True):
                    if item.index in part and not (total is sums[1] and self.by_rows):
                        total.setdefault(item.index, Sum()).add(part[item.index])
        if per_row and self.by_rows:
            self._after_rows(here, moving, rows)
        if per_row:
            for target in targets:
                found[target].append(
                    self._picked(target, here, moving, tangents, rows.stop - rows.start)
                )

    def _after_rows(self, here: dict[int, Array], moving: dict[int, Array], rows: slice) -> None:
        """What follows the sums, one row moving at a time; the sums themselves are those of all rows."""
        here.update(self._all_sums)
        self._pass(self.stages[2], here, moving, rows)

    @cached_property
    def _all_sums(self) -> dict[int, Array]:
        if not self.stages[2]:
            return {}
        plain = _Tangents(self.program, self.run_.point, self.m, None, {}, False)
        sums = [i.index for i in self.stages[1] if i.operation == "over_rows"]
        return plain._collect(sums, tangents=False, per_row=False) if sums else {}

    def _picked(
        self, target: int, values: Mapping[int, Array], tangent: Mapping[int, Array], tangents: bool,
        rows: int,
    ) -> Array:  # fmt: skip
        shape = self.program.items[target].shape
        if not tangents:
            return np.broadcast_to(values[target], (1, rows, *shape))
        full = (self.directions, rows, *shape)
        found = tangent.get(target)
        return np.zeros(full) if found is None else np.broadcast_to(found, full)

    def _blocks(self) -> list[slice]:
        rows = self.model.rows or 0
        widest = max((math.prod(i.shape) for i in self.program.items if i.per_row), default=1)
        step = max(1, min(65536, _MOST_ENTRIES // (widest * max(1, self.directions))))
        return [slice(a, min(rows, a + step)) for a in range(0, rows, step)]

    def _pass(
        self, items: Iterable[Item], values: dict[int, Array], tangent: dict[int, Array], rows: slice
    ) -> None:
        for item in items:
            if item.index not in values:
                values[item.index] = self.run_.value(item, values, rows)
            moving = self._tangent(item, values, tangent) if self.directions else None
            if item.index in self.seeds:
                seed = self.seeds[item.index]
                moving = seed if moving is None else moving + seed
            if moving is not None:
                tangent[item.index] = moving
            if self.directions:  # memory in use is memory at hand, and long chains would fill all of it
                for index in self.program.spent.get(item.index, ()):
                    if index not in self.kept:
                        tangent.pop(index, None)

    def _tangent(
        self, item: Item, values: Mapping[int, Array], tangent: Mapping[int, Array]
    ) -> Array | None:
        """How an item moves when its arguments do; None where nothing moves it."""
        applied = self.program.kernels.get(item.index)
        if applied is not None:
            return self._through_kernel(item, applied, values, tangent)
        moving = [tangent.get(a) for a in item.arguments]
        if all(t is None for t in moving):
            return None
        match item.operation:
            case "compare":
                return None
            case "over_rows":
                assert moving[0] is not None
                return moving[0] if self.by_rows else self._summed(moving[0])
            case "contract":
                return _product_rule(item, self.m, [values[a] for a in item.arguments], moving)
            case "select":
                chosen = [_or_zero(t) for t in moving]
                condition = self.m.eq(values[item.arguments[0]], 0)
                return self.m.where(condition, chosen[2], chosen[1])  # type: ignore[no-any-return]
            case "largest":
                assert moving[0] is not None
                x, y = values[item.arguments[0]], values[item.index]
                rank, axis = item.data
                at = place_of_largest(item, self.m, x, y)
                return np.asarray(
                    (moving[0] * at).sum(axis=_axes(rank, axis), keepdims=axis is not None)
                )
            case "determinant" | "inverse":
                assert moving[0] is not None
                return _unknown(moving[0], item.shape)
            case "stack" | "concat":
                inner = [self.program.items[a].shape for a in item.arguments]
                parts = zip(moving, inner, strict=True)
                full = [np.zeros((1, 1, *shape)) if t is None else t for t, shape in parts]
                return structured(item, self.m, full)
        return structured(item, self.m, [t for t in moving if t is not None])

    def _summed(self, moving: Array) -> Array:
        """Over the rows of this block; a tangent that is the same in every row counts each time."""
        full = np.broadcast_to(moving, (moving.shape[0], self.rows_here, *moving.shape[2:]))
        return np.asarray(full.sum(axis=1, keepdims=True))

    def _through_kernel(
        self, item: Item, applied: Applied, values: Mapping[int, Array], tangent: Mapping[int, Array]
    ) -> Array | None:
        total: Array | None = None
        slots: list[Array] | None = None
        for place, slot in enumerate(applied.slots):
            moving = tangent.get(slot)
            if moving is None:
                continue
            partial = applied.kernel.partials[place]
            if partial is None:
                continue
            if slots is None:
                slots = self.run_.slot_values(item, applied, values)
            part = moving if partial.is_one else _times(partial(self.m, slots), moving)
            total = part if total is None else total + part
        return total


def _unknown(moving: Array, shape: Shape) -> Array:
    """nan in every direction in which a matrix moves, 0 in the others."""
    moves = np.any(moving != 0, axis=(-2, -1))
    found = np.where(moves, np.nan, 0.0).reshape(*moves.shape, *(1,) * len(shape))
    return np.broadcast_to(found, (*moves.shape, *shape))


def _or_zero(tangent: Array | None) -> Any:
    return 0.0 if tangent is None else tangent


def _times(partial: Array, tangent: Array) -> Array:
    """The product, where 0 times anything is 0: what does not move is not stopped by a pole."""
    product = partial * tangent
    if product.dtype != object and np.isfinite(product).all():
        return product
    return np.where(tangent == 0, 0 * tangent, product)


def _product_rule(
    item: Item, m: Any, values: Sequence[Array], tangents: Sequence[Array | None]
) -> Array:
    total: Array | None = None
    for place, moving in enumerate(tangents):
        if moving is None:
            continue
        operands = [moving if k == place else x for k, x in enumerate(values)]
        part = structured(item, m, operands)
        total = part if total is None else total + part
    assert total is not None
    return total

