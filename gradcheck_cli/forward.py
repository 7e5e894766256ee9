"""Reads a Model. Gives the Tape of a forward pass in any namespace. Knows nothing of derivatives.

Arrays carry two leading axes, (perturbations, rows). Rows are taken in blocks, so memory stays
bounded: values shared by all rows come first, then each block of rows (sums over rows are added up,
compensated), then what is made from those sums. Any node may be pinned to other values; then only
what lies downstream of it is computed again, and the pass tells whether a kink or the border of a
domain was crossed on the way.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from gradcheck_cli.graph import Array, Graph, Key, Model, Node
from gradcheck_cli.namespaces import FLOAT64, floats

__all__ = [
    "Failing",
    "Readable",
    "Sum",
    "Tape",
    "Varied",
    "compute",
    "evaluate",
    "forward_pass",
    "margins",
    "operations",
    "trace",
]

_BLOCK_ENTRIES = 1 << 21  # entries of one node held at a time, over rows and perturbations
_BLOCK_ROWS = 1 << 14  # a block of single numbers stays in the cache
_KEPT_ENTRIES = 1 << 25  # beyond this many per-row entries, blocks are computed again when needed
_CACHED_ENTRIES = 1 << 18  # the same without products: fresh memory takes three times as long as sin and cos

Values = dict[int, Array]


class Readable(Protocol):
    """Values of nodes by their index."""

    def __getitem__(self, index: int, /) -> Array: ...


def compute(node: Node, values: Readable, m: Any) -> Array:
    """The value of one node from those of its arguments."""
    if node.is_literal:
        return m.array(np.full((1, 1), m.pi if node.is_pi else node.value))  # type: ignore[no-any-return]
    arguments = [values[a] for a in node.arguments]
    return node.primitive.forward(m, *arguments, **node.options)  # type: ignore[no-any-return]


def evaluate(graph: Graph, leaves: Mapping[Key, Array], m: Any, output: int | None = None) -> Array:
    """The value of a graph's output, all rows at once: for claims and constants.

    `leaves` hold arrays with the two leading axes. Raises KeyError for a leaf without a value.
    """
    target = graph.output if output is None else output
    return trace(graph, leaves, m, target, added=_only_added(graph, target))[target]


def trace(
    graph: Graph, leaves: Mapping[Key, Array], m: Any, target: int, added: Container[int] = ()
) -> Values:
    """The values of `target` and of all nodes that it is computed from; of matrix products that are `added`
    over the rows, the sum."""
    needed = graph.upstream([target])
    values: Values = {}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if needed[node.index]:
                m_or_sum = _Adding(m) if node.index in added else m
                values[node.index] = leaves[node.key] if node.is_leaf else compute(node, values, m_or_sum)
    return values


class _Adding:
    """A namespace whose matrix products are added over the rows: those of single rows are never stored."""

    def __init__(self, m: Any) -> None:
        self.m = m

    def matmul(self, a: Array, b: Array) -> Array:
        """The sum of a @ b over the rows: (S, 1, n, k)."""
        return self.m.matmul_onto(a[:, :1], a, b)  # type: ignore[no-any-return]


def _only_added(graph: Graph, target: int) -> set[int]:
    """The matrix products that nothing but a sum over the rows takes."""
    needed = graph.upstream([target])
    nodes = [n for n in graph.nodes if needed[n.index]]
    found = {n.index for n in nodes if n.per_row and n.operation == "matmul" and n.index != target}
    for node in nodes:
        if not node.adds_rows:
            found.difference_update(node.arguments)
    return found


def margins(graph: Graph, values: Values, m: Any, *, of: str) -> list[tuple[Node, Array]]:
    """Of traced values: a change of sign is a kink (`of` "kink"), or a border or pole (`of` "domain")."""
    found = []
    with np.errstate(all="ignore"):
        for node in (graph.nodes[i] for i in values if not graph.nodes[i].is_leaf):
            rule = None if node.is_literal else getattr(node.primitive, of)
            if rule is not None:
                arguments = [values[a] for a in node.arguments]
                found.append((node, rule(m, *arguments, **node.options)))
    return found


@dataclass(frozen=True)
class Failing:
    """The first node whose value is not finite, with the values of its arguments."""

    node: Node
    step: str
    arguments: tuple[float, ...]
    value: float
    row: int | None


@dataclass(frozen=True)
class Varied:
    """A node's values under perturbation: (S, R, *shape), and what was crossed on the way.

    regular: no kink or border between the base point and this one; (S, N) where the node has one value
    per row, because what one row crosses does not concern another, else (S,). touched, (S,): a margin
    that is exactly zero at the base point moved off zero.
    """

    values: Array
    regular: Array
    touched: Array


@dataclass
class Sum:
    """A sum over blocks of rows, compensated (Neumaier 1974), so that block size hardly shows."""

    total: Array | None = None
    lost: Array | None = None

    def add(self, part: Array) -> None:
        """One block's part."""
        if self.total is None:
            self.total, self.lost = part, 0 * part
            return
        total = self.total + part
        bigger = abs(self.total) >= abs(part)
        rest = np.where(bigger, (self.total - total) + part, (part - total) + self.total)
        self.total, self.lost = total, self.lost + rest

    def result(self) -> Array:
        """What all parts come to."""
        assert self.total is not None
        with np.errstate(all="ignore"):
            return np.where(np.isfinite(floats(self.total)), self.total + self.lost, self.total)


@dataclass
class Tape:
    """All values of a forward pass. `shared` holds those that are the same for every row."""

    model: Model
    m: Any
    point: Mapping[str, Array]
    shared: Values = field(default_factory=dict)
    _blocks: dict[int, Values] = field(default_factory=dict)
    _last: tuple[int, Values] = field(default_factory=lambda: (-1, {}))
    _holds: bool = False

    # -- reading ------------------------------------------------------------------------------

    def value(self, name: str) -> Array:
        """The value of a step or input: (*shape), or (N, *shape) where it is per row."""
        return self.of_node(self.model.node(name))

    def of_node(self, node: Node) -> Array:
        """The value of any node, in the same form."""
        if not node.per_row:
            return self.shared[node.index][0, 0, ...]
        blocks = (self.block(k)[node.index] for k in range(self.block_count))
        sized = zip(blocks, self._sizes, strict=True)
        parts = [np.broadcast_to(b[0, ...], (n, *node.shape)) for b, n in sized]
        return np.concatenate(parts)

    @cached_property
    def loss(self) -> float:
        """The loss as a float."""
        return float(np.asarray(self.value(self.model.loss)).reshape(-1)[0])

    @property
    def block_count(self) -> int:
        """How many blocks of rows there are; 0 for a model without rows."""
        return len(self._slices)

    @cached_property
    def _slices(self) -> list[slice]:
        rows = self.model.rows or 0
        widest = max((n.size for n in self.model.graph.nodes if n.per_row), default=1)
        step = max(1, min(_BLOCK_ROWS, _BLOCK_ENTRIES // widest))
        return [slice(a, min(rows, a + step)) for a in range(0, rows, step)]

    @property
    def _sizes(self) -> list[int]:
        return [s.stop - s.start for s in self._slices]

    def rows_of(self, block: int) -> slice:
        """Which rows a block holds."""
        return self._slices[block]

    def block(self, number: int) -> Values:
        """The per-row values of one block, (1, rows, *shape); computed again where not kept."""
        if self.model.meter is not None:
            self.model.meter.visit(self.block_count)
        if number == self._last[0]:  # sides of several nodes are asked for one after the other
            return self._last[1]
        found = self._blocks.get(number)
        if found is None:
            self._last = -1, {}  # memory in use is memory at hand
            found = {}
            with np.errstate(all="ignore"):
                self._fill(found, _per_row(self.model.graph), self._slices[number])
            if self._keeps or self._holds:
                self._blocks[number] = found
            self._last = number, found
        return found

    @cached_property
    def _keeps(self) -> bool:
        nodes = [n for n in self.model.graph.nodes if n.per_row]
        cheap = all(n.is_leaf or n.is_literal or n.primitive.product is None for n in nodes)
        return self._entries <= (_CACHED_ENTRIES if cheap else _KEPT_ENTRIES)

    @property
    def _entries(self) -> int:
        return sum(n.size for n in self.model.graph.nodes if n.per_row) * (self.model.rows or 0)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Blocks are kept meanwhile as far as memory allows, for who comes back to them many times."""
        self._holds = self._entries <= _KEPT_ENTRIES
        try:
            yield
        finally:
            self._holds = False
            if not self._keeps:
                self._blocks.clear()

    def lookup(self, block: Values) -> _Lookup:
        """Shared values and those of one block under one roof."""
        return _Lookup(self.shared, block)

    # -- computing ----------------------------------------------------------------------------

    def _leaf(self, node: Node, rows: slice) -> Array:
        values = self.point[str(node.key)]
        return self.m.array(values[None, rows] if node.per_row else values[None, None])  # type: ignore[no-any-return]

    def _fill(self, into: Values, nodes: Iterable[Node], rows: slice) -> None:
        values = _Lookup(self.shared, into)
        for node in nodes:
            into[node.index] = (
                self._leaf(node, rows) if node.is_leaf else compute(node, values, self.m)
            )

    def run(self) -> Tape:
        """The forward pass."""
        before, reductions, after = _stages(self.model.graph)
        with np.errstate(all="ignore"):
            self._fill(self.shared, before, slice(None))
            sums = {node.index: Sum() for node in reductions}
            for number in range(self.block_count):
                values = self.lookup(self.block(number))
                for node in reductions:
                    sums[node.index].add(compute(node, values, self.m))
            self.shared.update({index: found.result() for index, found in sums.items()})
            self._fill(self.shared, after, slice(None))
        return self

    # -- kinks, borders, failures -------------------------------------------------------------

    @cached_property
    def bordered(self) -> dict[int, Node]:
        """The nodes with kinks or borders, by index."""
        nodes = self.model.graph.nodes
        live = self.model.graph.upstream(s.node for s in self.model.steps.values())
        inner = [n for n in nodes if live[n.index] and not (n.is_leaf or n.is_literal)]
        return {n.index: n for n in inner if _has_borders(n, nodes)}

    @cached_property
    def _known_sides(self) -> dict[tuple[int, int], list[Array]]:
        return {}

    @cached_property
    def _keeps_sides(self) -> bool:
        sizes = (node.size for node in self.bordered.values() if node.per_row)
        return sum(sizes) * (self.model.rows or 0) <= _KEPT_ENTRIES

    def sides(self, block: int, node: Node) -> list[Array]:
        """The signs of a node's margins at the base point, in a block of rows, or -1 if shared."""
        found = self._known_sides.get((block, node.index))
        if found is None:
            values = self.lookup(self.block(block) if block >= 0 else {})
            with np.errstate(all="ignore"):
                found = _sides(node, values, self.m)
            if block < 0 or self._keeps_sides:
                self._known_sides[block, node.index] = found
        return found

    def _bordered_in(self, block: int) -> list[Node]:
        return [node for node in self.bordered.values() if node.per_row == (block >= 0)]

    def _blocks_and_shared(self) -> range:
        return range(-1, self.block_count)

    def borders_hit(self) -> list[Node]:
        """Nodes that stand exactly on a kink or on the border of their domain somewhere."""
        return [self.model.graph.nodes[index] for index in self._hit]

    @cached_property
    def _hit(self) -> list[int]:
        hit = set()
        for block in self._blocks_and_shared():
            for node in self._bordered_in(block):
                if any((s == 0).any() for s in self.sides(block, node)):
                    hit.add(node.index)
        return sorted(hit)

    def same_sides(self, other: Tape) -> bool:
        """Whether another point lies on the same side of every kink and border."""
        return all(
            np.array_equal(a, b)
            for block in self._blocks_and_shared()
            for node in self._bordered_in(block)
            for a, b in zip(self.sides(block, node), other.sides(block, node), strict=True)
        )

    def failing(self) -> Failing | None:
        """The first value on the way to the loss that is not finite; None if the loss is."""
        if np.isfinite(self.loss):
            return None
        graph = self.model.graph
        needed = graph.upstream([graph.names[self.model.loss]])
        found: dict[int, int] = {}  # of each node the first block with such a value
        for number in self._blocks_and_shared():
            values = self._values(number)
            for node in graph.nodes:
                mine = needed[node.index] and node.per_row == (number >= 0) and node.index not in found
                if mine and not np.isfinite(floats(values[node.index])).all():
                    found[node.index] = number
        return self._failure(graph.nodes[min(found)], found[min(found)]) if found else None

    def _values(self, number: int) -> _Lookup:
        """Those of a block; of shared nodes, and of the first rows, for -1."""
        return self.lookup(self.block(max(0, number)) if self.block_count else {})

    def _failure(self, node: Node, number: int) -> Failing:
        lookup = self._values(number)
        values = floats(lookup[node.index][0])
        at = tuple(int(k) for k in np.argwhere(~np.isfinite(values))[0])
        arguments = []
        for index in node.arguments:
            found = floats(lookup[index][0])
            key = at if found.ndim == len(at) else (at[0], *(0,) * (found.ndim - 1))
            key = tuple(min(k, n - 1) for k, n in zip(key, found.shape, strict=True))
            arguments.append(float(found[key]))
        step = self.model.step_around(node.index).name
        row = self.rows_of(number).start + at[0] if node.per_row else None
        return Failing(node, step, tuple(arguments), float(values[at]), row)

    # -- pinned nodes -------------------------------------------------------------------------

    def vary(self, of: Node, pinned: Mapping[int, Array]) -> Varied:
        """The values of `of` when nodes are pinned to arrays (S, 1 or N, *shape)."""
        graph = self.model.graph
        moved, needed = graph.downstream(pinned), graph.upstream([of.index])
        live = [n for n in graph.nodes if moved[n.index] and needed[n.index]]
        count = max(len(values) for values in pinned.values())
        crossing = _Crossing(self, count, (self.model.rows or 0) if of.per_row else None)
        with np.errstate(all="ignore"):
            values = _PinnedPass(self, pinned, live, crossing).run(of)
        return Varied(values, crossing.regular, crossing.touched)


@dataclass
class _Lookup:
    """Two dictionaries read as one; nothing is copied."""

    shared: Values
    block: Values

    def __getitem__(self, index: int) -> Array:
        found = self.block.get(index)
        return self.shared[index] if found is None else found


@dataclass
class _Crossing:
    """Which perturbations left the side of a margin on which the base point lies; `rows`: row by row."""

    tape: Tape
    count: int
    rows: int | None

    def __post_init__(self) -> None:
        self.crossed = np.zeros((self.count, 1 if self.rows is None else self.rows), dtype=bool)
        self.touched = np.zeros(self.count, dtype=bool)

    @property
    def regular(self) -> Array:
        """The perturbations, and rows, that crossed nothing."""
        return ~(self.crossed[:, 0] if self.rows is None else self.crossed)

    def watch(self, node: Node, values: Any, block: int) -> None:
        """Compare the margins of one node with those at the base point."""
        for base, now in zip(
            self.tape.sides(block, node), _margins(node, values, self.tape.m), strict=True
        ):
            low, high = now.min(axis=0), now.max(axis=0)
            if np.all(((low > 0) & (base > 0)) | ((high < 0) & (base < 0))):
                continue  # nobody crossed: the usual case, at a third of the cost
            inside = ((now > 0) & (base > 0)) | ((now < 0) & (base < 0))  # not where a margin is nan
            if not base.all():
                still = base == 0
                self.touched |= np.any(still & (now != 0), axis=tuple(range(1, now.ndim)))
                inside |= still
            self._cross(inside, block)
        if node.primitive.within is not None:
            self._cross(~(self._within(node, values, block) <= 0), block)

    def _cross(self, inside: Array, block: int) -> None:
        """Note where a perturbation is not `inside`, (S, R, ...)."""
        by_row = ~np.all(inside, axis=tuple(range(2, inside.ndim)))
        if self.rows is None or block < 0:
            self.crossed |= by_row.any(axis=1, keepdims=True)
        else:
            self.crossed[:, self.tape.rows_of(block)] |= by_row

    def _within(self, node: Node, values: Any, block: int) -> Array:
        """How far moved arguments are from where a pole may lie."""
        assert node.primitive.within is not None
        base = self.tape.lookup(self.tape.block(block) if block >= 0 else {})
        moved, still = ([found[a] for a in node.arguments] for found in (values, base))
        m = self.tape.m
        return np.asarray(
            np.real(node.primitive.within(m, base[node.index], *moved, *still, **node.options))
        )


@dataclass
class _PinnedPass:
    """A forward pass over the live nodes only, the rest read from the base tape."""

    tape: Tape
    pinned: Mapping[int, Array]
    live: list[Node]
    crossing: _Crossing

    @cached_property
    def spent(self) -> Mapping[int, list[int]]:
        """Of each live node the arguments that nothing after it takes."""
        last = {argument: node.index for node in self.live for argument in node.arguments}
        crossing = {  # shared values that every block takes, and rows that a sum takes when all is done
            argument
            for node in self.live
            if node.per_row or node.reduced
            for argument in node.arguments
            if self._per_row(argument) != node.per_row
        }
        found: dict[int, list[int]] = {node.index: [] for node in self.live}
        for argument in last.keys() - crossing:
            found[last[argument]].append(argument)
        return found

    def run(self, of: Node) -> Array:
        before, reductions, after = _split(self.live)
        shared: Values = {i: v for i, v in self.pinned.items() if not self._per_row(i)}
        values = _Lookup(self.tape.shared, shared)
        self._compute(before, values, shared, -1)
        sums = {node.index: Sum() for node in reductions if node.index not in self.pinned}
        outputs = []
        rows = [n for n in self.live if n.per_row]
        for number in range(self.tape.block_count if rows or of.per_row else 0):
            block = self._block(number, rows, shared)
            for index, found in sums.items():
                found.add(compute(self._node(index), block, self.tape.m))
            if of.per_row:
                outputs.append(self._full(block[of.index], number, of))
        shared.update({index: found.result() for index, found in sums.items()})
        self._compute(after, values, shared, -1)
        return np.concatenate(outputs, axis=1) if of.per_row else values[of.index]

    def _node(self, index: int) -> Node:
        return self.tape.model.graph.nodes[index]

    def _per_row(self, index: int) -> bool:
        return self._node(index).per_row

    def _block(self, number: int, rows: list[Node], shared: Values) -> _Lookup:
        base = self.tape.block(number)
        at = self.tape.rows_of(number)
        moved: Values = {
            i: (v[:, at] if v.shape[1] > 1 else v) for i, v in self.pinned.items() if self._per_row(i)
        }
        values = _Lookup({**self.tape.shared, **shared, **base}, moved)
        self._compute(rows, values, moved, number)
        return values

    def _compute(self, nodes: Iterable[Node], values: _Lookup, into: Values, block: int) -> None:
        for node in nodes:
            if node.index not in self.pinned:
                into[node.index] = compute(node, values, self.tape.m)
                if node.index in self.tape.bordered:
                    self.crossing.watch(node, values, block)
                for argument in self.spent[node.index]:  # memory in use is memory at hand: twice as fast
                    into.pop(argument, None)

    def _full(self, values: Array, number: int, of: Node) -> Array:
        at = self.tape.rows_of(number)
        return np.broadcast_to(values, (len(values), at.stop - at.start, *of.shape))


def forward_pass(model: Model, m: Any = FLOAT64, point: Mapping[str, Array] | None = None) -> Tape:
    """Every f_k and h_k at the model's point, or at another one. Values may be non-finite."""
    return Tape(model, m, model.point() if point is None else point).run()


def operations(model: Model, some: Iterable[Node] | None = None) -> int:
    """Multiplications, or other operations, of one forward pass over all rows, or of some of its nodes."""
    rows, nodes = model.rows or 1, model.graph.nodes
    some = nodes if some is None else some
    return sum(_operations(node, nodes) * (rows if node.per_row else 1) for node in some)


def _operations(node: Node, nodes: Sequence[Node]) -> int:
    if node.is_leaf or node.is_literal or node.primitive.product is None:
        return node.size
    a, b = (nodes[k] for k in node.arguments)
    return a.size * (b.shape[1] if len(b.shape) == 2 else 1) if node.operation == "matmul" else node.size


def _per_row(graph: Graph) -> list[Node]:
    return [n for n in graph.nodes if n.per_row]


def _split(nodes: Iterable[Node]) -> tuple[list[Node], list[Node], list[Node]]:
    """Shared nodes before the rows, the reductions over rows, and shared nodes after them."""
    before: list[Node] = []
    reductions: list[Node] = []
    after: list[Node] = []
    for node in nodes:
        if node.per_row:
            continue
        if not node.reduced:
            before.append(node)
        else:
            (reductions if node.adds_rows else after).append(node)
    return before, reductions, after


def _stages(graph: Graph) -> tuple[list[Node], list[Node], list[Node]]:
    return _split(graph.nodes)


def _has_borders(node: Node, nodes: Sequence[Node]) -> bool:
    """Whether something can be crossed: not by x^2, whose domain is everywhere."""
    record = node.primitive
    if record.kink is None and record.domain is None:
        return False
    arguments = (nodes[a] for a in node.arguments)
    return not record.borderless(*(a.value if a.is_literal and not a.is_pi else None for a in arguments))


def _margins(node: Node, values: Any, m: Any) -> list[Array]:
    """A node's margins, kink first."""
    record = node.primitive
    arguments = [values[a] for a in node.arguments]
    rules = [rule for rule in (record.kink, record.domain) if rule is not None]
    return [np.real(rule(m, *arguments, **node.options)) for rule in rules]


def _sides(node: Node, values: Any, m: Any) -> list[Array]:
    """The signs of a node's margins."""
    return [np.sign(margin) for margin in _margins(node, values, m)]
