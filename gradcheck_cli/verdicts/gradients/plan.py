"""Reads a Model and names. Gives how each is differenced: by entry, by node, or along random signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from gradcheck_cli.derivatives.finite_differences import affine_routes
from gradcheck_cli.derivatives.finite_differences.affine_routes import Route
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.evaluation.evaluate import operations
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model

__all__ = ["Plan", "Way", "plan"]

_BY_ENTRY = 38  # samples that the differences of one entry cost
_BY_NODE = 7  # and those of one entry of a node
_MOST_WORK = 1 << 33  # multiplications at one point, entry by entry: seconds
_SMALL, _MOST_SMALL = 32, 1 << 30  # the same for names of few entries, where an operation takes longer
_MOST_BY_NODE = 1 << 35  # and by node, where they are large matrix products
_LATER = 4  # halvings of that at the other points
_MOST_SYMBOLIC = 1 << 31  # of the tangents of all entries


class Way(Enum):
    """How the entries of a name are checked."""

    EACH = "each"
    BY_NODE = "by node"
    SAMPLED = "sampled"


@dataclass(frozen=True)
class Plan:
    """How each name is heard; `route` for those by node, `whole` those whose symbolic column is full;
    `crowd`: small names that are sampled together."""

    ways: Mapping[str, Way]
    route: Route
    whole: frozenset[str]
    crowd: frozenset[str] = frozenset()

    def names(self, way: Way) -> list[str]:
        """The names that are heard in one way."""
        return [name for name, found in self.ways.items() if found is way]


def plan(model: Model, names: Sequence[str], scheme: Scheme, of: str, *, later: bool = False) -> Plan:
    """Entry by entry as far as the work allows, smallest names first; then by node; then by samples.

    With the scheme `by-node` every name that can be is heard by node. `later`: for the other points,
    where the witnesses have been compared once before.
    """
    work = operations(model)
    shared = {n: None for n in names if not model.node(n).per_row}  # in order
    by_node = _ByNode(model, of, shared, _MOST_BY_NODE >> _LATER if later else _MOST_BY_NODE)
    ways: dict[str, Way] = {}
    spent = seen = 0
    whole, crowd = set(), set()
    for name in sorted(names, key=lambda n: model.node(n).size):
        size = model.node(name).size
        spent += _BY_ENTRY * work * size
        seen += work * size
        ways[name] = Way.EACH
        few = size <= _SMALL
        if name in shared and spent > (_MOST_SMALL if few else _MOST_WORK):
            ways[name] = Way.SAMPLED
        large = ways[name] is Way.SAMPLED and not few
        asked = scheme.name == "by-node" or (scheme.sees_sides and large)
        if asked and name in shared and by_node.affords(name):
            ways[name] = Way.BY_NODE
        if ways[name] is Way.SAMPLED and few:  # what is heard as a sum has no column to be shown
            crowd.add(name)
        elif ways[name] is Way.EACH or seen <= _MOST_SYMBOLIC:
            whole.add(name)
    chosen = [name for name, way in ways.items() if way is Way.BY_NODE]
    route = affine_routes.route(model, of, chosen)
    return Plan({name: ways[name] for name in names}, route, frozenset(whole), frozenset(crowd))


@dataclass
class _ByNode:
    """What differences by node cost, name by name; nodes that are differenced already cost nothing."""

    model: Model
    of: str
    shared: Iterable[str]
    most: int
    spent: int = 0
    paid: set[int] = field(default_factory=set)

    @cached_property
    def route(self) -> Route:
        """That of all parameters together, which shows whether one can be heard at all."""
        leaves = [n for n in self.shared if self.model.node(n).is_leaf]
        return affine_routes.route(self.model, self.of, leaves)

    def affords(self, name: str) -> bool:
        """Whether a name can be heard by node, beside those before it; then it is."""
        if not self.route.covers(name):
            return False
        model = self.model
        new = [n for n in affine_routes.route(model, model.loss, [name]).pinned if n.index not in self.paid]
        cost = sum(_BY_NODE * node.size * _below(model, node) for node in new)
        if self.spent + cost > self.most:
            return False
        self.spent += cost
        self.paid.update(node.index for node in new)
        return True


def _below(model: Model, node: Node) -> int:
    """Operations of what is computed from a node."""
    reached = model.graph.downstream([node.index])
    return operations(model, [n for n in model.graph.nodes if reached[n.index]])
