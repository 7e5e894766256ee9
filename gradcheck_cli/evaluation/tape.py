"""Reads a Model. Gives the Tape of a forward pass in any namespace. Knows nothing of derivatives.

Arrays carry two leading axes, (perturbations, rows). Rows are taken in blocks, so memory stays
bounded: values shared by all rows come first, then each block of rows (sums over rows are added up,
compensated), then what is made from those sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gradcheck_cli.common.progress import Meter
from gradcheck_cli.evaluation.borders import has_borders, node_sides, piecewise_constant
from gradcheck_cli.evaluation.evaluate import Values, compute
from gradcheck_cli.evaluation.memory_plan import rows_of_block
from gradcheck_cli.model.graph import Graph, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.compensated_sum import Sum
from gradcheck_cli.numerics.float64 import FLOAT64, floats
from gradcheck_cli.numerics.limits.evaluation import EVALUATION, EvaluationLimits
from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["Failing", "Lookup", "Tape", "forward_pass", "split_rows"]


@dataclass(frozen=True)
class Failing:
    """The first node whose value is not finite, with the values of its arguments."""

    node: Node
    step: str
    arguments: tuple[float, ...]
    value: float
    row: int | None
    entry: tuple[int, ...] = ()  # of an array
    value_of: Callable[[int], Array] = lambda index: np.empty(0)  # of any node, in that row


@dataclass
class Tape:
    """All values of a forward pass. `shared` holds those that are the same for every row."""

    model: Model
    m: Namespace
    point: PointValues
    limits: EvaluationLimits = EVALUATION
    meter: Meter | None = None  # told of blocks of rows that are taken
    shared: Values = field(default_factory=dict)
    _blocks: dict[int, Values] = field(default_factory=dict)
    _last: tuple[int, Values] = field(default_factory=lambda: (-1, {}))
    _holds: bool = False

    # -- reading ------------------------------------------------------------------------------

    def value(self, name: str) -> Array:
        """The value of a step or input.

        Parameters
        ----------
        name : of the step or input

        Returns
        -------
        (*shape), or (N, *shape) where it has one value per row, in the numbers of the tape

        Raises
        ------
        KeyError
            If the model has no such name.
        """
        return self.of_node(self.model.node(name))

    def of_node(self, node: Node) -> Array:
        """The value of any node.

        Parameters
        ----------
        node : of the model's graph

        Returns
        -------
        (*shape), or (N, *shape) where it has one value per row, in the numbers of the tape
        """
        if not node.per_row:
            return self.shared[node.index][0, 0, ...]
        blocks = (self.block(k)[node.index] for k in range(self.block_count))
        sized = zip(blocks, self._sizes, strict=True)
        parts = [np.broadcast_to(b[0, ...], (n, *node.shape)) for b, n in sized]
        return np.concatenate(parts)

    def with_both_axes(self, node: Node) -> Array:
        """The value of any node with the two leading axes.

        Parameters
        ----------
        node : of the model's graph

        Returns
        -------
        (1, rows or 1, *shape) array, in the numbers of the tape
        """
        value = self.of_node(node)
        return value[None] if node.per_row else value[None, None]

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
        step = rows_of_block(self.model, self.limits)
        return [slice(a, min(rows, a + step)) for a in range(0, rows, step)]

    @property
    def _sizes(self) -> list[int]:
        return [s.stop - s.start for s in self._slices]

    def rows_of(self, block: int) -> slice:
        """Which rows a block holds."""
        return self._slices[block]

    def block(self, number: int) -> Values:
        """The per-row values of one block, (1, rows, *shape); computed again where not kept."""
        if self.meter is not None:
            self.meter.visit(self.block_count)
        if number == self._last[0]:  # sides of several nodes are asked for one after the other
            return self._last[1]
        found = self._blocks.get(number)
        if found is None:
            self._last = -1, {}  # memory is freed early so that the allocator can reuse it
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
        return self._entries <= (self.limits.cached_entries if cheap else self.limits.kept_entries)

    @property
    def _entries(self) -> int:
        return sum(n.size for n in self.model.graph.nodes if n.per_row) * (self.model.rows or 0)

    @contextmanager
    def keep_blocks(self) -> Iterator[None]:
        """Blocks are kept meanwhile as far as memory allows, for who comes back to them many times."""
        self._holds = self._entries <= self.limits.kept_entries
        try:
            yield
        finally:
            self._holds = False
            if not self._keeps:
                self._blocks.clear()

    def lookup(self, block: Values) -> Lookup:
        """Shared values and those of one block under one roof."""
        return Lookup(self.shared, block)

    # -- computing ----------------------------------------------------------------------------

    def _leaf(self, node: Node, rows: slice) -> Array:
        values = self.point[str(node.key)]
        return self.m.decimals(values[None, rows] if node.per_row else values[None, None])

    def _fill(self, into: Values, nodes: Iterable[Node], rows: slice) -> None:
        values = Lookup(self.shared, into)
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
        constant = piecewise_constant(nodes)
        return {n.index: n for n in inner if has_borders(n, nodes, constant)}

    @cached_property
    def _known_sides(self) -> dict[tuple[int, int], list[Array]]:
        return {}

    @cached_property
    def _keeps_sides(self) -> bool:
        sizes = (node.size for node in self.bordered.values() if node.per_row)
        return sum(sizes) * (self.model.rows or 0) <= self.limits.kept_entries

    def sides(self, block: int, node: Node) -> list[Array]:
        """The signs of a node's margins at the base point.

        Parameters
        ----------
        block : the number of a block of rows, or -1 for a node with one value for all rows
        node : of the model's graph

        Returns
        -------
        list of (1, rows or 1, *shape) arrays of signs, one for each margin
        """
        found = self._known_sides.get((block, node.index))
        if found is None:
            values = self.lookup(self.block(block) if block >= 0 else {})
            with np.errstate(all="ignore"):
                found = node_sides(node, values, self.m)
            if block < 0 or self._keeps_sides:
                self._known_sides[block, node.index] = found
        return found

    def _bordered_nodes(self, block: int) -> list[Node]:
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
            for node in self._bordered_nodes(block):
                if any((s == 0).any() for s in self.sides(block, node)):
                    hit.add(node.index)
        return sorted(hit)

    def same_sides(self, other: Tape) -> bool:
        """Whether another point lies on the same side of every kink and border."""
        return all(
            np.array_equal(a, b)
            for block in self._blocks_and_shared()
            for node in self._bordered_nodes(block)
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

    def _values(self, number: int) -> Lookup:
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
        def value_of(index: int) -> Array:
            given = floats(lookup[index][0])
            return np.asarray(given[min(at[0], len(given) - 1)], dtype=np.float64)

        return Failing(node, step, tuple(arguments), float(values[at]), row, at[1:], value_of)


@dataclass
class Lookup:
    """Two dictionaries read as one; nothing is copied."""

    shared: Values
    block: Values

    def __getitem__(self, index: int) -> Array:
        found = self.block.get(index)
        return self.shared[index] if found is None else found


def forward_pass(
    model: Model,
    m: Namespace = FLOAT64,
    point: Mapping[str, Array] | None = None,
    *,
    limits: EvaluationLimits = EVALUATION,
    meter: Meter | None = None,
) -> Tape:
    """The value of every node, in the order of the graph.

    Parameters
    ----------
    model : the graph and its inputs
    m : the namespace in whose numbers it is computed
    point : name to (*shape) array, (N, *shape) for data with rows; the model's own by default
    limits : how many rows are held at once
    meter : told of the blocks of rows that are taken

    Returns
    -------
    Tape
        Values may be non-finite.
    """
    return Tape(model, m, model.point() if point is None else PointValues.of(point), limits, meter).run()


def _per_row(graph: Graph) -> list[Node]:
    return [n for n in graph.nodes if n.per_row]


def split_rows(nodes: Iterable[Node]) -> tuple[list[Node], list[Node], list[Node]]:
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
    return split_rows(graph.nodes)
