"""Reads a Model. Gives the affine steps by which one difference serves all entries of a parameter.

Knows nothing of values and differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model

__all__ = ["Route", "affine_kind", "route"]

_TOTALS = ("sum", "mean")


@dataclass(frozen=True)
class Route:
    """How a step is reached from parameters: some nodes are differenced, the slope by the others follows."""

    model: Model
    of: Node
    affine: Mapping[int, tuple[tuple[Node, int], ...]]  # node: its users, and the place it takes there
    differenced: tuple[Node, ...]
    sums: tuple[Node, ...]  # over the rows, between differenced per-row nodes and the step

    @property
    def entries(self) -> int:
        """How many entries are moved."""
        return sum(node.size for node in self.differenced)

    def covers(self, name: str) -> bool:
        """Whether the derivative by a name follows from affine steps, not from differences by its entries."""
        node = self.model.node(name)
        return node.index in self.affine and node not in self.differenced


def route(model: Model, of: str, names: Iterable[str]) -> Route:
    """The nodes at which the functions that are affine in these parameters end.

    `of` is a step with one value for all rows, and so are the names.
    """
    return _Walk(model, of).route(model.node(name) for name in names)


class _Walk:
    def __init__(self, model: Model, of: str) -> None:
        self.model, self.graph, self.of = model, model.graph, model.node(of)
        self.needed = self.graph.upstream([self.of.index])
        self.users: dict[int, list[tuple[Node, int]]] = {}
        for node in self.graph.nodes:
            if self.needed[node.index]:
                for place, argument in enumerate(node.arguments):
                    self.users.setdefault(argument, []).append((node, place))

    def route(self, sources: Iterable[Node]) -> Route:
        """Follow every source to where the affine functions end."""
        affine: dict[int, tuple[tuple[Node, int], ...]] = {}
        differenced: dict[int, Node] = {}
        sums: dict[int, Node] = {}
        todo = [node for node in sources if self.needed[node.index]]
        while todo:
            node = todo.pop()
            if node.index in affine or node.index in differenced or node.index == self.of.index:
                continue
            if self._is_affine(node):
                affine[node.index] = tuple(self.users[node.index])
                todo += [user for user, _ in self.users[node.index]]
            else:
                differenced[node.index] = node
                if node.per_row:
                    found = self._sums_below(node)
                    sums.update({each.index: each for each in found})
                    todo += found
        places = sorted(differenced), sorted(sums)
        chosen = ([self.graph.nodes[k] for k in part] for part in places)
        return Route(self.model, self.of, affine, *(tuple(part) for part in chosen))

    def _is_affine(self, node: Node) -> bool:
        return all(self._is_affine_in(node, user, place) for user, place in self.users[node.index])

    def _is_affine_in(self, node: Node, user: Node, place: int) -> bool:
        record = user.primitive
        if record.arguments is not None and place not in record.affine:
            return False
        others = [a for k, a in enumerate(user.arguments) if k != place]
        if record.product is not None and node.is_leaf and node.index not in others:
            return True  # W @ h, W @ (a step that W has a part in): each use by itself
        return affine_kind(user) is not None and not self._is_used_by(node.index, others)

    def _is_used_by(self, source: int, others: Sequence[int]) -> bool:
        """Whether one of the others is computed from the source; what stands before it is not."""
        later = [a for a in others if a > source and self.graph.nodes[a].arguments]
        if source in others or not later:
            return source in others
        moved = self.graph.downstream([source])
        return any(moved[a] for a in later)

    def _sums_below(self, node: Node) -> list[Node]:
        moved = self.graph.downstream([node.index])
        return [n for n in self.graph.nodes if n.adds_rows and moved[n.index] and self.needed[n.index]]


def affine_kind(node: Node) -> str | None:
    """How the slope by an argument of an affine function is found: entry by entry, as a product, by moving
    entries, as a sum; None where it is not affine."""
    record = node.primitive
    if not record.affine:
        return None
    if record.elementwise:
        return "elementwise"
    if record.product is not None:
        return "product"
    if not record.rounds:
        return "moves"
    return "total" if record.name in _TOTALS or node.adds_rows else None
