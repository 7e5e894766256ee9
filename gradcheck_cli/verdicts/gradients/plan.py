"""Reads a Model and names. Gives how each is differenced: by entry, by node, or along random signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from gradcheck_cli.derivatives.finite_differences.drivers import affine_routes
from gradcheck_cli.derivatives.finite_differences.drivers.affine_routes import Route
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.evaluation.evaluate import operations
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits

__all__ = ["Plan", "Strategy", "plan", "work_of_sample"]


class Strategy(Enum):
    """How the entries of a name are checked."""

    EACH = "each"
    BY_NODE = "by node"
    SAMPLED = "sampled"


@dataclass(frozen=True)
class Plan:
    """The strategy for each name; `route` for those by node, `whole` those whose symbolic column is full;
    `pooled`: names with few entries that are tested jointly, along random signs."""

    strategies: Mapping[str, Strategy]
    route: Route
    whole: frozenset[str]
    pooled: frozenset[str] = frozenset()

    def names(self, strategy: Strategy) -> list[str]:
        """The names with one strategy."""
        return [name for name, found in self.strategies.items() if found is strategy]


def plan(
    model: Model,
    names: Sequence[str],
    scheme: Scheme,
    of: str,
    *,
    later: bool = False,
    limits: GradientsLimits = DEFAULTS,
) -> Plan:
    """Entry by entry as far as the work allows, smallest names first; then by node; then by samples.

    With the scheme `by-node` every name that can be is differenced by node. `later`: for the other points,
    where the methods have been compared once before.
    """
    work, weighed = operations(model), work_of_sample(model, limits)
    shared = {n: None for n in names if not model.node(n).per_row}  # in order
    halvings = limits.later_halvings if later else 0
    by_node = _ByNode(model, of, shared, limits.most_work_by_node >> halvings, limits)
    strategies: dict[str, Strategy] = {}
    spent = seen = 0
    whole, pooled = set(), set()
    for name in sorted(names, key=lambda n: model.node(n).size):
        size = model.node(name).size
        few = size <= limits.small_name
        spent += limits.samples_an_entry * (work if few else weighed) * size
        seen += work * size
        strategies[name] = Strategy.EACH
        if name in shared and spent > (limits.most_work_small if few else limits.most_work):
            strategies[name] = Strategy.SAMPLED
        large = strategies[name] is Strategy.SAMPLED and not few
        asked = scheme.name == "by-node" or (scheme.sees_sides and large)
        if asked and name in shared and by_node.affords(name):
            strategies[name] = Strategy.BY_NODE
        if strategies[name] is Strategy.SAMPLED and few:  # what is tested as a sum has no column to be shown
            pooled.add(name)
        elif strategies[name] is Strategy.EACH or seen <= limits.most_work_symbolic:
            whole.add(name)
    chosen = [name for name, way in strategies.items() if way is Strategy.BY_NODE]
    route = affine_routes.route(model, of, chosen)
    return Plan({name: strategies[name] for name in names}, route, frozenset(whole), frozenset(pooled))


def work_of_sample(model: Model, limits: GradientsLimits = DEFAULTS) -> int:
    """What one perturbed pass takes, in multiplications of a matrix product.

    Parameters
    ----------
    model : the graph
    limits : what an entry of a value counts for

    Returns
    -------
    int
    """
    rows, inner = model.rows or 1, [n for n in model.graph.nodes if not n.is_leaf]
    entries = sum(_count_entries(model, n) * (rows if n.per_row else 1) for n in inner)
    return operations(model) + limits.entry_work * entries


def _count_entries(model: Model, node: Node) -> int:
    """Entries that are made one by one, each row of an elimination anew."""
    eliminates = not node.is_literal and node.primitive.eliminates
    return operations(model, [node]) if eliminates else node.size


@dataclass
class _ByNode:
    """What differences by node cost, name by name; nodes that are differenced already cost nothing."""

    model: Model
    of: str
    shared: Iterable[str]
    most: int
    limits: GradientsLimits
    spent: int = 0
    paid: set[int] = field(default_factory=set)

    @cached_property
    def route(self) -> Route:
        """That of all parameters together, which shows whether one can be differenced by node at all."""
        leaves = [n for n in self.shared if self.model.node(n).is_leaf]
        return affine_routes.route(self.model, self.of, leaves)

    def affords(self, name: str) -> bool:
        """Whether a name can be differenced by node, beside those before it; then it is."""
        if not self.route.covers(name):
            return False
        model = self.model
        differenced = affine_routes.route(model, model.loss, [name]).differenced
        new = [n for n in differenced if n.index not in self.paid]
        cost = sum(self.limits.samples_a_node * node.size * _below(model, node) for node in new)
        if self.spent + cost > self.most:
            return False
        self.spent += cost
        self.paid.update(node.index for node in new)
        return True


def _below(model: Model, node: Node) -> int:
    """Operations of what is computed from a node."""
    reached = model.graph.downstream([node.index])
    return operations(model, [n for n in model.graph.nodes if reached[n.index]])
